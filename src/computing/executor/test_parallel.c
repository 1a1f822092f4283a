/* Blocks on several threads give what serial execution gives: receipts, changes, roots. Random
 * blocks over a few accounts, contracts and tables, so that transactions collide; the number of
 * blocks is CBCOS_PARALLEL_BLOCKS or 3000. */
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

enum { USERS = 8, TXS_MAX = 48, CHAIN_BLOCKS = 30 };

static uint64_t rng_state;
static unsigned rng(unsigned n)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return (unsigned)((rng_state >> 20) % n);
}

/* --- a chain with contracts --- */

/* slot[word 0] = slot[word 1] + 1; reverts when word 2 is not zero */
#define CELL "602035546001015f3555604035601157005b5f5ffd"
/* calls word 0 with the input after it, slot[word 0] = success, one log */
#define PROXY "602036036020" "5f37" "5f5f602036035f5f5f355af1" "5f3555" "600760205fa100"
/* the same call, then reverts */
#define UNDO "602036036020" "5f37" "5f5f602036035f5f5f355af1" "5f5ffd"
/* creates the input as init code, remembers the address in slot 0 */
#define FACTORY "365f5f37365f5ff05f5500"
/* the same by CREATE2 with salt 5 */
#define FACTORY2 "365f5f376005365f5ff56001" "5500"

enum { CELL_A, CELL_B, PROXY_A, UNDO_A, FACTORY_A, FACTORY_B, TOKEN, CONTRACTS };

typedef struct {
    fx_t *f;
    bc_addr_t at[CONTRACTS], table, kv;
    bc_wr_t w;
} chain_t;

static bc_bytes_t token_creation(void)
{
    bc_bytes_t code = fx_unhex(token_code_hex);
    uint8_t *p = calloc(1, code.n + 32);
    memcpy(p, code.p, code.n);
    p[code.n + 20] = 1;
    free((void *)(uintptr_t)code.p);
    return bc_bytes(p, code.n + 32);
}

/* selector and arguments, in c->w */
static bc_bytes_t encode(chain_t *c, const char *signature, const char *type, bc_abi_val_t *v, size_t n)
{
    fx_input_t in = fx_input(c->f, signature);
    bc_abi_val_t t = bc_abi_tuple(v, n);
    bc_wr_reset(&c->w);
    bc_wr_mem(&c->w, in.b, 4);
    assert_int_equal(bc_abi_encode(type, &t, &c->w), BC_OK);
    return bc_wr_view(&c->w);
}

static bc_addr_t table_address(chain_t *c, const char *path)
{
    bc_arena_t a = { 0 };
    bc_bytes_t v;
    assert_int_equal(fx_get(c->f, bc_cstr(path), BC_STR("link_address"), &v, &a), BC_OK);
    bc_addr_t at = bc_addr_parse(v);
    bc_arena_free(&a);
    return at;
}

static void make_tables(chain_t *c)
{
    bc_addr_t bfs = bc_addr_of(BC_SYS_BFS), manager = bc_addr_of(BC_SYS_TABLE_MANAGER), from = fx_addr(1);
    bc_abi_val_t field[] = { bc_abi_bytes(BC_STR("f1")), bc_abi_bytes(BC_STR("f2")) };
    bc_abi_val_t info[] = { bc_abi_u64(0), bc_abi_bytes(BC_STR("id")), bc_abi_tuple(field, 2) };
    bc_abi_val_t table[] = { bc_abi_bytes(BC_STR("t")), bc_abi_tuple(info, 3) };
    bc_abi_val_t kv[] = { bc_abi_bytes(BC_STR("k")), bc_abi_bytes(BC_STR("id")), bc_abi_bytes(BC_STR("val")) };
    fx_tx(c->f, &from, &bfs, encode(c, "initBfs()", "()", NULL, 0));
    fx_tx(c->f, &from, &manager, encode(c, "createTable(string,(uint8,string,string[]))",
                                        "(string,(uint8,string,string[]))", table, 2));
    fx_tx(c->f, &from, &manager, encode(c, "createKVTable(string,string,string)", "(string,string,string)", kv, 3));
    assert_int_equal(fx_run(c->f), BC_OK);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(c->f->res->receipts[i].data.status, 0);
    c->table = table_address(c, "/tables/t");
    c->kv = table_address(c, "/tables/k");
}

