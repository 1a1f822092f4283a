/* AMOP between gateways: frames captured between official nodes, and gateways with a client each. */
#include "access/gateway/test_gateways.h"

/* Frames of a chain of official nodes 3.16.4: the list's number, its request, the list, a request,
 * its answer (a WsMessage), a broadcast. */
#define IDS_OUT                                                                                    \
    "000a00206523633702d97e640f38da6164ed5016191ccca5f45a261f7861f6d3608fa8150020"                 \
    "812f9d77c464a04a3d1436ebf50073909c85074353c65ccf33cfe0b9c41c9aa7"
#define IDS_IN                                                                                     \
    "000a0020812f9d77c464a04a3d1436ebf50073909c85074353c65ccf33cfe0b9c41c9aa70020"                 \
    "6523633702d97e640f38da6164ed5016191ccca5f45a261f7861f6d3608fa815"
static const struct {
    uint16_t packet, type;
    const char *frame;
} captured[] = {
    { 7, BC_AMOP_TOPIC_SEQ, "0000005b00030007000000bf0000" IDS_OUT "00000001000032" },
    { 7, BC_AMOP_REQUEST_TOPICS, "0000005a00030007000000340000" IDS_IN "000000020000" },
    { 7, BC_AMOP_TOPICS,
      "0000008700030007000000c00000" IDS_OUT
      "0000000300007b22746f7069634974656d73223a5b226f7261636c655f746f706963225d2c22746f706963536571"
      "223a327d0a" },
    { 7, BC_AMOP_REQUEST,
      "0000007600030007000000f20000" IDS_IN
      "00000004000000000000000c6f7261636c655f746f70696368656c6c6f20616d6f70" },
    { 8, 0,
      "0000008d00030008000000f20001" IDS_OUT
      "0000011300000020393565636337333234393136343564383931646161626538353937643232356600006563686f"
      "3a68656c6c6f20616d6f70" },
    { 7, BC_AMOP_BROADCAST,
      "00000075000300070000010e0000" IDS_IN
      "00000005000000000000000c6f7261636c655f746f70696368656c6c6f20616c6c" },
};
enum { SEQ, ASK, LIST, REQUEST, ANSWER, BROADCAST };

static bc_buf_t *from_hex(const char *text)
{
    bc_buf_t *b = bc_buf_new(strlen(text) / 2);
    assert_non_null(b);
    assert_int_equal(bc_hex_fixed(bc_cstr(text), b->p, b->n), BC_OK);
    return b;
}

/* Payload of a captured frame; *b is to be let go. */
static bc_bytes_t payload_of(size_t i, bc_buf_t **b)
{
    bc_p2p_frame_t f = { 0 };
    *b = from_hex(captured[i].frame);
    assert_int_equal(bc_p2p_decode(bc_buf_view(*b), &f), BC_OK);
    return f.payload;
}

static void captured_frames_are_read_and_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < BC_ARRAY_LEN(captured); i++) {
        bc_buf_t *b = from_hex(captured[i].frame);
        bc_p2p_frame_t f = { 0 };
        bc_amop_msg_t m;
        assert_int_equal(bc_p2p_decode(bc_buf_view(b), &f), BC_OK);
        assert_int_equal(f.type, captured[i].packet);
        bc_buf_t *again = bc_p2p_encode(&f);
        assert_true(bc_bytes_eq(bc_buf_view(again), bc_buf_view(b)));
        bc_buf_unref(again);
        if (f.type == BC_P2P_AMOP) {
            assert_int_equal(bc_amop_decode(f.payload, &m), BC_OK);
            assert_int_equal(m.type, captured[i].type);
            again = bc_amop_encode(&m);
            assert_true(bc_bytes_eq(bc_buf_view(again), f.payload));
            bc_buf_unref(again);
        }
        if (i == LIST) {
            bc_topics_t t = { 0 };
            uint32_t seq;
            bc_wr_t w = { 0 };
            assert_int_equal(bc_topics_decode(m.data, &seq, &t), BC_OK);
            assert_int_equal(seq, 2);
            assert_true(bc_topics_has(&t, BC_STR("oracle_topic")));
            assert_false(bc_topics_has(&t, BC_STR("oracle_topi")));
            bc_topics_encode(&t, seq, &w);
            assert_true(bc_bytes_eq(bc_wr_view(&w), m.data));
            bc_wr_free(&w);
            bc_topics_free(&t);
        }
        bc_buf_unref(b);
    }
}

