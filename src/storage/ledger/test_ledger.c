#include "storage/ledger/ledger.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "codec/archive.h"
#include "codec/hex.h"
#include "protocol/consensus_node.h"
#include "storage/kv_mem/kv_mem.h"
#include "storage/ledger/batch.h"
#include "storage/ledger/genesis.h"
#include "storage/ledger/tables.h"

/* ---- a store whose writes can be made to fail ---- */

typedef struct {
    bc_kv_if in;
    int writes_left; /* negative: no limit */
} flaky_t;

static bc_err_t flaky_get(void *self, bc_bytes_t key, bc_wr_t *value)
{
    bc_kv_if k = ((flaky_t *)self)->in;
    return k.ops->get(k.self, key, value);
}

static bc_err_t flaky_scan(void *self, bc_bytes_t prefix, bc_bytes_t from, bc_kv_each_fn each,
                           void *ctx)
{
    bc_kv_if k = ((flaky_t *)self)->in;
    return k.ops->scan(k.self, prefix, from, each, ctx);
}

static bc_err_t flaky_write(void *self, const bc_kv_change_t *changes, size_t cnt, bool sync)
{
    flaky_t *f = self;
    if (f->writes_left == 0)
        return BC_E_IO;
    f->writes_left -= f->writes_left > 0;
    return f->in.ops->write(f->in.self, changes, cnt, sync);
}

static void flaky_close(void *self)
{
    bc_kv_if k = ((flaky_t *)self)->in;
    k.ops->close(k.self);
}

static const bc_kv_ops_t flaky_ops = {
    .get = flaky_get,
    .scan = flaky_scan,
    .write = flaky_write,
    .close = flaky_close,
};

/* ---- a chain with an executor that does as it is told ---- */

typedef struct {
    bc_chain_config_t conf;
    bc_genesis_node_t nodes[3];
    flaky_t store, blocks;
    bool separate;
    bc_ledger_t *l;
    bc_keypair_t key;
    unsigned executed;
    char why[512];
} chain_t;

/* A result with n receipts of the given statuses (NULL: all fine) and the changes (a reference). */
static bc_exec_result_t *result_of(bc_tx_t *const *txs, size_t n, const int32_t *status,
                                   bc_changes_t *changes)
{
    bc_exec_result_t *r = bc_xcalloc(1, sizeof *r);
    bc_h256_t *hashes = bc_xcalloc(n, sizeof *hashes);
    r->changes = changes;
    r->receipt_cnt = n;
    r->receipts = bc_arena_alloc(&r->arena, n * sizeof *r->receipts + 1);
    r->receipt_hashes = bc_arena_alloc(&r->arena, n * sizeof *r->receipt_hashes + 1);
    r->receipt_raw = bc_arena_alloc(&r->arena, n * sizeof *r->receipt_raw + 1);
    for (size_t i = 0; i < n; i++) {
        bc_wr_t w = { 0 };
        r->receipts[i] = (bc_receipt_t){ .data = { .gas_used = BC_STR("21000"),
                                                   .status = status ? status[i] : 0 },
                                         .tx_index = (uint32_t)i };
        bc_receipt_hash(BC_SUITE_STANDARD, &r->receipts[i].data, &r->receipt_hashes[i]);
        bc_tars_encode(&bc_receipt_tars, &r->receipts[i], &w);
        r->receipt_raw[i] = bc_arena_copy(&r->arena, bc_wr_view(&w), NULL);
        bc_wr_free(&w);
        hashes[i] = txs[i]->hash;
    }
    assert_int_equal(bc_merkle_root(BC_SUITE_STANDARD, hashes, n, &r->txs_root), BC_OK);
    assert_int_equal(bc_merkle_root(BC_SUITE_STANDARD, r->receipt_hashes, n, &r->receipts_root),
                     BC_OK);
    r->state_root.b[0] = (uint8_t)n;
    snprintf(r->gas_used, sizeof r->gas_used, "%zu", n * 21000);
    free(hashes);
    return r;
}

