/* Consensus payloads of a bad node. */
#include <stdlib.h>
#include "byz.h"
#include "protocol/features.h"

bc_buf_t *byz_sealed(sim_node_t *n, pbft_msg_t *m)
{
    uint8_t sig[BC_SIG_MAX];
    pbft_digest(BC_SUITE_STANDARD, m, &m->digest);
    m->sig = bc_bytes(sig, bc_sign(&n->key, &m->digest, sig));
    return pbft_encode(m);
}

void byz_base(sim_node_t *n, pbft_msg_t *m, int32_t type, int64_t index, const bc_h256_t *hash,
              int64_t view)
{
    *m = (pbft_msg_t){ .type = type, .has_base = true };
    m->base = (pbft_base_t){ .index = index,
                             .view = view,
                             .timestamp = n->world->now,
                             .from = byz_index(n),
                             .has_hash = hash != NULL };
    if (hash)
        m->base.hash = *hash;
}

void byz_vote(sim_node_t *n, pbft_msg_t *m, int32_t type, int64_t index, const bc_h256_t *hash,
              int64_t view)
{
    byz_base(n, m, type, index, hash, view);
    m->has_proposal = m->proposal.has_raw = m->proposal.has_hash = true;
    m->proposal.index = index;
    m->proposal.hash = *hash;
}

static void own_head(const sim_node_t *n, bc_h256_t *out)
{
    *out = n->disk.height ? n->disk.blocks[n->disk.height].header->hash : n->world->genesis_hash;
}

static void random_hash(sim_node_t *n, bc_h256_t *out)
{
    uint64_t v = sim_random(n->world, UINT64_MAX);
    bc_keccak256(bc_bytes((const uint8_t *)&v, sizeof v), out);
}

/* ---- a second proposal ---- */

enum {
    TWIN_TIME,
    TWIN_FEWER,
    TWIN_REPEAT,
    TWIN_LIE,
    TWIN_SEALERS,
    TWIN_NUMBER,
    TWIN_UNKNOWN,
    TWIN_OLD_TX,
    TWIN_SEALER,
    TWIN_FUTURE,
    TWIN_VERSION,
    TWIN_FLAG,
    TWIN_EXTRA,
    TWIN_SECRET,
    TWIN_RECEIVERS,
    TWIN_UNNAMED,
    TWIN_PLACE,
    TWIN_WEIGHT,
    TWIN_LONG,
    TWIN_KINDS
};

static void lengthen(const sim_node_t *n, bc_header_t *h)
{
    size_t cnt = BC_MIN(h->data.sealer_list.n, h->data.weights.n);
    bc_bytes_t *ids = bc_xcalloc(cnt + 1, sizeof *ids);
    int64_t *weights = bc_xcalloc(cnt + 1, sizeof *weights);
    if (cnt) {
        memcpy(ids, h->data.sealer_list.v, cnt * sizeof *ids);
        memcpy(weights, h->data.weights.v, cnt * sizeof *weights);
    }
    ids[cnt] = BC_VIEW(n->key.pub);
    weights[cnt] = 1;
    h->data.sealer_list = (bc_tars_list_t){ ids, cnt + 1 };
    h->data.weights = (bc_tars_list_t){ weights, cnt + 1 };
}

static void twist_header(sim_node_t *n, bc_header_t *h, int kind)
{
    static const int64_t one[] = { 1 };
    static const int64_t extreme[] = { INT64_MAX, INT64_MIN, -1, (int64_t)1 << 60 };
    int64_t far = extreme[h->data.number % 4];
    if (kind != TWIN_FEWER && kind != TWIN_UNNAMED)
        h->data.timestamp = byz_plus(h->data.timestamp, 1 + kind);
    switch (kind) {
    case TWIN_SEALERS: /* the list is ours alone */
        h->data.sealer_list = (bc_tars_list_t){ bc_xcalloc(1, sizeof(bc_bytes_t)), 1 };
        ((bc_bytes_t *)h->data.sealer_list.v)[0] = BC_VIEW(n->key.pub);
        h->data.weights = (bc_tars_list_t){ (void *)(uintptr_t)one, 1 };
        break;
    case TWIN_PLACE: /* in the right list, twice */
        if (h->data.sealer_list.n) {
            bc_bytes_t *ids = (bc_bytes_t *)h->data.sealer_list.v;
            ids[h->data.number % (int64_t)h->data.sealer_list.n] = BC_VIEW(n->key.pub);
        }
        break;
    case TWIN_WEIGHT:
        if (h->data.weights.n)
            ((int64_t *)h->data.weights.v)[h->data.number % (int64_t)h->data.weights.n] += 2;
        break;
    case TWIN_LONG: /* one more than there are */
        lengthen(n, h);
        break;
    case TWIN_NUMBER:
        h->data.number++;
        break;
    case TWIN_SEALER:
        h->data.sealer = far;
        break;
    case TWIN_FUTURE:
        h->data.timestamp = far;
        break;
    case TWIN_VERSION:
        h->data.version = INT32_MAX;
        break;
    case TWIN_EXTRA:
        h->data.extra_data = BC_STR("extra");
        h->data.gas_used = BC_STR("77");
        break;
    default:
        break;
    }
}

