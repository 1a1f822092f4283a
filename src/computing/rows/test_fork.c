/* Forks: whatever is run ahead of its turn, the outcome is that of serial order, journal quirks
 * included. Random transactions over a few rows, so that nearly everything collides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "computing/rows/rows.h"

enum { TABLES = 3, KEYS = 5, OPS_MAX = 12, TXS = 12, FORKS = 3, ROUNDS = 6000 };

static uint64_t rng_state;
static unsigned rng(unsigned n)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return (unsigned)((rng_state >> 20) % n);
}

static const char *const tables[TABLES] = { "t", "u", "v" };
static const char *const keys[KEYS] = { "a", "b", "c", "d", "e" };
static bool broken; /* reads of (u, c) fail */

/* Rows a and c of every table are in the store. */
static bc_err_t parent_get(void *self, bc_bytes_t table, bc_bytes_t key, bc_bytes_t *value, bc_arena_t *arena)
{
    bool ok = true;
    (void)self;
    if (broken && table.p[0] == 'u' && key.p[0] == 'c')
        return BC_E_IO;
    if (key.p[0] != 'a' && key.p[0] != 'c')
        return BC_E_NOT_FOUND;
    *value = bc_arena_copy(arena, key, &ok);
    return ok ? BC_OK : BC_E_NOMEM;
}

static bc_err_t parent_scan(void *self, bc_bytes_t table, bc_bytes_t from, bc_row_each_fn each, void *ctx)
{
    (void)self, (void)table;
    if (bc_bytes_cmp(BC_STR("a"), from) >= 0 && !each(ctx, BC_STR("a"), BC_STR("a")))
        return BC_OK;
    if (bc_bytes_cmp(BC_STR("c"), from) >= 0)
        each(ctx, BC_STR("c"), BC_STR("c"));
    return BC_OK;
}

static const bc_view_ops_t parent_ops = { parent_get, parent_scan };
static const bc_view_if parent = { &parent_ops, NULL };

typedef enum { OP_GET, OP_PUT, OP_ADD, OP_DEL, OP_MARK, OP_BACK, OP_SCAN, OP_KINDS } op_kind_t;

typedef struct {
    op_kind_t kind;
    unsigned table, key, value;
} op_t;

typedef struct {
    op_t ops[OPS_MAX];
    size_t cnt;
} script_t;

static void make(script_t *s)
{
    s->cnt = 1 + rng(OPS_MAX);
    for (size_t i = 0; i < s->cnt; i++)
        s->ops[i] = (op_t){ (op_kind_t)rng(OP_KINDS), rng(TABLES), rng(KEYS), rng(3) };
}

static bool collect(void *ctx, bc_bytes_t key, bc_bytes_t value)
{
    bc_wr_put(ctx, key);
    bc_wr_put(ctx, value);
    return true;
}

/* Runs a script; everything that it sees goes to `seen`, and decides what it writes. */
static void run(bc_rows_t *r, const script_t *s, bc_wr_t *seen)
{
    bc_rows_mark_t marks[OPS_MAX + 1] = { bc_rows_mark(r) };
    size_t depth = 1;
    bc_wr_reset(seen);
    for (size_t i = 0; i < s->cnt; i++) {
        const op_t *o = &s->ops[i];
        bc_table_t *t = bc_rows_table(r, bc_cstr(tables[o->table]));
        bc_bytes_t key = bc_cstr(keys[o->key]), v = { 0 };
        char text[64];
        int n = snprintf(text, sizeof(text), "%u%s", o->value, o->value == 2 ? " a value of more than 32 bytes in all" : "");
        switch (o->kind) {
        case OP_GET:
            bc_wr_u8(seen, bc_rows_get(r, t, key, &v));
            bc_wr_put(seen, v);
            break;
        case OP_ADD: /* writes what was seen so far */
            bc_rows_put(r, t, key, BC_VIEW(((bc_h256_t){ { (uint8_t)seen->n, o->value ? 1 : 0 } })));
            break;
        case OP_PUT:
            bc_rows_put(r, t, key, bc_bytes(text, (size_t)n));
            break;
        case OP_DEL:
            bc_rows_del(r, t, key);
            break;
        case OP_MARK:
            marks[depth++] = bc_rows_mark(r);
            break;
        case OP_BACK:
            bc_rows_rollback(r, marks[depth - 1]);
            depth -= depth > 1;
            break;
        default:
            bc_rows_scan(r, t, o->value ? key : (bc_bytes_t){ 0 }, collect, seen);
        }
    }
}

