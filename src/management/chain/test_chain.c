#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

#include "codec/hex.h"
#include "codec/json.h"
#include "crypto/suite.h"
#include "management/chain/block0.h"
#include "management/chain/chain.h"
#include "management/chain/chain_rpc.h"
#include "management/chain/test_dir.h"
#include "protocol/tx.h"
#include "storage/kv_mem/kv_mem.h"

/* Runs `chain WORD...` with its output thrown away. */
static int run(const char *line)
{
    char copy[2048], *argv[32], *save = NULL;
    int argc = 0;
    snprintf(copy, sizeof(copy), "chain %s", line);
    for (char *w = strtok_r(copy, " ", &save); w && argc < 31; w = strtok_r(NULL, " ", &save))
        argv[argc++] = w;
    argv[argc] = NULL;
    fflush(NULL);
    int null = open("/dev/null", O_WRONLY), out = dup(1), err = dup(2);
    dup2(null, 1);
    dup2(null, 2);
    int code = bc_chain_main(argc, argv);
    fflush(NULL);
    dup2(out, 1);
    dup2(err, 2);
    close(null);
    close(out);
    close(err);
    return code;
}

static void assert_ini(const char *path, const char *section, const char *key, const char *want)
{
    char *text = slurp(path), got[256];
    if (!bc_chain_ini_find(text, section, key, got, sizeof(got)))
        fail_msg("%s: no %s.%s", path, section, key);
    free(text);
    assert_string_equal(got, want);
}

static void assert_files(const char *dir, const char *const *files, size_t cnt)
{
    for (size_t i = 0; i < cnt; i++)
        if (!bc_file_exists(bc_path("%s/%s", dir, files[i]).s))
            fail_msg("no %s", files[i]);
}

static void builds_the_tree_of_the_official_script(void **state)
{
    static const char *const files[] = {
        "ca/ca.crt", "ca/ca.key", "ca/cert.cnf",
        "127.0.0.1/fisco-bcos", "127.0.0.1/start_all.sh", "127.0.0.1/stop_all.sh",
        "127.0.0.1/ca/ca.crt", "127.0.0.1/ca/ca.key",
        "127.0.0.1/sdk/ca.crt", "127.0.0.1/sdk/sdk.crt", "127.0.0.1/sdk/sdk.key",
        "127.0.0.1/sdk/sdk.nodeid", "127.0.0.1/sdk/cert.cnf",
        "127.0.0.1/node3/config.ini", "127.0.0.1/node3/config.genesis",
        "127.0.0.1/node3/nodes.json", "127.0.0.1/node3/start.sh", "127.0.0.1/node3/stop.sh",
        "127.0.0.1/node3/conf/ca.crt", "127.0.0.1/node3/conf/cert.cnf",
        "127.0.0.1/node3/conf/ssl.key", "127.0.0.1/node3/conf/ssl.crt",
        "127.0.0.1/node3/conf/ssl.nodeid", "127.0.0.1/node3/conf/node.pem",
        "127.0.0.1/node3/conf/node.nodeid",
    };
    const char *dir = *state;
    assert_int_equal(run(bc_path("build -l 127.0.0.1:4 -o %s/n -p 31300,21200,9545,33300", dir).s), 0);
    assert_files(bc_path("%s/n", dir).s, files, BC_ARRAY_LEN(files));
    struct stat st;
    assert_int_equal(stat(bc_path("%s/n/127.0.0.1/fisco-bcos", dir).s, &st), 0);
    assert_true(st.st_mode & S_IXUSR);
    assert_mode(bc_path("%s/n/ca/ca.key", dir).s, 0600);
    assert_mode(bc_path("%s/n/127.0.0.1/ca/ca.key", dir).s, 0600);
    assert_mode(bc_path("%s/n/127.0.0.1/node0/conf/ssl.key", dir).s, 0600);
    assert_mode(bc_path("%s/n/127.0.0.1/node0/conf/node.pem", dir).s, 0600);

    bc_path_t ini = bc_path("%s/n/127.0.0.1/node3/config.ini", dir);
    assert_ini(ini.s, "p2p", "listen_ip", "127.0.0.1");
    assert_ini(ini.s, "p2p", "listen_port", "31303");
    assert_ini(ini.s, "rpc", "listen_ip", "127.0.0.1");
    assert_ini(ini.s, "rpc", "listen_port", "21203");
    assert_ini(ini.s, "web3_rpc", "enable", "true");
    assert_ini(ini.s, "web3_rpc", "listen_ip", "127.0.0.1");
    assert_ini(ini.s, "web3_rpc", "listen_port", "9548");
    assert_ini(ini.s, "monitor", "listen_ip", "127.0.0.1");
    assert_ini(ini.s, "monitor", "listen_port", "33303");
    char *nodes = slurp(bc_path("%s/n/127.0.0.1/node1/nodes.json", dir).s);
    assert_string_equal(nodes, "{\"nodes\":[\"127.0.0.1:31300\",\"127.0.0.1:31301\","
                               "\"127.0.0.1:31302\",\"127.0.0.1:31303\"]}\n");
    free(nodes);
    /* All nodes have one genesis. */
    char *a = slurp(bc_path("%s/n/127.0.0.1/node0/config.genesis", dir).s);
    char *b = slurp(bc_path("%s/n/127.0.0.1/node3/config.genesis", dir).s);
    assert_string_equal(a, b);
    free(a);
    free(b);
    /* A second run leaves it alone. */
    assert_int_equal(run(bc_path("build -l 127.0.0.1:4 -o %s/n", dir).s), 1);
}

