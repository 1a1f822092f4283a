/* AMOP between gateways (spec/20 §3.2): who has which topic, requests with their answers,
 * broadcasts. Of a gateway we know what it announced last; it is forgotten when it cannot be
 * reached any more.
 *
 * Announcing: official gateways send the number of their list every two seconds. Ours goes to a
 * gateway until that one has fetched the list, and then rarely, for one that forgot us unnoticed. */
#include "access/gateway/gateway_impl.h"
#include <stdio.h>
#include <stdlib.h>

enum {
    ROUND_TICKS = 2,
    REFRESH_ROUNDS = 15,   /* announced without need */
    AMOP_TICKS = 40,       /* the subscriber's side gives up after 30 s and says so */
    AMOP_CANDIDATES = 8,   /* gateways tried for one request */
    AMOP_PENDING_MAX = 16384,
    AMOP_PENDING_BYTES_MAX = 64 << 20,
    AMOP_TOPIC_BYTES_MAX = 64 << 20, /* of all gateways */
};

struct amop_peer {
    bc_h256_t id;
    bool known;         /* topics is what it announced as seq */
    uint32_t seq;
    uint32_t fetched;   /* the latest of our lists that it took; 0: none */
    uint32_t rounds;    /* since it appeared */
    bc_topics_t topics;
};

/* A request until its answer. */
struct amop_pending {
    amop_pending_t *next, **prev; /* by deadline */
    uint32_t seq;
    uint64_t id, deadline;
    bc_buf_t *msg; /* with the AMOP head */
    bc_h256_t candidates[AMOP_CANDIDATES];
    size_t cnt, at;
};

static bc_bytes_t peer_key(const void *item)
{
    return BC_VIEW(((const amop_peer_t *)item)->id);
}

static bc_bytes_t pending_key(const void *item)
{
    return bc_bytes(&((const amop_pending_t *)item)->seq, 4);
}

void gw_amop_init(bc_gateway_t *g)
{
    amop_t *a = &g->amop;
    pthread_mutex_init(&a->lock, NULL);
    bc_map_init(&a->peers, peer_key);
    bc_map_init(&a->pending, pending_key);
    a->last = &a->first;
    a->seq = 1;
}

/* ---- the client ---- */

void gw_amop_client(bc_gateway_t *g, const bc_amop_client_t *client)
{
    pthread_mutex_lock(&g->amop.lock);
    g->amop.client = client ? *client : (bc_amop_client_t){ 0 };
    pthread_mutex_unlock(&g->amop.lock);
}

static void tell_answer(bc_gateway_t *g, uint64_t id, uint16_t status, bc_bytes_t answer)
{
    pthread_mutex_lock(&g->amop.lock);
    if (g->amop.client.on_answer)
        g->amop.client.on_answer(g->amop.client.ctx, id, status, answer);
    pthread_mutex_unlock(&g->amop.lock);
}

static bool tell_request(bc_gateway_t *g, const bc_amop_from_t *from, bc_bytes_t request)
{
    pthread_mutex_lock(&g->amop.lock);
    bool taken = g->amop.client.on_request &&
                 g->amop.client.on_request(g->amop.client.ctx, from, request);
    pthread_mutex_unlock(&g->amop.lock);
    return taken;
}

static void tell_broadcast(bc_gateway_t *g, bc_bytes_t request)
{
    pthread_mutex_lock(&g->amop.lock);
    if (g->amop.client.on_broadcast)
        g->amop.client.on_broadcast(g->amop.client.ctx, request);
    pthread_mutex_unlock(&g->amop.lock);
}

/* ---- gateways and their topics ---- */

static amop_peer_t *peer_find(const bc_gateway_t *g, const bc_h256_t *id)
{
    return bc_map_find(&g->amop.peers, BC_VIEW(*id));
}

bool gw_amop_knows(const bc_gateway_t *g, const bc_h256_t *gateway, bc_bytes_t topic)
{
    const amop_peer_t *p = peer_find(g, gateway);
    return p && bc_topics_has(&p->topics, topic);
}

/* Made when it is reachable; NULL: it is not, or there are too many. */
static amop_peer_t *peer_of(bc_gateway_t *g, const bc_h256_t *id)
{
    amop_peer_t *p = peer_find(g, id);
    if (p)
        return p;
    if (g->amop.peers.cnt >= BC_ROUTER_MAX || !gw_hop(g, id))
        return NULL;
    p = bc_xcalloc(1, sizeof *p);
    p->id = *id;
    if (bc_map_insert(&g->amop.peers, p)) {
        free(p);
        return NULL;
    }
    return p;
}

static void peer_free(bc_gateway_t *g, amop_peer_t *p)
{
    g->amop.topic_bytes -= p->topics.bytes;
    bc_topics_free(&p->topics);
    free(p);
}

