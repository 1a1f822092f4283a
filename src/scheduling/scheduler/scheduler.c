#include "scheduling/scheduler/scheduler.h"
#include <stdlib.h>
#include "base/log.h"

#define BADGES "[SCHEDULER]"

typedef struct {
    bc_hdr_t *input;          /* the header as it came: proposal, or downloaded block */
    bc_hdr_t *header;         /* executed; NULL while executing */
    bc_txs_t *txs;
    bc_exec_result_t *result; /* moves into the committed block when its commit starts */
    bc_committed_t *committed; /* while its commit runs, and after a failed one */
    uint64_t commit_token;     /* who is told */
    uint8_t commit_actor;
    bool sys;
} block_t;

/* Somebody who waits for an execution or a commit. */
typedef struct {
    uint64_t token;
    uint8_t actor;
    bool verify;
    bc_hdr_t *header; /* EXECUTE: the input; COMMIT: with signatures */
    bc_txs_t *txs;
} request_t;

#define QUEUE_MAX 64
#define GROUP_MAX 16 /* blocks of one synced write */

typedef struct {
    request_t v[QUEUE_MAX];
    size_t cnt;
} queue_t;

typedef struct {
    size_t depth_max;
    int64_t ledger;        /* last committed height */
    bc_h256_t ledger_hash;
    block_t *blocks;       /* heights ledger + 1 .. ledger + cnt */
    size_t cnt;
    bool executing;        /* the last of blocks is at the host */
    size_t committing;     /* so many of the first blocks are at the host */
    bool discarded;        /* the running execution is no longer wanted */
    uint64_t run;          /* token of the running execution */
    request_t current;     /* who asked for the running execution */
    uint64_t group;        /* token of the running commit */
    queue_t waiting;       /* executions after the running one */
    queue_t commits;
} sched_t;

static void request_drop(request_t *r)
{
    if (r->header)
        bc_hdr_unref(r->header);
    bc_txs_unref(r->txs);
    *r = (request_t){ 0 };
}

static void block_drop(block_t *b)
{
    if (b->input)
        bc_hdr_unref(b->input);
    if (b->header)
        bc_hdr_unref(b->header);
    bc_txs_unref(b->txs);
    if (b->result)
        bc_exec_result_free(b->result);
    bc_committed_unref(b->committed);
    *b = (block_t){ 0 };
}

static bool queue_put(queue_t *q, const request_t *r)
{
    if (q->cnt == QUEUE_MAX)
        return false;
    q->v[q->cnt++] = *r;
    return true;
}

static request_t queue_take(queue_t *q)
{
    request_t r = q->v[0];
    memmove(&q->v[0], &q->v[1], --q->cnt * sizeof q->v[0]);
    return r;
}

static void executed(bc_out_t *out, const request_t *r, int64_t number, bc_err_t err,
                     const block_t *b)
{
    bc_msg_t *m = bc_out_msg(out, (bc_actor_id_t)r->actor, BC_MSG_EXECUTED);
    m->token = r->token;
    m->number = number;
    m->err = err;
    if (!err && b) {
        m->header = bc_hdr_ref(b->header);
        m->flag = b->sys;
    }
}

static void commit_done(bc_out_t *out, uint8_t actor, uint64_t token, int64_t number, bc_err_t err)
{
    bc_msg_t *m = bc_out_msg(out, (bc_actor_id_t)actor, BC_MSG_COMMIT_DONE);
    m->token = token;
    m->number = number;
    m->err = err;
}

/* Same input: the result of one execution serves the other. Roots are not compared, a proposal
 * has none. */
static bool same_input(const block_t *b, const request_t *r)
{
    const bc_header_data_t *x = &b->input->h.data, *y = &r->header->h.data;
    if (x->timestamp != y->timestamp || x->sealer != y->sealer || x->version != y->version ||
        b->txs->cnt != r->txs->cnt)
        return false;
    for (size_t i = 0; i < b->txs->cnt; i++)
        if (!bc_h256_eq(&b->txs->v[i]->hash, &r->txs->v[i]->hash))
            return false;
    return true;
}

