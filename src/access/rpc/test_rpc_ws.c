/* WebSocket sessions: frames of a Java SDK, sendTransaction to the byte, pushes, AMOP. */
#include "access/rpc/json_scan.h"
#include "access/rpc/service.h"
#include "access/rpc/test_node.h"
#include "access/rpc/ws_message.h"

enum { FRAMES_MAX = 64 };

typedef struct {
    bc_rpc_session_t *s;
    size_t cnt;
    bc_buf_t *frames[FRAMES_MAX];
} client_t;

static void keep(void *ctx, bc_bytes_t message)
{
    client_t *c = ctx;
    assert_true(c->cnt < FRAMES_MAX);
    c->frames[c->cnt++] = bc_buf_copy(message);
}

static void forget(client_t *c)
{
    for (size_t i = 0; i < c->cnt; i++)
        bc_buf_unref(c->frames[i]);
    c->cnt = 0;
}

static void client_open(node_t *n, client_t *c, bool web3)
{
    *c = (client_t){ 0 };
    c->s = bc_rpc_session_open(n->rpc, web3, keep, c);
}

static void client_close(client_t *c)
{
    bc_rpc_session_close(c->s);
    forget(c);
}

static void drain(node_t *n)
{
    while (bc_loop_step(&n->loop)) {
    }
}

static bool say(client_t *c, uint16_t type, const char *seq, bc_bytes_t payload)
{
    bc_wr_t w = { 0 };
    bc_ws_message_encode(
        &(bc_ws_message_t){ .type = type, .seq = bc_cstr(seq), .payload = payload }, &w);
    bool ok = bc_rpc_session_message(c->s, bc_wr_view(&w));
    bc_wr_free(&w);
    return ok;
}

static bc_ws_message_t frame(const client_t *c, size_t i)
{
    bc_ws_message_t m;
    assert_true(i < c->cnt);
    assert_int_equal(bc_ws_message_decode(bc_buf_view(c->frames[i]), &m), BC_OK);
    return m;
}

static void is_text(bc_bytes_t have, const char *want)
{
    if (!bc_bytes_eq(have, bc_cstr(want)))
        print_message("want %s\nhave %.*s\n", want, (int)have.n, (const char *)have.p);
    assert_true(bc_bytes_eq(have, bc_cstr(want)));
}

/* ---- frames ---- */

static void frames_of_the_specification(void **state)
{
    (void)state;
    static const char hex[] =
        "000001000000002030313233343536373839616263646566303132333435363738396162636465660000"
        "7b226d617856657273696f6e223a322c226d696e56657273696f6e223a302c226d6f64756c654944223a327d0"
        "a";
    bc_wr_t raw = { 0 }, again = { 0 };
    bc_ws_message_t m;
    assert_int_equal(bc_hex_append(bc_cstr(hex), &raw), BC_OK);
    assert_int_equal(bc_ws_message_decode(bc_wr_view(&raw), &m), BC_OK);
    assert_int_equal(m.type, BC_WS_HANDSHAKE);
    is_text(m.seq, "0123456789abcdef0123456789abcdef");
    is_text(m.payload, "{\"maxVersion\":2,\"minVersion\":0,\"moduleID\":2}\n");
    bc_ws_message_encode(&m, &again);
    assert_true(bc_bytes_eq(bc_wr_view(&raw), bc_wr_view(&again)));
    assert_int_equal(bc_ws_message_decode(bc_bytes(raw.p, 9), &m), BC_E_TRUNCATED);
    assert_int_equal(bc_ws_message_decode(bc_bytes(raw.p, 20), &m), BC_E_FORMAT);
    bc_wr_free(&raw);
    bc_wr_free(&again);
}

