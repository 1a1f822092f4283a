/* One engine and its pool and sealer: which transactions go back when, whose rotation is due, when is its
 * turn. */
#include "codec/hex.h"
#include "scheduling/pbft/test_rig.h"

static rig_t *rig_of(int self, int64_t view)
{
    rig_t *r = rig_in(self, view);
    r->unsealed = 0;
    return r;
}

static void given_back(rig_t *r, const prop_t *q)
{
    assert_int_equal(r->unsealed, q != NULL);
    if (q)
        assert_memory_equal(&r->unsealed_hash, &q->hash, sizeof q->hash);
    r->unsealed = 0;
}

/* A proposal that its view did not bring through; not one that this node is bound to. */
static void a_new_view_gives_back(void **state)
{
    (void)state;
    for (int bound = 0; bound < 2; bound++) {
        rig_t *r = rig_of(0, 1);
        prop_t *q = proposal(1, 2, 1, 1, false);
        propose(r, 2, 1, q);
        if (bound)
            two_vote(r, PBFT_PREPARE, 1, 1, &q->hash);
        time_out(r);
        given_back(r, NULL); /* the view may be gone back to */
        enter_view(r, 2);
        given_back(r, bound ? NULL : q);
        enter_view(r, 3);
        given_back(r, NULL); /* once */
        prop_unref(q);
        rig_end(r);
    }
}

static void verified(rig_t *r, uint64_t token, bc_err_t err)
{
    bc_msg_t *m = bc_msg_new(BC_ACTOR_TXPOOL, BC_ACTOR_PBFT, BC_MSG_PROPOSAL_VERIFIED);
    m->token = token;
    m->err = err;
    m->txs = err ? NULL : bc_txs_new(0);
    feed(r, m);
}

/* One that could not be verified here may have been by others: its transactions wait for the next view.
 * An answer that comes after the view gives them back at once. */
static void failed_and_late_verifications_give_back(void **state)
{
    (void)state;
    for (int late = 0; late < 2; late++) {
        for (int err = 0; err < 2; err++) {
            rig_t *r = rig_of(0, 1);
            prop_t *q = proposal(1, 2, 1, 1, false);
            r->verify_ok = false;
            propose(r, 2, 1, q);
            assert_int_equal(r->verified, 1);
            if (!late) {
                verified(r, r->verify_token, err ? BC_E_NOT_FOUND : BC_OK);
                assert_int_equal(count(r, PBFT_PREPARE), !err);
                given_back(r, NULL);
            }
            time_out(r);
            enter_view(r, 2);
            if (late) {
                given_back(r, NULL);
                verified(r, r->verify_token, err ? BC_E_NOT_FOUND : BC_OK);
                assert_int_equal(count(r, PBFT_PREPARE), 0);
            }
            given_back(r, q);
            prop_unref(q);
            rig_end(r);
        }
    }
}

/* Of two that fail in one view the first one's transactions do not stay marked. */
static void a_second_failure_gives_the_first_back(void **state)
{
    (void)state;
    rig_t *r = rig_of(0, 1);
    prop_t *q = proposal(1, 2, 1, 1, false), *again = proposal(1, 2, 1, 2, false);
    r->verify_ok = false;
    propose(r, 2, 1, q);
    verified(r, r->verify_token, BC_E_NOT_FOUND);
    given_back(r, NULL);
    propose(r, 2, 1, again);
    assert_int_equal(r->verified, 2);
    verified(r, r->verify_token, BC_E_NOT_FOUND);
    given_back(r, q);
    r->unsealed = 0;
    time_out(r);
    enter_view(r, 2);
    given_back(r, again);
    prop_unref(q);
    prop_unref(again);
    rig_end(r);
}

static void written(rig_t *r, int64_t number, const bc_h256_t *hash)
{
    bc_msg_t *c = bc_msg_new(BC_ACTOR_SCHEDULER, BC_ACTOR_PBFT, BC_MSG_COMMITTED);
    c->number = number;
    c->config = config(r, number, hash);
    feed(r, c);
}

/* The block that is written ends its height: what lost there goes back, what won does not. */
static void a_written_block_gives_the_others_back(void **state)
{
    (void)state;
    for (int ours = 0; ours < 2; ours++) {
        rig_t *r = rig_of(0, 1);
        const bc_h256_t other = { { 9 } };
        prop_t *q = proposal(1, 2, 1, 1, false);
        propose(r, 2, 1, q);
        two_vote(r, PBFT_PREPARE, 1, 1, &q->hash);
        two_vote(r, PBFT_COMMIT, 1, 1, &q->hash);
        written(r, 1, ours ? &last(r, PBFT_CHECKPOINT)->hash : &other);
        given_back(r, ours ? NULL : q);
        prop_unref(q);
        rig_end(r);
    }
    rig_t *r = rig_of(0, 1); /* its verification ends after the height */
    prop_t *q = proposal(1, 2, 1, 1, false);
    r->verify_ok = false;
    propose(r, 2, 1, q);
    written(r, 1, &(bc_h256_t){ { 9 } });
    r->unsealed = 0;
    verified(r, r->verify_token, BC_OK);
    given_back(r, q);
    prop_unref(q);
    rig_end(r);
}

