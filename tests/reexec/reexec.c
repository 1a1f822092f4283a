#include "reexec.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/ini.h"
#include "base/map.h"
#include "codec/archive.h"
#include "codec/hex.h"
#include "codec/json.h"
#include "computing/executor/executor.h"
#include "protocol/block.h"
#include "protocol/features.h"

/* --- the captured store --- */

typedef struct {
    bc_bytes_t key, value; /* one allocation with the row */
} row_t;

typedef struct {
    bc_map_t rows;
    row_t **sorted; /* made by scan, dropped by a change */
    size_t sorted_cnt;
} store_t;

static bc_bytes_t row_key(const void *item)
{
    return ((const row_t *)item)->key;
}

static void store_set(store_t *s, bc_bytes_t key, const bc_bytes_t *value)
{
    free(bc_map_remove(&s->rows, key));
    free(s->sorted);
    s->sorted = NULL;
    if (!value)
        return;
    row_t *r = malloc(sizeof(*r) + key.n + value->n);
    if (!r)
        abort();
    uint8_t *p = (uint8_t *)(r + 1);
    memcpy(p, key.p, key.n);
    if (value->n)
        memcpy(p + key.n, value->p, value->n);
    r->key = bc_bytes(p, key.n);
    r->value = bc_bytes(p + key.n, value->n);
    if (bc_map_insert(&s->rows, r))
        abort();
}

static bool store_get(const store_t *s, bc_bytes_t key, bc_bytes_t *value)
{
    const row_t *r = bc_map_find(&s->rows, key);
    if (r)
        *value = r->value;
    return r != NULL;
}

static bool store_text(const store_t *s, const char *key, bc_bytes_t *value)
{
    return store_get(s, bc_cstr(key), value);
}

static void store_free(store_t *s)
{
    size_t i = 0;
    void *r;
    while ((r = bc_map_next(&s->rows, &i)))
        free(r);
    bc_map_free(&s->rows);
    free(s->sorted);
}

static bc_bytes_t raw_key(bc_wr_t *w, bc_bytes_t table, bc_bytes_t key)
{
    bc_wr_reset(w);
    bc_wr_put(w, table);
    bc_wr_u8(w, ':');
    bc_wr_put(w, key);
    return bc_wr_view(w);
}

static bc_err_t view_get(void *self, bc_bytes_t table, bc_bytes_t key, bc_bytes_t *value, bc_arena_t *arena)
{
    bc_wr_t w = { 0 };
    bc_bytes_t v;
    bool ok = true, found = store_get(self, raw_key(&w, table, key), &v);
    bc_wr_free(&w);
    if (!found)
        return BC_E_NOT_FOUND;
    *value = bc_arena_copy(arena, v, &ok);
    return ok ? BC_OK : BC_E_NOMEM;
}

static int by_key(const void *a, const void *b)
{
    const row_t *const *x = a, *const *y = b;
    return bc_bytes_cmp((*x)->key, (*y)->key);
}

static bc_err_t view_scan(void *self, bc_bytes_t table, bc_bytes_t from, bc_row_each_fn each, void *ctx)
{
    store_t *s = self;
    if (!s->sorted) {
        size_t i = 0, n = 0;
        row_t *r;
        s->sorted = malloc((s->rows.cnt + 1) * sizeof(*s->sorted)); // NOLINT(bugprone-sizeof-expression)
        if (!s->sorted)
            abort();
        while ((r = bc_map_next(&s->rows, &i)))
            s->sorted[n++] = r;
        s->sorted_cnt = n;
        qsort(s->sorted, n, sizeof(*s->sorted), by_key); // NOLINT(bugprone-sizeof-expression)
    }
    bc_wr_t w = { 0 };
    bc_bytes_t first = raw_key(&w, table, from);
    for (size_t i = 0; i < s->sorted_cnt; i++) {
        const row_t *r = s->sorted[i];
        if (bc_bytes_cmp(r->key, first) < 0)
            continue;
        if (r->key.n <= table.n || memcmp(r->key.p, table.p, table.n) || r->key.p[table.n] != ':')
            break;
        if (!each(ctx, bc_bytes(r->key.p + table.n + 1, r->key.n - table.n - 1), r->value))
            break;
    }
    bc_wr_free(&w);
    return BC_OK;
}

static const bc_view_ops_t view_ops = { view_get, view_scan };

