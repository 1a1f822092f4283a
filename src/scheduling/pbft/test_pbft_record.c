/* One engine and what it wrote down, or collected, under other circumstances: in a former life, under
 * another sealer list (spec/30 §3.10, §3.11; design W3). */
#include "scheduling/pbft/test_rig.h"

#define WITHOUT_1 0xdu

static void prepare(rig_t *r, int64_t view, const prop_t *q)
{
    propose(r, (int)bc_pbft_leader(q->index, view, 1, NODES), view, q);
    two_vote(r, PBFT_PREPARE, q->index, view, &q->hash);
}

static void decide(rig_t *r, int64_t view, const prop_t *q)
{
    prepare(r, view, q);
    two_vote(r, PBFT_COMMIT, q->index, view, &q->hash);
}

static const uint8_t *row(const rig_t *r, const char *key)
{
    for (size_t i = 0; i < r->row_cnt; i++)
        if (!strcmp(r->row_keys[i], key))
            return r->rows[i].value.p;
    return NULL;
}

/* Nodes 0, 1 and 2 signed what it reports, and the view is the newest in which they did. */
static void reported(const sent_t *vc, int64_t view)
{
    static const int64_t who[] = { 0, 1, 2 };
    assert_non_null(vc);
    assert_int_equal(vc->prepared, 1);
    assert_int_equal(vc->prepared_view, view);
    assert_int_equal(vc->proof, BC_ARRAY_LEN(who));
    assert_memory_equal(vc->proof_idx, who, sizeof who);
}

static void a_precommit_is_reported_with_its_view_and_proof(void **state)
{
    (void)state;
    rig_t *r = rig_in(0, 1);
    prop_t *q = proposal(1, 2, 1, 1, false);
    prepare(r, 1, q);
    restart(r, 0, NULL);
    reported(time_out(r), 1);
    enter_view(r, 2);
    prepare(r, 2, q); /* the same block again, in a newer view */
    reported(time_out(r), 2);
    restart(r, 0, NULL);
    reported(last(r, PBFT_VIEW_CHANGE), 2); /* it was asking for view 3 and goes on */
    assert_int_equal(last(r, PBFT_VIEW_CHANGE)->view, 3);
    assert_int_equal(status(r).view, 2);
    assert_int_equal(status(r).to_view, 3);
    assert_true(status(r).timeout);
    assert_int_equal(count(r, PBFT_RECOVER_REQUEST), 0);
    prop_unref(q);
    rig_end(r);
}

/* In the view of the restart only what was voted for there is said again. */
static void votes_of_older_views_are_not_said_again(void **state)
{
    (void)state;
    rig_t *r = rig_in(0, 1);
    prop_t *q = proposal(1, 2, 1, 1, false), *other = proposal(1, 3, 1, 2, false);
    propose(r, 2, 1, q);
    time_out(r);
    enter_view(r, 2);
    restart(r, 0, NULL);
    assert_int_equal(count(r, PBFT_PREPARE), 0);
    propose(r, 3, 2, other); /* a Prepare alone binds in its view only */
    assert_int_equal(count(r, PBFT_PREPARE), 1);
    assert_memory_equal(&last(r, PBFT_PREPARE)->hash, &other->hash, sizeof other->hash);
    restart(r, 0, NULL);
    assert_int_equal(count(r, PBFT_PREPARE), 1);
    assert_int_equal(last(r, PBFT_PREPARE)->view, 2);
    time_out(r);
    restart(r, 0, NULL); /* it works in no view */
    assert_int_equal(count(r, PBFT_PREPARE), 0);
    prop_unref(q);
    prop_unref(other);
    rig_end(r);
}

static void served(rig_t *r, int64_t index, size_t proof)
{
    pbft_msg_t m = { .type = PBFT_COMMITTED_REQUEST, .has_base = true, .size = 1 };
    size_t before = count(r, PBFT_COMMITTED_RESPONSE);
    m.base.index = index;
    deliver_from(r, 2, &m);
    assert_int_equal(count(r, PBFT_COMMITTED_RESPONSE), before + (proof > 0));
    if (proof)
        assert_int_equal(last(r, PBFT_COMMITTED_RESPONSE)->proof, proof);
    else /* it has been, and is gone: an empty answer */
        assert_int_equal(r->sent[r->sent_cnt - 1].type, -1);
}

