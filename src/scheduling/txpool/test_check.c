/* The rules for Web3 transactions, what is remembered of their senders, and who holds a nonce. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "scheduling/txpool/test_rig.h"

/* What the host was told of the pending nonce last; -2: nothing since then. */
static int64_t pending(rig_t *r)
{
    int64_t nonce = -2;
    for (bc_msg_t *m; (m = take(r, BC_MSG_PENDING_NONCE)); bc_msg_free(m))
        nonce = m->number;
    return nonce;
}

static int64_t offer_nonce(rig_t *r, uint64_t nonce)
{
    return offer(r, web3_tx(r, nonce));
}

/* One of the rig's sender, in a block here. */
static void web3_commit(rig_t *r, uint64_t nonce, int64_t number)
{
    bc_tx_t *tx = web3_tx(r, nonce);
    assert_int_equal(bc_tx_recover(tx), BC_OK);
    commit_at(r, tx, number);
    bc_tx_unref(tx);
}

/* Fills the time of a transaction that waits in the pool. */
static void expire(rig_t *r, const bc_tx_t *tx)
{
    entry_t *e = pool_find(r->pool.self, &tx->hash);
    assert_non_null(e);
    e->import_ms = r->now.utc_ms - 600001;
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_TXPOOL, BC_MSG_TIMER);
    m->number = TIMER_EXPIRE;
    feed(r, m);
    assert_null(pool_find(r->pool.self, &tx->hash));
}

static void an_accounts_nonce_bounds_what_is_accepted(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    bc_tx_t *far = web3_tx(&r, WEB3_NONCE_GAP + 1);
    assert_int_equal(offer(&r, bc_tx_ref(far)), BC_TXS_NONE); /* nothing is known */
    assert_int_equal(check_ledger_only(r.pool.self, far), BC_TXS_NONE);
    nonce_learn(r.pool.self, far, 0); /* but that there is an account */
    assert_int_equal(check_ledger_only(r.pool.self, far), BC_TXS_NONCE_CHECK_FAIL);
    bc_tx_unref(far);
    rig_free(&r);
    r = rig_new(0);
    r.state_nonce = 5;
    assert_int_equal(offer_nonce(&r, 4), BC_TXS_NONCE_CHECK_FAIL);
    assert_int_equal(offer_nonce(&r, 5), BC_TXS_NONE);
    assert_int_equal(offer(&r, web3_paying(&r, 5)), BC_TXS_NONCE_CHECK_FAIL);
    assert_int_equal(offer_nonce(&r, 5 + WEB3_NONCE_GAP), BC_TXS_NONE);
    assert_int_equal(offer_nonce(&r, 6 + WEB3_NONCE_GAP), BC_TXS_NONCE_CHECK_FAIL);
    r.state_nonce = 9; /* blocks have come */
    assert_int_equal(offer_nonce(&r, 8), BC_TXS_NONCE_CHECK_FAIL);
    assert_int_equal(offer_nonce(&r, 9), BC_TXS_NONE);
    r.state_nonce = 7; /* a worker had read the state before */
    assert_int_equal(offer_nonce(&r, 8), BC_TXS_NONCE_CHECK_FAIL);
    web3_commit(&r, 12, HEIGHT + 1);
    web3_commit(&r, 10, HEIGHT + 2); /* does not lower it */
    assert_int_equal(offer_nonce(&r, 11), BC_TXS_NONCE_CHECK_FAIL);
    assert_int_equal(offer(&r, web3_paying(&r, 12)), BC_TXS_NONCE_CHECK_FAIL);
    assert_int_equal(offer_nonce(&r, 13), BC_TXS_NONE);
    bc_tx_t *tx = make(&r, (spec_t){ .nonce = "1" }); /* the same account, no Web3 */
    assert_int_equal(offer(&r, tx), BC_TXS_NONE);
    rig_free(&r);
}

