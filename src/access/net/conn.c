#include "access/net/net_impl.h"
#include "base/log.h"
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SETUP_MS_DEFAULT = 30000,
    FLUSH_MS_MAX = 5000,
    STALL_MS_MAX = 60000, /* a write that makes no progress, where an idle time is set */
    QUEUE_MAX_DEFAULT = 64 << 20,
    BATCH_BUFS = 32,       /* plain: buffers per write */
    BATCH_BYTES = 1 << 18, /* TLS: plain bytes encrypted ahead of the socket */
    CONNS_MAX_DEFAULT = 4096,
    REFUSED_TELL_MS = 10000,
};

typedef enum { RESOLVE, CONNECT, HANDSHAKE, OPEN, FLUSHING, CLOSING } state_t;

struct bc_conn {
    uv_tcp_t tcp;
    uv_timer_t timer; /* set-up deadline, then idle time, then flush deadline */
    uv_connect_t connect_req;
    uv_write_t write_req;
    uv_getaddrinfo_t *resolve; /* under way; its own block: it may outlive the connection */
    bc_uv_loop_t *loop;
    const bc_conn_handler_t *h;
    void *ctx;
    bc_listener_t *listener;
    bc_conn_t *lnext, **lprev; /* in the listener's list */
    bc_conn_t *dirty_next;
    state_t state;
    unsigned handles; /* not closed yet */
    bool incoming, dirty, reading, paused, resumed, writing, want_drain, eof;
    bc_err_t why;
    bc_conn_limits_t limits;
    uint32_t idle_ms;
    uint16_t port;
    int64_t last_read, last_write;
    uint64_t bytes_in, bytes_out;

    bc_tls_t *tls;
    bc_link_t link;
    bc_wr_t link_left; /* link.in kept over a pause */
    bc_wr_t unread;    /* data that the handler gave back */
    bc_buf_t *peer_key;

    /* write queue: a ring of buffers; head_off bytes of the first are gone */
    bc_buf_t **ring;
    size_t ring_cap, ring_head, ring_cnt, head_off;
    size_t queued; /* bytes in the ring and under way */
    /* under way */
    bc_buf_t *flight[BATCH_BUFS];
    size_t flight_cnt, flight_bytes;
    bc_wr_t flight_tls;

    char ip[INET6_ADDRSTRLEN + 2];
    char peer[INET6_ADDRSTRLEN + 12];
};

struct bc_listener {
    uv_tcp_t tcp;
    bc_uv_loop_t *loop;
    bc_listen_config_t config;
    bc_conn_t *conns;
    size_t cnt;
    size_t refused;       /* since the latest line about it */
    int64_t refused_told; /* loop time, ms */
    uint16_t port;
};

static void conn_fail(bc_conn_t *c, bc_err_t why);
static void read_start(bc_conn_t *c);

static void mark_dirty(bc_conn_t *c)
{
    if (c->dirty)
        return;
    c->dirty = true;
    c->dirty_next = c->loop->dirty;
    c->loop->dirty = c;
}

/* ---- end ---- */

static void listener_unlink(bc_conn_t *c)
{
    if (!c->listener)
        return;
    *c->lprev = c->lnext;
    if (c->lnext)
        c->lnext->lprev = c->lprev;
    c->listener->cnt--;
    c->listener = NULL;
}

static void conn_release(bc_conn_t *c)
{
    for (bc_conn_t **p = &c->loop->dirty; c->dirty && *p; p = &(*p)->dirty_next) {
        if (*p == c) {
            *p = c->dirty_next;
            break;
        }
    }
    for (; c->ring_cnt; c->ring_cnt--) {
        bc_buf_unref(c->ring[c->ring_head]);
        c->ring_head = (c->ring_head + 1) % c->ring_cap;
    }
    for (size_t i = 0; i < c->flight_cnt; i++)
        bc_buf_unref(c->flight[i]);
    free(c->ring);
    bc_wr_free(&c->flight_tls);
    bc_wr_free(&c->link.out);
    bc_wr_free(&c->link_left);
    bc_wr_free(&c->unread);
    if (c->link.state)
        c->link.ops->end(&c->link);
    bc_tls_unref(c->tls);
    bc_buf_unref(c->peer_key);
    free(c);
}

