/* Block sync of one node with everybody around it played by hand: for the tests of this folder. */
#ifndef BC_BLOCKSYNC_TEST_RIG_H
#define BC_BLOCKSYNC_TEST_RIG_H

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/log.h"
#include "iface/test_actor.h"
#include "scheduling/blocksync/blocksync_impl.h"

enum { SEALERS = 4, SELF = 3 };

typedef struct {
    bc_actor_if sync;
    bc_out_t out;
    bc_now_t now;
    bc_keypair_t keys[SEALERS];
    bc_ledger_config_t *config;
    bc_h256_t parent; /* hash of the last block made or in the ledger */
    uint64_t first_weight; /* of the first sealer in configurations to come; 0: 1 */
    bc_txs_t *txs; /* of the blocks that are made and sent now, borrowed; NULL: none */
} rig_t;

static inline void feed(rig_t *r, bc_msg_t *m)
{
    r->out.from = BC_ACTOR_SYNC;
    r->sync.ops->step(r->sync.self, &r->now, m, &r->out);
    bc_msg_free(m);
}

static inline bc_msg_t *take(rig_t *r, bc_msg_kind_t kind)
{
    return bc_test_take(&r->out, kind);
}

static inline void drop_all(rig_t *r)
{
    bc_test_drop_all(&r->out);
}

static inline bc_ledger_config_t *config_at(const rig_t *r, int64_t number)
{
    bc_ledger_config_t *c = bc_xcalloc(1, sizeof *c);
    atomic_init(&c->refs, 1);
    c->number = number;
    c->hash = r->parent;
    memset(c->genesis_hash.b, 0x22, 32);
    c->sealer_cnt = SEALERS;
    c->sealers = bc_arena_alloc(&c->arena, SEALERS * sizeof *c->sealers);
    for (size_t i = 0; i < SEALERS; i++)
        c->sealers[i] = (bc_node_entry_t){
            .id = r->keys[i].pub, .vote_weight = !i && r->first_weight ? r->first_weight : 1
        };
    return c;
}

static inline rig_t rig_with(bc_blocksync_config_t c)
{
    rig_t r = { .now = { 100000, 1700000000000 } };
    for (uint8_t i = 0; i < SEALERS; i++) {
        uint8_t secret[32] = { [31] = (uint8_t)(i + 1) };
        assert_int_equal(bc_keypair_from_secret(BC_SUITE_STANDARD, secret, &r.keys[i]), BC_OK);
    }
    memset(r.parent.b, 1, 32);
    c.suite = BC_SUITE_STANDARD;
    c.self = r.keys[SELF].pub;
    r.sync = bc_blocksync_new(&c);
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SYNC, BC_MSG_START);
    m->config = r.config = config_at(&r, 0);
    bc_ledger_config_ref(r.config);
    feed(&r, m);
    m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SYNC, BC_MSG_PEERS);
    m->data = bc_buf_new(3 * 64);
    for (size_t i = 0; i < 3; i++)
        memcpy(m->data->p + 64 * i, r.keys[i].pub.b, 64);
    feed(&r, m);
    drop_all(&r);
    return r;
}

static inline rig_t rig_new(void)
{
    return rig_with((bc_blocksync_config_t){ 0 });
}

static inline void rig_free(rig_t *r)
{
    drop_all(r);
    r->sync.ops->free(r->sync.self);
    bc_ledger_config_unref(r->config);
}

static inline void deliver(rig_t *r, size_t from, const BcPb__BlockSyncMessage *msg)
{
    bc_msg_t *m = bc_msg_new(BC_ACTOR_FRONT, BC_ACTOR_SYNC, BC_MSG_DELIVER);
    m->module = BC_MODULE_BLOCK_SYNC;
    m->node = r->keys[from].pub;
    m->data = bc_buf_new(bc_pb__block_sync_message__get_packed_size(msg));
    bc_pb__block_sync_message__pack(msg, m->data->p);
    feed(r, m);
}

