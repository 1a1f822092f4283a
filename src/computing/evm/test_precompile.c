/* Precompiled contracts: published examples, and what the FISCO profile does otherwise. The
 * official state tests cover them by the thousand (tests/statetest). */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "computing/evm/bn254.h"
#include "computing/evm/evm.h"

static const bc_evm_rules_t ethereum = { .rev = BC_EVM_CANCUN };
static const bc_evm_rules_t fisco = { .rev = BC_EVM_CANCUN, .fisco = true };

static size_t from_hex(const char *hex, uint8_t *out)
{
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++) {
        char pair[3] = { hex[2 * i], hex[2 * i + 1], 0 };
        out[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return n;
}

static void check(unsigned number, const bc_evm_rules_t *rules, bc_bytes_t in, int64_t cost, bool ok,
                  const char *out_hex)
{
    uint8_t want[256];
    size_t n = from_hex(out_hex, want);
    bc_wr_t out = { 0 };
    bc_evm_pre_t res;
    assert_true(bc_evm_precompile(number, rules, in, INT64_MAX, &out, &res));
    assert_int_equal(res.gas_cost, cost);
    assert_int_equal(res.ok, ok);
    assert_int_equal(out.n, n);
    if (n)
        assert_memory_equal(out.p, want, n);
    bc_wr_reset(&out);
    if (cost > 0) { /* one gas short: nothing runs */
        assert_true(bc_evm_precompile(number, rules, in, cost - 1, &out, &res));
        assert_int_equal(res.gas_cost, cost);
        assert_false(res.ok);
        assert_int_equal(out.n, 0);
    }
    bc_wr_free(&out);
}

static void check_hex(unsigned number, const bc_evm_rules_t *rules, const char *in_hex, int64_t cost,
                      bool ok, const char *out_hex)
{
    uint8_t in[512];
    size_t n = from_hex(in_hex, in);
    check(number, rules, bc_bytes(in, n), cost, ok, out_hex);
}

#define DIGEST "18c547e4f7b0f325ad1e56f57e26c745b09a3e503d86e00e5255ff7f715d3d1c"
#define V28 "000000000000000000000000000000000000000000000000000000000000001c"
#define V28_DIRTY "000000000000000000000000000000000000000000000000000000000000ff1c"
#define R "73b1693892219d736caba55bdb67216e485557ea6b6af75f37096c9aa6a5a75f"
#define S "eeb940b1d03b21e36b0e47e79769f095fe2ab855bd91e3a38756b7d75a9c4549"
#define SIGNER "000000000000000000000000a94f5374fce5edbc8e2a8697c15331677e6ebf0b"

static void ecrecover(void **state)
{
    (void)state;
    check_hex(1, &ethereum, DIGEST V28 R S, 3000, true, SIGNER);
    check_hex(1, &fisco, DIGEST V28 R S, 3000, true, SIGNER);
    check_hex(1, &ethereum, DIGEST V28_DIRTY R S, 3000, true, "");
    check_hex(1, &fisco, DIGEST V28_DIRTY R S, 3000, true, SIGNER); /* only byte 63 is read */
    check_hex(1, &ethereum, DIGEST V28 R S "ff", 3000, true, SIGNER);
    check_hex(1, &ethereum, "", 3000, true, "");
    check_hex(1, &fisco, DIGEST V28 R, 3000, true, ""); /* 96 bytes */
}

static void hashes_and_identity(void **state)
{
    (void)state;
    bc_bytes_t abc = BC_STR("abc");
    check(2, &fisco, abc, 72, true,
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check(3, &fisco, abc, 720, true,
          "0000000000000000000000008eb208f7e05d987a9b044a8e98c6b087f15a0bfc");
    check(4, &fisco, abc, 18, true, "616263");
    check(4, &fisco, (bc_bytes_t){ 0 }, 15, true, "");
    check_hex(4, &fisco, DIGEST "01", 21, true, DIGEST "01");
}

#define LEN(x) "00000000000000000000000000000000000000000000000000000000000000" x

static void modexp(void **state)
{
    (void)state;
    /* EIP-198's example: 3 ^ (p - 1) mod p */
    const char *fermat = LEN("01") LEN("20") LEN("20")
        "03"
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2e"
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f";
    check_hex(5, &fisco, fermat, 13056, true, LEN("01"));
    check_hex(5, &ethereum, fermat, 1360, true, LEN("01"));
    check_hex(5, &fisco, LEN("00") LEN("00") LEN("00"), 0, true, "");
    check_hex(5, &ethereum, "", 200, true, "");
    check_hex(5, &fisco, LEN("01") LEN("01") LEN("02") "0502", 0, true, "0000"); /* modulus 0 */
    check_hex(5, &fisco, LEN("01") LEN("01") LEN("02") "05020100", 0, true, "0019");
    /* an exponent that goes beyond the input leaves a modulus of zero, however long it says it is:
     * 8 (0xf0000 - 32) iterations, 248 more for the first word of 2^248 */
    check_hex(5, &fisco,
              LEN("01") "00000000000000000000000000000000000000000000000000000000000f0000" LEN("01")
              "0301",
              (8 * (0xf0000 - 32) + 248) / 20, true, "00");
    check_hex(5, &fisco, LEN("01") LEN("02") LEN("02") "05" "0003" "8000", 0, true, "007d");
    /* lengths that nobody can pay: priced, not run */
    uint8_t huge[96];
    memset(huge, 0xff, sizeof huge);
    bc_wr_t out = { 0 };
    bc_evm_pre_t res;
    assert_true(bc_evm_precompile(5, &fisco, bc_bytes(huge, 96), 1ll << 62, &out, &res));
    assert_int_equal(res.gas_cost, INT64_MAX);
    assert_false(res.ok);
    assert_int_equal(out.n, 0);
}

#define ZERO LEN("00")
#define G1 LEN("01") LEN("02")
#define G1_NEG LEN("01") "30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd45"
#define G1_TWICE                                                                                   \
    "030644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd3"                             \
    "15ed738c0e0a7c92e7845f96b2ae9c0a68a6a449e3538fc7ff3ebf7a5a18a2c4"
#define G2                                                                                         \
    "198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2"                             \
    "1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed"                             \
    "090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b"                             \
    "12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa"

static void bn254_points(void **state)
{
    (void)state;
    check_hex(6, &fisco, G1 G1, 150, true, G1_TWICE);
    check_hex(6, &fisco, G1 G1_NEG, 150, true, ZERO ZERO);
    check_hex(6, &fisco, G1, 150, true, G1);
    check_hex(6, &fisco, "", 150, true, ZERO ZERO);
    check_hex(6, &fisco, LEN("01") LEN("03"), 150, false, ZERO ZERO);
    /* 1 + p is not below p */
    check_hex(6, &fisco, "30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd48" LEN("02"),
              150, false, ZERO ZERO);
    check_hex(7, &fisco, G1 LEN("02"), 6000, true, G1_TWICE);
    check_hex(7, &fisco, G1 LEN("00"), 6000, true, ZERO ZERO);
    /* the order minus one */
    check_hex(7, &fisco, G1 "30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000000", 6000,
              true, G1_NEG);
    check_hex(7, &fisco, LEN("01") LEN("03") LEN("02"), 6000, false, ZERO ZERO);
}

static void bn254_pairing(void **state)
{
    (void)state;
    check_hex(8, &fisco, "", 45000, true, LEN("01"));
    check_hex(8, &fisco, G1 G2, 79000, true, LEN("00"));
    check_hex(8, &fisco, G1 G2 G1_NEG G2, 113000, true, LEN("01"));
    /* bilinear: e(2P, Q) e(-P, Q) is e(P, Q), and once more is one */
    check_hex(8, &fisco, G1_TWICE G2 G1_NEG G2, 113000, true, LEN("00"));
    uint8_t in[3 * 192];
    size_t n = from_hex(G1_TWICE G2 G1_NEG G2, in);
    n += from_hex(G1_NEG G2, in + n);
    check(8, &fisco, bc_bytes(in, n), 147000, true, LEN("01"));
    check_hex(8, &fisco, ZERO ZERO G2, 79000, true, LEN("01"));
    check_hex(8, &fisco, G1 ZERO ZERO ZERO ZERO, 79000, true, LEN("01"));
    check_hex(8, &fisco, G1 G2 "00", 79000, false, LEN("00"));
    check_hex(8, &fisco, G1 LEN("01") LEN("01") LEN("01") LEN("01"), 79000, false, LEN("00"));
    check_hex(8, &fisco, G1_NEG, 45000, false, LEN("00"));
}

/* EIP-152's vectors: state and block of BLAKE2b("abc") with different rounds and flags */
#define BLAKE_STATE                                                                                \
    "48c9bdf267e6096a3ba7ca8485ae67bb2bf894fe72f36e3cf1361d5f3af54fa5"                             \
    "d182e6ad7f520e511f6c3e2b8c68059b6bbd41fbabd9831f79217e1319cde05b"
#define BLAKE_BLOCK "6162630000000000" "0000000000000000" "00000000000000000000000000000000" ZERO ZERO ZERO
#define BLAKE_IN(rounds, flag) rounds BLAKE_STATE BLAKE_BLOCK "0300000000000000" "0000000000000000" flag

static void blake2f(void **state)
{
    (void)state;
    check_hex(9, &fisco, BLAKE_IN("0000000c", "01"), 12, true,
              "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
              "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923");
    check_hex(9, &fisco, BLAKE_IN("0000000c", "00"), 12, true,
              "75ab69d3190a562c51aef8d88f1c2775876944407270c42c9844252c26d28752"
              "98743e7f6d5ea2f2d3e8d226039cd31b4e426ac4f2d3d666a610c2116fde4735");
    check_hex(9, &fisco, BLAKE_IN("00000000", "01"), 0, true,
              "08c9bcf367e6096a3ba7ca8485ae67bb2bf894fe72f36e3cf1361d5f3af54fa5"
              "d282e6ad7f520e511f6c3e2b8c68059b9442be0454267ce079217e1319cde05b");
    check_hex(9, &fisco, BLAKE_IN("0000000c", "02"), 12, false, "");
    check_hex(9, &fisco, "0000000c00", 12, false, "");
    check_hex(9, &fisco, "", 0, false, "");
}

static void only_the_nine_exist(void **state)
{
    (void)state;
    bc_wr_t out = { 0 };
    bc_evm_pre_t res;
    assert_false(bc_evm_precompile(0, &fisco, (bc_bytes_t){ 0 }, 1, &out, &res));
    assert_false(bc_evm_precompile(10, &fisco, (bc_bytes_t){ 0 }, 1, &out, &res));
    bc_evm_rules_t old = { .rev = BC_EVM_HOMESTEAD };
    assert_false(bc_evm_precompile(5, &old, (bc_bytes_t){ 0 }, 1, &out, &res));
    assert_true(bc_evm_precompile(4, &old, (bc_bytes_t){ 0 }, 1, &out, &res));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ecrecover),
        cmocka_unit_test(hashes_and_identity),
        cmocka_unit_test(modexp),
        cmocka_unit_test(bn254_points),
        cmocka_unit_test(bn254_pairing),
        cmocka_unit_test(blake2f),
        cmocka_unit_test(only_the_nine_exist),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