static void on_closed(uv_handle_t *h)
{
    bc_conn_t *c = h->data;
    if (--c->handles)
        return;
    listener_unlink(c);
    if (c->h)
        c->h->on_close(c, c->why, c->ctx);
    conn_release(c);
}

static void conn_fail(bc_conn_t *c, bc_err_t why)
{
    if (c->state == CLOSING)
        return;
    c->state = CLOSING;
    if (!c->why)
        c->why = why;
    if (c->resolve) {
        c->resolve->data = NULL;
        uv_cancel((uv_req_t *)c->resolve);
        c->resolve = NULL;
    }
    uv_close((uv_handle_t *)&c->tcp, on_closed);
    uv_close((uv_handle_t *)&c->timer, on_closed);
}

/* ---- timer ---- */

static void on_timer(uv_timer_t *t);

static void idle_arm(bc_conn_t *c)
{
    if (c->state != OPEN)
        return;
    if (!c->idle_ms) {
        uv_timer_stop(&c->timer);
        return;
    }
    /* reads only move last_read; the timer looks at it when it fires */
    int64_t silent = c->paused ? 0 : bc_uv_loop_now(c->loop) - c->last_read;
    int64_t left = BC_MAX((int64_t)c->idle_ms - silent, 1);
    uv_timer_start(&c->timer, on_timer, (uint64_t)left, 0);
}

static void on_timer(uv_timer_t *t)
{
    bc_conn_t *c = t->data;
    int64_t now = bc_uv_loop_now(c->loop);
    switch (c->state) {
    case OPEN:
        if (c->writing && now - c->last_write >= STALL_MS_MAX) {
            conn_fail(c, BC_E_TIMEOUT);
            break;
        }
        if (!c->paused && now - c->last_read >= (int64_t)c->idle_ms) {
            if (!c->h->on_idle) {
                conn_fail(c, BC_E_TIMEOUT);
                break;
            }
            c->h->on_idle(c, c->ctx);
            if (c->state == OPEN && c->idle_ms)
                uv_timer_start(&c->timer, on_timer, c->idle_ms, 0);
            break;
        }
        idle_arm(c);
        break;
    case FLUSHING:
        conn_fail(c, BC_E_CLOSED);
        break;
    case CLOSING:
        break;
    default:
        if (c->state == HANDSHAKE && c->incoming)
            BC_INFO("[NET][TLS]", "handshake timed out,peer=%s,ms=%u", c->peer, c->limits.setup_ms);
        conn_fail(c, BC_E_TIMEOUT);
    }
}

/* ---- writing ---- */

static bc_buf_t *ring_pop(bc_conn_t *c)
{
    bc_buf_t *b = c->ring[c->ring_head];
    c->ring_head = (c->ring_head + 1) % c->ring_cap;
    c->ring_cnt--;
    return b;
}

static void on_written(uv_write_t *req, int status);

static bool write_bufs(bc_conn_t *c, const uv_buf_t *bufs, unsigned cnt)
{
    int rc = uv_write(&c->write_req, (uv_stream_t *)&c->tcp, bufs, cnt, on_written);
    if (rc) {
        conn_fail(c, BC_E_IO);
        return false;
    }
    c->writing = true;
    c->last_write = bc_uv_loop_now(c->loop);
    return true;
}

static void flush_plain(bc_conn_t *c)
{
    uv_buf_t bufs[BATCH_BUFS];
    unsigned cnt = 0;
    for (; c->ring_cnt && cnt < BATCH_BUFS; cnt++) {
        bc_buf_t *b = ring_pop(c);
        c->flight[c->flight_cnt++] = b;
        c->flight_bytes += b->n;
        bufs[cnt] = uv_buf_init((char *)b->p, (unsigned)b->n);
    }
    if (cnt)
        write_bufs(c, bufs, cnt);
}

