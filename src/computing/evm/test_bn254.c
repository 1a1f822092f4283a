/* BN254 against textbook arithmetic on GMP's integers: constants, field, both groups, pairing. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <gmp.h>
#include <cmocka.h>
#include "computing/evm/bn254.h"
#include "computing/evm/bn254_tower.h"

/* ---- the reference: Fp2 as pairs of integers, affine points; G1 has second coordinates zero ----
 */

typedef struct {
    mpz_t a, b; /* a + b u */
} ref2_t;

typedef struct {
    ref2_t x, y;
    bool infinity;
} ref_point_t;

static mpz_t p, n, t, tau, twist_count; /* primes, the parameter, trace, points of the twist */
static ref2_t xi, g2_b;
static gmp_randstate_t rng;
static ref_point_t g1, g2;

static void ref2_init(ref2_t *x)
{
    mpz_inits(x->a, x->b, NULL);
}

static void ref2_clear(ref2_t *x)
{
    mpz_clears(x->a, x->b, NULL);
}

static void ref2_set(ref2_t *r, const ref2_t *x)
{
    mpz_set(r->a, x->a);
    mpz_set(r->b, x->b);
}

static bool ref2_eq(const ref2_t *x, const ref2_t *y)
{
    return mpz_cmp(x->a, y->a) == 0 && mpz_cmp(x->b, y->b) == 0;
}

static void ref2_mod(ref2_t *x)
{
    mpz_mod(x->a, x->a, p);
    mpz_mod(x->b, x->b, p);
}

static void ref2_add(ref2_t *r, const ref2_t *x, const ref2_t *y)
{
    mpz_add(r->a, x->a, y->a);
    mpz_add(r->b, x->b, y->b);
    ref2_mod(r);
}

static void ref2_sub(ref2_t *r, const ref2_t *x, const ref2_t *y)
{
    mpz_sub(r->a, x->a, y->a);
    mpz_sub(r->b, x->b, y->b);
    ref2_mod(r);
}

static void ref2_mul(ref2_t *r, const ref2_t *x, const ref2_t *y)
{
    mpz_t a, b;
    mpz_inits(a, b, NULL);
    mpz_mul(a, x->a, y->a), mpz_submul(a, x->b, y->b);
    mpz_mul(b, x->a, y->b), mpz_addmul(b, x->b, y->a);
    mpz_set(r->a, a), mpz_set(r->b, b);
    mpz_clears(a, b, NULL);
    ref2_mod(r);
}

static void ref2_inv(ref2_t *r, const ref2_t *x)
{
    mpz_t norm;
    mpz_init(norm);
    mpz_mul(norm, x->a, x->a), mpz_addmul(norm, x->b, x->b);
    assert_true(mpz_invert(norm, norm, p));
    mpz_mul(r->a, x->a, norm), mpz_mul(r->b, x->b, norm), mpz_neg(r->b, r->b);
    mpz_clear(norm);
    ref2_mod(r);
}

static void ref2_pow(ref2_t *r, const ref2_t *x, const mpz_t e)
{
    ref2_t y, base;
    ref2_init(&y), ref2_init(&base);
    ref2_set(&base, x);
    mpz_set_ui(y.a, 1);
    for (size_t i = mpz_sizeinbase(e, 2); i-- > 0;) {
        ref2_mul(&y, &y, &y);
        if (mpz_tstbit(e, i))
            ref2_mul(&y, &y, &base);
    }
    ref2_set(r, &y);
    ref2_clear(&y), ref2_clear(&base);
}

/* False: x is no square. p is 3 modulo 4: for the norm N = s^2, either (a + s)/2 or (a - s)/2 is
 * the square of the root's first part. */
static bool ref2_sqrt(ref2_t *r, const ref2_t *x)
{
    mpz_t s, e, half;
    ref2_t y, square;
    bool found = false;
    mpz_inits(s, e, half, NULL), ref2_init(&y), ref2_init(&square);
    mpz_add_ui(e, p, 1), mpz_tdiv_q_2exp(e, e, 2);
    mpz_add_ui(half, p, 1), mpz_tdiv_q_2exp(half, half, 1);
    mpz_mul(s, x->a, x->a), mpz_addmul(s, x->b, x->b), mpz_powm(s, s, e, p);
    for (int sign = 0; sign < 2 && !found; sign++) {
        if (sign)
            mpz_neg(s, s);
        mpz_add(y.a, x->a, s), mpz_mul(y.a, y.a, half), mpz_powm(y.a, y.a, e, p);
        mpz_add(y.b, y.a, y.a);
        if (!mpz_invert(y.b, y.b, p))
            continue;
        mpz_mul(y.b, y.b, x->b), ref2_mod(&y);
        ref2_mul(&square, &y, &y);
        found = ref2_eq(&square, x);
    }
    if (found)
        ref2_set(r, &y);
    mpz_clears(s, e, half, NULL), ref2_clear(&y), ref2_clear(&square);
    return found;
}

