/* Opening and creating a chain. */
#include "storage/ledger/ledger.h"
#include <stdio.h>
#include <stdlib.h>
#include "base/log.h"
#include "codec/archive.h"
#include "protocol/features.h"
#include "protocol/status.h"
#include "storage/ledger/genesis.h"
#include "storage/ledger/ledger_int.h"
#include "storage/state/state.h"

typedef struct {
    char *p;
    size_t n;
} why_t;

#define WHY(w, ...) ((void)snprintf((w).p, (w).n, __VA_ARGS__))

/* ---- block 0 ---- */

static bc_err_t block0_txs(const bc_ledger_params_t *p, bc_tx_t *txs[2], why_t why)
{
    const bc_chain_config_t *c = p->chain;
    txs[0] = txs[1] = NULL;
    if (!p->adopted_txs[0].n && !p->committee_code.n) {
        WHY(why, "the byte code of the governance committee is missing");
        return BC_E_CONFIG;
    }
    if (!p->adopted_txs[0].n) {
        bc_err_t err = bc_genesis_txs(c, p->committee_code, p->now_ms, txs);
        if (err == BC_E_CONFIG)
            WHY(why, "executor.auth_admin_account '%s' is not an address: 0x and 40 hex digits",
                c->auth_admin);
        return err;
    }
    for (int i = 0; i < 2; i++) {
        bc_err_t err = bc_tx_decode_trusted(c->suite, p->adopted_txs[i], &txs[i]);
        if (err) {
            WHY(why, "adopted transaction %d of block 0 is not readable: %s", i, bc_err_name(err));
            bc_tx_unref(txs[0]);
            return BC_E_CONFIG;
        }
    }
    return BC_OK;
}

/* Before 3.3 the committee came only with authority; 3.0 had its directories in the genesis. */
static size_t block0_tx_cnt(const bc_chain_config_t *c)
{
    if (c->version < 0x03010000)
        return 0;
    return c->version >= 0x03030000 || c->is_auth_check ? 2 : 1;
}

static bc_err_t block0_execute(const bc_ledger_params_t *p, bc_view_if genesis, bc_tx_t *txs[2],
                               bc_exec_result_t **out, why_t why)
{
    bool known = txs[0]->sender_known;
    txs[0]->sender_known = true; /* nobody: the zero address */
    bc_exec_block_t in = {
        .parent = genesis,
        .version = p->chain->version,
        .txs = txs,
        .tx_cnt = block0_tx_cnt(p->chain),
    };
    bc_err_t err = p->executor.ops->execute(p->executor.self, &in, out);
    txs[0]->sender_known = known;
    if (err) {
        WHY(why, "executing block 0 failed: %s", bc_err_name(err));
        return err;
    }
    for (size_t i = 0; i < (*out)->receipt_cnt; i++) {
        int32_t status = (*out)->receipts[i].data.status;
        if (status)
            BC_WARN(BADGE, "a transaction of block 0 failed,index=%zu,status=%d", i, status);
    }
    return BC_OK;
}

/* Executed header 0: neither parents nor sealers nor time (spec/10 §9). */
static bc_hdr_t *block0_header(const bc_chain_config_t *c, const bc_exec_result_t *r)
{
    bc_header_t h = { .data = {
                          .version = (int32_t)c->version,
                          .txs_root = BC_VIEW(r->txs_root),
                          .receipts_root = BC_VIEW(r->receipts_root),
                          .state_root = BC_VIEW(r->state_root),
                          .gas_used = bc_cstr(r->gas_used),
                      } };
    return bc_hdr_new(c->suite, &h);
}

/* What executing block 0 leaves: its state, the two transactions and receipts, and its hash as the
 * hash of number 0. The stored header stays the genesis header. */