static bool send_amop(bc_gateway_t *g, const bc_h256_t *to, uint16_t type, bc_bytes_t data)
{
    bc_buf_t *b = bc_amop_encode(&(bc_amop_msg_t){ .type = type, .data = data });
    bool ok = b && gw_send_plain(g, to, BC_P2P_AMOP, bc_buf_view(b));
    bc_buf_unref(b);
    return ok;
}

static void announce_to(bc_gateway_t *g, const bc_h256_t *id, bool round)
{
    amop_t *a = &g->amop;
    amop_peer_t *p = peer_of(g, id);
    if (!p)
        return;
    if (round)
        p->rounds++;
    bool refresh = round && p->rounds % REFRESH_ROUNDS == 0;
    if (p->fetched != a->seq || refresh) {
        char text[16];
        int n = snprintf(text, sizeof text, "%u", a->seq);
        send_amop(g, id, BC_AMOP_TOPIC_SEQ, bc_bytes(text, (size_t)n));
    }
    /* it told us long ago and we forgot: official gateways repeat themselves, ours are asked */
    if (round && !p->known && p->rounds > 1)
        send_amop(g, id, BC_AMOP_REQUEST_TOPICS, (bc_bytes_t){ 0 });
}

static void announce(bc_gateway_t *g, bool round)
{
    if (g->readonly)
        return;
    for (session_t *s = g->sessions; s; s = s->next) {
        if (s->negotiated && !s->closing)
            announce_to(g, &s->id, round);
    }
    const bc_route_t *r;
    for (size_t i = 0; g->rip && (r = bc_map_next(&g->router.routes, &i));) {
        if (r->distance > 1 && r->distance < BC_P2P_UNREACHABLE)
            announce_to(g, &r->id, round);
    }
}

void gw_amop_hello(bc_gateway_t *g, const bc_h256_t *id)
{
    if (!g->readonly)
        announce_to(g, id, false);
}

void gw_amop_topics(bc_gateway_t *g, const char *const *topics, size_t n)
{
    bc_topics_set(&g->amop.topics, topics, n);
    if (!++g->amop.seq) /* 0 is no list */
        g->amop.seq = 1;
    announce(g, false);
}

static void seq_in(bc_gateway_t *g, const bc_h256_t *from, bc_bytes_t text)
{
    uint32_t seq;
    amop_peer_t *p = peer_of(g, from);
    if (!p || bc_amop_seq(text, &seq)) {
        g->stats.ignored++;
        return;
    }
    if (!p->known || p->seq != seq)
        send_amop(g, from, BC_AMOP_REQUEST_TOPICS, (bc_bytes_t){ 0 });
}

static void topics_out(bc_gateway_t *g, const bc_h256_t *to)
{
    amop_t *a = &g->amop;
    bc_wr_t w = { 0 };
    bc_topics_encode(&a->topics, a->seq, &w);
    amop_peer_t *p = peer_of(g, to);
    if (!w.err && send_amop(g, to, BC_AMOP_TOPICS, bc_wr_view(&w)) && p)
        p->fetched = a->seq;
    bc_wr_free(&w);
}

static void topics_in(bc_gateway_t *g, const bc_h256_t *from, bc_bytes_t json)
{
    amop_t *a = &g->amop;
    amop_peer_t *p = peer_of(g, from);
    bc_topics_t fresh = { 0 };
    uint32_t seq;
    if (!p || bc_topics_decode(json, &seq, &fresh)) {
        g->stats.ignored++;
        return;
    }
    if (a->topic_bytes - p->topics.bytes + fresh.bytes > AMOP_TOPIC_BYTES_MAX) {
        BC_WARN("[GATEWAY]", "too many topics: not kept,peer=%s", BC_SHORT(*from));
        bc_topics_free(&fresh);
        return;
    }
    a->topic_bytes += fresh.bytes - p->topics.bytes;
    bc_topics_free(&p->topics);
    p->topics = fresh;
    p->seq = seq;
    p->known = true;
    BC_DEBUG("[GATEWAY]", "topics,peer=%s,seq=%u,cnt=%zu", BC_SHORT(*from), seq, fresh.n);
}

/* ---- requests going out ---- */

static void pending_link(bc_gateway_t *g, amop_pending_t *p)
{
    amop_t *a = &g->amop;
    p->deadline = g->ticks + AMOP_TICKS;
    p->next = NULL;
    p->prev = a->last;
    *a->last = p;
    a->last = &p->next;
}

static void pending_done(bc_gateway_t *g, amop_pending_t *p)
{
    amop_t *a = &g->amop;
    bc_map_remove(&a->pending, pending_key(p));
    *p->prev = p->next;
    if (p->next)
        p->next->prev = p->prev;
    else
        a->last = p->prev;
    a->pending_bytes -= p->msg->n;
    bc_buf_unref(p->msg);
    free(p);
}

