#include <pthread.h>
#include <stdlib.h>
#include "base/map.h"
#include "computing/evm/evm_frame.h"
#include "computing/evm/evm_opcodes.h"

/* ---- analysis ---- */

static void mark_jumpdests(bc_evm_code_t *c)
{
    for (size_t i = 0; i < c->n; i++) {
        uint8_t op = c->code[i];
        if (op == 0x5b)
            c->jumps[i / 64] |= 1ull << (i % 64);
        else if (op >= 0x60 && op <= 0x7f)
            i += (size_t)op - 0x5f;
    }
}

static bool is_destination(const bc_evm_code_t *c, const uint8_t *p)
{
    size_t to = (size_t)p[0] << 8 | p[1];
    return to < c->n && (c->jumps[to / 64] >> (to % 64) & 1);
}

/* The fused sequence that begins at p and its length in *n; or FUSED_NONE for an undefined byte, or
 * the byte itself. No sequence has an instruction that some revision lacks: analysed code is for
 * all of them. The padding ends every sequence. */
static uint8_t fused_at(const bc_evm_code_t *c, const uint8_t *p, size_t *n)
{
    *n = 2;
    switch (p[0]) {
    case 0x61: /* PUSH2 */
        *n = 4;
        if ((p[3] == 0x56 || p[3] == 0x57) && is_destination(c, p + 1))
            return p[3] == 0x56 ? FUSED_PUSH2_JUMP : FUSED_PUSH2_JUMPI;
        break;
    case 0x15: /* ISZERO */
        *n = 5;
        if (p[1] == 0x61 && p[4] == 0x57 && is_destination(c, p + 2))
            return FUSED_ISZERO_PUSH2_JUMPI;
        break;
    case 0x50: /* POP */
        if (p[1] == 0x50 || p[1] == 0x56)
            return p[1] == 0x50 ? FUSED_POP_POP : FUSED_POP_JUMP;
        break;
    case 0x90: /* SWAP1, SWAP2 */
    case 0x91:
        if (p[1] == 0x50)
            return p[0] == 0x90 ? FUSED_SWAP1_POP : FUSED_SWAP2_POP;
        break;
    case 0x92: /* SWAP3 */
        *n = 5;
        if (p[1] == 0x91 && p[2] == 0x50 && p[3] == 0x50 && p[4] == 0x56)
            return FUSED_SWAP3_SWAP2_POP_POP_JUMP;
        break;
    case 0x60: /* PUSH1 */
        *n = 3;
        if (p[2] == 0x01 || p[2] == 0x51)
            return p[2] == 0x01 ? FUSED_PUSH1_ADD : FUSED_PUSH1_MLOAD;
        break;
    case 0x81: /* DUP2 */
        if (p[1] == 0x52)
            return FUSED_DUP2_MSTORE;
        if (p[1] == 0x01 || p[1] == 0x03)
            return p[1] == 0x01 ? FUSED_DUP2_ADD : FUSED_DUP2_SUB;
        if (p[1] == 0x10 || p[1] == 0x11)
            return p[1] == 0x10 ? FUSED_DUP2_LT : FUSED_DUP2_GT;
        break;
    case 0x82: /* DUP3 */
        if (p[1] == 0x01 || p[1] == 0x02)
            return p[1] == 0x01 ? FUSED_DUP3_ADD : FUSED_DUP3_MUL;
        if (p[1] == 0x10 || p[1] == 0x11)
            return p[1] == 0x10 ? FUSED_DUP3_LT : FUSED_DUP3_GT;
        break;
    case 0x10: /* LT, GT */
    case 0x11:
        if (p[1] == 0x15)
            return p[0] == 0x10 ? FUSED_LT_ISZERO : FUSED_GT_ISZERO;
        break;
    case 0x0c ... 0x0f: /* what the dispatch loop of every revision has as undefined */
    case 0x1e ... 0x1f:
    case 0x21 ... 0x2f:
    case 0x4b ... 0x4f:
    case 0xa5 ... 0xef:
    case 0xf6 ... 0xf9:
    case 0xfb ... 0xfc:
        *n = 1;
        return FUSED_NONE;
    }
    *n = p[0] >= 0x60 && p[0] <= 0x7f ? (size_t)p[0] - 0x5e : 1;
    return p[0];
}

static void fuse(bc_evm_code_t *c)
{
    size_t n;
    for (size_t i = 0; i < c->n; i += n)
        c->code[i] = fused_at(c, c->code + i, &n);
}

