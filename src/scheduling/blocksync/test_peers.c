/* What peers say about themselves, whom this node tells about itself, and the clock of all. */
#include "scheduling/blocksync/test_rig.h"

static BcPb__BlockSyncMessage status_of(const rig_t *r, int64_t number)
{
    static uint8_t hash[32] = { 5 }, genesis[32];
    memset(genesis, 0x22, sizeof genesis);
    BcPb__BlockSyncMessage msg = BC_PB__BLOCK_SYNC_MESSAGE__INIT;
    msg.version = 2;
    msg.number = number;
    msg.hash = (ProtobufCBinaryData){ 32, hash };
    msg.genesishash = (ProtobufCBinaryData){ 32, genesis };
    msg.time = r->now.utc_ms;
    return msg;
}

/* The height of which consensus is told now, of any node; -2: none. */
static int64_t told_status(rig_t *r, bc_nodeid_t *node)
{
    bc_msg_t *m = take(r, BC_MSG_PEER_STATUS);
    int64_t number = m ? m->number : -2;
    if (m)
        *node = m->node;
    bc_msg_free(m);
    return number;
}

static int64_t highest(const rig_t *r)
{
    bc_blocksync_status_t st;
    bc_blocksync_status(r->sync, &st);
    return st.known_highest;
}

static void connect(rig_t *r, unsigned mask)
{
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SYNC, BC_MSG_PEERS);
    m->data = bc_buf_new(64 * (size_t)__builtin_popcount(mask));
    size_t at = 0;
    for (size_t i = 0; i < SEALERS; i++)
        if (mask >> i & 1) {
            memcpy(m->data->p + at, r->keys[i].pub.b, 64);
            at += 64;
        }
    feed(r, m);
}

/* Heights only rise; consensus hears of each new one, and when the node goes. */
static void consensus_hears_of_each_height_once(void **state)
{
    (void)state;
    rig_t r = rig_new();
    bc_nodeid_t node;
    static const int64_t said[] = { 0, 3, 3, 2, 4 }, told[] = { 0, 3, -2, -2, 4 };
    for (size_t i = 0; i < BC_ARRAY_LEN(said); i++) {
        status(&r, 1, said[i], 0x22);
        int64_t got = told_status(&r, &node);
        assert_int_equal(got, told[i]);
        if (got >= 0)
            assert_memory_equal(&node, &r.keys[1].pub, sizeof node);
        assert_int_equal(told_status(&r, &node), -2);
    }
    assert_int_equal(highest(&r), 4);
    connect(&r, 5); /* the others stay */
    assert_int_equal(told_status(&r, &node), -1);
    assert_memory_equal(&node, &r.keys[1].pub, sizeof node);
    assert_int_equal(told_status(&r, &node), -2);
    assert_int_equal(highest(&r), 0);
    rig_free(&r);
}

/* What is no status of this chain by another node. */
static void senseless_statuses_are_ignored(void **state)
{
    (void)state;
    for (int what = 0; what < 6; what++) {
        rig_t r = rig_new();
        BcPb__BlockSyncMessage msg = status_of(&r, 40);
        if (what == 1)
            msg.hash.len = 31;
        else if (what == 2)
            msg.genesishash.len = 31;
        else if (what == 3)
            msg.number = -1;
        else if (what == 4)
            msg.packettype = 9;
        deliver(&r, what == 5 ? SELF : 0, &msg);
        assert_int_equal(highest(&r), what == 0 ? 40 : 0);
        rig_free(&r);
    }
}

/* Nodes outside of the group: what they have may be useful to a node that is behind; else they are none
 * of its peers, unless it is configured to have such. */
static void strangers_count_when_they_are_ahead(void **state)
{
    (void)state;
    for (int allowed = 0; allowed < 2; allowed++) {
        rig_t r = rig_with((bc_blocksync_config_t){ .allow_free_node = allowed });
        uint8_t secret[32] = { [31] = 99 };
        const sync_t *s = r.sync.self;
        committed(&r, 10);
        assert_int_equal(bc_keypair_from_secret(BC_SUITE_STANDARD, secret, &r.keys[0]), BC_OK);
        size_t before = s->peer_cnt;
        status(&r, 0, 10, 0x22);
        assert_int_equal(s->peer_cnt, before + (size_t)allowed);
        status(&r, 0, 11, 0x22);
        assert_int_equal(s->peer_cnt, before + 1);
        assert_int_equal(highest(&r), 11);
        rig_free(&r);
    }
}

/* ---- own status ---- */

/* Whom it is told to now, as a mask; the height. */
static unsigned own_status(rig_t *r, int64_t *number)
{
    unsigned mask = 0;
    for (bc_msg_t *m; (m = take(r, BC_MSG_SEND)); bc_msg_free(m)) {
        BcPb__BlockSyncMessage *msg =
            bc_pb__block_sync_message__unpack(NULL, m->data->n, m->data->p);
        if (msg->packettype == PACKET_STATUS) {
            *number = msg->number;
            assert_int_equal(msg->version, 2);
            assert_int_equal(msg->time, r->now.utc_ms);
            assert_int_equal(msg->hash.len, 32);
            assert_int_equal(msg->genesishash.len, 32);
            assert_int_equal(msg->genesishash.data[0], 0x22);
            for (size_t i = 0; i < SEALERS; i++)
                mask |= (unsigned)!memcmp(r->keys[i].pub.b, m->node.b, 64) << i;
        }
        bc_pb__block_sync_message__free_unpacked(msg, NULL);
    }
    return mask;
}

