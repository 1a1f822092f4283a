/* SystemConfig 1000: the chain's own configuration (spec/40 §4.2). */
#include <ctype.h>
#include <stdio.h>

#include "codec/archive.h"
#include "codec/hex.h"
#include "computing/precompiled/contracts.h"

static const bc_bytes_t none = { 0 };

/* Keys with a lower bound, and the version that brought them; a number is what int64 text says. */
static const struct {
    const char *key;
    int64_t min;
    uint32_t since;
} bounds[] = {
    { "tx_gas_limit", 100000 },
    { "consensus_leader_period", 1 },
    { "tx_count_limit", 1 },
    { "auth_check_status", 0, 0x03030000 },
    { "feature_rpbft_epoch_block_num", 1, 0x03050000 },
    { "feature_rpbft_epoch_sealer_num", 1, 0x03050000 },
    { "balance_transfer", 0, 0x030a0200 },
    { "executor_version", 0, 0x030f0000 },
};

static bool is(bc_bytes_t s, const char *lit)
{
    return bc_bytes_eq(s, bc_cstr(lit));
}

static bc_bytes_t lower(bc_pc_t *pc, bc_bytes_t s)
{
    bc_bytes_t copy = bc_arena_copy(pc->arena, s, NULL);
    uint8_t *p = (uint8_t *)(uintptr_t)copy.p;
    for (size_t i = 0; i < copy.n; i++) {
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (uint8_t)(p[i] + 32);
    }
    return copy;
}

/* boost::lexical_cast<int64_t>: optional sign, digits, nothing else. */
static bool int64_text(bc_bytes_t s, int64_t *out)
{
    if (s.n && s.p[0] == '+')
        s = bc_bytes(s.p + 1, s.n - 1);
    else if (s.n > 1 && s.p[0] == '-' && s.p[1] == '-')
        return false;
    return s.n && !bc_dec_i64(s, out);
}

static bc_pc_end_t bad_number(bc_pc_t *pc, bc_bytes_t key)
{
    return bc_pc_fail(pc, BC_STR("The value for "), key, BC_STR(" must be a valid number."));
}

static bc_pc_end_t check_flag(bc_pc_t *pc, bc_feature_t flag, bc_bytes_t key, bc_bytes_t value)
{
    if (!is(value, "1"))
        return bad_number(pc, key);
    if (flag == BC_F_feature_balance_precompiled && !bc_pc_flag(pc, BC_F_feature_balance))
        return BC_PC_FAIL(pc, "must set feature_balance first");
    if (flag == BC_F_feature_balance_policy1 && !bc_pc_flag(pc, BC_F_feature_balance_precompiled))
        return BC_PC_FAIL(pc, "must set feature_balance_precompiled first");
    return BC_PC_OK;
}

static bc_pc_end_t bad_version(bc_pc_t *pc, bc_bytes_t key)
{
    return bc_pc_fail(pc, BC_STR("Invalid value for "), key,
                      BC_STR(". The version must be in format of "
                             "major_version.middle_version.minimum_version, and the minimum version is "
                             "optional. The major version must between 3 to 255"));
}

static bc_pc_end_t check_version(bc_pc_t *pc, bc_bytes_t key, bc_bytes_t value, uint32_t *version)
{
    if (bc_version_parse(value, version))
        return bad_version(pc, key);
    return *version < pc->config->version && bc_pc_since(pc, 1) ? bad_number(pc, key) : BC_PC_OK;
}

static bool hex_price(bc_bytes_t s)
{
    if (s.n < 2 || s.p[0] != '0' || s.p[1] != 'x')
        return false;
    for (size_t i = 2; i < s.n; i++) {
        if (!isxdigit(s.p[i]))
            return false;
    }
    return true;
}

static bc_pc_end_t check_bound(bc_pc_t *pc, bc_bytes_t key, int64_t value, int64_t min)
{
    if (value < min) {
        char *tail = bc_pc_printf(pc, " must be no less than %lld", (long long)min);
        bc_bytes_t head = bc_cstr(bc_pc_printf(pc, "Invalid value %lld ,the value for ", (long long)value));
        return bc_pc_fail(pc, head, key, bc_cstr(tail));
    }
    if (is(key, "auth_check_status") && value > 255)
        return BC_PC_FAIL(pc, "Invalid status value, must less than 255");
    return BC_PC_OK;
}

/* *version: the new compatibility version when that is the key. */
static bc_pc_end_t check(bc_pc_t *pc, bc_bytes_t key, bc_bytes_t value, uint32_t *version)
{
    bc_feature_t flag;
    bool is_flag = bc_feature_find(key, &flag) == BC_OK;
    bool converted = is(key, "compatibility_version") || is(key, "tx_gas_price") || is(key, "web3_chain_id");
    size_t b = 0;
    while (b < BC_ARRAY_LEN(bounds) && !is(key, bounds[b].key))
        b++;
    if (!is_flag && !converted && b == BC_ARRAY_LEN(bounds))
        return bc_pc_fail(pc, BC_STR("unsupported key "), key, none);
    if (!value.n)
        return bc_pc_fail(pc, BC_STR("The value for "), key, BC_STR(" must be non-empty."));
    if (is_flag)
        return check_flag(pc, flag, key, value);
    if (is(key, "compatibility_version"))
        return check_version(pc, key, value, version);
    if (is(key, "tx_gas_price"))
        return hex_price(value) && bc_pc_since(pc, 6) ? BC_PC_OK : bad_number(pc, key);
    if (is(key, "web3_chain_id")) {
        if (!bc_pc_since(pc, 9))
            return bad_version(pc, key);
        bc_u256_t v;
        bool ok = !bc_u256_parse(value, &v) && !(v.w[1] | v.w[2] | v.w[3]) && v.w[0] <= UINT32_MAX;
        return ok ? BC_PC_OK : bad_number(pc, key);
    }
    int64_t n = 0;
    if (!int64_text(value, &n))
        return bad_number(pc, key);
    if (pc->config->version < bounds[b].since)
        return bc_pc_fail(pc, BC_STR("unsupported key "), key, none);
    return check_bound(pc, key, n, bounds[b].min);
}