/* Many small frames share one record. */
static bool encrypt_some(bc_conn_t *c)
{
    uint8_t *scratch = c->loop->plain;
    size_t n = 0;
    while (c->ring_cnt && n < NET_RECORD_SIZE) {
        bc_buf_t *b = c->ring[c->ring_head];
        size_t k = BC_MIN(b->n - c->head_off, NET_RECORD_SIZE - n);
        if (k)
            memcpy(scratch + n, b->p + c->head_off, k);
        n += k;
        c->head_off += k;
        if (c->head_off == b->n) {
            bc_buf_unref(ring_pop(c));
            c->head_off = 0;
        }
    }
    c->flight_bytes += n;
    return c->link.ops->write(&c->link, bc_bytes(scratch, n));
}

/* What the link has made goes to the socket. */
static void write_link(bc_conn_t *c)
{
    if (c->link.out.err) {
        conn_fail(c, BC_E_NOMEM);
        return;
    }
    if (c->writing || !c->link.out.n)
        return;
    bc_wr_free(&c->flight_tls);
    c->flight_tls = c->link.out;
    c->link.out = (bc_wr_t){ 0 };
    uv_buf_t buf = uv_buf_init((char *)c->flight_tls.p, (unsigned)c->flight_tls.n);
    write_bufs(c, &buf, 1);
}

static void flush_tls(bc_conn_t *c)
{
    while (c->state >= OPEN && c->ring_cnt && c->flight_bytes < BATCH_BYTES) {
        if (!encrypt_some(c)) {
            conn_fail(c, BC_E_IO);
            return;
        }
    }
    write_link(c);
}

static void conn_flush(bc_conn_t *c)
{
    if (c->writing || c->state < HANDSHAKE || c->state == CLOSING)
        return;
    if (c->link.state)
        flush_tls(c);
    else if (c->state >= OPEN)
        flush_plain(c);
    if (c->state != FLUSHING || c->writing || c->ring_cnt)
        return;
    if (c->link.state && c->link.ops->close(&c->link)) {
        flush_tls(c);
        if (c->writing)
            return;
    }
    conn_fail(c, BC_E_CLOSED);
}

static void on_written(uv_write_t *req, int status)
{
    bc_conn_t *c = BC_OWNER(req, bc_conn_t, write_req);
    c->writing = false;
    for (size_t i = 0; i < c->flight_cnt; i++)
        bc_buf_unref(c->flight[i]);
    c->flight_cnt = 0;
    bc_wr_free(&c->flight_tls);
    c->queued -= c->flight_bytes;
    c->bytes_out += c->flight_bytes;
    c->flight_bytes = 0;
    if (status) {
        conn_fail(c, status == UV_EPIPE || status == UV_ECONNRESET ? BC_E_CLOSED : BC_E_IO);
        return;
    }
    c->last_write = bc_uv_loop_now(c->loop);
    conn_flush(c);
    if (c->want_drain && c->state == OPEN && c->queued < c->limits.queue_max / 2) {
        c->want_drain = false;
        if (c->h->on_drain)
            c->h->on_drain(c, c->ctx);
    }
}

bc_err_t bc_conn_send(bc_conn_t *c, bc_buf_t *data)
{
    if (c->state != OPEN || !data->n) {
        bool ok = c->state == OPEN;
        bc_buf_unref(data);
        return ok ? BC_OK : BC_E_CLOSED;
    }
    if (c->queued + data->n > c->limits.queue_max) {
        c->want_drain = true;
        bc_buf_unref(data);
        return BC_E_FULL;
    }
    if (c->ring_cnt == c->ring_cap) {
        size_t cap = c->ring_cap ? 2 * c->ring_cap : 16;
        bc_buf_t **ring = bc_xcalloc(cap, sizeof *ring);
        for (size_t i = 0; i < c->ring_cnt; i++)
            ring[i] = c->ring[(c->ring_head + i) % c->ring_cap];
        free(c->ring);
        c->ring = ring;
        c->ring_cap = cap;
        c->ring_head = 0;
    }
    c->ring[(c->ring_head + c->ring_cnt++) % c->ring_cap] = data;
    c->queued += data->n;
    if (c->queued > c->limits.queue_max / 2)
        c->want_drain = true;
    mark_dirty(c);
    return BC_OK;
}

bc_err_t bc_conn_write(bc_conn_t *c, bc_bytes_t data)
{
    bc_buf_t *b = bc_buf_copy(data);
    return b ? bc_conn_send(c, b) : BC_E_NOMEM;
}

/* ---- reading ---- */

