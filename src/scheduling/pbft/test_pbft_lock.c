/* One engine that has precommitted a block, and what makes it take another one: docs/notes/0017. */
#include "scheduling/pbft/test_rig_shown.h"

/* A new life of node 3 does. */
static void asks_for_votes(rig_t *r)
{
    uint8_t sig[BC_SIG_MAX];
    pbft_msg_t m = said(3, PBFT_RECOVER_REQUEST, 0, status(r).view, NULL);
    sign_as(r, 3, &m, sig);
    deliver_from(r, 3, &m);
}

/* ---- what releases ---- */

static void a_quorum_of_a_later_view_releases_a_precommit(void **state)
{
    (void)state;
    for (int64_t b = 2; b <= 4; b++) {
        prop_t *a, *q = rival();
        rig_t *r = bound_rig(&a);
        recorded(r, a, 1, false);
        r->unsealed = 0;
        shown_t *s = shown_make(r, 4, q, b, b, 14);
        shown_name(r, s, q);
        assert_int_equal(status(r).view, 4);
        assert_int_equal(count(r, PBFT_PREPARE), 1);
        assert_memory_equal(&last(r, PBFT_PREPARE)->hash, &q->hash, sizeof q->hash);
        assert_int_equal(count(r, PBFT_COMMIT), b == 4); /* the quorum was in this view, or has to come */
        assert_int_equal(count(r, PBFT_PREPARED_REQUEST), 0);
        asks_for_votes(r);
        assert_int_equal(count(r, PBFT_PREPARE), 2);
        assert_int_equal(count(r, PBFT_COMMIT), 2 * (b == 4));
        recorded(r, q, b, true);
        assert_int_equal(r->unsealed, 1);
        assert_memory_equal(&r->unsealed_hash, &a->hash, sizeof a->hash);
        reports(r, q, b, 3);
        free(s);
        prop_unref(a);
        prop_unref(q);
        rig_end(r);
    }
}

/* Nobody need be asked for a block that the NewView gives. */
static void a_new_view_shows_the_block(void **state)
{
    (void)state;
    prop_t *q = rival();
    rig_t *r = rig_in(2, 1);
    shown_t *s = shown_make(r, 4, q, 2, 2, 14);
    shown_name(r, s, q);
    assert_int_equal(status(r).view, 4);
    assert_int_equal(count(r, PBFT_PREPARE), 1);
    assert_int_equal(count(r, PBFT_PREPARED_REQUEST), 0);
    recorded(r, q, 2, true);
    free(s);
    prop_unref(q);
    rig_end(r);
}

/* From there on it goes like any other block. */
static void what_it_was_released_for_is_decided(void **state)
{
    (void)state;
    prop_t *a, *q = rival();
    rig_t *r = bound_rig(&a);
    shown_t *s = shown_make(r, 4, q, 2, 2, 14);
    shown_name(r, s, q);
    two_vote(r, PBFT_PREPARE, 1, 4, &q->hash);
    assert_int_equal(count(r, PBFT_COMMIT), 1);
    recorded(r, q, 4, false); /* its Prepare has written the block */
    two_vote(r, PBFT_COMMIT, 1, 4, &q->hash);
    assert_int_equal(r->executed, 1);
    free(s);
    prop_unref(a);
    prop_unref(q);
    rig_end(r);
}

enum {
    P_GOOD,
    P_ALL,      /* good: of all nodes */
    P_LOW,      /* signatures for an older view than it says */
    P_HIGH,     /* for a newer one */
    P_EQUAL,    /* of the view of the precommit, */
    P_LOWER,    /* or an older one */
    P_NONE,     /* only the signatures over the hash, as official nodes have them */
    P_MISSING,  /* one is */
    P_BAD,      /* one is */
    P_ANOTHERS, /* one is another node's */
    P_TIME,     /* of one is altered */
    P_INDEX,    /* signed for another height */
    P_HASH,     /* for another block */
    P_TWICE,    /* one signer is there twice, */
    P_BELOW,    /* or missing */
    P_STRANGER, /* one is nobody in the list */
    P_PLAIN,    /* the signatures over the views are good, one of those over the hash is not */
    P_CNT
};

