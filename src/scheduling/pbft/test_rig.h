/* One engine with everybody around it played by hand: for the tests of this folder. */
#ifndef BC_PBFT_TEST_RIG_H
#define BC_PBFT_TEST_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "pbft_impl.h"
#include "protocol/status.h"

#define NODES 4
#define ALL_NODES 0xfu
#define SENT_MAX 256

typedef struct {
    int32_t type;
    int64_t index, view;
    bc_h256_t hash;
    bc_nodeid_t to; /* zero: broadcast */
    size_t prepared, list;
    bc_h256_t list_hash[8];
    size_t data, proof;    /* bytes and signatures that come with its (first) proposal */
    int64_t proof_idx[NODES];
    int64_t prepared_view; /* of a ViewChange's first report */
    bc_h256_t prepared_hash;
    size_t proven[2];      /* signatures with a report, or an answer, that show its view */
} sent_t;

typedef struct {
    bc_keypair_t keys[NODES];
    int self;
    bc_actor_if engine;
    bc_now_t now;
    bc_ledger_config_t *cfg;
    sent_t sent[SENT_MAX];
    size_t sent_cnt;
    int64_t timer[8]; /* ms asked for, -1: none */
    bool verify_ok, execute, commit;
    bool impossible; /* what the pool says of every proposal */
    int verify_fails; /* so many verifications do, for want of transactions */
    bc_nodeid_t verify_from;
    int64_t sealed_from, sealed_to;
    size_t unsealed, verified, executed, committed;
    uint64_t verify_token;
    bc_pbft_row_t rows[64];
    char row_keys[64][40];
    size_t row_cnt;
    bc_nodeid_t asked;
    uint64_t ask_token;
    bc_err_t commit_err;
    unsigned sealers; /* mask of the nodes that are sealers in the configurations to come */
    bool require_root;
    bc_err_t execute_err;
    bc_h256_t exec_parent;   /* of the header that was given to execution last */
    size_t commit_sigs;      /* of the header that was to be committed last */
    int64_t commit_idx[NODES];
    bc_h256_t unsealed_hash; /* of the proposal whose transactions went back last */
    size_t marked;
    bc_h256_t marked_hash; /* of the one whose transactions were marked last */
    int64_t told_index;      /* what block sync was told last */
    bool told_timeout;       /* and, as the pool, of the view */
    int64_t told_view;
    bool rotates;            /* the block after each configuration to come must rotate the sealers */
} rig_t;

static inline int key_cmp(const void *a, const void *b)
{
    return memcmp(&((const bc_keypair_t *)a)->pub, &((const bc_keypair_t *)b)->pub, 64);
}

static inline bc_ledger_config_t *config(const rig_t *r, int64_t number, const bc_h256_t *hash)
{
    bc_ledger_config_t *c = bc_xcalloc(1, sizeof *c);
    atomic_init(&c->refs, 1);
    c->number = number;
    if (hash)
        c->hash = *hash;
    c->version = 0x03100000;
    c->tx_count_limit = 1000;
    c->leader_period = 1;
    if (r->rotates) {
        c->rpbft = true;
        c->epoch_block_num = 1;
    }
    c->sealers = bc_arena_alloc(&c->arena, NODES * sizeof c->sealers[0]);
    for (int i = 0; i < NODES; i++)
        if (r->sealers >> i & 1)
            c->sealers[c->sealer_cnt++] = (bc_node_entry_t){ .id = r->keys[i].pub, .vote_weight = 1 };
    return c;
}

static inline void row_put(rig_t *r, const char *key, bc_buf_t *value)
{
    size_t i = 0;
    while (i < r->row_cnt && strcmp(r->row_keys[i], key))
        i++;
    if (i < r->row_cnt)
        free((void *)(uintptr_t)r->rows[i].value.p);
    else if (value)
        r->row_cnt++;
    else
        return;
    if (!value) {
        r->row_cnt--;
        memcpy(r->row_keys[i], r->row_keys[r->row_cnt], 40);
        r->rows[i].value = r->rows[r->row_cnt].value;
        return;
    }
    snprintf(r->row_keys[i], 40, "%s", key);
    uint8_t *copy = malloc(value->n + 1);
    memcpy(copy, value->p, value->n);
    r->rows[i].value = bc_bytes(copy, value->n);
}