/* --- key pages (spec/10 §4): rows of most tables are stored many to a row --- */

static bool raw_table(bc_bytes_t key)
{
    static const char *const tables[] = { "s_config:",          "s_consensus:",    "s_tables:",
                                          "s_code_binary:",     "s_contract_abi:", "s_number_2_hash:",
                                          "s_hash_2_number:",   "s_number_2_header:", "s_number_2_txs:",
                                          "s_block_number_2_nonces:", "s_hash_2_tx:", "s_hash_2_receipt:",
                                          "s_current_state:" };
    for (size_t i = 0; i < BC_ARRAY_LEN(tables); i++) {
        if (key.n >= strlen(tables[i]) && !memcmp(key.p, tables[i], strlen(tables[i])))
            return true;
    }
    return false;
}

/* The rows of one page into out, under "table:". False: not a page. */
static bool page_rows(bc_bytes_t prefix, bc_bytes_t page, store_t *out)
{
    bc_rd_t r = bc_rd(page);
    bc_rd_take(&r, 5);
    uint32_t cnt = bc_rd_le32(&r);
    bc_wr_t w = { 0 };
    for (uint32_t i = 0; i < cnt && !r.err; i++) {
        bc_bytes_t key = bc_rd_take(&r, (size_t)bc_rd_le64(&r)), value;
        value = bc_rd_take(&r, bc_rd_le32(&r));
        if (r.err)
            break;
        bc_wr_reset(&w);
        bc_wr_put(&w, prefix);
        bc_wr_put(&w, key);
        store_set(out, bc_wr_view(&w), &value);
    }
    bc_wr_free(&w);
    return !r.err;
}

/* What the store says, without pages. */
static bool logical_rows(const store_t *raw, store_t *out)
{
    size_t i = 0;
    row_t *row;
    bool ok = true;
    bc_map_init(&out->rows, row_key);
    while ((row = bc_map_next(&raw->rows, &i))) {
        const uint8_t *colon = memchr(row->key.p, ':', row->key.n);
        if (raw_table(row->key) || !colon)
            store_set(out, row->key, &row->value);
        else if (colon + 1 < row->key.p + row->key.n) /* the row without a key lists the pages */
            ok &= page_rows(bc_bytes(row->key.p, (size_t)(colon - row->key.p) + 1), row->value, out);
    }
    return ok;
}

/* --- files --- */

static cJSON *read_json(const char *dir, const char *name)
{
    char path[4096];
    bc_wr_t w = { 0 };
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    bool ok = bc_file_read(path, BC_JSON_SIZE_MAX, &w) == BC_OK;
    cJSON *j = ok ? bc_json_parse(bc_wr_view(&w), 16, NULL) : NULL;
    bc_wr_free(&w);
    return j;
}

static bc_bytes_t unhex(const cJSON *s, bc_arena_t *a)
{
    bc_bytes_t text = bc_cstr(cJSON_GetStringValue(s));
    uint8_t *p = bc_arena_alloc(a, text.n / 2 + 1);
    if (!p || bc_hex_fixed(text, p, text.n / 2))
        abort();
    return bc_bytes(p, text.n / 2);
}

/* A recorded change: value of a tombstone has p == NULL and del. */
typedef struct {
    bc_change_t *v; /* key is the raw one, table empty */
    size_t cnt;
    bc_arena_t arena;
} diff_t;

static bool read_diff(const char *dir, const char *name, diff_t *d)
{
    cJSON *j = read_json(dir, name);
    if (!j)
        return false;
    const cJSON *put = cJSON_GetObjectItemCaseSensitive(j, "put"), *del = cJSON_GetObjectItemCaseSensitive(j, "del"), *e;
    size_t n = (size_t)(cJSON_GetArraySize(put) + cJSON_GetArraySize(del));
    d->v = bc_arena_alloc(&d->arena, (n + 1) * sizeof(*d->v));
    if (!d->v)
        abort();
    cJSON_ArrayForEach(e, put)
        d->v[d->cnt++] = (bc_change_t){ .key = unhex(cJSON_GetArrayItem(e, 0), &d->arena),
                                        .value = unhex(cJSON_GetArrayItem(e, 1), &d->arena) };
    cJSON_ArrayForEach(e, del)
        d->v[d->cnt++] = (bc_change_t){ .key = unhex(e, &d->arena), .del = true };
    cJSON_Delete(j);
    return true;
}

