/* One engine and the view changes that show what was prepared: which it believes, which it passes on, and
 * what it makes of them (docs/notes/0017). */
#include "pbft.pb-c.h"
#include "scheduling/pbft/test_rig_shown.h"

#define WITHOUT_1 0xdu

/* ---- what a NewView names ---- */

/* A node names a for view 9 and can show view 1 at best, another one shows q for view 2; the names count when
 * nobody shows anything, and the first of two that are alike. */
static void the_newest_that_is_proven_is_proposed_again(void **state)
{
    (void)state;
    enum { NAMED, SHOWN, ALIKE, CNT };
    for (int what = 0; what < CNT; what++) {
        for (int first = 0; first < 2; first++) {
            bool shown = what == SHOWN, best_q = shown || (what == ALIKE && !first);
            prop_t *a = proposal(1, 2, 1, 1, false), *q = rival(), *best = best_q ? q : a;
            rig_t *r = rig_in(3, 1); /* leader(1, 10) */
            pool_size(r, 1);
            vc_t *v = calloc(3, sizeof *v);
            int of_a = first ? 0 : 2, of_q = first ? 2 : 0;
            for (int i = 0; i < 3; i++)
                vc_make(r, &v[i], i, 0, 10);
            vc_prepared(r, &v[of_a], a, 9, 14);
            vc_proven(r, &v[of_a], 1);
            vc_prepared(r, &v[of_q], q, what == ALIKE ? 9 : 2, 14);
            if (shown)
                vc_proven(r, &v[of_q], 2);
            for (int i = 0; i < 3; i++)
                vc_send(r, &v[i]);
            assert_int_equal(count(r, PBFT_NEW_VIEW), 0);
            assert_memory_equal(&last(r, PBFT_PREPARED_REQUEST)->hash, &best->hash, sizeof best->hash);
            if (shown && !first) /* to learn it, and to name it */
                assert_int_equal(count(r, PBFT_PREPARED_REQUEST), 2);
            show(r, best_q ? of_q : of_a, best, 2);
            assert_int_equal(count(r, PBFT_NEW_VIEW), 1);
            assert_int_equal(last(r, PBFT_NEW_VIEW)->list, 1);
            assert_memory_equal(&last(r, PBFT_NEW_VIEW)->list_hash[0], &best->hash, sizeof best->hash);
            assert_int_equal(status(r).view, 10);
            assert_int_equal(height(r, 1)->pc != NULL, shown); /* its maker learns from it, too */
            free(v);
            prop_unref(a);
            prop_unref(q);
            rig_end(r);
        }
    }
}

/* Of three blocks, one from each node, the view that is named and that which is shown; -1: none. A fourth one
 * nobody reports. */
static void either_newest_may_be_named(void **state)
{
    (void)state;
    static const struct {
        int64_t named[3], proven[3];
        bool good[4];
    } cases[] = {
        { { 9, 2, 1 }, { 1, 2, 1 }, { true, true, false } }, /* who names view 9 can show view 1 */
        { { 9, 2, 8 }, { 1, -1, -1 }, { true, false, false } },
        { { 9, 0, 8 }, { 1, 0, -1 }, { true, true, false } },
        { { 9, 2, 9 }, { -1, 2, -1 }, { true, true, true } },
        { { 9, 9, 2 }, { -1, 9, 2 }, { true, true, false } },
        { { 0, 0, 0 }, { -1, -1, -1 }, { true, true, true } },
    };
    for (size_t k = 0; k < BC_ARRAY_LEN(cases); k++) {
        for (int what = 0; what < 4; what++) {
            rig_t *r = rig_in(0, 1);
            shown_t *s = calloc(1, sizeof *s);
            prop_t *q[4];
            for (int i = 0; i < 4; i++)
                q[i] = proposal(1, 2, 1, i + 1, false);
            for (int i = 0; i < 3; i++) {
                vc_make(r, &s->v[i], i + 1, 0, 10);
                vc_prepared(r, &s->v[i], q[i], cases[k].named[i], 14);
                if (cases[k].proven[i] >= 0)
                    vc_proven(r, &s->v[i], cases[k].proven[i]);
            }
            shown_name(r, s, q[what]);
            if (status(r).view != (cases[k].good[what] ? 10 : 1))
                fail_msg("case %zu %d", k, what);
            /* who was shown another one is bound to that with its block only, which is not at hand */
            assert_int_equal(count(r, PBFT_PREPARE), cases[k].good[what]);
            for (int i = 0; i < 4; i++)
                prop_unref(q[i]);
            free(s);
            rig_end(r);
        }
    }
}

