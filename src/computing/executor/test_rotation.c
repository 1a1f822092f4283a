/* Rotations of an rPBFT chain as every node executes them: both VRFs, the number and the parent's
 * hash as what is proved, who goes and who comes, and what the official node says when it refuses.
 * Four sealers and three candidates; node s has the secret s. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "computing/executor/fixture.h"
#include "computing/precompiled/node_list.h"
#include "crypto/vrf.h"
#include "protocol/status.h"

#define SECP_FLAG   "feature_rpbft_vrf_type_secp256k1"
#define NUMBER_FLAG "bugfix_rpbft_vrf_blocknumber_input"

enum { SEALERS = 4, NODES = 7, LEADER = 2, STRANGER = 9, NUMBER = 12 };

typedef struct {
    bool secp, number_input, v0;
    bc_suite_t suite;
} law_t;

static const law_t secp_now = { .secp = true, .number_input = true };

static bc_keypair_t key_of(bc_suite_t suite, unsigned node)
{
    uint8_t secret[32] = { [31] = (uint8_t)node };
    bc_keypair_t k;
    assert_int_equal(bc_keypair_from_secret(suite, secret, &k), BC_OK);
    return k;
}

static fx_t *chain(law_t law)
{
    char ids[NODES][128];
    bc_archive_node_t list[NODES];
    bc_wr_t w = { 0 };
    fx_t *f = fx_new(law.suite);
    for (unsigned i = 0; i < NODES; i++) {
        bc_keypair_t k = key_of(law.suite, i + 1);
        bc_hex_put(BC_VIEW(k.pub), ids[i]);
        list[i] =
            (bc_archive_node_t){ .node_id = bc_bytes(ids[i], 128),
                                 .vote_weight = { { 1 } },
                                 .type = i < SEALERS ? BC_PC_NODES_SEALER : BC_PC_NODES_CANDIDATE,
                                 .enable_number = BC_STR("0") };
    }
    bc_archive_put_nodes(&w, list, NODES);
    bc_bytes_t v = bc_wr_view(&w);
    fx_set(f, BC_STR("s_consensus"), BC_STR("key"), &v);
    bc_wr_free(&w);
    fx_config(f, "feature_rpbft", "1");
    fx_config(f, "feature_rpbft_epoch_sealer_num", "4");
    fx_config(f, "feature_rpbft_epoch_block_num", "4");
    if (law.secp)
        fx_config(f, SECP_FLAG, "1");
    if (law.number_input)
        fx_config(f, NUMBER_FLAG, "1");
    if (law.v0) {
        fx_config(f, "executor_version", "0");
        fx_config(f, "bugfix_revert", "1");
        fx_config(f, "bugfix_precompiled_evm_status", "1");
    }
    f->number = NUMBER;
    memset(f->parent_hash.b, 0xab, sizeof(f->parent_hash.b));
    return f;
}

/* A block with the rotation of `from`, who need not be the leader. */
static void rotate(fx_t *f, unsigned from, bc_bytes_t key, bc_bytes_t input, bc_bytes_t proof)
{
    bc_keypair_t k = key_of(f->suite, from);
    bc_addr_t sender, to = bc_addr_of(BC_SYS_CONSENSUS);
    bc_address(f->suite, &k.pub, &sender);
    bc_wr_t w = { 0 };
    fx_input_t in = fx_input(f, "rotateWorkingSealer(std::string,std::string,std::string)");
    bc_wr_mem(&w, in.b, 4);
    bc_abi_val_t v[] = { bc_abi_bytes(key), bc_abi_bytes(input), bc_abi_bytes(proof) };
    bc_abi_val_t args = bc_abi_tuple(v, 3);
    assert_int_equal(bc_abi_encode("(bytes,bytes,bytes)", &args, &w), BC_OK);
    fx_tx(f, &sender, &to, bc_wr_view(&w));
    assert_int_equal(fx_run(f), BC_OK);
    bc_wr_free(&w);
}

