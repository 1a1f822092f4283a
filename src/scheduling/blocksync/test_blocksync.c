/* Heights, download, checks and execution. */
#include "scheduling/blocksync/test_rig.h"

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

static void consensus_is_at(rig_t *r, int64_t index)
{
    bc_msg_t *m = bc_msg_new(BC_ACTOR_PBFT, BC_ACTOR_SYNC, BC_MSG_PROPOSAL_INDEX);
    m->number = index;
    feed(r, m);
}

static void blocks_of_a_shard_come_from_different_peers(void **state)
{
    (void)state;
    rig_t r = rig_new();
    BcPb__BlockSyncMessage req[16];
    size_t to[16];
    consensus_is_at(&r, 100); /* nothing to do yet */
    for (size_t i = 0; i < 3; i++)
        status(&r, i, 100, 0x22);
    assert_int_equal(requests(&r, req, to, 16), 0);
    consensus_is_at(&r, 0);
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

static void fire(rig_t *r, int64_t timer, int64_t after)
{
    r->now.mono_ms += after;
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SYNC, BC_MSG_TIMER);
    m->number = timer;
    feed(r, m);
}

/* A node that votes on every new block, but lacks the signatures of an old one. */
static void what_consensus_does_not_finish_is_fetched(void **state)
{
    (void)state;
    rig_t r = rig_new();
    BcPb__BlockSyncMessage req[16];
    size_t to[16];
    for (int64_t n = 1; n <= 7; n++) { /* the others make a block each half a second */
        consensus_is_at(&r, n + 1);
        for (size_t i = 0; i < 3; i++)
            status(&r, i, n, 0x22);
        assert_int_equal(requests(&r, req, to, 16) > 0, n == 7);
        r.now.mono_ms += 500;
    }
    assert_int_equal(req[0].number, 1);
    rig_free(&r);
}

/* The next blocks are on their way before the last ones have come: between one round and three. */
static void more_is_asked_for_while_blocks_come(void **state)
{
    (void)state;
    rig_t r = rig_new();
    BcPb__BlockSyncMessage req[64];
    size_t to[64];
    status(&r, 0, 1000, 0x22);
    int64_t asked = 0;
    for (int64_t came = 0; came < 160; came++) {
        size_t cnt = requests(&r, req, to, 64);
        for (size_t i = 0; i < cnt; i++) {
            assert_int_equal(req[i].number, asked + 1);
            asked += req[i].size;
        }
        assert_in_range(asked - came, 8, 24);
        bc_hdr_t *h = make_header(&r, came + 1, 7, false);
        respond(&r, 0, h);
        bc_hdr_unref(h);
    }
    rig_free(&r);
}

/* One that claims much and sends nothing delays others, no more. */
static void a_silent_peer_stops_nobody(void **state)
{
    (void)state;
    enum { TOP = 60 };
    rig_t r = rig_new();
    BcPb__BlockSyncMessage req[64];
    size_t to[64];
    bc_hdr_t *h[TOP + 1];
    for (int64_t n = 1; n <= TOP; n++)
        h[n] = make_header(&r, n, 7, false);
    status(&r, 0, 1000000, 0x22);
    status(&r, 1, TOP, 0x22);
    status(&r, 2, TOP, 0x22);
    int64_t done = 0;
    for (int round = 0; round < 6 && done < TOP; round++) {
        fire(&r, 2, 1600);
        for (size_t cnt; (cnt = requests(&r, req, to, 64));)
            for (size_t i = 0; i < cnt; i++) {
                int64_t step = req[i].block_interval ? req[i].block_interval : 1;
                for (int64_t k = 0, n = req[i].number; to[i] && k < req[i].size; k++, n += step)
                    respond(&r, to[i], h[n]);
            }
        for (bc_msg_t *m; (m = take(&r, BC_MSG_EXECUTE)); bc_msg_free(m)) {
            bc_msg_t *x = bc_msg_new(BC_ACTOR_SCHEDULER, BC_ACTOR_SYNC, BC_MSG_EXECUTED);
            x->token = m->token;
            x->header = bc_hdr_ref(m->header);
            feed(&r, x);
            committed(&r, ++done);
        }
    }
    assert_int_equal(done, TOP);
    for (int64_t n = 1; n <= TOP; n++)
        bc_hdr_unref(h[n]);
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

/* Numbers and times at the ends of their range are no news; nothing overflows. */
static void extreme_statuses_are_ignored(void **state)
{
    (void)state;
    rig_t r = rig_new();
    status(&r, 0, INT64_MAX, 0x22);
    uint8_t hash[32] = { 5 }, g[32];
    memset(g, 0x22, 32);
    BcPb__BlockSyncMessage msg = BC_PB__BLOCK_SYNC_MESSAGE__INIT;
    msg.version = 2;
    msg.hash = (ProtobufCBinaryData){ 32, hash };
    msg.genesishash = (ProtobufCBinaryData){ 32, g };
    msg.time = INT64_MIN;
    deliver(&r, 0, &msg);
    msg.time = INT64_MAX;
    deliver(&r, 1, &msg);
    assert_null(take(&r, BC_MSG_ALIGNED_TIME));
    assert_null(take(&r, BC_MSG_SYNC_HIGHEST));
    bc_blocksync_status_t st;
    bc_blocksync_status(r.sync, &st);
    assert_int_equal(st.known_highest, 0);
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

/* All signatures get into the ledger, and from there to nodes that look at each: a quorum does not
 * excuse one that is bad, is there twice, or is of nobody. */
static void no_bad_signature_behind_a_quorum(void **state)
{
    (void)state;
    static const struct {
        int64_t at; /* sealer named by the one after the quorum's three */
        int key;    /* and who made it */
        bool ok;
    } cases[] = { { 3, 3, true }, { 3, 0, false }, { 2, 2, false }, { SEALERS, 3, false }, { -1, 3, false } };
    for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++) {
        rig_t r = rig_new();
        status(&r, 0, 1, 0x22);
        bc_hdr_t *good = make_header(&r, 1, 7, false);
        bc_header_t h = good->h;
        uint8_t sig[BC_SIG_MAX];
        bc_block_sig_t sigs[4];
        memcpy(sigs, h.signatures.v, 3 * sizeof sigs[0]);
        sigs[3] = (bc_block_sig_t){ cases[i].at,
                                    { sig, bc_sign(&r.keys[cases[i].key], &good->hash, sig) } };
        h.signatures = (bc_tars_list_t){ sigs, 4 };
        bc_hdr_t *four = bc_hdr_new(BC_SUITE_STANDARD, &h);
        respond(&r, 0, four);
        bc_msg_t *m = take(&r, BC_MSG_EXECUTE);
        assert_int_equal(m != NULL, cases[i].ok);
        if (m)
            bc_msg_free(m);
        bc_hdr_unref(four);
        bc_hdr_unref(good);
        rig_free(&r);
    }
}

static void retry(rig_t *r, int64_t after)
{
    r->now.mono_ms += after;
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SYNC, BC_MSG_TIMER);
    m->number = 3;
    feed(r, m);
}

