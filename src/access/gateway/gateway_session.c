/* Connections: who may connect, who is dialled, when a session begins and ends. */
#include "access/gateway/gateway_impl.h"
#include "codec/hex.h"
#include <stdio.h>
#include <stdlib.h>

session_t *gw_session(const bc_gateway_t *g, const bc_h256_t *id)
{
    return bc_map_find(&g->by_id, BC_VIEW(*id));
}

/* ---- lists ---- */

/* What the lists hold of a public key: the modulus of an RSA key, an EC point without its first
 * byte. An RSA-2048 key is SEQUENCE { INTEGER 00 modulus(256), INTEGER 65537 }. */
static bc_bytes_t list_key(bc_bytes_t key)
{
    if (key.n == 65 && key.p[0] == 4)
        return bc_bytes(key.p + 1, 64);
    if (key.n == 270 && key.p[0] == 0x30 && key.p[8] == 0)
        return bc_bytes(key.p + 9, 256);
    return (bc_bytes_t){ 0 };
}

static bool list_has(const key_list_t *l, bc_bytes_t key)
{
    for (size_t i = 0; i < l->n; i++) {
        if (bc_bytes_eq(bc_buf_view(l->v[i]), key))
            return true;
    }
    return false;
}

const char *gw_key_refused(const bc_gateway_t *g, bc_bytes_t key)
{
    key = list_key(key);
    if (list_has(&g->black, key))
        return "certificate is on the blacklist";
    return g->white.n && !list_has(&g->white, key) ? "certificate is not on the whitelist" : NULL;
}

void gw_lists_check(bc_gateway_t *g)
{
    for (session_t *s = g->sessions; s; s = s->next) {
        const char *why = gw_key_refused(g, bc_conn_peer_key(s->c));
        if (why) {
            BC_INFO("[GATEWAY]", "session dropped,peer=%s,id=%s,reason=%s", bc_conn_peer(s->c),
                    BC_SHORT(s->id), why);
            gw_session_close(s, false);
        }
    }
}

/* ---- dialling ---- */

static void dial_schedule(bc_gateway_t *g);

static void dial_again(dial_t *d)
{
    bc_gateway_t *g = d->g;
    if (!d->wait_ms)
        d->wait_ms = DIAL_MS_MIN;
    /* neighbours that start together must not meet in the middle for ever */
    uint32_t jitter = (uint32_t)(gw_random(g) % (d->wait_ms / 2 + 1));
    d->next_try = bc_uv_loop_now(g->loop) + d->wait_ms - d->wait_ms / 4 + jitter;
    d->wait_ms = BC_MIN(d->wait_ms * 2, DIAL_MS_MAX);
}

static bool dial_wanted(const dial_t *d)
{
    return !d->c && !d->self && !d->dropped && !(d->id_known && gw_session(d->g, &d->id));
}

static void on_dial_open(bc_conn_t *c, void *ctx);
static void on_dial_data(bc_conn_t *c, bc_bytes_t data, void *ctx)
{
    (void)c, (void)data, (void)ctx;
}

static void dial_unlink(dial_t *d)
{
    for (dial_t **p = &d->g->dials; *p; p = &(*p)->next) {
        if (*p == d) {
            *p = d->next;
            break;
        }
    }
    free(d);
}

/* The first failure, another kind of failure, and now and then while it stays the same. */
static void tell_failure(dial_t *d, bc_conn_t *c, bc_err_t why)
{
    bool news = !d->failures || d->last_why != why;
    d->failures = news ? 1 : d->failures + 1;
    d->last_why = why;
    if (d->failures % DIAL_TELL_EVERY == 1)
        BC_INFO("[GATEWAY]", "connect failed,peer=%s,reason=%s,attempts=%u,nextTryMs=%lld",
                bc_conn_peer(c), bc_err_name(why), d->failures,
                (long long)(d->next_try - bc_uv_loop_now(d->g->loop)));
}

static void on_dial_close(bc_conn_t *c, bc_err_t why, void *ctx)
{
    dial_t *d = ctx;
    bc_gateway_t *g = d->g;
    g->stats.dials_failed++;
    d->c = NULL;
    if (d->dropped) {
        dial_unlink(d);
        return;
    }
    dial_again(d);
    if (!d->refused)
        tell_failure(d, c, why);
    d->refused = false;
    if (!g->stopping)
        dial_schedule(g);
}

