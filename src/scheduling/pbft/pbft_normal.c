/* The normal case: pre-prepare, prepare, commit (spec/30 §3.6 P0-P5). */
#include <stdlib.h>
#include "codec/hex.h"
#include "pbft_impl.h"

void slot_free(slot_t *s)
{
    prop_unref(s->pre);
    prop_unref(s->pc);
    prop_unref(s->dec);
    prop_unref(s->failed);
    prop_unref(s->offered);
    prop_unref(s->newer_block);
    votes_free(&s->newer.proof);
    votes_free(&s->named.proof);
    votes_free(&s->proof);
    votes_free(&s->dec_proof);
    votes_free(&s->prepares);
    votes_free(&s->commits);
    votes_free(&s->checks);
    if (s->exec)
        bc_hdr_unref(s->exec);
    free(s);
}

static void prop_set(prop_t **at, prop_t *q)
{
    prop_t *old = *at;
    *at = q ? prop_ref(q) : NULL;
    prop_unref(old);
}

prop_t *pbft_local(pbft_t *p, int64_t index, const bc_h256_t *hash)
{
    slot_t *s = pbft_slot(p, index);
    if (!s)
        return NULL;
    prop_t *all[] = { s->dec, s->pc, s->pre, s->failed, s->offered, s->newer_block };
    for (size_t i = 0; i < BC_ARRAY_LEN(all); i++)
        if (prop_is(all[i], hash) && all[i]->data)
            return all[i];
    for (verify_t *v = p->verifies; v; v = v->next)
        if (v->prop->index == index && prop_is(v->prop, hash))
            return v->prop;
    return NULL;
}

/* ---- sealing ---- */

void pbft_seal_reset(pbft_t *p)
{
    bc_out_msg(p->out, BC_ACTOR_SEALER, BC_MSG_SEAL_RESET);
    p->seal_start = p->seal_end = p->committed;
}

static void seal_window(pbft_t *p, int64_t start, int64_t end)
{
    bc_msg_t *m = bc_out_msg(p->out, BC_ACTOR_SEALER, BC_MSG_SEAL);
    m->number = start;
    m->number2 = end;
    m->token = p->cfg->tx_count_limit;
    p->seal_start = start;
    p->seal_end = BC_MAX(p->seal_end, end);
}

/* A block under way may change the sealer list or the limits: the next one is made after it. */
static bool config_changing(pbft_t *p)
{
    for (int64_t i = pbft_next(p); i <= p->slot_max; i++) {
        const slot_t *s = pbft_slot(p, i);
        if (s && ((s->pre && s->pre->sysconf) || (s->dec && s->dec->sysconf)))
            return true;
    }
    return false;
}

/* No proposal of ours, or anything stronger, stands at this height in this view. */
static bool height_free(pbft_t *p, int64_t index)
{
    const slot_t *s = pbft_slot(p, index);
    return !s || (s->voted_view < p->view && !s->pc && !s->dec && !s->verify && !s->pre);
}

/* The sealer is asked for the first height that is not ordered yet, when it is our turn and
 * nothing forces us to wait. A height where we hold a precommit gets that proposal again. */
void pbft_seal_next(pbft_t *p)
{
    if (p->self < 0 || p->timeout || p->sync_highest > p->committed)
        return;
    int64_t next = pbft_next(p);
    while (next <= p->slot_max) {
        slot_t *s = pbft_slot(p, next);
        if (!s || !s->dec)
            break;
        next++;
    }
    if (pbft_leader(p, next, p->view) != p->self || p->wait_seal > p->committed ||
        p->wait_reseal > p->committed || config_changing(p))
        return;
    slot_t *s = pbft_slot(p, next);
    if (s && s->pc && s->voted_view < p->view && s->pc->data) {
        pbft_propose_again(p, s->pc);
        return;
    }
    int64_t period = (int64_t)BC_MIN(BC_MAX(p->cfg->leader_period, (uint64_t)1), (uint64_t)1 << 40);
    int64_t end = BC_MIN((next / period + 1) * period - 1, p->committed + p->pipeline);
    int64_t start = BC_MAX(p->seal_end + 1, next);
    while (start <= end && !height_free(p, start))
        start++;
    if (start <= end)
        seal_window(p, start, end);
}

