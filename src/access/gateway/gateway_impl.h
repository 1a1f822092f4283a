/* What the files of the gateway share. */
#ifndef BC_ACCESS_GATEWAY_IMPL_H
#define BC_ACCESS_GATEWAY_IMPL_H

#include <pthread.h>
#include "access/gateway/amop_msg.h"
#include "access/gateway/flow.h"
#include "access/gateway/gateway.h"
#include "access/gateway/nodes.h"
#include "access/gateway/router.h"
#include "base/log.h"
#include "protocol/status.h"

enum {
    PROTOCOL_MAX = 3, /* highest frame version */
    DIAL_MS_MIN = 200,
    DIAL_MS_MAX = 10000,
    DIAL_TELL_EVERY = 30, /* failures of one kind between lines: 5 minutes */
    CONNECT_MS_MAX = 50000,
    ANSWER_TICKS = 10,     /* time-out of a unicast message */
    LIVENESS_TICKS = 60,
    LOCAL_MAX = 64,        /* own nodes */
    CANDIDATES_MAX = 8,    /* gateways tried for one message */
    FANOUT_MAX = 4096,
    PENDING_MAX = 16384,   /* unanswered messages kept for a retry */
    PENDING_BYTES_MAX = 64 << 20,
    CALLS_MAX = 65536,     /* calls on their way to the loop */
    CALLS_BYTES_MAX = 128 << 20,
    LIST_MAX = 4096,
    SESSIONS_MAX_DEFAULT = 1024,
};

/* error codes in answers (official CommonError) */
#define CODE_OK            "0"
#define CODE_NO_SUCH_NODE  "1002"
#define CODE_TOO_OFTEN     "1005"

typedef struct session session_t;
typedef struct dial dial_t;
typedef struct pending pending_t;
typedef struct amop_peer amop_peer_t;
typedef struct amop_pending amop_pending_t;

struct session {
    bc_gateway_t *g;
    bc_conn_t *c;
    session_t *next, **prev;
    bc_h256_t id;
    char *raw; /* NUL-terminated hex */
    uint16_t version; /* of what we send; 0 until negotiated */
    bool negotiated, closing;
    uint32_t router_seq; /* highest announced by the peer */
    bool router_seen;
    const char *fault; /* what was wrong with the latest frame; NULL: its form */
    bc_wr_t rx; /* beginning of a frame */
};

/* A static peer. */
struct dial {
    bc_gateway_t *g;
    dial_t *next;
    char host[256];
    uint16_t port;
    bc_conn_t *c; /* being set up */
    int64_t next_try;
    uint32_t wait_ms;
    bool id_known, self, dropped;
    bool refused; /* this attempt, by ourselves */
    unsigned failures; /* since it was connected */
    bc_err_t last_why;
    bc_h256_t id; /* whom we found there */
};

/* A unicast message until its answer. */
struct pending {
    pending_t *next, **prev; /* by deadline */
    uint32_t seq;
    uint64_t deadline; /* tick */
    char group[BC_P2P_GROUP_MAX + 1];
    bc_nodeid_t from, to;
    uint16_t module;
    bc_buf_t *msg;
    bc_h256_t candidates[CANDIDATES_MAX];
    size_t cnt, at;
};

typedef struct {
    char group[BC_P2P_GROUP_MAX + 1];
    bc_nodeid_t id;
    int32_t type;
} local_node_t;

typedef struct {
    bc_buf_t **v; /* keys: modulus or point */
    size_t n;
} key_list_t;

typedef struct {
    pthread_mutex_t lock; /* of client: held while it is called */
    bc_amop_client_t client;
    bc_topics_t topics; /* of our own clients */
    uint32_t seq;
    bc_map_t peers; /* of amop_peer_t, by id */
    size_t topic_bytes; /* of all peers */
    bc_map_t pending; /* requests, by frame number */
    amop_pending_t *first, **last;
    size_t pending_bytes;
} amop_t;

struct bc_gateway {
    bc_uv_loop_t *loop;
    bc_tls_t *tls;
    bc_listener_t *listener;
    bc_timer_t *tick, *redial;
    bc_conn_limits_t limits;
    bc_gateway_client_t client;
    bool rip, compress, readonly;
    size_t msg_max, sessions_max;
    uint32_t tick_ms;
    char group[BC_P2P_GROUP_MAX + 1];
    char listen[64];
    char *raw, *uuid;
    bc_h256_t id;
    key_list_t black, white;

    session_t *sessions;
    bc_map_t by_id; /* sessions */
    size_t ousted; /* connections that lost their place and are being closed */
    dial_t *dials;
    bc_router_t router;
    bc_group_nodes_t nodes;
    local_node_t local[LOCAL_MAX];
    size_t local_cnt;
    uint32_t status_seq, router_seq, next_seq;
    uint64_t ticks;
    uint64_t rng;

    bc_map_t pending; /* by seq */
    pending_t *first, **last;
    size_t pending_bytes;