static const bc_conn_handler_t dial_handler = { .on_open = on_dial_open, .on_data = on_dial_data,
                                                .on_close = on_dial_close };

void gw_redial(void *ctx)
{
    bc_gateway_t *g = ctx;
    int64_t now = bc_uv_loop_now(g->loop);
    for (dial_t *d = g->dials; d; d = d->next) {
        if (!dial_wanted(d) || d->next_try > now)
            continue;
        g->stats.dials++;
        d->c = bc_conn_connect(g->loop, d->host, d->port, g->tls, &g->limits, &dial_handler, d);
    }
    dial_schedule(g);
}

static void dial_schedule(bc_gateway_t *g)
{
    int64_t at = INT64_MAX, now = bc_uv_loop_now(g->loop);
    for (const dial_t *d = g->dials; d; d = d->next) {
        if (dial_wanted(d))
            at = BC_MIN(at, d->next_try);
    }
    if (at == INT64_MAX)
        bc_timer_cancel(g->redial);
    else
        bc_timer_set(g->redial, (uint64_t)BC_MAX(at - now, 0), 0);
}

/* "host:port" or "[v6]:port" */
static bool dial_parse(const char *text, dial_t *d)
{
    const char *colon = strrchr(text, ':');
    int64_t port;
    if (!colon || colon == text || (size_t)(colon - text) >= sizeof d->host ||
        bc_dec_i64(bc_cstr(colon + 1), &port) || port < 1 || port > 65535)
        return false;
    memcpy(d->host, text, (size_t)(colon - text));
    d->port = (uint16_t)port;
    return true;
}

void gw_dial_set(bc_gateway_t *g, const bc_text_list_t *peers)
{
    for (dial_t *d = g->dials; d; d = d->next)
        d->dropped = true;
    for (size_t i = 0; i < peers->n && i < LIST_MAX; i++) {
        dial_t want = { 0 }, *d;
        if (!dial_parse(peers->v[i], &want)) {
            BC_WARN("[GATEWAY]", "peer address skipped,text=%.100s", peers->v[i]);
            continue;
        }
        for (d = g->dials; d; d = d->next) {
            if (d->port == want.port && strcmp(d->host, want.host) == 0)
                break;
        }
        if (d) {
            d->dropped = false;
            continue;
        }
        d = bc_xcalloc(1, sizeof *d);
        *d = want;
        d->g = g;
        d->next = g->dials;
        g->dials = d;
    }
    for (dial_t *d = g->dials, *next; d; d = next) {
        next = d->next;
        if (d->dropped && !d->c)
            dial_unlink(d);
        else if (d->dropped)
            bc_conn_close(d->c, false);
    }
    dial_schedule(g);
}

void gw_dials_free(bc_gateway_t *g)
{
    for (dial_t *d = g->dials, *next; d; d = next) {
        next = d->next;
        d->dropped = true;
        if (d->c)
            bc_conn_close(d->c, false); /* freed when that has happened */
        else
            dial_unlink(d);
    }
}

/* ---- sessions ---- */

static void session_free(session_t *s)
{
    bc_wr_free(&s->rx);
    free(s->raw);
    free(s);
}

static void session_unlink(session_t *s)
{
    bc_gateway_t *g = s->g;
    *s->prev = s->next;
    if (s->next)
        s->next->prev = s->prev;
    if (gw_session(g, &s->id) == s)
        bc_map_remove(&g->by_id, BC_VIEW(s->id));
}

void gw_session_close(session_t *s, bool flush)
{
    s->closing = true;
    bc_conn_close(s->c, flush);
}

static bool frame_length(session_t *s, bc_bytes_t data, size_t *n)
{
    bc_err_t err = bc_p2p_length(data, s->g->msg_max, n);
    if (err == BC_E_TOO_BIG)
        s->fault = "frame above allow_max_msg_size";
    return !err;
}

/* Whole frames are read in place; only a frame's beginning is kept. */
static bool take_frames(session_t *s, bc_bytes_t *data)
{
    while (!s->closing) {
        size_t n;
        if (!frame_length(s, *data, &n))
            return false;
        if (!n || data->n < n)
            return true;
        if (!gw_frame_in(s, bc_bytes(data->p, n)))
            return false;
        data->p += n;
        data->n -= n;
    }
    return true;
}

