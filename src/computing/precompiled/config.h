/* What execution of block N knows of the chain's configuration: rows of s_config with
 * enable number <= N, read once per block (spec/40 §1, spec/10 §6). */
#ifndef BC_COMPUTING_PRECOMPILED_CONFIG_H
#define BC_COMPUTING_PRECOMPILED_CONFIG_H

#include "computing/rows/rows.h"
#include "protocol/features.h"

typedef struct {
    bc_suite_t suite;
    int64_t number, timestamp; /* header; ms */
    uint32_t version;          /* header */
    bc_h256_t parent_hash;     /* header; zero in calls and in block 0 */
    int64_t gas_limit;
    bc_u256_t gas_price, chain_id;
    bool balance_transfer;
    uint32_t auth_check;
    uint32_t executor_version;
    bool legacy;          /* executor version 0 */
    bool key_pages;       /* version 0: tables are read as a store with key pages reads them */
    bool flags[BC_F_CNT]; /* of those that the message loop asks for, see config.c; all when legacy */
} bc_exec_config_t;

/* Fills everything but suite and what is of the header, which are in; absent rows give the
 * official defaults. The error is that of rows. */
bc_err_t bc_exec_config_read(bc_rows_t *rows, bc_exec_config_t *c) BC_WARN_UNUSED;

/* One row of s_config at block N: false when absent or not yet in force. */
bool bc_config_value(bc_rows_t *rows, bc_bytes_t key, int64_t number, bc_bytes_t *value);

#endif
