/* Bytes of a client reach an HTTP server as the socket would bring them, in pieces whose sizes the
 * input chooses: head and body limits, upgrades and WebSocket frames behind them. Requests are
 * answered at once or at the end. */
#include "access/net/http_impl.h"
#include "base/log.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    bc_http_req_t *kept[BC_HTTP_INFLIGHT_MAX * 4];
    size_t cnt;
    bc_http_server_t *s;
} fuzz_t;

static void on_request(void *ctx, bc_http_req_t *req)
{
    fuzz_t *f = ctx;
    bc_bytes_t v = bc_http_header(req, "x");
    for (size_t i = 0; i < v.n; i++)
        BC_MUST(v.p[i] != '\n');
    BC_MUST(req->body.n <= 4096);
    if (req->path.n % 2 == 0 && f->cnt < BC_ARRAY_LEN(f->kept))
        f->kept[f->cnt++] = req;
    else
        bc_http_respond(req, 200, NULL, 0, bc_buf_copy(req->body));
}

static void on_ws_message(void *ctx, bc_ws_t *ws, bool text, bc_bytes_t data)
{
    (void)ctx;
    BC_MUST(data.n <= 2048);
    if (data.n % 3 == 0)
        bc_ws_close(ws, 1000);
    else
        bc_ws_send(ws, text, data);
}

static void accept_only(bc_conn_t *c, bc_bytes_t data, void *ctx)
{
    (void)c, (void)data, (void)ctx;
}
static void opened(bc_conn_t *c, void *ctx)
{
    (void)c;
    *(bool *)ctx = true;
}
static void closed(bc_conn_t *c, bc_err_t why, void *ctx)
{
    (void)c, (void)why;
    *(bool *)ctx = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const bc_conn_handler_t client = { .on_open = opened, .on_data = accept_only,
                                              .on_close = closed };
    bc_log_set_level(BC_LOG_FATAL);
    fuzz_t f = { 0 };
    bool gone = false;
    bc_uv_loop_t *l = bc_uv_loop_new("fuzz");
    bc_http_config_t c = { .ip = "127.0.0.1", .body_max = 4096, .ws_message_max = 2048,
                           .handler = { .on_request = on_request, .on_ws_message = on_ws_message,
                                        .ctx = &f } };
    BC_MUST(bc_http_server_new(l, &c, &f.s) == BC_OK);
    bool up = false;
    bc_conn_t *out = bc_conn_connect(l, "127.0.0.1", bc_http_server_port(f.s), NULL, NULL, &client,
                                     &up);
    while (!up || !f.s->conns)
        bc_uv_loop_poll(l, 10);
    bc_conn_handle(out, &client, &gone);
    /* straight into the server's connection: the socket would only add waiting */
    bc_conn_t *in = f.s->conns->c;
    http_conn_t *hc = f.s->conns;
    const bc_conn_handler_t *h = bc_conn_handler(in);
    for (size_t at = 0; at < size && !bc_conn_closing(in) && !hc->full && !hc->last;) {
        size_t n = BC_MIN((size_t)1 + data[at] % 61 * 8, size - at);
        h->on_data(in, bc_bytes(data + at, n), hc);
        at += n;
    }
    for (size_t i = 0; i < f.cnt; i++)
        bc_http_respond(f.kept[i], 200, NULL, 0, NULL);
    f.cnt = 0; /* what was read before a pause comes now */
    if (!gone)
        bc_conn_close(out, false);
    bc_uv_loop_poll(l, 0);
    bc_http_server_free(f.s);
    for (size_t i = 0; i < f.cnt; i++)
        bc_http_respond(f.kept[i], 200, NULL, 0, NULL);
    bc_uv_loop_free(l);
    return 0;
}
