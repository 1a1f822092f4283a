/* Paillier and zero-knowledge proofs as transactions see them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "computing/executor/fixture.h"

/* One call of signature(args), all `bytes` or `string`; the receipt's output, status 0. */
static bc_bytes_t ask(fx_t *f, uint32_t contract, const char *signature, const bc_bytes_t *args,
                      size_t cnt)
{
    bc_abi_val_t v[8];
    for (size_t i = 0; i < cnt; i++)
        v[i] = bc_abi_bytes(args[i]);
    bc_wr_t w = { 0 };
    fx_input_t in = fx_input(f, signature);
    bc_wr_put(&w, bc_bytes(in.b, 4));
    char type[64] = "(bytes", *at = type + 6;
    for (size_t i = 1; i < cnt; i++, at += 6)
        memcpy(at, ",bytes", 7);
    memcpy(at, ")", 2);
    bc_abi_val_t t = { .items = v, .cnt = cnt };
    assert_int_equal(bc_abi_encode(type, &t, &w), BC_OK);
    bc_addr_t from = fx_addr(1), to = bc_addr_of(contract);
    fx_tx(f, &from, &to, bc_wr_view(&w));
    assert_int_equal(fx_run(f), BC_OK);
    assert_int_equal(f->res->receipts[0].data.status, 0);
    bc_wr_free(&w);
    return f->res->receipts[0].data.output;
}

static int64_t int_of(bc_bytes_t word)
{
    assert_true(word.n >= 32);
    return (int64_t)bc_load_be64(word.p + 24);
}

/* 12 and 30 under the key n = 0xffffffffffffff720000000000001321, and their sum, which decrypts to
 * 42; made with another implementation. */
#define N "0010ffffffffffffff720000000000001321"
static const char twelve[] = N "63b7e6271667dd268af25a8a87dad6b282712a6fb26301379048569a37e7e734",
                  thirty[] = N "75eb1cc11608142dc9fb6a2e96e1e2b97e63528df2797c6e539822bcfc90acbc",
                  sum[] = "0010FFFFFFFFFFFFFF72000000000000132"
                          "11521C6345FF257791AA1A5B1B651366B249E315CCD5F87679F1CE7C89EC96EE2";

static void paillier_adds_what_it_cannot_read(void **state)
{
    (void)state;
    static const char *const text = "paillierAdd(string,string)", *const raw =
                                                                      "paillierAdd(bytes,bytes)";
    fx_t *f = fx_new(BC_SUITE_STANDARD);
    bc_bytes_t out =
        ask(f, BC_SYS_PAILLIER, text, (bc_bytes_t[]){ bc_cstr(twelve), bc_cstr(thirty) }, 2);
    assert_int_equal(bc_load_be64(out.p + 56), strlen(sum));
    assert_memory_equal(out.p + 64, sum, strlen(sum));

    bc_bytes_t a = fx_unhex(twelve), b = fx_unhex(thirty), c = fx_unhex(sum);
    out = ask(f, BC_SYS_PAILLIER, raw, (bc_bytes_t[]){ a, b }, 2);
    assert_int_equal(int_of(out), -50101); /* not before its feature */
    fx_config(f, "feature_paillier_add_raw", "1");
    out = ask(f, BC_SYS_PAILLIER, raw, (bc_bytes_t[]){ a, b }, 2);
    assert_int_equal(bc_load_be64(out.p + 56), c.n);
    assert_memory_equal(out.p + 64, c.p, c.n);

    char other[sizeof twelve];
    const struct {
        size_t at;
        char c;
    } bad[] = { { 5, 'e' }, { 4, 'F' }, { 40, 'x' }, { 3, '4' }, { 35, '2' } };
    for (size_t i = 0; i < BC_ARRAY_LEN(bad);
         i++) { /* another key, spelt otherwise, no hex, length, even */
        memcpy(other, twelve, sizeof other);
        other[bad[i].at] = bad[i].c;
        out = ask(f, BC_SYS_PAILLIER, text,
                  (bc_bytes_t[]){ bc_cstr(other), bc_cstr(i < 3 ? thirty : other) }, 2);
        assert_int_equal(int_of(out), -51600);
    }
    out = ask(f, BC_SYS_PAILLIER, text, (bc_bytes_t[]){ BC_STR(""), BC_STR("") }, 2);
    assert_int_equal(int_of(out), -51600);
    out = ask(f, BC_SYS_PAILLIER, raw,
              (bc_bytes_t[]){ bc_bytes(a.p, a.n - 1), bc_bytes(b.p, b.n - 1) }, 2);
    assert_int_equal(int_of(out), -51600);
    free((void *)a.p);
    free((void *)b.p);
    free((void *)c.p);
    fx_free(f);
}

