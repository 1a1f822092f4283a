/* System contracts: how one is written (spec/40 §4).
 *
 * A contract is a bc_pc_contract_t: a number (its address), a text name, and functions, each a
 * signature and a handler. Adding one: write a file with its table (kv_table.c is a short
 * example), declare the table in contracts.h and put it into the list in registry.c. Selectors
 * are computed from the signatures with the chain's hash, once.
 *
 * A handler reads pc->params (after the selector), usually through bc_pc_args, reads and writes
 * rows through the helpers below, and answers with bc_pc_ret_*. It ends with
 *   BC_PC_OK        success; the answer is pc->out (empty is legal)
 *   bc_pc_fail(..)  the official PrecompiledError: receipt status 15, Error(text)
 *   BC_PC_INTERNAL  any other official exception: status 15, Error("InternalPrecompiledFailed")
 * Rows written before a failure are rolled back by the caller. A negative result code is a
 * success of the message.
 *
 * Priced contracts charge memory (pc->mem, bytes) and operations (pc->ops, gas); the others are
 * free. Nested messages are real ones: they take a sequence number and pass authority checks. */
#ifndef BC_COMPUTING_PRECOMPILED_CONTRACT_H
#define BC_COMPUTING_PRECOMPILED_CONTRACT_H

#include "base/buf.h"
#include "codec/abi.h"
#include "computing/precompiled/config.h"

typedef enum { BC_PC_OK, BC_PC_ERROR, BC_PC_INTERNAL } bc_pc_end_t;

enum { BC_GATE_NONE = -1 };

typedef struct bc_pc bc_pc_t;
typedef bc_pc_end_t (*bc_pc_fn)(bc_pc_t *pc);

typedef struct {
    const char *signature; /* hashed literally */
    bc_pc_fn run;
    unsigned since; /* not before compatibility version 3.since */
} bc_pc_function_t;

typedef struct {
    uint32_t number;   /* address, in its low bytes */
    const char *name;  /* of the text "<name> call undefined function!" */
    int gate;          /* a bc_feature_t; BC_GATE_NONE: always there */
    bool priced;
    bool dynamic;      /* input is abi(string[] params, bytes input); pc->param is params[0] */
    bool empty_ok;     /* dynamic: an empty input is a call, with pc->params.p == NULL */
    const bc_pc_function_t *functions;
    size_t function_cnt;
    bc_pc_fn before;   /* optional: runs before the function; not BC_PC_OK or pc->done ends */
    bc_pc_fn unknown;  /* optional: instead of the text for an unknown selector */
} bc_pc_contract_t;

/* What a nested message came back with. */
typedef struct {
    bool ok;         /* EVM status 0 */
    bc_bytes_t data; /* in pc->arena */
} bc_pc_reply_t;

struct bc_pc {
    /* the message */
    bc_addr_t sender, origin;
    bc_addr_t code_address; /* the contract that was called: for dynamic ones the table's own */
    bc_addr_t recipient;
    bool is_static, create;
    int64_t gas_left;       /* in: of the message; out: after the charge */
    bc_bytes_t input, params, param;
    /* the transaction and block */
    const bc_exec_config_t *config;
    int64_t context_id, seq; /* seq of this message */
    bc_rows_t *rows;
    bc_arena_t *arena; /* lives until the end of the transaction */
    void *host;
    /* Runs the code of `code` on the account `to`. */
    void (*nested)(void *host, bc_pc_t *pc, const bc_addr_t *sender, const bc_addr_t *to,
                   const bc_addr_t *code, bc_bytes_t input, bool is_static, bc_pc_reply_t *out);
    /* Executor version 0: begins an inner message whose work the contract does itself; its seq. */
    int64_t (*child)(void *host);
    /* The same: may nobody create a contract at this address? */
    bool (*deploy_refused)(void *host, const bc_addr_t *created);
    /* working state */
    uint64_t mem;
    int64_t ops;
    bool done; /* set by `before`: the answer is complete */
    bc_wr_t out;
    bc_bytes_t text; /* of BC_PC_ERROR */
};

/* Gas of operations (spec/40 §4.1). */
enum {
    BC_PC_GAS_SET = 3,
    BC_PC_GAS_CREATE_TABLE = 16000,
    BC_PC_GAS_OPEN_TABLE = 200,
    BC_PC_GAS_SELECT = 200,
    BC_PC_GAS_INSERT = 10000,
    BC_PC_GAS_UPDATE = 10000,
    BC_PC_GAS_REMOVE = 2500,
    BC_PC_GAS_VERIFY = 20000,
};

