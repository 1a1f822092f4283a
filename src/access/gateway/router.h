/* Router table: which gateways are reachable and through which neighbour (spec/20 §4.5). Pure: no
 * socket, no clock. Ids are short p2p ids; the raw ones are kept for peers that want them. */
#ifndef BC_ACCESS_ROUTER_H
#define BC_ACCESS_ROUTER_H

#include "access/gateway/p2p_msg.h"
#include "base/map.h"

#define BC_ROUTER_MAX 4096 /* destinations */

typedef struct {
    bc_h256_t id;
    bc_h256_t next; /* zero: a neighbour, or unreachable */
    int32_t distance;
    size_t raw_n;
    char raw[]; /* raw id text */
} bc_route_t;

typedef struct {
    bc_h256_t self;
    bc_map_t routes; /* by id */
} bc_router_t;

void bc_router_init(bc_router_t *r, const bc_h256_t *self);
void bc_router_free(bc_router_t *r);
/* Ids that became unreachable are appended to lost, 32 bytes each. True: the table has changed. */
bool bc_router_neighbour(bc_router_t *r, bc_bytes_t raw, bc_wr_t *lost);
bool bc_router_update(bc_router_t *r, const bc_h256_t *from, bc_bytes_t dst_raw, int32_t distance,
                      bc_wr_t *lost);
bool bc_router_lose(bc_router_t *r, const bc_h256_t *neighbour, bc_wr_t *lost);
/* A neighbour's table. Errors as bc_tars_decode. */
bc_err_t bc_router_join(bc_router_t *r, const bc_h256_t *from, bc_bytes_t table, bc_arena_t *arena,
                        bool *changed, bc_wr_t *lost) BC_WARN_UNUSED;
void bc_router_encode(const bc_router_t *r, bc_arena_t *arena, bc_wr_t *out);
/* NULL: unknown. */
const bc_route_t *bc_router_find(const bc_router_t *r, const bc_h256_t *id);

#endif
