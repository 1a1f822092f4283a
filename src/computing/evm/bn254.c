#include "computing/evm/bn254.h"
#include "computing/evm/u256.h"

/* ---- Fp: four limbs, Montgomery form with factor 2^256 ---- */

typedef bc_u256_t fp_t;

typedef struct {
    fp_t a, b; /* a + b u, u^2 = -1 */
} fp2_t;

#define P_INV 0x87d20782e4866389ull /* -1/p mod 2^64 */

/* the prime p, not in Montgomery form */
static const fp_t prime = { { 0x3c208c16d87cfd47, 0x97816a916871ca8d,
                              0xb85045b68181585d, 0x30644e72e131a029 } };
/* 1 */
static const fp_t r_one = { { 0xd35d438dc58f0d9d, 0x0a78eb28f5c70b3d,
                              0x666ea36f7879462c, 0x0e0a77c19a07df2f } };
/* 2^512 mod p, not in Montgomery form: the way in */
static const fp_t r_square = { { 0xf32cfc5b538afa89, 0xb5e71911d44501fb,
                                 0x47ab1eff0a417ff6, 0x06d89f71cab8351f } };
/* 3 */
static const fp_t three = { { 0x7a17caa950ad28d7, 0x1f6ac17ae15521b9,
                              0x334bea4e696bd284, 0x2a1f6744ce179d8e } };
/* 1/2 */
static const fp_t half = { { 0x87bee7d24f060572, 0xd0fd2add2f1c6ae5,
                             0x8f5f7492fcfd4f44, 0x1f37631a3d9cbfac } };
/* 3/(9+u), the b of the twist */
static const fp2_t twist_b =
    { { { 0x3bf938e377b802a8, 0x020b1b273633535d, 0x26b7edf049755260, 0x2514c6324384a86d } },
      { { 0x38e7ecccd1dcff67, 0x65f0b37d93ce0d3e, 0xd749d0dd22ac00aa, 0x0141b9ce4a688d4d } } };
