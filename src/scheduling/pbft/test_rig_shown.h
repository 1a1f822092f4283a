/* Proofs that show a view: who shows them, what they release, and what is recorded and reported then
 * (docs/notes/0017). */
#ifndef BC_PBFT_TEST_RIG_SHOWN_H
#define BC_PBFT_TEST_RIG_SHOWN_H

#include "scheduling/pbft/test_rig.h"

/* In its next view change, with signatures of three nodes; proven: as many that show the view. */
static inline void reports(rig_t *r, const prop_t *q, int64_t view, size_t proven)
{
    const sent_t *vc = time_out(r);
    assert_int_equal(vc->prepared, 1);
    assert_int_equal(vc->prepared_view, view);
    assert_memory_equal(&vc->prepared_hash, &q->hash, sizeof q->hash);
    assert_int_equal(vc->proof, 3);
    assert_int_equal(vc->proven[0], proven);
}

/* The signatures that an engine has looked at since count_verifies. */
typedef struct {
    bool (*verify)(void *, const bc_nodeid_t *, const bc_h256_t *, bc_bytes_t);
    size_t cnt;
} verify_count_t;

static inline verify_count_t *verify_count(void)
{
    static verify_count_t count;
    return &count;
}

static inline bool counted_verify(void *ctx, const bc_nodeid_t *pub, const bc_h256_t *digest, bc_bytes_t sig)
{
    verify_count()->cnt++;
    return verify_count()->verify(ctx, pub, digest, sig);
}

static inline void count_verifies(pbft_t *p)
{
    *verify_count() = (verify_count_t){ p->signer.verify, 0 };
    p->signer.verify = counted_verify;
}

/* A node shows that a quorum prepared q in view, and asks for view to. */
static inline void shows(rig_t *r, int node, int64_t to, const prop_t *q, int64_t view)
{
    vc_t *v = calloc(1, sizeof *v);
    vc_make(r, v, node, 0, to);
    vc_prepared(r, v, q, view, 14);
    vc_proven(r, v, view);
    vc_send(r, v);
    free(v);
}

/* The view changes of nodes 1 to 3, the last of which reports q for the view named, and shows it for
 * proven where that is not -1; and a NewView of them. */
typedef struct {
    vc_t v[3];
    nv_t n;
} shown_t;

static inline shown_t *shown_make(rig_t *r, int64_t to, const prop_t *q, int64_t named, int64_t proven, unsigned mask)
{
    shown_t *s = calloc(1, sizeof *s);
    for (int i = 0; i < 3; i++)
        vc_make(r, &s->v[i], i + 1, 0, to);
    vc_prepared(r, &s->v[2], q, named, mask);
    if (proven >= 0)
        vc_proven(r, &s->v[2], proven);
    return s;
}

static inline void shown_name(rig_t *r, shown_t *s, const prop_t *q)
{
    int64_t to = s->v[0].m.base.view;
    int leader = (int)bc_pbft_leader(1, to, 1, NODES);
    nv_make(&s->n, leader, 0, to, s->v, 3, r);
    nv_entry(&s->n, q, 3, true);
    nv_send(r, &s->n, leader);
}

/* Block sync brings a block, and a sealer list. */
static inline void to_height_1(rig_t *r, unsigned sealers)
{
    bc_msg_t *c = bc_msg_new(BC_ACTOR_SCHEDULER, BC_ACTOR_PBFT, BC_MSG_COMMITTED);
    const bc_h256_t hash = { { 9 } };
    r->sealers = sealers;
    c->number = 1;
    c->config = config(r, 1, &hash);
    feed(r, c);
}

/* Node 0, bound to a for height 1 since view 1. */
static inline rig_t *bound_rig(prop_t **a)
{
    rig_t *r = calloc(1, sizeof *r);
    *a = precommitted(r);
    r->sent_cnt = 0;
    return r;
}

static inline prop_t *rival(void)
{
    return proposal(1, 3, 1, 2, false);
}

/* So it was written down. */
static inline void recorded(const rig_t *r, const prop_t *q, int64_t view, bool data)
{
    bc_bytes_t v = { 0 };
    bc_arena_t arena = { 0 };
    pbft_msg_t m = { .base.view = view };
    for (size_t i = 0; i < r->row_cnt; i++)
        if (!strcmp(r->row_keys[i], "cbcosVote:c1"))
            v = r->rows[i].value;
    assert_true(v.n > 9);
    assert_int_equal(bc_load_be64(v.p + 1), view);
    assert_int_equal(pbft_proposal_decode(bc_bytes(v.p + 9, v.n - 9), &m.proposal, &arena), BC_OK);
    assert_memory_equal(&m.proposal.hash, &q->hash, sizeof q->hash);
    assert_int_equal(m.proposal.data.n > 0, data);
    assert_int_equal(m.proposal.proof_cnt, 3);
    assert_int_equal(count_proven(r, &m), 3);
    bc_arena_free(&arena);
}

static inline const slot_t *height(const rig_t *r, int64_t index)
{
    return pbft_slot(r->engine.self, index);
}

/* The open question is answered so: with q, or with other, or in a way that is none. */
enum { A_GOOD, A_NOTHING, A_OTHER, A_INDEX, A_NO_DATA, A_PROOF, A_TYPE, A_TWO, A_EMPTY, A_CNT };

static inline void answers(rig_t *r, int node, const prop_t *q, const prop_t *other, int what)
{
    vc_t *v = calloc(1, sizeof *v);
    pbft_msg_t m = { .type = what == A_TYPE ? PBFT_VIEW_CHANGE : PBFT_PREPARED_RESPONSE, .has_base = true };
    vc_make(r, v, node, 0, 2);
    vc_prepared(r, v, what == A_OTHER ? other : q, 2, what == A_PROOF ? 6 : 7);
    vc_proven(r, v, 2);
    pbft_msg_t *e = &v->prepared[0];
    e->proposal.data = what == A_NO_DATA ? (bc_bytes_t){ 0 } : bc_buf_view(what == A_OTHER ? other->data : q->data);
    e->proposal.index += what == A_INDEX;
    e->has_proposal = what != A_EMPTY;
    v->prepared[1] = *e;
    m.votes = v->prepared;
    m.vote_cnt = what == A_TWO ? 2 : 1;
    if (what == A_NOTHING)
        no_answer(r);
    else
        answer(r, node, &m);
    free(v);
}

#endif
