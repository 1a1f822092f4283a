#include "pbft.h"
#include <stdlib.h>
#include "pbft_impl.h"

/* ---- rules ---- */

int64_t bc_pbft_leader(int64_t number, int64_t view, uint64_t period, size_t node_cnt)
{
    if (!node_cnt || number < 0 || view < 0)
        return -1;
    uint64_t n = (uint64_t)number / (period ? period : 1) + (uint64_t)view;
    return (int64_t)(n % node_cnt);
}

void bc_pbft_quorum(uint64_t total, uint64_t *quorum, uint64_t *max_faulty)
{
    *max_faulty = total ? (total - 1) / 3 : 0;
    *quorum = total - *max_faulty;
}

int64_t bc_pbft_timeout_ms(int64_t base_ms, unsigned cycle)
{
    /* 1.5^c exactly, rounded down: 3^c / 2^c fits for c <= 10 */
    int64_t num = base_ms, den = 1;
    for (unsigned i = 0; i < BC_MIN(cycle, (unsigned)PBFT_CYCLE_MAX); i++) {
        num *= 3;
        den *= 2;
    }
    return num / den;
}

int64_t pbft_leader(const pbft_t *p, int64_t index, int64_t view)
{
    return bc_pbft_leader(index, view, p->cfg ? p->cfg->leader_period : 1, p->node_cnt);
}

uint64_t pbft_weight(const pbft_t *p, int64_t idx)
{
    return idx < 0 || (size_t)idx >= p->node_cnt ? 0 : p->weights[idx];
}

/* ---- heights ---- */

slot_t *pbft_slot(pbft_t *p, int64_t index)
{
    if (index <= p->committed || index > p->committed + p->window)
        return NULL;
    slot_t *s = p->slots[index % p->window];
    return s && s->index == index ? s : NULL;
}

slot_t *pbft_slot_make(pbft_t *p, int64_t index)
{
    if (index <= p->committed || index > p->committed + p->window)
        return NULL;
    slot_t **at = &p->slots[index % p->window];
    if (!*at) {
        *at = bc_xcalloc(1, sizeof **at);
        (*at)->index = index;
        (*at)->voted_view = (*at)->newer.view = (*at)->named.view = -1;
    }
    BC_MUST((*at)->index == index);
    p->slot_max = BC_MAX(p->slot_max, index);
    return *at;
}

static bool in_consensus(pbft_t *p)
{
    for (int64_t i = pbft_next(p); i <= p->slot_max; i++) {
        const slot_t *s = pbft_slot(p, i);
        if (s && (s->pre || s->pc || s->dec || s->verify))
            return true;
    }
    return false;
}

bool pbft_gated(const pbft_t *p, int64_t index)
{
    return (p->wait_seal > p->committed || p->wait_reseal > p->committed) &&
           index > p->committed && index > p->wait_seal && index > p->wait_reseal;
}

/* ---- timers ---- */

static void timer_set(pbft_t *p, int id, int64_t ms)
{
    bc_msg_t *m = bc_out_msg(p->out, BC_ACTOR_HOST, BC_MSG_TIMER_SET);
    m->number = id;
    m->number2 = ms;
}

static void view_timer_arm(pbft_t *p)
{
    int64_t left = BC_MAX(p->timer_at - p->now.mono_ms, 1);
    p->timer_armed = p->now.mono_ms + left;
    timer_set(p, TIMER_VIEW, left);
}

/* Moving the deadline back costs no message: an early alarm is set anew for the rest. */
void pbft_timer_restart(pbft_t *p)
{
    if (p->self < 0)
        return;
    p->timer_on = true;
    p->timer_at = p->now.mono_ms + bc_pbft_timeout_ms(p->base_ms, p->cycle);
    if (!p->timer_armed || p->timer_armed > p->timer_at)
        view_timer_arm(p);
}

void pbft_timer_check(pbft_t *p)
{
    bool want = p->self >= 0 && (p->timeout || p->pool_size > 0 || p->sync_highest > p->committed ||
                                 in_consensus(p));
    if (want && !p->timer_on)
        pbft_timer_restart(p);
    else if (!want)
        p->timer_on = false;
}

