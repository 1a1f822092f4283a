/* Contract ABI driven by type text.
 *
 * The type text is parsed into a small pool of nodes; values are trees in an arena. Decoding
 * keeps the official reader's leniency to the letter (bcos-codec/abi/ContractABICodec.{h,cpp}):
 * offsets and lengths are 64-bit and wrap, a word is refused only when its last byte lies beyond
 * the input, and a range that then does not fit reads as zeros or as empty. */
#include "codec/abi.h"
#include "codec/hex.h"

typedef enum { K_UINT, K_INT, K_BOOL, K_ADDRESS, K_FIXED, K_BYTES, K_TUPLE, K_ARRAY, K_VECTOR } kind_t;

enum { NODES_MAX = 128, DEPTH_MAX = 12, WORD = 32 };

typedef struct {
    uint8_t kind;
    bool dynamic;
    uint16_t size;  /* UINT, INT: bits; FIXED: bytes; ARRAY: length; TUPLE: members */
    uint32_t words; /* of the head when static, else 1 */
    int16_t first;  /* TUPLE: first member; ARRAY, VECTOR: item */
    int16_t next;   /* next member of the same tuple */
} node_t;

typedef struct {
    const char *p;
    node_t nodes[NODES_MAX];
    int cnt;
    unsigned depth;
} types_t;

static int node_new(types_t *t, kind_t kind)
{
    if (t->cnt == NODES_MAX)
        return -1;
    t->nodes[t->cnt] = (node_t){ .kind = (uint8_t)kind, .words = 1, .first = -1, .next = -1 };
    return t->cnt++;
}

static unsigned number_parse(types_t *t, bool *any)
{
    unsigned v = 0;
    *any = false;
    for (; *t->p >= '0' && *t->p <= '9' && v < 10000; t->p++) {
        v = v * 10 + (unsigned)(*t->p - '0');
        *any = true;
    }
    return v;
}

static bool word_parse(types_t *t, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(t->p, word, n) != 0)
        return false;
    t->p += n;
    return true;
}

static int elementary_parse(types_t *t)
{
    static const struct {
        const char *word;
        kind_t kind;
    } names[] = { { "uint", K_UINT },       { "int", K_INT },     { "bool", K_BOOL },
                  { "address", K_ADDRESS }, { "bytes", K_BYTES }, { "string", K_BYTES } };
    for (size_t i = 0; i < BC_ARRAY_LEN(names); i++) {
        if (!word_parse(t, names[i].word))
            continue;
        int id = node_new(t, names[i].kind);
        if (id < 0)
            return -1;
        node_t *n = &t->nodes[id];
        bool any;
        unsigned size = number_parse(t, &any);
        if (n->kind <= K_INT) {
            n->size = any ? (uint16_t)size : 256;
            return n->size && n->size <= 256 && n->size % 8 == 0 ? id : -1;
        }
        if (any) { /* bytesN */
            if (n->kind != K_BYTES || names[i].word[0] != 'b' || size == 0 || size > WORD)
                return -1;
            n->kind = K_FIXED;
            n->size = (uint16_t)size;
        }
        n->dynamic = n->kind == K_BYTES;
        return id;
    }
    return -1;
}

static int type_parse(types_t *t);

static int tuple_parse(types_t *t)
{
    int id = node_new(t, K_TUPLE), last = -1;
    if (id < 0 || ++t->depth > DEPTH_MAX)
        return -1;
    uint32_t words = 0;
    if (*t->p == ')') {
        t->p++;
        t->depth--;
        t->nodes[id].words = 0;
        return id;
    }
    for (;;) {
        int m = type_parse(t);
        if (m < 0)
            return -1;
        if (last < 0)
            t->nodes[id].first = (int16_t)m;
        else
            t->nodes[last].next = (int16_t)m;
        last = m;
        t->nodes[id].size++;
        t->nodes[id].dynamic |= t->nodes[m].dynamic;
        words += t->nodes[m].words;
        if (*t->p == ',') {
            t->p++;
        } else if (*t->p == ')') {
            t->p++;
            break;
        } else {
            return -1;
        }
    }
    t->nodes[id].words = t->nodes[id].dynamic ? 1 : words;
    t->depth--;
    return id;
}