static bc_changes_t *changes_new(void)
{
    bc_changes_t *c = bc_xcalloc(1, sizeof *c);
    atomic_init(&c->refs, 1);
    c->v = bc_arena_alloc(&c->arena, 16 * sizeof *c->v);
    return c;
}

static void change(bc_changes_t *c, bc_bytes_t table, bc_bytes_t key, bc_bytes_t value)
{
    assert_true(c->cnt < 16);
    c->v[c->cnt++] = (bc_change_t){ bc_arena_copy(&c->arena, table, NULL),
                                    bc_arena_copy(&c->arena, key, NULL),
                                    bc_arena_copy(&c->arena, value, NULL), value.p == NULL };
}

static void change_config(bc_changes_t *c, const char *key, const char *value, int64_t enable)
{
    bc_wr_t w = { 0 };
    bc_archive_put_config(&w, bc_cstr(value), enable);
    change(c, T_CONFIG, bc_cstr(key), bc_wr_view(&w));
    bc_wr_free(&w);
}

static bc_err_t fake_execute(void *self, const bc_exec_block_t *in, bc_exec_result_t **out)
{
    chain_t *c = self;
    c->executed++;
    bc_changes_t *ch = changes_new();
    change(ch, BC_STR("/"), BC_STR("apps"), BC_STR("directory"));
    *out = result_of(in->txs, in->tx_cnt, NULL, ch);
    return BC_OK;
}

static const bc_executor_ops_t fake_ops = { .execute = fake_execute };

static bc_err_t chain_open(chain_t *c)
{
    bc_ledger_params_t p = {
        .kv = { &flaky_ops, &c->store },
        .chain = &c->conf,
        .executor = { &fake_ops, c },
        .committee_code = BC_STR("code"),
        .now_ms = 1,
    };
    if (c->separate)
        p.block_kv = (bc_kv_if){ &flaky_ops, &c->blocks };
    return bc_ledger_init(&p, &c->l, c->why, sizeof c->why);
}

static void chain_new(chain_t *c, bool separate)
{
    *c = (chain_t){ .separate = separate };
    c->conf = (bc_chain_config_t){
        .group_id = "group0",
        .chain_id = "chain0",
        .block_limit = 3,
        .web3_chain_id = "20200",
        .block_tx_count_limit = 1000,
        .leader_period = 1,
        .epoch_sealer_num = 4,
        .epoch_block_num = 1000,
        .version = 0x03100000,
        .gas_limit = 3000000000,
        .is_serial_execute = true,
        .auth_admin = "0x18ae7adb91e02abac01ed9044e97682e71c26413",
        .executor_version = 1,
        .node_cnt = 3,
        .nodes = c->nodes,
    };
    for (int i = 0; i < 3; i++) {
        memset(c->nodes[i].id, '1' + i, 128);
        c->nodes[i].vote_weight = (uint64_t)i + 1;
    }
    c->nodes[2].term_weight = 9;
    c->store = (flaky_t){ bc_kv_mem_new(), -1 };
    c->blocks = (flaky_t){ bc_kv_mem_new(), -1 };
    const uint8_t secret[32] = { [31] = 7 };
    assert_int_equal(bc_keypair_from_secret(BC_SUITE_STANDARD, secret, &c->key), BC_OK);
    bc_err_t err = chain_open(c);
    if (err)
        print_error("%s\n", c->why);
    assert_int_equal(err, BC_OK);
}

static void chain_free(chain_t *c)
{
    bc_ledger_free(c->l);
    flaky_close(&c->store);
    flaky_close(&c->blocks);
}

static bc_tx_t *tx_of(chain_t *c, unsigned nonce)
{
    char text[16];
    bc_tx_t *tx;
    snprintf(text, sizeof text, "%u", nonce);
    bc_tx_data_t d = { .chain_id = BC_STR("chain0"),
                       .group_id = BC_STR("group0"),
                       .block_limit = 500,
                       .nonce = bc_cstr(text),
                       .to = BC_STR("0000000000000000000000000000000000001234") };
    assert_int_equal(bc_tx_make(BC_SUITE_STANDARD, &d, 0, (bc_bytes_t){ 0 }, &c->key, &tx), BC_OK);
    assert_int_equal(bc_tx_recover(tx), BC_OK);
    return tx;
}

