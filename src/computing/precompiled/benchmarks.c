/* CpuHeavy 5200..527f and SmallBank 6200..627f: contracts of benchmarks, which only executor
 * version 0 has (spec/40 §4.6). Both always answer with nothing. */
#include "codec/hex.h"
#include "computing/precompiled/contracts.h"

static bc_pc_end_t sorted(bc_pc_t *pc)
{
    (void)pc; /* it sorts numbers that nobody sees, whatever the selector, and charges nothing */
    return BC_PC_OK;
}

const bc_pc_contract_t bc_pc_cpu_heavy = {
    .number = 0x5200,
    .name = "CpuHeavyPrecompiled",
    .gate = BC_GATE_NONE,
    .unknown = sorted,
};

/* Each of the contracts has its table. */
static bc_bytes_t table(bc_pc_t *pc)
{
    unsigned id = bc_load_be32(pc->code_address.b + 16) - 0x6200;
    return bc_cstr(bc_pc_printf(pc, "/tables/smallbank_transfer%u", id));
}

static bc_pc_end_t before(bc_pc_t *pc)
{
    enum { TABLE_OPEN_ERROR = -51406 };
    if (bc_pc_table_exists(pc, table(pc))) {
        pc->gas_left -= BC_PC_GAS_OPEN_TABLE;
        return BC_PC_OK;
    }
    pc->done = true;
    return bc_pc_ret_int(pc, TABLE_OPEN_ERROR);
}

static bool balance(bc_pc_t *pc, bc_bytes_t user, bc_u256_t *out)
{
    bc_bytes_t v;
    memset(out, 0, sizeof(*out));
    return bc_pc_get(pc, table(pc), user, &v) && bc_u256_parse(v, out) == BC_OK;
}

static void set_balance(bc_pc_t *pc, bc_bytes_t user, const bc_u256_t *v)
{
    char text[80];
    size_t n = (size_t)bc_u256_dec(v, text);
    bc_pc_put(pc, table(pc), user, bc_bytes(text, n));
}

static bc_pc_end_t update_balance(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string,uint256)");
    bc_u256_t old;
    if (a && a[0].s.n && !balance(pc, a[0].s, &old))
        set_balance(pc, a[0].s, &a[1].n);
    return a ? BC_PC_OK : BC_PC_INTERNAL;
}

/* a += b; false when it does not fit. */
static bool add(bc_u256_t *a, const bc_u256_t *b)
{
    unsigned __int128 c = 0;
    for (int i = 0; i < 4; i++) {
        c += (unsigned __int128)a->w[i] + b->w[i];
        a->w[i] = (uint64_t)c;
        c >>= 64;
    }
    return c == 0;
}

/* a -= b; false when there is less. */
static bool take(bc_u256_t *a, const bc_u256_t *b)
{
    uint64_t borrow = 0;
    for (int i = 0; i < 4; i++) {
        unsigned __int128 d = (unsigned __int128)a->w[i] - b->w[i] - borrow;
        a->w[i] = (uint64_t)d;
        borrow = (uint64_t)(d >> 64) & 1;
    }
    return borrow == 0;
}

static bc_pc_end_t send_payment(bc_pc_t *pc)
{
    static const bc_u256_t zero;
    const bc_abi_val_t *a = bc_pc_args(pc, "(string,string,uint256)");
    bc_u256_t from, to;
    if (!a)
        return BC_PC_INTERNAL;
    bool nothing = !(a[2].n.w[0] | a[2].n.w[1] | a[2].n.w[2] | a[2].n.w[3]);
    if (!a[0].s.n || !a[1].s.n || nothing || bc_bytes_eq(a[0].s, a[1].s))
        return BC_PC_OK;
    if (!balance(pc, a[0].s, &from) || !take(&from, &a[2].n))
        return BC_PC_OK;
    if (!balance(pc, a[1].s, &to))
        set_balance(pc, a[1].s, &zero);
    if (!add(&to, &a[2].n))
        return BC_PC_OK;
    set_balance(pc, a[0].s, &from);
    set_balance(pc, a[1].s, &to);
    return BC_PC_OK;
}

static bc_pc_end_t nothing_known(bc_pc_t *pc)
{
    (void)pc;
    return BC_PC_OK;
}

static const bc_pc_function_t functions[] = {
    { "updateBalance(string,uint256)", update_balance },
    { "sendPayment(string,string,uint256)", send_payment },
};

const bc_pc_contract_t bc_pc_small_bank = {
    .number = 0x6200,
    .name = "SmallBankPrecompiled",
    .gate = BC_GATE_NONE,
    .functions = functions,
    .function_cnt = BC_ARRAY_LEN(functions),
    .before = before,
    .unknown = nothing_known,
};
