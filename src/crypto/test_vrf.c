/* Both kinds: a proof verifies for its key and message only. Of secp256k1 also what WeDPR's own
 * prover made and its verifier answered; a captured official proof of the other kind is checked by
 * the re-execution of rPBFT chains. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <secp256k1.h>

#include "crypto/secp.h"
#include "crypto/vrf.h"

/* The secret of RFC 6979's examples, and its key on secp256k1. */
#define SECRET "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"
#define KEY_X  "2c8c31fc9f990c6b55e3865a184a4ce50e09481f2eaeb3e60ec1cea13a6ae645"
#define KEY_Y  "64b95e4fdb6948c0386e189b006a29f686769b011704275e4459822dc3328085"

typedef struct {
    uint8_t b[160];
    size_t n;
} hex_t;

static hex_t unhex(const char *hex)
{
    hex_t out = { .n = strlen(hex) / 2 };
    assert_true(out.n <= sizeof(out.b));
    for (size_t i = 0; i < out.n; i++) {
        unsigned v = 0;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &v), 1);
        out.b[i] = (uint8_t)v;
    }
    return out;
}

static bc_bytes_t view(const hex_t *h)
{
    return bc_bytes(h->b, h->n);
}

static bc_bytes_t key_of(const bc_vrf_proof_t *p)
{
    return bc_bytes(p->key, p->key_n);
}

static bc_bytes_t proof_of(const bc_vrf_proof_t *p)
{
    return bc_bytes(p->proof, p->proof_n);
}

static bc_vrf_proof_t prove(bc_vrf_kind_t kind, unsigned secret, bc_bytes_t message)
{
    uint8_t s[32] = { [30] = (uint8_t)(secret >> 8), [31] = (uint8_t)secret };
    bc_vrf_proof_t p;
    assert_int_equal(bc_vrf_prove(kind, bc_bytes(s, 32), message, &p), BC_OK);
    return p;
}

