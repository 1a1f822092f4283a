/* Executor version 0: every row of the table of differences (spec/40 §9). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "computing/executor/exec.h"
#include "computing/executor/fixture.h"
#include "protocol/status.h"

static fx_t *new_v0(void)
{
    fx_t *f = fx_new(BC_SUITE_STANDARD);
    static const char *const flags[] = {
        "bugfix_revert", "bugfix_statestorage_hash", "bugfix_evm_create2_delegatecall_staticcall_codecopy",
        "bugfix_event_log_order", "bugfix_call_noaddr_return", "bugfix_precompiled_codehash",
        "bugfix_internal_create_redundant_storage", "bugfix_eoa_as_contract", "bugfix_evm_exception_gas_used",
        "bugfix_staticcall_noaddr_return", "bugfix_support_transfer_receive_fallback", "bugfix_eoa_match_failed",
        "bugfix_delete_account_code", "bugfix_precompiled_gasused", "bugfix_nonce_not_increase_when_revert",
        "bugfix_set_contract_nonce_when_create", "bugfix_precompiled_gascalc", "bugfix_precompiled_evm_status" };
    fx_config(f, "executor_version", "0");
    for (size_t i = 0; i < BC_ARRAY_LEN(flags); i++)
        fx_config(f, flags[i], "1");
    return f;
}

static void drop_flag(fx_t *f, const char *name)
{
    fx_set(f, BC_STR("s_config"), bc_cstr(name), NULL);
}

static const bc_receipt_data_t *receipt(const fx_t *f, size_t i)
{
    return &f->res->receipts[i].data;
}

static void assert_receipt(const fx_t *f, size_t i, int32_t status, const char *gas)
{
    assert_int_equal(receipt(f, i)->status, status);
    if (gas)
        assert_true(bc_bytes_eq(receipt(f, i)->gas_used, bc_cstr(gas)));
}

/* Is the output Error(text)? */
static bool says(const fx_t *f, size_t i, const char *text)
{
    bc_wr_t w = { 0 };
    bc_abi_error(false, bc_cstr(text), &w);
    bool same = bc_bytes_eq(receipt(f, i)->output, bc_wr_view(&w));
    bc_wr_free(&w);
    return same;
}

static bool row(fx_t *f, bc_bytes_t table, const char *key, bc_bytes_t *value, bc_arena_t *a)
{
    return fx_get(f, table, bc_cstr(key), value, a) == BC_OK;
}

static bool row_is(fx_t *f, const char *table, const char *key, bc_bytes_t want)
{
    bc_arena_t a = { 0 };
    bc_bytes_t v;
    bool same = row(f, bc_cstr(table), key, &v, &a) && bc_bytes_eq(v, want);
    bc_arena_free(&a);
    return same;
}

static void send(fx_t *f, const bc_addr_t *to, const char *input_hex)
{
    bc_addr_t from = fx_addr(1);
    bc_bytes_t in = fx_unhex(input_hex);
    fx_tx(f, &from, to, in);
    assert_int_equal(fx_run(f), BC_OK);
    free((void *)(uintptr_t)in.p);
}

static void run_code(fx_t *f, const char *runtime_hex)
{
    bc_addr_t a = fx_deploy(f, runtime_hex);
    send(f, &a, "");
}

static void revision_is_paris_or_cancun(void **state)
{
    (void)state;
    fx_t *f = new_v0();
    run_code(f, "5f5f55"); /* PUSH0 PUSH0 SSTORE */
    assert_receipt(f, 0, BC_TXS_BAD_INSTRUCTION, "3000000000");
    assert_true(says(f, 0, "Execution invalid/undefined opcode."));
    fx_config(f, "feature_evm_cancun", "1");
    run_code(f, "5f5f55");
    assert_receipt(f, 0, 0, NULL);
    fx_free(f);
}

