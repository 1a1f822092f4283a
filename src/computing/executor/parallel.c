/* A block on several threads. The result is that of serial order, always.
 *
 * Workers take transactions in order, a few at a time, and run each, ahead of its turn, on a fork of
 * the block's rows. Finished ones wait in their worker's slots. Whoever finds the next one in order
 * finished takes the turn: if what the transaction looked up is still so, its writes are applied,
 * else it is run again there and then, when nothing else can write, and applied. So a transaction
 * runs at most twice, the turn always moves on, and nobody who holds it waits for anybody.
 *
 * Receipts need the gas of all earlier transactions; a worker writes them when it uses the slot
 * again, outside of any lock. Moving memory from core to core is what costs here: so a worker keeps
 * to its own slots, and the turn touches of another's slot one cache line and what was looked up and
 * written.
 *
 * When half of the recent transactions had to be run again, the block is hot: the workers stop
 * and the rest of it is run serially. */
#include <stdlib.h>

#include "computing/executor/block.h"

enum {
    SLOTS_EACH = 64, /* per worker: how far ahead of the turn */
    TAKE_MAX = 4,    /* transactions taken at a time */
    TURN_MAX = 16,   /* transactions applied before others are told */
    RECENT = 32,     /* transactions over which conflicts are counted */
    RECENT_MIN = 8,
};

/* Neighbours in the arrays of slots and workers are written by different threads: aligned. */
typedef struct {
    _Alignas(BC_CACHE_LINE) bool done; /* run ahead; under the job's lock, like all that decides who owns the slot */
    bc_err_t err;
    size_t i; /* has been applied when the turn is beyond it */
    bc_delta_t *delta;
    int64_t gas_used;
    bc_u256_t cumulative;
    /* up to here the turn's, which it has of another core */
    bool receipt_due;
    bc_tx_done_t r;
    bc_arena_t arena; /* of r */
    bc_log_entry_t *logs;
    size_t log_cnt, log_cap;
} slot_t;

typedef struct {
    _Alignas(BC_CACHE_LINE) bool open;
    bc_exec_t x;
    bc_wr_t buf;
    bc_arena_t arena; /* of receipts; the result's in the end */
    bc_err_t err;
    slot_t *slots; /* a ring */
    size_t slot_cnt, used; /* slots ever taken: the next one is used % slot_cnt */
} worker_t;

typedef struct {
    bc_block_run_t *b; /* read by all, so are the next five */
    worker_t *workers;
    slot_t *slots;  /* of all workers, one after the other */
    slot_t **taken; /* by transaction, modulo slot_cnt */
    size_t slot_cnt, worker_cnt;
    _Alignas(BC_CACHE_LINE) pthread_mutex_t lock;
    pthread_cond_t moved; /* the turn */
    size_t waiting;
    size_t next; /* to be taken */
    size_t head; /* whose turn it is */
    bool turn_taken;
    bool stop; /* the block is hot, or lost */
    bc_err_t err;
    /* of whoever has the turn */
    size_t recent, recent_again;
} job_t;

static slot_t *slot_of(const job_t *j, size_t i)
{
    return j->taken[i % j->slot_cnt];
}

static void slot_empty(slot_t *s)
{
    bc_buf_unref(s->r.r.owner);
    s->r.r.owner = NULL;
    s->receipt_due = false;
    bc_arena_reset(&s->arena);
    s->log_cnt = 0;
}

/* What a transaction leaves behind must outlive the next one: the slot lends its memory. */
static void lend(slot_t *s, bc_exec_t *x)
{
    bc_arena_t arena = x->tx_arena;
    bc_log_entry_t *logs = x->logs;
    size_t cnt = x->log_cnt, cap = x->log_cap;
    x->tx_arena = s->arena;
    x->logs = s->logs;
    x->log_cnt = s->log_cnt;
    x->log_cap = s->log_cap;
    s->arena = arena;
    s->logs = logs;
    s->log_cnt = cnt;
    s->log_cap = cap;
}

