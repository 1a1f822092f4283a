/* The gateway as a whole: its making, its contract, its one timer. */
#include "access/gateway/gateway_impl.h"
#include "codec/hex.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

uint64_t gw_random(bc_gateway_t *g)
{
    /* xorshift64*: spreads load and retries, nothing secret */
    g->rng ^= g->rng >> 12;
    g->rng ^= g->rng << 25;
    g->rng ^= g->rng >> 27;
    return g->rng * 0x2545f4914f6cdd1du;
}

/* ---- changes ---- */

static void announce_router(bc_gateway_t *g)
{
    uint8_t seq[4];
    bc_store_be32(seq, g->router_seq);
    gw_neighbours(g, BC_P2P_ROUTER_SEQ, bc_bytes(seq, 4));
}

static void announce_status(bc_gateway_t *g)
{
    uint8_t seq[4];
    bc_store_be32(seq, g->status_seq);
    gw_reachable(g, BC_P2P_STATUS_SEQ, bc_bytes(seq, 4));
}

void gw_router_changed(bc_gateway_t *g, bc_wr_t *lost)
{
    bool gone = false;
    for (size_t i = 0; i + 32 <= lost->n; i += 32) {
        bc_h256_t id;
        memcpy(id.b, lost->p + i, 32);
        gone = bc_group_nodes_remove(&g->nodes, &id) || gone;
        gw_amop_lost(g, &id);
    }
    g->router_seq++;
    announce_router(g);
    if (lost->n) /* somebody else may know another way, but would not tell unasked */
        gw_neighbours(g, BC_P2P_REQUEST_ROUTER, (bc_bytes_t){ 0 });
    bc_wr_free(lost);
    if (gone)
        gw_nodes_changed(g);
}

static bool is_local(const bc_gateway_t *g, const uint8_t *id)
{
    for (size_t i = 0; i < g->local_cnt; i++) {
        if (strcmp(g->local[i].group, g->group) == 0 && memcmp(g->local[i].id.b, id, 64) == 0)
            return true;
    }
    return false;
}

void gw_nodes_changed(bc_gateway_t *g)
{
    bc_wr_t ids = { 0 };
    bc_group_nodes_ids(&g->nodes, bc_cstr(g->group), &ids);
    size_t kept = 0;
    for (size_t i = 0; i + 64 <= ids.n; i += 64) {
        if (is_local(g, ids.p + i))
            continue;
        memmove(ids.p + kept, ids.p + i, 64);
        kept += 64;
    }
    ids.n = kept;
    int32_t protocol = bc_group_nodes_protocol(&g->nodes, bc_cstr(g->group));
    if (ids.err || (g->told_any && protocol == g->told_protocol &&
                    bc_bytes_eq(bc_wr_view(&ids), bc_wr_view(&g->told)))) {
        bc_wr_free(&ids);
        return;
    }
    bc_wr_free(&g->told);
    g->told = ids;
    g->told_any = true;
    g->told_protocol = protocol;
    g->stats.nodes = ids.n / 64;
    if (g->client.on_nodes)
        g->client.on_nodes(g->client.ctx, (const bc_nodeid_t *)(const void *)ids.p, ids.n / 64,
                           protocol);
}

/* ---- what other threads see ---- */

static void snap_peer(const bc_gateway_t *g, const session_t *s, bc_gateway_peer_t *p)
{
    const bc_gateway_nodes_t *gn = bc_group_nodes_find(&g->nodes, &s->id);
    const bc_node_group_t *ng = bc_group_nodes_group(gn, bc_cstr(g->group));
    snprintf(p->p2p_id, sizeof p->p2p_id, "%s", s->raw);
    snprintf(p->endpoint, sizeof p->endpoint, "%s", bc_conn_peer(s->c));
    snprintf(p->uuid, sizeof p->uuid, "%s", gn ? gn->uuid : "");
    for (size_t i = 0; ng && i < ng->cnt && p->node_cnt < BC_ARRAY_LEN(p->nodes); i++)
        p->nodes[p->node_cnt++] = ng->v[i].id;
}

