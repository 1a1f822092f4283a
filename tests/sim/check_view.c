/* Why a node may enter a view: it sent, or was given, a NewView with valid view changes of quorum
 * weight from distinct nodes, whose proofs hold and whose list is what they demand; or more than f
 * of the weight told it that they are there; back into its own view, a quorum. Why it may ask for a
 * view: it waited for as long as the shortest time-out, and a quorum asks for the one that it asked
 * for before; or more than f of the weight ask for it, whom it must follow; or the leaders before it
 * are not there. Written apart from src/scheduling/pbft, on purpose. */
#include "scheduling/front/front.h"
#include "scheduling/pbft/pbft_wire.h"
#include "sim_impl.h"

enum { TIMEOUT_MS = 3000, PIPELINE = 50 };
#define FAR ((int64_t)1 << 53) /* no honest node takes, or says, more */

static bool signed_by(const sim_node_t *n, const sim_conf_t *c, int64_t idx,
                      const bc_h256_t *digest, bc_bytes_t sig, int *node)
{
    int list[SIM_NODES_MAX], cnt = sim_conf_list(c, list);
    if (idx < 0 || idx >= cnt)
        return false;
    *node = list[idx];
    return bc_verify(BC_SUITE_STANDARD, &n->world->nodes[*node].key.pub, digest, sig);
}

bool sim_proof_holds(const sim_node_t *n, const sim_conf_t *c, const pbft_proposal_t *p)
{
    uint32_t who = 0;
    for (size_t i = 0; i < p->proof_cnt; i++) {
        int node;
        if (!signed_by(n, c, p->proof[i].node, &p->hash, p->proof[i].sig, &node) || who >> node & 1)
            return false;
        who |= 1u << node;
    }
    return sim_conf_weight(c, who) >= sim_conf_quorum(c, NULL);
}

/* Who made it may have taken a view change when it did not know the block yet. */
static bool made_by(const sim_node_t *n, const sim_conf_t *c, const pbft_msg_t *nv)
{
    return sim_conf_index(c, n->i) == nv->base.from;
}

static const char *vc_fault(const sim_node_t *n, const sim_conf_t *c, const pbft_msg_t *nv,
                            const pbft_msg_t *vc, uint32_t *who)
{
    int node;
    bc_h256_t digest;
    if (vc->base.view != nv->base.view)
        return "a view change of another view";
    pbft_digest(BC_SUITE_STANDARD, vc, &digest); /* of what it says, not what it says it is */
    if (!signed_by(n, c, vc->base.from, &digest, vc->sig, &node))
        return "a view change with a bad signature";
    if (*who >> node & 1)
        return "two view changes of one node";
    *who |= 1u << node;
    if (vc->proposal.index != vc->base.index)
        return "a view change of two heights";
    if (!made_by(n, c, nv) && vc->base.index == n->disk.height && n->disk.height > 0 &&
        !bc_h256_eq(&vc->proposal.hash, &n->disk.blocks[n->disk.height].header->hash))
        return "a view change on top of another block";
    for (size_t i = 0; i < vc->vote_cnt; i++) {
        if (vc->votes[i].base.view > vc->base.view)
            return "a proof of a later view";
        for (size_t k = 0; k < i; k++)
            if (vc->votes[k].proposal.index == vc->votes[i].proposal.index)
                return "two proofs of one height";
    }
    for (size_t i = 0; i < vc->vote_cnt; i++)
        if (vc->votes[i].proposal.index > vc->base.index &&
            (!vc->votes[i].has_proposal || !sim_proof_holds(n, c, &vc->votes[i].proposal)))
            return "a proof that does not hold";
    return NULL;
}

/* The proof shows that a quorum prepared it in the view that is named: with the Prepare messages'
 * own signatures. */
static bool shows_view(const sim_node_t *n, const sim_conf_t *c, const pbft_msg_t *v)
{
    for (size_t i = 0; i < v->proposal.proof_cnt; i++) {
        const pbft_sig_t *sig = &v->proposal.proof[i];
        pbft_msg_t m = { .type = PBFT_PREPARE, .has_base = true };
        bc_h256_t digest;
        int node;
        m.base = (pbft_base_t){ .index = v->proposal.index, .has_hash = true, .hash = v->proposal.hash,
                                .view = v->base.view, .timestamp = sig->time, .from = sig->node };
        pbft_digest(BC_SUITE_STANDARD, &m, &digest);
        if (!signed_by(n, c, sig->node, &digest, sig->vote, &node))
            return false;
    }
    return sim_proof_holds(n, c, &v->proposal);
}

