/* View change, new view, recovery (spec/30 §3.7; design W4, W6). */
#include <limits.h>
#include <stdlib.h>
#include "pbft_impl.h"
#include "protocol/features.h"

void held_free(held_t *h)
{
    if (!h)
        return;
    bc_arena_free(&h->arena);
    free(h);
}

void sender_clear(sender_t *s)
{
    for (size_t i = 0; i < s->cnt; i++)
        held_free(s->v[i]);
    s->cnt = 0;
    s->recover = -1;
}

/* Keeps the last few of a sender; a second one for a view replaces the first. */
static void sender_put(sender_t *s, held_t *h)
{
    for (size_t i = 0; i < s->cnt; i++) {
        if (s->v[i]->m.base.view == h->m.base.view) {
            held_free(s->v[i]);
            s->v[i] = h;
            return;
        }
    }
    if (s->cnt == PBFT_VCS_SENDER) {
        held_free(s->v[0]);
        memmove(&s->v[0], &s->v[1], --s->cnt * sizeof s->v[0]);
    }
    s->v[s->cnt++] = h;
}

static const held_t *sender_at(const sender_t *s, int64_t view)
{
    for (size_t i = 0; i < s->cnt; i++)
        if (s->v[i]->m.base.view == view)
            return s->v[i];
    return NULL;
}

static int64_t sender_max(const sender_t *s)
{
    int64_t max = -1;
    for (size_t i = 0; i < s->cnt; i++)
        max = BC_MAX(max, s->v[i]->m.base.view);
    return max;
}

static void senders_drop_to(pbft_t *p, int64_t view)
{
    for (size_t k = 0; k < p->node_cnt; k++) {
        sender_t *s = &p->senders[k];
        size_t n = 0;
        for (size_t i = 0; i < s->cnt; i++) {
            if (s->v[i]->m.base.view > view)
                s->v[n++] = s->v[i];
            else
                held_free(s->v[i]);
        }
        s->cnt = n;
    }
}

/* ---- sending ---- */

/* Precommits that the others will accept: with a proof that holds under the list in force. That of the
 * next height, which all the others wait for, proves its view as well. */
static size_t prepared_list(pbft_t *p, pbft_msg_t **out, bc_arena_t *arena)
{
    size_t cnt = 0, max = (size_t)BC_MAX(p->slot_max - p->committed, 0);
    pbft_msg_t *v = bc_arena_alloc(arena, (max + 1) * sizeof *v);
    BC_MUST(v);
    for (int64_t i = pbft_next(p); i <= p->slot_max; i++) {
        const slot_t *s = pbft_slot(p, i);
        if (!s || !s->pc || (p->wait_seal > p->committed && i > p->wait_seal) ||
            votes_weight(p, &s->proof, &s->pc->hash, -1) < p->quorum)
            continue;
        pbft_msg_t *m = &v[cnt++];
        pbft_base(p, m, PBFT_COMMIT, i, &s->pc->hash, s->pc_view);
        m->has_proposal = true;
        prop_to_wire(s->pc, false, &m->proposal);
        votes_to_wire(&s->proof, i == pbft_next(p), &m->proposal, arena);
    }
    *out = v;
    return cnt;
}

/* To one node, or to all (NULL); our own copy is the latest said. */
void pbft_send_view_change(pbft_t *p, const bc_nodeid_t *to)
{
    bc_arena_t arena = { 0 };
    uint8_t sig[BC_SIG_MAX];
    pbft_msg_t m;
    pbft_base(p, &m, PBFT_VIEW_CHANGE, p->committed, &p->committed_hash, p->to_view);
    m.has_proposal = true;
    m.proposal.has_raw = m.proposal.has_hash = true;
    m.proposal.index = p->committed;
    m.proposal.hash = p->committed_hash;
    m.vote_cnt = prepared_list(p, &m.votes, &arena);
    if (pbft_sign(p, &m, sig)) {
        pbft_send(p, to, &m);
        bc_buf_t *own = pbft_encode(&m);
        held_t *h = bc_xcalloc(1, sizeof *h);
        if (own && pbft_decode(p->suite, bc_buf_view(own), &h->m, &h->arena) == BC_OK)
            sender_put(&p->senders[p->self], h);
        else
            held_free(h);
        bc_buf_unref(own);
    }
    bc_arena_free(&arena);
}