void pbft_retry_soon(pbft_t *p)
{
    if (p->retry_on)
        return;
    p->retry_on = true;
    p->retry_ms = p->retry_ms ? BC_MIN(2 * p->retry_ms, (int64_t)PBFT_RETRY_MAX_MS) : PBFT_RETRY_MS;
    timer_set(p, TIMER_RETRY, p->retry_ms);
}

static void resend_check(pbft_t *p)
{
    if (p->resend_on)
        return;
    for (int64_t i = pbft_next(p); i <= p->slot_max; i++) {
        const slot_t *s = pbft_slot(p, i);
        if (s && s->exec) {
            p->resend_on = true;
            timer_set(p, TIMER_RESEND, PBFT_RESEND_MS);
            return;
        }
    }
}

static void on_timer(pbft_t *p, int64_t id)
{
    switch (id) {
    case TIMER_VIEW:
        p->timer_armed = 0;
        if (!p->timer_on)
            break;
        if (p->now.mono_ms < p->timer_at)
            view_timer_arm(p);
        else
            pbft_on_view_timer(p);
        break;
    case TIMER_RESEND:
        p->resend_on = false;
        pbft_resend_checkpoints(p);
        break;
    case TIMER_RETRY:
        p->retry_on = false;
        pbft_try_execute(p);
        pbft_try_stable(p);
        break;
    default:
        break;
    }
}

/* ---- others ---- */

void pbft_tell_index(pbft_t *p, int64_t index)
{
    if (p->told_index == index)
        return;
    p->told_index = index;
    bc_msg_t *m = bc_out_msg(p->out, BC_ACTOR_SYNC, BC_MSG_PROPOSAL_INDEX);
    m->number = index;
    m->number2 = p->committed;
}

void pbft_tell_state(pbft_t *p)
{
    static const bc_actor_id_t to[] = { BC_ACTOR_TXPOOL, BC_ACTOR_SYNC };
    for (size_t i = 0; i < BC_ARRAY_LEN(to); i++) {
        bc_msg_t *m = bc_out_msg(p->out, to[i], BC_MSG_CONSENSUS_STATE);
        m->flag = p->timeout;
        m->number2 = p->view;
    }
}

/* ---- messages held back ---- */

static void deferred_free(deferred_t *d)
{
    bc_buf_unref(d->data);
    free(d);
}

/* Serialised heights (spec/30 §3.5), views that we have not reached, and votes whose signer's
 * place in the list may only be known after the next block: looked at again after each commit
 * and each new view. One node may fill its share only. */
void pbft_defer(pbft_t *p, const bc_nodeid_t *node, bc_buf_t *data, int64_t index, int64_t view)
{
    size_t share = PBFT_DEFERRED_MAX / (p->node_cnt + 1), mine = 0, bytes = 0;
    for (deferred_t *d = p->def_head; d; d = d->next) {
        if (!memcmp(&d->node, node, sizeof *node)) {
            mine++;
            bytes += d->data->n;
        }
    }
    if (mine >= share || bytes + data->n > PBFT_DEFERRED_BYTES / (p->node_cnt + 1)) {
        p->dropped++;
        return;
    }
    deferred_t *d = bc_xcalloc(1, sizeof *d);
    d->node = *node;
    d->data = bc_buf_ref(data);
    d->index = index;
    d->view = view;
    if (p->def_tail)
        p->def_tail->next = d;
    else
        p->def_head = d;
    p->def_tail = d;
    p->def_cnt++;
}

void pbft_redispatch(pbft_t *p)
{
    deferred_t *list = p->def_head;
    p->def_head = p->def_tail = NULL;
    p->def_cnt = 0;
    while (list) {
        deferred_t *d = list;
        list = d->next;
        if (d->index > p->committed && d->view >= p->view)
            pbft_handle(p, &d->node, d->data, "");
        deferred_free(d);
    }
}

/* ---- configuration in force ---- */

static void senders_free(pbft_t *p)
{
    for (size_t i = 0; i < p->node_cnt; i++)
        sender_clear(&p->senders[i]);
    free(p->senders);
    p->senders = NULL;
}

