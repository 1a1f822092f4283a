/* Methods of the Web3 port (spec/20 §2.2, Ethereum's execution-apis): one row each at the end. */
#include <stdio.h>
#include <stdlib.h>

#include "access/rpc/chain_read.h"
#include "access/rpc/web3_call.h"

static void put_cstr(call_t *c, const char *v)
{
    bc_jw_t j = call_result(c);
    bc_jw_cstr(&j, v);
}

static void put_quantity(call_t *c, uint64_t v)
{
    bc_jw_t j = call_result(c);
    bc_jw_quantity(&j, v);
}

static void put_null(call_t *c)
{
    bc_jw_t j = call_result(c);
    bc_jw_null(&j);
}

/* ---- constants and the node ---- */

static void client_version(call_t *c)
{
    const bc_rpc_config_t *k = &c->rpc->config;
    bc_jw_t j = call_result(c);
    char *text = bc_arena_printf(&c->arena, "FISCO-BCOS-Web3RPC/%s/%s/%s", k->version, k->platform,
                                 k->commit);
    bc_jw_cstr(&j, text ? text : "FISCO-BCOS-Web3RPC");
}

static void sha3(call_t *c)
{
    bc_bytes_t t = call_str(c, 0);
    bc_wr_t w = { .max = 64 << 20 };
    bc_h256_t h;
    if (t.n < 2 || t.p[0] != '0' || (t.p[1] | 32) != 'x' || bc_hex_append(t, &w)) {
        call_fail(c, RPC_PARAMS, "invalid argument 0: a 0x-hex string is expected");
    } else {
        bc_keccak256(bc_wr_view(&w), &h);
        bc_jw_t j = call_result(c);
        bc_jw_0xhex(&j, BC_VIEW(h));
    }
    bc_wr_free(&w);
}

/* The chain id in force: the row of the system configuration, decimal text. */
static bc_u256_t chain_id(call_t *c)
{
    bc_u256_t v = { 0 };
    bc_ledger_config_t *now = c->rpc->node.ops->config(c->rpc->node.self);
    const char *text =
        now->web3_chain_id[0] ? now->web3_chain_id : c->rpc->config.chain->web3_chain_id;
    if (bc_u256_parse(bc_cstr(text), &v))
        v = (bc_u256_t){ 0 };
    bc_ledger_config_unref(now);
    return v;
}

static void net_version(call_t *c)
{
    char text[80];
    bc_u256_t v = chain_id(c);
    bc_u256_dec(&v, text);
    put_cstr(c, text);
}

static void eth_chain_id(call_t *c)
{
    char text[68];
    bc_u256_t v = chain_id(c);
    bc_u256_quantity(&v, text);
    put_cstr(c, text);
}

static void listening(call_t *c)
{
    bc_jw_t j = call_result(c);
    bc_jw_bool(&j, true);
}

static void peer_count(call_t *c)
{
    enum { MAX = 512 };
    size_t n = 0;
    if (c->rpc->gw.ops) {
        bc_gateway_peer_t *v = bc_xcalloc(MAX, sizeof *v);
        n = c->rpc->gw.ops->peers(c->rpc->gw.self, v, MAX);
        free(v);
    }
    put_quantity(c, n ? n - 1 : 0); /* the first one is ourselves */
}

static void mining(call_t *c)
{
    bc_jw_t j = call_result(c);
    bc_jw_bool(&j, false);
}

static void zero(call_t *c)
{
    put_cstr(c, "0x0");
}

static void accounts(call_t *c)
{
    bc_jw_t j = call_result(c);
    bc_jw_arr(&j);
    bc_jw_arr_end(&j);
}

static void block_number(call_t *c)
{
    put_quantity(c, (uint64_t)c->rpc->number);
}

static void syncing(call_t *c)
{
    bc_node_status_t *s = bc_xcalloc(1, sizeof *s);
    c->rpc->node.ops->status(c->rpc->node.self, s);
    bc_jw_t j = call_result(c);
    if (!s->syncing) {
        bc_jw_bool(&j, false);
    } else {
        bc_jw_obj(&j);
        bc_jw_key(&j, "currentBlock");
        bc_jw_quantity(&j, (uint64_t)BC_MAX(s->number, 0));
        bc_jw_key(&j, "highestBlock");
        bc_jw_quantity(&j, (uint64_t)BC_MAX(s->known_highest, s->number));
        bc_jw_key(&j, "startingBlock");
        bc_jw_quantity(&j, 0);
        bc_jw_obj_end(&j);
    }
    free(s);
}