static inline size_t count_proven(const rig_t *r, const pbft_msg_t *report)
{
    const pbft_proposal_t *w = &report->proposal;
    pbft_base_t base = { .index = w->index, .has_hash = true, .hash = w->hash, .view = report->base.view };
    size_t n = 0;
    for (size_t i = 0; i < w->proof_cnt; i++) {
        bc_h256_t digest;
        base.from = w->proof[i].node;
        base.timestamp = w->proof[i].time;
        pbft_vote_digest(BC_SUITE_STANDARD, &base, &digest);
        n += w->proof[i].vote.n && bc_verify(BC_SUITE_STANDARD, &r->keys[base.from].pub, &digest, w->proof[i].vote);
    }
    return n;
}

static inline void note_sent(rig_t *r, const bc_msg_t *m)
{
    pbft_msg_t w;
    bc_arena_t arena = { 0 };
    assert_true(r->sent_cnt < SENT_MAX);
    sent_t *s = &r->sent[r->sent_cnt++];
    memset(s, 0, sizeof *s);
    s->to = m->kind == BC_MSG_BROADCAST ? (bc_nodeid_t){ 0 } : m->node;
    s->type = -1;
    if (m->data->n) {
        assert_int_equal(pbft_decode(BC_SUITE_STANDARD, bc_buf_view(m->data), &w, &arena), BC_OK);
        s->type = w.type;
        s->index = w.base.index;
        s->view = w.base.view;
        s->hash = w.base.hash;
        s->prepared = w.type == PBFT_VIEW_CHANGE ? w.vote_cnt : 0;
        s->prepared_view = s->prepared ? w.votes[0].base.view : -1;
        if (s->prepared)
            s->prepared_hash = w.votes[0].proposal.hash;
        const pbft_proposal_t *first = w.type == PBFT_COMMITTED_RESPONSE ? w.proposals
                                       : w.vote_cnt && w.type != PBFT_NEW_VIEW ? &w.votes[0].proposal
                                                                               : NULL;
        s->data = first ? first->data.n : 0;
        for (size_t i = 0; first && i < first->proof_cnt && i < NODES; i++)
            s->proof_idx[s->proof++] = first->proof[i].node;
        for (size_t i = 0; w.type != PBFT_NEW_VIEW && i < w.vote_cnt && i < BC_ARRAY_LEN(s->proven); i++)
            s->proven[i] = count_proven(r, &w.votes[i]);
        s->list = w.type == PBFT_NEW_VIEW ? w.vote_cnt : 0;
        for (size_t i = 0; i < s->list && i < BC_ARRAY_LEN(s->list_hash); i++)
            s->list_hash[i] = w.votes[i].proposal.hash;
        if (m->kind != BC_MSG_REQUEST && m->kind != BC_MSG_REPLY)
            assert_true(bc_verify(BC_SUITE_STANDARD, &r->keys[r->self].pub, &w.digest, w.sig));
        if (w.type == PBFT_VIEW_CHANGE) {
            const pbft_proposal_t *q = &w.proposal;
            assert_true(w.has_proposal && q->has_raw && q->has_hash && q->index == w.base.index);
            assert_true(bc_h256_eq(&q->hash, &((pbft_t *)r->engine.self)->committed_hash));
            for (size_t i = 0; i < w.vote_cnt; i++)
                assert_true(w.votes[i].has_proposal && w.votes[i].proposal.has_hash &&
                            !w.votes[i].proposal.data.n &&
                            bc_h256_eq(&w.votes[i].proposal.hash, &w.votes[i].base.hash));
        }
        if (w.type == PBFT_PREPARE || w.type == PBFT_COMMIT || w.type == PBFT_CHECKPOINT) {
            const pbft_proposal_t *q = &w.proposal;
            assert_true(w.has_proposal && q->has_raw && q->has_hash && q->index == w.base.index);
            assert_true(bc_h256_eq(&q->hash, &w.base.hash));
            assert_true(bc_verify(BC_SUITE_STANDARD, &r->keys[r->self].pub, &q->hash, q->sig));
        }
    }
    bc_arena_free(&arena);
}

static inline void feed(rig_t *r, bc_msg_t *m);

