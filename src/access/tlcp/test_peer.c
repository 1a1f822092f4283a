/* Handshakes with an end that does not keep to the rules, or that speaks something else. */
#include "access/tlcp/test_pair.h"

/* ---- keys of others ---- */

static void signs_with_another_key(end_t *e, const char *client_says, const char *server_says)
{
    sm_pair_t thief = sm_pair_new("thief", SM_USE_SIGN, &ca);
    EVP_PKEY *own = e->x->sign_key;
    e->x->sign_key = thief.key;
    shake(&client, &server, SIZE_MAX);
    assert_reasons(client_says, server_says);
    e->x->sign_key = own;
    sm_pair_free(&thief);
}

static void server_signs_with_another_key(void **state)
{
    (void)state;
    signs_with_another_key(&server, "its signature over its encryption certificate is bad",
                           "the other side refused: decrypt error (51)");
}

/* The middle replaces the certificate that the premaster secret is encrypted to by its own. */
static void encryption_certificate_swapped(void **state)
{
    (void)state;
    sm_pair_t middle = sm_pair_new("enc", SM_USE_ENC, &ca);
    end_show(&server, (X509 *[]){ server.x->sign_cert, middle.cert }, 2);
    shake(&client, &server, SIZE_MAX);
    assert_reasons("its signature over its encryption certificate is bad",
                   "the other side refused: decrypt error (51)");
    sm_pair_free(&middle);
}

/* A signature of an earlier handshake of the same server. */
static void server_key_replayed(void **state)
{
    (void)state;
    begin(&client);
    carry(&client, &server, SIZE_MAX);
    bc_wr_t old = end_sent(&server);
    end_t again = { .t = bc_tlcp_new(client.x, false, NULL), .r = BC_TLCP_WANT };
    begin(&again);
    (void)end_take(&again, bc_wr_view(&old));
    assert_string_equal(bc_tlcp_reason(again.t), "its signature over its encryption certificate is bad");
    bc_wr_free(&old);
    end_free(&again);
}

static void client_signs_with_another_key(void **state)
{
    (void)state;
    signs_with_another_key(&client, "the other side refused: decrypt error (51)",
                           "it does not have the key of its certificate");
}

/* Whether the premaster secret decrypts shows only when the keys do not fit. */
static void premaster_for_somebody_else(void **state)
{
    (void)state;
    sm_pair_t other = sm_pair_new("enc", SM_USE_ENC, &ca);
    EVP_PKEY *own = server.x->enc_key;
    server.x->enc_key = other.key;
    bc_wr_t sent = wait_for_flight(2);
    bc_bytes_t all = bc_wr_view(&sent);
    for (size_t i = 0; i < 4; i++) {
        (void)end_take(&server, record_cut(&all));
        assert_int_equal(server.r, BC_TLCP_WANT);
    }
    assert_int_equal(server.t->state, WANT_FINISHED);
    (void)end_take(&server, all);
    carry(&server, &client, SIZE_MAX);
    assert_reasons("the other side refused: bad record MAC (20)", "a record that does not decrypt");
    server.x->enc_key = own;
    bc_wr_free(&sent);
    sm_pair_free(&other);
}

/* Gives a handshake message in as many records as it takes. */
static void give_message(end_t *to, uint8_t type, bc_bytes_t body)
{
    bc_wr_t w = { 0 }, rec = { 0 };
    bc_wr_u8(&w, type);
    tlcp_be24(&w, body.n);
    bc_wr_put(&w, body);
    for (size_t at = 0; at < w.n; at += RECORD_PLAIN_MAX) {
        size_t n = BC_MIN(w.n - at, (size_t)RECORD_PLAIN_MAX);
        bc_wr_u8(&rec, REC_HANDSHAKE);
        bc_wr_be16(&rec, TLCP_VERSION);
        bc_wr_be16(&rec, (uint16_t)n);
        bc_wr_mem(&rec, w.p + at, n);
    }
    (void)end_take(to, bc_wr_view(&rec));
    bc_wr_free(&w);
    bc_wr_free(&rec);
}

/* Two servers at the same point get this text as the premaster secret's: it is none. Both go on, each
 * with a secret of its own. */
