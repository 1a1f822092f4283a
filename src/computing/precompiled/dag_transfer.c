/* DagTransfer 100c: a counter of balances for load tests (spec/40 §4.6). */
#include "codec/hex.h"
#include "computing/precompiled/contracts.h"

enum {
    CODE_USER_NAME = -51400,
    CODE_AMOUNT = -51401,
    CODE_NO_USER = -51402,
    CODE_USER_EXISTS = -51403,
    CODE_INSUFFICIENT = -51404,
    CODE_OVERFLOW = -51405,
    CODE_NO_TABLE = -51406,
};

#define TABLE BC_STR("/tables/dag_transfer")

static bc_pc_end_t before(bc_pc_t *pc)
{
    pc->mem = 0; /* only the answer is charged */
    return BC_PC_OK;
}

static bool zero(const bc_u256_t *v)
{
    return !(v->w[0] | v->w[1] | v->w[2] | v->w[3]);
}

static bool less(const bc_u256_t *a, const bc_u256_t *b)
{
    for (int i = 3; i >= 0; i--) {
        if (a->w[i] != b->w[i])
            return a->w[i] < b->w[i];
    }
    return false;
}

static bc_u256_t plus(bc_u256_t a, const bc_u256_t *b)
{
    unsigned __int128 c = 0;
    for (int i = 0; i < 4; i++) {
        c += (unsigned __int128)a.w[i] + b->w[i];
        a.w[i] = (uint64_t)c;
        c >>= 64;
    }
    return a;
}

static bc_u256_t minus(bc_u256_t a, const bc_u256_t *b)
{
    bc_u256_t n, one = { { 1 } };
    for (int i = 0; i < 4; i++)
        n.w[i] = ~b->w[i];
    n = plus(n, &one);
    return plus(a, &n);
}

static bool balance_of(bc_pc_t *pc, bc_bytes_t user, bc_u256_t *v)
{
    bc_bytes_t row;
    memset(v, 0, sizeof(*v));
    return bc_pc_get(pc, TABLE, user, &row) && !bc_u256_parse(row, v);
}

static void put_balance(bc_pc_t *pc, bc_bytes_t user, const bc_u256_t *v)
{
    char text[80];
    size_t n = bc_u256_dec(v, text);
    bc_pc_put(pc, TABLE, user, bc_bytes(text, n));
}

static int add_code(bc_pc_t *pc, bc_bytes_t user, const bc_u256_t *amount)
{
    bc_u256_t v;
    if (!user.n)
        return CODE_USER_NAME;
    if (!bc_pc_table_exists(pc, TABLE))
        return CODE_NO_TABLE;
    if (balance_of(pc, user, &v))
        return CODE_USER_EXISTS;
    put_balance(pc, user, amount);
    return 0;
}

static int save_code(bc_pc_t *pc, bc_bytes_t user, const bc_u256_t *amount)
{
    bc_u256_t v;
    if (!user.n)
        return CODE_USER_NAME;
    if (zero(amount))
        return CODE_AMOUNT;
    if (!bc_pc_table_exists(pc, TABLE))
        return CODE_NO_TABLE;
    balance_of(pc, user, &v);
    bc_u256_t sum = plus(v, amount);
    if (less(&sum, &v))
        return CODE_OVERFLOW;
    put_balance(pc, user, &sum);
    return 0;
}

static int draw_code(bc_pc_t *pc, bc_bytes_t user, const bc_u256_t *amount)
{
    bc_u256_t v;
    if (!user.n)
        return CODE_USER_NAME;
    if (zero(amount))
        return CODE_AMOUNT;
    if (!bc_pc_table_exists(pc, TABLE))
        return CODE_NO_TABLE;
    if (!balance_of(pc, user, &v))
        return CODE_NO_USER;
    if (less(&v, amount))
        return CODE_INSUFFICIENT;
    v = minus(v, amount);
    put_balance(pc, user, &v);
    return 0;
}

static int transfer_code(bc_pc_t *pc, bc_bytes_t from, bc_bytes_t to, const bc_u256_t *amount)
{
    bc_u256_t have, got;
    static const bc_u256_t none;
    if (!from.n || !to.n)
        return CODE_USER_NAME;
    if (zero(amount))
        return CODE_AMOUNT;
    if (bc_bytes_eq(from, to))
        return 0;
    if (!bc_pc_table_exists(pc, TABLE))
        return CODE_NO_TABLE;
    if (!balance_of(pc, from, &have))
        return CODE_NO_USER;
    if (less(&have, amount))
        return CODE_INSUFFICIENT;
    if (!balance_of(pc, to, &got))
        put_balance(pc, to, &none); /* stays even when the sum overflows */
    bc_u256_t sum = plus(got, amount);
    if (less(&sum, &got))
        return CODE_OVERFLOW;
    have = minus(have, amount);
    put_balance(pc, from, &have);
    put_balance(pc, to, &sum);
    return 0;
}

static bc_pc_end_t user_add(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string,uint256)");
    return a ? bc_pc_ret_int(pc, add_code(pc, a[0].s, &a[1].n)) : BC_PC_INTERNAL;
}

static bc_pc_end_t user_save(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string,uint256)");
    return a ? bc_pc_ret_int(pc, save_code(pc, a[0].s, &a[1].n)) : BC_PC_INTERNAL;
}

static bc_pc_end_t user_draw(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string,uint256)");
    return a ? bc_pc_ret_int(pc, draw_code(pc, a[0].s, &a[1].n)) : BC_PC_INTERNAL;
}

static bc_pc_end_t user_transfer(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string,string,uint256)");
    return a ? bc_pc_ret_int(pc, transfer_code(pc, a[0].s, a[1].s, &a[2].n)) : BC_PC_INTERNAL;
}

static bc_pc_end_t user_balance(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string)");
    bc_u256_t v = { { 0 } };
    if (!a)
        return BC_PC_INTERNAL;
    int code = 0;
    if (!a[0].s.n)
        code = CODE_USER_NAME;
    else if (!bc_pc_table_exists(pc, TABLE))
        code = CODE_NO_TABLE;
    else if (!balance_of(pc, a[0].s, &v))
        code = CODE_NO_USER;
    bc_pc_ret_int(pc, code);
    return bc_pc_ret_u256(pc, &v);
}

static bc_pc_end_t unknown(bc_pc_t *pc)
{
    (void)pc;
    return BC_PC_OK;
}

static const bc_pc_function_t functions[] = {
    { "userAdd(string,uint256)", user_add },
    { "userSave(string,uint256)", user_save },
    { "userDraw(string,uint256)", user_draw },
    { "userTransfer(string,string,uint256)", user_transfer },
    { "userBalance(string)", user_balance },
};

const bc_pc_contract_t bc_pc_dag_transfer = {
    .number = BC_SYS_DAG_TRANSFER,
    .name = "DagTransferPrecompiled",
    .gate = BC_GATE_NONE,
    .priced = true,
    .functions = functions,
    .function_cnt = BC_ARRAY_LEN(functions),
    .before = before,
    .unknown = unknown,
};
