/* Contexts, and what both roles share: messages, alerts, the end of the handshake, data. */
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "access/tlcp/tlcp_impl.h"

/* ---- context ---- */

static bool make_chain(bc_tlcp_ctx_t *x, const STACK_OF(X509) *more)
{
    bc_wr_t list = { 0 };
    bool ok = (!more || sk_X509_num(more) <= CERTS_MAX - 2) && tlcp_put_cert(&list, x->sign_cert) &&
              tlcp_put_cert(&x->enc_der, x->enc_cert);
    bc_wr_put(&list, bc_wr_view(&x->enc_der));
    for (int i = 0; ok && more && i < sk_X509_num(more); i++)
        ok = tlcp_put_cert(&list, sk_X509_value(more, i));
    tlcp_be24(&x->chain, list.n);
    bc_wr_put(&x->chain, bc_wr_view(&list));
    ok = ok && !list.err && !x->chain.err && x->chain.n <= HANDSHAKE_MAX;
    bc_wr_free(&list);
    return ok;
}

static bool pair_fits(X509 *cert, EVP_PKEY *key)
{
    return cert && tlcp_is_sm2(key) && X509_check_private_key(cert, key) == 1;
}

bc_err_t bc_tlcp_ctx_new(const bc_tlcp_config_t *c, bc_tlcp_ctx_t **out)
{
    *out = NULL;
    if (!pair_fits(c->sign_cert, c->sign_key) || !pair_fits(c->enc_cert, c->enc_key))
        return BC_E_KEY;
    bc_tlcp_ctx_t *x = bc_xcalloc(1, sizeof *x);
    X509_up_ref(c->sign_cert);
    X509_up_ref(c->enc_cert);
    EVP_PKEY_up_ref(c->sign_key);
    EVP_PKEY_up_ref(c->enc_key);
    X509_STORE_up_ref(c->roots);
    x->sign_cert = c->sign_cert;
    x->enc_cert = c->enc_cert;
    x->sign_key = c->sign_key;
    x->enc_key = c->enc_key;
    x->roots = c->roots;
    x->verify = c->verify;
    x->accept = c->accept;
    x->accept_ctx = c->ctx;
    x->sm4 = EVP_CIPHER_fetch(NULL, "SM4-CBC", NULL);
    x->sm3 = EVP_MD_fetch(NULL, "SM3", NULL);
    x->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    x->prf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
    bc_err_t err = !x->sm4 || !x->sm3 || !x->hmac || !x->prf ? BC_E_UNSUPPORTED
                   : !tlcp_pair_of(c->enc_key, &x->enc_pair) ? BC_E_KEY
                   : make_chain(x, c->more)                  ? BC_OK
                                                             : BC_E_TOO_BIG;
    if (err)
        bc_tlcp_ctx_free(x);
    else
        *out = x;
    return err;
}

void bc_tlcp_ctx_free(bc_tlcp_ctx_t *x)
{
    if (!x)
        return;
    X509_free(x->sign_cert);
    X509_free(x->enc_cert);
    EVP_PKEY_free(x->sign_key);
    EVP_PKEY_free(x->enc_key);
    bc_keypair_wipe(&x->enc_pair);
    X509_STORE_free(x->roots);
    bc_wr_free(&x->chain);
    bc_wr_free(&x->enc_der);
    EVP_CIPHER_free(x->sm4);
    EVP_MD_free(x->sm3);
    EVP_MAC_free(x->hmac);
    EVP_KDF_free(x->prf);
    free(x);
}

/* ---- connection ---- */

static const uint16_t suites[] = { SUITE_ECDHE_SM4_CBC_SM3, SUITE_ECC_SM4_CBC_SM3 };

bc_tlcp_t *bc_tlcp_new(const bc_tlcp_ctx_t *ctx, bool server, void *app)
{
    bc_tlcp_t *t = bc_xcalloc(1, sizeof *t);
    t->x = ctx;
    t->app = app;
    t->server = server;
    t->offers = suites;
    t->offer_cnt = BC_ARRAY_LEN(suites);
    t->state = server ? WANT_CLIENT_HELLO : BEGIN_CLIENT;
    t->transcript = EVP_MD_CTX_new();
    BC_MUST(t->transcript && EVP_DigestInit_ex2(t->transcript, ctx->sm3, NULL) == 1);
    return t;
}

void bc_tlcp_free(bc_tlcp_t *t)
{
    if (!t)
        return;
    tlcp_half_end(&t->in);
    tlcp_half_end(&t->out);
    bc_wr_free(&t->rx);
    bc_wr_free(&t->message);
    EVP_MD_CTX_free(t->transcript);
    X509_free(t->peer_sign);
    X509_free(t->peer_enc);
    OPENSSL_cleanse(t, sizeof *t);
    free(t);
}

