/* Messages to system contracts, and the messages that those make (spec/40 §4.1).
 *
 * What code makes takes no C stack; what system contracts make is a recursion. Code can come back
 * to itself through a system contract (AccountManager asks any address for its status), and every
 * such message begins at depth 0, so that only gas ends it: each call passes on at most 63/64,
 * which makes less than 2500 rounds of the largest gas limit, 2^63, and 950 of the usual 3e9. In
 * earnest there are two. The recursion goes on on a short-lived thread where the stack of the
 * caller's gets short. */
#include <pthread.h>

#include "computing/executor/exec.h"
#include "protocol/status.h"

/* A round and whatever ends it must fit into ENOUGH: a round takes 4 KiB, 8 with the parameters of
 * a contract that is text; the rest, hashes and pairings included, less than 32. Sanitizers double
 * that. */
enum { ENOUGH = 96 << 10, FRESH = 8 << 20 };

/* --- stack --- */

typedef struct {
    void (*fn)(void *arg);
    void *arg;
} deep_t;

static void *deep_main(void *arg)
{
    deep_t *d = arg;
    d->fn(d->arg);
    return NULL;
}

/* Is what is left of this thread's stack enough? */
static bool enough(void)
{
    static _Thread_local uintptr_t low; /* of the usable stack; 0: not asked yet */
    if (!low) {
        pthread_attr_t attr;
        void *base = NULL;
        size_t size = 0;
        low = UINTPTR_MAX;
        if (pthread_getattr_np(pthread_self(), &attr) == 0) {
            if (pthread_attr_getstack(&attr, &base, &size) == 0 && base)
                low = (uintptr_t)base;
            pthread_attr_destroy(&attr);
        }
    }
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    return here > low && here - low >= ENOUGH;
}

/* Runs fn(arg) here or on a thread of its own; BC_E_NOMEM: there is none to be had. */
static bc_err_t with_stack(void (*fn)(void *arg), void *arg)
{
    if (enough()) {
        fn(arg);
        return BC_OK;
    }
    deep_t d = { fn, arg };
    pthread_attr_t attr;
    pthread_t t;
    if (pthread_attr_init(&attr))
        return BC_E_NOMEM;
    bool ok = pthread_attr_setstacksize(&attr, FRESH) == 0 &&
              pthread_create(&t, &attr, deep_main, &d) == 0;
    pthread_attr_destroy(&attr);
    if (!ok)
        return BC_E_NOMEM;
    pthread_join(t, NULL);
    return BC_OK;
}

/* --- what system contracts ask for --- */

typedef struct {
    bc_exec_t *x;
    bc_evm_msg_t m;
    bc_msg_result_t r;
} pc_nested_t;

static void pc_nested_run(void *arg)
{
    pc_nested_t *n = arg;
    bc_exec_nested(n->x, &n->m, &n->r);
}

static void pc_nested(void *self, bc_pc_t *pc, const bc_addr_t *sender, const bc_addr_t *to,
                      const bc_addr_t *code, bc_bytes_t input, bool is_static, bc_pc_reply_t *out)
{
    bc_exec_t *x = self;
    pc_nested_t n = { .x = x,
                      .m = { .kind = BC_EVM_CALL,
                             .is_static = is_static,
                             .gas = pc->gas_left,
                             .recipient = *to,
                             .code_address = *code,
                             .sender = *sender,
                             .input = input } };
    size_t logs = x->next_log = x->log_cnt;
    bc_err_t err = with_stack(pc_nested_run, &n);
    if (err) {
        bc_rows_fail(x->rows, err);
        bc_exec_set_result(&n.r, BC_EVM_INTERNAL, BC_TXS_UNKNOWN, 0, (bc_bytes_t){ 0 });
    }
    if (x->law->keeps_logs)
        x->log_cnt = logs; /* nobody passes them on */
    out->ok = x->law->undo_by_status ? n.r.status == BC_TXS_NONE : n.r.evm == BC_EVM_OK;
    out->data = n.r.owner ? bc_arena_copy(&x->tx_arena, n.r.output, NULL) : n.r.output;
    bc_buf_unref(n.r.owner);
}

/* Version 0: an inner message of a system contract that is no more than its bookkeeping. */
static int64_t pc_child(void *self)
{
    bc_exec_t *x = self;
    if (x->frame && x->frame->first_child == BC_EXEC_NO_CHILD)
        x->frame->first_child = bc_rows_mark(x->rows);
    return ++x->seq;
}

static bool pc_deploy_refused(void *self, const bc_addr_t *created)
{
    bc_exec_t *x = self;
    bc_msg_result_t r = { 0 };
    bc_addr_t sender = bc_addr_of(BC_SYS_TABLE_MANAGER);
    bc_evm_msg_t m = {
        .kind = BC_EVM_CREATE, .gas = x->config.gas_limit, .sender = sender, .recipient = *created
    };
    return x->config.auth_check &&
           !x->config.flags[BC_F_bugfix_internal_create_permission_denied] &&
           bc_v0_auth_refused(x, &m, &r);
}

__attribute__((noinline)) void bc_exec_call_system(bc_exec_t *x, const bc_pc_contract_t *c,
                                                   const bc_evm_msg_t *m, bc_msg_result_t *out)
{
    bc_pc_t pc = { .sender = m->sender,
                   .origin = x->origin,
                   .code_address = m->code_address,
                   .recipient = m->recipient,
                   .is_static = m->is_static,
                   .create = m->kind == BC_EVM_CREATE,
                   .gas_left = m->gas,
                   .input = m->input,
                   .config = &x->config,
                   .context_id = x->context_id,
                   .seq = x->seq,
                   .rows = x->rows,
                   .arena = &x->tx_arena,
                   .host = x,
                   .nested = pc_nested,
                   .child = pc_child,
                   .deploy_refused = pc_deploy_refused };
    bc_pc_end_t end = bc_pc_run(x->contracts, c, &pc);
    if (end == BC_PC_OK) {
        bc_exec_set_result(out, BC_EVM_OK, BC_TXS_NONE, pc.gas_left, (bc_bytes_t){ 0 });
        if (pc.out.n) {
            out->owner = bc_buf_copy(bc_wr_view(&pc.out));
            out->output = bc_buf_view(out->owner);
        }
    }
    x->law->system_end(x, m, end, &pc, out);
    bc_wr_free(&pc.out);
}
