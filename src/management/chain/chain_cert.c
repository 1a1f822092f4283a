#include "management/chain/chain_cert.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include "codec/hex.h"
#include "crypto/suite.h"
#include "management/chain/chain_io.h"

#define RSA_BITS  2048
#define CERT_DAYS 36500
#define ID_MAX    (RSA_BITS / 8)

/* ---- what the two kinds differ in ---- */

typedef struct {
    int nid; /* NID_undef: end of a list */
    const char *value;
} extension_t;

/* One of the certificates that a node has. */
typedef struct {
    const char *prefix; /* of its type in file names */
    const char *ou;     /* NULL: prefix and type */
    const extension_t *extensions;
} leaf_t;

typedef struct {
    const char *prefix; /* of all file names */
    const char *key_type;
    int curve; /* whose parameters lie beside the CA; NID_undef: none */
    const EVP_MD *(*digest)(void);
    const char *signer_id; /* that goes into each digest; NULL: none */
    long ca_version;       /* 0 is X.509 v1 */
    const extension_t *ca_extensions;
    leaf_t leaves[2]; /* the first one's key gives the P2P id */
    size_t leaf_cnt;
    size_t (*id_of)(EVP_PKEY *key, uint8_t id[ID_MAX]); /* length, 0: failed */
    const char *cnf;
    bool cnf_beside_leaves;
} kind_t;

static size_t modulus(EVP_PKEY *key, uint8_t id[ID_MAX])
{
    BIGNUM *n = NULL;
    bool ok = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
              BN_bn2binpad(n, id, RSA_BITS / 8) == RSA_BITS / 8;
    BN_free(n);
    return ok ? RSA_BITS / 8 : 0;
}

/* X || Y, without the 04 of an uncompressed point. */
static size_t point(EVP_PKEY *key, uint8_t id[ID_MAX])
{
    unsigned char *raw = NULL;
    size_t n = EVP_PKEY_get1_encoded_public_key(key, &raw);
    bool ok = n == 65 && raw[0] == 0x04;
    if (ok)
        memcpy(id, raw + 1, n - 1);
    OPENSSL_free(raw);
    return ok ? n - 1 : 0;
}

static const extension_t no_extensions[] = { { NID_undef, NULL } };

static const extension_t tls_leaf[] = {
    { NID_basic_constraints, "CA:FALSE" },
    { NID_subject_key_identifier, "hash" },
    { NID_authority_key_identifier, "keyid,issuer" },
    { NID_undef, NULL },
};

static const extension_t sm_ca[] = {
    { NID_subject_key_identifier, "hash" },
    { NID_authority_key_identifier, "keyid:always,issuer" },
    { NID_basic_constraints, "CA:TRUE" },
    { NID_key_usage, "cRLSign, keyCertSign" },
    { NID_undef, NULL },
};

static const extension_t sm_sign[] = {
    { NID_basic_constraints, "CA:FALSE" },
    { NID_key_usage, "nonRepudiation, digitalSignature" },
    { NID_undef, NULL },
};

static const extension_t sm_encrypt[] = {
    { NID_basic_constraints, "CA:FALSE" },
    { NID_key_usage, "keyAgreement, keyEncipherment, dataEncipherment" },
    { NID_undef, NULL },
};

/* What openssl(1), and build_chain.sh for a further node, need to make more certificates of a CA.
 * They know the sections by name. */
static const char tls_cnf[] =
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

static const char sm_cnf[] =
    "# Sections for openssl req and openssl x509 -extfile\n"
    "[req]\n"
    "default_md = sm3\n"
    "distinguished_name = req_distinguished_name\n"
    "x509_extensions = v3_ca\n"
    "\n"
    "[req_distinguished_name]\n"
    "commonName = name of the node\n"
    "organizationName = name of the chain\n"
    "organizationalUnitName = ssl, enssl, sdk or ensdk\n"
    "\n"
    "# the CA\n"
    "[v3_ca]\n"
    "subjectKeyIdentifier = hash\n"
    "authorityKeyIdentifier = keyid:always,issuer\n"
    "basicConstraints = CA:TRUE\n"
    "keyUsage = cRLSign, keyCertSign\n"
    "\n"
    "# a certificate whose key signs\n"
    "[v3_req]\n"
    "basicConstraints = CA:FALSE\n"
    "keyUsage = nonRepudiation, digitalSignature\n"
    "\n"
    "# a certificate whose key is encrypted to\n"
    "[v3enc_req]\n"
    "basicConstraints = CA:FALSE\n"
    "keyUsage = keyAgreement, keyEncipherment, dataEncipherment\n";

