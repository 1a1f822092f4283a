/* One engine against scripted peers: rules of spec/30 §3.3-3.9 and what ours adds (W4, W6). */
#include "scheduling/pbft/test_rig.h"

/* ---- tables ---- */

static void leader_and_quorum(void **state)
{
    (void)state;
    assert_int_equal(bc_pbft_leader(1, 0, 1, 4), 1);
    assert_int_equal(bc_pbft_leader(1, 3, 1, 4), 0);
    assert_int_equal(bc_pbft_leader(14, 2, 5, 4), 0);
    assert_int_equal(bc_pbft_leader(15, 2, 5, 4), 1);
    assert_int_equal(bc_pbft_leader(3, 0, 0, 4), 3);
    assert_int_equal(bc_pbft_leader(3, 0, 1, 0), -1);
    static const uint64_t t[][3] = { { 1, 1, 0 }, { 3, 3, 0 }, { 4, 3, 1 }, { 5, 4, 1 }, { 7, 5, 2 },
                                     { 400, 267, 133 }, { 8, 6, 2 }, { 2, 2, 0 } };
    for (size_t i = 0; i < BC_ARRAY_LEN(t); i++) {
        uint64_t q, f;
        bc_pbft_quorum(t[i][0], &q, &f);
        assert_int_equal(q, t[i][1]);
        assert_int_equal(f, t[i][2]);
    }
}

static void timer_table(void **state)
{
    (void)state;
    static const int64_t ms[] = { 3000, 4500, 6750, 10125, 15187, 22781, 34171, 51257, 76886, 115330,
                                  172995, 172995, 172995 };
    for (unsigned i = 0; i < BC_ARRAY_LEN(ms); i++)
        assert_int_equal(bc_pbft_timeout_ms(3000, i), ms[i]);
}

/* ---- normal case ---- */

static void a_block_from_another_leader(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    assert_int_equal(count(&r, PBFT_VIEW_CHANGE), 1); /* a fresh node asks for a view */
    enter_view(&r, 1);
    prop_t *q = proposal(1, 2, 3, 1, false);
    propose(&r, 2, 1, q);
    assert_int_equal(count(&r, PBFT_PREPARE), 1);
    vote(&r, 1, PBFT_PREPARE, 1, 1, &q->hash);
    assert_int_equal(count(&r, PBFT_COMMIT), 0);
    vote(&r, 2, PBFT_PREPARE, 1, 1, &q->hash);
    assert_int_equal(count(&r, PBFT_COMMIT), 1);
    vote(&r, 1, PBFT_COMMIT, 1, 1, &q->hash);
    assert_int_equal(r.executed, 0);
    vote(&r, 2, PBFT_COMMIT, 1, 1, &q->hash);
    assert_int_equal(r.executed, 1);
    assert_int_equal(count(&r, PBFT_CHECKPOINT), 1);
    bc_h256_t exec = last(&r, PBFT_CHECKPOINT)->hash;
    vote(&r, 1, PBFT_CHECKPOINT, 1, 1, &exec);
    assert_int_equal(r.committed, 0);
    vote(&r, 3, PBFT_CHECKPOINT, 1, 1, &exec);
    assert_int_equal(r.committed, 1);
    assert_int_equal(status(&r).number, 1);
    /* four messages for a block: each phase once, the pre-prepare is the leader's */
    assert_int_equal(r.sent_cnt, 3);
    prop_unref(q);
    rig_free(&r);
}

