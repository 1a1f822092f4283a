/* A hash table from byte strings to pointers: open addressing, linear probing, SipHash-1-3 keyed
 * at random per process, so a stranger who chooses keys cannot choose collisions.
 *
 * The table stores item pointers only; the key is a view into the item, found by a function.
 * Iteration order is not defined: anything that reaches the chain must sort. One thread. */
#ifndef BC_BASE_MAP_H
#define BC_BASE_MAP_H

#include "base/err.h"
#include "base/types.h"

typedef bc_bytes_t (*bc_map_key_fn)(const void *item);

typedef struct {
    uint64_t hash; /* 0: free */
    void *item;
} bc_map_slot_t;

typedef struct {
    bc_map_slot_t *slots;
    size_t cap; /* power of two, or 0 */
    size_t cnt;
    bc_map_key_fn key;
} bc_map_t;

void bc_map_init(bc_map_t *m, bc_map_key_fn key);
void bc_map_free(bc_map_t *m); /* not the items */
void *bc_map_find(const bc_map_t *m, bc_bytes_t key);
/* BC_E_EXISTS (nothing changed) when the key is there, BC_E_NOMEM. */
bc_err_t bc_map_insert(bc_map_t *m, void *item) BC_WARN_UNUSED;
/* Takes the item with that key out and returns it, NULL when absent. */
void *bc_map_remove(bc_map_t *m, bc_bytes_t key);
void bc_map_clear(bc_map_t *m);
/* for (size_t i = 0; (item = bc_map_next(m, &i));) — no insert or remove inside the loop. */
void *bc_map_next(const bc_map_t *m, size_t *i);

/* The keyed hash itself, for other tables. */
uint64_t bc_siphash(bc_bytes_t v);
/* 128 bits of it, for tables that keep fingerprints instead of keys. */
void bc_siphash128(bc_bytes_t v, uint64_t out[2]);

#endif