static bool take_rest(session_t *s, bc_bytes_t *data)
{
    while (s->rx.n && data->n) { /* a frame has begun: complete its length, then itself */
        size_t n, want = 4;
        if (!frame_length(s, bc_wr_view(&s->rx), &n))
            return false;
        if (n)
            want = n;
        size_t k = BC_MIN(want - s->rx.n, data->n);
        bc_wr_mem(&s->rx, data->p, k);
        if (s->rx.err)
            return false;
        data->p += k;
        data->n -= k;
        if (!n || s->rx.n < n)
            continue;
        bool ok = gw_frame_in(s, bc_wr_view(&s->rx));
        if (s->rx.cap > 65536)
            bc_wr_free(&s->rx);
        bc_wr_reset(&s->rx);
        if (!ok || s->closing)
            return ok;
    }
    return true;
}

static void on_data(bc_conn_t *c, bc_bytes_t data, void *ctx)
{
    session_t *s = ctx;
    s->g->stats.bytes_in += data.n;
    bool ok = take_rest(s, &data) && take_frames(s, &data);
    if (ok && !s->closing && data.n) {
        bc_wr_put(&s->rx, data);
        ok = !s->rx.err;
    }
    if (!ok) {
        s->g->stats.protocol_errors++;
        BC_WARN("[GATEWAY]", "session dropped,peer=%s,id=%s,reason=%s", bc_conn_peer(c),
                BC_SHORT(s->id), s->fault ? s->fault : "malformed frame");
        gw_session_close(s, false);
    }
}

/* The place of a session that lost it to another one of the same peer. */
static void on_ousted_close(bc_conn_t *c, bc_err_t why, void *ctx)
{
    (void)c, (void)why;
    session_t *s = ctx;
    s->g->ousted--;
    session_free(s);
}

static void on_close(bc_conn_t *c, bc_err_t why, void *ctx)
{
    session_t *s = ctx;
    bc_gateway_t *g = s->g;
    session_unlink(s);
    BC_INFO("[GATEWAY]", "session closed,peer=%s,id=%s,reason=%s", bc_conn_peer(c), BC_SHORT(s->id),
            bc_err_name(why));
    if (!g->stopping) {
        bc_wr_t lost = { 0 };
        if (g->rip) {
            if (bc_router_lose(&g->router, &s->id, &lost))
                gw_router_changed(g, &lost);
        } else if (bc_group_nodes_remove(&g->nodes, &s->id)) {
            gw_nodes_changed(g);
        }
        gw_amop_lost(g, &s->id);
        for (dial_t *d = g->dials; d; d = d->next) {
            if (d->id_known && bc_h256_eq(&d->id, &s->id)) {
                d->wait_ms = 0;
                dial_again(d);
            }
        }
        dial_schedule(g);
        gw_snapshot(g);
    }
    session_free(s);
}

static const bc_conn_handler_t session_handler = { .on_data = on_data, .on_close = on_close };
static const bc_conn_handler_t ousted_handler = { .on_data = on_dial_data,
                                                  .on_close = on_ousted_close };

static void send_handshake(session_t *s)
{
    bc_p2p_protocol_t p = { .module = 1, .min = 0, .max = PROTOCOL_MAX };
    bc_wr_t w = { 0 };
    bc_tars_encode(&bc_p2p_protocol_tars, &p, &w);
    gw_send_on(s, &s->id, &(bc_p2p_frame_t){ .type = BC_P2P_HANDSHAKE, .seq = gw_seq(s->g),
                                             .payload = bc_wr_view(&w) });
    bc_wr_free(&w);
}

/* Two connections of one peer: the new one goes, as official nodes have it. Only while nothing has
 * come over the old one yet, both sides may be dialling each other at this moment: then the
 * connection that the smaller id began stays, so that both keep the same one. */
static bool new_one_stays(const session_t *old, bool incoming)
{
    const bc_gateway_t *g = old->g;
    if (old->negotiated || old->closing)
        return old->closing;
    bool mine_is_smaller = memcmp(g->id.b, old->id.b, 32) < 0;
    return incoming != mine_is_smaller && bc_conn_incoming(old->c) != incoming;
}

