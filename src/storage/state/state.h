/* State views: the store plus the write sets of executed, not yet written blocks.
 *
 * A bc_state_t is a stack of frozen write sets over a snapshot of the store. The scheduler pushes
 * the result of an executed block, pops the oldest after the ledger wrote it, and drops the newest
 * when an execution is discarded. Every view taken from it stays as it was: it holds its layers
 * and its snapshot of the store. All functions may be called from any thread. */
#ifndef BC_STORAGE_STATE_H
#define BC_STORAGE_STATE_H

#include "iface/kv.h"
#include "iface/state.h"

#define BC_STATE_LAYERS_MAX 64

typedef struct bc_state bc_state_t;
typedef struct bc_state_view bc_state_view_t;

/* kv must outlive the stack and every view. BC_E_IO, BC_E_NOMEM. */
bc_err_t bc_state_new(bc_kv_if kv, bc_state_t **out) BC_WARN_UNUSED;
void bc_state_free(bc_state_t *s); /* views taken from it stay valid; NULL is fine */

/* Adds the next block's write set (a reference is taken). BC_E_FULL beyond
 * BC_STATE_LAYERS_MAX, BC_E_NOMEM. */
bc_err_t bc_state_push(bc_state_t *s, bc_changes_t *changes) BC_WARN_UNUSED;
/* The oldest write set is in the store now: forgets it and looks at the store anew.
 * BC_E_NOT_FOUND when there is none; BC_E_IO (nothing changed: correct, only longer). */
bc_err_t bc_state_pop_oldest(bc_state_t *s) BC_WARN_UNUSED;
/* Discards the newest write set. BC_E_NOT_FOUND. */
bc_err_t bc_state_drop_newest(bc_state_t *s) BC_WARN_UNUSED;
/* Somebody wrote the store around the stack (genesis, tools): looks at it anew. */
bc_err_t bc_state_refresh(bc_state_t *s) BC_WARN_UNUSED;
size_t bc_state_depth(bc_state_t *s);

/* A reference to the view of the store and the oldest `depth` write sets (more than there are:
 * all). bc_state_top: all; bc_state_committed: none. Never NULL. */
bc_state_view_t *bc_state_at(bc_state_t *s, size_t depth);
bc_state_view_t *bc_state_top(bc_state_t *s);
bc_state_view_t *bc_state_committed(bc_state_t *s);
bc_state_view_t *bc_state_view_ref(bc_state_view_t *v);
void bc_state_view_unref(bc_state_view_t *v); /* NULL is fine */
/* As executors take it; lives as long as v is referenced. */
bc_view_if bc_state_view_if(bc_state_view_t *v);

/* The store itself as a view, for start-up and tools; it moves with the store. kv must be alive
 * and at a fixed address. */
bc_view_if bc_state_kv_view(const bc_kv_if *kv);

#endif
