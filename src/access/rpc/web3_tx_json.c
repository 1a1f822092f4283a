#include "access/rpc/views.h"
#include "codec/hex.h"
#include "codec/rlp.h"

static void quantity(bc_jw_t *j, const char *key, const bc_u256_t *v)
{
    char text[68];
    bc_jw_key(j, key);
    size_t n = bc_u256_quantity(v, text);
    bc_jw_str(j, bc_bytes(text, n));
}

static void be_quantity(bc_jw_t *j, const char *key, bc_bytes_t be)
{
    bc_u256_t v = bc_u256_from_be(be);
    quantity(j, key, &v);
}

/* [[address, [key, ...]], ...] */
static void access_list_json(bc_jw_t *j, bc_bytes_t payload)
{
    bc_rd_t r = bc_rd(payload);
    bc_rlp_t entry, address, keys, key;
    bc_jw_key(j, "accessList");
    bc_jw_arr(j);
    while (bc_rd_left(&r) && bc_rlp_next(&r, &entry) == BC_OK && entry.list) {
        bc_rd_t e = bc_rd(entry.v);
        if (bc_rlp_next(&e, &address) || bc_rlp_next(&e, &keys) || !keys.list)
            break;
        bc_jw_obj(j);
        bc_jw_key(j, "address");
        bc_jw_0xhex(j, address.v);
        bc_jw_key(j, "storageKeys");
        bc_jw_arr(j);
        bc_rd_t k = bc_rd(keys.v);
        while (bc_rd_left(&k) && bc_rlp_next(&k, &key) == BC_OK)
            bc_jw_0xhex(j, key.v);
        bc_jw_arr_end(j);
        bc_jw_obj_end(j);
    }
    bc_jw_arr_end(j);
}

static void blobs_json(bc_jw_t *j, bc_bytes_t payload)
{
    bc_rd_t r = bc_rd(payload);
    bc_rlp_t hash;
    bc_jw_key(j, "blobVersionedHashes");
    bc_jw_arr(j);
    while (bc_rd_left(&r) && bc_rlp_next(&r, &hash) == BC_OK)
        bc_jw_0xhex(j, hash.v);
    bc_jw_arr_end(j);
}

static bool below(const bc_u256_t *a, const bc_u256_t *b)
{
    for (int i = 3; i >= 0; i--)
        if (a->w[i] != b->w[i])
            return a->w[i] < b->w[i];
    return false;
}

/* v of the signature: with replay protection, without, or the bare parity of typed ones. */
static void signature_json(bc_jw_t *j, const bc_web3_tx_t *w, bool web3, bc_bytes_t sig)
{
    uint64_t parity = sig.n == 65 ? sig.p[64] & 1u : 0;
    unsigned __int128 v = parity;
    if (web3 && w->type == 0)
        v = w->has_chain_id ? (unsigned __int128)w->chain_id * 2 + 35 + parity : 27 + parity;
    else if (!web3)
        v = 27 + parity;
    bc_u256_t big = { { (uint64_t)v, (uint64_t)(v >> 64), 0, 0 } };
    quantity(j, "v", &big);
}

void bc_web3_tx_json(bc_jw_t *j, const bc_tx_t *tx, const bc_web3_place_t *at)
{
    const bc_tx_data_t *d = &tx->w.data;
    bc_web3_tx_t w = { 0 };
    bool web3 = tx->w.type >= 1 && bc_web3_tx_parse_unsigned(tx->w.extra_tx_bytes, &w) == BC_OK;
    bc_bytes_t sig = tx->w.signature;
    bc_jw_obj(j);
    if (web3 && w.type >= 1)
        access_list_json(j, w.access_list);
    if (web3 && w.type == 3)
        blobs_json(j, w.blob_hashes);
    bc_jw_key(j, "blockHash");
    bc_jw_0xhex(j, BC_VIEW(*at->block_hash));
    bc_jw_key(j, "blockNumber");
    bc_jw_quantity(j, (uint64_t)at->number);
    if (web3 && w.has_chain_id) { /* absent for unprotected ones */
        bc_jw_key(j, "chainId");
        bc_jw_quantity(j, w.chain_id);
    }
    bc_jw_key(j, "from");
    bc_web3_address_raw_json(j, &tx->sender);
    bc_jw_key(j, "gas");
    bc_jw_quantity(j, web3 ? w.gas_limit : d->gas_limit > 0 ? (uint64_t)d->gas_limit : 0);
    if (!web3) {
        bc_jw_key(j, "gasPrice");
        bc_web3_quantity_json(j, d->gas_price);
    } else if (w.type >= 2) { /* no base fee: the tip, at most the cap, is what is paid */
        quantity(j, "gasPrice",
                 below(&w.max_fee, &w.max_priority_fee) ? &w.max_fee : &w.max_priority_fee);
    } else {
        quantity(j, "gasPrice", &w.gas_price);
    }
    bc_jw_key(j, "hash");
    bc_jw_0xhex(j, BC_VIEW(tx->hash));
    bc_jw_key(j, "input");
    bc_jw_0xhex(j, d->input);
    if (web3 && w.type == 3)
        quantity(j, "maxFeePerBlobGas", &w.max_fee_per_blob_gas);
    if (web3 && w.type >= 2) {
        quantity(j, "maxFeePerGas", &w.max_fee);
        quantity(j, "maxPriorityFeePerGas", &w.max_priority_fee);
    }
    bc_jw_key(j, "nonce"); /* a BCOS nonce is a random text, not a count */
    bc_jw_quantity(j, web3 ? w.nonce : 0);
    be_quantity(j, "r", sig.n >= 64 ? bc_bytes(sig.p, 32) : (bc_bytes_t){ 0 });
    be_quantity(j, "s", sig.n >= 64 ? bc_bytes(sig.p + 32, 32) : (bc_bytes_t){ 0 });
    bc_jw_key(j, "to");
    bc_web3_address_json(j, d->to);
    bc_jw_key(j, "transactionIndex");
    bc_jw_quantity(j, at->index);
    bc_jw_key(j, "type");
    bc_jw_quantity(j, web3 ? w.type : 0);
    signature_json(j, &w, web3, sig);
    if (web3) {
        quantity(j, "value", &w.value);
    } else {
        bc_jw_key(j, "value");
        bc_web3_quantity_json(j, d->value);
    }
    if (web3 && w.type >= 1) {
        bc_jw_key(j, "yParity");
        bc_jw_quantity(j, sig.n == 65 ? sig.p[64] & 1u : 0);
    }
    bc_jw_obj_end(j);
}