/* The header names the transactions that it has now; or, UNNAMED, none: one header for two lists, of
 * which only some get the shorter one. FEWER keeps the name of the longer one. */
static void name_txs(sim_t *s, const bc_block_t *b, bc_header_t *h, int kind, bc_h256_t root[2])
{
    const bc_tx_meta_t *m = b->metas.v;
    bc_metas_t *metas = bc_metas_new(b->metas.n);
    for (size_t i = 0; i < metas->cnt; i++) {
        memcpy(metas->v[i].hash.b, m[i].hash.p, sizeof metas->v[i].hash.b);
        check_bounds_of(s, &metas->v[i]);
    }
    bc_metas_root(metas, BC_SUITE_STANDARD, &root[0]);
    bc_metas_bounds(metas, BC_SUITE_STANDARD, &root[1]);
    h->data.receipts_root = BC_VIEW(root[1]);
    if (kind == TWIN_UNNAMED)
        h->data.txs_root.n = 0;
    else if (kind != TWIN_FEWER)
        h->data.txs_root = BC_VIEW(root[0]);
    bc_metas_unref(metas);
}

static void twist_txs(sim_node_t *n, bc_block_t *b, bc_tx_meta_t *metas, bc_h256_t *hash, int kind,
                      bool some)
{
    size_t cnt = b->metas.n;
    if (cnt)
        memcpy(metas, b->metas.v, cnt * sizeof *metas);
    const sim_disk_t *d = &n->disk;
    if ((kind == TWIN_FEWER || (kind == TWIN_UNNAMED && some)) && cnt) {
        cnt--;
    } else if (kind == TWIN_REPEAT && cnt) {
        metas[cnt++] = metas[0];
    } else if (kind == TWIN_UNKNOWN) {
        bc_keccak256(bc_bytes((const uint8_t *)&b->header.data.number, 8), hash);
        metas[cnt++] = (bc_tx_meta_t){ .hash = BC_VIEW(*hash),
                                       .to = BC_STR("1111111111111111111111111111111111111111") };
    } else if (kind == TWIN_OLD_TX && d->height) {
        const bc_txs_t *txs = d->blocks[1 + b->header.data.timestamp % d->height].txs;
        if (txs->cnt) {
            metas[cnt++] =
                (bc_tx_meta_t){ .hash = BC_VIEW(txs->v[0]->hash), .to = txs->v[0]->w.data.to };
            if (b->header.data.timestamp % 2) {
                metas[0] = metas[cnt - 1]; /* nothing but it */
                cnt = 1;
            }
        }
    }
    for (size_t i = 0; i < cnt && kind == TWIN_RECEIVERS; i++) /* not what the transactions say */
        metas[i].to = BC_STR("1111111111111111111111111111111111111111");
    b->metas = (bc_tars_list_t){ metas, cnt };
}

/* Nothing but a transaction that is to be had from itself, after a while, and may not hold. */
static void secret_txs(sim_node_t *n, bc_block_t *b, bc_tx_meta_t *metas, int64_t view)
{
    const bc_tx_t *tx = byz_secret_tx(n, b->header.data.number, view);
    metas[0] = (bc_tx_meta_t){ .hash = BC_VIEW(tx->hash), .to = tx->w.data.to };
    b->metas = (bc_tars_list_t){ metas, 1 };
}

