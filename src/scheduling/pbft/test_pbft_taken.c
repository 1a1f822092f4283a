/* Blocks that exclude each other, and what goes of a height with a block that is void (notes 0021
 * and 0023). */
#include "scheduling/pbft/test_rig.h"

#define WITHOUT_3 0x7u

/* As the pool has it: a nonce of type 0 is one of the whole chain, and none that the chain has seen
 * anywhere; one of Web3 is its account's. */
static void blocks_that_exclude_each_other(void **state)
{
    (void)state;
    static const struct {
        uint8_t lower;
        const char *lower_nonce;
        uint8_t upper;
        const char *upper_nonce;
        bool meet;
    } cases[] = {
        { 0, "7", 0, "7", true },
        { 0, "7", 0, "8", false },
        { 1, "0x7", 1, "0x7", true },
        { 1, "0x7", 1, "0x8", false },
        { 1, "0x7", 2, "0x7", false },
        { 1, "0x7", 0, "0x7", true },
        { 0, "0x7", 1, "0x7", false },
        { 1, "0x7", 0, "7", false },
        { 1, "0x10000000000000000", 1, "0x10000000000000000", false }, /* the pool refuses it */
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++) {
        prop_t *lower = block_of(4, cases[i].lower, cases[i].lower_nonce);
        prop_t *upper = block_of(5, cases[i].upper, cases[i].upper_nonce);
        assert_int_equal(prop_meets(lower, upper), cases[i].meet);
        assert_int_equal(prop_meets(upper, lower), cases[i].meet); /* by their heights */
        prop_unref(lower);
        prop_unref(upper);
    }
}

/* By hash, until the transactions have come, and with their nonces then: once for each side. */
static void what_is_compared_before_the_transactions_have_come(void **state)
{
    (void)state;
    prop_t *a = proposal(4, 2, 3, 1, false), *other = proposal(5, 2, 3, 2, false);
    prop_t *same = same_txs(a, 5, 2, false), *rivals = same_txs(a, 5, 2, true);
    assert_false(prop_meets(a, a));
    assert_false(prop_meets(a, other));
    assert_true(prop_meets(a, same) && prop_meets(same, a));
    assert_false(prop_meets(a, rivals));
    a->txs = pool_txs(a->metas);
    assert_true(prop_meets(a, same));
    assert_false(prop_meets(a, rivals));
    rivals->txs = pool_txs(rivals->metas);
    assert_true(prop_meets(a, rivals));
    assert_false(prop_meets(a, other));
    /* in whatever order */
    prop_t *mixed = proposal(5, 2, 3, 2, false), *twins = proposal(1, 2, 3, 4, false);
    mixed->metas->v[2].hash = other->metas->v[0].hash;
    mixed->metas->v[0].hash = a->metas->v[0].hash;
    pbft_claims_free(&mixed->claims); /* as if not looked at yet */
    assert_true(prop_meets(a, mixed));
    twins->metas->v[2].hash = twins->metas->v[0].hash;
    pbft_claims_free(&twins->claims);
    pbft_t p = { .suite = BC_SUITE_STANDARD };
    assert_true(prop_taken(&p, twins));
    /* nothing is known but the hash */
    bc_metas_unref(twins->metas);
    twins->metas = NULL;
    pbft_claims_free(&twins->claims);
    assert_false(prop_taken(&p, twins));
    assert_false(prop_meets(a, twins));
    prop_unref(mixed);
    prop_unref(twins);
    prop_unref(a);
    prop_unref(other);
    prop_unref(same);
    prop_unref(rivals);
}