static void scanner_walks_and_refuses(void **state)
{
    (void)state;
    bc_jscan_t s;
    bc_bytes_t k, v;
    assert_true(
        bc_jscan_open(&s, BC_STR(" { \"a\" : [1,{\"b\":\"]\"}] , \"c\":\"x\\\"y\" } "), true));
    assert_true(bc_jscan_next(&s, &k, &v));
    is_text(k, "a");
    is_text(v, "[1,{\"b\":\"]\"}]");
    assert_true(bc_jscan_next(&s, &k, &v));
    is_text(v, "\"x\\\"y\"");
    assert_false(bc_jscan_plain(v, &k));
    assert_false(bc_jscan_next(&s, &k, &v));
    assert_true(bc_jscan_closed(&s));
    static const char *const bad[] = { "{\"a\"",    "{\"a\":}",      "{\"a\":1,}x",
                                       "{\"a\":[}", "{a:1}",         "{\"a\":1 \"b\":2}",
                                       "{} x",      "{\"a\":\"\n\"}" };
    for (size_t i = 0; i < BC_ARRAY_LEN(bad); i++) {
        assert_true(bc_jscan_open(&s, bc_cstr(bad[i]), true));
        while (bc_jscan_next(&s, &k, &v)) {
        }
        assert_false(bc_jscan_closed(&s));
    }
}

/* ---- sessions ---- */

static bc_ledger_block_t *load_block(node_t *n, int64_t number)
{
    bc_ledger_if l = bc_ledger_as_if(n->ledger);
    bc_ledger_block_t *b;
    assert_int_equal(l.ops->block(l.self, number, BC_WITH_TXS | BC_WITH_RECEIPTS, &b), BC_OK);
    return b;
}

/* A commit as the core announces it; the block must outlive it. */
static bc_committed_t *commit_of(const bc_ledger_block_t *b)
{
    bc_committed_t *c = bc_xcalloc(1, sizeof *c);
    atomic_init(&c->refs, 1);
    c->number = b->header->h.data.number;
    c->header = bc_hdr_ref(b->header);
    c->txs = bc_txs_new(b->tx_cnt);
    c->result = bc_xcalloc(1, sizeof *c->result);
    c->result->receipt_cnt = b->tx_cnt;
    c->result->receipts = b->receipts;
    c->result->receipt_hashes = bc_arena_alloc(&c->result->arena, b->tx_cnt * sizeof(bc_h256_t));
    for (size_t i = 0; i < b->tx_cnt; i++) {
        c->txs->v[i] = bc_tx_ref(b->txs[i]);
        memcpy(c->result->receipt_hashes[i].b, b->receipts[i].data_hash.p, 32);
    }
    return c;
}

static size_t place_of(const bc_ledger_block_t *b, const bc_h256_t *hash)
{
    for (size_t i = 0; i < b->tx_cnt; i++)
        if (bc_h256_eq(&b->tx_hashes[i], hash))
            return i;
    fail();
    return 0;
}

static void handshake(void **state)
{
    (void)state;
    node_t n;
    client_t c;
    if (!node_load(&n, "chain-a", 306))
        skip();
    n.rpc = node_rpc(&n, NULL);
    client_open(&n, &c, false);
    assert_true(say(&c, BC_WS_HANDSHAKE, "s1",
                    BC_STR("{\"maxVersion\":2,\"minVersion\":0,\"moduleID\":2}\n")));
    bc_ws_message_t m = frame(&c, 0);
    assert_int_equal(m.type, BC_WS_HANDSHAKE);
    is_text(m.seq, "s1");
    assert_int_equal(m.payload.p[m.payload.n - 1], '\n');
    cJSON *v = cJSON_ParseWithLength((const char *)m.payload.p, m.payload.n);
    assert_int_equal(cJSON_GetObjectItem(v, "protocolVersion")->valueint, 2);
    cJSON *group = cJSON_GetObjectItem(v, "groupBlockNumber")->child;
    assert_int_equal(cJSON_GetObjectItem(group, "group0")->valueint, 306);
    cJSON *node =
        cJSON_GetObjectItem(cJSON_GetObjectItem(v, "groupInfoList")->child, "nodeList")->child;
    cJSON *ini = cJSON_Parse(cJSON_GetObjectItem(node, "iniConfig")->valuestring);
    assert_true(cJSON_IsFalse(cJSON_GetObjectItem(ini, "isWasm")));
    assert_true(cJSON_IsFalse(cJSON_GetObjectItem(ini, "smCryptoType")));
    cJSON_Delete(ini);
    cJSON_Delete(v);
    /* bad JSON and unknown modules have no answer, no common version ends the session */
    forget(&c);
    assert_true(say(&c, BC_WS_HANDSHAKE, "s2", BC_STR("{")));
    assert_true(say(&c, BC_WS_HANDSHAKE, "s3",
                    BC_STR("{\"maxVersion\":2,\"minVersion\":0,\"moduleID\":4}")));
    assert_false(say(&c, BC_WS_HANDSHAKE, "s4",
                     BC_STR("{\"maxVersion\":9,\"minVersion\":3,\"moduleID\":2}")));
    assert_false(bc_rpc_session_message(c.s, BC_STR("short")));
    assert_int_equal(c.cnt, 0);
    client_close(&c);
    node_free(&n);
}