/* Wherever the one that differs stands. */
static void one_that_differs_makes_all_look_at_proofs(void **state)
{
    (void)state;
    for (int at = 0; at < 3; at++) {
        rig_t *r = rig_in(0, 1);
        prop_t *a = proposal(1, 2, 1, 1, false), *q = rival();
        shown_t *s = calloc(1, sizeof *s);
        for (int i = 0; i < 3; i++) {
            vc_make(r, &s->v[i], i + 1, 0, 10);
            vc_prepared(r, &s->v[i], i == at ? a : q, i == at ? 9 : 2, 14);
            if (i != at)
                vc_proven(r, &s->v[i], 2);
        }
        shown_name(r, s, q);
        assert_int_equal(status(r).view, 10);
        free(s);
        prop_unref(a);
        prop_unref(q);
        rig_end(r);
    }
}

/* Nearly always all report the same, and nothing has to be chosen: also not where they differ above. */
static void where_all_agree_no_proof_is_looked_at(void **state)
{
    (void)state;
    rig_t *r = rig_in(0, 1);
    prop_t *q = rival(), *b = proposal(2, 3, 1, 1, false), *c = proposal(2, 3, 1, 2, false);
    shown_t *s = calloc(1, sizeof *s);
    for (int i = 0; i < 3; i++) {
        vc_make(r, &s->v[i], i + 1, 0, 4);
        vc_prepared(r, &s->v[i], q, 2, 14);
        vc_proven(r, &s->v[i], 2);
        vc_prepared(r, &s->v[i], i ? b : c, 3, 14);
    }
    pbft_t *p = r->engine.self;
    count_verifies(p);
    shown_name(r, s, q); /* a leader that waits may leave the rest out */
    assert_int_equal(status(r).view, 4);
    /* the message, the three in it with their two proofs each; and what it learns from it once; the height
     * above shows no view */
    assert_int_equal(verify_count()->cnt, 1 + 3 * (1 + 3 + 3) + 3 + 3);
    free(s);
    prop_unref(q);
    prop_unref(b);
    prop_unref(c);
    rig_end(r);
}

/* A newer view of another height says nothing. */
static void each_height_for_itself(void **state)
{
    (void)state;
    rig_t *r = rig_in(0, 1);
    prop_t *q = rival(), *above = proposal(2, 3, 1, 1, false);
    shown_t *s = shown_make(r, 10, q, 2, 2, 14);
    vc_prepared(r, &s->v[0], above, 9, 14);
    shown_name(r, s, q);
    assert_int_equal(status(r).view, 10);
    free(s);
    prop_unref(q);
    prop_unref(above);
    rig_end(r);
}

/* What is in the ledger of one of them already is over. */
static void it_starts_above_the_highest_ledger(void **state)
{
    (void)state;
    for (int at = -1; at < 3; at++) {
        rig_t *r = rig_in(0, 1);
        prop_t *q = rival();
        shown_t *s = shown_make(r, 4, q, 2, 2, 14);
        if (at >= 0)
            s->v[at].m.base.index = s->v[at].m.proposal.index = 1;
        shown_name(r, s, q);
        assert_int_equal(status(r).view, at < 0 ? 4 : 1);
        free(s);
        prop_unref(q);
        rig_end(r);
    }
}

/* ---- view changes that are not used ---- */

enum {
    W_GOOD,
    W_NO_VOTES,     /* good: as of an official node */
    W_UNKNOWN,      /* has a field that nobody knows, at its end, */
    W_UNKNOWN_HEAD, /* in its head, */
    W_UNKNOWN_STATE,
    W_UNKNOWN_REPORT,
    W_UNKNOWN_BLOCK,
    W_VOTE_EMPTY,   /* one of three */
    W_VOTES_EMPTY,  /* all of them */
    W_SIG_HASH,     /* fields that a NewView's maker fills in */
    W_SIG,
    W_CNT
};

