#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "scheduling/txpool/test_rig.h"

static void each_rule_refuses_with_its_code(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    assert_int_equal(offer(&r, make(&r, (spec_t){ .nonce = "1" })), BC_TXS_NONE);
    assert_int_equal(offer(&r, make(&r, (spec_t){ .nonce = "1" })), BC_TXS_ALREADY_IN_POOL);
    assert_int_equal(offer(&r, make(&r, (spec_t){ .nonce = "" })), BC_TXS_NONE); /* one as any other */
    assert_int_equal(offer(&r, make(&r, (spec_t){ .nonce = "", .limit = HEIGHT + 5 })),
                     BC_TXS_NONCE_CHECK_FAIL);
    assert_int_equal(offer(&r, make(&r, (spec_t){ .nonce = "2", .group = "g" })),
                     BC_TXS_INVALID_GROUP_ID);
    assert_int_equal(offer(&r, make(&r, (spec_t){ .nonce = "2", .chain = "c" })),
                     BC_TXS_INVALID_CHAIN_ID);
    assert_int_equal(offer(&r, make(&r, (spec_t){ .nonce = "1", .limit = HEIGHT + 5 })),
                     BC_TXS_NONCE_CHECK_FAIL);
    assert_int_equal(offer(&r, make(&r, (spec_t){ .nonce = "on-chain" })),
                     BC_TXS_NONCE_CHECK_FAIL);
    assert_int_equal(offer(&r, make(&r, (spec_t){ .nonce = "3", .limit = HEIGHT })),
                     BC_TXS_BLOCK_LIMIT_CHECK_FAIL);
    assert_int_equal(offer(&r, make(&r, (spec_t){ .nonce = "3", .limit = HEIGHT + W + 1 })),
                     BC_TXS_BLOCK_LIMIT_CHECK_FAIL);
    assert_int_equal(offer(&r, make(&r, (spec_t){ .nonce = "3", .limit = HEIGHT + 1 })), BC_TXS_NONE);
    assert_int_equal(offer(&r, make(&r, (spec_t){ .nonce = "4", .limit = HEIGHT + W })), BC_TXS_NONE);
    char value[516] = "0x";
    memset(value + 2, '0', 513);
    assert_int_equal(offer(&r, make(&r, (spec_t){ .nonce = "5", .version = 1, .value = value })),
                     BC_TXS_OVERFLOW_VALUE);
    value[514] = 0;
    assert_int_equal(offer(&r, make(&r, (spec_t){ .nonce = "5", .version = 1, .value = value })),
                     BC_TXS_NONE);
    rig_free(&r);
}

/* Group before chain, both before the signature, the signature before the nonce. */
static void the_first_rule_that_fails_wins(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    assert_int_equal(offer(&r, make(&r, (spec_t){ .nonce = "1", .group = "g", .chain = "c" })),
                     BC_TXS_INVALID_GROUP_ID);
    bc_tx_t *tx = make(&r, (spec_t){ .nonce = "on-chain" });
    submit(&r, tx, 5, false);
    recover(&r, false);
    bc_msg_t *m = take(&r, BC_MSG_SUBMIT_DONE);
    assert_int_equal(m->number, BC_TXS_INVALID_SIGNATURE);
    bc_msg_free(m);
    bc_tx_unref(tx);
    rig_free(&r);
}

static void a_full_pool_refuses(void **state)
{
    (void)state;
    rig_t r = rig_new(2);
    assert_int_equal(offer(&r, make(&r, (spec_t){ .nonce = "1" })), BC_TXS_NONE);
    assert_int_equal(offer(&r, make(&r, (spec_t){ .nonce = "2" })), BC_TXS_NONE);
    assert_int_equal(offer(&r, make(&r, (spec_t){ .nonce = "3" })), BC_TXS_POOL_FULL);
    bc_txpool_stats_t st;
    bc_txpool_stats(r.pool, &st);
    assert_int_equal(st.txs, 2);
    assert_int_equal(st.refused_full, 1);
    rig_free(&r);
}

