/* The host of a node's deterministic core: everything that the core asks of the world.
 *
 * One loop (thread "core") runs the six actors. The host gives them time, timers and frames,
 * carries their messages to gateway and clients, and runs their work on threads of its own:
 *   verify  signatures, hashes of proposals and downloaded blocks (one thread per core)
 *   execute one block at a time
 *   store   consensus records, pre-stored transactions, commits: strictly in order
 *   read    clients' reads and calls, blocks for peers
 * Air, Pro's node service and tests differ only in what gateway they give it and who uses the
 * node contract. */
#ifndef BC_APPS_NODE_HOST_H
#define BC_APPS_NODE_HOST_H

#include "access/net/uv_loop.h"
#include "core/core.h"
#include "iface/gateway.h"
#include "iface/kv.h"
#include "iface/node.h"
#include "management/nodeconf/nodeconf.h"
#include "storage/ledger/ledger.h"
#include "storage/state/state.h"

typedef struct bc_host bc_host_t;

typedef struct {
    const bc_node_config_t *node;   /* config.ini */
    const bc_chain_config_t *chain; /* config.genesis */
    const bc_keypair_t *key;        /* the node's */
    bc_kv_if kv;                    /* state and ledger */
    bc_kv_if consensus_kv;          /* consensus records */
    bc_ledger_t *ledger;            /* opened, block 0 there */
    bc_executor_if executor;
    unsigned verify_threads;        /* 0: one per core */
    /* A block was committed, on the core's loop: pass it on to RPC and others. May be NULL. */
    void (*on_committed)(void *ctx, bc_committed_t *block);
    void *ctx;
} bc_host_config_t;

/* Makes the actors, loads nonces and consensus records. BC_E_IO, BC_E_CORRUPT; logged. */
bc_err_t bc_host_new(const bc_host_config_t *config, bc_host_t **out) BC_WARN_UNUSED;
/* The gateway's callbacks for this node: hand them to the gateway before bc_host_start. */
bc_gateway_client_t bc_host_gateway_client(bc_host_t *h);
/* Starts the core's thread and the actors. gateway: borrowed until bc_host_stop returned; ops
 * NULL: a node alone. */
bc_err_t bc_host_start(bc_host_t *h, bc_gateway_if gateway) BC_WARN_UNUSED;
/* Stops the core's loop, finishes what the store is writing, joins all threads. Clients' open
 * submissions complete with BC_E_CLOSED. */
void bc_host_stop(bc_host_t *h);
void bc_host_free(bc_host_t *h);

/* The node as its RPC service sees it. */
bc_node_if bc_host_node(bc_host_t *h);

#endif
