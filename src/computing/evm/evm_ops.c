/* Instructions off the hot path: state access, environment, copies, logs. The order of checks and
 * of host calls inside each is evmone's, since a host sees it (access lists) and a status shows
 * it. Statuses are preset to out of gas: only other failures are named. */
#include "computing/evm/evm_frame.h"
#include "computing/evm/evm_opcodes.h"

#define COLD_ACCOUNT_EXTRA 2500 /* EIP-2929: 2600 less the 100 of the static price */
#define COLD_SLOAD_EXTRA 2000
#define COLD_SLOAD 2100

static bool cold_account(const evm_frame_t *f, const bc_addr_t *a)
{
    return f->rules->rev >= BC_EVM_BERLIN && !f->host->access_account(f->ctx, a);
}

/* Hash of the two words at p, from the table or into it. */
static const bc_h256_t *hash_pair(bc_evm_t *evm, bc_suite_t suite, const uint8_t *p)
{
    uint64_t w[8], differs = 0;
    for (int i = 0; i < 8; i++)
        memcpy(&w[i], p + 8 * i, 8);
    uint64_t mixed = (w[3] ^ w[4] ^ w[7] << 1 ^ w[1] << 2) * 0x9e3779b97f4a7c15;
    evm_pair_t *pair = &evm->pairs[mixed >> 32 & (EVM_PAIRS - 1)];
    for (int i = 0; i < 8; i++)
        differs |= w[i] ^ pair->words[i];
    if (BC_UNLIKELY(differs || !pair->used || pair->suite != suite)) {
        memcpy(pair->words, w, sizeof w);
        bc_hash(suite, bc_bytes(p, sizeof w), &pair->hash);
        pair->suite = suite;
        pair->used = true;
    }
    return &pair->hash;
}

int64_t evm_op_keccak(evm_frame_t *f, bc_u256_t *top, int64_t gas)
{
    bc_u256_t *off = top - 1, *size = top - 2;
    gas = evm_mem_need(f, off, size, gas);
    if (gas < 0)
        return gas;
    gas -= 6 * evm_words(size->w[0]);
    if (gas < 0)
        return gas;
    size_t n = (size_t)size->w[0];
    if (n == 64) {
        *size = bc_u256_from_be(hash_pair(f->evm, f->rules->suite, f->mem + off->w[0])->b);
        return gas;
    }
    bc_h256_t h;
    bc_hash(f->rules->suite, bc_bytes(n ? f->mem + off->w[0] : f->mem, n), &h);
    *size = bc_u256_from_be(h.b);
    return gas;
}

int64_t evm_op_account(evm_frame_t *f, bc_u256_t *top, int64_t gas, int op)
{
    bc_addr_t a = bc_u256_to_addr(top - 1);
    if (cold_account(f, &a) && (gas -= COLD_ACCOUNT_EXTRA) < 0)
        return gas;
    bc_h256_t h;
    switch (op) {
    case OP_BALANCE:
        f->host->get_balance(f->ctx, &a, top - 1);
        break;
    case OP_EXTCODESIZE:
        top[-1] = bc_u256(f->host->get_code_size(f->ctx, &a));
        break;
    default:
        f->host->get_code_hash(f->ctx, &a, &h);
        top[-1] = bc_u256_from_be(h.b);
    }
    return gas;
}

/* Copies v[off..] to memory, zeros beyond its end. */
static void copy_padded(uint8_t *dst, size_t n, bc_bytes_t v, const bc_u256_t *off)
{
    size_t have = 0;
    if (bc_u256_is_u64(off) && off->w[0] < v.n)
        have = BC_MIN(n, v.n - (size_t)off->w[0]);
    if (have)
        memcpy(dst, v.p + off->w[0], have);
    if (n > have)
        memset(dst + have, 0, n - have);
}

