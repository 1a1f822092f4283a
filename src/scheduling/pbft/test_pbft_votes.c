/* Votes that are collected, and the proofs made of them, without an engine around. */
#include "scheduling/pbft/test_rig.h"

static const bc_h256_t ha = { { 1 } }, hb = { { 2 } };

static bc_bytes_t text(const char *s)
{
    return bc_cstr(s);
}

static void is(const votes_t *vs, size_t i, int64_t idx, int64_t view, const bc_h256_t *hash, const char *sig)
{
    assert_true(i < vs->cnt);
    const vote_t *v = &vs->v[i];
    assert_int_equal(v->idx, idx);
    assert_int_equal(v->view, view);
    assert_memory_equal(&v->hash, hash, sizeof *hash);
    assert_true(bc_bytes_eq(bc_bytes(v->sig, v->sig_len), text(sig)));
}

static void shows_view(const votes_t *vs, size_t i, int64_t time, const char *vote)
{
    assert_true(bc_bytes_eq(bc_bytes(vs->v[i].vote, vs->v[i].vote_len), text(vote)));
    if (vote[0])
        assert_int_equal(vs->v[i].time, time);
}

static void one_vote_of_a_sender_for_a_block_the_newest(void **state)
{
    (void)state;
    votes_t vs = { 0 };
    assert_true(votes_add(&vs, 1, 5, &ha, text("first")));
    assert_false(votes_add(&vs, 1, 5, &ha, text("again")));
    assert_false(votes_add(&vs, 1, 4, &ha, text("older")));
    is(&vs, 0, 1, 5, &ha, "first");
    assert_true(votes_add(&vs, 2, 4, &ha, text("another's")));
    assert_true(votes_add(&vs, 1, 4, &hb, text("another block")));
    assert_true(votes_add(&vs, 1, 6, &ha, text("newer")));
    assert_int_equal(vs.cnt, 3);
    is(&vs, 0, 1, 6, &ha, "newer");
    is(&vs, 1, 2, 4, &ha, "another's");
    is(&vs, 2, 1, 4, &hb, "another block");
    assert_true(votes_has(&vs, 1, 6, &ha));
    assert_true(votes_has(&vs, 1, 5, &ha));
    assert_false(votes_has(&vs, 1, 7, &ha));
    assert_false(votes_has(&vs, 2, 4, &hb));
    assert_false(votes_has(&vs, 3, 4, &ha));
    votes_free(&vs);
    assert_int_equal(vs.cnt, 0);
    assert_null(vs.v);
}

/* A sender that votes for everything loses what is oldest of its own. */
static void a_sender_has_few_votes(void **state)
{
    (void)state;
    votes_t vs = { 0 };
    bc_h256_t h[PBFT_VOTES_SENDER + 3] = { 0 };
    for (size_t i = 0; i < BC_ARRAY_LEN(h); i++)
        h[i].b[0] = (uint8_t)(i + 1);
    votes_add(&vs, 0, 1, &ha, text("older, of another sender"));
    for (int i = 0; i < PBFT_VOTES_SENDER; i++)
        assert_true(votes_add(&vs, 1, i == 2 ? 3 : 5, &h[i], text("kept")));
    assert_false(votes_add(&vs, 1, 2, &h[4], text("older than all")));
    assert_false(votes_add(&vs, 1, 3, &h[4], text("as old as the oldest")));
    assert_int_equal(vs.cnt, 1 + PBFT_VOTES_SENDER);
    assert_true(votes_add(&vs, 1, 4, &h[4], text("newer")));
    assert_int_equal(vs.cnt, 1 + PBFT_VOTES_SENDER);
    is(&vs, 0, 0, 1, &ha, "older, of another sender");
    is(&vs, 3, 1, 4, &h[4], "newer");
    assert_false(votes_has(&vs, 1, 0, &h[2]));
    assert_true(votes_add(&vs, 2, 1, &h[4], text("others may")));
    for (int i = 3; i < 40; i++)
        assert_true(votes_add(&vs, i, i, &ha, text("sig")));
    for (int i = 3; i < 40; i++)
        is(&vs, (size_t)(1 + PBFT_VOTES_SENDER + i - 2), i, i, &ha, "sig");
    votes_free(&vs);
    for (int i = 0; i < PBFT_VOTES_SENDER; i++)
        votes_add(&vs, 0, 5, &h[i], text("alike"));
    assert_true(votes_add(&vs, 0, 6, &h[4], text("newer")));
    assert_int_equal(vs.cnt, PBFT_VOTES_SENDER);
    is(&vs, 0, 0, 6, &h[4], "newer"); /* the first of those that are alike was there longest */
    votes_free(&vs);
}