static void coinbase(call_t *c)
{
    bc_h256_t h;
    bc_keccak256(BC_VIEW(c->rpc->config.node_id), &h);
    bc_jw_t j = call_result(c);
    bc_jw_0xhex(&j, bc_bytes(h.b + 12, 20));
}

static void gas_price(call_t *c)
{
    char text[68];
    bc_ledger_config_t *now = c->rpc->node.ops->config(c->rpc->node.self);
    bc_u256_quantity(&now->gas_price, text);
    bc_ledger_config_unref(now);
    put_cstr(c, text);
}

static void no_accounts(call_t *c)
{
    call_fail(c, RPC_SERVER,
              "this node holds no account keys: sign outside and use "
              "eth_sendRawTransaction");
}

/* ---- state: always the latest ---- */

static bool address_param(call_t *c, int i, bc_addr_t *out)
{
    bc_bytes_t t = call_str(c, i);
    if (t.n == 42 && t.p[0] == '0' && (t.p[1] | 32) == 'x' && chain_address(t, out))
        return true;
    call_fail(c, RPC_PARAMS, "invalid argument %d: a 20-byte address in hex is expected", i);
    return false;
}

static bool state_ok(call_t *c, bc_err_t err)
{
    if (err && err != BC_E_NOT_FOUND)
        call_fail(c, RPC_INTERNAL, "the state could not be read: %s", bc_err_name(err));
    return !c->failed;
}

static void get_balance(call_t *c)
{
    bc_addr_t a;
    bc_u256_t v = { 0 };
    char text[68];
    if (!address_param(c, 0, &a) || !web3_block_param(c, 1) ||
        !state_ok(c, c->exec.ops->balance(c->exec.self, c->view, &a, &v)))
        return;
    bc_u256_quantity(&v, text);
    put_cstr(c, text);
}

static void get_code(call_t *c)
{
    bc_addr_t a;
    bc_bytes_t code = { 0 };
    if (!address_param(c, 0, &a) || !web3_block_param(c, 1) ||
        !state_ok(c, c->exec.ops->code(c->exec.self, c->view, &a, &code, &c->arena)))
        return;
    bc_jw_t j = call_result(c);
    bc_jw_0xhex(&j, code);
}

static void get_storage(call_t *c)
{
    bc_addr_t a;
    bc_h256_t key, value = { 0 };
    bc_bytes_t t = call_str(c, 1), hex = bc_hex_strip0x(t);
    uint8_t pad[64];
    memset(pad, '0', sizeof pad);
    if (!address_param(c, 0, &a))
        return;
    if (t.n < 3 || hex.n == t.n || hex.n > 64) {
        call_fail(c, RPC_PARAMS, "invalid argument 1: a slot in hex is expected");
        return;
    }
    memcpy(pad + 64 - hex.n, hex.p, hex.n);
    if (bc_hex_fixed(bc_bytes(pad, 64), key.b, 32)) {
        call_fail(c, RPC_PARAMS, "invalid argument 1: a slot in hex is expected");
        return;
    }
    if (!web3_block_param(c, 2) ||
        !state_ok(c, c->exec.ops->storage(c->exec.self, c->view, &a, &key, &value)))
        return;
    bc_jw_t j = call_result(c);
    bc_jw_0xhex(&j, BC_VIEW(value));
}

static void get_tx_count(call_t *c)
{
    bc_addr_t a;
    uint64_t n = 0, pending = 0;
    if (!address_param(c, 0, &a) || !web3_block_param(c, 1) ||
        !state_ok(c, c->exec.ops->nonce(c->exec.self, c->view, &a, &n)))
        return;
    if (bc_bytes_eq(call_str(c, 1), BC_STR("pending")) &&
        c->rpc->node.ops->pending_nonce(c->rpc->node.self, &a, &pending))
        n = BC_MAX(n, pending);
    put_quantity(c, n);
}

/* ---- blocks ---- */

