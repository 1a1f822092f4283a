/* Loop, timers, dispatch, life. */
#include "node/host_impl.h"
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metrics.h"

#include "scheduling/blocksync/blocksync.h"
#include "scheduling/front/front.h"
#include "scheduling/pbft/pbft.h"
#include "scheduling/scheduler/scheduler.h"
#include "scheduling/sealer/sealer.h"
#include "scheduling/txpool/txpool.h"

/* ---- the core's turn ---- */

static void core_run(bc_op_t *op)
{
    bc_host_t *h = op->to;
    h->run_posted = false;
    if (h->stopping)
        return; /* what is left in the core's queue is freed with it */
    bc_now_t now = { bc_clock_mono_ms(), bc_clock_wall_ms() };
    bc_core_run(h->core, &now);
    node_refresh_status(h, false);
}

/* The core runs after all that has come in together. */
static void core_soon(bc_host_t *h)
{
    if (!h->run_posted) {
        h->run_posted = true;
        bc_op_post(h->mail, &h->run_op, h, core_run);
    }
}

void host_post(bc_host_t *h, bc_msg_t *m)
{
    bc_core_post(h->core, m);
    core_soon(h);
}

/* ---- timers ---- */

static void timer_fire(void *ctx)
{
    host_timer_t *t = ctx;
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, (bc_actor_id_t)t->actor, BC_MSG_TIMER);
    m->number = t->id;
    host_post(t->host, m);
}

static void timer_set(bc_host_t *h, bc_msg_t *m)
{
    host_timer_t *t = h->timers[m->from];
    size_t i = 0;
    while (i < TIMERS_PER_ACTOR && t[i].timer && t[i].id != m->number)
        i++;
    BC_MUST(i < TIMERS_PER_ACTOR);
    if (!t[i].timer) {
        t[i] = (host_timer_t){ h, m->from, m->number, NULL };
        t[i].timer = bc_timer_new(h->loop, timer_fire, &t[i]);
    }
    if (m->number2 < 0)
        bc_timer_cancel(t[i].timer);
    else
        bc_timer_set(t[i].timer, (uint64_t)m->number2, 0);
    bc_msg_free(m);
}

/* ---- what the core wants ---- */

static unsigned role(const bc_host_t *h, const bc_ledger_config_t *c)
{
    if (bc_ledger_config_sealer(c, &h->self) >= 0)
        return BC_NODE_CONSENSUS;
    return bc_ledger_config_member(c, &h->self) ? BC_NODE_OBSERVER : BC_NODE_FREE;
}

static void tell_role(bc_host_t *h, const bc_ledger_config_t *c)
{
    unsigned type = role(h, c);
    if (type != h->node_type && h->gateway.ops)
        h->gateway.ops->set_node(h->gateway.self, h->group, &h->self, type);
    h->node_type = type;
}

static void committed(bc_host_t *h, bc_msg_t *m)
{
    tell_role(h, m->committed->config);
    node_committed(h, m->committed);
    if (h->c.on_committed)
        h->c.on_committed(h->c.ctx, m->committed);
    bc_msg_free(m);
}

/* The core frees what it hands out: take everything over. */
static bc_msg_t *adopt(bc_msg_t *m)
{
    bc_msg_t *own = bc_msg_new((bc_actor_id_t)m->from, BC_ACTOR_HOST, (bc_msg_kind_t)m->kind);
    *own = *m;
    own->next = NULL;
    m->data = NULL;
    m->header = NULL;
    m->txs = NULL;
    m->metas = NULL;
    m->result = NULL;
    m->config = NULL;
    m->committed = NULL;
    return own;
}

