/* Genesis and block 0 against captured stores of the official node (CBCOS_VECTORS).
 *
 * Block 0's execution is played from the capture, so this checks everything that the ledger makes:
 * the genesis rows, the two transactions, header 0, and the rows of the commit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/ini.h"
#include "codec/hex.h"
#include "codec/json.h"
#include "management/nodeconf/nodeconf.h"
#include "storage/kv_mem/kv_mem.h"
#include "storage/ledger/genesis.h"
#include "storage/ledger/ledger.h"

static const char *const chains[] = { "chain-a", "chain-auth-1node", "chain-features-1node",
                                      "chain-rpbft-4node", "chain-sm-1node" };

typedef struct {
    bc_bytes_t key, value;
    bool seen;
} row_t;

typedef struct {
    bc_chain_config_t conf;
    bc_conf_report_t rep;
    bc_arena_t arena;
    size_t cnt;
    row_t *rows; /* sorted by key */
} chain_t;

static const char *vectors(void)
{
    const char *v = getenv("CBCOS_VECTORS");
    return v ? v : "../shared/vectors";
}

static bc_bytes_t unhex(bc_arena_t *a, const char *hex)
{
    bc_wr_t w = { 0 };
    bool ok;
    assert_int_equal(bc_hex_append(bc_cstr(hex), &w), BC_OK);
    bc_bytes_t v = bc_arena_copy(a, bc_wr_view(&w), &ok);
    assert_true(ok);
    bc_wr_free(&w);
    return v;
}

static int row_cmp(const void *a, const void *b)
{
    return bc_bytes_cmp(((const row_t *)a)->key, ((const row_t *)b)->key);
}

static void load(const char *name, const char *db, chain_t *c)
{
    char path[512];
    *c = (chain_t){ 0 };
    snprintf(path, sizeof path, "%s/official-3.16.4/%s/conf/node0/config.genesis", vectors(), name);
    bc_err_t err = bc_chainconf_load(path, &c->conf, &c->rep);
    if (err)
        print_error("%s\n", c->rep.error);
    assert_int_equal(err, BC_OK);
    snprintf(path, sizeof path, "%s/official-3.16.4/%s/db/%s", vectors(), name, db);
    bc_wr_t w = { 0 };
    assert_int_equal(bc_file_read(path, 64u << 20, &w), BC_OK);
    cJSON *root = cJSON_ParseWithLength((const char *)w.p, w.n);
    assert_non_null(root);
    const cJSON *kv = cJSON_GetObjectItem(root, "kv"), *item;
    c->rows = calloc((size_t)cJSON_GetArraySize(kv), sizeof *c->rows);
    cJSON_ArrayForEach(item, kv)
    {
        row_t *r = &c->rows[c->cnt++];
        r->key = unhex(&c->arena, cJSON_GetArrayItem(item, 0)->valuestring);
        r->value = unhex(&c->arena, cJSON_GetArrayItem(item, 1)->valuestring);
    }
    cJSON_Delete(root);
    bc_wr_free(&w);
    qsort(c->rows, c->cnt, sizeof *c->rows, row_cmp);
    assert_true(c->cnt > 100);
}

static void unload(chain_t *c)
{
    bc_chainconf_free(&c->conf);
    bc_conf_report_free(&c->rep);
    bc_arena_free(&c->arena);
    free(c->rows);
}

static bool in_table(bc_bytes_t key, const char *table)
{
    size_t n = strlen(table);
    return key.n > n && memcmp(key.p, table, n) == 0 && key.p[n] == ':';
}

static row_t *find(chain_t *c, bc_bytes_t key)
{
    row_t want = { .key = key };
    return bsearch(&want, c->rows, c->cnt, sizeof want, row_cmp);
}

static bool has_prefix(bc_bytes_t v, const char *prefix)
{
    size_t n = strlen(prefix);
    return v.n >= n && memcmp(v.p, prefix, n) == 0;
}

