#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "access/tlcp/test_sm_certs.h"
#include "access/tlcp/tlcp_impl.h"

static sm_pair_t ca, other_ca;

/* ---- two ends without a network ---- */

typedef struct {
    bc_tlcp_ctx_t *x;
    bc_tlcp_t *t;
    bc_wr_t out; /* what this end sent and the other has not been given */
    bc_tlcp_result_t r;
} end_t;

typedef struct {
    const sm_pair_t *issuer, *trust; /* NULL: ca */
    const char *sign_use, *enc_use;  /* NULL: the right ones */
    bool no_verify;
    bool (*accept)(void *ctx, X509 *leaf, void *app);
} how_t;

static void end_new(end_t *e, bool server, how_t h)
{
    const sm_pair_t *issuer = h.issuer ? h.issuer : &ca;
    sm_pair_t sign = sm_pair_new("sign", h.sign_use ? h.sign_use : SM_USE_SIGN, issuer);
    sm_pair_t enc = sm_pair_new("enc", h.enc_use ? h.enc_use : SM_USE_ENC, issuer);
    X509_STORE *roots = X509_STORE_new();
    X509_STORE_add_cert(roots, h.trust ? h.trust->cert : ca.cert);
    bc_tlcp_config_t c = { .sign_cert = sign.cert, .sign_key = sign.key, .enc_cert = enc.cert,
                           .enc_key = enc.key, .roots = roots, .verify = !h.no_verify,
                           .accept = h.accept };
    assert_int_equal(bc_tlcp_ctx_new(&c, &e->x), BC_OK);
    X509_STORE_free(roots);
    sm_pair_free(&sign);
    sm_pair_free(&enc);
    e->t = bc_tlcp_new(e->x, server, e);
    e->r = BC_TLCP_WANT;
}

static void end_free(end_t *e)
{
    bc_tlcp_free(e->t);
    bc_tlcp_ctx_free(e->x);
    bc_wr_free(&e->out);
}

/* Gives what `from` sent to `to`, in pieces of at most `piece` bytes. */
static void carry(end_t *from, end_t *to, size_t piece)
{
    bc_wr_t sent = from->out;
    from->out = (bc_wr_t){ 0 };
    bc_bytes_t all = bc_wr_view(&sent);
    while (all.n && to->r == BC_TLCP_WANT) {
        bc_bytes_t in = bc_bytes(all.p, BC_MIN(piece, all.n));
        all.p += in.n;
        all.n -= in.n;
        to->r = bc_tlcp_handshake(to->t, &in, &to->out);
        assert_true(in.n == 0 || to->r != BC_TLCP_WANT);
    }
    bc_wr_free(&sent);
}

static void shake(end_t *client, end_t *server, size_t piece)
{
    bc_bytes_t none = { 0 };
    client->r = bc_tlcp_handshake(client->t, &none, &client->out);
    for (unsigned i = 0; i < 4; i++) {
        carry(client, server, piece);
        carry(server, client, piece);
    }
}

static void send_all(end_t *from, end_t *to, bc_bytes_t data)
{
    assert_true(bc_tlcp_write(from->t, data, &from->out));
    bc_wr_t got = { 0 };
    bc_bytes_t in = bc_wr_view(&from->out), part;
    bc_tlcp_result_t r;
    while ((r = bc_tlcp_read(to->t, &in, &to->out, &part)) == BC_TLCP_OK)
        bc_wr_put(&got, part);
    assert_int_equal(r, BC_TLCP_WANT);
    assert_true(bc_bytes_eq(bc_wr_view(&got), data));
    bc_wr_free(&got);
    bc_wr_reset(&from->out);
}

static void talk(end_t *a, end_t *b)
{
    static uint8_t data[70000];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7 + i / 251);
    for (size_t n = 1; n < 70; n++) /* every length of padding */
        send_all(a, b, bc_bytes(data, n));
    for (size_t n = 70; n <= sizeof data; n = n * 5 / 2)
        send_all(n % 2 ? a : b, n % 2 ? b : a, bc_bytes(data, n));
    send_all(b, a, bc_bytes(data, sizeof data));
}

static void handshake_and_data(void **state)
{
    (void)state;
    static const size_t pieces[] = { SIZE_MAX, 1, 7, 300 };
    static const uint16_t suites[] = { SUITE_ECC_SM4_CBC_SM3, SUITE_ECDHE_SM4_CBC_SM3 };
    for (size_t i = 0; i < 2 * BC_ARRAY_LEN(pieces); i++) {
        end_t c = { 0 }, s = { 0 };
        end_new(&c, false, (how_t){ 0 });
        end_new(&s, true, (how_t){ 0 });
        c.t->offers = &suites[i % 2];
        c.t->offer_cnt = 1;
        shake(&c, &s, pieces[i / 2]);
        assert_int_equal(c.r, BC_TLCP_OK);
        assert_int_equal(s.r, BC_TLCP_OK);
        assert_int_equal(s.t->suite, suites[i % 2]);
        assert_true(X509_cmp(bc_tlcp_peer(c.t), s.x->sign_cert) == 0);
        assert_true(X509_cmp(bc_tlcp_peer(s.t), c.x->sign_cert) == 0);
        assert_true(c.t->out.encrypt_then_mac && s.t->out.encrypt_then_mac);
        talk(&c, &s);
        bc_tlcp_close(c.t, &c.out);
        bc_tlcp_close(c.t, &c.out);
        bc_bytes_t in = bc_wr_view(&c.out), part;
        assert_int_equal(bc_tlcp_read(s.t, &in, &s.out, &part), BC_TLCP_CLOSED);
        assert_int_equal(in.n, 0);
        assert_false(bc_tlcp_write(c.t, BC_STR("late"), &c.out));
        end_free(&c);
        end_free(&s);
    }
}

int main(void)
{
    ca = sm_pair_new("root", SM_USE_CA, NULL);
    other_ca = sm_pair_new("other root", SM_USE_CA, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshake_and_data),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    sm_pair_free(&ca);
    sm_pair_free(&other_ca);
    return rc;
}
