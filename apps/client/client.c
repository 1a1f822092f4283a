#include "client/client.h"
#include <http_parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <wslay/wslay.h>

enum { MESSAGE_MAX = 64 << 20, SEQ_LEN = 16, WS_RPC_REQUEST = 0x102 };

struct bc_client {
    bc_client_config_t c;
    bc_conn_t *conn;
    bool open;
    /* HTTP: answers; WebSocket: the answer to the upgrade */
    http_parser parser;
    bc_wr_t body;
    size_t in_flight;
    /* WebSocket */
    wslay_event_context_ptr ws;
    bc_bytes_t in; /* what wslay reads from */
    bc_wr_t out;
};

/* ---- WebSocket ---- */

static ssize_t ws_recv(wslay_event_context_ptr ctx, uint8_t *buf, size_t n, int flags, void *user)
{
    (void)flags;
    bc_client_t *c = user;
    if (!c->in.n) {
        wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    n = BC_MIN(n, c->in.n);
    memcpy(buf, c->in.p, n);
    c->in.p += n;
    c->in.n -= n;
    return (ssize_t)n;
}

static ssize_t ws_send(wslay_event_context_ptr ctx, const uint8_t *data, size_t n, int flags,
                       void *user)
{
    (void)ctx;
    (void)flags;
    bc_wr_mem(&((bc_client_t *)user)->out, data, n);
    return (ssize_t)n;
}

static int ws_mask(wslay_event_context_ptr ctx, uint8_t *buf, size_t n, void *user)
{
    (void)ctx;
    (void)user;
    return getrandom(buf, n, 0) == (ssize_t)n ? 0 : -1;
}

/* version u16, type u16, status i16, seq length u16, seq, ext u16, payload */
static void ws_message(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *arg,
                       void *user)
{
    (void)ctx;
    bc_client_t *c = user;
    if (wslay_is_ctrl_frame(arg->opcode))
        return;
    bc_rd_t r = bc_rd(bc_bytes(arg->msg, arg->msg_length));
    bc_rd_take(&r, 4);
    int16_t status = (int16_t)bc_rd_be16(&r);
    bc_bytes_t seq = bc_rd_take(&r, bc_rd_be16(&r));
    bc_rd_take(&r, 2);
    if (r.err || seq.n != SEQ_LEN)
        return; /* notifications have no seq */
    char text[SEQ_LEN + 1] = "";
    memcpy(text, seq.p, SEQ_LEN);
    bc_bytes_t payload = bc_rd_take(&r, bc_rd_left(&r));
    c->in_flight--;
    c->c.on_reply(c->c.ctx, c, strtoull(text, NULL, 16), status == 0, payload);
}

static const struct wslay_event_callbacks ws_callbacks = {
    .recv_callback = ws_recv,
    .send_callback = ws_send,
    .genmask_callback = ws_mask,
    .on_msg_recv_callback = ws_message,
};

static bc_err_t ws_flush(bc_client_t *c)
{
    if (wslay_event_send(c->ws) || c->out.err)
        return BC_E_IO;
    bc_err_t err = c->out.n ? bc_conn_write(c->conn, bc_wr_view(&c->out)) : BC_OK;
    bc_wr_reset(&c->out);
    return err;
}

static bc_err_t ws_request(bc_client_t *c, uint64_t id, bc_bytes_t json)
{
    bc_wr_t w = { 0 };
    bc_wr_be16(&w, 0);
    bc_wr_be16(&w, WS_RPC_REQUEST);
    bc_wr_be16(&w, 0);
    bc_wr_be16(&w, SEQ_LEN);
    bc_wr_printf(&w, "%016lx", (unsigned long)id);
    bc_wr_be16(&w, 0);
    bc_wr_put(&w, json);
    struct wslay_event_msg msg = { WSLAY_BINARY_FRAME, w.p, w.n };
    bc_err_t err = w.err || wslay_event_queue_msg(c->ws, &msg) ? BC_E_NOMEM : ws_flush(c);
    bc_wr_free(&w);
    if (!err)
        c->in_flight++;
    return err;
}

static void ws_upgrade(bc_client_t *c)
{
    bc_wr_t w = { 0 };
    bc_wr_printf(&w,
                 "GET / HTTP/1.1\r\nHost: %s:%u\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: Y2Jjb3MtYmVuY2gta2V5IQ==\r\n\r\n",
                 c->c.host, c->c.port);
    if (bc_conn_write(c->conn, bc_wr_view(&w)))
        bc_conn_close(c->conn, false);
    bc_wr_free(&w);
}

static bool ws_start(bc_client_t *c)
{
    if (wslay_event_context_client_init(&c->ws, &ws_callbacks, c))
        return false;
    wslay_event_config_set_max_recv_msg_length(c->ws, MESSAGE_MAX);
    return true;
}

/* ---- HTTP ---- */

static int http_body(http_parser *p, const char *at, size_t n)
{
    bc_client_t *c = p->data;
    bc_wr_mem(&c->body, at, n);
    return c->body.err != BC_OK;
}

/* The id of an answer: the last "id": of the text is the envelope's on the SDK port, the first on
 * the Web3 port; results that carry an "id" of their own are not asked for over HTTP. */
static bool json_id(bc_bytes_t json, uint64_t *id)
{
    const char *at = memmem(json.p, json.n, "\"id\":", 5);
    if (!at)
        return false;
    char text[24] = "";
    memcpy(text, at + 5, BC_MIN((size_t)(json.p + json.n - (const uint8_t *)at) - 5, sizeof text - 1));
    *id = strtoull(text, NULL, 10);
    return true;
}

static int http_complete(http_parser *p)
{
    bc_client_t *c = p->data;
    uint64_t id;
    if (c->c.kind == BC_CLIENT_SDK_WS)
        return p->status_code == 101 ? 0 : 1;
    bool ok = p->status_code == 200 && json_id(bc_wr_view(&c->body), &id);
    if (!ok)
        return 1;
    c->in_flight--;
    c->c.on_reply(c->c.ctx, c, id, true, bc_wr_view(&c->body));
    bc_wr_reset(&c->body);
    return 0;
}

static const http_parser_settings http_settings = { .on_body = http_body,
                                                    .on_message_complete = http_complete };

static bc_err_t http_request(bc_client_t *c, bc_bytes_t json)
{
    if (c->in_flight >= BC_CLIENT_HTTP_INFLIGHT_MAX)
        return BC_E_FULL;
    bc_wr_t w = { 0 };
    bc_wr_printf(&w,
                 "POST / HTTP/1.1\r\nHost: %s:%u\r\nContent-Type: application/json\r\n"
                 "Content-Length: %zu\r\n\r\n",
                 c->c.host, c->c.port, json.n);
    bc_wr_put(&w, json);
    bc_err_t err = w.err ? w.err : bc_conn_write(c->conn, bc_wr_view(&w));
    bc_wr_free(&w);
    if (!err)
        c->in_flight++;
    return err;
}

/* ---- connection ---- */

static void opened(bc_client_t *c)
{
    c->open = true;
    c->c.on_open(c->c.ctx, c);
}

static void on_open(bc_conn_t *conn, void *ctx)
{
    (void)conn;
    bc_client_t *c = ctx;
    if (c->c.kind == BC_CLIENT_SDK_WS)
        ws_upgrade(c);
    else
        opened(c);
}

static void on_data(bc_conn_t *conn, bc_bytes_t data, void *ctx)
{
    bc_client_t *c = ctx;
    if (!c->ws) {
        size_t used = http_parser_execute(&c->parser, &http_settings, (const char *)data.p, data.n);
        if (c->parser.upgrade && c->parser.status_code == 101 && ws_start(c)) {
            data.p += used;
            data.n -= used;
            opened(c);
        } else if (used != data.n || HTTP_PARSER_ERRNO(&c->parser) != HPE_OK) {
            bc_conn_close(conn, false);
            return;
        } else {
            return;
        }
    }
    c->in = data;
    while (c->in.n && !bc_conn_closing(conn)) {
        size_t before = c->in.n;
        if (wslay_event_recv(c->ws) || c->in.n == before) {
            bc_conn_close(conn, false);
            return;
        }
    }
    if (wslay_event_want_write(c->ws) && ws_flush(c))
        bc_conn_close(conn, false);
}

static void on_close(bc_conn_t *conn, bc_err_t why, void *ctx)
{
    (void)conn;
    bc_client_t *c = ctx;
    c->c.on_close(c->c.ctx, c, why);
    if (c->ws)
        wslay_event_context_free(c->ws);
    bc_wr_free(&c->body);
    bc_wr_free(&c->out);
    free(c);
}

static const bc_conn_handler_t handler = { .on_open = on_open, .on_data = on_data, .on_close = on_close };

bc_client_t *bc_client_open(const bc_client_config_t *config)
{
    bc_client_t *c = bc_xcalloc(1, sizeof *c);
    c->c = *config;
    c->body.max = MESSAGE_MAX;
    http_parser_init(&c->parser, HTTP_RESPONSE);
    c->parser.data = c;
    c->conn = bc_conn_connect(config->loop, config->host, config->port, config->tls, NULL, &handler, c);
    return c;
}

bc_err_t bc_client_send(bc_client_t *c, uint64_t id, bc_bytes_t json)
{
    if (!c->open || bc_conn_closing(c->conn))
        return BC_E_CLOSED;
    return c->c.kind == BC_CLIENT_SDK_WS ? ws_request(c, id, json) : http_request(c, json);
}

void bc_client_close(bc_client_t *c)
{
    bc_conn_close(c->conn, true);
}
