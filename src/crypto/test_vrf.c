/* A proof verifies for its key and message only; a captured official one is checked by the
 * re-execution of rPBFT chains. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crypto/vrf.h"

static void proofs_bind_key_and_message(void **state)
{
    uint8_t pub[32], other[32], proof[96], again[96];
    bc_h256_t a, b;
    (void)state;
    bc_bytes_t secret = BC_STR("random key"), message = BC_STR("test message");
    assert_int_equal(bc_vrf_prove(secret, message, pub, proof), BC_OK);
    assert_int_equal(bc_vrf_prove(BC_STR("invalid key"), message, other, again), BC_OK);
    bc_bytes_t key = bc_bytes(pub, 32), p = bc_bytes(proof, 96);
    assert_true(bc_vrf_key_ok(key));
    assert_true(bc_vrf_verify(key, message, p));
    assert_false(bc_vrf_verify(bc_bytes(other, 32), message, p));
    assert_false(bc_vrf_verify(key, BC_STR("test messagf"), p));
    assert_false(bc_vrf_verify(key, message, bc_bytes(proof, 95)));
    for (size_t i = 0; i < 96; i++) {
        proof[i] ^= 1;
        assert_false(bc_vrf_verify(key, message, p));
        proof[i] ^= 1;
    }
    /* the random value is that of the key and message, not of the blinding */
    assert_int_equal(bc_vrf_prove(secret, message, pub, again), BC_OK);
    assert_true(bc_vrf_hash(p, &a));
    assert_true(bc_vrf_hash(bc_bytes(again, 96), &b));
    assert_true(bc_h256_eq(&a, &b));
    assert_memory_not_equal(proof, again, 96);
}

static void bad_input_is_refused(void **state)
{
    uint8_t bad[96];
    bc_h256_t h;
    (void)state;
    memset(bad, 0xff, sizeof(bad));
    assert_false(bc_vrf_key_ok(bc_bytes(bad, 32)));
    assert_false(bc_vrf_key_ok(BC_STR("random key")));
    assert_false(bc_vrf_verify(bc_bytes(bad, 32), BC_STR(""), bc_bytes(bad, 96)));
    assert_false(bc_vrf_hash(bc_bytes(bad, 96), &h));
    assert_true(bc_h256_is_zero(&h));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proofs_bind_key_and_message),
        cmocka_unit_test(bad_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
