/* Proposals of several transactions: which of them are asked of whom, and what may go wrong. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "scheduling/txpool/test_rig.h"
#include "txs_sync.pb-c.h"

enum { CNT = 5 };

typedef struct {
    bc_tx_t *v[CNT];
} txs_t;

static txs_t txs_new(rig_t *r)
{
    static const char *const nonces[CNT] = { "0", "1", "2", "3", "4" };
    txs_t t;
    for (size_t i = 0; i < CNT; i++)
        t.v[i] = make(r, (spec_t){ .nonce = nonces[i] });
    return t;
}

static void txs_free(txs_t *t)
{
    for (size_t i = 0; i < CNT; i++)
        bc_tx_unref(t->v[i]);
}

/* A proposal of the transactions of mask; node 0: nobody has sent it. */
static bc_msg_t *proposal(const txs_t *t, unsigned mask, uint64_t token, uint8_t node)
{
    bc_msg_t *m = bc_msg_new(BC_ACTOR_PBFT, BC_ACTOR_TXPOOL, BC_MSG_VERIFY_PROPOSAL);
    m->number = HEIGHT + 1;
    m->token = token;
    memset(m->hash.b, (int)token, sizeof m->hash.b);
    memset(m->node.b, node, 64);
    m->metas = bc_metas_new(CNT);
    m->metas->cnt = 0;
    for (size_t i = 0; i < CNT; i++)
        if (mask >> i & 1)
            m->metas->v[m->metas->cnt++].hash = t->v[i]->hash;
    return m;
}

static unsigned mask_of(const txs_t *t, const uint8_t *hash)
{
    for (unsigned i = 0; i < CNT; i++)
        if (!memcmp(t->v[i]->hash.b, hash, 32))
            return 1u << i;
    fail();
    return 0;
}

/* The question to the ledger that is open, answered with those of mask; returns what it was for. */
static unsigned load(rig_t *r, const txs_t *t, unsigned mask)
{
    bc_msg_t *ask = take(r, BC_MSG_LOAD_TXS);
    assert_non_null(ask);
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_TXPOOL, BC_MSG_LOADED_TXS);
    unsigned asked = 0;
    m->token = ask->token;
    m->txs = bc_txs_new(ask->metas->cnt);
    for (size_t i = 0; i < ask->metas->cnt; i++) {
        unsigned one = mask_of(t, ask->metas->v[i].hash.b);
        assert_true(one > asked); /* each once, in their order */
        asked |= one;
        for (size_t k = 0; k < CNT; k++)
            if (one & mask & 1u << k) {
                m->txs->v[i] = bc_tx_ref(t->v[k]);
                assert_int_equal(bc_tx_recover(t->v[k]), BC_OK);
            }
    }
    bc_msg_free(ask);
    feed(r, m);
    return asked;
}

/* The question to the generator that is open: its token, and what it is for. */
static unsigned asked(rig_t *r, const txs_t *t, uint64_t *token)
{
    bc_msg_t *ask = take(r, BC_MSG_REQUEST);
    if (!ask)
        return 0;
    unsigned mask = 0;
    BcPb__TxsSyncMessage *m = bc_pb__txs_sync_message__unpack(NULL, ask->data->n, ask->data->p);
    assert_non_null(m);
    assert_int_equal(m->type, 2);
    assert_int_equal(ask->number2, FETCH_TIMEOUT_MS);
    assert_int_equal(ask->node.b[0], 9);
    for (size_t i = 0; i < m->n_txshash; i++) {
        unsigned one = mask_of(t, m->txshash[i].data);
        assert_true(one > mask);
        mask |= one;
    }
    *token = ask->token;
    bc_pb__txs_sync_message__free_unpacked(m, NULL);
    bc_msg_free(ask);
    return mask;
}