bc_buf_t *byz_twin(sim_node_t *n, const pbft_msg_t *pre, int to)
{
    sim_t *s = n->world;
    int64_t place[] = { (int64_t)s->o.seed, pre->base.index, pre->base.view, n->i };
    bc_h256_t draw;
    bc_keccak256(bc_bytes((const uint8_t *)place, sizeof place), &draw);
    if (draw.b[0] % 4 == 0 || (draw.b[0] % 4 == 1 && (to + draw.b[1]) % 2))
        return NULL; /* the true one; else half of them or all get the other */
    static const int often[] = { TWIN_TIME, TWIN_FEWER, TWIN_SECRET, TWIN_UNNAMED, TWIN_REPEAT };
    int kind = draw.b[2] % 2 ? often[draw.b[3] % BC_ARRAY_LEN(often)] : draw.b[3] % TWIN_KINDS;
    bc_arena_t arena = { 0 };
    bc_block_t b;
    bc_buf_t *out = NULL;
    bc_wr_t w = { 0 };
    bc_h256_t hash, root[2];
    if (bc_tars_decode(&bc_block_tars, pre->proposal.data, &b, &arena) != BC_OK) {
        bc_arena_free(&arena);
        return NULL;
    }
    bc_tx_meta_t *metas = bc_xcalloc(b.metas.n + 1, sizeof *metas);
    bc_header_t h = b.header;
    h.data_hash = (bc_bytes_t){ 0 };
    twist_header(n, &h, kind);
    if (kind == TWIN_SECRET)
        secret_txs(n, &b, metas, pre->base.view);
    else
        twist_txs(n, &b, metas, &hash, kind, (to + draw.b[1]) % 2);
    name_txs(s, &b, &h, kind, root);
    bc_hdr_t *hdr = bc_hdr_new(BC_SUITE_STANDARD, &h);
    b.header = hdr->h;
    bc_tars_encode(&bc_block_tars, &b, &w);
    pbft_msg_t m;
    byz_vote(n, &m, PBFT_PRE_PREPARE, pre->base.index, &hdr->hash, pre->base.view);
    m.proposal.sealer = pre->proposal.sealer;
    m.proposal.system = pre->proposal.system && kind != TWIN_FLAG && kind != TWIN_RECEIVERS;
    m.proposal.data = bc_wr_view(&w);
    if (kind == TWIN_LIE) /* the true hash over another block */
        m.base.hash = m.proposal.hash = pre->base.hash;
    else
        check_note_block(s, &m.proposal);
    out = byz_sealed(n, &m);
    sim_trace(
        s, "node %d makes a second proposal of kind %d, height %ld view %ld hash %02x%02x%02x%02x",
        n->i, kind, (long)m.base.index, (long)m.base.view, m.base.hash.b[0], m.base.hash.b[1],
        m.base.hash.b[2], m.base.hash.b[3]);
    size_t at = n->byz->twin_cnt++ % BYZ_TWINS;
    n->byz->twins[at].index = m.base.index;
    n->byz->twins[at].view = m.base.view;
    n->byz->twins[at].hash = m.base.hash;
    if (kind == TWIN_SEALERS || kind == TWIN_LONG)
        free(h.data.sealer_list.v);
    if (kind == TWIN_LONG)
        free(h.data.weights.v);
    bc_hdr_unref(hdr);
    bc_wr_free(&w);
    free(metas);
    bc_arena_free(&arena);
    return out;
}

bc_hdr_t *byz_empty_block(bc_block_t *b, bc_header_t h, bc_wr_t *w)
{
    h.data_hash = (bc_bytes_t){ 0 };
    h.data.txs_root.n = 0;
    bc_hdr_t *hdr = bc_hdr_new(BC_SUITE_STANDARD, &h);
    b->header = hdr->h;
    b->metas.n = 0;
    bc_tars_encode(&bc_block_tars, b, w);
    return hdr;
}

/* An empty block of a height and its leader, like pre's otherwise. step: in time, one of its own for
 * each caller, so that no two blocks of ours get the same header with other transactions. */
static void post_empty(sim_node_t *n, int to, const pbft_msg_t *pre, int64_t height, int64_t view,
                       int64_t leader, int64_t step)
{
    pbft_msg_t m;
    bc_arena_t arena = { 0 };
    bc_block_t b;
    int list[SIM_NODES_MAX];
    sim_conf_list(byz_conf(n), list);
    if (bc_tars_decode(&bc_block_tars, pre->proposal.data, &b, &arena) == BC_OK) {
        bc_header_t h = b.header;
        bc_wr_t w = { 0 };
        h.data.number = height;
        h.data.sealer = leader;
        h.data.timestamp = byz_plus(h.data.timestamp, step);
        bc_hdr_t *hdr = byz_empty_block(&b, h, &w);
        byz_vote(n, &m, PBFT_PRE_PREPARE, height, &hdr->hash, view);
        m.base.from = leader;
        m.proposal.sealer = leader;
        m.proposal.data = bc_wr_view(&w);
        bc_buf_t *out = byz_sealed(n, &m);
        byz_post(n, &n->world->nodes[list[leader]].key.pub, BC_MODULE_PBFT, to, bc_buf_view(out));
        bc_buf_unref(out);
        bc_wr_free(&w);
        bc_hdr_unref(hdr);
    }
    bc_arena_free(&arena);
}