static bc_err_t block0_rows(const bc_ledger_params_t *p, bc_tx_t *txs[2], const bc_exec_result_t *r,
                            bc_batch_t *b, bc_batch_t *blocks)
{
    if (r->receipt_cnt != block0_tx_cnt(p->chain))
        return BC_E_INTERNAL;
    bc_hdr_t *header = block0_header(p->chain, r);
    if (!header)
        return BC_E_NOMEM;
    for (size_t i = 0; i < r->receipt_cnt; i++) {
        bc_ledger_tx_row(txs[i], blocks);
        bc_batch_put(blocks, T_RECEIPT, BC_VIEW(txs[i]->hash), r->receipt_raw[i]);
    }
    for (size_t i = 0; i < r->changes->cnt; i++) {
        const bc_change_t *c = &r->changes->v[i];
        if (c->del)
            bc_batch_del(b, c->table, c->key);
        else
            bc_batch_put(b, c->table, c->key, c->value);
    }
    /* version 0 keeps the genesis header's hash as the hash of block 0 */
    if (p->chain->executor_version > 0) {
        bc_batch_put(b, T_N2HASH, BC_STR("0"), BC_VIEW(header->hash));
        bc_batch_put(b, T_HASH2N, BC_VIEW(header->hash), BC_STR("0"));
    }
    bc_hdr_unref(header);
    return b->err ? b->err : blocks->err;
}

static bc_err_t block0(const bc_ledger_params_t *p, bc_view_if genesis, bc_batch_t *b,
                       bc_batch_t *blocks, why_t why)
{
    bc_tx_t *txs[2];
    bc_exec_result_t *r = NULL;
    if (!block0_tx_cnt(p->chain))
        return BC_OK; /* nothing is executed */
    bc_err_t err = block0_txs(p, txs, why);
    if (err)
        return err;
    err = block0_execute(p, genesis, txs, &r, why);
    if (!err)
        err = block0_rows(p, txs, r, b, blocks);
    bc_exec_result_free(r);
    bc_tx_unref(txs[0]);
    bc_tx_unref(txs[1]);
    return err;
}

/* ---- creating ---- */

static int change_cmp(const void *a, const void *b)
{
    const bc_change_t *x = a, *y = b;
    int c = bc_bytes_cmp(x->table, y->table);
    return c ? c : bc_bytes_cmp(x->key, y->key);
}

/* Genesis rows as a write set, so that block 0 executes on them before anything is written. */
static bc_changes_t *as_changes(const bc_batch_t *b)
{
    bc_changes_t *c = bc_xcalloc(1, sizeof *c);
    atomic_init(&c->refs, 1);
    c->v = bc_arena_alloc(&c->arena, b->cnt * sizeof *c->v);
    BC_MUST(c->v != NULL);
    for (size_t i = 0; i < b->cnt; i++) {
        const uint8_t *colon = memchr(b->v[i].key.p, ':', b->v[i].key.n);
        size_t n = (size_t)(colon - b->v[i].key.p);
        c->v[i] = (bc_change_t){ bc_bytes(b->v[i].key.p, n),
                                 bc_bytes(colon + 1, b->v[i].key.n - n - 1), b->v[i].value, false };
    }
    c->cnt = b->cnt;
    qsort(c->v, c->cnt, sizeof *c->v, change_cmp);
    return c;
}

/* Genesis and block 0 in one synced write: a crash leaves an empty store or a whole chain. */
static bc_err_t create(bc_ledger_t *l, const bc_ledger_params_t *p, why_t why)
{
    bc_batch_t b = { 0 }, blocks = { 0 };
    bc_state_t *state = NULL;
    bc_state_view_t *view = NULL;
    bc_changes_t *rows = NULL;
    bc_hdr_t *header = NULL;
    bc_err_t err = bc_genesis_check(p->chain, why.p, why.n);
    if (err)
        return err;
    if (p->chain->executor_version == 0 && !p->chain->is_serial_execute) {
        WHY(why, "executor.version=0 in config.genesis runs only with is_serial_execute=true");
        return BC_E_UNSUPPORTED;
    }
    header = bc_genesis_header(p->chain);
    if (!header)
        return BC_E_NOMEM;
    bc_genesis_rows(p->chain, header, &b);
    err = b.err ? b.err : bc_state_new(l->kv, &state);
    if (!err) {
        rows = as_changes(&b);
        err = bc_state_push(state, rows);
    }
    if (!err) {
        view = bc_state_top(state);
        err = block0(p, bc_state_view_if(view), &b, l->separate ? &blocks : &b, why);
    }
    if (!err)
        err = bc_ledger_write(l, &b, l->separate ? &blocks : &b, true);
    if (!err)
        BC_INFO(BADGE, "buildGenesisBlock,hash=%s,version=%u,nodes=%zu", BC_SHORT(header->hash),
                p->chain->version, p->chain->node_cnt);
    bc_state_view_unref(view);
    bc_state_free(state);
    bc_changes_unref(rows);
    bc_hdr_unref(header);
    bc_batch_free(&b);
    bc_batch_free(&blocks);
    return err;
}