int64_t pbft_place(const pbft_t *p, const bc_nodeid_t *id)
{
    for (size_t i = 0; i < p->node_cnt; i++)
        if (!memcmp(&p->ids[i], id, sizeof *id))
            return (int64_t)i;
    return -1;
}

/* Votes follow their senders to the new places; view changes name places of the old list. */
static void remap(pbft_t *p, const bc_nodeid_t *old, size_t old_cnt)
{
    int64_t *map = bc_xcalloc(old_cnt + 1, sizeof *map);
    for (size_t i = 0; i < old_cnt; i++)
        map[i] = pbft_place(p, &old[i]);
    for (int64_t i = pbft_next(p); i <= p->slot_max; i++) {
        slot_t *s = pbft_slot(p, i);
        if (!s)
            continue;
        votes_remap(&s->prepares, map, old_cnt);
        votes_remap(&s->commits, map, old_cnt);
        votes_remap(&s->checks, map, old_cnt);
        votes_remap(&s->proof, map, old_cnt);
        votes_remap(&s->dec_proof, map, old_cnt);
    }
    free(map);
}

static bool same_list(const pbft_t *p, const bc_ledger_config_t *c)
{
    if (p->single)
        return p->ids != NULL;
    if (p->node_cnt != c->sealer_cnt)
        return false;
    for (size_t i = 0; i < p->node_cnt; i++)
        if (memcmp(&p->ids[i], &c->sealers[i].id, sizeof p->ids[i]) ||
            p->weights[i] != c->sealers[i].vote_weight)
            return false;
    return true;
}

/* Takes the snapshot in force after the last block. True when the sealer list changed. */
static bool apply_config(pbft_t *p, bc_ledger_config_t *c)
{
    bc_ledger_config_ref(c);
    bool changed = !same_list(p, c), period = p->cfg && p->cfg->leader_period != c->leader_period;
    if (p->cfg)
        bc_ledger_config_unref(p->cfg);
    p->cfg = c;
    if (!changed)
        return period;
    bc_nodeid_t *old = p->ids;
    size_t old_cnt = p->node_cnt;
    senders_free(p);
    free(p->weights);
    p->node_cnt = p->single ? 1 : c->sealer_cnt;
    p->ids = bc_xcalloc(p->node_cnt + 1, sizeof p->ids[0]);
    p->weights = bc_xcalloc(p->node_cnt + 1, sizeof p->weights[0]);
    p->senders = bc_xcalloc(p->node_cnt + 1, sizeof p->senders[0]);
    p->total = 0;
    for (size_t i = 0; i < p->node_cnt; i++) {
        p->ids[i] = p->single ? p->key.pub : c->sealers[i].id;
        p->weights[i] = p->single ? 1 : c->sealers[i].vote_weight;
        p->senders[i].recover = p->senders[i].mute = -1;
        p->total += p->weights[i];
    }
    p->self = pbft_place(p, &p->key.pub);
    bc_pbft_quorum(p->total, &p->quorum, &p->faulty);
    if (old)
        remap(p, old, old_cnt);
    free(old);
    for (ask_t *a = p->asks; a; a = a->next) /* who was asked had another place */
        a->view = -1;
    return true;
}

static void drop_slots_to(pbft_t *p, int64_t from, int64_t to)
{
    for (int64_t i = from; i <= to && i <= p->slot_max; i++) {
        slot_t **at = &p->slots[i % p->window];
        if (*at && (*at)->index == i) {
            slot_free(*at);
            *at = NULL;
        }
    }
}

/* Everything of a slot but the winner goes back to the pool. */
static void unseal_losers(pbft_t *p, const slot_t *s, const prop_t *winner)
{
    const prop_t *all[] = { s->pre, s->pc, s->dec, s->failed };
    for (size_t i = 0; i < BC_ARRAY_LEN(all); i++) {
        bool seen = !all[i] || (winner && bc_h256_eq(&all[i]->hash, &winner->hash));
        for (size_t k = 0; k < i && !seen; k++)
            seen = all[k] && bc_h256_eq(&all[k]->hash, &all[i]->hash);
        if (!seen)
            pbft_unseal(p, all[i]);
    }
}

