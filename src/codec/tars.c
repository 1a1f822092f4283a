/* Tars encoding by field tables (spec/10 §2).
 *
 * Reading follows the official reader where it is lenient: fields come in ascending tags, a lower
 * tag arriving late is skipped, input that ends while an unwanted field is skipped makes the rest
 * absent. Wrong types and short input inside a wanted field are errors. */
#include "codec/tars.h"

enum {
    T_I8 = 0,
    T_I16 = 1,
    T_I32 = 2,
    T_I64 = 3,
    T_FLOAT = 4,
    T_DOUBLE = 5,
    T_STR1 = 6,
    T_STR4 = 7,
    T_MAP = 8,
    T_LIST = 9,
    T_BEGIN = 10,
    T_END = 11,
    T_ZERO = 12,
    T_BYTES = 13,
};

enum { DEPTH_MAX = 16, STRING_MAX = 100 << 20 };

typedef struct {
    const uint8_t *p, *end;
    bc_arena_t *arena;
    unsigned depth;
} in_t;

typedef struct {
    uint8_t type, tag;
} head_t;

static size_t left(const in_t *in)
{
    return (size_t)(in->end - in->p);
}

/* Looks at the next head without taking it; returns its size, 0 when the input ends. */
static inline size_t head_peek(const in_t *in, head_t *h)
{
    if (in->p >= in->end)
        return 0;
    h->type = in->p[0] & 15;
    h->tag = in->p[0] >> 4;
    if (h->tag != 15)
        return 1;
    if (left(in) < 2)
        return 0;
    h->tag = in->p[1];
    return 2;
}

static bc_err_t head_take(in_t *in, head_t *h)
{
    size_t n = head_peek(in, h);
    in->p += n;
    return n ? BC_OK : BC_E_TRUNCATED;
}

static inline bc_err_t take(in_t *in, size_t n, const uint8_t **out)
{
    if (left(in) < n)
        return BC_E_TRUNCATED;
    *out = in->p;
    in->p += n;
    return BC_OK;
}

/* The body of an integer of wire type `type`, at most `widest` (T_I8 .. T_I64). */
static inline bc_err_t int_body(in_t *in, uint8_t type, uint8_t widest, int64_t *out)
{
    const uint8_t *p;
    if (type == T_ZERO) {
        *out = 0;
        return BC_OK;
    }
    if (type > T_I64)
        return BC_E_FORMAT;
    if (type > widest)
        return BC_E_RANGE;
    bc_err_t err = take(in, (size_t)1 << type, &p);
    if (err)
        return err;
    switch (type) {
    case T_I8:
        *out = (int8_t)p[0];
        break;
    case T_I16:
        *out = (int16_t)(p[0] << 8 | p[1]);
        break;
    case T_I32:
        *out = (int32_t)bc_load_be32(p);
        break;
    default:
        *out = (int64_t)bc_load_be64(p);
    }
    return BC_OK;
}

/* A size: an integer with tag 0 that is not larger than what is left. */
static bc_err_t count_take(in_t *in, size_t *out)
{
    head_t h;
    int64_t v = 0;
    bc_err_t err = head_take(in, &h);
    if (err)
        return err;
    if (h.tag != 0)
        return BC_E_FORMAT;
    if ((err = int_body(in, h.type, T_I32, &v)))
        return err;
    if (v < 0)
        return BC_E_FORMAT;
    if ((size_t)v > left(in))
        return BC_E_TRUNCATED;
    *out = (size_t)v;
    return BC_OK;
}

static bc_err_t skip_body(in_t *in, uint8_t type);

static bc_err_t skip_field(in_t *in)
{
    head_t h;
    bc_err_t err = head_take(in, &h);
    return err ? err : skip_body(in, h.type);
}

static bc_err_t skip_to_end(in_t *in)
{
    for (;;) {
        head_t h;
        bc_err_t err = head_take(in, &h);
        if (err || h.type == T_END)
            return err;
        if ((err = skip_body(in, h.type)))
            return err;
    }
}

static bc_err_t skip_many(in_t *in, size_t cnt)
{
    bc_err_t err = BC_OK;
    while (cnt-- && !err)
        err = skip_field(in);
    return err;
}

