/* Download: what to ask of whom, and what happens to a block that arrives: decode -> check
 * signatures -> recover senders -> execute and compare -> commit, in height order. */
#include "scheduling/blocksync/blocksync_impl.h"
#include <stdlib.h>
#include "base/log.h"

static slot_t *slot_of(sync_t *s, int64_t number)
{
    return &s->slots[number % WINDOW];
}

static slot_t *slot_find(sync_t *s, int64_t number)
{
    slot_t *slot = slot_of(s, number);
    return slot->state != SLOT_FREE && slot->number == number ? slot : NULL;
}

void slot_clear(sync_t *s, slot_t *slot)
{
    s->slot_bytes -= slot->bytes;
    if (slot->header)
        bc_hdr_unref(slot->header);
    bc_txs_unref(slot->txs);
    *slot = (slot_t){ 0 };
}

/* ---- requests ---- */

/* Blocks that consensus has under way are left to it (spec/30 §5), for a while: a node that has lost
 * the others' checkpoint votes for one block keeps voting on the next ones, and nobody repeats a
 * vote for a block that is on the chain. Official nodes wait until pipeline_size more blocks exist. */
static bool should_sync(const sync_t *s)
{
    bool stuck = s->behind_since >= 0 && s->now->mono_ms - s->behind_since >= STUCK_MS;
    return s->committed < s->known_highest && s->executed < s->known_highest &&
           (s->consensus_index < s->known_highest || s->consensus_timeout || stuck);
}

peer_t *pick(sync_t *s, int64_t number)
{
    int64_t now = s->now->mono_ms;
    for (int slow = 0; slow < 2; slow++)
        for (size_t i = 0; i < s->peer_cnt; i++) {
            peer_t *p = &s->peers[s->rotate++ % s->peer_cnt];
            if (p->number >= number && p->archived < number && p->bad_until <= now &&
                (slow || p->slow_until <= now))
                return p;
        }
    return NULL;
}

static bool have_all(sync_t *s, int64_t from, int64_t to, int64_t interval)
{
    for (int64_t n = from; n <= to; n += interval)
        if (!slot_find(s, n))
            return false;
    return true;
}

void request(sync_t *s, peer_t *p, int64_t from, int64_t cnt, int64_t interval, int32_t flags)
{
    BcPb__BlockSyncMessage msg = BC_PB__BLOCK_SYNC_MESSAGE__INIT;
    msg.packettype = PACKET_REQUEST;
    msg.number = from;
    msg.size = cnt;
    msg.block_interval = cnt > 1 ? interval : 0;
    msg.block_data_flag = flags;
    p->asked = true;
    sync_send(s, &p->id, &msg);
}

static void ask(sync_t *s, int64_t from, int64_t to, int64_t interval)
{
    if (have_all(s, from, to, interval))
        return;
    peer_t *p = pick(s, from);
    if (!p)
        return;
    to = BC_MIN(to, p->number); /* as much of them as it has */
    request(s, p, from, (to - from) / interval + 1, interval, FLAG_HEADER | FLAG_TRANSACTIONS);
}

static int64_t peers_above(const sync_t *s, int64_t number)
{
    int64_t k = 0;
    for (size_t i = 0; i < s->peer_cnt; i++)
        k += s->peers[i].number > number;
    return BC_MAX(k, 1);
}

/* Shards of 8 blocks, k peers wide, interleaved so that consecutive blocks come from different
 * peers; at most two rounds over the peers (spec/30 §5). Returns the highest number asked for. */
static int64_t request_blocks(sync_t *s, int64_t base, int64_t target)
{
    int64_t highest = base, k = peers_above(s, base);
    for (int64_t shard = 0; shard < 2 * k; shard++) {
        int64_t from = base + 1 + shard % k + shard / k * SHARD * k;
        if (from > target)
            continue;
        int64_t to = BC_MIN(from + (SHARD - 1) * k, target);
        to = from + (to - from) / k * k;
        ask(s, from, to, k);
        highest = BC_MAX(highest, to);
    }
    return highest;
}

/* Less than a round over the peers is on its way: time to ask for more, so that no line runs dry. */
static bool most_came(sync_t *s)
{
    int64_t open = 0;
    for (int64_t n = s->executed + 1; n <= s->requested_to; n++)
        open += !slot_find(s, n);
    return open < SHARD * peers_above(s, s->requested_to);
}

typedef struct {
    int64_t number;
    uint64_t weight;
} claim_t;

static int claim_cmp(const void *a, const void *b)
{
    const claim_t *x = a, *y = b;
    return (x->number < y->number) - (x->number > y->number); /* highest first */
}

