/* Executor version 0: what its messages do otherwise (spec/40 §9). The older compatibility
 * versions of a chain change more here than version 1 ever had: every such difference is a
 * feature flag or a comparison with the block's version, as it was when the chain ran.
 * Official: bcos-executor, executive/TransactionExecutive.cpp and vm/HostContext.cpp. */
#include "codec/hex.h"
#include "computing/executor/exec.h"
#include "computing/precompiled/contracts.h"
#include "protocol/status.h"
#include "protocol/tx.h"

enum { DEPOSIT_GAS = 20, TRANSFER_GAS = 21000, CODE_MAX_OLD = 0x40000, CODE_MAX = 0x100000 };

static const bc_bytes_t none = { 0 };

static bool flag(const bc_exec_t *x, bc_feature_t f)
{
    return x->config.flags[f];
}

/* A failed message. What it says: a text since 3.1; before that its own input came back. */
static void fail(bc_exec_t *x, const bc_evm_msg_t *m, bc_evm_status_t evm, int32_t status, int64_t gas_left,
                 bc_bytes_t text, bc_msg_result_t *out)
{
    bc_bytes_t output = text.n && bc_v0_since(x, 1) ? bc_exec_error_text(x, text) : m->input;
    bc_exec_set_result(out, evm, status, gas_left, output);
}

/* Failures without code: the caller saw success until bugfix_precompiled_evm_status. */
static bc_evm_status_t plain_failure(const bc_exec_t *x)
{
    return flag(x, BC_F_bugfix_precompiled_evm_status) ? BC_EVM_REVERT : BC_EVM_OK;
}

/* --- the interpreter's answer --- */

static const struct {
    int32_t status;
    const char *text;
} endings[] = {
    [BC_EVM_OUT_OF_GAS] = { BC_TXS_OUT_OF_GAS, "Execution out of gas." },
    [BC_EVM_STACK_OVERFLOW] = { BC_TXS_OUT_OF_STACK, "Execution stack overflow." },
    [BC_EVM_STACK_UNDERFLOW] = { BC_TXS_STACK_UNDERFLOW, "Execution needs more items on EVM stack." },
    [BC_EVM_INVALID] = { BC_TXS_BAD_INSTRUCTION, "Execution invalid/undefined opcode." },
    [BC_EVM_UNDEFINED] = { BC_TXS_BAD_INSTRUCTION, "Execution invalid/undefined opcode." },
    [BC_EVM_BAD_JUMP] = { BC_TXS_BAD_JUMP, "Execution has violated the jump destination restrictions." },
    [BC_EVM_BAD_RETURNDATA] = { BC_TXS_STACK_UNDERFLOW, "Execution tried to read outside memory bounds." },
    [BC_EVM_STATIC_VIOLATION] = { BC_TXS_UNKNOWN,
                                  "Execution tried to execute an operation which is restricted in static mode." },
};

static void convert(bc_exec_t *x, const bc_evm_msg_t *m, bc_evm_result_t *r, bc_msg_result_t *out)
{
    if (r->status == BC_EVM_OK || r->status == BC_EVM_REVERT) {
        *out = (bc_msg_result_t){ .evm = r->status,
                                  .status = r->status == BC_EVM_OK ? BC_TXS_NONE : BC_TXS_REVERT,
                                  .gas_left = r->gas_left,
                                  .output = r->output,
                                  .owner = r->output_owner };
        return;
    }
    bc_buf_unref(r->output_owner);
    bool known = (size_t)r->status < BC_ARRAY_LEN(endings) && endings[r->status].text;
    bool spent = r->status == BC_EVM_OUT_OF_GAS || flag(x, BC_F_bugfix_evm_exception_gas_used);
    fail(x, m, r->status, known ? endings[r->status].status : BC_TXS_OUT_OF_GAS, spent ? 0 : m->gas,
         known ? bc_cstr(endings[r->status].text) : none, out);
    if (r->status == BC_EVM_STATIC_VIOLATION && flag(x, BC_F_bugfix_staticcall_noaddr_return))
        out->output = none;
}

/* --- value --- */

