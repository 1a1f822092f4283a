#include "computing/rows/rows_impl.h"

#include <stdlib.h>

#include "base/map.h"

bc_rows_t *bc_rows_new(bc_view_if parent)
{
    bc_rows_t *rows = calloc(1, sizeof(*rows));
    if (rows) {
        rows->parent = parent;
        rows->row_size = sizeof(bc_row_t);
        bc_arena_init(&rows->arena, 0);
    }
    return rows;
}

void bc_rows_free(bc_rows_t *rows)
{
    if (!rows)
        return;
    free(rows->tables.v);
    free(rows->rows.v);
    free(rows->journal);
    bc_rows_share_free(rows->share);
    bc_arena_free(&rows->arena);
    free(rows);
}

bc_err_t bc_rows_err(const bc_rows_t *rows)
{
    return rows->err;
}

bc_arena_t *bc_rows_arena(bc_rows_t *rows)
{
    return &rows->arena;
}

void bc_rows_fail(bc_rows_t *rows, bc_err_t err)
{
    if (!rows->err)
        rows->err = err;
}

/* --- index: open addressing over items that hold their own hash --- */

static bool index_grow(index_t *ix)
{
    size_t cap = ix->cap ? ix->cap * 2 : 256;
    slot_t *v = bc_zalloc_present(cap, sizeof(*v));
    if (!v)
        return false;
    for (size_t i = 0; i < ix->cap; i++) {
        if (!ix->v[i].item)
            continue;
        size_t at = (size_t)ix->v[i].hash & (cap - 1);
        while (v[at].item)
            at = (at + 1) & (cap - 1);
        v[at] = ix->v[i];
    }
    free(ix->v);
    ix->v = v;
    ix->cap = cap;
    return true;
}

static bool index_add(index_t *ix, uint64_t hash, void *item)
{
    if ((ix->cnt + 1) * 2 > ix->cap && !index_grow(ix))
        return false;
    size_t at = (size_t)hash & (ix->cap - 1);
    while (ix->v[at].item)
        at = (at + 1) & (ix->cap - 1);
    ix->v[at] = (slot_t){ hash, item };
    ix->cnt++;
    return true;
}

bc_table_t *bc_rows_table_find(const bc_rows_t *rows, bc_bytes_t name, uint64_t hash)
{
    if (!rows->tables.cap)
        return NULL;
    size_t at = (size_t)hash & (rows->tables.cap - 1);
    for (; rows->tables.v[at].item; at = (at + 1) & (rows->tables.cap - 1)) {
        bc_table_t *t = rows->tables.v[at].item;
        if (t->hash == hash && bc_bytes_eq(t->name, name))
            return t;
    }
    return NULL;
}

bc_table_t *bc_rows_table(bc_rows_t *rows, bc_bytes_t name)
{
    return bc_rows_table_at(rows, name, bc_siphash(name));
}

bc_table_t *bc_rows_table_at(bc_rows_t *rows, bc_bytes_t name, uint64_t hash)
{
    bc_table_t *found = bc_rows_table_find(rows, name, hash);
    if (found)
        return found;
    bool ok = true;
    bc_table_t *t = bc_arena_alloc(&rows->arena, sizeof(*t));
    if (t)
        t->name = bc_arena_copy(&rows->arena, name, &ok);
    if (!t || !ok || !index_add(&rows->tables, hash, t)) {
        bc_rows_fail(rows, BC_E_NOMEM);
        return &rows->dummy;
    }
    t->hash = hash;
    t->salt = (hash | 1) * 0x9e3779b97f4a7c15ull; /* spreads equal keys of different tables */
    return t;
}

bc_bytes_t bc_table_name(const bc_table_t *table)
{
    return table->name;
}

