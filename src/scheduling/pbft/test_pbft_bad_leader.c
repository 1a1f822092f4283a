/* One engine and what a bad leader, or a bad reporter of prepared blocks, makes of it (note 0019). */
#include "scheduling/pbft/test_rig.h"

#define WITHOUT_3 0x7u

/* ---- one header, two lists of transactions ---- */

/* The header names a root: only its list goes with it. */
static void a_header_that_names_its_transactions_binds_them(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    prop_t *q = proposal_with(1, 2, 3, 1, false, ALL_NODES, ROOT_TRUE, 1);
    prop_t *bad = proposal_with(1, 2, 3, 1, false, ALL_NODES, ROOT_FALSE, 1);
    propose(&r, 2, 1, bad);
    assert_int_equal(r.verified, 0);
    /* the true header over another list */
    prop_t *twin = proposal_with(1, 2, 2, 1, false, ALL_NODES, ROOT_NONE, 2);
    bc_metas_unref(q->metas);
    q->metas = bc_metas_ref(twin->metas);
    prop_t *forged = prop_from_sealer(NULL, q->header, twin->metas, false);
    propose(&r, 2, 1, forged);
    assert_int_equal(r.verified, 0);
    assert_int_equal(count(&r, PBFT_PREPARE), 0);
    propose(&r, 2, 1, q);
    assert_int_equal(count(&r, PBFT_PREPARE), 1);
    prop_unref(q);
    prop_unref(bad);
    prop_unref(twin);
    prop_unref(forged);
    rig_free(&r);
}

/* Official leaders name none: taken, unless the configuration says that there are no such. */
static void a_header_without_a_root_is_taken_unless_demanded(void **state)
{
    (void)state;
    for (int demand = 0; demand < 2; demand++) {
        rig_t r;
        rig_init(&r, 0);
        r.require_root = demand;
        restart(&r, 0, NULL);
        enter_view(&r, 1);
        prop_t *q = proposal(1, 2, 3, 1, false);
        prop_t *half = proposal_with(1, 2, 3, 2, false, ALL_NODES, ROOT_HALF, 2);
        prop_t *named = proposal_with(1, 2, 3, 3, false, ALL_NODES, ROOT_TRUE, 3);
        propose(&r, 2, 1, q);
        assert_int_equal(count(&r, PBFT_PREPARE), demand ? 0 : 1);
        propose(&r, 2, 1, half);
        assert_int_equal(count(&r, PBFT_PREPARE), demand ? 0 : 1);
        propose(&r, 2, 1, named);
        assert_int_equal(count(&r, PBFT_PREPARE), 1);
        prop_unref(q);
        prop_unref(half);
        prop_unref(named);
        rig_free(&r);
    }
}

/* What fills a gap of a NewView is nobody's but its leader's: nothing may be in it. */
static void a_gap_is_filled_with_nothing(void **state)
{
    (void)state;
    for (int txs = 0; txs < 2; txs++) {
        rig_t r;
        rig_init(&r, 0);
        enter_view(&r, 1);
        prop_t *gap = proposal(1, 3, (size_t)txs, 1, false), *q = proposal(2, 3, 1, 2, false);
        vc_t *v = calloc(3, sizeof *v);
        nv_t *n = calloc(1, sizeof *n);
        for (int i = 0; i < 3; i++)
            vc_make(&r, &v[i], i + 1, 0, 2);
        vc_prepared(&r, &v[1], q, 1, 14);
        nv_make(n, 3, 0, 2, v, 3, &r);
        nv_entry(n, gap, 3, true);
        nv_entry(n, q, 2, false);
        nv_send(&r, n, 3);
        assert_int_equal(status(&r).view, txs ? 1 : 2);
        free(v);
        free(n);
        prop_unref(gap);
        prop_unref(q);
        rig_free(&r);
    }
}

/* ---- blocks that name a list no longer in force ---- */

/* Height 2 is precommitted, height 1 only proposed; a NewView puts a block there that takes node 3 off
 * the list. */
