/* Tables of receipts, headers and blocks; their hashes; the logs bloom. Source:
 * bcos-tars-protocol/tars, impl/TarsHashable.h, bcos-utilities/Bloom.h. */
#include "protocol/block.h"
#include <stdlib.h>

#define FIELD(type, t, k, m) { .tag = t, .kind = BC_TARS_##k, .off = offsetof(type, m) }
#define LIST(type, t, i, m) { .tag = t, .kind = BC_TARS_LIST, .item = BC_TARS_##i, .off = offsetof(type, m) }
#define SUB(type, t, m, s) { .tag = t, .kind = BC_TARS_STRUCT, .off = offsetof(type, m), .sub = &(s) }
#define SUBS(type, t, m, s)                                                                        \
    { .tag = t, .kind = BC_TARS_LIST, .item = BC_TARS_STRUCT, .off = offsetof(type, m), .sub = &(s) }
#define TABLE(text, type, fields) { text, sizeof(type), BC_ARRAY_LEN(fields), fields }

static const bc_tars_field_t log_fields[] = {
    FIELD(bc_log_entry_t, 1, STR, address),
    LIST(bc_log_entry_t, 2, BYTES, topics),
    FIELD(bc_log_entry_t, 3, BYTES, data),
};
const bc_tars_struct_t bc_log_entry_tars = TABLE("LogEntry", bc_log_entry_t, log_fields);

static const bc_tars_field_t receipt_data_fields[] = {
    { .tag = 1, .kind = BC_TARS_I32, .off = offsetof(bc_receipt_data_t, version), .require = true },
    FIELD(bc_receipt_data_t, 2, STR, gas_used),
    FIELD(bc_receipt_data_t, 3, STR, contract_address),
    FIELD(bc_receipt_data_t, 4, I32, status),
    FIELD(bc_receipt_data_t, 5, BYTES, output),
    SUBS(bc_receipt_data_t, 6, logs, bc_log_entry_tars),
    FIELD(bc_receipt_data_t, 7, I64, block_number),
    FIELD(bc_receipt_data_t, 8, STR, effective_gas_price),
};
static const bc_tars_struct_t receipt_data_tars =
    TABLE("TransactionReceiptData", bc_receipt_data_t, receipt_data_fields);

static const bc_tars_field_t receipt_fields[] = {
    SUB(bc_receipt_t, 1, data, receipt_data_tars),
    FIELD(bc_receipt_t, 2, BYTES, data_hash),
    FIELD(bc_receipt_t, 3, STR, message),
    FIELD(bc_receipt_t, 4, STR, cumulative_gas_used),
    FIELD(bc_receipt_t, 5, BYTES, bloom),
    FIELD(bc_receipt_t, 6, U32, tx_index),
    FIELD(bc_receipt_t, 7, U32, log_index),
};
const bc_tars_struct_t bc_receipt_tars = TABLE("TransactionReceipt", bc_receipt_t, receipt_fields);

static const bc_tars_field_t parent_fields[] = {
    FIELD(bc_parent_t, 1, I64, number),
    FIELD(bc_parent_t, 2, BYTES, hash),
};
static const bc_tars_struct_t parent_tars = TABLE("ParentInfo", bc_parent_t, parent_fields);

static const bc_tars_field_t sig_fields[] = {
    FIELD(bc_block_sig_t, 1, I64, sealer_index),
    FIELD(bc_block_sig_t, 2, BYTES, signature),
};
static const bc_tars_struct_t sig_tars = TABLE("Signature", bc_block_sig_t, sig_fields);

static const bc_tars_field_t header_data_fields[] = {
    FIELD(bc_header_data_t, 2, I32, version),
    SUBS(bc_header_data_t, 3, parents, parent_tars),
    FIELD(bc_header_data_t, 4, BYTES, txs_root),
    FIELD(bc_header_data_t, 5, BYTES, receipts_root),
    FIELD(bc_header_data_t, 6, BYTES, state_root),
    FIELD(bc_header_data_t, 7, I64, number),
    FIELD(bc_header_data_t, 8, STR, gas_used),
    FIELD(bc_header_data_t, 9, I64, timestamp),
    FIELD(bc_header_data_t, 10, I64, sealer),
    LIST(bc_header_data_t, 11, BYTES, sealer_list),
    FIELD(bc_header_data_t, 12, BYTES, extra_data),
    LIST(bc_header_data_t, 13, I64, weights),
};
static const bc_tars_struct_t header_data_tars =
    TABLE("BlockHeaderData", bc_header_data_t, header_data_fields);