bc_row_t *bc_row_find(const bc_rows_t *rows, const bc_table_t *table, bc_bytes_t key, uint64_t hash)
{
    if (!rows->rows.cap)
        return NULL;
    size_t mask = rows->rows.cap - 1;
    for (size_t at = (size_t)hash & mask; rows->rows.v[at].item; at = (at + 1) & mask) {
        if (rows->rows.v[at].hash != hash)
            continue;
        bc_row_t *row = rows->rows.v[at].item;
        if (row->table == table && bc_bytes_eq(row->key, key))
            return row;
    }
    return NULL;
}

static bc_row_t *no_row(bc_rows_t *rows)
{
    bc_rows_fail(rows, BC_E_NOMEM);
    rows->dummy_row = (bc_row_t){ .table = &rows->dummy, .base_state = BASE_ABSENT };
    return &rows->dummy_row;
}

bc_row_t *bc_row_add(bc_rows_t *rows, bc_table_t *table, bc_bytes_t key, uint64_t hash)
{
    bc_row_t *row = bc_arena_alloc(&rows->arena, rows->row_size);
    if (!row || !index_add(&rows->rows, hash, row))
        return no_row(rows);
    row->key = key;
    row->hash = hash;
    row->table = table;
    row->next = table->rows;
    table->rows = row;
    return row;
}

bc_row_t *bc_row_at(bc_rows_t *rows, bc_table_t *table, bc_bytes_t key)
{
    uint64_t hash = bc_siphash(key) ^ table->salt;
    bc_row_t *row = bc_row_find(rows, table, key, hash);
    if (!row) {
        bool ok = true;
        bc_bytes_t copy = bc_arena_copy(&rows->arena, key, &ok);
        row = ok ? bc_row_add(rows, table, copy, hash) : no_row(rows);
    }
    if (rows->fork && row != &rows->dummy_row)
        bc_fork_visit(rows, row);
    return row;
}

enum { WATCH_ROWS = 64 }; /* between looks at the limits */

void bc_rows_watch(bc_rows_t *rows, bc_rows_watch_fn watch, void *ctx)
{
    rows->watch = watch;
    rows->watch_ctx = ctx;
}

/* One more row of the store was read. */
static void watch(bc_rows_t *rows)
{
    if (BC_LIKELY(!rows->watch) || ++rows->watched < WATCH_ROWS)
        return;
    rows->watched = 0;
    bc_err_t err = rows->watch(rows->watch_ctx, rows->arena.used);
    if (err)
        bc_rows_fail(rows, err);
}

static void load_base(bc_rows_t *rows, bc_row_t *row)
{
    watch(rows);
    if (rows->err)
        return;
    bc_err_t err = rows->parent.ops->get(rows->parent.self, row->table->name, row->key,
                                         &row->base, &rows->arena);
    if (!err)
        row->base_state = BASE_LIVE;
    else if (err == BC_E_NOT_FOUND)
        row->base_state = BASE_ABSENT;
    else
        bc_rows_fail(rows, err); /* and the row stays unknown: a fork may get over it */
}

bool bc_rows_get(bc_rows_t *rows, bc_table_t *table, bc_bytes_t key, bc_bytes_t *value)
{
    bc_row_t *row = bc_row_at(rows, table, key);
    bc_bytes_t v = { 0 };
    if (row->ws.state == WS_OPEN)
        bc_fork_resolve(rows, row);
    bool live = row->ws.state == WS_LIVE;
    if (live) {
        v = cell_value(&row->ws);
    } else if (row->ws.state == WS_NONE) {
        if (row->base_state == BASE_UNKNOWN)
            load_base(rows, row);
        live = row->base_state == BASE_LIVE;
        if (live)
            v = row->base;
    }
    if (value)
        *value = v;
    return live;
}

static void journal_push(bc_rows_t *rows, bc_row_t *row)
{
    if (rows->journal_cnt == rows->journal_cap) {
        size_t cap = rows->journal_cap ? rows->journal_cap * 2 : 256;
        journal_t *v = realloc(rows->journal, cap * sizeof(*v));
        if (!v) {
            bc_rows_fail(rows, BC_E_NOMEM);
            return;
        }
        rows->journal = v;
        rows->journal_cap = cap;
    }
    rows->journal[rows->journal_cnt++] = (journal_t){ row, row->ws };
}

