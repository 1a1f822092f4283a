#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdint.h>
#include <cmocka.h>

#include "protocol/committee_code.h"

/* PUSH4 of each function that the node or a client calls (spec/40 §7.4): Keccak, SM3. */
static const uint32_t selectors[][2] = {
    { 0x185c1587, 0x7bc85516 }, /* _committee() */
    { 0x5e77fe20, 0x749280c7 }, /* getCommitteeInfo() */
};
static const uint32_t keccak_selectors[] = {
    0x3234f0e6, 0x03f19159, 0x614235f3, 0x6ba4790c, 0x7475f00f, 0x9e3f4f4e,
    0x65012582, 0x7a25132d, 0x7222b4a8, 0xbcfb9b61, 0x85a6a091, 0xe43581b8,
};

/* An optimizer may drop leading zero bytes of a pushed selector. */
static bool has_selector(bc_bytes_t code, uint32_t selector)
{
    uint8_t push[5] = { 0x63, (uint8_t)(selector >> 24), (uint8_t)(selector >> 16),
                        (uint8_t)(selector >> 8), (uint8_t)selector };
    size_t skip = push[1] == 0 ? 1 : 0;
    push[skip] = (uint8_t)(0x63 - skip);
    for (size_t i = 0; i + 5 <= code.n; i++)
        if (memcmp(code.p + i, push + skip, 5 - skip) == 0)
            return true;
    return false;
}

static void has_the_functions_of_the_official_abi(void **state)
{
    (void)state;
    bc_bytes_t standard = bc_committee_code(BC_SUITE_STANDARD), sm = bc_committee_code(BC_SUITE_SM);
    for (size_t i = 0; i < BC_ARRAY_LEN(selectors); i++) {
        assert_true(has_selector(standard, selectors[i][0]));
        assert_true(has_selector(sm, selectors[i][1]));
        assert_false(has_selector(sm, selectors[i][0]));
    }
    for (size_t i = 0; i < BC_ARRAY_LEN(keccak_selectors); i++)
        if (!has_selector(standard, keccak_selectors[i]))
            fail_msg("no %08x", keccak_selectors[i]);
}

/* New code would give new chains another block 0: a change here is a decision, not an accident. */
static void is_what_chains_were_made_with(void **state)
{
    (void)state;
    static const struct {
        bc_suite_t suite;
        const char *hash;
    } rows[] = {
        { BC_SUITE_STANDARD, "32a909c42cc2e7f4383dfce97205c5f98779efae50134f350edebaabefd7d726" },
        { BC_SUITE_SM, "0e45527f64d6b548996736fecd879c4c2ca141db7d3eba55a1e66f56c2ee1d21" },
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(rows); i++) {
        bc_h256_t h;
        char text[65];
        bc_keccak256(bc_committee_code(rows[i].suite), &h);
        for (size_t b = 0; b < 32; b++)
            snprintf(text + 2 * b, 3, "%02x", h.b[b]);
        assert_string_equal(text, rows[i].hash);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_functions_of_the_official_abi),
        cmocka_unit_test(is_what_chains_were_made_with),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
