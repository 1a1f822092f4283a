/* Contract of a node as its RPC service sees it: submit, reads, and status. In Air it is bound to
 * the core's loop and the local ledger; in Pro to Tars proxies (spec/50 §1.2).
 *
 * An op completes once on its home loop. Reads of chain data run on workers. */
#ifndef BC_IFACE_NODE_H
#define BC_IFACE_NODE_H

#include "iface/actor.h"

typedef struct {
    bc_op_t op;
    bc_tx_t *tx;       /* in: one reference, moves to the node */
    bool wait;         /* in: until committed, refused or expired */
    int32_t status;    /* out: bc_tx_status_t of the pool, 0 accepted/committed; valid when err is 0 */
    bc_committed_t *block; /* out when committed: a reference, with header, txs and receipts */
    size_t index;          /* out: position in the block */
    uint64_t token;        /* the binding's */
} bc_node_submit_t;

/* A piece of work that runs on a worker with blocking access to the ledger, the executor and the
 * latest state; job() must not keep what it is given. */
typedef struct bc_node_read bc_node_read_t;
struct bc_node_read {
    bc_op_t op;
    bc_err_t (*job)(bc_node_read_t *r, bc_ledger_if ledger, bc_executor_if exec, bc_view_if latest);
};

/* Deletes transactions and receipts of blocks start..end-1, in steps between which blocks are
 * committed. BC_E_RANGE: not 0 < start <= end <= number, or start differs from a recorded archived
 * number; others: what the store says. */
typedef struct {
    bc_op_t op;
    int64_t start, end;       /* in */
    int64_t number, archived; /* out: height, archived number now */
} bc_node_archive_t;

/* Plain values, refreshed by the core at least every 200 ms and on change; read by any thread. */
typedef struct {
    int64_t number;
    bc_h256_t hash, genesis_hash;
    int64_t view, change_cycle, leader_index, index; /* index: own, -1 when not a sealer */
    bool timeout_state, is_sealer, syncing;
    int64_t known_highest;
    bc_h256_t known_latest_hash;
    int64_t divergent; /* height at which our execution differs from what a quorum signed; 0: none */
    uint64_t min_quorum, max_faulty;
    size_t pending_txs, pending_bytes; /* in the pool */
    size_t peer_cnt; /* entries below: block sync's view of the others */
    struct {
        bc_nodeid_t id;
        int64_t number, archived;
        bc_h256_t hash;
    } peers[64];
} bc_node_status_t;

typedef struct {
    void (*submit)(void *self, bc_node_submit_t *r);
    void (*read)(void *self, bc_node_read_t *r);
    void (*status)(void *self, bc_node_status_t *out); /* any thread, at once */
    /* Snapshot; a reference. Any thread. */
    bc_ledger_config_t *(*config)(void *self);
    /* Next nonce the pool expects of a Web3 sender, or false when it knows none. Any thread. */
    bool (*pending_nonce)(void *self, const bc_addr_t *sender, uint64_t *out);
    /* Any thread; NULL: this node has no such service. */
    void (*archive)(void *self, bc_node_archive_t *r);
} bc_node_ops_t;

typedef struct {
    const bc_node_ops_t *ops;
    void *self;
} bc_node_if;

#endif