static void only_what_fits_is_kept(void **state)
{
    (void)state;
    votes_t vs = { 0 };
    uint8_t sig[PBFT_SIG_LEN_MAX + 1] = { 7, 8, 9 };
    votes_add(&vs, 1, 5, &ha, bc_bytes(sig, PBFT_SIG_LEN_MAX));
    votes_add(&vs, 2, 5, &ha, bc_bytes(sig, sizeof sig));
    votes_add(&vs, 3, 5, &ha, (bc_bytes_t){ 0 });
    assert_int_equal(vs.v[0].sig_len, PBFT_SIG_LEN_MAX);
    assert_int_equal(vs.v[1].sig_len, PBFT_SIG_LEN_MAX); /* no signature any more, and nothing else overwritten */
    assert_memory_equal(vs.v[1].sig, sig, PBFT_SIG_LEN_MAX);
    assert_int_equal(vs.v[2].sig_len, 0);
    votes_free(&vs);
}

static pbft_msg_t prepare(int64_t from, int64_t view, const bc_h256_t *hash)
{
    pbft_msg_t m = said((int)from, PBFT_PREPARE, 1, view, hash);
    m.sig = text("message");
    pbft_digest(BC_SUITE_STANDARD, &m, &m.digest);
    return m;
}

/* The message by which a vote came shows its view. */
static void the_message_goes_with_its_vote(void **state)
{
    (void)state;
    votes_t vs = { 0 };
    pbft_msg_t m = prepare(1, 5, &ha);
    uint8_t sig[PBFT_SIG_LEN_MAX + 1] = { 1 };
    m.proposal.sig = text("sig");
    assert_true(votes_can_show(BC_SUITE_STANDARD, &m));
    assert_true(votes_add_prepare(&vs, &m, false));
    shows_view(&vs, 0, 0, "");
    assert_false(votes_add_prepare(&vs, &m, true)); /* it is no newer one */
    shows_view(&vs, 0, 0, "");
    m = prepare(1, 6, &ha);
    m.proposal.sig = text("newer");
    assert_true(votes_add_prepare(&vs, &m, true));
    shows_view(&vs, 0, m.base.timestamp, "message");
    is(&vs, 0, 1, 6, &ha, "newer");
    m.base.view = 7;
    m.sig = bc_bytes(sig, sizeof sig); /* none of ours is as long */
    votes_add_prepare(&vs, &m, true);
    shows_view(&vs, 0, 0, "");
    m.base.view = 8;
    m.sig = bc_bytes(sig, PBFT_SIG_LEN_MAX);
    votes_add_prepare(&vs, &m, true);
    assert_int_equal(vs.v[0].vote_len, PBFT_SIG_LEN_MAX);
    votes_add(&vs, 1, 9, &ha, text("newest")); /* what came for the older one is of no use for it */
    shows_view(&vs, 0, 0, "");
    votes_free(&vs);
}

