#include "access/rpc/web3_call.h"

#include <stdio.h>
#include <stdlib.h>

#include "access/rpc/chain_read.h"
#include "codec/abi.h"

bool web3_block_param(call_t *c, int i)
{
    const cJSON *v = call_param(c, i);
    if (cJSON_IsObject(v)) {
        const cJSON *n = cJSON_GetObjectItemCaseSensitive(v, "blockNumber");
        if (!n)
            return true; /* blockHash: any block of ours is final */
        v = n;
    }
    if (!v || cJSON_IsNull(v))
        return true;
    static const char *const tags[] = { "latest", "pending", "safe", "finalized", "earliest", "" };
    const char *t = cJSON_IsString(v) ? v->valuestring : "?";
    for (size_t k = 0; k < BC_ARRAY_LEN(tags); k++)
        if (strcmp(t, tags[k]) == 0)
            return true;
    size_t n = strlen(t);
    if (n > 2 && n <= 18 && t[0] == '0' && t[1] == 'x' &&
        strspn(t + 2, "0123456789abcdefABCDEF") == n - 2)
        return true;
    call_fail(c, RPC_PARAMS, "Invalid Block Number: %.64s", t);
    return false;
}

/* ---- the call object ---- */

typedef struct {
    bc_exec_call_t in;
    bc_wr_t data;
    uint64_t gas; /* 0: not given */
    bool has_from;
} call_args_t;

static bool hex_member(call_t *c, const cJSON *o, const char *key, bc_bytes_t *out)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);
    *out = (bc_bytes_t){ 0 };
    if (!v || cJSON_IsNull(v))
        return false;
    if (!cJSON_IsString(v) || strncmp(v->valuestring, "0x", 2) != 0) {
        call_fail(c, RPC_PARAMS, "invalid argument 0: %s is no hex string", key);
        return false;
    }
    *out = bc_cstr(v->valuestring);
    return true;
}

static bool quantity_member(call_t *c, const cJSON *o, const char *key, bc_u256_t *out)
{
    bc_bytes_t t;
    *out = (bc_u256_t){ 0 };
    if (!hex_member(c, o, key, &t))
        return false;
    if (t.n < 3 || bc_u256_parse(t, out)) {
        call_fail(c, RPC_PARAMS, "invalid argument 0: %s is no quantity", key);
        return false;
    }
    return true;
}

static void args_parse(call_t *c, call_args_t *a)
{
    const cJSON *o = call_param(c, 0);
    bc_bytes_t t;
    bc_u256_t n;
    bc_addr_t to;
    *a = (call_args_t){ .data.max = BC_TX_RAW_MAX };
    if (!cJSON_IsObject(o)) {
        call_fail(c, RPC_PARAMS, "Invalid call request!");
        return;
    }
    if (!web3_block_param(c, 1))
        return;
    if ((hex_member(c, o, "input", &t) || hex_member(c, o, "data", &t)) && !c->failed &&
        bc_hex_append(t, &a->data))
        call_fail(c, RPC_PARAMS, "invalid argument 0: data is no hex string");
    if (hex_member(c, o, "to", &t) && t.n > 2) {
        if (t.n != 42 || !chain_address(t, &to))
            call_fail(c, RPC_PARAMS, "invalid argument 0: to is no address");
        /* A transaction carries its receiver in lower case. */
        char *low = bc_arena_alloc(&c->arena, 42);
        if (low) {
            memcpy(low, "0x", 2);
            bc_hex_put(BC_VIEW(to), low + 2);
            a->in.to = bc_bytes(low, 42);
        }
    }
    if (hex_member(c, o, "from", &t)) {
        a->has_from = t.n == 42 && chain_address(t, &a->in.from);
        if (!a->has_from)
            call_fail(c, RPC_PARAMS, "invalid argument 0: from is no address");
    }
    if (quantity_member(c, o, "gas", &n))
        a->gas = n.w[1] | n.w[2] | n.w[3] || n.w[0] > INT64_MAX ? INT64_MAX : n.w[0];
    quantity_member(c, o, "value", &a->in.value);
    /* Prices are checked for their form only: the chain's price is what execution charges. */
    quantity_member(c, o, "gasPrice", &n);
    quantity_member(c, o, "maxFeePerGas", &n);
    quantity_member(c, o, "maxPriorityFeePerGas", &n);
    a->in.input = bc_wr_view(&a->data);
    a->in.type = 1;
    a->in.state = c->view;
    bc_ledger_config_t *now = c->ledger.ops->config(c->ledger.self);
    a->in.number = now->number;
    a->in.timestamp = now->timestamp;
    if (now->gas_limit > 0 && a->gas > (uint64_t)now->gas_limit)
        a->gas = (uint64_t)now->gas_limit; /* no longer than a transaction may run */
    bc_ledger_config_unref(now);
    if (a->in.to.n == 0 && !c->failed) {
        uint64_t nonce = 0;
        if (!c->rpc->node.ops->pending_nonce(c->rpc->node.self, &a->in.from, &nonce) &&
            c->exec.ops->nonce(c->exec.self, c->view, &a->in.from, &nonce))
            nonce = 0;
        a->in.nonce = nonce;
    }
}

