/* Blocks with transactions, blocks that do not hold, whom to ask again and when. */
#include "scheduling/blocksync/test_rig.h"
#include <stdio.h>

static bc_tx_t *make_tx(int id)
{
    char nonce[16];
    snprintf(nonce, sizeof nonce, "%d", id);
    bc_tx_data_t d = { .chain_id = BC_STR("chain0"), .group_id = BC_STR("group0"), .block_limit = 500,
                       .nonce = bc_cstr(nonce) };
    bc_tx_t *tx;
    assert_int_equal(bc_tx_make(BC_SUITE_STANDARD, &d, 0, (bc_bytes_t){ 0 }, NULL, &tx), BC_OK);
    return tx;
}

/* cnt times the same two, in turn: only their number matters. */
static bc_txs_t *make_txs(size_t cnt, int first)
{
    bc_txs_t *txs = bc_txs_new(cnt);
    for (size_t i = 0; i < cnt; i++)
        txs->v[i] = i < 2 ? make_tx(first + (int)i) : bc_tx_ref(txs->v[i % 2]);
    return txs;
}

/* How many blocks are to be recovered now; their numbers, the transactions of the last. */
static size_t recovering(rig_t *r, int64_t *number, bc_txs_t **txs)
{
    size_t cnt = 0;
    for (bc_msg_t *m; (m = take(r, BC_MSG_RECOVER)); bc_msg_free(m)) {
        number[cnt++] = (int64_t)m->token;
        bc_txs_unref(*txs);
        *txs = bc_txs_ref(m->txs);
    }
    return cnt;
}

static void recovered(rig_t *r, int64_t number, bc_txs_t *txs, bool good)
{
    for (size_t i = 0; i < txs->cnt; i++)
        txs->v[i]->sender_known = good || i + 1 < txs->cnt; /* the last one is bad */
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SYNC, BC_MSG_RECOVERED);
    m->token = (uint64_t)number;
    m->txs = bc_txs_ref(txs);
    feed(r, m);
}

static bool none_executed(rig_t *r)
{
    bc_msg_t *m = take(r, BC_MSG_EXECUTE);
    bool none = !m;
    bc_msg_free(m);
    return none;
}

static void fire(rig_t *r, int64_t timer, int64_t after)
{
    r->now.mono_ms += after;
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SYNC, BC_MSG_TIMER);
    m->number = timer;
    feed(r, m);
}

/* ---- transactions ---- */

/* A block is executed when the senders of its own transactions are known. */
static void transactions_are_recovered_first(void **state)
{
    (void)state;
    rig_t r = rig_new();
    int64_t number[32];
    bc_txs_t *got = NULL, *other = make_txs(3, 70);
    status(&r, 0, 1, 0x22);
    r.txs = make_txs(3, 1);
    bc_hdr_t *h = make_header(&r, 1, 7, false);
    respond(&r, 0, h);
    assert_int_equal(recovering(&r, number, &got), 1);
    assert_int_equal(number[0], 1);
    assert_int_equal(got->cnt, 3);
    for (size_t i = 0; i < 3; i++)
        assert_memory_equal(&got->v[i]->hash, &r.txs->v[i]->hash, sizeof(bc_h256_t));
    assert_true(none_executed(&r));
    recovered(&r, 1, other, true); /* of something else */
    recovered(&r, 2, got, true);
    assert_true(none_executed(&r));
    recovered(&r, 1, got, true);
    recovered(&r, 1, got, true); /* again: nothing new */
    bc_msg_t *m = take(&r, BC_MSG_EXECUTE);
    assert_non_null(m);
    assert_int_equal(m->token, 1);
    assert_ptr_equal(m->txs, got);
    bc_msg_free(m);
    assert_true(none_executed(&r));
    bc_txs_unref(got);
    bc_txs_unref(other);
    bc_txs_unref(r.txs);
    bc_hdr_unref(h);
    rig_free(&r);
}

