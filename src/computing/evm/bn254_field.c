#include <gmp.h>
#include "computing/evm/bn254_field.h"

_Static_assert(GMP_NUMB_BITS == 64, "a limb of GMP is a limb of fp_t");

/* R^2 mod p, not in Montgomery form: the way in */
static const fp_t r_square = { { 0xf32cfc5b538afa89, 0xb5e71911d44501fb, 0x47ab1eff0a417ff6,
                                 0x06d89f71cab8351f } };
/* R^3 mod p, not in Montgomery form: from 1/(aR) to R/a */
static const fp_t r_cube = { { 0xb1cd6dafda1530df, 0x62f210e6a7283db6, 0xef7f0b0c0ada0afb,
                               0x20fd6e902d592544 } };

void bc_fp_inv(fp_t *r, const fp_t *a)
{
    mpz_t in, modulus, inverse;
    mpz_roinit_n(in, (const mp_limb_t *)a->w, 4);
    mpz_roinit_n(modulus, (const mp_limb_t *)prime.w, 4);
    mpz_init(inverse);
    fp_t t = { { 0 } };
    if (mpz_invert(inverse, in, modulus))
        memcpy(t.w, mpz_limbs_read(inverse), mpz_size(inverse) * sizeof t.w[0]);
    mpz_clear(inverse);
    fp_mul(r, &t, &r_cube);
}

bool bc_fp_read(fp_t *r, const uint8_t be[32])
{
    fp_t v = bc_u256_from_be(be);
    if (!bc_u256_lt(&v, &prime))
        return false;
    fp_mul(r, &v, &r_square);
    return true;
}

void bc_fp_write(const fp_t *a, uint8_t be[32])
{
    wide_t t = { { a->w[0], a->w[1], a->w[2], a->w[3] } };
    fp_t v;
    wide_reduce(&v, &t);
    bc_u256_to_be(&v, be);
}

unsigned bc_bn254_digits(int8_t digits[BN254_DIGITS_MAX], const uint64_t k[2], unsigned width)
{
    bc_u128_t rest = (bc_u128_t)k[1] << 64 | k[0];
    unsigned n = 0;
    for (; rest; n++) {
        const bc_u128_t full = (bc_u128_t)1 << width, low = rest & (full - 1);
        int d = 0;
        bool carry = false; /* into bit 128 */
        if (low & 1 && low < full / 2) {
            d = (int)low;
            rest -= low;
        } else if (low & 1) {
            d = (int)low - (int)full;
            rest += full - low;
            carry = rest < full;
        }
        digits[n] = (int8_t)d;
        rest = rest >> 1 | (bc_u128_t)carry << 127;
    }
    return n;
}
