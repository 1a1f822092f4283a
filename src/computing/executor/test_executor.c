/* Rules of the message loop that captured chains hardly show (spec/40 §2, §11). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "computing/executor/exec.h"
#include "computing/executor/fixture.h"
#include "computing/executor/token_code.h"
#include "protocol/status.h"

static void assert_hex(bc_bytes_t v, const char *hex)
{
    bc_bytes_t want = fx_unhex(hex);
    assert_int_equal(v.n, want.n);
    assert_memory_equal(v.p, want.p, v.n);
    free((void *)(uintptr_t)want.p);
}

static const bc_receipt_data_t *receipt(const fx_t *f, size_t i)
{
    return &f->res->receipts[i].data;
}

static void assert_gas(const fx_t *f, size_t i, const char *gas)
{
    assert_true(bc_bytes_eq(receipt(f, i)->gas_used, bc_cstr(gas)));
}

static bool row(fx_t *f, const char *table, const char *key, const char *value)
{
    bc_arena_t a = { 0 };
    bc_bytes_t v;
    bool same = fx_get(f, bc_cstr(table), bc_cstr(key), &v, &a) == BC_OK && bc_bytes_eq(v, bc_cstr(value));
    bc_arena_free(&a);
    return same;
}

/* --- addresses --- */

static void derive(bc_exec_t *x, const char *want, bc_evm_kind_t kind, int64_t n, int64_t ctx, int64_t seq)
{
    bc_evm_msg_t m = { .kind = kind };
    bc_u256_t nonce = { { (uint64_t)seq } };
    bc_bytes_t sender = fx_unhex("e0e794ca86d198042b64285c5ce667aee747509b");
    static const uint8_t init[1];
    memcpy(m.sender.b, sender.p, 20);
    m.input = bc_bytes(init, 1);
    x->config.number = n;
    x->context_id = ctx;
    x->seq = seq;
    bc_exec_create_address(x, &m, &nonce);
    assert_hex(BC_VIEW(m.code_address), want);
    assert_memory_equal(m.recipient.b, m.code_address.b, 20);
    free((void *)(uintptr_t)sender.p);
}

static void create_addresses(void **state)
{
    bc_exec_t x = { 0 };
    (void)state;
    derive(&x, "e0e794ca86d198042b64285c5ce667aee747509b", BC_EVM_CREATE, 0, 0, 0);
    derive(&x, "6849f21d1e455e9f0712b1e99fa4fcd23758e8f1", BC_EVM_CREATE, 1, 0, 0);
    derive(&x, "4969cedd7bd5f0ac2ff1f214d9bf3d68299b79be", BC_EVM_CREATE, 1, 0, 1);
    derive(&x, "64f39cdfc6a1bb9f11a67797bdfab9b8e32e2563", BC_EVM_CREATE, 1, 1, 0);
    derive(&x, "761728e0cee94671308875ae4f0c650b5306fdc0", BC_EVM_CREATE2, 1, 0, 0);
    x.web3 = true;
    derive(&x, "77917333f99fc012387e149c06c8ebe6d3d21856", BC_EVM_CREATE, 1, 0, 0);
    derive(&x, "65c22daaf009a17906ec87a2fd22b8101b961d8d", BC_EVM_CREATE, 1, 0, 1);
    x.web3 = false;
    x.config.suite = BC_SUITE_SM;
    derive(&x, "3e03f6ba861fe922f661bcaddf8aaa6eb74d2192", BC_EVM_CREATE, 0, 0, 0);
    derive(&x, "109d004ec1b5a75003c6047fbd6b3d75d19bfc68", BC_EVM_CREATE2, 0, 0, 0);
}

static void account_tables(void **state)
{
    uint8_t buf[64];
    (void)state;
    bc_addr_t sys = bc_addr_of(0x10001), other = bc_addr_of(0x1001);
    assert_true(bc_bytes_eq(bc_exec_account_table(&sys, true, buf), BC_STR("/sys/0000000000000000000000000000000000010001")));
    assert_true(bc_bytes_eq(bc_exec_account_table(&other, false, buf), BC_STR("/apps/0000000000000000000000000000000000001001")));
    assert_int_equal(bc_exec_account_table(&other, true, buf).n, 26);
}

