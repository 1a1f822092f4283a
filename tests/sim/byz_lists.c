/* What a bad node does with a sealer list that some go by no longer, or not yet: it knows the
 * others' heights. A vote names a place in the list; the signatures of a block are judged by the
 * list before it. */
#include "byz.h"

static unsigned changes_at(const sim_node_t *n, int64_t number)
{
    return number > 0 ? n->disk.blocks[number].changes : 0;
}

/* ---- votes ---- */

static void say_at(sim_node_t *n, pbft_msg_t *m, int64_t place, int to)
{
    m->base.from = place;
    n->byz->hurry = true;
    bc_buf_t *b = byz_sealed(n, m);
    byz_post(n, &n->key.pub, BC_MODULE_PBFT, to, bc_buf_view(b));
    bc_buf_unref(b);
    n->byz->hurry = false;
}

/* Its place by the list that the receiver goes by, if that is not the one for this height; -1. */
static int64_t old_place(const sim_node_t *n, int64_t index, int to)
{
    const sim_node_t *t = &n->world->nodes[to];
    if (t->bad || !t->core || index <= t->disk.height + 1)
        return -1;
    int64_t there = sim_conf_index(sim_conf_after(t, t->disk.height), n->i);
    return there == sim_conf_index(sim_conf_after(n, index - 1), n->i) ? -1 : there;
}

/* Its vote for a height that the receiver does not expect yet, under the place that it has there,
 * before the block that gives this place to another sealer. */
void byz_old_place(sim_node_t *n, const pbft_msg_t *m, int to)
{
    pbft_msg_t v = *m;
    int64_t there = old_place(n, m->base.index, to);
    if (there >= 0)
        say_at(n, &v, there, to);
}

/* And so for the results of what it has written itself. */
void byz_old_checks(sim_node_t *n, int to)
{
    for (int64_t i = n->world->nodes[to].disk.height + 2; i <= n->disk.height; i++) {
        int64_t there = old_place(n, i, to);
        uint8_t sig[BC_SIG_MAX];
        pbft_msg_t m;
        if (there < 0)
            continue;
        const bc_h256_t *hash = &n->disk.blocks[i].header->hash;
        byz_vote(n, &m, PBFT_CHECKPOINT, i, hash, byz_view(n));
        m.proposal.sig = bc_bytes(sig, bc_sign(&n->key, hash, sig));
        say_at(n, &m, there, to);
    }
}

/* The list after the block that pre proposes on top of what it has. */
static const sim_conf_t *list_after(const sim_node_t *n, const bc_block_t *b)
{
    unsigned changes = changes_at(n, n->disk.height);
    const bc_tx_meta_t *metas = b->metas.v;
    for (size_t i = 0; i < b->metas.n; i++)
        changes += sim_changes_sealers(metas[i].to);
    return &n->world->confs[changes % SIM_CONFS];
}

/* An empty block on top of b's, by the list after it, and its votes for that under both places. */
static void say_next(sim_node_t *n, bc_block_t *b, int64_t index, int64_t view, int64_t was, int to)
{
    const sim_conf_t *next = list_after(n, b);
    int list[SIM_NODES_MAX], cnt = sim_conf_list(next, list);
    int64_t weights[SIM_NODES_MAX], is = sim_conf_index(next, n->i);
    bc_bytes_t ids[SIM_NODES_MAX];
    for (int i = 0; i < cnt; i++) {
        ids[i] = BC_VIEW(n->world->nodes[list[i]].key.pub);
        weights[i] = (int64_t)next->w[list[i]];
    }
    bc_header_t h = b->header;
    h.data.number = index;
    h.data.sealer = is;
    h.data.timestamp = byz_plus(h.data.timestamp, 17);
    h.data.sealer_list = (bc_tars_list_t){ ids, (size_t)cnt };
    h.data.weights = (bc_tars_list_t){ weights, (size_t)cnt };
    bc_wr_t w = { 0 };
    bc_hdr_t *hdr = byz_empty_block(b, h, &w);
    pbft_msg_t m;
    uint8_t sig[BC_SIG_MAX];
    size_t len = bc_sign(&n->key, &hdr->hash, sig);
    for (int k = 0; k < 4; k++) {
        byz_vote(n, &m, k % 2 ? PBFT_COMMIT : PBFT_PREPARE, index, &hdr->hash, view);
        m.proposal.sig = bc_bytes(sig, len);
        say_at(n, &m, k < 2 ? was : is, to);
    }
    byz_vote(n, &m, PBFT_PRE_PREPARE, index, &hdr->hash, view);
    m.proposal.sealer = is;
    m.proposal.data = bc_wr_view(&w);
    say_at(n, &m, is, to);
    bc_wr_free(&w);
    bc_hdr_unref(hdr);
}

