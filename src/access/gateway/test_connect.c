/* Who may connect, how often it is tried, and what the log says about who may not. */
#include "access/gateway/test_lines.h"
#include <sys/stat.h>
#include <unistd.h>

static void net_one(net_t *net)
{
    *net = (net_t){ .l = bc_uv_loop_new("net") };
    start_plain(net, 0, (int[]){ -1 });
    log_begin();
}

/* ---- certificates ---- */

static void another_root_is_told(void **state)
{
    (void)state;
    net_t net;
    net_one(&net);
    bc_gateway_config_t c = config_of(&net.n[1], 1);
    c.tls = tls_of(&foreign);
    start(&net, 1, c, (int[]){ 0, -1 });
    UNTIL(net.l, net.n[1].g->stats.dials_failed >= 1);
    rest(&net, 50);
    EXPECT_LINE("[NET][TLS]handshake failed", "peer=127.0.0.1:",
                sm_links ? "refused: unknown CA" : "verify=unable to get");
    net_end(&net);
}

static void lists_are_told(void **state)
{
    (void)state;
    net_t net;
    net_one(&net);
    char key[513] = ""; /* the modulus, or the point without its first byte */
    const char *entry[] = { key };
    start_plain(&net, 1, (int[]){ 0, -1 });
    UNTIL(net.l, net.n[0].seen_cnt == 1);
    const char *id = bc_gateway_p2p_id(net.n[1].g);
    assert_int_equal(strlen(id), sm_links ? 130 : 540);
    memcpy(key, id + (sm_links ? 2 : 18), sm_links ? 128 : 512);
    bc_gateway_set_lists(net.n[0].g, (bc_text_list_t){ entry, 1 }, (bc_text_list_t){ 0 });
    UNTIL(net.l, net.n[0].seen_cnt == 0);
    EXPECT_LINE("session dropped", "peer=127.0.0.1:", "reason=certificate is on the blacklist");
    log_begin();
    uint64_t failed = net.n[1].g->stats.dials_failed;
    UNTIL(net.l, net.n[1].g->stats.dials_failed > failed);
    EXPECT_LINE("connection refused", "peer=127.0.0.1:", "reason=certificate is on the blacklist");
    log_begin();
    key[3] = key[3] == '0' ? '1' : '0';
    bc_gateway_set_lists(net.n[0].g, (bc_text_list_t){ 0 }, (bc_text_list_t){ entry, 1 });
    failed = net.n[1].g->stats.dials_failed;
    UNTIL(net.l, net.n[1].g->stats.dials_failed > failed + 1);
    EXPECT_LINE("connection refused",
                "peer=127.0.0.1:", "reason=certificate is not on the whitelist");
    net_end(&net);
}

/* [cert] multi_ca_path: a directory with another organisation's root, under its hash. */
static void further_roots_are_trusted(void **state)
{
    (void)state;
    char roots[] = "/tmp/cbcos-roots-XXXXXX", file[128];
    assert_non_null(mkdtemp(roots));
    snprintf(file, sizeof file, "%s/%08lx.0", roots, X509_subject_name_hash(other_ca.cert));
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    assert_int_equal(PEM_write_X509(f, other_ca.cert), 1);
    fclose(f);
    net_t net = { .l = bc_uv_loop_new("net") };
    bc_gateway_config_t c = config_of(&net.n[0], 0);
    c.tls.ca_dir = roots;
    start(&net, 0, c, (int[]){ -1 });
    c = config_of(&net.n[1], 1);
    c.tls = tls_of(&foreign);
    start(&net, 1, c, (int[]){ 0, -1 });
    start_plain(&net, 2, (int[]){ 0, 1, -1 }); /* knows one root only */
    UNTIL(net.l, net.n[0].g->by_id.cnt == 2 && net.n[1].seen_cnt == 2);
    assert_int_equal(net.n[1].g->by_id.cnt, 1);
    send_text(&net, 1, 2, BC_STR("through the one with both"));
    UNTIL(net.l, has(&net.n[2], BC_STR("through the one with both")));
    net_end(&net);
    unlink(file);
    rmdir(roots);
}

