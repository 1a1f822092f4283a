/* The RPC service of a node: SDK port (JSON-RPC over HTTP and WebSocket, event pushes, AMOP) and
 * Web3 port (Ethereum JSON-RPC). spec/20 §1-§3, docs/web3-differences.md.
 *
 * Everything here lives on one loop (config.loop). Requests are parsed there; what reads the
 * chain runs as a job on the node's workers and writes its JSON there; the answer leaves on the
 * loop. This header is free of sockets: service.h binds it to listeners, tests drive it by hand.
 *
 * What is bounded: requests in flight (refused with an error), filters, subscriptions and topics
 * per session, bodies (by the transport), result sizes of log queries. */
#ifndef BC_ACCESS_RPC_RPC_H
#define BC_ACCESS_RPC_RPC_H

#include "iface/chain_config.h"
#include "iface/gateway.h"
#include "iface/node.h"

typedef struct {
    /* [rpc] */
    uint32_t filter_timeout; /* s */
    uint32_t filter_max_process_block;
    bool return_input_params;
    /* [web3_rpc] */
    uint32_t web3_filter_timeout; /* s */
    uint32_t web3_filter_max_process_block;
    uint32_t batch_request_size_limit;
    bool sync_transaction;
    /* who we are */
    bc_chain_config_t *chain; /* borrowed for the life of the service */
    bc_nodeid_t node_id;
    char node_name[160];                         /* "" is the node id */
    char rpc_service[128], gateway_service[128]; /* Pro and Max; "" in Air */
    char version[32], build_time[32], commit[64], platform[32];
    /* where and how much */
    bc_loop_t *loop;
    uint32_t in_flight_max; /* requests being worked on; 0: 20000 */
    uint32_t filters_max;   /* 0: 4096 */
} bc_rpc_config_t;

typedef struct bc_rpc bc_rpc_t;

/* Called once per request on the loop, perhaps inside the call that made it. answer lives during
 * the call and begins with the prefix that the caller gave. */
typedef void (*bc_rpc_reply_fn)(void *ctx, bc_bytes_t answer);

/* The configuration is copied; gw.ops may be NULL (no peers are told
 * then, AMOP stays among the sessions here). */
bc_rpc_t *bc_rpc_new(const bc_rpc_config_t *config, bc_node_if node,
                     bc_gateway_if gw) BC_WARN_UNUSED;
/* The gateway is left: it may end from now on. Loop's thread, or when the loop has ended. */
void bc_rpc_detach(bc_rpc_t *rpc);
/* Sessions must be closed before and no request may be in flight. */
void bc_rpc_free(bc_rpc_t *rpc);
size_t bc_rpc_in_flight(const bc_rpc_t *rpc);

/* One JSON-RPC request body of the SDK port. */
void bc_rpc_sdk_handle(bc_rpc_t *rpc, bc_bytes_t body, bc_bytes_t prefix, bc_rpc_reply_fn reply,
                       void *ctx);
/* One body of the Web3 port, single or batch. Without a session (HTTP) there is no eth_subscribe.
 */
typedef struct bc_rpc_session bc_rpc_session_t;
void bc_rpc_web3_handle(bc_rpc_t *rpc, bc_bytes_t body, bc_rpc_session_t *session,
                        bc_rpc_reply_fn reply, void *ctx);

/* A block was committed: answers subscriptions, wakes event tasks, tells every SDK session.
 * On the loop; takes no reference over. */
void bc_rpc_on_committed(bc_rpc_t *rpc, bc_committed_t *block);
/* Once a second or so: expires filters and AMOP requests. mono_ms never goes back. */
void bc_rpc_tick(bc_rpc_t *rpc, int64_t mono_ms);

/* A WebSocket connection. send gets whole messages (binary), must not call back into the session.
 */
typedef void (*bc_rpc_send_fn)(void *ctx, bc_bytes_t message);
bc_rpc_session_t *bc_rpc_session_open(bc_rpc_t *rpc, bool web3, bc_rpc_send_fn send, void *ctx);
/* One message as received. false: the session breaks the protocol, close the connection. */
bool bc_rpc_session_message(bc_rpc_session_t *s, bc_bytes_t message) BC_WARN_UNUSED;
/* Requests in flight finish without an answer; send is not called any more. */
void bc_rpc_session_close(bc_rpc_session_t *s);

#endif
