/* WebSocket sessions: wslay takes frames apart and answers control frames; data frames, which a
 * server sends unmasked, are written here in one piece. */
#include "access/net/http_impl.h"
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <strings.h>

static atomic_uint_fast64_t next_id;

static ssize_t recv_cb(wslay_event_context_ptr ctx, uint8_t *buf, size_t n, int flags, void *user)
{
    (void)flags;
    bc_ws_t *ws = user;
    if (!ws->in.n) {
        wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    n = BC_MIN(n, ws->in.n);
    memcpy(buf, ws->in.p, n);
    ws->in.p += n;
    ws->in.n -= n;
    return (ssize_t)n;
}

/* Only control frames come this way. */
static ssize_t send_cb(wslay_event_context_ptr ctx, const uint8_t *data, size_t n, int flags,
                       void *user)
{
    (void)flags;
    bc_ws_t *ws = user;
    if (bc_conn_write(ws->hc->c, bc_bytes(data, n))) {
        wslay_event_set_error(ctx, WSLAY_ERR_CALLBACK_FAILURE);
        return -1;
    }
    return (ssize_t)n;
}

static void message_cb(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *arg,
                       void *user)
{
    (void)ctx;
    bc_ws_t *ws = user;
    bc_http_server_t *s = ws->hc->s;
    if (ws->closing || !s || wslay_is_ctrl_frame(arg->opcode))
        return;
    s->stats.ws_messages++;
    s->config.handler.on_ws_message(s->config.handler.ctx, ws, arg->opcode == WSLAY_TEXT_FRAME,
                                    bc_bytes(arg->msg, arg->msg_length));
}

static const struct wslay_event_callbacks callbacks = {
    .recv_callback = recv_cb,
    .send_callback = send_cb,
    .on_msg_recv_callback = message_cb,
};

static bool has_token(bc_bytes_t list, const char *token)
{
    size_t n = strlen(token);
    for (size_t i = 0; i + n <= list.n; i++) {
        bool start = i == 0 || list.p[i - 1] == ',' || list.p[i - 1] == ' ';
        bool end = i + n == list.n || list.p[i + n] == ',' || list.p[i + n] == ' ';
        if (start && end && strncasecmp((const char *)list.p + i, token, n) == 0)
            return true;
    }
    return false;
}

static bool accept_text(bc_bytes_t key, char out[32])
{
    uint8_t digest[SHA_DIGEST_LENGTH], text[128];
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    if (key.n != 24)
        return false;
    memcpy(text, key.p, key.n);
    memcpy(text + key.n, guid, sizeof guid - 1);
    if (!EVP_Digest(text, key.n + sizeof guid - 1, digest, NULL, EVP_sha1(), NULL))
        return false;
    EVP_EncodeBlock((unsigned char *)out, digest, sizeof digest);
    return true;
}

bool bc_ws_begin(http_conn_t *hc, http_req_t *r)
{
    bc_http_server_t *s = hc->s;
    char accept[32];
    if (!has_token(bc_http_header(&r->pub, "Connection"), "upgrade") ||
        !bc_bytes_eq(bc_http_header(&r->pub, "Sec-WebSocket-Version"), BC_STR("13")) ||
        !accept_text(bc_http_header(&r->pub, "Sec-WebSocket-Key"), accept))
        return false;
    bc_ws_t *ws = bc_xcalloc(1, sizeof *ws);
    if (wslay_event_context_server_init(&ws->ctx, &callbacks, ws)) {
        free(ws);
        return false;
    }
    wslay_event_config_set_max_recv_msg_length(ws->ctx, s->config.ws_message_max);
    ws->hc = hc;
    ws->id = atomic_fetch_add(&next_id, 1) + 1;
    bc_wr_put(&ws->path, r->pub.path);
    if (ws->path.err || bc_map_insert(&s->by_id, ws)) {
        wslay_event_context_free(ws->ctx);
        bc_wr_free(&ws->path);
        free(ws);
        return false;
    }
    ws->next = s->sessions;
    ws->prev = &s->sessions;
    if (ws->next)
        ws->next->prev = &ws->next;
    s->sessions = ws;
    hc->ws = ws;

    bc_wr_t w = { 0 };
    bc_wr_printf(&w,
                 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                 "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                 accept);
    bc_conn_write(hc->c, bc_wr_view(&w));
    bc_wr_free(&w);
    bc_conn_set_idle(hc->c, s->config.ws_ping_ms);
    if (s->config.handler.on_ws_open)
        s->config.handler.on_ws_open(s->config.handler.ctx, ws);
    return true;
}

static void send_control(bc_ws_t *ws)
{
    if (wslay_event_want_write(ws->ctx) && wslay_event_send(ws->ctx))
        bc_conn_close(ws->hc->c, false);
}

void bc_ws_feed(bc_ws_t *ws, bc_bytes_t data)
{
    http_conn_t *hc = ws->hc;
    if (ws->pinged) {
        ws->pinged = false;
        bc_conn_set_idle(hc->c, hc->s->config.ws_ping_ms);
    }
    ws->in = data;
    /* wslay returns after a read that would block, so it takes all unless something is wrong */
    int rc = wslay_event_recv(ws->ctx);
    ws->in = (bc_bytes_t){ 0 };
    if (!hc->s || bc_conn_closing(hc->c))
        return;
    send_control(ws);
    if (rc || !wslay_event_want_read(ws->ctx) || wslay_event_get_close_received(ws->ctx)) {
        ws->closing = true;
        bc_conn_close(hc->c, true);
    }
}

void bc_ws_idle(bc_ws_t *ws)
{
    const bc_http_config_t *c = &ws->hc->s->config;
    if (ws->pinged || c->ws_idle_ms <= c->ws_ping_ms) {
        bc_conn_close(ws->hc->c, false);
        return;
    }
    ws->pinged = true;
    struct wslay_event_msg ping = { .opcode = WSLAY_PING };
    wslay_event_queue_msg(ws->ctx, &ping);
    send_control(ws);
    bc_conn_set_idle(ws->hc->c, c->ws_idle_ms); /* counts from the last byte received */
}

void bc_ws_end(bc_ws_t *ws, bool tell)
{
    bc_http_server_t *s = ws->hc->s;
    if (s) {
        bc_map_remove(&s->by_id, bc_bytes(&ws->id, sizeof ws->id));
        *ws->prev = ws->next;
        if (ws->next)
            ws->next->prev = ws->prev;
    }
    if (tell && s->config.handler.on_ws_close)
        s->config.handler.on_ws_close(s->config.handler.ctx, ws);
    wslay_event_context_free(ws->ctx);
    bc_wr_free(&ws->path);
    free(ws);
}

bc_err_t bc_ws_send(bc_ws_t *ws, bool text, bc_bytes_t data)
{
    http_conn_t *hc = ws->hc;
    if (ws->closing || !hc->s)
        return BC_E_CLOSED;
    size_t head = data.n < 126 ? 2 : data.n < 65536 ? 4 : 10;
    bc_buf_t *b = bc_buf_new(head + data.n);
    if (!b)
        return BC_E_NOMEM;
    b->p[0] = (uint8_t)(0x80 | (text ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME));
    if (head == 2) {
        b->p[1] = (uint8_t)data.n;
    } else if (head == 4) {
        b->p[1] = 126;
        b->p[2] = (uint8_t)(data.n >> 8);
        b->p[3] = (uint8_t)data.n;
    } else {
        b->p[1] = 127;
        bc_store_be64(b->p + 2, data.n);
    }
    if (data.n)
        memcpy(b->p + head, data.p, data.n);
    bc_err_t err = bc_conn_send(hc->c, b);
    if (err == BC_E_FULL)
        hc->s->stats.dropped_full++;
    if (!err && bc_conn_queued(hc->c) > hc->s->config.queue_max / 2) {
        hc->slow = true; /* who does not read is not listened to */
        bc_http_pace(hc);
    }
    return err;
}

void bc_ws_close(bc_ws_t *ws, uint16_t code)
{
    if (ws->closing || !ws->hc->s)
        return;
    ws->closing = true;
    wslay_event_queue_close(ws->ctx, code, NULL, 0);
    send_control(ws);
    bc_conn_close(ws->hc->c, true);
}

uint64_t bc_ws_id(const bc_ws_t *ws)
{
    return ws->id;
}

bc_ws_t *bc_ws_find(bc_http_server_t *s, uint64_t id)
{
    return bc_map_find(&s->by_id, bc_bytes(&id, sizeof id));
}

bc_ws_t *bc_ws_first(bc_http_server_t *s)
{
    return s->sessions;
}

bc_ws_t *bc_ws_next(bc_ws_t *ws)
{
    return ws->next;
}

const char *bc_ws_peer(const bc_ws_t *ws)
{
    return bc_conn_peer(ws->hc->c);
}

bc_bytes_t bc_ws_path(const bc_ws_t *ws)
{
    return bc_wr_view(&ws->path);
}

void bc_ws_set_user(bc_ws_t *ws, void *user)
{
    ws->user = user;
}

void *bc_ws_user(const bc_ws_t *ws)
{
    return ws->user;
}
