/* Answers to block requests: at most serve_max numbers are remembered for a peer, the
 * rest of a request is dropped (it asks again); at most SERVE_LOADS_MAX blocks are being read at
 * a time, peers in turn. */
#include "scheduling/blocksync/blocksync_impl.h"
#include <stdlib.h>

static void want(peer_t *p, int64_t number, int32_t flags)
{
    size_t at = p->wanted_cnt;
    while (at > 0 && p->wanted[at - 1].number > number)
        at--;
    if (at > 0 && p->wanted[at - 1].number == number) {
        p->wanted[at - 1].flags |= flags;
        return;
    }
    memmove(&p->wanted[at + 1], &p->wanted[at], (p->wanted_cnt - at) * sizeof p->wanted[0]);
    p->wanted[at] = (want_t){ number, flags };
    p->wanted_cnt++;
}

void serve_request(sync_t *s, peer_t *p, const BcPb__BlockSyncMessage *msg)
{
    int64_t step = msg->block_interval > 0 ? msg->block_interval : 1;
    if (!p || msg->number < 1 || msg->size < 1 || step > s->committed)
        return;
    if (!p->wanted)
        p->wanted = bc_xcalloc(s->c.serve_max + 1, sizeof p->wanted[0]);
    int32_t flags = msg->block_data_flag ? msg->block_data_flag : FLAG_HEADER | FLAG_TRANSACTIONS;
    int64_t n = msg->number;
    for (int64_t i = 0; i < msg->size && n <= s->committed; i++, n += step) {
        if (p->wanted_cnt >= s->c.serve_max)
            break;
        if (n >= s->archived)
            want(p, n, flags);
    }
    serve_next(s);
}

void serve_next(sync_t *s)
{
    for (size_t tried = 0; s->load_cnt < SERVE_LOADS_MAX && tried < s->peer_cnt;) {
        peer_t *p = &s->peers[s->rotate++ % s->peer_cnt];
        if (!p->wanted_cnt) {
            tried++;
            continue;
        }
        tried = 0;
        load_t *l = &s->loads[s->load_cnt++];
        want_t w = p->wanted[0];
        *l = (load_t){ ++s->next_token, p->id, w.number };
        memmove(&p->wanted[0], &p->wanted[1], --p->wanted_cnt * sizeof p->wanted[0]);
        bc_msg_t *m = bc_out_msg(s->out, BC_ACTOR_HOST, BC_MSG_LOAD_BLOCK);
        m->token = l->token;
        m->number = l->number;
        m->number2 = (w.flags & FLAG_TRANSACTIONS ? BC_WITH_TXS : 0) |
                     (w.flags & FLAG_RECEIPTS ? BC_WITH_RECEIPTS : 0);
    }
}

void serve_loaded(sync_t *s, bc_msg_t *in)
{
    for (size_t i = 0; i < s->load_cnt; i++) {
        load_t l = s->loads[i];
        if (l.token != in->token)
            continue;
        s->loads[i] = s->loads[--s->load_cnt];
        if (!in->err && in->data && peer_find(s, &l.node)) {
            BcPb__BlockSyncMessage msg = BC_PB__BLOCK_SYNC_MESSAGE__INIT;
            ProtobufCBinaryData block = { in->data->n, in->data->p };
            msg.packettype = PACKET_RESPONSE;
            msg.number = l.number;
            msg.n_blocksdata = 1;
            msg.blocksdata = &block;
            sync_send(s, &l.node, &msg);
        }
        break;
    }
    serve_next(s);
}
