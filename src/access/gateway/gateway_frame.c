/* Frames: the routing header going out, dispatch and forwarding coming in. */
#include "access/gateway/gateway_impl.h"
#include <stdlib.h>

uint32_t gw_seq(bc_gateway_t *g)
{
    return g->next_seq++;
}

session_t *gw_hop(const bc_gateway_t *g, const bc_h256_t *id)
{
    const bc_route_t *r = g->rip ? bc_router_find(&g->router, id) : NULL;
    session_t *s = gw_session(g, r && !bc_h256_is_zero(&r->next) ? &r->next : id);
    return s && !s->closing ? s : NULL;
}

/* The id as a peer of that version wants it. */
static bc_bytes_t id_text(const bc_gateway_t *g, const bc_h256_t *id, uint16_t version)
{
    if (version >= 3)
        return BC_VIEW(*id);
    if (bc_h256_eq(id, &g->id))
        return bc_cstr(g->raw);
    const session_t *s = gw_session(g, id);
    if (s)
        return bc_cstr(s->raw);
    const bc_route_t *r = bc_router_find(&g->router, id);
    return r ? bc_bytes(r->raw, r->raw_n) : BC_VIEW(*id);
}

static bc_err_t send_bytes(session_t *s, bc_buf_t *b)
{
    bc_gateway_t *g = s->g;
    if (!b)
        return BC_E_NOMEM;
    size_t n = b->n;
    bc_err_t err = bc_conn_send(s->c, b);
    if (err) {
        g->stats.dropped_full += err == BC_E_FULL;
        return err;
    }
    g->stats.frames_out++;
    g->stats.bytes_out += n;
    return BC_OK;
}

/* Broadcasts are outside the limits, as with official nodes. */
static bool bandwidth_left(session_t *s, const bc_p2p_frame_t *f, size_t n)
{
    bc_gateway_t *g = s->g;
    if (f->type == BC_P2P_BROADCAST || bc_flow_out(g->flow, bc_uv_loop_now(g->loop), bc_conn_ip(s->c),
                                                   f->group, f->module, n))
        return true;
    g->stats.limited_out++;
    return false;
}

bc_err_t gw_send_on(session_t *s, const bc_h256_t *to, const bc_p2p_frame_t *in)
{
    bc_gateway_t *g = s->g;
    bc_p2p_frame_t f = *in;
    f.version = in->type == BC_P2P_HANDSHAKE ? 0 : s->version;
    if (f.version >= 1) {
        if (!f.ttl)
            f.ttl = BC_P2P_TTL;
        f.src = id_text(g, &g->id, f.version);
        f.dst = id_text(g, to, f.version);
    }
    bc_buf_t *small = NULL;
    if (g->compress && f.version >= 2 && f.payload.n > BC_P2P_COMPRESS_MIN &&
        !(f.ext & BC_P2P_EXT_COMPRESSED) && (small = bc_p2p_compress(f.payload))) {
        f.payload = bc_buf_view(small);
        f.ext |= BC_P2P_EXT_COMPRESSED;
    }
    bc_buf_t *b = bc_p2p_encode(&f);
    bc_buf_unref(small);
    if (b && g->flow && !bandwidth_left(s, &f, b->n)) {
        bc_buf_unref(b);
        return BC_E_BUSY;
    }
    return send_bytes(s, b);
}

bc_err_t gw_send(bc_gateway_t *g, const bc_h256_t *to, const bc_p2p_frame_t *f)
{
    session_t *s = gw_hop(g, to);
    /* a peer that knows no routing header would take the frame for itself */
    if (s && s->version < 1 && !bc_h256_eq(&s->id, to))
        return BC_E_NOT_FOUND;
    return s ? gw_send_on(s, to, f) : BC_E_NOT_FOUND;
}

bool gw_send_plain(bc_gateway_t *g, const bc_h256_t *to, uint16_t type, bc_bytes_t payload)
{
    return !gw_send(g, to, &(bc_p2p_frame_t){ .type = type, .seq = gw_seq(g), .payload = payload });
}

void gw_neighbours(bc_gateway_t *g, uint16_t type, bc_bytes_t payload)
{
    bc_p2p_frame_t f = { .type = type, .seq = gw_seq(g), .payload = payload };
    for (session_t *s = g->sessions; s; s = s->next) {
        if (!s->closing)
            gw_send_on(s, &s->id, &f);
    }
}

void gw_reachable(bc_gateway_t *g, uint16_t type, bc_bytes_t payload)
{
    gw_neighbours(g, type, payload);
    if (!g->rip)
        return;
    const bc_route_t *r;
    for (size_t i = 0; (r = bc_map_next(&g->router.routes, &i));) {
        if (r->distance > 1 && r->distance < BC_P2P_UNREACHABLE)
            gw_send_plain(g, &r->id, type, payload);
    }
}