X509 *bc_tlcp_peer(const bc_tlcp_t *t)
{
    return t->peer_sign;
}

const char *bc_tlcp_reason(const bc_tlcp_t *t)
{
    return t->reason;
}

bc_tlcp_result_t tlcp_fail(bc_tlcp_t *t, bc_wr_t *out, uint8_t alert, const char *fmt, ...)
{
    if (t->state == FAILED)
        return BC_TLCP_FAILED;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(t->reason, sizeof t->reason, fmt, ap);
    va_end(ap);
    uint8_t fatal[2] = { 2, alert };
    (void)tlcp_record_put(t, out, REC_ALERT, bc_bytes(fatal, sizeof fatal));
    t->state = FAILED;
    ERR_clear_error();
    return BC_TLCP_FAILED;
}

static const char *alert_name(uint8_t alert)
{
    switch (alert) {
    case ALERT_UNEXPECTED: return "unexpected message";
    case ALERT_BAD_MAC: return "bad record MAC";
    case ALERT_OVERFLOW: return "record overflow";
    case ALERT_HANDSHAKE: return "handshake failure";
    case ALERT_BAD_CERT: return "bad certificate";
    case ALERT_UNSUPPORTED_CERT: return "unsupported certificate";
    case ALERT_UNKNOWN_CA: return "unknown CA";
    case ALERT_ACCESS: return "access denied";
    case ALERT_DECODE: return "decode error";
    case ALERT_DECRYPT: return "decrypt error";
    case ALERT_VERSION: return "protocol version";
    case ALERT_INTERNAL: return "internal error";
    default: return "alert";
    }
}

static bc_tlcp_result_t take_alert(bc_tlcp_t *t, bc_bytes_t data, bc_wr_t *out)
{
    if (data.n != 2)
        return tlcp_fail(t, out, ALERT_DECODE, "a malformed alert");
    if (data.p[1] == ALERT_CLOSE) {
        if (t->state < OPEN)
            snprintf(t->reason, sizeof t->reason, "it closed the connection within the handshake");
        t->state = CLOSED;
        return BC_TLCP_CLOSED;
    }
    if (data.p[0] != 1) { /* it has closed already: nothing to say to it */
        snprintf(t->reason, sizeof t->reason, "the other side refused: %s (%u)",
                 alert_name(data.p[1]), data.p[1]);
        t->state = FAILED;
        return BC_TLCP_FAILED;
    }
    return BC_TLCP_OK;
}

/* ---- messages ---- */

static void transcript_add(bc_tlcp_t *t, bc_bytes_t message)
{
    BC_MUST(EVP_DigestUpdate(t->transcript, message.p, message.n) == 1);
}

void tlcp_hash_now(const bc_tlcp_t *t, uint8_t hash[SM3_SIZE])
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    BC_MUST(md && EVP_MD_CTX_copy_ex(md, t->transcript) == 1 && EVP_DigestFinal_ex(md, hash, NULL) == 1);
    EVP_MD_CTX_free(md);
}

bool tlcp_send(bc_tlcp_t *t, bc_wr_t *out, uint8_t type, bc_bytes_t body)
{
    bc_wr_t w = { 0 };
    bc_wr_u8(&w, type);
    tlcp_be24(&w, body.n);
    bc_wr_put(&w, body);
    bool ok = !w.err;
    if (ok)
        transcript_add(t, bc_wr_view(&w));
    for (size_t i = 0; ok && i < w.n; i += RECORD_PLAIN_MAX)
        ok = tlcp_record_put(t, out, REC_HANDSHAKE,
                             bc_bytes(w.p + i, BC_MIN(w.n - i, (size_t)RECORD_PLAIN_MAX)));
    bc_wr_free(&w);
    return ok;
}

bool tlcp_read_extensions(bc_tlcp_t *t, bc_rd_t *r)
{
    bc_rd_t list = bc_rd(bc_rd_take(r, bc_rd_be16(r)));
    bool ok = !r->err;
    while (ok && bc_rd_left(&list)) {
        uint16_t type = bc_rd_be16(&list);
        bc_bytes_t data = bc_rd_take(&list, bc_rd_be16(&list));
        switch (list.err ? -1 : type) {
        case -1:
            return false;
        case EXT_ENCRYPT_THEN_MAC:
            ok = t->encrypt_then_mac = !data.n;
            break;
        case EXT_EXTENDED_MASTER:
            ok = t->extended_master = !data.n;
            break;
        case EXT_RENEGOTIATION: /* there was no handshake before */
            ok = t->renegotiation = data.n == 1 && data.p[0] == 0;
            break;
        default:
            ok = t->server;
        }
    }
    return ok;
}