static prop_t *bound_above(rig_t *r, prop_t **below)
{
    prop_t *a = proposal(1, 2, 1, 1, false), *c = proposal(2, 3, 1, 3, false);
    prop_t *b = *below = proposal(1, 2, 1, 2, true);
    rig_init(r, 0);
    enter_view(r, 1);
    propose(r, 2, 1, a);
    propose(r, 3, 1, c);
    two_vote(r, PBFT_PREPARE, 2, 1, &c->hash);
    assert_int_equal(count(r, PBFT_COMMIT), 1);
    vc_t *v = calloc(3, sizeof *v);
    nv_t *n = calloc(1, sizeof *n);
    for (int i = 0; i < 3; i++)
        vc_make(r, &v[i], i + 1, 0, 2);
    vc_prepared(r, &v[0], b, 1, 14);
    vc_prepared(r, &v[1], c, 1, 7);
    nv_make(n, 3, 0, 2, v, 3, r);
    nv_entry(n, b, 1, false);
    nv_entry(n, c, 2, false);
    nv_send(r, n, 3);
    assert_int_equal(status(r).view, 2);
    show(r, 1, b, 1);
    free(v);
    free(n);
    prop_unref(a);
    return c;
}

static void what_names_the_old_list_is_given_up(void **state)
{
    (void)state;
    rig_t r;
    prop_t *b, *c = bound_above(&r, &b);
    for (int i = 2; i > 0; i--) { /* both are ordered, the upper one first */
        const bc_h256_t *hash = i == 1 ? &b->hash : &c->hash;
        two_vote(&r, PBFT_PREPARE, i, 2, hash);
        two_vote(&r, PBFT_COMMIT, i, 2, hash);
    }
    assert_int_equal(r.executed, 1); /* c waits for b's effect */
    assert_true(has_row(&r, "cbcosVote:c2"));
    r.sealers = WITHOUT_3;
    bc_h256_t exec = last(&r, PBFT_CHECKPOINT)->hash;
    two_vote(&r, PBFT_CHECKPOINT, 1, 2, &exec);
    assert_int_equal(status(&r).number, 1);
    assert_int_equal(r.executed, 1);
    assert_false(has_row(&r, "cbcosVote:c2"));
    pool_size(&r, 1);
    feed_timer(&r, TIMER_VIEW, 9000);
    assert_int_equal(last(&r, PBFT_VIEW_CHANGE)->prepared, 0);
    prop_unref(b);
    prop_unref(c);
    rig_free(&r);
}

/* The same after a crash between the block and the record, whichever vote was the last. */
static void it_is_given_up_at_a_restart_too(void **state)
{
    (void)state;
    rig_t r;
    prop_t *b, *c = bound_above(&r, &b);
    r.sealers = WITHOUT_3;
    restart(&r, 1, &b->hash);
    assert_false(has_row(&r, "cbcosVote:c2"));
    assert_int_equal(r.executed, 0);
    pool_size(&r, 1);
    feed_timer(&r, TIMER_VIEW, 9000);
    assert_int_equal(last(&r, PBFT_VIEW_CHANGE)->prepared, 0);
    prop_unref(b);
    prop_unref(c);
    rig_free(&r);
}

/* ---- blocks with a transaction of a block below them ---- */

static void one_view_has_a_transaction_and_a_nonce_once(void **state)
{
    (void)state;
    for (int rivals = 0; rivals < 2; rivals++) {
        rig_t r;
        prop_t *a = proposal(1, 2, 3, 1, false), *b = same_txs(a, 2, 3, rivals);
        rig_init(&r, 0);
        enter_view(&r, 1);
        propose(&r, 2, 1, a);
        assert_int_equal(count(&r, PBFT_PREPARE), 1);
        propose(&r, 3, 1, b);
        assert_int_equal(count(&r, PBFT_PREPARE), 1);
        prop_unref(a);
        prop_unref(b);
        rig_free(&r);
    }
}

static void a_block_has_a_nonce_once(void **state)
{
    (void)state;
    rig_t r;
    prop_t *a = proposal(1, 2, 2, 1, false), *b = proposal(1, 2, 2, 2, false);
    a->metas->v[1].hash = a->metas->v[0].hash;
    a->metas->v[1].hash.b[31] ^= 1;
    prop_t *twins = same_txs(a, 1, 2, false);
    rig_init(&r, 0);
    enter_view(&r, 1);
    propose(&r, 2, 1, twins);
    assert_int_equal(r.verified, 1);
    assert_int_equal(count(&r, PBFT_PREPARE), 0);
    propose(&r, 2, 1, b); /* nothing was voted for */
    assert_int_equal(count(&r, PBFT_PREPARE), 1);
    prop_unref(a);
    prop_unref(b);
    prop_unref(twins);
    rig_free(&r);
}

/* Height 2 is precommitted in view 1; in view 2 its transactions, or others with their nonces, come in
 * a block for height 1. */