/* --- calls --- */

static void codeless_accounts(void **state)
{
    fx_t *f = fx_new(BC_SUITE_STANDARD);
    bc_addr_t nobody = fx_addr(77);
    (void)state;
    fx_call(f, &nobody, (bc_bytes_t){ 0 });
    assert_int_equal(receipt(f, 0)->status, 0);
    assert_gas(f, 0, "21000");
    fx_call(f, &nobody, BC_STR("data"));
    assert_int_equal(receipt(f, 0)->status, BC_TXS_REVERT);
    assert_gas(f, 0, "21000");
    assert_hex(receipt(f, 0)->output,
               "08c379a00000000000000000000000000000000000000000000000000000000000000020000000000000000000000000000"
               "000000000000000000000000000000000001343616c6c2061646472657373206572726f722e0000000000000000000000"
               "0000");
    assert_int_equal(f->res->changes->cnt, 0);
    fx_free(f);
}

/* jump to nowhere: the gas comes back, no text */
static void bad_jump_gives_the_gas_back(void **state)
{
    fx_t *f = fx_new(BC_SUITE_STANDARD);
    (void)state;
    bc_addr_t c = fx_deploy(f, "600356");
    fx_call(f, &c, (bc_bytes_t){ 0 });
    assert_int_equal(receipt(f, 0)->status, BC_TXS_OUT_OF_GAS);
    assert_gas(f, 0, "21000");
    assert_int_equal(receipt(f, 0)->output.n, 0);
    c = fx_deploy(f, "fe");
    fx_call(f, &c, (bc_bytes_t){ 0 });
    assert_int_equal(receipt(f, 0)->status, BC_TXS_BAD_INSTRUCTION);
    assert_gas(f, 0, "3000000000");
    fx_free(f);
}

static void deposit_beyond_the_gas_consumes_nothing(void **state)
{
    fx_t *f = fx_new(BC_SUITE_STANDARD);
    bc_addr_t owner = fx_addr(1);
    bc_bytes_t init = fx_unhex("6117705ff3"); /* returns 6000 zero bytes: 120000 of 100000 gas */
    (void)state;
    fx_config(f, "tx_gas_limit", "100000");
    fx_tx(f, &owner, NULL, init);
    assert_int_equal(fx_run(f), BC_OK);
    assert_int_equal(receipt(f, 0)->status, BC_TXS_OUT_OF_GAS);
    assert_gas(f, 0, "0");
    assert_int_equal(receipt(f, 0)->contract_address.n, 0);
    assert_int_equal(f->res->changes->cnt, 0);
    free((void *)(uintptr_t)init.p);
    fx_free(f);
}

/* --- value and gas price --- */

static void web3_pay(fx_t *f, const bc_addr_t *from, const bc_addr_t *to, const char *value)
{
    bc_addr_text_t hex = bc_addr_text(to);
    bc_tx_data_t d = { .version = 1, .nonce = BC_STR("7"), .to = bc_bytes(hex.s, 40), .value = bc_cstr(value) };
    bc_tx_t *tx = NULL;
    assert_int_equal(bc_tx_make(f->suite, &d, 0, BC_STR(""), NULL, &tx), BC_OK);
    tx->sender = *from;
    tx->sender_known = true;
    tx->w.type = 1;
    f->txs[f->tx_cnt++] = tx;
}

static void put_balance(fx_t *f, const bc_addr_t *a, const char *v)
{
    uint8_t buf[64];
    bc_bytes_t value = bc_cstr(v);
    fx_set(f, bc_exec_account_table(a, false, buf), BC_STR("balance"), &value);
}

#define A1_TABLE "/apps/aa00000000000000000000000000000000000001"
#define A2_TABLE "/apps/aa00000000000000000000000000000000000002"

