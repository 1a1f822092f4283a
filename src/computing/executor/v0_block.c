/* Executor version 0: what a block does otherwise (spec/40 §9). */
#include "computing/executor/exec.h"
#include "computing/precompiled/contracts.h"
#include "protocol/tx.h"

#include <stdio.h>

/* In block order; the arena of rows holds them. */
struct bc_v0_dead {
    struct bc_v0_dead *next;
    const bc_account_t *account;
};

struct bc_v0_nonce {
    struct bc_v0_nonce *next;
    bc_addr_t sender;
    bc_u256_t nonce;
};

void bc_v0_open(bc_exec_t *x)
{
    bc_bytes_t v;
    bc_rows_exact(x->rows);
    /* without the row policy 1 decides */
    x->config.balance_transfer = bc_config_value(x->rows, BC_STR("balance_transfer"), x->config.number, &v)
                                     ? !bc_bytes_eq(v, BC_STR("0"))
                                     : !x->config.flags[BC_F_feature_balance_policy1];
    bool cancun = x->config.flags[BC_F_feature_evm_cancun];
    x->rules.rev = cancun ? BC_EVM_CANCUN : bc_v0_since(x, 2) ? BC_EVM_PARIS : BC_EVM_LONDON;
    uint64_t ms = (uint64_t)x->config.timestamp;
    x->env.timestamp = x->config.flags[BC_F_feature_evm_timestamp] ? ms / 1000 : ms;
    x->law = &bc_exec_v0;
}

static bool open(const bc_exec_t *x, const bc_pc_contract_t *c)
{
    switch (c->number) {
    case BC_SYS_AUTH:
    case BC_SYS_CONTRACT_AUTH:
        return x->config.auth_check || bc_v0_since(x, 3);
    case BC_SYS_CAST:
        return bc_v0_since(x, 2);
    case BC_SYS_ACCOUNT_MANAGER:
    case BC_SYS_ACCOUNT:
        return bc_v0_since(x, 1);
    case BC_SYS_PAILLIER:
        return x->config.flags[BC_F_feature_paillier];
    default:
        return c->gate == BC_GATE_NONE || x->config.flags[c->gate];
    }
}

const bc_pc_contract_t *bc_v0_contract(const bc_exec_t *x, const bc_addr_t *a)
{
    const bc_pc_contract_t *c = bc_pc_find_v0(a);
    return c && open(x, c) ? c : NULL;
}

void bc_v0_die(bc_exec_t *x, const bc_account_t *a)
{
    for (const struct bc_v0_dead *d = x->dead; d; d = d->next) {
        if (d->account == a)
            return;
    }
    struct bc_v0_dead *d = bc_arena_alloc(bc_rows_arena(x->rows), sizeof(*d));
    BC_MUST(d);
    *d = (struct bc_v0_dead){ x->dead, a };
    x->dead = d;
}

void bc_v0_nonce_number(bc_bytes_t text, bc_u256_t *out)
{
    memset(out, 0, sizeof(*out));
    bool prefix = text.n >= 2 && text.p[0] == '0' && (text.p[1] | 32) == 'x';
    for (size_t i = prefix ? 2 : 0; i < text.n; i++) {
        uint8_t c = (uint8_t)(text.p[i] | 32);
        unsigned digit = c >= '0' && c <= '9' ? c - (unsigned)'0' : c >= 'a' && c <= 'f' ? c - 'a' + 10u : 16;
        if (digit == 16) {
            memset(out, 0, sizeof(*out));
            return;
        }
        for (int k = 3; k > 0; k--)
            out->w[k] = out->w[k] << 4 | out->w[k - 1] >> 60;
        out->w[0] = out->w[0] << 4 | digit;
    }
}

void bc_v0_nonce_seen(bc_exec_t *x, const bc_addr_t *sender, const bc_u256_t *nonce)
{
    struct bc_v0_nonce *n = x->nonces;
    while (n && memcmp(n->sender.b, sender->b, sizeof(sender->b)) != 0)
        n = n->next;
    if (!n) {
        n = bc_arena_alloc(bc_rows_arena(x->rows), sizeof(*n));
        BC_MUST(n);
        *n = (struct bc_v0_nonce){ x->nonces, *sender, *nonce };
        x->nonces = n;
    } else if (bc_u256_order(&n->nonce, nonce) < 0) {
        n->nonce = *nonce;
    }
}

void bc_v0_genesis_tables(bc_exec_t *x)
{
    enum { SMALL_BANKS = 128 };
    char name[64];
    bc_rows_put(x->rows, x->tables, BC_STR("/tables/dag_transfer"), BC_STR("value"));
    for (int i = 0; i < SMALL_BANKS; i++) {
        snprintf(name, sizeof(name), "/tables/smallbank_transfer%d", i);
        bc_rows_put(x->rows, x->tables, bc_cstr(name), BC_STR("value"));
    }
}

void bc_v0_block_end(bc_exec_t *x)
{
    static const bc_u256_t one = { { 1 } };
    bc_h256_t empty;
    bc_hash(x->config.suite, (bc_bytes_t){ 0 }, &empty);
    if (x->config.flags[BC_F_bugfix_nonce_not_increase_when_revert]) {
        for (const struct bc_v0_nonce *n = x->nonces; n; n = n->next) {
            bc_account_t *a = bc_exec_account(x, &n->sender);
            bc_u256_t stored;
            bc_exec_nonce(x, a, &stored);
            if (bc_u256_order(&stored, &n->nonce) < 0)
                stored = n->nonce;
            bc_u256_addto(&stored, &one);
            bc_exec_set_nonce(x, a, &stored);
        }
    }
    for (const struct bc_v0_dead *d = x->dead; d; d = d->next) {
        if (!bc_exec_account_exists(x, d->account))
            continue;
        bc_rows_put(x->rows, d->account->table, BC_STR("codeHash"), BC_VIEW(empty));
        bc_rows_put(x->rows, d->account->table, BC_STR("code"), (bc_bytes_t){ 0 });
    }
}

/* The official program of a chain of 3.0 makes the benchmark tables by itself, beside the chain. */
bool bc_v0_after_root(bc_exec_t *x)
{
    bool now = x->config.version == 0x03000000 && x->config.number == 1;
    if (now)
        bc_v0_genesis_tables(x);
    return now;
}

bc_err_t bc_v0_state_root(bc_exec_t *x, bc_h256_t *root)
{
    return x->config.flags[BC_F_bugfix_statestorage_hash] ? bc_rows_root(x->rows, x->config.suite, root)
                                                          : bc_rows_root_parts(x->rows, x->config.suite, root);
}

int64_t bc_v0_gas_used(const bc_exec_t *x, const bc_addr_t *to, bool created, int64_t used)
{
    bc_addr_text_t hex = bc_addr_text(to);
    if (x->config.flags[BC_F_bugfix_precompiled_gasused] || !bc_is_system_to(bc_bytes(hex.s, 40)))
        return used;
    return created && x->config.flags[BC_F_bugfix_dmc_deploy_gas_used] ? used : 0;
}
