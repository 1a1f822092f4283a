#include "computing/executor/executor.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "codec/hex.h"
#include "computing/executor/block.h"
#include "protocol/status.h"

enum { PARALLEL_MIN = 32, WORKERS_MAX = 64 };

bc_executor_t *bc_executor_new(const bc_executor_config_t *config)
{
    bc_executor_t *e = calloc(1, sizeof(*e));
    if (!e)
        return NULL;
    e->suite = config->suite;
    e->chain = config->chain;
    e->key_pages = config->key_pages;
    e->parallel_min = config->parallel_always ? 1 : PARALLEL_MIN;
    e->parallel_always = config->parallel_always;
    pthread_mutex_init(&e->lock, NULL);
    e->contracts = bc_pc_set_new(config->suite);
    e->codes = bc_evm_cache_new(config->code_cache_bytes ? config->code_cache_bytes : 64u << 20);
    bool helped = config->workers > 1;
    if (helped)
        e->crew = bc_crew_new(BC_MIN(config->workers, (size_t)WORKERS_MAX) - 1);
    if (e->contracts && e->codes && (!helped || e->crew))
        return e;
    bc_executor_free(e);
    return NULL;
}

void bc_executor_free(bc_executor_t *e)
{
    if (!e)
        return;
    bc_crew_free(e->crew);
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

/* --- context --- */

static void find_tables(bc_exec_t *x)
{
    x->tables = bc_rows_table(x->rows, BC_STR("s_tables"));
    x->code_binary = bc_rows_table(x->rows, BC_STR("s_code_binary"));
    x->contract_abi = bc_rows_table(x->rows, BC_STR("s_contract_abi"));
}

bc_err_t bc_exec_open(bc_executor_t *e, bc_exec_t *x, bc_view_if state, int64_t number,
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
    find_tables(x);
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

bc_err_t bc_exec_choose(const bc_executor_t *e, bc_exec_t *x)
{
    if (x->config.executor_version == 1)
        return BC_OK;
    if (x->config.executor_version != 0 || (e->chain && (e->chain->is_wasm || !e->chain->is_serial_execute)))
        return BC_E_UNSUPPORTED;
    /* before 3.3 the check was a setting of the genesis file alone */
    if (!bc_v0_since(x, 3))
        x->config.auth_check = e->chain && e->chain->is_auth_check;
    /* not known well enough to be run: authority on chains of 3.0, and Ethereum's addresses with the
     * nonces of before 3.14 */
    if ((!bc_v0_since(x, 1) && x->config.auth_check) ||
        (x->config.flags[BC_F_feature_evm_address] &&
         !x->config.flags[BC_F_bugfix_nonce_not_increase_when_revert]))
        return BC_E_UNSUPPORTED;
    x->config.key_pages = e->key_pages;
    bc_v0_open(x);
    return BC_OK;
}

bc_err_t bc_exec_fork(bc_executor_t *e, bc_exec_t *x, const bc_exec_t *trunk)
{
    *x = (bc_exec_t){ .contracts = trunk->contracts,
                      .codes = trunk->codes,
                      .config = trunk->config,
                      .env = trunk->env,
                      .rules = trunk->rules,
                      .law = trunk->law };
    x->rows = bc_rows_fork(trunk->rows);
    x->evm = evm_take(e);
    if (!x->rows || !x->evm)
        return BC_E_NOMEM;
    find_tables(x);
    return bc_rows_err(x->rows);
}

void bc_exec_close(bc_executor_t *e, bc_exec_t *x)
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

static bc_err_t local_execute(void *self, const bc_exec_block_t *in, bc_exec_result_t **out)
{
    bc_block_run_t *b = calloc(1, sizeof(*b));
    bc_exec_result_t *res = calloc(1, sizeof(*res));
    bc_err_t err = BC_E_NOMEM;
    if (b && res) {
        b->e = self;
        b->in = in;
        b->res = res;
        bc_block_run(b);
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

/* Contracts that go through whole tables are stopped here: the interpreter's limits do not see
 * them. */
static bc_err_t call_watch(void *ctx, size_t bytes)
{
    const call_run_t *c = ctx;
    if (c->in->until_ms && bc_clock_mono_ms() >= c->in->until_ms)
        return BC_E_TIMEOUT;
    bool much = c->in->memory_max && bytes + c->x.tx_arena.used > c->in->memory_max;
    return much ? BC_E_TOO_BIG : BC_OK;
}

static void run_call(call_run_t *c)
{
    const bc_exec_call_t *in = c->in;
    c->err = bc_exec_open(c->e, &c->x, in->state, in->number, in->timestamp, 0);
    bc_bytes_t v;
    if (!c->err && bc_config_value(c->x.rows, BC_STR("compatibility_version"), in->number, &v) &&
        bc_version_parse(v, &c->x.config.version))
        c->err = BC_E_CORRUPT;
    if (!c->err)
        c->err = bc_exec_choose(c->e, &c->x);
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
        bc_evm_limit(c->x.evm, in->until_ms, in->memory_max);
        bc_rows_watch(c->x.rows, call_watch, c);
        bc_exec_transaction(&c->x, &t, &r, &c->out->gas_used, &create);
        c->err = bc_rows_err(c->x.rows);
        c->out->status = r.status;
        if (!c->err)
            c->out->output = bc_arena_copy(c->arena, r.output, &ok);
        if (!ok)
            c->err = BC_E_NOMEM;
        bc_exec_settle(&c->x, &r);
        bc_evm_overrun_t over = bc_evm_overrun(c->x.evm);
        if (!c->err && over)
            c->err = over == BC_EVM_OVER_TIME ? BC_E_TIMEOUT : BC_E_TOO_BIG;
        bc_evm_limit(c->x.evm, 0, 0); /* it goes on to run blocks */
    }
    bc_exec_close(c->e, &c->x);
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
    run_call(c);
    bc_err_t err = c->err;
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
