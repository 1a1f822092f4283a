#include "codec/hex.h"
#include <tmmintrin.h>

static const char digits[16] = "0123456789abcdef";

void bc_hex_put(bc_bytes_t v, char *out)
{
    size_t i = 0;
    const __m128i table = _mm_loadu_si128((const __m128i *)(const void *)digits);
    const __m128i low = _mm_set1_epi8(15);
    for (; v.n - i >= 16; i += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(v.p + i));
        __m128i h = _mm_shuffle_epi8(table, _mm_and_si128(_mm_srli_epi16(x, 4), low));
        __m128i l = _mm_shuffle_epi8(table, _mm_and_si128(x, low));
        _mm_storeu_si128((__m128i *)(void *)(out + 2 * i), _mm_unpacklo_epi8(h, l));
        _mm_storeu_si128((__m128i *)(void *)(out + 2 * i + 16), _mm_unpackhi_epi8(h, l));
    }
    for (; i < v.n; i++) {
        out[2 * i] = digits[v.p[i] >> 4];
        out[2 * i + 1] = digits[v.p[i] & 15];
    }
}

void bc_wr_hex(bc_wr_t *w, bc_bytes_t v)
{
    if (v.n > SIZE_MAX / 4) {
        w->err = BC_E_TOO_BIG;
        return;
    }
    uint8_t *at = bc_wr_reserve(w, 2 * v.n);
    if (at)
        bc_hex_put(v, (char *)at);
}

void bc_wr_0xhex(bc_wr_t *w, bc_bytes_t v)
{
    bc_wr_mem(w, "0x", 2);
    bc_wr_hex(w, v);
}

/* Value of a digit, or 16 and more. */
static unsigned digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : 16;
}

