#include "access/rpc/chain_read.h"

#include <stdlib.h>

enum { PROOF_ELEMENTS_MAX = 128 };

bool chain_read(call_t *c, bc_err_t err)
{
    if (err && err != BC_E_NOT_FOUND)
        call_fail(c, c->web3 ? RPC_INTERNAL : RPC_LEDGER_STORAGE, "the node could not read: %s",
                  bc_err_name(err));
    return err == BC_OK;
}

void chain_proof(call_t *c, const bc_h256_t *leaves, size_t n, size_t index, bc_proof_view_t *out)
{
    bc_bytes_t *v = bc_arena_alloc(&c->arena, PROOF_ELEMENTS_MAX * sizeof *v);
    size_t store_size = PROOF_ELEMENTS_MAX * 32;
    uint8_t *store = bc_arena_alloc(&c->arena, store_size);
    *out = (bc_proof_view_t){ 0 };
    if (!v || !store || !n || index >= n)
        return;
    out->v = v;
    out->n = bc_merkle_proof(c->rpc->config.chain->suite, leaves, n, index, v, PROOF_ELEMENTS_MAX,
                             store, store_size);
    /* In JSON every element is 32 bytes: the 4-byte counts stand at the left of zeros. */
    for (size_t i = 0; i < out->n; i++) {
        uint8_t *wide = v[i].n < 32 ? bc_arena_alloc(&c->arena, 32) : NULL;
        if (wide) {
            memcpy(wide, v[i].p, v[i].n);
            v[i] = bc_bytes(wide, 32);
        }
    }
}

void chain_receipt_hash(const call_t *c, const bc_receipt_t *r, bc_h256_t *out)
{
    if (r->data_hash.n == 32)
        memcpy(out->b, r->data_hash.p, 32);
    else
        bc_receipt_hash(c->rpc->config.chain->suite, &r->data, out);
}

static bool find_tx(const bc_ledger_block_t *b, const bc_h256_t *tx, size_t *at)
{
    for (*at = 0; *at < b->tx_cnt; ++*at)
        if (bc_h256_eq(&b->tx_hashes[*at], tx))
            return true;
    return false;
}

bool chain_tx_proof(call_t *c, int64_t number, const bc_h256_t *tx, bc_proof_view_t *out)
{
    bc_ledger_block_t *b;
    size_t at;
    if (!chain_read(c, c->ledger.ops->block(c->ledger.self, number, 0, &b)))
        return false;
    bool found = find_tx(b, tx, &at);
    if (found)
        chain_proof(c, b->tx_hashes, b->tx_cnt, at, out);
    bc_ledger_block_free(b);
    return found;
}

bool chain_receipt_proof(call_t *c, int64_t number, const bc_h256_t *tx, bc_proof_view_t *out)
{
    bc_ledger_block_t *b;
    size_t at;
    if (!chain_read(c, c->ledger.ops->block(c->ledger.self, number, BC_WITH_RECEIPTS, &b)))
        return false;
    bool found = find_tx(b, tx, &at) && b->receipts;
    bc_h256_t *leaves = found ? bc_arena_alloc(&c->arena, b->tx_cnt * sizeof *leaves) : NULL;
    if (leaves) {
        for (size_t i = 0; i < b->tx_cnt; i++)
            chain_receipt_hash(c, &b->receipts[i], &leaves[i]);
        chain_proof(c, leaves, b->tx_cnt, at, out);
    }
    bc_ledger_block_free(b);
    return leaves != NULL;
}

int64_t chain_number(const call_t *c)
{
    int64_t n = 0;
    return c->ledger.ops->number(c->ledger.self, &n) == BC_OK ? n : 0;
}

bool chain_address(bc_bytes_t text, bc_addr_t *out)
{
    bc_bytes_t t = bc_hex_strip0x(text);
    uint8_t pad[40];
    memset(out, 0, sizeof *out);
    if (t.n == 0 || t.n > 40)
        return false;
    memset(pad, '0', sizeof pad);
    memcpy(pad + 40 - t.n, t.p, t.n);
    return bc_hex_fixed(bc_bytes(pad, 40), out->b, 20) == BC_OK;
}
