/* The message loop: authority, value transfer, creates, calls, and what the interpreter asks of
 * its host (spec/40 §2.3-2.7). */
#include <stdio.h>
#include <stdlib.h>

#include "codec/hex.h"
#include "codec/rlp.h"
#include "computing/executor/exec.h"
#include "protocol/status.h"

enum { TRANSFER_GAS = 21000, DEPOSIT_GAS = 20, DYNAMIC_PREFIX = 13 };

typedef bc_exec_code_frame_t frame_t;

/* --- results --- */

bc_bytes_t bc_exec_error_text(bc_exec_t *x, bc_bytes_t text)
{
    bc_wr_t w = { 0 };
    bc_abi_error(x->config.suite == BC_SUITE_SM, text, &w);
    bc_bytes_t out = bc_arena_copy(&x->tx_arena, bc_wr_view(&w), NULL);
    bc_wr_free(&w);
    return out;
}

bc_bytes_t bc_exec_status_text(bc_exec_t *x, bc_evm_status_t evm)
{
    switch (evm) {
    case BC_EVM_OUT_OF_GAS:
        return bc_exec_error_text(x, BC_STR("Execution out of gas."));
    case BC_EVM_STACK_OVERFLOW:
        return bc_exec_error_text(x, BC_STR("Execution stack overflow."));
    case BC_EVM_STACK_UNDERFLOW:
        return bc_exec_error_text(x, BC_STR("Execution needs more items on EVM stack."));
    case BC_EVM_INVALID:
    case BC_EVM_UNDEFINED:
        return bc_exec_error_text(x, BC_STR("Execution invalid/undefined opcode."));
    default:
        return (bc_bytes_t){ 0 };
    }
}

void bc_exec_set_result(bc_msg_result_t *out, bc_evm_status_t evm, int32_t status, int64_t gas_left,
                        bc_bytes_t output)
{
    bc_buf_unref(out->owner);
    *out = (bc_msg_result_t){ .evm = evm, .status = status, .gas_left = gas_left, .output = output };
}

/* The interpreter's answer as the official status converter sees it; what it has no case for
 * becomes an internal error that gives the gas back (spec/40 §2.6). */
static void convert(bc_exec_t *x, const bc_evm_msg_t *m, bc_evm_result_t *r, bc_msg_result_t *out)
{
    static const int32_t status[] = {
        [BC_EVM_OK] = BC_TXS_NONE,
        [BC_EVM_REVERT] = BC_TXS_REVERT,
        [BC_EVM_OUT_OF_GAS] = BC_TXS_OUT_OF_GAS,
        [BC_EVM_STACK_OVERFLOW] = BC_TXS_OUT_OF_STACK,
        [BC_EVM_STACK_UNDERFLOW] = BC_TXS_STACK_UNDERFLOW,
        [BC_EVM_INVALID] = BC_TXS_BAD_INSTRUCTION,
        [BC_EVM_UNDEFINED] = BC_TXS_BAD_INSTRUCTION,
        [BC_EVM_INSUFFICIENT_BALANCE] = BC_TXS_NOT_ENOUGH_CASH,
    };
    (void)x;
    bool known = (size_t)r->status < BC_ARRAY_LEN(status) &&
                 (r->status == BC_EVM_OK || status[r->status] != 0);
    if (!known) {
        bc_buf_unref(r->output_owner);
        bc_exec_set_result(out, BC_EVM_INTERNAL, BC_TXS_OUT_OF_GAS, m->gas, (bc_bytes_t){ 0 });
        return;
    }
    *out = (bc_msg_result_t){ .evm = r->status,
                              .status = status[r->status],
                              .gas_left = r->gas_left,
                              .output = r->output,
                              .owner = r->output_owner };
    if (r->status != BC_EVM_OK && r->status != BC_EVM_REVERT)
        out->gas_left = 0;
}

/* --- value --- */

