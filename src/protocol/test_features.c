#include "protocol/features.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static unsigned count(bc_features_t set)
{
    return (unsigned)__builtin_popcountll(set);
}

static void genesis_sets_are_those_of_the_captured_chains(void **state)
{
    (void)state;
    /* chain-a (3.16.0): the first 32 flags; 3.16.4 adds bugfix_revert_logs */
    assert_int_equal(bc_features_genesis(0x03100000), 0xffffffffu);
    assert_int_equal(bc_features_genesis(0x03100300), 0xffffffffu);
    assert_int_equal(bc_features_genesis(0x03100400), 0x1ffffffffu);
    /* chain-compat-3.2.0 and 3.0.0 have none */
    assert_int_equal(bc_features_genesis(0x03020000), 0);
    assert_int_equal(bc_features_genesis(0x03000000), 0);
    assert_int_equal(bc_features_genesis(0x03030000), (bc_features_t)1 << BC_F_feature_sharding);
    assert_int_equal(count(bc_features_genesis(0x03050000)), 2);
}

static void upgrades_add_what_lies_between(void **state)
{
    (void)state;
    assert_int_equal(bc_features_upgrade(0x03100000, 0x03100400),
                     (bc_features_t)1 << BC_F_bugfix_revert_logs);
    assert_int_equal(bc_features_upgrade(0x03100400, 0x03100400), 0);
    assert_int_equal(count(bc_features_upgrade(0x030f0000, 0x03100000)), 6);
    assert_int_equal(count(bc_features_upgrade(0x03020600, 0x03020600)), 3);
}

static void names_and_versions_are_found(void **state)
{
    (void)state;
    bc_feature_t f;
    assert_int_equal(bc_feature_find(BC_STR("feature_balance_policy2"), &f), BC_OK);
    assert_int_equal(f, BC_F_CNT - 1);
    assert_string_equal(bc_feature_name(BC_F_bugfix_revert), "bugfix_revert");
    assert_int_equal(bc_feature_find(BC_STR("feature_"), &f), BC_E_NOT_FOUND);
    static const struct {
        const char *text;
        bc_err_t err;
        uint32_t v;
    } t[] = {
        { "3.16.4", BC_OK, 0x03100400 }, { "3.16", BC_OK, 0x03100000 },
        { "255.1.2", BC_OK, 0xff010200 }, { "3.0.0-rc4", BC_OK, 4 },
        { "2.9.9", BC_E_RANGE, 0 },       { "256.0", BC_E_RANGE, 0 },
        { "3", BC_E_FORMAT, 0 },          { "3.", BC_E_FORMAT, 0 },
        { "3.1.2.3", BC_E_FORMAT, 0 },    { "", BC_E_FORMAT, 0 },
        { "3.x", BC_E_FORMAT, 0 },        { "3.0.0-rc", BC_E_FORMAT, 0 },
        { " 3.1", BC_E_FORMAT, 0 },       { "3.1.999", BC_E_RANGE, 0 },
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(t); i++) {
        uint32_t v = 0;
        assert_int_equal(bc_version_parse(bc_cstr(t[i].text), &v), t[i].err);
        assert_int_equal(t[i].err ? 0 : v, t[i].v);
    }
    char out[16];
    bc_version_text(0x03100400, out);
    assert_string_equal(out, "3.16.4");
    bc_version_text(4, out);
    assert_string_equal(out, "3.0.0-rc4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(genesis_sets_are_those_of_the_captured_chains),
        cmocka_unit_test(upgrades_add_what_lies_between),
        cmocka_unit_test(names_and_versions_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