/* A quorum signed the header, and somebody changed a transaction or left one out; or one's signature
 * is bad. Who sent it is not heard for half a minute. */
static void transactions_that_do_not_hold(void **state)
{
    (void)state;
    for (int what = 0; what < 3; what++) {
        rig_t r = rig_new();
        int64_t number[32];
        bc_txs_t *got = NULL, *all = make_txs(3, 1), *others = make_txs(what == 1 ? 2 : 3, what == 1 ? 1 : 70);
        status(&r, 0, 1, 0x22);
        status(&r, 1, 1, 0x22);
        r.txs = all;
        bc_hdr_t *h = make_header(&r, 1, 7, false);
        r.txs = what < 2 ? others : all;
        respond(&r, 0, h);
        assert_int_equal(recovering(&r, number, &got), 1);
        recovered(&r, 1, got, what < 2);
        assert_true(none_executed(&r));
        r.txs = all;
        respond(&r, 0, h); /* the true one, too late */
        fire(&r, TIMER_RETRY, 29999);
        assert_int_equal(recovering(&r, number, &got), 0);
        respond(&r, 0, h);
        assert_int_equal(recovering(&r, number, &got), 0);
        fire(&r, TIMER_RETRY, 1);
        respond(&r, 0, h);
        assert_int_equal(recovering(&r, number, &got), 1);
        recovered(&r, 1, got, true);
        bc_msg_free(executed(&r, h, false));
        bc_txs_unref(got);
        bc_txs_unref(all);
        bc_txs_unref(others);
        bc_hdr_unref(h);
        rig_free(&r);
    }
}

/* Ahead of their turn, but not far: a number of blocks, or of transactions. */
static void recovery_runs_a_bit_ahead(void **state)
{
    (void)state;
    enum { TOP = RECOVER_AHEAD + 3 };
    for (int large = 0; large < 2; large++) {
        rig_t r = rig_new();
        int64_t number[TOP];
        bc_txs_t *got = NULL, *first = NULL;
        bc_hdr_t *h[TOP + 1];
        status(&r, 0, TOP, 0x22);
        r.txs = make_txs(large ? RECOVER_TXS_MAX : 1, 1);
        size_t asked = 0;
        for (int64_t n = 1; n <= TOP; n++) {
            h[n] = make_header(&r, n, 7, false);
            respond(&r, 0, h[n]);
            asked += recovering(&r, number + asked, &got);
            if (n == 1)
                first = bc_txs_ref(got);
        }
        size_t ahead = large ? 1 : RECOVER_AHEAD;
        assert_int_equal(asked, ahead);
        for (size_t i = 0; i < asked; i++)
            assert_int_equal(number[i], i + 1);
        recovered(&r, 1, first, true);
        bc_msg_free(executed(&r, h[1], false));
        assert_int_equal(recovering(&r, number, &got), 1);
        assert_int_equal(number[0], ahead + 1);
        for (int64_t n = 1; n <= TOP; n++)
            bc_hdr_unref(h[n]);
        bc_txs_unref(got);
        bc_txs_unref(first);
        bc_txs_unref(r.txs);
        rig_free(&r);
    }
}

/* ---- what is kept ---- */

static void respond_bytes(rig_t *r, size_t from, int64_t number, ProtobufCBinaryData *blocks, size_t cnt)
{
    BcPb__BlockSyncMessage msg = BC_PB__BLOCK_SYNC_MESSAGE__INIT;
    msg.packettype = 2;
    msg.number = number;
    msg.n_blocksdata = cnt;
    msg.blocksdata = blocks;
    deliver(r, from, &msg);
}

