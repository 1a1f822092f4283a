/* Distances and ways (spec/20 §4.5), without a network. */
#include "access/gateway/router.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { N = 6 };

/* Raw ids are longer than 33 characters; those here differ in the last one. */
static bc_bytes_t raw_of(size_t i)
{
    static char text[N][48];
    snprintf(text[i], sizeof text[i], "%045d%c", 0, (char)('A' + i));
    return bc_cstr(text[i]);
}

static bc_h256_t id_of(size_t i)
{
    bc_h256_t id;
    bc_p2p_short_id(raw_of(i), &id);
    return id;
}

static void expect(const bc_router_t *r, size_t to, int32_t distance, int next)
{
    bc_h256_t id = id_of(to), hop = { 0 };
    const bc_route_t *e = bc_router_find(r, &id);
    if (next >= 0)
        hop = id_of((size_t)next);
    assert_non_null(e);
    assert_int_equal(e->distance, distance);
    assert_true(bc_h256_eq(&e->next, &hop));
}

/* from's neighbour says that it has a way of that length; what was lost is counted. */
static bool told(bc_router_t *r, size_t from, size_t to, int32_t distance, size_t *lost)
{
    bc_h256_t f = id_of(from);
    bc_wr_t w = { 0 };
    bool changed = bc_router_update(r, &f, raw_of(to), distance, &w);
    *lost = w.n / 32;
    bc_wr_free(&w);
    return changed;
}

static bool neighbour(bc_router_t *r, size_t i)
{
    bc_wr_t w = { 0 };
    bool changed = bc_router_neighbour(r, raw_of(i), &w);
    bc_wr_free(&w);
    return changed;
}

static size_t lose(bc_router_t *r, size_t i)
{
    bc_h256_t id = id_of(i);
    bc_wr_t w = { 0 };
    bool changed = bc_router_lose(r, &id, &w);
    size_t n = w.n / 32;
    bc_wr_free(&w);
    return changed ? n : 0;
}

static bc_router_t router_of(size_t i)
{
    bc_router_t r = { 0 };
    bc_h256_t id = id_of(i);
    bc_router_init(&r, &id);
    return r;
}

static void the_shortest_way_is_kept(void **state)
{
    (void)state;
    size_t lost;
    bc_router_t r = router_of(0);
    assert_true(neighbour(&r, 1));
    assert_true(neighbour(&r, 2));
    assert_false(neighbour(&r, 2));
    expect(&r, 1, 1, -1);
    assert_false(told(&r, 1, 0, 3, &lost)); /* itself */
    assert_true(told(&r, 1, 3, 4, &lost));
    expect(&r, 3, 5, 1);
    assert_false(told(&r, 2, 3, 4, &lost)); /* no shorter */
    assert_true(told(&r, 2, 3, 1, &lost));
    expect(&r, 3, 2, 2);
    assert_false(told(&r, 1, 3, 7, &lost)); /* not the one in use */
    assert_true(told(&r, 2, 3, 5, &lost));  /* the one in use became longer */
    expect(&r, 3, 6, 2);
    assert_false(told(&r, 2, 3, 5, &lost));
    assert_false(told(&r, 1, 2, 0, &lost)); /* nobody else is at distance 0 */
    expect(&r, 2, 1, -1);
    bc_router_free(&r);
}

static void what_lies_behind_goes_with_it(void **state)
{
    (void)state;
    size_t lost;
    bc_router_t r = router_of(0);
    neighbour(&r, 1);
    neighbour(&r, 2);
    assert_true(told(&r, 1, 3, 1, &lost));
    assert_true(told(&r, 1, 4, 2, &lost));
    assert_true(told(&r, 2, 5, 1, &lost));
    assert_int_equal(lose(&r, 1), 3); /* itself, 3 and 4 */
    assert_int_equal(lose(&r, 1), 0);
    expect(&r, 3, BC_P2P_UNREACHABLE, -1);
    expect(&r, 4, BC_P2P_UNREACHABLE, -1);
    expect(&r, 5, 2, 2);
    assert_true(told(&r, 2, 3, 3, &lost)); /* there is another way */
    expect(&r, 3, 4, 2);
    assert_true(neighbour(&r, 1));
    expect(&r, 1, 1, -1);
    /* at ten it is out of reach, however it is put */
    assert_true(told(&r, 2, 5, 9, &lost));
    assert_int_equal(lost, 1);
    expect(&r, 5, BC_P2P_UNREACHABLE, -1);
    assert_false(told(&r, 2, 5, INT32_MAX, &lost));
    assert_true(told(&r, 2, 5, INT32_MIN, &lost)); /* no less than one */
    expect(&r, 5, 2, 2);
    bc_router_free(&r);
}

