/* Authority of a message (spec/40 §7.1): frozen accounts and contracts, who may deploy, who may
 * call a method. A refusal looks like success to the interpreter (EVM status 0) and carries its
 * transaction status. */
#include "codec/hex.h"
#include "computing/executor/exec.h"
#include "computing/precompiled/auth_rows.h"
#include "protocol/status.h"

static bool refuse(bc_exec_t *x, const bc_evm_msg_t *m, int32_t status, bc_bytes_t text, bc_msg_result_t *out)
{
    *out = (bc_msg_result_t){ .evm = BC_EVM_OK, .status = status, .gas_left = m->gas };
    out->output = text.n ? bc_exec_error_text(x, text) : m->input;
    return true;
}

static bool account_refused(bc_exec_t *x, const bc_evm_msg_t *m, bc_msg_result_t *out)
{
    if (m->is_static || memcmp(m->sender.b, x->origin.b, 20) != 0)
        return false;
    char table[48] = "/usr/";
    uint8_t status = 0;
    bc_hex_put(BC_VIEW(x->origin), table + 5);
    bc_auth_account_status(x->rows, bc_bytes(table, 45), x->config.number, &status);
    if (status == 1)
        return refuse(x, m, BC_TXS_ACCOUNT_FROZEN, BC_STR("Account is frozen."), out);
    if (status == 2)
        return refuse(x, m, BC_TXS_ACCOUNT_ABOLISHED, BC_STR("Account is abolished."), out);
    return false;
}

static bool native(const bc_addr_t *a)
{
    static const uint8_t zero[19];
    return (memcmp(a->b, zero, 19) == 0 && a->b[19] >= 1 && a->b[19] <= 9) || bc_pc_find(a) != NULL;
}

/* A nested message to the manager, from the account that is being created. */
static bool deploy_refused(bc_exec_t *x, const bc_evm_msg_t *m, bc_msg_result_t *out)
{
    if (m->is_static || native(&m->recipient))
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
    bc_exec_nested(x, &q, &r);
    bool allowed = r.output.n >= 32 ? r.output.p[31] != 0 : true;
    bc_buf_unref(r.owner);
    return !allowed && refuse(x, m, BC_TXS_PERMISSION_DENIED, BC_STR("Create permission denied."), out);
}

static bool call_refused(bc_exec_t *x, const bc_evm_msg_t *m, bc_msg_result_t *out)
{
    uint8_t buf[64];
    bool system = bc_exec_account_table(&m->recipient, false, buf).p[1] == 's'; /* "/sys/" */
    bc_addr_text_t hex = bc_addr_text(&m->recipient), sender = bc_addr_text(&m->sender);
    if (native(&m->recipient))
        return false;
    if (!system) {
        int status = bc_auth_contract_status(x->rows, bc_bytes(hex.s, 40), &x->tx_arena);
        if (status == 1)
            return refuse(x, m, BC_TXS_CONTRACT_FROZEN, (bc_bytes_t){ 0 }, out);
        if (status == 2)
            return refuse(x, m, BC_TXS_CONTRACT_ABOLISHED, BC_STR("Contract is abolished."), out);
    }
    if (m->is_static)
        return false;
    bc_bytes_t func = bc_bytes(m->input.p, m->input.n < 4 ? 0 : 4);
    if (!bc_auth_method_allowed(x->rows, bc_bytes(hex.s, 40), func, bc_bytes(sender.s, 40), &x->tx_arena))
        return refuse(x, m, BC_TXS_PERMISSION_DENIED, BC_STR("Call permission denied."), out);
    return false;
}

__attribute__((noinline)) bool bc_exec_auth_refused(bc_exec_t *x, const bc_evm_msg_t *m, bc_msg_result_t *out)
{
    if (account_refused(x, m, out))
        return true;
    return m->kind == BC_EVM_CREATE ? deploy_refused(x, m, out) : call_refused(x, m, out);
}
