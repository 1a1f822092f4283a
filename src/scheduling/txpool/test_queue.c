/* The ways through the pool: to the host and back, to those who wait, to the sealer, out by time.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "scheduling/txpool/test_rig.h"

/* ---- the host ---- */

static void answer_batch(rig_t *r, bc_msg_t *ask)
{
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_TXPOOL, BC_MSG_RECOVERED);
    m->txs = bc_txs_ref(ask->txs);
    for (size_t i = 0; i < m->txs->cnt; i++)
        assert_int_equal(bc_tx_recover(m->txs->v[i]), BC_OK);
    bc_msg_free(ask);
    feed(r, m);
}

/* The batch that waits for the host has these, of t. */
static bc_msg_t *batch(rig_t *r, bc_tx_t **t, int from, int to)
{
    bc_msg_t *ask = take(r, BC_MSG_RECOVER);
    if (from == to) {
        assert_null(ask);
        return NULL;
    }
    assert_non_null(ask);
    assert_int_equal(ask->txs->cnt, to - from);
    for (int i = from; i < to; i++)
        assert_memory_equal(ask->txs->v[i - from]->hash.b, t[i]->hash.b, 32);
    return ask;
}

static void the_host_gets_batches(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    bc_tx_t *t[10];
    pool_of(&r)->c.batch_max = 3;
    pool_of(&r)->c.batches_max = 2;
    for (int i = 0; i < 10; i++)
        submit(&r, t[i] = numbered(&r, i), 1, false);
    bc_msg_t *a = batch(&r, t, 0, 1), *b = batch(&r, t, 1, 2);
    batch(&r, t, 0, 0);
    assert_int_equal(stats(&r).verifying, 10);
    answer_batch(&r, b);
    b = batch(&r, t, 2, 5);
    batch(&r, t, 0, 0);
    answer_batch(&r, a);
    a = batch(&r, t, 5, 8);
    answer_batch(&r, a);
    a = batch(&r, t, 8, 10);
    answer_batch(&r, b);
    batch(&r, t, 0, 0);
    answer_batch(&r, a);
    assert_int_equal(stats(&r).verifying, 0);
    assert_int_equal(stats(&r).unsealed, 10);
    assert_int_equal(stats(&r).accepted, 10);
    assert_int_equal(pool_of(&r)->batches, 0);
    assert_int_equal(pool_of(&r)->in_flight, 0);
    for (int i = 0; i < 10; i++)
        bc_tx_unref(t[i]);
    rig_free(&r);
}

/* A block, or a proposal, has it first: from the host's queue, and while the host works. */
static void what_leaves_the_queue_is_not_asked_for(void **state)
{
    (void)state;
    static const bc_h256_t hash = { { 7 } };
    for (int enforced = 0; enforced < 2; enforced++) {
        for (int which = 0; which < 6; which++) {
            rig_t r = rig_new(0);
            bc_tx_t *t[6], *rest[6];
            pool_of(&r)->c.batches_max = 1;
            int cnt = 0;
            for (int i = 0; i < 6; i++) {
                submit(&r, t[i] = numbered(&r, i), 1, false);
                if (i && i != which)
                    rest[cnt++] = t[i];
            }
            bc_msg_t *a = batch(&r, t, 0, 1);
            if (enforced) {
                assert_non_null(pool_enforce(r.pool.self, t[which], HEIGHT + 1, &hash));
                assert_int_equal(stats(&r).bytes, t[0]->raw->n * 6);
                assert_int_equal(offer(&r, bc_tx_ref(t[which])), BC_TXS_ALREADY_IN_POOL);
            } else {
                commit(&r, t[which]);
                assert_int_equal(stats(&r).bytes, t[0]->raw->n * 5);
            }
            assert_int_equal(nonce_outlives(r.pool.self, t[which]), enforced);
            assert_int_equal(stats(&r).verifying, 5);
            assert_int_equal(pool_of(&r)->in_flight, which ? 1 : 0);
            answer_batch(&r, a);
            answer_batch(&r, batch(&r, rest, 0, cnt));
            batch(&r, t, 0, 0);
            assert_int_equal(stats(&r).verifying, 0);
            assert_int_equal(stats(&r).unsealed, 5);
            assert_int_equal(stats(&r).txs, 5 + enforced);
            submit(&r, rest[0] = numbered(&r, 9), 1, false); /* the queue goes on */
            answer_batch(&r, batch(&r, rest, 0, 1));
            bc_tx_unref(rest[0]);
            for (int i = 0; i < 6; i++)
                bc_tx_unref(t[i]);
            rig_free(&r);
        }
    }
}

