/* The node contract: submissions, reads and status for the RPC service. */
#include <stdlib.h>
#include "node/host_impl.h"
#include "scheduling/blocksync/blocksync.h"
#include "scheduling/pbft/pbft.h"
#include "scheduling/txpool/txpool.h"

typedef struct {
    uint64_t token;
    bc_node_submit_t *req;
} submit_t;

typedef struct {
    bc_addr_t sender;
    uint64_t nonce;
} pending_t;

static bc_bytes_t submit_key(const void *item)
{
    return bc_bytes(&((const submit_t *)item)->token, 8);
}

static bc_bytes_t pending_key(const void *item)
{
    return BC_VIEW(((const pending_t *)item)->sender);
}

/* ---- submissions ---- */

static void submit_run(bc_op_t *op)
{
    bc_node_submit_t *r = BC_OWNER(op, bc_node_submit_t, op);
    bc_host_t *h = op->to;
    bc_tx_t *tx = r->tx;
    r->tx = NULL;
    if (h->stopping || h->submits.cnt >= SUBMITS_MAX) {
        r->status = BC_TXS_POOL_FULL;
        bc_tx_unref(tx);
        bc_op_finish(op, h->stopping ? BC_E_CLOSED : BC_OK);
        return;
    }
    submit_t *s = bc_xcalloc(1, sizeof *s);
    s->token = r->token = ++h->next_token;
    s->req = r;
    BC_MUST(bc_map_insert(&h->submits, s) == BC_OK);
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_TXPOOL, BC_MSG_SUBMIT);
    m->token = s->token;
    m->flag = r->wait;
    m->txs = bc_txs_new(1);
    m->txs->v[0] = tx;
    host_post(h, m);
}

static void node_submit(void *self, bc_node_submit_t *r)
{
    bc_host_t *h = self;
    r->block = NULL;
    r->status = 0;
    r->index = 0;
    bc_op_post(h->mail, &r->op, h, submit_run);
}

void node_submit_done(bc_host_t *h, bc_msg_t *m)
{
    submit_t *s = bc_map_remove(&h->submits, bc_bytes(&m->token, 8));
    if (s) {
        s->req->status = (int32_t)m->number;
        s->req->index = (size_t)m->number2;
        s->req->block = m->committed;
        m->committed = NULL;
        bc_op_finish(&s->req->op, BC_OK);
        free(s);
    }
    bc_msg_free(m);
}

void node_close_all(bc_host_t *h)
{
    submit_t *s;
    for (size_t i = 0; (s = bc_map_next(&h->submits, &i));) {
        bc_op_finish(&s->req->op, BC_E_CLOSED);
        free(s);
    }
    bc_map_clear(&h->submits);
}

/* ---- reads ---- */

static void read_run(bc_op_t *op)
{
    bc_node_read_t *r = BC_OWNER(op, bc_node_read_t, op);
    bc_host_t *h = op->to;
    bc_state_view_t *view = bc_state_committed(h->state);
    bc_err_t err = r->job(r, h->ledger, h->c.executor, bc_state_view_if(view));
    bc_state_view_unref(view);
    atomic_fetch_sub(&h->reads, 1);
    bc_op_finish(op, err);
}

static void node_read(void *self, bc_node_read_t *r)
{
    bc_host_t *h = self;
    if (atomic_fetch_add(&h->reads, 1) >= READS_MAX) {
        atomic_fetch_sub(&h->reads, 1);
        bc_op_finish(&r->op, BC_E_FULL);
        return;
    }
    r->op.to = h;
    bc_workers_run(h->read, &r->op, read_run);
}

/* ---- archive ---- */

static void archive_run(bc_op_t *op)
{
    bc_node_archive_t *r = BC_OWNER(op, bc_node_archive_t, op);
    bc_host_t *h = op->to;
    bc_err_t err = bc_ledger_archive(h->c.ledger, r->start, r->end);
    bc_ledger_totals_t t = { 0 };
    bc_err_t read = h->ledger.ops->totals(h->ledger.self, &t);
    r->number = t.number;
    r->archived = t.archived_number;
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SYNC, BC_MSG_ARCHIVED);
    m->number = t.archived_number;
    host_incoming(h, m);
    bc_op_finish(op, err ? err : read);
}

static void node_archive(void *self, bc_node_archive_t *r)
{
    bc_host_t *h = self;
    r->op.to = h;
    bc_workers_run(h->read, &r->op, archive_run);
}

/* ---- values that any thread may read ---- */

