/* AuthManager 1005 and ContractAuthMgr 10002, which does the work in a nested message
 * (spec/40 §7.3). */
#include "codec/archive.h"
#include "codec/hex.h"
#include "computing/precompiled/auth_rows.h"
#include "computing/precompiled/contracts.h"

static const bc_bytes_t none = { 0 };

static bc_bytes_t hex_arg(bc_pc_t *pc, const bc_abi_val_t *v)
{
    bc_addr_t a = bc_pc_addr_arg(v);
    return bc_pc_addr_hex(pc, &a);
}

/* --- 10002 --- */

static bc_pc_end_t only_manager(bc_pc_t *pc)
{
    return bc_addr_is(&pc->sender, BC_SYS_AUTH) ? BC_PC_OK : BC_PC_INTERNAL;
}

static bc_pc_end_t ret_text(bc_pc_t *pc, bc_bytes_t text)
{
    bc_abi_val_t v = bc_abi_bytes(text);
    return bc_pc_ret(pc, "(string)", &v, 1);
}

static bc_pc_end_t c_get_admin(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(address)");
    if (!a)
        return BC_PC_INTERNAL;
    bc_bytes_t table = bc_auth_table(pc->arena, hex_arg(pc, &a[0])), row;
    if (!bc_pc_table_exists(pc, table) && !bc_pc_since(pc, 3))
        return BC_PC_FAIL(pc, "Contract address not found.");
    if (!bc_pc_table_exists(pc, table))
        return ret_text(pc, BC_STR("0000000000000000000000000000000000000000"));
    if (!bc_pc_get(pc, table, BC_STR("admin"), &row))
        return BC_PC_FAIL(pc, "Contract Admin row not found.");
    return ret_text(pc, row);
}

static bc_pc_end_t c_reset_admin(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(address,address)");
    if (!a)
        return BC_PC_INTERNAL;
    bc_bytes_t hex = hex_arg(pc, &a[0]), table = bc_auth_table(pc->arena, hex);
    if (!bc_pc_table_exists(pc, table) || !bc_pc_get(pc, table, BC_STR("admin"), NULL)) {
        if (!bc_pc_table_exists(pc, bc_pc_join(pc, BC_STR("/apps/"), hex, none)))
            return BC_PC_FAIL(pc, "Contract address not found.");
        if (!bc_pc_create_table(pc, table, BC_STR("value")))
            return BC_PC_INTERNAL;
        bc_pc_put(pc, table, BC_STR("status"), BC_STR("normal"));
    }
    bc_pc_put(pc, table, BC_STR("admin"), hex_arg(pc, &a[1]));
    return bc_pc_ret_int(pc, 0);
}

static bc_bytes_t byte_value(bc_pc_t *pc, uint8_t v)
{
    return bc_arena_copy(pc->arena, bc_bytes(&v, 1), NULL);
}

static bc_pc_end_t c_set_method_type(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(address,bytes4,uint8)");
    if (!a)
        return BC_PC_INTERNAL;
    bc_bytes_t table = bc_auth_table(pc->arena, hex_arg(pc, &a[0])), row;
    bc_auth_map_t m;
    if (!bc_pc_table_exists(pc, table))
        return bc_pc_ret_int(pc, BC_PC_TABLE_NOT_EXIST);
    if (!bc_pc_get(pc, table, BC_STR("method_auth_type"), &row))
        return bc_pc_ret_int(pc, BC_AUTH_ROW_NOT_EXIST);
    if (bc_auth_map_decode(bc_arena_copy(pc->arena, row, NULL), false, &m, pc->arena) ||
        bc_auth_map_set(&m, a[1].s, byte_value(pc, (uint8_t)a[2].n.w[0]), pc->arena))
        return BC_PC_INTERNAL;
    bc_pc_put(pc, table, BC_STR("method_auth_type"), bc_auth_map_encode(&m, pc->arena));
    return bc_pc_ret_int(pc, 0);
}

