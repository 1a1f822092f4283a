/* What no schedule may break: looked at when frames leave, blocks execute and are written, clients
 * are answered. The names, with their numbers in spec/30 §3.12:
 *
 *   agreement 1     one hash, one state root per height
 *   one-precommit 2 precommits at one height and view share one hash
 *   decision 3      after a commit quorum nothing else is precommitted there
 *   ledger 4        heights without gaps, each on its parent, by the sealers of its list
 *   quorum 4        distinct valid signatures of quorum weight on every written header
 *   one-vote 5      one Prepare, one proposal, one checkpoint of a node per height (and view)
 *   lock 5          no Prepare for another hash than the one precommitted, unless a quorum prepared it in
 *                   a later view
 *   monotonic 6     views and heights never go back, votes not even after a restart
 *   serial 7        nothing executes above a system block that is not written
 *   once 8          a transaction and a nonce are on the chain at most once, none with a bad signature
 *   progress 9      (scenario.c) blocks within a bound after healing
 *   reason          honest nodes prepare what the leader proposed, precommit what a quorum and they
 *                   themselves prepared, execute what a quorum precommitted; bad nodes count as if they voted
 *   sealed          an honest leader's new block has its number, place, time, limit and flag
 *   view            (check_view.c) nodes enter views, and ask for them, for a valid reason only
 *   record          who signs a result has the block on its disk; (check_record.c) votes leave after
 *                   their records, and count in the next life
 *   belief          nobody waits for a height that no honest node has
 *   waiter          every client is answered once, and truly; soon after its block is written
 *   serve           (check_sync.c) nobody gets, or makes a node hold, more blocks than it may ask for
 *   memory          pools, queues and the consensus record stay within their bounds
 *   divergence      executions of honest nodes agree
 *   livelock        (sim.c) messages come to an end while the time stands still
 *
 * Invariant 10 is that the others hold with crashes. They are about honest nodes. */
#include <stdio.h>
#include <stdlib.h>
#include "scheduling/blocksync/blocksync.h"
#include "scheduling/front/front.h"
#include "protocol/features.h"
#include "scheduling/pbft/pbft_wire.h"
#include "scheduling/txpool/txpool.h"
#include "sim_impl.h"

static bc_bytes_t fact_key(const void *item)
{
    return bc_bytes(&((const fact_t *)item)->key, sizeof(fact_key_t));
}

static bc_bytes_t hash_key(const void *item)
{
    return bc_bytes(item, sizeof(bc_h256_t));
}

static fact_t *fact(sim_t *s, int kind, int node, int64_t index, int64_t view, bool make)
{
    if (!s->facts.key) {
        bc_map_init(&s->facts, fact_key);
        bc_map_init(&s->chain_txs, hash_key);
        bc_map_init(&s->made, hash_key);
    }
    fact_key_t k = { kind, node, index, view };
    fact_t *f = bc_map_find(&s->facts, bc_bytes(&k, sizeof k));
    if (f || !make)
        return f;
    f = bc_xcalloc(1, sizeof *f);
    f->key = k;
    BC_MUST(bc_map_insert(&s->facts, f) == BC_OK);
    return f;
}

/* The first hash said is the only one. False: another one was said before. */
static bool only(sim_t *s, int kind, int node, int64_t index, int64_t view, const bc_h256_t *hash)
{
    fact_t *f = fact(s, kind, node, index, view, false);
    if (f)
        return bc_h256_eq(&f->hash, hash);
    fact(s, kind, node, index, view, true)->hash = *hash;
    return true;
}

/* Facts about one of several hashes at a place. */
static int by_hash(const bc_h256_t *hash)
{
    int32_t word;
    memcpy(&word, hash->b, sizeof word);
    return word;
}

/* How many changes of the sealer list the block before index came after, or the newest that n has. */
static int64_t changes_before(const sim_node_t *n, int64_t index)
{
    int64_t height = BC_MIN(index - 1, n->disk.height);
    return n->world->o.membership && height > 0 ? n->disk.blocks[height].changes : 0;
}

typedef struct {
    bc_h256_t hash; /* the key */
    int64_t number;
} chain_tx_t;

typedef struct {
    bc_h256_t hash; /* the key */
    bc_h256_t nonce;
    uint8_t bounds[BC_TX_BOUNDS];
} made_tx_t;

