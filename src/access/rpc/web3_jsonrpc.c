/* Envelope and batches of the Web3 port: JSON-RPC 2.0 as Ethereum clients expect it. */
#include <math.h>
#include <stdlib.h>

#include "access/rpc/call.h"
#include "access/rpc/json_scan.h"

enum { JSON_DEPTH_MAX = 64 };

/* A batch: answers go out as one array, in the order of the questions. */
typedef struct {
    bc_rpc_reply_fn reply;
    void *ctx;
    size_t cnt, left;
    struct part {
        void *batch;
        bc_buf_t *answer;
    } parts[];
} batch_t;

static void batch_end(batch_t *b)
{
    bc_wr_t w = { 0 };
    bc_wr_u8(&w, '[');
    for (size_t i = 0; i < b->cnt; i++) {
        if (i)
            bc_wr_u8(&w, ',');
        bc_wr_put(&w, bc_buf_view(b->parts[i].answer));
        bc_buf_unref(b->parts[i].answer);
    }
    bc_wr_u8(&w, ']');
    b->reply(b->ctx, w.err ? BC_STR("{\"error\":{\"code\":-32603,\"message\":\"out of memory\"},"
                                    "\"id\":null,\"jsonrpc\":\"2.0\"}")
                           : bc_wr_view(&w));
    bc_wr_free(&w);
    free(b);
}

static void part_done(void *ctx, bc_bytes_t answer)
{
    struct part *p = ctx;
    batch_t *b = p->batch;
    p->answer = bc_buf_copy(answer);
    if (!--b->left)
        batch_end(b);
}

/* The id as a JSON token: string, number or null. Numbers keep their text when it is an integer. */
static bool id_token(call_t *c, const cJSON *id, bc_bytes_t raw)
{
    if (cJSON_IsNull(id))
        return true;
    if (cJSON_IsString(id)) {
        bc_wr_t w = { .max = 1 << 20 };
        bc_jw_t j = bc_jw(&w);
        bc_jw_str(&j, bc_cstr(id->valuestring));
        c->id = bc_arena_copy(&c->arena, bc_wr_view(&w), NULL);
        bc_wr_free(&w);
        return c->id.n > 0;
    }
    if (!cJSON_IsNumber(id) || !isfinite(id->valuedouble))
        return false;
    bool plain = raw.n > 0 && raw.n < 40;
    for (size_t i = 0; plain && i < raw.n; i++)
        plain = (raw.p[i] >= '0' && raw.p[i] <= '9') || (i == 0 && raw.p[i] == '-');
    if (plain)
        c->id = bc_arena_copy(&c->arena, raw, NULL);
    else
        c->id = bc_cstr(bc_arena_printf(&c->arena, "%.17g", id->valuedouble));
    return true;
}

static void parse_request(call_t *c, cJSON *o, bc_bytes_t raw)
{
    static const char required[] =
        "Request not valid, required fields: jsonrpc, method, params, id";
    bc_jscan_t s;
    bc_bytes_t key, value, raw_id = { 0 };
    if (bc_jscan_open(&s, raw, true))
        while (bc_jscan_next(&s, &key, &value))
            if (bc_bytes_eq(key, BC_STR("id")))
                raw_id = value;
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(o, "id");
    const cJSON *method = cJSON_GetObjectItemCaseSensitive(o, "method");
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(o, "jsonrpc");
    cJSON *params = cJSON_GetObjectItemCaseSensitive(o, "params");
    if (!cJSON_IsObject(o) || !id || !method || !version) {
        call_fail(c, RPC_INVALID, required);
        return;
    }
    if (!id_token(c, id, raw_id))
        call_fail(c, RPC_INVALID, "Invalid field: id");
    else if (!cJSON_IsString(version) || strcmp(version->valuestring, "2.0") != 0)
        call_fail(c, RPC_INVALID, "Invalid field: jsonrpc");
    else if (!cJSON_IsString(method))
        call_fail(c, RPC_INVALID, "Invalid field: method");
    else if (params && !cJSON_IsArray(params) && !cJSON_IsNull(params))
        call_fail(c, RPC_INVALID, "Invalid field: params");
    if (c->failed)
        return;
    c->params = cJSON_IsArray(params) ? params : NULL;
    c->m = web3_method(bc_cstr(method->valuestring));
    if (!c->m)
        call_fail(c, RPC_NO_METHOD, "the method %.64s does not exist/is not available",
                  method->valuestring);
}

static call_t *web3_call_new(bc_rpc_t *rpc, bc_rpc_session_t *session, bc_rpc_reply_fn reply,
                             void *ctx)
{
    call_t *c = call_new(rpc, true, (bc_bytes_t){ 0 }, reply, ctx);
    c->id = BC_STR("null");
    c->jsonrpc = BC_STR("\"2.0\"");
    c->session = session;
    if (session)
        session->refs++;
    return c;
}

static void run_batch(bc_rpc_t *rpc, cJSON *root, bc_bytes_t body, bc_rpc_session_t *session,
                      bc_rpc_reply_fn reply, void *ctx)
{
    size_t n = (size_t)cJSON_GetArraySize(root), i = 0;
    uint32_t max = rpc->config.batch_request_size_limit;
    bc_jscan_t s;
    bc_bytes_t key, raw = { 0 };
    if (n == 0 || n > max) {
        call_t *c = web3_call_new(rpc, session, reply, ctx);
        if (n)
            call_fail(c, RPC_INVALID, "The requested array size exceeds the limit size: %u", max);
        else
            call_fail(c, RPC_INVALID, "The request array is empty");
        c->root = root;
        call_finish(c);
        return;
    }
    batch_t *b = bc_xcalloc(1, sizeof *b + n * sizeof b->parts[0]);
    b->reply = reply;
    b->ctx = ctx;
    b->cnt = b->left = n;
    bool open = bc_jscan_open(&s, body, false);
    for (i = 0; i < n; i++) {
        cJSON *o = cJSON_DetachItemFromArray(root, 0);
        if (!open || !bc_jscan_next(&s, &key, &raw))
            raw = (bc_bytes_t){ 0 };
        b->parts[i].batch = b;
        call_t *c = web3_call_new(rpc, session, part_done, &b->parts[i]);
        c->root = o;
        parse_request(c, o, raw);
        if (c->failed)
            call_finish(c);
        else
            call_run(c);
    }
    cJSON_Delete(root);
}

void bc_rpc_web3_handle(bc_rpc_t *rpc, bc_bytes_t body, bc_rpc_session_t *session,
                        bc_rpc_reply_fn reply, void *ctx)
{
    cJSON *root = bc_json_parse(body, JSON_DEPTH_MAX, NULL);
    if (cJSON_IsArray(root)) {
        run_batch(rpc, root, body, session, reply, ctx);
        return;
    }
    call_t *c = web3_call_new(rpc, session, reply, ctx);
    c->root = root;
    if (!root)
        call_fail(c, RPC_PARSE, "Parse json failed");
    else
        parse_request(c, root, body);
    if (c->failed)
        call_finish(c);
    else
        call_run(c);
}
