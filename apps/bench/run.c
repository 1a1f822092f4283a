/* The run: connect, deploy, give every account its balance, sign, send, wait. */
#include <stdlib.h>
#include "bench/bench.h"
#include "bench/contract_code.h"
#include "codec/hex.h"
#include "codec/json.h"

enum { SILENCE_US = 60 * 1000000, POLL_MS = 50 };

typedef struct {
    bc_client_t *client;
    size_t in_flight;
    bool open, closed;
} link_t;

typedef struct run {
    bench_t *b;
    bc_uv_loop_t *loop;
    bc_tls_t *tls;
    link_t links[BENCH_CONNS_MAX];
    size_t link_cnt;
    bench_req_t *reqs;
    size_t cnt, next, done, unanswered_at;
    int64_t start_us, last_us, printed_us;
    /* single question and answer */
    uint64_t asked;
    cJSON *answer;
    bool got;
    /* Web3: blocks that were looked at */
    int64_t seen_block;
    bc_map_t by_hash;
} run_t;

#define QUESTION (UINT64_C(1) << 40) /* ids of questions; requests of the load are below */

static bc_bytes_t req_key(const void *item)
{
    return BC_VIEW(((const bench_req_t *)item)->hash);
}

static void finish(run_t *r, bench_req_t *q, int32_t status)
{
    if (q->done_us)
        return;
    q->done_us = r->last_us = now_us();
    q->status = status;
    r->done++;
}

/* Only the status is wanted: the text is scanned, not parsed, so that the load generator takes as
 * little of the machine as possible. */
static int32_t status_of(bc_bytes_t json)
{
    const char *at = memmem(json.p, json.n, "\"status\":", 9);
    if (!at || memmem(json.p, BC_MIN(json.n, (size_t)32), "\"error\"", 7))
        return -1;
    return (int32_t)strtol(at + 9, NULL, 10);
}

static void on_reply(void *ctx, bc_client_t *c, uint64_t id, bool ok, bc_bytes_t json)
{
    run_t *r = ctx;
    if (id >= QUESTION) {
        if (id == r->asked) {
            cJSON_Delete(r->answer);
            r->answer = ok ? bc_json_parse(json, 64, NULL) : NULL;
            r->got = true;
        }
        return;
    }
    for (size_t i = 0; i < r->link_cnt; i++)
        if (r->links[i].client == c)
            r->links[i].in_flight--;
    if (id >= r->cnt)
        return;
    bench_req_t *q = &r->reqs[id];
    if (r->b->over != OVER_WEB3)
        finish(r, q, ok ? status_of(json) : -1);
    else if (!ok || memmem(json.p, json.n, "\"error\"", 7))
        finish(r, q, -1); /* else: accepted, found in a block later */
}

static void on_open(void *ctx, bc_client_t *c)
{
    run_t *r = ctx;
    for (size_t i = 0; i < r->link_cnt; i++)
        if (r->links[i].client == c)
            r->links[i].open = true;
}

static void on_close(void *ctx, bc_client_t *c, bc_err_t why)
{
    run_t *r = ctx;
    (void)why;
    for (size_t i = 0; i < r->link_cnt; i++)
        if (r->links[i].client == c)
            r->links[i] = (link_t){ .closed = true };
}

static bool connect_all(run_t *r)
{
    bench_t *b = r->b;
    size_t targets = b->only ? BC_MIN(b->only, b->node_cnt) : b->node_cnt;
    if (b->over != OVER_WEB3 && b->nodes[0].ssl) {
        char sdk[4100];
        snprintf(sdk, sizeof sdk, "%s/sdk", b->dir);
        if (bc_client_sdk_tls(sdk, b->nodes[0].sm, &r->tls)) {
            fprintf(stderr, "bench: the client certificate in %s cannot be used\n", sdk);
            return false;
        }
    }
    for (size_t i = 0; i < b->conns; i++) {
        bench_node_t *n = &b->nodes[i % targets];
        bc_client_config_t c = { .loop = r->loop,
                                 .host = n->host,
                                 .port = b->over == OVER_WEB3 ? n->web3_port : n->rpc_port,
                                 .tls = r->tls,
                                 .kind = b->over == OVER_WS ? BC_CLIENT_SDK_WS : BC_CLIENT_HTTP,
                                 .on_open = on_open,
                                 .on_reply = on_reply,
                                 .on_close = on_close,
                                 .ctx = r };
        r->links[r->link_cnt].client = bc_client_open(&c);
        r->link_cnt++;
    }
    int64_t end = now_us() + 10 * 1000000;
    for (size_t open = 0; open < r->link_cnt;) {
        bc_uv_loop_poll(r->loop, 50);
        open = 0;
        for (size_t i = 0; i < r->link_cnt; i++) {
            open += r->links[i].open;
            if (r->links[i].closed || now_us() > end) {
                const bench_node_t *n = &b->nodes[i % targets];
                fprintf(stderr, "bench: no connection to %s:%u; is the chain running?\n", n->host,
                        b->over == OVER_WEB3 ? n->web3_port : n->rpc_port);
                return false;
            }
        }
    }
    return true;
}

