/* What another node may send to the pool: the first byte picks the module, the rest is the
 * payload. Senders are never recovered here, so nothing gets past verification. */
#include <stdlib.h>
#include "base/log.h"
#include "scheduling/txpool/txpool.h"

static bc_actor_if make(bc_nodeid_t *peer)
{
    memset(peer->b, 7, 64);
    bc_txpool_config_t c = { .suite = BC_SUITE_STANDARD,
                             .chain_id = "chain0",
                             .group_id = "group0",
                             .limit = 64,
                             .self = { .b = { 9 } },
                             .check_block_limit = true,
                             .block_limit = 10 };
    bc_actor_if pool = bc_txpool_new(&c);
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_TXPOOL, BC_MSG_START);
    m->config = bc_xcalloc(1, sizeof *m->config);
    atomic_init(&m->config->refs, 1);
    m->config->tx_count_limit = 100;
    enum { SEALERS = 5 }; /* the sender, this node, and three to relay to */
    m->config->sealers = bc_arena_alloc(&m->config->arena, SEALERS * sizeof *m->config->sealers);
    m->config->sealer_cnt = SEALERS;
    m->config->sealers[0] = (bc_node_entry_t){ .id = *peer, .vote_weight = 1 };
    for (uint8_t i = 1; i < SEALERS; i++)
        m->config->sealers[i] = (bc_node_entry_t){ .id = { { (uint8_t)(8 + i) } }, .vote_weight = 1 };
    bc_out_t out = { .from = BC_ACTOR_TXPOOL };
    bc_now_t now = { 0, 1700000000000 };
    pool.ops->step(pool.self, &now, m, &out);
    bc_msg_free(m);
    m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_TXPOOL, BC_MSG_PEERS);
    bc_nodeid_t others[SEALERS - 2] = { { { 10 } }, { { 11 } }, { { 12 } } };
    m->data = bc_buf_copy(bc_bytes(others, sizeof others));
    pool.ops->step(pool.self, &now, m, &out);
    bc_msg_free(m);
    while (out.head) {
        m = out.head;
        out.head = m->next;
        bc_msg_free(m);
    }
    return pool;
}

static void drop(bc_out_t *out)
{
    while (out->head) {
        bc_msg_t *m = out->head;
        out->head = m->next;
        bc_msg_free(m);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t modules[] = { BC_MODULE_SYNC_PUSH_TX, BC_MODULE_TXS_SYNC,
                                        BC_MODULE_CONS_TXS_SYNC, BC_MODULE_TREE_PUSH_TX };
    if (size < 1)
        return 0;
    bc_log_set_level(BC_LOG_FATAL);
    bc_nodeid_t peer;
    bc_actor_if pool = make(&peer);
    bc_out_t out = { .from = BC_ACTOR_TXPOOL };
    bc_now_t now = { 10, 1700000000010 };
    bc_msg_t *m = bc_msg_new(BC_ACTOR_FRONT, BC_ACTOR_TXPOOL,
                             data[0] & 4 ? BC_MSG_RESPONSE : BC_MSG_DELIVER);
    m->module = modules[data[0] & 3];
    m->node = peer;
    m->uuid[0] = 'u';
    m->data = bc_buf_copy(bc_bytes(data + 1, size - 1));
    pool.ops->step(pool.self, &now, m, &out);
    bc_msg_free(m);
    drop(&out);
    pool.ops->free(pool.self);
    return 0;
}
