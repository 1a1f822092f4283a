/* Answers of the SDK port against those captured from an official node. */
#include "access/rpc/test_node.h"

#define SELF                                                                                       \
    "91aa891560fbdf3278c066bb2bb6b892e348e64e8526400bae7c85b362634f860e7223058ee01ba7480504032221" \
    "1"                                                                                            \
    "8fe43ea84283ad9d009d4adfeb491cf53a7"

static bool is(const cJSON *call, const char *method)
{
    const cJSON *m = cJSON_GetObjectItem(cJSON_GetObjectItem(call, "request"), "method");
    return cJSON_IsString(m) && strcmp(m->valuestring, method) == 0;
}

/* Answers that cannot be equal, with the reason. */
static const char *differs(const cJSON *call)
{
    const cJSON *r = cJSON_GetObjectItem(call, "response");
    const cJSON *body = cJSON_GetObjectItem(call, "requestBody");
    const cJSON *error = cJSON_GetObjectItem(r, "error");
    const char *version = cJSON_GetObjectItem(r, "jsonrpc")->valuestring;
    if (body && error && !*version)
        return "id of a request that could not be read: not initialised there, 0 here";
    if (is(call, "newBlockFilter") || is(call, "newPendingTransactionFilter") ||
        is(call, "newFilter") || is(call, "getFilterChanges") || is(call, "getFilterLogs") ||
        is(call, "uninstallFilter"))
        return error ? NULL : "random filter ids";
    if (is(call, "getPeers"))
        return "raw bytes in p2pNodeID there; tested below";
    if (is(call, "getGroupPeers"))
        return "needs peers; tested below";
    return NULL;
}

static char *body_of(const cJSON *call)
{
    const cJSON *body = cJSON_GetObjectItem(call, "requestBody");
    if (body)
        return bc_xstrdup(body->valuestring);
    return cJSON_PrintUnformatted(cJSON_GetObjectItem(call, "request"));
}

static void status_of(node_t *n, const cJSON *calls)
{
    const cJSON *call;
    /* What only consensus and sync know comes from the answers of the captured node itself. */
    n->status.view = 3;
    n->status.index = n->status.leader_index = 2;
    n->status.is_sealer = true;
    cJSON_ArrayForEach(call, calls)
    {
        const cJSON *text = cJSON_GetObjectItem(cJSON_GetObjectItem(call, "response"), "result");
        if (!is(call, "getSyncStatus") || !text)
            continue;
        cJSON *s = cJSON_Parse(text->valuestring);
        const cJSON *p;
        cJSON_ArrayForEach(p, cJSON_GetObjectItem(s, "peers"))
        {
            size_t i = n->status.peer_cnt++;
            n->status.peers[i].number = n->status.number;
            n->status.peers[i].hash = n->status.hash;
            assert_int_equal(bc_hex_fixed(bc_cstr(cJSON_GetObjectItem(p, "nodeID")->valuestring),
                                          n->status.peers[i].id.b, 64),
                             BC_OK);
        }
        cJSON_Delete(s);
    }
}

static void run_calls(node_t *n, const cJSON *calls, const char *file)
{
    const cJSON *call;
    unsigned equal = 0, other = 0, wrong = 0;
    cJSON_ArrayForEach(call, calls)
    {
        const cJSON *api = cJSON_GetObjectItem(call, "api");
        const cJSON *response = cJSON_GetObjectItem(call, "response");
        if (strcmp(api->valuestring, "bcos") != 0 || !response)
            continue;
        char *body = body_of(call), *got = ask(n, false, body), *have = canonical(got);
        char *want = cJSON_PrintUnformatted(response);
        if (differs(call)) {
            other++;
        } else if (strcmp(have, want) == 0) {
            equal++;
        } else {
            wrong++;
            print_message("%s: %.300s\n  want %.1500s\n  have %.1500s\n", file, body, want, have);
        }
        free(body);
        free(got);
        free(have);
        free(want);
    }
    print_message("%s: %u answers equal, %u differ on purpose\n", file, equal, other);
    assert_int_equal(wrong, 0);
    assert_true(equal > 0);
}

static void answers_of_every_method(void **state)
{
    (void)state;
    node_t n;
    if (!node_load(&n, "chain-a", 306))
        skip();
    cJSON *calls = load_json("chain-a/rpc-calls.json");
    status_of(&n, calls);
    n.rpc = node_rpc(&n, SELF);
    run_calls(&n, calls, "chain-a/rpc-calls.json");
    cJSON_Delete(calls);
    node_free(&n);
}

