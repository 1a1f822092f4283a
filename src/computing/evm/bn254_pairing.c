/* The product of pairings: the group G2, the Miller loop of the optimal ate pairing. */
#include "computing/evm/bn254.h"
#include "computing/evm/bn254_g1.h"
#include "computing/evm/bn254_tower.h"

/* 3/xi, the b of the twist */
static const fp2_t twist_b = {
    { { 0x3bf938e377b802a8, 0x020b1b273633535d, 0x26b7edf049755260, 0x2514c6324384a86d } },
    { { 0x38e7ecccd1dcff67, 0x65f0b37d93ce0d3e, 0xd749d0dd22ac00aa, 0x0141b9ce4a688d4d } }
};

typedef struct {
    fp2_t x, y;
} g2_affine_t;

/* Homogeneous: x/z, y/z; z = 0 is infinity, or the outcome of a sum that add_step cannot do. */
typedef struct {
    fp2_t x, y, z;
} g2_t;

/* c0 + c1 w + c3 w^3; c0 is still to be multiplied by y of the G1 point, c1 by its x */
typedef struct {
    fp2_t c0, c1, c3;
} line_t;

typedef struct {
    g1_affine_t p;
    bool p_infinity; /* the pairing is one, but q is checked */
    g2_affine_t q, q_neg;
    g2_t t;
} pair_t;

#define LOOP_MAX 8 /* pairs that share the squarings of one loop */

/* Doubling, and the tangent. Right for every point of the twist, which has none of order two: its
 * number is odd. Formulas: Aranha, Barreto, Longa, Ricardini, "The realm of the pairings",
 * section 5. */
static void double_step(g2_t *t, line_t *l)
{
    fp2_t a, b, c, e, f, g, h, j, s;
    fp2_mul(&a, &t->x, &t->y), fp2_halve(&a, &a);
    fp2_sqr(&b, &t->y);
    fp2_sqr(&c, &t->z);
    fp2_triple(&e, &c), fp2_mul(&e, &e, &twist_b);
    fp2_triple(&f, &e);
    fp2_add(&g, &b, &f), fp2_halve(&g, &g);
    fp2_add(&h, &t->y, &t->z), fp2_sqr(&h, &h), fp2_sub(&h, &h, &b), fp2_sub(&h, &h, &c);
    fp2_sqr(&j, &t->x);
    fp2_sub(&l->c3, &e, &b);
    fp2_neg(&l->c0, &h);
    fp2_triple(&l->c1, &j);
    fp2_sub(&s, &b, &f), fp2_mul(&t->x, &a, &s);
    fp2_sqr(&e, &e), fp2_triple(&s, &e);
    fp2_sqr(&g, &g), fp2_sub(&t->y, &g, &s);
    fp2_mul(&t->z, &b, &h);
}

/* t + q, and the line through both. For t = +-q the new z is 0, and for z = 0 it stays 0 in both
 * steps. */
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

static void mul_line(fp12_t *f, const line_t *l, const pair_t *pair)
{
    fp2_t c0, c1;
    if (pair->p_infinity)
        return;
    fp2_scale(&c0, &l->c0, &pair->p.y);
    fp2_scale(&c1, &l->c1, &pair->p.x);
    bc_fp12_mul_line(f, &c0, &c1, &l->c3);
}

/* The endomorphism psi: from the twist to the curve over Fp12, Frobenius there, and back. */
static void psi(g2_affine_t *r, const g2_affine_t *q)
{
    fp2_conj(&r->x, &q->x), fp2_mul(&r->x, &r->x, &bc_bn254_frob1[2]);
    fp2_conj(&r->y, &q->y), fp2_mul(&r->y, &r->y, &bc_bn254_frob1[3]);
}

static void psi_squared_neg(g2_affine_t *r, const g2_affine_t *q)
{
    fp2_scale(&r->x, &q->x, &bc_bn254_frob2[2]); /* xi^((p^2-1)/2) is -1 */
    r->y = q->y;
}

static bool g2_on_curve(const g2_affine_t *q)
{
    fp2_t l, s;
    fp2_sqr(&l, &q->y);
    fp2_sqr(&s, &q->x), fp2_mul(&s, &s, &q->x), fp2_add(&s, &s, &twist_b);
    return fp2_eq(&l, &s);
}