/* False: refused, *out filled. */
static bool transfer(bc_exec_t *x, const bc_evm_msg_t *m, bc_msg_result_t *out)
{
    if (memcmp(m->code_address.b, m->sender.b, 20) == 0 || memcmp(m->recipient.b, m->sender.b, 20) == 0)
        return true;
    bc_account_t *from = bc_exec_account(x, &m->sender), *to = bc_exec_account(x, &m->recipient);
    bc_u256_t have, got;
    bc_exec_balance(x, from, &have);
    if (bc_u256_order(&have, &m->value) < 0) {
        bc_exec_set_result(out, BC_EVM_INSUFFICIENT_BALANCE, BC_TXS_NOT_ENOUGH_CASH, m->gas,
                   bc_exec_error_text(x, BC_STR("Account balance is not enough!")));
        return false;
    }
    if (!bc_exec_account_exists(x, to))
        bc_exec_account_create(x, to);
    bc_exec_balance(x, to, &got);
    bc_u256_subfrom(&have, &m->value);
    bc_u256_addto(&got, &m->value);
    bc_exec_set_balance(x, from, &have);
    bc_exec_set_balance(x, to, &got);
    return true;
}

static bool moves_value(const bc_exec_t *x, const bc_evm_msg_t *m)
{
    if (!x->config.balance_transfer || bc_u256_zero(&m->value))
        return false;
    return !x->config.flags[BC_F_bugfix_delegatecall_transfer] ||
           (m->kind == BC_EVM_CALL && !m->is_static) || m->kind == BC_EVM_CREATE ||
           m->kind == BC_EVM_CREATE2;
}

/* --- system contracts --- */

static void system_end(bc_exec_t *x, const bc_evm_msg_t *m, bc_pc_end_t end, bc_pc_t *pc, bc_msg_result_t *out)
{
    if (end == BC_PC_OK)
        return;
    bc_bytes_t text = end == BC_PC_ERROR ? pc->text : BC_STR("InternalPrecompiledFailed");
    bc_exec_set_result(out, BC_EVM_REVERT, BC_TXS_PRECOMPILED_ERROR, m->gas,
                       text.n ? bc_exec_error_text(x, text) : (bc_bytes_t){ 0 });
}

void bc_exec_precompile(bc_exec_t *x, unsigned number, const bc_evm_msg_t *m, bc_wr_t *out,
                        bc_evm_pre_t *pre)
{
    int64_t gas = bc_evm_precompile_gas(x->evm, m->gas);
    bc_evm_precompile(number, &x->rules, m->input, gas, out, pre);
    if (BC_UNLIKELY(gas < m->gas && pre->gas_cost > gas))
        bc_evm_out_of_time(x->evm);
}

__attribute__((noinline)) static void call_ethereum(bc_exec_t *x, unsigned number,
                                                    const bc_evm_msg_t *m, bc_msg_result_t *out)
{
    bc_wr_t w = { 0 };
    bc_evm_pre_t pre = { 0 };
    bc_exec_precompile(x, number, m, &w, &pre);
    bc_exec_set_result(out, pre.ok ? BC_EVM_OK : BC_EVM_REVERT, pre.ok ? BC_TXS_NONE : BC_TXS_REVERT,
               m->gas - pre.gas_cost, (bc_bytes_t){ 0 });
    if (w.n) {
        out->owner = bc_buf_copy(bc_wr_view(&w));
        out->output = bc_buf_view(out->owner);
    }
    bc_wr_free(&w);
}

/* 1..9, or 0. */
unsigned bc_exec_ethereum_number(const bc_addr_t *a)
{
    static const uint8_t zero[19];
    return memcmp(a->b, zero, 19) == 0 && a->b[19] <= 9 ? a->b[19] : 0;
}

