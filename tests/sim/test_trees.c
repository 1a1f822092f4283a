/* A chain whose nodes do not tell everybody everything: sync.send_txs_by_tree and
 * sync_block_by_tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/log.h"
#include "protocol/status.h"
#include "sim.h"

enum { SEALERS = 10, OBSERVERS = 6, CNT = SEALERS + OBSERVERS };

static sim_t *start(bool trees)
{
    sim_options_t o = { .seed = 4,
                        .sealers = SEALERS,
                        .observers = OBSERVERS,
                        .trees = trees,
                        .delay_ms = 5,
                        .disk_ms = 2 };
    sim_t *s = sim_new(&o);
    for (int i = 0; i < CNT; i++)
        sim_start(s, i);
    sim_run_until(s, 3000);
    return s;
}

static void blocks(sim_t *s, int64_t from, int64_t to)
{
    for (int64_t n = from; n <= to; n++) {
        sim_submit(s, (int)(n % CNT), 3, false);
        assert_true(sim_run_to_height(s, n, sim_now(s) + 10000));
    }
    if (sim_failure(s))
        fail_msg("%s", sim_failure(s));
}

static void chain_runs_on_fewer_messages(void **state)
{
    (void)state;
    uint64_t direct, height_frames;
    sim_t *s = start(false);
    uint64_t before = sim_frames(s, BC_MODULE_BLOCK_SYNC);
    blocks(s, 1, 2 * CNT);
    direct = sim_frames(s, BC_MODULE_SYNC_PUSH_TX);
    height_frames = sim_frames(s, BC_MODULE_BLOCK_SYNC) - before;
    assert_int_equal(sim_frames(s, BC_MODULE_TREE_PUSH_TX), 0);
    sim_free(s);

    s = start(true);
    before = sim_frames(s, BC_MODULE_BLOCK_SYNC);
    blocks(s, 1, 2 * CNT);
    assert_int_equal(sim_frames(s, BC_MODULE_SYNC_PUSH_TX), 0);
    /* a transaction reaches each sealer but its first one, once */
    assert_in_range(sim_frames(s, BC_MODULE_TREE_PUSH_TX), direct * 9 / 10, direct);
    assert_true(sim_frames(s, BC_MODULE_BLOCK_SYNC) - before < height_frames * 3 / 4);
    sim_free(s);
}

/* With sealers away the others still get transactions, and observers still follow. */
static void absent_nodes_stop_nobody(void **state)
{
    (void)state;
    sim_t *s = start(true);
    blocks(s, 1, 3);
    sim_crash(s, 2);
    sim_crash(s, 5);
    sim_crash(s, 8);
    sim_crash(s, SEALERS);
    sim_run_until(s, sim_now(s) + 5000);
    sim_submit(s, CNT - 1, 5, false);
    assert_true(sim_run_to_height(s, 4, sim_now(s) + 60000));
    for (int i = 0; i < CNT; i++)
        sim_start(s, i);
    sim_submit(s, 2, 5, false);
    assert_true(sim_run_to_height(s, 5, sim_now(s) + 60000)); /* those that were away, too */
    if (sim_failure(s))
        fail_msg("%s", sim_failure(s));
    sim_free(s);
}

int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chain_runs_on_fewer_messages),
        cmocka_unit_test(absent_nodes_stop_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
