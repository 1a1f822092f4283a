/* The dispatch loop. Per instruction, as evmone does: defined in this revision? stack room and
 * operands? static price? then the work. Common sequences run as one instruction (evm_opcodes.h)
 * when they will get to their end, so that nothing shows it. One function with computed gotos; the
 * operands live on the interpreter's stack region, `sp` is one past the top. Anything that is rare or
 * needs the host is a call into evm_ops.c. The frames are a stack of the bc_evm_t, and one loop runs
 * them all: descend() and ascend() go from one to the other. */
#include "computing/evm/evm_frame.h"
#include "computing/evm/evm_opcodes.h"

static const evm_costs_t costs_by_rev[] = {
    /* balance, extcode*, extcodehash, sload, call*, selfdestruct, exp per byte */
    [BC_EVM_FRONTIER] = { 20, 20, 0, 50, 40, 0, 10 },
    [BC_EVM_HOMESTEAD] = { 20, 20, 0, 50, 40, 0, 10 },
    [BC_EVM_TANGERINE] = { 400, 700, 0, 200, 700, 5000, 10 },
    [BC_EVM_SPURIOUS] = { 400, 700, 0, 200, 700, 5000, 50 },
    [BC_EVM_BYZANTIUM] = { 400, 700, 0, 200, 700, 5000, 50 },
    [BC_EVM_CONSTANTINOPLE] = { 400, 700, 400, 200, 700, 5000, 50 },
    [BC_EVM_PETERSBURG] = { 400, 700, 400, 200, 700, 5000, 50 },
    [BC_EVM_ISTANBUL] = { 700, 700, 700, 800, 700, 5000, 50 },
    [BC_EVM_BERLIN] = { 100, 100, 100, 100, 100, 5000, 50 },
    [BC_EVM_LONDON] = { 100, 100, 100, 100, 100, 5000, 50 },
    [BC_EVM_PARIS] = { 100, 100, 100, 100, 100, 5000, 50 },
    [BC_EVM_SHANGHAI] = { 100, 100, 100, 100, 100, 5000, 50 },
    [BC_EVM_CANCUN] = { 100, 100, 100, 100, 100, 5000, 50 },
};

/* Immediate of n bytes at p, 1..32; constant n makes it straight-line code. The padding of the
 * code allows reading 8 bytes at any place of an immediate. */
static inline __attribute__((always_inline)) void load_push(bc_u256_t *to, const uint8_t *p,
                                                            unsigned n)
{
    unsigned part = n % 8, full = n / 8;
    for (unsigned i = full + (part != 0); i < 4; i++)
        to->w[i] = 0;
    if (part) {
        to->w[full] = bc_load_be64(p) >> (64 - 8 * part);
        p += part;
    }
    for (unsigned i = full; i-- > 0; p += 8)
        to->w[i] = bc_load_be64(p);
}

static inline void swap_words(bc_u256_t *a, bc_u256_t *b)
{
    for (int i = 0; i < 4; i++) {
        uint64_t t = a->w[i];
        a->w[i] = b->w[i];
        b->w[i] = t;
    }
}

static inline void copy_word(bc_u256_t *to, const bc_u256_t *from)
{
    for (int i = 0; i < 4; i++)
        to->w[i] = from->w[i];
}

static inline void set_u64(bc_u256_t *to, uint64_t v)
{
    to->w[0] = v;
    to->w[1] = to->w[2] = to->w[3] = 0;
}

static inline bool is_jumpdest(const bc_evm_code_t *c, const bc_u256_t *to)
{
    return bc_u256_is_u64(to) && to->w[0] < c->n && (c->jumps[to->w[0] / 64] >> (to->w[0] % 64) & 1);
}

static inline uint64_t shift_amount(const bc_u256_t *n)
{
    return bc_u256_is_u64(n) ? n->w[0] : 256;
}

#define CALC2(name, expr)                                                                          \
    static __attribute__((noinline)) void slow_##name(bc_u256_t *sp)                               \
    {                                                                                              \
        const bc_u256_t *a = sp - 1, *b = sp - 2;                                                  \
        sp[-2] = (expr);                                                                           \
    }
#define CALC3(name, expr)                                                                          \
    static __attribute__((noinline)) void slow_##name(bc_u256_t *sp)                               \
    {                                                                                              \
        const bc_u256_t *a = sp - 1, *b = sp - 2, *m = sp - 3;                                     \
        sp[-3] = (expr);                                                                           \
    }