/* The same transaction in more bytes: what no hash covers is in front of it. */
static bc_tx_t *longer_of(const bc_tx_t *tx)
{
    bc_tx_wire_t w = tx->w;
    bc_wr_t raw = { 0 };
    bc_tx_t *longer = NULL;
    w.import_time = 1700000000000;
    bc_tars_encode(&bc_tx_wire_tars, &w, &raw);
    assert_int_equal(bc_tx_decode(BC_SUITE_STANDARD, bc_wr_view(&raw), &longer), BC_OK);
    bc_wr_free(&raw);
    assert_memory_equal(longer->hash.b, tx->hash.b, 32);
    assert_true(longer->raw->n > tx->raw->n);
    return longer;
}

/* A proposal's takes the place of one that is not verified yet, with its bytes; not of one that is.
 */
static void what_is_replaced_is_counted_anew(void **state)
{
    (void)state;
    static const bc_h256_t hash = { { 7 } };
    for (int verified = 0; verified < 2; verified++) {
        rig_t r = rig_new(0);
        bc_tx_t *tx = numbered(&r, 1), *longer = longer_of(tx);
        submit(&r, tx, 1, false);
        if (verified)
            recover(&r, true);
        entry_t *e = pool_find(r.pool.self, &tx->hash);
        e->stored = true;
        assert_ptr_equal(pool_enforce(r.pool.self, longer, HEIGHT + 1, &hash), e);
        assert_ptr_equal(e->tx, verified ? tx : longer);
        assert_int_equal(e->stored, verified);
        assert_int_equal(stats(&r).bytes, verified ? tx->raw->n : longer->raw->n);
        commit(&r, tx);
        assert_int_equal(stats(&r).bytes, 0);
        bc_tx_unref(tx);
        bc_tx_unref(longer);
        rig_free(&r);
    }
}

/* It left the pool and came again while the host had it: what the host says is about the first. */
static void an_answer_is_about_what_was_asked(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    bc_tx_t *tx = numbered(&r, 1), *again = longer_of(tx);
    submit(&r, tx, 1, false);
    bc_msg_t *first = take(&r, BC_MSG_RECOVER);
    pool_drop(r.pool.self, pool_find(r.pool.self, &tx->hash), BC_TXS_NONE);
    submit(&r, again, 2, false);
    bc_msg_t *second = take(&r, BC_MSG_RECOVER);
    assert_true(first && second);
    answer_batch(&r, first);
    assert_int_equal(stats(&r).verifying, 1);
    answer_batch(&r, second);
    assert_int_equal(stats(&r).unsealed, 1);
    bc_tx_unref(tx);
    bc_tx_unref(again);
    rig_free(&r);
}

/* The host says it of each. */
static void each_has_its_state(void **state)
{
    (void)state;
    static const uint64_t nonces[] = { 3, 9 };
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_TXPOOL, BC_MSG_RECOVERED);
    assert_int_equal(pool_state_nonce(m, 0), UINT64_MAX);
    m->data = bc_buf_copy(bc_bytes((const uint8_t *)nonces, sizeof nonces));
    assert_int_equal(pool_state_nonce(m, 0), 3);
    assert_int_equal(pool_state_nonce(m, 1), 9);
    assert_int_equal(pool_state_nonce(m, 2), UINT64_MAX);
    bc_msg_free(m);
}