/* ---- what may be accepted ---- */

/* Nothing we voted for, hold a precommit of, or decided speaks against it (spec/30 §3.9). */
static bool no_conflict(const pbft_t *p, const slot_t *s, const bc_h256_t *hash, int64_t view)
{
    if (s->pre && s->pre_view >= view)
        return false;
    if (s->voted_view > view || (s->voted_view == view && !bc_h256_eq(&s->voted_hash, hash)))
        return false;
    if (pbft_bound(p, s, hash))
        return false;
    return !s->dec || prop_is(s->dec, hash);
}

static void send_vote(pbft_t *p, int32_t type, const prop_t *q, votes_t *own, const bc_nodeid_t *to)
{
    const bc_h256_t *hash = &q->hash;
    uint8_t psig[BC_SIG_MAX], msig[BC_SIG_MAX];
    size_t n = p->signer.sign(p->signer.ctx, hash, psig);
    pbft_msg_t m;
    pbft_base(p, &m, type, q->index, hash, p->view);
    m.has_proposal = true;
    prop_to_wire(q, false, &m.proposal);
    m.proposal.system = false;
    m.proposal.hash = *hash;
    m.proposal.sig = bc_bytes(psig, n);
    if (!n || !pbft_sign(p, &m, msig)) {
        BC_ERROR(PBFT_BADGES, "signing failed");
        return;
    }
    if (type == PBFT_PREPARE)
        votes_add_prepare(own, &m, true);
    else
        votes_add(own, p->self, p->view, hash, m.proposal.sig);
    pbft_send(p, to, &m);
}

static void send_pre_prepare(pbft_t *p, const prop_t *q, const bc_nodeid_t *to)
{
    uint8_t sig[BC_SIG_MAX];
    pbft_msg_t m;
    pbft_base(p, &m, PBFT_PRE_PREPARE, q->index, &q->hash, p->view);
    m.has_proposal = true;
    prop_to_wire(q, true, &m.proposal);
    if (pbft_sign(p, &m, sig))
        pbft_send(p, to, &m);
}

void pbft_vote_again(pbft_t *p, const bc_nodeid_t *to)
{
    for (int64_t i = pbft_next(p); i <= p->slot_max; i++) {
        slot_t *s = pbft_slot(p, i);
        if (!s)
            continue;
        if (s->pre && s->pre_view == p->view) {
            if (s->pre->data && pbft_leader(p, i, p->view) == p->self)
                send_pre_prepare(p, s->pre, to);
            send_vote(p, PBFT_PREPARE, s->pre, &s->prepares, to);
        }
        if (pbft_precommitted_here(p, s))
            send_vote(p, PBFT_COMMIT, s->pc, &s->commits, to);
        if (s->exec)
            pbft_send_checkpoint(p, s, to);
    }
}

static void accept(pbft_t *p, slot_t *s, prop_t *q, int64_t view)
{
    pbft_adopt(p, s, q);
    if (s->pc && !prop_is(s->pc, &q->hash))
        return;
    prop_set(&s->pre, q);
    s->pre_view = view;
    /* the same block, known from a former life without its transactions, or only by its hash */
    if (s->pc && !s->pc->txs)
        prop_set(&s->pc, q);
    if (s->dec && !s->dec->txs)
        prop_set(&s->dec, q);
    pbft_timer_restart(p);
    if (s->voted_view < view) {
        s->voted_view = view;
        s->voted_hash = q->hash;
        pbft_store_prepare(p, q, view);
    }
    BC_DEBUG(PBFT_BADGES, "accept proposal and send Prepare,index=%ld,hash=%s,view=%ld,txs=%zu",
             (long)q->index, BC_SHORT(q->hash), (long)view, q->metas->cnt);
    send_vote(p, PBFT_PREPARE, q, &s->prepares, NULL);
    pbft_progress(p, s);
    pbft_try_execute(p);
}

