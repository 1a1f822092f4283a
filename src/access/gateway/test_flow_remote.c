/* The accounting of shared rate limits: a clock and a remote by hand. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>
#include "access/gateway/flow.h"

#define GROUP BC_STR("group0")

typedef struct {
    bool absent;
    unsigned asked; /* in all */
    size_t cnt;     /* unanswered */
    struct {
        bc_flow_t *f;
        void *window;
        char key[64];
        uint64_t max, n;
        uint32_t window_s;
    } v[8];
} remote_t;

static bool remote_draw(void *ctx, bc_flow_t *f, void *window, bc_bytes_t key, uint64_t max,
                        uint32_t window_s, uint64_t n)
{
    remote_t *r = ctx;
    assert_in_range(n, 1, max);
    if (r->absent)
        return false;
    for (size_t i = 0; i < r->cnt; i++)
        assert_ptr_not_equal(r->v[i].window, window); /* one at a time */
    assert_true(r->cnt < BC_ARRAY_LEN(r->v));
    r->v[r->cnt].f = f;
    r->v[r->cnt].window = window;
    r->v[r->cnt].max = max;
    r->v[r->cnt].n = n;
    r->v[r->cnt].window_s = window_s;
    snprintf(r->v[r->cnt++].key, sizeof r->v->key, "%.*s", (int)key.n, (const char *)key.p);
    r->asked++;
    return true;
}

/* Answers the oldest draw, which must have asked for n. */
static void answer(remote_t *r, int64_t now, uint64_t n, bc_flow_drawn_t how)
{
    assert_true(r->cnt > 0);
    assert_int_equal(r->v[0].n, n);
    bc_flow_t *f = r->v[0].f;
    void *window = r->v[0].window;
    memmove(r->v, r->v + 1, --r->cnt * sizeof *r->v);
    bc_flow_drawn(f, now, window, how);
}

static bc_flow_t *flow_of(remote_t *r, uint32_t percent)
{
    return bc_flow_new(&(bc_flow_config_t){ .window_ms = 1000,
                                            .group = 1000,
                                            .module_limit = 10,
                                            .portion_percent = percent,
                                            .remote = { remote_draw, r } });
}

static bool out(bc_flow_t *f, int64_t now, size_t n)
{
    return bc_flow_out(f, now, "1.1.1.1", GROUP, 2000, n);
}

static void portions_are_drawn_as_they_are_needed(void **state)
{
    (void)state;
    remote_t r = { 0 };
    bc_flow_t *f = flow_of(&r, 20);
    assert_true(out(f, 0, 50)); /* on credit */
    assert_true(out(f, 0, 30));
    assert_int_equal(r.asked, 1);
    assert_string_equal(r.v[0].key, "group0");
    assert_int_equal(r.v[0].max, 1000);
    assert_int_equal(r.v[0].window_s, 1);
    answer(&r, 5, 200, BC_FLOW_GRANTED); /* 120 are left of it */
    assert_true(out(f, 10, 100));
    assert_true(out(f, 10, 20));
    assert_int_equal(r.asked, 1);
    assert_true(out(f, 10, 300)); /* more than a portion */
    answer(&r, 20, 300, BC_FLOW_GRANTED);
    assert_true(out(f, 20, 1));
    answer(&r, 20, 200, BC_FLOW_GRANTED);
    assert_true(out(f, 20, 210)); /* 199 at hand, the rest on credit */
    answer(&r, 30, 200, BC_FLOW_GRANTED);
    assert_true(out(f, 30, 189));
    assert_int_equal(r.cnt, 0);
    bc_flow_free(f);
}

static void without_portions_just_what_passed_is_drawn(void **state)
{
    (void)state;
    remote_t r = { 0 };
    bc_flow_t *f = flow_of(&r, 0);
    assert_true(out(f, 0, 50));
    assert_true(out(f, 0, 30));
    assert_true(out(f, 0, 7));
    answer(&r, 5, 50, BC_FLOW_GRANTED);
    answer(&r, 6, 37, BC_FLOW_GRANTED); /* at once, not with the next message */
    assert_int_equal(r.cnt, 0);
    assert_true(out(f, 10, 10));
    answer(&r, 15, 10, BC_FLOW_GRANTED);
    bc_flow_free(f);
}

