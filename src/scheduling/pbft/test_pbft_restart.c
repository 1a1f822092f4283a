/* One engine that restarts, loses connections or lacks blocks: spec/30 §3.7-3.11, W3, W10. */
#include "scheduling/pbft/test_rig.h"

/* ---- restart (W3) ---- */

static void restart_between_prepare_and_commit(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    prop_t *q = proposal(1, 2, 1, 1, false), *other = proposal(1, 2, 1, 2, false);
    propose(&r, 2, 1, q);
    assert_int_equal(count(&r, PBFT_PREPARE), 1);
    restart(&r, 0, NULL);
    assert_int_equal(status(&r).view, 1); /* it goes on in its view */
    assert_false(status(&r).timeout);
    assert_int_equal(count(&r, PBFT_RECOVER_REQUEST), 1);
    assert_int_equal(count(&r, PBFT_VIEW_CHANGE), 0);
    propose(&r, 2, 1, other); /* the leader tries the amnesia of official nodes */
    for (size_t i = 0; i < r.sent_cnt; i++)
        if (r.sent[i].type == PBFT_PREPARE)
            assert_memory_equal(&r.sent[i].hash, &q->hash, 32);
    /* and what it had prepared goes through */
    two_vote(&r, PBFT_PREPARE, 1, 1, &q->hash);
    assert_int_equal(count(&r, PBFT_COMMIT), 1);
    /* once more, now with a precommit */
    restart(&r, 0, NULL);
    pool_size(&r, 1);
    feed_timer(&r, TIMER_VIEW, 4000);
    const sent_t *vc = last(&r, PBFT_VIEW_CHANGE);
    assert_non_null(vc);
    assert_int_equal(vc->view, 2);
    assert_int_equal(vc->prepared, 1);
    enter_view(&r, 2);
    propose(&r, 3, 2, other);
    assert_int_equal(count(&r, PBFT_PREPARE), 0);
    prop_unref(q);
    prop_unref(other);
    rig_free(&r);
}

/* The record alone must hold, also when the transactions of the old vote are gone. */
static void vote_is_remembered_without_its_block(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    prop_t *q = proposal(1, 2, 1, 1, false), *other = proposal(1, 2, 1, 2, false);
    propose(&r, 2, 1, q);
    r.verify_ok = false;
    restart(&r, 0, NULL);
    bc_msg_t *a = bc_msg_new(BC_ACTOR_TXPOOL, BC_ACTOR_PBFT, BC_MSG_PROPOSAL_VERIFIED);
    a->token = r.verify_token;
    a->err = BC_E_NOT_FOUND;
    feed(&r, a);
    r.verify_ok = true;
    propose(&r, 2, 1, other);
    assert_int_equal(count(&r, PBFT_PREPARE), 0);
    propose(&r, 2, 1, q); /* the same one is no contradiction */
    assert_int_equal(count(&r, PBFT_PREPARE), 1);
    prop_unref(q);
    prop_unref(other);
    rig_free(&r);
}

/* The record of a precommit whose block cannot be read: it binds, and gets the block back from whoever
 * proposes it again. */
static void precommit_is_remembered_without_its_block(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    prop_t *q = proposal(1, 2, 1, 1, false), *other = proposal(1, 2, 1, 2, false);
    propose(&r, 2, 1, q);
    two_vote(&r, PBFT_PREPARE, 1, 1, &q->hash);
    assert_int_equal(count(&r, PBFT_COMMIT), 1);
    row_put(&r, "cbcosVote:p1", NULL);
    restart(&r, 0, NULL);
    const slot_t *s = pbft_slot(r.engine.self, 1);
    assert_int_equal(s->voted_view, 1); /* it was prepared before that */
    assert_memory_equal(&s->voted_hash, &q->hash, sizeof q->hash);
    propose(&r, 2, 1, other);
    assert_int_equal(count(&r, PBFT_PREPARE), 0);
    propose(&r, 2, 1, q);
    assert_int_equal(count(&r, PBFT_PREPARE), 1);
    assert_int_equal(count(&r, PBFT_COMMIT), 1); /* said again, and counted again */
    two_vote(&r, PBFT_COMMIT, 1, 1, &q->hash);
    assert_int_equal(count(&r, PBFT_CHECKPOINT), 1);
    prop_unref(q);
    prop_unref(other);
    rig_free(&r);
}

