#include "mpt.h"
#include <stdlib.h>
#include "codec/rlp.h"
#include "crypto/suite.h"

static unsigned nibble(const bc_h256_t *key, size_t i)
{
    return i % 2 ? key->b[i / 2] & 15u : key->b[i / 2] >> 4;
}

static int by_key(const void *a, const void *b)
{
    return memcmp(((const mpt_item_t *)a)->key.b, ((const mpt_item_t *)b)->key.b, 32);
}

/* Nibbles [from, to) of key in hex-prefix encoding. */
static void put_path(bc_wr_t *w, const bc_h256_t *key, size_t from, size_t to, bool leaf)
{
    uint8_t p[33];
    size_t n = 0;
    bool odd = (to - from) % 2;
    p[n++] = (uint8_t)((leaf ? 0x20 : 0) | (odd ? 0x10 | nibble(key, from) : 0));
    for (size_t i = from + odd; i < to; i += 2)
        p[n++] = (uint8_t)(nibble(key, i) << 4 | nibble(key, i + 1));
    bc_rlp_put_bytes(w, bc_bytes(p, n));
}

static void put_node(bc_wr_t *w, const mpt_item_t *items, size_t n, size_t depth);

/* A node as its parent holds it: itself when short, else its hash. */
static void put_reference(bc_wr_t *w, const mpt_item_t *items, size_t n, size_t depth)
{
    bc_wr_t node = { 0 };
    put_node(&node, items, n, depth);
    if (node.n < 32) {
        bc_wr_put(w, bc_wr_view(&node));
    } else {
        bc_h256_t h;
        bc_keccak256(bc_wr_view(&node), &h);
        bc_rlp_put_bytes(w, BC_VIEW(h));
    }
    bc_wr_free(&node);
}

static void put_node(bc_wr_t *w, const mpt_item_t *items, size_t n, size_t depth)
{
    size_t from = w->n;
    if (n == 1) {
        put_path(w, &items[0].key, depth, 64, true);
        bc_rlp_put_bytes(w, bc_buf_view(items[0].value));
        bc_rlp_wrap_list(w, from);
        return;
    }
    size_t common = depth; /* sorted: first and last tell for all */
    while (nibble(&items[0].key, common) == nibble(&items[n - 1].key, common))
        common++;
    if (common > depth) {
        put_path(w, &items[0].key, depth, common, false);
        put_reference(w, items, n, common);
        bc_rlp_wrap_list(w, from);
        return;
    }
    size_t i = 0;
    for (unsigned branch = 0; branch < 16; branch++) {
        size_t begin = i;
        while (i < n && nibble(&items[i].key, depth) == branch)
            i++;
        if (i > begin)
            put_reference(w, items + begin, i - begin, depth + 1);
        else
            bc_rlp_put_bytes(w, (bc_bytes_t){ 0 });
    }
    bc_rlp_put_bytes(w, (bc_bytes_t){ 0 });
    bc_rlp_wrap_list(w, from);
}

void mpt_root(mpt_item_t *items, size_t n, bc_h256_t *root)
{
    bc_wr_t w = { 0 };
    if (n == 0) {
        bc_rlp_put_bytes(&w, (bc_bytes_t){ 0 });
    } else {
        qsort(items, n, sizeof *items, by_key);
        put_node(&w, items, n, 0);
    }
    BC_MUST(w.err == BC_OK);
    bc_keccak256(bc_wr_view(&w), root);
    bc_wr_free(&w);
}