/* The view of the newest prepared proposal at index, with that hash if given; -1: none. c: only what
 * proves its view. */
static int64_t newest(const sim_node_t *n, const sim_conf_t *c, const pbft_msg_t *nv, int64_t index,
                      const bc_h256_t *hash)
{
    int64_t view = -1;
    for (size_t i = 0; i < nv->vc_cnt; i++)
        for (size_t k = 0; k < nv->vcs[i].vote_cnt; k++) {
            const pbft_msg_t *v = &nv->vcs[i].votes[k];
            if (v->proposal.index == index && (!hash || bc_h256_eq(hash, &v->proposal.hash)) &&
                v->base.view > view && (!c || shows_view(n, c, v)))
                view = v->base.view;
        }
    return view;
}

/* What was prepared in the newest view; honest makers go by views that are proven, where there are any,
 * others may by what is named. */
static bool newest_named(const sim_node_t *n, const sim_conf_t *c, const pbft_msg_t *nv,
                         const pbft_proposal_t *p)
{
    int64_t best = newest(n, NULL, nv, p->index, NULL);
    bool named = newest(n, NULL, nv, p->index, &p->hash) == best;
    if (best < 0 || (named && !made_by(n, c, nv)))
        return true;
    int64_t proven = newest(n, c, nv, p->index, NULL);
    return proven < 0 ? named : newest(n, c, nv, p->index, &p->hash) == proven;
}

static const char *new_view_fault(const sim_node_t *n, const pbft_msg_t *nv)
{
    const sim_conf_t *c = sim_conf_after(n, n->disk.height);
    uint32_t who = 0;
    int64_t committed = -1, top = -1;
    for (size_t i = 0; i < nv->vc_cnt; i++) {
        const char *fault = vc_fault(n, c, nv, &nv->vcs[i], &who);
        if (fault)
            return fault;
        committed = BC_MAX(committed, nv->vcs[i].base.index);
        for (size_t k = 0; k < nv->vcs[i].vote_cnt; k++)
            top = BC_MAX(top, nv->vcs[i].votes[k].proposal.index);
    }
    if (sim_conf_weight(c, who) < sim_conf_quorum(c, NULL))
        return "too few view changes";
    int list[SIM_NODES_MAX];
    if (committed > FAR || nv->base.index > FAR)
        return "heights that do not exist";
    if (nv->base.index < 0 || nv->base.index > committed + PIPELINE ||
        sim_leader(nv->base.index + 1, nv->base.view, n->world->o.leader_period,
                       (size_t)sim_conf_list(c, list)) != nv->base.from)
        return "a maker who does not lead it";
    for (size_t i = 0; i < nv->vote_cnt; i++) {
        const pbft_proposal_t *p = &nv->votes[i].proposal;
        if (p->index != committed + 1 + (int64_t)i)
            return "a gap in its list";
        if (p->index > top)
            return "an entry for what nobody prepared";
        if (!newest_named(n, c, nv, p))
            return "a proposal that nobody prepared last";
    }
    return NULL;
}

static void note_list(sim_t *s, const pbft_msg_t *nv)
{
    for (size_t i = 0; i < nv->vote_cnt; i++)
        check_offered(s, nv->votes[i].proposal.index, nv->base.view, &nv->votes[i].proposal.hash);
}

/* Others believe nothing else than what this one shows. */
static bool proofs_hold(const sim_node_t *n, const pbft_msg_t *vc)
{
    const sim_conf_t *c = sim_conf_after(n, vc->base.index);
    for (size_t i = 0; i < vc->vote_cnt; i++)
        if (vc->votes[i].proposal.index > vc->base.index &&
            !sim_proof_holds(n, c, &vc->votes[i].proposal))
            return false;
    return true;
}

