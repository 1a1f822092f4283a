/* Envelope of the SDK port (spec/20 §1.4) and the short way of sendTransaction. */
#include "access/rpc/call.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "access/rpc/json_scan.h"

enum { JSON_DEPTH_MAX = 64 };

typedef struct {
    bc_bytes_t jsonrpc, method, id, params;
    bool ok;
} envelope_t;

/* Finds the members of a request without building a tree. Later duplicates win, as in jsoncpp. */
static envelope_t scan_envelope(bc_bytes_t body)
{
    envelope_t e = { 0 };
    bc_jscan_t s;
    bc_bytes_t key, value;
    if (!bc_jscan_open(&s, body, true))
        return e;
    while (bc_jscan_next(&s, &key, &value)) {
        if (bc_bytes_eq(key, BC_STR("jsonrpc")))
            e.jsonrpc = value;
        else if (bc_bytes_eq(key, BC_STR("method")))
            e.method = value;
        else if (bc_bytes_eq(key, BC_STR("id")))
            e.id = value;
        else if (bc_bytes_eq(key, BC_STR("params")))
            e.params = value;
    }
    e.ok = bc_jscan_closed(&s);
    return e;
}

static bool plain_integer(bc_bytes_t v)
{
    size_t i = v.n && v.p[0] == '-';
    if (v.n == i || v.n - i > 18)
        return false;
    if (v.p[i] == '0' && (i || v.n > 1))
        return false;
    for (; i < v.n; i++)
        if (v.p[i] < '0' || v.p[i] > '9')
            return false;
    return true;
}

/* The hot path: {"jsonrpc":"..","method":"sendTransaction","params":[g,n,hex,proof],"id":int} with
 * plain strings. Anything else takes the general way. */
static bool try_send_transaction(call_t *c, const envelope_t *e)
{
    bc_bytes_t method, version, key, items[4], group, node, hex;
    bc_jscan_t s;
    size_t n = 0;
    bool proof = false;
    if (!e->ok || !bc_jscan_plain(e->method, &method) ||
        !bc_bytes_eq(method, BC_STR("sendTransaction")) || !bc_jscan_plain(e->jsonrpc, &version) ||
        version.n > 16 || (e->id.p && !plain_integer(e->id)) ||
        !bc_jscan_open(&s, e->params, false))
        return false;
    while (n < 4 && bc_jscan_next(&s, &key, &items[n]))
        n++;
    if (n == 4 && bc_jscan_next(&s, &key, &key))
        return false;
    if (n < 3 || s.bad || !bc_jscan_plain(items[0], &group) || !bc_jscan_plain(items[1], &node) ||
        !bc_jscan_plain(items[2], &hex))
        return false;
    if (n == 4 && bc_bytes_eq(items[3], BC_STR("true")))
        proof = true;
    else if (n == 4 && !bc_bytes_eq(items[3], BC_STR("false")) &&
             !bc_bytes_eq(items[3], BC_STR("0")))
        return false;
    if (!rpc_group_known(c->rpc, group) || c->rpc->in_flight > c->rpc->config.in_flight_max)
        return false; /* the general way words the error */
    c->jsonrpc = bc_arena_copy(&c->arena, e->jsonrpc, NULL);
    if (e->id.p)
        c->id = bc_arena_copy(&c->arena, e->id, NULL);
    c->m = sdk_method(BC_STR("sendTransaction"));
    sdk_send_transaction(c, group, hex, proof);
    if (c->failed)
        call_finish(c);
    return true;
}

