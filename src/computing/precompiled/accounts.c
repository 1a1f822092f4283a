/* AccountManager 10003, Account 10004 (the code behind /usr/<address>), Balance 1011
 * (spec/40 §4.7). */
#include "codec/hex.h"
#include "computing/precompiled/auth_rows.h"
#include "computing/precompiled/contracts.h"

enum { CODE_ACCOUNT_EXISTS = -51900, CALLERS_MAX = 500, ABOLISHED = 2 };

static const bc_bytes_t none = { 0 };

static bc_bytes_t usr_table(bc_pc_t *pc, const bc_addr_t *a)
{
    return bc_pc_join(pc, BC_STR("/usr/"), bc_pc_addr_hex(pc, a), none);
}

static bc_pc_end_t create_account(bc_pc_t *pc, const bc_addr_t *a, bc_bytes_t abi)
{
    bc_addr_t address = *a;
    int32_t code = 0;
    if (!bc_pc_internal_create(pc, usr_table(pc, a), BC_SYS_ACCOUNT, &address, abi, &code))
        return BC_PC_INTERNAL;
    return code ? BC_PC_FAIL(pc, "Create account error.") : BC_PC_OK;
}

/* --- Account 10004 --- */

static bc_pc_end_t account_before(bc_pc_t *pc)
{
    pc->done = pc->params.p == NULL; /* an empty call: receive() */
    return BC_PC_OK;
}

static bc_pc_end_t set_status(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(uint8)");
    bc_bytes_t row;
    if (!a)
        return BC_PC_INTERNAL;
    if (!bc_pc_table_exists(pc, pc->param))
        return BC_PC_FAIL(pc, "Account table not exist!");
    if (!bc_addr_is(&pc->sender, BC_SYS_ACCOUNT_MANAGER))
        return bc_pc_ret_int(pc, BC_PC_NO_AUTHORIZED);
    uint8_t status = (uint8_t)a[0].n.w[0];
    if (bc_pc_get(pc, pc->param, BC_STR("status"), &row)) {
        if (row.n != 1)
            return BC_PC_INTERNAL;
        if (row.p[0] == ABOLISHED && status != ABOLISHED)
            return BC_PC_FAIL(pc, "Account already abolish, should not set any status.");
        bc_pc_put(pc, pc->param, BC_STR("last_status"), bc_arena_copy(pc->arena, row, NULL));
    } else {
        bc_pc_put(pc, pc->param, BC_STR("last_status"), BC_STR("0"));
    }
    bc_pc_put(pc, pc->param, BC_STR("status"), bc_bytes(&status, 1)); /* the raw byte */
    bc_pc_put(pc, pc->param, BC_STR("last_update"),
              bc_cstr(bc_pc_printf(pc, "%lld", (long long)pc->config->number)));
    return bc_pc_ret_int(pc, 0);
}

static bc_pc_end_t get_status(bc_pc_t *pc)
{
    uint8_t status = 0;
    if (!bc_pc_table_exists(pc, pc->param))
        return BC_PC_FAIL(pc, "Account table not exist!");
    if (!bc_auth_account_status(pc->rows, pc->param, pc->config->number, &status))
        return BC_PC_INTERNAL;
    return bc_pc_ret_int(pc, status);
}

static bool balance_row(bc_pc_t *pc, bc_u256_t *v)
{
    bc_bytes_t row;
    memset(v, 0, sizeof(*v));
    return bc_pc_get(pc, pc->param, BC_STR("balance"), &row) && !bc_u256_parse(row, v);
}

static void put_balance(bc_pc_t *pc, const bc_u256_t *v)
{
    char text[80];
    size_t n = bc_u256_dec(v, text);
    bc_pc_put(pc, pc->param, BC_STR("balance"), bc_bytes(text, n));
}

static bc_pc_end_t get_balance(bc_pc_t *pc)
{
    bc_u256_t v = { { 0 } };
    if (bc_pc_table_exists(pc, pc->param))
        balance_row(pc, &v);
    return bc_pc_ret_u256(pc, &v);
}

static bool may_move(const bc_pc_t *pc)
{
    return bc_addr_is(&pc->sender, BC_SYS_BALANCE) || bc_addr_is(&pc->origin, BC_SYS_BALANCE);
}

