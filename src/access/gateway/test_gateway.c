/* Gateways that talk to each other, and what strangers may send them. */
#include "access/gateway/test_gateways.h"

/* ---- tests ---- */

static void two_gateways_exchange_messages(void **state)
{
    (void)state;
    net_t net = { .l = bc_uv_loop_new("net") };
    start_plain(&net, 0, (int[]){ -1 });
    start_plain(&net, 1, (int[]){ 0, -1 });
    node_t *a = &net.n[0], *b = &net.n[1];
    UNTIL(net.l, a->seen_cnt == 1 && b->seen_cnt == 1);
    assert_memory_equal(a->seen[0].b, b->id.b, 64);

    send_text(&net, 0, 1, BC_STR("hello b"));
    send_text(&net, 1, 0, BC_STR("hello a"));
    UNTIL(net.l, a->got == 1 && b->got == 1);
    assert_true(has(a, BC_STR("hello a")) && has(b, BC_STR("hello b")));
    assert_memory_equal(a->from.b, b->id.b, 64);
    UNTIL(net.l, a->g->pending.cnt == 0 && b->g->pending.cnt == 0); /* answered */
    assert_int_equal(a->g->sessions->version, 3);

    /* one that compresses well, one that does not, both far above a read */
    for (int kind = 0; kind < 2; kind++) {
        bc_wr_t w = { 0 };
        uint64_t x = 88172645463325252u;
        for (int i = 0; i < 300000; i++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            bc_wr_u8(&w, kind ? (uint8_t)x : (uint8_t)(i % 7));
        }
        uint64_t before = b->g->stats.bytes_in;
        send_text(&net, 0, 1, bc_wr_view(&w));
        UNTIL(net.l, has(b, bc_wr_view(&w)));
        if (!kind)
            assert_true(b->g->stats.bytes_in - before < 30000);
        bc_wr_free(&w);
    }

    bc_gateway_peer_t peers[4];
    bc_gateway_if api = bc_gateway_contract(a->g);
    assert_int_equal(api.ops->peers(api.self, peers, 4), 2);
    assert_true(peers[0].self && !peers[1].self);
    assert_string_equal(peers[0].p2p_id, bc_gateway_p2p_id(a->g));
    assert_string_equal(peers[1].p2p_id, bc_gateway_p2p_id(b->g));
    assert_string_equal(peers[1].uuid, bc_gateway_p2p_id(b->g));
    assert_int_equal(peers[1].node_cnt, 1);
    assert_memory_equal(peers[1].nodes[0].b, b->id.b, 64);
    assert_int_equal(strlen(peers[0].p2p_id), 540);

    /* nobody of that name */
    bc_nodeid_t none = { { 9 } };
    api.ops->send(api.self, "group0", &a->id, &none, 1000, bc_buf_copy(BC_STR("x")));
    UNTIL(net.l, a->g->stats.unreachable == 1);
    /* a node of our own */
    send_text(&net, 0, 0, BC_STR("to myself"));
    UNTIL(net.l, has(a, BC_STR("to myself")));
    net_end(&net);
}

static void broadcasts_follow_node_types(void **state)
{
    (void)state;
    net_t net = { .l = bc_uv_loop_new("net") };
    start_plain(&net, 0, (int[]){ -1 });
    start_plain(&net, 1, (int[]){ 0, -1 });
    start_plain(&net, 2, (int[]){ 0, 1, -1 });
    node_t *a = &net.n[0], *b = &net.n[1], *c = &net.n[2];
    UNTIL(net.l, a->seen_cnt == 2 && b->seen_cnt == 2 && c->seen_cnt == 2);
    bc_gateway_if api = bc_gateway_contract(c->g);
    uint32_t before = bc_group_nodes_find(&a->g->nodes, &c->g->id)->seq;
    api.ops->set_node(api.self, "group0", &c->id, BC_NODE_OBSERVER);
    UNTIL(net.l, bc_group_nodes_find(&a->g->nodes, &c->g->id)->seq == before + 1);

    broadcast_text(&net, 0, BC_NODE_CONSENSUS, BC_STR("to sealers"));
    UNTIL(net.l, has(b, BC_STR("to sealers")));
    broadcast_text(&net, 0, BC_NODE_CONSENSUS | BC_NODE_OBSERVER, BC_STR("to all"));
    UNTIL(net.l, has(b, BC_STR("to all")) && has(c, BC_STR("to all")));
    assert_int_equal(b->got, 2);
    assert_int_equal(c->got, 1);
    assert_int_equal(a->got, 0);
    broadcast_text(&net, 0, BC_NODE_FREE, BC_STR("to outsiders"));
    rest(&net, 100);
    assert_int_equal(b->got + c->got, 3);
    net_end(&net);
}

