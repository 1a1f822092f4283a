#include "access/gateway/nodes.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

/* A status of one gateway with one node per protocol entry. */
static bc_err_t announce(bc_group_nodes_t *n, uint8_t gateway, int32_t seq,
                         const bc_p2p_protocol_t *protocols, size_t cnt, size_t nodes)
{
    char text[4][128];
    bc_bytes_t ids[4];
    for (size_t i = 0; i < nodes; i++) {
        memset(text[i], 'a' + (int)i, 128);
        text[i][0] = (char)('0' + gateway);
        ids[i] = bc_bytes(text[i], 128);
    }
    bc_p2p_group_t g = { .group = BC_STR("group0"),
                         .nodes = { ids, nodes },
                         .protocols = { (void *)(uintptr_t)protocols, cnt } };
    bc_p2p_status_t s = { .uuid = BC_STR("u"), .seq = seq, .groups = { &g, 1 } };
    bc_wr_t w = { 0 };
    bc_tars_encode(&bc_p2p_status_tars, &s, &w);
    bc_h256_t id = { { gateway } };
    bc_arena_t arena = { 0 };
    bc_err_t err = bc_group_nodes_update(n, &id, bc_wr_view(&w), &arena);
    bc_arena_free(&arena);
    bc_wr_free(&w);
    return err;
}

static void the_lowest_protocol_counts(void **state)
{
    (void)state;
    bc_group_nodes_t n;
    bc_group_nodes_init(&n);
    const bc_bytes_t group = BC_STR("group0");
    assert_int_equal(bc_group_nodes_protocol(&n, group), 2);
    assert_int_equal(announce(&n, 1, 1, (bc_p2p_protocol_t[]){ { 0, 0, 2 }, { 0, 0, 9 } }, 2, 2),
                     0);
    assert_int_equal(bc_group_nodes_protocol(&n, group), 2);
    assert_int_equal(announce(&n, 2, 1, (bc_p2p_protocol_t[]){ { 0, 0, 2 }, { 0, 0, 1 } }, 2, 2),
                     0);
    assert_int_equal(bc_group_nodes_protocol(&n, group), 1);
    assert_int_equal(bc_group_nodes_protocol(&n, BC_STR("group1")), 2);
    /* nothing in common, or nothing said: version 0 */
    assert_int_equal(announce(&n, 2, 2, (bc_p2p_protocol_t[]){ { 0, 3, 5 } }, 1, 1), 0);
    assert_int_equal(bc_group_nodes_protocol(&n, group), 0);
    assert_int_equal(announce(&n, 2, 3, (bc_p2p_protocol_t[]){ { 0, 1, 2 } }, 1, 1), 0);
    assert_int_equal(bc_group_nodes_protocol(&n, group), 2);
    assert_int_equal(announce(&n, 2, 4, (bc_p2p_protocol_t[]){ { 0, 1, 2 } }, 1, 2), 0);
    assert_int_equal(bc_group_nodes_protocol(&n, group), 0);
    assert_int_equal(announce(&n, 2, 4, NULL, 0, 0), BC_E_STALE);
    bc_group_nodes_free(&n);
}

static void tables_are_bounded(void **state)
{
    (void)state;
    bc_group_nodes_t n;
    bc_group_nodes_init(&n);
    bc_p2p_group_t groups[BC_NODES_GROUPS_MAX + 1] = { 0 };
    bc_p2p_status_t s = { .uuid = BC_STR("u"),
                          .seq = 1,
                          .groups = { groups, BC_ARRAY_LEN(groups) } };
    bc_wr_t w = { 0 };
    bc_tars_encode(&bc_p2p_status_tars, &s, &w);
    bc_h256_t id = { { 1 } };
    bc_arena_t arena = { 0 };
    assert_int_equal(bc_group_nodes_update(&n, &id, bc_wr_view(&w), &arena), BC_E_TOO_BIG);
    assert_null(bc_group_nodes_find(&n, &id));
    bc_wr_free(&w);
    bc_arena_free(&arena);
    for (unsigned i = 0; i <= BC_NODES_GATEWAYS_MAX; i++) {
        s = (bc_p2p_status_t){ .uuid = BC_STR("u"), .seq = 1 };
        w = (bc_wr_t){ 0 };
        bc_tars_encode(&bc_p2p_status_tars, &s, &w);
        bc_h256_t gw = { { (uint8_t)(i & 255), (uint8_t)(i >> 8) } };
        bc_arena_t a = { 0 };
        assert_int_equal(bc_group_nodes_update(&n, &gw, bc_wr_view(&w), &a),
                         i < BC_NODES_GATEWAYS_MAX ? BC_OK : BC_E_FULL);
        bc_arena_free(&a);
        bc_wr_free(&w);
    }
    bc_group_nodes_free(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lowest_protocol_counts),
        cmocka_unit_test(tables_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
