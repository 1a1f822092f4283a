#include "codec_test.h"
#include <gmp.h>
#include <stdio.h>
#include "codec/abi.h"
#include "codec/hex.h"
#include "codec/rlp.h"
#include "fixture.h"

#define DEPTH_MAX 1000 /* of lists in lists */

/* ---- values of both suites ---- */

/* The bytes that a text stands for: low bytes of its code points, which are below U+0800 here. */
static bc_bytes_t text_bytes(fixture_t *f, const char *text)
{
    size_t n = strlen(text), cnt = 0;
    uint8_t *p = bc_arena_alloc(f->arena, n + 1);
    BC_MUST(p != NULL);
    for (size_t i = 0; i < n; i++) {
        uint8_t c = (uint8_t)text[i];
        if (c >= 0xe0 || (c >= 0x80 && i + 1 == n))
            f->bad = true;
        else if (c >= 0x80)
            c = (uint8_t)(c << 6 | ((uint8_t)text[++i] & 0x3f));
        p[cnt++] = c;
    }
    return bc_bytes(p, cnt);
}

/* A number: of JSON, or as text "#decimal". False when v is none. Big-endian without zeros. */
static bool number_bytes(fixture_t *f, const cJSON *v, bc_bytes_t *out)
{
    const char *text = fixture_text(v);
    if (!cJSON_IsNumber(v) && !(text && text[0] == '#'))
        return false;
    char plain[32];
    snprintf(plain, sizeof plain, "%.0f", cJSON_IsNumber(v) ? v->valuedouble : 0);
    mpz_t n;
    mpz_init(n);
    if (mpz_set_str(n, text ? text + 1 : plain, 10) != 0 || mpz_sgn(n) < 0)
        f->bad = true;
    size_t size = mpz_sgn(n) ? (mpz_sizeinbase(n, 2) + 7) / 8 : 0;
    uint8_t *p = bc_arena_alloc(f->arena, size + 1);
    BC_MUST(p != NULL);
    mpz_export(p, NULL, 1, 1, 1, 0, n);
    mpz_clear(n);
    *out = bc_bytes(p, size);
    return true;
}

/* ---- RLP ---- */

static void rlp_put(fixture_t *f, bc_wr_t *w, const cJSON *v)
{
    bc_bytes_t bytes;
    if (cJSON_IsArray(v)) {
        size_t from = w->n;
        const cJSON *item;
        cJSON_ArrayForEach(item, v) rlp_put(f, w, item);
        bc_rlp_wrap_list(w, from);
    } else if (number_bytes(f, v, &bytes) && bytes.n <= 32) {
        bc_u256_t n = bc_u256_from_be(bytes);
        bc_rlp_put_u256(w, &n);
    } else if (number_bytes(f, v, &bytes)) {
        bc_rlp_put_bytes(w, bytes);
    } else if (fixture_text(v)) {
        bc_rlp_put_bytes(w, text_bytes(f, fixture_text(v)));
    } else {
        f->bad = true;
    }
}

/* True when item, as it was read, is v. */
static bool rlp_is(fixture_t *f, const bc_rlp_t *item, const cJSON *v)
{
    bc_bytes_t bytes;
    if (cJSON_IsArray(v)) {
        bc_rd_t r = bc_rd(item->v);
        const cJSON *want;
        bc_rlp_t member;
        bool same = item->list;
        cJSON_ArrayForEach(want, v) same =
            same && bc_rlp_next(&r, &member) == BC_OK && rlp_is(f, &member, want);
        return same && bc_rd_left(&r) == 0;
    }
    if (number_bytes(f, v, &bytes)) {
        bc_u256_t n, want = bc_u256_from_be(bytes);
        bc_err_t err = bc_rlp_u256(item, &n);
        if (bytes.n > 32)
            return err == BC_E_RANGE && bc_bytes_eq(item->v, bytes);
        return err == BC_OK && memcmp(&n, &want, sizeof n) == 0;
    }
    return !item->list && bc_bytes_eq(item->v, text_bytes(f, fixture_text(v)));
}

/* Reads items to the bottom of their lists. */
static bc_err_t rlp_read(bc_rd_t *r, unsigned depth)
{
    bc_rlp_t item;
    bc_err_t err = depth > DEPTH_MAX ? BC_E_TOO_BIG : BC_OK;
    while (!err && bc_rd_left(r)) {
        err = bc_rlp_next(r, &item);
        if (!err && item.list) {
            bc_rd_t members = bc_rd(item.v);
            err = rlp_read(&members, depth + 1);
        }
    }
    return err;
}

/* The whole input is one well-formed item. */
static bool rlp_valid(bc_bytes_t in, bc_rlp_t *item)
{
    bc_rd_t r = bc_rd(in);
    return bc_rlp_single(in, item) == BC_OK && rlp_read(&r, 0) == BC_OK;
}