/* The heights that a committed block ends. */
static void close_heights(pbft_t *p, int64_t to, const bc_h256_t *hash)
{
    bool ours = true, synced = false;
    for (int64_t i = pbft_next(p); i <= to && i <= p->slot_max; i++) {
        slot_t *s = pbft_slot(p, i);
        if (!s)
            continue;
        bool won = i == to && s->exec && bc_h256_eq(&s->exec->hash, hash);
        if (i == to && s->exec && !won)
            ours = false;
        unseal_losers(p, s, won ? s->dec : NULL);
        synced |= i == to && !won;
    }
    if (synced || to > p->slot_max) /* block sync went past what the sealer is at */
        pbft_seal_reset(p);
    if (!ours) {
        BC_ERROR(PBFT_BADGES, "a block was committed that differs from ours,number=%ld", (long)to);
        pbft_reset_executed(p, to + 1);
        p->expected = to + 1;
    }
    drop_slots_to(p, pbft_next(p), to);
}

/* Leaving the sealer list ends every running vote; block sync goes on alone. */
static void leave_consensus(pbft_t *p)
{
    for (int64_t i = pbft_next(p); i <= p->slot_max; i++) {
        slot_t *s = pbft_slot(p, i);
        if (s)
            unseal_losers(p, s, NULL);
    }
    drop_slots_to(p, pbft_next(p), p->slot_max);
    p->expected = pbft_next(p);
    p->timer_on = false;
    p->timeout = false;
    pbft_seal_reset(p);
}

/* Entering consensus: with the record of a former life go on in its view and ask the others for
 * theirs; without, ask for a new view as official nodes do (spec/30 §3.7). */
static void join_consensus(pbft_t *p)
{
    if (p->restored && p->to_view <= p->view) {
        p->timeout = false;
        pbft_tell_state(p);
        if (p->node_cnt > 1) {
            p->recovering = true;
            pbft_send_recover_request(p, NULL);
        }
        pbft_seal_next(p);
    } else if (p->node_cnt == 1) {
        pbft_enter_view(p, BC_MAX(p->to_view, p->view + 1), 0);
        pbft_seal_next(p);
    } else {
        pbft_timeout(p, BC_MAX(p->to_view, p->view + 1), false);
    }
}

static void tell_latest(pbft_t *p)
{
    bc_msg_t *m = bc_out_msg(p->out, BC_ACTOR_SEALER, BC_MSG_LATEST);
    m->number = p->committed;
    m->hash = p->committed_hash;
    m->number2 = p->cfg->timestamp;
}

static void on_start(pbft_t *p, bc_msg_t *in)
{
    if (!in->config || p->started)
        return;
    p->started = true;
    apply_config(p, in->config);
    p->committed = p->cfg->number;
    p->committed_hash = p->cfg->hash;
    p->slot_max = p->committed;
    p->expected = p->low = pbft_next(p);
    p->seal_start = p->seal_end = p->committed;
    p->told_index = p->committed;
    p->sync_seen = p->committed;
    bc_out_msg(p->out, BC_ACTOR_TXPOOL, BC_MSG_UNSEAL_ALL);
    p->timeout = true;
    pbft_restore_start(p);
    tell_latest(p);
    if (p->self >= 0)
        join_consensus(p);
    else
        p->timeout = false;
    pbft_timer_check(p);
}

