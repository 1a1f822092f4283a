/* Addresses to contracts, selectors, the frame of a call, and the helpers of handlers. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/archive.h"
#include "codec/hex.h"
#include "computing/precompiled/contracts.h"

static const bc_pc_contract_t *const contracts[] = {
    &bc_pc_system_config, &bc_pc_table, &bc_pc_table_manager, &bc_pc_consensus, &bc_pc_kv_table,
    &bc_pc_bfs, &bc_pc_auth, &bc_pc_contract_auth, &bc_pc_account_manager, &bc_pc_account,
    &bc_pc_balance, &bc_pc_crypto, &bc_pc_cast, &bc_pc_dag_transfer,
    &bc_pc_sharding, &bc_pc_paillier, &bc_pc_group_sig, &bc_pc_ring_sig, &bc_pc_zkp,
    &bc_pc_cpu_heavy, &bc_pc_small_bank, /* version 0, see bc_pc_find_v0 */
};

enum { V0_CNT = 2, V0_ADDRESSES = 128 };

enum { FUNCTIONS_MAX = 24 };

struct bc_pc_set {
    uint32_t selectors[BC_ARRAY_LEN(contracts)][FUNCTIONS_MAX];
    bc_suite_t suite;
};

bc_pc_set_t *bc_pc_set_new(bc_suite_t suite)
{
    bc_pc_set_t *set = calloc(1, sizeof(*set));
    if (!set)
        return NULL;
    set->suite = suite;
    for (size_t i = 0; i < BC_ARRAY_LEN(contracts); i++) {
        BC_MUST(contracts[i]->function_cnt <= FUNCTIONS_MAX);
        for (size_t k = 0; k < contracts[i]->function_cnt; k++) {
            bc_h256_t h;
            bc_hash(suite, bc_cstr(contracts[i]->functions[k].signature), &h);
            set->selectors[i][k] = bc_load_be32(h.b);
        }
    }
    return set;
}

void bc_pc_set_free(bc_pc_set_t *set)
{
    free(set);
}

static size_t index_of(const bc_pc_contract_t *c)
{
    size_t i = 0;
    while (contracts[i] != c)
        i++;
    return i;
}

const bc_pc_contract_t *bc_pc_find(const bc_addr_t *a)
{
    static const uint8_t zero[16];
    if (memcmp(a->b, zero, sizeof(zero)) != 0)
        return NULL;
    uint32_t number = bc_load_be32(a->b + 16);
    for (size_t i = 0; i < BC_ARRAY_LEN(contracts) - V0_CNT; i++) {
        if (contracts[i]->number == number)
            return contracts[i];
    }
    return NULL;
}

const bc_pc_contract_t *bc_pc_find_v0(const bc_addr_t *a)
{
    static const uint8_t zero[16];
    uint32_t number = bc_load_be32(a->b + 16);
    for (size_t i = BC_ARRAY_LEN(contracts) - V0_CNT; i < BC_ARRAY_LEN(contracts); i++) {
        uint32_t first = contracts[i]->number;
        if (memcmp(a->b, zero, sizeof(zero)) == 0 && number >= first && number < first + V0_ADDRESSES)
            return contracts[i];
    }
    return bc_pc_find(a);
}

/* --- the frame of a call --- */

static bc_pc_end_t unpack(const bc_pc_contract_t *c, bc_pc_t *pc)
{
    bc_bytes_t input = pc->input;
    if (c->dynamic) {
        bc_abi_val_t v = { 0 };
        bc_err_t err = bc_abi_decode("(string[],bytes)", pc->input, &v, pc->arena);
        if ((err && err != BC_E_FORMAT) || v.cnt != 2 || v.items[0].cnt == 0)
            return BC_PC_INTERNAL; /* a plain call of the code behind dynamic contracts */
        pc->param = v.items[0].items[0].s;
        input = v.items[1].s;
    }
    if (!input.n && c->empty_ok)
        return BC_PC_OK;
    if (input.n < 4)
        return BC_PC_FAIL(pc, "Empty param data in precompiled call");
    pc->params = bc_bytes(input.p, input.n);
    return BC_PC_OK;
}