/* ---- sessions ---- */

static void handshake_of(raw_t *r, uint8_t min, uint8_t max)
{
    bc_p2p_protocol_t p = { .module = 1, .min = min, .max = max };
    bc_wr_t w = { 0 };
    bc_tars_encode(&bc_p2p_protocol_tars, &p, &w);
    raw_frame(r, &(bc_p2p_frame_t){ .type = BC_P2P_HANDSHAKE, .payload = bc_wr_view(&w) });
    bc_wr_free(&w);
}

static void a_second_connection_is_told(void **state)
{
    (void)state;
    net_t net;
    net_one(&net);
    raw_t one = { 0 }, two = { 0 };
    raw_dial(&one, &net, 0, &ids[5]);
    handshake_of(&one, 0, 3);
    UNTIL(net.l, net.n[0].g->sessions && net.n[0].g->sessions->negotiated);
    raw_dial(&two, &net, 0, &ids[5]);
    UNTIL(net.l, two.closed);
    assert_false(one.closed);
    EXPECT_LINE("connection refused",
                "peer=127.0.0.1:", "reason=there is a session with this peer");
    raw_end(&one, &net);
    raw_end(&two, &net);
    net_end(&net);
}

static void oneself_is_dialled_once(void **state)
{
    (void)state;
    net_t net;
    net_one(&net);
    char text[64];
    const char *list[] = { text };
    snprintf(text, sizeof text, "127.0.0.1:%u", net.port[0]);
    bc_gateway_set_peers(net.n[0].g, (bc_text_list_t){ list, 1 });
    UNTIL(net.l, net.n[0].g->stats.dials == 1 && net.n[0].g->dials && !net.n[0].g->dials->c);
    rest(&net, 700);
    assert_int_equal(net.n[0].g->stats.dials, 1);
    assert_int_equal(net.n[0].g->by_id.cnt, 0);
    EXPECT_LINE("connection refused", "reason=it is this node itself");
    net_end(&net);
}

static void sessions_have_a_maximum(void **state)
{
    (void)state;
    net_t net = { .l = bc_uv_loop_new("net") };
    bc_gateway_config_t c = config_of(&net.n[0], 0);
    c.sessions_max = 2;
    start(&net, 0, c, (int[]){ -1 });
    log_begin();
    raw_t r[3] = { 0 };
    for (size_t i = 0; i < 3; i++)
        raw_dial(&r[i], &net, 0, &ids[3 + i]);
    UNTIL(net.l, r[2].closed);
    assert_false(r[0].closed || r[1].closed);
    assert_int_equal(net.n[0].g->stats.refused_full, 1);
    assert_int_equal(net.n[0].g->by_id.cnt, 2);
    EXPECT_LINE("connection refused", "peer=127.0.0.1:", "reason=too many sessions");
    for (size_t i = 0; i < 3; i++)
        raw_end(&r[i], &net);
    net_end(&net);
}

static void what_ends_a_session_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        const char *reason;
    } bad[] = {
        { NULL, 0, "reason=no common protocol version" },
        { "\0\0\0\2\0\0\0\1\0\0\0\1\0\0", 14, "reason=malformed frame" },
        { "\x7f\xff\xff\xff\0\0\0\1\0\0\0\1\0\0", 14, "reason=frame above allow_max_msg_size" },
        { "\0\0\0\x12\0\0\0\1\0\0\0\1\0\x10zstd", 18, "reason=compressed payload that is damaged" },
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(bad); i++) {
        net_t net;
        net_one(&net);
        raw_t r = { 0 };
        raw_dial(&r, &net, 0, &ids[5]);
        if (bad[i].n)
            assert_int_equal(bc_conn_write(r.c, bc_bytes(bad[i].bytes, bad[i].n)), BC_OK);
        else
            handshake_of(&r, 4, 9);
        UNTIL(net.l, r.closed);
        assert_int_equal(net.n[0].g->stats.protocol_errors, 1);
        EXPECT_LINE("session dropped", "peer=127.0.0.1:", bad[i].reason);
        raw_end(&r, &net);
        net_end(&net);
    }
}

