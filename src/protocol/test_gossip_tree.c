#include "protocol/gossip_tree.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

enum { N_MAX = 150 };

/* The view of one node on a group in which some are away. */
typedef struct {
    size_t self;
    bool away[N_MAX];
} view_t;

static bool up(void *ctx, size_t position)
{
    const view_t *v = ctx;
    return position != v->self && !v->away[position];
}

static uint64_t rng = 88172645463325252u;
static uint64_t draw(void)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return rng;
}

static void expect_txs(size_t n, int64_t self, int64_t from, int64_t away, const int *want)
{
    view_t v = { .self = self < 0 ? N_MAX : (size_t)self };
    if (away >= 0)
        v.away[away] = true;
    size_t out[N_MAX], cnt = bc_tree_txs(n, self, from, 0, up, &v, out), i = 0;
    for (; want[i] >= 0; i++)
        assert_true(i < cnt && out[i] == (size_t)want[i]);
    assert_int_equal(cnt, i);
}

static void transactions_follow_the_ring(void **state)
{
    (void)state;
    expect_txs(1, 0, BC_TREE_OWN, -1, (int[]){ -1 });
    expect_txs(4, 0, BC_TREE_OWN, -1, (int[]){ 1, 2, 3, -1 });
    expect_txs(4, 1, 0, -1, (int[]){ -1 });
    expect_txs(4, 3, BC_TREE_OWN, 1, (int[]){ 0, 2, -1 });
    /* 13 sealers, begun at 5: 6 has 9..11, 7 has 12, 0, 1, 8 has 2..4 */
    expect_txs(13, 5, BC_TREE_OWN, -1, (int[]){ 6, 7, 8, -1 });
    expect_txs(13, 6, 5, -1, (int[]){ 9, 10, 11, -1 });
    expect_txs(13, 7, 5, -1, (int[]){ 12, 0, 1, -1 });
    expect_txs(13, 8, 5, -1, (int[]){ 2, 3, 4, -1 });
    expect_txs(13, 9, 6, -1, (int[]){ 3, 4, 5, -1 }); /* counted from its sender, not from 5 */
    /* 7 is away: its children are told in its place, after the others */
    expect_txs(13, 5, BC_TREE_OWN, 7, (int[]){ 6, 8, 12, 0, 1, -1 });
}

static void others_begin_at_one_sealer_and_relay_nothing(void **state)
{
    (void)state;
    expect_txs(7, BC_TREE_NO_SEALER, BC_TREE_OWN, -1, (int[]){ 0, -1 });
    expect_txs(7, BC_TREE_NO_SEALER, BC_TREE_OWN, 0, (int[]){ 1, -1 });
    expect_txs(7, BC_TREE_NO_SEALER, 3, -1, (int[]){ -1 });
    expect_txs(0, BC_TREE_NO_SEALER, BC_TREE_OWN, -1, (int[]){ -1 });
    /* what came from no sealer begins here */
    expect_txs(7, 2, BC_TREE_NO_SEALER, -1, (int[]){ 3, 4, 5, -1 });
}

/* Sends one transaction through a group; how many that are there did not get it. */
static size_t unreached(size_t n, int64_t origin, const bool *away, size_t *msgs)
{
    struct {
        int64_t from;
        size_t to;
    } *queue = malloc(100000 * sizeof *queue);
    assert_non_null(queue);
    bool got[N_MAX] = { false };
    size_t head = 0, end = 0, out[N_MAX];
    for (size_t step = 0; !step || head < end; step++) {
        int64_t self = step ? (int64_t)queue[head].to : origin;
        int64_t from = step ? queue[head++].from : BC_TREE_OWN;
        view_t v = { .self = self < 0 ? N_MAX : (size_t)self };
        memcpy(v.away, away, n);
        if (self >= 0)
            got[self] = true;
        size_t cnt = bc_tree_txs(n, self, from, draw(), up, &v, out);
        for (size_t i = 0; i < cnt; i++) {
            assert_true(end < 100000 && out[i] < n && (int64_t)out[i] != self);
            queue[end].from = self < 0 ? BC_TREE_NO_SEALER : self;
            queue[end++].to = out[i];
        }
    }
    free(queue);
    *msgs = end;
    size_t missed = 0;
    for (size_t i = 0; i < n; i++)
        missed += !got[i] && !away[i];
    return missed;
}