/* Signs v, and sends it. */
static void send_raw(rig_t *r, int node, Bcpbft__ViewChange *v)
{
    uint8_t sig[BC_SIG_MAX];
    bc_h256_t digest;
    Bcpbft__RawMessage raw;
    bcpbft__raw_message__init(&raw);
    raw.type = PBFT_VIEW_CHANGE;
    raw.payload.len = bcpbft__view_change__get_packed_size(v);
    raw.payload.data = malloc(raw.payload.len);
    bcpbft__view_change__pack(v, raw.payload.data);
    bc_hash(BC_SUITE_STANDARD, bc_bytes(raw.payload.data, raw.payload.len), &digest);
    raw.signature.data = sig;
    raw.signature.len = bc_sign(&r->keys[node], &digest, sig);
    bc_msg_t *d = bc_msg_new(BC_ACTOR_FRONT, BC_ACTOR_PBFT, BC_MSG_DELIVER);
    d->module = BC_MODULE_PBFT;
    d->node = r->keys[node].pub;
    d->data = bc_buf_new(bcpbft__raw_message__get_packed_size(&raw));
    bcpbft__raw_message__pack(&raw, d->data->p);
    free(raw.payload.data);
    feed(r, d);
}

/* on: puts it in, else takes it out again. */
static void spoil(Bcpbft__ViewChange *v, int what, bool on)
{
    static uint8_t one[] = { 1 };
    static ProtobufCMessageUnknownField unknown = { 200, PROTOBUF_C_WIRE_TYPE_VARINT, 1, one };
    Bcpbft__Proposal *w = v->prepared[0]->proposal;
    ProtobufCMessage *at[W_CNT] = { [W_UNKNOWN] = &v->base, [W_UNKNOWN_HEAD] = &v->head->base,
                                    [W_UNKNOWN_STATE] = &v->committed->base,
                                    [W_UNKNOWN_REPORT] = &v->prepared[0]->base,
                                    [W_UNKNOWN_BLOCK] = &w->proposal->base };
    if (at[what]) {
        at[what]->unknown_fields = on ? &unknown : NULL;
        at[what]->n_unknown_fields = on;
    }
    for (size_t i = 0; what == W_VOTES_EMPTY && i < w->n_votes; i++)
        w->votes[i].len = 0;
    if (what == W_VOTE_EMPTY)
        w->votes[1].len = 0;
    if (what == W_SIG_HASH)
        v->head->sig_hash = (ProtobufCBinaryData){ on, on ? one : NULL };
    if (what == W_SIG)
        v->head->sig = (ProtobufCBinaryData){ on, on ? one : NULL };
}

/* Two nodes ask for view 4; who joins has believed both, and may make a NewView of what it has. */
static void what_would_not_be_the_same_in_a_new_view_is_not_used(void **state)
{
    (void)state;
    for (int what = 0; what < W_CNT; what++) {
        rig_t *r = rig_in(0, 1);
        prop_t *q = rival();
        vc_t *v = calloc(2, sizeof *v);
        vc_make(r, &v[0], 1, 0, 4);
        vc_send(r, &v[0]);
        vc_make(r, &v[1], 2, 0, 4);
        vc_prepared(r, &v[1], q, 1, 14);
        if (what != W_NO_VOTES)
            vc_proven(r, &v[1], 1);
        bc_buf_t *b = pbft_encode(&v[1].m);
        Bcpbft__RawMessage *raw = bcpbft__raw_message__unpack(NULL, b->n, b->p);
        Bcpbft__ViewChange *vc = bcpbft__view_change__unpack(NULL, raw->payload.len, raw->payload.data);
        spoil(vc, what, true);
        send_raw(r, 2, vc);
        spoil(vc, what, false);
        bool good = what <= W_NO_VOTES;
        if (status(r).to_view != (good ? 4 : 1))
            fail_msg("case %d", what);
        const pbft_t *p = r->engine.self;
        assert_int_equal(p->senders[2].cnt, good);
        if (what == W_GOOD || what == W_NO_VOTES) /* a proof counts wherever it stands */
            assert_int_equal(count(r, PBFT_PREPARED_REQUEST), what == W_GOOD);
        bcpbft__view_change__free_unpacked(vc, NULL);
        bcpbft__raw_message__free_unpacked(raw, NULL);
        bc_buf_unref(b);
        free(v);
        prop_unref(q);
        rig_end(r);
    }
}

