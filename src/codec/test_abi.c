#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include "codec/abi.h"
#include "codec/hex.h"

static bc_wr_t in, out;
static bc_arena_t arena;

static bc_bytes_t unhex(const char *hex)
{
    bc_wr_reset(&in);
    assert_int_equal(bc_hex_append(bc_cstr(hex), &in), BC_OK);
    return bc_wr_view(&in);
}

#define W(n) "00000000000000000000000000000000000000000000000000000000000000" n

static void assert_out(const char *hex)
{
    bc_bytes_t want = unhex(hex);
    assert_int_equal(out.n, want.n);
    assert_memory_equal(out.p, want.p, want.n);
    bc_wr_reset(&out);
}

/* Solidity's own example: f(uint256,uint32[],bytes10,bytes). */
static void solidity_example(void **state)
{
    (void)state;
    bc_abi_val_t nums[] = { bc_abi_u64(0x456), bc_abi_u64(0x789) };
    bc_abi_val_t args[] = { bc_abi_u64(0x123), bc_abi_tuple(nums, 2),
                            bc_abi_bytes(BC_STR("1234567890")),
                            bc_abi_bytes(BC_STR("Hello, world!")) };
    bc_abi_val_t v = bc_abi_tuple(args, 4), got;
    const char type[] = "(uint256,uint32[],bytes10,bytes)";
    assert_int_equal(bc_abi_encode(type, &v, &out), BC_OK);
    const char *hex = "0000000000000000000000000000000000000000000000000000000000000123" W("80")
        "3132333435363738393000000000000000000000000000000000000000000000" W("e0") W("02")
        "0000000000000000000000000000000000000000000000000000000000000456"
        "0000000000000000000000000000000000000000000000000000000000000789" W("0d")
        "48656c6c6f2c20776f726c642100000000000000000000000000000000000000";
    assert_out(hex);
    assert_int_equal(bc_abi_decode(type, unhex(hex), &got, &arena), BC_OK);
    assert_int_equal(got.cnt, 4);
    assert_int_equal(got.items[1].items[1].n.w[0], 0x789);
    assert_true(bc_bytes_eq(got.items[2].s, BC_STR("1234567890")));
    assert_true(bc_bytes_eq(got.items[3].s, BC_STR("Hello, world!")));
}

/* The input of the official transaction vector: set(string,string,string)-like arguments. */
static void nested_dynamic_tuples_round_trip(void **state)
{
    (void)state;
    const char type[] = "(string,(uint8,string)[],address,bool,int256,(uint32,uint32),string[2])";
    const bc_addr_t addr = { { 0xaa, [19] = 0xbb } };
    bc_abi_val_t m0[] = { bc_abi_u64(1), bc_abi_bytes(BC_STR("one")) };
    bc_abi_val_t m1[] = { bc_abi_u64(2), bc_abi_bytes(BC_STR("")) };
    bc_abi_val_t rows[] = { bc_abi_tuple(m0, 2), bc_abi_tuple(m1, 2) };
    bc_abi_val_t limit[] = { bc_abi_u64(3), bc_abi_u64(4) };
    bc_abi_val_t pair[] = { bc_abi_bytes(BC_STR("x")), bc_abi_bytes(BC_STR("yy")) };
    bc_abi_val_t args[] = { bc_abi_bytes(BC_STR("a text that is longer than thirty-two bytes")),
                            bc_abi_tuple(rows, 2),  bc_abi_addr(&addr), bc_abi_u64(1),
                            bc_abi_i64(-5),         bc_abi_tuple(limit, 2),
                            bc_abi_tuple(pair, 2) };
    bc_abi_val_t v = bc_abi_tuple(args, 7), got;
    bc_wr_t first = { 0 };
    assert_int_equal(bc_abi_encode(type, &v, &first), BC_OK);
    assert_int_equal(bc_abi_decode(type, bc_wr_view(&first), &got, &arena), BC_OK);
    assert_true(bc_bytes_eq(got.items[0].s, args[0].s));
    assert_int_equal(got.items[1].cnt, 2);
    assert_true(bc_bytes_eq(got.items[1].items[0].items[1].s, BC_STR("one")));
    assert_memory_equal(&got.items[2].n, &args[2].n, 32);
    assert_true(got.items[4].n.w[0] == (uint64_t)-5 && got.items[4].n.w[3] == UINT64_MAX);
    assert_int_equal(got.items[5].items[1].n.w[0], 4);
    assert_true(bc_bytes_eq(got.items[6].items[1].s, BC_STR("yy")));
    assert_int_equal(bc_abi_encode(type, &got, &out), BC_OK);
    assert_true(bc_bytes_eq(bc_wr_view(&first), bc_wr_view(&out)));
    /* every cut gives whole values up to some argument and defaults after it */
    for (size_t n = 0; n < first.n; n++) {
        bc_err_t err = bc_abi_decode(type, bc_bytes(first.p, n), &got, &arena);
        assert_true(err == BC_OK || err == BC_E_FORMAT);
        assert_int_equal(got.cnt, 7);
        assert_int_equal(got.items[5].cnt, 2);
        assert_int_equal(got.items[6].cnt, 2);
        if (err == BC_E_FORMAT && got.items[6].items[1].s.n)
            fail();
    }
    bc_wr_free(&first);
    bc_wr_reset(&out);
}

