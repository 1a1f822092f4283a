/* Handshakes of two ends that keep to the rules, and whom they trust. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "access/tlcp/test_ends.h"

static sm_pair_t ca, other_ca;

static void pair_new(end_t *c, end_t *s, how_t client, how_t server)
{
    *c = *s = (end_t){ 0 };
    end_new(c, false, &ca, client);
    end_new(s, true, &ca, server);
}

static void pair_free(end_t *c, end_t *s)
{
    end_free(c);
    end_free(s);
}

static void assert_open(const end_t *c, const end_t *s)
{
    assert_string_equal(bc_tlcp_reason(c->t), "");
    assert_string_equal(bc_tlcp_reason(s->t), "");
    assert_int_equal(c->r, BC_TLCP_OK);
    assert_int_equal(s->r, BC_TLCP_OK);
    assert_true(same_handshake(c, s));
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
    for (size_t n = 1; n < 70; n++)
        send_all(a, b, bc_bytes(data, n));
    for (size_t n = 70; n <= sizeof data; n = n * 5 / 2)
        send_all(n % 2 ? a : b, n % 2 ? b : a, bc_bytes(data, n));
    send_all(b, a, bc_bytes(data, sizeof data));
    assert_int_equal(ERR_peek_error(), 0);
}

static void handshake_and_data(void **state)
{
    (void)state;
    static const size_t pieces[] = { SIZE_MAX, 1, 7, 300 };
    static const uint16_t suites[] = { SUITE_ECC_SM4_CBC_SM3, SUITE_ECDHE_SM4_CBC_SM3 };
    for (size_t i = 0; i < 2 * BC_ARRAY_LEN(pieces); i++) {
        end_t c, s;
        pair_new(&c, &s, (how_t){ .suite = suites[i % 2] }, (how_t){ 0 });
        assert_null(bc_tlcp_peer(c.t));
        shake(&c, &s, pieces[i / 2]);
        assert_open(&c, &s);
        assert_int_equal(s.t->suite, suites[i % 2]);
        assert_true(X509_cmp(bc_tlcp_peer(c.t), s.x->sign_cert) == 0);
        assert_true(X509_cmp(bc_tlcp_peer(s.t), c.x->sign_cert) == 0);
        assert_true(c.t->out.encrypt_then_mac && s.t->out.encrypt_then_mac);
        assert_true(c.t->extended_master && s.t->extended_master);
        talk(&c, &s);
        bc_tlcp_close(c.t, &c.out);
        bc_tlcp_close(c.t, &c.out);
        bc_bytes_t in = bc_wr_view(&c.out), part;
        assert_int_equal(bc_tlcp_read(s.t, &in, &s.out, &part), BC_TLCP_CLOSED);
        assert_int_equal(in.n, 0);
        assert_int_equal(bc_tlcp_read(s.t, &in, &s.out, &part), BC_TLCP_CLOSED);
        assert_false(bc_tlcp_write(s.t, BC_STR("late"), &s.out));
        assert_false(bc_tlcp_write(c.t, BC_STR("late"), &c.out));
        pair_free(&c, &s);
    }
}

static void peers_without_some_extensions(void **state)
{
    (void)state;
    static const struct {
        bc_bytes_t extensions;
        bool scsv, encrypt_then_mac, extended_master;
    } cases[] = {
        { { (const uint8_t *)"", 0 }, false, false, false },
        { { (const uint8_t *)"", 0 }, true, false, false },
        { { (const uint8_t *)"\0\26\0\0", 4 }, false, true, false },
        { { (const uint8_t *)"\0\27\0\0", 4 }, true, false, true },
        { { (const uint8_t *)"\377\1\0\1\0", 5 }, false, false, false },
        /* one that nobody knows, with content */
        { { (const uint8_t *)"\1\2\0\3abc\0\27\0\0\0\26\0\0", 15 }, false, true, true },
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++) {
        end_t c, s;
        pair_new(&c, &s, (how_t){ 0 }, (how_t){ 0 });
        begin_as_old(&c, cases[i].extensions, cases[i].scsv);
        shake(&c, &s, SIZE_MAX);
        assert_open(&c, &s);
        assert_int_equal(c.t->out.encrypt_then_mac, cases[i].encrypt_then_mac);
        assert_int_equal(s.t->in.encrypt_then_mac, cases[i].encrypt_then_mac);
        assert_int_equal(c.t->extended_master, cases[i].extended_master);
        talk(&c, &s);
        pair_free(&c, &s);
    }
}