/* ---- what a NewView names ---- */

/* A NewView of view to, whose block does not come with it. */
static void names_without_block(rig_t *r, int64_t to, const prop_t *q, int64_t view)
{
    shown_t *s = shown_make(r, to, q, view, view, 14);
    int leader = (int)bc_pbft_leader(1, to, 1, NODES);
    nv_make(&s->n, leader, 0, to, s->v, 3, r);
    nv_entry(&s->n, q, 3, false);
    nv_send(r, &s->n, leader);
    assert_int_equal(status(r).view, to);
    free(s);
}

/* While its block is on the way the leader proposes another one: nothing speaks for that. */
static void what_is_named_releases_nothing_else(void **state)
{
    (void)state;
    prop_t *a, *q = rival(), *other = proposal(1, 1, 1, 3, false);
    rig_t *r = bound_rig(&a);
    names_without_block(r, 4, q, 2);
    propose(r, 1, 4, other);
    assert_int_equal(count(r, PBFT_PREPARE), 0);
    recorded(r, a, 1, false);
    show(r, 3, q, 2);
    assert_int_equal(count(r, PBFT_PREPARE), 1);
    recorded(r, q, 2, true);
    prop_unref(a);
    prop_unref(q);
    prop_unref(other);
    rig_end(r);
}

/* What an earlier NewView named and nobody gave is not in the way of what the next one names, though a
 * quorum prepared that before. */
static void the_next_new_view_names_anew(void **state)
{
    (void)state;
    prop_t *a, *q = rival(), *other = proposal(1, 3, 1, 3, false);
    rig_t *r = bound_rig(&a);
    names_without_block(r, 4, q, 3);
    names_without_block(r, 5, other, 2);
    show(r, 3, other, 2);
    assert_int_equal(count(r, PBFT_PREPARE), 1);
    recorded(r, other, 2, true);
    prop_unref(a);
    prop_unref(q);
    prop_unref(other);
    rig_end(r);
}

/* Two blocks wait for their views: the newer one stays. */
static void the_newest_waits(void **state)
{
    (void)state;
    prop_t *a, *q = rival(), *newer = proposal(1, 3, 1, 3, false);
    rig_t *r = bound_rig(&a);
    shows(r, 3, 8, q, 5);
    uint64_t first = r->ask_token;
    shows(r, 2, 8, newer, 7);
    show(r, 2, newer, 7);
    r->ask_token = first;
    show(r, 3, q, 5);
    enter_view(r, 9);
    recorded(r, newer, 7, true);
    prop_unref(a);
    prop_unref(q);
    prop_unref(newer);
    rig_end(r);
}

/* ---- what is passed on ---- */

/* The next height is what all wait for; those above it would cost all that for nothing. */
static void only_the_next_height_proves_its_view(void **state)
{
    (void)state;
    rig_t *r = rig_in(0, 1);
    prop_t *a = proposal(1, 2, 1, 1, false), *b = proposal(2, 3, 1, 2, false);
    propose(r, 2, 1, a);
    propose(r, 3, 1, b);
    two_vote(r, PBFT_PREPARE, 1, 1, &a->hash);
    two_vote(r, PBFT_PREPARE, 2, 1, &b->hash);
    const sent_t *vc = time_out(r);
    assert_int_equal(vc->prepared, 2);
    assert_int_equal(vc->proven[0], 3);
    assert_int_equal(vc->proven[1], 0);
    to_height_1(r, ALL_NODES);
    vc = last(r, PBFT_VIEW_CHANGE);
    assert_int_equal(vc->index, 1);
    assert_int_equal(vc->prepared, 1);
    assert_int_equal(vc->proven[0], 3); /* it is the next one now */
    prop_unref(a);
    prop_unref(b);
    rig_end(r);
}