static void value_moves_or_is_refused_whole(void **state)
{
    fx_t *f = fx_new(BC_SUITE_STANDARD);
    bc_addr_t a = fx_addr(1), b = fx_addr(2);
    (void)state;
    put_balance(f, &a, "100");
    web3_pay(f, &a, &b, "0x28");
    assert_int_equal(fx_run(f), BC_OK);
    assert_int_equal(receipt(f, 0)->status, 0);
    assert_true(row(f, A1_TABLE, "balance", "60"));
    assert_true(row(f, A2_TABLE, "balance", "40"));
    assert_true(row(f, A1_TABLE, "nonce", "8"));
    web3_pay(f, &a, &b, "0x3d");
    assert_int_equal(fx_run(f), BC_OK);
    assert_int_equal(receipt(f, 0)->status, BC_TXS_NOT_ENOUGH_CASH);
    assert_gas(f, 0, "0");
    assert_true(receipt(f, 0)->output.n > 68 && !memcmp(receipt(f, 0)->output.p + 68, "Account balance is not enough!", 30));
    assert_true(row(f, A1_TABLE, "balance", "60"));
    assert_true(row(f, A1_TABLE, "nonce", "9")); /* survives the failure */
    fx_free(f);
}

static void gas_price_is_charged_to_the_sender(void **state)
{
    fx_t *f = fx_new(BC_SUITE_STANDARD);
    bc_addr_t a = fx_addr(1), b = fx_addr(2);
    (void)state;
    fx_config(f, "tx_gas_price", "0x2");
    put_balance(f, &a, "50000");
    web3_pay(f, &a, &b, "0x1");
    web3_pay(f, &a, &b, "0x1");
    assert_int_equal(fx_run(f), BC_OK);
    assert_int_equal(receipt(f, 0)->status, 0);
    assert_true(bc_bytes_eq(receipt(f, 0)->effective_gas_price, BC_STR("0x2")));
    assert_int_equal(receipt(f, 1)->status, BC_TXS_NOT_ENOUGH_CASH);
    assert_gas(f, 1, "21000");
    assert_true(row(f, A1_TABLE, "balance", "7999")); /* 50000 - 1 - 42000: the second one gave nothing */
    assert_true(row(f, A2_TABLE, "balance", "1"));
    assert_true(row(f, A1_TABLE, "nonce", "9"));
    fx_free(f);
}

/* --- system contracts --- */

static void tables_take_the_next_sequence_number(void **state)
{
    fx_t *f = fx_new(BC_SUITE_STANDARD);
    bc_addr_t bfs = bc_addr_of(BC_SYS_BFS), manager = bc_addr_of(BC_SYS_TABLE_MANAGER), from = fx_addr(1);
    bc_arena_t arena = { 0 };
    bc_wr_t w = { 0 };
    bc_bytes_t address;
    (void)state;
    fx_input_t in = fx_input(f, "initBfs()");
    fx_call(f, &bfs, bc_bytes(in.b, in.n));
    for (int i = 0; i < 2; i++) {
        bc_abi_val_t v[] = { bc_abi_bytes(i ? BC_STR("t_b") : BC_STR("t_a")), bc_abi_bytes(BC_STR("id")),
                             bc_abi_bytes(BC_STR("val")) };
        bc_abi_val_t t = bc_abi_tuple(v, 3);
        in = fx_input(f, "createKVTable(string,string,string)");
        bc_wr_reset(&w);
        bc_wr_mem(&w, in.b, 4);
        assert_int_equal(bc_abi_encode("(string,string,string)", &t, &w), BC_OK);
        fx_tx(f, &from, &manager, bc_wr_view(&w));
    }
    assert_int_equal(fx_run(f), BC_OK); /* block 2 */
    assert_int_equal(receipt(f, 0)->status, 0);
    assert_int_equal(receipt(f, 1)->status, 0);
    bc_h256_t h;
    bc_hash(BC_SUITE_STANDARD, BC_STR("2_1_1"), &h);
    char want[41] = { 0 };
    bc_hex_put(bc_bytes(h.b, 20), want);
    assert_int_equal(fx_get(f, BC_STR("/tables/t_b"), BC_STR("link_address"), &address, &arena), BC_OK);
    assert_true(bc_bytes_eq(address, bc_cstr(want)));
    assert_true(row(f, "s_tables", "u_/tables/t_a", "id,val"));
    bc_wr_free(&w);
    bc_arena_free(&arena);
    fx_free(f);
}

