/* One round of Keccak-f[1600] for whatever holds a lane: a word, or a vector with a lane of as many
 * states as it has elements. Private to the kernels. The includer defines LANE (the type) and
 *   XOR(a, b)        a ^ b
 *   ROL(x, n)        left rotation by a constant 1..63
 *   CHI(a, b, c)     a ^ (~b & c)
 *   PARITY(a..e)     a ^ b ^ c ^ d ^ e
 *   IOTA(x, rc)      x ^ the round constant */
#ifndef BC_CRYPTO_KECCAK_ROUND_H
#define BC_CRYPTO_KECCAK_ROUND_H

#include <stdint.h>

static const uint64_t keccak_iota[24] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
    0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
    0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
    0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
    0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

/* Lane names: first letter of the plane (b g k m s), second of the sheet (a e i o u). */
#define KECCAK_LANES(p)                                                                            \
    LANE p##ba, p##be, p##bi, p##bo, p##bu, p##ga, p##ge, p##gi, p##go, p##gu, p##ka, p##ke,       \
        p##ki, p##ko, p##ku, p##ma, p##me, p##mi, p##mo, p##mu, p##sa, p##se, p##si, p##so, p##su

/* MOVE(lane, index) for each lane of p in the order of the state's array. */
#define KECCAK_EACH(MOVE, p)                                                                       \
    MOVE(p##ba, 0), MOVE(p##be, 1), MOVE(p##bi, 2), MOVE(p##bo, 3), MOVE(p##bu, 4);                \
    MOVE(p##ga, 5), MOVE(p##ge, 6), MOVE(p##gi, 7), MOVE(p##go, 8), MOVE(p##gu, 9);                \
    MOVE(p##ka, 10), MOVE(p##ke, 11), MOVE(p##ki, 12), MOVE(p##ko, 13), MOVE(p##ku, 14);           \
    MOVE(p##ma, 15), MOVE(p##me, 16), MOVE(p##mi, 17), MOVE(p##mo, 18), MOVE(p##mu, 19);           \
    MOVE(p##sa, 20), MOVE(p##se, 21), MOVE(p##si, 22), MOVE(p##so, 23), MOVE(p##su, 24)

#define KECCAK_PARITY(p, x) PARITY(p##b##x, p##g##x, p##k##x, p##m##x, p##s##x)

/* One output plane: chi over five lanes, which theta corrects and rho rotates. */
#define KECCAK_PLANE(T, y, x0, x1, r1, x2, r2, x3, r3, x4, r4)                                     \
    c0 = (x0);                                                                                     \
    c1 = ROL(x1, r1);                                                                              \
    c2 = ROL(x2, r2);                                                                              \
    c3 = ROL(x3, r3);                                                                              \
    c4 = ROL(x4, r4);                                                                              \
    T##y##a = CHI(c0, c1, c2);                                                                     \
    T##y##e = CHI(c1, c2, c3);                                                                     \
    T##y##i = CHI(c2, c3, c4);                                                                     \
    T##y##o = CHI(c3, c4, c0);                                                                     \
    T##y##u = CHI(c4, c0, c1)

/* Of the orders of the planes, gcc schedules this one best for AVX-512VL; words hardly care. */
#define KECCAK_ROUND(S, T, rc)                                                                     \
    do {                                                                                           \
        LANE c0 = KECCAK_PARITY(S, a), c1 = KECCAK_PARITY(S, e), c2 = KECCAK_PARITY(S, i),         \
             c3 = KECCAK_PARITY(S, o), c4 = KECCAK_PARITY(S, u);                                   \
        const LANE da = XOR(c4, ROL(c1, 1)), de = XOR(c0, ROL(c2, 1)), di = XOR(c1, ROL(c3, 1)),   \
                   do_ = XOR(c2, ROL(c4, 1)), du = XOR(c3, ROL(c0, 1));                            \
        KECCAK_PLANE(T, s, ROL(XOR(S##bi, di), 62), XOR(S##go, do_), 55, XOR(S##ku, du), 39,       \
                     XOR(S##ma, da), 41, XOR(S##se, de), 2);                                       \
        KECCAK_PLANE(T, m, ROL(XOR(S##bu, du), 27), XOR(S##ga, da), 36, XOR(S##ke, de), 10,        \
                     XOR(S##mi, di), 15, XOR(S##so, do_), 56);                                     \
        KECCAK_PLANE(T, g, ROL(XOR(S##bo, do_), 28), XOR(S##gu, du), 20, XOR(S##ka, da), 3,        \
                     XOR(S##me, de), 45, XOR(S##si, di), 61);                                      \
        KECCAK_PLANE(T, b, XOR(S##ba, da), XOR(S##ge, de), 44, XOR(S##ki, di), 43,                 \
                     XOR(S##mo, do_), 21, XOR(S##su, du), 14);                                     \
        T##ba = IOTA(T##ba, rc);                                                                   \
        KECCAK_PLANE(T, k, ROL(XOR(S##be, de), 1), XOR(S##gi, di), 6, XOR(S##ko, do_), 25,         \
                     XOR(S##mu, du), 8, XOR(S##sa, da), 18);                                       \
    } while (0)

/* All 24, from a to a; e is room. */
#define KECCAK_ROUNDS                                                                              \
    for (int i = 0; i < 24; i += 2) {                                                              \
        KECCAK_ROUND(a, e, keccak_iota[i]);                                                        \
        KECCAK_ROUND(e, a, keccak_iota[i + 1]);                                                    \
    }

#endif
