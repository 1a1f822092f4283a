/* Rows against each other: numbers and hashes, roots, counters, proofs. */
#include "chain.h"
#include <stdlib.h>
#include "codec/hex.h"
#include "protocol/block.h"

typedef struct {
    int64_t number;
    bc_hdr_t *hdr;
    bc_h256_t *txs, *receipts; /* hashes in block order */
    size_t n, failed;
    int64_t gas; /* sum over receipts */
} one_t;

static int64_t current_number(const conf_chain_t *c)
{
    int64_t n = -1;
    if (bc_dec_i64(conf_get(c, "s_current_state", BC_STR("current_number")), &n) != BC_OK)
        return -1;
    return n;
}

static bool receipt_load(conf_chain_t *c, conf_report_t *r, one_t *b, size_t i)
{
    bc_arena_t a = { 0 };
    bc_receipt_t v;
    int64_t gas = 0;
    bc_err_t err = bc_tars_decode(&bc_receipt_tars,
                                  conf_get(c, "s_hash_2_receipt", BC_VIEW(b->txs[i])), &v, &a);
    bool ok = conf_expect(r, err == BC_OK && bc_dec_i64(v.data.gas_used, &gas) == BC_OK,
                          "block %lld: receipt %zu", (long long)b->number, i);
    if (ok) {
        bc_receipt_hash(c->suite, &v.data, &b->receipts[i]);
        conf_expect(r, v.data.block_number == b->number, "block %lld: receipt %zu says block %lld",
                    (long long)b->number, i, (long long)v.data.block_number);
        b->gas += gas;
        b->failed += v.data.status != 0;
        if (v.cumulative_gas_used.n) { /* executor 1 only */
            int64_t sum = 0;
            conf_expect(r,
                        bc_dec_i64(v.cumulative_gas_used, &sum) == BC_OK && sum == b->gas &&
                            v.tx_index == i,
                        "block %lld: receipt %zu: cumulative gas or index", (long long)b->number, i);
        }
    }
    bc_arena_free(&a);
    return ok;
}

static void one_free(one_t *b)
{
    free(b->txs);
    free(b->receipts);
    bc_hdr_unref(b->hdr);
}

/* Header, transaction hashes and receipt hashes of a block from the store at the end. */
static bool one_load(conf_chain_t *c, conf_report_t *r, int64_t number, one_t *b)
{
    *b = (one_t){ .number = number };
    bc_arena_t a = { 0 };
    bc_block_t list;
    bool ok = conf_expect(
        r, bc_hdr_decode(c->suite, conf_get_num(c, "s_number_2_header", number), &b->hdr) == BC_OK,
        "block %lld: header", (long long)number);
    ok = ok && conf_expect(r,
                           bc_tars_decode(&bc_block_tars, conf_get_num(c, "s_number_2_txs", number),
                                          &list, &a) == BC_OK,
                           "block %lld: transaction list", (long long)number);
    if (ok) {
        const bc_tx_meta_t *meta = list.metas.v;
        b->n = list.metas.n;
        b->txs = bc_xcalloc(b->n + 1, sizeof *b->txs);
        b->receipts = bc_xcalloc(b->n + 1, sizeof *b->receipts);
        for (size_t i = 0; i < b->n && ok; i++) {
            ok = conf_expect(r, meta[i].hash.n == 32, "block %lld: transaction %zu",
                             (long long)number, i);
            if (ok) {
                memcpy(b->txs[i].b, meta[i].hash.p, 32);
                ok = receipt_load(c, r, b, i);
            }
        }
    }
    bc_arena_free(&a);
    if (!ok) {
        one_free(b);
        *b = (one_t){ 0 };
    }
    return ok;
}