CALC2(div, bc_u256_div(a, b))
CALC2(sdiv, bc_u256_sdiv(a, b))
CALC2(mod, bc_u256_mod(a, b))
CALC2(smod, bc_u256_smod(a, b))
CALC2(exp, bc_u256_exp(a, b))
CALC2(signextend, bc_u256_signextend(a, b))
CALC2(sar, bc_u256_sar(b, shift_amount(a)))
CALC3(addmod, bc_u256_addmod(a, b, m))
CALC3(mulmod, bc_u256_mulmod(a, b, m))

/* ---- frames ---- */

/* Makes f the running frame; false: no stack is left. A host that does not count depth gets
 * there. */
static bool start(evm_frame_t *f, const bc_evm_code_t *code)
{
    bc_evm_t *evm = f->evm;
    if (!evm_region_need(&evm->stack, evm->stack_top + EVM_STACK_MAX * sizeof(bc_u256_t)))
        return false;
    bc_wr_reset(&evm->ret);
    f->code = code;
    f->mem = evm->mem.p + evm->mem_top;
    f->mem_n = 0;
    f->refund = 0;
    f->status = BC_EVM_OUT_OF_GAS;
    f->output = (bc_bytes_t){ 0 };
    f->pc = code->code;
    f->base = f->sp = (bc_u256_t *)(void *)(evm->stack.p + evm->stack_top);
    f->gas = f->msg->gas;
    f->floor = evm_floor(evm, f->gas);
    f->child = NULL;
    return true;
}

/* The message c of f has ended with *r. */
static evm_frame_t *back_to(evm_frame_t *f, evm_frame_t *c, bc_evm_result_t *r)
{
    f->host->end(f->ctx, c->slot, r);
    evm_frame_leave(f, c, r);
    return f;
}

/* From f to the message that it has begun. Returns the frame that runs now. */
static __attribute__((noinline)) evm_frame_t *descend(evm_frame_t *f, bc_evm_result_t *r)
{
    evm_frame_t *c = f->child;
    c->evm = f->evm;
    c->rules = f->rules;
    c->host = f->host;
    c->ctx = c->begun.ctx;
    c->env = f->env;
    c->msg = &c->own;
    c->costs = f->costs;
    c->up = f;
    if (!(BC_UNLIKELY(c->evm->until_ms) && evm_over(c->evm)) && start(c, c->begun.code))
        return c;
    *r = (bc_evm_result_t){ .status = BC_EVM_CALL_DEPTH };
    return back_to(f, c, r);
}

/* f has ended, with what it has left in gas. Returns the frame that runs now; NULL: *r is the
 * result of all. */
static __attribute__((noinline)) evm_frame_t *ascend(evm_frame_t *f, int64_t gas, bc_evm_result_t *r)
{
    bool keeps = f->status == BC_EVM_OK || f->status == BC_EVM_REVERT;
    *r = (bc_evm_result_t){ .status = f->status };
    r->gas_refund = f->status == BC_EVM_OK ? f->refund : 0;
    if (keeps) {
        r->gas_left = gas;
        r->output = f->output;
    }
    return f->up ? back_to(f->up, f, r) : NULL;
}

/* ---- the loop ---- */

#define NEXT(len)                                                                                  \
    do {                                                                                           \
        pc += (len);                                                                               \
        goto *labels[*pc];                                                                         \
    } while (0)
#define SINCE(r)                                                                                   \
    if (BC_UNLIKELY(rev < (r)))                                                                    \
    goto undefined
#define GROW                                                                                       \
    if (BC_UNLIKELY(sp == limit))                                                                  \
    goto overflow
#define WANT(n)                                                                                    \
    if (BC_UNLIKELY(sp < base + (n)))                                                              \
    goto underflow
#define PRICE(n)                                                                                   \
    if (BC_UNLIKELY((gas -= (n)) < 0))                                                             \
    goto failed
#define HELP(call)                                                                                 \
    if (BC_UNLIKELY((gas = (call)) < 0))                                                           \
    goto failed
/* an instruction of two operands that leaves its result in place of the second */
#define INPLACE(price, work)                                                                       \
    do {                                                                                           \
        WANT(2);                                                                                   \
        PRICE(price);                                                                              \
        work;                                                                                      \
        sp--;                                                                                      \
        NEXT(1);                                                                                   \
    } while (0)
#define COMPARE(expr)                                                                              \
    do {                                                                                           \
        WANT(2);                                                                                   \
        PRICE(3);                                                                                  \
        const bc_u256_t *a = sp - 1, *b = sp - 2;                                                  \
        set_u64(sp - 2, expr);                                                                     \
        sp--;                                                                                      \
        NEXT(1);                                                                                   \
    } while (0)