static void host_message(void *ctx, bc_msg_t *msg)
{
    bc_host_t *h = ctx;
    bc_msg_t *m = adopt(msg);
    switch (m->kind) {
    case BC_MSG_TIMER_SET: timer_set(h, m); break;
    case BC_MSG_FRAME_OUT:
        if (m->module == BC_MODULE_PBFT)
            lane_put(h, m);
        else
            lane_frame(h, m);
        break;
    case BC_MSG_PERSIST:
    case BC_MSG_PRESTORE: lane_put(h, m); break;
    case BC_MSG_RECOVER: work_recover(h, m); break;
    case BC_MSG_LOAD_TXS: work_load_txs(h, m); break;
    case BC_MSG_LOAD_BLOCK: work_load_block(h, m); break;
    case BC_MSG_RESTORE_BLOCK: work_restore_block(h, m); break;
    case BC_MSG_RUN_EXECUTE: work_execute(h, m); break;
    case BC_MSG_RUN_COMMIT: work_commit(h, m); break;
    case BC_MSG_DISCARD: work_discard(h, m); break;
    case BC_MSG_SUBMIT_DONE: node_submit_done(h, m); break;
    case BC_MSG_PENDING_NONCE: node_pending_nonce(h, m); break;
    case BC_MSG_COMMITTED: committed(h, m); break;
    default: bc_msg_free(m); break;
    }
}

/* ---- from the gateway ---- */

BC_COUNTER(inbox_dropped, "cbcos_inbox_dropped_total", "",
           "Messages of other nodes dropped because the core is behind");
BC_GAUGE(inbox_bytes, "cbcos_inbox_bytes", "", "Messages of other nodes that wait for the core");

/* Other nodes are not slowed down (votes must come through), so what waits is bounded: beyond this
 * only consensus messages get in, and they are few. */
#define INBOX_BYTES_MAX (128 << 20)

typedef struct {
    bc_op_t op;
    bc_msg_t *msg;
} incoming_t;

static void incoming_run(bc_op_t *op)
{
    incoming_t *in = BC_OWNER(op, incoming_t, op);
    if (in->msg->kind == BC_MSG_FRAME_IN)
        bc_metric_add(&inbox_bytes, -(int64_t)in->msg->data->n);
    host_post(op->to, in->msg);
    free(in);
}

void host_incoming(bc_host_t *h, bc_msg_t *m)
{
    incoming_t *in = bc_xcalloc(1, sizeof *in);
    in->msg = m;
    bc_op_post(h->mail, &in->op, h, incoming_run);
}

static void on_gateway_message(void *ctx, const bc_nodeid_t *from, bc_bytes_t front_message)
{
    bool vote = front_message.n >= 2 &&
                (front_message.p[0] << 8 | front_message.p[1]) == BC_MODULE_PBFT;
    int64_t waiting = bc_metric_get(&inbox_bytes);
    if (waiting > 2 * (int64_t)INBOX_BYTES_MAX || (waiting > INBOX_BYTES_MAX && !vote)) {
        bc_metric_add(&inbox_dropped, 1);
        return;
    }
    bc_buf_t *data = bc_buf_copy(front_message);
    if (!data)
        return;
    bc_metric_add(&inbox_bytes, (int64_t)data->n);
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_FRONT, BC_MSG_FRAME_IN);
    m->node = *from;
    m->data = data;
    host_incoming(ctx, m);
}

static void on_gateway_nodes(void *ctx, const bc_nodeid_t *ids, size_t n, int32_t protocol)
{
    static const bc_actor_id_t to[] = { BC_ACTOR_FRONT, BC_ACTOR_PBFT, BC_ACTOR_SYNC,
                                        BC_ACTOR_TXPOOL };
    bc_buf_t *data = bc_buf_copy(bc_bytes(ids, n * sizeof *ids));
    if (!data)
        return;
    for (size_t i = 0; i < BC_ARRAY_LEN(to); i++) {
        bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, to[i], BC_MSG_PEERS);
        m->data = bc_buf_ref(data);
        m->flag = protocol < 2;
        host_incoming(ctx, m);
    }
    bc_buf_unref(data);
}

bc_gateway_client_t bc_host_gateway_client(bc_host_t *h)
{
    return (bc_gateway_client_t){ on_gateway_message, on_gateway_nodes, h };
}

/* ---- life ---- */

static bc_err_t load_nonces(bc_host_t *h)
{
    int64_t top = h->config->number;
    int64_t first = top - (int64_t)bc_txpool_window(h->c.chain->block_limit) + 1;
    for (int64_t n = BC_MAX(first, 0); n <= top; n++) {
        bc_arena_t arena = { 0 };
        bc_tars_list_t list = { 0 };
        bc_err_t err = h->ledger.ops->nonces(h->ledger.self, n, &list, &arena);
        if (!err)
            bc_txpool_load_nonces(h->actors[BC_ACTOR_TXPOOL], n, &list);
        bc_arena_free(&arena);
        if (err && err != BC_E_NOT_FOUND) {
            BC_ERROR(BADGES, "reading nonces failed,number=%ld,error=%s", (long)n, bc_err_name(err));
            return err;
        }
    }
    return BC_OK;
}