/* Each field that the proof passes on, or that its reader knows, makes the digest; others must be empty. */
static void what_a_proof_can_show(void **state)
{
    (void)state;
    for (int what = 0; what < 7; what++) {
        pbft_msg_t m = prepare(1, 5, &ha);
        switch (what) {
        case 1: m.digest.b[0] ^= 1; break;
        case 2: m.base.index++; break;
        case 3: m.base.view++; break;
        case 4: m.base.timestamp++; break;
        case 5: m.base.from++; break;
        case 6: m.base.hash = hb; break;
        default: break;
        }
        assert_int_equal(votes_can_show(BC_SUITE_STANDARD, &m), what == 0);
    }
    pbft_msg_t m = prepare(1, 5, &ha);
    m.base.version = 1;
    pbft_digest(BC_SUITE_STANDARD, &m, &m.digest);
    assert_false(votes_can_show(BC_SUITE_STANDARD, &m));
}

static void filled(votes_t *vs)
{
    votes_add(vs, 0, 5, &ha, text("a0"));
    votes_add(vs, 1, 5, &hb, text("b1"));
    votes_add(vs, 2, 4, &ha, text("a2"));
    pbft_msg_t m = prepare(3, 6, &ha);
    m.proposal.sig = text("a3");
    votes_add_prepare(vs, &m, true);
}

static void votes_are_counted_by_block_and_view(void **state)
{
    (void)state;
    votes_t vs = { 0 };
    pbft_t p = { .node_cnt = 4, .weights = (uint64_t[]){ 1, 10, 100, 1000 } };
    filled(&vs);
    votes_add(&vs, 4, 5, &ha, text("nobody"));
    votes_add(&vs, -1, 5, &ha, text("nobody"));
    assert_int_equal(votes_weight(&p, &vs, &ha, -1), 1101);
    assert_int_equal(votes_weight(&p, &vs, &ha, 4), 100);
    assert_int_equal(votes_weight(&p, &vs, &ha, 5), 1);
    assert_int_equal(votes_weight(&p, &vs, &ha, 0), 0);
    assert_int_equal(votes_weight(&p, &vs, &hb, -1), 10);
    votes_drop_below(&vs, 5);
    assert_int_equal(vs.cnt, 5);
    assert_int_equal(votes_weight(&p, &vs, &ha, -1), 1001);
    is(&vs, 2, 3, 6, &ha, "a3");
    votes_keep(&vs, &ha, 5);
    assert_int_equal(vs.cnt, 3);
    is(&vs, 0, 0, 5, &ha, "a0");
    is(&vs, 1, 4, 5, &ha, "nobody");
    votes_free(&vs);
}

/* They follow their senders, but what they said names the old place. */
static void votes_move_with_their_senders(void **state)
{
    (void)state;
    static const int64_t map[] = { 2, -1, 0, 1 };
    votes_t vs = { 0 };
    filled(&vs);
    votes_add(&vs, 4, 5, &ha, text("nobody"));
    votes_add(&vs, -1, 5, &ha, text("nobody"));
    votes_remap(&vs, map, BC_ARRAY_LEN(map));
    assert_int_equal(vs.cnt, 3);
    is(&vs, 0, 2, 5, &ha, "a0");
    is(&vs, 1, 0, 4, &ha, "a2");
    is(&vs, 2, 1, 6, &ha, "a3");
    shows_view(&vs, 2, 0, "");
    votes_free(&vs);
}

static void a_copy_has_everything(void **state)
{
    (void)state;
    votes_t vs = { 0 }, to = { 0 };
    filled(&vs);
    votes_add(&to, 2, 9, &hb, text("what was there before"));
    votes_copy(&to, &vs);
    assert_int_equal(to.cnt, 4);
    is(&to, 0, 0, 5, &ha, "a0");
    is(&to, 1, 1, 5, &hb, "b1");
    is(&to, 2, 2, 4, &ha, "a2");
    is(&to, 3, 3, 6, &ha, "a3");
    shows_view(&to, 2, 0, "");
    shows_view(&to, 3, vs.v[3].time, "message");
    votes_free(&vs);
    votes_free(&to);
}