static void same_changes(bc_rows_t *a, bc_rows_t *b)
{
    bc_changes_t *x = NULL, *y = NULL;
    bc_h256_t rx, ry, part;
    assert_int_equal(bc_rows_changes(a, &x), BC_OK);
    assert_int_equal(bc_rows_changes(b, &y), BC_OK);
    assert_int_equal(x->cnt, y->cnt);
    for (size_t i = 0; i < x->cnt; i++) {
        assert_true(bc_bytes_eq(x->v[i].table, y->v[i].table));
        assert_true(bc_bytes_eq(x->v[i].key, y->v[i].key));
        assert_int_equal(x->v[i].del, y->v[i].del);
        assert_true(bc_bytes_eq(x->v[i].value, y->v[i].value));
    }
    assert_int_equal(bc_rows_root(a, BC_SUITE_STANDARD, &rx), BC_OK);
    memset(&ry, 0, sizeof(ry));
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(bc_rows_root_part(b, BC_SUITE_STANDARD, i, 3, &part), BC_OK);
        for (size_t k = 0; k < 32; k++)
            ry.b[k] ^= part.b[k];
    }
    assert_true(bc_h256_eq(&rx, &ry));
    bc_changes_unref(x);
    bc_changes_unref(y);
}

typedef struct {
    bc_rows_t *trunk, *forks[FORKS];
    bc_delta_t *deltas[TXS];
    bc_wr_t seen[TXS];
    bool ran[TXS];
    bc_err_t err[TXS];
    unsigned again, first;
} world_t;

static void run_ahead(world_t *w, const script_t *s, size_t i)
{
    bc_rows_t *f = w->forks[rng(FORKS)];
    bc_rows_begin(f, w->deltas[i]);
    run(f, s, &w->seen[i]);
    w->err[i] = bc_rows_err(f);
    bc_rows_end(f);
    w->ran[i] = true;
}

static void run_one(world_t *w, const script_t *s, size_t i)
{
    run_ahead(w, &s[i], i);
}

/* One block: runs ahead at random, applies in order. */
static bc_err_t run_block(world_t *w, const script_t *s)
{
    for (size_t head = 0; head < TXS; head++) {
        for (unsigned k = rng(4); k > 0; k--)
            run_one(w, s, head + rng((unsigned)BC_MIN(TXS - head, (size_t)6)));
        if (!w->ran[head])
            run_one(w, s, head);
        if (w->err[head] || !bc_rows_valid(w->trunk, w->deltas[head])) {
            run_one(w, s, head);
            w->again++;
        } else {
            w->first++;
        }
        assert_true(w->err[head] || bc_rows_valid(w->trunk, w->deltas[head]));
        if (w->err[head])
            return w->err[head];
        bc_rows_apply(w->trunk, w->deltas[head], (uint32_t)head + 1);
    }
    return BC_OK;
}

static void open_world(world_t *w)
{
    *w = (world_t){ .trunk = bc_rows_new(parent) };
    assert_non_null(w->trunk);
    assert_int_equal(bc_rows_share(w->trunk, 1), BC_OK);
    for (size_t i = 0; i < FORKS; i++)
        assert_non_null(w->forks[i] = bc_rows_fork(w->trunk));
    for (size_t i = 0; i < TXS; i++)
        assert_non_null(w->deltas[i] = bc_delta_new());
}

static void close_world(world_t *w)
{
    for (size_t i = 0; i < FORKS; i++)
        bc_rows_free(w->forks[i]);
    for (size_t i = 0; i < TXS; i++) {
        bc_delta_free(w->deltas[i]);
        bc_wr_free(&w->seen[i]);
    }
    bc_rows_free(w->trunk);
}