/* The consensus store, read at start. */
typedef struct {
    bc_arena_t arena;
    bc_pbft_row_t *v;
    size_t cnt, cap;
} rows_t;

static bool consensus_row(void *ctx, bc_bytes_t key, bc_bytes_t value)
{
    rows_t *r = ctx;
    if (r->cnt == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 64;
        r->v = bc_xrealloc(r->v, r->cap * sizeof *r->v);
    }
    r->v[r->cnt].key = bc_arena_copy(&r->arena, key, NULL);
    r->v[r->cnt++].value = bc_arena_copy(&r->arena, value, NULL);
    return true;
}

static bc_err_t make_pbft(bc_host_t *h)
{
    const bc_node_config_t *n = h->c.node;
    bc_kv_if kv = h->c.consensus_kv;
    rows_t rows = { 0 };
    bc_err_t err = kv.ops->scan(kv.self, (bc_bytes_t){ 0 }, (bc_bytes_t){ 0 }, consensus_row, &rows);
    if (err) {
        BC_ERROR(BADGES, "reading the consensus record failed,error=%s", bc_err_name(err));
    } else {
        bc_pbft_config_t c = { .suite = h->c.chain->suite,
                               .key = *h->c.key,
                               .min_seal_time = n->consensus.min_seal_time,
                               .checkpoint_timeout = n->consensus.checkpoint_timeout,
                               .pipeline_size = n->consensus.pipeline_size,
                               .require_txs_root = n->consensus.require_txs_root,
                               .single_point = n->others.single_point_consensus,
                               .rows = rows.v,
                               .row_cnt = rows.cnt };
        h->actors[BC_ACTOR_PBFT] = bc_pbft_new(&c);
    }
    free(rows.v);
    bc_arena_free(&rows.arena);
    return err;
}

static bc_err_t make_actors(bc_host_t *h)
{
    const bc_node_config_t *n = h->c.node;
    const bc_chain_config_t *chain = h->c.chain;
    bc_front_config_t front = { 0 };
    if (getrandom(front.seed, sizeof front.seed, 0) != (ssize_t)sizeof front.seed)
        return BC_E_IO;
    h->actors[BC_ACTOR_FRONT] = bc_front_new(&front);

    bc_txpool_config_t pool = {
        .suite = chain->suite,
        .self = h->self,
        .limit = n->txpool.limit,
        .limit_bytes = n->txpool.limit_bytes,
        .expiration_ms = n->txpool.expiration_ms,
        .check_block_limit = n->txpool.check_block_limit,
        .block_limit = chain->block_limit,
        .txs_from_free_node = n->txpool.enable_txs_from_free_node,
        .by_tree = n->sync.send_txs_by_tree,
    };
    memcpy(&pool.seed, front.seed, sizeof pool.seed);
    memcpy(pool.chain_id, chain->chain_id, sizeof pool.chain_id);
    memcpy(pool.group_id, chain->group_id, sizeof pool.group_id);
    h->actors[BC_ACTOR_TXPOOL] = bc_txpool_new(&pool);

    bc_sealer_config_t sealer = { .suite = chain->suite,
                                  .self = h->self,
                                  .key = *h->c.key,
                                  .min_seal_time = n->consensus.min_seal_time,
                                  .single_point = n->others.single_point_consensus };
    memcpy(sealer.chain_id, chain->chain_id, sizeof sealer.chain_id);
    memcpy(sealer.group_id, chain->group_id, sizeof sealer.group_id);
    h->actors[BC_ACTOR_SEALER] = bc_sealer_new(&sealer);

    bc_err_t err = make_pbft(h);
    if (err)
        return err;

    bc_ledger_totals_t totals;
    err = h->ledger.ops->totals(h->ledger.self, &totals);
    if (err)
        return err;
    bc_blocksync_config_t sync = { .suite = chain->suite,
                                   .self = h->self,
                                   .allow_free_node = n->sync.allow_free_node,
                                   .archived = totals.archived_number,
                                   .restore = n->storage.sync_archived_blocks,
                                   .tree_width = n->sync.sync_block_by_tree ? n->sync.tree_width
                                                                            : 0 };
    memcpy(&sync.seed, front.seed, sizeof sync.seed);
    h->actors[BC_ACTOR_SYNC] = bc_blocksync_new(&sync);
    h->actors[BC_ACTOR_SCHEDULER] = bc_scheduler_new(&(bc_scheduler_config_t){ 0 });
    return load_nonces(h);
}

