/* The server's part of the handshake. */
#include <openssl/rand.h>
#include "access/tlcp/tlcp_impl.h"

/* ---- ClientHello ---- */

/* What we know of a client's list: its favourite, and a signal among the suites. */
static void read_suites(bc_tlcp_t *t, bc_bytes_t list)
{
    bc_rd_t r = bc_rd(list);
    while (bc_rd_left(&r)) {
        uint16_t suite = bc_rd_be16(&r);
        if (!t->suite && (suite == SUITE_ECDHE_SM4_CBC_SM3 || suite == SUITE_ECC_SM4_CBC_SM3))
            t->suite = suite;
        t->renegotiation |= suite == SCSV_RENEGOTIATION;
    }
}

static bc_tlcp_result_t read_hello(bc_tlcp_t *t, bc_bytes_t body, bc_wr_t *out)
{
    bc_rd_t r = bc_rd(body);
    uint16_t version = bc_rd_be16(&r);
    bc_bytes_t random = bc_rd_take(&r, RANDOM_SIZE);
    bc_bytes_t session = bc_rd_take(&r, bc_rd_u8(&r));
    bc_bytes_t suites = bc_rd_take(&r, bc_rd_be16(&r));
    bc_bytes_t compressions = bc_rd_take(&r, bc_rd_u8(&r));
    if (r.err || session.n > 32 || suites.n % 2 || !suites.n || !compressions.n ||
        (bc_rd_left(&r) && !tlcp_read_extensions(t, &r)) || bc_rd_left(&r))
        return tlcp_fail(t, out, ALERT_DECODE, "a malformed ClientHello");
    if (version >> 8 != TLCP_VERSION >> 8)
        return tlcp_fail(t, out, ALERT_VERSION, "it does not speak TLCP (version %u.%u)",
                         version >> 8, version & 255u);
    read_suites(t, suites);
    if (!t->suite)
        return tlcp_fail(t, out, ALERT_HANDSHAKE, "it knows no suite of ECDHE_SM4_CBC_SM3, ECC_SM4_CBC_SM3");
    if (!memchr(compressions.p, 0, compressions.n))
        return tlcp_fail(t, out, ALERT_HANDSHAKE, "it insists on compression");
    memcpy(t->randoms, random.p, RANDOM_SIZE);
    return BC_TLCP_OK;
}

/* ---- our answer ---- */

static bool send_hello(bc_tlcp_t *t, bc_wr_t *out)
{
    uint8_t *random = t->randoms + RANDOM_SIZE;
    if (RAND_bytes(random, RANDOM_SIZE) != 1)
        return false;
    bc_wr_t w = { 0 }, ext = { 0 };
    bc_wr_be16(&w, TLCP_VERSION);
    bc_wr_mem(&w, random, RANDOM_SIZE);
    bc_wr_u8(&w, 0); /* no session to come back to */
    bc_wr_be16(&w, t->suite);
    bc_wr_u8(&w, 0);
    if (t->renegotiation)
        bc_wr_mem(&ext, "\xff\x01\x00\x01\x00", 5);
    if (t->encrypt_then_mac)
        bc_wr_be32(&ext, (uint32_t)EXT_ENCRYPT_THEN_MAC << 16);
    if (t->extended_master)
        bc_wr_be32(&ext, (uint32_t)EXT_EXTENDED_MASTER << 16);
    if (ext.n) {
        bc_wr_be16(&w, (uint16_t)ext.n);
        bc_wr_put(&w, bc_wr_view(&ext));
    }
    bool ok = !w.err && !ext.err && tlcp_send(t, out, HS_SERVER_HELLO, bc_wr_view(&w));
    bc_wr_free(&w);
    bc_wr_free(&ext);
    return ok;
}

/* Our signature says that the encryption certificate, or the key made for it, is for this
 * connection. */
static bool send_key(bc_tlcp_t *t, bc_wr_t *out)
{
    bc_wr_t msg = { 0 };
    bc_bytes_t what = bc_wr_view(&t->x->enc_der);
    if (t->suite == SUITE_ECDHE_SM4_CBC_SM3) {
        if (bc_keypair_new(BC_SUITE_SM, &t->once))
            return false;
        tlcp_put_point(&msg, CURVE_SM2, &t->once.pub);
        what = bc_wr_view(&msg);
    }
    bc_bytes_t parts[] = { bc_bytes(t->randoms, sizeof t->randoms), what };
    bool ok = !msg.err && tlcp_put_signature(t->x, parts, BC_ARRAY_LEN(parts), &msg) &&
              tlcp_send(t, out, HS_SERVER_KEY, bc_wr_view(&msg));
    bc_wr_free(&msg);
    return ok;
}