/* Asks the first connection and waits. The answer belongs to the run. */
static const cJSON *ask(run_t *r, const char *method, const char *params)
{
    char text[512];
    r->asked = r->asked ? r->asked + 1 : QUESTION;
    r->got = false;
    snprintf(text, sizeof text, "{\"id\":%lu,\"jsonrpc\":\"2.0\",\"method\":\"%s\",\"params\":[%s]}",
             (unsigned long)r->asked, method, params);
    int64_t end = now_us() + 20 * 1000000;
    if (!r->links[0].client || bc_client_send(r->links[0].client, r->asked, bc_cstr(text)))
        return NULL;
    while (!r->got && now_us() < end)
        bc_uv_loop_poll(r->loop, 20);
    return r->got && r->answer ? cJSON_GetObjectItem(r->answer, "result") : NULL;
}

static int64_t height(run_t *r)
{
    char params[200];
    snprintf(params, sizeof params, "\"%s\",\"\"", r->b->chain.group_id);
    const cJSON *v = r->b->over == OVER_WEB3 ? ask(r, "eth_blockNumber", "")
                                             : ask(r, "getBlockNumber", params);
    if (cJSON_IsString(v))
        return (int64_t)strtoull(v->valuestring, NULL, 16);
    return cJSON_IsNumber(v) ? (int64_t)v->valuedouble : -1;
}

/* ---- the load ---- */

/* Web3 answers at acceptance; the receipt is there when the block is. */
static void poll_blocks(run_t *r)
{
    int64_t top = height(r);
    while (r->seen_block < top) {
        char params[64];
        snprintf(params, sizeof params, "\"0x%lx\",false", (unsigned long)++r->seen_block);
        const cJSON *block = ask(r, "eth_getBlockByNumber", params), *tx;
        cJSON_ArrayForEach(tx, cJSON_GetObjectItem(block, "transactions"))
        {
            bc_h256_t h;
            if (cJSON_IsString(tx) && !bc_hex_fixed(bc_hex_strip0x(bc_cstr(tx->valuestring)), h.b, 32)) {
                bench_req_t *q = bc_map_find(&r->by_hash, BC_VIEW(h));
                if (q)
                    finish(r, q, 0);
            }
        }
    }
}

static bool send_one(run_t *r, link_t *l)
{
    bench_req_t *q = &r->reqs[r->next];
    if (bc_client_send(l->client, r->next, bc_bytes(q->json, q->n)))
        return false;
    q->sent_us = now_us();
    free(q->json);
    q->json = NULL;
    l->in_flight++;
    r->next++;
    return true;
}

static void send_some(run_t *r)
{
    bench_t *b = r->b;
    int64_t passed = now_us() - r->start_us;
    size_t due = b->rate ? (size_t)((double)passed * (double)b->rate / 1e6) : r->cnt;
    size_t window = b->over == OVER_WS ? BC_MAX(1, b->window / r->link_cnt)
                                       : BC_CLIENT_HTTP_INFLIGHT_MAX;
    for (bool any = true; any && r->next < BC_MIN(due, r->cnt);) {
        any = false;
        for (size_t i = 0; i < r->link_cnt && r->next < BC_MIN(due, r->cnt); i++) {
            /* one account's Web3 nonces must arrive in order: it keeps to one connection */
            link_t *l = b->over == OVER_WEB3
                            ? &r->links[r->next % b->accounts % r->link_cnt]
                            : &r->links[i];
            if (l->client && l->in_flight < window && send_one(r, l))
                any = true;
        }
    }
}