static void given(rig_t *r, const txs_t *t, unsigned mask, uint64_t token, bool backwards)
{
    bc_txs_t *txs = bc_txs_new(CNT);
    for (size_t i = 0; i < CNT; i++)
        if (mask >> i & 1)
            txs->v[backwards ? CNT - 1 - i : i] = bc_tx_ref(t->v[i]);
    bc_msg_t *m = bc_msg_new(BC_ACTOR_FRONT, BC_ACTOR_TXPOOL, BC_MSG_RESPONSE);
    m->token = token;
    m->data = sync_encode_response(txs);
    bc_txs_unref(txs);
    feed(r, m);
}

/* The verdict about proposal token; -1: there is none yet. */
static int64_t verdict(rig_t *r, uint64_t token)
{
    bc_msg_t *m = take(r, BC_MSG_PROPOSAL_VERIFIED);
    if (!m)
        return -1;
    int64_t code = m->number2;
    assert_int_equal(m->token, token);
    assert_int_equal(m->number, HEIGHT + 1);
    assert_int_equal(m->hash.b[0], token);
    assert_int_equal(m->err, !code          ? BC_OK
                             : code == 1000 ? BC_E_TIMEOUT
                             : code == 2000 ? BC_E_NOT_FOUND
                                            : BC_E_MISMATCH);
    assert_false(m->flag);
    assert_true(!m->txs == (code != 0));
    bc_msg_free(m);
    return code;
}

static unsigned prestored(rig_t *r, const txs_t *t)
{
    unsigned mask = 0;
    bc_msg_t *m = take(r, BC_MSG_PRESTORE);
    for (size_t i = 0; m && i < m->txs->cnt; i++)
        mask |= mask_of(t, m->txs->v[i]->hash.b);
    if (m) {
        assert_int_equal(m->number, HEIGHT + 1);
        bc_msg_free(m);
    }
    return mask;
}

/* One waits in the pool, one is being verified, one is in the ledger, the others come from the
 * generator. */
static void each_gives_what_it_has(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    txs_t t = txs_new(&r);
    uint64_t token = 0;
    assert_int_equal(offer(&r, bc_tx_ref(t.v[3])), BC_TXS_NONE);
    submit(&r, t.v[1], 5, true);
    feed(&r, proposal(&t, 31, 3, 9));
    assert_null(take(&r, BC_MSG_LOAD_TXS));
    recover(&r, true);
    assert_int_equal(load(&r, &t, 4), 21);
    assert_int_equal(asked(&r, &t, &token), 17);
    given(&r, &t, 17, token, false);
    assert_int_equal(verdict(&r, 3), -1);
    recover(&r, true);
    bc_msg_t *m = take(&r, BC_MSG_PROPOSAL_VERIFIED);
    assert_true(m && !m->number2);
    assert_int_equal(m->txs->cnt, CNT);
    for (size_t i = 0; i < CNT; i++)
        assert_memory_equal(m->txs->v[i]->hash.b, t.v[i]->hash.b, 32);
    bc_msg_free(m);
    assert_int_equal(prestored(&r, &t), 27); /* not what the ledger has */
    feed(&r, proposal(&t, 31, 4, 9));
    assert_int_equal(verdict(&r, 4), 0);
    assert_int_equal(prestored(&r, &t), 0); /* once */
    txs_free(&t);
    rig_free(&r);
}

/* What was found and leaves the pool meanwhile (a block had it, its time ended) is not looked for
 * again, and is written, for nobody knows any more whether it was. */
static void what_was_found_may_leave(void **state)
{
    (void)state;
    for (int by_peer = 0; by_peer < 2; by_peer++) {
        rig_t r = rig_new(0);
        txs_t t = txs_new(&r);
        uint64_t token = 0;
        assert_int_equal(offer(&r, bc_tx_ref(t.v[0])), BC_TXS_NONE);
        feed(&r, proposal(&t, 3, 3, 9));
        pool_drop(r.pool.self, pool_find(r.pool.self, &t.v[0]->hash), BC_TXS_POOL_TIMEOUT);
        assert_int_equal(load(&r, &t, by_peer ? 0 : 2), 2);
        assert_int_equal(asked(&r, &t, &token), by_peer ? 2 : 0);
        if (by_peer) {
            given(&r, &t, 2, token, false);
            recover(&r, true);
        }
        assert_int_equal(verdict(&r, 3), 0);
        assert_int_equal(prestored(&r, &t), by_peer ? 3 : 1);
        txs_free(&t);
        rig_free(&r);
    }
}

