/* The contract's reads. */
#include <stdlib.h>
#include "base/log.h"
#include "codec/archive.h"
#include "codec/hex.h"
#include "storage/ledger/ledger_int.h"

bc_err_t bc_ledger_row(bc_kv_if kv, bc_bytes_t table, bc_bytes_t key, bc_bytes_t *value,
                       bc_arena_t *arena)
{
    uint8_t raw[192];
    BC_MUST(table.n + 1 + key.n <= sizeof raw);
    memcpy(raw, table.p, table.n);
    raw[table.n] = ':';
    if (key.n)
        memcpy(raw + table.n + 1, key.p, key.n);
    bc_wr_t w = { 0 };
    bc_err_t err = kv.ops->get(kv.self, bc_bytes(raw, table.n + 1 + key.n), &w);
    if (!err) {
        bool ok;
        *value = bc_arena_copy(arena, bc_wr_view(&w), &ok);
        err = ok ? BC_OK : BC_E_NOMEM;
    }
    bc_wr_free(&w);
    return err;
}

bc_err_t bc_ledger_row_i64(bc_kv_if kv, bc_bytes_t table, bc_bytes_t key, int64_t *out)
{
    bc_arena_t a = { 0 };
    bc_bytes_t v;
    bc_err_t err = bc_ledger_row(kv, table, key, &v, &a);
    if (!err && bc_dec_i64(v, out) != BC_OK)
        err = BC_E_CORRUPT;
    bc_arena_free(&a);
    return err;
}

static bc_err_t get_number(void *self, int64_t *out)
{
    bc_ledger_t *l = self;
    pthread_mutex_lock(&l->lock);
    *out = l->config->number;
    pthread_mutex_unlock(&l->lock);
    return BC_OK;
}

static bc_err_t get_totals(void *self, bc_ledger_totals_t *out)
{
    bc_ledger_t *l = self;
    pthread_mutex_lock(&l->lock);
    *out = l->totals;
    pthread_mutex_unlock(&l->lock);
    return BC_OK;
}

static bc_err_t get_hash(void *self, int64_t number, bc_h256_t *out)
{
    bc_ledger_t *l = self;
    bc_arena_t a = { 0 };
    bc_bytes_t v;
    bc_err_t err = bc_ledger_row(l->kv, T_N2HASH, bc_cstr(bc_dec(number).s), &v, &a);
    if (!err && v.n != 32)
        err = BC_E_CORRUPT;
    if (!err)
        memcpy(out->b, v.p, 32);
    bc_arena_free(&a);
    return err;
}

static bc_err_t get_number_of(void *self, const bc_h256_t *hash, int64_t *out)
{
    bc_ledger_t *l = self;
    return bc_ledger_row_i64(l->kv, T_HASH2N, BC_VIEW(*hash), out);
}

/* A header row, whose carried hash is believed only after it was computed. */
static bc_err_t read_header(bc_ledger_t *l, int64_t number, bc_hdr_t **out)
{
    bc_arena_t a = { 0 };
    bc_bytes_t v;
    bc_err_t err = bc_ledger_row(l->kv, T_N2HEADER, bc_cstr(bc_dec(number).s), &v, &a);
    if (!err)
        err = bc_hdr_decode(l->suite, v, out) ? BC_E_CORRUPT : BC_OK;
    bc_arena_free(&a);
    return err;
}

/* The row of a block in s_number_2_txs or s_block_number_2_nonces, decoded into the arena. */
static bc_err_t read_block_row(bc_ledger_t *l, bc_bytes_t table, int64_t number, bc_block_t *out,
                               bc_arena_t *a)
{
    bc_bytes_t v;
    bc_err_t err = bc_ledger_row(l->kv, table, bc_cstr(bc_dec(number).s), &v, a);
    if (!err)
        err = bc_tars_decode(&bc_block_tars, v, out, a) ? BC_E_CORRUPT : BC_OK;
    return err;
}

static bc_err_t get_tx(void *self, const bc_h256_t *hash, bc_tx_t **out)
{
    bc_ledger_t *l = self;
    bc_arena_t a = { 0 };
    bc_bytes_t v;
    bc_err_t err = bc_ledger_row(l->block_kv, T_TX, BC_VIEW(*hash), &v, &a);
    if (!err && bc_tx_decode_trusted(l->suite, v, out) != BC_OK)
        err = BC_E_CORRUPT;
    if (!err && !bc_h256_eq(&(*out)->hash, hash)) {
        bc_tx_unref(*out);
        *out = NULL;
        err = BC_E_CORRUPT;
    }
    bc_arena_free(&a);
    if (err == BC_E_CORRUPT)
        BC_ERROR(BADGE, "stored transaction is damaged,hash=%s", BC_SHORT(*hash));
    return err;
}

