/* What the sealer gets and when, and what the pool asks of its neighbours. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "scheduling/txpool/test_rig.h"

static void the_sealer_gets_what_it_asks_for(void **state)
{
    (void)state;
    static const struct {
        int64_t want;
        size_t got;
    } cases[] = { { 0, 0 }, { -1, 0 }, { INT64_MIN, 0 }, { 1, 1 },
                  { 4, 4 }, { 5, 5 },  { 6, 5 },         { INT64_MAX, 5 } };
    for (size_t k = 0; k < BC_ARRAY_LEN(cases); k++) {
        for (int web3 = 0; web3 < 2; web3++) {
            rig_t r = rig_new(0);
            bc_tx_t *t[5];
            for (int i = 0; i < 5; i++) {
                t[i] = web3 ? web3_tx(&r, (uint64_t)i) : numbered(&r, i);
                assert_int_equal(offer(&r, bc_tx_ref(t[i])), BC_TXS_NONE);
            }
            bc_metas_t *metas = fetch(&r, cases[k].want);
            assert_int_equal(metas->cnt, cases[k].got);
            for (size_t i = 0; i < metas->cnt; i++)
                assert_memory_equal(metas->v[i].hash.b, t[i]->hash.b, 32);
            assert_int_equal(stats(&r).unsealed, 5 - cases[k].got);
            bc_metas_unref(metas);
            for (int i = 0; i < 5; i++)
                bc_tx_unref(t[i]);
            rig_free(&r);
        }
    }
}

/* A sender's next one goes with it; what stands between them is not left out. */
static void a_successor_does_not_hide_the_others(void **state)
{
    (void)state;
    static const int orders[][4] = {
        { 0, 1, 2, 3 }, { 0, 2, 1, 3 }, { 1, 2, 0, 3 }, { 3, 1, 2, 0 },
        { 2, 0, 3, 1 }, { 2, 3, 0, 1 }, { 1, 0, 2, 3 }, { 0, 3, 2, 1 }
    };
    for (size_t k = 0; k < BC_ARRAY_LEN(orders); k++) {
        rig_t r = rig_new(0);
        for (int i = 0; i < 4; i++) {
            int which = orders[k][i]; /* two of a Web3 sender and two of type 0 */
            bc_tx_t *tx = which < 2 ? web3_tx(&r, (uint64_t)which) : numbered(&r, which);
            assert_int_equal(offer(&r, tx), BC_TXS_NONE);
        }
        bc_metas_t *metas = fetch(&r, 10);
        assert_int_equal(metas->cnt, 4);
        bc_metas_unref(metas);
        rig_free(&r);
    }
}

/* Consensus names whole lists, also of what is not here. */
static void lists_are_marked_and_given_back(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    bc_metas_t *metas = bc_metas_new(4);
    for (int i = 0; i < 4; i++) {
        bc_tx_t *tx = numbered(&r, i);
        metas->v[i].hash = tx->hash;
        if (i == 1)
            bc_tx_unref(tx);
        else
            assert_int_equal(offer(&r, tx), BC_TXS_NONE);
    }
    about(&r, BC_MSG_MARK_SEALED, metas, HEIGHT + 1, 7);
    assert_int_equal(stats(&r).unsealed, 0);
    about(&r, BC_MSG_UNSEAL, metas, HEIGHT + 1, 7);
    assert_int_equal(stats(&r).unsealed, 3);
    assert_int_equal(offer(&r, web3_tx(&r, 1)), BC_TXS_NONE);
    assert_int_equal(stats(&r).nonce_entries, 3 + 1 + 1); /* here, of Web3, and one on the chain */
    metas->cnt = 1; /* once more: it is not held, and keeps its place */
    about(&r, BC_MSG_UNSEAL, metas, HEIGHT + 1, 7);
    bc_metas_t *got = fetch(&r, 1);
    assert_int_equal(got->cnt, 1);
    assert_memory_equal(got->v[0].hash.b, metas->v[0].hash.b, 32);
    bc_metas_unref(got);
    bc_metas_unref(metas);
    rig_free(&r);
}