static bc_pc_end_t c_set_method(bc_pc_t *pc, bool close)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(address,bytes4,address)");
    if (!a)
        return BC_PC_INTERNAL;
    bc_bytes_t table = bc_auth_table(pc->arena, hex_arg(pc, &a[0])), row = none;
    bc_auth_map_t methods, accounts = { 0 };
    if (!bc_pc_table_exists(pc, table))
        return bc_pc_ret_int(pc, BC_PC_TABLE_NOT_EXIST);
    int type = bc_auth_method_type(pc->rows, table, a[1].s, pc->arena);
    if (type != BC_AUTH_WHITE && type != BC_AUTH_BLACK)
        return bc_pc_ret_int(pc, BC_AUTH_BAD_TYPE);
    bc_bytes_t key = type == BC_AUTH_WHITE ? BC_STR("method_auth_white") : BC_STR("method_auth_black");
    bc_pc_get(pc, table, key, &row);
    if (bc_auth_map_decode(bc_arena_copy(pc->arena, row, NULL), true, &methods, pc->arena))
        return bc_pc_ret_int(pc, BC_AUTH_ROW_NOT_EXIST);
    const bc_bytes_t *list = bc_auth_map_find(&methods, a[1].s);
    uint8_t access = close ? type == BC_AUTH_BLACK : type == BC_AUTH_WHITE;
    if ((list && bc_auth_map_decode(*list, false, &accounts, pc->arena)) ||
        bc_auth_map_set(&accounts, hex_arg(pc, &a[2]), byte_value(pc, access), pc->arena) ||
        bc_auth_map_set(&methods, a[1].s, bc_auth_map_encode(&accounts, pc->arena), pc->arena))
        return BC_PC_INTERNAL;
    bc_pc_put(pc, table, key, bc_auth_map_encode(&methods, pc->arena));
    return bc_pc_ret_int(pc, 0);
}

static bc_pc_end_t c_open_method(bc_pc_t *pc)
{
    return c_set_method(pc, false);
}

static bc_pc_end_t c_close_method(bc_pc_t *pc)
{
    return c_set_method(pc, true);
}

static bc_pc_end_t c_check_method(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(address,bytes4,address)");
    if (!a)
        return BC_PC_INTERNAL;
    return bc_pc_ret_int(pc, bc_auth_method_allowed(pc->rows, hex_arg(pc, &a[0]), a[1].s, hex_arg(pc, &a[2]), pc->arena));
}

static bc_pc_end_t c_get_method(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(address,bytes4)");
    if (!a)
        return BC_PC_INTERNAL;
    bc_bytes_t table = bc_auth_table(pc->arena, hex_arg(pc, &a[0])), row = none;
    bc_auth_map_t methods = { 0 }, accounts = { 0 };
    int type = bc_auth_method_type(pc->rows, table, a[1].s, pc->arena);
    if (type >= 0) {
        bc_pc_get(pc, table, type == BC_AUTH_WHITE ? BC_STR("method_auth_white") : BC_STR("method_auth_black"), &row);
        if (bc_auth_map_decode(bc_arena_copy(pc->arena, row, NULL), true, &methods, pc->arena))
            return BC_PC_INTERNAL;
    }
    const bc_bytes_t *list = bc_auth_map_find(&methods, a[1].s);
    if (list && bc_auth_map_decode(*list, false, &accounts, pc->arena))
        return BC_PC_INTERNAL;
    bc_abi_val_t *open = bc_arena_alloc(pc->arena, (accounts.cnt + 1) * sizeof(*open));
    bc_abi_val_t *closed = bc_arena_alloc(pc->arena, (accounts.cnt + 1) * sizeof(*closed));
    size_t open_cnt = 0, closed_cnt = 0;
    if (!open || !closed)
        return BC_PC_INTERNAL;
    for (size_t i = 0; i < accounts.cnt; i++) {
        bool access = type == (accounts.v[i].value.p[0] ? BC_AUTH_WHITE : BC_AUTH_BLACK);
        if (access)
            open[open_cnt++] = bc_abi_bytes(accounts.v[i].key);
        else
            closed[closed_cnt++] = bc_abi_bytes(accounts.v[i].key);
    }
    return bc_pc_ret(pc, "(uint8,string[],string[])",
                     (bc_abi_val_t[]){ bc_abi_u64(type > 0 ? (uint64_t)type : 0), bc_abi_tuple(open, open_cnt),
                                       bc_abi_tuple(closed, closed_cnt) },
                     3);
}