static void own_turn(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 2); /* leader(1, 1) */
    enter_view(&r, 1);
    assert_int_equal(r.sealed_from, 1);
    assert_int_equal(r.sealed_to, 1);
    prop_t *q = proposal(1, 2, 2, 1, false);
    bc_msg_t *m = bc_msg_new(BC_ACTOR_SEALER, BC_ACTOR_PBFT, BC_MSG_PROPOSE);
    m->header = bc_hdr_ref(q->header);
    m->metas = bc_metas_ref(q->metas);
    feed(&r, m);
    assert_int_equal(count(&r, PBFT_PRE_PREPARE), 1);
    assert_int_equal(count(&r, PBFT_PREPARE), 1);
    /* a second one for the same height is handed back */
    prop_t *other = proposal(1, 2, 2, 2, false);
    m = bc_msg_new(BC_ACTOR_SEALER, BC_ACTOR_PBFT, BC_MSG_PROPOSE);
    m->header = bc_hdr_ref(other->header);
    m->metas = bc_metas_ref(other->metas);
    feed(&r, m);
    assert_int_equal(count(&r, PBFT_PRE_PREPARE), 1);
    assert_int_equal(r.unsealed, 1);
    prop_unref(q);
    prop_unref(other);
    rig_free(&r);
}

static void dropped_pre_prepares(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    prop_t *q = proposal(1, 2, 2, 1, false), *other = proposal(1, 2, 2, 2, false);
    uint8_t sig[BC_SIG_MAX];
    propose(&r, 3, 1, q); /* not the leader */
    propose(&r, 2, 0, q); /* an old view */
    propose(&r, 2, 52, q); /* beyond any view that we may reach soon */
    pbft_msg_t m = said(2, PBFT_PRE_PREPARE, 1, 1, &q->hash);
    m.has_proposal = true;
    prop_to_wire(q, true, &m.proposal);
    sign_as(&r, 1, &m, sig); /* signed by another node */
    deliver_from(&r, 2, &m);
    sign_as(&r, 2, &m, sig); /* fine, but over a stranger's connection */
    deliver_from(&r, 1, &m);
    m.proposal.data = bc_buf_view(other->data); /* the hash is not that of the data (W4) */
    deliver_from(&r, 2, &m);
    prop_to_wire(q, true, &m.proposal);
    m.proposal.index = 2; /* base and proposal disagree */
    deliver_from(&r, 2, &m);
    assert_int_equal(r.sent_cnt, 0);
    assert_int_equal(r.verified, 0);
    propose(&r, 2, 1, q);
    assert_int_equal(count(&r, PBFT_PREPARE), 1);
    propose(&r, 2, 1, other); /* the first one wins */
    propose(&r, 2, 1, q);
    assert_int_equal(count(&r, PBFT_PREPARE), 1);
    assert_int_equal(r.verified, 1);
    prop_unref(q);
    prop_unref(other);
    rig_free(&r);
}

static void twins_in_a_block_are_refused(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    prop_t *q = proposal(1, 2, 2, 1, false);
    uint8_t *second = memmem(q->data->p, q->data->n, q->metas->v[1].hash.b, 32);
    assert_non_null(second);
    memcpy(second, q->metas->v[0].hash.b, 32);
    propose(&r, 2, 1, q);
    assert_int_equal(r.verified, 0);
    prop_unref(q);
    /* nor do we propose such a block, whatever the sealer says */
    rig_t own;
    rig_init(&own, 2);
    enter_view(&own, 1);
    q = proposal(1, 2, 2, 1, false);
    q->metas->v[1] = q->metas->v[0];
    bc_msg_t *m = bc_msg_new(BC_ACTOR_SEALER, BC_ACTOR_PBFT, BC_MSG_PROPOSE);
    m->header = bc_hdr_ref(q->header);
    m->metas = bc_metas_ref(q->metas);
    feed(&own, m);
    assert_int_equal(count(&own, PBFT_PRE_PREPARE), 0);
    assert_int_equal(own.unsealed, 1);
    prop_unref(q);
    rig_free(&own);
    rig_free(&r);
}

typedef void (*spoil_header_fn)(bc_header_data_t *h);
static void header_version(bc_header_data_t *h) { h->version = INT32_MAX; }
static void header_past(bc_header_data_t *h) { h->timestamp = -1; }
static void header_future(bc_header_data_t *h) { h->timestamp = INT64_MAX; }
static void header_sealer(bc_header_data_t *h) { h->sealer = NODES; }
static void header_short_list(bc_header_data_t *h) { h->sealer_list.n--; }
static void header_no_list(bc_header_data_t *h) { h->sealer_list.n = h->weights.n = 0; }
static void header_weights(bc_header_data_t *h)
{
    static int64_t heavy[NODES] = { 9, 1, 1, 1 };
    h->weights.v = heavy;
}
static void header_order(bc_header_data_t *h)
{
    bc_bytes_t *v = h->sealer_list.v, first = v[0];
    v[0] = v[1];
    v[1] = first;
}

