/* Verification of proposals: what is fetched for them, and what no block may have. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "scheduling/txpool/test_rig.h"
#include "txs_sync.pb-c.h"

static bc_msg_t *verify_at(const bc_tx_t *tx, int64_t number)
{
    bc_msg_t *m = bc_msg_new(BC_ACTOR_PBFT, BC_ACTOR_TXPOOL, BC_MSG_VERIFY_PROPOSAL);
    m->number = number;
    m->token = 3;
    memset(m->node.b, 9, 64); /* another node */
    m->metas = bc_metas_new(1);
    m->metas->v[0].hash = tx->hash;
    return m;
}

static bc_msg_t *verify_proposal(const bc_tx_t *tx)
{
    return verify_at(tx, HEIGHT + 1);
}

static bc_msg_t *response_of(const bc_msg_t *ask, const bc_tx_t *tx)
{
    bc_tx_wire_t wire = tx->w;
    bc_block_t block = { .txs = { &wire, 1 } };
    bc_wr_t w = { 0 };
    bc_tars_encode(&bc_block_tars, &block, &w);
    BcPb__TxsSyncMessage msg = BC_PB__TXS_SYNC_MESSAGE__INIT;
    msg.type = 3;
    msg.txsdata = (ProtobufCBinaryData){ w.n, w.p };
    bc_msg_t *m = bc_msg_new(BC_ACTOR_FRONT, BC_ACTOR_TXPOOL, BC_MSG_RESPONSE);
    m->token = ask->token;
    m->data = bc_buf_new(bc_pb__txs_sync_message__get_packed_size(&msg));
    bc_pb__txs_sync_message__pack(&msg, m->data->p);
    bc_wr_free(&w);
    return m;
}

/* Missing here -> the ledger -> the generator -> verified, durable before the answer. */
static void a_missing_transaction_is_fetched_from_the_generator(void **state)
{
    (void)state;
    for (int wrong = 0; wrong < 2; wrong++) {
        rig_t r = rig_new(0);
        bc_tx_t *tx = make(&r, (spec_t){ .nonce = "1" }), *other = make(&r, (spec_t){ .nonce = "2" });
        feed(&r, verify_proposal(tx));
        bc_msg_t *load = take(&r, BC_MSG_LOAD_TXS);
        assert_non_null(load);
        bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_TXPOOL, BC_MSG_LOADED_TXS);
        m->token = load->token;
        m->txs = bc_txs_new(1);
        feed(&r, m);
        bc_msg_free(load);
        bc_msg_t *ask = take(&r, BC_MSG_REQUEST);
        assert_non_null(ask);
        assert_int_equal(ask->module, BC_MODULE_CONS_TXS_SYNC);
        feed(&r, response_of(ask, wrong ? other : tx));
        bc_msg_free(ask);
        recover(&r, true);
        if (!wrong)
            assert_true(r.out.head->kind == BC_MSG_PRESTORE); /* before the answer */
        m = take(&r, BC_MSG_PROPOSAL_VERIFIED);
        assert_non_null(m);
        assert_int_equal(m->number2, wrong ? 2001 : 0);
        assert_int_equal(m->txs ? m->txs->cnt : 0, wrong ? 0 : 1);
        bc_msg_free(m);
        bc_tx_unref(tx);
        bc_tx_unref(other);
        rig_free(&r);
    }
}

static void a_proposal_waits_for_its_transaction_under_verification(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    bc_tx_t *tx = make(&r, (spec_t){ .nonce = "1" });
    submit(&r, tx, 1, true);
    feed(&r, verify_proposal(tx));
    assert_null(take(&r, BC_MSG_PROPOSAL_VERIFIED));
    assert_null(take(&r, BC_MSG_LOAD_TXS));
    recover(&r, true);
    bc_msg_t *m = take(&r, BC_MSG_PROPOSAL_VERIFIED);
    assert_non_null(m);
    assert_int_equal(m->number2, 0);
    bc_msg_free(m);
    bc_tx_unref(tx);
    rig_free(&r);
}

/* ---- what no block may have (docs/notes/0023) ---- */

typedef enum { BY_POOL, BY_LEDGER, BY_PEER, WAYS } way_t;

/* The ledger's answer to the question that is open: nothing, or tx. */
static void loaded(rig_t *r, bc_tx_t *tx, bool executed)
{
    bc_msg_t *load = take(r, BC_MSG_LOAD_TXS);
    assert_non_null(load);
    assert_true(load->flag);
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_TXPOOL, BC_MSG_LOADED_TXS);
    m->token = load->token;
    m->txs = bc_txs_new(1);
    m->txs->v[0] = tx ? bc_tx_ref(tx) : NULL;
    m->flag = executed;
    bc_msg_free(load);
    feed(r, m);
}

