#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>
#include "block_sync.pb-c.h"
#include "iface/test_actor.h"
#include "base/log.h"
#include "scheduling/blocksync/blocksync.h"

enum { SEALERS = 4, SELF = 3 };

/* Block sync of one node with everybody around it played by hand. */
typedef struct {
    bc_actor_if sync;
    bc_out_t out;
    bc_now_t now;
    bc_keypair_t keys[SEALERS];
    bc_ledger_config_t *config;
    bc_h256_t parent; /* hash of the last block made or in the ledger */
} rig_t;

static void feed(rig_t *r, bc_msg_t *m)
{
    r->out.from = BC_ACTOR_SYNC;
    r->sync.ops->step(r->sync.self, &r->now, m, &r->out);
    bc_msg_free(m);
}

static bc_msg_t *take(rig_t *r, bc_msg_kind_t kind)
{
    return bc_test_take(&r->out, kind);
}

static void drop_all(rig_t *r)
{
    bc_test_drop_all(&r->out);
}

static bc_ledger_config_t *config_at(const rig_t *r, int64_t number)
{
    bc_ledger_config_t *c = bc_xcalloc(1, sizeof *c);
    atomic_init(&c->refs, 1);
    c->number = number;
    c->hash = r->parent;
    memset(c->genesis_hash.b, 0x22, 32);
    c->sealer_cnt = SEALERS;
    c->sealers = bc_arena_alloc(&c->arena, SEALERS * sizeof *c->sealers);
    for (size_t i = 0; i < SEALERS; i++)
        c->sealers[i] = (bc_node_entry_t){ .id = r->keys[i].pub, .vote_weight = 1 };
    return c;
}

static rig_t rig_with(bc_blocksync_config_t c)
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

static rig_t rig_new(void)
{
    return rig_with((bc_blocksync_config_t){ 0 });
}

static void rig_free(rig_t *r)
{
    drop_all(r);
    r->sync.ops->free(r->sync.self);
    bc_ledger_config_unref(r->config);
}

static void deliver(rig_t *r, size_t from, const BcPb__BlockSyncMessage *msg)
{
    bc_msg_t *m = bc_msg_new(BC_ACTOR_FRONT, BC_ACTOR_SYNC, BC_MSG_DELIVER);
    m->module = BC_MODULE_BLOCK_SYNC;
    m->node = r->keys[from].pub;
    m->data = bc_buf_new(bc_pb__block_sync_message__get_packed_size(msg));
    bc_pb__block_sync_message__pack(msg, m->data->p);
    feed(r, m);
}

static void status(rig_t *r, size_t from, int64_t number, uint8_t genesis)
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