void bc_rows_put(bc_rows_t *rows, bc_table_t *table, bc_bytes_t key, bc_bytes_t value)
{
    bc_row_t *row = bc_row_at(rows, table, key);
    if (row == &rows->dummy_row)
        return;
    journal_push(rows, row);
    cell_t cell = { .state = WS_LIVE };
    if (value.n > SMALL) {
        bool ok = true;
        cell.big = bc_arena_copy(&rows->arena, value, &ok);
        if (!ok) {
            bc_rows_fail(rows, BC_E_NOMEM);
            return;
        }
    } else {
        cell.big.n = value.n;
        if (value.n)
            memcpy(cell.small, value.p, value.n);
    }
    rows->written += row->ws.state == WS_NONE;
    row->ws = cell;
    if (rows->fork)
        bc_fork_wrote(rows, row);
}

void bc_rows_del(bc_rows_t *rows, bc_table_t *table, bc_bytes_t key)
{
    bc_row_t *row = bc_row_at(rows, table, key);
    if (row == &rows->dummy_row)
        return;
    if (row->ws.state == WS_OPEN)
        bc_fork_resolve(rows, row); /* whether it is journaled depends on it */
    if (rows->exact || row->ws.state == WS_LIVE)
        journal_push(rows, row);
    rows->written += row->ws.state == WS_NONE;
    row->ws = (cell_t){ .state = WS_TOMB };
    if (rows->fork)
        bc_fork_wrote(rows, row);
}

bc_rows_mark_t bc_rows_mark(const bc_rows_t *rows)
{
    return rows->journal_cnt;
}

static void restore(bc_rows_t *rows, journal_t *j)
{
    bool was = j->row->ws.state != WS_NONE;
    if (j->old.state == WS_OPEN) { /* what it was is asked only now */
        j->row->ws = j->old;
        bc_fork_resolve(rows, j->row);
        j->old = j->row->ws;
    }
    /* without exact a tombstone counts as "no previous value": the row leaves the write set */
    if (rows->exact || j->old.state == WS_LIVE)
        j->row->ws = j->old;
    else
        j->row->ws = (cell_t){ .state = WS_NONE };
    rows->written += (size_t)(j->row->ws.state != WS_NONE) - (size_t)was;
}

void bc_rows_rollback(bc_rows_t *rows, bc_rows_mark_t mark)
{
    while (rows->journal_cnt > mark)
        restore(rows, &rows->journal[--rows->journal_cnt]);
}

void bc_rows_exact(bc_rows_t *rows)
{
    rows->exact = true;
}

void bc_rows_rollback_between(bc_rows_t *rows, bc_rows_mark_t from, bc_rows_mark_t to)
{
    for (size_t i = BC_MIN(to, rows->journal_cnt); i > from; i--)
        restore(rows, &rows->journal[i - 1]);
}

void bc_rows_settle(bc_rows_t *rows)
{
    rows->journal_cnt = 0;
}

/* --- ordered reading --- */

static int by_key(const void *a, const void *b)
{
    const bc_row_t *const *x = a, *const *y = b;
    return bc_bytes_cmp((*x)->key, (*y)->key);
}

/* The table's rows of the write set, sorted, in malloc memory. NULL with *cnt > 0: no memory. */
static bc_row_t **written_rows(const bc_table_t *table, size_t *cnt)
{
    size_t n = 0;
    for (const bc_row_t *r = table->rows; r; r = r->next)
        n += r->ws.state != WS_NONE;
    *cnt = n;
    if (!n)
        return NULL;
    bc_row_t **v = malloc(n * sizeof(*v)); // NOLINT(bugprone-sizeof-expression)
    if (!v)
        return NULL;
    n = 0;
    for (bc_row_t *r = table->rows; r; r = r->next) {
        if (r->ws.state != WS_NONE)
            v[n++] = r;
    }
    qsort(v, n, sizeof(*v), by_key); // NOLINT(bugprone-sizeof-expression)
    return v;
}