static void frozen_accounts_are_refused_with_nothing_used(void **state)
{
    fx_t *f = fx_new(BC_SUITE_STANDARD);
    bc_addr_t a = fx_addr(1);
    bc_bytes_t frozen = BC_STR("\1"), zero = BC_STR("0");
    (void)state;
    fx_config(f, "auth_check_status", "1");
    fx_set(f, BC_STR("/usr/aa00000000000000000000000000000000000001"), BC_STR("status"), &frozen);
    fx_set(f, BC_STR("/usr/aa00000000000000000000000000000000000001"), BC_STR("last_update"), &zero);
    bc_addr_t to = fx_addr(2);
    fx_tx(f, &a, &to, (bc_bytes_t){ 0 });
    fx_tx(f, &to, &a, (bc_bytes_t){ 0 });
    assert_int_equal(fx_run(f), BC_OK);
    assert_int_equal(receipt(f, 0)->status, BC_TXS_ACCOUNT_FROZEN);
    assert_gas(f, 0, "0");
    assert_int_equal(receipt(f, 1)->status, 0);
    fx_free(f);
}

/* --- the whole --- */

static void unsupported_blocks_are_errors(void **state)
{
    fx_t *f = fx_new(BC_SUITE_STANDARD);
    bc_addr_t a = fx_addr(1);
    (void)state;
    fx_tx(f, &a, &a, (bc_bytes_t){ 0 });
    f->txs[0]->w.data.version = 3;
    assert_int_equal(fx_run(f), BC_E_UNSUPPORTED);
    fx_config(f, "executor_version", "2");
    assert_int_equal(fx_run(f), BC_E_UNSUPPORTED);
    fx_free(f);
}

static void an_empty_block_has_zero_roots(void **state)
{
    fx_t *f = fx_new(BC_SUITE_SM);
    (void)state;
    assert_int_equal(fx_run(f), BC_OK);
    assert_true(bc_h256_is_zero(&f->res->txs_root));
    assert_true(bc_h256_is_zero(&f->res->receipts_root));
    assert_true(bc_h256_is_zero(&f->res->state_root));
    assert_string_equal(f->res->gas_used, "0");
    fx_free(f);
}

typedef struct {
    fx_t *f;
    bc_exec_block_t in;
    bc_h256_t state_root, receipts_root;
    bool ok;
} parallel_t;

static void *parallel_main(void *arg)
{
    parallel_t *p = arg;
    p->ok = true;
    for (int i = 0; i < 8; i++) {
        bc_exec_result_t *res = NULL;
        p->ok = p->ok && p->f->exec.ops->execute(p->f->exec.self, &p->in, &res) == BC_OK;
        if (res) {
            p->state_root = res->state_root;
            p->receipts_root = res->receipts_root;
        }
        bc_exec_result_free(res);
    }
    return NULL;
}

