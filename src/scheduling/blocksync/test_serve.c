/* What a node serves to others, and archived blocks. */
#include "scheduling/blocksync/test_rig.h"

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

/* Neither one request nor many go past the limit that is set. */
static void a_small_limit_holds(void **state)
{
    (void)state;
    rig_t r = rig_with((bc_blocksync_config_t){ .serve_max = 5 });
    bc_blocksync_status_t st;
    committed(&r, 100);
    drop_all(&r);
    ask(&r, 0, 1, 1000, 0, 0);
    bc_blocksync_status(r.sync, &st);
    assert_int_equal(st.loading, 5);
    assert_int_equal(st.waiting_max, 0);
    for (int i = 0; i < 50; i++)
        ask(&r, 0, 20 + i, 3, 0, 0);
    bc_blocksync_status(r.sync, &st);
    assert_int_equal(st.loading, 8);
    assert_int_equal(st.waiting_max, 5);
    int64_t number[64], parts[64];
    assert_int_equal(serve_all(&r, number, parts, 64), 13);
    rig_free(&r);
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
    archived_block(&r, 1, 35);          /* out of reach */
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

/* A block that several requests name is read once, with all parts that they want; the lowest first. */
static void waiting_requests_are_merged_in_order(void **state)
{
    (void)state;
    rig_t r = rig_new();
    int64_t number[64], parts[64];
    committed(&r, 100);
    drop_all(&r);
    ask(&r, 0, 1, SERVE_LOADS_MAX, 0, FLAG_HEADER); /* so many are read at a time: the others wait */
    ask(&r, 0, 50, 2, 0, FLAG_HEADER);
    ask(&r, 0, 20, 2, 0, FLAG_HEADER);
    ask(&r, 0, 51, 1, 0, FLAG_RECEIPTS);
    ask(&r, 0, 51, 1, 0, FLAG_TRANSACTIONS);
    ask(&r, 0, 35, 1, 0, FLAG_HEADER);
    assert_int_equal(serve_all(&r, number, parts, 64), SERVE_LOADS_MAX + 5);
    static const int64_t order[] = { 20, 21, 35, 50, 51 };
    assert_memory_equal(number + SERVE_LOADS_MAX, order, sizeof order);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(parts[SERVE_LOADS_MAX + i], 0);
    assert_int_equal(parts[SERVE_LOADS_MAX + 4], BC_WITH_TXS | BC_WITH_RECEIPTS);
    rig_free(&r);
}

/* Numbers that no block has, and steps that lead nowhere. */
static void senseless_requests_are_ignored(void **state)
{
    (void)state;
    static const struct {
        int64_t number, size, step;
        size_t blocks;
    } cases[] = { { 0, 5, 0, 0 },  { -3, 9, 0, 0 },          { 5, 0, 0, 0 },   { 5, -1, 0, 0 },
                  { 11, 1, 0, 0 }, { 5, 2, INT64_MAX, 0 },   { 5, 9, 11, 0 },  { 5, 9, 10, 1 },
                  { 1, 3, -7, 3 }, { INT64_MAX, 2, 1, 0 },   { 9, 9, 1, 2 },   { 1, 9, 9, 2 } };
    for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++) {
        rig_t r = rig_new();
        int64_t number[64], parts[64];
        committed(&r, 10);
        drop_all(&r);
        ask(&r, 0, cases[i].number, cases[i].size, cases[i].step, 0);
        if (serve_all(&r, number, parts, 64) != cases[i].blocks)
            fail_msg("case %zu", i);
        rig_free(&r);
    }
}

static void loaded(rig_t *r, uint64_t token, bc_err_t err, bool data)
{
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SYNC, BC_MSG_LOADED_BLOCK);
    m->token = token;
    m->err = err;
    m->data = data ? bc_buf_copy(BC_STR("block")) : NULL;
    feed(r, m);
}

/* The answer goes to who asked, if it is still there, and names the block. What could not be read is not
 * answered, and makes room for others all the same. */
