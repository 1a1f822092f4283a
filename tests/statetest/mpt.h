/* Root of an Ethereum Merkle Patricia trie over keys of 32 bytes (already hashed). Test only. */
#ifndef STATETEST_MPT_H
#define STATETEST_MPT_H

#include "base/buf.h"

typedef struct {
    bc_h256_t key;
    bc_buf_t *value;
} mpt_item_t;

/* Sorts items. */
void mpt_root(mpt_item_t *items, size_t n, bc_h256_t *root);

#endif