/* The bytes are those of what is there, whichever way it went; the last byte fits, too. */
static void the_last_byte_fits(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    bc_tx_t *a = numbered(&r, 1), *b = numbered(&r, 2), *c = numbered(&r, 3);
    pool_of(&r)->c.limit_bytes = a->raw->n + b->raw->n;
    assert_int_equal(offer(&r, bc_tx_ref(a)), BC_TXS_NONE);
    submit(&r, b, 5, true);
    assert_int_equal(offer(&r, make(&r, (spec_t){ .nonce = "1", .group = "g" })),
                     BC_TXS_INVALID_GROUP_ID); /* that comes first, and is none of the full pool */
    assert_int_equal(answered(&r, 0), -1);
    assert_int_equal(offer(&r, bc_tx_ref(c)), BC_TXS_POOL_FULL);
    assert_int_equal(stats(&r).refused, 2);
    assert_int_equal(stats(&r).refused_full, 1);
    assert_int_equal(stats(&r).bytes, a->raw->n + b->raw->n);
    recover(&r, true);
    bc_metas_unref(fetch(&r, 1));
    pool_drop(r.pool.self, pool_find(r.pool.self, &a->hash), BC_TXS_NONE);
    assert_int_equal(stats(&r).bytes, b->raw->n);
    submit(&r, c, 6, false);
    recover(&r, false);
    assert_int_equal(answered(&r, 6), BC_TXS_INVALID_SIGNATURE);
    assert_int_equal(stats(&r).refused, 3);
    assert_int_equal(stats(&r).bytes, b->raw->n);
    bc_tx_unref(a);
    bc_tx_unref(b);
    bc_tx_unref(c);
    rig_free(&r);
}

static void what_is_left_out_of_the_configuration(void **state)
{
    (void)state;
    bc_txpool_config_t c = { .suite = BC_SUITE_STANDARD };
    bc_actor_if pool = bc_txpool_new(&c);
    const pool_t *p = pool.self;
    assert_int_equal(p->c.limit, 15000);
    assert_int_equal(p->c.limit_bytes, (size_t)256 << 20);
    assert_int_equal(p->c.expiration_ms, 600000);
    assert_int_equal(p->c.block_limit, 1000);
    assert_int_equal(p->window.blocks, 1000 + LATE_BLOCKS);
    assert_int_equal(p->c.batch_max, 64);
    assert_int_equal(p->c.batches_max, 4);
    pool.ops->free(pool.self);
    c = (bc_txpool_config_t){ .limit = 1,
                              .limit_bytes = 2,
                              .expiration_ms = 3,
                              .block_limit = 4,
                              .batch_max = 5,
                              .batches_max = 6 };
    pool = bc_txpool_new(&c);
    p = pool.self;
    assert_int_equal(p->c.limit, 1);
    assert_int_equal(p->c.limit_bytes, 2);
    assert_int_equal(p->c.expiration_ms, 3);
    assert_int_equal(p->c.block_limit, 4);
    assert_int_equal(p->c.batch_max, 5);
    assert_int_equal(p->c.batches_max, 6);
    pool.ops->free(pool.self);
}

/* ---- who waits ---- */

/* One client may wait for the end, and one for the acceptance; a second one hears that it is there.
 */
static void one_waits_for_the_end(void **state)
{
    (void)state;
    for (int end = 0; end < 3; end++) {
        rig_t r = rig_new(0);
        bc_tx_t *tx = numbered(&r, 1);
        submit(&r, tx, 4, false);
        submit(&r, tx, 3, false);
        assert_int_equal(answered(&r, 3), BC_TXS_ALREADY_IN_POOL);
        submit(&r, tx, 5, true);
        assert_int_equal(answered(&r, 0), -1);
        submit(&r, tx, 6, true);
        assert_int_equal(answered(&r, 6), BC_TXS_ALREADY_IN_POOL);
        recover(&r, end);
        if (end == 0) { /* refused: both hear it */
            assert_int_equal(answered(&r, 5), BC_TXS_INVALID_SIGNATURE);
            assert_int_equal(answered(&r, 4), BC_TXS_INVALID_SIGNATURE);
        } else {
            assert_int_equal(answered(&r, 4), BC_TXS_NONE);
            assert_int_equal(answered(&r, 0), -1);
            submit(&r, tx, 6, true);
            assert_int_equal(answered(&r, 6), BC_TXS_ALREADY_IN_POOL);
            if (end == 1)
                commit(&r, tx);
            else
                pool_drop(r.pool.self, pool_find(r.pool.self, &tx->hash), BC_TXS_POOL_TIMEOUT);
            assert_int_equal(answered(&r, 5), end == 1 ? 10000 : BC_TXS_POOL_TIMEOUT);
        }
        assert_int_equal(answered(&r, 0), -1);
        bc_tx_unref(tx);
        rig_free(&r);
    }
}

