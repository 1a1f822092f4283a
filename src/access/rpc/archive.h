/* Archive service (spec/50 §6.1): the official archive tool copies transactions and receipts of old
 * blocks to a store of its own and then has the node delete them, by JSON-RPC 2.0 in an HTTP POST:
 *
 *     {"jsonrpc":"2.0","id":1,"method":"deleteArchivedData","params":[start,end]}
 *
 * deletes those of blocks start..end-1; the result is {"status":"success"} or {"status":"error,
 * ..."}. No TLS and no password: whoever reaches the port can delete. One request at a time. */
#ifndef BC_ACCESS_RPC_ARCHIVE_H
#define BC_ACCESS_RPC_ARCHIVE_H

#include "access/net/http.h"
#include "iface/node.h"

typedef struct bc_archive_service bc_archive_service_t;

/* Listens when it returns; loop's thread. The node's archive function must be there. BC_E_IO: the
 * port, logged. */
bc_err_t bc_archive_service_new(bc_uv_loop_t *l, const char *ip, uint16_t port, bc_node_if node,
                                bc_archive_service_t **out) BC_WARN_UNUSED;
uint16_t bc_archive_service_port(const bc_archive_service_t *s);
/* Loop's thread, or after it was joined; waits for a deletion under way, which the node must be
 * able to finish. NULL is fine. */
void bc_archive_service_free(bc_archive_service_t *s);

#endif
