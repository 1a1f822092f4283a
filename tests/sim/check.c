/* What no schedule may break (spec/30 §3.12): looked at when frames leave and blocks are written. */
#include <stdio.h>
#include <stdlib.h>
#include "scheduling/front/front.h"
#include "scheduling/pbft/pbft_wire.h"
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

static void check_prepare(sim_node_t *n, const pbft_msg_t *m)
{
    sim_t *s = n->world;
    int64_t i = m->base.index, v = m->base.view;
    if (!only(s, FACT_PREPARE, n->i, i, v, &m->base.hash))
        sim_fail(s, "node %d prepared two hashes at height %ld view %ld", n->i, (long)i, (long)v);
    fact_t *lock = fact(s, FACT_LOCK, n->i, i, 0, false);
    if (lock && !bc_h256_eq(&lock->hash, &m->base.hash))
        sim_fail(s, "node %d prepared another hash than it precommitted at height %ld", n->i, (long)i);
}

static void check_commit_vote(sim_node_t *n, const pbft_msg_t *m)
{
    sim_t *s = n->world;
    int64_t i = m->base.index, v = m->base.view;
    if (!only(s, FACT_VIEW_HASH, 0, i, v, &m->base.hash))
        sim_fail(s, "two hashes precommitted at height %ld view %ld", (long)i, (long)v);
    fact_t *lock = fact(s, FACT_LOCK, n->i, i, 0, true);
    lock->hash = m->base.hash;
    fact_t *votes = fact(s, FACT_COMMIT, 0, i, v, true);
    votes->hash = m->base.hash;
    votes->mask |= 1u << n->i;
    fact_t *decided = fact(s, FACT_DECIDED, 0, i, 0, false);
    if (decided && !bc_h256_eq(&decided->hash, &m->base.hash))
        sim_fail(s, "node %d precommitted against a decision at height %ld view %ld", n->i, (long)i,
                 (long)v);
    uint64_t w = 0;
    for (int k = 0; k < s->o.sealers; k++)
        if (votes->mask >> k & 1)
            w += sim_weight(s, k);
    if (w >= sim_quorum(s) && !decided)
        fact(s, FACT_DECIDED, 0, i, 0, true)->hash = m->base.hash;
}

/* A frame that leaves n, in whatever incarnation. */
void check_frame(sim_node_t *n, const bc_msg_t *out)
{
    bc_front_msg_t fm;
    pbft_msg_t m;
    bc_arena_t arena = { 0 };
    if (bc_front_msg_decode(bc_buf_view(out->data), &fm) == BC_OK && fm.payload.n &&
        pbft_decode(BC_SUITE_STANDARD, fm.payload, &m, &arena) == BC_OK && !n->world->o.forget_votes) {
        if (n->world->o.verbose)
            printf("%8ld node %d says type %d height %ld view %ld hash %02x%02x%02x%02x\n",
                   (long)n->world->now, n->i, (int)m.type, (long)m.base.index, (long)m.base.view,
                   m.base.hash.b[0], m.base.hash.b[1], m.base.hash.b[2], m.base.hash.b[3]);
        if (m.type == PBFT_PRE_PREPARE) {
            if (!only(n->world, FACT_PROPOSE, n->i, m.base.index, m.base.view, &m.base.hash))
                sim_fail(n->world, "node %d proposed twice at height %ld view %ld", n->i,
                         (long)m.base.index, (long)m.base.view);
        } else if (m.type == PBFT_PREPARE) {
            check_prepare(n, &m);
        } else if (m.type == PBFT_COMMIT) {
            check_commit_vote(n, &m);
        }
    }
    bc_arena_free(&arena);
}

static void check_signatures(sim_node_t *n, const bc_hdr_t *h)
{
    sim_t *s = n->world;
    const bc_block_sig_t *v = h->h.signatures.v;
    uint64_t w = 0, total = 0, quorum, faulty;
    uint32_t seen = 0;
    int list[SIM_NODES_MAX], cnt = sim_sealers_after(n, n->disk.height, list);
    for (int i = 0; i < cnt; i++)
        total += sim_weight(s, list[i]);
    bc_pbft_quorum(total, &quorum, &faulty);
    for (size_t i = 0; i < h->h.signatures.n; i++) {
        int64_t k = v[i].sealer_index;
        if (k < 0 || k >= cnt || (seen >> k & 1) ||
            !bc_verify(BC_SUITE_STANDARD, &s->nodes[list[k]].key.pub, &h->hash, v[i].signature)) {
            sim_fail(s, "node %d wrote a block with a bad signature", n->i);
            return;
        }
        seen |= 1u << k;
        w += sim_weight(s, list[k]);
    }
    if (w < quorum)
        sim_fail(s, "node %d wrote a block without a quorum", n->i);
}

void check_commit(sim_node_t *n, int64_t number, const bc_hdr_t *h, const bc_txs_t *txs)
{
    sim_t *s = n->world;
    if (number != n->disk.height + 1 || h->h.data.number != number)
        sim_fail(s, "node %d wrote height %ld after %ld", n->i, (long)number, (long)n->disk.height);
    check_signatures(n, h);
    bool first = !fact(s, FACT_BLOCK, 0, number, 0, false);
    if (!only(s, FACT_BLOCK, 0, number, 0, &h->hash))
        sim_fail(s, "node %d wrote another block at height %ld", n->i, (long)number);
    for (size_t i = 0; first && i < txs->cnt; i++) {
        bc_h256_t *hash = bc_xcalloc(1, sizeof *hash);
        *hash = txs->v[i]->hash;
        if (bc_map_insert(&s->chain_txs, hash) != BC_OK) {
            free(hash);
            sim_fail(s, "a transaction is twice on the chain, height %ld", (long)number);
        }
    }
    if (s->o.verbose)
        printf("%8ld node %d: block %ld, %zu txs, sealer %ld, %zu signatures\n", (long)s->now, n->i,
               (long)number, txs->cnt, (long)h->h.data.sealer, h->h.signatures.n);
}

/* Views only grow in one life. */
void check_node(sim_node_t *n)
{
    bc_pbft_status_t st;
    bc_pbft_status(n->actors[BC_ACTOR_PBFT], &st);
    if (st.view < n->view_seen)
        sim_fail(n->world, "node %d went back from view %ld to %ld", n->i, (long)n->view_seen,
                 (long)st.view);
    n->view_seen = st.view;
    if (st.divergent)
        sim_fail(n->world, "node %d executed height %ld differently", n->i, (long)st.divergent);
}

void check_free(sim_t *s)
{
    void *item;
    if (!s->facts.key)
        return;
    for (size_t i = 0; (item = bc_map_next(&s->facts, &i));)
        free(item);
    for (size_t i = 0; (item = bc_map_next(&s->chain_txs, &i));)
        free(item);
    bc_map_free(&s->facts);
    bc_map_free(&s->chain_txs);
}
