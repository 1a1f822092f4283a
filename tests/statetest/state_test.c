#include "state_test.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "fixture.h"
#include "rules.h"
#include "world.h"

#define GAS_PER_BLOB 131072u

static const char *text(const cJSON *object, const char *name)
{
    return fixture_text(fixture_field(object, name));
}

/* ---- the transaction that indexes select ---- */

typedef struct {
    bc_addr_t sender, to;
    unsigned type; /* 0..3 */
    bool create, wide_value;
    uint64_t nonce, gas;
    bc_u256_t max_fee, max_tip, max_blob_fee, value;
    bc_bytes_t data;
    const cJSON *access;
    bc_h256_t *blobs;
    size_t blob_cnt;
} tx_t;

/* What the entry's index selects in a list of the transaction. */
static const cJSON *indexed(const cJSON *tx, const cJSON *post, const char *list, const char *index)
{
    const cJSON *i = fixture_field(fixture_field(post, "indexes"), index);
    return cJSON_GetArrayItem(fixture_field(tx, list), i ? i->valueint : 0);
}

static void read_tx(fixture_t *f, const cJSON *test, const cJSON *post, tx_t *t)
{
    const cJSON *j = fixture_field(test, "transaction");
    memset(t, 0, sizeof *t);
    t->sender = fixture_address(f, text(j, "sender"));
    const char *to = text(j, "to");
    t->create = !to || !*to || strcmp(to, "0x") == 0;
    if (!t->create)
        t->to = fixture_address(f, to);
    t->nonce = fixture_u64(f, text(j, "nonce"));
    t->gas = fixture_u64(f, fixture_text(indexed(j, post, "gasLimit", "gas")));
    t->value = fixture_number(f, fixture_text(indexed(j, post, "value", "value")), &t->wide_value);
    t->data = fixture_bytes(f, fixture_text(indexed(j, post, "data", "data")));
    t->access = indexed(j, post, "accessLists", "data");
    const cJSON *blobs = fixture_field(j, "blobVersionedHashes"), *b;
    bool dynamic = fixture_field(j, "maxFeePerGas") != NULL;
    t->type = blobs ? 3 : dynamic ? 2 : cJSON_IsArray(t->access) ? 1 : 0;
    t->max_fee = fixture_number(f, text(j, dynamic ? "maxFeePerGas" : "gasPrice"), NULL);
    t->max_tip = fixture_number(f, text(j, dynamic ? "maxPriorityFeePerGas" : "gasPrice"), NULL);
    t->max_blob_fee = fixture_number(f, text(j, "maxFeePerBlobGas"), NULL);
    t->blobs = bc_arena_alloc(f->arena, 32 * (size_t)cJSON_GetArraySize(blobs) + 1);
    BC_MUST(t->blobs != NULL);
    cJSON_ArrayForEach(b, blobs) t->blobs[t->blob_cnt++] = fixture_word(f, fixture_text(b));
}

static void load_pre(world_t *w, fixture_t *f, const cJSON *pre)
{
    const cJSON *j, *v;
    cJSON_ArrayForEach(j, pre)
    {
        bc_addr_t addr = fixture_address(f, j->string);
        account_t *a = world_account(w, &addr);
        a->s.exists = true;
        a->s.nonce = fixture_u64(f, text(j, "nonce"));
        a->s.balance = fixture_number(f, text(j, "balance"), NULL);
        world_set_code(w, a, fixture_bytes(f, text(j, "code")));
        cJSON_ArrayForEach(v, fixture_field(j, "storage"))
        {
            bc_h256_t key = fixture_word(f, v->string);
            slot_t *s = world_slot(w, a, &key);
            s->value = s->original = fixture_word(f, fixture_text(v));
        }
    }
}

/* EIP-4844: factor * e^(excess / fraction), by its Taylor series in integers */
static bc_u256_t blob_base_fee(uint64_t excess)
{
    const uint64_t fraction = 3338477;
    bc_u256_t sum = { { 0 } }, term = bc_u256(fraction), x = bc_u256(excess);
    for (uint64_t i = 1; !bc_u256_is_zero(&term); i++) {
        sum = bc_u256_add(&sum, &term);
        bc_u256_t d = bc_u256(fraction * i);
        term = bc_u256_mul(&term, &x);
        term = bc_u256_div(&term, &d);
    }
    bc_u256_t d = bc_u256(fraction);
    return bc_u256_div(&sum, &d);
}

static void load_env(world_t *w, fixture_t *f, const cJSON *env, const tx_t *t)
{
    bc_evm_env_t *e = &w->env;
    bc_evm_rev_t rev = w->rules.rev;
    e->coinbase = fixture_address(f, text(env, "currentCoinbase"));
    e->origin = t->sender;
    e->number = (int64_t)fixture_u64(f, text(env, "currentNumber"));
    e->timestamp = fixture_u64(f, text(env, "currentTimestamp"));
    e->gas_limit = (int64_t)fixture_u64(f, text(env, "currentGasLimit"));
    e->chain_id = bc_u256(1);
    e->prev_randao = fixture_number(
        f, text(env, rev >= BC_EVM_PARIS ? "currentRandom" : "currentDifficulty"), NULL);
    if (rev >= BC_EVM_LONDON)
        e->base_fee = fixture_number(f, text(env, "currentBaseFee"), NULL);
    if (rev >= BC_EVM_CANCUN)
        e->blob_base_fee = blob_base_fee(fixture_u64(f, text(env, "currentExcessBlobGas")));
    e->blob_hashes = t->blobs;
    e->blob_hash_cnt = t->blob_cnt;
}

