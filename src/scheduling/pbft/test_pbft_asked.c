/* One engine that lacks a block that a quorum prepared, or its transactions: whom it asks, and what it takes
 * (docs/notes/0017). */
#include "scheduling/pbft/test_rig_shown.h"

/* ---- blocks ---- */

static void who_shows_it_is_asked_for_the_block(void **state)
{
    (void)state;
    for (int what = 0; what < A_CNT; what++) {
        prop_t *a, *q = rival(), *other = proposal(1, 3, 1, 3, false);
        rig_t *r = bound_rig(&a);
        enter_view(r, 4);
        shows(r, 3, 5, q, 2);
        shows(r, 3, 5, q, 2); /* once is enough while the answer is on its way */
        assert_int_equal(count(r, PBFT_PREPARED_REQUEST), 1);
        assert_memory_equal(&r->asked, &r->keys[3].pub, sizeof r->asked);
        assert_memory_equal(&last(r, PBFT_PREPARED_REQUEST)->hash, &q->hash, sizeof q->hash);
        assert_int_equal(last(r, PBFT_PREPARED_REQUEST)->index, 1);
        recorded(r, a, 1, false);
        answers(r, 3, q, other, what);
        if (what != A_GOOD) {
            recorded(r, a, 1, false);
            assert_null(height(r, 1)->newer_block);
            assert_int_equal(count(r, PBFT_PREPARED_REQUEST), 1);
            shows(r, 3, 5, q, 2);
            assert_int_equal(count(r, PBFT_PREPARED_REQUEST), 2);
            answers(r, 3, q, other, A_GOOD);
        }
        recorded(r, q, 2, true);
        assert_int_equal(count(r, PBFT_PREPARE), 0); /* nobody has proposed it */
        shows(r, 2, 5, q, 2); /* nothing new */
        assert_int_equal(count(r, PBFT_PREPARED_REQUEST), what == A_GOOD ? 1 : 2);
        prop_unref(a);
        prop_unref(q);
        prop_unref(other);
        rig_end(r);
    }
}

/* So are those whom a NewView names for a block; a wrong answer is no better than none. */
static void who_is_named_for_a_block_is_asked_for_it(void **state)
{
    (void)state;
    for (int what = 0; what < A_CNT; what++) {
        prop_t *q = rival(), *other = proposal(1, 3, 1, 3, false);
        rig_t *r = rig_in(0, 1);
        r->verify_fails = 2; /* its transactions are nowhere else */
        shown_t *s = shown_make(r, 4, q, 2, -1, 14);
        nv_make(&s->n, 1, 0, 4, s->v, 3, r); /* leader(1, 4) */
        nv_entry(&s->n, q, 3, false);
        s->n.list[0].proposal.system = true;
        nv_send(r, &s->n, 1);
        assert_int_equal(status(r).view, 4);
        assert_int_equal(count(r, PBFT_PREPARED_REQUEST), 1);
        uint64_t dropped = status(r).dropped;
        answers(r, 3, q, other, what);
        assert_int_equal(count(r, PBFT_PREPARE), what == A_GOOD);
        assert_int_equal(count(r, PBFT_PREPARED_REQUEST), what == A_GOOD ? 1 : 2);
        bool lie = what == A_OTHER || what == A_INDEX || what == A_NO_DATA || what == A_PROOF;
        assert_int_equal(status(r).dropped, dropped + lie);
        if (what == A_GOOD) {
            assert_int_equal(r->verified, 3);
            assert_true(height(r, 1)->pre->system); /* as the NewView said, though not the answer */
        } else {
            assert_memory_equal(&r->asked, &r->keys[1].pub, sizeof r->asked);
            if (what == A_NOTHING) { /* an answer of another view is too late */
                enter_view(r, 8);
                answers(r, 1, q, other, A_GOOD);
                answers(r, 1, q, other, A_NOTHING);
                assert_int_equal(count(r, PBFT_PREPARE) + count(r, PBFT_PREPARED_REQUEST), 0);
            }
        }
        free(s);
        prop_unref(q);
        prop_unref(other);
        rig_end(r);
    }
}

