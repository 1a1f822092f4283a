/* Division is Knuth's algorithm D with the quotient digits of Moller and Granlund, "Improved
 * division by invariant integers" (2011): one hardware division makes the reciprocal of the
 * divisor's top, then each digit takes two multiplications. */
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

static inline bc_u128_t pair(uint64_t high, uint64_t low)
{
    return (bc_u128_t)high << 64 | low;
}

/* floor((2^128 - 1) / d) - 2^64 for a d whose top bit is set. */
static inline uint64_t reciprocal(uint64_t d)
{
    uint64_t rem;
    return div_2by1(~d, UINT64_MAX, d, &rem);
}

/* floor((2^192 - 1) / (d1:d0)) - 2^64, top bit of d1 set: reciprocal(d1) made smaller for d0. */
static inline uint64_t reciprocal_2(uint64_t d1, uint64_t d0)
{
    uint64_t v = reciprocal(d1);
    uint64_t p = d1 * v + d0;
    if (p < d0) {
        v--;
        if (p >= d1) {
            v--;
            p -= d1;
        }
        p -= d1;
    }
    bc_u128_t t = (bc_u128_t)v * d0;
    p += (uint64_t)(t >> 64);
    if (p < (uint64_t)(t >> 64)) {
        v--;
        if (pair(p, (uint64_t)t) >= pair(d1, d0))
            v--;
    }
    return v;
}

/* (u1:u0) / d by v = reciprocal(d), u1 < d. */
static inline uint64_t digit_1(uint64_t u1, uint64_t u0, uint64_t d, uint64_t v, uint64_t *rem)
{
    bc_u128_t q = (bc_u128_t)v * u1 + pair(u1, u0);
    uint64_t q1 = (uint64_t)(q >> 64) + 1, r = u0 - q1 * d;
    if (r > (uint64_t)q) {
        q1--;
        r += d;
    }
    if (BC_UNLIKELY(r >= d)) {
        q1++;
        r -= d;
    }
    *rem = r;
    return q1;
}

/* (*u:u0) / d by v = reciprocal_2(d), *u < d. The remainder to *u. */
static inline uint64_t digit_2(bc_u128_t *u, uint64_t u0, bc_u128_t d, uint64_t v)
{
    bc_u128_t q = (bc_u128_t)v * (uint64_t)(*u >> 64) + *u;
    uint64_t q1 = (uint64_t)(q >> 64);
    uint64_t r1 = (uint64_t)*u - q1 * (uint64_t)(d >> 64);
    bc_u128_t r = pair(r1, u0) - (bc_u128_t)(uint64_t)d * q1 - d;
    uint64_t back = -(uint64_t)((uint64_t)(r >> 64) >= (uint64_t)q); /* a coin's toss: no branch */
    q1 += 1 + back;
    r += pair(back, back) & d;
    if (BC_UNLIKELY(r >= d)) {
        q1++;
        r -= d;
    }
    *u = r;
    return q1;
}

/* u[0..n-1] -= q * d[0..n-1]; returns what is still to be taken from u[n]. */
static inline __attribute__((always_inline)) uint64_t submul(uint64_t *u, const uint64_t *d,
                                                             size_t n, uint64_t q)
{
    uint64_t carry = 0;
    #pragma GCC unroll 4
    for (size_t i = 0; i < n; i++) {
        bc_u128_t p = (bc_u128_t)q * d[i] + carry;
        uint64_t low = (uint64_t)p;
        carry = (uint64_t)(p >> 64) + (u[i] < low);
        u[i] -= low;
    }
    return carry;
}

/* Divides the n + digits limbs of u, whose top n are less than d, by the n >= 2 limbs of d, top bit
 * set. The remainder stays in u[0..n-1]; q, when not NULL, gets the digits. n is a constant. */