static bc_vrf_proof_t prove(bc_vrf_kind_t kind, unsigned node, bc_bytes_t input)
{
    uint8_t secret[32] = { [31] = (uint8_t)node };
    bc_vrf_proof_t p;
    assert_int_equal(bc_vrf_prove(kind, bc_bytes(secret, 32), input, &p), BC_OK);
    return p;
}

/* As the leader of that law makes it, over any input. */
static void rotate_over(fx_t *f, law_t law, unsigned node, bc_bytes_t input)
{
    bc_vrf_proof_t p = prove(law.secp ? BC_VRF_SECP256K1 : BC_VRF_RISTRETTO, node, input);
    rotate(f, node, bc_bytes(p.key, p.key_n), input, bc_bytes(p.proof, p.proof_n));
}

static void assert_refused(const fx_t *f, const char *text)
{
    bc_wr_t w = { 0 };
    const bc_receipt_data_t *r = &f->res->receipts[0].data;
    assert_int_equal(r->status, BC_TXS_PRECOMPILED_ERROR);
    bc_abi_error(f->suite == BC_SUITE_SM, bc_cstr(text), &w);
    assert_true(bc_bytes_eq(r->output, bc_wr_view(&w)));
    bc_wr_free(&w);
}

/* Which nodes seal from the next block on: bit s for node s. */
static unsigned sealers(fx_t *f)
{
    bc_arena_t a = { 0 };
    bc_bytes_t row;
    bc_archive_node_t *v;
    size_t cnt;
    unsigned set = 0;
    assert_int_equal(fx_get(f, BC_STR("s_consensus"), BC_STR("key"), &row, &a), BC_OK);
    assert_int_equal(bc_archive_get_nodes(row, &v, &cnt, &a), BC_OK);
    assert_int_equal(cnt, NODES);
    for (size_t i = 0; i < cnt; i++) {
        bool sealer = bc_bytes_eq(v[i].type, BC_PC_NODES_SEALER);
        bool moved = sealer != (i < SEALERS);
        assert_true(bc_bytes_eq(v[i].enable_number, moved ? BC_STR("13") : BC_STR("0")));
        set |= (unsigned)sealer << (i + 1);
    }
    bc_arena_free(&a);
    return set;
}

static unsigned bits(unsigned set)
{
    return (unsigned)__builtin_popcount(set);
}

enum { ALL_SEALERS = 0x1e };

static const uint8_t twelve[8] = { [7] = NUMBER };

/* Of official provers; who moves was computed by another program. */
static void official_proofs_choose_who_moves(void **state)
{
    static const struct {
        bool number_input;
        const char *proof;
        unsigned out, in;
    } cases[] = {
        { true,
          "03140672a6755989450e1abfc4f17a18f95e5aead61651c65eca776cb168899a4f"
          "27ea8710b59e3bcf90e52052720579ecedbaedc5917296861049d19f524e96f3"
          "e23ce1fd58bca0e06a095b9f0e76ba67c16c2e9dadafc8fd66b00048df709cb8",
          4, 5 },
        { false,
          "02c79a11564049cdb41a08e7cbdb5011eb947d6ad166883b67eaccfa0acb6bfe97"
          "382500e05193fdc4d2817ee9849c5fc1a8d5bb5b1f65bb3766dc20948b541e97"
          "02b1d59c90a824caed4218cd33a486127cf2ece21a4d722454023fa681456abf",
          3, 6 },
    };
    (void)state;
    for (size_t i = 0; i < 2 * BC_ARRAY_LEN(cases); i++) {
        bool number_input = cases[i / 2].number_input;
        fx_t *f = chain((law_t){ .secp = true, .number_input = number_input, .v0 = i % 2 });
        bc_vrf_proof_t key = prove(BC_VRF_SECP256K1, LEADER, BC_STR(""));
        bc_bytes_t proof = fx_unhex(cases[i / 2].proof);
        rotate(f, LEADER, bc_bytes(key.key, key.key_n),
               number_input ? bc_bytes(twelve, 8) : BC_VIEW(f->parent_hash), proof);
        assert_int_equal(f->res->receipts[0].data.status, 0);
        assert_int_equal(sealers(f),
                         (ALL_SEALERS & ~(1u << cases[i / 2].out)) | 1u << cases[i / 2].in);
        free((void *)(uintptr_t)proof.p);
        fx_free(f);
    }
}