static void deliver(bc_conn_t *c, bc_bytes_t data)
{
    c->bytes_in += data.n;
    c->h->on_data(c, data, c->ctx);
}

static void opened(bc_conn_t *c)
{
    c->state = OPEN;
    uv_timer_stop(&c->timer);
    if (c->link.state)
        c->peer_key = bc_buf_copy(bc_cert_key(c->link.ops->peer(&c->link)));
    if (c->incoming) {
        c->listener->config.on_accept(c, c->listener->config.ctx);
        BC_MUST(c->h || c->state == CLOSING);
    } else {
        c->h->on_open(c, c->ctx);
    }
    idle_arm(c);
}

/* The alert tells the other side why. */
static void link_failed(bc_conn_t *c, const char *what, bc_err_t why)
{
    char text[256];
    c->link.ops->reason(&c->link, text, sizeof text);
    BC_INFO("[NET][TLS]", "%s failed,peer=%s,reason=%s", what, c->peer, text);
    write_link(c);
    conn_fail(c, why);
}

static void handshake(bc_conn_t *c)
{
    link_result_t r = c->link.ops->handshake(&c->link);
    if (r == LINK_OK)
        opened(c);
    else if (r != LINK_WANT)
        link_failed(c, "handshake", BC_E_KEY);
    if (c->state != CLOSING && c->link.out.n)
        mark_dirty(c);
}

static void tls_pump(bc_conn_t *c)
{
    if (c->state == HANDSHAKE)
        handshake(c);
    while (c->state == OPEN && !c->paused) {
        bc_bytes_t data;
        link_result_t r = c->link.ops->read(&c->link, &data);
        if (r == LINK_OK) {
            deliver(c, data);
            continue;
        }
        if (r == LINK_CLOSED)
            conn_fail(c, BC_E_CLOSED);
        else if (r != LINK_WANT)
            link_failed(c, "read", BC_E_IO);
        break;
    }
    if (c->state == OPEN && c->link.in.n) { /* paused on the way */
        bc_wr_t rest = { 0 };
        bc_wr_put(&rest, c->link.in);
        bc_wr_free(&c->link_left);
        c->link_left = rest;
        if (rest.err)
            conn_fail(c, BC_E_NOMEM);
    }
    c->link.in = (bc_bytes_t){ 0 };
    if (c->state != CLOSING && c->link.out.n)
        mark_dirty(c);
}

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *buf)
{
    (void)hint;
    bc_conn_t *c = h->data;
    *buf = uv_buf_init((char *)c->loop->in, sizeof c->loop->in);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    bc_conn_t *c = s->data;
    if (n == 0 || c->state == CLOSING)
        return;
    if (n < 0) {
        if (c->state == HANDSHAKE && c->incoming)
            BC_INFO("[NET][TLS]", "handshake broken off by the other side,peer=%s", c->peer);
        conn_fail(c, n == UV_EOF || n == UV_ECONNRESET ? BC_E_CLOSED : BC_E_IO);
        return;
    }
    c->last_read = bc_uv_loop_now(c->loop);
    bc_bytes_t data = bc_bytes(buf->base, (size_t)n);
    if (c->link.state) {
        c->link.in = data;
        tls_pump(c);
    } else {
        deliver(c, data);
    }
}

static void read_start(bc_conn_t *c)
{
    if (c->reading)
        return;
    if (uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read))
        conn_fail(c, BC_E_IO);
    else
        c->reading = true;
}

void bc_conn_pause(bc_conn_t *c)
{
    if (c->state == CLOSING)
        return;
    c->paused = true;
    if (c->reading)
        uv_read_stop((uv_stream_t *)&c->tcp);
    c->reading = false;
}

void bc_conn_resume(bc_conn_t *c)
{
    if (!c->paused || c->state != OPEN)
        return;
    c->paused = false;
    c->resumed = true;
    c->last_read = bc_uv_loop_now(c->loop);
    mark_dirty(c);
}

bc_err_t bc_conn_unread(bc_conn_t *c, bc_bytes_t data)
{
    BC_MUST(c->paused && !c->unread.n);
    bc_wr_put(&c->unread, data);
    return c->unread.err;
}

