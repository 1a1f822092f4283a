/* The two signature schemes behind crypto/suite.h: private to crypto. */
#ifndef BC_CRYPTO_SECP_H
#define BC_CRYPTO_SECP_H

#include "crypto/suite.h"

/* libsecp256k1's context of the process, blinded, only read; a secp256k1_context. */
const struct secp256k1_context_struct *bc_secp_context(void);

bc_err_t bc_secp_pub(const uint8_t secret[32], bc_nodeid_t *pub) BC_WARN_UNUSED;
size_t bc_secp_sign(const uint8_t secret[32], const bc_h256_t *digest, uint8_t sig[65]);
bc_err_t bc_secp_recover(const bc_h256_t *digest, bc_bytes_t sig, bc_nodeid_t *pub) BC_WARN_UNUSED;

bc_err_t bc_sm2_pub(const uint8_t secret[32], bc_nodeid_t *pub) BC_WARN_UNUSED;
size_t bc_sm2_sign(const bc_keypair_t *k, const bc_h256_t *digest, uint8_t sig[64]);
bool bc_sm2_verify(const bc_nodeid_t *pub, const bc_h256_t *digest, const uint8_t sig[64]);
/* Z: SM3 of the customary id, the curve and the public key (GB/T 32918.2 §5.5). */
void bc_sm2_z(const bc_nodeid_t *pub, bc_h256_t *z);
/* e = SM3(Z || digest), the number that SM2 signs. */
void bc_sm2_e(const bc_nodeid_t *pub, const bc_h256_t *digest, bc_h256_t *e);

#endif
