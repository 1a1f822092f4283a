/* Fused sequences run as their instructions do one by one: same status, gas and output for random
 * programs, wherever gas, operands or room end. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>
#include "computing/evm/evm_frame.h"
#include "computing/evm/evm_opcodes.h"

static uint64_t rng_state = 0x9e3779b97f4a7c15;

static uint64_t rnd(uint64_t below)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return (rng_state >> 11) % below;
}

#define PROGRAM_MAX 2048

typedef struct {
    uint8_t bytes[PROGRAM_MAX];
    size_t n, prefix;
    size_t push2[256], push2_cnt; /* to be given destinations */
    size_t dest[256], dest_cnt;
} program_t;

static void put(program_t *p, uint8_t op)
{
    p->bytes[p->n] = op;
    if (op == 0x5b)
        p->dest[p->dest_cnt++] = p->n;
    if (op == 0x61)
        p->push2[p->push2_cnt++] = p->n;
    p->n += op >= 0x60 && op <= 0x7f ? (size_t)op - 0x5e : 1;
}

/* Pieces of sequences and what separates them; about half of the programs get somewhere. */
static void make(program_t *p)
{
    static const uint8_t pieces[][5] = {
        { 0x61, 0x56 }, { 0x61, 0x57 }, { 0x15, 0x61, 0x57 }, { 0x50, 0x50 },
        { 0x50, 0x56 }, { 0x90, 0x50 }, { 0x91, 0x50 },       { 0x92, 0x91, 0x50, 0x50, 0x56 },
        { 0x60, 0x01 }, { 0x60, 0x51 }, { 0x81, 0x52 },       { 0x81, 0x01 },
        { 0x81, 0x03 }, { 0x81, 0x10 }, { 0x81, 0x11 },       { 0x82, 0x01 },
        { 0x82, 0x02 }, { 0x82, 0x10 }, { 0x82, 0x11 },       { 0x10, 0x15 },
        { 0x11, 0x15 },
    };
    static const uint8_t singles[] = {
        0x60, 0x61, 0x61, 0x60, 0x80, 0x81, 0x82, 0x83, 0x90, 0x91, 0x92, 0x50, 0x01, 0x03,
        0x02, 0x10, 0x11, 0x15, 0x52, 0x51, 0x5b, 0x5b, 0x5b, 0x5a, 0x58, 0x59, 0x5f, 0x6b,
    };
    *p = (program_t){ 0 };
    bool deep = rnd(4) == 0;
    p->prefix = deep ? EVM_STACK_MAX - rnd(4) : rnd(6);
    for (size_t i = 0; i < p->prefix; i++)
        put(p, 0x5f);
    for (int i = 0; i < 60; i++) {
        uint64_t pick = rnd(100);
        if (pick < 50) {
            const uint8_t *piece = pieces[rnd(BC_ARRAY_LEN(pieces))];
            for (int k = 0; k < 5 && piece[k]; k++)
                put(p, piece[k]);
        } else if (pick < 99) {
            put(p, singles[rnd(BC_ARRAY_LEN(singles))]);
        } else {
            put(p, (uint8_t)(FUSED_NONE + rnd(FUSED_END - FUSED_NONE)));
        }
    }
    static const uint8_t end[] = { 0x5f, 0x52, 0x60, 0x20, 0x52, 0x60, 0x40, 0x5f, 0xf3 };
    memcpy(p->bytes + p->n, end, sizeof end); /* two words of the stack are the output */
    for (size_t i = p->prefix; i < p->n; i++)
        if (p->bytes[i] == 0x60)
            p->bytes[i + 1] = (uint8_t)rnd(rnd(2) ? 3 : 256);
    for (size_t i = 0; i < p->push2_cnt; i++) {
        size_t to = rnd(8) && p->dest_cnt ? p->dest[rnd(p->dest_cnt)] : rnd(p->n);
        p->bytes[p->push2[i] + 1] = (uint8_t)(to >> 8);
        p->bytes[p->push2[i] + 2] = (uint8_t)to;
    }
    p->n += sizeof end;
}

/* Takes the sequences apart again; counts them. */
static void unfuse(bc_evm_code_t *c, unsigned seen[FUSED_END - FUSED_NONE])
{
    for (size_t i = 0; i < c->n; i++) {
        uint8_t op = c->code[i];
        if (op >= FUSED_NONE && op < FUSED_END)
            seen[op - FUSED_NONE]++;
        if (op > FUSED_NONE && op < FUSED_END)
            c->code[i] = c->bytes[i];
        if (c->bytes[i] >= 0x60 && c->bytes[i] <= 0x7f)
            i += c->bytes[i] - 0x5fu;
    }
}

static void fused_sequences_cannot_be_seen(void **state)
{
    (void)state;
    static program_t p;
    bc_evm_t *evm = bc_evm_new();
    assert_non_null(evm);
    const bc_evm_rules_t rules = { .rev = BC_EVM_CANCUN };
    const bc_evm_env_t env = { 0 };
    static const bc_evm_host_t host; /* no instruction here asks it */
    unsigned seen[FUSED_END - FUSED_NONE] = { 0 }, ended[BC_EVM_BAD_JUMP + 1] = { 0 };
    for (int i = 0; i < 6000; i++) {
        make(&p);
        bc_evm_code_t *fused = bc_evm_code_new(bc_bytes(p.bytes, p.n), rules.rev);
        bc_evm_code_t *plain = bc_evm_code_new(bc_bytes(p.bytes, p.n), rules.rev);
        assert_non_null(fused);
        assert_non_null(plain);
        assert_true(bc_bytes_eq(bc_evm_code_bytes(fused), bc_bytes(p.bytes, p.n)));
        unfuse(plain, seen);
        for (int64_t gas = 0; gas < 400; gas += gas < 120 ? 1 : 37) {
            bc_evm_msg_t msg = { .gas = 2 * (int64_t)p.prefix + gas };
            bc_evm_result_t a, b;
            bc_evm_run(evm, &rules, &host, NULL, &env, &msg, plain, &a);
            uint8_t output[64];
            memset(output, 0, sizeof output);
            assert_true(a.output.n <= sizeof output);
            if (a.output.n)
                memcpy(output, a.output.p, a.output.n);
            bc_evm_run(evm, &rules, &host, NULL, &env, &msg, fused, &b);
            assert_int_equal(a.status, b.status);
            assert_int_equal(a.gas_left, b.gas_left);
            assert_true(bc_bytes_eq(bc_bytes(output, a.output.n), b.output));
            assert_true(a.status <= BC_EVM_BAD_JUMP);
            ended[a.status]++;
        }
        bc_evm_code_unref(fused);
        bc_evm_code_unref(plain);
    }
    bc_evm_free(evm);
    for (size_t i = 0; i < BC_ARRAY_LEN(seen); i++)
        assert_true(seen[i] > 100);
    assert_true(ended[BC_EVM_OK] > 1000);
    assert_true(ended[BC_EVM_OUT_OF_GAS] > 1000);
    assert_true(ended[BC_EVM_STACK_OVERFLOW] > 1000);
    assert_true(ended[BC_EVM_STACK_UNDERFLOW] > 1000);
    assert_true(ended[BC_EVM_UNDEFINED] > 1000);
    assert_true(ended[BC_EVM_BAD_JUMP] > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(fused_sequences_cannot_be_seen) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