/* Rows that executing block 0 made: everything of the file system, accounts and code. */
static bool made_by_state(bc_bytes_t key)
{
    return key.p[0] == '/' || in_table(key, "s_code_binary") || in_table(key, "s_contract_abi") ||
           has_prefix(key, "s_tables:/");
}

static bool made_by_block0(bc_bytes_t key)
{
    return made_by_state(key) || in_table(key, "s_hash_2_tx") || in_table(key, "s_hash_2_receipt");
}

static bool skip_without_vectors(void)
{
    char path[512];
    snprintf(path, sizeof path, "%s/official-3.16.4/README.md", vectors());
    if (access(path, R_OK) == 0)
        return false;
    print_message("skipped: no captures at %s, set CBCOS_VECTORS\n", path);
    skip();
    return true;
}

static void rows_equal_the_official_ones(void **state)
{
    (void)state;
    if (skip_without_vectors())
        return;
    for (size_t k = 0; k < BC_ARRAY_LEN(chains); k++) {
        chain_t c;
        bc_batch_t b = { 0 };
        load(chains[k], "genesis.full.json", &c);
        bc_hdr_t *h = bc_genesis_header(&c.conf);
        assert_non_null(h);
        bc_genesis_rows(&c.conf, h, &b);
        assert_int_equal(b.err, BC_OK);
        for (size_t i = 0; i < b.cnt; i++) {
            row_t *r = find(&c, b.v[i].key);
            if (!r || (!bc_bytes_eq(r->value, b.v[i].value) &&
                       !bc_bytes_eq(r->key, BC_STR("s_number_2_hash:0"))))
                print_error("%s: row %.*s\n", chains[k], (int)b.v[i].key.n,
                            (const char *)b.v[i].key.p);
            assert_non_null(r);
            if (!bc_bytes_eq(r->key, BC_STR("s_number_2_hash:0")))
                assert_true(bc_bytes_eq(r->value, b.v[i].value));
            r->seen = true;
        }
        /* and nothing else was in the store, but for one more hash of number 0 */
        size_t more = 0;
        for (size_t i = 0; i < c.cnt; i++)
            if (!c.rows[i].seen && !made_by_block0(c.rows[i].key)) {
                assert_true(in_table(c.rows[i].key, "s_hash_2_number"));
                more++;
            }
        assert_int_equal(more, 1);
        bc_hdr_unref(h);
        bc_batch_free(&b);
        unload(&c);
    }
}

/* ---- playing block 0 ---- */

typedef struct {
    chain_t *c;
    unsigned calls;
} player_t;

static int change_cmp(const void *a, const void *b)
{
    const bc_change_t *x = a, *y = b;
    int d = bc_bytes_cmp(x->table, y->table);
    return d ? d : bc_bytes_cmp(x->key, y->key);
}

static void play_changes(chain_t *c, bc_exec_result_t *r)
{
    bc_changes_t *ch = calloc(1, sizeof *ch);
    assert_non_null(ch);
    atomic_init(&ch->refs, 1);
    ch->v = bc_arena_alloc(&ch->arena, c->cnt * sizeof *ch->v);
    for (size_t i = 0; i < c->cnt; i++) {
        row_t *row = &c->rows[i];
        if (!made_by_state(row->key))
            continue;
        const uint8_t *colon = memchr(row->key.p, ':', row->key.n);
        size_t n = (size_t)(colon - row->key.p);
        bc_change_t *x = &ch->v[ch->cnt++];
        *x = (bc_change_t){ bc_bytes(row->key.p, n), bc_bytes(colon + 1, row->key.n - n - 1),
                            row->value, false };
        bc_hasher_t h;
        bc_h256_t e;
        bc_hasher_init(&h, c->conf.suite);
        bc_hasher_put(&h, x->table);
        bc_hasher_put(&h, x->key);
        bc_hasher_put(&h, x->value);
        bc_hasher_final(&h, &e);
        for (size_t j = 0; j < 32; j++)
            r->state_root.b[j] ^= e.b[j];
    }
    qsort(ch->v, ch->cnt, sizeof *ch->v, change_cmp);
    r->changes = ch;
}