static void malformed_messages_are_refused(void **state)
{
    (void)state;
    bc_amop_msg_t m;
    bc_bytes_t topic;
    uint32_t v;
    bc_topics_t t = { 0 };
    assert_int_equal(bc_amop_decode(BC_STR("\0\0\0\1\0"), &m), BC_E_TRUNCATED);
    assert_int_equal(bc_amop_topic(BC_STR("\0\0\0\0\0\5topi"), &topic), BC_E_TRUNCATED);
    assert_int_equal(bc_amop_seq(BC_STR("4294967295"), &v), BC_OK);
    assert_int_equal(v, UINT32_MAX);
    assert_int_equal(bc_amop_seq(BC_STR("4294967296"), &v), BC_E_FORMAT);
    assert_int_equal(bc_amop_seq(BC_STR(""), &v), BC_E_FORMAT);
    assert_int_equal(bc_amop_seq(BC_STR("-1"), &v), BC_E_FORMAT);
    static const char *const bad[] = { "", "[]", "{}", "{\"topicSeq\":-1}", "{\"topicSeq\":\"1\"}",
                                       "{\"topicItems\":{},\"topicSeq\":1}" };
    for (size_t i = 0; i < BC_ARRAY_LEN(bad); i++)
        assert_int_equal(bc_topics_decode(bc_cstr(bad[i]), &v, &t), BC_E_FORMAT);
    assert_int_equal(
        bc_topics_decode(BC_STR("{\"topicItems\":[\"b\",1,\"a\",\"b\"],\"topicSeq\":7}"), &v, &t),
        BC_OK);
    assert_int_equal(t.n, 2);
    assert_string_equal(t.v[0], "a");
    bc_topics_free(&t);
}

/* ---- gateways with clients ---- */

typedef struct {
    bc_gateway_if api;
    unsigned requests, broadcasts, answers;
    bc_amop_from_t from;
    bc_wr_t msg; /* the latest that came */
    uint64_t id;
    uint16_t status;
    bool echo; /* answers requests at once */
    bool busy;
} rpc_t;

static bool on_request(void *ctx, const bc_amop_from_t *from, bc_bytes_t request)
{
    rpc_t *r = ctx;
    r->requests++;
    r->from = *from;
    bc_wr_reset(&r->msg);
    bc_wr_put(&r->msg, request);
    if (r->echo)
        r->api.ops->amop_reply(r->api.self, from, 0, bc_buf_copy(request));
    return !r->busy;
}

static void on_broadcast(void *ctx, bc_bytes_t request)
{
    rpc_t *r = ctx;
    r->broadcasts++;
    bc_wr_reset(&r->msg);
    bc_wr_put(&r->msg, request);
}

static void on_answer(void *ctx, uint64_t id, uint16_t status, bc_bytes_t answer)
{
    rpc_t *r = ctx;
    r->answers++;
    r->id = id;
    r->status = status;
    bc_wr_reset(&r->msg);
    bc_wr_put(&r->msg, answer);
}

static void attach(rpc_t *r, net_t *net, size_t i)
{
    r->api = bc_gateway_contract(net->n[i].g);
    r->api.ops->amop_client(r->api.self,
                            &(bc_amop_client_t){ on_request, on_broadcast, on_answer, r });
}

static void topics(rpc_t *r, const char *a, const char *b)
{
    const char *v[2] = { a, b };
    r->api.ops->amop_topics(r->api.self, v, (size_t)(a != NULL) + (b != NULL));
}

static void send_request(rpc_t *r, uint64_t id, bc_bytes_t request)
{
    assert_true(r->api.ops->amop_send(r->api.self, id, bc_buf_copy(request)));
}

static bool knows(const net_t *net, size_t i, size_t other, bc_bytes_t topic)
{
    return gw_amop_knows(net->n[i].g, &net->n[other].g->id, topic);
}

#define HELLO BC_STR("\0\0\0\0\0\1thello")

