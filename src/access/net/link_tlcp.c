/* TLCP on a connection: access/tlcp is without sockets, as OpenSSL is made to be in link_ssl.c. */
#include <stdio.h>
#include "access/net/net_impl.h"

static bool begin(bc_link_t *l, const bc_tls_t *t, bool incoming)
{
    l->state = bc_tlcp_new(t->tlcp, incoming, l->conn);
    return true;
}

static void end(bc_link_t *l)
{
    bc_tlcp_free(l->state);
}

static link_result_t result(bc_tlcp_result_t r)
{
    return r == BC_TLCP_OK       ? LINK_OK
           : r == BC_TLCP_WANT   ? LINK_WANT
           : r == BC_TLCP_CLOSED ? LINK_CLOSED
                                 : LINK_FAILED;
}

static link_result_t handshake(bc_link_t *l)
{
    return result(bc_tlcp_handshake(l->state, &l->in, &l->out));
}

static link_result_t take(bc_link_t *l, bc_bytes_t *data)
{
    return result(bc_tlcp_read(l->state, &l->in, &l->out, data));
}

static bool put(bc_link_t *l, bc_bytes_t data)
{
    return bc_tlcp_write(l->state, data, &l->out);
}

static bool say_end(bc_link_t *l)
{
    size_t before = l->out.n;
    bc_tlcp_close(l->state, &l->out);
    return l->out.n > before;
}

static const X509 *peer(const bc_link_t *l)
{
    return bc_tlcp_peer(l->state);
}

static void reason(const bc_link_t *l, char *text, size_t size)
{
    snprintf(text, size, "%s", bc_tlcp_reason(l->state));
}

const bc_link_ops_t bc_link_tlcp = { begin, end, handshake, take, put, say_end, peer, reason };
