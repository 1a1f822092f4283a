#include "access/rpc/json_scan.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { DEPTH_MAX = 64 };

static void skip_space(bc_jscan_t *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
        s->p++;
}

/* First byte at or after p that is a quote, a backslash or a control character; end when none.
 * Transactions are long hex strings: sixteen bytes at a time. */
static const uint8_t *string_special(const uint8_t *p, const uint8_t *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    const __m128i control = _mm_set1_epi8(0x1f);
    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash));
        hit = _mm_or_si128(hit, _mm_cmpeq_epi8(_mm_min_epu8(v, control), v));
        unsigned mask = (unsigned)_mm_movemask_epi8(hit);
        if (mask)
            return p + __builtin_ctz(mask);
    }
#endif
    while (p < end && *p != '"' && *p != '\\' && *p >= 0x20)
        p++;
    return p;
}

/* Past a string whose opening quote is at p; NULL when it does not end. */
static const uint8_t *skip_string(const uint8_t *p, const uint8_t *end)
{
    for (p++; (p = string_special(p, end)) < end;) {
        if (*p == '"')
            return p + 1;
        if (*p < 0x20 || end - p < 2)
            return NULL;
        p += 2;
    }
    return NULL;
}

/* Past one value. Brackets must match; what stands between them is not examined further. */
static const uint8_t *skip_value(const uint8_t *p, const uint8_t *end)
{
    uint8_t stack[DEPTH_MAX];
    size_t depth = 0;
    if (p >= end)
        return NULL;
    if (*p == '"')
        return skip_string(p, end);
    if (*p != '[' && *p != '{') {
        const uint8_t *from = p;
        while (p < end && ((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') || *p == '-' ||
                           *p == '+' || *p == '.' || *p == 'E'))
            p++;
        return p > from ? p : NULL;
    }
    while (p && p < end) {
        uint8_t c = *p;
        if (c == '"') {
            p = skip_string(p, end);
            continue;
        }
        p++;
        if (c == '[' || c == '{') {
            if (depth == DEPTH_MAX)
                return NULL;
            stack[depth++] = c == '[' ? ']' : '}';
        } else if (c == ']' || c == '}') {
            if (stack[--depth] != c)
                return NULL;
            if (!depth)
                return p;
        }
    }
    return NULL;
}

bool bc_jscan_open(bc_jscan_t *s, bc_bytes_t text, bool object)
{
    *s = (bc_jscan_t){ .p = text.p, .end = text.p ? text.p + text.n : text.p, .first = true };
    skip_space(s);
    if (s->p >= s->end || *s->p != (object ? '{' : '['))
        return false;
    s->close = object ? '}' : ']';
    s->p++;
    return true;
}

bool bc_jscan_next(bc_jscan_t *s, bc_bytes_t *key, bc_bytes_t *value)
{
    if (s->bad || !s->close)
        return false;
    skip_space(s);
    if (s->p < s->end && *s->p == s->close) {
        s->p++;
        s->close = 0;
        return false;
    }
    if (!s->first) {
        if (s->p >= s->end || *s->p != ',')
            return !(s->bad = true);
        s->p++;
        skip_space(s);
    }
    s->first = false;
    if (s->close == '}') {
        if (s->p >= s->end || *s->p != '"')
            return !(s->bad = true);
        const uint8_t *from = s->p + 1, *to = skip_string(s->p, s->end);
        if (!to)
            return !(s->bad = true);
        *key = bc_bytes(from, (size_t)(to - from) - 1);
        s->p = to;
        skip_space(s);
        if (s->p >= s->end || *s->p != ':')
            return !(s->bad = true);
        s->p++;
        skip_space(s);
    }
    const uint8_t *from = s->p, *to = skip_value(from, s->end);
    if (!to)
        return !(s->bad = true);
    *value = bc_bytes(from, (size_t)(to - from));
    s->p = to;
    return true;
}

bool bc_jscan_closed(const bc_jscan_t *s)
{
    if (s->bad || s->close)
        return false;
    bc_jscan_t t = *s;
    skip_space(&t);
    return t.p == t.end;
}

bool bc_jscan_plain(bc_bytes_t value, bc_bytes_t *out)
{
    if (value.n < 2 || value.p[0] != '"')
        return false;
    *out = bc_bytes(value.p + 1, value.n - 2);
    return memchr(out->p, '\\', out->n) == NULL;
}
