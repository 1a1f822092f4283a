/* Commit of blocks, archive, prune. */
#include <stdlib.h>
#include "base/log.h"
#include "storage/ledger/ledger_int.h"

void bc_ledger_tx_row(const bc_tx_t *tx, bc_batch_t *b)
{
    bc_wr_t w = { 0 };
    bc_tx_encode_stored(tx, &w);
    bc_batch_put_wr(b, T_TX, BC_VIEW(tx->hash), &w);
    bc_wr_free(&w);
}

/* s_number_2_txs and s_block_number_2_nonces of the block. */
static bc_err_t list_rows(bc_bytes_t number, bc_tx_t *const *txs, size_t cnt, bc_batch_t *b)
{
    bc_tx_meta_t *metas = calloc(cnt + 1, sizeof *metas);
    bc_bytes_t *nonces = calloc(cnt + 1, sizeof *nonces);
    bc_wr_t w = { 0 };
    bc_err_t err = metas && nonces ? BC_OK : BC_E_NOMEM;
    for (size_t i = 0; !err && i < cnt; i++) {
        metas[i].hash = BC_VIEW(txs[i]->hash);
        metas[i].to = txs[i]->w.data.to;
        nonces[i] = txs[i]->w.data.nonce;
    }
    if (!err) {
        bc_block_t row = { .nonces = { nonces, cnt } };
        bc_tars_encode(&bc_block_tars, &row, &w);
        bc_batch_put_wr(b, T_NONCES, number, &w);
        row = (bc_block_t){ .metas = { metas, cnt } };
        bc_tars_encode(&bc_block_tars, &row, &w);
        bc_batch_put_wr(b, T_N2TXS, number, &w);
    }
    bc_wr_free(&w);
    free(metas);
    free(nonces);
    return err;
}

bc_err_t bc_ledger_block_rows(bc_ledger_t *l, const bc_hdr_t *header, bc_tx_t *const *txs,
                              size_t tx_cnt, const bc_exec_result_t *r, bool all_stored,
                              bc_batch_t *b, bc_batch_t *blocks)
{
    bc_dec_t n = bc_dec(header->h.data.number);
    bc_bytes_t number = bc_cstr(n.s);
    bc_wr_t w = { 0 };
    bc_batch_put(b, T_N2HASH, number, BC_VIEW(header->hash));
    bc_batch_put(b, T_HASH2N, BC_VIEW(header->hash), number);
    bc_hdr_encode(header, &w);
    bc_batch_put_wr(b, T_N2HEADER, number, &w);
    bc_wr_free(&w);
    bc_batch_put(b, T_CURRENT, K_NUMBER, number);
    bc_err_t err = list_rows(number, txs, tx_cnt, b);
    if (err)
        return err;
    int64_t failed = 0;
    for (size_t i = 0; i < tx_cnt; i++) {
        if (!all_stored && !atomic_load_explicit(&txs[i]->stored, memory_order_acquire))
            bc_ledger_tx_row(txs[i], blocks);
        bc_batch_put_view(blocks, T_RECEIPT, BC_VIEW(txs[i]->hash), r->receipt_raw[i]);
        failed += r->receipts[i].data.status != 0;
    }
    bc_batch_put_i64(b, T_CURRENT, K_TXS, l->totals.tx_count + (int64_t)tx_cnt);
    if (failed)
        bc_batch_put_i64(b, T_CURRENT, K_FAILED, l->totals.failed_count + failed);
    return b->err ? b->err : blocks->err;
}

bc_err_t bc_ledger_write(bc_ledger_t *l, const bc_batch_t *b, const bc_batch_t *blocks, bool sync)
{
    bc_err_t err = b->err ? b->err : blocks->err;
    if (!err && blocks != b && blocks->cnt)
        err = l->block_kv.ops->write(l->block_kv.self, blocks->v, blocks->cnt, true);
    if (!err)
        err = l->kv.ops->write(l->kv.self, b->v, b->cnt, sync);
    return err;
}

