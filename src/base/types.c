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
