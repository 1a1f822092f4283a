#include "world.h"
#include <stdio.h>
#include <stdlib.h>
#include "codec/rlp.h"
#include "mpt.h"
#include "point_evaluation.h"

static bc_bytes_t account_key(const void *item)
{
    return BC_VIEW(((const account_t *)item)->addr);
}

static bc_bytes_t slot_key(const void *item)
{
    return BC_VIEW(((const slot_t *)item)->key);
}

void world_init(world_t *w, bc_evm_t *evm)
{
    memset(w, 0, sizeof *w);
    bc_arena_init(&w->arena, 0);
    bc_map_init(&w->accounts, account_key);
    w->evm = evm;
}

void world_free(world_t *w)
{
    account_t *a;
    for (size_t i = 0; (a = bc_map_next(&w->accounts, &i));)
        bc_map_free(&a->slots);
    bc_map_free(&w->accounts);
    bc_arena_free(&w->arena);
    free(w->undo);
    free(w->logs);
    for (size_t i = 0; i < BC_ARRAY_LEN(w->scratch); i++)
        bc_wr_free(&w->scratch[i]);
}

static void *must_alloc(world_t *w, size_t n)
{
    void *p = bc_arena_alloc(&w->arena, n ? n : 1);
    BC_MUST(p != NULL);
    return p;
}

static bc_bytes_t keep(world_t *w, bc_bytes_t v)
{
    uint8_t *p = must_alloc(w, v.n);
    if (v.n)
        memcpy(p, v.p, v.n);
    return bc_bytes(p, v.n);
}

account_t *world_account(world_t *w, const bc_addr_t *addr)
{
    account_t *a = bc_map_find(&w->accounts, BC_VIEW(*addr));
    if (a)
        return a;
    a = must_alloc(w, sizeof *a);
    a->addr = *addr;
    bc_map_init(&a->slots, slot_key);
    bc_keccak256((bc_bytes_t){ 0 }, &a->s.code_hash);
    BC_MUST(bc_map_insert(&w->accounts, a) == BC_OK);
    return a;
}

slot_t *world_slot(world_t *w, account_t *a, const bc_h256_t *key)
{
    slot_t *s = bc_map_find(&a->slots, BC_VIEW(*key));
    if (s)
        return s;
    s = must_alloc(w, sizeof *s);
    s->key = *key;
    BC_MUST(bc_map_insert(&a->slots, s) == BC_OK);
    return s;
}

void world_set_code(world_t *w, account_t *a, bc_bytes_t code)
{
    a->s.code = keep(w, code);
    bc_keccak256(code, &a->s.code_hash);
}

bool world_is_empty(const account_t *a)
{
    return a->s.nonce == 0 && bc_u256_is_zero(&a->s.balance) && a->s.code.n == 0;
}

/* ---- journal ---- */

static undo_t *undo_push(world_t *w)
{
    if (w->undo_cnt == w->undo_cap) {
        w->undo_cap = w->undo_cap ? w->undo_cap * 2 : 64;
        w->undo = bc_xrealloc(w->undo, w->undo_cap * sizeof *w->undo);
    }
    return &w->undo[w->undo_cnt++];
}

void world_save(world_t *w, account_t *a)
{
    undo_t *u = undo_push(w);
    u->account = a;
    u->slot = NULL;
    u->old.scalars = a->s;
}

static void save_slot(world_t *w, slot_t *s)
{
    undo_t *u = undo_push(w);
    u->account = NULL;
    u->slot = s;
    u->old.slot = *s;
}

snapshot_t world_snapshot(const world_t *w)
{
    return (snapshot_t){ w->undo_cnt, w->log_cnt };
}

/* Contract 3 stays touched when what touched it fails: an error of two clients that the chain has
 * kept (EIP-716). */
static bool is_ripemd(const bc_addr_t *a)
{
    static const bc_addr_t ripemd = { { [19] = 3 } };
    return memcmp(a->b, ripemd.b, sizeof ripemd.b) == 0;
}

void world_revert(world_t *w, snapshot_t s)
{
    while (w->undo_cnt > s.undo) {
        undo_t *u = &w->undo[--w->undo_cnt];
        if (u->slot) {
            *u->slot = u->old.slot;
        } else {
            bool stays = u->account->s.touched && is_ripemd(&u->account->addr);
            u->account->s = u->old.scalars;
            u->account->s.touched |= stays;
        }
    }
    w->log_cnt = s.logs;
}

/* ---- host ---- */

static bool host_account_exists(void *ctx, const bc_addr_t *addr)
{
    world_t *w = ctx;
    account_t *a = world_account(w, addr);
    return a->s.exists && (w->rules.rev < BC_EVM_SPURIOUS || !world_is_empty(a)); /* EIP-161 */
}