static const bc_tars_field_t header_fields[] = {
    SUB(bc_header_t, 1, data, header_data_tars),
    FIELD(bc_header_t, 2, BYTES, data_hash),
    SUBS(bc_header_t, 3, signatures, sig_tars),
};
const bc_tars_struct_t bc_header_tars = TABLE("BlockHeader", bc_header_t, header_fields);

static const bc_tars_field_t meta_fields[] = {
    FIELD(bc_tx_meta_t, 1, BYTES, hash),
    FIELD(bc_tx_meta_t, 2, STR, to),
    FIELD(bc_tx_meta_t, 3, STR, source),
    FIELD(bc_tx_meta_t, 4, U32, attribute),
};
const bc_tars_struct_t bc_tx_meta_tars = TABLE("TransactionMetaData", bc_tx_meta_t, meta_fields);

static const bc_tars_field_t block_fields[] = {
    FIELD(bc_block_t, 1, I32, version),
    FIELD(bc_block_t, 2, I32, type),
    SUB(bc_block_t, 3, header, bc_header_tars),
    SUBS(bc_block_t, 4, txs, bc_tx_wire_tars),
    SUBS(bc_block_t, 5, receipts, bc_receipt_tars),
    SUBS(bc_block_t, 6, metas, bc_tx_meta_tars),
    LIST(bc_block_t, 7, BYTES, receipt_hashes),
    LIST(bc_block_t, 8, STR, nonces),
    LIST(bc_block_t, 9, BYTES, txs_merkle),
    LIST(bc_block_t, 10, BYTES, receipts_merkle),
    FIELD(bc_block_t, 11, BYTES, bloom),
};
const bc_tars_struct_t bc_block_tars = TABLE("Block", bc_block_t, block_fields);

/* --- hashes --- */

void bc_receipt_hash(bc_suite_t suite, const bc_receipt_data_t *r, bc_h256_t *out)
{
    bc_hasher_t h;
    bc_hasher_init(&h, suite);
    bc_hasher_be32(&h, (uint32_t)r->version);
    bc_hasher_put(&h, r->gas_used);
    bc_hasher_put(&h, r->contract_address);
    bc_hasher_be32(&h, (uint32_t)r->status);
    bc_hasher_put(&h, r->output);
    if (r->version >= 1)
        bc_hasher_put(&h, r->effective_gas_price);
    const bc_log_entry_t *log = r->logs.v;
    for (size_t i = 0; i < r->logs.n; i++, log++) {
        bc_hasher_put(&h, log->address);
        for (size_t k = 0; k < log->topics.n; k++)
            bc_hasher_put(&h, ((const bc_bytes_t *)log->topics.v)[k]);
        bc_hasher_put(&h, log->data);
    }
    bc_hasher_be64(&h, (uint64_t)r->block_number);
    bc_hasher_final(&h, out);
}

bc_h256_t bc_header_parent(const bc_header_data_t *h)
{
    bc_h256_t out = { { 0 } };
    const bc_parent_t *p = h->parents.v;
    if (h->parents.n && p[0].hash.n == sizeof(out.b))
        memcpy(out.b, p[0].hash.p, sizeof(out.b));
    return out;
}

void bc_header_hash(bc_suite_t suite, const bc_header_data_t *d, bc_h256_t *out)
{
    bc_hasher_t h;
    bc_hasher_init(&h, suite);
    bc_hasher_be32(&h, (uint32_t)d->version);
    const bc_parent_t *parent = d->parents.v;
    for (size_t i = 0; i < d->parents.n; i++, parent++) {
        bc_hasher_be64(&h, (uint64_t)parent->number);
        bc_hasher_put(&h, parent->hash);
    }
    bc_hasher_put(&h, d->txs_root);
    bc_hasher_put(&h, d->receipts_root);
    bc_hasher_put(&h, d->state_root);
    bc_hasher_be64(&h, (uint64_t)d->number);
    bc_hasher_put(&h, d->gas_used);
    bc_hasher_be64(&h, (uint64_t)d->timestamp);
    bc_hasher_be64(&h, (uint64_t)d->sealer);
    for (size_t i = 0; i < d->sealer_list.n; i++)
        bc_hasher_put(&h, ((const bc_bytes_t *)d->sealer_list.v)[i]);
    bc_hasher_put(&h, d->extra_data);
    for (size_t i = 0; i < d->weights.n; i++)
        bc_hasher_be64(&h, (uint64_t)((const int64_t *)d->weights.v)[i]);
    bc_hasher_final(&h, out);
}

