#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>
#include "access/net/net_impl.h"
#include "access/net/test_certs.h"
#include "access/tlcp/tlcp_impl.h"
#include "base/log.h"

/* What a test is run over; its cmocka state. */
typedef enum { PLAIN = 1, TLS, TLCP } kind_t;

enum { ONE, OTHER }; /* roots */
static test_ca_t ca[2];
static sm_pair_t sm_ca[2];

static kind_t kind_of(void **state)
{
    return (kind_t)(uintptr_t)*state;
}

/* A context with a certificate of one root that trusts another. */
static bc_tls_t *tls_with(kind_t kind, unsigned issuer, unsigned trust, bc_tls_config_t c)
{
    return kind == TLS    ? test_tls(&ca[issuer], &ca[trust], c)
           : kind == TLCP ? test_sm_tls(&sm_ca[issuer], &sm_ca[trust], c)
                          : NULL;
}

static bc_tls_t *tls_new(kind_t kind)
{
    return tls_with(kind, ONE, ONE, (bc_tls_config_t){ .verify = true });
}

/* Steps the loop until cond holds; fails the test after ten seconds. */
#define UNTIL(l, cond)                                                                             \
    do {                                                                                           \
        uint64_t end_ = uv_hrtime() + 10000000000u;                                                \
        while (!(cond)) {                                                                          \
            bc_uv_loop_poll(l, 20);                                                                \
            assert_true(uv_hrtime() < end_);                                                       \
        }                                                                                          \
    } while (0)

typedef struct {
    bc_conn_t *c;
    bc_wr_t got;
    bool opened, closed, echo, hold;
    unsigned drains, idles;
    bc_err_t why;
    size_t give_back; /* bytes of the first data given back with a pause */
} side_t;

static void side_open(bc_conn_t *c, void *ctx)
{
    side_t *s = ctx;
    s->c = c;
    s->opened = true;
}

static void side_data(bc_conn_t *c, bc_bytes_t data, void *ctx)
{
    side_t *s = ctx;
    if (s->give_back) {
        size_t n = BC_MIN(s->give_back, data.n);
        s->give_back = 0;
        bc_conn_pause(c);
        assert_int_equal(bc_conn_unread(c, bc_bytes(data.p + data.n - n, n)), BC_OK);
        data.n -= n;
    }
    if (s->echo) {
        bc_err_t err = bc_conn_write(c, data);
        assert_int_equal(err, BC_OK);
        if (bc_conn_queued(c) > 1 << 20) {
            s->hold = true;
            bc_conn_pause(c);
        }
    } else {
        bc_wr_put(&s->got, data);
    }
}

static void side_drain(bc_conn_t *c, void *ctx)
{
    side_t *s = ctx;
    s->drains++;
    if (s->hold) {
        s->hold = false;
        bc_conn_resume(c);
    }
}

static void side_close(bc_conn_t *c, bc_err_t why, void *ctx)
{
    (void)c;
    side_t *s = ctx;
    assert_false(s->closed);
    s->closed = true;
    s->why = why;
    s->c = NULL;
}

static const bc_conn_handler_t side_handler = {
    .on_open = side_open,
    .on_data = side_data,
    .on_drain = side_drain,
    .on_close = side_close,
};

typedef struct {
    bc_uv_loop_t *l;
    bc_listener_t *lis;
    side_t server, client;
    bc_tls_t *stls, *ctls;
} fix_t;

static void fix_accept(bc_conn_t *c, void *ctx)
{
    fix_t *x = ctx;
    x->server.opened = true;
    x->server.c = c;
    bc_conn_handle(c, &side_handler, &x->server);
}

static void fix_begin(fix_t *x, bc_conn_limits_t limits)
{
    x->l = bc_uv_loop_new("test");
    bc_listen_config_t lc = { .ip = "127.0.0.1", .tls = x->stls, .on_accept = fix_accept, .ctx = x,
                              .limits = limits };
    assert_int_equal(bc_listener_new(x->l, &lc, &x->lis), BC_OK);
    x->client.c = bc_conn_connect(x->l, "127.0.0.1", bc_listener_port(x->lis), x->ctls, NULL,
                                  &side_handler, &x->client);
}