/* Only blocks that come next, each once, the first that came; a few of one answer. */
static void only_what_fits_is_kept(void **state)
{
    (void)state;
    rig_t r = rig_new();
    const sync_t *s = r.sync.self;
    status(&r, 0, 1000, 0x22);
    status(&r, 1, 1000, 0x22);
    bc_hdr_t *two = make_header(&r, 2, 7, false), *one = make_header(&r, 1, 7, false);
    bc_hdr_t *last = make_header(&r, WINDOW - 1, 7, false), *far = make_header(&r, WINDOW, 7, false);
    respond(&r, 0, far);
    assert_int_equal(s->slot_bytes, 0);
    respond(&r, 0, last);
    size_t bytes = s->slot_bytes;
    assert_true(bytes > 0);
    respond(&r, 0, two);
    size_t both = s->slot_bytes;
    assert_true(both > bytes);
    bc_hdr_t *fake = make_header(&r, 2, 1, false);
    respond(&r, 1, fake);
    assert_int_equal(s->slot_bytes, both);
    respond(&r, 0, one);
    bc_msg_free(executed(&r, one, false));
    respond(&r, 0, one); /* once more */
    assert_int_equal(s->slot_bytes, both);
    bc_msg_free(executed(&r, two, false));
    assert_int_equal(s->slot_bytes, bytes);
    bc_wr_t w = { 0 };
    ProtobufCBinaryData data[SHARD + 1];
    bc_hdr_t *third = make_header(&r, 3, 7, false);
    bc_block_t block = { .header = third->h };
    bc_tars_encode(&bc_block_tars, &block, &w);
    for (size_t i = 0; i < SHARD; i++)
        data[i] = (ProtobufCBinaryData){ 1, (uint8_t *)"x" };
    data[SHARD] = (ProtobufCBinaryData){ w.n, w.p };
    respond_bytes(&r, 0, 3, data, SHARD + 1); /* nobody sends so many */
    assert_true(none_executed(&r));
    respond(&r, 0, third); /* what cannot be read is no better than what does not hold */
    assert_true(none_executed(&r));
    respond(&r, 1, third);
    bc_msg_free(executed(&r, third, false));
    bc_wr_free(&w);
    bc_hdr_unref(one);
    bc_hdr_unref(two);
    bc_hdr_unref(last);
    bc_hdr_unref(far);
    bc_hdr_unref(fake);
    bc_hdr_unref(third);
    rig_free(&r);
}

/* Consensus wrote them itself: they go, what is above stays, and the next one is executed. */
static void what_is_written_goes(void **state)
{
    (void)state;
    rig_t r = rig_new();
    const sync_t *s = r.sync.self;
    bc_hdr_t *h[5];
    status(&r, 0, 4, 0x22);
    for (int64_t n = 2; n <= 4; n++) {
        h[n] = make_header(&r, n, 7, false);
        respond(&r, 0, h[n]);
    }
    size_t bytes = s->slot_bytes;
    committed(&r, 2);
    assert_true(s->slot_bytes > 0 && s->slot_bytes < bytes);
    bc_msg_free(executed(&r, h[3], false));
    bc_msg_free(executed(&r, h[4], false));
    assert_int_equal(s->slot_bytes, 0);
    for (int64_t n = 2; n <= 4; n++)
        bc_hdr_unref(h[n]);
    rig_free(&r);
}

/* ---- which list judges ---- */

static void weights_make_the_quorum(void **state)
{
    (void)state;
    static const struct {
        unsigned signers;
        bool ok;
    } cases[] = { { 3, false }, { 7, true }, { 14, false }, { 15, true } }; /* 3 + 1 + 1 + 1: five of six */
    for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++) {
        rig_t r = rig_new();
        r.first_weight = 3;
        committed(&r, 0);
        status(&r, 0, 1, 0x22);
        bc_hdr_t *h = make_header_of(&r, 1, cases[i].signers, false, 3, SEALERS);
        respond(&r, 0, h);
        assert_int_equal(!none_executed(&r), cases[i].ok);
        bc_hdr_unref(h);
        rig_free(&r);
    }
}