static void host_get_storage(void *ctx, const bc_addr_t *addr, const bc_h256_t *key, bc_h256_t *value)
{
    *value = world_slot(ctx, world_account(ctx, addr), key)->value;
}

static bc_evm_storage_t storage_status(const bc_h256_t *original, const bc_h256_t *current,
                                       const bc_h256_t *value)
{
    bool dirty = !bc_h256_eq(original, current), restored = bc_h256_eq(original, value);
    bool was_zero = bc_h256_is_zero(current), is_zero = bc_h256_is_zero(value);
    if (bc_h256_eq(current, value))
        return BC_EVM_STORAGE_ASSIGNED;
    if (!dirty)
        return was_zero  ? BC_EVM_STORAGE_ADDED
               : is_zero ? BC_EVM_STORAGE_DELETED
                         : BC_EVM_STORAGE_MODIFIED;
    if (!restored)
        return was_zero  ? BC_EVM_STORAGE_DELETED_ADDED
               : is_zero ? BC_EVM_STORAGE_MODIFIED_DELETED
                         : BC_EVM_STORAGE_ASSIGNED;
    return was_zero  ? BC_EVM_STORAGE_DELETED_RESTORED
           : is_zero ? BC_EVM_STORAGE_ADDED_DELETED
                     : BC_EVM_STORAGE_MODIFIED_RESTORED;
}

static bc_evm_storage_t host_set_storage(void *ctx, const bc_addr_t *addr, const bc_h256_t *key,
                                         const bc_h256_t *value)
{
    world_t *w = ctx;
    slot_t *s = world_slot(w, world_account(w, addr), key);
    bc_evm_storage_t status = storage_status(&s->original, &s->value, value);
    if (!bc_h256_eq(&s->value, value)) {
        save_slot(w, s);
        s->value = *value;
    }
    return status;
}

static void host_get_transient(void *ctx, const bc_addr_t *addr, const bc_h256_t *key,
                               bc_h256_t *value)
{
    *value = world_slot(ctx, world_account(ctx, addr), key)->transient;
}

static void host_set_transient(void *ctx, const bc_addr_t *addr, const bc_h256_t *key,
                               const bc_h256_t *value)
{
    slot_t *s = world_slot(ctx, world_account(ctx, addr), key);
    save_slot(ctx, s);
    s->transient = *value;
}

static void host_get_balance(void *ctx, const bc_addr_t *addr, bc_u256_t *out)
{
    *out = world_account(ctx, addr)->s.balance;
}

static size_t host_get_code_size(void *ctx, const bc_addr_t *addr)
{
    return world_account(ctx, addr)->s.code.n;
}

static void host_get_code_hash(void *ctx, const bc_addr_t *addr, bc_h256_t *out)
{
    account_t *a = world_account(ctx, addr);
    if (host_account_exists(ctx, addr))
        *out = a->s.code_hash;
    else
        memset(out, 0, sizeof *out);
}

static size_t host_copy_code(void *ctx, const bc_addr_t *addr, size_t offset, uint8_t *out, size_t n)
{
    bc_bytes_t code = world_account(ctx, addr)->s.code;
    if (offset >= code.n)
        return 0;
    n = BC_MIN(n, code.n - offset);
    memcpy(out, code.p + offset, n);
    return n;
}

static void touch(world_t *w, account_t *a)
{
    world_save(w, a);
    a->s.exists = true;
    a->s.touched = true;
}

static void move_value(world_t *w, account_t *from, account_t *to, const bc_u256_t *value)
{
    world_save(w, from);
    from->s.balance = bc_u256_sub(&from->s.balance, value);
    touch(w, to);
    to->s.balance = bc_u256_add(&to->s.balance, value);
}

/* EIP-6780: only an account made in this transaction goes. */
static bool host_selfdestruct(void *ctx, const bc_addr_t *addr, const bc_addr_t *heir)
{
    world_t *w = ctx;
    account_t *a = world_account(w, addr), *h = world_account(w, heir);
    bc_u256_t all = a->s.balance;
    move_value(w, a, h, &all);
    if (w->rules.rev >= BC_EVM_CANCUN && !a->s.created)
        return false;
    bool first = !a->s.destructed;
    world_save(w, a);
    a->s.balance = bc_u256(0); /* heir of itself: burnt */
    a->s.destructed = true;
    return first;
}

