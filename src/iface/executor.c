#include "iface/executor.h"
#include <stdlib.h>

void bc_exec_result_free(bc_exec_result_t *r)
{
    if (!r)
        return;
    bc_changes_unref(r->changes);
    bc_arena_free(&r->arena);
    free(r);
}
