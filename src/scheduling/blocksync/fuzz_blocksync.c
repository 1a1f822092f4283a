/* Block sync messages of another node, several in a row: each is a length byte pair and as many
 * bytes of payload. */
#include <stdlib.h>
#include "base/log.h"
#include "scheduling/blocksync/blocksync.h"

static bc_actor_if make(bc_nodeid_t *peer)
{
    memset(peer->b, 7, 64);
    /* what is below block 3 was archived, and comes back */
    bc_blocksync_config_t c = { .suite = BC_SUITE_STANDARD, .archived = 3, .restore = true };
    bc_actor_if sync = bc_blocksync_new(&c);
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SYNC, BC_MSG_START);
    m->config = bc_xcalloc(1, sizeof *m->config);
    atomic_init(&m->config->refs, 1);
    m->config->number = 3;
    m->config->sealers = bc_arena_alloc(&m->config->arena, sizeof *m->config->sealers);
    m->config->sealer_cnt = 1;
    m->config->sealers[0] = (bc_node_entry_t){ .id = *peer, .vote_weight = 1 };
    /* the genesis hash that the captured messages of the corpus carry */
    static const uint8_t genesis[4] = { 0x54, 0x23, 0xb1, 0x26 };
    memcpy(m->config->genesis_hash.b, genesis, 4);
    bc_out_t out = { .from = BC_ACTOR_SYNC };
    bc_now_t now = { 0, 1700000000000 };
    sync.ops->step(sync.self, &now, m, &out);
    bc_msg_free(m);
    m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SYNC, BC_MSG_PEERS); /* strangers' blocks are not taken */
    m->data = bc_buf_copy(BC_VIEW(*peer));
    sync.ops->step(sync.self, &now, m, &out);
    bc_msg_free(m);
    while (out.head) {
        m = out.head;
        out.head = m->next;
        bc_msg_free(m);
    }
    return sync;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bc_log_set_level(BC_LOG_FATAL);
    bc_nodeid_t peer;
    bc_actor_if sync = make(&peer);
    bc_now_t now = { 10, 1700000000010 };
    bc_rd_t r = bc_rd(bc_bytes(data, size));
    for (int i = 0; i < 16 && bc_rd_left(&r); i++) {
        size_t n = bc_rd_be16(&r);
        bc_bytes_t v = bc_rd_take(&r, BC_MIN(n, bc_rd_left(&r)));
        bc_out_t out = { .from = BC_ACTOR_SYNC };
        bc_msg_t *m = bc_msg_new(BC_ACTOR_FRONT, BC_ACTOR_SYNC, BC_MSG_DELIVER);
        m->module = BC_MODULE_BLOCK_SYNC;
        m->node = peer;
        m->data = bc_buf_copy(v);
        sync.ops->step(sync.self, &now, m, &out);
        bc_msg_free(m);
        while (out.head) {
            m = out.head;
            out.head = m->next;
            bc_msg_free(m);
        }
        now.mono_ms += 100;
    }
    sync.ops->free(sync.self);
    return 0;
}