/* The block below changed the list, and is not written yet: this one is looked at again then. */
static void a_block_waits_for_the_list_that_judges_it(void **state)
{
    (void)state;
    for (int change = 0; change < 2; change++) {
        rig_t r = rig_new();
        status(&r, 0, 2, 0x22);
        bc_hdr_t *one = make_header(&r, 1, 7, false), *two = make_header_of(&r, 2, 7, false, 3, SEALERS);
        respond(&r, 0, one);
        respond(&r, 0, two);
        bc_msg_free(executed(&r, one, false));
        assert_true(none_executed(&r));
        r.first_weight = change ? 3 : 1;
        committed(&r, 1);
        assert_int_equal(!none_executed(&r), change);
        bc_hdr_unref(one);
        bc_hdr_unref(two);
        rig_free(&r);
    }
}

/* Official leaders fill gaps with blocks that name no sealers: these have no transactions either. */
static void fillers_are_empty(void **state)
{
    (void)state;
    for (int what = 0; what < 3; what++) {
        rig_t r = rig_new();
        int64_t number[4];
        bc_txs_t *got = NULL;
        status(&r, 0, 1, 0x22);
        r.txs = what == 1 ? make_txs(2, 1) : NULL;
        bc_hdr_t *full = make_header_of(&r, 1, 0, false, 1, what == 2 ? 1 : 0);
        bc_header_t hd = full->h;
        uint8_t sig[3][BC_SIG_MAX];
        bc_block_sig_t sigs[3];
        if (what == 2) /* weights without sealers */
            hd.data.sealer_list.n = 0;
        hd.data_hash = (bc_bytes_t){ 0 };
        bc_hdr_t *bare = bc_hdr_new(BC_SUITE_STANDARD, &hd);
        for (size_t i = 0; i < 3; i++)
            sigs[i] = (bc_block_sig_t){ (int64_t)i,
                                        { sig[i], bc_sign(&r.keys[i], &bare->hash, sig[i]) } };
        hd.signatures = (bc_tars_list_t){ sigs, 3 };
        bc_hdr_t *h = bc_hdr_new(BC_SUITE_STANDARD, &hd);
        respond(&r, 0, h);
        if (recovering(&r, number, &got))
            recovered(&r, 1, got, true);
        assert_int_equal(!none_executed(&r), what == 0);
        bc_txs_unref(got);
        bc_txs_unref(r.txs);
        bc_hdr_unref(full);
        bc_hdr_unref(bare);
        bc_hdr_unref(h);
        rig_free(&r);
    }
}

/* ---- what execution says ---- */

static void answer(rig_t *r, bc_hdr_t *h, bc_err_t err)
{
    bc_msg_t *m = take(r, BC_MSG_EXECUTE);
    assert_non_null(m);
    bc_msg_t *done = bc_msg_new(BC_ACTOR_SCHEDULER, BC_ACTOR_SYNC, BC_MSG_EXECUTED);
    done->token = m->token;
    done->err = err;
    done->header = err ? NULL : bc_hdr_ref(h);
    bc_msg_free(m);
    feed(r, done);
}

static int64_t retry_set(rig_t *r)
{
    int64_t after = -1;
    for (bc_msg_t *m; (m = take(r, BC_MSG_TIMER_SET)); bc_msg_free(m))
        after = m->number == TIMER_RETRY ? m->number2 : after;
    return after;
}

/* It is executed again after a while, not before, whatever happens meanwhile. */
static void failed_execution_is_tried_again(void **state)
{
    (void)state;
    rig_t r = rig_new();
    status(&r, 0, 1, 0x22);
    bc_hdr_t *h = make_header(&r, 1, 7, false);
    respond(&r, 0, h);
    for (int i = 0; i < 2; i++) {
        answer(&r, h, BC_E_IO);
        assert_int_equal(retry_set(&r), RETRY_MS);
        assert_null(take(&r, BC_MSG_COMMIT));
        fire(&r, TIMER_DOWNLOAD, RETRY_MS - 1);
        assert_true(none_executed(&r));
        fire(&r, TIMER_RETRY, 1);
    }
    bc_msg_free(executed(&r, h, false));
    bc_hdr_unref(h);
    rig_free(&r);
}

