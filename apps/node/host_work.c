/* Work that the core asks for and that takes long: on threads, answered by messages. */
#include <stdlib.h>
#include "base/clock.h"
#include "base/metrics.h"
#include "node/host_impl.h"

static void job_run(bc_op_t *op)
{
    job_t *j = BC_OWNER(op, job_t, op);
    j->run(j);
    bc_op_finish(op, BC_OK);
}

static void job_done(bc_op_t *op)
{
    job_t *j = BC_OWNER(op, job_t, op);
    bc_host_t *h = j->host;
    h->jobs--;
    if (j->end)
        j->end(j);
    bc_msg_free(j->in);
    host_post(h, j->out);
    free(j);
}

void job_start(bc_host_t *h, bc_workers_t *w, bc_msg_t *in, bc_msg_kind_t answer,
               void (*run)(job_t *), void (*end)(job_t *))
{
    job_t *j = bc_xcalloc(1, sizeof *j);
    j->host = h;
    j->in = in;
    j->run = run;
    j->end = end;
    j->out = bc_msg_new(BC_ACTOR_HOST, (bc_actor_id_t)in->from, answer);
    j->out->token = in->token;
    j->out->number = in->number;
    j->op = (bc_op_t){ .home = h->mail, .done = job_done };
    h->jobs++;
    bc_workers_run(w, &j->op, job_run);
}

/* ---- senders ---- */

/* A list of transactions cut into chunks, so that a proposal's worth uses every core. */
typedef struct recover recover_t;
typedef struct {
    bc_op_t op;
    recover_t *r;
    size_t from, to;
} chunk_t;
struct recover {
    bc_host_t *host;
    bc_msg_t *in, *out;
    size_t open;
    chunk_t chunks[];
};

static void recover_run(bc_op_t *op)
{
    chunk_t *c = BC_OWNER(op, chunk_t, op);
    recover_t *r = c->r;
    uint64_t *nonces = (uint64_t *)(void *)r->out->data->p;
    bc_state_view_t *view = NULL;
    for (size_t i = c->from; i < c->to; i++) {
        bc_tx_t *tx = r->in->txs->v[i];
        nonces[i] = UINT64_MAX;
        if (!tx->sender_known && bc_tx_recover(tx))
            continue;
        if (tx->w.type == 0)
            continue;
        if (!view)
            view = bc_state_top(r->host->state);
        bc_executor_if x = r->host->c.executor;
        uint64_t nonce;
        if (x.ops->nonce(x.self, bc_state_view_if(view), &tx->sender, &nonce) == BC_OK)
            nonces[i] = nonce;
    }
    bc_state_view_unref(view);
    bc_op_finish(op, BC_OK);
}

static void recover_done(bc_op_t *op)
{
    recover_t *r = BC_OWNER(op, chunk_t, op)->r;
    bc_host_t *h = r->host;
    h->jobs--;
    if (--r->open)
        return;
    r->out->txs = r->in->txs;
    r->in->txs = NULL;
    bc_msg_free(r->in);
    host_post(h, r->out);
    free(r);
}

void work_recover(bc_host_t *h, bc_msg_t *m)
{
    size_t cnt = m->txs->cnt;
    size_t chunks = cnt ? (cnt + RECOVER_CHUNK - 1) / RECOVER_CHUNK : 1;
    recover_t *r = bc_xcalloc(1, sizeof *r + chunks * sizeof r->chunks[0]);
    r->host = h;
    r->in = m;
    r->open = chunks;
    r->out = bc_msg_new(BC_ACTOR_HOST, (bc_actor_id_t)m->from, BC_MSG_RECOVERED);
    r->out->token = m->token;
    r->out->data = bc_buf_new(cnt * sizeof(uint64_t));
    BC_MUST(r->out->data != NULL);
    for (size_t i = 0; i < chunks; i++) {
        chunk_t *c = &r->chunks[i];
        c->r = r;
        c->from = i * RECOVER_CHUNK;
        c->to = BC_MIN(cnt, c->from + RECOVER_CHUNK);
        c->op = (bc_op_t){ .home = h->mail, .done = recover_done };
        h->jobs++;
        bc_workers_run(h->verify, &c->op, recover_run);
    }
}

/* ---- reads of the ledger ---- */

/* A transaction's row is written before its block is: only the receipt tells. */
static bool is_executed(bc_ledger_if l, const bc_h256_t *tx_hash)
{
    bc_receipt_t receipt;
    bc_arena_t arena = { 0 };
    bool is = l.ops->receipt(l.self, tx_hash, &receipt, &arena) == BC_OK;
    bc_arena_free(&arena);
    return is;
}

