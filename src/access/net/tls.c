#include "access/net/net_impl.h"
#include "base/log.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <sys/stat.h>

const char *bc_ssl_reason(char *text, size_t size)
{
    unsigned long e = ERR_get_error();
    text[0] = 0;
    if (e)
        ERR_error_string_n(e, text, size);
    ERR_clear_error();
    return text;
}

bc_bytes_t bc_cert_key(const X509 *x)
{
    const ASN1_BIT_STRING *s = x ? X509_get0_pubkey_bitstr(x) : NULL;
    return s ? bc_bytes(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s)) : (bc_bytes_t){ 0 };
}

bool bc_tls_accepts(const bc_tls_t *t, const X509 *leaf, const bc_conn_t *conn)
{
    return !t->accept_key || t->accept_key(t->accept_ctx, bc_cert_key(leaf), bc_conn_peer(conn));
}

static BIO *open_pem(const char *file, bc_bytes_t pem)
{
    if (pem.n)
        return pem.n < INT32_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
    return file ? BIO_new_file(file, "r") : NULL;
}

/* ---- reading ---- */

static bc_err_t load_roots(X509_STORE *store, const bc_tls_config_t *c)
{
    BIO *in = open_pem(c->ca_file, c->ca_pem);
    if (!in)
        return BC_E_IO;
    int cnt = 0;
    for (X509 *x; (x = PEM_read_bio_X509(in, NULL, NULL, NULL)); cnt++) {
        if (c->sm)
            bc_tlcp_name_id(x);
        X509_STORE_add_cert(store, x); /* takes a reference of its own */
        X509_free(x);
    }
    BIO_free(in);
    ERR_clear_error(); /* the end of the file is an error to the reader */
    struct stat st;
    if (c->ca_dir && stat(c->ca_dir, &st) == 0 && S_ISDIR(st.st_mode) &&
        !X509_STORE_load_path(store, c->ca_dir))
        return BC_E_IO;
    return cnt ? BC_OK : BC_E_FORMAT;
}

/* The first certificate is the leaf, the rest of the file its issuers, to *more where not NULL. */
static bc_err_t load_cert(const char *file, bc_bytes_t pem, X509 **leaf, STACK_OF(X509) *more)
{
    BIO *in = open_pem(file, pem);
    if (!in)
        return BC_E_IO;
    *leaf = PEM_read_bio_X509(in, NULL, NULL, NULL);
    for (X509 *x; *leaf && more && (x = PEM_read_bio_X509(in, NULL, NULL, NULL));)
        if (sk_X509_push(more, x) <= 0)
            X509_free(x);
    BIO_free(in);
    if (*leaf)
        ERR_clear_error();
    return *leaf ? BC_OK : BC_E_FORMAT;
}

static bc_err_t load_key(const char *file, bc_bytes_t pem, EVP_PKEY **key)
{
    BIO *in = open_pem(file, pem);
    if (!in)
        return BC_E_IO;
    *key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
    BIO_free(in);
    return *key ? BC_OK : BC_E_KEY;
}

/* What a configuration names, read. */
typedef struct {
    X509 *cert, *enc_cert;
    EVP_PKEY *key, *enc_key;
    STACK_OF(X509) *more;
} own_t;

static void own_free(own_t *o)
{
    X509_free(o->cert);
    X509_free(o->enc_cert);
    EVP_PKEY_free(o->key);
    EVP_PKEY_free(o->enc_key);
    sk_X509_pop_free(o->more, X509_free);
}

static bc_err_t own_load(const bc_tls_config_t *c, own_t *o)
{
    o->more = sk_X509_new_null();
    bc_err_t err = o->more ? load_cert(c->cert_file, c->cert_pem, &o->cert, o->more) : BC_E_NOMEM;
    if (!err)
        err = load_key(c->key_file, c->key_pem, &o->key);
    if (!err && c->sm)
        err = load_cert(c->enc_cert_file, c->enc_cert_pem, &o->enc_cert, NULL);
    if (!err && c->sm)
        err = load_key(c->enc_key_file, c->enc_key_pem, &o->enc_key);
    return err;
}

