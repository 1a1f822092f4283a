/* Our interpreter as an EVMC 12 library: EVMC's messages, results and host functions on one side,
 * evm.h's on the other. Keccak-256, revisions up to Cancun. Option profile = fisco: what the node's
 * own host (computing/executor) answers to the interpreter whatever the state is: every account
 * exists, every access is cold, a write to storage is MODIFIED or DELETED; and its precompiled
 * contracts. docs/evm-bench.md tells what is left to the host then. */
#include "computing/evmc/evmc_abi.h"
#include <pthread.h>
#include <stdlib.h>
#include "computing/evm/evm.h"
#include "computing/evm/u256.h"

_Static_assert(sizeof(evmc_address) == sizeof(bc_addr_t), "same bytes");
_Static_assert(sizeof(evmc_bytes32) == sizeof(bc_h256_t), "same bytes");
_Static_assert((int)EVMC_CANCUN == (int)BC_EVM_CANCUN && (int)EVMC_FRONTIER == (int)BC_EVM_FRONTIER,
               "revisions are numbered alike");
_Static_assert((int)EVMC_STORAGE_MODIFIED_RESTORED == (int)BC_EVM_STORAGE_MODIFIED_RESTORED &&
                   (int)EVMC_STORAGE_DELETED_ADDED == (int)BC_EVM_STORAGE_DELETED_ADDED,
               "storage cases are numbered alike");

/* An interpreter that runs one execution with all its nested ones, then waits for the next. */
typedef struct instance instance_t;
struct instance {
    bc_evm_t *evm;
    instance_t *next;
};

typedef struct {
    struct evmc_vm base;
    bool precompiles, fisco;
    pthread_mutex_t lock;
    instance_t *idle; /* as many as threads were ever inside at once */
} vm_t;

/* One execute() call. */
typedef struct run run_t;
struct run {
    vm_t *vm;
    const struct evmc_host_interface *host;
    struct evmc_host_context *context;
    instance_t *instance;
    const bc_evm_env_t *env;
    bool calling;             /* inside the host's call(): a nested run may use the same evm */
    struct evmc_result reply; /* of the last call(), kept while its output may be read */
    run_t *outer;             /* the run around this one on this thread */
};

static _Thread_local run_t *innermost;

/* ---- bytes ---- */

static const evmc_address *address_out(const bc_addr_t *a)
{
    return (const evmc_address *)(const void *)a;
}

static const evmc_bytes32 *word_out(const bc_h256_t *h)
{
    return (const evmc_bytes32 *)(const void *)h;
}

static void word_in(bc_h256_t *to, evmc_bytes32 from)
{
    memcpy(to->b, from.bytes, sizeof to->b);
}

static bc_addr_t address_in(const evmc_address *a)
{
    bc_addr_t to;
    memcpy(to.b, a->bytes, sizeof to.b);
    return to;
}

/* ---- host functions ---- */

static bool account_exists(void *ctx, const bc_addr_t *a)
{
    const run_t *r = ctx;
    return r->vm->fisco || r->host->account_exists(r->context, address_out(a));
}

static void get_storage(void *ctx, const bc_addr_t *a, const bc_h256_t *key, bc_h256_t *value)
{
    const run_t *r = ctx;
    word_in(value, r->host->get_storage(r->context, address_out(a), word_out(key)));
}

static bc_evm_storage_t set_storage(void *ctx, const bc_addr_t *a, const bc_h256_t *key,
                                    const bc_h256_t *value)
{
    const run_t *r = ctx;
    enum evmc_storage_status s =
        r->host->set_storage(r->context, address_out(a), word_out(key), word_out(value));
    if (r->vm->fisco)
        return bc_h256_is_zero(value) ? BC_EVM_STORAGE_DELETED : BC_EVM_STORAGE_MODIFIED;
    return (bc_evm_storage_t)s;
}

static void get_transient(void *ctx, const bc_addr_t *a, const bc_h256_t *key, bc_h256_t *value)
{
    const run_t *r = ctx;
    word_in(value, r->host->get_transient_storage(r->context, address_out(a), word_out(key)));
}