/* Runs the contract at `at` if there is one; ungated: whatever its flag says. */
static bool call_native(bc_exec_t *x, const bc_addr_t *at, bool ungated, const bc_evm_msg_t *m,
                        bc_msg_result_t *out)
{
    unsigned number = bc_exec_ethereum_number(at);
    if (number) {
        call_ethereum(x, number, m, out);
        return true;
    }
    const bc_pc_contract_t *c = bc_pc_find(at);
    if (!c || (!ungated && c->gate != BC_GATE_NONE && !x->config.flags[c->gate]))
        return false;
    bc_exec_call_system(x, c, m, out);
    return true;
}

/* --- interpreter host --- */

void bc_exec_enter_code(bc_exec_t *x, bc_account_t *self, const bc_addr_t *code_address, const bc_evm_msg_t *m,
                        bc_evm_code_t *code)
{
    bc_exec_frame_t *f = x->frame;
    f->m = m;
    f->code = code;
    f->run = (frame_t){ x, self, m->recipient, *code_address, m->is_static };
}

bool bc_exec_host_exists(void *ctx, const bc_addr_t *a)
{
    (void)ctx;
    (void)a;
    return true;
}

static void word_of(bool found, bc_bytes_t v, bc_h256_t *out)
{
    memset(out, 0, sizeof(*out));
    if (found)
        memcpy(out->b, v.p, BC_MIN(v.n, 32));
}

void bc_exec_host_get_storage(void *ctx, const bc_addr_t *a, const bc_h256_t *key, bc_h256_t *value)
{
    frame_t *f = ctx;
    bc_bytes_t v = { 0 };
    (void)a;
    bool found = bc_rows_get(f->x->rows, f->self->table, BC_VIEW(*key), &v) && v.n;
    word_of(found, v, value);
}

bc_evm_storage_t bc_exec_host_set_storage(void *ctx, const bc_addr_t *a, const bc_h256_t *key,
                                         const bc_h256_t *value)
{
    frame_t *f = ctx;
    (void)a;
    bc_rows_put(f->x->rows, f->self->table, BC_VIEW(*key), BC_VIEW(*value));
    return bc_h256_is_zero(value) ? BC_EVM_STORAGE_DELETED : BC_EVM_STORAGE_MODIFIED;
}

static bc_err_t nothing_get(void *self, bc_bytes_t table, bc_bytes_t key, bc_bytes_t *value, bc_arena_t *arena)
{
    (void)self, (void)table, (void)key, (void)value, (void)arena;
    return BC_E_NOT_FOUND;
}
static bc_err_t nothing_scan(void *self, bc_bytes_t table, bc_bytes_t from, bc_row_each_fn each, void *ctx)
{
    (void)self, (void)table, (void)from, (void)each, (void)ctx;
    return BC_OK;
}
static const bc_view_ops_t nothing = { nothing_get, nothing_scan };

void bc_exec_host_get_transient(void *ctx, const bc_addr_t *a, const bc_h256_t *key, bc_h256_t *value)
{
    frame_t *f = ctx;
    bc_bytes_t v = { 0 };
    (void)a;
    bool found = f->x->transient &&
                 bc_rows_get(f->x->transient,
                             bc_rows_table(f->x->transient, BC_VIEW(f->self->addr)), BC_VIEW(*key), &v);
    word_of(found, v, value);
}

void bc_exec_host_set_transient(void *ctx, const bc_addr_t *a, const bc_h256_t *key, const bc_h256_t *value)
{
    frame_t *f = ctx;
    (void)a;
    if (!f->x->transient)
        f->x->transient = bc_rows_new((bc_view_if){ &nothing, NULL });
    BC_MUST(f->x->transient);
    bc_rows_put(f->x->transient, bc_rows_table(f->x->transient, BC_VIEW(f->self->addr)),
                BC_VIEW(*key), BC_VIEW(*value));
}

static void host_get_balance(void *ctx, const bc_addr_t *a, bc_u256_t *out)
{
    frame_t *f = ctx;
    bc_exec_balance(f->x, bc_exec_account(f->x, a), out);
}