static inline void answer_execute(rig_t *r, const bc_msg_t *m)
{
    r->executed++;
    const bc_parent_t *parent = m->header->h.data.parents.v;
    assert_int_equal(m->header->h.data.parents.n, 1);
    assert_int_equal(parent->number, m->number - 1);
    memcpy(r->exec_parent.b, parent->hash.p, sizeof r->exec_parent.b);
    assert_non_null(m->txs);
    if (!r->execute)
        return;
    bc_msg_t *a = bc_msg_new(BC_ACTOR_SCHEDULER, BC_ACTOR_PBFT, BC_MSG_EXECUTED);
    bc_header_t h = m->header->h;
    bc_h256_t root = m->header->hash;
    h.data_hash = (bc_bytes_t){ 0 };
    h.data.state_root = BC_VIEW(root);
    a->token = m->token;
    a->number = m->number;
    a->err = r->execute_err;
    a->header = a->err ? NULL : bc_hdr_new(BC_SUITE_STANDARD, &h);
    feed(r, a);
}

static inline void answer_commit(rig_t *r, const bc_msg_t *m)
{
    r->committed++;
    r->commit_sigs = m->header->h.signatures.n;
    for (size_t i = 0; i < r->commit_sigs && i < NODES; i++)
        r->commit_idx[i] = ((bc_block_sig_t *)m->header->h.signatures.v)[i].sealer_index;
    if (!r->commit)
        return;
    bc_msg_t *a = bc_msg_new(BC_ACTOR_SCHEDULER, BC_ACTOR_PBFT, BC_MSG_COMMIT_DONE);
    a->token = m->token;
    a->number = m->number;
    a->err = r->commit_err;
    if (!r->commit_err) {
        bc_msg_t *c = bc_msg_new(BC_ACTOR_SCHEDULER, BC_ACTOR_PBFT, BC_MSG_COMMITTED);
        c->number = m->number;
        c->config = config(r, m->number, &m->header->hash);
        feed(r, c);
    }
    feed(r, a);
}

/* What the pool has of these. All but the last byte of a hash is the nonce: two hashes that differ there
 * only are rivals. */
static inline bc_txs_t *pool_txs(const bc_metas_t *metas)
{
    bc_txs_t *txs = bc_txs_new(metas->cnt);
    for (size_t i = 0; i < metas->cnt; i++) {
        bc_tx_t *tx = bc_xcalloc(1, sizeof *tx);
        atomic_init(&tx->refs, 1);
        tx->hash = metas->v[i].hash;
        tx->raw = bc_buf_copy(bc_bytes(tx->hash.b, 31));
        tx->w.data.nonce = bc_buf_view(tx->raw);
        txs->v[i] = tx;
    }
    return txs;
}

static inline void on_out(rig_t *r, bc_msg_t *m)
{
    switch (m->kind) {
    case BC_MSG_BROADCAST:
        assert_int_equal(m->mask, BC_NODE_CONSENSUS);
        note_sent(r, m);
        break;
    case BC_MSG_SEND:
    case BC_MSG_REPLY: note_sent(r, m); break;
    case BC_MSG_REQUEST:
        note_sent(r, m);
        r->asked = m->node;
        r->ask_token = m->token;
        break;
    case BC_MSG_PERSIST: row_put(r, m->key, m->data); break;
    case BC_MSG_TIMER_SET:
        assert_in_range(m->number, 0, 7);
        r->timer[m->number] = m->number2;
        break;
    case BC_MSG_SEAL:
        r->sealed_from = m->number;
        r->sealed_to = m->number2;
        break;
    case BC_MSG_SEAL_RESET: r->sealed_from = r->sealed_to = -1; break;
    case BC_MSG_MARK_SEALED:
        r->marked++;
        r->marked_hash = m->hash;
        break;
    case BC_MSG_UNSEAL:
        r->unsealed++;
        r->unsealed_hash = m->hash;
        break;
    case BC_MSG_PROPOSAL_INDEX: r->told_index = m->number; break;
    case BC_MSG_CONSENSUS_STATE:
        r->told_timeout = m->flag;
        r->told_view = m->number2;
        break;
    case BC_MSG_VERIFY_PROPOSAL: {
        r->verified++;
        r->verify_token = m->token;
        r->verify_from = m->node;
        if (!r->verify_ok && !r->impossible)
            break;
        bc_msg_t *a = bc_msg_new(BC_ACTOR_TXPOOL, BC_ACTOR_PBFT, BC_MSG_PROPOSAL_VERIFIED);
        a->token = m->token;
        a->number = m->number;
        a->hash = m->hash;
        if (r->impossible || r->verify_fails > 0) {
            a->err = BC_E_MISMATCH;
            a->flag = r->impossible;
            r->verify_fails--;
        } else {
            a->txs = pool_txs(m->metas);
        }
        feed(r, a);
        break;
    }
    case BC_MSG_EXECUTE: answer_execute(r, m); break;
    case BC_MSG_COMMIT: answer_commit(r, m); break;
    default: break;
    }
}