static bc_err_t skip_nested(in_t *in, uint8_t type)
{
    size_t cnt = 0;
    if (in->depth >= DEPTH_MAX)
        return BC_E_TOO_BIG;
    in->depth++;
    bc_err_t err = type == T_BEGIN ? skip_to_end(in) : count_take(in, &cnt);
    if (!err && type != T_BEGIN)
        err = skip_many(in, type == T_MAP ? 2 * cnt : cnt);
    in->depth--;
    return err;
}

static bc_err_t skip_body(in_t *in, uint8_t type)
{
    const uint8_t *p;
    bc_err_t err;
    switch (type) {
    case T_I8:
    case T_I16:
    case T_I32:
    case T_I64:
        return take(in, (size_t)1 << type, &p);
    case T_FLOAT:
        return take(in, 4, &p);
    case T_DOUBLE:
        return take(in, 8, &p);
    case T_STR1:
        err = take(in, 1, &p);
        return err ? err : take(in, p[0], &p);
    case T_STR4:
        err = take(in, 4, &p);
        return err ? err : take(in, bc_load_be32(p), &p);
    case T_MAP:
    case T_LIST:
    case T_BEGIN:
        return skip_nested(in, type);
    case T_BYTES: {
        head_t h;
        size_t n = 0;
        if ((err = head_take(in, &h)))
            return err;
        if (h.type != T_I8)
            return BC_E_FORMAT;
        err = count_take(in, &n);
        return err ? err : take(in, n, &p);
    }
    case T_END:
    case T_ZERO:
        return BC_OK;
    default:
        return BC_E_FORMAT;
    }
}

static bc_err_t str_body(in_t *in, uint8_t type, bc_bytes_t *out)
{
    const uint8_t *p;
    bc_err_t err;
    size_t n;
    if (type == T_STR1) {
        if ((err = take(in, 1, &p)))
            return err;
        n = p[0];
    } else if (type == T_STR4) {
        if ((err = take(in, 4, &p)))
            return err;
        n = bc_load_be32(p);
        if (n > STRING_MAX)
            return BC_E_TOO_BIG;
    } else {
        return BC_E_FORMAT;
    }
    if ((err = take(in, n, &p)))
        return err;
    *out = bc_bytes(p, n);
    return BC_OK;
}

/* vector<byte>: a simple list, or a list of int8 that is gathered in the arena. */
static bc_err_t bytes_body(in_t *in, uint8_t type, bc_bytes_t *out)
{
    const uint8_t *p;
    size_t n = 0;
    head_t h;
    bc_err_t err;
    if (type == T_BYTES) {
        if ((err = head_take(in, &h)))
            return err;
        if (h.type != T_I8 || h.tag != 0)
            return BC_E_FORMAT;
        if ((err = count_take(in, &n)) || (err = take(in, n, &p)))
            return err;
        *out = bc_bytes(p, n);
        return BC_OK;
    }
    if (type != T_LIST)
        return BC_E_FORMAT;
    if ((err = count_take(in, &n)))
        return err;
    uint8_t *v = n ? bc_arena_alloc(in->arena, n) : NULL;
    if (n && !v)
        return BC_E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        int64_t b = 0;
        if ((err = head_take(in, &h)))
            return err;
        if (h.tag != 0)
            return BC_E_FORMAT;
        if ((err = int_body(in, h.type, T_I8, &b)))
            return err;
        v[i] = (uint8_t)b;
    }
    *out = bc_bytes(v, n);
    return BC_OK;
}

static size_t kind_size(uint8_t kind, const bc_tars_struct_t *sub)
{
    switch (kind) {
    case BC_TARS_I8:
        return sizeof(int8_t);
    case BC_TARS_BOOL:
        return sizeof(bool);
    case BC_TARS_I16:
        return sizeof(int16_t);
    case BC_TARS_I32:
        return sizeof(int32_t);
    case BC_TARS_I64:
        return sizeof(int64_t);
    case BC_TARS_U32:
        return sizeof(uint32_t);
    case BC_TARS_STR:
    case BC_TARS_BYTES:
        return sizeof(bc_bytes_t);
    default:
        BC_MUST(kind == BC_TARS_STRUCT && sub);
        return sub->size;
    }
}

