/* A chain in memory for tests, benches and fuzzing of the executor: rows, blocks of unsigned
 * transactions, and the state going forward by what blocks change. */
#ifndef BC_COMPUTING_EXECUTOR_FIXTURE_H
#define BC_COMPUTING_EXECUTOR_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "codec/archive.h"
#include "codec/hex.h"
#include "computing/executor/executor.h"
#include "computing/precompiled/contract.h"

typedef struct {
    bc_bytes_t full; /* table NUL key */
    size_t table_n;
    bc_bytes_t value;
} fx_row_t;

typedef struct {
    bc_map_t rows;
    bc_executor_t *e;
    bc_executor_if exec;
    bc_suite_t suite;
    int64_t number;
    uint32_t version; /* of the blocks */
    bc_h256_t parent_hash; /* the same */
    bc_tx_t *txs[8192];
    size_t tx_cnt;
    bc_exec_result_t *res; /* of the last block */
} fx_t;

static inline bc_bytes_t fx_key(const void *item)
{
    return ((const fx_row_t *)item)->full;
}

static inline bc_bytes_t fx_full(uint8_t *buf, bc_bytes_t table, bc_bytes_t key)
{
    memcpy(buf, table.p, table.n);
    buf[table.n] = 0;
    if (key.n)
        memcpy(buf + table.n + 1, key.p, key.n);
    return bc_bytes(buf, table.n + 1 + key.n);
}

static inline void fx_set(fx_t *f, bc_bytes_t table, bc_bytes_t key, const bc_bytes_t *value)
{
    uint8_t *buf = malloc(table.n + key.n + 1);
    bc_bytes_t full = fx_full(buf, table, key);
    free(bc_map_remove(&f->rows, full));
    if (value) {
        fx_row_t *r = malloc(sizeof(*r) + full.n + value->n);
        uint8_t *p = (uint8_t *)(r + 1);
        memcpy(p, full.p, full.n);
        if (value->n)
            memcpy(p + full.n, value->p, value->n);
        *r = (fx_row_t){ bc_bytes(p, full.n), table.n, bc_bytes(p + full.n, value->n) };
        BC_MUST(bc_map_insert(&f->rows, r) == BC_OK);
    }
    free(buf);
}

static inline bc_err_t fx_get(void *self, bc_bytes_t table, bc_bytes_t key, bc_bytes_t *value, bc_arena_t *arena)
{
    fx_t *f = self;
    uint8_t small[512], *buf = table.n + key.n < sizeof(small) ? small : malloc(table.n + key.n + 1);
    const fx_row_t *r = bc_map_find(&f->rows, fx_full(buf, table, key));
    bool ok = true;
    if (buf != small)
        free(buf);
    if (!r)
        return BC_E_NOT_FOUND;
    *value = bc_arena_copy(arena, r->value, &ok);
    return ok ? BC_OK : BC_E_NOMEM;
}

static int fx_order(const void *a, const void *b)
{
    const fx_row_t *const *x = a, *const *y = b;
    return bc_bytes_cmp((*x)->full, (*y)->full);
}

static inline bc_err_t fx_scan(void *self, bc_bytes_t table, bc_bytes_t from, bc_row_each_fn each, void *ctx)
{
    fx_t *f = self;
    fx_row_t **v = malloc((f->rows.cnt + 1) * sizeof(*v)), *r; // NOLINT(bugprone-sizeof-expression)
    size_t n = 0, i = 0;
    while ((r = bc_map_next(&f->rows, &i))) {
        if (r->table_n == table.n && !memcmp(r->full.p, table.p, table.n))
            v[n++] = r;
    }
    qsort(v, n, sizeof(*v), fx_order); // NOLINT(bugprone-sizeof-expression)
    for (i = 0; i < n; i++) {
        bc_bytes_t key = bc_bytes(v[i]->full.p + table.n + 1, v[i]->full.n - table.n - 1);
        if (bc_bytes_cmp(key, from) >= 0 && !each(ctx, key, v[i]->value))
            break;
    }
    free(v);
    return BC_OK;
}

static const bc_view_ops_t fx_ops = { fx_get, fx_scan };

static inline void fx_config(fx_t *f, const char *key, const char *value)
{
    bc_wr_t w = { 0 };
    bc_archive_put_config(&w, bc_cstr(value), 0);
    bc_bytes_t v = bc_wr_view(&w);
    fx_set(f, BC_STR("s_config"), bc_cstr(key), &v);
    bc_wr_free(&w);
}

static inline bc_err_t fx_run(fx_t *f)
{
    bc_exec_block_t in = { .parent = { &fx_ops, f },
                           .number = f->number,
                           .timestamp = 1700000000000,
                           .version = f->version,
                           .txs = f->txs,
                           .tx_cnt = f->tx_cnt,
                           .parent_hash = f->parent_hash };
    bc_exec_result_free(f->res);
    f->res = NULL;
    bc_err_t err = f->exec.ops->execute(f->exec.self, &in, &f->res);
    for (size_t i = 0; !err && i < f->res->changes->cnt; i++) {
        const bc_change_t *c = &f->res->changes->v[i];
        fx_set(f, c->table, c->key, c->del ? NULL : &c->value);
    }
    for (size_t i = 0; i < f->tx_cnt; i++)
        bc_tx_unref(f->txs[i]);
    f->tx_cnt = 0;
    f->number++;
    return err;
}

