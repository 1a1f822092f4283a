#include "management/nodeconf/nodeconf.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/ini.h"
#include "management/nodeconf/keys.h"

#define ID1                                                                                        \
    "91aa891560fbdf3278c066bb2bb6b892e348e64e8526400bae7c85b362634f86"                             \
    "0e7223058ee01ba748050403222118fe43ea84283ad9d009d4adfeb491cf53a7"
#define ID2                                                                                        \
    "0AA3d2f96a1decf33891ef32bd38151792b49abcbf916d9f2f9cb4ea926c5e3b"                             \
    "b2c8d172eef70f6a2c09b244b6287564e9549d9dffb3fdf7b932571a95028935"

static bc_node_config_t *good(const char *text, bc_conf_report_t *rep)
{
    bc_node_config_t *c;
    *rep = (bc_conf_report_t){ 0 };
    bc_err_t err = bc_nodeconf_parse(bc_cstr(text), "config.ini", &c, rep);
    if (err)
        print_error("%s\n", rep->error);
    assert_int_equal(err, BC_OK);
    bc_wr_u8(&rep->warnings, 0);
    return c;
}

static void defaults_are_the_official_ones(void **state)
{
    (void)state;
    bc_conf_report_t rep;
    bc_node_config_t *c = good("", &rep);
    assert_string_equal((char *)rep.warnings.p, "");
    assert_string_equal(c->p2p.listen_ip, "0.0.0.0");
    assert_int_equal(c->p2p.listen_port, 30300);
    assert_int_equal(c->p2p.session_recv_buffer_size, 2 * 33554432);
    assert_true(c->p2p.enable_rip_protocol);
    assert_int_equal(c->rpc.listen_port, 20200);
    assert_true(c->rpc.ssl);
    assert_false(c->web3.enable);
    assert_string_equal(c->web3.cors_allowed_methods, "GET, POST, OPTIONS");
    assert_string_equal(c->cert.ca_cert, "ca.crt");
    assert_int_equal(c->consensus.min_seal_time, 500);
    assert_int_equal(c->txpool.limit, 15000);
    assert_int_equal(c->txpool.expiration_ms, 600000);
    assert_int_equal(c->flow.free_module_cnt, 4);
    assert_int_equal(c->others.send_tx_timeout, -1);
    assert_false(c->monitor.enable);
    assert_string_equal(c->monitor.listen_ip, "127.0.0.1");
    bc_log_config_t l = bc_nodeconf_log(c);
    assert_int_equal(l.level, BC_LOG_INFO);
    assert_int_equal(l.file_size_max, 1ull << 30);
    bc_nodeconf_free(c);
    bc_conf_report_free(&rep);
}

static void every_key_of_the_table_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < bc_ini_key_cnt; i++) {
        const bc_conf_key_t *k = &bc_ini_keys[i];
        char text[256];
        bc_conf_report_t rep = { 0 };
        bc_node_config_t *a, *b;
        if (k->kind == K_STR || k->off == UINT32_MAX)
            continue;
        /* another value than the default, inside the bounds, must arrive in the struct */
        bool def = false;
        int64_t v = k->min == 0 ? BC_MIN(k->max, 7) : k->min;
        int64_t d = 0;
        if (k->kind != K_BOOL && bc_conf_int(k->def, &d) && d == v)
            v = BC_MIN(v + 1, k->max);
        if (strcmp(k->key, "session_recv_buffer_size") == 0)
            v = 1 << 30;
        if (strcmp(k->key, "enable_archive") == 0 || strcmp(k->key, "enable_hsm") == 0 ||
            strcmp(k->section, "storage_security") == 0)
            continue; /* need others, or are refused: below */
        if (k->kind == K_BOOL && bc_conf_bool(k->def, &def))
            snprintf(text, sizeof text, "[%s]\n%s=%s\n", k->section, k->key, def ? "0" : "true");
        else
            snprintf(text, sizeof text, "[%s]\n%s=%lld\n", k->section, k->key, (long long)v);
        assert_int_equal(bc_nodeconf_parse(BC_STR(""), "a", &a, &rep), BC_OK);
        bc_err_t err = bc_nodeconf_parse(bc_cstr(text), "b", &b, &rep);
        if (err)
            print_error("%s%s\n", text, rep.error);
        assert_int_equal(err, BC_OK);
        size_t size = k->kind == K_BOOL  ? 1
                      : k->kind == K_U16 ? 2
                      : k->kind <= K_I32 ? 4
                                         : 8;
        if (memcmp((char *)a + k->off, (char *)b + k->off, size) == 0)
            print_error("no change: %s", text);
        assert_memory_not_equal((char *)a + k->off, (char *)b + k->off, size);
        bc_nodeconf_free(a);
        bc_nodeconf_free(b);
        bc_conf_report_free(&rep);
    }
}