static void verify_start(pbft_t *p, verify_kind_t kind, prop_t *q, int64_t view,
                         const bc_nodeid_t *from, unsigned tries, const votes_t *proof)
{
    verify_t *v = bc_xcalloc(1, sizeof *v);
    v->next = p->verifies;
    p->verifies = v;
    v->token = ++p->token;
    v->kind = kind;
    v->prop = prop_ref(q);
    v->view = view;
    v->tries = tries;
    if (from)
        v->from = *from;
    if (proof)
        votes_copy(&v->proof, proof);
    bc_msg_t *m = bc_out_msg(p->out, BC_ACTOR_TXPOOL, BC_MSG_VERIFY_PROPOSAL);
    m->token = v->token;
    m->number = q->index;
    m->hash = q->hash;
    m->metas = bc_metas_ref(q->metas);
    m->header = q->header ? bc_hdr_ref(q->header) : NULL;
    m->node = v->from;
}

/* What we vote for in one view has no transaction twice, whichever height came first, and nothing that
 * the pool has refused for good. */
static bool taken_here(pbft_t *p, prop_t *q)
{
    bool taken = prop_void(p, q);
    for (int64_t i = pbft_next(p); i <= p->slot_max && !taken; i++) {
        slot_t *s = pbft_slot(p, i);
        taken = s && i != q->index && s->pre && s->pre_view == p->view && prop_meets(s->pre, q);
    }
    if (taken) {
        BC_WARN(PBFT_BADGES, "proposal with what another block has taken,index=%ld,hash=%s",
                (long)q->index, BC_SHORT(q->hash));
        p->dropped++;
    }
    return taken;
}

/* The transactions of our own are with it: they go back with the view. */
static void refused(slot_t *s, prop_t *q, const bc_nodeid_t *from)
{
    if (!from && !s->failed)
        prop_set(&s->failed, q);
}

void pbft_take_proposal(pbft_t *p, prop_t *q, int64_t view, const bc_nodeid_t *from)
{
    slot_t *s = pbft_slot_make(p, q->index);
    if (!s || view != p->view || !no_conflict(p, s, &q->hash, view) ||
        (s->verify && s->verify_view >= view))
        return;
    prop_t *known = pbft_local(p, q->index, &q->hash);
    q->prepared |= known && known->prepared;
    if (known && (known->txs || !q->data))
        q = known;
    BC_MUST(q->metas && q->header);
    if (!prop_header_ok(p, q)) {
        BC_WARN(PBFT_BADGES, "proposal with a header that the chain cannot take,index=%ld,hash=%s",
                (long)q->index, BC_SHORT(q->hash));
        p->dropped++;
        refused(s, q, from);
        return;
    }
    if (taken_here(p, q)) {
        refused(s, q, from);
        return;
    }
    if (!q->txs && !q->metas->cnt)
        q->txs = bc_txs_new(0);
    if (q->txs) {
        prop_ref(q);
        accept(p, s, q, view);
        prop_unref(q);
        return;
    }
    verify_start(p, VERIFY_PRE, q, view, from, 0, NULL);
    s->verify = p->token;
    s->verify_view = view;
    pbft_timer_check(p);
}

/* Another proposal may bring others with their hashes, which are written over them (note 0024). */
void pbft_verify_bound(pbft_t *p, slot_t *s)
{
    if (s->pc && s->pc->metas && !s->pc->txs && !s->verify)
        verify_start(p, VERIFY_BOUND, s->pc, s->pc_view, NULL, 0, NULL);
}

/* A decided proposal whose transactions are not at hand: from a former life, or from a peer. */
void pbft_verify_decided(pbft_t *p, prop_t *q, const bc_nodeid_t *from, unsigned tries,
                         const votes_t *proof)
{
    for (verify_t *v = p->verifies; v; v = v->next)
        if (v->kind == VERIFY_DECIDED && v->prop->index == q->index && prop_is(v->prop, &q->hash))
            return;
    verify_start(p, VERIFY_DECIDED, q, p->view, from, tries, proof);
}

/* One of the others for each try, in turn; NULL: there are none. */
static const bc_nodeid_t *other_node(const pbft_t *p, unsigned try)
{
    size_t self = (size_t)BC_MAX(p->self, 0);
    return p->node_cnt < 2 ? NULL : &p->ids[(self + 1 + try % (p->node_cnt - 1)) % p->node_cnt];
}