/* A decided block goes through as many lives as it takes, with its proof: others may ask for it. */
static void a_decided_block_keeps_its_proof(void **state)
{
    (void)state;
    for (int official = 0; official < 2; official++) {
        rig_t *r = rig_in(0, 1);
        prop_t *q = proposal(1, 2, 1, 1, false);
        decide(r, 1, q);
        for (int life = 0; life < 3; life++) {
            served(r, 1, 3);
            for (size_t i = 0; official && i < r->row_cnt;) {
                char key[40];
                memcpy(key, r->row_keys[i], sizeof key);
                if (strncmp(key, "cbcosVote", 9))
                    i++;
                else
                    row_put(r, key, NULL);
            }
            restart(r, 0, NULL);
            assert_int_equal(count(r, PBFT_CHECKPOINT), 1);
            if (official) /* what was decided there was prepared; nobody knows when */
                assert_int_equal(last(r, PBFT_VIEW_CHANGE)->proof, 3);
        }
        if (!official)
            reported(time_out(r), 1);
        two_vote(r, PBFT_CHECKPOINT, 1, 1, &last(r, PBFT_CHECKPOINT)->hash);
        assert_int_equal(status(r).number, 1);
        served(r, 1, 3);
        prop_unref(q);
        rig_end(r);
    }
}

/* A block that may change the rules was decided: nothing above it before it is written. */
static void a_decided_system_block_is_waited_for(void **state)
{
    (void)state;
    for (int system = 0; system < 2; system++) {
        rig_t *r = rig_in(0, 1);
        prop_t *q = proposal(1, 2, 1, 1, system), *above = proposal(2, 3, 1, 2, false);
        decide(r, 1, q);
        restart(r, 0, NULL);
        vote(r, 1, PBFT_PREPARE, 2, 1, &above->hash);
        assert_int_equal(status(r).deferred, system);
        prop_unref(q);
        prop_unref(above);
        rig_end(r);
    }
}

static bc_h256_t at_height(rig_t *r, int64_t number, unsigned sealers)
{
    const bc_h256_t hash = { { (uint8_t)number, 5 } };
    bc_msg_t *c = bc_msg_new(BC_ACTOR_SCHEDULER, BC_ACTOR_PBFT, BC_MSG_COMMITTED);
    r->sealers = sealers;
    c->number = number;
    c->config = config(r, number, &hash);
    feed(r, c);
    return hash;
}

/* The last few blocks can be asked for; records of what is in the ledger go. */
static void the_record_is_short(void **state)
{
    (void)state;
    rig_t *r = rig_in(0, 1);
    for (int64_t n = 1; n <= 9; n++) {
        prop_t *q = proposal(n, (int)bc_pbft_leader(n, 1, 1, NODES), 1, (int)n, false);
        if (bc_pbft_leader(n, 1, 1, NODES) == 0) {
            bc_msg_t *m = bc_msg_new(BC_ACTOR_SEALER, BC_ACTOR_PBFT, BC_MSG_PROPOSE);
            m->header = bc_hdr_ref(q->header);
            m->metas = bc_metas_ref(q->metas);
            feed(r, m);
            two_vote(r, PBFT_PREPARE, n, 1, &q->hash);
            two_vote(r, PBFT_COMMIT, n, 1, &q->hash);
        } else {
            decide(r, 1, q);
        }
        char key[40];
        snprintf(key, sizeof key, "cbcosVote:p%d", (int)n);
        assert_non_null(row(r, key));
        snprintf(key, sizeof key, "cbcosVote:c%d", (int)n);
        assert_non_null(row(r, key));
        two_vote(r, PBFT_CHECKPOINT, n, 1, &last(r, PBFT_CHECKPOINT)->hash);
        assert_int_equal(status(r).number, n);
        /* the view, the highest number, and the blocks */
        assert_int_equal(r->row_cnt, 2 + BC_MIN(n, PBFT_STORED_KEEP));
        prop_unref(q);
    }
    served(r, 9, 3);
    served(r, 5, 3);
    served(r, 4, 0);
    pbft_msg_t m = { .type = PBFT_COMMITTED_REQUEST, .has_base = true, .size = 1, .base.index = 9 + 64 };
    size_t before = r->sent_cnt;
    deliver_from(r, 2, &m); /* nobody is there yet */
    assert_int_equal(r->sent_cnt, before);
    const bc_h256_t hash = { { 9, 5 } };
    restart(r, 9, &hash);
    served(r, 9, 3);
    served(r, 5, 3);
    served(r, 4, 0);
    rig_end(r);
}