static void put_balance(fx_t *f, unsigned user, const char *v)
{
    uint8_t buf[64];
    bc_addr_t a = fx_addr(user);
    bc_bytes_t value = bc_cstr(v);
    fx_set(f, bc_exec_account_table(&a, false, buf), BC_STR("balance"), &value);
}

/* Kinds: hash, gas price, authority checks and flags differ from chain to chain. */
static void open_chain(chain_t *c, unsigned kind)
{
    static const char *const runtime[] = { CELL, CELL, PROXY, UNDO, FACTORY, FACTORY2 };
    bc_addr_t owner = fx_addr(1);
    *c = (chain_t){ .f = fx_new(kind % 3 == 2 ? BC_SUITE_SM : BC_SUITE_STANDARD) };
    for (size_t i = 0; i < CONTRACTS; i++) {
        bc_bytes_t code = i == TOKEN ? token_creation() : fx_creation(runtime[i]);
        fx_tx(c->f, &owner, NULL, code);
        free((void *)(uintptr_t)code.p);
    }
    assert_int_equal(fx_run(c->f), BC_OK);
    for (size_t i = 0; i < CONTRACTS; i++) {
        assert_int_equal(c->f->res->receipts[i].data.status, 0);
        c->at[i] = bc_addr_parse(c->f->res->receipts[i].data.contract_address);
    }
    make_tables(c);
    fx_config(c->f, "tx_gas_limit", "3000000");
    fx_config(c->f, "feature_balance_precompiled", "1");
    fx_config(c->f, "bugfix_revert_logs", "1");
    if (kind % 4 == 1)
        fx_config(c->f, "tx_gas_price", "0x3");
    if (kind % 4 == 2)
        fx_config(c->f, "auth_check_status", "1");
    for (unsigned i = 0; i < USERS; i++)
        put_balance(c->f, 1 + i, i == 3 ? "70000" : "1000000000000");
}

static void close_chain(chain_t *c)
{
    bc_wr_free(&c->w);
    fx_free(c->f);
}

/* --- random transactions --- */

static bc_addr_t user(void)
{
    return fx_addr(1 + rng(USERS));
}

static bc_bytes_t table_input(chain_t *c)
{
    static const char *const names[] = { "a", "b", "c", "d" };
    bc_abi_val_t key = bc_abi_bytes(bc_cstr(names[rng(4)])), value = bc_abi_bytes(bc_cstr(names[rng(4)]));
    bc_abi_val_t values[] = { value, bc_abi_bytes(BC_STR("a value of more than thirty-two bytes")) };
    bc_abi_val_t entry[] = { key, bc_abi_tuple(values, 2) };
    bc_abi_val_t row = bc_abi_tuple(entry, 2);
    bc_abi_val_t change[] = { bc_abi_bytes(BC_STR("f1")), value }, one = bc_abi_tuple(change, 2);
    bc_abi_val_t update[] = { key, bc_abi_tuple(&one, 1) };
    bc_abi_val_t cond[] = { bc_abi_u64(rng(4)), key }, cond_one = bc_abi_tuple(cond, 2);
    bc_abi_val_t limit[] = { bc_abi_u64(0), bc_abi_u64(1 + rng(3)) };
    bc_abi_val_t by[] = { bc_abi_tuple(&cond_one, 1), bc_abi_tuple(limit, 2) };
    switch (rng(7)) {
    case 0:
    case 1:
        return encode(c, "insert((string,string[]))", "((string,string[]))", &row, 1);
    case 2:
        return encode(c, "update(string,(string,string)[])", "(string,(string,string)[])", update, 2);
    case 3:
        return encode(c, "select(string)", "(string)", &key, 1);
    case 4:
        return encode(c, "count((uint8,string)[])", "((uint8,string)[])", by, 1);
    case 5:
        return encode(c, "remove((uint8,string)[],(uint32,uint32))", "((uint8,string)[],(uint32,uint32))", by, 2);
    default:
        return encode(c, "remove(string)", "(string)", &key, 1);
    }
}

