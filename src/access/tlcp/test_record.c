/* The record layer of an open connection, against a second implementation of sealing: every length
 * and padding, in both ways of authenticating, and what an attacker on the way may do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include <openssl/hmac.h>
#include "access/tlcp/test_ends.h"

static sm_pair_t ca;
static end_t parent; /* lends its context */

static const char forged[] = "a record that does not decrypt";

/* An end behind its handshake, with keys that all ends here share. */
static end_t open_end(bool server, bool encrypt_then_mac)
{
    end_t e = { .t = bc_tlcp_new(parent.x, server, NULL) };
    for (size_t i = 0; i < sizeof e.t->keys; i++)
        e.t->keys[i] = (uint8_t)(i * 5 + 1);
    e.t->state = OPEN;
    e.t->encrypt_then_mac = encrypt_then_mac;
    assert_true(tlcp_half_start(e.t, &e.t->in, server, false));
    assert_true(tlcp_half_start(e.t, &e.t->out, !server, true));
    return e;
}

static bc_bytes_t sample(size_t n)
{
    static uint8_t data[RECORD_PLAIN_MAX + 64];
    for (size_t i = 0; i < n; i++)
        data[i] = (uint8_t)(i * 7 + i / 251);
    return bc_bytes(data, n);
}

/* A record of the client's, number seq, with these bytes behind the text and its MAC. */
static bc_wr_t seal_with(bool encrypt_then_mac, uint64_t seq, uint8_t type, bc_bytes_t data,
                         bc_bytes_t padding)
{
    end_t key = open_end(true, encrypt_then_mac);
    const uint8_t *mac_key = key.t->keys, *sm4_key = key.t->keys + 2 * SM3_SIZE;
    bc_wr_t text = { 0 }, mac_in = { 0 }, rec = { 0 };
    uint8_t mac[SM3_SIZE], iv[SM4_BLOCK];
    memset(iv, padding.n ? padding.p[0] : 0, sizeof iv); /* where padding that is too long goes on */
    bc_wr_put(&text, data);
    bc_wr_be64(&mac_in, seq);
    bc_wr_u8(&mac_in, type);
    bc_wr_be16(&mac_in, TLCP_VERSION);
    if (!encrypt_then_mac) {
        bc_wr_be16(&mac_in, (uint16_t)data.n);
        bc_wr_put(&mac_in, data);
        HMAC(EVP_sm3(), mac_key, SM3_SIZE, mac_in.p, mac_in.n, mac, NULL);
        bc_wr_mem(&text, mac, sizeof mac);
    }
    bc_wr_put(&text, padding);
    assert_int_equal(text.n % SM4_BLOCK, 0);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n;
    assert_true(EVP_EncryptInit_ex(c, EVP_sm4_cbc(), NULL, sm4_key, iv) == 1 &&
                EVP_CIPHER_CTX_set_padding(c, 0) == 1 &&
                EVP_EncryptUpdate(c, text.p, &n, text.p, (int)text.n) == 1);
    EVP_CIPHER_CTX_free(c);
    bc_wr_u8(&rec, type);
    bc_wr_be16(&rec, TLCP_VERSION);
    bc_wr_be16(&rec, (uint16_t)(sizeof iv + text.n + (encrypt_then_mac ? SM3_SIZE : 0)));
    bc_wr_mem(&rec, iv, sizeof iv);
    bc_wr_put(&rec, bc_wr_view(&text));
    if (encrypt_then_mac) {
        bc_wr_be16(&mac_in, (uint16_t)(sizeof iv + text.n));
        bc_wr_mem(&mac_in, iv, sizeof iv);
        bc_wr_put(&mac_in, bc_wr_view(&text));
        HMAC(EVP_sm3(), mac_key, SM3_SIZE, mac_in.p, mac_in.n, mac, NULL);
        bc_wr_mem(&rec, mac, sizeof mac);
    }
    bc_wr_free(&text);
    bc_wr_free(&mac_in);
    end_free(&key);
    return rec;
}

static bc_wr_t seal(bool encrypt_then_mac, uint64_t seq, uint8_t type, bc_bytes_t data, size_t pad)
{
    uint8_t padding[256];
    memset(padding, (int)pad, pad + 1);
    return seal_with(encrypt_then_mac, seq, type, data, bc_bytes(padding, pad + 1));
}

