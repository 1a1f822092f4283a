#include "access/rpc/views.h"
#include "codec/hex.h"

enum { BLOCK_GAS_LIMIT = 30000000 };

static const uint8_t zero32[32];

static void root_json(bc_jw_t *j, const char *key, bc_bytes_t root)
{
    bc_jw_key(j, key);
    bc_jw_0xhex(j, root.n == 32 ? root : bc_bytes(zero32, 32));
}

static void text(bc_jw_t *j, const char *key, const char *v)
{
    bc_jw_key(j, key);
    bc_jw_cstr(j, v);
}

/* Address of the sealer's key: Keccak whatever the suite; zero for genesis. */
static void miner_json(bc_jw_t *j, const bc_header_data_t *d)
{
    bc_addr_t a = { 0 };
    const bc_bytes_t *ids = d->sealer_list.v;
    if (d->number != 0 && d->sealer >= 0 && (uint64_t)d->sealer < d->sealer_list.n) {
        bc_h256_t h;
        bc_keccak256(ids[d->sealer], &h);
        memcpy(a.b, h.b + 12, 20);
    }
    bc_jw_key(j, "miner");
    bc_web3_address_raw_json(j, &a);
}

static size_t tx_size(const bc_tx_t *tx)
{
    return tx && tx->raw ? tx->raw->n : 0;
}

static uint64_t block_size(const bc_web3_block_view_t *v)
{
    bc_wr_t w = { 0 };
    bc_hdr_encode(v->header, &w);
    uint64_t n = w.n;
    bc_wr_free(&w);
    for (size_t i = 0; i < v->tx_cnt; i++)
        n += v->txs ? tx_size(v->txs[i]) : 32;
    return n;
}

static void txs_json(bc_jw_t *j, const bc_web3_block_view_t *v)
{
    bc_jw_key(j, "transactions");
    bc_jw_arr(j);
    for (size_t i = 0; i < v->tx_cnt; i++) {
        const bc_tx_t *tx = v->txs ? v->txs[i] : NULL;
        if (v->full && tx) {
            bc_web3_place_t at = { &v->header->hash, v->header->h.data.number, i };
            bc_web3_tx_json(j, tx, &at);
        } else if (v->tx_hashes) {
            bc_jw_0xhex(j, BC_VIEW(v->tx_hashes[i]));
        } else if (tx) {
            bc_jw_0xhex(j, BC_VIEW(tx->hash));
        }
    }
    bc_jw_arr_end(j);
}

void bc_web3_block_json(bc_jw_t *j, const bc_web3_block_view_t *v)
{
    const bc_header_data_t *d = &v->header->h.data;
    const bc_parent_t *parent = d->parents.v;
    uint8_t bloom[256] = { 0 };
    uint64_t gas = bc_gas_u64(d->gas_used);
    for (size_t i = 0; v->receipts && i < v->tx_cnt; i++)
        bc_web3_bloom(bloom, &v->receipts[i]);
    bc_jw_obj(j);
    text(j, "baseFeePerGas", "0x0");
    text(j, "blobGasUsed", "0x0");
    text(j, "difficulty", "0x0");
    text(j, "excessBlobGas", "0x0");
    bc_jw_key(j, "extraData");
    bc_jw_0xhex(j, d->extra_data);
    bc_jw_key(j, "gasLimit");
    bc_jw_quantity(j, BC_MAX((uint64_t)BLOCK_GAS_LIMIT, gas));
    bc_jw_key(j, "gasUsed");
    bc_jw_quantity(j, gas);
    bc_jw_key(j, "hash");
    bc_jw_0xhex(j, BC_VIEW(v->header->hash));
    bc_jw_key(j, "logsBloom");
    bc_jw_0xhex(j, bc_bytes(bloom, sizeof bloom));
    miner_json(j, d);
    root_json(j, "mixHash", (bc_bytes_t){ 0 });
    text(j, "nonce", "0x0000000000000000");
    bc_jw_key(j, "number");
    bc_jw_quantity(j, (uint64_t)d->number);
    root_json(j, "parentBeaconBlockRoot", (bc_bytes_t){ 0 });
    root_json(j, "parentHash", d->number && d->parents.n ? parent[0].hash : (bc_bytes_t){ 0 });
    root_json(j, "receiptsRoot", d->receipts_root);
    /* Keccak of the RLP of an empty list */
    text(j, "sha3Uncles", "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347");
    if (!v->head) {
        bc_jw_key(j, "size");
        bc_jw_quantity(j, block_size(v));
    }
    root_json(j, "stateRoot", d->state_root);
    bc_jw_key(j, "timestamp");
    bc_jw_quantity(j, d->timestamp > 0 ? (uint64_t)d->timestamp / 1000 : 0);
    text(j, "totalDifficulty", "0x0");
    if (!v->head)
        txs_json(j, v);
    root_json(j, "transactionsRoot", d->txs_root);
    if (!v->head) {
        bc_jw_key(j, "uncles");
        bc_jw_arr(j);
        bc_jw_arr_end(j);
        bc_jw_key(j, "withdrawals");
        bc_jw_arr(j);
        bc_jw_arr_end(j);
    }
    root_json(j, "withdrawalsRoot", (bc_bytes_t){ 0 });
    bc_jw_obj_end(j);
}