/* Every address has turned out to be a peer's or our own: nothing is dialled in vain any more. */
static bool knows_whom_it_dials(const node_t *n)
{
    for (const dial_t *d = n->g->dials; d; d = d->next)
        if (!d->id_known || d->c)
            return false;
    return true;
}

static void four_gateways_that_dial_each_other_mesh_and_heal(void **state)
{
    (void)state;
    net_t net = { .l = bc_uv_loop_new("net") };
    /* ports must be known before: reserve them by starting once */
    for (size_t i = 0; i < 4; i++)
        start_plain(&net, i, (int[]){ -1 });
    for (size_t i = 0; i < 4; i++)
        stop(&net, i);
    for (size_t i = 0; i < 4; i++)
        start_plain(&net, i, (int[]){ 0, 1, 2, 3, -1 }); /* itself too */
    for (size_t i = 0; i < 4; i++)
        UNTIL(net.l, net.n[i].seen_cnt == 3 && net.n[i].g->by_id.cnt == 3);
    for (size_t i = 0; i < 4; i++)
        UNTIL(net.l, knows_whom_it_dials(&net.n[i]));
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < 4; k++)
            if (i != k)
                send_text(&net, i, k, BC_STR("mesh"));
    for (size_t i = 0; i < 4; i++)
        UNTIL(net.l, net.n[i].got == 3);
    broadcast_text(&net, 2, BC_NODE_CONSENSUS, BC_STR("all"));
    UNTIL(net.l, has(&net.n[0], BC_STR("all")) && has(&net.n[1], BC_STR("all")) &&
                     has(&net.n[3], BC_STR("all")));

    stop(&net, 3);
    for (size_t i = 0; i < 3; i++)
        UNTIL(net.l, net.n[i].seen_cnt == 2);
    start_plain(&net, 3, (int[]){ -1 }); /* it waits: the others find it again */
    for (size_t i = 0; i < 4; i++)
        UNTIL(net.l, net.n[i].seen_cnt == 3);
    send_text(&net, 0, 3, BC_STR("again"));
    UNTIL(net.l, has(&net.n[3], BC_STR("again")));
    net_end(&net);
}

static void dropped_connection_comes_back(void **state)
{
    (void)state;
    net_t net = { .l = bc_uv_loop_new("net") };
    start_plain(&net, 0, (int[]){ -1 });
    start_plain(&net, 1, (int[]){ 0, -1 });
    UNTIL(net.l, net.n[0].seen_cnt == 1 && net.n[1].seen_cnt == 1);
    for (int i = 0; i < 3; i++) {
        unsigned told = net.n[0].told;
        gw_session_close(net.n[i & 1].g->sessions, false);
        UNTIL(net.l, net.n[0].told >= told + 2 && net.n[0].seen_cnt == 1 &&
                         net.n[1].seen_cnt == 1);
        assert_int_equal(net.n[0].g->by_id.cnt, 1);
    }
    send_text(&net, 0, 1, BC_STR("back"));
    UNTIL(net.l, has(&net.n[1], BC_STR("back")));
    net_end(&net);
}