/* Signers as bits; the block follows r->parent and becomes it. */
static bc_hdr_t *make_header(rig_t *r, int64_t number, unsigned signers, bool twice)
{
    bc_parent_t parent = { number - 1, BC_VIEW(r->parent) };
    bc_bytes_t list[SEALERS];
    int64_t weights[SEALERS];
    for (size_t i = 0; i < SEALERS; i++) {
        list[i] = BC_VIEW(r->keys[i].pub);
        weights[i] = 1;
    }
    uint8_t zero[32] = { 0 };
    bc_header_t h = { .data = { .version = (int32_t)BC_VERSION_3_16_0,
                                .parents = { &parent, 1 },
                                .txs_root = { zero, 32 },
                                .receipts_root = { zero, 32 },
                                .state_root = { zero, 32 },
                                .number = number,
                                .gas_used = BC_STR("0"),
                                .timestamp = 1000 + number,
                                .sealer_list = { list, SEALERS },
                                .weights = { weights, SEALERS } } };
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

static void respond(rig_t *r, size_t from, bc_hdr_t *header)
{
    bc_block_t block = { .header = header->h };
    bc_wr_t w = { 0 };
    bc_tars_encode(&bc_block_tars, &block, &w);
    ProtobufCBinaryData data = { w.n, w.p };
    BcPb__BlockSyncMessage msg = BC_PB__BLOCK_SYNC_MESSAGE__INIT;
    msg.packettype = 2;
    msg.number = header->h.data.number;
    msg.n_blocksdata = 1;
    msg.blocksdata = &data;
    deliver(r, from, &msg);
    bc_wr_free(&w);
}

static void peers_ahead_are_asked_for_shards(void **state)
{
    (void)state;
    rig_t r = rig_new();
    status(&r, 0, 40, 0x22);
    bc_msg_t *m;
    int64_t asked = 0;
    for (; (m = take(&r, BC_MSG_SEND)); bc_msg_free(m)) {
        BcPb__BlockSyncMessage *msg = bc_pb__block_sync_message__unpack(NULL, m->data->n, m->data->p);
        if (msg->packettype == 1) {
            assert_memory_equal(m->node.b, r.keys[0].pub.b, 64);
            assert_true(msg->size <= 8);
            assert_int_equal(msg->block_data_flag, 12);
            asked += msg->size;
        }
        bc_pb__block_sync_message__free_unpacked(msg, NULL);
    }
    assert_int_equal(asked, 16); /* two rounds over one peer */
    rig_free(&r);
}

/* The requests that are under way: from, size, interval of each, in order. */
static size_t requests(rig_t *r, BcPb__BlockSyncMessage *out, size_t *to, size_t max)
{
    size_t cnt = 0;
    for (bc_msg_t *m; (m = take(r, BC_MSG_SEND)); bc_msg_free(m)) {
        BcPb__BlockSyncMessage *msg = bc_pb__block_sync_message__unpack(NULL, m->data->n, m->data->p);
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

static void blocks_of_a_shard_come_from_different_peers(void **state)
{
    (void)state;
    rig_t r = rig_new();
    BcPb__BlockSyncMessage req[16];
    size_t to[16];
    status(&r, 0, 2, 0x22);
    drop_all(&r);
    status(&r, 1, 100, 0x22);
    status(&r, 2, 100, 0x22);
    drop_all(&r);
    status(&r, 0, 100, 0x22);
    drop_all(&r);
    r.now.mono_ms += 1600;
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SYNC, BC_MSG_TIMER);
    m->number = 2; /* what was asked for did not come */
    feed(&r, m);
    size_t cnt = requests(&r, req, to, 16);
    assert_int_equal(cnt, 6);
    static const int64_t from[] = { 1, 2, 3, 25, 26, 27 };
    for (size_t i = 0; i < cnt; i++) {
        assert_int_equal(req[i].number, from[i]);
        assert_int_equal(req[i].size, 8);
        assert_int_equal(req[i].block_interval, 3);
        assert_true(i == 0 || to[i] != to[i - 1]);
    }
    assert_int_equal(to[0], to[3]);
    rig_free(&r);
}

/* One node's word, however often it raises it, makes nobody stop proposing. */
static void consensus_is_told_what_more_than_f_sealers_claim(void **state)
{
    (void)state;
    rig_t r = rig_new();
    for (int64_t n = 1000000; n < 1000005; n++)
        status(&r, 0, n, 0x22);
    assert_null(take(&r, BC_MSG_SYNC_HIGHEST));
    r.now.mono_ms += 1600;
    status(&r, 1, 35, 0x22);
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SYNC, BC_MSG_TIMER);
    m->number = 2;
    feed(&r, m);
    m = take(&r, BC_MSG_SYNC_HIGHEST);
    assert_non_null(m);
    assert_int_equal(m->number, 35);
    bc_msg_free(m);
    assert_null(take(&r, BC_MSG_SYNC_HIGHEST));
    bc_blocksync_status_t st;
    bc_blocksync_status(r.sync, &st);
    assert_int_equal(st.known_highest, 1000004);
    m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SYNC, BC_MSG_PEERS); /* the liar has gone */
    m->data = bc_buf_copy(BC_VIEW(r.keys[1].pub));
    feed(&r, m);
    bc_blocksync_status(r.sync, &st);
    assert_int_equal(st.known_highest, 35);
    rig_free(&r);
}

static void another_chains_status_is_ignored(void **state)
{
    (void)state;
    rig_t r = rig_new();
    status(&r, 0, 40, 0x23);
    assert_null(take(&r, BC_MSG_SYNC_HIGHEST));
    assert_null(take(&r, BC_MSG_SEND));
    rig_free(&r);
}