/* A proposal brings to an empty pool what the others count from then on. */
static void the_size_is_told_of_what_came(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    txs_t t = txs_new(&r);
    feed(&r, proposal(&t, 6, 3, 9));
    assert_null(take(&r, BC_MSG_POOL_SIZE));
    load(&r, &t, 6);
    bc_msg_t *m = take(&r, BC_MSG_POOL_SIZE);
    assert_true(m && m->number == 2 && m->number2 == 0);
    bc_msg_free(m);
    txs_free(&t);
    rig_free(&r);
}

static void the_ledger_may_have_all(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    txs_t t = txs_new(&r);
    uint64_t token;
    feed(&r, proposal(&t, 6, 3, 9));
    assert_int_equal(load(&r, &t, 6), 6);
    assert_int_equal(asked(&r, &t, &token), 0);
    assert_int_equal(verdict(&r, 3), 0);
    assert_int_equal(prestored(&r, &t), 0);
    txs_free(&t);
    rig_free(&r);
}

/* What comes to the pool while the ledger is read is not asked for, if it is verified by then; what
 * is not is better asked for than waited for. */
static void what_comes_meanwhile_helps(void **state)
{
    (void)state;
    for (int verified = 0; verified < 2; verified++) {
        rig_t r = rig_new(0);
        txs_t t = txs_new(&r);
        uint64_t token = 0;
        bc_txpool_stats_t st;
        feed(&r, proposal(&t, 1, 3, 9));
        submit(&r, t.v[0], 5, true);
        bc_msg_t *ours = NULL;
        if (verified) {
            recover(&r, true);
        } else {
            ours = take(&r, BC_MSG_RECOVER);
            assert_non_null(ours);
        }
        assert_int_equal(load(&r, &t, 0), 1);
        assert_int_equal(asked(&r, &t, &token), !verified);
        if (!verified) {
            given(&r, &t, 1, token, false);
            recover(&r, true);
            bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_TXPOOL, BC_MSG_RECOVERED);
            m->txs = bc_txs_ref(ours->txs);
            feed(&r, m); /* too late */
            bc_msg_free(ours);
        }
        assert_int_equal(verdict(&r, 3), 0);
        bc_txpool_stats(r.pool, &st);
        assert_int_equal(st.txs, 1);
        assert_int_equal(st.verifying, 0);
        assert_int_equal(st.bytes, t.v[0]->raw->n);
        commit(&r, t.v[0]);
        bc_msg_t *m = take(&r, BC_MSG_SUBMIT_DONE); /* who had given it to us hears the end */
        assert_true(m && m->token == 5 && m->committed);
        bc_msg_free(m);
        bc_txpool_stats(r.pool, &st);
        assert_int_equal(st.bytes, 0);
        submit(&r, t.v[1], 6, false); /* the host's queue is as before */
        m = take(&r, BC_MSG_RECOVER);
        assert_non_null(m);
        bc_msg_free(m);
        assert_int_equal(((pool_t *)r.pool.self)->batches, 1);
        assert_int_equal(((pool_t *)r.pool.self)->in_flight, 1);
        txs_free(&t);
        rig_free(&r);
    }
}

static void what_is_being_verified_is_asked_for_with_the_rest(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    txs_t t = txs_new(&r);
    uint64_t token = 0;
    feed(&r, proposal(&t, 7, 3, 9));
    assert_int_equal(offer(&r, bc_tx_ref(t.v[1])), BC_TXS_NONE);
    submit(&r, t.v[0], 5, true);
    assert_int_equal(load(&r, &t, 0), 7);
    assert_int_equal(asked(&r, &t, &token), 5);
    txs_free(&t);
    rig_free(&r);
}

