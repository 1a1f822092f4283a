/* Whole cores together, without chance: what a chain must do in plain situations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/log.h"
#include "protocol/status.h"
#include "scheduling/pbft/pbft_impl.h"
#include "sim.h"

static sim_t *cluster(int sealers, bool real)
{
    sim_options_t o = {
        .seed = 3, .sealers = sealers, .real_crypto = real, .delay_ms = 5, .disk_ms = 2
    };
    sim_t *s = sim_new(&o);
    for (int i = 0; i < sealers; i++)
        sim_start(s, i);
    sim_run_until(s, 2000);
    return s;
}

static void well(const sim_t *s)
{
    if (sim_failure(s))
        fail_msg("%s", sim_failure(s));
}

static void in_view(const sim_t *s, int i, int64_t view)
{
    bc_pbft_status_t st;
    sim_pbft(s, i, &st);
    assert_int_equal(st.view, view);
    assert_false(st.timeout);
}

static void four_nodes_commit_blocks(void **state)
{
    (void)state;
    sim_t *s = cluster(4, true);
    for (int i = 0; i < 4; i++)
        in_view(s, i, 1);
    uint64_t before = sim_frames(s, BC_MODULE_PBFT);
    for (int64_t n = 1; n <= 8; n++) {
        sim_submit(s, (int)n % 4, 1, false);
        assert_true(sim_run_to_height(s, n, sim_now(s) + 2000));
    }
    well(s);
    for (int64_t n = 1; n <= 8; n++) {
        bc_h256_t a, b;
        sim_block_hash(s, 0, n, &a);
        for (int i = 1; i < 4; i++) {
            sim_block_hash(s, i, n, &b);
            assert_memory_equal(&a, &b, 32);
        }
        assert_int_equal(sim_block_txs(s, 0, n), 1);
    }
    sim_run_until(s, sim_now(s) + 1000);
    /* a pre-prepare of one and three votes of four, each to three others; nothing else */
    assert_int_equal(sim_frames(s, BC_MODULE_PBFT) - before, 8 * (3 + 3 * 4 * 3));
    for (int i = 0; i < 4; i++)
        in_view(s, i, 1);
    sim_free(s);
}

static void idle_nodes_are_quiet(void **state)
{
    (void)state;
    sim_t *s = cluster(4, false);
    sim_submit(s, 0, 3, false);
    assert_true(sim_run_to_height(s, 1, 4000));
    sim_run_until(s, 8000);
    uint64_t frames = sim_frames(s, BC_MODULE_PBFT);
    sim_run_until(s, 128000);
    assert_int_equal(sim_frames(s, BC_MODULE_PBFT), frames);
    well(s);
    sim_free(s);
}

static void one_node_alone(void **state)
{
    (void)state;
    sim_t *s = cluster(1, false);
    for (int64_t n = 1; n <= 5; n++) {
        sim_submit(s, 0, 2, n == 3);
        assert_true(sim_run_to_height(s, n, sim_now(s) + 2000));
    }
    sim_crash(s, 0);
    sim_start(s, 0);
    sim_submit(s, 0, 2, false);
    assert_true(sim_run_to_height(s, 6, sim_now(s) + 4000));
    well(s);
    sim_free(s);
}

/* The leader of the next block dies: its connections close, the others go on at once. */
static void dead_leader_is_skipped(void **state)
{
    (void)state;
    sim_t *s = cluster(4, false);
    sim_crash(s, 2); /* leader(1, 1) */
    sim_run_until(s, 3000);
    sim_submit(s, 0, 3, false);
    assert_true(sim_run_to_height(s, 1, 4500));
    for (int64_t n = 2; n <= 6; n++) {
        sim_submit(s, 0, 3, false);
        assert_true(sim_run_to_height(s, n, sim_now(s) + 2000));
    }
    /* and it catches up and takes part again */
    sim_start(s, 2);
    sim_run_until(s, sim_now(s) + 5000);
    assert_int_equal(sim_height(s, 2), 6);
    sim_crash(s, 0);
    sim_submit(s, 1, 3, false);
    assert_true(sim_run_to_height(s, 7, sim_now(s) + 30000)); /* needs all three */
    well(s);
    sim_free(s);
}