void gw_snapshot(bc_gateway_t *g)
{
    size_t cnt = 1;
    for (const session_t *s = g->sessions; s; s = s->next)
        cnt++;
    bc_gateway_peer_t *v = bc_xcalloc(cnt, sizeof *v), *p = v;
    p->self = true;
    snprintf(p->p2p_id, sizeof p->p2p_id, "%s", g->raw);
    snprintf(p->endpoint, sizeof p->endpoint, "%s", g->listen);
    snprintf(p->uuid, sizeof p->uuid, "%s", g->uuid);
    for (size_t i = 0; i < g->local_cnt && p->node_cnt < BC_ARRAY_LEN(p->nodes); i++) {
        if (strcmp(g->local[i].group, g->group) == 0)
            p->nodes[p->node_cnt++] = g->local[i].id;
    }
    for (const session_t *s = g->sessions; s; s = s->next)
        snap_peer(g, s, ++p);
    pthread_mutex_lock(&g->lock);
    bc_gateway_peer_t *old = g->snap;
    g->snap = v;
    g->snap_cnt = cnt;
    pthread_mutex_unlock(&g->lock);
    free(old);
}

static size_t contract_peers(void *self, bc_gateway_peer_t *out, size_t max)
{
    bc_gateway_t *g = self;
    pthread_mutex_lock(&g->lock);
    size_t n = BC_MIN(max, g->snap_cnt);
    if (n)
        memcpy(out, g->snap, n * sizeof *out);
    pthread_mutex_unlock(&g->lock);
    return n;
}

static void publish_stats(bc_gateway_t *g)
{
    bc_gateway_stats_t s = g->stats;
    s.sessions = g->by_id.cnt;
    s.gateways = g->nodes.gateways.cnt;
    s.unanswered = g->pending.cnt;
    s.calls = atomic_load(&g->calls);
    s.dropped_full += atomic_load(&g->calls_refused);
    if (g->redis)
        s.redis = bc_flow_redis_stats(g->redis);
    pthread_mutex_lock(&g->lock);
    g->published = s;
    pthread_mutex_unlock(&g->lock);
}

bc_gateway_stats_t bc_gateway_stats(bc_gateway_t *g)
{
    pthread_mutex_lock(&g->lock);
    bc_gateway_stats_t s = g->published;
    pthread_mutex_unlock(&g->lock);
    return s;
}

/* ---- time ---- */

static void check_liveness(bc_gateway_t *g)
{
    int64_t oldest = bc_uv_loop_now(g->loop) - (int64_t)LIVENESS_TICKS * g->tick_ms;
    for (session_t *s = g->sessions; s; s = s->next) {
        if (!s->closing &&
            (bc_conn_last_read(s->c) < oldest || bc_conn_last_write(s->c) < oldest)) {
            BC_WARN("[GATEWAY]", "session is silent: dropped,peer=%s", bc_conn_peer(s->c));
            gw_session_close(s, false);
        }
    }
}

/* What the rate limits refused since the last line. */
static void report_flow(bc_gateway_t *g)
{
    if (!g->flow_report_ticks || g->ticks % g->flow_report_ticks)
        return;
    if (g->stats.limited_out != g->reported_out || g->stats.limited_in != g->reported_in)
        BC_INFO("[GATEWAY]", "rate limits,refusedOut=%llu,refusedIn=%llu",
                (unsigned long long)(g->stats.limited_out - g->reported_out),
                (unsigned long long)(g->stats.limited_in - g->reported_in));
    g->reported_out = g->stats.limited_out;
    g->reported_in = g->stats.limited_in;
}

static void on_tick(void *ctx)
{
    bc_gateway_t *g = ctx;
    g->ticks++;
    announce_status(g);
    if (g->rip && g->ticks % 3 == 0)
        announce_router(g);
    if (g->ticks % 5 == 0)
        gw_neighbours(g, BC_P2P_HEARTBEAT, (bc_bytes_t){ 0 });
    if (g->ticks % LIVENESS_TICKS == 0)
        check_liveness(g);
    gw_pending_expire(g);
    gw_amop_tick(g);
    report_flow(g);
    publish_stats(g);
}

/* ---- the contract: calls travel to the loop as ops ---- */

