/* Arithmetic modulo 2^256 on four 64-bit limbs, least significant first, as the EVM defines it:
 * division and remainder by zero give zero. Pure; any thread. Results may alias operands. */
#ifndef BC_COMPUTING_EVM_U256_H
#define BC_COMPUTING_EVM_U256_H

#include "base/buf.h"

typedef unsigned __int128 bc_u128_t;

static inline bc_u256_t bc_u256(uint64_t v)
{
    return (bc_u256_t){ { v, 0, 0, 0 } };
}

static inline bool bc_u256_is_zero(const bc_u256_t *a)
{
    return (a->w[0] | a->w[1] | a->w[2] | a->w[3]) == 0;
}

static inline bool bc_u256_eq(const bc_u256_t *a, const bc_u256_t *b)
{
    return ((a->w[0] ^ b->w[0]) | (a->w[1] ^ b->w[1]) | (a->w[2] ^ b->w[2]) |
            (a->w[3] ^ b->w[3])) == 0;
}

/* True when the value fits 64 bits. */
static inline bool bc_u256_is_u64(const bc_u256_t *a)
{
    return (a->w[1] | a->w[2] | a->w[3]) == 0;
}

static inline bc_u256_t bc_u256_from_be(const uint8_t p[32])
{
    return (bc_u256_t){ { bc_load_be64(p + 24), bc_load_be64(p + 16), bc_load_be64(p + 8),
                          bc_load_be64(p) } };
}

static inline void bc_u256_to_be(const bc_u256_t *a, uint8_t p[32])
{
    bc_store_be64(p, a->w[3]);
    bc_store_be64(p + 8, a->w[2]);
    bc_store_be64(p + 16, a->w[1]);
    bc_store_be64(p + 24, a->w[0]);
}

/* Big-endian bytes, at most 32. */
static inline bc_u256_t bc_u256_from_bytes(bc_bytes_t v)
{
    uint8_t p[32] = { 0 };
    size_t n = BC_MIN(v.n, (size_t)32);
    if (n)
        memcpy(p + 32 - n, v.p + (v.n - n), n);
    return bc_u256_from_be(p);
}

static inline bc_u256_t bc_u256_from_addr(const bc_addr_t *a)
{
    return (bc_u256_t){ { bc_load_be64(a->b + 12), bc_load_be64(a->b + 4), bc_load_be32(a->b), 0 } };
}

/* The low 20 bytes. */
static inline bc_addr_t bc_u256_to_addr(const bc_u256_t *a)
{
    bc_addr_t r;
    bc_store_be32(r.b, (uint32_t)a->w[2]);
    bc_store_be64(r.b + 4, a->w[1]);
    bc_store_be64(r.b + 12, a->w[0]);
    return r;
}

/* Sum and difference of words with a carry of 0 or 1, and the product of two words: by what names
 * the instruction, since the compilers make poor code of the same in 128-bit numbers. */
static inline uint64_t bc_adc64(uint64_t a, uint64_t b, uint8_t *carry)
{
    unsigned long long r;
#if defined(__clang__)
    unsigned long long c;
    r = __builtin_addcll(a, b, *carry, &c);
    *carry = (uint8_t)c;
#elif defined(__x86_64__)
    *carry = __builtin_ia32_addcarryx_u64(*carry, a, b, &r);
#else
    bc_u128_t t = (bc_u128_t)a + b + *carry;
    *carry = (uint8_t)(t >> 64);
    r = (uint64_t)t;
#endif
    return r;
}

static inline uint64_t bc_sbb64(uint64_t a, uint64_t b, uint8_t *borrow)
{
    unsigned long long r;
#if defined(__clang__)
    unsigned long long c;
    r = __builtin_subcll(a, b, *borrow, &c);
    *borrow = (uint8_t)c;
#elif defined(__x86_64__)
    *borrow = __builtin_ia32_sbb_u64(*borrow, a, b, &r);
#else
    bc_u128_t t = (bc_u128_t)a - b - *borrow;
    *borrow = (uint8_t)(t >> 64) & 1;
    r = (uint64_t)t;
#endif
    return r;
}

static inline uint64_t bc_mul64(uint64_t a, uint64_t b, uint64_t *high)
{
#ifdef __x86_64__
    uint64_t low;
    __asm__("mulq %3" : "=a"(low), "=d"(*high) : "%0"(a), "rm"(b) : "cc");
    return low;
#else
    bc_u128_t t = (bc_u128_t)a * b;
    *high = (uint64_t)(t >> 64);
    return (uint64_t)t;
#endif
}