static inline __attribute__((always_inline)) void divide(uint64_t *u, size_t digits,
                                                         const uint64_t *d, size_t n, uint64_t *q)
{
    const bc_u128_t dd = pair(d[n - 1], d[n - 2]);
    const uint64_t v = reciprocal_2(d[n - 1], d[n - 2]);
    bc_u128_t uu = pair(u[digits + n - 1], u[digits + n - 2]); /* the two limbs on top, kept here */
    for (size_t j = digits; j-- > 0;) {
        uint64_t digit;
        if (n > 2 && BC_UNLIKELY(uu == dd)) {
            digit = UINT64_MAX; /* digit_2 may not be asked, and no other is right */
            u[j + n - 1] = (uint64_t)uu;
            submul(u + j, d, n, digit);
            uu = pair(u[j + n - 1], u[j + n - 2]);
        } else {
            digit = digit_2(&uu, u[j + n - 2], dd, v);
            if (n > 2) {
                uint64_t less = submul(u + j, d, n - 2, digit);
                bool negative = uu < less;
                uu -= less;
                if (BC_UNLIKELY(negative)) { /* one too big: put a divisor back */
                    uint8_t c = 0;
                    for (size_t i = 0; i < n - 2; i++)
                        u[j + i] = bc_adc64(u[j + i], d[i], &c);
                    uu += dd + c;
                    digit--;
                }
            }
        }
        if (q)
            q[j] = digit;
    }
    u[n - 1] = (uint64_t)(uu >> 64);
    u[n - 2] = (uint64_t)uu;
}

/* to[0..n] = from[0..n-1] << s, s < 64 */
static inline __attribute__((always_inline)) void shift_up(uint64_t *to, const uint64_t *from,
                                                           size_t n, unsigned s)
{
    uint64_t below = 0;
    #pragma GCC unroll 8
    for (size_t i = 0; i < n; i++) {
        to[i] = from[i] << s | below >> 1 >> (63 - s);
        below = from[i];
    }
    to[n] = below >> 1 >> (63 - s);
}

static void divide_by_limb(const uint64_t *u, size_t un, uint64_t d, uint64_t *q, uint64_t *r)
{
    uint64_t rem = 0;
    if (un <= 2) {
        for (size_t i = un; i-- > 0;) {
            uint64_t digit = div_2by1(rem, u[i], d, &rem);
            if (q)
                q[i] = digit;
        }
        r[0] = rem;
        return;
    }
    unsigned s = (unsigned)__builtin_clzll(d);
    uint64_t nu[9];
    shift_up(nu, u, un, s);
    d <<= s;
    uint64_t v = reciprocal(d);
    rem = nu[un];
    for (size_t i = un; i-- > 0;) {
        uint64_t digit = digit_1(rem, nu[i], d, v, &rem);
        if (q)
            q[i] = digit;
    }
    r[0] = rem >> s;
}

/* divide_limbs for a constant dn of 2..4 */
static inline __attribute__((always_inline)) void divide_by(const uint64_t *u, size_t un,
                                                            const uint64_t *d, size_t dn,
                                                            uint64_t *q, uint64_t *r)
{
    unsigned s = (unsigned)__builtin_clzll(d[dn - 1]);
    uint64_t nu[9], nd[5];
    shift_up(nd, d, dn, s);
    shift_up(nu, u, un, s);
    size_t digits = un - dn;
    if (nu[un] != 0 || nu[un - 1] >= nd[dn - 1])
        digits++;
    divide(nu, digits, nd, dn, q);
    #pragma GCC unroll 4
    for (size_t i = 0; i + 1 < dn; i++)
        r[i] = nu[i] >> s | nu[i + 1] << 1 << (63 - s);
    r[dn - 1] = nu[dn - 1] >> s;
}

/* Divides un limbs by dn (1..4, top limb not zero) limbs, dn <= un <= 8. q (may be NULL) gets at
 * most un - dn + 1 limbs, those above stay as they are; r gets dn limbs. */
static inline __attribute__((always_inline)) void divide_limbs(const uint64_t *u, size_t un,
                                                               const uint64_t *d, size_t dn,
                                                               uint64_t *q, uint64_t *r)
{
    if (dn == 1)
        divide_by_limb(u, un, d[0], q, r);
    else if (dn == 2)
        divide_by(u, un, d, 2, q, r);
    else if (dn == 3)
        divide_by(u, un, d, 3, q, r);
    else
        divide_by(u, un, d, 4, q, r);
}

bc_u256_t bc_u256_div(const bc_u256_t *a, const bc_u256_t *b)
{
    bc_u256_t q = { { 0 } }, r;
    if (bc_u256_is_u64(a) && bc_u256_is_u64(b)) {
        q.w[0] = b->w[0] ? a->w[0] / b->w[0] : 0;
        return q;
    }
    size_t bn = limbs_used(b->w, 4);
    if (bn != 0 && !bc_u256_lt(a, b))
        divide_limbs(a->w, limbs_used(a->w, 4), b->w, bn, q.w, r.w);
    return q;
}

/* u mod m. */
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
    divide_limbs(u, un, m->w, mn, NULL, r.w);
    return r;
}

