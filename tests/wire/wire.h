/* What the checks of captured frames share. */
#ifndef BC_TESTS_WIRE_H
#define BC_TESTS_WIRE_H

#include "crypto/suite.h"

enum { WIRE_NODES = 4 };

typedef struct {
    bc_nodeid_t ids[WIRE_NODES]; /* of the chain's nodes, sorted */
    size_t files, lines, frames;
    size_t type[16];   /* P2P packets by type */
    size_t version[4]; /* and by frame version */
    size_t compressed, codes_ok, codes_other;
    size_t module[8192]; /* front messages by module; AMOP packets count as 3000 */
    size_t responses;    /* front responses among them */
    size_t amop[8];      /* AMOP packets by type */
    size_t ws[0x200];    /* WebSocket messages by type */
    size_t pbft[16];     /* consensus messages by type */
    size_t pbft_signed, pbft_nested, pbft_blocks, pbft_moved;
    size_t sync[3]; /* block sync messages by type */
    size_t blocks, block_sigs, txs, bad_txs;
    size_t pool[4]; /* transaction sync messages by type */
} tally_t;

/* The node among those of the chain whose signature over the digest this is. Its index in the list
 * of sealers is not above its place among all nodes, which are sorted alike. NULL: nobody's. */
const bc_nodeid_t *wire_signer(tally_t *t, int64_t index, const bc_h256_t *digest, bc_bytes_t sig);

/* A payload of module 1000 that node `sender` sent: it decodes and encodes to the same bytes, and
 * all signatures in it are good. False, with a line on standard error. */
bool wire_pbft(tally_t *t, bc_bytes_t payload, const bc_nodeid_t *sender);

#endif
