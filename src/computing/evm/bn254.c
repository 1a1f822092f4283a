/* The group G1: reading and writing points, addition, multiplication. */
#include "computing/evm/bn254.h"
#include "computing/evm/bn254_field.h"
#include "computing/evm/bn254_g1.h"

/* 3, the b of the curve */
static const fp_t curve_b = { { 0x7a17caa950ad28d7, 0x1f6ac17ae15521b9, 0x334bea4e696bd284,
                                0x2a1f6744ce179d8e } };

bool bc_g1_read(g1_affine_t *q, const uint8_t in[64], bool *infinity)
{
    if (!bc_fp_read(&q->x, in) || !bc_fp_read(&q->y, in + 32))
        return false;
    *infinity = bc_u256_is_zero(&q->x) && bc_u256_is_zero(&q->y);
    if (*infinity)
        return true;
    fp_t l, s;
    fp_sqr(&l, &q->y);
    fp_sqr(&s, &q->x), fp_mul(&s, &s, &q->x), fp_add(&s, &s, &curve_b);
    return bc_u256_eq(&l, &s);
}

static void write_affine(const g1_affine_t *q, uint8_t out[64])
{
    bc_fp_write(&q->x, out);
    bc_fp_write(&q->y, out + 32);
}

bool bc_bn254_add(const uint8_t a[64], const uint8_t b[64], uint8_t out[64])
{
    g1_affine_t p, q;
    bool p_infinity, q_infinity;
    if (!bc_g1_read(&p, a, &p_infinity) || !bc_g1_read(&q, b, &q_infinity))
        return false;
    if (p_infinity || q_infinity) {
        memmove(out, p_infinity ? b : a, 64);
        return true;
    }
    fp_t dx, dy, slope, t; /* of the line through both points */
    fp_sub(&dx, &q.x, &p.x), fp_sub(&dy, &q.y, &p.y);
    if (bc_u256_is_zero(&dx)) {
        if (!bc_u256_is_zero(&dy)) {
            memset(out, 0, 64);
            return true;
        }
        fp_sqr(&t, &p.x), fp_add(&dy, &t, &t), fp_add(&dy, &dy, &t); /* the tangent's */
        fp_add(&dx, &p.y, &p.y); /* not 0: the order of the group is odd */
    }
    bc_fp_inv(&slope, &dx), fp_mul(&slope, &slope, &dy);
    fp_sqr(&t, &slope), fp_sub(&t, &t, &p.x), fp_sub(&q.x, &t, &q.x);
    fp_sub(&t, &p.x, &q.x), fp_mul(&t, &t, &slope), fp_sub(&q.y, &t, &p.y);
    write_affine(&q, out);
    return true;
}

/* ---- Jacobian: x/z^2, y/z^3; z = 0 is infinity. The formulas do not use the curve's b, so they
 * are those of every curve y^2 = x^3 + b. ---- */

typedef struct {
    fp_t x, y, z;
} g1_t;

static void g1_double(g1_t *r, const g1_t *q)
{
    fp_t a, b, c, d, e, t;
    fp_sqr(&a, &q->x);
    fp_sqr(&b, &q->y);
    fp_sqr(&c, &b);
    fp_add_lazy(&t, &b, &b), fp_mul(&d, &t, &q->x), fp_add(&d, &d, &d); /* 4 x y^2 */
    fp_add(&e, &a, &a), fp_add(&e, &e, &a);
    fp_add_lazy(&t, &q->y, &q->y), fp_mul(&r->z, &t, &q->z);
    fp_sqr(&t, &e), fp_sub(&t, &t, &d), fp_sub(&r->x, &t, &d);
    fp_add(&c, &c, &c), fp_add(&c, &c, &c), fp_add(&c, &c, &c);
    fp_sub(&d, &d, &r->x), fp_mul(&d, &d, &e), fp_sub(&r->y, &d, &c);
}