static void requests_are_answered(void **state)
{
    (void)state;
    net_t net = { .l = bc_uv_loop_new("net") };
    rpc_t a = { 0 }, b = { 0 };
    start_plain(&net, 0, (int[]){ -1 });
    start_plain(&net, 1, (int[]){ 0, -1 });
    attach(&a, &net, 0);
    attach(&b, &net, 1);
    topics(&b, "t", "u");
    UNTIL(net.l, knows(&net, 0, 1, BC_STR("t")) && knows(&net, 0, 1, BC_STR("u")));

    send_request(&a, 77, HELLO);
    UNTIL(net.l, b.requests == 1);
    assert_true(bc_bytes_eq(bc_wr_view(&b.msg), HELLO));
    assert_memory_equal(b.from.gateway.b, net.n[0].g->id.b, 32);
    assert_int_equal(a.answers, 0);
    b.api.ops->amop_reply(b.api.self, &b.from, 0, bc_buf_copy(BC_STR("world")));
    UNTIL(net.l, a.answers == 1);
    assert_int_equal(a.id, 77);
    assert_int_equal(a.status, 0);
    assert_true(bc_bytes_eq(bc_wr_view(&a.msg), BC_STR("world")));
    /* a second answer to the same request, or one to nothing, is not delivered */
    b.api.ops->amop_reply(b.api.self, &b.from, 0, bc_buf_copy(BC_STR("again")));
    UNTIL(net.l, net.n[0].g->stats.answers_late == 1);
    assert_int_equal(a.answers, 1);

    /* one above a frame of the socket and compressed */
    bc_wr_t big = { 0 };
    bc_wr_put(&big, HELLO);
    for (int i = 0; i < 200000; i++)
        bc_wr_u8(&big, (uint8_t)(i % 11));
    b.echo = true;
    send_request(&a, 78, bc_wr_view(&big));
    UNTIL(net.l, a.answers == 2);
    assert_true(bc_bytes_eq(bc_wr_view(&a.msg), bc_wr_view(&big)));
    bc_wr_free(&big);
    b.echo = false;

    /* 3001: nobody has it; topics of our own clients do not count */
    topics(&a, "mine", NULL);
    send_request(&a, 79, BC_STR("\0\0\0\0\0\4minex"));
    UNTIL(net.l, a.answers == 3);
    assert_int_equal(a.status, 3001);
    assert_true(bc_bytes_eq(bc_wr_view(&a.msg),
                            BC_STR("there has no node subscribe this topic, topic: mine")));
    /* 3002: it had one when it told us last */
    bc_topics_free(&net.n[1].g->amop.topics);
    send_request(&a, 80, HELLO);
    UNTIL(net.l, a.answers == 4);
    assert_int_equal(a.status, 3002);
    assert_true(bc_bytes_eq(bc_wr_view(&a.msg), BC_STR("NotFoundClientByTopicDispatchMsg")));
    /* 3003: its client takes no more, or is gone */
    topics(&b, "t", NULL);
    b.busy = true;
    send_request(&a, 81, HELLO);
    UNTIL(net.l, a.answers == 5);
    assert_int_equal(a.status, 3003);
    assert_true(bc_bytes_eq(bc_wr_view(&a.msg), BC_STR("unable to send message to peer by topic")));
    b.api.ops->amop_client(b.api.self, NULL);
    unsigned before = b.requests;
    send_request(&a, 82, HELLO);
    UNTIL(net.l, a.answers == 6);
    assert_int_equal(a.status, 3003);
    assert_int_equal(b.requests, before);
    /* an error that the client names */
    attach(&b, &net, 1);
    b.busy = false;
    send_request(&a, 83, HELLO);
    UNTIL(net.l, b.requests == before + 1);
    b.api.ops->amop_reply(b.api.self, &b.from, 4008, bc_buf_copy(BC_STR("slow")));
    UNTIL(net.l, a.answers == 7);
    assert_int_equal(a.status, 4008);
    assert_true(bc_bytes_eq(bc_wr_view(&a.msg), BC_STR("slow")));
    /* the only gateway with it goes away: forgotten, and what waited for it ends */
    send_request(&a, 84, HELLO);
    UNTIL(net.l, b.requests == before + 2);
    stop(&net, 1);
    UNTIL(net.l, a.answers == 8);
    assert_int_equal(a.id, 84);
    assert_int_equal(a.status, 3003);
    assert_int_equal(net.n[0].g->amop.peers.cnt, 0);
    assert_int_equal(net.n[0].g->amop.topic_bytes, 0);
    assert_int_equal(net.n[0].g->amop.pending_bytes, 0);
    send_request(&a, 85, HELLO);
    UNTIL(net.l, a.answers == 9);
    assert_int_equal(a.status, 3001);
    bc_wr_free(&a.msg);
    bc_wr_free(&b.msg);
    net_end(&net);
}