/* What could be ordered and then neither executed nor, later, synced by anybody. */
static void headers_that_the_chain_cannot_take_are_refused(void **state)
{
    (void)state;
    static const spoil_header_fn spoil[] = { header_version, header_past,    header_future,
                                             header_sealer,  header_short_list, header_no_list,
                                             header_weights, header_order };
    for (size_t i = 0; i < BC_ARRAY_LEN(spoil); i++) {
        rig_t r;
        rig_init(&r, 0);
        enter_view(&r, 1);
        prop_t *q = proposal(1, 2, 2, 1, false);
        bc_keypair_t keys[NODES];
        bc_bytes_t ids[NODES];
        bc_header_t h = q->header->h;
        name_sealers(&h, keys, ids, ALL_NODES);
        spoil[i](&h.data);
        h.data_hash = (bc_bytes_t){ 0 };
        bc_hdr_t *hdr = bc_hdr_new(BC_SUITE_STANDARD, &h);
        prop_t *bad = prop_from_sealer(NULL, hdr, q->metas, false);
        propose(&r, 2, 1, bad);
        assert_int_equal(count(&r, PBFT_PREPARE), 0);
        propose(&r, 2, 1, q);
        assert_int_equal(count(&r, PBFT_PREPARE), 1);
        bc_hdr_unref(hdr);
        prop_unref(bad);
        prop_unref(q);
        rig_free(&r);
    }
}

/* A proposal further ahead is looked at on top of the one before it only. */
static void proposals_follow_each_other(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    prop_t *a = proposal(1, 2, 1, 1, false), *b = proposal(2, 3, 1, 1, false);
    propose(&r, 3, 1, b);
    assert_int_equal(count(&r, PBFT_PREPARE), 0);
    propose(&r, 2, 1, a);
    assert_int_equal(count(&r, PBFT_PREPARE), 1);
    for (int node = 1; node < 4; node++) {
        vote(&r, node, PBFT_PREPARE, 1, 1, &a->hash);
        vote(&r, node, PBFT_COMMIT, 1, 1, &a->hash);
    }
    propose(&r, 3, 1, b);
    assert_int_equal(count(&r, PBFT_PREPARE), 2);
    prop_unref(a);
    prop_unref(b);
    rig_free(&r);
}

static void verified(rig_t *r, const prop_t *q, const char *to)
{
    bc_tx_data_t d = { .chain_id = BC_STR("chain0"), .group_id = BC_STR("group0"),
                       .block_limit = 500, .nonce = BC_STR("1"), .to = bc_cstr(to) };
    bc_msg_t *a = bc_msg_new(BC_ACTOR_TXPOOL, BC_ACTOR_PBFT, BC_MSG_PROPOSAL_VERIFIED);
    a->token = r->verify_token;
    a->number = q->index;
    a->hash = q->hash;
    a->txs = bc_txs_new(1);
    assert_int_equal(bc_tx_make(BC_SUITE_STANDARD, &d, 0, (bc_bytes_t){ 0 }, NULL, &a->txs->v[0]),
                     BC_OK);
    feed(r, a);
}

/* As long as transactions are on their way nobody knows whether they change the sealer list: what
 * follows waits, and if they do it waits until they are in the ledger. */
static void proposals_wait_for_the_transactions_before_them(void **state)
{
    (void)state;
    static const struct {
        const char *to;
        size_t prepares;
    } cases[] = { { "1111111111111111111111111111111111111111", 2 },
                  { "0000000000000000000000000000000000001003", 1 } };
    for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++) {
        rig_t r;
        rig_init(&r, 0);
        enter_view(&r, 1);
        prop_t *a = proposal(1, 2, 1, 1, false), *b = proposal(2, 3, 0, 1, false);
        r.verify_ok = false;
        propose(&r, 2, 1, a);
        propose(&r, 3, 1, b);
        assert_int_equal(count(&r, PBFT_PREPARE), 0);
        verified(&r, a, cases[i].to);
        assert_int_equal(count(&r, PBFT_PREPARE), cases[i].prepares);
        prop_unref(a);
        prop_unref(b);
        rig_free(&r);
    }
}

