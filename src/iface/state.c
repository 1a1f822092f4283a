#include "iface/state.h"
#include <stdlib.h>

void bc_changes_unref(bc_changes_t *c)
{
    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
        return;
    bc_arena_free(&c->arena);
    free(c);
}