static bc_err_t fields_take(in_t *in, const bc_tars_struct_t *d, void *out);
static bc_err_t value_take(in_t *in, uint8_t type, const bc_tars_field_t *f, uint8_t kind, void *at);

static void defaults_set(const bc_tars_struct_t *d, void *out)
{
    for (uint32_t i = 0; i < d->cnt; i++) {
        const bc_tars_field_t *f = &d->fields[i];
        void *at = (char *)out + f->off;
        if (f->kind == BC_TARS_STRUCT)
            defaults_set(f->sub, at);
        else if (f->def)
            *(bc_bytes_t *)at = bc_cstr(f->def);
    }
}

static bc_err_t struct_take(in_t *in, const bc_tars_struct_t *d, void *out)
{
    if (in->depth >= DEPTH_MAX)
        return BC_E_TOO_BIG;
    in->depth++;
    bc_err_t err = fields_take(in, d, out);
    if (!err)
        err = skip_to_end(in);
    in->depth--;
    return err;
}

/* Items of a list, or pairs of a map (each a struct whose fields follow one another). */
static bc_err_t list_take(in_t *in, const bc_tars_field_t *f, bc_tars_list_t *out)
{
    const bool map = f->kind == BC_TARS_MAP;
    const uint8_t kind = map ? BC_TARS_STRUCT : f->item;
    const size_t size = kind_size(kind, f->sub);
    size_t n = 0;
    bc_err_t err = count_take(in, &n);
    if (err || n == 0)
        return err;
    if (in->depth >= DEPTH_MAX || n > SIZE_MAX / size)
        return BC_E_TOO_BIG;
    char *v = bc_arena_alloc(in->arena, n * size);
    if (!v)
        return BC_E_NOMEM;
    in->depth++;
    for (size_t i = 0; i < n && !err; i++) {
        head_t h;
        void *at = v + i * size;
        if (kind == BC_TARS_STRUCT)
            defaults_set(f->sub, at);
        if (map) {
            for (uint32_t k = 0; k < f->sub->cnt && !err; k++) {
                const bc_tars_field_t *part = &f->sub->fields[k];
                if (!(err = head_take(in, &h)))
                    err = h.tag == part->tag
                              ? value_take(in, h.type, part, part->kind, (char *)at + part->off)
                              : BC_E_FORMAT;
            }
        } else if (!(err = head_take(in, &h))) {
            err = h.tag == 0 ? value_take(in, h.type, f, kind, at) : BC_E_FORMAT;
        }
    }
    in->depth--;
    *out = (bc_tars_list_t){ v, n };
    return err;
}

static bc_err_t value_take(in_t *in, uint8_t type, const bc_tars_field_t *f, uint8_t kind, void *at)
{
    int64_t v = 0;
    bc_err_t err;
    switch (kind) {
    case BC_TARS_I8:
        err = int_body(in, type, T_I8, &v);
        *(int8_t *)at = (int8_t)v;
        return err;
    case BC_TARS_BOOL:
        err = int_body(in, type, T_I8, &v);
        *(bool *)at = v != 0;
        return err;
    case BC_TARS_I16:
        err = int_body(in, type, T_I16, &v);
        *(int16_t *)at = (int16_t)v;
        return err;
    case BC_TARS_I32:
        err = int_body(in, type, T_I32, &v);
        *(int32_t *)at = (int32_t)v;
        return err;
    case BC_TARS_I64:
        err = int_body(in, type, T_I64, &v);
        *(int64_t *)at = v;
        return err;
    case BC_TARS_U32:
        err = int_body(in, type, T_I64, &v);
        *(uint32_t *)at = (uint32_t)v;
        return err;
    case BC_TARS_STR:
        return str_body(in, type, at);
    case BC_TARS_BYTES:
        return bytes_body(in, type, at);
    case BC_TARS_STRUCT:
        return type == T_BEGIN ? struct_take(in, f->sub, at) : BC_E_FORMAT;
    case BC_TARS_LIST:
        return type == T_LIST ? list_take(in, f, at) : BC_E_FORMAT;
    case BC_TARS_MAP:
        return type == T_MAP ? list_take(in, f, at) : BC_E_FORMAT;
    default:
        BC_MUST(false && "unknown kind in a Tars table");
    }
}