static void dropped_votes(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    prop_t *q = proposal(1, 2, 2, 1, false), *other = proposal(1, 2, 2, 2, false);
    uint8_t sig[BC_SIG_MAX], psig[BC_SIG_MAX];
    propose(&r, 2, 1, q);
    vote(&r, 1, PBFT_PREPARE, 1, 1, &q->hash);
    vote(&r, 1, PBFT_PREPARE, 1, 1, &q->hash);     /* twice */
    vote(&r, 3, PBFT_PREPARE, 1, 1, &other->hash); /* another hash */
    vote(&r, 3, PBFT_PREPARE, 1, 0, &q->hash);     /* an old view */
    vote(&r, 3, PBFT_PREPARE, 1, 2, &q->hash);     /* a later view counts there only */
    pbft_msg_t m = said(3, PBFT_PREPARE, 1, 1, &q->hash);
    m.has_proposal = true;
    prop_to_wire(q, false, &m.proposal);
    m.proposal.sig = bc_bytes(psig, bc_sign(&r.keys[1], &q->hash, psig)); /* proposal not signed by 3 */
    sign_as(&r, 3, &m, sig);
    deliver_from(&r, 3, &m);
    m.proposal.sig = bc_bytes(psig, bc_sign(&r.keys[3], &q->hash, psig));
    deliver_from(&r, 2, &m); /* 3's vote said by 2 */
    m.base.from = 9;
    deliver_from(&r, 3, &m);
    assert_int_equal(count(&r, PBFT_COMMIT), 0);
    vote(&r, 2, PBFT_PREPARE, 1, 1, &q->hash);
    assert_int_equal(count(&r, PBFT_COMMIT), 1);
    prop_unref(q);
    prop_unref(other);
    rig_free(&r);
}

static void votes_may_come_before_their_proposal(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    prop_t *q = proposal(1, 2, 2, 1, false);
    for (int i = 1; i < 4; i++) {
        vote(&r, i, PBFT_COMMIT, 1, 1, &q->hash);
        vote(&r, i, PBFT_PREPARE, 1, 1, &q->hash);
    }
    assert_int_equal(r.executed, 0);
    propose(&r, 2, 1, q);
    assert_int_equal(r.executed, 1);
    prop_unref(q);
    rig_free(&r);
}

static void system_proposal_is_serialised(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    prop_t *q = proposal(1, 2, 1, 1, true), *next = proposal(2, 3, 1, 1, false);
    propose(&r, 2, 1, q);
    two_vote(&r, PBFT_PREPARE, 1, 1, &q->hash);
    two_vote(&r, PBFT_COMMIT, 1, 1, &q->hash);
    assert_int_equal(r.executed, 1);
    propose(&r, 3, 1, next);
    for (int i = 1; i < 4; i++)
        vote(&r, i, PBFT_PREPARE, 2, 1, &next->hash);
    for (int i = 1; i < 4; i++)
        vote(&r, i, PBFT_COMMIT, 2, 1, &next->hash);
    assert_int_equal(r.executed, 1); /* nothing above it, not even a vote */
    assert_int_equal(count(&r, PBFT_PREPARE), 1);
    bc_h256_t exec = last(&r, PBFT_CHECKPOINT)->hash;
    two_vote(&r, PBFT_CHECKPOINT, 1, 1, &exec);
    assert_int_equal(status(&r).number, 1);
    assert_int_equal(r.executed, 2); /* what was held back came through */
    prop_unref(q);
    prop_unref(next);
    rig_free(&r);
}

/* ---- time ---- */