static size_t host_get_code_size(void *ctx, const bc_addr_t *a)
{
    frame_t *f = ctx;
    if (bc_exec_ethereum_number(a))
        return 0;
    if (bc_pc_find(a))
        return 1;
    bc_evm_code_t *code = bc_exec_code(f->x, bc_exec_account(f->x, a));
    return code ? bc_evm_code_bytes(code).n : 0;
}

static void host_get_code_hash(void *ctx, const bc_addr_t *a, bc_h256_t *out)
{
    frame_t *f = ctx;
    bc_exec_code_hash(f->x, bc_exec_account(f->x, a), out);
}

static size_t host_copy_code(void *ctx, const bc_addr_t *a, size_t offset, uint8_t *out, size_t n)
{
    frame_t *f = ctx;
    bc_evm_code_t *code = bc_exec_code(f->x, bc_exec_account(f->x, a));
    bc_bytes_t text = code ? bc_evm_code_bytes(code) : (bc_bytes_t){ 0 };
    if (offset >= text.n)
        return 0;
    n = BC_MIN(n, text.n - offset);
    memcpy(out, text.p + offset, n);
    return n;
}

static bool host_selfdestruct(void *ctx, const bc_addr_t *a, const bc_addr_t *heir)
{
    (void)ctx, (void)a, (void)heir;
    return false;
}

void bc_exec_host_log(void *ctx, const bc_addr_t *a, bc_bytes_t data, const bc_h256_t *topics, size_t topic_cnt)
{
    bc_exec_t *x = ((frame_t *)ctx)->x;
    if (x->log_cnt == x->log_cap) {
        x->log_cap = x->log_cap ? x->log_cap * 2 : 16;
        x->logs = bc_xrealloc(x->logs, x->log_cap * sizeof(*x->logs));
    }
    bool ok = true;
    char *hex = bc_arena_alloc(&x->tx_arena, 40);
    bc_bytes_t *list = bc_arena_alloc(&x->tx_arena, (topic_cnt + 1) * sizeof(*list));
    BC_MUST(hex && list); /* bounded by gas */
    bc_hex_put(BC_VIEW(*a), hex);
    for (size_t i = 0; i < topic_cnt; i++)
        list[i] = bc_arena_copy(&x->tx_arena, BC_VIEW(topics[i]), &ok);
    bc_log_entry_t *l = &x->logs[x->log_cnt++];
    l->address = bc_bytes(hex, 40);
    l->topics = (bc_tars_list_t){ list, topic_cnt };
    l->data = bc_arena_copy(&x->tx_arena, data, &ok);
    BC_MUST(ok);
}

void bc_exec_host_block_hash(void *ctx, int64_t number, bc_h256_t *out)
{
    frame_t *f = ctx;
    char key[24];
    bc_bytes_t v = { 0 };
    bool found = false;
    if (number >= 0 && number < f->x->config.number) {
        int n = snprintf(key, sizeof(key), "%lld", (long long)number);
        found = bc_rows_get(f->x->rows, bc_rows_table(f->x->rows, BC_STR("s_number_2_hash")),
                            bc_bytes(key, (size_t)n), &v);
    }
    word_of(found, v, out);
}

bool bc_exec_host_access_account(void *ctx, const bc_addr_t *a)
{
    (void)ctx, (void)a;
    return false;
}

bool bc_exec_host_access_storage(void *ctx, const bc_addr_t *a, const bc_h256_t *key)
{
    (void)ctx, (void)a, (void)key;
    return false;
}

/* A message's result as the code that made it sees it. */
static void show(const bc_msg_result_t *r, bc_evm_result_t *out)
{
    *out = (bc_evm_result_t){ .status = r->evm,
                              .gas_left = r->gas_left,
                              .output = r->output,
                              .output_owner = r->owner,
                              .created = r->created };
}

