#include "iface/actor.h"
#include <stdlib.h>

bc_txs_t *bc_txs_new(size_t cnt)
{
    bc_txs_t *t = bc_xcalloc(1, sizeof *t + cnt * sizeof t->v[0]);
    atomic_init(&t->refs, 1);
    t->cnt = cnt;
    return t;
}

bc_txs_t *bc_txs_ref(bc_txs_t *t)
{
    atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

void bc_txs_unref(bc_txs_t *t)
{
    if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < t->cnt; i++)
        bc_tx_unref(t->v[i]);
    free(t);
}

bc_metas_t *bc_metas_new(size_t cnt)
{
    bc_metas_t *m = bc_xcalloc(1, sizeof *m + cnt * sizeof m->v[0]);
    atomic_init(&m->refs, 1);
    m->cnt = cnt;
    return m;
}

bc_metas_t *bc_metas_ref(bc_metas_t *m)
{
    atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
    return m;
}

void bc_metas_unref(bc_metas_t *m)
{
    if (m && atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) == 1)
        free(m);
}

void bc_metas_root(const bc_metas_t *m, bc_suite_t suite, bc_h256_t *root)
{
    bc_h256_t *hashes = bc_xcalloc(m->cnt + 1, sizeof *hashes);
    for (size_t i = 0; i < m->cnt; i++)
        hashes[i] = m->v[i].hash;
    BC_MUST(bc_merkle_root(suite, hashes, m->cnt, root) == BC_OK);
    free(hashes);
}

void bc_metas_bounds(const bc_metas_t *m, bc_suite_t suite, bc_h256_t *out)
{
    bc_hasher_t h;
    bc_hasher_init(&h, suite);
    for (size_t i = 0; i < m->cnt; i++)
        bc_hasher_put(&h, bc_bytes(m->v[i].bounds, BC_TX_BOUNDS));
    bc_hasher_final(&h, out);
}

void bc_txs_bounds(const bc_txs_t *t, bc_suite_t suite, bc_h256_t *out)
{
    bc_hasher_t h;
    uint8_t bounds[BC_TX_BOUNDS];
    bc_hasher_init(&h, suite);
    for (size_t i = 0; i < t->cnt; i++) {
        bc_tx_bounds(t->v[i], bounds);
        bc_hasher_put(&h, bc_bytes(bounds, sizeof bounds));
    }
    bc_hasher_final(&h, out);
}

bc_committed_t *bc_committed_ref(bc_committed_t *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void bc_committed_unref(bc_committed_t *c)
{
    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (c->header)
        bc_hdr_unref(c->header);
    bc_txs_unref(c->txs);
    if (c->result)
        bc_exec_result_free(c->result);
    if (c->config)
        bc_ledger_config_unref(c->config);
    bc_committed_unref(c->next);
    free(c);
}

bc_msg_t *bc_msg_new(bc_actor_id_t from, bc_actor_id_t to, bc_msg_kind_t kind)
{
    bc_msg_t *m = bc_xcalloc(1, sizeof *m);
    m->from = (uint8_t)from;
    m->to = (uint8_t)to;
    m->kind = (uint16_t)kind;
    return m;
}

bc_msg_t *bc_out_msg(bc_out_t *out, bc_actor_id_t to, bc_msg_kind_t kind)
{
    bc_msg_t *m = bc_msg_new((bc_actor_id_t)out->from, to, kind);
    if (out->tail)
        out->tail->next = m;
    else
        out->head = m;
    out->tail = m;
    return m;
}

void bc_msg_free(bc_msg_t *m)
{
    if (!m)
        return;
    bc_buf_unref(m->data);
    if (m->header)
        bc_hdr_unref(m->header);
    bc_txs_unref(m->txs);
    bc_metas_unref(m->metas);
    if (m->result)
        bc_exec_result_free(m->result);
    if (m->config)
        bc_ledger_config_unref(m->config);
    bc_committed_unref(m->committed);
    free(m);
}

const char *bc_msg_name(uint16_t kind)
{
    static const char *const names[BC_MSG_KIND_CNT] = {
        "none", "start", "timer_set", "timer", "peers", "frame_in", "frame_out", "send", "broadcast",
        "request", "response", "deliver", "reply", "submit", "submit_done", "recover", "recovered",
        "load_txs", "loaded_txs", "pending_nonce", "prestore", "pool_size", "fetch", "fetched", "verify_proposal",
        "proposal_verified", "mark_sealed", "unseal", "unseal_all", "consensus_state", "seal",
        "seal_reset", "latest", "propose", "execute", "executed", "commit", "commit_done",
        "committed", "run_execute", "ran_execute", "run_commit", "ran_commit", "discard",
        "load_block", "loaded_block", "restore_block", "archived", "persist", "proposal_index", "sync_highest", "peer_status",
        "aligned_time",
    };
    return kind < BC_MSG_KIND_CNT && names[kind] ? names[kind] : "?";
}