static void pending_fail(bc_gateway_t *g, amop_pending_t *p)
{
    uint64_t id = p->id;
    pending_done(g, p);
    g->stats.unreachable++;
    tell_answer(g, id, BC_AMOP_SEND_FAILED, BC_STR("unable to send message to peer by topic"));
}

/* The next gateway that takes it; none is left: the client is told. */
static void pending_try(bc_gateway_t *g, amop_pending_t *p)
{
    for (; p->at < p->cnt; p->at++) {
        bc_p2p_frame_t f = { .type = BC_P2P_AMOP, .seq = p->seq, .module = BC_MODULE_AMOP,
                             .payload = bc_buf_view(p->msg) };
        bc_err_t err = gw_send(g, &p->candidates[p->at], &f);
        if (!err)
            return;
        if (err == BC_E_BUSY) /* the bandwidth is used up: no other way has more */
            break;
    }
    pending_fail(g, p);
}

/* Some reachable gateways with the topic, in random order. */
static size_t candidates(bc_gateway_t *g, bc_bytes_t topic, bc_h256_t *v)
{
    size_t seen = 0, n = 0;
    const amop_peer_t *p;
    for (size_t i = 0; (p = bc_map_next(&g->amop.peers, &i));) {
        if (!bc_topics_has(&p->topics, topic) || !gw_hop(g, &p->id))
            continue;
        size_t k = gw_random(g) % ++seen;
        if (n < AMOP_CANDIDATES) {
            if (k < n)
                v[n] = v[k];
            v[BC_MIN(k, n)] = p->id;
            n++;
        } else if (k < AMOP_CANDIDATES) {
            v[k] = p->id;
        }
    }
    return n;
}

static void no_subscriber(bc_gateway_t *g, uint64_t id, bc_bytes_t topic)
{
    bc_wr_t w = { 0 };
    bc_wr_str(&w, "there has no node subscribe this topic, topic: ");
    bc_wr_put(&w, topic);
    tell_answer(g, id, BC_AMOP_NO_SUBSCRIBER, bc_wr_view(&w));
    bc_wr_free(&w);
}

void gw_amop_send(bc_gateway_t *g, uint64_t id, bc_buf_t *request)
{
    amop_t *a = &g->amop;
    bc_h256_t v[AMOP_CANDIDATES];
    bc_bytes_t topic;
    size_t n = bc_amop_topic(bc_buf_view(request), &topic) ? 0 : candidates(g, topic, v);
    if (!n) {
        no_subscriber(g, id, topic);
        bc_buf_unref(request);
        return;
    }
    bc_buf_t *msg =
        bc_amop_encode(&(bc_amop_msg_t){ .type = BC_AMOP_REQUEST, .data = bc_buf_view(request) });
    bc_buf_unref(request);
    amop_pending_t *p = bc_xcalloc(1, sizeof *p);
    p->seq = gw_seq(g);
    p->id = id;
    p->msg = msg;
    p->cnt = n;
    memcpy(p->candidates, v, n * sizeof v[0]);
    if (!msg || a->pending.cnt >= AMOP_PENDING_MAX ||
        a->pending_bytes + msg->n > AMOP_PENDING_BYTES_MAX || bc_map_insert(&a->pending, p)) {
        g->stats.dropped_full++;
        bc_buf_unref(msg);
        free(p);
        tell_answer(g, id, BC_AMOP_SEND_FAILED, BC_STR("unable to send message to peer by topic"));
        return;
    }
    a->pending_bytes += msg->n;
    pending_link(g, p);
    pending_try(g, p);
}

void gw_amop_broadcast(bc_gateway_t *g, bc_buf_t *request)
{
    bc_bytes_t topic;
    bool ok = bc_amop_topic(bc_buf_view(request), &topic) == BC_OK;
    bc_buf_t *msg = ok ? bc_amop_encode(&(bc_amop_msg_t){ .type = BC_AMOP_BROADCAST,
                                                          .data = bc_buf_view(request) })
                       : NULL;
    const amop_peer_t *p;
    bc_p2p_frame_t f = { .type = BC_P2P_AMOP, .seq = gw_seq(g), .module = BC_MODULE_AMOP,
                         .payload = bc_buf_view(msg) };
    for (size_t i = 0; msg && (p = bc_map_next(&g->amop.peers, &i));) {
        if (bc_topics_has(&p->topics, topic) && gw_send(g, &p->id, &f))
            g->stats.unreachable++;
    }
    bc_buf_unref(msg);
    bc_buf_unref(request);
}

