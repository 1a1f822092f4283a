/* Keccak-f[1600] kernels: private to crypto. */
#ifndef BC_CRYPTO_KECCAK_H
#define BC_CRYPTO_KECCAK_H

#include "base/types.h"

#define KECCAK_RATE 136u /* bytes per block of Keccak-256 */

void bc_keccak_f1600(uint64_t s[25]);
/* XORs n bytes into the state from byte `off` on; off + n <= KECCAK_RATE. */
void bc_keccak_xor(uint64_t s[25], size_t off, const uint8_t *p, size_t n);

/* Four inputs of the same number of blocks at once. Call only when bc_keccak_x4_usable(). */
bool bc_keccak_x4_usable(void);
void bc_keccak256_x4(const bc_bytes_t in[4], bc_h256_t *out);

#endif