static bc_err_t play(void *self, const bc_exec_block_t *in, bc_exec_result_t **out)
{
    player_t *p = self;
    p->calls++;
    assert_int_equal(in->tx_cnt, 2);
    assert_int_equal(in->number, 0);
    /* the genesis is there to be read */
    bc_bytes_t v;
    bc_arena_t a = { 0 };
    assert_int_equal(in->parent.ops->get(in->parent.self, BC_STR("s_config"),
                                         BC_STR("compatibility_version"), &v, &a),
                     BC_OK);
    assert_int_equal(in->parent.ops->get(in->parent.self, BC_STR("s_tables"), BC_STR("/"), &v, &a),
                     BC_E_NOT_FOUND);
    bc_arena_free(&a);
    bc_exec_result_t *r = calloc(1, sizeof *r);
    assert_non_null(r);
    bc_h256_t hashes[2];
    uint64_t gas = 0;
    r->receipt_cnt = 2;
    r->receipts = bc_arena_alloc(&r->arena, 2 * sizeof *r->receipts);
    r->receipt_hashes = bc_arena_alloc(&r->arena, 2 * sizeof *r->receipt_hashes);
    r->receipt_raw = bc_arena_alloc(&r->arena, 2 * sizeof *r->receipt_raw);
    for (size_t i = 0; i < 2; i++) {
        bc_wr_t key = { 0 };
        bc_kv_key(&key, BC_STR("s_hash_2_receipt"), BC_VIEW(in->txs[i]->hash));
        row_t *row = find(p->c, bc_wr_view(&key));
        bc_wr_free(&key);
        assert_non_null(row);
        r->receipt_raw[i] = row->value;
        assert_int_equal(bc_tars_decode(&bc_receipt_tars, row->value, &r->receipts[i], &r->arena),
                         BC_OK);
        bc_receipt_hash(p->c->conf.suite, &r->receipts[i].data, &r->receipt_hashes[i]);
        hashes[i] = in->txs[i]->hash;
        int64_t g;
        assert_int_equal(bc_dec_i64(r->receipts[i].data.gas_used, &g), BC_OK);
        gas += (uint64_t)g;
    }
    snprintf(r->gas_used, sizeof r->gas_used, "%llu", (unsigned long long)gas);
    assert_int_equal(bc_merkle_root(p->c->conf.suite, hashes, 2, &r->txs_root), BC_OK);
    assert_int_equal(bc_merkle_root(p->c->conf.suite, r->receipt_hashes, 2, &r->receipts_root),
                     BC_OK);
    play_changes(p->c, r);
    *out = r;
    return BC_OK;
}

static const bc_executor_ops_t player_ops = { .execute = play };

/* Committee byte code and import time as the captured transaction has them. */
static bc_bytes_t committee_code(chain_t *c, int64_t *now_ms)
{
    for (size_t i = 0; i < c->cnt; i++) {
        bc_tx_wire_t w;
        if (!in_table(c->rows[i].key, "s_hash_2_tx"))
            continue;
        assert_int_equal(bc_tars_decode(&bc_tx_wire_tars, c->rows[i].value, &w, &c->arena), BC_OK);
        if (w.data.input.n > 256) {
            *now_ms = w.import_time;
            return bc_bytes(w.data.input.p, w.data.input.n - 256);
        }
    }
    fail();
    return (bc_bytes_t){ 0 };
}

typedef struct {
    chain_t *c;
    size_t cnt;
} compare_t;

