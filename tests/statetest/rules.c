#include "rules.h"

uint64_t rules_intrinsic_gas(bc_evm_rev_t rev, bool create, bc_bytes_t data, uint64_t addresses,
                             uint64_t keys)
{
    const uint64_t data_byte = rev >= BC_EVM_ISTANBUL ? 16 : 68; /* EIP-2028 */
    uint64_t gas = 21000;
    for (size_t i = 0; i < data.n; i++)
        gas += data.p[i] ? data_byte : 4;
    if (create && rev >= BC_EVM_HOMESTEAD)
        gas += 32000; /* EIP-2 */
    if (create && rev >= BC_EVM_SHANGHAI)
        gas += 2 * ((data.n + 31) / 32);         /* EIP-3860 */
    return gas + 2400 * addresses + 1900 * keys; /* EIP-2930 */
}

const char *rules_type(bc_evm_rev_t rev, unsigned type)
{
    static const struct {
        bc_evm_rev_t since;
        const char *exception;
    } types[] = {
        { BC_EVM_FRONTIER, NULL },
        { BC_EVM_BERLIN, "TYPE_1_TX_PRE_FORK" },
        { BC_EVM_LONDON, "TYPE_2_TX_PRE_FORK" },
        { BC_EVM_CANCUN, "TYPE_3_TX_PRE_FORK" },
    };
    return rev < types[type].since ? types[type].exception : NULL;
}
