/* Peers, status gossip and dispatch. */
#include "scheduling/blocksync/blocksync_impl.h"
#include <stdlib.h>
#include "base/log.h"
#include "protocol/gossip_tree.h"

peer_t *peer_find(sync_t *s, const bc_nodeid_t *id)
{
    for (size_t i = 0; i < s->peer_cnt; i++)
        if (memcmp(s->peers[i].id.b, id->b, 64) == 0)
            return &s->peers[i];
    return NULL;
}

void sync_timer(sync_t *s, int64_t id, int64_t after_ms)
{
    bc_msg_t *m = bc_out_msg(s->out, BC_ACTOR_HOST, BC_MSG_TIMER_SET);
    m->number = id;
    m->number2 = after_ms;
}

static bc_buf_t *pack(const BcPb__BlockSyncMessage *msg)
{
    bc_buf_t *b = bc_buf_new(bc_pb__block_sync_message__get_packed_size(msg));
    if (b)
        bc_pb__block_sync_message__pack(msg, b->p);
    return b;
}

void sync_send(sync_t *s, const bc_nodeid_t *to, const BcPb__BlockSyncMessage *msg)
{
    bc_buf_t *data = pack(msg);
    if (!data)
        return;
    bc_msg_t *m = bc_out_msg(s->out, BC_ACTOR_FRONT, BC_MSG_SEND);
    m->module = BC_MODULE_BLOCK_SYNC;
    m->node = *to;
    m->data = data;
}

static bool in_group(const sync_t *s, const bc_nodeid_t *id)
{
    return bc_ledger_config_member(s->config, id);
}

static bool is_self(const sync_t *s, const bc_nodeid_t *id)
{
    return memcmp(s->c.self.b, id->b, 64) == 0;
}

static peer_t *peer_add(sync_t *s, const bc_nodeid_t *id)
{
    if (s->peer_cnt == PEERS_MAX)
        return NULL;
    s->peers = bc_xrealloc(s->peers, (s->peer_cnt + 1) * sizeof *s->peers);
    peer_t *p = &s->peers[s->peer_cnt++];
    *p = (peer_t){ .id = *id, .number = -1, .in_group = in_group(s, id) };
    return p;
}

void peer_bad(sync_t *s, const bc_nodeid_t *id)
{
    peer_t *p = peer_find(s, id);
    if (p)
        p->bad_until = s->now->mono_ms + BAD_PEER_MS;
}

static void tell_peer(sync_t *s, const peer_t *p)
{
    bc_msg_t *m = bc_out_msg(s->out, BC_ACTOR_PBFT, BC_MSG_PEER_STATUS);
    m->node = p->id;
    m->number = p->number;
}

static void peer_drop(sync_t *s, size_t i)
{
    peer_t *p = &s->peers[i];
    p->number = -1;
    tell_peer(s, p);
    free(p->wanted);
    *p = s->peers[--s->peer_cnt];
}

/* ---- status ---- */

/* Median of the peers' clock offsets; corrections below a minute (3 minutes once known) are
 * noise (spec/30 §2). */
static void tell_clock(sync_t *s)
{
    int64_t v[PEERS_MAX + 1];
    size_t n = 0;
    v[n++] = 0; /* self */
    for (size_t i = 0; i < s->peer_cnt; i++)
        if (s->peers[i].clock_known)
            v[n++] = s->peers[i].clock_offset;
    for (size_t i = 1; i < n; i++)
        for (size_t j = i; j > 0 && v[j - 1] > v[j]; j--) {
            int64_t t = v[j];
            v[j] = v[j - 1];
            v[j - 1] = t;
        }
    int64_t median = n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) >> 1;
    if (median == s->told_offset)
        return;
    s->told_offset = median;
    BC_INFO(BADGES, "aligned time,medianOffset=%ld", (long)median);
    bc_out_msg(s->out, BC_ACTOR_SEALER, BC_MSG_ALIGNED_TIME)->number = median;
}

static void learn_clock(sync_t *s, peer_t *p, int64_t time)
{
    if (time < 0 || time > TIME_MAX)
        return;
    int64_t offset = time - s->now->utc_ms, change = offset - p->clock_offset;
    if (!p->clock_known) {
        p->clock_known = true;
        p->clock_offset = llabs(offset) >= 60000 ? offset : 0;
    } else if (llabs(change) > 180000) {
        p->clock_offset = offset;
    } else {
        return;
    }
    tell_clock(s);
}