static void bounds_stop_the_start_with_file_line_and_key(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } t[] = {
        { "[p2p]\n\nlisten_port=1024\n", "config.ini:3: [p2p] listen_port=1024: Please set p2p.listen_port" },
        { "[p2p]\nlisten_port=65536\n", "listen_port" },
        { "[rpc]\nlisten_port=80\n", "rpc.listen_port" },
        { "[p2p]\nsession_recv_buffer_size=100\n", "at least twice" },
        { "[p2p]\nnodes_file=\n", "must not be empty" },
        { "[consensus]\nmin_seal_time=0\n", "consensus.min_seal_time" },
        { "[consensus]\nmin_seal_time=600001\n", "at most 600000" },
        { "[consensus]\nmin_seal_time=soon\n",
          "Invalid value soon for configuration consensus.min_seal_time, please set the value with a "
          "valid number" },
        { "[consensus]\ncheckpoint_timeout=2999\n", "at least 3000" },
        { "[consensus]\npipeline_size=49\n", "at least 50" },
        { "[txpool]\nlimit=0\n", "txpool.limit" },
        { "[txpool]\nlimit=\n", "Invalid value" },
        { "[txpool]\ntxs_expiration_time=x\n", "Invalid value" },
        { "[txpool]\nnotify_worker_num=0\n", "notify_worker_num" },
        { "[sync]\ntree_width=0\n", "sync.tree_width" },
        { "[failover]\nlease_ttl=2\n", "failover.lease_ttl" },
        { "[log]\nmax_log_file_size=99\n", "at least 100" },
        { "[storage]\ntype=LevelDB\n", "storage type not support" },
        { "[storage]\nenable_archive=true\n", "archive_ip" },
        { "[security]\nkms_type=mine\n", "Please set kms_type" },
        { "[security]\nkms_type=bcoskms\n", "not supported" },
        { "[security]\nenable_hsm=true\n", "not supported" },
        { "[storage_security]\nenable=1\n", "not supported" },
        { "[flow_control]\nmodules_without_bw_limit=pbft,cats\n", "unknown module 'cats'" },
        { "[flow_control]\nconn_outgoing_bw_limit_1.2.3.4=fast\n", "Mbit/s" },
        { "[flow_control]\nenable=true\ntotal_outgoing_bw_limit=2\nconn_outgoing_bw_limit=3\n",
          "should not be greater than" },
        { "[flow_control]\nenable=true\ntotal_outgoing_bw_limit=2\ngroup_outgoing_bw_limit=3\n",
          "should not be greater than" },
        { "[flow_control]\nincoming_p2p_basic_msg_type_list=1,two\n", "not a packet type" },
        { "[flow_control]\nincoming_module_qps_limit_pbft=3\n", "not a module id" },
        { "[flow_control]\nenable=true\nenable_distributed_ratelimit=true\n", "needs redis.server_ip" },
        { "[redis]\nserver_ip=redis.example\nserver_port=6379\n"
          "[flow_control]\nenable=true\nenable_distributed_ratelimit=true\n",
          "config.ini:2: [redis] server_ip=redis.example" },
        { "[redis]\nserver_ip=127.0.0.1\n"
          "[flow_control]\nenable=true\nenable_distributed_ratelimit=true\n",
          "needs redis.server_port" },
        { "[redis]\nserver_ip=::1\nserver_port=80\n"
          "[flow_control]\nenable=true\nenable_distributed_ratelimit=true\n",
          "1025 to 65535" },
        { "[p2p]\nx\n", "config.ini(2): '=' character not found in line" },
        { "[p2p]\nlisten_ip=1\nlisten_ip=1\n", "config.ini(3): duplicate key name" },
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(t); i++) {
        bc_node_config_t *c;
        bc_conf_report_t rep = { 0 };
        assert_int_equal(bc_nodeconf_parse(bc_cstr(t[i].text), "config.ini", &c, &rep),
                         BC_E_CONFIG);
        assert_null(c);
        if (!strstr(rep.error, t[i].want))
            print_error("'%s' is not in '%s'\n", t[i].want, rep.error);
        assert_non_null(strstr(rep.error, t[i].want));
        bc_conf_report_free(&rep);
    }
}