/* The hash that a block of this height must name as its parent. False: not known yet. */
static bool parent_hash(const sched_t *s, int64_t number, bc_h256_t *out)
{
    if (number == s->ledger + 1) {
        *out = s->ledger_hash;
        return true;
    }
    int64_t i = number - s->ledger - 2;
    if (i < 0 || i >= (int64_t)s->cnt || !s->blocks[i].header)
        return false;
    *out = s->blocks[i].header->hash;
    return true;
}

static void discard_from(sched_t *s, int64_t number, bc_out_t *out)
{
    int64_t keep = number - s->ledger - 1;
    if (keep < 0 || keep >= (int64_t)s->cnt)
        return;
    if (s->executing)
        s->discarded = true;
    while ((int64_t)s->cnt > keep)
        block_drop(&s->blocks[--s->cnt]);
    bc_out_msg(out, BC_ACTOR_HOST, BC_MSG_DISCARD)->number = number;
}

static void run(sched_t *s, request_t *r, bc_out_t *out)
{
    block_t *b = &s->blocks[s->cnt++];
    *b = (block_t){ .input = bc_hdr_ref(r->header), .txs = bc_txs_ref(r->txs) };
    s->executing = true;
    s->discarded = false;
    s->current = *r;
    bc_msg_t *m = bc_out_msg(out, BC_ACTOR_HOST, BC_MSG_RUN_EXECUTE);
    m->token = ++s->run;
    m->number = r->header->h.data.number;
    m->header = bc_hdr_ref(r->header);
    m->txs = bc_txs_ref(r->txs);
}

/* Looks at one request; true when it is now the running execution. */
static bool start(sched_t *s, request_t *r, bc_out_t *out)
{
    const bc_header_data_t *h = &r->header->h.data;
    int64_t n = h->number, i = n - s->ledger - 1;
    bc_h256_t parent;
    bc_err_t err = BC_OK;
    if (i < 0)
        err = BC_E_STALE;
    else if (i > (int64_t)s->cnt || !parent_hash(s, n, &parent))
        err = BC_E_NOT_READY;
    else if (h->parents.n != 1 || ((bc_parent_t *)h->parents.v)[0].number != n - 1 ||
             !bc_bytes_eq(((bc_parent_t *)h->parents.v)[0].hash, BC_VIEW(parent)))
        err = BC_E_MISMATCH;
    else if (i >= (int64_t)s->depth_max)
        err = BC_E_FULL;
    if (!err && i < (int64_t)s->cnt) {
        block_t *b = &s->blocks[i];
        if (same_input(b, r)) {
            if (r->verify && !bc_h256_eq(&b->header->hash, &r->header->hash))
                err = BC_E_MISMATCH;
            executed(out, r, n, err, b);
            request_drop(r);
            return false;
        }
        if (i < (int64_t)s->committing) {
            err = BC_E_BUSY; /* its other version is being written: decided already */
        } else {
            discard_from(s, n, out);
        }
    }
    if (err) {
        executed(out, r, n, err, NULL);
        request_drop(r);
        return false;
    }
    run(s, r, out);
    return true;
}

static void start_next(sched_t *s, bc_out_t *out)
{
    while (!s->executing && s->waiting.cnt) {
        request_t r = queue_take(&s->waiting);
        start(s, &r, out);
    }
}

static void on_execute(sched_t *s, bc_msg_t *in, bc_out_t *out)
{
    request_t r = { .token = in->token, .actor = in->from, .verify = in->flag,
                    .header = in->header, .txs = in->txs };
    in->header = NULL;
    in->txs = NULL;
    if (!s->executing) {
        start(s, &r, out);
    } else if (!queue_put(&s->waiting, &r)) {
        executed(out, &r, r.header->h.data.number, BC_E_FULL, NULL);
        request_drop(&r);
    }
}