static inline void feed(rig_t *r, bc_msg_t *m)
{
    bc_out_t out = { .from = BC_ACTOR_PBFT };
    r->engine.ops->step(r->engine.self, &r->now, m, &out);
    bc_msg_free(m);
    while (out.head) {
        bc_msg_t *o = out.head;
        out.head = o->next;
        o->next = NULL;
        on_out(r, o);
        bc_msg_free(o);
    }
}

static inline void feed_timer(rig_t *r, int id, int64_t after)
{
    r->now.mono_ms += after;
    r->now.utc_ms += after;
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_PBFT, BC_MSG_TIMER);
    m->number = id;
    r->timer[id] = -1;
    feed(r, m);
}

static inline void start_with(rig_t *r, int64_t height, const bc_h256_t *hash)
{
    for (size_t i = 0; i < r->row_cnt; i++)
        r->rows[i].key = bc_cstr(r->row_keys[i]);
    bc_pbft_config_t c = { .suite = BC_SUITE_STANDARD, .key = r->keys[r->self], .rows = r->rows,
                           .row_cnt = r->row_cnt, .require_txs_root = r->require_root };
    r->engine = bc_pbft_new(&c);
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_PBFT, BC_MSG_START);
    m->config = config(r, height, hash);
    r->sent_cnt = 0;
    for (size_t i = 0; i < BC_ARRAY_LEN(r->timer); i++)
        r->timer[i] = -1;
    feed(r, m);
}

static inline void make_keys(bc_keypair_t *keys)
{
    for (int i = 0; i < NODES; i++) {
        uint8_t secret[32] = { 0 };
        secret[31] = (uint8_t)(i + 1);
        assert_int_equal(bc_keypair_from_secret(BC_SUITE_STANDARD, secret, &keys[i]), BC_OK);
    }
    qsort(keys, NODES, sizeof keys[0], key_cmp);
}

static inline void rig_init(rig_t *r, int self)
{
    memset(r, 0, sizeof *r);
    make_keys(r->keys);
    r->self = self;
    r->now = (bc_now_t){ 1000000, 1700000000000 };
    r->verify_ok = r->execute = r->commit = true;
    r->sealed_from = r->sealed_to = -1;
    r->sealers = ALL_NODES;
    start_with(r, 0, NULL);
}

static inline void rig_free(rig_t *r)
{
    r->engine.ops->free(r->engine.self);
    for (size_t i = 0; i < r->row_cnt; i++)
        free((void *)(uintptr_t)r->rows[i].value.p);
    r->row_cnt = 0;
}

static inline void restart(rig_t *r, int64_t height, const bc_h256_t *hash)
{
    r->engine.ops->free(r->engine.self);
    start_with(r, height, hash);
}

static inline bc_pbft_status_t status(const rig_t *r)
{
    bc_pbft_status_t st;
    bc_pbft_status(r->engine, &st);
    return st;
}

static inline size_t count(const rig_t *r, int32_t type)
{
    size_t n = 0;
    for (size_t i = 0; i < r->sent_cnt; i++)
        n += r->sent[i].type == type;
    return n;
}

static inline const sent_t *last(const rig_t *r, int32_t type)
{
    for (size_t i = r->sent_cnt; i-- > 0;)
        if (r->sent[i].type == type)
            return &r->sent[i];
    return NULL;
}

/* ---- what peers say ---- */

