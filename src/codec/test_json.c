#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>
#include "codec/json.h"

static void writer_places_commas(void **state)
{
    (void)state;
    bc_wr_t w = { 0 };
    bc_jw_t j = bc_jw(&w);
    bc_jw_obj(&j);
    bc_jw_key(&j, "a");
    bc_jw_arr(&j);
    bc_jw_i64(&j, INT64_MIN);
    bc_jw_u64(&j, UINT64_MAX);
    bc_jw_obj(&j);
    bc_jw_obj_end(&j);
    bc_jw_arr(&j);
    bc_jw_arr_end(&j);
    bc_jw_bool(&j, true);
    bc_jw_null(&j);
    bc_jw_arr_end(&j);
    bc_jw_key(&j, "b");
    bc_jw_0xhex(&j, BC_STR("\x0a"));
    bc_jw_key(&j, "c");
    bc_jw_hex(&j, BC_STR(""));
    bc_jw_key(&j, "d");
    bc_jw_quantity(&j, 26);
    bc_jw_key(&j, "e");
    bc_jw_raw(&j, BC_STR("[1]"));
    bc_jw_obj_end(&j);
    bc_wr_u8(&w, 0);
    assert_string_equal((char *)w.p,
                        "{\"a\":[-9223372036854775808,18446744073709551615,{},[],true,null],"
                        "\"b\":\"0x0a\",\"c\":\"\",\"d\":\"0x1a\",\"e\":[1]}");
    bc_wr_free(&w);
}

static void writer_escapes(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } rows[] = {
        { "a/b\x7f", "\"a/b\x7f\"" },
        { "\"\\\b\f\n\r\t\x01", "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\"" },
        { "\xe4\xb8\xad\xc3\xa9", "\"\\u4e2d\\u00e9\"" },
        { "\xf0\x9f\x98\x80", "\"\\ud83d\\ude00\"" },
        { "\xff\xc0\x80\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\"" },
        { "\xe4\xb8", "\"\\ufffd\\ufffd\"" },
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(rows); i++) {
        bc_wr_t w = { 0 };
        bc_jw_t j = bc_jw(&w);
        bc_jw_cstr(&j, rows[i].in);
        bc_wr_u8(&w, 0);
        assert_string_equal((char *)w.p, rows[i].out);
        bc_wr_free(&w);
    }
    bc_wr_t w = { 0 };
    bc_jw_t j = bc_jw(&w);
    bc_jw_str(&j, BC_STR("a\0b"));
    assert_int_equal(w.n, 10);
    assert_memory_equal(w.p, "\"a\\u0000b\"", 10);
    bc_wr_free(&w);
}

static void reader_takes_strict_text_only(void **state)
{
    (void)state;
    static const char *const good[] = {
        "null", " [ ] ", "{\"a\":[1,-0.5e+3,\"\\u00e9\\ud83d\\ude00\"],\"b\":{}}", "\"\"", "-0",
        "\t[true,false]\n",
    };
    static const char *const bad[] = {
        "",       "[",       "[1,]",     "{,}",        "{\"a\"}",     "{a:1}",   "[1]]",
        "01",     "1.",      ".5",       "+1",         "0x10",        "nul",     "'a'",
        "[1 2]",  "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\udc00\"", "\"a\nb\"", "\"a",
        "\"\\u0000\"",       "{\"a\":1,}", "[1}",      "NaN",         "1 1",     "//x\n1",
        "1e",     "--1",     "{\"a\":}",
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(good); i++) {
        cJSON *v = bc_json_parse(bc_cstr(good[i]), 10, NULL);
        assert_non_null(v);
        cJSON_Delete(v);
    }
    for (size_t i = 0; i < BC_ARRAY_LEN(bad); i++) {
        size_t at = 12345;
        assert_null(bc_json_parse(bc_cstr(bad[i]), 10, &at));
        assert_true(at <= strlen(bad[i]));
    }
}

static void reader_limits_depth(void **state)
{
    (void)state;
    cJSON *v = bc_json_parse(BC_STR("[[[1]]]"), 3, NULL);
    assert_non_null(v);
    cJSON_Delete(v);
    size_t at = 0;
    assert_null(bc_json_parse(BC_STR("[[[1]]]"), 2, &at));
    assert_int_equal(at, 2);
    enum { DEEP = 100000 };
    char *text = malloc(DEEP);
    assert_non_null(text);
    memset(text, '[', DEEP);
    assert_null(bc_json_parse(bc_bytes(text, DEEP), 1000000, NULL));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writer_places_commas),
        cmocka_unit_test(writer_escapes),
        cmocka_unit_test(reader_takes_strict_text_only),
        cmocka_unit_test(reader_limits_depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
