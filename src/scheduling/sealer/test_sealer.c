#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/log.h"
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

/* ---- windows of several blocks ---- */

static void latest(rig_t *r, int64_t number, int64_t timestamp)
{
    bc_msg_t *m = message(BC_ACTOR_PBFT, BC_MSG_LATEST);
    m->number = number;
    m->number2 = timestamp;
    feed(r, m);
}

static void window(rig_t *r, int64_t from, int64_t to, uint64_t max_txs)
{
    bc_msg_t *m = message(BC_ACTOR_PBFT, BC_MSG_SEAL);
    m->number = from;
    m->number2 = to;
    m->token = max_txs;
    feed(r, m);
}

static void reset(rig_t *r)
{
    feed(r, message(BC_ACTOR_PBFT, BC_MSG_SEAL_RESET));
}

/* Whose is the block after 100, with the window given, and nothing in the pool yet. */
static rig_t rig_window(int64_t from, int64_t to, uint64_t max_txs)
{
    rig_t r = rig_new();
    fetched(&r, 0);
    reset(&r);
    window(&r, from, to, max_txs);
    return r;
}

typedef enum { NORMAL, SYSTEM, HIDDEN } sort_t; /* HIDDEN: of a system contract, written with 0x */

/* Answers the fetch with transactions first .. first + cnt - 1 of a sort. Returns how many were asked for. */
static int64_t fetched_of(rig_t *r, int first, size_t cnt, sort_t sort)
{
    bc_msg_t *asked = bc_test_take(&r->out, BC_MSG_FETCH);
    assert_non_null(asked);
    int64_t want = asked->number2;
    bc_msg_t *m = message(BC_ACTOR_TXPOOL, BC_MSG_FETCHED);
    m->token = asked->token;
    m->metas = bc_metas_new(cnt);
    for (size_t i = 0; i < cnt; i++) {
        m->metas->v[i].hash.b[0] = (uint8_t)(first + (int)i);
        m->metas->v[i].system = sort == SYSTEM;
        snprintf(m->metas->v[i].to, sizeof m->metas->v[i].to, "%s%040d", sort == HIDDEN ? "0x" : "",
                 sort == NORMAL ? 7 : 1003);
    }
    bc_msg_free(asked);
    feed(r, m);
    return want;
}

/* The block that is proposed now: its number, and its transactions by their first bytes. 0: none. */
static int64_t proposed(rig_t *r, const char *txs)
{
    bc_msg_t *p = bc_test_take(&r->out, BC_MSG_PROPOSE);
    if (!p)
        return 0;
    int64_t number = p->number;
    assert_int_equal(p->header->h.data.number, number);
    assert_int_equal(p->metas->cnt, strlen(txs));
    for (size_t i = 0; i < p->metas->cnt; i++)
        assert_int_equal(p->metas->v[i].hash.b[0], txs[i]);
    bc_msg_free(p);
    return number;
}

/* What goes back to the pool now, as text; NULL: nothing. */
static const char *given_back(rig_t *r)
{
    static char text[64];
    bc_msg_t *m = bc_test_take(&r->out, BC_MSG_UNSEAL);
    if (!m)
        return NULL;
    assert_int_equal(m->number, -1);
    assert_true(m->metas->cnt < sizeof text);
    for (size_t i = 0; i < m->metas->cnt; i++)
        text[i] = (char)m->metas->v[i].hash.b[0];
    text[m->metas->cnt] = 0;
    bc_msg_free(m);
    return text;
}

