/* The writer, and a strict reader: a scanner of our own checks the whole text against RFC 8259
 * and a depth before cJSON, which is lenient and recursive, sees it. */
#include "codec/json.h"
#include "codec/hex.h"

static void value_begin(bc_jw_t *j)
{
    if (j->comma)
        bc_wr_u8(j->w, ',');
    j->comma = true;
}

static void open_with(bc_jw_t *j, uint8_t c)
{
    value_begin(j);
    bc_wr_u8(j->w, c);
    j->comma = false;
}

static void close_with(bc_jw_t *j, uint8_t c)
{
    bc_wr_u8(j->w, c);
    j->comma = true;
}

void bc_jw_obj(bc_jw_t *j)
{
    open_with(j, '{');
}

void bc_jw_obj_end(bc_jw_t *j)
{
    close_with(j, '}');
}

void bc_jw_arr(bc_jw_t *j)
{
    open_with(j, '[');
}

void bc_jw_arr_end(bc_jw_t *j)
{
    close_with(j, ']');
}

/* Length and code point of the UTF-8 character at p; a malformed one is U+FFFD, one byte. */
static size_t utf8_next(const uint8_t *p, size_t n, uint32_t *cp)
{
    static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3
                 : p[0] < 0xf5 ? 4 : 0;
    *cp = 0xfffd;
    if (len == 0 || len > n)
        return 1;
    uint32_t v = len == 1 ? p[0] : p[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 1;
        v = v << 6 | (p[i] & 0x3f);
    }
    if (v < least[len] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
        return 1;
    *cp = v;
    return len;
}

static void escape_u(bc_wr_t *w, uint32_t unit)
{
    const uint8_t be[2] = { (uint8_t)(unit >> 8), (uint8_t)unit };
    bc_wr_mem(w, "\\u", 2);
    bc_wr_hex(w, bc_bytes(be, 2));
}

/* The escape of one character that cannot stand for itself. */
static void escape(bc_wr_t *w, uint32_t cp)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *at = cp < 0x80 && cp ? memchr(from, (int)cp, sizeof from - 1) : NULL;
    if (at) {
        bc_wr_u8(w, '\\');
        bc_wr_u8(w, (uint8_t)to[at - from]);
    } else if (cp < 0x10000) {
        escape_u(w, cp);
    } else {
        cp -= 0x10000;
        escape_u(w, 0xd800 + (cp >> 10));
        escape_u(w, 0xdc00 + (cp & 0x3ff));
    }
}

static void quoted(bc_wr_t *w, bc_bytes_t v)
{
    bc_wr_u8(w, '"');
    for (size_t i = 0; i < v.n;) {
        size_t run = i;
        while (run < v.n && v.p[run] >= 0x20 && v.p[run] < 0x80 && v.p[run] != '"' &&
               v.p[run] != '\\')
            run++;
        bc_wr_mem(w, v.p + i, run - i);
        i = run;
        if (i < v.n) {
            uint32_t cp;
            i += utf8_next(v.p + i, v.n - i, &cp);
            escape(w, cp);
        }
    }
    bc_wr_u8(w, '"');
}

void bc_jw_key(bc_jw_t *j, const char *key)
{
    value_begin(j);
    quoted(j->w, bc_cstr(key));
    bc_wr_u8(j->w, ':');
    j->comma = false;
}

void bc_jw_str(bc_jw_t *j, bc_bytes_t v)
{
    value_begin(j);
    quoted(j->w, v);
}

void bc_jw_cstr(bc_jw_t *j, const char *v)
{
    bc_jw_str(j, bc_cstr(v));
}

void bc_jw_i64(bc_jw_t *j, int64_t v)
{
    value_begin(j);
    bc_wr_printf(j->w, "%lld", (long long)v);
}

void bc_jw_u64(bc_jw_t *j, uint64_t v)
{
    value_begin(j);
    bc_wr_printf(j->w, "%llu", (unsigned long long)v);
}

void bc_jw_bool(bc_jw_t *j, bool v)
{
    value_begin(j);
    bc_wr_str(j->w, v ? "true" : "false");
}

void bc_jw_null(bc_jw_t *j)
{
    value_begin(j);
    bc_wr_str(j->w, "null");
}

void bc_jw_hex(bc_jw_t *j, bc_bytes_t v)
{
    value_begin(j);
    bc_wr_u8(j->w, '"');
    bc_wr_hex(j->w, v);
    bc_wr_u8(j->w, '"');
}

void bc_jw_0xhex(bc_jw_t *j, bc_bytes_t v)
{
    value_begin(j);
    bc_wr_str(j->w, "\"0x");
    bc_wr_hex(j->w, v);
    bc_wr_u8(j->w, '"');
}

void bc_jw_quantity(bc_jw_t *j, uint64_t v)
{
    value_begin(j);
    bc_wr_printf(j->w, "\"0x%llx\"", (unsigned long long)v);
}