/* The verdict about a proposal that names tx, which the pool has by that way. */
static bc_msg_t *verdict(rig_t *r, bc_tx_t *tx, int64_t number, way_t way)
{
    if (way == BY_POOL) {
        submit(r, tx, 1, false);
        recover(r, true);
    }
    feed(r, verify_at(tx, number));
    if (way == BY_LEDGER) {
        assert_int_equal(bc_tx_recover(tx), BC_OK);
        loaded(r, tx, false);
    }
    if (way == BY_PEER) {
        loaded(r, NULL, false);
        bc_msg_t *ask = take(r, BC_MSG_REQUEST);
        assert_non_null(ask);
        feed(r, response_of(ask, tx));
        bc_msg_free(ask);
        recover(r, true);
    }
    bc_msg_t *m = take(r, BC_MSG_PROPOSAL_VERIFIED);
    assert_non_null(m);
    return m;
}

static void expect(rig_t *r, bc_tx_t *tx, int64_t number, way_t way, bool possible)
{
    bc_msg_t *m = verdict(r, tx, number, way);
    assert_int_equal(m->flag, !possible);
    assert_int_equal(m->number2, possible ? 0 : 2004);
    assert_true(!m->txs == !possible);
    bc_msg_free(m);
    bc_tx_unref(tx);
}

/* The same verdict for all nodes, whether they hold the transaction or have to fetch it. */
static void a_nonce_is_on_the_chain_once(void **state)
{
    (void)state;
    for (way_t way = 0; way < WAYS; way++) {
        rig_t r = rig_new(0);
        bc_tx_t *a = make(&r, (spec_t){ .nonce = "1" });
        bc_tx_t *b = make(&r, (spec_t){ .nonce = "1", .limit = HEIGHT + 9 });
        expect(&r, make(&r, (spec_t){ .nonce = "2" }), HEIGHT + 1, way, true);
        if (way == BY_POOL) { /* before the other one is in a block */
            submit(&r, b, 1, false);
            recover(&r, true);
        }
        commit(&r, a);
        if (way == BY_POOL) {
            feed(&r, verify_at(b, HEIGHT + 2));
            bc_msg_t *m = take(&r, BC_MSG_PROPOSAL_VERIFIED);
            assert_true(m && m->flag && m->err);
            bc_msg_free(m);
            bc_tx_unref(b);
        } else {
            expect(&r, b, HEIGHT + 2, way, false);
        }
        bc_tx_unref(a);
        rig_free(&r);
    }
}

/* The window of nonces is W blocks for what comes anew, and long enough for every limit that a block
 * may still have. */
static void limits_are_within_what_the_window_knows(void **state)
{
    (void)state;
    const int64_t ahead = BC_MAX(W, 600), number = HEIGHT + 40;
    assert_int_equal(bc_txpool_window(W), ahead + LATE_BLOCKS);
    for (way_t way = BY_LEDGER; way < WAYS; way++) {
        rig_t r = rig_new(0);
        expect(&r, make(&r, (spec_t){ .nonce = "1", .limit = number + ahead }), number, way, true);
        expect(&r, make(&r, (spec_t){ .nonce = "2", .limit = number + ahead + 1 }), number, way, false);
        expect(&r, make(&r, (spec_t){ .nonce = "3", .limit = number - LATE_BLOCKS }), number, way, true);
        expect(&r, make(&r, (spec_t){ .nonce = "4", .limit = number - LATE_BLOCKS - 1 }), number, way,
               false);
        rig_free(&r);
    }
}

static void transactions_of_other_chains_are_in_no_block(void **state)
{
    (void)state;
    for (way_t way = BY_LEDGER; way < WAYS; way++) {
        rig_t r = rig_new(0);
        expect(&r, make(&r, (spec_t){ .nonce = "1", .chain = "c" }), HEIGHT + 1, way, false);
        expect(&r, make(&r, (spec_t){ .nonce = "2", .group = "g" }), HEIGHT + 1, way, false);
        expect(&r, web3_of(&r, 0, 20200), HEIGHT + 1, way, true);
        expect(&r, web3_of(&r, 1, 20201), HEIGHT + 1, way, false);
        rig_free(&r);
    }
}

static void what_has_been_executed_is_not_executed_again(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    bc_tx_t *tx = web3_tx(&r, 7);
    feed(&r, verify_proposal(tx));
    loaded(&r, tx, true);
    bc_msg_t *m = take(&r, BC_MSG_PROPOSAL_VERIFIED);
    assert_true(m && m->flag && m->err);
    assert_null(pool_find(r.pool.self, &tx->hash));
    assert_null(take(&r, BC_MSG_REQUEST));
    bc_msg_free(m);
    bc_tx_unref(tx);
    rig_free(&r);
}