static void quiet_when_idle(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    assert_true(r.timer[TIMER_VIEW] > 0); /* asking for a view may get lost */
    enter_view(&r, 1);
    feed_timer(&r, TIMER_VIEW, 3000);
    assert_int_equal(r.timer[TIMER_VIEW], -1);
    assert_int_equal(r.timer[TIMER_RESEND], -1);
    assert_int_equal(r.sent_cnt, 0);
    rig_free(&r);
}

static void time_out_and_patience(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    pool_size(&r, 5);
    feed_timer(&r, TIMER_VIEW, 3000);
    assert_true(status(&r).timeout);
    assert_int_equal(last(&r, PBFT_VIEW_CHANGE)->view, 2);
    assert_int_equal(status(&r).change_cycle, 1);
    /* alone it repeats view 2, it does not run ahead (W6) */
    for (int i = 0; i < 5; i++)
        feed_timer(&r, TIMER_VIEW, 4500);
    assert_int_equal(status(&r).to_view, 2);
    assert_int_equal(count(&r, PBFT_VIEW_CHANGE), 6);
    /* together with a quorum it goes on, slower */
    vc_t v;
    for (int i = 1; i < 3; i++) {
        vc_make(&r, &v, i, 0, 2);
        vc_send(&r, &v);
    }
    feed_timer(&r, TIMER_VIEW, 4500);
    assert_int_equal(status(&r).to_view, 3);
    assert_int_equal(r.timer[TIMER_VIEW], 6750);
    rig_free(&r);
}

/* Every f + 1 views without a block. */
static void views_without_a_block_get_longer(void **state)
{
    (void)state;
    static const int64_t ms[] = { 3000, 4500, 4500, 6750, 6750, 10125, 10125, 10125 };
    rig_t r;
    rig_init(&r, 0);
    pool_size(&r, 5);
    for (int64_t view = 1; view <= 8; view++) {
        enter_view(&r, view);
        int64_t started = r.now.mono_ms;
        while (!status(&r).timeout)
            feed_timer(&r, TIMER_VIEW, 1);
        assert_int_equal(r.now.mono_ms - started, ms[view - 1]);
    }
    enter_view(&r, 9);
    int64_t leader = bc_pbft_leader(1, 9, 1, NODES);
    prop_t *q = proposal(1, (int)leader, 1, 1, false);
    propose(&r, (int)leader, 9, q);
    for (int i = 1; i < 3; i++) {
        vote(&r, i, PBFT_PREPARE, 1, 9, &q->hash);
        vote(&r, i, PBFT_COMMIT, 1, 9, &q->hash);
    }
    bc_h256_t hash = last(&r, PBFT_CHECKPOINT)->hash;
    two_vote(&r, PBFT_CHECKPOINT, 1, 9, &hash);
    assert_int_equal(status(&r).number, 1);
    int64_t started = r.now.mono_ms;
    while (!status(&r).timeout)
        feed_timer(&r, TIMER_VIEW, 1);
    assert_int_equal(r.now.mono_ms - started, 3000);
    prop_unref(q);
    rig_free(&r);
}

/* ---- view change ---- */

static void one_node_cannot_move_others(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    vc_t v;
    vc_make(&r, &v, 3, 0, 1000000);
    vc_send(&r, &v);
    assert_int_equal(status(&r).to_view, 1);
    assert_int_equal(count(&r, PBFT_RECOVER_RESPONSE), 1); /* it is told where we are */
    vc_make(&r, &v, 1, 0, 7);
    vc_send(&r, &v);
    assert_true(status(&r).timeout); /* f + 1 ask for at least 7 */
    assert_int_equal(status(&r).to_view, 7);
    rig_free(&r);
}

