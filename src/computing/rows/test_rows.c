/* The journal's rules, quirks included (spec/40 §2.8), and ordered reading. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "computing/rows/rows.h"

/* A parent of a few fixed rows, sorted. */
static const struct {
    const char *table, *key, *value;
} parent_rows[] = {
    { "t", "a", "1" }, { "t", "c", "3" }, { "t", "e", "" }, { "u", "a", "other" },
};

static bc_err_t parent_get(void *self, bc_bytes_t table, bc_bytes_t key, bc_bytes_t *value,
                           bc_arena_t *arena)
{
    bool ok = true;
    if (self)
        return BC_E_IO;
    for (size_t i = 0; i < BC_ARRAY_LEN(parent_rows); i++) {
        if (bc_bytes_eq(bc_cstr(parent_rows[i].table), table) &&
            bc_bytes_eq(bc_cstr(parent_rows[i].key), key)) {
            *value = bc_arena_copy(arena, bc_cstr(parent_rows[i].value), &ok);
            return ok ? BC_OK : BC_E_NOMEM;
        }
    }
    return BC_E_NOT_FOUND;
}

static bc_err_t parent_scan(void *self, bc_bytes_t table, bc_bytes_t from, bc_row_each_fn each,
                            void *ctx)
{
    (void)self;
    for (size_t i = 0; i < BC_ARRAY_LEN(parent_rows); i++) {
        bc_bytes_t key = bc_cstr(parent_rows[i].key);
        if (bc_bytes_eq(bc_cstr(parent_rows[i].table), table) && bc_bytes_cmp(key, from) >= 0 &&
            !each(ctx, key, bc_cstr(parent_rows[i].value)))
            break;
    }
    return BC_OK;
}

static const bc_view_ops_t parent_ops = { parent_get, parent_scan };

static bc_rows_t *fresh(void)
{
    bc_rows_t *r = bc_rows_new((bc_view_if){ &parent_ops, NULL });
    assert_non_null(r);
    return r;
}

static void expect(bc_rows_t *r, const char *table, const char *key, const char *value)
{
    bc_bytes_t v;
    bool live = bc_rows_get(r, bc_rows_table(r, bc_cstr(table)), bc_cstr(key), &v);
    assert_int_equal(live, value != NULL);
    if (value)
        assert_true(bc_bytes_eq(v, bc_cstr(value)));
}

static size_t change_cnt(bc_rows_t *r)
{
    bc_changes_t *c = NULL;
    assert_int_equal(bc_rows_changes(r, &c), BC_OK);
    size_t n = c->cnt;
    bc_changes_unref(c);
    return n;
}

static void writes_hide_the_parent_and_roll_back(void **state)
{
    (void)state;
    bc_rows_t *r = fresh();
    bc_table_t *t = bc_rows_table(r, BC_STR("t"));
    assert_ptr_equal(t, bc_rows_table(r, BC_STR("t")));
    expect(r, "t", "a", "1");
    expect(r, "t", "e", "");
    expect(r, "t", "b", NULL);
    bc_rows_put(r, t, BC_STR("a"), BC_STR("2"));
    bc_rows_settle(r);
    bc_rows_mark_t m = bc_rows_mark(r);
    bc_rows_put(r, t, BC_STR("a"), BC_STR("a value that is longer than thirty-two bytes"));
    bc_rows_put(r, t, BC_STR("b"), BC_STR("x"));
    expect(r, "t", "a", "a value that is longer than thirty-two bytes");
    bc_rows_rollback(r, m);
    expect(r, "t", "a", "2");
    expect(r, "t", "b", NULL);
    assert_int_equal(change_cnt(r), 1);
    bc_rows_free(r);
}

static void tombstone_of_an_older_row_survives_rollback(void **state)
{
    (void)state;
    bc_rows_t *r = fresh();
    bc_table_t *t = bc_rows_table(r, BC_STR("t"));
    bc_rows_mark_t m = bc_rows_mark(r);
    bc_rows_del(r, t, BC_STR("a"));
    bc_rows_rollback(r, m);
    expect(r, "t", "a", NULL);
    bc_changes_t *c = NULL;
    assert_int_equal(bc_rows_changes(r, &c), BC_OK);
    assert_int_equal(c->cnt, 1);
    assert_true(c->v[0].del);
    bc_changes_unref(c);
    bc_rows_free(r);
}