static void a_signed_block_is_executed_and_committed(void **state)
{
    (void)state;
    rig_t r = rig_new();
    status(&r, 0, 1, 0x22);
    drop_all(&r);
    bc_hdr_t *h = make_header(&r, 1, 7, false);
    respond(&r, 0, h);
    bc_msg_t *m = take(&r, BC_MSG_EXECUTE);
    assert_non_null(m);
    assert_true(m->flag);
    bc_msg_t *done = bc_msg_new(BC_ACTOR_SCHEDULER, BC_ACTOR_SYNC, BC_MSG_EXECUTED);
    done->token = m->token;
    done->number = 1;
    done->header = bc_hdr_ref(h);
    bc_msg_free(m);
    feed(&r, done);
    m = take(&r, BC_MSG_COMMIT);
    assert_non_null(m);
    assert_int_equal(m->header->h.signatures.n, 3);
    bc_msg_free(m);
    bc_hdr_unref(h);
    rig_free(&r);
}

/* W4: too few signatures, one counted twice, none at all on an empty block: never executed. */
static void a_block_without_a_quorum_is_dropped(void **state)
{
    (void)state;
    static const struct {
        unsigned signers;
        bool twice;
    } bad[] = { { 3, false }, { 3, true }, { 0, false } };
    for (size_t i = 0; i < BC_ARRAY_LEN(bad); i++) {
        rig_t r = rig_new();
        status(&r, 0, 1, 0x22);
        bc_hdr_t *h = make_header(&r, 1, bad[i].signers, bad[i].twice);
        respond(&r, 0, h);
        assert_null(take(&r, BC_MSG_EXECUTE));
        bc_hdr_unref(h);
        rig_free(&r);
    }
}

static bc_msg_t *executed(rig_t *r, bc_hdr_t *h, bool sys)
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

static void committed(rig_t *r, int64_t number)
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

static void retry(rig_t *r, int64_t after)
{
    r->now.mono_ms += after;
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SYNC, BC_MSG_TIMER);
    m->number = 3;
    feed(r, m);
}

/* What must not be executed whoever signed it: another list or weight, a sealer that is none,
 * transactions that are not the header's. And who sent it is not heard for a while. */
static void a_block_that_does_not_hold_is_dropped(void **state)
{
    (void)state;
    for (int what = 0; what < 5; what++) {
        rig_t r = rig_new();
        status(&r, 0, 1, 0x22);
        bc_hdr_t *good = make_header(&r, 1, 7, false);
        bc_header_t h = good->h;
        bc_bytes_t list[SEALERS], *was = h.data.sealer_list.v;
        int64_t weights[SEALERS] = { 1, 1, 1, 2 };
        uint8_t sig[3][BC_SIG_MAX];
        bc_h256_t root = { { 1 } };
        for (size_t i = 0; i < SEALERS; i++)
            list[i] = was[SEALERS - 1 - i];
        if (what == 0)
            h.data.sealer_list.v = list;
        else if (what == 1)
            h.data.weights.v = weights;
        else if (what == 2)
            h.data.sealer = SEALERS;
        else if (what == 3)
            h.data.txs_root = BC_VIEW(root); /* transactions that were left out */
        else
            h.data.sealer_list.n = h.data.weights.n = SEALERS - 1;
        h.data_hash = (bc_bytes_t){ 0 };
        bc_hdr_t *bad = bc_hdr_new(BC_SUITE_STANDARD, &h);
        bc_block_sig_t sigs[3];
        for (size_t i = 0; i < 3; i++)
            sigs[i] = (bc_block_sig_t){ (int64_t)i,
                                        { sig[i], bc_sign(&r.keys[i], &bad->hash, sig[i]) } };
        h.signatures = (bc_tars_list_t){ sigs, 3 };
        bc_hdr_unref(bad);
        bad = bc_hdr_new(BC_SUITE_STANDARD, &h);
        respond(&r, 0, bad);
        assert_null(take(&r, BC_MSG_EXECUTE));
        respond(&r, 0, good); /* not of this one any more */
        retry(&r, 20);
        assert_null(take(&r, BC_MSG_EXECUTE));
        respond(&r, 1, good);
        bc_msg_free(executed(&r, good, false));
        bc_hdr_unref(bad);
        bc_hdr_unref(good);
        rig_free(&r);
    }
}

