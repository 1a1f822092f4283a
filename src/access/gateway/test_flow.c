/* Rate limits: windows with a clock by hand, and two gateways with limits. */
#include "access/gateway/test_gateways.h"

#define GROUP BC_STR("group0")

static void bandwidth_comes_once_per_window(void **state)
{
    (void)state;
    bc_flow_t *f = bc_flow_new(&(bc_flow_config_t){ .window_ms = 2000, .total = 500 });
    assert_true(bc_flow_out(f, 10000, "1.1.1.1", GROUP, 2000, 600));
    assert_true(bc_flow_out(f, 10500, "2.2.2.2", GROUP, 2000, 400));
    assert_false(bc_flow_out(f, 11000, "1.1.1.1", GROUP, 2000, 1));
    assert_false(bc_flow_out(f, 11999, "1.1.1.1", GROUP, 2000, 1));
    assert_true(bc_flow_out(f, 12000, "1.1.1.1", GROUP, 2000, 1000)); /* nothing is saved up */
    assert_false(bc_flow_out(f, 12001, "1.1.1.1", GROUP, 2000, 1));
    /* more than a window never passes, and takes nothing */
    assert_false(bc_flow_out(f, 20000, "1.1.1.1", GROUP, 2000, 1001));
    assert_true(bc_flow_out(f, 20000, "1.1.1.1", GROUP, 2000, 1000));
    bc_flow_free(f);
    f = bc_flow_new(
        &(bc_flow_config_t){ .window_ms = 1000, .total = 500, .allow_exceed = true });
    assert_true(bc_flow_out(f, 0, "1.1.1.1", GROUP, 2000, 501));
    assert_true(bc_flow_out(f, 0, "1.1.1.1", GROUP, 2000, 500));
    assert_false(bc_flow_out(f, 0, "1.1.1.1", GROUP, 2000, 1));
    bc_flow_free(f);
}

static void connections_and_groups_have_their_own(void **state)
{
    (void)state;
    bc_flow_limit_t conns[] = { { "9.9.9.9", 50 } }, groups[] = { { "small", 30 } };
    bc_flow_t *f = bc_flow_new(&(bc_flow_config_t){ .window_ms = 1000,
                                                    .total = 1000,
                                                    .conn = 100,
                                                    .conns = conns,
                                                    .conn_cnt = 1,
                                                    .groups = groups,
                                                    .group_cnt = 1 });
    assert_true(bc_flow_out(f, 0, "1.1.1.1", GROUP, 2000, 100));
    assert_false(bc_flow_out(f, 0, "1.1.1.1", GROUP, 2000, 1));
    assert_true(bc_flow_out(f, 0, "2.2.2.2", GROUP, 2000, 100));
    assert_false(bc_flow_out(f, 0, "9.9.9.9", GROUP, 2000, 51));
    assert_true(bc_flow_out(f, 0, "9.9.9.9", GROUP, 2000, 50));
    /* what one limit refuses is given back to those before it: total has 750 left */
    for (int i = 0; i < 100; i++)
        assert_false(bc_flow_out(f, 0, "3.3.3.3", BC_STR("small"), 2000, 31));
    assert_true(bc_flow_out(f, 0, "3.3.3.3", BC_STR("small"), 2000, 30));
    assert_true(bc_flow_out(f, 0, "3.3.3.3", GROUP, 2000, 70));
    char ip[16];
    for (int i = 0; i < 6; i++) {
        snprintf(ip, sizeof ip, "4.4.4.%d", i);
        assert_true(bc_flow_out(f, 0, ip, GROUP, 2000, 100));
    }
    assert_false(bc_flow_out(f, 0, "5.5.5.5", GROUP, 2000, 51));
    assert_true(bc_flow_out(f, 0, "5.5.5.5", GROUP, 2000, 50));
    assert_true(bc_flow_out(f, 1000, "5.5.5.5", GROUP, 2000, 100));
    bc_flow_free(f);
}

static void some_count_and_are_never_refused(void **state)
{
    (void)state;
    uint16_t free_modules[] = { 1000 };
    bc_flow_t *f = bc_flow_new(&(bc_flow_config_t){ .window_ms = 1000,
                                                    .total = 100,
                                                    .free_modules = free_modules,
                                                    .free_module_cnt = 1 });
    assert_true(bc_flow_out(f, 0, "1.1.1.1", GROUP, 1000, 60));
    assert_true(bc_flow_out(f, 0, "1.1.1.1", (bc_bytes_t){ 0 }, 0, 30));
    assert_false(bc_flow_out(f, 0, "1.1.1.1", GROUP, 2000, 11));
    assert_true(bc_flow_out(f, 0, "1.1.1.1", GROUP, 2000, 10));
    assert_true(bc_flow_out(f, 0, "1.1.1.1", GROUP, 1000, 1000));
    assert_true(bc_flow_out(f, 0, "1.1.1.1", (bc_bytes_t){ 0 }, 0, 1000));
    bc_flow_free(f);
}

