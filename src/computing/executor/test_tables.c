/* User tables against a plain model: the same random inserts, updates, removes, selects and counts
 * on both, with lexicographic and with numeric keys (spec/40 §4.3, quirks of paging included). */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "computing/executor/fixture.h"

enum { ROWS_MAX = 700, TEXT_MAX = 40, CONDS_MAX = 3, FIELDS = 2, LIMIT_MAX = 500, WINDOW_MIN = 50 };
enum { GT, GE, LT, LE, EQ, NE, STARTS_WITH, ENDS_WITH, CONTAINS, OPS };

typedef struct {
    char key[TEXT_MAX];   /* as stored: numeric keys as 32 digits */
    char shown[TEXT_MAX]; /* as inserted */
    char value[FIELDS][TEXT_MAX];
} row_t;

typedef struct {
    fx_t *f;
    bc_addr_t table;
    bool numeric;
    row_t rows[ROWS_MAX]; /* in order of key */
    size_t cnt;
    uint64_t random;
} world_t;

typedef struct {
    unsigned field, op; /* 0: the key */
    char value[TEXT_MAX], stored[TEXT_MAX];
} cond_t;

static unsigned pick(world_t *w, unsigned below)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return (unsigned)(w->random >> 11) % below;
}

/* ---- the model ---- */

static bool holds(unsigned op, const char *have, const char *want)
{
    size_t n = strlen(have), m = strlen(want);
    int o = strcmp(have, want);
    switch (op) {
    case GT:
        return o > 0;
    case GE:
        return o >= 0;
    case LT:
        return o < 0;
    case LE:
        return o <= 0;
    case EQ:
        return o == 0;
    case NE:
        return o != 0;
    case STARTS_WITH:
        return n >= m && strncmp(have, want, m) == 0;
    case ENDS_WITH:
        return n >= m && strcmp(have + n - m, want) == 0;
    default:
        return strstr(have, want) != NULL;
    }
}

static row_t *row_find(world_t *w, const char *key)
{
    for (size_t i = 0; i < w->cnt; i++)
        if (strcmp(w->rows[i].key, key) == 0)
            return &w->rows[i];
    return NULL;
}

static void row_insert(world_t *w, const row_t *r)
{
    size_t at = w->cnt++;
    for (; at && strcmp(w->rows[at - 1].key, r->key) > 0; at--)
        w->rows[at] = w->rows[at - 1];
    w->rows[at] = *r;
}

static void row_remove(world_t *w, row_t *r)
{
    size_t at = (size_t)(r - w->rows);
    memmove(r, r + 1, (--w->cnt - at) * sizeof *r);
}

/* Rows that conditions and limit select; counting: all but what the paging hides. */
static size_t rows_select(world_t *w, const cond_t *c, size_t n, uint32_t offset, uint32_t count,
                          bool two_fields, size_t out[ROWS_MAX])
{
    bool has_key = false, has_value = false, range = true;
    for (size_t i = 0; i < n; i++) {
        has_key |= !c[i].field;
        has_value |= c[i].field != 0;
        range &= c[i].field || c[i].op <= LE;
    }
    if ((!two_fields && !count) || (!has_value && offset))
        return 0;
    size_t window = !has_value         ? (count ? count : ROWS_MAX)
                    : range && has_key ? BC_MAX(count, (uint32_t)WINDOW_MIN)
                                       : LIMIT_MAX;
    size_t keys = 0, matches = 0, found = 0;
    for (size_t i = 0; i < w->cnt && keys < window; i++) {
        bool yes = true, value = true;
        for (size_t k = 0; k < n; k++) {
            if (!c[k].field)
                yes &= holds(c[k].op, w->rows[i].key, c[k].stored);
            else
                value &= holds(c[k].op, w->rows[i].value[c[k].field - 1], c[k].value);
        }
        if (!yes)
            continue;
        keys++;
        if (!value)
            continue;
        if (!has_value || (matches >= offset && matches < offset + count))
            out[found++] = i;
        matches++;
    }
    return found;
}

/* ---- the contract ---- */

static void encode(world_t *w, bc_wr_t *in, const char *name, const char *type, bc_abi_val_t *args,
                   size_t cnt)
{
    char signature[128];
    bc_h256_t h;
    snprintf(signature, sizeof signature, "%s%s", name, type);
    bc_hash(w->f->suite, bc_cstr(signature), &h);
    bc_wr_put(in, bc_bytes(h.b, 4));
    bc_abi_val_t v = bc_abi_tuple(args, cnt);
    assert_int_equal(bc_abi_encode(type, &v, in), BC_OK);
}