static void send_recover_response(pbft_t *p, const bc_nodeid_t *to)
{
    uint8_t sig[BC_SIG_MAX];
    pbft_msg_t m;
    pbft_base(p, &m, PBFT_RECOVER_RESPONSE, p->committed, NULL, p->view);
    if (pbft_sign(p, &m, sig))
        pbft_send(p, to, &m);
}

void pbft_send_recover_request(pbft_t *p, const bc_nodeid_t *to)
{
    uint8_t sig[BC_SIG_MAX];
    pbft_msg_t m;
    pbft_base(p, &m, PBFT_RECOVER_REQUEST, p->committed, NULL, p->view);
    if (pbft_sign(p, &m, sig))
        pbft_send(p, to, &m);
}

/* ---- time-out ---- */

void pbft_timeout(pbft_t *p, int64_t to_view, bool slower)
{
    BC_MUST(p->self >= 0 && to_view > p->view);
    if (slower) {
        p->base_ms = BC_MAX(p->base_ms, p->min_seal_time + 1);
        p->cycle = BC_MIN(p->cycle + 1, (unsigned)PBFT_CYCLE_MAX);
    }
    BC_INFO(PBFT_BADGES, "view change,index=%ld,view=%ld,toView=%ld,cycle=%u", (long)p->committed,
            (long)p->view, (long)to_view, p->cycle);
    p->timeout = true;
    p->recovering = false;
    p->to_view = to_view;
    senders_drop_to(p, p->view);
    for (size_t i = 0; i < p->node_cnt; i++)
        p->senders[i].recover = -1;
    pbft_seal_reset(p);
    p->told_index = -1;
    pbft_tell_index(p, p->committed);
    pbft_tell_state(p);
    pbft_store_view(p);
    pbft_timer_restart(p);
    pbft_send_view_change(p, NULL);
    pbft_try_new_view(p);
}

static uint64_t weight_from(const pbft_t *p, int64_t view)
{
    uint64_t w = 0;
    for (size_t i = 0; i < p->node_cnt; i++)
        if (sender_max(&p->senders[i]) >= view)
            w += p->weights[i];
    return w;
}

static bool executing(pbft_t *p)
{
    const slot_t *s = pbft_slot(p, p->expected);
    return s && s->dec && (s->executing || p->retry_on);
}

/* A node alone repeats its view change; only together with a quorum it goes on to the next view
 * (W6). */
void pbft_on_view_timer(pbft_t *p)
{
    if (p->self < 0)
        return;
    if (p->sync_highest > p->committed) {
        if (p->sync_seen == p->committed) {
            BC_WARN(PBFT_BADGES, "block sync makes no progress,index=%ld,highest=%ld",
                    (long)p->committed, (long)p->sync_highest);
            p->sync_highest = p->committed;
        }
        p->sync_seen = p->committed;
        pbft_timer_restart(p);
    } else if (executing(p)) {
        pbft_timer_restart(p);
    } else if (!p->timeout) {
        pbft_timeout(p, p->view + 1, true);
    } else if (weight_from(p, p->to_view) >= p->quorum) {
        pbft_timeout(p, p->to_view + 1, true);
    } else {
        pbft_timer_restart(p);
        pbft_send_view_change(p, NULL);
    }
}

/* ---- receiving view changes ---- */

/* Others will judge it as it is written anew inside a NewView, with its signature in its base: whatever
 * else it has would be lost, and the NewView refused. */