static void set_transient(void *ctx, const bc_addr_t *a, const bc_h256_t *key,
                          const bc_h256_t *value)
{
    const run_t *r = ctx;
    r->host->set_transient_storage(r->context, address_out(a), word_out(key), word_out(value));
}

static void get_balance(void *ctx, const bc_addr_t *a, bc_u256_t *out)
{
    const run_t *r = ctx;
    *out = bc_u256_from_be(r->host->get_balance(r->context, address_out(a)).bytes);
}

static size_t get_code_size(void *ctx, const bc_addr_t *a)
{
    const run_t *r = ctx;
    return r->host->get_code_size(r->context, address_out(a));
}

static void get_code_hash(void *ctx, const bc_addr_t *a, bc_h256_t *out)
{
    const run_t *r = ctx;
    word_in(out, r->host->get_code_hash(r->context, address_out(a)));
}

static size_t copy_code(void *ctx, const bc_addr_t *a, size_t offset, uint8_t *out, size_t n)
{
    const run_t *r = ctx;
    return r->host->copy_code(r->context, address_out(a), offset, out, n);
}

static bool selfdestruct(void *ctx, const bc_addr_t *a, const bc_addr_t *heir)
{
    const run_t *r = ctx;
    return r->host->selfdestruct(r->context, address_out(a), address_out(heir));
}

static void emit_log(void *ctx, const bc_addr_t *a, bc_bytes_t data, const bc_h256_t *topics,
                     size_t topic_cnt)
{
    const run_t *r = ctx;
    r->host->emit_log(r->context, address_out(a), data.p, data.n, word_out(topics), topic_cnt);
}

static void get_block_hash(void *ctx, int64_t number, bc_h256_t *out)
{
    const run_t *r = ctx;
    word_in(out, r->host->get_block_hash(r->context, number));
}

static bool access_account(void *ctx, const bc_addr_t *a)
{
    const run_t *r = ctx;
    return !r->vm->fisco && r->host->access_account(r->context, address_out(a)) == EVMC_ACCESS_WARM;
}

static bool access_storage(void *ctx, const bc_addr_t *a, const bc_h256_t *key)
{
    const run_t *r = ctx;
    return !r->vm->fisco &&
           r->host->access_storage(r->context, address_out(a), word_out(key)) == EVMC_ACCESS_WARM;
}

/* ---- nested messages ---- */

static enum evmc_call_kind kind_out(bc_evm_kind_t kind)
{
    switch (kind) {
    case BC_EVM_CALL:
    case BC_EVM_STATICCALL:
        return EVMC_CALL;
    case BC_EVM_CALLCODE:
        return EVMC_CALLCODE;
    case BC_EVM_DELEGATECALL:
        return EVMC_DELEGATECALL;
    case BC_EVM_CREATE:
        return EVMC_CREATE;
    case BC_EVM_CREATE2:
        return EVMC_CREATE2;
    }
    BC_MUST(false);
}

static void release(struct evmc_result *r)
{
    if (r->release)
        r->release(r);
    *r = (struct evmc_result){ 0 };
}

/* Only success and revert matter to the code that called; other failures keep their class for a
 * reader of the result. */
static bc_evm_status_t status_in(enum evmc_status_code status)
{
    return status == EVMC_SUCCESS  ? BC_EVM_OK
           : status == EVMC_REVERT ? BC_EVM_REVERT
                                   : BC_EVM_INTERNAL;
}

static void call(void *ctx, const bc_evm_msg_t *msg, bc_evm_result_t *out)
{
    run_t *r = ctx;
    struct evmc_message m = {
        .kind = kind_out(msg->kind),
        .flags = msg->is_static ? EVMC_STATIC : 0,
        .depth = msg->depth,
        .gas = msg->gas,
        .recipient = *address_out(&msg->recipient),
        .sender = *address_out(&msg->sender),
        .input_data = msg->input.p,
        .input_size = msg->input.n,
        .code_address = *address_out(&msg->code_address),
    };
    bc_u256_to_be(&msg->value, m.value.bytes);
    bc_u256_to_be(&msg->salt, m.create2_salt.bytes);
    release(&r->reply);
    r->calling = true;
    r->reply = r->host->call(r->context, &m);
    r->calling = false;
    *out = (bc_evm_result_t){
        .status = status_in(r->reply.status_code),
        .gas_left = r->reply.gas_left,
        .gas_refund = r->reply.gas_refund,
        .output = bc_bytes(r->reply.output_data, r->reply.output_size),
        .created = address_in(&r->reply.create_address),
    };
}