/* Who is taken off the list holds nothing: of the height that is written, of the next one, whose header names
 * the old list, and of those above. */
static void who_leaves_gives_back(void **state)
{
    (void)state;
    rig_t *r = rig_of(1, 1);
    prop_t *q[3];
    for (int i = 0; i < 3; i++) {
        q[i] = proposal(i + 1, (i + 2) % NODES, 1, 1, false);
        propose(r, (i + 2) % NODES, 1, q[i]);
    }
    assert_int_equal(count(r, PBFT_PREPARE), 3);
    r->sealers = 0xd;
    written(r, 1, &(bc_h256_t){ { 9 } });
    assert_int_equal(r->unsealed, 3);
    assert_memory_equal(&r->unsealed_hash, &q[2]->hash, sizeof q[2]->hash);
    assert_int_equal(status(r).index, -1);
    assert_int_equal(r->sealed_from, -1);
    prop_t *b = proposal_with(2, 2, 1, 2, false, 0xd, ROOT_NONE, 2);
    propose_at(r, 3, 2, 1, b);
    assert_int_equal(count(r, PBFT_PREPARE), 3); /* and votes no more */
    for (int i = 0; i < 3; i++)
        prop_unref(q[i]);
    prop_unref(b);
    rig_end(r);
}

/* ---- rotation (spec/30 §4) ---- */

static prop_t *rotating(const rig_t *r, int who, const char *to, size_t at, size_t cnt)
{
    bc_header_t h = { .data.version = 0x03100000, .data.number = 1, .data.sealer = 2,
                      .data.timestamp = 1700000000000 };
    bc_keypair_t keys[NODES];
    bc_bytes_t ids[NODES];
    bc_addr_t addr;
    name_sealers(&h, keys, ids, ALL_NODES);
    bc_metas_t *metas = bc_metas_new(cnt);
    for (size_t i = 0; i < cnt; i++)
        metas->v[i].hash.b[0] = (uint8_t)(i + 1);
    if (cnt) {
        bc_address(BC_SUITE_STANDARD, &r->keys[who].pub, &addr);
        bc_hex_put(BC_VIEW(addr), metas->v[at].source);
        snprintf(metas->v[at].to, sizeof metas->v[at].to, "%s", to);
    }
    bc_hdr_t *hdr = bc_hdr_new(BC_SUITE_STANDARD, &h);
    prop_t *q = prop_from_sealer(NULL, hdr, metas, true);
    bc_hdr_unref(hdr);
    bc_metas_unref(metas);
    return q;
}

/* First in the block, of the leader, and to the contract that does it. */
static void the_leader_rotates_first(void **state)
{
    (void)state;
    static const char evm[] = "0000000000000000000000000000000000001003", wasm[] = "/sys/consensus";
    static const struct {
        int who;
        const char *to;
        size_t at, cnt;
        bool ok;
    } cases[] = { { 2, evm, 0, 2, true },  { 2, wasm, 0, 1, true },  { 1, evm, 0, 2, false },
                  { 2, evm, 1, 2, false }, { 2, "/sys/consensu", 0, 2, false },
                  { 2, "0000000000000000000000000000000000001000", 0, 2, false },
                  { 2, evm, 0, 0, false } };
    for (int due = 0; due < 2; due++) {
        for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++) {
            rig_t *r = calloc(1, sizeof *r);
            rig_init(r, 0);
            r->rotates = due;
            restart(r, 0, NULL);
            enter_view(r, 1);
            prop_t *q = rotating(r, cases[i].who, cases[i].to, cases[i].at, cases[i].cnt);
            propose(r, 2, 1, q);
            assert_int_equal(count(r, PBFT_PREPARE), !due || cases[i].ok);
            prop_unref(q);
            rig_end(r);
        }
    }
}

int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_view_gives_back),
        cmocka_unit_test(failed_and_late_verifications_give_back),
        cmocka_unit_test(a_second_failure_gives_the_first_back),
        cmocka_unit_test(a_written_block_gives_the_others_back),
        cmocka_unit_test(who_leaves_gives_back),
        cmocka_unit_test(the_leader_rotates_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
