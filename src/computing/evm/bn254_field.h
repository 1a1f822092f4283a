/* Inside of bn254: the prime field Fp and its extension Fp2. Elements of Fp are four limbs in
 * Montgomery form with factor R = 2^256, always below p, so that equal values are equal bytes. Not
 * constant time. Pure; any thread. Results may alias operands. */
#ifndef BC_COMPUTING_EVM_BN254_FIELD_H
#define BC_COMPUTING_EVM_BN254_FIELD_H

#include <immintrin.h>
#include "computing/evm/u256.h"

typedef bc_u256_t fp_t;

typedef struct {
    fp_t a, b; /* a + b u, u^2 = -1 */
} fp2_t;

/* A product before its reduction: below p R, which is what wide_reduce takes. */
typedef struct {
    uint64_t w[8];
} wide_t;

#define BN254_T 4965661367192848881ull /* the curve's parameter */

#define P0    0x3c208c16d87cfd47ull
#define P1    0x97816a916871ca8dull
#define P2    0xb85045b68181585dull
#define P3    0x30644e72e131a029ull
#define P_INV 0x87d20782e4866389ull /* -1/p mod 2^64 */

/* the prime p, not in Montgomery form */
static const fp_t prime = { { P0, P1, P2, P3 } };
/* 1 */
static const fp_t fp_one = { { 0xd35d438dc58f0d9d, 0x0a78eb28f5c70b3d, 0x666ea36f7879462c,
                               0x0e0a77c19a07df2f } };

/* 1/a; of 0 it is 0. */
void bc_fp_inv(fp_t *r, const fp_t *a);
/* False: not below p. */
bool bc_fp_read(fp_t *r, const uint8_t be[32]) BC_WARN_UNUSED;
void bc_fp_write(const fp_t *a, uint8_t be[32]);

#define BN254_DIGITS_MAX 129
/* The non-adjacent form of width `width` of k, of 128 bits, lowest digit first: each is 0 or odd
 * and below 2^(width-1) in size, and of `width` neighbours at most one is not 0. width: 2 to 8.
 * Returns how many digits there are; the highest is not 0. */
unsigned bc_bn254_digits(int8_t digits[BN254_DIGITS_MAX], const uint64_t k[2], unsigned width);

/* ---- carries ---- */

static inline uint64_t adc(unsigned char *carry, uint64_t a, uint64_t b)
{
    unsigned long long r;
    *carry = _addcarry_u64(*carry, a, b, &r);
    return r;
}

static inline uint64_t sbb(unsigned char *borrow, uint64_t a, uint64_t b)
{
    unsigned long long r;
    *borrow = _subborrow_u64(*borrow, a, b, &r);
    return r;
}

/* Low word of a b + x + *carry, the high word goes to *carry: it cannot overflow. */
static inline uint64_t mac(uint64_t x, uint64_t a, uint64_t b, uint64_t *carry)
{
    bc_u128_t t = (bc_u128_t)a * b + x + *carry;
    *carry = (uint64_t)(t >> 64);
    return (uint64_t)t;
}

/* ---- Fp ---- */

/* t below 2p to below p. Written with selections: the outcome is as good as random, which a
 * branch would pay for. */
static inline void fp_settle(uint64_t r[4], uint64_t t0, uint64_t t1, uint64_t t2, uint64_t t3)
{
    unsigned char borrow = 0;
    uint64_t s0 = sbb(&borrow, t0, P0), s1 = sbb(&borrow, t1, P1);
    uint64_t s2 = sbb(&borrow, t2, P2), s3 = sbb(&borrow, t3, P3);
    r[0] = borrow ? t0 : s0;
    r[1] = borrow ? t1 : s1;
    r[2] = borrow ? t2 : s2;
    r[3] = borrow ? t3 : s3;
}