static const bc_change_t *diff_find(const diff_t *d, bc_bytes_t key)
{
    for (size_t i = 0; i < d->cnt; i++) {
        if (bc_bytes_eq(d->v[i].key, key))
            return &d->v[i];
    }
    return NULL;
}

/* --- comparing --- */

typedef struct {
    FILE *log;
    bool pages;    /* the capture's tables are in key pages: raw is what it shows, store what it means */
    store_t raw;
    bool verbose;
    const char *chain; /* last part of the folder's name */
    bc_suite_t suite;
    bc_executor_if exec;
    store_t store;
    unsigned problems; /* of the block at hand */
} run_t;

#define PROBLEM(r, ...)                                                                            \
    do {                                                                                           \
        if ((r)->problems++ < 12 || (r)->verbose) {                                                \
            fprintf((r)->log, "    " __VA_ARGS__);                                                 \
            fputc('\n', (r)->log);                                                                 \
        }                                                                                          \
    } while (0)

static const char *hex_text(bc_bytes_t v)
{
    static char text[4][1100];
    static unsigned turn;
    char *t = text[turn++ % 4];
    size_t n = BC_MIN(v.n, (size_t)500);
    bc_hex_put(bc_bytes(v.p, n), t);
    t[2 * n] = 0;
    return t;
}

static const char *key_text(bc_bytes_t v)
{
    static char text[2][2048];
    static unsigned turn;
    char *t = text[turn++ % 2];
    size_t n = 0;
    for (size_t i = 0; i < v.n && n < 2000; i++)
        n += (size_t)snprintf(t + n, 8, v.p[i] >= 32 && v.p[i] < 127 ? "%c" : "\\x%02x", v.p[i]);
    t[n] = 0;
    return t;
}

static void same_bytes(run_t *r, const char *what, bc_bytes_t ours, bc_bytes_t theirs)
{
    if (!bc_bytes_eq(ours, theirs))
        PROBLEM(r, "%s: ours %s, official %s", what, hex_text(ours), hex_text(theirs));
}

static void compare_receipt(run_t *r, size_t i, const bc_exec_result_t *res, bc_bytes_t theirs)
{
    if (bc_bytes_eq(res->receipt_raw[i], theirs))
        return;
    bc_arena_t a = { 0 };
    bc_receipt_t t;
    if (bc_tars_decode(&bc_receipt_tars, theirs, &t, &a)) {
        PROBLEM(r, "receipt %zu: the official one cannot be decoded", i);
    } else {
        const bc_receipt_data_t *x = &res->receipts[i].data, *y = &t.data;
        PROBLEM(r, "receipt %zu differs: gas %.*s / %.*s, status %d / %d, logs %zu / %zu, contract %.*s / %.*s", i,
                (int)x->gas_used.n, x->gas_used.p, (int)y->gas_used.n, y->gas_used.p, x->status, y->status, x->logs.n,
                y->logs.n, (int)x->contract_address.n, x->contract_address.p, (int)y->contract_address.n,
                y->contract_address.p);
        same_bytes(r, "  output", x->output, y->output);
        if (r->verbose)
            same_bytes(r, "  raw", res->receipt_raw[i], theirs);
    }
    bc_arena_free(&a);
}

/* Rows that the ledger writes at commit, after execution. */
static bool ledger_row(bc_bytes_t key)
{
    static const char *const tables[] = { "s_number_2_hash:", "s_hash_2_number:",  "s_number_2_header:",
                                          "s_number_2_txs:",  "s_block_number_2_nonces:", "s_hash_2_tx:",
                                          "s_hash_2_receipt:", "s_current_state:" };
    for (size_t i = 0; i < BC_ARRAY_LEN(tables); i++) {
        if (key.n >= strlen(tables[i]) && !memcmp(key.p, tables[i], strlen(tables[i])))
            return true;
    }
    return false;
}

