/* Ops, loops and workers: how work crosses threads.
 *
 * A loop is a thread that owns actors; an op is a request object embedded in the caller's own
 * struct. Posting an op cannot fail and does not allocate. The mailbox is an intrusive
 * many-producer list; the consumer takes all, then works; the wake-up is written only when the
 * consumer may sleep. A worker pool runs pure functions and posts the op back to its home loop.
 *
 * An op completes exactly once: bc_op_finish posts it to op->home, where op->done runs. It never
 * runs inside the call that submitted it. */
#ifndef BC_BASE_OP_H
#define BC_BASE_OP_H

#include <stdatomic.h>
#include "base/err.h"
#include "base/types.h"

typedef struct bc_op bc_op_t;
typedef struct bc_loop bc_loop_t;
typedef struct bc_workers bc_workers_t;
typedef void (*bc_op_fn)(bc_op_t *op);

struct bc_op {
    bc_op_t *next;   /* mailbox link */
    bc_loop_t *home; /* where done runs; set by the caller */
    bc_op_fn done;   /* set by the caller */
    bc_op_fn run;    /* what the receiving loop or worker calls; set by the contract */
    void *to;        /* the receiving actor; set by the contract */
    bc_err_t err;    /* valid in done */
};

/* A loop stepped by hand (tests, simulator) or hosted by libuv (net/uv_loop.h). {0} is a loop
 * stepped by hand. wake is called when a post finds the mailbox empty: from any thread. */
struct bc_loop {
    _Atomic(bc_op_t *) mail; /* newest first */
    void (*wake)(bc_loop_t *loop);
    void *host;
};

/* Puts op into the loop's mailbox; the loop will call op->run(op). Any thread. */
void bc_loop_post(bc_loop_t *loop, bc_op_t *op);
/* Sends op to an actor: op->to = to, op->run = run, post. Any thread. */
void bc_op_post(bc_loop_t *loop, bc_op_t *op, void *to, bc_op_fn run);
/* Sets op->err and posts op to its home loop, which then runs op->done(op). Any thread. */
void bc_op_finish(bc_op_t *op, bc_err_t err);
/* Runs all mail that is there now, in the order of posting. True if there was any.
 * Only the loop's own thread. */
bool bc_loop_step(bc_loop_t *loop);

/* cnt threads (0: run inside bc_workers_run, for tests and the simulator). */
bc_workers_t *bc_workers_new(unsigned cnt, const char *name) BC_WARN_UNUSED;
void bc_workers_free(bc_workers_t *w); /* runs what is queued, then joins */
/* Calls run(op) on some worker; run must end with bc_op_finish(op, err). Any thread. */
void bc_workers_run(bc_workers_t *w, bc_op_t *op, bc_op_fn run);
unsigned bc_workers_cnt(const bc_workers_t *w);
size_t bc_workers_queued(const bc_workers_t *w);

#endif
