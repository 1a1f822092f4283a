/* Certificate messages. The signing certificate comes first; where the other one for encryption
 * stands differs (the standard: second; TASSL: after the CAs), so it is known by its key usage. */
#include <openssl/x509v3.h>
#include "access/tlcp/tlcp_impl.h"

void bc_tlcp_name_id(X509 *cert)
{
    ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
    BC_MUST(id && ASN1_OCTET_STRING_set(id, (const unsigned char *)BC_SM2_ID,
                                        sizeof BC_SM2_ID - 1) == 1);
    X509_set0_distinguishing_id(cert, id);
}

void tlcp_be24(bc_wr_t *w, size_t v)
{
    bc_wr_u8(w, (uint8_t)(v >> 16));
    bc_wr_be16(w, (uint16_t)v);
}

bool tlcp_put_cert(bc_wr_t *w, X509 *x)
{
    int n = i2d_X509(x, NULL);
    if (n <= 0)
        return false;
    tlcp_be24(w, (size_t)n);
    uint8_t *p = bc_wr_reserve(w, (size_t)n);
    return p && i2d_X509(x, &p) == n;
}

static size_t be24(bc_rd_t *r)
{
    size_t high = bc_rd_u8(r);
    return high << 16 | bc_rd_be16(r);
}

/* The message to a stack; NULL: malformed. */
static STACK_OF(X509) *read_list(bc_bytes_t body)
{
    bc_rd_t r = bc_rd(body);
    STACK_OF(X509) *list = sk_X509_new_null();
    size_t n = be24(&r);
    bool ok = list && !r.err && n == bc_rd_left(&r);
    while (ok && bc_rd_left(&r)) {
        bc_bytes_t der = bc_rd_take(&r, be24(&r));
        const uint8_t *p = der.p;
        X509 *x = !r.err && der.n && sk_X509_num(list) < CERTS_MAX ? d2i_X509(NULL, &p, (long)der.n)
                                                                  : NULL;
        ok = x && p == der.p + der.n && sk_X509_push(list, x) > 0;
        if (!ok)
            X509_free(x);
        else
            bc_tlcp_name_id(x);
    }
    if (ok)
        return list;
    sk_X509_pop_free(list, X509_free);
    return NULL;
}

/* Whether the certificate may be used so; one without key usage may be used for anything. */
static bool usable(X509 *x, uint32_t usage)
{
    return tlcp_is_sm2(X509_get0_pubkey(x)) && (X509_get_key_usage(x) & usage);
}

static X509 *find_enc(STACK_OF(X509) *list)
{
    for (int i = 1; i < sk_X509_num(list); i++) {
        X509 *x = sk_X509_value(list, i);
        if (!X509_check_ca(x) && usable(x, TLCP_USE_ENC))
            return x;
    }
    return NULL;
}

/* NULL: trusted. */
static const char *chain_fault(const bc_tlcp_ctx_t *x, X509 *leaf, STACK_OF(X509) *list)
{
    X509_STORE_CTX *c = X509_STORE_CTX_new();
    const char *why = "out of memory";
    if (c && X509_STORE_CTX_init(c, x->roots, leaf, list) == 1)
        why = X509_verify_cert(c) == 1 ? NULL
                                       : X509_verify_cert_error_string(X509_STORE_CTX_get_error(c));
    X509_STORE_CTX_free(c);
    return why;
}

static bc_tlcp_result_t check_certs(bc_tlcp_t *t, STACK_OF(X509) *list, bc_wr_t *out)
{
    X509 *sign = sk_X509_value(list, 0), *enc = find_enc(list);
    if (!usable(sign, TLCP_USE_SIGN))
        return tlcp_fail(t, out, ALERT_UNSUPPORTED_CERT, "its certificate is not one for SM2 signatures");
    if (!enc && (!t->server || t->suite == SUITE_ECDHE_SM4_CBC_SM3))
        return tlcp_fail(t, out, ALERT_UNSUPPORTED_CERT, "it has no SM2 certificate for encryption");
    const char *why = t->x->verify ? chain_fault(t->x, sign, list) : NULL;
    if (!why && t->x->verify && enc)
        why = chain_fault(t->x, enc, list);
    if (why)
        return tlcp_fail(t, out, ALERT_UNKNOWN_CA, "its certificate: %s", why);
    if (t->x->accept && !t->x->accept(t->x->accept_ctx, sign, t->app))
        return tlcp_fail(t, out, ALERT_ACCESS, "its certificate is not accepted");
    X509_up_ref(sign);
    t->peer_sign = sign;
    if (enc) {
        X509_up_ref(enc);
        t->peer_enc = enc;
    }
    return BC_TLCP_OK;
}

bc_tlcp_result_t tlcp_take_certs(bc_tlcp_t *t, bc_bytes_t body, tlcp_state_t next, bc_wr_t *out)
{
    STACK_OF(X509) *list = read_list(body);
    if (!list)
        return tlcp_fail(t, out, ALERT_DECODE, "a malformed list of certificates");
    bc_tlcp_result_t r =
        sk_X509_num(list) ? check_certs(t, list, out)
                          : tlcp_fail(t, out, ALERT_HANDSHAKE, "it showed no certificate");
    sk_X509_pop_free(list, X509_free);
    if (r == BC_TLCP_OK)
        t->state = next;
    return r;
}
