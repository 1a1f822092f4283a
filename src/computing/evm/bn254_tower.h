/* Inside of bn254: the extension Fp12 where pairings take their values.
 * Fp6 = Fp2[v]/(v^3 - xi), Fp12 = Fp6[w]/(w^2 - v), xi = 9 + u. Pure; any thread. Results may alias
 * operands. */
#ifndef BC_COMPUTING_EVM_BN254_TOWER_H
#define BC_COMPUTING_EVM_BN254_TOWER_H

#include "computing/evm/bn254_field.h"

typedef struct {
    fp2_t c[3];
} fp6_t;

typedef struct {
    fp6_t a, b; /* a + b w */
} fp12_t;

/* The Miller loop's 6t + 2 is 2^64 + PLUS - MINUS: its non-adjacent form but for the highest
 * digits, which save a step as 1 1 instead of 1 0 -1. */
#define BN254_LOOP_PLUS  0xa002004200804028ull
#define BN254_LOOP_MINUS 0x02889008420a0480ull

/* xi^(i(p-1)/6) and xi^(i(p^2-1)/6), which is in Fp: what x^p and x^(p^2) do to w^i. */
extern const fp2_t bc_bn254_frob1[6];
extern const fp_t bc_bn254_frob2[6];

void bc_fp12_mul(fp12_t *r, const fp12_t *x, const fp12_t *y);
void bc_fp12_sqr(fp12_t *r, const fp12_t *x);
/* x times (c0 + c1 w + c3 w^3), a line of the Miller loop */
void bc_fp12_mul_line(fp12_t *x, const fp2_t *c0, const fp2_t *c1, const fp2_t *c3);
/* Whether x^((p^12-1)/n) is one, n being the order of the groups. x is not zero. */
bool bc_fp12_final_is_one(const fp12_t *x) BC_WARN_UNUSED;

static inline void fp12_set_one(fp12_t *r)
{
    memset(r, 0, sizeof *r);
    r->a.c[0].a = fp_one;
}

#endif