static bc_pc_end_t c_put_status(bc_pc_t *pc, bc_bytes_t table, bc_bytes_t status, bool again)
{
    bc_bytes_t row;
    if (bc_pc_get(pc, table, BC_STR("status"), &row) && bc_bytes_eq(row, BC_STR("abolish")) &&
        !(again && bc_bytes_eq(status, BC_STR("abolish"))))
        return BC_PC_FAIL(pc, "Contract already abolish, should not set any status.");
    bc_pc_put(pc, table, BC_STR("status"), status);
    return bc_pc_ret_int(pc, 0);
}

static bc_pc_end_t c_freeze(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(address,bool)");
    if (!a)
        return BC_PC_INTERNAL;
    bc_bytes_t table = bc_auth_table(pc->arena, hex_arg(pc, &a[0]));
    if (!bc_pc_table_exists(pc, table))
        return bc_pc_ret_int(pc, BC_PC_TABLE_NOT_EXIST);
    return c_put_status(pc, table, a[1].n.w[0] ? BC_STR("frozen") : BC_STR("normal"), false);
}

static bc_pc_end_t c_set_status(bc_pc_t *pc)
{
    static const char *const names[] = { "normal", "frozen", "abolish" };
    const bc_abi_val_t *a = bc_pc_args(pc, "(address,uint8)");
    if (!a)
        return BC_PC_INTERNAL;
    bc_bytes_t table = bc_auth_table(pc->arena, hex_arg(pc, &a[0]));
    uint8_t status = (uint8_t)a[1].n.w[0];
    if (!bc_pc_table_exists(pc, table))
        return bc_pc_ret_int(pc, BC_PC_TABLE_NOT_EXIST);
    if (status >= BC_ARRAY_LEN(names))
        return BC_PC_FAIL(pc, "Unrecognized status type.");
    return c_put_status(pc, table, bc_cstr(names[status]), true);
}

static bc_pc_end_t c_available(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(address)");
    if (!a)
        return BC_PC_INTERNAL;
    int status = bc_auth_contract_status(pc->rows, hex_arg(pc, &a[0]), pc->arena);
    return status < 0 ? BC_PC_FAIL(pc, "Cannot get contract status") : bc_pc_ret_int(pc, status == 0);
}

static const bc_pc_function_t contract_functions[] = {
    { "getAdmin(address)", c_get_admin },
    { "resetAdmin(address,address)", c_reset_admin },
    { "setMethodAuthType(address,bytes4,uint8)", c_set_method_type },
    { "openMethodAuth(address,bytes4,address)", c_open_method },
    { "closeMethodAuth(address,bytes4,address)", c_close_method },
    { "checkMethodAuth(address,bytes4,address)", c_check_method },
    { "getMethodAuth(address,bytes4)", c_get_method },
    { "setContractStatus(address,bool)", c_freeze },
    { "setContractStatus(address,uint8)", c_set_status, 2 },
    { "contractAvailable(address)", c_available },
};

const bc_pc_contract_t bc_pc_contract_auth = {
    .number = BC_SYS_CONTRACT_AUTH,
    .name = "ContractAuthMgrPrecompiled",
    .gate = BC_GATE_NONE,
    .functions = contract_functions,
    .function_cnt = BC_ARRAY_LEN(contract_functions),
    .before = only_manager,
};

/* --- 1005 --- */

/* The same input, run by 10002 on the contract's account. */
static void pass_on(bc_pc_t *pc, const bc_addr_t *contract, bc_bytes_t input, bc_pc_reply_t *r)
{
    bc_addr_t self = bc_addr_of(BC_SYS_AUTH);
    bc_pc_call_at(pc, &self, contract, BC_SYS_CONTRACT_AUTH, input, pc->is_static, r);
}

