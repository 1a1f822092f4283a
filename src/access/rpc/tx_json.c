#include "access/rpc/views.h"

#include "codec/hex.h"

static void put(bc_jw_t *j, const char *key, bc_bytes_t text)
{
    bc_jw_key(j, key);
    bc_jw_str(j, text);
}

static void put_dec(bc_jw_t *j, const char *key, const bc_u256_t *v)
{
    char text[80];
    size_t n = bc_u256_dec(v, text);
    put(j, key, bc_bytes(text, n));
}

void bc_tx_json(bc_jw_t *j, const bc_tx_t *tx, const bc_proof_view_t *proof)
{
    const bc_tx_data_t *d = &tx->w.data;
    bc_web3_tx_t w = { 0 };
    bool web3 = tx->w.type >= 1 && bc_web3_tx_parse_unsigned(tx->w.extra_tx_bytes, &w) == BC_OK;
    bool v1 = d->version >= 1, fees = web3 && w.type >= 2;
    bc_jw_obj(j);
    put(j, "abi", d->abi);
    bc_jw_key(j, "blockLimit");
    bc_jw_i64(j, d->block_limit);
    put(j, "chainID", d->chain_id);
    if (d->version >= 2) {
        bc_jw_key(j, "extension");
        bc_jw_arr(j);
        for (size_t i = 0; i < d->extension.n; i++)
            bc_jw_u64(j, d->extension.p[i]);
        bc_jw_arr_end(j);
    }
    put(j, "extraData", tx->w.extra_data);
    bc_jw_key(j, "from");
    bc_jw_0xhex(j, BC_VIEW(tx->sender));
    if (v1 || web3) {
        bc_jw_key(j, "gasLimit");
        if (web3)
            bc_jw_u64(j, w.gas_limit);
        else
            bc_jw_i64(j, d->gas_limit);
        if (fees)
            put(j, "gasPrice", BC_STR("0"));
        else if (web3)
            put_dec(j, "gasPrice", &w.gas_price);
        else
            put(j, "gasPrice", d->gas_price);
    }
    put(j, "groupID", d->group_id);
    bc_jw_key(j, "hash");
    bc_jw_0xhex(j, BC_VIEW(tx->hash));
    bc_jw_key(j, "importTime");
    bc_jw_i64(j, tx->w.import_time);
    bc_jw_key(j, "input");
    bc_jw_0xhex(j, d->input);
    if (fees) {
        put_dec(j, "maxFeePerGas", &w.max_fee);
        put_dec(j, "maxPriorityFeePerGas", &w.max_priority_fee);
    } else if (v1) {
        put(j, "maxFeePerGas", d->max_fee_per_gas);
        put(j, "maxPriorityFeePerGas", d->max_priority_fee_per_gas);
    }
    bc_jw_key(j, "nonce");
    bc_jw_hex(j, d->nonce);
    bc_jw_key(j, "signature");
    bc_jw_0xhex(j, tx->w.signature);
    put(j, "to", d->to);
    if (proof) {
        bc_jw_key(j, "transactionProof");
        bc_jw_arr(j);
        bc_jw_arr_end(j);
        bc_jw_key(j, "txProof");
        bc_jw_arr(j);
        for (size_t i = 0; i < proof->n; i++)
            bc_jw_hex(j, proof->v[i]);
        bc_jw_arr_end(j);
    }
    if (web3)
        put_dec(j, "value", &w.value);
    else if (v1)
        put(j, "value", d->value);
    bc_jw_key(j, "version");
    bc_jw_i64(j, d->version);
    bc_jw_obj_end(j);
}
