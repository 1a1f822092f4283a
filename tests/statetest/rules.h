/* What transactions cost and may be, by revision: the part that state and transaction tests share.
 */
#ifndef STATETEST_RULES_H
#define STATETEST_RULES_H

#include "computing/evm/evm.h"

#define INIT_CODE_MAX 49152u /* EIP-3860 */

/* Gas before the first instruction. addresses and keys: those of the access list. */
uint64_t rules_intrinsic_gas(bc_evm_rev_t rev, bool create, bc_bytes_t data, uint64_t addresses,
                             uint64_t keys);
/* NULL, or the exception of a transaction type (0..3) that the revision does not have. */
const char *rules_type(bc_evm_rev_t rev, unsigned type);

#endif