/* CALLDATACOPY, CODECOPY, RETURNDATACOPY: memory offset, source offset, size */
int64_t evm_op_copy(evm_frame_t *f, bc_u256_t *top, int64_t gas, int op)
{
    bc_u256_t *dst = top - 1, *src = top - 2, *size = top - 3;
    gas = evm_mem_need(f, dst, size, gas);
    if (gas < 0)
        return gas;
    uint64_t n = size->w[0];
    bc_bytes_t v = f->msg->input;
    if (op == OP_CODECOPY)
        v = bc_evm_code_bytes(f->code);
    if (op == OP_RETURNDATACOPY) {
        v = bc_wr_view(&f->evm->ret);
        if (!bc_u256_is_u64(src) || src->w[0] > v.n || n > v.n - src->w[0])
            return evm_fail(f, BC_EVM_BAD_RETURNDATA);
    }
    gas -= 3 * evm_words(n);
    if (gas >= 0 && n)
        copy_padded(f->mem + dst->w[0], (size_t)n, v, src);
    return gas;
}

int64_t evm_op_extcodecopy(evm_frame_t *f, bc_u256_t *top, int64_t gas)
{
    bc_addr_t a = bc_u256_to_addr(top - 1);
    bc_u256_t *dst = top - 2, *src = top - 3, *size = top - 4;
    gas = evm_mem_need(f, dst, size, gas);
    if (gas < 0)
        return gas;
    gas -= 3 * evm_words(size->w[0]);
    if (gas < 0)
        return gas;
    if (cold_account(f, &a) && (gas -= COLD_ACCOUNT_EXTRA) < 0)
        return gas;
    size_t n = (size_t)size->w[0];
    if (n) {
        uint8_t *to = f->mem + dst->w[0];
        size_t off = bc_u256_is_u64(src) ? (size_t)BC_MIN(src->w[0], EVM_BUFFER_MAX) : EVM_BUFFER_MAX;
        size_t have = f->host->copy_code(f->ctx, &a, off, to, n);
        if (have < n)
            memset(to + have, 0, n - have);
    }
    return gas;
}

int64_t evm_op_mcopy(evm_frame_t *f, bc_u256_t *top, int64_t gas)
{
    bc_u256_t *dst = top - 1, *src = top - 2, *size = top - 3;
    gas = evm_mem_need(f, bc_u256_lt(src, dst) ? dst : src, size, gas);
    if (gas < 0)
        return gas;
    gas -= 3 * evm_words(size->w[0]);
    if (gas >= 0 && size->w[0])
        memmove(f->mem + dst->w[0], f->mem + src->w[0], (size_t)size->w[0]);
    return gas;
}

void evm_op_calldataload(evm_frame_t *f, bc_u256_t *top)
{
    uint8_t word[32];
    copy_padded(word, sizeof word, f->msg->input, top - 1);
    top[-1] = bc_u256_from_be(word);
}

void evm_op_environment(evm_frame_t *f, bc_u256_t *out, int op)
{
    const bc_evm_env_t *env = f->env;
    switch (op) {
    case OP_ADDRESS:
        *out = bc_u256_from_addr(&f->msg->recipient);
        break;
    case OP_ORIGIN:
        *out = bc_u256_from_addr(&env->origin);
        break;
    case OP_CALLER:
        *out = bc_u256_from_addr(&f->msg->sender);
        break;
    case OP_GASPRICE:
        *out = env->gas_price;
        break;
    case OP_COINBASE:
        *out = bc_u256_from_addr(&env->coinbase);
        break;
    case OP_TIMESTAMP:
        *out = bc_u256(env->timestamp);
        break;
    case OP_NUMBER:
        *out = bc_u256((uint64_t)env->number);
        break;
    case OP_PREVRANDAO:
        *out = env->prev_randao;
        break;
    case OP_GASLIMIT:
        *out = bc_u256((uint64_t)env->gas_limit);
        break;
    case OP_CHAINID:
        *out = env->chain_id;
        break;
    case OP_SELFBALANCE:
        f->host->get_balance(f->ctx, &f->msg->recipient, out);
        break;
    case OP_BASEFEE:
        *out = env->base_fee;
        break;
    case OP_BLOBBASEFEE:
        *out = env->blob_base_fee;
        break;
    case OP_BLOBHASH: /* out is the index too */
        if (bc_u256_is_u64(out) && out->w[0] < env->blob_hash_cnt)
            *out = bc_u256_from_be(env->blob_hashes[out->w[0]].b);
        else
            *out = bc_u256(0);
        break;
    default:
        BC_MUST(false);
    }
}

