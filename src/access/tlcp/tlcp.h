/* TLCP, the national transport protocol (GB/T 38636-2020, before that GM/T 0024-2014): TLS with SM2,
 * SM3 and SM4 and two key pairs a side, one that signs and one that others encrypt to. Official nodes
 * and SDKs speak it where `sm_ssl` is true (spec/20 §6). OpenSSL 3 has the algorithms, not the
 * protocol.
 *
 * Without sockets: the caller brings what came and sends what is to go. One thread per connection;
 * a context is never written to and may serve many threads.
 *
 * Suites: ECDHE_SM4_CBC_SM3 (0xE011), in which the encryption keys of both sides and keys made for the
 * connection agree on the premaster secret, so that what was recorded stays closed when keys leak
 * later; ECC_SM4_CBC_SM3 (0xE013), in which the client encrypts the secret to the server. A client
 * would rather have the first, a server takes what the client names first. Both sides show their
 * certificates. Used when the other side has them, as TASSL
 * does: encrypt_then_mac (RFC 7366), extended_master_secret (RFC 7627), renegotiation_info (RFC 5746).
 * There is no resumption, no renegotiation and no compression.
 *
 * Bounds: a record 16 KiB (and what encryption adds), a handshake message 32 KiB, a chain of
 * certificates 10. */
#ifndef BC_ACCESS_TLCP_H
#define BC_ACCESS_TLCP_H

#include <openssl/x509.h>
#include "base/buf.h"

typedef struct bc_tlcp_ctx bc_tlcp_ctx_t;
typedef struct bc_tlcp bc_tlcp_t;

/* Everything is borrowed until bc_tlcp_ctx_new returns; objects of OpenSSL are counted. */
typedef struct {
    X509 *sign_cert, *enc_cert;
    EVP_PKEY *sign_key, *enc_key;
    STACK_OF(X509) *more; /* shown after them: CAs; may be NULL */
    X509_STORE *roots;
    bool verify; /* false: any certificate will do, but there must be one */
    /* Asked about a peer's signing certificate when its chain is found good; NULL accepts. app as
     * given to bc_tlcp_new. */
    bool (*accept)(void *ctx, X509 *leaf, void *app);
    void *ctx;
} bc_tlcp_config_t;

/* BC_E_KEY: a key is not of SM2, or does not fit its certificate; BC_E_TOO_BIG: too many or too large
 * certificates. */
bc_err_t bc_tlcp_ctx_new(const bc_tlcp_config_t *config, bc_tlcp_ctx_t **out) BC_WARN_UNUSED;
void bc_tlcp_ctx_free(bc_tlcp_ctx_t *ctx); /* NULL is fine; after its connections */
/* Names the id on a certificate: without it OpenSSL cannot check an SM2 signature. Any kind of
 * certificate. Roots of a store need it only if they are not self-signed. */
void bc_tlcp_name_id(X509 *cert);

typedef enum {
    BC_TLCP_OK,
    BC_TLCP_WANT,   /* all of `in` is taken, more is needed */
    BC_TLCP_CLOSED, /* the other side said that it ends */
    BC_TLCP_FAILED, /* bc_tlcp_reason tells; an alert for the other side may be in `out` */
} bc_tlcp_result_t;

/* ctx is borrowed for the connection's life. */
bc_tlcp_t *bc_tlcp_new(const bc_tlcp_ctx_t *ctx, bool server, void *app) BC_WARN_UNUSED;
void bc_tlcp_free(bc_tlcp_t *t); /* NULL is fine */

/* Each takes bytes off `in` and adds to `out` what is to be sent. */

/* Until it says BC_TLCP_OK; a client's first call needs no input. */
bc_tlcp_result_t bc_tlcp_handshake(bc_tlcp_t *t, bc_bytes_t *in, bc_wr_t *out) BC_WARN_UNUSED;
/* After the handshake. BC_TLCP_OK: data is one record's content, not empty, until the next call. */
bc_tlcp_result_t bc_tlcp_read(bc_tlcp_t *t, bc_bytes_t *in, bc_wr_t *out,
                              bc_bytes_t *data) BC_WARN_UNUSED;
/* False: out of memory, or the connection is over. */
bool bc_tlcp_write(bc_tlcp_t *t, bc_bytes_t data, bc_wr_t *out) BC_WARN_UNUSED;
/* Says that nothing more will come; once. */
void bc_tlcp_close(bc_tlcp_t *t, bc_wr_t *out);

/* The peer's signing certificate, borrowed; NULL before it came. */
X509 *bc_tlcp_peer(const bc_tlcp_t *t);
/* Why it failed, for a log line; never NULL. */
const char *bc_tlcp_reason(const bc_tlcp_t *t);

#endif