/* The height that params[i] means; false (without failing) when there is no such block. */
static bool number_param(call_t *c, int i, int64_t *out)
{
    bc_bytes_t t = call_str(c, i);
    if (!t.n) {
        call_fail(c, RPC_PARAMS, "missing value for required argument %d", i);
        return false;
    }
    if (!web3_block_param(c, i))
        return false;
    *out = chain_number(c);
    if (bc_bytes_eq(t, BC_STR("earliest"))) {
        *out = 0;
    } else if (t.n > 2 && t.p[0] == '0' && t.p[1] == 'x') {
        char *end;
        unsigned long long v = strtoull((const char *)t.p + 2, &end, 16);
        if (v > (unsigned long long)*out)
            return false;
        *out = (int64_t)v;
    }
    return true;
}

static bool hash_param(call_t *c, int i, int64_t *number)
{
    bc_h256_t hash;
    return call_hash(c, call_str(c, i), &hash) &&
           chain_read(c, c->ledger.ops->number_by_hash(c->ledger.self, &hash, number));
}

static bool index_param(call_t *c, int i, uint64_t *out)
{
    bc_u256_t v;
    bc_bytes_t t = call_str(c, i);
    if (t.n < 3 || t.p[0] != '0' || t.p[1] != 'x' || bc_u256_parse(t, &v)) {
        call_fail(c, RPC_PARAMS, "invalid argument %d: a quantity is expected", i);
        return false;
    }
    *out = v.w[1] | v.w[2] | v.w[3] ? UINT64_MAX : v.w[0];
    return true;
}

static bc_ledger_block_t *load_block(call_t *c, int64_t number, unsigned with)
{
    bc_ledger_block_t *b = NULL;
    return chain_read(c, c->ledger.ops->block(c->ledger.self, number, with, &b)) ? b : NULL;
}

static void put_block(call_t *c, bool there, int64_t number)
{
    bool full = call_bool(c, 1, false);
    if (c->failed)
        return;
    unsigned with = BC_WITH_RECEIPTS | (full ? BC_WITH_TXS : 0u);
    bc_ledger_block_t *b = there ? load_block(c, number, with) : NULL;
    if (!b) {
        put_null(c);
        return;
    }
    bc_web3_block_view_t v = { .header = b->header,
                               .tx_cnt = b->tx_cnt,
                               .tx_hashes = b->tx_hashes,
                               .txs = b->txs,
                               .receipts = b->receipts,
                               .full = full };
    bc_jw_t j = call_result(c);
    bc_web3_block_json(&j, &v);
    bc_ledger_block_free(b);
}

static void get_block_by_number(call_t *c)
{
    int64_t n = 0;
    bool there = number_param(c, 0, &n);
    put_block(c, there, n);
}

static void get_block_by_hash(call_t *c)
{
    int64_t n = 0;
    bool there = hash_param(c, 0, &n);
    put_block(c, there, n);
}

static void put_tx_count(call_t *c, bool there, int64_t n)
{
    if (c->failed)
        return;
    bc_ledger_block_t *b = there ? load_block(c, n, 0) : NULL;
    if (b)
        put_quantity(c, b->tx_cnt);
    else
        put_null(c);
    if (b)
        bc_ledger_block_free(b);
}

static void tx_count_by_number(call_t *c)
{
    int64_t n = 0;
    bool there = number_param(c, 0, &n);
    put_tx_count(c, there, n);
}

static void tx_count_by_hash(call_t *c)
{
    int64_t n = 0;
    bool there = hash_param(c, 0, &n);
    put_tx_count(c, there, n);
}

static void put_uncles(call_t *c, bool there)
{
    if (c->failed)
        return;
    if (there)
        put_quantity(c, 0);
    else
        put_null(c);
}

static void uncle_count_by_number(call_t *c)
{
    int64_t n = 0;
    bool there = number_param(c, 0, &n);
    put_uncles(c, there);
}

static void uncle_count_by_hash(call_t *c)
{
    int64_t n = 0;
    bool there = hash_param(c, 0, &n);
    put_uncles(c, there);
}

/* ---- transactions and receipts ---- */