void check_view_out(sim_node_t *n, bc_bytes_t payload)
{
    int kind = sim_pbft_type(payload);
    pbft_msg_t m;
    bc_arena_t arena = { 0 };
    if (!n->bad &&
        (kind == PBFT_NEW_VIEW || kind == PBFT_VIEW_CHANGE || kind == PBFT_PRE_PREPARE) &&
        !n->world->o.forget_votes && pbft_decode(BC_SUITE_STANDARD, payload, &m, &arena) == BC_OK) {
        const char *fault = m.type == PBFT_NEW_VIEW ? new_view_fault(n, &m) : NULL;
        if (fault)
            sim_fail(n->world, "view", "node %d made a NewView of view %ld with %s", n->i,
                     (long)m.base.view, fault);
        if (m.type == PBFT_VIEW_CHANGE && !proofs_hold(n, &m) && !n->world->o.injects)
            sim_fail(n->world, "view", "node %d asks for view %ld with a proof that does not hold",
                     n->i, (long)m.base.view);
        if (m.type == PBFT_PRE_PREPARE && m.has_proposal) /* not an empty answer */
            check_turn(n, &m);
        if (m.type == PBFT_VIEW_CHANGE)
            n->asks = BC_MAX(n->asks, m.base.view);
        if (m.type == PBFT_NEW_VIEW) {
            n->may_enter = BC_MAX(n->may_enter, m.base.view);
            note_list(n->world, &m);
        }
    }
    bc_arena_free(&arena);
}

/* While it asks for another view it counts no votes of the one that it is in. */
void check_view_commit(sim_node_t *n, const pbft_msg_t *m)
{
    if (m->base.view < n->asks)
        n->late = BC_MAX(n->late, m->base.view); /* unless it has returned into it */
}

static void recover_in(sim_node_t *n, const bc_nodeid_t *from, const pbft_msg_t *m)
{
    sim_t *s = n->world;
    const sim_conf_t *c = sim_conf_after(n, n->disk.height);
    uint64_t faulty;
    int node;
    sim_conf_quorum(c, &faulty);
    if (!signed_by(n, c, m->base.from, &m->digest, m->sig, &node) ||
        memcmp(from, &s->nodes[node].key.pub, sizeof *from))
        return;
    bc_pbft_status_t st;
    bc_pbft_status(n->actors[BC_ACTOR_PBFT], &st);
    if (!st.timeout && st.view != n->start_view) /* it has asked for none */
        return;
    int64_t said = n->recovers >> node & 1 ? n->recover_view[node] : -1;
    n->recovers |= 1u << node;
    n->back[node] = BC_MAX(n->back[node], m->base.view);
    n->recover_view[node] = BC_MAX(said, m->base.view); /* a liar takes nothing back */
    uint32_t who = 0;
    for (int i = 0; i < s->cnt; i++)
        who |= (uint32_t)(n->recovers >> i & 1 && n->recover_view[i] >= m->base.view) << i;
    if (sim_conf_weight(c, who) > faulty)
        n->may_enter = BC_MAX(n->may_enter, m->base.view);
}

/* An honest node's call that it cannot but count: the last one, as it forgets older ones. */
static void urged_in(sim_node_t *n, const sim_conf_t *c, int node, const pbft_msg_t *m)
{
    bc_pbft_status_t st;
    bc_pbft_status(n->actors[BC_ACTOR_PBFT], &st);
    if (n->urged_by != c)
        memset(n->urged, 0xff, sizeof n->urged);
    n->urged_by = c;
    for (size_t i = 0; i < m->vote_cnt; i++)
        if (m->votes[i].proposal.index > m->base.index && !sim_proof_holds(n, c, &m->votes[i].proposal))
            return;
    if (n->world->nodes[node].bad || m->base.index < n->disk.height || m->base.view <= st.view ||
        st.index < 0 || st.sync_highest > n->disk.height)
        return;
    n->urged[node] = m->base.view;
    n->urged_now = true;
}

/* A view change that was given to it: valid or not but for its signature, a liar takes nothing
 * back.
 */
static void asked_in(sim_node_t *n, const bc_nodeid_t *from, const pbft_msg_t *m)
{
    int node;
    const sim_conf_t *c = sim_conf_after(n, n->disk.height);
    if (!signed_by(n, c, m->base.from, &m->digest, m->sig, &node) ||
        memcmp(from, &n->world->nodes[node].key.pub, sizeof *from))
        return;
    n->asked[node] = BC_MAX(n->asked[node], m->base.view);
    urged_in(n, c, node, m);
}