static void assert_no_premaster(bc_bytes_t text)
{
    bc_wr_t w = { 0 };
    bc_wr_be16(&w, (uint16_t)text.n);
    bc_wr_put(&w, text);
    end_t s[2] = { end_fork(&server), end_fork(&server) };
    for (size_t i = 0; i < 2; i++) {
        give_message(&s[i], HS_CLIENT_KEY, bc_wr_view(&w));
        assert_int_equal(s[i].r, BC_TLCP_WANT);
        assert_int_equal(s[i].t->state, WANT_CERT_VERIFY);
    }
    assert_memory_not_equal(s[0].t->master, s[1].t->master, MASTER_SIZE);
    end_free(&s[0]);
    end_free(&s[1]);
    bc_wr_free(&w);
}

static void premaster_of_any_shape(void **state)
{
    (void)state;
    bc_wr_t sent = wait_for_flight(2), w = { 0 };
    bc_bytes_t all = bc_wr_view(&sent);
    (void)end_take(&server, record_cut(&all));
    static const size_t sizes[] = { 0, 1, 47, 48, 150, 1024, 1025, 32000 };
    for (size_t i = 0; i < BC_ARRAY_LEN(sizes); i++) {
        bc_wr_reset(&w);
        for (size_t k = 0; k < sizes[i]; k++)
            bc_wr_u8(&w, (uint8_t)(k ? k : 0x30));
        assert_no_premaster(bc_wr_view(&w));
    }
    /* encrypted as it should be, of another length */
    EVP_PKEY *key = X509_get0_pubkey(server.x->enc_cert);
    static const uint8_t secret[64] = { TLCP_VERSION >> 8, TLCP_VERSION & 255 };
    for (size_t n = 1; n < sizeof secret; n++) {
        bc_wr_reset(&w);
        assert_true(tlcp_encrypt(key, bc_bytes(secret, n), &w));
        if (n != PREMASTER_SIZE)
            assert_no_premaster(bc_wr_view(&w));
    }
    bc_wr_free(&w);
    bc_wr_free(&sent);
}

/* ---- ECDHE ---- */

static void server_signs_another_point(void **state)
{
    (void)state;
    signs_with_another_key(&server, "its signature over its key for this connection is bad",
                           "the other side refused: decrypt error (51)");
}

/* No signature covers the encryption certificates here, but without their keys there is no secret. */
static void agreement_needs_the_certificates_keys(void **state)
{
    for (int i = 0; i < 2; i++) {
        sm_pair_t middle = sm_pair_new("enc", SM_USE_ENC, &ca);
        end_t *e = i ? &server : &client;
        end_show(e, (X509 *[]){ e->x->sign_cert, middle.cert }, 2);
        shake(&client, &server, SIZE_MAX);
        assert_reasons("the other side refused: bad record MAC (20)", "a record that does not decrypt");
        sm_pair_free(&middle);
        teardown(state);
        setup(state);
    }
}

static void points_of_any_shape(void **state)
{
    (void)state;
    bc_wr_t sent = wait_for_flight(2), w = { 0 };
    bc_bytes_t all = bc_wr_view(&sent);
    (void)end_take(&server, record_cut(&all));
    bc_bytes_t rec = record_cut(&all);
    assert_int_equal(rec.p[RECORD_HEADER], HS_CLIENT_KEY);
    bc_wr_mem(&w, rec.p + RECORD_HEADER + 4, rec.n - RECORD_HEADER - 4);
    static const char malformed[] = "a malformed ClientKeyExchange";
    static const char none[] = "its key for this connection is none";
    for (size_t at = 0; at < w.n; at++) {
        end_t s = end_fork(&server);
        w.p[at] ^= 1;
        give_message(&s, HS_CLIENT_KEY, bc_wr_view(&w));
        w.p[at] ^= 1;
        /* the number of the curve is not looked at */
        const char *why = at == 1 || at == 2 ? "" : at < 5 ? malformed : none;
        assert_string_equal(bc_tlcp_reason(s.t), why);
        end_free(&s);
        s = end_fork(&server);
        give_message(&s, HS_CLIENT_KEY, bc_bytes(w.p, at));
        assert_string_equal(bc_tlcp_reason(s.t), malformed);
        end_free(&s);
    }
    end_t s = end_fork(&server);
    bc_wr_u8(&w, 0);
    give_message(&s, HS_CLIENT_KEY, bc_wr_view(&w));
    assert_string_equal(bc_tlcp_reason(s.t), malformed);
    end_free(&s);
    static const int fills[] = { 0, 255 };
    for (size_t i = 0; i < BC_ARRAY_LEN(fills); i++) {
        s = end_fork(&server);
        memset(w.p + 5, fills[i], 64);
        give_message(&s, HS_CLIENT_KEY, bc_bytes(w.p, w.n - 1));
        assert_string_equal(bc_tlcp_reason(s.t), none);
        const uint8_t nothing[sizeof s.t->keys] = { 0 };
        assert_memory_equal(s.t->keys, nothing, sizeof nothing);
        end_free(&s);
    }
    bc_wr_free(&w);
    bc_wr_free(&sent);
}

