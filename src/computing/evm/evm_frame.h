/* Inside of the interpreter: what evm_interp.c, evm_ops.c, evm_memory.c and evm_code.c share. */
#ifndef BC_COMPUTING_EVM_FRAME_H
#define BC_COMPUTING_EVM_FRAME_H

#include <stdatomic.h>
#include "computing/evm/evm.h"
#include "computing/evm/u256.h"

#define EVM_STACK_MAX 1024
#define EVM_DEPTH_MAX 1024
/* Frames of one interpreter together. Depth alone does not bound them: a host that runs messages
 * from C may begin again at depth 0. Gas does, as each frame passes on 63/64 of what it has: the
 * largest limit, 2^63, is used up after less than 2500 messages, which is twice as many frames
 * when every message goes through such a host. */
#define EVM_FRAMES_MAX 5120
#define EVM_BUFFER_MAX UINT32_MAX /* an offset or size above it is out of gas, as in evmone */
/* Memory of all frames of one interpreter together. Gas keeps ordinary chains far below; beyond
 * it an expansion is out of gas, the same on every node. */
#define EVM_MEMORY_MAX ((size_t)4 << 30)
#define EVM_MEMORY_KEEP ((size_t)1 << 20) /* given back to the system above this, see region_trim */
#define EVM_TICK_GAS 1000000 /* between looks at the clock, where there is a time limit */
#define EVM_LIMITED_PRECOMPILE_GAS 50000000 /* half a second at most */
#define EVM_CODE_MAX ((size_t)64 << 20)
#define EVM_CODE_PAD 33                   /* the immediate of a PUSH32 in the last byte, and a STOP */

struct bc_evm_code {
    atomic_uint refs;
    uint8_t apart[64]; /* threads that run the same code count here and read below */
    size_t n;      /* bytes of code, without padding */
    size_t size;   /* of this whole block */
    uint8_t *code; /* to run: n bytes, sequences fused, and EVM_CODE_PAD zeros; behind jumps[] */
    uint8_t *bytes; /* the contract's own, behind code[] */
    uint64_t jumps[];
};

/* Reserved addresses whose pages become usable as they are needed: what lies in it never moves. */
typedef struct {
    uint8_t *p;
    size_t reserved, committed;
    size_t peak; /* most that was used since more than EVM_MEMORY_KEEP was given back */
} evm_region_t;

bool evm_region_init(evm_region_t *r, size_t reserve) BC_WARN_UNUSED;
void evm_region_free(evm_region_t *r);
bool evm_region_grow(evm_region_t *r, size_t n) BC_WARN_UNUSED;
/* Makes the first n bytes usable; false beyond the reserve. Stops the process when the system
 * has no memory: an answer that depends on it would split the chain. */
static inline BC_WARN_UNUSED bool evm_region_need(evm_region_t *r, size_t n)
{
    return BC_LIKELY(n <= r->peak) || evm_region_grow(r, n);
}
void evm_region_trim(evm_region_t *r); /* gives pages above EVM_MEMORY_KEEP back */

/* Hashes of two words that were asked for before: the slots of mappings. The same ones come again and
 * again within a transaction and a block. */
#define EVM_PAIRS 128
typedef struct {
    uint64_t words[8];
    bc_h256_t hash;
    bc_suite_t suite;
    bool used;
} evm_pair_t;

struct bc_evm {
    evm_region_t stack, mem, frames;
    size_t stack_top; /* bytes that the frames below the running one hold */
    size_t mem_top;
    size_t frames_top; /* here the running one counts, too */
    unsigned live;     /* bc_evm_run on the C stack */
    bc_wr_t ret;       /* return data of the innermost frame; others are inside a call, have none */
    int64_t until_ms;          /* bc_evm_limit; 0: no end */
    size_t memory_max;
    bc_evm_overrun_t overrun;
    evm_pair_t pairs[EVM_PAIRS];
};

/* What differs between revisions in price alone. */
typedef struct {
    int16_t balance, extcode, extcodehash, sload, call, selfdestruct, exp_byte;
} evm_costs_t;

typedef struct evm_frame {
    bc_evm_t *evm;
    const bc_evm_rules_t *rules;
    const bc_evm_host_t *host;
    void *ctx;
    const bc_evm_env_t *env;
    const bc_evm_msg_t *msg;
    const bc_evm_code_t *code;
    const evm_costs_t *costs;
    uint8_t *mem;
    uint64_t mem_n; /* multiple of 32 */
    int64_t floor; /* a jump that leaves less gas than this looks at the clock; 0: out of gas */
    int64_t refund;
    bc_evm_status_t status; /* set by a helper that returns a negative gas */
    bc_bytes_t output;
    bc_u256_t *base; /* of its stack */
    /* where it goes on after a message, whose result is then sp[-1] */
    const uint8_t *pc;
    bc_u256_t *sp;
    int64_t gas; /* what it kept when it made the message */
    uint64_t out_off, out_n; /* where the message's output goes, and how much at most */
    bool creates;
    struct evm_frame *up;    /* whose message this is; NULL: it is bc_evm_run's */
    struct evm_frame *child; /* a message that is to run, or runs; NULL: none */
    bc_evm_begun_t begun;    /* of a message of up, as is the rest */
    bc_evm_msg_t own;
    _Alignas(16) uint8_t slot[]; /* the host's */
} evm_frame_t;