static size_t least_pad(bool encrypt_then_mac, size_t n)
{
    size_t inner = n + (encrypt_then_mac ? 0 : SM3_SIZE);
    return SM4_BLOCK - 1 - inner % SM4_BLOCK;
}

static void assert_reads(end_t *e, bc_bytes_t in, bc_bytes_t want)
{
    bc_bytes_t data;
    assert_int_equal(bc_tlcp_read(e->t, &in, &e->out, &data), BC_TLCP_OK);
    assert_true(bc_bytes_eq(data, want));
    assert_int_equal(in.n, 0);
    assert_int_equal(e->out.n, 0);
}

/* Fails for the one reason that an attacker may be told, and says so to the other side once. */
static void assert_refuses(end_t *e, bc_bytes_t in, const char *why)
{
    bc_bytes_t data = { 0 }, more = in;
    assert_int_equal(bc_tlcp_read(e->t, &in, &e->out, &data), BC_TLCP_FAILED);
    assert_string_equal(bc_tlcp_reason(e->t), why);
    assert_int_equal(data.n == 0 || data.n == SIZE_MAX, true);
    assert_true(e->out.n > RECORD_HEADER && e->out.p[0] == REC_ALERT);
    size_t n = e->out.n;
    assert_int_equal(bc_tlcp_read(e->t, &more, &e->out, &data), BC_TLCP_FAILED);
    assert_false(bc_tlcp_write(e->t, BC_STR("x"), &e->out));
    bc_tlcp_close(e->t, &e->out);
    assert_int_equal(e->out.n, n);
    assert_int_equal(ERR_peek_error(), 0);
}

static uint8_t alert_in(bool encrypt_then_mac, const bc_wr_t *out)
{
    end_t client = open_end(false, encrypt_then_mac);
    bc_bytes_t in = bc_wr_view(out), data;
    uint8_t type;
    assert_int_equal(tlcp_record_get(client.t, &in, &client.out, &type, &data), BC_TLCP_OK);
    assert_int_equal(type, REC_ALERT);
    assert_int_equal(data.n, 2);
    uint8_t alert = data.p[1];
    end_free(&client);
    return alert;
}

static void every_length_and_padding(void **state)
{
    (void)state;
    for (int etm = 0; etm < 2; etm++) {
        end_t server = open_end(true, etm);
        uint64_t seq = 0;
        for (size_t n = 1; n < 300; n++) {
            for (size_t pad = least_pad(etm, n); pad < 256; pad += SM4_BLOCK) {
                bc_wr_t rec = seal(etm, seq++, REC_DATA, sample(n), pad);
                assert_reads(&server, bc_wr_view(&rec), sample(n));
                bc_wr_free(&rec);
            }
        }
        static const size_t big[] = { 1000, 4096, 16383, RECORD_PLAIN_MAX };
        for (size_t i = 0; i < BC_ARRAY_LEN(big); i++) {
            for (size_t pad = least_pad(etm, big[i]); pad < 256; pad += SM4_BLOCK) {
                bc_wr_t rec = seal(etm, seq++, REC_DATA, sample(big[i]), pad);
                assert_reads(&server, bc_wr_view(&rec), sample(big[i]));
                bc_wr_free(&rec);
            }
        }
        end_free(&server);
    }
}

/* What we seal, byte for byte but for the vector: the least padding. */
static void what_we_send(void **state)
{
    (void)state;
    for (int etm = 0; etm < 2; etm++) {
        end_t client = open_end(false, etm), server = open_end(true, etm);
        for (size_t n = 1; n < 100; n++) {
            assert_true(bc_tlcp_write(client.t, sample(n), &client.out));
            bc_wr_t rec = seal(etm, n - 1, REC_DATA, sample(n), least_pad(etm, n));
            assert_int_equal(client.out.n, rec.n);
            assert_reads(&server, bc_wr_view(&client.out), sample(n));
            bc_wr_free(&rec);
            bc_wr_reset(&client.out);
        }
        assert_true(bc_tlcp_write(client.t, (bc_bytes_t){ 0 }, &client.out));
        assert_int_equal(client.out.n, 0);
        end_free(&client);
        end_free(&server);
    }
}

static void expect_forged(bool encrypt_then_mac, bc_wr_t rec)
{
    end_t server = open_end(true, encrypt_then_mac);
    assert_refuses(&server, bc_wr_view(&rec), forged);
    bc_wr_free(&rec);
    end_free(&server);
}