static void what_does_not_stop_the_start_is_told(void **state)
{
    (void)state;
    bc_conf_report_t rep;
    bc_node_config_t *c = good("[rpc]\n"
                               "thread_count=many\n"
                               "filter_timeout=soon\n"
                               "sm_ssl=yes\n"
                               "enable_ssl=false\n"
                               "disable_ssl=false\n"
                               "filter_max_process_block=0\n"
                               "[p2p]\n"
                               "listen_prot=1\n"
                               "[storage]\n"
                               "archive_port=\n"
                               "key_page_size=10240\n"
                               "[monitor]\n"
                               "enable=true\n"
                               "listen_ip=0.0.0.0\n",
                               &rep);
    const char *w = (const char *)rep.warnings.p;
    assert_int_equal(c->rpc.filter_timeout, 300);
    assert_int_equal(c->rpc.filter_max_process_block, 1);
    assert_false(c->rpc.sm_ssl);
    assert_false(c->rpc.ssl);
    assert_non_null(strstr(w, "config.ini:3: [rpc] filter_timeout=soon: not a number"));
    assert_non_null(strstr(w, "[rpc] sm_ssl=yes: neither true nor false"));
    assert_non_null(strstr(w, "[p2p] listen_prot=1: unknown key"));
    assert_non_null(strstr(w, "without effect in this program: rpc.thread_count "
                              "storage.key_page"));
    assert_non_null(strstr(w, "without a password"));
    assert_null(strstr(w, "archive_port"));
    bc_nodeconf_free(c);
    bc_conf_report_free(&rep);
}

static void lists_and_limits_are_read(void **state)
{
    (void)state;
    char id[513], text[2048];
    bc_conf_report_t rep;
    memset(id, 'A', 512);
    id[512] = 0;
    snprintf(text, sizeof text,
             "[certificate_blacklist]\ncrl.0=%s\ncrl.1=abc\n[cal]\ncal.0=%.128s\n"
             "[flow_control]\nenable=true\ntotal_outgoing_bw_limit=2.5\n"
             "conn_outgoing_bw_limit=2\nconn_outgoing_bw_limit_127.0.0.1=8\n"
             "group_outgoing_bw_limit_group0=4\nincoming_module_qps_limit_2000=77\n"
             "modules_without_bw_limit=raft, PBFT,7\nincoming_p2p_basic_msg_type_list=1, 9\n",
             id, id);
    bc_node_config_t *c = good(text, &rep);
    assert_int_equal(c->cert_blacklist.n, 1);
    assert_int_equal(c->cert_blacklist.v[0][511], 'a');
    assert_int_equal(c->cert_whitelist.n, 1);
    assert_non_null(strstr((char *)rep.warnings.p, "crl.1=abc: skipped"));
    assert_int_equal(c->flow.total_outgoing, 327680);
    assert_int_equal(c->flow.conn_outgoing, 262144);
    assert_int_equal(c->flow.group_outgoing, 0);
    assert_int_equal(c->flow.conn_cnt, 1);
    assert_string_equal(c->flow.conn[0].name, "127.0.0.1");
    assert_int_equal(c->flow.conn[0].limit, 1 << 20);
    assert_int_equal(c->flow.group_cnt, 1);
    assert_string_equal(c->flow.module[0].name, "2000");
    assert_int_equal(c->flow.module[0].limit, 77);
    assert_int_equal(c->flow.free_module_cnt, 3);
    assert_int_equal(c->flow.free_modules[1], 1000);
    assert_int_equal(c->flow.free_modules[2], 7);
    assert_int_equal(c->flow.basic_type_cnt, 2);
    assert_int_equal(c->flow.basic_types[1], 9);
    bc_nodeconf_free(c);
    bc_conf_report_free(&rep);
}