static void strangers_blocks_are_not_taken(void **state)
{
    (void)state;
    rig_t r = rig_new();
    status(&r, 0, 1, 0x22);
    bc_hdr_t *h = make_header(&r, 1, 7, false);
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SYNC, BC_MSG_PEERS);
    m->data = bc_buf_copy(BC_VIEW(r.keys[0].pub));
    feed(&r, m);
    respond(&r, 1, h);
    assert_null(take(&r, BC_MSG_EXECUTE));
    respond(&r, 0, h);
    bc_msg_free(executed(&r, h, false));
    bc_hdr_unref(h);
    rig_free(&r);
}

static void a_system_block_is_written_before_the_next_one_runs(void **state)
{
    (void)state;
    for (int sys = 0; sys < 2; sys++) {
        rig_t r = rig_new();
        status(&r, 0, 2, 0x22);
        bc_hdr_t *one = make_header(&r, 1, 7, false), *two = make_header(&r, 2, 7, false);
        respond(&r, 0, two); /* order does not matter */
        respond(&r, 0, one);
        bc_msg_free(executed(&r, one, sys));
        if (sys) {
            assert_null(take(&r, BC_MSG_EXECUTE));
            committed(&r, 1);
        }
        bc_msg_free(executed(&r, two, false));
        bc_hdr_unref(one);
        bc_hdr_unref(two);
        rig_free(&r);
    }
}

static void a_failed_commit_is_done_again(void **state)
{
    (void)state;
    rig_t r = rig_new();
    status(&r, 0, 1, 0x22);
    bc_hdr_t *h = make_header(&r, 1, 7, false);
    respond(&r, 0, h);
    bc_msg_free(executed(&r, h, false));
    bc_msg_t *m = bc_msg_new(BC_ACTOR_SCHEDULER, BC_ACTOR_SYNC, BC_MSG_COMMIT_DONE);
    m->number = 1;
    m->err = BC_E_IO;
    feed(&r, m);
    drop_all(&r);
    retry(&r, 20);
    respond(&r, 0, h); /* asked for again */
    bc_msg_free(executed(&r, h, false));
    bc_hdr_unref(h);
    rig_free(&r);
}

/* Blocks that are executed but not written: at most ten. */
static void execution_waits_for_the_disk(void **state)
{
    (void)state;
    rig_t r = rig_new();
    status(&r, 0, 15, 0x22);
    bc_hdr_t *h[15];
    for (int64_t n = 0; n < 15; n++) {
        h[n] = make_header(&r, n + 1, 7, false);
        respond(&r, 0, h[n]);
    }
    for (int64_t n = 0; n < 10; n++)
        bc_msg_free(executed(&r, h[n], false));
    assert_null(take(&r, BC_MSG_EXECUTE));
    committed(&r, 1);
    bc_msg_free(executed(&r, h[10], false));
    assert_null(take(&r, BC_MSG_EXECUTE));
    for (int64_t n = 0; n < 15; n++)
        bc_hdr_unref(h[n]);
    rig_free(&r);
}

static void heights_are_told_at_most_every_50_ms(void **state)
{
    (void)state;
    rig_t r = rig_new();
    size_t told = 0;
    int64_t due = INT64_MAX;
    for (int64_t n = 1; n <= 1000; n++) { /* one block a millisecond */
        r.now.mono_ms++;
        committed(&r, n);
        if (r.now.mono_ms >= due) {
            bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SYNC, BC_MSG_TIMER);
            m->number = 1;
            feed(&r, m);
        }
        for (bc_msg_t *m; (m = take(&r, BC_MSG_TIMER_SET)); bc_msg_free(m))
            if (m->number == 1)
                due = r.now.mono_ms + m->number2;
        for (bc_msg_t *m; (m = take(&r, BC_MSG_SEND)); bc_msg_free(m))
            told++;
        drop_all(&r);
    }
    assert_in_range(told, 3 * 18, 3 * 21);
    rig_free(&r);
}