/* (9+u)^(i(p-1)/6), i = 0..5 */
static const fp2_t frob1[6] = {
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
/* (9+u)^(i(p^2-1)/6), i = 0..5: in Fp */
static const fp_t frob2[6] = {
    { { 0xd35d438dc58f0d9d, 0x0a78eb28f5c70b3d, 0x666ea36f7879462c, 0x0e0a77c19a07df2f } },
    { { 0xca8d800500fa1bf2, 0xf0c5d61468b39769, 0x0e201271ad0d4418, 0x04290f65bad856e6 } },
    { { 0x3350c88e13e80b9c, 0x7dce557cdb5e56b9, 0x6001b4b8b615564a, 0x2682e617020217e0 } },
    { { 0x68c3488912edefaa, 0x8d087f6872aabf4f, 0x51e1a24709081231, 0x2259d6b14729c0fa } },
    { { 0x71930c11d782e155, 0xa6bb947cffbe3323, 0xaa303344d4741444, 0x2c3b3f0d26594943 } },
    { { 0x08cfc388c494f1ab, 0x19b315148d1373d4, 0x584e90fdcb6c0213, 0x09e1685bdf2f8849 } },
};

static inline void fp_reduce(fp_t *r)
{
    fp_t t;
    if (!bc_u256_sub_borrow(&t, r, &prime))
        *r = t;
}

static inline void fp_add(fp_t *r, const fp_t *a, const fp_t *b)
{
    bc_u256_add_carry(r, a, b); /* p has 254 bits: no carry */
    fp_reduce(r);
}

static inline void fp_sub(fp_t *r, const fp_t *a, const fp_t *b)
{
    if (bc_u256_sub_borrow(r, a, b))
        bc_u256_add_carry(r, r, &prime);
}

static inline void fp_neg(fp_t *r, const fp_t *a)
{
    if (bc_u256_is_zero(a))
        *r = *a;
    else
        bc_u256_sub_borrow(r, &prime, a);
}

/* Row by row product and reduction; the two free top bits of p make one carry word enough. */
static void fp_mul(fp_t *r, const fp_t *a, const fp_t *b)
{
    uint64_t t[4] = { 0 };
    for (int i = 0; i < 4; i++) {
        bc_u128_t x = (bc_u128_t)a->w[0] * b->w[i] + t[0];
        uint64_t carry = (uint64_t)(x >> 64);
        uint64_t m = (uint64_t)x * P_INV;
        bc_u128_t y = (bc_u128_t)m * prime.w[0] + (uint64_t)x;
        uint64_t carry2 = (uint64_t)(y >> 64);
        for (int j = 1; j < 4; j++) {
            x = (bc_u128_t)a->w[j] * b->w[i] + t[j] + carry;
            carry = (uint64_t)(x >> 64);
            y = (bc_u128_t)m * prime.w[j] + (uint64_t)x + carry2;
            carry2 = (uint64_t)(y >> 64);
            t[j - 1] = (uint64_t)y;
        }
        t[3] = carry + carry2;
    }
    memcpy(r->w, t, sizeof t);
    fp_reduce(r);
}

static void fp_inv(fp_t *r, const fp_t *a) /* a^(p-2) */
{
    fp_t e = prime, x = r_one;
    e.w[0] -= 2;
    for (unsigned i = 254; i-- > 0;) {
        fp_mul(&x, &x, &x);
        if (e.w[i / 64] >> (i % 64) & 1)
            fp_mul(&x, &x, a);
    }
    *r = x;
}

/* False: not below p. */
static bool fp_read(fp_t *r, const uint8_t be[32])
{
    fp_t v = bc_u256_from_be(be);
    if (!bc_u256_lt(&v, &prime))
        return false;
    fp_mul(r, &v, &r_square);
    return true;
}

static void fp_write(const fp_t *a, uint8_t be[32])
{
    fp_t one = { { 1, 0, 0, 0 } }, v;
    fp_mul(&v, a, &one);
    bc_u256_to_be(&v, be);
}

/* ---- Fp2 ---- */

static inline bool fp2_is_zero(const fp2_t *x)
{
    return bc_u256_is_zero(&x->a) && bc_u256_is_zero(&x->b);
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

static void fp2_mul(fp2_t *r, const fp2_t *x, const fp2_t *y)
{
    fp_t aa, bb, s, t;
    fp_mul(&aa, &x->a, &y->a);
    fp_mul(&bb, &x->b, &y->b);
    fp_add(&s, &x->a, &x->b);
    fp_add(&t, &y->a, &y->b);
    fp_mul(&s, &s, &t);
    fp_sub(&s, &s, &aa);
    fp_sub(&r->b, &s, &bb);
    fp_sub(&r->a, &aa, &bb);
}

static void fp2_sqr(fp2_t *r, const fp2_t *x)
{
    fp_t s, d, m;
    fp_add(&s, &x->a, &x->b);
    fp_sub(&d, &x->a, &x->b);
    fp_mul(&m, &x->a, &x->b);
    fp_mul(&r->a, &s, &d);
    fp_add(&r->b, &m, &m);
}

static void fp2_scale(fp2_t *r, const fp2_t *x, const fp_t *k)
{
    fp_mul(&r->a, &x->a, k);
    fp_mul(&r->b, &x->b, k);
}

/* times 9 + u */
static void fp2_mul_xi(fp2_t *r, const fp2_t *x)
{
    fp2_t t = *x;
    for (int i = 0; i < 3; i++)
        fp2_add(&t, &t, &t);
    fp2_add(&t, &t, x); /* 9x */
    fp_t a;
    fp_sub(&a, &t.a, &x->b);
    fp_add(&r->b, &t.b, &x->a);
    r->a = a;
}

static void fp2_inv(fp2_t *r, const fp2_t *x)
{
    fp_t n, t;
    fp_mul(&n, &x->a, &x->a);
    fp_mul(&t, &x->b, &x->b);
    fp_add(&n, &n, &t);
    fp_inv(&n, &n);
    fp_mul(&r->a, &x->a, &n);
    fp_mul(&t, &x->b, &n);
    fp_neg(&r->b, &t);
}

/* ---- Fp6 = Fp2[v]/(v^3 - xi), Fp12 = Fp6[w]/(w^2 - v) ---- */

typedef struct {
    fp2_t c[3];
} fp6_t;

typedef struct {
    fp6_t a, b; /* a + b w */
} fp12_t;

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

static void fp12_mul(fp12_t *r, const fp12_t *x, const fp12_t *y)
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

static void fp12_sqr(fp12_t *r, const fp12_t *x) /* (a+b)(a+vb) - ab - vab, 2ab */
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
        fp2_mul(c, c, &frob1[i]);
    }
}