/* Does the result belong to the header, and the header behind the last block? */
static bc_err_t check_next(bc_ledger_t *l, const bc_hdr_t *header, size_t tx_cnt,
                           const bc_exec_result_t *r)
{
    const bc_header_data_t *d = &header->h.data;
    if (d->number != l->config->number + 1)
        return BC_E_STALE;
    const bc_parent_t *parent = d->parents.v;
    if (d->parents.n != 1 || parent->number != l->config->number ||
        !bc_bytes_eq(parent->hash, BC_VIEW(l->config->hash)))
        return BC_E_MISMATCH;
    if (r->receipt_cnt != tx_cnt || !bc_bytes_eq(d->txs_root, BC_VIEW(r->txs_root)) ||
        !bc_bytes_eq(d->receipts_root, BC_VIEW(r->receipts_root)) ||
        !bc_bytes_eq(d->state_root, BC_VIEW(r->state_root)) ||
        !bc_bytes_eq(d->gas_used, bc_cstr(r->gas_used)))
        return BC_E_MISMATCH;
    return BC_OK;
}

static bool touches_config(const bc_changes_t *c)
{
    for (size_t i = 0; c && i < c->cnt; i++)
        if (bc_bytes_eq(c->v[i].table, T_CONFIG) || bc_bytes_eq(c->v[i].table, T_NODES))
            return true;
    return false;
}

static void put_changes(const bc_changes_t *c, bc_batch_t *b)
{
    for (size_t i = 0; c && i < c->cnt; i++) {
        const bc_change_t *r = &c->v[i];
        if (r->del)
            bc_batch_del(b, r->table, r->key);
        else
            bc_batch_put_view(b, r->table, r->key, r->value);
    }
}

static void count_block(bc_ledger_t *l, const bc_exec_result_t *r)
{
    pthread_mutex_lock(&l->lock);
    l->totals.number++;
    l->totals.tx_count += (int64_t)r->receipt_cnt;
    int64_t failed = 0;
    for (size_t i = 0; i < r->receipt_cnt; i++)
        failed += r->receipts[i].data.status != 0;
    l->totals.failed_count += failed;
    bc_ledger_totals_t t = l->totals;
    pthread_mutex_unlock(&l->lock);
    BC_INFO(BADGE "[METRIC]",
            "asyncPrewriteBlock,number=%lld,totalTxs=%lld,failedTxs=%lld,incTxs=%zu,incFailedTxs="
            "%lld",
            (long long)t.number, (long long)t.tx_count, (long long)t.failed_count, r->receipt_cnt,
            (long long)failed);
}

/* The snapshot behind the block that was just written. The store was written: an unreadable
 * configuration now means that the store is broken. */
static bc_err_t renew_config(bc_ledger_t *l, const bc_hdr_t *header, const bc_changes_t *changes)
{
    const bc_header_data_t *d = &header->h.data;
    bc_ledger_config_t *next;
    if (l->pending || touches_config(changes)) {
        bc_err_t err = bc_ledger_config_load(l, d->number, &header->hash, d->timestamp, &next);
        if (err) {
            BC_ERROR(BADGE, "cannot read the configuration after a block,number=%lld,error=%s",
                     (long long)d->number, bc_err_name(err));
            return err;
        }
    } else {
        next = bc_ledger_config_next(l->config, d->number, &header->hash, d->timestamp);
    }
    bc_ledger_config_publish(l, next);
    return BC_OK;
}

static void mark_stored(bc_tx_t *const *txs, size_t cnt)
{
    for (size_t i = 0; i < cnt; i++)
        atomic_store_explicit(&txs[i]->stored, true, memory_order_release);
}

bc_err_t bc_ledger_commit(bc_ledger_t *l, const bc_hdr_t *header, bc_tx_t *const *txs,
                          size_t tx_cnt, const bc_exec_result_t *r, bool all_stored, bool sync)
{
    bc_batch_t b = { 0 }, blocks = { 0 };
    pthread_mutex_lock(&l->write);
    bc_err_t err = check_next(l, header, tx_cnt, r);
    if (!err)
        err = bc_ledger_block_rows(l, header, txs, tx_cnt, r, all_stored, &b,
                                   l->separate ? &blocks : &b);
    if (!err) {
        put_changes(r->changes, &b);
        err = bc_ledger_write(l, &b, l->separate ? &blocks : &b, sync);
    }
    if (!err) {
        mark_stored(txs, tx_cnt);
        count_block(l, r);
        err = renew_config(l, header, r->changes);
    }
    pthread_mutex_unlock(&l->write);
    bc_batch_free(&b);
    bc_batch_free(&blocks);
    return err;
}

