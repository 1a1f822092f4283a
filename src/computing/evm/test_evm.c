/* The interpreter against a host of a few cells. Gas figures are worked out by hand from the
 * price lists (EIP-150, 160, 1153, 2200, 2929, 3529, 3855, 3860, 5656) for Cancun. The official
 * state tests (tests/statetest) are the wide net; this names what broke. */
#include <pthread.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "computing/evm/evm.h"
#include "computing/evm/u256.h"

typedef struct {
    bc_evm_t *evm;
    const bc_evm_host_t *host; /* NULL: the one whose messages are frames */
    bc_evm_rules_t rules;
    bc_evm_env_t env;
    bool warm_account, warm_slot, account_exists;
    bc_evm_storage_t storage_status;
    bc_h256_t slot, transient;
    bc_u256_t balance;
    int logs;
    size_t log_topics, log_size;
    bc_h256_t log_topic0;
    int calls;
    bc_evm_msg_t last; /* input not kept */
    size_t last_input;
    bc_evm_result_t reply;
    int64_t reply_used;
    bc_evm_code_t *nested; /* not NULL: messages run this on the same evm */
    int recurse_each;      /* not 0: at every depth that it divides by recursion */
    bool forgets_depth;    /* every message is at depth 0 */
    int deepest;
    int running, most; /* messages begun and not ended */
    int64_t deposit;   /* creates: what end takes */
    bc_addr_t heir;
} mock_t;

static const bc_evm_host_t frames_host, recursive_host;

static const bc_evm_host_t *host_of(const mock_t *m)
{
    return m->host ? m->host : &frames_host;
}

static bool account_exists(void *ctx, const bc_addr_t *a)
{
    (void)a;
    return ((mock_t *)ctx)->account_exists;
}

static void get_storage(void *ctx, const bc_addr_t *a, const bc_h256_t *k, bc_h256_t *v)
{
    (void)a, (void)k;
    *v = ((mock_t *)ctx)->slot;
}

static bc_evm_storage_t set_storage(void *ctx, const bc_addr_t *a, const bc_h256_t *k,
                                    const bc_h256_t *v)
{
    (void)a, (void)k;
    mock_t *m = ctx;
    m->slot = *v;
    return m->storage_status;
}

static void get_transient(void *ctx, const bc_addr_t *a, const bc_h256_t *k, bc_h256_t *v)
{
    (void)a, (void)k;
    *v = ((mock_t *)ctx)->transient;
}

static void set_transient(void *ctx, const bc_addr_t *a, const bc_h256_t *k, const bc_h256_t *v)
{
    (void)a, (void)k;
    ((mock_t *)ctx)->transient = *v;
}

static void get_balance(void *ctx, const bc_addr_t *a, bc_u256_t *out)
{
    (void)a;
    *out = ((mock_t *)ctx)->balance;
}

static size_t get_code_size(void *ctx, const bc_addr_t *a)
{
    (void)ctx, (void)a;
    return 77;
}

static void get_code_hash(void *ctx, const bc_addr_t *a, bc_h256_t *out)
{
    (void)ctx, (void)a;
    memset(out->b, 0x11, 32);
}

static size_t copy_code(void *ctx, const bc_addr_t *a, size_t offset, uint8_t *out, size_t n)
{
    (void)ctx, (void)a;
    if (offset >= 3)
        return 0;
    n = BC_MIN(n, 3 - offset);
    memset(out, 0xcc, n);
    return n;
}

static bool selfdestruct(void *ctx, const bc_addr_t *a, const bc_addr_t *heir)
{
    (void)a;
    ((mock_t *)ctx)->heir = *heir;
    return true;
}

static void emit_log(void *ctx, const bc_addr_t *a, bc_bytes_t data, const bc_h256_t *topics,
                     size_t topic_cnt)
{
    (void)a;
    mock_t *m = ctx;
    m->logs++;
    m->log_topics = topic_cnt;
    m->log_size = data.n;
    if (topic_cnt)
        m->log_topic0 = topics[0];
}

static void get_block_hash(void *ctx, int64_t number, bc_h256_t *out)
{
    (void)ctx;
    memset(out, 0, sizeof *out);
    out->b[31] = (uint8_t)number;
}

static bool access_account(void *ctx, const bc_addr_t *a)
{
    (void)a;
    return ((mock_t *)ctx)->warm_account;
}

