/* Depth 1024 and recursion through system contracts, in both executor versions, on a thread with
 * the stack that executor.h asks for: the same receipts as on a large one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "computing/executor/exec.h"
#include "computing/executor/fixture.h"

/* Calls itself with all gas; returns what came back, plus 1. */
static const char call_chain[] = "60206000600060006000305af1506000516001016000526020"
                                 "6000f3";
/* The same by DELEGATECALL, CALLCODE and STATICCALL. */
static const char delegate_chain[] = "6020600060006000305af45060005160010160005260206000f3";
static const char callcode_chain[] = "60206000600060006000305af25060005160010160005260206000f3";
static const char static_chain[] = "6020600060006000305afa5060005160010160005260206000f3";
/* Creates from its own code, which stands in its input; the code it leaves is its first byte. */
static const char create_chain[] = "3860006000393860006000f05060016000f3";

static fx_t *chain(bool v0, bc_suite_t suite)
{
    static const char *const v0_flags[] = { "bugfix_revert",
                                            "bugfix_evm_create2_delegatecall_staticcall_codecopy",
                                            "bugfix_event_log_order",
                                            "bugfix_call_noaddr_return",
                                            "bugfix_evm_exception_gas_used",
                                            "bugfix_precompiled_evm_status" };
    fx_t *f = fx_new(suite);
    fx_config(f, "tx_gas_limit", "9000000000000000000"); /* gas must not end the chains */
    fx_config(f, "executor_version", v0 ? "0" : "1");
    for (size_t i = 0; v0 && i < BC_ARRAY_LEN(v0_flags); i++)
        fx_config(f, v0_flags[i], "1");
    return f;
}

/* Code is at most 255 bytes. */
static bc_addr_t deploy(fx_t *f, bc_bytes_t code)
{
    uint8_t init[300] = { 0x60, (uint8_t)code.n, 0x60, 12, 0x60, 0, 0x39,
                          0x60, (uint8_t)code.n, 0x60, 0,  0xf3 };
    bc_addr_t owner = fx_addr(1);
    memcpy(init + 12, code.p, code.n);
    fx_tx(f, &owner, NULL, bc_bytes(init, 12 + code.n));
    BC_MUST(fx_run(f) == BC_OK && f->res->receipts[0].data.status == 0);
    return bc_addr_parse(f->res->receipts[0].data.contract_address);
}

typedef struct {
    const char *code;
    void (*input)(const fx_t *f, bc_wr_t *code); /* or what writes it */
    bool create, v0;
    bc_suite_t suite;
    /* what came of it */
    int32_t status;
    uint64_t word; /* of the output */
    size_t accounts;
    bc_h256_t receipts, state;
} run_t;

static void *run(void *arg)
{
    run_t *r = arg;
    fx_t *f = chain(r->v0, r->suite);
    bc_addr_t from = fx_addr(1);
    bc_wr_t code = { 0 };
    if (r->input) {
        r->input(f, &code);
    } else {
        bc_bytes_t b = fx_unhex(r->code);
        bc_wr_put(&code, b);
        free((void *)(uintptr_t)b.p);
    }
    if (r->create) {
        fx_tx(f, &from, NULL, bc_wr_view(&code));
    } else {
        bc_addr_t to = deploy(f, bc_wr_view(&code));
        fx_tx(f, &from, &to, (bc_bytes_t){ 0 });
    }
    BC_MUST(fx_run(f) == BC_OK);
    const bc_receipt_data_t *d = &f->res->receipts[0].data;
    r->status = d->status;
    r->word = d->output.n == 32 ? bc_load_be64(d->output.p + 24) : 0;
    r->accounts = 0;
    for (size_t i = 0; i < f->res->changes->cnt; i++)
        r->accounts += bc_bytes_eq(f->res->changes->v[i].key, BC_STR("codeHash"));
    r->receipts = f->res->receipts_root;
    r->state = f->res->state_root;
    bc_wr_free(&code);
    fx_free(f);
    return NULL;
}

static void run_on(run_t *r, size_t stack)
{
    pthread_attr_t attr;
    pthread_t t;
    pthread_attr_init(&attr);
    assert_int_equal(pthread_attr_setstacksize(&attr, stack), 0);
    assert_int_equal(pthread_create(&t, &attr, run, r), 0);
    pthread_join(t, NULL);
    pthread_attr_destroy(&attr);
}

/* On a small and on a large stack; the small one's result. */
static run_t both(run_t r)
{
    run_t large = r;
    run_on(&r, BC_EXECUTOR_STACK_BYTES);
    run_on(&large, 64u << 20);
    assert_int_equal(r.status, 0);
    assert_true(bc_h256_eq(&r.receipts, &large.receipts));
    assert_true(bc_h256_eq(&r.state, &large.state));
    return r;
}

static void calls_of_every_kind(void **state)
{
    static const char *const codes[] = { call_chain, delegate_chain, callcode_chain, static_chain };
    (void)state;
    for (int v0 = 0; v0 < 2; v0++) {
        for (size_t i = 0; i < BC_ARRAY_LEN(codes); i++)
            assert_int_equal(both((run_t){ .code = codes[i], .v0 = v0 }).word, 1025);
    }
    assert_int_equal(both((run_t){ .code = call_chain, .suite = BC_SUITE_SM }).word, 1025);
}

static void creates(void **state)
{
    (void)state;
    for (int v0 = 0; v0 < 2; v0++)
        assert_int_equal(both((run_t){ .code = create_chain, .create = true, .v0 = v0 }).accounts,
                         1025);
}

/* A contract that asks AccountManager for its own status, which calls the contract. */
static void status_chain(const fx_t *f, bc_wr_t *w)
{
    static const uint8_t zeros[28];
    fx_input_t in = fx_input(f, "getAccountStatus(address)");
    bc_bytes_t rest = fx_unhex("6000523060045260206040602460006000620100035af150604051600101600052"
                               "60206000f3");
    bc_wr_u8(w, 0x7f); /* PUSH32 */
    bc_wr_mem(w, in.b, 4);
    bc_wr_mem(w, zeros, sizeof(zeros));
    bc_wr_put(w, rest);
    free((void *)(uintptr_t)rest.p);
}

static void recursion_through_a_system_contract_is_bounded_by_gas(void **state)
{
    (void)state;
    for (int v0 = 0; v0 < 2; v0++)
        assert_in_range(both((run_t){ .input = status_chain, .v0 = v0 }).word, 1500, 2500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_of_every_kind),
        cmocka_unit_test(creates),
        cmocka_unit_test(recursion_through_a_system_contract_is_bounded_by_gas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
