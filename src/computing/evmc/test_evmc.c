/* libcbcos-evm.so by dlopen, as another client would use it, with a host of a few accounts. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <pthread.h>
#include "base/types.h"
#include "computing/evmc/evmc_abi.h"

/* What a program that was compiled against EVMC's own header expects of a 64-bit machine. */
_Static_assert(sizeof(struct evmc_message) == 184 && offsetof(struct evmc_message, gas) == 16 &&
                   offsetof(struct evmc_message, recipient) == 24 &&
                   offsetof(struct evmc_message, input_data) == 64 &&
                   offsetof(struct evmc_message, value) == 80 &&
                   offsetof(struct evmc_message, code_address) == 144 &&
                   offsetof(struct evmc_message, code) == 168,
               "evmc_message");
_Static_assert(sizeof(struct evmc_result) == 72 &&
                   offsetof(struct evmc_result, output_data) == 24 &&
                   offsetof(struct evmc_result, release) == 40 &&
                   offsetof(struct evmc_result, create_address) == 48,
               "evmc_result");
_Static_assert(sizeof(struct evmc_tx_context) == 256 &&
                   offsetof(struct evmc_tx_context, block_number) == 72 &&
                   offsetof(struct evmc_tx_context, chain_id) == 128 &&
                   offsetof(struct evmc_tx_context, blob_hashes) == 224,
               "evmc_tx_context");
_Static_assert(sizeof(struct evmc_host_interface) == 16 * sizeof(void *), "evmc_host_interface");
_Static_assert(sizeof(struct evmc_vm) == 56, "evmc_vm");

typedef struct {
    const uint8_t *p;
    size_t n;
} code_t;
#define CODE(...)                                                                                  \
    (code_t)                                                                                       \
    {                                                                                              \
        (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })                 \
    }

/* Accounts are told apart by the last byte of their address. */
struct evmc_host_context {
    struct evmc_vm *vm;
    enum evmc_revision rev;
    code_t codes[256];
    evmc_bytes32 slots[256], transient[256];
    enum evmc_storage_status storage_status;
    struct evmc_tx_context tx;
    int tx_asked;
    struct evmc_message last; /* input not to be read later */
    uint8_t last_input[64];
    int calls, replies, deepest;
    size_t log_size, log_topics;
    evmc_bytes32 log_topic;
    evmc_address log_address, heir;
    uint64_t balance;
};

static void *library;
static struct evmc_vm *(*create)(void);
static __thread int released; /* results of the host that the VM gave back */

static evmc_bytes32 word(uint64_t v)
{
    evmc_bytes32 w = { { 0 } };
    for (int i = 0; i < 8; i++)
        w.bytes[31 - i] = (uint8_t)(v >> (8 * i));
    return w;
}

static evmc_address account(uint8_t last)
{
    evmc_address a = { { 0xac } };
    a.bytes[19] = last;
    return a;
}

static bool account_exists(struct evmc_host_context *h, const evmc_address *a)
{
    return h->codes[a->bytes[19]].n > 0;
}

static evmc_bytes32 get_storage(struct evmc_host_context *h, const evmc_address *a,
                                const evmc_bytes32 *key)
{
    (void)a;
    return h->slots[key->bytes[31]];
}

static enum evmc_storage_status set_storage(struct evmc_host_context *h, const evmc_address *a,
                                            const evmc_bytes32 *key, const evmc_bytes32 *value)
{
    (void)a;
    h->slots[key->bytes[31]] = *value;
    return h->storage_status;
}

static evmc_uint256be get_balance(struct evmc_host_context *h, const evmc_address *a)
{
    (void)a;
    return word(h->balance);
}

static size_t get_code_size(struct evmc_host_context *h, const evmc_address *a)
{
    return h->codes[a->bytes[19]].n;
}

static evmc_bytes32 get_code_hash(struct evmc_host_context *h, const evmc_address *a)
{
    (void)h;
    return word(0xc0de00u + a->bytes[19]);
}

static size_t copy_code(struct evmc_host_context *h, const evmc_address *a, size_t offset,
                        uint8_t *buffer, size_t n)
{
    code_t c = h->codes[a->bytes[19]];
    if (offset >= c.n)
        return 0;
    n = BC_MIN(n, c.n - offset);
    memcpy(buffer, c.p + offset, n);
    return n;
}

static bool selfdestruct(struct evmc_host_context *h, const evmc_address *a,
                         const evmc_address *heir)
{
    (void)a;
    h->heir = *heir;
    return true;
}

static struct evmc_tx_context get_tx_context(struct evmc_host_context *h)
{
    h->tx_asked++;
    return h->tx;
}

