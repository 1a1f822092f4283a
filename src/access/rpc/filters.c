/* Filters and log queries of both ports (spec/20 §1.6).
 *
 * A filter's cursor moves on the loop when a poll starts, against the height that commits told
 * us, so two polls at once never see the same block; the reading runs on a worker. The SDK port
 * keeps the official limits (a scan silently stops after filter_max_process_block blocks); the
 * Web3 port answers a whole range or says that it is too much. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "access/rpc/call.h"
#include "access/rpc/chain_read.h"

enum { FILTER_BLOCKS, FILTER_PENDING, FILTER_LOGS };
enum { WEB3_LOGS_MAX = 10000, WEB3_SCAN_MS = 10000, WEB3_POLL_BLOCKS_MAX = 1000 };

typedef struct {
    uint64_t id;
    uint8_t kind;
    bool web3;
    int64_t start, used_ms;
    bc_log_query_t q;
    bc_arena_t arena;
} filter_t;

static bc_bytes_t filter_key(const void *item)
{
    const filter_t *f = item;
    return bc_bytes(&f->id, sizeof f->id);
}

static int32_t param_code(const call_t *c)
{
    return c->web3 ? RPC_SERVER : RPC_PARAMS;
}

static void filter_free(bc_rpc_t *rpc, filter_t *f)
{
    if (f) {
        rpc->query_bytes -= f->arena.used;
        bc_arena_free(&f->arena);
    }
    free(f);
}

static int64_t blocks_max(const call_t *c)
{
    return c->web3 ? BC_MAX(WEB3_POLL_BLOCKS_MAX, c->rpc->config.web3_filter_max_process_block)
                   : c->rpc->config.filter_max_process_block;
}

/* ---- parsing ---- */

/* jsoncpp's asString into the arena. */
static bool text_of(call_t *c, const cJSON *v, bc_bytes_t *out)
{
    char number[40];
    *out = (bc_bytes_t){ 0 };
    if (cJSON_IsString(v))
        *out = bc_cstr(v->valuestring);
    else if (cJSON_IsBool(v))
        *out = cJSON_IsTrue(v) ? BC_STR("true") : BC_STR("false");
    else if (cJSON_IsNumber(v))
        *out = bc_arena_copy(
            &c->arena,
            bc_bytes(number, (size_t)snprintf(number, sizeof number, "%.17g", v->valuedouble)),
            NULL);
    else if (!cJSON_IsNull(v)) {
        call_fail(c, c->web3 ? RPC_PARAMS : RPC_INVALID, "Type is not convertible to string");
        return false;
    }
    return true;
}

/* A block tag or number. The chain never forgets what it committed: safe, finalized, pending and
 * latest are the same block. */
static bool block_tag(call_t *c, bc_bytes_t t, int64_t latest, int64_t *out, bool *is_latest)
{
    *is_latest = t.n == 0 || bc_bytes_eq(t, BC_STR("latest")) || bc_bytes_eq(t, BC_STR("safe")) ||
                 bc_bytes_eq(t, BC_STR("finalized")) || bc_bytes_eq(t, BC_STR("pending"));
    if (*is_latest) {
        *out = latest;
        return true;
    }
    if (bc_bytes_eq(t, BC_STR("earliest"))) {
        *out = 0;
        return true;
    }
    uint64_t v = 0;
    bool ok = t.n > 2 && t.p[0] == '0' && t.p[1] == 'x';
    for (size_t i = 2; ok && i < t.n; i++) {
        uint8_t d = t.p[i];
        unsigned n = d >= 48 && d <= 57                  ? d - 48u
                     : (d | 32) >= 97 && (d | 32) <= 102 ? (d | 32) - 87u
                                                         : 99u;
        ok = n < 16 && v < (1ull << 59);
        v = v << 4 | n;
    }
    if (!ok)
        call_fail(c, RPC_PARAMS, "Invalid Block Number: %.*s", (int)BC_MIN(t.n, 64u),
                  (const char *)t.p);
    *out = (int64_t)v;
    return ok;
}

