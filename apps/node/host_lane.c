/* The consensus lane: what the core wants durable, and what consensus says to other nodes, in the
 * order in which the core wanted it. A vote leaves after its record is on disk. */
#include <stdio.h>
#include <stdlib.h>
#include "node/host_impl.h"

enum { GROUP_MAX = 64 };

/* A run of records and pre-stored transactions that is being written. */
typedef struct {
    bc_op_t op;
    bc_host_t *host;
    size_t cnt;
    bc_msg_t *msgs[GROUP_MAX];
} group_t;

void lane_frame(bc_host_t *h, bc_msg_t *m)
{
    if (h->gateway.ops && m->data) {
        bc_buf_t *data = m->data;
        m->data = NULL;
        if (m->mask)
            h->gateway.ops->broadcast(h->gateway.self, h->group, &h->self, m->mask, m->module, data);
        else
            h->gateway.ops->send(h->gateway.self, h->group, &h->self, &m->node, m->module, data);
    }
    bc_msg_free(m);
}

static bc_err_t write_records(group_t *g)
{
    bc_kv_change_t v[GROUP_MAX];
    size_t cnt = 0;
    for (size_t i = 0; i < g->cnt; i++) {
        const bc_msg_t *m = g->msgs[i];
        if (m->kind == BC_MSG_PERSIST)
            v[cnt++] = (bc_kv_change_t){ .key = bc_cstr(m->key),
                                         .value = bc_buf_view(m->data),
                                         .del = m->data == NULL };
    }
    bc_kv_if kv = g->host->c.consensus_kv;
    return cnt ? kv.ops->write(kv.self, v, cnt, true) : BC_OK;
}

static bc_err_t write_txs(group_t *g)
{
    size_t cnt = 0;
    for (size_t i = 0; i < g->cnt; i++)
        cnt += g->msgs[i]->txs ? g->msgs[i]->txs->cnt : 0;
    if (!cnt)
        return BC_OK;
    bc_tx_t **txs = bc_xcalloc(cnt, sizeof *txs);
    cnt = 0;
    for (size_t i = 0; i < g->cnt; i++)
        for (size_t k = 0; g->msgs[i]->txs && k < g->msgs[i]->txs->cnt; k++)
            txs[cnt++] = g->msgs[i]->txs->v[k];
    bc_err_t err = bc_ledger_store_txs(g->host->c.ledger, txs, cnt, true);
    for (size_t i = 0; !err && i < cnt; i++)
        atomic_store_explicit(&txs[i]->stored, true, memory_order_release);
    free(txs);
    return err;
}

static void lane_next(bc_host_t *h);

static void group_run(bc_op_t *op)
{
    group_t *g = BC_OWNER(op, group_t, op);
    bc_err_t err = write_txs(g);
    if (!err)
        err = write_records(g);
    bc_op_finish(op, err);
}

static void group_done(bc_op_t *op)
{
    group_t *g = BC_OWNER(op, group_t, op);
    bc_host_t *h = g->host;
    if (op->err) {
        /* a vote that cannot be remembered must not leave: this node cannot go on */
        BC_ERROR(BADGES "[FATAL]", "writing the consensus record failed,error=%s",
                 bc_err_name(op->err));
        bc_log_close();
        fprintf(stderr, "cbcos: writing the consensus record failed: %s\n", bc_err_name(op->err));
        abort();
    }
    for (size_t i = 0; i < g->cnt; i++)
        bc_msg_free(g->msgs[i]);
    free(g);
    h->jobs--;
    h->lane_busy = false;
    lane_next(h);
}

static bc_msg_t *lane_take(bc_host_t *h)
{
    lane_item_t *item = h->lane_head;
    bc_msg_t *m = item->msg;
    h->lane_head = item->next;
    if (!h->lane_head)
        h->lane_tail = &h->lane_head;
    free(item);
    return m;
}

static void lane_next(bc_host_t *h)
{
    while (h->lane_head && !h->lane_busy && !h->stopping) {
        if (h->lane_head->msg->kind == BC_MSG_FRAME_OUT) {
            lane_frame(h, lane_take(h));
            continue;
        }
        group_t *g = bc_xcalloc(1, sizeof *g);
        g->host = h;
        while (h->lane_head && g->cnt < GROUP_MAX && h->lane_head->msg->kind != BC_MSG_FRAME_OUT)
            g->msgs[g->cnt++] = lane_take(h);
        h->lane_busy = true;
        h->jobs++;
        g->op = (bc_op_t){ .home = h->mail, .done = group_done };
        bc_workers_run(h->store, &g->op, group_run);
    }
}

void lane_put(bc_host_t *h, bc_msg_t *m)
{
    lane_item_t *item = bc_xcalloc(1, sizeof *item);
    item->msg = m;
    *h->lane_tail = item;
    h->lane_tail = &item->next;
    lane_next(h);
}

void lane_free(bc_host_t *h)
{
    while (h->lane_head)
        bc_msg_free(lane_take(h));
}