/* The MAC is right: padding is made by the other side itself. */
static void wrong_padding(void **state)
{
    (void)state;
    uint8_t padding[320];
    for (int etm = 0; etm < 2; etm++) {
        for (size_t n = 3; n < 40; n += 13) {
            for (size_t pad = least_pad(etm, n); pad < 256; pad += SM4_BLOCK) {
                for (size_t fault = 0; fault < pad; fault++) {
                    memset(padding, (int)pad, sizeof padding);
                    padding[fault] ^= 1;
                    expect_forged(etm, seal_with(etm, 0, REC_DATA, sample(n),
                                                 bc_bytes(padding, pad + 1)));
                }
            }
        }
        /* longer than there is room for */
        for (unsigned pad = 16; pad < 256; pad++) {
            memset(padding, (int)pad, 16);
            expect_forged(etm, seal_with(etm, 0, REC_DATA, bc_bytes(padding, 15),
                                         bc_bytes(padding, 1)));
        }
    }
    /* one byte throughout, where the MAC should be too */
    for (size_t n = 3 * SM4_BLOCK; n <= sizeof padding; n += SM4_BLOCK) {
        for (unsigned byte = 0; byte < 256; byte++) {
            memset(padding, (int)byte, n);
            bc_wr_t rec = seal_with(true, 0, REC_DATA, bc_bytes(padding, n), (bc_bytes_t){ 0 });
            rec.n -= SM3_SIZE;
            rec.p[3] = (uint8_t)((rec.n - RECORD_HEADER) >> 8);
            rec.p[4] = (uint8_t)(rec.n - RECORD_HEADER);
            expect_forged(false, rec);
        }
    }
}

/* Each bit of the text under the cipher can be flipped through the vector and the block before it,
 * so this covers every text, MAC, padding and its length too. */
static void a_flipped_bit_anywhere(void **state)
{
    (void)state;
    static const struct {
        size_t n, more_pad;
    } records[] = { { 1, 0 }, { 15, 0 }, { 16, 0 }, { 17, 32 }, { 48, 0 }, { 200, 208 }, { 600, 0 } };
    for (int etm = 0; etm < 2; etm++) {
        for (size_t k = 0; k < BC_ARRAY_LEN(records); k++) {
            size_t n = records[k].n;
            bc_wr_t rec = seal(etm, 0, REC_DATA, sample(n), least_pad(etm, n) + records[k].more_pad);
            for (size_t at = 0; at < rec.n; at++) {
                for (unsigned bit = 0; bit < 8; bit += rec.n < 200 ? 1 : 3) {
                    if (at == 3 || at == 4) /* its length: see below */
                        continue;
                    end_t server = open_end(true, etm);
                    rec.p[at] ^= (uint8_t)(1u << bit);
                    char why[80];
                    snprintf(why, sizeof why, "the other side does not speak TLCP (version %u.%u)",
                             rec.p[1], rec.p[2]);
                    bool version = at == 1 || at == 2;
                    assert_refuses(&server, bc_wr_view(&rec), version ? why : forged);
                    assert_int_equal(alert_in(etm, &server.out),
                                     version ? ALERT_VERSION : ALERT_BAD_MAC);
                    rec.p[at] ^= (uint8_t)(1u << bit);
                    end_free(&server);
                }
            }
            bc_wr_free(&rec);
        }
    }
}

/* Each length that a record could have been given on the way, the bytes cut or grown to match. */
static void another_length(void **state)
{
    (void)state;
    for (int etm = 0; etm < 2; etm++) {
        bc_wr_t rec = seal(etm, 0, REC_DATA, sample(100), least_pad(etm, 100) + 64);
        size_t real = rec.n - RECORD_HEADER;
        (void)bc_wr_reserve(&rec, 100);
        for (size_t n = 0; n < real + 100; n++) {
            if (n == real)
                continue;
            end_t server = open_end(true, etm);
            rec.p[3] = (uint8_t)(n >> 8);
            rec.p[4] = (uint8_t)n;
            assert_refuses(&server, bc_bytes(rec.p, RECORD_HEADER + n), forged);
            end_free(&server);
        }
        bc_wr_free(&rec);
        end_t server = open_end(true, etm);
        static const uint8_t huge[] = { REC_DATA, 1, 1, (RECORD_MAX + 1) >> 8, (RECORD_MAX + 1) & 255 };
        assert_refuses(&server, bc_bytes(huge, sizeof huge), "a record of 17409 bytes");
        assert_int_equal(alert_in(etm, &server.out), ALERT_OVERFLOW);
        end_free(&server);
        /* more text than a record may have */
        server = open_end(true, etm);
        rec = seal(etm, 0, REC_DATA, sample(RECORD_PLAIN_MAX + 1), least_pad(etm, 1));
        assert_refuses(&server, bc_wr_view(&rec), "a record of 16385 bytes of text");
        assert_int_equal(alert_in(etm, &server.out), ALERT_OVERFLOW);
        bc_wr_free(&rec);
        end_free(&server);
    }
}