/* One height after the other, each with its share, as they came; of the last the rest has to wait. */
static void a_window_is_filled_height_by_height(void **state)
{
    (void)state;
    rig_t r = rig_window(101, 104, 2);
    assert_int_equal(fetched_of(&r, 'a', 5, NORMAL), 8);
    assert_int_equal(proposed(&r, "ab"), 101);
    assert_int_equal(proposed(&r, "cd"), 102);
    assert_int_equal(proposed(&r, ""), 0);
    assert_null(bc_test_take(&r.out, BC_MSG_FETCH)); /* the pool is empty, as far as it knows */
    pool_size(&r, 2);
    assert_int_equal(fetched_of(&r, 'f', 1, NORMAL), 3);
    assert_int_equal(proposed(&r, "ef"), 103);
    fetched_of(&r, 'g', 2, NORMAL);
    assert_int_equal(proposed(&r, "gh"), 104);
    assert_null(bc_test_take(&r.out, BC_MSG_FETCH)); /* there is nothing left to seal */
    pool_size(&r, 9);
    assert_null(bc_test_take(&r.out, BC_MSG_FETCH));
    window(&r, 105, 106, 2); /* goes on */
    assert_int_equal(fetched_of(&r, 'i', 2, NORMAL), 4);
    assert_int_equal(proposed(&r, "ij"), 105);
    bc_msg_free(bc_test_take(&r.out, BC_MSG_FETCH));
    assert_null(given_back(&r));
    rig_free(&r);
}

/* A window grows while it is worked at: what is left of it, and in hand, stays. */
static void a_window_that_grows_skips_nothing(void **state)
{
    (void)state;
    rig_t r = rig_window(101, 102, 2);
    fetched_of(&r, 'a', 3, NORMAL);
    assert_int_equal(proposed(&r, "ab"), 101);
    window(&r, 103, 103, 2);
    assert_null(given_back(&r));
    fetched_of(&r, 'd', 3, NORMAL);
    assert_int_equal(proposed(&r, "cd"), 102);
    assert_int_equal(proposed(&r, "ef"), 103);
    rig_free(&r);
}

/* Each small block has its time, not only the first one. */
static void each_small_block_waits_its_time(void **state)
{
    (void)state;
    rig_t r = rig_window(101, 103, 2);
    fetched_of(&r, 'a', 3, NORMAL);
    assert_int_equal(proposed(&r, "ab"), 101);
    r.now.mono_ms += 499;
    pool_size(&r, 1);
    fetched_of(&r, 'd', 0, NORMAL);
    assert_int_equal(proposed(&r, ""), 0);
    r.now.mono_ms += 1;
    fire(&r);
    fetched_of(&r, 'd', 0, NORMAL);
    assert_int_equal(proposed(&r, "c"), 102);
    r.now.mono_ms += 10;
    pool_size(&r, 1);
    fetched_of(&r, 'd', 1, NORMAL);
    assert_int_equal(proposed(&r, ""), 0);
    bc_msg_t *timer = NULL, *t;
    while ((t = bc_test_take(&r.out, BC_MSG_TIMER_SET))) {
        bc_msg_free(timer);
        timer = t;
    }
    assert_non_null(timer);
    assert_int_equal(timer->number, 1);
    assert_int_equal(timer->number2, 490);
    bc_msg_free(timer);
    pool_size(&r, 1);
    fetched_of(&r, 'd', 0, NORMAL);
    assert_null(bc_test_take(&r.out, BC_MSG_TIMER_SET)); /* it is set */
    rig_free(&r);
}

/* The others' time-out for a leader does not know what is configured here. */
static void nobody_waits_too_long(void **state)
{
    (void)state;
    rig_t r = rig_new();
    r.sealer.ops->free(r.sealer.self);
    r.sealer = bc_sealer_new(&(bc_sealer_config_t){ .self = self, .min_seal_time = 60000 });
    bc_msg_t *m = message(BC_ACTOR_HOST, BC_MSG_START);
    m->config = bc_ledger_config_ref(r.config);
    feed(&r, m);
    latest(&r, 100, 1);
    bc_test_drop_all(&r.out);
    window(&r, 101, 101, 2);
    fetched_of(&r, 'a', 1, NORMAL);
    m = bc_test_take(&r.out, BC_MSG_TIMER_SET);
    assert_non_null(m);
    assert_int_equal(m->number2, BC_SEALER_WAIT_MAX);
    bc_msg_free(m);
    rig_free(&r);
}