static evmc_bytes32 get_block_hash(struct evmc_host_context *h, int64_t number)
{
    (void)h;
    return word(0xb10c0000u + (uint64_t)number);
}

static void emit_log(struct evmc_host_context *h, const evmc_address *a, const uint8_t *data,
                     size_t n, const evmc_bytes32 topics[], size_t topic_cnt)
{
    (void)data;
    h->log_address = *a;
    h->log_size = n;
    h->log_topics = topic_cnt;
    if (topic_cnt)
        h->log_topic = topics[0];
}

static enum evmc_access_status access_account(struct evmc_host_context *h, const evmc_address *a)
{
    (void)h, (void)a;
    return EVMC_ACCESS_WARM;
}

static enum evmc_access_status access_storage(struct evmc_host_context *h, const evmc_address *a,
                                              const evmc_bytes32 *key)
{
    (void)h, (void)a, (void)key;
    return EVMC_ACCESS_COLD;
}

static evmc_bytes32 get_transient(struct evmc_host_context *h, const evmc_address *a,
                                  const evmc_bytes32 *key)
{
    (void)a;
    return h->transient[key->bytes[31]];
}

static void set_transient(struct evmc_host_context *h, const evmc_address *a,
                          const evmc_bytes32 *key, const evmc_bytes32 *value)
{
    (void)a;
    h->transient[key->bytes[31]] = *value;
}

static void reply_release(const struct evmc_result *r)
{
    released++;
    free((void *)(uintptr_t)r->output_data);
}

static struct evmc_result call(struct evmc_host_context *h, const struct evmc_message *msg);

static const struct evmc_host_interface host = {
    account_exists, get_storage,    set_storage,   get_balance,    get_code_size,  get_code_hash,
    copy_code,      selfdestruct,   call,          get_tx_context, get_block_hash, emit_log,
    access_account, access_storage, get_transient, set_transient,
};

/* Runs the account's code, or the input for creates, on the same VM; its output goes on as memory
 * of the host's own. */
static struct evmc_result call(struct evmc_host_context *h, const struct evmc_message *msg)
{
    bool creates = msg->kind == EVMC_CREATE || msg->kind == EVMC_CREATE2;
    code_t c = creates ? (code_t){ msg->input_data, msg->input_size }
                       : h->codes[msg->code_address.bytes[19]];
    struct evmc_message m = *msg;
    h->calls++;
    h->last = *msg;
    h->deepest = BC_MAX(h->deepest, msg->depth);
    memset(h->last_input, 0, sizeof h->last_input);
    if (msg->input_size)
        memcpy(h->last_input, msg->input_data, BC_MIN(msg->input_size, sizeof h->last_input));
    if (creates) {
        m.recipient = account(0x77);
        m.input_size = 0;
    }
    struct evmc_result r = h->vm->execute(h->vm, &host, h, h->rev, &m, c.p, c.n);
    struct evmc_result mine = r;
    mine.output_data =
        r.output_size ? memcpy(malloc(r.output_size), r.output_data, r.output_size) : NULL;
    mine.release = reply_release;
    if (creates)
        mine.create_address = m.recipient;
    if (r.release)
        r.release(&r);
    h->replies++;
    return mine;
}

/* ---- the tests' own ---- */

static struct evmc_host_context *host_new(void)
{
    struct evmc_host_context *h = calloc(1, sizeof *h);
    h->vm = create();
    assert_non_null(h->vm);
    h->rev = EVMC_CANCUN;
    released = 0;
    return h;
}

static void host_free(struct evmc_host_context *h)
{
    assert_int_equal(h->replies, released); /* each exactly once */
    h->vm->destroy(h->vm);
    free(h);
}

static struct evmc_message message(int64_t gas)
{
    return (struct evmc_message){
        .gas = gas, .recipient = account(1), .sender = account(2), .code_address = account(1)
    };
}

static struct evmc_result run(struct evmc_host_context *h, code_t code, int64_t gas)
{
    struct evmc_message m = message(gas);
    h->codes[1] = code;
    return h->vm->execute(h->vm, &host, h, h->rev, &m, code.p, code.n);
}

static void done(struct evmc_result r)
{
    if (r.release)
        r.release(&r);
}

static void assert_word(struct evmc_result r, evmc_bytes32 w)
{
    assert_int_equal(r.status_code, EVMC_SUCCESS);
    assert_int_equal(r.output_size, 32);
    assert_memory_equal(r.output_data, w.bytes, 32);
    done(r);
}

#define RETURN_TOP 0x60, 0, 0x52, 0x60, 32, 0x60, 0, 0xf3 /* PUSH 0, MSTORE, RETURN(0, 32) */