static const bc_evm_host_t host_functions = {
    account_exists, get_storage,    set_storage,    get_transient,  set_transient,
    get_balance,    get_code_size,  get_code_hash,  copy_code,      selfdestruct,
    emit_log,       get_block_hash, access_account, access_storage, call,
};

/* ---- instances ---- */

static void instance_free(instance_t *i)
{
    bc_evm_free(i->evm);
    free(i);
}

static instance_t *instance_take(vm_t *vm)
{
    pthread_mutex_lock(&vm->lock);
    instance_t *i = vm->idle;
    if (i)
        vm->idle = i->next;
    pthread_mutex_unlock(&vm->lock);
    if (i)
        return i;
    i = calloc(1, sizeof *i);
    if (!i)
        return NULL;
    i->evm = bc_evm_new();
    if (i->evm)
        return i;
    free(i);
    return NULL;
}

static void instance_give(vm_t *vm, instance_t *i)
{
    pthread_mutex_lock(&vm->lock);
    i->next = vm->idle;
    vm->idle = i;
    pthread_mutex_unlock(&vm->lock);
}

/* ---- execute ---- */

static enum evmc_status_code status_out(bc_evm_status_t status)
{
    switch (status) {
    case BC_EVM_OK:
        return EVMC_SUCCESS;
    case BC_EVM_REVERT:
        return EVMC_REVERT;
    case BC_EVM_OUT_OF_GAS:
        return EVMC_OUT_OF_GAS;
    case BC_EVM_STACK_OVERFLOW:
        return EVMC_STACK_OVERFLOW;
    case BC_EVM_STACK_UNDERFLOW:
        return EVMC_STACK_UNDERFLOW;
    case BC_EVM_INVALID:
        return EVMC_INVALID_INSTRUCTION;
    case BC_EVM_UNDEFINED:
        return EVMC_UNDEFINED_INSTRUCTION;
    case BC_EVM_BAD_JUMP:
        return EVMC_BAD_JUMP_DESTINATION;
    case BC_EVM_BAD_RETURNDATA:
        return EVMC_INVALID_MEMORY_ACCESS;
    case BC_EVM_STATIC_VIOLATION:
        return EVMC_STATIC_MODE_VIOLATION;
    case BC_EVM_CALL_DEPTH:
        return EVMC_CALL_DEPTH_EXCEEDED;
    case BC_EVM_INSUFFICIENT_BALANCE:
        return EVMC_INSUFFICIENT_BALANCE;
    case BC_EVM_PRECOMPILE_FAILURE:
        return EVMC_PRECOMPILE_FAILURE;
    case BC_EVM_INTERNAL:
        break;
    }
    return EVMC_INTERNAL_ERROR;
}

static struct evmc_result failure(enum evmc_status_code status)
{
    return (struct evmc_result){ .status_code = status };
}

static void release_output(const struct evmc_result *r)
{
    free((void *)(uintptr_t)r->output_data);
}

/* A copy of output that is the result's own. False: no memory. */
static bool set_output(struct evmc_result *r, bc_bytes_t output)
{
    if (!output.n)
        return true;
    uint8_t *p = malloc(output.n);
    if (!p)
        return false;
    memcpy(p, output.p, output.n);
    r->output_data = p;
    r->output_size = output.n;
    r->release = release_output;
    return true;
}

static struct evmc_result result_out(const vm_t *vm, const bc_evm_result_t *r)
{
    struct evmc_result out = {
        .status_code = status_out(r->status),
        .gas_left = r->gas_left,
        .gas_refund = vm->fisco ? 0 : r->gas_refund,
    };
    return set_output(&out, r->output) ? out : failure(EVMC_OUT_OF_MEMORY);
}

