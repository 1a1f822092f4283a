/* What a node must have on its disk, and what it makes of that when it starts again. A vote, or the
 * word that it asks for a view, leaves only after its record; a record stays for as long as it binds;
 * a new life begins in the view of the record, votes again for what it voted for in it, executes again
 * what it had executed, and tells others what it had precommitted. The rows are read here apart from
 * src/scheduling/pbft, on purpose. */
#include <inttypes.h>
#include <stdio.h>
#include "base/buf.h"
#include "codec/hex.h"
#include "scheduling/pbft/pbft_wire.h"
#include "sim_impl.h"

enum { DUE_MS = 2500 /* less than a time-out */, AHEAD = 6 /* twice the longest leader period */ };

static bc_bytes_t row(const sim_node_t *n, const char *key)
{
    for (size_t i = 0; i < n->disk.row_cnt; i++)
        if (!strcmp(n->disk.rows[i].key, key))
            return bc_buf_view(n->disk.rows[i].value);
    return (bc_bytes_t){ 0 };
}

/* The view of a vote, and what it was for. */
static bool vote_row(const sim_node_t *n, char kind, int64_t index, int64_t *view,
                     pbft_proposal_t *w, bc_arena_t *arena)
{
    char key[40];
    snprintf(key, sizeof key, BC_PBFT_TABLE_VOTE ":%c%" PRId64, kind, index);
    bc_bytes_t v = row(n, key);
    if (v.n < 9 || v.p[0] != 1)
        return false;
    *view = (int64_t)bc_load_be64(v.p + 1);
    return pbft_proposal_decode(bc_bytes(v.p + 9, v.n - 9), w, arena) == BC_OK &&
           w->index == index && w->has_hash;
}

static bool view_row(const sim_node_t *n, int64_t *view, int64_t *to_view)
{
    bc_bytes_t v = row(n, BC_PBFT_TABLE_VOTE ":view");
    if (v.n != 17 || v.p[0] != 1)
        return false;
    *view = (int64_t)bc_load_be64(v.p + 1);
    *to_view = (int64_t)bc_load_be64(v.p + 9);
    return true;
}

/* ---- before a frame leaves ---- */

static bool voted(const sim_node_t *n, char kind, const pbft_msg_t *m, bool with_data)
{
    pbft_proposal_t w;
    bc_arena_t arena = { 0 };
    int64_t view;
    bool there = vote_row(n, kind, m->base.index, &view, &w, &arena) && view >= m->base.view;
    bool ok = there && bc_h256_eq(&w.hash, &m->base.hash) && (!with_data || w.data.n);
    /* in the same write it may have learnt of a newer one */
    ok |= there && kind == 'c' && view > m->base.view;
    bc_arena_free(&arena);
    return ok;
}

/* A precommit that its view change has to report, in the view of its record. Only of the next height:
 * what is further ahead may have to wait for a system block. */
static bool reports_lock(const sim_node_t *n, const pbft_msg_t *vc)
{
    pbft_proposal_t w;
    bc_arena_t arena = { 0 };
    int64_t index = vc->base.index + 1, view;
    bool ok = !vote_row(n, 'c', index, &view, &w, &arena) || vc->base.index > n->disk.height ||
              view >= vc->base.view || /* bound again since then, in the same write */
              view > check_lock_view(n, index) || /* what others showed, perhaps since then */
              !sim_proof_holds(n, sim_conf_after(n, vc->base.index), &w);
    for (size_t i = 0; i < vc->vote_cnt && !ok; i++)
        ok = vc->votes[i].proposal.index == index && vc->votes[i].base.view == view &&
             bc_h256_eq(&vc->votes[i].proposal.hash, &w.hash);
    bc_arena_free(&arena);
    return ok;
}

static void must_have(sim_node_t *n, const pbft_msg_t *m, bool ok, const char *what)
{
    if (!ok)
        sim_fail(n->world, "record", "node %d says type %d height %ld view %ld without %s", n->i,
                 (int)m->type, (long)m->base.index, (long)m->base.view, what);
}

void check_record_frame(sim_node_t *n, const pbft_msg_t *m)
{
    int64_t view = -1, to_view = -1;
    if (n->world->o.injects || (m->type != PBFT_VIEW_CHANGE && m->type != PBFT_RECOVER_RESPONSE &&
                                m->base.index <= n->disk.height))
        return; /* what is in the ledger needs no record any more */
    switch (m->type) {
    case PBFT_PRE_PREPARE:
    case PBFT_PREPARE:
        must_have(n, m, voted(n, 'p', m, true), "a record of its vote");
        break;
    case PBFT_COMMIT:
        must_have(n, m, voted(n, 'c', m, false), "a record of its precommit");
        break;
    case PBFT_VIEW_CHANGE:
        view_row(n, &view, &to_view);
        must_have(n, m, to_view >= m->base.view, "a record of the view that it asks for");
        must_have(n, m, reports_lock(n, m), "its precommit");
        return;
    case PBFT_RECOVER_RESPONSE:
    case PBFT_CHECKPOINT:
        break;
    default:
        return;
    }
    view_row(n, &view, &to_view);
    must_have(n, m, view >= m->base.view, "a record of its view");
}

bool check_record_max(const sim_node_t *n, int64_t index)
{
    int64_t max;
    bc_bytes_t v = row(n, BC_PBFT_TABLE_COMMIT ":max_committed_proposal");
    return v.n && bc_dec_i64(v, &max) == BC_OK && max >= index;
}