static bc_bytes_t call(world_t *w, const bc_addr_t *to, const char *name, const char *type,
                       bc_abi_val_t *args, size_t cnt)
{
    bc_wr_t in = { 0 };
    encode(w, &in, name, type, args, cnt);
    bc_addr_t from = fx_addr(1);
    fx_tx(w->f, &from, to, bc_wr_view(&in));
    bc_wr_free(&in);
    assert_int_equal(fx_run(w->f), BC_OK);
    assert_int_equal(w->f->res->receipts[0].data.status, 0);
    return w->f->res->receipts[0].data.output;
}

static int64_t number(bc_bytes_t word)
{
    assert_true(word.n >= 32);
    return (int64_t)bc_load_be64(word.p + 24);
}

static bc_abi_val_t text(const char *s)
{
    return bc_abi_bytes(bc_cstr(s));
}

static world_t *world_new(bool numeric)
{
    world_t *w = calloc(1, sizeof *w);
    w->f = fx_new(BC_SUITE_STANDARD);
    w->numeric = numeric;
    w->random = 0x9e3779b97f4a7c15u + numeric;
    bc_addr_t manager = bc_addr_of(BC_SYS_TABLE_MANAGER), bfs = bc_addr_of(BC_SYS_BFS);
    call(w, &bfs, "initBfs", "()", NULL, 0);
    bc_abi_val_t fields[] = { text("name"), text("age") };
    bc_abi_val_t info[] = { bc_abi_u64(numeric), text("id"), bc_abi_tuple(fields, 2) };
    bc_abi_val_t create[] = { text("t_test"), bc_abi_tuple(info, 3) }, open[] = { text("t_test") };
    assert_int_equal(
        number(call(w, &manager, "createTable", "(string,(uint8,string,string[]))", create, 2)), 0);
    bc_bytes_t out = call(w, &manager, "openTable", "(string)", open, 1);
    memcpy(w->table.b, out.p + 12, 20);
    return w;
}

static void world_free(world_t *w)
{
    fx_free(w->f);
    free(w);
}

static void key_make(world_t *w, unsigned variety, char shown[TEXT_MAX], char stored[TEXT_MAX])
{
    if (w->numeric) {
        int64_t n = (int64_t)pick(w, variety) - variety / 2;
        if (!pick(w, 40))
            n = pick(w, 2) ? INT64_MAX : INT64_MIN;
        snprintf(shown, TEXT_MAX, "%" PRId64, n);
        snprintf(stored, TEXT_MAX, "%032" PRIu64, (uint64_t)n + ((uint64_t)1 << 63));
        return;
    }
    unsigned n = pick(w, variety) + 1, len = 0;
    for (; n; n /= 4)
        shown[len++] = (char)('a' + n % 4);
    shown[len] = '\0';
    strcpy(stored, shown);
}

static void value_make(world_t *w, char out[TEXT_MAX])
{
    snprintf(out, TEXT_MAX, "%.*s%u", (int)pick(w, 4), "xyz", pick(w, 12));
}

static void conds_make(world_t *w, cond_t *c, size_t n, unsigned variety, bool two_fields)
{
    for (size_t i = 0; i < n; i++) {
        c[i].field = two_fields ? 0 : pick(w, FIELDS + 1);
        c[i].op = pick(w, two_fields ? LE + 1 : OPS);
        if (c[i].field) {
            value_make(w, c[i].value);
            if (c[i].op >= STARTS_WITH)
                c[i].value[pick(w, 2) + 1] = '\0';
            continue;
        }
        key_make(w, variety, c[i].value, c[i].stored);
        /* the forms with two members and the text operations compare what is stored with what is
         * given */
        if (two_fields || c[i].op >= STARTS_WITH) {
            if (c[i].op >= STARTS_WITH)
                c[i].value[pick(w, 2) + 1] = '\0';
            strcpy(c[i].stored, c[i].value);
        }
    }
}

static bc_abi_val_t conds_abi(const cond_t *c, size_t n, bool two_fields, bc_abi_val_t *items,
                              bc_abi_val_t *members)
{
    static const char *const names[] = { "id", "name", "age" };
    for (size_t i = 0; i < n; i++) {
        bc_abi_val_t *m = members + 3 * i;
        size_t k = 0;
        m[k++] = bc_abi_u64(c[i].op);
        if (!two_fields)
            m[k++] = text(names[c[i].field]);
        m[k++] = text(c[i].value);
        items[i] = bc_abi_tuple(m, k);
    }
    return bc_abi_tuple(items, n);
}