static void tells_what_it_is(void **state)
{
    (void)state;
    struct evmc_host_context *h = host_new();
    assert_int_equal(h->vm->abi_version, 12);
    assert_string_equal(h->vm->name, "cbcos");
    assert_true(h->vm->version[0] >= '0' && h->vm->version[0] <= '9');
    assert_int_equal(h->vm->get_capabilities(h->vm), EVMC_CAPABILITY_EVM1);
    assert_null(dlsym(library, "bc_evm_run")); /* nothing of ours collides with a host's symbols */
    host_free(h);
}

static void options_are_checked(void **state)
{
    (void)state;
    struct evmc_host_context *h = host_new();
    struct evmc_vm *vm = h->vm;
    assert_int_equal(vm->set_option(vm, "O", "2"), EVMC_SET_OPTION_INVALID_NAME);
    assert_int_equal(vm->set_option(vm, "", ""), EVMC_SET_OPTION_INVALID_NAME);
    assert_int_equal(vm->set_option(vm, "precompiles", "yes"), EVMC_SET_OPTION_INVALID_VALUE);
    assert_int_equal(vm->get_capabilities(vm), EVMC_CAPABILITY_EVM1);
    assert_int_equal(vm->set_option(vm, "precompiles", "on"), EVMC_SET_OPTION_SUCCESS);
    assert_int_equal(vm->get_capabilities(vm), EVMC_CAPABILITY_EVM1 | EVMC_CAPABILITY_PRECOMPILES);
    assert_int_equal(vm->set_option(vm, "precompiles", "off"), EVMC_SET_OPTION_SUCCESS);
    assert_int_equal(vm->get_capabilities(vm), EVMC_CAPABILITY_EVM1);
    assert_int_equal(vm->set_option(vm, "profile", "fisco"), EVMC_SET_OPTION_SUCCESS);
    assert_int_equal(vm->set_option(vm, "profile", "ethereum"), EVMC_SET_OPTION_SUCCESS);
    static const char *const bad[] = { "", "FISCO", "fisco ", "bcos", "on" };
    for (size_t i = 0; i < BC_ARRAY_LEN(bad); i++)
        assert_int_equal(vm->set_option(vm, "profile", bad[i]), EVMC_SET_OPTION_INVALID_VALUE);
    assert_int_equal(vm->set_option(vm, "Profile", "fisco"), EVMC_SET_OPTION_INVALID_NAME);
    host_free(h);
}

static void statuses_are_evmcs(void **state)
{
    (void)state;
    uint8_t pushes[1025];
    memset(pushes, 0x5f, sizeof pushes);
    const struct {
        code_t code;
        enum evmc_status_code status;
    } cases[] = {
        { CODE(0x00), EVMC_SUCCESS },
        { CODE(0x5f, 0x5f, 0xfd), EVMC_REVERT },
        { CODE(0x5b, 0x5f, 0x56), EVMC_OUT_OF_GAS }, /* a loop */
        { CODE(0xfe), EVMC_INVALID_INSTRUCTION },
        { CODE(0x0c), EVMC_UNDEFINED_INSTRUCTION },
        { { pushes, sizeof pushes }, EVMC_STACK_OVERFLOW },
        { CODE(0x01), EVMC_STACK_UNDERFLOW },
        { CODE(0x60, 9, 0x56), EVMC_BAD_JUMP_DESTINATION },
        { CODE(0x60, 1, 0x5f, 0x5f, 0x3e), EVMC_INVALID_MEMORY_ACCESS },
    };
    struct evmc_host_context *h = host_new();
    for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++) {
        struct evmc_result r = run(h, cases[i].code, 100000);
        assert_int_equal(r.status_code, cases[i].status);
        bool keeps = r.status_code == EVMC_SUCCESS || r.status_code == EVMC_REVERT;
        assert_true(keeps ? r.gas_left > 0 : r.gas_left == 0);
        assert_int_equal(r.gas_refund, 0);
        assert_int_equal(r.output_size, 0);
        done(r);
    }
    struct evmc_message m = message(100000);
    const code_t writes = CODE(0x5f, 0x5f, 0x55);
    m.flags = EVMC_STATIC;
    struct evmc_result r = h->vm->execute(h->vm, &host, h, h->rev, &m, writes.p, writes.n);
    assert_int_equal(r.status_code, EVMC_STATIC_MODE_VIOLATION);
    assert_int_equal(r.gas_left, 0);
    host_free(h);
}

