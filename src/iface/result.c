/* Life of the counted values that execution hands around. */
#include <stdlib.h>

#include "iface/executor.h"

void bc_changes_unref(bc_changes_t *c)
{
    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
        return;
    bc_arena_free(&c->arena);
    free(c);
}

void bc_exec_result_free(bc_exec_result_t *r)
{
    if (!r)
        return;
    bc_changes_unref(r->changes);
    bc_arena_free(&r->arena);
    free(r);
}
