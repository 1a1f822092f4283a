/* Hosts a bc_loop_t on a libuv loop: sockets, timers, mailbox, usually on a thread of its own.
 *
 * The loop's thread is the one that runs it. Before bc_uv_loop_start and after bc_uv_loop_join
 * any one thread may act as the loop's thread: that is when modules are made and freed. Order of
 * an orderly end: bc_uv_loop_stop, bc_uv_loop_join, free the modules, bc_uv_loop_free. */
#ifndef BC_ACCESS_UV_LOOP_H
#define BC_ACCESS_UV_LOOP_H

#include "base/op.h"

typedef struct bc_uv_loop bc_uv_loop_t;
typedef struct bc_timer bc_timer_t;
struct uv_loop_s;

/* name: of the thread, at most 15 characters. The process ignores SIGPIPE from then on: a peer that
 * has gone is an error of the connection. */
bc_uv_loop_t *bc_uv_loop_new(const char *name) BC_WARN_UNUSED;
/* Runs what is in the mailbox, finishes closing handles, releases all. The thread is joined. */
void bc_uv_loop_free(bc_uv_loop_t *l);

bc_err_t bc_uv_loop_start(bc_uv_loop_t *l) BC_WARN_UNUSED; /* on a new thread */
void bc_uv_loop_run(bc_uv_loop_t *l);                      /* on the calling thread, until stopped */
/* Tests: runs what is due on the calling thread, waiting at most ms for something to happen. */
void bc_uv_loop_poll(bc_uv_loop_t *l, uint64_t ms);
void bc_uv_loop_stop(bc_uv_loop_t *l); /* any thread */
void bc_uv_loop_join(bc_uv_loop_t *l); /* waits for the thread of bc_uv_loop_start */

/* The mailbox, for bc_op_t homes and posts. Any thread. */
bc_loop_t *bc_uv_loop_mail(bc_uv_loop_t *l);
struct uv_loop_s *bc_uv_loop_uv(bc_uv_loop_t *l);
/* Monotonic ms as of the start of the current loop turn. Loop's thread. */
int64_t bc_uv_loop_now(const bc_uv_loop_t *l);

/* Timers: loop's thread only. A timer fires on the loop; it may free itself when it fires. */
bc_timer_t *bc_timer_new(bc_uv_loop_t *l, void (*fire)(void *ctx), void *ctx) BC_WARN_UNUSED;
void bc_timer_set(bc_timer_t *t, uint64_t ms, uint64_t repeat_ms); /* replaces; repeat 0: once */
void bc_timer_cancel(bc_timer_t *t);
bool bc_timer_active(const bc_timer_t *t);
void bc_timer_free(bc_timer_t *t); /* NULL is fine */

#endif
