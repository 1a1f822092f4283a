/* Code that is made to cost a node more than it pays for: it ends with the right status, within the
 * gas and without memory that grows (spec/40 §2.6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sys/resource.h>

#include "base/clock.h"
#include "computing/executor/fixture.h"
#include "protocol/status.h"

enum { MIB = 1 << 10 }; /* in units of ru_maxrss */

#define WORD_MAX "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

static long peak_kib(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_maxrss;
}

static int32_t status_of(fx_t *f, const char *runtime_hex)
{
    bc_addr_t at = fx_deploy(f, runtime_hex);
    fx_call(f, &at, (bc_bytes_t){ 0 });
    return f->res->receipts[0].data.status;
}

static bool used(const fx_t *f, const char *gas)
{
    return bc_bytes_eq(f->res->receipts[0].data.gas_used, bc_cstr(gas));
}

/* Operands each opcode takes (Cancun); -1: undefined. */
static int operands(unsigned op)
{
    if (op >= 0x60 && op <= 0x7f)
        return 0;
    if (op >= 0x80 && op <= 0x8f)
        return (int)op - 0x7f;
    if (op >= 0x90 && op <= 0x9f)
        return (int)op - 0x8e;
    if (op >= 0xa0 && op <= 0xa4)
        return (int)op - 0x9e;
    static const struct {
        uint8_t from, to;
        int8_t cnt;
    } ranges[] = {
        { 0x00, 0x00, 0 }, { 0x01, 0x07, 2 }, { 0x08, 0x09, 3 }, { 0x0a, 0x0b, 2 }, { 0x10, 0x14, 2 },
        { 0x15, 0x15, 1 }, { 0x16, 0x18, 2 }, { 0x19, 0x19, 1 }, { 0x1a, 0x1d, 2 }, { 0x20, 0x20, 2 },
        { 0x30, 0x30, 0 }, { 0x31, 0x31, 1 }, { 0x32, 0x34, 0 }, { 0x35, 0x35, 1 }, { 0x36, 0x36, 0 },
        { 0x37, 0x37, 3 }, { 0x38, 0x38, 0 }, { 0x39, 0x39, 3 }, { 0x3a, 0x3a, 0 }, { 0x3b, 0x3b, 1 },
        { 0x3c, 0x3c, 4 }, { 0x3d, 0x3d, 0 }, { 0x3e, 0x3e, 3 }, { 0x3f, 0x40, 1 }, { 0x41, 0x48, 0 },
        { 0x49, 0x49, 1 }, { 0x4a, 0x4a, 0 }, { 0x50, 0x51, 1 }, { 0x52, 0x53, 2 }, { 0x54, 0x54, 1 },
        { 0x55, 0x55, 2 }, { 0x56, 0x56, 1 }, { 0x57, 0x57, 2 }, { 0x58, 0x5b, 0 }, { 0x5c, 0x5c, 1 },
        { 0x5d, 0x5d, 2 }, { 0x5e, 0x5e, 3 }, { 0x5f, 0x5f, 0 }, { 0xf0, 0xf0, 3 }, { 0xf1, 0xf2, 7 },
        { 0xf3, 0xf3, 2 }, { 0xf4, 0xf4, 6 }, { 0xf5, 0xf5, 4 }, { 0xfa, 0xfa, 6 }, { 0xfd, 0xfd, 2 },
        { 0xff, 0xff, 1 },
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(ranges); i++)
        if (op >= ranges[i].from && op <= ranges[i].to)
            return ranges[i].cnt;
    return -1;
}

static void every_opcode_alone(void **state)
{
    (void)state;
    fx_t *f = fx_new(BC_SUITE_STANDARD);
    for (unsigned op = 0; op < 256; op++) {
        char code[3];
        snprintf(code, sizeof code, "%02x", op);
        int n = operands(op), want = n < 0 ? BC_TXS_BAD_INSTRUCTION : n ? BC_TXS_STACK_UNDERFLOW : 0;
        int32_t got = status_of(f, code);
        if (got != want)
            fail_msg("opcode %s ended with %d, not %d", code, got, want);
    }
    fx_free(f);
}