static void another_subscriber_takes_over(void **state)
{
    (void)state;
    net_t net = { .l = bc_uv_loop_new("net") };
    rpc_t r[3] = { 0 };
    start_plain(&net, 0, (int[]){ -1 });
    start_plain(&net, 1, (int[]){ 0, -1 });
    start_plain(&net, 2, (int[]){ 0, -1 });
    for (size_t i = 0; i < 3; i++)
        attach(&r[i], &net, i);
    topics(&r[1], "t", NULL);
    topics(&r[2], "t", NULL);
    UNTIL(net.l, knows(&net, 0, 1, BC_STR("t")) && knows(&net, 0, 2, BC_STR("t")));
    /* the choice is random: 40 requests do not all go to one (2^-39) */
    r[1].echo = r[2].echo = true;
    for (uint64_t i = 0; i < 40; i++)
        send_request(&r[0], i, HELLO);
    UNTIL(net.l, r[0].answers == 40);
    assert_true(r[1].requests && r[2].requests);
    assert_int_equal(r[1].requests + r[2].requests, 40);
    /* one that took a request ends before it answers */
    r[1].echo = r[2].echo = false;
    r[1].requests = r[2].requests = 0;
    send_request(&r[0], 99, HELLO);
    UNTIL(net.l, r[1].requests + r[2].requests == 1);
    size_t gone = r[1].requests ? 1 : 2, other = 3 - gone;
    r[other].echo = true;
    stop(&net, gone);
    UNTIL(net.l, r[0].answers == 41);
    assert_int_equal(r[0].status, 0);
    assert_int_equal(r[0].id, 99);
    assert_int_equal(r[other].requests, 1);
    for (size_t i = 0; i < 3; i++)
        bc_wr_free(&r[i].msg);
    net_end(&net);
}

/* 0 - 1 - 2 - 3 in a line; subscribers at both ends. */
static void topics_and_messages_cross_other_gateways(void **state)
{
    (void)state;
    net_t net = { .l = bc_uv_loop_new("net") };
    rpc_t r[4] = { 0 };
    for (int i = 0; i < 4; i++) {
        start_plain(&net, (size_t)i, (int[]){ i - 1, -1 });
        attach(&r[i], &net, (size_t)i);
    }
    topics(&r[0], "t", NULL);
    topics(&r[3], "t", NULL);
    UNTIL(net.l, knows(&net, 0, 3, BC_STR("t")) && knows(&net, 3, 0, BC_STR("t")) &&
                     knows(&net, 1, 0, BC_STR("t")) && knows(&net, 1, 3, BC_STR("t")));
    r[3].echo = true;
    send_request(&r[0], 5, HELLO);
    UNTIL(net.l, r[0].answers == 1);
    assert_int_equal(r[0].status, 0);
    assert_true(net.n[1].g->stats.forwarded && net.n[2].g->stats.forwarded);
    /* a broadcast reaches every gateway that has the topic, not its sender, not the others */
    r[1].api.ops->amop_broadcast(r[1].api.self, bc_buf_copy(HELLO));
    UNTIL(net.l, r[0].broadcasts == 1 && r[3].broadcasts == 1);
    r[3].api.ops->amop_broadcast(r[3].api.self, bc_buf_copy(HELLO));
    UNTIL(net.l, r[0].broadcasts == 2);
    assert_true(bc_bytes_eq(bc_wr_view(&r[0].msg), HELLO));
    assert_int_equal(r[3].broadcasts, 1);
    assert_int_equal(r[1].broadcasts + r[2].broadcasts, 0);
    /* a topic is taken back */
    topics(&r[3], NULL, NULL);
    UNTIL(net.l, !knows(&net, 0, 3, BC_STR("t")));
    send_request(&r[0], 6, HELLO);
    UNTIL(net.l, r[0].answers == 2);
    assert_int_equal(r[0].status, 3001);
    for (size_t i = 0; i < 4; i++)
        bc_wr_free(&r[i].msg);
    net_end(&net);
}

/* ---- an official gateway, by hand ---- */

