/* Messages of nodes: unicast with answers and retries, broadcast, delivery. */
#include "access/gateway/gateway_impl.h"
#include "codec/hex.h"
#include <stdlib.h>

static const local_node_t *local_find(const bc_gateway_t *g, bc_bytes_t group, bc_bytes_t id)
{
    for (size_t i = 0; i < g->local_cnt; i++) {
        if (bc_bytes_eq(bc_cstr(g->local[i].group), group) &&
            bc_bytes_eq(BC_VIEW(g->local[i].id), id))
            return &g->local[i];
    }
    return NULL;
}

/* ---- going out ---- */

bc_bytes_t gw_pending_key(const void *item)
{
    return bc_bytes(&((const pending_t *)item)->seq, 4);
}

static void pending_link(bc_gateway_t *g, pending_t *p)
{
    p->deadline = g->ticks + ANSWER_TICKS;
    p->next = NULL;
    p->prev = g->last;
    *g->last = p;
    g->last = &p->next;
}

static void pending_unlink(bc_gateway_t *g, pending_t *p)
{
    *p->prev = p->next;
    if (p->next)
        p->next->prev = p->prev;
    else
        g->last = p->prev;
}

static void pending_free(bc_gateway_t *g, pending_t *p)
{
    g->pending_bytes -= p->msg->n;
    bc_buf_unref(p->msg);
    free(p);
}

static void pending_done(bc_gateway_t *g, pending_t *p)
{
    bc_map_remove(&g->pending, gw_pending_key(p));
    pending_unlink(g, p);
    pending_free(g, p);
}

void gw_pending_free(bc_gateway_t *g)
{
    while (g->first)
        pending_done(g, g->first);
    bc_map_free(&g->pending);
}

static bc_err_t unicast_try(bc_gateway_t *g, const bc_h256_t *to, uint32_t seq, const char *group,
                        const bc_nodeid_t *from, const bc_nodeid_t *node, uint16_t module,
                        const bc_buf_t *msg)
{
    bc_p2p_frame_t f = { .type = BC_P2P_UNICAST, .seq = seq, .module = module,
                         .group = bc_cstr(group), .src_node = BC_VIEW(*from),
                         .dst_nodes = BC_VIEW(*node), .dst_cnt = 1,
                         .payload = bc_buf_view(msg) };
    return gw_send(g, to, &f);
}

/* The next gateway that takes it; false: none is left. */
static bool pending_try(bc_gateway_t *g, pending_t *p)
{
    for (; p->at < p->cnt; p->at++) {
        bc_err_t err = unicast_try(g, &p->candidates[p->at], p->seq, p->group, &p->from, &p->to,
                                   p->module, p->msg);
        if (!err)
            return true;
        if (err == BC_E_BUSY) /* the bandwidth is used up: official nodes do not try others either */
            return false;
    }
    return false;
}

static void pending_retry(bc_gateway_t *g, pending_t *p)
{
    p->at++;
    if (pending_try(g, p)) {
        g->stats.retries++;
        pending_unlink(g, p);
        pending_link(g, p);
    } else {
        g->stats.unreachable++;
        pending_done(g, p);
    }
}

void gw_pending_expire(bc_gateway_t *g)
{
    while (g->first && g->first->deadline <= g->ticks) {
        g->stats.timeouts++;
        pending_retry(g, g->first);
    }
}

static size_t candidates(bc_gateway_t *g, const char *group, const bc_nodeid_t *to, bc_h256_t *v)
{
    size_t n = bc_group_nodes_who(&g->nodes, bc_cstr(group), to, v, CANDIDATES_MAX);
    for (size_t i = n; i > 1; i--) { /* shuffled: gateways of one organisation share the load */
        size_t k = gw_random(g) % i;
        bc_h256_t t = v[k];
        v[k] = v[i - 1];
        v[i - 1] = t;
    }
    return n;
}

static void deliver(bc_gateway_t *g, const bc_nodeid_t *from, bc_bytes_t msg)
{
    g->stats.delivered++;
    g->client.on_message(g->client.ctx, from, msg);
}