static const kind_t kinds[] = {
    [BC_CHAIN_LINK_TLS] = {
        .prefix = "",
        .key_type = "RSA",
        .curve = NID_undef,
        .digest = EVP_sha256,
        .ca_version = 0,
        .ca_extensions = no_extensions,
        .leaves = { { "", "agency", tls_leaf } },
        .leaf_cnt = 1,
        .id_of = modulus,
        .cnf = tls_cnf,
        .cnf_beside_leaves = true,
    },
    [BC_CHAIN_LINK_SM] = {
        .prefix = "sm_",
        .key_type = "SM2",
        .curve = NID_sm2,
        .digest = EVP_sm3,
        .signer_id = BC_SM2_ID,
        .ca_version = 2,
        .ca_extensions = sm_ca,
        .leaves = { { "", NULL, sm_sign }, { "en", NULL, sm_encrypt } },
        .leaf_cnt = 2,
        .id_of = point,
        .cnf = sm_cnf,
    },
};

/* ---- files ---- */

static bc_err_t ssl_fail(const char *what)
{
    char text[256];
    ERR_error_string_n(ERR_get_error(), text, sizeof(text));
    return bc_chain_fail("%s: %s", what, text);
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

/* The curve by name, as `openssl genpkey -paramfile` wants it. */
static bc_err_t write_curve(const char *path, int curve)
{
    unsigned char *der = NULL;
    int n = i2d_ASN1_OBJECT(OBJ_nid2obj(curve), &der);
    BIO *bio = BIO_new(BIO_s_mem());
    bc_err_t err = bio && n > 0 && PEM_write_bio(bio, "EC PARAMETERS", "", der, n) > 0 ?
                       write_bio(path, bio, 0644) :
                       ssl_fail("cannot encode the parameters of a curve");
    BIO_free(bio);
    OPENSSL_free(der);
    return err;
}

static bc_err_t write_nodeid(const kind_t *k, const char *path, EVP_PKEY *key)
{
    uint8_t id[ID_MAX];
    size_t n = k->id_of(key, id);
    if (n == 0)
        return ssl_fail("cannot read the id of a key");
    bc_wr_t w = { 0 };
    bc_wr_hex(&w, bc_bytes(id, n));
    bc_wr_str(&w, "\n");
    bc_err_t err = w.err ? w.err : bc_file_write(path, bc_wr_view(&w), 0644);
    bc_wr_free(&w);
    return err;
}

/* ---- certificates ---- */

static EVP_PKEY *new_key(const kind_t *k)
{
    /* Only RSA reads the number of bits; SM2 has one size. */
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, k->key_type, (size_t)RSA_BITS);
    if (!key)
        ssl_fail("cannot make a key");
    return key;
}

/* Every certificate is named with its own eight hex digits. */
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

/* Serial, validity, subject and key. NULL: failed. */
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

static bool add_extensions(X509 *x, X509 *issuer, const extension_t *list)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    for (; list->nid != NID_undef; list++) {
        X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, list->nid, list->value);
        bool ok = ext && X509_add_ext(x, ext, -1) == 1;
        X509_EXTENSION_free(ext);
        if (!ok)
            return false;
    }
    return true;
}

/* X509_sign has no place for the signer's id, and without one OpenSSL 3 takes the empty id. */
static bool sign(const kind_t *k, X509 *x, EVP_PKEY *key)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    bool ok = md && ctx &&
              (!k->signer_id ||
               EVP_PKEY_CTX_set1_id(ctx, k->signer_id, (int)strlen(k->signer_id)) == 1);
    if (ok) {
        EVP_MD_CTX_set_pkey_ctx(md, ctx); /* md does not own it then */
        ok = EVP_DigestSignInit(md, NULL, k->digest(), NULL, key) == 1 && X509_sign_ctx(x, md) > 0;
    }
    EVP_MD_CTX_free(md);
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

/* The rest of a certificate after cert_begin: what its issuer, itself for a root, says of it. */
static bool cert_end(const kind_t *k, X509 *x, X509 *issuer, EVP_PKEY *issuer_key,
                     const extension_t *extensions)
{
    return X509_set_issuer_name(x, X509_get_subject_name(issuer)) == 1 &&
           add_extensions(x, issuer, extensions) && sign(k, x, issuer_key);
}

static bc_err_t ca_make(const kind_t *k, bc_chain_ca_t *ca)
{
    char cn[24];
    bc_err_t err = random_name(cn);
    if (err)
        return err;
    ca->key = new_key(k);
    if (!ca->key)
        return BC_E_IO;
    ca->cert = cert_begin(ca->key, cn, cn, "chain", k->ca_version);
    if (!ca->cert || !cert_end(k, ca->cert, ca->cert, ca->key, k->ca_extensions))
        return ssl_fail("cannot make the CA certificate");
    return BC_OK;
}

