/* Hexadecimal, decimal and 256-bit text. */
#ifndef BC_CODEC_HEX_H
#define BC_CODEC_HEX_H

#include "base/buf.h"

/* Lower case, no prefix, no NUL; out holds 2*v.n. */
void bc_hex_put(bc_bytes_t v, char *out);
void bc_wr_hex(bc_wr_t *w, bc_bytes_t v);   /* no prefix */
void bc_wr_0xhex(bc_wr_t *w, bc_bytes_t v); /* "0x" + hex */
/* Parses exactly n bytes from 2n digits, any case, no prefix. BC_E_FORMAT otherwise. */
bc_err_t bc_hex_fixed(bc_bytes_t text, uint8_t *out, size_t n) BC_WARN_UNUSED;
/* Appends the bytes of an even number of digits, "0x" optional. */
bc_err_t bc_hex_append(bc_bytes_t text, bc_wr_t *out) BC_WARN_UNUSED;
bc_bytes_t bc_hex_strip0x(bc_bytes_t text);

/* Decimal text, optional leading '-', nothing else. BC_E_FORMAT, BC_E_RANGE. */
bc_err_t bc_dec_i64(bc_bytes_t text, int64_t *out) BC_WARN_UNUSED;
/* u256 of "0x" hex or decimal text ("" is 0). BC_E_FORMAT, BC_E_RANGE. */
bc_err_t bc_u256_parse(bc_bytes_t text, bc_u256_t *out) BC_WARN_UNUSED;
/* Decimal text with NUL into out[80]; returns its length. */
size_t bc_u256_dec(const bc_u256_t *v, char out[80]);
/* "0x" minimal hex quantity with NUL ("0x0" for zero) into out[68]; returns its length. */
size_t bc_u256_quantity(const bc_u256_t *v, char out[68]);
void bc_u256_to_be(const bc_u256_t *v, uint8_t out[32]);
bc_u256_t bc_u256_from_be(bc_bytes_t v); /* up to 32 bytes; longer: the last 32 */

#endif