static bool access_storage(void *ctx, const bc_addr_t *a, const bc_h256_t *key)
{
    (void)a, (void)key;
    return ((mock_t *)ctx)->warm_slot;
}

static void call(void *ctx, const bc_evm_msg_t *msg, bc_evm_result_t *out)
{
    mock_t *m = ctx;
    m->calls++;
    m->last = *msg;
    m->last_input = msg->input.n;
    m->deepest = BC_MAX(m->deepest, msg->depth);
    if (m->nested) {
        bc_evm_run(m->evm, &m->rules, host_of(m), m, &m->env, msg, m->nested, out);
        return;
    }
    *out = m->reply;
    out->gas_left = msg->gas - m->reply_used;
}

typedef struct {
    int no;
    bc_evm_msg_t *msg;
    uint8_t odd[3];
} slot_t;

static bool begin(void *ctx, void *slot, bc_evm_msg_t *msg, bc_evm_begun_t *begun, bc_evm_result_t *out)
{
    mock_t *m = ctx;
    slot_t *s = slot;
    if (!m->nested || (m->recurse_each && msg->depth % m->recurse_each == 0)) {
        call(ctx, msg, out);
        return false;
    }
    m->calls++;
    m->deepest = BC_MAX(m->deepest, msg->depth);
    s->no = ++m->running;
    s->msg = msg;
    memset(s->odd, s->no & 0xff, sizeof s->odd);
    m->most = BC_MAX(m->most, m->running);
    if (m->forgets_depth)
        msg->depth = 0;
    *begun = (bc_evm_begun_t){ m->nested, m };
    return true;
}

static void end(void *ctx, void *slot, bc_evm_result_t *res)
{
    mock_t *m = ctx;
    slot_t *s = slot;
    BC_MUST(s->no == m->running-- && s->odd[0] == (s->no & 0xff) && s->odd[2] == s->odd[0]);
    if (s->msg->kind < BC_EVM_CREATE || res->status != BC_EVM_OK)
        return;
    res->gas_left -= m->deposit;
    res->created.b[18] = (uint8_t)(s->no >> 8);
    res->created.b[19] = (uint8_t)s->no;
    res->output = (bc_bytes_t){ 0 };
}

#define CELLS                                                                                      \
    .account_exists = account_exists, .get_storage = get_storage, .set_storage = set_storage,      \
    .get_transient = get_transient, .set_transient = set_transient, .get_balance = get_balance,    \
    .get_code_size = get_code_size, .get_code_hash = get_code_hash, .copy_code = copy_code,        \
    .selfdestruct = selfdestruct, .emit_log = emit_log, .get_block_hash = get_block_hash,          \
    .access_account = access_account, .access_storage = access_storage

static const bc_evm_host_t frames_host = { CELLS, .begin = begin, .end = end, .slot_bytes = sizeof(slot_t) };
static const bc_evm_host_t recursive_host = { CELLS, .call = call };

