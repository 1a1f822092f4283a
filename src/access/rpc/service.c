#include "access/rpc/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"

#define BADGE "[RPC][SERVICE]"

enum {
    SDK_BODY_MAX = 33554432,
    WEB3_BODY_MAX = 10240000,
    TICK_MS = 1000,
    END_WAIT_MS = 2000,
    HEADERS_MAX = 6,
    WS_PROTOCOL_ERROR = 1002,
    WS_TOO_SLOW = 1008,
};

typedef struct {
    bc_rpc_service_t *service;
    bool web3;
    bc_http_server_t *server;
    bc_rpc_cors_t cors; /* its texts are copies */
    char max_age[16];
} port_t;

struct bc_rpc_service {
    bc_uv_loop_t *loop;
    bc_rpc_t *rpc;
    bc_timer_t *tick;
    port_t sdk, web3;
};

bc_rpc_cors_t bc_rpc_cors_default(void)
{
    return (bc_rpc_cors_t){ .enable_cors = true,
                            .cors_allow_credentials = true,
                            .cors_allowed_origins = "*",
                            .cors_allowed_methods = "GET, POST, OPTIONS",
                            .cors_allowed_headers = "Content-Type, Authorization, X-Requested-With",
                            .cors_max_age = 86400 };
}

/* ---- HTTP ---- */

/* The origin to allow: "*", the asking one when it is listed, else none. */
static bc_bytes_t allowed_origin(const port_t *p, const bc_http_req_t *req)
{
    const char *list = p->cors.cors_allowed_origins;
    if (strcmp(list, "*") == 0)
        return BC_STR("*");
    bc_bytes_t origin = bc_http_header(req, "Origin");
    for (const char *at = list; origin.n && *at;) {
        at += strspn(at, ", ");
        size_t n = strcspn(at, ", ");
        if (n && bc_bytes_eq(bc_bytes(at, n), origin))
            return origin;
        at += n;
    }
    return (bc_bytes_t){ 0 };
}

static void respond(const port_t *p, bc_http_req_t *req, unsigned status, bc_bytes_t body)
{
    bc_http_header_t h[HEADERS_MAX] = { { BC_STR("Content-Type"), BC_STR("application/json") } };
    size_t n = 1;
    bc_bytes_t origin = p->cors.enable_cors ? allowed_origin(p, req) : (bc_bytes_t){ 0 };
    if (origin.n) {
        h[n++] = (bc_http_header_t){ BC_STR("Access-Control-Allow-Origin"), origin };
        h[n++] = (bc_http_header_t){ BC_STR("Access-Control-Allow-Methods"),
                                     bc_cstr(p->cors.cors_allowed_methods) };
        h[n++] = (bc_http_header_t){ BC_STR("Access-Control-Allow-Headers"),
                                     bc_cstr(p->cors.cors_allowed_headers) };
        h[n++] = (bc_http_header_t){ BC_STR("Access-Control-Max-Age"), bc_cstr(p->max_age) };
        if (p->cors.cors_allow_credentials)
            h[n++] =
                (bc_http_header_t){ BC_STR("Access-Control-Allow-Credentials"), BC_STR("true") };
    }
    bc_buf_t *buf = body.n ? bc_buf_copy(body) : NULL;
    if (body.n && !buf)
        status = 503;
    bc_http_respond(req, status, h, n, buf);
}

static void answered(void *ctx, bc_bytes_t answer)
{
    bc_http_req_t *req = ctx;
    respond(req->user, req, 200, answer);
}

static void on_request(void *ctx, bc_http_req_t *req)
{
    port_t *p = ctx;
    if (bc_bytes_eq(req->method, BC_STR("OPTIONS"))) {
        respond(p, req, 204, (bc_bytes_t){ 0 });
        return;
    }
    req->user = p;
    if (p->web3)
        bc_rpc_web3_handle(p->service->rpc, req->body, NULL, answered, req);
    else
        bc_rpc_sdk_handle(p->service->rpc, req->body, (bc_bytes_t){ 0 }, answered, req);
}

/* ---- WebSocket ---- */

static void ws_send(void *ctx, bc_bytes_t message)
{
    bc_ws_t *ws = ctx;
    /* A peer that reads so slowly loses an answer that it waits for: better the connection. */
    if (bc_ws_send(ws, false, message) == BC_E_FULL)
        bc_ws_close(ws, WS_TOO_SLOW);
}

static void on_ws_open(void *ctx, bc_ws_t *ws)
{
    port_t *p = ctx;
    bc_ws_set_user(ws, bc_rpc_session_open(p->service->rpc, p->web3, ws_send, ws));
}

static void on_ws_message(void *ctx, bc_ws_t *ws, bool text, bc_bytes_t data)
{
    (void)ctx;
    (void)text;
    bc_rpc_session_t *s = bc_ws_user(ws);
    if (s && !bc_rpc_session_message(s, data))
        bc_ws_close(ws, WS_PROTOCOL_ERROR);
}

static void on_ws_close(void *ctx, bc_ws_t *ws)
{
    (void)ctx;
    bc_rpc_session_t *s = bc_ws_user(ws);
    bc_ws_set_user(ws, NULL);
    if (s)
        bc_rpc_session_close(s);
}

/* ---- life ---- */

static void tick(void *ctx)
{
    bc_rpc_service_t *s = ctx;
    bc_rpc_tick(s->rpc, bc_uv_loop_now(s->loop));
}

static void port_texts(port_t *p, const bc_rpc_cors_t *cors)
{
    p->cors = *cors;
    p->cors.cors_allowed_origins =
        bc_xstrdup(cors->cors_allowed_origins ? cors->cors_allowed_origins : "*");
    p->cors.cors_allowed_methods =
        bc_xstrdup(cors->cors_allowed_methods ? cors->cors_allowed_methods : "");
    p->cors.cors_allowed_headers =
        bc_xstrdup(cors->cors_allowed_headers ? cors->cors_allowed_headers : "");
    snprintf(p->max_age, sizeof p->max_age, "%u", cors->cors_max_age);
}