typedef enum {
    CALL_NODE,
    CALL_SEND,
    CALL_BROADCAST,
    CALL_PEERS,
    CALL_LISTS,
    CALL_AMOP_TOPICS,
    CALL_AMOP_SEND,
    CALL_AMOP_BROADCAST,
    CALL_AMOP_REPLY,
} call_kind_t;

typedef struct {
    bc_op_t op;
    call_kind_t kind;
    char group[BC_P2P_GROUP_MAX + 1];
    bc_nodeid_t from, to;
    unsigned mask; /* or node type */
    uint16_t module;
    bc_buf_t *msg;
    uint64_t id;         /* of an AMOP request */
    bc_amop_from_t back; /* whom an AMOP answer is for; its status is in mask */
    char **texts; /* texts_n own copies; lists: black first, then white */
    size_t texts_n, black_n;
} call_t;

static void node_set(bc_gateway_t *g, const call_t *c)
{
    local_node_t *l = NULL;
    for (size_t i = 0; i < g->local_cnt && !l; i++) {
        if (strcmp(g->local[i].group, c->group) == 0 &&
            memcmp(g->local[i].id.b, c->to.b, sizeof c->to.b) == 0)
            l = &g->local[i];
    }
    if (l && l->type == (int32_t)c->mask)
        return;
    if (!l) {
        if (g->local_cnt == LOCAL_MAX) {
            BC_ERROR("[GATEWAY]", "too many local nodes,group=%s", c->group);
            return;
        }
        l = &g->local[g->local_cnt++];
        memcpy(l->group, c->group, sizeof l->group);
        l->id = c->to;
    }
    l->type = (int32_t)c->mask;
    g->status_seq++;
    announce_status(g);
    gw_nodes_changed(g);
    gw_snapshot(g);
}

static void list_free(key_list_t *l)
{
    for (size_t i = 0; i < l->n; i++)
        bc_buf_unref(l->v[i]);
    free(l->v);
    *l = (key_list_t){ 0 };
}

static void list_set(key_list_t *l, const char *const *texts, size_t n)
{
    list_free(l);
    l->v = bc_xcalloc(n + 1, sizeof *l->v);
    for (size_t i = 0; i < n && l->n < LIST_MAX; i++) {
        size_t len = strlen(texts[i]);
        bc_buf_t *b = len == 512 || len == 128 ? bc_buf_new(len / 2) : NULL;
        if (b && bc_hex_fixed(bc_cstr(texts[i]), b->p, b->n) == BC_OK) {
            l->v[l->n++] = b;
            continue;
        }
        bc_buf_unref(b);
        BC_WARN("[GATEWAY]", "certificate list entry skipped,length=%zu", len);
    }
}

/* Takes c->msg over. */
static void call_do(bc_gateway_t *g, const call_t *c)
{
    const char *const *texts = (const char *const *)c->texts;
    switch (c->kind) {
    case CALL_NODE:
        node_set(g, c);
        break;
    case CALL_SEND:
        gw_unicast(g, c->group, &c->from, &c->to, c->module, c->msg);
        break;
    case CALL_BROADCAST:
        gw_broadcast(g, c->group, &c->from, c->mask, c->module, c->msg);
        break;
    case CALL_PEERS:
        gw_dial_set(g, &(bc_text_list_t){ texts, c->texts_n });
        break;
    case CALL_LISTS:
        list_set(&g->black, texts, c->black_n);
        list_set(&g->white, texts + c->black_n, c->texts_n - c->black_n);
        gw_lists_check(g);
        break;
    case CALL_AMOP_TOPICS:
        gw_amop_topics(g, texts, c->texts_n);
        break;
    case CALL_AMOP_SEND:
        gw_amop_send(g, c->id, c->msg);
        break;
    case CALL_AMOP_BROADCAST:
        gw_amop_broadcast(g, c->msg);
        break;
    case CALL_AMOP_REPLY:
        gw_amop_reply(g, &c->back, (uint16_t)c->mask, bc_buf_view(c->msg));
        bc_buf_unref(c->msg);
        break;
    }
}

