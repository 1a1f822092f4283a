/* External gateway: sessions with other organisations' gateways (spec/20 §4, iface/gateway.h).
 *
 * Lives on one loop. Contract functions may be called from any thread; the others say. Everything
 * that arrives is bounded: frames by allow_max_msg_size, also after decompression; sessions, write
 * queues, calls on their way to the loop, unanswered messages, tables. */
#ifndef BC_ACCESS_GATEWAY_H
#define BC_ACCESS_GATEWAY_H

#include "access/gateway/flow.h"
#include "access/gateway/flow_redis.h"
#include "access/net/net.h"
#include "iface/gateway.h"

#define BC_GATEWAY_MSG_MAX_DEFAULT 33554432

typedef struct {
    const char *const *v;
    size_t n;
} bc_text_list_t;

/* Borrowed until bc_gateway_new returns. */
typedef struct {
    /* [p2p] */
    const char *listen_ip;
    uint16_t listen_port; /* 0: any free one */
    bc_text_list_t peers; /* nodes.json: "ip:port", "[v6]:port", "host:port"; bad ones are skipped */
    const char *uuid;     /* "" or NULL: the raw p2p id */
    bool enable_rip_protocol, enable_compression, readonly;
    size_t allow_max_msg_size; /* 0: 32 MiB */
    /* [cert] and enable_ssl_verify (tls.verify); accept_key is the gateway's own */
    bc_tls_config_t tls;
    /* [certificate_blacklist], [certificate_whitelist]: RSA modulus (512 hex) or SM key (128 hex) */
    bc_text_list_t blacklist, whitelist;
    /* bounds; 0: default */
    size_t sessions_max; /* 1024 */
    size_t queue_max;    /* bytes waiting per session; 2 * allow_max_msg_size */
    uint32_t tick_ms;    /* 1000: the unit of all periods (status 1, router 3, heartbeat 5,
                          * liveness 60); tests shorten it */
    /* the node behind it */
    const char *group;
    bc_gateway_client_t client;
    /* [flow_control]; NULL: off */
    const bc_flow_config_t *flow; /* its remote is made here, of: */
    /* [redis]; NULL: limits are not shared. Not without flow. */
    const bc_flow_redis_config_t *redis;
} bc_gateway_config_t;

typedef struct {
    size_t sessions, gateways, nodes; /* now: direct sessions, gateways and group nodes known */
    size_t unanswered, calls;         /* messages awaiting their answer; calls on the way */
    uint64_t frames_in, frames_out, bytes_in, bytes_out;
    uint64_t delivered, forwarded, broadcasts;
    uint64_t answers_late;        /* answers to nothing */
    uint64_t retries, timeouts;   /* of unicast messages */
    uint64_t unreachable;         /* messages given up: no gateway took them */
    uint64_t dropped_full;        /* queue or call limit */
    uint64_t protocol_errors;     /* connections dropped for malformed frames */
    uint64_t ignored;             /* unknown packet types, what nobody may say */
    uint64_t limited_out, limited_in; /* refused by the rate limits */
    uint64_t refused_duplicate, refused_full, dials, dials_failed;
    bc_flow_redis_stats_t redis; /* of shared rate limits */
} bc_gateway_stats_t;

typedef struct bc_gateway bc_gateway_t;

/* Listens when it returns; peers are dialled once the loop runs. Loop's thread. BC_E_IO,
 * BC_E_KEY, BC_E_FORMAT: certificates or listening, logged. */
bc_err_t bc_gateway_new(bc_uv_loop_t *l, const bc_gateway_config_t *config,
                        bc_gateway_t **out) BC_WARN_UNUSED;
/* Loop's thread, after bc_uv_loop_join; nobody may call the contract any more. */
void bc_gateway_free(bc_gateway_t *g);
bc_gateway_if bc_gateway_contract(bc_gateway_t *g);

uint16_t bc_gateway_port(const bc_gateway_t *g);
/* Raw p2p id, hex text with NUL. */
const char *bc_gateway_p2p_id(const bc_gateway_t *g);

/* Reload (SIGUSR1): any thread; the lists are copied. Sessions that a list forbids are closed. */
void bc_gateway_set_peers(bc_gateway_t *g, bc_text_list_t peers);
void bc_gateway_set_lists(bc_gateway_t *g, bc_text_list_t blacklist, bc_text_list_t whitelist);
/* As of the latest tick. Any thread. */
bc_gateway_stats_t bc_gateway_stats(bc_gateway_t *g);

#endif