static int64_t leader_of(const sim_node_t *n, int64_t height, int64_t view)
{
    int list[SIM_NODES_MAX], cnt = sim_conf_list(byz_conf(n), list);
    return bc_pbft_leader(height, view, n->world->o.leader_period, (size_t)cnt);
}

void byz_ahead(sim_node_t *n, const pbft_msg_t *pre, int to)
{
    int64_t next = pre->base.index + 1, leader = leader_of(n, next, pre->base.view);
    if (leader == byz_index(n))
        post_empty(n, to, pre, next, pre->base.view, leader, 11);
}

/* A proposal for the next height in the name of its leader, ahead of the true one. */
void byz_forge_proposal(sim_node_t *n, int to)
{
    pbft_msg_t pre;
    bc_arena_t arena = { 0 };
    int64_t next = n->disk.height + 1, view = byz_view(n);
    if (n->byz->pre &&
        pbft_decode(BC_SUITE_STANDARD, bc_buf_view(n->byz->pre), &pre, &arena) == BC_OK)
        post_empty(n, to, &pre, next, view, leader_of(n, next, view), 1009);
    bc_arena_free(&arena);
}

/* Its own, out of turn. */
void byz_usurp(sim_node_t *n, int to)
{
    pbft_msg_t pre;
    bc_arena_t arena = { 0 };
    if (n->byz->pre && sim_conf_index(byz_conf(n), n->i) >= 0 &&
        pbft_decode(BC_SUITE_STANDARD, bc_buf_view(n->byz->pre), &pre, &arena) == BC_OK)
        post_empty(n, to, &pre, n->disk.height + 1, byz_view(n), byz_index(n), 2003);
    bc_arena_free(&arena);
}

/* A true vote of another node, said to be of the present view: its inner signature knows no view.
 */
void byz_raise_vote(sim_node_t *n, int to)
{
    sim_t *s = n->world;
    bc_buf_t *frame = n->byz->seen[sim_random(s, BC_MIN(BYZ_SEEN, n->byz->seen_cnt))];
    bc_front_msg_t fm;
    pbft_msg_t m;
    bc_arena_t arena = { 0 };
    int list[SIM_NODES_MAX], cnt = sim_conf_list(byz_conf(n), list);
    if (frame && bc_front_msg_decode(bc_buf_view(frame), &fm) == BC_OK &&
        fm.module == BC_MODULE_PBFT &&
        pbft_decode(BC_SUITE_STANDARD, fm.payload, &m, &arena) == BC_OK &&
        (m.type == PBFT_PREPARE || m.type == PBFT_COMMIT) && m.base.from >= 0 &&
        m.base.from < cnt) {
        m.base.view = byz_view(n) + (int64_t)sim_random(s, 2);
        bc_buf_t *out = byz_sealed(n, &m);
        byz_post(n, &s->nodes[list[m.base.from]].key.pub, BC_MODULE_PBFT, to, bc_buf_view(out));
        bc_buf_unref(out);
    }
    bc_arena_free(&arena);
}

/* ---- votes ---- */

/* Another hash that some at this height may believe in: a twin of its own, else an invented one. */
static void other_hash(sim_node_t *n, int64_t index, bc_h256_t *out)
{
    size_t cnt = BC_MIN(n->byz->twin_cnt, (size_t)BYZ_TWINS);
    for (size_t i = 0; i < cnt; i++)
        if (n->byz->twins[i].index == index) {
            *out = n->byz->twins[i].hash;
            return;
        }
    pbft_msg_t m;
    bc_arena_t arena = { 0 };
    random_hash(n, out);
    if (n->byz->pre &&
        pbft_decode(BC_SUITE_STANDARD, bc_buf_view(n->byz->pre), &m, &arena) == BC_OK &&
        m.base.index == index)
        *out = m.base.hash;
    bc_arena_free(&arena);
}

