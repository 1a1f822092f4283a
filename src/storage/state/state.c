#include "storage/state/state.h"
#include <pthread.h>
#include <stdlib.h>
#include "base/map.h"

/* A write set with a hash index over its raw keys. */
typedef struct {
    atomic_uint refs;
    bc_changes_t *changes;
    size_t mask;
    uint32_t slots[]; /* change number + 1, 0 free; open addressing */
} layer_t;

/* The store as it was at one moment. */
typedef struct {
    atomic_uint refs;
    bc_kv_if kv;
    bool owned; /* kv is a snapshot of ours */
} base_t;

struct bc_state_view {
    atomic_uint refs;
    base_t *base;
    size_t cnt;
    layer_t *layers[]; /* oldest first */
};

struct bc_state {
    pthread_mutex_t lock; /* top */
    bc_kv_if kv;
    bc_state_view_t *top;
};

/* ---- raw keys ---- */

typedef struct {
    bc_wr_t w;
    uint8_t local[160];
} raw_t;

/* table ":" key, on the stack when short. Release with raw_free. */
static bc_err_t raw_make(raw_t *r, bc_bytes_t table, bc_bytes_t key, bc_bytes_t *out)
{
    r->w = (bc_wr_t){ 0 };
    size_t n = table.n + 1 + key.n;
    uint8_t *p = r->local;
    if (n > sizeof r->local) {
        p = bc_wr_reserve(&r->w, n);
        if (!p)
            return BC_E_NOMEM;
    }
    if (table.n)
        memcpy(p, table.p, table.n);
    p[table.n] = ':';
    if (key.n)
        memcpy(p + table.n + 1, key.p, key.n);
    *out = bc_bytes(p, n);
    return BC_OK;
}

static void raw_free(raw_t *r)
{
    bc_wr_free(&r->w);
}

/* ---- layers ---- */

static int row_cmp(bc_bytes_t table, bc_bytes_t key, const bc_change_t *c)
{
    int d = bc_bytes_cmp(table, c->table);
    return d ? d : bc_bytes_cmp(key, c->key);
}

static void layer_unref(layer_t *l)
{
    if (atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) != 1)
        return;
    bc_changes_unref(l->changes);
    free(l);
}

static bc_err_t layer_new(bc_changes_t *changes, layer_t **out)
{
    if (changes->cnt >= UINT32_MAX / 4)
        return BC_E_FULL;
    size_t cap = 16;
    while (cap < changes->cnt * 2)
        cap *= 2;
    layer_t *l = calloc(1, sizeof *l + cap * sizeof l->slots[0]);
    if (!l)
        return BC_E_NOMEM;
    l->mask = cap - 1;
    for (size_t i = 0; i < changes->cnt; i++) {
        const bc_change_t *c = &changes->v[i];
        BC_MUST(i == 0 || row_cmp(c->table, c->key, &changes->v[i - 1]) > 0);
        raw_t raw;
        bc_bytes_t k;
        if (raw_make(&raw, c->table, c->key, &k) != BC_OK) {
            free(l);
            return BC_E_NOMEM;
        }
        size_t s = (size_t)bc_siphash(k) & l->mask;
        raw_free(&raw);
        while (l->slots[s])
            s = (s + 1) & l->mask;
        l->slots[s] = (uint32_t)i + 1;
    }
    atomic_init(&l->refs, 1);
    l->changes = bc_changes_ref(changes);
    *out = l;
    return BC_OK;
}

static const bc_change_t *layer_find(const layer_t *l, uint64_t hash, bc_bytes_t table,
                                     bc_bytes_t key)
{
    for (size_t s = (size_t)hash & l->mask; l->slots[s]; s = (s + 1) & l->mask) {
        const bc_change_t *c = &l->changes->v[l->slots[s] - 1];
        if (bc_bytes_eq(key, c->key) && bc_bytes_eq(table, c->table))
            return c;
    }
    return NULL;
}

