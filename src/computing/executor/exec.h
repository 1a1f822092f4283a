/* Inside the executor: the context of a block and of a transaction, and the message loop. */
#ifndef BC_COMPUTING_EXECUTOR_EXEC_H
#define BC_COMPUTING_EXECUTOR_EXEC_H

#include "computing/evm/evm.h"
#include "computing/executor/executor.h"
#include "computing/precompiled/contract.h"

/* What a block remembers of an account. */
typedef struct {
    bc_addr_t addr;
    uint64_t hash;
    bc_table_t *table;
    bc_h256_t code_hash; /* of code */
    bc_evm_code_t *code; /* a reference, or NULL */
} bc_account_t;

/* One block, or one call. */
typedef struct {
    bc_rows_t *rows;
    bc_exec_config_t config;
    const bc_pc_set_t *contracts;
    bc_evm_cache_t *codes;
    bc_evm_t *evm;
    bc_evm_env_t env;
    bc_evm_rules_t rules;
    bc_table_t *tables, *code_binary, *contract_abi; /* s_tables, s_code_binary, s_contract_abi */
    bc_account_t **accounts; /* open addressing by address */
    size_t account_cap, account_cnt;
    bc_arena_t tx_arena;   /* dies with each transaction */
    bc_rows_t *transient;  /* TSTORE of the running transaction; NULL until the first */
    bc_log_entry_t *logs;  /* of the running transaction; their bytes are in tx_arena */
    size_t log_cnt, log_cap;
    /* the running transaction */
    int64_t context_id, seq;
    bool web3;
    bc_addr_t origin;
    bc_bytes_t abi;
} bc_exec_t;

typedef struct {
    bc_evm_status_t evm;
    int32_t status; /* bc_tx_status_t */
    int64_t gas_left;
    bc_bytes_t output;
    bc_buf_t *owner; /* of output, or NULL: output is in tx_arena */
    bc_addr_t created;
} bc_msg_result_t;

/* The message's create address when it is a CREATE or CREATE2 (spec/40 §2.4). nonce is of a Web3
 * sender. seq and context are the running ones. */
void bc_exec_create_address(bc_exec_t *x, bc_evm_msg_t *m, const bc_u256_t *nonce);
/* Runs one message whose address is set; level 0 is the transaction's own. m is scratch. */
void bc_exec_message(bc_exec_t *x, bc_evm_msg_t *m, int64_t level, bc_msg_result_t *out);
/* A message made by a message: takes a sequence number. */
void bc_exec_nested(bc_exec_t *x, bc_evm_msg_t *m, bc_msg_result_t *out);

/* Accounts. Never NULL: the rows' sticky error covers missing memory. */
bc_account_t *bc_exec_account(bc_exec_t *x, const bc_addr_t *a);
bool bc_exec_account_exists(bc_exec_t *x, const bc_account_t *a);
void bc_exec_account_create(bc_exec_t *x, const bc_account_t *a);
void bc_exec_balance(bc_exec_t *x, const bc_account_t *a, bc_u256_t *out);
void bc_exec_set_balance(bc_exec_t *x, const bc_account_t *a, const bc_u256_t *v);
bool bc_exec_nonce(bc_exec_t *x, const bc_account_t *a, bc_u256_t *out); /* false: no row, 0 */
void bc_exec_set_nonce(bc_exec_t *x, const bc_account_t *a, const bc_u256_t *v);
/* The account's code, a borrowed pointer that lives as long as x; NULL: none. */
bc_evm_code_t *bc_exec_code(bc_exec_t *x, bc_account_t *a);
bool bc_exec_code_hash(bc_exec_t *x, const bc_account_t *a, bc_h256_t *out);
/* Table name of an account: "/apps/" or "/sys/" and 40 hex digits, or 20 raw bytes. */
bc_bytes_t bc_exec_account_table(const bc_addr_t *a, bool raw, uint8_t buf[64]);

/* Refusal by the chain's authority rules (spec/40 §7.1): true with *out filled. */
bool bc_exec_auth_refused(bc_exec_t *x, const bc_evm_msg_t *m, bc_msg_result_t *out);

/* Err(text) in tx_arena. */
bc_bytes_t bc_exec_error_text(bc_exec_t *x, bc_bytes_t text);
/* The text that a failed transaction shows instead of its output; empty: none. */
bc_bytes_t bc_exec_status_text(bc_exec_t *x, bc_evm_status_t evm);

/* 256-bit helpers, modulo 2^256. */
static inline void bc_u256_addto(bc_u256_t *a, const bc_u256_t *b)
{
    unsigned __int128 c = 0;
    for (int i = 0; i < 4; i++) {
        c += (unsigned __int128)a->w[i] + b->w[i];
        a->w[i] = (uint64_t)c;
        c >>= 64;
    }
}
static inline void bc_u256_subfrom(bc_u256_t *a, const bc_u256_t *b)
{
    uint64_t borrow = 0;
    for (int i = 0; i < 4; i++) {
        unsigned __int128 d = (unsigned __int128)a->w[i] - b->w[i] - borrow;
        a->w[i] = (uint64_t)d;
        borrow = (uint64_t)(d >> 64) & 1;
    }
}
static inline int bc_u256_order(const bc_u256_t *a, const bc_u256_t *b)
{
    for (int i = 3; i >= 0; i--) {
        if (a->w[i] != b->w[i])
            return a->w[i] < b->w[i] ? -1 : 1;
    }
    return 0;
}
static inline bool bc_u256_zero(const bc_u256_t *a)
{
    return !(a->w[0] | a->w[1] | a->w[2] | a->w[3]);
}
static inline void bc_u256_mul64(bc_u256_t *a, uint64_t b)
{
    unsigned __int128 c = 0;
    for (int i = 0; i < 4; i++) {
        c += (unsigned __int128)a->w[i] * b;
        a->w[i] = (uint64_t)c;
        c >>= 64;
    }
}

#endif
