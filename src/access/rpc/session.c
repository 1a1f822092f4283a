/* WebSocket sessions of both ports, and the frames of SDK sessions (spec/20 §1.2, §1.3). */
#include <stdlib.h>

#include "access/rpc/call.h"

enum { VERSION_MIN = 0, VERSION_MAX = 2, MODULE_MAX = 3 };

bc_rpc_session_t *bc_rpc_session_open(bc_rpc_t *rpc, bool web3, bc_rpc_send_fn send, void *ctx)
{
    bc_rpc_session_t *s = bc_xcalloc(1, sizeof *s);
    s->rpc = rpc;
    s->refs = 1;
    s->web3 = web3;
    s->send = send;
    s->ctx = ctx;
    s->next = rpc->sessions;
    if (s->next)
        s->next->prev = s;
    rpc->sessions = s;
    return s;
}

void session_unref(bc_rpc_session_t *s)
{
    if (!--s->refs)
        free(s);
}

void session_send(bc_rpc_session_t *s, bc_bytes_t message)
{
    if (!s->closed)
        s->send(s->ctx, message);
}

void bc_rpc_session_close(bc_rpc_session_t *s)
{
    s->closed = true;
    events_session_closed(s);
    amop_session_closed(s);
    subs_session_closed(s);
    if (s->prev)
        s->prev->next = s->next;
    else
        s->rpc->sessions = s->next;
    if (s->next)
        s->next->prev = s->prev;
    session_unref(s);
}

static void reply(void *ctx, bc_bytes_t answer)
{
    bc_rpc_session_t *s = ctx;
    session_send(s, answer);
    session_unref(s);
}

bool bc_rpc_session_message(bc_rpc_session_t *s, bc_bytes_t message)
{
    if (!s->web3)
        return sdk_message(s, message);
    s->refs++;
    bc_rpc_web3_handle(s->rpc, message, s, reply, s);
    return true;
}

/* ---- SDK frames ---- */

static void send_frame(bc_rpc_session_t *s, const bc_ws_message_t *m)
{
    bc_wr_t w = { 0 };
    bc_ws_message_encode(m, &w);
    if (!w.err)
        session_send(s, bc_wr_view(&w));
    bc_wr_free(&w);
}

void sdk_push(bc_rpc_session_t *s, uint16_t type, bc_bytes_t payload)
{
    send_frame(s, &(bc_ws_message_t){ .type = type, .payload = payload });
}

void sdk_answer(bc_rpc_session_t *s, const bc_ws_message_t *asked, bc_bytes_t payload)
{
    send_frame(s, &(bc_ws_message_t){ .version = asked->version,
                                      .type = asked->type,
                                      .seq = asked->seq,
                                      .ext = asked->ext,
                                      .payload = payload });
}

/* {"groupBlockNumber":[{"group0":12}],"groupInfoList":[...],"protocolVersion":2} */
static void handshake_answer(bc_rpc_session_t *s, const bc_ws_message_t *m)
{
    bc_rpc_t *rpc = s->rpc;
    bc_wr_t w = { .max = 64 << 20 };
    bc_jw_t j = bc_jw(&w);
    bc_jw_obj(&j);
    bc_jw_key(&j, "groupBlockNumber");
    bc_jw_arr(&j);
    bc_jw_obj(&j);
    bc_jw_key(&j, rpc->config.chain->group_id);
    bc_jw_i64(&j, rpc->number);
    bc_jw_obj_end(&j);
    bc_jw_arr_end(&j);
    bc_jw_key(&j, "groupInfoList");
    bc_jw_arr(&j);
    group_info_json(rpc, &j);
    bc_jw_arr_end(&j);
    bc_jw_key(&j, "protocolVersion");
    bc_jw_u64(&j, s->version);
    bc_jw_obj_end(&j);
    bc_wr_u8(&w, '\n');
    if (!w.err)
        sdk_answer(s, m, bc_wr_view(&w));
    bc_wr_free(&w);
}