static void add_address(call_t *c, const cJSON *v)
{
    bc_bytes_t t;
    if (!text_of(c, v, &t))
        return;
    bool prefixed = t.n > 2 && t.p[0] == '0' && (t.p[1] == 'x' || (!c->web3 && t.p[1] == 'X'));
    bc_bytes_t hex = prefixed ? bc_bytes(t.p + 2, t.n - 2) : (bc_bytes_t){ 0 };
    if (c->web3 && hex.n != 40)
        call_fail(c, RPC_PARAMS, "invalid address in filter");
    else if (bc_log_query_address(&c->query, hex, &c->arena))
        call_fail(c, param_code(c), "too many addresses in the filter");
    else if (c->web3 && c->query.address_strict)
        call_fail(c, RPC_PARAMS, "invalid address in filter");
}

/* Official matching is by text, so an upper-case topic never matches there; Ethereum's is by
 * value. */
static void add_topic(call_t *c, size_t i, const cJSON *v)
{
    bc_bytes_t t;
    if (!text_of(c, v, &t))
        return;
    bool prefixed = t.n > 2 && t.p[0] == '0' && t.p[1] == 'x';
    bc_bytes_t hex = prefixed ? bc_bytes(t.p + 2, t.n - 2) : (bc_bytes_t){ 0 };
    for (size_t k = 0; !c->web3 && k < hex.n; k++)
        if (hex.p[k] >= 'A' && hex.p[k] <= 'F')
            hex = (bc_bytes_t){ 0 };
    if (bc_log_query_topic(&c->query, i, hex, &c->arena))
        call_fail(c, param_code(c), "too many topics in the filter");
    else if (c->web3 && c->query.topics[i].strict)
        call_fail(c, RPC_PARAMS, "invalid topic in filter");
}

static void parse_lists(call_t *c, const cJSON *address, const cJSON *topics)
{
    const cJSON *v, *inner;
    bc_log_query_t *q = &c->query;
    if (cJSON_IsArray(address))
        cJSON_ArrayForEach(v, address) add_address(c, v);
    else if (address && !cJSON_IsNull(address))
        add_address(c, address);
    int n = cJSON_IsArray(topics) ? cJSON_GetArraySize(topics) : 0;
    if (c->web3 && topics && !cJSON_IsArray(topics) && !cJSON_IsNull(topics))
        call_fail(c, RPC_PARAMS, "invalid topics in filter");
    if (n > BC_LOG_TOPICS) {
        call_fail(c, param_code(c), "exceed max topics");
        return;
    }
    q->position_cnt = (size_t)n;
    int i = 0;
    cJSON_ArrayForEach(v, topics)
    {
        bool any = false;
        if (cJSON_IsArray(v)) {
            cJSON_ArrayForEach(inner, v)
            {
                any |= c->web3 && cJSON_IsNull(inner);
                if (!(c->web3 && cJSON_IsNull(inner)))
                    add_topic(c, (size_t)i, inner);
            }
        } else if (!cJSON_IsNull(v)) {
            add_topic(c, (size_t)i, v);
        }
        if (any) { /* Ethereum: a null among alternatives matches anything */
            q->topics[i].cnt = 0;
            q->topics[i].strict = false;
        }
        if (c->failed)
            return;
        i++;
    }
}

void filter_parse_lists(call_t *c, const cJSON *o)
{
    if (cJSON_IsObject(o))
        parse_lists(c, cJSON_GetObjectItemCaseSensitive(o, "address"),
                    cJSON_GetObjectItemCaseSensitive(o, "topics"));
    else
        call_fail(c, RPC_PARAMS, "invalid argument: a filter object is expected");
}

static bool range_ok(const bc_log_query_t *q)
{
    if (q->from < 0 || q->to < 0)
        return false;
    if (q->to_latest)
        return true;
    return !q->from_latest && q->to >= q->from;
}

static const cJSON *member(const cJSON *o, const char *key)
{
    return cJSON_IsObject(o) ? cJSON_GetObjectItemCaseSensitive(o, key) : NULL;
}