/* Rows that cannot be read, or are of heights that are written meanwhile, are none. */
static void rows_that_say_nothing(void **state)
{
    (void)state;
    enum { GOOD, VERSION, SHORT, OTHER_HEIGHT, WRITTEN, VIEW_VERSION, VIEW_SHORT, STRANGE, CNT };
    for (int what = 0; what < CNT; what++) {
        rig_t *r = rig_in(0, 1);
        prop_t *q = proposal(1, 2, 1, 1, false);
        prepare(r, 1, q);
        bc_bytes_t *v = NULL, *view = NULL;
        for (size_t i = 0; i < r->row_cnt; i++) {
            if (!strcmp(r->row_keys[i], "cbcosVote:c1"))
                v = &r->rows[i].value;
            if (!strcmp(r->row_keys[i], "cbcosVote:view"))
                view = &r->rows[i].value;
        }
        assert_true(v && view);
        if (what == VERSION)
            ((uint8_t *)(uintptr_t)v->p)[0] = 2;
        else if (what == SHORT)
            v->n = 8;
        else if (what == OTHER_HEIGHT)
            for (size_t i = 0; i < r->row_cnt; i++) {
                if (!strcmp(r->row_keys[i], "cbcosVote:c1"))
                    strcpy(r->row_keys[i], "cbcosVote:c2");
            }
        else if (what == VIEW_VERSION)
            ((uint8_t *)(uintptr_t)view->p)[0] = 2;
        else if (what == VIEW_SHORT)
            view->n = 16;
        else if (what == STRANGE)
            for (size_t i = 0; i < 4; i++) {
                static const char *const keys[] = { "cbcosVote:c", "cbcosVote:cx", "cbcosVote:c-1",
                                                    "otherTable:c1" };
                bc_buf_t *b = bc_buf_copy(bc_bytes(v->p, v->n));
                row_put(r, keys[i], b);
                bc_buf_unref(b);
            }
        const bc_h256_t hash = { { 1, 5 } };
        bool written = what == WRITTEN, fresh = what == VIEW_VERSION || what == VIEW_SHORT;
        restart(r, written ? 1 : 0, written ? &hash : NULL);
        assert_int_equal(status(r).view, fresh ? 0 : 1);
        assert_int_equal(status(r).timeout, fresh);
        const sent_t *vc = fresh ? last(r, PBFT_VIEW_CHANGE) : time_out(r);
        bool bound = what == GOOD || what == STRANGE || fresh;
        if (vc->prepared != bound)
            fail_msg("case %d", what);
        prop_unref(q);
        rig_end(r);
    }
}

/* Nor do rows with a name that we never write. */
static void rows_with_long_names_are_not_read(void **state)
{
    (void)state;
    char key[200];
    memset(key, 'k', sizeof key);
    rig_t r;
    rig_init(&r, 0);
    for (size_t n = 39; n <= sizeof key; n++) {
        bc_pbft_row_t row_of = { bc_bytes((uint8_t *)key, n), BC_STR("value") };
        bc_pbft_config_t c = { .suite = BC_SUITE_STANDARD, .key = r.keys[0], .rows = &row_of, .row_cnt = 1 };
        bc_actor_if a = bc_pbft_new(&c);
        assert_int_equal(((pbft_t *)a.self)->row_cnt, n < 40);
        a.ops->free(a.self);
    }
    rig_free(&r);
}

