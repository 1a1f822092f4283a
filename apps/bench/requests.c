/* Keys, inputs and signed transactions. */
#include <stdlib.h>
#include <time.h>
#include "bench/bench.h"
#include "codec/hex.h"
#include "codec/rlp.h"

int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

bool accounts_make(bench_t *b)
{
    b->keys = bc_xcalloc(b->accounts, sizeof *b->keys);
    b->addrs = bc_xcalloc(b->accounts, sizeof *b->addrs);
    for (size_t i = 0; i < b->accounts; i++) {
        if (bc_keypair_new(b->chain.suite, &b->keys[i]))
            return false;
        bc_address(b->chain.suite, &b->keys[i].pub, &b->addrs[i]);
    }
    return true;
}

static void call_begin(const bench_t *b, const char *signature, bc_wr_t *out)
{
    bc_h256_t h;
    bc_hash(b->chain.suite, bc_cstr(signature), &h);
    bc_wr_mem(out, h.b, 4);
}

static void word_addr(bc_wr_t *out, const bc_addr_t *a)
{
    static const uint8_t zero[12];
    bc_wr_mem(out, zero, 12);
    bc_wr_mem(out, a->b, 20);
}

static void word_u64(bc_wr_t *out, uint64_t v)
{
    static const uint8_t zero[24];
    bc_wr_mem(out, zero, 24);
    bc_wr_be64(out, v);
}

void input_mint(const bench_t *b, size_t account, bc_wr_t *out)
{
    call_begin(b, "mint(address,uint256)", out);
    word_addr(out, &b->addrs[account]);
    word_u64(out, 1000000000);
}

void input_make(const bench_t *b, size_t i, bc_wr_t *out)
{
    switch (b->work) {
    case WORK_TRANSFER:
        call_begin(b, "transfer(address,uint256)", out);
        word_addr(out, &b->addrs[(i + 1) % b->accounts]);
        word_u64(out, 1);
        break;
    case WORK_SET:
        call_begin(b, "set(uint256)", out);
        word_u64(out, i + 1);
        break;
    case WORK_NATIVE: break; /* a plain transaction to an account, no data */
    }
}

static bool sdk_request(const bench_t *b, size_t account, uint64_t nonce, const char *to,
                        bc_bytes_t input, int64_t block_limit, uint64_t id, bench_req_t *out)
{
    char nonce_text[40];
    snprintf(nonce_text, sizeof nonce_text, "%lu%010lu", (unsigned long)b->seed, (unsigned long)nonce);
    bc_tx_data_t d = { .version = 0,
                       .chain_id = bc_cstr(b->chain.chain_id),
                       .group_id = bc_cstr(b->chain.group_id),
                       .block_limit = block_limit,
                       .nonce = bc_cstr(nonce_text),
                       .to = bc_cstr(to),
                       .input = input };
    bc_tx_t *tx;
    if (bc_tx_make(b->chain.suite, &d, BC_TX_ATTR_EVM, (bc_bytes_t){ 0 }, &b->keys[account], &tx))
        return false;
    bc_wr_t w = { 0 };
    bc_wr_printf(&w,
                 "{\"id\":%lu,\"jsonrpc\":\"2.0\",\"method\":\"sendTransaction\",\"params\":[\"%s\","
                 "\"\",\"0x",
                 (unsigned long)id, b->chain.group_id);
    bc_wr_hex(&w, bc_buf_view(tx->raw));
    bc_wr_str(&w, "\",false]}");
    out->hash = tx->hash;
    bc_tx_unref(tx);
    out->json = (char *)w.p;
    out->n = (uint32_t)w.n;
    return !w.err;
}

/* Legacy transaction with EIP-155. */
static bool web3_request(const bench_t *b, size_t account, uint64_t nonce, const char *to,
                         bc_bytes_t input, uint64_t id, bench_req_t *out)
{
    uint8_t addr[20];
    if (to[0] && bc_hex_fixed(bc_cstr(to), addr, 20))
        return false;
    bc_web3_tx_t t = { .chain_id = strtoull(b->chain.web3_chain_id, NULL, 10),
                       .nonce = nonce,
                       .gas_limit = 30000000,
                       .to = bc_bytes(addr, to[0] ? 20 : 0),
                       .input = input };
    bc_wr_t body = { 0 }, w = { 0 };
    bool ok = bc_web3_sign(&t, &b->keys[account], &body) == BC_OK;
    bc_keccak256(bc_wr_view(&body), &out->hash);
    bc_wr_printf(&w,
                 "{\"id\":%lu,\"jsonrpc\":\"2.0\",\"method\":\"eth_sendRawTransaction\","
                 "\"params\":[\"0x",
                 (unsigned long)id);
    bc_wr_hex(&w, bc_wr_view(&body));
    bc_wr_str(&w, "\"]}");
    ok = ok && !w.err && !body.err;
    bc_wr_free(&body);
    out->json = (char *)w.p;
    out->n = (uint32_t)w.n;
    return ok;
}

bool request_make(const bench_t *b, size_t account, uint64_t nonce, const char *to, bc_bytes_t input,
                  int64_t block_limit, uint64_t id, bench_req_t *out)
{
    *out = (bench_req_t){ .status = -1 };
    return b->over == OVER_WEB3
               ? web3_request(b, account, nonce, to, input, id, out)
               : sdk_request(b, account, nonce, to, input, block_limit, id, out);
}
