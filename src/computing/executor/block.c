/* A block: its transactions in order, their receipts, its roots (spec/40 §2.2, §6.1). */
#include "computing/executor/block.h"

#include <stdio.h>
#include <stdlib.h>

#include "codec/hex.h"
#include "protocol/status.h"

/* --- one transaction --- */

static void bump_web3_nonce(bc_exec_t *x, const bc_exec_input_t *in)
{
    static const bc_u256_t one = { { 1 } };
    bc_account_t *a = bc_exec_account(x, &in->sender);
    bc_u256_t stored;
    if (!bc_exec_account_exists(x, a))
        bc_exec_account_create(x, a);
    bc_exec_nonce(x, a, &stored);
    if (bc_u256_order(&stored, &in->nonce) < 0)
        stored = in->nonce;
    bc_u256_addto(&stored, &one);
    bc_exec_set_nonce(x, a, &stored);
}

static void charge(bc_exec_t *x, const bc_exec_input_t *in, int64_t gas_used, bc_rows_mark_t mark,
                   bc_msg_result_t *out)
{
    bc_u256_t cost = x->config.gas_price, have;
    bc_u256_mul64(&cost, (uint64_t)gas_used);
    bc_account_t *a = bc_exec_account(x, &in->sender);
    bc_exec_balance(x, a, &have);
    if (bc_u256_order(&have, &cost) < 0) {
        bc_buf_unref(out->owner);
        out->evm = BC_EVM_INSUFFICIENT_BALANCE;
        out->status = BC_TXS_NOT_ENOUGH_CASH;
        out->output = (bc_bytes_t){ 0 };
        out->owner = NULL;
        memset(&out->created, 0, sizeof(out->created));
        bc_rows_rollback(x->rows, mark);
        return;
    }
    bc_u256_subfrom(&have, &cost);
    bc_exec_set_balance(x, a, &have);
}

void bc_exec_transaction(bc_exec_t *x, const bc_exec_input_t *in, bc_msg_result_t *out,
                         int64_t *gas_used, bool *create)
{
    x->seq = 0;
    x->web3 = x->config.legacy ? x->config.flags[BC_F_feature_evm_address] : in->type != 0;
    x->origin = in->sender;
    x->env.origin = in->sender;
    x->abi = in->abi;
    x->log_cnt = x->next_log = 0;
    bc_addr_t to = bc_addr_parse(in->to);
    bc_evm_msg_t m = { .kind = in->to.n ? BC_EVM_CALL : BC_EVM_CREATE,
                       .gas = in->gas_limit,
                       .recipient = to,
                       .code_address = to,
                       .sender = in->sender,
                       .is_static = in->call && x->config.legacy,
                       .value = in->value,
                       .input = in->input };
    if (x->config.number == 0 && bc_addr_is(&to, BC_SYS_COMMITTEE))
        m.kind = BC_EVM_CREATE;
    else if (m.kind == BC_EVM_CREATE)
        bc_exec_create_address(x, &m, &in->nonce);
    *create = m.kind == BC_EVM_CREATE;
    bc_rows_mark_t mark = bc_rows_mark(x->rows);
    if (in->type != 0 && x->config.legacy) {
        if (!in->call)
            bc_v0_nonce_seen(x, &in->sender, &in->nonce);
    } else if (in->type == 1) {
        bump_web3_nonce(x, in);
        mark = bc_rows_mark(x->rows);
    }
    bc_addr_t receiver = m.recipient; /* the message changes on its way */
    bc_exec_message(x, &m, 0, out);
    *gas_used = in->gas_limit - out->gas_left;
    if (x->config.legacy && !in->call && x->config.flags[BC_F_feature_balance_policy1])
        bc_v0_charge(x, mark, *gas_used, out);
    if (x->config.legacy)
        *gas_used = bc_v0_gas_used(x, &receiver, *create && out->status == BC_TXS_NONE, *gas_used);
    else if (!in->call && !bc_u256_zero(&x->config.gas_price))
        charge(x, in, *gas_used, mark, out);
    if (x->law->top_text && out->evm != BC_EVM_OK) {
        bc_bytes_t text = bc_exec_status_text(x, out->evm);
        if (text.n) {
            bc_buf_unref(out->owner);
            out->owner = NULL;
            out->output = text;
        }
        if (x->config.flags[BC_F_bugfix_revert_logs])
            x->log_cnt = 0;
    }
}

void bc_exec_settle(bc_exec_t *x, bc_msg_result_t *out)
{
    bc_buf_unref(out->owner);
    bc_rows_settle(x->rows);
    bc_rows_free(x->transient);
    x->transient = NULL;
    bc_arena_reset(&x->tx_arena);
}

/* --- receipts --- */