static void catching_up_has_a_speed(void **state)
{
    (void)state;
    rig_t r = rig_new();
    bc_blocksync_status_t st;
    status(&r, 0, 1000, 0x22);
    for (int64_t n = 1; n <= 200; n++) { /* 25 a second */
        r.now.mono_ms += 40;
        committed(&r, n);
    }
    bc_blocksync_status(r.sync, &st);
    assert_in_range(st.rate_tenths, 249, 251);
    assert_in_range(st.seconds_left, 33, 36);
    r.now.mono_ms += 10000; /* nothing comes */
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SYNC, BC_MSG_TIMER);
    m->number = 1;
    feed(&r, m);
    bc_blocksync_status(r.sync, &st);
    assert_in_range(st.rate_tenths, 40, 80);
    r.now.mono_ms += 5000;
    m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SYNC, BC_MSG_TIMER);
    m->number = 1;
    feed(&r, m);
    bc_blocksync_status(r.sync, &st);
    assert_int_equal(st.rate_tenths, 0);
    assert_int_equal(st.seconds_left, -1);
    committed(&r, 1000);
    bc_blocksync_status(r.sync, &st);
    assert_int_equal(st.rate_tenths, 0);
    rig_free(&r);
}

static void divergence_is_told_and_nothing_is_written(void **state)
{
    (void)state;
    rig_t r = rig_new();
    status(&r, 0, 1, 0x22);
    bc_hdr_t *h = make_header(&r, 1, 7, false);
    respond(&r, 0, h);
    bc_msg_t *m = take(&r, BC_MSG_EXECUTE), *done;
    done = bc_msg_new(BC_ACTOR_SCHEDULER, BC_ACTOR_SYNC, BC_MSG_EXECUTED);
    done->token = m->token;
    done->err = BC_E_MISMATCH;
    bc_msg_free(m);
    feed(&r, done);
    assert_null(take(&r, BC_MSG_COMMIT));
    bc_blocksync_status_t st;
    bc_blocksync_status(r.sync, &st);
    assert_int_equal(st.divergent, 1);
    bc_hdr_unref(h);
    rig_free(&r);
}

/* W9: a request for everything is cut; blocks are read a few at a time. */
static void a_huge_request_is_bounded(void **state)
{
    (void)state;
    rig_t r = rig_new();
    bc_committed_t *c = bc_xcalloc(1, sizeof *c);
    atomic_init(&c->refs, 1);
    c->number = 100000;
    c->config = config_at(&r, 100000);
    bc_msg_t *m = bc_msg_new(BC_ACTOR_SCHEDULER, BC_ACTOR_SYNC, BC_MSG_COMMITTED);
    m->committed = c;
    feed(&r, m);
    drop_all(&r);
    BcPb__BlockSyncMessage msg = BC_PB__BLOCK_SYNC_MESSAGE__INIT;
    msg.packettype = 1;
    msg.number = 1;
    msg.size = INT64_MAX;
    deliver(&r, 0, &msg);
    size_t loads = 0, served = 0;
    bc_msg_t *load[64];
    while ((m = take(&r, BC_MSG_LOAD_BLOCK)))
        load[loads++] = m;
    assert_true(loads > 0 && loads <= 8);
    while (loads) {
        bc_msg_t *got = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SYNC, BC_MSG_LOADED_BLOCK);
        got->token = load[--loads]->token;
        got->data = bc_buf_copy(BC_STR("block"));
        bc_msg_free(load[loads]);
        feed(&r, got);
        served++;
        while ((m = take(&r, BC_MSG_LOAD_BLOCK)))
            load[loads++] = m;
    }
    assert_true(served <= 1008);
    rig_free(&r);
}

static void ask(rig_t *r, size_t from, int64_t number, int64_t size, int64_t interval, int32_t flags)
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
static size_t serve_all(rig_t *r, int64_t *number, int64_t *parts, size_t max)
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

static void requests_are_merged_and_archived_blocks_left_out(void **state)
{
    (void)state;
    rig_t r = rig_with((bc_blocksync_config_t){ .archived = 95 });
    int64_t number[64], parts[64];
    committed(&r, 100);
    drop_all(&r);
    /* the loads of the first request are under way while the others are merged */
    ask(&r, 0, 91, 20, 0, 12); /* 95..100 */
    size_t cnt = serve_all(&r, number, parts, 64);
    assert_int_equal(cnt, 6);
    for (size_t i = 0; i < cnt; i++) {
        assert_int_equal(number[i], 95 + (int64_t)i);
        assert_int_equal(parts[i], BC_WITH_TXS);
    }
    size_t served = 0;
    for (bc_msg_t *m; (m = take(&r, BC_MSG_SEND)); bc_msg_free(m))
        served++;
    assert_int_equal(served, 6);
    ask(&r, 0, 96, 3, 2, 0xfffe); /* 96, 98, 100 whole */
    cnt = serve_all(&r, number, parts, 64);
    assert_int_equal(cnt, 3);
    assert_int_equal(number[1], 98);
    assert_int_equal(parts[1], BC_WITH_TXS | BC_WITH_RECEIPTS);
    ask(&r, 0, 97, 1, 0, 8);
    cnt = serve_all(&r, number, parts, 64);
    assert_int_equal(cnt, 1);
    assert_int_equal(parts[0], 0);
    /* numbers waiting: each once */
    committed(&r, 200);
    drop_all(&r);
    ask(&r, 0, 100, 50, 0, 0); /* 8 are being read */
    ask(&r, 0, 110, 50, 0, 0);
    ask(&r, 0, 108, 20, 2, 0);
    cnt = serve_all(&r, number, parts, 64);
    assert_int_equal(cnt, 60);
    rig_free(&r);
}