static bc_bytes_t kv_input(chain_t *c)
{
    static const char *const names[] = { "a", "b", "c", "d" };
    bc_abi_val_t v[] = { bc_abi_bytes(bc_cstr(names[rng(4)])), bc_abi_bytes(bc_cstr(names[rng(4)])) };
    return rng(2) ? encode(c, "set(string,string)", "(string,string)", v, 2)
                  : encode(c, "get(string)", "(string)", v, 1);
}

static bc_bytes_t words(chain_t *c, unsigned a, unsigned b, unsigned d)
{
    const unsigned v[3] = { a, b, d };
    bc_wr_reset(&c->w);
    for (size_t i = 0; i < 3; i++) {
        uint8_t word[32] = { 0 };
        bc_store_be32(word + 28, v[i]);
        bc_wr_mem(&c->w, word, 32);
    }
    return bc_wr_view(&c->w);
}

static bc_bytes_t system_input(chain_t *c, bc_addr_t *to)
{
    static const struct {
        const char *key, *value;
    } rows[] = { { "tx_gas_limit", "3000001" }, { "tx_gas_limit", "2999999" }, { "bugfix_revert", "1" },
                 { "feature_sharding", "1" },   { "tx_count_limit", "100" },   { "nonsense", "1" } };
    char path[32];
    size_t r = rng(BC_ARRAY_LEN(rows));
    bc_abi_val_t set[] = { bc_abi_bytes(bc_cstr(rows[r].key)), bc_abi_bytes(bc_cstr(rows[r].value)) };
    int n = snprintf(path, sizeof(path), "/apps/d%u/e%u", rng(3), rng(3));
    bc_abi_val_t at = bc_abi_bytes(rng(3) ? bc_bytes(path, (size_t)n) : BC_STR("/apps"));
    bc_addr_t who = user();
    bc_abi_val_t add[] = { bc_abi_addr(&who), bc_abi_u64(rng(1000)) };
    switch (rng(7)) {
    case 0:
        *to = bc_addr_of(BC_SYS_CONFIG);
        return encode(c, "setValueByKey(string,string)", "(string,string)", set, 2);
    case 1:
        *to = bc_addr_of(BC_SYS_CONFIG);
        return encode(c, "getValueByKey(string)", "(string)", set, 1);
    case 2:
        *to = bc_addr_of(BC_SYS_BFS);
        return encode(c, "mkdir(string)", "(string)", &at, 1);
    case 3:
        *to = bc_addr_of(BC_SYS_BFS);
        return encode(c, "list(string)", "(string)", &at, 1);
    case 4:
        *to = bc_addr_of(BC_SYS_BALANCE);
        return encode(c, "registerCaller(address)", "(address)", add, 1);
    case 5:
        *to = bc_addr_of(BC_SYS_BALANCE);
        return encode(c, "unregisterCaller(address)", "(address)", add, 1);
    default:
        *to = bc_addr_of(BC_SYS_BALANCE);
        return encode(c, rng(2) ? "addBalance(address,uint256)" : "subBalance(address,uint256)",
                      "(address,uint256)", add, 2);
    }
}

/* Some call and its target; nested: behind proxies, some of which revert what it did. */
static bc_bytes_t random_call(chain_t *c, bc_addr_t *to)
{
    bc_bytes_t in;
    bc_addr_t who = user();
    switch (rng(6)) {
    case 0:
        *to = c->table;
        in = table_input(c);
        break;
    case 1:
        *to = c->kv;
        in = kv_input(c);
        break;
    case 2:
        in = system_input(c, to);
        break;
    case 3:
        *to = c->at[TOKEN];
        bc_abi_val_t v[] = { bc_abi_addr(&who), bc_abi_u64(rng(5)) };
        in = encode(c, "transfer(address,uint256)", "(address,uint256)", v, 2);
        break;
    default:
        *to = c->at[CELL_A + rng(2)];
        in = words(c, rng(12), rng(12), rng(6) == 0);
    }
    for (unsigned depth = rng(3) ? 0 : 1 + rng(3); depth > 0; depth--) {
        bc_wr_t outer = { 0 };
        bc_wr_mem(&outer, (const uint8_t[12]){ 0 }, 12);
        bc_wr_mem(&outer, to->b, 20);
        bc_wr_put(&outer, in);
        bc_wr_reset(&c->w);
        bc_wr_put(&c->w, bc_wr_view(&outer));
        bc_wr_free(&outer);
        in = bc_wr_view(&c->w);
        *to = c->at[rng(3) ? PROXY_A : UNDO_A];
    }
    return in;
}