static void line_of_three_forwards(void **state)
{
    (void)state;
    net_t net = { .l = bc_uv_loop_new("net") };
    start_plain(&net, 1, (int[]){ -1 });
    start_plain(&net, 0, (int[]){ 1, -1 });
    start_plain(&net, 2, (int[]){ 1, -1 });
    node_t *a = &net.n[0], *b = &net.n[1], *c = &net.n[2];
    UNTIL(net.l, a->seen_cnt == 2 && b->seen_cnt == 2 && c->seen_cnt == 2);
    assert_int_equal(a->g->by_id.cnt, 1);
    const bc_route_t *r = bc_router_find(&a->g->router, &c->g->id);
    assert_int_equal(r->distance, 2);
    assert_true(bc_h256_eq(&r->next, &b->g->id));

    send_text(&net, 0, 2, BC_STR("through b"));
    UNTIL(net.l, has(c, BC_STR("through b")));
    UNTIL(net.l, a->g->pending.cnt == 0); /* the answer came back the same way */
    assert_int_equal(a->g->stats.timeouts, 0);
    assert_int_equal(b->got, 0);
    assert_true(b->g->stats.forwarded >= 2);
    broadcast_text(&net, 0, BC_NODE_CONSENSUS, BC_STR("all"));
    UNTIL(net.l, has(b, BC_STR("all")) && has(c, BC_STR("all")));
    assert_int_equal(b->got, 1); /* once, not again on its way to c */

    /* the middle goes: both ends are alone; it comes back: both see each other */
    stop(&net, 1);
    UNTIL(net.l, a->seen_cnt == 0 && c->seen_cnt == 0);
    assert_int_equal(bc_router_find(&a->g->router, &c->g->id)->distance, BC_P2P_UNREACHABLE);
    start_plain(&net, 1, (int[]){ -1 });
    UNTIL(net.l, a->seen_cnt == 2 && c->seen_cnt == 2);
    /* the far end goes: the near one learns it from the middle */
    stop(&net, 2);
    UNTIL(net.l, a->seen_cnt == 1);
    net_end(&net);
}

static void lost_neighbour_is_reached_another_way(void **state)
{
    (void)state;
    net_t net = { .l = bc_uv_loop_new("net") };
    start_plain(&net, 1, (int[]){ -1 });
    start_plain(&net, 2, (int[]){ 1, -1 });
    start_plain(&net, 0, (int[]){ 1, 2, -1 });
    node_t *a = &net.n[0], *c = &net.n[2];
    UNTIL(net.l, a->g->by_id.cnt == 2 && a->seen_cnt == 2 && c->seen_cnt == 2);
    bc_gateway_set_peers(a->g, (bc_text_list_t){ 0 }); /* and do not dial it again */
    rest(&net, 20);
    gw_session_close(gw_session(a->g, &c->g->id), false);
    UNTIL(net.l, bc_router_find(&a->g->router, &c->g->id)->distance == 2 && a->seen_cnt == 2 &&
                     c->seen_cnt == 2);
    send_text(&net, 0, 2, BC_STR("detour"));
    UNTIL(net.l, has(c, BC_STR("detour")));
    net_end(&net);
}

static void without_rip_only_neighbours_exist(void **state)
{
    (void)state;
    net_t net = { .l = bc_uv_loop_new("net") };
    for (size_t i = 0; i < 3; i++) {
        bc_gateway_config_t c = config_of(&net.n[i], i);
        c.enable_rip_protocol = false;
        start(&net, i, c, i ? (int[]){ (int)i - 1, -1 } : (int[]){ -1 });
    }
    UNTIL(net.l, net.n[1].seen_cnt == 2);
    rest(&net, 300);
    assert_int_equal(net.n[0].seen_cnt, 1);
    assert_int_equal(net.n[2].seen_cnt, 1);
    send_text(&net, 0, 1, BC_STR("direct"));
    UNTIL(net.l, has(&net.n[1], BC_STR("direct")) && net.n[0].g->pending.cnt == 0);
    stop(&net, 1);
    UNTIL(net.l, net.n[0].seen_cnt == 0);
    net_end(&net);
}

static void certificate_lists_hold(void **state)
{
    (void)state;
    net_t net = { .l = bc_uv_loop_new("net") };
    start_plain(&net, 0, (int[]){ -1 });
    start_plain(&net, 1, (int[]){ 0, -1 });
    UNTIL(net.l, net.n[0].seen_cnt == 1);
    char modulus[513] = "";
    memcpy(modulus, bc_gateway_p2p_id(net.n[1].g) + 18, 512);
    for (char *p = modulus; *p; p++)
        *p = *p >= 'a' ? (char)(*p - 32) : *p; /* any case */
    const char *entry[] = { "nonsense", modulus };

    bc_gateway_set_lists(net.n[0].g, (bc_text_list_t){ entry, 2 }, (bc_text_list_t){ 0 });
    UNTIL(net.l, net.n[0].seen_cnt == 0); /* the session is closed */
    rest(&net, 600);
    assert_int_equal(net.n[0].g->by_id.cnt, 0); /* and cannot be opened again */
    bc_gateway_set_lists(net.n[0].g, (bc_text_list_t){ 0 }, (bc_text_list_t){ entry, 2 });
    UNTIL(net.l, net.n[0].seen_cnt == 1); /* on the white list: welcome */
    /* the black list wins; a white list without the peer refuses it */
    bc_gateway_set_lists(net.n[0].g, (bc_text_list_t){ entry, 2 }, (bc_text_list_t){ entry, 2 });
    UNTIL(net.l, net.n[0].seen_cnt == 0);
    modulus[3] = modulus[3] == '0' ? '1' : '0';
    bc_gateway_set_lists(net.n[0].g, (bc_text_list_t){ 0 }, (bc_text_list_t){ entry, 2 });
    rest(&net, 600);
    assert_int_equal(net.n[0].g->by_id.cnt, 0);
    /* only illegal entries: the list is not active */
    bc_gateway_set_lists(net.n[0].g, (bc_text_list_t){ 0 }, (bc_text_list_t){ entry, 1 });
    UNTIL(net.l, net.n[0].seen_cnt == 1);
    net_end(&net);
}

