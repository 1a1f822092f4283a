/* AMOP of SDK clients of two nodes, each with its RPC and its gateway. Frames between quotes are
 * those of two Java SDKs and official nodes 3.16.4. */
#include "access/gateway/test_gateways.h"
#include "access/rpc/rpc.h"
#include "access/rpc/ws_message.h"

enum { FRAMES_MAX = 64 };

typedef struct {
    bc_loop_t loop;
    bc_chain_config_t chain;
    bc_rpc_t *rpc;
} side_t;

typedef struct {
    bc_rpc_session_t *s;
    size_t cnt;
    bc_buf_t *frames[FRAMES_MAX];
} client_t;

typedef struct {
    net_t net;
    side_t side[2];
} pair_t;

static void status(void *self, bc_node_status_t *out)
{
    (void)self;
    *out = (bc_node_status_t){ .number = 1 };
}
static const bc_node_ops_t node_ops = { .status = status };

static void keep(void *ctx, bc_bytes_t message)
{
    client_t *c = ctx;
    assert_true(c->cnt < FRAMES_MAX);
    c->frames[c->cnt++] = bc_buf_copy(message);
}

static void client_open(side_t *side, client_t *c)
{
    *c = (client_t){ 0 };
    c->s = bc_rpc_session_open(side->rpc, false, keep, c);
}

static void forget(client_t *c)
{
    for (size_t i = 0; i < c->cnt; i++)
        bc_buf_unref(c->frames[i]);
    c->cnt = 0;
}

static void client_close(client_t *c)
{
    bc_rpc_session_close(c->s);
    forget(c);
}

static bc_ws_message_t latest(const client_t *c)
{
    bc_ws_message_t m;
    assert_true(c->cnt > 0);
    assert_int_equal(bc_ws_message_decode(bc_buf_view(c->frames[c->cnt - 1]), &m), BC_OK);
    return m;
}

static void say_hex(client_t *c, const char *hex)
{
    bc_buf_t *b = bc_buf_new(strlen(hex) / 2);
    assert_int_equal(bc_hex_fixed(bc_cstr(hex), b->p, b->n), BC_OK);
    assert_true(bc_rpc_session_message(c->s, bc_buf_view(b)));
    bc_buf_unref(b);
}

static void is_hex(const client_t *c, const char *hex)
{
    assert_true(c->cnt > 0);
    const bc_buf_t *b = c->frames[c->cnt - 1];
    char *text = bc_xcalloc(1, 2 * b->n + 1);
    bc_hex_put(bc_buf_view(b), text);
    assert_string_equal(text, hex);
    free(text);
}

static void say(client_t *c, uint16_t type, bc_bytes_t seq, bc_bytes_t payload)
{
    bc_wr_t w = { 0 };
    bc_ws_message_encode(&(bc_ws_message_t){ .type = type, .seq = seq, .payload = payload }, &w);
    assert_true(bc_rpc_session_message(c->s, bc_wr_view(&w)));
    bc_wr_free(&w);
}

static bool step(pair_t *p)
{
    bool any = false;
    for (size_t i = 0; i < 2; i++)
        any = (p->side[i].rpc && bc_loop_step(&p->side[i].loop)) || any;
    return any;
}

/* Until cond, running the loops of both sides. */
#define STEP_UNTIL(p, cond) UNTIL((p)->net.l, (step(p), (cond)))

static void pair_open(pair_t *p)
{
    *p = (pair_t){ .net = { .l = bc_uv_loop_new("net") } };
    start_plain(&p->net, 0, (int[]){ -1 });
    start_plain(&p->net, 1, (int[]){ 0, -1 });
    for (size_t i = 0; i < 2; i++) {
        p->side[i].chain = (bc_chain_config_t){ .group_id = "group0", .chain_id = "chain0" };
        bc_rpc_config_t c = { .chain = &p->side[i].chain, .loop = &p->side[i].loop };
        p->side[i].rpc = bc_rpc_new(&c, (bc_node_if){ &node_ops, NULL },
                                    bc_gateway_contract(p->net.n[i].g));
        bc_rpc_tick(p->side[i].rpc, 1000);
    }
    UNTIL(p->net.l, p->net.n[0].g->sessions && p->net.n[0].g->sessions->negotiated &&
                        p->net.n[1].g->sessions && p->net.n[1].g->sessions->negotiated);
}

static void pair_close(pair_t *p)
{
    for (size_t i = 0; i < 2; i++)
        bc_rpc_free(p->side[i].rpc);
    net_end(&p->net);
}

