#include "access/gateway/nodes.h"
#include "codec/hex.h"
#include "protocol/status.h"
#include <stdlib.h>

static bc_bytes_t gateway_key(const void *item)
{
    return BC_VIEW(((const bc_gateway_nodes_t *)item)->p2p);
}

static void gateway_free(bc_gateway_nodes_t *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->cnt; i++)
        free(g->v[i].v);
    free(g->v);
    free(g->uuid);
    free(g);
}

void bc_group_nodes_init(bc_group_nodes_t *n)
{
    bc_map_init(&n->gateways, gateway_key);
}

void bc_group_nodes_free(bc_group_nodes_t *n)
{
    void *g;
    for (size_t i = 0; (g = bc_map_next(&n->gateways, &i));)
        gateway_free(g);
    bc_map_free(&n->gateways);
}

const bc_gateway_nodes_t *bc_group_nodes_find(const bc_group_nodes_t *n, const bc_h256_t *p2p)
{
    return bc_map_find(&n->gateways, BC_VIEW(*p2p));
}

bool bc_group_nodes_newer(const bc_group_nodes_t *n, const bc_h256_t *p2p, uint32_t seq)
{
    const bc_gateway_nodes_t *g = bc_group_nodes_find(n, p2p);
    return !g || seq > g->seq;
}

/* The version that a node and this program have in common; 0 when it names none. */
static int32_t protocol_of(const bc_p2p_group_t *in, size_t i)
{
    const bc_p2p_protocol_t *p = in->protocols.v;
    if (i >= in->protocols.n || p[i].min > BC_FRONT_PROTOCOL || p[i].max < 0)
        return 0;
    return BC_MIN(p[i].max, BC_FRONT_PROTOCOL);
}

static bc_err_t group_read(const bc_p2p_group_t *in, bc_node_group_t *out)
{
    if (in->group.n > BC_P2P_GROUP_MAX || in->nodes.n > BC_NODES_PER_GROUP_MAX)
        return BC_E_TOO_BIG;
    if (in->group.n)
        memcpy(out->name, in->group.p, in->group.n);
    out->type = in->type;
    out->v = bc_xcalloc(in->nodes.n + 1, sizeof out->v[0]);
    const bc_bytes_t *ids = in->nodes.v;
    const int32_t *types = in->types.v;
    for (size_t i = 0; i < in->nodes.n; i++) {
        bc_group_node_t *node = &out->v[out->cnt];
        if (bc_hex_fixed(ids[i], node->id.b, sizeof node->id.b))
            continue; /* not a node of this kind of chain */
        node->type = i < in->types.n ? types[i] : 0;
        node->protocol = protocol_of(in, i);
        out->cnt++;
    }
    return BC_OK;
}

static bc_err_t gateway_read(const bc_p2p_status_t *s, bc_gateway_nodes_t *g)
{
    if (s->groups.n > BC_NODES_GROUPS_MAX || s->uuid.n > BC_P2P_RAW_ID_MAX)
        return BC_E_TOO_BIG;
    g->uuid = bc_xcalloc(1, s->uuid.n + 1);
    if (s->uuid.n)
        memcpy(g->uuid, s->uuid.p, s->uuid.n);
    g->v = bc_xcalloc(s->groups.n + 1, sizeof g->v[0]);
    const bc_p2p_group_t *in = s->groups.v;
    for (; g->cnt < s->groups.n; g->cnt++) {
        bc_err_t err = group_read(&in[g->cnt], &g->v[g->cnt]);
        if (err)
            return err;
    }
    return BC_OK;
}

bc_err_t bc_group_nodes_update(bc_group_nodes_t *n, const bc_h256_t *p2p, bc_bytes_t status,
                               bc_arena_t *arena)
{
    bc_p2p_status_t s;
    bc_err_t err = bc_tars_decode(&bc_p2p_status_tars, status, &s, arena);
    if (err)
        return err;
    if (!bc_group_nodes_newer(n, p2p, (uint32_t)s.seq))
        return BC_E_STALE;
    bool known = bc_group_nodes_find(n, p2p) != NULL;
    if (!known && n->gateways.cnt >= BC_NODES_GATEWAYS_MAX)
        return BC_E_FULL;
    bc_gateway_nodes_t *g = bc_xcalloc(1, sizeof *g);
    g->p2p = *p2p;
    g->seq = (uint32_t)s.seq;
    err = gateway_read(&s, g);
    if (!err) {
        gateway_free(bc_map_remove(&n->gateways, BC_VIEW(*p2p)));
        err = bc_map_insert(&n->gateways, g);
    }
    if (err)
        gateway_free(g);
    return err;
}