static bc_pc_end_t add_balance(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(uint256)");
    bc_u256_t v;
    if (!a)
        return BC_PC_INTERNAL;
    if (!may_move(pc))
        return bc_pc_ret_int(pc, BC_PC_NO_AUTHORIZED);
    if (!bc_pc_table_exists(pc, pc->param)) {
        size_t at = pc->param.n;
        while (at && pc->param.p[at - 1] != '/')
            at--;
        bc_addr_t address = bc_addr_parse(bc_bytes(pc->param.p + at, pc->param.n - at));
        bc_pc_end_t end = create_account(pc, &address, none);
        if (end)
            return end;
    }
    balance_row(pc, &v);
    unsigned __int128 c = 0;
    for (int i = 0; i < 4; i++) {
        c += (unsigned __int128)v.w[i] + a[0].n.w[i];
        v.w[i] = (uint64_t)c;
        c >>= 64;
    }
    if (c)
        return BC_PC_FAIL(pc, "Account balance overflow!");
    put_balance(pc, &v);
    return bc_pc_ret_int(pc, 0);
}

static bc_pc_end_t sub_balance(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(uint256)");
    bc_u256_t v;
    if (!a)
        return BC_PC_INTERNAL;
    if (!may_move(pc))
        return bc_pc_ret_int(pc, BC_PC_NO_AUTHORIZED);
    if (!bc_pc_table_exists(pc, pc->param) || !balance_row(pc, &v))
        return BC_PC_INTERNAL; /* the official NotEnoughCash, which is no PrecompiledError */
    uint64_t borrow = 0;
    for (int i = 0; i < 4; i++) {
        unsigned __int128 d = (unsigned __int128)v.w[i] - a[0].n.w[i] - borrow;
        v.w[i] = (uint64_t)d;
        borrow = (uint64_t)(d >> 64) & 1;
    }
    if (borrow)
        return BC_PC_INTERNAL;
    put_balance(pc, &v);
    return bc_pc_ret_int(pc, 0);
}

static const bc_pc_function_t account_functions[] = {
    { "setAccountStatus(uint8)", set_status },
    { "getAccountStatus()", get_status },
    { "getAccountBalance()", get_balance },
    { "addAccountBalance(uint256)", add_balance },
    { "subAccountBalance(uint256)", sub_balance },
};

const bc_pc_contract_t bc_pc_account = {
    .number = BC_SYS_ACCOUNT,
    .name = "AccountPrecompiled",
    .gate = BC_GATE_NONE,
    .dynamic = true,
    .empty_ok = true,
    .functions = account_functions,
    .function_cnt = BC_ARRAY_LEN(account_functions),
    .before = account_before,
};

/* --- AccountManager 10003 --- */

static bc_pc_end_t set_account_status(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(address,uint8)"), *governors = NULL;
    size_t cnt = 0;
    bc_pc_reply_t r;
    if (!a)
        return BC_PC_INTERNAL;
    bc_addr_t account = bc_pc_addr_arg(&a[0]);
    bc_pc_end_t end = bc_pc_governors(pc, &governors, &cnt);
    if (end)
        return end;
    if (!bc_pc_is_governor(governors, cnt, &pc->sender))
        return bc_pc_ret_int(pc, BC_PC_NO_AUTHORIZED);
    if (bc_pc_is_governor(governors, cnt, &account))
        return BC_PC_FAIL(pc, "Should not set governor's status.");
    bool fresh = !bc_pc_table_exists(pc, usr_table(pc, &account));
    if (fresh) {
        if (bc_pc_table_exists(pc, bc_pc_join(pc, BC_STR("/apps/"), bc_pc_addr_hex(pc, &account), none)))
            return bc_pc_ret_int(pc, CODE_ACCOUNT_EXISTS);
        end = create_account(pc, &account, BC_STR("abi")); /* the official "ABI" of accounts */
        if (end)
            return end;
    }
    bc_abi_val_t status = bc_abi_u64((uint8_t)a[1].n.w[0]);
    bc_bytes_t input = bc_pc_encode(pc, "setAccountStatus(uint8)", "(uint8)", &status, 1);
    bc_pc_call_at(pc, &pc->code_address, &account, 0, input, pc->is_static, &r);
    if (fresh && !r.ok)
        return BC_PC_FAIL(pc, "Set account status failed.");
    return bc_pc_forward(pc, &r);
}

static bc_pc_end_t get_account_status(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(address)");
    bc_pc_reply_t r;
    if (!a)
        return BC_PC_INTERNAL;
    bc_addr_t account = bc_pc_addr_arg(&a[0]);
    bc_pc_call_at(pc, &pc->code_address, &account, 0, bc_pc_encode(pc, "getAccountStatus()", "()", NULL, 0),
                  pc->is_static, &r);
    return r.ok ? bc_pc_forward(pc, &r) : bc_pc_ret_int(pc, 0);
}

