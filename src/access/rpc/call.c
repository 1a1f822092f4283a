#include "access/rpc/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/clock.h"

enum { ANSWER_MAX = 256 << 20, ARENA_MAX = 512 << 20 };

uint64_t rpc_random(bc_rpc_t *rpc)
{
    uint64_t v;
    if (getrandom(&v, sizeof v, 0) != (ssize_t)sizeof v)
        v = bc_siphash(bc_bytes(&rpc->seed, sizeof rpc->seed));
    rpc->seed++;
    return v ? v : 1;
}

void rpc_saw_block(bc_rpc_t *rpc, const bc_committed_t *block)
{
    if (block && block->number > rpc->number)
        rpc->number = block->number;
}

bool rpc_group_known(const bc_rpc_t *rpc, bc_bytes_t group)
{
    return group.n == 0 || bc_bytes_eq(group, bc_cstr(rpc->config.chain->group_id));
}

call_t *call_new(bc_rpc_t *rpc, bool web3, bc_bytes_t prefix, bc_rpc_reply_fn reply, void *ctx)
{
    call_t *c = bc_xcalloc(1, sizeof *c);
    c->rpc = rpc;
    c->web3 = web3;
    c->reply = reply;
    c->ctx = ctx;
    c->out.max = ANSWER_MAX;
    c->id = BC_STR("0");
    c->jsonrpc = BC_STR("\"\"");
    bc_arena_init(&c->arena, ARENA_MAX);
    bc_wr_put(&c->out, prefix);
    c->prefix_n = prefix.n;
    rpc->in_flight++;
    return c;
}

bool call_execute(call_t *c, bc_exec_call_t *in, bc_exec_call_result_t *out)
{
    if (!c->until_ms)
        c->until_ms = bc_clock_mono_ms() + RPC_CALL_MS;
    in->until_ms = c->until_ms;
    in->memory_max = RPC_CALL_MEMORY_MAX;
    bc_err_t err = c->exec.ops->call(c->exec.self, in, out, &c->arena);
    if (err == BC_E_TIMEOUT)
        call_fail(c, RPC_SERVER, "execution timeout: it takes longer than %d ms", RPC_CALL_MS);
    else if (err == BC_E_TOO_BIG)
        call_fail(c, RPC_SERVER, "execution needs more than %zu MiB of memory",
                  RPC_CALL_MEMORY_MAX >> 20);
    else if (err)
        call_fail(c, RPC_INTERNAL, "the call could not be executed: %s", bc_err_name(err));
    return !err;
}

void call_fail(call_t *c, int32_t code, const char *fmt, ...)
{
    if (c->failed)
        return;
    c->failed = true;
    c->code = code;
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *text = n >= 0 ? bc_arena_alloc(&c->arena, (size_t)n + 1) : NULL;
    if (text) {
        vsnprintf(text, (size_t)n + 1, fmt, again);
        c->message = bc_bytes(text, (size_t)n);
    }
    va_end(again);
}

bc_jw_t call_result(call_t *c)
{
    bc_wr_str(&c->out, "{\"id\":");
    bc_wr_put(&c->out, c->id);
    bc_wr_str(&c->out, ",\"jsonrpc\":");
    bc_wr_put(&c->out, c->jsonrpc);
    bc_wr_str(&c->out, ",\"result\":");
    c->result_at = c->out.n;
    return bc_jw(&c->out);
}

static void answer_error(call_t *c)
{
    bc_wr_t *w = &c->out;
    if (w->err) { /* larger than an answer may be */
        c->code = RPC_INTERNAL;
        c->message = BC_STR("the answer is too large");
        c->data = c->error_data = (bc_bytes_t){ 0 };
        bc_wr_reset(w); /* the prefix is still in the memory */
    }
    w->n = c->prefix_n;
    bc_jw_t j = bc_jw(w);
    bc_jw_obj(&j);
    bc_jw_key(&j, "error");
    bc_jw_obj(&j);
    bc_jw_key(&j, "code");
    bc_jw_i64(&j, c->code);
    if (c->error_data.p || c->data.p) {
        bc_jw_key(&j, "data");
        if (c->error_data.p)
            bc_jw_raw(&j, c->error_data);
        else
            bc_jw_0xhex(&j, c->data);
    }
    bc_jw_key(&j, "message");
    bc_jw_str(&j, c->message);
    bc_jw_obj_end(&j);
    bc_jw_key(&j, "id");
    bc_jw_raw(&j, c->id);
    bc_jw_key(&j, "jsonrpc");
    bc_jw_raw(&j, c->jsonrpc);
    bc_jw_obj_end(&j);
}