static void every_kind_and_input_rotates(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        law_t law = { .secp = i & 1, .number_input = i & 2, .v0 = i & 4 };
        fx_t *f = chain(law);
        unsigned before = sealers(f);
        assert_int_equal(before, ALL_SEALERS);
        rotate_over(f, law, LEADER,
                    law.number_input ? bc_bytes(twelve, 8) : BC_VIEW(f->parent_hash));
        assert_int_equal(f->res->receipts[0].data.status, 0);
        assert_int_equal(bits(sealers(f)), SEALERS);
        assert_int_equal(bits(sealers(f) & before), SEALERS - 1);
        fx_free(f);
    }
}

static void inputs_of_other_blocks_are_refused(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        law_t law = { .secp = i & 1, .number_input = i & 2 };
        fx_t *f = chain(law);
        uint8_t input[40];
        size_t whole = law.number_input ? 8 : 32;
        const uint8_t *right = law.number_input ? twelve : f->parent_hash.b;
        for (size_t bit = 0; bit < 8 * whole; bit++) {
            memcpy(input, right, whole);
            input[bit / 8] ^= (uint8_t)(1 << bit % 8);
            f->number = NUMBER;
            rotate_over(f, law, LEADER, bc_bytes(input, whole));
            assert_refused(f, "Invalid VRFInput, must be the parentHash!");
        }
        for (size_t n = 0; n < whole; n++) {
            f->number = NUMBER;
            rotate_over(f, law, LEADER, bc_bytes(right, n));
            assert_refused(f, "Invalid VRFInput, must be the parentHash!");
        }
        assert_int_equal(sealers(f), ALL_SEALERS);
        /* what follows is not looked at, by official nodes neither */
        memcpy(input, right, whole);
        input[whole] = 1;
        f->number = NUMBER;
        rotate_over(f, law, LEADER, bc_bytes(input, whole + 1));
        assert_int_equal(f->res->receipts[0].data.status, 0);
        fx_free(f);
    }
}

/* As fewer bytes than a hash a leading zero is not missed. */
static void a_short_hash_has_zeros_before_it(void **state)
{
    (void)state;
    law_t law = { .secp = true };
    fx_t *f = chain(law);
    f->parent_hash.b[0] = f->parent_hash.b[1] = 0;
    rotate_over(f, law, LEADER, bc_bytes(f->parent_hash.b + 2, 30));
    assert_int_equal(f->res->receipts[0].data.status, 0);
    fx_free(f);
}

static void only_sealers_rotate(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        law_t law = { .secp = i & 1, .number_input = true };
        fx_t *f = chain(law);
        static const unsigned others[] = { SEALERS + 1, STRANGER };
        for (size_t k = 0; k < BC_ARRAY_LEN(others); k++) {
            f->number = NUMBER;
            rotate_over(f, law, others[k], bc_bytes(twelve, 8));
            assert_refused(f, "ConsensusPrecompiled call undefined function!");
        }
        fx_free(f);
    }
}

static void keys_are_refused_in_the_official_order(void **state)
{
    static const struct {
        const char *key; /* in hex; x: node 2's coordinate */
        const char *text;
    } cases[] = {
        { "", "Invalid VRF Public Key!" },
        { "02", "Invalid VRF Public Key!" },
        { "020000000000000000000000000000000000000000000000000000000000000005",
          "Invalid VRF Public Key!" },
        { "06c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5",
          "Invalid VRF Public Key!" },
        /* well-formed, but no compressed key of a sealer: the identity, a candidate, two
           coordinates */
        { "00", "VRF public key permission check failed!" },
        { "022f8bde4d1a07209355b4a7250a5c5128e88b84bddc619ab7cba8d569b240efe4",
          "VRF public key permission check failed!" },
        { "04c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5"
          "1ae168fea63dc339a3c58419466ceaeef7f632653266d0e1236431a950cfe52a",
          "VRF public key permission check failed!" },
        /* node 2's with the other sign, and node 1's: they are sealers' keys, only not of this
           proof */
        { "03c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5",
          "Verify VRF proof failed!" },
        { "05c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5",
          "Verify VRF proof failed!" },
        { "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
          "Verify VRF proof failed!" },
        { "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5", NULL },
    };
    (void)state;
    fx_t *f = chain(secp_now);
    bc_vrf_proof_t p = prove(BC_VRF_SECP256K1, LEADER, bc_bytes(twelve, 8));
    for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++) {
        bc_bytes_t key = fx_unhex(cases[i].key);
        f->number = NUMBER;
        rotate(f, LEADER, key, bc_bytes(twelve, 8), bc_bytes(p.proof, p.proof_n));
        if (cases[i].text)
            assert_refused(f, cases[i].text);
        else
            assert_int_equal(f->res->receipts[0].data.status, 0);
        free((void *)(uintptr_t)key.p);
    }
    fx_free(f);
}