static bc_pc_end_t admin_of(bc_pc_t *pc, const bc_addr_t *contract, bc_bytes_t *hex)
{
    bc_pc_reply_t r;
    bc_abi_val_t arg = bc_abi_addr(contract), v = { 0 };
    pass_on(pc, contract, bc_pc_encode(pc, "getAdmin(address)", "(address)", &arg, 1), &r);
    if (!r.ok)
        return BC_PC_FAIL(pc, "Please check the existence of contract.");
    bc_err_t err = bc_abi_decode("(string)", r.data, &v, pc->arena);
    if (err && err != BC_E_FORMAT)
        return BC_PC_INTERNAL;
    *hex = v.items[0].s;
    return BC_PC_OK;
}

static bc_pc_end_t forward(bc_pc_t *pc, const bc_addr_t *contract)
{
    bc_pc_reply_t r;
    pass_on(pc, contract, pc->input, &r);
    return bc_pc_forward(pc, &r);
}

static bc_pc_end_t get_admin(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(address)");
    bc_bytes_t hex;
    if (!a)
        return BC_PC_INTERNAL;
    bc_addr_t contract = bc_pc_addr_arg(&a[0]);
    bc_pc_end_t end = admin_of(pc, &contract, &hex);
    if (end)
        return end;
    bc_addr_t admin = bc_addr_parse(hex);
    return bc_pc_ret_addr(pc, &admin);
}

static bc_pc_end_t reset_admin(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(address,address)");
    if (!a)
        return BC_PC_INTERNAL;
    if (!bc_addr_is(&pc->sender, BC_SYS_COMMITTEE))
        return bc_pc_ret_int(pc, BC_PC_NO_AUTHORIZED);
    bc_addr_t contract = bc_pc_addr_arg(&a[0]);
    return forward(pc, &contract);
}

/* Whatever only the contract's admin may do: its first argument is the contract. */
static bc_pc_end_t by_admin(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(address)");
    bc_bytes_t admin;
    if (!a)
        return BC_PC_INTERNAL;
    bc_addr_t contract = bc_pc_addr_arg(&a[0]);
    bc_pc_end_t end = admin_of(pc, &contract, &admin);
    if (end)
        return end;
    if (!bc_bytes_eq(admin, bc_pc_addr_hex(pc, &pc->sender)))
        return bc_pc_ret_int(pc, BC_PC_NO_AUTHORIZED);
    return forward(pc, &contract);
}

static bc_pc_end_t by_anyone(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(address)");
    if (!a)
        return BC_PC_INTERNAL;
    bc_addr_t contract = bc_pc_addr_arg(&a[0]);
    return forward(pc, &contract);
}

/* Row "apps" of "/": its fields 2..4 are deploy type, white list, black list. */
static bool apps_row(bc_pc_t *pc, bc_bytes_t **fields, size_t *cnt)
{
    bc_bytes_t row;
    return bc_pc_get(pc, BC_STR("/"), BC_STR("apps"), &row) &&
           !bc_archive_get_strings(bc_arena_copy(pc->arena, row, NULL), fields, cnt, pc->arena) && *cnt >= 5;
}

static void put_apps_row(bc_pc_t *pc, const bc_bytes_t *fields, size_t cnt)
{
    bc_wr_t w = { 0 };
    bc_archive_put_strings(&w, fields, cnt);
    bc_pc_put(pc, BC_STR("/"), BC_STR("apps"), bc_wr_view(&w));
    bc_wr_free(&w);
}

static uint64_t deploy_type_of(const bc_bytes_t *fields)
{
    bc_u256_t v;
    return bc_u256_parse(fields[2], &v) ? 0 : v.w[0];
}

static bc_pc_end_t deploy_type(bc_pc_t *pc)
{
    bc_bytes_t *f;
    size_t cnt;
    return bc_pc_ret_int(pc, apps_row(pc, &f, &cnt) ? (int64_t)deploy_type_of(f) : 0);
}

static bc_pc_end_t set_deploy_type(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(uint8)");
    bc_bytes_t *f;
    size_t cnt;
    if (!a)
        return BC_PC_INTERNAL;
    if (!bc_addr_is(&pc->sender, BC_SYS_COMMITTEE))
        return bc_pc_ret_int(pc, BC_PC_NO_AUTHORIZED);
    unsigned type = (uint8_t)a[0].n.w[0];
    if (type > BC_AUTH_BLACK)
        return bc_pc_ret_int(pc, BC_AUTH_BAD_TYPE);
    if (!apps_row(pc, &f, &cnt))
        return BC_PC_INTERNAL;
    f[2] = bc_cstr(bc_pc_printf(pc, "%u", type));
    put_apps_row(pc, f, cnt);
    return bc_pc_ret_int(pc, 0);
}