/* What came before the pause is delivered before the socket is read again. */
static void read_on(bc_conn_t *c)
{
    if (c->unread.n) {
        bc_wr_t data = c->unread;
        c->unread = (bc_wr_t){ 0 };
        c->bytes_in -= data.n;
        deliver(c, bc_wr_view(&data));
        bc_wr_free(&data);
    }
    if (c->state == OPEN && !c->paused && c->link.state) {
        bc_wr_t left = c->link_left;
        c->link_left = (bc_wr_t){ 0 };
        c->link.in = bc_wr_view(&left);
        tls_pump(c);
        bc_wr_free(&left);
    }
    if (c->state == OPEN && !c->paused)
        read_start(c);
}

void bc_net_flush(bc_uv_loop_t *l)
{
    while (l->dirty) {
        bc_conn_t *c = l->dirty;
        l->dirty = c->dirty_next;
        c->dirty = false;
        if (c->resumed && c->state == OPEN) {
            c->resumed = false;
            if (!c->paused)
                read_on(c);
        }
        conn_flush(c);
    }
}

/* ---- beginning ---- */

static bc_conn_t *conn_new(bc_uv_loop_t *l, bc_tls_t *tls, const bc_conn_limits_t *limits)
{
    bc_conn_t *c = bc_xcalloc(1, sizeof *c);
    c->loop = l;
    c->tls = tls ? bc_tls_ref(tls) : NULL;
    if (limits)
        c->limits = *limits;
    if (!c->limits.setup_ms)
        c->limits.setup_ms = SETUP_MS_DEFAULT;
    if (!c->limits.queue_max)
        c->limits.queue_max = QUEUE_MAX_DEFAULT;
    BC_MUST(uv_tcp_init(&l->uv, &c->tcp) == 0);
    BC_MUST(uv_timer_init(&l->uv, &c->timer) == 0);
    c->handles = 2;
    c->tcp.data = c->timer.data = c;
    c->last_read = c->last_write = bc_uv_loop_now(l);
    return c;
}

static void peer_name(bc_conn_t *c, const struct sockaddr *a)
{
    char ip[INET6_ADDRSTRLEN] = "?";
    if (a->sa_family == AF_INET6) {
        const struct sockaddr_in6 *s = (const void *)a;
        uv_ip6_name(s, ip, sizeof ip);
        c->port = ntohs(s->sin6_port);
        snprintf(c->peer, sizeof c->peer, "[%s]:%u", ip, c->port);
    } else {
        const struct sockaddr_in *s = (const void *)a;
        uv_ip4_name(s, ip, sizeof ip);
        c->port = ntohs(s->sin_port);
        snprintf(c->peer, sizeof c->peer, "%s:%u", ip, c->port);
    }
    snprintf(c->ip, sizeof c->ip, "%s", ip);
}

static bool link_begin(bc_conn_t *c)
{
    c->link.ops = c->tls->tlcp ? &bc_link_tlcp : &bc_link_ssl;
    c->link.conn = c;
    c->link.scratch = c->loop->plain;
    return c->link.ops->begin(&c->link, c->tls, c->incoming);
}

static void established(bc_conn_t *c)
{
    uv_tcp_nodelay(&c->tcp, 1);
    uv_tcp_keepalive(&c->tcp, 1, 60);
    c->state = HANDSHAKE;
    c->last_read = bc_uv_loop_now(c->loop);
    if (!c->tls) {
        opened(c);
    } else if (!link_begin(c)) {
        conn_fail(c, BC_E_NOMEM);
    } else if (!c->incoming) {
        tls_pump(c);
    }
    if (c->state != CLOSING && !c->paused)
        read_start(c);
}

static void on_connected(uv_connect_t *req, int status)
{
    bc_conn_t *c = BC_OWNER(req, bc_conn_t, connect_req);
    if (c->state == CLOSING)
        return;
    if (status)
        conn_fail(c, status == UV_ETIMEDOUT ? BC_E_TIMEOUT : BC_E_IO);
    else
        established(c);
}