static inline void status(rig_t *r, size_t from, int64_t number, uint8_t genesis)
{
    uint8_t hash[32] = { 5 }, g[32];
    memset(g, genesis, 32);
    BcPb__BlockSyncMessage msg = BC_PB__BLOCK_SYNC_MESSAGE__INIT;
    msg.version = 2;
    msg.number = number;
    msg.hash = (ProtobufCBinaryData){ 32, hash };
    msg.genesishash = (ProtobufCBinaryData){ 32, g };
    msg.time = r->now.utc_ms;
    deliver(r, from, &msg);
}

/* Signers as bits; the block follows r->parent and becomes it. The first list_cnt sealers in the
 * header, the first one with first_weight. */
static inline bc_hdr_t *make_header_of(rig_t *r, int64_t number, unsigned signers, bool twice,
                                       int64_t first_weight, size_t list_cnt)
{
    bc_parent_t parent = { number - 1, BC_VIEW(r->parent) };
    bc_bytes_t list[SEALERS];
    int64_t weights[SEALERS];
    for (size_t i = 0; i < SEALERS; i++) {
        list[i] = BC_VIEW(r->keys[i].pub);
        weights[i] = i ? 1 : first_weight;
    }
    uint8_t zero[32] = { 0 };
    size_t tx_cnt = r->txs ? r->txs->cnt : 0;
    bc_h256_t root, *hashes = bc_xcalloc(tx_cnt + 1, sizeof *hashes);
    for (size_t i = 0; i < tx_cnt; i++)
        hashes[i] = r->txs->v[i]->hash;
    assert_int_equal(bc_merkle_root(BC_SUITE_STANDARD, hashes, tx_cnt, &root), BC_OK);
    free(hashes);
    bc_header_t h = { .data = { .version = (int32_t)BC_VERSION_3_16_0,
                                .parents = { &parent, 1 },
                                .txs_root = BC_VIEW(root),
                                .receipts_root = { zero, 32 },
                                .state_root = { zero, 32 },
                                .number = number,
                                .gas_used = BC_STR("0"),
                                .timestamp = 1000 + number,
                                .sealer_list = { list, list_cnt },
                                .weights = { weights, list_cnt } } };
    bc_hdr_t *unsigned_ = bc_hdr_new(BC_SUITE_STANDARD, &h);
    uint8_t sig[SEALERS][BC_SIG_MAX];
    bc_block_sig_t sigs[2 * SEALERS];
    size_t cnt = 0;
    for (size_t i = 0; i < SEALERS; i++) {
        if (!(signers >> i & 1))
            continue;
        size_t n = bc_sign(&r->keys[i], &unsigned_->hash, sig[i]);
        for (int k = 0; k < (twice ? 2 : 1); k++)
            sigs[cnt++] = (bc_block_sig_t){ (int64_t)i, { sig[i], n } };
    }
    h.signatures = (bc_tars_list_t){ sigs, cnt };
    bc_hdr_t *out = bc_hdr_new(BC_SUITE_STANDARD, &h);
    r->parent = out->hash;
    bc_hdr_unref(unsigned_);
    return out;
}

static inline bc_hdr_t *make_header(rig_t *r, int64_t number, unsigned signers, bool twice)
{
    return make_header_of(r, number, signers, twice, 1, SEALERS);
}

static inline void respond(rig_t *r, size_t from, bc_hdr_t *header)
{
    bc_block_t block = { .header = header->h };
    bc_wr_t w = { 0 };
    size_t tx_cnt = r->txs ? r->txs->cnt : 0;
    bc_tx_wire_t *txs = bc_xcalloc(tx_cnt + 1, sizeof *txs);
    for (size_t i = 0; i < tx_cnt; i++)
        txs[i] = r->txs->v[i]->w;
    block.txs = (bc_tars_list_t){ txs, tx_cnt };
    bc_tars_encode(&bc_block_tars, &block, &w);
    ProtobufCBinaryData data = { w.n, w.p };
    BcPb__BlockSyncMessage msg = BC_PB__BLOCK_SYNC_MESSAGE__INIT;
    msg.packettype = 2;
    msg.number = header->h.data.number;
    msg.n_blocksdata = 1;
    msg.blocksdata = &data;
    deliver(r, from, &msg);
    bc_wr_free(&w);
    free(txs);
}