static const char *rlp_check(fixture_t *f, const cJSON *value, bc_bytes_t encoded)
{
    const char *text = fixture_text(value);
    bc_rlp_t item;
    bool valid = rlp_valid(encoded, &item);
    if (text && strcmp(text, "INVALID") == 0)
        return valid ? "taken, though invalid" : NULL;
    if (!valid)
        return "refused, though valid";
    if (text && strcmp(text, "VALID") == 0)
        return NULL;
    bc_wr_t w = { 0 };
    rlp_put(f, &w, value);
    bool same = !w.err && bc_bytes_eq(bc_wr_view(&w), encoded);
    bc_wr_free(&w);
    if (f->bad)
        return NULL;
    return !same ? "encodes otherwise" : rlp_is(f, &item, value) ? NULL : "read as another value";
}

void rlp_test(report_t *r, const cJSON *test)
{
    bc_arena_t arena;
    bc_arena_init(&arena, 0);
    fixture_t f = { .arena = &arena };
    bc_bytes_t encoded = fixture_bytes(&f, fixture_text(fixture_field(test, "out")));
    const char *why = rlp_check(&f, fixture_field(test, "in"), encoded);
    report_case(r, KIND_RLP, FORK_NONE, test->string, -1, f.bad ? "malformed test" : why);
    bc_arena_free(&arena);
}

/* ---- ABI ---- */

static bc_abi_val_t abi_value(fixture_t *f, const char *type, const cJSON *v)
{
    size_t n = strlen(type);
    bc_bytes_t bytes;
    if (n > 2 && strcmp(type + n - 2, "[]") == 0 && cJSON_IsArray(v)) {
        size_t cnt = (size_t)cJSON_GetArraySize(v), i = 0;
        bc_abi_val_t *items = bc_arena_alloc(f->arena, (cnt + 1) * sizeof *items);
        char *member = bc_arena_printf(f->arena, "%.*s", (int)(n - 2), type);
        BC_MUST(items && member);
        const cJSON *item;
        cJSON_ArrayForEach(item, v) items[i++] = abi_value(f, member, item);
        return bc_abi_tuple(items, cnt);
    }
    if (strcmp(type, "address") == 0) {
        bc_addr_t a = fixture_address(f, fixture_text(v));
        return bc_abi_addr(&a);
    }
    if (strncmp(type, "bytes", 5) == 0 || strcmp(type, "string") == 0) {
        if (fixture_text(v))
            return bc_abi_bytes(text_bytes(f, fixture_text(v)));
    } else if (strncmp(type, "uint", 4) == 0 && number_bytes(f, v, &bytes)) {
        bc_u256_t number = bc_u256_from_be(bytes);
        return bc_abi_u256(&number);
    }
    f->bad = true;
    return bc_abi_u64(0);
}

static const char *abi_check(fixture_t *f, const cJSON *test, bc_bytes_t want)
{
    const cJSON *types = fixture_field(test, "types"), *args = fixture_field(test, "args");
    size_t cnt = (size_t)cJSON_GetArraySize(types);
    bc_abi_val_t *items = bc_arena_alloc(f->arena, (cnt + 1) * sizeof *items), decoded;
    char *tuple = bc_arena_printf(f->arena, "(");
    BC_MUST(items != NULL);
    for (size_t i = 0; i < cnt; i++) {
        const char *type = fixture_text(cJSON_GetArrayItem(types, (int)i));
        tuple = bc_arena_printf(f->arena, "%s%s%s", tuple, i ? "," : "", type ? type : "");
        items[i] = abi_value(f, type ? type : "", cJSON_GetArrayItem(args, (int)i));
        BC_MUST(tuple != NULL);
    }
    tuple = bc_arena_printf(f->arena, "%s)", tuple);
    if (!tuple || f->bad)
        return "malformed test";
    bc_abi_val_t value = bc_abi_tuple(items, cnt);
    bc_wr_t first = { 0 }, second = { 0 };
    const char *why = NULL;
    if (bc_abi_encode(tuple, &value, &first) != BC_OK || !bc_bytes_eq(bc_wr_view(&first), want))
        why = "encodes otherwise";
    else if (bc_abi_decode(tuple, want, &decoded, f->arena) != BC_OK)
        why = "not decoded";
    else if (bc_abi_encode(tuple, &decoded, &second) != BC_OK ||
             !bc_bytes_eq(bc_wr_view(&second), want))
        why = "decoded as other values";
    bc_wr_free(&first);
    bc_wr_free(&second);
    return why;
}

void abi_test(report_t *r, const cJSON *test)
{
    bc_arena_t arena;
    bc_arena_init(&arena, 0);
    fixture_t f = { .arena = &arena };
    bc_bytes_t want = fixture_bytes(&f, fixture_text(fixture_field(test, "result")));
    const char *why = abi_check(&f, test, want);
    report_case(r, KIND_ABI, FORK_NONE, test->string, -1, f.bad ? "malformed test" : why);
    bc_arena_free(&arena);
}
