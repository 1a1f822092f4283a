/* The Ethereum precompiled contracts that need no curve arithmetic of their own, and the table of
 * all nine. Source of the FISCO differences: spec chapter on computing, section 3;
 * bcos-executor/src/vm/Precompiled.cpp. */
#include <gmp.h>
#include "computing/evm/bn254.h"
#include "computing/evm/evm.h"
#include "computing/evm/precompile.h"
#include "computing/evm/u256.h"

/* Up to n bytes of in from off, zeros beyond its end. */
static void take_padded(bc_bytes_t in, uint64_t off, uint8_t *to, size_t n)
{
    size_t have = off < in.n ? BC_MIN(n, in.n - (size_t)off) : 0;
    if (have)
        memcpy(to, in.p + off, have);
    memset(to + have, 0, n - have);
}

static int64_t per_word(bc_bytes_t in, int64_t base, int64_t word)
{
    return base + word * (int64_t)((in.n + 31) / 32);
}

/* ---- 1: ecrecover ---- */

static bool ecrecover(const bc_evm_rules_t *rules, bc_bytes_t in, bc_wr_t *out)
{
    uint8_t data[128], sig[65];
    if (rules->fisco && in.n <= 96)
        return true;
    take_padded(in, 0, data, sizeof data);
    if (!rules->fisco) {
        for (int i = 32; i < 63; i++)
            if (data[i])
                return true;
        if (data[63] != 27 && data[63] != 28)
            return true;
    }
    memcpy(sig, data + 64, 64);
    sig[64] = (uint8_t)(data[63] - 27);
    bc_h256_t digest;
    memcpy(digest.b, data, 32);
    bc_nodeid_t pub;
    if (bc_recover(BC_SUITE_STANDARD, &digest, bc_bytes(sig, sizeof sig), &pub) != BC_OK)
        return true;
    uint8_t *word = bc_wr_reserve(out, 32);
    if (!word)
        return false;
    bc_addr_t a;
    bc_address(BC_SUITE_STANDARD, &pub, &a);
    memset(word, 0, 12);
    memcpy(word + 12, a.b, 20);
    return true;
}

/* ---- 2, 3 ---- */

static bool run_sha256(const bc_evm_rules_t *rules, bc_bytes_t in, bc_wr_t *out)
{
    (void)rules;
    bc_h256_t h;
    bc_sha256(in, &h);
    bc_wr_put(out, BC_VIEW(h));
    return true;
}

static bool run_ripemd160(const bc_evm_rules_t *rules, bc_bytes_t in, bc_wr_t *out)
{
    (void)rules;
    uint8_t word[32] = { 0 };
    bc_ripemd160(in, word + 12);
    bc_wr_mem(out, word, sizeof word);
    return true;
}

static bool run_identity(const bc_evm_rules_t *rules, bc_bytes_t in, bc_wr_t *out)
{
    (void)rules;
    bc_wr_put(out, in);
    return true;
}

/* ---- 5: modexp ---- */

#define MODEXP_LEN_MAX (1ull << 40) /* nothing as long can be paid */

typedef struct {
    uint64_t base, exp, mod; /* lengths, clamped to MODEXP_LEN_MAX */
} modexp_len_t;

static uint64_t length_at(bc_bytes_t in, uint64_t off)
{
    uint8_t word[32];
    take_padded(in, off, word, sizeof word);
    bc_u256_t v = bc_u256_from_be(word);
    return bc_u256_is_u64(&v) ? BC_MIN(v.w[0], MODEXP_LEN_MAX) : MODEXP_LEN_MAX;
}

static modexp_len_t modexp_lengths(bc_bytes_t in)
{
    return (modexp_len_t){ length_at(in, 0), length_at(in, 32), length_at(in, 64) };
}

/* Index of the exponent's highest bit; of its first 32 bytes and 8 per byte after them. */
static uint64_t adjusted_length(bc_bytes_t in, modexp_len_t len)
{
    uint8_t word[32] = { 0 };
    size_t n = (size_t)BC_MIN(len.exp, 32u);
    take_padded(in, 96 + len.base, word + 32 - n, n);
    bc_u256_t head = bc_u256_from_be(word);
    unsigned bits = bc_u256_bits(&head);
    return (bits ? bits - 1 : 0) + (len.exp > 32 ? 8 * (len.exp - 32) : 0);
}

static int64_t modexp_price(const bc_evm_rules_t *rules, bc_bytes_t in)
{
    modexp_len_t len = modexp_lengths(in);
    bc_u128_t x = BC_MAX(len.base, len.mod), complexity;
    bool old = rules->fisco || rules->rev < BC_EVM_BERLIN;
    if (!old)
        complexity = (x + 7) / 8 * ((x + 7) / 8);
    else if (x <= 64)
        complexity = x * x;
    else if (x <= 1024)
        complexity = x * x / 4 + 96 * x - 3072;
    else
        complexity = x * x / 16 + 480 * x - 199680;
    uint64_t iterations = BC_MAX(adjusted_length(in, len), 1u);
    if (len.exp == MODEXP_LEN_MAX && complexity)
        return INT64_MAX;
    bc_u128_t cost = complexity * iterations / (old ? 20 : 3);
    if (!old && cost < 200)
        cost = 200;
    return cost > INT64_MAX ? INT64_MAX : (int64_t)cost;
}