static void plain_calls_are_free_and_receipts_bare(void **state)
{
    (void)state;
    fx_t *f = new_v0();
    run_code(f, "600160005560006000a0"); /* SSTORE(0,1), LOG0 */
    assert_receipt(f, 0, 0, "5387");     /* 3+3+5000 (cold: no EIP-2929 discount) + 3+3+375 */
    assert_int_equal(receipt(f, 0)->logs.n, 1);
    assert_int_equal(f->res->receipts[0].bloom.n, 0);
    assert_int_equal(f->res->receipts[0].cumulative_gas_used.n, 0);
    fx_free(f);
}

static void ends_of_the_interpreter(void **state)
{
    (void)state;
    fx_t *f = new_v0();
    run_code(f, "600056"); /* JUMP to 0 */
    assert_receipt(f, 0, BC_TXS_BAD_JUMP, "3000000000");
    assert_true(says(f, 0, "Execution has violated the jump destination restrictions."));
    run_code(f, "6001600060003e"); /* RETURNDATACOPY past the end */
    assert_receipt(f, 0, BC_TXS_STACK_UNDERFLOW, "3000000000");
    assert_true(says(f, 0, "Execution tried to read outside memory bounds."));
    drop_flag(f, "bugfix_evm_exception_gas_used");
    run_code(f, "600056");
    assert_receipt(f, 0, BC_TXS_BAD_JUMP, "0");
    /* out of gas takes everything whatever the flag */
    run_code(f, "5b600056");
    assert_receipt(f, 0, BC_TXS_OUT_OF_GAS, "3000000000");
    fx_free(f);
}

static void logs_of_failed_transactions_stay(void **state)
{
    (void)state;
    fx_t *f = new_v0();
    run_code(f, "60006000a060006000fd"); /* LOG0, REVERT */
    assert_receipt(f, 0, BC_TXS_REVERT, NULL);
    assert_int_equal(receipt(f, 0)->logs.n, 1);
    fx_free(f);
}

static void creations_that_fail(void **state)
{
    (void)state;
    fx_t *f = new_v0();
    bc_addr_t owner = fx_addr(1);
    bc_bytes_t empty = fx_unhex("00");
    fx_tx(f, &owner, NULL, empty);
    assert_int_equal(fx_run(f), BC_OK);
    assert_receipt(f, 0, BC_TXS_UNKNOWN, "0");
    assert_true(says(f, 0, "Create contract with empty code, invalid code input."));
    assert_int_equal(receipt(f, 0)->contract_address.n, 0);
    free((void *)(uintptr_t)empty.p);
    fx_free(f);
}

static void code_is_limited_to_a_mebibyte(void **state)
{
    (void)state;
    fx_t *f = new_v0();
    bc_addr_t owner = fx_addr(1);
    bc_bytes_t limit = fx_unhex("621000006000f3"), more = fx_unhex("621000016000f3");
    fx_tx(f, &owner, NULL, more); /* RETURN(0, 1 MiB + 1) */
    fx_tx(f, &owner, NULL, limit);
    assert_int_equal(fx_run(f), BC_OK);
    assert_receipt(f, 0, BC_TXS_OUT_OF_GAS, NULL);
    assert_true(says(f, 0, "Deploy code is too large."));
    assert_receipt(f, 1, 0, NULL);
    fx_config(f, "tx_gas_limit", "10000000"); /* enough to run, not for 20 gas a byte */
    fx_tx(f, &owner, NULL, limit);
    assert_int_equal(fx_run(f), BC_OK);
    assert_receipt(f, 0, BC_TXS_OUT_OF_GAS, NULL);
    assert_true(says(f, 0, "Exceptional Failed Code Deposit"));
    free((void *)(uintptr_t)limit.p);
    free((void *)(uintptr_t)more.p);
    fx_free(f);
}

static void taken_addresses_are_refused(void **state)
{
    (void)state;
    fx_t *f = new_v0();
    bc_addr_t owner = fx_addr(1);
    bc_bytes_t code = fx_creation("00"), value = BC_STR("value");
    bc_h256_t h;
    bc_hash(f->suite, BC_STR("1_0_0"), &h);
    char table[47] = "/apps/";
    bc_hex_put(bc_bytes(h.b, 20), table + 6);
    fx_set(f, BC_STR("s_tables"), bc_bytes(table, 46), &value);
    fx_tx(f, &owner, NULL, code);
    assert_int_equal(fx_run(f), BC_OK);
    assert_receipt(f, 0, BC_TXS_ADDRESS_USED, "0");
    assert_true(says(f, 0, "Contract address already used."));
    free((void *)(uintptr_t)code.p);
    fx_free(f);
}

