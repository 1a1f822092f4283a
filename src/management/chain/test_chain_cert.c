#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/objects.h>

#include "codec/hex.h"
#include "management/chain/test_dir.h"

static void assert_lasts_100_years(const X509 *x)
{
    int days = 0, seconds = 0;
    assert_int_equal(ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(x), X509_get0_notAfter(x)),
                     1);
    assert_int_equal(days, 36500);
    assert_int_equal(seconds, 0);
}

/* The name is CN=FISCO-BCOS-<8 hex digits> and tail. */
static void assert_subject(const X509 *x, const char *tail)
{
    char text[256];
    X509_NAME_oneline(X509_get_subject_name(x), text, sizeof(text));
    assert_memory_equal(text, "/CN=FISCO-BCOS-", 15);
    assert_int_equal(strspn(text + 15, "0123456789abcdef"), 8);
    assert_string_equal(text + 23, tail);
}

/* The CA's organization is its own name. */
static void assert_ca_subject(const X509 *ca)
{
    char text[256];
    X509_NAME_oneline(X509_get_subject_name(ca), text, sizeof(text));
    assert_subject(ca, bc_path("/O=%.19s/OU=chain", text + 4).s);
    assert_int_equal(X509_NAME_cmp(X509_get_subject_name(ca), X509_get_issuer_name(ca)), 0);
}

/* As a TLS peer sees it: the CA alone is trusted. */
static bool trusted(X509 *ca, X509 *x)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    assert_int_equal(X509_STORE_add_cert(store, ca), 1);
    assert_int_equal(X509_STORE_CTX_init(ctx, store, x, NULL), 1);
    bool ok = X509_verify_cert(ctx) == 1;
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return ok;
}

/* PKCS#8, not encrypted, and the certificate's. */
static EVP_PKEY *load_key(const char *path, X509 *x)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    char first[64];
    assert_non_null(fgets(first, sizeof(first), f));
    assert_string_equal(first, "-----BEGIN PRIVATE KEY-----\n");
    rewind(f);
    EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    fclose(f);
    assert_non_null(key);
    assert_int_equal(X509_check_private_key(x, key), 1);
    return key;
}

static void assert_id(const char *path, bc_bytes_t want)
{
    char *id = slurp(path);
    uint8_t got[256];
    assert_int_equal(strlen(id), 2 * want.n + 1);
    assert_int_equal(id[2 * want.n], '\n');
    assert_int_equal(strcspn(id, "ABCDEF"), strlen(id));
    assert_int_equal(bc_hex_fixed(bc_bytes(id, 2 * want.n), got, want.n), BC_OK);
    assert_memory_equal(got, want.p, want.n);
    free(id);
}

/* ssl and sdk in dir, by a CA in dir/ca that was read back from its files. */
static void make_ca_and_leaves(bc_chain_link_t link, const char *dir)
{
    bc_path_t ca_dir = bc_path("%s/ca", dir);
    bc_chain_ca_t ca;
    assert_int_equal(bc_chain_ca_new(link, ca_dir.s, &ca), BC_OK);
    bc_chain_ca_free(&ca);
    assert_int_equal(bc_chain_ca_load(link, ca_dir.s, &ca), BC_OK);
    assert_int_equal(bc_chain_cert_new(&ca, dir, "ssl"), BC_OK);
    assert_int_equal(bc_chain_cert_new(&ca, dir, "sdk"), BC_OK);
    bc_chain_ca_free(&ca);
}

static void certificates_have_the_official_form(void **state)
{
    static const char *const types[] = { "ssl", "sdk" };
    const char *dir = *state;
    make_ca_and_leaves(BC_CHAIN_LINK_TLS, dir);
    X509 *ca = load_cert(bc_path("%s/ca/ca.crt", dir).s);
    assert_int_equal(X509_get_version(ca), 0); /* v1 */
    assert_int_equal(X509_get_ext_count(ca), 0);
    assert_int_equal(X509_get_signature_nid(ca), NID_sha256WithRSAEncryption);
    assert_int_equal(X509_verify(ca, X509_get0_pubkey(ca)), 1);
    assert_lasts_100_years(ca);
    assert_ca_subject(ca);

    for (size_t i = 0; i < BC_ARRAY_LEN(types); i++) {
        bc_path_t stem = bc_path("%s/%s", dir, types[i]);
        X509 *x = load_cert(bc_path("%s.crt", stem.s).s);
        assert_int_equal(X509_get_version(x), 2); /* v3 */
        assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(x)), 2048);
        assert_int_equal(X509_get_signature_nid(x), NID_sha256WithRSAEncryption);
        assert_subject(x, "/O=fisco-bcos/OU=agency");
        assert_lasts_100_years(x);
        assert_int_equal(X509_check_ca(x), 0);
        assert_int_equal(X509_get_ext_by_NID(x, NID_key_usage, -1), -1);
        assert_true(trusted(ca, x));
        EVP_PKEY *key = load_key(bc_path("%s.key", stem.s).s, x);
        BIGNUM *n = NULL;
        uint8_t id[256];
        assert_int_equal(EVP_PKEY_get_bn_param(key, "n", &n), 1);
        assert_int_equal(BN_bn2binpad(n, id, sizeof(id)), sizeof(id));
        assert_id(bc_path("%s.nodeid", stem.s).s, bc_bytes(id, sizeof(id)));
        BN_free(n);
        EVP_PKEY_free(key);
        X509_free(x);
    }
    X509_free(ca);
}

