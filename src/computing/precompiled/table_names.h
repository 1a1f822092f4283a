/* Names and schemas of user tables, shared by the table contracts (spec/40 §4.3). */
#ifndef BC_COMPUTING_PRECOMPILED_TABLE_NAMES_H
#define BC_COMPUTING_PRECOMPILED_TABLE_NAMES_H

#include "computing/precompiled/contract.h"

/* "/tables/" before a name that has not got it; one leading slash dropped. */
bc_bytes_t bc_table_path(bc_pc_t *pc, bc_bytes_t name);
/* The table that holds the rows: "u_" and the path. */
bc_bytes_t bc_table_data(bc_pc_t *pc, bc_bytes_t path);

extern const char bc_table_abi[], bc_kv_table_abi[];

enum { BC_TABLE_FIELD_MAX = 64, BC_TABLE_KEY_MAX = 255, BC_TABLE_VALUE_MAX = 16777215, BC_TABLE_LIMIT_MAX = 500 };

/* "size of value/key greater than<max> error code: <code>" when s is longer. */
bc_pc_end_t bc_table_check_length(bc_pc_t *pc, bc_bytes_t s, size_t max, int code);

#endif