/* Sixteen digits to eight bytes, each in a 16-bit lane; *bad becomes 16 and more when one is none. */
static __m128i digits16(const uint8_t *p, unsigned *bad)
{
    __m128i c = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i dec = _mm_sub_epi8(c, _mm_set1_epi8('0'));
    __m128i let = _mm_sub_epi8(_mm_or_si128(c, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
    /* unsigned x <= m is min(x, m) == x */
    __m128i is_dec = _mm_cmpeq_epi8(_mm_min_epu8(dec, _mm_set1_epi8(9)), dec);
    __m128i is_let = _mm_cmpeq_epi8(_mm_min_epu8(let, _mm_set1_epi8(5)), let);
    if (_mm_movemask_epi8(_mm_or_si128(is_dec, is_let)) != 0xffff)
        *bad |= 16;
    __m128i v = _mm_or_si128(_mm_and_si128(is_dec, dec),
                             _mm_and_si128(is_let, _mm_add_epi8(let, _mm_set1_epi8(10))));
    return _mm_maddubs_epi16(v, _mm_set1_epi16(0x0110)); /* first digit * 16 + second */
}

bc_err_t bc_hex_fixed(bc_bytes_t text, uint8_t *out, size_t n)
{
    if (text.n != 2 * n)
        return BC_E_FORMAT;
    unsigned bad = 0;
    size_t i = 0;
    for (; n - i >= 16; i += 16) {
        __m128i a = digits16(text.p + 2 * i, &bad), b = digits16(text.p + 2 * i + 16, &bad);
        _mm_storeu_si128((__m128i *)(void *)(out + i), _mm_packus_epi16(a, b));
    }
    for (; i < n; i++) {
        unsigned h = digit(text.p[2 * i]), l = digit(text.p[2 * i + 1]);
        bad |= h | l;
        out[i] = (uint8_t)(h << 4 | (l & 15));
    }
    return bad > 15 ? BC_E_FORMAT : BC_OK;
}

bc_bytes_t bc_hex_strip0x(bc_bytes_t text)
{
    if (text.n >= 2 && text.p[0] == '0' && (text.p[1] == 'x' || text.p[1] == 'X'))
        return bc_bytes(text.p + 2, text.n - 2);
    return text;
}

bc_err_t bc_hex_append(bc_bytes_t text, bc_wr_t *out)
{
    text = bc_hex_strip0x(text);
    if (text.n % 2)
        return BC_E_FORMAT;
    uint8_t *at = bc_wr_reserve(out, text.n / 2);
    if (!at)
        return out->err;
    bc_err_t err = bc_hex_fixed(text, at, text.n / 2);
    if (err)
        out->n -= text.n / 2;
    return err;
}

bc_err_t bc_dec_i64(bc_bytes_t text, int64_t *out)
{
    bool neg = text.n && text.p[0] == '-';
    size_t i = neg ? 1 : 0;
    if (i == text.n)
        return BC_E_FORMAT;
    int64_t v = 0; /* kept negative: that side reaches one further */
    bool over = false;
    for (; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return BC_E_FORMAT;
        over |= __builtin_mul_overflow(v, (int64_t)10, &v);
        over |= __builtin_sub_overflow(v, (int64_t)(text.p[i] - '0'), &v);
    }
    if (over || (!neg && v == INT64_MIN))
        return BC_E_RANGE;
    *out = neg ? v : -v;
    return BC_OK;
}

/* v = v * m + a; false when it leaves 256 bits */
static bool mul_add(bc_u256_t *v, uint64_t m, uint64_t a)
{
    for (int i = 0; i < 4; i++) {
        unsigned __int128 t = (unsigned __int128)v->w[i] * m + a;
        v->w[i] = (uint64_t)t;
        a = (uint64_t)(t >> 64);
    }
    return a == 0;
}

bc_err_t bc_u256_parse(bc_bytes_t text, bc_u256_t *out)
{
    bc_u256_t v = { { 0 } };
    bc_bytes_t t = bc_hex_strip0x(text);
    unsigned base = t.n == text.n ? 10 : 16;
    if (base == 16 && t.n == 0)
        return BC_E_FORMAT;
    bool fits = true;
    for (size_t i = 0; i < t.n; i++) {
        unsigned d = digit(t.p[i]);
        if (d >= base)
            return BC_E_FORMAT;
        fits = fits && mul_add(&v, base, d);
    }
    if (!fits)
        return BC_E_RANGE;
    *out = v;
    return BC_OK;
}

size_t bc_u256_dec(const bc_u256_t *v, char out[80])
{
    enum { CHUNK_DIGITS = 19 };
    const uint64_t chunk = 10000000000000000000u;
    bc_u256_t t = *v;
    char rev[100];
    size_t n = 0;
    do {
        uint64_t rem = 0;
        for (int i = 3; i >= 0; i--) {
            unsigned __int128 x = (unsigned __int128)rem << 64 | t.w[i];
            t.w[i] = (uint64_t)(x / chunk);
            rem = (uint64_t)(x % chunk);
        }
        for (int i = 0; i < CHUNK_DIGITS; i++, rem /= 10)
            rev[n++] = (char)('0' + rem % 10);
    } while (t.w[0] | t.w[1] | t.w[2] | t.w[3]);
    while (n > 1 && rev[n - 1] == '0')
        n--;
    for (size_t i = 0; i < n; i++)
        out[i] = rev[n - 1 - i];
    out[n] = 0;
    return n;
}

size_t bc_u256_quantity(const bc_u256_t *v, char out[68])
{
    uint8_t be[32];
    char text[64];
    bc_u256_to_be(v, be);
    bc_hex_put(bc_bytes(be, 32), text);
    size_t skip = 0;
    while (skip < 63 && text[skip] == '0')
        skip++;
    out[0] = '0';
    out[1] = 'x';
    memcpy(out + 2, text + skip, 64 - skip);
    out[66 - skip] = 0;
    return 66 - skip;
}

void bc_u256_to_be(const bc_u256_t *v, uint8_t out[32])
{
    for (int i = 0; i < 4; i++)
        bc_store_be64(out + 8 * i, v->w[3 - i]);
}

bc_u256_t bc_u256_from_be(bc_bytes_t v)
{
    uint8_t be[32] = { 0 };
    bc_u256_t out;
    if (v.n > 32)
        v = bc_bytes(v.p + v.n - 32, 32);
    if (v.n)
        memcpy(be + 32 - v.n, v.p, v.n);
    for (int i = 0; i < 4; i++)
        out.w[i] = bc_load_be64(be + 24 - 8 * i);
    return out;
}