static void decoding_is_as_lenient_as_the_official_one(void **state)
{
    (void)state;
    bc_abi_val_t v;
    /* first malformed argument: earlier ones stay, the rest are defaults */
    assert_int_equal(bc_abi_decode("(uint256,string,uint256)", unhex(W("07") W("ff") W("09")), &v,
                                   &arena),
                     BC_E_FORMAT);
    assert_int_equal(v.items[0].n.w[0], 7);
    assert_int_equal(v.items[1].s.n, 0);
    assert_int_equal(v.items[2].n.w[0], 0);
    /* an empty input */
    assert_int_equal(bc_abi_decode("(bytes32,address)", (bc_bytes_t){ 0 }, &v, &arena),
                     BC_E_FORMAT);
    assert_int_equal(v.items[0].s.n, 32);
    /* address: low 20 bytes; bool: not zero; uint8 truncates */
    const char all[] = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
    assert_int_equal(bc_abi_decode("(address)", unhex(all), &v, &arena), BC_OK);
    assert_true(v.items[0].n.w[2] == 0xffffffffu && v.items[0].n.w[3] == 0);
    assert_int_equal(bc_abi_decode("(bool)", unhex(all), &v, &arena), BC_OK);
    assert_true(v.items[0].n.w[0] == 1 && v.items[0].n.w[1] == 0);
    assert_int_equal(bc_abi_decode("(uint8)", unhex(all), &v, &arena), BC_OK);
    assert_true(v.items[0].n.w[0] == 0xff && v.items[0].n.w[1] == 0);
    assert_int_equal(bc_abi_decode("(uint72)", unhex(all), &v, &arena), BC_OK);
    assert_true(v.items[0].n.w[0] == UINT64_MAX && v.items[0].n.w[1] == 0xff);
    /* an offset counts modulo 2^64 */
    const char wraps[] = "0000000000000000000000000000000000000000000000010000000000000020"
                         "0000000000000000000000000000000000000000000000000000000000000001"
                         "4100000000000000000000000000000000000000000000000000000000000000";
    assert_int_equal(bc_abi_decode("(string)", unhex(wraps), &v, &arena), BC_OK);
    assert_true(bc_bytes_eq(v.items[0].s, BC_STR("A")));
    /* a string without padding at the very end is fine; one byte less is not */
    bc_bytes_t b = unhex(wraps);
    assert_int_equal(bc_abi_decode("(string)", bc_bytes(b.p, 65), &v, &arena), BC_OK);
    assert_int_equal(bc_abi_decode("(string)", bc_bytes(b.p, 64), &v, &arena), BC_E_FORMAT);
    /* an array as large as 2^63 items costs nothing */
    const char huge[] = W("20") "0000000000000000000000000000000000000000000000008000000000000000";
    assert_int_equal(bc_abi_decode("(uint256[])", unhex(huge), &v, &arena), BC_E_FORMAT);
    assert_int_equal(v.items[0].cnt, 0);
}

static void bad_types_and_shapes_are_errors(void **state)
{
    (void)state;
    static const char *const bad[] = { "", "string", "(", "(string", "(uint7)", "(uint264)", "(foo)",
                                       "(bytes33)", "(bytes0)", "(string1)", "(uint256[)", "(uint256,)",
                                       "(bool)x", "(uint256[0])", "((((((((((((((uint8))))))))))))))" };
    bc_abi_val_t v;
    for (size_t i = 0; i < BC_ARRAY_LEN(bad); i++)
        assert_int_equal(bc_abi_decode(bad[i], (bc_bytes_t){ 0 }, &v, &arena), BC_E_ARG);
    bc_abi_val_t one = bc_abi_u64(1), t = bc_abi_tuple(&one, 1);
    assert_int_equal(bc_abi_encode("(uint8,uint8)", &t, &out), BC_E_ARG);
    assert_int_equal(bc_abi_encode("(bytes4)", &t, &out), BC_E_ARG);
    bc_wr_reset(&out);
}

static void revert_text(void **state)
{
    (void)state;
    bc_abi_error(false, BC_STR("no"), &out);
    assert_out("08c379a0" W("20") W("02")
               "6e6f000000000000000000000000000000000000000000000000000000000000");
    bc_abi_error(true, BC_STR(""), &out);
    assert_out("c703cb12" W("20") W("00"));
}

static int teardown(void **state)
{
    (void)state;
    bc_wr_free(&in);
    bc_wr_free(&out);
    bc_arena_free(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(solidity_example),
        cmocka_unit_test(nested_dynamic_tuples_round_trip),
        cmocka_unit_test(decoding_is_as_lenient_as_the_official_one),
        cmocka_unit_test(bad_types_and_shapes_are_errors),
        cmocka_unit_test(revert_text),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