bool bc_group_nodes_remove(bc_group_nodes_t *n, const bc_h256_t *p2p)
{
    bc_gateway_nodes_t *g = bc_map_remove(&n->gateways, BC_VIEW(*p2p));
    gateway_free(g);
    return g != NULL;
}

const bc_node_group_t *bc_group_nodes_group(const bc_gateway_nodes_t *g, bc_bytes_t name)
{
    for (size_t i = 0; g && i < g->cnt; i++) {
        if (bc_bytes_eq(bc_cstr(g->v[i].name), name))
            return &g->v[i];
    }
    return NULL;
}

size_t bc_group_nodes_who(const bc_group_nodes_t *n, bc_bytes_t group, const bc_nodeid_t *node,
                          bc_h256_t *out, size_t max)
{
    size_t cnt = 0;
    const bc_gateway_nodes_t *g;
    for (size_t i = 0; cnt < max && (g = bc_map_next(&n->gateways, &i));) {
        const bc_node_group_t *ng = bc_group_nodes_group(g, group);
        for (size_t k = 0; ng && k < ng->cnt; k++) {
            if (memcmp(ng->v[k].id.b, node->b, sizeof node->b) == 0) {
                out[cnt++] = g->p2p;
                break;
            }
        }
    }
    return cnt;
}

/* What a gateway's group type is worth to a broadcast: less is better, 0 nothing. */
static int rank(int32_t type, unsigned mask)
{
    if (type == 0 && mask & BC_NODE_CONSENSUS)
        return 1;
    if (type == 1 && mask & BC_NODE_OBSERVER)
        return 2;
    if (type == 2 && mask & BC_NODE_FREE)
        return 3;
    return 0;
}

size_t bc_group_nodes_broadcast(const bc_group_nodes_t *n, bc_bytes_t group, unsigned mask,
                                bc_bytes_t own_uuid, bc_h256_t *out, size_t max)
{
    size_t cnt = 0;
    const bc_gateway_nodes_t *g, *other;
    for (size_t i = 0; cnt < max && (g = bc_map_next(&n->gateways, &i));) {
        const bc_node_group_t *ng = bc_group_nodes_group(g, group);
        int r = ng ? rank(ng->type, mask) : 0;
        bc_bytes_t uuid = bc_cstr(g->uuid);
        if (!r || bc_bytes_eq(uuid, own_uuid))
            continue;
        /* several gateways under one uuid stand for the same organisation: the best one serves,
         * and among equals the one with the smaller id */
        bool best = true;
        for (size_t k = 0; best && (other = bc_map_next(&n->gateways, &k));) {
            const bc_node_group_t *og = other != g && bc_bytes_eq(bc_cstr(other->uuid), uuid)
                                            ? bc_group_nodes_group(other, group)
                                            : NULL;
            int o = og ? rank(og->type, mask) : 0;
            if (o && (o < r || (o == r && memcmp(other->p2p.b, g->p2p.b, 32) < 0)))
                best = false;
        }
        if (best)
            out[cnt++] = g->p2p;
    }
    return cnt;
}

static int id_cmp(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(bc_nodeid_t));
}

void bc_group_nodes_ids(const bc_group_nodes_t *n, bc_bytes_t group, bc_wr_t *out)
{
    size_t start = out->n;
    const bc_gateway_nodes_t *g;
    for (size_t i = 0; (g = bc_map_next(&n->gateways, &i));) {
        const bc_node_group_t *ng = bc_group_nodes_group(g, group);
        for (size_t k = 0; ng && k < ng->cnt; k++)
            bc_wr_put(out, BC_VIEW(ng->v[k].id));
    }
    if (out->err || out->n == start)
        return;
    bc_nodeid_t *v = (bc_nodeid_t *)(void *)(out->p + start);
    size_t cnt = (out->n - start) / sizeof *v, kept = 0;
    if (cnt)
        qsort(v, cnt, sizeof *v, id_cmp);
    for (size_t i = 0; i < cnt; i++) {
        if (kept == 0 || memcmp(&v[kept - 1], &v[i], sizeof *v) != 0)
            v[kept++] = v[i];
    }
    out->n = start + kept * sizeof *v;
}

int32_t bc_group_nodes_protocol(const bc_group_nodes_t *n, bc_bytes_t group)
{
    int32_t lowest = BC_FRONT_PROTOCOL;
    const bc_gateway_nodes_t *g;
    for (size_t i = 0; (g = bc_map_next(&n->gateways, &i));) {
        const bc_node_group_t *ng = bc_group_nodes_group(g, group);
        for (size_t k = 0; ng && k < ng->cnt; k++)
            lowest = BC_MIN(lowest, ng->v[k].protocol);
    }
    return lowest;
}