static void progress(run_t *r, const char *what)
{
    int64_t t = now_us();
    if (r->b->quiet || t - r->printed_us < 1000000)
        return;
    r->printed_us = t;
    fprintf(stderr, "\r%s: sent %zu, answered %zu of %zu (%.0f/s)   ", what, r->next, r->done,
            r->cnt, (double)r->done * 1e6 / (double)BC_MAX(t - r->start_us, 1));
}

/* Sends r->reqs and waits for all answers, or for a minute of silence. */
static bool drive(run_t *r, const char *what)
{
    r->next = r->done = 0;
    r->start_us = r->last_us = now_us();
    int64_t polled = 0;
    while (r->done < r->cnt && now_us() - r->last_us < SILENCE_US) {
        send_some(r);
        bc_uv_loop_poll(r->loop, r->b->rate ? 1 : 20);
        if (r->b->over == OVER_WEB3 && now_us() - polled > POLL_MS * 1000) {
            polled = now_us();
            poll_blocks(r);
        }
        progress(r, what);
        bool alive = false;
        for (size_t i = 0; i < r->link_cnt; i++)
            alive |= r->links[i].client != NULL;
        if (!alive)
            break;
    }
    if (!r->b->quiet)
        fprintf(stderr, "\r%70s\r", "");
    return r->done == r->cnt;
}

static void reqs_free(run_t *r)
{
    for (size_t i = 0; i < r->cnt; i++)
        free(r->reqs[i].json);
    free(r->reqs);
    r->reqs = NULL;
    r->cnt = 0;
    bc_map_clear(&r->by_hash);
}

static bool reqs_new(run_t *r, size_t cnt)
{
    r->reqs = bc_xcalloc(cnt, sizeof *r->reqs);
    r->cnt = cnt;
    return true;
}

static bool hash_all(run_t *r)
{
    for (size_t i = 0; i < r->cnt && r->b->over == OVER_WEB3; i++)
        if (bc_map_insert(&r->by_hash, &r->reqs[i]))
            return false;
    return true;
}

/* ---- preparation ---- */

static bool find_contract(run_t *r, const bench_req_t *q)
{
    char hash[67] = "0x", params[300];
    bc_hex_put(BC_VIEW(q->hash), hash + 2);
    if (r->b->over == OVER_WEB3)
        snprintf(params, sizeof params, "\"%s\"", hash);
    else
        snprintf(params, sizeof params, "\"%s\",\"\",\"%s\",false", r->b->chain.group_id, hash);
    const cJSON *receipt = ask(r, r->b->over == OVER_WEB3 ? "eth_getTransactionReceipt"
                                                          : "getTransactionReceipt", params);
    const cJSON *addr = cJSON_GetObjectItem(receipt, "contractAddress");
    bc_bytes_t text = bc_hex_strip0x(bc_cstr(cJSON_IsString(addr) ? addr->valuestring : ""));
    uint8_t raw[20];
    if (bc_hex_fixed(text, raw, 20))
        return false;
    bc_hex_put(bc_bytes(raw, 20), r->b->contract);
    return true;
}

static bool prepare(run_t *r, uint64_t *nonces)
{
    bench_t *b = r->b;
    int64_t limit = height(r) + b->chain.block_limit;
    if (limit < (int64_t)b->chain.block_limit)
        return false;
    r->seen_block = limit - b->chain.block_limit;
    reqs_new(r, 1);
    if (!request_make(b, 0, nonces[0]++, "", bench_code(), limit, 0, &r->reqs[0]) || !hash_all(r) ||
        !drive(r, "deploying") || !find_contract(r, &r->reqs[0])) {
        fprintf(stderr, "bench: the contract could not be deployed\n");
        return false;
    }
    reqs_free(r);
    if (b->work != WORK_TRANSFER)
        return true;
    reqs_new(r, b->accounts);
    for (size_t i = 0; i < b->accounts; i++) {
        bc_wr_t in = { 0 };
        input_mint(b, i, &in);
        bool ok = request_make(b, i, b->over == OVER_WEB3 ? nonces[i]++ : ++nonces[0] + 1, b->contract,
                               bc_wr_view(&in), limit, i, &r->reqs[i]);
        bc_wr_free(&in);
        if (!ok)
            return false;
    }
    bool ok = hash_all(r) && drive(r, "giving balances");
    for (size_t i = 0; ok && i < r->cnt; i++)
        ok = r->reqs[i].status == 0;
    reqs_free(r);
    if (!ok)
        fprintf(stderr, "bench: the accounts could not be given a balance\n");
    return ok;
}

