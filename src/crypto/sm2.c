/* SM2 signatures (GB/T 32918.2) over OpenSSL's curve and big numbers, with the user id
 * "1234567812345678" (spec/10 §1).
 *
 * Verification works on the shared, read-only curve group directly: building an EVP key for every
 * stranger's public key costs more than it gives. Signing goes through EVP, whose handling of the
 * nonce and the private scalar is constant-time. */
#include "crypto/secp.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <pthread.h>

/* ENTL || id || a || b || Gx || Gy: what Z hashes before the public key */
static const uint8_t z_prefix[2 + 16 + 4 * 32] =
    "\x00\x80" BC_SM2_ID
    "\xff\xff\xff\xfe\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    "\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xfc"
    "\x28\xe9\xfa\x9e\x9d\x9f\x5e\x34\x4d\x5a\x9e\x4b\xcf\x65\x09\xa7"
    "\xf3\x97\x89\xf5\x15\xab\x8f\x92\xdd\xbc\xbd\x41\x4d\x94\x0e\x93"
    "\x32\xc4\xae\x2c\x1f\x19\x81\x19\x5f\x99\x04\x46\x6a\x39\xc9\x94"
    "\x8f\xe3\x0b\xbf\xf2\x66\x0b\xe1\x71\x5a\x45\x89\x33\x4c\x74\xc7"
    "\xbc\x37\x36\xa2\xf4\xf6\x77\x9c\x59\xbd\xce\xe3\x6b\x69\x21\x53"
    "\xd0\xa9\x87\x7c\xc6\x2a\x47\x40\x02\xdf\x32\xe5\x21\x39\xf0\xa0";

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EC_GROUP *group;
static const BIGNUM *order;

static void group_make(void)
{
    group = EC_GROUP_new_by_curve_name(NID_sm2);
    BC_MUST(group);
    order = EC_GROUP_get0_order(group);
}

void bc_sm2_z(const bc_nodeid_t *pub, bc_h256_t *z)
{
    uint8_t m[sizeof z_prefix + 64];
    memcpy(m, z_prefix, sizeof z_prefix);
    memcpy(m + sizeof z_prefix, pub->b, 64);
    bc_sm3(bc_bytes(m, sizeof m), z);
}

void bc_sm2_e(const bc_nodeid_t *pub, const bc_h256_t *digest, bc_h256_t *e)
{
    bc_h256_t zm[2];
    bc_sm2_z(pub, &zm[0]);
    zm[1] = *digest;
    bc_sm3(bc_bytes(zm, sizeof zm), e);
}

bc_err_t bc_sm2_pub(const uint8_t secret[32], bc_nodeid_t *pub)
{
    pthread_once(&once, group_make);
    bc_err_t err = BC_E_KEY;
    BN_CTX *ctx = BN_CTX_secure_new();
    BIGNUM *d = BN_secure_new();
    EC_POINT *p = EC_POINT_new(group);
    uint8_t raw[65];
    BC_MUST(ctx && d && p && BN_bin2bn(secret, 32, d));
    BN_set_flags(d, BN_FLG_CONSTTIME);
    /* SM2 also excludes order - 1: signing inverts 1 + d */
    if (BN_is_zero(d) || BN_cmp(d, order) >= 0)
        goto out;
    BN_CTX_start(ctx);
    BIGNUM *d1 = BN_CTX_get(ctx);
    BC_MUST(d1 && BN_copy(d1, d) && BN_add_word(d1, 1));
    bool last = BN_cmp(d1, order) == 0;
    BN_clear(d1);
    BN_CTX_end(ctx);
    if (last || EC_POINT_mul(group, p, d, NULL, NULL, ctx) != 1 ||
        EC_POINT_point2oct(group, p, POINT_CONVERSION_UNCOMPRESSED, raw, sizeof raw, ctx) != 65)
        goto out;
    memcpy(pub->b, raw + 1, 64);
    err = BC_OK;
out:
    EC_POINT_clear_free(p);
    BN_clear_free(d);
    BN_CTX_free(ctx);
    return err;
}

