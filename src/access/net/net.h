/* Byte streams over TCP or TLS on a libuv loop (spec/20 §6).
 *
 * Everything here belongs to the loop's thread (uv_loop.h). A connection has one handler; it is
 * told of data, of room in the write queue and, exactly once, of the end. Nothing is called back
 * from inside a function that the handler's owner calls, bc_listener_new and bc_conn_connect
 * included.
 *
 * Bounds: a write queue has a maximum (bc_conn_send says BC_E_FULL and keeps nothing); reading
 * stops while the owner has paused it; TLS handshakes and connection attempts have deadlines. */
#ifndef BC_ACCESS_NET_H
#define BC_ACCESS_NET_H

#include "access/net/uv_loop.h"
#include "base/buf.h"

/* ---- TLS context: own certificate and key, trusted roots; counted ---- */

typedef struct bc_tls bc_tls_t;

typedef struct {
    /* Each of CA, certificate (chain) and key: a file, or PEM text when *_pem.n > 0. */
    const char *ca_file, *cert_file, *key_file;
    bc_bytes_t ca_pem, cert_pem, key_pem;
    /* TLCP in place of TLS (access/tlcp): certificate and key above are those that sign, these are
     * the other pair, which the peer encrypts to. */
    bool sm;
    const char *enc_cert_file, *enc_key_file;
    bc_bytes_t enc_cert_pem, enc_key_pem;
    const char *ca_dir; /* more roots, OpenSSL-hashed names; NULL or absent: none */
    /* true: the peer must have a certificate signed by a trusted root. false: it must have one,
     * any. Both roles, no host name check. */
    bool verify;
    /* Asked about a peer's leaf certificate during verification; key is the content of its
     * subjectPublicKey BIT STRING. NULL accepts. Any loop that uses the context. */
    bool (*accept_key)(void *ctx, bc_bytes_t key, const char *peer); /* peer: bc_conn_peer */
    void *ctx;
} bc_tls_config_t;

/* TLS 1.2 only, or TLCP only. BC_E_IO: a file cannot be read; BC_E_KEY: key and certificate do not
 * fit, or are of the other kind; BC_E_FORMAT. Logs the reason. */
bc_err_t bc_tls_new(const bc_tls_config_t *config, bc_tls_t **out) BC_WARN_UNUSED;
bc_tls_t *bc_tls_ref(bc_tls_t *t);
void bc_tls_unref(bc_tls_t *t); /* NULL is fine */
/* Content of the subjectPublicKey BIT STRING of the own certificate, the one that signs. */
bc_bytes_t bc_tls_own_key(const bc_tls_t *t);

/* ---- connections ---- */

typedef struct bc_conn bc_conn_t;

typedef struct {
    void (*on_open)(bc_conn_t *c, void *ctx); /* outgoing only: connected, TLS done */
    void (*on_data)(bc_conn_t *c, bc_bytes_t data, void *ctx); /* borrowed until return */
    /* Queue fell below half of its maximum after bc_conn_send had said BC_E_FULL or
     * bc_conn_queued had been above half. May be NULL. */
    void (*on_drain)(bc_conn_t *c, void *ctx);
    /* Nothing received for the time given to bc_conn_set_idle; it starts over. NULL: closes with
     * BC_E_TIMEOUT. */
    void (*on_idle)(bc_conn_t *c, void *ctx);
    /* The last call; c is freed after it. BC_E_CLOSED: ended by the other side or by
     * bc_conn_close; BC_E_TIMEOUT, BC_E_IO, BC_E_KEY (TLS failed, peer refused). */
    void (*on_close)(bc_conn_t *c, bc_err_t why, void *ctx);
} bc_conn_handler_t;

typedef struct {
    uint32_t setup_ms; /* TCP connect (outgoing) and TLS handshake together; 0: 30000 */
    size_t queue_max;  /* bytes waiting to be written; 0: 64 MiB */
} bc_conn_limits_t;

/* host: IPv4, [IPv6] or a name. tls NULL: plain. Never fails at once: on_open or on_close follows. */
bc_conn_t *bc_conn_connect(bc_uv_loop_t *l, const char *host, uint16_t port, bc_tls_t *tls,
                           const bc_conn_limits_t *limits, const bc_conn_handler_t *h,
                           void *ctx) BC_WARN_UNUSED;
/* Gives a connection (accepted, or handed on) its handler, which must outlive it. */
void bc_conn_handle(bc_conn_t *c, const bc_conn_handler_t *h, void *ctx);
void *bc_conn_ctx(const bc_conn_t *c);

/* Takes the reference over on every outcome. BC_E_FULL, BC_E_CLOSED. What is sent in one loop
 * turn leaves together. */
bc_err_t bc_conn_send(bc_conn_t *c, bc_buf_t *data);
bc_err_t bc_conn_write(bc_conn_t *c, bc_bytes_t data); /* copies */
size_t bc_conn_queued(const bc_conn_t *c);
/* Stops or goes on reading (back-pressure). No on_data follows a pause, idle time stands still. */
void bc_conn_pause(bc_conn_t *c);
void bc_conn_resume(bc_conn_t *c);
void bc_conn_set_idle(bc_conn_t *c, uint32_t ms); /* 0: none (the default) */
/* flush: what is queued is written first (at most 5 s); else it is dropped. No on_data follows. */
void bc_conn_close(bc_conn_t *c, bool flush);
bool bc_conn_closing(const bc_conn_t *c);

const char *bc_conn_peer(const bc_conn_t *c); /* "ip:port", "[v6]:port" */
const char *bc_conn_ip(const bc_conn_t *c);
bool bc_conn_incoming(const bc_conn_t *c);
/* Content of the subjectPublicKey BIT STRING of the peer's certificate; empty without TLS. */
bc_bytes_t bc_conn_peer_key(const bc_conn_t *c);
int64_t bc_conn_last_read(const bc_conn_t *c);  /* loop time, ms */
int64_t bc_conn_last_write(const bc_conn_t *c);
uint64_t bc_conn_bytes_in(const bc_conn_t *c);
uint64_t bc_conn_bytes_out(const bc_conn_t *c);

/* ---- listeners ---- */

typedef struct bc_listener bc_listener_t;

typedef struct {
    const char *ip;
    uint16_t port;  /* 0: any free one, see bc_listener_port */
    bc_tls_t *tls;  /* NULL: plain */
    size_t conns_max; /* open at a time, handshakes included; 0: 4096. Further ones are closed */
    bc_conn_limits_t limits;
    /* A connection is ready (TLS done); must call bc_conn_handle or bc_conn_close. */
    void (*on_accept)(bc_conn_t *c, void *ctx);
    void *ctx;
} bc_listen_config_t;

/* Listens when it returns. BC_E_IO (address in use ...), logged. */
bc_err_t bc_listener_new(bc_uv_loop_t *l, const bc_listen_config_t *config,
                         bc_listener_t **out) BC_WARN_UNUSED;
uint16_t bc_listener_port(const bc_listener_t *s);
size_t bc_listener_conns(const bc_listener_t *s);
/* Stops listening and closes connections still in their handshake; accepted ones stay. */
void bc_listener_free(bc_listener_t *s); /* NULL is fine */

#endif