static void new_view_of_own(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 3); /* leader(1, 2) */
    enter_view(&r, 1);
    prop_t *a = proposal(1, 0, 1, 1, false), *b = proposal(1, 0, 1, 2, false), *c = proposal(3, 0, 1, 3, false);
    vc_t v[2];
    vc_make(&r, &v[0], 0, 0, 2);
    vc_prepared(&r, &v[0], a, 0, 7);
    vc_make(&r, &v[1], 1, 0, 2);
    vc_prepared(&r, &v[1], b, 1, 14); /* the higher view wins */
    vc_prepared(&r, &v[1], c, 1, 7);  /* height 2 is a gap */
    vc_send(&r, &v[0]);
    vc_send(&r, &v[1]); /* a quorum; what it lacks is asked of who reported it, before it leads there */
    assert_int_equal(count(&r, PBFT_NEW_VIEW), 0);
    assert_int_equal(count(&r, PBFT_PREPARED_REQUEST), 2);
    assert_memory_equal(&r.asked, &r.keys[1].pub, 64);
    show(&r, 1, c, 1);
    assert_int_equal(count(&r, PBFT_NEW_VIEW), 0);
    r.ask_token--; /* the question before */
    show(&r, 1, b, 1);
    const sent_t *nv = last(&r, PBFT_NEW_VIEW);
    assert_non_null(nv);
    assert_int_equal(nv->view, 2);
    assert_int_equal(nv->list, 3);
    assert_memory_equal(&nv->list_hash[0], &b->hash, 32);
    assert_memory_equal(&nv->list_hash[2], &c->hash, 32);
    assert_int_equal(status(&r).view, 2);
    assert_int_equal(count(&r, PBFT_PREPARED_REQUEST), 2);
    assert_int_equal(count(&r, PBFT_PREPARE), 3);
    prop_unref(a);
    prop_unref(b);
    prop_unref(c);
    rig_free(&r);
}

typedef void (*spoil_fn)(nv_t *n, vc_t *v, const prop_t *other);

static void spoil_nothing(nv_t *n, vc_t *v, const prop_t *o) { (void)n; (void)v; (void)o; }
static void spoil_view(nv_t *n, vc_t *v, const prop_t *o)
{
    (void)v;
    (void)o;
    n->m.base.view++;
}
static void spoil_twice(nv_t *n, vc_t *v, const prop_t *o)
{
    (void)v;
    (void)o;
    n->vcs[2] = n->vcs[1];
}
static void spoil_few(nv_t *n, vc_t *v, const prop_t *o)
{
    (void)v;
    (void)o;
    n->m.vc_cnt = 2;
}
static void spoil_signature(nv_t *n, vc_t *v, const prop_t *o)
{
    (void)o;
    (void)v;
    n->vcs[0].sig = n->vcs[1].sig;
}
static void spoil_proposal(nv_t *n, vc_t *v, const prop_t *o)
{
    (void)v;
    n->list[0].proposal.hash = n->list[0].base.hash = o->hash;
}
static void spoil_proposal_data(nv_t *n, vc_t *v, const prop_t *o)
{
    (void)v;
    n->list[0].proposal.hash = n->list[0].base.hash = o->hash;
    n->list[0].proposal.data = bc_buf_view(o->data);
}
static void spoil_start(nv_t *n, vc_t *v, const prop_t *o)
{
    (void)v;
    (void)o;
    n->list[0].proposal.index = n->list[0].base.index = 2;
}
static void spoil_extra(nv_t *n, vc_t *v, const prop_t *o)
{
    (void)v;
    n->list[1] = n->list[0];
    n->list[1].proposal.index = n->list[1].base.index = 2;
    n->list[1].proposal.hash = o->hash;
    n->list[1].proposal.data = bc_buf_view(o->data);
    n->m.vote_cnt = 2;
}
static void spoil_entry_view(nv_t *n, vc_t *v, const prop_t *o)
{
    (void)v;
    (void)o;
    n->list[0].base.view = 1;
}
static void spoil_leader(nv_t *n, vc_t *v, const prop_t *o)
{
    (void)v;
    (void)o;
    n->m.base.index = 3; /* leader(4, 2) is another one */
}
static void spoil_far_leader(nv_t *n, vc_t *v, const prop_t *o)
{
    (void)v;
    (void)o;
    n->m.base.index = 4000; /* 4001 mod 4 fits again, but nobody is there */
}