static bc_hdr_t *header_of(chain_t *c, int64_t number, const bc_exec_result_t *r)
{
    bc_ledger_if api = bc_ledger_as_if(c->l);
    bc_ledger_config_t *conf = api.ops->config(api.self);
    bc_parent_t parent = { number - 1, BC_VIEW(conf->hash) };
    bc_header_t h = { .data = {
                          .version = 0x03100000,
                          .parents = { &parent, 1 },
                          .txs_root = BC_VIEW(r->txs_root),
                          .receipts_root = BC_VIEW(r->receipts_root),
                          .state_root = BC_VIEW(r->state_root),
                          .number = number,
                          .gas_used = bc_cstr(r->gas_used),
                          .timestamp = 1000 + number,
                      } };
    bc_hdr_t *hdr = bc_hdr_new(BC_SUITE_STANDARD, &h);
    bc_ledger_config_unref(conf);
    assert_non_null(hdr);
    return hdr;
}

/* Commits block `number` of two transactions, the second failed; returns commit's error. */
static bc_err_t commit(chain_t *c, int64_t number, bc_changes_t *changes)
{
    bc_tx_t *txs[2] = { tx_of(c, (unsigned)number * 2), tx_of(c, (unsigned)number * 2 + 1) };
    const int32_t status[2] = { 0, 16 };
    bc_exec_result_t *r = result_of(txs, 2, status, changes ? changes : changes_new());
    bc_hdr_t *h = header_of(c, number, r);
    bc_err_t err = bc_ledger_commit(c->l, h, txs, 2, r, false, true);
    assert_int_equal(atomic_load(&txs[0]->stored), err == BC_OK);
    bc_hdr_unref(h);
    bc_exec_result_free(r);
    bc_tx_unref(txs[0]);
    bc_tx_unref(txs[1]);
    return err;
}

/* ---- cases ---- */

static void blocks_are_read_back_and_survive_a_restart(void **state)
{
    (void)state;
    for (int separate = 0; separate < 2; separate++) {
        chain_t c;
        chain_new(&c, separate);
        for (int64_t n = 1; n <= 3; n++)
            assert_int_equal(commit(&c, n, NULL), BC_OK);
        bc_ledger_free(c.l);
        assert_int_equal(chain_open(&c), BC_OK);
        assert_int_equal(c.executed, 1);
        bc_ledger_if a = bc_ledger_as_if(c.l);
        bc_ledger_totals_t t;
        assert_int_equal(a.ops->totals(a.self, &t), BC_OK);
        assert_int_equal(t.number, 3);
        assert_int_equal(t.tx_count, 6);
        assert_int_equal(t.failed_count, 3);
        bc_ledger_block_t *b;
        assert_int_equal(a.ops->block(a.self, 2, BC_WITH_TXS | BC_WITH_RECEIPTS, &b), BC_OK);
        assert_int_equal(b->tx_cnt, 2);
        assert_int_equal(b->header->h.data.timestamp, 1002);
        assert_true(bc_h256_eq(&b->txs[1]->hash, &b->tx_hashes[1]));
        assert_true(b->txs[1]->sender_known);
        assert_int_equal(b->receipts[1].data.status, 16);
        assert_true(b->receipt_raw[1].n > 10);
        int64_t n;
        bc_h256_t h;
        assert_int_equal(a.ops->number_by_hash(a.self, &b->header->hash, &n), BC_OK);
        assert_int_equal(n, 2);
        assert_int_equal(a.ops->hash_by_number(a.self, 2, &h), BC_OK);
        assert_true(bc_h256_eq(&h, &b->header->hash));
        bc_arena_t arena = { 0 };
        bc_receipt_t rc;
        assert_int_equal(a.ops->receipt(a.self, &b->tx_hashes[1], &rc, &arena), BC_OK);
        assert_int_equal(rc.data.status, 16);
        bc_tars_list_t nonces;
        assert_int_equal(a.ops->nonces(a.self, 3, &nonces, &arena), BC_OK);
        assert_int_equal(nonces.n, 2);
        assert_true(bc_bytes_eq(((bc_bytes_t *)nonces.v)[1], BC_STR("7")));
        bc_ledger_block_t *none;
        assert_int_equal(a.ops->block(a.self, 4, 0, &none), BC_E_NOT_FOUND);
        assert_null(none);
        assert_int_equal(a.ops->hash_by_number(a.self, 4, &h), BC_E_NOT_FOUND);
        bc_tx_t *tx;
        h.b[0] ^= 1;
        assert_int_equal(a.ops->tx(a.self, &h, &tx), BC_E_NOT_FOUND);
        bc_ledger_config_t *conf = a.ops->config(a.self);
        assert_int_equal(conf->number, 3);
        assert_int_equal(conf->timestamp, 1003);
        bc_ledger_config_unref(conf);
        bc_ledger_block_free(b);
        bc_arena_free(&arena);
        /* the rows lie where they belong */
        bc_wr_t w = { 0 };
        assert_int_equal(flaky_get(&c.store, BC_STR("s_current_state:current_number"), &w), BC_OK);
        assert_true(bc_bytes_eq(bc_wr_view(&w), BC_STR("3")));
        bc_wr_free(&w);
        chain_free(&c);
    }
}

