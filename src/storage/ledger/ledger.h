/* The ledger: blocks, transactions, receipts and the configuration in force, as rows of the
 * official tables (spec/10 §5). Reads and the snapshot are the contract iface/ledger.h. */
#ifndef BC_STORAGE_LEDGER_H
#define BC_STORAGE_LEDGER_H

#include "iface/chain_config.h"
#include "iface/executor.h"
#include "iface/kv.h"
#include "iface/ledger.h"

typedef struct bc_ledger bc_ledger_t;

typedef struct {
    bc_kv_if kv;                    /* state and ledger rows; must outlive the ledger */
    bc_kv_if block_kv;              /* s_hash_2_tx and s_hash_2_receipt when they have a store of
                                     * their own (storage.enable_separate_block_state), else {0} */
    const bc_chain_config_t *chain; /* read during the call, and kept: must outlive the ledger */
    bc_executor_if executor;        /* executes block 0 */
    /* Block 0's two transactions: either the committee's byte code, or the raw Tars bytes of the
     * transactions of the chain that this node joins. Only read while block 0 is not there. */
    bc_bytes_t committee_code;
    bc_bytes_t adopted_txs[2];
    int64_t now_ms;                 /* import time of block 0's own transactions */
} bc_ledger_params_t;

/* Opens the chain in kv, or creates it: genesis rows and executed block 0 in one synced write.
 * Errors, each with a sentence in why:
 * BC_E_MISMATCH   the store holds another chain than the configuration describes
 * BC_E_UNSUPPORTED a version or option that this program does not run
 * BC_E_CONFIG     the configuration or block 0's transactions are not usable
 * BC_E_CORRUPT, BC_E_IO, and what the executor returns. */
bc_err_t bc_ledger_init(const bc_ledger_params_t *p, bc_ledger_t **out, char *why,
                        size_t why_size) BC_WARN_UNUSED;
void bc_ledger_free(bc_ledger_t *l); /* snapshots stay valid; NULL is fine */
bc_ledger_if bc_ledger_as_if(bc_ledger_t *l);

/* Writes the next block: its ledger rows and the state changes, in one write. sync: durable, with
 * all before it, when it returns. Blocks; one caller at a time. header carries the signatures; txs
 * and r are in block order. Transactions whose `stored` is set are not written again, none when
 * all_stored; afterwards it is set for all.
 * BC_E_STALE the number is not the next; BC_E_MISMATCH parent, roots or counts do not fit (nothing
 * is written); BC_E_IO, BC_E_NOMEM (nothing is written, or the store is broken). */
bc_err_t bc_ledger_commit(bc_ledger_t *l, const bc_hdr_t *header, bc_tx_t *const *txs,
                          size_t tx_cnt, const bc_exec_result_t *r, bool all_stored,
                          bool sync) BC_WARN_UNUSED;
/* Makes durable what was committed without sync. */
bc_err_t bc_ledger_sync(bc_ledger_t *l) BC_WARN_UNUSED;
/* Writes rows of transactions before their block is committed, so that a restarted node can still
 * fill a proposal it voted for, and sets their `stored`. Any thread. */
bc_err_t bc_ledger_store_txs(bc_ledger_t *l, bc_tx_t *const *txs, size_t cnt,
                             bool sync) BC_WARN_UNUSED;

/* ---- archive (spec/50 §6.1) ---- */

/* Deletes transactions and receipts of blocks start..end-1 and remembers end as the archived
 * number; also nonces of blocks that lie more than 5000 behind. In steps, between which blocks may be
 * committed; each step is recorded. BC_E_RANGE: not 0 < start <= end <= current, or start differs
 * from a recorded number. */
bc_err_t bc_ledger_archive(bc_ledger_t *l, int64_t start, int64_t end) BC_WARN_UNUSED;
/* Puts transactions and receipts of a block back; its roots must be those of the stored header
 * (BC_E_MISMATCH). number must be the archived number - 1, which it lowers (BC_E_STALE). */
bc_err_t bc_ledger_restore(bc_ledger_t *l, int64_t number, bc_tx_t *const *txs, size_t tx_cnt,
                           const bc_bytes_t *receipts_raw) BC_WARN_UNUSED;
/* Deletes nonce rows of blocks in (block_limit, current - block_limit); the prune command. */
bc_err_t bc_ledger_prune(bc_ledger_t *l) BC_WARN_UNUSED;

#endif
