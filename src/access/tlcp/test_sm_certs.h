/* Throw-away SM2 certificates for tests, shaped as the chain builder makes them: a root, and leaves
 * that either sign or are encrypted to. */
#ifndef BC_ACCESS_TEST_SM_CERTS_H
#define BC_ACCESS_TEST_SM_CERTS_H

#include <openssl/x509v3.h>
#include "access/tlcp/tlcp.h"
#include "crypto/suite.h"

#define SM_USE_CA   "keyCertSign,cRLSign"
#define SM_USE_SIGN "nonRepudiation,digitalSignature"
#define SM_USE_ENC  "keyAgreement,keyEncipherment,dataEncipherment"

typedef struct {
    EVP_PKEY *key;
    X509 *cert;
} sm_pair_t;

static inline void sm_extension(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    BC_MUST(e && X509_add_ext(x, e, -1) == 1);
    X509_EXTENSION_free(e);
}

static inline void sm_sign_cert(X509 *x, EVP_PKEY *key)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    BC_MUST(md && pctx && EVP_PKEY_CTX_set1_id(pctx, BC_SM2_ID, sizeof BC_SM2_ID - 1) == 1);
    EVP_MD_CTX_set_pkey_ctx(md, pctx);
    BC_MUST(EVP_DigestSignInit(md, NULL, EVP_sm3(), NULL, key) == 1 && X509_sign_ctx(x, md) > 0);
    EVP_MD_CTX_free(md);
    EVP_PKEY_CTX_free(pctx);
}

/* ca NULL: signs itself. */
static inline sm_pair_t sm_pair_new(const char *cn, const char *usage, const sm_pair_t *ca)
{
    static long serial = 1;
    sm_pair_t p = { EVP_PKEY_Q_keygen(NULL, NULL, "SM2"), X509_new() };
    BC_MUST(p.key && p.cert && X509_set_version(p.cert, X509_VERSION_3) == 1);
    ASN1_INTEGER_set(X509_get_serialNumber(p.cert), serial++);
    ASN1_TIME_set_string(X509_getm_notBefore(p.cert), "20200101000000Z");
    ASN1_TIME_set_string(X509_getm_notAfter(p.cert), "21191231235959Z");
    X509_NAME *n = X509_get_subject_name(p.cert);
    X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1, -1, 0);
    X509_set_issuer_name(p.cert, ca ? X509_get_subject_name(ca->cert) : n);
    X509_set_pubkey(p.cert, p.key);
    sm_extension(p.cert, NID_basic_constraints, strstr(usage, "keyCertSign") ? "CA:TRUE" : "CA:FALSE");
    sm_extension(p.cert, NID_key_usage, usage);
    sm_sign_cert(p.cert, ca ? ca->key : p.key);
    return p;
}

static inline void sm_pair_free(sm_pair_t *p)
{
    EVP_PKEY_free(p->key);
    X509_free(p->cert);
}

#endif
