/* What a bad node does with others' words, and when it speaks. */
#include "byz.h"

/* ---- votes without their view ---- */

/* The signature under a vote covers the proposal's hash only; the message around it names the view.
 */
void byz_note_sig(sim_node_t *n, const bc_nodeid_t *from, const pbft_msg_t *m)
{
    sim_t *s = n->world;
    int list[SIM_NODES_MAX], cnt = sim_conf_list(byz_conf(n), list);
    if (m->base.from < 0 || m->base.from >= cnt || m->proposal.sig.n > BC_SIG_MAX || m->sig.n > BC_SIG_MAX ||
        memcmp(from, &s->nodes[list[m->base.from]].key.pub, sizeof *from))
        return;
    sim_sig_t *at = &n->byz->sigs[n->byz->sig_cnt++ % BYZ_SIGS];
    *at = (sim_sig_t){ .index = m->base.index,
                       .view = m->base.view,
                       .time = m->base.timestamp,
                       .hash = m->base.hash,
                       .node = list[m->base.from],
                       .len = m->proposal.sig.n,
                       .vote_len = m->sig.n };
    if (at->len)
        memcpy(at->sig, m->proposal.sig.p, at->len);
    if (at->vote_len)
        memcpy(at->vote, m->sig.p, at->vote_len);
}

/* Once for each view, as soon as somebody asks for it: they arrive before the true ones. */
void byz_raise_all(sim_node_t *n, int64_t view)
{
    sim_t *s = n->world;
    if (view <= n->byz->raised || view > byz_view(n) + s->cnt)
        return;
    n->byz->raised = view;
    size_t cnt = BC_MIN(n->byz->sig_cnt, (size_t)BYZ_SIGS);
    for (size_t i = 0; i < cnt; i++) {
        int who = n->byz->sigs[i].node;
        int64_t from = sim_conf_index(byz_conf(n), who);
        pbft_msg_t m;
        if (n->byz->sigs[i].index <= n->disk.height || from < 0)
            continue;
        byz_vote(n, &m, PBFT_PREPARE, n->byz->sigs[i].index, &n->byz->sigs[i].hash, view);
        m.base.from = from;
        m.proposal.sig = bc_bytes(n->byz->sigs[i].sig, n->byz->sigs[i].len);
        bc_buf_t *b = byz_sealed(n, &m);
        byz_post_all(n, &s->nodes[sim_random(s, 2) ? n->i : who].key.pub, BC_MODULE_PBFT,
                     bc_buf_view(b));
        bc_buf_unref(b);
    }
}

/* ---- views that nobody is in ---- */

void byz_lure(sim_node_t *n, int to)
{
    sim_t *s = n->world;
    int list[SIM_NODES_MAX], cnt = sim_conf_list(byz_conf(n), list);
    int64_t view = byz_view(n) + 1 + (int64_t)sim_random(s, 3);
    for (int i = 0; i < cnt; i++) {
        pbft_msg_t m;
        byz_base(n, &m, PBFT_RECOVER_RESPONSE, n->disk.height, NULL, view);
        m.base.from = i;
        bc_buf_t *b = byz_sealed(n, &m);
        byz_post(n, &s->nodes[sim_random(s, 2) ? n->i : list[i]].key.pub, BC_MODULE_PBFT, to,
                 bc_buf_view(b));
        bc_buf_unref(b);
    }
}

/* What others say of views, over its own connection, before it comes over theirs: true and signed, but
 * not its to say. */
void byz_pass_on(sim_node_t *n, bc_bytes_t payload)
{
    n->byz->hurry = true;
    byz_post_all(n, &n->key.pub, BC_MODULE_PBFT, payload);
    n->byz->hurry = false;
}

/* ---- the right moment ---- */

bool byz_keeps_check(sim_node_t *n, bc_bytes_t payload, int64_t index)
{
    if (n->byz->check_heard >= index)
        return false;
    if (n->byz->check_index < index) {
        bc_buf_unref(n->byz->check);
        n->byz->check = bc_buf_copy(payload);
        n->byz->check_index = index;
    }
    return true;
}

void byz_second(sim_node_t *n, int64_t index)
{
    n->byz->check_heard = BC_MAX(n->byz->check_heard, index);
    if (!n->byz->check || n->byz->check_index > index)
        return;
    n->byz->hurry = true;
    byz_post_all(n, &n->key.pub, BC_MODULE_PBFT, bc_buf_view(n->byz->check));
    n->byz->hurry = false;
    bc_buf_unref(n->byz->check);
    n->byz->check = NULL;
}
