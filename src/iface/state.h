/* State rows as execution sees them: a view of the state after some block, and the changes that
 * executing the next block makes. */
#ifndef BC_IFACE_STATE_H
#define BC_IFACE_STATE_H

#include <stdatomic.h>
#include "base/arena.h"
#include "base/buf.h"

typedef struct {
    bc_bytes_t table, key;
    bc_bytes_t value;
    bool del; /* tombstone */
} bc_change_t;

/* The write set of a block, sorted by (table, key) bytes: counted, frozen, crosses threads. */
typedef struct {
    atomic_uint refs;
    size_t cnt;
    bc_change_t *v;
    bc_arena_t arena; /* holds v and its bytes */
} bc_changes_t;
static inline bc_changes_t *bc_changes_ref(bc_changes_t *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}
void bc_changes_unref(bc_changes_t *c); /* NULL is fine */

typedef bool (*bc_row_each_fn)(void *ctx, bc_bytes_t key, bc_bytes_t value);

typedef struct {
    /* Copies the value into the arena. BC_E_NOT_FOUND when there is no row (or a tombstone).
     * Any thread; blocks on the store. */
    bc_err_t (*get)(void *self, bc_bytes_t table, bc_bytes_t key, bc_bytes_t *value,
                    bc_arena_t *arena);
    /* Live rows of the table with key >= from, in byte order. */
    bc_err_t (*scan)(void *self, bc_bytes_t table, bc_bytes_t from, bc_row_each_fn each, void *ctx);
} bc_view_ops_t;

/* A view is immutable while it is referenced. */
typedef struct {
    const bc_view_ops_t *ops;
    void *self;
} bc_view_if;

#endif