/* Two peers sent the same and it does not fit the chain: that is nobody's fault but ours, and takes time to
 * repair. */
static void a_divergent_node_tries_again_much_later(void **state)
{
    (void)state;
    rig_t r = rig_new();
    bc_blocksync_status_t st;
    for (size_t i = 0; i < 3; i++)
        status(&r, i, 1, 0x22);
    bc_hdr_t *h = make_header(&r, 1, 7, false);
    for (size_t i = 0; i < 2; i++) {
        respond(&r, i, h);
        fire(&r, TIMER_RETRY, RETRY_MS);
        retry_set(&r);
        answer(&r, h, BC_E_MISMATCH);
        assert_int_equal(retry_set(&r), i ? DIVERGENT_RETRY_MS : RETRY_MS);
        bc_blocksync_status(r.sync, &st);
        assert_int_equal(st.divergent, i);
    }
    respond(&r, 2, h);
    fire(&r, TIMER_DOWNLOAD, DIVERGENT_RETRY_MS - 1);
    assert_true(none_executed(&r));
    fire(&r, TIMER_RETRY, 1);
    bc_msg_free(executed(&r, h, false));
    bc_blocksync_status(r.sync, &st);
    assert_int_equal(st.divergent, 0);
    bc_hdr_unref(h);
    rig_free(&r);
}

/* Somebody else wrote that block meanwhile: the next one. */
static void a_stale_block_is_no_failure(void **state)
{
    (void)state;
    rig_t r = rig_new();
    status(&r, 0, 2, 0x22);
    bc_hdr_t *one = make_header(&r, 1, 7, false), *two = make_header(&r, 2, 7, false);
    respond(&r, 0, one);
    respond(&r, 0, two);
    bc_msg_t *m = take(&r, BC_MSG_EXECUTE);
    assert_non_null(m);
    bc_msg_free(m);
    committed(&r, 1);
    assert_true(none_executed(&r)); /* one at a time */
    bc_msg_t *done = bc_msg_new(BC_ACTOR_SCHEDULER, BC_ACTOR_SYNC, BC_MSG_EXECUTED);
    done->token = 2; /* not that one */
    done->err = BC_E_IO;
    feed(&r, done);
    assert_true(none_executed(&r));
    done = bc_msg_new(BC_ACTOR_SCHEDULER, BC_ACTOR_SYNC, BC_MSG_EXECUTED);
    done->token = 1;
    done->err = BC_E_STALE;
    feed(&r, done);
    assert_int_equal(retry_set(&r), -1);
    bc_msg_free(executed(&r, two, false));
    bc_hdr_unref(one);
    bc_hdr_unref(two);
    rig_free(&r);
}

/* What was executed above a block that could not be written is executed again. */
static void failed_commits_begin_anew(void **state)
{
    (void)state;
    static const bc_err_t errs[] = { BC_OK, BC_E_STALE, BC_E_IO };
    for (size_t i = 0; i < BC_ARRAY_LEN(errs); i++) {
        rig_t r = rig_new();
        bool again = errs[i] == BC_E_IO;
        status(&r, 0, 2, 0x22);
        bc_hdr_t *one = make_header(&r, 1, 7, false), *two = make_header(&r, 2, 7, false);
        respond(&r, 0, one);
        bc_msg_free(executed(&r, one, false));
        retry_set(&r);
        bc_msg_t *m = bc_msg_new(BC_ACTOR_SCHEDULER, BC_ACTOR_SYNC, BC_MSG_COMMIT_DONE);
        m->number = 1;
        m->err = errs[i];
        feed(&r, m);
        assert_int_equal(retry_set(&r), again ? RETRY_MS : -1);
        respond(&r, 0, two);
        respond(&r, 0, one);
        fire(&r, TIMER_RETRY, RETRY_MS);
        if (again)
            bc_msg_free(executed(&r, one, false));
        bc_msg_free(executed(&r, two, false));
        bc_hdr_unref(one);
        bc_hdr_unref(two);
        rig_free(&r);
    }
}

