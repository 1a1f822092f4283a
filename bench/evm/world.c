#include "world.h"
#include <stdlib.h>
#include "computing/evm/evm.h"
#include "computing/evm/u256.h"

#define ACCOUNTS_MAX 16
#define SLOTS_START  ((size_t)1 << 14)

typedef struct {
    bc_addr_t address;
    bc_evm_code_t *code;
    bc_h256_t hash;
    unsigned warm; /* the run that warmed it */
} account_t;

typedef struct {
    bc_h256_t key, value, original;
    uint32_t account;
    uint32_t run; /* of another run: as good as free */
    bool warm;
} slot_t;

typedef struct {
    uint32_t account;
    bc_h256_t key, value;
} undo_t;

struct world {
    bc_evm_t *evm;
    bc_evm_rules_t rules;
    bc_evm_env_t env;
    account_t accounts[ACCOUNTS_MAX];
    unsigned account_cnt;
    unsigned run;
    slot_t *slots;
    size_t slot_cap, slot_cnt;
    undo_t *undo;
    size_t undo_cap, undo_cnt;
    size_t logs;
    bc_wr_t out;
};

static account_t *find(world_t *w, const bc_addr_t *a)
{
    for (unsigned i = 0; i < w->account_cnt; i++)
        if (memcmp(&w->accounts[i].address, a, sizeof *a) == 0)
            return &w->accounts[i];
    return NULL;
}

static unsigned precompiled_number(const bc_addr_t *a)
{
    for (int i = 0; i < 19; i++)
        if (a->b[i])
            return 0;
    return a->b[19] <= 9 ? a->b[19] : 0;
}

/* ---- storage: one table for all accounts, emptied by counting runs ---- */

static slot_t *place(const world_t *w, uint32_t account, const bc_h256_t *key)
{
    uint64_t h = (bc_load_be64(key->b) ^ bc_load_be64(key->b + 24) ^ account) * 0x9e3779b97f4a7c15u;
    size_t i = (size_t)(h >> 32) & (w->slot_cap - 1);
    while (w->slots[i].run == w->run &&
           (w->slots[i].account != account || memcmp(&w->slots[i].key, key, sizeof *key) != 0))
        i = (i + 1) & (w->slot_cap - 1);
    return &w->slots[i];
}

static void grow(world_t *w)
{
    slot_t *old = w->slots;
    size_t n = w->slot_cap;
    w->slot_cap = n * 2;
    w->slots = calloc(w->slot_cap, sizeof *w->slots);
    BC_MUST(w->slots);
    for (size_t i = 0; i < n; i++)
        if (old[i].run == w->run)
            *place(w, old[i].account, &old[i].key) = old[i];
    free(old);
}

static slot_t *slot_of(world_t *w, const bc_addr_t *a, const bc_h256_t *key)
{
    const account_t *acc = find(w, a);
    BC_MUST(acc);
    uint32_t account = (uint32_t)(acc - w->accounts);
    slot_t *s = place(w, account, key);
    if (s->run == w->run)
        return s;
    if (++w->slot_cnt > w->slot_cap / 2) {
        grow(w);
        s = place(w, account, key);
    }
    *s = (slot_t){ .key = *key, .account = account, .run = w->run };
    return s;
}

static void remember(world_t *w, const slot_t *s)
{
    if (w->undo_cnt == w->undo_cap) {
        w->undo_cap = w->undo_cap ? w->undo_cap * 2 : 1024;
        w->undo = realloc(w->undo, w->undo_cap * sizeof *w->undo);
        BC_MUST(w->undo);
    }
    w->undo[w->undo_cnt++] = (undo_t){ s->account, s->key, s->value };
}

static void roll_back(world_t *w, size_t to)
{
    while (w->undo_cnt > to) {
        const undo_t *u = &w->undo[--w->undo_cnt];
        place(w, u->account, &u->key)->value = u->value;
    }
}

/* ---- the interpreter's host ---- */

static bool account_exists(void *ctx, const bc_addr_t *a)
{
    return find(ctx, a) != NULL;
}

