/* Every stored row by itself: decode, encode to the same bytes, hash, signature. */
#include "chain.h"
#include "codec/archive.h"
#include "protocol/block.h"

static bool table_is(const conf_row_t *row, const char *name, bc_bytes_t *key)
{
    bc_bytes_t table;
    conf_key_split(row->key, &table, key);
    return bc_bytes_eq(table, bc_cstr(name));
}

/* Decodes into v and tells whether encoding gives the row back. Views live in the arena. */
static bool same_again(conf_report_t *r, const bc_tars_struct_t *d, const conf_row_t *row,
                       bc_bytes_t key, void *v, bc_arena_t *a)
{
    bc_wr_t w = { 0 };
    bc_err_t err = bc_tars_decode(d, row->value, v, a);
    if (err) {
        conf_expect(r, false, "%s %s: %s", d->name, conf_hex(key), bc_err_name(err));
        return false;
    }
    bc_tars_encode(d, v, &w);
    bool same = bc_bytes_eq(bc_wr_view(&w), row->value);
    bc_wr_free(&w);
    return conf_expect(r, same, "%s %s: encodes differently", d->name, conf_hex(key));
}

static void transaction_row(conf_chain_t *c, conf_report_t *r, const conf_row_t *row, bc_bytes_t key)
{
    bc_tx_wire_t wire;
    bc_arena_t a = { 0 };
    bc_tx_t *tx = NULL;
    bc_wr_t w = { 0 };
    (void)same_again(r, &bc_tx_wire_tars, row, key, &wire, &a);
    bc_err_t err = bc_tx_decode_trusted(c->suite, row->value, &tx);
    if (conf_expect(r, err == BC_OK, "transaction %s: %s", conf_hex(key), bc_err_name(err))) {
        conf_expect(r, bc_bytes_eq(BC_VIEW(tx->hash), key), "transaction %s: hash is %s",
                    conf_hex(key), conf_hex(BC_VIEW(tx->hash)));
        if (tx->w.type == 0)
            conf_expect(r, bc_bytes_eq(wire.data_hash, key), "transaction %s: carried hash",
                        conf_hex(key));
        bc_tx_encode_stored(tx, &w);
        conf_expect(r, bc_bytes_eq(bc_wr_view(&w), row->value),
                    "transaction %s: stored form differs", conf_hex(key));
        bc_tx_t *foreign = NULL;
        err = bc_tx_decode(c->suite, row->value, &foreign);
        conf_expect(r, err == BC_OK, "transaction %s: refused from outside: %s", conf_hex(key),
                    bc_err_name(err));
        bc_tx_unref(foreign);
        if (wire.signature.n) { /* the two of block 0 carry none */
            const bc_addr_t carried = tx->sender;
            err = bc_tx_recover(tx);
            conf_expect(r, err == BC_OK && memcmp(carried.b, tx->sender.b, 20) == 0,
                        "transaction %s: signature gives another sender", conf_hex(key));
        }
    }
    bc_tx_unref(tx);
    bc_wr_free(&w);
    bc_arena_free(&a);
}

static void transactions_run(conf_chain_t *c, conf_report_t *r)
{
    bc_bytes_t key;
    for (size_t i = 0; i < c->distinct.n; i++)
        if (table_is(&c->distinct.v[i], "s_hash_2_tx", &key))
            transaction_row(c, r, &c->distinct.v[i], key);
}

static void receipt_row(conf_chain_t *c, conf_report_t *r, const conf_row_t *row, bc_bytes_t key)
{
    bc_receipt_t v;
    bc_arena_t a = { 0 };
    bc_h256_t h;
    if (same_again(r, &bc_receipt_tars, row, key, &v, &a)) {
        bc_receipt_hash(c->suite, &v.data, &h);
        conf_expect(r, bc_bytes_eq(v.data_hash, BC_VIEW(h)), "receipt %s: hash", conf_hex(key));
        conf_expect(r, conf_get(c, "s_hash_2_tx", key).n > 0, "receipt %s: no such transaction",
                    conf_hex(key));
        if (v.bloom.n) {
            uint8_t bloom[256] = { 0 };
            bc_bloom_logs(bloom, v.data.logs.v, v.data.logs.n);
            conf_expect(r, bc_bytes_eq(v.bloom, bc_bytes(bloom, 256)), "receipt %s: bloom",
                        conf_hex(key));
        }
    }
    bc_arena_free(&a);
}

static void receipts_run(conf_chain_t *c, conf_report_t *r)
{
    bc_bytes_t key;
    for (size_t i = 0; i < c->distinct.n; i++)
        if (table_is(&c->distinct.v[i], "s_hash_2_receipt", &key))
            receipt_row(c, r, &c->distinct.v[i], key);
}