/* jsoncpp's asString: false for arrays and objects. The JSON token of the text goes to *out. */
static bool as_string_token(call_t *c, const cJSON *v, bc_bytes_t *out, bc_bytes_t *text)
{
    char number[40];
    bc_bytes_t t;
    if (cJSON_IsString(v))
        t = bc_cstr(v->valuestring);
    else if (cJSON_IsNull(v))
        t = (bc_bytes_t){ 0 };
    else if (cJSON_IsBool(v))
        t = cJSON_IsTrue(v) ? BC_STR("true") : BC_STR("false");
    else if (cJSON_IsNumber(v)) {
        int n = snprintf(number, sizeof number, "%.17g", v->valuedouble);
        t = bc_bytes(number, (size_t)n);
    } else
        return false;
    *text = bc_arena_copy(&c->arena, t, NULL);
    bc_wr_t w = { .max = 1 << 20 };
    bc_jw_t j = bc_jw(&w);
    bc_jw_str(&j, t);
    bool ok = w.err == BC_OK;
    if (ok)
        *out = bc_arena_copy(&c->arena, bc_wr_view(&w), NULL);
    bc_wr_free(&w);
    return ok;
}

/* jsoncpp's asInt64. */
static bool id_token(call_t *c, const cJSON *v, bc_bytes_t raw)
{
    if (plain_integer(raw)) {
        c->id = bc_arena_copy(&c->arena, raw, NULL);
        return true;
    }
    if (cJSON_IsNull(v))
        return true;
    char *text;
    if (cJSON_IsBool(v))
        text = bc_arena_printf(&c->arena, "%d", cJSON_IsTrue(v) ? 1 : 0);
    else if (cJSON_IsNumber(v) && fabs(v->valuedouble) < 9.2e18)
        text = bc_arena_printf(&c->arena, "%lld", (long long)v->valuedouble);
    else
        return false;
    c->id = bc_cstr(text);
    return true;
}

static const char not_request[] = "The JSON sent is not a valid Request object.";
static const char not_json[] = "Invalid JSON was received by the server.";

static void parse_general(call_t *c, bc_bytes_t body, const envelope_t *e)
{
    c->root = bc_json_parse(body, JSON_DEPTH_MAX, NULL);
    if (!c->root || cJSON_IsNull(c->root)) {
        call_fail(c, RPC_INVALID, not_request);
        return;
    }
    if (!cJSON_IsObject(c->root)) {
        call_fail(c, RPC_PARSE, not_json);
        return;
    }
    const cJSON *jsonrpc = cJSON_GetObjectItemCaseSensitive(c->root, "jsonrpc");
    const cJSON *method = cJSON_GetObjectItemCaseSensitive(c->root, "method");
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(c->root, "id");
    cJSON *params = cJSON_GetObjectItemCaseSensitive(c->root, "params");
    bc_bytes_t token = { 0 }, text = { 0 }, name = { 0 }, unused;
    if (!jsonrpc) {
        call_fail(c, RPC_INVALID, not_request);
        return;
    }
    if (!as_string_token(c, jsonrpc, &token, &text)) {
        call_fail(c, RPC_PARSE, not_json);
        return;
    }
    if (!method) {
        call_fail(c, RPC_INVALID, not_request);
        return;
    }
    if (!as_string_token(c, method, &unused, &name) || (id && !id_token(c, id, e->id))) {
        call_fail(c, RPC_PARSE, not_json);
        return;
    }
    if (!cJSON_IsArray(params)) {
        c->id = BC_STR("0");
        call_fail(c, RPC_INVALID, not_request);
        return;
    }
    c->jsonrpc = token;
    c->params = params;
    c->m = sdk_method(name);
    if (!c->m)
        call_fail(c, RPC_NO_METHOD, "The method does not exist/is not available.");
}

void bc_rpc_sdk_handle(bc_rpc_t *rpc, bc_bytes_t body, bc_bytes_t prefix, bc_rpc_reply_fn reply,
                       void *ctx)
{
    call_t *c = call_new(rpc, false, prefix, reply, ctx);
    envelope_t e = scan_envelope(body);
    if (try_send_transaction(c, &e))
        return;
    parse_general(c, body, &e);
    if (c->failed)
        call_finish(c);
    else
        call_run(c);
}
