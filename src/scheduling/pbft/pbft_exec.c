/* Execution, checkpoints and commit (spec/30 §3.6 P6-P10). */
#include <stdlib.h>
#include "pbft_impl.h"

/* ---- execute ---- */

/* The proposal's header with its parent filled in: what every node executes. */
static bc_hdr_t *with_parent(pbft_t *p, const prop_t *q, const bc_h256_t *parent)
{
    bc_parent_t link = { .number = q->index - 1, .hash = BC_VIEW(*parent) };
    bc_header_t h = q->header->h;
    h.data.parents = (bc_tars_list_t){ &link, 1 };
    h.data_hash = (bc_bytes_t){ 0 };
    return bc_hdr_new(p->suite, &h);
}

static bool parent_hash(pbft_t *p, int64_t index, bc_h256_t *out)
{
    if (index - 1 == p->committed) {
        *out = p->committed_hash;
        return true;
    }
    const slot_t *s = pbft_slot(p, index - 1);
    if (!s || !s->exec)
        return false;
    *out = s->exec->hash;
    return true;
}

void pbft_try_execute(pbft_t *p)
{
    int64_t index = p->expected;
    slot_t *s = pbft_slot(p, index);
    bc_h256_t parent;
    /* a system proposal must be in the ledger before anything after it executes */
    if (!s || !s->dec || s->executing || s->exec || p->retry_on ||
        p->committed < BC_MIN(index - 1, p->wait_seal) || pbft_gated(p, index) ||
        !parent_hash(p, index, &parent))
        return;
    if (!s->dec->txs && !s->dec->metas->cnt)
        s->dec->txs = bc_txs_new(0);
    if (!s->dec->txs) {
        pbft_verify_decided(p, s->dec, NULL, 0, &s->dec_proof);
        return;
    }
    bc_hdr_t *h = with_parent(p, s->dec, &parent);
    if (!h) {
        pbft_retry_soon(p);
        return;
    }
    s->executing = true;
    bc_msg_t *m = bc_out_msg(p->out, BC_ACTOR_SCHEDULER, BC_MSG_EXECUTE);
    m->token = (uint64_t)index;
    m->number = index;
    m->header = h;
    m->txs = bc_txs_ref(s->dec->txs);
}

void pbft_send_checkpoint(pbft_t *p, slot_t *s, const bc_nodeid_t *to)
{
    uint8_t psig[BC_SIG_MAX], msig[BC_SIG_MAX];
    pbft_msg_t m;
    const bc_h256_t *hash = &s->exec->hash;
    pbft_base(p, &m, PBFT_CHECKPOINT, s->index, hash, p->view);
    m.has_proposal = true;
    m.proposal.has_raw = m.proposal.has_hash = true;
    m.proposal.index = s->index;
    m.proposal.sealer = s->exec->h.data.sealer;
    m.proposal.hash = *hash;
    m.proposal.sig = bc_bytes(psig, p->signer.sign(p->signer.ctx, hash, psig));
    if (!m.proposal.sig.n || !pbft_sign(p, &m, msig))
        return;
    votes_add(&s->checks, p->self, 0, hash, m.proposal.sig);
    if (!to)
        s->check_sent = p->now.mono_ms;
    pbft_send(p, to, &m);
}

void pbft_on_executed(pbft_t *p, bc_msg_t *in)
{
    slot_t *s = pbft_slot(p, in->number);
    if (!s || !s->executing || in->token != (uint64_t)in->number)
        return;
    s->executing = false;
    bc_h256_t parent;
    if (!in->err && in->header && in->header->h.data.number == s->index &&
        parent_hash(p, s->index, &parent)) {
        const bc_parent_t *link = in->header->h.data.parents.v;
        /* block sync may have replaced the block below in the meantime */
        if (in->header->h.data.parents.n == 1 && bc_bytes_eq(link->hash, BC_VIEW(parent))) {
            s->exec = in->header;
            in->header = NULL;
        }
    }
    if (!s->exec) {
        if (in->err)
            BC_WARN(PBFT_BADGES, "execute failed,index=%ld,error=%s", (long)s->index,
                    bc_err_name(in->err));
        if (p->timer_on)
            pbft_timer_restart(p);
        pbft_retry_soon(p);
        return;
    }
    if (s->synced && votes_weight(p, &s->checks, &s->exec->hash, -1) < p->faulty + 1) {
        /* the peer gave us something else than what the checkpoints are about */
        BC_WARN(PBFT_BADGES, "log sync got another proposal than the decided one,index=%ld,hash=%s",
                (long)s->index, BC_SHORT(s->dec->hash));
        pbft_unseal(p, s->dec);
        prop_unref(s->dec);
        s->dec = NULL;
        s->synced = false;
        pbft_reset_executed(p, s->index);
        return;
    }
    p->expected = BC_MAX(p->expected, s->index + 1);
    if (p->self >= 0) {
        pbft_store_executed(p, s);
        pbft_send_checkpoint(p, s, NULL);
        if (p->timer_on)
            pbft_timer_restart(p);
    }
    pbft_try_stable(p);
    pbft_try_execute(p);
}

