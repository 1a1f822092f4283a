/* One engine after the votes: execution, checkpoints, commit (spec/30 §3.6 P6-P10). */
#include "scheduling/pbft/test_rig.h"

/* q is proposed, prepared and decided in view 1 by the engine and nodes 1 and 2. */
static void decide(rig_t *r, const prop_t *q)
{
    propose(r, (int)bc_pbft_leader(q->index, 1, 1, NODES), 1, q);
    two_vote(r, PBFT_PREPARE, q->index, 1, &q->hash);
    two_vote(r, PBFT_COMMIT, q->index, 1, &q->hash);
}

/* ---- execution ---- */

/* A block above is executed on the result of the one below, before that is written; they are written
 * in their order, whichever checkpoints come first. */
static void blocks_are_executed_ahead_and_written_in_order(void **state)
{
    (void)state;
    rig_t *r = rig_in(0, 1);
    prop_t *a = proposal(1, 2, 1, 1, false), *b = proposal(2, 3, 1, 2, false);
    propose(r, 2, 1, a);
    decide(r, b);
    assert_int_equal(r->executed, 0); /* not before the one below */
    two_vote(r, PBFT_PREPARE, 1, 1, &a->hash);
    two_vote(r, PBFT_COMMIT, 1, 1, &a->hash);
    assert_int_equal(r->executed, 2);
    assert_int_equal(count(r, PBFT_CHECKPOINT), 2);
    const sent_t *upper = last(r, PBFT_CHECKPOINT), *lower = upper - 1;
    assert_int_equal(lower->index, 1);
    assert_int_equal(upper->index, 2);
    assert_memory_equal(&r->exec_parent, &lower->hash, sizeof lower->hash);
    bc_h256_t first = lower->hash, second = upper->hash;
    two_vote(r, PBFT_CHECKPOINT, 2, 1, &second);
    assert_int_equal(r->committed, 0);
    two_vote(r, PBFT_CHECKPOINT, 1, 1, &first);
    assert_int_equal(r->committed, 2);
    assert_int_equal(status(r).number, 2);
    prop_unref(a);
    prop_unref(b);
    rig_end(r);
}

/* It is tried again, later and later, until it works; other blocks begin anew. */
static void failed_execution_is_tried_again(void **state)
{
    (void)state;
    rig_t *r = rig_in(0, 1);
    prop_t *a = proposal(1, 2, 1, 1, false);
    r->execute_err = BC_E_IO;
    decide(r, a);
    assert_int_equal(r->executed, 1);
    prop_t *b = proposal(2, 3, 1, 2, false);
    decide(r, b); /* not before its time, whatever happens */
    static const int64_t after[] = { 20, 40, 80, 160, 320, 640, 1280, 2560, 5000, 5000 };
    for (size_t i = 0; i < BC_ARRAY_LEN(after); i++) {
        assert_int_equal(r->timer[TIMER_RETRY], after[i]);
        assert_int_equal(r->executed, i + 1);
        feed_timer(r, TIMER_RETRY, after[i]);
        assert_int_equal(r->executed, i + 2);
    }
    assert_int_equal(count(r, PBFT_CHECKPOINT), 0);
    r->execute_err = BC_OK;
    feed_timer(r, TIMER_RETRY, 5000);
    assert_int_equal(count(r, PBFT_CHECKPOINT), 2);
    for (int64_t i = 1; i <= 2; i++)
        two_vote(r, PBFT_CHECKPOINT, i, 1, &r->sent[r->sent_cnt - 3 + (size_t)i].hash);
    assert_int_equal(status(r).number, 2);
    r->execute_err = BC_E_IO;
    prop_t *c = proposal(3, 0, 1, 3, false);
    r->timer[TIMER_RETRY] = -1;
    bc_msg_t *m = bc_msg_new(BC_ACTOR_SEALER, BC_ACTOR_PBFT, BC_MSG_PROPOSE);
    m->header = bc_hdr_ref(c->header);
    m->metas = bc_metas_ref(c->metas);
    feed(r, m); /* leader(3, 1) is the engine */
    two_vote(r, PBFT_PREPARE, 3, 1, &c->hash);
    two_vote(r, PBFT_COMMIT, 3, 1, &c->hash);
    assert_int_equal(r->timer[TIMER_RETRY], 20);
    prop_unref(a);
    prop_unref(b);
    prop_unref(c);
    rig_end(r);
}