static void connect_to(bc_conn_t *c, const struct sockaddr *a)
{
    peer_name(c, a);
    c->state = CONNECT;
    if (uv_tcp_connect(&c->connect_req, &c->tcp, a, on_connected))
        conn_fail(c, BC_E_IO);
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *list)
{
    bc_conn_t *c = req->data;
    if (c) {
        c->resolve = NULL;
        if (status || !list) {
            conn_fail(c, BC_E_NOT_FOUND);
        } else {
            struct sockaddr_storage a = { 0 };
            memcpy(&a, list->ai_addr, BC_MIN((size_t)list->ai_addrlen, sizeof a));
            if (a.ss_family == AF_INET6)
                ((struct sockaddr_in6 *)&a)->sin6_port = htons(c->port);
            else
                ((struct sockaddr_in *)&a)->sin_port = htons(c->port);
            connect_to(c, (const struct sockaddr *)&a);
        }
    }
    uv_freeaddrinfo(list);
    free(req);
}

static void resolve(bc_conn_t *c, const char *host)
{
    static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    c->resolve = bc_xcalloc(1, sizeof *c->resolve);
    c->resolve->data = c;
    if (uv_getaddrinfo(&c->loop->uv, c->resolve, on_resolved, host, NULL, &hints)) {
        free(c->resolve);
        c->resolve = NULL;
        conn_fail(c, BC_E_NOT_FOUND);
    }
}

bc_conn_t *bc_conn_connect(bc_uv_loop_t *l, const char *host, uint16_t port, bc_tls_t *tls,
                           const bc_conn_limits_t *limits, const bc_conn_handler_t *h, void *ctx)
{
    bc_conn_t *c = conn_new(l, tls, limits);
    c->h = h;
    c->ctx = ctx;
    c->port = port;
    uv_timer_start(&c->timer, on_timer, c->limits.setup_ms, 0);
    union {
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr any;
    } a;
    char name[256];
    size_t n = strlen(host);
    bool v6 = n > 2 && host[0] == '[' && host[n - 1] == ']';
    snprintf(name, sizeof name, "%.*s", (int)BC_MIN(v6 ? n - 2 : n, sizeof name - 1),
             v6 ? host + 1 : host);
    snprintf(c->peer, sizeof c->peer, "%.40s:%u", name, port);
    if (uv_ip4_addr(name, port, &a.v4) == 0 || uv_ip6_addr(name, port, &a.v6) == 0)
        connect_to(c, &a.any);
    else
        resolve(c, name);
    return c;
}

void bc_conn_handle(bc_conn_t *c, const bc_conn_handler_t *h, void *ctx)
{
    c->h = h;
    c->ctx = ctx;
}

void bc_conn_close(bc_conn_t *c, bool flush)
{
    if (c->state == CLOSING || (c->state == FLUSHING && flush))
        return;
    if (!flush || c->state != OPEN) {
        conn_fail(c, BC_E_CLOSED);
        return;
    }
    bc_conn_pause(c);
    c->state = FLUSHING;
    c->why = BC_E_CLOSED;
    uv_timer_start(&c->timer, on_timer, FLUSH_MS_MAX, 0);
    mark_dirty(c);
}

void bc_conn_set_idle(bc_conn_t *c, uint32_t ms)
{
    c->idle_ms = ms;
    idle_arm(c);
}

const bc_conn_handler_t *bc_conn_handler(const bc_conn_t *c)
{
    return c->h;
}
void *bc_conn_ctx(const bc_conn_t *c)
{
    return c->ctx;
}
size_t bc_conn_queued(const bc_conn_t *c)
{
    return c->queued;
}
bool bc_conn_closing(const bc_conn_t *c)
{
    return c->state >= FLUSHING;
}
const char *bc_conn_peer(const bc_conn_t *c)
{
    return c->peer;
}
const char *bc_conn_ip(const bc_conn_t *c)
{
    return c->ip;
}
bool bc_conn_incoming(const bc_conn_t *c)
{
    return c->incoming;
}
bc_bytes_t bc_conn_peer_key(const bc_conn_t *c)
{
    return bc_buf_view(c->peer_key);
}
int64_t bc_conn_last_read(const bc_conn_t *c)
{
    return c->last_read;
}
int64_t bc_conn_last_write(const bc_conn_t *c)
{
    return c->last_write;
}
uint64_t bc_conn_bytes_in(const bc_conn_t *c)
{
    return c->bytes_in;
}
uint64_t bc_conn_bytes_out(const bc_conn_t *c)
{
    return c->bytes_out;
}