static void parse_sdk(call_t *c, const cJSON *o)
{
    static const char *const required[] = { "fromBlock", "toBlock", "address", "topics" };
    bc_log_query_t *q = &c->query;
    bc_bytes_t from, to, hash;
    for (size_t i = 0; i < BC_ARRAY_LEN(required); i++) {
        const cJSON *v = member(o, required[i]);
        if (!v || cJSON_IsNull(v)) {
            call_fail(c, RPC_PARAMS, "%s is null", required[i]);
            return;
        }
    }
    if (!text_of(c, member(o, "fromBlock"), &from) || !text_of(c, member(o, "toBlock"), &to) ||
        !block_tag(c, from, c->rpc->number, &q->from, &q->from_latest) ||
        !block_tag(c, to, c->rpc->number, &q->to, &q->to_latest))
        return;
    parse_lists(c, member(o, "address"), member(o, "topics"));
    const cJSON *h = member(o, "blockhash");
    if (!c->failed && h && !cJSON_IsNull(h) && text_of(c, h, &hash) && hash.n) {
        q->by_hash = true;
        if (!call_hash(c, hash, &q->block_hash))
            return;
    }
}

static void parse_web3(call_t *c, const cJSON *o)
{
    bc_log_query_t *q = &c->query;
    const cJSON *h = member(o, "blockHash"), *f = member(o, "fromBlock"), *t = member(o, "toBlock");
    bc_bytes_t from = { 0 }, to = { 0 }, hash;
    if (!cJSON_IsObject(o)) {
        call_fail(c, RPC_PARAMS, "missing value for required argument 0");
        return;
    }
    if (h && !cJSON_IsNull(h)) {
        if ((f && !cJSON_IsNull(f)) || (t && !cJSON_IsNull(t))) {
            call_fail(c, RPC_PARAMS,
                      "cannot specify both blockHash and fromBlock/toBlock, choose "
                      "one or the other");
            return;
        }
        q->by_hash = true;
        if (!text_of(c, h, &hash) || !call_hash(c, hash, &q->block_hash))
            return;
    }
    if ((f && !text_of(c, f, &from)) || (t && !text_of(c, t, &to)) ||
        !block_tag(c, from, c->rpc->number, &q->from, &q->from_latest) ||
        !block_tag(c, to, c->rpc->number, &q->to, &q->to_latest))
        return;
    parse_lists(c, member(o, "address"), member(o, "topics"));
}

static void parse_query(call_t *c, int param)
{
    if (c->web3)
        parse_web3(c, call_param(c, param));
    else
        parse_sdk(c, call_param(c, param));
}

static bool group_ok(call_t *c)
{
    bc_bytes_t group = c->web3 ? (bc_bytes_t){ 0 } : call_str(c, 0);
    if (rpc_group_known(c->rpc, group))
        return true;
    call_fail(c, RPC_LIMIT, "group not exist,chain=%s,group=%.*s,commond=%s",
              c->rpc->config.chain->chain_id, (int)BC_MIN(group.n, 256u), (const char *)group.p,
              c->m->name);
    return false;
}

/* ---- the table of filters ---- */

static filter_t *filter_find(call_t *c, uint64_t id)
{
    filter_t *f = bc_map_find(&c->rpc->filters, bc_bytes(&id, sizeof id));
    return f && f->web3 == c->web3 ? f : NULL;
}

/* Hex with or without 0x; what cannot be parsed is 0, which no filter has. */
static uint64_t filter_id(call_t *c)
{
    bc_bytes_t t = bc_hex_strip0x(call_str(c, c->web3 ? 0 : 1));
    uint8_t pad[16], raw[8];
    memset(pad, '0', sizeof pad);
    if (t.n == 0 || t.n > 16)
        return 0;
    memcpy(pad + 16 - t.n, t.p, t.n);
    return bc_hex_fixed(bc_bytes(pad, 16), raw, 8) ? 0 : bc_load_be64(raw);
}

