/* Known answers of every primitive, checked once at start: a broken library or processor must
 * not take part in a chain. */
#include "crypto/keccak.h"
#include "crypto/suite.h"

typedef void (*hash_fn)(bc_bytes_t in, bc_h256_t *out);

static bool hash_gives(hash_fn fn, const uint8_t want[32])
{
    bc_h256_t h;
    fn(BC_STR("abc"), &h);
    return memcmp(h.b, want, 32) == 0;
}

static const uint8_t keccak_abc[32] = {
    0x4e, 0x03, 0x65, 0x7a, 0xea, 0x45, 0xa9, 0x4f, 0xc7, 0xd4, 0x7b, 0xa8, 0x26, 0xc8, 0xd6, 0x67,
    0xc0, 0xd1, 0xe6, 0xe3, 0x3a, 0x64, 0xa0, 0x36, 0xec, 0x44, 0xf5, 0x8f, 0xa1, 0x2d, 0x6c, 0x45,
};
static const uint8_t sm3_abc[32] = {
    0x66, 0xc7, 0xf0, 0xf4, 0x62, 0xee, 0xed, 0xd9, 0xd1, 0xf2, 0xd4, 0x6b, 0xdc, 0x10, 0xe4, 0xe2,
    0x41, 0x67, 0xc4, 0x87, 0x5c, 0xf2, 0xf7, 0xa2, 0x29, 0x7d, 0xa0, 0x2b, 0x8f, 0x4b, 0xa8, 0xe0,
};
static const uint8_t sha256_abc[32] = {
    0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
    0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
};
static const uint8_t ripemd_abc[20] = {
    0x8e, 0xb2, 0x08, 0xf7, 0xe0, 0x5d, 0x98, 0x7a, 0x9b, 0x04,
    0x4a, 0x8e, 0x98, 0xc6, 0xb0, 0x87, 0xf1, 0x5a, 0x0b, 0xfc,
};

/* Address of the key whose secret is the number 1. */
static const uint8_t address_one[20] = {
    0x7e, 0x5f, 0x45, 0x52, 0x09, 0x1a, 0x69, 0x12, 0x5d, 0x5d,
    0xfc, 0xb7, 0xb8, 0xc2, 0x65, 0x90, 0x29, 0x39, 0x5b, 0xdf,
};

/* The vector kernel and the incremental form agree with the one-shot form. */
static bool kernels_agree(void)
{
    static const uint8_t text[300] = { 1, 2, 3 };
    bc_bytes_t in[5];
    bc_h256_t out[5], one;
    for (size_t i = 0; i < 5; i++)
        in[i] = bc_bytes(text, 137 + 20 * i);
    bc_hash_many(BC_SUITE_STANDARD, in, out, 5);
    for (size_t i = 0; i < 5; i++) {
        bc_hasher_t h;
        bc_hasher_init(&h, BC_SUITE_STANDARD);
        bc_hasher_put(&h, bc_bytes(in[i].p, 100));
        bc_hasher_put(&h, bc_bytes(in[i].p + 100, in[i].n - 100));
        bc_hasher_final(&h, &one);
        if (!bc_h256_eq(&one, &out[i]))
            return false;
    }
    return true;
}

static bool signs_and_verifies(bc_suite_t suite)
{
    const uint8_t secret[32] = { [31] = 1 };
    bc_keypair_t k;
    bc_nodeid_t pub;
    bc_h256_t digest, other;
    uint8_t sig[BC_SIG_MAX];
    if (bc_keypair_from_secret(suite, secret, &k) != BC_OK)
        return false;
    if (suite == BC_SUITE_STANDARD) {
        bc_addr_t a;
        bc_address(suite, &k.pub, &a);
        if (memcmp(a.b, address_one, sizeof a.b) != 0)
            return false;
    }
    bc_hash(suite, BC_STR("abc"), &digest);
    bc_hash(suite, BC_STR("abd"), &other);
    size_t n = bc_sign_tx(&k, &digest, sig);
    return n && bc_recover(suite, &digest, bc_bytes(sig, n), &pub) == BC_OK &&
           memcmp(pub.b, k.pub.b, 64) == 0 && bc_verify(suite, &k.pub, &digest, bc_bytes(sig, n)) &&
           !bc_verify(suite, &k.pub, &other, bc_bytes(sig, n));
}

bc_err_t bc_crypto_selftest(void)
{
    uint8_t r[20];
    bc_ripemd160(BC_STR("abc"), r);
    bool ok = hash_gives(bc_keccak256, keccak_abc) && hash_gives(bc_sm3, sm3_abc) &&
              hash_gives(bc_sha256, sha256_abc) && memcmp(r, ripemd_abc, sizeof r) == 0 &&
              kernels_agree() && signs_and_verifies(BC_SUITE_STANDARD) &&
              signs_and_verifies(BC_SUITE_SM);
    return ok ? BC_OK : BC_E_INTERNAL;
}