static void log_queries(void **state)
{
    (void)state;
    node_t n;
    if (!node_load(&n, "chain-a", -1))
        skip();
    cJSON *calls = load_json("chain-a/rpc-calls-logs-http-ws.json");
    n.rpc = node_rpc(&n, SELF);
    run_calls(&n, calls, "chain-a/rpc-calls-logs-http-ws.json");
    cJSON_Delete(calls);
    node_free(&n);
}

static void same(node_t *n, const char *body, const cJSON *want_result)
{
    char *got = ask(n, false, body);
    cJSON *root = cJSON_Parse(got);
    char *have = cJSON_PrintUnformatted(cJSON_GetObjectItem(root, "result"));
    char *want = cJSON_PrintUnformatted(want_result);
    if (!have || strcmp(have, want) != 0)
        print_message("%s\n  want %.1500s\n  have %.4000s\n", body, want, got);
    assert_string_equal(have, want);
    cJSON_Delete(root);
    free(got);
    free(have);
    free(want);
}

/* Every block with full transactions, every receipt with proof. */
static void whole_chain(const char *folder)
{
    node_t n;
    char name[128], body[512];
    const cJSON *block, *receipt;
    if (!node_load(&n, folder, -1))
        skip();
    n.rpc = node_rpc(&n, NULL);
    snprintf(name, sizeof name, "%s/blocks.json", folder);
    cJSON *blocks = load_json(name);
    assert_non_null(blocks);
    cJSON_ArrayForEach(block, blocks)
    {
        const cJSON *header = cJSON_GetObjectItem(block, "headerOnly");
        int number = cJSON_GetObjectItem(block, "number")->valueint;
        snprintf(body, sizeof body,
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"getBlockByNumber\",\"params\":[\"%s\","
                 "\"\",%d,false,false]}",
                 n.chain.group_id, number);
        same(&n, body, cJSON_GetObjectItem(block, "block"));
        if (header) {
            snprintf(
                body, sizeof body,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"getBlockByNumber\",\"params\":[\"\","
                "\"\",%d,true,false]}",
                number);
            same(&n, body, header);
        }
        cJSON_ArrayForEach(receipt, cJSON_GetObjectItem(block, "receipts"))
        {
            snprintf(
                body, sizeof body,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"getTransactionReceipt\",\"params\":["
                "\"\",\"\",\"%s\",true]}",
                cJSON_GetObjectItem(receipt, "transactionHash")->valuestring);
            same(&n, body, receipt);
        }
    }
    cJSON_Delete(blocks);
    node_free(&n);
}

static void whole_chain_a(void **state)
{
    (void)state;
    whole_chain("chain-a");
}

static void whole_chain_sm(void **state)
{
    (void)state;
    whole_chain("chain-sm-1node");
}

static void whole_chain_auth(void **state)
{
    (void)state;
    whole_chain("chain-auth-1node");
}

static void peers_by_their_long_ids(void **state)
{
    (void)state;
    node_t n;
    if (!node_load(&n, "chain-a", 0))
        skip();
    n.peer_cnt = 2;
    for (size_t i = 0; i < 2; i++) {
        bc_gateway_peer_t *p = &n.peers[i];
        snprintf(p->p2p_id, sizeof p->p2p_id, "3082%zu", i);
        snprintf(p->endpoint, sizeof p->endpoint, "127.0.0.1:%zu", 300 + i);
        p->node_cnt = 1;
        p->nodes[0].b[0] = (uint8_t)(9 - i);
    }
    n.rpc = node_rpc(&n, SELF);
    char want[2048], zeros[127];
    memset(zeros, '0', 126);
    zeros[126] = 0;
    snprintf(
        want, sizeof want,
        "{\"id\":1,\"jsonrpc\":\"2.0\",\"result\":{\"endPoint\":\"127.0.0.1:300\","
        "\"groupNodeIDInfo\":["
        "{\"group\":\"group0\",\"nodeIDList\":[\"09%s\"]}],\"p2pNodeID\":\"30820\",\"peers\":[{"
        "\"endPoint\":"
        "\"127.0.0.1:301\",\"groupNodeIDInfo\":[{\"group\":\"group0\",\"nodeIDList\":[\"08%s\"]}],"
        "\"p2pNodeID\":\"30821\"}]}}",
        zeros, zeros);
    char *got =
        ask(&n, false, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"getPeers\",\"params\":[]}");
    assert_string_equal(got, want);
    free(got);
    snprintf(want, sizeof want, "{\"id\":1,\"jsonrpc\":\"2.0\",\"result\":[\"08%s\",\"09%s\"]}",
             zeros, zeros);
    got =
        ask(&n, false,
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"getGroupPeers\",\"params\":[\"group0\"]}");
    assert_string_equal(got, want);
    free(got);
    node_free(&n);
}

