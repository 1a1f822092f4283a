/* What the files of this folder share. */
#ifndef BC_ACCESS_NET_IMPL_H
#define BC_ACCESS_NET_IMPL_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <uv.h>
#include "access/net/net.h"
#include "access/tlcp/tlcp.h"

enum { NET_READ_SIZE = 65536, NET_RECORD_SIZE = 16384 };

struct bc_uv_loop {
    uv_loop_t uv;
    uv_async_t wake;
    uv_prepare_t prepare; /* runs before the loop sleeps: writes what the turn produced */
    uv_timer_t poll_timer;
    bc_loop_t mail;
    atomic_bool stop;
    pthread_t thread;
    bool threaded;
    char name[16];
    bc_conn_t *dirty; /* connections with something to write or to read on */
    /* Scratch of one callback at a time: nothing in it survives a return to the loop. */
    uint8_t in[NET_READ_SIZE];
    uint8_t plain[NET_RECORD_SIZE];
};

/* The prepare step of conn.c. */
void bc_net_flush(bc_uv_loop_t *l);

/* ---- TLS or TLCP of one connection ---- */

typedef struct bc_link bc_link_t;

typedef enum { LINK_OK, LINK_WANT, LINK_CLOSED, LINK_FAILED } link_result_t;

/* How the bytes of a connection are made safe. Functions read link->in, which they may leave a rest
 * of, and add to link->out. */
typedef struct {
    bool (*begin)(bc_link_t *l, const bc_tls_t *t, bool incoming); /* false: out of memory */
    void (*end)(bc_link_t *l);
    link_result_t (*handshake)(bc_link_t *l); /* LINK_OK: done */
    link_result_t (*read)(bc_link_t *l, bc_bytes_t *data); /* data: until the next call */
    bool (*write)(bc_link_t *l, bc_bytes_t data); /* at most NET_RECORD_SIZE bytes */
    bool (*close)(bc_link_t *l); /* tells the other side; false: it has been told */
    const X509 *(*peer)(const bc_link_t *l); /* its leaf, borrowed; after the handshake */
    void (*reason)(const bc_link_t *l, char *text, size_t size); /* of the end */
} bc_link_ops_t;

extern const bc_link_ops_t bc_link_ssl, bc_link_tlcp;

struct bc_link {
    const bc_link_ops_t *ops; /* NULL: in the clear */
    void *state;
    bc_bytes_t in; /* what the socket gave and nobody has taken */
    bc_wr_t out;   /* what the socket is to be given */
    bc_conn_t *conn;
    uint8_t *scratch; /* the loop's, NET_RECORD_SIZE bytes */
};

struct bc_tls {
    atomic_uint refs;
    SSL_CTX *ctx;        /* either */
    bc_tlcp_ctx_t *tlcp; /* or */
    bool verify;
    bool (*accept_key)(void *ctx, bc_bytes_t key, const char *peer);
    void *accept_ctx;
    bc_buf_t *own_key;
};

/* Content of the subjectPublicKey BIT STRING. */
bc_bytes_t bc_cert_key(const X509 *x);
/* The owner's word on a peer's leaf certificate. */
bool bc_tls_accepts(const bc_tls_t *t, const X509 *leaf, const bc_conn_t *conn);
/* What a context for OpenSSL's own protocols needs beside keys and roots. */
bool bc_link_ssl_prepare(bc_tls_t *t);
/* The oldest error of this thread's OpenSSL queue as text; empties the queue. */
const char *bc_ssl_reason(char *text, size_t size);

/* Gives back bytes that on_data could not use yet (it has paused the connection); they come again,
 * first, after bc_conn_resume. */
bc_err_t bc_conn_unread(bc_conn_t *c, bc_bytes_t data) BC_WARN_UNUSED;

/* For harnesses that play the socket. */
const bc_conn_handler_t *bc_conn_handler(const bc_conn_t *c);

#endif
