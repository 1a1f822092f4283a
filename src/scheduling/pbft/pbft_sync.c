/* Log sync: proposals that we lack, from peers (spec/30 §3.7, §3.8). */
#include <stdlib.h>
#include "pbft_impl.h"
#include "protocol/status.h"

#define ASKS_MAX 256

static bool ask_peer(pbft_t *p, const bc_nodeid_t *to, const pbft_msg_t *m, const ask_t *what)
{
    bc_buf_t *b = p->ask_cnt < ASKS_MAX ? pbft_encode(m) : NULL;
    if (!b)
        return false;
    ask_t *a = bc_xcalloc(1, sizeof *a);
    *a = *what;
    a->token = ++p->token;
    a->next = p->asks;
    p->asks = a;
    p->ask_cnt++;
    bc_msg_t *o = bc_out_msg(p->out, BC_ACTOR_FRONT, BC_MSG_REQUEST);
    o->module = BC_MODULE_PBFT;
    o->node = *to;
    o->data = b;
    o->token = a->token;
    o->number2 = bc_pbft_timeout_ms(PBFT_REQUEST_MS, p->cycle + BC_MIN(what->tries, 4u));
    return true;
}

/* After checkpoints of a height that we have not ordered (spec/30 §3.8). Official nodes ask after
 * a single one when timed out; we want to know that somebody honest has executed it. */
void pbft_maybe_fetch(pbft_t *p, slot_t *s, const bc_nodeid_t *node, const bc_h256_t *check_hash)
{
    if (s->dec || s->exec || s->fetching || s->index > p->committed + p->pipeline ||
        s->index <= p->sync_highest)
        return;
    if ((s->pc && !p->timeout) || votes_weight(p, &s->checks, check_hash, -1) < p->faulty + 1)
        return;
    s->fetching = true;
    pbft_msg_t m = { .type = PBFT_COMMITTED_REQUEST, .has_base = true, .size = 1 };
    m.base.index = s->index;
    ask_peer(p, node, &m, &(ask_t){ .index = s->index });
}

static bool ask_prepared(pbft_t *p, const ask_t *what)
{
    pbft_msg_t m = { .type = PBFT_PREPARED_REQUEST, .has_base = true };
    m.base.index = what->index;
    m.base.has_hash = true;
    m.base.hash = what->hash;
    return ask_peer(p, &p->ids[what->to], &m, what);
}

void pbft_fetch_prepared(pbft_t *p, size_t from, const pbft_proposal_t *w, int64_t view)
{
    ask_prepared(p, &(ask_t){ .prepared = true, .index = w->index, .view = view, .hash = w->hash,
                              .system = w->system, .to = from });
}

static bool ask_once(pbft_t *p, const ask_t *what)
{
    for (const ask_t *a = p->asks; a; a = a->next)
        if (a->ahead == what->ahead && a->newer == what->newer && a->view == what->view &&
            a->to == what->to && a->index == what->index && bc_h256_eq(&a->hash, &what->hash))
            return true;
    return ask_prepared(p, what);
}

bool pbft_fetch_ahead(pbft_t *p, size_t from, const pbft_proposal_t *w)
{
    return ask_once(p, &(ask_t){ .prepared = true, .ahead = true, .index = w->index, .view = p->to_view,
                                 .hash = w->hash, .system = w->system, .to = from });
}

bool pbft_fetches_newer(const pbft_t *p, const pbft_proposal_t *w)
{
    for (const ask_t *a = p->asks; a; a = a->next)
        if (a->newer && a->index == w->index && bc_h256_eq(&a->hash, &w->hash))
            return true;
    return false;
}

void pbft_fetch_newer(pbft_t *p, size_t from, const pbft_proposal_t *w)
{
    ask_once(p, &(ask_t){ .prepared = true, .newer = true, .index = w->index, .hash = w->hash,
                          .system = w->system, .to = from });
}

/* The NewView's block is all that may follow in this view: the others who prepared it hold it too,
 * and an answer may just have come late. Each node is asked a few times, official nodes ask one
 * once. Not for ever: without connections each question fails at once. */
static void ask_next(pbft_t *p, const ask_t *a)
{
    const slot_t *s = pbft_slot(p, a->index);
    if (p->self < 0 || p->timeout || a->tries >= 4 * p->node_cnt || a->view != p->view ||
        a->index <= p->committed ||
        (s && (s->dec || s->verify || (s->pre && s->pre_view == p->view))))
        return;
    ask_t next = *a;
    next.tries++;
    do
        next.to = (next.to + 1) % p->node_cnt;
    while ((int64_t)next.to == p->self && p->node_cnt > 1);
    ask_prepared(p, &next);
}

/* The proof shows that a quorum prepared it; that it was decided is the responder's word. Its
 * execution must give what f + 1 checkpoints say (pbft_on_executed), else it is forgotten. */