static void nonce_key(const bc_tx_t *tx, bc_h256_t *out)
{
    bc_hash(BC_SUITE_STANDARD, tx->w.data.nonce, out);
}

void check_note_tx(sim_t *s, const bc_tx_t *tx)
{
    made_tx_t *t = bc_xcalloc(1, sizeof *t);
    t->hash = tx->hash;
    nonce_key(tx, &t->nonce);
    bc_tx_bounds(tx, t->bounds);
    (void)fact(s, FACT_TXS, 0, 0, 0, false); /* the maps are there */
    if (bc_map_insert(&s->made, t) != BC_OK)
        free(t);
}

void check_bounds_of(sim_t *s, bc_meta_t *m)
{
    const made_tx_t *t = bc_map_find(&s->made, BC_VIEW(m->hash));
    if (t)
        memcpy(m->bounds, t->bounds, sizeof m->bounds);
}

enum { PIPELINE_MAX = 16 }; /* how far apart two blocks may be that are voted on side by side */

void check_note_block(sim_t *s, const pbft_proposal_t *w)
{
    bc_arena_t arena = { 0 };
    bc_block_t b;
    fact_t *f = fact(s, FACT_TXS, by_hash(&w->hash), w->index, 0, true);
    if (!f->txs && w->data.n && bc_tars_decode(&bc_block_tars, w->data, &b, &arena) == BC_OK) {
        const bc_tx_meta_t *m = b.metas.v;
        f->txs = bc_xcalloc(2 * b.metas.n + 1, sizeof f->txs[0]);
        for (size_t i = 0; i < b.metas.n; i++) {
            if (m[i].hash.n != sizeof f->txs[0])
                continue;
            const made_tx_t *known = bc_map_find(&s->made, m[i].hash);
            memcpy(f->txs[f->tx_cnt++].b, m[i].hash.p, sizeof f->txs[0]);
            if (known)
                f->txs[f->tx_cnt++] = known->nonce;
        }
    }
    bc_arena_free(&arena);
}

static bool names(const fact_t *block, const bc_h256_t *tx)
{
    for (size_t i = 0; block && i < block->tx_cnt; i++)
        if (bc_h256_eq(&block->txs[i], tx))
            return true;
    return false;
}

/* A block that names a transaction of one below it, which is on the chain or decided, or its nonce. */
static bool has_taken(sim_t *s, const fact_t *f)
{
    const fact_t *block = fact(s, FACT_TXS, by_hash(&f->hash), f->key.index, 0, false);
    for (size_t i = 0; block && i < block->tx_cnt; i++) {
        const chain_tx_t *t = bc_map_find(&s->chain_txs, BC_VIEW(block->txs[i]));
        if (t && t->number < f->key.index)
            return true;
        for (int64_t k = BC_MAX(f->key.index - PIPELINE_MAX, 1); k < f->key.index; k++) {
            const fact_t *d = fact(s, FACT_DECIDED, 0, k, 0, false);
            if (d && names(fact(s, FACT_TXS, by_hash(&d->hash), k, 0, false), &block->txs[i]))
                return true;
        }
    }
    return false;
}

/* What was said of a block binds nobody when one below it makes it void: it changed the sealer list,
 * which the block names, or has a transaction of it (docs/notes/0019, 0021). */
static bool is_void(const sim_node_t *n, const fact_t *f)
{
    const sim_conf_t *confs = n->world->confs;
    const sim_conf_t *said = &confs[f->changes % SIM_CONFS];
    const sim_conf_t *now = &confs[changes_before(n, f->key.index) % SIM_CONFS];
    return has_taken(n->world, f) || memcmp(said, now, sizeof *said) != 0;
}

int64_t check_lock_view(const sim_node_t *n, int64_t index)
{
    const fact_t *lock = fact(n->world, FACT_LOCK, n->i, index, 0, false);
    return lock ? lock->view : -1;
}

bool check_lock_void(const sim_node_t *n, int64_t index)
{
    const fact_t *lock = fact(n->world, FACT_LOCK, n->i, index, 0, false);
    return lock && is_void(n, lock);
}

enum { W7_MS = 1000, MEMORY_SLACK = 450 };

/* ---- votes ---- */

static void check_vote_view(sim_node_t *n, const pbft_msg_t *m)
{
    if (m->base.view < n->vote_view)
        sim_fail(n->world, "monotonic", "node %d voted in view %ld after %ld", n->i,
                 (long)m->base.view, (long)n->vote_view);
    n->vote_view = BC_MAX(n->vote_view, m->base.view);
}

