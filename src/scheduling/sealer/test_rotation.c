#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>
#include "codec/abi.h"
#include "codec/hex.h"
#include "crypto/vrf.h"
#include "iface/test_actor.h"
#include "rotation.h"
#include "scheduling/sealer/sealer.h"

static bc_keypair_t key_of(bc_suite_t suite)
{
    uint8_t secret[32] = { [31] = 9 };
    bc_keypair_t k;
    assert_int_equal(bc_keypair_from_secret(suite, secret, &k), BC_OK);
    return k;
}

static void the_proof_is_over_number_or_parent(void **state)
{
    (void)state;
    static const struct {
        bc_suite_t suite;
        const char *selector;
        bool secp, number_input;
    } cases[] = {
        { BC_SUITE_STANDARD, "8725b7b1", false, true },  { BC_SUITE_SM, "6a088c98", false, true },
        { BC_SUITE_STANDARD, "8725b7b1", true, true },   { BC_SUITE_SM, "6a088c98", true, true },
        { BC_SUITE_STANDARD, "8725b7b1", false, false }, { BC_SUITE_SM, "6a088c98", false, false },
        { BC_SUITE_STANDARD, "8725b7b1", true, false },
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++) {
        bc_keypair_t key = key_of(cases[i].suite);
        rotation_t r;
        bc_ledger_config_t cfg = { .number = 11, .hash = { { [0] = 0xfe, [31] = 0x11 } } };
        cfg.vrf_secp256k1 = cases[i].secp;
        cfg.vrf_number_input = cases[i].number_input;
        rotation_init(&r, &key, "chain0", "group0");
        bc_tx_t *tx = rotation_tx(&r, cases[i].suite, &cfg, 1700000000000);
        assert_non_null(tx);
        bc_bytes_t in = tx->w.data.input;
        char selector[9] = "";
        bc_hex_put(bc_bytes(in.p, 4), selector);
        assert_string_equal(selector, cases[i].selector);
        bc_abi_val_t v;
        bc_arena_t a = { 0 };
        assert_int_equal(bc_abi_decode("(bytes,bytes,bytes)", bc_bytes(in.p + 4, in.n - 4), &v, &a),
                         BC_OK);
        bc_bytes_t number = bc_bytes("\0\0\0\0\0\0\0\x0c", 8);
        assert_true(bc_bytes_eq(v.items[1].s, cases[i].number_input ? number : BC_VIEW(cfg.hash)));
        bc_vrf_kind_t kind = cases[i].secp ? BC_VRF_SECP256K1 : BC_VRF_RISTRETTO;
        assert_true(bc_vrf_verify(kind, v.items[0].s, v.items[1].s, v.items[2].s));
        assert_int_equal(v.items[0].s.n, cases[i].secp ? 33 : 32);
        assert_int_equal(v.items[2].s.n, cases[i].secp ? 97 : 96);
        bool of_node = cases[i].secp && memcmp(v.items[0].s.p + 1, key.pub.b, 32) == 0;
        assert_int_equal(of_node, cases[i].secp && cases[i].suite == BC_SUITE_STANDARD);
        assert_int_equal(tx->w.data.block_limit, 611);
        assert_true(tx->system);
        bc_addr_t own;
        bc_address(cases[i].suite, &key.pub, &own);
        assert_true(tx->sender_known);
        assert_memory_equal(tx->sender.b, own.b, 20);
        bc_arena_free(&a);
        bc_tx_unref(tx);
    }
}

/* A chain of two sealers at height 7; every 4th block rotates. */
static bc_ledger_config_t *config_at(const bc_keypair_t *key, int64_t number)
{
    bc_ledger_config_t *c = bc_xcalloc(1, sizeof *c);
    atomic_init(&c->refs, 1);
    c->number = number;
    c->version = BC_VERSION_3_16_0;
    c->rpbft = true;
    memset(c->hash.b, (int)number, sizeof c->hash.b);
    c->epoch_block_num = 4;
    c->epoch_sealer_num = 1;
    c->sealer_cnt = 1;
    c->sealers = bc_arena_alloc(&c->arena, sizeof *c->sealers);
    c->sealers[0] = (bc_node_entry_t){ .id = key->pub, .vote_weight = 1 };
    return c;
}

typedef struct {
    bc_keypair_t key;
    bc_actor_if s;
    bc_now_t now;
    bc_out_t out;
} rig_t;

static void rig_new(rig_t *r)
{
    *r = (rig_t){ .key = key_of(BC_SUITE_STANDARD),
                  .now = { 5000, 1700000000000 },
                  .out = { .from = BC_ACTOR_SEALER } };
    bc_sealer_config_t c = { .suite = BC_SUITE_STANDARD,
                             .key = r->key,
                             .chain_id = "chain0",
                             .group_id = "group0",
                             .min_seal_time = 1,
                             .self = r->key.pub };
    r->s = bc_sealer_new(&c);
}