static inline void deliver_as(rig_t *r, const bc_nodeid_t *sender, const pbft_msg_t *m)
{
    bc_msg_t *d = bc_msg_new(BC_ACTOR_FRONT, BC_ACTOR_PBFT, BC_MSG_DELIVER);
    d->module = BC_MODULE_PBFT;
    d->node = *sender;
    snprintf(d->uuid, sizeof d->uuid, "uuid");
    d->data = pbft_encode(m);
    feed(r, d);
}

static inline void deliver_from(rig_t *r, int node, const pbft_msg_t *m)
{
    deliver_as(r, &r->keys[node].pub, m);
}

static inline void sign_as(const rig_t *r, int node, pbft_msg_t *m, uint8_t sig[BC_SIG_MAX])
{
    pbft_digest(BC_SUITE_STANDARD, m, &m->digest);
    m->sig = bc_bytes(sig, bc_sign(&r->keys[node], &m->digest, sig));
}

static inline pbft_msg_t said(int node, int32_t type, int64_t index, int64_t view, const bc_h256_t *hash)
{
    pbft_msg_t m = { .type = type, .has_base = true };
    m.base.index = index;
    m.base.view = view;
    m.base.from = node;
    m.base.timestamp = 1700000000001;
    if (hash) {
        m.base.has_hash = true;
        m.base.hash = *hash;
    }
    return m;
}

/* idx: the node's place in the list that it goes by. */
static inline void vote_at(rig_t *r, int node, int idx, int32_t type, int64_t index, int64_t view, const bc_h256_t *hash)
{
    uint8_t sig[BC_SIG_MAX], psig[BC_SIG_MAX];
    pbft_msg_t m = said(idx, type, index, view, hash);
    m.has_proposal = true;
    m.proposal = (pbft_proposal_t){ .has_raw = true, .has_hash = true, .index = index, .hash = *hash };
    m.proposal.sig = bc_bytes(psig, bc_sign(&r->keys[node], hash, psig));
    sign_as(r, node, &m, sig);
    deliver_from(r, node, &m);
}

static inline void vote(rig_t *r, int node, int32_t type, int64_t index, int64_t view, const bc_h256_t *hash)
{
    vote_at(r, node, node, type, index, view, hash);
}

/* Nodes 1 and 2 say it: with the engine's own, or a third one's, a quorum. */
static inline void two_vote(rig_t *r, int32_t type, int64_t index, int64_t view, const bc_h256_t *hash)
{
    for (int i = 1; i < 3; i++)
        vote(r, i, type, index, view, hash);
}

/* The answer to the question that is open: nothing came. */
static inline void no_answer(rig_t *r)
{
    bc_msg_t *d = bc_msg_new(BC_ACTOR_FRONT, BC_ACTOR_PBFT, BC_MSG_RESPONSE);
    d->token = r->ask_token;
    d->err = BC_E_TIMEOUT;
    feed(r, d);
}

/* The answer of a node to the question that is open. */
static inline void answer(rig_t *r, int node, const pbft_msg_t *m)
{
    bc_msg_t *d = bc_msg_new(BC_ACTOR_FRONT, BC_ACTOR_PBFT, BC_MSG_RESPONSE);
    d->token = r->ask_token;
    d->node = r->keys[node].pub;
    d->data = pbft_encode(m);
    feed(r, d);
}

/* Those of the rig's nodes. */
static inline void name_sealers(bc_header_t *h, bc_keypair_t *keys, bc_bytes_t *ids, unsigned sealers)
{
    static int64_t ones[NODES] = { 1, 1, 1, 1 };
    size_t cnt = 0;
    make_keys(keys);
    for (int i = 0; i < NODES; i++)
        if (sealers >> i & 1)
            ids[cnt++] = BC_VIEW(keys[i].pub);
    h->data.sealer_list = (bc_tars_list_t){ ids, cnt };
    h->data.weights = (bc_tars_list_t){ ones, cnt };
}

/* Of the transactions, and of where their fields end. */
typedef enum { ROOT_NONE, ROOT_TRUE, ROOT_FALSE, ROOT_HALF } root_t;

/* A proposal with cnt transactions, under a list of these sealers; salt makes another header, txs
 * other transactions. */