static void the_sealer_gets_what_a_header_needs(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    static const char contract[] = "0000000000000000000000000000000000001000";
    static const char longer[] =
        "0x00000000000000000000000000000000000010001111111111111111111111111111111111111111111";
    const spec_t specs[] = { { .nonce = "1", .to = contract },
                             { .nonce = "2", .create = true },
                             { .nonce = "3", .to = longer, .input = "input" } };
    bc_tx_t *t[3];
    for (int i = 0; i < 3; i++) {
        t[i] = make(&r, specs[i]);
        t[i]->w.attribute = 3 + i;
        t[i]->system = i == 0;
        assert_int_equal(offer(&r, bc_tx_ref(t[i])), BC_TXS_NONE);
    }
    bc_msg_t *m = bc_msg_new(BC_ACTOR_SEALER, BC_ACTOR_TXPOOL, BC_MSG_FETCH);
    m->number2 = 9;
    m->token = 77;
    feed(&r, m);
    m = take(&r, BC_MSG_FETCHED);
    assert_non_null(m);
    assert_int_equal(m->token, 77);
    assert_int_equal(m->to, BC_ACTOR_SEALER);
    assert_int_equal(m->metas->cnt, 3);
    for (int i = 0; i < 3; i++) {
        const bc_meta_t *x = &m->metas->v[i];
        uint8_t bounds[BC_TX_BOUNDS];
        bc_tx_bounds(t[i], bounds);
        assert_memory_equal(x->hash.b, t[i]->hash.b, 32);
        assert_memory_equal(x->bounds, bounds, sizeof bounds);
        assert_int_equal(x->attribute, 3 + i);
        assert_int_equal(x->system, i == 0);
        assert_int_equal(x->size, t[i]->raw->n);
        assert_int_equal(strncmp(x->to,
                                 i == 0   ? contract
                                 : i == 1 ? ""
                                          : longer,
                                 sizeof x->to - 1),
                         0);
        assert_int_equal(x->to[sizeof x->to - 1], 0);
    }
    bc_msg_free(m);
    for (int i = 0; i < 3; i++)
        bc_tx_unref(t[i]);
    rig_free(&r);
}

/* Of several that wait for lower nonces the first one's time counts, and one timer is enough. */
static void the_first_turn_is_waited_for(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    int64_t after = 0;
    bc_tx_t *a = web3_tx(&r, 2), *b = web3_tx(&r, 4);
    assert_int_equal(offer(&r, bc_tx_ref(a)), BC_TXS_NONE);
    r.now.mono_ms += 300;
    assert_int_equal(offer(&r, bc_tx_ref(b)), BC_TXS_NONE);
    r.now.mono_ms += 100;
    bc_metas_t *metas = fetch(&r, 10);
    assert_int_equal(metas->cnt, 0);
    bc_metas_unref(metas);
    assert_int_equal(timers(&r, TIMER_TURN, &after), 1);
    assert_int_equal(after, TURN_WAIT_MS - 400);
    bc_metas_unref(fetch(&r, 10));
    assert_int_equal(timers(&r, TIMER_TURN, &after), 0);
    r.now.mono_ms += after;
    fire(&r, TIMER_TURN);
    metas = fetch(&r, 10);
    assert_int_equal(metas->cnt, 1);
    assert_memory_equal(metas->v[0].hash.b, a->hash.b, 32);
    bc_metas_unref(metas);
    assert_int_equal(timers(&r, TIMER_TURN, &after), 1);
    assert_int_equal(after, 300);
    r.now.mono_ms += after;
    fire(&r, TIMER_TURN);
    metas = fetch(&r, 10);
    assert_int_equal(metas->cnt, 1);
    bc_metas_unref(metas);
    assert_int_equal(timers(&r, TIMER_TURN, &after), 0);
    bc_tx_unref(a);
    bc_tx_unref(b);
    rig_free(&r);
}

/* A sealer that finds nothing for six seconds asks around. */
static void who_finds_nothing_asks(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    static const struct {
        int64_t ms;
        bool offered, asks;
    } steps[] = { { 5999, false, false }, { 1, false, true },     { 5999, false, false },
                  { 0, true, false },     { 5999, false, false }, { 1, false, true } };
    for (size_t i = 0; i < BC_ARRAY_LEN(steps); i++) {
        r.now.mono_ms += steps[i].ms;
        if (steps[i].offered)
            assert_int_equal(offer(&r, numbered(&r, 1)), BC_TXS_NONE);
        drop_all(&r);
        bc_metas_unref(fetch(&r, 10));
        bc_msg_t *m = take(&r, BC_MSG_BROADCAST);
        assert_int_equal(m != NULL, steps[i].asks);
        if (m)
            bc_msg_free(m);
    }
    rig_free(&r);
}

