/* The VRF over ristretto255 with SHA3-512, which the official node calls curve25519. */
#include "crypto/vrf_kind.h"

#include <openssl/evp.h>
#include <sodium.h>

#include "crypto/ristretto.h"
#include "crypto/suite.h"

enum { WORD = RISTRETTO_BYTES, PROOF = 3 * WORD };

/* SHA3-512 of the parts in order. */
static bool wide_hash(const bc_bytes_t *parts, size_t cnt, uint8_t out[64])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned n = 0;
    bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha3_512(), NULL) == 1;
    for (size_t i = 0; ok && i < cnt; i++)
        ok = !parts[i].n || EVP_DigestUpdate(ctx, parts[i].p, parts[i].n) == 1;
    ok = ok && EVP_DigestFinal_ex(ctx, out, &n) == 1 && n == 64;
    EVP_MD_CTX_free(ctx);
    return ok;
}

static bool hash_to_scalar(const bc_bytes_t *parts, size_t cnt, uint8_t out[WORD])
{
    uint8_t wide[64];
    if (!wide_hash(parts, cnt, wide))
        return false;
    crypto_core_ristretto255_scalar_reduce(out, wide);
    return true;
}

static bool hash_to_point(const bc_bytes_t *parts, size_t cnt, uint8_t out[WORD])
{
    uint8_t wide[64];
    return wide_hash(parts, cnt, wide) && crypto_core_ristretto255_from_hash(out, wide) == 0;
}

static bool key_ok(bc_bytes_t pub)
{
    return pub.n == WORD && ristretto_valid(pub.p);
}

/* c = H(pub, message, pub, gamma, u, v) */
static bool challenge(bc_bytes_t pub, bc_bytes_t message, const uint8_t *gamma, const uint8_t *u,
                      const uint8_t *v, uint8_t out[WORD])
{
    const bc_bytes_t parts[] = {
        pub, message, pub, bc_bytes(gamma, WORD), bc_bytes(u, WORD), bc_bytes(v, WORD)
    };
    return hash_to_scalar(parts, BC_ARRAY_LEN(parts), out);
}

static bool verify(bc_bytes_t pub, bc_bytes_t message, const uint8_t *proof)
{
    if (!key_ok(pub) || !ristretto_valid(proof))
        return false;
    const uint8_t *gamma = proof;
    uint8_t c[WORD], s[WORD], h[WORD], a[WORD], b[WORD], u[WORD], v[WORD], want[WORD];
    memcpy(c, proof + WORD, WORD);
    memcpy(s, proof + 2 * WORD, WORD);
    c[WORD - 1] &= 0x7f;
    s[WORD - 1] &= 0x7f;
    const bc_bytes_t parts[] = { pub, message };
    if (!hash_to_point(parts, 2, h))
        return false;
    ristretto_mul(c, pub.p, a);
    ristretto_mul_base(s, b);
    if (crypto_core_ristretto255_add(u, a, b) != 0)
        return false;
    ristretto_mul(c, gamma, a);
    ristretto_mul(s, h, b);
    if (crypto_core_ristretto255_add(v, a, b) != 0)
        return false;
    return challenge(pub, message, gamma, u, v, want) && memcmp(c, want, WORD) == 0;
}

static bool hash(const uint8_t *proof, bc_h256_t *out)
{
    static const uint8_t eight[WORD] = { 8 };
    uint8_t point[WORD];
    if (!ristretto_valid(proof))
        return false;
    ristretto_mul(eight, proof, point);
    bc_keccak256(bc_bytes(point, WORD), out);
    return true;
}

static bc_err_t prove(bc_bytes_t secret, bc_bytes_t message, uint8_t *pub, uint8_t *proof)
{
    uint8_t x[WORD], k[WORD], h[WORD], u[WORD], v[WORD], cx[WORD];
    if (sodium_init() < 0 || !hash_to_scalar(&secret, 1, x))
        return BC_E_INTERNAL;
    ristretto_mul_base(x, pub);
    const bc_bytes_t key = bc_bytes(pub, WORD), parts[] = { key, message };
    bool ok = hash_to_point(parts, 2, h);
    if (ok) {
        ristretto_mul(x, h, proof);
        crypto_core_ristretto255_scalar_random(k);
        ristretto_mul_base(k, u);
        ristretto_mul(k, h, v);
        ok = challenge(key, message, proof, u, v, proof + WORD);
    }
    if (ok) {
        crypto_core_ristretto255_scalar_mul(cx, proof + WORD, x);
        crypto_core_ristretto255_scalar_sub(proof + 2 * WORD, k, cx);
    }
    sodium_memzero(x, sizeof(x));
    sodium_memzero(k, sizeof(k));
    sodium_memzero(cx, sizeof(cx));
    return ok ? BC_OK : BC_E_INTERNAL;
}

const vrf_ops_t vrf_ristretto = { WORD, PROOF, key_ok, verify, hash, prove };
