/* Proposals, votes, and messages on their way out. */
#include <stdlib.h>
#include "pbft_impl.h"
#include "protocol/features.h"
#include "protocol/status.h"

/* ---- proposals ---- */

prop_t *prop_ref(prop_t *q)
{
    q->refs++;
    return q;
}

void prop_unref(prop_t *q)
{
    if (!q || --q->refs)
        return;
    bc_buf_unref(q->data);
    if (q->header)
        bc_hdr_unref(q->header);
    bc_metas_unref(q->metas);
    bc_txs_unref(q->txs);
    pbft_claims_free(&q->claims);
    free(q);
}

static prop_t *prop_new(int64_t index, const bc_h256_t *hash)
{
    prop_t *q = bc_xcalloc(1, sizeof *q);
    q->refs = 1;
    q->index = index;
    q->hash = *hash;
    return q;
}

static void copy_text(char *out, size_t size, bc_bytes_t v)
{
    size_t n = BC_MIN(v.n, size - 1);
    if (n)
        memcpy(out, v.p, n);
    out[n] = 0;
}

/* SDKs write system addresses with 0x, so the official flag misses them; only our own pace
 * depends on this wider look. */
static bool is_sysconf(bc_bytes_t to)
{
    if (bc_is_system_to(to))
        return true;
    if (to.n != 42 || to.p[0] != '0' || (to.p[1] != 'x' && to.p[1] != 'X'))
        return false;
    uint8_t low[40];
    for (size_t i = 0; i < sizeof low; i++) {
        uint8_t c = to.p[i + 2];
        low[i] = (uint8_t)(c >= 'A' && c <= 'F' ? c + 32 : c);
    }
    return bc_is_system_to(bc_bytes(low, sizeof low));
}

static bool metas_from(prop_t *q, const bc_block_t *b)
{
    const bc_tx_meta_t *m = b->metas.v;
    q->metas = bc_metas_new(b->metas.n);
    for (size_t i = 0; i < b->metas.n; i++) {
        bc_meta_t *to = &q->metas->v[i];
        if (m[i].hash.n != sizeof to->hash.b)
            return false;
        memcpy(to->hash.b, m[i].hash.p, sizeof to->hash.b);
        to->attribute = m[i].attribute;
        to->system = bc_is_system_to(m[i].to);
        q->sysconf |= is_sysconf(m[i].to);
        copy_text(to->to, sizeof to->to, m[i].to);
        copy_text(to->source, sizeof to->source, m[i].source);
    }
    return !prop_has_twins(q);
}

/* Where the header names its transactions it must name these: two blocks of one hash, executed to
 * two results, would leave the checkpoints of both without a quorum. Official leaders name none. */
static bool root_ok(pbft_t *p, const prop_t *q, const bc_header_data_t *h)
{
    bc_h256_t root;
    if (!h->txs_root.n)
        return true;
    bc_metas_root(q->metas, p->suite, &root);
    return bc_bytes_eq(h->txs_root, BC_VIEW(root));
}

/* Header and metadata out of the data; the hash is computed, never believed (W4). */
static bool prop_open(pbft_t *p, prop_t *q)
{
    bc_arena_t arena = { .max = 24 * q->data->n + ((size_t)64 << 10) };
    bc_block_t b;
    bool ok = false;
    if (bc_tars_decode(&bc_block_tars, bc_buf_view(q->data), &b, &arena) == BC_OK &&
        b.header.data.number == q->index && metas_from(q, &b) && root_ok(p, q, &b.header.data)) {
        q->header = bc_hdr_new(p->suite, &b.header);
        ok = q->header && bc_h256_eq(&q->header->hash, &q->hash) &&
             bc_bytes_eq(b.header.data_hash, BC_VIEW(q->hash));
    }
    bc_arena_free(&arena);
    return ok;
}

/* What every node must be able to execute, to sign, and later to believe when it syncs the block:
 * the sealers in force, a version that exists, a time that others can follow. Official leaders fill
 * gaps with empty blocks that name no sealers (spec/30 §3.7). */
bool prop_header_ok(const pbft_t *p, const prop_t *q)
{
    const bc_header_data_t *h = &q->header->h.data;
    bool filler = !q->metas->cnt && !h->sealer_list.n && !h->weights.n;
    if ((uint32_t)h->version > BC_VERSION_MAX || h->timestamp < 0 || h->timestamp > PBFT_NUMBER_MAX ||
        h->sealer < 0 || (uint64_t)h->sealer >= p->node_cnt)
        return false;
    if (!filler && (h->sealer_list.n != p->node_cnt || h->weights.n != p->node_cnt))
        return false;
    for (size_t i = 0; !filler && i < p->node_cnt; i++)
        if (!bc_bytes_eq(((bc_bytes_t *)h->sealer_list.v)[i], BC_VIEW(p->ids[i])) ||
            ((int64_t *)h->weights.v)[i] != (int64_t)p->weights[i])
            return false;
    return true;
}