/* ---- errors of execution ---- */

static const char *failure_text(int32_t status)
{
    switch (status) {
    case BC_TXS_OUT_OF_GAS:
    case BC_TXS_OUT_OF_GAS_LIMIT:
        return "out of gas";
    case BC_TXS_BAD_INSTRUCTION:
        return "invalid opcode";
    case BC_TXS_BAD_JUMP:
        return "invalid jump destination";
    case BC_TXS_OUT_OF_STACK:
        return "stack limit reached";
    case BC_TXS_STACK_UNDERFLOW:
        return "stack underflow";
    case BC_TXS_NOT_ENOUGH_CASH:
        return "insufficient funds for transfer";
    case BC_TXS_ADDRESS_USED:
        return "contract address collision";
    default:
        return NULL;
    }
}

/* Text of Error(string), or an empty view. */
static bc_bytes_t revert_reason(call_t *c, bc_bytes_t out)
{
    static const uint8_t selector[4] = { 0x08, 0xc3, 0x79, 0xa0 };
    static const uint8_t selector_sm[4] = { 0xc7, 0x03, 0xcb, 0x12 };
    bc_abi_val_t v;
    if (out.n < 68 || (memcmp(out.p, selector, 4) != 0 && memcmp(out.p, selector_sm, 4) != 0) ||
        bc_abi_decode("(string)", bc_bytes(out.p + 4, out.n - 4), &v, &c->arena) || v.cnt != 1)
        return (bc_bytes_t){ 0 };
    return v.items[0].s;
}

static void execution_failed(call_t *c, int32_t status, bc_bytes_t output)
{
    if (status == BC_TXS_REVERT) {
        bc_bytes_t why = revert_reason(c, output);
        if (why.n)
            call_fail(c, 3, "execution reverted: %.*s", (int)BC_MIN(why.n, 4096u),
                      (const char *)why.p);
        else
            call_fail(c, 3, "execution reverted");
        c->data = output.n ? output : bc_bytes("", 0);
        return;
    }
    const char *text = failure_text(status);
    call_fail(c, RPC_SERVER, "%s", text ? text : bc_tx_status_name(status));
}

static bool execute(call_t *c, call_args_t *a, int64_t gas, bc_exec_call_result_t *out)
{
    a->in.gas_limit = gas;
    return call_execute(c, &a->in, out);
}

void web3_call_job(call_t *c)
{
    call_args_t a;
    bc_exec_call_result_t out = { 0 };
    args_parse(c, &a);
    if (!c->failed && execute(c, &a, (int64_t)a.gas, &out)) {
        if (out.status != 0) {
            execution_failed(c, out.status, out.output);
        } else {
            bc_jw_t j = call_result(c);
            bc_jw_0xhex(&j, out.output);
        }
    }
    bc_wr_free(&a.data);
}

/* The least limit with which the call succeeds, to 1.5 %: what was used once, or a search between
 * it and the cap when inner calls need more than they use. */
