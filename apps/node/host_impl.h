/* Inside of the host: host.c (loop, timers, dispatch), host_lane.c (what must be durable before
 * consensus speaks), host_work.c (work on threads), host_node.c (the node contract). */
#ifndef BC_APPS_NODE_HOST_IMPL_H
#define BC_APPS_NODE_HOST_IMPL_H

#include <pthread.h>
#include "base/log.h"
#include "base/map.h"
#include "node/host.h"

#define BADGES "[HOST]"

enum { TIMERS_PER_ACTOR = 8, RECOVER_CHUNK = 64, STATUS_EVERY_MS = 100 };
enum { SUBMITS_MAX = 65536, READS_MAX = 4096, PENDING_NONCES_MAX = 100000 };

typedef struct lane_item {
    struct lane_item *next;
    bc_msg_t *msg; /* PERSIST, PRESTORE or FRAME_OUT */
} lane_item_t;

typedef struct {
    bc_host_t *host;
    uint8_t actor;
    int64_t id;
    bc_timer_t *timer;
} host_timer_t;

struct bc_host {
    bc_host_config_t c;
    bc_nodeid_t self;
    char group[129];
    bc_uv_loop_t *loop;
    bc_loop_t *mail;
    bc_core_t *core;
    bc_actor_if actors[BC_ACTOR_CNT];
    bc_gateway_if gateway;
    bc_ledger_if ledger;
    bc_state_t *state;
    int64_t top; /* height of the newest state layer */
    host_timer_t timers[BC_ACTOR_CNT][TIMERS_PER_ACTOR];

    bc_workers_t *verify, *execute, *store, *read;
    size_t jobs; /* under way on any of them */
    bool run_posted, stopping, started;
    bc_op_t run_op;

    lane_item_t *lane_head, **lane_tail;
    bool lane_busy;

    bc_map_t submits; /* submit_t by token */
    uint64_t next_token;
    atomic_size_t reads;

    unsigned node_type; /* as told to the gateway */

    pthread_mutex_t lock; /* below: read by any thread */
    bc_node_status_t status;
    bc_ledger_config_t *config;
    bc_map_t nonces; /* pending_t by sender */
    int64_t status_at;
    bc_timer_t *status_timer;
};

/* Queues a message for the core, which runs in the loop's next turn. Core's loop. */
void host_post(bc_host_t *h, bc_msg_t *m);
/* The same from any thread. */
void host_incoming(bc_host_t *h, bc_msg_t *m);

/* host_lane.c */
void lane_put(bc_host_t *h, bc_msg_t *m);
void lane_frame(bc_host_t *h, bc_msg_t *m); /* sends a frame at once, frees m */
void lane_free(bc_host_t *h);

/* host_work.c: each takes m over and answers with a message to the core */
void work_recover(bc_host_t *h, bc_msg_t *m);
void work_load_txs(bc_host_t *h, bc_msg_t *m);
void work_load_block(bc_host_t *h, bc_msg_t *m);
void work_restore_block(bc_host_t *h, bc_msg_t *m);
void work_execute(bc_host_t *h, bc_msg_t *m);
void work_commit(bc_host_t *h, bc_msg_t *m);
void work_discard(bc_host_t *h, bc_msg_t *m);

/* A job on a worker pool that ends with a message to the core. */
typedef struct job job_t;
struct job {
    bc_op_t op;
    bc_host_t *host;
    bc_msg_t *in, *out;
    void (*run)(job_t *j); /* on the worker */
    void (*end)(job_t *j); /* on the core's loop, before out is posted; may be NULL */
};
void job_start(bc_host_t *h, bc_workers_t *w, bc_msg_t *in, bc_msg_kind_t answer,
               void (*run)(job_t *), void (*end)(job_t *));

/* host_node.c */
void node_submit_done(bc_host_t *h, bc_msg_t *m);
void node_pending_nonce(bc_host_t *h, bc_msg_t *m);
void node_refresh_status(bc_host_t *h, bool now);
void node_committed(bc_host_t *h, bc_committed_t *c);
void node_close_all(bc_host_t *h);
void node_init(bc_host_t *h);
void node_free(bc_host_t *h);

#endif
