/* Feature flags of the chain and compatibility versions (spec/10 §5.3). A flag is a row of
 * s_config with its name as key and "1" as value; the order here is the official enum's, which
 * is the order in which flags are written. Pure; any thread. */
#ifndef BC_PROTOCOL_FEATURES_H
#define BC_PROTOCOL_FEATURES_H

#include "base/err.h"
#include "base/types.h"

#define BC_FEATURES(X)                                                                             \
    X(bugfix_revert)                                                                               \
    X(bugfix_statestorage_hash)                                                                    \
    X(bugfix_evm_create2_delegatecall_staticcall_codecopy)                                         \
    X(bugfix_event_log_order)                                                                      \
    X(bugfix_call_noaddr_return)                                                                   \
    X(bugfix_precompiled_codehash)                                                                 \
    X(bugfix_dmc_revert)                                                                           \
    X(bugfix_keypage_system_entry_hash)                                                            \
    X(bugfix_internal_create_redundant_storage)                                                    \
    X(bugfix_internal_create_permission_denied)                                                    \
    X(bugfix_sharding_call_in_child_executive)                                                     \
    X(bugfix_empty_abi_reset)                                                                      \
    X(bugfix_eip55_addr)                                                                           \
    X(bugfix_eoa_as_contract)                                                                      \
    X(bugfix_eoa_match_failed)                                                                     \
    X(bugfix_evm_exception_gas_used)                                                               \
    X(bugfix_dmc_deploy_gas_used)                                                                  \
    X(bugfix_staticcall_noaddr_return)                                                             \
    X(bugfix_support_transfer_receive_fallback)                                                    \
    X(bugfix_set_row_with_dirty_flag)                                                              \
    X(bugfix_rpbft_vrf_blocknumber_input)                                                          \
    X(bugfix_delete_account_code)                                                                  \
    X(bugfix_policy1_empty_code_address)                                                           \
    X(bugfix_precompiled_gasused)                                                                  \
    X(bugfix_nonce_not_increase_when_revert)                                                       \
    X(bugfix_set_contract_nonce_when_create)                                                       \
    X(bugfix_precompiled_gascalc)                                                                  \
    X(bugfix_method_auth_sender)                                                                   \
    X(bugfix_precompiled_evm_status)                                                               \
    X(bugfix_delegatecall_transfer)                                                                \
    X(bugfix_nonce_initialize)                                                                     \
    X(bugfix_v1_timestamp)                                                                         \
    X(bugfix_revert_logs)                                                                          \
    X(feature_dmc2serial)                                                                          \
    X(feature_sharding)                                                                            \
    X(feature_rpbft)                                                                               \
    X(feature_paillier)                                                                            \
    X(feature_balance)                                                                             \
    X(feature_balance_precompiled)                                                                 \
    X(feature_balance_policy1)                                                                     \
    X(feature_paillier_add_raw)                                                                    \
    X(feature_evm_cancun)                                                                          \
    X(feature_evm_timestamp)                                                                       \
    X(feature_evm_address)                                                                         \
    X(feature_rpbft_term_weight)                                                                   \
    X(feature_raw_address)                                                                         \
    X(feature_rpbft_vrf_type_secp256k1)                                                            \
    X(feature_balance_policy2)

typedef enum {
#define BC_FEATURE_ENUM(name) BC_F_##name,
    BC_FEATURES(BC_FEATURE_ENUM)
#undef BC_FEATURE_ENUM
    BC_F_CNT
} bc_feature_t;

/* A set of flags: bit i is flag i. */
typedef uint64_t bc_features_t;
static inline bool bc_feature_in(bc_features_t set, bc_feature_t f)
{
    return (set >> f & 1) != 0;
}

const char *bc_feature_name(bc_feature_t f);
/* BC_E_NOT_FOUND when there is no flag of that name. */
bc_err_t bc_feature_find(bc_bytes_t name, bc_feature_t *out) BC_WARN_UNUSED;

/* Flags that raising the compatibility version from `from` to `to` switches on. */
bc_features_t bc_features_upgrade(uint32_t from, uint32_t to);
/* Flags of a chain that starts at that version. */
bc_features_t bc_features_genesis(uint32_t version);

/* "M.m" or "M.m.p" to 0xMMmmpp00, "3.0.0-rcN" to N. BC_E_FORMAT not of that form, BC_E_RANGE
 * major not in 3..255 or a number above 255. */
bc_err_t bc_version_parse(bc_bytes_t text, uint32_t *out) BC_WARN_UNUSED;
/* Three numbers, "3.0.0-rc4" for 4. */
void bc_version_text(uint32_t version, char out[16]);

#endif