/* The highest number that sealers of more weight than may be faulty have: one of them is honest. */
static int64_t believed_highest(const sync_t *s)
{
    const bc_ledger_config_t *c = s->config;
    claim_t *v = bc_xcalloc(s->peer_cnt, sizeof *v);
    size_t cnt = 0;
    for (size_t i = 0; i < s->peer_cnt; i++) {
        int64_t at = s->peers[i].number > 0 ? bc_ledger_config_sealer(c, &s->peers[i].id) : -1;
        if (at >= 0)
            v[cnt++] = (claim_t){ s->peers[i].number, c->sealers[at].vote_weight };
    }
    qsort(v, cnt, sizeof *v, claim_cmp);
    uint64_t total = 0, weight = 0;
    for (size_t i = 0; i < c->sealer_cnt; i++)
        total += c->sealers[i].vote_weight;
    int64_t number = 0;
    for (size_t i = 0; i < cnt && !number; i++) {
        weight += v[i].weight;
        if (weight > (total - 1) / 3)
            number = v[i].number;
    }
    free(v);
    return number;
}

static void tell_highest(sync_t *s)
{
    int64_t number = believed_highest(s);
    if (number == s->told_highest || number <= s->committed)
        return;
    s->told_highest = number;
    bc_out_msg(s->out, BC_ACTOR_PBFT, BC_MSG_SYNC_HIGHEST)->number = number;
}

void download_try(sync_t *s)
{
    if (!should_sync(s)) {
        if (s->executed >= s->known_highest)
            s->downloading = false;
        return;
    }
    if (s->downloading && !most_came(s))
        return;
    int64_t target = BC_MIN(s->known_highest, s->executed + WINDOW - 1);
    tell_highest(s);
    int64_t base = s->downloading ? BC_MAX(s->requested_to, s->executed) : s->executed;
    while (base < target && slot_find(s, base + 1))
        base++;
    /* a window that is full is filled up by the quarter, not block by block */
    if (base < target && (target == s->known_highest || target - base >= WINDOW / 4)) {
        s->requested_to = request_blocks(s, base, target);
        s->downloading = true;
        sync_timer(s, TIMER_DOWNLOAD, DOWNLOAD_MS);
    }
    download_apply(s);
}

/* What was asked for has not come. */
void download_timeout(sync_t *s)
{
    for (size_t i = 0; i < s->peer_cnt; i++)
        if (s->peers[i].asked) {
            s->peers[i].asked = false;
            s->peers[i].slow_until = s->now->mono_ms + SLOW_PEER_MS;
        }
    s->downloading = false;
    download_try(s);
}

/* ---- arrival ---- */

static bc_err_t decode_block(sync_t *s, bc_bytes_t data, bc_hdr_t **header, bc_txs_t **txs)
{
    bc_arena_t arena;
    bc_arena_init(&arena, 8 * data.n + 65536);
    bc_block_t block;
    bc_wr_t w = { 0 };
    bc_err_t err = bc_tars_decode(&bc_block_tars, data, &block, &arena);
    *header = NULL;
    *txs = NULL;
    if (!err) {
        bc_tars_encode(&bc_header_tars, &block.header, &w);
        err = w.err ? w.err : bc_hdr_decode(s->c.suite, bc_wr_view(&w), header);
    }
    if (!err)
        *txs = bc_txs_new(block.txs.n);
    for (size_t i = 0; !err && i < block.txs.n; i++) {
        bc_wr_reset(&w);
        bc_tars_encode(&bc_tx_wire_tars, &((bc_tx_wire_t *)block.txs.v)[i], &w);
        err = w.err ? w.err : bc_tx_decode(s->c.suite, bc_wr_view(&w), &(*txs)->v[i]);
    }
    bc_wr_free(&w);
    bc_arena_free(&arena);
    if (err) {
        if (*header)
            bc_hdr_unref(*header);
        bc_txs_unref(*txs);
    }
    return err;
}

void download_response(sync_t *s, const bc_nodeid_t *from, const BcPb__BlockSyncMessage *msg)
{
    for (size_t i = 0; i < msg->n_blocksdata && i < SHARD; i++) {
        bc_hdr_t *header;
        bc_txs_t *txs;
        size_t bytes = msg->blocksdata[i].len;
        bc_err_t err = decode_block(s, bc_bytes(msg->blocksdata[i].data, bytes), &header, &txs);
        if (err) {
            BC_WARN(BADGES, "dropped a block,from=%s,error=%s", BC_SHORT(*from), bc_err_name(err));
            peer_bad(s, from);
            continue;
        }
        int64_t n = header->h.data.number;
        if (n <= s->executed || n >= s->executed + WINDOW || slot_find(s, n) ||
            (n > s->executed + 1 && s->slot_bytes + bytes > WINDOW_BYTES_MAX)) {
            bc_hdr_unref(header);
            bc_txs_unref(txs);
            continue;
        }
        slot_t *slot = slot_of(s, n);
        slot_clear(s, slot);
        *slot = (slot_t){ .state = SLOT_WAITING, .number = n, .from = *from, .header = header,
                          .txs = txs, .bytes = bytes };
        s->slot_bytes += bytes;
    }
    download_apply(s);
    download_try(s);
}