static void on_committed(pbft_t *p, bc_msg_t *in)
{
    bc_ledger_config_t *c = in->committed ? in->committed->config : in->config;
    if (!p->started || !c || c->number < p->committed)
        return;
    bool was_in = p->self >= 0;
    int64_t number = c->number;
    bool advanced = number > p->committed;
    if (advanced)
        close_heights(p, number, &c->hash);
    if (in->committed && in->committed->txs) {
        if (advanced)
            pbft_note_done(p, in->committed->txs);
        p->pool_size = BC_MAX(p->pool_size - (int64_t)in->committed->txs->cnt, 0);
    }
    p->committed = number;
    p->committed_hash = c->hash;
    bool changed = apply_config(p, c);
    pbft_give_up_void(p);
    p->expected = BC_MAX(p->expected, number + 1);
    p->low = BC_MAX(p->low, number + 1);
    if (advanced)
        pbft_store_forget(p, number);
    tell_latest(p);
    p->retry_ms = 0;
    if (p->divergent && number >= p->divergent)
        p->divergent = 0;
    if (number > p->told_index)
        pbft_tell_index(p, number);
    if (changed)
        pbft_seal_reset(p);
    if (p->self < 0) {
        if (was_in)
            leave_consensus(p);
        return;
    }
    if (!was_in) {
        p->restored = false;
        join_consensus(p);
        pbft_timer_check(p);
        return;
    }
    if (p->sync_highest > number) {
        pbft_seal_reset(p); /* a node that is behind does not propose */
        return;
    }
    p->cycle = p->timeout ? p->cycle : 0;
    p->barren = advanced ? 0 : p->barren;
    p->timer_on = false;
    pbft_timer_check(p);
    if (p->timeout && advanced)
        pbft_send_view_change(p, NULL); /* the others judge it by its height */
    pbft_redispatch(p);
    for (int64_t i = pbft_next(p); i <= p->slot_max; i++) {
        slot_t *s = pbft_slot(p, i);
        if (s)
            pbft_progress(p, s);
    }
    pbft_try_execute(p);
    pbft_try_stable(p);
    pbft_seal_next(p);
    pbft_skip_faulty_leader(p);
}

/* ---- peers ---- */

static peer_t *peer_of(pbft_t *p, const bc_nodeid_t *id, bool make)
{
    for (size_t i = 0; i < p->peer_cnt; i++)
        if (!memcmp(&p->peers[i].id, id, sizeof *id))
            return &p->peers[i];
    if (!make || p->peer_cnt >= 4096)
        return NULL;
    p->peers = bc_xrealloc(p->peers, (p->peer_cnt + 1) * sizeof p->peers[0]);
    p->peers[p->peer_cnt] = (peer_t){ .id = *id, .number = -1 };
    return &p->peers[p->peer_cnt++];
}

static void greet(pbft_t *p, const bc_nodeid_t *id)
{
    if (p->self < 0 || !p->started)
        return;
    if (p->timeout) {
        pbft_send_view_change(p, id);
        return;
    }
    if (p->recovering)
        pbft_send_recover_request(p, id);
    pbft_vote_again(p, id);
}

static void on_peers(pbft_t *p, bc_msg_t *in)
{
    bc_bytes_t v = bc_buf_view(in->data);
    size_t cnt = v.n / sizeof(bc_nodeid_t);
    size_t keep = 0;
    for (size_t i = 0; i < p->peer_cnt; i++) {
        bool still = false;
        for (size_t k = 0; k < cnt && !still; k++)
            still = !memcmp(v.p + k * sizeof(bc_nodeid_t), &p->peers[i].id, sizeof(bc_nodeid_t));
        if (still)
            p->peers[keep++] = p->peers[i];
    }
    p->peer_cnt = keep;
    for (size_t k = 0; k < cnt; k++) {
        bc_nodeid_t id;
        memcpy(&id, v.p + k * sizeof id, sizeof id);
        peer_t *peer = peer_of(p, &id, true);
        if (peer && !peer->connected) {
            peer->connected = true;
            if (pbft_place(p, &id) >= 0)
                greet(p, &id);
        }
    }
    pbft_skip_faulty_leader(p);
}

/* A leader that is not connected or far behind will not propose: ask for the next one at once
 * (spec/30 §3.7). Only with something to order and nothing under way. */
static bool faulty(pbft_t *p, int64_t idx)
{
    if (idx == p->self || idx < 0)
        return false;
    const peer_t *peer = peer_of(p, &p->ids[idx], false);
    return !peer || !peer->connected ||
           (peer->number >= 0 && peer->number + p->pipeline < p->committed);
}

void pbft_skip_faulty_leader(pbft_t *p)
{
    if (!p->started || p->self < 0 || p->timeout || p->pool_size <= 0 || !p->peer_cnt ||
        p->sync_highest > p->committed || in_consensus(p))
        return;
    uint64_t up = pbft_weight(p, p->self);
    for (size_t i = 0; i < p->node_cnt; i++)
        if ((int64_t)i != p->self && !faulty(p, (int64_t)i))
            up += p->weights[i];
    if (up < p->quorum) /* nobody could agree to it */
        return;
    int64_t view = p->view;
    while (view < p->view + (int64_t)p->node_cnt && faulty(p, pbft_leader(p, pbft_next(p), view)))
        view++;
    if (view > p->view)
        pbft_timeout(p, view, false);
}

