/* Keccak-f[1600] with what AVX-512VL adds to registers of 128 and 256 bits: rotations, logic of
 * three operands, and 32 registers, so that a whole state stays in them with a lane in each. One
 * state takes three quarters of its time on words, and four at once take no longer. Compiled by
 * function attribute, as keccak_avx2.c is. */
#include <immintrin.h>
#include "crypto/keccak.h"

#define AVX512 __attribute__((target("avx512vl")))

bool bc_keccak_avx512_usable(void)
{
    return __builtin_cpu_supports("avx512vl");
}

#define XOR(a, b)             ((a) ^ (b))
#define CHI(a, b, c)          TERNARY(a, b, c, 0xd2)
#define PARITY(a, b, c, d, e) TERNARY(TERNARY(a, b, c, 0x96), d, e, 0x96)
#include "crypto/keccak_round.h"

#define LANE                    __m128i
#define ROL(x, n)               _mm_rol_epi64(x, n)
#define TERNARY(a, b, c, table) _mm_ternarylogic_epi64(a, b, c, table)
#define IOTA(x, rc)             XOR(x, _mm_cvtsi64_si128((long long)(rc)))
#define LOAD(lane, i)           lane = _mm_loadl_epi64((const __m128i *)&s[i])
#define STORE(lane, i)          _mm_storel_epi64((__m128i *)&s[i], lane)
AVX512 void bc_keccak_f1600_avx512(uint64_t s[25])
{
    KECCAK_LANES(a);
    KECCAK_LANES(e);
    KECCAK_EACH(LOAD, a);
    KECCAK_ROUNDS
    KECCAK_EACH(STORE, a);
}

#undef LANE
#undef ROL
#undef TERNARY
#undef IOTA
#undef LOAD
#undef STORE
#define LANE                    __m256i
#define ROL(x, n)               _mm256_rol_epi64(x, n)
#define TERNARY(a, b, c, table) _mm256_ternarylogic_epi64(a, b, c, table)
#define IOTA(x, rc)             XOR(x, _mm256_set1_epi64x((long long)(rc)))
#define LOAD(lane, i)           lane = _mm256_loadu_si256((const __m256i *)s[i])
#define STORE(lane, i)          _mm256_storeu_si256((__m256i *)s[i], lane)
AVX512 void bc_keccak_f1600_x4_avx512(uint64_t s[25][4])
{
    KECCAK_LANES(a);
    KECCAK_LANES(e);
    KECCAK_EACH(LOAD, a);
    KECCAK_ROUNDS
    KECCAK_EACH(STORE, a);
}