/* (e + x) mod n = r with (x, _) = s G + (r + s) P; r and s in 1 .. n-1, r + s not 0 mod n. */
static bool equation_holds(BN_CTX *ctx, const bc_nodeid_t *pub, const bc_h256_t *e,
                           const uint8_t sig[64], EC_POINT *p, EC_POINT *q)
{
    BIGNUM *r = BN_CTX_get(ctx), *s = BN_CTX_get(ctx), *t = BN_CTX_get(ctx), *x = BN_CTX_get(ctx),
           *y = BN_CTX_get(ctx);
    if (!y || !BN_bin2bn(sig, 32, r) || !BN_bin2bn(sig + 32, 32, s))
        return false;
    if (BN_is_zero(r) || BN_is_zero(s) || BN_cmp(r, order) >= 0 || BN_cmp(s, order) >= 0)
        return false;
    if (!BN_mod_add(t, r, s, order, ctx) || BN_is_zero(t))
        return false;
    if (!BN_bin2bn(pub->b, 32, x) || !BN_bin2bn(pub->b + 32, 32, y) ||
        EC_POINT_set_affine_coordinates(group, p, x, y, ctx) != 1) /* refuses points off the curve */
        return false;
    if (EC_POINT_mul(group, q, s, p, t, ctx) != 1 || EC_POINT_is_at_infinity(group, q) ||
        EC_POINT_get_affine_coordinates(group, q, x, NULL, ctx) != 1)
        return false;
    return BN_bin2bn(e->b, 32, y) && BN_mod_add(t, x, y, order, ctx) && BN_cmp(t, r) == 0;
}

bool bc_sm2_verify(const bc_nodeid_t *pub, const bc_h256_t *digest, const uint8_t sig[64])
{
    pthread_once(&once, group_make);
    bc_h256_t e;
    bc_sm2_e(pub, digest, &e);
    BN_CTX *ctx = BN_CTX_new();
    EC_POINT *p = EC_POINT_new(group), *q = EC_POINT_new(group);
    BC_MUST(ctx && p && q);
    BN_CTX_start(ctx);
    bool ok = equation_holds(ctx, pub, &e, sig, p, q);
    BN_CTX_end(ctx);
    EC_POINT_free(q);
    EC_POINT_free(p);
    BN_CTX_free(ctx);
    return ok;
}

static EVP_PKEY *pkey_make(const bc_keypair_t *k)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = NULL;
    uint8_t pub[65] = { 4 };
    memcpy(pub + 1, k->pub.b, 64);
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "SM2", NULL);
    BIGNUM *d = BN_secure_new();
    if (bld && ctx && d && BN_bin2bn(k->secret, 32, d) &&
        OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, "SM2", 0) == 1 &&
        OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, d) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, pub, sizeof pub) == 1 &&
        (params = OSSL_PARAM_BLD_to_param(bld)) && EVP_PKEY_fromdata_init(ctx) == 1)
        (void)EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params);
    OSSL_PARAM_free(params); /* secure-heap or cleansed by OpenSSL for secure BIGNUMs */
    BN_clear_free(d);
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_BLD_free(bld);
    return key;
}

/* DER SEQUENCE { INTEGER r, INTEGER s } to 32 + 32 bytes. */
static bool der_to_raw(const uint8_t *der, size_t n, uint8_t sig[64])
{
    const uint8_t *p = der;
    ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &p, (long)n);
    bool ok = s && BN_bn2binpad(ECDSA_SIG_get0_r(s), sig, 32) == 32 &&
              BN_bn2binpad(ECDSA_SIG_get0_s(s), sig + 32, 32) == 32;
    ECDSA_SIG_free(s);
    return ok;
}

size_t bc_sm2_sign(const bc_keypair_t *k, const bc_h256_t *digest, uint8_t sig[64])
{
    uint8_t der[80];
    size_t n = sizeof der;
    bool ok = false;
    EVP_PKEY *key = pkey_make(k);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = key ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
    if (md && ctx) {
        EVP_MD_CTX_set_pkey_ctx(md, ctx);
        ok = EVP_PKEY_CTX_set1_id(ctx, BC_SM2_ID, sizeof BC_SM2_ID - 1) == 1 &&
             EVP_DigestSignInit_ex(md, NULL, "SM3", NULL, NULL, key, NULL) == 1 &&
             EVP_DigestSign(md, der, &n, digest->b, 32) == 1 && der_to_raw(der, n, sig);
    }
    EVP_MD_CTX_free(md);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    return ok ? 64 : 0;
}