bc_err_t bc_ledger_sync(bc_ledger_t *l)
{
    bc_batch_t b = { 0 };
    pthread_mutex_lock(&l->write);
    bc_batch_put_i64(&b, T_CURRENT, K_NUMBER, l->config->number); /* as it is */
    bc_err_t err = b.err ? b.err : l->kv.ops->write(l->kv.self, b.v, b.cnt, true);
    pthread_mutex_unlock(&l->write);
    bc_batch_free(&b);
    return err;
}

bc_err_t bc_ledger_store_txs(bc_ledger_t *l, bc_tx_t *const *txs, size_t cnt, bool sync)
{
    bc_batch_t b = { 0 };
    for (size_t i = 0; i < cnt; i++)
        if (!atomic_load_explicit(&txs[i]->stored, memory_order_acquire))
            bc_ledger_tx_row(txs[i], &b);
    bc_err_t err = b.err;
    if (!err && b.cnt)
        err = l->block_kv.ops->write(l->block_kv.self, b.v, b.cnt, sync);
    if (!err)
        mark_stored(txs, cnt);
    bc_batch_free(&b);
    return err;
}

/* ---- archive ---- */

enum { ARCHIVE_STEP = 64 }; /* blocks; commits wait for one step at most */

static void set_archived(bc_ledger_t *l, int64_t number)
{
    pthread_mutex_lock(&l->lock);
    l->totals.archived_number = number;
    pthread_mutex_unlock(&l->lock);
}

/* Deletes transactions and receipts of one block; the metadata row stays. */
static bc_err_t archive_block(bc_ledger_t *l, int64_t number)
{
    bc_ledger_block_t *blk;
    bc_batch_t b = { 0 };
    bc_err_t err = bc_ledger_local_ops.block(l, number, 0, &blk);
    if (err)
        return err == BC_E_NOT_FOUND ? BC_OK : err;
    for (size_t i = 0; i < blk->tx_cnt; i++) {
        bc_batch_del(&b, T_TX, BC_VIEW(blk->tx_hashes[i]));
        bc_batch_del(&b, T_RECEIPT, BC_VIEW(blk->tx_hashes[i]));
    }
    err = b.err;
    if (!err && b.cnt)
        err = l->block_kv.ops->write(l->block_kv.self, b.v, b.cnt, false);
    bc_batch_free(&b);
    bc_ledger_block_free(blk);
    return err;
}

/* Nonce rows of blocks from..to-1, in bounded batches. */
static bc_err_t delete_nonces(bc_ledger_t *l, int64_t from, int64_t to)
{
    bc_err_t err = BC_OK;
    for (int64_t n = from; !err && n < to;) {
        bc_batch_t b = { 0 };
        for (int i = 0; i < 1000 && n < to; i++, n++)
            bc_batch_del(&b, T_NONCES, bc_cstr(bc_dec(n).s));
        err = b.err ? b.err : l->kv.ops->write(l->kv.self, b.v, b.cnt, false);
        bc_batch_free(&b);
    }
    return err;
}

static bc_err_t put_archived(bc_ledger_t *l, int64_t number)
{
    bc_dec_t text = bc_dec(number);
    bc_batch_t b = { 0 };
    bc_batch_put(&b, T_CURRENT, K_ARCHIVED, bc_cstr(text.s));
    bc_err_t err = b.err ? b.err : l->kv.ops->write(l->kv.self, b.v, b.cnt, true);
    bc_batch_free(&b);
    if (!err)
        set_archived(l, number);
    return err;
}

