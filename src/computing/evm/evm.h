/* The EVM: an interpreter over 4x64-bit limbs and nothing else. State, transfers, precompiled
 * contracts, nested message semantics belong to the host (computing/executor); the interpreter
 * asks it through bc_evm_host_t. Pure library: no locks, no globals but the code cache that the
 * caller makes. One bc_evm_t is used by one thread at a time; a code cache by many.
 *
 * Nested messages: the frames of running code are a stack in the bc_evm_t, not on the C stack.
 * bc_evm_run interprets the top frame until it ends or wants a message (CALL.., CREATE..). Then
 * host->begin does what comes before the message's first opcode, and either has its result at
 * once (a refusal, a contract that is no code) or names the code to run; that gets a frame on
 * top. When this frame has ended, host->end does what comes after (takes back or keeps, deposits
 * code, maps the status), and the frame below goes on with the result. Between begin and end the
 * host's data of the message is in a slot of host->slot_bytes beside the frame, so that no depth
 * costs C stack or an allocation. The interpreter bounds depth to 1024: a deeper message fails
 * without reaching the host.
 *
 * A host that can only run a message to its end (another library's interface, a test) leaves
 * begin and end NULL and gives call, in which it may use bc_evm_run on the same bc_evm_t; so may
 * begin and end. Each such bc_evm_run is a recursion in C, of less than 2 KiB in the interpreter
 * (optimised code; sanitizers take a multiple): such a host needs stack for its own depth, a
 * purely recursive one for 1024. */
#ifndef BC_COMPUTING_EVM_H
#define BC_COMPUTING_EVM_H

#include "base/buf.h"
#include "crypto/suite.h"

typedef enum {
    BC_EVM_FRONTIER, BC_EVM_HOMESTEAD, BC_EVM_TANGERINE, BC_EVM_SPURIOUS, BC_EVM_BYZANTIUM,
    BC_EVM_CONSTANTINOPLE, BC_EVM_PETERSBURG, BC_EVM_ISTANBUL, BC_EVM_BERLIN, BC_EVM_LONDON,
    BC_EVM_PARIS, BC_EVM_SHANGHAI, BC_EVM_CANCUN
} bc_evm_rev_t;

typedef enum {
    BC_EVM_OK = 0,
    BC_EVM_REVERT,
    BC_EVM_OUT_OF_GAS,
    BC_EVM_STACK_OVERFLOW,
    BC_EVM_STACK_UNDERFLOW,
    BC_EVM_INVALID,            /* the INVALID opcode */
    BC_EVM_UNDEFINED,          /* undefined opcode */
    BC_EVM_BAD_JUMP,
    BC_EVM_BAD_RETURNDATA,     /* RETURNDATACOPY out of bounds */
    BC_EVM_STATIC_VIOLATION,
    BC_EVM_CALL_DEPTH,
    BC_EVM_INSUFFICIENT_BALANCE,
    BC_EVM_PRECOMPILE_FAILURE,
    BC_EVM_INTERNAL,
} bc_evm_status_t;

typedef enum {
    BC_EVM_CALL, BC_EVM_CALLCODE, BC_EVM_DELEGATECALL, BC_EVM_STATICCALL, BC_EVM_CREATE, BC_EVM_CREATE2
} bc_evm_kind_t;

typedef struct {
    bc_evm_kind_t kind; /* STATICCALL arrives at the host as CALL with is_static, as in EVMC */
    bool is_static;
    int depth;
    int64_t gas;
    bc_addr_t recipient;    /* whose storage; for creates the host sets it */
    bc_addr_t code_address; /* whose code */
    bc_addr_t sender;
    bc_u256_t value;
    bc_u256_t salt;         /* CREATE2 */
    bc_bytes_t input;       /* init code for creates */
} bc_evm_msg_t;

typedef struct {
    bc_evm_status_t status;
    int64_t gas_left;
    int64_t gas_refund;
    bc_bytes_t output;      /* lives until the next run or release on this bc_evm_t, see below */
    bc_buf_t *output_owner; /* keeps output alive; the receiver unrefs; may be NULL */
    bc_addr_t created;      /* creates */
} bc_evm_result_t;