static void strangers_are_refused(void **state)
{
    (void)state;
    net_t net = { .l = bc_uv_loop_new("net") };
    start_plain(&net, 0, (int[]){ -1 });
    bc_gateway_config_t c = config_of(&net.n[1], 1);
    c.tls = tls_of(&foreign);
    start(&net, 1, c, (int[]){ 0, -1 });
    UNTIL(net.l, net.n[1].g->stats.dials_failed >= 2);
    assert_int_equal(net.n[0].g->by_id.cnt, 0);
    assert_int_equal(net.n[1].g->by_id.cnt, 0);
    net_end(&net);
}

/* ---- a peer made by hand ---- */

static void handshake_bytes_and_versions(void **state)
{
    (void)state;
    static const uint8_t payload_head[] = { 0x10, 0x01, 0x2c, 0x30 };
    net_t net = { .l = bc_uv_loop_new("net") };
    start_plain(&net, 0, (int[]){ -1 });
    for (uint8_t max = 1; max <= 5; max++) {
        raw_t r = { 0 };
        bc_p2p_frame_t f;
        raw_dial(&r, &net, 0, &ids[5]);
        UNTIL(net.l, raw_find(&r, BC_P2P_HANDSHAKE, &f));
        assert_memory_equal(r.got.p, "\0\0\0\x13\0\0\0\2", 8); /* the first thing it says */
        assert_memory_equal(r.got.p + 12, "\0\0\x10\x01\x2c\x30\x03", 7);
        bc_wr_t w = { 0 };
        bc_wr_mem(&w, payload_head, sizeof payload_head);
        bc_wr_u8(&w, max);
        raw_frame(&r, &(bc_p2p_frame_t){ .type = BC_P2P_HANDSHAKE, .payload = bc_wr_view(&w) });
        bc_wr_free(&w);
        UNTIL(net.l, raw_find(&r, BC_P2P_STATUS_SEQ, &f) && f.version == BC_MIN(max, 3));
        size_t id_n = max < 3 ? 540 : 32;
        assert_int_equal(f.src.n, id_n);
        assert_int_equal(f.dst.n, id_n);
        assert_int_equal(f.ttl, 10);
        assert_int_equal(f.payload.n, 4);
        raw_end(&r, &net);
        UNTIL(net.l, net.n[0].g->by_id.cnt == 0);
    }
    /* versions that have nothing in common */
    raw_t r = { 0 };
    raw_dial(&r, &net, 0, &ids[5]);
    raw_frame(&r, &(bc_p2p_frame_t){ .type = BC_P2P_HANDSHAKE,
                                     .payload = BC_STR("\x10\x01\x20\x07\x30\x09") });
    UNTIL(net.l, r.closed);
    raw_end(&r, &net);
    net_end(&net);
}

