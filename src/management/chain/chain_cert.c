#include "management/chain/chain_cert.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include "management/chain/chain_io.h"

#define RSA_BITS  2048
#define CERT_DAYS 36500

static bc_err_t ssl_fail(const char *what)
{
    char text[256];
    ERR_error_string_n(ERR_get_error(), text, sizeof(text));
    return bc_chain_fail("%s: %s", what, text);
}

/* Every run of the tool names its certificates with its own eight hex digits. */
static bc_err_t random_name(char out[24])
{
    uint8_t r[4];
    if (RAND_bytes(r, sizeof(r)) != 1)
        return ssl_fail("no random numbers");
    snprintf(out, 24, "FISCO-BCOS-%02x%02x%02x%02x", r[0], r[1], r[2], r[3]);
    return BC_OK;
}

static bool add_name(X509_NAME *name, const char *field, const char *value)
{
    return X509_NAME_add_entry_by_txt(name, field, MBSTRING_ASC, (const unsigned char *)value, -1,
                                      -1, 0) == 1;
}

/* Serial, validity, subject and key: what both kinds of certificate share. */
static X509 *cert_begin(EVP_PKEY *key, const char *cn, const char *o, const char *ou, long version)
{
    X509 *x = X509_new();
    BIGNUM *serial = BN_new();
    bool ok = x && serial && X509_set_version(x, version) == 1 &&
              BN_rand(serial, 159, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
              BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x)) &&
              X509_gmtime_adj(X509_getm_notBefore(x), 0) &&
              X509_time_adj_ex(X509_getm_notAfter(x), CERT_DAYS, 0, NULL) &&
              add_name(X509_get_subject_name(x), "CN", cn) &&
              add_name(X509_get_subject_name(x), "O", o) &&
              add_name(X509_get_subject_name(x), "OU", ou) && X509_set_pubkey(x, key) == 1;
    BN_free(serial);
    if (ok)
        return x;
    X509_free(x);
    return NULL;
}

static bool add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = ext && X509_add_ext(x, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    return ok;
}

static bc_err_t write_bio(const char *path, BIO *bio, mode_t mode)
{
    char *p = NULL;
    long n = BIO_get_mem_data(bio, &p);
    return bc_file_write(path, bc_bytes(p, n > 0 ? (size_t)n : 0), mode);
}

static bc_err_t write_key(const char *path, EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    bc_err_t err = bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1 ?
                       write_bio(path, bio, 0600) :
                       ssl_fail("cannot encode a key");
    BIO_free(bio);
    return err;
}

static bc_err_t write_cert(const char *path, X509 *cert)
{
    BIO *bio = BIO_new(BIO_s_mem());
    bc_err_t err = bio && PEM_write_bio_X509(bio, cert) == 1 ?
                       write_bio(path, bio, 0644) :
                       ssl_fail("cannot encode a certificate");
    BIO_free(bio);
    return err;
}

/* The P2P id: the modulus, 512 hex digits of lower case. */
static bc_err_t write_nodeid(const char *path, EVP_PKEY *key)
{
    BIGNUM *n = NULL;
    uint8_t raw[RSA_BITS / 8];
    char text[2 * sizeof(raw) + 2];
    if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) != 1 ||
        BN_bn2binpad(n, raw, sizeof(raw)) != (int)sizeof(raw)) {
        BN_free(n);
        return ssl_fail("cannot read the modulus");
    }
    BN_free(n);
    for (size_t i = 0; i < sizeof(raw); i++)
        snprintf(text + 2 * i, 3, "%02x", raw[i]);
    text[sizeof(text) - 2] = '\n';
    return bc_file_write(path, bc_bytes(text, sizeof(text) - 1), 0644);
}

/* What openssl(1) needs to make more certificates by hand from this CA. */
static const char cert_cnf[] =
    "# Sections for openssl req and openssl x509 -extfile\n"
    "[ca]\n"
    "default_ca=default_ca\n"
    "\n"
    "[default_ca]\n"
    "default_days = 36500\n"
    "default_md = sha256\n"
    "\n"
    "[req]\n"
    "distinguished_name = req_distinguished_name\n"
    "req_extensions = v3_req\n"
    "\n"
    "[req_distinguished_name]\n"
    "commonName = name of the node\n"
    "organizationName = name of the chain\n"
    "organizationalUnitName = agency\n"
    "\n"
    "[ v3_req ]\n"
    "basicConstraints = CA:FALSE\n"
    "keyUsage = nonRepudiation, digitalSignature, keyEncipherment\n"
    "\n"
    "[ v4_req ]\n"
    "basicConstraints = CA:FALSE\n"
    "\n";