static bc_evm_code_t *code_from(const char *hex, const char *tail)
{
    char text[8192];
    uint8_t bytes[4096];
    snprintf(text, sizeof text, "%s%s", hex, tail);
    size_t n = strlen(text) / 2;
    for (size_t i = 0; i < n; i++) {
        char pair[3] = { text[2 * i], text[2 * i + 1], 0 };
        bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    bc_evm_code_t *c = bc_evm_code_new(bc_bytes(bytes, n), BC_EVM_CANCUN);
    assert_non_null(c);
    return c;
}

#define GAS 10000000

static bc_evm_result_t run_msg(mock_t *m, const char *hex, const char *tail, const bc_evm_msg_t *msg)
{
    bc_evm_result_t r;
    bc_evm_code_t *c = code_from(hex, tail);
    bc_evm_run(m->evm, &m->rules, host_of(m), m, &m->env, msg, c, &r);
    bc_evm_code_unref(c);
    return r;
}

/* Returns the top of the stack; that costs 15 when memory was not used, else 12. */
#define RETURN_TOP "60005260206000f3"

static void gives(mock_t *m, const char *hex, uint64_t value, int64_t gas)
{
    bc_evm_msg_t msg = { .gas = GAS };
    bc_evm_result_t r = run_msg(m, hex, RETURN_TOP, &msg);
    assert_int_equal(r.status, BC_EVM_OK);
    assert_int_equal(r.output.n, 32);
    bc_u256_t v = bc_u256_from_be(r.output.p);
    assert_true(bc_u256_is_u64(&v));
    assert_int_equal(v.w[0], value);
    assert_int_equal(GAS - r.gas_left, gas);
}

static void ends(mock_t *m, const char *hex, int64_t gas, bool is_static, bc_evm_status_t status,
                 int64_t used)
{
    bc_evm_msg_t msg = { .gas = gas, .is_static = is_static };
    bc_evm_result_t r = run_msg(m, hex, "", &msg);
    assert_int_equal(r.status, status);
    assert_int_equal(gas - r.gas_left, used);
}

static mock_t fresh(void)
{
    static bc_evm_t *evm;
    if (!evm)
        evm = bc_evm_new();
    assert_non_null(evm);
    return (mock_t){ .evm = evm, .rules = { .rev = BC_EVM_CANCUN }, .account_exists = true,
                     .env = { .number = 300, .timestamp = 5, .gas_limit = 6 } };
}

static void arithmetic_and_stack(void **state)
{
    (void)state;
    mock_t m = fresh();
    gives(&m, "6002600301", 5, 9 + 15);
    gives(&m, "6003600202", 6, 11 + 15);
    gives(&m, "6003600a04", 3, 11 + 15);
    gives(&m, "6003600a06", 1, 11 + 15);
    gives(&m, "60076005600408", 2, 9 + 8 + 15);
    gives(&m, "60076005600409", 6, 9 + 8 + 15);
    gives(&m, "600260030a", 9, 66 + 15);       /* one byte of exponent */
    gives(&m, "61ffff60020a", 0, 116 + 15);    /* two */
    gives(&m, "5f", 0, 2 + 15);
    gives(&m, "60016002600391", 1, 12 + 15);   /* SWAP2 */
    gives(&m, "6001600281", 1, 9 + 15);        /* DUP2 */
    gives(&m, "60ff600018", 0xff, 9 + 15);     /* XOR */
    gives(&m, "60f0601f1a", 0xf0, 9 + 15);     /* BYTE */
    gives(&m, "6001600410", 0, 9 + 15);        /* 4 < 1 */
    gives(&m, "5f1960011360ff16", 1, 17 + 15);     /* 1 > -1, signed */
}

static void environment(void **state)
{
    (void)state;
    mock_t m = fresh();
    m.env.base_fee = bc_u256(11), m.env.blob_base_fee = bc_u256(12), m.env.chain_id = bc_u256(13);
    m.env.prev_randao = bc_u256(14);
    m.balance = bc_u256(15);
    bc_h256_t blob = { { [31] = 16 } };
    m.env.blob_hashes = &blob, m.env.blob_hash_cnt = 1;
    gives(&m, "43", 300, 2 + 15);
    gives(&m, "42", 5, 2 + 15);
    gives(&m, "45", 6, 2 + 15);
    gives(&m, "48", 11, 2 + 15);
    gives(&m, "4a", 12, 2 + 15);
    gives(&m, "46", 13, 2 + 15);
    gives(&m, "44", 14, 2 + 15);
    gives(&m, "47", 15, 5 + 15);
    gives(&m, "5f49", 16, 5 + 15);
    gives(&m, "600149", 0, 6 + 15);
    gives(&m, "60fa40", 250, 23 + 15);         /* BLOCKHASH 250 */
    gives(&m, "602b40", 0, 23 + 15);           /* 43 is 257 back */
    gives(&m, "602c40", 44, 23 + 15);          /* 44 is 256 back */
    gives(&m, "61012c40", 0, 23 + 15);         /* itself */
    gives(&m, "5f31", 15, 2 + 2600 + 15);
    gives(&m, "5f3b", 77, 2 + 2600 + 15);
    m.warm_account = true;
    gives(&m, "5f31", 15, 2 + 100 + 15);
    gives(&m, "600260ff1c", 0, 9 + 15);        /* 2 >> 255 */
}

static void memory(void **state)
{
    (void)state;
    mock_t m = fresh();
    gives(&m, "59", 0, 2 + 15);
    /* MSTORE8 at 31 then MLOAD: one word */
    gives(&m, "60ab601f535f51", 0xab, 3 + 3 + 3 + 3 + 2 + 3 + 12);
    /* 2049 words: 3*2049 + 2049^2/512 = 6147 + 8200 */
    gives(&m, "6201000051", 0, 3 + 3 + 6147 + 8200 + 12);
    /* MSTORE 7 at 0, MCOPY 32 bytes to 32, MLOAD 32: second word costs 3, copy 3 */
    gives(&m, "60075f5260205f60205e602051", 7, 3 + 2 + 6 + 3 + 2 + 3 + 3 + 3 + 3 + 3 + 3 + 12);
    /* EXTCODECOPY 4 bytes of 3: cccccc00 */
    gives(&m, "60045f5f5f3c5f5160e01c", 0xcccccc00,
          3 + 2 * 3 + 2600 + 3 + 3 + 2 + 3 + 3 + 3 + 12);
    /* CODECOPY beyond the end fills zeros */
    gives(&m, "602061ffff5f395f51", 0, 3 + 3 + 2 + 3 + 3 + 3 + 2 + 3 + 12);
    /* a size without memory to pay for */
    ends(&m, "7effffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff51", GAS, false,
         BC_EVM_OUT_OF_GAS, GAS);
    ends(&m, "63ffffffff51", GAS, false, BC_EVM_OUT_OF_GAS, GAS);
    ends(&m, "5f6fffffffffffffffffffffffffffffffff20", 2 + 3 + 30, false, BC_EVM_OK, 35);
}

static void keccak_is_the_suites_hash(void **state)
{
    (void)state;
    mock_t m = fresh();
    /* top 8 bytes of the hash of nothing */
    gives(&m, "5f5f2060c01c", 0xc5d2460186f7233c, 2 + 2 + 30 + 3 + 3 + 15);
    m.rules.suite = BC_SUITE_SM;
    gives(&m, "5f5f2060c01c", 0x1ab21d8355cfa17f, 2 + 2 + 30 + 3 + 3 + 15);
    /* 33 bytes: two words of hashing, two of memory */
    ends(&m, "60215f20", GAS, false, BC_EVM_OK, 3 + 2 + 30 + 12 + 6);
}

static void hashes_of_two_words_are_kept_apart(void **state)
{
    (void)state;
    mock_t m = fresh();
    uint64_t x = 1;
    for (int i = 0; i < 3000; i++) {
        uint8_t input[64] = { 0 };
        x = x * 6364136223846793005 + 1442695040888963407;
        input[i % 4 * 8] = (uint8_t)(x >> 40) & 7; /* few distinct ones, in every limb */
        input[31] = (uint8_t)(x >> 48) & 15;
        input[63 - (x >> 32) % 32] = (uint8_t)(x >> 56) & 3;
        m.rules.suite = x >> 60 & 1 ? BC_SUITE_SM : BC_SUITE_STANDARD;
        bc_evm_msg_t msg = { .gas = GAS, .input = bc_bytes(input, sizeof input) };
        bc_evm_result_t r = run_msg(&m, "60405f5f3760405f20", RETURN_TOP, &msg);
        bc_h256_t want;
        bc_hash(m.rules.suite, msg.input, &want);
        assert_int_equal(r.output.n, 32);
        assert_memory_equal(r.output.p, want.b, 32);
        assert_int_equal(GAS - r.gas_left, 3 + 2 + 2 + 3 + 3 * 2 + 3 * 2 + 3 + 2 + 30 + 12 + 12);
    }
}

static void storage(void **state)
{
    (void)state;
    mock_t m = fresh();
    m.slot.b[31] = 9;
    gives(&m, "5f54", 9, 2 + 2100 + 15);
    m.warm_slot = true;
    gives(&m, "5f54", 9, 2 + 100 + 15);
    const struct {
        bc_evm_storage_t status;
        int64_t cost, refund;
    } cases[] = {
        { BC_EVM_STORAGE_ASSIGNED, 100, 0 },
        { BC_EVM_STORAGE_ADDED, 20000, 0 },
        { BC_EVM_STORAGE_DELETED, 2900, 4800 },
        { BC_EVM_STORAGE_MODIFIED, 2900, 0 },
        { BC_EVM_STORAGE_DELETED_ADDED, 100, -4800 },
        { BC_EVM_STORAGE_MODIFIED_DELETED, 100, 4800 },
        { BC_EVM_STORAGE_DELETED_RESTORED, 100, -4800 + 2800 },
        { BC_EVM_STORAGE_ADDED_DELETED, 100, 19900 },
        { BC_EVM_STORAGE_MODIFIED_RESTORED, 100, 2800 },
    };
    bc_evm_msg_t msg = { .gas = GAS };
    for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++)
        for (int cold = 0; cold < 2; cold++) {
            m.warm_slot = !cold;
            m.storage_status = cases[i].status;
            bc_evm_result_t r = run_msg(&m, "60015f55", "", &msg);
            assert_int_equal(r.status, BC_EVM_OK);
            assert_int_equal(GAS - r.gas_left, 5 + cases[i].cost + cold * 2100);
            assert_int_equal(r.gas_refund, cases[i].refund);
        }
    /* FISCO: always cold, always MODIFIED or DELETED: 5000 */
    m.warm_slot = false;
    m.storage_status = BC_EVM_STORAGE_DELETED;
    ends(&m, "5f5f55", GAS, false, BC_EVM_OK, 4 + 5000);
    ends(&m, "5f5f55", 4 + 2300, false, BC_EVM_OUT_OF_GAS, 2304);
    ends(&m, "5f5f55", GAS, true, BC_EVM_STATIC_VIOLATION, GAS);
    gives(&m, "60075f5d5f5c", 7, 3 + 2 + 100 + 2 + 100 + 15);
    ends(&m, "5f5f5d", GAS, true, BC_EVM_STATIC_VIOLATION, GAS);
}