static void records_are_numbered(void **state)
{
    (void)state;
    for (int etm = 0; etm < 2; etm++) {
        bc_wr_t rec[3];
        for (size_t i = 0; i < 3; i++)
            rec[i] = seal(etm, i, REC_DATA, sample(5 + i), least_pad(etm, 5 + i));
        static const size_t orders[][3] = { { 0, 0, 1 }, { 0, 2, 1 }, { 1, 0, 2 }, { 2, 2, 2 } };
        for (size_t k = 0; k < BC_ARRAY_LEN(orders); k++) {
            end_t server = open_end(true, etm);
            size_t good = 0;
            while (orders[k][good] == good)
                assert_reads(&server, bc_wr_view(&rec[good]), sample(5 + good)), good++;
            assert_refuses(&server, bc_wr_view(&rec[orders[k][good]]), forged);
            end_free(&server);
        }
        /* our own records sent back to us */
        end_t client = open_end(false, etm);
        assert_refuses(&client, bc_wr_view(&rec[0]), forged);
        end_free(&client);
        for (size_t i = 0; i < 3; i++)
            bc_wr_free(&rec[i]);
    }
}

static void pieces_of_a_record_wait_for_the_rest(void **state)
{
    (void)state;
    for (int etm = 0; etm < 2; etm++) {
        end_t server = open_end(true, etm);
        bc_wr_t rec = seal(etm, 0, REC_DATA, sample(500), least_pad(etm, 500));
        bc_bytes_t in, data;
        for (size_t i = 0; i + 1 < rec.n; i++) {
            in = bc_bytes(rec.p + i, 1);
            assert_int_equal(bc_tlcp_read(server.t, &in, &server.out, &data), BC_TLCP_WANT);
            assert_true(server.t->rx.cap <= 1024);
        }
        in = bc_bytes(rec.p + rec.n - 1, 1);
        assert_int_equal(bc_tlcp_read(server.t, &in, &server.out, &data), BC_TLCP_OK);
        assert_true(bc_bytes_eq(data, sample(500)));
        /* nothing more: the room goes */
        in = (bc_bytes_t){ 0 };
        assert_int_equal(bc_tlcp_read(server.t, &in, &server.out, &data), BC_TLCP_WANT);
        assert_null(server.t->rx.p);
        bc_wr_free(&rec);
        end_free(&server);
    }
}

/* Gives records that the other side sealed itself. */
static void give(end_t *e, uint64_t seq, uint8_t type, bc_bytes_t data, bc_tlcp_result_t want)
{
    bool etm = e->t->encrypt_then_mac;
    bc_wr_t rec = seal(etm, seq, type, data, least_pad(etm, data.n));
    bc_bytes_t in = bc_wr_view(&rec), got;
    assert_int_equal(bc_tlcp_read(e->t, &in, &e->out, &got), want);
    if (want == BC_TLCP_OK)
        assert_true(bc_bytes_eq(got, data));
    bc_wr_free(&rec);
}

static void expect_end(uint8_t type, bc_bytes_t data, const char *why)
{
    end_t server = open_end(true, true);
    give(&server, 0, type, data, BC_TLCP_FAILED);
    assert_string_equal(bc_tlcp_reason(server.t), why);
    assert_null(server.t->message.p); /* nothing is collected */
    end_free(&server);
}

