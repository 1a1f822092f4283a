#include "computing/evm/u256.h"

/* (hi:lo) / d with hi < d: the quotient fits 64 bits. */
static inline uint64_t div_2by1(uint64_t hi, uint64_t lo, uint64_t d, uint64_t *rem)
{
#if defined(__x86_64__)
    uint64_t q, r;
    __asm__("divq %4" : "=a"(q), "=d"(r) : "a"(lo), "d"(hi), "r"(d) : "cc");
    *rem = r;
    return q;
#else
    bc_u128_t n = ((bc_u128_t)hi << 64) | lo;
    *rem = (uint64_t)(n % d);
    return (uint64_t)(n / d);
#endif
}

static size_t limbs_used(const uint64_t *w, size_t n)
{
    while (n > 0 && w[n - 1] == 0)
        n--;
    return n;
}

static void div_by_limb(const uint64_t *u, size_t un, uint64_t v, uint64_t *q, uint64_t *r)
{
    uint64_t rem = 0;
    for (size_t i = un; i-- > 0;) {
        uint64_t d = div_2by1(rem, u[i], v, &rem);
        if (q)
            q[i] = d;
    }
    r[0] = rem;
}

/* One quotient digit of Knuth's algorithm D: an estimate from the two top limbs, corrected by the
 * third; at most one too big. */
static uint64_t estimate(uint64_t u2, uint64_t u1, uint64_t u0, uint64_t v1, uint64_t v0)
{
    uint64_t q, rem;
    if (u2 >= v1) {
        q = UINT64_MAX;
        rem = u1 + v1;
        if (rem < v1 || u2 > v1) /* remainder beyond 64 bits: no correction possible */
            return q;
    } else {
        q = div_2by1(u2, u1, v1, &rem);
    }
    while ((bc_u128_t)q * v0 > (((bc_u128_t)rem << 64) | u0)) {
        q--;
        rem += v1;
        if (rem < v1)
            break;
    }
    return q;
}

/* u[0..n] -= q * v[0..n-1]; true when it went below zero. */
static bool submul(uint64_t *u, const uint64_t *v, size_t n, uint64_t q)
{
    uint64_t carry = 0, borrow = 0;
    for (size_t i = 0; i < n; i++) {
        bc_u128_t p = (bc_u128_t)q * v[i] + carry;
        carry = (uint64_t)(p >> 64);
        u[i] = bc_sbb64(u[i], (uint64_t)p, &borrow);
    }
    u[n] = bc_sbb64(u[n], carry, &borrow);
    return borrow != 0;
}

static void add_back(uint64_t *u, const uint64_t *v, size_t n)
{
    uint64_t carry = 0;
    for (size_t i = 0; i < n; i++)
        u[i] = bc_adc64(u[i], v[i], &carry);
    u[n] += carry;
}

void bc_u256_divrem_limbs(const uint64_t *u, size_t un, const uint64_t *v, size_t vn, uint64_t *q,
                          uint64_t *r)
{
    BC_MUST(vn >= 1 && vn <= 4 && un >= vn && un <= 8 && v[vn - 1] != 0);
    if (vn == 1) {
        div_by_limb(u, un, v[0], q, r);
        return;
    }
    unsigned shift = (unsigned)__builtin_clzll(v[vn - 1]);
    uint64_t nu[9], nv[4];
    for (size_t i = 0; i < vn; i++)
        nv[i] = shift ? v[i] << shift | (i ? v[i - 1] >> (64 - shift) : 0) : v[i];
    for (size_t i = 0; i < un; i++)
        nu[i] = shift ? u[i] << shift | (i ? u[i - 1] >> (64 - shift) : 0) : u[i];
    nu[un] = shift ? u[un - 1] >> (64 - shift) : 0;

    for (size_t j = un - vn + 1; j-- > 0;) {
        uint64_t d = estimate(nu[j + vn], nu[j + vn - 1], nu[j + vn - 2], nv[vn - 1], nv[vn - 2]);
        if (submul(nu + j, nv, vn, d)) { /* one too big: put a divisor back */
            add_back(nu + j, nv, vn);
            d--;
        }
        if (q)
            q[j] = d;
    }
    for (size_t i = 0; i < vn; i++)
        r[i] = shift ? nu[i] >> shift | nu[i + 1] << (64 - shift) : nu[i];
}