/* ---- the end of the handshake ---- */

/* Something behind Finished, in the same record. */
static void finished_ends_the_handshake(void **state)
{
    static const bc_bytes_t more[] = { { (const uint8_t *)"\0", 1 },
                                       { (const uint8_t *)"\0\0\0\0", 4 },
                                       { (const uint8_t *)"\24\0\0\1x", 5 } };
    for (size_t k = 0; k < BC_ARRAY_LEN(more); k++) {
        bc_wr_t sent = wait_for_flight(2), w = { 0 };
        bc_bytes_t all = bc_wr_view(&sent), text;
        for (size_t i = 0; i < 4; i++)
            (void)end_take(&server, record_cut(&all));
        end_t reader = end_fork(&server);
        uint8_t type;
        assert_int_equal(tlcp_record_get(reader.t, &all, &reader.out, &type, &text), BC_TLCP_OK);
        assert_int_equal(text.p[0], HS_FINISHED);
        bc_wr_put(&w, text);
        bc_wr_put(&w, more[k]);
        tlcp_half_end(&client.t->out); /* it is the first record under the keys once more */
        assert_true(tlcp_half_start(client.t, &client.t->out, true, true) &&
                    tlcp_record_put(client.t, &client.out, REC_HANDSHAKE, bc_wr_view(&w)));
        carry(&client, &server, SIZE_MAX);
        assert_string_equal(bc_tlcp_reason(server.t), "it asked for a new handshake");
        assert_int_equal(server.r, BC_TLCP_FAILED);
        bc_wr_free(&sent);
        bc_wr_free(&w);
        end_free(&reader);
        teardown(state);
        setup(state);
    }
}

static void finished_does_not_fit(void **state)
{
    bc_wr_t sent = wait_for_flight(2);
    bc_bytes_t all = bc_wr_view(&sent);
    for (size_t i = 0; i < 4; i++)
        (void)end_take(&server, record_cut(&all));
    server.t->master[MASTER_SIZE - 1] ^= 1;
    (void)end_take(&server, all);
    carry(&server, &client, SIZE_MAX);
    assert_reasons("the other side refused: decrypt error (51)",
                   "its Finished does not fit the handshake");
    bc_wr_free(&sent);
    teardown(state);
    setup(state);
    sent = wait_for_flight(3);
    client.t->master[0] ^= 128;
    (void)end_take(&client, bc_wr_view(&sent));
    assert_string_equal(bc_tlcp_reason(client.t), "its Finished does not fit the handshake");
    bc_wr_free(&sent);
    teardown(state);
    setup(state);
    /* the client's own sent back to it, under the keys of the other direction */
    sent = wait_for_flight(2);
    carry(&client, &server, SIZE_MAX);
    (void)end_take(&client, bc_bytes(sent.p + sent.n - 6 - 5 - 80, 6 + 5 + 80));
    assert_string_equal(bc_tlcp_reason(client.t), "a record that does not decrypt");
    bc_wr_free(&sent);
}

static void server_chooses_what_was_not_offered(void **state)
{
    static const struct {
        bc_bytes_t body; /* of ServerHello, behind version and random */
        const char *why;
    } cases[] = {
        { { (const uint8_t *)"\0\340\21\0", 4 }, "it chose suite e011, which was not offered" },
        { { (const uint8_t *)"\0\340\23\1", 4 }, "a malformed ServerHello" },
        { { (const uint8_t *)"\0\340\23", 3 }, "a malformed ServerHello" },
        { { (const uint8_t *)"\0\340\23\0\0", 5 }, "a malformed ServerHello" },
        { { (const uint8_t *)"\0\340\23\0\0\4\0\20\0\0", 10 }, "a malformed ServerHello" }, /* ALPN */
        { { (const uint8_t *)"\0\340\23\0\0\4\0\26\0\1", 10 }, "a malformed ServerHello" },
        { { (const uint8_t *)"\0\340\23\0\0\5\0\26\0\1x", 11 }, "a malformed ServerHello" },
        { { (const uint8_t *)"\0\340\23\0\0\5\377\1\0\1\1", 11 }, "a malformed ServerHello" },
        { { (const uint8_t *)"\0\340\23\0\0\4\0\26\0\0x", 11 }, "a malformed ServerHello" },
        { { (const uint8_t *)"\0\340\23\0\0\4\0\26\0\0", 10 }, "" },
        { { (const uint8_t *)"\0\340\23\0\0\0", 6 }, "" },
        { { (const uint8_t *)"\0\340\23\0", 4 }, "" },
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++) {
        begin(&client);
        bc_wr_t w = { 0 };
        bc_wr_be16(&w, TLCP_VERSION);
        for (int k = 0; k < RANDOM_SIZE; k++)
            bc_wr_u8(&w, 7);
        bc_wr_put(&w, cases[i].body);
        assert_true(tlcp_send(server.t, &server.out, HS_SERVER_HELLO, bc_wr_view(&w)));
        bc_wr_free(&w);
        carry(&server, &client, SIZE_MAX);
        assert_string_equal(bc_tlcp_reason(client.t), cases[i].why);
        teardown(state);
        setup(state);
    }
}