static void fp12_frob2(fp12_t *r, const fp12_t *x) /* x^(p^2) */
{
    *r = *x;
    for (int i = 1; i < 6; i++) {
        fp2_t *c = coefficient(r, i);
        fp2_scale(c, c, &frob2[i]);
    }
}

static void fp12_one(fp12_t *r)
{
    memset(r, 0, sizeof *r);
    r->a.c[0].a = r_one;
}

/* ---- G1, Jacobian: x/z^2, y/z^3; z = 0 is infinity ---- */

typedef struct {
    fp_t x, y, z;
} g1_t;

static void g1_double(g1_t *r, const g1_t *q)
{
    fp_t a, b, c, d, e, t;
    fp_mul(&a, &q->x, &q->x);
    fp_mul(&b, &q->y, &q->y);
    fp_mul(&c, &b, &b);
    fp_add(&d, &q->x, &b), fp_mul(&d, &d, &d), fp_sub(&d, &d, &a), fp_sub(&d, &d, &c);
    fp_add(&d, &d, &d);
    fp_add(&e, &a, &a), fp_add(&e, &e, &a);
    fp_mul(&t, &q->y, &q->z), fp_add(&r->z, &t, &t);
    fp_mul(&t, &e, &e), fp_sub(&t, &t, &d), fp_sub(&r->x, &t, &d);
    fp_add(&c, &c, &c), fp_add(&c, &c, &c), fp_add(&c, &c, &c);
    fp_sub(&d, &d, &r->x), fp_mul(&d, &d, &e), fp_sub(&r->y, &d, &c);
}

static void g1_add(g1_t *r, const g1_t *p, const g1_t *q)
{
    if (bc_u256_is_zero(&p->z)) {
        *r = *q;
        return;
    }
    if (bc_u256_is_zero(&q->z)) {
        *r = *p;
        return;
    }
    fp_t z1, z2, u1, u2, s1, s2, h, i, t;
    fp_mul(&z1, &p->z, &p->z), fp_mul(&z2, &q->z, &q->z);
    fp_mul(&u1, &p->x, &z2), fp_mul(&u2, &q->x, &z1);
    fp_mul(&s1, &p->y, &q->z), fp_mul(&s1, &s1, &z2);
    fp_mul(&s2, &q->y, &p->z), fp_mul(&s2, &s2, &z1);
    fp_sub(&h, &u2, &u1), fp_sub(&i, &s2, &s1);
    if (bc_u256_is_zero(&h)) {
        if (bc_u256_is_zero(&i))
            g1_double(r, p);
        else
            memset(r, 0, sizeof *r);
        return;
    }
    fp_t hh, hhh, v;
    fp_mul(&hh, &h, &h), fp_mul(&hhh, &hh, &h), fp_mul(&v, &u1, &hh);
    fp_mul(&t, &p->z, &q->z), fp_mul(&r->z, &t, &h);
    fp_mul(&t, &i, &i), fp_sub(&t, &t, &hhh), fp_sub(&t, &t, &v), fp_sub(&r->x, &t, &v);
    fp_sub(&v, &v, &r->x), fp_mul(&v, &v, &i), fp_mul(&s1, &s1, &hhh), fp_sub(&r->y, &v, &s1);
}

/* False: not a point. */
static bool g1_read(g1_t *r, const uint8_t in[64])
{
    memset(r, 0, sizeof *r);
    if (!fp_read(&r->x, in) || !fp_read(&r->y, in + 32))
        return false;
    if (bc_u256_is_zero(&r->x) && bc_u256_is_zero(&r->y))
        return true;
    fp_t l, s;
    fp_mul(&l, &r->y, &r->y);
    fp_mul(&s, &r->x, &r->x), fp_mul(&s, &s, &r->x), fp_add(&s, &s, &three);
    r->z = r_one;
    return bc_u256_eq(&l, &s);
}

