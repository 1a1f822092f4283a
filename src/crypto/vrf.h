/* The verifiable random function of rPBFT and of the Crypto system contract: WeDPR's construction
 * over ristretto255 with SHA3-512 (spec/30 §4; WeDPR-Lab-Crypto crypto/vrf/curve25519). Pure. */
#ifndef BC_CRYPTO_VRF_H
#define BC_CRYPTO_VRF_H

#include "base/err.h"
#include "base/types.h"

enum { BC_VRF_KEY_BYTES = 32, BC_VRF_PROOF_BYTES = 96 }; /* proof: gamma, c, s */

bool bc_vrf_key_ok(bc_bytes_t pub);
/* True when proof is that of pub's owner for message. Any lengths are safe. */
bool bc_vrf_verify(bc_bytes_t pub, bc_bytes_t message, bc_bytes_t proof);
/* The random value of a proof; false when the proof is malformed. */
bool bc_vrf_hash(bc_bytes_t proof, bc_h256_t *out);
/* The secret is any byte string; it is hashed to a scalar. BC_E_INTERNAL when the library fails. */
bc_err_t bc_vrf_prove(bc_bytes_t secret, bc_bytes_t message, uint8_t pub[BC_VRF_KEY_BYTES],
                      uint8_t proof[BC_VRF_PROOF_BYTES]) BC_WARN_UNUSED;

#endif
