#include "access/net/http_impl.h"
#include "base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum {
    BODY_MAX_DEFAULT = 32 << 20,
    IDLE_MS_DEFAULT = 30000,
    WS_PING_MS_DEFAULT = 5000,
    WS_IDLE_MS_DEFAULT = 10000,
    REQUEST_MS_MAX = 120000, /* from first to last byte of one request */
    HELD_BODIES = 16,        /* largest bodies in memory at a time, all connections together */
};

/* ---- requests ---- */

static http_req_t *req_new(http_conn_t *hc)
{
    http_req_t *r = bc_xcalloc(1, sizeof *r);
    r->hc = hc;
    r->head.max = BC_HTTP_HEAD_MAX;
    r->body.max = hc->s->config.body_max;
    r->started = bc_uv_loop_now(hc->s->loop);
    snprintf(r->peer, sizeof r->peer, "%s", bc_conn_peer(hc->c));
    return r;
}

static void req_free(http_req_t *r)
{
    if (!r)
        return;
    if (r->hc && r->hc->s)
        r->hc->s->held -= r->held;
    bc_wr_free(&r->head);
    bc_wr_free(&r->body);
    free(r);
}

static void req_link(http_conn_t *hc, http_req_t *r)
{
    r->next = hc->reqs;
    r->prev = &hc->reqs;
    if (r->next)
        r->next->prev = &r->next;
    hc->reqs = r;
    hc->inflight++;
    hc->s->stats.inflight++;
}

static void req_unlink(http_req_t *r)
{
    http_conn_t *hc = r->hc;
    *r->prev = r->next;
    if (r->next)
        r->next->prev = r->prev;
    hc->inflight--;
    if (hc->s) {
        hc->s->stats.inflight--;
        hc->s->held -= r->held;
    }
    r->held = 0;
    r->hc = NULL;
}

static void req_views(http_req_t *r)
{
    const uint8_t *p = r->head.p;
    r->pub.path = bc_bytes(p, r->path_n);
    for (size_t i = 0; i < r->at_cnt; i++) {
        r->headers[i].name = bc_bytes(p + r->at[i].name, r->at[i].name_n);
        r->headers[i].value = bc_bytes(p + r->at[i].value, r->at[i].value_n);
    }
    r->pub.headers = r->headers;
    r->pub.header_cnt = r->at_cnt;
    r->pub.peer = r->peer;
}

bc_bytes_t bc_http_header(const bc_http_req_t *req, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < req->header_cnt; i++) {
        const bc_http_header_t *h = &req->headers[i];
        if (h->name.n == n && strncasecmp((const char *)h->name.p, name, n) == 0)
            return h->value;
    }
    return (bc_bytes_t){ 0 };
}

/* ---- parser callbacks: a value other than 0 ends the connection ---- */

static int on_begin(http_parser *p)
{
    http_conn_t *hc = p->data;
    BC_MUST(!hc->cur);
    hc->cur = req_new(hc);
    return 0;
}

static int on_url(http_parser *p, const char *at, size_t n)
{
    http_req_t *r = ((http_conn_t *)p->data)->cur;
    bc_wr_mem(&r->head, at, n);
    r->path_n = r->head.n;
    return r->head.err ? -1 : 0;
}

static int on_field(http_parser *p, const char *at, size_t n)
{
    http_req_t *r = ((http_conn_t *)p->data)->cur;
    if (r->at_cnt == 0 || r->in_value) {
        if (r->at_cnt == BC_HTTP_HEADERS_MAX)
            return -1;
        r->at[r->at_cnt++].name = (uint32_t)r->head.n;
        r->in_value = false;
    }
    r->at[r->at_cnt - 1].name_n += (uint32_t)n;
    bc_wr_mem(&r->head, at, n);
    r->at[r->at_cnt - 1].value = (uint32_t)r->head.n;
    return r->head.err ? -1 : 0;
}

static int on_value(http_parser *p, const char *at, size_t n)
{
    http_req_t *r = ((http_conn_t *)p->data)->cur;
    if (r->at_cnt == 0)
        return -1;
    if (!r->in_value) {
        r->at[r->at_cnt - 1].value = (uint32_t)r->head.n;
        r->in_value = true;
    }
    r->at[r->at_cnt - 1].value_n += (uint32_t)n;
    bc_wr_mem(&r->head, at, n);
    return r->head.err ? -1 : 0;
}

