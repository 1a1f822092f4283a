/* Ethereum transactions inside the Tars envelope: private to protocol. */
#ifndef BC_PROTOCOL_TX_WEB3_H
#define BC_PROTOCOL_TX_WEB3_H

#include "protocol/tx.h"

/* Appends the signed Ethereum form of an unsigned payload with signature r || s || y. */
bc_err_t bc_web3_signed(bc_bytes_t unsigned_bytes, bc_bytes_t sig, bc_wr_t *out) BC_WARN_UNUSED;
/* Whether the envelope says what the signed payload in it says: the signature covers the payload,
 * and the fields around it are what is executed. BC_E_MISMATCH, or as bc_web3_tx_parse_unsigned. */
bc_err_t bc_web3_envelope_check(const bc_tx_wire_t *w) BC_WARN_UNUSED;

/* A transaction from Tars bytes; takes the reference of raw on every outcome. */
bc_err_t bc_tx_from_raw(bc_suite_t suite, bc_buf_t *raw, bool trusted, bc_tx_t **out) BC_WARN_UNUSED;

#endif
