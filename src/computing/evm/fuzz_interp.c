/* Random code on the interpreter, over a host that answers from a few cells and runs nested
 * messages on the same instance: once as frames and once by recursion, with the same outcome. The
 * first bytes choose revision, gas and flags. */
#include <stdlib.h>
#include "computing/evm/evm.h"
#include "computing/evm/u256.h"

#define GAS_MAX 200000

typedef struct {
    bc_evm_t *evm;
    bc_evm_rules_t rules;
    bc_evm_env_t env;
    bc_evm_code_t *code;
    bc_h256_t cells[16];
    unsigned seed;
    const bc_evm_host_t *host;
} world_t;

static unsigned coin(void *ctx)
{
    world_t *w = ctx;
    w->seed = w->seed * 1103515245u + 12345u;
    return w->seed >> 16;
}

static bool account_exists(void *ctx, const bc_addr_t *a)
{
    (void)a;
    return coin(ctx) & 1;
}

static void get_cell(void *ctx, const bc_addr_t *a, const bc_h256_t *k, bc_h256_t *v)
{
    (void)a;
    *v = ((world_t *)ctx)->cells[k->b[31] % 16];
}

static void set_cell(void *ctx, const bc_addr_t *a, const bc_h256_t *k, const bc_h256_t *v)
{
    (void)a;
    ((world_t *)ctx)->cells[k->b[31] % 16] = *v;
}

static bc_evm_storage_t set_storage(void *ctx, const bc_addr_t *a, const bc_h256_t *k,
                                    const bc_h256_t *v)
{
    set_cell(ctx, a, k, v);
    return (bc_evm_storage_t)(coin(ctx) % 9);
}

static void get_balance(void *ctx, const bc_addr_t *a, bc_u256_t *out)
{
    (void)a;
    *out = bc_u256(coin(ctx) % 4);
}

static size_t get_code_size(void *ctx, const bc_addr_t *a)
{
    (void)a;
    return bc_evm_code_bytes(((world_t *)ctx)->code).n;
}

static void get_code_hash(void *ctx, const bc_addr_t *a, bc_h256_t *out)
{
    (void)a;
    memset(out, (int)(coin(ctx) & 0xff), sizeof *out);
}

static size_t copy_code(void *ctx, const bc_addr_t *a, size_t offset, uint8_t *out, size_t n)
{
    (void)a;
    bc_bytes_t c = bc_evm_code_bytes(((world_t *)ctx)->code);
    if (offset >= c.n)
        return 0;
    n = BC_MIN(n, c.n - offset);
    memcpy(out, c.p + offset, n);
    return n;
}

static bool selfdestruct(void *ctx, const bc_addr_t *a, const bc_addr_t *heir)
{
    (void)a, (void)heir;
    return coin(ctx) & 1;
}

static void emit_log(void *ctx, const bc_addr_t *a, bc_bytes_t data, const bc_h256_t *topics,
                     size_t topic_cnt)
{
    (void)a;
    BC_MUST(topic_cnt <= 4);
    world_t *w = ctx;
    for (size_t i = 0; i < data.n; i += 64)
        w->seed += data.p[i];
    for (size_t i = 0; i < topic_cnt; i++)
        w->seed += topics[i].b[31];
}

static void get_block_hash(void *ctx, int64_t number, bc_h256_t *out)
{
    BC_MUST(number >= 0 && number < ((world_t *)ctx)->env.number);
    memset(out, (int)(number & 0xff), sizeof *out);
}

static bool access_account(void *ctx, const bc_addr_t *a)
{
    (void)a;
    return coin(ctx) & 1;
}

static bool access_storage(void *ctx, const bc_addr_t *a, const bc_h256_t *k)
{
    (void)a, (void)k;
    return coin(ctx) & 1;
}

static void ended(world_t *w, int64_t gas, const bc_evm_result_t *out)
{
    BC_MUST(out->gas_left >= 0 && out->gas_left <= gas);
    BC_MUST(out->status == BC_EVM_OK || out->status == BC_EVM_REVERT || out->gas_left == 0);
    for (size_t i = 0; i < out->output.n; i += 32)
        w->seed += out->output.p[i];
}

