/* The RPC service on sockets: the SDK port (HTTP and WebSocket, TLS or plain) and the Web3 port
 * (HTTP and WebSocket, always plain). One libuv loop carries both ports and the service's state.
 * Fields are named after the keys of config.ini (spec/20 §1.1, §2.1). */
#ifndef BC_ACCESS_RPC_SERVICE_H
#define BC_ACCESS_RPC_SERVICE_H

#include "access/net/http.h"
#include "access/rpc/rpc.h"

typedef struct {
    bool enable_cors, cors_allow_credentials;
    const char *cors_allowed_origins; /* "*", or origins separated by commas */
    const char *cors_allowed_methods, *cors_allowed_headers;
    uint32_t cors_max_age; /* s */
} bc_rpc_cors_t;

/* CORS as it is without configuration, and always on the SDK port. */
bc_rpc_cors_t bc_rpc_cors_default(void);

typedef struct {
    bc_rpc_config_t rpc; /* loop is set by the service */
    /* [rpc] */
    const char *listen_ip;
    uint16_t listen_port; /* 0: any free one (tests) */
    bc_tls_t *tls;        /* NULL: disable_ssl */
    /* [web3_rpc] */
    bool web3_enable;
    const char *web3_listen_ip;
    uint16_t web3_listen_port;
    uint32_t request_body_size_limit; /* 0: 10240000; WebSocket messages too */
    bc_rpc_cors_t web3_cors;
    size_t conns_max; /* per port; 0: 4096 */
} bc_rpc_service_config_t;

typedef struct bc_rpc_service bc_rpc_service_t;

/* Listens when it returns BC_OK. Loop's thread. Texts are copied. */
bc_err_t bc_rpc_service_new(bc_uv_loop_t *l, const bc_rpc_service_config_t *config, bc_node_if node,
                            bc_gateway_if gw, bc_rpc_service_t **out) BC_WARN_UNUSED;
/* Closes both ports and waits at most two seconds for the node to finish what it was given: the
 * node must still answer (its loop and workers run, or nothing is in flight). What it finishes
 * later still finds its memory, so the loop must be freed after the node. Loop's thread.
 * NULL is fine. */
void bc_rpc_service_free(bc_rpc_service_t *s);

/* A block was committed. Any thread; a reference is taken. */
void bc_rpc_service_committed(bc_rpc_service_t *s, bc_committed_t *block);

uint16_t bc_rpc_service_port(const bc_rpc_service_t *s);
uint16_t bc_rpc_service_web3_port(const bc_rpc_service_t *s); /* 0: off */

typedef struct {
    bc_http_stats_t sdk, web3;
    size_t in_flight;
} bc_rpc_service_stats_t;
bc_rpc_service_stats_t bc_rpc_service_stats(const bc_rpc_service_t *s); /* loop's thread */

#endif
