/* block0.json: what block 0 of the chain that a node joins ran, as `cbcos chain adopt` leaves it
 * beside config.genesis. A chain of ours has no such file: its block 0 follows from config.genesis
 * and protocol/committee_code.h. */
#ifndef BC_MANAGEMENT_BLOCK0_H
#define BC_MANAGEMENT_BLOCK0_H

#include "base/buf.h"

typedef struct {
    bc_wr_t txs[2];         /* Tars bytes in the order of execution; empty when code is there */
    bc_wr_t committee_code; /* creation code without arguments; empty when txs are there */
} bc_block0_t;

/* Exactly one of the two is there after BC_OK. BC_E_NOT_FOUND no such file, BC_E_FORMAT,
 * BC_E_TOO_BIG, BC_E_IO, BC_E_NOMEM; *out is empty then. */
bc_err_t bc_block0_load(const char *path, bc_block0_t *out) BC_WARN_UNUSED;
void bc_block0_free(bc_block0_t *b);

#endif
