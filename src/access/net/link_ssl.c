/* OpenSSL on a connection: it reads from link->in and writes to link->out. */
#include <openssl/err.h>
#include <stdio.h>
#include "access/net/net_impl.h"

/* ---- contexts ---- */

/* Called per certificate of the peer's chain, root first; ok 0: OpenSSL found something wrong. */
static int verify_cert(int ok, X509_STORE_CTX *sc)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(sc, SSL_get_ex_data_X509_STORE_CTX_idx());
    const bc_tls_t *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    const bc_link_t *l = SSL_get_app_data(ssl);
    if (!ok && t->verify)
        return 0;
    if (X509_STORE_CTX_get_error_depth(sc) == 0 &&
        !bc_tls_accepts(t, X509_STORE_CTX_get_current_cert(sc), l->conn)) {
        X509_STORE_CTX_set_error(sc, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
    }
    return 1;
}

bool bc_link_ssl_prepare(bc_tls_t *t)
{
    t->ctx = SSL_CTX_new(TLS_method());
    if (!t->ctx)
        return false;
    SSL_CTX_set_app_data(t->ctx, t);
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
    return true;
}

/* ---- bytes ---- */

static int bio_read(BIO *b, char *out, int n)
{
    bc_link_t *l = BIO_get_data(b);
    BIO_clear_retry_flags(b);
    if (!l->in.n) {
        BIO_set_retry_read(b);
        return -1;
    }
    size_t k = BC_MIN((size_t)n, l->in.n);
    memcpy(out, l->in.p, k);
    l->in.p += k;
    l->in.n -= k;
    return (int)k;
}

static int bio_write(BIO *b, const char *p, int n)
{
    bc_link_t *l = BIO_get_data(b);
    BIO_clear_retry_flags(b);
    bc_wr_mem(&l->out, p, (size_t)n);
    return l->out.err ? -1 : n;
}

static long bio_ctrl(BIO *b, int cmd, long num, void *ptr)
{
    (void)b, (void)num, (void)ptr;
    return cmd == BIO_CTRL_FLUSH ? 1 : 0;
}

static pthread_once_t bio_once = PTHREAD_ONCE_INIT;
static BIO_METHOD *bio_method;

static void bio_method_new(void)
{
    bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "cbcos connection");
    BC_MUST(bio_method && BIO_meth_set_read(bio_method, bio_read) &&
            BIO_meth_set_write(bio_method, bio_write) && BIO_meth_set_ctrl(bio_method, bio_ctrl));
}

/* ---- the link ---- */

static bool begin(bc_link_t *l, const bc_tls_t *t, bool incoming)
{
    pthread_once(&bio_once, bio_method_new);
    SSL *ssl = SSL_new(t->ctx);
    l->state = ssl;
    BIO *b = ssl ? BIO_new(bio_method) : NULL;
    if (!b)
        return false;
    BIO_set_data(b, l);
    SSL_set_app_data(ssl, l);
    BIO_set_init(b, 1);
    SSL_set_bio(ssl, b, b);
    if (incoming)
        SSL_set_accept_state(ssl);
    else
        SSL_set_connect_state(ssl);
    return true;
}

static void end(bc_link_t *l)
{
    SSL_free(l->state);
}

static link_result_t handshake(bc_link_t *l)
{
    ERR_clear_error();
    int rc = SSL_do_handshake(l->state);
    return rc == 1                                                 ? LINK_OK
           : SSL_get_error(l->state, rc) == SSL_ERROR_WANT_READ ? LINK_WANT
                                                                   : LINK_FAILED;
}

static link_result_t take(bc_link_t *l, bc_bytes_t *data)
{
    ERR_clear_error();
    int n = SSL_read(l->state, l->scratch, NET_RECORD_SIZE);
    if (n > 0) {
        *data = bc_bytes(l->scratch, (size_t)n);
        return LINK_OK;
    }
    int why = SSL_get_error(l->state, n);
    return why == SSL_ERROR_WANT_READ     ? LINK_WANT
           : why == SSL_ERROR_ZERO_RETURN ? LINK_CLOSED
                                          : LINK_FAILED;
}

static bool put(bc_link_t *l, bc_bytes_t data)
{
    while (data.n) {
        ERR_clear_error();
        int n = SSL_write(l->state, data.p, (int)data.n);
        if (n <= 0) /* the memory behind it never blocks */
            return false;
        data.p += n;
        data.n -= (size_t)n;
    }
    return true;
}

static bool say_end(bc_link_t *l)
{
    if (SSL_get_shutdown(l->state) & SSL_SENT_SHUTDOWN)
        return false;
    ERR_clear_error();
    SSL_shutdown(l->state);
    return true;
}

static const X509 *peer(const bc_link_t *l)
{
    return SSL_get0_peer_certificate(l->state);
}

static void reason(const bc_link_t *l, char *text, size_t size)
{
    long v = SSL_get_verify_result(l->state);
    bc_ssl_reason(text, size);
    size_t n = strlen(text);
    if (v != X509_V_OK)
        snprintf(text + n, size - n, ",verify=%s", X509_verify_cert_error_string(v));
}

const bc_link_ops_t bc_link_ssl = { begin, end, handshake, take, put, say_end, peer, reason };