/* ---- checks ---- */

static bool list_matches(const bc_ledger_config_t *c, const bc_header_data_t *h)
{
    if (h->sealer < 0 || (uint64_t)h->sealer >= c->sealer_cnt ||
        h->sealer_list.n != c->sealer_cnt || h->weights.n != c->sealer_cnt)
        return false;
    for (size_t i = 0; i < c->sealer_cnt; i++)
        if (!bc_bytes_eq(((bc_bytes_t *)h->sealer_list.v)[i], BC_VIEW(c->sealers[i].id)) ||
            ((int64_t *)h->weights.v)[i] != (int64_t)c->sealers[i].vote_weight)
            return false;
    return true;
}

/* Are these the transactions that the header was signed with? Else a peer could make this node look
 * divergent. */
static bool txs_match(const sync_t *s, const slot_t *slot)
{
    size_t n = slot->txs->cnt;
    bc_h256_t root, *hashes = bc_xcalloc(n, sizeof *hashes);
    for (size_t i = 0; i < n; i++)
        hashes[i] = slot->txs->v[i]->hash;
    bc_err_t err = bc_merkle_root(s->c.suite, hashes, n, &root);
    free(hashes);
    return !err && bc_bytes_eq(slot->header->h.data.txs_root, BC_VIEW(root));
}

/* Distinct signatures of quorum weight over the header hash, by the list in force; none that does
 * not hold, also past the quorum: all are written, and served to others, who look at all of them
 * (official nodes do). */
static bool check_block(const sync_t *s, const slot_t *slot)
{
    const bc_ledger_config_t *c = s->config;
    const bc_header_t *h = &slot->header->h;
    /* official leaders fill gaps after a view change with empty blocks that name no sealers
     * (spec/30 §3.7); their signatures count like any other's */
    bool filler = !slot->txs->cnt && !h->data.sealer_list.n && !h->data.weights.n;
    if (!filler && !list_matches(c, &h->data))
        return false;
    uint64_t total = 0, weight = 0;
    for (size_t i = 0; i < c->sealer_cnt; i++)
        total += c->sealers[i].vote_weight;
    uint64_t quorum = total - (total - 1) / 3;
    bool *seen = bc_xcalloc(c->sealer_cnt, sizeof *seen);
    bool ok = true;
    for (size_t i = 0; ok && i < h->signatures.n; i++) {
        const bc_block_sig_t *sig = &((bc_block_sig_t *)h->signatures.v)[i];
        if (sig->sealer_index < 0 || (uint64_t)sig->sealer_index >= c->sealer_cnt ||
            seen[sig->sealer_index]) {
            ok = false;
            break;
        }
        size_t who = (size_t)sig->sealer_index;
        ok = bc_verify(s->c.suite, &c->sealers[who].id, &slot->header->hash, sig->signature);
        seen[who] = true;
        weight += c->sealers[who].vote_weight;
    }
    free(seen);
    return ok && weight >= quorum && txs_match(s, slot);
}

/* ---- execution, in height order ---- */

static void recover_ahead(sync_t *s)
{
    size_t txs = 0;
    for (int64_t n = s->executed + 1; n <= s->executed + RECOVER_AHEAD && txs < RECOVER_TXS_MAX; n++) {
        slot_t *slot = slot_find(s, n);
        txs += slot ? slot->txs->cnt : 0;
        if (!slot || slot->state != SLOT_WAITING)
            continue;
        if (!slot->txs->cnt) {
            slot->state = SLOT_READY;
            continue;
        }
        slot->state = SLOT_RECOVERING;
        bc_msg_t *m = bc_out_msg(s->out, BC_ACTOR_HOST, BC_MSG_RECOVER);
        m->token = (uint64_t)n;
        m->txs = bc_txs_ref(slot->txs);
    }
}

static void retry_later(sync_t *s, int64_t after_ms)
{
    s->retry_at = s->now->mono_ms + after_ms;
    if (!s->retry_armed) {
        s->retry_armed = true;
        sync_timer(s, TIMER_RETRY, after_ms);
    }
}

/* So much is executed and not written that executing waits. */
static bool far_ahead(const sync_t *s)
{
    size_t txs = 0;
    for (int64_t n = s->committed + 1; n <= s->executed; n++)
        txs += s->ahead_txs[n % AHEAD_MAX];
    return s->executed >= s->committed + AHEAD_MAX || txs >= AHEAD_TXS_MAX;
}