/* ---- contexts ---- */

static bc_err_t make_ssl(bc_tls_t *t, const bc_tls_config_t *c, const own_t *o)
{
    if (!bc_link_ssl_prepare(t))
        return BC_E_NOMEM;
    bc_err_t err = load_roots(SSL_CTX_get_cert_store(t->ctx), c);
    if (err)
        return err;
    if (SSL_CTX_use_certificate(t->ctx, o->cert) != 1)
        return BC_E_KEY;
    for (int i = 0; i < sk_X509_num(o->more); i++)
        if (SSL_CTX_add1_chain_cert(t->ctx, sk_X509_value(o->more, i)) != 1)
            return BC_E_NOMEM;
    return SSL_CTX_use_PrivateKey(t->ctx, o->key) == 1 && SSL_CTX_check_private_key(t->ctx) == 1
               ? BC_OK
               : BC_E_KEY;
}

static bool tlcp_accept(void *ctx, X509 *leaf, void *app)
{
    return bc_tls_accepts(ctx, leaf, app);
}

static bc_err_t make_tlcp(bc_tls_t *t, const bc_tls_config_t *c, const own_t *o)
{
    X509_STORE *roots = X509_STORE_new();
    bc_err_t err = roots ? load_roots(roots, c) : BC_E_NOMEM;
    bc_tlcp_config_t tc = { .sign_cert = o->cert, .sign_key = o->key, .enc_cert = o->enc_cert,
                            .enc_key = o->enc_key, .more = o->more, .roots = roots,
                            .verify = t->verify, .accept = tlcp_accept, .ctx = t };
    if (!err)
        err = bc_tlcp_ctx_new(&tc, &t->tlcp);
    X509_STORE_free(roots);
    return err;
}

#define NAME(x) ((x) ? (x) : "-")

static void tell_failure(const bc_tls_config_t *c, bc_err_t err)
{
    char text[256];
    bc_ssl_reason(text, sizeof text);
    if (c->sm)
        BC_ERROR("[NET][TLS]", "load certificates failed,ca=%s,cert=%s,key=%s,encCert=%s,encKey=%s,"
                 "err=%s,reason=%s", NAME(c->ca_file), NAME(c->cert_file), NAME(c->key_file),
                 NAME(c->enc_cert_file), NAME(c->enc_key_file), bc_err_name(err),
                 err == BC_E_KEY && !text[0] ? "not an SM2 key, or not the certificate's" : text);
    else
        BC_ERROR("[NET][TLS]", "load certificates failed,ca=%s,cert=%s,key=%s,err=%s,reason=%s",
                 NAME(c->ca_file), NAME(c->cert_file), NAME(c->key_file), bc_err_name(err), text);
}

bc_err_t bc_tls_new(const bc_tls_config_t *config, bc_tls_t **out)
{
    *out = NULL;
    bc_tls_t *t = bc_xcalloc(1, sizeof *t);
    atomic_init(&t->refs, 1);
    t->verify = config->verify;
    t->accept_key = config->accept_key;
    t->accept_ctx = config->ctx;
    ERR_clear_error();
    own_t own = { 0 };
    bc_err_t err = own_load(config, &own);
    if (!err)
        err = config->sm ? make_tlcp(t, config, &own) : make_ssl(t, config, &own);
    if (!err)
        t->own_key = bc_buf_copy(bc_cert_key(own.cert));
    if (!err && !t->own_key)
        err = BC_E_NOMEM;
    own_free(&own);
    if (err) {
        tell_failure(config, err);
        bc_tls_unref(t);
        return err;
    }
    *out = t;
    return BC_OK;
}

bc_tls_t *bc_tls_ref(bc_tls_t *t)
{
    atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

void bc_tls_unref(bc_tls_t *t)
{
    if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
        return;
    SSL_CTX_free(t->ctx);
    bc_tlcp_ctx_free(t->tlcp);
    bc_buf_unref(t->own_key);
    free(t);
}

bc_bytes_t bc_tls_own_key(const bc_tls_t *t)
{
    return bc_buf_view(t->own_key);
}