/* The leader's word about its transactions ends where they are at hand. */
void prop_look_at_txs(prop_t *q)
{
    for (size_t i = 0; i < q->txs->cnt; i++) {
        q->system |= q->txs->v[i]->system;
        q->sysconf |= is_sysconf(q->txs->v[i]->w.data.to);
    }
}

prop_t *prop_from_wire(pbft_t *p, const pbft_proposal_t *w)
{
    if (!w->has_raw || !w->has_hash)
        return NULL;
    prop_t *q = prop_new(w->index, &w->hash);
    q->sealer = w->sealer;
    q->system = w->system;
    if (w->data.n) {
        q->data = bc_buf_copy(w->data);
        if (!q->data || !prop_open(p, q)) {
            prop_unref(q);
            return NULL;
        }
    }
    return q;
}

static bc_buf_t *block_bytes(const bc_hdr_t *header, const bc_metas_t *metas)
{
    bc_block_t b = { .header = header->h };
    b.header.data_hash = BC_VIEW(header->hash);
    bc_tx_meta_t *m = bc_xcalloc(metas->cnt + 1, sizeof *m);
    for (size_t i = 0; i < metas->cnt; i++) {
        m[i].hash = BC_VIEW(metas->v[i].hash);
        m[i].to = bc_cstr(metas->v[i].to);
        m[i].source = bc_cstr(metas->v[i].source);
        m[i].attribute = metas->v[i].attribute;
    }
    b.metas = (bc_tars_list_t){ m, metas->cnt };
    bc_wr_t w = { 0 };
    bc_tars_encode(&bc_block_tars, &b, &w);
    bc_buf_t *buf = w.err ? NULL : bc_buf_copy(bc_wr_view(&w));
    bc_wr_free(&w);
    free(m);
    return buf;
}

prop_t *prop_from_sealer(pbft_t *p, bc_hdr_t *header, bc_metas_t *metas, bool system)
{
    (void)p;
    prop_t *q = prop_new(header->h.data.number, &header->hash);
    q->sealer = header->h.data.sealer;
    q->system = system;
    q->header = bc_hdr_ref(header);
    q->metas = metas ? bc_metas_ref(metas) : bc_metas_new(0);
    for (size_t i = 0; i < q->metas->cnt; i++)
        q->sysconf |= is_sysconf(bc_cstr(q->metas->v[i].to));
    q->data = prop_has_twins(q) ? NULL : block_bytes(header, q->metas);
    if (!q->data) {
        prop_unref(q);
        return NULL;
    }
    return q;
}

void prop_to_wire(const prop_t *q, bool with_data, pbft_proposal_t *out)
{
    memset(out, 0, sizeof *out);
    out->has_raw = out->has_hash = true;
    out->index = q->index;
    out->sealer = q->sealer;
    out->hash = q->hash;
    out->system = q->system;
    if (with_data)
        out->data = bc_buf_view(q->data);
}

static void tell_pool(pbft_t *p, const prop_t *q, bc_msg_kind_t kind)
{
    if (!q || !q->metas || !q->metas->cnt)
        return;
    bc_msg_t *m = bc_out_msg(p->out, BC_ACTOR_TXPOOL, kind);
    m->number = q->index;
    m->hash = q->hash;
    m->metas = bc_metas_ref(q->metas);
}

void pbft_mark_sealed(pbft_t *p, const prop_t *q)
{
    tell_pool(p, q, BC_MSG_MARK_SEALED);
}

void pbft_unseal(pbft_t *p, const prop_t *q)
{
    tell_pool(p, q, BC_MSG_UNSEAL);
}

/* ---- votes ---- */

static vote_t *vote_find(const votes_t *vs, int64_t idx, const bc_h256_t *hash)
{
    for (size_t i = 0; i < vs->cnt; i++)
        if (vs->v[i].idx == idx && bc_h256_eq(&vs->v[i].hash, hash))
            return &vs->v[i];
    return NULL;
}

bool votes_has(const votes_t *vs, int64_t idx, int64_t view, const bc_h256_t *hash)
{
    const vote_t *v = vote_find(vs, idx, hash);
    return v && v->view >= view;
}