static size_t amop_frames(raw_t *r, uint16_t type, bc_bytes_t *data)
{
    size_t n, cnt = 0;
    for (size_t at = 0; at + 4 <= r->got.n; at += n) {
        bc_p2p_frame_t f = { 0 };
        bc_amop_msg_t m;
        assert_int_equal(bc_p2p_length(bc_bytes(r->got.p + at, r->got.n - at), 1 << 25, &n), BC_OK);
        if (at + n > r->got.n)
            break;
        assert_int_equal(bc_p2p_decode(bc_bytes(r->got.p + at, n), &f), BC_OK);
        if (f.type != BC_P2P_AMOP)
            continue;
        assert_int_equal(bc_amop_decode(f.payload, &m), BC_OK);
        if (m.type == type) {
            cnt++;
            *data = m.data;
        }
    }
    return cnt;
}

static void raw_amop(raw_t *r, uint16_t type, bc_bytes_t data)
{
    bc_buf_t *b = bc_amop_encode(&(bc_amop_msg_t){ .type = type, .data = data });
    raw_frame(r, &(bc_p2p_frame_t){ .type = BC_P2P_AMOP, .seq = 9, .payload = bc_buf_view(b) });
    bc_buf_unref(b);
}

static void an_official_gateway_is_served(void **state)
{
    (void)state;
    net_t net = { .l = bc_uv_loop_new("net") };
    rpc_t a = { 0 };
    raw_t r = { 0 };
    bc_p2p_frame_t f = { 0 };
    bc_bytes_t data;
    bc_buf_t *b[BC_ARRAY_LEN(captured)];
    bc_bytes_t payload[BC_ARRAY_LEN(captured)];
    for (size_t i = 0; i < BC_ARRAY_LEN(captured); i++)
        payload[i] = payload_of(i, &b[i]);
    start_plain(&net, 0, (int[]){ -1 });
    attach(&a, &net, 0);
    raw_dial(&r, &net, 0, &ids[5]);
    raw_frame(&r, &(bc_p2p_frame_t){ .type = BC_P2P_HANDSHAKE,
                                     .payload = BC_STR("\x10\x01\x2c\x30\x03") });
    /* our list's number comes again until the list was fetched, then no more */
    UNTIL(net.l, amop_frames(&r, BC_AMOP_TOPIC_SEQ, &data) >= 3);
    assert_true(bc_bytes_eq(data, BC_STR("1")));
    raw_frame(&r, &(bc_p2p_frame_t){ .type = BC_P2P_AMOP, .seq = 7, .payload = payload[ASK] });
    UNTIL(net.l, amop_frames(&r, BC_AMOP_TOPICS, &data) == 1);
    assert_true(bc_bytes_eq(data, BC_STR("{\"topicItems\":[],\"topicSeq\":1}\n")));
    size_t said = amop_frames(&r, BC_AMOP_TOPIC_SEQ, &data);
    raw_frame(&r, &(bc_p2p_frame_t){ .type = BC_P2P_AMOP, .payload = payload[SEQ] });
    UNTIL(net.l, raw_find(&r, BC_P2P_AMOP, &f) && bc_bytes_eq(f.payload, payload[ASK]));
    raw_frame(&r, &(bc_p2p_frame_t){ .type = BC_P2P_AMOP, .payload = payload[LIST] });
    UNTIL(net.l, net.n[0].g->amop.topic_bytes);
    size_t asked = amop_frames(&r, BC_AMOP_REQUEST_TOPICS, &data);
    raw_frame(&r, &(bc_p2p_frame_t){ .type = BC_P2P_AMOP, .payload = payload[SEQ] }); /* known */
    rest(&net, 500); /* five rounds */
    assert_int_equal(amop_frames(&r, BC_AMOP_TOPIC_SEQ, &data), said);
    assert_int_equal(amop_frames(&r, BC_AMOP_REQUEST_TOPICS, &data), asked);

    /* a request and a broadcast to it are what official gateways send */
    bc_bytes_t request = bc_bytes(payload[REQUEST].p + 6, payload[REQUEST].n - 6);
    send_request(&a, 1, request);
    UNTIL(net.l, raw_find(&r, BC_P2P_AMOP, &f) && bc_bytes_eq(f.payload, payload[REQUEST]));
    assert_int_equal(f.ext, 0);
    raw_frame(&r, &(bc_p2p_frame_t){ .type = BC_P2P_WS, .ext = 1, .seq = f.seq,
                                     .payload = payload[ANSWER] });
    UNTIL(net.l, a.answers == 1);
    assert_int_equal(a.status, 0);
    assert_true(bc_bytes_eq(bc_wr_view(&a.msg), payload[ANSWER]));
    a.api.ops->amop_broadcast(
        a.api.self, bc_buf_copy(bc_bytes(payload[BROADCAST].p + 6, payload[BROADCAST].n - 6)));
    UNTIL(net.l, raw_find(&r, BC_P2P_AMOP, &f) && bc_bytes_eq(f.payload, payload[BROADCAST]));

    /* it asks us: nobody, then somebody */
    raw_frame(&r, &(bc_p2p_frame_t){ .type = BC_P2P_AMOP, .seq = 242, .payload = payload[REQUEST] });
    UNTIL(net.l, raw_find(&r, BC_P2P_AMOP, &f) && f.ext == 1);
    assert_int_equal(f.seq, 242);
    assert_true(bc_bytes_eq(f.payload, BC_STR("\0\0\0\5\x0b\xba"
                                              "NotFoundClientByTopicDispatchMsg")));
    topics(&a, "oracle_topic", NULL);
    UNTIL(net.l, amop_frames(&r, BC_AMOP_TOPIC_SEQ, &data) > said);
    assert_true(bc_bytes_eq(data, BC_STR("2")));
    raw_frame(&r, &(bc_p2p_frame_t){ .type = BC_P2P_AMOP, .seq = 243, .payload = payload[REQUEST] });
    UNTIL(net.l, a.requests == 1);
    a.api.ops->amop_reply(a.api.self, &a.from, 0, bc_buf_copy(payload[ANSWER]));
    UNTIL(net.l, raw_find(&r, BC_P2P_WS, &f));
    assert_true(f.seq == 243 && f.ext == 1 && bc_bytes_eq(f.payload, payload[ANSWER]));
    raw_frame(&r, &(bc_p2p_frame_t){ .type = BC_P2P_AMOP, .payload = payload[BROADCAST] });
    UNTIL(net.l, a.broadcasts == 1);

    /* nonsense is passed over; the connection stays */
    raw_frame(&r, &(bc_p2p_frame_t){ .type = BC_P2P_AMOP, .payload = BC_STR("\0\0\0\4") });
    raw_frame(&r, &(bc_p2p_frame_t){ .type = BC_P2P_WS, .payload = BC_STR("x") });
    raw_frame(&r, &(bc_p2p_frame_t){ .type = BC_P2P_WS, .ext = 1, .payload = BC_STR("x") });
    raw_amop(&r, 99, BC_STR("?"));
    raw_amop(&r, BC_AMOP_TOPIC_SEQ, BC_STR("seven"));
    raw_amop(&r, BC_AMOP_TOPICS, BC_STR("{"));
    raw_amop(&r, BC_AMOP_BROADCAST, BC_STR("\0\0\0\0\0\x20short"));
    raw_amop(&r, BC_AMOP_TOPICS, BC_STR("{\"topicItems\":[],\"topicSeq\":3}"));
    UNTIL(net.l, !net.n[0].g->amop.topic_bytes);
    assert_false(r.closed);
    assert_int_equal(a.broadcasts, 1);

    for (size_t i = 0; i < BC_ARRAY_LEN(captured); i++)
        bc_buf_unref(b[i]);
    raw_end(&r, &net);
    bc_wr_free(&a.msg);
    net_end(&net);
}