static void port_free(port_t *p)
{
    if (p->server) {
        for (bc_ws_t *ws = bc_ws_first(p->server); ws; ws = bc_ws_next(ws))
            on_ws_close(p, ws);
    }
    bc_http_server_free(p->server);
    p->server = NULL;
}

static void port_texts_free(port_t *p)
{
    free((void *)(uintptr_t)p->cors.cors_allowed_origins);
    free((void *)(uintptr_t)p->cors.cors_allowed_methods);
    free((void *)(uintptr_t)p->cors.cors_allowed_headers);
}

static bc_err_t port_open(bc_rpc_service_t *s, port_t *p, const bc_http_config_t *base)
{
    bc_http_config_t h = *base;
    h.handler = (bc_http_handler_t){ .on_request = on_request,
                                     .on_ws_open = on_ws_open,
                                     .on_ws_message = on_ws_message,
                                     .on_ws_close = on_ws_close,
                                     .ctx = p };
    bc_err_t err = bc_http_server_new(s->loop, &h, &p->server);
    if (err)
        BC_ERROR(BADGE, "cannot listen,port=%u,reason=%s", (unsigned)h.port, bc_err_name(err));
    else
        BC_INFO(BADGE, "listening,web3=%d,port=%u,tls=%d", p->web3,
                (unsigned)bc_http_server_port(p->server), h.tls != NULL);
    return err;
}

bc_err_t bc_rpc_service_new(bc_uv_loop_t *l, const bc_rpc_service_config_t *config, bc_node_if node,
                            bc_gateway_if gw, bc_rpc_service_t **out)
{
    bc_rpc_service_t *s = bc_xcalloc(1, sizeof *s);
    bc_rpc_config_t rpc = config->rpc;
    bc_rpc_cors_t cors = bc_rpc_cors_default();
    rpc.loop = bc_uv_loop_mail(l);
    *out = NULL;
    s->loop = l;
    s->sdk.service = s->web3.service = s;
    s->web3.web3 = true;
    port_texts(&s->sdk, &cors);
    port_texts(&s->web3, &config->web3_cors);
    s->rpc = bc_rpc_new(&rpc, node, gw);
    bc_rpc_tick(s->rpc, bc_uv_loop_now(l));
    s->tick = bc_timer_new(l, tick, s);
    bc_timer_set(s->tick, TICK_MS, TICK_MS);
    bc_err_t err = port_open(s, &s->sdk,
                             &(bc_http_config_t){ .ip = config->listen_ip,
                                                  .port = config->listen_port,
                                                  .tls = config->tls,
                                                  .body_max = SDK_BODY_MAX,
                                                  .conns_max = config->conns_max });
    size_t body = config->request_body_size_limit ? config->request_body_size_limit : WEB3_BODY_MAX;
    if (!err && config->web3_enable)
        err = port_open(s, &s->web3,
                        &(bc_http_config_t){ .ip = config->web3_listen_ip,
                                             .port = config->web3_listen_port,
                                             .body_max = body,
                                             .conns_max = config->conns_max });
    if (err)
        bc_rpc_service_free(s);
    else
        *out = s;
    return err;
}

void bc_rpc_service_free(bc_rpc_service_t *s)
{
    if (!s)
        return;
    bc_timer_free(s->tick);
    port_free(&s->sdk);
    port_free(&s->web3);
    bc_rpc_detach(s->rpc);
    struct timespec ms = { .tv_nsec = 1000000 };
    for (int i = 0; bc_rpc_in_flight(s->rpc) && i < END_WAIT_MS; i++)
        if (!bc_loop_step(bc_uv_loop_mail(s->loop)))
            nanosleep(&ms, NULL);
    if (bc_rpc_in_flight(s->rpc)) { /* their memory must stay: the node may still write to it */
        BC_WARN(BADGE, "requests never finished,cnt=%zu", bc_rpc_in_flight(s->rpc));
        return;
    }
    bc_rpc_free(s->rpc);
    port_texts_free(&s->sdk);
    port_texts_free(&s->web3);
    free(s);
}

/* ---- commits ---- */

typedef struct {
    bc_op_t op;
    bc_committed_t *block;
} notice_t;

static void notice_run(bc_op_t *op)
{
    notice_t *n = BC_OWNER(op, notice_t, op);
    bc_rpc_service_t *s = op->to;
    bc_rpc_on_committed(s->rpc, n->block);
    bc_committed_unref(n->block);
    free(n);
}

void bc_rpc_service_committed(bc_rpc_service_t *s, bc_committed_t *block)
{
    notice_t *n = bc_xcalloc(1, sizeof *n);
    n->block = bc_committed_ref(block);
    bc_op_post(bc_uv_loop_mail(s->loop), &n->op, s, notice_run);
}

/* ---- facts ---- */

uint16_t bc_rpc_service_port(const bc_rpc_service_t *s)
{
    return bc_http_server_port(s->sdk.server);
}

uint16_t bc_rpc_service_web3_port(const bc_rpc_service_t *s)
{
    return s->web3.server ? bc_http_server_port(s->web3.server) : 0;
}

bc_rpc_service_stats_t bc_rpc_service_stats(const bc_rpc_service_t *s)
{
    bc_rpc_service_stats_t v = { .sdk = bc_http_server_stats(s->sdk.server),
                                 .in_flight = bc_rpc_in_flight(s->rpc) };
    if (s->web3.server)
        v.web3 = bc_http_server_stats(s->web3.server);
    return v;
}