static void the_rules_for_web3_transactions(void **state)
{
    (void)state;
    static const uint8_t input[WEB3_INPUT_MAX + 1];
    static char value[VALUE_TEXT_MAX + 2];
    static const struct {
        const char *nonce, *chain;
        size_t input, value;
        int32_t status, in_block; /* no length matters there */
    } cases[] = {
        { "0x10000000000000000", "20200", 0, 0, BC_TXS_NONCE_CHECK_FAIL, BC_TXS_NONCE_CHECK_FAIL },
        { "0x0", "20201", 0, 0, BC_TXS_INVALID_CHAIN_ID, BC_TXS_INVALID_CHAIN_ID },
        { "0x0", "00", 0, 0, BC_TXS_INVALID_CHAIN_ID, BC_TXS_INVALID_CHAIN_ID },
        { "0x0", "20201", sizeof input, 0, BC_TXS_MAX_INIT_CODE, BC_TXS_INVALID_CHAIN_ID },
        { "0x0", "20200", sizeof input, 0, BC_TXS_MAX_INIT_CODE, BC_TXS_NONE },
        { "0x0", "20200", sizeof input, VALUE_TEXT_MAX + 1, BC_TXS_OVERFLOW_VALUE, BC_TXS_NONE },
        { "0x0", "20200", sizeof input - 1, VALUE_TEXT_MAX, BC_TXS_NONE, BC_TXS_NONE },
        { "0x0", "0", 0, 0, BC_TXS_NONE, BC_TXS_NONE },
        { "0x0", "", 0, 0, BC_TXS_NONE, BC_TXS_NONE },
    };
    memset(value, '0', sizeof value - 1);
    for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++) {
        rig_t r = rig_new(0);
        bc_tx_t *tx = web3_tx(&r, 0);
        tx->w.data.nonce = bc_cstr(cases[i].nonce);
        tx->w.data.chain_id = bc_cstr(cases[i].chain);
        tx->w.data.input = bc_bytes(input, cases[i].input);
        tx->w.data.value = bc_bytes((const uint8_t *)value, cases[i].value);
        assert_int_equal(bc_tx_recover(tx), BC_OK);
        assert_int_equal(check_in_block(r.pool.self, tx, HEIGHT + 1), cases[i].in_block);
        assert_int_equal(check_ledger_only(r.pool.self, tx), cases[i].in_block);
        assert_int_equal(offer(&r, tx), cases[i].status);
        rig_free(&r);
    }
}

static void a_chain_may_do_without_block_limits(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    pool_t *p = r.pool.self;
    bc_tx_t *old = make(&r, (spec_t){ .nonce = "1", .limit = 1 });
    bc_tx_t *far = make(&r, (spec_t){ .nonce = "2", .limit = 1000000 });
    for (int check = 1; check >= 0; check--) {
        int32_t status = check ? BC_TXS_BLOCK_LIMIT_CHECK_FAIL : BC_TXS_NONE;
        p->c.check_block_limit = check;
        assert_int_equal(check_in_block(p, old, HEIGHT + 40), status);
        assert_int_equal(check_in_block(p, far, HEIGHT + 40), status);
        assert_int_equal(check_ledger_only(p, old), status);
        assert_int_equal(offer(&r, bc_tx_ref(old)), status);
        assert_int_equal(offer(&r, bc_tx_ref(far)), status);
    }
    bc_tx_unref(old);
    bc_tx_unref(far);
    rig_free(&r);
}

/* Where clients may look further ahead than rotation transactions, blocks may, too. */
static void a_longer_block_limit_counts_in_blocks(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    pool_t *p = r.pool.self;
    p->c.block_limit = 1000;
    assert_int_equal(bc_txpool_window(1000), 1000 + LATE_BLOCKS);
    bc_tx_t *last = make(&r, (spec_t){ .nonce = "1", .limit = HEIGHT + 1000 });
    bc_tx_t *over = make(&r, (spec_t){ .nonce = "2", .limit = HEIGHT + 1001 });
    assert_int_equal(check_in_block(p, last, HEIGHT), BC_TXS_NONE);
    assert_int_equal(check_in_block(p, over, HEIGHT), BC_TXS_BLOCK_LIMIT_CHECK_FAIL);
    assert_int_equal(check_in_block(p, over, HEIGHT + 1), BC_TXS_NONE);
    bc_tx_unref(last);
    bc_tx_unref(over);
    rig_free(&r);
}

/* A nonce that a client may use again is in no block for longer: a proposal's limit reaches
 * further. */