static void g1_write(const g1_t *q, uint8_t out[64])
{
    memset(out, 0, 64);
    if (bc_u256_is_zero(&q->z))
        return;
    fp_t i, ii, t;
    fp_inv(&i, &q->z);
    fp_mul(&ii, &i, &i);
    fp_mul(&t, &q->x, &ii), fp_write(&t, out);
    fp_mul(&ii, &ii, &i), fp_mul(&t, &q->y, &ii), fp_write(&t, out + 32);
}

bool bc_bn254_add(const uint8_t a[64], const uint8_t b[64], uint8_t out[64])
{
    g1_t p, q, r;
    if (!g1_read(&p, a) || !g1_read(&q, b))
        return false;
    g1_add(&r, &p, &q);
    g1_write(&r, out);
    return true;
}

bool bc_bn254_mul(const uint8_t a[64], const uint8_t scalar[32], uint8_t out[64])
{
    g1_t table[16], r;
    memset(&table[0], 0, sizeof table[0]);
    memset(&r, 0, sizeof r);
    if (!g1_read(&table[1], a))
        return false;
    for (int i = 2; i < 16; i++)
        g1_add(&table[i], &table[i - 1], &table[1]);
    for (int i = 0; i < 64; i++) { /* four bits at a time, high first */
        for (int j = 0; i && j < 4; j++)
            g1_double(&r, &r);
        g1_t t = r;
        g1_add(&r, &t, &table[i % 2 ? scalar[i / 2] & 15 : scalar[i / 2] >> 4]);
    }
    g1_write(&r, out);
    return true;
}

/* ---- G2, homogeneous: x/z, y/z on the twist; the steps of the Miller loop give lines ---- */

typedef struct {
    fp2_t x, y;
} g2_affine_t;

typedef struct {
    fp2_t x, y, z;
} g2_t;

/* c0 + c1 w + c3 w^3; c0 is still to be multiplied by y of the G1 point, c1 by its x */
typedef struct {
    fp2_t c0, c1, c3;
} line_t;

/* Formulas: Aranha, Barreto, Longa, Ricardini, "The realm of the pairings", section 5. */
static void double_step(g2_t *t, line_t *l)
{
    fp2_t a, b, c, e, f, g, h, j, s;
    fp2_mul(&a, &t->x, &t->y), fp2_scale(&a, &a, &half);
    fp2_sqr(&b, &t->y);
    fp2_sqr(&c, &t->z);
    fp2_add(&e, &c, &c), fp2_add(&e, &e, &c), fp2_mul(&e, &e, &twist_b);
    fp2_add(&f, &e, &e), fp2_add(&f, &f, &e);
    fp2_add(&g, &b, &f), fp2_scale(&g, &g, &half);
    fp2_add(&h, &t->y, &t->z), fp2_sqr(&h, &h), fp2_sub(&h, &h, &b), fp2_sub(&h, &h, &c);
    fp2_sqr(&j, &t->x);
    fp2_sub(&l->c3, &e, &b);
    fp2_neg(&l->c0, &h);
    fp2_add(&l->c1, &j, &j), fp2_add(&l->c1, &l->c1, &j);
    fp2_sub(&s, &b, &f), fp2_mul(&t->x, &a, &s);
    fp2_sqr(&e, &e), fp2_add(&s, &e, &e), fp2_add(&s, &s, &e);
    fp2_sqr(&g, &g), fp2_sub(&t->y, &g, &s);
    fp2_mul(&t->z, &b, &h);
}