bc_err_t bc_block_tx(const bc_block_run_t *b, bc_exec_t *x, size_t i, bc_tx_done_t *d)
{
    const bc_tx_t *tx = b->in->txs[i];
    bool create = false;
    *d = (bc_tx_done_t){ 0 };
    if (tx->w.data.version < 0 || tx->w.data.version > 2)
        return BC_E_UNSUPPORTED;
    bc_exec_input_t in = { .sender = tx->sender,
                           .to = tx->w.data.to,
                           .input = tx->w.data.input,
                           .abi = tx->w.data.abi,
                           .type = (uint8_t)tx->w.type,
                           .gas_limit = x->config.gas_limit };
    if (bc_u256_parse(tx->w.data.value, &in.value))
        memset(&in.value, 0, sizeof(in.value)); /* not covered by the signature of version 0 */
    if (tx->w.type != 0 && bc_u256_parse(tx->w.data.nonce, &in.nonce))
        memset(&in.nonce, 0, sizeof(in.nonce));
    if (x->config.legacy)
        bc_v0_nonce_number(tx->w.data.nonce, &in.nonce);
    x->context_id = (int64_t)i;
    bc_exec_transaction(x, &in, &d->r, &d->gas_used, &create);
    bc_err_t err = bc_rows_err(x->rows);
    if (err)
        return err;
    size_t gas_n = (size_t)snprintf(d->gas_text, sizeof(d->gas_text), "%lld", (long long)d->gas_used);
    d->data.version = tx->w.data.version;
    d->data.gas_used = bc_bytes(d->gas_text, gas_n);
    static const bc_addr_t nobody;
    bool made = x->config.legacy ? memcmp(&d->r.created, &nobody, sizeof(nobody)) != 0 : d->r.evm == BC_EVM_OK;
    if (create && made) {
        d->created = bc_addr_text(&d->r.created);
        d->data.contract_address = bc_bytes(d->created.s, 40);
    }
    d->data.status = d->r.status;
    d->data.output = d->r.output;
    d->data.logs = (bc_tars_list_t){ x->logs, x->log_cnt };
    d->data.block_number = b->in->number;
    if (d->data.version >= 1)
        d->data.effective_gas_price = bc_cstr(b->price_text);
    bc_receipt_hash(x->config.suite, &d->data, &d->hash);
    if (!x->config.legacy)
        bc_bloom_logs(d->bloom, x->logs, x->log_cnt);
    return BC_OK;
}

bc_err_t bc_block_receipt(const bc_block_run_t *b, size_t i, const bc_tx_done_t *d,
                          const bc_u256_t *cumulative, bc_wr_t *buf, bc_arena_t *arena)
{
    bc_exec_result_t *res = b->res;
    char text[80];
    size_t text_n = bc_u256_dec(cumulative, text);
    bc_receipt_t rc = { .data = d->data };
    res->receipt_hashes[i] = d->hash;
    rc.data_hash = BC_VIEW(d->hash);
    if (!b->x.config.legacy) {
        rc.bloom = bc_bytes(d->bloom, sizeof(d->bloom));
        rc.cumulative_gas_used = bc_bytes(text, text_n);
        rc.tx_index = (uint32_t)i;
    }
    bc_wr_reset(buf);
    bc_tars_encode(&bc_receipt_tars, &rc, buf);
    bool ok = !buf->err;
    if (ok)
        res->receipt_raw[i] = bc_arena_copy(arena, bc_wr_view(buf), &ok);
    if (!ok)
        return BC_E_NOMEM;
    return bc_tars_decode(&bc_receipt_tars, res->receipt_raw[i], &res->receipts[i], arena);
}

/* --- the block --- */

bc_err_t bc_block_serial(bc_block_run_t *b, size_t from)
{
    bc_err_t err = BC_OK;
    for (size_t i = from; !err && i < b->in->tx_cnt; i++) {
        bc_tx_done_t d;
        err = bc_block_tx(b, &b->x, i, &d);
        bc_u256_t gas = { { (uint64_t)d.gas_used } };
        bc_u256_addto(&b->cumulative, &gas);
        if (!err)
            err = bc_block_receipt(b, i, &d, &b->cumulative, &b->buf, &b->res->arena);
        bc_exec_settle(&b->x, &d.r);
    }
    return err;
}

/* Tasks that do not wait for each other; the shares of the state root are the last ones. */
enum { TASK_CHANGES, TASK_RECEIPTS, TASK_TXS, TASK_STATE, STATE_SHARES = 16 };

typedef struct {
    bc_block_run_t *b;
    bc_h256_t *tx_hashes;
    size_t shares;
    bc_h256_t state[STATE_SHARES];
    bc_err_t err[TASK_STATE + STATE_SHARES];
    atomic_size_t next;
} roots_t;

