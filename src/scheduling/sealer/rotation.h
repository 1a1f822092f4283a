/* The transaction that rotates working sealers on an rPBFT chain (spec/30 §4). Private to sealer. */
#ifndef BC_SEALER_ROTATION_H
#define BC_SEALER_ROTATION_H

#include "iface/ledger.h"

typedef struct {
    bc_keypair_t key;
    char chain_id[129], group_id[129];
} rotation_t;

void rotation_init(rotation_t *r, const bc_keypair_t *key, const char *chain_id,
                   const char *group_id);
/* The transaction for the block after cfg's, signed by the node, its sender known; one reference. cfg
 * says which VRF and over what. Two of different time differ in their nonce. NULL, logged: the proof
 * or the signature failed. */
bc_tx_t *rotation_tx(const rotation_t *r, bc_suite_t suite, const bc_ledger_config_t *cfg,
                     int64_t utc_ms) BC_WARN_UNUSED;

#endif
