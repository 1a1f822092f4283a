/* Key exchange of SM2 (GB/T 32918.3 §6), without its optional confirmation: TLCP has its own. */
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <stdlib.h>
#include "base/buf.h"
#include "crypto/secp.h"

/* 2^127 + the low 127 bits of a key's x */
static bool x_bar(const bc_nodeid_t *pub, BIGNUM *out)
{
    uint8_t half[16];
    memcpy(half, pub->b + 16, sizeof half);
    half[0] |= 0x80;
    return BN_bin2bn(half, sizeof half, out) != NULL;
}

/* Refuses what is not on the curve. */
static bool point_of(const EC_GROUP *g, const bc_nodeid_t *pub, EC_POINT *out, BN_CTX *ctx)
{
    uint8_t raw[65] = { 4 };
    memcpy(raw + 1, pub->b, 64);
    return EC_POINT_oct2point(g, out, raw, sizeof raw, ctx) == 1;
}

/* t = d + x_bar(R) r, ours; U = t (P + x_bar(R) R), with the peer's P and R. xy gets U. */
static bool shared_point(const EC_GROUP *g, BN_CTX *ctx, const bc_keypair_t *own,
                         const bc_keypair_t *own_once, const bc_nodeid_t *peer,
                         const bc_nodeid_t *peer_once, uint8_t xy[65])
{
    BIGNUM *d = BN_CTX_get(ctx), *r = BN_CTX_get(ctx), *t = BN_CTX_get(ctx), *x = BN_CTX_get(ctx);
    EC_POINT *p = EC_POINT_new(g), *q = EC_POINT_new(g);
    const BIGNUM *order = EC_GROUP_get0_order(g);
    bool ok = x && p && q && BN_bin2bn(own->secret, 32, d) && BN_bin2bn(own_once->secret, 32, r);
    if (ok) {
        BN_set_flags(d, BN_FLG_CONSTTIME);
        BN_set_flags(r, BN_FLG_CONSTTIME);
        BN_set_flags(t, BN_FLG_CONSTTIME);
        ok = x_bar(&own_once->pub, x) && BN_mod_mul(t, x, r, order, ctx) &&
             BN_mod_add(t, t, d, order, ctx) && !BN_is_zero(t);
    }
    /* the order of the curve is a prime, so there is no cofactor */
    ok = ok && point_of(g, peer_once, q, ctx) && x_bar(peer_once, x) &&
         EC_POINT_mul(g, q, NULL, q, x, ctx) == 1 && point_of(g, peer, p, ctx) &&
         EC_POINT_add(g, q, q, p, ctx) == 1 && EC_POINT_mul(g, q, NULL, q, t, ctx) == 1 &&
         !EC_POINT_is_at_infinity(g, q) &&
         EC_POINT_point2oct(g, q, POINT_CONVERSION_UNCOMPRESSED, xy, 65, ctx) == 65;
    EC_POINT_free(p);
    EC_POINT_clear_free(q);
    return ok;
}

/* SM3 of the secret and a counter, as often as it takes. */
static void stretch(const uint8_t *secret, size_t secret_n, uint8_t *out, size_t n)
{
    for (uint32_t counter = 1; n; counter++) {
        bc_hasher_t h;
        bc_h256_t block;
        bc_hasher_init(&h, BC_SUITE_SM);
        bc_hasher_put(&h, bc_bytes(secret, secret_n));
        bc_hasher_be32(&h, counter);
        bc_hasher_final(&h, &block);
        size_t k = BC_MIN(n, sizeof block.b);
        memcpy(out, block.b, k);
        OPENSSL_cleanse(&block, sizeof block);
        out += k;
        n -= k;
    }
}

bc_err_t bc_sm2_agree(bool initiator, const bc_keypair_t *own, const bc_keypair_t *own_once,
                      const bc_nodeid_t *peer, const bc_nodeid_t *peer_once, uint8_t *out, size_t n)
{
    struct {
        uint8_t xy[65];
        bc_h256_t z[2]; /* who began first */
    } s;
    _Static_assert(sizeof s == 65 + 64, "hashed as one piece");
    EC_GROUP *g = EC_GROUP_new_by_curve_name(NID_sm2);
    BN_CTX *ctx = BN_CTX_secure_new();
    BC_MUST(g && ctx);
    BN_CTX_start(ctx);
    bool ok = shared_point(g, ctx, own, own_once, peer, peer_once, s.xy);
    BN_CTX_end(ctx);
    BN_CTX_free(ctx);
    EC_GROUP_free(g);
    if (!ok)
        return BC_E_KEY;
    bc_sm2_z(&own->pub, &s.z[!initiator]);
    bc_sm2_z(peer, &s.z[initiator]);
    stretch(s.xy + 1, sizeof s - 1, out, n);
    OPENSSL_cleanse(&s, sizeof s);
    return BC_OK;
}