static bc_bytes_t random_create(chain_t *c)
{
    static const char *const runtime[] = { CELL, PROXY, "fe", "" };
    bc_bytes_t code = fx_creation(runtime[rng(4)]);
    bc_wr_reset(&c->w);
    bc_wr_put(&c->w, code);
    free((void *)(uintptr_t)code.p);
    return bc_wr_view(&c->w);
}

static void add_tx(chain_t *c, const bc_addr_t *from, const bc_addr_t *to, bc_bytes_t input)
{
    fx_t *f = c->f;
    static const char *const values[] = { "", "0x1", "0x20", "0xffff" };
    bc_addr_text_t hex = { { 0 } };
    char nonce[24];
    snprintf(nonce, sizeof(nonce), "%u", rng(6));
    const char *value = rng(3) ? "" : values[rng(BC_ARRAY_LEN(values))];
    bc_tx_data_t d = { .version = (int32_t)(*value ? 1 + rng(2) : rng(3)), /* 0 has no value */
                       .nonce = bc_cstr(nonce),
                       .value = bc_cstr(value),
                       .input = input };
    if (to) {
        hex = bc_addr_text(to);
        d.to = bc_bytes(hex.s, 40);
    }
    bc_tx_t *tx = NULL;
    assert_int_equal(bc_tx_make(f->suite, &d, 0, BC_STR(""), NULL, &tx), BC_OK);
    tx->sender = *from;
    tx->sender_known = true;
    tx->w.type = rng(3) == 0;
    f->txs[f->tx_cnt++] = tx;
}

static void random_block(chain_t *c)
{
    size_t n = 1 + rng(TXS_MAX);
    bool wide = rng(3) == 0; /* mostly independent */
    while (c->f->tx_cnt < n) {
        bc_addr_t from = wide ? fx_addr(100 + rng(1000)) : user(), to = user();
        unsigned what = rng(10);
        if (wide && what < 7) {
            to = c->at[CELL_A];
            unsigned slot = 1000 + rng(1000);
            add_tx(c, &from, &to, words(c, slot, slot, 0));
        } else if (what == 0) {
            add_tx(c, &from, NULL, random_create(c));
        } else if (what == 1) {
            to = c->at[FACTORY_A + rng(2)];
            add_tx(c, &from, &to, random_create(c));
        } else if (what < 4) {
            add_tx(c, &from, &to, (bc_bytes_t){ 0 });
        } else {
            bc_bytes_t in = random_call(c, &to);
            add_tx(c, &from, &to, in);
        }
    }
}

/* --- comparing --- */

static void same_results(const bc_exec_result_t *a, const bc_exec_result_t *b)
{
    assert_int_equal(a->receipt_cnt, b->receipt_cnt);
    for (size_t i = 0; i < a->receipt_cnt; i++) {
        assert_true(bc_bytes_eq(a->receipt_raw[i], b->receipt_raw[i]));
        assert_true(bc_h256_eq(&a->receipt_hashes[i], &b->receipt_hashes[i]));
        assert_true(bc_bytes_eq(a->receipts[i].cumulative_gas_used, b->receipts[i].cumulative_gas_used));
        assert_int_equal(a->receipts[i].tx_index, i);
        assert_int_equal(b->receipts[i].tx_index, i);
    }
    assert_int_equal(a->changes->cnt, b->changes->cnt);
    for (size_t i = 0; i < a->changes->cnt; i++) {
        const bc_change_t *x = &a->changes->v[i], *y = &b->changes->v[i];
        assert_true(bc_bytes_eq(x->table, y->table) && bc_bytes_eq(x->key, y->key));
        assert_true(x->del == y->del && bc_bytes_eq(x->value, y->value));
    }
    assert_true(bc_h256_eq(&a->txs_root, &b->txs_root));
    assert_true(bc_h256_eq(&a->receipts_root, &b->receipts_root));
    assert_true(bc_h256_eq(&a->state_root, &b->state_root));
    assert_string_equal(a->gas_used, b->gas_used);
    assert_int_equal(a->sys_block, b->sys_block);
}

