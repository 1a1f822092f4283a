#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include "codec/hex.h"
#include "codec/tars.h"

typedef struct {
    int32_t id;
    bc_bytes_t name;
} leaf_t;

typedef struct {
    bc_bytes_t key;
    int64_t value;
} pair_t;

typedef struct {
    int8_t i8;
    bool flag;
    int16_t i16;
    int32_t i32;
    int64_t i64;
    uint32_t u32;
    bc_bytes_t str, bytes, dflt;
    leaf_t leaf;
    bc_tars_list_t ints, strs, leaves, map;
} all_t;

static const bc_tars_field_t leaf_fields[] = {
    { .tag = 1, .kind = BC_TARS_I32, .off = offsetof(leaf_t, id), .require = true },
    { .tag = 2, .kind = BC_TARS_STR, .off = offsetof(leaf_t, name) },
};
static const bc_tars_struct_t leaf_tars = { "leaf", sizeof(leaf_t), 2, leaf_fields };

static const bc_tars_field_t pair_fields[] = {
    { .tag = 0, .kind = BC_TARS_STR, .off = offsetof(pair_t, key) },
    { .tag = 1, .kind = BC_TARS_I64, .off = offsetof(pair_t, value) },
};
static const bc_tars_struct_t pair_tars = { "pair", sizeof(pair_t), 2, pair_fields };

static const bc_tars_field_t all_fields[] = {
    { .tag = 1, .kind = BC_TARS_I8, .off = offsetof(all_t, i8) },
    { .tag = 2, .kind = BC_TARS_BOOL, .off = offsetof(all_t, flag) },
    { .tag = 3, .kind = BC_TARS_I16, .off = offsetof(all_t, i16) },
    { .tag = 4, .kind = BC_TARS_I32, .off = offsetof(all_t, i32) },
    { .tag = 5, .kind = BC_TARS_I64, .off = offsetof(all_t, i64) },
    { .tag = 6, .kind = BC_TARS_U32, .off = offsetof(all_t, u32) },
    { .tag = 7, .kind = BC_TARS_STR, .off = offsetof(all_t, str) },
    { .tag = 8, .kind = BC_TARS_BYTES, .off = offsetof(all_t, bytes) },
    { .tag = 9, .kind = BC_TARS_STR, .off = offsetof(all_t, dflt), .def = "-1" },
    { .tag = 12, .kind = BC_TARS_LIST, .item = BC_TARS_I64, .off = offsetof(all_t, ints) },
    { .tag = 15, .kind = BC_TARS_LIST, .item = BC_TARS_STR, .off = offsetof(all_t, strs) },
    { .tag = 16, .kind = BC_TARS_LIST, .item = BC_TARS_STRUCT, .off = offsetof(all_t, leaves),
      .sub = &leaf_tars },
    { .tag = 17, .kind = BC_TARS_MAP, .off = offsetof(all_t, map), .sub = &pair_tars },
};
static const bc_tars_struct_t all_tars = { "all", sizeof(all_t), BC_ARRAY_LEN(all_fields),
                                           all_fields };

typedef struct {
    leaf_t leaf;
    int32_t after;
} outer_t;
static const bc_tars_field_t outer_fields[] = {
    { .tag = 3, .kind = BC_TARS_STRUCT, .off = offsetof(outer_t, leaf), .sub = &leaf_tars },
    { .tag = 5, .kind = BC_TARS_I32, .off = offsetof(outer_t, after) },
};
static const bc_tars_struct_t outer_tars = { "outer", sizeof(outer_t), 2, outer_fields };

static bc_wr_t w;
static bc_arena_t arena;

static bc_err_t decode_hex(const bc_tars_struct_t *d, const char *hex, void *out)
{
    bc_wr_reset(&w);
    assert_int_equal(bc_hex_append(bc_cstr(hex), &w), BC_OK);
    return bc_tars_decode(d, bc_wr_view(&w), out, &arena);
}

static void assert_encodes(const bc_tars_struct_t *d, const void *in, const char *hex)
{
    bc_wr_t got = { 0 }, want = { 0 };
    bc_tars_encode(d, in, &got);
    assert_int_equal(got.err, BC_OK);
    assert_int_equal(bc_hex_append(bc_cstr(hex), &want), BC_OK);
    assert_int_equal(got.n, want.n);
    if (want.n)
        assert_memory_equal(got.p, want.p, want.n);
    bc_wr_free(&got);
    bc_wr_free(&want);
}