/* ---- listeners ---- */

/* Told at most every REFUSED_TELL_MS: a flood of connections shall not become one of lines. */
static void refuse_full(bc_listener_t *s, bc_conn_t *c)
{
    int64_t now = bc_uv_loop_now(s->loop);
    s->refused++;
    if (!s->refused_told || now - s->refused_told >= REFUSED_TELL_MS) {
        BC_WARN("[NET]", "too many connections: refused,port=%u,max=%zu,refused=%zu,peer=%s", s->port,
                s->config.conns_max, s->refused, c->peer);
        s->refused_told = now;
        s->refused = 0;
    }
    conn_fail(c, BC_E_FULL);
}

static void on_connection(uv_stream_t *server, int status)
{
    bc_listener_t *s = server->data;
    if (status)
        return;
    bc_conn_t *c = conn_new(s->loop, s->config.tls, &s->config.limits);
    c->incoming = true;
    c->listener = s;
    c->lnext = s->conns;
    c->lprev = &s->conns;
    if (c->lnext)
        c->lnext->lprev = &c->lnext;
    s->conns = c;
    s->cnt++;
    struct sockaddr_storage a;
    int n = sizeof a;
    c->state = CONNECT;
    if (uv_accept(server, (uv_stream_t *)&c->tcp) ||
        uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&a, &n)) {
        conn_fail(c, BC_E_IO);
        return;
    }
    if (s->cnt > s->config.conns_max) {
        peer_name(c, (const struct sockaddr *)&a);
        refuse_full(s, c);
        return;
    }
    peer_name(c, (const struct sockaddr *)&a);
    uv_timer_start(&c->timer, on_timer, c->limits.setup_ms, 0);
    established(c);
}

static void on_listener_closed(uv_handle_t *h)
{
    bc_listener_t *s = h->data;
    bc_tls_unref(s->config.tls);
    free(s);
}

bc_err_t bc_listener_new(bc_uv_loop_t *l, const bc_listen_config_t *config, bc_listener_t **out)
{
    *out = NULL;
    union {
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr any;
        struct sockaddr_storage room;
    } a;
    if (uv_ip4_addr(config->ip, config->port, &a.v4) && uv_ip6_addr(config->ip, config->port, &a.v6))
        return BC_E_ARG;
    bc_listener_t *s = bc_xcalloc(1, sizeof *s);
    s->loop = l;
    s->config = *config;
    s->config.ip = NULL; /* the caller's text, read above */
    if (s->config.tls)
        bc_tls_ref(s->config.tls);
    if (!s->config.conns_max)
        s->config.conns_max = CONNS_MAX_DEFAULT;
    BC_MUST(uv_tcp_init(&l->uv, &s->tcp) == 0);
    s->tcp.data = s;
    int n = sizeof a;
    int rc = uv_tcp_bind(&s->tcp, &a.any, 0);
    if (!rc)
        rc = uv_listen((uv_stream_t *)&s->tcp, 256, on_connection);
    if (!rc)
        rc = uv_tcp_getsockname(&s->tcp, &a.any, &n);
    if (rc) {
        BC_ERROR("[NET]", "listen failed,ip=%s,port=%u,reason=%s", config->ip, config->port,
                 uv_strerror(rc));
        uv_close((uv_handle_t *)&s->tcp, on_listener_closed);
        return BC_E_IO;
    }
    s->port = ntohs(a.any.sa_family == AF_INET6 ? a.v6.sin6_port : a.v4.sin_port);
    *out = s;
    return BC_OK;
}

uint16_t bc_listener_port(const bc_listener_t *s)
{
    return s->port;
}

size_t bc_listener_conns(const bc_listener_t *s)
{
    return s->cnt;
}

void bc_listener_free(bc_listener_t *s)
{
    if (!s)
        return;
    while (s->conns) {
        bc_conn_t *c = s->conns;
        if (c->state < OPEN)
            conn_fail(c, BC_E_CLOSED);
        listener_unlink(c);
    }
    uv_close((uv_handle_t *)&s->tcp, on_listener_closed);
}
