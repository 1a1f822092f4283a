#include "storage/state/state.h"
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "storage/kv_mem/kv_mem.h"

/* rows: "table key value" triples; value "-" is a tombstone. Sorted by the caller. */
static bc_changes_t *changes_of(const char *const *rows)
{
    bc_changes_t *c = bc_xcalloc(1, sizeof *c);
    atomic_init(&c->refs, 1);
    while (rows[c->cnt * 3])
        c->cnt++;
    c->v = bc_arena_alloc(&c->arena, c->cnt * sizeof *c->v);
    assert_non_null(c->v);
    for (size_t i = 0; i < c->cnt; i++) {
        const char *const *r = rows + i * 3;
        c->v[i] = (bc_change_t){ bc_cstr(r[0]), bc_cstr(r[1]), bc_cstr(r[2]),
                                 strcmp(r[2], "-") == 0 };
    }
    return c;
}
#define CHANGES(...) changes_of((const char *const[]){ __VA_ARGS__, NULL })

static void store(bc_kv_if kv, const bc_changes_t *c)
{
    for (size_t i = 0; i < c->cnt; i++) {
        bc_wr_t w = { 0 };
        bc_kv_key(&w, c->v[i].table, c->v[i].key);
        bc_kv_change_t k = { bc_wr_view(&w), c->v[i].value, c->v[i].del };
        assert_int_equal(kv.ops->write(kv.self, &k, 1, false), BC_OK);
        bc_wr_free(&w);
    }
}

static void expect_get(bc_view_if v, const char *table, const char *key, const char *want)
{
    bc_arena_t a = { 0 };
    bc_bytes_t got = { 0 };
    bc_err_t err = v.ops->get(v.self, bc_cstr(table), bc_cstr(key), &got, &a);
    assert_int_equal(err, want ? BC_OK : BC_E_NOT_FOUND);
    if (want)
        assert_true(bc_bytes_eq(got, bc_cstr(want)));
    bc_arena_free(&a);
}

typedef struct {
    bc_wr_t w;
    int left;
} seen_t;

static bool see(void *ctx, bc_bytes_t key, bc_bytes_t value)
{
    seen_t *s = ctx;
    bc_wr_put(&s->w, key);
    bc_wr_u8(&s->w, '=');
    bc_wr_put(&s->w, value);
    bc_wr_u8(&s->w, ' ');
    return --s->left > 0;
}

static void expect_scan(bc_view_if v, const char *table, const char *from, int max,
                        const char *want)
{
    seen_t s = { .left = max };
    assert_int_equal(v.ops->scan(v.self, bc_cstr(table), bc_cstr(from), see, &s), BC_OK);
    bc_wr_u8(&s.w, 0);
    assert_string_equal((char *)s.w.p, want);
    bc_wr_free(&s.w);
}

static void push(bc_state_t *s, bc_changes_t *c)
{
    assert_int_equal(bc_state_push(s, c), BC_OK);
    bc_changes_unref(c);
}

static void newer_layers_hide_older_ones_and_the_store(void **state)
{
    (void)state;
    bc_kv_if kv = bc_kv_mem_new();
    bc_changes_t *c = CHANGES("t", "a", "0", "t", "b", "0", "t", "d", "0", "tt", "a", "0");
    store(kv, c);
    bc_changes_unref(c);
    bc_state_t *s;
    assert_int_equal(bc_state_new(kv, &s), BC_OK);
    push(s, CHANGES("t", "a", "1", "t", "b", "-", "t", "c", "1"));
    push(s, CHANGES("t", "", "2", "t", "b", "2", "t", "c", "-", "t", "e", "2", "u", "x", "2"));
    bc_state_view_t *v = bc_state_top(s), *one = bc_state_at(s, 1), *none = bc_state_committed(s);
    bc_view_if top = bc_state_view_if(v);
    expect_get(top, "t", "a", "1");
    expect_get(top, "t", "b", "2");
    expect_get(top, "t", "c", NULL);
    expect_get(top, "t", "d", "0");
    expect_get(top, "t", "", "2");
    expect_get(top, "u", "x", "2");
    expect_get(top, "u", "y", NULL);
    expect_scan(top, "t", "", 99, "=2 a=1 b=2 d=0 e=2 ");
    expect_scan(top, "t", "b", 2, "b=2 d=0 ");
    expect_scan(top, "t", "", 1, "=2 ");
    expect_scan(top, "t", "f", 9, "");
    expect_scan(top, "u", "", 9, "x=2 ");
    expect_scan(bc_state_view_if(one), "t", "", 99, "a=1 c=1 d=0 ");
    expect_scan(bc_state_view_if(none), "t", "", 99, "a=0 b=0 d=0 ");
    expect_scan(bc_state_kv_view(&kv), "t", "b", 99, "b=0 d=0 ");
    expect_get(bc_state_kv_view(&kv), "tt", "a", "0");
    bc_state_view_unref(v);
    bc_state_view_unref(one);
    bc_state_view_unref(none);
    bc_state_free(s);
    kv.ops->close(kv.self);
}