static uint8_t sig_put(uint8_t to[PBFT_SIG_LEN_MAX], bc_bytes_t sig)
{
    uint8_t n = (uint8_t)BC_MIN(sig.n, (size_t)PBFT_SIG_LEN_MAX);
    if (n)
        memcpy(to, sig.p, n);
    return n;
}

static void vote_set(vote_t *v, int64_t idx, int64_t view, const bc_h256_t *hash, bc_bytes_t sig)
{
    v->idx = idx;
    v->view = view;
    v->hash = *hash;
    v->sig_len = sig_put(v->sig, sig);
    v->vote_len = 0;
}

/* One vote per sender and hash, the highest view; a sender with too many hashes loses its oldest. */
bool votes_add(votes_t *vs, int64_t idx, int64_t view, const bc_h256_t *hash, bc_bytes_t sig)
{
    vote_t *old = vote_find(vs, idx, hash);
    if (old) {
        if (old->view >= view)
            return false;
        vote_set(old, idx, view, hash, sig);
        return true;
    }
    size_t n = 0;
    for (size_t i = 0; i < vs->cnt; i++) {
        if (vs->v[i].idx != idx)
            continue;
        n++;
        if (!old || vs->v[i].view < old->view)
            old = &vs->v[i];
    }
    if (n >= PBFT_VOTES_SENDER) {
        if (old->view >= view)
            return false;
        vote_set(old, idx, view, hash, sig);
        return true;
    }
    if (vs->cnt == vs->cap) {
        vs->cap = vs->cap ? 2 * vs->cap : 8;
        vs->v = bc_xrealloc(vs->v, vs->cap * sizeof vs->v[0]);
    }
    vote_set(&vs->v[vs->cnt++], idx, view, hash, sig);
    return true;
}

static void vote_sign(votes_t *vs, int64_t idx, const bc_h256_t *hash, int64_t time, bc_bytes_t sig)
{
    vote_t *v = vote_find(vs, idx, hash);
    if (v && sig.n <= sizeof v->vote) {
        v->time = time;
        v->vote_len = sig_put(v->vote, sig);
    }
}

/* Who reads a proof makes the message's base from these fields: what has others cannot be shown. */
bool votes_can_show(bc_suite_t suite, const pbft_msg_t *m)
{
    pbft_base_t base = { .index = m->base.index, .has_hash = true, .hash = m->base.hash,
                         .view = m->base.view, .timestamp = m->base.timestamp, .from = m->base.from };
    bc_h256_t digest;
    pbft_vote_digest(suite, &base, &digest);
    return bc_h256_eq(&digest, &m->digest);
}

bool votes_add_prepare(votes_t *vs, const pbft_msg_t *m, bool shown)
{
    bool added = votes_add(vs, m->base.from, m->base.view, &m->base.hash, m->proposal.sig);
    if (added && shown)
        vote_sign(vs, m->base.from, &m->base.hash, m->base.timestamp, m->sig);
    return added;
}

uint64_t votes_weight(const pbft_t *p, const votes_t *vs, const bc_h256_t *hash, int64_t view)
{
    uint64_t w = 0;
    for (size_t i = 0; i < vs->cnt; i++)
        if ((view < 0 || vs->v[i].view == view) && bc_h256_eq(&vs->v[i].hash, hash))
            w += pbft_weight(p, vs->v[i].idx);
    return w;
}

void votes_drop_below(votes_t *vs, int64_t view)
{
    size_t n = 0;
    for (size_t i = 0; i < vs->cnt; i++)
        if (vs->v[i].view >= view)
            vs->v[n++] = vs->v[i];
    vs->cnt = n;
}

void votes_keep(votes_t *vs, const bc_h256_t *hash, int64_t view)
{
    size_t n = 0;
    for (size_t i = 0; i < vs->cnt; i++)
        if (vs->v[i].view == view && bc_h256_eq(&vs->v[i].hash, hash))
            vs->v[n++] = vs->v[i];
    vs->cnt = n;
}

void votes_remap(votes_t *vs, const int64_t *map, size_t cnt)
{
    size_t n = 0;
    for (size_t i = 0; i < vs->cnt; i++) {
        int64_t idx = vs->v[i].idx;
        if (idx < 0 || (size_t)idx >= cnt || map[idx] < 0)
            continue;
        vs->v[n] = vs->v[i];
        vs->v[n].vote_len = 0; /* it was said from the old place */
        vs->v[n++].idx = map[idx];
    }
    vs->cnt = n;
}