/* The answer of every captured transaction, from the commit that holds it. */
static void send_transaction(void **state)
{
    (void)state;
    node_t n;
    client_t c;
    if (!node_load(&n, "chain-a", -1))
        skip();
    n.rpc = node_rpc(&n, NULL);
    client_open(&n, &c, false);
    cJSON *steps = load_json("chain-a/steps.json");
    const cJSON *s;
    unsigned seen = 0;
    cJSON_ArrayForEach(s, cJSON_GetObjectItem(steps, "steps"))
    {
        const cJSON *kind = cJSON_GetObjectItem(s, "kind");
        const cJSON *response = cJSON_GetObjectItem(s, "response");
        const cJSON *result = cJSON_GetObjectItem(response, "result");
        if (!cJSON_IsString(kind) || strcmp(kind->valuestring, "bcos-tx") != 0 || !result)
            continue;
        const char *tx = cJSON_GetObjectItem(s, "signedTx")->valuestring;
        size_t max = strlen(tx) + 256;
        char *body = bc_xcalloc(1, max);
        snprintf(body, max,
                 "{\"jsonrpc\":\"2.0\",\"method\":\"sendTransaction\",\"params\":[\"group0\",\"\","
                 "\"%s\",true],\"id\":1}",
                 tx);
        assert_true(say(&c, BC_WS_RPC_REQUEST, "seq", bc_cstr(body)));
        assert_int_equal(c.cnt, 0);
        assert_true(n.submitted && n.submitted->wait);
        bc_node_submit_t *r = n.submitted;
        bc_ledger_block_t *b = load_block(&n, cJSON_GetObjectItem(result, "blockNumber")->valueint);
        r->index = place_of(b, &r->tx->hash);
        r->block = commit_of(b);
        assert_int_equal(bc_tx_recover(r->tx), BC_OK);
        bc_tx_unref(r->tx);
        bc_op_finish(&r->op, BC_OK);
        drain(&n);
        bc_ws_message_t m = frame(&c, 0);
        assert_int_equal(m.type, BC_WS_RPC_REPLY);
        is_text(m.seq, "seq");
        cJSON *have = cJSON_ParseWithLength((const char *)m.payload.p, m.payload.n);
        char *have_text = cJSON_PrintUnformatted(have),
             *want_text = cJSON_PrintUnformatted(response);
        if (strcmp(have_text, want_text) != 0)
            fprintf(stderr, "want %s\nhave %s\n", want_text, have_text);
        assert_string_equal(have_text, want_text);
        free(have_text);
        free(want_text);
        cJSON_Delete(have);
        bc_ledger_block_free(b);
        forget(&c);
        free(body);
        seen++;
    }
    print_message("%u answers equal\n", seen);
    assert_true(seen > 200);
    cJSON_Delete(steps);
    client_close(&c);
    node_free(&n);
}