/* ---- rules around the interpreter ---- */

static uint64_t intrinsic_gas(const world_t *w, const tx_t *t)
{
    uint64_t addresses = 0, keys = 0;
    const cJSON *a;
    cJSON_ArrayForEach(a, t->access)
    {
        addresses++;
        keys += (uint64_t)cJSON_GetArraySize(fixture_field(a, "storageKeys"));
    }
    return rules_intrinsic_gas(w->rules.rev, t->create, t->data, addresses, keys);
}

/* a * b, all ones when it does not fit */
static bc_u256_t mul_saturated(const bc_u256_t *a, const bc_u256_t *b)
{
    uint64_t wide[8];
    bc_u256_mul_wide(wide, a, b);
    if (wide[4] | wide[5] | wide[6] | wide[7])
        return (bc_u256_t){ { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX } };
    return (bc_u256_t){ { wide[0], wide[1], wide[2], wide[3] } };
}

static bool add_to(bc_u256_t *sum, const bc_u256_t *v)
{
    return bc_u256_add_carry(sum, sum, v) == 0;
}

/* Blob transactions: what EIP-4844 asks. */
static const char *check_blobs(const world_t *w, const tx_t *t)
{
    if (t->create)
        return "TYPE_3_TX_CONTRACT_CREATION";
    if (t->blob_cnt == 0)
        return "TYPE_3_TX_ZERO_BLOBS";
    if (t->blob_cnt > 6)
        return "TYPE_3_TX_BLOB_COUNT_EXCEEDED";
    for (size_t i = 0; i < t->blob_cnt; i++)
        if (t->blobs[i].b[0] != 1)
            return "TYPE_3_TX_INVALID_BLOB_VERSIONED_HASH";
    if (bc_u256_lt(&t->max_blob_fee, &w->env.blob_base_fee))
        return "INSUFFICIENT_MAX_FEE_PER_BLOB_GAS";
    return NULL;
}

/* Why the transaction cannot be in a block, by the suite's names, or NULL. */
static const char *check(world_t *w, const tx_t *t)
{
    bc_evm_rev_t rev = w->rules.rev;
    account_t *from = world_account(w, &t->sender);
    const char *exception = rules_type(rev, t->type);
    if (exception)
        return exception;
    if (t->wide_value)
        return "RLP_INVALID_VALUE";
    if (from->s.nonce != t->nonce)
        return "NONCE_MISMATCH";
    if (t->nonce == UINT64_MAX)
        return "NONCE_IS_MAX";
    if (from->s.code.n)
        return "SENDER_NOT_EOA"; /* EIP-3607 */
    if (t->gas > (uint64_t)w->env.gas_limit || t->gas > INT64_MAX)
        return "GAS_ALLOWANCE_EXCEEDED";
    if (rev >= BC_EVM_SHANGHAI && t->create && t->data.n > INIT_CODE_MAX)
        return "INITCODE_SIZE_EXCEEDED";
    if (bc_u256_lt(&t->max_fee, &w->env.base_fee))
        return "INSUFFICIENT_MAX_FEE_PER_GAS";
    if (bc_u256_lt(&t->max_fee, &t->max_tip))
        return "PRIORITY_GREATER_THAN_MAX_FEE_PER_GAS";
    if (t->type == 3 && (exception = check_blobs(w, t)))
        return exception;
    bc_u256_t gas = bc_u256(t->gas), blob_gas = bc_u256(t->blob_cnt * GAS_PER_BLOB);
    bc_u256_t need = mul_saturated(&gas, &t->max_fee);
    bc_u256_t blob_need = mul_saturated(&blob_gas, &t->max_blob_fee);
    if (!add_to(&need, &t->value) || !add_to(&need, &blob_need) ||
        bc_u256_lt(&from->s.balance, &need))
        return "INSUFFICIENT_ACCOUNT_FUNDS";
    if (t->gas < intrinsic_gas(w, t))
        return "INTRINSIC_GAS_TOO_LOW";
    return NULL;
}

static void warm(world_t *w, const bc_addr_t *a)
{
    world_account(w, a)->s.warm = true;
}