/* Two answers to two questions, or none: one is under way at a time. */
static void one_question_at_a_time(void **state)
{
    (void)state;
    rig_t r = rig_window(101, 101, 5);
    pool_size(&r, 3);
    bc_msg_t *asked = bc_test_take(&r.out, BC_MSG_FETCH);
    assert_null(bc_test_take(&r.out, BC_MSG_FETCH));
    bc_msg_t *m = message(BC_ACTOR_TXPOOL, BC_MSG_FETCHED);
    m->token = asked->token + 1; /* not what it waits for */
    m->metas = bc_metas_new(5);
    feed(&r, m);
    assert_int_equal(proposed(&r, ""), 0);
    bc_msg_free(asked);
    rig_free(&r);
}

/* Times rise from block to block: the parent's, and those of a window that is proposed at one moment;
 * else the clock as the others see it. */
static void times_rise(void **state)
{
    (void)state;
    static const struct {
        int64_t parent, offset, want;
    } cases[] = { { -1, 0, 0 }, { 0, 0, 1 }, { 5000, 0, 5001 }, { -9, 700, 700 }, { -9000, -700, -700 } };
    for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++) {
        rig_t r = rig_window(101, 103, 1);
        int64_t utc = r.now.utc_ms;
        bc_msg_t *m = message(BC_ACTOR_SYNC, BC_MSG_ALIGNED_TIME);
        m->number = cases[i].offset;
        feed(&r, m);
        latest(&r, 100, utc + cases[i].parent);
        fetched_of(&r, 'a', 3, NORMAL);
        int64_t want = utc + cases[i].want;
        for (int k = 0; k < 3; k++) {
            bc_msg_t *p = bc_test_take(&r.out, BC_MSG_PROPOSE);
            assert_non_null(p);
            int64_t at = p->header->h.data.timestamp;
            assert_int_equal(at, want + k);
            bc_msg_free(p);
        }
        rig_free(&r);
    }
}

/* What changes the sealer list, or the limits, is in the ledger before the next block is made. */
static void after_a_system_transaction_it_waits(void **state)
{
    (void)state;
    for (sort_t sort = NORMAL; sort <= HIDDEN; sort++) {
        rig_t r = rig_window(101, 103, 1);
        fetched_of(&r, 'a', 1, sort);
        bc_msg_t *p = bc_test_take(&r.out, BC_MSG_PROPOSE);
        assert_non_null(p);
        assert_int_equal(p->flag, sort == SYSTEM); /* by the chain's rule */
        bc_msg_free(p);
        pool_size(&r, 2);
        fetched_of(&r, 'b', sort == NORMAL ? 1 : 2, NORMAL);
        if (sort != NORMAL) {
            assert_int_equal(proposed(&r, ""), 0);
            pool_size(&r, 9); /* it has all that it may propose */
            assert_null(bc_test_take(&r.out, BC_MSG_FETCH));
            latest(&r, 100, 1);
            assert_int_equal(proposed(&r, ""), 0);
            latest(&r, 101, 1);
        }
        assert_int_equal(proposed(&r, "b"), 102);
        rig_free(&r);
    }
}

/* Only what SDKs write for a system contract is one: 0x and its forty digits. */
static void others_are_no_system_contracts(void **state)
{
    (void)state;
    static const char *const to[] = { "0x0000000000000000000000000000000000000007",
                                      "1x0000000000000000000000000000000000001003",
                                      "000000000000000000000000000000000000001003",
                                      "0x00000000000000000000000000000000000010030", "" };
    for (size_t i = 0; i < BC_ARRAY_LEN(to); i++) {
        rig_t r = rig_window(101, 102, 1);
        bc_msg_t *asked = bc_test_take(&r.out, BC_MSG_FETCH);
        bc_msg_t *m = message(BC_ACTOR_TXPOOL, BC_MSG_FETCHED);
        m->token = asked->token;
        m->metas = bc_metas_new(2);
        snprintf(m->metas->v[0].to, sizeof m->metas->v[0].to, "%s", to[i]);
        m->metas->v[0].hash.b[0] = 'a';
        m->metas->v[1].hash.b[0] = 'b';
        bc_msg_free(asked);
        feed(&r, m);
        assert_int_equal(proposed(&r, "a"), 101);
        assert_int_equal(proposed(&r, "b"), 102);
        rig_free(&r);
    }
}

