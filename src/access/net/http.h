/* HTTP/1.1 server with upgrade to WebSocket, on net.h. One loop thread per server: every function
 * and callback here belongs to it.
 *
 * Requests are answered in the order in which they are completed, not asked (as official nodes do),
 * at most BC_HTTP_INFLIGHT_MAX at a time per connection; then reading stops. Malformed heads,
 * conflicting lengths and oversized bodies close the connection without an answer. */
#ifndef BC_ACCESS_HTTP_H
#define BC_ACCESS_HTTP_H

#include "access/net/net.h"

#define BC_HTTP_INFLIGHT_MAX 16
#define BC_HTTP_HEAD_MAX     16384 /* bytes of request line and headers */
#define BC_HTTP_HEADERS_MAX  64

typedef struct bc_http_server bc_http_server_t;
typedef struct bc_ws bc_ws_t;

typedef struct {
    bc_bytes_t name, value; /* name as received */
} bc_http_header_t;

/* One request. Views live until it is answered. */
typedef struct {
    bc_bytes_t method; /* "POST" */
    bc_bytes_t path;   /* request target as sent, with query */
    const bc_http_header_t *headers;
    size_t header_cnt;
    bc_bytes_t body;
    const char *peer; /* "ip:port" */
    bool closed;      /* the connection is gone: an answer is dropped, work may be skipped */
    void *user;       /* the handler's own */
} bc_http_req_t;

typedef struct {
    /* Each request must be answered exactly once by bc_http_respond, in the call or later. */
    void (*on_request)(void *ctx, bc_http_req_t *req);
    /* All ws members NULL: upgrades are refused (the request is an ordinary one). */
    void (*on_ws_open)(void *ctx, bc_ws_t *ws);
    void (*on_ws_message)(void *ctx, bc_ws_t *ws, bool text, bc_bytes_t data); /* borrowed */
    void (*on_ws_close)(void *ctx, bc_ws_t *ws); /* the last call; ws is freed after it */
    void *ctx;
} bc_http_handler_t;

typedef struct {
    const char *ip;
    uint16_t port;
    bc_tls_t *tls;         /* NULL: plain; a reference is taken */
    size_t body_max;       /* 0: 33554432 */
    size_t ws_message_max; /* 0: body_max */
    size_t conns_max;      /* 0: 4096 */
    size_t queue_max;      /* bytes waiting per connection; 0: 64 MiB */
    uint32_t idle_ms;      /* HTTP connection without a request under way; 0: 30000 */
    uint32_t ws_ping_ms;   /* silence before a ping; 0: 5000 */
    uint32_t ws_idle_ms;   /* silence before closing; 0: 10000 */
    bc_http_handler_t handler;
} bc_http_config_t;

typedef struct {
    size_t conns, ws, inflight;
    uint64_t requests, ws_messages, malformed, oversize, dropped_full;
} bc_http_stats_t;

/* Listens when it returns. */
bc_err_t bc_http_server_new(bc_uv_loop_t *l, const bc_http_config_t *config,
                            bc_http_server_t **out) BC_WARN_UNUSED;
uint16_t bc_http_server_port(const bc_http_server_t *s);
bc_http_stats_t bc_http_server_stats(const bc_http_server_t *s);
/* Closes everything; no callback follows. Requests not answered yet stay valid (closed) until they
 * are answered. NULL is fine. */
void bc_http_server_free(bc_http_server_t *s);

/* Value of a header, any case of name; empty view when absent. */
bc_bytes_t bc_http_header(const bc_http_req_t *req, const char *name);

/* Ends a request: req is freed. Content-Length and Connection are added; body's reference is taken
 * over (NULL: none). */
void bc_http_respond(bc_http_req_t *req, unsigned status, const bc_http_header_t *headers,
                     size_t header_cnt, bc_buf_t *body);

/* BC_E_FULL: the peer reads too slowly, the message is dropped. BC_E_CLOSED. */
bc_err_t bc_ws_send(bc_ws_t *ws, bool text, bc_bytes_t data);
void bc_ws_close(bc_ws_t *ws, uint16_t code); /* on_ws_close follows */
/* An id that is never used again in the process, and its session while it is open (else NULL):
 * how an answer that is ready later finds its way. */
uint64_t bc_ws_id(const bc_ws_t *ws);
bc_ws_t *bc_ws_find(bc_http_server_t *s, uint64_t id);
/* All open sessions: for (ws = bc_ws_first(s); ws; ws = bc_ws_next(ws)). Sending inside is fine. */
bc_ws_t *bc_ws_first(bc_http_server_t *s);
bc_ws_t *bc_ws_next(bc_ws_t *ws);
const char *bc_ws_peer(const bc_ws_t *ws); /* "ip:port" */
bc_bytes_t bc_ws_path(const bc_ws_t *ws);  /* request target of the upgrade */
void bc_ws_set_user(bc_ws_t *ws, void *user);
void *bc_ws_user(const bc_ws_t *ws);

#endif