bc_tlcp_result_t tlcp_step(bc_tlcp_t *t, const tlcp_step_t *steps, size_t cnt, uint8_t type,
                           bc_bytes_t body, bc_wr_t *out)
{
    for (size_t i = 0; i < cnt; i++)
        if (t->state == steps[i].state && type == steps[i].type)
            return steps[i].take(t, body, out);
    return tlcp_fail(t, out, ALERT_UNEXPECTED, "message %u at the wrong moment", type);
}

static bool finished_data(const bc_tlcp_t *t, bool client, const uint8_t hash[SM3_SIZE],
                          uint8_t out[VERIFY_SIZE])
{
    return tlcp_prf(t->x, bc_bytes(t->master, sizeof t->master),
                    client ? "client finished" : "server finished", bc_bytes(hash, SM3_SIZE),
                    (bc_bytes_t){ (const uint8_t *)"", 0 }, out, VERIFY_SIZE);
}

bool tlcp_send_finished(bc_tlcp_t *t, bc_wr_t *out)
{
    static const uint8_t one = 1;
    uint8_t hash[SM3_SIZE], data[VERIFY_SIZE];
    tlcp_hash_now(t, hash);
    return finished_data(t, !t->server, hash, data) &&
           tlcp_record_put(t, out, REC_CCS, bc_bytes(&one, 1)) &&
           tlcp_half_start(t, &t->out, !t->server, true) &&
           tlcp_send(t, out, HS_FINISHED, bc_bytes(data, sizeof data));
}

static bc_tlcp_result_t take_finished(bc_tlcp_t *t, uint8_t type, bc_bytes_t body, bc_wr_t *out)
{
    uint8_t want[VERIFY_SIZE];
    if (type != HS_FINISHED)
        return tlcp_fail(t, out, ALERT_UNEXPECTED, "message %u where Finished belongs", type);
    if (!finished_data(t, t->server, t->before, want))
        return tlcp_fail(t, out, ALERT_INTERNAL, "out of memory");
    if (body.n != VERIFY_SIZE || CRYPTO_memcmp(body.p, want, VERIFY_SIZE) != 0)
        return tlcp_fail(t, out, ALERT_DECRYPT, "its Finished does not fit the handshake");
    if (t->server && !tlcp_send_finished(t, out))
        return tlcp_fail(t, out, ALERT_INTERNAL, "out of memory");
    t->state = OPEN;
    OPENSSL_cleanse(t->master, sizeof t->master);
    OPENSSL_cleanse(t->keys, sizeof t->keys);
    return BC_TLCP_OK;
}

static bc_tlcp_result_t refuse_new_handshake(bc_tlcp_t *t, bc_wr_t *out)
{
    return tlcp_fail(t, out, ALERT_NO_RENEGOTIATION, "it asked for a new handshake");
}

static bc_tlcp_result_t take_message(bc_tlcp_t *t, bc_bytes_t message, bc_wr_t *out)
{
    uint8_t type = message.p[0];
    bc_bytes_t body = bc_bytes(message.p + 4, message.n - 4);
    if (type == HS_HELLO_REQUEST)
        return refuse_new_handshake(t, out);
    tlcp_hash_now(t, t->before);
    transcript_add(t, message);
    if (t->state == WANT_FINISHED)
        return take_finished(t, type, body, out);
    return t->server ? tlcp_server_take(t, type, body, out) : tlcp_client_take(t, type, body, out);
}