static void what_does_not_fit_is_not_written(void **state)
{
    (void)state;
    chain_t c;
    chain_new(&c, false);
    assert_int_equal(commit(&c, 1, NULL), BC_OK);
    assert_int_equal(commit(&c, 1, NULL), BC_E_STALE);
    assert_int_equal(commit(&c, 3, NULL), BC_E_STALE);
    bc_tx_t *tx = tx_of(&c, 99);
    for (int what = 0; what < 5; what++) {
        bc_exec_result_t *r = result_of(&tx, 1, NULL, changes_new());
        bc_hdr_t *h;
        if (what == 0) { /* another parent */
            bc_exec_result_t *x = result_of(&tx, 1, NULL, changes_new());
            bc_header_t f = { .data = { .number = 2 } };
            bc_parent_t parent = { 1, BC_VIEW(x->txs_root) };
            f.data.parents = (bc_tars_list_t){ &parent, 1 };
            f.data.txs_root = BC_VIEW(r->txs_root);
            f.data.receipts_root = BC_VIEW(r->receipts_root);
            f.data.state_root = BC_VIEW(r->state_root);
            f.data.gas_used = bc_cstr(r->gas_used);
            h = bc_hdr_new(BC_SUITE_STANDARD, &f);
            bc_exec_result_free(x);
        } else {
            h = header_of(&c, 2, r);
        }
        if (what == 1)
            r->state_root.b[5]++;
        if (what == 2)
            r->receipts_root.b[5]++;
        if (what == 3)
            snprintf(r->gas_used, sizeof r->gas_used, "1");
        assert_int_equal(bc_ledger_commit(c.l, h, &tx, what == 4 ? 0 : 1, r, false, true), BC_E_MISMATCH);
        bc_hdr_unref(h);
        bc_exec_result_free(r);
    }
    bc_tx_unref(tx);
    bc_ledger_if a = bc_ledger_as_if(c.l);
    int64_t n;
    assert_int_equal(a.ops->number(a.self, &n), BC_OK);
    assert_int_equal(n, 1);
    assert_int_equal(commit(&c, 2, NULL), BC_OK);
    chain_free(&c);
}

