/* The deterministic core: six actors, one queue, one thread (iface/actor.h).
 *
 * bc_core_post puts a message from the host in; bc_core_run delivers first in, first out until
 * nothing is left, handing messages for BC_ACTOR_HOST to the callback in their order. It reads no
 * clock and owns no resources but memory. */
#ifndef BC_CORE_H
#define BC_CORE_H

#include "iface/actor.h"

typedef struct bc_core bc_core_t;

/* A message for the host, which may take over its references by setting the members to NULL; the
 * rest is freed when it returns. It may call bc_core_post, not bc_core_run. */
typedef void (*bc_core_host_fn)(void *ctx, bc_msg_t *m);

/* actors[BC_ACTOR_HOST] is not used. The core frees the others with itself. An actor with ops NULL
 * is absent: its messages are dropped. */
bc_core_t *bc_core_new(const bc_actor_if actors[BC_ACTOR_CNT], bc_core_host_fn host, void *ctx) BC_WARN_UNUSED;
void bc_core_free(bc_core_t *core);

/* m->to says who gets it. Takes m over. */
void bc_core_post(bc_core_t *core, bc_msg_t *m);
/* BC_MSG_START with a reference of config to all actors; the ones that others ask come first. */
void bc_core_start(bc_core_t *core, bc_ledger_config_t *config);
/* Returns how many messages were delivered. */
size_t bc_core_run(bc_core_t *core, const bc_now_t *now);
/* A run ends after so many messages and leaves the rest queued; 0, as at first: never. For the
 * simulator, where actors that answer each other for ever must fail and not hang. */
void bc_core_limit(bc_core_t *core, size_t limit);

/* Watches every delivery, for tests and tracing; NULL ends it. */
typedef void (*bc_core_trace_fn)(void *ctx, const bc_msg_t *m);
void bc_core_trace(bc_core_t *core, bc_core_trace_fn trace, void *ctx);
uint64_t bc_core_delivered(const bc_core_t *core);

#endif
