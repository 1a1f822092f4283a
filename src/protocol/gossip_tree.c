#include "protocol/gossip_tree.h"

/* Appends the children of index t, not beyond last, to the queue of indexes in out. */
static size_t children(size_t t, size_t width, size_t last, size_t *out, size_t end)
{
    for (size_t c = t * width + 1; c <= t * width + width && c <= last; c++)
        out[end++] = c;
    return end;
}

/* ---- transactions ---- */

/* out is a queue of indexes behind the positions that were chosen from it: each index comes up
 * once, so it never holds more than n. */
static size_t ring_children(size_t n, size_t t, size_t start, bc_tree_up_fn up, void *ctx,
                            size_t *out)
{
    size_t cnt = 0, end = children(t, BC_TREE_TXS_WIDTH, n - 1, out, 0);
    for (size_t i = 0; i < end; i++) {
        size_t index = out[i], position = (index + start) % n;
        if (up(ctx, position))
            out[cnt++] = position;
        else
            end = children(index, BC_TREE_TXS_WIDTH, n - 1, out, end);
    }
    return cnt;
}

size_t bc_tree_txs(size_t n, int64_t self, int64_t from, uint64_t draw, bc_tree_up_fn up, void *ctx,
                   size_t *out)
{
    if (!n || (self < 0 && from != BC_TREE_OWN))
        return 0; /* only sealers relay */
    if (self < 0) {
        /* one sealer is enough: coming from no sealer it begins there */
        for (size_t i = 0; i < n; i++) {
            out[0] = (size_t)((draw + i) % n);
            if (up(ctx, out[0]))
                return 1;
        }
        return 0;
    }
    size_t own = (size_t)self, start = from < 0 ? own : (size_t)from;
    return ring_children(n, (own + n - start) % n, start, up, ctx, out);
}

/* ---- heights ---- */

typedef struct {
    size_t n, self, width;
    const bool *sealer;
    size_t sealers, slot; /* members per range */
    bc_tree_up_fn up;
    void *ctx;
} group_t;

static size_t rank_of(const group_t *g, size_t position)
{
    size_t rank = 0;
    for (size_t i = 0; i < position; i++)
        rank += g->sealer[i];
    return rank;
}

static size_t sealer_at(const group_t *g, size_t rank)
{
    size_t i = 0;
    for (size_t left = rank + 1;; i++)
        if (g->sealer[i] && !--left)
            return i;
}

/* Members at and below index t of the range that begins at start; index 1 is its first member. */
static size_t range_children(const group_t *g, size_t start, size_t t, size_t *out, size_t cnt)
{
    size_t last = BC_MIN(g->slot, g->n - start);
    size_t end = children(t, g->width, last, out, cnt);
    for (size_t i = cnt; i < end; i++) {
        size_t index = out[i], position = start + index - 1;
        bool hands_down = g->up(g->ctx, position) && !g->sealer[position];
        if (!hands_down) /* sealers hear of it from each other */
            end = children(index, g->width, last, out, end);
        else
            out[cnt++] = position;
    }
    return cnt;
}

static size_t from_sealer(const group_t *g, size_t *out)
{
    size_t cnt = 0, own = rank_of(g, g->self);
    for (size_t i = 0; i < g->n; i++)
        if (i != g->self && g->sealer[i] && g->up(g->ctx, i))
            out[cnt++] = i;
    /* the own range, and those of sealers right before us that are away */
    for (size_t k = 0; k < g->sealers; k++) {
        size_t rank = (own + g->sealers - k) % g->sealers;
        if (k && g->up(g->ctx, sealer_at(g, rank)))
            break;
        if (rank * g->slot < g->n)
            cnt = range_children(g, rank * g->slot, 0, out, cnt);
    }
    return cnt;
}

static size_t from_member(const group_t *g, size_t *out)
{
    size_t range = g->self / g->slot, start = range * g->slot, index = g->self - start + 1;
    size_t cnt = 0;
    for (size_t t = (index - 1) / g->width; t && !cnt; t = (t - 1) / g->width)
        if (g->up(g->ctx, start + t - 1))
            out[cnt++] = start + t - 1;
    for (size_t k = 0; k < g->sealers && !cnt; k++) {
        size_t at = sealer_at(g, (range + k) % g->sealers);
        if (g->up(g->ctx, at))
            out[cnt++] = at;
    }
    return range_children(g, start, index, out, cnt);
}

size_t bc_tree_heights(size_t n, size_t self, const bool *sealer, size_t width, bc_tree_up_fn up,
                       void *ctx, size_t *out)
{
    group_t g = { .n = n, .self = self, .width = width, .sealer = sealer, .up = up, .ctx = ctx };
    g.sealers = rank_of(&g, n);
    if (!g.sealers || self >= n || !width)
        return 0;
    g.slot = (n + g.sealers - 1) / g.sealers;
    return sealer[self] ? from_sealer(&g, out) : from_member(&g, out);
}
