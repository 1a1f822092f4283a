#include "access/rpc/views.h"

static void root_json(bc_jw_t *j, const char *key, bc_bytes_t root)
{
    static const bc_h256_t zero;
    bc_jw_key(j, key);
    bc_jw_0xhex(j, root.n == 32 ? root : BC_VIEW(zero));
}

static void sealers_json(bc_jw_t *j, const bc_header_t *h)
{
    const bc_bytes_t *ids = h->data.sealer_list.v;
    bc_jw_key(j, "sealerList");
    bc_jw_arr(j);
    for (size_t i = 0; i < h->data.sealer_list.n; i++)
        bc_jw_0xhex(j, ids[i]);
    bc_jw_arr_end(j);
    const bc_block_sig_t *sigs = h->signatures.v;
    bc_jw_key(j, "signatureList");
    bc_jw_arr(j);
    for (size_t i = 0; i < h->signatures.n; i++) {
        bc_jw_obj(j);
        bc_jw_key(j, "sealerIndex");
        bc_jw_i64(j, sigs[i].sealer_index);
        bc_jw_key(j, "signature");
        bc_jw_0xhex(j, sigs[i].signature);
        bc_jw_obj_end(j);
    }
    bc_jw_arr_end(j);
}

static void parents_json(bc_jw_t *j, const bc_header_data_t *d)
{
    const bc_parent_t *p = d->parents.v;
    bc_jw_key(j, "parentInfo");
    bc_jw_arr(j);
    for (size_t i = 0; i < d->parents.n; i++) {
        bc_jw_obj(j);
        bc_jw_key(j, "blockHash");
        bc_jw_0xhex(j, p[i].hash);
        bc_jw_key(j, "blockNumber");
        bc_jw_i64(j, p[i].number);
        bc_jw_obj_end(j);
    }
    bc_jw_arr_end(j);
}

static void txs_json(bc_jw_t *j, const bc_ledger_block_t *b, bool full)
{
    bc_jw_key(j, "transactions");
    bc_jw_arr(j);
    for (size_t i = 0; i < b->tx_cnt; i++) {
        if (!full)
            bc_jw_0xhex(j, BC_VIEW(b->tx_hashes[i]));
        else if (b->txs && b->txs[i])
            bc_tx_json(j, b->txs[i], NULL);
        else
            bc_jw_null(j);
    }
    bc_jw_arr_end(j);
}

void bc_block_json(bc_jw_t *j, const bc_ledger_block_t *b, bc_block_detail_t detail)
{
    const bc_header_t *h = &b->header->h;
    const int64_t *weights = h->data.weights.v;
    bc_jw_obj(j);
    bc_jw_key(j, "consensusWeights");
    bc_jw_arr(j);
    for (size_t i = 0; i < h->data.weights.n; i++)
        bc_jw_i64(j, weights[i]);
    bc_jw_arr_end(j);
    bc_jw_key(j, "extraData");
    bc_jw_0xhex(j, h->data.extra_data);
    bc_jw_key(j, "gasUsed");
    bc_jw_str(j, h->data.gas_used.n ? h->data.gas_used : BC_STR("0"));
    bc_jw_key(j, "hash");
    bc_jw_0xhex(j, BC_VIEW(b->header->hash));
    bc_jw_key(j, "number");
    bc_jw_i64(j, h->data.number);
    parents_json(j, &h->data);
    root_json(j, "receiptsRoot", h->data.receipts_root);
    bc_jw_key(j, "sealer");
    bc_jw_i64(j, h->data.sealer);
    sealers_json(j, h);
    root_json(j, "stateRoot", h->data.state_root);
    bc_jw_key(j, "timestamp");
    bc_jw_i64(j, h->data.timestamp);
    if (detail != BC_BLOCK_HEADER)
        txs_json(j, b, detail == BC_BLOCK_TXS);
    root_json(j, "txsRoot", h->data.txs_root);
    bc_jw_key(j, "version");
    bc_jw_i64(j, h->data.version);
    bc_jw_obj_end(j);
}