static void a_proof_has_what_was_collected(void **state)
{
    (void)state;
    bc_arena_t arena = { 0 };
    pbft_proposal_t w = { .hash = ha };
    votes_t vs = { 0 }, to = { 0 };
    filled(&vs);
    votes_keep(&vs, &ha, 6);
    votes_add(&vs, 1, 6, &ha, text("a1"));
    for (int with_view = 0; with_view < 2; with_view++) {
        votes_to_wire(&vs, with_view, &w, &arena);
        assert_int_equal(w.proof_cnt, 2);
        assert_int_equal(w.proof[0].node, 3);
        assert_true(bc_bytes_eq(w.proof[0].sig, text("a3")));
        assert_true(bc_bytes_eq(w.proof[0].vote, text(with_view ? "message" : "")));
        assert_int_equal(w.proof[0].time, with_view ? vs.v[0].time : 0);
        assert_int_equal(w.proof[1].node, 1);
        assert_true(bc_bytes_eq(w.proof[1].sig, text("a1")));
        votes_add(&to, 2, 9, &hb, text("what was there before"));
        votes_from_wire(&to, &w, 7);
        assert_int_equal(to.cnt, 2);
        is(&to, 0, 3, 7, &ha, "a3");
        is(&to, 1, 1, 7, &ha, "a1");
        shows_view(&to, 0, vs.v[0].time, with_view ? "message" : "");
        shows_view(&to, 1, 0, "");
    }
    votes_free(&vs);
    votes_free(&to);
    bc_arena_free(&arena);
}

static void a_proof_is_of_a_quorum(void **state)
{
    (void)state;
    enum { GOOD, ALL, NO_HASH, BELOW, NONE, TWICE, BAD, STRANGER, NEGATIVE, LONGER, LONG_SIG, CNT };
    for (int what = 0; what < CNT; what++) {
        rig_t *r = calloc(1, sizeof *r);
        rig_init(r, 0);
        vc_t *v = calloc(1, sizeof *v);
        pbft_sig_t more[NODES + 1];
        uint8_t sig[PBFT_SIG_LEN_MAX + 1] = { 0 };
        prop_t *q = proposal(1, 2, 1, 1, false);
        vc_make(r, v, 1, 0, 1);
        vc_prepared(r, v, q, 1, what == ALL || what == LONGER ? 15 : what == BELOW ? 12 : what == NONE ? 0 : 14);
        pbft_proposal_t *w = &v->prepared[0].proposal;
        switch (what) {
        case NO_HASH: w->has_hash = false; break;
        case TWICE: w->proof[2] = w->proof[0]; break;
        case BAD: v->sigs[0][3][1] ^= 1; break;
        case STRANGER: w->proof[0].node = NODES; break;
        case NEGATIVE: w->proof[0].node = -1; break;
        case LONGER:
            memcpy(more, w->proof, sizeof w->proof[0] * NODES);
            more[NODES] = more[0];
            w->proof = more;
            w->proof_cnt = NODES + 1;
            break;
        case LONG_SIG: w->proof[0].sig = bc_bytes(sig, sizeof sig); break;
        default: break;
        }
        if (pbft_proof_ok(r->engine.self, w) != (what <= ALL))
            fail_msg("case %d", what);
        prop_unref(q);
        free(v);
        rig_free(r);
        free(r);
    }
}

int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_vote_of_a_sender_for_a_block_the_newest),
        cmocka_unit_test(a_sender_has_few_votes),
        cmocka_unit_test(only_what_fits_is_kept),
        cmocka_unit_test(the_message_goes_with_its_vote),
        cmocka_unit_test(what_a_proof_can_show),
        cmocka_unit_test(votes_are_counted_by_block_and_view),
        cmocka_unit_test(votes_move_with_their_senders),
        cmocka_unit_test(a_copy_has_everything),
        cmocka_unit_test(a_proof_has_what_was_collected),
        cmocka_unit_test(a_proof_is_of_a_quorum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