static void a_failed_write_leaves_the_last_whole_block(void **state)
{
    (void)state;
    for (int left = 0; left < 2; left++) {
        chain_t c;
        chain_new(&c, true);
        assert_int_equal(commit(&c, 1, NULL), BC_OK);
        /* first the block store fails, then the state store behind it */
        c.blocks.writes_left = left;
        c.store.writes_left = 0;
        assert_int_equal(commit(&c, 2, NULL), BC_E_IO);
        c.blocks.writes_left = c.store.writes_left = -1;
        bc_ledger_free(c.l); /* as after a crash */
        assert_int_equal(chain_open(&c), BC_OK);
        bc_ledger_if a = bc_ledger_as_if(c.l);
        bc_ledger_totals_t t;
        a.ops->totals(a.self, &t);
        assert_int_equal(t.number, 1);
        assert_int_equal(t.tx_count, 2);
        assert_int_equal(commit(&c, 2, NULL), BC_OK);
        chain_free(&c);
    }
    /* creating: nothing or all */
    chain_t c;
    chain_new(&c, false);
    bc_ledger_free(c.l);
    flaky_close(&c.store);
    c.store = (flaky_t){ bc_kv_mem_new(), 0 };
    assert_int_equal(chain_open(&c), BC_E_IO);
    c.store.writes_left = 1; /* one write makes the whole chain */
    assert_int_equal(chain_open(&c), BC_OK);
    bc_ledger_free(c.l);
    c.store.writes_left = 0;
    assert_int_equal(chain_open(&c), BC_OK);
    chain_free(&c);
}

static bc_ledger_config_t *config_of(chain_t *c)
{
    bc_ledger_if a = bc_ledger_as_if(c->l);
    return a.ops->config(a.self);
}

static void configuration_changes_are_in_force_at_their_block(void **state)
{
    (void)state;
    chain_t c;
    chain_new(&c, false);
    bc_ledger_config_t *before = config_of(&c);
    assert_int_equal(before->tx_count_limit, 1000);
    assert_int_equal(before->gas_limit, 3000000000);
    assert_int_equal(before->leader_period, 1);
    assert_true(before->balance_transfer);
    assert_int_equal(before->executor_version, 1);
    assert_string_equal(before->web3_chain_id, "20200");
    assert_int_equal(before->sealer_cnt, 3);
    assert_int_equal(before->sealers[0].id.b[0], 0x11);
    assert_int_equal(before->sealers[2].term_weight, 9);
    assert_int_equal(before->sealers[1].term_weight, 0);
    bc_changes_t *ch = changes_new();
    change_config(ch, "consensus_leader_period", "5", 4);
    change_config(ch, "tx_count_limit", "7", 2);
    change_config(ch, "tx_gas_price", "0x1f", 2);
    assert_int_equal(commit(&c, 1, ch), BC_OK);
    bc_ledger_config_t *one = config_of(&c);
    assert_int_equal(one->tx_count_limit, 7);
    assert_int_equal(one->gas_price.w[0], 31);
    assert_string_equal(one->gas_price_text, "0x1f");
    assert_int_equal(one->leader_period, 1);
    assert_int_equal(before->tx_count_limit, 1000); /* a snapshot does not move */
    assert_int_equal(before->number, 0);
    assert_int_equal(commit(&c, 2, NULL), BC_OK);
    bc_ledger_config_t *two = config_of(&c);
    assert_int_equal(two->leader_period, 1);
    assert_int_equal(commit(&c, 3, NULL), BC_OK);
    bc_ledger_config_t *three = config_of(&c);
    assert_int_equal(three->leader_period, 5); /* block 4 is next */
    assert_int_equal(three->sealer_cnt, 3);
    bc_arena_t a = { 0 };
    bc_bytes_t v;
    int64_t enable;
    bc_ledger_if api = bc_ledger_as_if(c.l);
    assert_int_equal(api.ops->system_config(api.self, BC_STR("consensus_leader_period"), &v,
                                            &enable, &a),
                     BC_OK);
    assert_true(bc_bytes_eq(v, BC_STR("5")));
    assert_int_equal(enable, 4);
    assert_int_equal(api.ops->system_config(api.self, BC_STR("cats"), &v, &enable, &a),
                     BC_E_NOT_FOUND);
    bc_arena_free(&a);
    bc_ledger_config_unref(before);
    bc_ledger_config_unref(one);
    bc_ledger_config_unref(two);
    bc_ledger_config_unref(three);
    chain_free(&c);
}

