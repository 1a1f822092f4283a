/* Reads that several methods share. On workers, inside a job. */
#ifndef BC_ACCESS_RPC_CHAIN_READ_H
#define BC_ACCESS_RPC_CHAIN_READ_H

#include "access/rpc/call.h"
#include "access/rpc/views.h"

/* True when a read of the ledger went well. A row that is not there is an answer of its own; one
 * that is damaged or cannot be read is not: then the call fails, whatever else is put into its
 * result. */
bool chain_read(call_t *c, bc_err_t err);
/* Merkle proof of leaf `index`; views in the call's arena. Empty when memory is gone. */
void chain_proof(call_t *c, const bc_h256_t *leaves, size_t n, size_t index, bc_proof_view_t *out);
void chain_receipt_hash(const call_t *c, const bc_receipt_t *r, bc_h256_t *out);
/* Proofs of a transaction and of its receipt in block `number`; false when not found there. */
bool chain_tx_proof(call_t *c, int64_t number, const bc_h256_t *tx, bc_proof_view_t *out);
bool chain_receipt_proof(call_t *c, int64_t number, const bc_h256_t *tx, bc_proof_view_t *out);
/* Height now. */
int64_t chain_number(const call_t *c);
/* 40 hex digits at most, with or without 0x, shorter ones are padded on the left. */
bool chain_address(bc_bytes_t text, bc_addr_t *out);

#endif