/* At hand or not, and though its nonce cannot be read: it is the same transaction. */
static void a_transaction_meets_itself(void **state)
{
    (void)state;
    static const char *const nonces[] = { "0x7", "0x10000000000000000" };
    for (size_t i = 0; i < BC_ARRAY_LEN(nonces); i++) {
        prop_t *lower = block_of(4, 1, nonces[i]), *upper = block_of(5, 2, "0x9");
        assert_false(prop_meets(lower, upper));
        bc_h256_t *hash = &upper->txs->v[0]->hash;
        *hash = lower->txs->v[0]->hash;
        upper->claims.whole = false; /* as if not looked at yet */
        assert_true(prop_meets(lower, upper));
        prop_unref(lower);
        prop_unref(upper);
    }
}

/* Two of type 0 with one nonce, two of an account with one; the text of an account's is none of
 * these. */
static void nonces_within_a_block(void **state)
{
    (void)state;
    static const struct {
        uint8_t sender[2];
        const char *nonce[2];
        bool twins;
    } cases[] = {
        { { 0, 0 }, { "7", "7" }, true },      { { 0, 0 }, { "7", "8" }, false },
        { { 1, 1 }, { "0x7", "0x7" }, true },  { { 1, 1 }, { "0x7", "0x8" }, false },
        { { 1, 2 }, { "0x7", "0x7" }, false }, { { 0, 1 }, { "0x7", "0x7" }, false },
    };
    pbft_t p = { .suite = BC_SUITE_STANDARD };
    for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++) {
        prop_t *q = proposal(1, 2, 2, 1, false), *part[2];
        q->txs = bc_txs_new(2);
        for (int k = 0; k < 2; k++) {
            part[k] = block_of(1, cases[i].sender[k], cases[i].nonce[k]);
            q->txs->v[k] = bc_tx_ref(part[k]->txs->v[0]);
        }
        assert_int_equal(prop_taken(&p, q), cases[i].twins);
        prop_unref(part[0]);
        prop_unref(part[1]);
        prop_unref(q);
    }
}

/* Large blocks in whatever order: one transaction in common is found, and one account's nonce that
 * the block above uses as a text. */
static void one_in_common_is_found_wherever_it_is(void **state)
{
    (void)state;
    enum { CNT = 5 };
    for (int at = -1; at < CNT * CNT; at++) {
        for (int texts = 0; texts < 2; texts++) {
            prop_t *q[2] = { proposal(4, 2, CNT, 1, false), proposal(5, 2, CNT, 2, false) };
            for (int k = 0; k < 2; k++) {
                q[k]->txs = bc_txs_new(CNT);
                for (int i = 0; i < CNT; i++) {
                    char nonce[16];
                    bool common = at >= 0 && i == (k ? at / CNT : at % CNT);
                    snprintf(nonce, sizeof nonce, "0x%d", common ? 99 : 10 * k + (i * 3) % CNT);
                    prop_t *one = block_of(4 + k, texts && !k, nonce);
                    q[k]->txs->v[i] = bc_tx_ref(one->txs->v[0]);
                    prop_unref(one);
                }
            }
            assert_int_equal(prop_meets(q[0], q[1]), at >= 0);
            prop_unref(q[0]);
            prop_unref(q[1]);
        }
    }
}

static void note_done(pbft_t *p, const prop_t *q)
{
    bc_txs_t *txs = pool_txs(q->metas);
    pbft_note_done(p, txs);
    bc_txs_unref(txs);
}

/* The newest blocks, whether a block is looked at after each of them, or late, or for the first
 * time. */