static void point_init(ref_point_t *q)
{
    ref2_init(&q->x), ref2_init(&q->y);
    q->infinity = true;
}

static void point_clear(ref_point_t *q)
{
    ref2_clear(&q->x), ref2_clear(&q->y);
}

static void point_set(ref_point_t *r, const ref_point_t *q)
{
    ref2_set(&r->x, &q->x), ref2_set(&r->y, &q->y);
    r->infinity = q->infinity;
}

static void point_add(ref_point_t *r, const ref_point_t *a, const ref_point_t *b)
{
    ref2_t slope, d, x;
    if (a->infinity || b->infinity) {
        point_set(r, a->infinity ? b : a);
        return;
    }
    ref2_init(&slope), ref2_init(&d), ref2_init(&x);
    ref2_add(&d, &a->y, &b->y);
    bool opposite = ref2_eq(&a->x, &b->x) && mpz_sgn(d.a) == 0 && mpz_sgn(d.b) == 0;
    if (ref2_eq(&a->x, &b->x)) {
        ref2_mul(&x, &a->x, &a->x), ref2_add(&slope, &x, &x), ref2_add(&slope, &slope, &x);
    } else {
        ref2_sub(&slope, &b->y, &a->y);
        ref2_sub(&d, &b->x, &a->x);
    }
    r->infinity = opposite;
    if (!opposite) {
        ref2_inv(&d, &d), ref2_mul(&slope, &slope, &d);
        ref2_mul(&x, &slope, &slope), ref2_sub(&x, &x, &a->x), ref2_sub(&x, &x, &b->x);
        ref2_sub(&d, &a->x, &x), ref2_mul(&d, &d, &slope), ref2_sub(&r->y, &d, &a->y);
        ref2_set(&r->x, &x);
    }
    ref2_clear(&slope), ref2_clear(&d), ref2_clear(&x);
}

static void point_mul(ref_point_t *r, const ref_point_t *q, const mpz_t k)
{
    ref_point_t s;
    point_init(&s);
    for (size_t i = mpz_sizeinbase(k, 2); i-- > 0;) {
        point_add(&s, &s, &s);
        if (mpz_tstbit(k, i))
            point_add(&s, &s, q);
    }
    point_set(r, &s);
    point_clear(&s);
}

/* Any point of the twist. */
static void twist_random(ref_point_t *q)
{
    ref2_t s;
    ref2_init(&s);
    do {
        mpz_urandomm(q->x.a, rng, p), mpz_urandomm(q->x.b, rng, p);
        ref2_mul(&s, &q->x, &q->x), ref2_mul(&s, &s, &q->x), ref2_add(&s, &s, &g2_b);
    } while (!ref2_sqrt(&q->y, &s));
    q->infinity = false;
    ref2_clear(&s);
}

static void put(uint8_t be[32], const mpz_t v)
{
    size_t len = mpz_sgn(v) ? (mpz_sizeinbase(v, 2) + 7) / 8 : 0;
    assert_true(len <= 32);
    memset(be, 0, 32);
    mpz_export(be + 32 - len, NULL, 1, 1, 1, 0, v);
}

static void put_g1(uint8_t out[64], const ref_point_t *q)
{
    memset(out, 0, 64);
    if (!q->infinity)
        put(out, q->x.a), put(out + 32, q->y.a);
}

static void put_g2(uint8_t out[128], const ref_point_t *q)
{
    memset(out, 0, 128);
    if (!q->infinity) {
        put(out, q->x.b), put(out + 32, q->x.a);
        put(out + 64, q->y.b), put(out + 96, q->y.a);
    }
}

static void put_pair(uint8_t out[192], const ref_point_t *a, const ref_point_t *b)
{
    put_g1(out, a), put_g2(out + 64, b);
}