/* Fields up to the end byte (left in place), a tag above the last wanted one, or the end of the
 * input. */
static bc_err_t fields_take(in_t *in, const bc_tars_struct_t *d, void *out)
{
    const bc_tars_field_t *f = d->fields, *end = d->fields + d->cnt;
    while (f < end) {
        head_t h;
        size_t n = head_peek(in, &h);
        if (n == 0 || h.type == T_END)
            break;
        while (f < end && f->tag < h.tag) {
            if (f->require)
                return BC_E_MISSING;
            f++;
        }
        if (f == end)
            break;
        in->p += n;
        bc_err_t err;
        if (f->tag == h.tag) {
            err = value_take(in, h.type, f, f->kind, (char *)out + f->off);
            f++;
            if (err)
                return err;
        } else if ((err = skip_body(in, h.type))) {
            if (err != BC_E_TRUNCATED)
                return err;
            in->p = in->end; /* cut off inside an unwanted field: the rest is absent */
        }
    }
    for (; f < end; f++)
        if (f->require)
            return BC_E_MISSING;
    return BC_OK;
}

bc_err_t bc_tars_decode(const bc_tars_struct_t *d, bc_bytes_t in, void *out, bc_arena_t *arena)
{
    in_t r = { in.p, in.p ? in.p + in.n : NULL, arena, 0 };
    memset(out, 0, d->size);
    defaults_set(d, out);
    return fields_take(&r, d, out);
}

/* --- writing --- */

static inline uint8_t *head_store(uint8_t *p, uint8_t type, uint8_t tag)
{
    if (tag < 15) {
        *p++ = (uint8_t)(tag << 4 | type);
    } else {
        *p++ = (uint8_t)(0xf0 | type);
        *p++ = tag;
    }
    return p;
}

static uint8_t *int_store(uint8_t *p, uint8_t tag, int64_t v)
{
    if (v == 0)
        return head_store(p, T_ZERO, tag);
    if (v == (int8_t)v) {
        p = head_store(p, T_I8, tag);
        *p++ = (uint8_t)v;
        return p;
    }
    if (v == (int16_t)v) {
        p = head_store(p, T_I16, tag);
        *p++ = (uint8_t)(v >> 8);
        *p++ = (uint8_t)v;
        return p;
    }
    if (v == (int32_t)v) {
        p = head_store(p, T_I32, tag);
        bc_store_be32(p, (uint32_t)v);
        return p + 4;
    }
    p = head_store(p, T_I64, tag);
    bc_store_be64(p, (uint64_t)v);
    return p + 8;
}

static void head_put(bc_wr_t *w, uint8_t type, uint8_t tag)
{
    uint8_t b[2];
    bc_wr_mem(w, b, (size_t)(head_store(b, type, tag) - b));
}

void bc_tars_put_int(bc_wr_t *w, uint8_t tag, int64_t v)
{
    uint8_t b[10];
    bc_wr_mem(w, b, (size_t)(int_store(b, tag, v) - b));
}

void bc_tars_put_str(bc_wr_t *w, uint8_t tag, bc_bytes_t v)
{
    uint8_t b[6], *p;
    if (v.n > STRING_MAX) {
        if (!w->err)
            w->err = BC_E_TOO_BIG;
        return;
    }
    if (v.n <= 255) {
        p = head_store(b, T_STR1, tag);
        *p++ = (uint8_t)v.n;
    } else {
        p = head_store(b, T_STR4, tag);
        bc_store_be32(p, (uint32_t)v.n);
        p += 4;
    }
    bc_wr_mem(w, b, (size_t)(p - b));
    bc_wr_put(w, v);
}