static void integers_take_the_smallest_type(void **state)
{
    (void)state;
    static const struct {
        int64_t v;
        const char *hex;
    } rows[] = {
        { 1, "5001" },
        { 127, "507f" },
        { 128, "510080" },
        { -128, "5080" },
        { -129, "51ff7f" },
        { 32767, "517fff" },
        { 32768, "5200008000" },
        { -32768, "518000" },
        { -32769, "52ffff7fff" },
        { 2147483647, "527fffffff" },
        { 2147483648, "530000000080000000" },
        { -2147483648LL, "5280000000" },
        { INT64_MIN, "538000000000000000" },
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(rows); i++) {
        all_t v = { .i64 = rows[i].v, .dflt = BC_STR("-1") }, got;
        assert_encodes(&all_tars, &v, rows[i].hex);
        assert_int_equal(decode_hex(&all_tars, rows[i].hex, &got), BC_OK);
        assert_true(got.i64 == rows[i].v);
    }
    all_t u = { .u32 = 3000000000u, .dflt = BC_STR("-1") };
    assert_encodes(&all_tars, &u, "6300000000b2d05e00");
}

static void defaults_are_omitted_and_restored(void **state)
{
    (void)state;
    all_t v = { .dflt = BC_STR("-1") }, got;
    assert_encodes(&all_tars, &v, "");
    v.dflt = (bc_bytes_t){ 0 }; /* empty is not this field's default */
    assert_encodes(&all_tars, &v, "9600");
    assert_int_equal(decode_hex(&all_tars, "", &got), BC_OK);
    assert_true(bc_bytes_eq(got.dflt, BC_STR("-1")));
    assert_int_equal(decode_hex(&all_tars, "9600", &got), BC_OK);
    assert_int_equal(got.dflt.n, 0);
    /* an optional struct is written although empty; a required field inside it too */
    outer_t o = { 0 };
    assert_encodes(&outer_tars, &o, "3a1c0b");
}

static void strings_switch_at_256(void **state)
{
    (void)state;
    static uint8_t text[256];
    memset(text, 'x', sizeof text);
    for (size_t n = 255; n <= 256; n++) {
        all_t v = { .str = bc_bytes(text, n), .dflt = BC_STR("-1") }, got;
        bc_wr_t out = { 0 };
        bc_tars_encode(&all_tars, &v, &out);
        assert_int_equal(out.n, n == 255 ? 257 : 261);
        assert_int_equal(out.p[0], n == 255 ? 0x76 : 0x77);
        assert_int_equal(bc_tars_decode(&all_tars, bc_wr_view(&out), &got, &arena), BC_OK);
        assert_true(bc_bytes_eq(got.str, v.str));
        bc_wr_free(&out);
    }
    all_t got;
    assert_int_equal(decode_hex(&all_tars, "7706400001", &got), BC_E_TOO_BIG);
}

static void everything_round_trips(void **state)
{
    (void)state;
    int64_t ints[] = { 0, -1, 1 << 20 };
    bc_bytes_t strs[] = { BC_STR("a"), BC_STR("") };
    leaf_t leaves[] = { { 7, BC_STR("seven") }, { 0, { 0 } } };
    pair_t pairs[] = { { BC_STR("k"), 5 }, { BC_STR(""), 0 } };
    all_t v = { .i8 = -5,
                .flag = true,
                .i16 = 300,
                .i32 = -70000,
                .i64 = 1LL << 40,
                .u32 = 4000000000u,
                .str = BC_STR("text"),
                .bytes = BC_STR("\x00\x01"),
                .dflt = BC_STR("other"),
                .ints = { ints, 3 },
                .strs = { strs, 2 },
                .leaves = { leaves, 2 },
                .map = { pairs, 2 } };
    bc_wr_t a = { 0 }, b = { 0 };
    all_t got;
    bc_tars_encode(&all_tars, &v, &a);
    assert_int_equal(bc_tars_decode(&all_tars, bc_wr_view(&a), &got, &arena), BC_OK);
    assert_int_equal(got.leaves.n, 2);
    assert_true(bc_bytes_eq(((leaf_t *)got.leaves.v)[0].name, BC_STR("seven")));
    assert_int_equal(((pair_t *)got.map.v)[0].value, 5);
    bc_tars_encode(&all_tars, &got, &b);
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.p, b.p, a.n);
    /* every cut either fails or gives some prefix of the fields; none reads past the end */
    for (size_t n = 0; n < a.n; n++)
        (void)!bc_tars_decode(&all_tars, bc_bytes(a.p, n), &got, &arena);
    bc_wr_free(&a);
    bc_wr_free(&b);
}

