/* One kind of VRF behind vrf.h; private to crypto. Lengths are those of a prover's output, and what
 * verify, hash and prove may count on: proofs of another length do not reach them. */
#ifndef BC_CRYPTO_VRF_KIND_H
#define BC_CRYPTO_VRF_KIND_H

#include "crypto/vrf.h"

typedef struct {
    size_t key_n, proof_n;
    bool (*key_ok)(bc_bytes_t pub);
    bool (*verify)(bc_bytes_t pub, bc_bytes_t message, const uint8_t *proof);
    bool (*hash)(const uint8_t *proof, bc_h256_t *out);
    bc_err_t (*prove)(bc_bytes_t secret, bc_bytes_t message, uint8_t *pub, uint8_t *proof);
} vrf_ops_t;

extern const vrf_ops_t vrf_ristretto, vrf_secp;

#endif
