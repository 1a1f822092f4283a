/* Blocks with a transaction that a block below them has, or excludes: they are void.
 *
 * Votes of different heights run side by side. A block for one height may be prepared by some, its view
 * ends, and a leader who knows nothing of it puts the same transactions into the block below. Each of
 * the two can be proposed again with a true proof, and both decided: the transactions would be executed
 * twice. Since a block is executed after the ones below it only, everybody sees by then which
 * transactions are taken, and gives the upper block up, bound to it or not (docs/notes/0021). The same
 * for two transactions with one nonce (docs/notes/0023). */
#include <stdlib.h>
#include "base/map.h"
#include "pbft_impl.h"

static int by_value(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(bc_h256_t));
}

void pbft_claims_free(pbft_claims_t *c)
{
    free(c->v);
    free(c->texts);
    *c = (pbft_claims_t){ 0 };
}

/* A nonce as the pool's window compares it: a fingerprint of its text. No hash begins like that. */
static bc_h256_t text_claim(const bc_tx_t *tx)
{
    bc_h256_t c = { { 0 } };
    uint64_t print[2];
    bc_siphash128(tx->w.data.nonce, print);
    memcpy(c.b + 16, print, sizeof print);
    return c;
}

/* The sender and its nonce. */
static bool account_claim(const bc_tx_t *tx, bc_h256_t *c)
{
    uint64_t nonce;
    if (!bc_tx_account_nonce(tx, &nonce))
        return false;
    memset(c->b, 0xff, 4);
    memcpy(c->b + 4, tx->sender.b, sizeof tx->sender.b);
    bc_store_be64(c->b + 24, nonce);
    return true;
}

static void claims_init(pbft_claims_t *c, size_t cnt)
{
    pbft_claims_free(c);
    c->v = bc_xcalloc(2 * cnt + 1, sizeof c->v[0]);
    c->n = cnt;
}

static void claims_sort(pbft_claims_t *c)
{
    qsort(c->v, c->n, sizeof c->v[0], by_value);
    for (size_t i = 1; i < c->n && !c->twins; i++)
        c->twins = bc_h256_eq(&c->v[i - 1], &c->v[i]);
}

static void claims_of_txs(pbft_claims_t *c, const bc_txs_t *txs)
{
    claims_init(c, txs->cnt);
    c->whole = true;
    for (size_t i = 0; i < txs->cnt; i++) {
        const bc_tx_t *tx = txs->v[i];
        c->v[i] = tx->hash;
        if (tx->w.type == 0) {
            c->v[c->n++] = text_claim(tx);
            continue;
        }
        c->n += account_claim(tx, &c->v[c->n]);
        if (!c->texts)
            c->texts = bc_xcalloc(txs->cnt, sizeof c->texts[0]);
        c->texts[c->text_cnt++] = text_claim(tx);
    }
    claims_sort(c);
    if (c->texts)
        qsort(c->texts, c->text_cnt, sizeof c->texts[0], by_value);
}

/* Made once, and once more when the transactions have come: a block is compared with several others. */
static const pbft_claims_t *claims_of(prop_t *q)
{
    pbft_claims_t *c = &q->claims;
    if (q->txs && !c->whole) {
        claims_of_txs(c, q->txs);
        q->clear_to = 0;
    } else if (!c->v && q->metas) {
        claims_init(c, q->metas->cnt);
        for (size_t i = 0; i < c->n; i++)
            c->v[i] = q->metas->v[i].hash;
        claims_sort(c);
    }
    return c;
}

static bool have_common(const bc_h256_t *a, size_t a_cnt, const bc_h256_t *b, size_t b_cnt)
{
    for (size_t i = 0, k = 0; i < a_cnt && k < b_cnt;) {
        int c = by_value(&a[i], &b[k]);
        if (!c)
            return true;
        if (c < 0)
            i++;
        else
            k++;
    }
    return false;
}

/* Whether a block with the claims of upper may not stand above one with those of lower. */
static bool meet(const pbft_claims_t *lower, const pbft_claims_t *upper)
{
    return have_common(lower->v, lower->n, upper->v, upper->n) ||
           have_common(lower->texts, lower->text_cnt, upper->v, upper->n);
}

bool prop_has_twins(prop_t *q)
{
    return claims_of(q)->twins;
}

bool prop_meets(prop_t *a, prop_t *b)
{
    if (a == b)
        return false;
    const pbft_claims_t *ca = claims_of(a), *cb = claims_of(b);
    return a->index < b->index ? meet(ca, cb) : meet(cb, ca);
}

void pbft_note_done(pbft_t *p, const bc_txs_t *txs)
{
    claims_of_txs(&p->done[p->done_at++ % PBFT_DONE_BLOCKS], txs);
}

/* Each block in the ledger is compared with q once: what q was found clear of is not looked at again. */
static bool taken_by_ledger(pbft_t *p, prop_t *q)
{
    const pbft_claims_t *c = claims_of(q);
    size_t from = p->done_at > PBFT_DONE_BLOCKS ? p->done_at - PBFT_DONE_BLOCKS : 0;
    for (q->clear_to = BC_MAX(q->clear_to, from); q->clear_to < p->done_at; q->clear_to++)
        if (meet(&p->done[q->clear_to % PBFT_DONE_BLOCKS], c))
            return true;
    return false;
}

bool prop_taken(pbft_t *p, prop_t *q)
{
    if (!q->metas)
        return false;
    if (prop_has_twins(q) || taken_by_ledger(p, q))
        return true;
    for (int64_t i = pbft_next(p); i < q->index && i <= p->slot_max; i++) {
        slot_t *s = pbft_slot(p, i);
        /* what came by log sync may turn out to be something else */
        if (s && s->dec && !s->synced && prop_meets(s->dec, q))
            return true;
    }
    return false;
}

void pbft_note_impossible(slot_t *s, const bc_h256_t *hash)
{
    s->impossible[s->impossible_cnt++ % PBFT_IMPOSSIBLE] = *hash;
}

bool pbft_impossible(pbft_t *p, int64_t index, const bc_h256_t *hash)
{
    const slot_t *s = pbft_slot(p, index);
    for (size_t i = 0; s && i < BC_MIN(s->impossible_cnt, (unsigned)PBFT_IMPOSSIBLE); i++)
        if (bc_h256_eq(&s->impossible[i], hash))
            return true;
    return false;
}

bool prop_void(pbft_t *p, prop_t *q)
{
    return pbft_impossible(p, q->index, &q->hash) ||
           (q->header &&
            ((q->index == pbft_next(p) && !prop_header_ok(p, q)) || prop_taken(p, q)));
}

void pbft_give_up(pbft_t *p, slot_t *s)
{
    prop_t **all[] = { &s->pre, &s->pc, &s->dec, &s->failed };
    const prop_t *bound = s->pc;
    for (size_t i = 0; i < BC_ARRAY_LEN(all); i++) /* what one copy shows holds for the others */
        if (*all[i] && prop_void(p, *all[i]) && !pbft_impossible(p, s->index, &(*all[i])->hash))
            pbft_note_impossible(s, &(*all[i])->hash);
    for (size_t i = 0; i < BC_ARRAY_LEN(all); i++) {
        if (!*all[i] || !pbft_impossible(p, s->index, &(*all[i])->hash))
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
            pbft_give_up(p, s);
    }
}
