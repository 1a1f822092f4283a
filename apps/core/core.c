#include "core.h"
#include <stdlib.h>

struct bc_core {
    bc_actor_if actors[BC_ACTOR_CNT];
    bc_core_host_fn host;
    void *ctx;
    bc_core_trace_fn trace;
    void *trace_ctx;
    bc_msg_t *head, *tail;
    uint64_t delivered;
    size_t limit; /* of one run; 0: none */
    bool running;
};

bc_core_t *bc_core_new(const bc_actor_if actors[BC_ACTOR_CNT], bc_core_host_fn host, void *ctx)
{
    bc_core_t *c = bc_xcalloc(1, sizeof *c);
    memcpy(c->actors, actors, sizeof c->actors);
    c->host = host;
    c->ctx = ctx;
    return c;
}

void bc_core_free(bc_core_t *c)
{
    if (!c)
        return;
    while (c->head) {
        bc_msg_t *m = c->head;
        c->head = m->next;
        bc_msg_free(m);
    }
    for (size_t i = BC_ACTOR_HOST + 1; i < BC_ACTOR_CNT; i++)
        if (c->actors[i].ops)
            c->actors[i].ops->free(c->actors[i].self);
    free(c);
}

static void append(bc_core_t *c, bc_msg_t *head, bc_msg_t *tail)
{
    if (c->tail)
        c->tail->next = head;
    else
        c->head = head;
    c->tail = tail;
}

void bc_core_post(bc_core_t *c, bc_msg_t *m)
{
    m->next = NULL;
    append(c, m, m);
}

void bc_core_start(bc_core_t *c, bc_ledger_config_t *config)
{
    static const bc_actor_id_t order[] = { BC_ACTOR_FRONT, BC_ACTOR_TXPOOL, BC_ACTOR_SCHEDULER,
                                           BC_ACTOR_SEALER, BC_ACTOR_SYNC, BC_ACTOR_PBFT };
    for (size_t i = 0; i < BC_ARRAY_LEN(order); i++) {
        bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, order[i], BC_MSG_START);
        m->config = bc_ledger_config_ref(config);
        bc_core_post(c, m);
    }
}

static void deliver(bc_core_t *c, const bc_now_t *now, bc_msg_t *m)
{
    if (c->trace)
        c->trace(c->trace_ctx, m);
    if (m->to == BC_ACTOR_HOST) {
        c->host(c->ctx, m);
        return;
    }
    if (m->to >= BC_ACTOR_CNT || !c->actors[m->to].ops)
        return;
    bc_out_t out = { .from = m->to };
    c->actors[m->to].ops->step(c->actors[m->to].self, now, m, &out);
    if (out.head)
        append(c, out.head, out.tail);
}

size_t bc_core_run(bc_core_t *c, const bc_now_t *now)
{
    size_t n = 0;
    BC_MUST(!c->running);
    c->running = true;
    while (c->head && (!c->limit || n < c->limit)) {
        bc_msg_t *m = c->head;
        c->head = m->next;
        if (!c->head)
            c->tail = NULL;
        m->next = NULL;
        deliver(c, now, m);
        bc_msg_free(m);
        n++;
    }
    c->running = false;
    c->delivered += n;
    return n;
}

void bc_core_limit(bc_core_t *c, size_t limit)
{
    c->limit = limit;
}

void bc_core_trace(bc_core_t *c, bc_core_trace_fn trace, void *ctx)
{
    c->trace = trace;
    c->trace_ctx = ctx;
}

uint64_t bc_core_delivered(const bc_core_t *c)
{
    return c->delivered;
}
