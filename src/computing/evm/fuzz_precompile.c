/* Random input to the precompiled contracts, with a gas that bounds their work. */
#include "computing/evm/evm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    bc_evm_rules_t rules = { .rev = data[1] & 1 ? BC_EVM_CANCUN : BC_EVM_BYZANTIUM,
                             .fisco = (data[1] & 2) != 0 };
    const int64_t gas = 300000;
    bc_wr_t out = { .max = 1 << 20 };
    bc_evm_pre_t res;
    if (bc_evm_precompile(data[0] % 11, &rules, bc_bytes(data + 2, size - 2), gas, &out, &res)) {
        BC_MUST(res.gas_cost >= 0);
        BC_MUST(res.gas_cost <= gas || (!res.ok && out.n == 0));
    }
    bc_wr_free(&out);
    return 0;
}