/* Somebody who leads, or a NewView, has proposed this. */
void check_offered(sim_t *s, int64_t index, int64_t view, const bc_h256_t *hash)
{
    fact(s, FACT_OFFERED, by_hash(hash), index, view, true);
}

static int leader_node(const sim_node_t *n, int64_t index, int64_t view)
{
    int list[SIM_NODES_MAX], cnt = sim_conf_list(sim_conf_after(n, index - 1), list);
    return list[sim_leader(index, view, n->world->o.leader_period, (size_t)cnt)];
}

static bool honest_leader(const sim_node_t *n, int64_t index, int64_t view)
{
    return !n->world->nodes[leader_node(n, index, view)].bad;
}

/* In a view above that, and not above this vote's, a quorum may have prepared what it is for. */
static bool prepared_since(const sim_node_t *n, const pbft_msg_t *m, int64_t view)
{
    sim_t *s = n->world;
    const sim_conf_t *conf = sim_conf_after(n, m->base.index - 1);
    for (int64_t v = view + 1; v <= m->base.view; v++) {
        const fact_t *f = fact(s, FACT_PREPARES, by_hash(&m->base.hash), m->base.index, v, false);
        if (sim_conf_weight(conf, (f ? f->mask : 0) | s->bad) >= sim_conf_quorum(conf, NULL))
            return true;
    }
    return false;
}

static void check_prepare(sim_node_t *n, const pbft_msg_t *m)
{
    sim_t *s = n->world;
    int64_t i = m->base.index, v = m->base.view;
    if (!fact(s, FACT_OFFERED, by_hash(&m->base.hash), i, v, false) && n->disk.height == i - 1 &&
        honest_leader(n, i, v) && check_list_stands(n, i - 1) && !s->o.injects)
        sim_fail(s, "reason", "node %d prepared what was not proposed at height %ld view %ld", n->i,
                 (long)i, (long)v);
    fact(s, FACT_PREPARES, by_hash(&m->base.hash), i, v, true)->mask |= 1u << n->i;
    fact(s, FACT_PREPARES, by_hash(&m->base.hash), i, -1, true);
    if (!only(s, FACT_PREPARE, n->i, i, v, &m->base.hash))
        sim_fail(s, "one-vote", "node %d prepared two hashes at height %ld view %ld", n->i, (long)i,
                 (long)v);
    fact_t *lock = fact(s, FACT_LOCK, n->i, i, 0, false);
    if (lock && !bc_h256_eq(&lock->hash, &m->base.hash) && !is_void(n, lock) &&
        !prepared_since(n, m, lock->view))
        sim_fail(s, "lock", "node %d prepared another hash than it precommitted at height %ld",
                 n->i, (long)i);
}

/* A quorum may hide where honest votes and those that bad nodes could add reach it. */
static void check_commit_vote(sim_node_t *n, const pbft_msg_t *m)
{
    sim_t *s = n->world;
    int64_t i = m->base.index, v = m->base.view;
    if (!only(s, FACT_VIEW_HASH, 0, i, v, &m->base.hash))
        sim_fail(s, "one-precommit", "two hashes precommitted at height %ld view %ld", (long)i,
                 (long)v);
    fact_t *lock = fact(s, FACT_LOCK, n->i, i, 0, true);
    const fact_t *own = fact(s, FACT_PREPARE, n->i, i, v, false);
    if ((!own || !bc_h256_eq(&own->hash, &m->base.hash)) && !s->o.injects)
        sim_fail(s, "reason", "node %d precommitted what it had not prepared at height %ld view %ld",
                 n->i, (long)i, (long)v);
    lock->hash = m->base.hash;
    lock->view = v;
    lock->changes = changes_before(n, i);
    const sim_conf_t *conf = sim_conf_after(n, i - 1);
    uint32_t prepares = fact(s, FACT_PREPARES, by_hash(&m->base.hash), i, v, true)->mask;
    if (sim_conf_weight(conf, prepares | s->bad) < sim_conf_quorum(conf, NULL) && !s->o.injects)
        sim_fail(s, "reason", "node %d precommitted what no quorum prepared at height %ld view %ld",
                 n->i, (long)i, (long)v);
    fact_t *votes = fact(s, FACT_COMMIT, 0, i, v, true);
    votes->hash = m->base.hash;
    votes->mask |= 1u << n->i;
    fact_t *decided = fact(s, FACT_DECIDED, 0, i, 0, false);
    if (decided && is_void(n, decided))
        decided = NULL;
    /* a late vote of an older view is no harm: its quorum of prepares came too late as well */
    if (decided && v > decided->view && !bc_h256_eq(&decided->hash, &m->base.hash))
        sim_fail(s, "decision", "node %d precommitted against a decision at height %ld view %ld",
                 n->i, (long)i, (long)v);
    if (sim_conf_weight(conf, votes->mask | s->bad) < sim_conf_quorum(conf, NULL) || decided)
        return;
    decided = fact(s, FACT_DECIDED, 0, i, 0, true);
    decided->hash = m->base.hash;
    decided->view = v;
    decided->changes = changes_before(n, i);
}