static void on_ran_execute(sched_t *s, bc_msg_t *in, bc_out_t *out)
{
    if (!s->executing || in->token != s->run)
        return;
    request_t r = s->current;
    s->current = (request_t){ 0 };
    s->executing = false;
    int64_t n = r.header->h.data.number;
    bc_err_t err = in->err;
    if (s->discarded)
        err = BC_E_STALE;
    if (err) {
        if (!s->discarded)
            block_drop(&s->blocks[--s->cnt]);
        bc_out_msg(out, BC_ACTOR_HOST, BC_MSG_DISCARD)->number = n;
        BC_WARN(BADGES, "ExecuteBlock failed,number=%ld,error=%s", (long)n, bc_err_name(err));
        executed(out, &r, n, err, NULL);
    } else {
        block_t *b = &s->blocks[s->cnt - 1];
        b->header = in->header;
        b->result = in->result;
        b->sys = in->result->sys_block;
        in->header = NULL;
        in->result = NULL;
        if (r.verify && !bc_h256_eq(&b->header->hash, &r.header->hash)) {
            BC_ERROR(BADGES,
                     "executed block differs from the downloaded one,number=%ld,ours=%s,theirs=%s,"
                     "stateRoot=%s",
                     (long)n, BC_SHORT(b->header->hash), BC_SHORT(r.header->hash),
                     bc_short(b->header->h.data.state_root).s);
            discard_from(s, n, out);
            executed(out, &r, n, BC_E_MISMATCH, NULL);
        } else {
            executed(out, &r, n, BC_OK, b);
        }
    }
    request_drop(&r);
    start_next(s, out);
}

/* Is it for the block after those of the group? */
static bc_err_t commit_fits(const sched_t *s, const request_t *r)
{
    int64_t i = r->header->h.data.number - s->ledger - 1;
    if (i < (int64_t)s->committing)
        return BC_E_STALE;
    if (i > (int64_t)s->committing || i >= (int64_t)s->cnt || !s->blocks[i].header)
        return BC_E_NOT_READY;
    return bc_h256_eq(&s->blocks[i].header->hash, &r->header->hash) ? BC_OK : BC_E_MISMATCH;
}

static void commit_add(sched_t *s, request_t *r)
{
    block_t *b = &s->blocks[s->committing];
    if (!b->committed) {
        bc_committed_t *c = bc_xcalloc(1, sizeof *c);
        atomic_init(&c->refs, 1);
        c->number = r->header->h.data.number;
        c->txs = bc_txs_ref(b->txs);
        c->result = b->result;
        b->result = NULL;
        b->committed = c;
    }
    if (b->committed->header)
        bc_hdr_unref(b->committed->header);
    b->committed->header = bc_hdr_ref(r->header);
    b->commit_token = r->token;
    b->commit_actor = r->actor;
    if (s->committing)
        s->blocks[s->committing - 1].committed->next = bc_committed_ref(b->committed);
    s->committing++;
}

/* Blocks of block sync share a group: one wait for the disk serves them all. Consensus' own are
 * written one by one, its votes build on them. */
static void commit_next(sched_t *s, bc_out_t *out)
{
    if (s->committing)
        return;
    while (s->commits.cnt && s->committing < GROUP_MAX) {
        bc_err_t err = commit_fits(s, &s->commits.v[0]);
        bool joins = s->commits.v[0].actor == BC_ACTOR_SYNC;
        if (s->committing && (!joins || err))
            break; /* looked at again after the group */
        request_t r = queue_take(&s->commits);
        if (err)
            commit_done(out, r.actor, r.token, r.header->h.data.number, err);
        else
            commit_add(s, &r);
        request_drop(&r);
        if (!err && !joins)
            break;
    }
    if (!s->committing)
        return;
    bc_msg_t *m = bc_out_msg(out, BC_ACTOR_HOST, BC_MSG_RUN_COMMIT);
    m->token = s->group = s->group + 1;
    m->number = s->ledger + 1;
    m->committed = bc_committed_ref(s->blocks[0].committed);
}

