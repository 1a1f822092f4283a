/* RLP (Ethereum yellow paper, appendix B). Pure; any thread. */
#ifndef BC_CODEC_RLP_H
#define BC_CODEC_RLP_H

#include "base/buf.h"

typedef struct {
    bool list;
    bc_bytes_t v; /* payload: string bytes, or the encoded items of a list */
    bc_bytes_t raw; /* with its header */
} bc_rlp_t;

/* Reads one item at r. Strict: canonical lengths and single bytes. BC_E_TRUNCATED, BC_E_FORMAT. */
bc_err_t bc_rlp_next(bc_rd_t *r, bc_rlp_t *out) BC_WARN_UNUSED;
/* As bc_rlp_next, and nothing may follow. */
bc_err_t bc_rlp_single(bc_bytes_t in, bc_rlp_t *out) BC_WARN_UNUSED;
/* Integer of at most 8 / 32 bytes without leading zeros. */
bc_err_t bc_rlp_u64(const bc_rlp_t *i, uint64_t *out) BC_WARN_UNUSED;
bc_err_t bc_rlp_u256(const bc_rlp_t *i, bc_u256_t *out) BC_WARN_UNUSED;

void bc_rlp_put_bytes(bc_wr_t *w, bc_bytes_t v);
void bc_rlp_put_u64(bc_wr_t *w, uint64_t v);
void bc_rlp_put_u256(bc_wr_t *w, const bc_u256_t *v);
/* Wraps everything written since `from` (w->n at that time) into a list. */
void bc_rlp_wrap_list(bc_wr_t *w, size_t from);

#endif