/* The account contract took part as an inner message. */
static void child(bc_exec_t *x)
{
    if (x->frame && x->frame->first_child == BC_EXEC_NO_CHILD)
        x->frame->first_child = bc_rows_mark(x->rows);
    x->seq++;
}

static void get_balance(void *ctx, const bc_addr_t *a, bc_u256_t *out)
{
    bc_exec_t *x = ((bc_exec_code_frame_t *)ctx)->x;
    memset(out, 0, sizeof(*out));
    if (!flag(x, BC_F_feature_balance))
        return;
    child(x);
    bc_exec_balance(x, bc_exec_account(x, a), out);
}

static void no_cash(bc_exec_t *x, const bc_evm_msg_t *m, bc_bytes_t text, bc_msg_result_t *out)
{
    bc_exec_set_result(out, BC_EVM_INSUFFICIENT_BALANCE, BC_TXS_NOT_ENOUGH_CASH, m->gas,
                       bc_exec_error_text(x, text));
}

/* An inner message to the account contract, from the balance contract's address. */
static bool account_add(bc_exec_t *x, const bc_account_t *to, const bc_evm_msg_t *m, bc_msg_result_t *out)
{
    bc_addr_t account = bc_addr_of(BC_SYS_ACCOUNT), balance = bc_addr_of(BC_SYS_BALANCE), origin = x->origin;
    uint8_t call[36];
    bc_h256_t h;
    bc_wr_t w = { 0 };
    bc_hash(x->config.suite, BC_STR("addAccountBalance(uint256)"), &h);
    memcpy(call, h.b, 4);
    bc_u256_to_be(&m->value, call + 4);
    bc_abi_val_t name = bc_abi_bytes(bc_table_name(to->table));
    bc_abi_val_t items[] = { bc_abi_tuple(&name, 1), bc_abi_bytes(bc_bytes(call, sizeof(call))) };
    bc_abi_val_t v = bc_abi_tuple(items, 2);
    BC_MUST(!bc_abi_encode("(string[],bytes)", &v, &w));
    bc_evm_msg_t q = { .kind = BC_EVM_CALL,
                       .gas = m->gas,
                       .sender = to->addr,
                       .recipient = account,
                       .code_address = m->recipient,
                       .input = bc_wr_view(&w) };
    x->origin = balance;
    child(x);
    bc_exec_call_system(x, &bc_pc_account, &q, out);
    x->origin = origin;
    bc_wr_free(&w);
    return out->status == BC_TXS_NONE;
}

/* False: refused, *out filled. */
static bool transfer(bc_exec_t *x, const bc_evm_msg_t *m, bc_msg_result_t *out)
{
    bc_account_t *from = bc_exec_account(x, &m->sender), *to = bc_exec_account(x, &m->recipient);
    bc_u256_t have;
    child(x);
    if (!bc_exec_account_exists(x, from)) {
        no_cash(x, m, BC_STR("Account table not exist, subBalance failed!"), out);
        return false;
    }
    bc_exec_balance(x, from, &have);
    if (bc_u256_order(&have, &m->value) < 0) {
        no_cash(x, m, BC_STR("Account balance is not enough!"), out);
        return false;
    }
    bc_u256_subfrom(&have, &m->value);
    bc_exec_set_balance(x, from, &have);
    bc_msg_result_t added = { 0 };
    if (!account_add(x, to, m, &added)) {
        *out = added;
        return false;
    }
    bc_buf_unref(added.owner);
    return true;
}

static bool caller_listed(bc_exec_t *x, const bc_addr_t *a)
{
    bc_addr_text_t hex = bc_addr_text(a);
    bc_bytes_t v;
    return bc_rows_get(x->rows, bc_rows_table(x->rows, BC_STR("s_balance_caller")), bc_bytes(hex.s, 40), &v) &&
           bc_bytes_eq(v, BC_STR("1"));
}