/* 1..9 when the message is for a precompiled contract; revisions have the first of them only. */
static unsigned precompiled_number(const vm_t *vm, const struct evmc_message *msg, size_t code_size)
{
    if (!vm->precompiles || code_size || msg->kind == EVMC_CREATE || msg->kind == EVMC_CREATE2)
        return 0;
    for (int i = 0; i < 19; i++)
        if (msg->code_address.bytes[i])
            return 0;
    return msg->code_address.bytes[19];
}

/* False: the revision has no such contract. One that fails reverts by the FISCO profile: with the
 * gas that it did not cost, and with its output. */
static bool run_precompiled(unsigned number, const bc_evm_rules_t *rules,
                            const struct evmc_message *msg, struct evmc_result *out)
{
    bc_wr_t wr = { 0 };
    bc_evm_pre_t pre = { 0 };
    if (!bc_evm_precompile(number, rules, bc_bytes(msg->input_data, msg->input_size), msg->gas, &wr,
                           &pre))
        return false;
    *out = failure(EVMC_PRECOMPILE_FAILURE);
    if (pre.gas_cost > msg->gas) {
        *out = failure(EVMC_OUT_OF_GAS);
    } else if (pre.ok || rules->fisco) {
        *out = (struct evmc_result){ .status_code = pre.ok ? EVMC_SUCCESS : EVMC_REVERT,
                                     .gas_left = msg->gas - pre.gas_cost };
        if (!set_output(out, bc_wr_view(&wr)))
            *out = failure(EVMC_OUT_OF_MEMORY);
    }
    bc_wr_free(&wr);
    return true;
}

static void env_in(bc_evm_env_t *env, const struct evmc_tx_context *tx)
{
    *env = (bc_evm_env_t){
        .coinbase = address_in(&tx->block_coinbase),
        .origin = address_in(&tx->tx_origin),
        .number = tx->block_number,
        .timestamp = (uint64_t)tx->block_timestamp,
        .gas_limit = tx->block_gas_limit,
        .chain_id = bc_u256_from_be(tx->chain_id.bytes),
        .prev_randao = bc_u256_from_be(tx->block_prev_randao.bytes),
        .base_fee = bc_u256_from_be(tx->block_base_fee.bytes),
        .blob_base_fee = bc_u256_from_be(tx->blob_base_fee.bytes),
        .gas_price = bc_u256_from_be(tx->tx_gas_price.bytes),
        .blob_hashes = (const bc_h256_t *)(const void *)tx->blob_hashes,
        .blob_hash_cnt = tx->blob_hashes_count,
    };
}

static bc_evm_kind_t kind_in(enum evmc_call_kind kind)
{
    return kind == EVMC_DELEGATECALL ? BC_EVM_DELEGATECALL
           : kind == EVMC_CALLCODE   ? BC_EVM_CALLCODE
           : kind == EVMC_CREATE     ? BC_EVM_CREATE
           : kind == EVMC_CREATE2    ? BC_EVM_CREATE2
                                     : BC_EVM_CALL;
}

static struct evmc_result run_code(run_t *r, const bc_evm_rules_t *rules,
                                   const struct evmc_message *msg, bc_evm_code_t *code)
{
    bc_evm_msg_t m = {
        .kind = kind_in(msg->kind),
        .is_static = msg->flags & EVMC_STATIC,
        .depth = msg->depth,
        .gas = msg->gas,
        .recipient = address_in(&msg->recipient),
        .code_address = address_in(&msg->code_address),
        .sender = address_in(&msg->sender),
        .value = bc_u256_from_be(msg->value.bytes),
        .salt = bc_u256_from_be(msg->create2_salt.bytes),
        .input = bc_bytes(msg->input_data, msg->input_size),
    };
    bc_evm_result_t out;
    r->outer = innermost;
    innermost = r;
    bc_evm_run(r->instance->evm, rules, &host_functions, r, r->env, &m, code, &out);
    innermost = r->outer;
    release(&r->reply);
    return result_out(r->vm, &out);
}