static const struct {
    size_t workers;
    bool always;
} variants[] = { { 2, true }, { 3, true }, { 4, false } };

static bc_executor_t *variant(bc_suite_t suite, size_t i)
{
    bc_executor_t *e = bc_executor_new(&(bc_executor_config_t){
        .suite = suite, .workers = variants[i].workers, .parallel_always = variants[i].always });
    assert_non_null(e);
    return e;
}

static bc_exec_block_t block_of(fx_t *f)
{
    return (bc_exec_block_t){ { &fx_ops, f }, f->number, 1700000000000, 0x03100000, f->txs, f->tx_cnt };
}

static void random_blocks(void **state)
{
    const char *env = getenv("CBCOS_PARALLEL_BLOCKS");
    int blocks = env ? atoi(env) : 3000;
    size_t by_status[64] = { 0 }, deleted = 0;
    (void)state;
    rng_state = 0x5eed5eed;
    for (int b = 0; b < blocks;) {
        chain_t c;
        bc_executor_t *e[BC_ARRAY_LEN(variants)];
        open_chain(&c, (unsigned)(b / CHAIN_BLOCKS));
        for (size_t i = 0; i < BC_ARRAY_LEN(e); i++)
            e[i] = variant(c.f->suite, i);
        for (int k = 0; k < CHAIN_BLOCKS && b < blocks; k++, b++) {
            bc_exec_result_t *res[BC_ARRAY_LEN(e)] = { 0 };
            random_block(&c);
            bc_exec_block_t in = block_of(c.f);
            for (size_t i = 0; i < BC_ARRAY_LEN(e); i++) {
                bc_executor_if x = bc_executor_local(e[i]);
                assert_int_equal(x.ops->execute(x.self, &in, &res[i]), BC_OK);
            }
            assert_int_equal(fx_run(c.f), BC_OK);
            for (size_t i = 0; i < BC_ARRAY_LEN(e); i++) {
                same_results(c.f->res, res[i]);
                bc_exec_result_free(res[i]);
            }
            for (size_t i = 0; i < c.f->res->receipt_cnt; i++)
                by_status[c.f->res->receipts[i].data.status & 63]++;
            for (size_t i = 0; i < c.f->res->changes->cnt; i++)
                deleted += c.f->res->changes->v[i].del;
        }
        for (size_t i = 0; i < BC_ARRAY_LEN(e); i++)
            bc_executor_free(e[i]);
        close_chain(&c);
    }
    /* the blocks were what they are meant to be */
    print_message("status 0: %zu, reverted: %zu, no cash: %zu, precompiled error: %zu; tombstones: %zu\n",
                  by_status[0], by_status[BC_TXS_REVERT], by_status[BC_TXS_NOT_ENOUGH_CASH],
                  by_status[BC_TXS_PRECOMPILED_ERROR], deleted);
    size_t n = (size_t)blocks;
    assert_true(by_status[0] > 4 * n && by_status[BC_TXS_REVERT] > n && by_status[BC_TXS_NOT_ENOUGH_CASH] > n / 8);
    assert_true(by_status[BC_TXS_PRECOMPILED_ERROR] > n / 8 && deleted > n / 10);
}

/* --- errors --- */

typedef struct {
    bc_view_if under;
    bc_bytes_t table; /* reads of it fail */
} bad_view_t;

