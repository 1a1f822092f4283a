/* The nonces of the newest blocks, as 96-bit fingerprints: a million of them in 24 MB, whatever their
 * text. A false match needs two of them to collide under a key of this process: once in 10^22
 * transactions.
 *
 * One table, linear probing, slots in the order of their hashes. A block's nonces are not taken out
 * when it leaves the window: a slot says itself how old it is, and what is too old is left behind
 * when the table is rebuilt: when it is full to three quarters, and now and then, so that it
 * shrinks after a time of much load. */
#include <stdlib.h>
#include "scheduling/txpool/txpool_impl.h"

#define AGES UINT32_MAX /* block numbers are kept modulo this */
enum { SLOTS_MIN = 64 };

static uint32_t stamp(int64_t number)
{
    return (uint32_t)((uint64_t)number % AGES) + 1; /* 0 marks a free slot */
}

static bool within(const window_t *w, const window_slot_t *s, uint32_t blocks)
{
    return s->stamp && ((uint64_t)stamp(w->top) + AGES - s->stamp) % AGES < blocks;
}

static bool live(const window_t *w, const window_slot_t *s)
{
    return within(w, s, w->blocks);
}

static size_t home(size_t cap, uint64_t hash)
{
    return (size_t)((unsigned __int128)hash * cap >> 64);
}

/* The nonce's slot, or the free one where it would go. */
static window_slot_t *find(const window_t *w, uint64_t hi, uint32_t lo)
{
    size_t i = home(w->cap, hi);
    while (w->slots[i].stamp && (w->slots[i].hi != hi || w->slots[i].lo != lo))
        i = i + 1 == w->cap ? 0 : i + 1;
    return &w->slots[i];
}

static void fingerprint(bc_bytes_t nonce, uint64_t *hi, uint32_t *lo)
{
    uint64_t h[2];
    bc_siphash128(nonce, h);
    *hi = h[0];
    *lo = (uint32_t)h[1];
}

static void rebuild(window_t *w, size_t more)
{
    window_t old = *w;
    size_t cnt = more;
    for (size_t i = 0; i < old.cap; i++)
        cnt += live(w, &old.slots[i]);
    w->cap = BC_MAX(cnt + cnt / 2, (size_t)SLOTS_MIN);
    w->slots = bc_xcalloc(w->cap, sizeof w->slots[0]);
    w->used = 0;
    w->built = w->top;
    for (size_t i = 0; i < old.cap; i++) {
        if (!live(w, &old.slots[i]))
            continue;
        *find(w, old.slots[i].hi, old.slots[i].lo) = old.slots[i];
        w->used++;
    }
    free(old.slots);
}

void window_init(window_t *w, uint32_t blocks)
{
    *w = (window_t){ .blocks = blocks, .top = -1 };
}

void window_free(window_t *w)
{
    free(w->slots);
    w->slots = NULL;
    w->cap = w->used = 0;
}

bool window_has(const window_t *w, bc_bytes_t nonce, uint32_t blocks)
{
    uint64_t hi;
    uint32_t lo;
    if (!w->used)
        return false;
    fingerprint(nonce, &hi, &lo);
    return within(w, find(w, hi, lo), blocks);
}

void window_put(window_t *w, int64_t number, const bc_bytes_t *nonces, size_t cnt)
{
    w->top = BC_MAX(w->top, number);
    if (w->used + cnt > w->cap / 4 * 3 || number - w->built >= (int64_t)w->blocks)
        rebuild(w, cnt);
    for (size_t i = 0; i < cnt; i++) {
        uint64_t hi;
        uint32_t lo;
        fingerprint(nonces[i], &hi, &lo);
        window_slot_t *s = find(w, hi, lo);
        w->used += s->stamp == 0;
        *s = (window_slot_t){ hi, lo, stamp(number) };
    }
}
