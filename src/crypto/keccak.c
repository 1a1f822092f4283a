/* Keccak-256 with the original padding (0x01), not the FIPS one; its kernels on words, and the choice
 * of kernel. Two rounds to a turn, so that the lanes stay in named variables. */
#include "crypto/keccak.h"
#include <stdatomic.h>
#include "crypto/suite.h"

#define LANE uint64_t
#define XOR(a, b) ((a) ^ (b))
#define ROL(x, n) ((x) << (n) | (x) >> (64 - (n)))
#define CHI(a, b, c) ((a) ^ (~(b) & (c)))
#define PARITY(a, b, c, d, e) ((a) ^ (b) ^ (c) ^ (d) ^ (e))
#define IOTA(x, rc) ((x) ^ (rc))
#include "crypto/keccak_round.h"

#define LOAD(lane, i) lane = s[i]
#define STORE(lane, i) s[i] = lane
#define WORD_KERNEL(name)                                                                          \
    static void name(uint64_t s[25])                                                               \
    {                                                                                              \
        KECCAK_LANES(a);                                                                           \
        KECCAK_LANES(e);                                                                           \
        KECCAK_EACH(LOAD, a);                                                                      \
        KECCAK_ROUNDS                                                                              \
        KECCAK_EACH(STORE, a);                                                                     \
    }
WORD_KERNEL(f1600_any)
/* the same with ANDN and RORX: a sixth less time */
__attribute__((target("bmi,bmi2"))) WORD_KERNEL(f1600_bmi)

static bool any_usable(void)
{
    return true;
}

static bool bmi_usable(void)
{
    return __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

const bc_keccak_kernel_t bc_keccak_kernels[BC_KECCAK_KERNELS] = {
    { "AVX-512VL", bc_keccak_avx512_usable, bc_keccak_f1600_avx512, bc_keccak_f1600_x4_avx512 },
    { "AVX2", bc_keccak_avx2_usable, NULL, bc_keccak_f1600_x4_avx2 },
    { "BMI2", bmi_usable, f1600_bmi, NULL },
    { "any", any_usable, f1600_any, NULL },
};

/* Each pointer starts at a function that finds the kernel, puts it there and runs it; threads that
 * do this at once put the same. */
static void f1600_first(uint64_t s[25]);
static void f1600_x4_first(uint64_t s[25][4]);
static void (*_Atomic f1600)(uint64_t s[25]) = f1600_first;
static void (*_Atomic f1600_x4)(uint64_t s[25][4]) = f1600_x4_first;

static void f1600_first(uint64_t s[25])
{
    const bc_keccak_kernel_t *k = bc_keccak_kernels;
    while (!k->f1600 || !k->usable())
        k++;
    atomic_store_explicit(&f1600, k->f1600, memory_order_relaxed);
    k->f1600(s);
}

static void f1600_x4_first(uint64_t s[25][4])
{
    const bc_keccak_kernel_t *k = bc_keccak_kernels;
    while (!k->f1600_x4 || !k->usable())
        k++;
    atomic_store_explicit(&f1600_x4, k->f1600_x4, memory_order_relaxed);
    k->f1600_x4(s);
}

void bc_keccak_f1600(uint64_t s[25])
{
    atomic_load_explicit(&f1600, memory_order_relaxed)(s);
}

void bc_keccak_xor(uint64_t s[25], size_t off, const uint8_t *p, size_t n)
{
    uint8_t *b = (uint8_t *)s;
    while (n && (off & 7)) {
        b[off++] ^= *p++;
        n--;
    }
    for (; n >= 8; n -= 8, off += 8, p += 8) {
        uint64_t v;
        memcpy(&v, p, 8);
        s[off / 8] ^= v;
    }
    while (n--)
        b[off++] ^= *p++;
}

void bc_keccak256(bc_bytes_t in, bc_h256_t *out)
{
    uint64_t s[25] = { 0 };
    const uint8_t *p = in.p;
    size_t n = in.n;
    while (n >= KECCAK_RATE) {
        bc_keccak_xor(s, 0, p, KECCAK_RATE);
        bc_keccak_f1600(s);
        p += KECCAK_RATE;
        n -= KECCAK_RATE;
    }
    if (n)
        bc_keccak_xor(s, 0, p, n);
    ((uint8_t *)s)[n] ^= 0x01;
    ((uint8_t *)s)[KECCAK_RATE - 1] ^= 0x80;
    bc_keccak_f1600(s);
    memcpy(out->b, s, 32);
}

/* ---- four at once ---- */

bool bc_keccak_x4_usable(void)
{
    return bc_keccak_avx2_usable(); /* what has AVX-512VL has AVX2 */
}

static void absorb_x4(uint64_t s[25][4], const uint8_t *const p[4])
{
    for (size_t k = 0; k < 4; k++)
        for (size_t i = 0; i < KECCAK_RATE / 8; i++) {
            uint64_t v;
            memcpy(&v, p[k] + 8 * i, 8);
            s[i][k] ^= v;
        }
    atomic_load_explicit(&f1600_x4, memory_order_relaxed)(s);
}

void bc_keccak256_x4(const bc_bytes_t in[4], bc_h256_t *out)
{
    _Alignas(32) uint64_t s[25][4] = { 0 };
    size_t full = in[0].n / KECCAK_RATE;
    const uint8_t *p[4];
    for (size_t b = 0; b < full; b++) {
        for (int k = 0; k < 4; k++)
            p[k] = in[k].p + b * KECCAK_RATE;
        absorb_x4(s, p);
    }
    uint8_t last[4][KECCAK_RATE];
    memset(last, 0, sizeof last);
    for (int k = 0; k < 4; k++) {
        size_t rest = in[k].n - full * KECCAK_RATE;
        if (rest)
            memcpy(last[k], in[k].p + full * KECCAK_RATE, rest);
        last[k][rest] ^= 0x01;
        last[k][KECCAK_RATE - 1] ^= 0x80;
        p[k] = last[k];
    }
    absorb_x4(s, p);
    for (size_t k = 0; k < 4; k++)
        for (size_t i = 0; i < 4; i++)
            memcpy(out[k].b + 8 * i, &s[i][k], 8);
}