bool bc_exec_host_begin(void *ctx, void *slot, bc_evm_msg_t *m, bc_evm_begun_t *begun, bc_evm_result_t *out)
{
    const frame_t *caller = ctx;
    bc_exec_frame_t *f = slot;
    bc_msg_result_t r;
    if (!caller->x->law->inner(caller->x, caller, f, m, &r)) {
        show(&r, out);
        return false;
    }
    *begun = (bc_evm_begun_t){ f->code, &f->run };
    return true;
}

void bc_exec_host_end(void *ctx, void *slot, bc_evm_result_t *res)
{
    bc_exec_t *x = ((frame_t *)ctx)->x;
    bc_msg_result_t r;
    bc_exec_end(x, res, &r);
    x->law->inner_end(x, slot, &r);
    show(&r, res);
}

static bool inner(bc_exec_t *x, const frame_t *caller, bc_exec_frame_t *f, bc_evm_msg_t *m, bc_msg_result_t *out)
{
    (void)caller;
    return bc_exec_begin_nested(x, f, m, out);
}

static void inner_end(bc_exec_t *x, const bc_exec_frame_t *f, bc_msg_result_t *out)
{
    (void)x, (void)f, (void)out;
}

const bc_evm_host_t bc_exec_host = {
    .account_exists = bc_exec_host_exists,
    .get_storage = bc_exec_host_get_storage,
    .set_storage = bc_exec_host_set_storage,
    .get_transient = bc_exec_host_get_transient,
    .set_transient = bc_exec_host_set_transient,
    .get_balance = host_get_balance,
    .get_code_size = host_get_code_size,
    .get_code_hash = host_get_code_hash,
    .copy_code = host_copy_code,
    .selfdestruct = host_selfdestruct,
    .emit_log = bc_exec_host_log,
    .get_block_hash = bc_exec_host_block_hash,
    .access_account = bc_exec_host_access_account,
    .access_storage = bc_exec_host_access_storage,
    .begin = bc_exec_host_begin,
    .end = bc_exec_host_end,
    .slot_bytes = sizeof(bc_exec_frame_t),
};

/* --- creates --- */

static void put_be_minimal(bc_wr_t *w, const bc_u256_t *v)
{
    uint8_t be[32];
    bc_u256_to_be(v, be);
    size_t skip = 0;
    while (skip < 32 && !be[skip])
        skip++;
    size_t n = 32 - skip;
    if (n != 1 || be[31] >= 0x80)
        bc_wr_u8(w, (uint8_t)(0x80 + n));
    bc_wr_mem(w, be + skip, n);
}

/* Last 20 bytes of keccak(rlp[sender, nonce]): Ethereum's rule, whatever the suite. */
static void web3_address(const bc_addr_t *sender, const bc_u256_t *nonce, bc_addr_t *out)
{
    bc_wr_t body = { 0 }, list = { 0 };
    bc_h256_t h;
    bc_wr_u8(&body, 0x80 + 20);
    bc_wr_mem(&body, sender->b, 20);
    put_be_minimal(&body, nonce);
    bc_wr_u8(&list, (uint8_t)(0xc0 + body.n));
    bc_wr_put(&list, bc_wr_view(&body));
    bc_keccak256(bc_wr_view(&list), &h);
    memcpy(out->b, h.b + 12, 20);
    bc_wr_free(&body);
    bc_wr_free(&list);
}

__attribute__((noinline)) void bc_exec_create_address(bc_exec_t *x, bc_evm_msg_t *m, const bc_u256_t *nonce)
{
    bc_h256_t h;
    if (m->kind == BC_EVM_CREATE && x->web3) {
        web3_address(&m->sender, nonce, &m->code_address);
    } else if (m->kind == BC_EVM_CREATE) {
        char text[72];
        int n = snprintf(text, sizeof(text), "%lld_%lld_%lld", (long long)x->config.number,
                         (long long)x->context_id, (long long)x->seq);
        bc_hash(x->config.suite, bc_bytes(text, (size_t)n), &h);
        memcpy(m->code_address.b, h.b, 20);
    } else {
        uint8_t pre[85] = { 0xff };
        bc_hash(x->config.suite, m->input, &h);
        memcpy(pre + 1, m->sender.b, 20);
        bc_u256_to_be(&m->salt, pre + 21);
        memcpy(pre + 53, h.b, 32);
        bc_hash(x->config.suite, bc_bytes(pre, sizeof(pre)), &h);
        memcpy(m->code_address.b, h.b + 12, 20);
    }
    m->recipient = m->code_address;
}

