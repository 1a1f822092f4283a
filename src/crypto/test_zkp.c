#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "crypto/zkp.h"

enum { ARGS_MAX = 6, BYTES_MAX = 256 };

/* One line of tests/vectors/zkp.txt: words in hex. */
typedef struct {
    char kind[16];
    uint8_t bytes[ARGS_MAX][BYTES_MAX];
    bc_bytes_t arg[ARGS_MAX];
    size_t cnt;
} line_t;

static bc_bytes_t value_base, blinding_base;
static uint8_t bases[2][32];

static bool line_read(FILE *f, line_t *l)
{
    char text[2048];
    *l = (line_t){ 0 };
    do {
        if (!fgets(text, sizeof text, f))
            return false;
    } while (text[0] == '#');
    char *save, *word = strtok_r(text, " \n", &save);
    snprintf(l->kind, sizeof l->kind, "%s", word);
    while ((word = strtok_r(NULL, " \n", &save))) {
        size_t n = strlen(word) / 2;
        assert_true(l->cnt < ARGS_MAX && n <= BYTES_MAX);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(sscanf(word + 2 * i, "%2hhx", &l->bytes[l->cnt][i]), 1);
        l->arg[l->cnt] = bc_bytes(l->bytes[l->cnt], n);
        l->cnt++;
    }
    return true;
}

static bool verify(const line_t *l)
{
    const bc_bytes_t *a = l->arg;
    if (!strncmp(l->kind, "either", 6))
        return bc_zkp_either_equality(a[0], a[1], a[2], a[3], value_base, blinding_base);
    if (!strcmp(l->kind, "knowledge"))
        return bc_zkp_knowledge(a[0], a[1], value_base, blinding_base);
    if (!strcmp(l->kind, "format"))
        return bc_zkp_format(a[0], a[1], a[3], value_base, a[2], blinding_base);
    if (!strcmp(l->kind, "sum"))
        return bc_zkp_sum(a[0], a[1], a[2], a[3], value_base, blinding_base);
    if (!strcmp(l->kind, "product"))
        return bc_zkp_product(a[0], a[1], a[2], a[3], value_base, blinding_base);
    assert_string_equal(l->kind, "equality");
    return bc_zkp_equality(a[0], a[1], a[2], value_base, blinding_base);
}

static void each_proof_holds_and_none_that_was_touched(void **state)
{
    (void)state;
    FILE *f = fopen("tests/vectors/zkp.txt", "r");
    assert_non_null(f);
    line_t l, last = { 0 };
    size_t proofs = 0;
    while (line_read(f, &l)) {
        if (!strcmp(l.kind, "V") || !strcmp(l.kind, "B")) {
            bc_bytes_t *to = l.kind[0] == 'V' ? &value_base : &blinding_base;
            uint8_t *copy = bases[l.kind[0] == 'B'];
            memcpy(copy, l.arg[0].p, 32);
            *to = bc_bytes(copy, 32);
            continue;
        }
        if (!strcmp(l.kind, "aggregate")) {
            uint8_t sum[32];
            assert_true(bc_zkp_aggregate(last.arg[0], last.arg[1], sum));
            assert_memory_equal(sum, l.arg[0].p, 32);
            assert_false(bc_zkp_aggregate(bc_bytes(last.arg[0].p, 31), last.arg[1], sum));
            continue;
        }
        proofs++;
        assert_true(verify(&l));
        for (size_t i = 0; i < l.cnt; i++) {
            for (size_t at = 3; at < l.arg[i].n; at += 7) {
                l.bytes[i][at] ^= 0x10;
                assert_false(verify(&l));
                l.bytes[i][at] ^= 0x10;
            }
            l.arg[i].n--;
            assert_false(verify(&l));
            l.arg[i].n += 2; /* what follows is not looked at */
            assert_true(verify(&l));
            l.arg[i].n--;
        }
        memcpy(&last, &l, sizeof l);
        for (size_t i = 0; i < last.cnt; i++)
            last.arg[i].p = last.bytes[i];
    }
    assert_int_equal(proofs, 7);
    fclose(f);
}

/* A scalar that is the right one plus the group's order: the equations hold, but the sum of the
 * two challenges is compared as it is. */
static void unreduced_challenges_count_where_official_nodes_count_them(void **state)
{
    (void)state;
    FILE *f = fopen("tests/vectors/zkp.txt", "r");
    assert_non_null(f);
    static const uint8_t order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
                                       0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10 };
    line_t l;
    size_t seen = 0;
    while (line_read(f, &l)) {
        if (strncmp(l.kind, "either", 6))
            continue;
        unsigned carry = 0, wide = 0;
        uint8_t sum[32];
        for (size_t i = 0; i < 32; i++) { /* check1 + check2 */
            wide += (unsigned)l.bytes[3][i] + l.bytes[3][32 + i];
            sum[i] = (uint8_t)wide;
            wide >>= 8;
        }
        bool below = false;
        for (size_t i = 32; i-- > 0;)
            if (sum[i] != order[i]) {
                below = sum[i] < order[i];
                break;
            }
        for (size_t i = 0; i < 32; i++) {
            carry += (unsigned)l.bytes[3][i] + order[i];
            l.bytes[3][i] = (uint8_t)carry;
            carry >>= 8;
        }
        assert_int_equal(verify(&l), below);
        seen++;
    }
    assert_int_equal(seen, 2);
    fclose(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_proof_holds_and_none_that_was_touched),
        cmocka_unit_test(unreduced_challenges_count_where_official_nodes_count_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