static int64_t price(const bc_pc_t *pc)
{
    uint64_t words = (pc->mem + 31) / 32;
    return pc->ops + (int64_t)(3 * words + words * words / 512);
}

bc_pc_end_t bc_pc_run(const bc_pc_set_t *set, const bc_pc_contract_t *c, bc_pc_t *pc)
{
    bc_pc_end_t end = unpack(c, pc);
    if (end)
        return end;
    bc_pc_fn run = NULL;
    uint32_t selector = 0;
    if (pc->params.p) {
        selector = bc_load_be32(pc->params.p);
        pc->mem = pc->params.n;
        pc->params = bc_bytes(pc->params.p + 4, pc->params.n - 4);
    }
    const uint32_t *selectors = set->selectors[index_of(c)];
    for (size_t i = 0; i < c->function_cnt && !run; i++) {
        if (selectors[i] == selector && bc_pc_since(pc, c->functions[i].since))
            run = c->functions[i].run;
    }
    if (c->before) {
        end = c->before(pc);
        if (end)
            return end;
    }
    if (!pc->done) {
        if (!run && !c->unknown)
            return bc_pc_fail(pc, bc_cstr(c->name), BC_STR(" call undefined function!"),
                              (bc_bytes_t){ 0 });
        end = run ? run(pc) : c->unknown(pc);
        if (end)
            return end;
    }
    if (pc->out.err)
        return BC_PC_INTERNAL;
    if (c->priced) {
        pc->mem = BC_MAX(pc->mem, pc->out.n);
        pc->gas_left -= price(pc);
    }
    return BC_PC_OK;
}

/* --- arguments and answers --- */

const bc_abi_val_t *bc_pc_args(bc_pc_t *pc, const char *type)
{
    bc_abi_val_t v = { 0 };
    bc_err_t err = bc_abi_decode(type, pc->params, &v, pc->arena);
    return err && err != BC_E_FORMAT ? NULL : v.items;
}

bc_pc_end_t bc_pc_ret_u256(bc_pc_t *pc, const bc_u256_t *v)
{
    uint8_t *p = bc_wr_reserve(&pc->out, 32);
    if (p)
        bc_u256_to_be(v, p);
    return BC_PC_OK;
}

bc_pc_end_t bc_pc_price_answer(bc_pc_t *pc)
{
    pc->mem = 0;
    return BC_PC_OK;
}

bc_pc_end_t bc_pc_unknown_false(bc_pc_t *pc)
{
    bc_pc_ret_int(pc, BC_PC_UNKNOWN_FUNCTION);
    return bc_pc_ret_int(pc, 0);
}

bc_pc_end_t bc_pc_ret_int(bc_pc_t *pc, int64_t v)
{
    uint64_t sign = v < 0 ? UINT64_MAX : 0;
    return bc_pc_ret_u256(pc, &(bc_u256_t){ { (uint64_t)v, sign, sign, sign } });
}

bc_pc_end_t bc_pc_ret_addr(bc_pc_t *pc, const bc_addr_t *a)
{
    uint8_t *p = bc_wr_reserve(&pc->out, 32);
    if (p) {
        memset(p, 0, 12);
        memcpy(p + 12, a->b, 20);
    }
    return BC_PC_OK;
}

bc_pc_end_t bc_pc_ret(bc_pc_t *pc, const char *type, bc_abi_val_t *items, size_t cnt)
{
    bc_abi_val_t v = bc_abi_tuple(items, cnt);
    return bc_abi_encode(type, &v, &pc->out) ? BC_PC_INTERNAL : BC_PC_OK;
}

bc_bytes_t bc_pc_join(bc_pc_t *pc, bc_bytes_t a, bc_bytes_t b, bc_bytes_t c)
{
    uint8_t *p = bc_arena_alloc(pc->arena, a.n + b.n + c.n + 1);
    if (!p)
        return (bc_bytes_t){ 0 };
    if (a.n)
        memcpy(p, a.p, a.n);
    if (b.n)
        memcpy(p + a.n, b.p, b.n);
    if (c.n)
        memcpy(p + a.n + b.n, c.p, c.n);
    return bc_bytes(p, a.n + b.n + c.n);
}

