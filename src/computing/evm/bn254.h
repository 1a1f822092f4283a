/* The curve of the precompiled contracts 6, 7 and 8 (EIP-196, EIP-197): y^2 = x^3 + 3 over the
 * prime p, and its sextic twist. Points are big-endian coordinates, zeros are infinity. Not
 * constant time: nothing here is secret. Pure; any thread. */
#ifndef BC_COMPUTING_EVM_BN254_H
#define BC_COMPUTING_EVM_BN254_H

#include "base/types.h"

/* False, nothing written: a coordinate is not below p, or a point is not on the curve. */
bool bc_bn254_add(const uint8_t a[64], const uint8_t b[64], uint8_t out[64]) BC_WARN_UNUSED;
bool bc_bn254_mul(const uint8_t a[64], const uint8_t scalar[32], uint8_t out[64]) BC_WARN_UNUSED;
/* Whether the product of the pairings is one. pairs: k times 192 bytes, G1 x y, G2 x1 x0 y1 y0.
 * False: malformed, or a point of G2 outside the subgroup. */
bool bc_bn254_pairing(bc_bytes_t pairs, bool *one) BC_WARN_UNUSED;

#endif