void call_finish(call_t *c)
{
    if (!c->failed && c->result_at) {
        bc_wr_u8(&c->out, '}');
        if (c->out.err)
            c->failed = true;
    } else if (!c->failed) {
        call_fail(c, RPC_INTERNAL, "no answer");
    }
    if (c->failed)
        answer_error(c);
    c->rpc->in_flight--;
    c->reply(c->ctx, bc_wr_view(&c->out));
    if (c->session)
        session_unref(c->session);
    bc_tx_unref(c->tx);
    cJSON_Delete(c->root);
    bc_wr_free(&c->out);
    bc_arena_free(&c->arena);
    free(c);
}

static bc_err_t call_job(bc_node_read_t *r, bc_ledger_if ledger, bc_executor_if exec,
                         bc_view_if latest)
{
    call_t *c = BC_OWNER(r, call_t, read);
    c->ledger = ledger;
    c->exec = exec;
    c->view = latest;
    c->m->job(c);
    return BC_OK;
}

static void call_read_done(bc_op_t *op)
{
    call_t *c = BC_OWNER(op, call_t, read.op);
    if (op->err)
        call_fail(c, RPC_INTERNAL, "the node could not read: %s", bc_err_name(op->err));
    if (!c->failed && c->m->after)
        c->m->after(c);
    call_finish(c);
}

void call_run(call_t *c)
{
    bc_rpc_t *rpc = c->rpc;
    uint32_t max = rpc->config.in_flight_max;
    if (rpc->in_flight > max)
        call_fail(c, c->web3 ? RPC_LIMIT : RPC_SERVER, "too many requests in flight");
    if (!c->failed && c->m->group) {
        bc_bytes_t group = call_str(c, 0), node = call_str(c, 1);
        if (!rpc_group_known(rpc, group))
            call_fail(c, RPC_SERVER,
                      "Invalid request for the specified node of doesn't exist or doesn't "
                      "started!,request=%s,chain=%s,group=%.*s,node=%.*s",
                      c->m->name, rpc->config.chain->chain_id, (int)BC_MIN(group.n, 1024u),
                      (const char *)group.p, (int)BC_MIN(node.n, 1024u), (const char *)node.p);
    }
    if (!c->failed && c->m->start)
        c->m->start(c);
    if (c->detached && !c->failed)
        return;
    if (c->failed || !c->m->job) {
        call_finish(c);
        return;
    }
    c->read.op.home = rpc->config.loop;
    c->read.op.done = call_read_done;
    c->read.job = call_job;
    rpc->node.ops->read(rpc->node.self, &c->read);
}

const cJSON *call_param(const call_t *c, int i)
{
    return c->params ? cJSON_GetArrayItem(c->params, i) : NULL;
}

bc_bytes_t call_str(const call_t *c, int i)
{
    const cJSON *v = call_param(c, i);
    return cJSON_IsString(v) ? bc_cstr(v->valuestring) : (bc_bytes_t){ 0 };
}

bool call_bool(call_t *c, int i, bool absent)
{
    const cJSON *v = call_param(c, i);
    if (!v)
        return absent;
    if (cJSON_IsBool(v))
        return cJSON_IsTrue(v);
    if (cJSON_IsNull(v))
        return false;
    if (cJSON_IsNumber(v))
        return v->valuedouble != 0;
    call_fail(c, RPC_INVALID, "Value is not convertible to bool.");
    return false;
}

int64_t call_i64(call_t *c, int i)
{
    const cJSON *v = call_param(c, i);
    if (!v || cJSON_IsNull(v))
        return 0;
    if (cJSON_IsBool(v))
        return cJSON_IsTrue(v);
    if (!cJSON_IsNumber(v)) {
        call_fail(c, RPC_INVALID, "Value is not convertible to Int64.");
        return 0;
    }
    if (!(v->valuedouble >= -9223372036854774784.0 && v->valuedouble <= 9223372036854774784.0)) {
        call_fail(c, RPC_INVALID, "double out of Int64 range");
        return 0;
    }
    return (int64_t)v->valuedouble;
}

bool call_hash(call_t *c, bc_bytes_t text, bc_h256_t *out)
{
    if (bc_hex_fixed(bc_hex_strip0x(text), out->b, 32) == BC_OK)
        return true;
    if (c->web3)
        call_fail(c, RPC_PARAMS, "invalid argument: a 32-byte hash in hex is expected");
    else
        call_fail(c, RPC_INVALID, "std::exception");
    return false;
}

size_t bc_rpc_in_flight(const bc_rpc_t *rpc)
{
    return rpc->in_flight;
}