static void fix_end(fix_t *x)
{
    if (x->client.c)
        bc_conn_close(x->client.c, false);
    if (x->server.c)
        bc_conn_close(x->server.c, false);
    bc_listener_free(x->lis);
    bc_uv_loop_free(x->l);
    assert_true(x->client.closed);
    bc_wr_free(&x->client.got);
    bc_wr_free(&x->server.got);
    bc_tls_unref(x->stls);
    bc_tls_unref(x->ctls);
}

/* 6 MB out and back through queues of 2 MB: nothing is lost, nothing is out of order. */
static void echo_volume(fix_t *x)
{
    enum { CHUNK = 10007, CNT = 600 };
    fix_begin(x, (bc_conn_limits_t){ .queue_max = 2 << 20 });
    x->server.echo = true;
    UNTIL(x->l, x->client.opened && x->server.opened);
    for (unsigned i = 0; i < CNT; i++) {
        bc_buf_t *b = bc_buf_new(CHUNK);
        for (size_t k = 0; k < CHUNK; k++)
            b->p[k] = (uint8_t)(i * 31 + k);
        assert_int_equal(bc_conn_send(x->client.c, b), BC_OK);
    }
    UNTIL(x->l, x->client.got.n == (size_t)CHUNK * CNT);
    for (unsigned i = 0; i < CNT; i++)
        for (size_t k = 0; k < CHUNK; k++)
            assert_int_equal(x->client.got.p[(size_t)i * CHUNK + k], (uint8_t)(i * 31 + k));
    assert_int_equal(bc_conn_queued(x->client.c), 0);
    bc_conn_write(x->client.c, BC_STR("bye"));
    bc_conn_close(x->client.c, true);
    x->server.echo = false;
    UNTIL(x->l, x->server.closed && x->client.closed);
    assert_true(bc_bytes_eq(bc_wr_view(&x->server.got), BC_STR("bye"))); /* flushed before the end */
    assert_int_equal(x->server.why, BC_E_CLOSED);
}

static void stream_carries_volume(void **state)
{
    kind_t kind = kind_of(state);
    fix_t x = { .stls = tls_new(kind), .ctls = tls_new(kind) };
    echo_volume(&x);
    fix_end(&x);
}

static void peers_are_named(void **state)
{
    kind_t kind = kind_of(state);
    fix_t x = { .stls = tls_new(kind), .ctls = tls_new(kind) };
    bc_bytes_t key = bc_tls_own_key(x.ctls);
    assert_int_equal(key.n, kind == TLCP ? 65 : 270);
    assert_memory_equal(key.p, kind == TLCP ? "\x04" : "\x30\x82\x01\x0a\x02\x82\x01\x01\x00",
                        kind == TLCP ? 1 : 9);
    fix_begin(&x, (bc_conn_limits_t){ 0 });
    UNTIL(x.l, x.client.opened && x.server.opened);
    assert_true(bc_bytes_eq(bc_conn_peer_key(x.server.c), key));
    assert_true(bc_bytes_eq(bc_conn_peer_key(x.client.c), bc_tls_own_key(x.stls)));
    assert_int_equal(bc_listener_conns(x.lis), 1);
    fix_end(&x);
}

static void expect_refused(bc_tls_t *stls, bc_tls_t *ctls)
{
    fix_t x = { .stls = stls, .ctls = ctls };
    fix_begin(&x, (bc_conn_limits_t){ 0 });
    UNTIL(x.l, x.client.closed);
    UNTIL(x.l, bc_listener_conns(x.lis) == 0);
    assert_false(x.server.opened);
    assert_int_not_equal(x.client.why, BC_OK);
    fix_end(&x);
}

static bool refuse_key(void *ctx, bc_bytes_t key, const char *peer)
{
    assert_memory_equal(peer, "127.0.0.1:", 10);
    *(size_t *)ctx = key.n;
    return false;
}

/* A context that shows no certificate to a server. */
static bc_tls_t *tls_bare(kind_t kind)
{
    bc_tls_t *bare = tls_new(kind);
    if (kind == TLCP) {
        bc_wr_reset(&bare->tlcp->chain);
        tlcp_be24(&bare->tlcp->chain, 0);
        return bare;
    }
    SSL_CTX_free(bare->ctx);
    bare->ctx = SSL_CTX_new(TLS_method());
    SSL_CTX_set_app_data(bare->ctx, bare);
    SSL_CTX_set_max_proto_version(bare->ctx, TLS1_2_VERSION);
    return bare;
}