/* ---- receiving ---- */

static bool id_read(bc_bytes_t text, bc_h256_t *out)
{
    if (text.n == 32)
        memcpy(out->b, text.p, 32);
    else if (text.n > BC_P2P_SHORT_ID_MAX)
        bc_p2p_short_id(text, out);
    else
        return false;
    return true;
}

/* A frame for somebody else: on to the next neighbour with ids as that one wants them. */
static void forward(session_t *from, bc_p2p_frame_t *f, const bc_h256_t *src, const bc_h256_t *dst)
{
    bc_gateway_t *g = from->g;
    session_t *s = f->ttl > 0 ? gw_hop(g, dst) : NULL;
    const session_t *owner = gw_session(g, src);
    if (bc_h256_eq(src, &g->id) || (owner && owner != from)) {
        g->stats.ignored++; /* in our name, or another neighbour's */
        return;
    }
    if (!s || s == from || s->version < 1) {
        g->stats.unreachable++;
        return;
    }
    f->ttl--;
    f->version = s->version;
    f->src = id_text(g, src, f->version);
    f->dst = id_text(g, dst, f->version);
    bc_buf_t *plain = NULL;
    if (f->ext & BC_P2P_EXT_COMPRESSED && f->version < 2) {
        if (bc_p2p_decompress(f->payload, g->msg_max, &plain))
            return;
        f->payload = bc_buf_view(plain);
        f->ext = (uint16_t)(f->ext & ~BC_P2P_EXT_COMPRESSED);
    }
    bc_buf_t *b = bc_p2p_encode(f);
    if (b && g->flow) /* counted only: whose it is has been asked where it began */
        bc_flow_out(g->flow, bc_uv_loop_now(g->loop), bc_conn_ip(s->c), (bc_bytes_t){ 0 }, 0, b->n);
    if (!send_bytes(s, b))
        g->stats.forwarded++;
    bc_buf_unref(plain);
}

static bool handshake_in(session_t *s, bc_bytes_t payload)
{
    bc_p2p_protocol_t p;
    if (bc_tars_decode(&bc_p2p_protocol_tars, payload, &p, &s->g->arena))
        return false;
    if (p.min > PROTOCOL_MAX || p.max < 0 || p.min > p.max) {
        s->fault = "no common protocol version";
        return false;
    }
    s->version = (uint16_t)BC_MIN(PROTOCOL_MAX, p.max);
    s->negotiated = true;
    gw_amop_hello(s->g, &s->id);
    return true;
}

static void status_seq_in(bc_gateway_t *g, const bc_h256_t *from, bc_bytes_t payload)
{
    if (payload.n >= 4 && bc_group_nodes_newer(&g->nodes, from, bc_load_be32(payload.p)))
        gw_send_plain(g, from, BC_P2P_REQUEST_STATUS, (bc_bytes_t){ 0 });
}

static bool status_in(bc_gateway_t *g, const bc_h256_t *from, bc_bytes_t payload)
{
    if (!gw_hop(g, from)) { /* of somebody we could not answer: not kept */
        g->stats.ignored++;
        return true;
    }
    bc_err_t err = bc_group_nodes_update(&g->nodes, from, payload, &g->arena);
    if (!err) {
        gw_nodes_changed(g);
        gw_snapshot(g);
    }
    return !err || err == BC_E_STALE || err == BC_E_FULL;
}

static void status_out(bc_gateway_t *g, const bc_h256_t *to)
{
    bc_wr_t w = { 0 };
    gw_status_encode(g, &w);
    if (!w.err)
        gw_send_plain(g, to, BC_P2P_STATUS, bc_wr_view(&w));
    bc_wr_free(&w);
}

static void router_seq_in(session_t *s, bc_bytes_t payload)
{
    if (!s->g->rip || payload.n < 4)
        return;
    uint32_t seq = bc_load_be32(payload.p);
    if (s->router_seen && seq <= s->router_seq)
        return;
    s->router_seen = true;
    s->router_seq = seq;
    gw_send_plain(s->g, &s->id, BC_P2P_REQUEST_ROUTER, (bc_bytes_t){ 0 });
}

static bool router_in(session_t *s, bc_bytes_t payload)
{
    bc_gateway_t *g = s->g;
    if (!g->rip)
        return true;
    bc_wr_t lost = { 0 };
    bool changed;
    bc_err_t err = bc_router_join(&g->router, &s->id, payload, &g->arena, &changed, &lost);
    if (changed)
        gw_router_changed(g, &lost);
    else
        bc_wr_free(&lost);
    return err == BC_OK;
}