static void malformed_frames_end_the_connection(void **state)
{
    (void)state;
    static uint8_t zeros[4 << 20];
    bc_buf_t *bomb = bc_p2p_compress(bc_bytes(zeros, sizeof zeros));
    bc_wr_t big = { 0 }, bomb_frame = { 0 };
    bc_buf_t *b = bc_p2p_encode(&(bc_p2p_frame_t){ .version = 3, .type = BC_P2P_STATUS,
                                                   .ext = BC_P2P_EXT_COMPRESSED,
                                                   .payload = bc_buf_view(bomb) });
    bc_wr_put(&bomb_frame, bc_buf_view(b));
    bc_buf_unref(b);
    bc_wr_be32(&big, (1 << 20) + 1);
    bc_wr_be32(&big, 0x00000004);
    const bc_bytes_t cases[] = {
        bc_wr_view(&big),                                           /* above the limit */
        BC_STR("\0\0\0\5\0\0\0\1\0\0\0\0\0\0"),                     /* shorter than a header */
        BC_STR("\0\0\0\x0e\0\3\0\1\0\0\0\0\0\0"),                   /* no routing header */
        BC_STR("\0\0\0\x10\0\0\0\5\0\0\0\0\0\0\0\1"),               /* half of the options */
        BC_STR("\0\0\0\x12\0\0\0\4\0\0\0\0\0\x10zstd"),             /* not compressed at all */
        BC_STR("\0\0\0\x12\0\0\0\4\0\0\0\0\0\0tars"),               /* not a status */
        bc_wr_view(&bomb_frame),                                    /* grows beyond the limit */
        BC_STR("\0\0\0\x17\0\3\0\1\0\0\0\0\0\0\0\x0a\0\3abc\0\0"),  /* an id of three bytes */
    };
    net_t net = { .l = bc_uv_loop_new("net") };
    bc_gateway_config_t c = config_of(&net.n[0], 0);
    c.allow_max_msg_size = 1 << 20;
    start(&net, 0, c, (int[]){ -1 });
    for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++) {
        raw_t r = { 0 };
        raw_dial(&r, &net, 0, &ids[5]);
        bc_conn_write(r.c, cases[i]);
        UNTIL(net.l, r.closed && net.n[0].g->by_id.cnt == 0);
        assert_int_equal(net.n[0].g->stats.protocol_errors, i + 1);
        raw_end(&r, &net);
    }
    /* an unknown packet type, AMOP and an early answer are no reason to part */
    raw_t r = { 0 };
    raw_dial(&r, &net, 0, &ids[5]);
    raw_frame(&r, &(bc_p2p_frame_t){ .type = 99 });
    raw_frame(&r, &(bc_p2p_frame_t){ .type = BC_P2P_AMOP, .payload = BC_STR("\0\0\0\1\0\0x") });
    raw_frame(&r, &(bc_p2p_frame_t){ .type = BC_P2P_ANSWER, .ext = 1, .payload = BC_STR("0") });
    UNTIL(net.l, net.n[0].g->stats.ignored == 2 && net.n[0].g->stats.answers_late == 1);
    /* a unicast in single bytes is still one frame; it is answered */
    bc_buf_t *u = bc_p2p_encode(&(bc_p2p_frame_t){
        .type = BC_P2P_UNICAST, .seq = 77, .group = BC_STR("group0"), .module = 1000,
        .src_node = bc_bytes(zeros, 64), .dst_nodes = BC_VIEW(net.n[0].id), .dst_cnt = 1,
        .payload = BC_STR("drip") });
    for (size_t i = 0; i < u->n; i++) {
        bc_conn_write(r.c, bc_bytes(u->p + i, 1));
        bc_uv_loop_poll(net.l, 1);
    }
    bc_buf_unref(u);
    bc_p2p_frame_t f;
    UNTIL(net.l, raw_find(&r, BC_P2P_ANSWER, &f));
    assert_true(has(&net.n[0], BC_STR("drip")));
    assert_int_equal(f.seq, 77);
    assert_int_equal(f.ext, 1);
    assert_true(bc_bytes_eq(f.payload, BC_STR("0")));
    /* to a node that is not here */
    bc_wr_reset(&r.got);
    raw_frame(&r, &(bc_p2p_frame_t){ .type = BC_P2P_UNICAST, .seq = 78, .group = BC_STR("group1"),
                                     .src_node = bc_bytes(zeros, 64), .dst_cnt = 1,
                                     .dst_nodes = BC_VIEW(net.n[0].id) });
    UNTIL(net.l, raw_find(&r, BC_P2P_ANSWER, &f));
    assert_true(bc_bytes_eq(f.payload, BC_STR("1002")));
    raw_end(&r, &net);
    net_end(&net);
    bc_wr_free(&big);
    bc_wr_free(&bomb_frame);
    bc_buf_unref(bomb);
}