/* Of a height so far ahead that nothing is kept for it: another ledger's. */
static void rows_from_far_ahead(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    prop_t *q = proposal(PBFT_WINDOW_MIN + 1, 2, 1, 1, false);
    pbft_proposal_t w;
    prop_to_wire(q, true, &w);
    bc_buf_t *b = pbft_proposal_encode(&w), *v = bc_buf_new(9 + b->n);
    v->p[0] = 1;
    bc_store_be64(v->p + 1, 1);
    memcpy(v->p + 9, b->p, b->n);
    static const char kinds[] = "pc";
    for (size_t i = 0; i < 2; i++) {
        char key[40];
        snprintf(key, sizeof key, "cbcosVote:%c%d", kinds[i], PBFT_WINDOW_MIN + 1);
        row_put(&r, key, v);
    }
    restart(&r, 0, NULL);
    assert_null(pbft_slot(r.engine.self, PBFT_WINDOW_MIN + 1));
    assert_int_equal(time_out(&r)->prepared, 0);
    bc_buf_unref(b);
    bc_buf_unref(v);
    prop_unref(q);
    rig_free(&r);
}

/* ---- another sealer list ---- */

/* Who has left signs no block any more, also where its vote was there before. */
static void who_left_signs_nothing(void **state)
{
    (void)state;
    rig_t *r = rig_in(0, 2);
    const bc_h256_t parent = { { 1, 5 } };
    prop_t *q = proposal_with(2, 1, 1, 1, false, WITHOUT_1, ROOT_NONE, 1);
    ((pbft_t *)r->engine.self)->committed_hash = parent; /* for the sum only */
    bc_h256_t exec = executed_hash(r, q);
    for (int node = 1; node < 4; node++) {
        vote(r, node, PBFT_CHECKPOINT, 2, 2, &exec);
        vote(r, node, PBFT_PREPARE, 2, 2, &q->hash);
    }
    vote(r, 1, PBFT_COMMIT, 2, 2, &q->hash);
    at_height(r, 1, WITHOUT_1);
    r->commit = false;
    propose_at(r, 2, 1, 2, q); /* leader(2, 2) of three */
    assert_int_equal(count(r, PBFT_COMMIT), 1);
    vote_at(r, 2, 1, PBFT_COMMIT, 2, 2, &q->hash);
    assert_int_equal(r->executed, 0);
    vote_at(r, 3, 2, PBFT_COMMIT, 2, 2, &q->hash);
    assert_int_equal(r->committed, 1);
    static const int64_t who[] = { 0, 1, 2 };
    assert_int_equal(r->commit_sigs, 3);
    assert_memory_equal(r->commit_idx, who, sizeof who);
    served(r, 2, 3);
    assert_memory_equal(last(r, PBFT_COMMITTED_RESPONSE)->proof_idx, who, sizeof who);
    pbft_msg_t m = { .type = PBFT_COMMITTED_REQUEST, .has_base = true, .size = 1, .base.index = 2 };
    deliver_from(r, 1, &m); /* nor does it get one */
    assert_int_equal(count(r, PBFT_COMMITTED_RESPONSE), 1);
    prop_unref(q);
    rig_end(r);
}

/* An official leader's filler names no list, so it stays: with its signatures at their new places. */
static void proofs_follow_their_signers(void **state)
{
    (void)state;
    for (int decided = 0; decided < 2; decided++) {
        rig_t *r = rig_in(0, 1);
        prop_t *a = proposal(1, 2, 1, 1, false), *q = proposal_with(2, 0, 0, 1, false, 0, ROOT_NONE, 1);
        propose(r, 2, 1, a);
        propose(r, 3, 1, q);
        for (int node = 2; node < 4; node++)
            vote(r, node, PBFT_PREPARE, 2, 1, &q->hash);
        assert_int_equal(count(r, PBFT_COMMIT), 1);
        for (int node = 2; node < 4 && decided; node++)
            vote(r, node, PBFT_COMMIT, 2, 1, &q->hash);
        at_height(r, 1, WITHOUT_1);
        static const int64_t who[] = { 0, 1, 2 };
        const sent_t *vc = time_out(r);
        assert_int_equal(vc->prepared, 1);
        assert_int_equal(vc->proof, 3);
        assert_memory_equal(vc->proof_idx, who, sizeof who);
        assert_int_equal(r->executed, decided);
        if (decided) {
            served(r, 2, 3);
            assert_memory_equal(last(r, PBFT_COMMITTED_RESPONSE)->proof_idx, who, sizeof who);
        }
        prop_unref(a);
        prop_unref(q);
        rig_end(r);
    }
}

