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

/* Called per certificate of the peer's chain, root first; ok 0: OpenSSL found something wrong. */
static int verify_cert(int ok, X509_STORE_CTX *sc)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(sc, SSL_get_ex_data_X509_STORE_CTX_idx());
    const bc_tls_t *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    if (!ok && t->verify)
        return 0;
    if (X509_STORE_CTX_get_error_depth(sc) == 0 && t->accept_key &&
        !t->accept_key(t->accept_ctx, bc_cert_key(X509_STORE_CTX_get_current_cert(sc)),
                       bc_conn_peer(SSL_get_app_data(ssl)))) {
        X509_STORE_CTX_set_error(sc, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
    }
    return 1;
}

static BIO *open_pem(const char *file, bc_bytes_t pem)
{
    if (pem.n)
        return pem.n < INT32_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
    return file ? BIO_new_file(file, "r") : NULL;
}

static bc_err_t load_roots(bc_tls_t *t, const bc_tls_config_t *c)
{
    BIO *in = open_pem(c->ca_file, c->ca_pem);
    if (!in)
        return BC_E_IO;
    X509_STORE *store = SSL_CTX_get_cert_store(t->ctx);
    int cnt = 0;
    for (X509 *x; (x = PEM_read_bio_X509(in, NULL, NULL, NULL)); cnt++) {
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

static bc_err_t load_own(bc_tls_t *t, const bc_tls_config_t *c)
{
    BIO *in = open_pem(c->cert_file, c->cert_pem);
    if (!in)
        return BC_E_IO;
    X509 *leaf = PEM_read_bio_X509(in, NULL, NULL, NULL);
    if (!leaf || SSL_CTX_use_certificate(t->ctx, leaf) != 1) {
        X509_free(leaf);
        BIO_free(in);
        return BC_E_FORMAT;
    }
    t->own_key = bc_buf_copy(bc_cert_key(leaf));
    X509_free(leaf);
    for (X509 *x; (x = PEM_read_bio_X509(in, NULL, NULL, NULL));) {
        if (SSL_CTX_add0_chain_cert(t->ctx, x) != 1)
            X509_free(x);
    }
    BIO_free(in);
    ERR_clear_error();
    if (!t->own_key)
        return BC_E_NOMEM;

    in = open_pem(c->key_file, c->key_pem);
    if (!in)
        return BC_E_IO;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
    BIO_free(in);
    bool ok = key && SSL_CTX_use_PrivateKey(t->ctx, key) == 1 &&
              SSL_CTX_check_private_key(t->ctx) == 1;
    EVP_PKEY_free(key);
    return ok ? BC_OK : BC_E_KEY;
}

static void harden(bc_tls_t *t)
{
    SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(t->ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(t->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(t->ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_OFF);
    /* a server that asks for certificates must name its sessions */
    static const unsigned char id[] = "cbcos";
    SSL_CTX_set_session_id_context(t->ctx, id, sizeof id - 1);
    SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, verify_cert);
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
    t->ctx = SSL_CTX_new(TLS_method());
    bc_err_t err = t->ctx ? BC_OK : BC_E_NOMEM;
    if (!err) {
        SSL_CTX_set_app_data(t->ctx, t);
        harden(t);
        err = load_roots(t, config);
    }
    if (!err)
        err = load_own(t, config);
    if (err) {
        char text[256];
        BC_ERROR("[NET][TLS]", "load certificates failed,ca=%s,cert=%s,key=%s,err=%s,reason=%s",
                 config->ca_file ? config->ca_file : "-",
                 config->cert_file ? config->cert_file : "-",
                 config->key_file ? config->key_file : "-", bc_err_name(err),
                 bc_ssl_reason(text, sizeof text));
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
    bc_buf_unref(t->own_key);
    free(t);
}

bc_bytes_t bc_tls_own_key(const bc_tls_t *t)
{
    return bc_buf_view(t->own_key);
}