void gw_unicast(bc_gateway_t *g, const char *group, const bc_nodeid_t *from, const bc_nodeid_t *to,
                uint16_t module, bc_buf_t *msg)
{
    bc_h256_t v[CANDIDATES_MAX];
    size_t n = candidates(g, group, to, v);
    if (!n) {
        if (local_find(g, bc_cstr(group), BC_VIEW(*to)))
            deliver(g, from, bc_buf_view(msg));
        else
            g->stats.unreachable++;
        bc_buf_unref(msg);
        return;
    }
    if (g->pending.cnt >= PENDING_MAX || g->pending_bytes + msg->n > PENDING_BYTES_MAX) {
        /* still sent, without a second attempt */
        if (unicast_try(g, &v[0], gw_seq(g), group, from, to, module, msg))
            g->stats.unreachable++;
        bc_buf_unref(msg);
        return;
    }
    pending_t *p = bc_xcalloc(1, sizeof *p);
    p->seq = gw_seq(g);
    memcpy(p->group, group, strlen(group) + 1);
    p->from = *from;
    p->to = *to;
    p->module = module;
    p->msg = msg;
    p->cnt = n;
    memcpy(p->candidates, v, n * sizeof v[0]);
    g->pending_bytes += msg->n;
    if (bc_map_insert(&g->pending, p)) { /* a number from 2^32 messages ago is still open */
        pending_free(g, p);
        return;
    }
    pending_link(g, p);
    if (!pending_try(g, p)) {
        g->stats.unreachable++;
        pending_done(g, p);
    }
}

void gw_answer_in(bc_gateway_t *g, const bc_h256_t *from, const bc_p2p_frame_t *f)
{
    pending_t *p = bc_map_find(&g->pending, bc_bytes(&f->seq, 4));
    if (!p || !bc_h256_eq(&p->candidates[p->at], from))
        g->stats.answers_late++;
    else if (bc_bytes_eq(f->payload, BC_STR(CODE_OK)))
        pending_done(g, p);
    else
        pending_retry(g, p);
}

/* Broadcasts between neighbours are frames of version 0, as official nodes send them. To a gateway
 * behind others they go with a routing header: without one the next hop would take them for
 * itself. */
void gw_broadcast(bc_gateway_t *g, const char *group, const bc_nodeid_t *from, unsigned mask,
                  uint16_t module, bc_buf_t *msg)
{
    size_t max = BC_MIN(g->nodes.gateways.cnt, (size_t)FANOUT_MAX);
    bc_h256_t *to = bc_xcalloc(max, sizeof *to);
    size_t n =
        bc_group_nodes_broadcast(&g->nodes, bc_cstr(group), mask, bc_cstr(g->uuid), to, max);
    bc_p2p_frame_t f = { .type = BC_P2P_BROADCAST,
                         .seq = gw_seq(g),
                         .ext = (uint16_t)mask,
                         .module = module,
                         .group = bc_cstr(group),
                         .src_node = BC_VIEW(*from),
                         .payload = bc_buf_view(msg) };
    bc_buf_t *plain = n ? bc_p2p_encode(&f) : NULL;
    for (size_t i = 0; plain && i < n; i++) {
        session_t *s = gw_hop(g, &to[i]);
        if (!s) {
            g->stats.unreachable++;
        } else if (bc_h256_eq(&s->id, &to[i])) {
            if (bc_conn_send(s->c, bc_buf_ref(plain)) == BC_OK) {
                g->stats.frames_out++;
                g->stats.bytes_out += plain->n;
            } else {
                g->stats.dropped_full++;
            }
        } else if (s->version >= 1) {
            gw_send_on(s, &to[i], &f);
        }
    }
    g->stats.broadcasts++;
    bc_buf_unref(plain);
    bc_buf_unref(msg);
    free(to);
}

/* ---- coming in ---- */

/* Module of the message, from its own first bytes where an old peer left the option 0. */
static uint16_t module_of(const bc_p2p_frame_t *f)
{
    bc_rd_t r = bc_rd(f->payload);
    return f->module ? f->module : bc_rd_be16(&r);
}

static bool module_limited(bc_gateway_t *g, const bc_p2p_frame_t *f)
{
    if (!g->flow || bc_flow_in_module(g->flow, bc_uv_loop_now(g->loop), f->group, module_of(f)))
        return false;
    g->stats.limited_in++;
    return true;
}

/* The sender must not be a node that we know to be behind other gateways only. */
static bool sender_ok(bc_gateway_t *g, const bc_p2p_frame_t *f, const bc_h256_t *from,
                      bc_nodeid_t *node)
{
    if (f->src_node.n != sizeof node->b)
        return false;
    memcpy(node->b, f->src_node.p, sizeof node->b);
    bc_h256_t v[CANDIDATES_MAX];
    size_t n = bc_group_nodes_who(&g->nodes, f->group, node, v, CANDIDATES_MAX);
    bool known = false;
    for (size_t i = 0; i < n; i++)
        known = known || bc_h256_eq(&v[i], from);
    return n == 0 || n == CANDIDATES_MAX || known;
}