/* And whom a NewView will name, before it is made; who does not show it is left out. */
static void who_reports_a_block_is_asked_for_it(void **state)
{
    (void)state;
    for (int what = 0; what < A_CNT; what++) {
        prop_t *q = rival(), *other = proposal(1, 3, 1, 3, false);
        rig_t *r = rig_in(3, 1); /* leader(1, 10), leader(1, 14) */
        pool_size(r, 1);
        for (int64_t view = 10; view <= 14; view += 4) {
            for (int i = 0; i < 3; i++) {
                vc_t v;
                vc_make(r, &v, i, 0, view);
                if (!i)
                    vc_prepared(r, &v, q, 2, 14);
                vc_send(r, &v);
            }
            /* the same question again: the answer would be for the view before */
            assert_int_equal(count(r, PBFT_PREPARED_REQUEST), view == 10 ? 1 : 2);
            assert_int_equal(count(r, PBFT_NEW_VIEW), 0);
        }
        q->system = true; /* so it says now, but not when it reported it */
        answers(r, 0, q, other, what);
        assert_int_equal(count(r, PBFT_NEW_VIEW), 1);
        assert_int_equal(last(r, PBFT_NEW_VIEW)->list, what == A_GOOD);
        if (what == A_GOOD)
            assert_true(height(r, 1)->pre->system);
        assert_int_equal(status(r).view, 14);
        prop_unref(q);
        prop_unref(other);
        rig_end(r);
    }
}

/* Who answers when the list has changed was somebody else when it was asked. */
static void an_answer_from_another_list_does_not_count(void **state)
{
    (void)state;
    for (int moved = 0; moved < 2; moved++) {
        prop_t *q = proposal_with(2, 0, 0, 1, false, 0, ROOT_NONE, 1); /* names no list, so it stays */
        rig_t *r = rig_in(0, 1); /* leader(1, 3) */
        pool_size(r, 1);
        for (int i = 1; i < 3; i++) {
            vc_t v;
            vc_make(r, &v, i, 0, 3);
            if (i == 2)
                vc_prepared(r, &v, q, 1, 14);
            vc_send(r, &v);
        }
        assert_int_equal(count(r, PBFT_PREPARED_REQUEST), 1);
        to_height_1(r, moved ? 0xd : ALL_NODES);
        vc_t v; /* a good answer, under the list in force */
        pbft_msg_t m = { .type = PBFT_PREPARED_RESPONSE, .has_base = true };
        vc_make(r, &v, 2, 0, 1);
        vc_prepared(r, &v, q, 1, moved ? 0xd : 7);
        for (int i = 0; i < 3; i++)
            v.proof[0][i].node = i;
        v.prepared[0].proposal.data = bc_buf_view(q->data);
        m.votes = v.prepared;
        m.vote_cnt = 1;
        answer(r, 2, &m);
        const slot_t *s = height(r, 2);
        assert_int_equal(s && s->offered, !moved);
        prop_unref(q);
        rig_end(r);
    }
}

/* Also who shows it as well; the answer is as good in another view. */
static void each_who_shows_it_is_asked(void **state)
{
    (void)state;
    prop_t *a, *q = rival();
    rig_t *r = bound_rig(&a);
    enter_view(r, 4);
    shows(r, 3, 5, q, 2);
    uint64_t first = r->ask_token;
    shows(r, 2, 3, q, 2); /* it is late, and teaches nevertheless */
    assert_int_equal(count(r, PBFT_PREPARED_REQUEST), 2);
    assert_memory_equal(&r->asked, &r->keys[2].pub, sizeof r->asked);
    enter_view(r, 8);
    answers(r, 2, q, a, A_GOOD);
    recorded(r, q, 2, true);
    r->ask_token = first; /* what comes after that changes nothing */
    size_t unsealed = r->unsealed;
    answers(r, 3, q, a, A_GOOD);
    recorded(r, q, 2, true);
    assert_int_equal(r->unsealed, unsealed);
    assert_null(height(r, 1)->newer_block);
    prop_unref(a);
    prop_unref(q);
    rig_end(r);
}