/* Bound to a block, and out of the view that it was for: its transactions are looked for at once, before
 * another proposal can bring others of their hashes. */
static void transactions_of_a_bound_block_are_kept(void **state)
{
    (void)state;
    rig_t r;
    prop_t *q = precommitted(&r);
    pool_size(&r, 1);
    feed_timer(&r, TIMER_VIEW, 9000);
    size_t verified = r.verified;
    restart(&r, 0, NULL);
    assert_int_equal(r.verified, verified + 1);
    vc_t *v = calloc(3, sizeof *v);
    nv_t *n = calloc(1, sizeof *n);
    for (int i = 0; i < 3; i++)
        vc_make(&r, &v[i], i + 1, 0, 2);
    vc_prepared(&r, &v[0], q, 1, 14);
    nv_make(n, 3, 0, 2, v, 3, &r);
    nv_entry(n, q, 1, true);
    nv_send(&r, n, 3);
    assert_int_equal(count(&r, PBFT_PREPARE), 1);
    assert_int_equal(r.verified, verified + 1); /* nothing more had to be looked for */
    free(v);
    free(n);
    prop_unref(q);
    rig_free(&r);
}

/* Decided in a former life, and its transactions are not at hand, or others of their hashes are
 * (docs/notes/0024): those who voted are asked one after the other. */
static void transactions_of_a_decided_block_are_asked_of_all(void **state)
{
    (void)state;
    rig_t r;
    prop_t *q = decided(&r);
    assert_int_equal(r.executed, 1);
    r.verify_fails = 3; /* here, the vote's; here again, and at node 1 */
    size_t verified = r.verified;
    restart(&r, 0, NULL);
    assert_int_equal(r.verified, verified + 4);
    assert_memory_equal(&r.verify_from, &r.keys[2].pub, 64);
    assert_int_equal(r.executed, 2);
    prop_unref(q);
    rig_free(&r);
}

static void restart_after_execution(void **state)
{
    (void)state;
    rig_t r;
    prop_t *q = decided(&r);
    bc_h256_t exec = last(&r, PBFT_CHECKPOINT)->hash;
    bool official = false;
    for (size_t i = 0; i < r.row_cnt; i++)
        official |= !strcmp(r.row_keys[i], "pbftCommitDB:max_committed_proposal") &&
                    bc_bytes_eq(r.rows[i].value, BC_STR("1"));
    assert_true(official);
    restart(&r, 0, NULL); /* the block never reached the ledger: executed again, same vote */
    assert_int_equal(r.executed, 2);
    assert_memory_equal(&last(&r, PBFT_CHECKPOINT)->hash, &exec, 32);
    two_vote(&r, PBFT_CHECKPOINT, 1, 1, &exec);
    assert_int_equal(status(&r).number, 1);
    prop_unref(q);
    rig_free(&r);
}

/* The directory of an official node: no record of votes; the official rows are used. */
static void official_directory_starts(void **state)
{
    (void)state;
    rig_t r;
    prop_t *q = decided(&r);
    for (size_t i = 0; i < r.row_cnt;) {
        if (strncmp(r.row_keys[i], "cbcosVote", 9)) {
            i++;
            continue;
        }
        char key[40];
        memcpy(key, r.row_keys[i], 40);
        row_put(&r, key, NULL);
    }
    restart(&r, 0, NULL);
    assert_true(status(&r).timeout);
    assert_int_equal(count(&r, PBFT_VIEW_CHANGE), 1);
    assert_int_equal(r.executed, 2);
    prop_unref(q);
    rig_free(&r);
}

static void recovery_needs_more_than_f(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    restart(&r, 0, NULL);
    recover_response(&r, 1, 9);
    assert_int_equal(status(&r).view, 1);
    recover_response(&r, 2, 9);
    assert_int_equal(status(&r).view, 9);
    rig_free(&r);
}

/* Who asked for a later view alone and is called back keeps to what its own NewView bound all to:
 * it neither proposes something else there nor takes part in what comes after it. */