static bool plain(pbft_t *p, const pbft_msg_t *m)
{
    bc_h256_t digest;
    if (m->base.sig_hash.n || m->base.sig.n)
        return false;
    pbft_digest(p->suite, m, &digest);
    return bc_h256_eq(&digest, &m->digest);
}

static bool prepared_ok(pbft_t *p, const pbft_msg_t *vc, const pbft_msg_t *m)
{
    if (!m->has_proposal || !m->proposal.has_hash || m->proposal.index != m->base.index ||
        (m->base.has_hash && !bc_h256_eq(&m->base.hash, &m->proposal.hash)) || m->base.view < 0 ||
        m->base.view > vc->base.view || m->proposal.index > vc->base.index + p->window)
        return false;
    return m->proposal.index <= vc->base.index || pbft_proof_ok(p, &m->proposal);
}

/* Everything about a view change but its signature and its height being below ours. */
static bool view_change_ok(pbft_t *p, const pbft_msg_t *m)
{
    if (!m->has_base || !m->has_proposal || !m->proposal.has_hash ||
        m->proposal.index != m->base.index || m->base.index < 0 || m->base.view < 0 ||
        m->base.index > PBFT_NUMBER_MAX || m->vote_cnt > (size_t)p->window)
        return false;
    if (m->proposal.index == p->committed && !bc_h256_eq(&m->proposal.hash, &p->committed_hash))
        return false;
    for (size_t i = 0; i < m->vote_cnt; i++) {
        if (!prepared_ok(p, m, &m->votes[i]))
            return false;
        for (size_t k = 0; k < i; k++)
            if (m->votes[k].proposal.index == m->votes[i].proposal.index)
                return false;
    }
    return true;
}

/* The highest view that more than f of the weight asks for at least: one honest node is among
 * them. */
static void try_join(pbft_t *p)
{
    int64_t best = p->to_view;
    for (size_t i = 0; i < p->node_cnt; i++) {
        int64_t view = (int64_t)i == p->self ? -1 : sender_max(&p->senders[i]);
        if (view <= best)
            continue;
        uint64_t w = 0;
        for (size_t k = 0; k < p->node_cnt; k++)
            if ((int64_t)k != p->self && sender_max(&p->senders[k]) >= view)
                w += p->weights[k];
        if (w > p->faulty)
            best = view;
    }
    if (best > p->to_view)
        pbft_timeout(p, best, false);
}

/* Takes held over. */
void pbft_on_view_change(pbft_t *p, const bc_nodeid_t *node, const pbft_msg_t *m, held_t *held)
{
    int64_t view = m->base.view;
    if (!pbft_signed(p, node, NULL, m)) {
        held_free(held);
        return;
    }
    if (!p->timeout)
        send_recover_response(p, node);
    else if (view < p->view || view + 1 < p->to_view)
        pbft_send_view_change(p, node);
    pbft_learn(p, m);
    if (view <= p->view || m->base.index < p->committed || !view_change_ok(p, m) || !plain(p, m)) {
        held_free(held);
        return;
    }
    sender_put(&p->senders[m->base.from], held);
    try_join(p);
    pbft_try_new_view(p);
}

/* ---- what a new view starts with ---- */

/* A block that a view change reports as prepared. */
typedef struct {
    const pbft_msg_t *vote;
    int64_t sender;
    int64_t proven; /* its view, where others differ at its height and the proof shows the view; else -1 */
} report_t;

/* What a set of view changes reports. */
typedef struct {
    int64_t max_committed, max_prepared;
    report_t *v;
    size_t cnt;
} reports_t;

static const bc_h256_t *reported_hash(const report_t *r)
{
    return &r->vote->proposal.hash;
}

/* Where all report the same block, which is nearly always so, there is nothing to choose, and no
 * signature to look at. */
