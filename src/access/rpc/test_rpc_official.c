/* Answers of the SDK port against those captured from an official node. */
#include "access/rpc/test_node.h"

#define SELF                                                                                       \
    "91aa891560fbdf3278c066bb2bb6b892e348e64e8526400bae7c85b362634f860e7223058ee01ba74805040322211" \
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
    cJSON_ArrayForEach (call, calls) {
        const cJSON *text = cJSON_GetObjectItem(cJSON_GetObjectItem(call, "response"), "result");
        if (!is(call, "getSyncStatus") || !text)
            continue;
        cJSON *s = cJSON_Parse(text->valuestring);
        const cJSON *p;
        cJSON_ArrayForEach (p, cJSON_GetObjectItem(s, "peers")) {
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
    cJSON_ArrayForEach (call, calls) {
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
    cJSON_ArrayForEach (block, blocks) {
        const cJSON *header = cJSON_GetObjectItem(block, "headerOnly");
        int number = cJSON_GetObjectItem(block, "number")->valueint;
        snprintf(body, sizeof body,
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"getBlockByNumber\",\"params\":[\"%s\","
                 "\"\",%d,false,false]}",
                 n.chain.group_id, number);
        same(&n, body, cJSON_GetObjectItem(block, "block"));
        if (header) {
            snprintf(body, sizeof body,
                     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"getBlockByNumber\",\"params\":[\"\","
                     "\"\",%d,true,false]}",
                     number);
            same(&n, body, header);
        }
        cJSON_ArrayForEach (receipt, cJSON_GetObjectItem(block, "receipts")) {
            snprintf(body, sizeof body,
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_of_every_method), cmocka_unit_test(log_queries),
        cmocka_unit_test(whole_chain_a),           cmocka_unit_test(whole_chain_sm),
        cmocka_unit_test(whole_chain_auth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