static int type_parse(types_t *t)
{
    int id;
    if (*t->p == '(') {
        t->p++;
        id = tuple_parse(t);
    } else {
        id = elementary_parse(t);
    }
    while (id >= 0 && *t->p == '[') {
        bool any;
        t->p++;
        unsigned len = number_parse(t, &any);
        if (*t->p++ != ']' || (any && (len == 0 || len > 1024)))
            return -1;
        int a = node_new(t, any ? K_ARRAY : K_VECTOR);
        if (a < 0)
            return -1;
        const node_t *item = &t->nodes[id];
        t->nodes[a].first = (int16_t)id;
        t->nodes[a].size = (uint16_t)len;
        t->nodes[a].dynamic = !any || item->dynamic;
        t->nodes[a].words = t->nodes[a].dynamic ? 1 : len * item->words;
        if (t->nodes[a].words > 4096)
            return -1;
        id = a;
    }
    return id;
}

/* The root, a tuple, or NULL when the text is not a tuple type. */
static const node_t *types_parse(types_t *t, const char *text)
{
    t->p = text;
    t->cnt = 0;
    t->depth = 0;
    int id = type_parse(t);
    return id >= 0 && *t->p == 0 && t->nodes[id].kind == K_TUPLE ? &t->nodes[id] : NULL;
}

/* --- decoding --- */

typedef struct {
    const types_t *t;
    bc_bytes_t in;
    bc_arena_t *a;
    size_t budget; /* array items that may still be made */
} dec_t;

static const uint8_t zeros[WORD];

static const node_t *at(const types_t *t, int id)
{
    return &t->nodes[id];
}

/* Memory for cnt values, all set to the type's default. */
static bc_err_t items_new(dec_t *d, const node_t *item, bool members, size_t cnt, bc_abi_val_t *out);

static bc_err_t default_set(dec_t *d, const node_t *n, bc_abi_val_t *out)
{
    *out = (bc_abi_val_t){ 0 };
    if (n->kind == K_FIXED)
        out->s = bc_bytes(zeros, n->size);
    if ((n->kind == K_TUPLE || n->kind == K_ARRAY) && n->size)
        return items_new(d, at(d->t, n->first), n->kind == K_TUPLE, n->size, out);
    return BC_OK;
}

static bc_err_t items_new(dec_t *d, const node_t *item, bool members, size_t cnt, bc_abi_val_t *out)
{
    bc_abi_val_t *v = bc_arena_alloc(d->a, cnt * sizeof *v);
    if (!v)
        return BC_E_NOMEM;
    for (size_t i = 0; i < cnt; i++) {
        bc_err_t err = default_set(d, item, &v[i]);
        if (err)
            return err;
        if (members && item->next >= 0)
            item = at(d->t, item->next);
    }
    out->items = v;
    out->cnt = cnt;
    return BC_OK;
}

/* The official reader's range: empty when it does not lie inside the input. */
static bc_bytes_t crop(const dec_t *d, uint64_t off, uint64_t n)
{
    if (off > d->in.n || n > d->in.n - off)
        return (bc_bytes_t){ 0 };
    return bc_bytes(d->in.p + off, (size_t)n);
}

static bc_err_t word_take(const dec_t *d, uint64_t off, bc_u256_t *out)
{
    if (off + (WORD - 1) >= d->in.n) /* may wrap, as theirs */
        return BC_E_FORMAT;
    *out = bc_u256_from_be(crop(d, off, WORD));
    return BC_OK;
}

static bc_err_t bytes_take(const dec_t *d, uint64_t off, bc_bytes_t *out)
{
    bc_u256_t n;
    bc_err_t err = word_take(d, off, &n);
    if (err)
        return err;
    if (off + WORD + n.w[0] - 1 >= d->in.n)
        return BC_E_FORMAT;
    *out = crop(d, off + WORD, n.w[0]);
    return BC_OK;
}

static bc_err_t value_take(dec_t *d, const node_t *n, uint64_t off, bc_abi_val_t *out);