void evm_op_blockhash(evm_frame_t *f, bc_u256_t *top)
{
    bc_u256_t n = top[-1];
    int64_t upper = f->env->number, lower = BC_MAX(upper - 256, 0);
    top[-1] = bc_u256(0);
    if (!bc_u256_is_u64(&n) || n.w[0] > INT64_MAX)
        return;
    int64_t number = (int64_t)n.w[0];
    if (number < lower || number >= upper)
        return;
    bc_h256_t h;
    f->host->get_block_hash(f->ctx, number, &h);
    top[-1] = bc_u256_from_be(h.b);
}

int64_t evm_op_sload(evm_frame_t *f, bc_u256_t *top, int64_t gas)
{
    bc_h256_t key, value;
    bc_u256_to_be(top - 1, key.b);
    const bc_addr_t *self = &f->msg->recipient;
    if (f->rules->rev >= BC_EVM_BERLIN && !f->host->access_storage(f->ctx, self, &key) &&
        (gas -= COLD_SLOAD_EXTRA) < 0)
        return gas;
    f->host->get_storage(f->ctx, self, &key, &value);
    top[-1] = bc_u256_from_be(value.b);
    return gas;
}

/* EIP-1283, 2200, 2929, 3529: price and refund of each of EVMC's nine cases. */
static int64_t storage_price(bc_evm_rev_t rev, bc_evm_storage_t s, int64_t *refund)
{
    bool net = rev == BC_EVM_CONSTANTINOPLE || rev >= BC_EVM_ISTANBUL;
    const int64_t set = 20000, clear = rev >= BC_EVM_LONDON ? 4800 : 15000;
    int64_t reset = rev >= BC_EVM_BERLIN ? 5000 - COLD_SLOAD : 5000;
    int64_t warm = rev >= BC_EVM_BERLIN ? 100 : rev >= BC_EVM_ISTANBUL ? 800 : 200;
    *refund = 0;
    if (!net) {
        if (s == BC_EVM_STORAGE_ADDED || s == BC_EVM_STORAGE_DELETED_ADDED ||
            s == BC_EVM_STORAGE_DELETED_RESTORED)
            return set;
        if (s == BC_EVM_STORAGE_DELETED || s == BC_EVM_STORAGE_MODIFIED_DELETED ||
            s == BC_EVM_STORAGE_ADDED_DELETED)
            *refund = clear;
        return reset;
    }
    switch (s) {
    case BC_EVM_STORAGE_ADDED:
        return set;
    case BC_EVM_STORAGE_DELETED:
        *refund = clear;
        return reset;
    case BC_EVM_STORAGE_MODIFIED:
        return reset;
    case BC_EVM_STORAGE_DELETED_ADDED:
        *refund = -clear;
        break;
    case BC_EVM_STORAGE_MODIFIED_DELETED:
        *refund = clear;
        break;
    case BC_EVM_STORAGE_DELETED_RESTORED:
        *refund = reset - warm - clear;
        break;
    case BC_EVM_STORAGE_ADDED_DELETED:
        *refund = set - warm;
        break;
    case BC_EVM_STORAGE_MODIFIED_RESTORED:
        *refund = reset - warm;
        break;
    case BC_EVM_STORAGE_ASSIGNED:
        break;
    }
    return warm;
}