/* Reads `len` bytes at off as a number, with zeros for what lies beyond the input: the price has
 * bounded len. */
static void modexp_read(mpz_t z, bc_bytes_t in, uint64_t off, uint64_t len)
{
    size_t have = off < in.n ? (size_t)BC_MIN(len, in.n - off) : 0;
    mpz_import(z, have, 1, 1, 1, 0, have ? in.p + off : in.p);
    if (mpz_sgn(z))
        mpz_mul_2exp(z, z, 8 * (len - have));
}

static bool run_modexp(const bc_evm_rules_t *rules, bc_bytes_t in, bc_wr_t *out)
{
    (void)rules;
    modexp_len_t len = modexp_lengths(in);
    if (len.mod == 0)
        return true;
    uint8_t *to = bc_wr_reserve(out, (size_t)len.mod);
    if (!to)
        return false;
    memset(to, 0, (size_t)len.mod);
    mpz_t base, exp, mod;
    mpz_inits(base, exp, mod, NULL);
    modexp_read(mod, in, 96 + len.base + len.exp, len.mod);
    if (mpz_sgn(mod)) { /* so base and exponent, which come before it, lie inside the input */
        modexp_read(base, in, 96, len.base);
        modexp_read(exp, in, 96 + len.base, len.exp);
        mpz_powm(base, base, exp, mod);
        size_t n = mpz_sgn(base) ? (mpz_sizeinbase(base, 2) + 7) / 8 : 0;
        mpz_export(to + len.mod - n, NULL, 1, 1, 1, 0, base);
    }
    mpz_clears(base, exp, mod, NULL);
    return true;
}

/* ---- 6, 7, 8: curve bn254 ---- */

static bool run_bn_add(const bc_evm_rules_t *rules, bc_bytes_t in, bc_wr_t *out)
{
    (void)rules;
    uint8_t data[128], sum[64] = { 0 };
    take_padded(in, 0, data, sizeof data);
    bool ok = bc_bn254_add(data, data + 64, sum);
    bc_wr_mem(out, sum, sizeof sum);
    return ok;
}

static bool run_bn_mul(const bc_evm_rules_t *rules, bc_bytes_t in, bc_wr_t *out)
{
    (void)rules;
    uint8_t data[96], product[64] = { 0 };
    take_padded(in, 0, data, sizeof data);
    bool ok = bc_bn254_mul(data, data + 64, product);
    bc_wr_mem(out, product, sizeof product);
    return ok;
}

static bool run_bn_pairing(const bc_evm_rules_t *rules, bc_bytes_t in, bc_wr_t *out)
{
    (void)rules;
    uint8_t word[32] = { 0 };
    bool one = false;
    bool ok = in.n % 192 == 0 && bc_bn254_pairing(in, &one);
    word[31] = ok && one;
    bc_wr_mem(out, word, sizeof word);
    return ok;
}

/* ---- 9 ---- */

static bool run_blake2f(const bc_evm_rules_t *rules, bc_bytes_t in, bc_wr_t *out)
{
    (void)rules;
    if (in.n != 213 || in.p[212] > 1)
        return false;
    uint8_t *to = bc_wr_reserve(out, 64);
    if (to)
        bc_blake2f(in.p, to);
    return to != NULL;
}

static int64_t blake2f_price(bc_bytes_t in)
{
    return in.n < 4 ? 0 : bc_load_be32(in.p); /* short input fails, for nothing */
}

/* ---- dispatch ---- */

static int64_t price(unsigned number, const bc_evm_rules_t *rules, bc_bytes_t in)
{
    bool cheap = rules->fisco || rules->rev >= BC_EVM_ISTANBUL; /* EIP-1108 */
    int64_t pairs = (int64_t)(in.n / 192);
    switch (number) {
    case 1:
        return 3000;
    case 2:
        return per_word(in, 60, 12);
    case 3:
        return per_word(in, 600, 120);
    case 4:
        return per_word(in, 15, 3);
    case 5:
        return modexp_price(rules, in);
    case 6:
        return cheap ? 150 : 500;
    case 7:
        return cheap ? 6000 : 40000;
    case 8:
        return cheap ? 45000 + 34000 * pairs : 100000 + 80000 * pairs;
    default:
        return blake2f_price(in);
    }
}

static bool exists(unsigned number, const bc_evm_rules_t *rules)
{
    if (number < 1 || number > 9)
        return false;
    if (rules->fisco || number <= 4)
        return true;
    return rules->rev >= (number == 9 ? BC_EVM_ISTANBUL : BC_EVM_BYZANTIUM);
}

bool bc_evm_precompile(unsigned number, const bc_evm_rules_t *rules, bc_bytes_t input, int64_t gas,
                       bc_wr_t *out, bc_evm_pre_t *res)
{
    typedef bool (*run_t)(const bc_evm_rules_t *, bc_bytes_t, bc_wr_t *);
    static const run_t runs[] = { NULL, ecrecover, run_sha256, run_ripemd160, run_identity,
                                  run_modexp, run_bn_add, run_bn_mul, run_bn_pairing,
                                  run_blake2f };
    if (!exists(number, rules))
        return false;
    *res = (bc_evm_pre_t){ .gas_cost = price(number, rules, input) };
    if (res->gas_cost <= gas)
        res->ok = runs[number](rules, input, out) && out->err == BC_OK;
    return true;
}