#define BITWISE(o)                                                                                 \
    do {                                                                                           \
        WANT(2);                                                                                   \
        PRICE(3);                                                                                  \
        for (int i = 0; i < 4; i++)                                                                \
            sp[-2].w[i] = sp[-2].w[i] o sp[-1].w[i];                                               \
        sp--;                                                                                      \
        NEXT(1);                                                                                   \
    } while (0)
/* the same by a function of its own: its temporaries stay out of this frame */
#define CALC(n, price, fn)                                                                         \
    do {                                                                                           \
        WANT(n);                                                                                   \
        PRICE(price);                                                                              \
        fn(sp);                                                                                    \
        sp -= (n) - 1;                                                                             \
        NEXT(1);                                                                                   \
    } while (0)
/* to a destination that is one: its JUMPDEST is paid and passed at once */
#define LAND(to)                                                                                   \
    do {                                                                                           \
        pc = f->code->code + (to);                                                                 \
        if (BC_UNLIKELY((gas -= 1) < f->floor))                                                    \
            goto low;                                                                              \
        NEXT(1);                                                                                   \
    } while (0)
/* A fused sequence: it takes n operands and price in all and needs room for one more. Where it
 * would not get to its end, its first instruction runs alone and the others follow, so that the
 * right one fails. */
#define FUSED(n, price, first)                                                                     \
    if (BC_UNLIKELY(sp < base + (n) || sp == limit || gas < (price)))                              \
        goto first;                                                                                \
    gas -= (price)
/* of a DUPn and an instruction of two operands: x is the word that DUPn doubles, y the top */
#define FUSED_DUP(n, price, first, work)                                                           \
    do {                                                                                           \
        FUSED(n, price, first);                                                                    \
        const bc_u256_t *x = sp - (n);                                                             \
        bc_u256_t *y = sp - 1;                                                                     \
        work;                                                                                      \
        NEXT(2);                                                                                   \
    } while (0)
#define PUSHED2(p) ((size_t)(p)[0] << 8 | (p)[1])
#define ENVIRONMENT(price)                                                                         \
    do {                                                                                           \
        GROW;                                                                                      \
        PRICE(price);                                                                              \
        evm_op_environment(f, sp, *pc);                                                            \
        sp++;                                                                                      \
        NEXT(1);                                                                                   \
    } while (0)
#define PUSH_WORD(price, value)                                                                    \
    do {                                                                                           \
        GROW;                                                                                      \
        PRICE(price);                                                                              \
        set_u64(sp, value);                                                                        \
        sp++;                                                                                      \
        NEXT(1);                                                                                   \
    } while (0)
#define PUSH_N(n)                                                                                  \
    push##n : GROW;                                                                                \
    PRICE(3);                                                                                      \
    load_push(sp, pc + 1, n);                                                                      \
    sp++;                                                                                          \
    NEXT(1 + (n))
#define DUP_N(n)                                                                                   \
    dup##n : GROW;                                                                                 \
    WANT(n);                                                                                       \
    PRICE(3);                                                                                      \
    *sp = sp[-(n)];                                                                                \
    sp++;                                                                                          \
    NEXT(1)
#define SWAP_N(n)                                                                                  \
    swap##n : WANT((n) + 1);                                                                       \
    PRICE(3);                                                                                      \
    swap_words(sp - 1, sp - 1 - (n));                                                              \
    NEXT(1)

/* A message has ended at once, or begins with its first instruction. */
#define MESSAGE(call)                                                                              \
    do {                                                                                           \
        HELP(call);                                                                                \
        if (f->child) {                                                                            \
            f->pc = pc + 1;                                                                        \
            f = descend(f, out);                                                                   \
            goto frame;                                                                            \
        }                                                                                          \
        sp = f->sp;                                                                                \
        NEXT(1);                                                                                   \
    } while (0)