static void absent_addresses(void **state)
{
    (void)state;
    fx_t *f = new_v0();
    bc_addr_t nobody = fx_addr(77), sha = bc_addr_of(2);
    send(f, &nobody, "");
    assert_receipt(f, 0, BC_TXS_CALL_ADDRESS_ERROR, "0");
    assert_true(says(f, 0, "Call address error."));
    send(f, &sha, "616263"); /* 0x2 is there for code only */
    assert_receipt(f, 0, BC_TXS_CALL_ADDRESS_ERROR, "0");
    /* a contract's call of nobody looks good and brings the text; a static one brings nothing:
     * (success << 8) + RETURNDATASIZE */
    run_code(f, "6000600060006000600061ffff5af16008" "1b3d0160005260206000f3");
    assert_int_equal(bc_load_be64(receipt(f, 0)->output.p + 24), 256 + 100);
    run_code(f, "600060006000600061ffff5afa6008" "1b3d0160005260206000f3");
    assert_int_equal(bc_load_be64(receipt(f, 0)->output.p + 24), 256);
    fx_free(f);
}

/* The address that CREATE made, after a call of `to` by the same code. */
static bc_addr_t created_after_call(fx_t *f, const char *to)
{
    char code[256];
    /* init code 60016000f3 (returns one zero byte) right-aligned in word 0 */
    snprintf(code, sizeof(code), "600060006000600060%s5afa50" "6460016000f3600052" "6005601b6000f0" "60005260206000f3", to);
    run_code(f, code);
    assert_receipt(f, 0, 0, NULL);
    bc_addr_t a;
    memcpy(a.b, receipt(f, 0)->output.p + 12, 20);
    return a;
}

static void sequence_numbers_pass_over_built_ins(void **state)
{
    (void)state;
    static const char *const to[] = { "02", "fe" }; /* sha256; nobody */
    for (int64_t seq = 1; seq <= 2; seq++) {
        fx_t *f = new_v0();
        bc_addr_t a = created_after_call(f, to[seq - 1]);
        bc_h256_t h;
        bc_hash(f->suite, seq == 1 ? BC_STR("2_0_1") : BC_STR("2_0_2"), &h);
        assert_memory_equal(a.b, h.b, 20);
        fx_free(f);
    }
}

static void dead_contracts_lose_their_code_after_the_block(void **state)
{
    (void)state;
    fx_t *f = new_v0();
    bc_addr_t a = fx_deploy(f, "6000ff"), from = fx_addr(1); /* SELFDESTRUCT(0) */
    bc_addr_text_t hex = bc_addr_text(&a);
    char table[47] = "/apps/";
    bc_h256_t none;
    memcpy(table + 6, hex.s, 41);
    fx_tx(f, &from, &a, BC_STR(""));
    fx_tx(f, &from, &a, BC_STR(""));
    assert_int_equal(fx_run(f), BC_OK);
    assert_receipt(f, 0, 0, NULL);
    assert_true(bc_bytes_eq(receipt(f, 0)->gas_used, receipt(f, 1)->gas_used)); /* still code */
    bc_hash(f->suite, (bc_bytes_t){ 0 }, &none);
    assert_true(row_is(f, table, "codeHash", BC_VIEW(none)));
    assert_true(row_is(f, table, "code", BC_STR("")));
    send(f, &a, "");
    assert_receipt(f, 0, 0, "0"); /* empty code runs */
    fx_free(f);
}