/* Heights of which it knows votes only, or nothing, are left out; so are those above a system proposal that is
 * decided and not in the ledger yet: they will be made anew. */
static void only_precommits_that_hold_are_reported(void **state)
{
    (void)state;
    rig_t *r = rig_in(0, 1);
    r->execute = false;
    prop_t *a = proposal(1, 2, 1, 1, false), *b = proposal(2, 3, 1, 2, false);
    vote(r, 1, PBFT_PREPARE, 2, 1, &b->hash);
    assert_int_equal(time_out(r)->prepared, 0);
    enter_view(r, 5);
    a->system = true; /* so its leader says */
    propose(r, 2, 5, a);
    propose(r, 3, 5, b);
    two_vote(r, PBFT_PREPARE, 1, 5, &a->hash);
    two_vote(r, PBFT_PREPARE, 2, 5, &b->hash);
    two_vote(r, PBFT_COMMIT, 1, 5, &a->hash);
    for (int i = 1; i < 3; i++) {
        vc_t v;
        vc_make(r, &v, i, 0, 9);
        vc_send(r, &v);
    }
    assert_int_equal(last(r, PBFT_VIEW_CHANGE)->prepared, 1);
    assert_memory_equal(&last(r, PBFT_VIEW_CHANGE)->prepared_hash, &a->hash, sizeof a->hash);
    to_height_1(r, ALL_NODES);
    assert_int_equal(last(r, PBFT_VIEW_CHANGE)->index, 1);
    assert_int_equal(last(r, PBFT_VIEW_CHANGE)->prepared, 1);
    assert_memory_equal(&last(r, PBFT_VIEW_CHANGE)->prepared_hash, &b->hash, sizeof b->hash);
    prop_unref(a);
    prop_unref(b);
    rig_end(r);
}

/* A Prepare that says more than the fields that are passed on is a vote, but cannot be shown; where all
 * sealers are ours it is none. */
static void a_prepare_with_more_in_it_shows_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        int what = i % 2;
        rig_t *r = rig_in(0, 1);
        prop_t *a = proposal(1, 2, 1, 1, false);
        propose(r, 2, 1, a);
        ((pbft_t *)r->engine.self)->require_root = i / 2;
        vote(r, 2, PBFT_PREPARE, 1, 1, &a->hash);
        uint8_t sig[BC_SIG_MAX], psig[BC_SIG_MAX];
        pbft_msg_t m = said(1, PBFT_PREPARE, 1, 1, &a->hash);
        m.base.version = what;
        m.has_proposal = true;
        m.proposal = (pbft_proposal_t){ .has_raw = true, .has_hash = true, .index = 1, .hash = a->hash };
        m.proposal.sig = bc_bytes(psig, bc_sign(&r->keys[1], &a->hash, psig));
        sign_as(r, 1, &m, sig);
        uint64_t dropped = status(r).dropped;
        deliver_from(r, 1, &m);
        assert_int_equal(count(r, PBFT_COMMIT), i != 3);
        assert_int_equal(status(r).dropped - dropped, i == 3);
        if (i != 3)
            reports(r, a, 1, what ? 0 : 3);
        prop_unref(a);
        rig_end(r);
    }
}