static void an_sm_chain_has_sm_links(void **state)
{
    static const char *const files[] = {
        "ca/sm_ca.crt", "ca/sm_ca.key", "ca/sm_cert.cnf", "ca/sm_sm2.param",
        "127.0.0.1/ca/sm_ca.crt", "127.0.0.1/ca/sm_ca.key", "127.0.0.1/ca/sm_cert.cnf",
        "127.0.0.1/ca/sm_sm2.param",
        "127.0.0.1/sdk/sm_ca.crt", "127.0.0.1/sdk/sm_sdk.crt", "127.0.0.1/sdk/sm_sdk.key",
        "127.0.0.1/sdk/sm_ensdk.crt", "127.0.0.1/sdk/sm_ensdk.key", "127.0.0.1/sdk/sm_sdk.nodeid",
        "127.0.0.1/node1/conf/sm_ca.crt", "127.0.0.1/node1/conf/sm_ssl.crt",
        "127.0.0.1/node1/conf/sm_ssl.key", "127.0.0.1/node1/conf/sm_enssl.crt",
        "127.0.0.1/node1/conf/sm_enssl.key", "127.0.0.1/node1/conf/sm_ssl.nodeid",
        "127.0.0.1/node1/conf/node.pem", "127.0.0.1/node1/conf/node.nodeid",
    };
    static const char *const none[] = {
        "ca/ca.crt", "ca/ca.key", "127.0.0.1/node0/conf/ca.crt", "127.0.0.1/node0/conf/ssl.crt",
        "127.0.0.1/node0/conf/ssl.key", "127.0.0.1/sdk/ca.crt", "127.0.0.1/sdk/sdk.crt",
    };
    bc_path_t sm = bc_path("%s/sm", (char *)*state), tls = bc_path("%s/tls", (char *)*state);
    assert_int_equal(run(bc_path("build -s -l 127.0.0.1:2 -o %s", sm.s).s), 0);
    assert_files(sm.s, files, BC_ARRAY_LEN(files));
    for (size_t i = 0; i < BC_ARRAY_LEN(none); i++)
        if (bc_file_exists(bc_path("%s/%s", sm.s, none[i]).s))
            fail_msg("%s", none[i]);
    assert_mode(bc_path("%s/ca/sm_ca.key", sm.s).s, 0600);
    assert_mode(bc_path("%s/127.0.0.1/ca/sm_ca.key", sm.s).s, 0600);
    assert_mode(bc_path("%s/127.0.0.1/node0/conf/sm_ssl.key", sm.s).s, 0600);
    assert_mode(bc_path("%s/127.0.0.1/sdk/sm_ensdk.key", sm.s).s, 0600);
    char *text = slurp(bc_path("%s/ca/sm_sm2.param", sm.s).s); /* the curve's OID */
    assert_string_equal(text, "-----BEGIN EC PARAMETERS-----\nBggqgRzPVQGCLQ==\n"
                              "-----END EC PARAMETERS-----\n");
    free(text);

    bc_path_t ini = bc_path("%s/127.0.0.1/node1/config.ini", sm.s);
    assert_ini(ini.s, "p2p", "sm_ssl", "true");
    assert_ini(ini.s, "rpc", "sm_ssl", "true");
    assert_ini(ini.s, "cert", "ca_path", "./conf");
    assert_ini(ini.s, "cert", "sm_ca_cert", "sm_ca.crt");
    assert_ini(ini.s, "cert", "sm_node_key", "sm_ssl.key");
    assert_ini(ini.s, "cert", "sm_node_cert", "sm_ssl.crt");
    assert_ini(ini.s, "cert", "sm_ennode_key", "sm_enssl.key");
    assert_ini(ini.s, "cert", "sm_ennode_cert", "sm_enssl.crt");
    assert_ini(ini.s, "cert", "multi_ca_path", "multiCaPath");
    text = slurp(ini.s);
    assert_non_null(strstr(text, "128 hex digits"));
    assert_null(strstr(text, "512 hex digits"));
    free(text);

    /* A command that cannot speak to such a port says so. */
    bc_chain_node_t node;
    bc_chain_rpc_t rpc;
    long long height;
    assert_int_equal(bc_chain_node_load(bc_path("%s/127.0.0.1/node0", sm.s).s, &node), BC_OK);
    assert_true(node.p2p_sm && node.rpc_sm);
    assert_int_equal(bc_chain_rpc_open(&rpc, &node), BC_OK);
    assert_false(bc_chain_rpc_number(&rpc, "getBlockNumber", &height));
    assert_non_null(strstr(rpc.why, "national-crypto"));
    bc_chain_rpc_close(&rpc);

    /* The same chain with ordinary links. */
    assert_int_equal(run(bc_path("build -s --tls -l 127.0.0.1:1 -o %s", tls.s).s), 0);
    ini = bc_path("%s/127.0.0.1/node0/config.ini", tls.s);
    assert_ini(ini.s, "p2p", "sm_ssl", "false");
    assert_ini(ini.s, "rpc", "sm_ssl", "false");
    assert_ini(ini.s, "cert", "ca_cert", "ca.crt");
    assert_ini(bc_path("%s/127.0.0.1/node0/config.genesis", tls.s).s, "chain", "sm_crypto", "true");
    text = slurp(ini.s);
    assert_non_null(strstr(text, "512 hex digits"));
    free(text);
    X509_free(load_cert(bc_path("%s/127.0.0.1/node0/conf/ssl.crt", tls.s).s));
    assert_false(bc_file_exists(bc_path("%s/127.0.0.1/node0/conf/sm_ssl.crt", tls.s).s));
}