static void a_refusal_holds_until_a_probe_is_granted(void **state)
{
    (void)state;
    remote_t r = { 0 };
    bc_flow_t *f = flow_of(&r, 20);
    assert_true(out(f, 0, 50));
    answer(&r, 10, 200, BC_FLOW_REFUSED); /* perhaps 50 are there */
    assert_true(out(f, 10, 5));
    answer(&r, 10, 50, BC_FLOW_GRANTED);
    answer(&r, 10, 5, BC_FLOW_GRANTED);
    assert_true(out(f, 11, 40)); /* no portion for an eighth of the window */
    answer(&r, 20, 40, BC_FLOW_REFUSED);
    assert_int_equal(r.cnt, 0);
    assert_false(out(f, 20, 1));
    assert_false(out(f, 144, 1));
    assert_int_equal(r.cnt, 0);
    assert_false(out(f, 145, 60)); /* asks, and does not pass */
    assert_false(out(f, 145, 1));
    answer(&r, 150, 60, BC_FLOW_REFUSED);
    assert_false(out(f, 274, 3));
    assert_int_equal(r.cnt, 0);
    assert_false(out(f, 275, 60));
    answer(&r, 280, 60, BC_FLOW_GRANTED);
    assert_true(out(f, 281, 60));
    assert_true(out(f, 281, 60));
    answer(&r, 290, 200, BC_FLOW_GRANTED);
    bc_flow_free(f);
}

static void probes_ask_for_what_was_refused_then_less(void **state)
{
    (void)state;
    remote_t r = { 0 };
    bc_flow_t *f = flow_of(&r, 20);
    assert_true(out(f, 0, 300));
    assert_true(out(f, 0, 500));
    answer(&r, 0, 300, BC_FLOW_REFUSED);
    int64_t now = 0;
    const uint64_t want[] = { 800, 400, 200, 100, 90, 90 };
    for (size_t i = 0; i < BC_ARRAY_LEN(want); i++) {
        for (int k = 0; k < 8; k++) {
            now += 125;
            assert_false(out(f, now, 90));
            answer(&r, now, want[i], BC_FLOW_REFUSED);
        }
    }
    assert_false(out(f, now + 125, 10));
    answer(&r, now + 126, 12, BC_FLOW_GRANTED);
    assert_true(out(f, now + 126, 12));
    bc_flow_free(f);
}

static void credit_is_one_window_at_most(void **state)
{
    (void)state;
    remote_t r = { 0 };
    bc_flow_t *f = flow_of(&r, 20);
    unsigned passed = 0;
    for (int i = 0; i < 100; i++)
        passed += out(f, i, 70);
    assert_int_equal(passed, 14); /* 980 of 1000 */
    assert_true(out(f, 100, 20));
    assert_false(out(f, 100, 1));
    answer(&r, 100, 200, BC_FLOW_GRANTED);
    assert_true(out(f, 100, 200));
    assert_false(out(f, 100, 1));
    answer(&r, 101, 800, BC_FLOW_GRANTED);
    answer(&r, 102, 200, BC_FLOW_REFUSED);
    assert_false(out(f, 103, 1));
    /* more than a window never passes, and asks for nothing */
    assert_false(out(f, 5000, 1001));
    assert_int_equal(r.cnt, 0);
    bc_flow_free(f);
}

static void portions_do_not_outlive_a_window(void **state)
{
    (void)state;
    remote_t r = { 0 };
    bc_flow_t *f = flow_of(&r, 20);
    assert_true(out(f, 100, 50));
    answer(&r, 500, 200, BC_FLOW_GRANTED);
    assert_true(out(f, 1099, 50)); /* the window of the budget began at 100 at the latest */
    assert_int_equal(r.cnt, 0);
    assert_true(out(f, 1100, 50));
    answer(&r, 1100, 200, BC_FLOW_GRANTED);
    bc_flow_free(f);
}

static void failures_allow(void **state)
{
    (void)state;
    remote_t r = { .absent = true };
    bc_flow_t *f = flow_of(&r, 20);
    for (int i = 0; i < 100; i++)
        assert_true(out(f, i, 1000));
    r.absent = false;
    assert_true(out(f, 100, 900));
    answer(&r, 200, 900, BC_FLOW_FAILED);
    assert_true(out(f, 200, 900)); /* nothing is owed */
    answer(&r, 300, 900, BC_FLOW_REFUSED);
    assert_false(out(f, 300, 1));
    assert_false(out(f, 430, 1));
    answer(&r, 440, 900, BC_FLOW_FAILED);
    assert_true(out(f, 440, 500));
    answer(&r, 450, 500, BC_FLOW_REFUSED);
    assert_false(out(f, 450, 1));
    r.absent = true;
    assert_false(out(f, 500, 1));
    assert_true(out(f, 600, 1000)); /* the probe shows that nobody is there */
    assert_true(out(f, 600, 1000));
    bc_flow_free(f);
}

static void modules_are_counted_by_group_and_number(void **state)
{
    (void)state;
    remote_t r = { 0 };
    bc_flow_t *f = flow_of(&r, 50);
    assert_true(bc_flow_in_module(f, 0, GROUP, 2001));
    assert_true(bc_flow_in_module(f, 0, BC_STR("other"), 2001));
    assert_true(bc_flow_in_module(f, 0, GROUP, 65535));
    assert_true(out(f, 0, 1));
    assert_int_equal(r.cnt, 4);
    assert_string_equal(r.v[0].key, "group0_2001");
    assert_int_equal(r.v[0].max, 10);
    assert_string_equal(r.v[1].key, "other_2001");
    assert_string_equal(r.v[2].key, "group0_65535");
    answer(&r, 0, 5, BC_FLOW_GRANTED);
    answer(&r, 0, 5, BC_FLOW_REFUSED);
    for (int i = 0; i < 4; i++)
        assert_true(bc_flow_in_module(f, 1, GROUP, 2001));
    bc_flow_free(f); /* draws under way are the remote's to forget */
}