/* The messages of a flight in the clear as one record each of `piece` bytes, or fewer. */
static void repack(bc_wr_t *flight, size_t piece)
{
    bc_wr_t messages = { 0 }, w = { 0 };
    bc_bytes_t all = bc_wr_view(flight);
    while (all.n && all.p[0] == REC_HANDSHAKE) {
        bc_bytes_t r = record_cut(&all);
        bc_wr_mem(&messages, r.p + RECORD_HEADER, r.n - RECORD_HEADER);
    }
    for (size_t at = 0; at < messages.n; at += piece) {
        size_t n = BC_MIN(piece, messages.n - at);
        bc_wr_u8(&w, REC_HANDSHAKE);
        bc_wr_be16(&w, TLCP_VERSION);
        bc_wr_be16(&w, (uint16_t)n);
        bc_wr_mem(&w, messages.p + at, n);
    }
    bc_wr_put(&w, all); /* from ChangeCipherSpec on */
    bc_wr_free(&messages);
    bc_wr_free(flight);
    *flight = w;
}

/* The client's favourite is taken, if the server knows it. */
static void suites_are_chosen(void **state)
{
    (void)state;
    static const uint16_t lists[][3] = {
        { 0xc02f, SUITE_ECC_SM4_CBC_SM3, SUITE_ECDHE_SM4_CBC_SM3 },
        { SUITE_ECDHE_SM4_CBC_SM3, SUITE_ECC_SM4_CBC_SM3, SCSV_RENEGOTIATION },
        { 0xe011 - 1, SCSV_RENEGOTIATION, SUITE_ECC_SM4_CBC_SM3 },
    };
    static const uint16_t want[] = { SUITE_ECC_SM4_CBC_SM3, SUITE_ECDHE_SM4_CBC_SM3,
                                     SUITE_ECC_SM4_CBC_SM3 };
    for (size_t i = 0; i < BC_ARRAY_LEN(lists); i++) {
        end_t c, s;
        pair_new(&c, &s, (how_t){ 0 }, (how_t){ 0 });
        c.t->offers = lists[i];
        c.t->offer_cnt = 3;
        shake(&c, &s, SIZE_MAX);
        assert_open(&c, &s);
        assert_int_equal(c.t->suite, want[i]);
        assert_true(s.t->renegotiation);
        pair_free(&c, &s);
    }
    end_t c, s;
    pair_new(&c, &s, (how_t){ 0 }, (how_t){ 0 });
    shake(&c, &s, SIZE_MAX);
    assert_int_equal(s.t->suite, SUITE_ECDHE_SM4_CBC_SM3);
    pair_free(&c, &s);
}

static void messages_and_records_need_not_match(void **state)
{
    (void)state;
    static const size_t pieces[] = { 1, 3, 5, 100, 1000, RECORD_PLAIN_MAX };
    for (size_t i = 0; i < BC_ARRAY_LEN(pieces); i++) {
        end_t c, s;
        pair_new(&c, &s, (how_t){ 0 }, (how_t){ 0 });
        begin(&c);
        repack(&c.out, pieces[i]);
        carry(&c, &s, SIZE_MAX);
        repack(&s.out, pieces[i]);
        carry(&s, &c, SIZE_MAX);
        repack(&c.out, pieces[i]);
        carry(&c, &s, SIZE_MAX);
        carry(&s, &c, SIZE_MAX);
        assert_open(&c, &s);
        assert_null(c.t->message.p);
        talk(&c, &s);
        pair_free(&c, &s);
    }
}

/* Ours always asks for a certificate; others need not. */
static void server_that_asks_for_no_certificate(void **state)
{
    (void)state;
    end_t c, s;
    pair_new(&c, &s, (how_t){ .suite = SUITE_ECC_SM4_CBC_SM3 }, (how_t){ 0 });
    begin(&c);
    bc_wr_t hello = end_sent(&c);
    (void)end_take(&s, bc_wr_view(&hello));
    EVP_MD_CTX *md = s.t->transcript; /* is to go without the request */
    EVP_DigestInit_ex2(md, s.x->sm3, NULL);
    EVP_DigestUpdate(md, hello.p + RECORD_HEADER, hello.n - RECORD_HEADER);
    bc_wr_t flight = end_sent(&s);
    for (bc_bytes_t all = bc_wr_view(&flight); all.n;) {
        bc_bytes_t r = record_cut(&all);
        if (r.p[RECORD_HEADER] == HS_CERTIFICATE_REQUEST)
            continue;
        EVP_DigestUpdate(md, r.p + RECORD_HEADER, r.n - RECORD_HEADER);
        bc_wr_put(&s.out, r);
    }
    s.t->state = WANT_CLIENT_KEY;
    carry(&s, &c, SIZE_MAX);
    bc_wr_t answer = end_sent(&c);
    bc_bytes_t all = bc_wr_view(&answer);
    (void)end_take(&s, record_cut(&all));
    assert_int_equal(s.t->state, WANT_CERT_VERIFY);
    s.t->state = WANT_CCS;
    (void)end_take(&s, all);
    carry(&s, &c, SIZE_MAX);
    assert_open(&c, &s);
    assert_null(bc_tlcp_peer(s.t));
    talk(&c, &s);
    bc_wr_free(&hello);
    bc_wr_free(&flight);
    bc_wr_free(&answer);
    pair_free(&c, &s);
}