static inline prop_t *proposal_with(int64_t index, int sealer, size_t cnt, int salt, bool system,
                                    unsigned sealers, root_t named, int txs)
{
    bc_header_t h = { .data.version = 0x03100000, .data.number = index, .data.sealer = sealer,
                      .data.timestamp = 1700000000000 + salt };
    bc_keypair_t keys[NODES];
    bc_bytes_t ids[NODES];
    bc_h256_t root, bounds;
    name_sealers(&h, keys, ids, sealers);
    bc_metas_t *metas = bc_metas_new(cnt);
    for (size_t i = 0; i < cnt; i++) {
        memset(metas->v[i].hash.b, 16 * txs + (int)i + 1, 32);
        metas->v[i].hash.b[0] = (uint8_t)index;
        snprintf(metas->v[i].to, sizeof metas->v[i].to, "%040d", system ? 1000 : 7);
    }
    bc_metas_root(metas, BC_SUITE_STANDARD, &root);
    root.b[0] ^= named == ROOT_FALSE;
    if (named != ROOT_NONE)
        h.data.txs_root = BC_VIEW(root);
    bc_metas_bounds(metas, BC_SUITE_STANDARD, &bounds);
    if (named == ROOT_TRUE || named == ROOT_FALSE)
        h.data.receipts_root = BC_VIEW(bounds);
    bc_hdr_t *hdr = bc_hdr_new(BC_SUITE_STANDARD, &h);
    pbft_t p = { .suite = BC_SUITE_STANDARD };
    prop_t *q = prop_from_sealer(&p, hdr, metas, system);
    bc_hdr_unref(hdr);
    bc_metas_unref(metas);
    return q;
}

static inline prop_t *proposal(int64_t index, int sealer, size_t cnt, int salt, bool system)
{
    return proposal_with(index, sealer, cnt, salt, system, ALL_NODES, ROOT_NONE, salt);
}

static inline void propose_at(rig_t *r, int node, int idx, int64_t view, const prop_t *q)
{
    uint8_t sig[BC_SIG_MAX];
    pbft_msg_t m = said(idx, PBFT_PRE_PREPARE, q->index, view, &q->hash);
    m.has_proposal = true;
    prop_to_wire(q, true, &m.proposal);
    sign_as(r, node, &m, sig);
    deliver_from(r, node, &m);
}

static inline void propose(rig_t *r, int node, int64_t view, const prop_t *q)
{
    propose_at(r, node, node, view, q);
}

/* What executing q on the present ledger gives in a rig. */
static inline bc_h256_t executed_hash(const rig_t *r, const prop_t *q)
{
    bc_h256_t parent = ((pbft_t *)r->engine.self)->committed_hash;
    bc_parent_t link = { q->index - 1, BC_VIEW(parent) };
    bc_header_t h = q->header->h;
    h.data_hash = (bc_bytes_t){ 0 };
    h.data.parents = (bc_tars_list_t){ &link, 1 };
    bc_hdr_t *in = bc_hdr_new(BC_SUITE_STANDARD, &h);
    h.data.state_root = BC_VIEW(in->hash);
    bc_hdr_t *out = bc_hdr_new(BC_SUITE_STANDARD, &h);
    bc_h256_t hash = out->hash;
    bc_hdr_unref(in);
    bc_hdr_unref(out);
    return hash;
}

typedef struct {
    pbft_msg_t m, prepared[2];
    pbft_sig_t proof[2][NODES];
    uint8_t sigs[2][NODES][BC_SIG_MAX], votes[2][NODES][BC_SIG_MAX], sig[BC_SIG_MAX];
    bc_h256_t committed;
} vc_t;

static inline void vc_make(const rig_t *r, vc_t *v, int node, int64_t committed, int64_t view)
{
    memset(v, 0, sizeof *v);
    v->m = said(node, PBFT_VIEW_CHANGE, committed, view, &v->committed);
    v->m.has_proposal = true;
    v->m.proposal = (pbft_proposal_t){ .has_raw = true, .has_hash = true, .index = committed };
    v->m.votes = v->prepared;
    (void)r;
}

