/* Plain data types, invariants and small helpers that every room shares.
 *
 * Views and owners: bc_bytes_t borrows, it never owns. Fixed-size byte strings are structs so
 * that the compiler tells a hash from an address. A pointer parameter is borrowed until the
 * function returns unless its comment says otherwise. */
#ifndef BC_BASE_TYPES_H
#define BC_BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BC_WARN_UNUSED __attribute__((warn_unused_result))
#define BC_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define BC_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define BC_MIN(a, b) ((a) < (b) ? (a) : (b))
#define BC_MAX(a, b) ((a) > (b) ? (a) : (b))
#define BC_LIKELY(x) __builtin_expect(!!(x), 1)
#define BC_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* The struct that embeds *ptr as its member. */
#define BC_OWNER(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))

typedef struct {
    const uint8_t *p;
    size_t n;
} bc_bytes_t;

typedef struct {
    uint8_t b[32];
} bc_h256_t;

typedef struct {
    uint8_t b[20];
} bc_addr_t;

/* 64-byte node id: public key X || Y */
typedef struct {
    uint8_t b[64];
} bc_nodeid_t;

/* 256-bit unsigned integer, four 64-bit limbs, least significant first */
typedef struct {
    uint64_t w[4];
} bc_u256_t;

/* View of a string literal, without its NUL. */
#define BC_STR(lit) ((bc_bytes_t){ (const uint8_t *)("" lit), sizeof(lit) - 1 })
/* View of a fixed-size byte struct (bc_h256_t, bc_addr_t, bc_nodeid_t). */
#define BC_VIEW(fixed) ((bc_bytes_t){ (fixed).b, sizeof((fixed).b) })

static inline bc_bytes_t bc_bytes(const void *p, size_t n)
{
    return (bc_bytes_t){ (const uint8_t *)p, n };
}

static inline bc_bytes_t bc_cstr(const char *s)
{
    return (bc_bytes_t){ (const uint8_t *)s, s ? strlen(s) : 0 };
}

static inline bool bc_bytes_eq(bc_bytes_t a, bc_bytes_t b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Byte-wise order, a shorter prefix first: the order of keys in every store. */
static inline int bc_bytes_cmp(bc_bytes_t a, bc_bytes_t b)
{
    size_t n = BC_MIN(a.n, b.n);
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

static inline bool bc_h256_eq(const bc_h256_t *a, const bc_h256_t *b)
{
    return memcmp(a->b, b->b, 32) == 0;
}

static inline bool bc_h256_is_zero(const bc_h256_t *a)
{
    static const bc_h256_t zero;
    return memcmp(a->b, zero.b, 32) == 0;
}

/* A broken invariant stops the process, in release builds too. Never on remote input. */
#define BC_MUST(x)                                                                                 \
    do {                                                                                           \
        if (BC_UNLIKELY(!(x)))                                                                     \
            bc_must_failed(#x, __FILE__, __LINE__);                                                \
    } while (0)

__attribute__((noreturn, cold)) void bc_must_failed(const char *what, const char *file, int line);

/* malloc family that stops the process when memory is gone: the only callers are those whose
 * sizes are bounded by configuration. Sizes that come from the network go through malloc and
 * BC_E_NOMEM. What bc_xcalloc gives is zeroed. */
void *bc_xcalloc(size_t cnt, size_t size) BC_WARN_UNUSED;
void *bc_xrealloc(void *p, size_t size) BC_WARN_UNUSED;
char *bc_xstrdup(const char *s) BC_WARN_UNUSED;
/* Zeroed memory for free(), aligned to BC_CACHE_LINE, or NULL. Unlike calloc's its pages are there: a
 * large table that threads read before they write it would fault twice a page, the second time with
 * an interrupt of every core. */
#define BC_CACHE_LINE 64
void *bc_zalloc_present(size_t cnt, size_t size) BC_WARN_UNUSED;

#endif