static void new_view_is_checked(void **state)
{
    (void)state;
    static const struct {
        spoil_fn spoil;
        bool ok;
    } cases[] = { { spoil_nothing, true }, { spoil_view, false },     { spoil_twice, false },
                  { spoil_few, false },    { spoil_signature, false }, { spoil_proposal, false },
                  { spoil_start, false },  { spoil_extra, false },     { spoil_entry_view, false },
                  { spoil_leader, false }, { spoil_far_leader, false }, { spoil_proposal_data, false } };
    prop_t *a = proposal(1, 2, 1, 1, false), *other = proposal(1, 2, 1, 2, false);
    for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++) {
        rig_t r;
        rig_init(&r, 0);
        enter_view(&r, 1);
        vc_t *v = calloc(3, sizeof *v);
        nv_t *n = calloc(1, sizeof *n);
        for (int k = 0; k < 3; k++)
            vc_make(&r, &v[k], k + 1, 0, 2);
        vc_prepared(&r, &v[1], a, 1, 7);
        nv_make(n, 3, 0, 2, v, 3, &r);
        nv_entry(n, a, 2, false);
        cases[i].spoil(n, v, other);
        nv_send(&r, n, 3);
        assert_int_equal(status(&r).view, cases[i].ok ? 2 : 1);
        free(v);
        free(n);
        rig_free(&r);
    }
    prop_unref(a);
    prop_unref(other);
}

static void view_change_is_checked(void **state)
{
    (void)state;
    prop_t *a = proposal(1, 2, 1, 1, false);
    for (int i = 0; i < 7; i++) {
        rig_t r;
        rig_init(&r, 0);
        enter_view(&r, 1);
        vc_t *v = calloc(2, sizeof *v);
        vc_make(&r, &v[0], 1, 0, 3);
        vc_send(&r, &v[0]);
        vc_make(&r, &v[1], 2, i == 6 ? INT64_MAX : 0, 3); /* sums with it overflow */
        if (i == 1)
            vc_prepared(&r, &v[1], a, 1, 3); /* proof without a quorum */
        else if (i == 2)
            vc_prepared(&r, &v[1], a, 4, 7); /* prepared in a view after its own */
        else if (i == 3)
            v[1].committed.b[0] = 1, v[1].m.proposal.hash = v[1].m.base.hash = v[1].committed; /* another chain */
        else if (i == 4)
            vc_prepared(&r, &v[1], a, 1, 7), v[1].proof[0][1] = v[1].proof[0][0]; /* one signer twice */
        else if (i == 5)
            vc_prepared(&r, &v[1], a, 1, 7), v[1].proof[0][0].sig = v[1].proof[0][1].sig;
        vc_send(&r, &v[1]);
        assert_int_equal(status(&r).to_view, i == 0 ? 3 : 1); /* f + 1 valid ones are needed to join */
        free(v);
        rig_free(&r);
    }
    prop_unref(a);
}

/* A precommit is reported, and nothing else is prepared at its height. */
static void precommit_holds(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    prop_t *q = proposal(1, 2, 1, 1, false), *other = proposal(1, 3, 1, 2, false);
    propose(&r, 2, 1, q);
    two_vote(&r, PBFT_PREPARE, 1, 1, &q->hash);
    assert_int_equal(count(&r, PBFT_COMMIT), 1);
    pool_size(&r, 1);
    feed_timer(&r, TIMER_VIEW, 9000);
    assert_int_equal(last(&r, PBFT_VIEW_CHANGE)->prepared, 1);
    enter_view(&r, 2); /* the others did not hear of it */
    propose(&r, 3, 2, other);
    assert_int_equal(count(&r, PBFT_PREPARE), 0);
    propose(&r, 3, 2, q); /* the same block again is fine */
    assert_int_equal(count(&r, PBFT_PREPARE), 1);
    prop_unref(q);
    prop_unref(other);
    rig_free(&r);
}

/* ---- another sealer list ---- */

#define WITHOUT_1 0xdu

/* Those behind node 1 move up by one. */
static void without_1(rig_t *r, int64_t number, const bc_h256_t *hash)
{
    bc_msg_t *c = bc_msg_new(BC_ACTOR_SCHEDULER, BC_ACTOR_PBFT, BC_MSG_COMMITTED);
    r->sealers = WITHOUT_1;
    c->number = number;
    c->config = config(r, number, hash);
    feed(r, c);
}

