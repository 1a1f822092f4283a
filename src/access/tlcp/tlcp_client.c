/* The client's part of the handshake. */
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include "access/tlcp/tlcp_impl.h"

bc_tlcp_result_t tlcp_client_begin(bc_tlcp_t *t, bc_wr_t *out)
{
    /* encrypt_then_mac, extended_master_secret, renegotiation_info */
    static const uint8_t extensions[] = { 0, 22, 0, 0, 0, 23, 0, 0, 0xff, 1, 0, 1, 0 };
    if (RAND_bytes(t->randoms, RANDOM_SIZE) != 1)
        return tlcp_fail(t, out, ALERT_INTERNAL, "no random numbers");
    bc_wr_t w = { 0 };
    bc_wr_be16(&w, TLCP_VERSION);
    bc_wr_mem(&w, t->randoms, RANDOM_SIZE);
    bc_wr_u8(&w, 0); /* no session */
    bc_wr_be16(&w, (uint16_t)(2 * t->offer_cnt));
    for (size_t i = 0; i < t->offer_cnt; i++)
        bc_wr_be16(&w, t->offers[i]);
    bc_wr_u8(&w, 1); /* one way of compression: none */
    bc_wr_u8(&w, 0);
    bc_wr_be16(&w, sizeof extensions);
    bc_wr_mem(&w, extensions, sizeof extensions);
    bool ok = !w.err && tlcp_send(t, out, HS_CLIENT_HELLO, bc_wr_view(&w));
    bc_wr_free(&w);
    if (!ok)
        return tlcp_fail(t, out, ALERT_INTERNAL, "out of memory");
    t->state = WANT_SERVER_HELLO;
    return BC_TLCP_OK;
}

static bc_tlcp_result_t take_hello(bc_tlcp_t *t, bc_bytes_t body, bc_wr_t *out)
{
    bc_rd_t r = bc_rd(body);
    uint16_t version = bc_rd_be16(&r);
    bc_bytes_t random = bc_rd_take(&r, RANDOM_SIZE);
    bc_bytes_t session = bc_rd_take(&r, bc_rd_u8(&r));
    uint16_t suite = bc_rd_be16(&r);
    uint8_t compression = bc_rd_u8(&r);
    if (r.err || session.n > 32 || compression || (bc_rd_left(&r) && !tlcp_read_extensions(t, &r)) ||
        bc_rd_left(&r))
        return tlcp_fail(t, out, ALERT_DECODE, "a malformed ServerHello");
    if (version != TLCP_VERSION)
        return tlcp_fail(t, out, ALERT_VERSION, "it chose version %u.%u", version >> 8, version & 255u);
    for (size_t i = 0; i < t->offer_cnt; i++)
        if (suite == t->offers[i])
            t->suite = suite;
    if (!t->suite)
        return tlcp_fail(t, out, ALERT_HANDSHAKE, "it chose suite %04x, which was not offered", suite);
    memcpy(t->randoms + RANDOM_SIZE, random.p, RANDOM_SIZE);
    t->state = WANT_SERVER_CERT;
    return BC_TLCP_OK;
}

static bc_tlcp_result_t take_certs(bc_tlcp_t *t, bc_bytes_t body, bc_wr_t *out)
{
    return tlcp_take_certs(t, body, WANT_SERVER_KEY, out);
}

static bc_tlcp_result_t take_key(bc_tlcp_t *t, bc_bytes_t body, bc_wr_t *out)
{
    bool ecdhe = t->suite == SUITE_ECDHE_SM4_CBC_SM3;
    bc_rd_t r = bc_rd(body);
    if (ecdhe)
        tlcp_read_point(&r, &t->peer_once);
    size_t point_n = body.n - bc_rd_left(&r);
    bc_bytes_t sig = bc_rd_take(&r, bc_rd_be16(&r));
    if (r.err || bc_rd_left(&r))
        return tlcp_fail(t, out, ALERT_DECODE, "a malformed ServerKeyExchange");
    bc_wr_t der = { 0 };
    bool ok = ecdhe || tlcp_put_cert(&der, t->peer_enc);
    bc_bytes_t parts[] = { bc_bytes(t->randoms, sizeof t->randoms),
                           ecdhe ? bc_bytes(body.p, point_n) : bc_wr_view(&der) };
    ok = ok && tlcp_verify(t->x, X509_get0_pubkey(t->peer_sign), parts, BC_ARRAY_LEN(parts), sig);
    bc_wr_free(&der);
    if (!ok)
        return tlcp_fail(t, out, ALERT_DECRYPT, "its signature over its %s is bad",
                         ecdhe ? "key for this connection" : "encryption certificate");
    t->state = WANT_CERT_REQUEST;
    return BC_TLCP_OK;
}