static void the_newest_blocks_are_remembered(void **state)
{
    (void)state;
    pbft_t p = { .suite = BC_SUITE_STANDARD, .slot_max = 0 };
    prop_t *done[2 * PBFT_DONE_BLOCKS + 1], *often = proposal(1, 2, 1, 99, false);
    for (size_t n = 0; n < BC_ARRAY_LEN(done); n++) {
        done[n] = proposal(1, 2, 2, (int)n + 1, false);
        done[n]->metas->v[0].hash.b[1] = done[n]->metas->v[1].hash.b[1] = (uint8_t)n;
        prop_t *late = same_txs(done[n], 1, 2, false);
        assert_false(prop_taken(&p, often));
        assert_false(prop_taken(&p, late));
        note_done(&p, done[n]);
        assert_false(prop_taken(&p, often));
        assert_true(prop_taken(&p, late));
        assert_true(prop_taken(&p, late)); /* that does not wear off */
        prop_unref(late);
        for (size_t i = 0; i <= n; i++) {
            prop_t *q = same_txs(done[i], 1, 2, false);
            assert_int_equal(prop_taken(&p, q), i + PBFT_DONE_BLOCKS > n);
            prop_unref(q);
        }
    }
    for (size_t n = 0; n < BC_ARRAY_LEN(done); n++)
        prop_unref(done[n]);
    prop_unref(often);
    for (size_t i = 0; i < PBFT_DONE_BLOCKS; i++)
        pbft_claims_free(&p.done[i]);
}

/* What a block was found clear of by hash is looked at again when its nonces are known. */
static void nonces_that_come_late_are_compared_with_all(void **state)
{
    (void)state;
    pbft_t p = { .suite = BC_SUITE_STANDARD };
    prop_t *done = proposal(1, 2, 2, 1, false), *next = proposal(1, 2, 2, 2, false);
    prop_t *q = same_txs(done, 1, 2, true);
    note_done(&p, done);
    note_done(&p, next);
    assert_false(prop_taken(&p, q));
    q->txs = pool_txs(q->metas);
    assert_true(prop_taken(&p, q));
    prop_unref(done);
    prop_unref(next);
    prop_unref(q);
    for (size_t i = 0; i < PBFT_DONE_BLOCKS; i++)
        pbft_claims_free(&p.done[i]);
}

/* ---- by hand: what one height knows ---- */

static rig_t *rig_at(pbft_t **p, bc_out_t *out)
{
    rig_t *r = calloc(1, sizeof *r);
    rig_init(r, 0);
    enter_view(r, 1);
    *p = r->engine.self;
    (*p)->out = out;
    return r;
}

static void say(rig_t *r, bc_out_t *out)
{
    while (out->head) {
        bc_msg_t *o = out->head;
        out->head = o->next;
        o->next = NULL;
        on_out(r, o);
        bc_msg_free(o);
    }
    *out = (bc_out_t){ .from = BC_ACTOR_PBFT };
}

/* A block that is decided takes from those above it, not from its own height, nor from what is
 * below; and what came by log sync takes nothing yet. */
static void a_decided_block_takes_from_above(void **state)
{
    (void)state;
    bc_out_t out = { .from = BC_ACTOR_PBFT };
    pbft_t *p;
    rig_t *r = rig_at(&p, &out);
    for (int64_t at = 1; at < 5; at++) {
        slot_t *s = pbft_slot_make(p, at);
        s->dec = proposal(at, 2, 1, 1, false);
        for (int64_t i = 1; i < 7; i++) {
            prop_t *q = same_txs(s->dec, i, 1, false);
            s->synced = false;
            assert_int_equal(prop_taken(p, q), i > at);
            assert_int_equal(prop_void(p, q), i > at);
            s->synced = true;
            assert_false(prop_taken(p, q));
            prop_unref(q);
        }
        prop_unref(s->dec);
        s->dec = NULL;
    }
    rig_end(r);
}

static void the_newest_impossible_blocks_of_a_height_are_remembered(void **state)
{
    (void)state;
    bc_out_t out = { .from = BC_ACTOR_PBFT };
    pbft_t *p;
    rig_t *r = rig_at(&p, &out);
    slot_t *s = pbft_slot_make(p, 2);
    pbft_slot_make(p, 3);
    for (uint8_t n = 0; n < 3 * PBFT_IMPOSSIBLE; n++) {
        bc_h256_t hash = { { 0 } }; /* as an empty place of the ring */
        hash.b[0] = n;
        assert_false(pbft_impossible(p, 2, &hash));
        pbft_note_impossible(s, &hash);
        for (uint8_t i = 0; i <= n; i++) {
            hash.b[0] = i;
            assert_int_equal(pbft_impossible(p, 2, &hash), i + PBFT_IMPOSSIBLE > n);
            assert_false(pbft_impossible(p, 1, &hash));
            assert_false(pbft_impossible(p, 3, &hash));
        }
    }
    rig_end(r);
}

