/* A treap with path copying: nodes that a snapshot or a reader can reach are never changed, so
 * readers hold the lock only while they take a reference of the root. A node's priority is the
 * keyed hash of its key, which makes the shape independent of the order of writes. */
#include "storage/kv_mem/kv_mem.h"
#include <pthread.h>
#include <stdlib.h>
#include "base/map.h"

typedef struct {
    atomic_uint refs;
    size_t key_n, value_n;
    uint8_t p[]; /* key, value */
} row_t;

typedef struct node node_t;
struct node {
    atomic_uint refs;
    uint64_t prio;
    row_t *row;
    node_t *left, *right;
};

typedef struct {
    pthread_mutex_t lock; /* root */
    node_t *root;
    bool frozen;
} mem_t;

static bc_bytes_t row_key(const row_t *r)
{
    return bc_bytes(r->p, r->key_n);
}

static bc_bytes_t row_value(const row_t *r)
{
    return bc_bytes(r->p + r->key_n, r->value_n);
}

static row_t *row_new(bc_bytes_t key, bc_bytes_t value)
{
    row_t *r = bc_xcalloc(1, sizeof *r + key.n + value.n);
    atomic_init(&r->refs, 1);
    r->key_n = key.n;
    r->value_n = value.n;
    if (key.n)
        memcpy(r->p, key.p, key.n);
    if (value.n)
        memcpy(r->p + key.n, value.p, value.n);
    return r;
}

static void row_unref(row_t *r)
{
    if (atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) == 1)
        free(r);
}

static node_t *node_ref(node_t *n)
{
    if (n)
        atomic_fetch_add_explicit(&n->refs, 1, memory_order_relaxed);
    return n;
}

static void node_unref(node_t *n)
{
    if (!n || atomic_fetch_sub_explicit(&n->refs, 1, memory_order_acq_rel) != 1)
        return;
    node_unref(n->left);
    node_unref(n->right);
    row_unref(n->row);
    free(n);
}

/* A node that only the writer reaches: itself, or a copy. Consumes one reference of n. */
static node_t *node_own(node_t *n)
{
    if (atomic_load_explicit(&n->refs, memory_order_acquire) == 1)
        return n;
    node_t *c = bc_xcalloc(1, sizeof *c);
    atomic_init(&c->refs, 1);
    c->prio = n->prio;
    c->row = n->row;
    atomic_fetch_add_explicit(&n->row->refs, 1, memory_order_relaxed);
    c->left = node_ref(n->left);
    c->right = node_ref(n->right);
    node_unref(n);
    return c;
}

/* Splits t into keys below and above key; key itself is not in t. Consumes t. */
static void split(node_t *t, bc_bytes_t key, node_t **below, node_t **above)
{
    if (!t) {
        *below = *above = NULL;
        return;
    }
    t = node_own(t);
    if (bc_bytes_cmp(row_key(t->row), key) < 0) {
        split(t->right, key, &t->right, above);
        *below = t;
    } else {
        split(t->left, key, below, &t->left);
        *above = t;
    }
}

/* All keys of a are below those of b. Consumes both. */
static node_t *join(node_t *a, node_t *b)
{
    if (!a || !b)
        return a ? a : b;
    if (a->prio >= b->prio) {
        a = node_own(a);
        a->right = join(a->right, b);
        return a;
    }
    b = node_own(b);
    b->left = join(a, b->left);
    return b;
}

static node_t *put(node_t *t, row_t *row, uint64_t prio)
{
    if (!t || prio > t->prio) {
        node_t *n = bc_xcalloc(1, sizeof *n);
        atomic_init(&n->refs, 1);
        n->prio = prio;
        n->row = row;
        split(t, row_key(row), &n->left, &n->right);
        return n;
    }
    t = node_own(t);
    int c = bc_bytes_cmp(row_key(row), row_key(t->row));
    if (c == 0) {
        row_unref(t->row);
        t->row = row;
    } else if (c < 0) {
        t->left = put(t->left, row, prio);
    } else {
        t->right = put(t->right, row, prio);
    }
    return t;
}