void bc_exec_store_code(bc_exec_t *x, const bc_account_t *a, bc_bytes_t code)
{
    bc_h256_t hash;
    bc_bytes_t abi;
    bc_hash(x->config.suite, code, &hash);
    if (!bc_rows_get(x->rows, x->code_binary, BC_VIEW(hash), NULL))
        bc_rows_put(x->rows, x->code_binary, BC_VIEW(hash), code);
    if (!bc_rows_get(x->rows, x->contract_abi, BC_VIEW(hash), &abi) || abi.n == 0)
        bc_rows_put(x->rows, x->contract_abi, BC_VIEW(hash), x->abi);
    bc_rows_put(x->rows, a->table, BC_STR("codeHash"), BC_VIEW(hash));
}

/* An official std::exception: internal error, gas untouched. */
static void internal_error(const bc_evm_msg_t *m, bc_msg_result_t *out)
{
    bc_exec_set_result(out, BC_EVM_INTERNAL, BC_TXS_OUT_OF_GAS, m->gas, (bc_bytes_t){ 0 });
}

static bool begin_create(bc_exec_t *x, bc_evm_msg_t *m, int64_t level, bc_msg_result_t *out)
{
    static const bc_u256_t one = { { 1 } };
    bc_account_t *self = bc_exec_account(x, &m->recipient);
    if (x->config.number != 0 && !bc_auth_create_table(x->rows, bc_table_name(self->table), &x->origin)) {
        internal_error(m, out);
        return false;
    }
    if (x->web3 && level != 0) {
        bc_u256_t nonce;
        bc_account_t *sender = bc_exec_account(x, &m->sender);
        if (!bc_exec_nonce(x, sender, &nonce)) {
            internal_error(m, out);
            return false;
        }
        bc_u256_addto(&nonce, &one);
        bc_exec_set_nonce(x, sender, &nonce);
    }
    bc_exec_account_create(x, self);
    if (x->config.flags[BC_F_bugfix_nonce_initialize])
        bc_exec_set_nonce(x, self, &one);
    bc_evm_code_t *init = bc_evm_code_new(m->input, BC_EVM_CANCUN);
    BC_MUST(init);
    bc_exec_enter_code(x, self, &m->code_address, m, init);
    return true;
}

static void created(bc_exec_t *x, bc_msg_result_t *out)
{
    static const bc_u256_t one = { { 1 } };
    bc_account_t *self = x->frame->run.self;
    if (out->evm != BC_EVM_OK)
        return;
    bc_exec_store_code(x, self, out->output);
    if (!x->config.flags[BC_F_bugfix_nonce_initialize])
        bc_exec_set_nonce(x, self, &one);
    int64_t gas_left = out->gas_left - (int64_t)out->output.n * DEPOSIT_GAS;
    bc_exec_set_result(out, BC_EVM_OK, BC_TXS_NONE, gas_left, (bc_bytes_t){ 0 });
    out->created = x->frame->run.code;
}

/* --- calls --- */

static void no_code(bc_exec_t *x, const bc_evm_msg_t *m, bc_msg_result_t *out)
{
    if (m->is_static || m->kind == BC_EVM_DELEGATECALL)
        bc_exec_set_result(out, BC_EVM_OK, BC_TXS_NONE, m->gas, (bc_bytes_t){ 0 });
    else
        bc_exec_set_result(out, BC_EVM_REVERT, BC_TXS_REVERT, m->gas,
                   bc_exec_error_text(x, BC_STR("Call address error.")));
}