/* Result codes shared by several contracts. */
enum {
    BC_PC_NO_AUTHORIZED = -50000,
    BC_PC_TABLE_EXISTS = -50001,
    BC_PC_KEY_OVERFLOW = -50005,
    BC_PC_VALUE_OVERFLOW = -50006,
    BC_PC_DUPLICATE_FIELD = -50007,
    BC_PC_TABLE_NOT_EXIST = -50100,
    BC_PC_UNKNOWN_FUNCTION = -50101,
};

enum {
    BC_SYS_CONFIG = 0x1000,
    BC_SYS_TABLE = 0x1001,
    BC_SYS_TABLE_MANAGER = 0x1002,
    BC_SYS_CONSENSUS = 0x1003,
    BC_SYS_AUTH = 0x1005,
    BC_SYS_KV_TABLE = 0x1009,
    BC_SYS_CRYPTO = 0x100a,
    BC_SYS_DAG_TRANSFER = 0x100c,
    BC_SYS_BFS = 0x100e,
    BC_SYS_CAST = 0x100f,
    BC_SYS_SHARDING = 0x1010,
    BC_SYS_BALANCE = 0x1011,
    BC_SYS_PAILLIER = 0x5003,
    BC_SYS_GROUP_SIG = 0x5004,
    BC_SYS_RING_SIG = 0x5005,
    BC_SYS_ZKP = 0x5100,
    BC_SYS_COMMITTEE = 0x10001,
    BC_SYS_CONTRACT_AUTH = 0x10002,
    BC_SYS_ACCOUNT_MANAGER = 0x10003,
    BC_SYS_ACCOUNT = 0x10004,
};

/* --- the registry --- */
typedef struct bc_pc_set bc_pc_set_t;
/* Every contract with its selectors. NULL: no memory. Read-only after that: many threads. */
bc_pc_set_t *bc_pc_set_new(bc_suite_t suite) BC_WARN_UNUSED;
void bc_pc_set_free(bc_pc_set_t *set);
/* The contract at an address whatever its gate, NULL when there is none. */
const bc_pc_contract_t *bc_pc_find(const bc_addr_t *a);
/* The same with the benchmark contracts that only executor version 0 has. */
const bc_pc_contract_t *bc_pc_find_v0(const bc_addr_t *a);
/* Runs one call: unpacks, selects, prices. The caller frees pc->out. */
bc_pc_end_t bc_pc_run(const bc_pc_set_t *set, const bc_pc_contract_t *c, bc_pc_t *pc);

/* --- for handlers: arguments and answers --- */
/* Decodes pc->params leniently; items of the tuple. NULL only when memory is gone. */
const bc_abi_val_t *bc_pc_args(bc_pc_t *pc, const char *type);
bc_pc_end_t bc_pc_ret_int(bc_pc_t *pc, int64_t v);
bc_pc_end_t bc_pc_ret_u256(bc_pc_t *pc, const bc_u256_t *v);
bc_pc_end_t bc_pc_ret_addr(bc_pc_t *pc, const bc_addr_t *a);
/* type is the tuple of results; items its members. */
bc_pc_end_t bc_pc_ret(bc_pc_t *pc, const char *type, bc_abi_val_t *items, size_t cnt);
/* The text is a followed by b and c, cut at the first NUL as the official node does. */
bc_pc_end_t bc_pc_fail(bc_pc_t *pc, bc_bytes_t a, bc_bytes_t b, bc_bytes_t c);
#define BC_PC_FAIL(pc, lit) bc_pc_fail(pc, BC_STR(lit), (bc_bytes_t){ 0 }, (bc_bytes_t){ 0 })
char *bc_pc_printf(bc_pc_t *pc, const char *fmt, ...) BC_PRINTF(2, 3); /* in the arena, never NULL */
bc_bytes_t bc_pc_join(bc_pc_t *pc, bc_bytes_t a, bc_bytes_t b, bc_bytes_t c);
/* selector of signature followed by abi(type, items): the input of a nested message. */
bc_bytes_t bc_pc_encode(bc_pc_t *pc, const char *signature, const char *type, bc_abi_val_t *items,
                        size_t cnt);
/* Nested message with the gas that this one has. */
void bc_pc_call(bc_pc_t *pc, const bc_addr_t *sender, uint32_t to, bc_bytes_t input,
                bool is_static, bc_pc_reply_t *out);

/* The same with any address, and with the code of a system contract on another account. */
void bc_pc_call_at(bc_pc_t *pc, const bc_addr_t *sender, const bc_addr_t *to, uint32_t code,
                   bc_bytes_t input, bool is_static, bc_pc_reply_t *out);
