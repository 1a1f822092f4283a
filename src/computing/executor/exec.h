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

typedef struct bc_exec_rules bc_exec_rules_t;

typedef struct bc_exec bc_exec_t;

/* What the interpreter's callbacks get: the transaction and the account that executes. */
typedef struct {
    bc_exec_t *x;
    bc_account_t *self; /* whose storage */
    bc_addr_t address;  /* who it says it is: ADDRESS, logs, sender of inner messages */
    bc_addr_t code;     /* whose code */
    bool is_static;
} bc_exec_code_frame_t;

/* A running message. It lives in the interpreter's slot when code made the message, else on the
 * C stack of bc_exec_message. */
typedef struct bc_exec_frame {
    struct bc_exec_frame *up;
    bc_rows_mark_t mark, transient_mark;
    bc_rows_mark_t first_child; /* where the first inner message began; BC_EXEC_NO_CHILD */
    size_t log_mark;            /* logs of this message start here */
    size_t log_own;             /* version 0: those before it came back from inner messages */
    size_t log_before;          /* version 0: when the caller asked for it */
    /* of a message that runs code */
    const bc_evm_msg_t *m;
    bc_evm_code_t *code; /* a reference */
    bc_exec_code_frame_t run;
} bc_exec_frame_t;
#define BC_EXEC_NO_CHILD SIZE_MAX

/* One block, or one call. */
struct bc_exec {
    const bc_exec_rules_t *law; /* what the executor version does differently */
    bc_exec_frame_t *frame;     /* innermost running message */
    size_t next_log;            /* where the logs of the next message start */
    struct bc_v0_dead *dead;    /* version 0: accounts whose code ends with the block */
    struct bc_v0_nonce *nonces; /* version 0: nonces of Web3 senders in the block */
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
};

typedef struct {
    bc_evm_status_t evm;
    int32_t status; /* bc_tx_status_t */
    int64_t gas_left;
    bc_bytes_t output;
    bc_buf_t *owner; /* of output, or NULL: it is in tx_arena, or valid until the next message */
    bc_addr_t created;
} bc_msg_result_t;

/* The executor versions as data: what one does otherwise than the other. The message loop, the
 * interpreter's host, accounts and system contracts are shared (message.c, system.c); version 1 is there,
 * version 0 in v0_*.c (spec/40 §9). */
struct bc_exec_rules {
    bool undo_by_status; /* a message has failed when its status says so, not its EVM status */
    bool keeps_logs;     /* failed messages leave their logs */
    bool top_text;       /* a failed transaction's output is replaced by its text */
    /* Before the code: authority, value, nonces. True: *out is the end of the message. */
    bool (*stopped)(bc_exec_t *x, bc_evm_msg_t *m, bc_msg_result_t *out);
    /* Both: true: x->frame's code is to run (bc_exec_enter_code), for m as they leave it. False:
     * *out is the end of the message. */
    bool (*create)(bc_exec_t *x, bc_evm_msg_t *m, int64_t level, bc_msg_result_t *out);
    bool (*call)(bc_exec_t *x, bc_evm_msg_t *m, int64_t level, bc_msg_result_t *out);
    /* The init code of x->frame has ended with *out. */
    void (*created)(bc_exec_t *x, bc_msg_result_t *out);
    /* The interpreter's answer as a message's result; takes over r's output. */
    void (*convert)(bc_exec_t *x, const bc_evm_msg_t *m, bc_evm_result_t *r, bc_msg_result_t *out);
    /* A message that running code makes; true: its code is to run, and inner_end follows. */
    bool (*inner)(bc_exec_t *x, const bc_exec_code_frame_t *caller, bc_exec_frame_t *f, bc_evm_msg_t *m,
                  bc_msg_result_t *out);
    void (*inner_end)(bc_exec_t *x, const bc_exec_frame_t *f, bc_msg_result_t *out);
    /* A system contract has ended. */
    void (*system_end)(bc_exec_t *x, const bc_evm_msg_t *m, bc_pc_end_t end, bc_pc_t *pc, bc_msg_result_t *out);
    /* Takes back what the running message wrote. */
    void (*undo)(bc_exec_t *x);
    const bc_evm_host_t *host;
};
extern const bc_exec_rules_t bc_exec_v1, bc_exec_v0;
extern const bc_evm_host_t bc_exec_host; /* version 1 */

/* What both versions answer the interpreter; ctx is a bc_exec_code_frame_t. */
bool bc_exec_host_exists(void *ctx, const bc_addr_t *a);
void bc_exec_host_get_storage(void *ctx, const bc_addr_t *a, const bc_h256_t *key, bc_h256_t *value);
bc_evm_storage_t bc_exec_host_set_storage(void *ctx, const bc_addr_t *a, const bc_h256_t *key,
                                          const bc_h256_t *value);
