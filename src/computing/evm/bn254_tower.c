#include "computing/evm/bn254_tower.h"

const fp2_t bc_bn254_frob1[6] = {
    { { { 0xd35d438dc58f0d9d, 0x0a78eb28f5c70b3d, 0x666ea36f7879462c, 0x0e0a77c19a07df2f } },
      { { 0x0000000000000000, 0x0000000000000000, 0x0000000000000000, 0x0000000000000000 } } },
    { { { 0xaf9ba69633144907, 0xca6b1d7387afb78a, 0x11bded5ef08a2087, 0x02f34d751a1f3a7c } },
      { { 0xa222ae234c492d72, 0xd00f02a4565de15b, 0xdc2ff3a253dfc926, 0x10a75716b3899551 } } },
    { { { 0xb5773b104563ab30, 0x347f91c8a9aa6454, 0x7a007127242e0991, 0x1956bcd8118214ec } },
      { { 0x6e849f1ea0aa4757, 0xaa1c7b6d89f89141, 0xb6e713cdfae0ca3a, 0x26694fbb4e82ebc3 } } },
    { { { 0xe4bbdd0c2936b629, 0xbb30f162e133bacb, 0x31a9d1b6f9645366, 0x253570bea500f8dd } },
      { { 0xa1d77ce45ffe77c7, 0x07affd117826d1db, 0x6d16bd27bb7edc6b, 0x2c87200285defecc } } },
    { { { 0x7361d77f843abe92, 0xa5bb2bd3273411fb, 0x9c941f314b3e2399, 0x15df9cddbb9fd3ec } },
      { { 0x5dddfd154bd8c949, 0x62cb29a5a4445b60, 0x37bc870a0c7dd2b9, 0x24830a9d3171f0fd } } },
    { { { 0xc970692f41690fe7, 0xe240342127694b0b, 0x32bee66b83c459e8, 0x12aabced0ab08841 } },
      { { 0x0d485d2340aebfa9, 0x05193418ab2fcc57, 0xd3b0a40b8a4910f5, 0x2f21ebb535d2925a } } },
};
const fp_t bc_bn254_frob2[6] = {
    { { 0xd35d438dc58f0d9d, 0x0a78eb28f5c70b3d, 0x666ea36f7879462c, 0x0e0a77c19a07df2f } },
    { { 0xca8d800500fa1bf2, 0xf0c5d61468b39769, 0x0e201271ad0d4418, 0x04290f65bad856e6 } },
    { { 0x3350c88e13e80b9c, 0x7dce557cdb5e56b9, 0x6001b4b8b615564a, 0x2682e617020217e0 } },
    { { 0x68c3488912edefaa, 0x8d087f6872aabf4f, 0x51e1a24709081231, 0x2259d6b14729c0fa } },
    { { 0x71930c11d782e155, 0xa6bb947cffbe3323, 0xaa303344d4741444, 0x2c3b3f0d26594943 } },
    { { 0x08cfc388c494f1ab, 0x19b315148d1373d4, 0x584e90fdcb6c0213, 0x09e1685bdf2f8849 } },
};

/* ---- Fp6 ---- */

static void fp6_add(fp6_t *r, const fp6_t *x, const fp6_t *y)
{
    for (int i = 0; i < 3; i++)
        fp2_add(&r->c[i], &x->c[i], &y->c[i]);
}

static void fp6_sub(fp6_t *r, const fp6_t *x, const fp6_t *y)
{
    for (int i = 0; i < 3; i++)
        fp2_sub(&r->c[i], &x->c[i], &y->c[i]);
}

static void fp6_neg(fp6_t *r, const fp6_t *x)
{
    for (int i = 0; i < 3; i++)
        fp2_neg(&r->c[i], &x->c[i]);
}

/* (x_i + x_j)(y_i + y_j) - p - q */
static void cross(fp2_t *r, const fp6_t *x, const fp6_t *y, int i, int j, const fp2_t *p,
                  const fp2_t *q)
{
    fp2_t s, t;
    fp2_add(&s, &x->c[i], &x->c[j]);
    fp2_add(&t, &y->c[i], &y->c[j]);
    fp2_mul(&s, &s, &t);
    fp2_sub(&s, &s, p);
    fp2_sub(r, &s, q);
}