static void archive_number_is_told(void **state)
{
    (void)state;
    rig_t r = rig_with((bc_blocksync_config_t){ .archived = 7 });
    r.now.mono_ms += 1000;
    committed(&r, 10);
    bc_msg_t *m = take(&r, BC_MSG_SEND);
    assert_non_null(m);
    BcPb__BlockSyncMessage *msg = bc_pb__block_sync_message__unpack(NULL, m->data->n, m->data->p);
    assert_int_equal(msg->packettype, 0);
    assert_int_equal(msg->archived_number, 7);
    bc_pb__block_sync_message__free_unpacked(msg, NULL);
    bc_msg_free(m);
    rig_free(&r);
}

static void status_archived(rig_t *r, size_t from, int64_t number, int64_t archived)
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

static void peers_without_the_blocks_are_not_asked(void **state)
{
    (void)state;
    rig_t r = rig_new();
    BcPb__BlockSyncMessage req[16];
    size_t to[16];
    status_archived(&r, 0, 50, 30); /* 1..29 are gone there */
    assert_int_equal(requests(&r, req, to, 16), 0);
    status_archived(&r, 1, 50, 0);
    r.now.mono_ms += 1600;
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SYNC, BC_MSG_TIMER);
    m->number = 2;
    feed(&r, m);
    size_t cnt = requests(&r, req, to, 16);
    assert_true(cnt > 0);
    for (size_t i = 0; i < cnt; i++)
        assert_true(to[i] == 1 || req[i].number > 30);
    rig_free(&r);
}

static void restore_tick(rig_t *r)
{
    r->now.mono_ms += 1600;
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SYNC, BC_MSG_TIMER);
    m->number = 4;
    feed(r, m);
}

static void archived_block(rig_t *r, size_t from, int64_t number)
{
    uint8_t body[8] = { (uint8_t)number };
    ProtobufCBinaryData data = { sizeof body, body };
    BcPb__BlockSyncMessage msg = BC_PB__BLOCK_SYNC_MESSAGE__INIT;
    msg.packettype = 2;
    msg.number = number;
    msg.n_blocksdata = 1;
    msg.blocksdata = &data;
    deliver(r, from, &msg);
}

static void restored(rig_t *r, int64_t number, int64_t archived, bc_err_t err)
{
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SYNC, BC_MSG_ARCHIVED);
    m->token = (uint64_t)number;
    m->number = archived;
    m->err = err;
    feed(r, m);
}

/* The number that the host is asked to put back, 0: none. */
static int64_t restoring(rig_t *r)
{
    bc_msg_t *m = take(r, BC_MSG_RESTORE_BLOCK);
    if (!m)
        return 0;
    int64_t n = m->number;
    assert_int_equal(m->token, n);
    assert_int_equal(m->data->p[0], n & 255);
    bc_msg_free(m);
    return n;
}

