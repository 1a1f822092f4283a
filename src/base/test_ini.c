#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/ini.h"

static void expect(bc_ini_t *ini, const char *s, const char *k, const char *want)
{
    bc_ini_entry_t *e = bc_ini_find(ini, s, k);
    if (!want) {
        assert_null(e);
    } else {
        assert_non_null(e);
        assert_string_equal(e->value, want);
    }
}

static void files_of_build_chain_are_read(void **state)
{
    (void)state;
    bc_ini_t ini;
    assert_int_equal(bc_ini_parse(BC_STR("top = 1\r\n"
                                         "[p2p]\n"
                                         "    listen_ip=0.0.0.0 ; not a comment\n"
                                         "    ; comment=1\n"
                                         "#[x]\n"
                                         " \t\n"
                                         "  enable_ssl_verify = true \n"
                                         "[empty]\n"
                                         "[ consensus ] tail is ignored\n"
                                         "node.0=abc: 1\n"
                                         "    node.1=a=b\n"
                                         "none=\n"
                                         "[empty]\n"
                                         "x=1"),
                                  &ini),
                     BC_OK);
    assert_int_equal(ini.cnt, 7);
    expect(&ini, "", "top", "1");
    expect(&ini, "p2p", "listen_ip", "0.0.0.0 ; not a comment");
    expect(&ini, "p2p", "enable_ssl_verify", "true");
    expect(&ini, "p2p", "comment", NULL);
    expect(&ini, "consensus", "node.0", "abc: 1");
    expect(&ini, "consensus", "node.1", "a=b");
    expect(&ini, "consensus", "none", "");
    expect(&ini, "empty", "x", "1");
    expect(&ini, "empty", "top", NULL);
    assert_int_equal(bc_ini_find(&ini, "empty", "x")->line, 14);
    bc_ini_free(&ini);
}

static void mistakes_are_refused_with_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
        unsigned line;
    } t[] = {
        { "[a]\nx=1\ny=2\nx=3\n", "duplicate key name", 4 },
        { "[a]\nx=1\n[b]\nx=1\n[a]\n", "duplicate section name", 5 },
        { "[a]\n\nnonsense\n", "'=' character not found in line", 3 },
        { "[a\n", "unmatched '['", 1 },
        { " = 3\n", "key expected", 1 },
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(t); i++) {
        bc_ini_t ini;
        assert_int_equal(bc_ini_parse(bc_cstr(t[i].text), &ini), BC_E_FORMAT);
        assert_string_equal(ini.error, t[i].error);
        assert_int_equal(ini.error_line, t[i].line);
        bc_ini_free(&ini);
    }
    bc_ini_t ini;
    assert_int_equal(bc_ini_parse(bc_bytes("a=\0b", 4), &ini), BC_E_FORMAT);
    bc_ini_free(&ini);
    assert_int_equal(bc_ini_parse((bc_bytes_t){ 0 }, &ini), BC_OK);
    expect(&ini, "a", "b", NULL);
    bc_ini_free(&ini);
    assert_int_equal(bc_ini_load("/nonexistent/x.ini", &ini), BC_E_NOT_FOUND);
    bc_ini_free(&ini);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_build_chain_are_read),
        cmocka_unit_test(mistakes_are_refused_with_their_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
