#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>
#include "computing/evm/evm_frame.h"

static bool is_dest(const bc_evm_code_t *c, size_t i)
{
    return c->jumps[i / 64] >> (i % 64) & 1;
}

static void push_data_is_no_destination(void **state)
{
    (void)state;
    /* PUSH2 5b5b JUMPDEST PUSH32 5b (cut short by the end) */
    const uint8_t bytes[] = { 0x61, 0x5b, 0x5b, 0x5b, 0x7f, 0x5b };
    bc_evm_code_t *c = bc_evm_code_new(bc_bytes(bytes, sizeof bytes), BC_EVM_CANCUN);
    assert_non_null(c);
    for (size_t i = 0; i < sizeof bytes; i++)
        assert_int_equal(is_dest(c, i), i == 3);
    assert_true(bc_bytes_eq(bc_evm_code_bytes(c), bc_bytes(bytes, sizeof bytes)));
    for (size_t i = 0; i < EVM_CODE_PAD; i++)
        assert_int_equal(c->code[sizeof bytes + i], 0);
    bc_evm_code_unref(c);
}

static bc_evm_code_t *code_of(size_t n)
{
    static uint8_t zeros[1 << 16];
    return bc_evm_code_new(bc_bytes(zeros, n), BC_EVM_CANCUN);
}

static void cache_drops_the_least_recently_used(void **state)
{
    (void)state;
    bc_evm_cache_t *cache = bc_evm_cache_new(3 * 22000);
    bc_h256_t h[4] = { { { 1 } }, { { 2 } }, { { 3 } }, { { 4 } } };
    for (int i = 0; i < 3; i++) {
        bc_evm_code_t *c = code_of(10000);
        bc_evm_cache_put(cache, &h[i], c);
        bc_evm_code_unref(c);
    }
    bc_evm_code_t *first = bc_evm_cache_get(cache, &h[0]); /* touch */
    assert_non_null(first);
    bc_evm_code_t *c = code_of(10000);
    bc_evm_cache_put(cache, &h[3], c);
    bc_evm_code_unref(c);
    assert_null(bc_evm_cache_get(cache, &h[1]));
    bc_evm_code_t *again = bc_evm_cache_get(cache, &h[0]);
    assert_ptr_equal(again, first);
    bc_evm_code_unref(again);

    c = code_of(60000); /* larger than the whole cache: not kept, nothing thrown out */
    bc_evm_cache_put(cache, &h[1], c);
    bc_evm_code_unref(c);
    assert_null(bc_evm_cache_get(cache, &h[1]));
    again = bc_evm_cache_get(cache, &h[3]);
    assert_non_null(again);
    bc_evm_cache_free(cache);
    assert_int_equal(bc_evm_code_bytes(first).n, 10000); /* ours outlives the cache */
    bc_evm_code_unref(first);
    bc_evm_code_unref(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(push_data_is_no_destination),
        cmocka_unit_test(cache_drops_the_least_recently_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
