/* One engine and what others say when views change: what is believed, and what is not (spec/30 §3.7). */
#include "scheduling/pbft/test_rig.h"

/* ---- a NewView that one receives ---- */

enum {
    NV_GOOD,
    NV_OLDER,        /* names what was prepared in an older view, with its true proof */
    NV_OTHER_VIEW,   /* one of its view changes is for another view */
    NV_STRANGER,     /* one is from nobody in the list */
    NV_STRANGER_LOW, /* also */
    NV_BAD_PROOF,    /* one reports a block that no quorum prepared */
    NV_NO_INDEX,     /* its maker is the leader before the first block */
    NV_FAR,          /* its maker leads the last height that may be under way: 51 */
    NV_TOO_FAR,      /* the one after that */
    NV_SIGNATURE,
    NV_CONNECTION,   /* it comes from another node */
    NV_INDEX,        /* of an entry, and of the block in it */
    NV_BLOCK_INDEX,
    NV_NO_BLOCK,
    NV_NO_HASH,
    NV_LONGER,       /* goes on with an empty block that nothing asks for */
    NV_GAP,          /* with a block to fill it; good */
    NV_GAP_NO_DATA,
    NV_CNT
};

typedef struct {
    prop_t *old, *new, *above; /* of heights 1, 1 and 3 */
    prop_t *empty;             /* of height 2 */
    vc_t v[3];
    nv_t n;
    int maker;
} scene_t;

static void spoil_view_changes(const rig_t *r, scene_t *s, int what)
{
    switch (what) {
    case NV_OTHER_VIEW: s->v[2].m.base.view = 3; break;
    case NV_BAD_PROOF: vc_prepared(r, &s->v[2], s->old, 1, 3); break;
    case NV_GAP:
    case NV_GAP_NO_DATA: vc_prepared(r, &s->v[1], s->above, 1, 14); break;
    default: break;
    }
}

static void spoil_list(scene_t *s, int what)
{
    pbft_msg_t *e = &s->n.list[0];
    switch (what) {
    case NV_STRANGER: s->n.vcs[2].base.from = (int64_t)1 << 40; break;
    case NV_STRANGER_LOW: s->n.vcs[2].base.from = -((int64_t)1 << 40); break;
    case NV_INDEX: e->base.index = 2; break;
    case NV_BLOCK_INDEX: e->proposal.index = 2; break;
    case NV_NO_BLOCK: e->has_proposal = false; break;
    case NV_NO_HASH: e->proposal.has_hash = false; break;
    case NV_LONGER: nv_entry(&s->n, s->empty, 3, true); break;
    case NV_GAP:
    case NV_GAP_NO_DATA:
        nv_entry(&s->n, s->empty, 3, what == NV_GAP);
        nv_entry(&s->n, s->above, 2, false);
        break;
    default: break;
    }
}

static void a_new_view_is_what_its_view_changes_demand(void **state)
{
    (void)state;
    for (int what = 0; what < NV_CNT; what++) {
        rig_t *r = rig_in(0, 1);
        scene_t *s = calloc(1, sizeof *s);
        s->old = proposal(1, 1, 1, 1, false);
        s->new = proposal(1, 2, 1, 2, false);
        s->above = proposal(3, 2, 1, 3, false);
        s->empty = proposal(2, 3, 0, 4, false);
        for (int i = 0; i < 3; i++)
            vc_make(r, &s->v[i], i + 1, 0, 2);
        vc_prepared(r, &s->v[0], s->old, 0, 7);
        vc_prepared(r, &s->v[1], s->new, 1, 14);
        spoil_view_changes(r, s, what);
        int64_t at = what == NV_NO_INDEX ? -1 : what == NV_FAR ? 50 : what == NV_TOO_FAR ? 51 : 0;
        int maker = (int)bc_pbft_leader(at + 1, 2, 1, NODES);
        nv_make(&s->n, maker, at, 2, s->v, 3, r);
        nv_entry(&s->n, what == NV_OLDER ? s->old : s->new, what == NV_OLDER ? 1 : 2, false);
        spoil_list(s, what);
        sign_as(r, what == NV_SIGNATURE ? 2 : maker, &s->n.m, s->n.sig);
        deliver_from(r, what == NV_CONNECTION ? 2 : maker, &s->n.m);
        bool good = what == NV_GOOD || what == NV_FAR || what == NV_GAP;
        if (status(r).view != (good ? 2 : 1))
            fail_msg("case %d", what);
        prop_unref(s->old);
        prop_unref(s->new);
        prop_unref(s->above);
        prop_unref(s->empty);
        free(s);
        rig_end(r);
    }
}