static bc_tlcp_result_t take_hello(bc_tlcp_t *t, bc_bytes_t body, bc_wr_t *out)
{
    /* rsa_sign, ecdsa_sign; any CA: the certificates of a chain have one root */
    static const uint8_t request[] = { 2, 1, 64, 0, 0 };
    bc_tlcp_result_t r = read_hello(t, body, out);
    if (r != BC_TLCP_OK)
        return r;
    if (!send_hello(t, out) || !tlcp_send(t, out, HS_CERTIFICATE, bc_wr_view(&t->x->chain)) ||
        !send_key(t, out) ||
        !tlcp_send(t, out, HS_CERTIFICATE_REQUEST, bc_bytes(request, sizeof request)) ||
        !tlcp_send(t, out, HS_HELLO_DONE, (bc_bytes_t){ 0 }))
        return tlcp_fail(t, out, ALERT_INTERNAL, "out of memory");
    t->state = WANT_CLIENT_CERT;
    return BC_TLCP_OK;
}

/* ---- the client's key ---- */

static bc_tlcp_result_t read_point(bc_tlcp_t *t, bc_rd_t *r, uint8_t premaster[PREMASTER_SIZE],
                                   bc_wr_t *out)
{
    tlcp_read_point(r, &t->peer_once);
    if (r->err || bc_rd_left(r))
        return tlcp_fail(t, out, ALERT_DECODE, "a malformed ClientKeyExchange");
    if (!tlcp_agree(t, premaster))
        return tlcp_fail(t, out, ALERT_ILLEGAL, "its key for this connection is none");
    return BC_TLCP_OK;
}

static bc_tlcp_result_t read_secret(bc_tlcp_t *t, bc_rd_t *r, uint8_t premaster[PREMASTER_SIZE],
                                    bc_wr_t *out)
{
    bc_bytes_t text = bc_rd_take(r, bc_rd_be16(r));
    if (r->err || bc_rd_left(r))
        return tlcp_fail(t, out, ALERT_DECODE, "a malformed ClientKeyExchange");
    /* What does not decrypt is told from what does only by Finished, as RFC 5246 §7.4.7.1 has it. */
    if (RAND_bytes(premaster, PREMASTER_SIZE) != 1)
        return tlcp_fail(t, out, ALERT_INTERNAL, "no random numbers");
    (void)tlcp_decrypt(t->x->enc_key, text, premaster);
    premaster[0] = TLCP_VERSION >> 8;
    premaster[1] = TLCP_VERSION & 255;
    return BC_TLCP_OK;
}

static bc_tlcp_result_t take_key(bc_tlcp_t *t, bc_bytes_t body, bc_wr_t *out)
{
    uint8_t premaster[PREMASTER_SIZE];
    bc_rd_t r = bc_rd(body);
    bc_tlcp_result_t got = t->suite == SUITE_ECDHE_SM4_CBC_SM3 ? read_point(t, &r, premaster, out)
                                                               : read_secret(t, &r, premaster, out);
    if (got != BC_TLCP_OK)
        return got;
    if (!tlcp_derive(t, premaster))
        return tlcp_fail(t, out, ALERT_INTERNAL, "out of memory");
    t->state = WANT_CERT_VERIFY;
    return BC_TLCP_OK;
}

static bc_tlcp_result_t take_verify(bc_tlcp_t *t, bc_bytes_t body, bc_wr_t *out)
{
    bc_rd_t r = bc_rd(body);
    bc_bytes_t sig = bc_rd_take(&r, bc_rd_be16(&r));
    bc_bytes_t hash = bc_bytes(t->before, sizeof t->before);
    if (r.err || bc_rd_left(&r))
        return tlcp_fail(t, out, ALERT_DECODE, "a malformed CertificateVerify");
    if (!tlcp_verify(t->x, X509_get0_pubkey(t->peer_sign), &hash, 1, sig))
        return tlcp_fail(t, out, ALERT_DECRYPT, "it does not have the key of its certificate");
    t->state = WANT_CCS;
    return BC_TLCP_OK;
}

static bc_tlcp_result_t take_certs(bc_tlcp_t *t, bc_bytes_t body, bc_wr_t *out)
{
    return tlcp_take_certs(t, body, WANT_CLIENT_KEY, out);
}

bc_tlcp_result_t tlcp_server_take(bc_tlcp_t *t, uint8_t type, bc_bytes_t body, bc_wr_t *out)
{
    static const tlcp_step_t steps[] = {
        { WANT_CLIENT_HELLO, HS_CLIENT_HELLO, take_hello },
        { WANT_CLIENT_CERT, HS_CERTIFICATE, take_certs },
        { WANT_CLIENT_KEY, HS_CLIENT_KEY, take_key },
        { WANT_CERT_VERIFY, HS_CERTIFICATE_VERIFY, take_verify },
    };
    return tlcp_step(t, steps, BC_ARRAY_LEN(steps), type, body, out);
}
