/* Accounts: their tables, balances, nonces and code (spec/40 §2.7, spec/10 §7). */
#include "base/map.h"
#include "codec/hex.h"
#include "computing/executor/exec.h"

#include <stdlib.h>

static const bc_bytes_t key_balance = { (const uint8_t *)"balance", 7 };
static const bc_bytes_t key_nonce = { (const uint8_t *)"nonce", 5 };
static const bc_bytes_t key_code_hash = { (const uint8_t *)"codeHash", 8 };

/* The official list of addresses whose tables are below /sys/. */
static bool system_address(const bc_addr_t *a)
{
    static const uint32_t list[] = { 0x1000, 0x1003, 0x1005, 0x100b, 0x1010, 0x10001, 0x10003, 0x10004 };
    if (a->b[0] | a->b[15])
        return false;
    for (size_t i = 0; i < BC_ARRAY_LEN(list); i++) {
        if (bc_addr_is(a, list[i]))
            return true;
    }
    return false;
}

bc_bytes_t bc_exec_account_table(const bc_addr_t *a, bool raw, uint8_t buf[64])
{
    if (system_address(a)) {
        memcpy(buf, "/sys/", 5);
        bc_hex_put(BC_VIEW(*a), (char *)buf + 5);
        return bc_bytes(buf, 45);
    }
    memcpy(buf, "/apps/", 6);
    if (raw) {
        memcpy(buf + 6, a->b, 20);
        return bc_bytes(buf, 26);
    }
    bc_hex_put(BC_VIEW(*a), (char *)buf + 6);
    return bc_bytes(buf, 46);
}

/* Version 0: every address with 35 leading zeros has its table below /sys/, since 3.3 or with
 * authority; nobody else has. */
static bc_bytes_t v0_table(const bc_exec_t *x, const bc_addr_t *a, uint8_t buf[64])
{
    static const uint8_t zero[17];
    bool sys = memcmp(a->b, zero, 17) == 0 && a->b[17] < 16 && (x->config.auth_check || bc_v0_since(x, 3));
    size_t n = sys ? 5 : 6;
    memcpy(buf, sys ? "/sys/" : "/apps/", n);
    bc_hex_put(BC_VIEW(*a), (char *)buf + n);
    return bc_bytes(buf, n + 40);
}

static bool grow(bc_exec_t *x)
{
    size_t cap = x->account_cap ? x->account_cap * 2 : 64;
    bc_account_t **v = calloc(cap, sizeof(*v)); // NOLINT(bugprone-sizeof-expression)
    if (!v)
        return false;
    for (size_t i = 0; i < x->account_cap; i++) {
        if (!x->accounts[i])
            continue;
        size_t at = (size_t)x->accounts[i]->hash & (cap - 1);
        while (v[at])
            at = (at + 1) & (cap - 1);
        v[at] = x->accounts[i];
    }
    free(x->accounts);
    x->accounts = v;
    x->account_cap = cap;
    return true;
}

bc_account_t *bc_exec_account(bc_exec_t *x, const bc_addr_t *a)
{
    uint64_t hash = bc_siphash(BC_VIEW(*a));
    if (x->account_cap) {
        size_t at = (size_t)hash & (x->account_cap - 1);
        for (; x->accounts[at]; at = (at + 1) & (x->account_cap - 1)) {
            if (memcmp(x->accounts[at]->addr.b, a->b, 20) == 0)
                return x->accounts[at];
        }
    }
    uint8_t buf[64];
    bc_account_t *acc = bc_arena_alloc(bc_rows_arena(x->rows), sizeof(*acc));
    BC_MUST(acc); /* bounded by the gas of a block */
    acc->addr = *a;
    acc->hash = hash;
    bc_bytes_t name = x->config.legacy
                          ? v0_table(x, a, buf)
                          : bc_exec_account_table(a, x->config.flags[BC_F_feature_raw_address], buf);
    acc->table = bc_rows_table(x->rows, name);
    if ((x->account_cnt + 1) * 2 > x->account_cap)
        BC_MUST(grow(x));
    size_t at = (size_t)hash & (x->account_cap - 1);
    while (x->accounts[at])
        at = (at + 1) & (x->account_cap - 1);
    x->accounts[at] = acc;
    x->account_cnt++;
    return acc;
}