static struct evmc_result execute(struct evmc_vm *base, const struct evmc_host_interface *host,
                                  struct evmc_host_context *context, enum evmc_revision rev,
                                  const struct evmc_message *msg, const uint8_t *code_data,
                                  size_t code_size)
{
    vm_t *vm = BC_OWNER(base, vm_t, base);
    if ((int)rev < (int)EVMC_FRONTIER || rev > EVMC_CANCUN || (int)msg->kind > (int)EVMC_CREATE2)
        return failure(EVMC_REJECTED);
    if (msg->gas < 0)
        return failure(EVMC_OUT_OF_GAS);
    const bc_evm_rules_t rules = { .rev = (bc_evm_rev_t)rev,
                                   .suite = BC_SUITE_STANDARD,
                                   .fisco = vm->fisco };
    struct evmc_result out = failure(EVMC_OUT_OF_MEMORY);
    unsigned number = precompiled_number(vm, msg, code_size);
    if (number && run_precompiled(number, &rules, msg, &out))
        return out;
    if (!host)
        return failure(EVMC_REJECTED);
    bc_evm_code_t *code = bc_evm_code_new(bc_bytes(code_data, code_size), rules.rev);
    if (!code)
        return out;
    run_t r = { .vm = vm, .host = host, .context = context };
    bc_evm_env_t env;
    bool nested = innermost && innermost->vm == vm && innermost->calling;
    r.instance = nested ? innermost->instance : instance_take(vm);
    if (r.instance) {
        if (nested && innermost->host == host && innermost->context == context) {
            r.env = innermost->env; /* of the same transaction */
        } else {
            struct evmc_tx_context tx = host->get_tx_context(context);
            env_in(&env, &tx);
            r.env = &env;
        }
        out = run_code(&r, &rules, msg, code);
        if (!nested)
            instance_give(vm, r.instance);
    }
    bc_evm_code_unref(code);
    return out;
}

/* ---- the vm ---- */

static void destroy(struct evmc_vm *base)
{
    vm_t *vm = BC_OWNER(base, vm_t, base);
    while (vm->idle) {
        instance_t *i = vm->idle;
        vm->idle = i->next;
        instance_free(i);
    }
    pthread_mutex_destroy(&vm->lock);
    free(vm);
}

static evmc_capabilities_flagset get_capabilities(struct evmc_vm *base)
{
    const vm_t *vm = BC_OWNER(base, vm_t, base);
    return EVMC_CAPABILITY_EVM1 | (vm->precompiles ? EVMC_CAPABILITY_PRECOMPILES : 0u);
}

/* Sets *on when value is one of the two words. */
static enum evmc_set_option_result set_flag(bool *on, const char *value, const char *no,
                                            const char *yes)
{
    bool is = strcmp(value, yes) == 0;
    if (!is && strcmp(value, no) != 0)
        return EVMC_SET_OPTION_INVALID_VALUE;
    *on = is;
    return EVMC_SET_OPTION_SUCCESS;
}

static enum evmc_set_option_result set_option(struct evmc_vm *base, const char *name,
                                              const char *value)
{
    vm_t *vm = BC_OWNER(base, vm_t, base);
    if (strcmp(name, "precompiles") == 0)
        return set_flag(&vm->precompiles, value, "off", "on");
    if (strcmp(name, "profile") == 0)
        return set_flag(&vm->fisco, value, "ethereum", "fisco");
    return EVMC_SET_OPTION_INVALID_NAME;
}

struct evmc_vm *evmc_create_cbcos(void)
{
    const struct evmc_vm base = {
        .abi_version = EVMC_ABI_VERSION,
        .name = "cbcos",
        .version = CBCOS_EVMC_VERSION,
        .destroy = destroy,
        .execute = execute,
        .get_capabilities = get_capabilities,
        .set_option = set_option,
    };
    vm_t *vm = calloc(1, sizeof *vm);
    if (!vm)
        return NULL;
    memcpy(&vm->base, &base, sizeof base);
    pthread_mutex_init(&vm->lock, NULL);
    return &vm->base;
}
