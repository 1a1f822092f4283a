/* Proofs about Pedersen commitments c = value * V + blinding * B over ristretto255, as WeDPR makes
 * them (spec/40 §4.6; WeDPR-Lab-Crypto crypto/zkp): sigma protocols, made non-interactive with
 * Keccak-256. Verification only, as the system contract needs it.
 *
 * Every commitment and base is taken from the first 32 bytes of its argument (shorter, or no point:
 * false), a proof from the first bytes that it needs. Any input is safe. Pure; any thread. */
#ifndef BC_CRYPTO_ZKP_H
#define BC_CRYPTO_ZKP_H

#include "base/types.h"

/* Either c1 and c2 have the same value, or c1 and c3 have the value 0. */
bool bc_zkp_either_equality(bc_bytes_t c1, bc_bytes_t c2, bc_bytes_t c3, bc_bytes_t proof,
                            bc_bytes_t value_base, bc_bytes_t blinding_base);
/* The prover knows value and blinding of c. */
bool bc_zkp_knowledge(bc_bytes_t c, bc_bytes_t proof, bc_bytes_t value_base,
                      bc_bytes_t blinding_base);
/* c2 = blinding of c1 * base2. */
bool bc_zkp_format(bc_bytes_t c1, bc_bytes_t c2, bc_bytes_t proof, bc_bytes_t base1,
                   bc_bytes_t base2, bc_bytes_t blinding_base);
/* value of c3 = value of c1 + value of c2; or their product. */
bool bc_zkp_sum(bc_bytes_t c1, bc_bytes_t c2, bc_bytes_t c3, bc_bytes_t proof,
                bc_bytes_t value_base, bc_bytes_t blinding_base);
bool bc_zkp_product(bc_bytes_t c1, bc_bytes_t c2, bc_bytes_t c3, bc_bytes_t proof,
                    bc_bytes_t value_base, bc_bytes_t blinding_base);
/* c1 = x * base1 and c2 = x * base2. */
bool bc_zkp_equality(bc_bytes_t c1, bc_bytes_t c2, bc_bytes_t proof, bc_bytes_t base1,
                     bc_bytes_t base2);
/* a + b; false when one is no point. */
bool bc_zkp_aggregate(bc_bytes_t a, bc_bytes_t b, uint8_t out[32]);

#endif