/* Adds "prepared in view" with signatures of nodes mask. */
static inline void vc_prepared(const rig_t *r, vc_t *v, const prop_t *q, int64_t view, unsigned mask)
{
    size_t k = v->m.vote_cnt++;
    pbft_msg_t *m = &v->prepared[k];
    *m = said((int)v->m.base.from, PBFT_COMMIT, q->index, view, &q->hash);
    m->has_proposal = true;
    prop_to_wire(q, false, &m->proposal);
    m->proposal.proof = v->proof[k];
    for (int i = 0; i < NODES; i++)
        if (mask >> i & 1)
            v->proof[k][m->proposal.proof_cnt++] = (pbft_sig_t){
                i, bc_bytes(v->sigs[k][i], bc_sign(&r->keys[i], &q->hash, v->sigs[k][i]))
            };
}

/* To the last report: what shows that its signers prepared it in view (docs/notes/0017). */
static inline void vc_proven(const rig_t *r, vc_t *v, int64_t view)
{
    size_t k = v->m.vote_cnt - 1;
    const pbft_proposal_t *w = &v->prepared[k].proposal;
    for (size_t i = 0; i < w->proof_cnt; i++) {
        int node = (int)w->proof[i].node;
        pbft_msg_t m = said(node, PBFT_PREPARE, w->index, view, &w->hash);
        m.base.timestamp += node;
        sign_as(r, node, &m, v->votes[k][i]);
        w->proof[i].time = m.base.timestamp;
        w->proof[i].vote = m.sig;
    }
}

static inline void vc_send(rig_t *r, vc_t *v)
{
    sign_as(r, (int)v->m.base.from, &v->m, v->sig);
    deliver_from(r, (int)v->m.base.from, &v->m);
}

/* A node answers the open question with q, prepared in view by the first three. */
static inline void show(rig_t *r, int node, const prop_t *q, int64_t view)
{
    vc_t v;
    pbft_msg_t m = { .type = PBFT_PREPARED_RESPONSE, .has_base = true };
    vc_make(r, &v, node, 0, view);
    vc_prepared(r, &v, q, view, 7);
    vc_proven(r, &v, view);
    v.prepared[0].proposal.data = bc_buf_view(q->data);
    m.votes = v.prepared;
    m.vote_cnt = 1;
    answer(r, node, &m);
}

typedef struct {
    pbft_msg_t m, vcs[NODES], list[4];
    uint8_t sig[BC_SIG_MAX];
} nv_t;

static inline void nv_make(nv_t *n, int node, int64_t committed, int64_t view, vc_t *vcs, size_t cnt, const rig_t *r)
{
    static const bc_h256_t zero;
    memset(n, 0, sizeof *n);
    n->m = said(node, PBFT_NEW_VIEW, committed, view, &zero);
    n->m.vcs = n->vcs;
    n->m.votes = n->list;
    for (size_t i = 0; i < cnt; i++) {
        sign_as(r, (int)vcs[i].m.base.from, &vcs[i].m, vcs[i].sig);
        n->vcs[n->m.vc_cnt++] = vcs[i].m;
    }
}

static inline void nv_entry(nv_t *n, const prop_t *q, int from, bool data)
{
    pbft_msg_t *e = &n->list[n->m.vote_cnt++];
    *e = said(from, PBFT_PRE_PREPARE, q->index, n->m.base.view, &q->hash);
    e->has_proposal = true;
    prop_to_wire(q, data, &e->proposal);
}

static inline void nv_send(rig_t *r, nv_t *n, int node)
{
    sign_as(r, node, &n->m, n->sig);
    deliver_from(r, node, &n->m);
}

/* Into view 1 the way a fresh chain goes: leader(1, 1) sends a NewView of empty view changes. */
static inline void enter_view(rig_t *r, int64_t view)
{
    vc_t *v = calloc(NODES, sizeof *v);
    nv_t *n = calloc(1, sizeof *n);
    int64_t h = status(r).number;
    int leader = (int)bc_pbft_leader(h + 1, view, 1, NODES);
    bc_h256_t hash = ((pbft_t *)r->engine.self)->committed_hash;
    size_t cnt = 0;
    for (int i = 0; i < NODES; i++)
        if (i != r->self) {
            vc_make(r, &v[cnt], i, h, view);
            v[cnt].m.proposal.hash = v[cnt].m.base.hash = hash;
            cnt++;
        }
    if (leader == r->self) {
        for (size_t i = 0; i < cnt; i++)
            vc_send(r, &v[i]);
    } else {
        nv_make(n, leader, h, view, v, cnt, r);
        nv_send(r, n, leader);
    }
    free(v);
    free(n);
    assert_int_equal(status(r).view, view);
    assert_false(status(r).timeout);
    r->sent_cnt = 0;
}