static void host_emit_log(void *ctx, const bc_addr_t *addr, bc_bytes_t data, const bc_h256_t *topics,
                          size_t topic_cnt)
{
    world_t *w = ctx;
    if (w->log_cnt == w->log_cap) {
        w->log_cap = w->log_cap ? w->log_cap * 2 : 16;
        w->logs = bc_xrealloc(w->logs, w->log_cap * sizeof *w->logs);
    }
    log_t *l = &w->logs[w->log_cnt++];
    l->addr = *addr;
    l->data = keep(w, data);
    l->topic_cnt = topic_cnt;
    memcpy(l->topics, topics, topic_cnt * sizeof *topics);
}

static void host_get_block_hash(void *ctx, int64_t number, bc_h256_t *out)
{
    (void)ctx; /* the suite's convention: the hash of the number as decimal text */
    char text[24];
    int n = snprintf(text, sizeof text, "%lld", (long long)number);
    bc_keccak256(bc_bytes(text, (size_t)n), out);
}

static bool host_access_account(void *ctx, const bc_addr_t *addr)
{
    account_t *a = world_account(ctx, addr);
    bool warm = a->s.warm;
    if (!warm) {
        world_save(ctx, a);
        a->s.warm = true;
    }
    return warm;
}

static bool host_access_storage(void *ctx, const bc_addr_t *addr, const bc_h256_t *key)
{
    slot_t *s = world_slot(ctx, world_account(ctx, addr), key);
    bool warm = s->warm;
    if (!warm) {
        save_slot(ctx, s);
        s->warm = true;
    }
    return warm;
}

/* A message that runs code. */
typedef struct {
    snapshot_t snap;
    account_t *created; /* NULL: a call */
    bc_evm_code_t *code;
} running_t;

static bool message_begin(world_t *w, running_t *r, bc_evm_msg_t *msg, bc_evm_result_t *out);
static void message_end(world_t *w, running_t *r, bc_evm_result_t *out);

static bool host_begin(void *ctx, void *slot, bc_evm_msg_t *msg, bc_evm_begun_t *begun, bc_evm_result_t *out)
{
    running_t *r = slot;
    if (!message_begin(ctx, r, msg, out))
        return false;
    *begun = (bc_evm_begun_t){ r->code, ctx };
    return true;
}

static void host_end(void *ctx, void *slot, bc_evm_result_t *res)
{
    message_end(ctx, slot, res);
}

static const bc_evm_host_t world_host = {
    .account_exists = host_account_exists,
    .get_storage = host_get_storage,
    .set_storage = host_set_storage,
    .get_transient = host_get_transient,
    .set_transient = host_set_transient,
    .get_balance = host_get_balance,
    .get_code_size = host_get_code_size,
    .get_code_hash = host_get_code_hash,
    .copy_code = host_copy_code,
    .selfdestruct = host_selfdestruct,
    .emit_log = host_emit_log,
    .get_block_hash = host_get_block_hash,
    .access_account = host_access_account,
    .access_storage = host_access_storage,
    .begin = host_begin,
    .end = host_end,
    .slot_bytes = sizeof(running_t),
};

/* ---- messages ---- */

static bc_evm_code_t *analysed(const world_t *w, bc_bytes_t bytes)
{
    bc_evm_code_t *code = bc_evm_code_new(bytes, w->rules.rev);
    BC_MUST(code != NULL);
    return code;
}

static unsigned precompile_number(const bc_addr_t *a)
{
    static const uint8_t zeros[19];
    return memcmp(a->b, zeros, 19) == 0 ? a->b[19] : 0;
}

static bool run_precompile(world_t *w, const bc_evm_msg_t *msg, bc_evm_result_t *out)
{
    unsigned n = precompile_number(&msg->code_address);
    bc_evm_pre_t res;
    bc_wr_t *to = &w->scratch[w->scratch_next++ % BC_ARRAY_LEN(w->scratch)];
    bc_wr_reset(to);
    if (n == 10 && w->rules.rev >= BC_EVM_CANCUN) {
        uint8_t answer[64];
        res = (bc_evm_pre_t){ .gas_cost = POINT_EVALUATION_GAS };
        res.ok = res.gas_cost <= msg->gas && point_evaluation(msg->input, answer);
        bc_wr_mem(to, answer, res.ok ? sizeof answer : 0);
    } else if (n == 0 || !bc_evm_precompile(n, &w->rules, msg->input, msg->gas, to, &res)) {
        return false;
    }
    *out = (bc_evm_result_t){ .status = BC_EVM_PRECOMPILE_FAILURE };
    if (res.gas_cost > msg->gas) {
        out->status = BC_EVM_OUT_OF_GAS;
    } else if (res.ok) {
        out->status = BC_EVM_OK;
        out->gas_left = msg->gas - res.gas_cost;
        out->output = bc_wr_view(to);
    }
    return true;
}

