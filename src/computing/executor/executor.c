#include "computing/executor/executor.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/hex.h"
#include "computing/executor/exec.h"
#include "protocol/status.h"

struct bc_executor {
    bc_suite_t suite;
    const bc_chain_config_t *chain;
    bool key_pages;
    bc_pc_set_t *contracts;
    bc_evm_cache_t *codes;
    pthread_mutex_t lock; /* of the pool */
    bc_evm_t *pool[16];   /* idle interpreters; more are made and freed as needed */
    size_t pool_cnt;
};

bc_executor_t *bc_executor_new(const bc_executor_config_t *config)
{
    bc_executor_t *e = calloc(1, sizeof(*e));
    if (!e)
        return NULL;
    e->suite = config->suite;
    e->chain = config->chain;
    e->key_pages = config->key_pages;
    pthread_mutex_init(&e->lock, NULL);
    e->contracts = bc_pc_set_new(config->suite);
    e->codes = bc_evm_cache_new(config->code_cache_bytes ? config->code_cache_bytes : 64u << 20);
    if (e->contracts && e->codes)
        return e;
    bc_executor_free(e);
    return NULL;
}

void bc_executor_free(bc_executor_t *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->pool_cnt; i++)
        bc_evm_free(e->pool[i]);
    if (e->codes)
        bc_evm_cache_free(e->codes);
    bc_pc_set_free(e->contracts);
    pthread_mutex_destroy(&e->lock);
    free(e);
}

static bc_evm_t *evm_take(bc_executor_t *e)
{
    bc_evm_t *evm = NULL;
    pthread_mutex_lock(&e->lock);
    if (e->pool_cnt)
        evm = e->pool[--e->pool_cnt];
    pthread_mutex_unlock(&e->lock);
    return evm ? evm : bc_evm_new();
}

static void evm_give(bc_executor_t *e, bc_evm_t *evm)
{
    pthread_mutex_lock(&e->lock);
    if (e->pool_cnt < BC_ARRAY_LEN(e->pool)) {
        e->pool[e->pool_cnt++] = evm;
        evm = NULL;
    }
    pthread_mutex_unlock(&e->lock);
    bc_evm_free(evm);
}

/* --- stack: nested calls need room --- */

typedef struct {
    void (*fn)(void *arg);
    void *arg;
} deep_t;

static void *deep_main(void *arg)
{
    deep_t *d = arg;
    d->fn(d->arg);
    return NULL;
}

/* Is what is left of this thread's stack enough? */
static bool stack_enough(void)
{
    static _Thread_local uintptr_t low; /* of the usable stack; 0: not asked yet */
    if (!low) {
        pthread_attr_t attr;
        void *base = NULL;
        size_t size = 0;
        low = UINTPTR_MAX;
        if (pthread_getattr_np(pthread_self(), &attr) == 0) {
            if (pthread_attr_getstack(&attr, &base, &size) == 0 && base)
                low = (uintptr_t)base;
            pthread_attr_destroy(&attr);
        }
    }
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    /* a thread with exactly the documented size has already used a little of it */
    return here > low && here - low >= BC_EXECUTOR_STACK_BYTES - BC_EXECUTOR_STACK_BYTES / 8;
}

/* Runs fn(arg) with enough stack; BC_E_NOMEM when there is none to be had. */
static bc_err_t with_stack(void (*fn)(void *arg), void *arg)
{
    if (stack_enough()) {
        fn(arg);
        return BC_OK;
    }
    deep_t d = { fn, arg };
    pthread_attr_t attr;
    pthread_t t;
    if (pthread_attr_init(&attr))
        return BC_E_NOMEM;
    bool ok = pthread_attr_setstacksize(&attr, BC_EXECUTOR_STACK_BYTES) == 0 &&
              pthread_create(&t, &attr, deep_main, &d) == 0;
    pthread_attr_destroy(&attr);
    if (!ok)
        return BC_E_NOMEM;
    pthread_join(t, NULL);
    return BC_OK;
}

/* --- context --- */

