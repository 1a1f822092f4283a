/* Private to this folder: one request from its parse to its answer, and the service's state. */
#ifndef BC_ACCESS_RPC_CALL_H
#define BC_ACCESS_RPC_CALL_H

#include "access/rpc/filter.h"
#include "access/rpc/rpc.h"
#include "access/rpc/ws_message.h"
#include "base/map.h"
#include "codec/hex.h"
#include "codec/json.h"

/* Codes of JSON-RPC errors. */
enum {
    RPC_PARSE = -32700,
    RPC_INVALID = -32600,
    RPC_NO_METHOD = -32601,
    RPC_PARAMS = -32602,
    RPC_INTERNAL = -32603,
    RPC_SERVER = -32000,
    RPC_LIMIT = -32005,
    RPC_LEDGER_BLOCK = 3006,
    RPC_LEDGER_STORAGE = 3008,
};

typedef struct call call_t;

typedef struct {
    const char *name;
    bool group;               /* params[0] names a group that must exist */
    void (*start)(call_t *c); /* on the loop; NULL: straight to the job */
    void (*job)(call_t *c);   /* on a worker; NULL: start has the answer */
    void (*after)(call_t *c); /* on the loop, after the job */
} method_t;

struct call {
    bc_node_read_t read;
    bc_node_submit_t submit;
    bc_rpc_t *rpc;
    const method_t *m;
    bc_rpc_session_t *session; /* Web3 subscriptions; a reference */
    bc_rpc_reply_fn reply;
    void *ctx;
    bool web3;
    bool detached; /* start handed the call to a submit: do not finish it */
    bool failed;
    int32_t code;
    bc_bytes_t message;     /* in the arena */
    bc_bytes_t data;        /* hex of error data, in the arena; NULL p: none */
    bc_bytes_t error_data;  /* ready JSON instead of data */
    bc_bytes_t id, jsonrpc; /* JSON tokens, in the arena */
    cJSON *root;            /* owned */
    cJSON *params;          /* array inside root, or NULL */
    size_t prefix_n, result_at;
    bc_wr_t out;
    bc_arena_t arena;
    /* of the job */
    bc_ledger_if ledger;
    bc_executor_if exec;
    bc_view_if view;
    int64_t until_ms; /* of all that it executes; 0: nothing yet */
    /* of single methods */
    bool proof;
    uint64_t filter_id;
    bc_log_query_t query;
    uint8_t filter_kind;
    int64_t from, to, next;
    bc_tx_t *tx;
};

typedef struct event_task event_task_t;
typedef struct subscription subscription_t;
typedef struct amop amop_t;
typedef struct amop_topic amop_topic_t;

struct bc_rpc_session {
    bc_rpc_session_t *next, *prev;
    bc_rpc_t *rpc;
    unsigned refs;
    bool web3, closed;
    bc_rpc_send_fn send;
    void *ctx;
    uint32_t version;     /* negotiated protocol; 0 before the handshake */
    subscription_t *subs; /* eth_subscribe */
    size_t sub_cnt;
    amop_topic_t **topics; /* AMOP */
    size_t topic_cnt;
};

/* Log queries of all clients together: no new one beyond this. */
#define RPC_QUERY_BYTES_MAX ((size_t)64 << 20)

struct bc_rpc {
    bc_rpc_config_t config;
    bc_node_if node;
    bc_gateway_if gw;
    size_t in_flight;
    int64_t now_ms;
    bc_committed_t *last; /* newest committed block, with its receipts */
    int64_t number;
    bc_map_t filters;
    bc_rpc_session_t *sessions;
    event_task_t *tasks;
    size_t task_cnt;
    amop_t *amop;
    uint64_t seed;
    size_t query_bytes; /* held by filters, subscriptions and event tasks */
};