/* Both signatures of a Prepare are shown to others, so both are looked at; of a Commit that of the message. */
static void votes_are_signed(void **state)
{
    (void)state;
    enum { GOOD, MESSAGE, ANOTHERS, CONNECTION, PLAIN, NO_PLAIN, CNT };
    for (int what = 0; what < 2 * CNT; what++) {
        int32_t type = what < CNT ? PBFT_PREPARE : PBFT_COMMIT;
        int how = what % CNT;
        rig_t *r = rig_in(0, 1);
        r->execute = false;
        prop_t *a = proposal(1, 2, 1, 1, false);
        propose(r, 2, 1, a);
        if (type == PBFT_COMMIT)
            two_vote(r, PBFT_PREPARE, 1, 1, &a->hash);
        vote(r, 2, type, 1, 1, &a->hash);
        uint64_t dropped = status(r).dropped;
        uint8_t sig[BC_SIG_MAX], psig[BC_SIG_MAX];
        pbft_msg_t m = said(1, type, 1, 1, &a->hash);
        m.has_proposal = true;
        m.proposal = (pbft_proposal_t){ .has_raw = true, .has_hash = true, .index = 1, .hash = a->hash };
        m.proposal.sig = bc_bytes(psig, bc_sign(&r->keys[how == PLAIN ? 3 : 1], &a->hash, psig));
        if (how == NO_PLAIN)
            m.proposal.sig.n = 0;
        sign_as(r, how == ANOTHERS ? 3 : 1, &m, sig);
        sig[5] ^= how == MESSAGE;
        deliver_from(r, how == CONNECTION ? 3 : 1, &m);
        bool good = how == GOOD || (type == PBFT_COMMIT && how >= PLAIN);
        if ((type == PBFT_PREPARE ? count(r, PBFT_COMMIT) : r->executed) != good)
            fail_msg("case %d", what);
        assert_int_equal(status(r).dropped, dropped + !good);
        prop_unref(a);
        rig_end(r);
    }
}

/* ---- another sealer list ---- */

/* A Prepare names the place of its sender, and cannot be shown from another one. An official leader's
 * filler names no list, so it stays. */
static void votes_that_moved_show_no_view(void **state)
{
    (void)state;
    for (int moved = 0; moved < 2; moved++) {
        rig_t *r = rig_in(0, 1);
        prop_t *a = proposal(1, 2, 1, 1, false), *q = proposal_with(2, 0, 0, 1, false, 0, ROOT_NONE, 1);
        propose(r, 2, 1, a);
        propose(r, 3, 1, q);
        for (int node = 2; node < 4; node++)
            vote(r, node, PBFT_PREPARE, 2, 1, &q->hash);
        assert_int_equal(count(r, PBFT_COMMIT), 1);
        to_height_1(r, moved ? WITHOUT_1 : ALL_NODES);
        reports(r, q, 1, moved ? 0 : 3);
        prop_unref(a);
        prop_unref(q);
        rig_end(r);
    }
}

/* The first one leaves, and all others move. */
static void votes_of_who_left_prove_nothing(void **state)
{
    (void)state;
    for (int left = 0; left < 2; left++) {
        rig_t *r = rig_in(1, 1);
        prop_t *a = proposal(1, 2, 1, 1, false), *q = proposal_with(2, 0, 0, 1, false, 0, ROOT_NONE, 1);
        propose(r, 2, 1, a);
        propose(r, 3, 1, q);
        vote(r, 0, PBFT_PREPARE, 2, 1, &q->hash);
        vote(r, 2, PBFT_PREPARE, 2, 1, &q->hash);
        assert_int_equal(count(r, PBFT_COMMIT), 1);
        vote(r, 2, PBFT_PREPARE, 5, 1, &q->hash); /* nothing is known of the heights between */
        to_height_1(r, left ? 0xe : ALL_NODES);
        assert_int_equal(time_out(r)->prepared, !left);
        prop_unref(a);
        prop_unref(q);
        rig_end(r);
    }
}

int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_that_is_proven_is_proposed_again),
        cmocka_unit_test(either_newest_may_be_named),
        cmocka_unit_test(one_that_differs_makes_all_look_at_proofs),
        cmocka_unit_test(where_all_agree_no_proof_is_looked_at),
        cmocka_unit_test(each_height_for_itself),
        cmocka_unit_test(it_starts_above_the_highest_ledger),
        cmocka_unit_test(what_would_not_be_the_same_in_a_new_view_is_not_used),
        cmocka_unit_test(what_is_named_releases_nothing_else),
        cmocka_unit_test(the_next_new_view_names_anew),
        cmocka_unit_test(the_newest_waits),
        cmocka_unit_test(only_the_next_height_proves_its_view),
        cmocka_unit_test(only_precommits_that_hold_are_reported),
        cmocka_unit_test(a_prepare_with_more_in_it_shows_nothing),
        cmocka_unit_test(votes_are_signed),
        cmocka_unit_test(votes_that_moved_show_no_view),
        cmocka_unit_test(votes_of_who_left_prove_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