static void fp6_mul(fp6_t *r, const fp6_t *x, const fp6_t *y)
{
    fp2_t v0, v1, v2, t0, t1, t2;
    fp2_mul(&v0, &x->c[0], &y->c[0]);
    fp2_mul(&v1, &x->c[1], &y->c[1]);
    fp2_mul(&v2, &x->c[2], &y->c[2]);
    cross(&t0, x, y, 1, 2, &v1, &v2);
    cross(&t1, x, y, 0, 1, &v0, &v1);
    cross(&t2, x, y, 0, 2, &v0, &v2);
    fp2_mul_xi(&t0, &t0);
    fp2_add(&r->c[0], &v0, &t0);
    fp2_mul_xi(&v0, &v2);
    fp2_add(&r->c[1], &t1, &v0);
    fp2_add(&r->c[2], &t2, &v1);
}

static void fp6_mul_v(fp6_t *r, const fp6_t *x)
{
    fp2_t t;
    fp2_mul_xi(&t, &x->c[2]);
    r->c[2] = x->c[1];
    r->c[1] = x->c[0];
    r->c[0] = t;
}

/* x times (c0 + c1 v) */
static void fp6_mul_01(fp6_t *r, const fp6_t *x, const fp2_t *c0, const fp2_t *c1)
{
    fp2_t v0, v1, s, t, r0, r1;
    fp2_mul(&v0, &x->c[0], c0);
    fp2_mul(&v1, &x->c[1], c1);
    fp2_mul(&s, &x->c[2], c1), fp2_mul_xi(&s, &s), fp2_add(&r0, &v0, &s);
    fp2_add(&s, &x->c[0], &x->c[1]), fp2_add(&t, c0, c1), fp2_mul(&s, &s, &t);
    fp2_sub(&s, &s, &v0), fp2_sub(&r1, &s, &v1);
    fp2_mul(&s, &x->c[2], c0), fp2_add(&r->c[2], &s, &v1);
    r->c[0] = r0;
    r->c[1] = r1;
}

static void fp2_inv(fp2_t *r, const fp2_t *x)
{
    fp_t n, t;
    fp_sqr(&n, &x->a);
    fp_sqr(&t, &x->b);
    fp_add(&n, &n, &t);
    bc_fp_inv(&n, &n);
    fp_mul(&r->a, &x->a, &n);
    fp_mul(&t, &x->b, &n);
    fp_neg(&r->b, &t);
}

static void fp6_inv(fp6_t *r, const fp6_t *x)
{
    const fp2_t *a = &x->c[0], *b = &x->c[1], *c = &x->c[2];
    fp2_t t0, t1, t2, s, d;
    fp2_sqr(&t0, a), fp2_mul(&s, b, c), fp2_mul_xi(&s, &s), fp2_sub(&t0, &t0, &s);
    fp2_sqr(&t1, c), fp2_mul_xi(&t1, &t1), fp2_mul(&s, a, b), fp2_sub(&t1, &t1, &s);
    fp2_sqr(&t2, b), fp2_mul(&s, a, c), fp2_sub(&t2, &t2, &s);
    fp2_mul(&d, c, &t1), fp2_mul(&s, b, &t2), fp2_add(&d, &d, &s), fp2_mul_xi(&d, &d);
    fp2_mul(&s, a, &t0), fp2_add(&d, &d, &s);
    fp2_inv(&d, &d);
    fp2_mul(&r->c[0], &t0, &d);
    fp2_mul(&r->c[1], &t1, &d);
    fp2_mul(&r->c[2], &t2, &d);
}

/* ---- Fp12 ---- */

void bc_fp12_mul(fp12_t *r, const fp12_t *x, const fp12_t *y)
{
    fp6_t aa, bb, s, t;
    fp6_mul(&aa, &x->a, &y->a);
    fp6_mul(&bb, &x->b, &y->b);
    fp6_add(&s, &x->a, &x->b);
    fp6_add(&t, &y->a, &y->b);
    fp6_mul(&s, &s, &t);
    fp6_sub(&s, &s, &aa);
    fp6_sub(&r->b, &s, &bb);
    fp6_mul_v(&bb, &bb);
    fp6_add(&r->a, &aa, &bb);
}