static void strangers_are_refused(void **state)
{
    kind_t kind = kind_of(state);
    bc_tls_config_t v = { .verify = true };
    /* a certificate of another root, and a server of another root */
    expect_refused(tls_new(kind), tls_with(kind, OTHER, ONE, v));
    expect_refused(tls_with(kind, OTHER, ONE, v), tls_new(kind));
    /* on a list */
    size_t seen = 0;
    bc_tls_config_t list = { .verify = true, .accept_key = refuse_key, .ctx = &seen };
    expect_refused(tls_with(kind, ONE, ONE, list), tls_new(kind));
    assert_int_equal(seen, kind == TLCP ? 65 : 270);
    /* no certificate at all, to be verified or not */
    expect_refused(tls_new(kind), tls_bare(kind));
    expect_refused(tls_with(kind, ONE, ONE, (bc_tls_config_t){ .verify = false }), tls_bare(kind));
    /* the other protocol */
    expect_refused(tls_new(kind), tls_new(kind == TLS ? TLCP : TLS));
    /* plain bytes to a TLS port */
    fix_t x = { .stls = tls_new(kind) };
    fix_begin(&x, (bc_conn_limits_t){ 0 });
    UNTIL(x.l, x.client.opened);
    bc_conn_write(x.client.c, BC_STR("GET / HTTP/1.1\r\n\r\n"));
    UNTIL(x.l, x.client.closed);
    assert_false(x.server.opened);
    fix_end(&x);
}

static void without_verification_any_certificate_will_do(void **state)
{
    kind_t kind = kind_of(state);
    fix_t x = { .stls = tls_with(kind, ONE, ONE, (bc_tls_config_t){ .verify = false }),
                .ctls = tls_with(kind, OTHER, ONE, (bc_tls_config_t){ .verify = true }) };
    fix_begin(&x, (bc_conn_limits_t){ 0 });
    UNTIL(x.l, x.client.opened && x.server.opened);
    fix_end(&x);
}

static void setup_has_a_deadline(void **state)
{
    /* a plain client never says hello to the TLS listener */
    fix_t x = { .stls = tls_new(kind_of(state)) };
    fix_begin(&x, (bc_conn_limits_t){ .setup_ms = 100 });
    UNTIL(x.l, x.client.closed);
    assert_false(x.server.opened);
    fix_end(&x);
}

static void silence_has_a_deadline(void **state)
{
    (void)state;
    fix_t x = { 0 };
    fix_begin(&x, (bc_conn_limits_t){ 0 });
    UNTIL(x.l, x.client.opened && x.server.opened);
    bc_conn_set_idle(x.server.c, 80);
    uint64_t t = uv_hrtime();
    bc_conn_pause(x.server.c); /* time stands still */
    for (int i = 0; i < 10; i++)
        bc_uv_loop_poll(x.l, 20);
    assert_false(x.server.closed);
    bc_conn_resume(x.server.c);
    UNTIL(x.l, x.server.closed);
    assert_int_equal(x.server.why, BC_E_TIMEOUT);
    assert_true(uv_hrtime() - t >= 200000000u);
    UNTIL(x.l, x.client.closed);
    fix_end(&x);
}

static void nobody_listens(void **state)
{
    (void)state;
    fix_t x = { 0 };
    fix_begin(&x, (bc_conn_limits_t){ 0 });
    uint16_t port = bc_listener_port(x.lis);
    UNTIL(x.l, x.server.opened && x.client.opened);
    side_t s = { 0 };
    bc_listener_free(x.lis);
    x.lis = NULL;
    bc_uv_loop_poll(x.l, 10);
    s.c = bc_conn_connect(x.l, "localhost", port, NULL, NULL, &side_handler, &s);
    assert_false(s.closed); /* never inside the call */
    UNTIL(x.l, s.closed);
    assert_false(s.opened);
    fix_end(&x);
}