static void run(world_t *w, const bc_evm_msg_t *msg, bc_evm_result_t *out)
{
    bc_evm_run(w->evm, &w->rules, w->host, w, &w->env, msg, w->code, out);
    ended(w, msg->gas, out);
}

static bool runs_code(world_t *w, const bc_evm_msg_t *msg, bc_evm_result_t *out)
{
    BC_MUST(msg->gas >= 0 && msg->depth >= 1 && msg->depth <= 1024);
    for (size_t i = 0; i < msg->input.n; i += 32)
        w->seed += msg->input.p[i];
    if (coin(w) % 4)
        return true;
    *out = (bc_evm_result_t){ .status = coin(w) & 1 ? BC_EVM_OK : BC_EVM_REVERT,
                              .gas_left = msg->gas / 2 };
    return false;
}

static void call(void *ctx, const bc_evm_msg_t *msg, bc_evm_result_t *out)
{
    if (runs_code(ctx, msg, out))
        run(ctx, msg, out);
}

typedef struct {
    int64_t gas;
    uint8_t mark[25];
} slot_t;

/* At some depths by recursion all the same, as system contracts do it. */
static bool begin(void *ctx, void *slot, bc_evm_msg_t *msg, bc_evm_begun_t *begun, bc_evm_result_t *out)
{
    world_t *w = ctx;
    slot_t *s = slot;
    if (!runs_code(w, msg, out))
        return false;
    if (msg->depth % 4 == 3) {
        run(w, msg, out);
        return false;
    }
    s->gas = msg->gas;
    memset(s->mark, msg->depth & 0xff, sizeof s->mark);
    *begun = (bc_evm_begun_t){ w->code, w };
    return true;
}

static void end(void *ctx, void *slot, bc_evm_result_t *res)
{
    slot_t *s = slot;
    for (size_t i = 1; i < sizeof s->mark; i++)
        BC_MUST(s->mark[i] == s->mark[0]);
    ended(ctx, s->gas, res);
}

#define CELLS                                                                                      \
    .account_exists = account_exists, .get_storage = get_cell, .set_storage = set_storage,         \
    .get_transient = get_cell, .set_transient = set_cell, .get_balance = get_balance,              \
    .get_code_size = get_code_size, .get_code_hash = get_code_hash, .copy_code = copy_code,        \
    .selfdestruct = selfdestruct, .emit_log = emit_log, .get_block_hash = get_block_hash,          \
    .access_account = access_account, .access_storage = access_storage

static const bc_evm_host_t host = { CELLS, .begin = begin, .end = end, .slot_bytes = sizeof(slot_t) };
static const bc_evm_host_t recursive_host = { CELLS, .call = call };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bc_evm_t *evm; /* kept: reuse is part of what is tested */
    if (size < 6)
        return 0;
    if (!evm)
        evm = bc_evm_new();
    world_t w = {
        .host = &host,
        .evm = evm,
        .rules = { .rev = (bc_evm_rev_t)(data[0] % (BC_EVM_CANCUN + 1)),
                   .suite = data[1] & 2 ? BC_SUITE_SM : BC_SUITE_STANDARD },
        .env = { .number = 1000, .gas_limit = GAS_MAX },
        .seed = data[2],
    };
    bc_evm_msg_t msg = {
        .is_static = data[1] & 1,
        .gas = ((int64_t)data[3] << 16 | data[4] << 8 | data[5]) % GAS_MAX,
        .input = bc_bytes(data, size),
    };
    w.code = bc_evm_code_new(bc_bytes(data + 6, size - 6), w.rules.rev);
    if (!evm || !w.code)
        return 0;
    world_t again = w;
    bc_evm_result_t out, same;
    again.host = &recursive_host;
    run(&w, &msg, &out);
    run(&again, &msg, &same);
    BC_MUST(out.status == same.status && out.gas_left == same.gas_left && out.gas_refund == same.gas_refund &&
            out.output.n == same.output.n && w.seed == again.seed && !memcmp(w.cells, again.cells, sizeof w.cells));
    bc_evm_code_unref(w.code);
    return 0;
}