static bc_err_t exec_open(bc_executor_t *e, bc_exec_t *x, bc_view_if state, int64_t number,
                          int64_t timestamp, uint32_t version)
{
    memset(x, 0, sizeof(*x));
    x->rows = bc_rows_new(state);
    x->evm = evm_take(e);
    if (!x->rows || !x->evm)
        return BC_E_NOMEM;
    x->contracts = e->contracts;
    x->codes = e->codes;
    x->config = (bc_exec_config_t){ .suite = e->suite, .number = number, .timestamp = timestamp, .version = version };
    bc_err_t err = bc_exec_config_read(x->rows, &x->config);
    if (err)
        return err;
    bc_arena_init(&x->tx_arena, 0);
    x->tables = bc_rows_table(x->rows, BC_STR("s_tables"));
    x->code_binary = bc_rows_table(x->rows, BC_STR("s_code_binary"));
    x->contract_abi = bc_rows_table(x->rows, BC_STR("s_contract_abi"));
    bool seconds = x->config.flags[BC_F_bugfix_v1_timestamp] && x->config.flags[BC_F_feature_evm_timestamp];
    x->env = (bc_evm_env_t){ .number = number,
                             .timestamp = (uint64_t)(seconds ? timestamp / 1000 : timestamp),
                             .gas_limit = x->config.gas_limit,
                             .chain_id = x->config.chain_id,
                             .gas_price = x->config.gas_price };
    x->rules = (bc_evm_rules_t){ .rev = BC_EVM_CANCUN, .suite = e->suite, .fisco = true };
    x->law = &bc_exec_v1;
    return BC_OK;
}

/* The rules of the block's executor version; the header's version must be known. */
static bc_err_t choose_rules(const bc_executor_t *e, bc_exec_t *x)
{
    if (x->config.executor_version == 1)
        return BC_OK;
    if (x->config.executor_version != 0 || (e->chain && (e->chain->is_wasm || !e->chain->is_serial_execute)))
        return BC_E_UNSUPPORTED;
    if (!bc_v0_since(x, 1))
        return BC_E_UNSUPPORTED;
    /* before 3.3 the check was a setting of the genesis file alone */
    if (!bc_v0_since(x, 3))
        x->config.auth_check = e->chain && e->chain->is_auth_check;
    x->config.key_pages = e->key_pages;
    bc_v0_open(x);
    return BC_OK;
}

static void exec_close(bc_executor_t *e, bc_exec_t *x)
{
    for (size_t i = 0; i < x->account_cap; i++) {
        if (x->accounts[i])
            bc_evm_code_unref(x->accounts[i]->code);
    }
    free(x->accounts);
    free(x->logs);
    bc_rows_free(x->transient);
    bc_arena_free(&x->tx_arena);
    bc_rows_free(x->rows);
    if (x->evm)
        evm_give(e, x->evm);
}

/* --- one transaction --- */

typedef struct {
    bc_addr_t sender;
    bc_bytes_t to, input, abi;
    bc_u256_t value, nonce;
    uint8_t type;
    int64_t gas_limit;
    bool call; /* no charge, no receipt */
} bc_exec_input_t;

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