static void node_lists_follow_their_row(void **state)
{
    (void)state;
    chain_t c;
    chain_new(&c, false);
    char id[4][129];
    bc_archive_node_t nodes[4];
    const char *types[4] = { "consensus_sealer", "consensus_observer", "consensus_candidate_sealer",
                             "consensus_sealer" };
    for (int i = 0; i < 4; i++) {
        memset(id[i], 'f' - i, 128);
        id[i][128] = 0;
        nodes[i] = (bc_archive_node_t){ bc_cstr(id[i]), { { 5 } }, bc_cstr(types[i]),
                                        i == 3 ? BC_STR("3") : BC_STR("2") };
    }
    bc_wr_t w = { 0 };
    bc_archive_put_nodes(&w, nodes, 4);
    bc_changes_t *ch = changes_new();
    change(ch, T_NODES, BC_STR("key"), bc_wr_view(&w));
    bc_wr_free(&w);
    assert_int_equal(commit(&c, 1, ch), BC_OK);
    bc_ledger_config_t *conf = config_of(&c);
    assert_int_equal(conf->sealer_cnt, 1);
    assert_int_equal(conf->observer_cnt, 1);
    assert_int_equal(conf->candidate_cnt, 0); /* not rpbft */
    bc_ledger_config_unref(conf);
    ch = changes_new();
    change_config(ch, "feature_rpbft", "1", 3);
    assert_int_equal(commit(&c, 2, ch), BC_OK);
    conf = config_of(&c);
    assert_true(conf->rpbft);
    assert_true(!conf->vrf_secp256k1 && conf->vrf_number_input); /* the latter by its version */
    assert_int_equal(conf->candidate_cnt, 1);
    assert_int_equal(conf->sealer_cnt, 2); /* the last one is in force from block 3 on */
    assert_int_equal(conf->sealers[0].id.b[0], 0xcc);
    bc_ledger_config_unref(conf);
    ch = changes_new();
    change_config(ch, "feature_rpbft_vrf_type_secp256k1", "1", 5);
    change_config(ch, "bugfix_rpbft_vrf_blocknumber_input", "1", 5); /* as an upgrade does */
    assert_int_equal(commit(&c, 3, ch), BC_OK);
    conf = config_of(&c);
    assert_true(!conf->vrf_secp256k1 && !conf->vrf_number_input);
    bc_ledger_config_unref(conf);
    assert_int_equal(commit(&c, 4, changes_new()), BC_OK);
    conf = config_of(&c);
    assert_true(conf->vrf_secp256k1 && conf->vrf_number_input);
    bc_ledger_config_unref(conf);
    chain_free(&c);
}

static void transactions_may_be_stored_before_their_block(void **state)
{
    (void)state;
    chain_t c;
    chain_new(&c, false);
    bc_tx_t *tx = tx_of(&c, 5), *got;
    assert_int_equal(bc_ledger_store_txs(c.l, &tx, 1, false), BC_OK);
    assert_true(atomic_load(&tx->stored));
    bc_ledger_if a = bc_ledger_as_if(c.l);
    assert_int_equal(a.ops->tx(a.self, &tx->hash, &got), BC_OK);
    assert_memory_equal(got->sender.b, tx->sender.b, 20);
    bc_tx_unref(got);
    c.store.writes_left = 0; /* nothing is left to write */
    assert_int_equal(bc_ledger_store_txs(c.l, &tx, 1, true), BC_OK);
    bc_tx_unref(tx);
    chain_free(&c);
}

/* More blocks than one step takes; what is above stays. */
static void long_ranges_are_archived_in_steps(void **state)
{
    (void)state;
    chain_t c;
    chain_new(&c, false);
    for (int64_t n = 1; n <= 150; n++)
        assert_int_equal(commit(&c, n, NULL), BC_OK);
    bc_ledger_if a = bc_ledger_as_if(c.l);
    bc_ledger_block_t *b;
    bc_ledger_totals_t t;
    assert_int_equal(bc_ledger_archive(c.l, 1, 151), BC_E_RANGE);
    a.ops->totals(a.self, &t);
    assert_int_equal(t.archived_number, 0);
    assert_int_equal(bc_ledger_archive(c.l, 1, 140), BC_OK);
    a.ops->totals(a.self, &t);
    assert_int_equal(t.archived_number, 140);
    for (int64_t n = 1; n <= 150; n++) {
        assert_int_equal(a.ops->block(a.self, n, BC_WITH_TXS, &b), BC_OK);
        assert_true(b->tx_cnt > 0 && (b->txs[0] == NULL) == (n < 140));
        bc_ledger_block_free(b);
    }
    assert_int_equal(bc_ledger_archive(c.l, 140, 140), BC_OK);
    assert_int_equal(bc_ledger_archive(c.l, 140, 150), BC_OK);
    chain_free(&c);
}

