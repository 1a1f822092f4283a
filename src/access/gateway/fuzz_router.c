/* Router tables of two neighbours, the first byte tells where one ends: whatever they say, our
 * table stays bounded and sane, and when both are gone nothing is reachable. */
#include "access/gateway/router.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const bc_router_t *r)
{
    const bc_route_t *e;
    BC_MUST(r->routes.cnt <= BC_ROUTER_MAX);
    for (size_t i = 0; (e = bc_map_next(&r->routes, &i));) {
        BC_MUST(!bc_h256_eq(&e->id, &r->self));
        BC_MUST(e->distance >= 1 && e->distance <= BC_P2P_UNREACHABLE);
        bool hop = !bc_h256_is_zero(&e->next);
        BC_MUST(hop == (e->distance > 1 && e->distance < BC_P2P_UNREACHABLE));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    static const bc_bytes_t raw[3] = {
        BC_STR("self self self self self self self self self"),
        BC_STR("left left left left left left left left left"),
        BC_STR("right right right right right right right right"),
    };
    bc_h256_t id[3];
    for (int i = 0; i < 3; i++)
        bc_p2p_short_id(raw[i], &id[i]);
    bc_router_t r;
    bc_router_init(&r, &id[0]);
    bc_arena_t a;
    bc_arena_init(&a, 1 << 24);
    bc_wr_t lost = { .max = 1 << 20 }, w = { 0 };
    bc_router_neighbour(&r, raw[1], &lost);
    bc_router_neighbour(&r, raw[2], &lost);
    size_t cut = 1 + (size - 1) * data[0] / 255;
    bool changed;
    (void)!bc_router_join(&r, &id[1], bc_bytes(data + 1, cut - 1), &a, &changed, &lost);
    (void)!bc_router_join(&r, &id[2], bc_bytes(data + cut, size - cut), &a, &changed, &lost);
    (void)!bc_router_join(&r, &id[2], bc_bytes(data + 1, size - 1), &a, &changed, &lost);
    check(&r);
    bc_router_encode(&r, &a, &w);
    bc_p2p_routes_t back;
    BC_MUST(w.err || bc_tars_decode(&bc_p2p_routes_tars, bc_wr_view(&w), &back, &a) == BC_OK);
    BC_MUST(w.err || back.routes.n == r.routes.cnt);
    bc_router_lose(&r, &id[1], &lost);
    check(&r);
    bc_router_lose(&r, &id[2], &lost);
    const bc_route_t *e;
    for (size_t i = 0; (e = bc_map_next(&r.routes, &i));)
        BC_MUST(e->distance == BC_P2P_UNREACHABLE);
    bc_wr_free(&lost);
    bc_wr_free(&w);
    bc_arena_free(&a);
    bc_router_free(&r);
    return 0;
}