    amop_t amop;
    bc_flow_t *flow; /* NULL: no rate limits */
    bc_flow_redis_t *redis; /* NULL: they are not shared */
    uint32_t flow_report_ticks;
    uint64_t reported_out, reported_in;

    bc_wr_t told; /* node ids of the latest on_nodes */
    int32_t told_protocol;
    bool told_any;
    bc_arena_t arena; /* of one frame */
    bc_gateway_stats_t stats;
    _Atomic size_t calls, calls_bytes;
    _Atomic uint64_t calls_refused;
    bool stopping;

    pthread_mutex_t lock; /* of what other threads read */
    bc_gateway_peer_t *snap;
    size_t snap_cnt;
    bc_gateway_stats_t published;
};

/* gateway_session.c */
session_t *gw_session(const bc_gateway_t *g, const bc_h256_t *id);
void gw_on_accept(bc_conn_t *c, void *ctx);
void gw_session_close(session_t *s, bool flush);
void gw_dial_set(bc_gateway_t *g, const bc_text_list_t *peers);
void gw_redial(void *ctx);
/* Why the certificate lists forbid a public key; NULL: they do not. */
const char *gw_key_refused(const bc_gateway_t *g, bc_bytes_t key);
void gw_lists_check(bc_gateway_t *g);
void gw_dials_free(bc_gateway_t *g);

/* gateway_frame.c: sending */
uint32_t gw_seq(bc_gateway_t *g);
/* The neighbour through which id is reached, or NULL. */
session_t *gw_hop(const bc_gateway_t *g, const bc_h256_t *id);
/* f->type, seq, ext, payload, options are given; the routing header is made here. A module other
 * than 0 is subject to the bandwidth limits. BC_E_NOT_FOUND no way, BC_E_FULL the queue is full,
 * BC_E_BUSY the bandwidth is used up, BC_E_CLOSED, BC_E_NOMEM. */
bc_err_t gw_send(bc_gateway_t *g, const bc_h256_t *to, const bc_p2p_frame_t *f);
bc_err_t gw_send_on(session_t *s, const bc_h256_t *to, const bc_p2p_frame_t *f);
bool gw_send_plain(bc_gateway_t *g, const bc_h256_t *to, uint16_t type, bc_bytes_t payload);
void gw_neighbours(bc_gateway_t *g, uint16_t type, bc_bytes_t payload);
void gw_reachable(bc_gateway_t *g, uint16_t type, bc_bytes_t payload);
/* receiving; false: the connection must be dropped */
bool gw_frame_in(session_t *s, bc_bytes_t frame);

/* gateway_msg.c: messages of nodes */
void gw_unicast(bc_gateway_t *g, const char *group, const bc_nodeid_t *from, const bc_nodeid_t *to,
                uint16_t module, bc_buf_t *msg);
void gw_broadcast(bc_gateway_t *g, const char *group, const bc_nodeid_t *from, unsigned mask,
                  uint16_t module, bc_buf_t *msg);
void gw_unicast_in(session_t *s, const bc_h256_t *from, const bc_p2p_frame_t *f);
void gw_broadcast_in(session_t *s, const bc_h256_t *from, const bc_p2p_frame_t *f);
void gw_answer_in(bc_gateway_t *g, const bc_h256_t *from, const bc_p2p_frame_t *f);
void gw_pending_expire(bc_gateway_t *g);
void gw_pending_free(bc_gateway_t *g);
bc_bytes_t gw_pending_key(const void *item);
void gw_status_encode(bc_gateway_t *g, bc_wr_t *out);

/* gateway_amop.c */
void gw_amop_init(bc_gateway_t *g);
void gw_amop_free(bc_gateway_t *g);
void gw_amop_client(bc_gateway_t *g, const bc_amop_client_t *client); /* any thread */
void gw_amop_topics(bc_gateway_t *g, const char *const *topics, size_t n);
void gw_amop_send(bc_gateway_t *g, uint64_t id, bc_buf_t *request);
void gw_amop_broadcast(bc_gateway_t *g, bc_buf_t *request);
void gw_amop_reply(bc_gateway_t *g, const bc_amop_from_t *to, uint16_t status, bc_bytes_t answer);
void gw_amop_in(bc_gateway_t *g, const bc_h256_t *from, const bc_p2p_frame_t *f);
bool gw_amop_knows(const bc_gateway_t *g, const bc_h256_t *gateway, bc_bytes_t topic);
void gw_amop_hello(bc_gateway_t *g, const bc_h256_t *id); /* a session is ready */
void gw_amop_lost(bc_gateway_t *g, const bc_h256_t *id);
void gw_amop_tick(bc_gateway_t *g);

/* gateway.c */
void gw_router_changed(bc_gateway_t *g, bc_wr_t *lost); /* frees lost */
void gw_nodes_changed(bc_gateway_t *g);
void gw_snapshot(bc_gateway_t *g);
uint64_t gw_random(bc_gateway_t *g);

#endif
