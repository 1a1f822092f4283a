/* Bytes of consensus messages: the vectors of spec/30 §9. Captured ones: tests/wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/log.h"
#include "codec/hex.h"
#include "pbft_impl.h"

#define H "1111111111111111111111111111111111111111111111111111111111111111"
#define BASE "10051a20" H "20032880d095ffbc313002"
#define SIG_H                                                                                      \
    "e7c93726a865578504442b1a6827f676e0ed74bdff2be3960d1e253bbcfc44626aa772b878bc912bdbb33a0014ec" \
    "507c4b3896ea85aa914b74dee9b7ac3e56da01"
#define SIG_BASE                                                                                   \
    "a641ef3c4d97527b42a98b2eb44ec541cf69fc4f5eacd2912c82a72fc9c2e7244541d698f17bd090ff214cde0f72" \
    "6e989ad2e3279ddad2e7d23a1db1b57e402e00"

static bc_keypair_t key_one(void)
{
    bc_keypair_t k;
    uint8_t secret[32] = { 0 };
    secret[31] = 1;
    assert_int_equal(bc_keypair_from_secret(BC_SUITE_STANDARD, secret, &k), BC_OK);
    return k;
}

static void assert_hex(bc_bytes_t v, const char *hex)
{
    bc_wr_t w = { 0 };
    assert_int_equal(bc_hex_append(bc_cstr(hex), &w), BC_OK);
    assert_int_equal(v.n, w.n);
    assert_memory_equal(v.p, w.p, w.n);
    bc_wr_free(&w);
}

static pbft_msg_t message(int32_t type, int64_t index, int64_t view)
{
    pbft_msg_t m = { .type = type, .has_base = true };
    m.base.index = index;
    m.base.view = view;
    m.base.timestamp = 1700000000000;
    m.base.from = 2;
    m.base.has_hash = true;
    memset(m.base.hash.b, 0x11, 32);
    return m;
}

static void sign(const bc_keypair_t *k, pbft_msg_t *m, uint8_t sig[BC_SIG_MAX])
{
    pbft_digest(BC_SUITE_STANDARD, m, &m->digest);
    m->sig = bc_bytes(sig, bc_sign(k, &m->digest, sig));
}

static void prepare_and_pre_prepare(void **state)
{
    (void)state;
    bc_keypair_t k = key_one();
    uint8_t sig[BC_SIG_MAX], psig[BC_SIG_MAX];
    pbft_msg_t m = message(PBFT_PREPARE, 5, 3);
    sign(&k, &m, sig);
    assert_hex(BC_VIEW(m.digest), "0891ce9c0d442526d4796102b03290ddfb1fd59bd8e1f954a58818547c4ca041");
    assert_hex(m.sig, SIG_BASE);
    m.has_proposal = true;
    m.proposal = (pbft_proposal_t){ .has_raw = true, .has_hash = true, .index = 5, .sealer = 1,
                                    .hash = m.base.hash };
    m.proposal.sig = bc_bytes(psig, bc_sign(&k, &m.base.hash, psig));
    assert_hex(m.proposal.sig, SIG_H);
    bc_buf_t *b = pbft_encode(&m);
    assert_int_equal(b->n, 230);
    assert_hex(bc_buf_view(b), "100122e1010a2f" BASE "126b0a6908051220" H "2241" SIG_H "30012241" SIG_BASE);
    bc_buf_unref(b);
    m.type = PBFT_PRE_PREPARE;
    b = pbft_encode(&m);
    assert_int_equal(b->p[0], 0x22);
    bc_buf_unref(b);
}

static pbft_msg_t view_change(void)
{
    pbft_msg_t m = message(PBFT_VIEW_CHANGE, 4, 4);
    m.has_proposal = true;
    m.proposal = (pbft_proposal_t){ .has_raw = true, .has_hash = true, .index = 4, .hash = m.base.hash };
    return m;
}

static void view_change_alone_and_nested(void **state)
{
    (void)state;
    bc_keypair_t k = key_one();
    uint8_t sig[BC_SIG_MAX], nsig[BC_SIG_MAX];
    pbft_msg_t m = view_change();
    sign(&k, &m, sig);
    assert_hex(BC_VIEW(m.digest), "b46f1bd50a9b6d07b9e4aa181eec657ab7567409cd5d987bcc851343218fc91e");
    pbft_msg_t nv = message(PBFT_NEW_VIEW, 4, 4);
    nv.vcs = &m;
    nv.vc_cnt = 1;
    sign(&k, &nv, nsig);
    bc_buf_t *b = pbft_encode(&nv);

    pbft_msg_t got;
    bc_arena_t arena = { 0 };
    assert_int_equal(pbft_decode(BC_SUITE_STANDARD, bc_buf_view(b), &got, &arena), BC_OK);
    assert_int_equal(got.vc_cnt, 1);
    assert_memory_equal(&got.vcs[0].digest, &m.digest, 32);
    assert_memory_equal(&got.digest, &nv.digest, 32);
    assert_true(bc_verify(BC_SUITE_STANDARD, &k.pub, &got.vcs[0].digest, got.vcs[0].sig));

    /* another digest carried in field 7 changes nothing: it is recomputed (W4) */
    uint8_t *at = memmem(b->p, b->n, m.digest.b, 32);
    assert_non_null(at);
    at[0] ^= 1;
    bc_arena_reset(&arena);
    assert_int_equal(pbft_decode(BC_SUITE_STANDARD, bc_buf_view(b), &got, &arena), BC_OK);
    assert_memory_equal(&got.vcs[0].digest, &m.digest, 32);
    at[0] ^= 1;
    /* and a changed committed hash is another message */
    at = memmem(b->p + 64, b->n - 64, (uint8_t[]){ 0x0a, 0x24, 0x08, 0x04, 0x12, 0x20 }, 6);
    assert_non_null(at);
    at[6] ^= 1;
    bc_arena_reset(&arena);
    assert_int_equal(pbft_decode(BC_SUITE_STANDARD, bc_buf_view(b), &got, &arena), BC_OK);
    assert_false(bc_verify(BC_SUITE_STANDARD, &k.pub, &got.vcs[0].digest, got.vcs[0].sig));
    bc_arena_free(&arena);
    bc_buf_unref(b);
}