static bool pay(bc_exec_t *x, bc_evm_msg_t *m, bc_msg_result_t *out)
{
    bool top = x->frame->up == NULL;
    if (flag(x, BC_F_feature_balance_policy2) && !caller_listed(x, &m->sender) && !caller_listed(x, &m->recipient)) {
        bc_exec_set_result(out, plain_failure(x), BC_TXS_PERMISSION_DENIED, m->gas, m->input);
        return false;
    }
    if (top && m->gas < TRANSFER_GAS) {
        bc_exec_set_result(out, BC_EVM_OUT_OF_GAS, BC_TXS_OUT_OF_GAS, m->gas, m->input);
        return false;
    }
    if (top)
        m->gas -= TRANSFER_GAS;
    if (!transfer(x, m, out)) {
        if (flag(x, BC_F_bugfix_precompiled_evm_status))
            out->evm = BC_EVM_REVERT;
        return false;
    }
    if (m->input.n == 0 && !flag(x, BC_F_bugfix_support_transfer_receive_fallback)) {
        bc_exec_set_result(out, BC_EVM_OK, BC_TXS_NONE, m->gas, none);
        return false; /* nothing more to do */
    }
    return true;
}

/* Policy 1: the sender pays for the gas, also when the price is nothing; without the means all is
 * taken back, but the receipt keeps what was said. */
void bc_v0_charge(bc_exec_t *x, bc_rows_mark_t mark, int64_t gas_used, bc_msg_result_t *out)
{
    bc_account_t *a = bc_exec_account(x, &x->origin);
    bc_u256_t cost = x->config.gas_price, have;
    bc_u256_mul64(&cost, (uint64_t)gas_used);
    bc_exec_balance(x, a, &have);
    bool has_row = bc_rows_get(x->rows, a->table, BC_STR("balance"), NULL);
    if (!bc_exec_account_exists(x, a) || !has_row || bc_u256_order(&have, &cost) < 0) {
        bc_rows_rollback(x->rows, mark);
        out->status = BC_TXS_NOT_ENOUGH_CASH;
        out->evm = BC_EVM_INSUFFICIENT_BALANCE;
        return;
    }
    bc_u256_subfrom(&have, &cost);
    bc_exec_set_balance(x, a, &have);
}

/* --- before the code --- */

/* A contract that creates counts its creations. */
static void count_creation(bc_exec_t *x, const bc_evm_msg_t *m)
{
    static const bc_u256_t one = { { 1 } };
    bc_account_t *a = bc_exec_account(x, &m->sender);
    bc_addr_text_t hex = bc_addr_text(&m->sender);
    bc_u256_t nonce;
    if (flag(x, BC_F_bugfix_nonce_initialize) && bc_is_system_to(bc_bytes(hex.s, 40)))
        return; /* system addresses do not count */
    bc_exec_nonce(x, a, &nonce);
    bc_u256_addto(&nonce, &one);
    bc_exec_set_nonce(x, a, &nonce);
}

static bool stopped(bc_exec_t *x, bc_evm_msg_t *m, bc_msg_result_t *out)
{
    bool create = m->kind == BC_EVM_CREATE || m->kind == BC_EVM_CREATE2;
    if (!x->config.balance_transfer)
        memset(&m->value, 0, sizeof(m->value));
    if (flag(x, BC_F_feature_balance) && !bc_u256_zero(&m->value) && !pay(x, m, out))
        return true;
    if (flag(x, BC_F_bugfix_nonce_not_increase_when_revert) && create &&
        memcmp(m->sender.b, x->origin.b, sizeof(m->sender.b)) != 0)
        count_creation(x, m);
    return (create || m->kind == BC_EVM_CALL) && x->config.auth_check && bc_v0_auth_refused(x, m, out);
}

/* --- creates --- */

/* The tables of a new contract; false: somebody has the address. */
static bool create_tables(bc_exec_t *x, const bc_evm_msg_t *m, bc_account_t *self)
{
    static const bc_u256_t one = { { 1 } };
    static const uint8_t zero[17];
    if (bc_u256_zero(&m->value)) {
        if (bc_exec_account_exists(x, self))
            return false;
        bc_exec_account_create(x, self);
        /* before 3.3 what system contracts created got none */
        bool sys = memcmp(m->sender.b, zero, sizeof(zero)) == 0 && m->sender.b[17] < 16;
        if (((x->config.auth_check && !sys) || bc_v0_since(x, 3)) &&
            !bc_auth_create_table(x->rows, bc_table_name(self->table), &x->origin))
            return false;
    }
    if (flag(x, BC_F_bugfix_set_contract_nonce_when_create))
        bc_exec_set_nonce(x, self, &one);
    if (flag(x, BC_F_feature_sharding) && memcmp(m->sender.b, x->origin.b, sizeof(m->sender.b)) != 0) {
        bc_wr_t w = { 0 };
        bc_wr_str(&w, "inherent:");
        bc_wr_put(&w, bc_table_name(bc_exec_account(x, &m->sender)->table));
        bc_rows_put(x->rows, self->table, BC_STR("shard"), bc_wr_view(&w));
        bc_wr_free(&w);
    }
    return true;
}