static void run_ahead(job_t *j, worker_t *w, slot_t *s, size_t i)
{
    bc_exec_t *x = &w->x;
    slot_empty(s);
    s->i = i;
    lend(s, x);
    bc_rows_begin(x->rows, s->delta);
    s->err = bc_block_tx(j->b, x, i, &s->r);
    bc_rows_end(x->rows);
    bool ok = true;
    if (!s->r.r.owner) /* it may be in the interpreter's memory */
        s->r.data.output = bc_arena_copy(&x->tx_arena, s->r.data.output, &ok);
    if (!ok && !s->err)
        s->err = BC_E_NOMEM;
    bc_rows_free(x->transient);
    x->transient = NULL;
    lend(s, x);
    s->gas_used = s->r.gas_used;
    s->receipt_due = true;
}

static void write_receipt(job_t *j, worker_t *w, slot_t *s)
{
    if (!s->receipt_due)
        return;
    bc_err_t err = bc_block_receipt(j->b, s->i, &s->r, &s->cumulative, &w->buf, &w->arena);
    if (err)
        w->err = err;
    slot_empty(s);
}

/* --- the turn --- */

/* False: the transaction had to be run again. */
static bool apply(job_t *j, worker_t *w, slot_t *s)
{
    bc_block_run_t *b = j->b;
    bool good = !s->err && bc_rows_valid(b->x.rows, s->delta);
    if (!good)
        run_ahead(j, w, s, s->i); /* with nobody ahead of it any more */
    if (!s->err) {
        bc_rows_apply(b->x.rows, s->delta, (uint32_t)s->i + 1);
        s->err = bc_rows_err(b->x.rows);
        bc_u256_t gas = { { (uint64_t)s->gas_used } };
        bc_u256_addto(&b->cumulative, &gas);
        s->cumulative = b->cumulative;
    }
    return good;
}

static bool hot(job_t *j, bool again)
{
    if (j->recent == RECENT)
        j->recent = j->recent_again = 0;
    j->recent++;
    j->recent_again += again;
    return !j->b->e->parallel_always && j->recent >= RECENT_MIN && j->recent_again * 2 > j->recent;
}

/* Applies what is finished, in order, if nobody else does. The lock is held. */
static void take_turn(job_t *j, worker_t *w)
{
    while (!j->stop && !j->turn_taken && j->head < j->next && slot_of(j, j->head)->done) {
        size_t from = j->head, end = from + 1, at = from;
        bc_err_t err = BC_OK;
        bool good = true, is_hot = false;
        while (end < j->next && end - from < TURN_MAX && slot_of(j, end)->done)
            end++;
        j->turn_taken = true;
        pthread_mutex_unlock(&j->lock);
        while (at < end && good && !is_hot && !err) {
            slot_t *s = slot_of(j, at);
            good = apply(j, w, s);
            is_hot = hot(j, !good);
            err = s->err;
            at += !err;
        }
        pthread_mutex_lock(&j->lock);
        j->head = at;
        j->turn_taken = false;
        j->err = err;
        j->stop = err || is_hot;
        if (j->waiting)
            pthread_cond_broadcast(&j->moved);
    }
}

/* --- workers --- */

/* Takes the next transactions that the worker has slots for; how many, the first is *i. The lock is held. */
static size_t take(job_t *j, worker_t *w, size_t *i)
{
    size_t left = j->b->in->tx_cnt - j->next, cnt = 0;
    size_t most = BC_MIN((size_t)TAKE_MAX, left / (2 * j->worker_cnt) + (left > 0)); /* the last ones: evenly */
    *i = j->next;
    for (; cnt < most; cnt++) {
        slot_t *s = &w->slots[w->used % w->slot_cnt];
        if (w->used >= w->slot_cnt && s->i >= j->head)
            break;
        w->used++;
        s->done = false;
        j->taken[j->next++ % j->slot_cnt] = s;
    }
    return cnt;
}

/* The lock is held, and again in the end. */
static void run_some(job_t *j, worker_t *w, size_t i, size_t cnt)
{
    size_t first = w->used - cnt;
    pthread_mutex_unlock(&j->lock);
    for (size_t k = 0; k < cnt; k++) {
        slot_t *s = &w->slots[(first + k) % w->slot_cnt];
        write_receipt(j, w, s); /* of the transaction before */
        run_ahead(j, w, s, i + k);
    }
    pthread_mutex_lock(&j->lock);
    for (size_t k = 0; k < cnt; k++)
        w->slots[(first + k) % w->slot_cnt].done = true;
}