/* ---- below sessions ---- */

static void never(bc_conn_t *c, void *ctx)
{
    (void)ctx;
    bc_conn_close(c, false);
    fail();
}

static void silence_and_crowds_are_told(void **state)
{
    (void)state;
    static const bc_conn_handler_t h = { .on_open = raw_open,
                                         .on_data = raw_data,
                                         .on_close = raw_close };
    log_begin();
    bc_uv_loop_t *l = bc_uv_loop_new("net");
    bc_tls_config_t tc = tls_of(&ids[0]);
    bc_listen_config_t lc = {
        .ip = "127.0.0.1", .conns_max = 2, .limits = { .setup_ms = 400 }, .on_accept = never
    };
    assert_int_equal(bc_tls_new(&tc, &lc.tls), BC_OK);
    bc_listener_t *s;
    assert_int_equal(bc_listener_new(l, &lc, &s), BC_OK);
    raw_t r[3] = { 0 };
    for (size_t i = 0; i < 3; i++)
        r[i].c = bc_conn_connect(l, "127.0.0.1", bc_listener_port(s), NULL, NULL, &h, &r[i]);
    UNTIL(l, r[0].closed && r[1].closed && r[2].closed);
    bc_wr_t log = { 0 };
    log_take(&log);
    bc_wr_u8(&log, 0);
    assert_non_null(strstr((char *)log.p, "handshake timed out,peer=127.0.0.1:"));
    assert_non_null(strstr((char *)log.p, "too many connections: refused,port="));
    bc_wr_free(&log);
    for (size_t i = 0; i < 3; i++)
        bc_wr_free(&r[i].got);
    bc_listener_free(s);
    bc_tls_unref(lc.tls);
    bc_uv_loop_free(l);
}

/* A peer that is not there: tried after 0.2, 0.4, 0.8 s and so on, told once; at once connected
 * when it is there. */
static void absent_peers_are_tried_less_and_less(void **state)
{
    (void)state;
    net_t net;
    net_one(&net);
    start_plain(&net, 1, (int[]){ -1 }); /* takes a port */
    stop(&net, 1);
    char text[64];
    const char *list[] = { text };
    snprintf(text, sizeof text, "127.0.0.1:%u", net.port[1]);
    bc_gateway_set_peers(net.n[0].g, (bc_text_list_t){ list, 1 });
    rest(&net, 2000);
    assert_in_range(net.n[0].g->stats.dials, 3, 5);
    bc_wr_t log = { 0 };
    log_take(&log);
    bc_wr_u8(&log, 0);
    char *first = strstr((char *)log.p, "connect failed,peer=127.0.0.1:");
    assert_non_null(first);
    assert_non_null(strstr(first, "attempts=1,nextTryMs="));
    assert_null(strstr(first + 1, "connect failed"));
    bc_wr_free(&log);
    start_plain(&net, 1, (int[]){ -1 });
    UNTIL(net.l, net.n[0].seen_cnt == 1);
    net_end(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_root_is_told),
        cmocka_unit_test(lists_are_told),
        cmocka_unit_test(further_roots_are_trusted),
        cmocka_unit_test(a_second_connection_is_told),
        cmocka_unit_test(oneself_is_dialled_once),
        cmocka_unit_test(sessions_have_a_maximum),
        cmocka_unit_test(what_ends_a_session_is_told),
        cmocka_unit_test(silence_and_crowds_are_told),
        cmocka_unit_test(absent_peers_are_tried_less_and_less),
    };
    int failed = cmocka_run_group_tests_name("TLS", tests, dir_new, dir_free);
    sm_links = true;
    return failed + cmocka_run_group_tests_name("TLCP", tests, dir_new, dir_free);
}