typedef struct {
    bc_addr_t coinbase, origin;
    int64_t number;
    uint64_t timestamp; /* in the unit that TIMESTAMP shows (FISCO: ms unless the feature is on) */
    int64_t gas_limit;
    bc_u256_t chain_id, prev_randao, base_fee, blob_base_fee, gas_price;
    const bc_h256_t *blob_hashes;
    size_t blob_hash_cnt;
} bc_evm_env_t;

typedef enum {
    BC_EVM_STORAGE_ASSIGNED,      /* X->X or dirty rewrites: 100 / no refund (Ethereum profile) */
    BC_EVM_STORAGE_ADDED,         /* 0 -> Z */
    BC_EVM_STORAGE_DELETED,       /* X -> 0 */
    BC_EVM_STORAGE_MODIFIED,      /* X -> Z */
    BC_EVM_STORAGE_DELETED_ADDED, /* X -> 0 -> Z */
    BC_EVM_STORAGE_MODIFIED_DELETED,
    BC_EVM_STORAGE_DELETED_RESTORED,
    BC_EVM_STORAGE_ADDED_DELETED,
    BC_EVM_STORAGE_MODIFIED_RESTORED,
} bc_evm_storage_t; /* EVMC's nine cases */

typedef struct bc_evm_code bc_evm_code_t; /* see below */

/* The code of a message that has begun. */
typedef struct {
    bc_evm_code_t *code; /* borrowed until the message's end */
    void *ctx;           /* what the host's functions get while it runs; may point into the slot */
} bc_evm_begun_t;

#define BC_EVM_SLOT_MAX 1024

typedef struct bc_evm_host bc_evm_host_t;
struct bc_evm_host {
    /* Every function: ctx first. Storage keys and values are 32-byte big-endian words. */
    bool (*account_exists)(void *ctx, const bc_addr_t *a);
    void (*get_storage)(void *ctx, const bc_addr_t *a, const bc_h256_t *key, bc_h256_t *value);
    bc_evm_storage_t (*set_storage)(void *ctx, const bc_addr_t *a, const bc_h256_t *key, const bc_h256_t *value);
    void (*get_transient)(void *ctx, const bc_addr_t *a, const bc_h256_t *key, bc_h256_t *value);
    void (*set_transient)(void *ctx, const bc_addr_t *a, const bc_h256_t *key, const bc_h256_t *value);
    void (*get_balance)(void *ctx, const bc_addr_t *a, bc_u256_t *out);
    size_t (*get_code_size)(void *ctx, const bc_addr_t *a);
    void (*get_code_hash)(void *ctx, const bc_addr_t *a, bc_h256_t *out);
    /* Copies up to n bytes of code from offset; returns how many. */
    size_t (*copy_code)(void *ctx, const bc_addr_t *a, size_t offset, uint8_t *out, size_t n);
    bool (*selfdestruct)(void *ctx, const bc_addr_t *a, const bc_addr_t *heir);
    void (*emit_log)(void *ctx, const bc_addr_t *a, bc_bytes_t data, const bc_h256_t *topics, size_t topic_cnt);
    void (*get_block_hash)(void *ctx, int64_t number, bc_h256_t *out);
    /* true: the access was warm already (and it is warm from now on). FISCO: always false. */
    bool (*access_account)(void *ctx, const bc_addr_t *a);
    bool (*access_storage)(void *ctx, const bc_addr_t *a, const bc_h256_t *key);
    /* Nested messages (see above); ctx is that of the code that makes the message. call runs msg
     * to its end, with a zeroed *out; it is not used when there is begin. */
    void (*call)(void *ctx, const bc_evm_msg_t *msg, bc_evm_result_t *out);
    /* False: *out is the result. True: *begun is to run, for msg as begin leaves it (the host may
     * change it; msg stays where it is until the end), and end follows with the same slot. */
    bool (*begin)(void *ctx, void *slot, bc_evm_msg_t *msg, bc_evm_begun_t *begun, bc_evm_result_t *out);
    /* The code has ended with *res; what end makes of it is the result of the message. */
    void (*end)(void *ctx, void *slot, bc_evm_result_t *res);
    size_t slot_bytes; /* at most BC_EVM_SLOT_MAX; a slot is aligned to 16 and not zeroed */
};