static void verified_decided(pbft_t *p, slot_t *s, verify_t *v, bc_msg_t *in)
{
    prop_t *q = v->prop;
    if (in->err) {
        BC_WARN(PBFT_BADGES, "verify decided proposal failed,index=%ld,code=%ld", (long)q->index,
                (long)in->number2);
        /* one after the other is asked: those who voted have it */
        if (v->tries < BC_MAX(p->node_cnt, (size_t)PBFT_VERIFY_TRIES) && !in->flag)
            pbft_verify_decided(p, q, other_node(p, v->tries), v->tries + 1, &v->proof);
        else
            s->fetching = false;
        return;
    }
    s->fetching = false;
    if (s->dec && !prop_is(s->dec, &q->hash))
        return;
    if (s->dec && s->dec != q) { /* the same proposal, known by another way */
        if (!s->dec->txs) {
            s->dec->txs = q->txs ? bc_txs_ref(q->txs) : NULL;
            if (!s->dec->header)
                prop_set(&s->dec, q);
            pbft_give_up_void(p); /* its nonces are known only now */
        }
    }
    if (!s->dec) {
        s->synced = true;
        pbft_decide(p, s, q, &v->proof);
    }
    pbft_try_execute(p);
}

/* The last one only: the transactions of one before it go back at once, so that a leader cannot keep what
 * it likes from the others' blocks by proposals that fail. */
static void set_failed(pbft_t *p, slot_t *s, prop_t *q)
{
    const prop_t *old = s->failed;
    if (old && !prop_is(q, &old->hash) && !prop_is(s->pre, &old->hash) && !prop_is(s->pc, &old->hash) &&
        !prop_is(s->dec, &old->hash)) {
        pbft_unseal(p, old);
        pbft_mark_sealed(p, q); /* what they have in common */
    }
    prop_set(&s->failed, q);
}

static void verified_pre(pbft_t *p, slot_t *s, verify_t *v, bc_msg_t *in)
{
    prop_t *q = v->prop;
    if (s->verify != v->token) { /* a view change came between */
        if (!prop_is(s->pc, &q->hash) && !prop_is(s->dec, &q->hash) && !prop_is(s->pre, &q->hash))
            pbft_unseal(p, q);
        return;
    }
    s->verify = 0;
    if (in->err) {
        BC_WARN(PBFT_BADGES, "verify proposal failed,index=%ld,hash=%s,view=%ld,code=%ld",
                (long)q->index, BC_SHORT(q->hash), (long)v->view, (long)in->number2);
        if (q->prepared && !in->flag && v->tries < p->node_cnt) {
            verify_start(p, VERIFY_PRE, q, v->view, other_node(p, v->tries), v->tries + 1, NULL);
            s->verify = p->token;
        } else {
            set_failed(p, s, q);
        }
        return;
    }
    if (taken_here(p, q)) { /* another one was verified meanwhile, or now that its nonces are known */
        set_failed(p, s, q);
        pbft_give_up(p, s);
        return;
    }
    if (no_conflict(p, s, &q->hash, v->view))
        accept(p, s, q, v->view);
    else
        set_failed(p, s, q); /* others have shown a newer precommit meanwhile */
    if (s->followed) {
        s->followed = false;
        pbft_redispatch(p);
    }
}

/* Those who prepared it have its transactions. */
static void verified_bound(pbft_t *p, slot_t *s, verify_t *v, bc_msg_t *in)
{
    if (in->err && !in->flag && s->pc == v->prop && !s->verify && v->tries < p->node_cnt)
        verify_start(p, VERIFY_BOUND, s->pc, s->pc_view, other_node(p, v->tries), v->tries + 1, NULL);
}

