/* Notation of the equations: upper case are points, lower case scalars; h is the challenge. */
#include "crypto/zkp.h"

#include <sodium.h>

#include "crypto/ristretto.h"
#include "crypto/suite.h"

enum { WORD = RISTRETTO_BYTES, POINTS_MAX = 9 };

typedef struct {
    uint8_t b[WORD];
} word_t;

/* One product of a sum. */
typedef struct {
    const word_t *scalar, *point;
} term_t;

static bool point_take(bc_bytes_t in, word_t *out)
{
    if (in.n < WORD)
        return false;
    memcpy(out->b, in.p, WORD);
    return ristretto_valid(out->b);
}

/* points[] and scalars[] of a proof, in that order of `layout`: 'p' a point, 's' a scalar. */
static bool proof_take(bc_bytes_t in, const char *layout, word_t *points, word_t *scalars)
{
    if (in.n < strlen(layout) * WORD)
        return false;
    for (const uint8_t *at = in.p; *layout; layout++, at += WORD) {
        word_t *to = *layout == 'p' ? points++ : scalars++;
        memcpy(to->b, at, WORD);
        if (*layout == 's')
            to->b[WORD - 1] &= 0x7f; /* scalars need not be reduced */
        else if (!ristretto_valid(to->b))
            return false;
    }
    return true;
}

static word_t scalar_mul(const word_t *a, const word_t *b)
{
    word_t r;
    crypto_core_ristretto255_scalar_mul(r.b, a->b, b->b);
    return r;
}

static word_t scalar_add(const word_t *a, const word_t *b)
{
    word_t r;
    crypto_core_ristretto255_scalar_add(r.b, a->b, b->b);
    return r;
}

/* a + b less the group's order once, if it is that large: for reduced scalars the sum, and for
 * others what official nodes compare. */
static word_t scalar_add_once(const word_t *a, const word_t *b)
{
    static const uint8_t order[WORD] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
                                         0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10 };
    word_t sum = *a, less;
    sodium_add(sum.b, b->b, WORD);
    less = sum;
    sodium_sub(less.b, order, WORD);
    return sodium_compare(sum.b, order, WORD) >= 0 ? less : sum;
}

static word_t sum_of(const term_t *terms, size_t cnt)
{
    word_t sum = { 0 }, product; /* zeros are the identity */
    for (size_t i = 0; i < cnt; i++) {
        ristretto_mul(terms[i].scalar->b, terms[i].point->b, product.b);
        BC_MUST(crypto_core_ristretto255_add(sum.b, sum.b, product.b) == 0);
    }
    return sum;
}
#define SUM(...)                                                                                   \
    sum_of((const term_t[]){ __VA_ARGS__ },                                                        \
           sizeof((const term_t[]){ __VA_ARGS__ }) / sizeof(term_t))

static bool same(const word_t *a, const word_t *b)
{
    return memcmp(a->b, b->b, WORD) == 0;
}

static word_t challenge(const word_t *const *points, size_t cnt)
{
    uint8_t bytes[POINTS_MAX * WORD], wide[64] = { 0 };
    for (size_t i = 0; i < cnt; i++)
        memcpy(bytes + i * WORD, points[i]->b, WORD);
    bc_h256_t hash;
    bc_keccak256(bc_bytes(bytes, cnt * WORD), &hash);
    memcpy(wide, hash.b, WORD);
    word_t h;
    crypto_core_ristretto255_scalar_reduce(h.b, wide);
    return h;
}
#define CHALLENGE(...)                                                                             \
    challenge((const word_t *const[]){ __VA_ARGS__ },                                              \
              sizeof((const word_t *const[]){ __VA_ARGS__ }) / sizeof(const word_t *))

bool bc_zkp_either_equality(bc_bytes_t c1, bc_bytes_t c2, bc_bytes_t c3, bc_bytes_t proof,
                            bc_bytes_t value_base, bc_bytes_t blinding_base)
{
    word_t C1, C2, C3, V, B, s[8];
    if (!point_take(c1, &C1) || !point_take(c2, &C2) || !point_take(c3, &C3) ||
        !proof_take(proof, "ssssssss", NULL, s) || !point_take(value_base, &V) ||
        !point_take(blinding_base, &B))
        return false;
    const word_t *check1 = &s[0], *check2 = &s[1], *m = s + 2;
    word_t t1 = SUM({ check1, &C2 }, { &m[0], &V }, { &m[1], &B });
    word_t t2 = SUM({ check1, &C1 }, { &m[0], &V }, { &m[2], &B });
    word_t t3 = SUM({ check2, &C3 }, { &m[3], &V }, { &m[4], &B });
    word_t t4 = SUM({ check2, &C1 }, { &m[3], &V }, { &m[5], &B });
    word_t h = CHALLENGE(&t1, &t2, &t3, &t4, &C1, &C2, &C3, &V, &B);
    word_t both = scalar_add_once(check1, check2);
    return same(&h, &both);
}