/* While a block is being executed the leader is not to blame for the time that it takes. */
static void execution_takes_its_time(void **state)
{
    (void)state;
    for (int failing = 0; failing < 2; failing++) {
        rig_t *r = rig_in(0, 1);
        prop_t *a = proposal(1, 2, 1, 1, false);
        r->execute = failing;
        r->execute_err = BC_E_IO;
        decide(r, a);
        for (int i = 0; i < 5; i++)
            feed_timer(r, TIMER_VIEW, 9000);
        assert_false(status(r).timeout);
        prop_unref(a);
        rig_end(r);
    }
    rig_t *r = rig_in(0, 1);
    prop_t *a = proposal(1, 2, 1, 1, false);
    propose(r, 2, 1, a); /* but a proposal that is not decided in time ends the view */
    feed_timer(r, TIMER_VIEW, 9000);
    assert_true(status(r).timeout);
    prop_unref(a);
    rig_end(r);
}

/* parent NULL: the header names none. */
static void executed(rig_t *r, const prop_t *q, int64_t number, const bc_h256_t *parent, uint64_t token,
                     bc_err_t err)
{
    bc_parent_t link = { number - 1, parent ? BC_VIEW(*parent) : (bc_bytes_t){ 0 } };
    bc_header_t h = q->header->h;
    h.data_hash = (bc_bytes_t){ 0 };
    h.data.number = number;
    h.data.parents = (bc_tars_list_t){ &link, parent ? 1 : 0 };
    bc_msg_t *m = bc_msg_new(BC_ACTOR_SCHEDULER, BC_ACTOR_PBFT, BC_MSG_EXECUTED);
    m->number = q->index;
    m->token = token;
    m->err = err;
    m->header = bc_hdr_new(BC_SUITE_STANDARD, &h);
    feed(r, m);
}

/* With the result the time for the next step begins. */
static void each_step_has_its_time(void **state)
{
    (void)state;
    const bc_h256_t zero = { 0 };
    rig_t *r = rig_in(0, 1);
    prop_t *a = proposal(1, 2, 1, 1, false);
    r->execute = false;
    decide(r, a);
    r->now.mono_ms += 2000;
    executed(r, a, 1, &zero, 1, BC_OK);
    feed_timer(r, TIMER_VIEW, 2500);
    assert_false(status(r).timeout);
    feed_timer(r, TIMER_VIEW, 500);
    assert_true(status(r).timeout);
    prop_unref(a);
    rig_end(r);
}

/* Results of something else than what is on its way are no checkpoint of ours. */
static void only_the_result_that_is_waited_for_counts(void **state)
{
    (void)state;
    const bc_h256_t zero = { 0 }, other = { { 1 } };
    for (int what = 0; what < 7; what++) {
        rig_t *r = rig_in(0, 1);
        prop_t *a = proposal(1, 2, 1, 1, false);
        r->execute = false;
        if (what != 5)
            decide(r, a);
        else /* not asked for yet */
            propose(r, 2, 1, a);
        executed(r, a, what == 1 ? 2 : 1, what == 2 ? &other : what == 6 ? NULL : &zero, what == 3 ? 2 : 1,
                 what == 4 ? BC_E_MISMATCH : BC_OK);
        assert_int_equal(count(r, PBFT_CHECKPOINT), what == 0);
        prop_unref(a);
        rig_end(r);
    }
}

/* ---- checkpoints ---- */