static void call_run(bc_op_t *op)
{
    call_t *c = BC_OWNER(op, call_t, op);
    bc_gateway_t *g = op->to;
    atomic_fetch_sub(&g->calls, 1);
    if (c->msg)
        atomic_fetch_sub(&g->calls_bytes, c->msg->n);
    if (g->stopping)
        bc_buf_unref(c->msg);
    else
        call_do(g, c);
    for (size_t i = 0; i < c->texts_n; i++)
        free(c->texts[i]);
    free(c->texts);
    free(c);
}

static call_t *call_new(bc_gateway_t *g, call_kind_t kind, const char *group)
{
    call_t *c = bc_xcalloc(1, sizeof *c);
    c->kind = kind;
    snprintf(c->group, sizeof c->group, "%s", group);
    atomic_fetch_add(&g->calls, 1);
    return c;
}

static void call_post(bc_gateway_t *g, call_t *c)
{
    bc_op_post(bc_uv_loop_mail(g->loop), &c->op, g, call_run);
}

static void contract_set_node(void *self, const char *group, const bc_nodeid_t *id, unsigned type)
{
    bc_gateway_t *g = self;
    if (strlen(group) > BC_P2P_GROUP_MAX)
        return;
    call_t *c = call_new(g, CALL_NODE, group);
    c->to = *id;
    c->mask = type;
    call_post(g, c);
}

/* Messages have a limit on their way to the loop; what is beyond is dropped, as on a wire: NULL,
 * and msg is let go. */
static call_t *call_message(bc_gateway_t *g, call_kind_t kind, const char *group, bc_buf_t *msg)
{
    size_t before = atomic_load(&g->calls_bytes);
    if (strlen(group) > BC_P2P_GROUP_MAX || msg->n + 4096 > g->msg_max ||
        atomic_load(&g->calls) >= CALLS_MAX || before + msg->n > CALLS_BYTES_MAX) {
        atomic_fetch_add(&g->calls_refused, 1);
        bc_buf_unref(msg);
        return NULL;
    }
    atomic_fetch_add(&g->calls_bytes, msg->n);
    call_t *c = call_new(g, kind, group);
    c->msg = msg;
    return c;
}

static void contract_message(bc_gateway_t *g, call_kind_t kind, const char *group,
                             const bc_nodeid_t *from, const bc_nodeid_t *to, unsigned mask,
                             uint16_t module, bc_buf_t *msg)
{
    call_t *c = call_message(g, kind, group, msg);
    if (!c)
        return;
    c->from = *from;
    if (to)
        c->to = *to;
    c->mask = mask;
    c->module = module;
    call_post(g, c);
}

static void contract_send(void *self, const char *group, const bc_nodeid_t *from,
                          const bc_nodeid_t *to, uint16_t module, bc_buf_t *msg)
{
    contract_message(self, CALL_SEND, group, from, to, 0, module, msg);
}

static void contract_broadcast(void *self, const char *group, const bc_nodeid_t *from,
                               unsigned mask, uint16_t module, bc_buf_t *msg)
{
    contract_message(self, CALL_BROADCAST, group, from, NULL, mask, module, msg);
}

static void texts_copy(call_t *c, const bc_text_list_t *l)
{
    c->texts = bc_xrealloc(c->texts, (c->texts_n + l->n + 1) * sizeof *c->texts);
    for (size_t i = 0; i < l->n; i++)
        c->texts[c->texts_n++] = bc_xstrdup(l->v[i]);
}

static void contract_amop_client(void *self, const bc_amop_client_t *client)
{
    gw_amop_client(self, client);
}

static void contract_amop_topics(void *self, const char *const *topics, size_t n)
{
    bc_gateway_t *g = self;
    call_t *c = call_new(g, CALL_AMOP_TOPICS, "");
    texts_copy(c, &(bc_text_list_t){ topics, n });
    call_post(g, c);
}

static bool contract_amop_send(void *self, uint64_t id, bc_buf_t *request)
{
    bc_gateway_t *g = self;
    call_t *c = call_message(g, CALL_AMOP_SEND, "", request);
    if (!c)
        return false;
    c->id = id;
    call_post(g, c);
    return true;
}