/* The same transaction, its signature written in the other form. */
static bc_tx_t *twin_of(const bc_tx_t *tx)
{
    static const uint8_t order[32] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                       0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
                                       0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b,
                                       0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41 };
    uint8_t sig[65];
    memcpy(sig, tx->w.signature.p, sizeof sig);
    for (int i = 31, borrow = 0; i >= 0; i--) {
        int d = order[i] - sig[32 + i] - borrow;
        borrow = d < 0;
        sig[32 + i] = (uint8_t)(d + 256 * borrow);
    }
    sig[64] ^= 1;
    bc_tx_wire_t w = tx->w;
    bc_wr_t raw = { 0 };
    bc_tx_t *twin = NULL;
    w.signature = bc_bytes(sig, sizeof sig);
    w.extra_tx_hash = (bc_bytes_t){ 0 };
    bc_tars_encode(&bc_tx_wire_tars, &w, &raw);
    assert_int_equal(bc_tx_decode(BC_SUITE_STANDARD, bc_wr_view(&raw), &twin), BC_OK);
    assert_int_equal(bc_tx_recover(twin), BC_OK);
    bc_wr_free(&raw);
    return twin;
}

/* In its other form it is another hash (EIP-2). That of a type-0 transaction does not cover it. */
static void web3_signatures_have_one_form(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    bc_tx_t *tx = web3_tx(&r, 0), *twin = twin_of(tx);
    assert_int_equal(bc_tx_recover(tx), BC_OK);
    assert_memory_equal(twin->sender.b, tx->sender.b, 20); /* as good a signature */
    assert_memory_not_equal(twin->hash.b, tx->hash.b, 32);
    assert_int_equal(offer(&r, twin), BC_TXS_INVALID_SIGNATURE);
    assert_int_equal(offer(&r, tx), BC_TXS_NONE);
    for (int form = 0; form < 2; form++) {
        tx = make(&r, (spec_t){ .nonce = form ? "1" : "2" });
        twin = twin_of(tx);
        assert_memory_equal(twin->hash.b, tx->hash.b, 32);
        assert_int_equal(offer(&r, form ? tx : twin), BC_TXS_NONE);
        bc_tx_unref(form ? twin : tx);
    }
    rig_free(&r);
}

/* Takes what a proposal would get and checks its nonces. */
static void fetches(rig_t *r, const bc_h256_t *hashes, const uint64_t *nonces, size_t cnt)
{
    bc_metas_t *metas = fetch(r, 10);
    assert_int_equal(metas->cnt, cnt);
    for (size_t i = 0; i < cnt; i++)
        assert_memory_equal(metas->v[i].hash.b, hashes[nonces[i]].b, 32);
    bc_metas_unref(metas);
}

static bc_h256_t offer_web3(rig_t *r, uint64_t nonce)
{
    bc_tx_t *tx = web3_tx(r, nonce);
    bc_h256_t hash = tx->hash;
    assert_int_equal(offer(r, tx), BC_TXS_NONE);
    return hash;
}

static void web3_nonces_are_sealed_in_order_however_they_come(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    bc_h256_t h[8];
    h[2] = offer_web3(&r, 2);
    h[1] = offer_web3(&r, 1);
    fetches(&r, h, NULL, 0); /* the first one is missing */
    bc_msg_t *m = take(&r, BC_MSG_TIMER_SET);
    while (m && m->number != TIMER_TURN) {
        bc_msg_free(m);
        m = take(&r, BC_MSG_TIMER_SET);
    }
    assert_non_null(m);
    assert_int_equal(m->number2, TURN_WAIT_MS);
    bc_msg_free(m);
    h[0] = offer_web3(&r, 0);
    h[3] = offer_web3(&r, 3);
    h[5] = offer_web3(&r, 5);
    fetches(&r, h, (uint64_t[]){ 0, 1, 2, 3 }, 4);
    assert_int_equal(offer(&r, web3_tx(&r, 5)), BC_TXS_ALREADY_IN_POOL);
    h[4] = offer_web3(&r, 4);
    fetches(&r, h, (uint64_t[]){ 4, 5 }, 2); /* those before are sealed, not yet on the chain */
    rig_free(&r);
}

static void a_gap_of_nonces_waits_no_longer_than_it_may(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    bc_h256_t h[8];
    h[7] = offer_web3(&r, 7);
    r.now.mono_ms += TURN_WAIT_MS - 1;
    fetches(&r, h, NULL, 0);
    r.now.mono_ms += 1;
    drop_all(&r);
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_TXPOOL, BC_MSG_TIMER);
    m->number = TIMER_TURN;
    feed(&r, m);
    m = take(&r, BC_MSG_POOL_SIZE); /* or the sealer would not look again */
    assert_non_null(m);
    bc_msg_free(m);
    fetches(&r, h, (uint64_t[]){ 7 }, 1);
    rig_free(&r);
}