void bc_fp12_sqr(fp12_t *r, const fp12_t *x) /* (a+b)(a+vb) - ab - vab, 2ab */
{
    fp6_t ab, s, t;
    fp6_mul(&ab, &x->a, &x->b);
    fp6_mul_v(&t, &x->b);
    fp6_add(&t, &t, &x->a);
    fp6_add(&s, &x->a, &x->b);
    fp6_mul(&s, &s, &t);
    fp6_sub(&s, &s, &ab);
    fp6_mul_v(&t, &ab);
    fp6_sub(&r->a, &s, &t);
    fp6_add(&r->b, &ab, &ab);
}

void bc_fp12_mul_line(fp12_t *x, const fp2_t *c0, const fp2_t *c1, const fp2_t *c3)
{
    fp2_t t;
    fp6_t a, b, s;
    for (int i = 0; i < 3; i++)
        fp2_mul(&a.c[i], &x->a.c[i], c0);
    fp6_mul_01(&b, &x->b, c1, c3);
    fp6_add(&s, &x->a, &x->b);
    fp2_add(&t, c0, c1);
    fp6_mul_01(&s, &s, &t, c3);
    fp6_sub(&s, &s, &a);
    fp6_sub(&x->b, &s, &b);
    fp6_mul_v(&b, &b);
    fp6_add(&x->a, &a, &b);
}

static void fp12_conj(fp12_t *r, const fp12_t *x)
{
    r->a = x->a;
    fp6_neg(&r->b, &x->b);
}

static void fp12_inv(fp12_t *r, const fp12_t *x)
{
    fp6_t n, t;
    fp6_mul(&n, &x->a, &x->a);
    fp6_mul(&t, &x->b, &x->b);
    fp6_mul_v(&t, &t);
    fp6_sub(&n, &n, &t);
    fp6_inv(&n, &n);
    fp6_mul(&r->a, &x->a, &n);
    fp6_mul(&t, &x->b, &n);
    fp6_neg(&r->b, &t);
}

/* The coefficient of w^i */
static fp2_t *coefficient(fp12_t *x, int i)
{
    return i % 2 ? &x->b.c[i / 2] : &x->a.c[i / 2];
}

static void fp12_frob(fp12_t *r, const fp12_t *x) /* x^p */
{
    *r = *x;
    for (int i = 0; i < 6; i++) {
        fp2_t *c = coefficient(r, i);
        fp2_conj(c, c);
        fp2_mul(c, c, &bc_bn254_frob1[i]);
    }
}

static void fp12_frob2(fp12_t *r, const fp12_t *x) /* x^(p^2) */
{
    *r = *x;
    for (int i = 1; i < 6; i++) {
        fp2_t *c = coefficient(r, i);
        fp2_scale(c, c, &bc_bn254_frob2[i]);
    }
}

/* ---- the subgroup of order p^4 - p^2 + 1: what the easy part of the final exponentiation
 * leaves. Its elements' inverses are their conjugates. ---- */

/* (a + b s)^2 in Fp4 = Fp2[s]/(s^2 - xi) */
static void fp4_sqr(fp2_t *r0, fp2_t *r1, const fp2_t *a, const fp2_t *b)
{
    fp2_t aa, bb, s;
    fp2_sqr(&aa, a);
    fp2_sqr(&bb, b);
    fp2_add(&s, a, b), fp2_sqr(&s, &s);
    fp2_sub(&s, &s, &aa), fp2_sub(r1, &s, &bb);
    fp2_mul_xi(&bb, &bb), fp2_add(r0, &aa, &bb);
}

static void three_minus_two(fp2_t *z, const fp2_t *t) /* z = 3t - 2z */
{
    fp2_t d;
    fp2_sub(&d, t, z), fp2_double(&d, &d), fp2_add(z, &d, t);
}

static void three_plus_two(fp2_t *z, const fp2_t *t) /* z = 3t + 2z */
{
    fp2_t d;
    fp2_add(&d, t, z), fp2_double(&d, &d), fp2_add(z, &d, t);
}

