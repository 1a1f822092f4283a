/* Block 0 of a chain from its configuration (spec/10 §5.2, §9). Pure functions. */
#ifndef BC_STORAGE_LEDGER_GENESIS_H
#define BC_STORAGE_LEDGER_GENESIS_H

#include "iface/chain_config.h"
#include "protocol/block.h"
#include "storage/ledger/batch.h"

/* Tells whether new chains of this configuration can be made here: BC_E_UNSUPPORTED for versions
 * below 3.0 and above BC_VERSION_MAX, BC_E_CONFIG for the rest; why gets a sentence. */
bc_err_t bc_genesis_check(const bc_chain_config_t *c, char *why, size_t why_size) BC_WARN_UNUSED;

/* The text that becomes the genesis header's extraData; the start compares it with the stored one. */
void bc_genesis_text(const bc_chain_config_t *c, bc_wr_t *out);
/* The genesis header; NULL when memory is gone. */
bc_hdr_t *bc_genesis_header(const bc_chain_config_t *c);
/* Every row of the genesis, before block 0's transactions are executed. b->err tells. */
void bc_genesis_rows(const bc_chain_config_t *c, const bc_hdr_t *header, bc_batch_t *b);

/* The two transactions of block 0: initBfs(), and the governance committee made from `code` with
 * the chain's admin as its only governor. txs[i] are references of the caller; import time is
 * now_ms. BC_E_CONFIG when the admin account is no address. */
bc_err_t bc_genesis_txs(const bc_chain_config_t *c, bc_bytes_t code, int64_t now_ms,
                        bc_tx_t *txs[2]) BC_WARN_UNUSED;

#endif