void gw_amop_reply(bc_gateway_t *g, const bc_amop_from_t *to, uint16_t status, bc_bytes_t answer)
{
    bc_p2p_frame_t f = { .type = BC_P2P_WS, .seq = to->seq, .ext = BC_P2P_EXT_RESPONSE,
                         .module = BC_MODULE_AMOP, .payload = answer };
    bc_buf_t *b = NULL;
    if (status) {
        b = bc_amop_encode(
            &(bc_amop_msg_t){ .type = BC_AMOP_ANSWER, .status = status, .data = answer });
        f.type = BC_P2P_AMOP;
        f.payload = bc_buf_view(b);
    }
    if ((status && !b) || gw_send(g, &to->gateway, &f))
        g->stats.unreachable++;
    bc_buf_unref(b);
}

/* ---- coming in ---- */

static void request_in(bc_gateway_t *g, const bc_h256_t *from, uint32_t seq, bc_bytes_t request)
{
    bc_amop_from_t back = { *from, seq };
    bc_bytes_t topic;
    if (bc_amop_topic(request, &topic) || !bc_topics_has(&g->amop.topics, topic)) {
        gw_amop_reply(g, &back, BC_AMOP_NO_CLIENT, BC_STR("NotFoundClientByTopicDispatchMsg"));
        return;
    }
    g->stats.delivered++;
    if (!tell_request(g, &back, request))
        gw_amop_reply(g, &back, BC_AMOP_SEND_FAILED,
                      BC_STR("unable to send message to peer by topic"));
}

static void answer_in(bc_gateway_t *g, const bc_h256_t *from, const bc_p2p_frame_t *f)
{
    amop_pending_t *p = bc_map_find(&g->amop.pending, bc_bytes(&f->seq, 4));
    bc_amop_msg_t m = { .data = f->payload };
    if (!p || !bc_h256_eq(&p->candidates[p->at], from) ||
        (f->type == BC_P2P_AMOP && bc_amop_decode(f->payload, &m))) {
        g->stats.answers_late++;
        return;
    }
    uint64_t id = p->id;
    pending_done(g, p);
    if (f->type == BC_P2P_AMOP && !m.status) /* an error that names none */
        m.status = BC_AMOP_SEND_FAILED;
    tell_answer(g, id, m.status, m.data);
}

void gw_amop_in(bc_gateway_t *g, const bc_h256_t *from, const bc_p2p_frame_t *f)
{
    bc_amop_msg_t m;
    if (f->ext & BC_P2P_EXT_RESPONSE) {
        answer_in(g, from, f);
        return;
    }
    if (f->type != BC_P2P_AMOP || bc_amop_decode(f->payload, &m)) {
        g->stats.ignored++;
        return;
    }
    bc_bytes_t topic;
    switch (m.type) {
    case BC_AMOP_TOPIC_SEQ:
        seq_in(g, from, m.data);
        break;
    case BC_AMOP_REQUEST_TOPICS:
        topics_out(g, from);
        break;
    case BC_AMOP_TOPICS:
        topics_in(g, from, m.data);
        break;
    case BC_AMOP_REQUEST:
        request_in(g, from, f->seq, m.data);
        break;
    case BC_AMOP_BROADCAST:
        if (!bc_amop_topic(m.data, &topic) && bc_topics_has(&g->amop.topics, topic)) {
            g->stats.delivered++;
            tell_broadcast(g, m.data);
        }
        break;
    default:
        g->stats.ignored++;
    }
}

/* ---- time and loss ---- */

/* A session ended: what waits for an answer over it goes to somebody else. Whom we cannot reach at
 * all any more is forgotten. */
void gw_amop_lost(bc_gateway_t *g, const bc_h256_t *id)
{
    amop_peer_t *p = gw_hop(g, id) ? NULL : bc_map_remove(&g->amop.peers, BC_VIEW(*id));
    if (p)
        peer_free(g, p);
    for (amop_pending_t *w = g->amop.first, *next; w; w = next) {
        next = w->next;
        if (bc_h256_eq(&w->candidates[w->at], id)) {
            w->at++;
            g->stats.retries++;
            pending_try(g, w);
        }
    }
}

void gw_amop_tick(bc_gateway_t *g)
{
    amop_t *a = &g->amop;
    if (g->ticks % ROUND_TICKS == 0)
        announce(g, true);
    while (a->first && a->first->deadline <= g->ticks) {
        g->stats.timeouts++;
        pending_fail(g, a->first);
    }
}

void gw_amop_free(bc_gateway_t *g)
{
    amop_t *a = &g->amop;
    while (a->first)
        pending_done(g, a->first);
    amop_peer_t *p;
    for (size_t i = 0; (p = bc_map_next(&a->peers, &i));)
        peer_free(g, p);
    bc_map_free(&a->peers);
    bc_map_free(&a->pending);
    bc_topics_free(&a->topics);
    pthread_mutex_destroy(&a->lock);
}
