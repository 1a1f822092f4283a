/* Node status of a stranger: bounded, and what the queries say agrees with it. */
#include "access/gateway/nodes.h"
#include "protocol/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bc_group_nodes_t n;
    bc_group_nodes_init(&n);
    bc_arena_t a;
    bc_arena_init(&a, 1 << 24);
    bc_h256_t p = { { 1 } }, q = { { 2 } }, out[4];
    bc_err_t err = bc_group_nodes_update(&n, &p, bc_bytes(data, size), &a);
    BC_MUST(bc_group_nodes_update(&n, &p, bc_bytes(data, size), &a) != BC_OK);
    if (!err) {
        const bc_gateway_nodes_t *g = bc_group_nodes_find(&n, &p);
        BC_MUST(g && g->cnt <= BC_NODES_GROUPS_MAX && !bc_group_nodes_newer(&n, &p, g->seq));
        BC_MUST(bc_group_nodes_update(&n, &q, bc_bytes(data, size), &a) == BC_OK);
        for (size_t i = 0; i < g->cnt; i++) {
            bc_bytes_t name = bc_cstr(g->v[i].name);
            bc_wr_t ids = { 0 };
            bc_group_nodes_ids(&n, name, &ids);
            for (size_t k = 64; k + 64 <= ids.n; k += 64)
                BC_MUST(memcmp(ids.p + k - 64, ids.p + k, 64) < 0);
            bc_wr_free(&ids);
            const bc_node_group_t *ng = bc_group_nodes_group(g, name); /* the first of that name */
            BC_MUST(!ng->cnt || bc_group_nodes_who(&n, name, &ng->v[0].id, out, 4) == 2);
            /* both are one organisation */
            BC_MUST(bc_group_nodes_broadcast(&n, name, BC_NODE_CONSENSUS, BC_STR(""), out, 4) <= 1);
        }
    }
    bc_group_nodes_remove(&n, &p);
    bc_group_nodes_remove(&n, &q);
    BC_MUST(n.gateways.cnt == 0);
    bc_arena_free(&a);
    bc_group_nodes_free(&n);
    return 0;
}