/* ---- strangers to the protocol ---- */

static void expect_refusal(bool to_server, bc_bytes_t in, const char *why, uint8_t alert)
{
    end_t *e = to_server ? &server : &client;
    if (!to_server)
        begin(e);
    bc_wr_reset(&e->out);
    (void)end_take(e, in);
    assert_string_equal(bc_tlcp_reason(e->t), why);
    assert_int_equal(e->r, BC_TLCP_FAILED);
    const uint8_t tell[] = { REC_ALERT, 1, 1, 0, 2, 2, alert };
    assert_int_equal(e->out.n, sizeof tell);
    assert_memory_equal(e->out.p, tell, sizeof tell);
    /* it is over */
    bc_bytes_t more = in;
    assert_int_equal(bc_tlcp_handshake(e->t, &more, &e->out), BC_TLCP_FAILED);
    assert_int_equal(more.n, in.n);
    assert_int_equal(e->out.n, sizeof tell);
    assert_false(bc_tlcp_write(e->t, BC_STR("x"), &e->out));
    teardown(NULL);
    setup(NULL);
}

static void other_protocols(void **state)
{
    (void)state;
    /* what openssl s_client -tls1_2 begins with */
    static const char tls[] = "the other side does not speak TLCP (version 3.3)";
    expect_refusal(true, BC_STR("\26\3\3\0\300\1\0\0\274\3\3"), tls, ALERT_VERSION);
    expect_refusal(true, BC_STR("\26\3\1\0\300\1\0\0\274\3\3"),
                   "the other side does not speak TLCP (version 3.1)", ALERT_VERSION);
    expect_refusal(false, BC_STR("\25\3\3\0\2\2\106"), tls, ALERT_VERSION);
    expect_refusal(true, BC_STR("GET / HTTP/1.1\r\n\r\n"),
                   "the other side does not speak TLCP (version 69.84)", ALERT_VERSION);
    /* a TLS hello in a record of ours */
    bc_wr_t w = { 0 };
    bc_wr_mem(&w, "\26\1\1\0\57\1\0\0\53\3\3", 11);
    for (int i = 0; i < RANDOM_SIZE; i++)
        bc_wr_u8(&w, 1);
    bc_wr_mem(&w, "\0\0\2\340\23\1\0\0\0", 9);
    w.p[4] = (uint8_t)(w.n - 5);
    w.p[8] = (uint8_t)(w.n - 9);
    expect_refusal(true, bc_wr_view(&w), "it does not speak TLCP (version 3.3)", ALERT_VERSION);
    w.p[9] = w.p[10] = 1;
    w.p[w.n - 5] = 0x12;
    expect_refusal(true, bc_wr_view(&w), "it knows no suite of ECDHE_SM4_CBC_SM3, ECC_SM4_CBC_SM3",
                   ALERT_HANDSHAKE);
    w.p[w.n - 5] = 0x13;
    w.p[w.n - 3] = 1;
    expect_refusal(true, bc_wr_view(&w), "it insists on compression", ALERT_HANDSHAKE);
    bc_wr_free(&w);
}

