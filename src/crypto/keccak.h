/* Keccak-f[1600] kernels: private to crypto. */
#ifndef BC_CRYPTO_KECCAK_H
#define BC_CRYPTO_KECCAK_H

#include "base/types.h"

#define KECCAK_RATE 136u /* bytes per block of Keccak-256 */

/* By the first kernel that this processor can run. */
void bc_keccak_f1600(uint64_t s[25]);
/* XORs n bytes into the state from byte `off` on; off + n <= KECCAK_RATE. */
void bc_keccak_xor(uint64_t s[25], size_t off, const uint8_t *p, size_t n);

/* Four inputs of the same number of blocks at once. Call only when bc_keccak_x4_usable(). */
bool bc_keccak_x4_usable(void);
void bc_keccak256_x4(const bc_bytes_t in[4], bc_h256_t *out);

/* The kernels, fastest first; the last runs everywhere. Any thread. */
typedef struct {
    const char *name;
    bool (*usable)(void);                /* on this processor */
    void (*f1600)(uint64_t s[25]);       /* NULL: it has none */
    void (*f1600_x4)(uint64_t s[25][4]); /* four states, lane by lane; NULL: it has none */
} bc_keccak_kernel_t;
#define BC_KECCAK_KERNELS 4
extern const bc_keccak_kernel_t bc_keccak_kernels[BC_KECCAK_KERNELS];

/* Of keccak_avx512.c and keccak_avx2.c, for the table. */
bool bc_keccak_avx512_usable(void);
void bc_keccak_f1600_avx512(uint64_t s[25]);
void bc_keccak_f1600_x4_avx512(uint64_t s[25][4]);
bool bc_keccak_avx2_usable(void);
void bc_keccak_f1600_x4_avx2(uint64_t s[25][4]);

#endif