/* What two prepared in one view, by proofs of bad signers, is no lock of a later one: either may be
 * named. The one of the newest view counts wherever it stands. */
static void the_newest_view_counts_whoever_reports_it(void **state)
{
    (void)state;
    for (int who = 0; who < 3; who++) {
        rig_t *r = rig_in(0, 1);
        prop_t *old = proposal(1, 1, 1, 1, false), *new = proposal(1, 2, 1, 2, false);
        vc_t *v = calloc(3, sizeof *v);
        nv_t *n = calloc(1, sizeof *n);
        for (int i = 0; i < 3; i++) {
            vc_make(r, &v[i], i + 1, 0, 2);
            vc_prepared(r, &v[i], i == who ? new : old, i == who ? 1 : 0, 14);
        }
        nv_make(n, 3, 0, 2, v, 3, r);
        nv_entry(n, new, who + 1, false);
        nv_send(r, n, 3);
        assert_int_equal(status(r).view, 2);
        assert_memory_equal(&r->asked, &r->keys[who + 1].pub, sizeof r->asked);
        prop_unref(old);
        prop_unref(new);
        free(v);
        free(n);
        rig_end(r);
    }
}

/* ---- view changes ---- */

enum {
    VC_GOOD,
    VC_SIGNATURE,
    VC_NO_STATE,     /* of the ledger */
    VC_STATE_INDEX,  /* differs from that of the message */
    VC_BEFORE_FIRST,
    VC_AHEAD,        /* its ledger is further; good */
    VC_REPORT,       /* good */
    VC_REPORT_TWICE, /* one height */
    VC_REPORT_INDEX,
    VC_REPORT_HASH,
    VC_REPORT_EMPTY,
    VC_REPORT_FAR,
    VC_REPORT_WRITTEN, /* of a height in its ledger, without signatures; good */
    VC_CNT
};

/* Two nodes ask for view 3; who joins has believed both. */
static void view_changes_are_checked(void **state)
{
    (void)state;
    for (int what = 0; what < VC_CNT; what++) {
        rig_t *r = rig_in(0, 1);
        int64_t far = what == VC_REPORT_FAR ? PBFT_WINDOW_MIN + 1 : 1;
        prop_t *a = proposal(far, 2, 1, 1, false), *b = proposal(1, 2, 1, 2, false);
        vc_t *v = calloc(2, sizeof *v);
        vc_make(r, &v[0], 1, 0, 3);
        vc_send(r, &v[0]);
        bool ahead = what == VC_AHEAD || what == VC_REPORT_WRITTEN;
        vc_make(r, &v[1], 2, what == VC_BEFORE_FIRST ? -1 : ahead ? 1 : 0, 3);
        pbft_msg_t *m = &v[1].m;
        if (what >= VC_REPORT)
            vc_prepared(r, &v[1], a, 1, what == VC_REPORT_WRITTEN ? 1 : 7);
        switch (what) {
        case VC_NO_STATE: m->has_proposal = false; break;
        case VC_STATE_INDEX: m->proposal.index = 1; break;
        case VC_AHEAD: m->proposal.hash = m->base.hash = v[1].committed = b->hash; break;
        case VC_REPORT_TWICE: vc_prepared(r, &v[1], b, 1, 7); break;
        case VC_REPORT_INDEX: v[1].prepared[0].base.index = 2; break;
        case VC_REPORT_HASH: v[1].prepared[0].base.hash = b->hash; break;
        case VC_REPORT_EMPTY: v[1].prepared[0].has_proposal = false; break;
        default: break;
        }
        sign_as(r, what == VC_SIGNATURE ? 1 : 2, m, v[1].sig);
        deliver_from(r, 2, m);
        bool good = what == VC_GOOD || ahead || what == VC_REPORT;
        if (status(r).to_view != (good ? 3 : 1))
            fail_msg("case %d", what);
        prop_unref(a);
        prop_unref(b);
        free(v);
        rig_end(r);
    }
}

static void at_height(rig_t *r, int64_t number)
{
    bc_msg_t *c = bc_msg_new(BC_ACTOR_SCHEDULER, BC_ACTOR_PBFT, BC_MSG_COMMITTED);
    const bc_h256_t hash = { { (uint8_t)number } };
    c->number = number;
    c->config = config(r, number, &hash);
    feed(r, c);
}