static shown_t *spoilt(rig_t *r, int64_t to, const prop_t *q, const prop_t *other, int what)
{
    int64_t named = what == P_EQUAL ? 1 : what == P_LOWER ? 0 : what == P_HIGH ? 3 : 2;
    int64_t proven = what == P_LOW ? 1 : what == P_HIGH ? 2 : what == P_NONE ? -1 : named;
    shown_t *s = shown_make(r, to, q, named, proven, what == P_BELOW ? 12 : what == P_ALL ? 15 : 14);
    vc_t *v = &s->v[2];
    pbft_proposal_t *w = &v->prepared[0].proposal;
    switch (what) {
    case P_MISSING: w->proof[1].vote.n = 0; break;
    case P_BAD: v->votes[0][2][5] ^= 1; break;
    case P_ANOTHERS: w->proof[2].vote = w->proof[1].vote; break;
    case P_TIME: w->proof[0].time++; break;
    case P_INDEX:
        w->index = 2;
        vc_proven(r, v, 2);
        w->index = 1;
        break;
    case P_HASH:
        w->hash = other->hash;
        vc_proven(r, v, 2);
        w->hash = q->hash;
        break;
    case P_TWICE: w->proof[2] = w->proof[1]; break;
    case P_STRANGER: w->proof[2].node = NODES; break;
    case P_PLAIN: v->sigs[0][1][5] ^= 1; break;
    default: break;
    }
    return s;
}

static void nothing_less_releases_it(void **state)
{
    (void)state;
    for (int what = 0; what < P_CNT; what++) {
        prop_t *a, *q = rival();
        rig_t *r = bound_rig(&a);
        shown_t *s = spoilt(r, 4, q, a, what);
        const pbft_msg_t *report = &s->v[2].prepared[0];
        bool good = what <= P_ALL, true_one = good || what == P_EQUAL || what == P_LOWER;
        if (pbft_prepared_in(r->engine.self, &report->proposal, report->base.view) != true_one)
            fail_msg("case %d, alone", what);
        shown_name(r, s, q);
        bool refused = what >= P_TWICE; /* the NewView itself */
        if (status(r).view != (refused ? 1 : 4) || count(r, PBFT_PREPARE) != good)
            fail_msg("case %d", what);
        if (!good) {
            recorded(r, a, 1, false);
            reports(r, a, 1, 3);
        }
        free(s);
        prop_unref(a);
        prop_unref(q);
        rig_end(r);
    }
}

/* Proofs of what lies below the ledger of who shows them are not looked at for its view change. */
static void who_is_ahead_teaches_by_the_same_proofs(void **state)
{
    (void)state;
    for (int what = 0; what < P_CNT; what++) {
        prop_t *a, *q = rival();
        rig_t *r = bound_rig(&a);
        shown_t *s = spoilt(r, 6, q, a, what);
        pbft_msg_t *m = &s->v[2].m;
        m->base.index = m->proposal.index = 1;
        vc_send(r, &s->v[2]);
        if (count(r, PBFT_PREPARED_REQUEST) != (what <= P_ALL))
            fail_msg("case %d", what);
        free(s);
        prop_unref(a);
        prop_unref(q);
        rig_end(r);
    }
}

/* Nor may their number cost what it likes: a good signature again and again. */
static void a_long_proof_is_not_looked_at(void **state)
{
    (void)state;
    prop_t *a, *q = rival();
    rig_t *r = bound_rig(&a);
    pbft_t *p = r->engine.self;
    count_verifies(p);
    for (int many = 1; many >= 0; many--) {
        static pbft_sig_t more[1000];
        shown_t *s = shown_make(r, 6, q, 2, 2, 14);
        pbft_msg_t *m = &s->v[2].m;
        m->base.index = m->proposal.index = 1;
        pbft_proposal_t *w = &s->v[2].prepared[0].proposal;
        for (size_t i = 0; i < BC_ARRAY_LEN(more); i++)
            more[i] = w->proof[2];
        w->proof = many ? more : w->proof;
        w->proof_cnt = many ? BC_ARRAY_LEN(more) : w->proof_cnt;
        r->sent_cnt = verify_count()->cnt = 0;
        vc_send(r, &s->v[2]);
        assert_int_equal(verify_count()->cnt, many ? 1 : 1 + 2 * 3);
        assert_int_equal(count(r, PBFT_PREPARED_REQUEST), !many);
        free(s);
    }
    prop_unref(a);
    prop_unref(q);
    rig_end(r);
}