/* Two gateways say they have the node. The one that answers "no such node", or nothing, is passed
 * over. */
static void unicast_tries_the_next_gateway(void **state)
{
    (void)state;
    net_t net = { .l = bc_uv_loop_new("net") };
    bc_gateway_config_t c = config_of(&net.n[0], 0);
    start(&net, 0, c, (int[]){ -1 });
    start_plain(&net, 1, (int[]){ 0, -1 });
    node_t *a = &net.n[0], *b = &net.n[1];
    raw_t r = { 0 };
    raw_dial(&r, &net, 0, &ids[5]);
    char hex[129] = "";
    bc_hex_put(BC_VIEW(b->id), hex);
    bc_bytes_t id = bc_cstr(hex);
    int32_t type = BC_NODE_CONSENSUS;
    bc_p2p_group_t pg = { .group = BC_STR("group0"), .nodes = { &id, 1 }, .types = { &type, 1 } };
    bc_p2p_status_t ps = { .uuid = BC_STR("raw"), .seq = 7, .groups = { &pg, 1 } };
    bc_wr_t w = { 0 };
    bc_tars_encode(&bc_p2p_status_tars, &ps, &w);
    raw_frame(&r, &(bc_p2p_frame_t){ .type = BC_P2P_STATUS, .payload = bc_wr_view(&w) });
    bc_h256_t who[4];
    UNTIL(net.l, bc_group_nodes_who(&a->g->nodes, BC_STR("group0"), &b->id, who, 4) == 2);
    assert_int_equal(a->seen_cnt, 1); /* one node, two ways */

    unsigned sent = 0;
    bc_p2p_frame_t f = { 0 };
    for (; !raw_find(&r, BC_P2P_UNICAST, &f); sent++) {
        send_text(&net, 0, 1, BC_STR("which way"));
        UNTIL(net.l, b->got == sent + 1 || raw_find(&r, BC_P2P_UNICAST, &f));
        assert_true(sent < 100);
    }
    assert_true(bc_bytes_eq(f.payload, BC_STR("which way")));
    unsigned before = b->got;
    raw_frame(&r, &(bc_p2p_frame_t){ .type = BC_P2P_ANSWER, .ext = 1, .seq = f.seq,
                                     .payload = BC_STR("1002") });
    UNTIL(net.l, b->got == before + 1 && a->g->pending.cnt == 0);
    assert_int_equal(a->g->stats.retries, 1);
    /* silence */
    bc_wr_reset(&r.got);
    while (!raw_find(&r, BC_P2P_UNICAST, &f)) {
        before = b->got;
        send_text(&net, 0, 1, BC_STR("anybody there"));
        UNTIL(net.l, b->got > before || raw_find(&r, BC_P2P_UNICAST, &f));
    }
    UNTIL(net.l, a->g->pending.cnt == 0); /* ten ticks later */
    assert_int_equal(a->g->stats.timeouts, 1);
    assert_int_equal(a->g->stats.retries, 2);
    assert_true(b->got > 0);
    /* a status with an old number is ignored */
    pg.nodes.n = pg.types.n = 0;
    ps.seq = 7;
    bc_wr_reset(&w);
    bc_tars_encode(&bc_p2p_status_tars, &ps, &w);
    raw_frame(&r, &(bc_p2p_frame_t){ .type = BC_P2P_STATUS, .payload = bc_wr_view(&w) });
    rest(&net, 60);
    assert_int_equal(bc_group_nodes_who(&a->g->nodes, BC_STR("group0"), &b->id, who, 4), 2);
    /* nobody else may speak for b's gateway */
    ps.seq = INT32_MAX;
    bc_wr_reset(&w);
    bc_tars_encode(&bc_p2p_status_tars, &ps, &w);
    raw_frame(&r, &(bc_p2p_frame_t){ .version = 3, .type = BC_P2P_STATUS, .ttl = 10,
                                     .src = BC_VIEW(b->g->id), .payload = bc_wr_view(&w) });
    rest(&net, 60);
    assert_int_equal(bc_group_nodes_who(&a->g->nodes, BC_STR("group0"), &b->id, who, 4), 2);
    bc_wr_free(&w);
    raw_end(&r, &net);
    net_end(&net);
}