static void asks(rig_t *r, int node, int64_t committed, int64_t view)
{
    vc_t *v = calloc(1, sizeof *v);
    vc_make(r, v, node, committed, view);
    v->m.proposal.hash = v->m.base.hash = ((pbft_t *)r->engine.self)->committed_hash;
    vc_send(r, v);
    free(v);
}

/* Who is behind decides nothing about the next view, nor does who asks for a view that is past. */
static void late_view_changes_do_not_count(void **state)
{
    (void)state;
    rig_t *r = rig_in(0, 1);
    at_height(r, 1);
    asks(r, 1, 0, 5);
    asks(r, 2, 0, 5);
    assert_false(status(r).timeout);
    asks(r, 1, 1, 1);
    asks(r, 2, 1, 1);
    assert_false(status(r).timeout);
    asks(r, 1, 1, 5);
    asks(r, 2, 1, 5);
    assert_int_equal(status(r).to_view, 5);
    rig_end(r);
}

/* A node that asks for a view two below ours, or more, is told which one we ask for. */
static void who_asks_for_less_is_told(void **state)
{
    (void)state;
    rig_t *r = rig_in(0, 1);
    asks(r, 1, 0, 6);
    asks(r, 2, 0, 6);
    assert_int_equal(status(r).to_view, 6);
    assert_int_equal(status(r).change_cycle, 0); /* it has not waited in vain itself */
    static const struct {
        int64_t view;
        size_t told;
    } cases[] = { { 4, 1 }, { 5, 0 }, { 6, 0 }, { 7, 0 }, { 0, 1 } };
    for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++) {
        r->sent_cnt = 0;
        asks(r, 3, 0, cases[i].view);
        assert_int_equal(count(r, PBFT_VIEW_CHANGE), cases[i].told);
        assert_int_equal(count(r, PBFT_RECOVER_RESPONSE), 0); /* it works in no view */
        if (cases[i].told) {
            assert_memory_equal(&last(r, PBFT_VIEW_CHANGE)->to, &r->keys[3].pub, sizeof(bc_nodeid_t));
            assert_int_equal(last(r, PBFT_VIEW_CHANGE)->view, 6);
        }
    }
    rig_end(r);
}

/* A few of each sender are kept, the last ones; a second one for a view replaces the first. */
static void few_view_changes_of_a_sender_are_kept(void **state)
{
    (void)state;
    rig_t *r = rig_in(0, 1);
    const sender_t *s = &((pbft_t *)r->engine.self)->senders[1];
    for (int64_t view = 2; view <= 9; view++) {
        asks(r, 1, 0, view);
        asks(r, 1, 0, view);
        assert_int_equal(s->cnt, BC_MIN(view - 1, PBFT_VCS_SENDER));
        assert_int_equal(s->v[s->cnt - 1]->m.base.view, view);
    }
    assert_int_equal(s->v[0]->m.base.view, 6);
    asks(r, 2, 0, 6); /* it asked for this and more: joined */
    assert_int_equal(status(r).to_view, 6);
    assert_int_equal(s->cnt, 4);
    pool_size(r, 1);
    enter_view(r, 8); /* those of views that are past go */
    assert_int_equal(s->cnt, 1);
    assert_int_equal(s->v[0]->m.base.view, 9);
    rig_end(r);
}

/* ---- a NewView that one makes ---- */

/* Of the leader of the next height in that view; not while it is behind the others. */
static void only_the_leader_makes_it(void **state)
{
    (void)state;
    for (int what = 0; what < 3; what++) {
        rig_t *r = rig_in(what == 1 ? 0 : 3, 1); /* leader(1, 2) is node 3 */
        if (what == 2) {
            bc_msg_t *m = bc_msg_new(BC_ACTOR_SYNC, BC_ACTOR_PBFT, BC_MSG_SYNC_HIGHEST);
            m->number = 3;
            feed(r, m);
        }
        for (int i = 0; i < NODES; i++)
            if (i != r->self)
                asks(r, i, 0, 2);
        assert_int_equal(count(r, PBFT_NEW_VIEW), what == 0);
        assert_int_equal(status(r).view, what == 0 ? 2 : 1);
        asks(r, 1, 0, 2); /* a late one: nothing more */
        assert_int_equal(count(r, PBFT_NEW_VIEW), what == 0);
        rig_end(r);
    }
}

/* ---- time-outs ---- */

/* The pool, block sync and the sealer hear of it: what was under way may end otherwise, whose turn it is
 * too. */