static void refusals_are_errors(void **state)
{
    (void)state;
    node_t n;
    client_t c;
    if (!node_load(&n, "chain-a", 0))
        skip();
    n.rpc = node_rpc(&n, NULL);
    client_open(&n, &c, false);
    cJSON *steps = load_json("chain-a/steps.json");
    const cJSON *s;
    cJSON_ArrayForEach(s, cJSON_GetObjectItem(steps, "steps"))
    {
        const cJSON *tx = cJSON_GetObjectItem(s, "signedTx");
        const char *kind = cJSON_GetObjectItem(s, "kind")->valuestring;
        const cJSON *error = cJSON_GetObjectItem(cJSON_GetObjectItem(s, "response"), "error");
        if (strcmp(kind, "raw") != 0 || !error)
            continue;
        size_t max = strlen(tx->valuestring) + 256;
        char *body = bc_xcalloc(1, max);
        snprintf(body, max,
                 "{\"jsonrpc\":\"2.0\",\"method\":\"sendTransaction\",\"params\":[\"group0\",\"\","
                 "\"%s\",false],\"id\":1}",
                 tx->valuestring);
        int code = cJSON_GetObjectItem(error, "code")->valueint;
        n.submitted = NULL;
        assert_true(say(&c, BC_WS_RPC_REQUEST, "q", bc_cstr(body)));
        if (code > 0) { /* the pool's answer */
            assert_non_null(n.submitted);
            n.submitted->status = code;
            bc_tx_unref(n.submitted->tx);
            bc_op_finish(&n.submitted->op, BC_OK);
        } else {
            assert_null(n.submitted);
        }
        drain(&n);
        bc_ws_message_t m = frame(&c, 0);
        cJSON *have = cJSON_ParseWithLength((const char *)m.payload.p, m.payload.n);
        const cJSON *e = cJSON_GetObjectItem(have, "error");
        assert_int_equal(cJSON_GetObjectItem(e, "code")->valueint, code);
        if (code > 0)
            assert_string_equal(cJSON_GetObjectItem(e, "message")->valuestring,
                                cJSON_GetObjectItem(error, "message")->valuestring);
        cJSON_Delete(have);
        forget(&c);
        free(body);
    }
    cJSON_Delete(steps);
    client_close(&c);
    node_free(&n);
}