static void node_ids_are_those_of_the_keys(void **state)
{
    static const struct {
        const char *option;
        bc_suite_t suite;
        const char *accounts;
    } rows[] = { { "", BC_SUITE_STANDARD, "accounts" },
                 { "-s", BC_SUITE_SM, "accounts_gm" },
                 { "-s --tls", BC_SUITE_SM, "accounts_gm" } };
    for (size_t r = 0; r < BC_ARRAY_LEN(rows); r++) {
        bc_path_t dir = bc_path("%s/%zu", (char *)*state, r);
        assert_int_equal(run(bc_path("build -l 127.0.0.1:2 -o %s %s", dir.s, rows[r].option).s), 0);
        bc_path_t genesis = bc_path("%s/127.0.0.1/node0/config.genesis", dir.s);
        char *text = slurp(genesis.s), in_genesis[256], admin[64];
        for (unsigned i = 0; i < 2; i++) {
            bc_path_t conf = bc_path("%s/127.0.0.1/node%u/conf", dir.s, i);
            bc_keypair_t key;
            char *id = slurp(bc_path("%s/node.nodeid", conf.s).s);
            assert_int_equal(bc_keypair_load(rows[r].suite, bc_path("%s/node.pem", conf.s).s, &key),
                             BC_OK);
            for (size_t b = 0; b < 64; b++) {
                unsigned v = 0;
                assert_int_equal(sscanf(id + 2 * b, "%2x", &v), 1);
                assert_int_equal(v, key.pub.b[b]);
            }
            assert_int_equal(strlen(id), 129);
            assert_true(bc_chain_ini_find(text, "consensus", bc_path("node.%u", i).s, in_genesis,
                                    sizeof(in_genesis)));
            assert_memory_equal(in_genesis, id, 128);
            assert_string_equal(in_genesis + 128, ": 1");
            free(id);
        }
        /* The admin account's key is where its owner finds it. */
        assert_true(bc_chain_ini_find(text, "executor", "auth_admin_account", admin, sizeof(admin)));
        bc_keypair_t key;
        bc_addr_t address;
        assert_int_equal(bc_keypair_load(rows[r].suite,
                                         bc_path("%s/ca/%s/%s.pem", dir.s, rows[r].accounts,
                                                 admin).s, &key), BC_OK);
        bc_address(rows[r].suite, &key.pub, &address);
        for (size_t b = 0; b < 20; b++) {
            unsigned v = 0;
            assert_int_equal(sscanf(admin + 2 + 2 * b, "%2x", &v), 1);
            assert_int_equal(v, address.b[b]);
        }
        assert_ini(genesis.s, "chain", "sm_crypto", r ? "true" : "false");
        assert_ini(genesis.s, "executor", "is_auth_check", "false");
        free(text);
    }
}