static void get_storage(void *ctx, const bc_addr_t *a, const bc_h256_t *key, bc_h256_t *value)
{
    *value = slot_of(ctx, a, key)->value;
}

static bc_evm_storage_t set_storage(void *ctx, const bc_addr_t *a, const bc_h256_t *key,
                                    const bc_h256_t *value)
{
    /* Every slot is zero before a run, so the original value is: three of the nine cases. */
    static const bc_h256_t zero;
    slot_t *s = slot_of(ctx, a, key);
    bool was = memcmp(&s->value, &zero, sizeof zero) != 0;
    bool is = memcmp(value, &zero, sizeof zero) != 0;
    remember(ctx, s);
    s->value = *value;
    return !was && is   ? BC_EVM_STORAGE_ADDED
           : was && !is ? BC_EVM_STORAGE_ADDED_DELETED
                        : BC_EVM_STORAGE_ASSIGNED;
}

static void get_transient(void *ctx, const bc_addr_t *a, const bc_h256_t *key, bc_h256_t *value)
{
    (void)ctx, (void)a, (void)key;
    memset(value, 0, sizeof *value);
}

static void set_transient(void *ctx, const bc_addr_t *a, const bc_h256_t *key,
                          const bc_h256_t *value)
{
    (void)ctx, (void)a, (void)key, (void)value;
    BC_MUST(false); /* no case uses it */
}

static void get_balance(void *ctx, const bc_addr_t *a, bc_u256_t *out)
{
    (void)ctx, (void)a;
    *out = bc_u256(0);
}

static size_t get_code_size(void *ctx, const bc_addr_t *a)
{
    const account_t *acc = find(ctx, a);
    return acc ? bc_evm_code_bytes(acc->code).n : 0;
}

static void get_code_hash(void *ctx, const bc_addr_t *a, bc_h256_t *out)
{
    const account_t *acc = find(ctx, a);
    memset(out, 0, sizeof *out);
    if (acc)
        *out = acc->hash;
}

static size_t copy_code(void *ctx, const bc_addr_t *a, size_t offset, uint8_t *out, size_t n)
{
    const account_t *acc = find(ctx, a);
    if (!acc)
        return 0;
    bc_bytes_t code = bc_evm_code_bytes(acc->code);
    if (offset >= code.n)
        return 0;
    n = BC_MIN(n, code.n - offset);
    memcpy(out, code.p + offset, n);
    return n;
}

static bool selfdestruct(void *ctx, const bc_addr_t *a, const bc_addr_t *heir)
{
    (void)ctx, (void)a, (void)heir;
    return false;
}

static void emit_log(void *ctx, const bc_addr_t *a, bc_bytes_t data, const bc_h256_t *topics,
                     size_t topic_cnt)
{
    (void)a, (void)data, (void)topics, (void)topic_cnt;
    ((world_t *)ctx)->logs++;
}

static void get_block_hash(void *ctx, int64_t number, bc_h256_t *out)
{
    (void)ctx, (void)number;
    memset(out, 0, sizeof *out);
}

static bool access_account(void *ctx, const bc_addr_t *a)
{
    world_t *w = ctx;
    account_t *acc = find(w, a);
    if (!acc)
        return precompiled_number(a) != 0;
    bool warm = acc->warm == w->run;
    acc->warm = w->run;
    return warm;
}

static bool access_storage(void *ctx, const bc_addr_t *a, const bc_h256_t *key)
{
    slot_t *s = slot_of(ctx, a, key);
    bool warm = s->warm;
    s->warm = true;
    return warm;
}

static void call(void *ctx, const bc_evm_msg_t *msg, bc_evm_result_t *out);

static const bc_evm_host_t host = {
    account_exists, get_storage,    set_storage,    get_transient,  set_transient,
    get_balance,    get_code_size,  get_code_hash,  copy_code,      selfdestruct,
    emit_log,       get_block_hash, access_account, access_storage, call,
};