/* The reply becomes the answer; a failed one ends as "External call revert: ". */
bc_pc_end_t bc_pc_forward(bc_pc_t *pc, const bc_pc_reply_t *r);

/* A `before`: only the answer is charged, not the arguments. */
bc_pc_end_t bc_pc_price_answer(bc_pc_t *pc);
/* An `unknown`: (BC_PC_UNKNOWN_FUNCTION, false). */
bc_pc_end_t bc_pc_unknown_false(bc_pc_t *pc);

/* --- for handlers: rows --- */
bool bc_pc_get(bc_pc_t *pc, bc_bytes_t table, bc_bytes_t key, bc_bytes_t *value);
void bc_pc_put(bc_pc_t *pc, bc_bytes_t table, bc_bytes_t key, bc_bytes_t value);
/* Does s_tables name it? */
bool bc_pc_table_exists(bc_pc_t *pc, bc_bytes_t table);
/* False when it exists: the official code throws, BC_PC_INTERNAL. */
bool bc_pc_create_table(bc_pc_t *pc, bc_bytes_t table, bc_bytes_t fields) BC_WARN_UNUSED;
/* Is the block's version 3.minor or later? */
static inline bool bc_pc_since(const bc_pc_t *pc, unsigned minor)
{
    return pc->config->version >= (0x03000000u | minor << 16);
}
/* Does a flag count now: as written in the current state, in force at this block. */
bool bc_pc_flag(bc_pc_t *pc, bc_feature_t flag);

/* --- addresses --- */
bc_addr_t bc_addr_of(uint32_t number);
bool bc_addr_is(const bc_addr_t *a, uint32_t number);
typedef struct {
    char s[41];
} bc_addr_text_t;
bc_addr_text_t bc_addr_text(const bc_addr_t *a);
bc_bytes_t bc_pc_addr_hex(bc_pc_t *pc, const bc_addr_t *a); /* 40 digits in the arena */
/* 40 hex digits, "0x" optional; short or bad text fills what it can with zeros. */
bc_addr_t bc_addr_parse(bc_bytes_t text);
/* Table of a contract as system contracts name it: /apps/<hex40>, /sys/<hex40> when 35 zeros lead. */
bc_bytes_t bc_pc_contract_table(bc_pc_t *pc, bc_bytes_t hex);

/* --- shared pieces of several contracts (bfs.c, auth_rows.c) --- */
/* archive(vector{type,"0","0","","",""}) as row `name` of directory `dir`. */
void bc_bfs_put_entry(bc_pc_t *pc, bc_bytes_t dir, bc_bytes_t name, bc_bytes_t type);
void bc_bfs_put_link(bc_pc_t *pc, bc_bytes_t table, bc_bytes_t address, bc_bytes_t abi, bc_bytes_t name);
/* Nested touch(path,type) to the file system; its code, or -53003 when the message failed. */
int32_t bc_bfs_touch(bc_pc_t *pc, const bc_addr_t *sender, uint32_t bfs, bc_bytes_t path, bc_bytes_t type);
/* mkdir, link and touch as the file system does them; bfs is whose they are (100e, or 1010). */
bc_pc_end_t bc_bfs_mkdir(bc_pc_t *pc, uint32_t bfs, bc_bytes_t path);
bc_pc_end_t bc_bfs_link(bc_pc_t *pc, uint32_t bfs, bc_bytes_t table, bc_bytes_t address, bc_bytes_t abi);
bc_pc_end_t bc_bfs_touch_here(bc_pc_t *pc, bool shards);
bool bc_bfs_path_ok(const bc_pc_t *pc, bc_bytes_t path);
/* A dynamic contract: link `path` -> address, code text, auth table. *address is an in-out: zero
 * asks for the derived one. False as bc_pc_create_table; *code gets the touch result. */
bool bc_pc_internal_create(bc_pc_t *pc, bc_bytes_t path, uint32_t target, bc_addr_t *address,
                           bc_bytes_t abi, int32_t *code);
/* <account table>_accessAuth with its five rows; true (nothing done) for /sys tables. */
bool bc_auth_create_table(bc_rows_t *rows, bc_bytes_t account_table, const bc_addr_t *admin) BC_WARN_UNUSED;
/* Governors of the committee by two nested messages; cnt 0 when it has none. BC_PC_ERROR. */
bc_pc_end_t bc_pc_governors(bc_pc_t *pc, const bc_abi_val_t **list, size_t *cnt);
bool bc_pc_is_governor(const bc_abi_val_t *list, size_t cnt, const bc_addr_t *a);
bc_addr_t bc_pc_addr_arg(const bc_abi_val_t *v); /* an address argument */

#endif
