/* Precommits, and what releases them (docs/notes/0017).
 *
 * Who has precommitted a block prepares no other one at that height, unless a quorum is shown to have
 * prepared it in a later view: the rule of locks in Tendermint (arXiv 1807.04938). The signatures over
 * a proposal's hash know no view, so a proof also carries those of the Prepare messages, which do.
 *
 * Why that is safe: had A been decided in view a, more than f honest weight is bound to it since a or
 * later. The first quorum for another block in a later view would need one of these, which would need to
 * have been shown an earlier one. No vote leaves in a view below one that was voted in.
 *
 * Why it is enough: what is shown is kept as if one had precommitted it oneself, and said in view changes.
 * So when messages arrive all learn of the newest precommit among them, and the next honest leader
 * proposes that. */
#include <stdlib.h>
#include "pbft_impl.h"

bool pbft_prepared_in(pbft_t *p, const pbft_proposal_t *w, int64_t view)
{
    pbft_base_t base = { .index = w->index, .view = view, .has_hash = true, .hash = w->hash };
    if (w->proof_cnt > p->node_cnt)
        return false;
    for (size_t i = 0; i < w->proof_cnt; i++) {
        bc_h256_t digest;
        base.from = w->proof[i].node;
        base.timestamp = w->proof[i].time;
        if (!w->proof[i].vote.n)
            return false;
        pbft_vote_digest(p->suite, &base, &digest);
        if (!pbft_verify(p, base.from, &digest, w->proof[i].vote))
            return false;
    }
    return pbft_proof_ok(p, w);
}

static int64_t bound_since(const slot_t *s)
{
    return s->pc ? s->pc_view : -1;
}

/* What of the slot's certificates speaks for this block, above the precommit and in a view that this node
 * has reached. */
static const cert_t *released_by(const pbft_t *p, const slot_t *s, const bc_h256_t *hash)
{
    const cert_t *all[] = { &s->newer, &s->named }, *best = NULL;
    for (size_t i = 0; i < BC_ARRAY_LEN(all); i++)
        if (all[i]->view > bound_since(s) && all[i]->view <= p->view && bc_h256_eq(&all[i]->hash, hash) &&
            (!best || all[i]->view > best->view))
            best = all[i];
    return best;
}

bool pbft_bound(const pbft_t *p, const slot_t *s, const bc_h256_t *hash)
{
    return s->pc && !prop_is(s->pc, hash) && !released_by(p, s, hash);
}

bool pbft_precommitted_here(const pbft_t *p, const slot_t *s)
{
    return s->pc && s->pc_view == p->view && s->pre_view == p->view && prop_is(s->pre, &s->pc->hash);
}

static int by_index(const void *a, const void *b)
{
    const vote_t *x = a, *y = b;
    return (x->idx > y->idx) - (x->idx < y->idx);
}

void pbft_bind(pbft_t *p, slot_t *s, prop_t *q, int64_t view, const votes_t *votes)
{
    prop_t *old = s->pc;
    q->prepared = true;
    s->pc = prop_ref(q);
    s->pc_view = view;
    votes_copy(&s->proof, votes);
    votes_keep(&s->proof, &q->hash, view);
    qsort(s->proof.v, s->proof.cnt, sizeof s->proof.v[0], by_index);
    if (old && !prop_is(q, &old->hash) && !prop_is(s->pre, &old->hash))
        pbft_unseal(p, old);
    prop_unref(old);
    pbft_store_precommit(p, s);
}

void pbft_adopt(pbft_t *p, slot_t *s, prop_t *q)
{
    const cert_t *cert = q && q->data ? released_by(p, s, &q->hash) : NULL;
    if (!cert || (s->dec && !prop_is(s->dec, &q->hash)) || prop_void(p, q))
        return;
    BC_INFO(PBFT_BADGES, "prepared by a quorum,index=%ld,hash=%s,view=%ld,former=%ld", (long)s->index,
            BC_SHORT(q->hash), (long)cert->view, (long)bound_since(s));
    pbft_bind(p, s, q, cert->view, &cert->proof);
    prop_unref(s->newer_block);
    s->newer_block = NULL;
    pbft_verify_bound(p, s);
}

/* ---- learning ---- */

static void cert_set(cert_t *c, const pbft_msg_t *vote)
{
    c->view = vote->base.view;
    c->hash = vote->proposal.hash;
    votes_from_wire(&c->proof, &vote->proposal, vote->base.view);
}

/* Worth a look: it could replace what is precommitted there, and what else is known. */
static bool is_news(pbft_t *p, const slot_t *s, const pbft_msg_t *vote)
{
    int64_t view = vote->base.view;
    return view >= 0 && !pbft_impossible(p, vote->proposal.index, &vote->proposal.hash) &&
           (!s || ((!s->dec || prop_is(s->dec, &vote->proposal.hash)) &&
                   view > bound_since(s) && view > s->newer.view));
}

/* Without the block it would bind to what perhaps nobody shows. */
void pbft_learn_block(pbft_t *p, const pbft_msg_t *vote, prop_t *q)
{
    slot_t *s = pbft_slot(p, q->index);
    if (!is_news(p, s, vote) || !pbft_prepared_in(p, &vote->proposal, vote->base.view) ||
        !(s = pbft_slot_make(p, q->index)))
        return;
    cert_set(&s->newer, vote);
    prop_ref(q);
    prop_unref(s->newer_block);
    s->newer_block = q;
    pbft_adopt(p, s, q);
}

/* Of the next height, as honest nodes show no others: what a bad one can make us verify stays small. */
static const pbft_msg_t *of_next(const pbft_t *p, const pbft_msg_t *vc)
{
    for (size_t i = 0; i < vc->vote_cnt; i++)
        if (vc->votes[i].proposal.index == pbft_next(p))
            return &vc->votes[i];
    return NULL;
}

void pbft_learn(pbft_t *p, const pbft_msg_t *vc)
{
    const pbft_msg_t *vote = of_next(p, vc);
    if (!vote || vc->base.from == p->self || !is_news(p, pbft_slot(p, pbft_next(p)), vote))
        return;
    prop_t *q = pbft_local(p, pbft_next(p), &vote->proposal.hash);
    if (q)
        pbft_learn_block(p, vote, q);
    else if (pbft_fetches_newer(p, &vote->proposal) || /* looked at then */
             pbft_prepared_in(p, &vote->proposal, vote->base.view))
        pbft_fetch_newer(p, (size_t)vc->base.from, &vote->proposal);
}

void pbft_learn_named(pbft_t *p, const pbft_msg_t *nv)
{
    const pbft_msg_t *entry = of_next(p, nv);
    slot_t *s = entry ? pbft_slot_make(p, pbft_next(p)) : NULL;
    if (!s)
        return;
    s->named.view = -1;
    for (size_t i = 0; i < nv->vc_cnt; i++) {
        const pbft_msg_t *vote = of_next(p, &nv->vcs[i]);
        if (vote && bc_h256_eq(&vote->proposal.hash, &entry->proposal.hash) &&
            vote->base.view > s->named.view && vote->base.view > bound_since(s) &&
            pbft_prepared_in(p, &vote->proposal, vote->base.view))
            cert_set(&s->named, vote);
    }
}