/* A block that moves its place is under way, and it leads the next height then: nobody has to wait
 * for the list to know what comes, and to vote for it where others will be. */
void byz_early(sim_node_t *n, const pbft_msg_t *own, int to)
{
    const sim_t *s = n->world;
    pbft_msg_t pre;
    bc_block_t b;
    bc_arena_t arena = { 0 };
    int list[SIM_NODES_MAX];
    int64_t index = own->base.index, was = sim_conf_index(byz_conf(n), n->i);
    if (s->o.membership && n->byz->pre && index == n->disk.height + 1 && was >= 0 &&
        pbft_decode(BC_SUITE_STANDARD, bc_buf_view(n->byz->pre), &pre, &arena) == BC_OK &&
        pre.base.index == index &&
        bc_tars_decode(&bc_block_tars, pre.proposal.data, &b, &arena) == BC_OK) {
        const sim_conf_t *next = list_after(n, &b);
        int64_t is = sim_conf_index(next, n->i), view = own->base.view;
        if (is >= 0 && is != was &&
            is == bc_pbft_leader(index + 1, view, s->o.leader_period,
                                 (size_t)sim_conf_list(next, list)))
            say_next(n, &b, index + 1, view, was, to);
    }
    bc_arena_free(&arena);
}

/* ---- blocks ---- */

/* The list that judges this block is another one than the list before. */
static bool first_of_list(const sim_node_t *n, int64_t number)
{
    return number > 1 && number - 1 <= n->disk.height &&
           changes_at(n, number - 1) != changes_at(n, number - 2);
}

/* How much less than by the old list a signature is worth by the new one; of a moved place:
 * nothing. */
static int64_t loss(const sim_conf_t *old, const sim_conf_t *new, int node)
{
    bool moved = sim_conf_index(old, node) != sim_conf_index(new, node);
    return (int64_t)old->w[node] - (moved ? 0 : (int64_t)new->w[node]);
}

bool byz_sigs_of_old_list(sim_node_t *n, bc_header_t *h, bc_block_sig_t sigs[SIM_NODES_MAX])
{
    int64_t number = h->data.number;
    if (!first_of_list(n, number))
        return false;
    const bc_block_sig_t *have = h->signatures.v;
    const sim_conf_t *old = sim_conf_after(n, number - 2), *new = sim_conf_after(n, number - 1);
    int list[SIM_NODES_MAX], cnt = sim_conf_list(new, list);
    size_t kept = 0;
    uint32_t who = 0;
    bool hurts = false;
    while (sim_conf_weight(old, who) < sim_conf_quorum(old, NULL)) {
        const bc_block_sig_t *best = NULL;
        int node = -1;
        for (size_t i = 0; i < h->signatures.n; i++) {
            int64_t at = have[i].sealer_index;
            int k = at >= 0 && at < cnt ? list[at] : -1;
            if (k >= 0 && old->w[k] && !(who >> k & 1) &&
                (!best || loss(old, new, k) > loss(old, new, node))) {
                best = &have[i];
                node = k;
            }
        }
        if (!best)
            return false;
        who |= 1u << node;
        int64_t place = sim_conf_index(old, node);
        hurts |= place != best->sealer_index;
        sigs[kept++] = (bc_block_sig_t){ place, best->signature };
    }
    hurts |= sim_conf_weight(new, who) < sim_conf_quorum(new, NULL);
    if (hurts)
        h->signatures = (bc_tars_list_t){ sigs, kept };
    return hurts;
}

int64_t byz_block_of_new_list(const sim_node_t *n, int to)
{
    const sim_node_t *t = &n->world->nodes[to];
    for (int64_t number = t->disk.height + 2; !t->bad && number <= n->disk.height; number++)
        if (first_of_list(n, number))
            return number;
    return -1;
}
