#include "protocol/features.h"
#include <stdio.h>

static const char *const names[] = {
#define BC_FEATURE_TEXT(name) #name,
    BC_FEATURES(BC_FEATURE_TEXT)
#undef BC_FEATURE_TEXT
};
_Static_assert(BC_F_CNT <= 64, "flags fit a word");

#define F(name) ((bc_features_t)1 << BC_F_##name)
#define V(major, minor, patch) ((uint32_t)(major) << 24 | (minor) << 16 | (patch) << 8)

/* What each version brought. Source: bcos-framework//ledger/Features.h: setUpgradeFeatures */
static const struct {
    uint32_t version;
    bc_features_t flags;
} upgrades[] = {
    { V(3, 2, 3), F(bugfix_revert) },
    { V(3, 2, 4),
      F(bugfix_statestorage_hash) | F(bugfix_evm_create2_delegatecall_staticcall_codecopy) },
    { V(3, 2, 7), F(bugfix_event_log_order) | F(bugfix_call_noaddr_return) |
                      F(bugfix_precompiled_codehash) | F(bugfix_dmc_revert) },
    { V(3, 5, 0), F(bugfix_revert) | F(bugfix_statestorage_hash) },
    { V(3, 6, 0),
      F(bugfix_statestorage_hash) | F(bugfix_evm_create2_delegatecall_staticcall_codecopy) |
          F(bugfix_event_log_order) | F(bugfix_call_noaddr_return) |
          F(bugfix_precompiled_codehash) | F(bugfix_dmc_revert) },
    { V(3, 6, 1),
      F(bugfix_keypage_system_entry_hash) | F(bugfix_internal_create_redundant_storage) },
    { V(3, 7, 0), F(bugfix_empty_abi_reset) | F(bugfix_eip55_addr) |
                      F(bugfix_sharding_call_in_child_executive) |
                      F(bugfix_internal_create_permission_denied) },
    { V(3, 8, 0), F(bugfix_eoa_as_contract) | F(bugfix_dmc_deploy_gas_used) |
                      F(bugfix_evm_exception_gas_used) | F(bugfix_set_row_with_dirty_flag) },
    { V(3, 9, 0), F(bugfix_staticcall_noaddr_return) |
                      F(bugfix_support_transfer_receive_fallback) | F(bugfix_eoa_match_failed) },
    { V(3, 12, 0), F(bugfix_rpbft_vrf_blocknumber_input) },
    { V(3, 13, 0), F(bugfix_delete_account_code) | F(bugfix_policy1_empty_code_address) |
                       F(bugfix_precompiled_gasused) },
    { V(3, 14, 0),
      F(bugfix_nonce_not_increase_when_revert) | F(bugfix_set_contract_nonce_when_create) },
    { V(3, 15, 1), F(bugfix_precompiled_gascalc) },
    { V(3, 15, 2), F(bugfix_method_auth_sender) | F(bugfix_precompiled_evm_status) },
    { V(3, 16, 0), F(bugfix_delegatecall_transfer) | F(bugfix_nonce_initialize) |
                       F(bugfix_v1_timestamp) },
    { V(3, 16, 4), F(bugfix_revert_logs) },
};

const char *bc_feature_name(bc_feature_t f)
{
    BC_MUST((unsigned)f < BC_F_CNT);
    return names[f];
}

bc_err_t bc_feature_find(bc_bytes_t name, bc_feature_t *out)
{
    for (unsigned i = 0; i < BC_F_CNT; i++)
        if (bc_bytes_eq(name, bc_cstr(names[i]))) {
            *out = (bc_feature_t)i;
            return BC_OK;
        }
    return BC_E_NOT_FOUND;
}

bc_features_t bc_features_upgrade(uint32_t from, uint32_t to)
{
    bc_features_t set = 0;
    for (size_t i = 0; i < BC_ARRAY_LEN(upgrades); i++) {
        uint32_t v = upgrades[i].version;
        /* below 3.2.7 everything up to the target is set, wherever the chain came from */
        if (to >= v && (from < v || to < V(3, 2, 7)))
            set |= upgrades[i].flags;
    }
    return set;
}

bc_features_t bc_features_genesis(uint32_t version)
{
    bc_features_t set = 0;
    if (version >= V(3, 3, 0) && version <= V(3, 4, 0))
        set |= F(feature_sharding);
    if (version == V(3, 3, 0) || version == V(3, 4, 0))
        return set;
    uint32_t from = version == V(3, 5, 0) ? V(3, 4, 0) : 4; /* 4: 3.0.0-rc4 */
    return set | bc_features_upgrade(from, version);
}

/* Decimal digits up to sep or the end. */
static bc_err_t number(bc_bytes_t *in, char sep, uint32_t *out)
{
    uint32_t v = 0;
    size_t i = 0;
    for (; i < in->n && in->p[i] != (uint8_t)sep; i++) {
        if (in->p[i] < '0' || in->p[i] > '9')
            return BC_E_FORMAT;
        v = v * 10 + (uint32_t)(in->p[i] - '0');
        if (v > 255)
            return BC_E_RANGE;
    }
    if (i == 0)
        return BC_E_FORMAT;
    in->p += i;
    in->n -= i;
    *out = v;
    return BC_OK;
}

bc_err_t bc_version_parse(bc_bytes_t text, uint32_t *out)
{
    const bc_bytes_t rc = BC_STR("3.0.0-rc");
    if (text.n > rc.n && memcmp(text.p, rc.p, rc.n) == 0) {
        text.p += rc.n;
        text.n -= rc.n;
        return number(&text, 0, out);
    }
    uint32_t v[3] = { 0 };
    for (int i = 0; i < 3; i++) {
        bc_err_t err = number(&text, '.', &v[i]);
        if (err)
            return err;
        if (!text.n) {
            if (i == 0)
                return BC_E_FORMAT;
            break;
        }
        if (i == 2)
            return BC_E_FORMAT;
        text.p++; /* the dot */
        text.n--;
    }
    if (v[0] < 3)
        return BC_E_RANGE;
    *out = V(v[0], v[1], v[2]);
    return BC_OK;
}

void bc_version_text(uint32_t version, char out[16])
{
    if (version == 4)
        snprintf(out, 16, "3.0.0-rc4");
    else
        snprintf(out, 16, "%u.%u.%u", version >> 24, version >> 16 & 255, version >> 8 & 255);
}