static void options_reach_the_files(void **state)
{
    const char *dir = *state;
    assert_int_equal(
        run(bc_path("build -l 127.0.0.1:1,127.0.0.2:2,127.0.0.1:1 -o %s/n -g g7 -I c7 -v v3.12.0 "
                    "-a 0x18Ae7adb91e02abac01ed9044e97682e71c26413 -R false -k 10240 -T rpbft -E "
                    "-W 77", dir).s), 0);
    bc_path_t genesis = bc_path("%s/n/127.0.0.2/node1/config.genesis", dir);
    assert_ini(genesis.s, "chain", "group_id", "g7");
    assert_ini(genesis.s, "chain", "chain_id", "c7");
    assert_ini(genesis.s, "web3", "chain_id", "77");
    assert_ini(genesis.s, "consensus", "consensus_type", "rpbft");
    assert_ini(genesis.s, "version", "compatibility_version", "3.12.0");
    assert_ini(genesis.s, "executor", "is_auth_check", "true");
    assert_ini(genesis.s, "executor", "is_serial_execute", "false");
    assert_ini(genesis.s, "executor", "auth_admin_account",
               "0x18Ae7adb91e02abac01ed9044e97682e71c26413");
    bc_path_t ini = bc_path("%s/n/127.0.0.1/node1/config.ini", dir);
    assert_ini(ini.s, "p2p", "listen_port", "30301");
    assert_ini(ini.s, "storage", "key_page_size", "10240");
    assert_ini(ini.s, "log", "level", "debug");
    assert_ini(bc_path("%s/n/127.0.0.2/node0/config.ini", dir).s, "p2p", "listen_ip", "127.0.0.2");
    char *nodes = slurp(bc_path("%s/n/127.0.0.1/node0/nodes.json", dir).s);
    assert_string_equal(nodes, "{\"nodes\":[\"127.0.0.1:30300\",\"127.0.0.2:30300\","
                               "\"127.0.0.2:30301\",\"127.0.0.1:30301\"]}\n");
    free(nodes);
}

static void bad_options_make_nothing(void **state)
{
    static const char *const bad[] = {
        "", "-l 127.0.0.1", "-l 127.0.0.1:0", "-l :4", "-l 127.0.0.1:x",
        "-l 127.0.0.1:2000", "-l ../x:1", "-l 127.0.0.1:1 -p 30300", "-l 127.0.0.1:1 -p 80,90",
        "-l 127.0.0.1:1 -p 30300,70000", "-l 127.0.0.1:1 -p 30300,20200,",
        "-l 127.0.0.1:1 -p 30300,20200x", "-l 127.0.0.1:1 -p 30300,20200,8545,9000,9001", "-l 127.0.0.1:1 -g a/b", "-l 127.0.0.1:1 -a 0x12",
        "-l 127.0.0.1:1 -v 4.0.0", "-l 127.0.0.1:1 -v 3.16.5", "-l 127.0.0.1:1 -T raft",
        "-l 127.0.0.1:1 -R maybe", "-l 127.0.0.1:1 -w", "-l 127.0.0.1:1 extra",
        "-l 127.0.0.1:1 -e /nonexistent", "-l 127.0.0.1:1 -s --sm", "-l 127.0.0.1:1 --tls=no",
    };
    const char *dir = *state;
    for (size_t i = 0; i < BC_ARRAY_LEN(bad); i++) {
        int code = run(bc_path("build -o %s/n %s", dir, bad[i]).s);
        if (code != 2 || bc_dir_exists(bc_path("%s/n", dir).s))
            fail_msg("'%s' gave %d", bad[i], code);
    }
    assert_int_equal(run(""), 2);
    assert_int_equal(run("frobnicate"), 2);
    assert_int_equal(run("--help"), 0);
    assert_int_equal(run("build --help"), 0);
}

static void expand_makes_a_node_of_the_same_chain(void **state)
{
    const char *dir = *state;
    assert_int_equal(run(bc_path("build -l 127.0.0.1:1 -o %s/n", dir).s), 0);
    assert_int_equal(run(bc_path("expand -c %s/n/127.0.0.1/node0 -d %s/n/ca -o "
                                 "%s/n/127.0.0.1/node1", dir, dir, dir).s), 0);
    char *a = slurp(bc_path("%s/n/127.0.0.1/node0/conf/node.nodeid", dir).s);
    char *b = slurp(bc_path("%s/n/127.0.0.1/node1/conf/node.nodeid", dir).s);
    assert_string_not_equal(a, b);
    free(a);
    free(b);
    X509 *ca = load_cert(bc_path("%s/n/ca/ca.crt", dir).s);
    X509 *x = load_cert(bc_path("%s/n/127.0.0.1/node1/conf/ssl.crt", dir).s);
    assert_int_equal(X509_verify(x, X509_get0_pubkey(ca)), 1);
    X509_free(x);
    X509_free(ca);
    assert_true(bc_file_exists(bc_path("%s/n/127.0.0.1/node1/start.sh", dir).s));
    assert_true(bc_file_exists(bc_path("%s/n/127.0.0.1/node1/config.genesis", dir).s));
    /* Never over an existing one, never with a CA that is none. */
    assert_int_equal(run(bc_path("expand -c %s/n/127.0.0.1/node0 -d %s/n/ca -o "
                                 "%s/n/127.0.0.1/node1", dir, dir, dir).s), 1);
    assert_int_equal(run(bc_path("expand -c %s/n/127.0.0.1/node0 -d %s -o %s/n/127.0.0.1/node2",
                                 dir, dir, dir).s), 1);
}