/* Montgomery form and back */
static fp_t to_fp(const mpz_t v)
{
    uint8_t be[32];
    fp_t r;
    put(be, v);
    assert_true(bc_fp_read(&r, be));
    return r;
}

static void from_fp(mpz_t v, const fp_t *x)
{
    uint8_t be[32];
    bc_fp_write(x, be);
    mpz_import(v, 32, 1, 1, 1, 0, be);
}

static void assert_fp(const fp_t *x, const mpz_t want)
{
    uint8_t be[32], want_be[32];
    mpz_t w;
    mpz_init(w);
    mpz_mod(w, want, p);
    put(want_be, w);
    mpz_clear(w);
    bc_fp_write(x, be);
    assert_memory_equal(be, want_be, 32);
    assert_true(bc_u256_lt(x, &prime));
}

static fp2_t to_fp2(const ref2_t *x)
{
    return (fp2_t){ to_fp(x->a), to_fp(x->b) };
}

/* v = sum c[i] t^i */
static void polynomial(mpz_t v, const long *c, int count)
{
    mpz_t r;
    mpz_init(r);
    for (int i = count; i-- > 0;) {
        mpz_mul(r, r, t);
        if (c[i] < 0)
            mpz_sub_ui(r, r, (unsigned long)-c[i]);
        else
            mpz_add_ui(r, r, (unsigned long)c[i]);
    }
    mpz_set(v, r);
    mpz_clear(r);
}

static int setup(void **state)
{
    (void)state;
    gmp_randinit_default(rng);
    gmp_randseed_ui(rng, 254);
    mpz_inits(p, n, t, tau, twist_count, NULL);
    ref2_init(&xi), ref2_init(&g2_b), point_init(&g1), point_init(&g2);
    mpz_set_ui(t, BN254_T);
    polynomial(p, (const long[]){ 1, 6, 24, 36, 36 }, 5);
    polynomial(n, (const long[]){ 1, 6, 18, 36, 36 }, 5);
    polynomial(tau, (const long[]){ 1, 0, 6 }, 3);
    mpz_sub_ui(twist_count, p, 1), mpz_add(twist_count, twist_count, tau);
    mpz_mul(twist_count, twist_count, n);
    mpz_set_ui(xi.a, 9), mpz_set_ui(xi.b, 1);
    ref2_inv(&g2_b, &xi), mpz_mul_ui(g2_b.a, g2_b.a, 3), mpz_mul_ui(g2_b.b, g2_b.b, 3);
    ref2_mod(&g2_b);
    mpz_set_ui(g1.x.a, 1), mpz_set_ui(g1.y.a, 2), g1.infinity = false;
    mpz_t cofactor;
    mpz_init(cofactor);
    mpz_divexact(cofactor, twist_count, n);
    do
        twist_random(&g2), point_mul(&g2, &g2, cofactor);
    while (g2.infinity);
    mpz_clear(cofactor);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mpz_clears(p, n, t, tau, twist_count, NULL);
    ref2_clear(&xi), ref2_clear(&g2_b), point_clear(&g1), point_clear(&g2);
    gmp_randclear(rng);
    return 0;
}

/* ---- tests ---- */

static void constants(void **state)
{
    (void)state;
    mpz_t v, e, r;
    ref2_t x;
    mpz_inits(v, e, r, NULL), ref2_init(&x);
    assert_int_not_equal(mpz_probab_prime_p(p, 30), 0);
    assert_int_not_equal(mpz_probab_prime_p(n, 30), 0);
    mpz_import(v, 4, -1, 8, 0, 0, prime.w);
    assert_int_equal(mpz_cmp(v, p), 0);
    assert_true(P_INV * P0 == UINT64_MAX);
    mpz_set_ui(r, 1), mpz_mul_2exp(r, r, 256), mpz_mod(r, r, p);
    mpz_import(v, 4, -1, 8, 0, 0, fp_one.w);
    assert_int_equal(mpz_cmp(v, r), 0);
    for (unsigned i = 0; i < 6; i++) {
        mpz_sub_ui(e, p, 1), mpz_mul_ui(e, e, i), mpz_divexact_ui(e, e, 6);
        ref2_pow(&x, &xi, e);
        fp2_t want = to_fp2(&x);
        assert_memory_equal(&bc_bn254_frob1[i], &want, sizeof want);
        mpz_mul(e, p, p), mpz_sub_ui(e, e, 1), mpz_mul_ui(e, e, i), mpz_divexact_ui(e, e, 6);
        ref2_pow(&x, &xi, e);
        want = to_fp2(&x);
        assert_memory_equal(&bc_bn254_frob2[i], &want.a, sizeof want.a);
        assert_true(bc_u256_is_zero(&want.b));
    }
    mpz_clears(v, e, r, NULL), ref2_clear(&x);
}