/* Members of a tuple or items of an array whose heads start at off. */
static bc_err_t heads_take(dec_t *d, const node_t *item, bool members, uint64_t off,
                           bc_abi_val_t *out)
{
    uint64_t head = off;
    for (size_t i = 0; i < out->cnt; i++) {
        uint64_t where = head;
        if (item->dynamic) {
            bc_u256_t rel;
            bc_err_t err = word_take(d, head, &rel);
            if (err)
                return err;
            where = off + rel.w[0];
        }
        bc_err_t err = value_take(d, item, where, &out->items[i]);
        if (err)
            return err;
        head += (uint64_t)item->words * WORD;
        if (members && item->next >= 0)
            item = at(d->t, item->next);
    }
    return BC_OK;
}

static bc_err_t vector_take(dec_t *d, const node_t *n, uint64_t off, bc_abi_val_t *out)
{
    bc_u256_t cnt;
    bc_err_t err = word_take(d, off, &cnt);
    if (err || cnt.w[0] == 0)
        return err;
    /* the official node would reserve whatever the text asks for; ours stops at a budget */
    if (cnt.w[0] > d->budget)
        return BC_E_FORMAT;
    d->budget -= (size_t)cnt.w[0];
    const node_t *item = at(d->t, n->first);
    if ((err = items_new(d, item, false, (size_t)cnt.w[0], out)))
        return err;
    return heads_take(d, item, false, off + WORD, out);
}

static void truncate_to(bc_u256_t *v, unsigned bits)
{
    for (unsigned i = 0; i < 4; i++) {
        if (bits <= 64 * i)
            v->w[i] = 0;
        else if (bits < 64 * (i + 1))
            v->w[i] &= (1ull << (bits - 64 * i)) - 1;
    }
}

static bc_err_t value_take(dec_t *d, const node_t *n, uint64_t off, bc_abi_val_t *out)
{
    bc_err_t err = BC_OK;
    switch ((kind_t)n->kind) {
    case K_UINT:
        if (!(err = word_take(d, off, &out->n)))
            truncate_to(&out->n, n->size);
        return err;
    case K_INT:
        return word_take(d, off, &out->n);
    case K_BOOL:
        if (!(err = word_take(d, off, &out->n)))
            out->n = (bc_u256_t){ { (out->n.w[0] | out->n.w[1] | out->n.w[2] | out->n.w[3]) != 0 } };
        return err;
    case K_ADDRESS:
        if (!(err = word_take(d, off, &out->n)))
            out->n = bc_u256_from_be(crop(d, off + 12, 20));
        return err;
    case K_FIXED: {
        bc_u256_t unused;
        if (!(err = word_take(d, off, &unused)) && crop(d, off, WORD).n)
            out->s = crop(d, off, n->size);
        return err;
    }
    case K_BYTES:
        return bytes_take(d, off, &out->s);
    case K_TUPLE:
        return n->size ? heads_take(d, at(d->t, n->first), true, off, out) : BC_OK;
    case K_ARRAY:
        return heads_take(d, at(d->t, n->first), false, off, out);
    case K_VECTOR:
        return vector_take(d, n, off, out);
    }
    return BC_E_ARG;
}

bc_err_t bc_abi_decode(const char *type, bc_bytes_t in, bc_abi_val_t *out, bc_arena_t *a)
{
    types_t t;
    const node_t *root = types_parse(&t, type);
    *out = (bc_abi_val_t){ 0 };
    if (!root)
        return BC_E_ARG;
    dec_t d = { &t, in, a, BC_ABI_ITEMS_MAX };
    bc_err_t err = default_set(&d, root, out);
    return err ? err : value_take(&d, root, 0, out);
}

/* --- encoding --- */

static bc_err_t value_put(const types_t *t, const node_t *n, const bc_abi_val_t *v, bc_wr_t *w);

static void u64_word_store(uint8_t *p, uint64_t v)
{
    memset(p, 0, WORD - 8);
    bc_store_be64(p + WORD - 8, v);
}

static void word_put(bc_wr_t *w, uint64_t v)
{
    uint8_t *p = bc_wr_reserve(w, WORD);
    if (p)
        u64_word_store(p, v);
}

