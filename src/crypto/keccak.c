/* Keccak-256 with the original padding (0x01), not the FIPS one.
 * The permutation is unrolled by two rounds so that the lanes stay in named variables. */
#include "crypto/keccak.h"
#include "crypto/suite.h"

static const uint64_t round_constants[24] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
    0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
    0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
    0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
    0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

#define ROL(x, n) ((x) << (n) | (x) >> (64 - (n)))

/* Lane names: first letter of the plane (b g k m s), second of the sheet (a e i o u). */
#define LANES(p)                                                                                   \
    uint64_t p##ba, p##be, p##bi, p##bo, p##bu, p##ga, p##ge, p##gi, p##go, p##gu, p##ka, p##ke,   \
        p##ki, p##ko, p##ku, p##ma, p##me, p##mi, p##mo, p##mu, p##sa, p##se, p##si, p##so, p##su

#define PARITY(p, x) p##b##x ^ p##g##x ^ p##k##x ^ p##m##x ^ p##s##x

/* One output plane: chi over five rotated lanes. */
#define PLANE(T, y, x0, r0, x1, r1, x2, r2, x3, r3, x4, r4)                                        \
    c0 = r0 ? ROL(x0, (r0) + !(r0)) : (x0);                                                    \
    c1 = ROL(x1, r1);                                                                              \
    c2 = ROL(x2, r2);                                                                              \
    c3 = ROL(x3, r3);                                                                              \
    c4 = ROL(x4, r4);                                                                              \
    T##y##a = c0 ^ (~c1 & c2);                                                                     \
    T##y##e = c1 ^ (~c2 & c3);                                                                     \
    T##y##i = c2 ^ (~c3 & c4);                                                                     \
    T##y##o = c3 ^ (~c4 & c0);                                                                     \
    T##y##u = c4 ^ (~c0 & c1)

#define ROUND(S, T, rc)                                                                            \
    do {                                                                                           \
        uint64_t c0 = PARITY(S, a), c1 = PARITY(S, e), c2 = PARITY(S, i), c3 = PARITY(S, o),       \
                 c4 = PARITY(S, u);                                                                \
        const uint64_t da = c4 ^ ROL(c1, 1), de = c0 ^ ROL(c2, 1), di = c1 ^ ROL(c3, 1),           \
                       do_ = c2 ^ ROL(c4, 1), du = c3 ^ ROL(c0, 1);                                 \
        PLANE(T, b, S##ba ^ da, 0, S##ge ^ de, 44, S##ki ^ di, 43, S##mo ^ do_, 21, S##su ^ du,     \
              14);                                                                                 \
        T##ba ^= (rc);                                                                             \
        PLANE(T, g, S##bo ^ do_, 28, S##gu ^ du, 20, S##ka ^ da, 3, S##me ^ de, 45, S##si ^ di,     \
              61);                                                                                 \
        PLANE(T, k, S##be ^ de, 1, S##gi ^ di, 6, S##ko ^ do_, 25, S##mu ^ du, 8, S##sa ^ da, 18);  \
        PLANE(T, m, S##bu ^ du, 27, S##ga ^ da, 36, S##ke ^ de, 10, S##mi ^ di, 15, S##so ^ do_,    \
              56);                                                                                 \
        PLANE(T, s, S##bi ^ di, 62, S##go ^ do_, 55, S##ku ^ du, 39, S##ma ^ da, 41, S##se ^ de,    \
              2);                                                                                  \
    } while (0)

void bc_keccak_f1600(uint64_t s[25])
{
    LANES(a);
    LANES(e);
    aba = s[0], abe = s[1], abi = s[2], abo = s[3], abu = s[4];
    aga = s[5], age = s[6], agi = s[7], ago = s[8], agu = s[9];
    aka = s[10], ake = s[11], aki = s[12], ako = s[13], aku = s[14];
    ama = s[15], ame = s[16], ami = s[17], amo = s[18], amu = s[19];
    asa = s[20], ase = s[21], asi = s[22], aso = s[23], asu = s[24];
    for (int i = 0; i < 24; i += 2) {
        ROUND(a, e, round_constants[i]);
        ROUND(e, a, round_constants[i + 1]);
    }
    s[0] = aba, s[1] = abe, s[2] = abi, s[3] = abo, s[4] = abu;
    s[5] = aga, s[6] = age, s[7] = agi, s[8] = ago, s[9] = agu;
    s[10] = aka, s[11] = ake, s[12] = aki, s[13] = ako, s[14] = aku;
    s[15] = ama, s[16] = ame, s[17] = ami, s[18] = amo, s[19] = amu;
    s[20] = asa, s[21] = ase, s[22] = asi, s[23] = aso, s[24] = asu;
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