/* Who signs the result of a block that is not in its ledger yet has the block in its store, in the
 * official table, so that it can execute it again after a crash without anybody's help. */
static void check_record(sim_node_t *n, int64_t index)
{
    sim_t *s = n->world;
    char key[40];
    pbft_proposal_t w;
    bc_arena_t arena = { 0 };
    bool ok = index <= n->disk.height || s->o.injects;
    snprintf(key, sizeof key, BC_PBFT_TABLE_COMMIT ":%ld", (long)index);
    for (size_t i = 0; i < n->disk.row_cnt && !ok; i++)
        if (!strcmp(n->disk.rows[i].key, key))
            ok = pbft_proposal_decode(bc_buf_view(n->disk.rows[i].value), &w, &arena) == BC_OK &&
                 w.index == index && w.data.n &&
                 fact(s, FACT_MEANT, 1 | by_hash(&w.hash), index, -1, false) &&
                 check_record_max(n, index);
    if (!ok)
        sim_fail(s, "record",
                 "node %d signed the result of height %ld, and its store lacks the block", n->i,
                 (long)index);
    bc_arena_free(&arena);
}

static void check_vote(sim_node_t *n, const pbft_msg_t *m)
{
    sim_t *s = n->world;
    switch (m->type) {
    case PBFT_PRE_PREPARE:
        check_vote_view(n, m);
        check_offered(s, m->base.index, m->base.view, &m->base.hash);
        if (!only(s, FACT_PROPOSE, n->i, m->base.index, m->base.view, &m->base.hash))
            sim_fail(s, "one-vote", "node %d proposed twice at height %ld view %ld", n->i,
                     (long)m->base.index, (long)m->base.view);
        break;
    case PBFT_PREPARE:
        check_vote_view(n, m);
        check_prepare(n, m);
        break;
    case PBFT_COMMIT:
        check_vote_view(n, m);
        check_commit_vote(n, m);
        break;
    case PBFT_CHECKPOINT:
        check_record(n, m->base.index);
        if (!only(s, FACT_CHECK, 0, m->base.index, 0, &m->base.hash))
            sim_fail(s, "divergence", "node %d signed another result than others at height %ld",
                     n->i, (long)m->base.index);
        break;
    case PBFT_VIEW_CHANGE:
        if (m->base.view > s->honest_view + s->cnt + 1 && !s->o.injects)
            sim_fail(s, "view", "node %d asks for view %ld, far from every honest node", n->i,
                     (long)m->base.view);
        s->honest_view = BC_MAX(s->honest_view, m->base.view);
        break;
    default:
        break;
    }
}

/* What an honest leader seals: its own number and place, within the limit, later than its parent, and
 * flagged when it holds a system transaction. Not what was prepared before and is proposed again. */
static const char *seal_fault(const sim_node_t *n, const pbft_msg_t *m, const bc_block_t *b)
{
    const sim_t *s = n->world;
    const bc_tx_meta_t *metas = b->metas.v;
    int64_t h = n->disk.height;
    bool system = false;
    for (size_t i = 0; i < b->metas.n; i++)
        system |= bc_is_system_to(metas[i].to);
    if (b->header.data.number != m->base.index)
        return "another number";
    if (!b->metas.n && fact(n->world, FACT_OFFERED, by_hash(&m->base.hash), m->base.index, m->base.view, false))
        return NULL; /* what filled a gap of its NewView, said again to who connects */
    if (!b->metas.n || b->metas.n > s->o.tx_count_limit)
        return "too many transactions, or none";
    if (m->proposal.system != system)
        return "a wrong flag";
    if (h != m->base.index - 1)
        return NULL;
    if (b->header.data.sealer != sim_conf_index(sim_conf_after(n, h), n->i))
        return "another sealer";
    if (h && n->written_at < s->now && /* else it may have been sealed on what it did not know yet */
        b->header.data.timestamp <= n->disk.blocks[h].header->h.data.timestamp)
        return "a time before its parent's";
    return NULL;
}