bool bc_zkp_knowledge(bc_bytes_t c, bc_bytes_t proof, bc_bytes_t value_base,
                      bc_bytes_t blinding_base)
{
    word_t C, V, B, T, m[2];
    if (!point_take(c, &C) || !proof_take(proof, "pss", &T, m) || !point_take(value_base, &V) ||
        !point_take(blinding_base, &B))
        return false;
    word_t h = CHALLENGE(&T, &C, &V, &B);
    word_t t = SUM({ &h, &C }, { &m[0], &V }, { &m[1], &B });
    return same(&t, &T);
}

bool bc_zkp_format(bc_bytes_t c1, bc_bytes_t c2, bc_bytes_t proof, bc_bytes_t base1,
                   bc_bytes_t base2, bc_bytes_t blinding_base)
{
    word_t C1, C2, V1, V2, B, T[2], m[2];
    if (!point_take(c1, &C1) || !point_take(c2, &C2) || !proof_take(proof, "ppss", T, m) ||
        !point_take(base1, &V1) || !point_take(base2, &V2) || !point_take(blinding_base, &B))
        return false;
    word_t h = CHALLENGE(&T[0], &T[1], &C1, &C2, &V1, &V2, &B);
    word_t t1 = SUM({ &h, &C1 }, { &m[0], &V1 }, { &m[1], &B });
    word_t t2 = SUM({ &h, &C2 }, { &m[1], &V2 });
    return same(&t1, &T[0]) && same(&t2, &T[1]);
}

/* What the proofs of sums and products share. */
typedef struct {
    word_t C1, C2, C3, V, B, T[3], m[5], h;
} arithmetic_t;

static bool arithmetic_take(arithmetic_t *a, bc_bytes_t c1, bc_bytes_t c2, bc_bytes_t c3,
                            bc_bytes_t proof, bc_bytes_t value_base, bc_bytes_t blinding_base)
{
    if (!point_take(c1, &a->C1) || !point_take(c2, &a->C2) || !point_take(c3, &a->C3) ||
        !proof_take(proof, "pppsssss", a->T, a->m) || !point_take(value_base, &a->V) ||
        !point_take(blinding_base, &a->B))
        return false;
    a->h = CHALLENGE(&a->T[0], &a->T[1], &a->T[2], &a->C1, &a->C2, &a->C3, &a->V);
    word_t t1 = SUM({ &a->m[0], &a->V }, { &a->m[1], &a->B }, { &a->h, &a->C1 });
    word_t t2 = SUM({ &a->m[2], &a->V }, { &a->m[3], &a->B }, { &a->h, &a->C2 });
    return same(&t1, &a->T[0]) && same(&t2, &a->T[1]);
}

bool bc_zkp_sum(bc_bytes_t c1, bc_bytes_t c2, bc_bytes_t c3, bc_bytes_t proof,
                bc_bytes_t value_base, bc_bytes_t blinding_base)
{
    arithmetic_t a;
    if (!arithmetic_take(&a, c1, c2, c3, proof, value_base, blinding_base))
        return false;
    word_t m13 = scalar_add(&a.m[0], &a.m[2]);
    word_t t3 = SUM({ &m13, &a.V }, { &a.m[4], &a.B }, { &a.h, &a.C3 });
    return same(&t3, &a.T[2]);
}

bool bc_zkp_product(bc_bytes_t c1, bc_bytes_t c2, bc_bytes_t c3, bc_bytes_t proof,
                    bc_bytes_t value_base, bc_bytes_t blinding_base)
{
    arithmetic_t a;
    if (!arithmetic_take(&a, c1, c2, c3, proof, value_base, blinding_base))
        return false;
    word_t m13 = scalar_mul(&a.m[0], &a.m[2]), hh = scalar_mul(&a.h, &a.h);
    word_t hm3 = scalar_mul(&a.h, &a.m[2]), hm1 = scalar_mul(&a.h, &a.m[0]);
    word_t t3 =
        SUM({ &m13, &a.V }, { &a.m[4], &a.B }, { &hh, &a.C3 }, { &hm3, &a.C1 }, { &hm1, &a.C2 });
    return same(&t3, &a.T[2]);
}

bool bc_zkp_equality(bc_bytes_t c1, bc_bytes_t c2, bc_bytes_t proof, bc_bytes_t base1,
                     bc_bytes_t base2)
{
    word_t C1, C2, V1, V2, T[2], m;
    if (!point_take(c1, &C1) || !point_take(c2, &C2) || !proof_take(proof, "spp", T, &m) ||
        !point_take(base1, &V1) || !point_take(base2, &V2))
        return false;
    word_t h = CHALLENGE(&T[0], &T[1], &C1, &C2, &V1, &V2);
    word_t t1 = SUM({ &m, &V1 }, { &h, &C1 });
    word_t t2 = SUM({ &m, &V2 }, { &h, &C2 });
    return same(&t1, &T[0]) && same(&t2, &T[1]);
}

bool bc_zkp_aggregate(bc_bytes_t a, bc_bytes_t b, uint8_t out[32])
{
    word_t A, B;
    return point_take(a, &A) && point_take(b, &B) &&
           crypto_core_ristretto255_add(out, A.b, B.b) == 0;
}