void pbft_on_verified(pbft_t *p, bc_msg_t *in)
{
    verify_t **at = &p->verifies;
    while (*at && (*at)->token != in->token)
        at = &(*at)->next;
    verify_t *v = *at;
    if (!v)
        return;
    *at = v->next;
    slot_t *s = pbft_slot(p, v->prop->index);
    if (!in->err && in->txs && !v->prop->txs) {
        v->prop->txs = in->txs;
        in->txs = NULL;
        prop_look_at_txs(v->prop);
    }
    bc_err_t err = in->err ? in->err : v->prop->txs ? BC_OK : BC_E_INTERNAL;
    in->err = err;
    if (s) {
        if (in->flag)
            pbft_note_impossible(s, &v->prop->hash);
        /* Also after a failure: others may have verified it (spec/30 §3.6 P1). Not when a view
         * change has given it up: its transactions may be with our sealer again. */
        if (v->kind == VERIFY_DECIDED || s->verify == v->token || prop_is(s->pc, &v->prop->hash))
            pbft_mark_sealed(p, v->prop);
        if (s->pc && !s->pc->txs && v->prop->txs && prop_is(s->pc, &v->prop->hash))
            prop_set(&s->pc, v->prop);
        if (v->kind == VERIFY_PRE)
            verified_pre(p, s, v, in);
        else if (v->kind == VERIFY_BOUND)
            verified_bound(p, s, v, in);
        else if (v->kind == VERIFY_DECIDED)
            verified_decided(p, s, v, in);
        if (in->flag)
            pbft_give_up(p, s);
    } else {
        pbft_unseal(p, v->prop); /* the height is closed: what another block took is gone already */
    }
    votes_free(&v->proof);
    prop_unref(v->prop);
    free(v);
}

/* ---- leader ---- */

/* The record of what we propose comes before the proposal: a leader that restarts cannot propose
 * something else in the same view. */
static void lead(pbft_t *p, slot_t *s, prop_t *q)
{
    if (s->voted_view < p->view) {
        s->voted_view = p->view;
        s->voted_hash = q->hash;
        pbft_store_prepare(p, q, p->view);
    }
    send_pre_prepare(p, q, NULL);
    pbft_take_proposal(p, q, p->view, NULL);
}

void pbft_propose_again(pbft_t *p, prop_t *q)
{
    slot_t *s = pbft_slot_make(p, q->index);
    if (!s || p->timeout || pbft_leader(p, q->index, p->view) != p->self)
        return;
    prop_ref(q);
    lead(p, s, q);
    prop_unref(q);
}

static bool may_propose(pbft_t *p, int64_t index)
{
    if (p->self < 0 || p->timeout || index <= p->committed || index <= p->sync_highest ||
        index < p->expected || index < p->low || index > p->committed + p->pipeline ||
        pbft_gated(p, index) || config_changing(p) ||
        pbft_leader(p, index, p->view) != p->self)
        return false;
    return height_free(p, index);
}

void pbft_on_propose(pbft_t *p, bc_msg_t *in)
{
    if (!in->header)
        return;
    int64_t index = in->header->h.data.number;
    prop_t *q = may_propose(p, index) ? prop_from_sealer(p, in->header, in->metas, in->flag) : NULL;
    if (!q) {
        BC_DEBUG(PBFT_BADGES, "own proposal is stale,index=%ld", (long)index);
        bc_msg_t *m = bc_out_msg(p->out, BC_ACTOR_TXPOOL, BC_MSG_UNSEAL);
        m->number = -1;
        m->metas = in->metas ? bc_metas_ref(in->metas) : bc_metas_new(0);
        pbft_seal_reset(p);
        if (p->self >= 0 && p->sync_highest <= p->committed)
            pbft_seal_next(p);
        return;
    }
    slot_t *s = pbft_slot_make(p, index);
    BC_MUST(s);
    pbft_mark_sealed(p, q);
    lead(p, s, q);
    prop_unref(q);
}

/* ---- messages ---- */

bool pbft_signed(pbft_t *p, const bc_nodeid_t *node, bc_buf_t *data, const pbft_msg_t *m)
{
    int64_t idx = m->base.from;
    if (idx >= 0 && (size_t)idx < p->node_cnt && !memcmp(&p->ids[idx], node, sizeof *node) &&
        idx != p->self && pbft_verify(p, idx, &m->digest, m->sig))
        return true;
    if (m->base.index > pbft_next(p) && data)
        pbft_defer(p, node, data, m->base.index, m->base.view);
    else
        p->dropped++;
    return false;
}

static bool well_formed(const pbft_msg_t *m)
{
    return m->has_proposal && m->proposal.has_raw && m->proposal.has_hash && m->base.has_hash &&
           m->proposal.index == m->base.index && bc_h256_eq(&m->proposal.hash, &m->base.hash);
}