/* The same node shows another one meanwhile. */
static void each_block_is_asked_for(void **state)
{
    (void)state;
    prop_t *a, *q = rival(), *newer = proposal(1, 3, 1, 3, false);
    rig_t *r = bound_rig(&a);
    enter_view(r, 4);
    shows(r, 3, 5, q, 2);
    uint64_t first = r->ask_token;
    shows(r, 3, 5, newer, 3);
    assert_int_equal(count(r, PBFT_PREPARED_REQUEST), 2);
    uint64_t second = r->ask_token;
    r->ask_token = first;
    answers(r, 3, q, a, A_GOOD);
    recorded(r, q, 2, true);
    r->ask_token = second;
    show(r, 3, newer, 3);
    recorded(r, newer, 3, true);
    prop_unref(a);
    prop_unref(q);
    prop_unref(newer);
    rig_end(r);
}

/* What was believed of the view change is not believed of the answer: it shows the view itself. */
static void the_answer_shows_its_view(void **state)
{
    (void)state;
    enum { GOOD, NO_VOTES, OLDER_VOTES, NEWER_VOTES, ONE_BAD, OLD_VIEW, CNT };
    for (int what = 0; what < CNT; what++) {
        prop_t *a, *q = rival();
        rig_t *r = bound_rig(&a);
        enter_view(r, 4);
        shows(r, 3, 5, q, 3);
        vc_t *v = calloc(1, sizeof *v);
        pbft_msg_t m = { .type = PBFT_PREPARED_RESPONSE, .has_base = true };
        vc_make(r, v, 3, 0, 3);
        vc_prepared(r, v, q, what == OLD_VIEW ? 1 : 3, 14);
        if (what != NO_VOTES)
            vc_proven(r, v, what == OLDER_VOTES ? 2 : what == NEWER_VOTES ? 4 : what == OLD_VIEW ? 1 : 3);
        v->votes[0][1][4] ^= what == ONE_BAD;
        v->prepared[0].proposal.data = bc_buf_view(q->data);
        m.votes = v->prepared;
        m.vote_cnt = 1;
        answer(r, 3, &m);
        recorded(r, what == GOOD ? q : a, what == GOOD ? 3 : 1, what == GOOD);
        assert_int_equal(height(r, 1)->newer.view, what == GOOD ? 3 : -1);
        free(v);
        prop_unref(a);
        prop_unref(q);
        rig_end(r);
    }
}

/* Node 2 answers the open question so. */
static void says_decided(rig_t *r, const prop_t *q)
{
    uint8_t sig[BC_SIG_MAX];
    vc_t *v = calloc(1, sizeof *v);
    vc_make(r, v, 2, 0, 1);
    vc_prepared(r, v, q, 1, 7);
    v->prepared[0].proposal.data = bc_buf_view(q->data);
    pbft_msg_t m = { .type = PBFT_COMMITTED_RESPONSE, .has_base = true, .proposal_cnt = 1,
                     .proposals = &v->prepared[0].proposal };
    sign_as(r, 2, &m, sig);
    answer(r, 2, &m);
    free(v);
}

/* No other one gets a vote. */
static void what_was_decided_elsewhere_stands(void **state)
{
    (void)state;
    for (int same = 0; same < 2; same++) {
        prop_t *a = proposal(1, 1, 1, 1, false), *q = rival();
        rig_t *r = rig_in(0, 4);
        r->execute = false;
        bc_h256_t exec = executed_hash(r, a);
        two_vote(r, PBFT_CHECKPOINT, 1, 4, &exec);
        assert_int_equal(count(r, PBFT_COMMITTED_REQUEST), 1);
        says_decided(r, a);
        assert_int_equal(r->executed, 1);
        propose(r, 1, 4, same ? a : q);
        assert_int_equal(count(r, PBFT_PREPARE), same);
        prop_unref(a);
        prop_unref(q);
        rig_end(r);
    }
}