static void prove(pbft_t *p, reports_t *r, int64_t index)
{
    const report_t *first = NULL;
    bool differ = false;
    for (size_t i = 0; i < r->cnt; i++) {
        if (r->v[i].vote->proposal.index != index)
            continue;
        first = first ? first : &r->v[i];
        differ |= !bc_h256_eq(reported_hash(first), reported_hash(&r->v[i]));
    }
    for (size_t i = 0; differ && i < r->cnt; i++) {
        const pbft_msg_t *v = r->v[i].vote;
        if (v->proposal.index == index && pbft_prepared_in(p, &v->proposal, v->base.view))
            r->v[i].proven = v->base.view;
    }
}

static void reports_make(pbft_t *p, const pbft_msg_t *const *vcs, size_t cnt, reports_t *r)
{
    size_t max = 0;
    *r = (reports_t){ -1, -1, NULL, 0 };
    for (size_t i = 0; i < cnt; i++) {
        r->max_committed = BC_MAX(r->max_committed, vcs[i]->base.index);
        max += vcs[i]->vote_cnt;
    }
    r->v = bc_xcalloc(max + 1, sizeof r->v[0]);
    for (size_t i = 0; i < cnt; i++) {
        for (size_t k = 0; k < vcs[i]->vote_cnt; k++) {
            r->v[r->cnt++] = (report_t){ &vcs[i]->votes[k], vcs[i]->base.from, -1 };
            r->max_prepared = BC_MAX(r->max_prepared, vcs[i]->votes[k].proposal.index);
        }
    }
    prove(p, r, r->max_committed + 1); /* view changes show no more */
}

static void reports_free(reports_t *r)
{
    free(r->v);
}

/* In the newest view that somebody proves; else in the newest that somebody names. */
static bool newer_than(const report_t *a, const report_t *b)
{
    return a->proven != b->proven ? a->proven > b->proven : a->vote->base.view > b->vote->base.view;
}

/* What was prepared at index last; of the first sender when equal. NULL: nothing. */
static const report_t *pick(const reports_t *r, int64_t index)
{
    const report_t *best = NULL;
    for (size_t i = 0; i < r->cnt; i++)
        if (r->v[i].vote->proposal.index == index && (!best || newer_than(&r->v[i], best)))
            best = &r->v[i];
    return best;
}

/* A leader may propose that again: what was prepared in the newest view, by what is proven, or by what
 * is named, as official leaders do. */
static bool may_name(const reports_t *r, int64_t index, const bc_h256_t *hash)
{
    int64_t view = -1, proven = -1, max_view = -1, max_proven = -1;
    for (size_t i = 0; i < r->cnt; i++) {
        const report_t *t = &r->v[i];
        if (t->vote->proposal.index != index)
            continue;
        max_view = BC_MAX(max_view, t->vote->base.view);
        max_proven = BC_MAX(max_proven, t->proven);
        if (bc_h256_eq(hash, reported_hash(t))) {
            view = BC_MAX(view, t->vote->base.view);
            proven = BC_MAX(proven, t->proven);
        }
    }
    return view >= 0 && (view == max_view || (proven >= 0 && proven == max_proven));
}

static prop_t *empty_block(pbft_t *p, int64_t index)
{
    bc_bytes_t *ids = bc_xcalloc(p->node_cnt, sizeof *ids);
    int64_t *weights = bc_xcalloc(p->node_cnt, sizeof *weights);
    for (size_t i = 0; i < p->node_cnt; i++) {
        ids[i] = BC_VIEW(p->ids[i]);
        weights[i] = (int64_t)p->weights[i];
    }
    /* official leaders leave the sealer list out; naming it lets every checker treat this block
     * like others */
    bc_header_t h = { .data.version = (int32_t)BC_MIN(p->cfg->version, BC_VERSION_MAX),
                      .data.number = index,
                      .data.timestamp = BC_MAX(p->now.utc_ms, p->cfg->timestamp + 1),
                      .data.sealer = p->self,
                      .data.sealer_list = { ids, p->node_cnt },
                      .data.weights = { weights, p->node_cnt } };
    bc_hdr_t *hdr = bc_hdr_new(p->suite, &h);
    free(ids);
    free(weights);
    if (!hdr)
        return NULL;
    prop_t *q = prop_from_sealer(p, hdr, NULL, false);
    bc_hdr_unref(hdr);
    return q;
}

