#include "fixture.h"
#include "codec/hex.h"

const cJSON *fixture_field(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

const char *fixture_text(const cJSON *v)
{
    return cJSON_IsString(v) ? v->valuestring : NULL;
}

bc_u256_t fixture_number(fixture_t *f, const char *text, bool *wide)
{
    static const char mark[] = "0x:bigint ";
    bc_u256_t v = { { 0 } };
    if (!text)
        return v;
    if (strncmp(text, mark, sizeof mark - 1) == 0)
        text += sizeof mark - 1;
    if (strcmp(text, "0x") == 0)
        return v;
    bc_err_t err = bc_u256_parse(bc_cstr(text), &v);
    if (err == BC_E_RANGE && wide)
        *wide = true;
    else if (err || strncmp(text, "0x", 2) != 0)
        f->bad = true;
    return v;
}

uint64_t fixture_u64(fixture_t *f, const char *text)
{
    bc_u256_t v = fixture_number(f, text, NULL);
    return v.w[1] | v.w[2] | v.w[3] ? UINT64_MAX : v.w[0];
}

bc_h256_t fixture_word(fixture_t *f, const char *text)
{
    bc_h256_t h;
    bc_u256_t v = fixture_number(f, text, NULL);
    bc_u256_to_be(&v, h.b);
    return h;
}

bc_addr_t fixture_address(fixture_t *f, const char *text)
{
    bc_addr_t a;
    bc_h256_t word = fixture_word(f, text);
    memcpy(a.b, word.b + sizeof word.b - sizeof a.b, sizeof a.b);
    return a;
}

bc_bytes_t fixture_bytes(fixture_t *f, const char *text)
{
    bc_bytes_t digits = text ? bc_hex_strip0x(bc_cstr(text)) : (bc_bytes_t){ 0 };
    size_t n = digits.n / 2;
    uint8_t *p = bc_arena_alloc(f->arena, n ? n : 1);
    BC_MUST(p != NULL);
    if (digits.n % 2 || bc_hex_fixed(digits, p, n) != BC_OK) {
        f->bad = true;
        n = 0;
    }
    return bc_bytes(p, n);
}

bool fixture_expects(const char *exceptions, const char *name)
{
    static const char prefix[] = "TransactionException.";
    size_t n = strlen(name);
    for (const char *s = exceptions; s; s = strchr(s, '|')) {
        s += *s == '|';
        if (strncmp(s, prefix, sizeof prefix - 1) != 0)
            return true;
        s += sizeof prefix - 1;
        /* "_2" marks a second place of the same exception */
        if (strncmp(s, name, n) == 0 && (s[n] == '\0' || s[n] == '|' || strcmp(s + n, "_2") == 0))
            return true;
    }
    return false;
}