/* Granger, Scott, "Faster squaring in the cyclotomic subgroup of sixth degree extensions" */
static void cyclotomic_sqr(fp12_t *x)
{
    fp2_t r0, r1, s0, s1, t0, t1;
    fp4_sqr(&r0, &r1, &x->a.c[0], &x->b.c[1]);
    fp4_sqr(&s0, &s1, &x->b.c[0], &x->a.c[2]);
    fp4_sqr(&t0, &t1, &x->a.c[1], &x->b.c[2]);
    fp2_mul_xi(&t1, &t1);
    three_minus_two(&x->a.c[0], &r0);
    three_minus_two(&x->a.c[1], &s0);
    three_minus_two(&x->a.c[2], &t0);
    three_plus_two(&x->b.c[0], &t1);
    three_plus_two(&x->b.c[1], &r1);
    three_plus_two(&x->b.c[2], &s1);
}

typedef struct {
    int8_t digits[BN254_DIGITS_MAX]; /* odd ones below 8 in size */
    unsigned n;
} exponent_t;

static void cyclotomic_pow(fp12_t *r, const fp12_t *x, const exponent_t *e)
{
    fp12_t odd[4], y; /* x, x^3, x^5, x^7 */
    odd[0] = y = *x;
    cyclotomic_sqr(&y);
    for (int i = 1; i < 4; i++)
        bc_fp12_mul(&odd[i], &odd[i - 1], &y);
    y = odd[e->digits[e->n - 1] / 2]; /* the highest digit is positive */
    for (unsigned i = e->n - 1; i-- > 0;) {
        int d = e->digits[i];
        cyclotomic_sqr(&y);
        if (d > 0) {
            bc_fp12_mul(&y, &y, &odd[d / 2]);
        } else if (d < 0) {
            fp12_t inverse;
            fp12_conj(&inverse, &odd[-d / 2]);
            bc_fp12_mul(&y, &y, &inverse);
        }
    }
    *r = y;
}

/* The easy part gives f = x^((p^6-1)(p^2+1)); the hard part here is f^(2t(6t^2+3t+1)) to the power
 * of (p^4-p^2+1)/n: that first factor has no divisor in common with n, so it changes no answer.
 * Fuentes-Castaneda, Knapp, Rodriguez-Henriquez, "Faster hashing to G2". */
bool bc_fp12_final_is_one(const fp12_t *x)
{
    fp12_t f, s, f2t, f6t, f6tt, f12ttt, a, b;
    fp12_conj(&f, x), fp12_inv(&s, x), bc_fp12_mul(&f, &f, &s);
    fp12_frob2(&s, &f), bc_fp12_mul(&f, &s, &f);

    const uint64_t parameter[2] = { BN254_T, 0 };
    exponent_t t;
    t.n = bc_bn254_digits(t.digits, parameter, 4);
    cyclotomic_pow(&f2t, &f, &t), cyclotomic_sqr(&f2t);
    f6t = f2t, cyclotomic_sqr(&f6t), bc_fp12_mul(&f6t, &f6t, &f2t);
    cyclotomic_pow(&f6tt, &f6t, &t);
    f12ttt = f6tt, cyclotomic_sqr(&f12ttt), cyclotomic_pow(&f12ttt, &f12ttt, &t);
    bc_fp12_mul(&a, &f12ttt, &f6tt), bc_fp12_mul(&a, &a, &f6t);
    fp12_conj(&s, &f2t), bc_fp12_mul(&b, &a, &s);

    fp12_conj(&s, &f), bc_fp12_mul(&s, &s, &b); /* [a f^(6t^2) f] [b]^p [a]^(p^2) [b/f]^(p^3) */
    fp12_frob(&s, &s), fp12_frob2(&s, &s);
    bc_fp12_mul(&f, &f, &a), bc_fp12_mul(&f, &f, &f6tt), bc_fp12_mul(&f, &f, &s);
    fp12_frob(&b, &b), bc_fp12_mul(&f, &f, &b);
    fp12_frob2(&a, &a), bc_fp12_mul(&f, &f, &a);

    fp12_t one;
    fp12_set_one(&one);
    return memcmp(&f, &one, sizeof one) == 0;
}