/* ---- who is told ---- */

typedef struct {
    bc_nodeid_t id;
    bool sealer;
} member_t;

static int member_cmp(const void *a, const void *b)
{
    return memcmp(((const member_t *)a)->id.b, ((const member_t *)b)->id.b, sizeof(bc_nodeid_t));
}

typedef struct {
    sync_t *s;
    member_t *v;
} members_t;

static bool member_up(void *ctx, size_t position)
{
    const members_t *m = ctx;
    const peer_t *p = peer_find(m->s, &m->v[position].id);
    return p && p->connected;
}

static size_t members_add(member_t *v, size_t cnt, const bc_node_entry_t *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        v[cnt++] = (member_t){ list[i].id, list[i].kind == BC_NODE_SEALER };
    return cnt;
}

/* Nobody when this node is not in the group. */
static void tell_by_tree(sync_t *s, const BcPb__BlockSyncMessage *msg)
{
    const bc_ledger_config_t *c = s->config;
    size_t n = c->sealer_cnt + c->observer_cnt + c->candidate_cnt, self = 0;
    members_t m = { s, bc_xcalloc(n, sizeof *m.v) };
    size_t cnt = members_add(m.v, 0, c->sealers, c->sealer_cnt);
    cnt = members_add(m.v, cnt, c->observers, c->observer_cnt);
    members_add(m.v, cnt, c->candidates, c->candidate_cnt);
    if (n)
        qsort(m.v, n, sizeof *m.v, member_cmp);
    bool *sealer = bc_xcalloc(n, sizeof *sealer);
    for (size_t i = 0; i < n; i++)
        sealer[i] = m.v[i].sealer;
    while (self < n && !is_self(s, &m.v[self].id))
        self++;
    size_t *to = bc_xcalloc(2 * n, sizeof *to);
    size_t told = bc_tree_heights(n, self, sealer, s->c.tree_width, member_up, &m, to);
    for (size_t i = 0; i < told; i++)
        sync_send(s, &m.v[to[i]].id, msg);
    free(to);
    free(sealer);
    free(m.v);
}

static void send_status(sync_t *s)
{
    if (!in_group(s, &s->c.self) && !s->c.allow_free_node)
        return;
    BcPb__BlockSyncMessage msg = BC_PB__BLOCK_SYNC_MESSAGE__INIT;
    msg.version = 2;
    msg.packettype = PACKET_STATUS;
    msg.number = s->committed;
    msg.hash = (ProtobufCBinaryData){ 32, s->config->hash.b };
    msg.genesishash = (ProtobufCBinaryData){ 32, s->config->genesis_hash.b };
    msg.time = s->now->utc_ms;
    msg.archived_number = s->archived;
    if (s->c.tree_width) {
        tell_by_tree(s, &msg);
    } else {
        for (size_t i = 0; i < s->peer_cnt; i++)
            if (s->peers[i].connected && (s->peers[i].in_group || s->c.allow_free_node))
                sync_send(s, &s->peers[i].id, &msg);
    }
    s->status_sent_at = s->now->mono_ms;
}

/* At each new block, but at most every STATUS_MIN_MS. */
static void status_soon(sync_t *s)
{
    int64_t since = s->now->mono_ms - s->status_sent_at;
    if (since >= STATUS_MIN_MS) {
        send_status(s);
    } else if (!s->status_soon) {
        s->status_soon = true;
        sync_timer(s, TIMER_STATUS, STATUS_MIN_MS - since);
    }
}

static void know_highest(sync_t *s, int64_t number, const bc_h256_t *hash)
{
    if (number > s->known_highest) {
        s->known_highest = number;
        s->known_hash = *hash;
    }
}

/* After what is known of others, or the ledger, has changed. */
static void note_lag(sync_t *s)
{
    bool behind = s->known_highest > s->committed;
    if (!behind || s->behind_since < 0)
        s->behind_since = behind ? s->now->mono_ms : -1;
}

