#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include "codec/hex.h"
#include "codec/rlp.h"

static void assert_hex(const bc_wr_t *w, const char *hex)
{
    bc_wr_t want = { 0 };
    assert_int_equal(bc_hex_append(bc_cstr(hex), &want), BC_OK);
    assert_int_equal(w->n, want.n);
    assert_memory_equal(w->p, want.p, want.n);
    bc_wr_free(&want);
}

/* Examples of Ethereum's RLP description. */
static void known_encodings(void **state)
{
    (void)state;
    bc_wr_t w = { 0 };
    bc_rlp_put_bytes(&w, BC_STR("dog"));
    bc_rlp_put_bytes(&w, BC_STR(""));
    bc_rlp_put_u64(&w, 0);
    bc_rlp_put_u64(&w, 15);
    bc_rlp_put_u64(&w, 1024);
    bc_rlp_put_u64(&w, 128);
    bc_rlp_put_bytes(&w, BC_STR("\x00"));
    assert_hex(&w, "83646f6780800f820400818000");
    bc_wr_reset(&w);
    size_t all = w.n;
    bc_rlp_put_bytes(&w, BC_STR("cat"));
    bc_rlp_put_bytes(&w, BC_STR("dog"));
    bc_rlp_wrap_list(&w, all);
    bc_rlp_wrap_list(&w, all);
    assert_hex(&w, "c9c88363617483646f67");
    bc_wr_reset(&w);
    bc_rlp_put_bytes(&w, BC_STR("Lorem ipsum dolor sit amet, consectetur adipisicing elit"));
    assert_int_equal(w.p[0], 0xb8);
    assert_int_equal(w.p[1], 56);
    bc_wr_free(&w);
}

static void long_items_round_trip(void **state)
{
    (void)state;
    static uint8_t data[70000];
    const size_t sizes[] = { 0, 1, 55, 56, 255, 256, 65535, 65536, 70000 };
    for (size_t i = 0; i < BC_ARRAY_LEN(sizes); i++) {
        bc_wr_t w = { 0 };
        bc_rlp_t item, inner;
        bc_rlp_put_bytes(&w, bc_bytes(data, sizes[i]));
        bc_rlp_wrap_list(&w, 0);
        assert_int_equal(bc_rlp_single(bc_wr_view(&w), &item), BC_OK);
        assert_true(item.list);
        assert_int_equal(item.raw.n, w.n);
        assert_int_equal(bc_rlp_single(item.v, &inner), BC_OK);
        assert_int_equal(inner.v.n, sizes[i]);
        for (size_t n = 0; n < BC_MIN(w.n, (size_t)300); n++)
            assert_int_not_equal(bc_rlp_single(bc_bytes(w.p, n), &item), BC_OK);
        bc_wr_free(&w);
    }
}

static void not_canonical_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",           "8100",       "817f",       "b800",       "b83700",     "b90001",
        "f800",       "f90001",     "82ff",       "c2ff",       "bfffffffffffffffff",
        "ffffffffffffffffff",       "8080",       "b8",         "f9ff",
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(bad); i++) {
        bc_wr_t w = { 0 };
        bc_rlp_t item;
        assert_int_equal(bc_hex_append(bc_cstr(bad[i]), &w), BC_OK);
        assert_int_not_equal(bc_rlp_single(bc_wr_view(&w), &item), BC_OK);
        bc_wr_free(&w);
    }
}

static void integers_have_no_leading_zero(void **state)
{
    (void)state;
    bc_rlp_t i = { .v = BC_STR("\x00\x01") };
    uint64_t v = 7;
    bc_u256_t wide;
    assert_int_equal(bc_rlp_u64(&i, &v), BC_E_FORMAT);
    i.v = BC_STR("\x00");
    assert_int_equal(bc_rlp_u64(&i, &v), BC_E_FORMAT);
    i.v = BC_STR("");
    assert_int_equal(bc_rlp_u64(&i, &v), BC_OK);
    assert_int_equal(v, 0);
    i.v = BC_STR("\x01\x02\x03\x04\x05\x06\x07\x08\x09");
    assert_int_equal(bc_rlp_u64(&i, &v), BC_E_RANGE);
    assert_int_equal(bc_rlp_u256(&i, &wide), BC_OK);
    assert_true(wide.w[0] == 0x0203040506070809 && wide.w[1] == 1);
    bc_wr_t w = { 0 };
    bc_rlp_put_u256(&w, &wide);
    assert_hex(&w, "89010203040506070809");
    bc_wr_free(&w);
    i.v = BC_STR("123456789012345678901234567890123");
    assert_int_equal(bc_rlp_u256(&i, &wide), BC_E_RANGE);
    i.list = true;
    assert_int_equal(bc_rlp_u256(&i, &wide), BC_E_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_encodings),
        cmocka_unit_test(long_items_round_trip),
        cmocka_unit_test(not_canonical_is_refused),
        cmocka_unit_test(integers_have_no_leading_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