static void contract_amop_broadcast(void *self, bc_buf_t *request)
{
    bc_gateway_t *g = self;
    call_t *c = call_message(g, CALL_AMOP_BROADCAST, "", request);
    if (c)
        call_post(g, c);
}

static void contract_amop_reply(void *self, const bc_amop_from_t *to, uint16_t status,
                                bc_buf_t *answer)
{
    bc_gateway_t *g = self;
    call_t *c = call_message(g, CALL_AMOP_REPLY, "", answer);
    if (!c)
        return;
    c->back = *to;
    c->mask = status;
    call_post(g, c);
}

static const bc_gateway_ops_t contract_ops = { .set_node = contract_set_node,
                                               .send = contract_send,
                                               .broadcast = contract_broadcast,
                                               .peers = contract_peers,
                                               .amop_client = contract_amop_client,
                                               .amop_topics = contract_amop_topics,
                                               .amop_send = contract_amop_send,
                                               .amop_broadcast = contract_amop_broadcast,
                                               .amop_reply = contract_amop_reply };

bc_gateway_if bc_gateway_contract(bc_gateway_t *g)
{
    return (bc_gateway_if){ &contract_ops, g };
}

void bc_gateway_set_peers(bc_gateway_t *g, bc_text_list_t peers)
{
    call_t *c = call_new(g, CALL_PEERS, "");
    texts_copy(c, &peers);
    call_post(g, c);
}

void bc_gateway_set_lists(bc_gateway_t *g, bc_text_list_t blacklist, bc_text_list_t whitelist)
{
    call_t *c = call_new(g, CALL_LISTS, "");
    texts_copy(c, &blacklist);
    c->black_n = c->texts_n;
    texts_copy(c, &whitelist);
    call_post(g, c);
}

/* ---- making ---- */

static bool accept_key(void *ctx, bc_bytes_t key, const char *peer)
{
    const char *why = gw_key_refused(ctx, key);
    if (why)
        BC_INFO("[GATEWAY]", "connection refused,peer=%s,reason=%s", peer, why);
    return !why;
}

static bc_bytes_t session_key(const void *item)
{
    return BC_VIEW(((const session_t *)item)->id);
}

static bc_err_t identify(bc_gateway_t *g, const char *uuid)
{
    bc_bytes_t key = bc_tls_own_key(g->tls);
    if (!key.n || 2 * key.n > BC_P2P_RAW_ID_MAX)
        return BC_E_KEY;
    g->raw = bc_xcalloc(1, 2 * key.n + 1);
    bc_hex_put(key, g->raw);
    bc_p2p_short_id(bc_cstr(g->raw), &g->id);
    g->uuid = bc_xstrdup(uuid && uuid[0] ? uuid : g->raw);
    return BC_OK;
}

static void tables_init(bc_gateway_t *g)
{
    bc_map_init(&g->by_id, session_key);
    bc_map_init(&g->pending, gw_pending_key);
    gw_amop_init(g);
    g->last = &g->first;
    bc_group_nodes_init(&g->nodes);
    bc_arena_init(&g->arena, 64 << 20);
    /* Numbers of tables begin with the time: a peer that did not notice our restart would take
     * small ones for old. Frame numbers begin with 2. */
    g->status_seq = g->router_seq = (uint32_t)time(NULL);
    g->next_seq = 2;
    if (getrandom(&g->rng, sizeof g->rng, 0) != sizeof g->rng || !g->rng)
        g->rng = 1;
}

static bc_err_t open_network(bc_gateway_t *g, const bc_gateway_config_t *c)
{
    bc_tls_config_t tls = c->tls;
    tls.accept_key = accept_key;
    tls.ctx = g;
    bc_err_t err = bc_tls_new(&tls, &g->tls);
    if (!err)
        err = identify(g, c->uuid);
    if (err)
        return err;
    bc_router_init(&g->router, &g->id);
    g->limits = (bc_conn_limits_t){ .setup_ms = CONNECT_MS_MAX,
                                    .queue_max = c->queue_max ? c->queue_max : 2 * g->msg_max };
    bc_listen_config_t lc = { .ip = c->listen_ip, .port = c->listen_port, .tls = g->tls,
                              .conns_max = 2 * g->sessions_max, .limits = g->limits,
                              .on_accept = gw_on_accept, .ctx = g };
    err = bc_listener_new(g->loop, &lc, &g->listener);
    if (!err)
        snprintf(g->listen, sizeof g->listen, "%s:%u", c->listen_ip,
                 bc_listener_port(g->listener));
    return err;
}