static void back_in_a_view_its_promise_holds(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 3); /* leader(1, 2) */
    enter_view(&r, 1);
    prop_t *q = proposal(1, 2, 1, 1, false), *above = proposal(2, 0, 1, 2, false);
    vc_t v;
    for (int i = 0; i < 3; i++) {
        vc_make(&r, &v, i, 0, 2);
        if (i == 1)
            vc_prepared(&r, &v, q, 1, 7);
        vc_send(&r, &v);
    }
    r.verify_ok = false; /* its transactions do not come, so there is no vote */
    show(&r, 1, q, 1);
    assert_int_equal(status(&r).view, 2);
    assert_int_equal(last(&r, PBFT_NEW_VIEW)->list, 1);
    assert_int_equal(count(&r, PBFT_PREPARE), 0);
    pool_size(&r, 1);
    feed_timer(&r, TIMER_VIEW, 9000);
    assert_true(status(&r).timeout);
    for (int i = 0; i < 3; i++)
        recover_response(&r, i, 2);
    assert_false(status(&r).timeout);
    assert_int_equal(status(&r).view, 2);
    assert_int_equal(r.sealed_from, -1);
    vote(&r, 1, PBFT_PREPARE, 2, 2, &above->hash);
    assert_int_equal(status(&r).deferred, 1);
    prop_unref(q);
    prop_unref(above);
    rig_free(&r);
}

/* ---- connections ---- */

static void connected(rig_t *r, unsigned mask)
{
    bc_msg_t *m = bc_msg_new(BC_ACTOR_FRONT, BC_ACTOR_PBFT, BC_MSG_PEERS);
    m->data = bc_buf_new((size_t)__builtin_popcount(mask) * sizeof(bc_nodeid_t));
    size_t at = 0;
    for (int i = 0; i < NODES; i++) {
        if (mask >> i & 1) {
            memcpy(m->data->p + at, &r->keys[i].pub, sizeof(bc_nodeid_t));
            at += sizeof(bc_nodeid_t);
        }
    }
    feed(r, m);
}

/* How many of type went to this node alone. */
static size_t told(const rig_t *r, int node, int32_t type)
{
    size_t n = 0;
    for (size_t i = 0; i < r->sent_cnt; i++)
        n += r->sent[i].type == type && !memcmp(&r->sent[i].to, &r->keys[node].pub, sizeof(bc_nodeid_t));
    return n;
}

static void votes_are_said_again_to_who_connects(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    connected(&r, 0x6);
    assert_int_equal(r.sent_cnt, 0); /* nothing is under way */
    prop_t *q = proposal(1, 2, 1, 1, false);
    propose(&r, 2, 1, q);
    r.sent_cnt = 0;
    connected(&r, 0xe);
    assert_int_equal(r.sent_cnt, 1); /* those who were there have heard it */
    assert_int_equal(told(&r, 3, PBFT_PREPARE), 1);
    r.commit = false;
    two_vote(&r, PBFT_PREPARE, 1, 1, &q->hash);
    two_vote(&r, PBFT_COMMIT, 1, 1, &q->hash);
    r.sent_cnt = 0;
    connected(&r, 0xa); /* one goes, and comes again */
    assert_int_equal(r.sent_cnt, 0);
    connected(&r, 0xe);
    assert_int_equal(r.sent_cnt, 3);
    assert_int_equal(told(&r, 2, PBFT_PREPARE), 1);
    assert_int_equal(told(&r, 2, PBFT_COMMIT), 1);
    assert_int_equal(told(&r, 2, PBFT_CHECKPOINT), 1);
    for (size_t i = 0; i < 2; i++)
        assert_memory_equal(&r.sent[i].hash, &q->hash, 32);
    prop_unref(q);
    rig_free(&r);
}

/* A new life of a peer asks where we are: it lacks the votes too. Not as often as it likes. */
static void who_asks_for_the_view_hears_the_votes(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    prop_t *q = proposal(1, 2, 1, 1, false);
    propose(&r, 2, 1, q);
    r.sent_cnt = 0;
    uint8_t sig[BC_SIG_MAX];
    pbft_msg_t m = said(3, PBFT_RECOVER_REQUEST, 0, 1, NULL);
    sign_as(&r, 3, &m, sig);
    for (int i = 0; i < 3; i++)
        deliver_from(&r, 3, &m);
    assert_int_equal(told(&r, 3, PBFT_RECOVER_RESPONSE), 3);
    assert_int_equal(told(&r, 3, PBFT_PREPARE), 1);
    prop_unref(q);
    rig_free(&r);
}