/* Signed, and over its signer's connection. */
static bool own_word(const sim_node_t *n, const bc_nodeid_t *from, const pbft_msg_t *m)
{
    int node;
    return signed_by(n, sim_conf_after(n, n->disk.height), m->base.from, &m->digest, m->sig, &node) &&
           !memcmp(from, &n->world->nodes[node].key.pub, sizeof *from);
}

/* Who asked with its own signature, over its own connection, where this node is. */
static void wants_in(sim_node_t *n, const bc_nodeid_t *from, const pbft_msg_t *m)
{
    int node;
    if (signed_by(n, sim_conf_after(n, n->disk.height), m->base.from, &m->digest, m->sig, &node) &&
        !memcmp(from, &n->world->nodes[node].key.pub, sizeof *from))
        n->wants[node]++;
}

void check_view_told(sim_node_t *n, const bc_nodeid_t *to, bc_bytes_t payload)
{
    sim_t *s = n->world;
    if (n->bad || sim_pbft_type(payload) != PBFT_RECOVER_RESPONSE || s->o.forget_votes ||
        s->o.injects)
        return;
    for (int i = 0; i < s->cnt; i++)
        if (!memcmp(to, &s->nodes[i].key.pub, sizeof *to) && --n->wants[i] < 0)
            sim_fail(s, "view", "node %d told node %d its view, which had not asked", n->i, i);
}

void check_view_in(sim_node_t *n, const bc_nodeid_t *from, bc_bytes_t payload)
{
    int kind = sim_pbft_type(payload);
    pbft_msg_t m;
    bc_arena_t arena = { 0 };
    if ((kind == PBFT_NEW_VIEW || kind == PBFT_RECOVER_RESPONSE || kind == PBFT_VIEW_CHANGE ||
         kind == PBFT_RECOVER_REQUEST) &&
        !n->world->o.forget_votes && pbft_decode(BC_SUITE_STANDARD, payload, &m, &arena) == BC_OK) {
        if (m.type == PBFT_VIEW_CHANGE || m.type == PBFT_RECOVER_REQUEST)
            wants_in(n, from, &m);
        if (m.type == PBFT_RECOVER_RESPONSE) {
            recover_in(n, from, &m);
        } else if (m.type == PBFT_VIEW_CHANGE) {
            asked_in(n, from, &m);
        } else if (m.type == PBFT_NEW_VIEW && own_word(n, from, &m) && !new_view_fault(n, &m)) {
            n->may_enter = BC_MAX(n->may_enter, m.base.view);
            note_list(n->world, &m);
        }
    }
    bc_arena_free(&arena);
}

/* A node alone in the list, or one that starts with a record of its view, needs nobody. */
void check_view_entered(sim_node_t *n, int64_t view)
{
    int list[SIM_NODES_MAX];
    bool restarted = !n->view_seen;
    n->world->honest_view = BC_MAX(n->world->honest_view, view);
    if (view > n->may_enter && !restarted && !n->world->o.forget_votes &&
        sim_conf_list(sim_conf_after(n, n->disk.height), list) > 1)
        sim_fail(n->world, "view", "node %d entered view %ld without a reason", n->i, (long)view);
}

/* More than f of the others' weight asked it to go at least there. */
static bool called(const sim_node_t *n, const sim_conf_t *c, int64_t view)
{
    uint64_t faulty;
    uint32_t who = 0;
    sim_conf_quorum(c, &faulty);
    for (int i = 0; i < n->world->cnt; i++)
        who |= (uint32_t)(i != n->i && n->asked[i] >= view) << i;
    return sim_conf_weight(c, who) > faulty;
}

/* A quorum, itself among them, asked for at least that view: alone it must not run ahead. */
static bool together(const sim_node_t *n, const sim_conf_t *c, int64_t view)
{
    uint32_t who = 1u << n->i;
    for (int i = 0; i < n->world->cnt; i++)
        who |= (uint32_t)(n->asked[i] >= view) << i;
    return sim_conf_weight(c, who) >= sim_conf_quorum(c, NULL);
}

