/* Who holds a transaction: the pool, the own sealer, a proposal; and how it comes back. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "scheduling/txpool/test_rig.h"

static size_t unsealed(const rig_t *r)
{
    bc_txpool_stats_t st;
    bc_txpool_stats(r->pool, &st);
    return st.unsealed;
}

/* One transaction of the pool, as a proposal names it. */
static bc_metas_t *one(rig_t *r, const char *nonce)
{
    bc_tx_t *tx = make(r, (spec_t){ .nonce = nonce });
    bc_metas_t *metas = bc_metas_new(1);
    metas->v[0].hash = tx->hash;
    assert_int_equal(offer(r, tx), BC_TXS_NONE);
    return metas;
}

/* Only who holds them gives them back: a proposal by its height and its hash, the own sealer by none. */
static void each_holder_gives_back_its_own(void **state)
{
    (void)state;
    static const struct {
        int64_t held, given;
        uint8_t held_hash, given_hash;
        bool back;
    } cases[] = {
        { HEIGHT + 1, HEIGHT + 1, 7, 7, true },  { HEIGHT + 1, HEIGHT + 1, 7, 8, false },
        { HEIGHT + 1, HEIGHT + 2, 7, 7, false }, { HEIGHT + 1, -1, 7, 7, false },
        { -1, HEIGHT + 1, 0, 0, false },         { -1, -1, 0, 9, true },
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++) {
        rig_t r = rig_new(0);
        bc_metas_t *metas = one(&r, "1");
        if (cases[i].held < 0)
            bc_metas_unref(fetch(&r, 5));
        else
            about(&r, BC_MSG_MARK_SEALED, metas, cases[i].held, cases[i].held_hash);
        assert_int_equal(unsealed(&r), 0);
        drop_all(&r);
        about(&r, BC_MSG_UNSEAL, metas, cases[i].given, cases[i].given_hash);
        assert_int_equal(unsealed(&r), cases[i].back);
        bc_msg_t *m = take(&r, BC_MSG_POOL_SIZE); /* the sealer may wait for it */
        assert_non_null(m);
        assert_int_equal(m->number, 1);
        assert_int_equal(m->number2, cases[i].back);
        bc_msg_free(m);
        bc_metas_unref(metas);
        rig_free(&r);
    }
}

/* A proposal takes from the own sealer, and from a proposal that was before it at the same height. */
static void the_last_who_marks_holds(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    bc_metas_t *metas = one(&r, "1");
    bc_metas_unref(fetch(&r, 5));
    about(&r, BC_MSG_MARK_SEALED, metas, HEIGHT + 1, 7);
    about(&r, BC_MSG_UNSEAL, metas, -1, 0);
    assert_int_equal(unsealed(&r), 0);
    about(&r, BC_MSG_MARK_SEALED, metas, HEIGHT + 1, 8);
    about(&r, BC_MSG_UNSEAL, metas, HEIGHT + 1, 7);
    assert_int_equal(unsealed(&r), 0);
    about(&r, BC_MSG_UNSEAL, metas, HEIGHT + 1, 8);
    assert_int_equal(unsealed(&r), 1);
    bc_metas_unref(metas);
    rig_free(&r);
}

/* What is not verified yet is nobody's: it goes to the pool when it is, or nowhere. */
static void what_is_being_verified_is_not_marked(void **state)
{
    (void)state;
    for (int good = 0; good < 2; good++) {
        rig_t r = rig_new(0);
        bc_tx_t *tx = make(&r, (spec_t){ .nonce = "1" });
        bc_metas_t *metas = bc_metas_new(1);
        metas->v[0].hash = tx->hash;
        submit(&r, tx, 5, false);
        about(&r, BC_MSG_MARK_SEALED, metas, HEIGHT + 1, 7);
        about(&r, BC_MSG_UNSEAL, metas, HEIGHT + 1, 7);
        recover(&r, good);
        assert_int_equal(unsealed(&r), good);
        bc_metas_t *got = fetch(&r, 5);
        assert_int_equal(got->cnt, good);
        bc_metas_unref(got);
        bc_metas_unref(metas);
        bc_tx_unref(tx);
        rig_free(&r);
    }
}

