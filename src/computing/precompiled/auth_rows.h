/* Rows of authority: contract tables, deploy lists, account status (spec/40 §5.2, §7). They are
 * read by system contracts and by the checks of every message. */
#ifndef BC_COMPUTING_PRECOMPILED_AUTH_ROWS_H
#define BC_COMPUTING_PRECOMPILED_AUTH_ROWS_H

#include "computing/precompiled/contract.h"

enum { BC_AUTH_NONE = 0, BC_AUTH_WHITE = 1, BC_AUTH_BLACK = 2 };
enum { BC_AUTH_ROW_NOT_EXIST = -51001, BC_AUTH_TYPE_NOT_EXIST = -51002, BC_AUTH_BAD_TYPE = -51003,
       BC_AUTH_DECODE_ERROR = -51004 };

/* SCALE map of byte strings, sorted by key: values are a flag byte or a nested map's bytes. */
typedef struct {
    bc_bytes_t key;
    bc_bytes_t value; /* one byte, or an encoded map */
} bc_auth_pair_t;
typedef struct {
    bc_auth_pair_t *v;
    size_t cnt;
} bc_auth_map_t;
/* nested: values are maps. An empty text is an empty map. BC_E_FORMAT, BC_E_NOMEM. */
bc_err_t bc_auth_map_decode(bc_bytes_t in, bool nested, bc_auth_map_t *m, bc_arena_t *a) BC_WARN_UNUSED;
bc_bytes_t bc_auth_map_encode(const bc_auth_map_t *m, bc_arena_t *a);
const bc_bytes_t *bc_auth_map_find(const bc_auth_map_t *m, bc_bytes_t key);
/* Sets key, keeping the order. */
bc_err_t bc_auth_map_set(bc_auth_map_t *m, bc_bytes_t key, bc_bytes_t value, bc_arena_t *a) BC_WARN_UNUSED;

/* /apps/<hex>_accessAuth */
bc_bytes_t bc_auth_table(bc_arena_t *a, bc_bytes_t hex);
/* 1, 2, other stored values, or a negative code. */
int bc_auth_method_type(bc_rows_t *rows, bc_bytes_t table, bc_bytes_t func, bc_arena_t *a);
/* May account (40 hex digits) call func of the contract? */
bool bc_auth_method_allowed(bc_rows_t *rows, bc_bytes_t hex, bc_bytes_t func, bc_bytes_t account, bc_arena_t *a);
/* 0 normal, 1 frozen, 2 abolished, or a negative code when there is no row. */
int bc_auth_contract_status(bc_rows_t *rows, bc_bytes_t hex, bc_arena_t *a);
/* Status byte in force at a block: of /usr/<hex>, or of that table itself. */
bool bc_auth_account_status(bc_rows_t *rows, bc_bytes_t table, int64_t number, uint8_t *out);

#endif