/* id-ecPublicKey with the curve sm2: what OpenSSL 3 and its older forks both take for SM2. */
static void assert_sm2_algorithm(const X509_ALGOR *alg)
{
    const ASN1_OBJECT *name, *curve;
    const void *value;
    int type;
    X509_ALGOR_get0(&name, &type, &value, alg);
    assert_int_equal(OBJ_obj2nid(name), NID_X9_62_id_ecPublicKey);
    assert_int_equal(type, V_ASN1_OBJECT);
    curve = value;
    char text[64];
    OBJ_obj2txt(text, sizeof(text), curve, 1);
    assert_string_equal(text, "1.2.156.10197.1.301");
}

/* What all SM certificates share: form, keys, signature. The CA's id is set, x's too after this. */
static void assert_sm_form(X509 *ca, X509 *x, const char *key_file)
{
    assert_int_equal(X509_get_version(x), 2); /* v3 */
    assert_lasts_100_years(x);
    assert_int_equal(X509_get_signature_nid(x), NID_SM2_with_SM3);
    const ASN1_OBJECT *name;
    X509_ALGOR_get0(&name, NULL, NULL, X509_get0_tbs_sigalg(x));
    assert_int_equal(OBJ_obj2nid(name), NID_SM2_with_SM3);

    const unsigned char *point;
    int point_size;
    X509_ALGOR *alg;
    assert_int_equal(X509_PUBKEY_get0_param(NULL, &point, &point_size, &alg,
                                            X509_get_X509_PUBKEY(x)), 1);
    assert_sm2_algorithm(alg);
    assert_int_equal(point_size, 65);
    assert_int_equal(point[0], 4);
    EVP_PKEY_free(load_key(key_file, x));
    FILE *f = fopen(key_file, "r");
    assert_non_null(f);
    PKCS8_PRIV_KEY_INFO *p8 = PEM_read_PKCS8_PRIV_KEY_INFO(f, NULL, NULL, NULL);
    fclose(f);
    assert_non_null(p8);
    const X509_ALGOR *key_alg;
    assert_int_equal(PKCS8_pkey_get0(NULL, NULL, NULL, &key_alg, p8), 1);
    assert_sm2_algorithm(key_alg);
    PKCS8_PRIV_KEY_INFO_free(p8);

    /* Signed by the CA under the id of the standard, and under no other. */
    assert_int_not_equal(X509_verify(x, X509_get0_pubkey(ca)), 1);
    set_sm2_id(x);
    assert_int_equal(X509_verify(x, X509_get0_pubkey(ca)), 1);
    assert_true(trusted(ca, x));
}

static void sm_certificates_have_the_official_form(void **state)
{
    static const struct {
        const char *name, *subject;
        uint32_t usage;
        bool id;
    } leaves[] = {
        { "sm_ssl", "/O=fisco-bcos/OU=ssl", KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION,
          true },
        { "sm_enssl", "/O=fisco-bcos/OU=enssl",
          KU_KEY_AGREEMENT | KU_KEY_ENCIPHERMENT | KU_DATA_ENCIPHERMENT, false },
        { "sm_sdk", "/O=fisco-bcos/OU=sdk", KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION, true },
        { "sm_ensdk", "/O=fisco-bcos/OU=ensdk",
          KU_KEY_AGREEMENT | KU_KEY_ENCIPHERMENT | KU_DATA_ENCIPHERMENT, false },
    };
    const char *dir = *state;
    make_ca_and_leaves(BC_CHAIN_LINK_SM, dir);
    X509 *ca = load_cert(bc_path("%s/ca/sm_ca.crt", dir).s);
    assert_sm_form(ca, ca, bc_path("%s/ca/sm_ca.key", dir).s);
    assert_ca_subject(ca);
    assert_int_equal(X509_check_ca(ca), 1);
    assert_int_equal(X509_get_key_usage(ca), KU_CRL_SIGN | KU_KEY_CERT_SIGN);
    const ASN1_OCTET_STRING *own = X509_get0_subject_key_id(ca);
    const ASN1_OCTET_STRING *issuer = X509_get0_authority_key_id(ca);
    assert_non_null(own);
    assert_non_null(issuer);
    assert_int_equal(ASN1_OCTET_STRING_cmp(own, issuer), 0);

    for (size_t i = 0; i < BC_ARRAY_LEN(leaves); i++) {
        bc_path_t stem = bc_path("%s/%s", dir, leaves[i].name);
        X509 *x = load_cert(bc_path("%s.crt", stem.s).s);
        assert_sm_form(ca, x, bc_path("%s.key", stem.s).s);
        assert_subject(x, leaves[i].subject);
        assert_int_equal(X509_check_ca(x), 0);
        assert_int_equal(X509_get_ext_count(x), 2);
        assert_true(X509_get_ext_by_NID(x, NID_basic_constraints, -1) >= 0);
        assert_int_equal(X509_get_key_usage(x), leaves[i].usage);
        const ASN1_BIT_STRING *point = X509_get0_pubkey_bitstr(x);
        if (leaves[i].id)
            assert_id(bc_path("%s.nodeid", stem.s).s, bc_bytes(point->data + 1, 64));
        else
            assert_false(bc_file_exists(bc_path("%s.nodeid", stem.s).s));
        X509_free(x);
    }
    X509_free(ca);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(certificates_have_the_official_form),
        CASE(sm_certificates_have_the_official_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