/* a + b below 2p, which fits: p has 254 bits. Only to be multiplied. */
static inline void fp_add_lazy(fp_t *r, const fp_t *a, const fp_t *b)
{
    unsigned char carry = 0;
    r->w[0] = adc(&carry, a->w[0], b->w[0]);
    r->w[1] = adc(&carry, a->w[1], b->w[1]);
    r->w[2] = adc(&carry, a->w[2], b->w[2]);
    r->w[3] = adc(&carry, a->w[3], b->w[3]);
}

static inline void fp_add(fp_t *r, const fp_t *a, const fp_t *b)
{
    fp_t t;
    fp_add_lazy(&t, a, b);
    fp_settle(r->w, t.w[0], t.w[1], t.w[2], t.w[3]);
}

static inline void fp_sub(fp_t *r, const fp_t *a, const fp_t *b)
{
    unsigned char borrow = 0, carry = 0;
    uint64_t t0 = sbb(&borrow, a->w[0], b->w[0]), t1 = sbb(&borrow, a->w[1], b->w[1]);
    uint64_t t2 = sbb(&borrow, a->w[2], b->w[2]), t3 = sbb(&borrow, a->w[3], b->w[3]);
    uint64_t mask = 0 - (uint64_t)borrow;
    r->w[0] = adc(&carry, t0, P0 & mask);
    r->w[1] = adc(&carry, t1, P1 & mask);
    r->w[2] = adc(&carry, t2, P2 & mask);
    r->w[3] = adc(&carry, t3, P3 & mask);
}

/* p - a: p itself for 0. Only to be multiplied or summed. */
static inline void fp_neg_lazy(fp_t *r, const fp_t *a)
{
    unsigned char borrow = 0;
    r->w[0] = sbb(&borrow, P0, a->w[0]);
    r->w[1] = sbb(&borrow, P1, a->w[1]);
    r->w[2] = sbb(&borrow, P2, a->w[2]);
    r->w[3] = sbb(&borrow, P3, a->w[3]);
}

static inline void fp_neg(fp_t *r, const fp_t *a)
{
    if (bc_u256_is_zero(a))
        *r = *a;
    else
        fp_neg_lazy(r, a);
}

static inline void fp_halve(fp_t *r, const fp_t *a)
{
    unsigned char carry = 0;
    uint64_t mask = 0 - (a->w[0] & 1);
    uint64_t t0 = adc(&carry, a->w[0], P0 & mask), t1 = adc(&carry, a->w[1], P1 & mask);
    uint64_t t2 = adc(&carry, a->w[2], P2 & mask), t3 = adc(&carry, a->w[3], P3 & mask);
    r->w[0] = t0 >> 1 | t1 << 63;
    r->w[1] = t1 >> 1 | t2 << 63;
    r->w[2] = t2 >> 1 | t3 << 63;
    r->w[3] = t3 >> 1;
}

/* One row of the product and of its reduction, interleaved: CIOS of Koc, Acar, Kaliski, "Analyzing
 * and comparing Montgomery multiplication algorithms". The top bits of p that are free make c + d
 * fit a word. */
#define FP_MUL_ROW(i)                                                                              \
    do {                                                                                           \
        uint64_t c = 0, d = 0, bi = b->w[i];                                                       \
        t0 = mac(t0, a->w[0], bi, &c);                                                             \
        uint64_t m = t0 * P_INV;                                                                   \
        mac(t0, m, P0, &d);                                                                        \
        t1 = mac(t1, a->w[1], bi, &c), t0 = mac(t1, m, P1, &d);                                    \
        t2 = mac(t2, a->w[2], bi, &c), t1 = mac(t2, m, P2, &d);                                    \
        t3 = mac(t3, a->w[3], bi, &c), t2 = mac(t3, m, P3, &d);                                    \
        t3 = c + d;                                                                                \
    } while (0)

/* One operand may be up to 2p: (2p p + R p) / R is below 2p. */
static inline void fp_mul(fp_t *r, const fp_t *a, const fp_t *b)
{
    uint64_t t0 = 0, t1 = 0, t2 = 0, t3 = 0;
    FP_MUL_ROW(0);
    FP_MUL_ROW(1);
    FP_MUL_ROW(2);
    FP_MUL_ROW(3);
    fp_settle(r->w, t0, t1, t2, t3);
}