void gw_unicast_in(session_t *s, const bc_h256_t *from, const bc_p2p_frame_t *f)
{
    bc_gateway_t *g = s->g;
    bc_nodeid_t node;
    if (g->readonly && module_of(f) != BC_MODULE_BLOCK_SYNC)
        return;
    bc_bytes_t first = bc_bytes(f->dst_nodes.p, f->dst_cnt ? f->src_node.n : 0);
    bool mine = local_find(g, f->group, first) && sender_ok(g, f, from, &node);
    bool limited = mine && module_limited(g, f);
    if (mine && !limited)
        deliver(g, &node, f->payload);
    /* the answer takes the way the message came */
    gw_send_on(s, from, &(bc_p2p_frame_t){ .type = BC_P2P_ANSWER, .seq = f->seq,
                                           .ext = BC_P2P_EXT_RESPONSE,
                                           .payload = limited ? BC_STR(CODE_TOO_OFTEN)
                                                      : mine  ? BC_STR(CODE_OK)
                                                              : BC_STR(CODE_NO_SUCH_NODE) });
}

void gw_broadcast_in(session_t *s, const bc_h256_t *from, const bc_p2p_frame_t *f)
{
    bc_gateway_t *g = s->g;
    bc_nodeid_t node;
    if ((g->readonly && module_of(f) != BC_MODULE_BLOCK_SYNC) || !sender_ok(g, f, from, &node))
        return;
    for (size_t i = 0; i < g->local_cnt; i++) {
        const local_node_t *l = &g->local[i];
        if ((unsigned)l->type & f->ext && bc_bytes_eq(bc_cstr(l->group), f->group) &&
            memcmp(l->id.b, node.b, sizeof node.b) != 0) {
            if (module_limited(g, f))
                return;
            deliver(g, &node, f->payload);
            return; /* the node behind us is one, whatever it is called */
        }
    }
}

/* ---- what we tell of ourselves ---- */

static void group_encode(bc_gateway_t *g, const char *name, bc_p2p_group_t *out, bc_bytes_t *ids,
                         char (*text)[128], bc_p2p_protocol_t *protocols, int32_t *types)
{
    size_t n = 0;
    out->type = 2;
    for (size_t i = 0; i < g->local_cnt; i++) {
        const local_node_t *l = &g->local[i];
        if (strcmp(l->group, name) != 0)
            continue;
        bc_hex_put(BC_VIEW(l->id), text[n]);
        ids[n] = bc_bytes(text[n], 128);
        protocols[n] = (bc_p2p_protocol_t){ .max = BC_FRONT_PROTOCOL };
        types[n] = l->type;
        if (l->type == BC_NODE_CONSENSUS)
            out->type = 0;
        else if (l->type == BC_NODE_OBSERVER && out->type == 2)
            out->type = 1;
        n++;
    }
    out->group = bc_cstr(name);
    out->nodes = (bc_tars_list_t){ ids, n };
    out->protocols = (bc_tars_list_t){ protocols, n };
    out->types = (bc_tars_list_t){ types, n };
}

void gw_status_encode(bc_gateway_t *g, bc_wr_t *w)
{
    bc_p2p_group_t groups[LOCAL_MAX];
    bc_bytes_t ids[LOCAL_MAX];
    static _Thread_local char text[LOCAL_MAX][128];
    bc_p2p_protocol_t protocols[LOCAL_MAX];
    int32_t types[LOCAL_MAX];
    size_t cnt = 0, used = 0;
    for (size_t i = 0; i < g->local_cnt; i++) {
        bool seen = false;
        for (size_t k = 0; k < i; k++)
            seen = seen || strcmp(g->local[k].group, g->local[i].group) == 0;
        if (seen)
            continue;
        group_encode(g, g->local[i].group, &groups[cnt], ids + used, text + used, protocols + used,
                     types + used);
        used += groups[cnt++].nodes.n;
    }
    bc_p2p_status_t s = { .uuid = bc_cstr(g->uuid), .seq = (int32_t)g->status_seq,
                          .groups = { groups, cnt } };
    bc_tars_encode(&bc_p2p_status_tars, &s, w);
}