/* A gap may be filled late, by a leader who took the transaction before the higher nonce was in the
 * ledger: all others must find that possible, too. Not the same nonce again, and not long after. */
static void web3_nonces_are_on_the_chain_once(void **state)
{
    (void)state;
    for (way_t way = BY_LEDGER; way < WAYS; way++) {
        rig_t r = rig_new(0);
        bc_tx_t *used = web3_tx(&r, 6);
        assert_int_equal(bc_tx_recover(used), BC_OK);
        commit(&r, used);
        bc_tx_unref(used);
        drop_all(&r);
        expect(&r, web3_tx(&r, 5), HEIGHT + 2, way, true);
        assert_null(take(&r, BC_MSG_PENDING_NONCE)); /* the next one is still 7 */
        expect(&r, web3_tx(&r, 4), HEIGHT + 1 + LATE_BLOCKS, way, true);
        expect(&r, web3_tx(&r, 3), HEIGHT + 2 + LATE_BLOCKS, way, false);
        expect(&r, web3_paying(&r, 6), HEIGHT + 2, way, false);
        expect(&r, web3_tx(&r, 7), HEIGHT + 2, way, true);
        rig_free(&r);
    }
}

/* A sender that the pool has never heard of: what the state says counts. */
static void the_state_tells_of_unknown_senders(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    r.state_nonce = 9;
    expect(&r, web3_tx(&r, 8), HEIGHT + 1, BY_PEER, false);
    expect(&r, web3_tx(&r, 9), HEIGHT + 1, BY_PEER, true);
    rig_free(&r);
}

/* ---- transactions of one hash (docs/notes/0024) ---- */

typedef struct {
    bc_tx_t *here, *theirs; /* in our pool; in the leader's */
    bc_hdr_t *header;       /* of the leader's proposal */
} variants_t;

static variants_t variants_new(rig_t *r)
{
    variants_t v;
    v.here = make(r, (spec_t){ .nonce = "1" });
    v.theirs = make(r, (spec_t){ .nonce = "10", .to = "102030405060708090a0b0c0d0e0f1011121314i", .input = "n" });
    assert_memory_equal(v.here->hash.b, v.theirs->hash.b, 32);
    bc_txs_t *txs = bc_txs_new(1);
    txs->v[0] = bc_tx_ref(v.theirs);
    bc_h256_t bounds;
    bc_txs_bounds(txs, BC_SUITE_STANDARD, &bounds);
    bc_txs_unref(txs);
    bc_header_t h = { .data.number = HEIGHT + 1, .data.receipts_root = BC_VIEW(bounds) };
    v.header = bc_hdr_new(BC_SUITE_STANDARD, &h);
    submit(r, v.here, 5, true);
    recover(r, true);
    return v;
}

static void variants_free(variants_t *v)
{
    bc_tx_unref(v->here);
    bc_tx_unref(v->theirs);
    bc_hdr_unref(v->header);
}

static void propose(rig_t *r, const variants_t *v)
{
    bc_msg_t *m = verify_proposal(v->here);
    m->header = bc_hdr_ref(v->header);
    feed(r, m);
}

/* The generator gives tx. */
static bc_msg_t *given(rig_t *r, const bc_tx_t *tx)
{
    bc_msg_t *ask = take(r, BC_MSG_REQUEST);
    assert_non_null(ask);
    feed(r, response_of(ask, tx));
    bc_msg_free(ask);
    recover(r, true);
    assert_null(take(r, BC_MSG_REQUEST));
    bc_msg_t *m = take(r, BC_MSG_PROPOSAL_VERIFIED);
    assert_non_null(m);
    return m;
}