/* ---- learning it from a view change ---- */

static void a_proof_of_a_view_to_come_waits_for_it(void **state)
{
    (void)state;
    prop_t *a, *q = rival();
    rig_t *r = bound_rig(&a);
    shows(r, 3, 6, q, 5);
    assert_int_equal(count(r, PBFT_PREPARED_REQUEST), 1);
    show(r, 3, q, 5);
    shows(r, 3, 6, q, 5); /* said again: it is at hand by now */
    assert_int_equal(count(r, PBFT_PREPARED_REQUEST), 1);
    recorded(r, a, 1, false);
    shown_t *s = shown_make(r, 4, q, 3, -1, 14); /* a NewView before that may name it, and shows nothing */
    shown_name(r, s, q);
    assert_int_equal(status(r).view, 4);
    assert_int_equal(count(r, PBFT_PREPARE), 0);
    recorded(r, a, 1, false);
    size_t verified = r->verified;
    r->unsealed = 0;
    enter_view(r, 5); /* the view that the proof is of: taken, though nobody names it */
    recorded(r, q, 5, true);
    assert_int_equal(r->unsealed, 1);
    assert_memory_equal(&r->unsealed_hash, &a->hash, sizeof a->hash);
    assert_int_equal(r->verified, verified + 1); /* its transactions are looked for */
    assert_null(height(r, 1)->newer_block);
    reports(r, q, 5, 3);
    free(s);
    prop_unref(a);
    prop_unref(q);
    rig_end(r);
}

static void what_is_at_hand_is_taken_at_once(void **state)
{
    (void)state;
    rig_t *r = rig_in(0, 1);
    prop_t *q = proposal(1, 2, 1, 1, false);
    propose(r, 2, 1, q);
    shows(r, 3, 2, q, 1);
    assert_int_equal(count(r, PBFT_PREPARED_REQUEST), 0);
    assert_int_equal(r->verified, 1); /* so are its transactions */
    recorded(r, q, 1, false);
    vote(r, 1, PBFT_COMMIT, 1, 1, &q->hash);
    assert_int_equal(count(r, PBFT_COMMIT), 1); /* it is the block of the view, and a quorum prepared it */
    vote(r, 2, PBFT_COMMIT, 1, 1, &q->hash);
    assert_int_equal(r->executed, 1);
    prop_unref(q);
    rig_end(r);
}

/* What was shown without its block keeps nothing else from being taken: it may never come. */
static void what_nobody_gives_stands_in_nobodys_way(void **state)
{
    (void)state;
    prop_t *a, *q = rival(), *newer = proposal(1, 3, 1, 3, false);
    rig_t *r = bound_rig(&a);
    enter_view(r, 4);
    shows(r, 3, 5, newer, 3);
    uint64_t first = r->ask_token;
    shows(r, 2, 5, q, 2);
    assert_int_equal(count(r, PBFT_PREPARED_REQUEST), 2);
    shown_t *s = shown_make(r, 5, q, 2, 2, 14);
    shown_name(r, s, q);
    assert_int_equal(status(r).view, 5);
    assert_int_equal(count(r, PBFT_PREPARE), 1);
    recorded(r, q, 2, true);
    free(s);
    r->ask_token = first;
    show(r, 3, newer, 3);
    recorded(r, newer, 3, true);
    size_t verified = r->verified;
    s = shown_make(r, 6, q, 2, 2, 14); /* older than what it is bound to by now */
    shown_name(r, s, q);
    assert_int_equal(status(r).view, 6);
    assert_int_equal(count(r, PBFT_PREPARE), 1);
    assert_int_equal(r->verified, verified); /* the pool is not even asked */
    reports(r, newer, 3, 3);
    free(s);
    prop_unref(a);
    prop_unref(q);
    prop_unref(newer);
    rig_end(r);
}