/* Room for one more frame and a slot. NULL: none left. */
static inline evm_frame_t *evm_frame_push(bc_evm_t *evm, size_t slot_bytes)
{
    size_t at = evm->frames_top, top = at + sizeof(evm_frame_t) + (slot_bytes + 15) / 16 * 16;
    BC_MUST(slot_bytes <= BC_EVM_SLOT_MAX);
    if (!evm_region_need(&evm->frames, top))
        return NULL;
    evm->frames_top = top;
    return (evm_frame_t *)(void *)(evm->frames.p + at);
}
/* The message of f in c has ended: its result goes to f, which is the running frame again. */
void evm_frame_leave(evm_frame_t *f, evm_frame_t *c, const bc_evm_result_t *r);

/* Whether a limit is passed; looks at the clock when there is a time limit. */
bool evm_over(bc_evm_t *evm);
static inline int64_t evm_floor(const bc_evm_t *evm, int64_t gas)
{
    return BC_LIKELY(!evm->until_ms) || gas < EVM_TICK_GAS ? 0 : gas - EVM_TICK_GAS;
}
/* A jump has landed below the floor. Returns the gas left; negative: out of gas, or of time. */
int64_t evm_tick(evm_frame_t *f, int64_t gas);

/* Makes memory reach `end` (> mem_n), charges it. Returns the gas left; negative: out of gas, and
 * memory did not grow. */
int64_t evm_mem_expand(evm_frame_t *f, uint64_t end, int64_t gas);

/* Gas after memory covers [off, off+size), negative when that is out of gas. */
static inline int64_t evm_mem_need(evm_frame_t *f, const bc_u256_t *off, const bc_u256_t *size,
                                   int64_t gas)
{
    if (bc_u256_is_zero(size))
        return gas;
    if (BC_UNLIKELY(!bc_u256_is_u64(off) || !bc_u256_is_u64(size) || off->w[0] > EVM_BUFFER_MAX ||
                    size->w[0] > EVM_BUFFER_MAX))
        return -1;
    uint64_t end = off->w[0] + size->w[0];
    return BC_LIKELY(end <= f->mem_n) ? gas : evm_mem_expand(f, end, gas);
}

static inline int64_t evm_words(uint64_t bytes)
{
    return (int64_t)((bytes + 31) / 32);
}

static inline int64_t evm_fail(evm_frame_t *f, bc_evm_status_t status)
{
    f->status = status;
    return -1;
}

/* Instructions off the hot path. top points one past the operands (the first popped is top[-1]);
 * the static price is paid. Each returns the gas left, or a negative number with f->status set. */
int64_t evm_op_keccak(evm_frame_t *f, bc_u256_t *top, int64_t gas);       /* result in top[-2] */
int64_t evm_op_account(evm_frame_t *f, bc_u256_t *top, int64_t gas, int op); /* in top[-1] */
int64_t evm_op_copy(evm_frame_t *f, bc_u256_t *top, int64_t gas, int op);
int64_t evm_op_extcodecopy(evm_frame_t *f, bc_u256_t *top, int64_t gas);
int64_t evm_op_mcopy(evm_frame_t *f, bc_u256_t *top, int64_t gas);
void evm_op_calldataload(evm_frame_t *f, bc_u256_t *top);                 /* in top[-1] */
void evm_op_environment(evm_frame_t *f, bc_u256_t *out, int op);
void evm_op_blockhash(evm_frame_t *f, bc_u256_t *top);                    /* in top[-1] */
int64_t evm_op_sload(evm_frame_t *f, bc_u256_t *top, int64_t gas);        /* in top[-1] */
int64_t evm_op_sstore(evm_frame_t *f, bc_u256_t *top, int64_t gas);
void evm_op_tload(evm_frame_t *f, bc_u256_t *top);                        /* in top[-1] */
int64_t evm_op_tstore(evm_frame_t *f, bc_u256_t *top, int64_t gas);
int64_t evm_op_log(evm_frame_t *f, bc_u256_t *top, int64_t gas, unsigned topics);
int64_t evm_op_selfdestruct(evm_frame_t *f, bc_u256_t *top, int64_t gas);
int64_t evm_op_return(evm_frame_t *f, bc_u256_t *top, int64_t gas);       /* and REVERT */
/* A message that ended at once has its result where the last operand was, f->sp[-1]. Otherwise
 * f->child is to run. */
int64_t evm_op_call(evm_frame_t *f, bc_u256_t *top, int64_t gas, int op);
int64_t evm_op_create(evm_frame_t *f, bc_u256_t *top, int64_t gas, int op);

#endif