bc_err_t bc_chain_ca_new(const char *dir, bc_chain_ca_t *ca)
{
    char cn[24];
    *ca = (bc_chain_ca_t){ 0 };
    bc_err_t err = bc_mkdirs(dir);
    if (!err)
        err = random_name(cn);
    if (err)
        return err;
    ca->key = EVP_RSA_gen(RSA_BITS);
    if (!ca->key)
        return ssl_fail("cannot make an RSA key");
    ca->cert = cert_begin(ca->key, cn, cn, "chain", 0);
    if (!ca->cert ||
        X509_set_issuer_name(ca->cert, X509_get_subject_name(ca->cert)) != 1 ||
        X509_sign(ca->cert, ca->key, EVP_sha256()) == 0) {
        err = ssl_fail("cannot make the CA certificate");
    }
    if (!err)
        err = write_key(bc_path("%s/ca.key", dir).s, ca->key);
    if (!err)
        err = write_cert(bc_path("%s/ca.crt", dir).s, ca->cert);
    if (!err)
        err = bc_file_write(bc_path("%s/cert.cnf", dir).s, bc_cstr(cert_cnf), 0644);
    if (err)
        bc_chain_ca_free(ca);
    return err;
}

bc_err_t bc_chain_ca_load(const char *dir, bc_chain_ca_t *ca)
{
    *ca = (bc_chain_ca_t){ 0 };
    FILE *f = fopen(bc_path("%s/ca.key", dir).s, "re");
    if (f) {
        ca->key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
        fclose(f);
    }
    f = fopen(bc_path("%s/ca.crt", dir).s, "re");
    if (f) {
        ca->cert = PEM_read_X509(f, NULL, NULL, NULL);
        fclose(f);
    }
    if (ca->key && ca->cert && X509_check_private_key(ca->cert, ca->key) == 1)
        return BC_OK;
    bc_chain_ca_free(ca);
    return bc_chain_fail("%s has no ca.key and ca.crt that fit together", dir);
}

void bc_chain_ca_free(bc_chain_ca_t *ca)
{
    EVP_PKEY_free(ca->key);
    X509_free(ca->cert);
    *ca = (bc_chain_ca_t){ 0 };
}

bc_err_t bc_chain_cert_new(const bc_chain_ca_t *ca, const char *dir, const char *type)
{
    char cn[24];
    bc_err_t err = bc_mkdirs(dir);
    if (!err)
        err = random_name(cn);
    if (err)
        return err;
    X509 *cert = NULL;
    EVP_PKEY *key = EVP_RSA_gen(RSA_BITS);
    if (key)
        cert = cert_begin(key, cn, "fisco-bcos", "agency", 2);
    if (!cert || X509_set_issuer_name(cert, X509_get_subject_name(ca->cert)) != 1 ||
        !add_extension(cert, ca->cert, NID_basic_constraints, "CA:FALSE") ||
        !add_extension(cert, ca->cert, NID_subject_key_identifier, "hash") ||
        !add_extension(cert, ca->cert, NID_authority_key_identifier, "keyid,issuer") ||
        X509_sign(cert, ca->key, EVP_sha256()) == 0)
        err = ssl_fail("cannot make a certificate");
    if (!err)
        err = write_key(bc_path("%s/%s.key", dir, type).s, key);
    if (!err)
        err = write_cert(bc_path("%s/%s.crt", dir, type).s, cert);
    if (!err)
        err = write_nodeid(bc_path("%s/%s.nodeid", dir, type).s, key);
    if (!err)
        err = write_cert(bc_path("%s/ca.crt", dir).s, ca->cert);
    if (!err)
        err = bc_file_write(bc_path("%s/cert.cnf", dir).s, bc_cstr(cert_cnf), 0644);
    X509_free(cert);
    EVP_PKEY_free(key);
    return err;
}