static bc_err_t bad_get(void *self, bc_bytes_t table, bc_bytes_t key, bc_bytes_t *value, bc_arena_t *arena)
{
    bad_view_t *v = self;
    return bc_bytes_eq(table, v->table) ? BC_E_IO : v->under.ops->get(v->under.self, table, key, value, arena);
}

static bc_err_t bad_scan(void *self, bc_bytes_t table, bc_bytes_t from, bc_row_each_fn each, void *ctx)
{
    bad_view_t *v = self;
    return bc_bytes_eq(table, v->table) ? BC_E_IO : v->under.ops->scan(v->under.self, table, from, each, ctx);
}

static const bc_view_ops_t bad_ops = { bad_get, bad_scan };

/* The first error in the order of transactions is the block's, whatever ran ahead. */
static void errors_are_those_of_serial_order(void **state)
{
    chain_t c;
    uint8_t buf[64];
    (void)state;
    open_chain(&c, 0);
    rng_state = 77;
    for (int round = 0; round < 60; round++) {
        bc_addr_t a = fx_addr(3);
        bad_view_t bad = { { &fx_ops, c.f }, bc_exec_account_table(&a, false, buf) };
        random_block(&c);
        while (c.f->tx_cnt < TXS_MAX)
            random_block(&c);
        c.f->txs[rng(TXS_MAX)]->w.data.version = 3;
        bc_exec_block_t in = block_of(c.f);
        if (round % 2)
            in.parent = (bc_view_if){ &bad_ops, &bad };
        bc_exec_result_t *res = NULL;
        bc_err_t want = c.f->exec.ops->execute(c.f->exec.self, &in, &res);
        assert_true(want == BC_E_IO || want == BC_E_UNSUPPORTED);
        for (size_t i = 0; i < BC_ARRAY_LEN(variants); i++) {
            bc_executor_t *e = variant(c.f->suite, i);
            bc_executor_if x = bc_executor_local(e);
            assert_int_equal(x.ops->execute(x.self, &in, &res), want);
            bc_executor_free(e);
        }
        while (c.f->tx_cnt)
            bc_tx_unref(c.f->txs[--c.f->tx_cnt]);
    }
    close_chain(&c);
}

/* --- several blocks at once: one has the helpers, the others are run serially --- */

typedef struct {
    bc_executor_if x;
    bc_exec_block_t in;
    const bc_exec_result_t *want;
    bool ok;
} caller_t;

static void *caller_main(void *arg)
{
    caller_t *c = arg;
    c->ok = true;
    for (int i = 0; i < 12; i++) {
        bc_exec_result_t *res = NULL;
        c->ok = c->ok && c->x.ops->execute(c->x.self, &c->in, &res) == BC_OK &&
                bc_h256_eq(&res->state_root, &c->want->state_root) &&
                bc_h256_eq(&res->receipts_root, &c->want->receipts_root);
        bc_exec_result_free(res);
    }
    return NULL;
}

static void several_blocks_at_once(void **state)
{
    chain_t c;
    caller_t callers[3];
    pthread_t t[3];
    bc_exec_result_t *want = NULL;
    (void)state;
    open_chain(&c, 0);
    rng_state = 4711;
    while (c.f->tx_cnt < TXS_MAX)
        random_block(&c);
    bc_exec_block_t in = block_of(c.f);
    assert_int_equal(c.f->exec.ops->execute(c.f->exec.self, &in, &want), BC_OK);
    bc_executor_t *e = variant(c.f->suite, 1);
    for (size_t i = 0; i < 3; i++) {
        callers[i] = (caller_t){ bc_executor_local(e), in, want, false };
        assert_int_equal(pthread_create(&t[i], NULL, caller_main, &callers[i]), 0);
    }
    for (size_t i = 0; i < 3; i++) {
        pthread_join(t[i], NULL);
        assert_true(callers[i].ok);
    }
    bc_executor_free(e);
    bc_exec_result_free(want);
    while (c.f->tx_cnt)
        bc_tx_unref(c.f->txs[--c.f->tx_cnt]);
    close_chain(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_blocks),
        cmocka_unit_test(errors_are_those_of_serial_order),
        cmocka_unit_test(several_blocks_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