bc_u256_t bc_u256_mod(const bc_u256_t *a, const bc_u256_t *b)
{
    if (bc_u256_is_u64(a) && bc_u256_is_u64(b))
        return bc_u256(b->w[0] ? a->w[0] % b->w[0] : 0);
    if (bc_u256_lt(a, b))
        return *a;
    return mod_limbs(a->w, 4, b);
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

bc_u256_t bc_u256_addmod(const bc_u256_t *a, const bc_u256_t *b, const bc_u256_t *m)
{
    bc_u256_t s, t;
    uint8_t c = bc_u256_add_carry(&s, a, b);
    if (bc_u256_lt(a, m) && bc_u256_lt(b, m)) {
        uint8_t less = bc_u256_sub_borrow(&t, &s, m);
        return c >= less ? t : s;
    }
    uint64_t wide[5] = { s.w[0], s.w[1], s.w[2], s.w[3], c };
    return mod_limbs(wide, 5, m);
}

/* r[0..n] += a[0..n-1] * b, where r[n] was 0 */
static inline __attribute__((always_inline)) void addmul(uint64_t *r, const uint64_t *a, size_t n,
                                                         uint64_t b)
{
    uint64_t carry = 0;
    #pragma GCC unroll 4
    for (size_t i = 0; i < n; i++) {
        bc_u128_t p = (bc_u128_t)a[i] * b + r[i] + carry;
        r[i] = (uint64_t)p;
        carry = (uint64_t)(p >> 64);
    }
    r[n] = carry;
}

void bc_u256_mul_wide(uint64_t r[8], const bc_u256_t *a, const bc_u256_t *b)
{
    uint64_t t[8] = { 0 };
    #pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++)
        addmul(t + i, a->w, 4, b->w[i]);
    memcpy(r, t, sizeof t);
}

/* u mod 2^256 - c: 2^256 is c there, so the upper half times c is added to the lower. Moduli of
 * this shape are common: 2^256 - 1 in full-width multiplication and division, primes of curves. */
static bc_u256_t mod_below_2_256(const uint64_t u[8], uint64_t c)
{
    const bc_u256_t m = { { -c, UINT64_MAX, UINT64_MAX, UINT64_MAX } };
    uint64_t w[5] = { u[0], u[1], u[2], u[3], 0 };
    addmul(w, u + 4, 4, c);
    bc_u256_t r = { { w[0], w[1], w[2], w[3] } }, t;
    uint64_t high, low = bc_mul64(w[4], c, &high);
    bc_u256_t more = { { low, high, 0, 0 } };
    if (bc_u256_add_carry(&r, &r, &more)) {
        more = bc_u256(c);
        bc_u256_add_carry(&r, &r, &more); /* r was small: it wrapped */
    }
    return bc_u256_sub_borrow(&t, &r, &m) ? r : t;
}

bc_u256_t bc_u256_mulmod(const bc_u256_t *a, const bc_u256_t *b, const bc_u256_t *m)
{
    uint64_t wide[8];
    bc_u256_mul_wide(wide, a, b);
    if ((m->w[1] & m->w[2] & m->w[3]) == UINT64_MAX && m->w[0] != 0)
        return mod_below_2_256(wide, -m->w[0]);
    return mod_limbs(wide, 8, m);
}

bc_u256_t bc_u256_exp(const bc_u256_t *base, const bc_u256_t *exponent)
{
    unsigned bits = bc_u256_bits(exponent);
    if (bits == 0)
        return bc_u256(1);
    if ((base->w[0] & 1) == 0) { /* base = odd * 2^zeros; the power has zeros * exponent */
        unsigned zeros = base->w[0] ? (unsigned)__builtin_ctzll(base->w[0]) : 64;
        if (bits > 8 || zeros * exponent->w[0] > 255)
            return bc_u256(0);
        if (bc_u256_is_u64(base) && base->w[0] == (base->w[0] & -base->w[0]) && base->w[0]) {
            bc_u256_t one = bc_u256(1); /* a power of two */
            return bc_u256_shl(&one, zeros * exponent->w[0]);
        }
    } else if (bc_u256_is_u64(base) && base->w[0] == 1) {
        return *base;
    }
    bc_u256_t r = *base;
    for (unsigned i = bits - 1; i-- > 0;) {
        bc_u256_mul_to(&r, &r, &r);
        if (exponent->w[i / 64] >> (i % 64) & 1)
            bc_u256_mul_to(&r, &r, base);
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
