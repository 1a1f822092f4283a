#include "base/map.h"
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

static uint64_t sip_k0, sip_k1;
static pthread_once_t sip_once = PTHREAD_ONCE_INIT;

static void sip_seed(void)
{
    uint64_t k[2] = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
    ssize_t n = getrandom(k, sizeof k, 0);
    (void)n; /* a fixed key is weaker, not wrong */
    sip_k0 = k[0];
    sip_k1 = k[1];
}

static inline uint64_t rotl(uint64_t v, int n)
{
    return v << n | v >> (64 - n);
}

#define SIP_ROUND                                                                                  \
    do {                                                                                           \
        v0 += v1;                                                                                  \
        v1 = rotl(v1, 13) ^ v0;                                                                    \
        v0 = rotl(v0, 32);                                                                         \
        v2 += v3;                                                                                  \
        v3 = rotl(v3, 16) ^ v2;                                                                    \
        v0 += v3;                                                                                  \
        v3 = rotl(v3, 21) ^ v0;                                                                    \
        v2 += v1;                                                                                  \
        v1 = rotl(v1, 17) ^ v2;                                                                    \
        v2 = rotl(v2, 32);                                                                         \
    } while (0)

/* SipHash-1-3, Aumasson and Bernstein 2012: all rounds over the message. wide is 0xee for the variant
 * with 128 bits of output. */
static inline void sip_absorb(bc_bytes_t in, uint64_t wide, uint64_t v[4])
{
    pthread_once(&sip_once, sip_seed);
    uint64_t v0 = sip_k0 ^ 0x736f6d6570736575, v1 = sip_k1 ^ 0x646f72616e646f6d ^ wide;
    uint64_t v2 = sip_k0 ^ 0x6c7967656e657261, v3 = sip_k1 ^ 0x7465646279746573;
    size_t i = 0;
    for (; i + 8 <= in.n; i += 8) {
        uint64_t m;
        memcpy(&m, in.p + i, 8);
        v3 ^= m;
        SIP_ROUND;
        v0 ^= m;
    }
    uint64_t m = (uint64_t)in.n << 56;
    if (in.n > i)
        memcpy(&m, in.p + i, in.n - i);
    v3 ^= m;
    SIP_ROUND;
    v0 ^= m;
    v[0] = v0;
    v[1] = v1;
    v[2] = v2;
    v[3] = v3;
}

static inline uint64_t sip_finish(uint64_t v[4])
{
    uint64_t v0 = v[0], v1 = v[1], v2 = v[2], v3 = v[3];
    SIP_ROUND;
    SIP_ROUND;
    SIP_ROUND;
    v[0] = v0;
    v[1] = v1;
    v[2] = v2;
    v[3] = v3;
    return v0 ^ v1 ^ v2 ^ v3;
}

uint64_t bc_siphash(bc_bytes_t in)
{
    uint64_t v[4];
    sip_absorb(in, 0, v);
    v[2] ^= 0xff;
    return sip_finish(v);
}

void bc_siphash128(bc_bytes_t in, uint64_t out[2])
{
    uint64_t v[4];
    sip_absorb(in, 0xee, v);
    v[2] ^= 0xee;
    out[0] = sip_finish(v);
    v[1] ^= 0xdd;
    out[1] = sip_finish(v);
}

static uint64_t slot_hash(bc_bytes_t key)
{
    uint64_t h = bc_siphash(key);
    return h ? h : 1; /* 0 marks a free slot */
}

void bc_map_init(bc_map_t *m, bc_map_key_fn key)
{
    *m = (bc_map_t){ .key = key };
}

void bc_map_free(bc_map_t *m)
{
    free(m->slots);
    m->slots = NULL;
    m->cap = m->cnt = 0;
}

/* The slot of key, or the free slot where it would go. cap > 0 and one slot is free. */
static size_t probe(const bc_map_t *m, uint64_t hash, bc_bytes_t key)
{
    size_t mask = m->cap - 1, i = (size_t)hash & mask;
    while (m->slots[i].hash) {
        if (m->slots[i].hash == hash && bc_bytes_eq(m->key(m->slots[i].item), key))
            break;
        i = (i + 1) & mask;
    }
    return i;
}

void *bc_map_find(const bc_map_t *m, bc_bytes_t key)
{
    if (!m->cnt)
        return NULL;
    size_t i = probe(m, slot_hash(key), key);
    return m->slots[i].hash ? m->slots[i].item : NULL;
}

static bc_err_t grow(bc_map_t *m)
{
    size_t cap = m->cap ? m->cap * 2 : 16;
    bc_map_slot_t *slots = calloc(cap, sizeof *slots);
    if (!slots)
        return BC_E_NOMEM;
    for (size_t i = 0; i < m->cap; i++) {
        if (!m->slots[i].hash)
            continue;
        size_t j = (size_t)m->slots[i].hash & (cap - 1);
        while (slots[j].hash)
            j = (j + 1) & (cap - 1);
        slots[j] = m->slots[i];
    }
    free(m->slots);
    m->slots = slots;
    m->cap = cap;
    return BC_OK;
}

bc_err_t bc_map_insert(bc_map_t *m, void *item)
{
    if (m->cnt + 1 > m->cap / 4 * 3) {
        bc_err_t err = grow(m);
        if (err)
            return err;
    }
    bc_bytes_t key = m->key(item);
    uint64_t hash = slot_hash(key);
    size_t i = probe(m, hash, key);
    if (m->slots[i].hash)
        return BC_E_EXISTS;
    m->slots[i] = (bc_map_slot_t){ hash, item };
    m->cnt++;
    return BC_OK;
}

void *bc_map_remove(bc_map_t *m, bc_bytes_t key)
{
    if (!m->cnt)
        return NULL;
    size_t i = probe(m, slot_hash(key), key);
    if (!m->slots[i].hash)
        return NULL;
    void *item = m->slots[i].item;
    size_t mask = m->cap - 1;
    /* backward shift keeps every later item reachable from its home slot */
    for (size_t j = (i + 1) & mask; m->slots[j].hash; j = (j + 1) & mask) {
        size_t home = (size_t)m->slots[j].hash & mask;
        if (((j - home) & mask) >= ((j - i) & mask)) {
            m->slots[i] = m->slots[j];
            i = j;
        }
    }
    m->slots[i] = (bc_map_slot_t){ 0 };
    m->cnt--;
    return item;
}

void bc_map_clear(bc_map_t *m)
{
    if (m->cap)
        memset(m->slots, 0, m->cap * sizeof *m->slots);
    m->cnt = 0;
}

void *bc_map_next(const bc_map_t *m, size_t *i)
{
    while (*i < m->cap) {
        bc_map_slot_t *s = &m->slots[(*i)++];
        if (s->hash)
            return s->item;
    }
    return NULL;
}
