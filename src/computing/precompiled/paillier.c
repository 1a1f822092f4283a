/* Paillier 5003 (spec/40 §4.6): the sum of two ciphers under one key n is their product modulo n².
 *
 * A cipher is length u16 | n | c, with n of that many bytes and c of twice as many; the older
 * function takes it as hex text and compares lengths and keys as text. The official library
 * computes with words of four bytes by Montgomery's method and reads whatever it is given; here a
 * key that this cannot hold (even, no whole words, above 4096 bytes) and text that is no hex are
 * bad ciphers. */
#include <gmp.h>

#include "codec/hex.h"
#include "computing/precompiled/contracts.h"

enum { CODE_CIPHERS = -51600, KEY_BYTES_MAX = 4096 };

static void number_read(mpz_t out, const uint8_t *p, size_t n)
{
    mpz_import(out, n, 1, 1, 0, 0, p);
}

/* out = a + b, all of the same length, out may be a. */
static bool cipher_add(const uint8_t *a, const uint8_t *b, size_t size, uint8_t *out)
{
    if (size < 2)
        return false;
    size_t key = (size_t)a[0] << 8 | a[1];
    if (!key || key % 4 || key > KEY_BYTES_MAX || size != 2 + 3 * key || !(a[1 + key] & 1))
        return false;
    mpz_t n, x, y;
    mpz_inits(n, x, y, NULL);
    number_read(n, a + 2, key);
    mpz_mul(n, n, n);
    number_read(x, a + 2 + key, 2 * key);
    number_read(y, b + 2 + key, 2 * key);
    mpz_mul(x, x, y);
    mpz_mod(x, x, n);
    memmove(out, a, 2 + key);
    uint8_t *to = out + 2 + key;
    size_t len = (mpz_sizeinbase(x, 2) + 7) / 8;
    memset(to, 0, 2 * key);
    if (mpz_sgn(x))
        mpz_export(to + 2 * key - len, NULL, 1, 1, 0, 0, x);
    mpz_clears(n, x, y, NULL);
    return true;
}

static bc_pc_end_t ret_sum(bc_pc_t *pc, const char *type, bc_bytes_t sum)
{
    pc->ops += BC_PC_GAS_VERIFY;
    return bc_pc_ret(pc, type, (bc_abi_val_t[]){ bc_abi_bytes(sum) }, 1);
}

static bc_pc_end_t add_text(bc_pc_t *pc)
{
    const bc_abi_val_t *v = bc_pc_args(pc, "(string,string)");
    if (!v)
        return BC_PC_INTERNAL;
    bc_bytes_t a = v[0].s, b = v[1].s;
    size_t size = a.n / 2;
    uint8_t *x = bc_arena_alloc(pc->arena, size + 1), *y = bc_arena_alloc(pc->arena, size + 1);
    char *text = bc_arena_alloc(pc->arena, a.n + 1);
    if (!x || !y || !text)
        return BC_PC_INTERNAL;
    if (a.n != b.n || a.n % 2 || bc_hex_fixed(a, x, size) || bc_hex_fixed(b, y, size) || size < 2)
        return bc_pc_ret_int(pc, CODE_CIPHERS);
    size_t shared = BC_MIN(4 + 2 * ((size_t)x[0] << 8 | x[1]), a.n); /* length and key, as text */
    if (memcmp(a.p, b.p, shared) != 0 || !cipher_add(x, y, size, x))
        return bc_pc_ret_int(pc, CODE_CIPHERS);
    bc_hex_put(bc_bytes(x, size), text);
    for (size_t i = 0; i < a.n; i++)
        if (text[i] >= 'a')
            text[i] = (char)(text[i] - 'a' + 'A');
    return ret_sum(pc, "(string)", bc_bytes(text, a.n));
}

static bc_pc_end_t add_raw(bc_pc_t *pc)
{
    if (!bc_pc_flag(pc, BC_F_feature_paillier_add_raw))
        return bc_pc_unknown_false(pc);
    const bc_abi_val_t *v = bc_pc_args(pc, "(bytes,bytes)");
    if (!v)
        return BC_PC_INTERNAL;
    bc_bytes_t a = v[0].s, b = v[1].s;
    uint8_t *sum = bc_arena_alloc(pc->arena, a.n + 1);
    if (!sum)
        return BC_PC_INTERNAL;
    if (a.n != b.n || !cipher_add(a.p, b.p, a.n, sum)) /* the second key is not looked at */
        return bc_pc_ret_int(pc, CODE_CIPHERS);
    return ret_sum(pc, "(bytes)", bc_bytes(sum, a.n));
}

static const bc_pc_function_t functions[] = {
    { "paillierAdd(string,string)", add_text },
    { "paillierAdd(bytes,bytes)", add_raw },
};

const bc_pc_contract_t bc_pc_paillier = {
    .number = BC_SYS_PAILLIER,
    .name = "PaillierPrecompiled",
    .gate = BC_GATE_NONE,
    .priced = true,
    .functions = functions,
    .function_cnt = BC_ARRAY_LEN(functions),
    .before = bc_pc_price_answer,
    .unknown = bc_pc_unknown_false,
};