/* ---- dispatch ---- */

static bool syncing_higher(const pbft_t *p)
{
    return p->sync_highest >= p->committed + p->pipeline;
}

static void handle_decoded(pbft_t *p, const bc_nodeid_t *node, bc_buf_t *data, const char *uuid,
                           const pbft_msg_t *m, held_t **held)
{
    switch (m->type) {
    case PBFT_PRE_PREPARE: pbft_on_pre_prepare(p, node, data, m); break;
    case PBFT_PREPARE: pbft_on_prepare(p, node, data, m); break;
    case PBFT_COMMIT: pbft_on_commit(p, node, data, m); break;
    case PBFT_CHECKPOINT: pbft_on_checkpoint(p, node, data, m); break;
    case PBFT_VIEW_CHANGE:
        pbft_on_view_change(p, node, m, *held); /* keeps the message */
        *held = NULL;
        break;
    case PBFT_NEW_VIEW: pbft_on_new_view(p, node, m); break;
    case PBFT_RECOVER_REQUEST: pbft_on_recover_request(p, node, m); break;
    case PBFT_RECOVER_RESPONSE: pbft_on_recover_response(p, node, m); break;
    case PBFT_COMMITTED_REQUEST:
    case PBFT_PREPARED_REQUEST: /* the answer is a whole proposal: for sealers only */
        if (pbft_place(p, node) < 0)
            p->dropped++;
        else if (m->type == PBFT_COMMITTED_REQUEST)
            pbft_on_committed_request(p, node, uuid, m);
        else
            pbft_on_prepared_request(p, node, uuid, m);
        break;
    default: p->dropped++; break;
    }
}

void pbft_handle(pbft_t *p, const bc_nodeid_t *node, bc_buf_t *data, const char *uuid)
{
    held_t *h = bc_xcalloc(1, sizeof *h);
    if (pbft_decode(p->suite, bc_buf_view(data), &h->m, &h->arena) != BC_OK || h->m.base.view < 0 ||
        h->m.base.view > PBFT_NUMBER_MAX || h->m.base.index > PBFT_NUMBER_MAX) {
        p->dropped++;
    } else if (p->self >= 0 && (!syncing_higher(p) || h->m.type == PBFT_RECOVER_REQUEST ||
                                h->m.type == PBFT_COMMITTED_REQUEST)) {
        handle_decoded(p, node, data, uuid, &h->m, &h);
    }
    held_free(h);
}

static void on_pool_size(pbft_t *p, bc_msg_t *in)
{
    bool was_empty = p->pool_size == 0;
    p->pool_size = in->number;
    pbft_timer_check(p);
    if (was_empty && p->pool_size)
        pbft_skip_faulty_leader(p);
}

static void on_sync_highest(pbft_t *p, bc_msg_t *in)
{
    p->sync_highest = in->number;
    p->sync_seen = -1;
    if (p->sync_highest > p->committed)
        pbft_seal_reset(p);
    pbft_timer_check(p);
}

static void step(void *self, const bc_now_t *now, bc_msg_t *in, bc_out_t *out)
{
    pbft_t *p = self;
    p->now = *now;
    p->out = out;
    if (in->kind == BC_MSG_START) {
        on_start(p, in);
    } else if (p->started) {
        switch (in->kind) {
        case BC_MSG_TIMER: on_timer(p, in->number); break;
        case BC_MSG_PEERS: on_peers(p, in); break;
        case BC_MSG_DELIVER:
            if (in->data)
                pbft_handle(p, &in->node, in->data, in->uuid);
            break;
        case BC_MSG_RESPONSE: pbft_on_response(p, in); break;
        case BC_MSG_POOL_SIZE: on_pool_size(p, in); break;
        case BC_MSG_PROPOSE: pbft_on_propose(p, in); break;
        case BC_MSG_PROPOSAL_VERIFIED: pbft_on_verified(p, in); break;
        case BC_MSG_EXECUTED: pbft_on_executed(p, in); break;
        case BC_MSG_COMMIT_DONE: pbft_on_commit_done(p, in); break;
        case BC_MSG_COMMITTED: on_committed(p, in); break;
        case BC_MSG_SYNC_HIGHEST: on_sync_highest(p, in); break;
        case BC_MSG_PEER_STATUS: {
            peer_t *peer = peer_of(p, &in->node, false);
            if (peer) {
                peer->number = in->number;
                pbft_skip_faulty_leader(p);
            }
            break;
        }
        default: break;
        }
    }
    if (p->started)
        resend_check(p);
    p->out = NULL;
}