static void add_step(g2_t *t, const g2_affine_t *q, line_t *l)
{
    fp2_t o, d, c, e, f, g, h, s;
    fp2_mul(&o, &q->y, &t->z), fp2_sub(&o, &t->y, &o);
    fp2_mul(&l->c0, &q->x, &t->z), fp2_sub(&l->c0, &t->x, &l->c0);
    const fp2_t *dx = &l->c0;
    fp2_sqr(&c, &o);
    fp2_sqr(&d, dx);
    fp2_mul(&e, dx, &d);
    fp2_mul(&f, &t->z, &c);
    fp2_mul(&g, &t->x, &d);
    fp2_add(&h, &e, &f), fp2_sub(&h, &h, &g), fp2_sub(&h, &h, &g);
    fp2_mul(&s, &t->y, &e);
    fp2_mul(&t->x, dx, &h);
    fp2_sub(&g, &g, &h), fp2_mul(&g, &g, &o), fp2_sub(&t->y, &g, &s);
    fp2_mul(&t->z, &e, &t->z);
    fp2_neg(&l->c1, &o);
    fp2_mul(&s, dx, &q->y);
    fp2_mul(&l->c3, &q->x, &o), fp2_sub(&l->c3, &l->c3, &s);
}

/* x times (c0 + c1 v), in Fp6 */
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

static void mul_line(fp12_t *f, const line_t *l, const g1_t *p)
{
    fp2_t c0, c1, t;
    fp6_t a, b, s;
    fp2_scale(&c0, &l->c0, &p->y);
    fp2_scale(&c1, &l->c1, &p->x);
    for (int i = 0; i < 3; i++)
        fp2_mul(&a.c[i], &f->a.c[i], &c0);
    fp6_mul_01(&b, &f->b, &c1, &l->c3);
    fp6_add(&s, &f->a, &f->b);
    fp2_add(&t, &c0, &c1);
    fp6_mul_01(&s, &s, &t, &l->c3);
    fp6_sub(&s, &s, &a);
    fp6_sub(&f->b, &s, &b);
    fp6_mul_v(&b, &b);
    fp6_add(&f->a, &a, &b);
}

static bool g2_on_curve(const g2_affine_t *q)
{
    fp2_t l, s;
    fp2_sqr(&l, &q->y);
    fp2_sqr(&s, &q->x), fp2_mul(&s, &s, &q->x), fp2_add(&s, &s, &twist_b);
    fp2_sub(&l, &l, &s);
    return fp2_is_zero(&l);
}

/* The twist has points outside the subgroup of order r: [r]Q must be infinity. The steps' formulas
 * are not complete; a point of small order would make them meet 0/0, which is not infinity times
 * a line but z = 0 early, so z = 0 before the last addition is refused too. */
static bool g2_in_subgroup(const g2_affine_t *q)
{
    static const bc_u256_t order_minus_1 = { { 0x43e1f593f0000000, 0x2833e84879b97091,
                                               0xb85045b68181585d, 0x30644e72e131a029 } };
    g2_t t = { q->x, q->y, { r_one, { { 0 } } } };
    line_t l;
    for (unsigned i = 253; i-- > 0;) {
        double_step(&t, &l);
        if (order_minus_1.w[i / 64] >> (i % 64) & 1)
            add_step(&t, q, &l);
        if (fp2_is_zero(&t.z))
            return false;
    }
    /* [r-1]Q = -Q */
    fp2_t d;
    fp2_mul(&d, &q->x, &t.z), fp2_sub(&d, &d, &t.x);
    if (!fp2_is_zero(&d))
        return false;
    fp2_mul(&d, &q->y, &t.z), fp2_add(&d, &d, &t.y);
    return fp2_is_zero(&d);
}

/* False: not a point of the subgroup. Infinity is told apart. */
static bool g2_read(g2_affine_t *q, const uint8_t in[128], bool *infinity)
{
    if (!fp_read(&q->x.b, in) || !fp_read(&q->x.a, in + 32) || !fp_read(&q->y.b, in + 64) ||
        !fp_read(&q->y.a, in + 96))
        return false;
    *infinity = fp2_is_zero(&q->x) && fp2_is_zero(&q->y);
    return *infinity || (g2_on_curve(q) && g2_in_subgroup(q));
}