static void proofs_and_requests(void **state)
{
    (void)state;
    pbft_sig_t sigs[] = { { 0, BC_STR("\xaa") }, { 1, BC_STR("\xbb") }, { 3, BC_STR("\xcc") } };
    pbft_proposal_t w = { .has_raw = true, .has_hash = true, .index = 5, .proof = sigs, .proof_cnt = 3 };
    memset(w.hash.b, 0x11, 32);
    bc_buf_t *b = pbft_proposal_encode(&w);
    assert_hex(bc_buf_view(b), "0a2408051220" H "12030001031a01aa1a01bb1a01cc");
    bc_arena_t arena = { 0 };
    pbft_proposal_t back;
    assert_int_equal(pbft_proposal_decode(bc_buf_view(b), &back, &arena), BC_OK);
    assert_int_equal(back.proof_cnt, 3);
    assert_int_equal(back.proof[2].node, 3);
    bc_buf_unref(b);
    bc_arena_free(&arena);

    pbft_msg_t rq = { .type = PBFT_COMMITTED_REQUEST, .has_base = true, .size = 1 };
    rq.base.index = 7;
    b = pbft_encode(&rq);
    assert_hex(bc_buf_view(b), "100522060a0210071001");
    bc_buf_unref(b);
}

#define RAW   "0a2408051220" H
#define PROOF "12030001031a01aa1a01bb1a01cc"