static inline void fp_sqr(fp_t *r, const fp_t *a)
{
    fp_mul(r, a, a);
}

/* 9 x + y, y up to p: the value is below 10 p + 1. The quotient by p is guessed from the bits above
 * 248 with 1354 = floor(2^264 / p); the guess is right or one too small. */
static inline void fp_mul9_add(fp_t *r, const fp_t *x, const fp_t *y)
{
    uint64_t top = 0, c = 0;
    uint64_t t0 = mac(y->w[0], x->w[0], 9, &top), t1 = mac(y->w[1], x->w[1], 9, &top);
    uint64_t t2 = mac(y->w[2], x->w[2], 9, &top), t3 = mac(y->w[3], x->w[3], 9, &top);
    uint64_t q = (top << 8 | t3 >> 56) * 1354 >> 16;
    uint64_t q0 = mac(0, q, P0, &c), q1 = mac(0, q, P1, &c);
    uint64_t q2 = mac(0, q, P2, &c), q3 = mac(0, q, P3, &c);
    unsigned char borrow = 0;
    t0 = sbb(&borrow, t0, q0), t1 = sbb(&borrow, t1, q1);
    t2 = sbb(&borrow, t2, q2), t3 = sbb(&borrow, t3, q3);
    fp_settle(r->w, t0, t1, t2, t3);
}

/* ---- products that are reduced later ---- */

#define WIDE_MUL_ROW(i)                                                                            \
    do {                                                                                           \
        uint64_t c = 0, bi = b->w[i];                                                              \
        w[i] = mac(t0, a->w[0], bi, &c), t0 = mac(t1, a->w[1], bi, &c);                            \
        t1 = mac(t2, a->w[2], bi, &c), t2 = mac(t3, a->w[3], bi, &c);                              \
        t3 = c;                                                                                    \
    } while (0)

static inline void wide_mul(wide_t *r, const fp_t *a, const fp_t *b)
{
    uint64_t *w = r->w, t0 = 0, t1 = 0, t2 = 0, t3 = 0;
    WIDE_MUL_ROW(0);
    WIDE_MUL_ROW(1);
    WIDE_MUL_ROW(2);
    WIDE_MUL_ROW(3);
    w[4] = t0, w[5] = t1, w[6] = t2, w[7] = t3;
}

#define WIDE_REDUCE_ROW()                                                                          \
    do {                                                                                           \
        uint64_t d = 0, m = t0 * P_INV;                                                            \
        mac(t0, m, P0, &d);                                                                        \
        t0 = mac(t1, m, P1, &d), t1 = mac(t2, m, P2, &d), t2 = mac(t3, m, P3, &d);                 \
        t3 = d;                                                                                    \
    } while (0)

/* a / R, for a below p R: the low half gives at most p, the high half is below p. */
static inline void wide_reduce(fp_t *r, const wide_t *a)
{
    uint64_t t0 = a->w[0], t1 = a->w[1], t2 = a->w[2], t3 = a->w[3];
    WIDE_REDUCE_ROW();
    WIDE_REDUCE_ROW();
    WIDE_REDUCE_ROW();
    WIDE_REDUCE_ROW();
    unsigned char carry = 0;
    t0 = adc(&carry, t0, a->w[4]), t1 = adc(&carry, t1, a->w[5]);
    t2 = adc(&carry, t2, a->w[6]), t3 = adc(&carry, t3, a->w[7]);
    fp_settle(r->w, t0, t1, t2, t3);
}

/* a - b that is known not to be negative */
static inline void wide_sub(wide_t *r, const wide_t *a, const wide_t *b)
{
    unsigned char borrow = 0;
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        r->w[i] = sbb(&borrow, a->w[i], b->w[i]);
}

