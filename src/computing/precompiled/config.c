#include "computing/precompiled/config.h"

#include "codec/archive.h"
#include "codec/hex.h"

/* What the message loop itself consults; the rest is looked up by whoever needs it. */
static const bc_feature_t loop_flags[] = {
    BC_F_bugfix_delegatecall_transfer, BC_F_bugfix_nonce_initialize,
    BC_F_bugfix_v1_timestamp,          BC_F_bugfix_revert_logs,
    BC_F_bugfix_method_auth_sender,    BC_F_feature_sharding,
    BC_F_feature_balance_precompiled,          BC_F_feature_evm_timestamp,
    BC_F_feature_raw_address,
};

bool bc_config_value(bc_rows_t *rows, bc_bytes_t key, int64_t number, bc_bytes_t *value)
{
    bc_bytes_t raw;
    int64_t enable = 0;
    return bc_rows_get(rows, bc_rows_table(rows, BC_STR("s_config")), key, &raw) &&
           !bc_archive_get_config(raw, value, &enable) && number >= enable;
}

static uint64_t number_of(bc_rows_t *rows, const char *key, int64_t at, uint64_t otherwise)
{
    bc_bytes_t v;
    int64_t n = 0;
    if (!bc_config_value(rows, bc_cstr(key), at, &v) || bc_dec_i64(v, &n) || n < 0)
        return otherwise;
    return (uint64_t)n;
}

bc_err_t bc_exec_config_read(bc_rows_t *rows, bc_exec_config_t *c)
{
    bc_bytes_t v;
    c->gas_limit = (int64_t)number_of(rows, "tx_gas_limit", c->number, 3000000000u);
    c->auth_check = (uint32_t)number_of(rows, "auth_check_status", c->number, 0);
    c->executor_version = (uint32_t)number_of(rows, "executor_version", c->number, 0);
    c->balance_transfer = bc_config_value(rows, BC_STR("balance_transfer"), c->number, &v) &&
                          !bc_bytes_eq(v, BC_STR("0"));
    memset(&c->gas_price, 0, sizeof(c->gas_price));
    if (bc_config_value(rows, BC_STR("tx_gas_price"), c->number, &v) &&
        bc_u256_parse(v, &c->gas_price))
        memset(&c->gas_price, 0, sizeof(c->gas_price));
    memset(&c->chain_id, 0, sizeof(c->chain_id));
    if (bc_config_value(rows, BC_STR("web3_chain_id"), c->number, &v) &&
        bc_u256_parse(v, &c->chain_id))
        memset(&c->chain_id, 0, sizeof(c->chain_id));
    c->legacy = c->executor_version == 0;
    for (unsigned f = 0; c->legacy && f < BC_F_CNT; f++)
        c->flags[f] = bc_config_value(rows, bc_cstr(bc_feature_name((bc_feature_t)f)), c->number, &v);
    for (size_t i = 0; !c->legacy && i < BC_ARRAY_LEN(loop_flags); i++)
        c->flags[loop_flags[i]] =
            bc_config_value(rows, bc_cstr(bc_feature_name(loop_flags[i])), c->number, &v);
    return bc_rows_err(rows);
}
