/* The VRF over secp256k1 with SHA-256. Points are written compressed, the identity as 33 zeros:
 *   H = SHA-256(key, message) G        gamma = x H
 *   c = SHA-256(H, gamma, k G, k H)    s = k + c x
 * and the verifier, who knows k G = s G - c P and k H = s H - c gamma, computes c again. A digest
 * is a big-endian scalar; one beyond the order, which nobody finds, proves nothing. The random
 * value is SHA-256(8 gamma).
 *
 * k is free, no verifier sees it. The official prover takes SHA-256(x) for every message, which
 * gives x away: x = (s1 - s2) / (c1 - c2). Ours is RFC 6979's of x and the message's scalar, under
 * a label of its own so that it is no nonce of a signature. */
#include "crypto/vrf_kind.h"

#include <openssl/crypto.h>
#include <secp256k1.h>

#include "base/buf.h"
#include "crypto/secp.h"

enum { WORD = 32, POINT = 33, PROOF = POINT + 2 * WORD };

/* libsecp256k1's keys and scalars are never the identity or zero; those of a proof may be. */
typedef struct {
    bool identity;
    secp256k1_pubkey key;
} point_t;

static const uint8_t zero[POINT];

/* A scalar is below the order: as the official parser wants it, zero included. */
static bool scalar_ok(const uint8_t s[WORD])
{
    return memcmp(s, zero, WORD) == 0 || secp256k1_ec_seckey_verify(bc_secp_context(), s) == 1;
}

/* The SEC1 forms that the official parser (Rust's k256) takes, not libsecp256k1's: the identity in
 * one byte, "compact" points 5 || X with an even Y; none of the hybrids. */
static bool point_parse(bc_bytes_t in, point_t *out)
{
    uint8_t copy[POINT];
    *out = (point_t){ .identity = in.n == 1 && in.p[0] == 0 };
    if (out->identity)
        return true;
    if (!(in.n == 65 && in.p[0] == 4)) {
        if (in.n != POINT || (in.p[0] != 2 && in.p[0] != 3 && in.p[0] != 5))
            return false;
        memcpy(copy, in.p, POINT);
        copy[0] = in.p[0] == 5 ? 2 : in.p[0];
        in = bc_bytes(copy, POINT);
    }
    return secp256k1_ec_pubkey_parse(bc_secp_context(), &out->key, in.p, in.n) == 1;
}

static void point_write(const point_t *p, uint8_t out[POINT])
{
    size_t n = POINT;
    memset(out, 0, POINT);
    if (!p->identity)
        secp256k1_ec_pubkey_serialize(bc_secp_context(), out, &n, &p->key, SECP256K1_EC_COMPRESSED);
}

/* s G, in constant time; s is a scalar. */
static point_t base_mul(const uint8_t s[WORD])
{
    point_t p = { 0 };
    p.identity = secp256k1_ec_pubkey_create(bc_secp_context(), &p.key, s) != 1;
    return p;
}

/* s P, in a time that tells both. */
static point_t mul(const uint8_t s[WORD], const point_t *p)
{
    point_t out = *p;
    if (!out.identity)
        out.identity = secp256k1_ec_pubkey_tweak_mul(bc_secp_context(), &out.key, s) != 1;
    return out;
}

static point_t sub(const point_t *a, const point_t *b)
{
    point_t out = *b;
    if (b->identity)
        return *a;
    BC_MUST(secp256k1_ec_pubkey_negate(bc_secp_context(), &out.key) == 1);
    if (a->identity)
        return out;
    const secp256k1_pubkey minus = out.key, *const both[] = { &a->key, &minus };
    out.identity = secp256k1_ec_pubkey_combine(bc_secp_context(), &out.key, both, 2) != 1;
    return out;
}