static void compare_changes(run_t *r, const bc_changes_t *ours, const diff_t *d)
{
    bc_wr_t w = { 0 };
    size_t matched = 0, want = 0;
    for (size_t i = 0; i < d->cnt; i++)
        want += !ledger_row(d->v[i].key);
    for (size_t i = 0; i < ours->cnt; i++) {
        const bc_change_t *c = &ours->v[i];
        bc_bytes_t key = raw_key(&w, c->table, c->key), before = { 0 };
        bool had = store_get(&r->store, key, &before);
        if (c->del ? !had : had && bc_bytes_eq(before, c->value))
            continue; /* nothing that a diff of the store would show */
        const bc_change_t *t = diff_find(d, key);
        if (!t)
            PROBLEM(r, "extra row %s = %s", key_text(key), c->del ? "deleted" : hex_text(c->value));
        else if (t->del != c->del || (!c->del && !bc_bytes_eq(t->value, c->value)))
            PROBLEM(r, "row %s: ours %s, official %s", key_text(key), c->del ? "deleted" : hex_text(c->value),
                    t->del ? "deleted" : hex_text(t->value));
        if (t)
            matched++;
    }
    if (matched != want) {
        for (size_t k = 0; k < d->cnt; k++) {
            if (ledger_row(d->v[k].key))
                continue;
            bool found = false;
            for (size_t i = 0; i < ours->cnt && !found; i++)
                found = bc_bytes_eq(raw_key(&w, ours->v[i].table, ours->v[i].key), d->v[k].key);
            if (!found)
                PROBLEM(r, "missing row %s = %s", key_text(d->v[k].key), hex_text(d->v[k].value));
        }
    }
    bc_wr_free(&w);
}

/* --- one block --- */

typedef struct {
    bc_tx_t **v;
    size_t cnt;
} txs_t;

static void txs_free(txs_t *t)
{
    for (size_t i = 0; i < t->cnt; i++)
        bc_tx_unref(t->v[i]);
    free(t->v);
}

static bool row_after(const run_t *r, const diff_t *d, bc_bytes_t key, bc_bytes_t *v)
{
    const bc_change_t *c = diff_find(d, key);
    if (c && !c->del) {
        *v = c->value;
        return true;
    }
    return store_get(&r->store, key, v);
}

static bool load_txs(run_t *r, const diff_t *d, int64_t number, txs_t *out, bc_arena_t *arena)
{
    char name[64];
    bc_bytes_t raw;
    bc_block_t block;
    bc_wr_t w = { 0 };
    snprintf(name, sizeof(name), "s_number_2_txs:%" PRId64, number);
    if (!row_after(r, d, bc_cstr(name), &raw) || bc_tars_decode(&bc_block_tars, raw, &block, arena))
        return false;
    const bc_tx_meta_t *metas = block.metas.v;
    out->v = calloc(block.metas.n + 1, sizeof(bc_tx_t *)); // NOLINT(bugprone-sizeof-expression)
    bool ok = out->v != NULL;
    for (size_t i = 0; ok && i < block.metas.n; i++) {
        ok = row_after(r, d, raw_key(&w, BC_STR("s_hash_2_tx"), metas[i].hash), &raw) &&
             bc_tx_decode_trusted(r->suite, raw, &out->v[i]) == BC_OK;
        if (ok) {
            out->cnt++;
            same_bytes(r, "transaction hash", BC_VIEW(out->v[i]->hash), metas[i].hash);
        }
    }
    bc_wr_free(&w);
    return ok;
}

static void compare_block(run_t *r, const bc_exec_result_t *res, const bc_hdr_t *h, const txs_t *txs, const diff_t *d)
{
    bc_wr_t w = { 0 };
    const bc_header_data_t *x = &h->h.data;
    for (size_t i = 0; i < txs->cnt; i++) {
        bc_bytes_t theirs;
        if (!row_after(r, d, raw_key(&w, BC_STR("s_hash_2_receipt"), BC_VIEW(txs->v[i]->hash)), &theirs))
            PROBLEM(r, "no official receipt %zu", i);
        else
            compare_receipt(r, i, res, theirs);
    }
    same_bytes(r, "txsRoot", BC_VIEW(res->txs_root), x->txs_root);
    same_bytes(r, "receiptsRoot", BC_VIEW(res->receipts_root), x->receipts_root);
    same_bytes(r, "stateRoot", BC_VIEW(res->state_root), x->state_root);
    if (!bc_bytes_eq(bc_cstr(res->gas_used), x->gas_used))
        PROBLEM(r, "gasUsed: ours %s, official %.*s", res->gas_used, (int)x->gas_used.n, x->gas_used.p);
    compare_changes(r, res->changes, d);
    bc_wr_free(&w);
}