static bool knows(const pair_t *p, size_t i, bc_bytes_t topic)
{
    return gw_amop_knows(p->net.n[i].g, &p->net.n[1 - i].g->id, topic);
}

static void java_sdks_talk_across_nodes(void **state)
{
    (void)state;
    pair_t p;
    client_t a, b;
    pair_open(&p);
    client_open(&p.side[1], &a);
    client_open(&p.side[0], &b);
    say_hex(&a, "00000110000000203963316133376366633538633439376438363334323761323465666363643239"
                "00007b22746f70696373223a5b5d7d0a");
    say_hex(&b, "00000110000000206234393938633330303631653438613661303765366635336562646665646439"
                "00007b22746f70696373223a5b226f7261636c655f746f706963225d7d0a");
    STEP_UNTIL(&p, knows(&p, 1, BC_STR("oracle_topic")));
    assert_int_equal(a.cnt + b.cnt, 0);

    /* a request, its way to the subscriber under another seq, the answer under the first one */
    say_hex(&a, "00000111000000203333616339373732343531623433383662653361313564633063376166643830"
                "000000000000000c6f7261636c655f746f70696368656c6c6f20616d6f70");
    STEP_UNTIL(&p, b.cnt == 1);
    bc_ws_message_t m = latest(&b);
    assert_true(m.version == 0 && m.type == BC_WS_AMOP_REQUEST && m.status == 0 && m.ext == 0);
    assert_int_equal(m.seq.n, 32);
    assert_true(bc_bytes_eq(m.payload, BC_STR("\0\0\0\0\0\x0coracle_topichello amop")));
    say(&b, BC_WS_AMOP_RESPONSE, m.seq, BC_STR("echo:hello amop"));
    STEP_UNTIL(&p, a.cnt == 1);
    is_hex(&a, "00000113000000203333616339373732343531623433383662653361313564633063376166643830"
               "00006563686f3a68656c6c6f20616d6f70");

    /* a broadcast, and what the Java SDK says to it */
    say_hex(&a, "00000112000000203432666233323363353039663463326338396436663134383064663661393631"
                "000000000000000c6f7261636c655f746f70696368656c6c6f20616c6c");
    STEP_UNTIL(&p, b.cnt == 2);
    is_hex(&b, "0000011200000000000000000000000c6f7261636c655f746f70696368656c6c6f20616c6c");
    say_hex(&b, "000001130000000000006563686f3a68656c6c6f20616c6c");
    assert_int_equal(a.cnt, 1);

    /* nobody has it */
    say_hex(&a, "00000111000000206435306663303263333833383439363338646431643138343231386464643964"
                "000000000000000d6e6f5f737563685f746f70696378");
    STEP_UNTIL(&p, a.cnt == 2);
    is_hex(&a, "000000000bb900206435306663303263333833383439363338646431643138343231386464643964"
               "0000746865726520686173206e6f206e6f646520737562736372696265207468697320746f706963"
               "2c20746f7069633a206e6f5f737563685f746f706963");
    client_close(&a);
    client_close(&b);
    pair_close(&p);
}

#define ASK BC_STR("\0\0\0\0\0\1tdata")
#define SUBSCRIBE BC_STR("{\"topics\":[\"t\"]}")