static void blocks_remember_nonces_for_longer(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    pool_t *p = r.pool.self;
    bc_tx_t *a = make(&r, (spec_t){ .nonce = "1" }), *x = make(&r, (spec_t){ .nonce = "x" });
    bc_tx_t *w = web3_tx(&r, 6), *again = web3_paying(&r, 6);
    assert_int_equal(bc_tx_recover(w), BC_OK);
    assert_int_equal(bc_tx_recover(again), BC_OK);
    commit_at(&r, a, HEIGHT + 1);
    commit_at(&r, w, HEIGHT + 1);
    static const int64_t later[] = { W - 1, W, 600 + LATE_BLOCKS - 1, 600 + LATE_BLOCKS };
    for (size_t i = 0; i < BC_ARRAY_LEN(later); i++) {
        int64_t top = HEIGHT + 1 + later[i];
        commit_at(&r, x, top);
        bc_tx_t *b = make(&r, (spec_t){ .nonce = "1", .limit = top + W });
        assert_int_equal(check_in_block(p, b, top + 1),
                         i < 3 ? BC_TXS_NONCE_CHECK_FAIL : BC_TXS_NONE);
        assert_int_equal(check_ledger_only(p, b), i < 1 ? BC_TXS_NONCE_CHECK_FAIL : BC_TXS_NONE);
        assert_int_equal(offer(&r, b), i < 1    ? BC_TXS_NONCE_CHECK_FAIL
                                       : i == 1 ? BC_TXS_NONE
                                                : BC_TXS_NONCE_CHECK_FAIL /* that one waits */);
        assert_int_equal(check_in_block(p, again, 0),
                         i < 3 ? BC_TXS_NONCE_CHECK_FAIL : BC_TXS_NONE);
    }
    bc_tx_unref(a);
    bc_tx_unref(x);
    bc_tx_unref(w);
    bc_tx_unref(again);
    rig_free(&r);
}

/* A gap may be filled until 100 blocks after the newest transaction of the sender. */
static void a_sender_is_seen_in_its_newest_block(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    bc_tx_t *gap = web3_tx(&r, 3);
    assert_int_equal(bc_tx_recover(gap), BC_OK);
    assert_int_equal(check_in_block(r.pool.self, gap, HEIGHT + 1),
                     BC_TXS_NONE); /* not known at all */
    web3_commit(&r, 6, HEIGHT + 1);
    web3_commit(&r, 5, HEIGHT + 60);
    assert_int_equal(check_in_block(r.pool.self, gap, HEIGHT + 60 + LATE_BLOCKS), BC_TXS_NONE);
    assert_int_equal(check_in_block(r.pool.self, gap, HEIGHT + 61 + LATE_BLOCKS),
                     BC_TXS_NONCE_CHECK_FAIL);
    bc_tx_unref(gap);
    rig_free(&r);
    r = rig_new(0);
    assert_int_equal(offer_nonce(&r, 4), BC_TXS_NONE); /* only the pool knows the sender */
    gap = web3_tx(&r, 3);
    assert_int_equal(bc_tx_recover(gap), BC_OK);
    assert_int_equal(check_in_block(r.pool.self, gap, HEIGHT + 1), BC_TXS_NONE);
    assert_int_equal(check_ledger_only(r.pool.self, gap), BC_TXS_NONE);
    r.state_nonce =
        9; /* from the state alone: in no block that went by here, also of a young chain */
    assert_int_equal(offer_nonce(&r, 9), BC_TXS_NONE);
    assert_int_equal(check_in_block(r.pool.self, gap, 1), BC_TXS_NONCE_CHECK_FAIL);
    bc_tx_unref(gap);
    rig_free(&r);
}

/* ---- what the host is told for eth_getTransactionCount ---- */

