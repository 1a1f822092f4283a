/* Tight loops: nanoseconds per instruction and million gas per second. bench_evm [seconds] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "computing/evm/evm.h"
#include "computing/evm/u256.h"

static void get_word(void *ctx, const bc_addr_t *a, const bc_h256_t *k, bc_h256_t *v)
{
    (void)ctx, (void)a, (void)k;
    memset(v, 0, sizeof *v);
}

static bc_evm_storage_t set_storage(void *ctx, const bc_addr_t *a, const bc_h256_t *k,
                                    const bc_h256_t *v)
{
    (void)ctx, (void)a, (void)k, (void)v;
    return BC_EVM_STORAGE_MODIFIED;
}

static bool cold(void *ctx, const bc_addr_t *a, const bc_h256_t *k)
{
    (void)ctx, (void)a, (void)k;
    return false;
}

static bool cold_account(void *ctx, const bc_addr_t *a)
{
    (void)ctx, (void)a;
    return false;
}

typedef struct {
    bc_evm_t *evm;
    const bc_evm_rules_t *rules;
    const bc_evm_env_t *env;
    bc_evm_code_t *callee;
} ctx_t;

static bool begin(void *ctx, void *slot, bc_evm_msg_t *msg, bc_evm_begun_t *begun, bc_evm_result_t *out)
{
    (void)slot, (void)msg, (void)out;
    *begun = (bc_evm_begun_t){ ((ctx_t *)ctx)->callee, ctx };
    return true;
}

static void end(void *ctx, void *slot, bc_evm_result_t *res)
{
    (void)ctx, (void)slot, (void)res;
}

static const bc_evm_host_t host = {
    .get_storage = get_word,
    .set_storage = set_storage,
    .access_account = cold_account,
    .access_storage = cold,
    .begin = begin,
    .end = end,
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bc_evm_code_t *code_from(const char *hex)
{
    uint8_t bytes[1024];
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++) {
        char pair[3] = { hex[2 * i], hex[2 * i + 1], 0 };
        bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return bc_evm_code_new(bc_bytes(bytes, n), BC_EVM_CANCUN);
}

int main(int argc, char **argv)
{
    /* Each: a body of `ops` instructions in a counted loop of one million (0xf4240). The loop is
     * PUSH3 n, then JUMPDEST body PUSH1 1 SWAP1 SUB DUP1 PUSH1 4 JUMPI (7 instructions). */
    static const struct {
        const char *name, *body;
        int ops;
    } cases[] = {
        { "loop only", "", 0 },
        { "add", "600360050150600360050150600360050150600360050150", 16 },
        { "mul", "5f195f190250", 6 },
        { "div", "67fedcba98765432105f190450", 5 },
        { "mulmod", "6ffedcba98765432100123456789abcdef5f195f190950", 7 },
        { "swap dup", "600160026003909190915080915050505f50", 13 },
        { "mstore mload", "60ff5f525f5150", 6 },
        { "keccak 32", "60205f2050", 4 },
        { "sload", "5f5450", 3 },
        { "sstore", "60015f55", 3 },
        { "call", "5f5f5f5f5f60aa5af150", 9 },
    };
    double limit = argc > 1 ? atof(argv[1]) : 0.3;
    bc_evm_rules_t rules = { .rev = BC_EVM_CANCUN };
    bc_evm_env_t env = { 0 };
    ctx_t ctx = { bc_evm_new(), &rules, &env, code_from("5f5ff3") };
    for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++) {
        char hex[2048];
        snprintf(hex, sizeof hex, "620f42405b%s600190038060045700", cases[i].body);
        bc_evm_code_t *code = code_from(hex);
        double begin = now(), took;
        int64_t gas = 0, loops = 0;
        do {
            bc_evm_msg_t msg = { .gas = INT64_MAX / 2 };
            bc_evm_result_t r;
            bc_evm_run(ctx.evm, &rules, &host, &ctx, &env, &msg, code, &r);
            BC_MUST(r.status == BC_EVM_OK);
            gas += msg.gas - r.gas_left;
            loops += 1000000;
            took = now() - begin;
        } while (took < limit);
        printf("%-14s %7.2f ns/instruction %9.1f Mgas/s\n", cases[i].name,
               took * 1e9 / ((double)loops * (cases[i].ops + 7)), (double)gas / took / 1e6);
        bc_evm_code_unref(code);
    }
    bc_evm_code_unref(ctx.callee);
    bc_evm_free(ctx.evm);
    return 0;
}