/* The hash does not tell where the fields end: all execute the leader's, and keep that. */
static void the_leaders_fields_count(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    variants_t v = variants_new(&r);
    bc_metas_t *mine = fetch(&r, 10); /* as if it had been sealed and stored before */
    feed(&r, verify_proposal(v.here));
    bc_msg_t *m = take(&r, BC_MSG_PROPOSAL_VERIFIED); /* an official leader: as it is here */
    assert_true(m && !m->number2);
    assert_true(bc_bytes_eq(m->txs->v[0]->w.data.nonce, BC_STR("1")));
    bc_msg_free(m);
    drop_all(&r);
    atomic_store(&v.here->stored, true);
    propose(&r, &v);
    m = given(&r, v.theirs);
    assert_int_equal(m->number2, 0);
    assert_false(atomic_load(&v.here->stored)); /* its row is the other one's now */
    assert_true(bc_bytes_eq(m->txs->v[0]->w.data.nonce, BC_STR("10")));
    bc_msg_free(m);
    m = take(&r, BC_MSG_PRESTORE);
    assert_non_null(m);
    assert_true(bc_bytes_eq(m->txs->v[0]->w.data.nonce, BC_STR("10")));
    bc_msg_free(m);
    assert_int_equal(offer(&r, make(&r, (spec_t){ .nonce = "10" })), BC_TXS_NONCE_CHECK_FAIL);
    assert_int_equal(offer(&r, make(&r, (spec_t){ .nonce = "1", .limit = HEIGHT + 9 })), BC_TXS_NONE);
    commit(&r, v.theirs);
    m = take(&r, BC_MSG_SUBMIT_DONE);
    assert_true(m && m->token == 5 && m->committed);
    bc_msg_free(m);
    bc_metas_unref(mine);
    variants_free(&v);
    rig_free(&r);
}

/* What takes another one's place is sealed as that was, under its own nonce. */
static void another_division_is_another_nonce(void **state)
{
    (void)state;
    for (int rival = 0; rival < 2; rival++) { /* of theirs; of what was here */
        rig_t r = rig_new(0);
        bc_tx_t *other = make(&r, (spec_t){ .nonce = rival ? "1" : "10", .limit = HEIGHT + 9 });
        if (!rival)
            assert_int_equal(offer(&r, bc_tx_ref(other)), BC_TXS_NONE);
        variants_t v = variants_new(&r);
        bc_metas_t *one = bc_metas_new(1);
        one->v[0].hash = v.here->hash;
        bc_h256_t hash = { { 0 } };
        about(&r, BC_MSG_MARK_SEALED, one, HEIGHT + 1, 0);
        propose(&r, &v);
        bc_msg_t *m = given(&r, v.theirs);
        assert_int_equal(m->number2, 0);
        bc_msg_free(m);
        if (rival)
            assert_int_equal(offer(&r, bc_tx_ref(other)), BC_TXS_NONE);
        bc_metas_t *got = fetch(&r, 10);
        assert_int_equal(got->cnt, rival);
        bc_metas_unref(got);
        about(&r, BC_MSG_UNSEAL, one, HEIGHT + 1, 0);
        got = fetch(&r, 10);
        assert_int_equal(got->cnt, 1);
        bc_metas_unref(got);
        pool_t *p = r.pool.self;
        assert_int_equal(p->bytes, other->raw->n + v.theirs->raw->n);
        pool_drop(p, pool_find(p, &v.here->hash), BC_TXS_NONE);
        assert_int_equal(p->bytes, other->raw->n);
        assert_non_null(pool_enforce(p, other, -1, &hash));
        assert_int_equal(p->pool_nonces.cnt, 1);
        bc_metas_unref(one);
        bc_tx_unref(other);
        variants_free(&v);
        rig_free(&r);
    }
}

/* A leader whose words do not fit together is believed by nobody, and asked once. */
static void a_leader_must_have_what_it_means(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    variants_t v = variants_new(&r);
    propose(&r, &v);
    bc_msg_t *m = given(&r, v.here);
    assert_int_equal(m->number2, 2001);
    assert_false(m->flag); /* another one may show it */
    bc_msg_free(m);
    bc_msg_t *own = verify_proposal(v.here);
    own->header = bc_hdr_ref(v.header);
    own->node = r.key.pub;
    feed(&r, own);
    m = take(&r, BC_MSG_PROPOSAL_VERIFIED);
    assert_true(m && m->err && !m->flag);
    bc_msg_free(m);
    variants_free(&v);
    rig_free(&r);
}

/* What was fetched because it was missing may be divided in another way, too. */
static void a_leader_is_asked_for_all_once_more(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    variants_t v = variants_new(&r);
    commit_at(&r, v.here, HEIGHT - 200); /* ours has left the pool */
    drop_all(&r);
    propose(&r, &v);
    loaded(&r, NULL, false);
    bc_msg_t *ask = take(&r, BC_MSG_REQUEST);
    assert_non_null(ask);
    feed(&r, response_of(ask, v.here));
    bc_msg_free(ask);
    recover(&r, true);
    bc_msg_t *m = given(&r, v.theirs);
    assert_int_equal(m->number2, 0);
    bc_msg_free(m);
    variants_free(&v);
    rig_free(&r);
}