/* Into a table that is there; before 3.1 code and ABI lived in the account. */
static void set_code(bc_exec_t *x, bc_account_t *self, bc_bytes_t code, const bc_bytes_t *abi)
{
    bc_h256_t hash;
    bc_bytes_t old;
    if (!bc_exec_account_exists(x, self))
        return;
    bc_hash(x->config.suite, code, &hash);
    if (!bc_v0_since(x, 1)) {
        bc_rows_put(x->rows, self->table, BC_STR("codeHash"), BC_VIEW(hash));
        bc_rows_put(x->rows, self->table, BC_STR("code"), code);
        if (abi)
            bc_rows_put(x->rows, self->table, BC_STR("abi"), *abi);
        return;
    }
    if (!bc_rows_get(x->rows, x->code_binary, BC_VIEW(hash), NULL))
        bc_rows_put(x->rows, x->code_binary, BC_VIEW(hash), code);
    bc_rows_put(x->rows, self->table, BC_STR("codeHash"), BC_VIEW(hash));
    if (flag(x, BC_F_feature_balance) && !flag(x, BC_F_bugfix_delete_account_code))
        bc_rows_del(x->rows, self->table, BC_STR("code"));
    if (!abi)
        return;
    bool has = bc_rows_get(x->rows, x->contract_abi, BC_VIEW(hash), &old);
    if (!has || (flag(x, BC_F_bugfix_empty_abi_reset) && old.n == 0))
        bc_rows_put(x->rows, x->contract_abi, BC_VIEW(hash), *abi);
}

/* Code came out of the init code: is it any good? */
static void created(bc_exec_t *x, bc_msg_result_t *out)
{
    if (out->status != BC_TXS_NONE)
        return;
    const bc_evm_msg_t *m = x->frame->m;
    bc_buf_t *owner = out->owner;
    bc_bytes_t code = out->output;
    int64_t left = out->gas_left, cost = (int64_t)code.n * DEPOSIT_GAS;
    out->owner = NULL;
    if (code.n > (bc_v0_since(x, 2) || flag(x, BC_F_feature_evm_cancun) ? CODE_MAX : CODE_MAX_OLD)) {
        fail(x, m, BC_EVM_OK, BC_TXS_OUT_OF_GAS, left, BC_STR("Deploy code is too large."), out);
    } else if (cost > left) {
        fail(x, m, BC_EVM_OK, BC_TXS_OUT_OF_GAS, left, BC_STR("Exceptional Failed Code Deposit"), out);
    } else if (code.n == 0) {
        fail(x, m, BC_EVM_OK, BC_TXS_UNKNOWN, left,
             BC_STR("Create contract with empty code, invalid code input."), out);
        if (!bc_v0_since(x, 1))
            out->output = none;
    } else {
        set_code(x, x->frame->run.self, code, x->frame->up ? &none : &x->abi);
        bc_exec_set_result(out, BC_EVM_OK, BC_TXS_NONE, left - cost, none);
        out->created = m->code_address;
    }
    bc_buf_unref(owner);
}

static bool create(bc_exec_t *x, bc_evm_msg_t *m, int64_t level, bc_msg_result_t *out)
{
    (void)level;
    bc_account_t *self = bc_exec_account(x, &m->recipient);
    if (!create_tables(x, m, self)) {
        fail(x, m, plain_failure(x), BC_TXS_ADDRESS_USED, m->gas, BC_STR("Contract address already used."), out);
        return false;
    }
    bc_evm_code_t *init = bc_evm_code_new(m->input, x->rules.rev);
    BC_MUST(init);
    bc_exec_enter_code(x, self, &m->code_address, m, init);
    return true;
}