static void check_sealed(sim_node_t *n, const pbft_msg_t *m)
{
    bc_arena_t arena = { 0 };
    bc_block_t b;
    const char *fault = "no block";
    if (fact(n->world, FACT_PREPARES, by_hash(&m->base.hash), m->base.index, -1, false))
        return;
    fact(n->world, FACT_PREPARES, by_hash(&m->base.hash), m->base.index, -1, true); /* said once */
    if (bc_tars_decode(&bc_block_tars, m->proposal.data, &b, &arena) == BC_OK)
        fault = seal_fault(n, m, &b);
    if (fault)
        sim_fail(n->world, "sealed", "node %d proposes height %ld with %s", n->i, (long)m->base.index,
                 fault);
    bc_arena_free(&arena);
}

/* By the list that it knows when it makes it. */
void check_turn(sim_node_t *n, const pbft_msg_t *m)
{
    check_sealed(n, m);
    if (n->disk.height == m->base.index - 1 && !n->world->o.injects &&
        leader_node(n, m->base.index, m->base.view) != n->i)
        sim_fail(n->world, "reason", "node %d proposes out of turn at height %ld view %ld", n->i,
                 (long)m->base.index, (long)m->base.view);
}

/* A vote that n counts already, while its record is on the way to the disk. */
void check_meant(sim_node_t *n, bc_bytes_t payload)
{
    sim_t *s = n->world;
    pbft_msg_t m;
    bc_arena_t arena = { 0 };
    if (!n->bad && payload.n > 1 && payload.p[0] == 0x10 && payload.p[1] == PBFT_COMMIT &&
        pbft_decode(BC_SUITE_STANDARD, payload, &m, &arena) == BC_OK) {
        check_view_commit(n, &m);
        const sim_conf_t *conf = sim_conf_after(n, m.base.index - 1);
        fact_t *f = fact(s, FACT_MEANT, 1 | by_hash(&m.base.hash), m.base.index, m.base.view, true);
        f->mask |= 1u << n->i;
        if (sim_conf_weight(conf, f->mask | s->bad) >= sim_conf_quorum(conf, NULL)) {
            fact(s, FACT_MEANT, 0, m.base.index, 0, true);
            fact(s, FACT_MEANT, 1 | by_hash(&m.base.hash), m.base.index, -1, true);
        }
    }
    bc_arena_free(&arena);
}

/* A frame that leaves n, in whatever incarnation. */
void check_frame(sim_node_t *n, const bc_msg_t *out)
{
    sim_t *s = n->world;
    bc_front_msg_t fm;
    pbft_msg_t m;
    bc_arena_t arena = { 0 };
    if (bc_front_msg_decode(bc_buf_view(out->data), &fm) == BC_OK && fm.payload.n &&
        pbft_decode(BC_SUITE_STANDARD, fm.payload, &m, &arena) == BC_OK && !s->o.forget_votes) {
        sim_trace(s, "node %d says type %d height %ld view %ld hash %02x%02x%02x%02x", n->i,
                  (int)m.type, (long)m.base.index, (long)m.base.view, m.base.hash.b[0],
                  m.base.hash.b[1], m.base.hash.b[2], m.base.hash.b[3]);
        if (m.type == PBFT_PRE_PREPARE && m.has_proposal)
            check_note_block(s, &m.proposal);
        if (!n->bad) {
            check_vote(n, &m);
            check_record_frame(n, &m);
        }
    }
    bc_arena_free(&arena);
}

/* ---- blocks ---- */