static void send_vote(sim_node_t *n, const bc_nodeid_t *sender, pbft_msg_t *m, int to,
                      bool bad_inner)
{
    uint8_t sig[BC_SIG_MAX];
    m->proposal.sig = bc_bytes(sig, bc_sign(&n->key, &m->proposal.hash, sig));
    if (bad_inner)
        sig[7] ^= 1;
    bc_buf_t *b = byz_sealed(n, m);
    byz_post(n, sender, BC_MODULE_PBFT, to, bc_buf_view(b));
    bc_buf_unref(b);
}

/* Besides its vote: one for another hash, one whose inner signature is bad, and all the others'
 * votes, with its own signature under them. */
void byz_votes(sim_node_t *n, const pbft_msg_t *m, int to)
{
    sim_t *s = n->world;
    pbft_msg_t v;
    bc_h256_t hash;
    other_hash(n, m->base.index, &hash);
    byz_vote(n, &v, m->type, m->base.index, &hash, m->base.view);
    send_vote(n, &n->key.pub, &v, to, false);
    if (sim_random(s, 2)) {
        byz_vote(n, &v, m->type, m->base.index, &m->base.hash, m->base.view);
        send_vote(n, &n->key.pub, &v, to, true);
    }
    int list[SIM_NODES_MAX], cnt = sim_conf_list(byz_conf(n), list);
    for (int i = 0; i < cnt; i++) {
        byz_vote(n, &v, m->type, m->base.index, sim_random(s, 2) ? &hash : &m->base.hash,
                 m->base.view);
        v.base.from = i;
        /* from its own connection, or as a gateway that lies about the sender would give it */
        send_vote(n, sim_random(s, 2) ? &s->nodes[list[i]].key.pub : &n->key.pub, &v, to, false);
    }
}

/* ---- view changes ---- */

enum { VC_OWN_SIGS, VC_ONE_SIG, VC_SHORT, VC_INFLATED, VC_TALL, VC_EMPTY, VC_LATER, VC_HEADS,
       VC_HEIGHTS, VC_REPEAT, VC_CERT, VC_KINDS };

/* A proof that hash was prepared: its own signature under every name, or again and again. */
static void fake_proof(sim_node_t *n, pbft_msg_t *p, int64_t index, int64_t view, int kind,
                       pbft_sig_t *sigs, uint8_t sig[BC_SIG_MAX])
{
    bc_h256_t hash;
    other_hash(n, index, &hash);
    byz_vote(n, p, PBFT_COMMIT, index, &hash, view);
    int list[SIM_NODES_MAX], cnt = sim_conf_list(byz_conf(n), list);
    size_t len = bc_sign(&n->key, &hash, sig);
    for (int i = 0; i < cnt; i++)
        sigs[i] = (pbft_sig_t){ kind == VC_ONE_SIG ? byz_index(n) : i, bc_bytes(sig, len) };
    p->proposal.proof = sigs;
    p->proposal.proof_cnt = (size_t)cnt;
}

bc_buf_t *byz_view_change(sim_node_t *n, const pbft_msg_t *vc)
{
    sim_t *s = n->world;
    int kind = (int)sim_random(s, VC_KINDS);
    pbft_msg_t m, votes[2];
    pbft_sig_t sigs[SIM_NODES_MAX + 1];
    uint8_t own[2][BC_SIG_MAX], *sig = own[0];
    int64_t view;
    bc_h256_t head;
    if (vc) {
        m = *vc;
    } else {
        own_head(n, &head);
        byz_vote(n, &m, PBFT_VIEW_CHANGE, n->disk.height, &head,
                 byz_view(n) + (int64_t)sim_random(s, 3));
    }
    switch (kind) {
    case VC_OWN_SIGS:
    case VC_ONE_SIG:
        fake_proof(n, &votes[0], byz_plus(m.base.index, 1), m.base.view, kind, sigs, sig);
        m.votes = votes;
        m.vote_cnt = 1;
        break;
    case VC_SHORT: {
        size_t cnt = 0;
        int64_t index = byz_plus(m.base.index, 1);
        m.vote_cnt = 0;
        if (byz_short_proof(n, index, &head, &view, sigs, &cnt, own)) {
            byz_vote(n, &votes[0], PBFT_COMMIT, index, &head, view);
            votes[0].proposal.proof = sigs;
            votes[0].proposal.proof_cnt = cnt;
            m.votes = votes;
            m.vote_cnt = 1;
        }
        break;
    }
    case VC_CERT:
        if (byz_cert(n, byz_plus(m.base.index, 1), byz_plus(m.base.view, -1), &votes[0], sigs, own)) {
            m.votes = votes;
            m.vote_cnt = 1;
        }
        break;
    case VC_INFLATED: /* a true proof, a false view */
        if (m.vote_cnt) {
            votes[0] = m.votes[0];
            votes[0].base.view = m.base.view;
            m.votes = votes;
            m.vote_cnt = 1;
        }
        break;
    case VC_TALL:
        m.base.index = m.proposal.index = byz_extreme(n);
        break;
    case VC_EMPTY:
        m.vote_cnt = 0;
        break;
    case VC_LATER:
        if (m.vote_cnt) {
            votes[0] = m.votes[0];
            votes[0].base.view = byz_plus(m.base.view, 1);
            m.votes = votes;
            m.vote_cnt = 1;
        }
        break;
    case VC_HEADS: /* on top of another block */
        random_hash(n, &m.proposal.hash);
        m.base.hash = m.proposal.hash;
        break;
    case VC_HEIGHTS:
        m.proposal.index = byz_plus(m.base.index, 1);
        break;
    default:
        if (m.vote_cnt) {
            votes[0] = votes[1] = m.votes[0];
            m.votes = votes;
            m.vote_cnt = 2;
        }
        break;
    }
    return byz_sealed(n, &m);
}