/* Bytes padded with zeros to whole words. */
static void padded_put(bc_wr_t *w, bc_bytes_t v)
{
    bc_wr_put(w, v);
    if (v.n % WORD)
        bc_wr_mem(w, zeros, WORD - v.n % WORD);
}

/* Heads of all members or items, then the dynamic ones' bodies, offsets counted from here. */
static bc_err_t heads_put(const types_t *t, const node_t *first, bool members,
                          const bc_abi_val_t *v, bc_wr_t *w)
{
    const size_t start = w->n;
    const node_t *item = first;
    bc_err_t err = BC_OK;
    for (size_t i = 0; i < v->cnt && !err; i++) {
        if (item->dynamic)
            word_put(w, 0);
        else
            err = value_put(t, item, &v->items[i], w);
        if (members && item->next >= 0)
            item = at(t, item->next);
    }
    size_t head = start;
    item = first;
    for (size_t i = 0; i < v->cnt && !err && !w->err; i++) {
        if (item->dynamic) {
            u64_word_store(w->p + head, w->n - start);
            err = value_put(t, item, &v->items[i], w);
        }
        head += (size_t)item->words * WORD;
        if (members && item->next >= 0)
            item = at(t, item->next);
    }
    return err;
}

static bc_err_t value_put(const types_t *t, const node_t *n, const bc_abi_val_t *v, bc_wr_t *w)
{
    uint8_t be[WORD];
    switch ((kind_t)n->kind) {
    case K_UINT:
    case K_INT:
    case K_BOOL:
    case K_ADDRESS:
        bc_u256_to_be(&v->n, be);
        bc_wr_mem(w, be, WORD);
        return BC_OK;
    case K_FIXED:
        if (v->s.n != n->size)
            return BC_E_ARG;
        padded_put(w, v->s);
        return BC_OK;
    case K_BYTES:
        word_put(w, v->s.n);
        padded_put(w, v->s);
        return BC_OK;
    case K_TUPLE:
    case K_ARRAY:
        if (v->cnt != n->size)
            return BC_E_ARG;
        return v->cnt ? heads_put(t, at(t, n->first), n->kind == K_TUPLE, v, w) : BC_OK;
    case K_VECTOR:
        word_put(w, v->cnt);
        return heads_put(t, at(t, n->first), false, v, w);
    }
    return BC_E_ARG;
}

bc_err_t bc_abi_encode(const char *type, const bc_abi_val_t *v, bc_wr_t *out)
{
    types_t t;
    const node_t *root = types_parse(&t, type);
    if (!root)
        return BC_E_ARG;
    bc_err_t err = value_put(&t, root, v, out);
    return err ? err : out->err;
}

/* --- value makers --- */

bc_abi_val_t bc_abi_u64(uint64_t v)
{
    return (bc_abi_val_t){ .n = { { v } } };
}

bc_abi_val_t bc_abi_i64(int64_t v)
{
    const uint64_t sign = v < 0 ? UINT64_MAX : 0;
    return (bc_abi_val_t){ .n = { { (uint64_t)v, sign, sign, sign } } };
}

bc_abi_val_t bc_abi_u256(const bc_u256_t *v)
{
    return (bc_abi_val_t){ .n = *v };
}

bc_abi_val_t bc_abi_bytes(bc_bytes_t v)
{
    return (bc_abi_val_t){ .s = v };
}

bc_abi_val_t bc_abi_addr(const bc_addr_t *v)
{
    return (bc_abi_val_t){ .n = bc_u256_from_be(BC_VIEW(*v)) };
}

bc_abi_val_t bc_abi_tuple(bc_abi_val_t *items, size_t cnt)
{
    return (bc_abi_val_t){ .items = items, .cnt = cnt };
}

void bc_abi_error(bool sm, bc_bytes_t text, bc_wr_t *out)
{
    /* first four bytes of Keccak-256 and of SM3 of "Error(string)" */
    bc_wr_mem(out, sm ? "\xc7\x03\xcb\x12" : "\x08\xc3\x79\xa0", 4);
    word_put(out, WORD);
    word_put(out, text.n);
    padded_put(out, text);
}