static void fire(rig_t *r, int64_t timer, int64_t after)
{
    r->now.mono_ms += after;
    r->now.utc_ms += after;
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SYNC, BC_MSG_TIMER);
    m->number = timer;
    feed(r, m);
}

/* To all who are connected: when somebody comes, with each block, and again now and then. */
static void its_height_is_told(void **state)
{
    (void)state;
    rig_t r = rig_new();
    int64_t number = -1;
    r.now.mono_ms += 1000;
    committed(&r, 3);
    assert_int_equal(own_status(&r, &number), 7);
    assert_int_equal(number, 3);
    connect(&r, 3);
    assert_int_equal(own_status(&r, &number), 0); /* one has gone: no news for the others */
    connect(&r, 7);
    assert_int_equal(own_status(&r, &number), 7);
    connect(&r, 3);
    drop_all(&r);
    fire(&r, TIMER_STATUS, STATUS_EVERY_MS);
    assert_int_equal(own_status(&r, &number), 3);
    bc_msg_t *m = take(&r, BC_MSG_TIMER_SET);
    assert_non_null(m);
    assert_int_equal(m->number, TIMER_STATUS);
    assert_int_equal(m->number2, STATUS_EVERY_MS);
    bc_msg_free(m);
    rig_free(&r);
}

/* Who hears from a node for the first time answers: it may not have been there for the last status. */
static void the_first_status_is_answered(void **state)
{
    (void)state;
    rig_t r = rig_new();
    int64_t number;
    r.now.mono_ms += 1000;
    status(&r, 0, 0, 0x22);
    assert_int_equal(own_status(&r, &number), 7);
    r.now.mono_ms += 1000;
    status(&r, 0, 1, 0x22);
    assert_int_equal(own_status(&r, &number), 0);
    r.now.mono_ms += STATUS_MIN_MS - 1;
    status(&r, 1, 0, 0x22);
    assert_int_equal(own_status(&r, &number), 7);
    status(&r, 2, 0, 0x22); /* not twice in a moment */
    assert_int_equal(own_status(&r, &number), 0);
    bc_msg_t *m = take(&r, BC_MSG_TIMER_SET);
    while (m && m->number != TIMER_STATUS) {
        bc_msg_free(m);
        m = take(&r, BC_MSG_TIMER_SET);
    }
    assert_non_null(m);
    assert_int_equal(m->number2, STATUS_MIN_MS);
    bc_msg_free(m);
    fire(&r, TIMER_STATUS, STATUS_MIN_MS);
    assert_int_equal(own_status(&r, &number), 7);
    rig_free(&r);
}

/* A node that is not in the group says nothing, unless it may. */
static void outside_of_the_group_it_is_silent(void **state)
{
    (void)state;
    for (int allowed = 0; allowed < 2; allowed++) {
        rig_t r = rig_with((bc_blocksync_config_t){ .allow_free_node = allowed });
        int64_t number;
        uint8_t secret[32] = { [31] = 98 };
        r.now.mono_ms += 1000;
        assert_int_equal(bc_keypair_from_secret(BC_SUITE_STANDARD, secret, &r.keys[SELF]), BC_OK);
        committed(&r, 5); /* another sealer is in its place */
        assert_int_equal(own_status(&r, &number), allowed ? 7 : 0);
        rig_free(&r);
    }
}

/* ---- clocks ---- */

static void says_time(rig_t *r, size_t from, int64_t number, int64_t offset)
{
    BcPb__BlockSyncMessage msg = status_of(r, number);
    msg.time = r->now.utc_ms + offset;
    deliver(r, from, &msg);
}

/* The offset that the sealer is told now; the given one: none. */
static int64_t told_time(rig_t *r, int64_t none)
{
    bc_msg_t *m = take(r, BC_MSG_ALIGNED_TIME);
    int64_t offset = m ? m->number : none;
    bc_msg_free(m);
    return offset;
}

/* The median of all clocks, the own one among them; what is less than a minute is noise, and once a clock
 * is known, what is no more than three. */
static void the_median_of_the_clocks_is_told(void **state)
{
    (void)state;
    rig_t r = rig_new();
    enum { NONE = -1 };
    says_time(&r, 0, 0, 59999);
    assert_int_equal(told_time(&r, NONE), NONE);
    says_time(&r, 1, 0, 60000);
    assert_int_equal(told_time(&r, NONE), NONE); /* 0, 0, 60000 */
    says_time(&r, 2, 0, 90000);
    assert_int_equal(told_time(&r, NONE), 30000); /* between 0 and 60000 */
    says_time(&r, 0, 1, 180000);
    assert_int_equal(told_time(&r, NONE), NONE);
    says_time(&r, 0, 2, 180001);
    assert_int_equal(told_time(&r, NONE), 75000); /* 0, 60000, 90000, 180001 */
    says_time(&r, 2, 1, -100000);
    assert_int_equal(told_time(&r, NONE), 30000);
    says_time(&r, 1, 1, -100000);
    assert_int_equal(told_time(&r, NONE), NONE); /* 160000 less */
    says_time(&r, 1, 2, -120001);
    assert_int_equal(told_time(&r, NONE), -50000); /* -120001, -100000, 0, 180001 */
    rig_free(&r);
}

int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(consensus_hears_of_each_height_once),
        cmocka_unit_test(senseless_statuses_are_ignored),
        cmocka_unit_test(strangers_count_when_they_are_ahead),
        cmocka_unit_test(its_height_is_told),
        cmocka_unit_test(the_first_status_is_answered),
        cmocka_unit_test(outside_of_the_group_it_is_silent),
        cmocka_unit_test(the_median_of_the_clocks_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