/* Code text "[PRECOMPILED],<address>,<param>[,...]". */
__attribute__((noinline)) bool bc_exec_call_dynamic(bc_exec_t *x, bc_bytes_t code, bc_evm_msg_t *m,
                                                    bc_msg_result_t *out)
{
    enum { PARTS_MAX = 64 };
    bc_abi_val_t params[PARTS_MAX];
    bc_bytes_t address = { 0 };
    size_t parts = 0, from = 0;
    for (size_t i = 0; i <= code.n; i++) {
        if (i < code.n && code.p[i] != ',')
            continue;
        bc_bytes_t part = bc_bytes(code.p + from, i - from);
        if (parts == 1)
            address = part;
        else if (parts >= 2 && parts - 2 < PARTS_MAX)
            params[parts - 2] = bc_abi_bytes(part);
        parts++;
        from = i + 1;
    }
    if (parts < 3)
        return false;
    m->code_address = m->recipient;
    m->recipient = bc_addr_parse(address);
    bc_wr_t w = { 0 };
    bc_abi_val_t items[] = { bc_abi_tuple(params, BC_MIN(parts - 2, (size_t)PARTS_MAX)), bc_abi_bytes(m->input) };
    bc_abi_val_t v = bc_abi_tuple(items, 2);
    bool ok = bc_abi_encode("(string[],bytes)", &v, &w) == BC_OK;
    if (ok) {
        m->input = bc_wr_view(&w);
        if (!call_native(x, &m->recipient, true, m, out))
            no_code(x, m, out);
    }
    bc_wr_free(&w);
    return ok;
}

bool bc_exec_is_dynamic(bc_bytes_t code)
{
    return code.n > DYNAMIC_PREFIX && memcmp(code.p, "[PRECOMPILED]", DYNAMIC_PREFIX) == 0;
}

static bool begin_call(bc_exec_t *x, bc_evm_msg_t *m, int64_t level, bc_msg_result_t *out)
{
    if (level == 0) {
        if (m->gas < TRANSFER_GAS) {
            bc_exec_set_result(out, BC_EVM_OUT_OF_GAS, BC_TXS_OUT_OF_GAS, m->gas, bc_exec_status_text(x, BC_EVM_OUT_OF_GAS));
            return false;
        }
        m->gas -= TRANSFER_GAS;
    }
    if (m->kind != BC_EVM_DELEGATECALL && call_native(x, &m->code_address, false, m, out))
        return false;
    bc_evm_code_t *code = bc_exec_code(x, bc_exec_account(x, &m->code_address));
    if (!code) {
        if (m->input.n)
            no_code(x, m, out);
        else
            bc_exec_set_result(out, BC_EVM_OK, BC_TXS_NONE, m->gas, (bc_bytes_t){ 0 });
        return false;
    }
    bc_bytes_t text = bc_evm_code_bytes(code);
    if (bc_exec_is_dynamic(text)) {
        if (!bc_exec_call_dynamic(x, text, m, out))
            internal_error(m, out);
        return false;
    }
    /* a reference: the account may drop it when a nested create replaces the code */
    bc_exec_enter_code(x, bc_exec_account(x, &m->recipient), &m->code_address, m, bc_evm_code_ref(code));
    return true;
}

/* --- the loop --- */

static bool stopped(bc_exec_t *x, bc_evm_msg_t *m, bc_msg_result_t *out)
{
    return (x->config.auth_check && bc_exec_auth_refused(x, m, out)) || (moves_value(x, m) && !transfer(x, m, out));
}

static void undo(bc_exec_t *x)
{
    bc_rows_rollback(x->rows, x->frame->mark);
    if (x->transient)
        bc_rows_rollback(x->transient, x->frame->transient_mark);
}