static void status_fire(void *ctx)
{
    node_refresh_status(ctx, true);
}

bc_err_t bc_host_new(const bc_host_config_t *config, bc_host_t **out)
{
    bc_host_t *h = bc_xcalloc(1, sizeof *h);
    h->c = *config;
    h->self = config->key->pub;
    memcpy(h->group, config->chain->group_id, sizeof h->group);
    h->lane_tail = &h->lane_head;
    h->ledger = bc_ledger_as_if(config->ledger);
    h->config = h->ledger.ops->config(h->ledger.self);
    h->top = h->config->number;
    node_init(h);
    h->loop = bc_uv_loop_new("core");
    h->mail = bc_uv_loop_mail(h->loop);
    h->status_timer = bc_timer_new(h->loop, status_fire, h);
    bc_err_t err = bc_state_new(config->kv, &h->state);
    if (!err)
        err = make_actors(h);
    if (err) {
        bc_host_free(h);
        return err;
    }
    h->core = bc_core_new(h->actors, host_message, h);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned verify = config->verify_threads ? config->verify_threads
                                             : (unsigned)BC_MAX(1, BC_MIN(cores, 64));
    h->verify = bc_workers_new(verify, "verify");
    h->execute = bc_workers_new(1, "execute");
    h->store = bc_workers_new(1, "store");
    h->read = bc_workers_new(2, "read");
    *out = h;
    return BC_OK;
}

static void start_run(bc_op_t *op)
{
    bc_host_t *h = op->to;
    tell_role(h, h->config);
    bc_core_start(h->core, h->config);
    core_soon(h);
    bc_op_finish(op, BC_OK);
}

static void nothing(bc_op_t *op)
{
    free(op);
}

bc_err_t bc_host_start(bc_host_t *h, bc_gateway_if gateway)
{
    h->gateway = gateway;
    node_refresh_status(h, true);
    bc_op_t *op = bc_xcalloc(1, sizeof *op);
    op->home = h->mail;
    op->done = nothing;
    bc_op_post(h->mail, op, h, start_run);
    bc_err_t err = bc_uv_loop_start(h->loop);
    h->started = !err;
    return err;
}

/* On the core's loop: no new work, then out when the running work has come home. */
static void stop_run(bc_op_t *op)
{
    bc_host_t *h = op->to;
    h->stopping = true;
    node_close_all(h);
    bc_uv_loop_stop(h->loop);
    free(op);
}

void bc_host_stop(bc_host_t *h)
{
    if (!h->started)
        return;
    h->started = false;
    bc_op_t *op = bc_xcalloc(1, sizeof *op);
    bc_op_post(h->mail, op, h, stop_run);
    bc_uv_loop_join(h->loop);
    /* the threads finish what they have; their answers stay in the mailbox */
    bc_workers_free(h->verify);
    bc_workers_free(h->execute);
    bc_workers_free(h->store);
    bc_workers_free(h->read);
    h->verify = h->execute = h->store = h->read = NULL;
}

void bc_host_free(bc_host_t *h)
{
    if (!h)
        return;
    bc_host_stop(h);
    h->gateway = (bc_gateway_if){ 0 };
    for (int a = 0; a < BC_ACTOR_CNT; a++)
        for (int i = 0; i < TIMERS_PER_ACTOR; i++)
            bc_timer_free(h->timers[a][i].timer);
    bc_timer_free(h->status_timer);
    lane_free(h);
    bc_uv_loop_free(h->loop);
    if (h->core)
        bc_core_free(h->core); /* frees the actors */
    bc_state_free(h->state);
    node_free(h);
    free(h);
}