int64_t evm_op_sstore(evm_frame_t *f, bc_u256_t *top, int64_t gas)
{
    bc_evm_rev_t rev = f->rules->rev;
    if (f->msg->is_static)
        return evm_fail(f, BC_EVM_STATIC_VIOLATION);
    if (rev >= BC_EVM_ISTANBUL && gas <= 2300)
        return -1;
    bc_h256_t key, value;
    bc_u256_to_be(top - 1, key.b);
    bc_u256_to_be(top - 2, value.b);
    const bc_addr_t *self = &f->msg->recipient;
    int64_t cost = 0, refund;
    if (rev >= BC_EVM_BERLIN && !f->host->access_storage(f->ctx, self, &key))
        cost = COLD_SLOAD;
    bc_evm_storage_t s = f->host->set_storage(f->ctx, self, &key, &value);
    cost += storage_price(rev, s, &refund);
    f->refund += refund;
    return gas - cost;
}

void evm_op_tload(evm_frame_t *f, bc_u256_t *top)
{
    bc_h256_t key, value;
    bc_u256_to_be(top - 1, key.b);
    f->host->get_transient(f->ctx, &f->msg->recipient, &key, &value);
    top[-1] = bc_u256_from_be(value.b);
}

int64_t evm_op_tstore(evm_frame_t *f, bc_u256_t *top, int64_t gas)
{
    if (f->msg->is_static)
        return evm_fail(f, BC_EVM_STATIC_VIOLATION);
    bc_h256_t key, value;
    bc_u256_to_be(top - 1, key.b);
    bc_u256_to_be(top - 2, value.b);
    f->host->set_transient(f->ctx, &f->msg->recipient, &key, &value);
    return gas;
}

int64_t evm_op_log(evm_frame_t *f, bc_u256_t *top, int64_t gas, unsigned topics)
{
    if (f->msg->is_static)
        return evm_fail(f, BC_EVM_STATIC_VIOLATION);
    bc_u256_t *off = top - 1, *size = top - 2;
    gas = evm_mem_need(f, off, size, gas);
    if (gas < 0)
        return gas;
    gas -= 8 * (int64_t)size->w[0];
    if (gas < 0)
        return gas;
    bc_h256_t t[4];
    for (unsigned i = 0; i < topics; i++)
        bc_u256_to_be(top - 3 - i, t[i].b);
    size_t n = (size_t)size->w[0];
    f->host->emit_log(f->ctx, &f->msg->recipient, bc_bytes(n ? f->mem + off->w[0] : f->mem, n), t,
                      topics);
    return gas;
}

int64_t evm_op_selfdestruct(evm_frame_t *f, bc_u256_t *top, int64_t gas)
{
    bc_evm_rev_t rev = f->rules->rev;
    if (f->msg->is_static)
        return evm_fail(f, BC_EVM_STATIC_VIOLATION);
    bc_addr_t heir = bc_u256_to_addr(top - 1);
    if (rev >= BC_EVM_BERLIN && !f->host->access_account(f->ctx, &heir) && (gas -= 2600) < 0)
        return gas;
    if (rev >= BC_EVM_TANGERINE) {
        bool pays = rev == BC_EVM_TANGERINE;
        if (!pays) {
            bc_u256_t balance;
            f->host->get_balance(f->ctx, &f->msg->recipient, &balance);
            pays = !bc_u256_is_zero(&balance);
        }
        if (pays && !f->host->account_exists(f->ctx, &heir) && (gas -= 25000) < 0)
            return gas;
    }
    if (f->host->selfdestruct(f->ctx, &f->msg->recipient, &heir) && rev < BC_EVM_LONDON)
        f->refund += 24000;
    return gas;
}

int64_t evm_op_return(evm_frame_t *f, bc_u256_t *top, int64_t gas)
{
    bc_u256_t *off = top - 1, *size = top - 2;
    gas = evm_mem_need(f, off, size, gas);
    if (gas >= 0 && size->w[0])
        f->output = bc_bytes(f->mem + off->w[0], (size_t)size->w[0]);
    return gas;
}

/* ---- calls ---- */