static void memory_beyond_the_gas(void **state)
{
    (void)state;
    static const char *const codes[] = {
        "60017f" WORD_MAX "52",       /* MSTORE at the end of the world */
        "7f" WORD_MAX "51",           /* MLOAD */
        "60017f" WORD_MAX "53",       /* MSTORE8 */
        "67ffffffffffffffff5ff3",     /* RETURN of 2^64 - 1 bytes */
        "67ffffffffffffffff5ffd",     /* REVERT */
        "640100000000" "5f20",        /* KECCAK256 of 4 GiB */
        "7f" WORD_MAX "5f5f37",       /* CALLDATACOPY */
        "7f" WORD_MAX "5f5f39",       /* CODECOPY */
        "7f" WORD_MAX "5f5f303c",     /* EXTCODECOPY */
        "7f" WORD_MAX "5f5f5e",       /* MCOPY */
        "63ffffffff5f60015e",         /* MCOPY of 4 GiB by one byte */
        "63ffffffff5fa0",             /* LOG0 of 4 GiB */
        "63ffffffff5f5ff0",           /* CREATE */
        "5f63ffffffff5f5ff5",         /* CREATE2 */
        "63ffffffff5f5f5f5f305af1",   /* CALL with 4 GiB for the answer */
        "5f5f63ffffffff5f5f305af1",   /* CALL with 4 GiB of input */
    };
    fx_t *f = fx_new(BC_SUITE_STANDARD);
    long before = peak_kib();
    for (size_t i = 0; i < BC_ARRAY_LEN(codes); i++) {
        if (status_of(f, codes[i]) != BC_TXS_OUT_OF_GAS || !used(f, "3000000000"))
            fail_msg("code %zu, %s: status %d", i, codes[i], f->res->receipts[0].data.status);
    }
    assert_true(peak_kib() - before < 64 * MIB);
    fx_free(f);
}

/* Calls itself twice with all gas: as many calls as the gas pays for, and a depth of 1024. */
static void call_bomb(void **state)
{
    (void)state;
    fx_t *f = fx_new(BC_SUITE_STANDARD);
    fx_config(f, "tx_gas_limit", "30000000");
    long before = peak_kib();
    assert_int_equal(status_of(f, "5f5f5f5f5f305af150" "5f5f5f5f5f305af150"), 0);
    int64_t gas = 0;
    assert_int_equal(bc_dec_i64(f->res->receipts[0].data.gas_used, &gas), 0);
    assert_in_range(gas, 20000000, 30000000);
    assert_true(peak_kib() - before < 128 * MIB);
    fx_free(f);
}

/* Asks for a mebibyte of answer over and over until the gas is gone. */
static void return_bomb(void **state)
{
    (void)state;
    fx_t *f = fx_new(BC_SUITE_STANDARD);
    bc_addr_t callee = fx_deploy(f, "621000005ff3");
    bc_addr_text_t hex = bc_addr_text(&callee);
    char code[128];
    snprintf(code, sizeof code, "5b5f5f5f5f5f73%s5af1505f56", hex.s);
    long before = peak_kib();
    assert_int_equal(status_of(f, code), BC_TXS_OUT_OF_GAS);
    assert_true(used(f, "3000000000"));
    assert_true(peak_kib() - before < 128 * MIB);
    fx_free(f);
}

/* Init code that creates itself as deep as the gas reaches. */
static void create_chain(void **state)
{
    (void)state;
    fx_t *f = fx_new(BC_SUITE_STANDARD);
    bc_addr_t owner = fx_addr(1);
    bc_bytes_t code = fx_unhex("385f5f39385f5ff000");
    long before = peak_kib();
    fx_tx(f, &owner, NULL, code);
    assert_int_equal(fx_run(f), BC_OK);
    assert_int_equal(f->res->receipts[0].data.status, 0);
    size_t made = 0;
    for (size_t i = 0; i < f->res->changes->cnt; i++)
        made += bc_bytes_eq(f->res->changes->v[i].table, BC_STR("s_tables"));
    assert_in_range(made, 2 * 400, 2 * 1024); /* the account and its permissions each */
    assert_true(peak_kib() - before < 256 * MIB);
    free((void *)(uintptr_t)code.p);
    fx_free(f);
}

