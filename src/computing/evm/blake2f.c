/* The compression function of BLAKE2b (RFC 7693, section 3.2) with a free number of rounds, as
 * EIP-152 makes it a precompiled contract. */
#include "computing/evm/precompile.h"

static const uint64_t iv[8] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

static const uint8_t sigma[10][16] = {
    { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
    { 14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3 },
    { 11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4 },
    { 7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8 },
    { 9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13 },
    { 2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9 },
    { 12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11 },
    { 13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10 },
    { 6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5 },
    { 10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0 },
};

static uint64_t load_le64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8); /* the build is for little-endian machines */
    return v;
}

static inline uint64_t rotr(uint64_t v, unsigned n)
{
    return v >> n | v << (64 - n);
}

#define MIX(a, b, c, d, x, y)                                                                      \
    do {                                                                                           \
        (a) += (b) + (x);                                                                          \
        (d) = rotr((d) ^ (a), 32);                                                                 \
        (c) += (d);                                                                                \
        (b) = rotr((b) ^ (c), 24);                                                                 \
        (a) += (b) + (y);                                                                          \
        (d) = rotr((d) ^ (a), 16);                                                                 \
        (c) += (d);                                                                                \
        (b) = rotr((b) ^ (c), 63);                                                                 \
    } while (0)

/* Up to 2^32 - 1 rounds are asked for: the words of the message are laid out in the order of their
 * use once, and the state is sixteen variables. */
static void mix_rounds(uint64_t v[16], const uint64_t m[16], uint32_t rounds)
{
    uint64_t plan[10][16];
    for (int i = 0; i < 10; i++)
        for (int k = 0; k < 16; k++)
            plan[i][k] = m[sigma[i][k]];
    uint64_t v0 = v[0], v1 = v[1], v2 = v[2], v3 = v[3], v4 = v[4], v5 = v[5], v6 = v[6], v7 = v[7];
    uint64_t v8 = v[8], v9 = v[9], v10 = v[10], v11 = v[11];
    uint64_t v12 = v[12], v13 = v[13], v14 = v[14], v15 = v[15];
    unsigned row = 0;
    for (uint32_t r = 0; r < rounds; r++) {
        const uint64_t *s = plan[row];
        row = row == 9 ? 0 : row + 1;
        MIX(v0, v4, v8, v12, s[0], s[1]);
        MIX(v1, v5, v9, v13, s[2], s[3]);
        MIX(v2, v6, v10, v14, s[4], s[5]);
        MIX(v3, v7, v11, v15, s[6], s[7]);
        MIX(v0, v5, v10, v15, s[8], s[9]);
        MIX(v1, v6, v11, v12, s[10], s[11]);
        MIX(v2, v7, v8, v13, s[12], s[13]);
        MIX(v3, v4, v9, v14, s[14], s[15]);
    }
    const uint64_t end[16] = {
        v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15
    };
    memcpy(v, end, sizeof end);
}

void bc_blake2f(const uint8_t in[213], uint8_t out[64])
{
    uint32_t rounds = (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
    uint64_t h[8], m[16], v[16];
    for (int i = 0; i < 8; i++)
        h[i] = load_le64(in + 4 + 8 * i);
    for (int i = 0; i < 16; i++)
        m[i] = load_le64(in + 68 + 8 * i);
    for (int i = 0; i < 8; i++) {
        v[i] = h[i];
        v[i + 8] = iv[i];
    }
    v[12] ^= load_le64(in + 196);
    v[13] ^= load_le64(in + 204);
    if (in[212])
        v[14] = ~v[14];
    mix_rounds(v, m, rounds);
    for (int i = 0; i < 8; i++) {
        h[i] ^= v[i] ^ v[i + 8];
        memcpy(out + 8 * i, &h[i], 8);
    }
}