static void revisions_differ(void **state)
{
    (void)state;
    struct evmc_host_context *h = host_new();
    static const struct {
        uint8_t code[5];
        enum evmc_revision since;
    } cases[] = {
        { { 0x60, 1, 0x50 }, EVMC_FRONTIER },
        { { 0x3d }, EVMC_BYZANTIUM }, /* RETURNDATASIZE */
        { { 0x60, 1, 0x60, 1, 0x1b }, EVMC_CONSTANTINOPLE },
        { { 0x46 }, EVMC_ISTANBUL },
        { { 0x48 }, EVMC_LONDON },
        { { 0x5f }, EVMC_SHANGHAI },
        { { 0x4a }, EVMC_CANCUN },
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++)
        for (int rev = EVMC_FRONTIER; rev <= EVMC_CANCUN; rev++) {
            h->rev = (enum evmc_revision)rev;
            struct evmc_result r = run(h, (code_t){ cases[i].code, 5 }, 1000);
            assert_int_equal(r.status_code,
                             rev < (int)cases[i].since ? EVMC_UNDEFINED_INSTRUCTION : EVMC_SUCCESS);
        }
    h->rev = EVMC_PRAGUE;
    assert_int_equal(run(h, CODE(0), 1000).status_code, EVMC_REJECTED);
    struct evmc_message m = message(1000);
    m.kind = EVMC_EOFCREATE;
    assert_int_equal(h->vm->execute(h->vm, &host, h, EVMC_CANCUN, &m, NULL, 0).status_code,
                     EVMC_REJECTED);
    m = message(-1);
    assert_int_equal(h->vm->execute(h->vm, &host, h, EVMC_CANCUN, &m, NULL, 0).status_code,
                     EVMC_OUT_OF_GAS);
    host_free(h);
}

static void output_is_the_results(void **state)
{
    (void)state;
    struct evmc_host_context *h = host_new();
    struct evmc_result a = run(h, CODE(0x60, 0x2a, RETURN_TOP), 1000);
    assert_int_equal(a.gas_left, 1000 - 18);
    struct evmc_result b = run(h, CODE(0x60, 0x2b, 0x5f, 0x52, 0x60, 3, 0x60, 29, 0xfd), 1000);
    assert_int_equal(b.status_code, EVMC_REVERT);
    assert_int_equal(b.gas_left, 1000 - 17);
    assert_int_equal(b.output_size, 3);
    assert_memory_equal(b.output_data, "\0\0\x2b", 3);
    assert_word(a, word(0x2a)); /* still there after another run */
    h->vm->destroy(h->vm);      /* and b's even after the VM */
    assert_int_equal(b.output_data[2], 0x2b);
    done(b);
    h->vm = create();
    host_free(h);
}

static void storage_costs_and_refunds(void **state)
{
    (void)state;
    struct evmc_host_context *h = host_new();
    const code_t clears = CODE(0x60, 0, 0x60, 5, 0x55);
    h->storage_status = EVMC_STORAGE_DELETED;
    struct evmc_result r = run(h, clears, 10000);
    assert_int_equal(r.gas_left, 10000 - 6 - 5000);
    assert_int_equal(r.gas_refund, 4800);
    h->rev = EVMC_ISTANBUL;
    r = run(h, clears, 10000);
    assert_int_equal(r.gas_left, 10000 - 6 - 5000);
    assert_int_equal(r.gas_refund, 15000);
    h->rev = EVMC_CANCUN;
    h->storage_status = EVMC_STORAGE_MODIFIED_RESTORED;
    r = run(h, CODE(0x60, 9, 0x60, 5, 0x55), 10000);
    assert_int_equal(r.gas_left, 10000 - 6 - 2100 - 100);
    assert_int_equal(r.gas_refund, 2800);
    assert_memory_equal(h->slots[5].bytes, word(9).bytes, 32);
    assert_word(run(h, CODE(0x60, 5, 0x54, RETURN_TOP), 10000), word(9));
    assert_word(run(h, CODE(0x60, 8, 0x60, 3, 0x5d, 0x60, 3, 0x5c, RETURN_TOP), 10000), word(8));
    host_free(h);
}

