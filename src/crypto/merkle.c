/* Merkle trees of width 2 where an odd last node is hashed alone (spec/10 §3). */
#include <stdlib.h>
#include "base/buf.h"
#include "crypto/suite.h"

enum { BATCH = 64 };

/* out gets the (n + 1) / 2 hashes of the next level; in and out do not overlap. */
static void next_level(bc_suite_t suite, const bc_h256_t *in, size_t n, bc_h256_t *out)
{
    bc_bytes_t v[BATCH];
    size_t cnt = (n + 1) / 2;
    for (size_t i = 0; i < cnt;) {
        size_t k = 0;
        for (; k < BATCH && i + k < cnt; k++) {
            size_t at = 2 * (i + k);
            v[k] = bc_bytes(in[at].b, BC_MIN(n - at, (size_t)2) * sizeof *in);
        }
        bc_hash_many(suite, v, out + i, k);
        i += k;
    }
}

bc_err_t bc_merkle_root(bc_suite_t suite, const bc_h256_t *leaves, size_t n, bc_h256_t *root)
{
    if (n == 0) {
        memset(root, 0, sizeof *root);
        return BC_OK;
    }
    if (n == 1) {
        *root = leaves[0];
        return BC_OK;
    }
    if (n > SIZE_MAX / (2 * sizeof *leaves))
        return BC_E_TOO_BIG;
    /* two levels alternate between the halves of one block of scratch */
    size_t a_cnt = (n + 1) / 2, b_cnt = (a_cnt + 1) / 2;
    bc_h256_t *scratch = malloc((a_cnt + b_cnt) * sizeof *scratch);
    if (!scratch)
        return BC_E_NOMEM;
    const bc_h256_t *in = leaves;
    bc_h256_t *out = scratch, *other = scratch + a_cnt;
    while (n > 1) {
        next_level(suite, in, n, out);
        n = (n + 1) / 2;
        in = out;
        out = other;
        other = (bc_h256_t *)in;
    }
    *root = in[0];
    free(scratch);
    return BC_OK;
}

typedef struct {
    bc_bytes_t *elements;
    size_t cnt, max;
    uint8_t *store;
    size_t left;
    bool full;
} proof_t;

static void proof_put(proof_t *p, const void *bytes, size_t n)
{
    if (p->full || p->cnt == p->max || p->left < n) {
        p->full = true;
        return;
    }
    memcpy(p->store, bytes, n);
    p->elements[p->cnt++] = bc_bytes(p->store, n);
    p->store += n;
    p->left -= n;
}

/* The count, four bytes in an element as long as a hash, and the hashes of the group of two that
 * holds node `index`. */
static void proof_group(proof_t *p, const bc_h256_t *level, size_t n, size_t index)
{
    size_t first = index & ~(size_t)1, cnt = BC_MIN(n - first, (size_t)2);
    uint8_t be[32] = { 0 };
    bc_store_be32(be, (uint32_t)cnt);
    proof_put(p, be, sizeof be);
    for (size_t i = 0; i < cnt; i++)
        proof_put(p, level[first + i].b, 32);
}

size_t bc_merkle_proof(bc_suite_t suite, const bc_h256_t *leaves, size_t n, size_t index,
                       bc_bytes_t *elements, size_t max, uint8_t *store, size_t store_size)
{
    proof_t p = { elements, 0, max, store, store_size, false };
    if (index >= n || n > SIZE_MAX / (2 * sizeof *leaves))
        return 0;
    if (n == 1) {
        proof_put(&p, leaves[0].b, 32);
        return p.full ? 0 : p.cnt;
    }
    size_t a_cnt = (n + 1) / 2, b_cnt = (a_cnt + 1) / 2;
    bc_h256_t *scratch = malloc((a_cnt + b_cnt) * sizeof *scratch);
    if (!scratch)
        return 0;
    const bc_h256_t *in = leaves;
    bc_h256_t *out = scratch, *other = scratch + a_cnt;
    while (n > 1) {
        proof_group(&p, in, n, index);
        next_level(suite, in, n, out);
        n = (n + 1) / 2;
        index /= 2;
        in = out;
        out = other;
        other = (bc_h256_t *)in;
    }
    free(scratch);
    return p.full ? 0 : p.cnt;
}