bc_pc_end_t bc_pc_fail(bc_pc_t *pc, bc_bytes_t a, bc_bytes_t b, bc_bytes_t c)
{
    pc->text = bc_pc_join(pc, a, b, c);
    const uint8_t *nul = pc->text.n ? memchr(pc->text.p, 0, pc->text.n) : NULL;
    if (nul)
        pc->text.n = (size_t)(nul - pc->text.p);
    return BC_PC_ERROR;
}

char *bc_pc_printf(bc_pc_t *pc, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    static char none[1];
    char *p = n < 0 ? NULL : bc_arena_alloc(pc->arena, sizeof(text));
    if (!p)
        return none;
    memcpy(p, text, sizeof(text));
    return p;
}

bc_bytes_t bc_pc_encode(bc_pc_t *pc, const char *signature, const char *type, bc_abi_val_t *items,
                        size_t cnt)
{
    bc_wr_t w = { 0 };
    bc_h256_t h;
    bc_abi_val_t v = bc_abi_tuple(items, cnt);
    if (signature) {
        bc_hash(pc->config->suite, bc_cstr(signature), &h);
        bc_wr_mem(&w, h.b, 4);
    }
    bool ok = !cnt || !bc_abi_encode(type, &v, &w);
    bc_bytes_t out = { 0 };
    if (ok && !w.err)
        out = bc_arena_copy(pc->arena, bc_wr_view(&w), NULL);
    bc_wr_free(&w);
    return out;
}

void bc_pc_call(bc_pc_t *pc, const bc_addr_t *sender, uint32_t to, bc_bytes_t input,
                bool is_static, bc_pc_reply_t *out)
{
    bc_addr_t a = bc_addr_of(to);
    pc->nested(pc->host, pc, sender, &a, &a, input, is_static, out);
}

void bc_pc_call_at(bc_pc_t *pc, const bc_addr_t *sender, const bc_addr_t *to, uint32_t code,
                   bc_bytes_t input, bool is_static, bc_pc_reply_t *out)
{
    bc_addr_t a = bc_addr_of(code);
    pc->nested(pc->host, pc, sender, to, code ? &a : to, input, is_static, out);
}

bc_pc_end_t bc_pc_forward(bc_pc_t *pc, const bc_pc_reply_t *r)
{
    if (!r->ok)
        return BC_PC_FAIL(pc, "External call revert: ");
    bc_wr_put(&pc->out, r->data);
    return BC_PC_OK;
}

/* --- rows --- */

bool bc_pc_get(bc_pc_t *pc, bc_bytes_t table, bc_bytes_t key, bc_bytes_t *value)
{
    return bc_rows_get(pc->rows, bc_rows_table(pc->rows, table), key, value);
}

void bc_pc_put(bc_pc_t *pc, bc_bytes_t table, bc_bytes_t key, bc_bytes_t value)
{
    bc_rows_put(pc->rows, bc_rows_table(pc->rows, table), key, value);
}

bool bc_pc_table_exists(bc_pc_t *pc, bc_bytes_t table)
{
    return bc_bytes_eq(table, BC_STR("s_tables")) || bc_pc_get(pc, BC_STR("s_tables"), table, NULL);
}

bool bc_pc_create_table(bc_pc_t *pc, bc_bytes_t table, bc_bytes_t fields)
{
    if (bc_pc_get(pc, BC_STR("s_tables"), table, NULL))
        return false;
    bc_pc_put(pc, BC_STR("s_tables"), table, fields);
    return true;
}

bool bc_pc_flag(bc_pc_t *pc, bc_feature_t flag)
{
    bc_bytes_t v;
    return bc_config_value(pc->rows, bc_cstr(bc_feature_name(flag)), pc->config->number, &v);
}