/* a - b modulo p R */
static inline void wide_sub_mod(wide_t *r, const wide_t *a, const wide_t *b)
{
    unsigned char borrow = 0, carry = 0;
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        r->w[i] = sbb(&borrow, a->w[i], b->w[i]);
    uint64_t mask = 0 - (uint64_t)borrow;
    r->w[4] = adc(&carry, r->w[4], P0 & mask);
    r->w[5] = adc(&carry, r->w[5], P1 & mask);
    r->w[6] = adc(&carry, r->w[6], P2 & mask);
    r->w[7] = adc(&carry, r->w[7], P3 & mask);
}

/* ---- Fp2 ---- */

static inline bool fp2_is_zero(const fp2_t *x)
{
    return bc_u256_is_zero(&x->a) && bc_u256_is_zero(&x->b);
}

static inline bool fp2_eq(const fp2_t *x, const fp2_t *y)
{
    return bc_u256_eq(&x->a, &y->a) && bc_u256_eq(&x->b, &y->b);
}

static inline void fp2_add(fp2_t *r, const fp2_t *x, const fp2_t *y)
{
    fp_add(&r->a, &x->a, &y->a);
    fp_add(&r->b, &x->b, &y->b);
}

static inline void fp2_sub(fp2_t *r, const fp2_t *x, const fp2_t *y)
{
    fp_sub(&r->a, &x->a, &y->a);
    fp_sub(&r->b, &x->b, &y->b);
}

static inline void fp2_neg(fp2_t *r, const fp2_t *x)
{
    fp_neg(&r->a, &x->a);
    fp_neg(&r->b, &x->b);
}

static inline void fp2_conj(fp2_t *r, const fp2_t *x)
{
    r->a = x->a;
    fp_neg(&r->b, &x->b);
}

static inline void fp2_double(fp2_t *r, const fp2_t *x)
{
    fp2_add(r, x, x);
}

static inline void fp2_triple(fp2_t *r, const fp2_t *x)
{
    fp2_t t;
    fp2_double(&t, x);
    fp2_add(r, &t, x);
}

static inline void fp2_halve(fp2_t *r, const fp2_t *x)
{
    fp_halve(&r->a, &x->a);
    fp_halve(&r->b, &x->b);
}

/* Karatsuba; the two results are reduced once each: (a + b)(c + d) - ac - bd is below 2 p^2, which
 * is below p R, and so is the product of the unreduced sums, below 4 p^2. */
static inline void fp2_mul(fp2_t *r, const fp2_t *x, const fp2_t *y)
{
    wide_t aa, bb, ab;
    fp_t s, t;
    fp_add_lazy(&s, &x->a, &x->b);
    fp_add_lazy(&t, &y->a, &y->b);
    wide_mul(&aa, &x->a, &y->a);
    wide_mul(&bb, &x->b, &y->b);
    wide_mul(&ab, &s, &t);
    wide_sub(&ab, &ab, &aa);
    wide_sub(&ab, &ab, &bb);
    wide_sub_mod(&aa, &aa, &bb);
    wide_reduce(&r->a, &aa);
    wide_reduce(&r->b, &ab);
}

static inline void fp2_sqr(fp2_t *r, const fp2_t *x) /* (a + b)(a - b), 2ab */
{
    fp_t s, d, twice;
    fp_add_lazy(&s, &x->a, &x->b);
    fp_sub(&d, &x->a, &x->b);
    fp_add_lazy(&twice, &x->a, &x->a);
    fp_mul(&r->b, &twice, &x->b);
    fp_mul(&r->a, &s, &d);
}

static inline void fp2_scale(fp2_t *r, const fp2_t *x, const fp_t *k)
{
    fp_mul(&r->a, &x->a, k);
    fp_mul(&r->b, &x->b, k);
}

/* times xi = 9 + u */
static inline void fp2_mul_xi(fp2_t *r, const fp2_t *x)
{
    fp_t minus_b, a;
    fp_neg_lazy(&minus_b, &x->b);
    fp_mul9_add(&a, &x->a, &minus_b);
    fp_mul9_add(&r->b, &x->b, &x->a);
    r->a = a;
}

#endif
