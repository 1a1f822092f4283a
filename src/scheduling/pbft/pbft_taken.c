/* Blocks that name a transaction which a block below them has: they are void.
 *
 * Votes of different heights run side by side. A block for one height may be prepared by some, its view
 * ends, and a leader who knows nothing of it puts the same transactions into the block below. Each of
 * the two can be proposed again with a true proof, and both decided: the transactions would be executed
 * twice. Since a block is executed after the ones below it only, everybody sees by then which
 * transactions are taken, and gives the upper block up, bound to it or not (docs/notes/0021). */
#include <stdlib.h>
#include "base/log.h"
#include "scheduling/pbft/pbft_impl.h"

static int by_hash(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(bc_h256_t));
}

void pbft_hashes_free(pbft_hashes_t *h)
{
    free(h->v);
    *h = (pbft_hashes_t){ 0 };
}

static void hashes_init(pbft_hashes_t *h, size_t n)
{
    h->v = bc_xcalloc(n + 1, sizeof h->v[0]);
    h->n = n;
}

static void hashes_sort(pbft_hashes_t *h)
{
    qsort(h->v, h->n, sizeof h->v[0], by_hash);
}

/* Sorted once: a block is compared with several others. */
static const pbft_hashes_t *hashes_of(prop_t *q)
{
    if (!q->hashes.v && q->metas) {
        hashes_init(&q->hashes, q->metas->cnt);
        for (size_t i = 0; i < q->hashes.n; i++)
            q->hashes.v[i] = q->metas->v[i].hash;
        hashes_sort(&q->hashes);
    }
    return &q->hashes;
}

static bool meet(const pbft_hashes_t *a, const pbft_hashes_t *b)
{
    for (size_t i = 0, k = 0; i < a->n && k < b->n;) {
        int c = by_hash(&a->v[i], &b->v[k]);
        if (!c)
            return true;
        if (c < 0)
            i++;
        else
            k++;
    }
    return false;
}

bool prop_meets(prop_t *a, prop_t *b)
{
    return a != b && meet(hashes_of(a), hashes_of(b));
}

void pbft_note_done(pbft_t *p, const bc_txs_t *txs)
{
    pbft_hashes_t *h = &p->done[p->done_at++ % PBFT_DONE_BLOCKS];
    pbft_hashes_free(h);
    hashes_init(h, txs->cnt);
    for (size_t i = 0; i < h->n; i++)
        h->v[i] = txs->v[i]->hash;
    hashes_sort(h);
}

/* Each block in the ledger is compared with q once: what q was found clear of is not looked at again. */
static bool taken_by_ledger(pbft_t *p, prop_t *q)
{
    size_t from = p->done_at > PBFT_DONE_BLOCKS ? p->done_at - PBFT_DONE_BLOCKS : 0;
    for (q->clear_to = BC_MAX(q->clear_to, from); q->clear_to < p->done_at; q->clear_to++)
        if (meet(&p->done[q->clear_to % PBFT_DONE_BLOCKS], hashes_of(q)))
            return true;
    return false;
}

bool prop_taken(pbft_t *p, prop_t *q)
{
    if (!q->metas)
        return false;
    if (taken_by_ledger(p, q))
        return true;
    for (int64_t i = pbft_next(p); i < q->index && i <= p->slot_max; i++) {
        slot_t *s = pbft_slot(p, i);
        if (s && s->dec && prop_meets(s->dec, q))
            return true;
    }
    return false;
}

bool prop_void(pbft_t *p, prop_t *q)
{
    return q->header &&
           ((q->index == pbft_next(p) && !prop_header_ok(p, q)) || prop_taken(p, q));
}

static void give_up(pbft_t *p, slot_t *s)
{
    prop_t **all[] = { &s->pre, &s->pc, &s->dec, &s->failed };
    const prop_t *bound = s->pc;
    for (size_t i = 0; i < BC_ARRAY_LEN(all); i++) {
        if (!*all[i] || !prop_void(p, *all[i]))
            continue;
        if (all[i] == &s->dec)
            pbft_reset_executed(p, s->index);
        BC_WARN(PBFT_BADGES, "block that has become void is given up,index=%ld,hash=%s",
                (long)s->index, BC_SHORT((*all[i])->hash));
        pbft_unseal(p, *all[i]);
        prop_unref(*all[i]);
        *all[i] = NULL;
    }
    if (bound && !s->pc) {
        s->proof.cnt = 0;
        pbft_store_unbind(p, s->index);
    }
    if (!s->dec)
        s->synced = false;
    for (verify_t *v = p->verifies; v; v = v->next)
        if (v->token == s->verify && prop_void(p, v->prop)) {
            s->verify = 0;
            break;
        }
}

void pbft_give_up_void(pbft_t *p)
{
    for (int64_t i = pbft_next(p); i <= p->slot_max; i++) {
        slot_t *s = pbft_slot(p, i);
        if (s)
            give_up(p, s);
    }
}
