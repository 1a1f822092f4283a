/* A directory for a test, and what tests read in it. Include after cmocka.h. */
#ifndef BC_MANAGEMENT_CHAIN_TEST_DIR_H
#define BC_MANAGEMENT_CHAIN_TEST_DIR_H

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/ini.h"
#include "crypto/suite.h"
#include "management/chain/chain_cert.h"
#include "management/chain/chain_io.h"

/* A fresh directory per test; removed at the end. */
static inline int setup(void **state)
{
    char name[] = "/tmp/bc-chain-XXXXXX";
    if (!mkdtemp(name))
        return -1;
    *state = bc_xstrdup(name);
    return 0;
}

static inline int teardown(void **state)
{
    bc_wr_t w = { 0 };
    bc_wr_printf(&w, "rm -rf '%s'", (char *)*state);
    bc_wr_u8(&w, 0);
    int code = system((const char *)w.p);
    bc_wr_free(&w);
    free(*state);
    return code;
}

static inline char *slurp(const char *path)
{
    bc_wr_t w = { 0 };
    assert_int_equal(bc_file_read(path, 64u << 20, &w), BC_OK);
    bc_wr_u8(&w, 0);
    assert_int_equal(w.err, BC_OK);
    return (char *)w.p; /* free() */
}

static inline X509 *load_cert(const char *path)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    X509 *x = PEM_read_X509(f, NULL, NULL, NULL);
    fclose(f);
    assert_non_null(x);
    return x;
}

/* An SM signature does not verify without it. */
static inline void set_sm2_id(X509 *x)
{
    ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
    assert_int_equal(ASN1_OCTET_STRING_set(id, (const unsigned char *)BC_SM2_ID, 16), 1);
    X509_set0_distinguishing_id(x, id);
}

static inline void assert_mode(const char *path, mode_t mode)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, mode);
}

#endif