typedef struct {
    bc_rows_t *rows;
    bc_row_t **own;
    size_t at, cnt;
    bc_row_each_fn each;
    void *ctx;
    bool stop;
} merge_t;

/* Own rows below key (all of them when key is NULL). */
static void merge_own(merge_t *m, const bc_bytes_t *key)
{
    while (!m->stop && m->at < m->cnt) {
        bc_row_t *r = m->own[m->at];
        if (key && bc_bytes_cmp(r->key, *key) >= 0)
            return;
        m->at++;
        if (r->ws.state == WS_LIVE && !m->each(m->ctx, r->key, cell_value(&r->ws)))
            m->stop = true;
    }
}

static bool merge_base(void *ctx, bc_bytes_t key, bc_bytes_t value)
{
    merge_t *m = ctx;
    watch(m->rows);
    m->stop |= m->rows->err != BC_OK;
    merge_own(m, &key);
    if (m->stop)
        return false;
    if (m->at < m->cnt && bc_bytes_eq(m->own[m->at]->key, key)) {
        bc_row_t *r = m->own[m->at++];
        if (r->ws.state == WS_LIVE && !m->each(m->ctx, r->key, cell_value(&r->ws)))
            m->stop = true;
    } else if (!m->each(m->ctx, key, value)) {
        m->stop = true;
    }
    return !m->stop;
}

void bc_rows_scan(bc_rows_t *rows, bc_table_t *table, bc_bytes_t from, bc_row_each_fn each,
                  void *ctx)
{
    merge_t m = { .rows = rows, .each = each, .ctx = ctx };
    if (rows->fork)
        bc_fork_pull(rows, table);
    m.own = written_rows(table, &m.cnt);
    if (m.cnt && !m.own) {
        bc_rows_fail(rows, BC_E_NOMEM);
        return;
    }
    while (m.at < m.cnt && bc_bytes_cmp(m.own[m.at]->key, from) < 0)
        m.at++;
    if (!rows->err) {
        bc_err_t err = rows->parent.ops->scan(rows->parent.self, table->name, from, merge_base, &m);
        if (err && err != BC_E_NOT_FOUND)
            bc_rows_fail(rows, err);
        merge_own(&m, NULL);
    }
    free(m.own);
}

/* --- results --- */

static int by_name(const void *a, const void *b)
{
    const bc_table_t *const *x = a, *const *y = b;
    return bc_bytes_cmp((*x)->name, (*y)->name);
}

static bc_table_t **sorted_tables(const bc_rows_t *rows, size_t *cnt)
{
    size_t n = 0;
    bc_table_t **v = malloc((rows->tables.cnt + 1) * sizeof(*v)); // NOLINT(bugprone-sizeof-expression)
    if (!v)
        return NULL;
    for (size_t i = 0; i < rows->tables.cap; i++) {
        if (rows->tables.v[i].item)
            v[n++] = rows->tables.v[i].item;
    }
    qsort(v, n, sizeof(*v), by_name); // NOLINT(bugprone-sizeof-expression)
    *cnt = n;
    return v;
}

bc_err_t bc_rows_root(const bc_rows_t *rows, bc_suite_t suite, bc_h256_t *root)
{
    return bc_rows_root_part(rows, suite, 0, 1, root);
}