static bool begin_call(world_t *w, running_t *r, const bc_evm_msg_t *msg, bc_evm_result_t *out)
{
    r->snap = world_snapshot(w);
    r->created = NULL;
    account_t *to = world_account(w, &msg->recipient);
    if (msg->kind == BC_EVM_CALL) {
        if (bc_u256_is_zero(&msg->value))
            touch(w, to);
        else
            move_value(w, world_account(w, &msg->sender), to, &msg->value);
    }
    if (!run_precompile(w, msg, out)) {
        bc_bytes_t code = world_account(w, &msg->code_address)->s.code;
        if (code.n) {
            r->code = analysed(w, code);
            return true;
        }
        *out = (bc_evm_result_t){ .status = BC_EVM_OK, .gas_left = msg->gas };
    }
    if (out->status != BC_EVM_OK)
        world_revert(w, r->snap);
    return false;
}

static void created_address(const world_t *w, const bc_evm_msg_t *msg, uint64_t nonce, bc_addr_t *out)
{
    (void)w;
    bc_h256_t h;
    bc_wr_t b = { 0 };
    if (msg->kind == BC_EVM_CREATE) {
        bc_rlp_put_bytes(&b, BC_VIEW(msg->sender));
        bc_rlp_put_u64(&b, nonce);
        bc_rlp_wrap_list(&b, 0);
    } else {
        uint8_t salt[32];
        bc_h256_t init;
        bc_u256_to_be(&msg->salt, salt);
        bc_keccak256(msg->input, &init);
        bc_wr_u8(&b, 0xff);
        bc_wr_put(&b, BC_VIEW(msg->sender));
        bc_wr_mem(&b, salt, 32);
        bc_wr_put(&b, BC_VIEW(init));
    }
    BC_MUST(b.err == BC_OK);
    bc_keccak256(bc_wr_view(&b), &h);
    bc_wr_free(&b);
    memcpy(out->b, h.b + 12, 20);
}

static bool has_storage(const account_t *a)
{
    slot_t *s;
    for (size_t i = 0; (s = bc_map_next(&a->slots, &i));)
        if (!bc_h256_is_zero(&s->original))
            return true;
    return false;
}

/* Checks and pays for the code that init code returned. */
static void deposit(world_t *w, account_t *a, bc_evm_result_t *out)
{
    bc_bytes_t code = out->output;
    int64_t cost = 200 * (int64_t)code.n;
    bc_evm_rev_t rev = w->rules.rev;
    if (cost > out->gas_left && rev == BC_EVM_FRONTIER) { /* what cannot be paid is left out */
        code.n = 0;
        cost = 0;
    }
    if ((rev >= BC_EVM_SPURIOUS && code.n > 24576) || cost > out->gas_left)
        out->status = BC_EVM_OUT_OF_GAS; /* EIP-170 */
    else if (rev >= BC_EVM_LONDON && code.n && code.p[0] == 0xef)
        out->status = BC_EVM_INTERNAL; /* EIP-3541 */
    if (out->status != BC_EVM_OK) {
        out->gas_left = 0;
    } else {
        out->gas_left -= cost;
        world_save(w, a);
        world_set_code(w, a, code);
        out->created = a->addr;
    }
    out->output = (bc_bytes_t){ 0 };
}

static bool begin_create(world_t *w, running_t *r, bc_evm_msg_t *msg, bc_evm_result_t *out)
{
    account_t *from = world_account(w, &msg->sender);
    uint64_t nonce = from->s.nonce;
    *out = (bc_evm_result_t){ .status = BC_EVM_INTERNAL, .gas_left = msg->gas };
    if (msg->depth == 0) {
        nonce--;
    } else {
        if (nonce == UINT64_MAX)
            return false;
        world_save(w, from);
        from->s.nonce++;
    }
    created_address(w, msg, nonce, &msg->recipient);
    msg->code_address = msg->recipient;
    host_access_account(w, &msg->recipient); /* stays warm when creation fails */
    account_t *a = world_account(w, &msg->recipient);
    if (a->s.nonce || a->s.code.n || has_storage(a)) { /* EIP-684, EIP-7610 */
        out->gas_left = 0;
        return false;
    }
    r->snap = world_snapshot(w);
    r->created = a;
    world_save(w, a);
    a->s.exists = a->s.created = true;
    a->s.nonce = w->rules.rev >= BC_EVM_SPURIOUS; /* EIP-161 */
    move_value(w, from, a, &msg->value);
    r->code = analysed(w, msg->input);
    msg->input = (bc_bytes_t){ 0 };
    return true;
}

