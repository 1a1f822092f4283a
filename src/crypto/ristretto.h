/* Group operations of ristretto255 for vrf.c and zkp.c: libsodium's, but complete, since proofs of
 * others may lead to the identity, which libsodium reports as an error. Points are 32 bytes as
 * encoded, scalars 32 bytes little-endian. Not constant in time: only for public values, except the
 * two products, which are libsodium's own. Private to crypto. */
#ifndef BC_CRYPTO_RISTRETTO_H
#define BC_CRYPTO_RISTRETTO_H

#include "base/types.h"

enum { RISTRETTO_BYTES = 32 };

bool ristretto_valid(const uint8_t point[RISTRETTO_BYTES]);
/* scalar * point; the point is valid, the top bit of the scalar is not looked at. */
void ristretto_mul(const uint8_t scalar[RISTRETTO_BYTES], const uint8_t point[RISTRETTO_BYTES],
                   uint8_t out[RISTRETTO_BYTES]);
void ristretto_mul_base(const uint8_t scalar[RISTRETTO_BYTES], uint8_t out[RISTRETTO_BYTES]);

#endif
