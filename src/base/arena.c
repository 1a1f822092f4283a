#include "base/arena.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define CHUNK_MIN 4096

struct bc_arena_chunk {
    bc_arena_chunk_t *next;
    size_t cap;
    size_t used;
    size_t pad; /* keeps data 16-byte aligned */
    uint8_t data[];
};

void bc_arena_init(bc_arena_t *a, size_t max)
{
    *a = (bc_arena_t){ .max = max };
}

void *bc_arena_alloc(bc_arena_t *a, size_t n)
{
    if (n > SIZE_MAX / 4)
        return NULL;
    n = (n + 15) & ~(size_t)15;
    if (a->max && (n > a->max || a->used > a->max - n))
        return NULL;
    bc_arena_chunk_t *c = a->head;
    if (!c || c->cap - c->used < n) {
        size_t cap = c ? BC_MIN(c->cap * 2, (size_t)1 << 20) : CHUNK_MIN;
        cap = BC_MAX(cap, n);
        c = malloc(sizeof *c + cap);
        if (!c)
            return NULL;
        c->next = a->head;
        c->cap = cap;
        c->used = 0;
        a->head = c;
    }
    void *p = c->data + c->used;
    c->used += n;
    a->used += n;
    memset(p, 0, n);
    return p;
}

bc_bytes_t bc_arena_copy(bc_arena_t *a, bc_bytes_t v, bool *ok)
{
    uint8_t *p = bc_arena_alloc(a, v.n ? v.n : 1);
    if (ok)
        *ok = p != NULL;
    if (!p)
        return (bc_bytes_t){ 0 };
    if (v.n)
        memcpy(p, v.p, v.n);
    return (bc_bytes_t){ p, v.n };
}

char *bc_arena_printf(bc_arena_t *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *p = n < 0 ? NULL : bc_arena_alloc(a, (size_t)n + 1);
    if (!p)
        return NULL;
    va_start(ap, fmt);
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return p;
}

void bc_arena_absorb(bc_arena_t *a, bc_arena_t *from)
{
    bc_arena_chunk_t **end = &a->head; /* behind a's own: allocation goes on in its newest chunk */
    while (*end)
        end = &(*end)->next;
    *end = from->head;
    a->used += from->used;
    from->head = NULL;
    from->used = 0;
}

void bc_arena_reset(bc_arena_t *a)
{
    bc_arena_chunk_t *keep = a->head;
    if (keep) {
        for (bc_arena_chunk_t *c = keep->next, *next; c; c = next) {
            next = c->next;
            free(c);
        }
        keep->next = NULL;
        keep->used = 0;
    }
    a->used = 0;
}

void bc_arena_free(bc_arena_t *a)
{
    bc_arena_reset(a);
    free(a->head);
    a->head = NULL;
}