/* Transactions: import times differ by a millisecond or so between the two. */
static bool same_tx(bc_bytes_t a, bc_bytes_t b)
{
    bc_arena_t arena = { 0 };
    bc_tx_wire_t x, y;
    bc_wr_t w = { 0 };
    assert_int_equal(bc_tars_decode(&bc_tx_wire_tars, a, &x, &arena), BC_OK);
    assert_int_equal(bc_tars_decode(&bc_tx_wire_tars, b, &y, &arena), BC_OK);
    x.import_time = y.import_time;
    bc_tars_encode(&bc_tx_wire_tars, &x, &w);
    bool same = bc_bytes_eq(bc_wr_view(&w), b);
    bc_wr_free(&w);
    bc_arena_free(&arena);
    return same;
}

static bool compare(void *ctx, bc_bytes_t key, bc_bytes_t value)
{
    compare_t *m = ctx;
    row_t *r = find(m->c, key);
    m->cnt++;
    bool same = r && (in_table(key, "s_hash_2_tx") ? same_tx(value, r->value)
                                                    : bc_bytes_eq(value, r->value));
    if (!same)
        print_error("row %.*s %s\n", (int)key.n, (const char *)key.p, r ? "differs" : "is ours only");
    assert_true(same);
    return true;
}

static void a_new_chain_equals_the_official_store(void **state)
{
    (void)state;
    if (skip_without_vectors())
        return;
    for (size_t k = 0; k < BC_ARRAY_LEN(chains); k++) {
        chain_t c;
        char why[512] = "";
        bc_ledger_t *l;
        load(chains[k], "genesis.full.json", &c);
        player_t p = { .c = &c };
        bc_kv_if kv = bc_kv_mem_new();
        bc_ledger_params_t params = { .kv = kv, .chain = &c.conf, .executor = { &player_ops, &p } };
        params.committee_code = committee_code(&c, &params.now_ms);
        bc_err_t err = bc_ledger_init(&params, &l, why, sizeof why);
        if (err)
            print_error("%s: %s\n", chains[k], why);
        assert_int_equal(err, BC_OK);
        compare_t m = { .c = &c };
        kv.ops->scan(kv.self, BC_STR(""), BC_STR(""), compare, &m);
        assert_int_equal(m.cnt, c.cnt);
        bc_ledger_if api = bc_ledger_as_if(l);
        bc_ledger_config_t *conf = api.ops->config(api.self);
        assert_int_equal(conf->number, 0);
        assert_int_equal(conf->sealer_cnt + conf->candidate_cnt, c.conf.node_cnt);
        assert_true(bc_h256_eq(&conf->hash, &conf->genesis_hash));
        if (k == 0) {
            char hex[65] = "";
            bc_hex_put(BC_VIEW(conf->hash), hex);
            assert_string_equal(hex,
                                "5423b1268d6a10b20ee16eb8b30f85cebf6026b923092a1c592e76f8e1e00c30");
        }
        assert_int_equal(conf->executor_version, 1);
        assert_int_equal(conf->version, 0x03100000);
        bc_ledger_config_unref(conf);
        bc_ledger_free(l);
        /* again: nothing is executed, nothing changes */
        assert_int_equal(bc_ledger_init(&params, &l, why, sizeof why), BC_OK);
        assert_int_equal(p.calls, 1);
        bc_ledger_free(l);
        c.conf.gas_limit++;
        assert_int_equal(bc_ledger_init(&params, &l, why, sizeof why), BC_E_MISMATCH);
        assert_non_null(strstr(why,
                               "The Genesis Data is inconsistent with the initial Genesis Data"));
        kv.ops->close(kv.self);
        unload(&c);
    }
}

/* ---- committing what the official node committed ---- */

static void fill(bc_kv_if kv, const chain_t *c)
{
    for (size_t i = 0; i < c->cnt; i++) {
        bc_kv_change_t ch = { c->rows[i].key, c->rows[i].value, false };
        assert_int_equal(kv.ops->write(kv.self, &ch, 1, false), BC_OK);
    }
}

