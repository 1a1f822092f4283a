/* Four Keccak-f[1600] permutations in the four 64-bit lanes of AVX2 registers. Compiled for AVX2
 * by function attribute only, so the rest of the program keeps the x86-64-v2 baseline. */
#include <immintrin.h>
#include "base/buf.h"
#include "crypto/keccak.h"

#define AVX2 __attribute__((target("avx2")))

static const uint64_t round_constants[24] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
    0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
    0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
    0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
    0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

bool bc_keccak_x4_usable(void)
{
    return __builtin_cpu_supports("avx2");
}

#define XOR(a, b)  _mm256_xor_si256(a, b)
#define ROLV(x, n) _mm256_or_si256(_mm256_slli_epi64(x, n), _mm256_srli_epi64(x, 64 - (n)))
#define CHI(a, b, c) XOR(a, _mm256_andnot_si256(b, c))

/* Row y of the output from five input lanes, each corrected by theta and rotated. */
#define ROW(y, i0, d0, r0, i1, d1, r1, i2, d2, r2, i3, d3, r3, i4, d4, r4)                         \
    do {                                                                                           \
        const __m256i x0 = r0 ? ROLV(XOR(s[i0], d[d0]), r0) : XOR(s[i0], d[d0]);                   \
        const __m256i x1 = ROLV(XOR(s[i1], d[d1]), r1);                                            \
        const __m256i x2 = ROLV(XOR(s[i2], d[d2]), r2);                                            \
        const __m256i x3 = ROLV(XOR(s[i3], d[d3]), r3);                                            \
        const __m256i x4 = ROLV(XOR(s[i4], d[d4]), r4);                                            \
        t[5 * (y) + 0] = CHI(x0, x1, x2);                                                          \
        t[5 * (y) + 1] = CHI(x1, x2, x3);                                                          \
        t[5 * (y) + 2] = CHI(x2, x3, x4);                                                          \
        t[5 * (y) + 3] = CHI(x3, x4, x0);                                                          \
        t[5 * (y) + 4] = CHI(x4, x0, x1);                                                          \
    } while (0)

AVX2 static inline void round_x4(const __m256i s[25], __m256i t[25], uint64_t rc)
{
    __m256i c[5], d[5];
    for (int x = 0; x < 5; x++)
        c[x] = XOR(XOR(XOR(s[x], s[x + 5]), XOR(s[x + 10], s[x + 15])), s[x + 20]);
    for (int x = 0; x < 5; x++)
        d[x] = XOR(c[(x + 4) % 5], ROLV(c[(x + 1) % 5], 1));
    ROW(0, 0, 0, 0, 6, 1, 44, 12, 2, 43, 18, 3, 21, 24, 4, 14);
    t[0] = XOR(t[0], _mm256_set1_epi64x((long long)rc));
    ROW(1, 3, 3, 28, 9, 4, 20, 10, 0, 3, 16, 1, 45, 22, 2, 61);
    ROW(2, 1, 1, 1, 7, 2, 6, 13, 3, 25, 19, 4, 8, 20, 0, 18);
    ROW(3, 4, 4, 27, 5, 0, 36, 11, 1, 10, 17, 2, 15, 23, 3, 56);
    ROW(4, 2, 2, 62, 8, 3, 55, 14, 4, 39, 15, 0, 41, 21, 1, 2);
}

AVX2 static void f1600_x4(__m256i s[25])
{
    __m256i t[25];
    for (int i = 0; i < 24; i += 2) {
        round_x4(s, t, round_constants[i]);
        round_x4(t, s, round_constants[i + 1]);
    }
}

AVX2 static void absorb_x4(__m256i s[25], const uint8_t *const p[4])
{
    for (size_t i = 0; i < KECCAK_RATE / 8; i++) {
        uint64_t v[4];
        for (int k = 0; k < 4; k++)
            memcpy(&v[k], p[k] + 8 * i, 8);
        s[i] = XOR(s[i], _mm256_loadu_si256((const __m256i *)v));
    }
    f1600_x4(s);
}

AVX2 void bc_keccak256_x4(const bc_bytes_t in[4], bc_h256_t *out)
{
    __m256i s[25];
    for (int i = 0; i < 25; i++)
        s[i] = _mm256_setzero_si256();
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
    for (size_t i = 0; i < 4; i++) {
        uint64_t v[4];
        _mm256_storeu_si256((__m256i *)v, s[i]);
        for (int k = 0; k < 4; k++)
            memcpy(out[k].b + 8 * i, &v[k], 8);
    }
}