static void logs(void **state)
{
    (void)state;
    mock_t m = fresh();
    /* topic 0xab, size 32, offset 0 */
    ends(&m, "60ab60205fa1", GAS, false, BC_EVM_OK, 8 + 375 * 2 + 8 * 32 + 3);
    assert_int_equal(m.logs, 1);
    assert_int_equal(m.log_topics, 1);
    assert_int_equal(m.log_size, 32);
    assert_int_equal(m.log_topic0.b[31], 0xab);
    ends(&m, "5f5f5f5f5f5fa4", GAS, false, BC_EVM_OK, 12 + 375 * 5);
    ends(&m, "5f5fa0", GAS, true, BC_EVM_STATIC_VIOLATION, GAS);
    assert_int_equal(m.logs, 2);
}

static void failures_and_their_order(void **state)
{
    (void)state;
    mock_t m = fresh();
    ends(&m, "0c", GAS, false, BC_EVM_UNDEFINED, GAS);
    ends(&m, "fe", GAS, false, BC_EVM_INVALID, GAS);
    ends(&m, "01", 0, false, BC_EVM_STACK_UNDERFLOW, 0); /* the stack is looked at before gas */
    ends(&m, "5f", 1, false, BC_EVM_OUT_OF_GAS, 1);
    ends(&m, "600456", GAS, false, BC_EVM_BAD_JUMP, GAS);
    ends(&m, "6001565b", GAS, false, BC_EVM_BAD_JUMP, GAS); /* into an immediate */
    ends(&m, "6003565b", GAS, false, BC_EVM_OK, 3 + 8 + 1);
    ends(&m, "5f600057", GAS, false, BC_EVM_OK, 2 + 3 + 10); /* not taken: not looked at */
    ends(&m, "60015f5f3e", GAS, false, BC_EVM_BAD_RETURNDATA, GAS);
    ends(&m, "5f5f5f3e", GAS, false, BC_EVM_OK, 9);
    /* a loop that pushes for ever: 1024 words fit */
    ends(&m, "5b5a5f56", GAS, false, BC_EVM_STACK_OVERFLOW, GAS);
    m.rules.rev = BC_EVM_PARIS;
    ends(&m, "5f", GAS, false, BC_EVM_UNDEFINED, GAS);
    m.rules.rev = BC_EVM_SHANGHAI;
    ends(&m, "5c", GAS, false, BC_EVM_UNDEFINED, GAS);
    m.rules.rev = BC_EVM_BERLIN;
    ends(&m, "48", GAS, false, BC_EVM_UNDEFINED, GAS);
    m.rules.rev = BC_EVM_BYZANTIUM;
    ends(&m, "600060001b", GAS, false, BC_EVM_UNDEFINED, GAS);
    m.rules.rev = BC_EVM_FRONTIER;
    ends(&m, "60006000fd", GAS, false, BC_EVM_UNDEFINED, GAS);
}