static void replace(const char *path, const char *what, const char *with)
{
    char *text = slurp(path), *at = strstr(text, what);
    bc_wr_t w = { 0 };
    assert_non_null(at);
    bc_wr_put(&w, bc_bytes(text, (size_t)(at - text)));
    bc_wr_str(&w, with);
    bc_wr_str(&w, at + strlen(what));
    assert_int_equal(bc_file_write(path, bc_wr_view(&w), 0644), BC_OK);
    bc_wr_free(&w);
    free(text);
}

static void expand_follows_the_kind_of_links(void **state)
{
    bc_path_t sm = bc_path("%s/sm", (char *)*state), host = bc_path("%s/127.0.0.1", sm.s);
    bc_path_t tls = bc_path("%s/tls", (char *)*state), ca = bc_path("%s/ca", sm.s);
    assert_int_equal(run(bc_path("build -s -l 127.0.0.1:1 -o %s", sm.s).s), 0);
    assert_int_equal(run(bc_path("build -s --tls -l 127.0.0.1:1 -o %s", tls.s).s), 0);
    /* On another host, so that it needs certificates for clients too. */
    assert_int_equal(run(bc_path("expand -c %s/node0 -d %s -o %s/far/node1", host.s, ca.s,
                                 sm.s).s), 0);
    static const char *const stems[] = { "node1/conf/sm_ssl", "node1/conf/sm_enssl", "sdk/sm_sdk",
                                         "sdk/sm_ensdk" };
    X509 *root = load_cert(bc_path("%s/sm_ca.crt", ca.s).s);
    for (size_t i = 0; i < BC_ARRAY_LEN(stems); i++) {
        bc_path_t stem = bc_path("%s/far/%s", sm.s, stems[i]);
        X509 *x = load_cert(bc_path("%s.crt", stem.s).s);
        set_sm2_id(x);
        assert_int_equal(X509_verify(x, X509_get0_pubkey(root)), 1);
        assert_true(bc_file_exists(bc_path("%s.key", stem.s).s));
        X509_free(x);
    }
    X509_free(root);
    assert_true(bc_file_exists(bc_path("%s/far/node1/conf/sm_ca.crt", sm.s).s));
    assert_true(bc_file_exists(bc_path("%s/far/node1/conf/sm_ssl.nodeid", sm.s).s));
    assert_false(bc_file_exists(bc_path("%s/far/node1/conf/ssl.crt", sm.s).s));
    bc_keypair_t key;
    assert_int_equal(bc_keypair_load(BC_SUITE_SM, bc_path("%s/far/node1/conf/node.pem", sm.s).s,
                                     &key), BC_OK);

    /* SM keys and ordinary links. */
    assert_int_equal(run(bc_path("expand -c %s/127.0.0.1/node0 -d %s/ca -o %s/127.0.0.1/node1",
                                 tls.s, tls.s, tls.s).s), 0);
    assert_true(bc_file_exists(bc_path("%s/127.0.0.1/node1/conf/ssl.crt", tls.s).s));
    assert_false(bc_file_exists(bc_path("%s/127.0.0.1/node1/conf/sm_ssl.crt", tls.s).s));

    /* The other kind's CA makes nothing, whatever its files are called. */
    assert_int_equal(run(bc_path("expand -c %s/node0 -d %s/ca -o %s/x", host.s, tls.s, sm.s).s), 1);
    bc_path_t fake = bc_path("%s/fake", (char *)*state);
    assert_int_equal(bc_mkdirs(fake.s), BC_OK);
    assert_int_equal(bc_file_copy(bc_path("%s/ca/ca.key", tls.s).s,
                                  bc_path("%s/sm_ca.key", fake.s).s, 0600), BC_OK);
    assert_int_equal(bc_file_copy(bc_path("%s/ca/ca.crt", tls.s).s,
                                  bc_path("%s/sm_ca.crt", fake.s).s, 0644), BC_OK);
    assert_int_equal(run(bc_path("expand -c %s/node0 -d %s -o %s/x", host.s, fake.s, sm.s).s), 1);
    assert_false(bc_dir_exists(bc_path("%s/x", sm.s).s));

    /* Nodes speak the one, clients the other: both, from a directory with both CAs. */
    bc_path_t ini = bc_path("%s/node0/config.ini", host.s);
    replace(ini.s, "    ; national-crypto TLS for SDKs\n    sm_ssl=true", "    sm_ssl=false");
    assert_int_equal(run(bc_path("expand -c %s/node0 -d %s -o %s/x", host.s, ca.s, sm.s).s), 1);
    assert_int_equal(bc_file_copy(bc_path("%s/ca/ca.key", tls.s).s,
                                  bc_path("%s/ca.key", ca.s).s, 0600), BC_OK);
    assert_int_equal(bc_file_copy(bc_path("%s/ca/ca.crt", tls.s).s,
                                  bc_path("%s/ca.crt", ca.s).s, 0644), BC_OK);
    assert_int_equal(run(bc_path("expand -c %s/node0 -d %s -o %s/mixed/node0", host.s, ca.s,
                                 sm.s).s), 0);
    assert_true(bc_file_exists(bc_path("%s/mixed/node0/conf/sm_enssl.crt", sm.s).s));
    assert_true(bc_file_exists(bc_path("%s/mixed/node0/conf/ssl.crt", sm.s).s));
    assert_true(bc_file_exists(bc_path("%s/mixed/sdk/sdk.crt", sm.s).s));
    assert_false(bc_file_exists(bc_path("%s/mixed/sdk/sm_sdk.crt", sm.s).s));
}