/* Hands r's table to the others that it is connected to; true when one of them learnt something. */
static bool share(bc_router_t *r, size_t n, bool (*link)[N])
{
    bool news = false;
    for (size_t i = 0; i < n; i++) {
        bc_arena_t a = { 0 };
        bc_wr_t table = { 0 };
        bc_router_encode(&r[i], &a, &table);
        assert_int_equal(table.err, BC_OK);
        for (size_t k = 0; k < n; k++) {
            if (!link[i][k])
                continue;
            bool changed;
            bc_wr_t lost = { 0 };
            bc_h256_t from = id_of(i);
            assert_int_equal(bc_router_join(&r[k], &from, bc_wr_view(&table), &a, &changed, &lost),
                             BC_OK);
            news = news || changed;
            bc_wr_free(&lost);
        }
        bc_wr_free(&table);
        bc_arena_free(&a);
    }
    return news;
}

/* A ring with a tail. When the tail goes, the ring must not count up for ever, each believing the
 * other. */
static void a_lost_node_is_forgotten_by_all(void **state)
{
    (void)state;
    bc_router_t r[N];
    bool link[N][N] = { { false } };
    static const size_t links[][2] = { { 0, 1 }, { 1, 2 }, { 2, 3 }, { 3, 0 }, { 3, 4 }, { 4, 5 } };
    for (size_t i = 0; i < N; i++)
        r[i] = router_of(i);
    for (size_t i = 0; i < BC_ARRAY_LEN(links); i++) {
        size_t a = links[i][0], b = links[i][1];
        link[a][b] = link[b][a] = true;
        neighbour(&r[a], b);
        neighbour(&r[b], a);
    }
    int rounds = 0;
    while (share(r, N, link))
        assert_true(++rounds < 20);
    assert_int_equal(bc_router_find(&r[1], (bc_h256_t[]){ id_of(5) })->distance,
                     4); /* either side */
    expect(&r[0], 4, 2, 3);
    expect(&r[5], 1, 4, 4);
    /* 4 goes, and 5 with it */
    link[3][4] = link[4][3] = link[4][5] = link[5][4] = false;
    assert_int_equal(lose(&r[3], 4), 2);
    rounds = 0;
    while (share(r, 4, link))
        assert_true(++rounds < 40);
    for (size_t i = 0; i < 4; i++) {
        expect(&r[i], 4, BC_P2P_UNREACHABLE, -1);
        expect(&r[i], 5, BC_P2P_UNREACHABLE, -1);
        for (size_t k = 0; k < 4; k++)
            if (k != i)
                assert_true(bc_router_find(&r[i], (bc_h256_t[]){ id_of(k) })->distance <= 2);
    }
    for (size_t i = 0; i < N; i++)
        bc_router_free(&r[i]);
}

static void tables_are_bounded(void **state)
{
    (void)state;
    bc_router_t r = router_of(0);
    bc_h256_t from = id_of(1);
    bc_wr_t lost = { 0 };
    char raw[64];
    for (unsigned i = 0; i < BC_ROUTER_MAX + 100; i++) {
        snprintf(raw, sizeof raw, "%040u", i);
        assert_true(bc_router_update(&r, &from, bc_cstr(raw), 1, &lost) == (i < BC_ROUTER_MAX));
    }
    assert_int_equal(r.routes.cnt, BC_ROUTER_MAX);
    assert_false(bc_router_update(&r, &from, BC_STR("short"), 1, &lost));
    char *big = bc_xcalloc(1, BC_P2P_RAW_ID_MAX + 1);
    memset(big, 'a', BC_P2P_RAW_ID_MAX + 1);
    assert_false(bc_router_update(&r, &from, bc_bytes(big, BC_P2P_RAW_ID_MAX + 1), 1, &lost));
    free(big);
    bc_wr_free(&lost);
    bc_router_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shortest_way_is_kept),
        cmocka_unit_test(what_lies_behind_goes_with_it),
        cmocka_unit_test(a_lost_node_is_forgotten_by_all),
        cmocka_unit_test(tables_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
