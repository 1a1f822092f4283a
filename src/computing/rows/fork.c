/* Forks of a write set: reads with versions, writes that wait for their turn. */
#include <pthread.h>
#include <stdlib.h>

#include "computing/rows/rows_impl.h"

/* Rows have versions, and so have tables, for whoever scans. Beside them versions are kept by
 * bucket of the hash: a reader of a row whose bucket nobody wrote (0) needs no lock, and a bucket
 * that is as it was needs no second look. */
struct bc_share {
    pthread_mutex_t lock; /* of the trunk's indexes and cells; held shortly, worth spinning for */
    /* which changes hands, while all read the mask */
    _Alignas(BC_CACHE_LINE) uint64_t mask;
    _Atomic uint32_t versions[];
};

struct bc_fork {
    bc_rows_t *trunk;
    bc_delta_t *delta; /* of the running transaction */
    uint32_t epoch;    /* of the running transaction; 0: none yet */
};

/* A fork's record. */
typedef struct {
    bc_row_t row;
    uint32_t epoch;
    bool known, wrote; /* init is known; listed in the delta's writes */
    cell_t init;       /* what the trunk had */
} fork_row_t;

typedef struct {
    const bc_table_t *table; /* of the fork: name, hash and keys never change */
    const bc_row_t *row;     /* NULL: the whole table */
    uint32_t bucket, bucket_version, version;
} read_t;

typedef struct {
    bc_row_t *row; /* of the fork: hash, table and key never change */
    cell_t cell;
} write_t;

/* Neighbours are filled by different threads: each has a cache line of its own. */
struct bc_delta {
    _Alignas(BC_CACHE_LINE) read_t *reads;
    write_t *writes;
    size_t read_cnt, read_cap, write_cnt, write_cap;
};

bc_err_t bc_rows_share(bc_rows_t *trunk, size_t rows)
{
    size_t n = 16;
    while (n < rows * 4 && n < (1u << 18))
        n *= 2;
    bc_share_t *s = bc_zalloc_present(1, sizeof(*s) + n * sizeof(s->versions[0]));
    if (!s)
        return BC_E_NOMEM;
    s->mask = n - 1;
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ADAPTIVE_NP);
    pthread_mutex_init(&s->lock, &attr);
    pthread_mutexattr_destroy(&attr);
    trunk->share = s;
    return BC_OK;
}

void bc_rows_share_free(bc_share_t *s)
{
    if (s)
        pthread_mutex_destroy(&s->lock);
    free(s);
}

bc_rows_t *bc_rows_fork(bc_rows_t *trunk)
{
    bc_rows_t *rows = bc_rows_new(trunk->parent);
    bc_fork_t *f = rows ? bc_arena_alloc(&rows->arena, sizeof(*f)) : NULL;
    if (!f) {
        bc_rows_free(rows);
        return NULL;
    }
    f->trunk = trunk;
    rows->row_size = sizeof(fork_row_t);
    rows->fork = f;
    return rows;
}

bc_delta_t *bc_delta_new(void)
{
    return bc_zalloc_present(1, sizeof(bc_delta_t));
}

void bc_delta_free(bc_delta_t *d)
{
    if (!d)
        return;
    free(d->reads);
    free(d->writes);
    free(d);
}

/* --- a transaction on a fork --- */

void bc_rows_begin(bc_rows_t *fork, bc_delta_t *d)
{
    d->read_cnt = d->write_cnt = 0;
    fork->fork->delta = d;
    fork->fork->epoch++;
    fork->journal_cnt = 0;
    if (fork->err != BC_E_NOMEM)
        fork->err = BC_OK;
}

static bool grow(bc_rows_t *fork, void **v, size_t cnt, size_t *cap, size_t size)
{
    if (cnt < *cap)
        return true;
    size_t to = *cap ? *cap * 2 : 32;
    void *p = realloc(*v, to * size);
    if (!p) {
        bc_rows_fail(fork, BC_E_NOMEM);
        return false;
    }
    *v = p;
    *cap = to;
    return true;
}

static void add_read(bc_rows_t *fork, read_t read)
{
    bc_delta_t *d = fork->fork->delta;
    void *v = d->reads;
    if (!grow(fork, &v, d->read_cnt, &d->read_cap, sizeof(read_t)))
        return;
    d->reads = v;
    d->reads[d->read_cnt++] = read;
}

void bc_fork_visit(bc_rows_t *fork, bc_row_t *row)
{
    fork_row_t *r = (fork_row_t *)row;
    if (r->epoch == fork->fork->epoch)
        return;
    r->epoch = fork->fork->epoch;
    r->known = r->wrote = false;
    row->ws.state = WS_OPEN;
}

/* The trunk's table; its lock is held. */
static bc_table_t *trunk_table(const bc_rows_t *trunk, bc_table_t *t)
{
    if (!t->trunk)
        t->trunk = bc_rows_table_find(trunk, t->name, t->hash);
    return t->trunk;
}