void download_apply(sync_t *s)
{
    recover_ahead(s);
    int64_t n = s->executed + 1;
    slot_t *slot = slot_find(s, n);
    if (s->executing || !slot || slot->state != SLOT_READY || s->now->mono_ms < s->retry_at ||
        far_ahead(s) || s->wait_commit > s->committed)
        return;
    if (!slot->checked) {
        slot->checked = check_block(s, slot);
        if (!slot->checked) {
            if (s->committed < n - 1)
                return; /* the list may change until its parent is written: look again then */
            BC_WARN(BADGES,
                    "dropped a block whose signatures or transactions do not hold,number=%ld,from=%s",
                    (long)n, BC_SHORT(slot->from));
            peer_bad(s, &slot->from);
            slot_clear(s, slot);
            s->downloading = false;
            retry_later(s, RETRY_MS);
            return;
        }
    }
    s->executing = n;
    bc_msg_t *m = bc_out_msg(s->out, BC_ACTOR_SCHEDULER, BC_MSG_EXECUTE);
    m->token = (uint64_t)n;
    m->header = bc_hdr_ref(slot->header);
    m->txs = bc_txs_ref(slot->txs);
    m->flag = true;
}

void download_recovered(sync_t *s, bc_msg_t *in)
{
    slot_t *slot = slot_find(s, (int64_t)in->token);
    if (!slot || slot->state != SLOT_RECOVERING || slot->txs != in->txs)
        return;
    slot->state = SLOT_READY;
    for (size_t i = 0; i < slot->txs->cnt; i++)
        if (!slot->txs->v[i]->sender_known) {
            BC_WARN(BADGES, "dropped a block with a bad transaction signature,number=%ld,from=%s",
                    (long)slot->number, BC_SHORT(slot->from));
            peer_bad(s, &slot->from);
            slot_clear(s, slot);
            break;
        }
    download_apply(s);
}

/* The transactions' hashes are the signed ones, but that does not tell where their fields end
 * (docs/notes/0024): who sent them may have altered them. The same from a second one, or once more:
 * then it is our execution. */
static void diverged(sync_t *s, int64_t n, slot_t *slot)
{
    bc_h256_t bounds;
    if (!slot)
        return;
    bc_txs_bounds(slot->txs, s->c.suite, &bounds);
    bool again = s->doubted == n && bc_h256_eq(&bounds, &s->doubted_bounds);
    s->doubted = n;
    s->doubted_bounds = bounds;
    peer_bad(s, &slot->from);
    slot_clear(s, slot);
    s->downloading = false;
    if (!again) {
        BC_WARN(BADGES, "a downloaded block has another result than the signed one, it is asked for "
                "once more,number=%ld", (long)n);
        retry_later(s, RETRY_MS);
        return;
    }
    if (s->divergent != n)
        BC_ERROR(BADGES,
                 "this node's execution differs from a block that a quorum signed; nothing was "
                 "written. Compare the data directory with a healthy node's or sync anew "
                 "(docs/operations.md),number=%ld",
                 (long)n);
    s->divergent = n;
    retry_later(s, DIVERGENT_RETRY_MS);
}

void download_executed(sync_t *s, bc_msg_t *in)
{
    int64_t n = (int64_t)in->token;
    slot_t *slot = slot_find(s, n);
    if (s->executing != n)
        return;
    s->executing = 0;
    if (in->err == BC_E_MISMATCH) {
        diverged(s, n, slot);
    } else if (in->err == BC_E_STALE) {
        if (slot)
            slot_clear(s, slot);
        s->executed = BC_MAX(s->executed, s->committed);
    } else if (in->err) {
        s->executed = s->committed; /* start again from what is written */
        retry_later(s, RETRY_MS);
    } else if (slot) {
        s->executed = n;
        s->ahead_txs[n % AHEAD_MAX] = slot->txs->cnt;
        s->divergent = 0;
        if (in->flag)
            s->wait_commit = n;
        bc_msg_t *m = bc_out_msg(s->out, BC_ACTOR_SCHEDULER, BC_MSG_COMMIT);
        m->token = (uint64_t)n;
        m->header = bc_hdr_ref(slot->header);
        slot_clear(s, slot);
    }
    download_apply(s);
    download_try(s);
}

void download_commit_done(sync_t *s, bc_msg_t *in)
{
    if (!in->err || in->err == BC_E_STALE)
        return;
    BC_WARN(BADGES, "commit failed,number=%ld,error=%s", (long)in->number, bc_err_name(in->err));
    s->executed = s->committed; /* download and execute again from there */
    s->downloading = false;
    retry_later(s, RETRY_MS);
}

void download_committed(sync_t *s)
{
    for (size_t i = 0; i < WINDOW; i++)
        if (s->slots[i].state != SLOT_FREE && s->slots[i].number <= s->executed)
            slot_clear(s, &s->slots[i]);
    if (s->downloading && (s->executed >= s->requested_to || s->executed >= s->known_highest))
        s->downloading = false;
    download_apply(s);
    download_try(s);
}