static bc_err_t archive_step(bc_ledger_t *l, int64_t start, int64_t to, int64_t end)
{
    pthread_mutex_lock(&l->write);
    int64_t current = l->config->number, archived = l->totals.archived_number;
    bc_err_t err = BC_OK;
    if (start <= 0 || start > end || end > current || (archived > 0 && start != archived))
        err = BC_E_RANGE;
    for (int64_t n = start; !err && n < to; n++)
        err = archive_block(l, n);
    if (!err)
        err = put_archived(l, to);
    pthread_mutex_unlock(&l->write);
    return err;
}

bc_err_t bc_ledger_archive(bc_ledger_t *l, int64_t start, int64_t end)
{
    int64_t to = start;
    bc_err_t err;
    do { /* also for an empty range: it records the number */
        start = to;
        to = end - start > ARCHIVE_STEP ? start + ARCHIVE_STEP : end;
        err = archive_step(l, start, to, end);
    } while (!err && to < end);
    pthread_mutex_lock(&l->write);
    int64_t current = l->config->number;
    if (!err && current > 5000)
        err = delete_nonces(l, 1, current - 5000);
    pthread_mutex_unlock(&l->write);
    return err;
}

/* The roots of what was brought must be those of our own header. */
static bc_err_t check_restored(bc_ledger_t *l, const bc_ledger_block_t *blk, bc_tx_t *const *txs,
                               size_t cnt, const bc_bytes_t *receipts)
{
    if (blk->tx_cnt != cnt)
        return BC_E_MISMATCH;
    for (size_t i = 0; i < cnt; i++)
        if (!bc_h256_eq(&txs[i]->hash, &blk->tx_hashes[i]))
            return BC_E_MISMATCH;
    bc_h256_t *hashes = bc_xcalloc(cnt, sizeof *hashes), root = { 0 };
    bc_arena_t a = { 0 };
    bc_err_t err = BC_OK;
    for (size_t i = 0; !err && i < cnt; i++) {
        bc_receipt_t r;
        err = bc_tars_decode(&bc_receipt_tars, receipts[i], &r, &a);
        if (err)
            break;
        bc_receipt_hash(l->suite, &r.data, &hashes[i]);
        if (r.data_hash.n && !bc_bytes_eq(r.data_hash, BC_VIEW(hashes[i])))
            err = BC_E_MISMATCH; /* it would be answered as it is stored */
    }
    if (!err)
        err = bc_merkle_root(l->suite, hashes, cnt, &root);
    if (!err && !bc_bytes_eq(blk->header->h.data.receipts_root, BC_VIEW(root)))
        err = BC_E_MISMATCH;
    bc_arena_free(&a);
    free(hashes);
    return err;
}

bc_err_t bc_ledger_restore(bc_ledger_t *l, int64_t number, bc_tx_t *const *txs, size_t tx_cnt,
                           const bc_bytes_t *receipts_raw)
{
    bc_ledger_block_t *blk = NULL;
    bc_batch_t b = { 0 };
    pthread_mutex_lock(&l->write);
    bc_err_t err = number < 1 || number != l->totals.archived_number - 1 ? BC_E_STALE : BC_OK;
    if (!err)
        err = bc_ledger_local_ops.block(l, number, 0, &blk);
    if (!err)
        err = check_restored(l, blk, txs, tx_cnt, receipts_raw);
    for (size_t i = 0; !err && i < tx_cnt; i++) {
        bc_ledger_tx_row(txs[i], &b);
        bc_batch_put_view(&b, T_RECEIPT, BC_VIEW(txs[i]->hash), receipts_raw[i]);
    }
    if (!err)
        err = b.err;
    if (!err && b.cnt)
        err = l->block_kv.ops->write(l->block_kv.self, b.v, b.cnt, true);
    if (!err)
        err = put_archived(l, number);
    pthread_mutex_unlock(&l->write);
    bc_ledger_block_free(blk);
    bc_batch_free(&b);
    return err;
}

bc_err_t bc_ledger_prune(bc_ledger_t *l)
{
    pthread_mutex_lock(&l->write);
    int64_t limit = (int64_t)l->chain->block_limit;
    bc_err_t err = delete_nonces(l, limit + 1, l->config->number - limit);
    pthread_mutex_unlock(&l->write);
    return err;
}