static void router_out(session_t *s)
{
    bc_gateway_t *g = s->g;
    bc_wr_t w = { 0 };
    if (!g->rip)
        return;
    bc_router_encode(&g->router, &g->arena, &w);
    if (!w.err)
        gw_send_plain(g, &s->id, BC_P2P_ROUTER, bc_wr_view(&w));
    bc_wr_free(&w);
}

/* Versions and router tables are between neighbours: one that was forwarded is somebody else's
 * attempt to speak in the neighbour's name. Nor does anybody announce nodes for a gateway that has
 * a session of its own. */
static bool may_say(const session_t *s, uint16_t type, const bc_h256_t *from)
{
    if (bc_h256_eq(from, &s->id))
        return true;
    switch (type) {
    case BC_P2P_HANDSHAKE:
    case BC_P2P_ROUTER_SEQ:
    case BC_P2P_ROUTER:
    case BC_P2P_REQUEST_ROUTER:
        return false;
    case BC_P2P_STATUS:
    case BC_P2P_STATUS_SEQ:
    case BC_P2P_AMOP:
    case BC_P2P_WS:
        return !gw_session(s->g, from) && !bc_h256_eq(from, &s->g->id);
    default:
        return !bc_h256_eq(from, &s->g->id);
    }
}

static bool dispatch(session_t *s, const bc_p2p_frame_t *f, const bc_h256_t *from)
{
    bc_gateway_t *g = s->g;
    bool amop = f->type == BC_P2P_AMOP || f->type == BC_P2P_WS;
    if ((amop && g->readonly) || !may_say(s, f->type, from)) {
        g->stats.ignored++;
        return true;
    }
    if (amop) {
        gw_amop_in(g, from, f);
        return true;
    }
    if (f->ext & BC_P2P_EXT_RESPONSE || f->type == BC_P2P_ANSWER) {
        gw_answer_in(g, from, f);
        return true;
    }
    switch (f->type) {
    case BC_P2P_HEARTBEAT:
        return true;
    case BC_P2P_HANDSHAKE:
        return handshake_in(s, f->payload);
    case BC_P2P_REQUEST_STATUS:
        status_out(g, from);
        return true;
    case BC_P2P_STATUS:
        return status_in(g, from, f->payload);
    case BC_P2P_STATUS_SEQ:
        status_seq_in(g, from, f->payload);
        return true;
    case BC_P2P_UNICAST:
        gw_unicast_in(s, from, f);
        return true;
    case BC_P2P_BROADCAST:
        gw_broadcast_in(s, from, f);
        return true;
    case BC_P2P_ROUTER_SEQ: /* tables are exchanged between neighbours only */
        router_seq_in(s, f->payload);
        return true;
    case BC_P2P_ROUTER:
        return router_in(s, f->payload);
    case BC_P2P_REQUEST_ROUTER:
        router_out(s);
        return true;
    default:
        g->stats.ignored++;
        return true;
    }
}

bool gw_frame_in(session_t *s, bc_bytes_t in)
{
    bc_gateway_t *g = s->g;
    bc_p2p_frame_t f;
    g->stats.frames_in++;
    if (bc_p2p_decode(in, &f))
        return false;
    bc_h256_t from = s->id, dst;
    if (g->rip && f.src.n && !id_read(f.src, &from))
        return false;
    if (f.dst.n) {
        if (!id_read(f.dst, &dst))
            return false;
        if (!bc_h256_eq(&dst, &g->id)) {
            if (g->rip)
                forward(s, &f, &from, &dst);
            return true;
        }
    }
    if (g->flow && !bc_flow_in_type(g->flow, bc_uv_loop_now(g->loop), bc_conn_ip(s->c), f.type)) {
        g->stats.limited_in++;
        return true;
    }
    bc_buf_t *plain = NULL;
    bool ok = true;
    if (f.ext & BC_P2P_EXT_COMPRESSED) {
        ok = bc_p2p_decompress(f.payload, g->msg_max, &plain) == BC_OK;
        if (!ok)
            s->fault = "compressed payload that is damaged or too large";
        f.payload = bc_buf_view(plain);
        f.ext = (uint16_t)(f.ext & ~BC_P2P_EXT_COMPRESSED);
    }
    ok = ok && dispatch(s, &f, &from);
    bc_arena_reset(&g->arena);
    bc_buf_unref(plain);
    if (!ok && !bc_h256_eq(&from, &s->id)) { /* not the neighbour's fault */
        s->fault = NULL;
        g->stats.ignored++;
        return true;
    }
    return ok;
}
