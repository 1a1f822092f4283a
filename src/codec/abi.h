/* Solidity contract ABI, as far as system contracts and clients need it.
 *
 * A signature text such as "(string,(uint8,string)[],address)" drives both directions. Values
 * are a small tree in an arena. bc_abi_decode follows the official node's lenient rules
 * (spec/40 §4.1): it never fails; at the first malformed argument the rest are defaults. */
#ifndef BC_CODEC_ABI_H
#define BC_CODEC_ABI_H

#include "base/arena.h"
#include "base/buf.h"

/* Items of all dynamic arrays of one decoded value together; an array beyond it is malformed. */
#define BC_ABI_ITEMS_MAX 65536

typedef struct bc_abi_val {
    bc_bytes_t s;   /* string, bytes, bytesN: N bytes */
    bc_u256_t n;    /* uintN cut to N bits; intN: the whole word as it came (two's complement);
                     * bool 0 or 1; address: low 20 bytes */
    struct bc_abi_val *items; /* tuple members or array elements */
    size_t cnt;
} bc_abi_val_t;

/* Decodes argument data (after the selector) by a tuple type such as "(string,uint256)".
 * Returns BC_OK, or BC_E_FORMAT after filling defaults from the first malformed argument on
 * (callers that follow the official rules ignore it). BC_E_NOMEM; BC_E_ARG bad type text. */
bc_err_t bc_abi_decode(const char *type, bc_bytes_t in, bc_abi_val_t *out, bc_arena_t *a);
/* Appends the encoding of a tuple value. BC_E_ARG bad type text or shape. */
bc_err_t bc_abi_encode(const char *type, const bc_abi_val_t *v, bc_wr_t *out) BC_WARN_UNUSED;

/* Value makers */
bc_abi_val_t bc_abi_u64(uint64_t v);
bc_abi_val_t bc_abi_i64(int64_t v);
bc_abi_val_t bc_abi_u256(const bc_u256_t *v);
bc_abi_val_t bc_abi_bytes(bc_bytes_t v);
bc_abi_val_t bc_abi_addr(const bc_addr_t *v);
bc_abi_val_t bc_abi_tuple(bc_abi_val_t *items, size_t cnt); /* also arrays */

/* 08c379a0-style revert data Error(string); selector is the suite's (spec/40). */
void bc_abi_error(bool sm, bc_bytes_t text, bc_wr_t *out);

#endif
