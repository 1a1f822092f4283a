/* Throw-away certificates for tests, shaped as the chain builder makes them: RSA-2048, a
 * self-signed X.509 v1 root without extensions, leaves v3 with basicConstraints CA:FALSE. Those of SM2
 * are in access/tlcp/test_sm_certs.h. */
#ifndef BC_ACCESS_TEST_CERTS_H
#define BC_ACCESS_TEST_CERTS_H

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include "access/net/net.h"
#include "access/tlcp/test_sm_certs.h"

typedef struct {
    EVP_PKEY *key;
    X509 *cert;
} test_ca_t;

static inline char *test_pem(int (*put)(BIO *b, void *what), void *what)
{
    BIO *b = BIO_new(BIO_s_mem());
    BC_MUST(b && put(b, what) == 1);
    char *p = NULL;
    long n = BIO_get_mem_data(b, &p);
    char *text = bc_xcalloc((size_t)n + 1, 1);
    memcpy(text, p, (size_t)n);
    BIO_free(b);
    return text;
}

static inline int test_put_key(BIO *b, void *k)
{
    return PEM_write_bio_PKCS8PrivateKey(b, k, NULL, NULL, 0, NULL, NULL);
}

static inline int test_put_cert(BIO *b, void *x)
{
    return PEM_write_bio_X509(b, x);
}

static inline X509 *test_sign(EVP_PKEY *key, const char *cn, const char *ou, long version,
                              const test_ca_t *ca)
{
    static long serial = 1;
    X509 *x = X509_new();
    BC_MUST(x && X509_set_version(x, version) == 1);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_NAME *n = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1, -1, 0);
    X509_NAME_add_entry_by_txt(n, "OU", MBSTRING_ASC, (const unsigned char *)ou, -1, -1, 0);
    X509_set_issuer_name(x, ca ? X509_get_subject_name(ca->cert) : n);
    X509_set_pubkey(x, key);
    if (version == X509_VERSION_3) {
        X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "CA:FALSE");
        X509_add_ext(x, e, -1);
        X509_EXTENSION_free(e);
    }
    BC_MUST(X509_sign(x, ca ? ca->key : key, EVP_sha256()) > 0);
    return x;
}

static inline test_ca_t test_ca_new(const char *cn)
{
    test_ca_t ca = { .key = EVP_RSA_gen(2048) };
    BC_MUST(ca.key);
    ca.cert = test_sign(ca.key, cn, "chain", X509_VERSION_1, NULL);
    return ca;
}

static inline void test_ca_free(test_ca_t *ca)
{
    EVP_PKEY_free(ca->key);
    X509_free(ca->cert);
}

/* A context with a fresh certificate of `ca` that trusts `trust`. */
static inline bc_tls_t *test_tls(const test_ca_t *ca, const test_ca_t *trust, bc_tls_config_t c)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    X509 *x = test_sign(key, "node", "agency", X509_VERSION_3, ca);
    char *ca_pem = test_pem(test_put_cert, trust->cert);
    char *cert_pem = test_pem(test_put_cert, x);
    char *key_pem = test_pem(test_put_key, key);
    c.ca_pem = bc_cstr(ca_pem);
    c.cert_pem = bc_cstr(cert_pem);
    c.key_pem = bc_cstr(key_pem);
    bc_tls_t *t;
    BC_MUST(bc_tls_new(&c, &t) == BC_OK);
    EVP_PKEY_free(key);
    X509_free(x);
    free(ca_pem);
    free(cert_pem);
    free(key_pem);
    return t;
}

/* The same for TLCP. */
static inline bc_tls_t *test_sm_tls(const sm_pair_t *ca, const sm_pair_t *trust, bc_tls_config_t c)
{
    sm_pair_t sign = sm_pair_new("node", SM_USE_SIGN, ca), enc = sm_pair_new("node", SM_USE_ENC, ca);
    char *pem[] = { test_pem(test_put_cert, trust->cert), test_pem(test_put_cert, sign.cert),
                    test_pem(test_put_key, sign.key), test_pem(test_put_cert, enc.cert),
                    test_pem(test_put_key, enc.key) };
    c.sm = true;
    c.ca_pem = bc_cstr(pem[0]);
    c.cert_pem = bc_cstr(pem[1]);
    c.key_pem = bc_cstr(pem[2]);
    c.enc_cert_pem = bc_cstr(pem[3]);
    c.enc_key_pem = bc_cstr(pem[4]);
    bc_tls_t *t;
    BC_MUST(bc_tls_new(&c, &t) == BC_OK);
    sm_pair_free(&sign);
    sm_pair_free(&enc);
    for (size_t i = 0; i < BC_ARRAY_LEN(pem); i++)
        free(pem[i]);
    return t;
}

#endif