/* ---- life ---- */

static size_t real_sign(void *ctx, const bc_h256_t *digest, uint8_t sig[BC_SIG_MAX])
{
    return bc_sign(&((pbft_t *)ctx)->key, digest, sig);
}

static bool real_verify(void *ctx, const bc_nodeid_t *pub, const bc_h256_t *digest, bc_bytes_t sig)
{
    bc_suite_t suite = ((pbft_t *)ctx)->suite;
    return sig.n == (suite == BC_SUITE_SM ? 64u : 65u) && bc_verify(suite, pub, digest, sig);
}

static void pbft_free(void *self)
{
    pbft_t *p = self;
    for (int64_t i = 0; i < p->window; i++)
        if (p->slots[i])
            slot_free(p->slots[i]);
    free(p->slots);
    for (size_t i = 0; i < PBFT_DONE_BLOCKS; i++)
        pbft_claims_free(&p->done[i]);
    senders_free(p);
    for (verify_t *v = p->verifies, *next; v; v = next) {
        next = v->next;
        votes_free(&v->proof);
        prop_unref(v->prop);
        free(v);
    }
    for (ask_t *a = p->asks, *next; a; a = next) {
        next = a->next;
        free(a);
    }
    for (deferred_t *d = p->def_head, *next; d; d = next) {
        next = d->next;
        deferred_free(d);
    }
    for (size_t i = 0; i < BC_ARRAY_LEN(p->stored); i++)
        bc_buf_unref(p->stored[i].value);
    for (size_t i = 0; i < p->row_cnt; i++)
        bc_buf_unref(p->rows[i].value);
    free(p->rows);
    free(p->peers);
    free(p->ids);
    free(p->weights);
    if (p->cfg)
        bc_ledger_config_unref(p->cfg);
    bc_keypair_wipe(&p->key);
    free(p);
}

bc_actor_if bc_pbft_new(const bc_pbft_config_t *c)
{
    static const bc_actor_ops_t ops = { step, pbft_free };
    pbft_t *p = bc_xcalloc(1, sizeof *p);
    p->suite = c->suite;
    p->key = c->key;
    p->signer = c->signer ? *c->signer : (bc_pbft_signer_t){ real_sign, real_verify, p };
    p->min_seal_time = c->min_seal_time ? c->min_seal_time : 500;
    p->checkpoint_timeout = c->checkpoint_timeout ? c->checkpoint_timeout : 3000;
    p->pipeline = c->pipeline_size ? c->pipeline_size : 50;
    p->window = BC_MAX(2 * p->pipeline, PBFT_WINDOW_MIN);
    p->single = c->single_point;
    p->require_root = c->require_txs_root;
    p->slots = bc_xcalloc((size_t)p->window, sizeof p->slots[0]);
    p->base_ms = PBFT_TIMEOUT_MS;
    p->self = -1;
    p->newview_sent = -1;
    pbft_restore(p, c->rows, c->row_cnt);
    return (bc_actor_if){ &ops, p };
}

void bc_pbft_status(bc_actor_if actor, bc_pbft_status_t *out)
{
    pbft_t *p = actor.self;
    *out = (bc_pbft_status_t){
        .number = p->committed, .view = p->view, .to_view = p->to_view, .change_cycle = p->cycle,
        .index = p->self, .leader = pbft_leader(p, pbft_next(p), p->view), .timeout = p->timeout,
        .quorum = p->quorum, .max_faulty = p->faulty, .sync_highest = p->sync_highest,
        .divergent = p->divergent, .deferred = p->def_cnt, .dropped = p->dropped,
    };
}