/* What was shown to be prepared before the quorum that one was part of oneself: that counts, whether the
 * block came or not. Two of one view there cannot be, but both are not prepared either. */
static void what_was_shown_is_older_than_a_precommit(void **state)
{
    (void)state;
    for (int64_t view = 3; view <= 4; view++) {
        prop_t *a = proposal(1, 1, 1, 1, false), *q = rival();
        rig_t *r = rig_in(0, 4);
        propose(r, 1, 4, a);
        shows(r, 3, 5, q, view);
        two_vote(r, PBFT_PREPARE, 1, 4, &a->hash);
        assert_int_equal(count(r, PBFT_COMMIT), 1);
        recorded(r, a, 4, false);
        enter_view(r, 5);
        size_t verified = r->verified;
        propose(r, 2, 5, q); /* leader(1, 5) */
        assert_int_equal(count(r, PBFT_PREPARE), 0);
        assert_int_equal(r->verified, verified);
        answers(r, 3, q, a, A_GOOD);
        recorded(r, a, 4, false);
        prop_unref(a);
        prop_unref(q);
        rig_end(r);
    }
}

/* Who is bound to nothing votes for what it gets, until it has the block that a quorum prepared: that it was
 * shown, also of the first view, is no precommit without the block. */
static void what_is_shown_binds_with_its_block(void **state)
{
    (void)state;
    for (int64_t view = 0; view <= 2; view += 2) {
        prop_t *c = proposal(1, 1, 1, 1, false), *q = rival();
        rig_t *r = rig_in(0, 4);
        shows(r, 3, 5, q, view);
        propose(r, 1, 4, c);
        assert_int_equal(count(r, PBFT_PREPARE), 1);
        assert_false(has_row(r, "cbcosVote:c1"));
        show(r, 3, q, view);
        recorded(r, q, view, true);
        prop_unref(c);
        prop_unref(q);
        rig_end(r);
    }
}

/* The block that it is bound to is proposed again, and not yet prepared: it is given up for another one, and
 * its transactions stay with it until the view ends. */
static void what_is_under_way_keeps_its_transactions(void **state)
{
    (void)state;
    prop_t *a, *q = rival();
    rig_t *r = bound_rig(&a);
    enter_view(r, 4);
    propose(r, 1, 4, a);
    assert_int_equal(count(r, PBFT_PREPARE), 1);
    shows(r, 3, 5, q, 2);
    r->unsealed = 0;
    answers(r, 3, q, a, A_GOOD);
    recorded(r, q, 2, true);
    assert_int_equal(r->unsealed, 0);
    enter_view(r, 5);
    assert_int_equal(r->unsealed, 1);
    assert_memory_equal(&r->unsealed_hash, &a->hash, sizeof a->hash);
    prop_unref(a);
    prop_unref(q);
    rig_end(r);
}

/* The same block again, in a newer view. */
static void a_precommit_of_the_same_block_gives_nothing_back(void **state)
{
    (void)state;
    prop_t *a;
    rig_t *r = bound_rig(&a);
    r->unsealed = 0;
    enter_view(r, 4);
    vote(r, 3, PBFT_PREPARE, 1, 4, &(bc_h256_t){ { 1 } }); /* another vote, of no use */
    propose(r, 1, 4, a);
    two_vote(r, PBFT_PREPARE, 1, 4, &a->hash);
    recorded(r, a, 4, false);
    reports(r, a, 4, 3);
    assert_int_equal(r->unsealed, 0);
    prop_unref(a);
    rig_end(r);
}

/* Also when others show it, and nobody proposes it here. */
static void the_same_block_may_be_shown_for_a_newer_view(void **state)
{
    (void)state;
    prop_t *a;
    rig_t *r = bound_rig(&a);
    enter_view(r, 4);
    r->unsealed = 0;
    shows(r, 3, 5, a, 3);
    assert_int_equal(count(r, PBFT_PREPARED_REQUEST), 0);
    recorded(r, a, 3, false);
    assert_int_equal(r->unsealed, 0);
    reports(r, a, 3, 3);
    prop_unref(a);
    rig_end(r);
}