static void a_readonly_gateway_has_no_amop(void **state)
{
    (void)state;
    net_t net = { .l = bc_uv_loop_new("net") };
    rpc_t a = { 0 }, b = { 0 };
    start_plain(&net, 0, (int[]){ -1 });
    bc_gateway_config_t c = config_of(&net.n[1], 1);
    c.readonly = true;
    start(&net, 1, c, (int[]){ 0, -1 });
    attach(&a, &net, 0);
    attach(&b, &net, 1);
    topics(&b, "t", NULL);
    UNTIL(net.l, net.n[0].g->by_id.cnt == 1);
    uint64_t before = net.n[1].g->stats.ignored;
    UNTIL(net.l, net.n[1].g->stats.ignored > before); /* what a announces */
    assert_false(knows(&net, 0, 1, BC_STR("t")));
    send_request(&a, 1, HELLO);
    UNTIL(net.l, a.answers == 1);
    assert_int_equal(a.status, 3001);
    bc_wr_free(&a.msg);
    bc_wr_free(&b.msg);
    net_end(&net);
}

/* ---- threads ---- */

typedef struct {
    bc_gateway_if api;
    _Atomic unsigned requests, answers;
} busy_t;

static bool busy_request(void *ctx, const bc_amop_from_t *from, bc_bytes_t request)
{
    busy_t *b = ctx;
    atomic_fetch_add(&b->requests, 1);
    b->api.ops->amop_reply(b->api.self, from, 0, bc_buf_copy(request));
    return true;
}
static void busy_broadcast(void *ctx, bc_bytes_t request)
{
    (void)request;
    atomic_fetch_add(&((busy_t *)ctx)->requests, 1);
}
static void busy_answer(void *ctx, uint64_t id, uint16_t status, bc_bytes_t answer)
{
    (void)id, (void)status, (void)answer;
    atomic_fetch_add(&((busy_t *)ctx)->answers, 1);
}

