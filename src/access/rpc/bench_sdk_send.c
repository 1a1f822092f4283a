/* What the SDK port spends on one sendTransaction besides TLS and signatures: frame, scan, hex,
 * Tars, hash, submit; then the receipt's JSON and frame. One transfer-like transaction with one
 * log, answered at once. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "access/rpc/rpc.h"
#include "access/rpc/ws_message.h"
#include "codec/hex.h"

static bc_loop_t loop;
static bc_committed_t *block;
static size_t sent_bytes;

static void submit(void *self, bc_node_submit_t *r)
{
    (void)self;
    bc_tx_unref(r->tx);
    r->block = bc_committed_ref(block);
    bc_op_finish(&r->op, BC_OK);
}
static void status(void *self, bc_node_status_t *out)
{
    (void)self;
    *out = (bc_node_status_t){ 0 };
}
static const bc_node_ops_t ops = { .submit = submit, .status = status };

static void sent(void *ctx, bc_bytes_t message)
{
    (void)ctx;
    sent_bytes += message.n;
}

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 200000;
    static bc_chain_config_t chain = { .group_id = "group0", .chain_id = "chain0" };
    uint8_t input[68] = { 0xa9, 0x05, 0x9c, 0xbb }, secret[32] = { 1 }, topic[32] = { 1 };
    bc_keypair_t key;
    bc_tx_t *tx;
    BC_MUST(bc_keypair_from_secret(BC_SUITE_STANDARD, secret, &key) == BC_OK);
    bc_tx_data_t d = { .chain_id = BC_STR("chain0"),
                       .group_id = BC_STR("group0"),
                       .block_limit = 500,
                       .nonce = BC_STR("1230292016168405787613841466104253422485"),
                       .to = BC_STR("0x31ed5233b81c79d5adddeef991f531a9bbc2ad01"),
                       .input = bc_bytes(input, sizeof input) };
    BC_MUST(bc_tx_make(BC_SUITE_STANDARD, &d, 0, (bc_bytes_t){ 0 }, &key, &tx) == BC_OK);
    bc_wr_t body = { 0 }, frame = { 0 };
    bc_wr_str(
        &body,
        "{\"jsonrpc\":\"2.0\",\"method\":\"sendTransaction\",\"params\":[\"group0\",\"\",\"0x");
    bc_wr_hex(&body, bc_buf_view(tx->raw));
    bc_wr_str(&body, "\",false],\"id\":1}");
    bc_ws_message_encode(&(bc_ws_message_t){ .type = BC_WS_RPC_REQUEST,
                                             .seq = BC_STR("0123456789abcdef0123456789abcdef"),
                                             .payload = bc_wr_view(&body) },
                         &frame);

    bc_bytes_t topics[3] = { bc_bytes(topic, 32), bc_bytes(topic, 32), bc_bytes(topic, 32) };
    bc_log_entry_t log = { .address = BC_STR("31ed5233b81c79d5adddeef991f531a9bbc2ad01"),
                           .topics = { topics, 3 },
                           .data = bc_bytes(topic, 32) };
    bc_receipt_t receipt = { .data = { .gas_used = BC_STR("27733"),
                                       .output = bc_bytes(topic, 32),
                                       .logs = { &log, 1 },
                                       .block_number = 5 } };
    bc_h256_t hash = { { 7 } };
    block = bc_xcalloc(1, sizeof *block);
    atomic_init(&block->refs, 1);
    block->result = bc_xcalloc(1, sizeof *block->result);
    block->result->receipt_cnt = 1;
    block->result->receipts = &receipt;
    block->result->receipt_hashes = &hash;

    bc_rpc_t *rpc = bc_rpc_new(
        &(bc_rpc_config_t){ .chain = &chain, .loop = &loop, .return_input_params = true },
        (bc_node_if){ &ops, NULL }, (bc_gateway_if){ 0 });
    bc_rpc_session_t *s = bc_rpc_session_open(rpc, false, sent, NULL);
    double from = now_us();
    for (int i = 0; i < rounds; i++) {
        BC_MUST(bc_rpc_session_message(s, bc_wr_view(&frame)));
        while (bc_loop_step(&loop)) {
        }
    }
    double us = (now_us() - from) / rounds;
    from = now_us();
    for (int i = 0; i < rounds; i++) {
        bc_tx_t *again;
        BC_MUST(bc_tx_decode(BC_SUITE_STANDARD, bc_buf_view(tx->raw), &again) == BC_OK);
        bc_tx_unref(again);
    }
    double decode = (now_us() - from) / rounds;
    printf("sendTransaction: %.2f us (of it decoding and hashing the transaction %.2f us), request "
           "%zu, answer %zu bytes\n",
           us, decode, frame.n, sent_bytes / (size_t)rounds);
    return 0;
}
