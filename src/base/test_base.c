#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/op.h"

typedef struct {
    uint32_t id;
} item_t;

static bc_bytes_t item_key(const void *item)
{
    return bc_bytes(&((const item_t *)item)->id, 4);
}

static void map_keeps_items_through_growth_and_removal(void **state)
{
    (void)state;
    enum { CNT = 5000 };
    static item_t items[CNT];
    bc_map_t m;
    bc_map_init(&m, item_key);
    for (uint32_t i = 0; i < CNT; i++) {
        items[i].id = i;
        assert_int_equal(bc_map_insert(&m, &items[i]), BC_OK);
    }
    assert_int_equal(bc_map_insert(&m, &items[7]), BC_E_EXISTS);
    for (uint32_t i = 0; i < CNT; i += 3)
        assert_ptr_equal(bc_map_remove(&m, item_key(&items[i])), &items[i]);
    for (uint32_t i = 0; i < CNT; i++)
        assert_ptr_equal(bc_map_find(&m, item_key(&items[i])), i % 3 ? &items[i] : NULL);
    size_t seen = 0;
    for (size_t i = 0; bc_map_next(&m, &i);)
        seen++;
    assert_int_equal(seen, m.cnt);
    bc_map_free(&m);
}

static void writer_fails_sticky_at_its_maximum(void **state)
{
    (void)state;
    bc_wr_t w = { .max = 4 };
    bc_wr_be32(&w, 0x01020304);
    assert_int_equal(w.err, BC_OK);
    bc_wr_u8(&w, 5);
    bc_wr_reset(&w);
    bc_wr_be64(&w, 1);
    assert_int_equal(w.err, BC_E_TOO_BIG);
    assert_int_equal(w.n, 0);
    bc_wr_free(&w);
}

static void reader_stops_at_the_end(void **state)
{
    (void)state;
    bc_rd_t r = bc_rd(bc_bytes("\x00\x01\x02", 3));
    assert_int_equal(bc_rd_be16(&r), 1);
    assert_int_equal(bc_rd_be16(&r), 0);
    assert_int_equal(r.err, BC_E_TRUNCATED);
    assert_int_equal(bc_rd_left(&r), 0);
}

static void arena_refuses_beyond_its_maximum(void **state)
{
    (void)state;
    bc_arena_t a;
    bc_arena_init(&a, 64);
    assert_non_null(bc_arena_alloc(&a, 40));
    assert_null(bc_arena_alloc(&a, 40));
    bc_arena_reset(&a);
    assert_non_null(bc_arena_alloc(&a, 64));
    bc_arena_free(&a);
}

static void absorbed_memory_lives_with_its_new_owner(void **state)
{
    (void)state;
    bc_arena_t a = { 0 }, b = { 0 };
    bool ok = false;
    bc_bytes_t own = bc_arena_copy(&a, BC_STR("own"), &ok);
    bc_bytes_t v = bc_arena_copy(&b, BC_STR("other"), &ok);
    bc_arena_absorb(&a, &b);
    assert_int_equal(b.used, 0);
    assert_int_equal(a.used, 32);
    bc_arena_free(&b);
    assert_non_null(bc_arena_alloc(&a, 100000));
    assert_true(ok && bc_bytes_eq(v, BC_STR("other")) && bc_bytes_eq(own, BC_STR("own")));
    bc_arena_free(&a);
}

typedef struct {
    bc_op_t op;
    int ran, done;
} job_t;

static void job_run(bc_op_t *op)
{
    BC_OWNER(op, job_t, op)->ran++;
    bc_op_finish(op, BC_E_FULL);
}

static void job_done(bc_op_t *op)
{
    BC_OWNER(op, job_t, op)->done++;
}

static void op_completes_once_on_its_home_loop(void **state)
{
    (void)state;
    bc_loop_t home = { 0 }, other = { 0 };
    job_t j = { .op = { .home = &home, .done = job_done } };
    bc_op_post(&other, &j.op, NULL, job_run);
    assert_int_equal(j.ran, 0); /* nothing runs inside the call */
    assert_true(bc_loop_step(&other));
    assert_int_equal(j.ran, 1);
    assert_int_equal(j.done, 0);
    assert_true(bc_loop_step(&home));
    assert_int_equal(j.done, 1);
    assert_int_equal(j.op.err, BC_E_FULL);
    assert_false(bc_loop_step(&home));
}

static void workers_run_everything_queued(void **state)
{
    (void)state;
    enum { CNT = 1000 };
    static job_t jobs[CNT];
    bc_loop_t home = { 0 };
    bc_workers_t *w = bc_workers_new(2, "test");
    for (int i = 0; i < CNT; i++) {
        jobs[i].op = (bc_op_t){ .home = &home, .done = job_done };
        bc_workers_run(w, &jobs[i].op, job_run);
    }
    bc_workers_free(w);
    bc_loop_step(&home);
    for (int i = 0; i < CNT; i++)
        assert_int_equal(jobs[i].done, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(map_keeps_items_through_growth_and_removal),
        cmocka_unit_test(writer_fails_sticky_at_its_maximum),
        cmocka_unit_test(reader_stops_at_the_end),
        cmocka_unit_test(arena_refuses_beyond_its_maximum),
        cmocka_unit_test(absorbed_memory_lives_with_its_new_owner),
        cmocka_unit_test(op_completes_once_on_its_home_loop),
        cmocka_unit_test(workers_run_everything_queued),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