static void apply_new_view(pbft_t *p, const pbft_msg_t *m);

/* fills[i] keeps the block of entry i alive. False when memory is gone. */
static bool fill_list(pbft_t *p, pbft_msg_t *nv, const reports_t *r, prop_t **fills)
{
    for (int64_t i = r->max_committed + 1; i <= r->max_prepared; i++) {
        pbft_msg_t *e = &nv->votes[nv->vote_cnt];
        const report_t *best = pick(r, i);
        if (best) {
            pbft_base(p, e, PBFT_PRE_PREPARE, i, reported_hash(best), p->to_view);
            e->proposal = best->vote->proposal;
        } else {
            prop_t *q = fills[nv->vote_cnt] = empty_block(p, i);
            if (!q)
                return false;
            pbft_base(p, e, PBFT_PRE_PREPARE, i, &q->hash, p->to_view);
            prop_to_wire(q, true, &e->proposal);
        }
        e->has_proposal = true;
        e->base.from = best ? best->sender : p->self;
        nv->vote_cnt++;
    }
    return true;
}

static void send_new_view(pbft_t *p, const pbft_msg_t *const *vcs, size_t cnt)
{
    reports_t r;
    reports_make(p, vcs, cnt, &r);
    if (p->wait_seal > p->committed)
        r.max_prepared = BC_MIN(r.max_prepared, p->wait_seal);
    r.max_prepared = BC_MIN(r.max_prepared, r.max_committed + p->window);
    size_t n = (size_t)BC_MAX(r.max_prepared - r.max_committed, 0);
    uint8_t sig[BC_SIG_MAX];
    pbft_msg_t nv;
    pbft_base(p, &nv, PBFT_NEW_VIEW, p->committed, &p->committed_hash, p->to_view);
    nv.votes = bc_xcalloc(n + 1, sizeof nv.votes[0]);
    nv.vcs = bc_xcalloc(cnt, sizeof nv.vcs[0]);
    prop_t **fills = bc_xcalloc(n + 1, sizeof *fills);
    for (size_t i = 0; i < cnt; i++)
        nv.vcs[i] = *vcs[i];
    nv.vc_cnt = cnt;
    pbft_msg_t *votes = nv.votes, *copies = nv.vcs;
    if (fill_list(p, &nv, &r, fills) && pbft_sign(p, &nv, sig)) {
        BC_INFO(PBFT_BADGES, "send NewView,view=%ld,proposals=%zu", (long)p->to_view, nv.vote_cnt);
        pbft_send(p, NULL, &nv);
        /* our own way in: what vcs refers to dies on entering, so work on decoded bytes */
        bc_buf_t *b = pbft_encode(&nv);
        bc_arena_t arena = { 0 };
        pbft_msg_t own;
        if (b && pbft_decode(p->suite, bc_buf_view(b), &own, &arena) == BC_OK)
            apply_new_view(p, &own);
        bc_arena_free(&arena);
        bc_buf_unref(b);
    }
    for (size_t i = 0; i < n; i++)
        prop_unref(fills[i]);
    reports_free(&r);
    free(fills);
    free(copies);
    free(votes);
}

/* The view changes to start the next view with, of those in use. Their weight. */
static uint64_t gather(const pbft_t *p, const bool *use, const pbft_msg_t **vcs, size_t *cnt)
{
    uint64_t w = 0;
    *cnt = 0;
    for (size_t i = 0; i < p->node_cnt; i++) {
        const held_t *h = sender_at(&p->senders[i], p->to_view);
        if (!h || !use[i])
            continue;
        vcs[(*cnt)++] = &h->m;
        w += p->weights[i];
    }
    return w;
}

