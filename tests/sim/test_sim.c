/* The simulator itself: a run is a function of its options, and failures are found and found again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/log.h"
#include "scheduling/pbft/pbft_wire.h"
#include "sim.h"

typedef struct {
    uint64_t digest, steps;
    int64_t time;
    char failure[256];
} outcome_t;

static outcome_t run(uint64_t seed, uint32_t bad)
{
    sim_options_t o;
    outcome_t out = { 0 };
    sim_options_from_seed(seed, 0, SIM_FAULT_ALL, &o);
    if (bad) {
        o.sealers = 4;
        o.byzantine = true;
        o.bad = bad;
        o.tricks = SIM_TRICK_ALL;
    }
    sim_t *s = sim_new(&o);
    const char *why = sim_scenario(s, SIM_FAULT_ALL);
    if (why)
        snprintf(out.failure, sizeof out.failure, "%s", why);
    out.digest = sim_digest(s);
    out.steps = sim_steps(s);
    out.time = sim_now(s);
    sim_free(s);
    return out;
}

static void one_seed_is_one_run(void **state)
{
    (void)state;
    static const uint64_t seeds[] = { 1, 2, 7, 11,
                                      57 }; /* bad nodes, real signatures, larger clusters */
    uint64_t before = 0;
    for (size_t i = 0; i < BC_ARRAY_LEN(seeds); i++) {
        outcome_t a = run(seeds[i], 0), b = run(seeds[i], 0);
        assert_string_equal(a.failure, "");
        assert_int_equal(a.digest, b.digest);
        assert_int_equal(a.steps, b.steps);
        assert_int_equal(a.time, b.time);
        assert_int_not_equal(a.digest, before);
        before = a.digest;
    }
}

/* More bad nodes than the chain can bear: something breaks, and the same thing when it is run
 * again. */
static void a_failure_comes_back(void **state)
{
    (void)state;
    unsigned broken = 0;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        outcome_t a = run(seed, 7);
        if (!a.failure[0])
            continue;
        broken++;
        outcome_t b = run(seed, 7);
        assert_string_equal(a.failure, b.failure);
        assert_int_equal(a.digest, b.digest);
        assert_int_equal(a.steps, b.steps);
    }
    assert_true(broken > 0);
}

/* Real signatures for 5 % of the seeds at least, bad nodes for most, of at most f of the weight. */
static void seeds_are_spread(void **state)
{
    (void)state;
    int real = 0, byzantine = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        sim_options_t o;
        sim_options_from_seed(seed, 0, SIM_FAULT_ALL, &o);
        real += o.real_crypto;
        byzantine += o.byzantine;
        sim_t *s = sim_new(&o);
        uint64_t bad = 0, total = 0;
        for (int i = 0; i < o.sealers; i++) {
            uint64_t w = o.weights[i] ? o.weights[i] : 1;
            total += w;
            bad += sim_bad(s, i) ? w : 0;
        }
        assert_true(bad <= (total - 1) / 3);
        assert_true(!o.byzantine || total < 4 || bad > 0);
        sim_free(s);
    }
    assert_true(real >= 10);
    assert_true(byzantine >= 100);
}

typedef struct {
    sim_t *s;
    bc_buf_t *request;
} echo_t;

static bc_buf_t *echo(void *ctx, int from, int to, bc_buf_t *data)
{
    const echo_t *e = ctx;
    pbft_msg_t m;
    bc_arena_t arena = { 0 };
    if (pbft_decode(BC_SUITE_STANDARD, bc_buf_view(data), &m, &arena) == BC_OK && from == 1 &&
        to == 0 && m.type == PBFT_RECOVER_RESPONSE)
        sim_inject(e->s, BC_MODULE_PBFT, 0, 1, bc_buf_view(e->request));
    bc_arena_free(&arena);
    return data;
}

/* A question that each answer brings about again, at once: the run fails, it does not hang. */
static void messages_without_end_fail(void **state)
{
    (void)state;
    sim_options_t o = { .seed = 2, .sealers = 4, .delay_ms = 5, .injects = true };
    uint64_t steps = 0;
    for (int run = 0; run < 2; run++) {
        uint8_t sig[BC_SIG_MAX];
        echo_t e = { .s = sim_new(&o) };
        pbft_msg_t m = { .type = PBFT_RECOVER_REQUEST, .has_base = true, .base.view = 1 };
        pbft_digest(BC_SUITE_STANDARD, &m, &m.digest);
        m.sig = bc_bytes(sig, bc_sign(sim_key(e.s, 0), &m.digest, sig));
        e.request = pbft_encode(&m);
        for (int i = 0; i < 4; i++)
            sim_start(e.s, i);
        sim_run_until(e.s, 2000);
        assert_null(sim_failure(e.s));
        sim_hook(e.s, echo, &e);
        sim_inject(e.s, BC_MODULE_PBFT, 0, 1, bc_buf_view(e.request));
        sim_run_until(e.s, 3000);
        assert_non_null(sim_failure(e.s));
        assert_memory_equal(sim_failure(e.s), "[livelock] node 1", 17);
        assert_int_equal(sim_now(e.s), 2000);
        assert_int_equal(sim_steps(e.s), steps ? steps : sim_steps(e.s));
        steps = sim_steps(e.s);
        bc_buf_unref(e.request);
        sim_free(e.s);
    }
}

int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_seed_is_one_run),
        cmocka_unit_test(a_failure_comes_back),
        cmocka_unit_test(seeds_are_spread),
        cmocka_unit_test(messages_without_end_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