/* Of several heights that it reports each. */
static void each_report_of_a_view_change_teaches(void **state)
{
    (void)state;
    prop_t *a, *q = rival(), *above = proposal(2, 3, 1, 3, false);
    rig_t *r = bound_rig(&a);
    vc_t *v = calloc(1, sizeof *v);
    vc_make(r, v, 3, 0, 6);
    vc_prepared(r, v, above, 2, 14);
    vc_prepared(r, v, q, 2, 14);
    vc_proven(r, v, 2);
    vc_send(r, v);
    assert_int_equal(count(r, PBFT_PREPARED_REQUEST), 1);
    assert_int_equal(last(r, PBFT_PREPARED_REQUEST)->index, 1);
    free(v);
    prop_unref(a);
    prop_unref(q);
    prop_unref(above);
    rig_end(r);
}

/* What was believed once is not looked at again. */
static void a_proof_is_looked_at_once(void **state)
{
    (void)state;
    prop_t *a, *q = rival();
    rig_t *r = bound_rig(&a);
    pbft_t *p = r->engine.self;
    count_verifies(p);
    for (int again = 0; again < 2; again++) {
        verify_count()->cnt = 0;
        shows(r, 3, 6, q, 2);
        /* of the message, and of the proof in it, that holds for a NewView; and what shows the view */
        assert_int_equal(verify_count()->cnt, 1 + 3 + (again ? 0 : 3 + 3));
    }
    prop_unref(a);
    prop_unref(q);
    rig_end(r);
}

/* A block waits for its view, and another one is shown of a newer: that one waits as soon as it is there. */
static void a_newer_one_takes_the_place(void **state)
{
    (void)state;
    prop_t *a, *q = rival(), *newer = proposal(1, 3, 1, 3, false);
    rig_t *r = bound_rig(&a);
    shows(r, 3, 6, q, 5);
    show(r, 3, q, 5);
    shows(r, 2, 8, newer, 7);
    assert_int_equal(count(r, PBFT_PREPARED_REQUEST), 2);
    enter_view(r, 5);
    recorded(r, q, 5, true);
    r->ask_token = ((pbft_t *)r->engine.self)->asks->token;
    show(r, 2, newer, 7);
    recorded(r, q, 5, true);
    enter_view(r, 9);
    recorded(r, newer, 7, true);
    prop_unref(a);
    prop_unref(q);
    prop_unref(newer);
    rig_end(r);
}

/* The NewView's own block counts though another one is shown of a newer view after it, whose block does not
 * come; and the next NewView's in its place. */
static void what_is_named_counts_in_its_view(void **state)
{
    (void)state;
    prop_t *a, *q = rival(), *other = proposal(1, 3, 1, 3, false), *third = proposal(1, 3, 1, 4, false);
    rig_t *r = bound_rig(&a);
    r->verify_ok = false;
    shown_t *s = shown_make(r, 4, q, 2, 2, 14);
    shown_name(r, s, q);
    uint64_t token = r->verify_token;
    assert_int_equal(status(r).view, 4);
    shows(r, 3, 5, other, 3); /* nobody gives it */
    bc_msg_t *m = bc_msg_new(BC_ACTOR_TXPOOL, BC_ACTOR_PBFT, BC_MSG_PROPOSAL_VERIFIED);
    m->token = token;
    m->txs = pool_txs(q->metas);
    feed(r, m);
    assert_int_equal(count(r, PBFT_PREPARE), 1);
    recorded(r, q, 2, true);
    free(s);
    r->verify_ok = true;
    s = shown_make(r, 5, third, 3, 3, 14);
    shown_name(r, s, third);
    assert_int_equal(count(r, PBFT_PREPARE), 2);
    recorded(r, third, 3, true);
    free(s);
    prop_unref(a);
    prop_unref(q);
    prop_unref(other);
    prop_unref(third);
    rig_end(r);
}