static void put_config(bc_pc_t *pc, bc_bytes_t key, bc_bytes_t value, int64_t enable)
{
    bc_wr_t w = { 0 };
    bc_archive_put_config(&w, value, enable);
    bc_pc_put(pc, BC_STR("s_config"), key, bc_wr_view(&w));
    bc_wr_free(&w);
}

/* 3.0 had another file system, and code in the accounts. */
static bc_pc_end_t leave_v30(bc_pc_t *pc, uint32_t to)
{
    bc_addr_t self = bc_addr_of(BC_SYS_CONFIG);
    bc_pc_reply_t r;
    bc_bytes_t input = bc_pc_encode(pc, "rebuildBfs(uint256,uint256)", "(uint256,uint256)",
                                    (bc_abi_val_t[]){ bc_abi_u64(pc->config->version), bc_abi_u64(to) }, 2);
    bc_pc_call(pc, &self, BC_SYS_BFS, input, false, &r);
    if (!r.ok)
        return BC_PC_FAIL(pc, "Rebuild BFS error.");
    bool made = bc_pc_create_table(pc, BC_STR("s_code_binary"), BC_STR("value")) &&
                bc_pc_create_table(pc, BC_STR("s_contract_abi"), BC_STR("value"));
    return made ? BC_PC_OK : BC_PC_INTERNAL;
}

static void upgrade(bc_pc_t *pc, uint32_t to)
{
    bc_features_t set = bc_features_upgrade(pc->config->version, to);
    for (int i = 0; i < BC_F_CNT; i++) {
        bc_bytes_t name = bc_cstr(bc_feature_name((bc_feature_t)i));
        if (!bc_feature_in(set, (bc_feature_t)i))
            continue;
        if (to > 0x03020700 && bc_pc_get(pc, BC_STR("s_config"), name, NULL))
            continue;
        put_config(pc, name, BC_STR("1"), 0);
    }
}

/* Governors may use the balance contract from the start. */
static bc_pc_end_t register_governors(bc_pc_t *pc)
{
    const bc_abi_val_t *list = NULL;
    size_t cnt = 0;
    if (bc_pc_governors(pc, &list, &cnt))
        return BC_PC_FAIL(pc, "get governor list failed, maybe current is wasm model, "
                              "feature_balance_precompiled is not supported in wasm model.");
    if (!cnt)
        return BC_PC_OK;
    if (!bc_pc_table_exists(pc, BC_STR("s_balance_caller")) &&
        !bc_pc_create_table(pc, BC_STR("s_balance_caller"), BC_STR("value")))
        return BC_PC_INTERNAL;
    for (size_t i = 0; i < cnt; i++) {
        bc_addr_t a = bc_pc_addr_arg(&list[i]);
        bc_addr_text_t hex = bc_addr_text(&a);
        if (!bc_pc_get(pc, BC_STR("s_balance_caller"), bc_bytes(hex.s, 40), NULL))
            bc_pc_put(pc, BC_STR("s_balance_caller"), bc_bytes(hex.s, 40), BC_STR("1"));
    }
    return BC_PC_OK;
}

static bc_pc_end_t set_value(bc_pc_t *pc)
{
    if (pc->config->auth_check && !bc_addr_is(&pc->sender, BC_SYS_COMMITTEE))
        return bc_pc_ret_int(pc, BC_PC_NO_AUTHORIZED);
    const bc_abi_val_t *a = bc_pc_args(pc, "(string,string)");
    if (!a)
        return BC_PC_INTERNAL;
    bc_bytes_t key = lower(pc, a[0].s), value = a[1].s;
    uint32_t version = 0;
    bc_pc_end_t end = check(pc, key, value, &version);
    if (end)
        return end;
    put_config(pc, key, value, pc->config->number + 1);
    if (version > pc->config->version && pc->config->version <= 0x03000000 && version >= 0x03010000) {
        end = leave_v30(pc, version);
        if (end)
            return end;
    }
    if (version > pc->config->version)
        upgrade(pc, version);
    if (is(key, "feature_balance_precompiled") && bc_pc_since(pc, 6)) {
        end = register_governors(pc);
        if (end)
            return end;
    }
    return bc_pc_ret_int(pc, 0);
}

static bc_pc_end_t get_value(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string)");
    if (!a)
        return BC_PC_INTERNAL;
    bc_bytes_t key = lower(pc, a[0].s), row, value = { 0 };
    int64_t enable = -1;
    if (bc_pc_get(pc, BC_STR("s_config"), key, &row)) {
        if (bc_archive_get_config(row, &value, &enable))
            return BC_PC_INTERNAL;
    } else if (is(key, "auth_check_status") && bc_pc_since(pc, 3)) {
        value = pc->config->auth_check ? BC_STR("1") : BC_STR("0");
        enable = 0;
    }
    return bc_pc_ret(pc, "(string,int256)", (bc_abi_val_t[]){ bc_abi_bytes(value), bc_abi_i64(enable) }, 2);
}

static const bc_pc_function_t functions[] = {
    { "setValueByKey(string,string)", set_value },
    { "getValueByKey(string)", get_value },
};

const bc_pc_contract_t bc_pc_system_config = {
    .number = BC_SYS_CONFIG,
    .name = "SystemConfigPrecompiled",
    .gate = BC_GATE_NONE,
    .functions = functions,
    .function_cnt = BC_ARRAY_LEN(functions),
};