/* ---- opening ---- */

/* Flags that the stored version has and s_config lacks: a chain that only got a newer program. */
static bc_err_t add_missing_flags(bc_ledger_t *l, int64_t number)
{
    bc_arena_t a = { 0 };
    bc_batch_t b = { 0 };
    bc_wr_t w = { 0 };
    bc_bytes_t row, text;
    int64_t enable;
    uint32_t version;
    bc_err_t err = bc_ledger_row(l->kv, T_CONFIG, BC_STR("compatibility_version"), &row, &a);
    if (!err && (bc_archive_get_config(row, &text, &enable) || bc_version_parse(text, &version)))
        err = BC_E_CORRUPT;
    bc_features_t on = err ? 0 : bc_features_genesis(version);
    for (unsigned f = 0; !err && f < BC_F_CNT; f++) {
        if (!bc_feature_in(on, (bc_feature_t)f))
            continue;
        bc_bytes_t name = bc_cstr(bc_feature_name((bc_feature_t)f));
        err = bc_ledger_row(l->kv, T_CONFIG, name, &row, &a);
        if (err != BC_E_NOT_FOUND)
            continue;
        bc_archive_put_config(&w, BC_STR("1"), number);
        bc_batch_put_wr(&b, T_CONFIG, name, &w);
        err = BC_OK;
    }
    if (!err)
        err = b.err;
    if (!err && b.cnt)
        err = l->kv.ops->write(l->kv.self, b.v, b.cnt, true);
    bc_wr_free(&w);
    bc_batch_free(&b);
    bc_arena_free(&a);
    return err;
}

/* The stored genesis text against the one of the configuration. */
static bc_err_t check_genesis(bc_ledger_t *l, bc_h256_t *genesis_hash, why_t why)
{
    bc_ledger_block_t *blk;
    bc_wr_t text = { 0 };
    bc_err_t err = bc_ledger_local_ops.block(l, 0, 0, &blk);
    if (err) {
        WHY(why, "the store has a chain, but its block 0 cannot be read: %s", bc_err_name(err));
        return BC_E_CORRUPT;
    }
    bc_genesis_text(l->chain, &text);
    bc_bytes_t stored = blk->header->h.data.extra_data, ours = bc_wr_view(&text);
    if (text.err) {
        err = text.err;
    } else if (!bc_bytes_eq(stored, ours)) {
        WHY(why, "The Genesis Data is inconsistent with the initial Genesis Data: config.genesis "
                 "was changed, or this data directory is of another chain");
        BC_ERROR(BADGE, "The Genesis Data is inconsistent with the initial Genesis Data. "
                        ",existsGenesisData=%.*s,genesisData=%.*s",
                 (int)stored.n, (const char *)stored.p, (int)ours.n, (const char *)ours.p);
        err = BC_E_MISMATCH;
    }
    *genesis_hash = blk->header->hash;
    bc_wr_free(&text);
    bc_ledger_block_free(blk);
    return err;
}

/* A store that an official node left between genesis and block 0. */
static bc_err_t finish_block0(bc_ledger_t *l, const bc_ledger_params_t *p, why_t why)
{
    bc_batch_t b = { 0 }, blocks = { 0 };
    bc_err_t err = block0(p, bc_state_kv_view(&l->kv), &b, l->separate ? &blocks : &b, why);
    if (!err)
        err = bc_ledger_write(l, &b, l->separate ? &blocks : &b, true);
    bc_batch_free(&b);
    bc_batch_free(&blocks);
    return err;
}