/* f *= the Miller function of the optimal ate pairing */
static void miller(fp12_t *f, const g1_t *p, const g2_affine_t *q)
{
    const bc_u256_t loop = { { 0x9d797039be763ba8ull, 1, 0, 0 } }; /* 6t + 2 */
    g2_t t = { q->x, q->y, { r_one, { { 0 } } } };
    fp12_t m;
    line_t l;
    fp12_one(&m);
    for (unsigned i = 64; i-- > 0;) {
        fp12_sqr(&m, &m);
        double_step(&t, &l);
        mul_line(&m, &l, p);
        if (loop.w[0] >> i & 1) {
            add_step(&t, q, &l);
            mul_line(&m, &l, p);
        }
    }
    g2_affine_t q1, q2; /* Frobenius of Q, and minus its square */
    fp2_conj(&q1.x, &q->x), fp2_mul(&q1.x, &q1.x, &frob1[2]);
    fp2_conj(&q1.y, &q->y), fp2_mul(&q1.y, &q1.y, &frob1[3]);
    fp2_scale(&q2.x, &q->x, &frob2[2]);
    q2.y = q->y;
    add_step(&t, &q1, &l);
    mul_line(&m, &l, p);
    add_step(&t, &q2, &l);
    mul_line(&m, &l, p);
    fp12_mul(f, f, &m);
}

static void pow_t(fp12_t *r, const fp12_t *x) /* x^t, t = 4965661367192848881 */
{
    const uint64_t t = 4965661367192848881ull;
    fp12_t y = *x;
    for (unsigned i = 62; i-- > 0;) {
        fp12_sqr(&y, &y);
        if (t >> i & 1)
            fp12_mul(&y, &y, x);
    }
    *r = y;
}

/* x^((p^12-1)/n). The hard part: Scott, Benger, Charlemagne, Dominguez Perez, Kachisa, "On the
 * final exponentiation for calculating pairings on ordinary elliptic curves". */
static void final_exponentiation(fp12_t *r, const fp12_t *x)
{
    fp12_t f, s, fp1, fp2, fp3, ft, ft2, ft3, y0, y2, y3, y4, y6, t0, t1;
    fp12_conj(&f, x), fp12_inv(&s, x), fp12_mul(&f, &f, &s);
    fp12_frob2(&s, &f), fp12_mul(&f, &s, &f);

    fp12_frob(&fp1, &f), fp12_frob2(&fp2, &f), fp12_frob(&fp3, &fp2);
    pow_t(&ft, &f), pow_t(&ft2, &ft), pow_t(&ft3, &ft2);
    fp12_mul(&y0, &fp1, &fp2), fp12_mul(&y0, &y0, &fp3);
    fp12_frob2(&y2, &ft2);
    fp12_frob(&y3, &ft), fp12_conj(&y3, &y3);
    fp12_frob(&y4, &ft2), fp12_mul(&y4, &y4, &ft), fp12_conj(&y4, &y4);
    fp12_frob(&y6, &ft3), fp12_mul(&y6, &y6, &ft3), fp12_conj(&y6, &y6);
    fp12_conj(&f, &f);     /* y1 */
    fp12_conj(&ft2, &ft2); /* y5 */

    fp12_sqr(&t0, &y6), fp12_mul(&t0, &t0, &y4), fp12_mul(&t0, &t0, &ft2);
    fp12_mul(&t1, &y3, &ft2), fp12_mul(&t1, &t1, &t0);
    fp12_mul(&t0, &t0, &y2);
    fp12_sqr(&t1, &t1), fp12_mul(&t1, &t1, &t0), fp12_sqr(&t1, &t1);
    fp12_mul(&t0, &t1, &f);
    fp12_mul(&t1, &t1, &y0);
    fp12_sqr(&t0, &t0), fp12_mul(r, &t0, &t1);
}

bool bc_bn254_pairing(bc_bytes_t pairs, bool *one)
{
    fp12_t f, unit;
    fp12_one(&f);
    fp12_one(&unit);
    for (size_t i = 0; i + 192 <= pairs.n; i += 192) {
        g1_t p;
        g2_affine_t q;
        bool infinity;
        if (!g1_read(&p, pairs.p + i) || !g2_read(&q, pairs.p + i + 64, &infinity))
            return false;
        if (!infinity && !bc_u256_is_zero(&p.z))
            miller(&f, &p, &q);
    }
    final_exponentiation(&f, &f);
    *one = memcmp(&f, &unit, sizeof f) == 0;
    return true;
}