static void inner_writes_outlived_failures(void **state)
{
    (void)state;
    /* callee: SSTORE(0,1); caller: SSTORE(5,1), CALL(callee), SSTORE(6,1), REVERT */
    for (int fixed = 0; fixed < 2; fixed++) {
        fx_t *f = new_v0();
        if (!fixed)
            drop_flag(f, "bugfix_revert");
        bc_addr_t callee = fx_deploy(f, "6001600055");
        bc_addr_text_t hex = bc_addr_text(&callee);
        char code[256], inner[47] = "/apps/", outer[47] = "/apps/";
        snprintf(code, sizeof(code), "60016005556000600060006000600073%s5af150600160065560006000fd", hex.s);
        bc_addr_t caller = fx_deploy(f, code);
        bc_addr_text_t caller_hex = bc_addr_text(&caller);
        memcpy(inner + 6, hex.s, 41);
        memcpy(outer + 6, caller_hex.s, 41);
        send(f, &caller, "");
        assert_receipt(f, 0, BC_TXS_REVERT, NULL);
        bc_arena_t a = { 0 };
        bc_bytes_t v;
        bc_h256_t k0 = { { 0 } }, k5 = { .b[31] = 5 }, k6 = { .b[31] = 6 };
        bool has0 = fx_get(f, bc_cstr(inner), BC_VIEW(k0), &v, &a) == BC_OK;
        bool has5 = fx_get(f, bc_cstr(outer), BC_VIEW(k5), &v, &a) == BC_OK;
        bool has6 = fx_get(f, bc_cstr(outer), BC_VIEW(k6), &v, &a) == BC_OK;
        assert_int_equal(has0, !fixed); /* what came after the inner message began stayed */
        assert_false(has5);
        assert_int_equal(has6, !fixed);
        bc_arena_free(&a);
        fx_free(f);
    }
}

static void logs_went_along_with_inner_messages(void **state)
{
    (void)state;
    /* callee: LOG1(2); caller: LOG1(1), CALL(callee), LOG1(3) */
    static const char *const order[] = { "123", "312" };
    for (int before = 0; before < 2; before++) {
        fx_t *f = new_v0();
        if (before)
            drop_flag(f, "bugfix_event_log_order");
        bc_addr_t callee = fx_deploy(f, "600260006000a1");
        bc_addr_text_t hex = bc_addr_text(&callee);
        char code[256];
        snprintf(code, sizeof(code), "600160006000a16000600060006000600073%s5af150600360006000a1", hex.s);
        run_code(f, code);
        assert_receipt(f, 0, 0, NULL);
        const bc_log_entry_t *logs = receipt(f, 0)->logs.v;
        assert_int_equal(receipt(f, 0)->logs.n, 3);
        for (size_t i = 0; i < 3; i++)
            assert_int_equal(((const bc_bytes_t *)logs[i].topics.v)[0].p[31], order[before][i] - '0');
        fx_free(f);
    }
}

static void set_text(fx_t *f, const char *table, const char *key, const char *value)
{
    bc_bytes_t v = bc_cstr(value);
    fx_set(f, bc_cstr(table), bc_cstr(key), &v);
}

static void policy_1_charges_for_gas(void **state)
{
    (void)state;
    fx_t *f = new_v0();
    bc_addr_t payer = fx_addr(1), target = fx_deploy(f, "6001600055");
    bc_addr_text_t hex = bc_addr_text(&payer), to = bc_addr_text(&target);
    char account[47] = "/apps/", table[47] = "/apps/";
    bc_h256_t slot = { { 0 } };
    bc_arena_t a = { 0 };
    bc_bytes_t v;
    memcpy(account + 6, hex.s, 41);
    memcpy(table + 6, to.s, 41);
    fx_config(f, "feature_balance", "1");
    fx_config(f, "feature_balance_policy1", "1");
    fx_config(f, "tx_gas_price", "0x2");
    send(f, &target, ""); /* nobody with a balance */
    assert_receipt(f, 0, BC_TXS_NOT_ENOUGH_CASH, "5006");
    assert_int_equal(fx_get(f, bc_cstr(table), BC_VIEW(slot), &v, &a), BC_E_NOT_FOUND);
    set_text(f, "s_tables", account, "value");
    set_text(f, account, "balance", "20000");
    send(f, &target, "");
    assert_receipt(f, 0, 0, "5006");
    assert_true(row_is(f, account, "balance", BC_STR("9988"))); /* 20000 - 2 * 5006 */
    assert_int_equal(fx_get(f, bc_cstr(table), BC_VIEW(slot), &v, &a), BC_OK);
    bc_arena_free(&a);
    fx_free(f);
}