bc_buf_t *byz_committed(sim_node_t *n, pbft_msg_t *m)
{
    pbft_proposal_t *p = &m->proposals[0];
    bc_arena_t arena = { 0 };
    bc_block_t b;
    bc_buf_t *out = NULL;
    int list[SIM_NODES_MAX], cnt = sim_conf_list(byz_conf(n), list);
    if (bc_tars_decode(&bc_block_tars, p->data, &b, &arena) == BC_OK) {
        pbft_sig_t sigs[SIM_NODES_MAX];
        uint8_t sig[BC_SIG_MAX];
        bc_wr_t w = { 0 };
        b.header.data.timestamp = byz_plus(b.header.data.timestamp, 5);
        b.header.data_hash = (bc_bytes_t){ 0 };
        bc_hdr_t *hdr = bc_hdr_new(BC_SUITE_STANDARD, &b.header);
        b.header = hdr->h;
        bc_tars_encode(&bc_block_tars, &b, &w);
        p->data = bc_wr_view(&w);
        p->hash = hdr->hash;
        size_t len = bc_sign(&n->key, &p->hash, sig);
        for (int i = 0; i < cnt; i++)
            sigs[i] = (pbft_sig_t){ i, bc_bytes(sig, len) };
        p->proof = sigs;
        p->proof_cnt = (size_t)cnt;
        out = byz_sealed(n, m);
        bc_hdr_unref(hdr);
        bc_wr_free(&w);
    }
    bc_arena_free(&arena);
    return out;
}

bc_buf_t *byz_inflate(sim_node_t *n, pbft_msg_t *vc)
{
    for (size_t i = 0; i < vc->vote_cnt; i++)
        vc->votes[i].base.view = vc->base.view;
    return byz_sealed(n, vc);
}

/* ---- new views ---- */

enum { NV_LIST, NV_CUT, NV_ONE_VC, NV_OWN_VCS, NV_FEW, NV_SHORT, NV_OTHER, NV_TURN, NV_NAME, NV_BEYOND, NV_BENT,
       NV_PROOF, NV_KINDS };

static size_t heard(sim_node_t *n, int64_t view, pbft_msg_t *vcs, bc_arena_t *arena)
{
    size_t cnt = 0;
    for (int i = 0; i < SIM_NODES_MAX; i++)
        if (n->byz->vcs[i] &&
            pbft_decode(BC_SUITE_STANDARD, bc_buf_view(n->byz->vcs[i]), &vcs[cnt], arena) ==
                BC_OK &&
            (view < 0 || vcs[cnt].base.view == view))
            cnt++;
    return cnt;
}

static int64_t highest_view(const pbft_msg_t *vcs, size_t cnt)
{
    int64_t view = -1;
    for (size_t i = 0; i < cnt; i++)
        if (vcs[i].base.view < (int64_t)1 << 40) /* another bad node's may be extreme */
            view = BC_MAX(view, vcs[i].base.view);
    return view;
}

static void sign_vc(sim_node_t *n, pbft_msg_t *vc, uint8_t sig[BC_SIG_MAX])
{
    pbft_digest(BC_SUITE_STANDARD, vc, &vc->digest);
    vc->sig = bc_bytes(sig, bc_sign(&n->key, &vc->digest, sig));
}