/* The codes of official nodes. */
static void a_generator_may_fail(void **state)
{
    (void)state;
    enum { SILENT, GARBAGE, NONE, TOO_FEW, OTHER_ORDER, OTHERS, ONE_OTHER, UNSIGNED, MORE, WAYS };
    static const int codes[WAYS] = { 1000, 2003, 2000, 2000, 2001, 2001, 2001, 2002, 0 };
    for (int way = 0; way < WAYS; way++) {
        rig_t r = rig_new(0);
        txs_t t = txs_new(&r);
        uint64_t token = 0;
        assert_int_equal(offer(&r, bc_tx_ref(t.v[1])), BC_TXS_NONE);
        feed(&r, proposal(&t, 7, 3, 9));
        load(&r, &t, 0);
        assert_int_equal(asked(&r, &t, &token), 5);
        if (way == SILENT || way == GARBAGE) {
            bc_msg_t *m = bc_msg_new(BC_ACTOR_FRONT, BC_ACTOR_TXPOOL, BC_MSG_RESPONSE);
            m->token = token;
            m->err = way == SILENT ? BC_E_TIMEOUT : BC_OK;
            m->data = bc_buf_copy(BC_STR("garbage"));
            feed(&r, m);
        } else {
            static const unsigned masks[] = { 0, 0, 0, 1, 5, 24, 9, 5, 21 };
            given(&r, &t, masks[way], token, way == OTHER_ORDER);
        }
        if (way < TOO_FEW)
            assert_null(take(&r, BC_MSG_RECOVER));
        recover(&r, way != UNSIGNED);
        assert_int_equal(verdict(&r, 3), codes[way]);
        assert_int_equal(pool_find(r.pool.self, &t.v[0]->hash) != NULL,
                         way == TOO_FEW || way == MORE);
        assert_null(take(&r, BC_MSG_PROPOSAL_VERIFIED));
        assert_int_equal(prestored(&r, &t), way == MORE ? 7 : 0);
        txs_free(&t);
        rig_free(&r);
    }
}

/* Nor is there anybody to ask, when it is our own or nobody has sent it. */
static void there_may_be_no_generator(void **state)
{
    (void)state;
    for (int own = 0; own < 2; own++) {
        rig_t r = rig_new(0);
        txs_t t = txs_new(&r);
        uint64_t token;
        bc_msg_t *m = proposal(&t, 1, 3, 0);
        if (own)
            m->node = r.key.pub;
        feed(&r, m);
        load(&r, &t, 0);
        assert_int_equal(asked(&r, &t, &token), 0);
        assert_int_equal(verdict(&r, 3), 2000);
        txs_free(&t);
        rig_free(&r);
    }
}

/* Another height has taken it meanwhile. */
static void another_height_may_be_faster(void **state)
{
    (void)state;
    for (int peer = 0; peer < 2; peer++) {
        rig_t r = rig_new(0);
        txs_t t = txs_new(&r);
        uint64_t token = 0;
        feed(&r, proposal(&t, 3, 3, 9));
        if (peer) {
            load(&r, &t, 0);
            assert_int_equal(asked(&r, &t, &token), 3);
        }
        assert_int_equal(offer(&r, bc_tx_ref(t.v[0])), BC_TXS_NONE);
        bc_metas_t *one = bc_metas_new(1);
        one->v[0].hash = t.v[0]->hash;
        about(&r, BC_MSG_MARK_SEALED, one, HEIGHT + 2, 7);
        if (peer)
            given(&r, &t, 3, token, false);
        else
            load(&r, &t, 3);
        recover(&r, true);
        assert_int_equal(verdict(&r, 3), 2004);
        bc_metas_unref(one);
        txs_free(&t);
        rig_free(&r);
    }
}