bool bc_exec_account_exists(bc_exec_t *x, const bc_account_t *a)
{
    return bc_rows_get(x->rows, x->tables, bc_table_name(a->table), NULL);
}

void bc_exec_account_create(bc_exec_t *x, const bc_account_t *a)
{
    bc_rows_put(x->rows, x->tables, bc_table_name(a->table), BC_STR("value"));
}

static bool number_row(bc_exec_t *x, const bc_account_t *a, bc_bytes_t key, bc_u256_t *out)
{
    bc_bytes_t v;
    memset(out, 0, sizeof(*out));
    if (!bc_rows_get(x->rows, a->table, key, &v))
        return false;
    if (bc_u256_parse(v, out))
        memset(out, 0, sizeof(*out));
    return true;
}

static void put_number(bc_exec_t *x, const bc_account_t *a, bc_bytes_t key, const bc_u256_t *v)
{
    char text[80];
    size_t n = bc_u256_dec(v, text);
    bc_rows_put(x->rows, a->table, key, bc_bytes(text, n));
}

void bc_exec_balance(bc_exec_t *x, const bc_account_t *a, bc_u256_t *out)
{
    number_row(x, a, key_balance, out);
}

void bc_exec_set_balance(bc_exec_t *x, const bc_account_t *a, const bc_u256_t *v)
{
    put_number(x, a, key_balance, v);
}

bool bc_exec_nonce(bc_exec_t *x, const bc_account_t *a, bc_u256_t *out)
{
    return number_row(x, a, key_nonce, out);
}

void bc_exec_set_nonce(bc_exec_t *x, const bc_account_t *a, const bc_u256_t *v)
{
    put_number(x, a, key_nonce, v);
}

bool bc_exec_code_hash(bc_exec_t *x, const bc_account_t *a, bc_h256_t *out)
{
    bc_bytes_t v;
    memset(out, 0, sizeof(*out));
    if (!bc_rows_get(x->rows, a->table, key_code_hash, &v))
        return false;
    if (v.n == 32)
        memcpy(out->b, v.p, 32);
    return true;
}

/* Keeps one reference in the account, so that callers may borrow. */
static bc_evm_code_t *remember(bc_account_t *a, const bc_h256_t *hash, bc_evm_code_t *code)
{
    bc_evm_code_unref(a->code);
    a->code = code;
    a->code_hash = *hash;
    return code;
}

bc_evm_code_t *bc_exec_code(bc_exec_t *x, bc_account_t *a)
{
    bc_h256_t hash;
    bc_bytes_t text;
    if (!(x->config.legacy && !bc_v0_since(x, 1)) && bc_exec_code_hash(x, a, &hash)) {
        if (a->code && bc_h256_eq(&hash, &a->code_hash))
            return a->code;
        bc_evm_code_t *code = bc_evm_cache_get(x->codes, &hash);
        if (code)
            return remember(a, &hash, code);
        if (bc_rows_get(x->rows, x->code_binary, BC_VIEW(hash), &text)) {
            code = bc_evm_code_new(text, BC_EVM_CANCUN);
            BC_MUST(code);
            bc_evm_cache_put(x->codes, &hash, code);
            return remember(a, &hash, code);
        }
    }
    /* older contracts keep their code in the account; keyed by its own hash */
    if (!bc_rows_get(x->rows, a->table, BC_STR("code"), &text))
        return NULL;
    bc_hash(x->config.suite, text, &hash);
    if (a->code && bc_h256_eq(&hash, &a->code_hash))
        return a->code;
    bc_evm_code_t *code = bc_evm_code_new(text, BC_EVM_CANCUN);
    BC_MUST(code);
    return remember(a, &hash, code);
}