/* Any sealer's key serves any sealer: who signs the transaction is another question. */
static void another_sealers_proof_is_taken(void **state)
{
    (void)state;
    fx_t *f = chain(secp_now);
    bc_vrf_proof_t p = prove(BC_VRF_SECP256K1, 3, bc_bytes(twelve, 8));
    rotate(f, LEADER, bc_bytes(p.key, p.key_n), bc_bytes(twelve, 8), bc_bytes(p.proof, p.proof_n));
    assert_int_equal(f->res->receipts[0].data.status, 0);
    fx_free(f);
}

static void proofs_of_the_other_kind_are_refused(void **state)
{
    (void)state;
    fx_t *f = chain(secp_now);
    rotate_over(f, (law_t){ .number_input = true }, LEADER, bc_bytes(twelve, 8));
    assert_refused(f, "Invalid VRF Public Key!");
    fx_free(f);
    f = chain((law_t){ .number_input = true });
    rotate_over(f, secp_now, LEADER, bc_bytes(twelve, 8));
    assert_refused(f, "Invalid VRF Public Key!");
    fx_free(f);
}

static void broken_proofs_are_refused(void **state)
{
    (void)state;
    fx_t *f = chain(secp_now);
    bc_vrf_proof_t p = prove(BC_VRF_SECP256K1, LEADER, bc_bytes(twelve, 8));
    for (size_t n = 0; n < p.proof_n; n++) {
        f->number = NUMBER;
        rotate(f, LEADER, bc_bytes(p.key, p.key_n), bc_bytes(twelve, 8), bc_bytes(p.proof, n));
        assert_refused(f, "Verify VRF proof failed!");
        bc_vrf_proof_t bad = p;
        bad.proof[n] ^= 1;
        f->number = NUMBER;
        rotate(f, LEADER, bc_bytes(p.key, p.key_n), bc_bytes(twelve, 8),
               bc_bytes(bad.proof, bad.proof_n));
        assert_refused(f, "Verify VRF proof failed!");
    }
    assert_int_equal(sealers(f), ALL_SEALERS);
    fx_free(f);
}

/* Nodes with SM2 keys prove over secp256k1 with a key that no sealer has. */
static void chains_with_sm_never_rotate_by_secp256k1(void **state)
{
    (void)state;
    law_t law = secp_now;
    law.suite = BC_SUITE_SM;
    fx_t *f = chain(law);
    rotate_over(f, law, LEADER, bc_bytes(twelve, 8));
    assert_refused(f, "VRF public key permission check failed!");
    fx_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(official_proofs_choose_who_moves),
        cmocka_unit_test(every_kind_and_input_rotates),
        cmocka_unit_test(inputs_of_other_blocks_are_refused),
        cmocka_unit_test(a_short_hash_has_zeros_before_it),
        cmocka_unit_test(only_sealers_rotate),
        cmocka_unit_test(keys_are_refused_in_the_official_order),
        cmocka_unit_test(another_sealers_proof_is_taken),
        cmocka_unit_test(proofs_of_the_other_kind_are_refused),
        cmocka_unit_test(broken_proofs_are_refused),
        cmocka_unit_test(chains_with_sm_never_rotate_by_secp256k1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