/* That one was not taken: another view, another window, nothing to wait for. */
static void what_was_not_taken_is_not_waited_for(void **state)
{
    (void)state;
    rig_t r = rig_window(101, 103, 1);
    fetched_of(&r, 'a', 1, SYSTEM);
    assert_int_equal(proposed(&r, "a"), 101);
    reset(&r);
    window(&r, 101, 103, 1);
    fetched_of(&r, 'b', 1, NORMAL);
    assert_int_equal(proposed(&r, "b"), 101);
    rig_free(&r);
}

/* System transactions go first, and no block has more than its limit. */
static void system_transactions_go_first(void **state)
{
    (void)state;
    rig_t r = rig_window(101, 102, 3);
    fetched_of(&r, 'a', 2, NORMAL);
    pool_size(&r, 2);
    fetched_of(&r, 'x', 2, SYSTEM);
    assert_int_equal(proposed(&r, "xya"), 101);
    pool_size(&r, 4);
    fetched_of(&r, 'c', 4, SYSTEM);
    latest(&r, 101, 1);
    assert_int_equal(proposed(&r, "cde"), 102);
    r.now.mono_ms += 1000;
    latest(&r, 102, 1); /* the window is done, whatever is left */
    assert_int_equal(proposed(&r, ""), 0);
    reset(&r);
    assert_string_equal(given_back(&r), "fb");
    rig_free(&r);
}

/* Everything that it holds, and cannot propose, goes back to the pool. */
static void what_it_does_not_propose_goes_back(void **state)
{
    (void)state;
    rig_t r = rig_window(101, 102, 5);
    fetched_of(&r, 'a', 2, NORMAL);
    reset(&r);
    assert_string_equal(given_back(&r), "ab");
    reset(&r); /* once */
    assert_null(given_back(&r));
    window(&r, 101, 102, 5);
    fetched_of(&r, 'a', 1, SYSTEM);
    reset(&r);
    assert_string_equal(given_back(&r), "a");
    r.now.mono_ms += 1000;
    fire(&r); /* no window: nothing is sealed, nothing asked for */
    assert_int_equal(proposed(&r, ""), 0);
    assert_null(bc_test_take(&r.out, BC_MSG_FETCH));
    window(&r, 101, 102, 5);
    fetched_of(&r, 'c', 1, NORMAL);
    window(&r, 104, 104, 5); /* another one, without a word about the first */
    assert_string_equal(given_back(&r), "c");
    reset(&r); /* while the pool is looking */
    fetched_of(&r, 'd', 2, NORMAL);
    assert_string_equal(given_back(&r), "de");
    assert_int_equal(proposed(&r, ""), 0);
    rig_free(&r);
}

static void windows_without_room_are_none(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        rig_t r = rig_new();
        fetched(&r, 0);
        reset(&r);
        window(&r, 102, i ? 102 : 101, i ? 0 : 10);
        pool_size(&r, 5);
        assert_null(bc_test_take(&r.out, BC_MSG_FETCH));
        rig_free(&r);
    }
    rig_t r = rig_window(101, 101, 2);
    fetched_of(&r, 'a', 1, NORMAL);
    window(&r, 102, 102, 0); /* nor does it change the one there is */
    assert_int_equal(proposed(&r, ""), 0);
    r.now.mono_ms += 500;
    fire(&r);
    fetched_of(&r, 'b', 0, NORMAL);
    assert_int_equal(proposed(&r, "a"), 101);
    rig_free(&r);
}