static uint64_t estimate(call_t *c, call_args_t *a, uint64_t cap, uint64_t used)
{
    bc_exec_call_result_t out = { 0 };
    uint64_t low = used ? used - 1 : 0, high = cap;
    if (!execute(c, a, (int64_t)used, &out))
        return 0;
    if (out.status == 0)
        return used;
    low = used;
    uint64_t first = used + used / 63 + 2300; /* 63/64 rule and stipend */
    for (unsigned i = 0; low + 1 < high && i < 64; i++) {
        uint64_t mid = i == 0 && first < high ? first : low + (high - low) / 2;
        if (i && mid > low * 2 && low)
            mid = low * 2;
        if (!execute(c, a, (int64_t)mid, &out))
            return 0;
        if (out.status == 0)
            high = mid;
        else
            low = mid;
        if (high - low <= high / 66)
            break;
    }
    return high;
}

void web3_estimate_job(call_t *c)
{
    call_args_t a;
    bc_exec_call_result_t out = { 0 };
    args_parse(c, &a);
    bc_ledger_config_t *now = c->ledger.ops->config(c->ledger.self);
    uint64_t cap = now->gas_limit > 0 ? (uint64_t)now->gas_limit : 0;
    bc_ledger_config_unref(now);
    if (a.gas && a.gas < cap)
        cap = a.gas;
    if (!c->failed && execute(c, &a, (int64_t)cap, &out)) {
        if (out.status != 0) {
            execution_failed(c, out.status, out.output);
        } else {
            uint64_t gas = estimate(c, &a, cap, out.gas_used > 0 ? (uint64_t)out.gas_used : 0);
            if (!c->failed) {
                bc_jw_t j = call_result(c);
                bc_jw_quantity(&j, gas);
            }
        }
    }
    bc_wr_free(&a.data);
}

/* ---- eth_sendRawTransaction ---- */

/* The pool's answers in the words that Ethereum clients look for. */
static const char *pool_text(int32_t status)
{
    switch (status) {
    case BC_TXS_NONCE_CHECK_FAIL:
    case BC_TXS_ALREADY_IN_CHAIN:
        return "nonce too low";
    case BC_TXS_ALREADY_IN_POOL:
    case BC_TXS_ALREADY_IN_POOL_AND_ACCEPT:
        return "already known";
    case BC_TXS_POOL_FULL:
        return "txpool is full";
    case BC_TXS_INVALID_CHAIN_ID:
        return "invalid chain id for signer";
    case BC_TXS_INVALID_SIGNATURE:
        return "invalid sender";
    case BC_TXS_INSUFFICIENT_FUNDS:
        return "insufficient funds for gas * price + value";
    case BC_TXS_MAX_INIT_CODE:
        return "max initcode size exceeded";
    case BC_TXS_SENDER_NO_EOA:
        return "sender not an eoa";
    case BC_TXS_OVERFLOW_VALUE:
        return "value overflow";
    default:
        return bc_tx_status_name(status);
    }
}

/* A failed status with sync_transaction: the error carries hash and output (spec/20 §2.3). */
static void sync_failed(call_t *c, const bc_receipt_t *r)
{
    bc_wr_t w = { .max = 64 << 20 }, text = { .max = 64 << 20 };
    bc_jw_t j = bc_jw(&w);
    bc_wr_printf(&text, "VM Exception while processing transaction, reason: %s, msg: ",
                 bc_tx_status_name(r->data.status));
    bc_wr_0xhex(&text, r->data.output);
    bc_jw_obj(&j);
    bc_jw_key(&j, "data");
    bc_jw_0xhex(&j, r->data.output);
    bc_jw_key(&j, "message");
    bc_jw_str(&j, bc_wr_view(&text));
    bc_jw_key(&j, "txHash");
    bc_jw_0xhex(&j, BC_VIEW(c->tx->hash));
    bc_jw_obj_end(&j);
    call_fail(c, RPC_INTERNAL, "%.*s", (int)BC_MIN(text.n, 1u << 20), (const char *)text.p);
    c->error_data = bc_arena_copy(&c->arena, bc_wr_view(&w), NULL);
    bc_wr_free(&w);
    bc_wr_free(&text);
}