static void upper_given_up(bool rivals)
{
    rig_t r;
    prop_t *a = proposal(1, 2, 1, 1, false), *c = proposal(2, 3, 1, 3, false);
    prop_t *b = same_txs(c, 1, 2, rivals);
    rig_init(&r, 0);
    enter_view(&r, 1);
    propose(&r, 2, 1, a);
    propose(&r, 3, 1, c);
    two_vote(&r, PBFT_PREPARE, 2, 1, &c->hash);
    assert_true(has_row(&r, "cbcosVote:c2"));
    vc_t *v = calloc(3, sizeof *v);
    nv_t *n = calloc(1, sizeof *n);
    for (int i = 0; i < 3; i++)
        vc_make(&r, &v[i], i + 1, 0, 2);
    vc_prepared(&r, &v[0], b, 1, 14);
    nv_make(n, 3, 0, 2, v, 3, &r);
    nv_entry(n, b, 1, true);
    size_t prepares = count(&r, PBFT_PREPARE);
    nv_send(&r, n, 3);
    assert_int_equal(status(&r).view, 2);
    assert_int_equal(count(&r, PBFT_PREPARE), prepares + 1);
    assert_memory_equal(&last(&r, PBFT_PREPARE)->hash, &b->hash, 32);
    two_vote(&r, PBFT_PREPARE, 1, 2, &b->hash);
    assert_true(has_row(&r, "cbcosVote:c2")); /* nothing is decided yet */
    two_vote(&r, PBFT_COMMIT, 1, 2, &b->hash);
    assert_false(has_row(&r, "cbcosVote:c2"));
    two_vote(&r, PBFT_PREPARE, 2, 2, &c->hash); /* nor does a late quorum bring it back */
    two_vote(&r, PBFT_COMMIT, 2, 2, &c->hash);
    assert_int_equal(r.executed, 1);
    bc_h256_t exec = last(&r, PBFT_CHECKPOINT)->hash;
    two_vote(&r, PBFT_CHECKPOINT, 1, 2, &exec);
    assert_int_equal(status(&r).number, 1);
    assert_int_equal(r.executed, 1);
    pool_size(&r, 1);
    feed_timer(&r, TIMER_VIEW, 9000);
    assert_int_equal(last(&r, PBFT_VIEW_CHANGE)->prepared, 0);
    free(v);
    free(n);
    prop_unref(a);
    prop_unref(b);
    prop_unref(c);
    rig_free(&r);
}

static void the_upper_block_is_given_up(void **state)
{
    (void)state;
    upper_given_up(false);
    upper_given_up(true);
}

/* Precommitted, then a restart forgets its transactions and what the newest blocks had. The pool knows
 * what the ledger has: all find that the block is impossible, and nobody may wait for it. */
static void what_the_pool_finds_impossible_is_given_up(void **state)
{
    (void)state;
    rig_t r;
    prop_t *q = precommitted(&r);
    assert_true(has_row(&r, "cbcosVote:c1"));
    r.verify_ok = false; /* the pool does not say anything yet */
    restart(&r, 0, NULL);
    assert_true(has_row(&r, "cbcosVote:c1"));
    r.impossible = true;
    vc_t *v = calloc(3, sizeof *v);
    nv_t *n = calloc(1, sizeof *n);
    for (int i = 0; i < 3; i++)
        vc_make(&r, &v[i], i + 1, 0, 2);
    vc_prepared(&r, &v[0], q, 1, 14);
    nv_make(n, 3, 0, 2, v, 3, &r);
    nv_entry(n, q, 1, true);
    size_t prepares = count(&r, PBFT_PREPARE);
    nv_send(&r, n, 3);
    assert_int_equal(status(&r).view, 2);
    assert_int_equal(count(&r, PBFT_PREPARE), prepares);
    assert_false(has_row(&r, "cbcosVote:c1"));
    two_vote(&r, PBFT_PREPARE, 1, 2, &q->hash);
    two_vote(&r, PBFT_COMMIT, 1, 2, &q->hash);
    assert_int_equal(r.executed, 0);
    pool_size(&r, 1);
    feed_timer(&r, TIMER_VIEW, 9000);
    assert_int_equal(last(&r, PBFT_VIEW_CHANGE)->prepared, 0);
    /* the one that leads next does not propose it again, though others report it */
    vc_make(&r, &v[0], 1, 0, 3);
    vc_prepared(&r, &v[0], q, 1, 14);
    vc_send(&r, &v[0]);
    for (int i = 2; i < 4; i++) {
        vc_make(&r, &v[1], i, 0, 3);
        vc_send(&r, &v[1]);
    }
    assert_int_equal(count(&r, PBFT_NEW_VIEW), 1);
    assert_int_equal(last(&r, PBFT_NEW_VIEW)->list, 0);
    assert_int_equal(count(&r, PBFT_PREPARED_REQUEST), 0);
    free(v);
    free(n);
    prop_unref(q);
    rig_free(&r);
}