static bc_err_t root_task(roots_t *r, size_t task)
{
    bc_block_run_t *b = r->b;
    size_t n = b->in->tx_cnt;
    switch (task) {
    case TASK_CHANGES:
        return bc_rows_changes(b->x.rows, &b->res->changes);
    case TASK_RECEIPTS:
        return bc_merkle_root(b->e->suite, b->res->receipt_hashes, n, &b->res->receipts_root);
    case TASK_TXS:
        for (size_t i = 0; i < n; i++)
            r->tx_hashes[i] = b->in->txs[i]->hash;
        return bc_merkle_root(b->e->suite, r->tx_hashes, n, &b->res->txs_root);
    default:
        task -= TASK_STATE;
        if (b->x.config.legacy) /* never shared */
            return bc_v0_state_root(&b->x, &r->state[task]);
        return bc_rows_root_part(b->x.rows, b->e->suite, task, r->shares, &r->state[task]);
    }
}

static void root_tasks(void *arg, size_t no)
{
    roots_t *r = arg;
    size_t task;
    (void)no;
    while ((task = atomic_fetch_add(&r->next, 1)) < TASK_STATE + r->shares)
        r->err[task] = root_task(r, task);
}

bc_err_t bc_block_roots(bc_block_run_t *b, bc_crew_t *crew)
{
    bc_exec_result_t *res = b->res;
    roots_t r = { .b = b, .shares = crew ? STATE_SHARES : 1 };
    bc_err_t err = BC_OK;
    r.tx_hashes = bc_arena_alloc(&res->arena, (b->in->tx_cnt + 1) * sizeof(*r.tx_hashes));
    if (!r.tx_hashes)
        return BC_E_NOMEM;
    atomic_init(&r.next, 0);
    if (crew)
        bc_crew_run(crew, root_tasks, &r);
    else
        root_tasks(&r, 0);
    memset(&res->state_root, 0, sizeof(res->state_root));
    for (size_t i = 0; i < TASK_STATE + r.shares; i++)
        err = err ? err : r.err[i];
    for (size_t i = 0; i < r.shares; i++) {
        for (size_t k = 0; k < 32; k++)
            res->state_root.b[k] ^= r.state[i].b[k];
    }
    bc_u256_dec(&b->cumulative, res->gas_used);
    for (size_t i = 0; i < b->in->tx_cnt; i++)
        res->sys_block |= bc_is_system_to(b->in->txs[i]->w.data.to);
    return err;
}

void bc_block_run(bc_block_run_t *b)
{
    bc_exec_result_t *res = b->res;
    size_t n = b->in->tx_cnt;
    bc_arena_init(&res->arena, 0);
    res->receipt_cnt = n;
    res->receipts = bc_arena_alloc(&res->arena, (n + 1) * sizeof(*res->receipts));
    res->receipt_hashes = bc_arena_alloc(&res->arena, (n + 1) * sizeof(*res->receipt_hashes));
    res->receipt_raw = bc_arena_alloc(&res->arena, (n + 1) * sizeof(*res->receipt_raw));
    b->err = bc_exec_open(b->e, &b->x, b->in->parent, b->in->number, b->in->timestamp, b->in->version);
    b->x.config.parent_hash = b->in->parent_hash;
    if (!b->err && (!res->receipts || !res->receipt_hashes || !res->receipt_raw))
        b->err = BC_E_NOMEM;
    if (!b->err)
        b->err = bc_exec_choose(b->e, &b->x);
    if (!b->err && b->x.config.legacy && b->in->number == 0)
        bc_v0_genesis_tables(&b->x);
    if (!b->err && !bc_u256_zero(&b->x.config.gas_price))
        bc_u256_quantity(&b->x.config.gas_price, b->price_text);
    /* version 0 keeps more than rows from transaction to transaction */
    bc_crew_t *crew = n >= b->e->parallel_min && !b->x.config.legacy ? b->e->crew : NULL;
    if (!b->err && crew && bc_crew_take(crew)) {
        b->err = bc_block_parallel(b, crew);
        bc_crew_give(crew);
    } else if (!b->err) {
        b->err = bc_block_serial(b, 0);
        if (!b->err && b->x.config.legacy)
            bc_v0_block_end(&b->x);
        if (!b->err)
            b->err = bc_block_roots(b, NULL);
        if (!b->err && b->x.config.legacy && bc_v0_after_root(&b->x)) {
            bc_changes_unref(res->changes);
            res->changes = NULL;
            b->err = bc_rows_changes(b->x.rows, &res->changes);
        }
    }
    bc_exec_close(b->e, &b->x);
    bc_wr_free(&b->buf);
}
