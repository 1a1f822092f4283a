/* A bump allocator whose objects die together: one per message, request or block. */
#ifndef BC_BASE_ARENA_H
#define BC_BASE_ARENA_H

#include "base/types.h"

typedef struct bc_arena_chunk bc_arena_chunk_t;

typedef struct {
    bc_arena_chunk_t *head;
    size_t used; /* bytes handed out since init or reset */
    size_t max;  /* 0: no maximum; else alloc returns NULL beyond it */
} bc_arena_t;

/* {0} is a valid arena without a maximum. One thread. */
void bc_arena_init(bc_arena_t *a, size_t max);
/* n zeroed bytes aligned to 16, or NULL: maximum passed or memory gone. */
void *bc_arena_alloc(bc_arena_t *a, size_t n) BC_WARN_UNUSED;
/* A copy of v in the arena; a view with p == NULL and n > 0 never comes back: on failure n is 0
 * and *ok (if given) is false. */
bc_bytes_t bc_arena_copy(bc_arena_t *a, bc_bytes_t v, bool *ok);
char *bc_arena_printf(bc_arena_t *a, const char *fmt, ...) BC_PRINTF(2, 3);
/* Everything that from holds belongs to a from now on; from is as new. The maximum of a is not
 * asked. */
void bc_arena_absorb(bc_arena_t *a, bc_arena_t *from);
void bc_arena_reset(bc_arena_t *a); /* keeps one chunk for reuse */
void bc_arena_free(bc_arena_t *a);

#endif
