/* Blocks of the crash test: everything follows from a seed and the block number. */
#ifndef BC_STORAGE_LEDGER_TEST_CRASH_H
#define BC_STORAGE_LEDGER_TEST_CRASH_H

#include <stdio.h>
#include "iface/executor.h"

#define KEYS    64 /* rows of state that blocks write */
#define TXS_MAX 6
#define TABLE   BC_STR("u_crash")

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t z = (a + 0x9e3779b97f4a7c15u) ^ (b * 0xbf58476d1ce4e5b9u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

typedef enum { KEEP, PUT, DEL } row_op_t;

static row_op_t row_op(uint64_t seed, int64_t block, unsigned key)
{
    uint64_t r = mix(seed, mix((uint64_t)block, key)) % 16;
    return r == 0 ? DEL : r < 4 ? PUT : KEEP;
}

/* A value that names its block and may be long enough to fill memtables. */
static size_t row_value(uint64_t seed, int64_t block, unsigned key, char out[2048])
{
    size_t n = (size_t)snprintf(out, 64, "block %lld key %u ", (long long)block, key);
    size_t end = n + mix(seed + 1, mix((uint64_t)block, key)) % 1800;
    for (; n < end; n++)
        out[n] = (char)('a' + mix(n, (uint64_t)block) % 26);
    return n;
}

static size_t tx_cnt(uint64_t seed, int64_t block)
{
    return mix(seed + 2, (uint64_t)block) % (TXS_MAX + 1);
}

static bc_changes_t *changes_of(uint64_t seed, int64_t block)
{
    bc_changes_t *c = bc_xcalloc(1, sizeof *c);
    atomic_init(&c->refs, 1);
    c->v = bc_arena_alloc(&c->arena, KEYS * sizeof *c->v);
    for (unsigned k = 0; k < KEYS; k++) {
        row_op_t op = row_op(seed, block, k);
        if (op == KEEP)
            continue;
        char key[16], value[2048];
        snprintf(key, sizeof key, "k%02u", k);
        size_t n = op == PUT ? row_value(seed, block, k, value) : 0;
        c->v[c->cnt++] = (bc_change_t){ .table = TABLE,
                                        .key = bc_arena_copy(&c->arena, bc_cstr(key), NULL),
                                        .value = bc_arena_copy(&c->arena, bc_bytes(value, n), NULL),
                                        .del = op == DEL };
    }
    return c;
}

typedef struct {
    bc_tx_t *txs[TXS_MAX];
    size_t cnt;
    int64_t failed;
    bc_exec_result_t *r;
    bc_hdr_t *header;
} made_t;

static bc_tx_t *tx_of(int64_t block, size_t i)
{
    static bc_keypair_t key;
    const uint8_t secret[32] = { [31] = 7 };
    BC_MUST(bc_keypair_from_secret(BC_SUITE_STANDARD, secret, &key) == BC_OK);
    char nonce[40];
    snprintf(nonce, sizeof nonce, "%lld-%zu", (long long)block, i);
    bc_tx_data_t d = { .chain_id = BC_STR("chain0"),
                       .group_id = BC_STR("group0"),
                       .block_limit = block + 500,
                       .nonce = bc_cstr(nonce),
                       .to = BC_STR("0000000000000000000000000000000000001234") };
    bc_tx_t *tx;
    BC_MUST(bc_tx_make(BC_SUITE_STANDARD, &d, 0, (bc_bytes_t){ 0 }, &key, &tx) == BC_OK);
    BC_MUST(bc_tx_recover(tx) == BC_OK);
    return tx;
}

static bc_exec_result_t *result_of(uint64_t seed, int64_t block, bc_tx_t *const *txs, size_t n)
{
    bc_exec_result_t *r = bc_xcalloc(1, sizeof *r);
    bc_h256_t hashes[TXS_MAX];
    r->changes = changes_of(seed, block);
    r->receipt_cnt = n;
    r->receipts = bc_arena_alloc(&r->arena, n * sizeof *r->receipts + 1);
    r->receipt_hashes = bc_arena_alloc(&r->arena, n * sizeof *r->receipt_hashes + 1);
    r->receipt_raw = bc_arena_alloc(&r->arena, n * sizeof *r->receipt_raw + 1);
    for (size_t i = 0; i < n; i++) {
        bc_wr_t w = { 0 };
        r->receipts[i] = (bc_receipt_t){ .data = { .gas_used = BC_STR("21000"),
                                                   .status = i % 3 == 2 ? 16 : 0,
                                                   .block_number = block },
                                         .tx_index = (uint32_t)i };
        bc_receipt_hash(BC_SUITE_STANDARD, &r->receipts[i].data, &r->receipt_hashes[i]);
        bc_tars_encode(&bc_receipt_tars, &r->receipts[i], &w);
        r->receipt_raw[i] = bc_arena_copy(&r->arena, bc_wr_view(&w), NULL);
        bc_wr_free(&w);
        hashes[i] = txs ? txs[i]->hash : (bc_h256_t){ 0 };
    }
    BC_MUST(!bc_merkle_root(BC_SUITE_STANDARD, hashes, n, &r->txs_root));
    BC_MUST(!bc_merkle_root(BC_SUITE_STANDARD, r->receipt_hashes, n, &r->receipts_root));
    for (unsigned i = 0; i < 4; i++) {
        uint64_t v = mix(seed + 3 + i, (uint64_t)block);
        memcpy(r->state_root.b + 8 * i, &v, 8);
    }
    snprintf(r->gas_used, sizeof r->gas_used, "%zu", n * 21000);
    return r;
}

static made_t make_block(uint64_t seed, int64_t block, const bc_h256_t *parent_hash)
{
    made_t m = { .cnt = tx_cnt(seed, block) };
    for (size_t i = 0; i < m.cnt; i++) {
        m.txs[i] = tx_of(block, i);
        m.failed += i % 3 == 2;
    }
    m.r = result_of(seed, block, m.txs, m.cnt);
    bc_parent_t parent = { block - 1, BC_VIEW(*parent_hash) };
    bc_header_t h = { .data = { .version = 0x03100000,
                                .parents = { &parent, 1 },
                                .txs_root = BC_VIEW(m.r->txs_root),
                                .receipts_root = BC_VIEW(m.r->receipts_root),
                                .state_root = BC_VIEW(m.r->state_root),
                                .number = block,
                                .gas_used = bc_cstr(m.r->gas_used),
                                .timestamp = 1000 + block } };
    m.header = bc_hdr_new(BC_SUITE_STANDARD, &h);
    BC_MUST(m.header != NULL);
    return m;
}

static void made_free(made_t *m)
{
    for (size_t i = 0; i < m->cnt; i++)
        bc_tx_unref(m->txs[i]);
    bc_exec_result_free(m->r);
    bc_hdr_unref(m->header);
}

#endif