static void filter_add(call_t *c, uint8_t kind)
{
    bc_rpc_t *rpc = c->rpc;
    if (rpc->filters.cnt >= rpc->config.filters_max || rpc->query_bytes > RPC_QUERY_BYTES_MAX) {
        call_fail(c, RPC_SERVER, "too many filters");
        return;
    }
    if (!rpc->filters.key)
        bc_map_init(&rpc->filters, filter_key);
    filter_t *f = bc_xcalloc(1, sizeof *f);
    f->id = rpc_random(rpc);
    f->kind = kind;
    f->web3 = c->web3;
    f->start = rpc->number + 1;
    f->used_ms = rpc->now_ms;
    bc_err_t err = bc_log_query_copy(&c->query, &f->q, &f->arena);
    rpc->query_bytes += f->arena.used;
    if (err || bc_map_insert(&rpc->filters, f)) {
        filter_free(rpc, f);
        call_fail(c, RPC_INTERNAL, "the filter could not be made");
        return;
    }
    bc_jw_t j = call_result(c);
    bc_jw_quantity(&j, f->id);
}

void filter_new_block(call_t *c)
{
    if (group_ok(c))
        filter_add(c, FILTER_BLOCKS);
}

void filter_new_pending(call_t *c)
{
    if (group_ok(c))
        filter_add(c, FILTER_PENDING);
}

void filter_new_logs(call_t *c)
{
    parse_query(c, c->web3 ? 0 : 1);
    if (c->failed || !group_ok(c))
        return;
    if (!range_ok(&c->query))
        call_fail(c, param_code(c), "invalid block range params");
    else
        filter_add(c, FILTER_LOGS);
}

void filter_uninstall(call_t *c)
{
    uint64_t id = filter_id(c);
    filter_t *f = group_ok(c) ? filter_find(c, id) : NULL;
    bool found = f != NULL;
    if (found)
        bc_map_remove(&c->rpc->filters, bc_bytes(&id, sizeof id));
    filter_free(c->rpc, f);
    if (c->failed)
        return;
    bc_jw_t j = call_result(c);
    bc_jw_bool(&j, found);
}

void filters_expire(bc_rpc_t *rpc)
{
    filter_t *dead[64], *f;
    size_t n = 0;
    for (size_t i = 0; n < BC_ARRAY_LEN(dead) && (f = bc_map_next(&rpc->filters, &i));) {
        uint32_t s = f->web3 ? rpc->config.web3_filter_timeout : rpc->config.filter_timeout;
        if (rpc->now_ms - f->used_ms > (int64_t)s * 1000)
            dead[n++] = f;
    }
    for (size_t i = 0; i < n; i++) {
        bc_map_remove(&rpc->filters, filter_key(dead[i]));
        filter_free(rpc, dead[i]);
    }
}

void filters_free(bc_rpc_t *rpc)
{
    filter_t *f;
    for (size_t i = 0; (f = bc_map_next(&rpc->filters, &i));)
        filter_free(rpc, f);
    bc_map_free(&rpc->filters);
}

/* ---- polls ---- */

static filter_t *poll_begin(call_t *c)
{
    if (!group_ok(c))
        return NULL;
    filter_t *f = filter_find(c, filter_id(c));
    if (!f) {
        call_fail(c, param_code(c), "filter not found");
        return NULL;
    }
    c->filter_kind = f->kind;
    if (bc_log_query_copy(&f->q, &c->query, &c->arena)) {
        call_fail(c, RPC_INTERNAL, "out of memory");
        return NULL;
    }
    return f;
}

void filter_changes_start(call_t *c)
{
    filter_t *f = poll_begin(c);
    if (!f)
        return;
    f->used_ms = c->rpc->now_ms;
    int64_t latest = c->rpc->number;
    c->from = f->start;
    c->to = latest;
    if (f->kind == FILTER_LOGS && !f->q.from_latest)
        c->from = BC_MAX(f->start, f->q.from);
    if (f->kind == FILTER_LOGS && !f->q.to_latest)
        c->to = BC_MIN(f->q.to, latest);
    if (c->to - c->from >= blocks_max(c))
        c->to = c->from + blocks_max(c) - 1;
    if (c->to >= c->from)
        f->start = c->to + 1;
}

