/* AMOP of the SDK sessions (spec/20 §3.1): topics, requests with one answer, broadcasts. A request
 * goes into the network; when nobody there takes it, to a session of this node. */
#include <stdio.h>
#include <stdlib.h>

#include "access/rpc/call.h"
#include "base/log.h"

enum {
    TOPICS_MAX = 1000, /* of one session */
    TOPIC_BYTES_MAX = 4096,
    ALL_TOPICS_MAX = 20000,
    ALL_TOPIC_BYTES_MAX = 1 << 20,
    WAITS_MAX = 20000,
    REMOTE_WAITS_MAX = 10000, /* other nodes leave room for our own clients */
    WAITS_BYTES_MAX = 128 << 20,
    NEWS_MAX = 20000, /* from the gateway, on their way to the loop */
    NEWS_BYTES_MAX = 128 << 20,
    TIMEOUT_MS = 30000,
    NETWORK_TIMEOUT_MS = 60000, /* the gateway answers before */
    SEQ_N = 32,
};

static const char send_failed[] = "unable to send message to peer by topic";

/* A topic and the sessions that have it. */
struct amop_topic {
    bc_rpc_session_t **v;
    size_t cnt, cap;
    size_t n;
    char text[]; /* n bytes and a NUL */
};

typedef enum {
    WAIT_LOCAL,   /* asked by a session, handed to a session */
    WAIT_NETWORK, /* asked by a session, given to the gateway */
    WAIT_REMOTE,  /* asked by another gateway, handed to a session */
} wait_kind_t;

/* A request until its answer. Subscribers get it under a sequence of our own: the id in hex and
 * something random. */
typedef struct wait wait_t;
struct wait {
    wait_t *next, **prev;
    uint64_t id;
    wait_kind_t kind;
    char seq[SEQ_N];
    bc_rpc_session_t *from, *to; /* references; may be NULL */
    bc_buf_t *from_seq;
    uint16_t from_ext;
    bc_amop_from_t gateway;
    bc_buf_t *request; /* WAIT_NETWORK: for a session here if nobody else has it */
    int64_t deadline_ms;
};

struct amop {
    bc_rpc_t *rpc;
    bc_map_t topics;
    size_t topic_bytes;
    bool changed;        /* the gateway has an old list */
    int64_t told_ms;
    bc_map_t waits;      /* by id */
    wait_t *first;
    size_t waits_bytes;
    uint64_t next_id;
    bool attached;
    _Atomic size_t news, news_bytes;
};

static bc_bytes_t topic_key(const void *item)
{
    const amop_topic_t *t = item;
    return bc_bytes(t->text, t->n);
}

static bc_bytes_t wait_key(const void *item)
{
    return bc_bytes(&((const wait_t *)item)->id, 8);
}

/* ---- frames ---- */

static void frame(bc_rpc_session_t *s, const bc_ws_message_t *m)
{
    bc_wr_t w = { 0 };
    bc_ws_message_encode(m, &w);
    if (!w.err)
        session_send(s, bc_wr_view(&w));
    bc_wr_free(&w);
}

/* version u32 | topic length u16 | topic | data */
static bool topic_of(bc_bytes_t payload, bc_bytes_t *topic)
{
    bc_rd_t r = bc_rd(payload);
    bc_rd_be32(&r);
    uint16_t n = bc_rd_be16(&r);
    *topic = bc_rd_take(&r, n);
    return r.err == BC_OK;
}

static const bc_gateway_ops_t *network(const bc_rpc_t *rpc)
{
    return rpc->amop->attached ? rpc->gw.ops : NULL;
}

/* ---- topics ---- */

static amop_topic_t *topic_find(const amop_t *a, bc_bytes_t text)
{
    return bc_map_find(&a->topics, text);
}

static bool subscribed(const bc_rpc_session_t *s, const amop_topic_t *t)
{
    for (size_t i = 0; i < s->topic_cnt; i++)
        if (s->topics[i] == t)
            return true;
    return false;
}

static amop_topic_t *topic_new(amop_t *a, bc_bytes_t text)
{
    if (a->topics.cnt >= ALL_TOPICS_MAX || a->topic_bytes + text.n > ALL_TOPIC_BYTES_MAX) {
        BC_WARN("[RPC][AMOP]", "too many topics: one is refused,cnt=%zu", a->topics.cnt);
        return NULL;
    }
    amop_topic_t *t = bc_xcalloc(1, sizeof *t + text.n + 1);
    t->n = text.n;
    if (text.n)
        memcpy(t->text, text.p, text.n);
    if (bc_map_insert(&a->topics, t)) {
        free(t);
        return NULL;
    }
    a->topic_bytes += text.n;
    a->changed = true;
    return t;
}