/* A block has it before the host has answered: for all who wait that is the end. */
static void a_block_is_faster_than_the_host(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    bc_tx_t *tx = numbered(&r, 1);
    submit(&r, tx, 4, false);
    submit(&r, tx, 5, true);
    commit(&r, tx);
    assert_int_equal(answered(&r, 5), 10000);
    assert_int_equal(answered(&r, 4), 10000);
    recover(&r, true);
    assert_int_equal(answered(&r, 0), -1);
    assert_int_equal(stats(&r).txs, 0);
    bc_tx_unref(tx);
    rig_free(&r);
}

/* Blocks may have it for a while after its limit (docs/notes/0023): the sealer keeps what it has
 * taken. */
static void the_sealer_keeps_what_is_late(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    bc_tx_t *other = numbered(&r, 1);
    assert_int_equal(offer(&r, make(&r, (spec_t){ .nonce = "2", .limit = HEIGHT + 1 })),
                     BC_TXS_NONE);
    bc_metas_unref(fetch(&r, 1));
    commit(&r, other);
    assert_null(take(&r, BC_MSG_WITHDRAW));
    assert_int_equal(stats(&r).txs, 1);
    bc_tx_unref(other);
    rig_free(&r);
}

/* Gossip waits for nothing, and hears nothing. */
static void gossip_of_what_is_there_changes_nothing(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    bc_tx_t *tx = numbered(&r, 1);
    submit(&r, tx, 4, true);
    assert_int_equal(pool_offer(r.pool.self, bc_tx_ref(tx), NULL, false), BC_TXS_ALREADY_IN_POOL);
    recover(&r, true);
    assert_int_equal(pool_offer(r.pool.self, bc_tx_ref(tx), NULL, false), BC_TXS_ALREADY_IN_POOL);
    assert_int_equal(stats(&r).txs, 1);
    commit(&r, tx);
    assert_int_equal(answered(&r, 4), 10000);
    assert_int_equal(answered(&r, 0), -1);
    bc_tx_unref(tx);
    rig_free(&r);
}

/* Each hears of its own place in the block. */
static void a_block_answers_all_of_it(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    bc_committed_t *c = bc_xcalloc(1, sizeof *c);
    atomic_init(&c->refs, 1);
    c->number = HEIGHT + 1;
    c->txs = bc_txs_new(4);
    c->config = config_at(c->number, &r.key.pub);
    for (int i = 0; i < 4; i++)
        c->txs->v[i] = numbered(&r, i);
    for (int i = 1; i < 4; i += 2)
        submit(&r, c->txs->v[i], 10 + (uint64_t)i, true);
    recover(&r, true);
    bc_tx_t *rival = make(&r, (spec_t){ .nonce = "2", .limit = HEIGHT + 9 });
    assert_int_equal(offer(&r, bc_tx_ref(rival)), BC_TXS_NONE);
    bc_metas_unref(fetch(&r, 9));
    bc_msg_t *m = bc_msg_new(BC_ACTOR_SCHEDULER, BC_ACTOR_TXPOOL, BC_MSG_COMMITTED);
    m->number = c->number;
    m->committed = bc_committed_ref(c);
    feed(&r, m);
    assert_int_equal(answered(&r, 11), 10001);
    assert_int_equal(answered(&r, 13), 10003);
    m = take(&r, BC_MSG_WITHDRAW); /* of a nonce in the middle of the block */
    assert_true(m && m->metas->cnt == 1);
    assert_memory_equal(m->metas->v[0].hash.b, rival->hash.b, 32);
    bc_msg_free(m);
    for (int i = 0; i < 4; i++)
        assert_true(window_has(&pool_of(&r)->window, c->txs->v[i]->w.data.nonce, 1));
    assert_int_equal(pool_of(&r)->senders.cnt, 0); /* no Web3 account has these nonces */
    bc_tx_unref(rival);
    bc_committed_unref(c);
    assert_int_equal(stats(&r).txs, 0);
    rig_free(&r);
}

/* ---- the size ---- */