bc_err_t bc_gateway_new(bc_uv_loop_t *l, const bc_gateway_config_t *c, bc_gateway_t **out)
{
    *out = NULL;
    if (!c->group || strlen(c->group) > BC_P2P_GROUP_MAX || !c->client.on_message)
        return BC_E_ARG;
    bc_gateway_t *g = bc_xcalloc(1, sizeof *g);
    g->loop = l;
    g->client = c->client;
    g->rip = c->enable_rip_protocol;
    g->compress = c->enable_compression;
    g->readonly = c->readonly;
    g->msg_max = c->allow_max_msg_size ? c->allow_max_msg_size : BC_GATEWAY_MSG_MAX_DEFAULT;
    g->sessions_max = c->sessions_max ? c->sessions_max : SESSIONS_MAX_DEFAULT;
    g->tick_ms = c->tick_ms ? c->tick_ms : 1000;
    if (c->flow) {
        bc_flow_config_t flow = *c->flow;
        if (c->redis) {
            g->redis = bc_flow_redis_new(l, c->redis);
            flow.remote = bc_flow_redis_remote(g->redis);
        }
        g->flow = bc_flow_new(&flow);
        g->flow_report_ticks = c->flow->report_ms / g->tick_ms;
    }
    snprintf(g->group, sizeof g->group, "%s", c->group);
    pthread_mutex_init(&g->lock, NULL);
    tables_init(g);
    list_set(&g->black, c->blacklist.v, c->blacklist.n);
    list_set(&g->white, c->whitelist.v, c->whitelist.n);
    bc_err_t err = open_network(g, c);
    if (err) {
        bc_gateway_free(g);
        return err;
    }
    g->redial = bc_timer_new(l, gw_redial, g);
    g->tick = bc_timer_new(l, on_tick, g);
    bc_timer_set(g->tick, g->tick_ms, g->tick_ms);
    gw_dial_set(g, &c->peers);
    gw_snapshot(g);
    BC_INFO("[GATEWAY]", "listening,endpoint=%s,id=%s,peers=%zu", g->listen, BC_SHORT(g->id),
            c->peers.n);
    *out = g;
    return BC_OK;
}

void bc_gateway_free(bc_gateway_t *g)
{
    if (!g)
        return;
    g->stopping = true;
    while (atomic_load(&g->calls)) /* posted before the end: their blocks come back here */
        bc_loop_step(bc_uv_loop_mail(g->loop));
    bc_listener_free(g->listener);
    bc_timer_free(g->tick);
    bc_timer_free(g->redial);
    gw_dials_free(g);
    for (session_t *s = g->sessions; s; s = s->next)
        gw_session_close(s, false);
    /* connections end on the loop; until then they point here. Ousted ones too. */
    for (int i = 0; i < 100 && (g->sessions || g->dials || g->ousted); i++)
        bc_uv_loop_poll(g->loop, 10);
    BC_MUST(!g->sessions && !g->dials);
    gw_pending_free(g);
    gw_amop_free(g);
    bc_flow_redis_free(g->redis);
    bc_flow_free(g->flow);
    bc_map_free(&g->by_id);
    bc_router_free(&g->router);
    bc_group_nodes_free(&g->nodes);
    list_free(&g->black);
    list_free(&g->white);
    bc_wr_free(&g->told);
    bc_arena_free(&g->arena);
    bc_tls_unref(g->tls);
    free(g->snap);
    free(g->raw);
    free(g->uuid);
    pthread_mutex_destroy(&g->lock);
    free(g);
}

uint16_t bc_gateway_port(const bc_gateway_t *g)
{
    return bc_listener_port(g->listener);
}

const char *bc_gateway_p2p_id(const bc_gateway_t *g)
{
    return g->raw;
}