static void proofs_bind_key_and_message(void **state)
{
    static const size_t key_n[] = { 32, 33 }, proof_n[] = { 96, 97 };
    (void)state;
    for (bc_vrf_kind_t kind = 0; kind < BC_VRF_KIND_CNT; kind++) {
        bc_bytes_t message = BC_STR("test message");
        bc_vrf_proof_t p = prove(kind, 1001, message), other = prove(kind, 1002, message);
        assert_int_equal(p.key_n, key_n[kind]);
        assert_int_equal(p.proof_n, proof_n[kind]);
        assert_true(bc_vrf_key_ok(kind, key_of(&p)));
        assert_true(bc_vrf_verify(kind, key_of(&p), message, proof_of(&p)));
        assert_false(bc_vrf_verify(kind, key_of(&other), message, proof_of(&p)));
        assert_false(bc_vrf_verify(kind, key_of(&p), BC_STR("test messagf"), proof_of(&p)));
        assert_false(bc_vrf_verify(kind, key_of(&p), BC_STR(""), proof_of(&p)));
        bc_vrf_kind_t wrong = kind == BC_VRF_RISTRETTO ? BC_VRF_SECP256K1 : BC_VRF_RISTRETTO;
        assert_false(bc_vrf_verify(wrong, key_of(&p), message, proof_of(&p)));
        for (size_t bit = 0; bit < 8 * p.proof_n; bit++) {
            bool ignored = kind == BC_VRF_RISTRETTO && (bit == 8 * 63 + 7 || bit == 8 * 95 + 7);
            p.proof[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_equal(bc_vrf_verify(kind, key_of(&p), message, proof_of(&p)), ignored);
            p.proof[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        for (size_t bit = 0; bit < 8 * p.key_n; bit++) {
            p.key[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_false(bc_vrf_verify(kind, key_of(&p), message, proof_of(&p)));
            p.key[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

static void the_random_value_is_of_key_and_message(void **state)
{
    (void)state;
    for (bc_vrf_kind_t kind = 0; kind < BC_VRF_KIND_CNT; kind++) {
        bc_h256_t a, b;
        bc_vrf_proof_t p = prove(kind, 7, BC_STR("m")), again = prove(kind, 7, BC_STR("m"));
        assert_true(bc_vrf_hash(kind, proof_of(&p), &a));
        assert_true(bc_vrf_hash(kind, proof_of(&again), &b));
        assert_true(bc_h256_eq(&a, &b)); /* whatever blinds it */
        assert_int_equal(memcmp(p.proof, again.proof, p.proof_n) == 0, kind == BC_VRF_SECP256K1);
        again = prove(kind, 7, BC_STR("n"));
        assert_true(bc_vrf_hash(kind, proof_of(&again), &b));
        assert_false(bc_h256_eq(&a, &b));
        again = prove(kind, 8, BC_STR("m"));
        assert_true(bc_vrf_hash(kind, proof_of(&again), &b));
        assert_false(bc_h256_eq(&a, &b));
    }
}

static void messages_have_any_length(void **state)
{
    static uint8_t text[70000];
    (void)state;
    for (bc_vrf_kind_t kind = 0; kind < BC_VRF_KIND_CNT; kind++) {
        for (size_t n = 0; n <= sizeof(text); n = n < 70 ? n + 1 : n * 10) {
            bc_vrf_proof_t p = prove(kind, 3, bc_bytes(text, n));
            assert_true(bc_vrf_verify(kind, key_of(&p), bc_bytes(text, n), proof_of(&p)));
            if (n)
                assert_false(bc_vrf_verify(kind, key_of(&p), bc_bytes(text, n - 1), proof_of(&p)));
        }
    }
}

static void bad_input_is_refused(void **state)
{
    uint8_t bad[200];
    (void)state;
    for (bc_vrf_kind_t kind = 0; kind < BC_VRF_KIND_CNT; kind++) {
        bc_vrf_proof_t p = prove(kind, 5, BC_STR("x"));
        bc_h256_t h;
        for (unsigned fill = 0; fill < 256; fill += 85) {
            memset(bad, (int)fill, sizeof(bad));
            for (size_t n = 0; n <= sizeof(bad); n++) {
                bool zeros = kind == BC_VRF_RISTRETTO ? n == 32 : n == 1; /* the identity */
                assert_int_equal(bc_vrf_key_ok(kind, bc_bytes(bad, n)), fill == 0 && zeros);
                assert_false(bc_vrf_verify(kind, bc_bytes(bad, n), BC_STR("x"), proof_of(&p)));
                assert_false(bc_vrf_verify(kind, key_of(&p), BC_STR("x"), bc_bytes(bad, n)));
                if (fill == 0 && kind == BC_VRF_RISTRETTO && n == 96)
                    continue;
                assert_false(bc_vrf_hash(kind, bc_bytes(bad, n), &h));
                assert_true(bc_h256_is_zero(&h));
            }
        }
        memcpy(bad, p.proof, p.proof_n);
        bad[p.proof_n] = 0;
        for (size_t n = 0; n <= p.proof_n + 1; n++) {
            bool whole = n == p.proof_n;
            assert_int_equal(bc_vrf_verify(kind, key_of(&p), BC_STR("x"), bc_bytes(bad, n)), whole);
            assert_int_equal(bc_vrf_hash(kind, bc_bytes(bad, n), &h), whole);
        }
        memcpy(bad, p.key, p.key_n);
        for (size_t n = 0; n <= p.key_n + 1; n++)
            assert_int_equal(bc_vrf_verify(kind, bc_bytes(bad, n), BC_STR("x"), proof_of(&p)),
                             n == p.key_n);
    }
}

static void secrets_that_the_curve_does_not_have(void **state)
{
    static const char *const bad[] = {
        "",
        "01",
        "00000000000000000000000000000000000000000000000000000000000001",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "000000000000000000000000000000000000000000000000000000000000000100",
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    };
    static const bc_vrf_proof_t none;
    bc_vrf_proof_t p;
    (void)state;
    for (size_t i = 0; i < BC_ARRAY_LEN(bad); i++) {
        hex_t secret = unhex(bad[i]);
        memset(&p, 1, sizeof(p));
        assert_int_equal(bc_vrf_prove(BC_VRF_SECP256K1, view(&secret), BC_STR("x"), &p), BC_E_KEY);
        assert_memory_equal(&p, &none, sizeof(p));
        assert_int_equal(bc_vrf_prove(BC_VRF_RISTRETTO, view(&secret), BC_STR("x"), &p), BC_OK);
    }
}

/* Made by the official prover, or as noted; our proofs differ from it in c and s only. */
static void official_proofs_of_secp256k1(void **state)
{
    static const struct {
        const char *message, *proof, *random;
    } cases[] = {
        { "73616d706c65",
          "03bde43055a167a58ffc0541b897b3a756311099057ef3496fcb02819c9891940c"
          "8e312f3949c418bc2d6bbc67ac9423c3e937958b11d9953de91f0a260b1d62af"
          "2859788480dfe1e0f2b56b9a58018efa0c810864fbc2ad004fc13ee567289063",
          "32f92e31104f33a92297becf303bf70f2074600c8f79b7d45529b2afd589800b" },
        { "000000000000000c",
          "031427ed0dcd3d8d20ee8cc39e3edf0ca0dd305f7960a50568734cbf40de9ec438"
          "e28ab90998d38aab18ae4e32019bc3122ca60f2d59e69c148f7cd0e301b6f579"
          "fa0f0275811703c67a5897444bedd60dbe4d1fc1b24ebd22b50d1388764542cb",
          "2d3b4202fa4967269da1fdbfb40d9461925dd4c59290045c59a9a495695fc6a8" },
        { "",
          "02c49cb04971530f0d268c7102ff3a54d80f252a363adc9d42ac48aaff348ccb83"
          "02865a538161491cb98b8084a6e1017636c10f503ede6f91afbd505afe09bbde"
          "7356b1e4e576b970a29ed8128cce82a95581e3d5f9b4113ca905518e9c01a4df",
          "bf01b1f46cd8ab1ef65eb2f363aeb96f58660d9c5c193ea2c2fd95a4a991309a" },
        /* k = 0: k G and k H are the identity */
        { "000000000000000c",
          "031427ed0dcd3d8d20ee8cc39e3edf0ca0dd305f7960a50568734cbf40de9ec438"
          "970f51f747bc27cf42e956ec9871bdf1c702c56c105dd357d6fc602ecd24d15e"
          "c4afa13d97f7337b049b4bb632d25c400d291f669c4010f85c38a0f65928e67a",
          "2d3b4202fa4967269da1fdbfb40d9461925dd4c59290045c59a9a495695fc6a8" },
    };
    hex_t secret = unhex(SECRET), key = unhex("03" KEY_X);
    (void)state;
    for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++) {
        hex_t m = unhex(cases[i].message), p = unhex(cases[i].proof), want = unhex(cases[i].random);
        bc_h256_t random;
        bc_vrf_proof_t ours;
        assert_true(bc_vrf_verify(BC_VRF_SECP256K1, view(&key), view(&m), view(&p)));
        assert_true(bc_vrf_hash(BC_VRF_SECP256K1, view(&p), &random));
        assert_memory_equal(random.b, want.b, 32);
        assert_int_equal(bc_vrf_prove(BC_VRF_SECP256K1, view(&secret), view(&m), &ours), BC_OK);
        assert_memory_equal(ours.key, key.b, 33);
        assert_memory_equal(ours.proof, p.b, 33);
        assert_memory_not_equal(ours.proof + 33, p.b + 33, 64);
    }
}

/* Answers of the official parser and verifier. */
static void forms_of_points(void **state)
{
    static const struct {
        const char *key;
        bool ok;
    } keys[] = {
        { "00", true },
        { "02", false },
        { "01" KEY_X, false },
        { "02" KEY_X, true },
        { "03" KEY_X, true },
        { "05" KEY_X, true },
        { "04" KEY_X, false },
        { "00" KEY_X, false },
        { "04" KEY_X KEY_Y, true },
        { "06" KEY_X KEY_Y, false },
        { "07" KEY_X KEY_Y, false },
        { "05" KEY_X KEY_Y, false },
        { "04" KEY_X KEY_X, false },
        { "020000000000000000000000000000000000000000000000000000000000000005", false },
        { "02fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc30", false },
    };
    (void)state;
    for (size_t i = 0; i < BC_ARRAY_LEN(keys); i++) {
        hex_t k = unhex(keys[i].key);
        assert_int_equal(bc_vrf_key_ok(BC_VRF_SECP256K1, view(&k)), keys[i].ok);
    }
    /* the form counts in the hashes: a proof for one is none for the other */
    hex_t compact = unhex("05" KEY_X), even = unhex("02" KEY_X), zero = unhex("0000000000000000");
    hex_t p = unhex("058e1ceff468d66c0af46f6735c9c5528712b53cccbb095f170e9cc79fd9b167b7"
                    "1c41601b2ceb6b6e32672edcb6ce4c79cea89bbcb2e94da5e9779cd3c44e757c"
                    "9477eb4878658f88b3c3d7c90de980829972f6c35892dbe3b5e05cb001805846");
    assert_true(bc_vrf_verify(BC_VRF_SECP256K1, view(&compact), view(&zero), view(&p)));
    assert_false(bc_vrf_verify(BC_VRF_SECP256K1, view(&even), view(&zero), view(&p)));
    p.b[0] = 2;
    assert_false(bc_vrf_verify(BC_VRF_SECP256K1, view(&compact), view(&zero), view(&p)));
    hex_t full = unhex("04" KEY_X KEY_Y);
    hex_t q = unhex("022b66c22f4d04dbcbc02dbd6c0ca8e2bdcc278dd62121eb59620c27d11cc5e81e"
                    "7168fd267de51c7b8791f198aa937af054e286c150c9a6017a68e9ebe3970cd3"
                    "5ddf6efc2471ebd3cdb1eb1ca5901537601855f2663cf53b6c328bf620e42e51");
    assert_true(bc_vrf_verify(BC_VRF_SECP256K1, view(&full), view(&zero), view(&q)));
    /* scalars are below the order; zero is one, but not of this proof */
    hex_t order = unhex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
    for (size_t at = 33; at < 97; at += 32) {
        hex_t bad = q;
        memcpy(bad.b + at, order.b, 32);
        assert_false(bc_vrf_verify(BC_VRF_SECP256K1, view(&full), view(&zero), view(&bad)));
        memset(bad.b + at, 0, 32);
        assert_false(bc_vrf_verify(BC_VRF_SECP256K1, view(&full), view(&zero), view(&bad)));
    }
}

/* s - c x, the scalar that blinds a proof. */
static void blind_of(const hex_t *secret, const char *message, uint8_t out[32])
{
    const secp256k1_context *ctx = bc_secp_context();
    bc_vrf_proof_t p;
    assert_int_equal(bc_vrf_prove(BC_VRF_SECP256K1, view(secret), bc_cstr(message), &p), BC_OK);
    memcpy(out, secret->b, 32);
    assert_int_equal(secp256k1_ec_seckey_tweak_mul(ctx, out, p.proof + 33), 1);
    assert_int_equal(secp256k1_ec_seckey_negate(ctx, out), 1);
    assert_int_equal(secp256k1_ec_seckey_tweak_add(ctx, out, p.proof + 65), 1);
}

static void no_two_messages_share_a_blind(void **state)
{
    uint8_t k[3][32];
    hex_t secret = unhex(SECRET);
    bc_h256_t official;
    (void)state;
    blind_of(&secret, "1", k[0]);
    blind_of(&secret, "2", k[1]);
    blind_of(&secret, "1", k[2]);
    bc_sha256(view(&secret), &official);
    assert_memory_not_equal(k[0], k[1], 32);
    assert_memory_equal(k[0], k[2], 32);
    assert_memory_not_equal(k[0], official.b, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proofs_bind_key_and_message),
        cmocka_unit_test(the_random_value_is_of_key_and_message),
        cmocka_unit_test(messages_have_any_length),
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(secrets_that_the_curve_does_not_have),
        cmocka_unit_test(official_proofs_of_secp256k1),
        cmocka_unit_test(forms_of_points),
        cmocka_unit_test(no_two_messages_share_a_blind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