static void dir_v30(fx_t *f, const char *path, bc_bytes_t children)
{
    static const char *const keys[] = { "acl_white", "acl_black", "extra" };
    set_text(f, "s_tables", path, "value");
    set_text(f, path, "type", "directory");
    set_text(f, path, "acl_type", "0");
    for (size_t i = 0; i < BC_ARRAY_LEN(keys); i++)
        set_text(f, path, keys[i], "");
    fx_set(f, bc_cstr(path), BC_STR("sub"), &children);
}

static void the_upgrade_from_3_0_converts_the_file_system(void **state)
{
    (void)state;
    fx_t *f = fx_new(BC_SUITE_STANDARD);
    bc_addr_t config = bc_addr_of(BC_SYS_CONFIG), bfs = bc_addr_of(BC_SYS_BFS), from = fx_addr(1);
    fx_config(f, "executor_version", "0");
    f->version = 0x03000000;
    dir_v30(f, "/", BC_STR("\x08\x10" "apps" "\x24" "directory" "\x0c" "sys" "\x24" "directory"));
    dir_v30(f, "/apps", bc_bytes("", 1));
    dir_v30(f, "/sys", BC_STR("\x04\x0c" "bfs" "\x20" "contract"));
    fx_input_t in = fx_input(f, "mkdir(string)");
    fx_u64(&in, 32);
    fx_u64(&in, 7);
    memcpy(in.b + in.n, "/apps/d", 7);
    memset(in.b + in.n + 7, 0, 25);
    in.n += 32;
    fx_tx(f, &from, &bfs, bc_bytes(in.b, in.n));
    assert_int_equal(fx_run(f), BC_OK);
    assert_receipt(f, 0, 0, NULL);
    assert_true(row_is(f, "/apps", "sub", BC_STR("\x04\x04" "d" "\x24" "directory")));
    assert_true(row_is(f, "/apps/d", "type", BC_STR("directory")));
    bc_wr_t w = { 0 }, dir = { 0 };
    bc_abi_val_t items[] = { bc_abi_bytes(BC_STR("compatibility_version")), bc_abi_bytes(BC_STR("3.1.0")) };
    bc_abi_val_t v = bc_abi_tuple(items, 2);
    bc_h256_t h;
    bc_hash(f->suite, BC_STR("setValueByKey(string,string)"), &h);
    bc_wr_mem(&w, h.b, 4);
    assert_int_equal(bc_abi_encode("(string,string)", &v, &w), BC_OK);
    fx_tx(f, &from, &config, bc_wr_view(&w));
    assert_int_equal(fx_run(f), BC_OK);
    assert_receipt(f, 0, 0, NULL);
    const bc_bytes_t fields[] = { BC_STR("directory"), BC_STR("0"), BC_STR("0"), BC_STR(""), BC_STR(""), BC_STR("") };
    bc_archive_put_strings(&dir, fields, 6);
    assert_true(row_is(f, "/", "apps", bc_wr_view(&dir)));
    assert_true(row_is(f, "/apps", "d", bc_wr_view(&dir)));
    assert_true(row_is(f, "/sys/bfs", "link_address", BC_STR("000000000000000000000000000000000000100e")));
    assert_true(row_is(f, "s_tables", "s_code_binary", BC_STR("value")));
    bc_arena_t a = { 0 };
    bc_bytes_t gone;
    assert_false(row(f, BC_STR("/apps"), "sub", &gone, &a));
    assert_false(row(f, BC_STR("/sys/cast_tools"), "type", &gone, &a)); /* came with 3.2 */
    bc_arena_free(&a);
    bc_wr_free(&w);
    bc_wr_free(&dir);
    fx_free(f);
}