/* --- calls --- */

static void absent(bc_exec_t *x, const bc_evm_msg_t *m, bc_msg_result_t *out)
{
    bool inner = x->frame->up != NULL;
    if ((flag(x, BC_F_bugfix_call_noaddr_return) && m->is_static && inner) ||
        (flag(x, BC_F_feature_balance_policy1) && flag(x, BC_F_bugfix_policy1_empty_code_address))) {
        bool empty = flag(x, BC_F_bugfix_staticcall_noaddr_return);
        bc_exec_set_result(out, BC_EVM_OK, BC_TXS_NONE, m->gas, empty ? none : m->input);
        return;
    }
    /* also an inner caller sees success, with the text as data */
    fail(x, m, BC_EVM_OK, BC_TXS_CALL_ADDRESS_ERROR, m->gas, BC_STR("Call address error."), out);
}

static bool call(bc_exec_t *x, bc_evm_msg_t *m, int64_t level, bc_msg_result_t *out)
{
    (void)level;
    bool delegate = m->kind != BC_EVM_CALL;
    const bc_pc_contract_t *c = delegate ? NULL : bc_v0_contract(x, &m->code_address);
    if (c) {
        bc_exec_call_system(x, c, m, out);
        return false;
    }
    bc_evm_code_t *code = bc_exec_code(x, bc_exec_account(x, &m->code_address));
    if (!code) {
        absent(x, m, out);
        return false;
    }
    bc_bytes_t text = bc_evm_code_bytes(code);
    if (bc_exec_is_dynamic(text)) {
        if (!bc_exec_call_dynamic(x, text, m, out))
            fail(x, m, BC_EVM_OK, BC_TXS_REVERT, m->gas, BC_STR("CallDynamicPrecompiled error code field."), out);
        return false;
    }
    bc_account_t *self = bc_exec_account(x, &m->recipient);
    /* who a delegate says it is: before the fix, the contract that lent its code */
    if (delegate && !flag(x, BC_F_bugfix_evm_create2_delegatecall_staticcall_codecopy))
        m->recipient = m->code_address;
    if (!flag(x, BC_F_feature_balance))
        memset(&m->value, 0, sizeof(m->value));
    bc_exec_enter_code(x, self, &m->code_address, m, bc_evm_code_ref(code));
    return true;
}

static void system_end(bc_exec_t *x, const bc_evm_msg_t *m, bc_pc_end_t end, bc_pc_t *pc, bc_msg_result_t *out)
{
    if (end == BC_PC_OK && pc->gas_left >= 0)
        return;
    if (end == BC_PC_OK) {
        fail(x, m, plain_failure(x), BC_TXS_OUT_OF_GAS, m->gas, BC_STR("Call precompiled out of gas."), out);
    } else if (end == BC_PC_ERROR) {
        bc_exec_set_result(out, bc_v0_since(x, 6) ? BC_EVM_REVERT : plain_failure(x), BC_TXS_PRECOMPILED_ERROR,
                           m->gas, bc_exec_error_text(x, pc->text));
    } else {
        bc_exec_set_result(out, plain_failure(x), BC_TXS_UNKNOWN, m->gas,
                           bc_exec_error_text(x, BC_STR("InternalPrecompiledFailed")));
    }
}

/* --- messages of running code --- */

/* Contracts that run in their caller's place: 0x1..0x9 and these, whatever their gate. */
static const bc_pc_contract_t *built_in(const bc_addr_t *a)
{
    static const uint32_t list[] = { BC_SYS_CRYPTO, BC_SYS_CAST, BC_SYS_GROUP_SIG, BC_SYS_RING_SIG };
    for (size_t i = 0; i < BC_ARRAY_LEN(list); i++) {
        if (bc_addr_is(a, list[i]))
            return bc_pc_find(a);
    }
    return NULL;
}

static void built_in_failed(bc_msg_result_t *out)
{
    bc_exec_set_result(out, BC_EVM_INTERNAL, BC_TXS_UNKNOWN, 0, none);
}