/* Ours could be in no block any more: that says nothing about the leader's. */
static void a_verdict_is_about_the_leaders_transactions(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    variants_t v = variants_new(&r);
    bc_tx_t *used = make(&r, (spec_t){ .nonce = "1", .limit = HEIGHT + 9 });
    commit_at(&r, used, HEIGHT);
    propose(&r, &v);
    bc_msg_t *m = given(&r, v.theirs);
    assert_int_equal(m->number2, 0);
    bc_msg_free(m);
    bc_tx_unref(used);
    variants_free(&v);
    rig_free(&r);
}

/* ---- the own sealer ---- */

/* It has taken b; a block brings a of the same nonce: it is told before it proposes. */
static void what_became_impossible_is_taken_back_from_the_sealer(void **state)
{
    (void)state;
    rig_t r = rig_new(0);
    bc_tx_t *a = make(&r, (spec_t){ .nonce = "1" });
    bc_tx_t *b = make(&r, (spec_t){ .nonce = "1", .limit = HEIGHT + 9 });
    bc_tx_t *c = make(&r, (spec_t){ .nonce = "2" });
    submit(&r, b, 5, true);
    recover(&r, true);
    assert_int_equal(offer(&r, bc_tx_ref(c)), BC_TXS_NONE);
    bc_metas_unref(fetch(&r, 10));
    commit(&r, a);
    bc_msg_t *m = take(&r, BC_MSG_WITHDRAW);
    assert_non_null(m);
    assert_int_equal(m->metas->cnt, 1);
    assert_memory_equal(m->metas->v[0].hash.b, b->hash.b, 32);
    bc_msg_free(m);
    m = take(&r, BC_MSG_SUBMIT_DONE);
    assert_true(m && m->token == 5 && m->number == BC_TXS_NONCE_CHECK_FAIL);
    bc_msg_free(m);
    commit_at(&r, c, HEIGHT + 2); /* nothing is left that minds */
    assert_null(take(&r, BC_MSG_WITHDRAW));
    bc_txpool_stats_t st;
    bc_txpool_stats(r.pool, &st);
    assert_int_equal(st.txs, 0);
    bc_tx_unref(a);
    bc_tx_unref(b);
    bc_tx_unref(c);
    rig_free(&r);
}

/* a came with another leader's proposal: b, of the same nonce, waits for how that ends. */
static void a_rival_of_what_is_sealed_is_not_sealed(void **state)
{
    (void)state;
    for (int web3 = 0; web3 < 2; web3++) {
        rig_t r = rig_new(0);
        bc_tx_t *a = web3 ? web3_tx(&r, 0) : make(&r, (spec_t){ .nonce = "1" });
        bc_tx_t *b = web3 ? web3_paying(&r, 0) : make(&r, (spec_t){ .nonce = "1", .limit = HEIGHT + 9 });
        assert_int_equal(offer(&r, bc_tx_ref(b)), BC_TXS_NONE);
        bc_msg_t *m = verdict(&r, a, HEIGHT + 1, BY_PEER);
        assert_int_equal(m->number2, 0);
        bc_metas_t *none = fetch(&r, 10);
        assert_int_equal(none->cnt, 0);
        bc_metas_unref(none);
        bc_metas_t *named = bc_metas_new(1);
        named->v[0].hash = a->hash;
        about(&r, BC_MSG_UNSEAL, named, HEIGHT + 1, 0);
        bc_metas_t *one = fetch(&r, 10);
        assert_int_equal(one->cnt, 1); /* one of the two */
        bc_metas_unref(one);
        bc_metas_unref(named);
        bc_msg_free(m);
        bc_tx_unref(a);
        bc_tx_unref(b);
        rig_free(&r);
    }
}

int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_transaction_is_fetched_from_the_generator),
        cmocka_unit_test(a_proposal_waits_for_its_transaction_under_verification),
        cmocka_unit_test(a_nonce_is_on_the_chain_once),
        cmocka_unit_test(limits_are_within_what_the_window_knows),
        cmocka_unit_test(transactions_of_other_chains_are_in_no_block),
        cmocka_unit_test(what_has_been_executed_is_not_executed_again),
        cmocka_unit_test(web3_nonces_are_on_the_chain_once),
        cmocka_unit_test(the_state_tells_of_unknown_senders),
        cmocka_unit_test(the_leaders_fields_count),
        cmocka_unit_test(another_division_is_another_nonce),
        cmocka_unit_test(a_leader_must_have_what_it_means),
        cmocka_unit_test(a_leader_is_asked_for_all_once_more),
        cmocka_unit_test(a_verdict_is_about_the_leaders_transactions),
        cmocka_unit_test(what_became_impossible_is_taken_back_from_the_sealer),
        cmocka_unit_test(a_rival_of_what_is_sealed_is_not_sealed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