static void *asker_main(void *arg)
{
    busy_t *b = arg;
    for (uint64_t i = 0; i < 500; i++) {
        while (!b->api.ops->amop_send(b->api.self, i, bc_buf_copy(HELLO)))
            uv_sleep(1);
        b->api.ops->amop_broadcast(b->api.self, bc_buf_copy(HELLO));
    }
    return NULL;
}

static void clients_on_other_threads(void **state)
{
    (void)state;
    bc_uv_loop_t *l[2];
    bc_gateway_t *g[2];
    busy_t b[2] = { 0 };
    node_t nodes[2] = { 0 };
    char text[64];
    const char *list[1] = { text }, *topic[1] = { "t" };
    for (size_t i = 0; i < 2; i++) {
        l[i] = bc_uv_loop_new("gw");
        bc_gateway_config_t c = config_of(&nodes[i], i);
        if (i)
            c.peers = (bc_text_list_t){ list, 1 };
        assert_int_equal(bc_gateway_new(l[i], &c, &g[i]), BC_OK);
        snprintf(text, sizeof text, "127.0.0.1:%u", bc_gateway_port(g[i]));
        b[i].api = bc_gateway_contract(g[i]);
        b[i].api.ops->amop_client(b[i].api.self, &(bc_amop_client_t){ busy_request, busy_broadcast,
                                                                      busy_answer, &b[i] });
        assert_int_equal(bc_uv_loop_start(l[i]), BC_OK);
    }
    b[1].api.ops->amop_topics(b[1].api.self, topic, 1);
    for (int i = 0; i < 1000 && !atomic_load(&b[1].requests); i++) {
        assert_true(b[0].api.ops->amop_send(b[0].api.self, 0, bc_buf_copy(HELLO)));
        uv_sleep(10);
    }
    assert_true(atomic_load(&b[1].requests) > 0);
    unsigned before = atomic_load(&b[0].answers);
    pthread_t t[2];
    for (size_t i = 0; i < 2; i++)
        pthread_create(&t[i], NULL, asker_main, &b[0]);
    for (size_t i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    for (int i = 0; i < 2000 && atomic_load(&b[0].answers) < before + 1000; i++)
        uv_sleep(5);
    assert_true(atomic_load(&b[0].answers) >= before + 1000);
    /* one leaves while requests arrive: from then on it is called no more */
    pthread_create(&t[0], NULL, asker_main, &b[0]);
    b[1].api.ops->amop_client(b[1].api.self, NULL);
    unsigned last = atomic_load(&b[1].requests);
    pthread_join(t[0], NULL);
    uv_sleep(50);
    assert_int_equal(atomic_load(&b[1].requests), last);
    for (size_t i = 0; i < 2; i++) {
        bc_uv_loop_stop(l[i]);
        bc_uv_loop_join(l[i]);
        asker_main(&b[i]); /* too late: freed with the gateway */
        bc_gateway_free(g[i]);
        bc_uv_loop_free(l[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(captured_frames_are_read_and_written),
        cmocka_unit_test(malformed_messages_are_refused),
        cmocka_unit_test(requests_are_answered),
        cmocka_unit_test(another_subscriber_takes_over),
        cmocka_unit_test(topics_and_messages_cross_other_gateways),
        cmocka_unit_test(an_official_gateway_is_served),
        cmocka_unit_test(a_readonly_gateway_has_no_amop),
        cmocka_unit_test(clients_on_other_threads),
    };
    return cmocka_run_group_tests_name("amop", tests, setup, teardown);
}
