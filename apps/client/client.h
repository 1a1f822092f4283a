/* libcbcos: a client of a node's RPC ports (spec/20 §1, §2), for tools and benchmarks.
 *
 * One connection, many requests under way: over the SDK WebSocket (frames of spec/20 §1.2,
 * matched by their seq), or over HTTP/1.1 (pipelined, matched by the JSON id, since nodes answer
 * in completion order). Everything belongs to the loop's thread; nothing is called back from
 * inside a call. */
#ifndef BC_APPS_CLIENT_H
#define BC_APPS_CLIENT_H

#include "access/net/net.h"

#define BC_CLIENT_HTTP_INFLIGHT_MAX 16

typedef enum { BC_CLIENT_SDK_WS, BC_CLIENT_HTTP } bc_client_kind_t;

typedef struct bc_client bc_client_t;

typedef struct {
    bc_uv_loop_t *loop;
    const char *host;
    uint16_t port;
    bc_tls_t *tls; /* NULL: plain */
    bc_client_kind_t kind;
    void (*on_open)(void *ctx, bc_client_t *c);
    /* The answer's JSON text, borrowed. ok false: a transport error, text tells. */
    void (*on_reply)(void *ctx, bc_client_t *c, uint64_t id, bool ok, bc_bytes_t json);
    /* The last call; c is freed after it. */
    void (*on_close)(void *ctx, bc_client_t *c, bc_err_t why);
    void *ctx;
} bc_client_config_t;

bc_client_t *bc_client_open(const bc_client_config_t *config) BC_WARN_UNUSED;
/* json must carry "id": id. BC_E_FULL when too much waits or, on HTTP, too many are under way. */
bc_err_t bc_client_send(bc_client_t *c, uint64_t id, bc_bytes_t json) BC_WARN_UNUSED;
void bc_client_close(bc_client_t *c); /* on_close follows */

/* The certificates of clients in a chain's sdk folder. Errors of bc_tls_new. */
bc_err_t bc_client_sdk_tls(const char *sdk_dir, bool sm, bc_tls_t **out) BC_WARN_UNUSED;

typedef struct {
    const char *host;
    uint16_t port;
    const char *sdk_dir; /* NULL: plain */
    bool sm;             /* TLCP */
    uint64_t id;         /* the request's */
    int64_t connect_ms, timeout_ms; /* to be connected; for all of it */
} bc_client_post_t;

/* One request over HTTP on a connection and a loop of its own; blocks. Not BC_OK: why tells, in a few
 * words; BC_E_TIMEOUT among them. */
bc_err_t bc_client_post(const bc_client_post_t *to, bc_bytes_t json, bc_wr_t *reply, char *why,
                        size_t why_size) BC_WARN_UNUSED;

#endif