static void topic_leave(amop_t *a, amop_topic_t *t, const bc_rpc_session_t *s)
{
    for (size_t i = 0; i < t->cnt; i++) {
        if (t->v[i] == s) {
            t->v[i] = t->v[--t->cnt];
            break;
        }
    }
    if (t->cnt)
        return;
    bc_map_remove(&a->topics, topic_key(t));
    a->topic_bytes -= t->n;
    a->changed = true;
    free(t->v);
    free(t);
}

static int by_text(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* At once after a quiet second; else the tick does it, for many changes together. */
static void tell_topics(amop_t *a, bool tick)
{
    const bc_gateway_ops_t *gw = network(a->rpc);
    if (!gw || !a->changed || (!tick && a->rpc->now_ms == a->told_ms))
        return;
    const char **v = bc_xcalloc(a->topics.cnt + 1, sizeof *v);
    const amop_topic_t *t;
    size_t n = 0;
    for (size_t i = 0; (t = bc_map_next(&a->topics, &i));)
        v[n++] = t->text;
    if (n)
        qsort(v, n, sizeof *v, by_text);
    gw->amop_topics(a->rpc->gw.self, v, n);
    free(v);
    a->changed = false;
    a->told_ms = a->rpc->now_ms;
}

/* Topics are only added; a session's end takes them away. */
static void subscribe(bc_rpc_session_t *s, bc_bytes_t payload)
{
    amop_t *a = s->rpc->amop;
    cJSON *root = bc_json_parse(payload, 8, NULL);
    const cJSON *list =
        cJSON_IsObject(root) ? cJSON_GetObjectItemCaseSensitive(root, "topics") : NULL;
    const cJSON *v;
    cJSON_ArrayForEach(v, list)
    {
        if (!cJSON_IsString(v) || s->topic_cnt == TOPICS_MAX ||
            strlen(v->valuestring) > TOPIC_BYTES_MAX)
            continue;
        bc_bytes_t text = bc_cstr(v->valuestring);
        amop_topic_t *t = topic_find(a, text);
        if (t ? subscribed(s, t) : !(t = topic_new(a, text)))
            continue;
        if (t->cnt == t->cap) {
            t->cap = BC_MAX(2 * t->cap, 4u);
            t->v = bc_xrealloc(t->v, t->cap * sizeof *t->v);
        }
        t->v[t->cnt++] = s;
        s->topics = bc_xrealloc(s->topics, (s->topic_cnt + 1) * sizeof *s->topics);
        s->topics[s->topic_cnt++] = t;
    }
    cJSON_Delete(root);
    tell_topics(a, false);
}

/* A random subscriber, the asker (NULL: none here) only when there is no other. */
static bc_rpc_session_t *pick(amop_t *a, bc_bytes_t topic, const bc_rpc_session_t *asker)
{
    const amop_topic_t *t = topic_find(a, topic);
    if (!t)
        return NULL;
    size_t i = rpc_random(a->rpc) % t->cnt;
    if (t->v[i] == asker && t->cnt > 1)
        i = (i + 1 + rpc_random(a->rpc) % (t->cnt - 1)) % t->cnt;
    return t->v[i];
}

/* A session's broadcast goes to the others here as it is; one of the network has no seq. */
static void deliver_broadcast(amop_t *a, const bc_ws_message_t *m)
{
    bc_bytes_t topic;
    const amop_topic_t *t = topic_of(m->payload, &topic) ? topic_find(a, topic) : NULL;
    for (size_t i = 0; t && i < t->cnt; i++)
        frame(t->v[i], m);
}

/* ---- waiting ---- */

static wait_t *wait_new(amop_t *a, wait_kind_t kind)
{
    wait_t *w = bc_xcalloc(1, sizeof *w);
    w->id = a->next_id++;
    w->kind = kind;
    if (bc_map_insert(&a->waits, w)) {
        free(w);
        return NULL;
    }
    char text[SEQ_N + 1];
    snprintf(text, sizeof text, "%016llx%016llx", (unsigned long long)w->id,
             (unsigned long long)rpc_random(a->rpc));
    memcpy(w->seq, text, SEQ_N);
    w->deadline_ms = a->rpc->now_ms + (kind == WAIT_NETWORK ? NETWORK_TIMEOUT_MS : TIMEOUT_MS);
    w->next = a->first;
    w->prev = &a->first;
    if (w->next)
        w->next->prev = &w->next;
    a->first = w;
    return w;
}

static void wait_free(amop_t *a, wait_t *w)
{
    bc_map_remove(&a->waits, wait_key(w));
    *w->prev = w->next;
    if (w->next)
        w->next->prev = w->prev;
    if (w->request)
        a->waits_bytes -= w->request->n;
    if (w->from)
        session_unref(w->from);
    if (w->to)
        session_unref(w->to);
    bc_buf_unref(w->from_seq);
    bc_buf_unref(w->request);
    free(w);
}

static void wait_fail(amop_t *a, wait_t *w, uint16_t status, bc_bytes_t text)
{
    const bc_gateway_ops_t *gw = network(a->rpc);
    if (w->kind != WAIT_REMOTE) {
        frame(w->from, &(bc_ws_message_t){ .status = (int16_t)status,
                                           .seq = bc_buf_view(w->from_seq),
                                           .ext = w->from_ext,
                                           .payload = text });
    } else if (gw) {
        bc_buf_t *b = bc_buf_copy(text);
        if (b)
            gw->amop_reply(a->rpc->gw.self, &w->gateway, status, b);
    }
    wait_free(a, w);
}

static void hand_over(wait_t *w, bc_rpc_session_t *to, bc_bytes_t request)
{
    w->to = to;
    to->refs++;
    frame(to, &(bc_ws_message_t){ .type = BC_WS_AMOP_REQUEST,
                                  .seq = bc_bytes(w->seq, SEQ_N),
                                  .payload = request });
}

/* The network has no subscriber, or could not reach one: a session of this node, or the error. */
static void try_here(amop_t *a, wait_t *w, bc_bytes_t request, uint16_t status, bc_bytes_t text)
{
    bc_bytes_t topic;
    bc_rpc_session_t *to = topic_of(request, &topic) ? pick(a, topic, w->from) : NULL;
    if (!to) {
        wait_fail(a, w, status, text);
        return;
    }
    w->kind = WAIT_LOCAL;
    w->deadline_ms = a->rpc->now_ms + TIMEOUT_MS;
    hand_over(w, to, request);
}

static void request(bc_rpc_session_t *s, const bc_ws_message_t *m)
{
    bc_rpc_t *rpc = s->rpc;
    amop_t *a = rpc->amop;
    const bc_gateway_ops_t *gw = network(rpc);
    bc_bytes_t topic;
    if (!topic_of(m->payload, &topic))
        return;
    wait_t *w = a->waits.cnt < WAITS_MAX ? wait_new(a, WAIT_LOCAL) : NULL;
    if (!w) {
        frame(s, &(bc_ws_message_t){ .status = BC_AMOP_SEND_FAILED,
                                     .seq = m->seq,
                                     .ext = m->ext,
                                     .payload = bc_cstr(send_failed) });
        return;
    }
    w->from = s;
    s->refs++;
    w->from_seq = bc_buf_copy(m->seq);
    w->from_ext = m->ext;
    if (gw && a->waits_bytes + m->payload.n <= WAITS_BYTES_MAX)
        w->request = bc_buf_copy(m->payload);
    if (w->request) {
        a->waits_bytes += w->request->n;
        w->kind = WAIT_NETWORK;
        w->deadline_ms = rpc->now_ms + NETWORK_TIMEOUT_MS;
        if (gw->amop_send(rpc->gw.self, w->id, bc_buf_ref(w->request)))
            return;
    }
    if (gw) {
        try_here(a, w, m->payload, BC_AMOP_SEND_FAILED, bc_cstr(send_failed));
        return;
    }
    bc_wr_t text = { .max = 1 << 17 };
    bc_wr_str(&text, "there has no node subscribe this topic, topic: ");
    bc_wr_put(&text, topic);
    try_here(a, w, m->payload, BC_AMOP_NO_SUBSCRIBER, bc_wr_view(&text));
    bc_wr_free(&text);
}

static wait_t *wait_of_seq(const amop_t *a, bc_bytes_t seq)
{
    uint8_t key[8];
    if (seq.n != SEQ_N || bc_hex_fixed(bc_bytes(seq.p, 16), key, 8))
        return NULL;
    uint64_t id = bc_load_be64(key);
    wait_t *w = bc_map_find(&a->waits, bc_bytes(&id, 8));
    return w && bc_bytes_eq(seq, bc_bytes(w->seq, SEQ_N)) ? w : NULL;
}

/* The subscriber's answer goes on as it is: the whole message, for a session with its own seq. */
static void response(bc_rpc_session_t *s, const bc_ws_message_t *m)
{
    amop_t *a = s->rpc->amop;
    wait_t *w = wait_of_seq(a, m->seq);
    if (!w || w->to != s) /* of a broadcast, or nobody waits any more */
        return;
    const bc_gateway_ops_t *gw = network(s->rpc);
    bc_ws_message_t back = *m;
    if (w->kind == WAIT_LOCAL) {
        back.seq = bc_buf_view(w->from_seq);
        frame(w->from, &back);
    } else if (gw) {
        bc_wr_t wr = { 0 };
        bc_ws_message_encode(&back, &wr);
        bc_buf_t *b = wr.err ? NULL : bc_buf_copy(bc_wr_view(&wr));
        if (b)
            gw->amop_reply(s->rpc->gw.self, &w->gateway, 0, b);
        bc_wr_free(&wr);
    }
    wait_free(a, w);
}

void amop_message(bc_rpc_session_t *s, const bc_ws_message_t *m)
{
    const bc_gateway_ops_t *gw = network(s->rpc);
    bc_bytes_t topic;
    if (m->type == BC_WS_AMOP_SUBTOPIC) {
        subscribe(s, m->payload);
    } else if (m->type == BC_WS_AMOP_REQUEST) {
        request(s, m);
    } else if (m->type == BC_WS_AMOP_RESPONSE) {
        response(s, m);
    } else if (topic_of(m->payload, &topic)) {
        deliver_broadcast(s->rpc->amop, m);
        bc_buf_t *b = gw ? bc_buf_copy(m->payload) : NULL;
        if (b)
            gw->amop_broadcast(s->rpc->gw.self, b);
    }
}

/* ---- from the gateway: its calls travel to the loop as ops ---- */

typedef enum { NEWS_REQUEST, NEWS_BROADCAST, NEWS_ANSWER } news_kind_t;

typedef struct {
    bc_op_t op;
    news_kind_t kind;
    bc_amop_from_t from;
    uint64_t id;
    uint16_t status;
    bc_buf_t *data;
} news_t;

static void request_from_network(amop_t *a, const bc_amop_from_t *from, bc_bytes_t data)
{
    bc_rpc_t *rpc = a->rpc;
    bc_bytes_t topic;
    bc_rpc_session_t *to = topic_of(data, &topic) ? pick(a, topic, NULL) : NULL;
    wait_t *w = to && a->waits.cnt < REMOTE_WAITS_MAX ? wait_new(a, WAIT_REMOTE) : NULL;
    if (w) {
        w->gateway = *from;
        hand_over(w, to, data);
        return;
    }
    bc_buf_t *text =
        bc_buf_copy(to ? bc_cstr(send_failed) : BC_STR("NotFoundClientByTopicDispatchMsg"));
    if (text)
        rpc->gw.ops->amop_reply(rpc->gw.self, from, to ? BC_AMOP_SEND_FAILED : BC_AMOP_NO_CLIENT,
                                text);
}

static void answer_from_network(amop_t *a, uint64_t id, uint16_t status, bc_bytes_t data)
{
    wait_t *w = bc_map_find(&a->waits, bc_bytes(&id, 8));
    bc_ws_message_t m;
    if (!w || w->kind != WAIT_NETWORK)
        return;
    if (!status && bc_ws_message_decode(data, &m)) {
        status = BC_AMOP_SEND_FAILED;
        data = bc_cstr(send_failed);
    }
    if (status) {
        try_here(a, w, bc_buf_view(w->request), status, data);
        return;
    }
    m.seq = bc_buf_view(w->from_seq);
    frame(w->from, &m);
    wait_free(a, w);
}

static void news_run(bc_op_t *op)
{
    news_t *n = BC_OWNER(op, news_t, op);
    amop_t *a = op->to;
    bc_bytes_t data = bc_buf_view(n->data);
    if (!a->attached) {
        /* too late */
    } else if (n->kind == NEWS_REQUEST) {
        request_from_network(a, &n->from, data);
    } else if (n->kind == NEWS_BROADCAST) {
        deliver_broadcast(
            a, &(bc_ws_message_t){ .type = BC_WS_AMOP_BROADCAST, .payload = data });
    } else {
        answer_from_network(a, n->id, n->status, data);
    }
    atomic_fetch_sub(&a->news_bytes, data.n);
    bc_buf_unref(n->data);
    free(n);
    atomic_fetch_sub(&a->news, 1);
}

/* NULL: too much is on the way. */
static news_t *news_new(amop_t *a, news_kind_t kind, bc_bytes_t data)
{
    if (atomic_load(&a->news) >= NEWS_MAX || atomic_load(&a->news_bytes) + data.n > NEWS_BYTES_MAX)
        return NULL;
    news_t *n = bc_xcalloc(1, sizeof *n);
    n->kind = kind;
    n->data = bc_buf_copy(data);
    if (!n->data) {
        free(n);
        return NULL;
    }
    atomic_fetch_add(&a->news, 1);
    atomic_fetch_add(&a->news_bytes, data.n);
    return n;
}

static void news_post(amop_t *a, news_t *n)
{
    bc_op_post(a->rpc->config.loop, &n->op, a, news_run);
}

static bool on_request(void *ctx, const bc_amop_from_t *from, bc_bytes_t data)
{
    amop_t *a = ctx;
    news_t *n = news_new(a, NEWS_REQUEST, data);
    if (!n)
        return false;
    n->from = *from;
    news_post(a, n);
    return true;
}

static void on_broadcast(void *ctx, bc_bytes_t data)
{
    amop_t *a = ctx;
    news_t *n = news_new(a, NEWS_BROADCAST, data);
    if (n)
        news_post(a, n);
}

/* One that does not fit is missed by its wait, which ends by itself. */
static void on_answer(void *ctx, uint64_t id, uint16_t status, bc_bytes_t data)
{
    amop_t *a = ctx;
    news_t *n = news_new(a, NEWS_ANSWER, data);
    if (!n)
        return;
    n->id = id;
    n->status = status;
    news_post(a, n);
}

/* ---- time, life ---- */

void amop_expire(bc_rpc_t *rpc)
{
    amop_t *a = rpc->amop;
    tell_topics(a, true);
    for (wait_t *w = a->first, *next; w; w = next) {
        next = w->next;
        if (w->deadline_ms <= rpc->now_ms || (w->to && w->to->closed))
            wait_fail(a, w, BC_AMOP_SEND_FAILED, bc_cstr(send_failed));
    }
}

void amop_session_closed(bc_rpc_session_t *s)
{
    amop_t *a = s->rpc->amop;
    for (size_t i = 0; i < s->topic_cnt; i++)
        topic_leave(a, s->topics[i], s);
    free(s->topics);
    s->topics = NULL;
    s->topic_cnt = 0;
    for (wait_t *w = a->first, *next; w; w = next) {
        next = w->next;
        if (w->from == s)
            wait_free(a, w);
    }
    tell_topics(a, false);
}

void amop_new(bc_rpc_t *rpc)
{
    amop_t *a = bc_xcalloc(1, sizeof *a);
    rpc->amop = a;
    a->rpc = rpc;
    a->told_ms = INT64_MIN;
    bc_map_init(&a->topics, topic_key);
    bc_map_init(&a->waits, wait_key);
    if (!rpc->gw.ops || !rpc->gw.ops->amop_client)
        return;
    a->attached = true;
    rpc->gw.ops->amop_client(rpc->gw.self,
                             &(bc_amop_client_t){ on_request, on_broadcast, on_answer, a });
}

void amop_detach(bc_rpc_t *rpc)
{
    amop_t *a = rpc->amop;
    if (a->attached)
        rpc->gw.ops->amop_client(rpc->gw.self, NULL);
    a->attached = false;
    while (atomic_load(&a->news)) /* posted before the end: they still point here */
        bc_loop_step(rpc->config.loop);
}

void amop_free(bc_rpc_t *rpc)
{
    amop_t *a = rpc->amop;
    amop_detach(rpc);
    while (a->first)
        wait_free(a, a->first);
    bc_map_free(&a->waits);
    bc_map_free(&a->topics);
    free(a);
    rpc->amop = NULL;
}
