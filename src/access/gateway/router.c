#include "access/gateway/router.h"
#include <stdlib.h>

static bc_bytes_t route_key(const void *item)
{
    return BC_VIEW(((const bc_route_t *)item)->id);
}

void bc_router_init(bc_router_t *r, const bc_h256_t *self)
{
    r->self = *self;
    bc_map_init(&r->routes, route_key);
}

void bc_router_free(bc_router_t *r)
{
    void *e;
    for (size_t i = 0; (e = bc_map_next(&r->routes, &i));)
        free(e);
    bc_map_free(&r->routes);
}

const bc_route_t *bc_router_find(const bc_router_t *r, const bc_h256_t *id)
{
    return bc_map_find(&r->routes, BC_VIEW(*id));
}

static void unreachable(bc_route_t *e, bc_wr_t *lost)
{
    e->distance = BC_P2P_UNREACHABLE;
    e->next = (bc_h256_t){ 0 };
    bc_wr_put(lost, BC_VIEW(e->id));
}

/* Entries behind hop are as far as hop and their old way from it. */
static void follow(bc_router_t *r, const bc_h256_t *hop, int32_t distance, bc_wr_t *lost)
{
    bc_route_t *e;
    for (size_t i = 0; (e = bc_map_next(&r->routes, &i));) {
        if (bc_h256_is_zero(&e->next) || !bc_h256_eq(&e->next, hop))
            continue;
        e->distance = distance + e->distance - 1;
        if (e->distance >= BC_P2P_UNREACHABLE)
            unreachable(e, lost);
    }
}

static bool insert(bc_router_t *r, const bc_h256_t *id, bc_bytes_t raw, const bc_h256_t *next,
                   int32_t distance)
{
    if (distance >= BC_P2P_UNREACHABLE || r->routes.cnt >= BC_ROUTER_MAX)
        return false;
    bc_route_t *e = bc_xcalloc(1, sizeof *e + raw.n + 1);
    e->id = *id;
    e->next = *next;
    e->distance = distance;
    e->raw_n = raw.n;
    memcpy(e->raw, raw.p, raw.n);
    if (bc_map_insert(&r->routes, e) == BC_OK)
        return true;
    free(e);
    return false;
}

/* next zero: the neighbour itself. */
static bool update(bc_router_t *r, const bc_h256_t *next, bc_bytes_t raw, int32_t distance,
                   bc_wr_t *lost)
{
    bc_h256_t id;
    if (raw.n <= BC_P2P_SHORT_ID_MAX || raw.n > BC_P2P_RAW_ID_MAX)
        return false; /* not an id that anybody could have */
    bc_p2p_short_id(raw, &id);
    if (bc_h256_eq(&id, &r->self))
        return false;
    bc_route_t *e = bc_map_find(&r->routes, BC_VIEW(id));
    if (!e)
        return insert(r, &id, raw, next, distance);
    if (distance < e->distance) {
        e->next = *next;
    } else if (bc_h256_is_zero(next) || !bc_h256_eq(&e->next, next) || e->distance == distance) {
        return false;
    }
    e->distance = distance;
    if (distance >= BC_P2P_UNREACHABLE)
        unreachable(e, lost);
    follow(r, &id, distance, lost);
    return true;
}

bool bc_router_neighbour(bc_router_t *r, bc_bytes_t raw, bc_wr_t *lost)
{
    return update(r, &(bc_h256_t){ 0 }, raw, 1, lost);
}

bool bc_router_update(bc_router_t *r, const bc_h256_t *from, bc_bytes_t dst_raw, int32_t distance,
                      bc_wr_t *lost)
{
    /* nobody but the node itself is at distance 0 */
    distance = BC_MIN(BC_MAX(distance, 1), BC_P2P_UNREACHABLE - 1) + 1;
    return update(r, from, dst_raw, distance, lost);
}

bool bc_router_lose(bc_router_t *r, const bc_h256_t *neighbour, bc_wr_t *lost)
{
    bc_route_t *e = bc_map_find(&r->routes, BC_VIEW(*neighbour));
    if (!e || e->distance >= BC_P2P_UNREACHABLE)
        return false;
    unreachable(e, lost);
    follow(r, neighbour, BC_P2P_UNREACHABLE, lost);
    return true;
}

bc_err_t bc_router_join(bc_router_t *r, const bc_h256_t *from, bc_bytes_t table, bc_arena_t *arena,
                        bool *changed, bc_wr_t *lost)
{
    bc_p2p_routes_t t;
    *changed = false;
    bc_err_t err = bc_tars_decode(&bc_p2p_routes_tars, table, &t, arena);
    if (err)
        return err;
    const bc_p2p_route_t *e = t.routes.v;
    for (size_t i = 0; i < t.routes.n; i++) {
        if (bc_router_update(r, from, e[i].dst, e[i].distance, lost))
            *changed = true;
    }
    return lost->err;
}

void bc_router_encode(const bc_router_t *r, bc_arena_t *arena, bc_wr_t *out)
{
    bc_p2p_route_t *v = bc_arena_alloc(arena, (r->routes.cnt + 1) * sizeof *v);
    if (!v) {
        out->err = BC_E_NOMEM;
        return;
    }
    size_t n = 0;
    const bc_route_t *e;
    for (size_t i = 0; (e = bc_map_next(&r->routes, &i)); n++) {
        const bc_route_t *hop = bc_h256_is_zero(&e->next) ? NULL : bc_router_find(r, &e->next);
        v[n] = (bc_p2p_route_t){ .dst = bc_bytes(e->raw, e->raw_n), .distance = e->distance,
                                 .ids = { BC_VIEW(e->id), bc_bytes(e->raw, e->raw_n) } };
        if (hop)
            v[n].next_hop = bc_bytes(hop->raw, hop->raw_n);
    }
    bc_p2p_routes_t t = { .routes = { v, n } };
    bc_tars_encode(&bc_p2p_routes_tars, &t, out);
}
