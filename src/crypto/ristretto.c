#include "crypto/ristretto.h"

#include <sodium.h>

bool ristretto_valid(const uint8_t point[RISTRETTO_BYTES])
{
    return crypto_core_ristretto255_is_valid_point(point) == 1;
}

void ristretto_mul(const uint8_t scalar[RISTRETTO_BYTES], const uint8_t point[RISTRETTO_BYTES],
                   uint8_t out[RISTRETTO_BYTES])
{
    if (crypto_scalarmult_ristretto255(out, scalar, point) != 0)
        memset(out, 0, RISTRETTO_BYTES); /* the identity; the point was checked */
}

void ristretto_mul_base(const uint8_t scalar[RISTRETTO_BYTES], uint8_t out[RISTRETTO_BYTES])
{
    if (crypto_scalarmult_ristretto255_base(out, scalar) != 0)
        memset(out, 0, RISTRETTO_BYTES);
}