static void rig_step(rig_t *r, bc_msg_t *m)
{
    r->s.ops->step(r->s.self, &r->now, m, &r->out);
    bc_msg_free(m);
}

static void rig_free(rig_t *r)
{
    bc_test_drop_all(&r->out);
    r->s.ops->free(r->s.self);
}

/* The leader of the block after `latest`, with one transaction in hand. */
static void rig_lead(rig_t *r, bc_ledger_config_t *config, int64_t latest)
{
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SEALER, BC_MSG_START);
    m->config = config;
    rig_step(r, m);
    m = bc_msg_new(BC_ACTOR_PBFT, BC_ACTOR_SEALER, BC_MSG_LATEST);
    m->number = latest;
    rig_step(r, m);
    m = bc_msg_new(BC_ACTOR_PBFT, BC_ACTOR_SEALER, BC_MSG_SEAL);
    m->number = latest + 1;
    m->number2 = latest + 2;
    m->token = 10;
    rig_step(r, m);
    bc_msg_t *fetch = bc_test_take(&r->out, BC_MSG_FETCH);
    assert_non_null(fetch);
    r->now.mono_ms += 10;
    m = bc_msg_new(BC_ACTOR_TXPOOL, BC_ACTOR_SEALER, BC_MSG_FETCHED);
    m->token = fetch->token;
    m->metas = bc_metas_new(1);
    m->metas->v[0].hash.b[0] = 1;
    bc_msg_free(fetch);
    rig_step(r, m);
}

static void a_block_that_must_rotate_begins_with_it(void **state)
{
    (void)state;
    for (int64_t number = 7; number <= 8; number++) { /* the next one is 8: due; 9: not */
        rig_t r;
        rig_new(&r);
        rig_lead(&r, config_at(&r.key, number), number);
        bc_msg_t *tx = bc_test_take(&r.out, BC_MSG_SUBMIT),
                 *p = bc_test_take(&r.out, BC_MSG_PROPOSE);
        assert_non_null(p);
        bool due = number == 7;
        assert_int_equal(p->metas->cnt, due ? 2 : 1);
        assert_int_equal(tx != NULL, due);
        assert_int_equal(p->flag, due);
        if (tx) {
            assert_true(bc_h256_eq(&p->metas->v[0].hash, &tx->txs->v[0]->hash));
            assert_string_equal(p->metas->v[0].to, "0000000000000000000000000000000000001003");
            assert_int_equal(strlen(p->metas->v[0].source), 40);
            assert_true(p->metas->v[0].system);
            assert_int_equal(p->metas->v[0].attribute, tx->txs->v[0]->w.attribute);
        }
        bc_msg_free(tx);
        bc_msg_free(p);
        rig_free(&r);
    }
}

static bool holds(bc_bytes_t text, bc_bytes_t part)
{
    return part.n && memmem(text.p, text.n, part.p, part.n);
}

/* With the parent's hash as input nothing can be proved before the parent is in the ledger. */
static void the_parent_is_awaited(void **state)
{
    (void)state;
    for (int secp = 0; secp < 2; secp++) {
        rig_t r;
        rig_new(&r);
        bc_ledger_config_t *before = config_at(&r.key, 6), *now = config_at(&r.key, 7);
        before->vrf_secp256k1 = now->vrf_secp256k1 = secp;
        rig_lead(&r, before, 7);
        assert_null(bc_test_take(&r.out, BC_MSG_SUBMIT));
        assert_null(bc_test_take(&r.out, BC_MSG_PROPOSE));
        bc_committed_t *c = bc_xcalloc(1, sizeof *c);
        atomic_init(&c->refs, 1);
        c->config = now;
        bc_msg_t *m = bc_msg_new(BC_ACTOR_SCHEDULER, BC_ACTOR_SEALER, BC_MSG_COMMITTED);
        m->committed = c;
        rig_step(&r, m);
        bc_msg_t *tx = bc_test_take(&r.out, BC_MSG_SUBMIT),
                 *p = bc_test_take(&r.out, BC_MSG_PROPOSE);
        assert_true(tx && p);
        assert_int_equal(p->number, 8);
        uint8_t hash[32];
        memset(hash, 7, sizeof hash);
        assert_true(holds(tx->txs->v[0]->w.data.input, bc_bytes(hash, sizeof hash)));
        bc_msg_free(tx);
        bc_msg_free(p);
        rig_free(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_proof_is_over_number_or_parent),
        cmocka_unit_test(a_block_that_must_rotate_begins_with_it),
        cmocka_unit_test(the_parent_is_awaited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