static inline bc_addr_t fx_addr(unsigned n)
{
    bc_addr_t a = { { 0xaa } };
    bc_store_be32(a.b + 16, n);
    return a;
}

/* Queues a transaction of the next block; to == NULL: create. */
static inline void fx_tx(fx_t *f, const bc_addr_t *from, const bc_addr_t *to, bc_bytes_t input)
{
    bc_addr_text_t hex = { { 0 } };
    char nonce[24];
    snprintf(nonce, sizeof(nonce), "%zu", f->tx_cnt);
    bc_tx_data_t d = { .chain_id = BC_STR("chain0"),
                       .group_id = BC_STR("group0"),
                       .block_limit = 500,
                       .nonce = bc_cstr(nonce),
                       .input = input };
    if (to) {
        hex = bc_addr_text(to);
        d.to = bc_bytes(hex.s, 40);
    }
    bc_tx_t *tx = NULL;
    BC_MUST(f->tx_cnt < BC_ARRAY_LEN(f->txs) && bc_tx_make(f->suite, &d, 0, BC_STR(""), NULL, &tx) == BC_OK);
    tx->sender = *from;
    tx->sender_known = true;
    f->txs[f->tx_cnt++] = tx;
}

/* selector(signature) and abi words given as one u64 each, or an address. */
typedef struct {
    uint8_t b[4 + 32 * 6];
    size_t n;
} fx_input_t;

static inline fx_input_t fx_input(const fx_t *f, const char *signature)
{
    fx_input_t in = { .n = 4 };
    bc_h256_t h;
    bc_hash(f->suite, bc_cstr(signature), &h);
    memcpy(in.b, h.b, 4);
    return in;
}
static inline void fx_u64(fx_input_t *in, uint64_t v)
{
    memset(in->b + in->n, 0, 24);
    bc_store_be64(in->b + in->n + 24, v);
    in->n += 32;
}
static inline void fx_addr_word(fx_input_t *in, const bc_addr_t *a)
{
    memset(in->b + in->n, 0, 12);
    memcpy(in->b + in->n + 12, a->b, 20);
    in->n += 32;
}

static inline fx_t *fx_new(bc_suite_t suite)
{
    static const char *const flags[] = { "bugfix_delegatecall_transfer", "bugfix_nonce_initialize",
                                         "bugfix_v1_timestamp", "bugfix_method_auth_sender" };
    fx_t *f = calloc(1, sizeof(*f));
    BC_MUST(f);
    f->suite = suite;
    bc_map_init(&f->rows, fx_key);
    f->e = bc_executor_new(&(bc_executor_config_t){ .suite = suite });
    BC_MUST(f->e);
    f->exec = bc_executor_local(f->e);
    f->number = 1;
    f->version = 0x03100000;
    fx_config(f, "tx_gas_limit", "3000000000");
    fx_config(f, "executor_version", "1");
    fx_config(f, "balance_transfer", "1");
    fx_config(f, "web3_chain_id", "20200");
    for (size_t i = 0; i < BC_ARRAY_LEN(flags); i++)
        fx_config(f, flags[i], "1");
    return f;
}

static inline void fx_free(fx_t *f)
{
    size_t i = 0;
    void *r;
    while ((r = bc_map_next(&f->rows, &i)))
        free(r);
    bc_map_free(&f->rows);
    bc_exec_result_free(f->res);
    bc_executor_free(f->e);
    free(f);
}

/* Bytes of hex text, malloc'ed. */
static inline bc_bytes_t fx_unhex(const char *hex)
{
    size_t n = strlen(hex) / 2;
    uint8_t *p = malloc(n + 1);
    BC_MUST(p && bc_hex_fixed(bc_bytes(hex, 2 * n), p, n) == BC_OK);
    return bc_bytes(p, n);
}

/* Creation code of a runtime of at most 255 bytes; without PUSH0, for every revision. */
static inline bc_bytes_t fx_creation(const char *runtime_hex)
{
    bc_bytes_t run = fx_unhex(runtime_hex);
    uint8_t *p = malloc(run.n + 12);
    const uint8_t head[12] = { 0x60, (uint8_t)run.n, 0x60, 12, 0x60, 0, 0x39, 0x60, (uint8_t)run.n, 0x60, 0, 0xf3 };
    memcpy(p, head, 12);
    memcpy(p + 12, run.p, run.n);
    free((void *)(uintptr_t)run.p);
    return bc_bytes(p, run.n + 12);
}

/* A contract of that runtime, made by the next block. */
static inline bc_addr_t fx_deploy(fx_t *f, const char *runtime_hex)
{
    bc_addr_t owner = fx_addr(1);
    bc_bytes_t code = fx_creation(runtime_hex);
    fx_tx(f, &owner, NULL, code);
    BC_MUST(fx_run(f) == BC_OK);
    BC_MUST(f->res->receipts[0].data.status == 0);
    free((void *)(uintptr_t)code.p);
    return bc_addr_parse(f->res->receipts[0].data.contract_address);
}

/* A block with one call. */
static inline void fx_call(fx_t *f, const bc_addr_t *to, bc_bytes_t input)
{
    bc_addr_t from = fx_addr(1);
    fx_tx(f, &from, to, input);
    BC_MUST(fx_run(f) == BC_OK);
}

#endif