static void nothing_is_learnt_of_a_decided_height(void **state)
{
    (void)state;
    rig_t *r = calloc(1, sizeof *r);
    prop_t *a = decided(r), *q = rival();
    enter_view(r, 4);
    shows(r, 3, 5, q, 2);
    assert_int_equal(count(r, PBFT_PREPARED_REQUEST), 0);
    recorded(r, a, 1, false);
    prop_unref(a);
    prop_unref(q);
    rig_end(r);
}

/* ---- void blocks ---- */

static void what_nobody_can_execute_is_not_taken(void **state)
{
    (void)state;
    prop_t *a, *q = proposal_with(1, 3, 1, 2, false, 7, ROOT_NONE, 2); /* names another list */
    rig_t *r = bound_rig(&a);
    enter_view(r, 4);
    shows(r, 3, 5, q, 2);
    answers(r, 3, q, a, A_GOOD);
    recorded(r, a, 1, false);
    prop_unref(a);
    prop_unref(q);
    rig_end(r);
}

static void what_the_pool_refuses_is_given_up_and_not_taken_again(void **state)
{
    (void)state;
    prop_t *a, *q = rival();
    rig_t *r = bound_rig(&a);
    enter_view(r, 4);
    shows(r, 3, 5, q, 2);
    r->impossible = true;
    size_t verified = r->verified;
    answers(r, 3, q, a, A_GOOD);
    assert_int_equal(r->verified, verified + 1); /* nobody else is asked for what no pool can take */
    assert_false(has_row(r, "cbcosVote:c1")); /* it was bound to it, for a moment */
    assert_null(height(r, 1)->pc);
    r->impossible = false;
    shows(r, 2, 5, q, 3);
    assert_int_equal(count(r, PBFT_PREPARED_REQUEST), 1);
    assert_int_equal(time_out(r)->prepared, 0);
    prop_unref(a);
    prop_unref(q);
    rig_end(r);
}

/* What it voted for in the view stays. */
static void giving_it_up_leaves_the_vote(void **state)
{
    (void)state;
    prop_t *a = proposal(1, 1, 1, 1, false), *q = rival();
    rig_t *r = rig_in(0, 4);
    propose(r, 1, 4, a);
    shows(r, 3, 5, q, 4);
    r->impossible = true;
    answers(r, 3, q, a, A_GOOD);
    assert_null(height(r, 1)->pc);
    asks_for_votes(r);
    assert_int_equal(count(r, PBFT_PREPARE), 2);
    assert_int_equal(count(r, PBFT_COMMIT), 0);
    r->impossible = false;
    two_vote(r, PBFT_PREPARE, 1, 4, &a->hash);
    assert_int_equal(count(r, PBFT_COMMIT), 1);
    recorded(r, a, 4, false);
    prop_unref(a);
    prop_unref(q);
    rig_end(r);
}

/* ---- restart ---- */

static void what_was_shown_binds_in_the_next_life(void **state)
{
    (void)state;
    for (int voted = 0; voted < 2; voted++) {
        prop_t *a = proposal(1, 2, 1, 1, false), *q = rival();
        rig_t *r = rig_in(0, 1);
        propose(r, 2, 1, a);
        if (voted)
            two_vote(r, PBFT_PREPARE, 1, 1, &a->hash);
        else
            row_put(r, "cbcosVote:p1", NULL);
        enter_view(r, 4);
        shows(r, 3, 5, q, 2);
        answers(r, 3, q, a, A_GOOD);
        recorded(r, q, 2, true);
        size_t verified = r->verified;
        restart(r, 0, NULL);
        const slot_t *s = height(r, 1);
        assert_int_equal(s->voted_view, voted ? 1 : -1); /* it was only shown to us */
        assert_non_null(s->pc->data);
        assert_int_equal(r->verified, verified + 1);
        assert_int_equal(count(r, PBFT_PREPARE) + count(r, PBFT_COMMIT), 0);
        pbft_msg_t m = said(2, PBFT_PREPARED_REQUEST, 1, 0, &q->hash);
        deliver_from(r, 2, &m); /* others get it with all that shows the view */
        assert_int_equal(last(r, PBFT_PREPARED_RESPONSE)->proof, 3);
        assert_int_equal(last(r, PBFT_PREPARED_RESPONSE)->proven[0], 3);
        propose(r, 1, 4, a); /* leader(1, 4) */
        assert_int_equal(count(r, PBFT_PREPARE), 0);
        propose(r, 1, 4, q);
        assert_int_equal(count(r, PBFT_PREPARE), 1);
        reports(r, q, 2, 3);
        prop_unref(a);
        prop_unref(q);
        rig_end(r);
    }
}