static bool value_is(bc_bytes_t v, const char *text)
{
    return v.n == strlen(text) && strncasecmp((const char *)v.p, text, v.n) == 0;
}

/* The parser, as distributions build it, lets spaces stand in names: "Content-Length : 4" would be
 * read by us and skipped by a proxy in front of us. */
static bool names_ok(const http_req_t *r)
{
    for (size_t i = 0; i < r->at_cnt; i++) {
        bc_bytes_t n = r->headers[i].name;
        for (size_t k = 0; k < n.n; k++) {
            if (n.p[k] <= ' ' || n.p[k] >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", n.p[k]))
                return false;
        }
    }
    return true;
}

static int on_head(http_parser *p)
{
    http_conn_t *hc = p->data;
    http_req_t *r = hc->cur;
    req_views(r);
    const char *method = http_method_str((enum http_method)p->method);
    r->pub.method = bc_cstr(method);
    r->is_head = p->method == HTTP_HEAD;
    r->http10 = p->http_major == 1 && p->http_minor == 0;
    if (p->http_major != 1 || p->method == HTTP_CONNECT || !names_ok(r))
        return -1;
    if (p->content_length != ULLONG_MAX && p->content_length > hc->s->config.body_max) {
        hc->s->stats.oversize++;
        return -1;
    }
    bool ws = p->upgrade && hc->s->config.handler.on_ws_message && p->method == HTTP_GET &&
              value_is(bc_http_header(&r->pub, "Upgrade"), "websocket");
    if (ws) {
        hc->upgrade = true;
        return 2; /* no body; the parser stops here */
    }
    p->upgrade = 0; /* h2c and others: an ordinary request */
    if (!r->http10 && value_is(bc_http_header(&r->pub, "Expect"), "100-continue"))
        bc_conn_write(hc->c, BC_STR("HTTP/1.1 100 Continue\r\n\r\n"));
    return 0;
}

static int on_body(http_parser *p, const char *at, size_t n)
{
    http_conn_t *hc = p->data;
    http_req_t *r = hc->cur;
    bc_http_server_t *s = hc->s;
    if (s->held + n > HELD_BODIES * s->config.body_max) {
        s->stats.dropped_full++;
        return -1;
    }
    bc_wr_mem(&r->body, at, n);
    s->held += n;
    r->held += n;
    if (r->body.err == BC_E_TOO_BIG)
        s->stats.oversize++;
    return r->body.err ? -1 : 0;
}

static int on_complete(http_parser *p)
{
    http_conn_t *hc = p->data;
    http_req_t *r = hc->cur;
    if (hc->upgrade)
        return 0; /* feed() goes on with it */
    hc->cur = NULL;
    r->keep_alive = http_should_keep_alive(p);
    req_views(r); /* trailers may have moved the head */
    r->pub.body = bc_wr_view(&r->body);
    if (!r->keep_alive)
        hc->last = true;
    req_link(hc, r);
    hc->s->stats.requests++;
    hc->s->config.handler.on_request(hc->s->config.handler.ctx, &r->pub); /* r may be gone */
    if (hc->last || !hc->s || hc->inflight >= BC_HTTP_INFLIGHT_MAX || bc_conn_closing(hc->c) ||
        bc_conn_queued(hc->c) > hc->s->config.queue_max / 2)
        http_parser_pause(p, 1);
    return 0;
}

static const http_parser_settings settings = {
    .on_message_begin = on_begin,
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_headers_complete = on_head,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

/* ---- connection ---- */

void bc_http_pace(http_conn_t *hc)
{
    bool stop = hc->full || hc->slow || hc->last;
    if (stop)
        bc_conn_pause(hc->c);
    else
        bc_conn_resume(hc->c);
}

static void feed(http_conn_t *hc, bc_bytes_t data)
{
    size_t n = http_parser_execute(&hc->parser, &settings, (const char *)data.p, data.n);
    enum http_errno e = HTTP_PARSER_ERRNO(&hc->parser);
    if (bc_conn_closing(hc->c) || !hc->s)
        return;
    bc_bytes_t rest = bc_bytes(data.p + n, data.n - n);
    if (e == HPE_PAUSED) {
        http_parser_pause(&hc->parser, 0);
        hc->full = hc->inflight >= BC_HTTP_INFLIGHT_MAX;
        hc->slow = bc_conn_queued(hc->c) > hc->s->config.queue_max / 2;
        bc_conn_pause(hc->c);
        if (!hc->last && rest.n && bc_conn_unread(hc->c, rest))
            bc_conn_close(hc->c, false);
        bc_http_pace(hc);
    } else if (e != HPE_OK) {
        hc->s->stats.malformed++;
        BC_DEBUG("[NET][HTTP]", "request refused,peer=%s,reason=%s", bc_conn_peer(hc->c),
                 http_errno_name(e));
        bc_conn_close(hc->c, false);
    } else if (hc->upgrade) {
        http_req_t *r = hc->cur;
        hc->cur = NULL;
        bool ok = hc->inflight == 0 && bc_ws_begin(hc, r);
        req_free(r);
        if (!ok) {
            hc->s->stats.malformed++;
            bc_conn_close(hc->c, false);
        } else if (rest.n && hc->ws) {
            bc_ws_feed(hc->ws, rest);
        }
    } else if (hc->cur &&
               bc_uv_loop_now(hc->s->loop) - hc->cur->started > REQUEST_MS_MAX) {
        bc_conn_close(hc->c, false);
    }
}

static void on_data(bc_conn_t *c, bc_bytes_t data, void *ctx)
{
    (void)c;
    http_conn_t *hc = ctx;
    if (!hc->s)
        return;
    if (hc->ws)
        bc_ws_feed(hc->ws, data);
    else
        feed(hc, data);
}

static void on_drain(bc_conn_t *c, void *ctx)
{
    (void)c;
    http_conn_t *hc = ctx;
    hc->slow = false;
    bc_http_pace(hc);
}

static void on_idle(bc_conn_t *c, void *ctx)
{
    http_conn_t *hc = ctx;
    if (!hc->s)
        return;
    if (hc->ws)
        bc_ws_idle(hc->ws);
    else if (!hc->inflight)
        bc_conn_close(c, false);
}

static void conn_unlink(http_conn_t *hc)
{
    *hc->prev = hc->next;
    if (hc->next)
        hc->next->prev = hc->prev;
    hc->s->stats.conns--;
}

static void on_close(bc_conn_t *c, bc_err_t why, void *ctx)
{
    (void)c, (void)why;
    http_conn_t *hc = ctx;
    while (hc->reqs) {
        hc->reqs->pub.closed = true;
        req_unlink(hc->reqs);
    }
    if (hc->ws)
        bc_ws_end(hc->ws, hc->s != NULL);
    req_free(hc->cur);
    if (hc->s)
        conn_unlink(hc);
    free(hc);
}

static const bc_conn_handler_t conn_handler = {
    .on_data = on_data,
    .on_drain = on_drain,
    .on_idle = on_idle,
    .on_close = on_close,
};

static void on_accept(bc_conn_t *c, void *ctx)
{
    bc_http_server_t *s = ctx;
    http_conn_t *hc = bc_xcalloc(1, sizeof *hc);
    hc->s = s;
    hc->c = c;
    http_parser_init(&hc->parser, HTTP_REQUEST);
    hc->parser.data = hc;
    hc->next = s->conns;
    hc->prev = &s->conns;
    if (hc->next)
        hc->next->prev = &hc->next;
    s->conns = hc;
    s->stats.conns++;
    bc_conn_handle(c, &conn_handler, hc);
    bc_conn_set_idle(c, s->config.idle_ms);
}

/* ---- answers ---- */

static const char *status_text(unsigned status)
{
    switch (status) {
    case 200: return "OK";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 413: return "Payload Too Large";
    case 429: return "Too Many Requests";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    default: return "-";
    }
}

static void write_head(bc_wr_t *w, const http_req_t *r, unsigned status,
                       const bc_http_header_t *headers, size_t cnt, size_t body_n, bool close)
{
    bc_wr_printf(w, "HTTP/1.%d %u %s\r\n", r->http10 ? 0 : 1, status, status_text(status));
    for (size_t i = 0; i < cnt; i++) {
        bc_wr_put(w, headers[i].name);
        bc_wr_str(w, ": ");
        bc_wr_put(w, headers[i].value);
        bc_wr_str(w, "\r\n");
    }
    if (status >= 200 && status != 204 && status != 304)
        bc_wr_printf(w, "Content-Length: %zu\r\n", body_n);
    if (close)
        bc_wr_str(w, "Connection: close\r\n");
    else if (r->http10)
        bc_wr_str(w, "Connection: keep-alive\r\n");
    bc_wr_str(w, "\r\n");
}

void bc_http_respond(bc_http_req_t *req, unsigned status, const bc_http_header_t *headers,
                     size_t header_cnt, bc_buf_t *body)
{
    http_req_t *r = BC_OWNER(req, http_req_t, pub);
    http_conn_t *hc = r->hc;
    if (!hc || !hc->s || bc_conn_closing(hc->c)) {
        if (hc)
            req_unlink(r);
        bc_buf_unref(body);
        req_free(r);
        return;
    }
    bool end = hc->last && hc->inflight == 1;
    bc_wr_t w = { 0 };
    write_head(&w, r, status, headers, header_cnt, body ? body->n : 0, end);
    bool with_body = body && body->n && !r->is_head && status != 204 && status != 304;
    if (with_body && body->n <= 4096) {
        bc_wr_put(&w, bc_buf_view(body));
        with_body = false;
    }
    bc_err_t err = w.err ? w.err : bc_conn_write(hc->c, bc_wr_view(&w));
    bc_wr_free(&w);
    if (!err && with_body)
        err = bc_conn_send(hc->c, bc_buf_ref(body));
    bc_buf_unref(body);
    req_unlink(r);
    req_free(r);
    if (err) { /* half an answer must not be followed by another */
        hc->s->stats.dropped_full++;
        bc_conn_close(hc->c, false);
    } else if (end) {
        bc_conn_close(hc->c, true);
    } else if (hc->full && hc->inflight < BC_HTTP_INFLIGHT_MAX) {
        hc->full = false;
        bc_http_pace(hc);
    }
}

/* ---- server ---- */

static bc_bytes_t ws_key(const void *item)
{
    const bc_ws_t *ws = item;
    return bc_bytes(&ws->id, sizeof ws->id);
}

bc_err_t bc_http_server_new(bc_uv_loop_t *l, const bc_http_config_t *config, bc_http_server_t **out)
{
    *out = NULL;
    bc_http_server_t *s = bc_xcalloc(1, sizeof *s);
    bc_http_config_t *c = &s->config;
    s->loop = l;
    *c = *config;
    if (!c->body_max)
        c->body_max = BODY_MAX_DEFAULT;
    if (!c->ws_message_max)
        c->ws_message_max = c->body_max;
    if (!c->queue_max)
        c->queue_max = 64 << 20;
    if (!c->idle_ms)
        c->idle_ms = IDLE_MS_DEFAULT;
    if (!c->ws_ping_ms)
        c->ws_ping_ms = WS_PING_MS_DEFAULT;
    if (!c->ws_idle_ms)
        c->ws_idle_ms = WS_IDLE_MS_DEFAULT;
    bc_map_init(&s->by_id, ws_key);
    bc_listen_config_t lc = { .ip = c->ip, .port = c->port, .tls = c->tls,
                              .conns_max = c->conns_max, .limits = { .queue_max = c->queue_max },
                              .on_accept = on_accept, .ctx = s };
    bc_err_t err = bc_listener_new(l, &lc, &s->listener);
    if (err) {
        free(s);
        return err;
    }
    *out = s;
    return BC_OK;
}

uint16_t bc_http_server_port(const bc_http_server_t *s)
{
    return bc_listener_port(s->listener);
}

bc_http_stats_t bc_http_server_stats(const bc_http_server_t *s)
{
    bc_http_stats_t st = s->stats;
    st.ws = s->by_id.cnt;
    return st;
}

void bc_http_server_free(bc_http_server_t *s)
{
    if (!s)
        return;
    bc_listener_free(s->listener);
    for (http_conn_t *hc = s->conns; hc; hc = hc->next) {
        hc->s = NULL;
        for (http_req_t *r = hc->reqs; r; r = r->next)
            r->pub.closed = true;
        bc_conn_close(hc->c, false);
    }
    bc_map_free(&s->by_id);
    free(s);
}