/* False: *out is the result. Else r->code is to run, and message_end follows. */
static bool message_begin(world_t *w, running_t *r, bc_evm_msg_t *msg, bc_evm_result_t *out)
{
    if (msg->kind == BC_EVM_CREATE || msg->kind == BC_EVM_CREATE2)
        return begin_create(w, r, msg, out);
    return begin_call(w, r, msg, out);
}

static void message_end(world_t *w, running_t *r, bc_evm_result_t *out)
{
    bc_evm_code_unref(r->code);
    if (r->created && out->status == BC_EVM_OK)
        deposit(w, r->created, out);
    if (out->status != BC_EVM_OK)
        world_revert(w, r->snap);
}

void world_message(world_t *w, const bc_evm_msg_t *msg, bc_evm_result_t *out)
{
    bc_evm_msg_t m = *msg;
    running_t r;
    if (!message_begin(w, &r, &m, out))
        return;
    bc_evm_run(w->evm, &w->rules, &world_host, w, &w->env, &m, r.code, out);
    message_end(w, &r, out);
}

/* ---- results ---- */

void world_finish(world_t *w)
{
    account_t *a;
    for (size_t i = 0; (a = bc_map_next(&w->accounts, &i));) {
        if (a->s.destructed ||
            (w->rules.rev >= BC_EVM_SPURIOUS && a->s.touched && world_is_empty(a))) {
            a->s = (scalars_t){ 0 };
            world_set_code(w, a, (bc_bytes_t){ 0 });
            bc_map_clear(&a->slots);
        }
    }
}

void world_reward(world_t *w)
{
    if (w->rules.rev < BC_EVM_SPURIOUS)
        world_account(w, &w->env.coinbase)->s.exists = true;
}

static void storage_root(const account_t *a, bc_h256_t *root)
{
    mpt_item_t *items = bc_xcalloc(a->slots.cnt, sizeof *items);
    size_t n = 0;
    slot_t *s;
    for (size_t i = 0; (s = bc_map_next(&a->slots, &i));) {
        if (bc_h256_is_zero(&s->value))
            continue;
        bc_wr_t w = { 0 };
        bc_u256_t v = bc_u256_from_be(s->value.b);
        bc_rlp_put_u256(&w, &v);
        bc_keccak256(BC_VIEW(s->key), &items[n].key);
        items[n++].value = bc_buf_copy(bc_wr_view(&w));
        bc_wr_free(&w);
    }
    mpt_root(items, n, root);
    for (size_t i = 0; i < n; i++)
        bc_buf_unref(items[i].value);
    free(items);
}

void world_state_root(world_t *w, bc_h256_t *root)
{
    mpt_item_t *items = bc_xcalloc(w->accounts.cnt, sizeof *items);
    size_t n = 0;
    account_t *a;
    for (size_t i = 0; (a = bc_map_next(&w->accounts, &i));) {
        if (!a->s.exists)
            continue;
        bc_h256_t storage;
        storage_root(a, &storage);
        bc_wr_t b = { 0 };
        bc_rlp_put_u64(&b, a->s.nonce);
        bc_rlp_put_u256(&b, &a->s.balance);
        bc_rlp_put_bytes(&b, BC_VIEW(storage));
        bc_rlp_put_bytes(&b, BC_VIEW(a->s.code_hash));
        bc_rlp_wrap_list(&b, 0);
        bc_keccak256(BC_VIEW(a->addr), &items[n].key);
        items[n++].value = bc_buf_copy(bc_wr_view(&b));
        bc_wr_free(&b);
    }
    mpt_root(items, n, root);
    for (size_t i = 0; i < n; i++)
        bc_buf_unref(items[i].value);
    free(items);
}

void world_logs_hash(const world_t *w, bc_h256_t *hash)
{
    bc_wr_t b = { 0 };
    for (size_t i = 0; i < w->log_cnt; i++) {
        const log_t *l = &w->logs[i];
        size_t from = b.n;
        bc_rlp_put_bytes(&b, BC_VIEW(l->addr));
        size_t topics = b.n;
        for (size_t k = 0; k < l->topic_cnt; k++)
            bc_rlp_put_bytes(&b, BC_VIEW(l->topics[k]));
        bc_rlp_wrap_list(&b, topics);
        bc_rlp_put_bytes(&b, l->data);
        bc_rlp_wrap_list(&b, from);
    }
    bc_rlp_wrap_list(&b, 0);
    BC_MUST(b.err == BC_OK);
    bc_keccak256(bc_wr_view(&b), hash);
    bc_wr_free(&b);
}