/* Each part of the message must be there, and fit. */
static void malformed_checkpoints_are_dropped(void **state)
{
    (void)state;
    for (int what = 0; what < 7; what++) {
        rig_t *r = rig_in(0, 1);
        prop_t *a = proposal(1, 2, 1, 1, false);
        decide(r, a);
        bc_h256_t exec = last(r, PBFT_CHECKPOINT)->hash, other = { { 1 } };
        vote(r, 1, PBFT_CHECKPOINT, 1, 1, &exec);
        uint8_t sig[BC_SIG_MAX], psig[BC_SIG_MAX];
        pbft_msg_t m = said(2, PBFT_CHECKPOINT, 1, 1, what == 1 ? NULL : what == 2 ? &other : &exec);
        m.has_proposal = what != 3;
        m.proposal = (pbft_proposal_t){ .has_raw = what != 4, .has_hash = what != 5, .index = 1,
                                        .hash = exec };
        m.proposal.sig = bc_bytes(psig, bc_sign(&r->keys[2], what == 6 ? &other : &exec, psig));
        sign_as(r, 2, &m, sig);
        deliver_from(r, 2, &m);
        assert_int_equal(r->committed, what == 0);
        prop_unref(a);
        rig_end(r);
    }
}

/* The same vote again changes nothing. */
static void a_checkpoint_counts_once(void **state)
{
    (void)state;
    rig_t *r = rig_in(0, 1);
    prop_t *a = proposal(1, 2, 1, 1, false);
    decide(r, a);
    bc_h256_t exec = last(r, PBFT_CHECKPOINT)->hash;
    for (int i = 0; i < 3; i++)
        vote(r, 1, PBFT_CHECKPOINT, 1, 1, &exec);
    assert_int_equal(r->committed, 0);
    r->commit = false;
    vote(r, 3, PBFT_CHECKPOINT, 1, 1, &exec);
    assert_int_equal(r->committed, 1);
    vote(r, 2, PBFT_CHECKPOINT, 1, 1, &exec); /* it is being written */
    assert_int_equal(r->committed, 1);
    prop_unref(a);
    rig_end(r);
}

/* The block carries who signed this result, in their order; not who signed another one. */
static void a_block_carries_its_own_signatures(void **state)
{
    (void)state;
    rig_t *r = rig_in(0, 1);
    const bc_h256_t other = { { 7 } };
    prop_t *a = proposal(1, 2, 1, 1, false);
    decide(r, a);
    bc_h256_t exec = last(r, PBFT_CHECKPOINT)->hash;
    vote(r, 1, PBFT_CHECKPOINT, 1, 1, &other);
    vote(r, 3, PBFT_CHECKPOINT, 1, 1, &exec);
    vote(r, 2, PBFT_CHECKPOINT, 1, 1, &exec);
    assert_int_equal(r->committed, 1);
    static const int64_t who[] = { 0, 2, 3 };
    assert_int_equal(r->commit_sigs, BC_ARRAY_LEN(who));
    assert_memory_equal(r->commit_idx, who, sizeof who);
    prop_unref(a);
    rig_end(r);
}

/* One node that has another result, and less than a quorum of them, say nothing about ours. */
static void few_other_results_are_no_divergence(void **state)
{
    (void)state;
    rig_t *r = rig_in(0, 1);
    const bc_h256_t other = { { 7 } };
    prop_t *a = proposal(1, 2, 1, 1, false);
    decide(r, a);
    two_vote(r, PBFT_CHECKPOINT, 1, 1, &other);
    assert_int_equal(status(r).divergent, 0);
    prop_unref(a);
    rig_end(r);
}