/* Runs f, which has started, and the frames above it to the end of f. */
static __attribute__((noinline)) void interpret(evm_frame_t *f, bc_evm_result_t *out)
{
    static const void *const labels[256] = {
        [0x0c ... 0x0f] = &&undefined, [0x1e ... 0x1f] = &&undefined, [0x21 ... 0x2f] = &&undefined,
        [0x4b ... 0x4f] = &&undefined, [0xa5 ... FUSED_NONE] = &&undefined,
        [FUSED_PUSH2_JUMP] = &&push2_jump, [FUSED_PUSH2_JUMPI] = &&push2_jumpi,
        [FUSED_ISZERO_PUSH2_JUMPI] = &&iszero_push2_jumpi, [FUSED_POP_POP] = &&pop_pop,
        [FUSED_POP_JUMP] = &&pop_jump, [FUSED_SWAP1_POP] = &&swap1_pop,
        [FUSED_SWAP2_POP] = &&swap2_pop,
        [FUSED_SWAP3_SWAP2_POP_POP_JUMP] = &&swap3_swap2_pop_pop_jump,
        [FUSED_PUSH1_ADD] = &&push1_add, [FUSED_PUSH1_MLOAD] = &&push1_mload,
        [FUSED_DUP2_MSTORE] = &&dup2_mstore, [FUSED_DUP2_ADD] = &&dup2_add,
        [FUSED_DUP2_SUB] = &&dup2_sub, [FUSED_DUP2_LT] = &&dup2_lt, [FUSED_DUP2_GT] = &&dup2_gt,
        [FUSED_DUP3_ADD] = &&dup3_add, [FUSED_DUP3_MUL] = &&dup3_mul, [FUSED_DUP3_LT] = &&dup3_lt,
        [FUSED_DUP3_GT] = &&dup3_gt, [FUSED_LT_ISZERO] = &&lt_iszero,
        [FUSED_GT_ISZERO] = &&gt_iszero,
        [FUSED_END ... 0xef] = &&undefined, [0xf6 ... 0xf9] = &&undefined,
        [0xfb ... 0xfc] = &&undefined,
        [0x00] = &&stop, [0x01] = &&add, [0x02] = &&mul, [0x03] = &&sub, [0x04] = &&div,
        [0x05] = &&sdiv, [0x06] = &&mod, [0x07] = &&smod, [0x08] = &&addmod, [0x09] = &&mulmod,
        [0x0a] = &&exp, [0x0b] = &&signextend,
        [0x10] = &&lt, [0x11] = &&gt, [0x12] = &&slt, [0x13] = &&sgt, [0x14] = &&eq,
        [0x15] = &&iszero, [0x16] = &&and, [0x17] = &&or, [0x18] = &&xor, [0x19] = &&not,
        [0x1a] = &&byte, [0x1b] = &&shl, [0x1c] = &&shr, [0x1d] = &&sar,
        [0x20] = &&keccak256,
        [0x30] = &&base2, [0x31] = &&balance, [0x32] = &&base2, [0x33] = &&base2,
        [0x34] = &&callvalue, [0x35] = &&calldataload, [0x36] = &&calldatasize, [0x37] = &&copy,
        [0x38] = &&codesize, [0x39] = &&copy, [0x3a] = &&base2, [0x3b] = &&extcodesize,
        [0x3c] = &&extcodecopy, [0x3d] = &&returndatasize, [0x3e] = &&returndatacopy,
        [0x3f] = &&extcodehash,
        [0x40] = &&blockhash, [0x41 ... 0x45] = &&base2, [0x46] = &&chainid,
        [0x47] = &&selfbalance, [0x48] = &&basefee, [0x49] = &&blobhash, [0x4a] = &&blobbasefee,
        [0x50] = &&pop, [0x51] = &&mload, [0x52] = &&mstore, [0x53] = &&mstore8,
        [0x54] = &&sload, [0x55] = &&sstore, [0x56] = &&jump, [0x57] = &&jumpi, [0x58] = &&pc_,
        [0x59] = &&msize, [0x5a] = &&gas_, [0x5b] = &&jumpdest, [0x5c] = &&tload,
        [0x5d] = &&tstore, [0x5e] = &&mcopy, [0x5f] = &&push0,
        [0x60] = &&push1, &&push2, &&push3, &&push4, &&push5, &&push6, &&push7, &&push8,
        &&push9, &&push10, &&push11, &&push12, &&push13, &&push14, &&push15, &&push16,
        &&push17, &&push18, &&push19, &&push20, &&push21, &&push22, &&push23, &&push24,
        &&push25, &&push26, &&push27, &&push28, &&push29, &&push30, &&push31, &&push32,
        &&dup1, &&dup2, &&dup3, &&dup4, &&dup5, &&dup6, &&dup7, &&dup8,
        &&dup9, &&dup10, &&dup11, &&dup12, &&dup13, &&dup14, &&dup15, &&dup16,
        &&swap1, &&swap2, &&swap3, &&swap4, &&swap5, &&swap6, &&swap7, &&swap8,
        &&swap9, &&swap10, &&swap11, &&swap12, &&swap13, &&swap14, &&swap15, &&swap16,
        [0xa0 ... 0xa4] = &&log,
        [0xf0] = &&create, [0xf1] = &&call, [0xf2] = &&call, [0xf3] = &&return_,
        [0xf4] = &&delegatecall, [0xf5] = &&create2, [0xfa] = &&staticcall, [0xfd] = &&revert,
        [0xfe] = &&invalid, [0xff] = &&selfdestruct,
    };
    const bc_evm_rev_t rev = f->rules->rev;
    bc_u256_t *base, *limit, *sp;
    const uint8_t *pc;
    int64_t gas;
frame:
    base = f->base;
    limit = base + EVM_STACK_MAX;
    sp = f->sp;
    pc = f->pc;
    gas = f->gas;
    if (BC_UNLIKELY(gas < 0)) /* a message's host took more than there was */
        goto failed;
    goto *labels[*pc];

    /* ---- arithmetic ---- */
add:
    INPLACE(3, bc_u256_add_carry(sp - 2, sp - 1, sp - 2));
mul:
    INPLACE(5, bc_u256_mul_to(sp - 2, sp - 1, sp - 2));
sub:
    INPLACE(3, bc_u256_sub_borrow(sp - 2, sp - 1, sp - 2));
div:
    CALC(2, 5, slow_div);
sdiv:
    CALC(2, 5, slow_sdiv);
mod:
    CALC(2, 5, slow_mod);
smod:
    CALC(2, 5, slow_smod);
addmod:
    CALC(3, 8, slow_addmod);
mulmod:
    CALC(3, 8, slow_mulmod);
exp:
    WANT(2);
    PRICE(10);
    PRICE((int64_t)((bc_u256_bits(sp - 2) + 7) / 8) * f->costs->exp_byte);
    slow_exp(sp);
    sp--;
    NEXT(1);
signextend:
    CALC(2, 5, slow_signextend);

    /* ---- comparison, bits ---- */
lt:
    COMPARE(bc_u256_lt(a, b));
gt:
    COMPARE(bc_u256_lt(b, a));
slt:
    COMPARE(bc_u256_slt(a, b));
sgt:
    COMPARE(bc_u256_slt(b, a));
eq:
    COMPARE(bc_u256_eq(a, b));
iszero:
    WANT(1);
    PRICE(3);
    set_u64(sp - 1, bc_u256_is_zero(sp - 1));
    NEXT(1);
and:
    BITWISE(&);
or:
    BITWISE(|);
xor:
    BITWISE(^);
not:
    WANT(1);
    PRICE(3);
    for (int i = 0; i < 4; i++)
        sp[-1].w[i] = ~sp[-1].w[i];
    NEXT(1);
byte:
    WANT(2);
    PRICE(3);
    {
        uint64_t i = shift_amount(sp - 1);
        uint64_t v = i < 32 ? sp[-2].w[3 - i / 8] >> (56 - i % 8 * 8) & 0xff : 0;
        set_u64(sp - 2, v);
    }
    sp--;
    NEXT(1);
shl:
    SINCE(BC_EVM_CONSTANTINOPLE);
    INPLACE(3, bc_u256_shl_to(sp - 2, sp - 2, shift_amount(sp - 1)));
shr:
    SINCE(BC_EVM_CONSTANTINOPLE);
    INPLACE(3, bc_u256_shr_to(sp - 2, sp - 2, shift_amount(sp - 1)));
sar:
    SINCE(BC_EVM_CONSTANTINOPLE);
    CALC(2, 3, slow_sar);

keccak256:
    WANT(2);
    PRICE(30);
    HELP(evm_op_keccak(f, sp, gas));
    sp--;
    NEXT(1);

    /* ---- environment ---- */
chainid:
    SINCE(BC_EVM_ISTANBUL);
base2:
    ENVIRONMENT(2);
selfbalance:
    SINCE(BC_EVM_ISTANBUL);
    ENVIRONMENT(5);
basefee:
    SINCE(BC_EVM_LONDON);
    ENVIRONMENT(2);
blobbasefee:
    SINCE(BC_EVM_CANCUN);
    ENVIRONMENT(2);
blobhash:
    SINCE(BC_EVM_CANCUN);
    WANT(1);
    PRICE(3);
    evm_op_environment(f, sp - 1, OP_BLOBHASH);
    NEXT(1);
balance:
    WANT(1);
    PRICE(f->costs->balance);
    HELP(evm_op_account(f, sp, gas, OP_BALANCE));
    NEXT(1);
extcodesize:
    WANT(1);
    PRICE(f->costs->extcode);
    HELP(evm_op_account(f, sp, gas, OP_EXTCODESIZE));
    NEXT(1);
extcodehash:
    SINCE(BC_EVM_CONSTANTINOPLE);
    WANT(1);
    PRICE(f->costs->extcodehash);
    HELP(evm_op_account(f, sp, gas, OP_EXTCODEHASH));
    NEXT(1);
callvalue:
    GROW;
    PRICE(2);
    *sp++ = f->msg->value;
    NEXT(1);
calldataload:
    WANT(1);
    PRICE(3);
    evm_op_calldataload(f, sp);
    NEXT(1);
calldatasize:
    PUSH_WORD(2, f->msg->input.n);
codesize:
    PUSH_WORD(2, f->code->n);
returndatasize:
    SINCE(BC_EVM_BYZANTIUM);
    PUSH_WORD(2, f->evm->ret.n);
returndatacopy:
    SINCE(BC_EVM_BYZANTIUM);
copy:
    WANT(3);
    PRICE(3);
    HELP(evm_op_copy(f, sp, gas, *pc));
    sp -= 3;
    NEXT(1);
extcodecopy:
    WANT(4);
    PRICE(f->costs->extcode);
    HELP(evm_op_extcodecopy(f, sp, gas));
    sp -= 4;
    NEXT(1);
blockhash:
    WANT(1);
    PRICE(20);
    evm_op_blockhash(f, sp);
    NEXT(1);

    /* ---- memory, storage, flow ---- */
pop:
    WANT(1);
    PRICE(2);
    sp--;
    NEXT(1);
mload:
    WANT(1);
    PRICE(3);
    if (BC_UNLIKELY(!bc_u256_is_u64(sp - 1) || sp[-1].w[0] > EVM_BUFFER_MAX))
        goto failed;
    if (BC_UNLIKELY(sp[-1].w[0] + 32 > f->mem_n))
        HELP(evm_mem_expand(f, sp[-1].w[0] + 32, gas));
    load_push(sp - 1, f->mem + sp[-1].w[0], 32);
    NEXT(1);
mstore:
    WANT(2);
    PRICE(3);
    if (BC_UNLIKELY(!bc_u256_is_u64(sp - 1) || sp[-1].w[0] > EVM_BUFFER_MAX))
        goto failed;
    if (BC_UNLIKELY(sp[-1].w[0] + 32 > f->mem_n))
        HELP(evm_mem_expand(f, sp[-1].w[0] + 32, gas));
    bc_u256_to_be(sp - 2, f->mem + sp[-1].w[0]);
    sp -= 2;
    NEXT(1);
mstore8:
    WANT(2);
    PRICE(3);
    if (BC_UNLIKELY(!bc_u256_is_u64(sp - 1) || sp[-1].w[0] > EVM_BUFFER_MAX))
        goto failed;
    if (BC_UNLIKELY(sp[-1].w[0] + 1 > f->mem_n))
        HELP(evm_mem_expand(f, sp[-1].w[0] + 1, gas));
    f->mem[sp[-1].w[0]] = (uint8_t)sp[-2].w[0];
    sp -= 2;
    NEXT(1);
mcopy:
    SINCE(BC_EVM_CANCUN);
    WANT(3);
    PRICE(3);
    HELP(evm_op_mcopy(f, sp, gas));
    sp -= 3;
    NEXT(1);
sload:
    WANT(1);
    PRICE(f->costs->sload);
    HELP(evm_op_sload(f, sp, gas));
    NEXT(1);
sstore:
    WANT(2);
    HELP(evm_op_sstore(f, sp, gas));
    sp -= 2;
    NEXT(1);
tload:
    SINCE(BC_EVM_CANCUN);
    WANT(1);
    PRICE(100);
    evm_op_tload(f, sp);
    NEXT(1);
tstore:
    SINCE(BC_EVM_CANCUN);
    WANT(2);
    PRICE(100);
    HELP(evm_op_tstore(f, sp, gas));
    sp -= 2;
    NEXT(1);
jump:
    WANT(1);
    PRICE(8);
    sp--;
    if (BC_UNLIKELY(!is_jumpdest(f->code, sp)))
        goto bad_jump;
    LAND(sp->w[0]);
jumpi:
    WANT(2);
    PRICE(10);
    sp -= 2;
    if (bc_u256_is_zero(sp))
        NEXT(1);
    if (BC_UNLIKELY(!is_jumpdest(f->code, sp + 1)))
        goto bad_jump;
    LAND(sp[1].w[0]);
low: /* at a JUMPDEST that is paid for */
    HELP(evm_tick(f, gas));
    NEXT(1);
jumpdest:
    PRICE(1);
    NEXT(1);
pc_:
    PUSH_WORD(2, (uint64_t)(pc - f->code->code));
msize:
    PUSH_WORD(2, f->mem_n);
gas_:
    PUSH_WORD(2, (uint64_t)gas);

    /* ---- stack ---- */
push0:
    SINCE(BC_EVM_SHANGHAI);
    PUSH_WORD(2, 0);
    PUSH_N(1);
    PUSH_N(2);
    PUSH_N(3);
    PUSH_N(4);
    PUSH_N(5);
    PUSH_N(6);
    PUSH_N(7);
    PUSH_N(8);
    PUSH_N(9);
    PUSH_N(10);
    PUSH_N(11);
    PUSH_N(12);
    PUSH_N(13);
    PUSH_N(14);
    PUSH_N(15);
    PUSH_N(16);
    PUSH_N(17);
    PUSH_N(18);
    PUSH_N(19);
    PUSH_N(20);
    PUSH_N(21);
    PUSH_N(22);
    PUSH_N(23);
    PUSH_N(24);
    PUSH_N(25);
    PUSH_N(26);
    PUSH_N(27);
    PUSH_N(28);
    PUSH_N(29);
    PUSH_N(30);
    PUSH_N(31);
    PUSH_N(32);
    DUP_N(1);
    DUP_N(2);
    DUP_N(3);
    DUP_N(4);
    DUP_N(5);
    DUP_N(6);
    DUP_N(7);
    DUP_N(8);
    DUP_N(9);
    DUP_N(10);
    DUP_N(11);
    DUP_N(12);
    DUP_N(13);
    DUP_N(14);
    DUP_N(15);
    DUP_N(16);
    SWAP_N(1);
    SWAP_N(2);
    SWAP_N(3);
    SWAP_N(4);
    SWAP_N(5);
    SWAP_N(6);
    SWAP_N(7);
    SWAP_N(8);
    SWAP_N(9);
    SWAP_N(10);
    SWAP_N(11);
    SWAP_N(12);
    SWAP_N(13);
    SWAP_N(14);
    SWAP_N(15);
    SWAP_N(16);

    /* ---- fused sequences ---- */
push2_jump:
    FUSED(0, 3 + 8, push2);
    LAND(PUSHED2(pc + 1));
push2_jumpi:
    FUSED(1, 3 + 10, push2);
    sp--;
    if (bc_u256_is_zero(sp))
        NEXT(4);
    LAND(PUSHED2(pc + 1));
iszero_push2_jumpi:
    FUSED(1, 3 + 3 + 10, iszero);
    sp--;
    if (!bc_u256_is_zero(sp))
        NEXT(5);
    LAND(PUSHED2(pc + 2));
pop_pop:
    FUSED(2, 2 + 2, pop);
    sp -= 2;
    NEXT(2);
pop_jump:
    FUSED(2, 2 + 8, pop);
    sp -= 2;
    if (BC_UNLIKELY(!is_jumpdest(f->code, sp)))
        goto bad_jump;
    LAND(sp->w[0]);
swap1_pop:
    FUSED(2, 3 + 2, swap1);
    copy_word(sp - 2, sp - 1);
    sp--;
    NEXT(2);
swap2_pop:
    FUSED(3, 3 + 2, swap2);
    copy_word(sp - 3, sp - 1);
    sp--;
    NEXT(2);
swap3_swap2_pop_pop_jump:
    FUSED(4, 3 + 3 + 2 + 2 + 8, swap3);
    {
        uint64_t to = sp[-4].w[0];
        if (BC_UNLIKELY(!is_jumpdest(f->code, sp - 4)))
            goto bad_jump;
        copy_word(sp - 4, sp - 1);
        sp -= 3;
        LAND(to);
    }
push1_add:
    FUSED(1, 3 + 3, push1);
    {
        const bc_u256_t n = { { pc[1], 0, 0, 0 } };
        bc_u256_add_carry(sp - 1, sp - 1, &n);
    }
    NEXT(3);
push1_mload:
    FUSED(0, 3 + 3, push1);
    if (BC_UNLIKELY(pc[1] + 32u > f->mem_n)) {
        gas += 3 + 3;
        goto push1;
    }
    load_push(sp, f->mem + pc[1], 32);
    sp++;
    NEXT(3);
dup2_mstore:
    FUSED(2, 3 + 3, dup2);
    if (BC_UNLIKELY(!bc_u256_is_u64(sp - 2) || sp[-2].w[0] > EVM_BUFFER_MAX ||
                    sp[-2].w[0] + 32 > f->mem_n)) {
        gas += 3 + 3;
        goto dup2;
    }
    bc_u256_to_be(sp - 1, f->mem + sp[-2].w[0]);
    sp--;
    NEXT(2);
dup2_add:
    FUSED_DUP(2, 3 + 3, dup2, bc_u256_add_carry(y, y, x));
dup2_sub:
    FUSED_DUP(2, 3 + 3, dup2, bc_u256_sub_borrow(y, x, y));
dup2_lt:
    FUSED_DUP(2, 3 + 3, dup2, set_u64(y, bc_u256_lt(x, y)));
dup2_gt:
    FUSED_DUP(2, 3 + 3, dup2, set_u64(y, bc_u256_lt(y, x)));
dup3_add:
    FUSED_DUP(3, 3 + 3, dup3, bc_u256_add_carry(y, y, x));
dup3_mul:
    FUSED_DUP(3, 3 + 5, dup3, bc_u256_mul_to(y, y, x));
dup3_lt:
    FUSED_DUP(3, 3 + 3, dup3, set_u64(y, bc_u256_lt(x, y)));
dup3_gt:
    FUSED_DUP(3, 3 + 3, dup3, set_u64(y, bc_u256_lt(y, x)));
lt_iszero:
    FUSED(2, 3 + 3, lt);
    set_u64(sp - 2, !bc_u256_lt(sp - 1, sp - 2));
    sp--;
    NEXT(2);
gt_iszero:
    FUSED(2, 3 + 3, gt);
    set_u64(sp - 2, !bc_u256_lt(sp - 2, sp - 1));
    sp--;
    NEXT(2);

    /* ---- logs, calls, ends ---- */
log:
    WANT(2 + (*pc - 0xa0));
    PRICE(375 * (1 + (*pc - 0xa0)));
    HELP(evm_op_log(f, sp, gas, *pc - 0xa0u));
    sp -= 2 + (*pc - 0xa0);
    NEXT(1);
staticcall:
    SINCE(BC_EVM_BYZANTIUM);
delegatecall:
    SINCE(BC_EVM_HOMESTEAD);
    WANT(6);
    PRICE(f->costs->call);
    MESSAGE(evm_op_call(f, sp, gas, *pc));
call:
    WANT(7);
    PRICE(f->costs->call);
    MESSAGE(evm_op_call(f, sp, gas, *pc));
create:
    WANT(3);
    PRICE(32000);
    MESSAGE(evm_op_create(f, sp, gas, OP_CREATE));
create2:
    SINCE(BC_EVM_CONSTANTINOPLE);
    WANT(4);
    PRICE(32000);
    MESSAGE(evm_op_create(f, sp, gas, OP_CREATE2));
return_:
    WANT(2);
    HELP(evm_op_return(f, sp, gas));
    f->status = BC_EVM_OK;
    goto end;
revert:
    SINCE(BC_EVM_BYZANTIUM);
    WANT(2);
    HELP(evm_op_return(f, sp, gas));
    f->status = BC_EVM_REVERT;
    goto end;
selfdestruct:
    WANT(1);
    PRICE(f->costs->selfdestruct);
    HELP(evm_op_selfdestruct(f, sp, gas));
stop:
    f->status = BC_EVM_OK;
    goto end;

undefined:
    f->status = BC_EVM_UNDEFINED;
    goto end;
invalid:
    f->status = BC_EVM_INVALID;
    goto end;
overflow:
    f->status = BC_EVM_STACK_OVERFLOW;
    goto end;
underflow:
    f->status = BC_EVM_STACK_UNDERFLOW;
    goto end;
bad_jump:
    f->status = BC_EVM_BAD_JUMP;
failed: /* f->status was preset, or set by a helper */
end:
    f = ascend(f, gas, out);
    if (f)
        goto frame;
}

void bc_evm_run(bc_evm_t *evm, const bc_evm_rules_t *rules, const bc_evm_host_t *host, void *ctx,
                const bc_evm_env_t *env, const bc_evm_msg_t *msg, bc_evm_code_t *code,
                bc_evm_result_t *out)
{
    *out = (bc_evm_result_t){ .status = BC_EVM_CALL_DEPTH };
    if (evm->live == 0) {
        evm_region_trim(&evm->stack);
        evm_region_trim(&evm->mem);
        evm_region_trim(&evm->frames);
        if (evm->ret.cap > EVM_MEMORY_KEEP)
            bc_wr_free(&evm->ret);
        evm->stack_top = evm->mem_top = evm->frames_top = 0;
    }
    size_t frames_top = evm->frames_top;
    evm_frame_t *f = evm_frame_push(evm, 0);
    if (!f)
        return;
    f->evm = evm;
    f->rules = rules;
    f->host = host;
    f->ctx = ctx;
    f->env = env;
    f->msg = msg;
    f->costs = &costs_by_rev[rules->rev];
    f->up = NULL;
    if (start(f, code)) {
        evm->live++;
        interpret(f, out);
        evm->live--;
    }
    evm->frames_top = frames_top;
}