/* The list in the header is the one in force, whoever signed. */
static void a_block_of_another_list_is_dropped(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        rig_t r = rig_new();
        status(&r, 0, 1, 0x22);
        bc_hdr_t *h = make_header_of(&r, 1, 15, false, i == 1 ? 2 : 1, i == 2 ? SEALERS - 1 : SEALERS);
        respond(&r, 0, h);
        bc_msg_t *m = take(&r, BC_MSG_EXECUTE);
        assert_int_equal(m != NULL, i == 0);
        bc_msg_free(m);
        bc_hdr_unref(h);
        rig_free(&r);
    }
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

/* Large blocks are not executed far beyond the ledger. */
static void large_blocks_wait_for_the_disk(void **state)
{
    (void)state;
    rig_t r = rig_new();
    status(&r, 0, 3, 0x22);
    bc_hdr_t *h[3];
    for (int64_t n = 0; n < 3; n++) {
        h[n] = make_header(&r, n + 1, 7, false);
        respond(&r, 0, h[n]);
    }
    bc_msg_free(executed(&r, h[0], false));
    ((sync_t *)r.sync.self)->ahead_txs[1] = AHEAD_TXS_MAX; /* as if it had been a large one */
    bc_msg_free(executed(&r, h[1], false));
    assert_null(take(&r, BC_MSG_EXECUTE));
    committed(&r, 1);
    bc_msg_free(executed(&r, h[2], false));
    for (int64_t n = 0; n < 3; n++)
        bc_hdr_unref(h[n]);
    rig_free(&r);
}

/* Blocks that are executed but not written: at most 32. */
static void execution_waits_for_the_disk(void **state)
{
    (void)state;
    enum { TOP = AHEAD_MAX + 5 };
    rig_t r = rig_new();
    status(&r, 0, TOP, 0x22);
    bc_hdr_t *h[TOP];
    for (int64_t n = 0; n < TOP; n++) {
        h[n] = make_header(&r, n + 1, 7, false);
        respond(&r, 0, h[n]);
    }
    for (int64_t n = 0; n < AHEAD_MAX; n++)
        bc_msg_free(executed(&r, h[n], false));
    assert_null(take(&r, BC_MSG_EXECUTE));
    committed(&r, 1);
    bc_msg_free(executed(&r, h[AHEAD_MAX], false));
    assert_null(take(&r, BC_MSG_EXECUTE));
    for (int64_t n = 0; n < TOP; n++)
        bc_hdr_unref(h[n]);
    rig_free(&r);
}

/* A block that is large only in bytes that its hash covers. */
static bc_hdr_t *fat_header(rig_t *r, int64_t number, bc_bytes_t extra)
{
    bc_hdr_t *thin = make_header(r, number, 7, false);
    bc_header_t h = thin->h;
    h.data.extra_data = extra;
    h.data_hash = (bc_bytes_t){ 0 };
    bc_hdr_t *fat = bc_hdr_new(BC_SUITE_STANDARD, &h);
    bc_hdr_unref(thin);
    return fat;
}