/* Votes get lost: ours is said again while the block waits, not more often than configured. */
static void a_checkpoint_is_said_again(void **state)
{
    (void)state;
    rig_t *r = rig_in(0, 1);
    prop_t *a = proposal(1, 2, 1, 1, false), *b = proposal(2, 3, 1, 2, false);
    propose(r, 2, 1, a);
    propose(r, 3, 1, b); /* has no result yet */
    two_vote(r, PBFT_PREPARE, 1, 1, &a->hash);
    two_vote(r, PBFT_COMMIT, 1, 1, &a->hash);
    assert_int_equal(count(r, PBFT_CHECKPOINT), 1);
    assert_int_equal(r->timer[TIMER_RESEND], PBFT_RESEND_MS);
    feed_timer(r, TIMER_RESEND, 2999);
    assert_int_equal(count(r, PBFT_CHECKPOINT), 1);
    assert_int_equal(r->timer[TIMER_RESEND], PBFT_RESEND_MS);
    feed_timer(r, TIMER_RESEND, 1);
    assert_int_equal(count(r, PBFT_CHECKPOINT), 2);
    feed_timer(r, TIMER_RESEND, 2999);
    assert_int_equal(count(r, PBFT_CHECKPOINT), 2);
    two_vote(r, PBFT_CHECKPOINT, 1, 1, &last(r, PBFT_CHECKPOINT)->hash);
    assert_int_equal(status(r).number, 1);
    feed_timer(r, TIMER_RESEND, 3000);
    assert_int_equal(count(r, PBFT_CHECKPOINT), 2);
    assert_int_equal(r->timer[TIMER_RESEND], -1); /* nothing waits */
    two_vote(r, PBFT_PREPARE, 2, 1, &b->hash);
    two_vote(r, PBFT_COMMIT, 2, 1, &b->hash);
    assert_int_equal(count(r, PBFT_CHECKPOINT), 3);
    r->now.mono_ms += 2990;
    uint8_t sig[BC_SIG_MAX];
    pbft_msg_t m = said(3, PBFT_RECOVER_REQUEST, 0, 1, NULL);
    sign_as(r, 3, &m, sig);
    deliver_from(r, 3, &m);
    assert_int_equal(count(r, PBFT_CHECKPOINT), 4); /* to one node: the others have not heard it */
    feed_timer(r, TIMER_RESEND, 10);
    assert_int_equal(count(r, PBFT_CHECKPOINT), 5);
    prop_unref(a);
    prop_unref(b);
    rig_end(r);
}

/* ---- commit ---- */

/* A write that fails is tried again: with the result that is there, or, where the scheduler has lost
 * it, from the execution on. STALE: the block is in the ledger already. */
static void failed_commits(void **state)
{
    (void)state;
    static const struct {
        bc_err_t err;
        bool again, executes;
    } cases[] = { { BC_E_IO, true, false }, { BC_E_NOT_READY, true, true }, { BC_E_MISMATCH, true, true },
                  { BC_E_STALE, false, false } };
    for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++) {
        rig_t *r = rig_in(0, 1);
        prop_t *a = proposal(1, 2, 1, 1, false);
        decide(r, a);
        r->commit_err = cases[i].err;
        two_vote(r, PBFT_CHECKPOINT, 1, 1, &last(r, PBFT_CHECKPOINT)->hash);
        assert_int_equal(r->committed, 1);
        assert_int_equal(r->timer[TIMER_RETRY], cases[i].again ? PBFT_RETRY_MS : -1);
        vote(r, 3, PBFT_CHECKPOINT, 1, 1, &last(r, PBFT_CHECKPOINT)->hash);
        r->commit_err = BC_OK;
        feed_timer(r, TIMER_RETRY, PBFT_RETRY_MS);
        assert_int_equal(r->executed, cases[i].executes ? 2 : 1);
        assert_int_equal(status(r).number, cases[i].again ? 1 : 0);
        prop_unref(a);
        rig_end(r);
    }
}

/* What was executed on top of a result that is lost is lost too, also what is only being executed. */
static void what_is_above_a_lost_result_is_executed_again(void **state)
{
    (void)state;
    for (int pending = 0; pending < 2; pending++) {
        rig_t *r = rig_in(0, 1);
        prop_t *a = proposal(1, 2, 1, 1, false), *b = proposal(2, 3, 1, 2, false);
        propose(r, 2, 1, a);
        two_vote(r, PBFT_PREPARE, 1, 1, &a->hash);
        two_vote(r, PBFT_COMMIT, 1, 1, &a->hash);
        bc_h256_t exec = last(r, PBFT_CHECKPOINT)->hash;
        r->execute = !pending;
        decide(r, b);
        assert_int_equal(r->executed, 2);
        r->commit_err = BC_E_NOT_READY;
        two_vote(r, PBFT_CHECKPOINT, 1, 1, &exec);
        r->commit_err = BC_OK;
        r->execute = true;
        feed_timer(r, TIMER_RETRY, PBFT_RETRY_MS);
        assert_int_equal(r->executed, 4);
        assert_int_equal(status(r).number, 1);
        two_vote(r, PBFT_CHECKPOINT, 2, 1, &last(r, PBFT_CHECKPOINT)->hash);
        assert_int_equal(status(r).number, 2);
        prop_unref(a);
        prop_unref(b);
        rig_end(r);
    }
}