/* The results from a height on are void: they must be computed again. */
void pbft_reset_executed(pbft_t *p, int64_t from)
{
    for (int64_t i = BC_MAX(from, pbft_next(p)); i <= p->slot_max; i++) {
        slot_t *s = pbft_slot(p, i);
        if (!s)
            continue;
        if (s->exec)
            bc_hdr_unref(s->exec);
        s->exec = NULL;
        s->executing = s->committing = false;
    }
    p->expected = BC_MIN(p->expected, BC_MAX(from, pbft_next(p)));
}

/* ---- checkpoints ---- */

void pbft_on_checkpoint(pbft_t *p, const bc_nodeid_t *node, bc_buf_t *data, const pbft_msg_t *m)
{
    if (!m->has_proposal || !m->proposal.has_raw || !m->proposal.has_hash || !m->base.has_hash ||
        m->proposal.index != m->base.index || !bc_h256_eq(&m->proposal.hash, &m->base.hash)) {
        p->dropped++;
        return;
    }
    slot_t *s = pbft_slot_make(p, m->base.index);
    if (!s || s->committing || !pbft_signed(p, node, data, m))
        return;
    if (!votes_has(&s->checks, m->base.from, 0, &m->base.hash)) {
        if (!pbft_verify(p, m->base.from, &m->base.hash, m->proposal.sig)) {
            p->dropped++;
            return;
        }
        votes_add(&s->checks, m->base.from, 0, &m->base.hash, m->proposal.sig);
    }
    pbft_try_stable(p);
    if ((s = pbft_slot(p, m->base.index)))
        pbft_maybe_fetch(p, s, node, &m->base.hash);
}

static int by_index(const void *a, const void *b)
{
    const bc_block_sig_t *x = a, *y = b;
    return (x->sealer_index > y->sealer_index) - (x->sealer_index < y->sealer_index);
}

/* The executed header with the collected signatures, ascending index. */
static bc_hdr_t *with_signatures(pbft_t *p, const slot_t *s)
{
    bc_block_sig_t *sigs = bc_xcalloc(s->checks.cnt + 1, sizeof *sigs);
    size_t n = 0;
    for (size_t i = 0; i < s->checks.cnt; i++) {
        const vote_t *v = &s->checks.v[i];
        if (bc_h256_eq(&v->hash, &s->exec->hash))
            sigs[n++] = (bc_block_sig_t){ v->idx, bc_bytes(v->sig, v->sig_len) };
    }
    qsort(sigs, n, sizeof *sigs, by_index);
    bc_header_t h = s->exec->h;
    h.data_hash = (bc_bytes_t){ 0 };
    h.signatures = (bc_tars_list_t){ sigs, n };
    bc_hdr_t *out = bc_hdr_new(p->suite, &h);
    free(sigs);
    return out;
}

/* W10: a quorum signed another result of a block that we executed. */
static void watch_divergence(pbft_t *p, const slot_t *s)
{
    if (p->divergent == s->index)
        return;
    for (size_t i = 0; i < s->checks.cnt; i++) {
        const bc_h256_t *hash = &s->checks.v[i].hash;
        if (!bc_h256_eq(hash, &s->exec->hash) && votes_weight(p, &s->checks, hash, -1) >= p->quorum) {
            p->divergent = s->index;
            BC_ERROR(PBFT_BADGES,
                     "this node's execution differs from the chain's,number=%ld,ours=%s,theirs=%s",
                     (long)s->index, BC_SHORT(s->exec->hash), BC_SHORT(*hash));
            return;
        }
    }
}

/* Strictly the next height, so the list that judges the signatures is the one in force there. */
void pbft_try_stable(pbft_t *p)
{
    slot_t *s = pbft_slot(p, pbft_next(p));
    if (!s || !s->exec || s->committing || p->self < 0)
        return;
    if (votes_weight(p, &s->checks, &s->exec->hash, -1) < p->quorum) {
        watch_divergence(p, s);
        return;
    }
    bc_hdr_t *h = with_signatures(p, s);
    if (!h) {
        pbft_retry_soon(p);
        return;
    }
    s->committing = true;
    bc_msg_t *m = bc_out_msg(p->out, BC_ACTOR_SCHEDULER, BC_MSG_COMMIT);
    m->token = (uint64_t)s->index;
    m->number = s->index;
    m->header = h;
}

void pbft_on_commit_done(pbft_t *p, bc_msg_t *in)
{
    slot_t *s = pbft_slot(p, in->number);
    if (!in->err || in->err == BC_E_STALE || !s || !s->committing)
        return;
    BC_WARN(PBFT_BADGES, "commit failed,index=%ld,error=%s", (long)in->number, bc_err_name(in->err));
    s->committing = false;
    if (in->err == BC_E_NOT_READY || in->err == BC_E_MISMATCH)
        pbft_reset_executed(p, in->number); /* the scheduler no longer has our result */
    pbft_retry_soon(p);
}

/* Votes get lost with connections: as long as a block waits, ours is said again now and then. */
void pbft_resend_checkpoints(pbft_t *p)
{
    if (p->self < 0)
        return;
    for (int64_t i = pbft_next(p); i <= p->slot_max; i++) {
        slot_t *s = pbft_slot(p, i);
        if (s && s->exec && p->now.mono_ms - s->check_sent >= p->checkpoint_timeout)
            pbft_send_checkpoint(p, s, NULL);
    }
}