static void each_block_goes_to_who_asked(void **state)
{
    (void)state;
    enum { GOOD, GONE, FAILED, NOTHING, CNT };
    for (int what = 0; what < CNT; what++) {
        rig_t r = rig_new();
        bc_blocksync_status_t st;
        committed(&r, 10);
        drop_all(&r);
        ask(&r, 1, 7, 1, 0, 0);
        bc_msg_t *load = take(&r, BC_MSG_LOAD_BLOCK);
        assert_non_null(load);
        assert_int_equal(load->number, 7);
        assert_int_equal(load->number2, BC_WITH_TXS);
        loaded(&r, load->token + 1, BC_OK, true); /* of something else */
        assert_null(take(&r, BC_MSG_SEND));
        if (what == GONE) {
            bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SYNC, BC_MSG_PEERS);
            m->data = bc_buf_copy(BC_VIEW(r.keys[0].pub));
            feed(&r, m);
            drop_all(&r);
        }
        loaded(&r, load->token, what == FAILED ? BC_E_IO : BC_OK, what != NOTHING);
        bc_msg_t *m = take(&r, BC_MSG_SEND);
        assert_int_equal(m != NULL, what == GOOD);
        if (m) {
            assert_memory_equal(&m->node, &r.keys[1].pub, sizeof m->node);
            BcPb__BlockSyncMessage *msg =
                bc_pb__block_sync_message__unpack(NULL, m->data->n, m->data->p);
            assert_int_equal(msg->packettype, PACKET_RESPONSE);
            assert_int_equal(msg->number, 7);
            assert_int_equal(msg->n_blocksdata, 1);
            assert_true(bc_bytes_eq(bc_bytes(msg->blocksdata[0].data, msg->blocksdata[0].len), BC_STR("block")));
            bc_pb__block_sync_message__free_unpacked(msg, NULL);
            bc_msg_free(m);
        }
        bc_blocksync_status(r.sync, &st);
        assert_int_equal(st.loading, 0);
        bc_msg_free(load);
        rig_free(&r);
    }
}

/* Who is not of the group gets no blocks, unless nodes outside of it are allowed to read. */
static void strangers_are_served_when_allowed(void **state)
{
    (void)state;
    for (int allowed = 0; allowed < 2; allowed++) {
        rig_t r = rig_with((bc_blocksync_config_t){ .allow_free_node = allowed });
        int64_t number[8], parts[8];
        uint8_t secret[32] = { [31] = 99 };
        bc_keypair_t was = r.keys[0];
        committed(&r, 10);
        assert_int_equal(bc_keypair_from_secret(BC_SUITE_STANDARD, secret, &r.keys[0]), BC_OK);
        drop_all(&r);
        ask(&r, 0, 7, 1, 0, 0);
        assert_int_equal(serve_all(&r, number, parts, 8), allowed);
        r.keys[0] = was;
        rig_free(&r);
    }
}

/* ---- archived blocks: what is asked for, and kept ---- */

static int64_t archive_timer_set(rig_t *r, size_t *times)
{
    int64_t after = -1;
    *times = 0;
    for (bc_msg_t *m; (m = take(r, BC_MSG_TIMER_SET)); bc_msg_free(m))
        if (m->number == TIMER_ARCHIVE) {
            after = m->number2;
            ++*times;
        }
    return after;
}

static void archived_bytes(rig_t *r, size_t from, int64_t number, size_t bytes, size_t cnt)
{
    uint8_t *body = bc_xcalloc(1, bytes + 1);
    ProtobufCBinaryData data[2] = { { bytes, body }, { bytes, body } };
    body[0] = (uint8_t)number;
    BcPb__BlockSyncMessage msg = BC_PB__BLOCK_SYNC_MESSAGE__INIT;
    msg.packettype = 2;
    msg.number = number;
    msg.n_blocksdata = cnt;
    msg.blocksdata = data;
    deliver(r, from, &msg);
    free(body);
}

/* One timer, that goes on until everything is back. */
static void the_archive_is_asked_for_in_time(void **state)
{
    (void)state;
    rig_t r = rig_with((bc_blocksync_config_t){ .archived = 3, .restore = true });
    size_t times;
    restored(&r, 0, 3, BC_OK);
    assert_int_equal(archive_timer_set(&r, &times), -1); /* it is set since the start */
    restore_tick(&r);
    assert_int_equal(archive_timer_set(&r, &times), DOWNLOAD_MS);
    restored(&r, 0, 2, BC_OK);
    assert_int_equal(archive_timer_set(&r, &times), -1);
    restored(&r, 0, 1, BC_OK);
    restore_tick(&r);
    assert_int_equal(archive_timer_set(&r, &times), -1); /* nothing is lacking */
    restored(&r, 0, 9, BC_OK); /* something was archived */
    assert_int_equal(archive_timer_set(&r, &times), DOWNLOAD_MS);
    assert_int_equal(times, 1);
    rig_free(&r);
}