/* ---- in the view that it has voted in ---- */

/* Prepares a in view 4, and is shown then that a quorum prepared q in an older view, or in that. */
static rig_t *voted_and_shown(prop_t *a, prop_t *q, int64_t view)
{
    rig_t *r = rig_in(0, 4);
    propose(r, 1, 4, a);
    assert_int_equal(count(r, PBFT_PREPARE), 1);
    vote(r, 1, PBFT_PREPARE, 1, 4, &a->hash);
    shows(r, 3, 5, q, view);
    r->unsealed = 0;
    show(r, 3, q, view);
    recorded(r, q, view, true);
    assert_int_equal(r->unsealed, 0); /* a may still get its quorum */
    assert_int_equal(count(r, PBFT_COMMIT), 0);
    return r;
}

static void a_vote_in_the_same_view_stands(void **state)
{
    (void)state;
    for (int64_t view = 3; view <= 4; view++) {
        prop_t *a = proposal(1, 1, 1, 1, false), *q = rival();
        rig_t *r = voted_and_shown(a, q, view);
        propose(r, 1, 4, q);
        two_vote(r, PBFT_COMMIT, 1, 4, &a->hash);
        two_vote(r, PBFT_COMMIT, 1, 4, &q->hash);
        asks_for_votes(r); /* node 3 hears ours again, */
        assert_int_equal(count(r, PBFT_PREPARE), 2);
        assert_memory_equal(&last(r, PBFT_PREPARE)->hash, &a->hash, sizeof a->hash);
        assert_int_equal(count(r, PBFT_COMMIT), 0); /* and no other */
        vote(r, 2, PBFT_PREPARE, 1, 4, &a->hash);
        bool newer = view < 4; /* a quorum of this view is; two in one view there cannot be */
        assert_int_equal(count(r, PBFT_COMMIT), newer);
        assert_int_equal(r->executed, newer);
        assert_int_equal(r->unsealed, newer);
        recorded(r, newer ? a : q, newer ? 4 : view, !newer);
        prop_unref(a);
        prop_unref(q);
        rig_end(r);
    }
}

static void nor_is_it_contradicted_in_the_next_life(void **state)
{
    (void)state;
    prop_t *a = proposal(1, 1, 1, 1, false), *q = rival();
    rig_t *r = voted_and_shown(a, q, 3);
    restart(r, 0, NULL);
    assert_int_equal(height(r, 1)->voted_view, 4);
    assert_memory_equal(&height(r, 1)->voted_hash, &a->hash, sizeof a->hash);
    propose(r, 1, 4, q);
    assert_int_equal(count(r, PBFT_PREPARE), 0);
    reports(r, q, 3, 3);
    prop_unref(a);
    prop_unref(q);
    rig_end(r);
}

/* The newest vote counts, not the precommit before it. */
static void a_vote_for_what_it_is_bound_to_stands_as_well(void **state)
{
    (void)state;
    prop_t *a, *q = rival();
    rig_t *r = bound_rig(&a);
    enter_view(r, 4);
    propose(r, 1, 4, a);
    restart(r, 0, NULL);
    assert_int_equal(count(r, PBFT_PREPARE), 1); /* said again */
    assert_int_equal(height(r, 1)->voted_view, 4);
    assert_int_equal(height(r, 1)->pc_view, 1);
    shows(r, 3, 5, q, 3);
    show(r, 3, q, 3);
    recorded(r, q, 3, true);
    propose(r, 1, 4, q);
    assert_int_equal(count(r, PBFT_PREPARE), 1);
    prop_unref(a);
    prop_unref(q);
    rig_end(r);
}