static void same_row(const bc_abi_val_t *v, const row_t *r, const char *key)
{
    assert_true(bc_bytes_eq(v->items[0].s, bc_cstr(key)));
    assert_int_equal(v->items[1].cnt, FIELDS);
    for (size_t i = 0; i < FIELDS; i++)
        assert_true(bc_bytes_eq(v->items[1].items[i].s, bc_cstr(r->value[i])));
}

static void by_conditions(world_t *w, unsigned variety)
{
    bool two = !pick(w, 3);
    cond_t c[CONDS_MAX];
    size_t n = pick(w, CONDS_MAX) + 1, picked[ROWS_MAX];
    conds_make(w, c, n, variety, two);
    uint32_t offset = pick(w, 4) ? 0 : pick(w, 5),
             count = pick(w, 12) ? pick(w, 30) + 1 : pick(w, 2) * LIMIT_MAX;
    bc_abi_val_t items[CONDS_MAX], members[CONDS_MAX * 3],
        limit[] = { bc_abi_u64(offset), bc_abi_u64(count) };
    bc_abi_val_t args[3] = { conds_abi(c, n, two, items, members), bc_abi_tuple(limit, 2) };
    unsigned what = pick(w, 5);
    if (what == 0) {
        size_t want = rows_select(w, c, n, 0, LIMIT_MAX, two, picked);
        assert_int_equal(
            number(call(w, &w->table, "count",
                        two ? "((uint8,string)[])" : "((uint8,string,string)[])", args, 1)),
            want);
        return;
    }
    size_t want = rows_select(w, c, n, offset, count, two, picked);
    if (what <= 2) {
        bc_bytes_t out = call(w, &w->table, "select",
                              two ? "((uint8,string)[],(uint32,uint32))"
                                  : "((uint8,string,string)[],(uint32,uint32))",
                              args, 2);
        bc_arena_t arena = { 0 };
        bc_abi_val_t v;
        assert_int_equal(bc_abi_decode("((string,string[])[])", out, &v, &arena), BC_OK);
        assert_int_equal(v.items[0].cnt, want);
        for (size_t i = 0; i < want; i++) {
            const row_t *r = &w->rows[picked[i]];
            same_row(&v.items[0].items[i], r, two ? r->key : r->shown);
        }
        bc_arena_free(&arena);
        return;
    }
    if (want > 20)
        return; /* tables that stay empty tell little */
    if (what == 3) {
        char value[TEXT_MAX];
        unsigned field = pick(w, FIELDS);
        value_make(w, value);
        bc_abi_val_t pair[] = { text(field ? "age" : "name"), text(value) },
                     pairs[] = { bc_abi_tuple(pair, 2) };
        args[2] = bc_abi_tuple(pairs, 1);
        assert_int_equal(
            number(call(w, &w->table, "update",
                        two ? "((uint8,string)[],(uint32,uint32),(string,string)[])"
                            : "((uint8,string,string)[],(uint32,uint32),(string,string)[])",
                        args, 3)),
            want);
        for (size_t i = 0; i < want; i++)
            strcpy(w->rows[picked[i]].value[field], value);
        return;
    }
    assert_int_equal(number(call(w, &w->table, "remove",
                                 two ? "((uint8,string)[],(uint32,uint32))"
                                     : "((uint8,string,string)[],(uint32,uint32))",
                                 args, 2)),
                     want);
    for (size_t i = want; i-- > 0;)
        row_remove(w, &w->rows[picked[i]]);
}