/* ---- trust ---- */

static void expect(how_t client, how_t server, const char *client_says, const char *server_says)
{
    end_t c, s;
    pair_new(&c, &s, client, server);
    shake(&c, &s, SIZE_MAX);
    assert_string_equal(bc_tlcp_reason(c.t), client_says);
    assert_string_equal(bc_tlcp_reason(s.t), server_says);
    assert_int_equal(c.r, *client_says ? BC_TLCP_FAILED : BC_TLCP_OK);
    assert_int_equal(s.r, *server_says ? BC_TLCP_FAILED : BC_TLCP_OK);
    pair_free(&c, &s);
}

static void strangers_are_refused(void **state)
{
    (void)state;
    how_t good = { 0 }, stranger = { .issuer = &other_ca };
    static const char unknown_ca[] = "the other side refused: unknown CA (48)";
    static const char no_issuer[] = "its certificate: unable to get local issuer certificate";
    expect(good, stranger, no_issuer, unknown_ca);
    expect(good, (how_t){ .enc_issuer = &other_ca }, no_issuer, unknown_ca);
    expect(stranger, good, unknown_ca, no_issuer);
    expect((how_t){ .enc_issuer = &other_ca }, good, unknown_ca, no_issuer);
    expect((how_t){ .trust = &other_ca }, good, no_issuer, unknown_ca);
    expect(good, (how_t){ .trust = &other_ca }, unknown_ca, no_issuer);
    /* each trusts the other's root */
    expect((how_t){ .issuer = &other_ca }, (how_t){ .trust = &other_ca }, "", "");
    /* without verification any will do */
    expect(stranger, (how_t){ .no_verify = true }, "", "");
    expect((how_t){ .no_verify = true }, stranger, "", "");
}

/* A leaf's key cannot make certificates. */
static void leaf_is_no_issuer(void **state)
{
    (void)state;
    sm_pair_t leaf = sm_pair_new("leaf", SM_USE_SIGN, &ca);
    end_t c, s;
    pair_new(&c, &s, (how_t){ .issuer = &leaf }, (how_t){ 0 });
    end_show(&c, (X509 *[]){ c.x->sign_cert, c.x->enc_cert, leaf.cert }, 3);
    shake(&c, &s, SIZE_MAX);
    assert_string_equal(bc_tlcp_reason(s.t), "its certificate: invalid CA certificate");
    pair_free(&c, &s);
    sm_pair_free(&leaf);
}

static bool say_no(void *ctx, X509 *leaf, void *app)
{
    end_t *e = app;
    assert_non_null(leaf);
    assert_null(bc_tlcp_peer(e->t));
    ++*(unsigned *)ctx;
    return false;
}

static bool say_yes(void *ctx, X509 *leaf, void *app)
{
    (void)leaf, (void)app;
    ++*(unsigned *)ctx;
    return true;
}

static void owner_has_the_last_word(void **state)
{
    (void)state;
    static const char denied[] = "the other side refused: access denied (49)";
    static const char not_accepted[] = "its certificate is not accepted";
    unsigned asked = 0;
    how_t good = { 0 }, no = { .accept = say_no, .ctx = &asked };
    expect(good, no, denied, not_accepted);
    expect(no, good, not_accepted, denied);
    assert_int_equal(asked, 2);
    /* also where nothing is verified, but not about those whose chain is bad */
    no.no_verify = true;
    expect(good, no, denied, not_accepted);
    assert_int_equal(asked, 3);
    how_t yes = { .accept = say_yes, .ctx = &asked };
    expect((how_t){ .issuer = &other_ca }, yes, "the other side refused: unknown CA (48)",
           "its certificate: unable to get local issuer certificate");
    assert_int_equal(asked, 3);
    expect(yes, yes, "", "");
    assert_int_equal(asked, 5);
}

