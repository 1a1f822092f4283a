#include "access/rpc/rpc.h"

#include <stdlib.h>

#include "access/rpc/call.h"

enum { IN_FLIGHT_DEFAULT = 20000, FILTERS_DEFAULT = 4096 };

bc_rpc_t *bc_rpc_new(const bc_rpc_config_t *config, bc_node_if node, bc_gateway_if gw)
{
    bc_rpc_t *rpc = bc_xcalloc(1, sizeof *rpc);
    bc_node_status_t *s = bc_xcalloc(1, sizeof *s);
    rpc->config = *config;
    rpc->node = node;
    rpc->gw = gw;
    if (!rpc->config.in_flight_max)
        rpc->config.in_flight_max = IN_FLIGHT_DEFAULT;
    if (!rpc->config.filters_max)
        rpc->config.filters_max = FILTERS_DEFAULT;
    if (!rpc->config.filter_max_process_block)
        rpc->config.filter_max_process_block = 10;
    if (!rpc->config.batch_request_size_limit)
        rpc->config.batch_request_size_limit = 8;
    node.ops->status(node.self, s);
    rpc->number = s->number;
    free(s);
    amop_new(rpc);
    return rpc;
}

void bc_rpc_detach(bc_rpc_t *rpc)
{
    amop_detach(rpc);
}

void bc_rpc_free(bc_rpc_t *rpc)
{
    if (!rpc)
        return;
    BC_MUST(rpc->in_flight == 0);
    BC_MUST(!rpc->sessions);
    amop_free(rpc);
    filters_free(rpc);
    events_free(rpc);
    BC_MUST(rpc->query_bytes == 0);
    bc_committed_unref(rpc->last);
    free(rpc);
}

/* A commit of which nobody told us (the node joined late, a notice was lost between services). */
static void catch_up(bc_rpc_t *rpc)
{
    bc_node_status_t *s = bc_xcalloc(1, sizeof *s);
    rpc->node.ops->status(rpc->node.self, s);
    if (s->number > rpc->number) {
        rpc->number = s->number;
        events_committed(rpc);
    }
    free(s);
}

void bc_rpc_tick(bc_rpc_t *rpc, int64_t mono_ms)
{
    rpc->now_ms = mono_ms;
    catch_up(rpc);
    filters_expire(rpc);
    amop_expire(rpc);
}

void bc_rpc_on_committed(bc_rpc_t *rpc, bc_committed_t *block)
{
    if (rpc->last && block->number <= rpc->last->number)
        return;
    bc_committed_unref(rpc->last);
    rpc->last = bc_committed_ref(block);
    rpc->number = BC_MAX(rpc->number, block->number);
    sdk_notify_block(rpc);
    events_committed(rpc);
    subs_committed(rpc);
}