static int mute_node;
static bc_buf_t *mute(void *ctx, int from, int to, bc_buf_t *data)
{
    (void)ctx;
    (void)to;
    return from == mute_node ? NULL : data;
}

/* Connected but silent: the time-out finds it. */
static void silent_leader_is_voted_out(void **state)
{
    (void)state;
    sim_t *s = cluster(4, false);
    mute_node = 2;
    sim_hook(s, mute, NULL);
    sim_submit(s, 0, 3, false);
    assert_true(sim_run_to_height(s, 1, sim_now(s) + 12000));
    well(s);
    sim_free(s);
}

static void restart_of_one_changes_no_view(void **state)
{
    (void)state;
    sim_t *s = cluster(4, false);
    for (int64_t n = 1; n <= 12; n++) {
        int victim = (int)(n % 4);
        sim_crash(s, victim);
        sim_start(s, victim);
        sim_run_until(s, sim_now(s) + 700); /* connections come back */
        sim_submit(s, (victim + 1) % 4, 2, false);
        assert_true(sim_run_to_height(s, n, sim_now(s) + 2500));
    }
    for (int i = 0; i < 4; i++)
        in_view(s, i, 1);
    well(s);
    sim_free(s);
}

static void power_cut_changes_no_view(void **state)
{
    (void)state;
    sim_t *s = cluster(4, false);
    sim_submit(s, 0, 2, false);
    assert_true(sim_run_to_height(s, 1, 4000));
    for (int i = 0; i < 4; i++)
        sim_crash(s, i);
    for (int i = 0; i < 4; i++)
        sim_start(s, i);
    sim_run_until(s, sim_now(s) + 1000);
    sim_submit(s, 1, 2, false);
    assert_true(sim_run_to_height(s, 2, sim_now(s) + 1500));
    for (int i = 0; i < 4; i++)
        in_view(s, i, 1);
    well(s);
    sim_free(s);
}

/* Votes of the old life that met nobody at the start are said again to each node that connects.
 * Time-outs are left where transactions died with the memory of the node that had proposed them,
 * and where one node lacks the signatures of a block that the others have. */
static void power_cuts_within_a_height_cost_few_time_outs(void **state)
{
    (void)state;
    sim_t *s = cluster(4, false);
    sim_set_network(s, 0, 0, 20);
    int slow = 0;
    for (int64_t n = 1; n <= 200; n++) {
        sim_submit(s, (int)(n % 4), 2, false);
        sim_run_until(s, sim_now(s) + 450 + n);
        int64_t before = sim_highest(s);
        for (int i = 0; i < 4; i++) {
            sim_crash(s, (int)(n + i) % 4);
            sim_run_until(s, sim_now(s) + 7 * n % 13);
        }
        for (int i = 0; i < 4; i++) {
            sim_start(s, (int)(n / 4 + i) % 4);
            sim_run_until(s, sim_now(s) + 61 * n % 101);
        }
        sim_submit(s, (int)(n % 4), 2, false);
        int64_t from = sim_now(s);
        assert_true(sim_run_to_height(s, before + 1, from + 6000));
        slow += sim_now(s) - from > 1000;
    }
    assert_in_range(slow, 0, 4);
    well(s);
    sim_free(s);
}

/* The leader gives half of the nodes another block of the same height and view. */
typedef struct {
    sim_t *s;
    int bad;
    int told;
} twoface_t;