bc_err_t bc_chain_ca_new(bc_chain_link_t link, const char *dir, bc_chain_ca_t *ca)
{
    const kind_t *k = &kinds[link];
    *ca = (bc_chain_ca_t){ .link = link };
    bc_err_t err = bc_mkdirs(dir);
    if (!err)
        err = ca_make(k, ca);
    if (!err)
        err = write_key(bc_path("%s/%sca.key", dir, k->prefix).s, ca->key);
    if (!err)
        err = write_cert(bc_path("%s/%sca.crt", dir, k->prefix).s, ca->cert);
    if (!err)
        err = bc_file_write(bc_path("%s/%scert.cnf", dir, k->prefix).s, bc_cstr(k->cnf), 0644);
    if (!err && k->curve != NID_undef)
        err = write_curve(bc_path("%s/%ssm2.param", dir, k->prefix).s, k->curve);
    if (err)
        bc_chain_ca_free(ca);
    return err;
}

/* An ordinary CA may have any key that signs with SHA-256; nobody but SM2 signs with SM3. */
static bool fits(const kind_t *k, const bc_chain_ca_t *ca)
{
    return ca->key && ca->cert && X509_check_private_key(ca->cert, ca->key) == 1 &&
           EVP_PKEY_is_a(ca->key, "SM2") == (k->curve == NID_sm2);
}

bc_err_t bc_chain_ca_load(bc_chain_link_t link, const char *dir, bc_chain_ca_t *ca)
{
    const kind_t *k = &kinds[link];
    *ca = (bc_chain_ca_t){ .link = link };
    FILE *f = fopen(bc_path("%s/%sca.key", dir, k->prefix).s, "re");
    if (f) {
        ca->key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
        fclose(f);
    }
    f = fopen(bc_path("%s/%sca.crt", dir, k->prefix).s, "re");
    if (f) {
        ca->cert = PEM_read_X509(f, NULL, NULL, NULL);
        fclose(f);
    }
    if (fits(k, ca))
        return BC_OK;
    bc_chain_ca_free(ca);
    return bc_chain_fail("%s has no %sca.key and %sca.crt that fit together", dir, k->prefix,
                         k->prefix);
}

bc_err_t bc_chain_ca_copy(bc_chain_link_t link, const char *from, const char *to)
{
    static const struct {
        const char *name;
        mode_t mode;
        bool curve;
    } files[] = {
        { "ca.crt", 0644, false },
        { "ca.key", 0600, false },
        { "cert.cnf", 0644, false },
        { "sm2.param", 0644, true },
    };
    const kind_t *k = &kinds[link];
    bc_err_t err = bc_mkdirs(to);
    for (size_t i = 0; !err && i < BC_ARRAY_LEN(files); i++)
        if (!files[i].curve || k->curve != NID_undef)
            err = bc_file_copy(bc_path("%s/%s%s", from, k->prefix, files[i].name).s,
                               bc_path("%s/%s%s", to, k->prefix, files[i].name).s, files[i].mode);
    return err;
}

void bc_chain_ca_free(bc_chain_ca_t *ca)
{
    EVP_PKEY_free(ca->key);
    X509_free(ca->cert);
    *ca = (bc_chain_ca_t){ 0 };
}

/* Key and certificate; the first leaf's id too. */
static bc_err_t leaf_new(const bc_chain_ca_t *ca, const leaf_t *leaf, const char *dir,
                         const char *type)
{
    const kind_t *k = &kinds[ca->link];
    bc_path_t name = bc_path("%s%s", leaf->prefix, type);
    bc_path_t stem = bc_path("%s/%s%s", dir, k->prefix, name.s);
    char cn[24];
    bc_err_t err = random_name(cn);
    if (err)
        return err;
    EVP_PKEY *key = new_key(k);
    if (!key)
        return BC_E_IO;
    X509 *cert = cert_begin(key, cn, "fisco-bcos", leaf->ou ? leaf->ou : name.s, 2);
    if (!cert || !cert_end(k, cert, ca->cert, ca->key, leaf->extensions))
        err = ssl_fail("cannot make a certificate");
    if (!err)
        err = write_key(bc_path("%s.key", stem.s).s, key);
    if (!err)
        err = write_cert(bc_path("%s.crt", stem.s).s, cert);
    if (!err && leaf == &k->leaves[0])
        err = write_nodeid(k, bc_path("%s.nodeid", stem.s).s, key);
    X509_free(cert);
    EVP_PKEY_free(key);
    return err;
}

bc_err_t bc_chain_cert_new(const bc_chain_ca_t *ca, const char *dir, const char *type)
{
    const kind_t *k = &kinds[ca->link];
    bc_err_t err = bc_mkdirs(dir);
    for (size_t i = 0; !err && i < k->leaf_cnt; i++)
        err = leaf_new(ca, &k->leaves[i], dir, type);
    if (!err)
        err = write_cert(bc_path("%s/%sca.crt", dir, k->prefix).s, ca->cert);
    if (!err && k->cnf_beside_leaves)
        err = bc_file_write(bc_path("%s/%scert.cnf", dir, k->prefix).s, bc_cstr(k->cnf), 0644);
    return err;
}