static void random_blocks(void **state)
{
    unsigned again = 0, first = 0;
    (void)state;
    rng_state = 0x1234567;
    for (int round = 0; round < ROUNDS; round++) {
        script_t s[TXS];
        world_t w;
        bc_wr_t seen = { 0 };
        for (size_t i = 0; i < TXS; i++)
            make(&s[i]);
        open_world(&w);
        assert_int_equal(run_block(&w, s), BC_OK);
        bc_rows_t *serial = bc_rows_new(parent);
        for (size_t i = 0; i < TXS; i++) {
            run(serial, &s[i], &seen);
            bc_rows_settle(serial);
            assert_true(bc_bytes_eq(bc_wr_view(&seen), bc_wr_view(&w.seen[i])));
        }
        same_changes(serial, w.trunk);
        again += w.again;
        first += w.first;
        bc_rows_free(serial);
        bc_wr_free(&seen);
        close_world(&w);
    }
    /* both ways were taken often */
    assert_true(again > ROUNDS && first > ROUNDS);
}

/* The block fails exactly when serial execution does, with its error. */
static void store_errors_count_in_their_turn_only(void **state)
{
    unsigned failed = 0;
    (void)state;
    rng_state = 0x7654321;
    broken = true;
    for (int round = 0; round < 500; round++) {
        script_t s[TXS];
        world_t w;
        bc_wr_t seen = { 0 };
        for (size_t i = 0; i < TXS; i++) {
            make(&s[i]);
            s[i].cnt = BC_MIN(s[i].cnt, (size_t)3);
        }
        open_world(&w);
        bc_err_t err = run_block(&w, s);
        bc_rows_t *serial = bc_rows_new(parent);
        for (size_t i = 0; i < TXS && !bc_rows_err(serial); i++) {
            run(serial, &s[i], &seen);
            bc_rows_settle(serial);
        }
        assert_int_equal(err, bc_rows_err(serial));
        failed += err != BC_OK;
        bc_rows_free(serial);
        bc_wr_free(&seen);
        close_world(&w);
    }
    broken = false;
    assert_true(failed > 50 && failed < 450);
}

/* An untouched row costs no version: writes of other rows in between do no harm. */
static void unrelated_writes_do_not_invalidate(void **state)
{
    world_t w;
    (void)state;
    open_world(&w);
    const script_t read_t = { { { OP_GET, 0, 0, 0 }, { OP_PUT, 0, 1, 1 } }, 2 };
    const script_t write_u = { { { OP_PUT, 1, 0, 1 } }, 1 };
    const script_t undone = { { { OP_PUT, 0, 0, 1 }, { OP_BACK, 0, 0, 0 } }, 2 };
    const script_t write_t = { { { OP_PUT, 0, 0, 1 } }, 1 };
    run_ahead(&w, &read_t, 3);
    run_ahead(&w, &write_u, 0);
    bc_rows_apply(w.trunk, w.deltas[0], 1);
    assert_true(bc_rows_valid(w.trunk, w.deltas[3]));
    for (unsigned i = 0; i < TABLES * KEYS; i++) { /* into every bucket, as few as there are */
        const script_t other = { { { OP_PUT, 1 + i % 2, i % KEYS, 1 }, { OP_ADD, 1 + i % 2, i % KEYS, 1 } }, 2 };
        run_ahead(&w, &other, 0);
        bc_rows_apply(w.trunk, w.deltas[0], 1);
    }
    assert_true(bc_rows_valid(w.trunk, w.deltas[3]));
    run_ahead(&w, &undone, 1);
    bc_rows_apply(w.trunk, w.deltas[1], 2);
    assert_true(bc_rows_valid(w.trunk, w.deltas[3])); /* what was rolled back is no write */
    run_ahead(&w, &write_t, 2);
    bc_rows_apply(w.trunk, w.deltas[2], 3);
    assert_false(bc_rows_valid(w.trunk, w.deltas[3]));
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_blocks),
        cmocka_unit_test(store_errors_count_in_their_turn_only),
        cmocka_unit_test(unrelated_writes_do_not_invalidate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
