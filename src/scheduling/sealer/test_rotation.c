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

static void the_proof_is_over_the_block_number(void **state)
{
    (void)state;
    static const struct {
        bc_suite_t suite;
        const char *selector;
    } cases[] = { { BC_SUITE_STANDARD, "8725b7b1" }, { BC_SUITE_SM, "6a088c98" } };
    for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++) {
        bc_keypair_t key = key_of(cases[i].suite);
        rotation_t r;
        rotation_init(&r, &key, "chain0", "group0");
        bc_tx_t *tx = rotation_tx(&r, cases[i].suite, 12, 1700000000000);
        assert_non_null(tx);
        bc_bytes_t in = tx->w.data.input;
        char selector[9] = "";
        bc_hex_put(bc_bytes(in.p, 4), selector);
        assert_string_equal(selector, cases[i].selector);
        bc_abi_val_t v;
        bc_arena_t a = { 0 };
        assert_int_equal(bc_abi_decode("(bytes,bytes,bytes)", bc_bytes(in.p + 4, in.n - 4), &v, &a),
                         BC_OK);
        assert_true(bc_bytes_eq(v.items[1].s, bc_bytes("\0\0\0\0\0\0\0\x0c", 8)));
        assert_true(bc_vrf_verify(v.items[0].s, v.items[1].s, v.items[2].s));
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
    c->epoch_block_num = 4;
    c->epoch_sealer_num = 1;
    c->sealer_cnt = 1;
    c->sealers = bc_arena_alloc(&c->arena, sizeof *c->sealers);
    c->sealers[0] = (bc_node_entry_t){ .id = key->pub, .vote_weight = 1 };
    return c;
}

static void a_block_that_must_rotate_begins_with_it(void **state)
{
    (void)state;
    for (int64_t number = 7; number <= 8; number++) { /* the next one is 8: due; 9: not */
        bc_sealer_config_t c = { .suite = BC_SUITE_STANDARD, .key = key_of(BC_SUITE_STANDARD),
                                 .chain_id = "chain0", .group_id = "group0", .min_seal_time = 1 };
        c.self = c.key.pub;
        bc_actor_if s = bc_sealer_new(&c);
        bc_out_t out = { .from = BC_ACTOR_SEALER };
        bc_now_t now = { 5000, 1700000000000 };
        bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SEALER, BC_MSG_START);
        m->config = config_at(&c.key, number);
        s.ops->step(s.self, &now, m, &out);
        bc_msg_free(m);
        m = bc_msg_new(BC_ACTOR_PBFT, BC_ACTOR_SEALER, BC_MSG_LATEST);
        m->number = number;
        s.ops->step(s.self, &now, m, &out);
        bc_msg_free(m);
        m = bc_msg_new(BC_ACTOR_PBFT, BC_ACTOR_SEALER, BC_MSG_SEAL);
        m->number = number + 1;
        m->number2 = number + 2;
        m->token = 10;
        s.ops->step(s.self, &now, m, &out);
        bc_msg_free(m);
        bc_msg_t *fetch = bc_test_take(&out, BC_MSG_FETCH);
        assert_non_null(fetch);
        now.mono_ms += 10;
        m = bc_msg_new(BC_ACTOR_TXPOOL, BC_ACTOR_SEALER, BC_MSG_FETCHED);
        m->token = fetch->token;
        m->metas = bc_metas_new(1);
        m->metas->v[0].hash.b[0] = 1;
        bc_msg_free(fetch);
        s.ops->step(s.self, &now, m, &out);
        bc_msg_free(m);
        bc_msg_t *tx = bc_test_take(&out, BC_MSG_SUBMIT), *p = bc_test_take(&out, BC_MSG_PROPOSE);
        assert_non_null(p);
        bool due = number == 7;
        assert_int_equal(p->metas->cnt, due ? 2 : 1);
        assert_int_equal(tx != NULL, due);
        assert_int_equal(p->flag, due);
        if (tx) {
            assert_true(bc_h256_eq(&p->metas->v[0].hash, &tx->txs->v[0]->hash));
            assert_string_equal(p->metas->v[0].to, "0000000000000000000000000000000000001003");
            assert_int_equal(strlen(p->metas->v[0].source), 40);
        }
        bc_msg_free(tx);
        bc_msg_free(p);
        bc_test_drop_all(&out);
        s.ops->free(s.self);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_proof_is_over_the_block_number),
        cmocka_unit_test(a_block_that_must_rotate_begins_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