static void listed(rig_t *r, bool self_too)
{
    static const bc_nodeid_t other = { { 9 } };
    bc_committed_t *c = bc_xcalloc(1, sizeof *c);
    atomic_init(&c->refs, 1);
    c->config = bc_xcalloc(1, sizeof *c->config);
    atomic_init(&c->config->refs, 1);
    c->config->number = 100;
    c->config->version = BC_VERSION_3_16_0;
    c->config->sealer_cnt = self_too ? 2 : 1;
    c->config->sealers = bc_arena_alloc(&c->config->arena, 2 * sizeof *c->config->sealers);
    c->config->sealers[0] = (bc_node_entry_t){ .id = other, .vote_weight = 3 };
    c->config->sealers[1] = (bc_node_entry_t){ .id = self, .vote_weight = 4 };
    bc_msg_t *m = message(BC_ACTOR_SCHEDULER, BC_MSG_COMMITTED);
    m->committed = c;
    feed(r, m);
}

static void who_leaves_the_list_seals_nothing(void **state)
{
    (void)state;
    rig_t r = rig_window(101, 102, 5);
    fetched_of(&r, 'a', 2, NORMAL);
    listed(&r, false);
    assert_string_equal(given_back(&r), "ab");
    listed(&r, true);
    pool_size(&r, 4); /* nobody has said that it is its turn again */
    assert_null(bc_test_take(&r.out, BC_MSG_FETCH));
    window(&r, 101, 101, 1);
    fetched_of(&r, 'c', 1, NORMAL);
    bc_msg_t *p = bc_test_take(&r.out, BC_MSG_PROPOSE);
    assert_non_null(p);
    const bc_header_data_t *h = &p->header->h.data;
    assert_int_equal(h->version, BC_VERSION_3_16_0);
    assert_int_equal(h->sealer, 1);
    assert_int_equal(h->sealer_list.n, 2);
    assert_int_equal(h->weights.n, 2);
    assert_true(bc_bytes_eq(((bc_bytes_t *)h->sealer_list.v)[1], BC_VIEW(self)));
    assert_int_equal(((int64_t *)h->weights.v)[0], 3);
    assert_int_equal(((int64_t *)h->weights.v)[1], 4);
    bc_msg_free(p);
    listed(&r, false);
    window(&r, 101, 101, 1); /* consensus has not heard of it yet */
    pool_size(&r, 4);
    assert_null(bc_test_take(&r.out, BC_MSG_FETCH));
    rig_free(&r);
}

/* Block sync was faster than the window: heights that exist are not proposed again. */
static void what_exists_is_not_sealed_again(void **state)
{
    (void)state;
    rig_t r = rig_window(101, 105, 1);
    latest(&r, 103, 1);
    fetched_of(&r, 'a', 1, NORMAL);
    assert_int_equal(proposed(&r, "a"), 104);
    rig_free(&r);
}

int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_and_takes_the_latest),
        cmocka_unit_test(proposes_when_nothing_came_late),
        cmocka_unit_test(full_block_goes_at_once),
        cmocka_unit_test(a_block_is_bounded_by_bytes),
        cmocka_unit_test(what_is_withdrawn_is_not_proposed),
        cmocka_unit_test(names_itself_alone_when_it_is_all_there_is),
        cmocka_unit_test(a_window_is_filled_height_by_height),
        cmocka_unit_test(a_window_that_grows_skips_nothing),
        cmocka_unit_test(each_small_block_waits_its_time),
        cmocka_unit_test(nobody_waits_too_long),
        cmocka_unit_test(one_question_at_a_time),
        cmocka_unit_test(times_rise),
        cmocka_unit_test(after_a_system_transaction_it_waits),
        cmocka_unit_test(others_are_no_system_contracts),
        cmocka_unit_test(what_was_not_taken_is_not_waited_for),
        cmocka_unit_test(system_transactions_go_first),
        cmocka_unit_test(what_it_does_not_propose_goes_back),
        cmocka_unit_test(windows_without_room_are_none),
        cmocka_unit_test(who_leaves_the_list_seals_nothing),
        cmocka_unit_test(what_exists_is_not_sealed_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
