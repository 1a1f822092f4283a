#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "iface/test_actor.h"
#include "scheduling/sealer/sealer.h"

/* The sealer with the pool, consensus and the clock played by hand. */
typedef struct {
    bc_actor_if sealer;
    bc_out_t out;
    bc_now_t now;
    bc_ledger_config_t *config;
    uint32_t size; /* of transactions that the pool gives */
} rig_t;

static void feed(rig_t *r, bc_msg_t *m)
{
    r->out.from = BC_ACTOR_SEALER;
    r->sealer.ops->step(r->sealer.self, &r->now, m, &r->out);
    bc_msg_free(m);
}

static bc_msg_t *message(bc_actor_id_t from, bc_msg_kind_t kind)
{
    return bc_msg_new(from, BC_ACTOR_SEALER, kind);
}

static const bc_nodeid_t self = { { 1, 2, 3 } };

/* A window of one block after block 100; listed is the only sealer of the ledger. */
static rig_t rig_with(const bc_nodeid_t *listed, bool single)
{
    rig_t r = { .now = { 5000, 1700000000000 } };
    r.config = bc_xcalloc(1, sizeof *r.config);
    atomic_init(&r.config->refs, 1);
    r.config->number = 100;
    r.config->sealers = bc_arena_alloc(&r.config->arena, sizeof *r.config->sealers);
    r.config->sealer_cnt = 1;
    r.config->sealers[0] = (bc_node_entry_t){ .id = *listed, .vote_weight = 7 };
    r.sealer = bc_sealer_new(&(bc_sealer_config_t){ .self = self, .min_seal_time = 500, .single_point = single });
    bc_msg_t *m = message(BC_ACTOR_HOST, BC_MSG_START);
    m->config = bc_ledger_config_ref(r.config);
    feed(&r, m);
    m = message(BC_ACTOR_PBFT, BC_MSG_LATEST);
    m->number = 100;
    feed(&r, m);
    m = message(BC_ACTOR_PBFT, BC_MSG_SEAL);
    m->number = m->number2 = 101;
    m->token = 1000;
    feed(&r, m);
    return r;
}

static rig_t rig_new(void)
{
    return rig_with(&self, false);
}

static void rig_free(rig_t *r)
{
    bc_test_drop_all(&r->out);
    r->sealer.ops->free(r->sealer.self);
    bc_ledger_config_unref(r->config);
}

/* Answers the fetch that is under way; every third one is a system transaction. */
static void fetched(rig_t *r, size_t cnt)
{
    bc_msg_t *asked = bc_test_take(&r->out, BC_MSG_FETCH);
    assert_non_null(asked);
    bc_msg_t *m = message(BC_ACTOR_TXPOOL, BC_MSG_FETCHED);
    m->token = asked->token;
    m->metas = bc_metas_new(cnt);
    for (size_t i = 0; i < cnt; i++) {
        bc_store_be64(m->metas->v[i].hash.b, i + 1);
        m->metas->v[i].system = i % 3 == 2;
        m->metas->v[i].bounds[3] = (uint8_t)i;
        m->metas->v[i].size = r->size;
    }
    bc_msg_free(asked);
    feed(r, m);
}

static void pool_size(rig_t *r, int64_t unsealed)
{
    bc_msg_t *m = message(BC_ACTOR_TXPOOL, BC_MSG_POOL_SIZE);
    m->number = m->number2 = unsealed;
    feed(r, m);
}

static void fire(rig_t *r)
{
    bc_msg_t *m = message(BC_ACTOR_HOST, BC_MSG_TIMER);
    m->number = 1;
    feed(r, m);
}

/* A few transactions wait for more, and those that came last of all are taken along. */
static void waits_and_takes_the_latest(void **state)
{
    (void)state;
    rig_t r = rig_new();
    fetched(&r, 0);
    pool_size(&r, 2);
    fetched(&r, 2);
    assert_null(bc_test_take(&r.out, BC_MSG_PROPOSE));
    bc_msg_t *timer = bc_test_take(&r.out, BC_MSG_TIMER_SET);
    assert_non_null(timer);
    assert_int_equal(timer->number2, 500);
    bc_msg_free(timer);
    r.now.mono_ms += 500;
    fire(&r);
    assert_null(bc_test_take(&r.out, BC_MSG_PROPOSE)); /* looks into the pool first */
    fetched(&r, 3);
    bc_msg_t *p = bc_test_take(&r.out, BC_MSG_PROPOSE);
    assert_non_null(p);
    assert_int_equal(p->number, 101);
    assert_int_equal(p->metas->cnt, 5);
    bc_msg_free(p);
    rig_free(&r);
}