static void check_signatures(sim_node_t *n, const bc_hdr_t *h)
{
    sim_t *s = n->world;
    const bc_block_sig_t *v = h->h.signatures.v;
    uint32_t seen = 0;
    const sim_conf_t *conf = sim_conf_after(n, n->disk.height);
    int list[SIM_NODES_MAX], cnt = sim_conf_list(conf, list);
    for (size_t i = 0; i < h->h.signatures.n; i++) {
        int64_t k = v[i].sealer_index;
        if (k < 0 || k >= cnt || (seen >> list[k] & 1) ||
            !bc_verify(BC_SUITE_STANDARD, &s->nodes[list[k]].key.pub, &h->hash, v[i].signature)) {
            sim_fail(s, "quorum", "node %d wrote a block with a bad signature, height %ld", n->i,
                     (long)h->h.data.number);
            return;
        }
        seen |= 1u << list[k];
    }
    if (sim_conf_weight(conf, seen) < sim_conf_quorum(conf, NULL))
        sim_fail(s, "quorum", "node %d wrote a block without a quorum, height %ld", n->i,
                 (long)h->h.data.number);
}

/* The header names its parent and the sealers in force. An official leader's filler names none. */
static void check_header(sim_node_t *n, const bc_header_data_t *h, size_t txs)
{
    sim_t *s = n->world;
    const bc_parent_t *parent = h->parents.v;
    const bc_h256_t *want =
        n->disk.height ? &n->disk.blocks[n->disk.height].header->hash : &s->genesis_hash;
    int list[SIM_NODES_MAX];
    const sim_conf_t *conf = sim_conf_after(n, n->disk.height);
    size_t cnt = (size_t)sim_conf_list(conf, list);
    bool ok = h->parents.n == 1 && bc_bytes_eq(parent->hash, BC_VIEW(*want)) && h->timestamp >= 0 &&
              h->timestamp <= (int64_t)1 << 53;
    bool filler = !txs && !h->sealer_list.n && !h->weights.n;
    ok &= filler || (h->sealer >= 0 && (size_t)h->sealer < cnt && h->sealer_list.n == cnt &&
                     h->weights.n == cnt);
    for (size_t i = 0; ok && !filler && i < cnt; i++)
        ok = bc_bytes_eq(((bc_bytes_t *)h->sealer_list.v)[i], BC_VIEW(s->nodes[list[i]].key.pub)) &&
             (uint64_t)((int64_t *)h->weights.v)[i] == conf->w[list[i]];
    if (!ok)
        sim_fail(s, "ledger",
                 "node %d wrote a block with another parent, time or sealer list, height %ld", n->i,
                 (long)h->number);
}

/* A block is about to be written. Clients that wait for something in it must hear soon (W7). */
static void check_heard(sim_t *s, event_t *e)
{
    const sim_wait_t *w = &s->waits[e->num];
    const sim_node_t *n = &s->nodes[w->node];
    if (!w->answered && n->core && n->epoch == w->epoch)
        sim_fail(s, "waiter", "node %d wrote transaction %ld and its client was not told", n->i,
                 (long)e->num);
}

static void expect_answers(sim_node_t *n, const bc_txs_t *txs)
{
    sim_t *s = n->world;
    for (uint64_t t = s->open_from; n->core && t <= s->txs_made; t++) {
        const sim_wait_t *w = &s->waits[t];
        if (!t || w->answered || w->node != n->i || w->epoch != n->epoch)
            continue;
        for (size_t i = 0; i < txs->cnt; i++)
            if (bc_h256_eq(&txs->v[i]->hash, &w->hash)) {
                event_t *e = sim_at(s, W7_MS, n->i, check_heard);
                e->num = (int64_t)t;
            }
    }
}

static bool is_new(sim_t *s, const bc_h256_t *what, int64_t number)
{
    chain_tx_t *t = bc_xcalloc(1, sizeof *t);
    *t = (chain_tx_t){ *what, number };
    if (bc_map_insert(&s->chain_txs, t) == BC_OK)
        return true;
    free(t);
    return false;
}

static void check_txs(sim_t *s, int64_t number, const bc_txs_t *txs, bool first)
{
    for (size_t i = 0; i < txs->cnt; i++) {
        if (txs->v[i]->w.signature.n)
            sim_fail(s, "once", "a transaction with a bad signature is on the chain, height %ld",
                     (long)number);
        if (!first)
            continue;
        bc_h256_t nonce;
        nonce_key(txs->v[i], &nonce);
        if (!is_new(s, &txs->v[i]->hash, number))
            sim_fail(s, "once", "a transaction is twice on the chain, height %ld", (long)number);
        else if (!is_new(s, &nonce, number))
            sim_fail(s, "once", "a nonce is twice on the chain, height %ld", (long)number);
    }
}