static void modexp_of_huge_lengths(void **state)
{
    (void)state;
    fx_t *f = fx_new(BC_SUITE_STANDARD);
    bc_addr_t modexp = bc_addr_of(5);
    static const struct {
        const char *input;
        int32_t status;
    } cases[] = {
        { WORD_MAX WORD_MAX WORD_MAX, BC_TXS_OUT_OF_GAS },
        { "0000000000000000000000000000000000000000000000000000000000000000" WORD_MAX
          "0000000000000000000000000000000000000000000000000000000000000001",
          BC_TXS_OUT_OF_GAS },
        { "0000000000000000000000000000000000000000000000000000000000000001"
          "0000000000000000000000000000000000000000000000000000000000000001"
          "0000000000000000000000000000000000000000000000000000010000000000",
          BC_TXS_OUT_OF_GAS },
    };
    long before = peak_kib();
    for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++) {
        bc_bytes_t in = fx_unhex(cases[i].input);
        fx_call(f, &modexp, in);
        assert_int_equal(f->res->receipts[0].data.status, cases[i].status);
        assert_true(used(f, "21000")); /* not the interpreter's: the message keeps its gas */
        free((void *)(uintptr_t)in.p);
    }
    assert_true(peak_kib() - before < 16 * MIB);
    fx_free(f);
}

static bc_err_t ask(fx_t *f, const bc_addr_t *to, bc_bytes_t input, int64_t ms, size_t memory)
{
    bc_addr_text_t hex = bc_addr_text(to);
    bc_exec_call_t in = { .state = { &fx_ops, f },
                          .number = f->number,
                          .timestamp = 1700000000000,
                          .to = bc_bytes(hex.s, 40),
                          .input = input,
                          .until_ms = ms ? bc_clock_mono_ms() + ms : 0,
                          .memory_max = memory };
    bc_exec_call_result_t out = { 0 };
    bc_arena_t arena = { 0 };
    bc_err_t err = f->exec.ops->call(f->exec.self, &in, &out, &arena);
    if (!err)
        assert_int_equal(out.status, 0);
    bc_arena_free(&arena);
    return err;
}

/* What answers clients stops in time, and what runs after it knows no limit. */
static void calls_are_limited(void **state)
{
    (void)state;
    fx_t *f = fx_new(BC_SUITE_STANDARD);
    fx_config(f, "tx_gas_limit", "9000000000000000000");
    const bc_bytes_t nothing = { 0 };
    bc_addr_t loop = fx_deploy(f, "5b5f56");
    bc_addr_t chain = fx_deploy(f, "5b5f5f5f5f5f305af1505f56"); /* calls itself for ever */
    bc_addr_t mebibyte = fx_deploy(f, "6001620fffe05200");
    bc_addr_t blake = bc_addr_of(9);
    bc_bytes_t rounds = fx_unhex("ffffffff");
    uint8_t input[213] = { 0 };
    memcpy(input, rounds.p, 4);
    assert_int_equal(ask(f, &loop, nothing, 30, 0), BC_E_TIMEOUT);
    assert_int_equal(ask(f, &chain, nothing, 30, 0), BC_E_TIMEOUT);
    assert_int_equal(ask(f, &blake, bc_bytes(input, sizeof input), 30, 0), BC_E_TIMEOUT);
    assert_int_equal(ask(f, &loop, nothing, 1, 0), BC_E_TIMEOUT);
    input[0] = input[1] = input[2] = 0;
    assert_int_equal(ask(f, &blake, bc_bytes(input, sizeof input), 10000, 0), BC_OK);
    assert_int_equal(ask(f, &mebibyte, nothing, 10000, 1 << 19), BC_E_TOO_BIG);
    assert_int_equal(ask(f, &mebibyte, nothing, 10000, 1 << 20), BC_OK);
    assert_int_equal(ask(f, &mebibyte, nothing, 0, 0), BC_OK);
    fx_call(f, &mebibyte, nothing);
    assert_int_equal(f->res->receipts[0].data.status, 0);
    free((void *)(uintptr_t)rounds.p);
    fx_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_opcode_alone), cmocka_unit_test(memory_beyond_the_gas),
        cmocka_unit_test(call_bomb),          cmocka_unit_test(return_bomb),
        cmocka_unit_test(create_chain),       cmocka_unit_test(modexp_of_huge_lengths),
        cmocka_unit_test(calls_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
