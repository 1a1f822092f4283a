#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include "codec/hex.h"

static void hex_both_ways(void **state)
{
    (void)state;
    bc_wr_t w = { 0 };
    bc_wr_0xhex(&w, BC_STR("\x00\xab\xff"));
    assert_memory_equal(w.p, "0x00abff", 8);
    bc_wr_reset(&w);
    assert_int_equal(bc_hex_append(BC_STR("0x00AbfF"), &w), BC_OK);
    assert_int_equal(w.n, 3);
    assert_memory_equal(w.p, "\x00\xab\xff", 3);
    assert_int_equal(bc_hex_append(BC_STR("abc"), &w), BC_E_FORMAT);
    assert_int_equal(bc_hex_append(BC_STR("zz"), &w), BC_E_FORMAT);
    assert_int_equal(w.n, 3);
    uint8_t b[2];
    assert_int_equal(bc_hex_fixed(BC_STR("0a0B"), b, 2), BC_OK);
    assert_int_equal(b[1], 11);
    assert_int_equal(bc_hex_fixed(BC_STR("0x0b"), b, 2), BC_E_FORMAT);
    assert_int_equal(bc_hex_fixed(BC_STR("0a0"), b, 2), BC_E_FORMAT);
    const char around[] = { '/', ':', '@', 'G', '`', 'g', ' ', (char)0xb0 };
    for (size_t i = 0; i < sizeof around; i++) {
        uint8_t t[2] = { '0', (uint8_t)around[i] };
        assert_int_equal(bc_hex_fixed(bc_bytes(t, 2), b, 1), BC_E_FORMAT);
    }
    bc_wr_free(&w);
}

/* Long texts take another way than short ones: every value at every place must come out the same. */
static void hex_of_all_lengths(void **state)
{
    (void)state;
    uint8_t raw[100], back[100];
    char text[201], one[3];
    for (size_t i = 0; i < sizeof raw; i++)
        raw[i] = (uint8_t)(i * 37 + 11);
    for (size_t n = 0; n <= sizeof raw; n++) {
        bc_hex_put(bc_bytes(raw, n), text);
        for (size_t i = 0; i < n; i++) {
            snprintf(one, sizeof one, "%02x", raw[i]);
            assert_memory_equal(text + 2 * i, one, 2);
        }
        memset(back, 0xee, sizeof back);
        assert_int_equal(bc_hex_fixed(bc_bytes(text, 2 * n), back, n), BC_OK);
        assert_memory_equal(back, raw, n);
        for (size_t i = n; i < sizeof back; i++)
            assert_int_equal(back[i], 0xee);
    }
    for (size_t at = 0; at < 66; at++) {
        memset(text, '0', 66);
        for (unsigned c = 0; c < 256; c++) {
            text[at] = (char)c;
            bc_err_t err = bc_hex_fixed(bc_bytes(text, 66), back, 33);
            char *end = NULL;
            char digit[2] = { (char)c, 0 };
            bool ok = c < 128 && isxdigit((int)c);
            assert_int_equal(err, ok ? BC_OK : BC_E_FORMAT);
            if (ok)
                assert_int_equal(back[at / 2], strtol(digit, &end, 16) << (at % 2 ? 0 : 4));
        }
    }
}

static void decimal_bounds(void **state)
{
    (void)state;
    int64_t v = 5;
    assert_int_equal(bc_dec_i64(BC_STR("9223372036854775807"), &v), BC_OK);
    assert_true(v == INT64_MAX);
    assert_int_equal(bc_dec_i64(BC_STR("-9223372036854775808"), &v), BC_OK);
    assert_true(v == INT64_MIN);
    assert_int_equal(bc_dec_i64(BC_STR("9223372036854775808"), &v), BC_E_RANGE);
    assert_int_equal(bc_dec_i64(BC_STR("-9223372036854775809"), &v), BC_E_RANGE);
    assert_int_equal(bc_dec_i64(BC_STR("99999999999999999999999999"), &v), BC_E_RANGE);
    assert_int_equal(bc_dec_i64(BC_STR(""), &v), BC_E_FORMAT);
    assert_int_equal(bc_dec_i64(BC_STR("-"), &v), BC_E_FORMAT);
    assert_int_equal(bc_dec_i64(BC_STR("+1"), &v), BC_E_FORMAT);
    assert_int_equal(bc_dec_i64(BC_STR("1 "), &v), BC_E_FORMAT);
}

static void u256_text(void **state)
{
    (void)state;
    static const char max_dec[] =
        "115792089237316195423570985008687907853269984665640564039457584007913129639935";
    bc_u256_t v = { { ~0ull, ~0ull, ~0ull, ~0ull } }, got;
    char dec[80], q[68];
    assert_int_equal(bc_u256_dec(&v, dec), 78);
    assert_string_equal(dec, max_dec);
    assert_int_equal(bc_u256_parse(bc_cstr(max_dec), &got), BC_OK);
    assert_memory_equal(&v, &got, 32);
    assert_int_equal(bc_u256_quantity(&v, q), 66);
    assert_int_equal(bc_u256_parse(bc_cstr(q), &got), BC_OK);
    assert_memory_equal(&v, &got, 32);
    assert_int_equal(
        bc_u256_parse(
            BC_STR("115792089237316195423570985008687907853269984665640564039457584007913129639936"),
            &got),
        BC_E_RANGE);
    v = (bc_u256_t){ { 0 } };
    assert_int_equal(bc_u256_quantity(&v, q), 3);
    assert_string_equal(q, "0x0");
    assert_int_equal(bc_u256_dec(&v, dec), 1);
    assert_string_equal(dec, "0");
    assert_int_equal(bc_u256_parse(BC_STR(""), &got), BC_OK);
    assert_memory_equal(&v, &got, 32);
    assert_int_equal(bc_u256_parse(BC_STR("0x"), &got), BC_E_FORMAT);
    assert_int_equal(bc_u256_parse(BC_STR("12a"), &got), BC_E_FORMAT);
    v = (bc_u256_t){ { 0, 1 } };
    bc_u256_dec(&v, dec);
    assert_string_equal(dec, "18446744073709551616");
    bc_u256_quantity(&v, q);
    assert_string_equal(q, "0x10000000000000000");
    v = bc_u256_from_be(BC_STR("\x01\x02"));
    assert_true(v.w[0] == 0x102 && !v.w[1]);
    uint8_t be[32];
    bc_u256_to_be(&v, be);
    assert_int_equal(be[30], 1);
    assert_int_equal(be[31], 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hex_both_ways),
        cmocka_unit_test(hex_of_all_lengths),
        cmocka_unit_test(decimal_bounds),
        cmocka_unit_test(u256_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
