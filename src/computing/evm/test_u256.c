/* Every operation against GMP on values with many edge patterns. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>
#include <gmp.h>
#include "computing/evm/u256.h"

static uint64_t rng_state = 0x9e3779b97f4a7c15ull;

static uint64_t rnd(void)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return rng_state;
}

/* Limbs are often 0, 1, all ones or a single high bit: carries and Knuth's rare corrections. */
static bc_u256_t limbs(void)
{
    bc_u256_t v;
    unsigned used = (unsigned)(rnd() % 5);
    for (unsigned i = 0; i < 4; i++) {
        uint64_t pick = rnd() % 8;
        v.w[i] = i >= used    ? 0
                 : pick == 0 ? 0
                 : pick == 1 ? UINT64_MAX
                 : pick == 2 ? 1
                 : pick == 3 ? 1ull << 63
                 : pick == 4 ? UINT64_MAX - 1
                             : rnd();
    }
    return v;
}

/* The same, powers of two and their neighbours, full random numbers. */
static bc_u256_t value(void)
{
    uint64_t pick = rnd();
    bc_u256_t one = bc_u256(1), v;
    switch (pick % 8) {
    case 0:
        v = bc_u256_shl(&one, pick >> 8 & 0xff);
        return pick >> 16 & 1 ? v : pick >> 17 & 1 ? bc_u256_add(&v, &one) : bc_u256_sub(&v, &one);
    case 1:
        v = limbs();
        return bc_u256_neg(&v);
    case 2:
        return (bc_u256_t){ { rnd(), rnd(), rnd(), rnd() } };
    case 3:
        v = (bc_u256_t){ { rnd(), rnd(), rnd(), rnd() } };
        return bc_u256_shr(&v, pick >> 8 & 0xff);
    default:
        return limbs();
    }
}

/* A dividend for d whose quotient digits are at their edges: q * d + r where r is near 0 or near d,
 * or a number that begins as d does. */
static bc_u256_t dividend(const bc_u256_t *d)
{
    uint64_t pick = rnd();
    bc_u256_t v;
    switch (pick % 4) {
    case 0: /* d in other places, its lower limbs changed */
        v = *d;
        v.w[pick >> 2 & 1] -= pick >> 8 & 3;
        return pick >> 3 & 1 ? bc_u256_shl(&v, pick >> 16 & 0xff) : bc_u256_sub(&v, d);
    case 1: /* a product, one less or more */
        v = value();
        v = bc_u256_shr(&v, bc_u256_bits(d));
        v = bc_u256_mul(&v, d);
        v.w[0] += (pick >> 8 & 3) - 1;
        return v;
    case 2: /* near the next quotient */
        v = limbs();
        v = bc_u256_shr(&v, bc_u256_bits(d));
        v = bc_u256_mul(&v, d);
        v = bc_u256_add(&v, d);
        v.w[0] -= pick >> 8 & 3;
        return v;
    default:
        return value();
    }
}

static void to_mpz(mpz_t z, const bc_u256_t *v)
{
    mpz_import(z, 4, -1, 8, 0, 0, v->w);
}

static void reduce_export(bc_u256_t *v, mpz_t z)
{
    mpz_t m;
    mpz_init_set_ui(m, 1);
    mpz_mul_2exp(m, m, 256);
    mpz_mod(m, z, m); /* negative numbers become two's complement */
    *v = (bc_u256_t){ { 0 } };
    mpz_export(v->w, NULL, -1, 8, 0, 0, m);
    mpz_clear(m);
}

static void to_signed(mpz_t z, const bc_u256_t *v)
{
    to_mpz(z, v);
    if (bc_u256_is_neg(v)) {
        mpz_t m;
        mpz_init_set_ui(m, 1);
        mpz_mul_2exp(m, m, 256);
        mpz_sub(z, z, m);
        mpz_clear(m);
    }
}

static void same(bc_u256_t got, mpz_t z)
{
    bc_u256_t want;
    reduce_export(&want, z);
    assert_memory_equal(&got, &want, sizeof want);
}

