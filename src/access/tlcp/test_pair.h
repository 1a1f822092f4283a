/* A client and a server, fresh for each test, that can be stopped at each flight of the handshake. */
#ifndef BC_ACCESS_TEST_PAIR_H
#define BC_ACCESS_TEST_PAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "access/tlcp/test_ends.h"

static sm_pair_t ca;
static end_t client, server;
static uint16_t suite = SUITE_ECC_SM4_CBC_SM3;

static inline int setup(void **state)
{
    (void)state;
    client = server = (end_t){ 0 };
    end_new(&client, false, &ca, (how_t){ .suite = suite });
    end_new(&server, true, &ca, (how_t){ 0 });
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    end_free(&client);
    end_free(&server);
    return 0;
}

static inline void assert_reasons(const char *client_says, const char *server_says)
{
    assert_string_equal(bc_tlcp_reason(client.t), client_says);
    assert_string_equal(bc_tlcp_reason(server.t), server_says);
    assert_int_not_equal(client.r, BC_TLCP_OK);
    assert_int_not_equal(server.r, BC_TLCP_OK);
}

/* Lets the ends go on with what they have to say. */
static inline void go_on(end_t *c, end_t *s)
{
    for (unsigned i = 0; i < 3; i++) {
        carry(s, c, SIZE_MAX);
        carry(c, s, SIZE_MAX);
    }
}

/* Both ends as they are when the flight is on its way: client's, server's, client's, server's. */
static inline bc_wr_t wait_for_flight(unsigned flight)
{
    begin(&client);
    if (flight > 0)
        carry(&client, &server, SIZE_MAX);
    if (flight > 1)
        carry(&server, &client, SIZE_MAX);
    if (flight > 2)
        carry(&client, &server, SIZE_MAX);
    return end_sent(flight % 2 ? &server : &client);
}

#endif