static bc_buf_t *twoface(void *ctx, int from, int to, bc_buf_t *data)
{
    twoface_t *t = ctx;
    pbft_msg_t m;
    bc_arena_t arena = { 0 };
    bc_buf_t *out = data;
    if (from == t->bad && to % 2 &&
        pbft_decode(BC_SUITE_STANDARD, bc_buf_view(data), &m, &arena) == BC_OK &&
        m.type == PBFT_PRE_PREPARE) {
        pbft_t p = { .suite = BC_SUITE_STANDARD };
        prop_t *q = prop_from_wire(&p, &m.proposal);
        bc_header_t h = q->header->h;
        h.data.timestamp++;
        h.data_hash = (bc_bytes_t){ 0 };
        bc_hdr_t *hdr = bc_hdr_new(BC_SUITE_STANDARD, &h);
        prop_t *other = prop_from_sealer(&p, hdr, q->metas, false);
        uint8_t sig[BC_SIG_MAX];
        prop_to_wire(other, true, &m.proposal);
        m.base.hash = other->hash;
        pbft_digest(BC_SUITE_STANDARD, &m, &m.digest);
        m.sig = bc_bytes(sig, bc_sign(sim_key(t->s, from), &m.digest, sig));
        out = pbft_encode(&m);
        t->told++;
        prop_unref(other);
        prop_unref(q);
        bc_hdr_unref(hdr);
    }
    bc_arena_free(&arena);
    return out;
}

static void two_faced_leader_splits_nothing(void **state)
{
    (void)state;
    sim_options_t o = { .seed = 2, .sealers = 4, .delay_ms = 5, .disk_ms = 2, .injects = true };
    sim_t *s = sim_new(&o);
    for (int i = 0; i < 4; i++)
        sim_start(s, i);
    sim_run_until(s, 2000);
    twoface_t t = { s, 2, 0 };
    sim_hook(s, twoface, &t);
    for (int64_t n = 1; n <= 10; n++) {
        sim_submit(s, 0, 2, false);
        assert_true(sim_run_to_height(s, n, sim_now(s) + 60000));
    }
    assert_true(t.told > 0);
    well(s); /* one block per height is checked at every write */
    sim_free(s);
}

static void weights_rule(void **state)
{
    (void)state;
    sim_options_t o = { .seed = 3, .sealers = 4, .delay_ms = 5, .weights = { 1, 1, 1, 5 } };
    sim_t *s = sim_new(&o); /* quorum 6: nothing without the last node, one light one may be away */
    for (int i = 0; i < 4; i++)
        sim_start(s, i);
    sim_run_until(s, 2000);
    sim_crash(s, 0);
    sim_crash(s, 1);
    sim_submit(s, 2, 2, false);
    assert_true(sim_run_to_height(s, 1, 30000));
    sim_crash(s, 3);
    sim_submit(s, 2, 2, false);
    sim_run_until(s, 120000);
    assert_int_equal(sim_highest(s), 1);
    well(s);
    sim_free(s);
}

static void rounds_of_one_leader_are_pipelined(void **state)
{
    (void)state;
    sim_options_t o = { .seed = 5, .sealers = 4, .delay_ms = 40, .leader_period = 5, .tx_count_limit = 2 };
    sim_t *s = sim_new(&o);
    for (int i = 0; i < 4; i++)
        sim_start(s, i);
    sim_run_until(s, 3000);
    sim_submit(s, 0, 60, false);
    assert_true(sim_run_to_height(s, 30, 20000));
    well(s);
    sim_free(s);
}

int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_nodes_commit_blocks),
        cmocka_unit_test(idle_nodes_are_quiet),
        cmocka_unit_test(one_node_alone),
        cmocka_unit_test(dead_leader_is_skipped),
        cmocka_unit_test(silent_leader_is_voted_out),
        cmocka_unit_test(restart_of_one_changes_no_view),
        cmocka_unit_test(power_cut_changes_no_view),
        cmocka_unit_test(power_cuts_within_a_height_cost_few_time_outs),
        cmocka_unit_test(two_faced_leader_splits_nothing),
        cmocka_unit_test(weights_rule),
        cmocka_unit_test(rounds_of_one_leader_are_pipelined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