static void sees_the_world(void **state)
{
    (void)state;
    struct evmc_host_context *h = host_new();
    evmc_bytes32 blobs[2] = { word(0xb0), word(0xb1) };
    h->balance = 77;
    h->tx = (struct evmc_tx_context){
        .tx_gas_price = word(101),
        .tx_origin = account(3),
        .block_coinbase = account(4),
        .block_number = 500,
        .block_timestamp = 600,
        .block_gas_limit = 700,
        .block_prev_randao = word(102),
        .chain_id = word(103),
        .block_base_fee = word(104),
        .blob_base_fee = word(105),
        .blob_hashes = blobs,
        .blob_hashes_count = 2,
    };
    static const struct {
        uint8_t op;
        uint64_t value;
    } words[] = { { 0x3a, 101 }, { 0x42, 600 }, { 0x43, 500 }, { 0x44, 102 }, { 0x45, 700 },
                  { 0x46, 103 }, { 0x47, 77 },  { 0x48, 104 }, { 0x4a, 105 } };
    for (size_t i = 0; i < BC_ARRAY_LEN(words); i++)
        assert_word(run(h, CODE(words[i].op, RETURN_TOP), 1000), word(words[i].value));
    static const struct {
        uint8_t op, last;
    } addresses[] = { { 0x30, 1 }, { 0x32, 3 }, { 0x33, 2 }, { 0x41, 4 } };
    for (size_t i = 0; i < BC_ARRAY_LEN(addresses); i++) {
        evmc_bytes32 w = word(0);
        evmc_address a = account(addresses[i].last);
        memcpy(w.bytes + 12, a.bytes, 20);
        assert_word(run(h, CODE(addresses[i].op, RETURN_TOP), 1000), w);
    }
    assert_word(run(h, CODE(0x60, 1, 0x49, RETURN_TOP), 1000), word(0xb1));
    assert_word(run(h, CODE(0x60, 2, 0x49, RETURN_TOP), 1000), word(0));
    assert_word(run(h, CODE(0x61, 1, 0xf3, 0x40, RETURN_TOP), 1000), word(0xb10c0000u + 499));
    assert_word(run(h, CODE(0x60, 9, 0x31, RETURN_TOP), 1000), word(77));
    assert_word(run(h, CODE(0x60, 9, 0x3f, RETURN_TOP), 1000), word(0xc0de09));
    h->codes[9] = CODE(1, 2, 3);
    assert_word(run(h, CODE(0x60, 9, 0x3b, RETURN_TOP), 1000), word(3));
    /* EXTCODECOPY(9, 30, 1, 5): code from its second byte, zeros beyond */
    assert_word(
        run(h, CODE(0x60, 5, 0x60, 1, 0x60, 29, 0x60, 9, 0x3c, 0x60, 0, 0x51, RETURN_TOP), 1000),
        word(0x020300));
    struct evmc_result r = run(h, CODE(0x60, 0xee, 0x60, 8, 0x5f, 0xa1), 5000);
    assert_int_equal(r.status_code, EVMC_SUCCESS);
    assert_int_equal(h->log_size, 8);
    assert_int_equal(h->log_topics, 1);
    assert_memory_equal(h->log_topic.bytes, word(0xee).bytes, 32);
    assert_int_equal(h->log_address.bytes[19], 1);
    r = run(h, CODE(0x60, 0x55, 0xff), 50000);
    assert_int_equal(r.status_code, EVMC_SUCCESS);
    assert_int_equal(h->heir.bytes[19], 0x55);
    host_free(h);
}

static void messages_of_calls(void **state)
{
    (void)state;
    struct evmc_host_context *h = host_new();
    const evmc_address nine = { .bytes = { [19] = 9 } };
    h->balance = 1000;
    h->codes[9] = CODE(0x60, 0x99, RETURN_TOP);
/* input: the byte 0xab; the answer goes to memory 0 and from there to the output */
#define IN  0x60, 0xab, 0x60, 0, 0x53
#define OUT 0x60, 0x20, 0x60, 0, 0xf3
    assert_word(run(h,
                    CODE(IN, 0x60, 32, 0x60, 0, 0x60, 1, 0x60, 0, 0x60, 7, 0x60, 9, 0x61, 0x10, 0,
                         0xf1, 0x50, OUT),
                    100000),
                word(0x99));
    assert_int_equal(h->last.kind, EVMC_CALL);
    assert_int_equal(h->last.flags, 0);
    assert_int_equal(h->last.depth, 1);
    assert_int_equal(h->last.gas, 0x1000 + 2300);
    assert_memory_equal(&h->last.recipient, &nine, 20);
    assert_memory_equal(&h->last.code_address, &nine, 20);
    assert_int_equal(h->last.sender.bytes[19], 1);
    assert_memory_equal(h->last.value.bytes, word(7).bytes, 32);
    assert_int_equal(h->last.input_size, 1);
    assert_int_equal(h->last_input[0], 0xab);
    assert_word(
        run(h, CODE(0x60, 32, 0x5f, 0x5f, 0x5f, 0x60, 5, 0x60, 9, 0x61, 0x10, 0, 0xf2, 0x50, OUT),
            100000),
        word(0x99));
    assert_int_equal(h->last.kind, EVMC_CALLCODE);
    assert_int_equal(h->last.recipient.bytes[19], 1);
    assert_int_equal(h->last.sender.bytes[19], 1);
    assert_word(
        run(h, CODE(0x60, 32, 0x5f, 0x5f, 0x5f, 0x60, 9, 0x61, 0x10, 0, 0xf4, 0x50, OUT), 100000),
        word(0x99));
    assert_int_equal(h->last.kind, EVMC_DELEGATECALL);
    assert_int_equal(h->last.recipient.bytes[19], 1);
    assert_int_equal(h->last.sender.bytes[19], 2);
    assert_word(
        run(h, CODE(0x60, 32, 0x5f, 0x5f, 0x5f, 0x60, 9, 0x61, 0x10, 0, 0xfa, 0x50, OUT), 100000),
        word(0x99));
    assert_int_equal(h->last.kind, EVMC_CALL);
    assert_int_equal(h->last.flags, EVMC_STATIC);
    assert_int_equal(h->tx_asked, 4); /* once a transaction: nested runs share it */
    host_free(h);
}