/* Blocks whose official result does not follow from the state before them. */
static const char *known(const char *chain, int64_t number)
{
    static const struct {
        const char *chain;
        int64_t number;
        const char *why;
    } list[] = {
        /* feature_raw_address hides the committee's old table; the official process still had its
         * code in a cache keyed by address, a restarted one would not (spec/40 §2.7) */
        { "chain-features-1node", 3, "the official node ran code that only its cache still had" },
        { "chain-features-1node", 22, "the official node ran code that only its cache still had" },
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(list); i++) {
        if (list[i].number == number && strcmp(list[i].chain, chain) == 0)
            return list[i].why;
    }
    return NULL;
}

static void run_block(run_t *r, const diff_t *d, int64_t number, bc_reexec_stat_t *stat)
{
    char name[64];
    bc_bytes_t raw;
    bc_arena_t arena = { 0 };
    bc_hdr_t *h = NULL;
    txs_t txs = { 0 };
    bc_exec_result_t *res = NULL;
    r->problems = 0;
    snprintf(name, sizeof(name), "s_number_2_header:%" PRId64, number);
    bc_err_t err = BC_E_CORRUPT;
    if (!row_after(r, d, bc_cstr(name), &raw) || bc_hdr_decode(r->suite, raw, &h) ||
        !load_txs(r, d, number, &txs, &arena)) {
        PROBLEM(r, "the captured block cannot be read");
    } else {
        bc_exec_block_t in = { .parent = { &view_ops, &r->store },
                               .number = number,
                               .timestamp = h->h.data.timestamp,
                               .version = (uint32_t)h->h.data.version,
                               .txs = txs.v,
                               .tx_cnt = txs.cnt,
                               .parent_hash = bc_header_parent(&h->h.data) };
        err = r->exec.ops->execute(r->exec.self, &in, &res);
        if (!err)
            compare_block(r, res, h, &txs, d);
        else if (err != BC_E_UNSUPPORTED)
            PROBLEM(r, "execution: %s", bc_err_name(err));
    }
    const char *why = r->problems ? known(r->chain, number) : NULL;
    if (why) {
        stat->skipped++;
        fprintf(r->log, "  block %" PRId64 ": skipped: %s\n", number, why);
    } else if (r->problems) {
        stat->failed++;
        fprintf(r->log, "  block %" PRId64 ": FAILED, %u differences, %zu transactions, to %.*s\n", number, r->problems,
                txs.cnt, txs.cnt ? (int)txs.v[0]->w.data.to.n : 0, txs.cnt ? (const char *)txs.v[0]->w.data.to.p : "");
    } else if (err == BC_E_UNSUPPORTED) {
        stat->skipped++;
        fprintf(r->log, "  block %" PRId64 ": skipped: the executor answers BC_E_UNSUPPORTED\n", number);
    } else {
        stat->passed++;
        if (r->verbose)
            fprintf(r->log, "  block %" PRId64 ": ok, %zu transactions\n", number, txs.cnt);
    }
    bc_exec_result_free(res);
    txs_free(&txs);
    bc_hdr_unref(h);
    bc_arena_free(&arena);
}

/* Block 0 ran over the genesis rows, which the capture shows only together with its own. Its
 * transactions are the two that no block's list names. */
static bool genesis_row(bc_bytes_t key)
{
    static const char *const prefixes[] = { "s_config:", "s_consensus:", "s_tables:s_" };
    for (size_t i = 0; i < BC_ARRAY_LEN(prefixes); i++) {
        if (key.n >= strlen(prefixes[i]) && !memcmp(key.p, prefixes[i], strlen(prefixes[i])))
            return true;
    }
    return false;
}

static int bfs_first(const void *a, const void *b)
{
    const bc_tx_t *const *x = a, *const *y = b;
    return (int)(*x)->w.data.input.n - (int)(*y)->w.data.input.n;
}

static bool executor_v1(const store_t *s)
{
    bc_bytes_t row, value;
    int64_t enable;
    return store_text(s, "s_config:executor_version", &row) && !bc_archive_get_config(row, &value, &enable) &&
           bc_bytes_eq(value, BC_STR("1"));
}