void check_commit(sim_node_t *n, int64_t number, const bc_hdr_t *h, const bc_txs_t *txs)
{
    sim_t *s = n->world;
    sim_mix(s, &h->hash, sizeof h->hash);
    sim_trace(s, "node %d: block %ld, %zu txs, sealer %ld, %zu signatures", n->i, (long)number,
              txs->cnt, (long)h->h.data.sealer, h->h.signatures.n);
    n->written_at = s->now;
    if (n->bad)
        return;
    if (number != n->disk.height + 1 || h->h.data.number != number)
        sim_fail(s, "ledger", "node %d wrote height %ld after %ld", n->i, (long)number,
                 (long)n->disk.height);
    check_signatures(n, h);
    check_header(n, &h->h.data, txs->cnt);
    bool first = !fact(s, FACT_BLOCK, 0, number, 0, false);
    if (!only(s, FACT_BLOCK, 0, number, 0, &h->hash))
        sim_fail(s, "agreement", "node %d wrote another block at height %ld", n->i, (long)number);
    bc_h256_t root = { 0 };
    memcpy(root.b, h->h.data.state_root.p, BC_MIN(h->h.data.state_root.n, sizeof root.b));
    if (!only(s, FACT_BLOCK, 1, number, 0, &root))
        sim_fail(s, "agreement", "node %d has another state root at height %ld", n->i,
                 (long)number);
    check_txs(s, number, txs, first);
    expect_answers(n, txs);
}

/* A block that n asked for, as decided, with a true proof that a quorum prepared it. It may be tried:
 * whether it was decided, its result tells. */
void check_given(sim_node_t *n, bc_bytes_t payload)
{
    pbft_msg_t m;
    bc_arena_t arena = { 0 };
    if (sim_pbft_type(payload) == PBFT_COMMITTED_RESPONSE &&
        pbft_decode(BC_SUITE_STANDARD, payload, &m, &arena) == BC_OK)
        for (size_t i = 0; i < m.proposal_cnt; i++)
            if (sim_proof_holds(n, sim_conf_after(n, n->disk.height), &m.proposals[i]))
                fact(n->world, FACT_GIVEN, by_hash(&m.proposals[i].hash), m.proposals[i].index, n->i,
                     true);
    bc_arena_free(&arena);
}

/* A quorum precommitted some proposal of that height, and if it came by consensus this one. */
static bool execution_has_reason(sim_node_t *n, const bc_hdr_t *header)
{
    sim_t *s = n->world;
    int64_t number = header->h.data.number;
    if (header->h.data.state_root.n)
        return fact(s, FACT_MEANT, 0, number, 0, false) != NULL;
    bc_header_t h = header->h; /* as it was proposed */
    h.data_hash = (bc_bytes_t){ 0 };
    h.data.parents = (bc_tars_list_t){ 0 };
    bc_hdr_t *plain = bc_hdr_new(BC_SUITE_STANDARD, &h);
    bool ok = fact(s, FACT_MEANT, 1 | by_hash(&plain->hash), number, -1, false) != NULL ||
              fact(s, FACT_GIVEN, by_hash(&plain->hash), number, n->i, false) != NULL;
    bc_hdr_unref(plain);
    return ok;
}

void check_execute(sim_node_t *n, const bc_hdr_t *header)
{
    sim_t *s = n->world;
    int64_t number = header->h.data.number;
    int list[SIM_NODES_MAX];
    check_record_executes(n, number);
    if (!n->bad && !s->o.forget_votes && !s->o.injects &&
        sim_conf_list(sim_conf_after(n, number - 1), list) > 1 && !execution_has_reason(n, header))
        sim_fail(s, "reason", "node %d executes at height %ld what no quorum precommitted", n->i,
                 (long)number);
    for (size_t i = 0; !n->bad && i < n->layer_cnt; i++)
        if (n->layers[i].system && n->layers[i].number < number &&
            n->layers[i].number > n->disk.height)
            sim_fail(s, "serial", "node %d executes height %ld before system block %ld is written",
                     n->i, (long)number, (long)n->layers[i].number);
}

/* ---- clients ---- */