/* News about writes that are not ours, and votes for heights that nobody is at. */
static void news_of_other_heights_change_nothing(void **state)
{
    (void)state;
    rig_t *r = rig_in(0, 1);
    prop_t *a = proposal(1, 2, 1, 1, false);
    decide(r, a);
    bc_h256_t exec = last(r, PBFT_CHECKPOINT)->hash;
    for (int64_t number = 1; number <= 9; number += 8) {
        bc_msg_t *m = bc_msg_new(BC_ACTOR_SCHEDULER, BC_ACTOR_PBFT, BC_MSG_COMMIT_DONE);
        m->number = number;
        m->err = BC_E_IO;
        feed(r, m);
        assert_int_equal(r->timer[TIMER_RETRY], -1);
    }
    two_vote(r, PBFT_CHECKPOINT, 0, 1, &exec);
    two_vote(r, PBFT_CHECKPOINT, PBFT_WINDOW_MIN + 1, 1, &exec);
    assert_int_equal(r->committed, 0);
    executed(r, a, 1, &exec, 1, BC_OK); /* a second time */
    prop_t *far = proposal(9, 2, 1, 1, false);
    executed(r, far, 9, &exec, 9, BC_OK);
    assert_int_equal(count(r, PBFT_CHECKPOINT), 1);
    prop_unref(far);
    uint8_t sig[BC_SIG_MAX], psig[BC_SIG_MAX];
    pbft_msg_t m = said(2, PBFT_CHECKPOINT, 1, 1, &exec);
    m.has_proposal = true;
    m.proposal = (pbft_proposal_t){ .has_raw = true, .has_hash = true, .index = 1, .hash = exec };
    m.proposal.sig = bc_bytes(psig, bc_sign(&r->keys[2], &exec, psig));
    sign_as(r, 3, &m, sig);
    deliver_from(r, 2, &m);
    vote(r, 1, PBFT_CHECKPOINT, 1, 1, &exec);
    assert_int_equal(r->committed, 0);
    prop_unref(a);
    rig_end(r);
}

/* ---- log sync ---- */

/* Node 2 answers the open question with q as the decided block, prepared by the others. */
static void answer_decided(rig_t *r, const prop_t *q)
{
    uint8_t sig[BC_SIG_MAX], sigs[NODES][BC_SIG_MAX];
    pbft_sig_t proof[NODES];
    pbft_proposal_t w;
    prop_to_wire(q, true, &w);
    for (int i = 0; i < 3; i++)
        proof[i] = (pbft_sig_t){ i + 1, bc_bytes(sigs[i], bc_sign(&r->keys[i + 1], &q->hash, sigs[i])) };
    w.proof = proof;
    w.proof_cnt = 3;
    pbft_msg_t m = { .type = PBFT_COMMITTED_RESPONSE, .has_base = true, .proposals = &w, .proposal_cnt = 1 };
    sign_as(r, 2, &m, sig);
    answer(r, 2, &m);
}

/* Its transactions are looked for at all who may have them, then the block is asked for again. Where they
 * cannot be in any block (flag), once. */