static const bc_pc_function_t manager_functions[] = {
    { "setAccountStatus(address,uint8)", set_account_status },
    { "getAccountStatus(address)", get_account_status },
};

const bc_pc_contract_t bc_pc_account_manager = {
    .number = BC_SYS_ACCOUNT_MANAGER,
    .name = "AccountManagerPrecompiled",
    .gate = BC_GATE_NONE,
    .functions = manager_functions,
    .function_cnt = BC_ARRAY_LEN(manager_functions),
};

/* --- Balance 1011 --- */

#define CALLERS BC_STR("s_balance_caller")

/* One function of 10004 on the account's own table. */
static void on_account(bc_pc_t *pc, const bc_addr_t *a, const char *signature, const bc_u256_t *value, bc_pc_reply_t *r)
{
    bc_abi_val_t arg = value ? bc_abi_u256(value) : bc_abi_u64(0);
    bc_abi_val_t table = bc_abi_bytes(bc_pc_contract_table(pc, bc_pc_addr_hex(pc, a)));
    bc_bytes_t inner = bc_pc_encode(pc, signature, value ? "(uint256)" : "()", &arg, value ? 1 : 0);
    bc_abi_val_t items[] = { bc_abi_tuple(&table, 1), bc_abi_bytes(inner) };
    bc_bytes_t input = bc_pc_encode(pc, NULL, "(string[],bytes)", items, 2);
    bc_addr_t self = bc_addr_of(BC_SYS_BALANCE);
    bc_pc_call_at(pc, &self, a, BC_SYS_ACCOUNT, input, pc->is_static, r);
}

static bc_pc_end_t check_caller(bc_pc_t *pc, const char *what)
{
    if (bc_pc_table_exists(pc, CALLERS) && bc_pc_get(pc, CALLERS, bc_pc_addr_hex(pc, &pc->sender), NULL))
        return BC_PC_OK;
    return bc_pc_fail(pc,
                      BC_STR("Permission denied. Please use \"listBalanceGovernor\" to check which "
                             "account(or contract) can "),
                      bc_cstr(what), none);
}

static bc_pc_end_t ensure_account(bc_pc_t *pc, const bc_addr_t *a)
{
    return bc_pc_table_exists(pc, bc_pc_contract_table(pc, bc_pc_addr_hex(pc, a))) ? BC_PC_OK : create_account(pc, a, none);
}

static bc_pc_end_t b_get(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(address)");
    bc_pc_reply_t r;
    if (!a)
        return BC_PC_INTERNAL;
    bc_addr_t account = bc_pc_addr_arg(&a[0]);
    on_account(pc, &account, "getAccountBalance()", NULL, &r);
    return bc_pc_forward(pc, &r);
}

static bc_pc_end_t b_change(bc_pc_t *pc, const char *what, const char *signature)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(address,uint256)");
    bc_pc_reply_t r;
    if (!a)
        return BC_PC_INTERNAL;
    bc_addr_t account = bc_pc_addr_arg(&a[0]);
    bc_pc_end_t end = check_caller(pc, what);
    if (!end)
        end = ensure_account(pc, &account);
    if (end)
        return end;
    on_account(pc, &account, signature, &a[1].n, &r);
    return bc_pc_forward(pc, &r);
}

static bc_pc_end_t b_add(bc_pc_t *pc)
{
    return b_change(pc, "addBalance", "addAccountBalance(uint256)");
}

static bc_pc_end_t b_sub(bc_pc_t *pc)
{
    return b_change(pc, "subBalance", "subAccountBalance(uint256)");
}

static bc_pc_end_t b_transfer(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(address,address,uint256)");
    bc_pc_reply_t r;
    if (!a)
        return BC_PC_INTERNAL;
    bc_addr_t from = bc_pc_addr_arg(&a[0]), to = bc_pc_addr_arg(&a[1]);
    bc_pc_end_t end = check_caller(pc, "transferBalance");
    if (!end)
        end = ensure_account(pc, &from);
    if (end)
        return end;
    on_account(pc, &from, "subAccountBalance(uint256)", &a[2].n, &r);
    if (!r.ok)
        return BC_PC_FAIL(pc, "transfer failed, account subBalance failed, please check the account balance");
    end = ensure_account(pc, &to);
    if (end)
        return end;
    on_account(pc, &to, "addAccountBalance(uint256)", &a[2].n, &r);
    if (r.ok)
        return bc_pc_forward(pc, &r);
    on_account(pc, &from, "addAccountBalance(uint256)", &a[2].n, &r); /* gives it back */
    return r.ok ? BC_PC_FAIL(pc, "transfer failed") : BC_PC_OK;
}

