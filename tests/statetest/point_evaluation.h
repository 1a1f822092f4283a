/* The point evaluation contract at 0x0a (EIP-4844). Test only: no FISCO chain has it, the official
 * fixtures do. Slow and simple, on GMP. */
#ifndef STATETEST_POINT_EVALUATION_H
#define STATETEST_POINT_EVALUATION_H

#include "base/types.h"

#define POINT_EVALUATION_GAS 50000

/* input: versioned hash 32, z 32, y 32, commitment 48, proof 48. False: refused. */
bool point_evaluation(bc_bytes_t input, uint8_t out[64]);

#endif