static void what_is_unsealed_does_not_overtake(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    bc_h256_t h[8];
    for (uint64_t i = 0; i < 3; i++)
        h[i] = offer_web3(&r, i);
    bc_metas_t *metas = fetch(&r, 10);
    assert_int_equal(metas->cnt, 3);
    bc_metas_t *back = bc_metas_new(3);
    for (size_t i = 0; i < 3; i++) /* the proposal is given up; its list may be in any order */
        back->v[i] = metas->v[2 - i];
    about(&r, BC_MSG_UNSEAL, back, -1, 0);
    fetches(&r, h, (uint64_t[]){ 0, 1, 2 }, 3);
    bc_metas_unref(metas);
    bc_metas_unref(back);
    rig_free(&r);
}

/* Whatever their number: few large ones would fill the memory, too. */
static void a_pool_that_is_full_of_bytes_refuses(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    pool_t *p = r.pool.self;
    bc_tx_t *a = make(&r, (spec_t){ .nonce = "1" }), *b = make(&r, (spec_t){ .nonce = "2" });
    p->c.limit_bytes = a->raw->n + b->raw->n - 1;
    assert_int_equal(offer(&r, bc_tx_ref(a)), BC_TXS_NONE);
    assert_int_equal(offer(&r, bc_tx_ref(b)), BC_TXS_POOL_FULL);
    bc_txpool_stats_t st;
    bc_txpool_stats(r.pool, &st);
    assert_int_equal(st.bytes, a->raw->n);
    commit(&r, a);
    bc_txpool_stats(r.pool, &st);
    assert_int_equal(st.bytes, 0);
    assert_int_equal(offer(&r, bc_tx_ref(b)), BC_TXS_NONE);
    bc_tx_unref(a);
    bc_tx_unref(b);
    rig_free(&r);
}

static void only_the_own_proposal_gives_transactions_back(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    offer(&r, make(&r, (spec_t){ .nonce = "1", .create = true }));
    bc_metas_t *metas = fetch(&r, 10);
    assert_int_equal(metas->cnt, 1);
    bc_metas_t *none = fetch(&r, 10);
    assert_int_equal(none->cnt, 0);
    bc_metas_unref(none);
    about(&r, BC_MSG_MARK_SEALED, metas, HEIGHT + 1, 1);
    about(&r, BC_MSG_MARK_SEALED, metas, HEIGHT + 1, 2); /* a newer proposal takes it */
    about(&r, BC_MSG_UNSEAL, metas, HEIGHT + 1, 1);      /* the stale one gives nothing back */
    none = fetch(&r, 10);
    assert_int_equal(none->cnt, 0);
    bc_metas_unref(none);
    about(&r, BC_MSG_UNSEAL, metas, HEIGHT + 1, 2);
    bc_metas_t *again = fetch(&r, 10);
    assert_int_equal(again->cnt, 1);
    bc_metas_unref(again);
    bc_metas_unref(metas);
    rig_free(&r);
}

/* The waiter is answered once whether its transaction was sealed here (consensus) or not (the
 * block came by sync); its nonce is refused from then on. */
static void a_commit_answers_the_waiter_once(void **state)
{
    (void)state;
    for (int sealed = 0; sealed < 2; sealed++) {
        rig_t r = rig_new(0);
        bc_tx_t *tx = make(&r, (spec_t){ .nonce = "1" });
        submit(&r, tx, 9, true);
        recover(&r, true);
        assert_null(take(&r, BC_MSG_SUBMIT_DONE));
        if (sealed)
            bc_metas_unref(fetch(&r, 10));
        commit(&r, tx);
        bc_msg_t *m = take(&r, BC_MSG_SUBMIT_DONE);
        assert_non_null(m);
        assert_int_equal(m->token, 9);
        assert_int_equal(m->number, 0);
        assert_non_null(m->committed);
        bc_msg_free(m);
        assert_null(take(&r, BC_MSG_SUBMIT_DONE));
        assert_int_equal(offer(&r, make(&r, (spec_t){ .nonce = "1" })), BC_TXS_NONCE_CHECK_FAIL);
        bc_txpool_stats_t st;
        bc_txpool_stats(r.pool, &st);
        assert_int_equal(st.txs, 0);
        bc_tx_unref(tx);
        rig_free(&r);
    }
}

