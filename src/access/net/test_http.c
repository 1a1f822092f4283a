#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>
#include "access/net/http.h"
#include "access/net/test_certs.h"
#include "base/log.h"
#include <uv.h>

#define UNTIL(l, cond)                                                                             \
    do {                                                                                           \
        uint64_t end_ = uv_hrtime() + 10000000000u;                                                \
        while (!(cond)) {                                                                          \
            bc_uv_loop_poll(l, 20);                                                                \
            assert_true(uv_hrtime() < end_);                                                       \
        }                                                                                          \
    } while (0)

enum { KEEP_MAX = 64 };

/* A server that keeps requests until the test answers, and a client that collects bytes. */
typedef struct {
    bc_uv_loop_t *l;
    bc_http_server_t *s;
    bc_http_req_t *kept[KEEP_MAX];
    size_t kept_cnt;
    bool answer; /* at once, with the path as body */
    bc_conn_t *c;
    bool open, closed;
    bc_wr_t got;
    /* ws */
    bc_ws_t *ws;
    unsigned ws_opens, ws_closes, ws_messages;
    bool ws_text;
    bc_wr_t ws_got;
    bool ws_echo;
} fix_t;

static void answer_text(bc_http_req_t *req, bc_bytes_t body)
{
    bc_http_header_t h = { BC_STR("Content-Type"), BC_STR("text/plain") };
    bc_http_respond(req, 200, &h, 1, bc_buf_copy(body));
}

static void on_request(void *ctx, bc_http_req_t *req)
{
    fix_t *x = ctx;
    if (x->answer) {
        answer_text(req, req->path);
        return;
    }
    assert_true(x->kept_cnt < KEEP_MAX);
    x->kept[x->kept_cnt++] = req;
}

static void on_ws_open(void *ctx, bc_ws_t *ws)
{
    fix_t *x = ctx;
    x->ws = ws;
    x->ws_opens++;
    bc_ws_set_user(ws, x);
}

static void on_ws_message(void *ctx, bc_ws_t *ws, bool text, bc_bytes_t data)
{
    fix_t *x = ctx;
    assert_ptr_equal(bc_ws_user(ws), x);
    x->ws_messages++;
    x->ws_text = text;
    bc_wr_put(&x->ws_got, data);
    if (x->ws_echo)
        assert_int_equal(bc_ws_send(ws, text, data), BC_OK);
}

static void on_ws_close(void *ctx, bc_ws_t *ws)
{
    fix_t *x = ctx;
    assert_ptr_equal(ws, x->ws);
    x->ws = NULL;
    x->ws_closes++;
}

static void client_open(bc_conn_t *c, void *ctx)
{
    (void)c;
    ((fix_t *)ctx)->open = true;
}
static void client_data(bc_conn_t *c, bc_bytes_t data, void *ctx)
{
    (void)c;
    bc_wr_put(&((fix_t *)ctx)->got, data);
}
static void client_close(bc_conn_t *c, bc_err_t why, void *ctx)
{
    (void)c, (void)why;
    fix_t *x = ctx;
    x->closed = true;
    x->c = NULL;
}
static const bc_conn_handler_t client_handler = { .on_open = client_open, .on_data = client_data,
                                                  .on_close = client_close };

static void dial(fix_t *x, bc_tls_t *tls)
{
    x->open = x->closed = false;
    bc_wr_reset(&x->got);
    x->c = bc_conn_connect(x->l, "127.0.0.1", bc_http_server_port(x->s), tls, NULL, &client_handler,
                           x);
    UNTIL(x->l, x->open);
}

static void fix_begin(fix_t *x, bc_http_config_t c, bc_tls_t *client_tls)
{
    x->l = bc_uv_loop_new("http");
    c.ip = "127.0.0.1";
    c.handler = (bc_http_handler_t){ on_request, on_ws_open, on_ws_message, on_ws_close, x };
    assert_int_equal(bc_http_server_new(x->l, &c, &x->s), BC_OK);
    dial(x, client_tls);
}