static bool find_tx(const bc_ledger_block_t *b, const bc_h256_t *hash, size_t *at)
{
    for (*at = 0; *at < b->tx_cnt; ++*at)
        if (bc_h256_eq(&b->tx_hashes[*at], hash))
            return true;
    return false;
}

/* A committed transaction, its receipt and its place. */
typedef struct {
    bc_tx_t *tx;
    bc_receipt_t receipt;
    bc_ledger_block_t *block;
    size_t index;
} mined_t;

static bool load_mined(call_t *c, const bc_h256_t *hash, unsigned with, mined_t *m)
{
    *m = (mined_t){ 0 };
    if (!chain_read(c, c->ledger.ops->receipt(c->ledger.self, hash, &m->receipt, &c->arena)) ||
        !chain_read(c, c->ledger.ops->tx(c->ledger.self, hash, &m->tx)))
        return false;
    m->block = load_block(c, m->receipt.data.block_number, with);
    return m->block && find_tx(m->block, hash, &m->index);
}

static void mined_free(mined_t *m)
{
    bc_tx_unref(m->tx);
    if (m->block)
        bc_ledger_block_free(m->block);
}

static void get_tx_by_hash(call_t *c)
{
    bc_h256_t hash;
    mined_t m;
    if (!call_hash(c, call_str(c, 0), &hash))
        return;
    if (load_mined(c, &hash, 0, &m)) {
        bc_web3_place_t at = { &m.block->header->hash, m.block->header->h.data.number, m.index };
        bc_jw_t j = call_result(c);
        bc_web3_tx_json(&j, m.tx, &at);
    } else {
        put_null(c);
    }
    mined_free(&m);
}

static void put_tx_at(call_t *c, bool there, int64_t number)
{
    uint64_t index;
    if (c->failed || !index_param(c, 1, &index))
        return;
    bc_ledger_block_t *b = there ? load_block(c, number, 0) : NULL;
    bc_tx_t *tx = NULL;
    if (b && index < b->tx_cnt &&
        chain_read(c, c->ledger.ops->tx(c->ledger.self, &b->tx_hashes[index], &tx))) {
        bc_web3_place_t at = { &b->header->hash, number, (size_t)index };
        bc_jw_t j = call_result(c);
        bc_web3_tx_json(&j, tx, &at);
    } else {
        put_null(c);
    }
    bc_tx_unref(tx);
    if (b)
        bc_ledger_block_free(b);
}

static void get_tx_by_number(call_t *c)
{
    int64_t n = 0;
    bool there = number_param(c, 0, &n);
    put_tx_at(c, there, n);
}

static void get_tx_by_block_hash(call_t *c)
{
    int64_t n = 0;
    bool there = hash_param(c, 0, &n);
    put_tx_at(c, there, n);
}

static uint64_t receipt_gas(const bc_receipt_t *r)
{
    return bc_gas_u64(r->data.gas_used);
}

static void get_receipt(call_t *c)
{
    bc_h256_t hash;
    mined_t m;
    if (!call_hash(c, call_str(c, 0), &hash))
        return;
    /* The other receipts of the block tell the block-wide log index and the gas before. */
    if (!load_mined(c, &hash, BC_WITH_RECEIPTS, &m) || !m.block->receipts) {
        mined_free(&m);
        put_null(c);
        return;
    }
    bc_web3_receipt_view_t v = { .tx = m.tx,
                                 .receipt = &m.receipt,
                                 .at = { &m.block->header->hash, m.receipt.data.block_number,
                                         m.index } };
    for (size_t i = 0; i < m.index; i++) {
        v.log_index += bc_web3_log_cnt(&m.block->receipts[i]);
        v.cumulative_gas += receipt_gas(&m.block->receipts[i]);
    }
    v.cumulative_gas += receipt_gas(&m.receipt);
    bc_jw_t j = call_result(c);
    bc_web3_receipt_json(&j, &v);
    mined_free(&m);
}

