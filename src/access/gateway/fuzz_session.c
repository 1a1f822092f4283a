/* Frames of an authenticated peer reach a running gateway: dispatch, forwarding, answers. The input
 * is a row of frames, each preceded by two bytes of length; the frames' own length is put right.
 * The gateway lives through all inputs, as it does through all peers. */
#include <stdio.h>
#include <stdlib.h>
#include "access/gateway/gateway_impl.h"
#include "access/net/test_certs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bc_uv_loop_t *loop;
static bc_gateway_t *gw[2];

static void on_message(void *ctx, const bc_nodeid_t *from, bc_bytes_t msg)
{
    (void)ctx, (void)from;
    BC_MUST(msg.n <= 1 << 20);
}

static bool on_request(void *ctx, const bc_amop_from_t *from, bc_bytes_t request)
{
    bc_gateway_if api = bc_gateway_contract(ctx);
    BC_MUST(request.n <= 1 << 20);
    if (request.n & 1)
        return false;
    api.ops->amop_reply(api.self, from, 0, bc_buf_copy(request));
    return true;
}
static void on_broadcast(void *ctx, bc_bytes_t request)
{
    (void)ctx;
    BC_MUST(request.n <= 1 << 20);
}
static void on_answer(void *ctx, uint64_t id, uint16_t status, bc_bytes_t answer)
{
    (void)ctx, (void)id, (void)status;
    BC_MUST(answer.n <= 1 << 20);
}

static void begin(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    loop = bc_uv_loop_new("fuzz");
    test_ca_t ca = test_ca_new("fuzz");
    char text[64];
    const char *list[1] = { text };
    for (size_t i = 0; i < 2; i++) {
        EVP_PKEY *key = EVP_RSA_gen(2048);
        X509 *x = test_sign(key, "node", "agency", X509_VERSION_3, &ca);
        char *pem[3] = { test_pem(test_put_cert, ca.cert), test_pem(test_put_cert, x),
                         test_pem(test_put_key, key) };
        bc_gateway_config_t c = { .listen_ip = "127.0.0.1", .peers = { list, i },
                                  .enable_rip_protocol = true, .enable_compression = true,
                                  .allow_max_msg_size = 1 << 20, .group = "group0",
                                  .tls = { .ca_pem = bc_cstr(pem[0]), .cert_pem = bc_cstr(pem[1]),
                                           .key_pem = bc_cstr(pem[2]), .verify = true },
                                  .client = { .on_message = on_message } };
        BC_MUST(bc_gateway_new(loop, &c, &gw[i]) == BC_OK);
        snprintf(text, sizeof text, "127.0.0.1:%u", bc_gateway_port(gw[i]));
        bc_gateway_if api = bc_gateway_contract(gw[i]);
        bc_nodeid_t id;
        memset(id.b, (int)i + 1, sizeof id.b);
        api.ops->set_node(api.self, "group0", &id, BC_NODE_CONSENSUS);
        EVP_PKEY_free(key);
        X509_free(x);
        for (int k = 0; k < 3; k++)
            free(pem[k]);
    }
    test_ca_free(&ca);
    static const char *const topics[] = { "t", "topic" };
    bc_gateway_if api = bc_gateway_contract(gw[0]);
    api.ops->amop_client(api.self,
                         &(bc_amop_client_t){ on_request, on_broadcast, on_answer, gw[0] });
    api.ops->amop_topics(api.self, topics, BC_ARRAY_LEN(topics));
}

static void end(void)
{
    bc_gateway_free(gw[0]);
    bc_gateway_free(gw[1]);
    bc_uv_loop_free(loop);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!loop) {
        begin();
        atexit(end);
    }
    while (!gw[0]->sessions || !gw[0]->sessions->negotiated)
        bc_uv_loop_poll(loop, 10);
    session_t *s = gw[0]->sessions;
    bc_gateway_if api = bc_gateway_contract(gw[0]);
    /* answers find somebody who waits, once the other side announced the topic */
    bool sent = api.ops->amop_send(api.self, size, bc_buf_copy(BC_STR("\0\0\0\0\0\1uask")));
    BC_MUST(sent);
    bc_rd_t r = bc_rd(bc_bytes(data, size));
    while (bc_rd_left(&r) > 2) {
        bc_bytes_t in = bc_rd_take(&r, BC_MIN((size_t)bc_rd_be16(&r), bc_rd_left(&r)));
        bc_buf_t *b = bc_buf_copy(in);
        BC_MUST(b);
        if (b->n >= 4)
            bc_store_be32(b->p, (uint32_t)b->n);
        if (!gw_frame_in(s, bc_buf_view(b)))
            gw[0]->stats.protocol_errors++;
        bc_buf_unref(b);
    }
    BC_MUST(gw[0]->router.routes.cnt <= BC_ROUTER_MAX);
    BC_MUST(gw[0]->nodes.gateways.cnt <= BC_NODES_GATEWAYS_MAX);
    BC_MUST(gw[0]->pending.cnt <= PENDING_MAX);
    BC_MUST(gw[0]->amop.peers.cnt <= BC_ROUTER_MAX);
    bc_uv_loop_poll(loop, 0);
    return 0;
}