/* r = p + q. The new z is the old one times *ratio, where p is not infinity and not +-q. */
static void g1_add_affine(g1_t *r, const g1_t *p, const g1_affine_t *q, fp_t *ratio)
{
    if (bc_u256_is_zero(&p->z)) {
        *r = (g1_t){ q->x, q->y, fp_one };
        return;
    }
    fp_t zz, h, i, t;
    fp_sqr(&zz, &p->z);
    fp_mul(&h, &q->x, &zz), fp_sub(&h, &h, &p->x);
    fp_mul(&zz, &zz, &p->z), fp_mul(&i, &q->y, &zz), fp_sub(&i, &i, &p->y);
    if (bc_u256_is_zero(&h)) {
        if (bc_u256_is_zero(&i))
            g1_double(r, p);
        else
            memset(r, 0, sizeof *r);
        return;
    }
    fp_t hh, hhh, v;
    fp_sqr(&hh, &h), fp_mul(&hhh, &hh, &h), fp_mul(&v, &p->x, &hh);
    fp_mul(&r->z, &p->z, &h);
    fp_sqr(&t, &i), fp_sub(&t, &t, &hhh), fp_sub(&t, &t, &v), fp_sub(&r->x, &t, &v);
    fp_sub(&v, &v, &r->x), fp_mul(&v, &v, &i), fp_mul(&t, &p->y, &hhh), fp_sub(&r->y, &v, &t);
    *ratio = h;
}

static void g1_write(const g1_t *q, uint8_t out[64])
{
    if (bc_u256_is_zero(&q->z)) {
        memset(out, 0, 64);
        return;
    }
    fp_t i, ii;
    g1_affine_t a;
    bc_fp_inv(&i, &q->z);
    fp_sqr(&ii, &i);
    fp_mul(&a.x, &q->x, &ii);
    fp_mul(&ii, &ii, &i), fp_mul(&a.y, &q->y, &ii);
    write_affine(&a, out);
}

/* ---- multiplication ---- */

#define WINDOW 5                   /* of the signed digits: odd, below 2^(WINDOW-1) */
#define TABLE  (1 << (WINDOW - 2)) /* multiples 1, 3, 5 .. 15 */

/* P, 3P, 5P .. 15P, affine on the isomorphic curve where 2P has z = 1; *z takes a point back to
 * ours. All of them get the last one's z instead of an inversion ("effective affine", as
 * libsecp256k1 calls it). */
static void odd_multiples(g1_affine_t table[TABLE], fp_t *z, const g1_affine_t *p)
{
    g1_t twice, m[TABLE];
    fp_t ratio[TABLE], zz, zzz, up = fp_one;
    g1_double(&twice, &(g1_t){ p->x, p->y, fp_one });
    g1_affine_t step = { twice.x, twice.y };
    fp_sqr(&zz, &twice.z), fp_mul(&zzz, &zz, &twice.z);
    fp_mul(&m[0].x, &p->x, &zz), fp_mul(&m[0].y, &p->y, &zzz), m[0].z = fp_one;
    for (int i = 1; i < TABLE; i++)
        g1_add_affine(&m[i], &m[i - 1], &step, &ratio[i]);
    fp_mul(z, &m[TABLE - 1].z, &twice.z);
    for (int i = TABLE - 1; i >= 0; i--) {
        fp_sqr(&zz, &up), fp_mul(&zzz, &zz, &up);
        fp_mul(&table[i].x, &m[i].x, &zz);
        fp_mul(&table[i].y, &m[i].y, &zzz);
        if (i)
            fp_mul(&up, &up, &ratio[i]);
    }
}

/* k modulo the order is k1 + k2 lambda, both of at most 128 bits; k1 is not negative, *k2_neg is
 * the sign of k2. Gallant, Lambert, Vanstone, "Faster point multiplication on elliptic curves with
 * efficient endomorphisms". With the curve's parameter t, (6t^2+4t+1, 2t+1) and (-2t-1, 6t^2+2t)
 * are short vectors (a, b) with a + b lambda = 0; the multiples of them next to (k, 0) are found
 * with reciprocals scaled by 2^256, rounded down: each is less than 1.25 below the exact one. */