/* The scalar that stands for a message. */
static bool message_scalar(bc_bytes_t pub, bc_bytes_t message, uint8_t out[WORD])
{
    bc_wr_t w = { 0 };
    bc_h256_t h;
    bc_wr_mem(&w, pub.p, pub.n);
    bc_wr_mem(&w, message.p, message.n);
    bool ok = !w.err;
    bc_sha256(bc_wr_view(&w), &h);
    bc_wr_free(&w);
    memcpy(out, h.b, WORD);
    return ok && scalar_ok(out);
}

/* gamma counts as it was written, the other points as we write them. */
static bool challenge(const point_t *h, const uint8_t gamma[POINT], const point_t *u,
                      const point_t *v, uint8_t out[WORD])
{
    uint8_t text[4 * POINT];
    bc_h256_t c;
    point_write(h, text);
    memcpy(text + POINT, gamma, POINT);
    point_write(u, text + 2 * POINT);
    point_write(v, text + 3 * POINT);
    bc_sha256(bc_bytes(text, sizeof(text)), &c);
    memcpy(out, c.b, WORD);
    return scalar_ok(out);
}

static bool key_ok(bc_bytes_t pub)
{
    point_t p;
    return point_parse(pub, &p);
}

static bool verify(bc_bytes_t pub, bc_bytes_t message, const uint8_t *proof)
{
    const uint8_t *c = proof + POINT, *s = c + WORD;
    uint8_t scalar[WORD], want[WORD];
    point_t p, gamma;
    if (!point_parse(pub, &p) || !point_parse(bc_bytes(proof, POINT), &gamma) || !scalar_ok(c) ||
        !scalar_ok(s) || !message_scalar(pub, message, scalar))
        return false;
    point_t h = base_mul(scalar);
    point_t sg = base_mul(s), cp = mul(c, &p), u = sub(&sg, &cp);
    point_t sh = mul(s, &h), cgamma = mul(c, &gamma), v = sub(&sh, &cgamma);
    return challenge(&h, proof, &u, &v, want) && memcmp(c, want, WORD) == 0;
}

static bool hash(const uint8_t *proof, bc_h256_t *out)
{
    static const uint8_t eight[WORD] = { [WORD - 1] = 8 };
    uint8_t text[POINT];
    point_t gamma;
    if (!point_parse(bc_bytes(proof, POINT), &gamma))
        return false;
    gamma = mul(eight, &gamma);
    point_write(&gamma, text);
    bc_sha256(bc_bytes(text, sizeof(text)), out);
    return true;
}

/* The secret meets only functions that are constant in time: gamma and k H are public multiples of
 * the key and of k G. */
static bc_err_t prove(bc_bytes_t secret, bc_bytes_t message, uint8_t *pub, uint8_t *proof)
{
    static const uint8_t label[] = "rPBFT VRF proof "; /* 16 bytes */
    const secp256k1_context *ctx = bc_secp_context();
    uint8_t scalar[WORD], k[WORD], *c = proof + POINT, *s = c + WORD;
    if (secret.n != WORD || secp256k1_ec_seckey_verify(ctx, secret.p) != 1)
        return BC_E_KEY;
    point_t p = base_mul(secret.p);
    point_write(&p, pub);
    bool ok = message_scalar(bc_bytes(pub, POINT), message, scalar) &&
              secp256k1_nonce_function_rfc6979(k, scalar, secret.p, label, NULL, 0) == 1 &&
              secp256k1_ec_seckey_verify(ctx, k) == 1;
    if (ok) {
        point_t h = base_mul(scalar), gamma = mul(scalar, &p), u = base_mul(k), v = mul(scalar, &u);
        point_write(&gamma, proof);
        memcpy(s, secret.p, WORD);
        ok = challenge(&h, proof, &u, &v, c) && secp256k1_ec_seckey_tweak_mul(ctx, s, c) == 1 &&
             secp256k1_ec_seckey_tweak_add(ctx, s, k) == 1;
    }
    OPENSSL_cleanse(k, sizeof(k));
    return ok ? BC_OK : BC_E_INTERNAL;
}

const vrf_ops_t vrf_secp = { POINT, PROOF, key_ok, verify, hash, prove };