/* A block that a peer says was decided: other ones do not count any more, that one does. */
static void an_answer_may_come_too_late(void **state)
{
    (void)state;
    for (int same = 0; same < 2; same++) {
        prop_t *a, *q = rival(), *decided;
        rig_t *r = bound_rig(&a);
        decided = same ? q : a;
        r->execute = false;
        enter_view(r, 4);
        shows(r, 3, 5, q, 2);
        uint64_t asked = r->ask_token;
        time_out(r);
        bc_h256_t exec = executed_hash(r, decided);
        two_vote(r, PBFT_CHECKPOINT, 1, 4, &exec);
        assert_int_equal(count(r, PBFT_COMMITTED_REQUEST), 1);
        says_decided(r, decided);
        assert_int_equal(r->executed, 1);
        r->ask_token = asked;
        answers(r, 3, q, a, A_GOOD);
        recorded(r, decided, same ? 2 : 1, same);
        enter_view(r, 5);
        recorded(r, decided, same ? 2 : 1, same);
        prop_unref(a);
        prop_unref(q);
        rig_end(r);
    }
}

/* Or when its height is in the ledger. */
static void an_answer_may_come_when_all_is_over(void **state)
{
    (void)state;
    prop_t *a, *q = rival();
    rig_t *r = bound_rig(&a);
    enter_view(r, 4);
    shows(r, 3, 5, q, 2);
    to_height_1(r, ALL_NODES);
    answers(r, 3, q, a, A_GOOD);
    assert_null(height(r, 1));
    assert_false(has_row(r, "cbcosVote:c1"));
    prop_unref(a);
    prop_unref(q);
    rig_end(r);
}

/* Nobody is to blame for what is over. */
static void nor_does_who_reports_what_is_over_lie(void **state)
{
    (void)state;
    for (int over = 0; over < 2; over++) {
        prop_t *q = rival();
        rig_t *r = rig_in(3, 1); /* leader(1, 10) */
        pool_size(r, 1);
        for (int i = 0; i < 3; i++) {
            vc_t v;
            vc_make(r, &v, i, 0, 10);
            if (!i)
                vc_prepared(r, &v, q, 2, 14);
            vc_send(r, &v);
        }
        assert_int_equal(count(r, PBFT_PREPARED_REQUEST), 1);
        if (over)
            to_height_1(r, ALL_NODES);
        answers(r, 0, q, q, A_NOTHING);
        assert_int_equal(((pbft_t *)r->engine.self)->senders[0].mute, over ? -1 : 10);
        prop_unref(q);
        rig_end(r);
    }
}

/* ---- being asked ---- */

static void asks(rig_t *r, int64_t index, const bc_h256_t *hash, const char *uuid)
{
    pbft_msg_t m = said(2, PBFT_PREPARED_REQUEST, index, 0, hash);
    bc_msg_t *d = bc_msg_new(BC_ACTOR_FRONT, BC_ACTOR_PBFT, BC_MSG_DELIVER);
    d->module = BC_MODULE_PBFT;
    d->node = r->keys[2].pub;
    snprintf(d->uuid, sizeof d->uuid, "%s", uuid);
    d->data = pbft_encode(&m);
    r->sent_cnt = 0;
    feed(r, d);
}