static void the_pending_nonce_follows_the_pool(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    r.state_nonce = 3;
    bc_tx_t *t[8];
    for (uint64_t i = 3; i < 8; i++)
        t[i] = web3_tx(&r, i);
    assert_int_equal(offer(&r, bc_tx_ref(t[4])), BC_TXS_NONE);
    assert_int_equal(pending(&r), 5);
    assert_int_equal(offer(&r, bc_tx_ref(t[3])), BC_TXS_NONE);
    assert_int_equal(pending(&r), -2); /* it is no higher */
    assert_int_equal(offer(&r, bc_tx_ref(t[5])), BC_TXS_NONE);
    assert_int_equal(pending(&r), 6);
    expire(&r, t[3]);
    assert_int_equal(pending(&r), -2);
    expire(&r, t[5]);
    assert_int_equal(pending(&r), 5);
    expire(&r, t[4]);
    assert_int_equal(pending(&r), 4);
    assert_int_equal(offer(&r, bc_tx_ref(t[3])), BC_TXS_NONE);
    assert_int_equal(pending(&r), -2);
    expire(&r, t[3]);
    assert_int_equal(pending(&r), 3); /* as the chain says */
    assert_int_equal(offer(&r, bc_tx_ref(t[5])), BC_TXS_NONE);
    assert_int_equal(pending(&r), 6);
    web3_commit(&r, 3, HEIGHT + 1);
    assert_int_equal(pending(&r), 6);
    web3_commit(&r, 6, HEIGHT + 2); /* the one that waits is none for it any more */
    assert_int_equal(pending(&r), 7);
    expire(&r, t[5]);
    assert_int_equal(pending(&r), -2);
    for (uint64_t i = 3; i < 8; i++)
        bc_tx_unref(t[i]);
    rig_free(&r);
}

/* Nothing is known of the account but what waits. */
static void the_pending_nonce_of_an_unknown_account(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    bc_tx_t *tx = web3_tx(&r, 4);
    assert_int_equal(offer(&r, bc_tx_ref(tx)), BC_TXS_NONE);
    assert_int_equal(pending(&r), 5);
    expire(&r, tx);
    assert_int_equal(pending(&r), -1);
    bc_tx_unref(tx);
    rig_free(&r);
}

static void learn(rig_t *r, uint32_t account, uint64_t nonce)
{
    bc_tx_t tx = { .w.type = 1 };
    memcpy(tx.sender.b, &account, sizeof account);
    nonce_learn(r->pool.self, &tx, nonce);
}

/* No block can have it: nothing is said of its account. */
static void a_nonce_that_cannot_be_read_is_none(void **state)
{
    (void)state;
    static const bc_h256_t hash;
    rig_t r = rig_new(0);
    bc_tx_t *tx = web3_tx(&r, 4);
    tx->w.data.nonce = BC_STR("0x10000000000000000");
    assert_int_equal(bc_tx_recover(tx), BC_OK);
    pool_t *p = r.pool.self;
    p->out = &r.out;
    p->now = &r.now;
    assert_non_null(pool_enforce(p, tx, HEIGHT + 1, &hash));
    assert_false(pool_find(p, &tx->hash)->has_nonce);
    assert_int_equal(p->web3_nonces.cnt, 0);
    commit(&r, tx);
    assert_int_equal(pending(&r), -2);
    assert_int_equal(p->senders.cnt, 0);
    bc_tx_unref(tx);
    rig_free(&r);
}

/* Many accounts: the one that was not heard of for longest is forgotten, and the host is told. */
static void accounts_are_forgotten_in_their_order(void **state)
{
    (void)state;
    enum { MAX = 100000 };
    rig_t r = rig_new(0);
    pool_t *p = r.pool.self;
    p->out = &r.out;
    p->now = &r.now;
    learn(&r, 0, UINT64_MAX); /* nothing is said of it */
    nonce_learn(p, &(bc_tx_t){ .w.type = 0 }, 7);
    assert_int_equal(p->senders.cnt, 0);
    bc_tx_t *tx = web3_tx(&r, 1); /* of the first that goes */
    assert_int_equal(offer(&r, bc_tx_ref(tx)), BC_TXS_NONE);
    for (uint32_t i = 0; i < MAX; i++)
        learn(&r, i, 7);
    assert_int_equal(p->senders.cnt, MAX);
    assert_int_equal(pending(&r), -1);
    bc_metas_t *none = fetch(&r, 10); /* its turn does not come by that */
    assert_int_equal(none->cnt, 0);
    bc_metas_unref(none);
    expire(&r, tx);
    bc_tx_unref(tx);
    learn(&r, 0, 7);
    learn(&r, 3, 7);
    learn(&r, MAX - 1, 7);
    learn(&r, MAX - 1, 7);
    assert_int_equal(pending(&r), -2);
    static const uint32_t gone[] = { 1, 2, 4, 5 };
    for (uint32_t i = 0; i < BC_ARRAY_LEN(gone); i++) {
        bc_addr_t addr = { { 0 } };
        memcpy(addr.b, &gone[i], sizeof gone[i]);
        assert_non_null(bc_map_find(&p->senders, BC_VIEW(addr)));
        learn(&r, MAX + i, 7);
        assert_int_equal(p->senders.cnt, MAX);
        assert_null(bc_map_find(&p->senders, BC_VIEW(addr)));
        bc_msg_t *m = take(&r, BC_MSG_PENDING_NONCE);
        assert_non_null(m);
        assert_int_equal(m->number, -1);
        assert_memory_equal(m->node.b, addr.b, sizeof addr.b);
        bc_msg_free(m);
    }
    size_t ahead = 0, back = 0;
    for (const sender_t *s = p->lru_head; s && ahead <= MAX; s = s->next)
        ahead++;
    for (const sender_t *s = p->lru_tail; s && back <= MAX; s = s->prev)
        back++;
    assert_int_equal(ahead, MAX);
    assert_int_equal(back, MAX);
    rig_free(&r);
}

