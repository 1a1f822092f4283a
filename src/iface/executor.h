/* Contract of transaction execution: (parent state, header, ordered transactions) to (receipts,
 * write set, roots). Deterministic; the result equals serial order whatever runs inside
 * (spec/40 §2, §6). Blocking; called on workers; several blocks and calls may run at once. */
#ifndef BC_IFACE_EXECUTOR_H
#define BC_IFACE_EXECUTOR_H

#include "iface/ledger.h"
#include "iface/state.h"

typedef struct {
    bc_view_if parent;  /* state after block number - 1 */
    int64_t number;
    int64_t timestamp;  /* ms, of the header */
    uint32_t version;   /* header version */
    bc_tx_t **txs;      /* in order; senders recovered */
    size_t tx_cnt;
    bc_h256_t parent_hash; /* as the header names it; the view need not have its row yet */
} bc_exec_block_t;

/* Result of one block; one owner, bc_exec_result_free. */
typedef struct {
    bc_changes_t *changes; /* a reference */
    size_t receipt_cnt;
    bc_receipt_t *receipts;      /* complete: bloom, index, cumulative gas, data_hash */
    bc_h256_t *receipt_hashes;
    bc_bytes_t *receipt_raw;     /* Tars bytes, as stored */
    bc_h256_t txs_root, receipts_root, state_root;
    char gas_used[80];           /* decimal text */
    bool sys_block;              /* some `to` is in the system list */
    bc_arena_t arena;
} bc_exec_result_t;
void bc_exec_result_free(bc_exec_result_t *r);

typedef struct {
    bc_view_if state;   /* latest */
    int64_t number;     /* of the latest block */
    int64_t timestamp;
    bc_addr_t from;     /* zero when absent */
    bc_bytes_t to;      /* text as a transaction carries it; empty: create */
    bc_bytes_t input;
    bc_u256_t value;
    uint8_t type;       /* 0 BCOS, 1 Web3 */
    uint64_t nonce;     /* Web3 creates */
    int64_t gas_limit;  /* 0: the system's */
    int64_t until_ms;   /* monotonic clock: no longer than that; 0: as long as the gas reaches */
    size_t memory_max;  /* bytes of the contracts' memory; 0: as the gas reaches */
} bc_exec_call_t;

typedef struct {
    int32_t status;     /* bc_tx_status_t */
    bc_bytes_t output;  /* in the arena */
    int64_t gas_used;
} bc_exec_call_result_t;

typedef struct {
    /* BC_OK also for failed transactions: those have receipts. Other errors mean that the block
     * cannot be executed: BC_E_UNSUPPORTED (a transaction version, an executor version), BC_E_IO,
     * BC_E_CORRUPT, BC_E_NOMEM. *out is owned by the caller. */
    bc_err_t (*execute)(void *self, const bc_exec_block_t *in, bc_exec_result_t **out);
    /* The same for one message on the latest state. BC_E_TIMEOUT, BC_E_TOO_BIG: beyond the limits of
     * *in. */
    bc_err_t (*call)(void *self, const bc_exec_call_t *in, bc_exec_call_result_t *out,
                     bc_arena_t *arena);
    /* Account reads on a view; empty or zero when there is no such account. */
    bc_err_t (*code)(void *self, bc_view_if state, const bc_addr_t *a, bc_bytes_t *out, bc_arena_t *arena);
    bc_err_t (*abi)(void *self, bc_view_if state, const bc_addr_t *a, bc_bytes_t *out, bc_arena_t *arena);
    bc_err_t (*balance)(void *self, bc_view_if state, const bc_addr_t *a, bc_u256_t *out);
    bc_err_t (*nonce)(void *self, bc_view_if state, const bc_addr_t *a, uint64_t *out);
    bc_err_t (*storage)(void *self, bc_view_if state, const bc_addr_t *a, const bc_h256_t *key,
                        bc_h256_t *out);
} bc_executor_ops_t;

typedef struct {
    const bc_executor_ops_t *ops;
    void *self;
} bc_executor_if;

#endif