static int64_t int_member(const cJSON *o, const char *key, bool *ok)
{
    const cJSON *v = cJSON_IsObject(o) ? cJSON_GetObjectItemCaseSensitive(o, key) : NULL;
    if (!cJSON_IsNumber(v) || v->valuedouble < 0 || v->valuedouble > 1e9) {
        *ok = false;
        return 0;
    }
    return (int64_t)v->valuedouble;
}

/* Bad JSON or an unknown module: no answer. No common version: the session ends. */
static bool handshake(bc_rpc_session_t *s, const bc_ws_message_t *m)
{
    bool ok = true;
    cJSON *root = bc_json_parse(m->payload, 8, NULL);
    int64_t low = int_member(root, "minVersion", &ok), high = int_member(root, "maxVersion", &ok);
    int64_t module = int_member(root, "moduleID", &ok);
    cJSON_Delete(root);
    if (!ok || module > MODULE_MAX)
        return true;
    if (low > VERSION_MAX || high < VERSION_MIN || low > high)
        return false;
    s->version = (uint32_t)BC_MIN(high, VERSION_MAX);
    handshake_answer(s, m);
    return true;
}

static void rpc_request(bc_rpc_session_t *s, const bc_ws_message_t *m)
{
    bc_ws_message_t head = {
        .version = m->version, .type = BC_WS_RPC_REPLY, .seq = m->seq, .ext = m->ext
    };
    uint8_t small[128];
    bc_wr_t w = { 0 };
    bc_ws_message_encode(&head, &w);
    if (w.err) {
        bc_wr_free(&w);
        return;
    }
    bc_bytes_t prefix = bc_wr_view(&w);
    if (prefix.n <= sizeof small) {
        memcpy(small, prefix.p, prefix.n);
        prefix.p = small;
    }
    s->refs++;
    bc_rpc_sdk_handle(s->rpc, m->payload, prefix, reply, s);
    bc_wr_free(&w);
}

bool sdk_message(bc_rpc_session_t *s, bc_bytes_t message)
{
    bc_ws_message_t m;
    bc_err_t err = bc_ws_message_decode(message, &m);
    if (err)
        return err != BC_E_TRUNCATED;
    switch (m.type) {
    case BC_WS_HANDSHAKE:
        return handshake(s, &m);
    case BC_WS_RPC_REQUEST:
        rpc_request(s, &m);
        break;
    case BC_WS_EVENT_SUBSCRIBE:
        events_subscribe(s, &m);
        break;
    case BC_WS_EVENT_UNSUBSCRIBE:
        events_unsubscribe(s, &m);
        break;
    case BC_WS_AMOP_SUBTOPIC:
    case BC_WS_AMOP_REQUEST:
    case BC_WS_AMOP_BROADCAST:
    case BC_WS_AMOP_RESPONSE:
        amop_message(s, &m);
        break;
    default: /* unknown types are ignored */
        break;
    }
    return true;
}

/* The official text is indented with tabs. */
void sdk_notify_block(bc_rpc_t *rpc)
{
    char name[160];
    bc_bytes_t node = rpc_node_name(rpc, name);
    bc_wr_t w = { .max = 1 << 16 }, frame = { .max = 1 << 17 };
    bc_wr_printf(
        &w, "{\n\t\"blockNumber\" : %lld,\n\t\"group\" : \"%s\",\n\t\"nodeName\" : \"%.*s\"\n}\n",
        (long long)rpc->number, rpc->config.chain->group_id, (int)node.n, (const char *)node.p);
    bc_ws_message_encode(
        &(bc_ws_message_t){ .type = BC_WS_BLOCK_NOTIFY, .payload = bc_wr_view(&w) }, &frame);
    for (bc_rpc_session_t *s = rpc->sessions, *next; s && !frame.err; s = next) {
        next = s->next;
        if (!s->web3)
            session_send(s, bc_wr_view(&frame));
    }
    bc_wr_free(&w);
    bc_wr_free(&frame);
}