static void archived_blocks_lose_and_regain_their_data(void **state)
{
    (void)state;
    chain_t c;
    chain_new(&c, false);
    for (int64_t n = 1; n <= 8; n++)
        assert_int_equal(commit(&c, n, NULL), BC_OK);
    bc_ledger_if a = bc_ledger_as_if(c.l);
    bc_ledger_block_t *kept, *b;
    assert_int_equal(a.ops->block(a.self, 3, BC_WITH_TXS | BC_WITH_RECEIPTS, &kept), BC_OK);
    assert_int_equal(bc_ledger_archive(c.l, 0, 2), BC_E_RANGE);
    assert_int_equal(bc_ledger_archive(c.l, 2, 1), BC_E_RANGE);
    assert_int_equal(bc_ledger_archive(c.l, 1, 9), BC_E_RANGE);
    assert_int_equal(bc_ledger_archive(c.l, 1, 4), BC_OK);
    assert_int_equal(bc_ledger_archive(c.l, 1, 5), BC_E_RANGE);
    bc_ledger_totals_t t;
    a.ops->totals(a.self, &t);
    assert_int_equal(t.archived_number, 4);
    assert_int_equal(a.ops->block(a.self, 3, BC_WITH_TXS | BC_WITH_RECEIPTS, &b), BC_OK);
    assert_int_equal(b->tx_cnt, 2);
    assert_null(b->txs[0]);
    assert_int_equal(b->receipt_raw[0].n, 0);
    bc_ledger_block_free(b);
    assert_int_equal(a.ops->block(a.self, 4, BC_WITH_TXS, &b), BC_OK);
    assert_non_null(b->txs[0]);
    bc_ledger_block_free(b);
    bc_bytes_t swapped[2] = { kept->receipt_raw[1], kept->receipt_raw[0] };
    assert_int_equal(bc_ledger_restore(c.l, 3, kept->txs, 2, swapped), BC_E_MISMATCH);
    assert_int_equal(bc_ledger_restore(c.l, 3, kept->txs, 1, kept->receipt_raw), BC_E_MISMATCH);
    assert_int_equal(bc_ledger_restore(c.l, 2, kept->txs, 2, kept->receipt_raw), BC_E_STALE);
    /* a receipt that names another hash than its own: RPC would answer it */
    bc_receipt_t lying = kept->receipts[0];
    bc_h256_t other = { { 7 } };
    bc_wr_t w = { 0 };
    lying.data_hash = BC_VIEW(other);
    bc_tars_encode(&bc_receipt_tars, &lying, &w);
    bc_bytes_t lies[2] = { bc_wr_view(&w), kept->receipt_raw[1] };
    assert_int_equal(bc_ledger_restore(c.l, 3, kept->txs, 2, lies), BC_E_MISMATCH);
    bc_wr_free(&w);
    assert_int_equal(bc_ledger_restore(c.l, 3, kept->txs, 2, kept->receipt_raw), BC_OK);
    assert_int_equal(a.ops->block(a.self, 3, BC_WITH_TXS, &b), BC_OK);
    assert_non_null(b->txs[0]);
    bc_ledger_block_free(b);
    bc_ledger_block_free(kept);
    /* prune: block_limit 3, current 8: nonces of block 4 only */
    bc_arena_t arena = { 0 };
    bc_tars_list_t nonces;
    assert_int_equal(bc_ledger_prune(c.l), BC_OK);
    assert_int_equal(a.ops->nonces(a.self, 3, &nonces, &arena), BC_OK);
    assert_int_equal(a.ops->nonces(a.self, 4, &nonces, &arena), BC_E_NOT_FOUND);
    assert_int_equal(a.ops->nonces(a.self, 5, &nonces, &arena), BC_OK);
    bc_arena_free(&arena);
    chain_free(&c);
}