/* ---- call.c ---- */
call_t *call_new(bc_rpc_t *rpc, bool web3, bc_bytes_t prefix, bc_rpc_reply_fn reply, void *ctx);
void call_fail(call_t *c, int32_t code, const char *fmt, ...) BC_PRINTF(3, 4);
void call_run(call_t *c); /* with method and params set; consumes the call */
void call_finish(call_t *c);
/* Begins the result: what is put into c->out afterwards is the JSON value. */
bc_jw_t call_result(call_t *c);
const cJSON *call_param(const call_t *c, int i); /* NULL when absent */
/* Reads of official leniency (spec/20 §1.4): a wrong type fails the call as jsoncpp's text. */
bc_bytes_t call_str(const call_t *c, int i);
bool call_bool(call_t *c, int i, bool absent);
int64_t call_i64(call_t *c, int i);
bool call_hash(call_t *c, bc_bytes_t text, bc_h256_t *out);
bool rpc_group_known(const bc_rpc_t *rpc, bc_bytes_t group);
uint64_t rpc_random(bc_rpc_t *rpc);
/* A client is about to learn of this block: what it asks next must know it. NULL is fine. */
void rpc_saw_block(bc_rpc_t *rpc, const bc_committed_t *block);

/* Limits of one call: geth's time, and memory that all readers together can bear. */
enum { RPC_CALL_MS = 5000 };
#define RPC_CALL_MEMORY_MAX ((size_t)256 << 20)
/* Runs *in; everything that one request runs shares RPC_CALL_MS. False: the call has failed, which its
 * answer tells. On a worker. */
bool call_execute(call_t *c, bc_exec_call_t *in, bc_exec_call_result_t *out);

/* ---- group_json.c ---- */
void group_info_json(bc_rpc_t *rpc, bc_jw_t *j);
void group_node_json(bc_rpc_t *rpc, bc_jw_t *j);
bc_bytes_t rpc_node_name(bc_rpc_t *rpc, char out[160]);

/* ---- methods ---- */
const method_t *sdk_method(bc_bytes_t name);
const method_t *web3_method(bc_bytes_t name);
void sdk_send_transaction(call_t *c, bc_bytes_t group, bc_bytes_t hex, bool proof);

/* ---- filters.c: both ports ---- */
void filter_new_block(call_t *c);
void filter_new_pending(call_t *c);
void filter_new_logs(call_t *c);
void filter_changes_start(call_t *c);
void filter_logs_start(call_t *c);
void filter_job(call_t *c);
void filter_uninstall(call_t *c);
void filter_get_logs_start(call_t *c);
void filter_get_logs_job(call_t *c);
/* address and topics of an object into c->query. */
void filter_parse_lists(call_t *c, const cJSON *o);
void filters_expire(bc_rpc_t *rpc);
void filters_free(bc_rpc_t *rpc);

/* ---- session.c, events.c, amop.c, web3_sub.c ---- */
void sdk_notify_block(bc_rpc_t *rpc);
void session_unref(bc_rpc_session_t *s);
void sdk_push(bc_rpc_session_t *s, uint16_t type, bc_bytes_t payload);
void sdk_answer(bc_rpc_session_t *s, const bc_ws_message_t *asked, bc_bytes_t payload);
void session_send(bc_rpc_session_t *s, bc_bytes_t message);
bool sdk_message(bc_rpc_session_t *s, bc_bytes_t message);
void events_subscribe(bc_rpc_session_t *s, const bc_ws_message_t *m);
void events_unsubscribe(bc_rpc_session_t *s, const bc_ws_message_t *m);
void events_committed(bc_rpc_t *rpc);
void events_session_closed(bc_rpc_session_t *s);
void events_free(bc_rpc_t *rpc);
void amop_message(bc_rpc_session_t *s, const bc_ws_message_t *m);
void amop_session_closed(bc_rpc_session_t *s);
void amop_expire(bc_rpc_t *rpc);
void amop_new(bc_rpc_t *rpc);
void amop_detach(bc_rpc_t *rpc); /* the gateway calls no more, nothing of it is on the way */
void amop_free(bc_rpc_t *rpc);
void sub_start(call_t *c);
void sub_stop(call_t *c);
void subs_committed(bc_rpc_t *rpc);
void subs_session_closed(bc_rpc_session_t *s);

#endif