static void calls_by(const bc_evm_host_t *host)
{
    mock_t m = fresh();
    m.host = host;
    m.balance = bc_u256(5);
    m.account_exists = false;
    m.reply_used = 1000;
    m.reply.status = BC_EVM_OK;
    /* value 1 to 0xaa, gas 0xffff: cold 2600, value 9000, new account 25000, stipend back */
    const char *pay = "5f5f5f5f600160aa61fffff1";
    gives(&m, pay, 1, 8 + 9 + 2600 + 9000 + 25000 + 1000 - 2300 + 15);
    assert_int_equal(m.last.gas, 0xffff + 2300);
    assert_int_equal(m.last.depth, 1);
    assert_int_equal(m.last.recipient.b[19], 0xaa);
    assert_int_equal(m.last.kind, BC_EVM_CALL);
    m.account_exists = true;
    gives(&m, pay, 1, 8 + 9 + 2600 + 9000 + 1000 - 2300 + 15);
    m.reply.status = BC_EVM_REVERT;
    gives(&m, pay, 0, 8 + 9 + 2600 + 9000 + 1000 - 2300 + 15);
    /* more than it has: the host is not asked, nothing but the price is lost */
    m.balance = bc_u256(0);
    m.calls = 0;
    gives(&m, pay, 0, 8 + 9 + 2600 + 9000 - 2300 + 15);
    assert_int_equal(m.calls, 0);
    ends(&m, pay, GAS, true, BC_EVM_STATIC_VIOLATION, GAS);

    /* all but one 64th goes along */
    m.reply.status = BC_EVM_OK;
    m.warm_account = true;
    ends(&m, "5f5f5f5f5f60aa5af1", 100000, false, BC_EVM_OK, 10 + 3 + 2 + 100 + 1000);
    int64_t left = 100000 - 10 - 3 - 2 - 100;
    assert_int_equal(m.last.gas, left - left / 64);
    assert_false(m.last.is_static);

    /* STATICCALL, DELEGATECALL, CALLCODE */
    bc_evm_msg_t msg = { .gas = GAS, .value = bc_u256(33), .sender = { { 1 } }, .recipient = { { 2 } } };
    run_msg(&m, "5f5f5f5f60aa5afa", "", &msg);
    assert_true(m.last.is_static);
    assert_int_equal(m.last.kind, BC_EVM_CALL);
    assert_int_equal(m.last.sender.b[0], 2);
    assert_true(bc_u256_is_zero(&m.last.value));
    run_msg(&m, "5f5f5f5f60aa5af4", "", &msg);
    assert_int_equal(m.last.kind, BC_EVM_DELEGATECALL);
    assert_int_equal(m.last.sender.b[0], 1);
    assert_int_equal(m.last.recipient.b[0], 2);
    assert_int_equal(m.last.code_address.b[19], 0xaa);
    assert_int_equal(m.last.value.w[0], 33);
    run_msg(&m, "5f5f5f5f5f60aa5af2", "", &msg);
    assert_int_equal(m.last.kind, BC_EVM_CALLCODE);
    assert_int_equal(m.last.sender.b[0], 2);

    /* return data: size, copied to memory as far as it was asked for */
    uint8_t data[40];
    memset(data, 0xee, sizeof data);
    m.reply.output = bc_bytes(data, sizeof data);
    gives(&m, "60025f5f5f5f60aa5af1505f5160f01c3d01", 0xeeee + 40,
          3 + 8 + 3 + 2 + 100 + 3 + 1000 + 2 + 2 + 3 + 3 + 3 + 2 + 3 + 12);

    /* at the depth limit the host is not asked */
    msg.depth = 1024;
    m.calls = 0;
    bc_evm_result_t r = run_msg(&m, "5f5f5f5f5f60aa5af1", RETURN_TOP, &msg);
    assert_int_equal(r.status, BC_EVM_OK);
    assert_int_equal(r.output.p[31], 0);
    assert_int_equal(m.calls, 0);
}