static size_t sizes(rig_t *r, int64_t size, int64_t unsealed)
{
    size_t cnt = 0, pbft = 0;
    for (bc_msg_t *m; (m = take(r, BC_MSG_POOL_SIZE)); bc_msg_free(m), cnt++) {
        assert_int_equal(m->number, size);
        assert_int_equal(m->number2, unsealed);
        pbft += m->to == BC_ACTOR_PBFT;
    }
    assert_int_equal(pbft * 2, cnt); /* consensus and the sealer */
    return pbft;
}

static void the_size_is_told_now_and_then(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    int64_t after = 0;
    bc_tx_t *a = numbered(&r, 1), *b = numbered(&r, 2);
    assert_int_equal(offer(&r, bc_tx_ref(a)), BC_TXS_NONE);
    assert_int_equal(sizes(&r, 1, 1), 1);
    assert_int_equal(timers(&r, TIMER_EXPIRE, &after), 1);
    assert_int_equal(after, EXPIRE_EVERY_MS);
    assert_int_equal(timers(&r, TIMER_SIZE, &after), 0);
    assert_int_equal(offer(&r, bc_tx_ref(b)), BC_TXS_NONE);
    assert_int_equal(offer(&r, numbered(&r, 3)), BC_TXS_NONE);
    assert_int_equal(sizes(&r, 0, 0), 0);
    assert_int_equal(timers(&r, TIMER_SIZE, &after), 1);
    assert_int_equal(after, SIZE_EVERY_MS);
    assert_int_equal(timers(&r, TIMER_EXPIRE, &after), 0);
    fire(&r, TIMER_SIZE);
    assert_int_equal(sizes(&r, 3, 3), 1);
    assert_int_equal(timers(&r, TIMER_SIZE, &after), 0);
    bc_metas_unref(fetch(&r, 1)); /* as many, but fewer that wait */
    assert_int_equal(timers(&r, TIMER_SIZE, &after), 1);
    fire(&r, TIMER_SIZE);
    assert_int_equal(sizes(&r, 3, 2), 1);
    fire(&r, TIMER_SIZE); /* nothing new */
    assert_int_equal(sizes(&r, 0, 0), 0);
    assert_int_equal(timers(&r, TIMER_SIZE, &after), 0);
    bc_metas_unref(fetch(&r, 0));
    assert_int_equal(timers(&r, TIMER_SIZE, &after), 0);
    pool_drop(r.pool.self, pool_find(r.pool.self, &a->hash), BC_TXS_NONE);
    bc_metas_unref(fetch(&r, 0)); /* fewer, but as many that wait */
    assert_int_equal(timers(&r, TIMER_SIZE, &after), 1);
    bc_metas_unref(fetch(&r, 9)); /* it is on its way */
    assert_int_equal(timers(&r, TIMER_SIZE, &after), 0);
    fire(&r, TIMER_EXPIRE);
    assert_int_equal(timers(&r, TIMER_EXPIRE, &after), 1); /* some are left */
    bc_tx_unref(a);
    bc_tx_unref(b);
    rig_free(&r);
}

static void an_empty_pool_has_nothing_to_expire(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    int64_t after;
    bc_tx_t *a = numbered(&r, 1);
    bc_metas_unref(fetch(&r, 1));
    assert_int_equal(timers(&r, TIMER_EXPIRE, &after), 0);
    assert_int_equal(offer(&r, bc_tx_ref(a)), BC_TXS_NONE);
    commit(&r, a);
    drop_all(&r);
    fire(&r, TIMER_EXPIRE);
    assert_int_equal(timers(&r, TIMER_EXPIRE, &after), 0);
    assert_int_equal(offer(&r, numbered(&r, 2)), BC_TXS_NONE);
    assert_int_equal(timers(&r, TIMER_EXPIRE, &after), 1);
    bc_tx_unref(a);
    rig_free(&r);
}

/* ---- time ---- */