static void all_hear_of_a_time_out(void **state)
{
    (void)state;
    rig_t *r = rig_in(2, 1); /* leader(1, 1) */
    prop_t *q = proposal(1, 2, 1, 1, false);
    assert_int_equal(r->sealed_from, 1);
    assert_false(r->told_timeout);
    assert_int_equal(r->told_view, 1);
    bc_msg_t *m = bc_msg_new(BC_ACTOR_SEALER, BC_ACTOR_PBFT, BC_MSG_PROPOSE);
    m->header = bc_hdr_ref(q->header);
    m->metas = bc_metas_ref(q->metas);
    feed(r, m);
    r->execute = false;
    for (int i = 0; i < 2; i++) {
        vote(r, i, PBFT_PREPARE, 1, 1, &q->hash);
        vote(r, i, PBFT_COMMIT, 1, 1, &q->hash);
    }
    assert_int_equal(r->told_index, 1); /* consensus has it */
    asks(r, 0, 0, 6);
    asks(r, 1, 0, 6);
    assert_true(r->told_timeout);
    assert_int_equal(r->told_index, 0); /* no more than what is written is sure to come from it */
    assert_int_equal(r->sealed_from, -1);
    enter_view(r, 6);
    assert_false(r->told_timeout);
    assert_int_equal(r->told_view, 6);
    prop_unref(q);
    rig_end(r);
}

static void sync_to(rig_t *r, int64_t number)
{
    bc_msg_t *m = bc_msg_new(BC_ACTOR_SYNC, BC_ACTOR_PBFT, BC_MSG_SYNC_HIGHEST);
    m->number = number;
    feed(r, m);
}

/* A node that is behind blames nobody while block sync gets on; a height that nobody shows is not believed
 * for ever. */
static void who_is_behind_waits_while_it_gets_on(void **state)
{
    (void)state;
    rig_t *r = rig_in(0, 1);
    sync_to(r, 30);
    for (int64_t n = 1; n <= 5; n++) {
        feed_timer(r, TIMER_VIEW, 9000);
        at_height(r, n);
    }
    feed_timer(r, TIMER_VIEW, 9000);
    assert_false(status(r).timeout);
    assert_int_equal(status(r).sync_highest, 30);
    feed_timer(r, TIMER_VIEW, 9000); /* nothing since the last time */
    assert_int_equal(status(r).sync_highest, 5);
    assert_false(status(r).timeout);
    sync_to(r, 31);
    feed_timer(r, TIMER_VIEW, 9000); /* news: it waits anew */
    assert_int_equal(status(r).sync_highest, 31);
    feed_timer(r, TIMER_VIEW, 9000);
    assert_int_equal(status(r).sync_highest, 5);
    pool_size(r, 1);
    feed_timer(r, TIMER_VIEW, 9000);
    assert_true(status(r).timeout);
    rig_end(r);
}

/* ---- recovery ---- */

/* Answers to an old question do not help a new one. */
static void a_time_out_forgets_where_others_were(void **state)
{
    (void)state;
    rig_t *r = rig_in(0, 1);
    restart(r, 0, NULL);
    recover_response(r, 1, 9);
    pool_size(r, 1);
    feed_timer(r, TIMER_VIEW, 9000);
    assert_true(status(r).timeout);
    recover_response(r, 2, 9);
    assert_int_equal(status(r).view, 1);
    recover_response(r, 1, 9);
    assert_int_equal(status(r).view, 9);
    rig_end(r);
}

/* Back into the view that it left alone: only where a quorum works in it. */
static void the_own_view_needs_a_quorum(void **state)
{
    (void)state;
    rig_t *r = rig_in(0, 1);
    pool_size(r, 1);
    feed_timer(r, TIMER_VIEW, 9000);
    assert_true(status(r).timeout);
    recover_response(r, 1, 1);
    recover_response(r, 2, 1);
    assert_true(status(r).timeout);
    recover_response(r, 3, 1);
    assert_false(status(r).timeout);
    assert_int_equal(status(r).view, 1);
    rig_end(r);
}

int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_view_is_what_its_view_changes_demand),
        cmocka_unit_test(the_newest_view_counts_whoever_reports_it),
        cmocka_unit_test(view_changes_are_checked),
        cmocka_unit_test(late_view_changes_do_not_count),
        cmocka_unit_test(who_asks_for_less_is_told),
        cmocka_unit_test(few_view_changes_of_a_sender_are_kept),
        cmocka_unit_test(only_the_leader_makes_it),
        cmocka_unit_test(all_hear_of_a_time_out),
        cmocka_unit_test(who_is_behind_waits_while_it_gets_on),
        cmocka_unit_test(a_time_out_forgets_where_others_were),
        cmocka_unit_test(the_own_view_needs_a_quorum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