static void run_block_0(run_t *r, bc_reexec_stat_t *stat)
{
    store_t full = r->store, base = { 0 };
    diff_t d = { 0 };
    txs_t txs = { 0 };
    bc_exec_result_t *res = NULL;
    bc_bytes_t hash = { 0 };
    size_t i = 0;
    row_t *row;
    r->problems = 0;
    bc_map_init(&base.rows, row_key);
    d.v = bc_arena_alloc(&d.arena, (full.rows.cnt + 1) * sizeof(*d.v));
    txs.v = calloc(2, sizeof(bc_tx_t *)); // NOLINT(bugprone-sizeof-expression)
    if (!d.v || !txs.v)
        abort();
    while ((row = bc_map_next(&full.rows, &i))) {
        if (genesis_row(row->key))
            store_set(&base, row->key, &row->value);
        else
            d.v[d.cnt++] = (bc_change_t){ .key = row->key, .value = row->value };
        if (row->key.n == 44 && !memcmp(row->key.p, "s_hash_2_tx:", 12) && txs.cnt < 2 &&
            !bc_tx_decode_trusted(r->suite, row->value, &txs.v[txs.cnt]))
            txs.cnt++;
    }
    qsort(txs.v, txs.cnt, sizeof(*txs.v), bfs_first); // NOLINT(bugprone-sizeof-expression)
    r->store = base;
    bc_bytes_t config, text = { 0 };
    int64_t enable;
    uint32_t version = 0;
    bool v1 = executor_v1(&full);
    if ((v1 && txs.cnt != 2) || !store_text(&base, "s_config:compatibility_version", &config) ||
        bc_archive_get_config(config, &text, &enable) || bc_version_parse(text, &version) ||
        !store_text(&full, "s_number_2_hash:0", &hash)) {
        PROBLEM(r, "the captured block 0 cannot be read");
    } else {
        bc_exec_block_t in = { .parent = { &view_ops, &r->store }, .version = version, .txs = txs.v, .tx_cnt = txs.cnt };
        bc_err_t err = txs.cnt ? r->exec.ops->execute(r->exec.self, &in, &res) : BC_OK;
        if (err)
            PROBLEM(r, "execution: %s", bc_err_name(err));
    }
    if (res) {
        bc_header_t h = { 0 };
        h.data.version = (int32_t)version;
        h.data.txs_root = BC_VIEW(res->txs_root);
        h.data.receipts_root = BC_VIEW(res->receipts_root);
        h.data.state_root = BC_VIEW(res->state_root);
        h.data.gas_used = bc_cstr(res->gas_used);
        bc_hdr_t *hdr = bc_hdr_new(r->suite, &h);
        compare_block(r, res, hdr, &txs, &d);
        if (v1) /* version 0 keeps the genesis header's hash */
            same_bytes(r, "block hash", BC_VIEW(hdr->hash), hash);
        bc_hdr_unref(hdr);
    }
    if (!txs.cnt && !v1 && !r->problems) {
        stat->skipped++;
        fprintf(r->log, "  block 0: skipped: nothing was executed\n");
    } else if (r->problems) {
        stat->failed++;
        fprintf(r->log, "  block 0: FAILED, %u differences\n", r->problems);
    } else {
        stat->passed++;
        if (r->verbose)
            fprintf(r->log, "  block 0: ok, hash %s\n", hex_text(hash));
    }
    bc_exec_result_free(res);
    txs_free(&txs);
    bc_arena_free(&d.arena);
    store_free(&r->store);
    r->store = full;
}

/* --- the chain --- */

/* The change between two stores. */
static void store_diff(const store_t *from, const store_t *to, diff_t *d)
{
    size_t i = 0;
    row_t *row;
    bool ok = true;
    d->v = bc_arena_alloc(&d->arena, (from->rows.cnt + to->rows.cnt + 1) * sizeof(*d->v));
    if (!d->v)
        abort();
    while ((row = bc_map_next(&to->rows, &i))) {
        bc_bytes_t old;
        if (!store_get(from, row->key, &old) || !bc_bytes_eq(old, row->value))
            d->v[d->cnt++] = (bc_change_t){ .key = bc_arena_copy(&d->arena, row->key, &ok),
                                            .value = bc_arena_copy(&d->arena, row->value, &ok) };
    }
    for (i = 0; (row = bc_map_next(&from->rows, &i));) {
        bc_bytes_t now;
        if (!store_get(to, row->key, &now))
            d->v[d->cnt++] = (bc_change_t){ .key = bc_arena_copy(&d->arena, row->key, &ok), .del = true };
    }
    if (!ok)
        abort();
}

