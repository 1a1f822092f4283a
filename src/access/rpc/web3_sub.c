/* eth_subscribe on WebSockets: newHeads and logs, fed by commits. */
#include <stdlib.h>

#include "access/rpc/call.h"
#include "access/rpc/views.h"

enum { SUBS_MAX = 256 };
enum { SUB_HEADS, SUB_LOGS };

struct subscription {
    subscription_t *next;
    uint8_t id[16];
    uint8_t kind;
    bc_log_query_t q;
    bc_arena_t arena;
};

static void sub_free(bc_rpc_t *rpc, subscription_t *s)
{
    rpc->query_bytes -= s->arena.used;
    bc_arena_free(&s->arena);
    free(s);
}

void subs_session_closed(bc_rpc_session_t *s)
{
    while (s->subs) {
        subscription_t *sub = s->subs;
        s->subs = sub->next;
        sub_free(s->rpc, sub);
    }
    s->sub_cnt = 0;
}

void sub_start(call_t *c)
{
    bc_rpc_session_t *s = c->session;
    bc_bytes_t kind = call_str(c, 0);
    bool logs = bc_bytes_eq(kind, BC_STR("logs"));
    if (!s) {
        call_fail(c, RPC_INVALID, "Subscribe request only support websocket protocol");
        return;
    }
    if (!logs && !bc_bytes_eq(kind, BC_STR("newHeads"))) {
        call_fail(c, RPC_INVALID, "Unsupported eth_subscribe method");
        return;
    }
    if (s->closed || s->sub_cnt >= SUBS_MAX || c->rpc->query_bytes > RPC_QUERY_BYTES_MAX) {
        call_fail(c, RPC_LIMIT, "too many subscriptions");
        return;
    }
    if (logs && call_param(c, 1))
        filter_parse_lists(c, call_param(c, 1));
    if (c->failed)
        return;
    subscription_t *sub = bc_xcalloc(1, sizeof *sub);
    uint64_t id[2] = { rpc_random(c->rpc), rpc_random(c->rpc) };
    memcpy(sub->id, id, sizeof sub->id);
    sub->kind = logs ? SUB_LOGS : SUB_HEADS;
    bc_err_t err = bc_log_query_copy(&c->query, &sub->q, &sub->arena);
    c->rpc->query_bytes += sub->arena.used;
    if (err) {
        sub_free(c->rpc, sub);
        call_fail(c, RPC_INTERNAL, "out of memory");
        return;
    }
    sub->next = s->subs;
    s->subs = sub;
    s->sub_cnt++;
    bc_jw_t j = call_result(c);
    bc_jw_0xhex(&j, bc_bytes(sub->id, sizeof sub->id));
}

void sub_stop(call_t *c)
{
    bc_rpc_session_t *s = c->session;
    uint8_t id[16];
    bool found = false;
    if (!s) {
        call_fail(c, RPC_INVALID, "Subscribe request only support websocket protocol");
        return;
    }
    bool ok = bc_hex_fixed(bc_hex_strip0x(call_str(c, 0)), id, sizeof id) == BC_OK;
    for (subscription_t **at = &s->subs; ok && *at && !found;) {
        subscription_t *sub = *at;
        if (memcmp(sub->id, id, sizeof id) != 0) {
            at = &sub->next;
            continue;
        }
        *at = sub->next;
        s->sub_cnt--;
        sub_free(c->rpc, sub);
        found = true;
    }
    bc_jw_t j = call_result(c);
    bc_jw_bool(&j, found);
}

/* {"jsonrpc":"2.0","method":"eth_subscription","params":{"result":R,"subscription":id}} */
static void push(bc_rpc_session_t *s, const subscription_t *sub, bc_bytes_t result)
{
    bc_wr_t w = { .max = 64 << 20 };
    bc_jw_t j = bc_jw(&w);
    bc_jw_obj(&j);
    bc_jw_key(&j, "jsonrpc");
    bc_jw_cstr(&j, "2.0");
    bc_jw_key(&j, "method");
    bc_jw_cstr(&j, "eth_subscription");
    bc_jw_key(&j, "params");
    bc_jw_obj(&j);
    bc_jw_key(&j, "result");
    bc_jw_raw(&j, result);
    bc_jw_key(&j, "subscription");
    bc_jw_0xhex(&j, bc_bytes(sub->id, sizeof sub->id));
    bc_jw_obj_end(&j);
    bc_jw_obj_end(&j);
    if (!w.err)
        session_send(s, bc_wr_view(&w));
    bc_wr_free(&w);
}

typedef struct {
    bc_rpc_session_t *s;
    const subscription_t *sub;
} target_t;

static void push_log(void *ctx, bc_bytes_t json)
{
    const target_t *t = ctx;
    push(t->s, t->sub, json);
}

void subs_committed(bc_rpc_t *rpc)
{
    const bc_committed_t *b = rpc->last;
    const bc_exec_result_t *r = b->result;
    bool whole = r && b->txs && r->receipt_cnt == b->txs->cnt;
    bc_log_source_t src = { .number = b->number, .hash = &b->header->hash };
    bc_web3_block_view_t head = { .header = b->header, .head = true };
    bc_wr_t w = { 0 }; /* the head, written once for all */
    if (whole) {
        src.tx_cnt = head.tx_cnt = b->txs->cnt;
        src.txs = head.txs = b->txs->v;
        src.receipts = head.receipts = r->receipts;
    }
    for (bc_rpc_session_t *s = rpc->sessions, *next; s; s = next) {
        next = s->next;
        for (const subscription_t *sub = s->subs; sub; sub = sub->next) {
            if (sub->kind == SUB_LOGS) { /* one notification per log, as Ethereum does */
                target_t t = { s, sub };
                if (whole)
                    bc_log_json_each(BC_LOG_WEB3, &sub->q, &src, push_log, &t);
                continue;
            }
            if (!w.n) {
                bc_jw_t j = bc_jw(&w);
                bc_web3_block_json(&j, &head);
            }
            if (!w.err)
                push(s, sub, bc_wr_view(&w));
        }
    }
    bc_wr_free(&w);
}