static void calls(void **state)
{
    (void)state;
    calls_by(&frames_host);
    calls_by(&recursive_host);
}

static void creates_by(const bc_evm_host_t *host)
{
    mock_t m = fresh();
    m.host = host;
    m.reply.created.b[19] = 0xcd;
    gives(&m, "5f5f5ff0", 0xcd, 6 + 32000 + 15);
    assert_int_equal(m.last.kind, BC_EVM_CREATE);
    /* CREATE2 with salt 7 and 33 bytes of init code: 2 words at 6 + 2 each, 6 for memory */
    gives(&m, "600760215f5ff5", 0xcd, 10 + 32000 + 16 + 6 + 12);
    assert_int_equal(m.last.kind, BC_EVM_CREATE2);
    assert_int_equal(m.last.salt.w[0], 7);
    assert_int_equal(m.last_input, 33);
    m.reply.status = BC_EVM_REVERT;
    gives(&m, "5f5f5ff0", 0, 6 + 32000 + 15);
    m.calls = 0;
    ends(&m, "61c0015f5ff0", GAS, false, BC_EVM_OUT_OF_GAS, GAS); /* EIP-3860 */
    ends(&m, "5f5f5ff0", GAS, true, BC_EVM_STATIC_VIOLATION, GAS);
    assert_int_equal(m.calls, 0);
    ends(&m, "60aaff", GAS, false, BC_EVM_OK, 3 + 5000 + 2600);
    assert_int_equal(m.heir.b[19], 0xaa);
    m.account_exists = false;
    m.balance = bc_u256(1);
    ends(&m, "60aaff", GAS, false, BC_EVM_OK, 3 + 5000 + 2600 + 25000);
}