/* The list has been the same for all blocks that may have been prepared ahead of h. */
bool check_list_stands(const sim_node_t *n, int64_t h)
{
    for (int64_t k = BC_MAX(h - AHEAD, (int64_t)0); k < h; k++)
        if (sim_conf_after(n, k) != sim_conf_after(n, h))
            return false;
    return true;
}

/* A precommit is also given up when the list changes that its block names, or when a block below it
 * has one of its transactions (docs/notes/0019, 0021). */
void check_record_erased(sim_node_t *n, const char *key)
{
    int64_t index, h = n->disk.height;
    size_t at = sizeof BC_PBFT_TABLE_VOTE;
    if (n->bad || strncmp(key, BC_PBFT_TABLE_VOTE ":", at) || (key[at] != 'p' && key[at] != 'c') ||
        bc_dec_i64(bc_cstr(key + at + 1), &index) != BC_OK || index <= h)
        return;
    if (key[at] == 'p' || (check_list_stands(n, h) && !check_lock_void(n, index)))
        sim_fail(n->world, "record", "node %d forgets a vote of height %ld at height %ld", n->i,
                 (long)index, (long)h);
}

/* ---- a new life ---- */

/* So long after its start it has done what its records tell it to, unless things moved on. */
static void due(sim_t *s, event_t *e)
{
    sim_node_t *n = &s->nodes[e->node];
    bc_pbft_status_t st;
    bc_pbft_status(n->actors[BC_ACTOR_PBFT], &st);
    if (n->reruns && n->disk.height < n->reruns)
        sim_fail(s, "record", "node %d does not execute height %ld again after its start", n->i,
                 (long)n->reruns);
    if (n->revotes && n->disk.height < n->revotes && st.view == n->start_view &&
        st.to_view == n->start_view && st.sync_highest <= n->disk.height)
        sim_fail(s, "record", "node %d does not vote again at height %ld after its start", n->i,
                 (long)n->revotes);
}

/* A leader's record comes before it has looked at its own block: its transactions may be lost. */
static bool has_txs(const sim_node_t *n, bc_bytes_t data)
{
    bc_arena_t arena = { 0 };
    bc_block_t b;
    bool ok = bc_tars_decode(&bc_block_tars, data, &b, &arena) == BC_OK;
    const bc_tx_meta_t *m = ok ? b.metas.v : NULL;
    for (size_t i = 0; ok && i < b.metas.n; i++) {
        bool found = false;
        for (size_t k = n->disk.tx_cnt; k > 0 && !found; k--)
            found = bc_bytes_eq(m[i].hash, BC_VIEW(n->disk.txs[k - 1]->hash));
        ok = found;
    }
    bc_arena_free(&arena);
    return ok;
}

/* After its vote others showed it that another block was prepared before: it is bound to that now. */
static bool bound_elsewhere(const sim_node_t *n, int64_t index, const bc_h256_t *hash)
{
    pbft_proposal_t w;
    bc_arena_t arena = { 0 };
    int64_t view;
    bool other = vote_row(n, 'c', index, &view, &w, &arena) && !bc_h256_eq(&w.hash, hash);
    bc_arena_free(&arena);
    return other;
}

void check_record_start(sim_node_t *n)
{
    sim_t *s = n->world;
    int64_t view = 0, to_view = 0, voted_view, next = n->disk.height + 1;
    char key[40];
    int list[SIM_NODES_MAX];
    pbft_proposal_t w;
    bc_arena_t arena = { 0 };
    const sim_conf_t *conf = sim_conf_after(n, n->disk.height);
    n->reruns = n->revotes = 0;
    n->start_view = n->start_to_view = -1;
    if (n->bad || s->o.forget_votes || s->o.injects)
        return;
    view_row(n, &view, &to_view);
    n->start_view = view;
    n->start_to_view = to_view;
    snprintf(key, sizeof key, BC_PBFT_TABLE_COMMIT ":%" PRId64, next);
    if (!check_list_stands(n, n->disk.height) || sim_conf_index(conf, n->i) < 0 || sim_conf_list(conf, list) == 1)
        return; /* a node alone votes without a word */
    if (row(n, key).n && check_record_max(n, next))
        n->reruns = next;
    if (view > 0 && view == to_view && vote_row(n, 'p', next, &voted_view, &w, &arena) &&
        voted_view == view && has_txs(n, w.data) && !bound_elsewhere(n, next, &w.hash))
        n->revotes = next;
    bc_arena_free(&arena);
    if (n->reruns || n->revotes)
        sim_at(s, DUE_MS, n->i, due);
}

/* The first look at it in this life. */
void check_record_life(sim_node_t *n, int64_t view, int64_t to_view)
{
    int list[SIM_NODES_MAX];
    if (n->start_view > 0 && (view != n->start_view || to_view != n->start_to_view) &&
        sim_conf_list(sim_conf_after(n, n->disk.height), list) > 1)
        sim_fail(n->world, "record", "node %d begins in view %ld (asking for %ld), its record says %ld (%ld)",
                 n->i, (long)view, (long)to_view, (long)n->start_view, (long)n->start_to_view);
}

void check_record_out(sim_node_t *n, bc_bytes_t payload)
{
    pbft_msg_t m;
    bc_arena_t arena = { 0 };
    if (n->revotes && sim_pbft_type(payload) == PBFT_PREPARE &&
        pbft_decode(BC_SUITE_STANDARD, payload, &m, &arena) == BC_OK &&
        m.base.index == n->revotes && m.base.view == n->start_view)
        n->revotes = 0;
    bc_arena_free(&arena);
}

void check_record_executes(sim_node_t *n, int64_t number)
{
    if (number == n->reruns)
        n->reruns = 0;
}