void bc_jw_raw(bc_jw_t *j, bc_bytes_t json)
{
    value_begin(j);
    bc_wr_put(j->w, json);
}

/* --- reading --- */

enum { DEPTH_HARD_MAX = 500 }; /* cJSON itself recurses, to 1000 at most */

typedef struct {
    const uint8_t *p, *end;
} scan_t;

static void space_skip(scan_t *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
        s->p++;
}

static bool eat(scan_t *s, char c)
{
    if (s->p == s->end || *s->p != (uint8_t)c)
        return false;
    s->p++;
    return true;
}

static bool hex4(scan_t *s, unsigned *out)
{
    uint8_t b[2];
    if (s->end - s->p < 4 || bc_hex_fixed(bc_bytes(s->p, 4), b, 2) != BC_OK)
        return false;
    *out = (unsigned)(b[0] << 8 | b[1]);
    s->p += 4;
    return true;
}

/* After "\u". NUL is refused: strings end at NUL once cJSON has them, and a name that reads
 * differently before and after parsing must not exist. */
static bool unicode_scan(scan_t *s)
{
    unsigned u, low;
    if (!hex4(s, &u) || u == 0 || (u >= 0xdc00 && u < 0xe000))
        return false;
    if (u >= 0xd800 && u < 0xdc00)
        return eat(s, '\\') && eat(s, 'u') && hex4(s, &low) && low >= 0xdc00 && low < 0xe000;
    return true;
}

static bool string_scan(scan_t *s)
{
    if (!eat(s, '"'))
        return false;
    while (s->p < s->end) {
        uint8_t c = *s->p++;
        if (c == '"')
            return true;
        if (c < 0x20)
            return false;
        if (c != '\\')
            continue;
        if (s->p == s->end)
            return false;
        c = *s->p++;
        if (c == 'u' ? !unicode_scan(s) : c == 0 || !strchr("\"\\/bfnrt", c))
            return false;
    }
    return false;
}

static size_t digits_scan(scan_t *s)
{
    const uint8_t *from = s->p;
    while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
        s->p++;
    return (size_t)(s->p - from);
}

static bool number_scan(scan_t *s)
{
    const uint8_t *from = s->p;
    eat(s, '-');
    bool zero = s->p < s->end && *s->p == '0';
    size_t n = digits_scan(s);
    if (n == 0 || (zero && n > 1))
        return false;
    if (eat(s, '.') && digits_scan(s) == 0)
        return false;
    if (s->p < s->end && (*s->p | 0x20) == 'e') {
        s->p++;
        if (!eat(s, '+'))
            eat(s, '-');
        if (digits_scan(s) == 0)
            return false;
    }
    return s->p - from <= 60; /* cJSON copies numbers into 64 bytes */
}

static bool word_scan(scan_t *s, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
        return false;
    s->p += n;
    return true;
}

static bool key_scan(scan_t *s)
{
    space_skip(s);
    if (!string_scan(s))
        return false;
    space_skip(s);
    return eat(s, ':');
}

static bool scalar_scan(scan_t *s)
{
    if (s->p == s->end)
        return false;
    switch (*s->p) {
    case '"':
        return string_scan(s);
    case 't':
        return word_scan(s, "true");
    case 'f':
        return word_scan(s, "false");
    case 'n':
        return word_scan(s, "null");
    default:
        return number_scan(s);
    }
}

/* One value without recursion: a bit per level tells object from array. */
static bool text_scan(scan_t *s, unsigned depth_max)
{
    bool obj[DEPTH_HARD_MAX];
    unsigned depth = 0;
    for (;;) {
        space_skip(s);
        if (s->p < s->end && (*s->p == '{' || *s->p == '[')) {
            if (depth == depth_max)
                return false;
            obj[depth] = *s->p++ == '{';
            space_skip(s);
            if (!eat(s, obj[depth] ? '}' : ']')) {
                if (obj[depth++] && !key_scan(s))
                    return false;
                continue;
            }
        } else if (!scalar_scan(s)) {
            return false;
        }
        for (;;) { /* after a value */
            space_skip(s);
            if (depth == 0)
                return s->p == s->end;
            if (eat(s, ',')) {
                if (obj[depth - 1] && !key_scan(s))
                    return false;
                break;
            }
            if (!eat(s, obj[depth - 1] ? '}' : ']'))
                return false;
            depth--;
        }
    }
}

cJSON *bc_json_parse(bc_bytes_t in, unsigned depth_max, size_t *at)
{
    scan_t s = { in.p, in.p ? in.p + in.n : NULL };
    bool ok = in.n <= BC_JSON_SIZE_MAX && text_scan(&s, BC_MIN(depth_max, (unsigned)DEPTH_HARD_MAX));
    cJSON *json = ok ? cJSON_ParseWithLength((const char *)in.p, in.n) : NULL;
    if (!json && at)
        *at = (size_t)(s.p - in.p);
    return json;
}