static void run_ethereum(bc_exec_t *x, unsigned number, const bc_evm_msg_t *m, bc_msg_result_t *out)
{
    bc_wr_t w = { 0 };
    bc_evm_pre_t pre = { 0 };
    bc_exec_precompile(x, number, m, &w, &pre);
    if (!pre.ok || pre.gas_cost > m->gas) {
        built_in_failed(out);
    } else {
        /* 3.0 gave the cost back in place of the rest */
        bc_exec_set_result(out, BC_EVM_OK, BC_TXS_NONE, bc_v0_since(x, 1) ? m->gas - pre.gas_cost : pre.gas_cost, none);
        out->owner = bc_buf_copy(bc_wr_view(&w));
        out->output = bc_buf_view(out->owner);
    }
    bc_wr_free(&w);
}

static bool run_built_in(bc_exec_t *x, const bc_evm_msg_t *m, bc_msg_result_t *out)
{
    unsigned number = bc_exec_ethereum_number(&m->code_address);
    const bc_pc_contract_t *c = number ? NULL : built_in(&m->code_address);
    if (m->kind != BC_EVM_CALL || !(number || c))
        return false;
    if (number) {
        run_ethereum(x, number, m, out);
    } else if (!bc_v0_contract(x, &m->code_address)) {
        built_in_failed(out);
    } else {
        bc_exec_call_system(x, c, m, out);
        if (out->status != BC_TXS_NONE || out->gas_left < 0)
            built_in_failed(out);
    }
    return true;
}

/* A delegate without code ends before it is a message: no sequence number. */
static bool delegate_without_code(bc_exec_t *x, bc_evm_msg_t *m, bc_msg_result_t *out)
{
    static const uint8_t too_much[130 << 20];
    if (!bc_v0_since(x, 1)) { /* 3.0 had no delegates: an answer that nobody can pay for */
        bc_exec_set_result(out, BC_EVM_INVALID, BC_TXS_BAD_INSTRUCTION, 0, bc_bytes(too_much, sizeof(too_much)));
        return true;
    }
    bc_account_t *a = bc_exec_account(x, &m->code_address);
    bc_evm_code_t *code = bc_exec_code(x, a);
    bool in_account = code && !flag(x, BC_F_bugfix_call_noaddr_return) &&
                      !(bc_exec_code_hash(x, a, &(bc_h256_t){ 0 }) && bc_rows_get(x->rows, x->code_binary, BC_VIEW(a->code_hash), NULL));
    if (code && bc_evm_code_bytes(code).n && !in_account)
        return false;
    bool fine = flag(x, BC_F_bugfix_call_noaddr_return);
    bc_exec_set_result(out, fine ? BC_EVM_OK : BC_EVM_REVERT, fine ? BC_TXS_NONE : BC_TXS_REVERT, m->gas, none);
    return true;
}

/* Who the message is from, to, and whose storage it runs on, as the older host puts it. */
static void address_message(bc_exec_t *x, const bc_exec_code_frame_t *f, bc_evm_msg_t *m)
{
    bool fixed = flag(x, BC_F_bugfix_evm_create2_delegatecall_staticcall_codecopy);
    m->is_static = f->is_static || (fixed && m->is_static);
    if (!flag(x, BC_F_feature_balance))
        memset(&m->value, 0, sizeof(m->value));
    if (m->kind == BC_EVM_CREATE2 && !fixed) {
        /* neither data nor the mark of a creation went along: a call of nobody */
        m->kind = BC_EVM_CALL;
        m->input = none;
        memset(&m->recipient, 0xff, sizeof(m->recipient));
        m->code_address = m->recipient;
    } else if (m->kind == BC_EVM_DELEGATECALL || m->kind == BC_EVM_CALLCODE) {
        m->recipient = flag(x, BC_F_bugfix_call_noaddr_return) ? f->address : f->code;
        if (m->kind == BC_EVM_CALLCODE)
            m->sender = f->address;
    }
}

/* The logs so far go along with an inner message and come back behind those made later, until
 * bugfix_event_log_order. 3.0 kept them apart and forgot those of inner messages. */