const bc_exec_rules_t bc_exec_v1 = {
    .top_text = true,
    .stopped = stopped,
    .create = begin_create,
    .call = begin_call,
    .created = created,
    .convert = convert,
    .inner = inner,
    .inner_end = inner_end,
    .system_end = system_end,
    .undo = undo,
    .host = &bc_exec_host,
};

/* The end of the innermost message. */
static void end_message(bc_exec_t *x, int64_t gas, bc_msg_result_t *out)
{
    bc_exec_frame_t *f = x->frame;
    if (out->gas_left < 0)
        bc_exec_set_result(out, BC_EVM_OUT_OF_GAS, BC_TXS_OUT_OF_GAS, gas,
                           bc_exec_status_text(x, BC_EVM_OUT_OF_GAS));
    if (x->law->undo_by_status ? out->status != BC_TXS_NONE : out->evm != BC_EVM_OK) {
        x->law->undo(x);
        if (!x->law->keeps_logs)
            x->log_cnt = f->log_mark;
    }
    x->frame = f->up;
}

static bool creates(const bc_evm_msg_t *m)
{
    return m->kind == BC_EVM_CREATE || m->kind == BC_EVM_CREATE2;
}

/* True: the code in f is to run, and bc_exec_end follows. False: *out is the message's result. */
static bool begin_message(bc_exec_t *x, bc_exec_frame_t *f, bc_evm_msg_t *m, int64_t level, bc_msg_result_t *out)
{
    f->up = x->frame;
    f->mark = bc_rows_mark(x->rows);
    f->transient_mark = x->transient ? bc_rows_mark(x->transient) : 0;
    f->first_child = BC_EXEC_NO_CHILD;
    f->log_mark = f->log_own = x->next_log;
    if (f->up && f->up->first_child == BC_EXEC_NO_CHILD)
        f->up->first_child = f->mark;
    x->frame = f;
    *out = (bc_msg_result_t){ 0 };
    if (!x->law->stopped(x, m, out) &&
        (creates(m) ? x->law->create(x, m, level, out) : x->law->call(x, m, level, out)))
        return true;
    end_message(x, m->gas, out);
    return false;
}

void bc_exec_end(bc_exec_t *x, bc_evm_result_t *r, bc_msg_result_t *out)
{
    bc_exec_frame_t *f = x->frame;
    *out = (bc_msg_result_t){ 0 };
    x->law->convert(x, f->m, r, out);
    bc_evm_code_unref(f->code);
    if (creates(f->m))
        x->law->created(x, out);
    end_message(x, f->m->gas, out);
}

static void run_message(bc_exec_t *x, bc_exec_frame_t *f, bc_msg_result_t *out)
{
    bc_evm_result_t r;
    bc_evm_run(x->evm, &x->rules, x->law->host, &f->run, &x->env, f->m, f->code, &r);
    bc_exec_end(x, &r, out);
}

void bc_exec_message(bc_exec_t *x, bc_evm_msg_t *m, int64_t level, bc_msg_result_t *out)
{
    bc_exec_frame_t f;
    if (begin_message(x, &f, m, level, out))
        run_message(x, &f, out);
}

bool bc_exec_begin_nested(bc_exec_t *x, bc_exec_frame_t *f, bc_evm_msg_t *m, bc_msg_result_t *out)
{
    int64_t level = ++x->seq;
    if (!x->law->keeps_logs)
        x->next_log = x->log_cnt;
    if (creates(m)) {
        bc_u256_t nonce = { { 0 } };
        if (x->web3)
            bc_exec_nonce(x, bc_exec_account(x, &m->sender), &nonce);
        bc_exec_create_address(x, m, &nonce);
    }
    return begin_message(x, f, m, level, out);
}

void bc_exec_nested(bc_exec_t *x, bc_evm_msg_t *m, bc_msg_result_t *out)
{
    bc_exec_frame_t f;
    if (bc_exec_begin_nested(x, &f, m, out))
        run_message(x, &f, out);
}