/* ---- several of one nonce ---- */

enum { RIVALS = 3 };

/* Three of one nonce that the pool holds unsealed: the first was offered, proposals brought the
 * others and were given up. */
static void rivals_new(rig_t *r, bc_tx_t *v[RIVALS], bool web3)
{
    for (int i = 0; i < RIVALS; i++) {
        bc_web3_tx_t t = web3_call(0);
        t.value.w[0] = (uint64_t)i;
        v[i] = web3 ? web3_make(r, &t) : make(r, (spec_t){ .nonce = "1", .limit = HEIGHT + 1 + i });
        assert_int_equal(bc_tx_recover(v[i]), BC_OK);
        bc_h256_t hash = { { 7 } };
        if (i == 0)
            assert_int_equal(offer(r, bc_tx_ref(v[i])), BC_TXS_NONE);
        else
            assert_non_null(pool_enforce(r->pool.self, v[i], HEIGHT + 1, &hash));
    }
    feed(r, bc_msg_new(BC_ACTOR_PBFT, BC_ACTOR_TXPOOL, BC_MSG_UNSEAL_ALL));
}

static void rivals_free(bc_tx_t *v[RIVALS])
{
    for (int i = 0; i < RIVALS; i++)
        bc_tx_unref(v[i]);
}

/* However they go, the nonce is free when none is left, and not before. */
static void a_nonce_is_taken_until_the_last_one_goes(void **state)
{
    (void)state;
    static const int orders[][RIVALS] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
                                          { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
    for (int web3 = 0; web3 < 2; web3++) {
        for (size_t k = 0; k < BC_ARRAY_LEN(orders); k++) {
            rig_t r = rig_new(0);
            bc_tx_t *v[RIVALS];
            rivals_new(&r, v, web3);
            bc_web3_tx_t t = web3_call(0);
            t.value.w[0] = 9;
            bc_tx_t *other = web3 ? web3_make(&r, &t) : make(&r, (spec_t){ .nonce = "1" });
            for (int i = 0; i < RIVALS; i++) {
                assert_true(nonce_outlives(r.pool.self, other));
                assert_int_equal(offer(&r, bc_tx_ref(other)), BC_TXS_NONCE_CHECK_FAIL);
                expire(&r, v[orders[k][i]]);
            }
            assert_false(nonce_outlives(r.pool.self, other));
            assert_int_equal(offer(&r, other), BC_TXS_NONE);
            rivals_free(v);
            rig_free(&r);
        }
    }
}

/* A proposal names this one. */
static bc_metas_t *marked(rig_t *r, const bc_tx_t *tx)
{
    bc_metas_t *one = bc_metas_new(1);
    one->v[0].hash = tx->hash;
    about(r, BC_MSG_MARK_SEALED, one, HEIGHT + 1, 7);
    return one;
}

/* Whichever is sealed, by whom, and however often it is marked: the others wait, and when it is
 * given back one of them goes. */
static void one_of_a_nonce_is_sealed_at_a_time(void **state)
{
    (void)state;
    for (int web3 = 0; web3 < 2; web3++) {
        for (int which = 0; which < RIVALS; which++) {
            for (int end = 0; end < 2; end++) {
                rig_t r = rig_new(0);
                bc_tx_t *v[RIVALS];
                rivals_new(&r, v, web3);
                bc_metas_t *one = marked(&r, v[which]);
                about(&r, BC_MSG_MARK_SEALED, one, HEIGHT + 1, 8);
                for (int i = 0; i < RIVALS; i++) {
                    bool sealed = nonce_is_sealed(r.pool.self, pool_find(r.pool.self, &v[i]->hash));
                    if (i != which)
                        assert_true(sealed);
                }
                bc_metas_t *got = fetch(&r, 10);
                assert_int_equal(got->cnt, 0);
                bc_metas_unref(got);
                about(&r, BC_MSG_UNSEAL, one, HEIGHT + 1, 8);
                if (end)
                    expire(&r, v[which]);
                for (int times = 0; times < 2; times++) {
                    got = fetch(&r, 10);
                    assert_int_equal(got->cnt, 1);
                    bc_metas_t *none = fetch(&r, 10);
                    assert_int_equal(none->cnt, 0);
                    bc_metas_unref(none);
                    about(&r, BC_MSG_UNSEAL, got, -1, 0);
                    bc_metas_unref(got);
                }
                bc_metas_unref(one);
                rivals_free(v);
                rig_free(&r);
            }
        }
    }
}

/* A sealed one that leaves the pool takes its mark with it. */
static void a_sealed_one_that_goes_frees_the_others(void **state)
{
    (void)state;
    for (int web3 = 0; web3 < 2; web3++) {
        for (int which = 0; which < RIVALS; which++) {
            rig_t r = rig_new(0);
            bc_tx_t *v[RIVALS];
            rivals_new(&r, v, web3);
            bc_metas_t *one = marked(&r, v[which]);
            pool_drop(r.pool.self, pool_find(r.pool.self, &v[which]->hash), BC_TXS_NONE);
            bc_metas_t *got = fetch(&r, 10);
            assert_int_equal(got->cnt, 1);
            bc_metas_unref(got);
            bc_metas_unref(one);
            rivals_free(v);
            rig_free(&r);
        }
    }
}

/* A predecessor of which several wait is there when any of them is sealed. */
static void a_turn_comes_after_any_of_the_predecessors(void **state)
{
    (void)state;
    for (int which = 0; which < RIVALS; which++) {
        rig_t r = rig_new(0);
        bc_tx_t *v[RIVALS];
        rivals_new(&r, v, true);
        bc_tx_t *next = web3_tx(&r, 1), *far = web3_tx(&r, 3);
        assert_int_equal(offer(&r, bc_tx_ref(next)), BC_TXS_NONE);
        assert_int_equal(offer(&r, bc_tx_ref(far)), BC_TXS_NONE);
        entry_t *e = pool_find(r.pool.self, &next->hash), *f = pool_find(r.pool.self, &far->hash);
        assert_false(nonce_in_turn(r.pool.self, e));
        bc_metas_t *one = marked(&r, v[which]);
        assert_true(nonce_in_turn(r.pool.self, e));
        assert_false(nonce_in_turn(r.pool.self, f));
        bc_metas_t *got = fetch(&r, 10);
        assert_int_equal(got->cnt, 1);
        assert_memory_equal(got->v[0].hash.b, next->hash.b, 32);
        assert_null(nonce_successor(r.pool.self, e));
        r.state_nonce = 3;
        assert_int_equal(offer(&r, web3_tx(&r, 4)), BC_TXS_NONE);
        assert_true(nonce_in_turn(r.pool.self, f)); /* by the chain */
        bc_metas_unref(got);
        bc_metas_unref(one);
        bc_tx_unref(next);
        bc_tx_unref(far);
        rivals_free(v);
        rig_free(&r);
    }
}

/* Of the next nonce's the one that is not sealed is the successor. */
static void what_is_sealed_is_no_successor(void **state)
{
    (void)state;
    for (int which = 0; which < RIVALS + 1; which++) {
        rig_t r = rig_new(0);
        bc_tx_t *v[RIVALS], *before;
        rivals_new(&r, v, true);
        pool_t *p = r.pool.self;
        entry_t key = { .has_nonce = true, .tx = v[0] }; /* as if of the nonce before */
        memcpy(key.nonce_key, pool_find(p, &v[0]->hash)->nonce_key, 20);
        memset(key.nonce_key + 20, 0xff, 8);
        for (int i = 0; i < RIVALS; i++) {
            if (i == which)
                continue;
            bc_metas_t *one = bc_metas_new(1);
            one->v[0].hash = v[i]->hash;
            about(&r, BC_MSG_MARK_SEALED, one, HEIGHT + 1, 7);
            bc_metas_unref(one);
        }
        before = which < RIVALS ? v[which] : NULL;
        assert_ptr_equal(nonce_successor(p, &key), before ? pool_find(p, &before->hash) : NULL);
        key.has_nonce = false;
        assert_null(nonce_successor(p, &key));
        rivals_free(v);
        rig_free(&r);
    }
}

/* The text of an account's nonce in a block excludes one of type 0 with that text. */
static void a_text_on_the_chain_is_taken_back_too(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    bc_tx_t *tx = make(&r, (spec_t){ .nonce = "0x6" }), *rival = web3_paying(&r, 9);
    assert_int_equal(offer(&r, bc_tx_ref(tx)), BC_TXS_NONE);
    r.state_nonce = 9;
    assert_int_equal(offer(&r, bc_tx_ref(rival)), BC_TXS_NONE);
    bc_metas_unref(fetch(&r, 10));
    web3_commit(&r, 8, HEIGHT + 1);
    assert_null(take(&r, BC_MSG_WITHDRAW));
    web3_commit(&r, 6, HEIGHT + 2);
    bc_msg_t *m = take(&r, BC_MSG_WITHDRAW);
    assert_non_null(m);
    assert_int_equal(m->metas->cnt, 1);
    assert_memory_equal(m->metas->v[0].hash.b, tx->hash.b, 32);
    bc_msg_free(m);
    web3_commit(&r, 9, HEIGHT + 3);
    m = take(&r, BC_MSG_WITHDRAW);
    assert_non_null(m);
    assert_memory_equal(m->metas->v[0].hash.b, rival->hash.b, 32);
    bc_msg_free(m);
    bc_tx_unref(tx);
    bc_tx_unref(rival);
    rig_free(&r);
}

/* What another proposal holds is its own matter. */
static void only_the_own_sealers_are_taken_back(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    bc_tx_t *v[RIVALS];
    rivals_new(&r, v, false);
    bc_metas_t *one = bc_metas_new(1);
    one->v[0].hash = v[1]->hash;
    about(&r, BC_MSG_MARK_SEALED, one, HEIGHT + 2, 7);
    bc_tx_t *used = make(&r, (spec_t){ .nonce = "1", .limit = HEIGHT + 9 });
    drop_all(&r);
    commit(&r, used);
    assert_null(take(&r, BC_MSG_WITHDRAW));
    assert_non_null(pool_find(r.pool.self, &v[1]->hash));
    about(&r, BC_MSG_UNSEAL, one, HEIGHT + 2, 7);
    bc_metas_t *got = fetch(&r, 10); /* all three are found impossible now */
    assert_int_equal(got->cnt, 0);
    bc_txpool_stats_t st;
    bc_txpool_stats(r.pool, &st);
    assert_int_equal(st.txs, 0);
    assert_int_equal(st.bytes, 0);
    bc_metas_unref(got);
    bc_metas_unref(one);
    bc_tx_unref(used);
    rivals_free(v);
    rig_free(&r);
}

int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_accounts_nonce_bounds_what_is_accepted),
        cmocka_unit_test(the_rules_for_web3_transactions),
        cmocka_unit_test(a_chain_may_do_without_block_limits),
        cmocka_unit_test(a_longer_block_limit_counts_in_blocks),
        cmocka_unit_test(blocks_remember_nonces_for_longer),
        cmocka_unit_test(a_sender_is_seen_in_its_newest_block),
        cmocka_unit_test(the_pending_nonce_follows_the_pool),
        cmocka_unit_test(the_pending_nonce_of_an_unknown_account),
        cmocka_unit_test(a_nonce_that_cannot_be_read_is_none),
        cmocka_unit_test(accounts_are_forgotten_in_their_order),
        cmocka_unit_test(a_nonce_is_taken_until_the_last_one_goes),
        cmocka_unit_test(one_of_a_nonce_is_sealed_at_a_time),
        cmocka_unit_test(a_sealed_one_that_goes_frees_the_others),
        cmocka_unit_test(a_turn_comes_after_any_of_the_predecessors),
        cmocka_unit_test(what_is_sealed_is_no_successor),
        cmocka_unit_test(a_text_on_the_chain_is_taken_back_too),
        cmocka_unit_test(only_the_own_sealers_are_taken_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