static void time_ends_the_oldest(void **state)
{
    (void)state;
    for (int by_fetch = 0; by_fetch < 2; by_fetch++) {
        rig_t r = rig_new(0);
        bc_tx_t *t[3];
        for (int i = 0; i < 3; i++) {
            t[i] = numbered(&r, i);
            assert_int_equal(offer(&r, bc_tx_ref(t[i])), BC_TXS_NONE);
            r.now.utc_ms += 10;
        }
        r.now.utc_ms += 600000 - 20 + 1; /* 11 ms too late, 1 ms, 9 ms are left */
        if (by_fetch)
            bc_metas_unref(fetch(&r, 1));
        else
            fire(&r, TIMER_EXPIRE);
        assert_int_equal(stats(&r).expired, 2);
        assert_int_equal(stats(&r).txs, 1);
        r.now.utc_ms += 9;
        fire(&r, TIMER_EXPIRE);
        bc_metas_t *metas = fetch(&r, 3);
        assert_int_equal(metas->cnt, !by_fetch);
        bc_metas_unref(metas);
        feed(&r, bc_msg_new(BC_ACTOR_PBFT, BC_ACTOR_TXPOOL, BC_MSG_UNSEAL_ALL));
        r.now.utc_ms += 1;
        fire(&r, TIMER_EXPIRE);
        assert_int_equal(stats(&r).expired, 3);
        for (int i = 0; i < 3; i++)
            bc_tx_unref(t[i]);
        rig_free(&r);
    }
}

/* Whose turn to seal never comes, or not for long, looks itself for what is impossible. */
static void who_does_not_seal_cleans_up(void **state)
{
    (void)state;
    static const bc_nodeid_t other = { { 1 } };
    for (int sealer = 0; sealer < 2; sealer++) {
        for (int timeout = 0; timeout < 2; timeout++) {
            rig_t r = rig_new(0);
            assert_true(pool_of(&r)->is_sealer); /* from the start */
            bc_tx_t *tx = make(&r, (spec_t){ .nonce = "1", .limit = HEIGHT + 1 });
            submit(&r, tx, 5, true);
            recover(&r, true);
            assert_int_equal(offer(&r, numbered(&r, 2)), BC_TXS_NONE);
            bc_msg_t *m = bc_msg_new(BC_ACTOR_PBFT, BC_ACTOR_TXPOOL, BC_MSG_CONSENSUS_STATE);
            m->flag = timeout;
            feed(&r, m);
            bc_committed_t *c = bc_xcalloc(1, sizeof *c);
            atomic_init(&c->refs, 1);
            c->number = HEIGHT + 1;
            c->txs = bc_txs_new(0);
            c->config = config_at(c->number, sealer ? &r.key.pub : &other);
            m = bc_msg_new(BC_ACTOR_SCHEDULER, BC_ACTOR_TXPOOL, BC_MSG_COMMITTED);
            m->committed = c;
            feed(&r, m);
            fire(&r, TIMER_EXPIRE);
            bool cleans = !sealer || timeout;
            assert_int_equal(answered(&r, 5), cleans ? BC_TXS_BLOCK_LIMIT_CHECK_FAIL : -1);
            assert_int_equal(stats(&r).expired, 0);
            bc_metas_t *metas = fetch(&r, 10); /* who seals finds it then */
            assert_int_equal(metas->cnt, 1);
            bc_metas_unref(metas);
            assert_int_equal(answered(&r, 5), cleans ? -1 : BC_TXS_BLOCK_LIMIT_CHECK_FAIL);
            bc_tx_unref(tx);
            rig_free(&r);
        }
    }
}

int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_host_gets_batches),
        cmocka_unit_test(what_leaves_the_queue_is_not_asked_for),
        cmocka_unit_test(what_is_replaced_is_counted_anew),
        cmocka_unit_test(an_answer_is_about_what_was_asked),
        cmocka_unit_test(each_has_its_state),
        cmocka_unit_test(the_last_byte_fits),
        cmocka_unit_test(what_is_left_out_of_the_configuration),
        cmocka_unit_test(one_waits_for_the_end),
        cmocka_unit_test(a_block_is_faster_than_the_host),
        cmocka_unit_test(the_sealer_keeps_what_is_late),
        cmocka_unit_test(gossip_of_what_is_there_changes_nothing),
        cmocka_unit_test(a_block_answers_all_of_it),
        cmocka_unit_test(the_size_is_told_now_and_then),
        cmocka_unit_test(an_empty_pool_has_nothing_to_expire),
        cmocka_unit_test(time_ends_the_oldest),
        cmocka_unit_test(who_does_not_seal_cleans_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