static void on_status(sync_t *s, const bc_nodeid_t *from, const BcPb__BlockSyncMessage *msg)
{
    bool member = in_group(s, from);
    if (is_self(s, from) || msg->number < 0 || msg->number > NUMBER_MAX || msg->hash.len != 32 ||
        msg->genesishash.len != 32 ||
        memcmp(msg->genesishash.data, s->config->genesis_hash.b, 32) != 0)
        return;
    if (!member && !s->c.allow_free_node && msg->number <= s->committed)
        return;
    peer_t *p = peer_find(s, from);
    if (!p)
        p = peer_add(s, from);
    if (!p || msg->number < p->number)
        return;
    bool first = p->number < 0, changed = msg->number != p->number;
    p->in_group = member;
    p->number = msg->number;
    p->archived = msg->archived_number;
    memcpy(p->hash.b, msg->hash.data, 32);
    if (msg->version > 0)
        learn_clock(s, p, msg->time);
    if (changed)
        tell_peer(s, p);
    if (first)
        status_soon(s); /* it may not have ours yet */
    know_highest(s, p->number, &p->hash);
    note_lag(s);
    download_try(s);
}

static void on_deliver(sync_t *s, bc_msg_t *in)
{
    bc_bytes_t data = bc_buf_view(in->data);
    BcPb__BlockSyncMessage *msg = bc_pb__block_sync_message__unpack(NULL, data.n, data.p);
    if (!msg)
        return;
    peer_t *p;
    switch (msg->packettype) {
    case PACKET_STATUS: on_status(s, &in->node, msg); break;
    case PACKET_REQUEST:
        p = peer_find(s, &in->node);
        if (p || in_group(s, &in->node) || s->c.allow_free_node)
            serve_request(s, p ? p : peer_add(s, &in->node), msg);
        break;
    case PACKET_RESPONSE:
        p = peer_find(s, &in->node);
        if (!p || p->bad_until > s->now->mono_ms)
            break;
        p->asked = false;
        if (msg->number < s->archived)
            archive_response(s, &in->node, msg);
        else
            download_response(s, &in->node, msg);
        break;
    default: break;
    }
    bc_pb__block_sync_message__free_unpacked(msg, NULL);
}

static void on_peers(sync_t *s, bc_msg_t *in)
{
    bc_bytes_t v = bc_buf_view(in->data);
    bool news = false;
    for (size_t i = 0; i < s->peer_cnt; i++)
        s->peers[i].connected = false;
    for (size_t at = 0; at + 64 <= v.n; at += 64) {
        bc_nodeid_t id;
        memcpy(id.b, v.p + at, 64);
        peer_t *p = peer_find(s, &id);
        if (!p) {
            p = peer_add(s, &id);
            news = true;
        }
        if (p)
            p->connected = true;
    }
    for (size_t i = s->peer_cnt; i-- > 0;)
        if (!s->peers[i].connected)
            peer_drop(s, i);
    s->known_highest = 0;
    know_highest(s, s->committed, &s->config->hash);
    for (size_t i = 0; i < s->peer_cnt; i++)
        know_highest(s, s->peers[i].number, &s->peers[i].hash);
    note_lag(s);
    if (news)
        send_status(s);
}

/* ---- ledger, consensus, time ---- */

static void take_config(sync_t *s, bc_ledger_config_t *c)
{
    if (s->config)
        bc_ledger_config_unref(s->config);
    s->config = bc_ledger_config_ref(c);
    if (c->number > s->committed)
        s->behind_since = -1; /* now it is the block after this that others have, or not */
    s->committed = c->number;
    s->executed = BC_MAX(s->executed, s->committed);
    for (size_t i = 0; i < s->peer_cnt; i++)
        s->peers[i].in_group = in_group(s, &s->peers[i].id);
    know_highest(s, s->committed, &c->hash);
    note_lag(s);
}

/* A line now and then while this node is far behind: where it is, how fast, how long yet. */
static void tell_progress(sync_t *s)
{
    progress_t *p = &s->progress;
    int64_t left = s->known_highest - s->committed, now = s->now->mono_ms;
    if (!p->on && left >= PROGRESS_LAG) {
        *p = (progress_t){ .on = true, .from = s->committed, .since_ms = now,
                           .number = s->committed, .at_ms = now, .seconds_left = -1 };
    } else if (p->on && left <= 0) {
        BC_INFO(BADGES, "caught up,number=%ld,blocks=%ld,seconds=%ld", (long)s->committed,
                (long)(s->committed - p->from), (long)((now - p->since_ms) / 1000));
        *p = (progress_t){ .seconds_left = -1 };
    } else if (p->on && now - p->at_ms >= PROGRESS_MS) {
        p->rate_tenths = (s->committed - p->number) * 10000 / (now - p->at_ms);
        p->seconds_left = p->rate_tenths ? left * 10 / p->rate_tenths : -1;
        p->number = s->committed;
        p->at_ms = now;
        BC_INFO(BADGES, "catching up,number=%ld,target=%ld,blocksPerSecond=%ld.%ld,secondsLeft=%ld",
                (long)s->committed, (long)s->known_highest, (long)(p->rate_tenths / 10),
                (long)(p->rate_tenths % 10), (long)p->seconds_left);
    }
}