static void divrem(const bc_u256_t *a, const bc_u256_t *b, bc_u256_t *q, bc_u256_t *r)
{
    bc_u256_t qq = { { 0 } }, rr = { { 0 } };
    size_t an = limbs_used(a->w, 4), bn = limbs_used(b->w, 4);
    if (bn != 0) {
        if (bc_u256_lt(a, b))
            rr = *a;
        else if (an == 1)
            qq.w[0] = a->w[0] / b->w[0], rr.w[0] = a->w[0] % b->w[0];
        else
            bc_u256_divrem_limbs(a->w, an, b->w, bn, qq.w, rr.w);
    }
    *q = qq;
    *r = rr;
}

bc_u256_t bc_u256_div(const bc_u256_t *a, const bc_u256_t *b)
{
    bc_u256_t q, r;
    divrem(a, b, &q, &r);
    return q;
}

bc_u256_t bc_u256_mod(const bc_u256_t *a, const bc_u256_t *b)
{
    bc_u256_t q, r;
    divrem(a, b, &q, &r);
    return r;
}

static bc_u256_t magnitude(const bc_u256_t *a)
{
    return bc_u256_is_neg(a) ? bc_u256_neg(a) : *a;
}

bc_u256_t bc_u256_sdiv(const bc_u256_t *a, const bc_u256_t *b)
{
    bool neg = bc_u256_is_neg(a) != bc_u256_is_neg(b);
    bc_u256_t x = magnitude(a), y = magnitude(b);
    bc_u256_t q = bc_u256_div(&x, &y);
    return neg ? bc_u256_neg(&q) : q;
}

bc_u256_t bc_u256_smod(const bc_u256_t *a, const bc_u256_t *b)
{
    bool neg = bc_u256_is_neg(a);
    bc_u256_t x = magnitude(a), y = magnitude(b);
    bc_u256_t r = bc_u256_mod(&x, &y);
    return neg ? bc_u256_neg(&r) : r;
}

static bc_u256_t mod_limbs(const uint64_t *u, size_t n, const bc_u256_t *m)
{
    bc_u256_t r = { { 0 } };
    size_t mn = limbs_used(m->w, 4), un = limbs_used(u, n);
    if (mn == 0 || un == 0)
        return r;
    if (un < mn) {
        memcpy(r.w, u, un * sizeof *u);
        return r;
    }
    bc_u256_divrem_limbs(u, un, m->w, mn, NULL, r.w);
    return r;
}

bc_u256_t bc_u256_addmod(const bc_u256_t *a, const bc_u256_t *b, const bc_u256_t *m)
{
    bc_u256_t s;
    uint64_t c = bc_u256_add_carry(&s, a, b);
    uint64_t wide[5] = { s.w[0], s.w[1], s.w[2], s.w[3], c };
    return mod_limbs(wide, 5, m);
}

void bc_u256_mul_wide(uint64_t r[8], const bc_u256_t *a, const bc_u256_t *b)
{
    uint64_t t[8] = { 0 };
    for (int i = 0; i < 4; i++) {
        uint64_t carry = 0;
        for (int j = 0; j < 4; j++) {
            bc_u128_t p = (bc_u128_t)a->w[i] * b->w[j] + t[i + j] + carry;
            t[i + j] = (uint64_t)p;
            carry = (uint64_t)(p >> 64);
        }
        t[i + 4] = carry;
    }
    memcpy(r, t, sizeof t);
}

bc_u256_t bc_u256_mulmod(const bc_u256_t *a, const bc_u256_t *b, const bc_u256_t *m)
{
    uint64_t wide[8];
    bc_u256_mul_wide(wide, a, b);
    return mod_limbs(wide, 8, m);
}

bc_u256_t bc_u256_exp(const bc_u256_t *base, const bc_u256_t *exponent)
{
    bc_u256_t r = bc_u256(1);
    for (unsigned i = bc_u256_bits(exponent); i-- > 0;) {
        r = bc_u256_mul(&r, &r);
        if (exponent->w[i / 64] >> (i % 64) & 1)
            r = bc_u256_mul(&r, base);
    }
    return r;
}

bc_u256_t bc_u256_signextend(const bc_u256_t *k, const bc_u256_t *v)
{
    if (!bc_u256_is_u64(k) || k->w[0] >= 31)
        return *v;
    unsigned up = 256 - 8 * ((unsigned)k->w[0] + 1);
    bc_u256_t t = bc_u256_shl(v, up);
    return bc_u256_sar(&t, up);
}
