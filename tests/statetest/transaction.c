#include "transaction.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "world.h"

#define GAS_PER_BLOB 131072u

/* ---- JSON values ---- */

static const cJSON *field(const cJSON *o, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(o, name);
}

static const char *text_of(const cJSON *v)
{
    return cJSON_IsString(v) ? v->valuestring : NULL;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A number in hex of any length; *wide when it needs more than 256 bits. */
static bc_u256_t number(const cJSON *v, bool *wide)
{
    bc_u256_t r = { { 0 } };
    const char *s = text_of(v);
    if (!s)
        return r;
    if (strncmp(s, "0x:bigint ", 10) == 0)
        s += 10;
    if (s[0] == '0' && s[1] == 'x')
        s += 2;
    for (; *s; s++) {
        int d = hex_digit(*s);
        BC_MUST(d >= 0);
        if (r.w[3] >> 60 && wide)
            *wide = true;
        r = bc_u256_shl(&r, 4);
        r.w[0] |= (uint64_t)d;
    }
    return r;
}

static uint64_t number64(const cJSON *v)
{
    bc_u256_t r = number(v, NULL);
    return bc_u256_is_u64(&r) ? r.w[0] : UINT64_MAX;
}

static bc_bytes_t bytes_of(world_t *w, const char *s)
{
    if (!s)
        return (bc_bytes_t){ 0 };
    if (s[0] == '0' && s[1] == 'x')
        s += 2;
    size_t n = strlen(s) / 2;
    uint8_t *p = bc_arena_alloc(&w->arena, n ? n : 1);
    BC_MUST(p != NULL);
    for (size_t i = 0; i < n; i++) {
        int hi = hex_digit(s[2 * i]), lo = hex_digit(s[2 * i + 1]);
        BC_MUST(hi >= 0 && lo >= 0);
        p[i] = (uint8_t)(hi << 4 | lo);
    }
    return bc_bytes(p, n);
}

static bc_addr_t address_of(const char *s)
{
    bc_addr_t a = { { 0 } };
    cJSON v = { .type = cJSON_String, .valuestring = (char *)(uintptr_t)s };
    bc_u256_t n = number(&v, NULL);
    a = bc_u256_to_addr(&n);
    return a;
}

static bc_h256_t word_of(const cJSON *v)
{
    bc_h256_t h;
    bc_u256_t n = number(v, NULL);
    bc_u256_to_be(&n, h.b);
    return h;
}

/* ---- the transaction that indexes select ---- */

typedef struct {
    bc_addr_t sender, to;
    bool create, dynamic, has_blobs, bad_value;
    uint64_t nonce, gas;
    bc_u256_t gas_price, max_fee, max_tip, max_blob_fee, value;
    bc_bytes_t data;
    const cJSON *access;
    bc_h256_t *blobs;
    size_t blob_cnt;
} tx_t;

static const cJSON *indexed(const cJSON *tx, const cJSON *post, const char *list, const char *index)
{
    const cJSON *i = field(field(post, "indexes"), index);
    return cJSON_GetArrayItem(field(tx, list), i ? i->valueint : 0);
}

static void read_tx(world_t *w, const cJSON *test, const cJSON *post, tx_t *t)
{
    const cJSON *j = field(test, "transaction");
    memset(t, 0, sizeof *t);
    t->sender = address_of(text_of(field(j, "sender")));
    const char *to = text_of(field(j, "to"));
    t->create = !to || !*to || strcmp(to, "0x") == 0;
    if (!t->create)
        t->to = address_of(to);
    t->nonce = number64(field(j, "nonce"));
    t->gas = number64(indexed(j, post, "gasLimit", "gas"));
    t->value = number(indexed(j, post, "value", "value"), &t->bad_value);
    t->data = bytes_of(w, text_of(indexed(j, post, "data", "data")));
    t->access = indexed(j, post, "accessLists", "data");
    t->dynamic = field(j, "maxFeePerGas") != NULL;
    t->gas_price = number(field(j, "gasPrice"), NULL);
    t->max_fee = t->dynamic ? number(field(j, "maxFeePerGas"), NULL) : t->gas_price;
    t->max_tip = t->dynamic ? number(field(j, "maxPriorityFeePerGas"), NULL) : t->gas_price;
    const cJSON *blobs = field(j, "blobVersionedHashes"), *b;
    t->has_blobs = blobs != NULL;
    t->max_blob_fee = number(field(j, "maxFeePerBlobGas"), NULL);
    t->blobs = bc_arena_alloc(&w->arena, 32 * (size_t)cJSON_GetArraySize(blobs) + 1);
    BC_MUST(t->blobs != NULL);
    cJSON_ArrayForEach(b, blobs) t->blobs[t->blob_cnt++] = word_of(b);
}

static void load_pre(world_t *w, const cJSON *pre)
{
    const cJSON *j, *v;
    cJSON_ArrayForEach(j, pre)
    {
        bc_addr_t addr = address_of(j->string);
        account_t *a = world_account(w, &addr);
        a->s.exists = true;
        a->s.nonce = number64(field(j, "nonce"));
        a->s.balance = number(field(j, "balance"), NULL);
        world_set_code(w, a, bytes_of(w, text_of(field(j, "code"))));
        cJSON_ArrayForEach(v, field(j, "storage"))
        {
            cJSON key = { .type = cJSON_String, .valuestring = v->string };
            bc_h256_t k = word_of(&key);
            slot_t *s = world_slot(w, a, &k);
            s->value = s->original = word_of(v);
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

static void load_env(world_t *w, const cJSON *env, const tx_t *t)
{
    bc_evm_env_t *e = &w->env;
    e->coinbase = address_of(text_of(field(env, "currentCoinbase")));
    e->origin = t->sender;
    e->number = (int64_t)number64(field(env, "currentNumber"));
    e->timestamp = number64(field(env, "currentTimestamp"));
    e->gas_limit = (int64_t)number64(field(env, "currentGasLimit"));
    e->chain_id = bc_u256(1);
    e->prev_randao = number(field(env, "currentRandom"), NULL);
    e->base_fee = number(field(env, "currentBaseFee"), NULL);
    e->blob_base_fee = blob_base_fee(number64(field(env, "currentExcessBlobGas")));
    e->blob_hashes = t->blobs;
    e->blob_hash_cnt = t->blob_cnt;
}

/* ---- rules around the interpreter ---- */

static uint64_t intrinsic_gas(const tx_t *t)
{
    uint64_t gas = 21000;
    for (size_t i = 0; i < t->data.n; i++)
        gas += t->data.p[i] ? 16 : 4;
    if (t->create)
        gas += 32000 + 2 * ((t->data.n + 31) / 32);
    const cJSON *a;
    cJSON_ArrayForEach(a, t->access) gas +=
        2400 + 1900 * (uint64_t)cJSON_GetArraySize(field(a, "storageKeys"));
    return gas;
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
        return "blob transaction creates";
    if (t->blob_cnt == 0 || t->blob_cnt > 6)
        return "blob count";
    for (size_t i = 0; i < t->blob_cnt; i++)
        if (t->blobs[i].b[0] != 1)
            return "blob hash version";
    if (bc_u256_lt(&t->max_blob_fee, &w->env.blob_base_fee))
        return "blob fee below base";
    return NULL;
}

/* Why the transaction cannot be in a block, or NULL. */
static const char *check(world_t *w, const tx_t *t)
{
    account_t *from = world_account(w, &t->sender);
    if (t->bad_value)
        return "value above 256 bits";
    if (from->s.nonce != t->nonce)
        return "nonce";
    if (t->nonce == UINT64_MAX)
        return "nonce at its end";
    if (from->s.code.n)
        return "sender has code"; /* EIP-3607 */
    if (t->gas > (uint64_t)w->env.gas_limit || t->gas > INT64_MAX)
        return "gas above the block's";
    if (t->gas < intrinsic_gas(t))
        return "intrinsic gas";
    if (t->create && t->data.n > 49152)
        return "init code too long";
    if (bc_u256_lt(&t->max_fee, &w->env.base_fee))
        return "fee below base";
    if (bc_u256_lt(&t->max_fee, &t->max_tip))
        return "tip above fee";
    if (t->has_blobs) {
        const char *bad = check_blobs(w, t);
        if (bad)
            return bad;
    }
    bc_u256_t gas = bc_u256(t->gas), blob_gas = bc_u256(t->blob_cnt * GAS_PER_BLOB);
    bc_u256_t need = mul_saturated(&gas, &t->max_fee);
    bc_u256_t blob_need = mul_saturated(&blob_gas, &t->max_blob_fee);
    if (!add_to(&need, &t->value) || !add_to(&need, &blob_need) ||
        bc_u256_lt(&from->s.balance, &need))
        return "balance";
    return NULL;
}

static void warm(world_t *w, const bc_addr_t *a)
{
    world_account(w, a)->s.warm = true;
}

static void warm_up(world_t *w, const tx_t *t)
{
    warm(w, &t->sender);
    warm(w, &w->env.coinbase); /* EIP-3651 */
    if (!t->create)
        warm(w, &t->to);
    for (uint8_t i = 1; i <= 10; i++) {
        bc_addr_t a = { { 0 } };
        a.b[19] = i;
        warm(w, &a);
    }
    const cJSON *entry, *key;
    cJSON_ArrayForEach(entry, t->access)
    {
        bc_addr_t a = address_of(text_of(field(entry, "address")));
        warm(w, &a);
        cJSON_ArrayForEach(key, field(entry, "storageKeys"))
        {
            bc_h256_t k = word_of(key);
            world_slot(w, world_account(w, &a), &k)->warm = true;
        }
    }
}

static bc_u256_t times(const bc_u256_t *price, uint64_t amount)
{
    bc_u256_t n = bc_u256(amount);
    return bc_u256_mul(price, &n);
}

static void execute(world_t *w, const tx_t *t)
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
    warm_up(w, t);

    bc_evm_msg_t m = {
        .kind = t->create ? BC_EVM_CREATE : BC_EVM_CALL,
        .gas = (int64_t)(t->gas - intrinsic_gas(t)),
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
    used -= BC_MIN(refund, used / 5);
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

bool statetest_case(bc_evm_t *evm, const cJSON *test, const cJSON *post, char *why, size_t why_n)
{
    world_t w;
    tx_t t;
    world_init(&w, evm);
    w.rules = (bc_evm_rules_t){ .rev = BC_EVM_CANCUN, .suite = BC_SUITE_STANDARD };
    load_pre(&w, field(test, "pre"));
    read_tx(&w, test, post, &t);
    load_env(&w, field(test, "env"), &t);

    const char *expected = text_of(field(post, "expectException"));
    const char *refused = check(&w, &t);
    bool ok = true;
    if (!refused != !expected)
        ok = fail(why, why_n, "expected %s, got %s", expected ? expected : "a valid transaction",
                  refused ? refused : "a valid transaction");
    if (!refused)
        execute(&w, &t);
    bc_h256_t root, logs, want_root = word_of(field(post, "hash")),
                          want_logs = word_of(field(post, "logs"));
    world_state_root(&w, &root);
    world_logs_hash(&w, &logs);
    if (ok && !bc_h256_eq(&logs, &want_logs))
        ok = fail(why, why_n, "logs differ");
    if (ok && !bc_h256_eq(&root, &want_root))
        ok = fail(why, why_n, "state root differs");
    world_free(&w);
    return ok;
}