static void on_committed_response(pbft_t *p, const ask_t *a, const bc_nodeid_t *node,
                                  const pbft_msg_t *m)
{
    slot_t *s = pbft_slot(p, a->index);
    if (!s)
        return;
    s->fetching = false;
    if (s->dec || m->type != PBFT_COMMITTED_RESPONSE || m->proposal_cnt < 1)
        return;
    const pbft_proposal_t *w = &m->proposals[0];
    if (w->index != a->index || !pbft_proof_ok(p, w)) {
        p->dropped++;
        return;
    }
    prop_t *q = prop_from_wire(p, w);
    if (!q || !q->data) {
        p->dropped++;
        prop_unref(q);
        return;
    }
    prop_t *known = pbft_local(p, q->index, &q->hash);
    if (known) {
        prop_unref(q);
        q = prop_ref(known);
    }
    votes_t proof = { 0 };
    votes_from_wire(&proof, w, 0);
    s->fetching = true;
    if (!q->metas->cnt && !q->txs)
        q->txs = bc_txs_new(0);
    if (q->txs) {
        s->fetching = false;
        s->synced = true;
        pbft_decide(p, s, q, &proof);
    } else {
        pbft_verify_decided(p, q, node, 0, &proof);
    }
    votes_free(&proof);
    prop_unref(q);
}

static void offered(pbft_t *p, const ask_t *a, prop_t *q)
{
    slot_t *s = q ? pbft_slot_make(p, a->index) : NULL;
    if (s) {
        prop_unref(s->offered);
        s->offered = prop_ref(q);
    } else if (a->index > p->committed) {
        p->senders[a->to].mute = a->view;
    }
    pbft_try_new_view(p);
}

static void on_prepared_response(pbft_t *p, const ask_t *a, const bc_nodeid_t *node,
                                 const pbft_msg_t *m)
{
    if (p->self < 0 || (!a->newer && a->view != (a->ahead ? p->to_view : p->view)))
        return;
    bool answer = m->type == PBFT_PREPARED_RESPONSE && m->vote_cnt == 1 && m->votes[0].has_proposal;
    const pbft_proposal_t *w = answer ? &m->votes[0].proposal : NULL;
    prop_t *q = NULL;
    if (answer && w->has_hash && w->index == a->index && bc_h256_eq(&w->hash, &a->hash) &&
        pbft_proof_ok(p, w))
        q = prop_from_wire(p, w);
    if (q && !q->data) {
        prop_unref(q);
        q = NULL;
    }
    if (q) {
        q->system |= a->system;
        q->prepared = true;
    }
    if (a->newer) {
        if (q)
            pbft_learn_block(p, &m->votes[0], q);
    } else if (a->ahead) {
        offered(p, a, q);
    } else if (q) {
        pbft_take_proposal(p, q, a->view, node);
    } else {
        p->dropped += answer;
        ask_next(p, a);
    }
    prop_unref(q);
}

void pbft_on_response(pbft_t *p, bc_msg_t *in)
{
    ask_t **at = &p->asks;
    while (*at && (*at)->token != in->token)
        at = &(*at)->next;
    ask_t *a = *at;
    if (!a)
        return;
    *at = a->next;
    p->ask_cnt--;
    pbft_msg_t m = { 0 };
    bc_arena_t arena = { 0 };
    bool ok = !in->err && in->data && in->data->n &&
              pbft_decode(p->suite, bc_buf_view(in->data), &m, &arena) == BC_OK;
    if (!ok)
        m = (pbft_msg_t){ .type = -1 };
    if (a->prepared)
        on_prepared_response(p, a, &in->node, &m);
    else
        on_committed_response(p, a, &in->node, &m);
    bc_arena_free(&arena);
    free(a);
}

/* ---- serving ---- */

void pbft_on_committed_request(pbft_t *p, const bc_nodeid_t *node, const char *uuid,
                               const pbft_msg_t *m)
{
    if (!uuid[0])
        return;
    slot_t *s = pbft_slot(p, m->base.index);
    pbft_msg_t r;
    uint8_t sig[BC_SIG_MAX];
    pbft_base(p, &r, PBFT_COMMITTED_RESPONSE, 0, NULL, 0);
    r.base = (pbft_base_t){ 0 };
    pbft_proposal_t w = { 0 };
    bc_arena_t arena = { 0 };
    if (s && s->dec && s->dec->data && s->dec_proof.cnt) {
        prop_to_wire(s->dec, true, &w);
        votes_to_wire(&s->dec_proof, false, &w, &arena);
    } else {
        bc_buf_t *stored = pbft_stored_find(p, m->base.index);
        if (!stored || pbft_proposal_decode(bc_buf_view(stored), &w, &arena) != BC_OK)
            w.has_raw = false;
    }
    if (w.has_raw) {
        r.proposals = &w;
        r.proposal_cnt = 1;
        if (pbft_sign(p, &r, sig))
            pbft_reply(p, node, uuid, &r);
    } else if (m->base.index <= p->committed) {
        pbft_reply(p, node, uuid, NULL);
    }
    bc_arena_free(&arena);
}

void pbft_on_prepared_request(pbft_t *p, const bc_nodeid_t *node, const char *uuid,
                              const pbft_msg_t *m)
{
    slot_t *s = pbft_slot(p, m->base.index);
    if (!uuid[0] || !s || !s->pc || !s->pc->data || !m->base.has_hash ||
        !bc_h256_eq(&s->pc->hash, &m->base.hash))
        return;
    bc_arena_t arena = { 0 };
    pbft_msg_t vote, r = { .type = PBFT_PREPARED_RESPONSE, .has_base = true };
    pbft_base(p, &vote, PBFT_COMMIT, s->index, &s->pc->hash, s->pc_view);
    vote.has_proposal = true;
    prop_to_wire(s->pc, true, &vote.proposal);
    votes_to_wire(&s->proof, true, &vote.proposal, &arena);
    r.votes = &vote;
    r.vote_cnt = 1;
    pbft_reply(p, node, uuid, &r);
    bc_arena_free(&arena);
}