/* Turns a step's change of pages into the change of rows. */
static bool unpage(run_t *r, diff_t *d)
{
    store_t after = { 0 };
    diff_t rows = { 0 };
    for (size_t k = 0; k < d->cnt; k++)
        store_set(&r->raw, d->v[k].key, d->v[k].del ? NULL : &d->v[k].value);
    bool ok = logical_rows(&r->raw, &after);
    store_diff(&r->store, &after, &rows);
    store_free(&after);
    bc_arena_free(&d->arena);
    *d = rows;
    return ok;
}

static bool file_says(const char *dir, const char *name, const char *line)
{
    char path[4096];
    bc_wr_t w = { 0 };
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    bool yes = bc_file_read(path, BC_JSON_SIZE_MAX, &w) == BC_OK &&
               memmem(w.p, w.n, line, strlen(line));
    bc_wr_free(&w);
    return yes;
}

static int only_diffs(const struct dirent *e)
{
    return strncmp(e->d_name, "step-", 5) == 0 && strstr(e->d_name, ".diff.json") != NULL;
}

static bool load_genesis(run_t *r, const char *dir)
{
    cJSON *j = read_json(dir, "db/genesis.full.json");
    const cJSON *e;
    if (!j)
        return false;
    bc_arena_t a = { 0 };
    cJSON_ArrayForEach(e, cJSON_GetObjectItemCaseSensitive(j, "kv"))
    {
        bc_bytes_t value = unhex(cJSON_GetArrayItem(e, 1), &a);
        store_set(&r->store, unhex(cJSON_GetArrayItem(e, 0), &a), &value);
    }
    bc_arena_free(&a);
    cJSON_Delete(j);
    return true;
}

static void run_steps(run_t *r, const char *dir, long only, bc_reexec_stat_t *stat)
{
    char path[4096];
    struct dirent **names = NULL;
    snprintf(path, sizeof(path), "%s/db", dir);
    int cnt = scandir(path, &names, only_diffs, alphasort);
    for (int i = 0; i < cnt; i++) {
        diff_t d = { 0 };
        int64_t number = 0;
        if (!read_diff(path, names[i]->d_name, &d) || (r->pages && !unpage(r, &d))) {
            fprintf(r->log, "  %s cannot be read\n", names[i]->d_name);
            stat->failed++;
        }
        const bc_change_t *c = diff_find(&d, BC_STR("s_current_state:current_number"));
        if (c && !bc_dec_i64(c->value, &number)) {
            stat->blocks++;
            if (only < 0 || only == number)
                run_block(r, &d, number, stat);
        }
        for (size_t k = 0; k < d.cnt; k++)
            store_set(&r->store, d.v[k].key, d.v[k].del ? NULL : &d.v[k].value);
        bc_arena_free(&d.arena);
        free(names[i]);
    }
    free(names);
}

bool bc_reexec_chain(const char *dir, long only, size_t workers, bool verbose, FILE *log,
                     bc_reexec_stat_t *stat)
{
    run_t r = { .log = log, .verbose = verbose };
    const char *slash = strrchr(dir, '/');
    r.chain = slash ? slash + 1 : dir;
    *stat = (bc_reexec_stat_t){ 0 };
    r.suite = file_says(dir, "conf/node0/config.genesis", "sm_crypto=true") ? BC_SUITE_SM : BC_SUITE_STANDARD;
    bc_map_init(&r.store.rows, row_key);
    if (!load_genesis(&r, dir)) {
        bc_map_free(&r.store.rows);
        return false;
    }
    r.pages = file_says(dir, "conf/node0/config.ini", "key_page_size=10240");
    if (r.pages) {
        r.raw = r.store;
        if (!logical_rows(&r.raw, &r.store))
            fprintf(log, "  a page of the genesis store cannot be read\n");
    }
    bc_executor_t *e = bc_executor_new(&(bc_executor_config_t){ .suite = r.suite,
                                                                .key_pages = r.pages,
                                                                .workers = workers,
                                                                .parallel_always = workers > 1 });
    r.exec = bc_executor_local(e);
    stat->blocks = 1;
    if (only <= 0)
        run_block_0(&r, stat);
    run_steps(&r, dir, only, stat);
    bc_executor_free(e);
    store_free(&r.store);
    store_free(&r.raw);
    return true;
}