/* What it is bound to, when asked for that; with all that shows it. */
static void only_a_precommit_is_given(void **state)
{
    (void)state;
    prop_t *a, *q = rival();
    rig_t *r = bound_rig(&a);
    vote(r, 2, PBFT_PREPARE, 2, 1, &q->hash);
    asks(r, 1, &a->hash, "uuid");
    assert_int_equal(r->sent_cnt, 1);
    const sent_t *s = last(r, PBFT_PREPARED_RESPONSE);
    assert_non_null(s);
    assert_memory_equal(&s->to, &r->keys[2].pub, sizeof s->to);
    assert_int_equal(s->data, a->data->n);
    assert_int_equal(s->proof, 3);
    assert_int_equal(s->proven[0], 3);
    asks(r, 1, &a->hash, ""); /* it does not wait for an answer */
    assert_int_equal(r->sent_cnt, 0);
    asks(r, 1, &q->hash, "uuid");
    assert_int_equal(r->sent_cnt, 0);
    asks(r, 1, NULL, "uuid");
    assert_int_equal(r->sent_cnt, 0);
    asks(r, 2, &q->hash, "uuid"); /* a vote is there */
    assert_int_equal(r->sent_cnt, 0);
    asks(r, 2, &(bc_h256_t){ 0 }, "uuid");
    assert_int_equal(r->sent_cnt, 0);
    asks(r, 3, &a->hash, "uuid"); /* nothing is */
    assert_int_equal(r->sent_cnt, 0);
    row_put(r, "cbcosVote:p1", NULL);
    restart(r, 0, NULL);
    asks(r, 1, &a->hash, "uuid"); /* its block is lost */
    assert_int_equal(r->sent_cnt, 0);
    prop_unref(a);
    prop_unref(q);
    rig_end(r);
}

/* ---- transactions ---- */

/* Somebody honest has what a quorum prepared: the others are asked in turn, each once. */
static void transactions_of_a_prepared_block_are_asked_of_all(void **state)
{
    (void)state;
    static const int order[] = { 3, 1, 2, 3, 1 }; /* who names it, then the others */
    for (int fails = 1; fails <= 5; fails++) {
        rig_t *r = rig_in(0, 1);
        prop_t *q = rival();
        shown_t *s = shown_make(r, 4, q, 2, -1, 14);
        r->verify_fails = fails;
        shown_name(r, s, q);
        int tried = BC_MIN(fails + 1, 1 + NODES); /* not for ever */
        assert_int_equal(r->verified, tried);
        assert_memory_equal(&r->verify_from, &r->keys[order[tried - 1]].pub, sizeof r->verify_from);
        assert_int_equal(count(r, PBFT_PREPARE), fails < tried);
        free(s);
        prop_unref(q);
        rig_end(r);
    }
}

static void those_of_an_ordinary_proposal_are_not(void **state)
{
    (void)state;
    rig_t *r = rig_in(0, 1);
    prop_t *q = proposal(1, 2, 1, 1, false);
    r->verify_fails = 1;
    propose(r, 2, 1, q);
    assert_int_equal(r->verified, 1);
    assert_int_equal(count(r, PBFT_PREPARE), 0);
    prop_unref(q);
    rig_end(r);
}

/* Not what no pool can take. */
static void nor_those_of_an_impossible_block(void **state)
{
    (void)state;
    rig_t *r = rig_in(0, 1);
    prop_t *q = rival();
    shown_t *s = shown_make(r, 4, q, 2, -1, 14);
    r->impossible = true;
    shown_name(r, s, q);
    assert_int_equal(r->verified, 1);
    free(s);
    prop_unref(q);
    rig_end(r);
}

/* Nobody has the transactions that a leader offered; then it turns out that a quorum had, which is known in the
 * next life as well. */
static void who_prepared_a_block_has_its_transactions(void **state)
{
    (void)state;
    for (int life = 1; life <= 2; life++) {
        rig_t *r = rig_in(0, 1);
        prop_t *q = proposal(1, 2, 1, 1, false);
        r->verify_fails = 100;
        propose(r, 2, 1, q);
        assert_int_equal(r->verified, 1);
        shows(r, 3, 2, q, 1);
        recorded(r, q, 1, true); /* it never voted for it */
        assert_int_equal(r->verified, 1 + 1 + NODES); /* each is asked for what it is bound to now */
        if (life == 2)
            restart(r, 0, NULL);
        r->unsealed = 0;
        enter_view(r, 4);
        assert_int_equal(r->unsealed, 0); /* it is bound to it */
        r->verified = 0;
        r->verify_fails = 2;
        propose(r, 1, 4, q);
        assert_int_equal(r->verified, 3);
        assert_int_equal(count(r, PBFT_PREPARE), 1);
        prop_unref(q);
        rig_end(r);
    }
}