static void incoming_messages_are_counted(void **state)
{
    (void)state;
    bc_flow_module_t modules[] = { { 2001, 1 } };
    bc_flow_t *f = bc_flow_new(&(bc_flow_config_t){ .window_ms = 1000,
                                                    .type_limit = 2,
                                                    .module_limit = 3,
                                                    .modules = modules,
                                                    .module_cnt = 1 });
    for (int i = 0; i < 4; i++) {
        assert_int_equal(bc_flow_in_type(f, 0, "1.1.1.1", BC_P2P_HEARTBEAT), i < 2);
        assert_int_equal(bc_flow_in_type(f, 0, "1.1.1.1", BC_P2P_STATUS_SEQ), i < 2);
        assert_int_equal(bc_flow_in_type(f, 0, "1.1.1.2", BC_P2P_HEARTBEAT), i < 2);
        assert_true(bc_flow_in_type(f, 0, "1.1.1.1", BC_P2P_UNICAST));
        assert_true(bc_flow_in_type(f, 0, "1.1.1.1", BC_P2P_AMOP));
        assert_true(bc_flow_in_type(f, 0, "1.1.1.1", 60000));
        assert_int_equal(bc_flow_in_module(f, 0, GROUP, 2000), i < 3);
        assert_int_equal(bc_flow_in_module(f, 0, BC_STR("other"), 2000), i < 3);
        assert_int_equal(bc_flow_in_module(f, 0, GROUP, 2001), i < 1);
    }
    assert_true(bc_flow_in_type(f, 1000, "1.1.1.1", BC_P2P_HEARTBEAT));
    assert_true(bc_flow_in_module(f, 1000, GROUP, 2000));
    bc_flow_free(f);
    uint16_t types[] = { BC_P2P_UNICAST };
    f = bc_flow_new(&(bc_flow_config_t){
        .window_ms = 1000, .type_limit = 1, .types = types, .type_cnt = 1 });
    assert_true(bc_flow_in_type(f, 0, "1.1.1.1", BC_P2P_UNICAST));
    assert_false(bc_flow_in_type(f, 0, "1.1.1.1", BC_P2P_UNICAST));
    for (int i = 0; i < 9; i++) {
        assert_true(bc_flow_in_type(f, 0, "1.1.1.1", BC_P2P_HEARTBEAT));
        assert_true(bc_flow_in_module(f, 0, GROUP, 2000));
    }
    bc_flow_free(f);
}

/* Names without end make room for new ones; limits that were configured stay. */
static void names_are_bounded(void **state)
{
    (void)state;
    bc_flow_limit_t conns[] = { { "own", 5 } };
    bc_flow_t *f = bc_flow_new(&(bc_flow_config_t){
        .window_ms = 1000, .conn = 10, .conns = conns, .conn_cnt = 1 });
    char ip[32];
    for (int i = 0; i < 70000; i++) {
        snprintf(ip, sizeof ip, "%d", i);
        assert_true(bc_flow_out(f, i / 10, ip, GROUP, 2000, 10));
    }
    assert_false(bc_flow_out(f, 7000, "69999", GROUP, 2000, 1));
    assert_false(bc_flow_out(f, 7000, "own", GROUP, 2000, 6));
    assert_true(bc_flow_out(f, 7000, "own", GROUP, 2000, 5));
    bc_flow_free(f);
}

/* ---- in the gateway ---- */

static void send_module(net_t *net, size_t from, size_t to, uint16_t module, size_t n)
{
    bc_gateway_if api = bc_gateway_contract(net->n[from].g);
    bc_wr_t w = { 0 };
    uint32_t x = 1;
    for (size_t i = 0; i < n; i++) { /* does not compress */
        x = x * 1664525 + 1013904223;
        bc_wr_u8(&w, (uint8_t)(x >> 24));
    }
    api.ops->send(api.self, "group0", &net->n[from].id, &net->n[to].id, module,
                  bc_buf_copy(bc_wr_view(&w)));
    bc_wr_free(&w);
}