static void clamp_range(call_t *c)
{
    const bc_log_query_t *q = &c->query;
    c->from = q->from_latest ? c->rpc->number : q->from;
    c->to = q->to_latest ? c->rpc->number : BC_MIN(q->to, c->rpc->number);
    if (!c->web3 && c->to - c->from >= blocks_max(c))
        c->to = c->from + blocks_max(c) - 1;
}

void filter_logs_start(call_t *c)
{
    filter_t *f = poll_begin(c);
    if (!f)
        return;
    if (f->kind != FILTER_LOGS)
        call_fail(c, param_code(c), "filter not found");
    else
        clamp_range(c);
}

void filter_get_logs_start(call_t *c)
{
    parse_query(c, c->web3 ? 0 : 1);
    if (c->failed || !group_ok(c))
        return;
    c->filter_kind = FILTER_LOGS;
    if (!c->query.by_hash && !range_ok(&c->query))
        call_fail(c, param_code(c), "invalid block range params");
    else
        clamp_range(c);
}

/* ---- reading, on a worker ---- */

static int64_t mono_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void scan_logs(call_t *c)
{
    size_t found = 0;
    int64_t end_ms = mono_ms() + WEB3_SCAN_MS;
    bc_jw_t j = call_result(c);
    bc_jw_arr(&j);
    for (int64_t n = c->from; n <= c->to; n++) {
        bc_ledger_block_t *b;
        if (c->ledger.ops->block(c->ledger.self, n, BC_WITH_RECEIPTS, &b)) {
            call_fail(c, c->web3 ? RPC_SERVER : RPC_LEDGER_BLOCK, "Get block failed with errors!");
            return;
        }
        bc_log_source_t src = bc_log_source_stored(b);
        if (b->receipts)
            found += bc_log_json_block(&j, c->web3 ? BC_LOG_WEB3 : BC_LOG_SDK, &c->query, &src);
        bc_ledger_block_free(b);
        if (c->web3 && found > WEB3_LOGS_MAX) {
            call_fail(c, RPC_LIMIT, "query returned more than %d results", WEB3_LOGS_MAX);
            return;
        }
        if (c->web3 && n < c->to && mono_ms() > end_ms) {
            call_fail(c, RPC_LIMIT,
                      "query timeout exceeded after block %lld, ask for a smaller range",
                      (long long)n);
            return;
        }
    }
    bc_jw_arr_end(&j);
}

/* A row that cannot be read is an error, not a shorter list. */
static bool scan_read(call_t *c, bc_err_t err)
{
    if (err)
        call_fail(c, RPC_INTERNAL, "the node could not read: %s", bc_err_name(err));
    return !err;
}

static void scan_hashes(call_t *c)
{
    bc_jw_t j = call_result(c);
    bc_jw_arr(&j);
    for (int64_t n = c->from; n <= c->to; n++) {
        bc_h256_t hash;
        bc_ledger_block_t *b;
        if (c->filter_kind == FILTER_BLOCKS) {
            if (!scan_read(c, c->ledger.ops->hash_by_number(c->ledger.self, n, &hash)))
                return;
            bc_jw_0xhex(&j, BC_VIEW(hash));
            continue;
        }
        if (!scan_read(c, c->ledger.ops->block(c->ledger.self, n, 0, &b)))
            return;
        for (size_t i = 0; i < b->tx_cnt; i++)
            bc_jw_0xhex(&j, BC_VIEW(b->tx_hashes[i]));
        bc_ledger_block_free(b);
    }
    bc_jw_arr_end(&j);
}

void filter_job(call_t *c)
{
    if (c->filter_kind == FILTER_LOGS)
        scan_logs(c);
    else
        scan_hashes(c);
}

void filter_get_logs_job(call_t *c)
{
    if (c->query.by_hash) {
        if (c->ledger.ops->number_by_hash(c->ledger.self, &c->query.block_hash, &c->from)) {
            call_fail(c, param_code(c), "unknown block");
            return;
        }
        c->to = c->from;
    }
    scan_logs(c);
}