static void load_txs_run(job_t *j)
{
    bc_ledger_if l = j->host->ledger;
    j->out->txs = bc_txs_new(j->in->metas->cnt);
    for (size_t i = 0; i < j->in->metas->cnt; i++) {
        const bc_h256_t *hash = &j->in->metas->v[i].hash;
        if (l.ops->tx(l.self, hash, &j->out->txs->v[i]))
            j->out->txs->v[i] = NULL;
        else if (j->in->flag && !j->out->flag)
            j->out->flag = is_executed(l, hash);
    }
}

void work_load_txs(bc_host_t *h, bc_msg_t *m)
{
    job_start(h, h->read, m, BC_MSG_LOADED_TXS, load_txs_run, NULL);
}

static bc_err_t encode_block(const bc_ledger_block_t *b, bc_buf_t **out)
{
    bc_block_t block = { .header = b->header->h };
    bc_tx_wire_t *wire = bc_xcalloc(b->tx_cnt, sizeof *wire);
    bc_err_t err = BC_OK;
    for (size_t i = 0; i < b->tx_cnt && b->txs; i++) {
        if (!b->txs[i])
            err = BC_E_NOT_FOUND; /* archived or damaged: another peer may have it */
        else
            wire[i] = b->txs[i]->w;
    }
    for (size_t i = 0; i < b->tx_cnt && b->receipts; i++)
        if (!b->receipt_raw[i].n)
            err = BC_E_NOT_FOUND;
    block.txs = (bc_tars_list_t){ wire, b->txs ? b->tx_cnt : 0 };
    block.receipts = (bc_tars_list_t){ b->receipts, b->receipts ? b->tx_cnt : 0 };
    bc_wr_t w = { 0 };
    if (!err) {
        bc_tars_encode(&bc_block_tars, &block, &w);
        err = w.err;
    }
    free(wire);
    if (!err && !(*out = bc_buf_copy(bc_wr_view(&w))))
        err = BC_E_NOMEM;
    bc_wr_free(&w);
    return err;
}

static void load_block_run(job_t *j)
{
    bc_ledger_if l = j->host->ledger;
    bc_ledger_block_t *b;
    j->out->err = l.ops->block(l.self, j->in->number, (unsigned)j->in->number2, &b);
    if (j->out->err)
        return;
    j->out->err = encode_block(b, &j->out->data);
    bc_ledger_block_free(b);
}

void work_load_block(bc_host_t *h, bc_msg_t *m)
{
    job_start(h, h->read, m, BC_MSG_LOADED_BLOCK, load_block_run, NULL);
}

/* ---- archived blocks ---- */

/* A block's transactions with their senders, and its receipts as they are stored. */
typedef struct {
    bc_txs_t *txs;
    bc_bytes_t *receipts;
    bc_arena_t arena;
} body_t;

static bc_err_t body_decode(bc_suite_t suite, bc_bytes_t in, body_t *out)
{
    bc_block_t block;
    bc_wr_t w = { 0 };
    bc_err_t err = bc_tars_decode(&bc_block_tars, in, &block, &out->arena);
    if (err)
        return err;
    if (block.txs.n != block.receipts.n)
        return BC_E_MISMATCH;
    size_t n = block.txs.n;
    out->txs = bc_txs_new(n);
    out->receipts = bc_arena_alloc(&out->arena, n * sizeof *out->receipts + 1);
    if (!out->receipts)
        return BC_E_NOMEM;
    for (size_t i = 0; !err && i < n; i++) {
        bc_wr_reset(&w);
        bc_tars_encode(&bc_tx_wire_tars, &((bc_tx_wire_t *)block.txs.v)[i], &w);
        err = w.err ? w.err : bc_tx_decode(suite, bc_wr_view(&w), &out->txs->v[i]);
        if (!err)
            err = bc_tx_recover(out->txs->v[i]);
        bc_wr_reset(&w);
        bool ok = true;
        bc_tars_encode(&bc_receipt_tars, &((bc_receipt_t *)block.receipts.v)[i], &w);
        out->receipts[i] = bc_arena_copy(&out->arena, bc_wr_view(&w), &ok);
        if (!err && (w.err || !ok))
            err = w.err ? w.err : BC_E_NOMEM;
    }
    bc_wr_free(&w);
    return err;
}

static void restore_run(job_t *j)
{
    bc_host_t *h = j->host;
    body_t b = { 0 };
    bc_arena_init(&b.arena, 10 * j->in->data->n + 65536);
    bc_err_t err = body_decode(h->c.chain->suite, bc_buf_view(j->in->data), &b);
    if (!err)
        err = bc_ledger_restore(h->c.ledger, j->in->number, b.txs->v, b.txs->cnt, b.receipts);
    bc_txs_unref(b.txs);
    bc_arena_free(&b.arena);
    bc_ledger_totals_t t = { 0 };
    bc_err_t read = h->ledger.ops->totals(h->ledger.self, &t);
    j->out->err = err ? err : read;
    j->out->number = t.archived_number;
}