static void oust(session_t *old)
{
    session_unlink(old);
    gw_amop_lost(old->g, &old->id); /* it may have been started again in between */
    old->closing = true;
    old->g->ousted++;
    bc_conn_handle(old->c, &ousted_handler, old);
    bc_conn_close(old->c, false);
}

/* Why the connection is not wanted; NULL: it is. */
static const char *unwanted(bc_gateway_t *g, const bc_h256_t *id, const session_t *old, bool incoming)
{
    if (bc_h256_eq(id, &g->id))
        return "it is this node itself";
    if (old && !new_one_stays(old, incoming)) {
        g->stats.refused_duplicate++;
        return "there is a session with this peer";
    }
    if (!old && g->by_id.cnt >= g->sessions_max) {
        g->stats.refused_full++;
        return "too many sessions";
    }
    return NULL;
}

/* Takes a connection whose TLS is done; false: it is not wanted. */
static bool session_begin(bc_gateway_t *g, bc_conn_t *c, dial_t *d)
{
    bc_bytes_t key = bc_conn_peer_key(c);
    size_t n = 2 * key.n;
    if (!key.n || n > BC_P2P_RAW_ID_MAX) {
        BC_INFO("[GATEWAY]", "connection refused,peer=%s,reason=unusable key in its certificate",
                bc_conn_peer(c));
        return false;
    }
    char *raw = bc_xcalloc(1, n + 1);
    bc_hex_put(key, raw);
    bc_h256_t id;
    bc_p2p_short_id(bc_bytes(raw, n), &id);
    if (d) {
        d->id = id;
        d->id_known = true;
        d->self = bc_h256_eq(&id, &g->id);
    }
    session_t *old = gw_session(g, &id);
    const char *why = unwanted(g, &id, old, bc_conn_incoming(c));
    if (why) {
        BC_INFO("[GATEWAY]", "connection refused,peer=%s,id=%s,reason=%s", bc_conn_peer(c),
                BC_SHORT(id), why);
        free(raw);
        return false;
    }
    if (old)
        oust(old);
    session_t *s = bc_xcalloc(1, sizeof *s);
    s->g = g;
    s->c = c;
    s->id = id;
    s->raw = raw;
    s->next = g->sessions;
    s->prev = &g->sessions;
    if (s->next)
        s->next->prev = &s->next;
    g->sessions = s;
    BC_MUST(bc_map_insert(&g->by_id, s) == BC_OK);
    bc_conn_handle(c, &session_handler, s);
    BC_INFO("[GATEWAY]", "session opened,peer=%s,id=%s,incoming=%d", bc_conn_peer(c), BC_SHORT(s->id),
            bc_conn_incoming(c));
    send_handshake(s);
    bc_wr_t lost = { 0 };
    if (g->rip && bc_router_neighbour(&g->router, bc_bytes(raw, n), &lost))
        gw_router_changed(g, &lost);
    uint8_t seq[4];
    bc_store_be32(seq, g->status_seq); /* not left to the next tick: a chain starts sooner */
    gw_send_plain(g, &id, BC_P2P_STATUS_SEQ, bc_bytes(seq, 4));
    gw_snapshot(g);
    return true;
}

static void on_dial_open(bc_conn_t *c, void *ctx)
{
    dial_t *d = ctx;
    bc_gateway_t *g = d->g;
    if (d->dropped || !session_begin(g, c, d)) {
        d->refused = true;
        bc_conn_close(c, false);
        return;
    }
    d->c = NULL; /* the session's now */
    d->wait_ms = 0;
    d->failures = 0;
    dial_schedule(g);
}

static void on_refused_close(bc_conn_t *c, bc_err_t why, void *ctx)
{
    (void)c, (void)why, (void)ctx;
}

void gw_on_accept(bc_conn_t *c, void *ctx)
{
    static const bc_conn_handler_t refused = { .on_data = on_dial_data,
                                               .on_close = on_refused_close };
    bc_gateway_t *g = ctx;
    if (g->stopping || !session_begin(g, c, NULL)) {
        bc_conn_handle(c, &refused, NULL);
        /* the last bytes of the TLS handshake tell the dialling side whom it reached, so that it
         * does not come again while there is a session */
        bc_conn_close(c, true);
    }
}