static void creates(void **state)
{
    (void)state;
    creates_by(&frames_host);
    creates_by(&recursive_host);
}

static void revert_keeps_gas_and_data(void **state)
{
    (void)state;
    mock_t m = fresh();
    bc_evm_msg_t msg = { .gas = GAS };
    bc_evm_result_t r = run_msg(&m, "60ab5f5360015ffd", "", &msg);
    assert_int_equal(r.status, BC_EVM_REVERT);
    assert_int_equal(GAS - r.gas_left, 3 + 2 + 3 + 3 + 3 + 2);
    assert_int_equal(r.output.n, 1);
    assert_int_equal(r.output.p[0], 0xab);
}

/* ---- depth ---- */

/* word = GAS, different in each frame; MSTORE(0, word); CALL(self) with 32 bytes of output at 32;
 * if MLOAD(0) != word: INVALID; RETURN MLOAD(32) + 1: a contract that marks its memory, calls itself
 * with all gas, and checks the mark and its stack afterwards. Frames share two regions and must not
 * see each other. */
static const char call_chain[] = "5a80"                     /* 00 word word */
                                 "5f52"                     /* 02 MSTORE(0, word) */
                                 "602060205f5f5f305af1"     /* 04 out 32 at 32, no input, no value */
                                 "50"                       /* 0e */
                                 "5f5114"                   /* 0f MLOAD(0) == word */
                                 "601657"                   /* 12 JUMPI 0x16 */
                                 "fe"                       /* 15 */
                                 "5b602051600101602052"     /* 16 word at 32 += 1 */
                                 "60206020f3";

/* CREATE without init code, RETURN what came of it. */
static const char create_chain[] = "5f5f5ff0" RETURN_TOP;

typedef struct {
    mock_t m;
    bc_evm_result_t r;
    bc_u256_t top;
} chain_t;

static void *run_chain(void *arg)
{
    chain_t *c = arg;
    bc_evm_msg_t msg = { .gas = INT64_MAX };
    bc_evm_run(c->m.evm, &c->m.rules, host_of(&c->m), &c->m, &c->m.env, &msg, c->m.nested, &c->r);
    c->top = c->r.output.n == 32 ? bc_u256_from_be(c->r.output.p) : bc_u256(0);
    return NULL;
}

static void run_on_small_stack(chain_t *c)
{
    pthread_attr_t attr;
    pthread_t t;
    pthread_attr_init(&attr);
    assert_int_equal(pthread_attr_setstacksize(&attr, 128u << 10), 0);
    assert_int_equal(pthread_create(&t, &attr, run_chain, c), 0);
    pthread_join(t, NULL);
    pthread_attr_destroy(&attr);
}

static chain_t chain(const char *code)
{
    chain_t c = { .m = fresh() };
    c.m.nested = code_from(code, "");
    c.m.warm_account = true;
    return c;
}

