/* Gateways of one process on one loop, each with a node behind it: for the tests of this folder. */
#ifndef BC_ACCESS_TEST_GATEWAYS_H
#define BC_ACCESS_TEST_GATEWAYS_H

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "access/gateway/gateway_impl.h"
#include "access/net/net_impl.h"
#include "access/net/test_certs.h"
#include "access/tlcp/test_sm_certs.h"
#include "codec/hex.h"

enum { NODES_MAX = 6, IDENTITIES = 6 };

static test_ca_t ca, other_ca;
static bool sm_links; /* TLCP in place of TLS; set before setup() */

/* Key pairs take a while to make: each test uses the same ones. The latter two with sm_links only. */
typedef struct {
    char *cert, *key, *ca, *enc_cert, *enc_key;
} identity_t;
static identity_t ids[IDENTITIES], foreign;

static inline void identity_take(EVP_PKEY *key, X509 *x, char **cert_pem, char **key_pem)
{
    *cert_pem = test_pem(test_put_cert, x);
    *key_pem = test_pem(test_put_key, key);
    EVP_PKEY_free(key);
    X509_free(x);
}

static inline identity_t identity_new(const test_ca_t *issuer)
{
    identity_t i = { .ca = test_pem(test_put_cert, ca.cert) };
    if (sm_links) {
        sm_pair_t by = { issuer->key, issuer->cert }, p = sm_pair_new("node", SM_USE_SIGN, &by);
        identity_take(p.key, p.cert, &i.cert, &i.key);
        p = sm_pair_new("node", SM_USE_ENC, &by);
        identity_take(p.key, p.cert, &i.enc_cert, &i.enc_key);
    } else {
        EVP_PKEY *key = EVP_RSA_gen(2048);
        identity_take(key, test_sign(key, "node", "agency", X509_VERSION_3, issuer), &i.cert, &i.key);
    }
    return i;
}

static inline test_ca_t root_new(const char *cn)
{
    if (!sm_links)
        return test_ca_new(cn);
    sm_pair_t p = sm_pair_new(cn, SM_USE_CA, NULL);
    return (test_ca_t){ p.key, p.cert };
}

static inline void identity_free(identity_t *i)
{
    free(i->cert);
    free(i->key);
    free(i->ca);
    free(i->enc_cert);
    free(i->enc_key);
}

static inline bc_tls_config_t tls_of(const identity_t *i)
{
    return (bc_tls_config_t){ .ca_pem = bc_cstr(i->ca), .cert_pem = bc_cstr(i->cert),
                              .key_pem = bc_cstr(i->key), .verify = true, .sm = sm_links,
                              .enc_cert_pem = bc_cstr(i->enc_cert),
                              .enc_key_pem = bc_cstr(i->enc_key) };
}

#define UNTIL(l, cond)                                                                             \
    do {                                                                                           \
        uint64_t end_ = uv_hrtime() + 10000000000u;                                                \
        while (!(cond)) {                                                                          \
            bc_uv_loop_poll(l, 20);                                                                \
            assert_true(uv_hrtime() < end_);                                                       \
        }                                                                                          \
    } while (0)

/* A gateway, the node behind it, and what that node has received. */
typedef struct {
    bc_gateway_t *g;
    bc_nodeid_t id;
    unsigned got;
    bc_nodeid_t from;
    bc_wr_t msg; /* the latest */
    bc_nodeid_t seen[NODES_MAX];
    size_t seen_cnt;
    unsigned told;
    int32_t protocol;
} node_t;

static inline void on_message(void *ctx, const bc_nodeid_t *from, bc_bytes_t msg)
{
    node_t *n = ctx;
    n->got++;
    n->from = *from;
    bc_wr_reset(&n->msg);
    bc_wr_put(&n->msg, msg);
}

static inline void on_nodes(void *ctx, const bc_nodeid_t *v, size_t cnt, int32_t protocol)
{
    node_t *n = ctx;
    n->told++;
    n->protocol = protocol;
    n->seen_cnt = BC_MIN(cnt, NODES_MAX);
    if (n->seen_cnt)
        memcpy(n->seen, v, n->seen_cnt * sizeof *v);
}

typedef struct {
    bc_uv_loop_t *l;
    node_t n[NODES_MAX];
    uint16_t port[NODES_MAX];
} net_t;

static inline bc_gateway_config_t config_of(node_t *n, size_t i)
{
    return (bc_gateway_config_t){
        .listen_ip = "127.0.0.1", .enable_rip_protocol = true, .enable_compression = true,
        .tls = tls_of(&ids[i]), .tick_ms = 50, .group = "group0",
        .client = { .on_message = on_message, .on_nodes = on_nodes, .ctx = n },
    };
}

/* Starts gateway i, which dials those listed (-1 ends); its node is a consensus node. */
static inline void start(net_t *net, size_t i, bc_gateway_config_t c, const int *dials)
{
    char text[NODES_MAX][64];
    const char *list[NODES_MAX];
    size_t cnt = 0;
    for (; dials[cnt] >= 0; cnt++) {
        snprintf(text[cnt], sizeof text[cnt], "127.0.0.1:%u", net->port[dials[cnt]]);
        list[cnt] = text[cnt];
    }
    c.peers = (bc_text_list_t){ list, cnt };
    c.listen_port = net->port[i];
    node_t *n = &net->n[i];
    memset(n->id.b, (int)(i + 1), sizeof n->id.b);
    n->seen_cnt = 0;
    assert_int_equal(bc_gateway_new(net->l, &c, &n->g), BC_OK);
    net->port[i] = bc_gateway_port(n->g);
    bc_gateway_if api = bc_gateway_contract(n->g);
    api.ops->set_node(api.self, "group0", &n->id, BC_NODE_CONSENSUS);
}