/* Downloaded blocks take a bounded amount of memory, and the next one always gets in. */
static void downloaded_blocks_are_bounded_by_bytes(void **state)
{
    (void)state;
    rig_t r = rig_new();
    const sync_t *s = r.sync.self;
    size_t n = 8 << 20;
    uint8_t *extra = bc_xcalloc(1, n);
    status(&r, 0, 30, 0x22);
    bc_hdr_t *first = make_header(&r, 1, 7, false);
    for (int64_t number = 2; number <= 30; number++) {
        bc_hdr_t *h = fat_header(&r, number, bc_bytes(extra, n));
        respond(&r, 0, h);
        bc_hdr_unref(h);
        assert_true(s->slot_bytes <= WINDOW_BYTES_MAX);
    }
    assert_true(s->slot_bytes > WINDOW_BYTES_MAX - 2 * n);
    respond(&r, 0, first);
    bc_msg_free(executed(&r, first, false));
    assert_true(s->slot_bytes <= WINDOW_BYTES_MAX);
    committed(&r, 30); /* consensus was faster: all of them go */
    assert_int_equal(s->slot_bytes, 0);
    bc_hdr_unref(first);
    free(extra);
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

/* Our execution of the block that was sent has another result than the signed one. */
static void executed_differently(rig_t *r)
{
    bc_msg_t *m = take(r, BC_MSG_EXECUTE), *done;
    assert_non_null(m);
    done = bc_msg_new(BC_ACTOR_SCHEDULER, BC_ACTOR_SYNC, BC_MSG_EXECUTED);
    done->token = m->token;
    done->err = BC_E_MISMATCH;
    bc_msg_free(m);
    feed(r, done);
    assert_null(take(r, BC_MSG_COMMIT));
}

static int64_t divergent(rig_t *r)
{
    bc_blocksync_status_t st;
    bc_blocksync_status(r->sync, &st);
    return st.divergent;
}

static void divergence_is_told_and_nothing_is_written(void **state)
{
    (void)state;
    rig_t r = rig_new();
    BcPb__BlockSyncMessage msgs[8];
    size_t to[8];
    for (size_t i = 0; i < 3; i++)
        status(&r, i, 1, 0x22);
    (void)requests(&r, msgs, to, 8);
    bc_hdr_t *h = make_header(&r, 1, 7, false);
    respond(&r, 0, h);
    executed_differently(&r);
    assert_int_equal(divergent(&r), 0); /* the one who sent it may have altered it */
    respond(&r, 0, h); /* and is not heard now */
    retry(&r, 20);
    assert_null(take(&r, BC_MSG_EXECUTE));
    assert_int_equal(requests(&r, msgs, to, 8), 1);
    assert_int_not_equal(to[0], 0);
    respond(&r, to[0], h);
    executed_differently(&r);
    assert_int_equal(divergent(&r), 1);
    bc_hdr_unref(h);
    rig_free(&r);
}

/* What the second one sends is executed as it should: nothing was wrong with us. */
static void an_altered_block_is_no_divergence(void **state)
{
    (void)state;
    rig_t r = rig_new();
    for (size_t i = 0; i < 3; i++)
        status(&r, i, 1, 0x22);
    bc_hdr_t *h = make_header(&r, 1, 7, false);
    respond(&r, 0, h);
    executed_differently(&r);
    retry(&r, 20);
    respond(&r, 1, h);
    bc_msg_free(executed(&r, h, false));
    assert_int_equal(divergent(&r), 0);
    bc_hdr_unref(h);
    rig_free(&r);
}


int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peers_ahead_are_asked_for_shards),
        cmocka_unit_test(another_chains_status_is_ignored),
        cmocka_unit_test(blocks_of_a_shard_come_from_different_peers),
        cmocka_unit_test(what_consensus_does_not_finish_is_fetched),
        cmocka_unit_test(more_is_asked_for_while_blocks_come),
        cmocka_unit_test(a_silent_peer_stops_nobody),
        cmocka_unit_test(consensus_is_told_what_more_than_f_sealers_claim),
        cmocka_unit_test(a_block_of_another_list_is_dropped),
        cmocka_unit_test(a_block_that_does_not_hold_is_dropped),
        cmocka_unit_test(strangers_blocks_are_not_taken),
        cmocka_unit_test(a_system_block_is_written_before_the_next_one_runs),
        cmocka_unit_test(a_failed_commit_is_done_again),
        cmocka_unit_test(execution_waits_for_the_disk),
        cmocka_unit_test(large_blocks_wait_for_the_disk),
        cmocka_unit_test(downloaded_blocks_are_bounded_by_bytes),
        cmocka_unit_test(heights_are_told_at_most_every_50_ms),
        cmocka_unit_test(catching_up_has_a_speed),
        cmocka_unit_test(an_altered_block_is_no_divergence),
        cmocka_unit_test(extreme_statuses_are_ignored),
        cmocka_unit_test(a_signed_block_is_executed_and_committed),
        cmocka_unit_test(a_block_without_a_quorum_is_dropped),
        cmocka_unit_test(no_bad_signature_behind_a_quorum),
        cmocka_unit_test(divergence_is_told_and_nothing_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