static bool reports(const pbft_msg_t *vc, int64_t index, const bc_h256_t *hash)
{
    for (size_t k = 0; k < vc->vote_cnt; k++)
        if (vc->votes[k].proposal.index == index && bc_h256_eq(&vc->votes[k].proposal.hash, hash))
            return true;
    return false;
}

/* Asks who reports this block, one after the other. */
static bool ask_reporters(pbft_t *p, const pbft_msg_t *const *vcs, size_t cnt, const pbft_proposal_t *w)
{
    for (size_t k = 0; k < cnt; k++) {
        int64_t from = vcs[k]->base.from;
        if (from != p->self && p->senders[from].mute != p->to_view &&
            reports(vcs[k], w->index, &w->hash))
            return pbft_fetch_ahead(p, (size_t)from, w);
    }
    return false;
}

typedef enum { LOOK_GOOD, LOOK_WAIT, LOOK_AGAIN } look_t;

/* Looks at what the view changes in use make a NewView propose again. A block that we do not have is
 * asked for first: WAIT. One that nobody shows, or that is void, takes those who report it out of use:
 * AGAIN. */
static look_t look_at(pbft_t *p, const pbft_msg_t *const *vcs, size_t cnt, bool *use)
{
    look_t look = LOOK_GOOD;
    reports_t r;
    reports_make(p, vcs, cnt, &r);
    int64_t last = BC_MIN(r.max_prepared, p->committed + p->window);
    for (int64_t i = pbft_next(p); i <= last && look != LOOK_AGAIN; i++) {
        const report_t *best = pick(&r, i);
        if (!best)
            continue;
        const pbft_proposal_t *w = &best->vote->proposal;
        bool known_void = pbft_impossible(p, i, &w->hash);
        prop_t *q = known_void ? NULL : pbft_local(p, i, &w->hash);
        if (q && !prop_void(p, q))
            continue;
        if (!q && !known_void && ask_reporters(p, vcs, cnt, w)) {
            look = LOOK_WAIT;
            continue;
        }
        for (size_t k = 0; k < cnt; k++)
            if (reports(vcs[k], i, &w->hash))
                use[vcs[k]->base.from] = false;
        look = LOOK_AGAIN;
    }
    reports_free(&r);
    return look;
}

/* A quorum of view changes makes a NewView, but not every one makes a view that can go on: a bad node
 * can report a block that it does not show, or one that has become void, with true proofs, in each
 * view anew. Such view changes are left out, and a quorum of others waited for (note 0019). */
void pbft_try_new_view(pbft_t *p)
{
    if (!p->timeout || p->newview_sent == p->to_view || p->committed < p->sync_highest ||
        pbft_leader(p, pbft_next(p), p->to_view) != p->self)
        return;
    const pbft_msg_t **vcs = bc_xcalloc(p->node_cnt, sizeof *vcs);
    bool *use = bc_xcalloc(p->node_cnt, sizeof *use);
    size_t cnt;
    for (size_t i = 0; i < p->node_cnt; i++)
        use[i] = true;
    look_t look = LOOK_AGAIN;
    while (look == LOOK_AGAIN && gather(p, use, vcs, &cnt) >= p->quorum)
        look = look_at(p, vcs, cnt, use);
    if (look == LOOK_GOOD) {
        p->newview_sent = p->to_view;
        send_new_view(p, vcs, cnt);
    }
    free(use);
    free(vcs);
}

/* ---- receiving a new view ---- */

/* What fills a gap is an empty block, given in full. */
static bool filler_ok(pbft_t *p, const pbft_proposal_t *w)
{
    prop_t *q = w->data.n ? prop_from_wire(p, w) : NULL;
    bool ok = q && !q->metas->cnt;
    prop_unref(q);
    return ok;
}