/* What has come is not asked for again, nor taken twice; what is not one block is nothing. */
static void only_lacking_archived_blocks_are_asked_for(void **state)
{
    (void)state;
    rig_t r = rig_with((bc_blocksync_config_t){ .archived = 10, .restore = true });
    BcPb__BlockSyncMessage req[4];
    size_t to[4];
    committed(&r, 200);
    status_archived(&r, 1, 200, 0);
    status_archived(&r, 2, 200, 0);
    archived_bytes(&r, 1, 9, 4, 2);
    archived_bytes(&r, 1, 9, 4, 0);
    assert_int_equal(restoring(&r), 0);
    archived_block(&r, 1, 9);
    assert_int_equal(restoring(&r), 9);
    archived_block(&r, 2, 9); /* the host has it */
    archived_block(&r, 1, 8);
    archived_block(&r, 1, 0);
    archived_block(&r, 1, -3);
    drop_all(&r);
    restore_tick(&r);
    assert_int_equal(requests(&r, req, to, 4), 1);
    assert_int_equal(req[0].number, 1);
    assert_int_equal(req[0].size, 7);
    restored(&r, 9, 10, BC_E_IO); /* nobody's fault: the same one may give it again */
    archived_block(&r, 1, 9);
    assert_int_equal(restoring(&r), 9);
    restored(&r, 9, 9, BC_OK);
    assert_int_equal(restoring(&r), 8);
    restored(&r, 8, 8, BC_OK);
    for (int64_t n = 7; n > 0; n--)
        archived_block(&r, 1, n);
    assert_int_equal(restoring(&r), 7);
    drop_all(&r);
    restore_tick(&r);
    assert_int_equal(requests(&r, req, to, 4), 0); /* all are here */
    restored(&r, 0, 4, BC_OK);                     /* by other means */
    assert_int_equal(restoring(&r), 0);            /* 7 is still at the host */
    restored(&r, 7, 4, BC_E_STALE);
    assert_int_equal(restoring(&r), 3);
    rig_free(&r);
}

/* So many bytes wait; the one whose turn it is always gets in. */
static void waiting_archived_blocks_are_bounded_by_bytes(void **state)
{
    (void)state;
    rig_t r = rig_with((bc_blocksync_config_t){ .archived = 10, .restore = true });
    const sync_t *s = r.sync.self;
    size_t quarter = ARCHIVE_BYTES_MAX / 4;
    committed(&r, 200);
    status_archived(&r, 1, 200, 0);
    for (int64_t n = 8; n >= 3; n--)
        archived_bytes(&r, 1, n, quarter, 1);
    assert_int_equal(s->restore_bytes, ARCHIVE_BYTES_MAX);
    archived_bytes(&r, 1, 9, quarter, 1);
    assert_int_equal(restoring(&r), 9);
    assert_int_equal(s->restore_bytes, ARCHIVE_BYTES_MAX);
    restored(&r, 0, 7, BC_OK); /* 7 and 8 are back by other means */
    assert_int_equal(s->restore_bytes, 2 * quarter);
    rig_free(&r);
}

int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_limit_holds),
        cmocka_unit_test(requests_are_merged_and_archived_blocks_left_out),
        cmocka_unit_test(archive_number_is_told),
        cmocka_unit_test(peers_without_the_blocks_are_not_asked),
        cmocka_unit_test(archived_blocks_come_back_from_the_top),
        cmocka_unit_test(archived_blocks_stay_away_unless_wanted),
        cmocka_unit_test(a_huge_request_is_bounded),
        cmocka_unit_test(waiting_requests_are_merged_in_order),
        cmocka_unit_test(senseless_requests_are_ignored),
        cmocka_unit_test(each_block_goes_to_who_asked),
        cmocka_unit_test(strangers_are_served_when_allowed),
        cmocka_unit_test(the_archive_is_asked_for_in_time),
        cmocka_unit_test(only_lacking_archived_blocks_are_asked_for),
        cmocka_unit_test(waiting_archived_blocks_are_bounded_by_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