static void an_open_connection_stays_what_it_is(void **state)
{
    (void)state;
    static const char renewed[] = "it asked for a new handshake";
    expect_end(REC_HANDSHAKE, BC_STR("\0\0\0\0"), renewed);      /* HelloRequest */
    expect_end(REC_HANDSHAKE, BC_STR("\1\0\0\2\1\1"), renewed);  /* ClientHello */
    expect_end(REC_HANDSHAKE, BC_STR("\24\0\0\1\1"), renewed);   /* Finished */
    expect_end(REC_HANDSHAKE, BC_STR("\1"), renewed);            /* the beginning of one */
    expect_end(REC_HANDSHAKE, BC_STR("\1\0\377\377abc"), renewed);
    expect_end(REC_CCS, BC_STR("\1"), "ChangeCipherSpec at the wrong moment");
    expect_end(0, BC_STR("a"), "a record of type 0");
    expect_end(24, BC_STR("a"), "a record of type 24");
    expect_end(REC_ALERT, BC_STR("\1"), "a malformed alert");
    expect_end(REC_ALERT, BC_STR("\1\132\1\132"), "a malformed alert");
    expect_end(REC_ALERT, BC_STR("\2\24"), "the other side refused: bad record MAC (20)");
    expect_end(REC_ALERT, BC_STR("\2\377"), "the other side refused: alert (255)");
    /* the content alone tells nothing: of no type but its own */
    end_t server = open_end(true, true);
    bc_wr_t rec = seal(true, 0, REC_DATA, BC_STR("\1\0"), least_pad(true, 2));
    rec.p[0] = REC_ALERT;
    assert_refuses(&server, bc_wr_view(&rec), forged);
    bc_wr_free(&rec);
    end_free(&server);
}

static void records_of_no_use_are_counted(void **state)
{
    (void)state;
    static const struct {
        uint8_t type;
        bc_bytes_t data;
    } kinds[] = { { REC_DATA, { (const uint8_t *)"", 0 } },
                  { REC_ALERT, { (const uint8_t *)"\1\132", 2 } } };
    for (size_t k = 0; k < BC_ARRAY_LEN(kinds); k++) {
        end_t server = open_end(true, true);
        uint64_t seq = 0;
        for (int round = 0; round < 3; round++) {
            for (int i = 0; i < WARNINGS_MAX; i++)
                give(&server, seq++, kinds[k].type, kinds[k].data, BC_TLCP_WANT);
            give(&server, seq++, REC_DATA, BC_STR("x"), BC_TLCP_OK);
        }
        for (int i = 0; i < WARNINGS_MAX; i++)
            give(&server, seq++, kinds[k].type, kinds[k].data, BC_TLCP_WANT);
        give(&server, seq++, kinds[k].type, kinds[k].data, BC_TLCP_FAILED);
        assert_string_equal(bc_tlcp_reason(server.t), "records without content");
        end_free(&server);
    }
}

/* What is cut off before close_notify is not the end that the other side meant. */
static void the_end_is_said(void **state)
{
    (void)state;
    for (int etm = 0; etm < 2; etm++) {
        bc_wr_t rec = seal(etm, 0, REC_ALERT, BC_STR("\1\0"), least_pad(etm, 2));
        for (size_t n = 0; n <= rec.n; n++) {
            end_t server = open_end(true, etm);
            bc_bytes_t in = bc_bytes(rec.p, n), data;
            assert_int_equal(bc_tlcp_read(server.t, &in, &server.out, &data),
                             n == rec.n ? BC_TLCP_CLOSED : BC_TLCP_WANT);
            assert_int_equal(bc_tlcp_write(server.t, BC_STR("x"), &server.out), n < rec.n);
            end_free(&server);
        }
        bc_wr_free(&rec);
    }
}

int main(void)
{
    ca = sm_pair_new("root", SM_USE_CA, NULL);
    end_new(&parent, false, &ca, (how_t){ 0 });
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_and_padding),
        cmocka_unit_test(what_we_send),
        cmocka_unit_test(wrong_padding),
        cmocka_unit_test(a_flipped_bit_anywhere),
        cmocka_unit_test(another_length),
        cmocka_unit_test(records_are_numbered),
        cmocka_unit_test(pieces_of_a_record_wait_for_the_rest),
        cmocka_unit_test(an_open_connection_stays_what_it_is),
        cmocka_unit_test(records_of_no_use_are_counted),
        cmocka_unit_test(the_end_is_said),
    };
    int rc = cmocka_run_group_tests_name("tlcp records", tests, NULL, NULL);
    end_free(&parent);
    sm_pair_free(&ca);
    return rc;
}