void bc_fork_resolve(bc_rows_t *fork, bc_row_t *row)
{
    fork_row_t *r = (fork_row_t *)row;
    bc_rows_t *trunk = fork->fork->trunk;
    bc_share_t *s = trunk->share;
    if (!r->known) {
        read_t read = { row->table, row, (uint32_t)(row->hash & s->mask), 0, 0 };
        read.bucket_version = atomic_load_explicit(&s->versions[read.bucket], memory_order_acquire);
        r->init.state = WS_NONE;
        if (read.bucket_version) {
            pthread_mutex_lock(&s->lock);
            read.bucket_version = atomic_load_explicit(&s->versions[read.bucket], memory_order_relaxed);
            const bc_table_t *t = trunk_table(trunk, row->table);
            const bc_row_t *there = t ? bc_row_find(trunk, t, row->key, row->hash) : NULL;
            if (there) {
                r->init = there->ws;
                read.version = there->version;
            }
            pthread_mutex_unlock(&s->lock);
        }
        r->known = true;
        add_read(fork, read);
    }
    row->ws = r->init;
}

void bc_fork_wrote(bc_rows_t *fork, bc_row_t *row)
{
    fork_row_t *r = (fork_row_t *)row;
    bc_delta_t *d = fork->fork->delta;
    void *v = d->writes;
    if (r->wrote || !grow(fork, &v, d->write_cnt, &d->write_cap, sizeof(write_t)))
        return;
    d->writes = v;
    d->writes[d->write_cnt++].row = row;
    r->wrote = true;
}

void bc_fork_pull(bc_rows_t *fork, bc_table_t *table)
{
    bc_rows_t *trunk = fork->fork->trunk;
    bc_share_t *s = trunk->share;
    read_t read = { table, NULL, (uint32_t)(table->hash & s->mask), 0, 0 };
    pthread_mutex_lock(&s->lock);
    read.bucket_version = atomic_load_explicit(&s->versions[read.bucket], memory_order_relaxed);
    const bc_table_t *t = trunk_table(trunk, table);
    read.version = t ? t->version : 0;
    for (const bc_row_t *r = t ? t->rows : NULL; r; r = r->next) {
        if (r->ws.state != WS_NONE)
            bc_row_at(fork, table, r->key);
    }
    pthread_mutex_unlock(&s->lock);
    add_read(fork, read);
    for (bc_row_t *r = table->rows; r; r = r->next) {
        bc_fork_visit(fork, r);
        if (r->ws.state == WS_OPEN)
            bc_fork_resolve(fork, r);
    }
}

static bool cell_same(const cell_t *a, const cell_t *b)
{
    return a->state == b->state && (a->state != WS_LIVE || bc_bytes_eq(cell_value(a), cell_value(b)));
}

void bc_rows_end(bc_rows_t *fork)
{
    bc_delta_t *d = fork->fork->delta;
    size_t n = 0;
    for (size_t i = 0; i < d->write_cnt; i++) {
        const fork_row_t *r = (const fork_row_t *)d->writes[i].row;
        if (r->known && cell_same(&r->init, &r->row.ws))
            continue; /* the write set has it so already: rolled back, or written again */
        d->writes[n].row = d->writes[i].row;
        d->writes[n++].cell = r->row.ws;
    }
    d->write_cnt = n;
    fork->journal_cnt = 0;
}

/* --- its turn --- */

/* The version now; no lock: only the caller could be writing. */
static uint32_t version_of(const bc_rows_t *trunk, const read_t *r)
{
    const bc_table_t *t = bc_rows_table_find(trunk, r->table->name, r->table->hash);
    if (!t || !r->row)
        return t ? t->version : 0;
    const bc_row_t *row = bc_row_find(trunk, t, r->row->key, r->row->hash);
    return row ? row->version : 0;
}

bool bc_rows_valid(const bc_rows_t *trunk, const bc_delta_t *d)
{
    const bc_share_t *s = trunk->share;
    for (size_t i = 0; i < d->read_cnt; i++) {
        const read_t *r = &d->reads[i];
        if (atomic_load_explicit(&s->versions[r->bucket], memory_order_relaxed) != r->bucket_version &&
            version_of(trunk, r) != r->version)
            return false;
    }
    return true;
}

void bc_rows_apply(bc_rows_t *trunk, const bc_delta_t *d, uint32_t version)
{
    bc_share_t *s = trunk->share;
    if (!d->write_cnt)
        return;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < d->write_cnt; i++) {
        const bc_row_t *from = d->writes[i].row;
        bc_table_t *t = bc_rows_table_at(trunk, from->table->name, from->table->hash);
        bc_row_t *row = bc_row_find(trunk, t, from->key, from->hash);
        if (!row)
            row = bc_row_add(trunk, t, from->key, from->hash);
        if (row == &trunk->dummy_row)
            break;
        trunk->written += (size_t)(d->writes[i].cell.state != WS_NONE) - (size_t)(row->ws.state != WS_NONE);
        row->ws = d->writes[i].cell;
        row->version = t->version = version;
        atomic_store_explicit(&s->versions[from->hash & s->mask], version, memory_order_release);
        atomic_store_explicit(&s->versions[t->hash & s->mask], version, memory_order_release);
    }
    pthread_mutex_unlock(&s->lock);
}