void check_answer(sim_node_t *n, const bc_msg_t *m)
{
    sim_t *s = n->world;
    sim_mix(s, &m->token, sizeof m->token);
    if (n->bad || !m->token || m->token > s->txs_made)
        return;
    sim_wait_t *w = &s->waits[m->token];
    if (w->answered)
        sim_fail(s, "waiter", "node %d answered transaction %lu twice", n->i,
                 (unsigned long)m->token);
    w->answered = true;
    const bc_committed_t *c = m->committed;
    if (c && (m->number2 < 0 || (size_t)m->number2 >= c->txs->cnt ||
              !bc_h256_eq(&c->txs->v[m->number2]->hash, &w->hash) || c->number > n->disk.height))
        sim_fail(s, "waiter", "node %d told of a block that does not hold transaction %lu", n->i,
                 (unsigned long)m->token);
    if (!c && w->wait && !m->number)
        sim_fail(s, "waiter", "node %d said that transaction %lu is done without its block", n->i,
                 (unsigned long)m->token);
}

bool check_waits_open(sim_t *s)
{
    bool open = false;
    for (uint64_t t = BC_MAX(s->open_from, (uint64_t)1); t <= s->txs_made; t++) {
        const sim_wait_t *w = &s->waits[t];
        const sim_node_t *n = &s->nodes[w->node];
        if (!w->answered && !n->bad && n->core && n->epoch == w->epoch)
            open = true;
        else if (!open)
            s->open_from = t + 1;
    }
    return open;
}

/* ---- after each step ---- */

static void check_memory(sim_node_t *n)
{
    bc_txpool_stats_t tp;
    bc_txpool_stats(n->actors[BC_ACTOR_TXPOOL], &tp);
    if (tp.txs > SIM_POOL_LIMIT + MEMORY_SLACK || tp.nonce_entries > 20000)
        sim_fail(n->world, "memory", "node %d holds %lu transactions, %lu nonces", n->i,
                 (unsigned long)tp.txs, (unsigned long)tp.nonce_entries);
    bc_front_stats_t fs = bc_front_stats(&n->actors[BC_ACTOR_FRONT]);
    if (fs.pending > BC_FRONT_PENDING_MAX / 8 || n->disk.row_cnt > SIM_ROWS_MAX)
        sim_fail(n->world, "memory", "node %d has %zu open requests, %zu consensus rows", n->i,
                 fs.pending, n->disk.row_cnt);
}

void check_node(sim_node_t *n)
{
    if (n->bad)
        return;
    bc_pbft_status_t st;
    bc_pbft_status(n->actors[BC_ACTOR_PBFT], &st);
    if (st.view < n->view_seen)
        sim_fail(n->world, "monotonic", "node %d went back from view %ld to %ld", n->i,
                 (long)n->view_seen, (long)st.view);
    if (st.view > n->view_seen && n->view_seen >= 0)
        check_view_entered(n, st.view);
    if (n->to_view_seen < 0)
        check_record_life(n, st.view, st.to_view);
    check_view_asked(n, &st);
    n->view_seen = st.view;
    if (st.sync_highest > n->disk.height && st.sync_highest > sim_highest(n->world))
        sim_fail(n->world, "belief", "node %d believes in height %ld, which nobody honest has",
                 n->i, (long)st.sync_highest);
    bc_blocksync_status_t sy;
    bc_blocksync_status(n->actors[BC_ACTOR_SYNC], &sy);
    check_sync_node(n, &sy);
    if (st.divergent || sy.divergent)
        sim_fail(n->world, "divergence", "node %d says that its execution of height %ld differs",
                 n->i, (long)BC_MAX(st.divergent, sy.divergent));
    if (st.deferred > 8192)
        sim_fail(n->world, "memory", "node %d defers %lu messages", n->i,
                 (unsigned long)st.deferred);
    check_memory(n);
}

void check_free(sim_t *s)
{
    void *item;
    if (!s->facts.key)
        return;
    for (size_t i = 0; (item = bc_map_next(&s->facts, &i));) {
        free(((fact_t *)item)->txs);
        free(item);
    }
    for (size_t i = 0; (item = bc_map_next(&s->chain_txs, &i));)
        free(item);
    for (size_t i = 0; (item = bc_map_next(&s->made, &i));)
        free(item);
    bc_map_free(&s->made);
    bc_map_free(&s->facts);
    bc_map_free(&s->chain_txs);
}