static void roots_run(conf_chain_t *c, conf_report_t *r)
{
    int64_t last = current_number(c);
    conf_expect(r, last >= 0, "no current number");
    for (int64_t n = 1; n <= last; n++) {
        one_t b;
        bc_h256_t root;
        if (!one_load(c, r, n, &b))
            continue;
        const bc_header_data_t *d = &b.hdr->h.data;
        bc_err_t err = bc_merkle_root(c->suite, b.txs, b.n, &root);
        conf_expect(r, !err && bc_bytes_eq(d->txs_root, BC_VIEW(root)),
                    "block %lld: txsRoot %s, computed %s", (long long)n, conf_hex(d->txs_root),
                    conf_hex(BC_VIEW(root)));
        err = bc_merkle_root(c->suite, b.receipts, b.n, &root);
        conf_expect(r, !err && bc_bytes_eq(d->receipts_root, BC_VIEW(root)),
                    "block %lld: receiptsRoot %s, computed %s", (long long)n,
                    conf_hex(d->receipts_root), conf_hex(BC_VIEW(root)));
        int64_t gas = -1;
        conf_expect(r, bc_dec_i64(d->gas_used, &gas) == BC_OK && gas == b.gas,
                    "block %lld: gasUsed %.*s, receipts say %lld", (long long)n, (int)d->gas_used.n,
                    (const char *)d->gas_used.p, (long long)b.gas);
        one_free(&b);
    }
}

static void numbers_run(conf_chain_t *c, conf_report_t *r)
{
    int64_t last = current_number(c);
    bc_bytes_t parent = conf_get_num(c, "s_number_2_hash", 0);
    for (int64_t n = 0; n <= last; n++) {
        bc_hdr_t *h = NULL;
        int64_t back = -1;
        bc_bytes_t hash = conf_get_num(c, "s_number_2_hash", n);
        if (!conf_expect(
                r, bc_hdr_decode(c->suite, conf_get_num(c, "s_number_2_header", n), &h) == BC_OK,
                "block %lld: header", (long long)n))
            continue;
        const bc_header_data_t *d = &h->h.data;
        conf_expect(r, d->number == n, "block %lld: header says %lld", (long long)n,
                    (long long)d->number);
        /* with executor 1 the row of number 0 holds the hash of the executed block 0 */
        if (n > 0 || c->executor_version == 0)
            conf_expect(r, bc_bytes_eq(hash, BC_VIEW(h->hash)), "block %lld: s_number_2_hash %s",
                        (long long)n, conf_hex(hash));
        conf_expect(r,
                    bc_dec_i64(conf_get(c, "s_hash_2_number", BC_VIEW(h->hash)), &back) == BC_OK &&
                        back == n,
                    "block %lld: s_hash_2_number", (long long)n);
        conf_expect(r, bc_dec_i64(conf_get(c, "s_hash_2_number", hash), &back) == BC_OK && back == n,
                    "block %lld: s_hash_2_number of s_number_2_hash", (long long)n);
        if (n > 0) {
            const bc_parent_t *p = d->parents.v;
            conf_expect(r,
                        d->parents.n == 1 && p->number == n - 1 && bc_bytes_eq(p->hash, parent),
                        "block %lld: parent", (long long)n);
        }
        parent = hash;
        bc_hdr_unref(h);
    }
    conf_expect(r, conf_get_num(c, "s_number_2_header", last + 1).n == 0, "a header above %lld",
                (long long)last);
}

