/* Genesis: the rows that config.genesis makes, and the whole store after block 0 has run here
 * (spec/10 §5.2, §9), against the store of the official node at its start. */
#include <stdio.h>
#include "chain.h"
#include "computing/executor/executor.h"
#include "management/nodeconf/nodeconf.h"
#include "protocol/tx.h"
#include "storage/kv_mem/kv_mem.h"
#include "storage/ledger/genesis.h"
#include "storage/ledger/ledger.h"

static const conf_row_t *find(const conf_chain_t *c, bc_bytes_t key)
{
    size_t lo = 0, hi = c->genesis.n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int d = bc_bytes_cmp(c->genesis.v[mid].key, key);
        if (!d)
            return &c->genesis.v[mid];
        if (d < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

static bool load(conf_chain_t *c, conf_report_t *r, bc_chain_config_t *conf)
{
    bc_conf_report_t rep = { 0 };
    char why[512] = "";
    bc_err_t err = bc_chainconf_parse(bc_cstr(c->genesis_ini), "config.genesis", conf, &rep);
    conf_expect(r, !err, "%s", rep.error);
    bc_conf_report_free(&rep);
    if (err)
        return false;
    conf_expect(r, !bc_genesis_check(conf, why, sizeof why), "genesis of version %x: %s", conf->version, why);
    return true;
}

static void rows(conf_chain_t *c, conf_report_t *r)
{
    bc_chain_config_t conf;
    if (!load(c, r, &conf))
        return;
    bc_batch_t b = { 0 };
    bc_hdr_t *h = bc_genesis_header(&conf);
    if (h)
        bc_genesis_rows(&conf, h, &b);
    for (size_t i = 0; i < b.cnt; i++) {
        /* executed block 0 takes this row over on version 1 chains */
        if (c->executor_version == 1 && bc_bytes_eq(b.v[i].key, BC_STR("s_number_2_hash:0")))
            continue;
        const conf_row_t *row = find(c, b.v[i].key);
        conf_expect(r, row && bc_bytes_eq(row->value, b.v[i].value),
                    "genesis row %.*s: ours %s, official %s", (int)b.v[i].key.n,
                    (const char *)b.v[i].key.p, conf_hex(b.v[i].value),
                    row ? conf_hex(row->value) : "none");
    }
    conf_expect(r, b.err == BC_OK && h, "the genesis could not be made");
    if (h)
        bc_hdr_unref(h);
    bc_batch_free(&b);
    bc_chainconf_free(&conf);
}

/* Block 0's transactions as the store has them: initBfs first, the committee's creation second. */
static bool block0_txs(const conf_chain_t *c, bc_bytes_t txs[2], bc_arena_t *arena)
{
    for (size_t i = 0; i < c->genesis.n; i++) {
        bc_bytes_t table, key;
        bc_tx_wire_t w;
        conf_key_split(c->genesis.v[i].key, &table, &key);
        if (bc_bytes_eq(table, BC_STR("s_hash_2_tx")) &&
            !bc_tars_decode(&bc_tx_wire_tars, c->genesis.v[i].value, &w, arena))
            txs[w.data.input.n > 256] = c->genesis.v[i].value;
    }
    /* before 3.3 no committee was made, and nobody reads the second */
    if (!txs[1].n && c->compatibility < 0x03030000)
        txs[1] = txs[0];
    return (txs[0].n && txs[1].n) || c->compatibility < 0x03010000; /* 3.0 had none */
}

typedef struct {
    conf_chain_t *c;
    conf_report_t *r;
    size_t cnt;
} compare_t;

static bool compare(void *ctx, bc_bytes_t key, bc_bytes_t value)
{
    compare_t *m = ctx;
    const conf_row_t *row = find(m->c, key);
    m->cnt++;
    conf_expect(m->r, row && bc_bytes_eq(row->value, value),
                "store after block 0, row %.*s: ours %s, official %s", (int)key.n,
                (const char *)key.p, conf_hex(value), row ? conf_hex(row->value) : "none");
    return true;
}

static void block0(conf_chain_t *c, conf_report_t *r)
{
    bc_chain_config_t conf;
    bc_bytes_t txs[2] = { { 0 } };
    if (find(c, BC_STR("/:"))) {
        conf_skip(r, "block 0: the official store is in key pages, which are not written here; re-execution compares "
                     "the rows");
        return;
    }
    if (!load(c, r, &conf))
        return;
    char why[512] = "";
    bc_arena_t arena = { 0 };
    bc_ledger_t *l = NULL;
    bc_kv_if kv = bc_kv_mem_new();
    bc_executor_config_t e = { .suite = conf.suite, .chain = &conf };
    bc_executor_t *x = bc_executor_new(&e);
    if (conf_expect(r, x && block0_txs(c, txs, &arena), "block 0's transactions are not there")) {
        bc_ledger_params_t p = { .kv = kv,
                                 .chain = &conf,
                                 .executor = bc_executor_local(x),
                                 .adopted_txs = { txs[0], txs[1] } };
        bc_err_t err = bc_ledger_init(&p, &l, why, sizeof why);
        compare_t m = { c, r, 0 };
        if (conf_expect(r, !err, "block 0: %s", why) &&
            conf_expect(r, !kv.ops->scan(kv.self, (bc_bytes_t){ 0 }, (bc_bytes_t){ 0 }, compare, &m),
                        "the store could not be read"))
            conf_expect(r, m.cnt == c->genesis.n, "store after block 0: %zu rows, official %zu",
                        m.cnt, c->genesis.n);
    }
    bc_ledger_free(l);
    bc_executor_free(x);
    kv.ops->close(kv.self);
    bc_arena_free(&arena);
    bc_chainconf_free(&conf);
}

const conf_check_t conf_genesis_checks[] = {
    { "genesis rows", rows },
    { "store after block 0", block0 },
    { NULL, NULL },
};