static void commits_are_pushed(void **state)
{
    (void)state;
    node_t n;
    client_t sdk, web3;
    if (!node_load(&n, "chain-a", -1))
        skip();
    n.status.number = 16;
    n.rpc = node_rpc(&n, NULL);
    client_open(&n, &sdk, false);
    client_open(&n, &web3, true);
    /* blocks 7 and 9 have logs of this contract; the walk ends at 17 */
    static const char sub[] = "{\"group\":\"group0\",\"id\":\"e1\",\"params\":{\"addresses\":["
                              "\"0x31ed5233b81c79d5adddeef991f531a9bbc2ad01\"],\"fromBlock\":5,"
                              "\"toBlock\":17,\"topics\":[]}}\n";
    assert_true(say(&sdk, BC_WS_EVENT_SUBSCRIBE, "s", bc_cstr(sub)));
    is_text(frame(&sdk, 0).payload, "{\"id\":\"e1\",\"status\":0}\n");
    drain(&n);
    assert_true(sdk.cnt >= 3);
    for (size_t i = 1; i < sdk.cnt; i++)
        assert_int_equal(frame(&sdk, i).type, BC_WS_EVENT_LOG_PUSH);
    forget(&sdk);
    assert_true(
        bc_rpc_session_message(web3.s, BC_STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_"
                                              "subscribe\",\"params\":[\"newHeads\"]}")));
    assert_true(bc_rpc_session_message(
        web3.s,
        BC_STR("{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"eth_subscribe\",\"params\":[\"logs\",{"
               "\"topics\":[\"0x6031a8d62d7c95988fa262657cd92107d90ed96e08d8f867d32f26edfe855022\"]"
               "}]}")));
    drain(&n);
    assert_int_equal(web3.cnt, 2);
    forget(&web3);

    bc_ledger_block_t *b = load_block(&n, 17);
    bc_committed_t *c = commit_of(b);
    bc_rpc_on_committed(n.rpc, c);
    drain(&n);
    is_text(frame(&sdk, 0).payload,
            "{\n\t\"blockNumber\" : 17,\n\t\"group\" : \"group0\",\n\t\"nodeName\" : \""
            "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
            "000000000000000000000000000000000000000000\"\n}\n");
    assert_int_equal(frame(&sdk, 0).type, BC_WS_BLOCK_NOTIFY);
    assert_int_equal(sdk.cnt, 3); /* notice, logs, end */
    is_text(frame(&sdk, 2).payload, "{\"id\":\"e1\",\"status\":1}\n");
    cJSON *logs =
        cJSON_ParseWithLength((const char *)frame(&sdk, 1).payload.p, frame(&sdk, 1).payload.n);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(logs, "result")), 4);
    cJSON_Delete(logs);
    assert_int_equal(web3.cnt, 2);
    for (size_t i = 0; i < 2; i++) {
        bc_bytes_t text = bc_buf_view(web3.frames[i]);
        cJSON *v = cJSON_ParseWithLength((const char *)text.p, text.n);
        cJSON *result = cJSON_GetObjectItem(cJSON_GetObjectItem(v, "params"), "result");
        assert_string_equal(cJSON_GetObjectItem(v, "method")->valuestring, "eth_subscription");
        assert_non_null(cJSON_GetObjectItem(result, "logIndex")
                            ? result
                            : cJSON_GetObjectItem(result, "number"));
        cJSON_Delete(v);
    }
    /* a second end of the same task is not sent */
    forget(&sdk);
    assert_true(
        say(&sdk, BC_WS_EVENT_UNSUBSCRIBE, "u", BC_STR("{\"id\":\"e1\",\"group\":\"group0\"}")));
    assert_int_equal(sdk.cnt, 1);
    client_close(&sdk);
    client_close(&web3);
    bc_committed_unref(c);
    bc_rpc_free(n.rpc); /* holds the commit, and that the block */
    n.rpc = NULL;
    bc_ledger_block_free(b);
    node_free(&n);
}

static void amop_between_sessions(void **state)
{
    (void)state;
    node_t n;
    client_t a, b;
    if (!node_load(&n, "chain-a", 0))
        skip();
    n.rpc = node_rpc(&n, NULL);
    client_open(&n, &a, false);
    client_open(&n, &b, false);
    bc_bytes_t ask_topic = BC_STR("\0\0\0\0\0\5topicdata");
    assert_true(say(&a, BC_WS_AMOP_REQUEST, "r1", ask_topic));
    assert_int_equal(frame(&a, 0).status, 3001);
    assert_int_equal(frame(&a, 0).type, 0);
    is_text(frame(&a, 0).payload, "there has no node subscribe this topic, topic: topic");
    forget(&a);
    assert_true(say(&b, BC_WS_AMOP_SUBTOPIC, "t", BC_STR("{\"topics\":[\"topic\"]}")));
    assert_true(say(&a, BC_WS_AMOP_REQUEST, "r2", ask_topic));
    bc_ws_message_t m = frame(&b, 0);
    assert_int_equal(m.type, BC_WS_AMOP_REQUEST);
    assert_int_equal(m.seq.n, 32);
    assert_true(bc_bytes_eq(m.payload, ask_topic));
    char seq[33] = { 0 };
    memcpy(seq, m.seq.p, 32);
    assert_true(say(&b, BC_WS_AMOP_RESPONSE, seq, BC_STR("echo")));
    m = frame(&a, 0);
    assert_int_equal(m.type, BC_WS_AMOP_RESPONSE);
    is_text(m.seq, "r2");
    is_text(m.payload, "echo");
    forget(&a);
    assert_true(say(&b, BC_WS_AMOP_RESPONSE, seq, BC_STR("again"))); /* nobody waits any more */
    assert_true(say(&a, BC_WS_AMOP_BROADCAST, "x", ask_topic));
    assert_int_equal(a.cnt, 0);
    assert_int_equal(frame(&b, 1).type, BC_WS_AMOP_BROADCAST);
    /* no answer in time */
    assert_true(say(&a, BC_WS_AMOP_REQUEST, "r3", ask_topic));
    bc_rpc_tick(n.rpc, 31000);
    assert_int_equal(frame(&a, 0).status, 3003);
    client_close(&a);
    client_close(&b);
    node_free(&n);
}