/* ---- a NewView of our own, and a bad reporter ---- */

/* Node 3 leads view 2 of height 1. Node 0 reports q as prepared, node 1 nothing. */
static void reporter(rig_t *r, const prop_t *q)
{
    rig_init(r, 3);
    enter_view(r, 1);
    pool_size(r, 1);
    feed_timer(r, TIMER_VIEW, 9000);
    vc_t v;
    vc_make(r, &v, 0, 0, 2);
    vc_prepared(r, &v, q, 1, 7);
    vc_send(r, &v);
    vc_make(r, &v, 1, 0, 2);
    vc_send(r, &v);
    assert_int_equal(count(r, PBFT_NEW_VIEW), 0);
    assert_int_equal(count(r, PBFT_PREPARED_REQUEST), 1);
    assert_memory_equal(&r->asked, &r->keys[0].pub, 64);
}

static void expect_new_view_without_it(rig_t *r)
{
    assert_int_equal(count(r, PBFT_NEW_VIEW), 0); /* no quorum without the reporter yet */
    vc_t v;
    vc_make(r, &v, 2, 0, 2);
    vc_send(r, &v);
    assert_int_equal(count(r, PBFT_NEW_VIEW), 1);
    assert_int_equal(last(r, PBFT_NEW_VIEW)->list, 0);
    assert_int_equal(count(r, PBFT_PREPARED_REQUEST), 1);
}

static void a_block_that_is_shown_is_proposed_again(void **state)
{
    (void)state;
    rig_t r;
    prop_t *q = proposal(1, 2, 1, 1, false);
    reporter(&r, q);
    show(&r, 0, q, 1);
    assert_int_equal(last(&r, PBFT_NEW_VIEW)->list, 1);
    assert_int_equal(count(&r, PBFT_PREPARED_REQUEST), 1);
    assert_memory_equal(&last(&r, PBFT_PREPARE)->hash, &q->hash, 32);
    prop_unref(q);
    rig_free(&r);
}

static void who_does_not_show_its_block_is_left_out(void **state)
{
    (void)state;
    rig_t r;
    prop_t *q = proposal(1, 2, 1, 1, false);
    reporter(&r, q);
    no_answer(&r);
    expect_new_view_without_it(&r);
    prop_unref(q);
    rig_free(&r);
}

static void who_shows_a_void_block_is_left_out(void **state)
{
    (void)state;
    rig_t r;
    prop_t *q = proposal_with(1, 2, 1, 1, false, WITHOUT_3, ROOT_NONE, 1);
    reporter(&r, q);
    show(&r, 0, q, 1);
    expect_new_view_without_it(&r);
    prop_unref(q);
    rig_free(&r);
}

/* Another one who reports it may show it: a silent reporter alone does not make it void. */
static void all_reporters_are_asked(void **state)
{
    (void)state;
    rig_t r;
    prop_t *q = proposal(1, 2, 1, 1, false);
    reporter(&r, q);
    vc_t v;
    vc_make(&r, &v, 2, 0, 2);
    vc_prepared(&r, &v, q, 1, 7);
    vc_send(&r, &v);
    no_answer(&r);
    assert_int_equal(count(&r, PBFT_NEW_VIEW), 0);
    assert_memory_equal(&r.asked, &r.keys[2].pub, 64);
    show(&r, 2, q, 1);
    assert_int_equal(last(&r, PBFT_NEW_VIEW)->list, 1);
    prop_unref(q);
    rig_free(&r);
}

int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_that_names_its_transactions_binds_them),
        cmocka_unit_test(a_header_without_a_root_is_taken_unless_demanded),
        cmocka_unit_test(a_gap_is_filled_with_nothing),
        cmocka_unit_test(what_names_the_old_list_is_given_up),
        cmocka_unit_test(it_is_given_up_at_a_restart_too),
        cmocka_unit_test(one_view_has_a_transaction_and_a_nonce_once),
        cmocka_unit_test(a_block_has_a_nonce_once),
        cmocka_unit_test(the_upper_block_is_given_up),
        cmocka_unit_test(what_the_pool_finds_impossible_is_given_up),
        cmocka_unit_test(a_block_that_is_shown_is_proposed_again),
        cmocka_unit_test(who_does_not_show_its_block_is_left_out),
        cmocka_unit_test(who_shows_a_void_block_is_left_out),
        cmocka_unit_test(all_reporters_are_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
