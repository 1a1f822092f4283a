/* Secrets of a connection and the SM2 operations of the handshake. */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include "access/tlcp/tlcp_impl.h"

/* P_hash of TLS 1.2 (RFC 5246 §5) over HMAC-SM3. */
bool tlcp_prf(const bc_tlcp_ctx_t *x, bc_bytes_t secret, const char *label, bc_bytes_t seed1,
              bc_bytes_t seed2, uint8_t *out, size_t n)
{
    /* a repeated seed is appended */
    OSSL_PARAM p[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t) "SM3", 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, (void *)(uintptr_t)secret.p,
                                          secret.n),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, (void *)(uintptr_t)label,
                                          strlen(label)),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, (void *)(uintptr_t)seed1.p, seed1.n),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, (void *)(uintptr_t)seed2.p, seed2.n),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF_CTX *kdf = EVP_KDF_CTX_new(x->prf);
    bool ok = kdf && EVP_KDF_derive(kdf, out, n, p) == 1;
    EVP_KDF_CTX_free(kdf);
    return ok;
}

bool tlcp_derive(bc_tlcp_t *t, uint8_t premaster[PREMASTER_SIZE])
{
    bc_bytes_t client = bc_bytes(t->randoms, RANDOM_SIZE);
    bc_bytes_t server = bc_bytes(t->randoms + RANDOM_SIZE, RANDOM_SIZE);
    bc_bytes_t secret = bc_bytes(premaster, PREMASTER_SIZE);
    bool ok;
    if (t->extended_master) { /* RFC 7627 §4: bound to all messages so far, ClientKeyExchange too */
        uint8_t hash[SM3_SIZE];
        tlcp_hash_now(t, hash);
        ok = tlcp_prf(t->x, secret, "extended master secret", bc_bytes(hash, sizeof hash),
                      (bc_bytes_t){ (const uint8_t *)"", 0 }, t->master, sizeof t->master);
    } else {
        ok = tlcp_prf(t->x, secret, "master secret", client, server, t->master, sizeof t->master);
    }
    OPENSSL_cleanse(premaster, PREMASTER_SIZE);
    bc_keypair_wipe(&t->once);
    return ok && tlcp_prf(t->x, bc_bytes(t->master, sizeof t->master), "key expansion", server,
                          client, t->keys, sizeof t->keys);
}

bool tlcp_is_sm2(const EVP_PKEY *key)
{
    return key && EVP_PKEY_is_a(key, "SM2");
}

/* A digest context for SM2 under the customary id; key is borrowed. */
static EVP_MD_CTX *sm2_begin(const bc_tlcp_ctx_t *x, EVP_PKEY *key, bool sign, EVP_PKEY_CTX **pctx)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    *pctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    if (md && *pctx) {
        EVP_MD_CTX_set_pkey_ctx(md, *pctx);
        if (EVP_PKEY_CTX_set1_id(*pctx, BC_SM2_ID, sizeof BC_SM2_ID - 1) == 1 &&
            (sign ? EVP_DigestSignInit(md, NULL, x->sm3, NULL, key)
                  : EVP_DigestVerifyInit(md, NULL, x->sm3, NULL, key)) == 1)
            return md;
    }
    EVP_MD_CTX_free(md);
    EVP_PKEY_CTX_free(*pctx);
    return NULL;
}

bool tlcp_put_signature(const bc_tlcp_ctx_t *x, const bc_bytes_t *parts, size_t cnt, bc_wr_t *out)
{
    uint8_t sig[SM2_SIG_MAX];
    size_t n = sizeof sig;
    EVP_PKEY_CTX *pctx;
    EVP_MD_CTX *md = sm2_begin(x, x->sign_key, true, &pctx);
    bool ok = md != NULL;
    for (size_t i = 0; ok && i < cnt; i++)
        ok = EVP_DigestSignUpdate(md, parts[i].p, parts[i].n) == 1;
    ok = ok && EVP_DigestSignFinal(md, sig, &n) == 1;
    if (md) {
        EVP_MD_CTX_free(md);
        EVP_PKEY_CTX_free(pctx);
    }
    bc_wr_be16(out, (uint16_t)n);
    bc_wr_mem(out, sig, n);
    return ok && !out->err;
}

bool tlcp_verify(const bc_tlcp_ctx_t *x, EVP_PKEY *key, const bc_bytes_t *parts, size_t cnt,
                 bc_bytes_t sig)
{
    if (!tlcp_is_sm2(key))
        return false;
    EVP_PKEY_CTX *pctx;
    EVP_MD_CTX *md = sm2_begin(x, key, false, &pctx);
    bool ok = md != NULL;
    for (size_t i = 0; ok && i < cnt; i++)
        ok = EVP_DigestVerifyUpdate(md, parts[i].p, parts[i].n) == 1;
    ok = ok && EVP_DigestVerifyFinal(md, sig.p, sig.n) == 1;
    if (md) {
        EVP_MD_CTX_free(md);
        EVP_PKEY_CTX_free(pctx);
    }
    return ok;
}

bool tlcp_encrypt(EVP_PKEY *key, bc_bytes_t in, bc_wr_t *out)
{
    EVP_PKEY_CTX *c = tlcp_is_sm2(key) ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
    uint8_t text[256];
    size_t n = sizeof text;
    bool ok = c && EVP_PKEY_encrypt_init(c) == 1 && EVP_PKEY_encrypt(c, text, &n, in.p, in.n) == 1;
    if (ok)
        bc_wr_mem(out, text, n);
    EVP_PKEY_CTX_free(c);
    return ok;
}

bool tlcp_decrypt(EVP_PKEY *key, bc_bytes_t in, uint8_t out[PREMASTER_SIZE])
{
    uint8_t plain[1024]; /* longer than any text of so short an input */
    size_t n = sizeof plain;
    if (in.n > sizeof plain)
        return false;
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    bool ok = c && EVP_PKEY_decrypt_init(c) == 1 &&
              EVP_PKEY_decrypt(c, plain, &n, in.p, in.n) == 1 && n == PREMASTER_SIZE;
    if (ok)
        memcpy(out, plain, PREMASTER_SIZE);
    OPENSSL_cleanse(plain, sizeof plain);
    EVP_PKEY_CTX_free(c);
    return ok;
}