static void split(const bc_u256_t *k, bc_u256_t *k1, bc_u256_t *k2, bool *k2_neg)
{
    static const bc_u256_t a1 = { { 0x0be4e1541221250b, 0x6f4d8248eeb859fd } };
    static const bc_u256_t b1 = { { 2 * BN254_T + 1 } };
    static const bc_u256_t b2 = { { 0x8211bbeb7d4f1128, 0x6f4d8248eeb859fc } };
    static const bc_u256_t g1 = { { 0x7a7bd9d4391eb18d, 0x4ccef014a773d2cf, 2 } }; /* 2^256 b2/n */
    static const bc_u256_t g2 = { { 0xd91d232ec7e0b3d7, 2 } };                     /* 2^256 b1/n */
    wide_t t;
    bc_u256_t c1, c2, u, v;
    wide_mul(&t, k, &g1), memcpy(c1.w, t.w + 4, sizeof c1);
    wide_mul(&t, k, &g2), memcpy(c2.w, t.w + 4, sizeof c2);
    bc_u256_mul_to(&u, &c1, &a1), bc_u256_mul_to(&v, &c2, &b1);
    *k1 = bc_u256_sub(k, &u), *k1 = bc_u256_sub(k1, &v);
    bc_u256_mul_to(&u, &c1, &b1), bc_u256_mul_to(&v, &c2, &b2);
    *k2 = bc_u256_sub(&v, &u);
    *k2_neg = bc_u256_is_neg(k2);
    if (*k2_neg)
        *k2 = bc_u256_neg(k2);
}

static void add_multiple(g1_t *r, const g1_affine_t table[TABLE], int digit, bool negative)
{
    if (!digit)
        return;
    g1_affine_t q = table[(digit < 0 ? -digit : digit) / 2];
    if ((digit < 0) != negative)
        fp_neg(&q.y, &q.y);
    fp_t ratio;
    g1_t p = *r;
    g1_add_affine(r, &p, &q, &ratio);
}

bool bc_bn254_mul(const uint8_t a[64], const uint8_t scalar[32], uint8_t out[64])
{
    static const bc_u256_t order = { { 0x43e1f593f0000001, 0x2833e84879b97091, 0xb85045b68181585d,
                                       0x30644e72e131a029 } };
    /* a cube root of one: (x, y) -> (beta x, y) is the multiplication by
     * lambda = 36 t^3 + 18 t^2 + 6t + 1 */
    static const fp_t beta = { { 0x71930c11d782e155, 0xa6bb947cffbe3323, 0xaa303344d4741444,
                                 0x2c3b3f0d26594943 } };
    g1_affine_t p, table[TABLE], table2[TABLE];
    bool infinity, k2_neg;
    if (!bc_g1_read(&p, a, &infinity))
        return false;
    if (infinity) {
        memset(out, 0, 64);
        return true;
    }
    bc_u256_t k = bc_u256_from_be(scalar), k1, k2;
    while (!bc_u256_lt(&k, &order))
        k = bc_u256_sub(&k, &order);
    split(&k, &k1, &k2, &k2_neg);
    int8_t d1[BN254_DIGITS_MAX], d2[BN254_DIGITS_MAX];
    unsigned n1 = bc_bn254_digits(d1, k1.w, WINDOW), n2 = bc_bn254_digits(d2, k2.w, WINDOW);

    fp_t z;
    odd_multiples(table, &z, &p);
    for (int i = 0; i < TABLE; i++) {
        fp_mul(&table2[i].x, &table[i].x, &beta);
        table2[i].y = table[i].y;
    }
    g1_t r = { 0 };
    for (unsigned i = BC_MAX(n1, n2); i-- > 0;) {
        g1_double(&r, &r);
        add_multiple(&r, table, i < n1 ? d1[i] : 0, false);
        add_multiple(&r, table2, i < n2 ? d2[i] : 0, k2_neg);
    }
    fp_mul(&r.z, &r.z, &z);
    g1_write(&r, out);
    return true;
}