static void on_commit(sched_t *s, bc_msg_t *in, bc_out_t *out)
{
    request_t r = { .token = in->token, .actor = in->from, .header = in->header };
    in->header = NULL;
    if (!queue_put(&s->commits, &r)) {
        commit_done(out, r.actor, r.token, r.header->h.data.number, BC_E_FULL);
        request_drop(&r);
        return;
    }
    commit_next(s, out);
}

static void tell_committed(bc_committed_t *c, bc_out_t *out)
{
    static const bc_actor_id_t to[] = { BC_ACTOR_TXPOOL, BC_ACTOR_SEALER, BC_ACTOR_PBFT,
                                        BC_ACTOR_SYNC, BC_ACTOR_HOST };
    for (size_t i = 0; i < BC_ARRAY_LEN(to); i++) {
        bc_msg_t *m = bc_out_msg(out, to[i], BC_MSG_COMMITTED);
        m->number = c->number;
        m->hash = c->header->hash;
        m->committed = bc_committed_ref(c);
    }
}

static void block_committed(sched_t *s, bc_out_t *out)
{
    block_t b = s->blocks[0];
    bc_committed_t *c = b.committed;
    s->blocks[0].committed = NULL;
    s->ledger = c->number;
    s->ledger_hash = c->header->hash;
    block_drop(&s->blocks[0]);
    memmove(&s->blocks[0], &s->blocks[1], --s->cnt * sizeof s->blocks[0]);
    tell_committed(c, out);
    commit_done(out, b.commit_actor, b.commit_token, c->number, BC_OK);
    bc_committed_unref(c);
}

static void on_ran_commit(sched_t *s, bc_msg_t *in, bc_out_t *out)
{
    if (!s->committing || in->token != s->group)
        return;
    size_t group = s->committing, written = BC_MIN((size_t)BC_MAX(in->number2, 0), group);
    s->committing = 0;
    for (size_t i = 0; i < group; i++) { /* told ones must not hold those behind them */
        bc_committed_t *next = s->blocks[i].committed->next;
        s->blocks[i].committed->next = NULL;
        bc_committed_unref(next);
    }
    for (size_t i = 0; i < written; i++)
        block_committed(s, out);
    for (size_t i = 0; i < group - written; i++) {
        const block_t *b = &s->blocks[i];
        BC_ERROR(BADGES, "commit failed,number=%ld,error=%s", (long)b->committed->number,
                 bc_err_name(in->err));
        commit_done(out, b->commit_actor, b->commit_token, b->committed->number, in->err);
    }
    commit_next(s, out);
}

static void step(void *self, const bc_now_t *now, bc_msg_t *in, bc_out_t *out)
{
    sched_t *s = self;
    (void)now;
    switch (in->kind) {
    case BC_MSG_START:
        s->ledger = in->config->number;
        s->ledger_hash = in->config->hash;
        break;
    case BC_MSG_EXECUTE: on_execute(s, in, out); break;
    case BC_MSG_RAN_EXECUTE: on_ran_execute(s, in, out); break;
    case BC_MSG_COMMIT: on_commit(s, in, out); break;
    case BC_MSG_RAN_COMMIT: on_ran_commit(s, in, out); break;
    default: break;
    }
}

static void sched_free(void *self)
{
    sched_t *s = self;
    while (s->cnt)
        block_drop(&s->blocks[--s->cnt]);
    request_drop(&s->current);
    while (s->waiting.cnt) {
        request_t r = queue_take(&s->waiting);
        request_drop(&r);
    }
    while (s->commits.cnt) {
        request_t r = queue_take(&s->commits);
        request_drop(&r);
    }
    free(s->blocks);
    free(s);
}

bc_actor_if bc_scheduler_new(const bc_scheduler_config_t *config)
{
    static const bc_actor_ops_t ops = { step, sched_free };
    sched_t *s = bc_xcalloc(1, sizeof *s);
    s->depth_max = config->depth_max ? config->depth_max : 64;
    s->blocks = bc_xcalloc(s->depth_max + 1, sizeof s->blocks[0]);
    return (bc_actor_if){ &ops, s };
}