static inline void start_plain(net_t *net, size_t i, const int *dials)
{
    start(net, i, config_of(&net->n[i], i), dials);
}

static inline void stop(net_t *net, size_t i)
{
    bc_gateway_free(net->n[i].g);
    net->n[i].g = NULL;
}

static inline void net_end(net_t *net)
{
    for (size_t i = 0; i < NODES_MAX; i++) {
        bc_gateway_free(net->n[i].g);
        bc_wr_free(&net->n[i].msg);
    }
    bc_uv_loop_free(net->l);
}

static inline void send_text(net_t *net, size_t from, size_t to, bc_bytes_t text)
{
    bc_gateway_if api = bc_gateway_contract(net->n[from].g);
    api.ops->send(api.self, "group0", &net->n[from].id, &net->n[to].id, BC_MODULE_PBFT,
                  bc_buf_copy(text));
}

static inline void broadcast_text(net_t *net, size_t from, unsigned mask, bc_bytes_t text)
{
    bc_gateway_if api = bc_gateway_contract(net->n[from].g);
    api.ops->broadcast(api.self, "group0", &net->n[from].id, mask, BC_MODULE_BLOCK_SYNC,
                       bc_buf_copy(text));
}

static inline bool has(const node_t *n, bc_bytes_t text)
{
    return bc_bytes_eq(bc_wr_view(&n->msg), text);
}

static inline void rest(net_t *net, unsigned ms)
{
    uint64_t end = uv_hrtime() + ms * 1000000u;
    while (uv_hrtime() < end)
        bc_uv_loop_poll(net->l, 10);
}

/* ---- a peer made by hand ---- */

typedef struct {
    bc_conn_t *c;
    bc_tls_t *tls;
    bool open, closed;
    bc_wr_t got;
} raw_t;

static inline void raw_open(bc_conn_t *c, void *ctx)
{
    (void)c;
    ((raw_t *)ctx)->open = true;
}
static inline void raw_data(bc_conn_t *c, bc_bytes_t data, void *ctx)
{
    (void)c;
    bc_wr_put(&((raw_t *)ctx)->got, data);
}
static inline void raw_close(bc_conn_t *c, bc_err_t why, void *ctx)
{
    (void)c, (void)why;
    raw_t *r = ctx;
    r->closed = true;
    r->c = NULL;
}

static inline void raw_dial(raw_t *r, net_t *net, size_t to, const identity_t *who)
{
    static const bc_conn_handler_t h = { .on_open = raw_open, .on_data = raw_data,
                                         .on_close = raw_close };
    if (!r->tls) {
        bc_tls_config_t tc = tls_of(who);
        assert_int_equal(bc_tls_new(&tc, &r->tls), BC_OK);
    }
    r->open = r->closed = false;
    bc_wr_reset(&r->got);
    r->c = bc_conn_connect(net->l, "127.0.0.1", net->port[to], r->tls, NULL, &h, r);
    UNTIL(net->l, r->open);
}

static inline void raw_end(raw_t *r, net_t *net)
{
    if (r->c)
        bc_conn_close(r->c, false);
    while (r->c)
        bc_uv_loop_poll(net->l, 10);
    bc_tls_unref(r->tls);
    bc_wr_free(&r->got);
}

static inline void raw_frame(raw_t *r, const bc_p2p_frame_t *f)
{
    bc_buf_t *b = bc_p2p_encode(f);
    assert_non_null(b);
    assert_int_equal(bc_conn_send(r->c, b), BC_OK);
}

/* The latest frame of that type that has come, if any. */
static inline bool raw_find(raw_t *r, uint16_t type, bc_p2p_frame_t *out)
{
    bool found = false;
    size_t n;
    for (size_t at = 0; at + 4 <= r->got.n; at += n) {
        bc_p2p_frame_t f;
        assert_int_equal(bc_p2p_length(bc_bytes(r->got.p + at, r->got.n - at), 1 << 25, &n), BC_OK);
        if (at + n > r->got.n)
            break;
        assert_int_equal(bc_p2p_decode(bc_bytes(r->got.p + at, n), &f), BC_OK);
        if (f.type == type) {
            found = true;
            *out = f;
        }
    }
    return found;
}

static inline int setup(void **state)
{
    (void)state;
    bc_log_set_level(BC_LOG_FATAL);
    ca = root_new("chain");
    other_ca = root_new("other");
    for (size_t i = 0; i < IDENTITIES; i++)
        ids[i] = identity_new(&ca);
    foreign = identity_new(&other_ca);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < IDENTITIES; i++)
        identity_free(&ids[i]);
    identity_free(&foreign);
    test_ca_free(&ca);
    test_ca_free(&other_ca);
    return 0;
}

#endif