static bc_exec_result_t *result_of(const bc_ledger_block_t *b)
{
    const bc_header_data_t *d = &b->header->h.data;
    bc_exec_result_t *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->receipt_cnt = b->tx_cnt;
    r->receipts = b->receipts;
    r->receipt_raw = b->receipt_raw;
    memcpy(r->txs_root.b, d->txs_root.p, 32);
    memcpy(r->receipts_root.b, d->receipts_root.p, 32);
    memcpy(r->state_root.b, d->state_root.p, 32);
    snprintf(r->gas_used, sizeof r->gas_used, "%.*s", (int)d->gas_used.n,
             (const char *)d->gas_used.p);
    return r;
}

static bool of_the_ledger(bc_bytes_t key)
{
    static const char *const tables[] = { "s_current_state",   "s_number_2_hash", "s_hash_2_number",
                                          "s_number_2_header", "s_number_2_txs",  "s_hash_2_tx",
                                          "s_hash_2_receipt",  "s_block_number_2_nonces" };
    for (size_t i = 0; i < BC_ARRAY_LEN(tables); i++)
        if (in_table(key, tables[i]))
            return true;
    return false;
}

static bool compare_ledger(void *ctx, bc_bytes_t key, bc_bytes_t value)
{
    compare_t *m = ctx;
    if (!of_the_ledger(key))
        return true;
    row_t *r = find(m->c, key);
    bool same = r && bc_bytes_eq(value, r->value);
    if (!same)
        print_error("row %.*s %s\n", (int)key.n, (const char *)key.p,
                    r ? "differs" : "is ours only");
    assert_true(same);
    m->cnt++;
    return true;
}

/* Each captured block, read from the final store, is committed onto the genesis store: the ledger
 * rows must come out as the official node wrote them. */
static void committed_rows_equal_the_official_ones(void **state)
{
    (void)state;
    if (skip_without_vectors())
        return;
    for (size_t k = 0; k < BC_ARRAY_LEN(chains); k++) {
        chain_t start, end;
        char why[512];
        bc_ledger_t *from, *to;
        load(chains[k], "genesis.full.json", &start);
        load(chains[k], "final.full.json", &end);
        bc_kv_if kv = bc_kv_mem_new(), kv_end = bc_kv_mem_new();
        fill(kv, &start);
        fill(kv_end, &end);
        bc_ledger_params_t p = { .kv = kv_end, .chain = &end.conf };
        assert_int_equal(bc_ledger_init(&p, &from, why, sizeof why), BC_OK);
        p = (bc_ledger_params_t){ .kv = kv, .chain = &start.conf };
        assert_int_equal(bc_ledger_init(&p, &to, why, sizeof why), BC_OK);
        bc_ledger_if in = bc_ledger_as_if(from);
        bc_ledger_totals_t totals;
        in.ops->totals(in.self, &totals);
        assert_true(totals.number > 10);
        for (int64_t n = 1; n <= totals.number; n++) {
            bc_ledger_block_t *b;
            assert_int_equal(in.ops->block(in.self, n, BC_WITH_TXS | BC_WITH_RECEIPTS, &b), BC_OK);
            bc_exec_result_t *r = result_of(b);
            assert_int_equal(bc_ledger_commit(to, b->header, b->txs, b->tx_cnt, r, false, true), BC_OK);
            bc_exec_result_free(r);
            bc_ledger_block_free(b);
        }
        compare_t m = { .c = &end };
        size_t want = 0;
        kv.ops->scan(kv.self, BC_STR(""), BC_STR(""), compare_ledger, &m);
        for (size_t i = 0; i < end.cnt; i++)
            want += of_the_ledger(end.rows[i].key);
        assert_int_equal(m.cnt, want);
        print_message("%s: %lld blocks, %zu rows\n", chains[k], (long long)totals.number, want);
        bc_ledger_free(from);
        bc_ledger_free(to);
        kv.ops->close(kv.self);
        kv_end.ops->close(kv_end.self);
        unload(&start);
        unload(&end);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_equal_the_official_ones),
        cmocka_unit_test(a_new_chain_equals_the_official_store),
        cmocka_unit_test(committed_rows_equal_the_official_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