bc_evm_code_t *bc_evm_code_new(bc_bytes_t code, bc_evm_rev_t rev)
{
    (void)rev; /* jump destinations and fused sequences are the same in every revision */
    if (code.n > EVM_CODE_MAX)
        return NULL;
    size_t words = code.n / 64 + 1;
    size_t size = sizeof(bc_evm_code_t) + words * 8 + code.n + EVM_CODE_PAD + code.n;
    bc_evm_code_t *c = calloc(1, size);
    if (!c)
        return NULL;
    atomic_init(&c->refs, 1);
    c->n = code.n;
    c->size = size;
    c->code = (uint8_t *)(c->jumps + words);
    c->bytes = c->code + code.n + EVM_CODE_PAD;
    if (code.n) {
        memcpy(c->code, code.p, code.n);
        memcpy(c->bytes, code.p, code.n);
    }
    mark_jumpdests(c);
    fuse(c);
    return c;
}

bc_evm_code_t *bc_evm_code_ref(bc_evm_code_t *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void bc_evm_code_unref(bc_evm_code_t *c)
{
    if (c && atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1)
        free(c);
}

bc_bytes_t bc_evm_code_bytes(const bc_evm_code_t *c)
{
    return (bc_bytes_t){ c->bytes, c->n };
}

/* ---- cache ---- */

typedef struct entry entry_t;
struct entry {
    bc_h256_t hash;
    bc_evm_code_t *code;
    entry_t *prev, *next; /* ring: head.next is the most recent */
};

struct bc_evm_cache {
    pthread_mutex_t lock;
    bc_map_t map;
    entry_t head;
    size_t bytes, bytes_max;
};

static bc_bytes_t entry_key(const void *item)
{
    return BC_VIEW(((const entry_t *)item)->hash);
}

static size_t entry_size(const entry_t *e)
{
    return e->code->size + sizeof *e + 2 * sizeof(bc_map_slot_t);
}

static void ring_remove(entry_t *e)
{
    e->prev->next = e->next;
    e->next->prev = e->prev;
}

static void ring_push(bc_evm_cache_t *c, entry_t *e)
{
    e->prev = &c->head;
    e->next = c->head.next;
    e->next->prev = e;
    c->head.next = e;
}

bc_evm_cache_t *bc_evm_cache_new(size_t bytes_max)
{
    bc_evm_cache_t *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    pthread_mutex_init(&c->lock, NULL);
    bc_map_init(&c->map, entry_key);
    c->head.prev = c->head.next = &c->head;
    c->bytes_max = bytes_max;
    return c;
}

static void drop(bc_evm_cache_t *c, entry_t *e)
{
    ring_remove(e);
    bc_map_remove(&c->map, entry_key(e));
    c->bytes -= entry_size(e);
    bc_evm_code_unref(e->code);
    free(e);
}

void bc_evm_cache_free(bc_evm_cache_t *c)
{
    if (!c)
        return;
    while (c->head.next != &c->head)
        drop(c, c->head.next);
    bc_map_free(&c->map);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

bc_evm_code_t *bc_evm_cache_get(bc_evm_cache_t *c, const bc_h256_t *hash)
{
    bc_evm_code_t *code = NULL;
    pthread_mutex_lock(&c->lock);
    entry_t *e = bc_map_find(&c->map, BC_VIEW(*hash));
    if (e) {
        ring_remove(e);
        ring_push(c, e);
        code = bc_evm_code_ref(e->code);
    }
    pthread_mutex_unlock(&c->lock);
    return code;
}

void bc_evm_cache_put(bc_evm_cache_t *c, const bc_h256_t *hash, bc_evm_code_t *code)
{
    entry_t *e = calloc(1, sizeof *e);
    if (!e)
        return; /* a cache may forget */
    e->hash = *hash;
    e->code = code;
    if (entry_size(e) > c->bytes_max) {
        free(e);
        return;
    }
    pthread_mutex_lock(&c->lock);
    if (bc_map_insert(&c->map, e) != BC_OK) { /* another thread was first */
        pthread_mutex_unlock(&c->lock);
        free(e);
        return;
    }
    bc_evm_code_ref(code);
    ring_push(c, e);
    c->bytes += entry_size(e);
    while (c->bytes > c->bytes_max)
        drop(c, c->head.prev);
    pthread_mutex_unlock(&c->lock);
}