static void a_newer_program_adds_the_flags_of_the_stored_version(void **state)
{
    (void)state;
    chain_t c;
    chain_new(&c, false);
    assert_int_equal(commit(&c, 1, NULL), BC_OK);
    bc_ledger_free(c.l);
    bc_kv_change_t del = { BC_STR("s_config:bugfix_v1_timestamp"), { 0 }, true };
    assert_int_equal(flaky_write(&c.store, &del, 1, true), BC_OK);
    assert_int_equal(chain_open(&c), BC_OK);
    bc_ledger_if a = bc_ledger_as_if(c.l);
    bc_arena_t arena = { 0 };
    bc_bytes_t v;
    int64_t enable;
    assert_int_equal(a.ops->system_config(a.self, BC_STR("bugfix_v1_timestamp"), &v, &enable,
                                          &arena),
                     BC_OK);
    assert_int_equal(enable, 1);
    assert_int_equal(a.ops->system_config(a.self, BC_STR("bugfix_revert_logs"), &v, &enable,
                                          &arena),
                     BC_E_NOT_FOUND); /* of 3.16.4 */
    bc_arena_free(&arena);
    chain_free(&c);
}

static void a_store_left_before_block_0_is_finished(void **state)
{
    (void)state;
    chain_t c;
    chain_new(&c, false);
    bc_ledger_config_t *conf = config_of(&c);
    bc_h256_t hash0 = conf->hash;
    bc_ledger_config_unref(conf);
    bc_ledger_free(c.l);
    flaky_close(&c.store);
    c.store = (flaky_t){ bc_kv_mem_new(), -1 };
    bc_batch_t b = { 0 };
    bc_hdr_t *h = bc_genesis_header(&c.conf);
    bc_genesis_rows(&c.conf, h, &b);
    assert_int_equal(flaky_write(&c.store, b.v, b.cnt, true), BC_OK);
    bc_batch_free(&b);
    bc_hdr_unref(h);
    c.executed = 0;
    assert_int_equal(chain_open(&c), BC_OK);
    assert_int_equal(c.executed, 1);
    conf = config_of(&c);
    assert_true(bc_h256_eq(&conf->hash, &hash0));
    bc_ledger_config_unref(conf);
    chain_free(&c);
}

static void unusable_configurations_are_refused_with_a_reason(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        chain_t c;
        chain_new(&c, false);
        bc_ledger_free(c.l);
        flaky_close(&c.store);
        c.store = (flaky_t){ bc_kv_mem_new(), -1 };
        c.l = NULL;
        bc_err_t want = BC_E_UNSUPPORTED;
        if (i == 0)
            c.conf.executor_version = 0, c.conf.is_serial_execute = false;
        if (i == 1)
            c.conf.is_wasm = true;
        if (i == 2)
            c.conf.version = 4; /* 3.0.0-rc4 */
        if (i == 3)
            c.conf.version = 0x03110000;
        if (i == 4 || i == 5)
            want = BC_E_CONFIG;
        if (i == 4)
            c.conf.node_cnt = 0;
        if (i == 5)
            snprintf(c.conf.auth_admin, sizeof c.conf.auth_admin, "0x12");
        assert_int_equal(chain_open(&c), want);
        assert_null(c.l);
        assert_true(strlen(c.why) > 10);
        chain_free(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_read_back_and_survive_a_restart),
        cmocka_unit_test(what_does_not_fit_is_not_written),
        cmocka_unit_test(a_failed_write_leaves_the_last_whole_block),
        cmocka_unit_test(configuration_changes_are_in_force_at_their_block),
        cmocka_unit_test(node_lists_follow_their_row),
        cmocka_unit_test(transactions_may_be_stored_before_their_block),
        cmocka_unit_test(long_ranges_are_archived_in_steps),
        cmocka_unit_test(archived_blocks_lose_and_regain_their_data),
        cmocka_unit_test(a_newer_program_adds_the_flags_of_the_stored_version),
        cmocka_unit_test(a_store_left_before_block_0_is_finished),
        cmocka_unit_test(unusable_configurations_are_refused_with_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