/* Filters are found by one port only and expire. */
static void filters_expire_unused(void **state)
{
    (void)state;
    node_t n;
    if (!node_load(&n, "chain-a", 0))
        skip();
    n.rpc = node_rpc(&n, NULL);
    bc_rpc_tick(n.rpc, 1000);
    char *text = ask(&n, true, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_newBlockFilter\"}"),
         body[256];
    cJSON *v = cJSON_Parse(text);
    snprintf(
        body, sizeof body,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_getFilterChanges\",\"params\":[\"%s\"]}",
        cJSON_GetObjectItem(v, "result")->valuestring);
    free(text);
    cJSON_Delete(v);
    bc_rpc_tick(n.rpc, 300000);
    text = ask(&n, true, body);
    assert_string_equal(text, "{\"id\":1,\"jsonrpc\":\"2.0\",\"result\":[]}");
    free(text);
    bc_rpc_tick(n.rpc, 600001);
    text = ask(&n, true, body);
    assert_string_equal(text, "{\"error\":{\"code\":-32000,\"message\":\"filter not "
                              "found\"},\"id\":1,\"jsonrpc\":\"2.0\"}");
    free(text);
    node_free(&n);
}

/* What is bounded says so. */
static void limits_are_errors(void **state)
{
    (void)state;
    node_t n;
    if (!node_load(&n, "chain-a", 0))
        skip();
    cJSON *steps = load_json("chain-a/steps.json");
    const cJSON *step = cJSON_GetObjectItem(steps, "steps")->child;
    bc_rpc_config_t c = {
        .chain = &n.chain, .loop = &n.loop, .in_flight_max = 1, .filters_max = 1
    };
    n.rpc = bc_rpc_new(&c, (bc_node_if){ &node_ops, &n }, (bc_gateway_if){ 0 });
    static const char filter[] =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"newBlockFilter\",\"params\":[\"group0\"]}";
    free(ask(&n, false, filter));
    char *text = ask(&n, false, filter);
    assert_non_null(strstr(text, "\"code\":-32000,\"message\":\"too many filters\""));
    free(text);
    const char *tx = cJSON_GetObjectItem(step, "signedTx")->valuestring;
    size_t max = strlen(tx) + 256;
    char *body = bc_xcalloc(1, max);
    snprintf(body, max,
             "{\"jsonrpc\":\"2.0\",\"method\":\"sendTransaction\",\"params\":[\"group0\",\"\",\"%"
             "s\",false],\"id\":1}",
             tx);
    reply_t first = { 0 };
    bc_rpc_sdk_handle(n.rpc, bc_cstr(body), (bc_bytes_t){ 0 }, reply_keep, &first);
    assert_int_equal(first.cnt, 0);
    text = ask(&n, false, body);
    assert_non_null(strstr(text, "\"message\":\"too many requests in flight\""));
    free(text);
    n.submitted->status = BC_TXS_POOL_TIMEOUT; /* an expired transaction is a result */
    bc_tx_unref(n.submitted->tx);
    bc_op_finish(&n.submitted->op, BC_OK);
    drain(&n);
    assert_int_equal(first.cnt, 1);
    assert_non_null(memmem(first.text.p, first.text.n, "\"status\":10010", 14));
    assert_non_null(memmem(first.text.p, first.text.n, "\"hash\":\"0x\"", 11));
    bc_wr_free(&first.text);
    free(body);
    cJSON_Delete(steps);
    node_free(&n);
}

/* ---- the service on loopback ---- */

typedef struct {
    bc_conn_t *c;
    bool open, closed;
    bc_wr_t got;
} dial_t;