static bc_tlcp_result_t take_request(bc_tlcp_t *t, bc_bytes_t body, bc_wr_t *out)
{
    bc_rd_t r = bc_rd(body);
    bc_bytes_t types = bc_rd_take(&r, bc_rd_u8(&r));
    (void)bc_rd_take(&r, bc_rd_be16(&r)); /* we have one certificate, whatever CAs it names */
    if (r.err || bc_rd_left(&r) || !types.n)
        return tlcp_fail(t, out, ALERT_DECODE, "a malformed CertificateRequest");
    t->cert_wanted = true;
    t->state = WANT_HELLO_DONE;
    return BC_TLCP_OK;
}

/* ---- our answer ---- */

/* A key of ours, which with the server's makes the premaster secret. */
static bool make_point(bc_tlcp_t *t, uint8_t premaster[PREMASTER_SIZE], bc_wr_t *msg)
{
    if (bc_keypair_new(BC_SUITE_SM, &t->once) || !tlcp_agree(t, premaster))
        return false;
    tlcp_put_point(msg, CURVE_SM2, &t->once.pub);
    return true;
}

/* The premaster secret, encrypted to the server. */
static bool make_secret(bc_tlcp_t *t, uint8_t premaster[PREMASTER_SIZE], bc_wr_t *msg)
{
    bc_wr_t text = { 0 };
    premaster[0] = TLCP_VERSION >> 8;
    premaster[1] = TLCP_VERSION & 255;
    bool ok = RAND_priv_bytes(premaster + 2, PREMASTER_SIZE - 2) == 1 &&
              tlcp_encrypt(X509_get0_pubkey(t->peer_enc), bc_bytes(premaster, PREMASTER_SIZE), &text);
    bc_wr_be16(msg, (uint16_t)text.n);
    bc_wr_put(msg, bc_wr_view(&text));
    ok = ok && !text.err;
    bc_wr_free(&text);
    return ok;
}

static bool send_key(bc_tlcp_t *t, bc_wr_t *out)
{
    uint8_t premaster[PREMASTER_SIZE];
    bc_wr_t msg = { 0 };
    bool ok = (t->suite == SUITE_ECDHE_SM4_CBC_SM3 ? make_point : make_secret)(t, premaster, &msg) &&
              !msg.err && tlcp_send(t, out, HS_CLIENT_KEY, bc_wr_view(&msg)) &&
              tlcp_derive(t, premaster);
    OPENSSL_cleanse(premaster, sizeof premaster);
    bc_wr_free(&msg);
    return ok;
}

static bool send_verify(bc_tlcp_t *t, bc_wr_t *out)
{
    uint8_t hash[SM3_SIZE];
    bc_wr_t msg = { 0 };
    tlcp_hash_now(t, hash);
    bc_bytes_t part = bc_bytes(hash, sizeof hash);
    bool ok = tlcp_put_signature(t->x, &part, 1, &msg) &&
              tlcp_send(t, out, HS_CERTIFICATE_VERIFY, bc_wr_view(&msg));
    bc_wr_free(&msg);
    return ok;
}

static bc_tlcp_result_t take_done(bc_tlcp_t *t, bc_bytes_t body, bc_wr_t *out)
{
    if (body.n)
        return tlcp_fail(t, out, ALERT_DECODE, "a malformed ServerHelloDone");
    if ((t->cert_wanted && !tlcp_send(t, out, HS_CERTIFICATE, bc_wr_view(&t->x->chain))) ||
        !send_key(t, out) || (t->cert_wanted && !send_verify(t, out)) || !tlcp_send_finished(t, out))
        return tlcp_fail(t, out, ALERT_INTERNAL, "the handshake could not be answered");
    t->state = WANT_CCS;
    return BC_TLCP_OK;
}

bc_tlcp_result_t tlcp_client_take(bc_tlcp_t *t, uint8_t type, bc_bytes_t body, bc_wr_t *out)
{
    static const tlcp_step_t steps[] = {
        { WANT_SERVER_HELLO, HS_SERVER_HELLO, take_hello },
        { WANT_SERVER_CERT, HS_CERTIFICATE, take_certs },
        { WANT_SERVER_KEY, HS_SERVER_KEY, take_key },
        { WANT_CERT_REQUEST, HS_CERTIFICATE_REQUEST, take_request },
        { WANT_CERT_REQUEST, HS_HELLO_DONE, take_done },
        { WANT_HELLO_DONE, HS_HELLO_DONE, take_done },
    };
    return tlcp_step(t, steps, BC_ARRAY_LEN(steps), type, body, out);
}