/* ---- whom to ask ---- */

/* Consensus is at it, but has run into its time-out: then at once. */
static void a_time_out_of_consensus_is_no_time_to_wait(void **state)
{
    (void)state;
    for (int late = 0; late < 2; late++) {
        rig_t r = rig_new();
        BcPb__BlockSyncMessage req[16];
        size_t to[16];
        bc_msg_t *m = bc_msg_new(BC_ACTOR_PBFT, BC_ACTOR_SYNC, BC_MSG_CONSENSUS_STATE);
        m->flag = late;
        feed(&r, m);
        m = bc_msg_new(BC_ACTOR_PBFT, BC_ACTOR_SYNC, BC_MSG_PROPOSAL_INDEX);
        m->number = 1;
        feed(&r, m);
        status(&r, 0, 1, 0x22);
        assert_int_equal(requests(&r, req, to, 16), late);
        rig_free(&r);
    }
}

/* What has come is not asked for again. */
static void only_what_lacks_is_asked_for(void **state)
{
    (void)state;
    rig_t r = rig_new();
    BcPb__BlockSyncMessage req[16];
    size_t to[16];
    status(&r, 0, 16, 0x22);
    assert_int_equal(requests(&r, req, to, 16), 2); /* 1..8, 9..16 */
    for (int64_t n = 9; n <= 16; n++) {
        bc_hdr_t *h = make_header(&r, n, 7, false);
        respond(&r, 0, h);
        bc_hdr_unref(h);
    }
    drop_all(&r);
    fire(&r, TIMER_DOWNLOAD, DOWNLOAD_MS);
    assert_int_equal(requests(&r, req, to, 16), 1);
    assert_int_equal(req[0].number, 1);
    assert_int_equal(req[0].size, 8);
    bc_msg_t *m = take(&r, BC_MSG_TIMER_SET);
    assert_non_null(m); /* and so on */
    assert_int_equal(m->number, TIMER_DOWNLOAD);
    assert_int_equal(m->number2, DOWNLOAD_MS);
    bc_msg_free(m);
    rig_free(&r);
}

/* Who sent nothing is asked last for a while: ten seconds. */
static void who_is_slow_is_asked_last(void **state)
{
    (void)state;
    rig_t r = rig_new();
    BcPb__BlockSyncMessage req[16];
    size_t to[16];
    bool asked_first = false;
    bc_hdr_t *last = make_header(&r, 8, 7, false);
    status(&r, 0, 8, 0x22);
    assert_int_equal(requests(&r, req, to, 16), 1);
    status(&r, 1, 8, 0x22);
    for (int64_t at = 0; at < SLOW_PEER_MS + 2 * 500; at += 500) {
        fire(&r, TIMER_DOWNLOAD, 500);
        size_t cnt = requests(&r, req, to, 16);
        assert_in_range(cnt, 1, 2);
        for (size_t i = 0; i < cnt; i++)
            asked_first |= to[i] == 0;
        assert_int_equal(asked_first, at >= SLOW_PEER_MS);
        respond(&r, 1, last); /* the other one lives */
        drop_all(&r);
    }
    bc_hdr_unref(last);
    rig_free(&r);
}

