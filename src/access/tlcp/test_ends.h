/* Two ends of a TLCP connection without a network, for tests and the fuzzer. Tests may look into
 * them and bend them: that is how ends are made that do not keep to the rules. */
#ifndef BC_ACCESS_TEST_ENDS_H
#define BC_ACCESS_TEST_ENDS_H

#include <openssl/err.h>
#include "access/tlcp/test_sm_certs.h"
#include "access/tlcp/tlcp_impl.h"

typedef struct {
    bc_tlcp_ctx_t *x; /* NULL: another end's */
    bc_tlcp_t *t;
    bc_wr_t out; /* what this end sent and the other has not been given */
    bc_tlcp_result_t r;
} end_t;

typedef struct {
    const sm_pair_t *issuer, *enc_issuer; /* NULL: ca, issuer */
    const sm_pair_t *trust;               /* NULL: ca */
    const char *sign_use, *enc_use;       /* NULL: the right ones */
    uint16_t suite; /* a client's only one; 0: all */
    bool no_verify;
    bool (*accept)(void *ctx, X509 *leaf, void *app);
    void *ctx;
} how_t;

static inline void end_new(end_t *e, bool server, const sm_pair_t *ca, how_t h)
{
    const sm_pair_t *issuer = h.issuer ? h.issuer : ca;
    sm_pair_t sign = sm_pair_new("sign", h.sign_use ? h.sign_use : SM_USE_SIGN, issuer);
    sm_pair_t enc = sm_pair_new("enc", h.enc_use ? h.enc_use : SM_USE_ENC,
                                h.enc_issuer ? h.enc_issuer : issuer);
    X509_STORE *roots = X509_STORE_new();
    X509_STORE_add_cert(roots, h.trust ? h.trust->cert : ca->cert);
    bc_tlcp_config_t c = { .sign_cert = sign.cert, .sign_key = sign.key, .enc_cert = enc.cert,
                           .enc_key = enc.key, .roots = roots, .verify = !h.no_verify,
                           .accept = h.accept, .ctx = h.ctx };
    bc_err_t err = bc_tlcp_ctx_new(&c, &e->x);
    BC_MUST(!err);
    X509_STORE_free(roots);
    sm_pair_free(&sign);
    sm_pair_free(&enc);
    static const uint16_t ecdhe = SUITE_ECDHE_SM4_CBC_SM3, ecc = SUITE_ECC_SM4_CBC_SM3;
    e->t = bc_tlcp_new(e->x, server, e);
    if (h.suite) {
        e->t->offers = h.suite == ecdhe ? &ecdhe : &ecc;
        e->t->offer_cnt = 1;
    }
    e->r = BC_TLCP_WANT;
}

static inline void end_free(end_t *e)
{
    bc_tlcp_free(e->t);
    bc_tlcp_ctx_free(e->x);
    bc_wr_free(&e->out);
    *e = (end_t){ 0 };
}

/* The same end once more, to be led elsewhere from here. */
static inline end_t end_fork(const end_t *from)
{
    end_t e = { .t = bc_xcalloc(1, sizeof *e.t), .r = from->r };
    const bc_tlcp_t *old = from->t;
    *e.t = *old;
    e.t->transcript = EVP_MD_CTX_new();
    BC_MUST(EVP_MD_CTX_copy_ex(e.t->transcript, old->transcript) == 1);
    e.t->rx = e.t->message = (bc_wr_t){ 0 };
    bc_wr_put(&e.t->rx, bc_wr_view(&old->rx));
    bc_wr_put(&e.t->message, bc_wr_view(&old->message));
    bc_wr_put(&e.out, bc_wr_view(&from->out));
    tlcp_half_t *halves[] = { &e.t->in, &e.t->out };
    for (size_t i = 0; i < BC_ARRAY_LEN(halves); i++) {
        tlcp_half_t *h = halves[i];
        const EVP_CIPHER_CTX *cipher = h->cipher;
        if (!cipher)
            continue;
        h->cipher = EVP_CIPHER_CTX_new();
        h->mac = EVP_MAC_CTX_dup(h->mac);
        BC_MUST(h->mac && EVP_CIPHER_CTX_copy(h->cipher, cipher) == 1);
    }
    if (old->peer_sign)
        X509_up_ref(old->peer_sign);
    if (old->peer_enc)
        X509_up_ref(old->peer_enc);
    return e;
}

