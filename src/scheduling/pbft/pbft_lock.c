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

bool pbft_bound(const pbft_t *p, const slot_t *s, const bc_h256_t *hash)
{
    if (!s->pc || bc_h256_eq(&s->pc->hash, hash))
        return false;
    return s->newer_view <= s->pc_view || s->newer_view > p->view || !bc_h256_eq(&s->newer_hash, hash);
}

bool pbft_precommitted_here(const pbft_t *p, const slot_t *s)
{
    return s->pc && s->pc_view == p->view && s->pre && s->pre_view == p->view &&
           bc_h256_eq(&s->pc->hash, &s->pre->hash);
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
    if (old && !bc_h256_eq(&old->hash, &q->hash) &&
        !(s->pre && bc_h256_eq(&s->pre->hash, &old->hash)))
        pbft_unseal(p, old);
    prop_unref(old);
    pbft_store_precommit(p, s);
}

void pbft_adopt(pbft_t *p, slot_t *s, prop_t *q)
{
    if (!q || !q->data || (s->dec && !bc_h256_eq(&s->dec->hash, &q->hash)) ||
        s->newer_view <= bound_since(s) || s->newer_view > p->view ||
        !bc_h256_eq(&s->newer_hash, &q->hash) || prop_void(p, q))
        return;
    BC_INFO(PBFT_BADGES, "prepared by a quorum,index=%ld,hash=%s,view=%ld,former=%ld", (long)s->index,
            BC_SHORT(q->hash), (long)s->newer_view, (long)bound_since(s));
    pbft_bind(p, s, q, s->newer_view, &s->newer_proof);
    prop_unref(s->newer);
    s->newer = NULL;
    pbft_verify_bound(p, s);
}

/* A proof that is shown. from: who can be asked for the block; -1: not now. */
static void learn(pbft_t *p, const pbft_msg_t *vote, int64_t from)
{
    const pbft_proposal_t *w = &vote->proposal;
    int64_t view = vote->base.view;
    slot_t *s = pbft_slot(p, w->index);
    if (view < 0 || (s && (s->dec || view <= bound_since(s) || view < s->newer_view)))
        return;
    bool known = s && view == s->newer_view && bc_h256_eq(&s->newer_hash, &w->hash);
    if (!known && (pbft_impossible(p, w->index, &w->hash) || !pbft_prepared_in(p, w, view) ||
                   !(s = pbft_slot_make(p, w->index))))
        return;
    if (!known) {
        prop_unref(s->newer);
        s->newer = NULL;
        s->newer_view = view;
        s->newer_hash = w->hash;
        votes_from_wire(&s->newer_proof, w, view);
    }
    prop_t *q = pbft_local(p, w->index, &w->hash);
    if (q)
        pbft_adopt(p, s, q);
    else if (from >= 0 && from != p->self)
        pbft_fetch_newer(p, (size_t)from, w);
}

void pbft_take_newer(pbft_t *p, prop_t *q)
{
    slot_t *s = pbft_slot(p, q->index);
    if (!s || !bc_h256_eq(&s->newer_hash, &q->hash) || pbft_local(p, q->index, &q->hash))
        return;
    s->newer = prop_ref(q);
    pbft_adopt(p, s, q);
}

/* Of the next height, as honest nodes show no others: what a bad one can make us verify stays small. */
void pbft_learn(pbft_t *p, const pbft_msg_t *vc, bool ask)
{
    for (size_t i = 0; i < vc->vote_cnt; i++) {
        if (vc->votes[i].proposal.index == pbft_next(p)) {
            learn(p, &vc->votes[i], ask ? vc->base.from : -1);
            return;
        }
    }
}