static void readonly_lets_block_sync_through_only(void **state)
{
    (void)state;
    net_t net = { .l = bc_uv_loop_new("net") };
    bc_gateway_config_t c = config_of(&net.n[0], 0);
    c.readonly = true;
    start(&net, 0, c, (int[]){ -1 });
    start_plain(&net, 1, (int[]){ 0, -1 });
    UNTIL(net.l, net.n[0].seen_cnt == 1 && net.n[1].seen_cnt == 1);
    send_text(&net, 1, 0, BC_STR("vote")); /* module 1000 */
    broadcast_text(&net, 1, BC_NODE_CONSENSUS, BC_STR("status")); /* module 2000 */
    UNTIL(net.l, net.n[0].got == 1);
    assert_true(has(&net.n[0], BC_STR("status")));
    net_end(&net);
}

static void forwarded_frames_lose_time_to_live(void **state)
{
    (void)state;
    net_t net = { .l = bc_uv_loop_new("net") };
    start_plain(&net, 0, (int[]){ -1 });
    start_plain(&net, 1, (int[]){ 0, -1 });
    UNTIL(net.l, net.n[0].seen_cnt == 1);
    raw_t r = { 0 };
    raw_dial(&r, &net, 0, &ids[5]);
    bc_h256_t me;
    char raw[1200] = "";
    bc_bytes_t key = bc_tls_own_key(r.tls);
    bc_hex_put(key, raw);
    bc_p2p_short_id(bc_bytes(raw, 2 * key.n), &me);
    node_t *a = &net.n[0], *b = &net.n[1];
    bc_nodeid_t third = { { 3 } };
    bc_p2p_frame_t f = { .version = 3, .type = BC_P2P_UNICAST, .seq = 5, .group = BC_STR("group0"),
                         .module = 1000, .src_node = BC_VIEW(third), .dst_nodes = BC_VIEW(b->id),
                         .dst_cnt = 1, .src = BC_VIEW(me), .dst = BC_VIEW(b->g->id),
                         .payload = BC_STR("far") };
    f.ttl = 1;
    raw_frame(&r, &(bc_p2p_frame_t){ .type = BC_P2P_HANDSHAKE,
                                     .payload = BC_STR("\x10\x01\x2c\x30\x03") });
    raw_frame(&r, &f);
    bc_p2p_frame_t answer;
    UNTIL(net.l, has(b, BC_STR("far")) && raw_find(&r, BC_P2P_ANSWER, &answer));
    assert_true(bc_bytes_eq(answer.dst, BC_VIEW(me)));
    uint64_t before = a->g->stats.unreachable;
    f.ttl = 0;
    raw_frame(&r, &f);
    UNTIL(net.l, a->g->stats.unreachable == before + 1);
    assert_int_equal(b->got, 1);

    /* Nothing that a stranger sends through a harms the link between a and b: neither garbage, nor
     * what only neighbours may say, nor a's own name. */
    const bc_p2p_frame_t bad[] = {
        { .type = BC_P2P_STATUS, .payload = BC_STR("garbage") },
        { .type = BC_P2P_STATUS, .ext = BC_P2P_EXT_COMPRESSED, .payload = BC_STR("garbage") },
        { .type = BC_P2P_HANDSHAKE, .payload = BC_STR("\x10\x01\x20\x07\x30\x09") },
        { .type = BC_P2P_ROUTER, .payload = BC_STR("garbage") },
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(bad); i++) {
        for (int own_name = 0; own_name < 2; own_name++) {
            bc_p2p_frame_t g = bad[i];
            g.version = 3;
            g.ttl = 5;
            g.src = own_name ? BC_VIEW(a->g->id) : BC_VIEW(me);
            g.dst = BC_VIEW(b->g->id);
            uint64_t fwd = a->g->stats.forwarded, ign_a = a->g->stats.ignored,
                     ign_b = b->g->stats.ignored;
            raw_frame(&r, &g);
            if (own_name)
                UNTIL(net.l, a->g->stats.ignored == ign_a + 1);
            else
                UNTIL(net.l, a->g->stats.forwarded == fwd + 1 && b->g->stats.ignored == ign_b + 1);
        }
    }
    assert_int_equal(b->g->by_id.cnt, 1);
    assert_int_equal(b->g->stats.protocol_errors, 0);
    assert_int_equal(b->g->sessions->version, 3);
    raw_end(&r, &net);
    net_end(&net);
}

/* The contract is for any thread: two gateways on loops of their own, four threads that send. */
typedef struct {
    bc_gateway_if api;
    const bc_nodeid_t *from, *to;
} sender_t;

