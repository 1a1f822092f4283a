/* What lacks just one vote: proofs and NewViews of all the true words that a bad node could get, but of
 * less weight than a quorum. Light voters first, so that there are as many of them as can be: who
 * counts heads instead of weights takes it as well. */
#include "byz.h"

static uint64_t weight_of(const sim_node_t *n, int64_t idx)
{
    int list[SIM_NODES_MAX], cnt = sim_conf_list(byz_conf(n), list);
    return idx >= 0 && idx < cnt ? byz_conf(n)->w[list[idx]] : 0;
}

/* What of theirs it has for hash, one of each. */
size_t byz_sigs_for(const sim_node_t *n, int64_t index, const bc_h256_t *hash, int64_t view,
                    pbft_sig_t out[SIM_NODES_MAX])
{
    size_t cnt = 0, known = BC_MIN(n->byz->sig_cnt, (size_t)BYZ_SIGS);
    uint32_t seen = 0;
    for (size_t i = 0; i < known && cnt < SIM_NODES_MAX; i++) {
        int node = n->byz->sigs[i].node;
        int64_t at = sim_conf_index(byz_conf(n), node);
        const sim_sig_t *s = &n->byz->sigs[i];
        if (s->index != index || !bc_h256_eq(&s->hash, hash) || at < 0 || node == n->i ||
            seen >> node & 1 || (view >= 0 && s->view != view))
            continue;
        seen |= 1u << node;
        out[cnt++] = (pbft_sig_t){ at, bc_bytes(s->sig, s->len), s->time, bc_bytes(s->vote, s->vote_len) };
    }
    return cnt;
}

void byz_sort_sigs(pbft_sig_t *v, size_t cnt)
{
    for (size_t i = 0; i < cnt; i++)
        for (size_t k = i; k > 0 && v[k].node < v[k - 1].node; k--) {
            pbft_sig_t t = v[k];
            v[k] = v[k - 1];
            v[k - 1] = t;
        }
}

/* The lightest first, to just below a quorum, in the order of their places. */
static size_t cut(const sim_node_t *n, pbft_sig_t *v, size_t cnt)
{
    uint64_t sum = 0, quorum = sim_conf_quorum(byz_conf(n), NULL);
    size_t kept = 0;
    for (size_t i = 0; i < cnt; i++)
        for (size_t k = i; k > 0 && weight_of(n, v[k].node) < weight_of(n, v[k - 1].node); k--) {
            pbft_sig_t t = v[k];
            v[k] = v[k - 1];
            v[k - 1] = t;
        }
    while (kept < cnt && sum + weight_of(n, v[kept].node) < quorum)
        sum += weight_of(n, v[kept++].node);
    byz_sort_sigs(v, kept);
    return kept;
}

bool byz_short_proof(sim_node_t *n, int64_t index, bc_h256_t *hash, int64_t *view,
                     pbft_sig_t sigs[SIM_NODES_MAX], size_t *cnt, uint8_t own[2][BC_SIG_MAX])
{
    size_t known = BC_MIN(n->byz->sig_cnt, (size_t)BYZ_SIGS), start = sim_random(n->world, known);
    for (size_t i = 0; i < known; i++) {
        size_t at = (start + i) % known;
        if (n->byz->sigs[at].index != index)
            continue;
        *hash = n->byz->sigs[at].hash;
        *view = n->byz->sigs[at].view;
        *cnt = byz_sigs_for(n, index, hash, *view, sigs);
        if (*cnt < SIM_NODES_MAX && weight_of(n, byz_index(n)))
            sigs[(*cnt)++] = byz_own_sig(n, index, hash, *view, own);
        *cnt = cut(n, sigs, *cnt);
        return *cnt > 0;
    }
    return false;
}

size_t byz_short_vcs(const sim_node_t *n, pbft_msg_t *vcs, size_t cnt)
{
    pbft_sig_t v[SIM_NODES_MAX];
    pbft_msg_t all[SIM_NODES_MAX];
    cnt = BC_MIN(cnt, (size_t)SIM_NODES_MAX);
    memcpy(all, vcs, cnt * sizeof all[0]);
    for (size_t i = 0; i < cnt; i++)
        v[i] = (pbft_sig_t){ .node = all[i].base.from };
    size_t kept = cut(n, v, cnt);
    for (size_t i = 0; i < kept; i++)
        for (size_t k = 0; k < cnt; k++)
            if (all[k].base.from == v[i].node)
                vcs[i] = all[k];
    return kept;
}
