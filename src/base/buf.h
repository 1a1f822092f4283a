/* Byte buffers.
 *
 * bc_buf_t: a counted block, immutable once shared; crosses threads.
 * bc_wr_t:  a growable writer, owned by one thread. A failed growth or a passed maximum makes it
 *           sticky-failed: later puts do nothing, and w->err tells at the end.
 * bc_rd_t:  a bounded reader over a view, sticky-failed in the same way. */
#ifndef BC_BASE_BUF_H
#define BC_BASE_BUF_H

#include <stdatomic.h>
#include "base/err.h"
#include "base/types.h"

typedef struct {
    atomic_uint refs;
    size_t n;
    uint8_t p[];
} bc_buf_t;

/* A new block of n bytes with one reference, contents undefined; NULL when memory is gone. */
bc_buf_t *bc_buf_new(size_t n) BC_WARN_UNUSED;
bc_buf_t *bc_buf_copy(bc_bytes_t v) BC_WARN_UNUSED;
bc_buf_t *bc_buf_ref(bc_buf_t *b);
void bc_buf_unref(bc_buf_t *b); /* NULL is fine */
static inline bc_bytes_t bc_buf_view(const bc_buf_t *b)
{
    return b ? (bc_bytes_t){ b->p, b->n } : (bc_bytes_t){ 0 };
}

typedef struct {
    uint8_t *p;
    size_t n;   /* bytes written */
    size_t cap; /* bytes allocated */
    size_t max; /* 0: no maximum */
    bc_err_t err;
} bc_wr_t;

void bc_wr_free(bc_wr_t *w);
void bc_wr_reset(bc_wr_t *w); /* keeps the memory, clears content and error */
/* Reserves n bytes at the end and returns them, or NULL with w->err set. */
uint8_t *bc_wr_reserve(bc_wr_t *w, size_t n);
void bc_wr_put(bc_wr_t *w, bc_bytes_t v);
void bc_wr_mem(bc_wr_t *w, const void *p, size_t n);
void bc_wr_str(bc_wr_t *w, const char *s);
void bc_wr_printf(bc_wr_t *w, const char *fmt, ...) BC_PRINTF(2, 3);
void bc_wr_u8(bc_wr_t *w, uint8_t v);
void bc_wr_be16(bc_wr_t *w, uint16_t v);
void bc_wr_be32(bc_wr_t *w, uint32_t v);
void bc_wr_be64(bc_wr_t *w, uint64_t v);
void bc_wr_le32(bc_wr_t *w, uint32_t v);
void bc_wr_le64(bc_wr_t *w, uint64_t v);
static inline bc_bytes_t bc_wr_view(const bc_wr_t *w)
{
    return (bc_bytes_t){ w->p, w->n };
}

typedef struct {
    const uint8_t *p;   /* next byte */
    const uint8_t *end;
    bc_err_t err;
} bc_rd_t;

static inline bc_rd_t bc_rd(bc_bytes_t v)
{
    return (bc_rd_t){ v.p, v.p ? v.p + v.n : v.p, BC_OK };
}
static inline size_t bc_rd_left(const bc_rd_t *r)
{
    return r->err ? 0 : (size_t)(r->end - r->p);
}
/* Each returns zero or an empty view and sets BC_E_TRUNCATED when the input is too short. */
bc_bytes_t bc_rd_take(bc_rd_t *r, size_t n);
uint8_t bc_rd_u8(bc_rd_t *r);
uint16_t bc_rd_be16(bc_rd_t *r);
uint32_t bc_rd_be32(bc_rd_t *r);
uint64_t bc_rd_be64(bc_rd_t *r);
uint32_t bc_rd_le32(bc_rd_t *r);
uint64_t bc_rd_le64(bc_rd_t *r);

/* Big-endian loads and stores on raw memory. */
static inline uint64_t bc_load_be64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return __builtin_bswap64(v);
}
static inline void bc_store_be64(uint8_t *p, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(p, &v, 8);
}
static inline uint32_t bc_load_be32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return __builtin_bswap32(v);
}
static inline void bc_store_be32(uint8_t *p, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(p, &v, 4);
}

#endif