/* What the pool said last about its size; -1: nothing since then. */
static int64_t told(rig_t *r, int64_t *unsealed)
{
    int64_t size = -1;
    for (bc_msg_t *m; (m = take(r, BC_MSG_POOL_SIZE)); bc_msg_free(m)) {
        size = m->number;
        *unsealed = m->number2;
    }
    return size;
}

/* One comes while one goes into a block: the size is the same, but consensus has subtracted the
 * block. It stopped for ever under steady load. */
static void the_size_is_told_after_each_block(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    int64_t unsealed = -1;
    bc_tx_t *tx = make(&r, (spec_t){ .nonce = "1" });
    offer(&r, bc_tx_ref(tx));
    assert_int_equal(told(&r, &unsealed), 1);
    assert_int_equal(unsealed, 1);
    bc_metas_t *metas = fetch(&r, 10);
    offer(&r, make(&r, (spec_t){ .nonce = "2" }));
    assert_int_equal(told(&r, &unsealed), -1); /* not at once */
    commit(&r, tx);
    assert_int_equal(told(&r, &unsealed), 1);
    assert_int_equal(unsealed, 1);
    /* sealed, given back: the sealer must hear of it though the size is the same */
    bc_metas_unref(metas);
    metas = fetch(&r, 10);
    assert_int_equal(metas->cnt, 1);
    about(&r, BC_MSG_MARK_SEALED, metas, HEIGHT + 2, 1);
    fire(&r, TIMER_SIZE);
    assert_int_equal(told(&r, &unsealed), 1);
    assert_int_equal(unsealed, 0);
    about(&r, BC_MSG_UNSEAL, metas, HEIGHT + 2, 1);
    assert_int_equal(told(&r, &unsealed), 1);
    assert_int_equal(unsealed, 1);
    bc_metas_unref(metas);
    bc_tx_unref(tx);
    rig_free(&r);
}

static void an_expired_transaction_answers_its_waiter(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    bc_tx_t *tx = make(&r, (spec_t){ .nonce = "1" });
    submit(&r, tx, 9, true);
    recover(&r, true);
    r.now.utc_ms += 600001;
    bc_msg_t *t = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_TXPOOL, BC_MSG_TIMER);
    t->number = 1;
    feed(&r, t);
    bc_msg_t *m = take(&r, BC_MSG_SUBMIT_DONE);
    assert_non_null(m);
    assert_int_equal(m->number, BC_TXS_POOL_TIMEOUT);
    assert_null(m->committed);
    bc_msg_free(m);
    bc_tx_unref(tx);
    rig_free(&r);
}

static void only_a_clients_accepted_transaction_is_gossiped(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    bc_tx_t *tx = make(&r, (spec_t){ .nonce = "1" }), *pushed = make(&r, (spec_t){ .nonce = "2" });
    submit(&r, tx, 1, false);
    assert_null(take(&r, BC_MSG_BROADCAST)); /* not before it is verified */
    recover(&r, true);
    bc_msg_t *m = take(&r, BC_MSG_BROADCAST);
    assert_non_null(m);
    assert_int_equal(m->module, BC_MODULE_SYNC_PUSH_TX);
    bc_msg_free(m);
    m = bc_msg_new(BC_ACTOR_FRONT, BC_ACTOR_TXPOOL, BC_MSG_DELIVER);
    m->module = BC_MODULE_SYNC_PUSH_TX;
    m->node = r.key.pub; /* a member of the group */
    m->data = bc_buf_ref(pushed->raw);
    feed(&r, m);
    recover(&r, true);
    assert_null(take(&r, BC_MSG_BROADCAST));
    bc_txpool_stats_t st;
    bc_txpool_stats(r.pool, &st);
    assert_int_equal(st.unsealed, 2);
    bc_tx_unref(tx);
    bc_tx_unref(pushed);
    rig_free(&r);
}

