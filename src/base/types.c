#include "base/types.h"
#include <stdio.h>
#include <stdlib.h>

void bc_must_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "cbcos: broken invariant: %s (%s:%d)\n", what, file, line);
    fflush(stderr);
    abort();
}

void *bc_xcalloc(size_t cnt, size_t size)
{
    void *p = calloc(cnt ? cnt : 1, size ? size : 1);
    BC_MUST(p != NULL);
    return p;
}

void *bc_zalloc_present(size_t cnt, size_t size)
{
    size_t n = 0, room = 0;
    if (__builtin_mul_overflow(cnt, size, &n) || __builtin_add_overflow(n, BC_CACHE_LINE - 1, &room))
        return NULL;
    room &= ~(size_t)(BC_CACHE_LINE - 1);
    room = room ? room : BC_CACHE_LINE;
    void *p = aligned_alloc(BC_CACHE_LINE, room); /* not malloc: with memset that is made calloc */
    if (p)
        memset(p, 0, room);
    return p;
}

void *bc_xrealloc(void *p, size_t size)
{
    void *q = realloc(p, size ? size : 1);
    BC_MUST(q != NULL);
    return q;
}

char *bc_xstrdup(const char *s)
{
    char *p = strdup(s);
    BC_MUST(p != NULL);
    return p;
}