static bool sign_all(run_t *r, uint64_t *nonces)
{
    bench_t *b = r->b;
    int64_t limit = height(r) + b->chain.block_limit;
    reqs_new(r, b->count);
    for (size_t i = 0; i < b->count; i++) {
        bc_wr_t in = { 0 };
        size_t account = i % b->accounts;
        uint64_t nonce = b->over == OVER_WEB3 ? nonces[account]++ : 1000000 + i;
        char to[41];
        input_make(b, i, &in);
        bc_hex_put(BC_VIEW(b->addrs[(i + 1) % b->accounts]), to);
        to[40] = 0;
        bool ok = request_make(b, account, nonce, b->work == WORK_NATIVE ? to : b->contract,
                               bc_wr_view(&in), limit, i, &r->reqs[i]);
        bc_wr_free(&in);
        if (!ok)
            return false;
        if (!b->quiet && i % 10000 == 9999)
            fprintf(stderr, "\rsigned %zu of %zu", i + 1, b->count);
    }
    if (!b->quiet)
        fprintf(stderr, "\r%40s\r", "");
    return hash_all(r);
}

/* ---- result ---- */

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void summarize(run_t *r, bench_result_t *out)
{
    int64_t *lat = bc_xcalloc(r->cnt, sizeof *lat);
    size_t n = 0;
    *out = (bench_result_t){ .sent = r->next };
    for (size_t i = 0; i < r->cnt; i++) {
        const bench_req_t *q = &r->reqs[i];
        if (!q->sent_us)
            continue;
        if (!q->done_us) {
            out->never++;
        } else if (q->status == 0) {
            out->committed++;
            lat[n++] = q->done_us - q->sent_us;
        } else if (q->status > 0) {
            if (!out->failed++)
                out->failed_status = q->status;
        } else {
            out->refused++;
        }
    }
    out->seconds = (double)(r->last_us - r->start_us) / 1e6;
    out->tps = out->seconds > 0 ? (double)out->committed / out->seconds : 0;
    qsort(lat, n, sizeof *lat, by_value);
    if (n) {
        out->p50_us = lat[n / 2];
        out->p90_us = lat[n * 9 / 10];
        out->p99_us = lat[n * 99 / 100];
        out->max_us = lat[n - 1];
    }
    free(lat);
}

static void close_all(run_t *r)
{
    for (size_t i = 0; i < r->link_cnt; i++)
        if (r->links[i].client)
            bc_client_close(r->links[i].client);
    for (int i = 0; i < 20; i++)
        bc_uv_loop_poll(r->loop, 10);
    bc_uv_loop_free(r->loop);
    bc_tls_unref(r->tls);
    cJSON_Delete(r->answer);
    reqs_free(r);
    bc_map_free(&r->by_hash);
}

bool bench_run(bench_t *b, bench_result_t *out)
{
    run_t *r = bc_xcalloc(1, sizeof *r);
    r->b = b;
    r->loop = bc_uv_loop_new("bench");
    bc_map_init(&r->by_hash, req_key);
    uint64_t *nonces = bc_xcalloc(b->accounts, sizeof *nonces);
    bool ok = connect_all(r) && prepare(r, nonces) && sign_all(r, nonces);
    if (ok) {
        int64_t first = height(r);
        nodes_measure(b, 0);
        drive(r, "load");
        summarize(r, out);
        out->blocks = height(r) - first;
        /* followers may be a block behind the node that answered */
        for (int i = 0; i < 20; i++)
            bc_uv_loop_poll(r->loop, 50);
        nodes_measure(b, 1);
    }
    close_all(r);
    free(nonces);
    free(r);
    return ok;
}