static void by_key(world_t *w, unsigned variety)
{
    row_t r = { 0 };
    key_make(w, variety, r.shown, r.key);
    row_t *have = row_find(w, r.key);
    unsigned what = pick(w, 8);
    if (what == 0) {
        bc_abi_val_t args[] = { text(r.shown) };
        assert_int_equal(number(call(w, &w->table, "remove", "(string)", args, 1)),
                         have ? 1 : -51508);
        if (have)
            row_remove(w, have);
    } else if (what == 1) {
        value_make(w, r.value[0]);
        bc_abi_val_t pair[] = { text("age"), text(r.value[0]) },
                     pairs[] = { bc_abi_tuple(pair, 2) };
        bc_abi_val_t args[] = { text(r.shown), bc_abi_tuple(pairs, 1) };
        assert_int_equal(
            number(call(w, &w->table, "update", "(string,(string,string)[])", args, 2)),
            have ? 1 : -51507);
        if (have)
            strcpy(have->value[1], r.value[0]);
    } else if (what == 2) {
        bc_abi_val_t args[] = { text(r.shown) };
        bc_bytes_t out = call(w, &w->table, "select", "(string)", args, 1);
        bc_arena_t arena = { 0 };
        bc_abi_val_t v;
        assert_int_equal(bc_abi_decode("((string,string[]))", out, &v, &arena), BC_OK);
        if (have)
            same_row(&v.items[0], have, r.shown);
        else
            assert_true(v.items[0].items[0].s.n == 0 && v.items[0].items[1].cnt == 0);
        bc_arena_free(&arena);
    } else if (w->cnt < ROWS_MAX) {
        for (size_t i = 0; i < FIELDS; i++)
            value_make(w, r.value[i]);
        bc_abi_val_t values[] = { text(r.value[0]), text(r.value[1]) };
        bc_abi_val_t entry[] = { text(r.shown), bc_abi_tuple(values, 2) },
                     args[] = { bc_abi_tuple(entry, 2) };
        assert_int_equal(number(call(w, &w->table, "insert", "((string,string[]))", args, 1)),
                         have ? -51506 : 1);
        if (!have)
            row_insert(w, &r);
    }
}

/* variety: how many different keys there are. */
static void run(bool numeric, unsigned variety, unsigned inserts, unsigned steps)
{
    world_t *w = world_new(numeric);
    while (w->cnt < inserts)
        by_key(w, variety);
    for (unsigned i = 0; i < steps; i++) {
        if (pick(w, 2))
            by_key(w, variety);
        else
            by_conditions(w, variety);
    }
    world_free(w);
}

static void small_tables(void **state)
{
    (void)state;
    run(false, 60, 0, 4000);
    run(true, 60, 0, 4000);
}

/* More rows than a limit and a window hold. */
static void large_tables(void **state)
{
    (void)state;
    run(false, 4000, 600, 300);
    run(true, 4000, 600, 300);
}

/* ---- limits ---- */

/* count() of the rows behind the last one, as a call that answers a client: all are looked at. */
static bc_err_t count_none(world_t *w, int64_t ms)
{
    bc_addr_text_t to = bc_addr_text(&w->table);
    bc_abi_val_t cond[] = { bc_abi_u64(GT), text("x") }, one = bc_abi_tuple(cond, 2);
    bc_abi_val_t all = bc_abi_tuple(&one, 1);
    bc_wr_t input = { 0 };
    encode(w, &input, "count", "((uint8,string)[])", &all, 1);
    bc_exec_call_t in = { .state = { &fx_ops, w->f },
                          .number = w->f->number,
                          .timestamp = 1700000000000,
                          .to = bc_bytes(to.s, 40),
                          .input = bc_wr_view(&input),
                          .until_ms = ms ? bc_clock_mono_ms() + ms : 0 };
    bc_exec_call_result_t out = { 0 };
    bc_arena_t arena = { 0 };
    bc_err_t err = w->f->exec.ops->call(w->f->exec.self, &in, &out, &arena);
    if (!err) {
        assert_int_equal(out.status, 0);
        assert_int_equal(number(out.output), 0);
    }
    bc_arena_free(&arena);
    bc_wr_free(&input);
    return err;
}

/* A contract that goes through a whole table is stopped like any other. */
static void calls_over_whole_tables_are_limited(void **state)
{
    (void)state;
    world_t *w = world_new(false);
    fx_config(w->f, "compatibility_version", "3.16.0");
    for (int i = 0; i < 100000; i++) {
        char key[16];
        snprintf(key, sizeof key, "%06d", i);
        bc_bytes_t value = BC_STR("x");
        fx_set(w->f, BC_STR("u_/tables/t_test"), bc_cstr(key), &value);
    }
    assert_int_equal(count_none(w, 0), BC_OK);
    assert_int_equal(count_none(w, 1), BC_E_TIMEOUT);
    assert_int_equal(count_none(w, 60000), BC_OK);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(small_tables), cmocka_unit_test(large_tables),
                                        cmocka_unit_test(calls_over_whole_tables_are_limited) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