static void unknown_and_late_tags_are_skipped(void **state)
{
    (void)state;
    all_t got;
    /* tag 0 string, tag 5 = 9, then a late tag 4, then tag 7, unknown tag 10 struct, 20 list */
    assert_int_equal(decode_hex(&all_tars, "0601615009400376016aaa1a0c0b0bf91400026001", &got),
                     BC_OK);
    assert_int_equal(got.i64, 9);
    assert_int_equal(got.i32, 0);
    assert_true(bc_bytes_eq(got.str, BC_STR("j")));
    /* nested: unknown tags around the known ones, then the next field of the outer struct */
    outer_t o;
    assert_int_equal(decode_hex(&outer_tars, "3a00051007260178e0010b5008", &o), BC_OK);
    assert_int_equal(o.leaf.id, 7);
    assert_true(bc_bytes_eq(o.leaf.name, BC_STR("x")));
    assert_int_equal(o.after, 8);
    /* vector<byte> as a list of int8 */
    assert_int_equal(decode_hex(&all_tars, "890003000100020c", &got), BC_OK);
    assert_true(bc_bytes_eq(got.bytes, BC_STR("\x01\x02\x00")));
    /* cut off while an unwanted field is skipped: the rest is absent */
    assert_int_equal(decode_hex(&all_tars, "06ff61", &got), BC_OK);
}

static void malformed_input_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        bc_err_t err;
    } rows[] = {
        { "1101", BC_E_RANGE },                   /* int16 where int8 is declared */
        { "110101", BC_E_RANGE },
        { "4300000000000000", BC_E_RANGE },       /* int64 where int32 is declared */
        { "5200", BC_E_TRUNCATED },
        { "7602aa", BC_E_TRUNCATED },
        { "7005", BC_E_FORMAT },                  /* integer where a string is declared */
        { "8d0105", BC_E_FORMAT },                /* simple list of something else */
        { "8d00000500", BC_E_TRUNCATED },
        { "8d0000ff00", BC_E_FORMAT },            /* negative count */
        { "c9027fffffff", BC_E_TRUNCATED },       /* count larger than the input */
        { "c900011001", BC_E_FORMAT },            /* item with a tag */
        { "f910000110", BC_E_FORMAT },            /* struct item is no struct */
        { "f91000010a0b", BC_E_MISSING },         /* required field of an item */
        { "1f", BC_E_FORMAT },                    /* unknown type */
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(rows); i++) {
        all_t got;
        assert_int_equal(decode_hex(&all_tars, rows[i].hex, &got), rows[i].err);
    }
    outer_t o;
    assert_int_equal(decode_hex(&outer_tars, "3a0b", &o), BC_E_MISSING);
    assert_int_equal(decode_hex(&outer_tars, "3a1001", &o), BC_E_TRUNCATED); /* no end byte */
    bc_wr_reset(&w);
    for (int i = 0; i < 100000; i++)
        bc_wr_u8(&w, 0x0a); /* structs in structs in structs */
    all_t got;
    assert_int_equal(bc_tars_decode(&all_tars, bc_wr_view(&w), &got, &arena), BC_E_TOO_BIG);
}

static int teardown(void **state)
{
    (void)state;
    bc_wr_free(&w);
    bc_arena_free(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_take_the_smallest_type),
        cmocka_unit_test(defaults_are_omitted_and_restored),
        cmocka_unit_test(strings_switch_at_256),
        cmocka_unit_test(everything_round_trips),
        cmocka_unit_test(unknown_and_late_tags_are_skipped),
        cmocka_unit_test(malformed_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