static void dial_open(bc_conn_t *c, void *ctx)
{
    (void)c;
    ((dial_t *)ctx)->open = true;
}
static void dial_data(bc_conn_t *c, bc_bytes_t data, void *ctx)
{
    (void)c;
    bc_wr_put(&((dial_t *)ctx)->got, data);
}
static void dial_close(bc_conn_t *c, bc_err_t why, void *ctx)
{
    (void)c, (void)why;
    ((dial_t *)ctx)->closed = true;
}

static void ports_answer(void **state)
{
    (void)state;
    static const bc_conn_handler_t h = { .on_open = dial_open,
                                         .on_data = dial_data,
                                         .on_close = dial_close };
    node_t n;
    if (!node_load(&n, "chain-a", 0))
        skip();
    bc_uv_loop_t *l = bc_uv_loop_new("rpc");
    bc_rpc_service_t *s;
    bc_rpc_service_config_t c = { .rpc = { .chain = &n.chain, .filter_timeout = 300 },
                                  .listen_ip = "127.0.0.1",
                                  .web3_enable = true,
                                  .web3_listen_ip = "127.0.0.1",
                                  .web3_cors = bc_rpc_cors_default() };
    assert_int_equal(
        bc_rpc_service_new(l, &c, (bc_node_if){ &node_ops, &n }, (bc_gateway_if){ 0 }, &s), BC_OK);
    static const struct {
        bool web3;
        const char *body, *answer;
    } rows[] = {
        { false, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"getGroupList\",\"params\":[]}",
          "{\"id\":1,\"jsonrpc\":\"2.0\",\"result\":{\"code\":0,\"groupList\":[\"group0\"],\"msg\":"
          "\"success\"}}" },
        { false,
          "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"getBlockHashByNumber\",\"params\":[\"\",\"\","
          "9]}",
          "{\"id\":1,\"jsonrpc\":\"2.0\",\"result\":"
          "\"0x0000000000000000000000000000000000000000000000000000000000000000\"}" },
        { true, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_chainId\"}",
          "{\"id\":1,\"jsonrpc\":\"2.0\",\"result\":\"0x4ee8\"}" },
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(rows); i++) {
        dial_t d = { 0 };
        char req[512];
        uint16_t port = rows[i].web3 ? bc_rpc_service_web3_port(s) : bc_rpc_service_port(s);
        d.c = bc_conn_connect(l, "127.0.0.1", port, NULL, NULL, &h, &d);
        for (int k = 0; !d.open && k < 500; k++)
            bc_uv_loop_poll(l, 10);
        int len =
            snprintf(req, sizeof req, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s",
                     strlen(rows[i].body), rows[i].body);
        assert_int_equal(bc_conn_write(d.c, bc_bytes(req, (size_t)len)), BC_OK);
        /* reads end on the loop that the service gave, which is this one */
        for (int k = 0; k < 500 && !(d.got.n && memmem(d.got.p, d.got.n, rows[i].answer,
                                                       strlen(rows[i].answer)));
             k++)
            bc_uv_loop_poll(l, 10);
        assert_non_null(memmem(d.got.p, d.got.n, rows[i].answer, strlen(rows[i].answer)));
        assert_non_null(memmem(d.got.p, d.got.n, "Access-Control-Allow-Origin: *", 30));
        bc_conn_close(d.c, false);
        for (int k = 0; !d.closed && k < 500; k++)
            bc_uv_loop_poll(l, 10);
        bc_wr_free(&d.got);
    }
    bc_rpc_service_free(s);
    bc_uv_loop_free(l);
    node_free(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_the_specification),
        cmocka_unit_test(scanner_walks_and_refuses),
        cmocka_unit_test(handshake),
        cmocka_unit_test(send_transaction),
        cmocka_unit_test(refusals_are_errors),
        cmocka_unit_test(commits_are_pushed),
        cmocka_unit_test(amop_between_sessions),
        cmocka_unit_test(filters_expire_unused),
        cmocka_unit_test(limits_are_errors),
        cmocka_unit_test(ports_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
