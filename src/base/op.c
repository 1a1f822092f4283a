#include "base/op.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

void bc_loop_post(bc_loop_t *loop, bc_op_t *op)
{
    bc_op_t *head = atomic_load_explicit(&loop->mail, memory_order_relaxed);
    do {
        op->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&loop->mail, &head, op, memory_order_acq_rel,
                                                    memory_order_relaxed));
    if (!head && loop->wake)
        loop->wake(loop);
}

void bc_op_post(bc_loop_t *loop, bc_op_t *op, void *to, bc_op_fn run)
{
    op->to = to;
    op->run = run;
    bc_loop_post(loop, op);
}

void bc_op_finish(bc_op_t *op, bc_err_t err)
{
    op->err = err;
    op->run = op->done;
    bc_loop_post(op->home, op);
}

bool bc_loop_step(bc_loop_t *loop)
{
    bc_op_t *op = atomic_exchange_explicit(&loop->mail, NULL, memory_order_acq_rel);
    bc_op_t *fifo = NULL;
    while (op) { /* the list is newest first */
        bc_op_t *next = op->next;
        op->next = fifo;
        fifo = op;
        op = next;
    }
    bool any = fifo != NULL;
    while (fifo) {
        op = fifo;
        fifo = op->next;
        op->run(op); /* may free op */
    }
    return any;
}

struct bc_workers {
    pthread_mutex_t lock;
    pthread_cond_t some;
    bc_op_t *head, **tail;
    size_t queued;
    unsigned cnt;
    bool stop;
    char name[16];
    pthread_t threads[];
};

/* Contracts call each other up to 1024 deep on the C stack (computing/executor); sanitizers need
 * several times as much. Address space, not memory. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WORKER_STACK_BYTES (80u << 20)
#else
#define WORKER_STACK_BYTES (16u << 20)
#endif

static void *worker_main(void *arg)
{
    bc_workers_t *w = arg;
    pthread_setname_np(pthread_self(), w->name);
    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (!w->head && !w->stop)
            pthread_cond_wait(&w->some, &w->lock);
        bc_op_t *op = w->head;
        if (!op)
            break;
        w->head = op->next;
        if (!w->head)
            w->tail = &w->head;
        w->queued--;
        pthread_mutex_unlock(&w->lock);
        op->run(op);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

bc_workers_t *bc_workers_new(unsigned cnt, const char *name)
{
    bc_workers_t *w = bc_xcalloc(1, sizeof *w + cnt * sizeof(pthread_t));
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->some, NULL);
    w->tail = &w->head;
    snprintf(w->name, sizeof w->name, "%s", name);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, WORKER_STACK_BYTES);
    for (; w->cnt < cnt; w->cnt++)
        BC_MUST(pthread_create(&w->threads[w->cnt], &attr, worker_main, w) == 0);
    pthread_attr_destroy(&attr);
    return w;
}

void bc_workers_free(bc_workers_t *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_broadcast(&w->some);
    pthread_mutex_unlock(&w->lock);
    for (unsigned i = 0; i < w->cnt; i++)
        pthread_join(w->threads[i], NULL);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->some);
    free(w);
}

void bc_workers_run(bc_workers_t *w, bc_op_t *op, bc_op_fn run)
{
    op->run = run;
    op->next = NULL;
    if (!w->cnt) {
        run(op);
        return;
    }
    pthread_mutex_lock(&w->lock);
    *w->tail = op;
    w->tail = &op->next;
    w->queued++;
    pthread_cond_signal(&w->some);
    pthread_mutex_unlock(&w->lock);
}

unsigned bc_workers_cnt(const bc_workers_t *w)
{
    return w->cnt;
}

size_t bc_workers_queued(const bc_workers_t *w)
{
    bc_workers_t *m = (bc_workers_t *)(uintptr_t)w;
    pthread_mutex_lock(&m->lock);
    size_t n = w->queued;
    pthread_mutex_unlock(&m->lock);
    return n;
}