static void get_block_receipts(call_t *c)
{
    int64_t n = 0;
    bool there = call_str(c, 0).n == 66 ? hash_param(c, 0, &n) : number_param(c, 0, &n);
    if (c->failed)
        return;
    bc_ledger_block_t *b = there ? load_block(c, n, BC_WITH_RECEIPTS | BC_WITH_TXS) : NULL;
    if (!b || !b->receipts || !b->txs) {
        if (b)
            bc_ledger_block_free(b);
        put_null(c);
        return;
    }
    bc_web3_receipt_view_t v = { .at = { &b->header->hash, n, 0 } };
    bc_jw_t j = call_result(c);
    bc_jw_arr(&j);
    for (size_t i = 0; i < b->tx_cnt; i++) {
        v.receipt = &b->receipts[i];
        v.tx = b->txs[i];
        v.at.index = i;
        v.cumulative_gas += receipt_gas(v.receipt);
        if (v.tx)
            bc_web3_receipt_json(&j, &v);
        v.log_index += bc_web3_log_cnt(v.receipt);
    }
    bc_jw_arr_end(&j);
    bc_ledger_block_free(b);
}

/* ---- fees ---- */

static void fee_history(call_t *c)
{
    enum { COUNT_MAX = 1024, GAS_LIMIT = 30000000 };
    bc_u256_t v = { 0 };
    int64_t newest = 0;
    const cJSON *p = call_param(c, 0), *rewards = call_param(c, 2);
    if (cJSON_IsNumber(p) && p->valuedouble >= 0 && p->valuedouble <= 1e9)
        v.w[0] = (uint64_t)p->valuedouble;
    else if (!cJSON_IsString(p) || bc_u256_parse(bc_cstr(p->valuestring), &v)) {
        call_fail(c, RPC_PARAMS, "invalid argument 0: a block count is expected");
        return;
    }
    if (!number_param(c, 1, &newest)) {
        call_fail(c, RPC_SERVER, "request beyond head block");
        return;
    }
    uint64_t count = BC_MIN(v.w[1] | v.w[2] | v.w[3] ? UINT64_MAX : v.w[0], (uint64_t)COUNT_MAX);
    count = BC_MIN(count, (uint64_t)newest + 1);
    int64_t oldest = newest + 1 - (int64_t)count;
    int percentiles = cJSON_IsArray(rewards) ? cJSON_GetArraySize(rewards) : 0;
    if (percentiles > 100) {
        call_fail(c, RPC_PARAMS, "invalid argument 2: more than 100 percentiles");
        return;
    }
    static const char *const names[] = { "baseFeePerBlobGas", "baseFeePerGas" };
    bc_jw_t j = call_result(c);
    bc_jw_obj(&j);
    for (size_t k = 0; k < BC_ARRAY_LEN(names); k++) { /* there is no base fee */
        bc_jw_key(&j, names[k]);
        bc_jw_arr(&j);
        for (uint64_t i = 0; count && i <= count; i++)
            bc_jw_cstr(&j, "0x0");
        bc_jw_arr_end(&j);
    }
    bc_jw_key(&j, "blobGasUsedRatio");
    bc_jw_arr(&j);
    for (uint64_t i = 0; i < count; i++)
        bc_jw_i64(&j, 0);
    bc_jw_arr_end(&j);
    bc_jw_key(&j, "gasUsedRatio");
    bc_jw_arr(&j);
    for (uint64_t i = 0; i < count; i++) {
        char text[40];
        bc_ledger_block_t *b = load_block(c, oldest + (int64_t)i, 0);
        uint64_t gas = b ? bc_gas_u64(b->header->h.data.gas_used) : 0;
        int n = snprintf(text, sizeof text, "%.6g",
                         (double)gas / (double)BC_MAX(gas, (uint64_t)GAS_LIMIT));
        bc_jw_raw(&j, bc_bytes(text, (size_t)n));
        if (b)
            bc_ledger_block_free(b);
    }
    bc_jw_arr_end(&j);
    bc_jw_key(&j, "oldestBlock");
    bc_jw_quantity(&j, (uint64_t)oldest);
    if (percentiles) {
        bc_jw_key(&j, "reward");
        bc_jw_arr(&j);
        for (uint64_t i = 0; i < count; i++) {
            bc_jw_arr(&j);
            for (int k = 0; k < percentiles; k++)
                bc_jw_cstr(&j, "0x0");
            bc_jw_arr_end(&j);
        }
        bc_jw_arr_end(&j);
    }
    bc_jw_obj_end(&j);
}

static void uncle(call_t *c)
{
    put_null(c);
}