static void submitted(bc_op_t *op)
{
    call_t *c = BC_OWNER(op, call_t, submit.op);
    bc_node_submit_t *s = &c->submit;
    const bc_exec_result_t *result = s->block ? s->block->result : NULL;
    rpc_saw_block(c->rpc, s->block);
    if (op->err)
        call_fail(c, RPC_INTERNAL, "the node could not take the transaction: %s",
                  bc_err_name(op->err));
    else if (s->status != BC_TXS_NONE)
        call_fail(c, RPC_SERVER, "%s", pool_text(s->status));
    else if (s->wait && result && s->index < result->receipt_cnt &&
             result->receipts[s->index].data.status != 0)
        sync_failed(c, &result->receipts[s->index]);
    if (!c->failed) {
        bc_jw_t j = call_result(c);
        bc_jw_0xhex(&j, BC_VIEW(c->tx->hash));
    }
    bc_committed_unref(s->block);
    call_finish(c);
}

static void submit(call_t *c)
{
    bc_rpc_t *rpc = c->rpc;
    c->submit = (bc_node_submit_t){ .op = { .home = rpc->config.loop, .done = submitted },
                                    .tx = bc_tx_ref(c->tx),
                                    .wait = rpc->config.sync_transaction };
    rpc->node.ops->submit(rpc->node.self, &c->submit);
}

/* Value moves: refuse what the sender cannot pay, as Ethereum does. Nobody else holds the
 * transaction yet, so its sender may be recovered here. */
static bc_err_t funds_run(bc_node_read_t *r, bc_ledger_if ledger, bc_executor_if exec,
                          bc_view_if latest)
{
    (void)ledger;
    call_t *c = BC_OWNER(r, call_t, read);
    bc_web3_tx_t w;
    bc_u256_t have = { 0 };
    if (bc_tx_recover(c->tx)) {
        call_fail(c, RPC_SERVER, "invalid sender");
        return BC_OK;
    }
    if (bc_web3_tx_parse_unsigned(c->tx->w.extra_tx_bytes, &w) ||
        exec.ops->balance(exec.self, latest, &c->tx->sender, &have))
        return BC_OK; /* execution decides */
    bool short_of = false;
    for (int i = 3; i >= 0; i--) {
        if (have.w[i] == w.value.w[i])
            continue;
        short_of = have.w[i] < w.value.w[i];
        break;
    }
    if (short_of)
        call_fail(c, RPC_SERVER, "insufficient funds for gas * price + value");
    return BC_OK;
}

static void funds_done(bc_op_t *op)
{
    call_t *c = BC_OWNER(op, call_t, read.op);
    if (op->err)
        call_fail(c, RPC_INTERNAL, "the node could not read: %s", bc_err_name(op->err));
    if (c->failed)
        call_finish(c);
    else
        submit(c);
}

void web3_send_raw(call_t *c)
{
    bc_rpc_t *rpc = c->rpc;
    bc_bytes_t text = call_str(c, 0);
    bc_wr_t raw = { .max = BC_TX_RAW_MAX };
    const char *why = NULL;
    bc_u256_t value;
    if (text.n < 4 || text.n % 2 || bc_hex_append(text, &raw)) {
        call_fail(c, RPC_PARAMS, "invalid argument 0: a signed transaction in hex is expected");
        bc_wr_free(&raw);
        return;
    }
    bc_err_t err = bc_tx_from_web3(rpc->config.chain->suite, bc_wr_view(&raw), &c->tx, &why);
    bc_wr_free(&raw);
    if (err) {
        c->tx = NULL;
        call_fail(c, RPC_PARAMS, "%s", why ? why : bc_err_name(err));
        return;
    }
    c->detached = true;
    /* A sender with nothing may send while the gas price is 0: only value needs a balance. */
    if (bc_u256_parse(c->tx->w.data.value, &value) == BC_OK &&
        !(value.w[0] | value.w[1] | value.w[2] | value.w[3])) {
        submit(c);
        return;
    }
    c->read.op.home = rpc->config.loop;
    c->read.op.done = funds_done;
    c->read.job = funds_run;
    rpc->node.ops->read(rpc->node.self, &c->read);
}