static void work(void *arg, size_t no)
{
    job_t *j = arg;
    worker_t *w = &j->workers[no];
    size_t n = j->b->in->tx_cnt, i = 0;
    w->open = true;
    w->err = bc_exec_fork(j->b->e, &w->x, &j->b->x);
    if (w->err)
        return;
    pthread_mutex_lock(&j->lock);
    for (;;) {
        take_turn(j, w);
        if (j->stop || j->head == n)
            break;
        size_t cnt = take(j, w, &i);
        if (cnt) {
            run_some(j, w, i, cnt);
            continue;
        }
        j->waiting++;
        pthread_cond_wait(&j->moved, &j->lock);
        j->waiting--;
    }
    size_t head = j->head;
    if (j->waiting)
        pthread_cond_broadcast(&j->moved);
    pthread_mutex_unlock(&j->lock);
    for (size_t k = 0; k < BC_MIN(w->used, w->slot_cnt); k++) {
        if (w->slots[k].i < head)
            write_receipt(j, w, &w->slots[k]);
    }
}

static bc_err_t finish(job_t *j, bc_crew_t *crew)
{
    bc_block_run_t *b = j->b;
    bc_err_t err = j->err;
    if (!err && !j->workers[0].open)
        err = BC_E_NOMEM;
    for (size_t k = 0; k < j->worker_cnt; k++) {
        err = err ? err : j->workers[k].err;
        bc_arena_absorb(&b->res->arena, &j->workers[k].arena);
    }
    if (!err)
        err = bc_block_serial(b, j->head);
    return err ? err : bc_block_roots(b, crew);
}

static bool job_open(job_t *j, bc_block_run_t *b, bc_crew_t *crew)
{
    size_t each = BC_MIN((size_t)SLOTS_EACH, b->in->tx_cnt);
    *j = (job_t){ .b = b };
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ADAPTIVE_NP); /* held for moments only */
    pthread_mutex_init(&j->lock, &attr);
    pthread_mutexattr_destroy(&attr);
    pthread_cond_init(&j->moved, NULL);
    j->worker_cnt = bc_crew_size(crew);
    j->workers = bc_zalloc_present(j->worker_cnt, sizeof(*j->workers));
    j->slots = bc_zalloc_present(each * j->worker_cnt, sizeof(*j->slots));
    j->taken = bc_zalloc_present(each * j->worker_cnt, sizeof(slot_t *));
    bool ok = j->workers && j->slots && j->taken && !bc_rows_share(b->x.rows, b->in->tx_cnt * 4);
    for (size_t k = 0; ok && k < j->worker_cnt; k++) {
        j->workers[k].slots = &j->slots[k * each];
        j->workers[k].slot_cnt = each;
    }
    for (; ok && j->slot_cnt < each * j->worker_cnt; j->slot_cnt += ok) {
        j->slots[j->slot_cnt].delta = bc_delta_new();
        ok = j->slots[j->slot_cnt].delta != NULL;
    }
    return ok;
}

static void job_close(job_t *j)
{
    for (size_t i = 0; i < j->slot_cnt; i++) {
        slot_empty(&j->slots[i]);
        bc_arena_free(&j->slots[i].arena);
        free(j->slots[i].logs);
        bc_delta_free(j->slots[i].delta);
    }
    for (size_t k = 0; j->workers && k < j->worker_cnt; k++) {
        if (j->workers[k].open)
            bc_exec_close(j->b->e, &j->workers[k].x);
        bc_wr_free(&j->workers[k].buf);
        bc_arena_free(&j->workers[k].arena);
    }
    free(j->taken);
    free(j->slots);
    free(j->workers);
    pthread_cond_destroy(&j->moved);
    pthread_mutex_destroy(&j->lock);
}

bc_err_t bc_block_parallel(bc_block_run_t *b, bc_crew_t *crew)
{
    job_t j;
    bc_err_t err = BC_E_NOMEM;
    if (job_open(&j, b, crew)) {
        bc_crew_run(crew, work, &j);
        err = finish(&j, crew);
    }
    job_close(&j);
    return err;
}
