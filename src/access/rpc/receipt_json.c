#include "access/rpc/views.h"

#include "codec/hex.h"

void bc_checksum_address(bc_suite_t suite, char hex40[40])
{
    bc_h256_t h;
    bc_hash(suite, bc_bytes(hex40, 40), &h);
    for (size_t i = 0; i < 40; i++) {
        unsigned nibble = i % 2 ? h.b[i / 2] & 15u : h.b[i / 2] >> 4;
        if (hex40[i] >= 'a' && hex40[i] <= 'f' && nibble >= 8)
            hex40[i] = (char)(hex40[i] - 32);
    }
}

static void put_0x_text(bc_jw_t *j, bc_bytes_t text)
{
    char v[160];
    if (text.n + 2 > sizeof v || (text.n >= 2 && text.p[0] == '0' && (text.p[1] | 32) == 'x')) {
        bc_jw_str(j, text);
        return;
    }
    memcpy(v, "0x", 2);
    memcpy(v + 2, text.p, text.n);
    bc_jw_str(j, bc_bytes(v, text.n + 2));
}

static void contract_json(bc_jw_t *j, bc_suite_t suite, bc_bytes_t address)
{
    char sum[40];
    bool plain = address.n == 40;
    bc_jw_key(j, "checksumContractAddress");
    if (plain) {
        memcpy(sum, address.p, 40);
        bc_checksum_address(suite, sum);
        put_0x_text(j, bc_bytes(sum, 40));
    } else if (address.n) {
        put_0x_text(j, address);
    } else {
        bc_jw_cstr(j, "");
    }
    bc_jw_key(j, "contractAddress");
    if (address.n)
        put_0x_text(j, address);
    else
        bc_jw_cstr(j, "");
}

static void logs_json(bc_jw_t *j, const bc_tars_list_t *list)
{
    const bc_log_entry_t *logs = list->v;
    bc_jw_key(j, "logEntries");
    bc_jw_arr(j);
    for (size_t i = 0; i < list->n; i++) {
        bc_jw_obj(j);
        bc_jw_key(j, "address");
        bc_jw_str(j, logs[i].address);
        bc_jw_key(j, "data");
        bc_jw_0xhex(j, logs[i].data);
        bc_jw_key(j, "topics");
        bc_jw_arr(j);
        const bc_bytes_t *t = logs[i].topics.v;
        for (size_t k = 0; k < logs[i].topics.n; k++)
            bc_jw_0xhex(j, t[k]);
        bc_jw_arr_end(j);
        bc_jw_obj_end(j);
    }
    bc_jw_arr_end(j);
}

static void proof_json(bc_jw_t *j, const char *key, const bc_proof_view_t *proof)
{
    bc_jw_key(j, key);
    bc_jw_arr(j);
    for (size_t i = 0; proof && i < proof->n; i++)
        bc_jw_hex(j, proof->v[i]);
    bc_jw_arr_end(j);
}

/* A member of the transaction, or null when it is not known. */
static void tx_text(bc_jw_t *j, const char *key, const bc_tx_t *tx, bc_bytes_t text)
{
    bc_jw_key(j, key);
    if (tx)
        bc_jw_str(j, text);
    else
        bc_jw_null(j);
}

void bc_receipt_json(bc_jw_t *j, const bc_receipt_view_t *v)
{
    const bc_receipt_data_t *r = &v->receipt->data;
    const bc_tx_t *tx = v->tx;
    bc_jw_obj(j);
    bc_jw_key(j, "blockNumber");
    bc_jw_i64(j, r->block_number);
    contract_json(j, v->suite, r->contract_address);
    if (r->version >= 1) {
        bc_jw_key(j, "effectiveGasPrice");
        bc_jw_str(j, r->effective_gas_price);
    }
    if (v->input)
        tx_text(j, "extraData", tx, tx ? tx->w.extra_data : (bc_bytes_t){ 0 });
    bc_jw_key(j, "from");
    if (tx)
        bc_jw_0xhex(j, BC_VIEW(tx->sender));
    else
        bc_jw_null(j);
    bc_jw_key(j, "gasUsed");
    bc_jw_str(j, r->gas_used.n ? r->gas_used : BC_STR("0"));
    bc_jw_key(j, "hash");
    bc_jw_0xhex(j, v->hash ? BC_VIEW(*v->hash) : (bc_bytes_t){ 0 });
    if (v->input) {
        bc_jw_key(j, "input");
        if (tx)
            bc_jw_0xhex(j, tx->w.data.input);
        else
            bc_jw_null(j);
    }
    logs_json(j, &r->logs);
    bc_jw_key(j, "message");
    bc_jw_str(j, v->receipt->message);
    bc_jw_key(j, "output");
    bc_jw_0xhex(j, r->output);
    if (v->proof)
        proof_json(j, "receiptProof", v->query ? NULL : v->proof);
    bc_jw_key(j, "status");
    bc_jw_i64(j, r->status);
    tx_text(j, "to", tx, tx ? tx->w.data.to : (bc_bytes_t){ 0 });
    bc_jw_key(j, "transactionHash");
    bc_jw_0xhex(j, BC_VIEW(*v->tx_hash));
    if (v->query) {
        if (v->proof) {
            proof_json(j, "transactionProof", NULL);
        } else {
            bc_jw_key(j, "transactionProof");
            bc_jw_null(j);
        }
    }
    if (v->proof)
        proof_json(j, "txReceiptProof", v->proof);
    bc_jw_key(j, "version");
    bc_jw_i64(j, r->version);
    bc_jw_obj_end(j);
}