/* The list must be what the view changes demand: from the height after the highest committed,
 * without gaps, at each height what was prepared there in the highest view, else an empty block. A
 * leader that waits for a system proposal may end it early (spec/30 §3.7). */
static bool list_ok(pbft_t *p, const pbft_msg_t *m, const reports_t *r)
{
    for (size_t i = 0; i < m->vote_cnt; i++) {
        const pbft_msg_t *e = &m->votes[i];
        int64_t index = r->max_committed + 1 + (int64_t)i;
        if (!e->has_proposal || !e->proposal.has_hash || e->proposal.index != index ||
            e->base.index != index || e->base.view != m->base.view || index > r->max_prepared)
            return false;
        if (pick(r, index) ? !may_name(r, index, &e->proposal.hash) : !filler_ok(p, &e->proposal))
            return false;
    }
    return true;
}

static bool new_view_ok(pbft_t *p, const pbft_msg_t *m)
{
    if (m->base.view <= p->view || m->vc_cnt > p->node_cnt || m->vote_cnt > (size_t)p->window ||
        m->base.index < 0 ||
        pbft_leader(p, m->base.index + 1, m->base.view) != m->base.from)
        return false;
    const pbft_msg_t **vcs = bc_xcalloc(m->vc_cnt + 1, sizeof *vcs);
    bool *seen = bc_xcalloc(p->node_cnt + 1, sizeof *seen), ok = true;
    uint64_t w = 0;
    for (size_t i = 0; i < m->vc_cnt && ok; i++) {
        const pbft_msg_t *vc = vcs[i] = &m->vcs[i];
        int64_t from = vc->base.from;
        ok = from >= 0 && (size_t)from < p->node_cnt && !seen[from] &&
             vc->base.view == m->base.view && pbft_verify(p, from, &vc->digest, vc->sig) &&
             view_change_ok(p, vc);
        if (ok) {
            seen[from] = true;
            w += p->weights[from];
        }
    }
    ok = ok && w >= p->quorum;
    if (ok) { /* the sender's place as leader follows from its height: it must be a likely one */
        reports_t r;
        reports_make(p, vcs, m->vc_cnt, &r);
        ok = list_ok(p, m, &r) && m->base.index <= r.max_committed + p->pipeline;
        reports_free(&r);
    }
    free(seen);
    free(vcs);
    return ok;
}

void pbft_on_new_view(pbft_t *p, const bc_nodeid_t *node, const pbft_msg_t *m)
{
    if (m->base.view <= p->view || !pbft_signed(p, node, NULL, m))
        return;
    if (!new_view_ok(p, m)) {
        BC_WARN(PBFT_BADGES, "NewView refused,from=%ld,view=%ld", (long)m->base.from,
                (long)m->base.view);
        p->dropped++;
        return;
    }
    apply_new_view(p, m);
}

/* Proposals are looked for before the old view's are thrown away. */
static void apply_new_view(pbft_t *p, const pbft_msg_t *m)
{
    prop_t **props = bc_xcalloc(m->vote_cnt + 1, sizeof *props);
    int64_t max = p->committed;
    for (size_t i = 0; i < m->vote_cnt; i++) {
        const pbft_proposal_t *w = &m->votes[i].proposal;
        max = BC_MAX(max, w->index);
        prop_t *known = pbft_local(p, w->index, &w->hash);
        props[i] = known ? prop_ref(known) : w->data.n ? prop_from_wire(p, w) : NULL;
        if (props[i])
            props[i]->prepared = true; /* or it is empty */
    }
    pbft_learn_named(p, m);
    pbft_enter_view(p, m->base.view, m->vote_cnt ? max : 0);
    for (size_t i = 0; i < m->vote_cnt; i++) {
        const pbft_proposal_t *w = &m->votes[i].proposal;
        int64_t from = m->votes[i].base.from;
        if (w->index > p->committed && from >= 0 && (size_t)from < p->node_cnt) {
            if (props[i])
                pbft_take_proposal(p, props[i], m->base.view, &p->ids[from]);
            else if (from != p->self)
                pbft_fetch_prepared(p, (size_t)from, w, m->base.view);
        }
        prop_unref(props[i]);
    }
    free(props);
    pbft_seal_next(p);
    pbft_skip_faulty_leader(p);
}

