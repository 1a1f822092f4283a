/* Handshakes of two honest ends with somebody on the way between them. */
#include "access/tlcp/test_pair.h"

/* The flight of the one end is on the way, altered, to the other. Neither may take it for good. */
static void assert_breaks(end_t *c, end_t *s, bool to_server, bc_bytes_t altered)
{
    (void)end_take(to_server ? s : c, altered);
    go_on(c, s);
    assert_false(c->t->state == OPEN && s->t->state == OPEN);
    /* who sends the last flight may believe that all is well, whoever gets it may not */
    assert_false((to_server ? s : c)->t->state == OPEN);
}

static void try_altered(unsigned flight, bc_bytes_t altered)
{
    end_t c = end_fork(&client), s = end_fork(&server);
    assert_breaks(&c, &s, flight % 2 == 0, altered);
    end_free(&c);
    end_free(&s);
}

/* What each byte is flipped by differs, so that over many bytes each bit is. */
static void flip_each_byte(unsigned flight)
{
    bc_wr_t sent = wait_for_flight(flight);
    for (size_t at = 0; at < sent.n; at++) {
        if (flight == 0 && at == 2) /* lower byte of the first record's version: any will do */
            continue;
        uint8_t flip = (uint8_t)(1u << (at * 5 % 8));
        sent.p[at] ^= flip;
        try_altered(flight, bc_wr_view(&sent));
        sent.p[at] ^= flip;
    }
    (void)end_take(flight % 2 ? &client : &server, bc_wr_view(&sent)); /* as it was, it is good */
    go_on(&client, &server);
    assert_true(same_handshake(&client, &server));
    bc_wr_free(&sent);
}

static void bytes_of_client_hello(void **state)
{
    (void)state;
    flip_each_byte(0);
}

static void bytes_of_the_servers_flight(void **state)
{
    (void)state;
    flip_each_byte(1);
}

static void bytes_of_the_clients_flight(void **state)
{
    (void)state;
    flip_each_byte(2);
}

static void bytes_of_the_last_flight(void **state)
{
    (void)state;
    flip_each_byte(3);
}

/* A record of each flight left out, sent twice, or before the one ahead of it. */
static void shuffle(unsigned flight)
{
    bc_wr_t sent = wait_for_flight(flight);
    bc_bytes_t rec[16];
    size_t cnt = 0;
    for (bc_bytes_t all = bc_wr_view(&sent); all.n; cnt++)
        rec[cnt] = record_cut(&all);
    for (size_t at = 0; at < cnt; at++) {
        bool last = at + 1 == cnt;
        bc_wr_t without = { 0 }, twice = { 0 }, swapped = { 0 };
        for (size_t i = 0; i < cnt; i++) {
            if (i != at)
                bc_wr_put(&without, rec[i]);
            bc_wr_put(&twice, rec[i]);
            if (i == at)
                bc_wr_put(&twice, rec[i]);
            bc_wr_put(&swapped, rec[i == at && !last ? i + 1 : i && i - 1 == at ? at : i]);
        }
        try_altered(flight, bc_wr_view(&without));
        if (flight < 2 || !last) /* what is behind a Finished is for bc_tlcp_read to refuse */
            try_altered(flight, bc_wr_view(&twice));
        if (!last)
            try_altered(flight, bc_wr_view(&swapped));
        bc_wr_free(&without);
        bc_wr_free(&twice);
        bc_wr_free(&swapped);
    }
    bc_wr_free(&sent);
}

static void messages_out_of_order(void **state)
{
    for (unsigned flight = 0; flight < 4; flight++) {
        shuffle(flight);
        teardown(state);
        setup(state);
    }
}

/* Records that somebody slips in before the one of that number. */
static void slip_in(unsigned flight, size_t before, bc_bytes_t what, const char *why)
{
    bc_wr_t sent = wait_for_flight(flight), w = { 0 };
    bc_bytes_t all = bc_wr_view(&sent);
    for (size_t i = 0; i < before; i++)
        bc_wr_put(&w, record_cut(&all));
    bc_wr_put(&w, what);
    bc_wr_put(&w, all);
    assert_breaks(&client, &server, flight % 2 == 0, bc_wr_view(&w));
    assert_string_equal(bc_tlcp_reason(flight % 2 ? client.t : server.t), why);
    bc_wr_free(&sent);
    bc_wr_free(&w);
    teardown(NULL);
    setup(NULL);
}

static void records_slipped_in(void **state)
{
    (void)state;
    bc_bytes_t ccs = BC_STR("\24\1\1\0\1\1"), data = BC_STR("\27\1\1\0\5early");
    bc_bytes_t request = BC_STR("\26\1\1\0\4\0\0\0\0"), end = BC_STR("\25\1\1\0\2\1\0");
    static const char early_ccs[] = "ChangeCipherSpec at the wrong moment";
    static const char early_data[] = "data within the handshake";
    for (size_t i = 0; i <= 4; i++) { /* the fifth is ServerHelloDone */
        slip_in(1, i, ccs, early_ccs);
        slip_in(1, i, data, early_data);
        slip_in(1, i, request, "it asked for a new handshake");
        slip_in(1, i, end, "it closed the connection within the handshake");
    }
    for (size_t i = 0; i < 3; i++) { /* before Certificate, ClientKeyExchange, CertificateVerify */
        slip_in(2, i, ccs, early_ccs);
        slip_in(2, i, data, early_data);
    }
    slip_in(2, 3, data, early_data);
    slip_in(2, 3, request, "message 0 before ChangeCipherSpec");
    slip_in(2, 3, BC_STR("\26\1\1\0\1\24"), early_ccs); /* a message across it */
    slip_in(2, 3, BC_STR("\24\1\1\0\2\1\1"), early_ccs);
    slip_in(2, 3, BC_STR("\24\1\1\0\1\2"), early_ccs);
    slip_in(2, 4, ccs, "a record that does not decrypt");
    slip_in(2, 4, data, "a record that does not decrypt");
    slip_in(3, 0, data, early_data);
    slip_in(3, 1, data, "a record that does not decrypt");
}

/* Application data of a client that does not wait for the server's Finished is still data too early
 * for one that has not seen the client's. */
static void data_before_finished(void **state)
{
    (void)state;
    bc_wr_t sent = wait_for_flight(2);
    bc_bytes_t all = bc_wr_view(&sent);
    for (size_t i = 0; i < 4; i++)
        (void)end_take(&server, record_cut(&all));
    assert_int_equal(server.t->state, WANT_FINISHED);
    tlcp_half_end(&client.t->out); /* its first record under the keys is data, not Finished */
    assert_true(tlcp_half_start(client.t, &client.t->out, true, true) &&
                tlcp_record_put(client.t, &client.out, REC_DATA, BC_STR("early")));
    carry(&client, &server, SIZE_MAX);
    assert_reasons("", "data within the handshake");
    bc_wr_free(&sent);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    ca = sm_pair_new("root", SM_USE_CA, NULL);
    const struct CMUnitTest tests[] = {
        CASE(bytes_of_client_hello),
        CASE(bytes_of_the_servers_flight),
        CASE(bytes_of_the_clients_flight),
        CASE(bytes_of_the_last_flight),
        CASE(messages_out_of_order),
        CASE(records_slipped_in),
        CASE(data_before_finished),
    };
    int rc = cmocka_run_group_tests_name("tlcp attacks, ECC", tests, NULL, NULL);
    suite = SUITE_ECDHE_SM4_CBC_SM3;
    rc |= cmocka_run_group_tests_name("tlcp attacks, ECDHE", tests, NULL, NULL);
    sm_pair_free(&ca);
    return rc;
}