static void local_limits_come_first_and_exempt_modules_pass(void **state)
{
    (void)state;
    remote_t r = { 0 };
    uint16_t free_modules[] = { 1000 };
    bc_flow_limit_t groups[] = { { "small", 10 } };
    bc_flow_t *f = bc_flow_new(&(bc_flow_config_t){ .window_ms = 2500,
                                                    .total = 100,
                                                    .type_limit = 1,
                                                    .groups = groups,
                                                    .group_cnt = 1,
                                                    .free_modules = free_modules,
                                                    .free_module_cnt = 1,
                                                    .remote = { remote_draw, &r } });
    assert_true(bc_flow_in_type(f, 0, "1.1.1.1", 1));
    assert_true(bc_flow_out(f, 0, "1.1.1.1", BC_STR("other"), 2000, 200));
    assert_false(bc_flow_out(f, 0, "1.1.1.1", BC_STR("small"), 2000, 51));
    assert_int_equal(r.asked, 0);
    assert_true(bc_flow_out(f, 0, "1.1.1.1", BC_STR("small"), 1000, 20));
    assert_int_equal(r.v[0].max, 25);
    assert_int_equal(r.v[0].window_s, 2);
    answer(&r, 0, 20, BC_FLOW_REFUSED);
    assert_true(bc_flow_out(f, 0, "1.1.1.1", BC_STR("small"), 1000, 20));
    assert_false(bc_flow_out(f, 0, "1.1.1.1", BC_STR("small"), 2000, 5));
    assert_int_equal(r.asked, 1);
    /* what the group refuses is given back to the total: 10 are left */
    assert_true(bc_flow_out(f, 0, "1.1.1.1", BC_STR("other"), 2000, 10));
    assert_false(bc_flow_out(f, 0, "1.1.1.1", BC_STR("other"), 2000, 1));
    bc_flow_free(f);
}

/* Two gateways and a server that does as Redis would: together they pass the budget and at most
 * what each had on credit. Answers come delay ms late. */
static uint64_t two_pass(uint32_t percent, int64_t delay, int64_t windows, size_t size)
{
    remote_t r[2] = { 0 };
    bc_flow_t *f[2] = { flow_of(&r[0], percent), flow_of(&r[1], percent) };
    int64_t end = -1, due[2] = { 0 };
    uint64_t budget = 0, passed = 0;
    for (int64_t now = 0; now < windows * 1000; now++) {
        for (int i = 0; i < 2; i++) {
            for (unsigned before = r[i].asked; r[i].cnt && now >= due[i]; before = r[i].asked) {
                if (now >= end) {
                    budget = r[i].v[0].max;
                    end = now + 1000;
                }
                uint64_t n = r[i].v[0].n;
                bool enough = n <= budget;
                budget -= enough ? n : 0;
                answer(&r[i], now, n, enough ? BC_FLOW_GRANTED : BC_FLOW_REFUSED);
                if (r[i].asked != before)
                    due[i] = now + delay;
            }
            unsigned before = r[i].asked;
            passed += out(f[i], now, size) ? size : 0;
            if (r[i].asked != before)
                due[i] = now + delay;
        }
    }
    bc_flow_free(f[0]);
    bc_flow_free(f[1]);
    return passed;
}

static void two_gateways_share_one_budget(void **state)
{
    (void)state;
    const uint32_t percents[] = { 0, 20, 100 };
    for (size_t i = 0; i < 3; i++) {
        for (int64_t delay = 0; delay <= 50; delay += 10) {
            uint64_t n = two_pass(percents[i], delay, 20, 7);
            /* offered: 14 a ms. Budget: 20 windows of 1000; they begin a little late */
            assert_in_range(n, 15000, 20 * (1000 + 2 * (uint64_t)(2 * delay + 1) * 7));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(portions_are_drawn_as_they_are_needed),
        cmocka_unit_test(without_portions_just_what_passed_is_drawn),
        cmocka_unit_test(a_refusal_holds_until_a_probe_is_granted),
        cmocka_unit_test(probes_ask_for_what_was_refused_then_less),
        cmocka_unit_test(credit_is_one_window_at_most),
        cmocka_unit_test(portions_do_not_outlive_a_window),
        cmocka_unit_test(failures_allow),
        cmocka_unit_test(modules_are_counted_by_group_and_number),
        cmocka_unit_test(local_limits_come_first_and_exempt_modules_pass),
        cmocka_unit_test(two_gateways_share_one_budget),
    };
    return cmocka_run_group_tests_name("shared flow", tests, NULL, NULL);
}