static inline bool bc_u256_add_carry(bc_u256_t *r, const bc_u256_t *a, const bc_u256_t *b)
{
    uint64_t w0 = a->w[0], w1 = a->w[1], w2 = a->w[2], w3 = a->w[3];
#ifdef __x86_64__
    bool c;
    __asm__("addq %5, %0\n\tadcq %6, %1\n\tadcq %7, %2\n\tadcq %8, %3"
            : "+&r"(w0), "+&r"(w1), "+&r"(w2), "+&r"(w3), "=@ccc"(c)
            : "rm"(b->w[0]), "rm"(b->w[1]), "rm"(b->w[2]), "rm"(b->w[3]));
#else
    uint8_t c = 0;
    w0 = bc_adc64(w0, b->w[0], &c);
    w1 = bc_adc64(w1, b->w[1], &c);
    w2 = bc_adc64(w2, b->w[2], &c);
    w3 = bc_adc64(w3, b->w[3], &c);
#endif
    r->w[0] = w0;
    r->w[1] = w1;
    r->w[2] = w2;
    r->w[3] = w3;
    return c;
}

static inline bool bc_u256_sub_borrow(bc_u256_t *r, const bc_u256_t *a, const bc_u256_t *b)
{
    uint64_t w0 = a->w[0], w1 = a->w[1], w2 = a->w[2], w3 = a->w[3];
#ifdef __x86_64__
    bool c;
    __asm__("subq %5, %0\n\tsbbq %6, %1\n\tsbbq %7, %2\n\tsbbq %8, %3"
            : "+&r"(w0), "+&r"(w1), "+&r"(w2), "+&r"(w3), "=@ccc"(c)
            : "rm"(b->w[0]), "rm"(b->w[1]), "rm"(b->w[2]), "rm"(b->w[3]));
#else
    uint8_t c = 0;
    w0 = bc_sbb64(w0, b->w[0], &c);
    w1 = bc_sbb64(w1, b->w[1], &c);
    w2 = bc_sbb64(w2, b->w[2], &c);
    w3 = bc_sbb64(w3, b->w[3], &c);
#endif
    r->w[0] = w0;
    r->w[1] = w1;
    r->w[2] = w2;
    r->w[3] = w3;
    return c;
}

static inline bc_u256_t bc_u256_add(const bc_u256_t *a, const bc_u256_t *b)
{
    bc_u256_t r;
    bc_u256_add_carry(&r, a, b);
    return r;
}

static inline bc_u256_t bc_u256_sub(const bc_u256_t *a, const bc_u256_t *b)
{
    bc_u256_t r;
    bc_u256_sub_borrow(&r, a, b);
    return r;
}

static inline bc_u256_t bc_u256_neg(const bc_u256_t *a)
{
    bc_u256_t zero = { { 0 } };
    return bc_u256_sub(&zero, a);
}

static inline bool bc_u256_lt(const bc_u256_t *a, const bc_u256_t *b)
{
    bc_u256_t t;
    return bc_u256_sub_borrow(&t, a, b) != 0;
}

static inline bool bc_u256_is_neg(const bc_u256_t *a)
{
    return a->w[3] >> 63;
}

/* Two's complement order. */
static inline bool bc_u256_slt(const bc_u256_t *a, const bc_u256_t *b)
{
    bool na = bc_u256_is_neg(a), nb = bc_u256_is_neg(b);
    return na == nb ? bc_u256_lt(a, b) : na;
}

static inline void bc_u256_mul_to(bc_u256_t *r, const bc_u256_t *a, const bc_u256_t *b)
{
    uint64_t a0 = a->w[0], a1 = a->w[1], a2 = a->w[2], a3 = a->w[3];
    uint64_t b0 = b->w[0], b1 = b->w[1], b2 = b->w[2], b3 = b->w[3];
    uint64_t w0, w1, w2, w3, low, low2, high;
    uint8_t c = 0;
    w0 = bc_mul64(a0, b0, &w1);
    low = bc_mul64(a0, b1, &w2);
    low2 = bc_mul64(a0, b2, &w3);
    w1 = bc_adc64(w1, low, &c);
    w2 = bc_adc64(w2, low2, &c);
    w3 += a0 * b3 + c;
    low = bc_mul64(a1, b0, &high);
    low2 = bc_mul64(a1, b1, &a0);
    c = 0;
    w1 = bc_adc64(w1, low, &c);
    w2 = bc_adc64(w2, low2, &c);
    w3 += a0 + c;
    c = 0;
    w2 = bc_adc64(w2, high, &c);
    w3 += a1 * b2 + c;
    low = bc_mul64(a2, b0, &high);
    c = 0;
    w2 = bc_adc64(w2, low, &c);
    w3 += high + a2 * b1 + a3 * b0 + c;
    r->w[0] = w0;
    r->w[1] = w1;
    r->w[2] = w2;
    r->w[3] = w3;
}