/* Only what is void goes, and with it what belongs to it: a precommit's proof and record, the
 * execution of what was decided, and what log sync said. */
static void of_a_height_only_what_is_void_is_given_up(void **state)
{
    (void)state;
    enum { PRE, PC, DEC, FAILED, ALL };
    for (int gone = -1; gone <= ALL; gone++) { /* one of them; all are the same block */
        bc_out_t out = { .from = BC_ACTOR_PBFT };
        pbft_t *p;
        rig_t *r = rig_at(&p, &out);
        slot_t *s = pbft_slot_make(p, 2), *above = pbft_slot_make(p, 3);
        prop_t **at[ALL] = { &s->pre, &s->pc, &s->dec, &s->failed };
        for (int i = 0; i < ALL; i++)
            *at[i] = proposal(2, 3, 1, gone == ALL ? 7 : i + 1, false);
        votes_add(&s->proof, 1, 1, &s->pc->hash, (bc_bytes_t){ 0 });
        bc_buf_t *row = bc_buf_copy(BC_STR("x"));
        row_put(r, "cbcosVote:c2", row);
        bc_buf_unref(row);
        s->synced = true;
        s->exec = bc_hdr_ref(s->dec->header);
        above->exec = bc_hdr_ref(s->dec->header);
        p->expected = 4;
        if (gone >= 0) {
            bc_h256_t hash = gone < ALL ? (*at[gone])->hash : s->pre->hash;
            pbft_note_impossible(s, &hash);
        }
        r->unsealed = 0;
        pbft_give_up(p, s);
        say(r, &out);
        assert_int_equal(r->unsealed, gone < 0 ? 0 : gone < ALL ? 1 : ALL);
        for (int i = 0; i < ALL; i++)
            assert_int_equal(!*at[i], gone == i || gone == ALL);
        bool pc = gone == PC || gone == ALL, dec = gone == DEC || gone == ALL;
        assert_int_equal(s->proof.cnt, pc ? 0 : 1);
        assert_int_equal(has_row(r, "cbcosVote:c2"), !pc);
        assert_int_equal(s->synced, !dec);
        assert_int_equal(!s->exec, dec);
        assert_int_equal(!above->exec, dec);
        assert_int_equal(p->expected, dec ? 2 : 4);
        assert_int_equal(s->impossible_cnt, gone >= 0);
        rig_end(r);
    }
}

/* What one copy shows holds for the others, whose transactions are not at hand. */
static void copies_of_a_block_are_void_together(void **state)
{
    (void)state;
    for (int shows = 0; shows < 2; shows++) {
        bc_out_t out = { .from = BC_ACTOR_PBFT };
        pbft_t *p;
        rig_t *r = rig_at(&p, &out);
        slot_t *s = pbft_slot_make(p, 2);
        prop_t *done = proposal(1, 2, 1, 1, false);
        note_done(p, done);
        s->pre = same_txs(done, 2, 3, true);
        s->failed = same_txs(done, 2, 3, true);
        s->dec = proposal(2, 3, 1, 5, false);
        if (shows)
            s->failed->txs = pool_txs(s->failed->metas);
        pbft_give_up_void(p);
        for (const bc_msg_t *m = out.head; m; m = m->next)
            assert_true(m->kind != BC_MSG_PERSIST); /* there is no record */
        say(r, &out);
        assert_int_equal(!s->pre, shows);
        assert_int_equal(!s->failed, shows);
        assert_non_null(s->dec);
        assert_int_equal(s->impossible_cnt, shows); /* once */
        prop_unref(done);
        rig_end(r);
    }
}