static void outgoing_messages_are_refused(void **state)
{
    (void)state;
    net_t net = { .l = bc_uv_loop_new("net") };
    uint16_t free_modules[] = { BC_MODULE_PBFT };
    bc_flow_config_t flow = { .window_ms = 3600000,
                              .group = 10, /* 36000 in the hour of the window */
                              .free_modules = free_modules,
                              .free_module_cnt = 1 };
    bc_gateway_config_t c = config_of(&net.n[0], 0);
    c.flow = &flow;
    start(&net, 0, c, (int[]){ -1 });
    start_plain(&net, 1, (int[]){ 0, -1 });
    UNTIL(net.l, net.n[0].seen_cnt == 1 && net.n[1].seen_cnt == 1);
    send_module(&net, 0, 1, BC_MODULE_BLOCK_SYNC, 20000);
    UNTIL(net.l, net.n[1].got == 1);
    send_module(&net, 0, 1, BC_MODULE_BLOCK_SYNC, 20000);
    UNTIL(net.l, net.n[0].g->stats.limited_out == 1);
    assert_int_equal(net.n[0].g->stats.unreachable, 1);
    assert_int_equal(net.n[0].g->stats.retries, 0);
    /* consensus passes, so does a broadcast, and the other side has no limits */
    send_module(&net, 0, 1, BC_MODULE_PBFT, 20000);
    UNTIL(net.l, net.n[1].got == 2);
    broadcast_text(&net, 0, BC_NODE_CONSENSUS, BC_STR("all"));
    UNTIL(net.l, net.n[1].got == 3);
    send_module(&net, 1, 0, BC_MODULE_BLOCK_SYNC, 100000);
    UNTIL(net.l, net.n[0].got == 1);
    UNTIL(net.l, net.n[0].g->pending.cnt == 0 && net.n[1].g->pending.cnt == 0);
    assert_int_equal(net.n[0].g->stats.limited_out, 1);
    net_end(&net);
}

static void incoming_messages_are_refused(void **state)
{
    (void)state;
    net_t net = { .l = bc_uv_loop_new("net") };
    bc_flow_module_t modules[] = { { BC_MODULE_TXS_SYNC, 1 } };
    uint16_t types[] = { BC_P2P_HEARTBEAT };
    bc_flow_config_t flow = { .window_ms = 60000, .modules = modules, .module_cnt = 1,
                              .type_limit = 1, .types = types, .type_cnt = 1 };
    bc_gateway_config_t c = config_of(&net.n[0], 0);
    c.flow = &flow;
    start(&net, 0, c, (int[]){ -1 });
    raw_t r = { 0 };
    bc_p2p_frame_t f;
    raw_dial(&r, &net, 0, &ids[5]);
    bc_nodeid_t other = { { 9 } };
    for (uint32_t i = 0; i < 62; i++) { /* 60 in a window that outlasts the test */
        raw_frame(&r, &(bc_p2p_frame_t){ .type = BC_P2P_UNICAST, .seq = i, .group = GROUP,
                                         .module = BC_MODULE_TXS_SYNC, .src_node = BC_VIEW(other),
                                         .dst_nodes = BC_VIEW(net.n[0].id), .dst_cnt = 1,
                                         .payload = BC_STR("x") });
        raw_frame(&r, &(bc_p2p_frame_t){ .type = BC_P2P_HEARTBEAT });
        UNTIL(net.l, raw_find(&r, BC_P2P_ANSWER, &f) && f.seq == i);
        assert_true(bc_bytes_eq(f.payload, i < 60 ? BC_STR("0") : BC_STR("1005")));
    }
    assert_int_equal(net.n[0].got, 60);
    raw_frame(&r, &(bc_p2p_frame_t){ .type = BC_P2P_BROADCAST, .ext = BC_NODE_CONSENSUS,
                                     .group = GROUP, .module = BC_MODULE_TXS_SYNC,
                                     .src_node = BC_VIEW(other), .payload = BC_STR("x") });
    UNTIL(net.l, net.n[0].g->stats.limited_in == 5); /* two, the broadcast, two heartbeats */
    assert_int_equal(net.n[0].got, 60);
    raw_end(&r, &net);
    net_end(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bandwidth_comes_once_per_window),
        cmocka_unit_test(connections_and_groups_have_their_own),
        cmocka_unit_test(some_count_and_are_never_refused),
        cmocka_unit_test(incoming_messages_are_counted),
        cmocka_unit_test(names_are_bounded),
        cmocka_unit_test(outgoing_messages_are_refused),
        cmocka_unit_test(incoming_messages_are_refused),
    };
    return cmocka_run_group_tests_name("flow", tests, setup, teardown);
}
