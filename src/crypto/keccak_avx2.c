/* Four Keccak-f[1600] permutations in the four 64-bit lanes of AVX2 registers. Compiled for AVX2
 * by function attribute only, so the rest of the program keeps the x86-64-v2 baseline. */
#include <immintrin.h>
#include "crypto/keccak.h"

#define LANE __m256i
#define XOR(a, b) _mm256_xor_si256(a, b)
#define ROL(x, n) rol(x, n)
#define CHI(a, b, c) XOR(a, _mm256_andnot_si256(b, c))
#define PARITY(a, b, c, d, e) XOR(XOR(XOR(a, b), XOR(c, d)), e)
#define IOTA(x, rc) XOR(x, _mm256_set1_epi64x((long long)(rc)))
#include "crypto/keccak_round.h"

#define AVX2 __attribute__((target("avx2")))

bool bc_keccak_avx2_usable(void)
{
    return __builtin_cpu_supports("avx2");
}

AVX2 static inline __m256i rol(__m256i x, int n)
{
    return _mm256_or_si256(_mm256_slli_epi64(x, n), _mm256_srli_epi64(x, 64 - n));
}

#define LOAD(lane, i) lane = _mm256_loadu_si256((const __m256i *)s[i])
#define STORE(lane, i) _mm256_storeu_si256((__m256i *)s[i], lane)
AVX2 void bc_keccak_f1600_x4_avx2(uint64_t s[25][4])
{
    KECCAK_LANES(a);
    KECCAK_LANES(e);
    KECCAK_EACH(LOAD, a);
    KECCAK_ROUNDS
    KECCAK_EACH(STORE, a);
}