/* What shows the view of a proof comes after the fields of official nodes, for all signatures or none. */
static void proofs_that_show_their_view(void **state)
{
    (void)state;
    pbft_sig_t sigs[] = { { 0, BC_STR("\xaa"), 5, BC_STR("\x0a") },
                          { 1, BC_STR("\xbb"), 300, BC_STR("\x0b\x0b") },
                          { 3, BC_STR("\xcc"), 7, BC_STR("\x0c") } };
    pbft_proposal_t back, w = { .has_raw = true, .has_hash = true, .index = 5, .proof = sigs, .proof_cnt = 3 };
    memset(w.hash.b, 0x11, 32);
    bc_buf_t *b = pbft_proposal_encode(&w);
    assert_hex(bc_buf_view(b), RAW PROOF "aa060405ac0207b206010ab206020b0bb206010c");
    bc_arena_t arena = { 0 };
    assert_int_equal(pbft_proposal_decode(bc_buf_view(b), &back, &arena), BC_OK);
    assert_int_equal(back.proof_cnt, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(back.proof[i].node, sigs[i].node);
        assert_int_equal(back.proof[i].time, sigs[i].time);
        assert_true(bc_bytes_eq(back.proof[i].sig, sigs[i].sig));
        assert_true(bc_bytes_eq(back.proof[i].vote, sigs[i].vote));
    }
    bc_buf_unref(b);
    bc_arena_free(&arena);
    for (size_t i = 0; i < 3; i++) {
        bc_bytes_t vote = sigs[i].vote;
        sigs[i].vote.n = 0;
        b = pbft_proposal_encode(&w);
        assert_hex(bc_buf_view(b), RAW PROOF);
        bc_buf_unref(b);
        sigs[i].vote = vote;
    }
}

static void a_proposal_comes_back_whole(void **state)
{
    (void)state;
    pbft_proposal_t back, w = { .has_raw = true, .has_hash = true, .system = true, .index = 5, .sealer = 3,
                                .data = BC_STR("data"), .sig = BC_STR("sig"), .extra = BC_STR("extra") };
    memset(w.hash.b, 0x11, 32);
    bc_buf_t *b = pbft_proposal_encode(&w);
    bc_arena_t arena = { 0 };
    assert_int_equal(pbft_proposal_decode(bc_buf_view(b), &back, &arena), BC_OK);
    assert_true(back.has_raw && back.has_hash && back.system);
    assert_int_equal(back.index, 5);
    assert_int_equal(back.sealer, 3);
    assert_memory_equal(&back.hash, &w.hash, 32);
    assert_true(bc_bytes_eq(back.data, w.data));
    assert_true(bc_bytes_eq(back.sig, w.sig));
    assert_true(bc_bytes_eq(back.extra, w.extra));
    assert_int_equal(back.proof_cnt, 0);
    bc_buf_unref(b);
    bc_arena_free(&arena);
}

static void counts_of_a_proof_must_agree(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        bc_err_t err;
    } cases[] = {
        { RAW PROOF "aa0603050607b206010ab206010bb206010c", BC_OK },
        { RAW PROOF "aa0603050607b206010ab20600b206010c", BC_OK }, /* empty ones show nothing */
        { RAW PROOF, BC_OK },
        { RAW, BC_OK },
        { RAW "12030001031a01aa1a01bb", BC_E_FORMAT },
        { RAW PROOF "aa06020506b206010ab206010bb206010c", BC_E_FORMAT },
        { RAW PROOF "aa0603050607b206010ab206010b", BC_E_FORMAT },
        { RAW PROOF "aa06020506b206010ab206010b", BC_E_FORMAT },
        { RAW PROOF "aa060405060708b206010ab206010bb206010cb206010d", BC_E_FORMAT },
        { RAW PROOF "aa0603050607", BC_E_FORMAT },
        { RAW PROOF "b206010ab206010bb206010c", BC_E_FORMAT },
        { RAW "aa060105b206010a", BC_E_FORMAT },
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++) {
        bc_wr_t w = { 0 };
        bc_arena_t arena = { 0 };
        pbft_proposal_t got;
        assert_int_equal(bc_hex_append(bc_cstr(cases[i].hex), &w), BC_OK);
        if (pbft_proposal_decode(bc_wr_view(&w), &got, &arena) != cases[i].err)
            fail_msg("case %zu", i);
        bc_wr_free(&w);
        bc_arena_free(&arena);
    }
}