void evm_frame_leave(evm_frame_t *f, evm_frame_t *c, const bc_evm_result_t *r)
{
    bc_evm_t *e = f->evm;
    e->stack_top = (size_t)((const uint8_t *)f->base - e->stack.p);
    e->mem_top = (size_t)(f->mem - e->mem.p);
    e->frames_top = (size_t)((const uint8_t *)c - e->frames.p);
    f->child = NULL;
    bc_wr_reset(&e->ret);
    if (r->output.n) {
        bc_wr_put(&e->ret, r->output);
        BC_MUST(e->ret.err == BC_OK);
        size_t n = BC_MIN((size_t)f->out_n, e->ret.n);
        if (n)
            memcpy(f->mem + f->out_off, e->ret.p, n);
    }
    if (r->output_owner)
        bc_buf_unref(r->output_owner);
    f->gas += r->gas_left;
    f->refund += r->gas_refund;
    bool ok = r->status == BC_EVM_OK;
    f->sp[-1] = !f->creates ? bc_u256(ok) : ok ? bc_u256_from_addr(&r->created) : bc_u256(0);
}

/* Begins the message c->own above f, whose stack up to top and memory stay below. Returns the gas
 * of f. */
static int64_t enter(evm_frame_t *f, evm_frame_t *c, const bc_u256_t *top, int64_t gas)
{
    bc_evm_t *e = f->evm;
    bc_evm_result_t r;
    e->stack_top = (size_t)((const uint8_t *)top - e->stack.p);
    e->mem_top = (size_t)(f->mem - e->mem.p) + (size_t)f->mem_n;
    f->gas = gas - c->own.gas;
    if (!f->host->begin) {
        r = (bc_evm_result_t){ 0 };
        f->host->call(f->ctx, &c->own, &r);
    } else if (f->host->begin(f->ctx, c->slot, &c->own, &c->begun, &r)) {
        f->child = c;
        return f->gas;
    }
    evm_frame_leave(f, c, &r);
    return f->gas;
}

static bool can_pay(const evm_frame_t *f, const bc_u256_t *value)
{
    bc_u256_t balance;
    if (bc_u256_is_zero(value))
        return true;
    f->host->get_balance(f->ctx, &f->msg->recipient, &balance);
    return !bc_u256_lt(&balance, value);
}

typedef struct {
    const bc_u256_t *gas, *value; /* value NULL: the instruction has none */
    const bc_u256_t *in_off, *in_n, *out_off, *out_n;
    bc_addr_t to;
} call_args_t;

static void call_args(call_args_t *a, const bc_u256_t *top, int op)
{
    bool has = op == OP_CALL || op == OP_CALLCODE;
    a->gas = top - 1;
    a->to = bc_u256_to_addr(top - 2);
    a->value = has ? top - 3 : NULL;
    top -= has ? 4 : 3;
    a->in_off = top;
    a->in_n = top - 1;
    a->out_off = top - 2;
    a->out_n = top - 3;
}

static void call_msg(const evm_frame_t *f, const call_args_t *a, int op, bc_evm_msg_t *m)
{
    const bc_evm_msg_t *self = f->msg;
    size_t n = (size_t)a->in_n->w[0];
    m->kind = op == OP_DELEGATECALL ? BC_EVM_DELEGATECALL
              : op == OP_CALLCODE   ? BC_EVM_CALLCODE
                                    : BC_EVM_CALL;
    m->is_static = op == OP_STATICCALL || self->is_static;
    m->depth = self->depth + 1;
    m->recipient = op == OP_CALL || op == OP_STATICCALL ? a->to : self->recipient;
    m->code_address = a->to;
    m->sender = op == OP_DELEGATECALL ? self->sender : self->recipient;
    m->value = op == OP_DELEGATECALL ? self->value : a->value ? *a->value : bc_u256(0);
    m->salt = bc_u256(0);
    m->input = bc_bytes(n ? f->mem + a->in_off->w[0] : f->mem, n);
}

