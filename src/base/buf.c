#include "base/buf.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

bc_buf_t *bc_buf_new(size_t n)
{
    if (n > SIZE_MAX - sizeof(bc_buf_t))
        return NULL;
    bc_buf_t *b = malloc(sizeof *b + n);
    if (b) {
        atomic_init(&b->refs, 1);
        b->n = n;
    }
    return b;
}

bc_buf_t *bc_buf_copy(bc_bytes_t v)
{
    bc_buf_t *b = bc_buf_new(v.n);
    if (b && v.n)
        memcpy(b->p, v.p, v.n);
    return b;
}

bc_buf_t *bc_buf_ref(bc_buf_t *b)
{
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

void bc_buf_unref(bc_buf_t *b)
{
    if (b && atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1)
        free(b);
}

void bc_wr_free(bc_wr_t *w)
{
    free(w->p);
    *w = (bc_wr_t){ .max = w->max };
}

void bc_wr_reset(bc_wr_t *w)
{
    w->n = 0;
    w->err = BC_OK;
}

uint8_t *bc_wr_reserve(bc_wr_t *w, size_t n)
{
    if (w->err)
        return NULL;
    size_t max = w->max ? w->max : SIZE_MAX / 2;
    if (n > max || w->n > max - n) {
        w->err = BC_E_TOO_BIG;
        return NULL;
    }
    if (w->n + n > w->cap) {
        size_t cap = w->cap ? w->cap : 64;
        while (cap < w->n + n)
            cap *= 2;
        uint8_t *p = realloc(w->p, cap);
        if (!p) {
            w->err = BC_E_NOMEM;
            return NULL;
        }
        w->p = p;
        w->cap = cap;
    }
    if (n == 0 && !w->p)
        return NULL; /* NULL + 0 is not defined */
    uint8_t *at = w->p + w->n;
    w->n += n;
    return at;
}

void bc_wr_mem(bc_wr_t *w, const void *p, size_t n)
{
    uint8_t *at = bc_wr_reserve(w, n);
    if (at && n)
        memcpy(at, p, n);
}

void bc_wr_put(bc_wr_t *w, bc_bytes_t v)
{
    bc_wr_mem(w, v.p, v.n);
}

void bc_wr_str(bc_wr_t *w, const char *s)
{
    bc_wr_mem(w, s, strlen(s));
}

void bc_wr_printf(bc_wr_t *w, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) {
        w->err = BC_E_ARG;
        return;
    }
    uint8_t *at = bc_wr_reserve(w, (size_t)n + 1);
    if (!at)
        return;
    va_start(ap, fmt);
    vsnprintf((char *)at, (size_t)n + 1, fmt, ap);
    va_end(ap);
    w->n--; /* not the NUL */
}

void bc_wr_u8(bc_wr_t *w, uint8_t v)
{
    bc_wr_mem(w, &v, 1);
}

void bc_wr_be16(bc_wr_t *w, uint16_t v)
{
    v = __builtin_bswap16(v);
    bc_wr_mem(w, &v, 2);
}

void bc_wr_be32(bc_wr_t *w, uint32_t v)
{
    v = __builtin_bswap32(v);
    bc_wr_mem(w, &v, 4);
}

void bc_wr_be64(bc_wr_t *w, uint64_t v)
{
    v = __builtin_bswap64(v);
    bc_wr_mem(w, &v, 8);
}

void bc_wr_le32(bc_wr_t *w, uint32_t v)
{
    bc_wr_mem(w, &v, 4);
}

void bc_wr_le64(bc_wr_t *w, uint64_t v)
{
    bc_wr_mem(w, &v, 8);
}

bc_bytes_t bc_rd_take(bc_rd_t *r, size_t n)
{
    if (r->err)
        return (bc_bytes_t){ 0 };
    if ((size_t)(r->end - r->p) < n) {
        r->err = BC_E_TRUNCATED;
        return (bc_bytes_t){ 0 };
    }
    bc_bytes_t v = { r->p, n };
    if (n)
        r->p += n;
    return v;
}

uint8_t bc_rd_u8(bc_rd_t *r)
{
    bc_bytes_t v = bc_rd_take(r, 1);
    return v.n ? v.p[0] : 0;
}

uint16_t bc_rd_be16(bc_rd_t *r)
{
    bc_bytes_t v = bc_rd_take(r, 2);
    if (!v.n)
        return 0;
    unsigned word = (unsigned)v.p[0] << 8 | v.p[1];
    return (uint16_t)word;
}

uint32_t bc_rd_be32(bc_rd_t *r)
{
    bc_bytes_t v = bc_rd_take(r, 4);
    return v.n ? bc_load_be32(v.p) : 0;
}

uint64_t bc_rd_be64(bc_rd_t *r)
{
    bc_bytes_t v = bc_rd_take(r, 8);
    return v.n ? bc_load_be64(v.p) : 0;
}

uint32_t bc_rd_le32(bc_rd_t *r)
{
    return __builtin_bswap32(bc_rd_be32(r));
}

uint64_t bc_rd_le64(bc_rd_t *r)
{
    return __builtin_bswap64(bc_rd_be64(r));
}