/* The highest view that honest nodes of more than f of the weight ask for at least; -1: none. */
static int64_t urged_to(const sim_node_t *n, const sim_conf_t *c)
{
    uint64_t faulty;
    int64_t best = -1;
    sim_conf_quorum(c, &faulty);
    for (int i = 0; i < n->world->cnt; i++) {
        uint32_t who = 0;
        for (int k = 0; k < n->world->cnt; k++)
            who |= (uint32_t)(k != n->i && n->urged[k] >= n->urged[i]) << k;
        if (n->urged[i] > best && sim_conf_weight(c, who) > faulty)
            best = n->urged[i];
    }
    return best;
}

/* It asked for a later view, and works in its own again. */
static bool may_return(const sim_node_t *n, const sim_conf_t *c, int64_t view)
{
    uint32_t who = 0;
    for (int i = 0; i < n->world->cnt; i++)
        who |= (uint32_t)(n->back[i] >= view) << i;
    return sim_conf_weight(c, who) >= sim_conf_quorum(c, NULL);
}

/* Nobody who leads the height after this one in the views from..to - 1 can propose: they are not
 * connected, or too far behind, which a bad one may say of itself. */
static bool leaders_away(const sim_node_t *n, int64_t height, int64_t from, int64_t to)
{
    const sim_t *s = n->world;
    int list[SIM_NODES_MAX], cnt = sim_conf_list(sim_conf_after(n, height), list);
    for (int64_t view = from; view < to; view++) {
        int64_t k = sim_leader(height + 1, view, s->o.leader_period, (size_t)cnt);
        const sim_node_t *leader = &s->nodes[list[k]];
        if (leader == n || (n->told_peers >> leader->i & 1 && !leader->bad &&
                            leader->disk.height + PIPELINE >= height))
            return false;
    }
    return to - from <= cnt;
}

/* One step may tell of several blocks, written together: it can have asked after any of them. */
static bool leaders_were_away(const sim_node_t *n, int64_t from, int64_t to)
{
    for (int64_t h = n->number_seen; h <= n->disk.height; h++)
        if (leaders_away(n, h, from, to))
            return true;
    return false;
}

/* After each step. Its first view change in a life, or as a sealer, needs nobody. */
void check_view_asked(sim_node_t *n, const bc_pbft_status_t *st)
{
    sim_t *s = n->world;
    const sim_conf_t *c = sim_conf_after(n, n->disk.height);
    int64_t before = BC_MAX(n->to_view_seen, n->view_seen), to = st->to_view;
    bool waited = n->timer_fired && s->now - n->moved_at >= TIMEOUT_MS && to == before + 1 &&
                  (n->to_view_seen <= n->view_seen || together(n, c, before));
    if (n->to_view_seen >= 0 && n->sealer_seen && st->index >= 0 && to > st->view && to > before &&
        !s->o.forget_votes && !s->o.injects && !waited && !called(n, c, to) &&
        !leaders_were_away(n, st->view, to))
        sim_fail(s, "view", "node %d asks for view %ld without a reason", n->i, (long)to);
    if (n->to_view_seen > st->view && to == st->view && st->view == n->view_seen &&
        !s->o.forget_votes && !s->o.injects && !may_return(n, c, to))
        sim_fail(s, "view", "node %d returned into view %ld without a reason", n->i, (long)to);
    if (n->urged_now && n->urged_by == c && urged_to(n, c) > to && st->index >= 0 &&
        !s->o.forget_votes && !s->o.injects)
        sim_fail(s, "view", "node %d asks for view %ld, and more than f of the others for a later one",
                 n->i, (long)to);
    n->urged_now = false;
    if (n->late >= 0 && to > n->late && st->view <= n->late && st->index >= 0 && !s->o.injects)
        sim_fail(s, "view", "node %d precommitted in view %ld while it asks for view %ld", n->i,
                 (long)n->late, (long)to);
    n->late = -1;
    n->asks = to;
    if (st->view != n->view_seen || to != n->to_view_seen) {
        n->moved_at = s->now;
        memset(n->back, 0xff, sizeof n->back);
    }
    n->to_view_seen = to;
    n->number_seen = n->disk.height;
    n->sealer_seen = st->index >= 0;
    n->timer_fired = false;
}
