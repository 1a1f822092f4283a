#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include "codec/archive.h"
#include "codec/hex.h"

/* Vectors of spec/10 §8, which boost 1.74 itself wrote. */
static const char config_1000[] = "00000000000400000000000000313030300000000000000000";
static const char config_3_16[] = "00000000000600000000000000332e31362e300201000000000000";
static const char one_node[] =
    "00000000000100000000000000000000000000000000020000000000000061620000000000000000000000"
    "010000000000000001000000000000001000000000000000636f6e73656e7375735f7365616c6572010000"
    "000000000030";
static const char bfs_row[] =
    "00000000000600000000000000000000000900000000000000"
    "6469726563746f7279010000000000000030010000000000000030"
    "000000000000000000000000000000000000000000000000";

static bc_wr_t in, out;
static bc_arena_t arena;

static bc_bytes_t unhex(const char *hex)
{
    bc_wr_reset(&in);
    assert_int_equal(bc_hex_append(bc_cstr(hex), &in), BC_OK);
    return bc_wr_view(&in);
}

static void assert_out(const char *hex)
{
    bc_bytes_t want = unhex(hex);
    assert_int_equal(out.n, want.n);
    assert_memory_equal(out.p, want.p, want.n);
    bc_wr_reset(&out);
}

static void config_rows(void **state)
{
    (void)state;
    bc_bytes_t v;
    int64_t n = -1;
    bc_archive_put_config(&out, BC_STR("1000"), 0);
    assert_out(config_1000);
    bc_archive_put_config(&out, BC_STR("3.16.0"), 258);
    assert_out(config_3_16);
    assert_int_equal(bc_archive_get_config(unhex(config_3_16), &v, &n), BC_OK);
    assert_true(bc_bytes_eq(v, BC_STR("3.16.0")));
    assert_int_equal(n, 258);
}

static void node_lists(void **state)
{
    (void)state;
    bc_archive_node_t nodes[3] = {
        { BC_STR("ab"), { { 1 } }, BC_STR("consensus_sealer"), BC_STR("0") },
        { BC_STR("cd"), { { 0 } }, BC_STR("consensus_observer"), BC_STR("7") },
        { BC_STR("ef"), { { 1, 2, 3, 4 } }, BC_STR("consensus_sealer"), BC_STR("12") },
    };
    bc_archive_node_t *got;
    size_t n = 0;
    bc_archive_put_nodes(&out, nodes, 1);
    assert_out(one_node);
    bc_archive_put_nodes(&out, nodes, 3);
    assert_int_equal(bc_archive_get_nodes(bc_wr_view(&out), &got, &n, &arena), BC_OK);
    assert_int_equal(n, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(bc_bytes_eq(got[i].node_id, nodes[i].node_id));
        assert_memory_equal(&got[i].vote_weight, &nodes[i].vote_weight, 32);
        assert_true(bc_bytes_eq(got[i].type, nodes[i].type));
        assert_true(bc_bytes_eq(got[i].enable_number, nodes[i].enable_number));
    }
    for (size_t cut = 0; cut < out.n; cut++)
        assert_int_not_equal(bc_archive_get_nodes(bc_bytes(out.p, cut), &got, &n, &arena), BC_OK);
    bc_wr_reset(&out);
    bc_archive_put_nodes(&out, NULL, 0);
    assert_int_equal(bc_archive_get_nodes(bc_wr_view(&out), &got, &n, &arena), BC_OK);
    assert_int_equal(n, 0);
    bc_wr_reset(&out);
}

static void string_vectors(void **state)
{
    (void)state;
    bc_bytes_t row[6] = { BC_STR("directory"), BC_STR("0"), BC_STR("0"), { 0 }, { 0 }, { 0 } };
    bc_bytes_t *got;
    size_t n = 0;
    bc_archive_put_strings(&out, row, 6);
    assert_out(bfs_row);
    assert_int_equal(bc_archive_get_strings(unhex(bfs_row), &got, &n, &arena), BC_OK);
    assert_int_equal(n, 6);
    for (size_t i = 0; i < n; i++)
        assert_true(bc_bytes_eq(got[i], row[i]));
}

static void damaged_archives_are_refused(void **state)
{
    (void)state;
    bc_bytes_t v, *many;
    bc_archive_node_t *nodes;
    int64_t num;
    size_t n;
    for (size_t cut = 0; cut < sizeof config_1000 / 2; cut++) {
        bc_bytes_t b = unhex(config_1000);
        assert_int_not_equal(bc_archive_get_config(bc_bytes(b.p, cut), &v, &num), BC_OK);
    }
    static const char *const bad[] = {
        "00000000010400000000000000313030300000000000000000",   /* class version 1 */
        "000000000004000000000000003130303000000000000000000a", /* something follows */
        "0000000000ffffffffffffffff313030300000000000000000",   /* length */
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(bad); i++)
        assert_int_not_equal(bc_archive_get_config(unhex(bad[i]), &v, &num), BC_OK);
    /* counts that the input cannot hold are refused before memory is taken */
    assert_int_equal(bc_archive_get_strings(unhex("0000000000ffffffffffffff7f00000000"), &many, &n,
                                            &arena),
                     BC_E_TRUNCATED);
    assert_int_equal(bc_archive_get_nodes(unhex("0000000000ffffffffffffff7f00000000"), &nodes, &n,
                                          &arena),
                     BC_E_TRUNCATED);
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
        cmocka_unit_test(config_rows),
        cmocka_unit_test(node_lists),
        cmocka_unit_test(string_vectors),
        cmocka_unit_test(damaged_archives_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