static void leader_proposes_again_to_who_connects(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 2); /* leader(1, 1) */
    enter_view(&r, 1);
    prop_t *q = proposal(1, 2, 1, 1, false);
    bc_msg_t *m = bc_msg_new(BC_ACTOR_SEALER, BC_ACTOR_PBFT, BC_MSG_PROPOSE);
    m->header = bc_hdr_ref(q->header);
    m->metas = bc_metas_ref(q->metas);
    feed(&r, m);
    assert_int_equal(count(&r, PBFT_PRE_PREPARE), 1);
    restart(&r, 0, NULL);
    r.sent_cnt = 0;
    connected(&r, 0x2);
    assert_int_equal(told(&r, 1, PBFT_RECOVER_REQUEST), 1);
    assert_int_equal(told(&r, 1, PBFT_PRE_PREPARE), 1);
    assert_int_equal(told(&r, 1, PBFT_PREPARE), 1);
    assert_memory_equal(&last(&r, PBFT_PRE_PREPARE)->hash, &q->hash, 32);
    prop_unref(q);
    rig_free(&r);
}

/* ---- log sync ---- */

static void missing_proposal_is_fetched(void **state)
{
    (void)state;
    for (int bad = 0; bad < 3; bad++) {
        rig_t r;
        rig_init(&r, 0);
        enter_view(&r, 1);
        prop_t *q = proposal(1, 2, 2, 1, false);
        /* what its execution will give here; with bad == 2 the peers' checkpoints say another */
        bc_h256_t exec = executed_hash(&r, q), zero = { 0 };
        if (bad == 2)
            exec = zero;
        vote(&r, 1, PBFT_CHECKPOINT, 1, 1, &exec);
        assert_int_equal(count(&r, PBFT_COMMITTED_REQUEST), 0);
        vote(&r, 2, PBFT_CHECKPOINT, 1, 1, &exec);
        assert_int_equal(count(&r, PBFT_COMMITTED_REQUEST), 1);
        uint8_t sig[BC_SIG_MAX], sigs[NODES][BC_SIG_MAX];
        pbft_sig_t proof[NODES];
        pbft_proposal_t w;
        prop_to_wire(q, true, &w);
        for (int i = 0; i < (bad == 1 ? 2 : 3); i++)
            proof[i] = (pbft_sig_t){ i + 1, bc_bytes(sigs[i], bc_sign(&r.keys[i + 1], &q->hash, sigs[i])) };
        w.proof = proof;
        w.proof_cnt = bad == 1 ? 2 : 3;
        pbft_msg_t m = { .type = PBFT_COMMITTED_RESPONSE, .has_base = true, .proposals = &w, .proposal_cnt = 1 };
        sign_as(&r, 2, &m, sig);
        answer(&r, 2, &m);
        assert_int_equal(r.executed, bad == 1 ? 0 : 1);
        assert_int_equal(count(&r, PBFT_CHECKPOINT), bad ? 0 : 1);
        prop_unref(q);
        rig_free(&r);
    }
}

/* What a NewView binds all to must come from somebody. */
static void prepared_proposal_is_asked_of_others_too(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    prop_t *q = proposal(1, 2, 1, 1, false);
    vc_t v[3];
    nv_t nv;
    for (int i = 0; i < 3; i++)
        vc_make(&r, &v[i], i + 1, 0, 2);
    vc_prepared(&r, &v[1], q, 1, 14);
    nv_make(&nv, 3, 0, 2, v, 3, &r); /* leader(1, 2) */
    nv_entry(&nv, q, 2, false);
    nv_send(&r, &nv, 3);
    assert_int_equal(status(&r).view, 2);
    static const int order[] = { 2, 3, 1, 2, 3, 1 };
    for (size_t i = 0; i < BC_ARRAY_LEN(order); i++) {
        assert_int_equal(count(&r, PBFT_PREPARED_REQUEST), i + 1);
        assert_memory_equal(&r.asked, &r.keys[order[i]].pub, 64);
        no_answer(&r);
    }
    show(&r, 2, q, 1);
    assert_int_equal(count(&r, PBFT_PREPARE), 1);
    assert_memory_equal(&last(&r, PBFT_PREPARE)->hash, &q->hash, 32);
    /* not for ever: without connections every question fails at once */
    rig_t o;
    rig_init(&o, 0);
    enter_view(&o, 1);
    nv_send(&o, &nv, 3);
    for (int i = 0; i < 50; i++)
        no_answer(&o);
    assert_in_range(count(&o, PBFT_PREPARED_REQUEST), 4, 20);
    rig_free(&o);
    prop_unref(q);
    rig_free(&r);
}