/* --- bloom --- */

static void bloom_set(uint8_t bloom[256], const bc_h256_t *h)
{
    for (size_t i = 0; i < 6; i += 2) {
        unsigned bit = (unsigned)(h->b[i] << 8 | h->b[i + 1]) & 2047;
        bloom[255 - bit / 8] |= (uint8_t)(1u << (bit % 8));
    }
}

void bc_bloom_add(uint8_t bloom[256], bc_bytes_t item)
{
    bc_h256_t h;
    bc_keccak256(item, &h);
    bloom_set(bloom, &h);
}

/* Items wait until there are enough to be hashed side by side. */
typedef struct {
    uint8_t *bloom;
    bc_bytes_t v[16];
    size_t cnt;
} bloom_batch_t;

static void bloom_flush(bloom_batch_t *b)
{
    bc_h256_t h[BC_ARRAY_LEN(b->v)];
    bc_hash_many(BC_SUITE_STANDARD, b->v, h, b->cnt);
    for (size_t i = 0; i < b->cnt; i++)
        bloom_set(b->bloom, &h[i]);
    b->cnt = 0;
}

static void bloom_put(bloom_batch_t *b, bc_bytes_t item)
{
    b->v[b->cnt++] = item;
    if (b->cnt == BC_ARRAY_LEN(b->v))
        bloom_flush(b);
}

void bc_bloom_logs(uint8_t bloom[256], const bc_log_entry_t *logs, size_t n)
{
    bloom_batch_t b = { .bloom = bloom };
    for (size_t i = 0; i < n; i++) {
        bloom_put(&b, logs[i].address);
        for (size_t k = 0; k < logs[i].topics.n; k++)
            bloom_put(&b, ((const bc_bytes_t *)logs[i].topics.v)[k]);
    }
    bloom_flush(&b);
}

/* --- owned headers --- */

/* Arena bytes that a header of n bytes can need: its own copy, and lists whose items take at most
 * twelve times their encoded size. */
static size_t header_arena_max(size_t n)
{
    return n > (SIZE_MAX - 4096) / 16 ? SIZE_MAX : 16 * n + 4096;
}

bc_err_t bc_hdr_decode(bc_suite_t suite, bc_bytes_t raw, bc_hdr_t **out)
{
    bool ok = true;
    bc_hdr_t *h = calloc(1, sizeof *h);
    if (!h)
        return BC_E_NOMEM;
    atomic_init(&h->refs, 1);
    bc_arena_init(&h->arena, header_arena_max(raw.n));
    bc_bytes_t own = bc_arena_copy(&h->arena, raw, &ok);
    bc_err_t err = ok ? bc_tars_decode(&bc_header_tars, own, &h->h, &h->arena) : BC_E_NOMEM;
    if (!err) {
        bc_header_hash(suite, &h->h.data, &h->hash);
        if (h->h.data_hash.n && !bc_bytes_eq(h->h.data_hash, BC_VIEW(h->hash)))
            err = BC_E_MISMATCH;
        h->h.data_hash = BC_VIEW(h->hash);
    }
    if (err)
        bc_hdr_unref(h);
    else
        *out = h;
    return err;
}

bc_hdr_t *bc_hdr_new(bc_suite_t suite, const bc_header_t *fields)
{
    bc_header_t copy = *fields;
    bc_h256_t hash;
    bc_hdr_t *out = NULL;
    bc_wr_t w = { 0 };
    bc_header_hash(suite, &fields->data, &hash);
    copy.data_hash = BC_VIEW(hash);
    bc_tars_encode(&bc_header_tars, &copy, &w);
    bc_err_t err = w.err ? w.err : bc_hdr_decode(suite, bc_wr_view(&w), &out);
    bc_wr_free(&w);
    return err ? NULL : out;
}

bc_hdr_t *bc_hdr_ref(bc_hdr_t *h)
{
    atomic_fetch_add_explicit(&h->refs, 1, memory_order_relaxed);
    return h;
}

void bc_hdr_unref(bc_hdr_t *h)
{
    if (h && atomic_fetch_sub_explicit(&h->refs, 1, memory_order_acq_rel) == 1) {
        bc_arena_free(&h->arena);
        free(h);
    }
}

void bc_hdr_encode(const bc_hdr_t *h, bc_wr_t *w)
{
    bc_tars_encode(&bc_header_tars, &h->h, w);
}