static void peers(rig_t *r, size_t cnt)
{
    bc_msg_t *m = bc_msg_new(BC_ACTOR_FRONT, BC_ACTOR_TXPOOL, BC_MSG_PEERS);
    m->data = bc_buf_new(64 * cnt);
    memset(m->data->p, 1, 64 * cnt);
    feed(r, m);
}

/* An empty pool asks who is new. */
static void new_neighbours_are_asked(void **state)
{
    (void)state;
    static const size_t cnts[] = { 0, 2, 2, 1, 2 };
    for (int full = 0; full < 2; full++) {
        rig_t r = rig_new(0);
        if (full)
            assert_int_equal(offer(&r, numbered(&r, 1)), BC_TXS_NONE);
        for (size_t i = 0; i < BC_ARRAY_LEN(cnts); i++) {
            drop_all(&r);
            peers(&r, cnts[i]);
            fire(&r, TIMER_SIZE);
            assert_int_equal(pool_of(&r)->peer_cnt, cnts[i]);
            bc_msg_t *m = take(&r, BC_MSG_BROADCAST);
            assert_int_equal(m != NULL, !full && (i == 1 || i == 4));
            if (m)
                bc_msg_free(m);
        }
        rig_free(&r);
    }
}

static void what_they_give_is_verified(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    bc_txs_t *txs = bc_txs_new(2);
    for (int i = 0; i < 2; i++)
        txs->v[i] = numbered(&r, i);
    bc_msg_t *m = bc_msg_new(BC_ACTOR_FRONT, BC_ACTOR_TXPOOL, BC_MSG_RESPONSE);
    m->data = sync_encode_response(txs);
    feed(&r, m);
    assert_int_equal(stats(&r).verifying, 2);
    recover(&r, true);
    assert_int_equal(stats(&r).unsealed, 2);
    bc_txs_unref(txs);
    rig_free(&r);
}

/* The sealer's own transaction is held by it at once, whatever the limit. */
static void the_sealers_own_is_held(void **state)
{
    (void)state;
    rig_t r = rig_new(1);
    bc_tx_t *full = numbered(&r, 1), *own = numbered(&r, 2);
    assert_int_equal(offer(&r, bc_tx_ref(full)), BC_TXS_NONE);
    drop_all(&r);
    for (int times = 0; times < 2; times++) {
        bc_msg_t *m = bc_msg_new(BC_ACTOR_SEALER, BC_ACTOR_TXPOOL, BC_MSG_SUBMIT);
        m->txs = bc_txs_new(1);
        m->txs->v[0] = bc_tx_ref(own);
        feed(&r, m);
        int64_t after;
        assert_null(take(&r, BC_MSG_RECOVER));
        assert_int_equal(answered(&r, 0), -1);
        assert_int_equal(timers(&r, TIMER_SIZE, &after), !times); /* the size is news */
        assert_int_equal(stats(&r).txs, 2);
        assert_int_equal(stats(&r).unsealed, 1);
        assert_int_equal(pool_find(r.pool.self, &own->hash)->batch_id, -1);
    }
    bc_metas_t *one = bc_metas_new(1);
    one->v[0].hash = own->hash;
    about(&r, BC_MSG_MARK_SEALED, one, HEIGHT + 1, 7); /* a proposal's now */
    bc_msg_t *m = bc_msg_new(BC_ACTOR_SEALER, BC_ACTOR_TXPOOL, BC_MSG_SUBMIT);
    m->txs = bc_txs_new(1);
    m->txs->v[0] = bc_tx_ref(own);
    feed(&r, m);
    assert_int_equal(pool_find(r.pool.self, &own->hash)->batch_id, HEIGHT + 1);
    bc_metas_unref(one);
    bc_tx_unref(full);
    bc_tx_unref(own);
    rig_free(&r);
}

int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sealer_gets_what_it_asks_for),
        cmocka_unit_test(a_successor_does_not_hide_the_others),
        cmocka_unit_test(lists_are_marked_and_given_back),
        cmocka_unit_test(the_sealer_gets_what_a_header_needs),
        cmocka_unit_test(the_first_turn_is_waited_for),
        cmocka_unit_test(who_finds_nothing_asks),
        cmocka_unit_test(new_neighbours_are_asked),
        cmocka_unit_test(what_they_give_is_verified),
        cmocka_unit_test(the_sealers_own_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