/* View changes in all names, all signed by itself; with_proof: each tells of a prepared block. */
static size_t own_vcs(sim_node_t *n, pbft_msg_t *nv, pbft_msg_t *vcs, uint8_t (*sig)[BC_SIG_MAX],
                      bool one_name)
{
    int list[SIM_NODES_MAX], cnt = sim_conf_list(byz_conf(n), list);
    bc_h256_t head;
    own_head(n, &head);
    for (int i = 0; i < cnt; i++) {
        byz_vote(n, &vcs[i], PBFT_VIEW_CHANGE, n->disk.height, &head, nv->base.view);
        if (!one_name)
            vcs[i].base.from = i;
        sign_vc(n, &vcs[i], sig[i]);
    }
    return (size_t)cnt;
}

/* A height at which this node would lead view: NewViews are taken from such a one only. */
static int64_t leading_height(const sim_node_t *n, int64_t view)
{
    int list[SIM_NODES_MAX], cnt = sim_conf_list(byz_conf(n), list);
    int64_t h = n->disk.height;
    for (int64_t k = h; k < h + 40; k++)
        if (bc_pbft_leader(k + 1, view, n->world->o.leader_period, (size_t)cnt) == byz_index(n))
            return k;
    return h;
}

/* Something else than the view changes demand: a block of its own where another was prepared. */
static void own_list(sim_node_t *n, pbft_msg_t *nv, pbft_msg_t *entry)
{
    int64_t top = 0;
    for (size_t i = 0; i < nv->vc_cnt; i++)
        top = BC_MAX(top, nv->vcs[i].base.index);
    bc_h256_t hash;
    top = byz_plus(top, 1);
    other_hash(n, top, &hash);
    byz_vote(n, entry, PBFT_PRE_PREPARE, top, &hash, nv->base.view);
    nv->votes = entry;
    nv->vote_cnt = 1;
}

/* An empty block after all that the view changes tell of. */
static size_t one_beyond(sim_node_t *n, const pbft_msg_t *nv, pbft_msg_t *entry, bc_buf_t **block)
{
    int64_t top = 0;
    for (size_t i = 0; i < nv->vc_cnt; i++) {
        top = BC_MAX(top, nv->vcs[i].base.index);
        if (nv->vcs[i].vote_cnt)
            return 0;
    }
    pbft_msg_t pre;
    bc_arena_t arena = { 0 };
    bc_block_t b;
    size_t cnt = 0;
    if (n->byz->pre &&
        pbft_decode(BC_SUITE_STANDARD, bc_buf_view(n->byz->pre), &pre, &arena) == BC_OK &&
        bc_tars_decode(&bc_block_tars, pre.proposal.data, &b, &arena) == BC_OK) {
        bc_header_t h = b.header;
        bc_wr_t w = { 0 };
        h.data.number = byz_plus(top, 1);
        h.data.timestamp = byz_plus(h.data.timestamp, 23);
        bc_hdr_t *hdr = byz_empty_block(&b, h, &w);
        *block = bc_buf_copy(bc_wr_view(&w));
        byz_vote(n, entry, PBFT_PRE_PREPARE, h.data.number, &hdr->hash, nv->base.view);
        entry->proposal.data = bc_buf_view(*block);
        bc_wr_free(&w);
        bc_hdr_unref(hdr);
        cnt = 1;
    }
    bc_arena_free(&arena);
    return cnt;
}