/* The requests that are under way: from, size, interval of each, in order. */
static inline size_t requests(rig_t *r, BcPb__BlockSyncMessage *out, size_t *to, size_t max)
{
    size_t cnt = 0;
    for (bc_msg_t *m; (m = take(r, BC_MSG_SEND)); bc_msg_free(m)) {
        BcPb__BlockSyncMessage *msg =
            bc_pb__block_sync_message__unpack(NULL, m->data->n, m->data->p);
        if (msg->packettype == 1) {
            assert_true(cnt < max);
            out[cnt] = *msg; /* numbers only */
            for (to[cnt] = 0; memcmp(r->keys[to[cnt]].pub.b, m->node.b, 64) != 0; to[cnt]++) {
            }
            cnt++;
        }
        bc_pb__block_sync_message__free_unpacked(msg, NULL);
    }
    return cnt;
}

static inline bc_msg_t *executed(rig_t *r, bc_hdr_t *h, bool sys)
{
    bc_msg_t *m = take(r, BC_MSG_EXECUTE);
    assert_non_null(m);
    assert_int_equal(m->header->h.data.number, h->h.data.number);
    bc_msg_t *done = bc_msg_new(BC_ACTOR_SCHEDULER, BC_ACTOR_SYNC, BC_MSG_EXECUTED);
    done->token = m->token;
    done->number = h->h.data.number;
    done->header = bc_hdr_ref(h);
    done->flag = sys;
    bc_msg_free(m);
    feed(r, done);
    m = take(r, BC_MSG_COMMIT);
    assert_non_null(m);
    return m;
}

static inline void committed(rig_t *r, int64_t number)
{
    bc_committed_t *c = bc_xcalloc(1, sizeof *c);
    atomic_init(&c->refs, 1);
    c->number = number;
    c->config = config_at(r, number);
    bc_msg_t *m = bc_msg_new(BC_ACTOR_SCHEDULER, BC_ACTOR_SYNC, BC_MSG_COMMITTED);
    m->number = number;
    m->committed = c;
    feed(r, m);
}

static inline void ask(rig_t *r, size_t from, int64_t number, int64_t size, int64_t interval,
                       int32_t flags)
{
    BcPb__BlockSyncMessage msg = BC_PB__BLOCK_SYNC_MESSAGE__INIT;
    msg.packettype = 1;
    msg.number = number;
    msg.size = size;
    msg.block_interval = interval;
    msg.block_data_flag = flags;
    deliver(r, from, &msg);
}

/* Serves what is asked for; the numbers in order, and the parts of each. */
static inline size_t serve_all(rig_t *r, int64_t *number, int64_t *parts, size_t max)
{
    size_t cnt = 0;
    for (bc_msg_t *m; (m = take(r, BC_MSG_LOAD_BLOCK)); bc_msg_free(m)) {
        assert_true(cnt < max);
        number[cnt] = m->number;
        parts[cnt++] = m->number2;
        bc_msg_t *got = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SYNC, BC_MSG_LOADED_BLOCK);
        got->token = m->token;
        got->data = bc_buf_copy(BC_STR("block"));
        feed(r, got);
    }
    return cnt;
}

static inline void status_archived(rig_t *r, size_t from, int64_t number, int64_t archived)
{
    uint8_t hash[32] = { 5 }, g[32];
    memset(g, 0x22, 32);
    BcPb__BlockSyncMessage msg = BC_PB__BLOCK_SYNC_MESSAGE__INIT;
    msg.version = 2;
    msg.number = number;
    msg.hash = (ProtobufCBinaryData){ 32, hash };
    msg.genesishash = (ProtobufCBinaryData){ 32, g };
    msg.archived_number = archived;
    deliver(r, from, &msg);
}

#endif