/* At the start of consensus nobody holds anything. */
static void all_come_back_at_the_start(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    bc_metas_t *a = one(&r, "1"), *b = one(&r, "2"), *c = one(&r, "3");
    about(&r, BC_MSG_MARK_SEALED, a, HEIGHT + 1, 7);
    about(&r, BC_MSG_MARK_SEALED, b, HEIGHT + 2, 8);
    bc_metas_unref(fetch(&r, 5));
    assert_int_equal(unsealed(&r), 0);
    drop_all(&r);
    feed(&r, bc_msg_new(BC_ACTOR_PBFT, BC_ACTOR_TXPOOL, BC_MSG_UNSEAL_ALL));
    assert_int_equal(unsealed(&r), 3);
    bc_msg_t *m = take(&r, BC_MSG_POOL_SIZE);
    assert_non_null(m);
    assert_int_equal(m->number2, 3);
    bc_msg_free(m);
    bc_metas_t *got = fetch(&r, 5);
    assert_int_equal(got->cnt, 3);
    bc_metas_unref(got);
    bc_metas_unref(a);
    bc_metas_unref(b);
    bc_metas_unref(c);
    rig_free(&r);
}

/* What the own sealer holds, or another proposal of that height, may be in a proposal; what is held for
 * another height may not. */
static void one_transaction_is_in_one_height(void **state)
{
    (void)state;
    static const struct {
        int64_t held;
        int code;
    } cases[] = { { 0, 0 }, { -1, 0 }, { HEIGHT + 1, 0 }, { HEIGHT + 2, 2004 } };
    for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++) {
        rig_t r = rig_new(0);
        bc_metas_t *metas = one(&r, "1");
        if (cases[i].held < 0)
            bc_metas_unref(fetch(&r, 5));
        else if (cases[i].held)
            about(&r, BC_MSG_MARK_SEALED, metas, cases[i].held, 7);
        bc_msg_t *m = bc_msg_new(BC_ACTOR_PBFT, BC_ACTOR_TXPOOL, BC_MSG_VERIFY_PROPOSAL);
        m->number = HEIGHT + 1;
        memset(m->hash.b, 9, sizeof m->hash.b);
        m->token = 3;
        m->metas = bc_metas_ref(metas);
        feed(&r, m);
        m = take(&r, BC_MSG_PROPOSAL_VERIFIED);
        assert_non_null(m);
        assert_int_equal(m->token, 3);
        assert_int_equal(m->number2, cases[i].code);
        assert_false(m->flag); /* another block's now; that may change */
        bc_msg_free(m);
        /* to verify is not to take: that is said by consensus */
        assert_int_equal(unsealed(&r), cases[i].held == 0);
        bc_metas_unref(metas);
        rig_free(&r);
    }
}

/* Time ends what waits in the pool, not what is in a proposal. */
static void what_is_held_does_not_expire(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    bc_metas_t *metas = one(&r, "1");
    about(&r, BC_MSG_MARK_SEALED, metas, HEIGHT + 1, 7);
    for (int back = 0; back < 2; back++) {
        bc_txpool_stats_t st;
        r.now.mono_ms += 700000;
        r.now.utc_ms += 700000;
        bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_TXPOOL, BC_MSG_TIMER);
        m->number = TIMER_EXPIRE;
        feed(&r, m);
        bc_txpool_stats(r.pool, &st);
        assert_int_equal(st.txs, back ? 0 : 1);
        if (!back)
            about(&r, BC_MSG_UNSEAL, metas, HEIGHT + 1, 7);
    }
    bc_metas_unref(metas);
    rig_free(&r);
}

int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_holder_gives_back_its_own),
        cmocka_unit_test(the_last_who_marks_holds),
        cmocka_unit_test(what_is_being_verified_is_not_marked),
        cmocka_unit_test(all_come_back_at_the_start),
        cmocka_unit_test(one_transaction_is_in_one_height),
        cmocka_unit_test(what_is_held_does_not_expire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
