/* What a node gives to those who ask it for blocks: no more than they asked for and than its limit
 * lets them ask for at a time, and only blocks that it has. Counted by what arrives and leaves,
 * apart from src/scheduling/blocksync, on purpose; what waits inside is what its status says. */
#include "block_sync.pb-c.h"
#include "scheduling/blocksync/blocksync.h"
#include "scheduling/front/front.h"
#include "sim_impl.h"

enum { STATUS = 0, REQUEST = 1, RESPONSE = 2, LOADS = 8 };

/* Most frames are statuses: by the first bytes, as the encoder writes them. */
static int kind_of(bc_bytes_t payload)
{
    size_t at = payload.n > 1 && payload.p[0] == 0x08 ? 2 : 0; /* a version below 128 */
    return payload.n > at + 1 && payload.p[at] == 0x10 ? payload.p[at + 1] : STATUS;
}

/* How many of its blocks a request can name. */
static int64_t asked_for(const sim_node_t *n, const BcPb__BlockSyncMessage *m)
{
    int64_t step = BC_MAX(m->block_interval, (int64_t)1), height = n->disk.height;
    if (m->number < 1 || m->number > height || m->size < 1)
        return 0;
    int64_t there = (height - m->number) / step + 1;
    return BC_MIN(BC_MIN(there, m->size), (int64_t)SIM_SERVE_LIMIT);
}

void check_sync_in(sim_node_t *n, const bc_nodeid_t *from, bc_bytes_t payload)
{
    sim_t *s = n->world;
    if (n->bad || kind_of(payload) == STATUS)
        return;
    BcPb__BlockSyncMessage *m = bc_pb__block_sync_message__unpack(NULL, payload.n, payload.p);
    for (int i = 0; m && m->packettype == REQUEST && i < s->cnt; i++)
        if (!memcmp(from, &s->nodes[i].key.pub, sizeof *from))
            n->owes[i] += asked_for(n, m);
    bc_pb__block_sync_message__free_unpacked(m, NULL);
}

void check_sync_out(sim_node_t *n, int to, bc_bytes_t payload)
{
    if (!n->bad && kind_of(payload) == RESPONSE && --n->owes[to] < 0)
        sim_fail(n->world, "serve", "node %d sent node %d more blocks than it may ask for", n->i,
                 to);
}

void check_sync_load(sim_node_t *n, const bc_msg_t *m)
{
    if (!n->bad && m->from == BC_ACTOR_SYNC && (m->number < 1 || m->number > n->disk.height))
        sim_fail(n->world, "serve", "node %d reads block %ld, which does not exist, to send it",
                 n->i, (long)m->number);
}

void check_sync_node(sim_node_t *n, const bc_blocksync_status_t *st)
{
    if (st->waiting_max > SIM_SERVE_LIMIT || st->loading > LOADS)
        sim_fail(n->world, "serve", "node %d holds %zu blocks for one peer, and reads %zu", n->i,
                 st->waiting_max, st->loading);
}