static void write_queue_has_a_maximum(void **state)
{
    kind_t kind = kind_of(state);
    fix_t x = { .stls = tls_new(kind), .ctls = tls_new(kind) };
    fix_begin(&x, (bc_conn_limits_t){ .queue_max = 1 << 20 });
    UNTIL(x.l, x.client.opened && x.server.opened);
    bc_conn_pause(x.client.c);
    bc_err_t err = BC_OK;
    size_t sent = 0;
    for (int i = 0; i < 4000 && !err; i++) {
        bc_buf_t *b = bc_buf_new(65536);
        memset(b->p, i, b->n);
        err = bc_conn_send(x.server.c, b);
        if (!err)
            sent += 65536;
        bc_uv_loop_poll(x.l, 1);
    }
    assert_int_equal(err, BC_E_FULL);
    assert_true(bc_conn_queued(x.server.c) <= 1 << 20);
    assert_int_equal(x.server.drains, 0);
    bc_conn_resume(x.client.c);
    UNTIL(x.l, x.server.drains > 0 && x.client.got.n == sent);
    fix_end(&x);
}

static void given_back_bytes_come_again_first(void **state)
{
    kind_t kind = kind_of(state);
    fix_t x = { .stls = tls_new(kind), .ctls = tls_new(kind) };
    fix_begin(&x, (bc_conn_limits_t){ 0 });
    UNTIL(x.l, x.client.opened && x.server.opened);
    x.server.give_back = 5;
    bc_wr_t w = { 0 };
    for (int i = 0; i < 60000; i++)
        bc_wr_u8(&w, (uint8_t)(i * 7));
    bc_conn_write(x.client.c, bc_wr_view(&w));
    UNTIL(x.l, x.server.give_back == 0);
    size_t n = x.server.got.n;
    assert_true(n < w.n);
    for (int i = 0; i < 5; i++)
        bc_uv_loop_poll(x.l, 10);
    assert_int_equal(x.server.got.n, n); /* paused */
    bc_conn_resume(x.server.c);
    assert_int_equal(x.server.got.n, n); /* not inside the call */
    UNTIL(x.l, x.server.got.n == w.n);
    assert_memory_equal(x.server.got.p, w.p, w.n);
    bc_wr_free(&w);
    fix_end(&x);
}

/* A TLCP client by hand on a plain connection: it sends a record that was altered on the way, and is
 * told why the server ends. */
static void altered_record_ends_with_an_alert(void **state)
{
    (void)state;
    fix_t x = { .stls = tls_new(TLCP) };
    bc_tls_t *own = tls_new(TLCP);
    bc_tlcp_t *t = bc_tlcp_new(own->tlcp, false, NULL);
    fix_begin(&x, (bc_conn_limits_t){ 0 });
    UNTIL(x.l, x.client.opened);
    bc_tlcp_result_t r;
    bc_bytes_t in = { 0 }, data;
    bc_wr_t out = { 0 };
    while ((r = bc_tlcp_handshake(t, &in, &out)) == BC_TLCP_WANT) {
        if (out.n)
            assert_int_equal(bc_conn_write(x.client.c, bc_wr_view(&out)), BC_OK);
        bc_wr_reset(&out);
        bc_wr_reset(&x.client.got);
        UNTIL(x.l, x.client.got.n);
        in = bc_wr_view(&x.client.got);
    }
    bc_wr_reset(&x.client.got);
    assert_int_equal(r, BC_TLCP_OK);
    UNTIL(x.l, x.server.opened);
    assert_true(bc_tlcp_write(t, BC_STR("good"), &out) && bc_tlcp_write(t, BC_STR("bad"), &out));
    out.p[out.n - 1] ^= 1;
    assert_int_equal(bc_conn_write(x.client.c, bc_wr_view(&out)), BC_OK);
    UNTIL(x.l, x.server.closed && x.client.closed);
    assert_int_equal(x.server.why, BC_E_IO);
    assert_true(bc_bytes_eq(bc_wr_view(&x.server.got), BC_STR("good")));
    in = bc_wr_view(&x.client.got);
    assert_int_equal(bc_tlcp_read(t, &in, &out, &data), BC_TLCP_FAILED);
    assert_string_equal(bc_tlcp_reason(t), "the other side refused: bad record MAC (20)");
    bc_wr_free(&out);
    bc_tlcp_free(t);
    bc_tls_unref(own);
    fix_end(&x);
}