/* Points Q of the twist other than 0 have c(psi)Q = 0 only for a c whose resultant with psi's
 * polynomial X^2 - tau X + p shares a divisor with their number: *g is the greatest one. */
static void common_order(mpz_t g, const mpz_t c[4])
{
    mpz_t c0, c1, v;
    mpz_init_set(c0, c[0]), mpz_init_set(c1, c[1]), mpz_init(v);
    mpz_submul(c0, c[2], p), mpz_addmul(c1, c[2], tau); /* X^2 is tau X - p */
    mpz_mul(v, tau, tau), mpz_sub(v, v, p);             /* X^3 is (tau^2 - p) X - tau p */
    mpz_addmul(c1, c[3], v);
    mpz_mul(v, tau, p), mpz_submul(c0, c[3], v);
    mpz_mul(v, c0, tau), mpz_addmul(v, c1, p), mpz_mul(v, v, c1), mpz_addmul(v, c0, c0);
    mpz_gcd(g, v, twist_count);
    mpz_clears(c0, c1, v, NULL);
}

/* What the subgroup check relies on: F = 6t+2 + X - X^2 + X^3 vanishes for the points of order n
 * alone, and no step of the loop meets an addition of equal or opposite points. And what the final
 * exponentiation relies on: 2t(6t^2+3t+1) and n have no divisor in common. */
static void subgroup_criterion(void **state)
{
    (void)state;
    mpz_t c[4], g;
    mpz_inits(c[0], c[1], c[2], c[3], g, NULL);
    mpz_set_ui(c[0], 1);
    for (unsigned i = 64; i-- > 0;) {
        int digit = (int)(BN254_LOOP_PLUS >> i & 1) - (int)(BN254_LOOP_MINUS >> i & 1);
        mpz_mul_ui(c[0], c[0], 2), common_order(g, c), assert_int_equal(mpz_cmp_ui(g, 1), 0);
        if (digit == 0)
            continue;
        mpz_sub_ui(c[0], c[0], 1), common_order(g, c), assert_int_equal(mpz_cmp_ui(g, 1), 0);
        mpz_add_ui(c[0], c[0], 2), common_order(g, c), assert_int_equal(mpz_cmp_ui(g, 1), 0);
        if (digit < 0)
            mpz_sub_ui(c[0], c[0], 2);
    }
    mpz_mul_ui(g, t, 6), mpz_add_ui(g, g, 2);
    assert_int_equal(mpz_cmp(c[0], g), 0);
    mpz_set_si(c[1], -1), common_order(g, c), assert_int_equal(mpz_cmp_ui(g, 1), 0);
    mpz_set_si(c[1], 1), common_order(g, c), assert_int_equal(mpz_cmp_ui(g, 1), 0);
    mpz_set_si(c[2], 1), common_order(g, c), assert_int_equal(mpz_cmp_ui(g, 1), 0);
    mpz_set_si(c[2], -1), common_order(g, c), assert_int_equal(mpz_cmp_ui(g, 1), 0);
    mpz_set_si(c[3], 1), common_order(g, c), assert_int_equal(mpz_cmp(g, n), 0);
    polynomial(g, (const long[]){ 0, 2, 6, 12 }, 4);
    mpz_gcd(g, g, n);
    assert_int_equal(mpz_cmp_ui(g, 1), 0);
    mpz_clears(c[0], c[1], c[2], c[3], g, NULL);
}

static void field_value(mpz_t v, unsigned i)
{
    if (i < 4)
        mpz_set_ui(v, i);
    else if (i < 8)
        mpz_sub_ui(v, p, i - 3);
    else if (i < 12)
        mpz_tdiv_q_2exp(v, p, i - 7);
    else
        mpz_urandomm(v, rng, p);
}