/* --- addresses --- */

bc_addr_t bc_addr_of(uint32_t number)
{
    bc_addr_t a = { { 0 } };
    bc_store_be32(a.b + 16, number);
    return a;
}

bool bc_addr_is(const bc_addr_t *a, uint32_t number)
{
    bc_addr_t want = bc_addr_of(number);
    return memcmp(a->b, want.b, sizeof(want.b)) == 0;
}

bc_addr_text_t bc_addr_text(const bc_addr_t *a)
{
    bc_addr_text_t t;
    bc_hex_put(BC_VIEW(*a), t.s);
    t.s[40] = 0;
    return t;
}

bc_bytes_t bc_pc_addr_hex(bc_pc_t *pc, const bc_addr_t *a)
{
    bc_addr_text_t t = bc_addr_text(a);
    return bc_arena_copy(pc->arena, bc_bytes(t.s, 40), NULL);
}

static int nibble(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bc_addr_t bc_addr_parse(bc_bytes_t text)
{
    bc_addr_t a = { { 0 } };
    if (text.n >= 2 && text.p[0] == '0' && text.p[1] == 'x') {
        text.p += 2;
        text.n -= 2;
    }
    for (size_t i = 0; i < 20 && 2 * i + 1 < text.n; i++) {
        int hi = nibble(text.p[2 * i]), lo = nibble(text.p[2 * i + 1]);
        if (hi < 0 || lo < 0)
            break;
        a.b[i] = (uint8_t)(hi << 4 | lo);
    }
    return a;
}

bc_bytes_t bc_pc_contract_table(bc_pc_t *pc, bc_bytes_t hex)
{
    size_t zeros = 0;
    while (zeros < hex.n && hex.p[zeros] == '0')
        zeros++;
    bool sys = zeros >= 35 && (!pc->config->legacy || pc->config->auth_check || bc_pc_since(pc, 3));
    return bc_pc_join(pc, sys ? BC_STR("/sys/") : BC_STR("/apps/"), hex, (bc_bytes_t){ 0 });
}

bc_pc_end_t bc_pc_governors(bc_pc_t *pc, const bc_abi_val_t **list, size_t *cnt)
{
    bc_pc_reply_t r;
    *cnt = 0;
    bc_pc_call(pc, &pc->code_address, BC_SYS_COMMITTEE, bc_pc_encode(pc, "_committee()", "()", NULL, 0),
               pc->is_static, &r);
    if (!r.ok)
        return BC_PC_FAIL(pc, "Get committee failed.");
    bc_abi_val_t v = { 0 };
    bc_err_t err = bc_abi_decode("(address)", r.data, &v, pc->arena);
    if (err && err != BC_E_FORMAT)
        return BC_PC_INTERNAL;
    bc_addr_t committee = bc_pc_addr_arg(&v.items[0]);
    bc_pc_call_at(pc, &pc->code_address, &committee, 0,
                  bc_pc_encode(pc, "getCommitteeInfo()", "()", NULL, 0), pc->is_static, &r);
    if (!r.ok)
        return BC_PC_FAIL(pc, "Get committee info failed.");
    err = bc_abi_decode("(uint8,uint8,address[],uint32[])", r.data, &v, pc->arena);
    if (err && err != BC_E_FORMAT)
        return BC_PC_INTERNAL;
    *list = v.items[2].items;
    *cnt = v.items[2].cnt;
    return BC_PC_OK;
}

bc_addr_t bc_pc_addr_arg(const bc_abi_val_t *v)
{
    uint8_t word[32];
    bc_addr_t a;
    bc_u256_to_be(&v->n, word);
    memcpy(a.b, word + 12, 20);
    return a;
}

bool bc_pc_is_governor(const bc_abi_val_t *list, size_t cnt, const bc_addr_t *a)
{
    for (size_t i = 0; i < cnt; i++) {
        bc_addr_t g = bc_pc_addr_arg(&list[i]);
        if (memcmp(g.b, a->b, 20) == 0)
            return true;
    }
    return false;
}