static void system_contracts(void **state)
{
    (void)state;
    fx_t *f = new_v0();
    bc_addr_t manager = bc_addr_of(BC_SYS_TABLE_MANAGER), config = bc_addr_of(BC_SYS_CONFIG), cpu = bc_addr_of(0x5201),
              paillier = bc_addr_of(BC_SYS_PAILLIER);
    send(f, &manager, "deadbeef");
    assert_receipt(f, 0, BC_TXS_PRECOMPILED_ERROR, "0"); /* nothing charged, 21000 neither */
    send(f, &config, "1258a93a");
    assert_receipt(f, 0, 0, "0");
    send(f, &cpu, "7b395ec2");
    assert_receipt(f, 0, 0, "0");
    assert_int_equal(receipt(f, 0)->output.n, 0);
    send(f, &paillier, "deadbeef"); /* its feature is off */
    assert_receipt(f, 0, BC_TXS_CALL_ADDRESS_ERROR, "0");
    fx_free(f);
}

static void time_is_in_seconds_with_the_feature(void **state)
{
    (void)state;
    fx_t *f = new_v0();
    run_code(f, "4260005260206000f3");
    assert_int_equal(bc_load_be64(receipt(f, 0)->output.p + 24), 1700000000000);
    fx_config(f, "feature_evm_timestamp", "1");
    drop_flag(f, "bugfix_v1_timestamp");
    run_code(f, "4260005260206000f3");
    assert_int_equal(bc_load_be64(receipt(f, 0)->output.p + 24), 1700000000);
    fx_free(f);
}

static void switching_takes_effect_with_the_next_block(void **state)
{
    (void)state;
    fx_t *f = new_v0();
    bc_addr_t a = fx_deploy(f, "00"), config = bc_addr_of(BC_SYS_CONFIG), from = fx_addr(1);
    bc_wr_t w = { 0 };
    bc_abi_val_t items[] = { bc_abi_bytes(BC_STR("executor_version")), bc_abi_bytes(BC_STR("1")) };
    bc_abi_val_t v = bc_abi_tuple(items, 2);
    bc_h256_t h;
    bc_hash(f->suite, BC_STR("setValueByKey(string,string)"), &h);
    bc_wr_mem(&w, h.b, 4);
    assert_int_equal(bc_abi_encode("(string,string)", &v, &w), BC_OK);
    fx_tx(f, &from, &config, bc_wr_view(&w));
    fx_tx(f, &from, &a, BC_STR(""));
    assert_int_equal(fx_run(f), BC_OK);
    assert_receipt(f, 0, 0, NULL);
    assert_receipt(f, 1, 0, "0"); /* this block still: no charge */
    assert_int_equal(f->res->receipts[1].bloom.n, 0);
    send(f, &a, "");
    assert_receipt(f, 0, 0, "21000");
    assert_int_equal(f->res->receipts[0].bloom.n, 256);
    bc_wr_free(&w);
    fx_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(revision_is_paris_or_cancun),
        cmocka_unit_test(plain_calls_are_free_and_receipts_bare),
        cmocka_unit_test(ends_of_the_interpreter),
        cmocka_unit_test(logs_of_failed_transactions_stay),
        cmocka_unit_test(creations_that_fail),
        cmocka_unit_test(code_is_limited_to_a_mebibyte),
        cmocka_unit_test(taken_addresses_are_refused),
        cmocka_unit_test(absent_addresses),
        cmocka_unit_test(sequence_numbers_pass_over_built_ins),
        cmocka_unit_test(dead_contracts_lose_their_code_after_the_block),
        cmocka_unit_test(inner_writes_outlived_failures),
        cmocka_unit_test(logs_went_along_with_inner_messages),
        cmocka_unit_test(policy_1_charges_for_gas),
        cmocka_unit_test(the_upgrade_from_3_0_converts_the_file_system),
        cmocka_unit_test(system_contracts),
        cmocka_unit_test(time_is_in_seconds_with_the_feature),
        cmocka_unit_test(switching_takes_effect_with_the_next_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