/* False: not a point of the twist; whether it is one of the subgroup comes out of miller. */
static bool g2_read(g2_affine_t *q, const uint8_t in[128], bool *infinity)
{
    if (!bc_fp_read(&q->x.b, in) || !bc_fp_read(&q->x.a, in + 32) ||
        !bc_fp_read(&q->y.b, in + 64) || !bc_fp_read(&q->y.a, in + 96))
        return false;
    *infinity = fp2_is_zero(&q->x) && fp2_is_zero(&q->y);
    return *infinity || g2_on_curve(q);
}

/* The last lines of the Miller function, and whether Q is in the subgroup. T is [6t+2]Q; with
 * psi(Q) and -psi^2(Q) added it is -psi^3(Q) exactly for the Q of order n: Vercauteren, "Optimal
 * pairings", makes the loop of this relation, which holds in the subgroup. That it holds nowhere
 * else is the criterion of El Housni, Guillevic, Piellard, "Co-factor clearing and subgroup
 * membership testing on pairing-friendly curves": on the whole twist psi is a root of X^2 - tau X
 * + p, tau being the trace of the curve, so a Q with F(psi)Q = 0, F = 6t+2 + X - X^2 + X^3, has
 * an order that divides the resultant of both polynomials. The greatest common divisor of this
 * resultant and the number of points of the twist is n (test_bn254.c computes it).
 * An addition that add_step cannot do leaves z = 0. Neither the subgroup nor the rest of the twist
 * has a Q that meets one; the test computes that too. */
static bool finish(pair_t *pair, fp12_t *f)
{
    g2_affine_t q1, q2, q3;
    line_t l;
    psi(&q1, &pair->q);
    psi_squared_neg(&q2, &pair->q);
    psi(&q3, &q2);
    add_step(&pair->t, &q1, &l), mul_line(f, &l, pair);
    add_step(&pair->t, &q2, &l), mul_line(f, &l, pair);
    if (fp2_is_zero(&pair->t.z))
        return false;
    fp2_mul(&q3.x, &q3.x, &pair->t.z);
    fp2_mul(&q3.y, &q3.y, &pair->t.z);
    return fp2_eq(&q3.x, &pair->t.x) && fp2_eq(&q3.y, &pair->t.y);
}

/* f *= the product of the pairs' Miller functions. False: a Q is not in the subgroup. */
static bool miller(fp12_t *f, pair_t *pairs, size_t n)
{
    const uint64_t plus = BN254_LOOP_PLUS, minus = BN254_LOOP_MINUS;
    _Static_assert(BN254_LOOP_PLUS - BN254_LOOP_MINUS == 6 * BN254_T + 2, "modulo 2^64");
    fp12_t m;
    line_t l;
    fp12_set_one(&m);
    for (size_t k = 0; k < n; k++) {
        pair_t *pair = &pairs[k];
        pair->q_neg.x = pair->q.x;
        fp2_neg(&pair->q_neg.y, &pair->q.y);
        pair->t = (g2_t){ pair->q.x, pair->q.y, { .a = fp_one } };
    }
    for (unsigned i = 64; i-- > 0;) {
        if (i < 63)
            bc_fp12_sqr(&m, &m);
        for (pair_t *pair = pairs; pair < pairs + n; pair++) {
            double_step(&pair->t, &l);
            mul_line(&m, &l, pair);
            if ((plus | minus) >> i & 1) {
                add_step(&pair->t, plus >> i & 1 ? &pair->q : &pair->q_neg, &l);
                mul_line(&m, &l, pair);
            }
        }
    }
    for (pair_t *pair = pairs; pair < pairs + n; pair++)
        if (!finish(pair, &m))
            return false;
    bc_fp12_mul(f, f, &m);
    return true;
}

bool bc_bn254_pairing(bc_bytes_t pairs, bool *one)
{
    pair_t loop[LOOP_MAX];
    size_t n = 0;
    fp12_t f;
    fp12_set_one(&f);
    for (size_t i = 0; i + 192 <= pairs.n; i += 192) {
        bool q_infinity;
        if (!bc_g1_read(&loop[n].p, pairs.p + i, &loop[n].p_infinity) ||
            !g2_read(&loop[n].q, pairs.p + i + 64, &q_infinity))
            return false;
        if (!q_infinity)
            n++;
        if (n == LOOP_MAX) {
            if (!miller(&f, loop, n))
                return false;
            n = 0;
        }
    }
    if (n && !miller(&f, loop, n))
        return false;
    *one = bc_fp12_final_is_one(&f);
    return true;
}