static void the_transactions_of_a_fetched_block_are_looked_for(void **state)
{
    (void)state;
    for (int impossible = 0; impossible < 2; impossible++) {
        rig_t *r = rig_in(0, 1);
        prop_t *q = proposal(1, 2, 2, 1, false);
        bc_h256_t exec = executed_hash(r, q);
        two_vote(r, PBFT_CHECKPOINT, 1, 1, &exec);
        r->verify_ok = false;
        answer_decided(r, q);
        vote(r, 3, PBFT_CHECKPOINT, 1, 1, &exec);
        assert_int_equal(count(r, PBFT_COMMITTED_REQUEST), 1); /* it is at it */
        static const int order[] = { 2, 1, 2, 3, 1 };
        size_t tries = impossible ? 1 : BC_ARRAY_LEN(order);
        for (size_t i = 1; i <= tries; i++) {
            assert_int_equal(r->verified, i);
            assert_memory_equal(&r->verify_from, &r->keys[order[i - 1]].pub, sizeof(bc_nodeid_t));
            bc_msg_t *m = bc_msg_new(BC_ACTOR_TXPOOL, BC_ACTOR_PBFT, BC_MSG_PROPOSAL_VERIFIED);
            m->token = r->verify_token;
            m->err = BC_E_NOT_FOUND;
            m->flag = impossible;
            feed(r, m);
        }
        assert_int_equal(r->verified, tries);
        assert_int_equal(r->executed, 0);
        r->verify_ok = true;
        vote(r, 3, PBFT_CHECKPOINT, 1, 1, &exec);
        assert_int_equal(count(r, PBFT_COMMITTED_REQUEST), 2);
        answer_decided(r, q);
        assert_int_equal(count(r, PBFT_CHECKPOINT), impossible ? 0 : 1);
        prop_unref(q);
        rig_end(r);
    }
}

/* What a peer gives us as the decided block is believed when its result is what more than f of the
 * weight have signed; the rest of the checkpoints may be for anything. */
static void a_fetched_block_needs_more_than_f_checkpoints(void **state)
{
    (void)state;
    for (int right = 1; right <= 2; right++) {
        rig_t *r = rig_in(0, 1);
        prop_t *q = proposal(1, 2, 2, 1, false), *true_one = proposal(1, 2, 1, 2, false);
        bc_h256_t exec = executed_hash(r, q), asked = { { 9 } };
        vote(r, 1, PBFT_CHECKPOINT, 1, 1, right == 2 ? &exec : &asked);
        vote(r, 2, PBFT_CHECKPOINT, 1, 1, right == 2 ? &exec : &asked);
        vote(r, 3, PBFT_CHECKPOINT, 1, 1, right == 2 ? &asked : &exec); /* the liar helps its own */
        assert_int_equal(count(r, PBFT_COMMITTED_REQUEST), 1);
        answer_decided(r, q);
        assert_int_equal(r->executed, 1);
        assert_int_equal(count(r, PBFT_CHECKPOINT), right == 2);
        assert_int_equal(r->committed, right == 2);
        if (right == 1) { /* given up, its transactions with it; what is decided by votes is believed */
            assert_memory_equal(&r->unsealed_hash, &q->hash, sizeof q->hash);
            decide(r, true_one);
            assert_int_equal(r->executed, 2);
            assert_int_equal(count(r, PBFT_CHECKPOINT), 1);
        }
        prop_unref(q);
        prop_unref(true_one);
        rig_end(r);
    }
}

int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_executed_ahead_and_written_in_order),
        cmocka_unit_test(failed_execution_is_tried_again),
        cmocka_unit_test(execution_takes_its_time),
        cmocka_unit_test(each_step_has_its_time),
        cmocka_unit_test(only_the_result_that_is_waited_for_counts),
        cmocka_unit_test(malformed_checkpoints_are_dropped),
        cmocka_unit_test(a_checkpoint_counts_once),
        cmocka_unit_test(a_block_carries_its_own_signatures),
        cmocka_unit_test(few_other_results_are_no_divergence),
        cmocka_unit_test(a_checkpoint_is_said_again),
        cmocka_unit_test(failed_commits),
        cmocka_unit_test(what_is_above_a_lost_result_is_executed_again),
        cmocka_unit_test(news_of_other_heights_change_nothing),
        cmocka_unit_test(the_transactions_of_a_fetched_block_are_looked_for),
        cmocka_unit_test(a_fetched_block_needs_more_than_f_checkpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