static void delete_of_a_written_row_rolls_back(void **state)
{
    (void)state;
    bc_rows_t *r = fresh();
    bc_table_t *t = bc_rows_table(r, BC_STR("t"));
    bc_rows_put(r, t, BC_STR("a"), BC_STR("9"));
    bc_rows_mark_t m = bc_rows_mark(r);
    bc_rows_del(r, t, BC_STR("a"));
    expect(r, "t", "a", NULL);
    bc_rows_rollback(r, m);
    expect(r, "t", "a", "9");
    bc_rows_free(r);
}

static void write_over_a_tombstone_rolls_back_to_the_older_row(void **state)
{
    (void)state;
    bc_rows_t *r = fresh();
    bc_table_t *t = bc_rows_table(r, BC_STR("t"));
    bc_rows_del(r, t, BC_STR("a"));
    bc_rows_settle(r);
    bc_rows_mark_t m = bc_rows_mark(r);
    bc_rows_put(r, t, BC_STR("a"), BC_STR("9"));
    bc_rows_rollback(r, m);
    expect(r, "t", "a", "1");
    assert_int_equal(change_cnt(r), 0);
    bc_rows_free(r);
}

static bool collect(void *ctx, bc_bytes_t key, bc_bytes_t value)
{
    bc_wr_put(ctx, key);
    bc_wr_put(ctx, value);
    bc_wr_u8(ctx, ' ');
    return true;
}

static void scan_merges_in_byte_order(void **state)
{
    (void)state;
    bc_rows_t *r = fresh();
    bc_table_t *t = bc_rows_table(r, BC_STR("t"));
    bc_rows_put(r, t, BC_STR("f"), BC_STR("6"));
    bc_rows_put(r, t, BC_STR("b"), BC_STR("2"));
    bc_rows_put(r, t, BC_STR("a"), BC_STR("0"));
    bc_rows_del(r, t, BC_STR("c"));
    bc_wr_t w = { 0 };
    bc_rows_scan(r, t, (bc_bytes_t){ 0 }, collect, &w);
    assert_true(bc_bytes_eq(bc_wr_view(&w), BC_STR("a0 b2 e f6 ")));
    bc_wr_reset(&w);
    bc_rows_scan(r, t, BC_STR("b"), collect, &w);
    assert_true(bc_bytes_eq(bc_wr_view(&w), BC_STR("b2 e f6 ")));
    bc_wr_free(&w);
    bc_rows_free(r);
}

static void changes_are_sorted_and_many(void **state)
{
    (void)state;
    enum { N = 5000 };
    bc_rows_t *r = fresh();
    for (unsigned i = 0; i < N; i++) {
        uint8_t key[4];
        char name[8] = { 'x', (char)('0' + i % 7), 0 };
        bc_store_be32(key, i * 2654435761u);
        bc_rows_put(r, bc_rows_table(r, bc_cstr(name)), bc_bytes(key, 4), bc_bytes(key, 4));
    }
    bc_changes_t *c = NULL;
    assert_int_equal(bc_rows_changes(r, &c), BC_OK);
    assert_int_equal(c->cnt, N);
    for (size_t i = 1; i < c->cnt; i++) {
        int o = bc_bytes_cmp(c->v[i - 1].table, c->v[i].table);
        assert_true(o < 0 || (o == 0 && bc_bytes_cmp(c->v[i - 1].key, c->v[i].key) < 0));
    }
    bc_changes_unref(c);
    bc_rows_free(r);
}

static void store_errors_are_sticky(void **state)
{
    (void)state;
    bc_rows_t *r = bc_rows_new((bc_view_if){ &parent_ops, "broken" });
    assert_non_null(r);
    expect(r, "t", "a", NULL);
    assert_int_equal(bc_rows_err(r), BC_E_IO);
    bc_changes_t *c = NULL;
    assert_int_equal(bc_rows_changes(r, &c), BC_E_IO);
    bc_rows_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_hide_the_parent_and_roll_back),
        cmocka_unit_test(tombstone_of_an_older_row_survives_rollback),
        cmocka_unit_test(delete_of_a_written_row_rolls_back),
        cmocka_unit_test(write_over_a_tombstone_rolls_back_to_the_older_row),
        cmocka_unit_test(scan_merges_in_byte_order),
        cmocka_unit_test(changes_are_sorted_and_many),
        cmocka_unit_test(store_errors_are_sticky),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