static void archived_blocks_come_back_from_the_top(void **state)
{
    (void)state;
    rig_t r = rig_with((bc_blocksync_config_t){ .archived = 100, .restore = true });
    BcPb__BlockSyncMessage req[4];
    size_t to[4];
    committed(&r, 200);
    status_archived(&r, 0, 200, 100); /* has them no more */
    drop_all(&r);
    restore_tick(&r);
    assert_int_equal(requests(&r, req, to, 4), 0);
    status_archived(&r, 1, 200, 70); /* has a part */
    drop_all(&r);
    restore_tick(&r);
    assert_int_equal(requests(&r, req, to, 4), 1);
    assert_int_equal(to[0], 1);
    assert_int_equal(req[0].number, 71);
    assert_int_equal(req[0].size, 29);
    assert_int_equal(req[0].block_data_flag, 0xfffe);
    archived_block(&r, 1, 98);
    archived_block(&r, 1, 35); /* out of reach */
    assert_int_equal(restoring(&r), 0); /* 99 first */
    archived_block(&r, 1, 99);
    assert_int_equal(restoring(&r), 99);
    assert_int_equal(restoring(&r), 0); /* one at a time */
    restored(&r, 99, 99, BC_OK);
    assert_int_equal(restoring(&r), 98);
    restored(&r, 98, 99, BC_E_MISMATCH); /* it was another block: ask somebody else */
    assert_int_equal(restoring(&r), 0);
    status_archived(&r, 2, 200, 0);
    drop_all(&r);
    restore_tick(&r);
    assert_int_equal(requests(&r, req, to, 4), 1);
    assert_int_equal(to[0], 2);
    assert_int_equal(req[0].number, 99 - 64);
    assert_int_equal(req[0].size, 64);
    archived_block(&r, 1, 98); /* not heard */
    assert_int_equal(restoring(&r), 0);
    for (int64_t n = 98; n >= 35; n--)
        archived_block(&r, 2, n);
    for (int64_t n = 98; n >= 35; n--) {
        assert_int_equal(restoring(&r), n);
        restored(&r, n, n, BC_OK);
    }
    bc_blocksync_status_t st;
    bc_blocksync_status(r.sync, &st);
    assert_int_equal(st.archived, 35);
    restored(&r, 0, 2, BC_OK); /* put back by other means */
    drop_all(&r);
    restore_tick(&r);
    assert_int_equal(requests(&r, req, to, 4), 1);
    assert_int_equal(req[0].number, 1);
    assert_int_equal(req[0].size, 1);
    archived_block(&r, 2, 1);
    assert_int_equal(restoring(&r), 1);
    restored(&r, 1, 1, BC_OK);
    drop_all(&r);
    restore_tick(&r); /* block 0 is never archived: done */
    assert_int_equal(requests(&r, req, to, 4), 0);
    assert_null(take(&r, BC_MSG_TIMER_SET));
    rig_free(&r);
}

static void archived_blocks_stay_away_unless_wanted(void **state)
{
    (void)state;
    rig_t r = rig_with((bc_blocksync_config_t){ .archived = 100 });
    BcPb__BlockSyncMessage req[4];
    size_t to[4];
    committed(&r, 200);
    status_archived(&r, 1, 200, 0);
    drop_all(&r);
    restore_tick(&r);
    assert_int_equal(requests(&r, req, to, 4), 0);
    archived_block(&r, 1, 99);
    assert_int_equal(restoring(&r), 0);
    rig_free(&r);
}

int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peers_ahead_are_asked_for_shards),
        cmocka_unit_test(another_chains_status_is_ignored),
        cmocka_unit_test(blocks_of_a_shard_come_from_different_peers),
        cmocka_unit_test(consensus_is_told_what_more_than_f_sealers_claim),
        cmocka_unit_test(a_block_that_does_not_hold_is_dropped),
        cmocka_unit_test(strangers_blocks_are_not_taken),
        cmocka_unit_test(a_system_block_is_written_before_the_next_one_runs),
        cmocka_unit_test(a_failed_commit_is_done_again),
        cmocka_unit_test(execution_waits_for_the_disk),
        cmocka_unit_test(heights_are_told_at_most_every_50_ms),
        cmocka_unit_test(catching_up_has_a_speed),
        cmocka_unit_test(requests_are_merged_and_archived_blocks_left_out),
        cmocka_unit_test(archive_number_is_told),
        cmocka_unit_test(peers_without_the_blocks_are_not_asked),
        cmocka_unit_test(archived_blocks_come_back_from_the_top),
        cmocka_unit_test(archived_blocks_stay_away_unless_wanted),
        cmocka_unit_test(a_signed_block_is_executed_and_committed),
        cmocka_unit_test(a_block_without_a_quorum_is_dropped),
        cmocka_unit_test(divergence_is_told_and_nothing_is_written),
        cmocka_unit_test(a_huge_request_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