static void creates(void **state)
{
    (void)state;
    struct evmc_host_context *h = host_new();
    evmc_bytes32 made = word(0);
    evmc_address a = account(0x77);
    memcpy(made.bytes + 12, a.bytes, 20);
    h->balance = 10;
/* init code 5f5ff3 (returns nothing), CREATE(3, 29, 3) */
#define INIT 0x62, 0x5f, 0x5f, 0xf3, 0x5f, 0x52
    assert_word(run(h, CODE(INIT, 0x60, 3, 0x60, 29, 0x60, 4, 0xf0, RETURN_TOP), 100000), made);
    assert_int_equal(h->last.kind, EVMC_CREATE);
    assert_int_equal(h->last.input_size, 3);
    assert_memory_equal(h->last_input, "\x5f\x5f\xf3", 3);
    assert_memory_equal(h->last.value.bytes, word(4).bytes, 32);
    assert_int_equal(h->last.sender.bytes[19], 1);
    assert_word(run(h, CODE(INIT, 0x60, 0x5a, 0x60, 3, 0x60, 29, 0x5f, 0xf5, RETURN_TOP), 100000),
                made);
    assert_int_equal(h->last.kind, EVMC_CREATE2);
    assert_memory_equal(h->last.create2_salt.bytes, word(0x5a).bytes, 32);
    /* fe: the creation fails, zero is pushed */
    assert_word(
        run(h, CODE(0x60, 0xfe, 0x5f, 0x52, 0x60, 1, 0x60, 31, 0x5f, 0xf0, RETURN_TOP), 100000),
        word(0));
    /* more value than there is: the host is not asked */
    int calls = h->calls;
    assert_word(run(h, CODE(0x5f, 0x5f, 0x60, 11, 0xf0, RETURN_TOP), 100000), word(0));
    assert_int_equal(h->calls, calls);
    host_free(h);
}

static void static_calls_cannot_write(void **state)
{
    (void)state;
    struct evmc_host_context *h = host_new();
    h->codes[9] = CODE(0x60, 1, 0x60, 1, 0x55);
    const code_t plain =
        CODE(0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x60, 9, 0x61, 0xff, 0xff, 0xf1, RETURN_TOP);
    const code_t fixed = CODE(0x5f, 0x5f, 0x5f, 0x5f, 0x60, 9, 0x61, 0xff, 0xff, 0xfa, RETURN_TOP);
    assert_word(run(h, fixed, 200000), word(0));
    assert_memory_equal(h->slots[1].bytes, word(0).bytes, 32);
    assert_word(run(h, plain, 200000), word(1));
    assert_memory_equal(h->slots[1].bytes, word(1).bytes, 32);
    /* inherited: static to 8, which calls 9 plainly */
    memset(h->slots, 0, sizeof h->slots);
    h->codes[8] = plain;
    assert_word(run(h,
                    CODE(0x60, 32, 0x5f, 0x5f, 0x5f, 0x60, 8, 0x62, 1, 0xff, 0xff, 0xfa, 0x50, OUT),
                    400000),
                word(0));
    assert_int_equal(h->last.flags, EVMC_STATIC);
    assert_int_equal(h->last.depth, 2);
    assert_memory_equal(h->slots[1].bytes, word(0).bytes, 32);
    host_free(h);
}

/* CALL(gas, 1, 0, 0, 0, 0, 32) of itself; returns what the innermost told, plus one. */
#define RECURSE                                                                                    \
    0x60, 32, 0x5f, 0x5f, 0x5f, 0x5f, 0x60, 1, 0x5a, 0xf1, 0x50, 0x5f, 0x51, 0x60, 1, 0x01,        \
        RETURN_TOP

static void calls_reach_depth_1024(void **state)
{
    (void)state;
    struct evmc_host_context *h = host_new();
    struct evmc_result r = run(h, CODE(RECURSE), (int64_t)1 << 60);
    assert_word(r, word(1025));
    assert_int_equal(h->deepest, 1024);
    assert_int_equal(h->calls, 1024);
    host_free(h);
}