/* Nothing more has come: what is there goes out. */
static void proposes_when_nothing_came_late(void **state)
{
    (void)state;
    rig_t r = rig_new();
    fetched(&r, 2);
    assert_null(bc_test_take(&r.out, BC_MSG_PROPOSE));
    r.now.mono_ms += 500;
    fire(&r);
    fetched(&r, 0);
    bc_msg_t *p = bc_test_take(&r.out, BC_MSG_PROPOSE);
    assert_non_null(p);
    assert_int_equal(p->metas->cnt, 2);
    bc_msg_free(p);
    assert_null(bc_test_take(&r.out, BC_MSG_FETCH)); /* and it does not go on asking */
    rig_free(&r);
}

/* A full block does not wait. */
static void full_block_goes_at_once(void **state)
{
    (void)state;
    rig_t r = rig_new();
    fetched(&r, 1000);
    bc_msg_t *p = bc_test_take(&r.out, BC_MSG_PROPOSE);
    assert_non_null(p);
    assert_int_equal(p->metas->cnt, 1000);
    bc_h256_t root; /* the header names them */
    bc_metas_root(p->metas, BC_SUITE_STANDARD, &root);
    assert_true(bc_bytes_eq(p->header->h.data.txs_root, BC_VIEW(root)));
    bc_metas_bounds(p->metas, BC_SUITE_STANDARD, &root);
    assert_true(bc_bytes_eq(p->header->h.data.receipts_root, BC_VIEW(root)));
    bc_msg_free(p);
    rig_free(&r);
}

/* A block has to fit into a message: what is more waits for the next one. */
static void a_block_is_bounded_by_bytes(void **state)
{
    (void)state;
    static const struct {
        uint32_t size;
        size_t given, taken;
    } cases[] = { { 6 << 20, 3, 2 }, { 8 << 20, 2, 2 }, { (8 << 20) + 1, 2, 1 }, { 17 << 20, 2, 1 } };
    for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++) {
        rig_t r = rig_new();
        r.size = cases[i].size;
        fetched(&r, cases[i].given);
        bc_msg_t *p = bc_test_take(&r.out, BC_MSG_PROPOSE); /* full: at once */
        assert_non_null(p);
        assert_int_equal(p->metas->cnt, cases[i].taken);
        bc_msg_free(p);
        rig_free(&r);
    }
}

/* Their nonces went into a block meanwhile. */
static void what_is_withdrawn_is_not_proposed(void **state)
{
    (void)state;
    rig_t r = rig_new();
    fetched(&r, 6);
    bc_msg_t *m = message(BC_ACTOR_TXPOOL, BC_MSG_WITHDRAW);
    m->metas = bc_metas_new(3);
    bc_store_be64(m->metas->v[0].hash.b, 6); /* a system transaction */
    bc_store_be64(m->metas->v[1].hash.b, 1);
    bc_store_be64(m->metas->v[2].hash.b, 77);
    feed(&r, m);
    r.now.mono_ms += 500;
    fire(&r);
    fetched(&r, 0);
    bc_msg_t *p = bc_test_take(&r.out, BC_MSG_PROPOSE);
    assert_non_null(p);
    static const uint8_t left[] = { 3, 2, 4, 5 };
    assert_int_equal(p->metas->cnt, BC_ARRAY_LEN(left));
    for (size_t i = 0; i < BC_ARRAY_LEN(left); i++)
        assert_int_equal(p->metas->v[i].hash.b[7], left[i]);
    bc_msg_free(p);
    rig_free(&r);
}

/* experimental.single_point_consensus: alone, also where the ledger names others. */
static void names_itself_alone_when_it_is_all_there_is(void **state)
{
    (void)state;
    static const bc_nodeid_t other = { { 9 } };
    rig_t r = rig_with(&other, true);
    fetched(&r, 1000);
    bc_msg_t *p = bc_test_take(&r.out, BC_MSG_PROPOSE);
    assert_non_null(p);
    const bc_header_data_t *h = &p->header->h.data;
    assert_int_equal(h->sealer, 0);
    assert_int_equal(h->sealer_list.n, 1);
    assert_true(bc_bytes_eq(((bc_bytes_t *)h->sealer_list.v)[0], BC_VIEW(self)));
    assert_int_equal(((int64_t *)h->weights.v)[0], 1);
    bc_msg_free(p);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_and_takes_the_latest),
        cmocka_unit_test(proposes_when_nothing_came_late),
        cmocka_unit_test(full_block_goes_at_once),
        cmocka_unit_test(a_block_is_bounded_by_bytes),
        cmocka_unit_test(what_is_withdrawn_is_not_proposed),
        cmocka_unit_test(names_itself_alone_when_it_is_all_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