static bc_err_t read_receipt(bc_ledger_t *l, const bc_h256_t *hash, bc_receipt_t *out,
                             bc_bytes_t *raw, bc_arena_t *a)
{
    bc_err_t err = bc_ledger_row(l->block_kv, T_RECEIPT, BC_VIEW(*hash), raw, a);
    if (!err && bc_tars_decode(&bc_receipt_tars, *raw, out, a) != BC_OK)
        err = BC_E_CORRUPT;
    return err;
}

static bc_err_t get_receipt(void *self, const bc_h256_t *tx_hash, bc_receipt_t *out, bc_arena_t *a)
{
    bc_bytes_t raw;
    return read_receipt(self, tx_hash, out, &raw, a);
}

static bc_err_t read_hashes(bc_ledger_t *l, int64_t number, bc_ledger_block_t *b)
{
    bc_block_t row;
    bc_err_t err = read_block_row(l, T_N2TXS, number, &row, &b->arena);
    if (err)
        return err;
    const bc_tx_meta_t *m = row.metas.v;
    b->tx_hashes = bc_arena_alloc(&b->arena, row.metas.n * sizeof *b->tx_hashes + 1);
    if (!b->tx_hashes)
        return BC_E_NOMEM;
    for (size_t i = 0; i < row.metas.n; i++) {
        if (m[i].hash.n != 32)
            return BC_E_CORRUPT;
        memcpy(b->tx_hashes[i].b, m[i].hash.p, 32);
    }
    b->tx_cnt = row.metas.n;
    return BC_OK;
}

static bc_err_t read_txs(bc_ledger_t *l, bc_ledger_block_t *b)
{
    b->txs = bc_arena_alloc(&b->arena, b->tx_cnt * sizeof *b->txs + 1);
    if (!b->txs)
        return BC_E_NOMEM;
    for (size_t i = 0; i < b->tx_cnt; i++) {
        bc_err_t err = get_tx(l, &b->tx_hashes[i], &b->txs[i]);
        if (err && err != BC_E_NOT_FOUND)
            return err;
    }
    return BC_OK;
}

static bc_err_t read_receipts(bc_ledger_t *l, bc_ledger_block_t *b)
{
    b->receipts = bc_arena_alloc(&b->arena, b->tx_cnt * sizeof *b->receipts + 1);
    b->receipt_raw = bc_arena_alloc(&b->arena, b->tx_cnt * sizeof *b->receipt_raw + 1);
    if (!b->receipts || !b->receipt_raw)
        return BC_E_NOMEM;
    for (size_t i = 0; i < b->tx_cnt; i++) {
        bc_err_t err = read_receipt(l, &b->tx_hashes[i], &b->receipts[i], &b->receipt_raw[i],
                                    &b->arena);
        if (err && err != BC_E_NOT_FOUND)
            return err;
    }
    return BC_OK;
}

static bc_err_t get_block(void *self, int64_t number, unsigned with, bc_ledger_block_t **out)
{
    bc_ledger_t *l = self;
    bc_ledger_block_t *b = bc_xcalloc(1, sizeof *b);
    *out = NULL;
    bc_err_t err = read_header(l, number, &b->header);
    if (!err)
        err = read_hashes(l, number, b);
    if (!err && (with & BC_WITH_TXS))
        err = read_txs(l, b);
    if (!err && (with & BC_WITH_RECEIPTS))
        err = read_receipts(l, b);
    if (err) {
        if (err != BC_E_NOT_FOUND)
            BC_ERROR(BADGE, "cannot read block,number=%lld,error=%s", (long long)number,
                     bc_err_name(err));
        bc_ledger_block_free(b);
        return err;
    }
    *out = b;
    return BC_OK;
}

static bc_err_t get_system_config(void *self, bc_bytes_t key, bc_bytes_t *value, int64_t *enable,
                                  bc_arena_t *a)
{
    bc_ledger_t *l = self;
    bc_bytes_t row;
    if (key.n > 100)
        return BC_E_NOT_FOUND;
    bc_err_t err = bc_ledger_row(l->kv, T_CONFIG, key, &row, a);
    if (!err)
        err = bc_archive_get_config(row, value, enable) ? BC_E_CORRUPT : BC_OK;
    return err;
}

static bc_ledger_config_t *get_config(void *self)
{
    bc_ledger_t *l = self;
    pthread_mutex_lock(&l->lock);
    bc_ledger_config_t *c = bc_ledger_config_ref(l->config);
    pthread_mutex_unlock(&l->lock);
    return c;
}

static bc_err_t get_nonces(void *self, int64_t number, bc_tars_list_t *out, bc_arena_t *a)
{
    bc_block_t row;
    bc_err_t err = read_block_row(self, T_NONCES, number, &row, a);
    if (!err)
        *out = row.nonces;
    return err;
}

const bc_ledger_ops_t bc_ledger_local_ops = {
    .number = get_number,
    .totals = get_totals,
    .hash_by_number = get_hash,
    .number_by_hash = get_number_of,
    .block = get_block,
    .tx = get_tx,
    .receipt = get_receipt,
    .system_config = get_system_config,
    .config = get_config,
    .nonces = get_nonces,
};