static void certificates_are_used_for_what_they_are(void **state)
{
    (void)state;
    static const char unsupported[] = "the other side refused: unsupported certificate (43)";
    static const char no_sign[] = "its certificate is not one for SM2 signatures";
    static const char no_enc[] = "it has no SM2 certificate for encryption";
    for (int i = 0; i < 2; i++) {
        bool lax = i;
        how_t any = { .no_verify = lax };
        how_t wrong_sign = { .sign_use = SM_USE_ENC }, wrong_enc = { .enc_use = SM_USE_SIGN };
        expect(any, wrong_sign, no_sign, unsupported);
        expect(wrong_sign, any, unsupported, no_sign);
        expect(any, wrong_enc, no_enc, unsupported);
        /* nobody encrypts to a client, unless they agree on a secret */
        expect(wrong_enc, any, unsupported, no_enc);
        wrong_enc.suite = SUITE_ECC_SM4_CBC_SM3;
        expect(wrong_enc, any, "", "");
        expect(any, (how_t){ .enc_use = "keyAgreement" }, "", "");
        expect(any, (how_t){ .enc_use = "keyEncipherment" }, "", "");
    }
}

static void order_of_certificates(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        end_t c, s;
        pair_new(&c, &s, (how_t){ 0 }, (how_t){ 0 });
        end_t *const ends[] = { &c, &s };
        for (unsigned k = 0; k < 2; k++) {
            X509 *sign = ends[k]->x->sign_cert, *enc = ends[k]->x->enc_cert;
            if (i & (k + 1)) /* as TASSL has it */
                end_show(ends[k], (X509 *[]){ sign, ca.cert, enc }, 3);
            else
                end_show(ends[k], (X509 *[]){ sign, enc, ca.cert }, 3);
        }
        shake(&c, &s, SIZE_MAX);
        assert_open(&c, &s);
        pair_free(&c, &s);
    }
    /* the one that signs must be first */
    end_t c, s;
    pair_new(&c, &s, (how_t){ 0 }, (how_t){ 0 });
    end_show(&s, (X509 *[]){ s.x->enc_cert, s.x->sign_cert }, 2);
    shake(&c, &s, SIZE_MAX);
    assert_string_equal(bc_tlcp_reason(c.t), "its certificate is not one for SM2 signatures");
    pair_free(&c, &s);
    /* a CA in front of it is passed over, whatever it might be used for */
    sm_pair_t broad = sm_pair_new("broad", SM_USE_CA ",keyAgreement", NULL);
    pair_new(&c, &s, (how_t){ .trust = &broad }, (how_t){ .issuer = &broad });
    end_show(&s, (X509 *[]){ s.x->sign_cert, broad.cert, s.x->enc_cert }, 3);
    shake(&c, &s, SIZE_MAX);
    assert_open(&c, &s);
    pair_free(&c, &s);
    sm_pair_free(&broad);
    /* a chain through a CA in between */
    sm_pair_t agency = sm_pair_new("agency", SM_USE_CA, &ca);
    pair_new(&c, &s, (how_t){ .issuer = &agency }, (how_t){ 0 });
    end_show(&c, (X509 *[]){ c.x->sign_cert, c.x->enc_cert, agency.cert }, 3);
    shake(&c, &s, SIZE_MAX);
    assert_open(&c, &s);
    pair_free(&c, &s);
    sm_pair_free(&agency);
}

static void there_must_be_a_certificate(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        how_t how = { .no_verify = i };
        end_t c, s;
        pair_new(&c, &s, how, how);
        end_show(&c, NULL, 0);
        shake(&c, &s, SIZE_MAX);
        assert_string_equal(bc_tlcp_reason(s.t), "it showed no certificate");
        assert_string_equal(bc_tlcp_reason(c.t), "the other side refused: handshake failure (40)");
        pair_free(&c, &s);
        pair_new(&c, &s, how, how);
        end_show(&s, NULL, 0);
        shake(&c, &s, SIZE_MAX);
        assert_string_equal(bc_tlcp_reason(c.t), "it showed no certificate");
        pair_free(&c, &s);
        pair_new(&c, &s, how, how);
        end_show(&s, &s.x->sign_cert, 1);
        shake(&c, &s, SIZE_MAX);
        assert_string_equal(bc_tlcp_reason(c.t), "it has no SM2 certificate for encryption");
        pair_free(&c, &s);
    }
}