/* Other nodes come first; the session here is for when they fail. */
static void own_sessions_come_last(void **state)
{
    (void)state;
    pair_t p;
    client_t a, here, there;
    pair_open(&p);
    client_open(&p.side[0], &a);
    client_open(&p.side[0], &here);
    client_open(&p.side[1], &there);
    say(&here, BC_WS_AMOP_SUBTOPIC, BC_STR("1"), SUBSCRIBE);
    say(&a, BC_WS_AMOP_REQUEST, BC_STR("q1"), ASK);
    STEP_UNTIL(&p, here.cnt == 1);
    say(&here, BC_WS_AMOP_RESPONSE, latest(&here).seq, BC_STR("one"));
    assert_true(bc_bytes_eq(latest(&a).payload, BC_STR("one")));
    assert_true(bc_bytes_eq(latest(&a).seq, BC_STR("q1")));

    say(&there, BC_WS_AMOP_SUBTOPIC, BC_STR("1"), SUBSCRIBE);
    STEP_UNTIL(&p, knows(&p, 0, BC_STR("t")));
    for (int i = 0; i < 5; i++) {
        say(&a, BC_WS_AMOP_REQUEST, BC_STR("q2"), ASK);
        STEP_UNTIL(&p, there.cnt == (size_t)i + 1);
    }
    assert_int_equal(here.cnt, 1);
    say(&there, BC_WS_AMOP_RESPONSE, latest(&there).seq, BC_STR("two"));
    STEP_UNTIL(&p, a.cnt == 2);
    assert_true(bc_bytes_eq(latest(&a).payload, BC_STR("two")));

    /* a broadcast of a session goes to those here, its sender too, and to the other node */
    size_t before = there.cnt;
    say(&here, BC_WS_AMOP_BROADCAST, BC_STR("b"), ASK);
    assert_int_equal(here.cnt, 2);
    assert_int_equal(latest(&here).type, BC_WS_AMOP_BROADCAST);
    STEP_UNTIL(&p, there.cnt == before + 1);
    assert_int_equal(latest(&there).type, BC_WS_AMOP_BROADCAST);
    assert_int_equal(a.cnt, 2);

    /* the subscriber there leaves with requests in its hands: they come here */
    forget(&a);
    client_close(&there);
    bc_rpc_tick(p.side[1].rpc, 2000);
    STEP_UNTIL(&p, here.cnt == 6);
    say(&here, BC_WS_AMOP_RESPONSE, latest(&here).seq, BC_STR("three"));
    assert_true(bc_bytes_eq(latest(&a).payload, BC_STR("three")));
    STEP_UNTIL(&p, !knows(&p, 0, BC_STR("t")));
    client_close(&here);
    say(&a, BC_WS_AMOP_REQUEST, BC_STR("q3"), ASK);
    STEP_UNTIL(&p, a.cnt == 2);
    assert_int_equal(latest(&a).status, 3001);
    client_close(&a);
    pair_close(&p);
}

static void requests_time_out(void **state)
{
    (void)state;
    pair_t p;
    client_t a, b;
    pair_open(&p);
    client_open(&p.side[0], &a);
    client_open(&p.side[1], &b);
    say(&b, BC_WS_AMOP_SUBTOPIC, BC_STR("1"), SUBSCRIBE);
    STEP_UNTIL(&p, knows(&p, 0, BC_STR("t")));
    say(&a, BC_WS_AMOP_REQUEST, BC_STR("q"), ASK);
    STEP_UNTIL(&p, b.cnt == 1);
    bc_rpc_tick(p.side[1].rpc, 30999);
    step(&p);
    rest(&p.net, 50);
    step(&p);
    assert_int_equal(a.cnt, 0);
    bc_rpc_tick(p.side[1].rpc, 31000);
    STEP_UNTIL(&p, a.cnt == 1);
    assert_int_equal(latest(&a).status, 3003);
    assert_true(bc_bytes_eq(latest(&a).payload, BC_STR("unable to send message to peer by topic")));
    /* too late */
    say(&b, BC_WS_AMOP_RESPONSE, latest(&b).seq, BC_STR("late"));
    rest(&p.net, 50);
    step(&p);
    assert_int_equal(a.cnt, 1);
    client_close(&a);
    client_close(&b);
    pair_close(&p);
}

/* An RPC may end while its gateway still has something for it. */
static void ends_in_the_middle(void **state)
{
    (void)state;
    pair_t p;
    client_t a, b;
    pair_open(&p);
    client_open(&p.side[0], &a);
    client_open(&p.side[1], &b);
    say(&b, BC_WS_AMOP_SUBTOPIC, BC_STR("1"), SUBSCRIBE);
    STEP_UNTIL(&p, knows(&p, 0, BC_STR("t")));
    for (int i = 0; i < 3; i++)
        say(&a, BC_WS_AMOP_REQUEST, BC_STR("q"), ASK);
    rest(&p.net, 200); /* they are at the door of the other RPC */
    client_close(&b);
    bc_rpc_free(p.side[1].rpc);
    p.side[1].rpc = NULL;
    say(&a, BC_WS_AMOP_REQUEST, BC_STR("q"), ASK);
    STEP_UNTIL(&p, a.cnt == 1); /* refused at once; the three wait for their time */
    client_close(&a);
    pair_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(java_sdks_talk_across_nodes),
        cmocka_unit_test(own_sessions_come_last),
        cmocka_unit_test(requests_time_out),
        cmocka_unit_test(ends_in_the_middle),
    };
    return cmocka_run_group_tests_name("amop", tests, setup, teardown);
}