/* Who has asked for the next view says nothing more in this one. */
static void a_quorum_after_a_time_out_is_none(void **state)
{
    (void)state;
    rig_t *r = rig_in(0, 4);
    prop_t *a = proposal(1, 1, 1, 1, false);
    propose(r, 1, 4, a);
    assert_int_equal(time_out(r)->prepared, 0);
    two_vote(r, PBFT_PREPARE, 1, 4, &a->hash);
    assert_int_equal(count(r, PBFT_COMMIT), 0);
    assert_null(height(r, 1)->pc);
    prop_unref(a);
    rig_end(r);
}

/* Its transactions are with no other block: they go back when the view ends. */
static void a_proposal_that_is_overtaken_gives_its_transactions_back(void **state)
{
    (void)state;
    prop_t *a = proposal(1, 1, 1, 3, false), *q = rival();
    rig_t *r = rig_in(0, 4);
    r->verify_ok = false;
    propose(r, 1, 4, a);
    uint64_t token = r->verify_token;
    shows(r, 3, 5, q, 2);
    answers(r, 3, q, a, A_GOOD); /* while the pool looks at a */
    recorded(r, q, 2, true);
    bc_msg_t *m = bc_msg_new(BC_ACTOR_TXPOOL, BC_ACTOR_PBFT, BC_MSG_PROPOSAL_VERIFIED);
    m->token = token;
    m->txs = pool_txs(a->metas);
    r->unsealed = 0;
    feed(r, m);
    assert_int_equal(count(r, PBFT_PREPARE), 0);
    enter_view(r, 5);
    assert_int_equal(r->unsealed, 1);
    assert_memory_equal(&r->unsealed_hash, &a->hash, sizeof a->hash);
    prop_unref(a);
    prop_unref(q);
    rig_end(r);
}

int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quorum_of_a_later_view_releases_a_precommit),
        cmocka_unit_test(a_new_view_shows_the_block),
        cmocka_unit_test(what_it_was_released_for_is_decided),
        cmocka_unit_test(nothing_less_releases_it),
        cmocka_unit_test(who_is_ahead_teaches_by_the_same_proofs),
        cmocka_unit_test(a_long_proof_is_not_looked_at),
        cmocka_unit_test(a_proof_of_a_view_to_come_waits_for_it),
        cmocka_unit_test(what_is_at_hand_is_taken_at_once),
        cmocka_unit_test(what_nobody_gives_stands_in_nobodys_way),
        cmocka_unit_test(what_was_shown_is_older_than_a_precommit),
        cmocka_unit_test(what_is_shown_binds_with_its_block),
        cmocka_unit_test(what_is_under_way_keeps_its_transactions),
        cmocka_unit_test(a_precommit_of_the_same_block_gives_nothing_back),
        cmocka_unit_test(the_same_block_may_be_shown_for_a_newer_view),
        cmocka_unit_test(each_report_of_a_view_change_teaches),
        cmocka_unit_test(a_proof_is_looked_at_once),
        cmocka_unit_test(a_newer_one_takes_the_place),
        cmocka_unit_test(what_is_named_counts_in_its_view),
        cmocka_unit_test(nothing_is_learnt_of_a_decided_height),
        cmocka_unit_test(what_nobody_can_execute_is_not_taken),
        cmocka_unit_test(what_the_pool_refuses_is_given_up_and_not_taken_again),
        cmocka_unit_test(giving_it_up_leaves_the_vote),
        cmocka_unit_test(what_was_shown_binds_in_the_next_life),
        cmocka_unit_test(a_vote_in_the_same_view_stands),
        cmocka_unit_test(nor_is_it_contradicted_in_the_next_life),
        cmocka_unit_test(a_vote_for_what_it_is_bound_to_stands_as_well),
        cmocka_unit_test(a_quorum_after_a_time_out_is_none),
        cmocka_unit_test(a_proposal_that_is_overtaken_gives_its_transactions_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