/* Who sent what cannot be read is not asked for half a minute, however slow the others are. */
static void who_sent_garbage_is_not_asked(void **state)
{
    (void)state;
    rig_t r = rig_new();
    BcPb__BlockSyncMessage req[16];
    size_t to[16];
    ProtobufCBinaryData junk = { 1, (uint8_t *)"x" };
    status(&r, 0, 8, 0x22);
    status(&r, 1, 8, 0x22);
    respond_bytes(&r, 0, 1, &junk, 1);
    drop_all(&r);
    for (int64_t at = 500; at <= BAD_PEER_MS; at += 500) {
        fire(&r, TIMER_DOWNLOAD, 500);
        size_t cnt = requests(&r, req, to, 16);
        bool asked = false;
        assert_true(cnt > 0);
        for (size_t i = 0; i < cnt; i++)
            asked |= to[i] == 0;
        assert_int_equal(asked, at >= BAD_PEER_MS);
    }
    rig_free(&r);
}

/* The same is not told twice, nor what is no news. */
static void consensus_is_told_once(void **state)
{
    (void)state;
    rig_t r = rig_new();
    committed(&r, 5);
    drop_all(&r);
    status(&r, 0, 5, 0x22);
    status(&r, 1, 5, 0x22);
    status(&r, 2, 9, 0x22);
    fire(&r, TIMER_DOWNLOAD, DOWNLOAD_MS);
    assert_null(take(&r, BC_MSG_SYNC_HIGHEST)); /* what more than f have is here too */
    status(&r, 1, 8, 0x22);
    fire(&r, TIMER_DOWNLOAD, DOWNLOAD_MS);
    bc_msg_t *m = take(&r, BC_MSG_SYNC_HIGHEST);
    assert_non_null(m);
    assert_int_equal(m->number, 8);
    bc_msg_free(m);
    fire(&r, TIMER_DOWNLOAD, DOWNLOAD_MS);
    assert_null(take(&r, BC_MSG_SYNC_HIGHEST));
    rig_free(&r);
}

/* By weight, not by heads: f is the third of the weight that is left when one is taken off. */
static void the_claim_of_little_weight_is_not_told(void **state)
{
    (void)state;
    rig_t r = rig_new();
    r.first_weight = 3;
    committed(&r, 0); /* 3 + 1 + 1 + 1: f is 1 */
    drop_all(&r);
    status(&r, 1, 9, 0x22);
    assert_null(take(&r, BC_MSG_SYNC_HIGHEST));
    status(&r, 2, 8, 0x22);
    fire(&r, TIMER_DOWNLOAD, DOWNLOAD_MS);
    bc_msg_t *m = take(&r, BC_MSG_SYNC_HIGHEST);
    assert_non_null(m);
    assert_int_equal(m->number, 8);
    bc_msg_free(m);
    status(&r, 0, 7, 0x22); /* less news */
    fire(&r, TIMER_DOWNLOAD, DOWNLOAD_MS);
    assert_null(take(&r, BC_MSG_SYNC_HIGHEST));
    rig_free(&r);
}

int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transactions_are_recovered_first),
        cmocka_unit_test(transactions_that_do_not_hold),
        cmocka_unit_test(recovery_runs_a_bit_ahead),
        cmocka_unit_test(only_what_fits_is_kept),
        cmocka_unit_test(what_is_written_goes),
        cmocka_unit_test(weights_make_the_quorum),
        cmocka_unit_test(a_block_waits_for_the_list_that_judges_it),
        cmocka_unit_test(fillers_are_empty),
        cmocka_unit_test(failed_execution_is_tried_again),
        cmocka_unit_test(a_divergent_node_tries_again_much_later),
        cmocka_unit_test(a_stale_block_is_no_failure),
        cmocka_unit_test(failed_commits_begin_anew),
        cmocka_unit_test(a_time_out_of_consensus_is_no_time_to_wait),
        cmocka_unit_test(only_what_lacks_is_asked_for),
        cmocka_unit_test(who_is_slow_is_asked_last),
        cmocka_unit_test(who_sent_garbage_is_not_asked),
        cmocka_unit_test(consensus_is_told_once),
        cmocka_unit_test(the_claim_of_little_weight_is_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
