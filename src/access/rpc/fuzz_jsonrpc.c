/* Request bodies of both ports and frames of SDK sessions against a node that has nothing: every
 * body gets exactly one answer, and the answer is JSON. First byte: 0 SDK body, 1 Web3 body,
 * 2 Web3 WebSocket, else an SDK frame. */
#include <stdlib.h>

#include "access/rpc/rpc.h"
#include "codec/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bc_ledger_config_t config = { .web3_chain_id = "20200" };
static bc_chain_config_t chain = { .group_id = "group0", .chain_id = "chain0" };
static bc_loop_t loop;

static bc_ledger_config_t *get_config(void *self)
{
    (void)self;
    return bc_ledger_config_ref(&config);
}

static bc_err_t no_number(void *self, int64_t *out)
{
    (void)self;
    *out = 5;
    return BC_OK;
}
static bc_err_t no_totals(void *self, bc_ledger_totals_t *out)
{
    (void)self, (void)out;
    return BC_E_NOT_FOUND;
}
static bc_err_t no_hash(void *self, int64_t n, bc_h256_t *out)
{
    (void)self, (void)n, (void)out;
    return BC_E_NOT_FOUND;
}
static bc_err_t no_block_number(void *self, const bc_h256_t *h, int64_t *out)
{
    (void)self, (void)h, (void)out;
    return BC_E_NOT_FOUND;
}
static bc_err_t no_block(void *self, int64_t n, unsigned with, bc_ledger_block_t **out)
{
    (void)self, (void)n, (void)with, (void)out;
    return BC_E_NOT_FOUND;
}
static bc_err_t no_tx(void *self, const bc_h256_t *h, bc_tx_t **out)
{
    (void)self, (void)h, (void)out;
    return BC_E_NOT_FOUND;
}
static bc_err_t no_receipt(void *self, const bc_h256_t *h, bc_receipt_t *out, bc_arena_t *a)
{
    (void)self, (void)h, (void)out, (void)a;
    return BC_E_NOT_FOUND;
}
static bc_err_t no_config(void *self, bc_bytes_t k, bc_bytes_t *v, int64_t *e, bc_arena_t *a)
{
    (void)self, (void)k, (void)v, (void)e, (void)a;
    return BC_E_NOT_FOUND;
}
static const bc_ledger_ops_t ledger_ops = { .number = no_number,
                                            .totals = no_totals,
                                            .hash_by_number = no_hash,
                                            .number_by_hash = no_block_number,
                                            .block = no_block,
                                            .tx = no_tx,
                                            .receipt = no_receipt,
                                            .system_config = no_config,
                                            .config = get_config };

static bc_err_t revert(void *self, const bc_exec_call_t *in, bc_exec_call_result_t *out,
                       bc_arena_t *a)
{
    (void)self;
    *out = (bc_exec_call_result_t){ .status = in->input.n % 3 ? BC_TXS_REVERT : 0,
                                    .output = bc_arena_copy(a, in->input, NULL),
                                    .gas_used = 21000 };
    return BC_OK;
}
static bc_err_t no_bytes(void *self, bc_view_if v, const bc_addr_t *x, bc_bytes_t *out,
                         bc_arena_t *a)
{
    (void)self, (void)v, (void)x, (void)out, (void)a;
    return BC_E_NOT_FOUND;
}
static bc_err_t no_balance(void *self, bc_view_if v, const bc_addr_t *x, bc_u256_t *out)
{
    (void)self, (void)v, (void)x, (void)out;
    return BC_E_NOT_FOUND;
}
static bc_err_t no_nonce(void *self, bc_view_if v, const bc_addr_t *x, uint64_t *out)
{
    (void)self, (void)v, (void)x, (void)out;
    return BC_E_NOT_FOUND;
}
static bc_err_t no_storage(void *self, bc_view_if v, const bc_addr_t *x, const bc_h256_t *k,
                           bc_h256_t *out)
{
    (void)self, (void)v, (void)x, (void)k, (void)out;
    return BC_E_NOT_FOUND;
}
static const bc_executor_ops_t exec_ops = { .call = revert,
                                            .code = no_bytes,
                                            .abi = no_bytes,
                                            .balance = no_balance,
                                            .nonce = no_nonce,
                                            .storage = no_storage };

static void submit(void *self, bc_node_submit_t *r)
{
    (void)self;
    bc_tx_unref(r->tx);
    r->status = BC_TXS_POOL_FULL;
    bc_op_finish(&r->op, BC_OK);
}
static void read_now(void *self, bc_node_read_t *r)
{
    (void)self;
    bc_op_finish(&r->op, r->job(r, (bc_ledger_if){ &ledger_ops, NULL },
                                (bc_executor_if){ &exec_ops, NULL }, (bc_view_if){ 0 }));
}
static void status(void *self, bc_node_status_t *out)
{
    (void)self;
    *out = (bc_node_status_t){ .number = 5 };
}
static bool pending(void *self, const bc_addr_t *a, uint64_t *out)
{
    (void)self, (void)a;
    *out = 7;
    return true;
}
static const bc_node_ops_t node_ops = { submit, read_now, status, get_config, pending };

static unsigned answers;

static void is_json(bc_bytes_t v)
{
    cJSON *root = bc_json_parse(v, 1000, NULL);
    BC_MUST(root);
    cJSON_Delete(root);
}
static void reply(void *ctx, bc_bytes_t answer)
{
    (void)ctx;
    answers++;
    is_json(answer);
}
static void sent(void *ctx, bc_bytes_t message)
{
    if (*(bool *)ctx)
        is_json(message);
    else
        BC_MUST(message.n >= 10);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bc_rpc_t *rpc;
    if (!rpc) {
        atomic_init(&config.refs, 1u << 30); /* never freed */
        rpc = bc_rpc_new(&(bc_rpc_config_t){ .chain = &chain, .loop = &loop, .filters_max = 100 },
                         (bc_node_if){ &node_ops, NULL }, (bc_gateway_if){ 0 });
    }
    if (size < 1)
        return 0;
    bc_bytes_t body = bc_bytes(data + 1, size - 1);
    answers = 0;
    bool web3 = data[0] == 2;
    bc_rpc_session_t *s = NULL;
    if (data[0] == 0)
        bc_rpc_sdk_handle(rpc, body, (bc_bytes_t){ 0 }, reply, NULL);
    else if (data[0] == 1)
        bc_rpc_web3_handle(rpc, body, NULL, reply, NULL);
    else {
        s = bc_rpc_session_open(rpc, web3, sent, &web3);
        bool kept = bc_rpc_session_message(s, body);
        (void)kept;
    }
    while (bc_loop_step(&loop)) {
    }
    BC_MUST(data[0] > 1 || answers == 1);
    if (s)
        bc_rpc_session_close(s);
    BC_MUST(bc_rpc_in_flight(rpc) == 0);
    return 0;
}
