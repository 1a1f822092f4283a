/* Frames of every version, to and from peers that speak no higher one. */
#include "access/gateway/test_gateways.h"

enum { LONG = 4000 };

/* A peer that speaks up to a frame version, with one node behind it. */
static void introduce(raw_t *r, int32_t max, const bc_nodeid_t *node)
{
    bc_p2p_protocol_t p = { .module = 1, .min = 0, .max = max };
    bc_wr_t w = { 0 };
    bc_tars_encode(&bc_p2p_protocol_tars, &p, &w);
    raw_frame(r, &(bc_p2p_frame_t){ .type = BC_P2P_HANDSHAKE, .payload = bc_wr_view(&w) });
    char hex[129] = "";
    bc_hex_put(BC_VIEW(*node), hex);
    bc_bytes_t id = bc_cstr(hex);
    int32_t type = BC_NODE_CONSENSUS;
    bc_p2p_protocol_t front = { .module = 0, .min = 0, .max = max };
    bc_p2p_group_t g = { .group = BC_STR("group0"),
                         .nodes = { &id, 1 },
                         .types = { &type, 1 },
                         .protocols = { &front, 1 } };
    bc_p2p_status_t s = { .uuid = BC_STR("raw"), .seq = 7, .groups = { &g, 1 } };
    bc_wr_reset(&w);
    bc_tars_encode(&bc_p2p_status_tars, &s, &w);
    raw_frame(r, &(bc_p2p_frame_t){ .type = BC_P2P_STATUS, .payload = bc_wr_view(&w) });
    bc_wr_free(&w);
}

static void expect_text(const bc_p2p_frame_t *f, bc_bytes_t text)
{
    bc_buf_t *plain = NULL;
    if (f->ext & BC_P2P_EXT_COMPRESSED)
        assert_int_equal(bc_p2p_decompress(f->payload, 1 << 20, &plain), BC_OK);
    assert_true(bc_bytes_eq(plain ? bc_buf_view(plain) : f->payload, text));
    bc_buf_unref(plain);
}

static void peers_get_frames_that_they_know(void **state)
{
    (void)state;
    net_t net = { .l = bc_uv_loop_new("net") };
    start_plain(&net, 0, (int[]){ -1 });
    node_t *a = &net.n[0];
    memset(net.n[1].id.b, 9, sizeof net.n[1].id.b);
    char text[LONG];
    memset(text, 'x', sizeof text);
    for (int32_t max = 0; max <= 4; max++) {
        raw_t r = { 0 };
        bc_p2p_frame_t f;
        uint16_t version = (uint16_t)BC_MIN(max, 3);
        raw_dial(&r, &net, 0, &ids[5]);
        introduce(&r, max, &net.n[1].id);
        UNTIL(net.l, a->seen_cnt == 1);
        assert_int_equal(a->protocol, BC_MIN(max, 2));
        send_text(&net, 0, 1, bc_bytes(text, LONG));
        UNTIL(net.l, raw_find(&r, BC_P2P_UNICAST, &f));
        assert_int_equal(f.version, version);
        assert_int_equal(f.ext & BC_P2P_EXT_COMPRESSED, version >= 2 ? BC_P2P_EXT_COMPRESSED : 0);
        assert_int_equal(f.src.n, version == 0 ? 0 : version < 3 ? 540 : 32);
        assert_int_equal(f.dst.n, f.src.n);
        if (version && version < 3)
            assert_true(bc_bytes_eq(f.src, bc_cstr(bc_gateway_p2p_id(a->g))));
        assert_int_equal(f.module, 1000);
        assert_memory_equal(f.dst_nodes.p, net.n[1].id.b, 64);
        expect_text(&f, bc_bytes(text, LONG));
        /* short ones are left as they are */
        bc_wr_reset(&r.got);
        send_text(&net, 0, 1, bc_bytes(text, BC_P2P_COMPRESS_MIN));
        UNTIL(net.l, raw_find(&r, BC_P2P_UNICAST, &f));
        assert_false(f.ext & BC_P2P_EXT_COMPRESSED);
        /* and broadcasts are frames of version 0 to everybody */
        broadcast_text(&net, 0, BC_NODE_CONSENSUS, bc_bytes(text, LONG));
        UNTIL(net.l, raw_find(&r, BC_P2P_BROADCAST, &f));
        assert_int_equal(f.version, 0);
        assert_int_equal(f.ext, BC_NODE_CONSENSUS);
        assert_int_equal(f.payload.n, LONG);
        raw_end(&r, &net);
        UNTIL(net.l, a->seen_cnt == 0);
    }
    net_end(&net);
}

/* Whatever was negotiated, each frame is read by the version that it carries. */
static void frames_of_any_version_are_taken(void **state)
{
    (void)state;
    net_t net = { .l = bc_uv_loop_new("net") };
    start_plain(&net, 0, (int[]){ -1 });
    node_t *a = &net.n[0];
    bc_nodeid_t node;
    memset(node.b, 9, sizeof node.b);
    raw_t r = { 0 };
    raw_dial(&r, &net, 0, &ids[5]);
    introduce(&r, 3, &node);
    UNTIL(net.l, a->seen_cnt == 1);
    char raw[1200] = "", text[LONG];
    bc_bytes_t key = bc_tls_own_key(r.tls);
    bc_h256_t me;
    bc_hex_put(key, raw);
    bc_p2p_short_id(bc_bytes(raw, 2 * key.n), &me);
    for (uint16_t version = 0; version <= 3; version++) {
        for (int packed = 0; packed <= (version >= 2); packed++) {
            memset(text, 'a' + version * 2 + packed, sizeof text);
            bc_p2p_frame_t f = { .version = version,
                                 .type = BC_P2P_UNICAST,
                                 .group = BC_STR("group0"),
                                 .seq = 100u + version * 2u + (unsigned)packed,
                                 .module = 1000,
                                 .src_node = BC_VIEW(node),
                                 .dst_nodes = BC_VIEW(a->id),
                                 .dst_cnt = 1,
                                 .ttl = 10,
                                 .payload = bc_bytes(text, LONG) };
            if (version >= 1) {
                f.src = version < 3 ? bc_bytes(raw, 2 * key.n) : BC_VIEW(me);
                f.dst = version < 3 ? bc_cstr(bc_gateway_p2p_id(a->g)) : BC_VIEW(a->g->id);
            }
            bc_buf_t *small = packed ? bc_p2p_compress(f.payload) : NULL;
            if (small) {
                f.payload = bc_buf_view(small);
                f.ext = BC_P2P_EXT_COMPRESSED;
            }
            raw_frame(&r, &f);
            bc_buf_unref(small);
            bc_p2p_frame_t answer;
            UNTIL(net.l, has(a, bc_bytes(text, LONG)));
            UNTIL(net.l, raw_find(&r, BC_P2P_ANSWER, &answer) &&
                             answer.seq == 100u + version * 2u + (unsigned)packed);
            assert_true(bc_bytes_eq(answer.payload, BC_STR("0")));
            assert_int_equal(answer.version, 3); /* as it was negotiated */
        }
    }
    assert_int_equal(a->g->stats.protocol_errors, 0);
    raw_end(&r, &net);
    net_end(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peers_get_frames_that_they_know),
        cmocka_unit_test(frames_of_any_version_are_taken),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