/* The height does not wait for the verdict about a block that is void; nor forgets another one. */
static void the_verification_of_a_void_block_is_forgotten(void **state)
{
    (void)state;
    static const struct {
        uint64_t token;
        bool is_void, forgotten;
    } cases[] = { { 5, true, true }, { 5, false, false }, { 6, true, false } };
    for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++) {
        bc_out_t out = { .from = BC_ACTOR_PBFT };
        pbft_t *p;
        rig_t *r = rig_at(&p, &out);
        slot_t *s = pbft_slot_make(p, 2);
        prop_t *q = proposal(2, 3, 1, 1, false);
        verify_t older = { .token = cases[i].token, .prop = q },
                 newer = { &older, .token = 4, .prop = q };
        s->verify = 5;
        if (cases[i].is_void)
            pbft_note_impossible(s, &q->hash);
        p->verifies = &newer;
        pbft_give_up_void(p);
        p->verifies = NULL;
        assert_int_equal(s->verify, cases[i].forgotten ? 0 : 5);
        prop_unref(q);
        rig_end(r);
    }
}

/* Of the height after the ledger the header must be right; above it the list of sealers may change.
 */
static void a_header_makes_void_where_its_list_is_in_force(void **state)
{
    (void)state;
    bc_out_t out = { .from = BC_ACTOR_PBFT };
    pbft_t *p;
    rig_t *r = rig_at(&p, &out);
    for (int64_t i = 1; i < 3; i++) {
        prop_t *good = proposal(i, 2, 1, 1, false);
        prop_t *old = proposal_with(i, 2, 1, 1, false, WITHOUT_3, ROOT_NONE, 1);
        assert_false(prop_void(p, good));
        assert_int_equal(prop_void(p, old), i == 1);
        prop_unref(good);
        prop_unref(old);
    }
    rig_end(r);
}

/* A leader's own block has what the ledger has: its other transactions go back with the view. */
static void an_own_block_that_is_taken_gives_back(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 2); /* leads height 1 in view 1 */
    enter_view(&r, 1);
    prop_t *q = proposal(1, 2, 2, 1, false);
    bc_txs_t *txs = pool_txs(q->metas);
    pbft_note_done(r.engine.self, txs);
    bc_txs_unref(txs);
    bc_msg_t *m = bc_msg_new(BC_ACTOR_SEALER, BC_ACTOR_PBFT, BC_MSG_PROPOSE);
    m->header = bc_hdr_ref(q->header);
    m->metas = bc_metas_ref(q->metas);
    feed(&r, m);
    assert_int_equal(count(&r, PBFT_PREPARE), 0);
    assert_int_equal(r.unsealed, 0);
    pool_size(&r, 1);
    feed_timer(&r, TIMER_VIEW, 9000);
    enter_view(&r, 2);
    assert_int_equal(r.unsealed, 1);
    prop_unref(q);
    rig_free(&r);
}

int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_own_block_that_is_taken_gives_back),
        cmocka_unit_test(blocks_that_exclude_each_other),
        cmocka_unit_test(what_is_compared_before_the_transactions_have_come),
        cmocka_unit_test(a_transaction_meets_itself),
        cmocka_unit_test(nonces_within_a_block),
        cmocka_unit_test(one_in_common_is_found_wherever_it_is),
        cmocka_unit_test(the_newest_blocks_are_remembered),
        cmocka_unit_test(nonces_that_come_late_are_compared_with_all),
        cmocka_unit_test(a_decided_block_takes_from_above),
        cmocka_unit_test(the_newest_impossible_blocks_of_a_height_are_remembered),
        cmocka_unit_test(of_a_height_only_what_is_void_is_given_up),
        cmocka_unit_test(copies_of_a_block_are_void_together),
        cmocka_unit_test(the_verification_of_a_void_block_is_forgotten),
        cmocka_unit_test(a_header_makes_void_where_its_list_is_in_force),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