/* Answers to what was not asked, or was answered, change nothing. */
static void answers_count_when_they_are_waited_for(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    txs_t t = txs_new(&r);
    uint64_t token = 0;
    feed(&r, proposal(&t, 1, 3, 9));
    uint64_t id = ((pool_t *)r.pool.self)->props->id;
    given(&r, &t, 1, id, false); /* the generator is not asked yet */
    recover(&r, true);
    assert_int_equal(verdict(&r, 3), -1);
    assert_int_equal(load(&r, &t, 0), 1);
    assert_int_equal(asked(&r, &t, &token), 1);
    assert_int_equal(token, id);
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_TXPOOL, BC_MSG_LOADED_TXS);
    m->token = id + 1;
    m->txs = bc_txs_new(1);
    feed(&r, m); /* nobody's */
    m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_TXPOOL, BC_MSG_LOADED_TXS);
    m->token = id;
    m->flag = true;
    m->txs = bc_txs_new(1);
    feed(&r, m);
    assert_int_equal(verdict(&r, 3), -1);
    given(&r, &t, 1, id + 1, false);
    recover(&r, true);
    assert_int_equal(verdict(&r, 3), -1);
    given(&r, &t, 1, id, false);
    given(&r, &t, 2, id, false);
    recover(&r, true);
    assert_int_equal(verdict(&r, 3), 0);
    given(&r, &t, 1, id, false);
    assert_null(take(&r, BC_MSG_RECOVER));
    assert_int_equal(verdict(&r, 3), -1);
    txs_free(&t);
    rig_free(&r);
}

