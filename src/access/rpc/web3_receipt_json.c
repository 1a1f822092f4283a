#include "access/rpc/views.h"
#include "codec/hex.h"

void bc_web3_address_json(bc_jw_t *j, bc_bytes_t hex40)
{
    char text[42] = "0x";
    bc_addr_t a;
    bc_bytes_t t = bc_hex_strip0x(hex40);
    if (t.n != 40 || bc_hex_fixed(t, a.b, 20)) {
        bc_jw_null(j);
        return;
    }
    bc_hex_put(BC_VIEW(a), text + 2);
    bc_checksum_address(BC_SUITE_STANDARD, text + 2); /* Keccak whatever the chain's suite */
    bc_jw_str(j, bc_bytes(text, 42));
}

void bc_web3_address_raw_json(bc_jw_t *j, const bc_addr_t *a)
{
    char text[40];
    bc_hex_put(BC_VIEW(*a), text);
    bc_web3_address_json(j, bc_bytes(text, 40));
}

void bc_web3_bloom(uint8_t bloom[256], const bc_receipt_t *r)
{
    const bc_log_entry_t *logs = r->data.logs.v;
    for (size_t i = 0; r->data.status == 0 && i < r->data.logs.n; i++) {
        bc_addr_t a;
        if (bc_hex_fixed(bc_hex_strip0x(logs[i].address), a.b, 20) == BC_OK)
            bc_bloom_add(bloom, BC_VIEW(a));
        const bc_bytes_t *t = logs[i].topics.v;
        for (size_t k = 0; k < logs[i].topics.n; k++)
            bc_bloom_add(bloom, t[k]);
    }
}

void bc_web3_quantity_json(bc_jw_t *j, bc_bytes_t text)
{
    char out[68];
    bc_u256_t v;
    if (bc_u256_parse(text, &v))
        v = (bc_u256_t){ 0 };
    size_t n = bc_u256_quantity(&v, out);
    bc_jw_str(j, bc_bytes(out, n));
}

uint64_t bc_gas_u64(bc_bytes_t decimal)
{
    bc_u256_t v;
    if (bc_u256_parse(decimal, &v))
        return 0;
    return v.w[1] | v.w[2] | v.w[3] ? UINT64_MAX : v.w[0];
}

size_t bc_web3_log_cnt(const bc_receipt_t *r)
{
    return r->data.status == 0 ? r->data.logs.n : 0;
}

static void log_json(bc_jw_t *j, const bc_web3_receipt_view_t *v, const bc_log_entry_t *log,
                     size_t index)
{
    const bc_bytes_t *t = log->topics.v;
    bc_jw_obj(j);
    bc_jw_key(j, "address");
    bc_web3_address_json(j, log->address);
    bc_jw_key(j, "blockHash");
    bc_jw_0xhex(j, BC_VIEW(*v->at.block_hash));
    bc_jw_key(j, "blockNumber");
    bc_jw_quantity(j, (uint64_t)v->at.number);
    bc_jw_key(j, "data");
    bc_jw_0xhex(j, log->data);
    bc_jw_key(j, "logIndex");
    bc_jw_quantity(j, index);
    bc_jw_key(j, "removed");
    bc_jw_bool(j, false);
    bc_jw_key(j, "topics");
    bc_jw_arr(j);
    for (size_t k = 0; k < log->topics.n; k++)
        bc_jw_0xhex(j, t[k]);
    bc_jw_arr_end(j);
    bc_jw_key(j, "transactionHash");
    bc_jw_0xhex(j, BC_VIEW(v->tx->hash));
    bc_jw_key(j, "transactionIndex");
    bc_jw_quantity(j, v->at.index);
    bc_jw_obj_end(j);
}

void bc_web3_receipt_json(bc_jw_t *j, const bc_web3_receipt_view_t *v)
{
    const bc_receipt_data_t *r = &v->receipt->data;
    bool create = v->tx->w.data.to.n == 0;
    uint8_t bloom[256] = { 0 };
    bc_web3_tx_t w = { 0 };
    if (v->tx->w.type < 1 || bc_web3_tx_parse_unsigned(v->tx->w.extra_tx_bytes, &w))
        w.type = 0;
    bc_jw_obj(j);
    bc_jw_key(j, "blockHash");
    bc_jw_0xhex(j, BC_VIEW(*v->at.block_hash));
    bc_jw_key(j, "blockNumber");
    bc_jw_quantity(j, (uint64_t)v->at.number);
    bc_jw_key(j, "contractAddress");
    if (create)
        bc_web3_address_json(j, r->contract_address);
    else
        bc_jw_null(j);
    bc_jw_key(j, "cumulativeGasUsed");
    bc_jw_quantity(j, v->cumulative_gas);
    bc_jw_key(j, "effectiveGasPrice");
    bc_web3_quantity_json(j, r->effective_gas_price);
    bc_jw_key(j, "from");
    bc_web3_address_raw_json(j, &v->tx->sender);
    bc_jw_key(j, "gasUsed");
    bc_jw_quantity(j, bc_gas_u64(r->gas_used));
    bc_jw_key(j, "logs");
    bc_jw_arr(j);
    const bc_log_entry_t *logs = r->logs.v;
    for (size_t i = 0; i < bc_web3_log_cnt(v->receipt); i++)
        log_json(j, v, &logs[i], v->log_index + i);
    bc_jw_arr_end(j);
    bc_web3_bloom(bloom, v->receipt);
    bc_jw_key(j, "logsBloom");
    bc_jw_0xhex(j, bc_bytes(bloom, sizeof bloom));
    bc_jw_key(j, "status");
    bc_jw_quantity(j, r->status == 0);
    bc_jw_key(j, "to");
    bc_web3_address_json(j, v->tx->w.data.to);
    bc_jw_key(j, "transactionHash");
    bc_jw_0xhex(j, BC_VIEW(v->tx->hash));
    bc_jw_key(j, "transactionIndex");
    bc_jw_quantity(j, v->at.index);
    bc_jw_key(j, "type");
    bc_jw_quantity(j, w.type);
    bc_jw_obj_end(j);
}