/* At most six words of the line of that kind in tests/vectors/zkp.txt. */
static size_t line_of(const char *kind, bc_bytes_t *out)
{
    FILE *f = fopen("tests/vectors/zkp.txt", "r");
    assert_non_null(f);
    char text[2048], *save, *word = NULL;
    do {
        assert_non_null(fgets(text, sizeof text, f));
        word = strtok_r(text, " \n", &save);
    } while (strcmp(word, kind));
    size_t cnt = 0;
    while ((word = strtok_r(NULL, " \n", &save)))
        out[cnt++] = fx_unhex(word);
    fclose(f);
    return cnt;
}

static void proofs_are_verified(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *signature;
        const char *order; /* digits: words of the line; V, B: the bases */
    } cases[] = {
        { "either_zero", "verifyEitherEqualityProof(bytes,bytes,bytes,bytes,bytes,bytes)",
          "0123VB" },
        { "knowledge", "verifyKnowledgeProof(bytes,bytes,bytes,bytes)", "01VB" },
        { "format", "verifyFormatProof(bytes,bytes,bytes,bytes,bytes,bytes)", "013V2B" },
        { "sum", "verifySumProof(bytes,bytes,bytes,bytes,bytes,bytes)", "0123VB" },
        { "product", "verifyProductProof(bytes, bytes, bytes, bytes, bytes, bytes)", "0123VB" },
        { "equality", "verifyEqualityProof(bytes,bytes,bytes,bytes,bytes)", "012VB" },
    };
    fx_t *f = fx_new(BC_SUITE_STANDARD);
    bc_bytes_t v, b, words[6], args[6];
    line_of("V", &v);
    line_of("B", &b);
    for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++) {
        size_t n = line_of(cases[i].kind, words), cnt = strlen(cases[i].order);
        for (size_t k = 0; k < cnt; k++) {
            char c = cases[i].order[k];
            args[k] = c == 'V' ? v : c == 'B' ? b : words[c - '0'];
        }
        assert_int_equal(int_of(ask(f, BC_SYS_ZKP, cases[i].signature, args, cnt)), 1);
        args[0] = b;
        assert_int_equal(int_of(ask(f, BC_SYS_ZKP, cases[i].signature, args, cnt)), 0);
        while (n)
            free((void *)words[--n].p);
    }
    bc_bytes_t sum_of[6];
    line_of("aggregate", sum_of);
    size_t n = line_of("equality", words);
    bc_bytes_t out = ask(f, BC_SYS_ZKP, "aggregatePoint(bytes,bytes)", words, 2);
    assert_int_equal(int_of(out), 0);
    assert_memory_equal(out.p + 96, sum_of[0].p, 32);
    out = ask(f, BC_SYS_ZKP, "aggregatePoint(bytes,bytes)",
              (bc_bytes_t[]){ BC_STR("any"), BC_STR("") }, 2);
    assert_int_equal(int_of(out), 0); /* an empty share changes nothing */
    assert_memory_equal(out.p + 96, "any", 3);
    out = ask(f, BC_SYS_ZKP, "aggregatePoint(bytes,bytes)",
              (bc_bytes_t[]){ BC_STR("any"), words[0] }, 2);
    assert_int_equal(int_of(out), -1);
    while (n)
        free((void *)words[--n].p);
    free((void *)sum_of[0].p);
    free((void *)v.p);
    free((void *)b.p);
    fx_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paillier_adds_what_it_cannot_read),
        cmocka_unit_test(proofs_are_verified),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