/* A rig of its own, in view; rig_end ends it. */
static inline rig_t *rig_in(int self, int64_t view)
{
    rig_t *r = calloc(1, sizeof *r);
    rig_init(r, self);
    enter_view(r, view);
    return r;
}

static inline void rig_end(rig_t *r)
{
    rig_free(r);
    free(r);
}

/* A node says in which view it works; idx: its place in the list that it goes by. */
static inline void recover_response_at(rig_t *r, int node, int idx, int64_t view)
{
    uint8_t sig[BC_SIG_MAX];
    pbft_msg_t m = said(idx, PBFT_RECOVER_RESPONSE, 0, view, NULL);
    sign_as(r, node, &m, sig);
    deliver_from(r, node, &m);
}

static inline void recover_response(rig_t *r, int node, int64_t view)
{
    recover_response_at(r, node, node, view);
}

/* Starts node 0 in view 1, where it is bound to the block for height 1, or has decided it. */
static inline prop_t *precommitted(rig_t *r)
{
    prop_t *q = proposal(1, 2, 1, 1, false);
    rig_init(r, 0);
    enter_view(r, 1);
    propose(r, 2, 1, q);
    two_vote(r, PBFT_PREPARE, 1, 1, &q->hash);
    return q;
}

static inline prop_t *decided(rig_t *r)
{
    prop_t *q = precommitted(r);
    two_vote(r, PBFT_COMMIT, 1, 1, &q->hash);
    return q;
}

static inline bool has_row(const rig_t *r, const char *key)
{
    for (size_t i = 0; i < r->row_cnt; i++)
        if (!strcmp(r->row_keys[i], key))
            return true;
    return false;
}

/* A proposal of these transactions, or of others with their nonces. */
static inline prop_t *same_txs(const prop_t *of, int64_t index, int sealer, bool rivals)
{
    bc_header_t h = { .data.version = 0x03100000, .data.number = index, .data.sealer = sealer,
                      .data.timestamp = 1700000000900 };
    bc_keypair_t keys[NODES];
    bc_bytes_t ids[NODES];
    name_sealers(&h, keys, ids, ALL_NODES);
    bc_hdr_t *hdr = bc_hdr_new(BC_SUITE_STANDARD, &h);
    pbft_t p = { .suite = BC_SUITE_STANDARD };
    bc_metas_t *metas = bc_metas_new(of->metas->cnt);
    for (size_t i = 0; i < metas->cnt; i++) {
        metas->v[i] = of->metas->v[i];
        metas->v[i].hash.b[31] ^= rivals;
    }
    prop_t *q = prop_from_sealer(&p, hdr, metas, false);
    bc_metas_unref(metas);
    bc_hdr_unref(hdr);
    return q;
}

/* A block at index of one transaction; sender 0: of type 0, else of that Web3 account. */
static inline prop_t *block_of(int64_t index, uint8_t sender, const char *nonce)
{
    static int salt;
    prop_t *q = proposal(index, 2, 1, ++salt, false);
    q->txs = pool_txs(q->metas);
    bc_tx_t *tx = q->txs->v[0];
    bc_buf_unref(tx->raw);
    tx->raw = bc_buf_copy(bc_cstr(nonce));
    tx->w.data.nonce = bc_buf_view(tx->raw);
    tx->w.type = sender != 0;
    tx->sender.b[3] = sender;
    return q;
}

static inline void pool_size(rig_t *r, int64_t n)
{
    bc_msg_t *m = bc_msg_new(BC_ACTOR_TXPOOL, BC_ACTOR_PBFT, BC_MSG_POOL_SIZE);
    m->number = m->number2 = n;
    feed(r, m);
}

static inline const sent_t *time_out(rig_t *r)
{
    pool_size(r, 1);
    feed_timer(r, TIMER_VIEW, 20000);
    assert_true(status(r).timeout);
    return last(r, PBFT_VIEW_CHANGE);
}

#endif