static inline bc_u256_t bc_u256_mul(const bc_u256_t *a, const bc_u256_t *b)
{
    bc_u256_t r;
    bc_u256_mul_to(&r, a, b);
    return r;
}

/* Shifts by any amount: 256 and more give zero (all ones for a negative value in sar). */
static inline void bc_u256_shl_to(bc_u256_t *r, const bc_u256_t *a, uint64_t n)
{
    uint64_t w0 = a->w[0], w1 = a->w[1], w2 = a->w[2], w3 = a->w[3];
    unsigned bits = n % 64;
    if (n >= 128) {
        w3 = n < 256 ? w1 : 0;
        w2 = n < 256 ? w0 : 0;
        w1 = w0 = 0;
    }
    if (n & 64) {
        w3 = w2;
        w2 = w1;
        w1 = w0;
        w0 = 0;
    }
    r->w[3] = w3 << bits | w2 >> 1 >> (63 - bits);
    r->w[2] = w2 << bits | w1 >> 1 >> (63 - bits);
    r->w[1] = w1 << bits | w0 >> 1 >> (63 - bits);
    r->w[0] = w0 << bits;
}

static inline void bc_u256_shr_to(bc_u256_t *r, const bc_u256_t *a, uint64_t n)
{
    uint64_t w0 = a->w[0], w1 = a->w[1], w2 = a->w[2], w3 = a->w[3];
    unsigned bits = n % 64;
    if (n >= 128) {
        w0 = n < 256 ? w2 : 0;
        w1 = n < 256 ? w3 : 0;
        w2 = w3 = 0;
    }
    if (n & 64) {
        w0 = w1;
        w1 = w2;
        w2 = w3;
        w3 = 0;
    }
    r->w[0] = w0 >> bits | w1 << 1 << (63 - bits);
    r->w[1] = w1 >> bits | w2 << 1 << (63 - bits);
    r->w[2] = w2 >> bits | w3 << 1 << (63 - bits);
    r->w[3] = w3 >> bits;
}

static inline bc_u256_t bc_u256_shl(const bc_u256_t *a, uint64_t n)
{
    bc_u256_t r;
    bc_u256_shl_to(&r, a, n);
    return r;
}

static inline bc_u256_t bc_u256_shr(const bc_u256_t *a, uint64_t n)
{
    bc_u256_t r;
    bc_u256_shr_to(&r, a, n);
    return r;
}

static inline bc_u256_t bc_u256_not(const bc_u256_t *a)
{
    return (bc_u256_t){ { ~a->w[0], ~a->w[1], ~a->w[2], ~a->w[3] } };
}

static inline bc_u256_t bc_u256_sar(const bc_u256_t *a, uint64_t n)
{
    if (!bc_u256_is_neg(a))
        return bc_u256_shr(a, n);
    bc_u256_t t = bc_u256_not(a);
    t = bc_u256_shr(&t, n);
    return bc_u256_not(&t);
}

/* Number of significant bits, 0 for zero. */
static inline unsigned bc_u256_bits(const bc_u256_t *a)
{
    for (unsigned i = 4; i-- > 0;)
        if (a->w[i])
            return i * 64 + 64 - (unsigned)__builtin_clzll(a->w[i]);
    return 0;
}

bc_u256_t bc_u256_div(const bc_u256_t *a, const bc_u256_t *b);
bc_u256_t bc_u256_mod(const bc_u256_t *a, const bc_u256_t *b);
bc_u256_t bc_u256_sdiv(const bc_u256_t *a, const bc_u256_t *b);
bc_u256_t bc_u256_smod(const bc_u256_t *a, const bc_u256_t *b); /* sign of the dividend */
bc_u256_t bc_u256_addmod(const bc_u256_t *a, const bc_u256_t *b, const bc_u256_t *m);
bc_u256_t bc_u256_mulmod(const bc_u256_t *a, const bc_u256_t *b, const bc_u256_t *m);
bc_u256_t bc_u256_exp(const bc_u256_t *base, const bc_u256_t *exponent);
/* Extends the sign of the two's complement number of k+1 low bytes. */
bc_u256_t bc_u256_signextend(const bc_u256_t *k, const bc_u256_t *v);

/* 256x256 -> 512 bits. */
void bc_u256_mul_wide(uint64_t r[8], const bc_u256_t *a, const bc_u256_t *b);

#endif