/* call with a signature over H(to without 0x, data): the vector of spec/20 §1.5. */
static void signed_calls(void **state)
{
    (void)state;
    node_t n;
    uint8_t data[32], sig[BC_SIG_MAX];
    static const char text[] = "bcec428d5205abe0f0cc8a734083908d9eb8563e31f943d760786edf42ad67dd";
    static const char to[] = "0000000000000000000000000000000000001000";
    if (!node_load(&n, "chain-a", 0))
        skip();
    n.rpc = node_rpc(&n, SELF);
    bc_keypair_t key;
    bc_hasher_t h;
    bc_h256_t digest, want;
    bc_addr_t who;
    char body[1024], sign[2 * BC_SIG_MAX + 1] = "";
    assert_int_equal(bc_hex_fixed(bc_cstr(text), data, 32), BC_OK);
    assert_int_equal(bc_keypair_from_secret(BC_SUITE_STANDARD, data, &key), BC_OK);
    bc_address(BC_SUITE_STANDARD, &key.pub, &who);
    bc_hasher_init(&h, BC_SUITE_STANDARD);
    bc_hasher_put(&h, bc_cstr(to));
    bc_hasher_put(&h, bc_bytes(data, 32));
    bc_hasher_final(&h, &digest);
    assert_int_equal(
        bc_hex_fixed(BC_STR("8180d9bbe2f96fa7ea6de06cb88551de2c1c23307c465c51f218d5e2fc0d1336"),
                     want.b, 32),
        BC_OK);
    assert_memory_equal(digest.b, want.b, 32);
    size_t len = bc_sign(&key, &digest, sig);
    bc_hex_put(bc_bytes(sig, len), sign);
    for (int pass = 0; pass < 2; pass++) {
        snprintf(body, sizeof body,
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"call\",\"params\":[\"\",\"\",\"%s\","
                 "\"%s\",\"%s\"]}",
                 to, text, sign);
        char *got = ask(&n, false, body);
        if (pass)
            assert_non_null(strstr(got, "\"code\":10008,\"message\":\"Invalid signature\""));
        else
            assert_non_null(strstr(got, "\"result\":{\"blockNumber\":0,"));
        free(got);
        sign[128] = '0'; /* an impossible v */
        sign[129] = '9';
    }
    node_free(&n);
}

/* A transaction that is stored but cannot be read is neither unknown nor without a sender. */
static void damaged_rows_are_errors(void **state)
{
    (void)state;
    node_t n;
    if (!node_load(&n, "chain-a", -1))
        skip();
    n.rpc = node_rpc(&n, NULL);
    bc_ledger_if l = bc_ledger_as_if(n.ledger);
    bc_ledger_block_t *b;
    assert_int_equal(l.ops->block(l.self, 2, 0, &b), BC_OK);
    assert_true(b->tx_cnt > 0);
    uint8_t row[64] = "s_hash_2_tx:";
    size_t at = strlen((char *)row);
    memcpy(row + at, b->tx_hashes[0].b, 32);
    char hex[65] = "", body[300];
    bc_hex_put(BC_VIEW(b->tx_hashes[0]), hex);
    bc_ledger_block_free(b);
    bc_wr_t old = { 0 };
    assert_int_equal(n.kv.ops->get(n.kv.self, bc_bytes(row, at + 32), &old), BC_OK);
    old.p[old.n / 2] ^= 0xff;
    bc_kv_change_t c = { bc_bytes(row, at + 32), bc_wr_view(&old), false };
    assert_int_equal(n.kv.ops->write(n.kv.self, &c, 1, false), BC_OK);
    static const struct {
        const char *method, *before;
        bool web3;
    } asked[] = {
        { "getTransaction", "\"\",\"\",", false },
        { "getTransactionReceipt", "\"\",\"\",", false },
        { "eth_getTransactionByHash", "", true },
        { "eth_getTransactionReceipt", "", true },
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(asked); i++) {
        snprintf(body, sizeof body,
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":[%s\"0x%s\"]}",
                 asked[i].method, asked[i].before, hex);
        char *got = ask(&n, asked[i].web3, body);
        assert_non_null(strstr(got, asked[i].web3 ? "\"code\":-32603," : "\"code\":3008,"));
        assert_null(strstr(got, "\"result\""));
        free(got);
    }
    bc_wr_free(&old);
    node_free(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_of_every_method),
        cmocka_unit_test(log_queries),
        cmocka_unit_test(whole_chain_a),
        cmocka_unit_test(whole_chain_sm),
        cmocka_unit_test(whole_chain_auth),
        cmocka_unit_test(peers_by_their_long_ids),
        cmocka_unit_test(signed_calls),
        cmocka_unit_test(damaged_rows_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