static void logs_before(bc_exec_t *x)
{
    bool along = bc_v0_since(x, 1) && !flag(x, BC_F_bugfix_event_log_order);
    x->next_log = along && x->frame ? x->frame->log_own : x->log_cnt;
}

static void logs_after(bc_exec_t *x, size_t mark, bool built_in_call)
{
    if (flag(x, BC_F_bugfix_event_log_order) || !x->frame)
        return;
    if (!bc_v0_since(x, 1))
        x->log_cnt = mark;
    else if (built_in_call)
        x->log_cnt = x->frame->log_own; /* nobody brings them back */
    else
        x->frame->log_own = x->log_cnt;
}

static void inner_ended(bc_exec_t *x, size_t logs, bc_msg_result_t *out)
{
    logs_after(x, logs, false);
    if (!bc_v0_since(x, 1) && out->status != BC_TXS_NONE && out->evm == BC_EVM_OK)
        out->evm = BC_EVM_INTERNAL; /* 3.0 showed the transaction status to the caller */
}

static void inner_end(bc_exec_t *x, const bc_exec_frame_t *f, bc_msg_result_t *out)
{
    inner_ended(x, f->log_before, out);
}

static bool inner(bc_exec_t *x, const bc_exec_code_frame_t *caller, bc_exec_frame_t *f, bc_evm_msg_t *m,
                  bc_msg_result_t *out)
{
    size_t logs = x->log_cnt;
    bool delegate = m->kind == BC_EVM_DELEGATECALL || m->kind == BC_EVM_CALLCODE;
    address_message(x, caller, m);
    *out = (bc_msg_result_t){ 0 };
    if (run_built_in(x, m, out)) {
        logs_after(x, logs, true);
        if (out->evm == BC_EVM_OK && flag(x, BC_F_feature_balance) && !bc_u256_zero(&m->value)) {
            bc_evm_msg_t pay_to = *m;
            bc_msg_result_t paid = { 0 };
            if (!transfer(x, &pay_to, &paid)) {
                bc_buf_unref(out->owner);
                *out = paid;
            }
        }
        return false;
    }
    logs_before(x);
    if (!(delegate && delegate_without_code(x, m, out)) && bc_exec_begin_nested(x, f, m, out)) {
        f->log_before = logs;
        return true;
    }
    inner_ended(x, logs, out);
    return false;
}

static void reverse(bc_log_entry_t *v, size_t from, size_t to)
{
    for (; from + 1 < to; from++, to--) {
        bc_log_entry_t t = v[from];
        v[from] = v[to - 1];
        v[to - 1] = t;
    }
}

/* A frame's end brings the logs of its inner messages behind its last own ones. */
static void logs_end(bc_exec_t *x)
{
    size_t a = x->frame->log_mark, b = x->frame->log_own, c = x->log_cnt;
    if (b <= a || b >= c || flag(x, BC_F_bugfix_event_log_order))
        return;
    reverse(x->logs, a, b);
    reverse(x->logs, b, c);
    reverse(x->logs, a, c);
}

static void run_converted(bc_exec_t *x, const bc_evm_msg_t *m, bc_evm_result_t *r, bc_msg_result_t *out)
{
    logs_end(x);
    convert(x, m, r, out);
}

static void undo(bc_exec_t *x)
{
    const bc_exec_frame_t *f = x->frame;
    if (flag(x, BC_F_bugfix_revert))
        bc_rows_rollback(x->rows, f->mark);
    else
        bc_rows_rollback_between(x->rows, f->mark, f->first_child == BC_EXEC_NO_CHILD ? bc_rows_mark(x->rows) : f->first_child);
    if (x->transient)
        bc_rows_rollback(x->transient, f->transient_mark);
}

/* --- the interpreter's questions --- */

/* Code as others see it: accounts of people look empty. */
static bc_bytes_t seen_code(bc_exec_t *x, const bc_addr_t *a)
{
    static const char eoa[] = "[PRECOMPILED],0000000000000000000000000000000000010004";
    bc_evm_code_t *code = bc_exec_code(x, bc_exec_account(x, a));
    bc_bytes_t text = code ? bc_evm_code_bytes(code) : none;
    bool person = text.n >= sizeof(eoa) - 1 && memcmp(text.p, eoa, sizeof(eoa) - 1) == 0;
    return person && (flag(x, BC_F_bugfix_eoa_as_contract) || flag(x, BC_F_bugfix_eoa_match_failed)) ? none : text;
}