static node_t *del(node_t *t, bc_bytes_t key)
{
    if (!t)
        return NULL;
    int c = bc_bytes_cmp(key, row_key(t->row));
    t = node_own(t);
    if (c < 0) {
        t->left = del(t->left, key);
        return t;
    }
    if (c > 0) {
        t->right = del(t->right, key);
        return t;
    }
    node_t *rest = join(t->left, t->right);
    t->left = t->right = NULL;
    node_unref(t);
    return rest;
}

static node_t *root_ref(mem_t *m)
{
    pthread_mutex_lock(&m->lock);
    node_t *root = node_ref(m->root);
    pthread_mutex_unlock(&m->lock);
    return root;
}

static bc_err_t mem_get(void *self, bc_bytes_t key, bc_wr_t *value)
{
    node_t *root = root_ref(self);
    const node_t *n = root;
    while (n) {
        int c = bc_bytes_cmp(key, row_key(n->row));
        if (c == 0)
            break;
        n = c < 0 ? n->left : n->right;
    }
    if (n)
        bc_wr_put(value, row_value(n->row));
    bc_err_t err = n ? value->err : BC_E_NOT_FOUND;
    node_unref(root);
    return err;
}

/* Rows of t with key >= from, in order, until each says false or the prefix ends. */
static bool walk(const node_t *t, bc_bytes_t prefix, bc_bytes_t from, bc_kv_each_fn each, void *ctx)
{
    if (!t)
        return true;
    bc_bytes_t key = row_key(t->row);
    if (bc_bytes_cmp(key, from) < 0)
        return walk(t->right, prefix, from, each, ctx);
    if (!walk(t->left, prefix, from, each, ctx))
        return false;
    if (key.n < prefix.n || (prefix.n && memcmp(key.p, prefix.p, prefix.n) != 0))
        return false; /* from >= prefix, so the first other key is behind it */
    return each(ctx, key, row_value(t->row)) && walk(t->right, prefix, from, each, ctx);
}

static bc_err_t mem_scan(void *self, bc_bytes_t prefix, bc_bytes_t from, bc_kv_each_fn each,
                         void *ctx)
{
    node_t *root = root_ref(self);
    walk(root, prefix, bc_bytes_cmp(from, prefix) < 0 ? prefix : from, each, ctx);
    node_unref(root);
    return BC_OK;
}

static bc_err_t mem_write(void *self, const bc_kv_change_t *changes, size_t cnt, bool sync)
{
    mem_t *m = self;
    (void)sync;
    if (m->frozen)
        return BC_E_ARG;
    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < cnt; i++) {
        const bc_kv_change_t *c = &changes[i];
        m->root = c->del ? del(m->root, c->key)
                         : put(m->root, row_new(c->key, c->value), bc_siphash(c->key));
    }
    pthread_mutex_unlock(&m->lock);
    return BC_OK;
}

static void mem_close(void *self)
{
    mem_t *m = self;
    node_unref(m->root);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

static bc_kv_if mem_new(node_t *root, bool frozen);

static bc_err_t mem_snapshot(void *self, bc_kv_if *out)
{
    *out = mem_new(root_ref(self), true);
    return BC_OK;
}

static const bc_kv_ops_t mem_ops = {
    .get = mem_get,
    .scan = mem_scan,
    .write = mem_write,
    .close = mem_close,
    .snapshot = mem_snapshot,
};

static bc_kv_if mem_new(node_t *root, bool frozen)
{
    mem_t *m = bc_xcalloc(1, sizeof *m);
    pthread_mutex_init(&m->lock, NULL);
    m->root = root;
    m->frozen = frozen;
    return (bc_kv_if){ &mem_ops, m };
}

bc_kv_if bc_kv_mem_new(void)
{
    return mem_new(NULL, false);
}