/* ---- the loop ---- */

typedef struct {
    bc_op_t op;
    bc_uv_loop_t *l;
    unsigned *seen;
    pthread_t where;
} ping_t;

static void ping_run(bc_op_t *op)
{
    ping_t *p = BC_OWNER(op, ping_t, op);
    p->where = pthread_self();
    if (++*p->seen == 100)
        bc_uv_loop_stop(p->l);
}

static void mail_is_run_on_the_loops_thread(void **state)
{
    (void)state;
    bc_uv_loop_t *l = bc_uv_loop_new("mail");
    static ping_t pings[100];
    unsigned seen = 0;
    for (size_t i = 0; i < 100; i++) {
        pings[i] = (ping_t){ .l = l, .seen = &seen };
        if (i == 50)
            assert_int_equal(bc_uv_loop_start(l), BC_OK);
        bc_op_post(bc_uv_loop_mail(l), &pings[i].op, NULL, ping_run);
    }
    bc_uv_loop_join(l);
    assert_int_equal(seen, 100);
    assert_false(pthread_equal(pings[99].where, pthread_self()));
    bc_uv_loop_free(l);
}

typedef struct {
    unsigned fired;
    bc_timer_t *self;
} tick_t;

static void tick(void *ctx)
{
    tick_t *t = ctx;
    if (++t->fired == 3) {
        bc_timer_free(t->self);
        t->self = NULL;
    }
}

static void timers_repeat_and_may_free_themselves(void **state)
{
    (void)state;
    bc_uv_loop_t *l = bc_uv_loop_new("timer");
    tick_t t = { 0 }, never = { 0 };
    t.self = bc_timer_new(l, tick, &t);
    never.self = bc_timer_new(l, tick, &never);
    bc_timer_set(t.self, 5, 5);
    bc_timer_set(never.self, 10, 0);
    bc_timer_cancel(never.self);
    UNTIL(l, t.fired == 3);
    for (int i = 0; i < 3; i++)
        bc_uv_loop_poll(l, 10);
    assert_int_equal(t.fired, 3);
    assert_int_equal(never.fired, 0);
    bc_timer_free(never.self);
    bc_uv_loop_free(l);
}

static int setup(void **state)
{
    (void)state;
    bc_log_set_level(BC_LOG_FATAL);
    ca[ONE] = test_ca_new("one");
    ca[OTHER] = test_ca_new("two");
    sm_ca[ONE] = sm_pair_new("one", SM_USE_CA, NULL);
    sm_ca[OTHER] = sm_pair_new("two", SM_USE_CA, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        test_ca_free(&ca[i]);
        sm_pair_free(&sm_ca[i]);
    }
    return 0;
}

#define OVER(kind, test) { #test " (" #kind ")", test, NULL, NULL, (void *)(uintptr_t)(kind) }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mail_is_run_on_the_loops_thread),
        cmocka_unit_test(timers_repeat_and_may_free_themselves),
        OVER(PLAIN, stream_carries_volume),
        OVER(TLS, stream_carries_volume),
        OVER(TLCP, stream_carries_volume),
        OVER(TLS, peers_are_named),
        OVER(TLCP, peers_are_named),
        OVER(TLS, strangers_are_refused),
        OVER(TLCP, strangers_are_refused),
        OVER(TLS, without_verification_any_certificate_will_do),
        OVER(TLCP, without_verification_any_certificate_will_do),
        OVER(TLS, setup_has_a_deadline),
        OVER(TLCP, setup_has_a_deadline),
        cmocka_unit_test(silence_has_a_deadline),
        cmocka_unit_test(nobody_listens),
        OVER(PLAIN, write_queue_has_a_maximum),
        OVER(TLS, write_queue_has_a_maximum),
        OVER(TLCP, write_queue_has_a_maximum),
        cmocka_unit_test(altered_record_ends_with_an_alert),
        OVER(PLAIN, given_back_bytes_come_again_first),
        OVER(TLS, given_back_bytes_come_again_first),
        OVER(TLCP, given_back_bytes_come_again_first),
    };
    return cmocka_run_group_tests_name("net", tests, setup, teardown);
}