bc_err_t bc_rows_root_part(const bc_rows_t *rows, bc_suite_t suite, size_t part, size_t parts, bc_h256_t *root)
{
    enum { BATCH = 64 };
    bc_bytes_t in[BATCH];
    bc_h256_t out[BATCH];
    size_t n = 0;
    bc_arena_t scratch;
    bc_arena_init(&scratch, 0);
    memset(root, 0, sizeof(*root));
    bc_err_t err = rows->err;
    size_t end = rows->rows.cap * (part + 1) / parts;
    for (size_t i = rows->rows.cap * part / parts; !err && i <= end; i++) {
        const bc_row_t *r = i < end ? rows->rows.v[i].item : NULL;
        if (r && r->ws.state != WS_NONE) {
            bc_bytes_t name = r->table->name, val = cell_value(&r->ws);
            uint8_t *p = bc_arena_alloc(&scratch, name.n + r->key.n + val.n + 1);
            if (!p) {
                err = BC_E_NOMEM;
                break;
            }
            memcpy(p, name.p, name.n);
            if (r->key.n)
                memcpy(p + name.n, r->key.p, r->key.n);
            if (val.n)
                memcpy(p + name.n + r->key.n, val.p, val.n);
            in[n++] = bc_bytes(p, name.n + r->key.n + val.n);
        }
        if (n == BATCH || (n && i == end)) {
            bc_hash_many(suite, in, out, n);
            for (size_t k = 0; k < n; k++) {
                for (size_t b = 0; b < 32; b++)
                    root->b[b] ^= out[k].b[b];
            }
            n = 0;
            bc_arena_reset(&scratch);
        }
    }
    bc_arena_free(&scratch);
    return err;
}

static void xor_into(bc_h256_t *root, const bc_h256_t *h)
{
    for (size_t b = 0; b < sizeof(root->b); b++)
        root->b[b] ^= h->b[b];
}

bc_err_t bc_rows_root_parts(bc_rows_t *rows, bc_suite_t suite, bc_h256_t *root)
{
    memset(root, 0, sizeof(*root));
    for (size_t i = 0; i < rows->rows.cap; i++) {
        const bc_row_t *r = rows->rows.v[i].item;
        bc_h256_t h;
        if (!r || r->ws.state == WS_NONE)
            continue;
        bc_hash(suite, r->table->name, &h);
        xor_into(root, &h);
        bc_hash(suite, r->key, &h);
        xor_into(root, &h);
        if (r->ws.state == WS_LIVE)
            bc_hash(suite, cell_value(&r->ws), &h);
        else
            h = (bc_h256_t){ .b[31] = 1 };
        xor_into(root, &h);
    }
    return rows->err;
}

static bool add_change(bc_changes_t *c, bc_bytes_t table, const bc_row_t *r)
{
    bool ok = true;
    bc_change_t *ch = &c->v[c->cnt++];
    ch->table = table;
    ch->key = bc_arena_copy(&c->arena, r->key, &ok);
    ch->del = r->ws.state == WS_TOMB;
    if (ok && !ch->del)
        ch->value = bc_arena_copy(&c->arena, cell_value(&r->ws), &ok);
    return ok;
}

bc_err_t bc_rows_changes(const bc_rows_t *rows, bc_changes_t **out)
{
    if (rows->err)
        return rows->err;
    size_t table_cnt = 0;
    bc_changes_t *c = calloc(1, sizeof(*c));
    bc_table_t **tables = c ? sorted_tables(rows, &table_cnt) : NULL;
    bool ok = tables != NULL;
    if (ok) {
        atomic_init(&c->refs, 1);
        bc_arena_init(&c->arena, 0);
        c->v = bc_arena_alloc(&c->arena, (rows->written + 1) * sizeof(*c->v));
        ok = c->v != NULL;
    }
    for (size_t i = 0; ok && i < table_cnt; i++) {
        size_t n = 0;
        bc_row_t **v = written_rows(tables[i], &n);
        ok = v || !n;
        if (n && ok) {
            bc_bytes_t name = bc_arena_copy(&c->arena, tables[i]->name, &ok);
            for (size_t k = 0; ok && k < n; k++)
                ok = add_change(c, name, v[k]);
        }
        free(v);
    }
    free(tables);
    if (ok && !rows->err) {
        *out = c;
        return BC_OK;
    }
    if (c) {
        bc_arena_free(&c->arena);
        free(c);
    }
    return BC_E_NOMEM;
}
