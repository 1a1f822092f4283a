/* Cast 100f: conversions between text and numbers (spec/40 §4.6). A bad text is the official
 * node's uncaught exception: BC_PC_INTERNAL. */
#include "codec/hex.h"
#include "computing/precompiled/contracts.h"

static int digit(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : 99;
}

static void times_plus(bc_u256_t *v, unsigned base, unsigned add)
{
    unsigned __int128 c = add;
    for (int i = 0; i < 4; i++) {
        c += (unsigned __int128)v->w[i] * base;
        v->w[i] = (uint64_t)c;
        c >>= 64;
    }
}

static void negate(bc_u256_t *v)
{
    unsigned __int128 c = 1;
    for (int i = 0; i < 4; i++) {
        c += ~v->w[i];
        v->w[i] = (uint64_t)c;
        c >>= 64;
    }
}

/* Decimal, 0x hex or 0 octal with a sign, modulo 2^256. */
static bool number(bc_bytes_t s, bc_u256_t *v)
{
    bool minus = s.n && s.p[0] == '-';
    size_t i = s.n && (s.p[0] == '-' || s.p[0] == '+');
    unsigned base = 10;
    if (i + 1 < s.n && s.p[i] == '0') {
        base = s.p[i + 1] == 'x' || s.p[i + 1] == 'X' ? 16 : 8;
        i += base == 16 ? 2 : 1;
    }
    memset(v, 0, sizeof(*v));
    if (i >= s.n)
        return false;
    for (; i < s.n; i++) {
        int d = digit(s.p[i]);
        if (d >= (int)base)
            return false;
        times_plus(v, base, (unsigned)d);
    }
    if (minus)
        negate(v);
    return true;
}

static bc_pc_end_t to_256(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string)");
    bc_u256_t v;
    return a && number(a[0].s, &v) ? bc_pc_ret_u256(pc, &v) : BC_PC_INTERNAL;
}

static bc_pc_end_t to_s64(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string)");
    int64_t v = 0;
    if (!a)
        return BC_PC_INTERNAL;
    bc_bytes_t s = a[0].s;
    if (s.n > 1 && s.p[0] == '+' && s.p[1] != '-')
        s = bc_bytes(s.p + 1, s.n - 1);
    return s.n && !bc_dec_i64(s, &v) ? bc_pc_ret_int(pc, v) : BC_PC_INTERNAL;
}

static bc_pc_end_t to_addr(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string)");
    bc_addr_t out;
    if (!a || bc_hex_fixed(bc_hex_strip0x(a[0].s), out.b, sizeof(out.b)))
        return BC_PC_INTERNAL;
    return bc_pc_ret_addr(pc, &out);
}

static bc_pc_end_t to_bytes32(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string)");
    uint8_t word[32] = { 0 };
    if (!a)
        return BC_PC_INTERNAL;
    if (a[0].s.n)
        memcpy(word, a[0].s.p, BC_MIN(a[0].s.n, sizeof(word)));
    bc_wr_mem(&pc->out, word, sizeof(word));
    return BC_PC_OK;
}

static bc_pc_end_t ret_text(bc_pc_t *pc, bc_bytes_t text)
{
    bc_abi_val_t v = bc_abi_bytes(text);
    return bc_pc_ret(pc, "(string)", &v, 1);
}

static bc_pc_end_t ret_number(bc_pc_t *pc, bc_u256_t v, bool minus)
{
    char text[84] = "-";
    if (minus)
        negate(&v);
    size_t n = bc_u256_dec(&v, text + 1);
    return ret_text(pc, minus ? bc_bytes(text, n + 1) : bc_bytes(text + 1, n));
}

static bc_pc_end_t from_u256(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(uint256)");
    return a ? ret_number(pc, a[0].n, false) : BC_PC_INTERNAL;
}

static bc_pc_end_t from_s256(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(int256)");
    return a ? ret_number(pc, a[0].n, a[0].n.w[3] >> 63) : BC_PC_INTERNAL;
}

static bc_pc_end_t from_s64(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(int64)");
    return a ? ret_text(pc, bc_cstr(bc_pc_printf(pc, "%lld", (long long)(int64_t)a[0].n.w[0]))) : BC_PC_INTERNAL;
}

static bc_pc_end_t from_addr(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(address)");
    if (!a)
        return BC_PC_INTERNAL;
    bc_addr_t v = bc_pc_addr_arg(&a[0]);
    bc_addr_text_t t = bc_addr_text(&v);
    return ret_text(pc, bc_bytes(t.s, 40));
}

static bc_pc_end_t from_bytes32(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(bytes32)");
    static const uint8_t zero[32];
    return a ? ret_text(pc, a[0].s.n == 32 ? a[0].s : bc_bytes(zero, 32)) : BC_PC_INTERNAL;
}

static const bc_pc_function_t functions[] = {
    { "stringToS256(string)", to_256 },
    { "stringToS64(string)", to_s64 },
    { "stringToU256(string)", to_256 },
    { "stringToAddr(string)", to_addr },
    { "stringToBytes32(string)", to_bytes32 },
    { "s256ToString(int256)", from_s256 },
    { "s64ToString(int64)", from_s64 },
    { "u256ToString(uint256)", from_u256 },
    { "addrToString(address)", from_addr },
    { "bytes32ToString(bytes32)", from_bytes32 },
};

const bc_pc_contract_t bc_pc_cast = {
    .number = BC_SYS_CAST,
    .name = "CastPrecompiled",
    .gate = BC_GATE_NONE,
    .functions = functions,
    .function_cnt = BC_ARRAY_LEN(functions),
};
