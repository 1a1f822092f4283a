/* What http.c and ws.c share. */
#ifndef BC_ACCESS_HTTP_IMPL_H
#define BC_ACCESS_HTTP_IMPL_H

#include <http_parser.h>
#include <wslay/wslay.h>
#include "access/net/http.h"
#include "access/net/net_impl.h"
#include "base/map.h"

typedef struct http_conn http_conn_t;
typedef struct http_req http_req_t;

struct http_req {
    bc_http_req_t pub;
    http_conn_t *hc; /* NULL: the connection is gone */
    http_req_t *next, **prev;
    bool keep_alive, is_head, http10;
    bc_wr_t head; /* target, header names and values */
    bc_wr_t body;
    size_t path_n;
    struct {
        uint32_t name, name_n, value, value_n; /* in head */
    } at[BC_HTTP_HEADERS_MAX];
    size_t at_cnt;
    bool in_value;
    bc_http_header_t headers[BC_HTTP_HEADERS_MAX];
    char peer[64];
    int64_t started;
    size_t held; /* counted in the server's body bytes */
};

struct bc_ws {
    http_conn_t *hc;
    uint64_t id;
    wslay_event_context_ptr ctx;
    bc_bytes_t in; /* what wslay has not taken of the current data */
    bool pinged, closing;
    void *user;
    bc_wr_t path;
    bc_ws_t *next, **prev;
};

struct http_conn {
    bc_http_server_t *s; /* NULL: the server is gone */
    bc_conn_t *c;
    http_conn_t *next, **prev;
    http_parser parser;
    http_req_t *cur;  /* being received */
    http_req_t *reqs; /* being answered */
    unsigned inflight;
    bool last;  /* no request after the ones being answered */
    bool upgrade; /* the parser has met a WebSocket upgrade */
    bool slow;  /* paused because the peer does not read */
    bool full;  /* paused because of requests in flight */
    bc_ws_t *ws;
};

struct bc_http_server {
    bc_uv_loop_t *loop;
    bc_http_config_t config;
    bc_listener_t *listener;
    http_conn_t *conns;
    bc_ws_t *sessions;
    bc_map_t by_id; /* sessions */
    size_t held;    /* bytes of bodies in memory */
    bc_http_stats_t stats;
};

/* Stops or goes on reading as the connection's queues allow. */
void bc_http_pace(http_conn_t *hc);
/* Answers the upgrade request and makes hc->ws; false: not a valid upgrade. */
bool bc_ws_begin(http_conn_t *hc, http_req_t *r);
void bc_ws_feed(bc_ws_t *ws, bc_bytes_t data);
void bc_ws_idle(bc_ws_t *ws);
void bc_ws_end(bc_ws_t *ws, bool tell); /* frees */

#endif
