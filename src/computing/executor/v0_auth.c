/* Executor version 0: authority (spec/40 §7.1, §9). The checks are those of version 1; who is
 * asked about, and what a refusal says, depends on the version of the block. */
#include "codec/hex.h"
#include "computing/executor/exec.h"
#include "computing/precompiled/auth_rows.h"
#include "protocol/status.h"
#include "protocol/tx.h"

static bool refuse(bc_exec_t *x, const bc_evm_msg_t *m, int32_t status, bc_bytes_t output, bc_msg_result_t *out)
{
    bool fixed = x->config.flags[BC_F_bugfix_precompiled_evm_status];
    *out = (bc_msg_result_t){ .evm = fixed ? BC_EVM_REVERT : BC_EVM_OK,
                              .status = status,
                              .gas_left = m->gas,
                              .output = output };
    return true;
}

static bool account_refused(bc_exec_t *x, const bc_evm_msg_t *m, bc_msg_result_t *out)
{
    if (!bc_v0_since(x, 1) || m->is_static || memcmp(m->sender.b, x->origin.b, 20) != 0)
        return false;
    char table[48] = "/usr/";
    uint8_t status = 0;
    bc_hex_put(BC_VIEW(x->origin), table + 5);
    bc_auth_account_status(x->rows, bc_bytes(table, 45), x->config.number, &status);
    if (status == 1)
        return refuse(x, m, BC_TXS_ACCOUNT_FROZEN, bc_exec_error_text(x, BC_STR("Account is frozen.")), out);
    if (status == 2)
        return refuse(x, m, BC_TXS_ACCOUNT_ABOLISHED, bc_exec_error_text(x, BC_STR("Account is abolished.")), out);
    return false;
}

/* An inner message to the manager, from the account that is being created. */
static bool deploy_refused(bc_exec_t *x, const bc_evm_msg_t *m, bc_msg_result_t *out)
{
    if (bc_v0_contract(x, &m->recipient))
        return false;
    uint8_t input[36] = { 0 };
    bc_h256_t h;
    bc_msg_result_t r = { 0 };
    bc_hash(x->config.suite, BC_STR("hasDeployAuth(address)"), &h);
    memcpy(input, h.b, 4);
    memcpy(input + 16, x->origin.b, 20);
    bc_addr_t manager = bc_addr_of(BC_SYS_AUTH);
    bc_evm_msg_t q = { .kind = BC_EVM_CALL,
                       .gas = m->gas,
                       .recipient = manager,
                       .code_address = manager,
                       .sender = m->recipient,
                       .input = bc_bytes(input, sizeof(input)) };
    x->next_log = x->log_cnt;
    bc_exec_nested(x, &q, &r);
    bool allowed = r.output.n >= 32 ? r.output.p[31] != 0 : true;
    bc_buf_unref(r.owner);
    if (allowed)
        return false;
    return refuse(x, m, BC_TXS_PERMISSION_DENIED,
                  bc_v0_since(x, 1) ? bc_exec_error_text(x, BC_STR("Create permission denied.")) : m->input, out);
}

static bool contract_refused(bc_exec_t *x, const bc_evm_msg_t *m, bc_bytes_t hex, bc_msg_result_t *out)
{
    int status = bc_auth_contract_status(x->rows, hex, &x->tx_arena);
    if (status != 1 && status != 2)
        return false;
    if (status == 2 && bc_v0_since(x, 2))
        return refuse(x, m, BC_TXS_CONTRACT_ABOLISHED, bc_exec_error_text(x, BC_STR("Contract is abolished.")), out);
    bc_bytes_t said = bc_v0_since(x, 2)   ? m->input
                      : bc_v0_since(x, 1) ? bc_exec_error_text(x, BC_STR("Contract is frozen."))
                                          : (bc_bytes_t){ 0 };
    return refuse(x, m, BC_TXS_CONTRACT_FROZEN, said, out);
}

static bool method_allowed(bc_exec_t *x, const bc_evm_msg_t *m, bc_bytes_t hex)
{
    bc_addr_text_t sender = bc_addr_text(&m->sender), origin = bc_addr_text(&x->origin);
    bc_bytes_t func = bc_bytes(m->input.p, m->input.n < 4 ? 0 : 4);
    bool fixed = x->config.flags[BC_F_bugfix_method_auth_sender];
    bool ok = true;
    if (!fixed)
        ok = bc_auth_method_allowed(x->rows, hex, func, bc_bytes(origin.s, 40), &x->tx_arena);
    if (ok && (fixed || (bc_v0_since(x, 2) && memcmp(sender.s, origin.s, 40) != 0)))
        ok = bc_auth_method_allowed(x->rows, hex, func, bc_bytes(sender.s, 40), &x->tx_arena);
    return ok;
}

static bool call_refused(bc_exec_t *x, const bc_evm_msg_t *m, bc_msg_result_t *out)
{
    bc_addr_text_t hex = bc_addr_text(&m->recipient);
    bc_bytes_t name = bc_bytes(hex.s, 40);
    if (bc_v0_contract(x, &m->recipient))
        return false;
    if (!bc_is_system_to(name) && contract_refused(x, m, name, out))
        return true;
    if (m->is_static || method_allowed(x, m, name))
        return false;
    return refuse(x, m, BC_TXS_PERMISSION_DENIED,
                  bc_v0_since(x, 1) ? bc_exec_error_text(x, BC_STR("Call permission denied.")) : (bc_bytes_t){ 0 },
                  out);
}

bool bc_v0_auth_refused(bc_exec_t *x, const bc_evm_msg_t *m, bc_msg_result_t *out)
{
    if (account_refused(x, m, out))
        return true;
    return m->kind == BC_EVM_CALL ? call_refused(x, m, out) : deploy_refused(x, m, out);
}
