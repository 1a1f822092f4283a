/* Inside of the ledger; included by its files only. */
#ifndef BC_STORAGE_LEDGER_INT_H
#define BC_STORAGE_LEDGER_INT_H

#include <pthread.h>
#include "storage/ledger/batch.h"
#include "storage/ledger/ledger.h"
#include "storage/ledger/tables.h"

struct bc_ledger {
    bc_kv_if kv, block_kv; /* block_kv is kv when there is only one */
    bool separate;
    bc_suite_t suite;
    const bc_chain_config_t *chain;
    pthread_mutex_t write; /* one commit, archive or prune at a time */
    pthread_mutex_t lock;  /* config, totals */
    bc_ledger_config_t *config;
    bc_ledger_totals_t totals;
    bool pending; /* a row with an enable number beyond the next block was seen */
};

#define BADGE "[LEDGER]"

/* Reads one row into the arena. BC_E_NOT_FOUND. */
bc_err_t bc_ledger_row(bc_kv_if kv, bc_bytes_t table, bc_bytes_t key, bc_bytes_t *value,
                       bc_arena_t *arena);
/* As bc_ledger_row, decimal text. BC_E_CORRUPT when it is not. */
bc_err_t bc_ledger_row_i64(bc_kv_if kv, bc_bytes_t table, bc_bytes_t key, int64_t *out);

/* Builds the snapshot that follows block `number` from the store. */
bc_err_t bc_ledger_config_load(bc_ledger_t *l, int64_t number, const bc_h256_t *hash,
                               int64_t timestamp, bc_ledger_config_t **out);
/* The old snapshot with another last block. */
bc_ledger_config_t *bc_ledger_config_next(const bc_ledger_config_t *old, int64_t number,
                                          const bc_h256_t *hash, int64_t timestamp);
void bc_ledger_config_publish(bc_ledger_t *l, bc_ledger_config_t *c); /* takes c */

/* Rows that every committed block has (spec/10 §5.1), appended to b; transactions and receipts go
 * to blocks, which may be b. */
bc_err_t bc_ledger_block_rows(bc_ledger_t *l, const bc_hdr_t *header, bc_tx_t *const *txs,
                              size_t tx_cnt, const bc_exec_result_t *r, bool all_stored, bc_batch_t *b,
                              bc_batch_t *blocks);
void bc_ledger_tx_row(const bc_tx_t *tx, bc_batch_t *b);
/* blocks first (synced), then b: a crash in between leaves rows that nothing points to. */
bc_err_t bc_ledger_write(bc_ledger_t *l, const bc_batch_t *b, const bc_batch_t *blocks, bool sync);

extern const bc_ledger_ops_t bc_ledger_local_ops;

#endif