static void proposals_are_served(void **state)
{
    (void)state;
    rig_t r;
    prop_t *q = precommitted(&r);
    pbft_msg_t m = { .type = PBFT_COMMITTED_REQUEST, .has_base = true, .size = 1 };
    m.base.index = 1;
    deliver_from(&r, 1, &m); /* prepared is not decided: silence */
    assert_int_equal(count(&r, PBFT_COMMITTED_RESPONSE), 0);
    two_vote(&r, PBFT_COMMIT, 1, 1, &q->hash);
    deliver_from(&r, 1, &m);
    assert_int_equal(count(&r, PBFT_COMMITTED_RESPONSE), 1);
    m = said(1, PBFT_PREPARED_REQUEST, 1, 0, &q->hash);
    deliver_from(&r, 1, &m);
    assert_int_equal(count(&r, PBFT_PREPARED_RESPONSE), 1);
    m.base.index = 2; /* never heard of: silence */
    deliver_from(&r, 1, &m);
    assert_int_equal(count(&r, PBFT_PREPARED_RESPONSE), 1);
    bc_nodeid_t stranger = { { 7 } }; /* nor is a proposal sent to who is no sealer */
    uint64_t dropped = status(&r).dropped;
    m.base.index = 1;
    deliver_as(&r, &stranger, &m);
    m = (pbft_msg_t){ .type = PBFT_COMMITTED_REQUEST, .has_base = true, .size = 1 };
    m.base.index = 1;
    deliver_as(&r, &stranger, &m);
    assert_int_equal(count(&r, PBFT_PREPARED_RESPONSE), 1);
    assert_int_equal(count(&r, PBFT_COMMITTED_RESPONSE), 1);
    assert_int_equal(status(&r).dropped, dropped + 2);
    prop_unref(q);
    rig_free(&r);
}

static void divergence_is_named(void **state)
{
    (void)state;
    rig_t r;
    prop_t *q = decided(&r);
    bc_h256_t exec;
    memset(exec.b, 9, 32);
    for (int i = 1; i < 4; i++)
        vote(&r, i, PBFT_CHECKPOINT, 1, 1, &exec);
    assert_int_equal(r.committed, 0);
    assert_int_equal(status(&r).divergent, 1);
    prop_unref(q);
    rig_free(&r);
}

/* A stranger's flood is bounded and the chain goes on. */
static void deferred_is_bounded(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    prop_t *q = proposal(5, 3, 1, 1, false);
    for (int i = 0; i < 2000; i++)
        propose(&r, 3, 2, q); /* of a view to come */
    assert_true(status(&r).deferred <= PBFT_DEFERRED_MAX / 5);
    assert_true(status(&r).dropped > 0);
    prop_unref(q);
    rig_free(&r);
}

int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(restart_between_prepare_and_commit),
        cmocka_unit_test(vote_is_remembered_without_its_block),
        cmocka_unit_test(precommit_is_remembered_without_its_block),
        cmocka_unit_test(transactions_of_a_bound_block_are_kept),
        cmocka_unit_test(transactions_of_a_decided_block_are_asked_of_all),
        cmocka_unit_test(restart_after_execution),
        cmocka_unit_test(official_directory_starts),
        cmocka_unit_test(recovery_needs_more_than_f),
        cmocka_unit_test(back_in_a_view_its_promise_holds),
        cmocka_unit_test(votes_are_said_again_to_who_connects),
        cmocka_unit_test(who_asks_for_the_view_hears_the_votes),
        cmocka_unit_test(leader_proposes_again_to_who_connects),
        cmocka_unit_test(missing_proposal_is_fetched),
        cmocka_unit_test(prepared_proposal_is_asked_of_others_too),
        cmocka_unit_test(proposals_are_served),
        cmocka_unit_test(divergence_is_named),
        cmocka_unit_test(deferred_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