/* Number of the first change at or behind (table, key). */
static size_t layer_lower(const layer_t *l, bc_bytes_t table, bc_bytes_t key)
{
    size_t lo = 0, hi = l->changes->cnt;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (row_cmp(table, key, &l->changes->v[mid]) > 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* ---- reading the store ---- */

static bc_err_t kv_read(bc_kv_if kv, bc_bytes_t raw, bc_bytes_t *value, bc_arena_t *arena)
{
    bc_wr_t w = { 0 };
    bc_err_t err = kv.ops->get(kv.self, raw, &w);
    if (!err) {
        bool ok;
        *value = bc_arena_copy(arena, bc_wr_view(&w), &ok);
        err = ok ? BC_OK : BC_E_NOMEM;
    }
    bc_wr_free(&w);
    return err;
}

static bc_err_t kv_view_get(void *self, bc_bytes_t table, bc_bytes_t key, bc_bytes_t *value,
                            bc_arena_t *arena)
{
    raw_t raw;
    bc_bytes_t k;
    bc_err_t err = raw_make(&raw, table, key, &k);
    if (!err)
        err = kv_read(*(const bc_kv_if *)self, k, value, arena);
    raw_free(&raw);
    return err;
}

typedef struct {
    size_t skip; /* length of table ":" */
    bc_row_each_fn each;
    void *ctx;
} strip_t;

static bool strip_each(void *ctx, bc_bytes_t key, bc_bytes_t value)
{
    strip_t *s = ctx;
    return s->each(s->ctx, bc_bytes(key.p + s->skip, key.n - s->skip), value);
}

static bc_err_t kv_table_scan(bc_kv_if kv, bc_bytes_t table, bc_bytes_t from, bc_row_each_fn each,
                              void *ctx)
{
    raw_t raw;
    bc_bytes_t k;
    bc_err_t err = raw_make(&raw, table, from, &k);
    strip_t s = { table.n + 1, each, ctx };
    if (!err)
        err = kv.ops->scan(kv.self, bc_bytes(k.p, table.n + 1), k, strip_each, &s);
    raw_free(&raw);
    return err;
}

static bc_err_t kv_view_scan(void *self, bc_bytes_t table, bc_bytes_t from, bc_row_each_fn each,
                             void *ctx)
{
    return kv_table_scan(*(const bc_kv_if *)self, table, from, each, ctx);
}

static const bc_view_ops_t kv_view_ops = { .get = kv_view_get, .scan = kv_view_scan };

bc_view_if bc_state_kv_view(const bc_kv_if *kv)
{
    return (bc_view_if){ &kv_view_ops, (void *)(uintptr_t)kv };
}

/* ---- views ---- */

static bc_err_t view_get(void *self, bc_bytes_t table, bc_bytes_t key, bc_bytes_t *value,
                         bc_arena_t *arena)
{
    bc_state_view_t *v = self;
    raw_t raw;
    bc_bytes_t k;
    bc_err_t err = raw_make(&raw, table, key, &k);
    if (err)
        return err;
    uint64_t hash = v->cnt ? bc_siphash(k) : 0;
    for (size_t i = v->cnt; i-- > 0;) {
        const bc_change_t *c = layer_find(v->layers[i], hash, table, key);
        if (!c)
            continue;
        bool ok = true;
        err = BC_E_NOT_FOUND;
        if (!c->del) {
            *value = bc_arena_copy(arena, c->value, &ok);
            err = ok ? BC_OK : BC_E_NOMEM;
        }
        raw_free(&raw);
        return err;
    }
    err = kv_read(v->base->kv, k, value, arena);
    raw_free(&raw);
    return err;
}

/* Merges the layers' rows of one table with those of the store. */
typedef struct {
    bc_state_view_t *v;
    bc_bytes_t table;
    bc_row_each_fn each;
    void *ctx;
    bool stop;
    size_t at[BC_STATE_LAYERS_MAX]; /* next change of each layer */
} merge_t;

static const bc_change_t *merge_peek(const merge_t *m, size_t layer)
{
    const bc_changes_t *c = m->v->layers[layer]->changes;
    if (m->at[layer] >= c->cnt)
        return NULL;
    const bc_change_t *r = &c->v[m->at[layer]];
    return bc_bytes_eq(r->table, m->table) ? r : NULL;
}

/* Takes the least next change of all layers, the newest layer's where several have that key. Only
 * keys <= *limit when limit is given. */
static const bc_change_t *merge_next(merge_t *m, const bc_bytes_t *limit)
{
    const bc_change_t *best = NULL;
    for (size_t i = m->v->cnt; i-- > 0;) {
        const bc_change_t *r = merge_peek(m, i);
        if (r && (!best || bc_bytes_cmp(r->key, best->key) < 0))
            best = r;
    }
    if (!best || (limit && bc_bytes_cmp(best->key, *limit) > 0))
        return NULL;
    for (size_t i = 0; i < m->v->cnt; i++) {
        const bc_change_t *r = merge_peek(m, i);
        if (r && bc_bytes_eq(r->key, best->key))
            m->at[i]++;
    }
    return best;
}

static bool merge_store_row(void *ctx, bc_bytes_t key, bc_bytes_t value)
{
    merge_t *m = ctx;
    const bc_change_t *r;
    bool replaced = false;
    while (!m->stop && (r = merge_next(m, &key))) {
        replaced = replaced || bc_bytes_eq(r->key, key);
        if (!r->del)
            m->stop = !m->each(m->ctx, r->key, r->value);
    }
    if (!m->stop && !replaced)
        m->stop = !m->each(m->ctx, key, value);
    return !m->stop;
}

static bc_err_t view_scan(void *self, bc_bytes_t table, bc_bytes_t from, bc_row_each_fn each,
                          void *ctx)
{
    bc_state_view_t *v = self;
    merge_t m = { .v = v, .table = table, .each = each, .ctx = ctx };
    for (size_t i = 0; i < v->cnt; i++)
        m.at[i] = layer_lower(v->layers[i], table, from);
    bc_err_t err = kv_table_scan(v->base->kv, table, from, merge_store_row, &m);
    const bc_change_t *r;
    while (!err && !m.stop && (r = merge_next(&m, NULL)))
        if (!r->del)
            m.stop = !each(ctx, r->key, r->value);
    return err;
}

static const bc_view_ops_t view_ops = { .get = view_get, .scan = view_scan };

bc_view_if bc_state_view_if(bc_state_view_t *v)
{
    return (bc_view_if){ &view_ops, v };
}

static void base_unref(base_t *b)
{
    if (atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (b->owned)
        b->kv.ops->close(b->kv.self);
    free(b);
}

static bc_err_t base_new(bc_kv_if kv, base_t **out)
{
    base_t *b = calloc(1, sizeof *b);
    if (!b)
        return BC_E_NOMEM;
    atomic_init(&b->refs, 1);
    b->kv = kv;
    if (kv.ops->snapshot) {
        bc_err_t err = kv.ops->snapshot(kv.self, &b->kv);
        if (err) {
            free(b);
            return err;
        }
        b->owned = true;
    }
    *out = b;
    return BC_OK;
}

/* A view of base and cnt layers plus `extra` (may be NULL); takes references. */
static bc_state_view_t *view_new(base_t *base, layer_t *const *layers, size_t cnt, layer_t *extra)
{
    bc_state_view_t *v = bc_xcalloc(1, sizeof *v + (cnt + 1) * sizeof v->layers[0]);
    atomic_init(&v->refs, 1);
    atomic_fetch_add_explicit(&base->refs, 1, memory_order_relaxed);
    v->base = base;
    for (size_t i = 0; i < cnt; i++)
        v->layers[i] = layers[i];
    v->cnt = cnt;
    if (extra)
        v->layers[v->cnt++] = extra;
    for (size_t i = 0; i < v->cnt; i++)
        atomic_fetch_add_explicit(&v->layers[i]->refs, 1, memory_order_relaxed);
    return v;
}

bc_state_view_t *bc_state_view_ref(bc_state_view_t *v)
{
    atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
    return v;
}

void bc_state_view_unref(bc_state_view_t *v)
{
    if (!v || atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < v->cnt; i++)
        layer_unref(v->layers[i]);
    base_unref(v->base);
    free(v);
}

/* ---- the stack ---- */

bc_err_t bc_state_new(bc_kv_if kv, bc_state_t **out)
{
    base_t *base;
    bc_err_t err = base_new(kv, &base);
    if (err)
        return err;
    bc_state_t *s = bc_xcalloc(1, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    s->kv = kv;
    s->top = view_new(base, NULL, 0, NULL);
    base_unref(base);
    *out = s;
    return BC_OK;
}

void bc_state_free(bc_state_t *s)
{
    if (!s)
        return;
    bc_state_view_unref(s->top);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* Makes v the top; the lock is held and released, the old top goes outside of it. */
static void swap_top(bc_state_t *s, bc_state_view_t *v)
{
    bc_state_view_t *old = s->top;
    s->top = v;
    pthread_mutex_unlock(&s->lock);
    bc_state_view_unref(old);
}

bc_err_t bc_state_push(bc_state_t *s, bc_changes_t *changes)
{
    layer_t *l;
    bc_err_t err = layer_new(changes, &l);
    if (err)
        return err;
    pthread_mutex_lock(&s->lock);
    if (s->top->cnt >= BC_STATE_LAYERS_MAX) {
        pthread_mutex_unlock(&s->lock);
        err = BC_E_FULL;
    } else {
        swap_top(s, view_new(s->top->base, s->top->layers, s->top->cnt, l));
    }
    layer_unref(l);
    return err;
}

/* A new look at the store, without the first `skip` layers. */
static bc_err_t rebase(bc_state_t *s, size_t skip)
{
    base_t *base;
    pthread_mutex_lock(&s->lock);
    bc_err_t err = s->top->cnt < skip ? BC_E_NOT_FOUND : base_new(s->kv, &base);
    if (err) {
        pthread_mutex_unlock(&s->lock);
        return err;
    }
    swap_top(s, view_new(base, s->top->layers + skip, s->top->cnt - skip, NULL));
    base_unref(base);
    return BC_OK;
}

bc_err_t bc_state_pop_oldest(bc_state_t *s)
{
    return rebase(s, 1);
}

bc_err_t bc_state_refresh(bc_state_t *s)
{
    return rebase(s, 0);
}

bc_err_t bc_state_drop_newest(bc_state_t *s)
{
    pthread_mutex_lock(&s->lock);
    if (!s->top->cnt) {
        pthread_mutex_unlock(&s->lock);
        return BC_E_NOT_FOUND;
    }
    swap_top(s, view_new(s->top->base, s->top->layers, s->top->cnt - 1, NULL));
    return BC_OK;
}

size_t bc_state_depth(bc_state_t *s)
{
    pthread_mutex_lock(&s->lock);
    size_t n = s->top->cnt;
    pthread_mutex_unlock(&s->lock);
    return n;
}

bc_state_view_t *bc_state_at(bc_state_t *s, size_t depth)
{
    pthread_mutex_lock(&s->lock);
    bc_state_view_t *v = depth >= s->top->cnt
                             ? bc_state_view_ref(s->top)
                             : view_new(s->top->base, s->top->layers, depth, NULL);
    pthread_mutex_unlock(&s->lock);
    return v;
}

bc_state_view_t *bc_state_top(bc_state_t *s)
{
    return bc_state_at(s, SIZE_MAX);
}

bc_state_view_t *bc_state_committed(bc_state_t *s)
{
    return bc_state_at(s, 0);
}