static bc_err_t open_existing(bc_ledger_t *l, const bc_ledger_params_t *p, why_t why)
{
    bc_h256_t genesis, hash0;
    int64_t number;
    bc_arena_t a = { 0 };
    bc_bytes_t pages;
    bc_err_t err = bc_ledger_row(l->kv, BC_STR("/"), BC_STR(""), &pages, &a);
    bc_arena_free(&a);
    if (!err) {
        WHY(why, "the tables of this store are in key pages, which this program does not read: start with an empty "
                 "data directory and let the node fetch the chain");
        return BC_E_UNSUPPORTED;
    }
    err = check_genesis(l, &genesis, why);
    if (err)
        return err;
    err = bc_ledger_row_i64(l->kv, T_CURRENT, K_NUMBER, &number);
    if (!err)
        err = bc_ledger_local_ops.hash_by_number(l, 0, &hash0);
    if (err) {
        WHY(why, "the store lacks the current block number: %s", bc_err_name(err));
        return BC_E_CORRUPT;
    }
    err = add_missing_flags(l, number);
    if (!err && number == 0 && l->chain->executor_version > 0 && bc_h256_eq(&genesis, &hash0))
        err = finish_block0(l, p, why);
    return err;
}

static bc_err_t total(bc_ledger_t *l, bc_bytes_t key, int64_t *out)
{
    bc_err_t err = bc_ledger_row_i64(l->kv, T_CURRENT, key, out);
    if (err == BC_E_NOT_FOUND) {
        *out = 0;
        err = BC_OK;
    }
    return err;
}

static bc_err_t load(bc_ledger_t *l, why_t why)
{
    bc_ledger_totals_t *t = &l->totals;
    bc_ledger_block_t *blk = NULL;
    bc_ledger_config_t *c;
    bc_h256_t hash;
    bc_err_t err = bc_ledger_row_i64(l->kv, T_CURRENT, K_NUMBER, &t->number);
    if (!err)
        err = total(l, K_TXS, &t->tx_count);
    if (!err)
        err = total(l, K_FAILED, &t->failed_count);
    if (!err)
        err = total(l, K_ARCHIVED, &t->archived_number);
    if (!err)
        err = bc_ledger_local_ops.block(l, t->number, 0, &blk);
    if (!err)
        err = bc_ledger_local_ops.hash_by_number(l, t->number, &hash);
    if (!err && t->number > 0 && !bc_h256_eq(&hash, &blk->header->hash))
        err = BC_E_CORRUPT;
    if (!err)
        err = bc_ledger_config_load(l, t->number, &hash, blk->header->h.data.timestamp, &c);
    bc_ledger_block_free(blk);
    if (err) {
        WHY(why, "the last block of the store cannot be read: %s", bc_err_name(err));
        return err == BC_E_IO || err == BC_E_NOMEM ? err : BC_E_CORRUPT;
    }
    bc_ledger_config_publish(l, c);
    return BC_OK;
}

bc_err_t bc_ledger_init(const bc_ledger_params_t *p, bc_ledger_t **out, char *why, size_t why_size)
{
    char none[1];
    why_t w = why ? (why_t){ why, why_size } : (why_t){ none, 1 };
    w.p[0] = 0;
    *out = NULL;
    bc_ledger_t *l = bc_xcalloc(1, sizeof *l);
    l->kv = p->kv;
    l->separate = p->block_kv.ops != NULL;
    l->block_kv = l->separate ? p->block_kv : p->kv;
    l->chain = p->chain;
    l->suite = p->chain->suite;
    pthread_mutex_init(&l->write, NULL);
    pthread_mutex_init(&l->lock, NULL);
    bc_h256_t hash;
    bc_err_t err = bc_ledger_local_ops.hash_by_number(l, 0, &hash);
    if (!err)
        err = open_existing(l, p, w);
    else if (err == BC_E_NOT_FOUND)
        err = create(l, p, w);
    if (!err)
        err = load(l, w);
    if (err) {
        if (!w.p[0])
            WHY(w, "opening the ledger failed: %s", bc_err_name(err));
        bc_ledger_free(l);
        return err;
    }
    *out = l;
    return BC_OK;
}

void bc_ledger_free(bc_ledger_t *l)
{
    if (!l)
        return;
    bc_ledger_config_unref(l->config);
    pthread_mutex_destroy(&l->write);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

bc_ledger_if bc_ledger_as_if(bc_ledger_t *l)
{
    return (bc_ledger_if){ &bc_ledger_local_ops, l };
}