static void too_many_certificates(void **state)
{
    (void)state;
    end_t c, s;
    pair_new(&c, &s, (how_t){ 0 }, (how_t){ 0 });
    X509 *list[CERTS_MAX + 1] = { s.x->sign_cert, s.x->enc_cert };
    for (size_t i = 2; i < BC_ARRAY_LEN(list); i++)
        list[i] = ca.cert;
    end_show(&s, list, CERTS_MAX);
    shake(&c, &s, SIZE_MAX);
    assert_open(&c, &s);
    pair_free(&c, &s);
    pair_new(&c, &s, (how_t){ 0 }, (how_t){ 0 });
    list[0] = s.x->sign_cert;
    list[1] = s.x->enc_cert;
    end_show(&s, list, CERTS_MAX + 1);
    shake(&c, &s, SIZE_MAX);
    assert_string_equal(bc_tlcp_reason(c.t), "a malformed list of certificates");
    pair_free(&c, &s);
}

/* ---- contexts ---- */

static void keys_must_be_sm2_and_fit(void **state)
{
    (void)state;
    sm_pair_t a = sm_pair_new("a", SM_USE_SIGN, &ca), b = sm_pair_new("b", SM_USE_ENC, &ca);
    EVP_PKEY *rsa = EVP_RSA_gen(2048), *p256 = EVP_EC_gen("P-256");
    sm_pair_t foreign[2] = { { rsa, X509_dup(a.cert) }, { p256, X509_dup(a.cert) } };
    X509_STORE *roots = X509_STORE_new();
    X509_STORE_add_cert(roots, ca.cert);
    bc_tlcp_config_t good = { .sign_cert = a.cert, .sign_key = a.key, .enc_cert = b.cert,
                              .enc_key = b.key, .roots = roots, .verify = true };
    bc_tlcp_ctx_t *x;
    assert_int_equal(bc_tlcp_ctx_new(&good, &x), BC_OK);
    bc_tlcp_ctx_free(x);
    bc_tlcp_ctx_free(NULL);
    for (size_t i = 0; i < BC_ARRAY_LEN(foreign); i++) {
        X509_set_pubkey(foreign[i].cert, foreign[i].key);
        bc_tlcp_config_t c = good;
        c.sign_cert = foreign[i].cert;
        c.sign_key = foreign[i].key;
        assert_int_equal(bc_tlcp_ctx_new(&c, &x), BC_E_KEY);
        assert_null(x);
        c = good;
        c.enc_cert = foreign[i].cert;
        c.enc_key = foreign[i].key;
        assert_int_equal(bc_tlcp_ctx_new(&c, &x), BC_E_KEY);
        c = good;
        c.enc_key = foreign[i].key;
        assert_int_equal(bc_tlcp_ctx_new(&c, &x), BC_E_KEY);
    }
    bc_tlcp_config_t c = good;
    c.sign_key = b.key;
    assert_int_equal(bc_tlcp_ctx_new(&c, &x), BC_E_KEY);
    c = good;
    c.enc_key = a.key;
    assert_int_equal(bc_tlcp_ctx_new(&c, &x), BC_E_KEY);
    c = good;
    c.enc_cert = NULL;
    assert_int_equal(bc_tlcp_ctx_new(&c, &x), BC_E_KEY);
    c = good;
    c.sign_key = NULL;
    assert_int_equal(bc_tlcp_ctx_new(&c, &x), BC_E_KEY);
    ERR_clear_error();
    for (size_t i = 0; i < BC_ARRAY_LEN(foreign); i++)
        sm_pair_free(&foreign[i]);
    X509_STORE_free(roots);
    sm_pair_free(&a);
    sm_pair_free(&b);
}

int main(void)
{
    ca = sm_pair_new("root", SM_USE_CA, NULL);
    other_ca = sm_pair_new("other root", SM_USE_CA, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshake_and_data),
        cmocka_unit_test(peers_without_some_extensions),
        cmocka_unit_test(suites_are_chosen),
        cmocka_unit_test(messages_and_records_need_not_match),
        cmocka_unit_test(server_that_asks_for_no_certificate),
        cmocka_unit_test(strangers_are_refused),
        cmocka_unit_test(leaf_is_no_issuer),
        cmocka_unit_test(owner_has_the_last_word),
        cmocka_unit_test(certificates_are_used_for_what_they_are),
        cmocka_unit_test(order_of_certificates),
        cmocka_unit_test(there_must_be_a_certificate),
        cmocka_unit_test(too_many_certificates),
        cmocka_unit_test(keys_must_be_sm2_and_fit),
    };
    int rc = cmocka_run_group_tests_name("tlcp", tests, NULL, NULL);
    sm_pair_free(&ca);
    sm_pair_free(&other_ca);
    return rc;
}