static void a_view_stays_while_blocks_are_written_and_discarded(void **state)
{
    (void)state;
    bc_kv_if kv = bc_kv_mem_new();
    bc_state_t *s;
    assert_int_equal(bc_state_new(kv, &s), BC_OK);
    bc_state_view_t *before = bc_state_top(s);
    bc_changes_t *b1 = CHANGES("t", "a", "1", "t", "b", "1");
    assert_int_equal(bc_state_push(s, b1), BC_OK);
    push(s, CHANGES("t", "a", "-", "t", "c", "2"));
    bc_state_view_t *both = bc_state_top(s);
    store(kv, b1);
    bc_changes_unref(b1);
    assert_int_equal(bc_state_pop_oldest(s), BC_OK);
    assert_int_equal(bc_state_depth(s), 1);
    bc_state_view_t *now = bc_state_top(s), *written = bc_state_committed(s);
    assert_int_equal(bc_state_drop_newest(s), BC_OK);
    assert_int_equal(bc_state_drop_newest(s), BC_E_NOT_FOUND);
    assert_int_equal(bc_state_pop_oldest(s), BC_E_NOT_FOUND);
    expect_scan(bc_state_view_if(before), "t", "", 9, "");
    expect_scan(bc_state_view_if(both), "t", "", 9, "b=1 c=2 ");
    expect_scan(bc_state_view_if(now), "t", "", 9, "b=1 c=2 ");
    expect_scan(bc_state_view_if(written), "t", "", 9, "a=1 b=1 ");
    expect_get(bc_state_view_if(before), "t", "a", NULL);
    bc_state_view_unref(before);
    bc_state_view_unref(both);
    bc_state_view_unref(now);
    bc_state_view_unref(written);
    bc_state_free(s);
    kv.ops->close(kv.self);
}

static void the_stack_has_a_maximum(void **state)
{
    (void)state;
    bc_kv_if kv = bc_kv_mem_new();
    bc_state_t *s;
    assert_int_equal(bc_state_new(kv, &s), BC_OK);
    bc_changes_t *c = CHANGES("t", "a", "1");
    for (size_t i = 0; i < BC_STATE_LAYERS_MAX; i++)
        assert_int_equal(bc_state_push(s, c), BC_OK);
    assert_int_equal(bc_state_push(s, c), BC_E_FULL);
    bc_changes_unref(c);
    bc_state_free(s);
    kv.ops->close(kv.self);
}

/* Block n sets both rows to n. One thread runs the pipeline, two read: rows must be equal. */
typedef struct {
    bc_state_t *s;
    atomic_bool stop;
    atomic_size_t torn, seen;
} race_t;

static void *race_reader(void *arg)
{
    race_t *r = arg;
    while (!atomic_load(&r->stop)) {
        bc_state_view_t *v = atomic_load(&r->seen) % 2 ? bc_state_top(r->s)
                                                        : bc_state_committed(r->s);
        bc_view_if i = bc_state_view_if(v);
        bc_arena_t a = { 0 };
        bc_bytes_t x = { 0 }, y = { 0 };
        bc_err_t e1 = i.ops->get(i.self, BC_STR("t"), BC_STR("x"), &x, &a);
        bc_err_t e2 = i.ops->get(i.self, BC_STR("t"), BC_STR("y"), &y, &a);
        if (e1 != e2 || !bc_bytes_eq(x, y))
            atomic_fetch_add(&r->torn, 1);
        atomic_fetch_add(&r->seen, 1);
        bc_arena_free(&a);
        bc_state_view_unref(v);
    }
    return NULL;
}

static void readers_see_whole_blocks(void **state)
{
    (void)state;
    bc_kv_if kv = bc_kv_mem_new();
    race_t r = { 0 };
    assert_int_equal(bc_state_new(kv, &r.s), BC_OK);
    pthread_t t[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&t[i], NULL, race_reader, &r), 0);
    while (!atomic_load(&r.seen)) /* a busy machine may start them late */
        sched_yield();
    bc_changes_t *last = NULL;
    for (int n = 0; n < 3000; n++) {
        bc_changes_t *c = CHANGES("t", "x", "", "t", "y", "");
        char *own = bc_arena_printf(&c->arena, "%d", n);
        c->v[0].value = c->v[1].value = bc_cstr(own);
        push(r.s, bc_changes_ref(c));
        if (last) {
            store(kv, last);
            assert_int_equal(bc_state_pop_oldest(r.s), BC_OK);
            bc_changes_unref(last);
        }
        last = c;
    }
    bc_changes_unref(last);
    atomic_store(&r.stop, true);
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    assert_int_equal(atomic_load(&r.torn), 0);
    assert_true(atomic_load(&r.seen) > 0);
    bc_state_free(r.s);
    kv.ops->close(kv.self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(newer_layers_hide_older_ones_and_the_store),
        cmocka_unit_test(a_view_stays_while_blocks_are_written_and_discarded),
        cmocka_unit_test(the_stack_has_a_maximum),
        cmocka_unit_test(readers_see_whole_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
