/* Contract of the external gateway: P2P between organisations (spec/20 §4). The gateway knows
 * groups and node ids; it carries opaque front messages. It runs on its own loop; calls may come
 * from any thread and never block or fail: a message that cannot be delivered is dropped and
 * counted, or answered by the front's time-out. */
#ifndef BC_IFACE_GATEWAY_H
#define BC_IFACE_GATEWAY_H

#include "base/buf.h"
#include "base/op.h"

typedef struct {
    /* Gateway's loop calls these; they must only hand over (post) and return. */
    void (*on_message)(void *ctx, const bc_nodeid_t *from, bc_bytes_t front_message);
    /* Nodes of the group that are reachable, without self: n ids. Called on every change. */
    void (*on_nodes)(void *ctx, const bc_nodeid_t *ids, size_t n);
    void *ctx;
} bc_gateway_client_t;

typedef struct {
    char p2p_id[1100];   /* long hex id (spec/20 §4.2) */
    char endpoint[64];   /* ip:port */
    char uuid[1100];
    bool self;
    size_t node_cnt;
    bc_nodeid_t nodes[16]; /* of our group */
} bc_gateway_peer_t;

typedef struct {
    /* Makes a local node known in its group; type is one of BC_NODE_CONSENSUS/OBSERVER/FREE and a
     * change of type is announced to the network. */
    void (*set_node)(void *self, const char *group, const bc_nodeid_t *id, unsigned type);
    /* Takes a reference of msg over. module: the front module id (options field, spec/20 §4.3). */
    void (*send)(void *self, const char *group, const bc_nodeid_t *from, const bc_nodeid_t *to,
                 uint16_t module, bc_buf_t *msg);
    /* mask: BC_NODE_* types that shall receive it. Takes a reference over. */
    void (*broadcast)(void *self, const char *group, const bc_nodeid_t *from, unsigned mask,
                      uint16_t module, bc_buf_t *msg);
    /* Snapshot of self (first) and the connected peers; returns how many were written. Any thread. */
    size_t (*peers)(void *self, bc_gateway_peer_t *out, size_t max);
} bc_gateway_ops_t;

typedef struct {
    const bc_gateway_ops_t *ops;
    void *self;
} bc_gateway_if;

#endif