void bc_tars_put_bytes(bc_wr_t *w, uint8_t tag, bc_bytes_t v)
{
    uint8_t b[16], *p;
    if (v.n > INT32_MAX) {
        if (!w->err)
            w->err = BC_E_TOO_BIG;
        return;
    }
    p = head_store(b, T_BYTES, tag);
    *p++ = T_I8;
    p = int_store(p, 0, (int64_t)v.n);
    bc_wr_mem(w, b, (size_t)(p - b));
    bc_wr_put(w, v);
}

static void fields_put(const bc_tars_struct_t *d, const void *in, bc_wr_t *w);
static void value_put(const bc_tars_field_t *f, uint8_t kind, uint8_t tag, const void *at,
                      bc_wr_t *w);

static void list_put(const bc_tars_field_t *f, uint8_t tag, const bc_tars_list_t *l, bc_wr_t *w)
{
    const bool map = f->kind == BC_TARS_MAP;
    const size_t size = kind_size(map ? BC_TARS_STRUCT : f->item, f->sub);
    if (l->n > INT32_MAX) {
        if (!w->err)
            w->err = BC_E_TOO_BIG;
        return;
    }
    head_put(w, map ? T_MAP : T_LIST, tag);
    bc_tars_put_int(w, 0, (int64_t)l->n);
    for (size_t i = 0; i < l->n && !w->err; i++) {
        const char *at = (const char *)l->v + i * size;
        if (map) {
            for (uint32_t k = 0; k < f->sub->cnt; k++) {
                const bc_tars_field_t *part = &f->sub->fields[k];
                value_put(part, part->kind, part->tag, at + part->off, w);
            }
        } else {
            value_put(f, f->item, 0, at, w);
        }
    }
}

static int64_t int_load(uint8_t kind, const void *at)
{
    switch (kind) {
    case BC_TARS_I8:
        return *(const int8_t *)at;
    case BC_TARS_BOOL:
        return *(const bool *)at;
    case BC_TARS_I16:
        return *(const int16_t *)at;
    case BC_TARS_I32:
        return *(const int32_t *)at;
    case BC_TARS_U32:
        return *(const uint32_t *)at;
    default:
        return *(const int64_t *)at;
    }
}

static void value_put(const bc_tars_field_t *f, uint8_t kind, uint8_t tag, const void *at,
                      bc_wr_t *w)
{
    switch (kind) {
    case BC_TARS_STR:
        bc_tars_put_str(w, tag, *(const bc_bytes_t *)at);
        break;
    case BC_TARS_BYTES:
        bc_tars_put_bytes(w, tag, *(const bc_bytes_t *)at);
        break;
    case BC_TARS_STRUCT:
        head_put(w, T_BEGIN, tag);
        fields_put(f->sub, at, w);
        head_put(w, T_END, 0);
        break;
    case BC_TARS_LIST:
    case BC_TARS_MAP:
        list_put(f, tag, at, w);
        break;
    default:
        bc_tars_put_int(w, tag, int_load(kind, at));
    }
}

/* An optional field that equals its default is not written; an optional struct always is. */
static bool is_default(const bc_tars_field_t *f, const void *at)
{
    switch (f->kind) {
    case BC_TARS_STR:
        return bc_bytes_eq(*(const bc_bytes_t *)at, bc_cstr(f->def ? f->def : ""));
    case BC_TARS_BYTES:
        return ((const bc_bytes_t *)at)->n == 0;
    case BC_TARS_STRUCT:
        return false;
    case BC_TARS_LIST:
    case BC_TARS_MAP:
        return ((const bc_tars_list_t *)at)->n == 0;
    default:
        return int_load(f->kind, at) == 0;
    }
}

static void fields_put(const bc_tars_struct_t *d, const void *in, bc_wr_t *w)
{
    for (uint32_t i = 0; i < d->cnt; i++) {
        const bc_tars_field_t *f = &d->fields[i];
        const void *at = (const char *)in + f->off;
        if (f->require || !is_default(f, at))
            value_put(f, f->kind, f->tag, at, w);
    }
}

void bc_tars_encode(const bc_tars_struct_t *d, const void *in, bc_wr_t *w)
{
    fields_put(d, in, w);
}