static void write_script(const char *path, const char *text)
{
    assert_int_equal(bc_file_write(path, bc_cstr(text), 0755), BC_OK);
}

/* The scripts against a program that behaves as the node does. */
static void scripts_start_and_stop(void **state)
{
    const char *dir = *state;
    assert_int_equal(run(bc_path("build -l 127.0.0.1:2 -o %s/n", dir).s), 0);
    bc_path_t node = bc_path("%s/n/127.0.0.1/fisco-bcos", dir);
    bc_path_t source = bc_path("%s/fake.c", dir);
    write_script(source.s,
                 "#include <signal.h>\n#include <stdio.h>\n#include <unistd.h>\n"
                 "static void on(int s) { (void)s; }\n"
                 "int main(void) { struct sigaction a = { .sa_handler = on };\n"
                 "sigaction(SIGUSR1, &a, 0); sigaction(SIGUSR2, &a, 0);\n"
                 "puts(\"The fisco-bcos is running...\"); fflush(stdout);\n"
                 "for (int i = 0; i < 60; i++) sleep(1); return 0; }\n");
    unlink(node.s);
    assert_int_equal(system(bc_path("cc -o %s %s", node.s, source.s).s), 0);
    assert_int_equal(run(bc_path("start %s/n", dir).s), 0);
    assert_int_equal(run(bc_path("start %s/n/127.0.0.1", dir).s), 0); /* they run: signals */
    assert_int_equal(system(bc_path("bash %s/n/127.0.0.1/node1/start.sh | grep -q 'is running'",
                                    dir).s), 0);
    /* Nothing listens, so nobody answers. */
    assert_int_equal(run(bc_path("status %s/n", dir).s), 1);
    assert_int_equal(run(bc_path("stop %s/n", dir).s), 0);
    assert_int_equal(system(bc_path("bash %s/n/127.0.0.1/node0/stop.sh | grep -q \"isn't running\"",
                                    dir).s), 0);
    /* A program that dies is told apart from one that runs. */
    unlink(node.s);
    write_script(node.s, "#!/bin/false\n");
    assert_int_equal(run(bc_path("start %s/n", dir).s), 1);
    assert_int_equal(run(bc_path("start %s", dir).s), 1);      /* too deep: no nodes there */
    assert_int_equal(run(bc_path("status %s/none", dir).s), 1);
}

/* Every key that the official template sets is set in ours, to the same value where it does not
 * belong to one chain. */