static void field(void **state)
{
    (void)state;
    mpz_t x, y, w;
    fp_t r, s;
    mpz_inits(x, y, w, NULL);
    for (unsigned i = 0; i < 60; i++) {
        for (unsigned j = 0; j < 60; j++) {
            field_value(x, i), field_value(y, j);
            fp_t a = to_fp(x), b = to_fp(y);
            fp_add(&r, &a, &b), mpz_add(w, x, y), assert_fp(&r, w);
            fp_sub(&r, &a, &b), mpz_sub(w, x, y), assert_fp(&r, w);
            fp_mul(&r, &a, &b), mpz_mul(w, x, y), assert_fp(&r, w);
            fp_mul9_add(&r, &a, &b), mpz_mul_ui(w, x, 9), mpz_add(w, w, y), assert_fp(&r, w);
            fp_neg_lazy(&s, &b), fp_mul9_add(&r, &a, &s);
            mpz_mul_ui(w, x, 9), mpz_sub(w, w, y), assert_fp(&r, w);
            fp_add_lazy(&s, &a, &b), fp_mul(&r, &s, &b);
            mpz_add(w, x, y), mpz_mul(w, w, y), assert_fp(&r, w);
            fp2_t c = { a, b }, d = { b, r }, e;
            ref2_t cr, dr;
            ref2_init(&cr), ref2_init(&dr);
            mpz_set(cr.a, x), mpz_set(cr.b, y);
            mpz_set(dr.a, y), from_fp(dr.b, &r);
            fp2_mul(&e, &c, &d), ref2_mul(&dr, &cr, &dr);
            assert_fp(&e.a, dr.a), assert_fp(&e.b, dr.b);
            fp2_sqr(&e, &c), ref2_mul(&dr, &cr, &cr);
            assert_fp(&e.a, dr.a), assert_fp(&e.b, dr.b);
            fp2_mul_xi(&e, &c), ref2_mul(&dr, &cr, &xi);
            assert_fp(&e.a, dr.a), assert_fp(&e.b, dr.b);
            ref2_clear(&cr), ref2_clear(&dr);
        }
        field_value(x, i);
        fp_t a = to_fp(x);
        fp_neg(&r, &a), mpz_neg(w, x), assert_fp(&r, w);
        fp_halve(&r, &a), fp_add(&r, &r, &r), assert_fp(&r, x);
        bc_fp_inv(&r, &a);
        if (mpz_invert(w, x, p))
            assert_fp(&r, w);
        else
            assert_true(bc_u256_is_zero(&r));
    }
    mpz_clears(x, y, w, NULL);
}

static void digits(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4000; i++) {
        mpz_t k, sum;
        mpz_inits(k, sum, NULL);
        mpz_urandomb(k, rng, i % 129);
        if (i % 129 == 128 || i % 7 == 0) { /* many ones: carries all the way up */
            mpz_set_ui(k, 1), mpz_mul_2exp(k, k, i % 129), mpz_sub_ui(k, k, 1 + i % 3);
            mpz_abs(k, k);
        }
        uint64_t w[2] = { 0 };
        mpz_export(w, NULL, -1, 8, 0, 0, k);
        unsigned width = 2 + i % 7, last = width;
        int8_t d[BN254_DIGITS_MAX];
        unsigned count = bc_bn254_digits(d, w, width);
        assert_true(count <= BN254_DIGITS_MAX);
        for (unsigned j = count; j-- > 0;) {
            mpz_mul_2exp(sum, sum, 1);
            if (d[j] < 0)
                mpz_sub_ui(sum, sum, (unsigned long)-d[j]);
            else
                mpz_add_ui(sum, sum, (unsigned long)d[j]);
            assert_true(d[j] == 0 || (d[j] % 2 != 0 && abs(d[j]) < 1 << (width - 1)));
            assert_true(d[j] == 0 || last >= width);
            last = d[j] ? 1 : last + 1;
        }
        assert_int_equal(mpz_cmp(sum, k), 0);
        assert_true(count == 0 || d[count - 1] > 0);
        mpz_clears(k, sum, NULL);
    }
}

static void check_add(const ref_point_t *a, const ref_point_t *b)
{
    uint8_t in[128], out[64], want[64];
    ref_point_t sum;
    point_init(&sum);
    put_g1(in, a), put_g1(in + 64, b);
    point_add(&sum, a, b);
    put_g1(want, &sum);
    assert_true(bc_bn254_add(in, in + 64, out));
    assert_memory_equal(out, want, 64);
    point_clear(&sum);
}