void votes_copy(votes_t *to, const votes_t *from)
{
    to->cnt = 0;
    for (size_t i = 0; i < from->cnt; i++) {
        const vote_t *v = &from->v[i];
        votes_add(to, v->idx, v->view, &v->hash, bc_bytes(v->sig, v->sig_len));
        vote_sign(to, v->idx, &v->hash, v->time, bc_bytes(v->vote, v->vote_len));
    }
}

void votes_from_wire(votes_t *to, const pbft_proposal_t *w, int64_t view)
{
    to->cnt = 0;
    for (size_t i = 0; i < w->proof_cnt; i++) {
        const pbft_sig_t *sig = &w->proof[i];
        votes_add(to, sig->node, view, &w->hash, sig->sig);
        vote_sign(to, sig->node, &w->hash, sig->time, sig->vote);
    }
}

void votes_to_wire(const votes_t *vs, bool with_view, pbft_proposal_t *w, bc_arena_t *a)
{
    w->proof = bc_arena_alloc(a, (vs->cnt + 1) * sizeof w->proof[0]);
    BC_MUST(w->proof);
    w->proof_cnt = vs->cnt;
    for (size_t i = 0; i < vs->cnt; i++) {
        const vote_t *v = &vs->v[i];
        w->proof[i] = (pbft_sig_t){ .node = v->idx, .sig = bc_bytes(v->sig, v->sig_len) };
        if (with_view) {
            w->proof[i].time = v->time;
            w->proof[i].vote = bc_bytes(v->vote, v->vote_len);
        }
    }
}

void votes_free(votes_t *vs)
{
    free(vs->v);
    *vs = (votes_t){ 0 };
}

bool pbft_proof_ok(pbft_t *p, const pbft_proposal_t *w)
{
    if (!w->has_hash || w->proof_cnt > p->node_cnt)
        return false;
    uint64_t sum = 0;
    for (size_t i = 0; i < w->proof_cnt; i++) {
        for (size_t k = 0; k < i; k++)
            if (w->proof[k].node == w->proof[i].node)
                return false;
        if (!pbft_verify(p, w->proof[i].node, &w->hash, w->proof[i].sig))
            return false;
        sum += pbft_weight(p, w->proof[i].node);
    }
    return sum >= p->quorum;
}

/* ---- messages ---- */

bool pbft_verify(pbft_t *p, int64_t idx, const bc_h256_t *digest, bc_bytes_t sig)
{
    if (idx < 0 || (size_t)idx >= p->node_cnt || sig.n > PBFT_SIG_LEN_MAX)
        return false;
    return p->signer.verify(p->signer.ctx, &p->ids[idx], digest, sig);
}

void pbft_base(pbft_t *p, pbft_msg_t *m, int32_t type, int64_t index, const bc_h256_t *hash,
               int64_t view)
{
    memset(m, 0, sizeof *m);
    m->type = type;
    m->has_base = true;
    m->base.index = index;
    if (hash) {
        m->base.has_hash = true;
        m->base.hash = *hash;
    }
    m->base.view = view;
    m->base.timestamp = p->now.utc_ms;
    m->base.from = p->self;
}

/* sig must live as long as m. */
bool pbft_sign(pbft_t *p, pbft_msg_t *m, uint8_t sig[BC_SIG_MAX])
{
    pbft_digest(p->suite, m, &m->digest);
    m->sig = bc_bytes(sig, p->signer.sign(p->signer.ctx, &m->digest, sig));
    return m->sig.n > 0;
}

void pbft_send(pbft_t *p, const bc_nodeid_t *to, const pbft_msg_t *m)
{
    bc_buf_t *b = to || p->node_cnt > 1 ? pbft_encode(m) : NULL;
    if (!b)
        return;
    bc_msg_t *o = bc_out_msg(p->out, BC_ACTOR_FRONT, to ? BC_MSG_SEND : BC_MSG_BROADCAST);
    o->module = BC_MODULE_PBFT;
    if (to)
        o->node = *to;
    else
        o->mask = BC_NODE_CONSENSUS;
    o->data = b;
}

/* m NULL: an empty body, "none". */
void pbft_reply(pbft_t *p, const bc_nodeid_t *to, const char *uuid, const pbft_msg_t *m)
{
    bc_buf_t *b = m ? pbft_encode(m) : bc_buf_new(0);
    if (!b)
        return;
    bc_msg_t *o = bc_out_msg(p->out, BC_ACTOR_FRONT, BC_MSG_REPLY);
    o->module = BC_MODULE_PBFT;
    o->node = *to;
    memcpy(o->uuid, uuid, sizeof o->uuid);
    o->data = b;
}