/* Heights and views that pre-prepares, prepares and commits may have; others are dropped, or
 * kept for their time (spec/30 §3.5, §3.6). */
static bool timely(pbft_t *p, const bc_nodeid_t *node, bc_buf_t *data, const pbft_msg_t *m)
{
    int64_t index = m->base.index, view = m->base.view;
    if (!well_formed(m)) {
        p->dropped++;
        return false;
    }
    if (index <= p->committed || index > p->committed + p->window || index <= p->sync_highest ||
        view < p->view || view > p->view + p->pipeline)
        return false;
    if (pbft_gated(p, index)) {
        pbft_defer(p, node, data, index, view);
        return false;
    }
    return true;
}

/* A block that must rotate the sealers begins with the leader's own transaction for it (spec/30
 * §4). Known for the next height only; further ahead execution decides. */
static bool rotation_ok(pbft_t *p, const prop_t *q, int64_t leader)
{
    if (q->index != pbft_next(p) || !bc_ledger_config_rotates(p->cfg))
        return true;
    bc_addr_t addr;
    char text[41] = "";
    bc_address(p->suite, &p->ids[leader], &addr);
    bc_hex_put(BC_VIEW(addr), text);
    const bc_meta_t *m = q->metas->cnt ? &q->metas->v[0] : NULL;
    return m && !strcmp(m->source, text) &&
           (!strcmp(m->to, "0000000000000000000000000000000000001003") ||
            !strcmp(m->to, "/sys/consensus"));
}

/* Further ahead than the next height only on top of verified proposals, none of which may change
 * the sealer list: the header names the list that judges the block. A leader's word about
 * transactions that are still on their way counts for nothing: the block after them waits. */
static bool follows(pbft_t *p, int64_t index)
{
    if (index == pbft_next(p))
        return true;
    slot_t *s = pbft_slot(p, index - 1);
    if (s && s->verify)
        s->followed = true;
    return s && (s->pre || s->dec) && !config_changing(p);
}

void pbft_on_pre_prepare(pbft_t *p, const bc_nodeid_t *node, bc_buf_t *data, const pbft_msg_t *m)
{
    if (!timely(p, node, data, m))
        return;
    int64_t index = m->base.index, view = m->base.view;
    if (index < p->low || index < p->expected)
        return;
    bool leads = pbft_leader(p, index, view) == m->base.from;
    if (view > p->view || (!leads && index > pbft_next(p)) || !follows(p, index)) {
        pbft_defer(p, node, data, index, view);
        return;
    }
    slot_t *s = pbft_slot(p, index);
    if (!leads || (s && (!no_conflict(p, s, &m->base.hash, view) || s->verify))) {
        p->dropped++;
        return;
    }
    if (!pbft_signed(p, node, data, m))
        return;
    prop_t *q = prop_from_wire(p, &m->proposal);
    if (!q || !q->data) {
        BC_WARN(PBFT_BADGES, "malformed proposal,index=%ld,from=%ld", (long)index, (long)m->base.from);
        p->dropped++;
    } else if (p->require_root && q->metas->cnt &&
               (!q->header->h.data.txs_root.n || !q->header->h.data.receipts_root.n)) {
        BC_WARN(PBFT_BADGES,
                "proposal that does not name its transactions,index=%ld,from=%ld; if that node runs "
                "FISCO BCOS's own program, set consensus.require_txs_root=false",
                (long)index, (long)m->base.from);
        p->dropped++;
    } else if (!rotation_ok(p, q, m->base.from)) {
        BC_WARN(PBFT_BADGES, "proposal without the rotation that is due,index=%ld,from=%ld",
                (long)index, (long)m->base.from);
        p->dropped++;
    } else {
        pbft_take_proposal(p, q, view, node);
    }
    prop_unref(q);
}