static void garbage_from_peers_changes_nothing(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    static const uint16_t modules[] = { BC_MODULE_SYNC_PUSH_TX, BC_MODULE_TXS_SYNC,
                                        BC_MODULE_CONS_TXS_SYNC, BC_MODULE_TREE_PUSH_TX };
    for (size_t i = 0; i < BC_ARRAY_LEN(modules); i++)
        for (uint8_t n = 0; n < 64; n++) {
            uint8_t junk[64];
            memset(junk, 0x22 + n, sizeof junk);
            bc_msg_t *m = bc_msg_new(BC_ACTOR_FRONT, BC_ACTOR_TXPOOL, BC_MSG_DELIVER);
            m->module = modules[i];
            m->node = r.key.pub;
            snprintf(m->uuid, sizeof m->uuid, "u");
            m->data = bc_buf_copy(bc_bytes(junk, n));
            feed(&r, m);
            drop_all(&r);
        }
    bc_txpool_stats_t st;
    bc_txpool_stats(r.pool, &st);
    assert_int_equal(st.txs, 0);
    rig_free(&r);
}

/* The table of the window against a plain list of who was last seen where. */
static void the_window_forgets_old_blocks(void **state)
{
    (void)state;
    enum { BLOCKS = 400, NAMES = 3000, WINDOW = 50 };
    static int64_t last[NAMES];
    static char text[NAMES][24];
    window_t w;
    window_init(&w, WINDOW);
    for (size_t i = 0; i < NAMES; i++) {
        last[i] = -1;
        snprintf(text[i], sizeof text[i], "%zu", i * 7919);
    }
    uint64_t rnd = 42;
    for (int64_t number = 0; number < BLOCKS; number++) {
        bc_bytes_t v[64];
        size_t cnt = (size_t)number % 64;
        for (size_t i = 0; i < cnt; i++) {
            rnd = rnd * 6364136223846793005u + 1442695040888963407u;
            size_t name = (rnd >> 33) % NAMES; /* some twice in the window, or in the block */
            v[i] = bc_cstr(text[name]);
            last[name] = number;
        }
        window_put(&w, number, v, cnt);
        for (size_t i = 0; i < NAMES; i++) {
            bool in = last[i] >= 0 && last[i] > number - WINDOW;
            assert_int_equal(window_has(&w, bc_cstr(text[i]), w.blocks), in);
        }
    }
    window_free(&w);

    window_init(&w, WINDOW); /* the first block is one */
    window_put(&w, 0, &(bc_bytes_t){ (const uint8_t *)"a", 1 }, 1);
    assert_true(window_has(&w, BC_STR("a"), 1));
    assert_false(window_has(&w, BC_STR("b"), 1));
    window_put(&w, 1, NULL, 0);
    assert_false(window_has(&w, BC_STR("a"), 1));
    assert_true(window_has(&w, BC_STR("a"), 2));
    window_free(&w);

    /* what is ever new does not make it grow: room for a window and the half of it */
    window_init(&w, WINDOW);
    for (int64_t number = 0; number < BLOCKS; number++) {
        bc_bytes_t v[60];
        for (size_t i = 0; i < BC_ARRAY_LEN(v); i++) {
            snprintf(text[i], sizeof text[i], "%ld-%zu", (long)number, i);
            v[i] = bc_cstr(text[i]);
        }
        window_put(&w, number, v, BC_ARRAY_LEN(v));
        assert_true(w.used < w.cap && w.cap <= 3 * (WINDOW + 1) * BC_ARRAY_LEN(v) / 2);
    }
    /* and it shrinks when little comes */
    for (int64_t number = BLOCKS; number < BLOCKS + 2 * WINDOW; number++)
        window_put(&w, number, NULL, 0);
    assert_int_equal(w.used, 0);
    assert_true(w.cap <= 64);
    window_free(&w);
}

int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule_refuses_with_its_code),
        cmocka_unit_test(the_first_rule_that_fails_wins),
        cmocka_unit_test(the_window_forgets_old_blocks),
        cmocka_unit_test(a_full_pool_refuses),
        cmocka_unit_test(a_pool_that_is_full_of_bytes_refuses),
        cmocka_unit_test(only_the_own_proposal_gives_transactions_back),
        cmocka_unit_test(a_commit_answers_the_waiter_once),
        cmocka_unit_test(the_size_is_told_after_each_block),
        cmocka_unit_test(an_expired_transaction_answers_its_waiter),
        cmocka_unit_test(only_a_clients_accepted_transaction_is_gossiped),
        cmocka_unit_test(garbage_from_peers_changes_nothing),
        cmocka_unit_test(web3_signatures_have_one_form),
        cmocka_unit_test(web3_nonces_are_sealed_in_order_however_they_come),
        cmocka_unit_test(a_gap_of_nonces_waits_no_longer_than_it_may),
        cmocka_unit_test(what_is_unsealed_does_not_overtake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