static void several_threads_agree(void **state)
{
    fx_t *f = fx_new(BC_SUITE_STANDARD);
    bc_addr_t owner = fx_addr(1);
    bc_bytes_t code = fx_unhex(token_code_hex);
    uint8_t *init = calloc(1, code.n + 32);
    (void)state;
    memcpy(init, code.p, code.n);
    init[code.n + 20] = 1;
    fx_tx(f, &owner, NULL, bc_bytes(init, code.n + 32));
    assert_int_equal(fx_run(f), BC_OK);
    bc_addr_t token = bc_addr_parse(receipt(f, 0)->contract_address);
    for (unsigned i = 0; i < 50; i++) {
        bc_addr_t to = fx_addr(2 + i % 7);
        fx_input_t in = fx_input(f, "transfer(address,uint256)");
        fx_addr_word(&in, &to);
        fx_u64(&in, i);
        fx_tx(f, &owner, &token, bc_bytes(in.b, in.n));
    }
    parallel_t p[3];
    pthread_t t[3];
    for (size_t i = 0; i < 3; i++) {
        p[i] = (parallel_t){ .f = f, .in = { { &fx_ops, f }, f->number, 1, 0x03100000, f->txs, f->tx_cnt } };
        assert_int_equal(pthread_create(&t[i], NULL, parallel_main, &p[i]), 0);
    }
    for (size_t i = 0; i < 3; i++)
        pthread_join(t[i], NULL);
    for (size_t i = 0; i < 3; i++) {
        assert_true(p[i].ok);
        assert_true(bc_h256_eq(&p[0].state_root, &p[i].state_root));
        assert_true(bc_h256_eq(&p[0].receipts_root, &p[i].receipts_root));
    }
    assert_int_equal(fx_run(f), BC_OK);
    assert_true(bc_h256_eq(&p[0].state_root, &f->res->state_root));
    assert_int_equal(receipt(f, 0)->logs.n, 1);
    free(init);
    free((void *)(uintptr_t)code.p);
    fx_free(f);
}

static void calls_read_and_change_nothing(void **state)
{
    fx_t *f = fx_new(BC_SUITE_STANDARD);
    bc_arena_t arena = { 0 };
    bc_exec_call_result_t out;
    bc_bytes_t code;
    bc_u256_t balance;
    uint64_t nonce;
    (void)state;
    bc_addr_t c = fx_deploy(f, "600160005560015460005260206000f3"); /* sets slot 0, returns slot 1 */
    bc_addr_text_t hex = bc_addr_text(&c);
    size_t rows = f->rows.cnt;
    bc_exec_call_t in = { .state = { &fx_ops, f }, .number = 1, .to = bc_bytes(hex.s, 40) };
    assert_int_equal(f->exec.ops->call(f->exec.self, &in, &out, &arena), BC_OK);
    assert_int_equal(out.status, 0);
    assert_int_equal(out.output.n, 32);
    assert_true(out.gas_used > 21000 + 5000 + 2100);
    assert_int_equal(f->rows.cnt, rows);
    assert_int_equal(f->exec.ops->code(f->exec.self, in.state, &c, &code, &arena), BC_OK);
    assert_hex(code, "600160005560015460005260206000f3");
    assert_int_equal(f->exec.ops->nonce(f->exec.self, in.state, &c, &nonce), BC_OK);
    assert_int_equal(nonce, 1);
    assert_int_equal(f->exec.ops->balance(f->exec.self, in.state, &c, &balance), BC_OK);
    assert_int_equal(balance.w[0], 0);
    bc_addr_t nobody = fx_addr(99);
    assert_int_equal(f->exec.ops->code(f->exec.self, in.state, &nobody, &code, &arena), BC_OK);
    assert_int_equal(code.n, 0);
    bc_arena_free(&arena);
    fx_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(create_addresses),
        cmocka_unit_test(account_tables),
        cmocka_unit_test(codeless_accounts),
        cmocka_unit_test(bad_jump_gives_the_gas_back),
        cmocka_unit_test(deposit_beyond_the_gas_consumes_nothing),
        cmocka_unit_test(value_moves_or_is_refused_whole),
        cmocka_unit_test(gas_price_is_charged_to_the_sender),
        cmocka_unit_test(tables_take_the_next_sequence_number),
        cmocka_unit_test(frozen_accounts_are_refused_with_nothing_used),
        cmocka_unit_test(unsupported_blocks_are_errors),
        cmocka_unit_test(an_empty_block_has_zero_roots),
        cmocka_unit_test(several_threads_agree),
        cmocka_unit_test(calls_read_and_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