static void addition(void **state)
{
    (void)state;
    ref_point_t a, b, minus, infinity;
    mpz_t k;
    mpz_init(k);
    point_init(&a), point_init(&b), point_init(&minus), point_init(&infinity);
    for (int i = 0; i < 100; i++) {
        mpz_urandomm(k, rng, n), point_mul(&a, &g1, k);
        mpz_urandomm(k, rng, n), point_mul(&b, &g1, k);
        point_set(&minus, &a), mpz_sub(minus.y.a, p, a.y.a);
        check_add(&a, &b);
        check_add(&a, &a);
        check_add(&a, &minus);
        check_add(&a, &infinity);
        check_add(&infinity, &b);
    }
    check_add(&infinity, &infinity);
    mpz_clear(k);
    point_clear(&a), point_clear(&b), point_clear(&minus), point_clear(&infinity);
}

static void check_mul(const ref_point_t *a, const mpz_t k)
{
    uint8_t in[96], out[64], want[64];
    ref_point_t product;
    point_init(&product);
    put_g1(in, a), put(in + 64, k);
    point_mul(&product, a, k);
    put_g1(want, &product);
    assert_true(bc_bn254_mul(in, in + 64, out));
    assert_memory_equal(out, want, 64);
    point_clear(&product);
}

static void multiplication(void **state)
{
    (void)state;
    ref_point_t a, infinity;
    mpz_t k, lambda, max;
    mpz_inits(k, lambda, max, NULL);
    point_init(&a), point_init(&infinity);
    polynomial(lambda, (const long[]){ 1, 6, 18, 36 }, 4);
    mpz_set_ui(max, 1), mpz_mul_2exp(max, max, 256), mpz_sub_ui(max, max, 1);
    for (unsigned long i = 0; i < 100; i++) {
        mpz_urandomm(k, rng, n), point_mul(&a, &g1, k);
        mpz_urandomb(k, rng, 256), check_mul(&a, k);
        mpz_urandomb(k, rng, 256 - 2 * i), check_mul(&a, k);
        mpz_set_ui(k, i), check_mul(&a, k);
        mpz_sub(k, max, k), check_mul(&a, k);
        mpz_mul_ui(k, n, i % 5 + 1), mpz_add_ui(k, k, i / 5), check_mul(&a, k);
        mpz_mul_ui(k, n, i % 5 + 1), mpz_sub_ui(k, k, i / 5), check_mul(&a, k);
        mpz_mul_ui(k, lambda, i), mpz_mod(k, k, n), check_mul(&a, k);
        mpz_sub(k, n, k), check_mul(&a, k);
        mpz_tdiv_q_ui(k, n, i + 1), check_mul(&a, k);
        mpz_set_ui(k, 1), mpz_mul_2exp(k, k, 2 * i), check_mul(&a, k);
    }
    check_mul(&infinity, max);
    mpz_clears(k, lambda, max, NULL);
    point_clear(&a), point_clear(&infinity);
}

/* The product over k pairs (a_i G1, b_i G2) is one exactly for sum a_i b_i = 0 modulo n. */
static void bilinear(void **state)
{
    (void)state;
    enum { PAIRS_MAX = 20 };
    uint8_t in[PAIRS_MAX * 192];
    mpz_t a, b, sum;
    ref_point_t pa, qb;
    mpz_inits(a, b, sum, NULL);
    point_init(&pa), point_init(&qb);
    for (unsigned round = 0; round < 60; round++) {
        unsigned k = round % PAIRS_MAX + 1;
        mpz_set_ui(sum, 0);
        for (unsigned i = 0; i + 1 < k; i++) {
            mpz_urandomm(a, rng, n), mpz_urandomm(b, rng, n);
            if (round % 4 == 3 && i % 3 == 0) /* infinity on either side */
                mpz_set_ui(i % 2 ? a : b, 0);
            mpz_addmul(sum, a, b);
            point_mul(&pa, &g1, a), point_mul(&qb, &g2, b);
            put_pair(in + 192 * i, &pa, &qb);
        }
        for (unsigned wrong = 0; wrong < 2; wrong++) {
            mpz_urandomm(b, rng, n);
            mpz_invert(a, b, n), mpz_mul(a, a, sum), mpz_neg(a, a), mpz_add_ui(a, a, wrong);
            mpz_mod(a, a, n);
            point_mul(&pa, &g1, a), point_mul(&qb, &g2, b);
            put_pair(in + 192 * (k - 1), &pa, &qb);
            bool one = wrong;
            assert_true(bc_bn254_pairing(bc_bytes(in, 192 * k), &one));
            assert_int_equal(one, !wrong);
        }
    }
    mpz_clears(a, b, sum, NULL);
    point_clear(&pa), point_clear(&qb);
}