/* Among one leader more than may be faulty there is an honest one. When the views of so many have
 * passed without a block, the time-out is too short for this network or these disks, and grows by a
 * step, until a block is committed. Official nodes begin each view with the shortest one and can go
 * round for ever. Not far: a view that a bad leader spoils costs all of it. */
static unsigned patience(const pbft_t *p)
{
    uint64_t quorum, faulty;
    bc_pbft_quorum(p->node_cnt, &quorum, &faulty);
    return (unsigned)BC_MIN(p->barren / (faulty + 1), (uint64_t)PBFT_BARREN_MAX);
}

/* What the NewView before this one proposed again no longer binds: official nodes wait for it for
 * ever, even when the list of this one is empty. */
void pbft_enter_view(pbft_t *p, int64_t view, int64_t reseal)
{
    BC_INFO(PBFT_BADGES, "reach new view,index=%ld,view=%ld", (long)p->committed, (long)view);
    bool same = view == p->view;
    p->barren += !same && p->barren < UINT_MAX;
    p->view = p->to_view = view;
    p->wait_reseal = same ? p->wait_reseal : reseal; /* what was promised in this view holds */
    p->cycle = patience(p);
    p->timeout = p->recovering = false;
    senders_drop_to(p, view);
    for (size_t i = 0; i < p->node_cnt; i++)
        p->senders[i].recover = -1;
    for (int64_t i = pbft_next(p); i <= p->slot_max; i++) {
        slot_t *s = pbft_slot(p, i);
        if (s)
            pbft_slot_enter_view(p, s, view);
    }
    p->low = pbft_next(p);
    pbft_store_view(p);
    pbft_tell_state(p);
    pbft_seal_reset(p);
    p->timer_on = false;
    pbft_timer_check(p);
    pbft_redispatch(p);
    pbft_try_execute(p);
    pbft_try_stable(p);
}

/* ---- recovery ---- */

void pbft_on_recover_request(pbft_t *p, const bc_nodeid_t *node, const pbft_msg_t *m)
{
    if (!pbft_signed(p, node, NULL, m) || p->timeout)
        return;
    send_recover_response(p, node);
    sender_t *s = &p->senders[m->base.from];
    if (p->now.mono_ms - s->helped >= PBFT_HELP_MS) {
        s->helped = p->now.mono_ms;
        pbft_vote_again(p, node); /* it restarted, perhaps before its connection was missed */
    }
}

/* More than f of the weight in one view: somebody honest is there, so it exists and we may go
 * there. Back into our own view after a time-out only when a quorum still works in it. */
void pbft_on_recover_response(pbft_t *p, const bc_nodeid_t *node, const pbft_msg_t *m)
{
    if (!(p->timeout || p->recovering) || m->base.view < p->view || !pbft_signed(p, node, NULL, m))
        return;
    p->senders[m->base.from].recover = m->base.view;
    int64_t best = -1;
    for (size_t i = 0; i < p->node_cnt; i++) {
        int64_t view = p->senders[i].recover;
        uint64_t w = 0;
        for (size_t k = 0; k < p->node_cnt; k++)
            if (p->senders[k].recover == view)
                w += p->weights[k];
        if (view <= 0 || w <= p->faulty)
            continue;
        if (view > p->view || (view == p->view && (p->recovering || w >= p->quorum)))
            best = BC_MAX(best, view);
    }
    if (best < 0)
        return;
    if (best == p->view && !p->timeout) {
        p->recovering = false; /* the others are where we are */
        return;
    }
    pbft_enter_view(p, best, 0);
    pbft_seal_next(p);
    pbft_skip_faulty_leader(p);
}
