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
    /* Nodes of the group that are reachable, without self: n ids; protocol is the lowest front
     * protocol version (0..2) that one of them speaks. Called on every change. */
    void (*on_nodes)(void *ctx, const bc_nodeid_t *ids, size_t n, int32_t protocol);
    void *ctx;
} bc_gateway_client_t;

/* Where a request of another gateway came from; given back with the answer. */
typedef struct {
    bc_h256_t gateway;
    uint32_t seq;
} bc_amop_from_t;

/* The side that has SDK clients with AMOP topics (spec/20 §3). A request is
 * `version u32 | length u16 | topic | data`. Called on the gateway's loop with a lock held: hand
 * over (post) and return; the contract may be called, but amop_client may not. */
typedef struct {
    /* A request for one subscriber of a topic that we announced, to be answered by amop_reply.
     * False: too much to do, the gateway refuses it. */
    bool (*on_request)(void *ctx, const bc_amop_from_t *from, bc_bytes_t request);
    void (*on_broadcast)(void *ctx, bc_bytes_t request);
    /* What became of amop_send(id), exactly once. Status 0: answer is the subscriber's WsMessage;
     * else a code (3001 no subscriber, 3002, 3003, ...) and its text. */
    void (*on_answer)(void *ctx, uint64_t id, uint16_t status, bc_bytes_t answer);
    void *ctx;
} bc_amop_client_t;

enum { /* status of AMOP answers */
    BC_AMOP_NO_SUBSCRIBER = 3001, /* no gateway has the topic */
    BC_AMOP_NO_CLIENT = 3002,     /* the gateway has no subscriber of it any more */
    BC_AMOP_SEND_FAILED = 3003,
};

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

    /* ---- AMOP; all NULL in a gateway without it ---- */

    /* Who gets requests. NULL: nobody; when it returns no callback runs any more. Any thread. */
    void (*amop_client)(void *self, const bc_amop_client_t *client);
    /* All topics that SDK clients here have, sorted by bytes, each once; copied. */
    void (*amop_topics)(void *self, const char *const *topics, size_t n);
    /* To one subscriber behind another gateway; on_answer tells. Takes a reference over. False:
     * too much on the way, there will be no answer. */
    bool (*amop_send)(void *self, uint64_t id, bc_buf_t *request) BC_WARN_UNUSED;
    /* To every gateway with subscribers. Takes a reference over. */
    void (*amop_broadcast)(void *self, bc_buf_t *request);
    /* Status 0: answer is a WsMessage, else a text. Takes a reference over. */
    void (*amop_reply)(void *self, const bc_amop_from_t *to, uint16_t status, bc_buf_t *answer);
} bc_gateway_ops_t;

typedef struct {
    const bc_gateway_ops_t *ops;
    void *self;
} bc_gateway_if;

#endif
