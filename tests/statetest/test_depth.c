/* Depth 1024 in the Ethereum profile on a thread with a small stack: nested messages are frames of
 * the interpreter, and what the host keeps of them is in its slots. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "world.h"

typedef struct {
    bc_bytes_t code;
    bool create;
    /* what came of it */
    bc_evm_status_t status;
    uint64_t word;
    size_t with_code;
} run_t;

static void *run(void *arg)
{
    run_t *r = arg;
    world_t w;
    bc_evm_t *evm = bc_evm_new();
    bc_addr_t sender = { { 1 } }, to = { { 2 } };
    BC_MUST(evm);
    world_init(&w, evm);
    w.rules.rev = BC_EVM_CANCUN;
    world_account(&w, &sender)->s.nonce = 1;
    if (!r->create)
        world_set_code(&w, world_account(&w, &to), r->code);
    bc_evm_msg_t m = { .kind = r->create ? BC_EVM_CREATE : BC_EVM_CALL,
                       .gas = INT64_MAX,
                       .sender = sender,
                       .recipient = to,
                       .code_address = to,
                       .input = r->code };
    bc_evm_result_t out;
    world_message(&w, &m, &out);
    r->status = out.status;
    r->word = out.output.n == 32 ? bc_u256_from_be(out.output.p).w[0] : 0;
    account_t *a;
    for (size_t i = 0; (a = bc_map_next(&w.accounts, &i));)
        r->with_code += a->s.code.n != 0;
    world_free(&w);
    bc_evm_free(evm);
    return NULL;
}

static run_t on_small_stack(run_t r)
{
    pthread_attr_t attr;
    pthread_t t;
    pthread_attr_init(&attr);
    assert_int_equal(pthread_attr_setstacksize(&attr, 256u << 10), 0);
    assert_int_equal(pthread_create(&t, &attr, run, &r), 0);
    pthread_join(t, NULL);
    pthread_attr_destroy(&attr);
    assert_int_equal(r.status, BC_EVM_OK);
    return r;
}

/* A contract that calls itself with all gas and returns what came back, plus 1. */
static void calls(void **state)
{
    static const char code[] = "\x60\x20\x5f\x5f\x5f\x5f\x30\x5a\xf1"
                               "\x50\x5f\x51\x60\x01\x01\x5f\x52\x60\x20\x5f\xf3";
    (void)state;
    assert_int_equal(on_small_stack((run_t){ bc_bytes(code, sizeof(code) - 1) }).word, 1025);
}

/* Init code that creates from itself, and leaves a byte of code. */
static void creates(void **state)
{
    static const char code[] = "\x38\x5f\x5f\x39\x38\x5f\x5f\xf0\x50\x60\x01\x5f\xf3";
    (void)state;
    assert_int_equal(
        on_small_stack((run_t){ bc_bytes(code, sizeof(code) - 1), .create = true }).with_code,
        1025);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls),
        cmocka_unit_test(creates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