/* Gas of the callee; *gas is what stays. Negative: out of gas. */
static int64_t call_gas(const evm_frame_t *f, const call_args_t *a, bool pays, int64_t *gas)
{
    int64_t want = bc_u256_is_u64(a->gas) && a->gas->w[0] < INT64_MAX ? (int64_t)a->gas->w[0]
                                                                      : INT64_MAX;
    if (f->rules->rev >= BC_EVM_TANGERINE)
        want = BC_MIN(want, *gas - *gas / 64);
    else if (want > *gas)
        return -1;
    if (pays) { /* the stipend is a gift */
        want += 2300;
        *gas += 2300;
    }
    return want;
}

__attribute__((noinline)) int64_t evm_op_call(evm_frame_t *f, bc_u256_t *top, int64_t gas, int op)
{
    call_args_t a;
    call_args(&a, top, op);
    bool pays = a.value && !bc_u256_is_zero(a.value);
    bc_wr_reset(&f->evm->ret);
    if (cold_account(f, &a.to) && (gas -= COLD_ACCOUNT_EXTRA) < 0)
        return gas;
    gas = evm_mem_need(f, a.in_off, a.in_n, gas);
    if (gas < 0)
        return gas;
    gas = evm_mem_need(f, a.out_off, a.out_n, gas);
    if (gas < 0)
        return gas;
    if (pays)
        gas -= 9000;
    if (op == OP_CALL) {
        if (pays && f->msg->is_static)
            return evm_fail(f, BC_EVM_STATIC_VIOLATION);
        if ((pays || f->rules->rev < BC_EVM_SPURIOUS) && !f->host->account_exists(f->ctx, &a.to))
            gas -= 25000;
    }
    if (gas < 0)
        return gas;
    int64_t child_gas = call_gas(f, &a, pays, &gas);
    if (child_gas < 0)
        return -1;
    f->sp = top - (a.value ? 6 : 5);
    evm_frame_t *c = NULL;
    if (f->msg->depth < EVM_DEPTH_MAX && (!pays || can_pay(f, a.value)))
        c = evm_frame_push(f->evm, f->host->slot_bytes);
    if (!c) {
        f->sp[-1] = bc_u256(0);
        return gas;
    }
    call_msg(f, &a, op, &c->own);
    c->own.gas = child_gas;
    f->out_off = a.out_off->w[0];
    f->out_n = a.out_n->w[0];
    f->creates = false;
    return enter(f, c, top, gas);
}

__attribute__((noinline)) int64_t evm_op_create(evm_frame_t *f, bc_u256_t *top, int64_t gas, int op)
{
    bc_evm_rev_t rev = f->rules->rev;
    bool two = op == OP_CREATE2;
    bc_u256_t *value = top - 1, *off = top - 2, *size = top - 3;
    if (f->msg->is_static)
        return evm_fail(f, BC_EVM_STATIC_VIOLATION);
    bc_wr_reset(&f->evm->ret);
    gas = evm_mem_need(f, off, size, gas);
    if (gas < 0)
        return gas;
    if (rev >= BC_EVM_SHANGHAI && size->w[0] > 0xc000)
        return -1;
    gas -= evm_words(size->w[0]) * ((two ? 6 : 0) + (rev >= BC_EVM_SHANGHAI ? 2 : 0));
    if (gas < 0)
        return gas;
    f->sp = top - (two ? 3 : 2);
    evm_frame_t *c = NULL;
    if (f->msg->depth < EVM_DEPTH_MAX && can_pay(f, value))
        c = evm_frame_push(f->evm, f->host->slot_bytes);
    if (!c) {
        f->sp[-1] = bc_u256(0);
        return gas;
    }
    size_t n = (size_t)size->w[0];
    c->own = (bc_evm_msg_t){
        .kind = two ? BC_EVM_CREATE2 : BC_EVM_CREATE,
        .depth = f->msg->depth + 1,
        .gas = rev >= BC_EVM_TANGERINE ? gas - gas / 64 : gas,
        .sender = f->msg->recipient,
        .value = *value,
        .input = bc_bytes(n ? f->mem + off->w[0] : f->mem, n),
    };
    if (two)
        c->own.salt = top[-4];
    f->out_n = 0;
    f->creates = true;
    return enter(f, c, top, gas);
}