static size_t get_code_size(void *ctx, const bc_addr_t *a)
{
    bc_exec_t *x = ((bc_exec_code_frame_t *)ctx)->x;
    if (!bc_v0_since(x, 1) || bc_v0_contract(x, a))
        return 1;
    return seen_code(x, a).n;
}

static void get_code_hash(void *ctx, const bc_addr_t *a, bc_h256_t *out)
{
    bc_exec_t *x = ((bc_exec_code_frame_t *)ctx)->x;
    memset(out, 0, sizeof(*out));
    if (!bc_v0_since(x, 1) || bc_v0_contract(x, a))
        return;
    bc_bytes_t code = seen_code(x, a);
    if (code.n || !flag(x, BC_F_bugfix_precompiled_codehash))
        bc_hash(x->config.suite, code, out);
}

static size_t copy_code(void *ctx, const bc_addr_t *a, size_t offset, uint8_t *out, size_t n)
{
    bc_exec_code_frame_t *f = ctx;
    if (!flag(f->x, BC_F_bugfix_evm_create2_delegatecall_staticcall_codecopy)) {
        set_code(f->x, f->self, bc_bytes(out, n), NULL); /* it wrote where it should have read */
        return n;
    }
    bc_bytes_t code = seen_code(f->x, a);
    if (offset >= code.n)
        return 0;
    n = BC_MIN(n, code.n - offset);
    memcpy(out, code.p + offset, n);
    return n;
}

static bc_evm_storage_t set_storage(void *ctx, const bc_addr_t *a, const bc_h256_t *key, const bc_h256_t *value)
{
    bc_exec_host_set_storage(ctx, a, key, value);
    return BC_EVM_STORAGE_MODIFIED;
}

static bool selfdestruct(void *ctx, const bc_addr_t *a, const bc_addr_t *heir)
{
    bc_exec_code_frame_t *f = ctx;
    bc_exec_t *x = f->x;
    if (flag(x, BC_F_feature_balance) && !flag(x, BC_F_feature_balance_policy1)) {
        bc_evm_msg_t m = { .gas = 0, .sender = *a, .recipient = *heir };
        bc_msg_result_t r = { 0 };
        get_balance(ctx, a, &m.value);
        if (!bc_u256_zero(&m.value))
            (void)transfer(x, &m, &r); /* a failure is only logged */
    }
    if (bc_v0_since(x, 1))
        bc_v0_die(x, f->self);
    return false;
}

static void get_block_hash(void *ctx, int64_t number, bc_h256_t *out)
{
    bc_exec_t *x = ((bc_exec_code_frame_t *)ctx)->x;
    memset(out, 0, sizeof(*out));
    if (bc_v0_since(x, 1))
        bc_exec_host_block_hash(ctx, number, out);
}

static const bc_evm_host_t host = {
    .account_exists = bc_exec_host_exists,
    .get_storage = bc_exec_host_get_storage,
    .set_storage = set_storage,
    .get_transient = bc_exec_host_get_transient,
    .set_transient = bc_exec_host_set_transient,
    .get_balance = get_balance,
    .get_code_size = get_code_size,
    .get_code_hash = get_code_hash,
    .copy_code = copy_code,
    .selfdestruct = selfdestruct,
    .emit_log = bc_exec_host_log,
    .get_block_hash = get_block_hash,
    .access_account = bc_exec_host_access_account,
    .access_storage = bc_exec_host_access_storage,
    .begin = bc_exec_host_begin,
    .end = bc_exec_host_end,
    .slot_bytes = sizeof(bc_exec_frame_t),
};

const bc_exec_rules_t bc_exec_v0 = {
    .undo_by_status = true,
    .keeps_logs = true,
    .stopped = stopped,
    .create = create,
    .call = call,
    .created = created,
    .convert = run_converted,
    .inner = inner,
    .inner_end = inner_end,
    .system_end = system_end,
    .undo = undo,
    .host = &host,
};