/* Votes past their quorum are not even looked at: their signatures cost more than all the rest. */
void pbft_on_prepare(pbft_t *p, const bc_nodeid_t *node, bc_buf_t *data, const pbft_msg_t *m)
{
    if (!timely(p, node, data, m))
        return;
    slot_t *s = pbft_slot_make(p, m->base.index);
    int64_t view = m->base.view;
    const bc_h256_t *hash = &m->base.hash;
    if ((s->pc && s->pc_view >= view) || votes_has(&s->prepares, m->base.from, view, hash) ||
        (s->pre && s->pre_view == view && !prop_is(s->pre, hash)))
        return;
    if (!pbft_signed(p, node, data, m))
        return;
    bool shown = votes_can_show(p->suite, m);
    if ((!shown && p->require_root) || !pbft_verify(p, m->base.from, hash, m->proposal.sig)) {
        p->dropped++; /* a proof with it would not show its view, and all sealers are ours */
        return;
    }
    if (votes_add_prepare(&s->prepares, m, shown))
        pbft_progress(p, s);
}

void pbft_on_commit(pbft_t *p, const bc_nodeid_t *node, bc_buf_t *data, const pbft_msg_t *m)
{
    if (!timely(p, node, data, m))
        return;
    slot_t *s = pbft_slot_make(p, m->base.index);
    int64_t view = m->base.view;
    const bc_h256_t *hash = &m->base.hash;
    if (s->dec || votes_has(&s->commits, m->base.from, view, hash) ||
        (s->pre && s->pre_view == view && !prop_is(s->pre, hash)))
        return;
    if (!pbft_signed(p, node, data, m))
        return;
    if (votes_add(&s->commits, m->base.from, view, hash, m->proposal.sig))
        pbft_progress(p, s);
}

/* ---- quorums ---- */

/* P3 and P5. Votes count in the view they were given for. */
void pbft_progress(pbft_t *p, slot_t *s)
{
    if (p->timeout || !s->pre || s->pre_view != p->view)
        return;
    if (!s->pc || s->pc_view < p->view) {
        if (votes_weight(p, &s->prepares, &s->pre->hash, p->view) < p->quorum)
            return;
        pbft_bind(p, s, s->pre, p->view, &s->prepares);
        send_vote(p, PBFT_COMMIT, s->pc, &s->commits, NULL);
    } else if (!pbft_precommitted_here(p, s)) {
        return; /* others have shown that a quorum prepared another block in this view */
    } else if (!votes_has(&s->commits, p->self, p->view, &s->pc->hash)) {
        send_vote(p, PBFT_COMMIT, s->pc, &s->commits, NULL); /* of a former life */
    }
    if (!s->dec && votes_weight(p, &s->commits, &s->pc->hash, p->view) >= p->quorum)
        pbft_decide(p, s, s->pc, &s->proof);
}

void pbft_decide(pbft_t *p, slot_t *s, prop_t *q, const votes_t *proof)
{
    if (prop_void(p, q)) { /* from a peer, or by old votes */
        s->synced = false;
        p->dropped++;
        return;
    }
    prop_set(&s->dec, q);
    votes_copy(&s->dec_proof, proof);
    pbft_give_up_void(p); /* what is above it and has its transactions */
    BC_DEBUG(PBFT_BADGES, "commit quorum,index=%ld,hash=%s,view=%ld", (long)q->index,
             BC_SHORT(q->hash), (long)p->view);
    if (q->system)
        p->wait_seal = BC_MAX(p->wait_seal, q->index);
    if (!p->timeout)
        p->to_view = p->view;
    if (q->index > p->told_index)
        pbft_tell_index(p, q->index);
    pbft_timer_restart(p);
    pbft_seal_next(p);
    pbft_try_execute(p);
}

void pbft_slot_enter_view(pbft_t *p, slot_t *s, int64_t view)
{
    if (s->verify_view < view)
        s->verify = 0;
    pbft_adopt(p, s, s->newer_block);
    prop_set(&s->offered, NULL);
    if (s->failed) {
        if (!prop_is(s->pc, &s->failed->hash) && !prop_is(s->dec, &s->failed->hash))
            pbft_unseal(p, s->failed);
        prop_set(&s->failed, NULL);
    }
    if (s->pre && s->pre_view < view) {
        if (!prop_is(s->pc, &s->pre->hash) && !prop_is(s->dec, &s->pre->hash))
            pbft_unseal(p, s->pre);
        prop_set(&s->pre, NULL);
    }
    votes_drop_below(&s->prepares, view);
    votes_drop_below(&s->commits, view);
}