static void the_template_of_build_chain_is_accepted(void **state)
{
    (void)state;
    bc_wr_t w = { 0 };
    bc_conf_report_t rep;
    assert_int_equal(bc_file_read("src/base/corpus_ini/template", 1 << 20, &w), BC_OK);
    bc_wr_u8(&w, 0);
    bc_node_config_t *c = good((char *)w.p, &rep);
    const char *warn = (const char *)rep.warnings.p;
    assert_null(strstr(warn, "unknown key"));
    assert_int_equal(c->p2p.listen_port, 25000);
    assert_string_equal(c->storage.data_path, "data");
    assert_false(c->rpc.ssl);
    bc_nodeconf_free(c);
    bc_conf_report_free(&rep);
    bc_wr_free(&w);
}

#define GENESIS                                                                                    \
    "[chain]\nsm_crypto=false\ngroup_id=group0\nchain_id=chain0\n[web3]\nchain_id=20200\n"         \
    "[consensus]\nconsensus_type=pbft\nleader_period=1\n"                                          \
    "node.0=" ID1 ": 1\n    node.1=" ID2 ":3 : 5\n"                                                \
    "[version]\ncompatibility_version=3.16.0\n[tx]\ngas_limit=3000000000\n"                        \
    "[executor]\nis_auth_check=false\nis_serial_execute=true\nversion=1\n"                         \
    "auth_admin_account=0x18ae7adb91e02abac01ed9044e97682e71c26413\n"

static void genesis_is_read(void **state)
{
    (void)state;
    bc_chain_config_t c;
    bc_conf_report_t rep = { 0 };
    bc_err_t err = bc_chainconf_parse(BC_STR(GENESIS "[features]\nfeature_balance=true\n"
                                                     "bugfix_revert=0\n"),
                                      "config.genesis", &c, &rep);
    if (err)
        print_error("%s\n", rep.error);
    assert_int_equal(err, BC_OK);
    assert_int_equal(rep.warnings.n, 0);
    assert_int_equal(c.version, 0x03100000);
    assert_int_equal(c.block_limit, 1000);
    assert_int_equal(c.gas_limit, 3000000000);
    assert_int_equal(c.block_tx_count_limit, 1000);
    assert_int_equal(c.epoch_sealer_num, 4);
    assert_int_equal(c.executor_version, 1);
    assert_true(c.is_serial_execute);
    assert_string_equal(c.web3_chain_id, "20200");
    assert_int_equal(c.node_cnt, 2);
    assert_memory_equal(c.nodes[0].id, "0aa3d2", 6); /* sorted, lower case */
    assert_int_equal(c.nodes[0].vote_weight, 3);
    assert_int_equal(c.nodes[0].term_weight, 5);
    assert_int_equal(c.nodes[1].vote_weight, 1);
    assert_int_equal(c.feature_cnt, 2);
    assert_true(c.features[0].on);
    assert_false(c.features[1].on);
    bc_chainconf_free(&c);
    bc_conf_report_free(&rep);
}

static void wrong_genesis_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *old, *new, *want;
    } t[] = {
        { "chain_id=chain0", "chain_id=chain-0", "The chainId must be number or digit" },
        { "chain_id=20200", "chain_id=0x1", "decimal" },
        { "=pbft", "=raft", "consensus.consensus_type is illegal, it must be pbft or rpbft!" },
        { "leader_period=1", "leader_period=0", "consensus.leader_period" },
        { "node.0=" ID1, "node.0=abcd", "128 hex digits" },
        { "node.0=" ID1, "node.0=" ID2, "listed twice" },
        { ID1 ": 1", ID1 ": 0", "Please set weight" },
        { ID1 ": 1", ID1 ": -1", "Please set weight" },
        { ID1 ": 1", ID1 ": one", "not a number" },
        { "3.16.0", "3", "The version must be in format of MAJOR.MINOR.PATCH" },
        { "3.16.0", "3.17.0", "high than support maxVersion" },
        { "gas_limit=3000000000", "gas_limit=100000", "at least 100001" },
        { "gas_limit=3000000000", "gas_limit=x", "Invalid value x" },
        { "auth_admin_account=0x18ae7adb91e02abac01ed9044e97682e71c26413", "auth_admin_account=",
          "executor.auth_admin_account is empty" },
        { "is_serial_execute=true", "is_wasm=true", "wasm only support serial" },
        { "version=1\n", "version=1\n[features]\nfeature_cats=true\n", "no feature of this name" },
        { "version=1\n", "version=1\n[features]\nfeature_balance=maybe\n", "neither true nor" },
        { "node.0=", "nod.0=", NULL },
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(t); i++) {
        bc_wr_t w = { 0 };
        const char *at = strstr(GENESIS, t[i].old);
        assert_non_null(at);
        size_t n = (size_t)(at - GENESIS);
        const char *text = GENESIS;
        at = strstr(text, t[i].old);
        n = (size_t)(at - text);
        bc_wr_mem(&w, text, n);
        bc_wr_str(&w, t[i].new);
        bc_wr_str(&w, at + strlen(t[i].old));
        bc_chain_config_t c;
        bc_conf_report_t rep = { 0 };
        bc_err_t err = bc_chainconf_parse(bc_wr_view(&w), "config.genesis", &c, &rep);
        if (t[i].want) {
            assert_int_equal(err, BC_E_CONFIG);
            if (!strstr(rep.error, t[i].want))
                print_error("'%s' is not in '%s'\n", t[i].want, rep.error);
            assert_non_null(strstr(rep.error, t[i].want));
        } else {
            assert_int_equal(err, BC_OK);
            assert_true(rep.warnings.n > 0);
            bc_chainconf_free(&c);
        }
        bc_wr_free(&w);
        bc_conf_report_free(&rep);
    }
}

