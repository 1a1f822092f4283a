/* What the files of this folder share. */
#ifndef BC_ACCESS_NET_IMPL_H
#define BC_ACCESS_NET_IMPL_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <uv.h>
#include "access/net/net.h"

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

struct bc_tls {
    atomic_uint refs;
    SSL_CTX *ctx;
    bool verify;
    bool (*accept_key)(void *ctx, bc_bytes_t key, const char *peer);
    void *accept_ctx;
    bc_buf_t *own_key;
};

/* Content of the subjectPublicKey BIT STRING. */
bc_bytes_t bc_cert_key(const X509 *x);
/* The oldest error of this thread's OpenSSL queue as text; empties the queue. */
const char *bc_ssl_reason(char *text, size_t size);

/* Gives back bytes that on_data could not use yet (it has paused the connection); they come again,
 * first, after bc_conn_resume. */
bc_err_t bc_conn_unread(bc_conn_t *c, bc_bytes_t data) BC_WARN_UNUSED;

/* For harnesses that play the socket. */
const bc_conn_handler_t *bc_conn_handler(const bc_conn_t *c);

#endif