static void counters_run(conf_chain_t *c, conf_report_t *r)
{
    int64_t last = current_number(c), total = -1, failed = 0, sum = 0, bad = 0;
    for (int64_t n = 1; n <= last; n++) {
        one_t b;
        bc_arena_t a = { 0 };
        bc_block_t list;
        if (!one_load(c, r, n, &b))
            continue;
        sum += (int64_t)b.n;
        bad += (int64_t)b.failed;
        /* nonces in block order; executor 0 deletes them when they leave the window */
        bc_bytes_t raw = conf_get_num(c, "s_block_number_2_nonces", n);
        if (raw.n &&
            conf_expect(r, bc_tars_decode(&bc_block_tars, raw, &list, &a) == BC_OK &&
                               list.nonces.n == b.n,
                        "block %lld: %zu nonces for %zu transactions", (long long)n, list.nonces.n,
                        b.n)) {
            for (size_t i = 0; i < b.n; i++) {
                bc_tx_t *tx = NULL;
                bool same = bc_tx_decode_trusted(c->suite,
                                                 conf_get(c, "s_hash_2_tx", BC_VIEW(b.txs[i])),
                                                 &tx) == BC_OK &&
                            bc_bytes_eq(tx->w.data.nonce, ((bc_bytes_t *)list.nonces.v)[i]);
                conf_expect(r, same, "block %lld: nonce %zu", (long long)n, i);
                bc_tx_unref(tx);
            }
        }
        bc_arena_free(&a);
        one_free(&b);
    }
    bc_bytes_t text = conf_get(c, "s_current_state", BC_STR("total_transaction_count"));
    conf_expect(r, bc_dec_i64(text, &total) == BC_OK && total == sum,
                "total_transaction_count %lld, blocks hold %lld", (long long)total, (long long)sum);
    text = conf_get(c, "s_current_state", BC_STR("total_failed_transaction_count"));
    conf_expect(r, (text.n == 0 || bc_dec_i64(text, &failed) == BC_OK) && failed == bad,
                "total_failed_transaction_count %lld, blocks hold %lld", (long long)failed,
                (long long)bad);
}

/* txReceiptProof of an answered receipt, element by element. */
static void proof_check(conf_chain_t *c, conf_report_t *r, const one_t *b, size_t index,
                        const cJSON *proof)
{
    enum { MAX = 128 };
    bc_bytes_t e[MAX];
    uint8_t store[MAX * 32];
    size_t n = bc_merkle_proof(c->suite, b->receipts, b->n, index, e, MAX, store, sizeof store);
    bool same = n == (size_t)cJSON_GetArraySize(proof);
    const cJSON *item;
    size_t i = 0;
    cJSON_ArrayForEach(item, proof)
    {
        uint8_t bytes[32];
        const char *text = cJSON_GetStringValue(item);
        same = same && text && i < n && bc_hex_fixed(bc_cstr(text), bytes, 32) == BC_OK &&
               memcmp(bytes, e[i].p, 32) == 0;
        i++;
    }
    conf_expect(r, same, "block %lld: proof of receipt %zu", (long long)b->number, index);
}

static void proofs_run(conf_chain_t *c, conf_report_t *r)
{
    const cJSON *block;
    cJSON_ArrayForEach(block, c->blocks)
    {
        const cJSON *number = cJSON_GetObjectItemCaseSensitive(block, "number");
        const cJSON *receipts = cJSON_GetObjectItemCaseSensitive(block, "receipts"), *receipt;
        one_t b;
        int64_t n = cJSON_IsNumber(number) ? (int64_t)number->valuedouble : -1;
        if (n < 1 || cJSON_GetArraySize(receipts) == 0 || !one_load(c, r, n, &b))
            continue;
        cJSON_ArrayForEach(receipt, receipts)
        {
            bc_bytes_t hash;
            const cJSON *proof = cJSON_GetObjectItemCaseSensitive(receipt, "txReceiptProof");
            if (!cJSON_IsArray(proof) || cJSON_GetArraySize(proof) == 0)
                continue;
            if (!conf_json_hex(c, receipt, "transactionHash", &hash))
                continue;
            size_t at = 0;
            while (at < b.n && !bc_bytes_eq(BC_VIEW(b.txs[at]), hash))
                at++;
            if (conf_expect(r, at < b.n, "block %lld: no transaction %s", (long long)n,
                            conf_hex(hash)))
                proof_check(c, r, &b, at, proof);
        }
        one_free(&b);
    }
}

const conf_check_t conf_block_checks[] = {
    { "roots", roots_run },
    { "numbers", numbers_run },
    { "counters", counters_run },
    { "proofs", proofs_run },
    { 0 },
};