static bc_pc_end_t only_governor(bc_pc_t *pc)
{
    const bc_abi_val_t *list = NULL;
    size_t cnt = 0;
    bc_pc_end_t end = bc_pc_governors(pc, &list, &cnt);
    if (end)
        return end;
    return bc_pc_is_governor(list, cnt, &pc->origin) ? BC_PC_OK
                                                     : BC_PC_FAIL(pc, "only governor can register caller");
}

typedef struct {
    bc_pc_t *pc;
    bc_abi_val_t v[CALLERS_MAX];
    size_t cnt;
} callers_t;

static bool each_caller(void *ctx, bc_bytes_t key, bc_bytes_t value)
{
    callers_t *c = ctx;
    (void)value;
    bc_addr_t a = bc_addr_parse(key);
    c->v[c->cnt++] = bc_abi_addr(&a);
    return c->cnt < CALLERS_MAX;
}

static callers_t *callers(bc_pc_t *pc)
{
    callers_t *c = bc_arena_alloc(pc->arena, sizeof(*c));
    if (c) {
        c->pc = pc;
        bc_rows_scan(pc->rows, bc_rows_table(pc->rows, CALLERS), none, each_caller, c);
    }
    return c;
}

static bc_pc_end_t b_register(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(address)");
    if (!a)
        return BC_PC_INTERNAL;
    bc_addr_t account = bc_pc_addr_arg(&a[0]);
    bc_bytes_t hex = bc_pc_addr_hex(pc, &account);
    bc_pc_end_t end = only_governor(pc);
    if (end)
        return end;
    if (bc_pc_table_exists(pc, CALLERS)) {
        callers_t *c = callers(pc);
        if (!c)
            return BC_PC_INTERNAL;
        if (c->cnt >= CALLERS_MAX)
            return BC_PC_FAIL(pc, "caller table size exceed limit");
        if (bc_pc_get(pc, CALLERS, hex, NULL))
            return BC_PC_FAIL(pc, "caller already exist");
    } else if (!bc_pc_create_table(pc, CALLERS, BC_STR("value"))) {
        return BC_PC_INTERNAL;
    }
    bc_pc_put(pc, CALLERS, hex, BC_STR("1"));
    return bc_pc_ret_int(pc, 0);
}

static bc_pc_end_t b_unregister(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(address)");
    if (!a)
        return BC_PC_INTERNAL;
    bc_addr_t account = bc_pc_addr_arg(&a[0]);
    bc_bytes_t hex = bc_pc_addr_hex(pc, &account);
    bc_pc_end_t end = only_governor(pc);
    if (end)
        return end;
    callers_t *c = bc_pc_table_exists(pc, CALLERS) ? callers(pc) : NULL;
    if (!c)
        return BC_PC_INTERNAL;
    if (c->cnt == 1)
        return BC_PC_FAIL(pc, "BalanceGovernor table only has one account, prohibit to unregister");
    if (!bc_pc_get(pc, CALLERS, hex, NULL))
        return BC_PC_FAIL(pc, "caller not exist");
    bc_rows_del(pc->rows, bc_rows_table(pc->rows, CALLERS), hex);
    return bc_pc_ret_int(pc, 0);
}

static bc_pc_end_t b_list(bc_pc_t *pc)
{
    if (!bc_pc_table_exists(pc, CALLERS))
        return BC_PC_FAIL(pc, "caller table not exist.");
    callers_t *c = callers(pc);
    if (!c)
        return BC_PC_INTERNAL;
    if (!c->cnt)
        return BC_PC_FAIL(pc, "caller table is empty.");
    bc_abi_val_t list = bc_abi_tuple(c->v, c->cnt);
    return bc_pc_ret(pc, "(address[])", &list, 1);
}

static bc_pc_end_t b_unknown(bc_pc_t *pc)
{
    return BC_PC_FAIL(pc, "invalid function selector");
}

static const bc_pc_function_t balance_functions[] = {
    { "getBalance(address)", b_get },
    { "addBalance(address,uint256)", b_add },
    { "subBalance(address,uint256)", b_sub },
    { "transfer(address,address,uint256)", b_transfer },
    { "registerCaller(address)", b_register },
    { "unregisterCaller(address)", b_unregister },
    { "listCaller()", b_list },
};

const bc_pc_contract_t bc_pc_balance = {
    .number = BC_SYS_BALANCE,
    .name = "BalancePrecompiled",
    .gate = BC_F_feature_balance_precompiled,
    .functions = balance_functions,
    .function_cnt = BC_ARRAY_LEN(balance_functions),
    .unknown = b_unknown,
};