/* The slow check, and ours: in the subgroup, e(P, Q) e(-P, Q) = 1; else refused, in each place. */
static bool in_subgroup(const ref_point_t *q)
{
    ref_point_t zero;
    point_init(&zero);
    point_mul(&zero, q, n);
    bool slow = zero.infinity;
    point_clear(&zero);
    uint8_t in[3 * 192] = { 0 };
    bool one;
    put_pair(in + 192, &g1, q), put_g2(in + 2 * 192 + 64, q);
    assert_int_equal(bc_bn254_pairing(bc_bytes(in, 2 * 192), &one), slow);
    assert_true(!slow || one == q->infinity);
    memcpy(in, in + 192, 64);
    put(in + 32, p), bc_store_be64(in + 56, bc_load_be64(in + 56) - 2); /* -2 is y of -G1 */
    put_g2(in + 64, q);
    assert_int_equal(bc_bn254_pairing(bc_bytes(in, sizeof in), &one), slow);
    assert_true(!slow || one);
    memset(in, 0, 64), memset(in + 192, 0, 64); /* P at infinity: Q is checked all the same */
    assert_int_equal(bc_bn254_pairing(bc_bytes(in, sizeof in), &one), slow);
    assert_true(!slow || one);
    return slow;
}

static void subgroup(void **state)
{
    (void)state;
    const unsigned long small = 10069; /* the twist has points of this order */
    ref_point_t q, r;
    mpz_t cofactor, others;
    mpz_inits(cofactor, others, NULL);
    point_init(&q), point_init(&r);
    mpz_divexact(cofactor, twist_count, n);
    mpz_divexact_ui(others, twist_count, small);
    unsigned small_points = 0;
    for (int i = 0; i < 40; i++) {
        twist_random(&q);
        assert_false(in_subgroup(&q));
        point_mul(&r, &q, n); /* an order that divides the cofactor */
        assert_false(in_subgroup(&r));
        point_mul(&r, &q, cofactor);
        assert_true(in_subgroup(&r));
        point_mul(&r, &q, others);
        small_points += !r.infinity;
        assert_int_equal(in_subgroup(&r), r.infinity);
        point_add(&r, &r, &g2);
        assert_int_equal(in_subgroup(&r), r.infinity);
    }
    assert_true(small_points > 30);
    mpz_clears(cofactor, others, NULL);
    point_clear(&q), point_clear(&r);
}

static void malformed(void **state)
{
    (void)state;
    uint8_t good[192], in[10 * 192], out[64], be[32];
    bool one;
    put_pair(good, &g1, &g2);
    for (int i = 0; i < 10; i++)
        memcpy(in + 192 * i, good, 192);
    assert_true(bc_bn254_pairing(bc_bytes(in, sizeof in), &one) && !one);
    for (size_t word = 0; word < 60; word++) {
        uint8_t *at = in + 32 * word;
        memcpy(be, at, 32);
        put(at, p); /* not below p */
        assert_false(bc_bn254_pairing(bc_bytes(in, sizeof in), &one));
        memset(at, 0xff, 32);
        assert_false(bc_bn254_pairing(bc_bytes(in, sizeof in), &one));
        memcpy(at, be, 32);
        at[31] ^= 4; /* not on the curve */
        assert_false(bc_bn254_pairing(bc_bytes(in, sizeof in), &one));
        memcpy(at, be, 32);
    }
    for (int word = 0; word < 4; word++) {
        memcpy(in, good, 64), memcpy(in + 64, good, 64);
        in[32 * word + 31] ^= 4;
        assert_false(bc_bn254_add(in, in + 64, out));
        assert_int_equal(bc_bn254_mul(in, good, out), word >= 2);
        put(in + 32 * word, p);
        assert_false(bc_bn254_add(in, in + 64, out));
        assert_int_equal(bc_bn254_mul(in, good, out), word >= 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constants), cmocka_unit_test(subgroup_criterion),
        cmocka_unit_test(field),     cmocka_unit_test(digits),
        cmocka_unit_test(addition),  cmocka_unit_test(multiplication),
        cmocka_unit_test(bilinear),  cmocka_unit_test(subgroup),
        cmocka_unit_test(malformed),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