static void fix_end(fix_t *x)
{
    if (x->c)
        bc_conn_close(x->c, false);
    bc_http_server_free(x->s);
    for (size_t i = 0; i < x->kept_cnt; i++)
        answer_text(x->kept[i], BC_STR("late"));
    bc_uv_loop_free(x->l);
    bc_wr_free(&x->got);
    bc_wr_free(&x->ws_got);
}

static void say(fix_t *x, const char *text)
{
    assert_int_equal(bc_conn_write(x->c, bc_cstr(text)), BC_OK);
}

static bool heard(fix_t *x, const char *text)
{
    return x->got.n && memmem(x->got.p, x->got.n, text, strlen(text));
}

static void request_is_answered_and_connection_kept(void **state)
{
    (void)state;
    fix_t x = { 0 };
    fix_begin(&x, (bc_http_config_t){ 0 }, NULL);
    say(&x, "POST /a?b=1 HTTP/1.1\r\nHost: h\r\nX-Thing:  v 1 \r\nContent-");
    bc_uv_loop_poll(x.l, 5);
    say(&x, "Length: 5\r\n\r\nhe");
    bc_uv_loop_poll(x.l, 5);
    assert_int_equal(x.kept_cnt, 0);
    say(&x, "llo");
    UNTIL(x.l, x.kept_cnt == 1);
    bc_http_req_t *r = x.kept[0];
    assert_true(bc_bytes_eq(r->method, BC_STR("POST")));
    assert_true(bc_bytes_eq(r->path, BC_STR("/a?b=1")));
    assert_true(bc_bytes_eq(r->body, BC_STR("hello")));
    assert_true(bc_bytes_eq(bc_http_header(r, "x-thing"), BC_STR("v 1 ")) ||
                bc_bytes_eq(bc_http_header(r, "x-thing"), BC_STR("v 1")));
    assert_int_equal(bc_http_header(r, "Absent").n, 0);
    x.kept_cnt = 0;
    answer_text(r, BC_STR("world"));
    UNTIL(x.l, heard(&x, "world"));
    assert_true(heard(&x, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n"));
    assert_false(x.closed);

    /* chunked, with a trailer; HEAD has no body; OPTIONS reaches the handler */
    bc_wr_reset(&x.got);
    say(&x, "POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n"
            "T: tail\r\n\r\n");
    UNTIL(x.l, x.kept_cnt == 1);
    assert_true(bc_bytes_eq(x.kept[0]->body, BC_STR("abcdefg")));
    assert_true(bc_bytes_eq(bc_http_header(x.kept[0], "T"), BC_STR("tail")));
    assert_true(bc_bytes_eq(x.kept[0]->path, BC_STR("/c")));
    x.kept_cnt = 0;
    bc_http_respond(x.kept[0], 204, NULL, 0, NULL);
    UNTIL(x.l, heard(&x, "HTTP/1.1 204 No Content\r\n\r\n"));
    x.answer = true;
    bc_wr_reset(&x.got);
    say(&x, "HEAD /head HTTP/1.1\r\n\r\n");
    UNTIL(x.l, heard(&x, "Content-Length: 5\r\n\r\n"));
    assert_false(heard(&x, "/head"));
    say(&x, "OPTIONS /opt HTTP/1.1\r\n\r\n");
    UNTIL(x.l, heard(&x, "/opt"));

    /* a big answer */
    x.answer = false;
    say(&x, "GET /big HTTP/1.1\r\n\r\n");
    UNTIL(x.l, x.kept_cnt == 1);
    bc_wr_reset(&x.got);
    bc_buf_t *big = bc_buf_new(3000000);
    memset(big->p, 'z', big->n);
    x.kept_cnt = 0;
    bc_http_respond(x.kept[0], 200, NULL, 0, big);
    UNTIL(x.l, x.got.n > 3000000);
    assert_int_equal(x.got.p[x.got.n - 1], 'z');
    fix_end(&x);
}

static void pipelined_requests_are_answered_as_completed(void **state)
{
    (void)state;
    fix_t x = { 0 };
    fix_begin(&x, (bc_http_config_t){ 0 }, NULL);
    for (int i = 0; i < 40; i++) {
        char text[64];
        snprintf(text, sizeof text, "GET /%02d HTTP/1.1\r\n\r\n", i);
        say(&x, text);
    }
    UNTIL(x.l, x.kept_cnt == BC_HTTP_INFLIGHT_MAX);
    for (int i = 0; i < 5; i++)
        bc_uv_loop_poll(x.l, 5);
    assert_int_equal(x.kept_cnt, BC_HTTP_INFLIGHT_MAX); /* reading has stopped */
    answer_text(x.kept[5], BC_STR("five"));
    answer_text(x.kept[0], BC_STR("zero"));
    x.kept[0] = x.kept[5] = NULL;
    UNTIL(x.l, x.kept_cnt == BC_HTTP_INFLIGHT_MAX + 2);
    UNTIL(x.l, heard(&x, "zero"));
    const uint8_t *five = memmem(x.got.p, x.got.n, "five", 4);
    const uint8_t *zero = memmem(x.got.p, x.got.n, "zero", 4);
    assert_true(five && five < zero);
    for (size_t done = 0; done < 40; bc_uv_loop_poll(x.l, 5)) {
        for (; done < x.kept_cnt; done++) {
            if (x.kept[done]) {
                char want[32];
                snprintf(want, sizeof want, "/%02zu", done);
                assert_true(bc_bytes_eq(x.kept[done]->path, bc_cstr(want)));
                answer_text(x.kept[done], BC_STR("x"));
            }
            x.kept[done] = NULL;
        }
    }
    assert_int_equal(x.kept_cnt, 40);
    x.kept_cnt = 0;
    assert_int_equal(bc_http_server_stats(x.s).inflight, 0);
    fix_end(&x);
}

static void last_request_closes_after_its_answer(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "GET /x HTTP/1.1\r\nConnection: close\r\n\r\nGET /never HTTP/1.1\r\n\r\n",
        "GET /x HTTP/1.0\r\n\r\n",
    };
    for (size_t i = 0; i < 2; i++) {
        fix_t x = { 0 };
        fix_begin(&x, (bc_http_config_t){ 0 }, NULL);
        say(&x, texts[i]);
        UNTIL(x.l, x.kept_cnt == 1);
        x.kept_cnt = 0;
        answer_text(x.kept[0], BC_STR("done"));
        UNTIL(x.l, x.closed);
        assert_true(heard(&x, "Connection: close\r\n\r\ndone"));
        assert_int_equal(x.kept_cnt, 0);
        fix_end(&x);
    }
    fix_t x = { .answer = true };
    fix_begin(&x, (bc_http_config_t){ 0 }, NULL);
    say(&x, "GET /k HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    UNTIL(x.l, heard(&x, "HTTP/1.0 200 OK") && heard(&x, "Connection: keep-alive\r\n\r\n/k"));
    fix_end(&x);
}

static void bad_requests_close_without_an_answer(void **state)
{
    (void)state;
    static char long_head[BC_HTTP_HEAD_MAX + 64], many[4096];
    memset(long_head, 'a', sizeof long_head - 1);
    memcpy(long_head, "GET /", 5);
    strcpy(many, "GET / HTTP/1.1\r\n");
    for (int i = 0; i < BC_HTTP_HEADERS_MAX + 1; i++)
        strcat(many, "A: b\r\n");
    strcat(many, "\r\n");
    const char *const texts[] = {
        "nonsense\r\n\r\n",
        "FETCH / HTTP/1.1\r\n\r\n",
        "GET / HTTP/3.0\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
        "POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        "GET / HTTP/1.1\r\nBad Header: 1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length : 2\r\n\r\nab",
        "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        long_head,
        many,
    };
    fix_t x = { .answer = true };
    fix_begin(&x, (bc_http_config_t){ .body_max = 1000 }, NULL);
    for (size_t i = 0; i < BC_ARRAY_LEN(texts); i++) {
        say(&x, texts[i]);
        UNTIL(x.l, x.closed);
        if (x.got.n)
            fail_msg("request %zu was answered", i);
        dial(&x, NULL);
    }
    /* a chunked body that passes the maximum */
    say(&x, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 300 && !x.closed; i++) {
        if (x.c)
            bc_conn_write(x.c, BC_STR("4\r\nabcd\r\n"));
        bc_uv_loop_poll(x.l, 1);
    }
    UNTIL(x.l, x.closed);
    assert_int_equal(x.got.n, 0);
    assert_int_equal(bc_http_server_stats(x.s).oversize, 2);
    assert_int_equal(bc_http_server_stats(x.s).requests, 0);
    /* and the largest allowed one is fine */
    dial(&x, NULL);
    say(&x, "POST /ok HTTP/1.1\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n");
    UNTIL(x.l, heard(&x, "HTTP/1.1 100 Continue\r\n\r\n"));
    for (int i = 0; i < 100; i++)
        say(&x, "0123456789");
    UNTIL(x.l, heard(&x, "/ok"));
    fix_end(&x);
}

static void other_upgrades_are_ordinary_requests(void **state)
{
    (void)state;
    fix_t x = { .answer = true };
    fix_begin(&x, (bc_http_config_t){ 0 }, NULL);
    say(&x, "POST /j HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
            "HTTP2-Settings: AAA\r\nContent-Length: 2\r\n\r\nhi");
    UNTIL(x.l, heard(&x, "\r\n\r\n/j"));
    say(&x, "GET /again HTTP/1.1\r\n\r\n");
    UNTIL(x.l, heard(&x, "/again"));
    fix_end(&x);
}

static void requests_outlive_their_connection(void **state)
{
    (void)state;
    fix_t x = { 0 };
    fix_begin(&x, (bc_http_config_t){ 0 }, NULL);
    say(&x, "POST /gone HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc");
    UNTIL(x.l, x.kept_cnt == 1);
    bc_conn_close(x.c, false);
    UNTIL(x.l, x.kept[0]->closed);
    assert_true(bc_bytes_eq(x.kept[0]->body, BC_STR("abc")));
    assert_int_equal(bc_http_server_stats(x.s).conns, 0);
    answer_text(x.kept[0], BC_STR("too late"));
    x.kept_cnt = 0;
    dial(&x, NULL); /* fix_end answers this one after the server has gone */
    say(&x, "GET /2 HTTP/1.1\r\n\r\n");
    UNTIL(x.l, x.kept_cnt == 1);
    fix_end(&x);
}

static void idle_connections_are_closed(void **state)
{
    (void)state;
    fix_t x = { 0 };
    fix_begin(&x, (bc_http_config_t){ .idle_ms = 60 }, NULL);
    say(&x, "GET /slow HTTP/1.1\r\n\r\n");
    UNTIL(x.l, x.kept_cnt == 1);
    for (int i = 0; i < 10; i++)
        bc_uv_loop_poll(x.l, 20);
    assert_false(x.closed); /* an answer is being made */
    x.kept_cnt = 0;
    answer_text(x.kept[0], BC_STR("ok"));
    UNTIL(x.l, x.closed);
    assert_true(heard(&x, "ok"));
    fix_end(&x);
}

/* ---- WebSocket ---- */

static void ws_frame(bc_wr_t *w, uint8_t first, const void *data, size_t n)
{
    static const uint8_t mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
    bc_wr_u8(w, first);
    if (n < 126) {
        bc_wr_u8(w, (uint8_t)(0x80 | n));
    } else if (n < 65536) {
        bc_wr_u8(w, 0x80 | 126);
        bc_wr_be16(w, (uint16_t)n);
    } else {
        bc_wr_u8(w, 0x80 | 127);
        bc_wr_be64(w, n);
    }
    bc_wr_mem(w, mask, 4);
    for (size_t i = 0; i < n; i++)
        bc_wr_u8(w, ((const uint8_t *)data)[i] ^ mask[i % 4]);
}

static void ws_say(fix_t *x, uint8_t first, const void *data, size_t n)
{
    bc_wr_t w = { 0 };
    ws_frame(&w, first, data, n);
    assert_int_equal(bc_conn_write(x->c, bc_wr_view(&w)), BC_OK);
    bc_wr_free(&w);
}

#define UPGRADE                                                                                    \
    "GET /ws?x HTTP/1.1\r\nHost: h\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"   \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

static void ws_open(fix_t *x)
{
    bc_wr_t w = { 0 }; /* the first message comes with the upgrade */
    bc_wr_str(&w, UPGRADE);
    ws_frame(&w, 0x81, "first", 5);
    bc_conn_write(x->c, bc_wr_view(&w));
    bc_wr_free(&w);
    UNTIL(x->l, x->ws_messages == 1 && heard(x, "\r\n\r\n"));
    /* the example of RFC 6455 */
    assert_true(heard(x, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    assert_true(x->ws_text);
    assert_int_equal(x->ws_opens, 1);
    assert_true(bc_bytes_eq(bc_wr_view(&x->ws_got), BC_STR("first")));
    assert_true(bc_bytes_eq(bc_ws_path(x->ws), BC_STR("/ws?x")));
    bc_wr_reset(&x->ws_got);
    bc_wr_reset(&x->got);
}

static void websocket_carries_messages_both_ways(void **state)
{
    (void)state;
    test_ca_t ca = test_ca_new("ca");
    bc_tls_t *st = test_tls(&ca, &ca, (bc_tls_config_t){ .verify = true });
    bc_tls_t *ct = test_tls(&ca, &ca, (bc_tls_config_t){ .verify = true });
    fix_t x = { 0 };
    fix_begin(&x, (bc_http_config_t){ .tls = st }, ct);
    ws_open(&x);
    x.ws_echo = true;
    ws_say(&x, 0x82, "binary", 6);
    UNTIL(x.l, x.got.n == 8);
    assert_memory_equal(x.got.p, "\x82\x06" "binary", 8);
    assert_false(x.ws_text);

    /* fragments with a ping between them make one message */
    bc_wr_reset(&x.got);
    ws_say(&x, 0x01, "one ", 4);
    ws_say(&x, 0x89, "p", 1);
    ws_say(&x, 0x80, "two", 3);
    UNTIL(x.l, x.got.n >= 3 + 9);
    assert_true(heard(&x, "\x8a\x01p"));
    assert_true(heard(&x, "\x81\x07one two"));

    /* a large one */
    bc_wr_reset(&x.got);
    uint8_t *big = malloc(1000000);
    for (size_t i = 0; i < 1000000; i++)
        big[i] = (uint8_t)(i * 13);
    ws_say(&x, 0x82, big, 1000000);
    UNTIL(x.l, x.got.n == 1000010);
    assert_memory_equal(x.got.p, "\x82\x7f\0\0\0\0\0\x0f\x42\x40", 10);
    assert_memory_equal(x.got.p + 10, big, 1000000);
    free(big);

    /* sessions are found by id, in lists, and end with the close handshake */
    uint64_t id = bc_ws_id(x.ws);
    assert_ptr_equal(bc_ws_find(x.s, id), x.ws);
    assert_ptr_equal(bc_ws_first(x.s), x.ws);
    assert_null(bc_ws_next(x.ws));
    bc_wr_reset(&x.got);
    ws_say(&x, 0x88, "\x03\xe8", 2);
    UNTIL(x.l, x.closed);
    assert_memory_equal(x.got.p, "\x88\x02\x03\xe8", 4);
    UNTIL(x.l, x.ws_closes == 1);
    assert_null(bc_ws_find(x.s, id));
    fix_end(&x);
    bc_tls_unref(st);
    bc_tls_unref(ct);
    test_ca_free(&ca);
}

static void silent_websocket_is_pinged_then_closed(void **state)
{
    (void)state;
    fix_t x = { 0 };
    fix_begin(&x, (bc_http_config_t){ .ws_ping_ms = 100, .ws_idle_ms = 200 }, NULL);
    ws_open(&x);
    for (int i = 0; i < 3; i++) { /* answered pings keep it open */
        uint64_t t = uv_hrtime();
        UNTIL(x.l, heard(&x, "\x89"));
        assert_true(uv_hrtime() - t > 60000000u);
        bc_wr_reset(&x.got);
        ws_say(&x, 0x8a, "", 0);
    }
    uint64_t t = uv_hrtime();
    UNTIL(x.l, x.closed);
    assert_true(uv_hrtime() - t > 160000000u);
    assert_int_equal(x.got.n, 2); /* one ping */
    assert_int_equal(x.ws_closes, 1);
    fix_end(&x);
}

static void websocket_limits_hold(void **state)
{
    (void)state;
    static uint8_t big[2000];
    static const struct {
        uint8_t first;
        size_t n;
        const char *code;
    } rows[] = {
        { 0x82, 2000, "\x03\xf1" }, /* 1009: too big */
        { 0x83, 4, "\x03\xea" },    /* 1002: unknown opcode */
        { 0xc2, 4, "\x03\xea" },    /* 1002: a reserved bit */
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(rows); i++) {
        fix_t x = { 0 };
        fix_begin(&x, (bc_http_config_t){ .ws_message_max = 1999 }, NULL);
        ws_open(&x);
        ws_say(&x, rows[i].first, big, rows[i].n);
        UNTIL(x.l, x.closed && x.ws_closes == 1);
        assert_int_equal(x.ws_messages, 1);
        assert_true(heard(&x, rows[i].code));
        fix_end(&x);
    }
    /* a client that does not read: messages to it are refused, its own are not read */
    fix_t x = { 0 };
    fix_begin(&x, (bc_http_config_t){ .queue_max = 1 << 20 }, NULL);
    ws_open(&x);
    bc_conn_pause(x.c);
    bc_err_t err = BC_OK;
    bc_buf_t *b = bc_buf_new(100000);
    memset(b->p, 1, b->n);
    for (int i = 0; i < 2000 && !err; i++) {
        err = bc_ws_send(x.ws, false, bc_buf_view(b));
        bc_uv_loop_poll(x.l, 1);
    }
    bc_buf_unref(b);
    assert_int_equal(err, BC_E_FULL);
    ws_say(&x, 0x81, "hello", 5);
    for (int i = 0; i < 5; i++)
        bc_uv_loop_poll(x.l, 5);
    assert_int_equal(x.ws_messages, 1);
    bc_conn_resume(x.c);
    UNTIL(x.l, x.ws_messages == 2);
    bc_ws_close(x.ws, 1001);
    assert_int_equal(bc_ws_send(x.ws, true, BC_STR("x")), BC_E_CLOSED);
    UNTIL(x.l, x.closed && x.ws_closes == 1);
    fix_end(&x);
}

static int setup(void **state)
{
    (void)state;
    bc_log_set_level(BC_LOG_FATAL);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_is_answered_and_connection_kept),
        cmocka_unit_test(pipelined_requests_are_answered_as_completed),
        cmocka_unit_test(last_request_closes_after_its_answer),
        cmocka_unit_test(bad_requests_close_without_an_answer),
        cmocka_unit_test(other_upgrades_are_ordinary_requests),
        cmocka_unit_test(requests_outlive_their_connection),
        cmocka_unit_test(idle_connections_are_closed),
        cmocka_unit_test(websocket_carries_messages_both_ways),
        cmocka_unit_test(silent_websocket_is_pinged_then_closed),
        cmocka_unit_test(websocket_limits_hold),
    };
    return cmocka_run_group_tests_name("http", tests, setup, NULL);
}