/* EIP-2929; revisions before it do not look. */
static void warm_up(world_t *w, fixture_t *f, const tx_t *t)
{
    bc_evm_rev_t rev = w->rules.rev;
    warm(w, &t->sender);
    if (rev >= BC_EVM_SHANGHAI)
        warm(w, &w->env.coinbase); /* EIP-3651 */
    if (!t->create)
        warm(w, &t->to);
    for (uint8_t i = 1; i <= (rev >= BC_EVM_CANCUN ? 10 : 9); i++) {
        bc_addr_t a = { { 0 } };
        a.b[19] = i;
        warm(w, &a);
    }
    const cJSON *entry, *key;
    cJSON_ArrayForEach(entry, t->access)
    {
        bc_addr_t a = fixture_address(f, text(entry, "address"));
        warm(w, &a);
        cJSON_ArrayForEach(key, fixture_field(entry, "storageKeys"))
        {
            bc_h256_t k = fixture_word(f, fixture_text(key));
            world_slot(w, world_account(w, &a), &k)->warm = true;
        }
    }
}

static bc_u256_t times(const bc_u256_t *price, uint64_t amount)
{
    bc_u256_t n = bc_u256(amount);
    return bc_u256_mul(price, &n);
}

static void execute(world_t *w, fixture_t *f, const tx_t *t)
{
    /* effective price: base fee + min(tip, fee - base fee) */
    bc_u256_t tip = bc_u256_sub(&t->max_fee, &w->env.base_fee);
    if (bc_u256_lt(&t->max_tip, &tip))
        tip = t->max_tip;
    bc_u256_t price = bc_u256_add(&w->env.base_fee, &tip);
    w->env.gas_price = price;

    account_t *from = world_account(w, &t->sender);
    bc_u256_t cost = times(&price, t->gas);
    from->s.balance = bc_u256_sub(&from->s.balance, &cost);
    cost = times(&w->env.blob_base_fee, t->blob_cnt * GAS_PER_BLOB);
    from->s.balance = bc_u256_sub(&from->s.balance, &cost);
    from->s.exists = true;
    from->s.nonce++;
    warm_up(w, f, t);

    bc_evm_msg_t m = {
        .kind = t->create ? BC_EVM_CREATE : BC_EVM_CALL,
        .gas = (int64_t)(t->gas - intrinsic_gas(w, t)),
        .recipient = t->to,
        .code_address = t->to,
        .sender = t->sender,
        .value = t->value,
        .input = t->data,
    };
    bc_evm_result_t r;
    world_message(w, &m, &r);

    uint64_t used = t->gas - (uint64_t)r.gas_left;
    uint64_t refund = r.status == BC_EVM_OK && r.gas_refund > 0 ? (uint64_t)r.gas_refund : 0;
    used -= BC_MIN(refund, used / (w->rules.rev >= BC_EVM_LONDON ? 5 : 2)); /* EIP-3529 */
    bc_u256_t back = times(&price, t->gas - used), fee = times(&tip, used);
    from->s.balance = bc_u256_add(&from->s.balance, &back);
    account_t *miner = world_account(w, &w->env.coinbase);
    miner->s.balance = bc_u256_add(&miner->s.balance, &fee);
    miner->s.exists = miner->s.touched = true;
    world_finish(w);
}

/* ---- verdict ---- */

static BC_PRINTF(3, 4) bool fail(char *why, size_t n, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, n, fmt, ap);
    va_end(ap);
    return false;
}

static bool run(bc_evm_t *evm, bc_evm_rev_t rev, const cJSON *test, const cJSON *post, char *why,
                size_t why_n)
{
    world_t w;
    tx_t t;
    world_init(&w, evm);
    w.rules = (bc_evm_rules_t){ .rev = rev, .suite = BC_SUITE_STANDARD };
    fixture_t f = { .arena = &w.arena };
    load_pre(&w, &f, fixture_field(test, "pre"));
    read_tx(&f, test, post, &t);
    load_env(&w, &f, fixture_field(test, "env"), &t);

    const char *expected = text(post, "expectException");
    const char *refused = check(&w, &t);
    bool ok = true;
    if (!refused != !expected || (refused && !fixture_expects(expected, refused)))
        ok = fail(why, why_n, "expected %s, got %s", expected ? expected : "a valid transaction",
                  refused ? refused : "a valid transaction");
    if (!refused)
        execute(&w, &f, &t);
    world_reward(&w);
    bc_h256_t root, logs, want_root = fixture_word(&f, text(post, "hash")),
                          want_logs = fixture_word(&f, text(post, "logs"));
    world_state_root(&w, &root);
    world_logs_hash(&w, &logs);
    if (f.bad)
        ok = fail(why, why_n, "malformed test");
    if (ok && !bc_h256_eq(&logs, &want_logs))
        ok = fail(why, why_n, "logs differ");
    if (ok && !bc_h256_eq(&root, &want_root))
        ok = fail(why, why_n, "state root differs");
    world_free(&w);
    return ok;
}

void state_test(report_t *r, const cJSON *test)
{
    const cJSON *list, *post;
    cJSON_ArrayForEach(list, fixture_field(test, "post"))
    {
        int fork, index = 0;
        if (!report_wants(r, list->string, &fork))
            continue;
        cJSON_ArrayForEach(post, list)
        {
            char why[512];
            bool ok = run(r->evm, (bc_evm_rev_t)fork, test, post, why, sizeof why);
            report_case(r, KIND_STATE, fork, test->string, index++, ok ? NULL : why);
        }
    }
}