static void peers_are_read(void **state)
{
    (void)state;
    bc_nodes_t n;
    bc_conf_report_t rep = { 0 };
    assert_int_equal(bc_nodes_parse(BC_STR("{\"nodes\":[\"127.0.0.1:30300\",\"[::1]:1\","
                                           "\"host.example:65535\"]}"),
                                    "nodes.json", &n, &rep),
                     BC_OK);
    assert_int_equal(n.n, 3);
    assert_string_equal(n.v[1].host, "::1");
    assert_int_equal(n.v[2].port, 65535);
    bc_nodes_free(&n);
    static const char *const bad[] = {
        "",
        "[]",
        "{\"nodes\":{}}",
        "{\"nodes\":[1]}",
        "{\"nodes\":[\"127.0.0.1\"]}",
        "{\"nodes\":[\"127.0.0.1:0\"]}",
        "{\"nodes\":[\"127.0.0.1:65536\"]}",
        "{\"nodes\":[\"::1:30300\"]}",
        "{\"nodes\":[\":30300\"]}",
        "{\"nodes\":[\"[]:30300\"]}",
        "{\"nodes\":[\"a b:30300\"]}",
        "{\"nodes\":[\"127.0.0.1:30300\"]",
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(bad); i++) {
        assert_int_equal(bc_nodes_parse(bc_cstr(bad[i]), "nodes.json", &n, &rep), BC_E_CONFIG);
        assert_non_null(strstr(rep.error, "nodes.json: "));
        assert_null(n.v);
    }
    assert_int_equal(bc_nodes_load("/nonexistent", &n, &rep), BC_E_NOT_FOUND);
}

/* docs/config.md is what bc_nodeconf_markdown prints; CBCOS_WRITE_DOCS=1 writes it. */
static void the_reference_is_fresh(void **state)
{
    (void)state;
    bc_wr_t want = { 0 }, have = { 0 };
    bc_nodeconf_markdown(&want);
    if (getenv("CBCOS_WRITE_DOCS")) {
        FILE *f = fopen("docs/config.md", "w");
        assert_non_null(f);
        fwrite(want.p, 1, want.n, f);
        fclose(f);
    }
    assert_int_equal(bc_file_read("docs/config.md", 1 << 20, &have), BC_OK);
    assert_true(bc_bytes_eq(bc_wr_view(&want), bc_wr_view(&have)));
    bc_wr_free(&want);
    bc_wr_free(&have);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_official_ones),
        cmocka_unit_test(every_key_of_the_table_is_read),
        cmocka_unit_test(bounds_stop_the_start_with_file_line_and_key),
        cmocka_unit_test(what_does_not_stop_the_start_is_told),
        cmocka_unit_test(lists_and_limits_are_read),
        cmocka_unit_test(the_template_of_build_chain_is_accepted),
        cmocka_unit_test(genesis_is_read),
        cmocka_unit_test(wrong_genesis_is_refused),
        cmocka_unit_test(peers_are_read),
        cmocka_unit_test(the_reference_is_fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
