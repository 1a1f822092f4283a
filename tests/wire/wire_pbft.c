#include "wire.h"
#include <stdio.h>
#include "scheduling/pbft/pbft_impl.h"

#define NEED(cond)                                                                                 \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                             \
            return false;                                                                          \
        }                                                                                          \
    } while (0)

const bc_nodeid_t *wire_signer(tally_t *t, int64_t index, const bc_h256_t *digest, bc_bytes_t sig)
{
    for (int64_t i = BC_MAX(index, 0); i < WIRE_NODES; i++) {
        if (bc_verify(BC_SUITE_STANDARD, &t->ids[i], digest, sig)) {
            t->pbft_moved += i != index;
            return &t->ids[i];
        }
    }
    return NULL;
}

static bool check_proposal(tally_t *t, const pbft_proposal_t *w)
{
    for (size_t i = 0; i < w->proof_cnt; i++)
        NEED(wire_signer(t, w->proof[i].node, &w->hash, w->proof[i].sig));
    if (!w->data.n)
        return true;
    /* honest leaders: the hash is that of the header in the data; ours encodes the same bytes */
    pbft_t p = { .suite = BC_SUITE_STANDARD };
    prop_t *q = prop_from_wire(&p, w);
    NEED(q);
    const bc_header_data_t *h = &q->header->h.data; /* what ours put there is free (notes 0019, 0024) */
    bool no_roots = !h->txs_root.n && !h->receipts_root.n && !h->state_root.n;
    prop_t *again = prop_from_sealer(&p, q->header, q->metas, q->system);
    bool same = bc_bytes_eq(bc_buf_view(again->data), w->data);
    prop_unref(again);
    prop_unref(q);
    t->pbft_blocks++;
    NEED(same && no_roots);
    return true;
}

static bool check_signatures(tally_t *t, const pbft_msg_t *m, const bc_nodeid_t *sender)
{
    if (m->type == PBFT_COMMITTED_RESPONSE) { /* an empty base names nobody: the responder signed */
        NEED(bc_verify(BC_SUITE_STANDARD, sender, &m->digest, m->sig));
    } else if (m->type != PBFT_COMMITTED_REQUEST && m->type != PBFT_PREPARED_REQUEST &&
               m->type != PBFT_PREPARED_RESPONSE) {
        /* a vote comes over its signer's own connection: what our engine insists on */
        const bc_nodeid_t *by = wire_signer(t, m->base.from, &m->digest, m->sig);
        NEED(by && memcmp(by->b, sender->b, sizeof by->b) == 0);
        t->pbft_signed++;
    }
    if (m->type == PBFT_PREPARE || m->type == PBFT_CHECKPOINT) {
        NEED(wire_signer(t, m->base.from, &m->proposal.hash, m->proposal.sig));
        NEED(m->proposal.index == m->base.index);
        NEED(bc_h256_eq(&m->proposal.hash, &m->base.hash));
    }
    for (size_t i = 0; i < m->vc_cnt; i++) {
        NEED(wire_signer(t, m->vcs[i].base.from, &m->vcs[i].digest, m->vcs[i].sig));
        t->pbft_nested++;
    }
    return true;
}

static bool check_message(tally_t *t, bc_bytes_t payload, const bc_nodeid_t *sender,
                          bc_arena_t *arena)
{
    pbft_msg_t m;
    NEED(pbft_decode(BC_SUITE_STANDARD, payload, &m, arena) == BC_OK);
    bc_buf_t *b = pbft_encode(&m);
    bool same = b && bc_bytes_eq(bc_buf_view(b), payload);
    bc_buf_unref(b);
    NEED(same);
    t->pbft[m.type]++;
    if (m.type == PBFT_PREPARE) /* a proof of ours can hold an official node's vote (note 0017) */
        NEED(votes_can_show(BC_SUITE_STANDARD, &m));
    if (m.type == PBFT_VIEW_CHANGE) { /* and a NewView its view change */
        bc_h256_t digest;
        pbft_digest(BC_SUITE_STANDARD, &m, &digest);
        NEED(bc_h256_eq(&digest, &m.digest) && !m.base.sig.n && !m.base.sig_hash.n);
    }
    bool ok = check_signatures(t, &m, sender);
    if (m.has_proposal)
        ok = ok && check_proposal(t, &m.proposal);
    for (size_t i = 0; ok && i < m.proposal_cnt; i++)
        ok = check_proposal(t, &m.proposals[i]);
    for (size_t i = 0; ok && i < m.vote_cnt; i++)
        ok = !m.votes[i].has_proposal || check_proposal(t, &m.votes[i].proposal);
    return ok;
}

bool wire_pbft(tally_t *t, bc_bytes_t payload, const bc_nodeid_t *sender)
{
    bc_arena_t arena = { 0 };
    bool ok = check_message(t, payload, sender, &arena);
    bc_arena_free(&arena);
    return ok;
}