static void put_len(bc_wr_t *w, size_t n)
{
    for (; n > 127; n >>= 7)
        bc_wr_u8(w, (uint8_t)(n | 128));
    bc_wr_u8(w, (uint8_t)n);
}

/* Empty signatures are cheap to send; keeping them is not. */
static void long_proofs_cost_a_multiple_of_their_bytes(void **state)
{
    (void)state;
    for (size_t n = 1; n < 300000; n = 2 * n + 1) {
        bc_wr_t q = { 0 }, v = { 0 }, w = { 0 };
        bc_wr_put(&q, BC_STR("\x12"));
        put_len(&q, n);
        for (size_t i = 0; i < n; i++)
            bc_wr_u8(&q, 1);
        for (size_t i = 0; i < n; i++)
            bc_wr_put(&q, BC_STR("\x1a\x00"));
        bc_wr_put(&v, BC_STR("\x12"));
        put_len(&v, q.n);
        bc_wr_put(&v, bc_wr_view(&q));
        bc_wr_put(&w, BC_STR("\x10\x01\x22"));
        put_len(&w, v.n);
        bc_wr_put(&w, bc_wr_view(&v));
        bc_arena_t arena = { 0 };
        pbft_msg_t m;
        bc_err_t err = pbft_decode(BC_SUITE_STANDARD, bc_wr_view(&w), &m, &arena);
        assert_true(err == BC_OK ? m.proposal.proof_cnt == n : n > 500);
        assert_true(arena.used < 20 * w.n + (1 << 17));
        bc_arena_free(&arena);
        bc_wr_free(&q);
        bc_wr_free(&v);
        bc_wr_free(&w);
    }
}

static void malformed_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "10",               /* truncated */
        "107f2200",         /* unknown type */
        "100322021200",     /* view change without base */
        "1001220300",       /* length beyond the end */
        "10012208120612010022000a", /* unequal proof lists, cut */
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(bad); i++) {
        bc_wr_t w = { 0 };
        bc_arena_t arena = { 0 };
        pbft_msg_t m;
        assert_int_equal(bc_hex_append(bc_cstr(bad[i]), &w), BC_OK);
        assert_int_not_equal(pbft_decode(BC_SUITE_STANDARD, bc_wr_view(&w), &m, &arena), BC_OK);
        bc_wr_free(&w);
        bc_arena_free(&arena);
    }
    /* many empty proposals in few bytes cost memory: bounded by the input */
    size_t n = 200000;
    bc_wr_t v = { 0 }, w = { 0 };
    for (size_t i = 0; i < n; i++)
        bc_wr_put(&v, BC_STR("\x1a\x00"));
    bc_wr_put(&w, BC_STR("\x10\x06\x22"));
    for (size_t len = v.n; len; len >>= 7)
        bc_wr_u8(&w, (uint8_t)((len & 127) | (len > 127 ? 128 : 0)));
    bc_wr_put(&w, bc_wr_view(&v));
    bc_arena_t arena = { 0 };
    pbft_msg_t m;
    assert_int_not_equal(pbft_decode(BC_SUITE_STANDARD, bc_wr_view(&w), &m, &arena), BC_OK);
    assert_true(arena.used < 20 * w.n + (1 << 17));
    bc_arena_free(&arena);
    bc_wr_free(&v);
    bc_wr_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prepare_and_pre_prepare), cmocka_unit_test(view_change_alone_and_nested),
        cmocka_unit_test(proofs_and_requests),     cmocka_unit_test(proofs_that_show_their_view),
        cmocka_unit_test(a_proposal_comes_back_whole),
        cmocka_unit_test(counts_of_a_proof_must_agree),
        cmocka_unit_test(long_proofs_cost_a_multiple_of_their_bytes), cmocka_unit_test(malformed_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