static void *sender_main(void *arg)
{
    const sender_t *s = arg;
    for (int i = 0; i < 200; i++)
        s->api.ops->send(s->api.self, "group0", s->from, s->to, 1000,
                         bc_buf_copy(BC_STR("from a thread")));
    return NULL;
}

typedef struct {
    _Atomic unsigned got, seen;
} counter_t;
static void count_message(void *ctx, const bc_nodeid_t *from, bc_bytes_t msg)
{
    (void)from, (void)msg;
    atomic_fetch_add(&((counter_t *)ctx)->got, 1);
}
static void count_nodes(void *ctx, const bc_nodeid_t *v, size_t n, int32_t protocol)
{
    (void)v, (void)protocol;
    atomic_store(&((counter_t *)ctx)->seen, (unsigned)n);
}

static void contract_serves_any_thread(void **state)
{
    (void)state;
    bc_uv_loop_t *l[2];
    bc_gateway_t *g[2];
    counter_t cnt[2] = { 0 };
    bc_nodeid_t id[2] = { { { 1 } }, { { 2 } } };
    char text[64];
    const char *list[1] = { text };
    for (size_t i = 0; i < 2; i++) {
        l[i] = bc_uv_loop_new("gw");
        bc_gateway_config_t c = config_of(NULL, i);
        c.client = (bc_gateway_client_t){ count_message, count_nodes, &cnt[i] };
        if (i)
            c.peers = (bc_text_list_t){ list, 1 };
        assert_int_equal(bc_gateway_new(l[i], &c, &g[i]), BC_OK);
        snprintf(text, sizeof text, "127.0.0.1:%u", bc_gateway_port(g[i]));
        bc_gateway_if api = bc_gateway_contract(g[i]);
        api.ops->set_node(api.self, "group0", &id[i], BC_NODE_CONSENSUS);
        assert_int_equal(bc_uv_loop_start(l[i]), BC_OK);
    }
    for (int i = 0; i < 1000 && (!atomic_load(&cnt[0].seen) || !atomic_load(&cnt[1].seen)); i++)
        uv_sleep(10);
    assert_int_equal(atomic_load(&cnt[0].seen), 1);
    pthread_t t[4];
    sender_t s[2] = { { bc_gateway_contract(g[0]), &id[0], &id[1] },
                      { bc_gateway_contract(g[1]), &id[1], &id[0] } };
    for (size_t i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, sender_main, &s[i % 2]);
    for (size_t i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    bc_gateway_peer_t peers[4];
    for (int i = 0; i < 1000 && atomic_load(&cnt[0].got) + atomic_load(&cnt[1].got) < 800; i++) {
        uv_sleep(10);
        s[0].api.ops->peers(s[0].api.self, peers, 4);
        (void)bc_gateway_stats(g[1]);
    }
    assert_int_equal(atomic_load(&cnt[0].got), 400);
    assert_int_equal(atomic_load(&cnt[1].got), 400);
    for (size_t i = 0; i < 2; i++) {
        bc_uv_loop_stop(l[i]);
        bc_uv_loop_join(l[i]);
        sender_main(&s[i]); /* too late: freed with the gateway */
        bc_gateway_free(g[i]);
        bc_uv_loop_free(l[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_gateways_exchange_messages),
        cmocka_unit_test(broadcasts_follow_node_types),
        cmocka_unit_test(four_gateways_that_dial_each_other_mesh_and_heal),
        cmocka_unit_test(dropped_connection_comes_back),
        cmocka_unit_test(line_of_three_forwards),
        cmocka_unit_test(lost_neighbour_is_reached_another_way),
        cmocka_unit_test(without_rip_only_neighbours_exist),
        cmocka_unit_test(certificate_lists_hold),
        cmocka_unit_test(strangers_are_refused),
        cmocka_unit_test(handshake_bytes_and_versions),
        cmocka_unit_test(malformed_frames_end_the_connection),
        cmocka_unit_test(unicast_tries_the_next_gateway),
        cmocka_unit_test(readonly_lets_block_sync_through_only),
        cmocka_unit_test(forwarded_frames_lose_time_to_live),
        cmocka_unit_test(contract_serves_any_thread),
    };
    return cmocka_run_group_tests_name("gateway", tests, setup, teardown);
}