static void *recurse_often(void *arg)
{
    struct evmc_host_context *h = arg;
    struct evmc_vm *vm = h->vm;
    *h = (struct evmc_host_context){ .vm = vm, .rev = EVMC_CANCUN };
    released = 0;
    for (int i = 0; i < 20; i++) {
        struct evmc_result r = run(h, CODE(RECURSE), 200000);
        bool right = r.status_code == EVMC_SUCCESS && r.output_size == 32 && r.output_data[31] > 10;
        done(r);
        if (!right)
            return NULL;
    }
    return h->replies == released ? h : NULL;
}

static void threads_share_a_vm(void **state)
{
    (void)state;
    struct evmc_host_context *all[4];
    struct evmc_vm *vm = create();
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        all[i] = calloc(1, sizeof *all[i]);
        all[i]->vm = vm;
        assert_int_equal(pthread_create(&threads[i], NULL, recurse_often, all[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        void *right = NULL;
        assert_int_equal(pthread_join(threads[i], &right), 0);
        assert_ptr_equal(right, all[i]);
        free(all[i]);
    }
    vm->destroy(vm);
}

static struct evmc_result precompiled(struct evmc_host_context *h, enum evmc_revision rev,
                                      uint8_t number, size_t input_size, int64_t gas)
{
    static const uint8_t ones[] = { [0 ... 255] = 1 };
    struct evmc_message m = message(gas);
    m.code_address = (evmc_address){ .bytes = { [19] = number } };
    m.input_data = ones;
    m.input_size = input_size;
    return h->vm->execute(h->vm, NULL, NULL, rev, &m, NULL, 0);
}

static void precompiled_contracts_on_demand(void **state)
{
    (void)state;
    static const uint8_t sha256_of_1[] = { 0x4b, 0xf5, 0x12, 0x2f, 0x34, 0x45, 0x54, 0xc5 };
    struct evmc_host_context *h = host_new();
    assert_int_equal(precompiled(h, EVMC_CANCUN, 2, 1, 1000).status_code, EVMC_REJECTED); /* off */
    assert_int_equal(h->vm->set_option(h->vm, "precompiles", "on"), EVMC_SET_OPTION_SUCCESS);
    struct evmc_result r = precompiled(h, EVMC_CANCUN, 2, 1, 1000);
    assert_int_equal(r.status_code, EVMC_SUCCESS);
    assert_int_equal(r.gas_left, 1000 - 72);
    assert_int_equal(r.output_size, 32);
    assert_memory_equal(r.output_data, sha256_of_1, sizeof sha256_of_1);
    done(r);
    r = precompiled(h, EVMC_CANCUN, 2, 1, 71);
    assert_int_equal(r.status_code, EVMC_OUT_OF_GAS);
    assert_int_equal(r.gas_left, 0);
    r = precompiled(h, EVMC_CANCUN, 6, 128, 1000); /* no points of the curve */
    assert_int_equal(r.status_code, EVMC_PRECOMPILE_FAILURE);
    assert_int_equal(r.gas_left, 0);
    assert_int_equal(precompiled(h, EVMC_HOMESTEAD, 6, 128, 100000).status_code, EVMC_REJECTED);
    assert_int_equal(precompiled(h, EVMC_CANCUN, 10, 0, 1000).status_code, EVMC_REJECTED);
    host_free(h);
}

static int64_t price(struct evmc_host_context *h, code_t code)
{
    struct evmc_result r = run(h, code, 100000);
    assert_int_equal(r.status_code, EVMC_SUCCESS);
    done(r);
    return 100000 - r.gas_left;
}

static void profile_is(struct evmc_host_context *h, const char *name)
{
    assert_int_equal(h->vm->set_option(h->vm, "profile", name), EVMC_SET_OPTION_SUCCESS);
}

/* The host's accounts are warm, its slots cold; no account but 1 exists, and 1 has a balance. */
static void profiles_price_state_otherwise(void **state)
{
    (void)state;
    struct evmc_host_context *h = host_new();
    h->balance = 5;
    const struct {
        code_t code;
        enum evmc_storage_status status;
        int64_t ethereum, fisco;
    } cases[] = {
        { CODE(0x5f, 0x54), EVMC_STORAGE_ASSIGNED, 2 + 2100, 2 + 2100 },
        { CODE(0x60, 1, 0x5f, 0x55), EVMC_STORAGE_ADDED, 5 + 22100, 5 + 5000 },
        { CODE(0x60, 1, 0x5f, 0x55), EVMC_STORAGE_MODIFIED, 5 + 5000, 5 + 5000 },
        { CODE(0x60, 1, 0x5f, 0x55), EVMC_STORAGE_ASSIGNED, 5 + 2200, 5 + 5000 },
        { CODE(0x5f, 0x5f, 0x55), EVMC_STORAGE_DELETED, 4 + 5000, 4 + 5000 },
        { CODE(0x60, 9, 0x31), EVMC_STORAGE_ASSIGNED, 3 + 100, 3 + 2600 },
        { CODE(0x60, 9, 0x3b), EVMC_STORAGE_ASSIGNED, 3 + 100, 3 + 2600 },
        /* a call with value to an account that the host says is not there, which spends 2300 */
        { CODE(0x5f, 0x5f, 0x5f, 0x5f, 0x60, 1, 0x60, 9, 0x5f, 0xf1), EVMC_STORAGE_ASSIGNED,
          16 + 100 + 9000 + 25000 - 2300, 16 + 2600 + 9000 - 2300 },
        { CODE(0x60, 9, 0xff), EVMC_STORAGE_ASSIGNED, 3 + 5000 + 25000, 3 + 5000 + 2600 },
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++) {
        h->storage_status = cases[i].status;
        profile_is(h, "ethereum");
        assert_int_equal(price(h, cases[i].code), cases[i].ethereum);
        profile_is(h, "fisco");
        assert_int_equal(price(h, cases[i].code), cases[i].fisco);
    }
    host_free(h);
}

static void fisco_profile_refunds_nothing(void **state)
{
    (void)state;
    struct evmc_host_context *h = host_new();
    const code_t clears = CODE(0x5f, 0x60, 5, 0x55);
    h->storage_status = EVMC_STORAGE_DELETED;
    assert_int_equal(run(h, clears, 10000).gas_refund, 4800);
    profile_is(h, "fisco");
    struct evmc_result r = run(h, clears, 10000);
    assert_int_equal(r.gas_refund, 0);
    assert_int_equal(r.gas_left, 10000 - 5 - 5000);
    r = run(h, clears, 2305); /* the write needs more than 2300 left, as in Ethereum */
    assert_int_equal(r.status_code, EVMC_OUT_OF_GAS);
    h->rev = EVMC_BERLIN;
    assert_int_equal(run(h, CODE(0x60, 9, 0xff), 50000).gas_refund, 0);
    host_free(h);
}

static void fisco_profile_has_its_own_precompiled_contracts(void **state)
{
    (void)state;
    struct evmc_host_context *h = host_new();
    assert_int_equal(h->vm->set_option(h->vm, "precompiles", "on"), EVMC_SET_OPTION_SUCCESS);
    profile_is(h, "fisco");
    struct evmc_result r = precompiled(h, EVMC_CANCUN, 6, 128, 1000); /* no points of the curve */
    assert_int_equal(r.status_code, EVMC_REVERT);
    assert_int_equal(r.gas_left, 1000 - 150);
    assert_int_equal(r.output_size, 64);
    static const uint8_t zeros[64];
    assert_memory_equal(r.output_data, zeros, sizeof zeros);
    done(r);
    r = precompiled(h, EVMC_CANCUN, 6, 128, 149);
    assert_int_equal(r.status_code, EVMC_OUT_OF_GAS);
    assert_int_equal(r.gas_left, 0);
    r = precompiled(h, EVMC_CANCUN, 1, 96, 5000); /* ecrecover without its last word */
    assert_int_equal(r.status_code, EVMC_SUCCESS);
    assert_int_equal(r.gas_left, 2000);
    assert_int_equal(r.output_size, 0);
    host_free(h);
}

int main(void)
{
    library = dlopen(EVMC_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        print_error("%s\n", dlerror());
        return 1;
    }
    *(void **)&create = dlsym(library, "evmc_create_cbcos");
    if (!create) {
        print_error("%s\n", dlerror());
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_it_is),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(statuses_are_evmcs),
        cmocka_unit_test(revisions_differ),
        cmocka_unit_test(output_is_the_results),
        cmocka_unit_test(storage_costs_and_refunds),
        cmocka_unit_test(sees_the_world),
        cmocka_unit_test(messages_of_calls),
        cmocka_unit_test(creates),
        cmocka_unit_test(static_calls_cannot_write),
        cmocka_unit_test(calls_reach_depth_1024),
        cmocka_unit_test(threads_share_a_vm),
        cmocka_unit_test(precompiled_contracts_on_demand),
        cmocka_unit_test(profiles_price_state_otherwise),
        cmocka_unit_test(fisco_profile_refunds_nothing),
        cmocka_unit_test(fisco_profile_has_its_own_precompiled_contracts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