typedef struct {
    bc_evm_rev_t rev;
    bc_suite_t suite; /* what the KECCAK256 opcode hashes with */
    bool fisco;       /* FISCO profile: refunds discarded by the caller; nothing else differs here */
} bc_evm_rules_t;

/* Analysed code: jump map, and a padded copy in which common sequences are one instruction; somewhat
 * more than twice the size of the code. Counted; immutable. */
bc_evm_code_t *bc_evm_code_new(bc_bytes_t code, bc_evm_rev_t rev) BC_WARN_UNUSED; /* NULL: no memory */
bc_evm_code_t *bc_evm_code_ref(bc_evm_code_t *c);
void bc_evm_code_unref(bc_evm_code_t *c);
bc_bytes_t bc_evm_code_bytes(const bc_evm_code_t *c);

/* Cache of analysed code by code hash: at most bytes_max, least recently used out. Many threads. */
typedef struct bc_evm_cache bc_evm_cache_t;
bc_evm_cache_t *bc_evm_cache_new(size_t bytes_max) BC_WARN_UNUSED;
void bc_evm_cache_free(bc_evm_cache_t *c);
bc_evm_code_t *bc_evm_cache_get(bc_evm_cache_t *c, const bc_h256_t *hash); /* a reference or NULL */
void bc_evm_cache_put(bc_evm_cache_t *c, const bc_h256_t *hash, bc_evm_code_t *code);

/* An interpreter instance: the memory for stacks, frames and slots. */
typedef struct bc_evm bc_evm_t;
bc_evm_t *bc_evm_new(void) BC_WARN_UNUSED;
void bc_evm_free(bc_evm_t *evm);

/* Limits of what runs next on this instance, for calls that answer clients: until_ms on the monotonic
 * clock, memory_max bytes of the memory of all frames; 0: none. Beyond a limit everything that runs
 * fails, and bc_evm_overrun tells that its result means nothing. Never for blocks: theirs must not
 * depend on the machine. */
typedef enum { BC_EVM_WITHIN, BC_EVM_OVER_TIME, BC_EVM_OVER_MEMORY } bc_evm_overrun_t;
void bc_evm_limit(bc_evm_t *evm, int64_t until_ms, size_t memory_max);
bc_evm_overrun_t bc_evm_overrun(const bc_evm_t *evm);
/* The most gas that one precompiled contract may cost under these limits, since it cannot be
 * stopped: gas itself when there are none. A contract that would cost more: bc_evm_out_of_time. */
int64_t bc_evm_precompile_gas(const bc_evm_t *evm, int64_t gas);
void bc_evm_out_of_time(bc_evm_t *evm);

/* Runs code for msg (calls and init code alike; the host did everything that comes before the
 * first opcode), and the messages that it makes. host->begin, end and call may call bc_evm_run on
 * the same evm. out->output_owner, when not NULL, is a reference given to the caller. */
void bc_evm_run(bc_evm_t *evm, const bc_evm_rules_t *rules, const bc_evm_host_t *host, void *ctx,
                const bc_evm_env_t *env, const bc_evm_msg_t *msg, bc_evm_code_t *code,
                bc_evm_result_t *out);

/* Ethereum precompiled contracts 1..9 (spec/40 §3). False: no contract at this number.
 * Writes output to out (an owned growable buffer) and *gas_cost; ok false means failure (its
 * output bytes are still given). fisco: EIP-198 modexp price, ecrecover quirks. The cost is
 * computed and bounded before any work or allocation that depends on it: when cost > gas nothing
 * is run. */
typedef struct {
    bool ok;
    int64_t gas_cost;
} bc_evm_pre_t;
bool bc_evm_precompile(unsigned number, const bc_evm_rules_t *rules, bc_bytes_t input, int64_t gas,
                       bc_wr_t *out, bc_evm_pre_t *res);

#endif