bc_buf_t *byz_new_view(sim_node_t *n, const pbft_msg_t *from)
{
    sim_t *s = n->world;
    bc_arena_t arena = { 0 };
    pbft_msg_t vcs[2 * SIM_NODES_MAX], nv, entry, prepared;
    pbft_sig_t sigs[SIM_NODES_MAX];
    uint8_t sig[SIM_NODES_MAX][BC_SIG_MAX], psig[BC_SIG_MAX];
    bc_h256_t head;
    bc_buf_t *block = NULL;
    int kind = (int)sim_random(s, NV_KINDS);
    own_head(n, &head);
    size_t cnt = 0;
    if (from) {
        nv = *from;
        cnt = BC_MIN(nv.vc_cnt, (size_t)SIM_NODES_MAX);
        memcpy(vcs, nv.vcs, cnt * sizeof vcs[0]);
    } else {
        cnt = heard(n, -1, vcs, &arena);
        int64_t view = BC_MAX(highest_view(vcs, cnt), byz_view(n)) + (int64_t)sim_random(s, 2);
        cnt = heard(n, view, vcs, &arena);
        byz_base(n, &nv, PBFT_NEW_VIEW, leading_height(n, view), &head, view);
    }
    nv.vcs = vcs;
    nv.vc_cnt = cnt;
    switch (kind) {
    case NV_LIST:
        own_list(n, &nv, &entry);
        break;
    case NV_CUT:
        nv.vote_cnt = 0;
        break;
    case NV_ONE_VC: /* one node's, again and again */
        nv.vc_cnt = own_vcs(n, &nv, vcs, sig, true);
        break;
    case NV_OWN_VCS:
        nv.vc_cnt = own_vcs(n, &nv, vcs, sig, false);
        break;
    case NV_FEW:
        nv.vc_cnt = BC_MIN(cnt, (size_t)1);
        break;
    case NV_OTHER: /* whatever it has heard, of any view */
        nv.vc_cnt = heard(n, -1, vcs, &arena);
        nv.vote_cnt = 0;
        break;
    case NV_BENT: /* the same, bent to this view; with the digests that were signed */
        nv.vc_cnt = heard(n, -1, vcs, &arena);
        nv.vote_cnt = 0;
        for (size_t i = 0; i < nv.vc_cnt; i++) {
            vcs[i].base.view = nv.base.view;
            vcs[i].vote_cnt = 0;
        }
        break;
    case NV_TURN: /* as it should be, but for whose turn it is */
        nv.base.index = n->disk.height;
        nv.vote_cnt = 0;
        break;
    case NV_NAME: /* and in the name of whose turn it is */
        nv.base.index = n->disk.height;
        nv.base.from = leader_of(n, nv.base.index + 1, nv.base.view);
        nv.vote_cnt = 0;
        break;
    case NV_BEYOND: /* a good block where nobody prepared anything */
        nv.votes = &entry;
        nv.vote_cnt = one_beyond(n, &nv, &entry, &block);
        break;
    case NV_SHORT:
        nv.vc_cnt = byz_short_vcs(n, vcs, cnt);
        nv.vote_cnt = 0;
        break;
    default: /* good ones, and its own with a forged proof instead of the last */
        if (cnt) {
            vcs[cnt - 1] = vcs[0];
            byz_vote(n, &vcs[cnt - 1], PBFT_VIEW_CHANGE, n->disk.height, &head, nv.base.view);
            fake_proof(n, &prepared, n->disk.height + 1, nv.base.view, VC_OWN_SIGS, sigs, psig);
            vcs[cnt - 1].votes = &prepared;
            vcs[cnt - 1].vote_cnt = 1;
            sign_vc(n, &vcs[cnt - 1], sig[0]);
            own_list(n, &nv, &entry);
        }
        break;
    }
    bc_buf_t *out = byz_sealed(n, &nv);
    bc_buf_unref(block);
    bc_arena_free(&arena);
    return out;
}

/* ---- far away ---- */

void byz_far(sim_node_t *n, int to)
{
    static const int32_t types[] = { PBFT_PREPARE,          PBFT_COMMIT,          PBFT_CHECKPOINT,
                                     PBFT_RECOVER_RESPONSE, PBFT_RECOVER_REQUEST, PBFT_VIEW_CHANGE,
                                     PBFT_COMMITTED_REQUEST };
    sim_t *s = n->world;
    bc_h256_t hash;
    pbft_msg_t m;
    own_head(n, &hash);
    int32_t type = types[sim_random(s, BC_ARRAY_LEN(types))];
    int64_t view = sim_random(s, 2) ? byz_view(n) + (int64_t)sim_random(s, 100) : byz_extreme(n);
    byz_vote(n, &m, type, sim_random(s, 2) ? n->disk.height : byz_extreme(n), &hash, view);
    if (type == PBFT_COMMITTED_REQUEST) {
        m.size = byz_extreme(n);
        m.has_proposal = false;
    }
    const bc_nodeid_t *sender = &n->key.pub;
    if (sim_random(s, 2)) { /* said by another, as the gateway has it */
        int list[SIM_NODES_MAX], cnt = sim_conf_list(byz_conf(n), list);
        m.base.from = (int64_t)sim_random(s, (uint64_t)cnt);
        sender = &s->nodes[list[m.base.from]].key.pub;
    }
    send_vote(n, sender, &m, to, false);
}
