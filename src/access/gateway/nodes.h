/* Which nodes of which groups are behind which gateway (spec/20 §4.6). Pure. */
#ifndef BC_ACCESS_NODES_H
#define BC_ACCESS_NODES_H

#include "access/gateway/p2p_msg.h"
#include "base/map.h"

/* Front protocol version of this program (spec/20 §5). */
#define BC_FRONT_PROTOCOL 2

#define BC_NODES_GATEWAYS_MAX  4096
#define BC_NODES_GROUPS_MAX    64   /* of one gateway */
#define BC_NODES_PER_GROUP_MAX 1024 /* of one gateway */

typedef struct {
    bc_nodeid_t id;
    int32_t type; /* BC_NODE_*; 0 unknown */
    int32_t protocol; /* front protocol version, 0..BC_FRONT_PROTOCOL */
} bc_group_node_t;

typedef struct {
    char name[BC_P2P_GROUP_MAX + 1];
    int32_t type; /* as in bc_p2p_group_t */
    size_t cnt;
    bc_group_node_t *v;
} bc_node_group_t;

typedef struct {
    bc_h256_t p2p;
    uint32_t seq;
    char *uuid;
    size_t cnt;
    bc_node_group_t *v;
} bc_gateway_nodes_t;

typedef struct {
    bc_map_t gateways; /* of bc_gateway_nodes_t, by p2p */
} bc_group_nodes_t;

void bc_group_nodes_init(bc_group_nodes_t *n);
void bc_group_nodes_free(bc_group_nodes_t *n);
/* True: seq is news of that gateway. */
bool bc_group_nodes_newer(const bc_group_nodes_t *n, const bc_h256_t *p2p, uint32_t seq);
/* Tars GatewayNodeStatus. BC_E_STALE: not newer. BC_E_FULL; errors of bc_tars_decode. */
bc_err_t bc_group_nodes_update(bc_group_nodes_t *n, const bc_h256_t *p2p, bc_bytes_t status,
                         bc_arena_t *arena) BC_WARN_UNUSED;
bool bc_group_nodes_remove(bc_group_nodes_t *n, const bc_h256_t *p2p);
const bc_gateway_nodes_t *bc_group_nodes_find(const bc_group_nodes_t *n, const bc_h256_t *p2p);
const bc_node_group_t *bc_group_nodes_group(const bc_gateway_nodes_t *g, bc_bytes_t name);
/* Gateways that have the node; at most max. */
size_t bc_group_nodes_who(const bc_group_nodes_t *n, bc_bytes_t group, const bc_nodeid_t *node,
                          bc_h256_t *out, size_t max);
/* One gateway per uuid other than own, as the mask of node types asks (spec/20 §4.4). */
size_t bc_group_nodes_broadcast(const bc_group_nodes_t *n, bc_bytes_t group, unsigned mask,
                                bc_bytes_t own_uuid, bc_h256_t *out, size_t max);
/* Ids of the group's nodes behind all gateways, sorted, each once; appended to out. */
void bc_group_nodes_ids(const bc_group_nodes_t *n, bc_bytes_t group, bc_wr_t *out);
/* The lowest front protocol version among them; BC_FRONT_PROTOCOL without nodes. */
int32_t bc_group_nodes_protocol(const bc_group_nodes_t *n, bc_bytes_t group);

#endif