static void other_versions(void **state)
{
    bc_wr_t w = { 0 };
    bc_wr_mem(&w, "\26\1\1\0\52\2\0\0\46\1\0", 11);
    for (int i = 0; i < RANDOM_SIZE; i++)
        bc_wr_u8(&w, 1);
    bc_wr_mem(&w, "\0\340\23\0", 4);
    expect_refusal(false, bc_wr_view(&w), "it chose version 1.0", ALERT_VERSION);
    w.p[9] = w.p[10] = 3;
    expect_refusal(false, bc_wr_view(&w), "it chose version 3.3", ALERT_VERSION);
    w.p[2] = 0;
    expect_refusal(false, bc_wr_view(&w), "the other side does not speak TLCP (version 1.0)",
                   ALERT_VERSION);
    bc_wr_free(&w);
    /* only the record of a ClientHello may name one that is not the one agreed on */
    for (unsigned minor = 0; minor < 256; minor += 51) {
        begin(&client);
        client.out.p[2] = (uint8_t)minor;
        shake(&client, &server, SIZE_MAX);
        assert_true(same_handshake(&client, &server));
        teardown(state);
        setup(state);
    }
}

static void sizes_have_limits(void **state)
{
    (void)state;
    for (int to_server = 0; to_server < 2; to_server++) {
        expect_refusal(to_server, BC_STR("\26\1\1\100\1"), "a record of 16385 bytes", ALERT_OVERFLOW);
        expect_refusal(to_server, BC_STR("\26\1\1\377\377"), "a record of 65535 bytes", ALERT_OVERFLOW);
        expect_refusal(to_server, BC_STR("\26\1\1\0\4\1\0\200\1"), "a handshake message of 32769 bytes",
                       ALERT_DECODE);
        expect_refusal(to_server, BC_STR("\26\1\1\0\4\1\377\377\377"),
                       "a handshake message of 16777215 bytes", ALERT_DECODE);
        expect_refusal(to_server, BC_STR("\30\1\1\0\1a"), "a record of type 24", ALERT_UNEXPECTED);
        expect_refusal(to_server, BC_STR("\25\1\1\0\1\1"), "a malformed alert", ALERT_DECODE);
    }
    /* the longest message that may be, byte by byte */
    static const uint8_t head[] = { REC_HANDSHAKE, 1, 1, 0, 4, HS_CLIENT_HELLO, 0, 128, 0 };
    (void)end_take(&server, bc_bytes(head, sizeof head));
    for (size_t i = 0; i < HANDSHAKE_MAX && server.r == BC_TLCP_WANT; i++) {
        assert_true(server.t->message.cap <= 65536 && server.t->rx.cap <= 64);
        (void)end_take(&server, BC_STR("\26\1\1\0\1\1"));
    }
    assert_string_equal(bc_tlcp_reason(server.t), "a malformed ClientHello");
}

static void floods_end(void **state)
{
    (void)state;
    const bc_bytes_t kinds[] = { BC_STR("\26\1\1\0\0"), BC_STR("\25\1\1\0\2\1\132") };
    for (int to_server = 0; to_server < 2; to_server++) {
        for (size_t k = 0; k < BC_ARRAY_LEN(kinds); k++) {
            bc_wr_t w = { 0 };
            for (int i = 0; i <= WARNINGS_MAX; i++)
                bc_wr_put(&w, kinds[k]);
            expect_refusal(to_server, bc_wr_view(&w), "records without content", ALERT_UNEXPECTED);
            bc_wr_free(&w);
        }
    }
    expect_refusal(true, BC_STR("\27\1\1\0\0"), "data within the handshake", ALERT_UNEXPECTED);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    ca = sm_pair_new("root", SM_USE_CA, NULL);
    const struct CMUnitTest tests[] = {
        CASE(server_signs_with_another_key),
        CASE(encryption_certificate_swapped),
        CASE(server_key_replayed),
        CASE(client_signs_with_another_key),
        CASE(premaster_for_somebody_else),
        CASE(premaster_of_any_shape),
        CASE(finished_ends_the_handshake),
        CASE(finished_does_not_fit),
        CASE(server_chooses_what_was_not_offered),
        CASE(other_protocols),
        CASE(other_versions),
        CASE(sizes_have_limits),
        CASE(floods_end),
    };
    const struct CMUnitTest ecdhe_tests[] = {
        CASE(server_signs_another_point),
        CASE(agreement_needs_the_certificates_keys),
        CASE(points_of_any_shape),
    };
    int rc = cmocka_run_group_tests_name("tlcp peers", tests, NULL, NULL);
    suite = SUITE_ECDHE_SM4_CBC_SM3;
    rc |= cmocka_run_group_tests_name("tlcp peers, ECDHE", ecdhe_tests, NULL, NULL);
    sm_pair_free(&ca);
    return rc;
}