static void frames_keep_apart_down_to_the_limit(void **state)
{
    (void)state;
    int64_t gas_left = 0;
    /* as frames; by recursion; every 16th by recursion */
    for (int i = 0; i < 3; i++) {
        chain_t c = chain(call_chain);
        c.m.host = i == 1 ? &recursive_host : &frames_host;
        c.m.recurse_each = i == 2 ? 16 : 0;
        run_chain(&c);
        assert_int_equal(c.r.status, BC_EVM_OK);
        assert_int_equal(c.m.deepest, 1024);
        assert_int_equal(c.m.calls, 1024);
        assert_int_equal(c.m.running, 0);
        assert_int_equal(c.top.w[0], 1025);
        assert_true(i == 0 || c.r.gas_left == gas_left);
        gas_left = c.r.gas_left;
        bc_evm_code_unref(c.m.nested);
    }
}

static void depth_takes_no_c_stack(void **state)
{
    (void)state;
    chain_t c = chain(call_chain);
    run_on_small_stack(&c);
    assert_int_equal(c.r.status, BC_EVM_OK);
    assert_int_equal(c.m.most, 1024);
    assert_int_equal(c.top.w[0], 1025);
    bc_evm_code_unref(c.m.nested);

    c = chain(create_chain);
    run_on_small_stack(&c);
    assert_int_equal(c.r.status, BC_EVM_OK);
    assert_int_equal(c.m.most, 1024);
    assert_int_equal(c.top.w[0], 1); /* the first message */
    bc_evm_code_unref(c.m.nested);
}

static void what_end_says_is_what_code_sees(void **state)
{
    (void)state;
    mock_t m = fresh();
    m.nested = code_from("60aa60bb0100", ""); /* 9 gas */
    m.deposit = 700;
    gives(&m, "5f5f5ff0", 1, 6 + 32000 + 9 + 700 + 15);
    gives(&m, "5f5f5ff0503d", 0, 6 + 32000 + 9 + 700 + 2 + 2 + 15); /* no return data */
    bc_evm_code_unref(m.nested);
    /* a host that takes more than there is: the code that made the message is out of gas */
    m.nested = code_from("00", "");
    m.deposit = GAS;
    ends(&m, "5f5f5ff0", GAS, false, BC_EVM_OUT_OF_GAS, GAS);
    assert_int_equal(m.running, 0);
    bc_evm_code_unref(m.nested);
}

/* Only gas ends messages that all begin at depth 0; frames are enough for it. Before EIP-150 gas
 * does not: there the frames end, as depth does. */
static void a_host_may_forget_depth(void **state)
{
    (void)state;
    chain_t c = chain(call_chain);
    c.m.forgets_depth = true;
    run_on_small_stack(&c);
    assert_int_equal(c.r.status, BC_EVM_OK);
    assert_in_range(c.m.most, 2000, 2500);
    bc_evm_code_unref(c.m.nested);

    c = chain("600060006000600060003060c85a03f1" RETURN_TOP); /* CALL(GAS - 200, self) */
    c.m.rules.rev = BC_EVM_HOMESTEAD;
    c.m.forgets_depth = true;
    run_on_small_stack(&c);
    assert_int_equal(c.r.status, BC_EVM_OK);
    assert_int_equal(c.top.w[0], 1);
    assert_in_range(c.m.most, 5000, 50000);
    assert_int_equal(c.m.running, 0);
    bc_evm_code_unref(c.m.nested);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arithmetic_and_stack),
        cmocka_unit_test(environment),
        cmocka_unit_test(memory),
        cmocka_unit_test(keccak_is_the_suites_hash),
        cmocka_unit_test(hashes_of_two_words_are_kept_apart),
        cmocka_unit_test(storage),
        cmocka_unit_test(logs),
        cmocka_unit_test(failures_and_their_order),
        cmocka_unit_test(calls),
        cmocka_unit_test(creates),
        cmocka_unit_test(revert_keeps_gas_and_data),
        cmocka_unit_test(frames_keep_apart_down_to_the_limit),
        cmocka_unit_test(depth_takes_no_c_stack),
        cmocka_unit_test(what_end_says_is_what_code_sees),
        cmocka_unit_test(a_host_may_forget_depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