/* Without the one that left it is no proof any more, and nobody would believe the report. */
static void a_proof_that_lost_its_quorum_is_not_reported(void **state)
{
    (void)state;
    for (int left = 0; left < 2; left++) {
        rig_t *r = rig_in(0, 1);
        prop_t *a = proposal(1, 2, 1, 1, false), *q = proposal_with(2, 0, 0, 1, false, 0, ROOT_NONE, 1);
        propose(r, 2, 1, a);
        propose(r, 3, 1, q);
        two_vote(r, PBFT_PREPARE, 2, 1, &q->hash); /* node 1 is one of three */
        at_height(r, 1, left ? WITHOUT_1 : ALL_NODES);
        assert_int_equal(time_out(r)->prepared, !left);
        prop_unref(a);
        prop_unref(q);
        rig_end(r);
    }
}

/* What was asked of a place is not asked further under another list. */
static void questions_end_with_the_list(void **state)
{
    (void)state;
    for (int change = 0; change < 2; change++) {
        rig_t *r = rig_in(0, 1);
        prop_t *q = proposal_with(2, 0, 1, 1, false, ALL_NODES, ROOT_NONE, 1);
        vc_t *v = calloc(3, sizeof *v);
        nv_t *n = calloc(1, sizeof *n);
        prop_t *a = proposal(1, 2, 1, 2, false);
        for (int i = 0; i < 3; i++)
            vc_make(r, &v[i], i + 1, 0, 2);
        vc_prepared(r, &v[2], a, 1, 7);
        vc_prepared(r, &v[2], q, 1, 7);
        nv_make(n, 3, 0, 2, v, 3, r);
        nv_entry(n, a, 3, false);
        nv_entry(n, q, 3, false);
        nv_send(r, n, 3);
        assert_int_equal(count(r, PBFT_PREPARED_REQUEST), 2);
        at_height(r, 1, change ? WITHOUT_1 : ALL_NODES);
        no_answer(r);
        assert_int_equal(count(r, PBFT_PREPARED_REQUEST), change ? 2 : 3);
        prop_unref(a);
        prop_unref(q);
        free(v);
        free(n);
        rig_end(r);
    }
}

/* View changes name places of the list that they were made under. One of three is more than f. */
static void view_changes_end_with_the_list(void **state)
{
    (void)state;
    rig_t *r = rig_in(0, 1);
    const bc_h256_t hash = { { 1, 5 } };
    vc_t *v = calloc(2, sizeof *v);
    for (int i = 0; i < 2; i++) {
        vc_make(r, &v[i], 2, 1, i ? 2 : 4); /* node 2's ledger is ahead; later its place is node 3's */
        v[i].m.proposal.hash = v[i].m.base.hash = hash;
    }
    vc_send(r, &v[0]);
    at_height(r, 1, WITHOUT_1);
    sign_as(r, 3, &v[1].m, v[1].sig);
    deliver_from(r, 3, &v[1].m);
    assert_true(status(r).timeout);
    assert_int_equal(status(r).to_view, 2);
    free(v);
    rig_end(r);
}

int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_precommit_is_reported_with_its_view_and_proof),
        cmocka_unit_test(votes_of_older_views_are_not_said_again),
        cmocka_unit_test(a_decided_block_keeps_its_proof),
        cmocka_unit_test(a_decided_system_block_is_waited_for),
        cmocka_unit_test(the_record_is_short),
        cmocka_unit_test(rows_that_say_nothing),
        cmocka_unit_test(rows_with_long_names_are_not_read),
        cmocka_unit_test(rows_from_far_ahead),
        cmocka_unit_test(who_left_signs_nothing),
        cmocka_unit_test(proofs_follow_their_signers),
        cmocka_unit_test(a_proof_that_lost_its_quorum_is_not_reported),
        cmocka_unit_test(questions_end_with_the_list),
        cmocka_unit_test(view_changes_end_with_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