/* Shows these certificates in place of its own. */
static inline void end_show(end_t *e, X509 *const *list, size_t cnt)
{
    bc_wr_t body = { 0 };
    for (size_t i = 0; i < cnt; i++)
        BC_MUST(tlcp_put_cert(&body, list[i]));
    bc_wr_reset(&e->x->chain);
    tlcp_be24(&e->x->chain, body.n);
    bc_wr_put(&e->x->chain, bc_wr_view(&body));
    bc_wr_free(&body);
}

/* Gives it bytes of a handshake; returns what it did not take. */
static inline bc_bytes_t end_take(end_t *to, bc_bytes_t in)
{
    if (to->r != BC_TLCP_WANT)
        return in;
    to->r = bc_tlcp_handshake(to->t, &in, &to->out);
    BC_MUST(in.n == 0 || to->r != BC_TLCP_WANT);
    BC_MUST(ERR_peek_error() == 0); /* nobody shall find our errors in the thread's queue */
    return in;
}

/* Takes what an end is about to send off it. */
static inline bc_wr_t end_sent(end_t *e)
{
    bc_wr_t sent = e->out;
    e->out = (bc_wr_t){ 0 };
    return sent;
}

/* Gives what `from` sent to `to`, in pieces of at most `piece` bytes. */
static inline void carry(end_t *from, end_t *to, size_t piece)
{
    bc_wr_t sent = end_sent(from);
    bc_bytes_t all = bc_wr_view(&sent);
    while (all.n && to->r == BC_TLCP_WANT) {
        size_t n = BC_MIN(piece, all.n);
        (void)end_take(to, bc_bytes(all.p, n));
        all.p += n;
        all.n -= n;
    }
    bc_wr_free(&sent);
}

static inline void begin(end_t *client)
{
    (void)end_take(client, (bc_bytes_t){ 0 });
}

static inline void shake(end_t *client, end_t *server, size_t piece)
{
    if (client->t->state == BEGIN_CLIENT)
        begin(client);
    for (unsigned i = 0; i < 4; i++) {
        carry(client, server, piece);
        carry(server, client, piece);
    }
}

/* A ClientHello of ECC with only the extensions given, of a client that keeps to them. */
static inline void begin_as_old(end_t *client, bc_bytes_t extensions, bool scsv)
{
    begin(client);
    bc_wr_t w = { 0 };
    bc_wr_be16(&w, TLCP_VERSION);
    bc_wr_mem(&w, client->t->randoms, RANDOM_SIZE);
    bc_wr_u8(&w, 0);
    bc_wr_be16(&w, scsv ? 4 : 2);
    bc_wr_be16(&w, SUITE_ECC_SM4_CBC_SM3);
    if (scsv)
        bc_wr_be16(&w, SCSV_RENEGOTIATION);
    bc_wr_be16(&w, 0x0100); /* no compression */
    if (extensions.n) {
        bc_wr_be16(&w, (uint16_t)extensions.n);
        bc_wr_put(&w, extensions);
    }
    bc_wr_reset(&client->out);
    BC_MUST(EVP_DigestInit_ex2(client->t->transcript, client->t->x->sm3, NULL) == 1 &&
            tlcp_send(client->t, &client->out, HS_CLIENT_HELLO, bc_wr_view(&w)));
    bc_wr_free(&w);
}

/* The first record off a row of them; a broken one is all the rest. */
static inline bc_bytes_t record_cut(bc_bytes_t *all)
{
    size_t n = all->n < RECORD_HEADER ? all->n
                                      : RECORD_HEADER + ((size_t)all->p[3] << 8 | all->p[4]);
    bc_bytes_t r = bc_bytes(all->p, BC_MIN(n, all->n));
    all->p += r.n;
    all->n -= r.n;
    return r;
}

/* Both are open and took part in the same handshake. */
static inline bool same_handshake(const end_t *a, const end_t *b)
{
    uint8_t ha[SM3_SIZE], hb[SM3_SIZE];
    tlcp_hash_now(a->t, ha);
    tlcp_hash_now(b->t, hb);
    return a->t->state == OPEN && b->t->state == OPEN && memcmp(ha, hb, sizeof ha) == 0 &&
           a->t->suite == b->t->suite && a->t->encrypt_then_mac == b->t->encrypt_then_mac;
}

#endif