/* It is shown to be prepared while the pool looks at it, and its view ends before the pool's answer: the
 * transactions are with it. */
static void transactions_that_come_late_are_with_their_block(void **state)
{
    (void)state;
    for (int shown = 0; shown < 2; shown++) {
        rig_t *r = rig_in(0, 1);
        prop_t *q = proposal(1, 2, 1, 1, false);
        r->verify_ok = false;
        propose(r, 2, 1, q);
        uint64_t token = r->verify_token;
        if (shown) {
            shows(r, 3, 2, q, 1);
            recorded(r, q, 1, true);
        }
        enter_view(r, 4);
        assert_int_equal(r->marked, 0);
        bc_msg_t *m = bc_msg_new(BC_ACTOR_TXPOOL, BC_ACTOR_PBFT, BC_MSG_PROPOSAL_VERIFIED);
        m->token = token;
        m->txs = pool_txs(q->metas);
        feed(r, m);
        assert_int_equal(r->unsealed, !shown);
        assert_int_equal(r->marked, shown);
        if (shown)
            assert_memory_equal(&r->marked_hash, &q->hash, sizeof q->hash);
        prop_unref(q);
        rig_end(r);
    }
}

/* That the transactions of a block did not come is nothing any more when it is bound to another one. */
static void nobody_is_asked_for_those_of_a_former_block(void **state)
{
    (void)state;
    prop_t *a, *q = rival(), *newer = proposal(1, 3, 1, 3, false);
    rig_t *r = bound_rig(&a);
    enter_view(r, 4);
    r->verify_ok = false;
    shows(r, 3, 5, q, 2);
    answers(r, 3, q, a, A_GOOD);
    uint64_t token = r->verify_token;
    shows(r, 3, 5, newer, 3);
    show(r, 3, newer, 3);
    recorded(r, newer, 3, true);
    for (int i = 0; i < 2; i++) {
        size_t verified = r->verified;
        bc_msg_t *m = bc_msg_new(BC_ACTOR_TXPOOL, BC_ACTOR_PBFT, BC_MSG_PROPOSAL_VERIFIED);
        m->token = i ? r->verify_token : token;
        m->err = BC_E_NOT_FOUND;
        feed(r, m);
        assert_int_equal(r->verified, verified + (i == 1));
    }
    prop_unref(a);
    prop_unref(q);
    prop_unref(newer);
    rig_end(r);
}

int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_shows_it_is_asked_for_the_block),
        cmocka_unit_test(who_is_named_for_a_block_is_asked_for_it),
        cmocka_unit_test(who_reports_a_block_is_asked_for_it),
        cmocka_unit_test(an_answer_from_another_list_does_not_count),
        cmocka_unit_test(each_who_shows_it_is_asked),
        cmocka_unit_test(each_block_is_asked_for),
        cmocka_unit_test(the_answer_shows_its_view),
        cmocka_unit_test(what_was_decided_elsewhere_stands),
        cmocka_unit_test(an_answer_may_come_too_late),
        cmocka_unit_test(an_answer_may_come_when_all_is_over),
        cmocka_unit_test(nor_does_who_reports_what_is_over_lie),
        cmocka_unit_test(only_a_precommit_is_given),
        cmocka_unit_test(transactions_of_a_prepared_block_are_asked_of_all),
        cmocka_unit_test(those_of_an_ordinary_proposal_are_not),
        cmocka_unit_test(nor_those_of_an_impossible_block),
        cmocka_unit_test(who_prepared_a_block_has_its_transactions),
        cmocka_unit_test(transactions_that_come_late_are_with_their_block),
        cmocka_unit_test(nobody_is_asked_for_those_of_a_former_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