static prop_t *proposal_without_1(int64_t index, int sealer)
{
    return proposal_with(index, sealer, 1, 1, false, WITHOUT_1, ROOT_NONE, 1);
}

/* Votes for a height may be there before the block that moves their senders: they stay theirs. Of
 * each kind once by the old places, the others by the new. */
static void votes_follow_their_senders(void **state)
{
    (void)state;
    static const int32_t kinds[] = { PBFT_PREPARE, PBFT_COMMIT, PBFT_CHECKPOINT };
    const bc_h256_t parent = { { 1 } };
    for (size_t early = 0; early < BC_ARRAY_LEN(kinds); early++) {
        rig_t r;
        rig_init(&r, 0);
        enter_view(&r, 2);
        r.commit = false;
        prop_t *q = proposal_without_1(2, 1);
        pbft_t *p = r.engine.self;
        p->committed_hash = parent; /* for the sum only */
        bc_h256_t exec = executed_hash(&r, q);
        for (int node = 2; node < 4; node++)
            vote(&r, node, kinds[early], 2, 2, early == 2 ? &exec : &q->hash);
        without_1(&r, 1, &parent);
        assert_int_equal(status(&r).quorum, 3);
        propose_at(&r, 2, 1, 2, q); /* leader(2, 2) of three */
        for (size_t k = 0; k < BC_ARRAY_LEN(kinds); k++)
            for (int node = 2; node < 4 && k != early; node++)
                vote_at(&r, node, node - 1, kinds[k], 2, 2, k == 2 ? &exec : &q->hash);
        assert_int_equal(count(&r, PBFT_COMMIT), 1);
        assert_int_equal(r.executed, 1);
        assert_int_equal(r.committed, 1);
        prop_unref(q);
        rig_free(&r);
    }
}

/* Nor does one that voted before count for who has its old place as well. */
static void a_sender_that_moved_counts_once(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 2);
    prop_t *q = proposal_without_1(2, 1);
    vote(&r, 2, PBFT_PREPARE, 2, 2, &q->hash);
    without_1(&r, 1, &(bc_h256_t){ { 1 } });
    propose_at(&r, 2, 1, 2, q);
    vote_at(&r, 2, 1, PBFT_PREPARE, 2, 2, &q->hash);
    assert_int_equal(count(&r, PBFT_PREPARE), 1);
    assert_int_equal(count(&r, PBFT_COMMIT), 0);
    vote_at(&r, 3, 2, PBFT_PREPARE, 2, 2, &q->hash);
    assert_int_equal(count(&r, PBFT_COMMIT), 1);
    prop_unref(q);
    rig_free(&r);
}

int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leader_and_quorum),
        cmocka_unit_test(timer_table),
        cmocka_unit_test(a_block_from_another_leader),
        cmocka_unit_test(own_turn),
        cmocka_unit_test(dropped_pre_prepares),
        cmocka_unit_test(twins_in_a_block_are_refused),
        cmocka_unit_test(headers_that_the_chain_cannot_take_are_refused),
        cmocka_unit_test(proposals_follow_each_other),
        cmocka_unit_test(proposals_wait_for_the_transactions_before_them),
        cmocka_unit_test(dropped_votes),
        cmocka_unit_test(votes_may_come_before_their_proposal),
        cmocka_unit_test(system_proposal_is_serialised),
        cmocka_unit_test(quiet_when_idle),
        cmocka_unit_test(time_out_and_patience),
        cmocka_unit_test(views_without_a_block_get_longer),
        cmocka_unit_test(one_node_cannot_move_others),
        cmocka_unit_test(new_view_of_own),
        cmocka_unit_test(new_view_is_checked),
        cmocka_unit_test(view_change_is_checked),
        cmocka_unit_test(precommit_holds),
        cmocka_unit_test(votes_follow_their_senders),
        cmocka_unit_test(a_sender_that_moved_counts_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