void work_restore_block(bc_host_t *h, bc_msg_t *m)
{
    job_start(h, h->store, m, BC_MSG_ARCHIVED, restore_run, NULL);
}

/* ---- execution ---- */

BC_COUNTER(execute_us, "cbcos_execute_microseconds_total", "",
           "Time spent executing blocks; of one thread, whoever helps");
BC_COUNTER(write_us, "cbcos_write_microseconds_total", "", "Time spent writing blocks");
BC_COUNTER(executed_cnt, "cbcos_executed_blocks_total", "", "Blocks executed");
BC_COUNTER(write_cnt, "cbcos_writes_total", "", "Writes of blocks, each of one block or several");

static void execute_run(job_t *j)
{
    int64_t began = bc_clock_mono_us();
    bc_host_t *h = j->host;
    const bc_header_data_t *p = &j->in->header->h.data;
    bc_state_view_t *view = bc_state_top(h->state);
    bc_exec_block_t block = { .parent = bc_state_view_if(view),
                              .number = p->number,
                              .timestamp = p->timestamp,
                              .version = (uint32_t)p->version,
                              .txs = j->in->txs->v,
                              .tx_cnt = j->in->txs->cnt,
                              .parent_hash = bc_header_parent(p) };
    bc_exec_result_t *r = NULL;
    bc_executor_if x = h->c.executor;
    bc_err_t err = x.ops->execute(x.self, &block, &r);
    bc_state_view_unref(view);
    if (!err) {
        bc_header_t fields = { .data = *p };
        fields.data.txs_root = BC_VIEW(r->txs_root);
        fields.data.receipts_root = BC_VIEW(r->receipts_root);
        fields.data.state_root = BC_VIEW(r->state_root);
        fields.data.gas_used = bc_cstr(r->gas_used);
        j->out->header = bc_hdr_new(h->c.chain->suite, &fields);
        err = j->out->header ? bc_state_push(h->state, r->changes) : BC_E_NOMEM;
    }
    j->out->err = err;
    if (!err)
        j->out->result = r;
    else if (r)
        bc_exec_result_free(r);
    bc_metric_add(&execute_us, bc_clock_mono_us() - began);
    bc_metric_add(&executed_cnt, 1);
}

static void execute_end(job_t *j)
{
    if (!j->out->err)
        j->host->top = j->in->number;
}

void work_execute(bc_host_t *h, bc_msg_t *m)
{
    job_start(h, h->execute, m, BC_MSG_RAN_EXECUTE, execute_run, execute_end);
}

void work_discard(bc_host_t *h, bc_msg_t *m)
{
    for (; h->top >= m->number; h->top--)
        if (bc_state_drop_newest(h->state))
            break;
    bc_msg_free(m);
}

/* ---- commit ---- */

static bc_err_t commit_one(bc_host_t *h, bc_committed_t *c)
{
    bool stored = true; /* proposals were pre-stored, downloaded blocks were not */
    for (size_t i = 0; stored && i < c->txs->cnt; i++)
        stored = atomic_load_explicit(&c->txs->v[i]->stored, memory_order_acquire);
    bc_err_t err = bc_ledger_commit(h->c.ledger, c->header, c->txs->v, c->txs->cnt, c->result, stored,
                                    !c->next);
    if (err)
        return err;
    bc_err_t pop = bc_state_pop_oldest(h->state);
    if (pop)
        BC_WARN(BADGES, "state snapshot not renewed,number=%ld,error=%s", (long)c->number,
                bc_err_name(pop));
    if (c->config) /* of an attempt that could not be made durable */
        bc_ledger_config_unref(c->config);
    c->config = h->ledger.ops->config(h->ledger.self);
    return BC_OK;
}

static void commit_run(job_t *j)
{
    int64_t began = bc_clock_mono_us(), written = 0;
    bc_host_t *h = j->host;
    bc_committed_t *c = j->in->committed;
    bc_err_t err = BC_OK;
    for (; c && !(err = commit_one(h, c)); c = c->next)
        written++;
    if (err && written && bc_ledger_sync(h->c.ledger))
        written = 0; /* the store is broken: nothing that was not there before is told */
    j->out->err = err;
    j->out->number2 = written;
    bc_metric_add(&write_us, bc_clock_mono_us() - began);
    bc_metric_add(&write_cnt, 1);
}

void work_commit(bc_host_t *h, bc_msg_t *m)
{
    job_start(h, h->store, m, BC_MSG_RAN_COMMIT, commit_run, NULL);
}