static void keys_of_the_official_template(void **state)
{
    static const char *const own[] = { "p2p.listen_port", "rpc.listen_port", "rpc.enable_ssl",
                                       "web3_rpc.listen_port" };
    const char *vectors = getenv("CBCOS_VECTORS");
    bc_path_t official = bc_path("%s/official-3.16.4/chain-a/conf/node0/config.ini",
                                 vectors ? vectors : "../shared/vectors");
    if (!bc_file_exists(official.s)) {
        print_message("no captured chain (CBCOS_VECTORS)\n");
        skip();
    }
    const char *dir = *state;
    assert_int_equal(run(bc_path("build -l 127.0.0.1:1 -o %s/n", dir).s), 0);
    char *theirs = slurp(official.s), section[64] = "", *save = NULL;
    char *ours = slurp(bc_path("%s/n/127.0.0.1/node0/config.ini", dir).s);
    unsigned keys = 0;
    for (char *line = strtok_r(theirs, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        line += strspn(line, " \t");
        char key[64], value[256] = "", got[256], full[160];
        if (sscanf(line, "[%63[^]]]", section) == 1 || line[0] == ';' ||
            sscanf(line, "%63[^= ] = %255[^\n]", key, value) < 1)
            continue;
        snprintf(full, sizeof(full), "%s.%s", section, key);
        if (!bc_chain_ini_find(ours, section, key, got, sizeof(got)))
            fail_msg("no %s", full);
        keys++;
        bool is_own = false;
        for (size_t i = 0; i < BC_ARRAY_LEN(own); i++)
            is_own = is_own || strcmp(full, own[i]) == 0;
        if (!is_own && strcmp(got, value) != 0)
            fail_msg("%s is %s, not %s", full, got, value);
    }
    assert_true(keys > 40);
    free(theirs);
    free(ours);
}

static bc_kv_if store; /* what `adopt -d` opens in these tests */

static void keep_open(void *self)
{
    (void)self;
}

static bc_err_t open_test_store(const char *path, bc_kv_if *out, char *why, size_t why_size)
{
    static bc_kv_ops_t ops;
    (void)why, (void)why_size;
    if (strcmp(path, "there") != 0)
        return BC_E_IO;
    ops = *store.ops;
    ops.close = keep_open;
    *out = (bc_kv_if){ &ops, store.self };
    return BC_OK;
}

/* The same rows in a store give the same file. */
static void adopts_from_a_store(const char *dir, const char *dump, const char *file)
{
    bc_wr_t text = { 0 }, want = { 0 }, have = { 0 };
    assert_int_equal(bc_file_read(file, 1u << 20, &want), BC_OK);
    assert_int_equal(bc_file_read(dump, 64u << 20, &text), BC_OK);
    cJSON *json = bc_json_parse(bc_wr_view(&text), 8, NULL);
    store = bc_kv_mem_new();
    const cJSON *row;
    cJSON_ArrayForEach(row, cJSON_GetObjectItem(json, "kv"))
    {
        bc_wr_t k = { 0 }, v = { 0 };
        assert_int_equal(bc_hex_append(bc_cstr(cJSON_GetArrayItem(row, 0)->valuestring), &k), BC_OK);
        assert_int_equal(bc_hex_append(bc_cstr(cJSON_GetArrayItem(row, 1)->valuestring), &v), BC_OK);
        bc_kv_change_t c = { bc_wr_view(&k), bc_wr_view(&v), false };
        assert_int_equal(store.ops->write(store.self, &c, 1, false), BC_OK);
        bc_wr_free(&k);
        bc_wr_free(&v);
    }
    cJSON_Delete(json);
    bc_chain_set_store(open_test_store);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(run(bc_path("adopt -d elsewhere %s/n", dir).s), 1);
    assert_int_equal(run(bc_path("adopt -d there %s/n", dir).s), 0);
    assert_int_equal(bc_file_read(file, 1u << 20, &have), BC_OK);
    assert_true(bc_bytes_eq(bc_wr_view(&have), bc_wr_view(&want)));
    store.ops->close(store.self);
    bc_wr_free(&text);
    bc_wr_free(&want);
    bc_wr_free(&have);
}

/* A chain with the captured one's ids takes over its block 0. */
static void adopts_block_0_of_an_official_chain(void **state)
{
    static const char *const hashes[2] = {
        "045bcc8ac2dd30e8fad3072fa3183501a34498085392ecba33039558917186e2",
        "a88213d80a21bf69d3e22d0092a94e0f3f14e5c57d464f855284d4138ee78a71",
    };
    const char *dir = *state, *vectors = getenv("CBCOS_VECTORS");
    bc_path_t dump = bc_path("%s/official-3.16.4/chain-a/db/genesis.full.json",
                             vectors ? vectors : "../shared/vectors");
    if (!bc_file_exists(dump.s)) {
        print_message("no captured chain (CBCOS_VECTORS)\n");
        skip();
    }
    assert_int_equal(run(bc_path("build -l 127.0.0.1:1 -o %s/n", dir).s), 0);
    assert_int_equal(run(bc_path("adopt -f %s %s/n", dump.s, dir).s), 0);
    bc_path_t file0 = bc_path("%s/n/127.0.0.1/node0/block0.json", dir);
    bc_block0_t b;
    assert_int_equal(bc_block0_load(file0.s, &b), BC_OK);
    assert_int_equal(b.committee_code.n, 0);
    bc_wr_t code = { 0 };
    for (int i = 0; i < 2; i++) {
        bc_tx_t *tx;
        char hex[65] = "";
        assert_int_equal(bc_tx_decode_trusted(BC_SUITE_STANDARD, bc_wr_view(&b.txs[i]), &tx), BC_OK);
        bc_hex_put(BC_VIEW(tx->hash), hex);
        assert_string_equal(hex, hashes[i]);
        if (i == 1) /* the last eight words are the constructor's arguments */
            bc_wr_put(&code, bc_bytes(tx->w.data.input.p, tx->w.data.input.n - 8 * 32));
        bc_tx_unref(tx);
    }
    bc_block0_free(&b);

    adopts_from_a_store(dir, dump.s, file0.s);

    /* A program that holds the code as text, between other things. */
    bc_wr_t program = { 0 };
    bc_wr_mem(&program, "\177ELF\0deadbeef\0", 14);
    bc_wr_hex(&program, bc_wr_view(&code));
    bc_wr_mem(&program, "\0abc", 4);
    bc_path_t file = bc_path("%s/official", dir);
    assert_int_equal(bc_file_write(file.s, bc_wr_view(&program), 0755), BC_OK);
    assert_int_equal(run(bc_path("adopt -e %s %s/n/127.0.0.1/node0", file.s, dir).s), 0);
    assert_int_equal(bc_block0_load(file0.s, &b), BC_OK);
    assert_int_equal(b.txs[0].n + b.txs[1].n, 0);
    assert_true(bc_bytes_eq(bc_wr_view(&b.committee_code), bc_wr_view(&code)));
    bc_block0_free(&b);

    /* Other code, another chain, a node that has run: refused. */
    program.p[program.n - 100] ^= 1;
    assert_int_equal(bc_file_write(file.s, bc_wr_view(&program), 0755), BC_OK);
    assert_int_equal(run(bc_path("adopt -e %s %s/n", file.s, dir).s), 1);
    assert_int_equal(run(bc_path("build -l 127.0.0.1:1 -I other -o %s/m", dir).s), 0);
    assert_int_equal(run(bc_path("adopt -f %s %s/m", dump.s, dir).s), 1);
    assert_false(bc_file_exists(bc_path("%s/m/127.0.0.1/node0/block0.json", dir).s));
    assert_int_equal(bc_mkdirs(bc_path("%s/n/127.0.0.1/node0/data", dir).s), BC_OK);
    assert_int_equal(run(bc_path("adopt -f %s %s/n", dump.s, dir).s), 1);
    bc_wr_free(&code);
    bc_wr_free(&program);
}

static void bad_block0_files_are_refused(void **state)
{
    static const char *const bad[] = {
        "", "[]", "{}", "{\"transactions\":[]}", "{\"transactions\":[\"0x00\"]}",
        "{\"transactions\":[\"0x00\",\"0x0\"]}", "{\"transactions\":[\"0x00\",7]}",
        "{\"transactions\":[\"0x00\",\"0x01\",\"0x02\"]}", "{\"committeeCode\":\"\"}",
        "{\"committeeCode\":\"zz\"}",
        "{\"committeeCode\":\"0x00\",\"transactions\":[\"0x00\",\"0x01\"]}",
    };
    bc_path_t file = bc_path("%s/block0.json", (char *)*state);
    bc_block0_t b;
    assert_int_equal(bc_block0_load(file.s, &b), BC_E_NOT_FOUND);
    for (size_t i = 0; i < BC_ARRAY_LEN(bad); i++) {
        assert_int_equal(bc_file_write(file.s, bc_cstr(bad[i]), 0644), BC_OK);
        if (bc_block0_load(file.s, &b) != BC_E_FORMAT)
            fail_msg("taken: %s", bad[i]);
    }
}

static void ini_values_are_found(void **state)
{
    (void)state;
    static const char text[] = " [a]\n  k = v w \n;k=no\n[b]\nk=2\n#k=3\nlast=x";
    char v[8];
    assert_true(bc_chain_ini_find(text, "a", "k", v, sizeof(v)));
    assert_string_equal(v, "v w");
    assert_true(bc_chain_ini_find(text, "b", "k", v, sizeof(v)));
    assert_string_equal(v, "2");
    assert_true(bc_chain_ini_find(text, "b", "last", v, sizeof(v)));
    assert_string_equal(v, "x");
    assert_false(bc_chain_ini_find(text, "a", "last", v, sizeof(v)));
    assert_false(bc_chain_ini_find(text, "b", "k", v, 1)); /* does not fit */
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ini_values_are_found),
        CASE(builds_the_tree_of_the_official_script),
        CASE(an_sm_chain_has_sm_links),
        CASE(node_ids_are_those_of_the_keys),
        CASE(options_reach_the_files),
        CASE(bad_options_make_nothing),
        CASE(expand_makes_a_node_of_the_same_chain),
        CASE(expand_follows_the_kind_of_links),
        CASE(scripts_start_and_stop),
        CASE(keys_of_the_official_template),
        CASE(adopts_block_0_of_an_official_chain),
        CASE(bad_block0_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