static void call(void *ctx, const bc_evm_msg_t *msg, bc_evm_result_t *out)
{
    world_t *w = ctx;
    unsigned number = precompiled_number(&msg->code_address);
    const account_t *acc = find(w, &msg->code_address);
    BC_MUST(msg->kind != BC_EVM_CREATE && msg->kind != BC_EVM_CREATE2);
    *out = (bc_evm_result_t){ .gas_left = msg->gas };
    if (number) {
        bc_evm_pre_t pre;
        bc_wr_reset(&w->out);
        bc_evm_precompile(number, &w->rules, msg->input, msg->gas, &w->out, &pre);
        if (!pre.ok || pre.gas_cost > msg->gas) {
            *out = (bc_evm_result_t){ .status = BC_EVM_PRECOMPILE_FAILURE };
            return;
        }
        out->gas_left -= pre.gas_cost;
        out->output = bc_wr_view(&w->out);
    } else if (acc) {
        size_t undo = w->undo_cnt, logs = w->logs;
        bc_evm_run(w->evm, &w->rules, &host, w, &w->env, msg, acc->code, out);
        if (out->status != BC_EVM_OK) {
            roll_back(w, undo);
            w->logs = logs;
        }
    }
}

/* ---- outside ---- */

world_t *bench_world_new(int rev)
{
    world_t *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->evm = bc_evm_new();
    w->slot_cap = SLOTS_START;
    w->slots = calloc(w->slot_cap, sizeof *w->slots);
    w->rules = (bc_evm_rules_t){ .rev = (bc_evm_rev_t)rev };
    w->env = (bc_evm_env_t){
        .number = 0, .timestamp = 1, .gas_limit = INT64_MAX, .chain_id = bc_u256(1)
    };
    if (w->evm && w->slots)
        return w;
    bench_world_free(w);
    return NULL;
}

void bench_world_free(world_t *w)
{
    if (!w)
        return;
    for (unsigned i = 0; i < w->account_cnt; i++)
        bc_evm_code_unref(w->accounts[i].code);
    bc_evm_free(w->evm);
    bc_wr_free(&w->out);
    free(w->slots);
    free(w->undo);
    free(w);
}

bool bench_world_account(world_t *w, const uint8_t address[20], const uint8_t *code, size_t n)
{
    if (w->account_cnt == ACCOUNTS_MAX)
        return false;
    account_t *a = &w->accounts[w->account_cnt];
    a->code = bc_evm_code_new(bc_bytes(code, n), w->rules.rev);
    if (!a->code)
        return false;
    memcpy(a->address.b, address, sizeof a->address);
    bc_hash(BC_SUITE_STANDARD, bc_bytes(code, n), &a->hash);
    w->account_cnt++;
    return true;
}

void bench_world_run(world_t *w, const uint8_t to[20], const uint8_t *input, size_t n, int64_t gas,
                     bench_result_t *out)
{
    bc_evm_msg_t msg = { .gas = gas, .input = bc_bytes(input, n) };
    bc_evm_result_t r;
    w->run++;
    w->slot_cnt = w->undo_cnt = w->logs = 0;
    memcpy(msg.recipient.b, to, sizeof msg.recipient);
    msg.code_address = msg.recipient;
    msg.sender.b[19] = 0xee;
    w->env.origin = msg.sender;
    access_account(w, &msg.recipient);
    call(w, &msg, &r);
    *out = (bench_result_t){ (int)r.status, gas - r.gas_left, r.gas_refund,
                             r.output.p,    r.output.n,       w->logs };
}

bool bench_precompile(unsigned number, const uint8_t *input, size_t n, uint8_t *out, size_t cap,
                      size_t *out_n)
{
    const bc_evm_rules_t rules = { .rev = BC_EVM_CANCUN };
    bc_evm_pre_t pre;
    bc_wr_t wr = { 0 };
    bool ok = bc_evm_precompile(number, &rules, bc_bytes(input, n), INT64_MAX, &wr, &pre) && pre.ok;
    bc_bytes_t v = bc_wr_view(&wr);
    *out_n = BC_MIN(v.n, cap);
    if (*out_n)
        memcpy(out, v.p, *out_n);
    bc_wr_free(&wr);
    return ok;
}