static bc_tlcp_result_t take_handshake(bc_tlcp_t *t, bc_bytes_t data, bc_wr_t *out)
{
    bc_tlcp_result_t r = BC_TLCP_OK;
    if (t->state == OPEN)
        return refuse_new_handshake(t, out);
    bc_wr_put(&t->message, data);
    size_t at = 0;
    while (t->state != OPEN && r == BC_TLCP_OK && !t->message.err && t->message.n - at >= 4) {
        const uint8_t *p = t->message.p + at;
        size_t n = (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
        if (n > HANDSHAKE_MAX)
            return tlcp_fail(t, out, ALERT_DECODE, "a handshake message of %zu bytes", n);
        if (t->message.n - at < 4 + n)
            break;
        if (t->state == WANT_CCS)
            return tlcp_fail(t, out, ALERT_UNEXPECTED, "message %u before ChangeCipherSpec", p[0]);
        r = take_message(t, bc_bytes(p, 4 + n), out);
        at += 4 + n;
    }
    if (t->message.err)
        return tlcp_fail(t, out, ALERT_INTERNAL, "out of memory");
    if (t->state == OPEN && at < t->message.n) /* behind Finished */
        return refuse_new_handshake(t, out);
    if (at && at < t->message.n)
        memmove(t->message.p, t->message.p + at, t->message.n - at);
    t->message.n -= at;
    if (!t->message.n)
        bc_wr_free(&t->message);
    return r;
}

static bc_tlcp_result_t take_ccs(bc_tlcp_t *t, bc_bytes_t data, bc_wr_t *out)
{
    if (t->state != WANT_CCS || data.n != 1 || data.p[0] != 1 || t->message.n)
        return tlcp_fail(t, out, ALERT_UNEXPECTED, "ChangeCipherSpec at the wrong moment");
    if (!tlcp_half_start(t, &t->in, t->server, false))
        return tlcp_fail(t, out, ALERT_INTERNAL, "out of memory");
    t->state = WANT_FINISHED;
    return BC_TLCP_OK;
}

/* One record. BC_TLCP_OK: done with it; data is not empty if it was data for the caller. */
static bc_tlcp_result_t take_record(bc_tlcp_t *t, bc_bytes_t *in, bc_wr_t *out, bc_bytes_t *data)
{
    uint8_t type;
    bc_bytes_t body;
    *data = (bc_bytes_t){ 0 };
    bc_tlcp_result_t r = tlcp_record_get(t, in, out, &type, &body);
    if (r != BC_TLCP_OK)
        return r;
    t->idle_records = type == REC_ALERT || !body.n ? t->idle_records + 1 : 0;
    if (t->idle_records > WARNINGS_MAX)
        return tlcp_fail(t, out, ALERT_UNEXPECTED, "records without content");
    switch (type) {
    case REC_ALERT:
        return take_alert(t, body, out);
    case REC_CCS:
        return take_ccs(t, body, out);
    case REC_HANDSHAKE:
        return take_handshake(t, body, out);
    case REC_DATA:
        if (t->state != OPEN)
            return tlcp_fail(t, out, ALERT_UNEXPECTED, "data within the handshake");
        *data = body;
        return BC_TLCP_OK;
    default:
        return tlcp_fail(t, out, ALERT_UNEXPECTED, "a record of type %u", type);
    }
}

static bc_tlcp_result_t over(const bc_tlcp_t *t)
{
    return t->state == CLOSED ? BC_TLCP_CLOSED : BC_TLCP_FAILED;
}

static bc_tlcp_result_t shake(bc_tlcp_t *t, bc_bytes_t *in, bc_wr_t *out)
{
    if (t->state == BEGIN_CLIENT) {
        bc_tlcp_result_t r = tlcp_client_begin(t, out);
        if (r != BC_TLCP_OK)
            return r;
    }
    while (t->state < OPEN) {
        bc_bytes_t none;
        bc_tlcp_result_t r = take_record(t, in, out, &none);
        if (r != BC_TLCP_OK)
            return r;
    }
    return t->state == OPEN ? BC_TLCP_OK : over(t);
}

bc_tlcp_result_t bc_tlcp_handshake(bc_tlcp_t *t, bc_bytes_t *in, bc_wr_t *out)
{
    bc_tlcp_result_t r = shake(t, in, out);
    ERR_clear_error(); /* a key or certificate of theirs may have left something and yet be no end */
    return r;
}

bc_tlcp_result_t bc_tlcp_read(bc_tlcp_t *t, bc_bytes_t *in, bc_wr_t *out, bc_bytes_t *data)
{
    while (t->state == OPEN) {
        bc_tlcp_result_t r = take_record(t, in, out, data);
        if (r != BC_TLCP_OK || data->n)
            return r;
    }
    return over(t);
}

bool bc_tlcp_write(bc_tlcp_t *t, bc_bytes_t data, bc_wr_t *out)
{
    bool ok = t->state == OPEN && !t->close_sent;
    while (ok && data.n) {
        size_t n = BC_MIN(data.n, (size_t)RECORD_PLAIN_MAX);
        ok = tlcp_record_put(t, out, REC_DATA, bc_bytes(data.p, n));
        data.p += n;
        data.n -= n;
    }
    return ok;
}

void bc_tlcp_close(bc_tlcp_t *t, bc_wr_t *out)
{
    static const uint8_t close_notify[2] = { 1, ALERT_CLOSE };
    if (t->state == FAILED || t->close_sent)
        return;
    t->close_sent = true;
    (void)tlcp_record_put(t, out, REC_ALERT, bc_bytes(close_notify, sizeof close_notify));
}