/* Runs the steps of spec/40 §2.2; *gas_used and the message's kind come back for the receipt. */
static void run_transaction(bc_exec_t *x, const bc_exec_input_t *in, bc_msg_result_t *out,
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

static void after_transaction(bc_exec_t *x, bc_msg_result_t *out)
{
    bc_buf_unref(out->owner);
    bc_rows_settle(x->rows);
    bc_rows_free(x->transient);
    x->transient = NULL;
    bc_arena_reset(&x->tx_arena);
}

/* --- receipts --- */

typedef struct {
    bc_executor_t *e;
    const bc_exec_block_t *in;
    bc_exec_result_t *res;
    bc_exec_t x;
    bc_u256_t cumulative;
    bc_wr_t buf;
    char price_text[72];
    bc_err_t err;
} block_run_t;

static bc_err_t add_receipt(block_run_t *b, size_t i, const bc_msg_result_t *r, int64_t gas_used, bool create)
{
    bc_exec_t *x = &b->x;
    const bc_tx_t *tx = b->in->txs[i];
    char used[24], cumulative[80];
    uint8_t bloom[256] = { 0 };
    bc_addr_text_t created = bc_addr_text(&r->created);
    bc_u256_t gas = { { (uint64_t)gas_used } };
    bc_u256_addto(&b->cumulative, &gas);
    size_t used_n = (size_t)snprintf(used, sizeof(used), "%lld", (long long)gas_used);
    size_t cumulative_n = bc_u256_dec(&b->cumulative, cumulative);
    bc_receipt_t rc = { 0 };
    rc.data.version = tx->w.data.version;
    rc.data.gas_used = bc_bytes(used, used_n);
    if (create && (x->law->undo_by_status ? r->status == BC_TXS_NONE : r->evm == BC_EVM_OK))
        rc.data.contract_address = bc_bytes(created.s, 40);
    rc.data.status = r->status;
    rc.data.output = r->output;
    rc.data.logs = (bc_tars_list_t){ x->logs, x->log_cnt };
    rc.data.block_number = b->in->number;
    if (rc.data.version >= 1)
        rc.data.effective_gas_price = bc_cstr(b->price_text);
    bc_receipt_hash(x->config.suite, &rc.data, &b->res->receipt_hashes[i]);
    rc.data_hash = BC_VIEW(b->res->receipt_hashes[i]);
    if (!x->config.legacy) {
        bc_bloom_logs(bloom, x->logs, x->log_cnt);
        rc.bloom = bc_bytes(bloom, sizeof(bloom));
        rc.cumulative_gas_used = bc_bytes(cumulative, cumulative_n);
        rc.tx_index = (uint32_t)i;
    }
    bc_wr_reset(&b->buf);
    bc_tars_encode(&bc_receipt_tars, &rc, &b->buf);
    bool ok = !b->buf.err;
    if (ok)
        b->res->receipt_raw[i] = bc_arena_copy(&b->res->arena, bc_wr_view(&b->buf), &ok);
    if (!ok)
        return BC_E_NOMEM;
    return bc_tars_decode(&bc_receipt_tars, b->res->receipt_raw[i], &b->res->receipts[i], &b->res->arena);
}

static bc_err_t execute_tx(block_run_t *b, size_t i)
{
    const bc_tx_t *tx = b->in->txs[i];
    if (tx->w.data.version < 0 || tx->w.data.version > 2)
        return BC_E_UNSUPPORTED;
    bc_exec_input_t in = { .sender = tx->sender,
                           .to = tx->w.data.to,
                           .input = tx->w.data.input,
                           .abi = tx->w.data.abi,
                           .type = (uint8_t)tx->w.type,
                           .gas_limit = b->x.config.gas_limit };
    if (bc_u256_parse(tx->w.data.value, &in.value))
        memset(&in.value, 0, sizeof(in.value)); /* not covered by the signature of version 0 */
    if (tx->w.type != 0 && bc_u256_parse(tx->w.data.nonce, &in.nonce))
        memset(&in.nonce, 0, sizeof(in.nonce));
    bc_msg_result_t r = { 0 };
    int64_t gas_used = 0;
    bool create = false;
    b->x.context_id = (int64_t)i;
    run_transaction(&b->x, &in, &r, &gas_used, &create);
    bc_err_t err = bc_rows_err(b->x.rows);
    if (!err)
        err = add_receipt(b, i, &r, gas_used, create);
    after_transaction(&b->x, &r);
    b->res->sys_block |= bc_is_system_to(tx->w.data.to);
    return err;
}

static bc_err_t roots(block_run_t *b)
{
    bc_exec_result_t *res = b->res;
    bc_h256_t *hashes = bc_arena_alloc(&res->arena, (b->in->tx_cnt + 1) * sizeof(*hashes));
    if (!hashes)
        return BC_E_NOMEM;
    for (size_t i = 0; i < b->in->tx_cnt; i++)
        hashes[i] = b->in->txs[i]->hash;
    bc_err_t err = bc_merkle_root(b->e->suite, hashes, b->in->tx_cnt, &res->txs_root);
    if (!err)
        err = bc_merkle_root(b->e->suite, res->receipt_hashes, b->in->tx_cnt, &res->receipts_root);
    if (!err)
        err = b->x.config.legacy ? bc_v0_state_root(&b->x, &res->state_root)
                                 : bc_rows_root(b->x.rows, b->e->suite, &res->state_root);
    if (!err)
        err = bc_rows_changes(b->x.rows, &res->changes);
    bc_u256_dec(&b->cumulative, res->gas_used);
    return err;
}

static void run_block(void *arg)
{
    block_run_t *b = arg;
    bc_exec_result_t *res = b->res;
    size_t n = b->in->tx_cnt;
    bc_arena_init(&res->arena, 0);
    res->receipt_cnt = n;
    res->receipts = bc_arena_alloc(&res->arena, (n + 1) * sizeof(*res->receipts));
    res->receipt_hashes = bc_arena_alloc(&res->arena, (n + 1) * sizeof(*res->receipt_hashes));
    res->receipt_raw = bc_arena_alloc(&res->arena, (n + 1) * sizeof(*res->receipt_raw));
    b->err = exec_open(b->e, &b->x, b->in->parent, b->in->number, b->in->timestamp, b->in->version);
    if (!b->err && (!res->receipts || !res->receipt_hashes || !res->receipt_raw))
        b->err = BC_E_NOMEM;
    if (!b->err)
        b->err = choose_rules(b->e, &b->x);
    if (!b->err && b->x.config.legacy && b->in->number == 0)
        bc_v0_genesis_tables(&b->x);
    if (!b->err && !bc_u256_zero(&b->x.config.gas_price))
        bc_u256_quantity(&b->x.config.gas_price, b->price_text);
    for (size_t i = 0; !b->err && i < n; i++)
        b->err = execute_tx(b, i);
    if (!b->err && b->x.config.legacy)
        bc_v0_block_end(&b->x);
    if (!b->err)
        b->err = roots(b);
    exec_close(b->e, &b->x);
    bc_wr_free(&b->buf);
}

static bc_err_t local_execute(void *self, const bc_exec_block_t *in, bc_exec_result_t **out)
{
    block_run_t *b = calloc(1, sizeof(*b));
    bc_exec_result_t *res = calloc(1, sizeof(*res));
    bc_err_t err = BC_E_NOMEM;
    if (b && res) {
        b->e = self;
        b->in = in;
        b->res = res;
        err = with_stack(run_block, b);
        if (!err)
            err = b->err;
    }
    free(b);
    if (err)
        bc_exec_result_free(res);
    else
        *out = res;
    return err;
}

/* --- calls and reads --- */

typedef struct {
    bc_executor_t *e;
    const bc_exec_call_t *in;
    bc_exec_call_result_t *out;
    bc_arena_t *arena;
    bc_exec_t x;
    bc_err_t err;
} call_run_t;

static void run_call(void *arg)
{
    call_run_t *c = arg;
    const bc_exec_call_t *in = c->in;
    c->err = exec_open(c->e, &c->x, in->state, in->number, in->timestamp, 0);
    bc_bytes_t v;
    if (!c->err && bc_config_value(c->x.rows, BC_STR("compatibility_version"), in->number, &v) &&
        bc_version_parse(v, &c->x.config.version))
        c->err = BC_E_CORRUPT;
    if (!c->err)
        c->err = choose_rules(c->e, &c->x);
    if (!c->err) {
        bc_exec_input_t t = { .sender = in->from,
                              .to = in->to,
                              .input = in->input,
                              .value = in->value,
                              .nonce = { { in->nonce } },
                              .type = in->type,
                              .gas_limit = in->gas_limit > 0 ? in->gas_limit : c->x.config.gas_limit,
                              .call = true };
        bc_msg_result_t r = { 0 };
        bool create = false, ok = true;
        run_transaction(&c->x, &t, &r, &c->out->gas_used, &create);
        c->err = bc_rows_err(c->x.rows);
        c->out->status = r.status;
        if (!c->err)
            c->out->output = bc_arena_copy(c->arena, r.output, &ok);
        if (!ok)
            c->err = BC_E_NOMEM;
        after_transaction(&c->x, &r);
    }
    exec_close(c->e, &c->x);
}

static bc_err_t local_call(void *self, const bc_exec_call_t *in, bc_exec_call_result_t *out, bc_arena_t *arena)
{
    call_run_t *c = calloc(1, sizeof(*c));
    if (!c)
        return BC_E_NOMEM;
    memset(out, 0, sizeof(*out));
    c->e = self;
    c->in = in;
    c->out = out;
    c->arena = arena;
    bc_err_t err = with_stack(run_call, c);
    if (!err)
        err = c->err;
    free(c);
    return err;
}

/* One row of an account; raw address tables once the flag is set. */
static bc_err_t account_row(bc_view_if state, const bc_addr_t *a, bc_bytes_t key, bc_bytes_t *v, bc_arena_t *arena)
{
    uint8_t buf[64];
    bc_bytes_t flag;
    bc_err_t err = state.ops->get(state.self, BC_STR("s_config"),
                                  bc_cstr(bc_feature_name(BC_F_feature_raw_address)), &flag, arena);
    if (err && err != BC_E_NOT_FOUND)
        return err;
    *v = (bc_bytes_t){ 0 };
    return state.ops->get(state.self, bc_exec_account_table(a, !err, buf), key, v, arena);
}

static bc_err_t by_code_hash(bc_view_if state, const bc_addr_t *a, bc_bytes_t table, bc_bytes_t old_key,
                             bc_bytes_t *out, bc_arena_t *arena)
{
    bc_bytes_t hash;
    *out = (bc_bytes_t){ 0 };
    bc_err_t err = account_row(state, a, BC_STR("codeHash"), &hash, arena);
    if (!err)
        err = state.ops->get(state.self, table, hash, out, arena);
    if (err == BC_E_NOT_FOUND)
        err = account_row(state, a, old_key, out, arena);
    return err == BC_E_NOT_FOUND ? BC_OK : err;
}

static bc_err_t local_code(void *self, bc_view_if state, const bc_addr_t *a, bc_bytes_t *out, bc_arena_t *arena)
{
    (void)self;
    return by_code_hash(state, a, BC_STR("s_code_binary"), BC_STR("code"), out, arena);
}

static bc_err_t local_abi(void *self, bc_view_if state, const bc_addr_t *a, bc_bytes_t *out, bc_arena_t *arena)
{
    (void)self;
    return by_code_hash(state, a, BC_STR("s_contract_abi"), BC_STR("abi"), out, arena);
}

static bc_err_t number_row(bc_view_if state, const bc_addr_t *a, bc_bytes_t key, bc_u256_t *out)
{
    bc_arena_t scratch = { 0 };
    bc_bytes_t v;
    memset(out, 0, sizeof(*out));
    bc_err_t err = account_row(state, a, key, &v, &scratch);
    if (!err && bc_u256_parse(v, out))
        err = BC_E_CORRUPT;
    bc_arena_free(&scratch);
    return err == BC_E_NOT_FOUND ? BC_OK : err;
}

static bc_err_t local_balance(void *self, bc_view_if state, const bc_addr_t *a, bc_u256_t *out)
{
    (void)self;
    return number_row(state, a, BC_STR("balance"), out);
}

static bc_err_t local_nonce(void *self, bc_view_if state, const bc_addr_t *a, uint64_t *out)
{
    bc_u256_t v;
    (void)self;
    bc_err_t err = number_row(state, a, BC_STR("nonce"), &v);
    *out = v.w[1] | v.w[2] | v.w[3] ? UINT64_MAX : v.w[0];
    return err;
}

static bc_err_t local_storage(void *self, bc_view_if state, const bc_addr_t *a, const bc_h256_t *key, bc_h256_t *out)
{
    bc_arena_t scratch = { 0 };
    bc_bytes_t v;
    (void)self;
    memset(out, 0, sizeof(*out));
    bc_err_t err = account_row(state, a, BC_VIEW(*key), &v, &scratch);
    if (!err && v.n)
        memcpy(out->b, v.p, BC_MIN(v.n, sizeof(out->b)));
    bc_arena_free(&scratch);
    return err == BC_E_NOT_FOUND ? BC_OK : err;
}

static const bc_executor_ops_t local_ops = {
    .execute = local_execute,
    .call = local_call,
    .code = local_code,
    .abi = local_abi,
    .balance = local_balance,
    .nonce = local_nonce,
    .storage = local_storage,
};

bc_executor_if bc_executor_local(bc_executor_t *e)
{
    return (bc_executor_if){ &local_ops, e };
}
