/* Inside of the precompiled contracts. */
#ifndef BC_COMPUTING_EVM_PRECOMPILE_H
#define BC_COMPUTING_EVM_PRECOMPILE_H

#include "base/types.h"

/* EIP-152: the 213 input bytes, the flag already known to be 0 or 1; 64 bytes out. */
void bc_blake2f(const uint8_t in[213], uint8_t out[64]);

#endif