/* Each signature is of the header's hash by the sealer it names; weights reach the quorum. */
static void header_signatures(conf_chain_t *c, conf_report_t *r, const bc_hdr_t *h)
{
    const bc_header_data_t *d = &h->h.data;
    const bc_block_sig_t *sig = h->h.signatures.v;
    const bc_bytes_t *ids = d->sealer_list.v;
    const int64_t *weights = d->weights.v;
    int64_t total = 0, got = 0;
    uint64_t seen = 0;
    if (!conf_expect(r, d->weights.n == d->sealer_list.n && d->sealer_list.n <= 64,
                     "header %lld: %zu sealers, %zu weights", (long long)d->number,
                     d->sealer_list.n, d->weights.n))
        return;
    for (size_t i = 0; i < d->weights.n; i++)
        total += weights[i];
    for (size_t i = 0; i < h->h.signatures.n; i++) {
        int64_t at = sig[i].sealer_index;
        bool named = at >= 0 && (size_t)at < d->sealer_list.n && !(seen >> at & 1) &&
                     ids[at].n == 64;
        if (!conf_expect(r, named, "header %lld: sealer index %lld", (long long)d->number,
                         (long long)at))
            continue;
        bc_nodeid_t id;
        memcpy(id.b, ids[at].p, 64);
        seen |= 1ull << at;
        got += weights[at];
        conf_expect(r, bc_verify(c->suite, &id, &h->hash, sig[i].signature),
                    "header %lld: signature of sealer %lld", (long long)d->number, (long long)at);
    }
    if (d->number > 0)
        conf_expect(r, got >= total - (total - 1) / 3, "header %lld: signed weight %lld of %lld",
                    (long long)d->number, (long long)got, (long long)total);
}

static void headers_run(conf_chain_t *c, conf_report_t *r)
{
    bc_bytes_t key;
    for (size_t i = 0; i < c->distinct.n; i++) {
        const conf_row_t *row = &c->distinct.v[i];
        if (!table_is(row, "s_number_2_header", &key))
            continue;
        bc_header_t plain;
        bc_arena_t a = { 0 };
        bc_hdr_t *h = NULL;
        (void)same_again(r, &bc_header_tars, row, key, &plain, &a);
        bc_arena_free(&a);
        bc_err_t err = bc_hdr_decode(c->suite, row->value, &h);
        if (!conf_expect(r, err == BC_OK, "header %.*s: %s", (int)key.n, (const char *)key.p,
                         bc_err_name(err)))
            continue;
        header_signatures(c, r, h);
        bc_wr_t w = { 0 };
        bc_hdr_encode(h, &w);
        conf_expect(r, bc_bytes_eq(bc_wr_view(&w), row->value), "header %.*s: encodes differently",
                    (int)key.n, (const char *)key.p);
        bc_wr_free(&w);
        bc_hdr_unref(h);
    }
}

static void lists_run(conf_chain_t *c, conf_report_t *r)
{
    bc_bytes_t key;
    for (size_t i = 0; i < c->distinct.n; i++) {
        const conf_row_t *row = &c->distinct.v[i];
        if (!table_is(row, "s_number_2_txs", &key) &&
            !table_is(row, "s_block_number_2_nonces", &key))
            continue;
        bc_block_t b;
        bc_arena_t a = { 0 };
        (void)same_again(r, &bc_block_tars, row, key, &b, &a);
        bc_arena_free(&a);
    }
}

static void archives_run(conf_chain_t *c, conf_report_t *r)
{
    bc_bytes_t key, value;
    /* with key pages the directory tables hold pages; their list is the row with an empty key */
    const bool pages = conf_get(c, "/", (bc_bytes_t){ 0 }).n > 0;
    const bool directories = c->compatibility >= 0x03010000u && !pages;
    for (size_t i = 0; i < c->distinct.n; i++) {
        const conf_row_t *row = &c->distinct.v[i];
        bc_arena_t a = { 0 };
        bc_wr_t w = { 0 };
        bc_err_t err;
        if (table_is(row, "s_config", &key)) {
            int64_t number = 0;
            err = bc_archive_get_config(row->value, &value, &number);
            bc_archive_put_config(&w, value, number);
        } else if (table_is(row, "s_consensus", &key) && bc_bytes_eq(key, BC_STR("key"))) {
            bc_archive_node_t *nodes = NULL;
            size_t n = 0;
            err = bc_archive_get_nodes(row->value, &nodes, &n, &a);
            if (!err)
                bc_archive_put_nodes(&w, nodes, n);
        } else if (directories && table_is(row, "/", &key)) {
            bc_bytes_t *texts = NULL;
            size_t n = 0;
            err = bc_archive_get_strings(row->value, &texts, &n, &a);
            if (!err)
                bc_archive_put_strings(&w, texts, n);
        } else {
            continue;
        }
        conf_expect(r, err == BC_OK && bc_bytes_eq(bc_wr_view(&w), row->value),
                    "%.*s: %s", (int)row->key.n, (const char *)row->key.p,
                    err ? bc_err_name(err) : "encodes differently");
        bc_wr_free(&w);
        bc_arena_free(&a);
    }
}

const conf_check_t conf_format_checks[] = {
    { "transactions", transactions_run }, { "receipts", receipts_run }, { "headers", headers_run },
    { "lists", lists_run },               { "archives", archives_run }, { 0 },
};