static void arithmetic_agrees_with_gmp(void **state)
{
    (void)state;
    mpz_t a, b, m, r, mod256;
    mpz_inits(a, b, m, r, NULL);
    mpz_init_set_ui(mod256, 1);
    mpz_mul_2exp(mod256, mod256, 256);
    for (int i = 0; i < 1000000; i++) {
        bc_u256_t y = value(), x = dividend(&y), n = i % 3 == 0 ? dividend(&x) : value();
        if (i % 5 == 0)
            n.w[1] = n.w[2] = n.w[3] = UINT64_MAX;
        to_mpz(a, &x), to_mpz(b, &y), to_mpz(m, &n);
        mpz_add(r, a, b), same(bc_u256_add(&x, &y), r);
        mpz_sub(r, a, b), same(bc_u256_sub(&x, &y), r);
        mpz_mul(r, a, b), same(bc_u256_mul(&x, &y), r);
        assert_int_equal(bc_u256_lt(&x, &y), mpz_cmp(a, b) < 0);
        assert_int_equal(bc_u256_bits(&x), mpz_sgn(a) ? mpz_sizeinbase(a, 2) : 0);
        if (mpz_sgn(b)) {
            mpz_fdiv_q(r, a, b), same(bc_u256_div(&x, &y), r);
            mpz_fdiv_r(r, a, b), same(bc_u256_mod(&x, &y), r);
        }
        if (i % 4 == 0) { /* both below the modulus */
            if (mpz_sgn(m))
                x = bc_u256_mod(&x, &n), y = bc_u256_mod(&y, &n);
            to_mpz(a, &x), to_mpz(b, &y);
        }
        if (mpz_sgn(m)) {
            mpz_add(r, a, b), mpz_mod(r, r, m), same(bc_u256_addmod(&x, &y, &n), r);
            mpz_mul(r, a, b), mpz_mod(r, r, m), same(bc_u256_mulmod(&x, &y, &n), r);
        }
        if (i % 64 == 0)
            y = bc_u256(rnd() % 300), to_mpz(b, &y);
        if (i % 16 == 0)
            mpz_powm(r, a, b, mod256), same(bc_u256_exp(&x, &y), r);
        to_signed(a, &x), to_signed(b, &y);
        assert_int_equal(bc_u256_slt(&x, &y), mpz_cmp(a, b) < 0);
        if (mpz_sgn(b)) {
            mpz_tdiv_q(r, a, b), same(bc_u256_sdiv(&x, &y), r);
            mpz_tdiv_r(r, a, b), same(bc_u256_smod(&x, &y), r);
        }
    }
    mpz_clears(a, b, m, r, mod256, NULL);
}

static void shifts_agree_with_gmp(void **state)
{
    (void)state;
    mpz_t a, r;
    mpz_inits(a, r, NULL);
    for (int i = 0; i < 20000; i++) {
        bc_u256_t x = value();
        unsigned n = (unsigned)(rnd() % 300);
        to_mpz(a, &x);
        mpz_mul_2exp(r, a, n), same(bc_u256_shl(&x, n), r);
        mpz_fdiv_q_2exp(r, a, n), same(bc_u256_shr(&x, n), r);
        to_signed(a, &x);
        mpz_fdiv_q_2exp(r, a, n), same(bc_u256_sar(&x, n), r);

        bc_u256_t k = bc_u256(rnd() % 34), got = bc_u256_signextend(&k, &x);
        unsigned bits = k.w[0] < 31 ? 8 * (unsigned)k.w[0] + 8 : 256;
        to_mpz(a, &x);
        mpz_fdiv_r_2exp(r, a, bits);
        if (mpz_tstbit(a, bits - 1)) {
            mpz_set_ui(a, 1);
            mpz_mul_2exp(a, a, bits);
            mpz_sub(r, r, a);
        }
        same(got, r);
    }
    mpz_clears(a, r, NULL);
}

static void division_by_zero_is_zero(void **state)
{
    (void)state;
    bc_u256_t x = { { 5, 6, 7, 1ull << 63 } }, zero = { { 0 } }, got;
    got = bc_u256_div(&x, &zero), assert_true(bc_u256_is_zero(&got));
    got = bc_u256_mod(&x, &zero), assert_true(bc_u256_is_zero(&got));
    got = bc_u256_sdiv(&x, &zero), assert_true(bc_u256_is_zero(&got));
    got = bc_u256_smod(&x, &zero), assert_true(bc_u256_is_zero(&got));
    got = bc_u256_addmod(&x, &x, &zero), assert_true(bc_u256_is_zero(&got));
    got = bc_u256_mulmod(&x, &x, &zero), assert_true(bc_u256_is_zero(&got));
    got = bc_u256_exp(&zero, &zero), assert_int_equal(got.w[0], 1);
    x = bc_u256(1), got = bc_u256_exp(&zero, &x), assert_true(bc_u256_is_zero(&got));
}

static void bytes_and_addresses_round_trip(void **state)
{
    (void)state;
    uint8_t be[32], back[32];
    for (unsigned i = 0; i < 32; i++)
        be[i] = (uint8_t)(i + 1);
    bc_u256_t v = bc_u256_from_be(be);
    bc_u256_to_be(&v, back);
    assert_memory_equal(be, back, 32);
    bc_addr_t a = bc_u256_to_addr(&v);
    assert_memory_equal(a.b, be + 12, 20);
    v = bc_u256_from_addr(&a);
    bc_u256_to_be(&v, back);
    memset(be, 0, 12);
    assert_memory_equal(be, back, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arithmetic_agrees_with_gmp),
        cmocka_unit_test(shifts_agree_with_gmp),
        cmocka_unit_test(division_by_zero_is_zero),
        cmocka_unit_test(bytes_and_addresses_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