/* ---- the table, sorted by name ---- */

static const method_t methods[] = {
    { "eth_accounts", false, accounts, NULL, NULL },
    { "eth_blobBaseFee", false, zero, NULL, NULL },
    { "eth_blockNumber", false, block_number, NULL, NULL },
    { "eth_call", false, NULL, web3_call_job, NULL },
    { "eth_chainId", false, eth_chain_id, NULL, NULL },
    { "eth_coinbase", false, coinbase, NULL, NULL },
    { "eth_estimateGas", false, NULL, web3_estimate_job, NULL },
    { "eth_feeHistory", false, NULL, fee_history, NULL },
    { "eth_gasPrice", false, gas_price, NULL, NULL },
    { "eth_getBalance", false, NULL, get_balance, NULL },
    { "eth_getBlockByHash", false, NULL, get_block_by_hash, NULL },
    { "eth_getBlockByNumber", false, NULL, get_block_by_number, NULL },
    { "eth_getBlockReceipts", false, NULL, get_block_receipts, NULL },
    { "eth_getBlockTransactionCountByHash", false, NULL, tx_count_by_hash, NULL },
    { "eth_getBlockTransactionCountByNumber", false, NULL, tx_count_by_number, NULL },
    { "eth_getCode", false, NULL, get_code, NULL },
    { "eth_getFilterChanges", false, filter_changes_start, filter_job, NULL },
    { "eth_getFilterLogs", false, filter_logs_start, filter_job, NULL },
    { "eth_getLogs", false, filter_get_logs_start, filter_get_logs_job, NULL },
    { "eth_getStorageAt", false, NULL, get_storage, NULL },
    { "eth_getTransactionByBlockHashAndIndex", false, NULL, get_tx_by_block_hash, NULL },
    { "eth_getTransactionByBlockNumberAndIndex", false, NULL, get_tx_by_number, NULL },
    { "eth_getTransactionByHash", false, NULL, get_tx_by_hash, NULL },
    { "eth_getTransactionCount", false, NULL, get_tx_count, NULL },
    { "eth_getTransactionReceipt", false, NULL, get_receipt, NULL },
    { "eth_getUncleByBlockHashAndIndex", false, uncle, NULL, NULL },
    { "eth_getUncleByBlockNumberAndIndex", false, uncle, NULL, NULL },
    { "eth_getUncleCountByBlockHash", false, NULL, uncle_count_by_hash, NULL },
    { "eth_getUncleCountByBlockNumber", false, NULL, uncle_count_by_number, NULL },
    { "eth_hashrate", false, zero, NULL, NULL },
    { "eth_maxPriorityFeePerGas", false, zero, NULL, NULL },
    { "eth_mining", false, mining, NULL, NULL },
    { "eth_newBlockFilter", false, filter_new_block, NULL, NULL },
    { "eth_newFilter", false, filter_new_logs, NULL, NULL },
    { "eth_newPendingTransactionFilter", false, filter_new_pending, NULL, NULL },
    { "eth_sendRawTransaction", false, web3_send_raw, NULL, NULL },
    { "eth_sendTransaction", false, no_accounts, NULL, NULL },
    { "eth_sign", false, no_accounts, NULL, NULL },
    { "eth_signTransaction", false, no_accounts, NULL, NULL },
    { "eth_subscribe", false, sub_start, NULL, NULL },
    { "eth_syncing", false, syncing, NULL, NULL },
    { "eth_uninstallFilter", false, filter_uninstall, NULL, NULL },
    { "eth_unsubscribe", false, sub_stop, NULL, NULL },
    { "net_listening", false, listening, NULL, NULL },
    { "net_peerCount", false, peer_count, NULL, NULL },
    { "net_version", false, net_version, NULL, NULL },
    { "web3_clientVersion", false, client_version, NULL, NULL },
    { "web3_sha3", false, sha3, NULL, NULL },
};

static int by_name(const void *key, const void *row)
{
    return bc_bytes_cmp(*(const bc_bytes_t *)key, bc_cstr(((const method_t *)row)->name));
}

const method_t *web3_method(bc_bytes_t name)
{
    return bsearch(&name, methods, BC_ARRAY_LEN(methods), sizeof methods[0], by_name);
}
