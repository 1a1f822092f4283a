/* AMOP between the SDK sessions of this node (spec/20 §3.1): topics, requests with one answer,
 * broadcasts. */
#include <stdlib.h>

#include "access/rpc/call.h"

enum {
    TOPICS_MAX = 1000,
    TOPIC_BYTES_MAX = 4096,
    WAITS_MAX = 20000,
    TIMEOUT_MS = 30000,
    NO_SUBSCRIBER = 3001,
    SEND_FAILED = 3003,
};

/* A request handed to a subscriber under a sequence of our own. */
struct amop_wait {
    amop_wait_t *next;
    char seq[32];
    bc_rpc_session_t *from; /* a reference */
    bc_rpc_session_t *to;   /* a reference */
    bc_buf_t *from_seq;
    uint16_t from_ext;
    int64_t deadline_ms;
};

static void frame(bc_rpc_session_t *s, const bc_ws_message_t *m)
{
    bc_wr_t w = { 0 };
    bc_ws_message_encode(m, &w);
    if (!w.err)
        session_send(s, bc_wr_view(&w));
    bc_wr_free(&w);
}

static void fail(bc_rpc_session_t *s, bc_bytes_t seq, uint16_t ext, int16_t code, const char *fmt,
                 bc_bytes_t topic)
{
    bc_wr_t w = { .max = 1 << 17 };
    bc_wr_str(&w, fmt);
    bc_wr_put(&w, topic);
    frame(s,
          &(bc_ws_message_t){ .status = code, .seq = seq, .ext = ext, .payload = bc_wr_view(&w) });
    bc_wr_free(&w);
}

static void wait_free(bc_rpc_t *rpc, amop_wait_t **at)
{
    amop_wait_t *w = *at;
    *at = w->next;
    rpc->wait_cnt--;
    session_unref(w->from);
    session_unref(w->to);
    bc_buf_unref(w->from_seq);
    free(w);
}

static bool subscribed(const bc_rpc_session_t *s, bc_bytes_t topic)
{
    for (size_t i = 0; i < s->topic_cnt; i++)
        if (bc_bytes_eq(bc_cstr(s->topics[i]), topic))
            return true;
    return false;
}

/* Topics are only added; a session's end takes them away. */
static void subscribe(bc_rpc_session_t *s, bc_bytes_t payload)
{
    cJSON *root = bc_json_parse(payload, 8, NULL);
    const cJSON *list =
        cJSON_IsObject(root) ? cJSON_GetObjectItemCaseSensitive(root, "topics") : NULL;
    const cJSON *v;
    cJSON_ArrayForEach(v, list)
    {
        if (!cJSON_IsString(v) || subscribed(s, bc_cstr(v->valuestring)) ||
            s->topic_cnt == TOPICS_MAX || strlen(v->valuestring) > TOPIC_BYTES_MAX)
            continue;
        s->topics = bc_xrealloc(s->topics, (s->topic_cnt + 1) * sizeof *s->topics);
        s->topics[s->topic_cnt++] = bc_xstrdup(v->valuestring);
    }
    cJSON_Delete(root);
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

/* A random subscriber, the asker only when there is no other. */
static bc_rpc_session_t *pick(bc_rpc_session_t *from, bc_bytes_t topic)
{
    bc_rpc_session_t *chosen = NULL;
    uint64_t seen = 0;
    for (bc_rpc_session_t *s = from->rpc->sessions; s; s = s->next)
        if (!s->web3 && s != from && subscribed(s, topic) && rpc_random(s->rpc) % ++seen == 0)
            chosen = s;
    return chosen ? chosen : subscribed(from, topic) ? from : NULL;
}

static void request(bc_rpc_session_t *s, const bc_ws_message_t *m)
{
    static const char digits[] = "0123456789abcdef";
    bc_rpc_t *rpc = s->rpc;
    bc_bytes_t topic;
    if (!topic_of(m->payload, &topic))
        return;
    bc_rpc_session_t *to = pick(s, topic);
    if (!to) {
        fail(s, m->seq, m->ext, NO_SUBSCRIBER,
             "there has no node subscribe this topic, topic: ", topic);
        return;
    }
    if (rpc->wait_cnt >= WAITS_MAX) {
        fail(s, m->seq, m->ext, SEND_FAILED, "unable to send message to peer by topic",
             (bc_bytes_t){ 0 });
        return;
    }
    amop_wait_t *w = bc_xcalloc(1, sizeof *w);
    for (size_t i = 0; i < sizeof w->seq; i += 16) {
        uint64_t v = rpc_random(rpc);
        for (size_t k = 0; k < 16; k++)
            w->seq[i + k] = digits[v >> (k * 4) & 15];
    }
    w->from = s;
    w->to = to;
    s->refs++;
    to->refs++;
    w->from_seq = bc_buf_copy(m->seq);
    w->from_ext = m->ext;
    w->deadline_ms = rpc->now_ms + TIMEOUT_MS;
    w->next = rpc->waits;
    rpc->waits = w;
    rpc->wait_cnt++;
    frame(to, &(bc_ws_message_t){ .type = BC_WS_AMOP_REQUEST,
                                  .seq = bc_bytes(w->seq, sizeof w->seq),
                                  .payload = m->payload });
}

static void response(bc_rpc_session_t *s, const bc_ws_message_t *m)
{
    bc_rpc_t *rpc = s->rpc;
    for (amop_wait_t **at = &rpc->waits; *at; at = &(*at)->next) {
        amop_wait_t *w = *at;
        if (w->to != s || !bc_bytes_eq(m->seq, bc_bytes(w->seq, sizeof w->seq)))
            continue;
        bc_ws_message_t back = *m;
        back.seq = bc_buf_view(w->from_seq);
        frame(w->from, &back);
        wait_free(rpc, at);
        return;
    }
}

void amop_message(bc_rpc_session_t *s, const bc_ws_message_t *m)
{
    bc_bytes_t topic;
    if (m->type == BC_WS_AMOP_SUBTOPIC)
        subscribe(s, m->payload);
    else if (m->type == BC_WS_AMOP_REQUEST)
        request(s, m);
    else if (m->type == BC_WS_AMOP_RESPONSE)
        response(s, m);
    else if (topic_of(m->payload, &topic))
        for (bc_rpc_session_t *t = s->rpc->sessions, *next; t; t = next) {
            next = t->next;
            if (!t->web3 && subscribed(t, topic))
                frame(t, &(bc_ws_message_t){ .type = BC_WS_AMOP_BROADCAST, .payload = m->payload });
        }
}

void amop_expire(bc_rpc_t *rpc)
{
    for (amop_wait_t **at = &rpc->waits; *at;) {
        amop_wait_t *w = *at;
        if (w->deadline_ms > rpc->now_ms && !w->to->closed) {
            at = &w->next;
            continue;
        }
        fail(w->from, bc_buf_view(w->from_seq), w->from_ext, SEND_FAILED,
             "unable to send message to peer by topic", (bc_bytes_t){ 0 });
        wait_free(rpc, at);
    }
}

void amop_session_closed(bc_rpc_session_t *s)
{
    for (size_t i = 0; i < s->topic_cnt; i++)
        free(s->topics[i]);
    free(s->topics);
    s->topics = NULL;
    s->topic_cnt = 0;
    for (amop_wait_t **at = &s->rpc->waits; *at;) {
        if ((*at)->from == s)
            wait_free(s->rpc, at);
        else
            at = &(*at)->next;
    }
}

void amop_free(bc_rpc_t *rpc)
{
    while (rpc->waits)
        wait_free(rpc, &rpc->waits);
}