static void fill_status(bc_host_t *h, bc_node_status_t *st)
{
    bc_pbft_status_t p;
    bc_blocksync_status_t s;
    bc_txpool_stats_t t;
    bc_pbft_status(h->actors[BC_ACTOR_PBFT], &p);
    bc_blocksync_status(h->actors[BC_ACTOR_SYNC], &s);
    bc_txpool_stats(h->actors[BC_ACTOR_TXPOOL], &t);
    *st = (bc_node_status_t){
        .number = h->config->number,
        .hash = h->config->hash,
        .genesis_hash = h->config->genesis_hash,
        .view = p.view,
        .change_cycle = p.change_cycle,
        .leader_index = p.leader,
        .index = p.index,
        .timeout_state = p.timeout,
        .is_sealer = p.index >= 0,
        .min_quorum = p.quorum,
        .max_faulty = p.max_faulty,
        .divergent = s.divergent ? s.divergent : p.divergent,
        .syncing = s.syncing,
        .known_highest = s.known_highest,
        .known_latest_hash = s.known_latest_hash,
        .pending_txs = t.txs,
        .pending_bytes = t.bytes,
        .peer_cnt = s.peer_cnt,
    };
    for (size_t i = 0; i < s.peer_cnt; i++) {
        st->peers[i].id = s.peers[i].node;
        st->peers[i].number = s.peers[i].number;
        st->peers[i].archived = s.peers[i].archived;
        st->peers[i].hash = s.peers[i].hash;
    }
}

/* Soon after something happened, at most every STATUS_EVERY_MS. */
void node_refresh_status(bc_host_t *h, bool now)
{
    int64_t t = bc_uv_loop_now(h->loop), next = h->status_at + STATUS_EVERY_MS;
    if (!now && t < next) {
        if (!bc_timer_active(h->status_timer))
            bc_timer_set(h->status_timer, (uint64_t)(next - t), 0);
        return;
    }
    h->status_at = t;
    bc_node_status_t st;
    fill_status(h, &st);
    pthread_mutex_lock(&h->lock);
    h->status = st;
    pthread_mutex_unlock(&h->lock);
}

void node_committed(bc_host_t *h, bc_committed_t *c)
{
    pthread_mutex_lock(&h->lock);
    bc_ledger_config_t *old = h->config;
    h->config = bc_ledger_config_ref(c->config);
    pthread_mutex_unlock(&h->lock);
    bc_ledger_config_unref(old);
    node_refresh_status(h, true);
}

static void node_status(void *self, bc_node_status_t *out)
{
    bc_host_t *h = self;
    pthread_mutex_lock(&h->lock);
    *out = h->status;
    pthread_mutex_unlock(&h->lock);
}

static bc_ledger_config_t *node_config(void *self)
{
    bc_host_t *h = self;
    pthread_mutex_lock(&h->lock);
    bc_ledger_config_t *c = bc_ledger_config_ref(h->config);
    pthread_mutex_unlock(&h->lock);
    return c;
}

void node_pending_nonce(bc_host_t *h, bc_msg_t *m)
{
    bc_bytes_t sender = bc_bytes(m->node.b, 20);
    pthread_mutex_lock(&h->lock);
    pending_t *p = bc_map_find(&h->nonces, sender);
    if (m->number < 0) {
        free(bc_map_remove(&h->nonces, sender));
    } else if (p) {
        p->nonce = (uint64_t)m->number;
    } else if (h->nonces.cnt < PENDING_NONCES_MAX) {
        p = bc_xcalloc(1, sizeof *p);
        memcpy(p->sender.b, sender.p, 20);
        p->nonce = (uint64_t)m->number;
        BC_MUST(bc_map_insert(&h->nonces, p) == BC_OK);
    }
    pthread_mutex_unlock(&h->lock);
    bc_msg_free(m);
}

static bool node_pending(void *self, const bc_addr_t *sender, uint64_t *out)
{
    bc_host_t *h = self;
    pthread_mutex_lock(&h->lock);
    const pending_t *p = bc_map_find(&h->nonces, BC_VIEW(*sender));
    if (p)
        *out = p->nonce;
    pthread_mutex_unlock(&h->lock);
    return p != NULL;
}

void node_init(bc_host_t *h)
{
    bc_map_init(&h->submits, submit_key);
    bc_map_init(&h->nonces, pending_key);
    pthread_mutex_init(&h->lock, NULL);
}

void node_free(bc_host_t *h)
{
    pending_t *p;
    for (size_t i = 0; (p = bc_map_next(&h->nonces, &i));)
        free(p);
    bc_map_free(&h->nonces);
    bc_map_free(&h->submits);
    if (h->config)
        bc_ledger_config_unref(h->config);
    pthread_mutex_destroy(&h->lock);
}

bc_node_if bc_host_node(bc_host_t *h)
{
    static const bc_node_ops_t ops = { node_submit, node_read, node_status, node_config,
                                       node_pending, node_archive };
    return (bc_node_if){ &ops, h };
}