static bc_pc_end_t set_deploy(bc_pc_t *pc, bool close)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(address)");
    bc_bytes_t *f;
    size_t cnt;
    bc_auth_map_t m;
    if (!a)
        return BC_PC_INTERNAL;
    if (!bc_addr_is(&pc->sender, BC_SYS_COMMITTEE))
        return bc_pc_ret_int(pc, BC_PC_NO_AUTHORIZED);
    if (!apps_row(pc, &f, &cnt))
        return BC_PC_INTERNAL;
    uint64_t type = deploy_type_of(f);
    size_t at = type == BC_AUTH_WHITE ? 3 : 4;
    uint8_t access = close ? type == BC_AUTH_BLACK : type == BC_AUTH_WHITE;
    if (bc_auth_map_decode(f[at], false, &m, pc->arena) ||
        bc_auth_map_set(&m, hex_arg(pc, &a[0]), byte_value(pc, access), pc->arena))
        return BC_PC_INTERNAL;
    f[at] = bc_auth_map_encode(&m, pc->arena);
    put_apps_row(pc, f, cnt);
    return bc_pc_ret_int(pc, 0);
}

static bc_pc_end_t open_deploy(bc_pc_t *pc)
{
    return set_deploy(pc, false);
}

static bc_pc_end_t close_deploy(bc_pc_t *pc)
{
    return set_deploy(pc, true);
}

static bc_pc_end_t has_deploy(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(address)");
    bc_bytes_t *f;
    size_t cnt;
    bc_auth_map_t m;
    if (!a)
        return BC_PC_INTERNAL;
    if (!apps_row(pc, &f, &cnt))
        return bc_pc_ret_int(pc, 1);
    uint64_t type = deploy_type_of(f);
    if (type == BC_AUTH_NONE)
        return bc_pc_ret_int(pc, 1);
    bool black = type == BC_AUTH_BLACK;
    if (bc_auth_map_decode(f[type == BC_AUTH_WHITE ? 3 : 4], false, &m, pc->arena))
        return BC_PC_INTERNAL;
    const bc_bytes_t *flag = bc_auth_map_find(&m, hex_arg(pc, &a[0]));
    if (!flag)
        return bc_pc_ret_int(pc, black);
    return bc_pc_ret_int(pc, black ? !flag->p[0] : flag->p[0] != 0);
}

/* The committee is always there on chains that this executor runs. */
static bc_pc_end_t init_auth(bc_pc_t *pc)
{
    return BC_PC_FAIL(pc, "Committee contract already exist.");
}

static const bc_pc_function_t functions[] = {
    { "getAdmin(address)", get_admin },
    { "resetAdmin(address,address)", reset_admin },
    { "setMethodAuthType(address,bytes4,uint8)", by_admin },
    { "openMethodAuth(address,bytes4,address)", by_admin },
    { "closeMethodAuth(address,bytes4,address)", by_admin },
    { "checkMethodAuth(address,bytes4,address)", by_anyone },
    { "getMethodAuth(address,bytes4)", by_anyone },
    { "setContractStatus(address,bool)", by_admin },
    { "setContractStatus(address,uint8)", by_admin, 2 },
    { "contractAvailable(address)", by_anyone },
    { "deployType()", deploy_type },
    { "setDeployAuthType(uint8)", set_deploy_type },
    { "openDeployAuth(address)", open_deploy },
    { "closeDeployAuth(address)", close_deploy },
    { "hasDeployAuth(address)", has_deploy },
    { "initAuth(string)", init_auth, 3 },
};

const bc_pc_contract_t bc_pc_auth = {
    .number = BC_SYS_AUTH,
    .name = "AuthManagerPrecompiled",
    .gate = BC_GATE_NONE,
    .functions = functions,
    .function_cnt = BC_ARRAY_LEN(functions),
};