static void every_connected_sealer_is_reached(void **state)
{
    (void)state;
    bool away[N_MAX] = { false };
    size_t msgs;
    for (size_t n = 1; n <= N_MAX; n++)
        for (int64_t origin = -1; origin < (int64_t)BC_MIN(n, 3); origin++) {
            assert_int_equal(unreached(n, origin, away, &msgs), 0);
            assert_true(msgs <= 4 * n);
            if (n <= 10) /* nobody is told twice */
                assert_int_equal(msgs, origin < 0 ? n : n - 1);
        }
}

static void two_steps_stand_any_absence(void **state)
{
    (void)state;
    size_t msgs;
    for (size_t n = 2; n <= 13; n++)
        for (int i = 0; i < 500; i++) {
            bool away[N_MAX] = { false };
            int64_t origin = (int64_t)(draw() % (n + 1)) - 1;
            for (size_t k = 0; k < n; k++)
                away[k] = (int64_t)k != origin && draw() % 3 == 0;
            assert_int_equal(unreached(n, origin, away, &msgs), 0);
        }
}

static void expect_heights(size_t n, size_t self, const char *kinds, size_t width, const int *want)
{
    view_t v = { .self = self };
    bool sealer[N_MAX];
    for (size_t i = 0; i < n; i++) {
        sealer[i] = kinds[i] == 'S' || kinds[i] == 's';
        v.away[i] = kinds[i] == 's' || kinds[i] == 'o';
    }
    size_t out[2 * N_MAX], cnt = bc_tree_heights(n, self, sealer, width, up, &v, out), i = 0;
    for (; want[i] >= 0; i++)
        assert_true(i < cnt && out[i] == (size_t)want[i]);
    assert_int_equal(cnt, i);
}

/* Capitals are there, small ones away. Two sealers and six others: ranges 0..3 and 4..7. */
static void heights_go_down_ranges(void **state)
{
    (void)state;
    expect_heights(8, 3, "OOOSOOSO", 2, (int[]){ 6, 0, 1, -1 });
    expect_heights(8, 6, "OOOSOOSO", 2, (int[]){ 3, 4, 5, -1 });
    expect_heights(8, 0, "OOOSOOSO", 2, (int[]){ 3, 2, -1 }); /* its parent; 3 is a sealer */
    expect_heights(8, 2, "OOOSOOSO", 2, (int[]){ 0, -1 });
    expect_heights(8, 4, "OOOSOOSO", 2, (int[]){ 6, 7, -1 }); /* 6 serves them and needs no child */
    expect_heights(8, 3, "oOOSOOSO", 2, (int[]){ 6, 1, 2, -1 }); /* 0 is away: its child is told */
    expect_heights(8, 3, "OOOSOOsO", 2, (int[]){ 0, 1, 4, 5, -1 }); /* and its range served */
    expect_heights(8, 4, "OOOSOOsO", 2, (int[]){ 3, 7, -1 });
    expect_heights(3, 1, "OOO", 2, (int[]){ -1 }); /* no sealers: nobody to go by */
}

static void every_member_hears_of_every_height(void **state)
{
    (void)state;
    for (int round = 0; round < 3000; round++) {
        size_t n = 1 + draw() % N_MAX, width = 1 + draw() % 5, some = draw() % n;
        view_t v = { 0 };
        bool sealer[N_MAX] = { false }, heard[N_MAX] = { false };
        for (size_t i = 0; i < n; i++) {
            sealer[i] = draw() % 4 == 0;
            v.away[i] = round % 2 && draw() % 3 == 0;
        }
        sealer[some] = true;
        v.away[some] = false;
        size_t queue[N_MAX], head = 0, end = 0, out[2 * N_MAX];
        heard[some] = true;
        queue[end++] = some;
        while (head < end) {
            v.self = queue[head++];
            size_t cnt = bc_tree_heights(n, v.self, sealer, width, up, &v, out);
            for (size_t i = 0; i < cnt; i++) {
                assert_true(up(&v, out[i]));
                for (size_t k = 0; k < i; k++)
                    assert_true(out[k] != out[i]);
                if (!heard[out[i]])
                    queue[end++] = out[i];
                heard[out[i]] = true;
            }
        }
        for (size_t i = 0; i < n; i++)
            assert_true(heard[i] || v.away[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transactions_follow_the_ring),
        cmocka_unit_test(others_begin_at_one_sealer_and_relay_nothing),
        cmocka_unit_test(every_connected_sealer_is_reached),
        cmocka_unit_test(two_steps_stand_any_absence),
        cmocka_unit_test(heights_go_down_ranges),
        cmocka_unit_test(every_member_hears_of_every_height),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