static void on_timer(sync_t *s, bc_msg_t *in)
{
    switch (in->number) {
    case TIMER_STATUS:
        s->status_soon = false;
        if (s->now->mono_ms - s->status_sent_at >= STATUS_MIN_MS) /* a block may just have told it */
            send_status(s);
        tell_progress(s);
        sync_timer(s, TIMER_STATUS, STATUS_EVERY_MS);
        break;
    case TIMER_DOWNLOAD:
        download_timeout(s);
        break;
    case TIMER_ARCHIVE: archive_timer(s); break;
    case TIMER_RETRY:
        s->retry_armed = false;
        download_apply(s);
        break;
    default: break;
    }
}

static void step(void *self, const bc_now_t *now, bc_msg_t *in, bc_out_t *out)
{
    sync_t *s = self;
    s->now = now;
    s->out = out;
    switch (in->kind) {
    case BC_MSG_START:
        take_config(s, in->config);
        sync_timer(s, TIMER_STATUS, STATUS_EVERY_MS);
        archive_start(s);
        break;
    case BC_MSG_TIMER: on_timer(s, in); break;
    case BC_MSG_PEERS: on_peers(s, in); break;
    case BC_MSG_DELIVER: on_deliver(s, in); break;
    case BC_MSG_RECOVERED: download_recovered(s, in); break;
    case BC_MSG_EXECUTED: download_executed(s, in); break;
    case BC_MSG_COMMIT_DONE: download_commit_done(s, in); break;
    case BC_MSG_COMMITTED:
        take_config(s, in->committed->config);
        status_soon(s);
        download_committed(s);
        tell_progress(s);
        break;
    case BC_MSG_LOADED_BLOCK: serve_loaded(s, in); break;
    case BC_MSG_ARCHIVED: archive_done(s, in); break;
    case BC_MSG_PROPOSAL_INDEX:
        s->consensus_index = in->number;
        download_try(s);
        break;
    case BC_MSG_CONSENSUS_STATE: s->consensus_timeout = in->flag; break;
    default: break;
    }
}

static void sync_free(void *self)
{
    sync_t *s = self;
    for (size_t i = 0; i < WINDOW; i++)
        slot_clear(s, &s->slots[i]);
    archive_free(s);
    for (size_t i = 0; i < s->peer_cnt; i++)
        free(s->peers[i].wanted);
    free(s->peers);
    if (s->config)
        bc_ledger_config_unref(s->config);
    free(s);
}

bc_actor_if bc_blocksync_new(const bc_blocksync_config_t *config)
{
    static const bc_actor_ops_t ops = { step, sync_free };
    sync_t *s = bc_xcalloc(1, sizeof *s);
    s->c = *config;
    s->c.serve_max = config->serve_max ? config->serve_max : SERVE_PER_PEER;
    s->rotate = config->seed;
    s->archived = config->archived;
    s->progress.seconds_left = -1;
    s->status_sent_at = -STATUS_EVERY_MS;
    s->behind_since = -1;
    return (bc_actor_if){ &ops, s };
}

void bc_blocksync_status(bc_actor_if sync, bc_blocksync_status_t *out)
{
    const sync_t *s = sync.self;
    *out = (bc_blocksync_status_t){ .known_highest = s->known_highest,
                                    .known_latest_hash = s->known_hash,
                                    .syncing = s->downloading || s->executing,
                                    .archived = s->archived,
                                    .rate_tenths = s->progress.rate_tenths,
                                    .seconds_left = s->progress.seconds_left,
                                    .divergent = s->divergent,
                                    .loading = s->load_cnt };
    for (size_t i = 0; i < s->peer_cnt; i++)
        out->waiting_max = BC_MAX(out->waiting_max, s->peers[i].wanted_cnt);
    for (size_t i = 0; i < s->peer_cnt && out->peer_cnt < BC_ARRAY_LEN(out->peers); i++)
        if (s->peers[i].number >= 0)
            out->peers[out->peer_cnt++] = (bc_sync_peer_t){
                s->peers[i].number, s->peers[i].id, s->peers[i].archived, s->peers[i].hash
            };
}