/* Several at a time, in whatever order they end. */
static void proposals_do_not_disturb_each_other(void **state)
{
    (void)state;
    static const int orders[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
                                     { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
    for (size_t k = 0; k < BC_ARRAY_LEN(orders); k++) {
        rig_t r = rig_new(0);
        txs_t t = txs_new(&r);
        uint64_t tokens[3];
        for (unsigned i = 0; i < 3; i++) {
            feed(&r, proposal(&t, 1u << i, i + 1, 9));
            assert_int_equal(load(&r, &t, 0), 1u << i);
            assert_int_equal(asked(&r, &t, &tokens[i]), 1u << i);
        }
        for (int i = 0; i < 3; i++) {
            int which = orders[k][i];
            assert_int_equal(((pool_t *)r.pool.self)->prop_cnt, 3 - i);
            given(&r, &t, 1u << which, tokens[which], false);
            recover(&r, true);
            assert_int_equal(verdict(&r, (uint64_t)which + 1), 0);
        }
        txs_free(&t);
        rig_free(&r);
    }
}

/* All who wait for one transaction hear of it, well or not. */
static void several_wait_for_one(void **state)
{
    (void)state;
    for (int good = 0; good < 2; good++) {
        rig_t r = rig_new(0);
        txs_t t = txs_new(&r);
        submit(&r, t.v[0], 5, true);
        for (uint64_t i = 1; i < 4; i++)
            feed(&r, proposal(&t, 1, i, 9));
        recover(&r, good);
        for (uint64_t i = 3; i > 0; i--)
            if (good)
                assert_int_equal(verdict(&r, i), 0);
            else
                assert_int_equal(load(&r, &t, 0), 1);
        assert_null(take(&r, BC_MSG_PROPOSAL_VERIFIED));
        txs_free(&t);
        rig_free(&r);
    }
}

static void so_many_proposals_are_verified_at_a_time(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    txs_t t = txs_new(&r);
    for (uint64_t i = 1; i <= PROPOSALS_MAX; i++)
        feed(&r, proposal(&t, 1, i, 9));
    for (int more = 0; more < 2; more++) {
        assert_null(take(&r, BC_MSG_PROPOSAL_VERIFIED));
        feed(&r, proposal(&t, 1, 200, 9));
        assert_int_equal(verdict(&r, 200), 2004);
    }
    load(&r, &t, 1); /* one ends */
    assert_int_equal(verdict(&r, 1), 0);
    feed(&r, proposal(&t, 1, 201, 9));
    assert_int_equal(verdict(&r, 201), 0);
    feed(&r, proposal(&t, 2, 202, 9));
    assert_int_equal(verdict(&r, 202), -1);
    feed(&r, proposal(&t, 2, 203, 9));
    assert_int_equal(verdict(&r, 203), 2004);
    txs_free(&t);
    rig_free(&r);
}

/* A header that names no division is none that says another one; where there is nothing to divide,
 * nothing is compared. */
static void a_leader_may_name_nothing(void **state)
{
    (void)state;
    static const uint8_t root[33] = { [32] = 1 }, other[32] = { 1 };
    const bc_bytes_t roots[] = {
        { 0 }, bc_bytes(root, 32), bc_bytes(root + 2, 31), bc_bytes(root, 33), bc_bytes(other, 32)
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(roots); i++) {
        for (unsigned mask = 0; mask < 2; mask++) {
            rig_t r = rig_new(0);
            txs_t t = txs_new(&r);
            uint64_t token;
            assert_int_equal(offer(&r, bc_tx_ref(t.v[0])), BC_TXS_NONE);
            bc_header_t h = { .data.number = HEIGHT + 1, .data.receipts_root = roots[i] };
            bc_msg_t *m = proposal(&t, mask, 3, 9);
            m->header = bc_hdr_new(BC_SUITE_STANDARD, &h);
            feed(&r, m);
            bool compared = i == 4 && mask;
            assert_int_equal(asked(&r, &t, &token), compared);
            assert_int_equal(verdict(&r, 3), compared ? -1 : 0);
            txs_free(&t);
            rig_free(&r);
        }
    }
}

/* All that a proposal shows to be impossible leave the pool, and who waits for them hears why. */
static void what_is_impossible_is_dropped(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    txs_t t = txs_new(&r);
    for (uint64_t i = 0; i < 3; i++)
        submit(&r, t.v[i], 10 + i, true);
    recover(&r, true);
    for (int i = 0; i < 3; i += 2) {
        static const char *const nonces[] = { "0", "1", "2" };
        bc_tx_t *used = make(&r, (spec_t){ .nonce = nonces[i], .limit = HEIGHT + 9 });
        commit_at(&r, used, HEIGHT);
        bc_tx_unref(used);
    }
    feed(&r, proposal(&t, 7, 3, 9));
    bc_msg_t *m = take(&r, BC_MSG_PROPOSAL_VERIFIED);
    assert_true(m && m->flag && m->number2 == 2004 && !m->txs);
    bc_msg_free(m);
    for (uint64_t i = 0; i < 3; i += 2) {
        m = take(&r, BC_MSG_SUBMIT_DONE);
        assert_true(m && m->token == 10 + i && m->number == BC_TXS_NONCE_CHECK_FAIL);
        bc_msg_free(m);
    }
    assert_int_equal(prestored(&r, &t), 0);
    bc_txpool_stats_t st;
    bc_txpool_stats(r.pool, &st);
    assert_int_equal(st.txs, 1);
    txs_free(&t);
    rig_free(&r);
}

int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_gives_what_it_has),
        cmocka_unit_test(what_was_found_may_leave),
        cmocka_unit_test(the_size_is_told_of_what_came),
        cmocka_unit_test(the_ledger_may_have_all),
        cmocka_unit_test(what_comes_meanwhile_helps),
        cmocka_unit_test(what_is_being_verified_is_asked_for_with_the_rest),
        cmocka_unit_test(a_generator_may_fail),
        cmocka_unit_test(there_may_be_no_generator),
        cmocka_unit_test(another_height_may_be_faster),
        cmocka_unit_test(answers_count_when_they_are_waited_for),
        cmocka_unit_test(proposals_do_not_disturb_each_other),
        cmocka_unit_test(several_wait_for_one),
        cmocka_unit_test(so_many_proposals_are_verified_at_a_time),
        cmocka_unit_test(a_leader_may_name_nothing),
        cmocka_unit_test(what_is_impossible_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