void bc_exec_host_get_transient(void *ctx, const bc_addr_t *a, const bc_h256_t *key, bc_h256_t *value);
void bc_exec_host_set_transient(void *ctx, const bc_addr_t *a, const bc_h256_t *key, const bc_h256_t *value);
void bc_exec_host_log(void *ctx, const bc_addr_t *a, bc_bytes_t data, const bc_h256_t *topics, size_t topic_cnt);
void bc_exec_host_block_hash(void *ctx, int64_t number, bc_h256_t *out);
bool bc_exec_host_access_account(void *ctx, const bc_addr_t *a);
bool bc_exec_host_access_storage(void *ctx, const bc_addr_t *a, const bc_h256_t *key);
bool bc_exec_host_begin(void *ctx, void *slot, bc_evm_msg_t *m, bc_evm_begun_t *begun, bc_evm_result_t *out);
void bc_exec_host_end(void *ctx, void *slot, bc_evm_result_t *res);

/* Pieces of the loop that both versions use. */
void bc_exec_set_result(bc_msg_result_t *out, bc_evm_status_t evm, int32_t status, int64_t gas_left,
                        bc_bytes_t output);
/* Makes code, a reference that it takes over, what x->frame runs. */
void bc_exec_enter_code(bc_exec_t *x, bc_account_t *self, const bc_addr_t *code_address, const bc_evm_msg_t *m,
                        bc_evm_code_t *code);
void bc_exec_store_code(bc_exec_t *x, const bc_account_t *a, bc_bytes_t code);
void bc_exec_call_system(bc_exec_t *x, const bc_pc_contract_t *c, const bc_evm_msg_t *m, bc_msg_result_t *out);
/* False: the text names no contract. m's addresses and input change. */
bool bc_exec_call_dynamic(bc_exec_t *x, bc_bytes_t code, bc_evm_msg_t *m, bc_msg_result_t *out);
bool bc_exec_is_dynamic(bc_bytes_t code);
/* Contract 1..9 with the gas of m, within the limits of a client's call. */
void bc_exec_precompile(bc_exec_t *x, unsigned number, const bc_evm_msg_t *m, bc_wr_t *out,
                        bc_evm_pre_t *pre);
unsigned bc_exec_ethereum_number(const bc_addr_t *a); /* 1..9, or 0 */

/* --- version 0 (v0_message.c, v0_block.c) --- */
void bc_v0_open(bc_exec_t *x); /* after the configuration is read */
const bc_pc_contract_t *bc_v0_contract(const bc_exec_t *x, const bc_addr_t *a); /* NULL: none, or its gate is shut */
bool bc_v0_auth_refused(bc_exec_t *x, const bc_evm_msg_t *m, bc_msg_result_t *out);
void bc_v0_die(bc_exec_t *x, const bc_account_t *a);
/* A transaction's nonce as version 0 reads it: hexadecimal, "0x" or not; anything else is 0. */
void bc_v0_nonce_number(bc_bytes_t text, bc_u256_t *out);
void bc_v0_nonce_seen(bc_exec_t *x, const bc_addr_t *sender, const bc_u256_t *nonce);
void bc_v0_genesis_tables(bc_exec_t *x); /* before block 0 */
void bc_v0_block_end(bc_exec_t *x);      /* before the roots */
void bc_v0_close(bc_exec_t *x);
/* What a block changes without its root telling; true when there is such. */
bool bc_v0_after_root(bc_exec_t *x);
bc_err_t bc_v0_state_root(bc_exec_t *x, bc_h256_t *root);
void bc_v0_charge(bc_exec_t *x, bc_rows_mark_t mark, int64_t gas_used, bc_msg_result_t *out);
/* 0 for direct calls of system contracts on older chains. */
int64_t bc_v0_gas_used(const bc_exec_t *x, const bc_addr_t *to, bool created, int64_t used);
static inline bool bc_v0_since(const bc_exec_t *x, unsigned minor)
{
    return x->config.version >= (0x03000000u | minor << 16);
}

/* The message's create address when it is a CREATE or CREATE2 (spec/40 §2.4). nonce is of a Web3
 * sender. seq and context are the running ones. */
void bc_exec_create_address(bc_exec_t *x, bc_evm_msg_t *m, const bc_u256_t *nonce);
/* Runs one message whose address is set; level 0 is the transaction's own. m is scratch. */
void bc_exec_message(bc_exec_t *x, bc_evm_msg_t *m, int64_t level, bc_msg_result_t *out);
/* A message made by a message: takes a sequence number. */
void bc_exec_nested(bc_exec_t *x, bc_evm_msg_t *m, bc_msg_result_t *out);
/* The same in two parts: true: the code in f is to run, and bc_exec_end follows. */
bool bc_exec_begin_nested(bc_exec_t *x, bc_exec_frame_t *f, bc_evm_msg_t *m, bc_msg_result_t *out);
/* The code of the innermost message has ended. */
void bc_exec_end(bc_exec_t *x, bc_evm_result_t *r, bc_msg_result_t *out);

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
