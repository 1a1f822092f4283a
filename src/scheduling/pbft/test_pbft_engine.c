/* One engine against scripted peers: rules of spec/30 §3.3-3.9 and what ours adds (W3, W4, W6). */
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
#define SENT_MAX 256

typedef struct {
    int32_t type;
    int64_t index, view;
    bc_h256_t hash;
    bc_nodeid_t to; /* zero: broadcast */
    size_t prepared, list;
    bc_h256_t list_hash[8];
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
    int64_t sealed_from, sealed_to;
    size_t unsealed, verified, executed, committed;
    uint64_t verify_token;
    bc_pbft_row_t rows[64];
    char row_keys[64][40];
    size_t row_cnt;
    bc_nodeid_t asked;
    uint64_t ask_token;
    bc_err_t commit_err;
} rig_t;

static int key_cmp(const void *a, const void *b)
{
    return memcmp(&((const bc_keypair_t *)a)->pub, &((const bc_keypair_t *)b)->pub, 64);
}

static bc_ledger_config_t *config(const rig_t *r, int64_t number, const bc_h256_t *hash)
{
    bc_ledger_config_t *c = bc_xcalloc(1, sizeof *c);
    atomic_init(&c->refs, 1);
    c->number = number;
    if (hash)
        c->hash = *hash;
    c->version = 0x03100000;
    c->tx_count_limit = 1000;
    c->leader_period = 1;
    c->sealer_cnt = NODES;
    c->sealers = bc_arena_alloc(&c->arena, NODES * sizeof c->sealers[0]);
    for (int i = 0; i < NODES; i++) {
        c->sealers[i].id = r->keys[i].pub;
        c->sealers[i].vote_weight = 1;
    }
    return c;
}

static void row_put(rig_t *r, const char *key, bc_buf_t *value)
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

static void note_sent(rig_t *r, const bc_msg_t *m)
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
        s->list = w.type == PBFT_NEW_VIEW ? w.vote_cnt : 0;
        for (size_t i = 0; i < s->list && i < BC_ARRAY_LEN(s->list_hash); i++)
            s->list_hash[i] = w.votes[i].proposal.hash;
        if (m->kind != BC_MSG_REQUEST && m->kind != BC_MSG_REPLY)
            assert_true(bc_verify(BC_SUITE_STANDARD, &r->keys[r->self].pub, &w.digest, w.sig));
    }
    bc_arena_free(&arena);
}

static void feed(rig_t *r, bc_msg_t *m);

static void answer_execute(rig_t *r, const bc_msg_t *m)
{
    r->executed++;
    if (!r->execute)
        return;
    bc_msg_t *a = bc_msg_new(BC_ACTOR_SCHEDULER, BC_ACTOR_PBFT, BC_MSG_EXECUTED);
    bc_header_t h = m->header->h;
    bc_h256_t root = m->header->hash;
    h.data_hash = (bc_bytes_t){ 0 };
    h.data.state_root = BC_VIEW(root);
    a->token = m->token;
    a->number = m->number;
    a->header = bc_hdr_new(BC_SUITE_STANDARD, &h);
    feed(r, a);
}

static void answer_commit(rig_t *r, const bc_msg_t *m)
{
    r->committed++;
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

static void on_out(rig_t *r, bc_msg_t *m)
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
    case BC_MSG_UNSEAL: r->unsealed++; break;
    case BC_MSG_VERIFY_PROPOSAL: {
        r->verified++;
        r->verify_token = m->token;
        if (!r->verify_ok)
            break;
        bc_msg_t *a = bc_msg_new(BC_ACTOR_TXPOOL, BC_ACTOR_PBFT, BC_MSG_PROPOSAL_VERIFIED);
        a->token = m->token;
        a->number = m->number;
        a->hash = m->hash;
        a->txs = bc_txs_new(m->metas->cnt);
        feed(r, a);
        break;
    }
    case BC_MSG_EXECUTE: answer_execute(r, m); break;
    case BC_MSG_COMMIT: answer_commit(r, m); break;
    default: break;
    }
}

static void feed(rig_t *r, bc_msg_t *m)
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

static void feed_timer(rig_t *r, int id, int64_t after)
{
    r->now.mono_ms += after;
    r->now.utc_ms += after;
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_PBFT, BC_MSG_TIMER);
    m->number = id;
    r->timer[id] = -1;
    feed(r, m);
}

static void start_with(rig_t *r, int64_t height, const bc_h256_t *hash)
{
    for (size_t i = 0; i < r->row_cnt; i++)
        r->rows[i].key = bc_cstr(r->row_keys[i]);
    bc_pbft_config_t c = { .suite = BC_SUITE_STANDARD, .key = r->keys[r->self], .rows = r->rows,
                           .row_cnt = r->row_cnt };
    r->engine = bc_pbft_new(&c);
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_PBFT, BC_MSG_START);
    m->config = config(r, height, hash);
    r->sent_cnt = 0;
    for (size_t i = 0; i < BC_ARRAY_LEN(r->timer); i++)
        r->timer[i] = -1;
    feed(r, m);
}

static void make_keys(bc_keypair_t *keys)
{
    for (int i = 0; i < NODES; i++) {
        uint8_t secret[32] = { 0 };
        secret[31] = (uint8_t)(i + 1);
        assert_int_equal(bc_keypair_from_secret(BC_SUITE_STANDARD, secret, &keys[i]), BC_OK);
    }
    qsort(keys, NODES, sizeof keys[0], key_cmp);
}

static void rig_init(rig_t *r, int self)
{
    memset(r, 0, sizeof *r);
    make_keys(r->keys);
    r->self = self;
    r->now = (bc_now_t){ 1000000, 1700000000000 };
    r->verify_ok = r->execute = r->commit = true;
    r->sealed_from = r->sealed_to = -1;
    start_with(r, 0, NULL);
}

static void rig_free(rig_t *r)
{
    r->engine.ops->free(r->engine.self);
    for (size_t i = 0; i < r->row_cnt; i++)
        free((void *)(uintptr_t)r->rows[i].value.p);
    r->row_cnt = 0;
}

static void restart(rig_t *r, int64_t height, const bc_h256_t *hash)
{
    r->engine.ops->free(r->engine.self);
    start_with(r, height, hash);
}

static bc_pbft_status_t status(const rig_t *r)
{
    bc_pbft_status_t st;
    bc_pbft_status(r->engine, &st);
    return st;
}

static size_t count(const rig_t *r, int32_t type)
{
    size_t n = 0;
    for (size_t i = 0; i < r->sent_cnt; i++)
        n += r->sent[i].type == type;
    return n;
}

static const sent_t *last(const rig_t *r, int32_t type)
{
    for (size_t i = r->sent_cnt; i-- > 0;)
        if (r->sent[i].type == type)
            return &r->sent[i];
    return NULL;
}

/* ---- what peers say ---- */

static void deliver_from(rig_t *r, int node, const pbft_msg_t *m)
{
    bc_msg_t *d = bc_msg_new(BC_ACTOR_FRONT, BC_ACTOR_PBFT, BC_MSG_DELIVER);
    d->module = BC_MODULE_PBFT;
    d->node = r->keys[node].pub;
    snprintf(d->uuid, sizeof d->uuid, "uuid");
    d->data = pbft_encode(m);
    feed(r, d);
}

static void sign_as(const rig_t *r, int node, pbft_msg_t *m, uint8_t sig[BC_SIG_MAX])
{
    pbft_digest(BC_SUITE_STANDARD, m, &m->digest);
    m->sig = bc_bytes(sig, bc_sign(&r->keys[node], &m->digest, sig));
}

static pbft_msg_t said(int node, int32_t type, int64_t index, int64_t view, const bc_h256_t *hash)
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

static void vote(rig_t *r, int node, int32_t type, int64_t index, int64_t view, const bc_h256_t *hash)
{
    uint8_t sig[BC_SIG_MAX], psig[BC_SIG_MAX];
    pbft_msg_t m = said(node, type, index, view, hash);
    m.has_proposal = true;
    m.proposal = (pbft_proposal_t){ .has_raw = true, .has_hash = true, .index = index, .hash = *hash };
    m.proposal.sig = bc_bytes(psig, bc_sign(&r->keys[node], hash, psig));
    sign_as(r, node, &m, sig);
    deliver_from(r, node, &m);
}

/* Every rig has these sealers. */
static void name_sealers(bc_header_t *h, bc_keypair_t *keys, bc_bytes_t *ids)
{
    static int64_t ones[NODES] = { 1, 1, 1, 1 };
    make_keys(keys);
    for (int i = 0; i < NODES; i++)
        ids[i] = BC_VIEW(keys[i].pub);
    h->data.sealer_list = (bc_tars_list_t){ ids, NODES };
    h->data.weights = (bc_tars_list_t){ ones, NODES };
}

/* A proposal with cnt transactions; salt makes another one. */
static prop_t *proposal(int64_t index, int sealer, size_t cnt, int salt, bool system)
{
    bc_header_t h = { .data.version = 0x03100000, .data.number = index, .data.sealer = sealer,
                      .data.timestamp = 1700000000000 + salt };
    bc_keypair_t keys[NODES];
    bc_bytes_t ids[NODES];
    name_sealers(&h, keys, ids);
    bc_hdr_t *hdr = bc_hdr_new(BC_SUITE_STANDARD, &h);
    bc_metas_t *metas = bc_metas_new(cnt);
    for (size_t i = 0; i < cnt; i++) {
        memset(metas->v[i].hash.b, (int)(16 * salt + (int)i + 1), 32);
        metas->v[i].hash.b[0] = (uint8_t)index;
        snprintf(metas->v[i].to, sizeof metas->v[i].to, "%040d", system ? 1000 : 7);
    }
    pbft_t p = { .suite = BC_SUITE_STANDARD };
    prop_t *q = prop_from_sealer(&p, hdr, metas, system);
    bc_hdr_unref(hdr);
    bc_metas_unref(metas);
    return q;
}

static void propose(rig_t *r, int node, int64_t view, const prop_t *q)
{
    uint8_t sig[BC_SIG_MAX];
    pbft_msg_t m = said(node, PBFT_PRE_PREPARE, q->index, view, &q->hash);
    m.has_proposal = true;
    prop_to_wire(q, true, &m.proposal);
    sign_as(r, node, &m, sig);
    deliver_from(r, node, &m);
}

typedef struct {
    pbft_msg_t m, prepared[2];
    pbft_sig_t proof[2][NODES];
    uint8_t sigs[2][NODES][BC_SIG_MAX], sig[BC_SIG_MAX];
    bc_h256_t committed;
} vc_t;

static void vc_make(const rig_t *r, vc_t *v, int node, int64_t committed, int64_t view)
{
    memset(v, 0, sizeof *v);
    v->m = said(node, PBFT_VIEW_CHANGE, committed, view, &v->committed);
    v->m.has_proposal = true;
    v->m.proposal = (pbft_proposal_t){ .has_raw = true, .has_hash = true, .index = committed };
    v->m.votes = v->prepared;
    (void)r;
}

/* Adds "prepared in view" with signatures of nodes mask. */
static void vc_prepared(const rig_t *r, vc_t *v, const prop_t *q, int64_t view, unsigned mask)
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

static void vc_send(rig_t *r, vc_t *v)
{
    sign_as(r, (int)v->m.base.from, &v->m, v->sig);
    deliver_from(r, (int)v->m.base.from, &v->m);
}

typedef struct {
    pbft_msg_t m, vcs[NODES], list[4];
    uint8_t sig[BC_SIG_MAX];
} nv_t;

static void nv_make(nv_t *n, int node, int64_t committed, int64_t view, vc_t *vcs, size_t cnt, const rig_t *r)
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

static void nv_entry(nv_t *n, const prop_t *q, int from, bool data)
{
    pbft_msg_t *e = &n->list[n->m.vote_cnt++];
    *e = said(from, PBFT_PRE_PREPARE, q->index, n->m.base.view, &q->hash);
    e->has_proposal = true;
    prop_to_wire(q, data, &e->proposal);
}

static void nv_send(rig_t *r, nv_t *n, int node)
{
    sign_as(r, node, &n->m, n->sig);
    deliver_from(r, node, &n->m);
}

/* Into view 1 the way a fresh chain goes: leader(1, 1) sends a NewView of empty view changes. */
static void enter_view(rig_t *r, int64_t view)
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

/* ---- tables ---- */

static void leader_and_quorum(void **state)
{
    (void)state;
    assert_int_equal(bc_pbft_leader(1, 0, 1, 4), 1);
    assert_int_equal(bc_pbft_leader(1, 3, 1, 4), 0);
    assert_int_equal(bc_pbft_leader(14, 2, 5, 4), 0);
    assert_int_equal(bc_pbft_leader(15, 2, 5, 4), 1);
    assert_int_equal(bc_pbft_leader(3, 0, 0, 4), 3);
    assert_int_equal(bc_pbft_leader(3, 0, 1, 0), -1);
    static const uint64_t t[][3] = { { 1, 1, 0 }, { 3, 3, 0 }, { 4, 3, 1 }, { 5, 4, 1 }, { 7, 5, 2 },
                                     { 400, 267, 133 }, { 8, 6, 2 }, { 2, 2, 0 } };
    for (size_t i = 0; i < BC_ARRAY_LEN(t); i++) {
        uint64_t q, f;
        bc_pbft_quorum(t[i][0], &q, &f);
        assert_int_equal(q, t[i][1]);
        assert_int_equal(f, t[i][2]);
    }
}

static void timer_table(void **state)
{
    (void)state;
    static const int64_t ms[] = { 3000, 4500, 6750, 10125, 15187, 22781, 34171, 51257, 76886, 115330,
                                  172995, 172995, 172995 };
    for (unsigned i = 0; i < BC_ARRAY_LEN(ms); i++)
        assert_int_equal(bc_pbft_timeout_ms(3000, i), ms[i]);
}

/* ---- normal case ---- */

static void a_block_from_another_leader(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    assert_int_equal(count(&r, PBFT_VIEW_CHANGE), 1); /* a fresh node asks for a view */
    enter_view(&r, 1);
    prop_t *q = proposal(1, 2, 3, 1, false);
    propose(&r, 2, 1, q);
    assert_int_equal(count(&r, PBFT_PREPARE), 1);
    vote(&r, 1, PBFT_PREPARE, 1, 1, &q->hash);
    assert_int_equal(count(&r, PBFT_COMMIT), 0);
    vote(&r, 2, PBFT_PREPARE, 1, 1, &q->hash);
    assert_int_equal(count(&r, PBFT_COMMIT), 1);
    vote(&r, 1, PBFT_COMMIT, 1, 1, &q->hash);
    assert_int_equal(r.executed, 0);
    vote(&r, 2, PBFT_COMMIT, 1, 1, &q->hash);
    assert_int_equal(r.executed, 1);
    assert_int_equal(count(&r, PBFT_CHECKPOINT), 1);
    bc_h256_t exec = last(&r, PBFT_CHECKPOINT)->hash;
    vote(&r, 1, PBFT_CHECKPOINT, 1, 1, &exec);
    assert_int_equal(r.committed, 0);
    vote(&r, 3, PBFT_CHECKPOINT, 1, 1, &exec);
    assert_int_equal(r.committed, 1);
    assert_int_equal(status(&r).number, 1);
    /* four messages for a block: each phase once, the pre-prepare is the leader's */
    assert_int_equal(r.sent_cnt, 3);
    prop_unref(q);
    rig_free(&r);
}

static void own_turn(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 2); /* leader(1, 1) */
    enter_view(&r, 1);
    assert_int_equal(r.sealed_from, 1);
    assert_int_equal(r.sealed_to, 1);
    prop_t *q = proposal(1, 2, 2, 1, false);
    bc_msg_t *m = bc_msg_new(BC_ACTOR_SEALER, BC_ACTOR_PBFT, BC_MSG_PROPOSE);
    m->header = bc_hdr_ref(q->header);
    m->metas = bc_metas_ref(q->metas);
    feed(&r, m);
    assert_int_equal(count(&r, PBFT_PRE_PREPARE), 1);
    assert_int_equal(count(&r, PBFT_PREPARE), 1);
    /* a second one for the same height is handed back */
    prop_t *other = proposal(1, 2, 2, 2, false);
    m = bc_msg_new(BC_ACTOR_SEALER, BC_ACTOR_PBFT, BC_MSG_PROPOSE);
    m->header = bc_hdr_ref(other->header);
    m->metas = bc_metas_ref(other->metas);
    feed(&r, m);
    assert_int_equal(count(&r, PBFT_PRE_PREPARE), 1);
    assert_int_equal(r.unsealed, 1);
    prop_unref(q);
    prop_unref(other);
    rig_free(&r);
}

static void dropped_pre_prepares(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    prop_t *q = proposal(1, 2, 2, 1, false), *other = proposal(1, 2, 2, 2, false);
    uint8_t sig[BC_SIG_MAX];
    propose(&r, 3, 1, q); /* not the leader */
    propose(&r, 2, 0, q); /* an old view */
    propose(&r, 2, 52, q); /* beyond any view that we may reach soon */
    pbft_msg_t m = said(2, PBFT_PRE_PREPARE, 1, 1, &q->hash);
    m.has_proposal = true;
    prop_to_wire(q, true, &m.proposal);
    sign_as(&r, 1, &m, sig); /* signed by another node */
    deliver_from(&r, 2, &m);
    sign_as(&r, 2, &m, sig); /* fine, but over a stranger's connection */
    deliver_from(&r, 1, &m);
    m.proposal.data = bc_buf_view(other->data); /* the hash is not that of the data (W4) */
    deliver_from(&r, 2, &m);
    prop_to_wire(q, true, &m.proposal);
    m.proposal.index = 2; /* base and proposal disagree */
    deliver_from(&r, 2, &m);
    assert_int_equal(r.sent_cnt, 0);
    assert_int_equal(r.verified, 0);
    propose(&r, 2, 1, q);
    assert_int_equal(count(&r, PBFT_PREPARE), 1);
    propose(&r, 2, 1, other); /* the first one wins */
    propose(&r, 2, 1, q);
    assert_int_equal(count(&r, PBFT_PREPARE), 1);
    assert_int_equal(r.verified, 1);
    prop_unref(q);
    prop_unref(other);
    rig_free(&r);
}

static void twins_in_a_block_are_refused(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    prop_t *q = proposal(1, 2, 2, 1, false);
    uint8_t *second = memmem(q->data->p, q->data->n, q->metas->v[1].hash.b, 32);
    assert_non_null(second);
    memcpy(second, q->metas->v[0].hash.b, 32);
    propose(&r, 2, 1, q);
    assert_int_equal(r.verified, 0);
    prop_unref(q);
    /* nor do we propose such a block, whatever the sealer says */
    rig_t own;
    rig_init(&own, 2);
    enter_view(&own, 1);
    q = proposal(1, 2, 2, 1, false);
    q->metas->v[1] = q->metas->v[0];
    bc_msg_t *m = bc_msg_new(BC_ACTOR_SEALER, BC_ACTOR_PBFT, BC_MSG_PROPOSE);
    m->header = bc_hdr_ref(q->header);
    m->metas = bc_metas_ref(q->metas);
    feed(&own, m);
    assert_int_equal(count(&own, PBFT_PRE_PREPARE), 0);
    assert_int_equal(own.unsealed, 1);
    prop_unref(q);
    rig_free(&own);
    rig_free(&r);
}

typedef void (*spoil_header_fn)(bc_header_data_t *h);
static void header_version(bc_header_data_t *h) { h->version = INT32_MAX; }
static void header_past(bc_header_data_t *h) { h->timestamp = -1; }
static void header_future(bc_header_data_t *h) { h->timestamp = INT64_MAX; }
static void header_sealer(bc_header_data_t *h) { h->sealer = NODES; }
static void header_short_list(bc_header_data_t *h) { h->sealer_list.n--; }
static void header_no_list(bc_header_data_t *h) { h->sealer_list.n = h->weights.n = 0; }
static void header_weights(bc_header_data_t *h)
{
    static int64_t heavy[NODES] = { 9, 1, 1, 1 };
    h->weights.v = heavy;
}
static void header_order(bc_header_data_t *h)
{
    bc_bytes_t *v = h->sealer_list.v, first = v[0];
    v[0] = v[1];
    v[1] = first;
}

/* What could be ordered and then neither executed nor, later, synced by anybody. */
static void headers_that_the_chain_cannot_take_are_refused(void **state)
{
    (void)state;
    static const spoil_header_fn spoil[] = { header_version, header_past,    header_future,
                                             header_sealer,  header_short_list, header_no_list,
                                             header_weights, header_order };
    for (size_t i = 0; i < BC_ARRAY_LEN(spoil); i++) {
        rig_t r;
        rig_init(&r, 0);
        enter_view(&r, 1);
        prop_t *q = proposal(1, 2, 2, 1, false);
        bc_keypair_t keys[NODES];
        bc_bytes_t ids[NODES];
        bc_header_t h = q->header->h;
        name_sealers(&h, keys, ids);
        spoil[i](&h.data);
        h.data_hash = (bc_bytes_t){ 0 };
        bc_hdr_t *hdr = bc_hdr_new(BC_SUITE_STANDARD, &h);
        prop_t *bad = prop_from_sealer(NULL, hdr, q->metas, false);
        propose(&r, 2, 1, bad);
        assert_int_equal(count(&r, PBFT_PREPARE), 0);
        propose(&r, 2, 1, q);
        assert_int_equal(count(&r, PBFT_PREPARE), 1);
        bc_hdr_unref(hdr);
        prop_unref(bad);
        prop_unref(q);
        rig_free(&r);
    }
}

/* A proposal further ahead is looked at on top of the one before it only. */
static void proposals_follow_each_other(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    prop_t *a = proposal(1, 2, 1, 1, false), *b = proposal(2, 3, 1, 1, false);
    propose(&r, 3, 1, b);
    assert_int_equal(count(&r, PBFT_PREPARE), 0);
    propose(&r, 2, 1, a);
    assert_int_equal(count(&r, PBFT_PREPARE), 1);
    for (int node = 1; node < 4; node++) {
        vote(&r, node, PBFT_PREPARE, 1, 1, &a->hash);
        vote(&r, node, PBFT_COMMIT, 1, 1, &a->hash);
    }
    propose(&r, 3, 1, b);
    assert_int_equal(count(&r, PBFT_PREPARE), 2);
    prop_unref(a);
    prop_unref(b);
    rig_free(&r);
}

static void dropped_votes(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    prop_t *q = proposal(1, 2, 2, 1, false), *other = proposal(1, 2, 2, 2, false);
    uint8_t sig[BC_SIG_MAX], psig[BC_SIG_MAX];
    propose(&r, 2, 1, q);
    vote(&r, 1, PBFT_PREPARE, 1, 1, &q->hash);
    vote(&r, 1, PBFT_PREPARE, 1, 1, &q->hash);     /* twice */
    vote(&r, 3, PBFT_PREPARE, 1, 1, &other->hash); /* another hash */
    vote(&r, 3, PBFT_PREPARE, 1, 0, &q->hash);     /* an old view */
    vote(&r, 3, PBFT_PREPARE, 1, 2, &q->hash);     /* a later view counts there only */
    pbft_msg_t m = said(3, PBFT_PREPARE, 1, 1, &q->hash);
    m.has_proposal = true;
    prop_to_wire(q, false, &m.proposal);
    m.proposal.sig = bc_bytes(psig, bc_sign(&r.keys[1], &q->hash, psig)); /* proposal not signed by 3 */
    sign_as(&r, 3, &m, sig);
    deliver_from(&r, 3, &m);
    m.proposal.sig = bc_bytes(psig, bc_sign(&r.keys[3], &q->hash, psig));
    deliver_from(&r, 2, &m); /* 3's vote said by 2 */
    m.base.from = 9;
    deliver_from(&r, 3, &m);
    assert_int_equal(count(&r, PBFT_COMMIT), 0);
    vote(&r, 2, PBFT_PREPARE, 1, 1, &q->hash);
    assert_int_equal(count(&r, PBFT_COMMIT), 1);
    prop_unref(q);
    prop_unref(other);
    rig_free(&r);
}

static void votes_may_come_before_their_proposal(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    prop_t *q = proposal(1, 2, 2, 1, false);
    for (int i = 1; i < 4; i++) {
        vote(&r, i, PBFT_COMMIT, 1, 1, &q->hash);
        vote(&r, i, PBFT_PREPARE, 1, 1, &q->hash);
    }
    assert_int_equal(r.executed, 0);
    propose(&r, 2, 1, q);
    assert_int_equal(r.executed, 1);
    prop_unref(q);
    rig_free(&r);
}

static void system_proposal_is_serialised(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    prop_t *q = proposal(1, 2, 1, 1, true), *next = proposal(2, 3, 1, 1, false);
    propose(&r, 2, 1, q);
    for (int i = 1; i < 3; i++)
        vote(&r, i, PBFT_PREPARE, 1, 1, &q->hash);
    for (int i = 1; i < 3; i++)
        vote(&r, i, PBFT_COMMIT, 1, 1, &q->hash);
    assert_int_equal(r.executed, 1);
    propose(&r, 3, 1, next);
    for (int i = 1; i < 4; i++)
        vote(&r, i, PBFT_PREPARE, 2, 1, &next->hash);
    for (int i = 1; i < 4; i++)
        vote(&r, i, PBFT_COMMIT, 2, 1, &next->hash);
    assert_int_equal(r.executed, 1); /* nothing above it, not even a vote */
    assert_int_equal(count(&r, PBFT_PREPARE), 1);
    bc_h256_t exec = last(&r, PBFT_CHECKPOINT)->hash;
    vote(&r, 1, PBFT_CHECKPOINT, 1, 1, &exec);
    vote(&r, 2, PBFT_CHECKPOINT, 1, 1, &exec);
    assert_int_equal(status(&r).number, 1);
    assert_int_equal(r.executed, 2); /* what was held back came through */
    prop_unref(q);
    prop_unref(next);
    rig_free(&r);
}

/* ---- time ---- */

static void quiet_when_idle(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    assert_true(r.timer[TIMER_VIEW] > 0); /* asking for a view may get lost */
    enter_view(&r, 1);
    feed_timer(&r, TIMER_VIEW, 3000);
    assert_int_equal(r.timer[TIMER_VIEW], -1);
    assert_int_equal(r.timer[TIMER_RESEND], -1);
    assert_int_equal(r.sent_cnt, 0);
    rig_free(&r);
}

static void pool_size(rig_t *r, int64_t n)
{
    bc_msg_t *m = bc_msg_new(BC_ACTOR_TXPOOL, BC_ACTOR_PBFT, BC_MSG_POOL_SIZE);
    m->number = m->number2 = n;
    feed(r, m);
}

static void time_out_and_patience(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    pool_size(&r, 5);
    feed_timer(&r, TIMER_VIEW, 3000);
    assert_true(status(&r).timeout);
    assert_int_equal(last(&r, PBFT_VIEW_CHANGE)->view, 2);
    assert_int_equal(status(&r).change_cycle, 1);
    /* alone it repeats view 2, it does not run ahead (W6) */
    for (int i = 0; i < 5; i++)
        feed_timer(&r, TIMER_VIEW, 4500);
    assert_int_equal(status(&r).to_view, 2);
    assert_int_equal(count(&r, PBFT_VIEW_CHANGE), 6);
    /* together with a quorum it goes on, slower */
    vc_t v;
    for (int i = 1; i < 3; i++) {
        vc_make(&r, &v, i, 0, 2);
        vc_send(&r, &v);
    }
    feed_timer(&r, TIMER_VIEW, 4500);
    assert_int_equal(status(&r).to_view, 3);
    assert_int_equal(r.timer[TIMER_VIEW], 6750);
    rig_free(&r);
}

/* ---- view change ---- */

static void one_node_cannot_move_others(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    vc_t v;
    vc_make(&r, &v, 3, 0, 1000000);
    vc_send(&r, &v);
    assert_int_equal(status(&r).to_view, 1);
    assert_int_equal(count(&r, PBFT_RECOVER_RESPONSE), 1); /* it is told where we are */
    vc_make(&r, &v, 1, 0, 7);
    vc_send(&r, &v);
    assert_true(status(&r).timeout); /* f + 1 ask for at least 7 */
    assert_int_equal(status(&r).to_view, 7);
    rig_free(&r);
}

static void new_view_of_own(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 3); /* leader(1, 2) */
    enter_view(&r, 1);
    prop_t *a = proposal(1, 0, 1, 1, false), *b = proposal(1, 0, 1, 2, false), *c = proposal(3, 0, 1, 3, false);
    vc_t v[3];
    vc_make(&r, &v[0], 0, 0, 2);
    vc_prepared(&r, &v[0], a, 0, 7);
    vc_make(&r, &v[1], 1, 0, 2);
    vc_prepared(&r, &v[1], b, 1, 14); /* the higher view wins */
    vc_prepared(&r, &v[1], c, 1, 7);  /* height 2 is a gap */
    vc_make(&r, &v[2], 2, 0, 2);
    for (int i = 0; i < 3; i++)
        vc_send(&r, &v[i]);
    const sent_t *nv = last(&r, PBFT_NEW_VIEW);
    assert_non_null(nv);
    assert_int_equal(nv->view, 2);
    assert_int_equal(nv->list, 3);
    assert_memory_equal(&nv->list_hash[0], &b->hash, 32);
    assert_memory_equal(&nv->list_hash[2], &c->hash, 32);
    assert_int_equal(status(&r).view, 2);
    /* the missing data is asked of who reported it; the empty block is voted for at once */
    assert_int_equal(count(&r, PBFT_PREPARED_REQUEST), 2);
    assert_memory_equal(&r.asked, &r.keys[1].pub, 64);
    assert_int_equal(count(&r, PBFT_PREPARE), 1);
    assert_int_equal(last(&r, PBFT_PREPARE)->index, 2);
    prop_unref(a);
    prop_unref(b);
    prop_unref(c);
    rig_free(&r);
}

typedef void (*spoil_fn)(nv_t *n, vc_t *v, const prop_t *other);

static void spoil_nothing(nv_t *n, vc_t *v, const prop_t *o) { (void)n; (void)v; (void)o; }
static void spoil_view(nv_t *n, vc_t *v, const prop_t *o)
{
    (void)v;
    (void)o;
    n->m.base.view++;
}
static void spoil_twice(nv_t *n, vc_t *v, const prop_t *o)
{
    (void)v;
    (void)o;
    n->vcs[2] = n->vcs[1];
}
static void spoil_few(nv_t *n, vc_t *v, const prop_t *o)
{
    (void)v;
    (void)o;
    n->m.vc_cnt = 2;
}
static void spoil_signature(nv_t *n, vc_t *v, const prop_t *o)
{
    (void)o;
    (void)v;
    n->vcs[0].sig = n->vcs[1].sig;
}
static void spoil_proposal(nv_t *n, vc_t *v, const prop_t *o)
{
    (void)v;
    n->list[0].proposal.hash = n->list[0].base.hash = o->hash;
}
static void spoil_proposal_data(nv_t *n, vc_t *v, const prop_t *o)
{
    (void)v;
    n->list[0].proposal.hash = n->list[0].base.hash = o->hash;
    n->list[0].proposal.data = bc_buf_view(o->data);
}
static void spoil_start(nv_t *n, vc_t *v, const prop_t *o)
{
    (void)v;
    (void)o;
    n->list[0].proposal.index = n->list[0].base.index = 2;
}
static void spoil_extra(nv_t *n, vc_t *v, const prop_t *o)
{
    (void)v;
    n->list[1] = n->list[0];
    n->list[1].proposal.index = n->list[1].base.index = 2;
    n->list[1].proposal.hash = o->hash;
    n->list[1].proposal.data = bc_buf_view(o->data);
    n->m.vote_cnt = 2;
}
static void spoil_entry_view(nv_t *n, vc_t *v, const prop_t *o)
{
    (void)v;
    (void)o;
    n->list[0].base.view = 1;
}
static void spoil_leader(nv_t *n, vc_t *v, const prop_t *o)
{
    (void)v;
    (void)o;
    n->m.base.index = 3; /* leader(4, 2) is another one */
}
static void spoil_far_leader(nv_t *n, vc_t *v, const prop_t *o)
{
    (void)v;
    (void)o;
    n->m.base.index = 4000; /* 4001 mod 4 fits again, but nobody is there */
}

static void new_view_is_checked(void **state)
{
    (void)state;
    static const struct {
        spoil_fn spoil;
        bool ok;
    } cases[] = { { spoil_nothing, true }, { spoil_view, false },     { spoil_twice, false },
                  { spoil_few, false },    { spoil_signature, false }, { spoil_proposal, false },
                  { spoil_start, false },  { spoil_extra, false },     { spoil_entry_view, false },
                  { spoil_leader, false }, { spoil_far_leader, false }, { spoil_proposal_data, false } };
    prop_t *a = proposal(1, 2, 1, 1, false), *other = proposal(1, 2, 1, 2, false);
    for (size_t i = 0; i < BC_ARRAY_LEN(cases); i++) {
        rig_t r;
        rig_init(&r, 0);
        enter_view(&r, 1);
        vc_t *v = calloc(3, sizeof *v);
        nv_t *n = calloc(1, sizeof *n);
        for (int k = 0; k < 3; k++)
            vc_make(&r, &v[k], k + 1, 0, 2);
        vc_prepared(&r, &v[1], a, 1, 7);
        nv_make(n, 3, 0, 2, v, 3, &r);
        nv_entry(n, a, 2, false);
        cases[i].spoil(n, v, other);
        nv_send(&r, n, 3);
        assert_int_equal(status(&r).view, cases[i].ok ? 2 : 1);
        free(v);
        free(n);
        rig_free(&r);
    }
    prop_unref(a);
    prop_unref(other);
}

static void view_change_is_checked(void **state)
{
    (void)state;
    prop_t *a = proposal(1, 2, 1, 1, false);
    for (int i = 0; i < 7; i++) {
        rig_t r;
        rig_init(&r, 0);
        enter_view(&r, 1);
        vc_t *v = calloc(2, sizeof *v);
        vc_make(&r, &v[0], 1, 0, 3);
        vc_send(&r, &v[0]);
        vc_make(&r, &v[1], 2, i == 6 ? INT64_MAX : 0, 3); /* sums with it overflow */
        if (i == 1)
            vc_prepared(&r, &v[1], a, 1, 3); /* proof without a quorum */
        else if (i == 2)
            vc_prepared(&r, &v[1], a, 4, 7); /* prepared in a view after its own */
        else if (i == 3)
            v[1].committed.b[0] = 1, v[1].m.proposal.hash = v[1].m.base.hash = v[1].committed; /* another chain */
        else if (i == 4)
            vc_prepared(&r, &v[1], a, 1, 7), v[1].proof[0][1] = v[1].proof[0][0]; /* one signer twice */
        else if (i == 5)
            vc_prepared(&r, &v[1], a, 1, 7), v[1].proof[0][0].sig = v[1].proof[0][1].sig;
        vc_send(&r, &v[1]);
        assert_int_equal(status(&r).to_view, i == 0 ? 3 : 1); /* f + 1 valid ones are needed to join */
        free(v);
        rig_free(&r);
    }
    prop_unref(a);
}

/* A precommit is reported, and nothing else is prepared at its height. */
static void precommit_holds(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    prop_t *q = proposal(1, 2, 1, 1, false), *other = proposal(1, 3, 1, 2, false);
    propose(&r, 2, 1, q);
    vote(&r, 1, PBFT_PREPARE, 1, 1, &q->hash);
    vote(&r, 2, PBFT_PREPARE, 1, 1, &q->hash);
    assert_int_equal(count(&r, PBFT_COMMIT), 1);
    pool_size(&r, 1);
    feed_timer(&r, TIMER_VIEW, 9000);
    assert_int_equal(last(&r, PBFT_VIEW_CHANGE)->prepared, 1);
    enter_view(&r, 2); /* the others did not hear of it */
    propose(&r, 3, 2, other);
    assert_int_equal(count(&r, PBFT_PREPARE), 0);
    propose(&r, 3, 2, q); /* the same block again is fine */
    assert_int_equal(count(&r, PBFT_PREPARE), 1);
    prop_unref(q);
    prop_unref(other);
    rig_free(&r);
}

/* ---- restart (W3) ---- */

static void restart_between_prepare_and_commit(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    prop_t *q = proposal(1, 2, 1, 1, false), *other = proposal(1, 2, 1, 2, false);
    propose(&r, 2, 1, q);
    assert_int_equal(count(&r, PBFT_PREPARE), 1);
    restart(&r, 0, NULL);
    assert_int_equal(status(&r).view, 1); /* it goes on in its view */
    assert_false(status(&r).timeout);
    assert_int_equal(count(&r, PBFT_RECOVER_REQUEST), 1);
    assert_int_equal(count(&r, PBFT_VIEW_CHANGE), 0);
    propose(&r, 2, 1, other); /* the leader tries the amnesia of official nodes */
    for (size_t i = 0; i < r.sent_cnt; i++)
        if (r.sent[i].type == PBFT_PREPARE)
            assert_memory_equal(&r.sent[i].hash, &q->hash, 32);
    /* and what it had prepared goes through */
    vote(&r, 1, PBFT_PREPARE, 1, 1, &q->hash);
    vote(&r, 2, PBFT_PREPARE, 1, 1, &q->hash);
    assert_int_equal(count(&r, PBFT_COMMIT), 1);
    /* once more, now with a precommit */
    restart(&r, 0, NULL);
    pool_size(&r, 1);
    feed_timer(&r, TIMER_VIEW, 4000);
    const sent_t *vc = last(&r, PBFT_VIEW_CHANGE);
    assert_non_null(vc);
    assert_int_equal(vc->view, 2);
    assert_int_equal(vc->prepared, 1);
    enter_view(&r, 2);
    propose(&r, 3, 2, other);
    assert_int_equal(count(&r, PBFT_PREPARE), 0);
    prop_unref(q);
    prop_unref(other);
    rig_free(&r);
}

/* The record alone must hold, also when the transactions of the old vote are gone. */
static void vote_is_remembered_without_its_block(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    prop_t *q = proposal(1, 2, 1, 1, false), *other = proposal(1, 2, 1, 2, false);
    propose(&r, 2, 1, q);
    r.verify_ok = false;
    restart(&r, 0, NULL);
    bc_msg_t *a = bc_msg_new(BC_ACTOR_TXPOOL, BC_ACTOR_PBFT, BC_MSG_PROPOSAL_VERIFIED);
    a->token = r.verify_token;
    a->err = BC_E_NOT_FOUND;
    feed(&r, a);
    r.verify_ok = true;
    propose(&r, 2, 1, other);
    assert_int_equal(count(&r, PBFT_PREPARE), 0);
    propose(&r, 2, 1, q); /* the same one is no contradiction */
    assert_int_equal(count(&r, PBFT_PREPARE), 1);
    prop_unref(q);
    prop_unref(other);
    rig_free(&r);
}

static void restart_after_execution(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    prop_t *q = proposal(1, 2, 1, 1, false);
    propose(&r, 2, 1, q);
    for (int i = 1; i < 3; i++)
        vote(&r, i, PBFT_PREPARE, 1, 1, &q->hash);
    for (int i = 1; i < 3; i++)
        vote(&r, i, PBFT_COMMIT, 1, 1, &q->hash);
    bc_h256_t exec = last(&r, PBFT_CHECKPOINT)->hash;
    bool official = false;
    for (size_t i = 0; i < r.row_cnt; i++)
        official |= !strcmp(r.row_keys[i], "pbftCommitDB:max_committed_proposal") &&
                    bc_bytes_eq(r.rows[i].value, BC_STR("1"));
    assert_true(official);
    restart(&r, 0, NULL); /* the block never reached the ledger: executed again, same vote */
    assert_int_equal(r.executed, 2);
    assert_memory_equal(&last(&r, PBFT_CHECKPOINT)->hash, &exec, 32);
    vote(&r, 1, PBFT_CHECKPOINT, 1, 1, &exec);
    vote(&r, 2, PBFT_CHECKPOINT, 1, 1, &exec);
    assert_int_equal(status(&r).number, 1);
    prop_unref(q);
    rig_free(&r);
}

/* The directory of an official node: no record of votes; the official rows are used. */
static void official_directory_starts(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    prop_t *q = proposal(1, 2, 1, 1, false);
    propose(&r, 2, 1, q);
    for (int i = 1; i < 3; i++)
        vote(&r, i, PBFT_PREPARE, 1, 1, &q->hash);
    for (int i = 1; i < 3; i++)
        vote(&r, i, PBFT_COMMIT, 1, 1, &q->hash);
    for (size_t i = 0; i < r.row_cnt;) {
        if (strncmp(r.row_keys[i], "cbcosVote", 9)) {
            i++;
            continue;
        }
        char key[40];
        memcpy(key, r.row_keys[i], 40);
        row_put(&r, key, NULL);
    }
    restart(&r, 0, NULL);
    assert_true(status(&r).timeout);
    assert_int_equal(count(&r, PBFT_VIEW_CHANGE), 1);
    assert_int_equal(r.executed, 2);
    prop_unref(q);
    rig_free(&r);
}

static void recovery_needs_more_than_f(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    restart(&r, 0, NULL);
    uint8_t sig[BC_SIG_MAX];
    pbft_msg_t m = said(1, PBFT_RECOVER_RESPONSE, 0, 9, NULL);
    sign_as(&r, 1, &m, sig);
    deliver_from(&r, 1, &m);
    assert_int_equal(status(&r).view, 1);
    m = said(2, PBFT_RECOVER_RESPONSE, 0, 9, NULL);
    sign_as(&r, 2, &m, sig);
    deliver_from(&r, 2, &m);
    assert_int_equal(status(&r).view, 9);
    rig_free(&r);
}

/* ---- log sync ---- */

static bc_h256_t executed_hash(const rig_t *r, const prop_t *q)
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

static void missing_proposal_is_fetched(void **state)
{
    (void)state;
    for (int bad = 0; bad < 3; bad++) {
        rig_t r;
        rig_init(&r, 0);
        enter_view(&r, 1);
        prop_t *q = proposal(1, 2, 2, 1, false);
        /* what its execution will give here; with bad == 2 the peers' checkpoints say another */
        bc_h256_t exec = executed_hash(&r, q), zero = { 0 };
        if (bad == 2)
            exec = zero;
        vote(&r, 1, PBFT_CHECKPOINT, 1, 1, &exec);
        assert_int_equal(count(&r, PBFT_COMMITTED_REQUEST), 0);
        vote(&r, 2, PBFT_CHECKPOINT, 1, 1, &exec);
        assert_int_equal(count(&r, PBFT_COMMITTED_REQUEST), 1);
        uint8_t sig[BC_SIG_MAX], sigs[NODES][BC_SIG_MAX];
        pbft_sig_t proof[NODES];
        pbft_proposal_t w;
        prop_to_wire(q, true, &w);
        for (int i = 0; i < (bad == 1 ? 2 : 3); i++)
            proof[i] = (pbft_sig_t){ i + 1, bc_bytes(sigs[i], bc_sign(&r.keys[i + 1], &q->hash, sigs[i])) };
        w.proof = proof;
        w.proof_cnt = bad == 1 ? 2 : 3;
        pbft_msg_t m = { .type = PBFT_COMMITTED_RESPONSE, .has_base = true, .proposals = &w, .proposal_cnt = 1 };
        sign_as(&r, 2, &m, sig);
        bc_msg_t *d = bc_msg_new(BC_ACTOR_FRONT, BC_ACTOR_PBFT, BC_MSG_RESPONSE);
        d->token = r.ask_token;
        d->node = r.keys[2].pub;
        d->data = pbft_encode(&m);
        feed(&r, d);
        assert_int_equal(r.executed, bad == 1 ? 0 : 1);
        assert_int_equal(count(&r, PBFT_CHECKPOINT), bad ? 0 : 1);
        prop_unref(q);
        rig_free(&r);
    }
}

static void proposals_are_served(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    prop_t *q = proposal(1, 2, 1, 1, false);
    propose(&r, 2, 1, q);
    for (int i = 1; i < 3; i++)
        vote(&r, i, PBFT_PREPARE, 1, 1, &q->hash);
    pbft_msg_t m = { .type = PBFT_COMMITTED_REQUEST, .has_base = true, .size = 1 };
    m.base.index = 1;
    deliver_from(&r, 1, &m); /* prepared is not decided: silence */
    assert_int_equal(count(&r, PBFT_COMMITTED_RESPONSE), 0);
    for (int i = 1; i < 3; i++)
        vote(&r, i, PBFT_COMMIT, 1, 1, &q->hash);
    deliver_from(&r, 1, &m);
    assert_int_equal(count(&r, PBFT_COMMITTED_RESPONSE), 1);
    m = said(1, PBFT_PREPARED_REQUEST, 1, 0, &q->hash);
    deliver_from(&r, 1, &m);
    assert_int_equal(count(&r, PBFT_PREPARED_RESPONSE), 1);
    m.base.index = 2; /* never heard of: silence */
    deliver_from(&r, 1, &m);
    assert_int_equal(count(&r, PBFT_PREPARED_RESPONSE), 1);
    prop_unref(q);
    rig_free(&r);
}

static void divergence_is_named(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    prop_t *q = proposal(1, 2, 1, 1, false);
    propose(&r, 2, 1, q);
    for (int i = 1; i < 3; i++)
        vote(&r, i, PBFT_PREPARE, 1, 1, &q->hash);
    for (int i = 1; i < 3; i++)
        vote(&r, i, PBFT_COMMIT, 1, 1, &q->hash);
    bc_h256_t exec;
    memset(exec.b, 9, 32);
    for (int i = 1; i < 4; i++)
        vote(&r, i, PBFT_CHECKPOINT, 1, 1, &exec);
    assert_int_equal(r.committed, 0);
    assert_int_equal(status(&r).divergent, 1);
    prop_unref(q);
    rig_free(&r);
}

/* A stranger's flood is bounded and the chain goes on. */
static void deferred_is_bounded(void **state)
{
    (void)state;
    rig_t r;
    rig_init(&r, 0);
    enter_view(&r, 1);
    prop_t *q = proposal(5, 3, 1, 1, false);
    for (int i = 0; i < 2000; i++)
        propose(&r, 3, 2, q); /* of a view to come */
    assert_true(status(&r).deferred <= PBFT_DEFERRED_MAX / 5);
    assert_true(status(&r).dropped > 0);
    prop_unref(q);
    rig_free(&r);
}

int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leader_and_quorum),
        cmocka_unit_test(timer_table),
        cmocka_unit_test(a_block_from_another_leader),
        cmocka_unit_test(own_turn),
        cmocka_unit_test(dropped_pre_prepares),
        cmocka_unit_test(twins_in_a_block_are_refused),
        cmocka_unit_test(headers_that_the_chain_cannot_take_are_refused),
        cmocka_unit_test(proposals_follow_each_other),
        cmocka_unit_test(dropped_votes),
        cmocka_unit_test(votes_may_come_before_their_proposal),
        cmocka_unit_test(system_proposal_is_serialised),
        cmocka_unit_test(quiet_when_idle),
        cmocka_unit_test(time_out_and_patience),
        cmocka_unit_test(one_node_cannot_move_others),
        cmocka_unit_test(new_view_of_own),
        cmocka_unit_test(new_view_is_checked),
        cmocka_unit_test(view_change_is_checked),
        cmocka_unit_test(precommit_holds),
        cmocka_unit_test(restart_between_prepare_and_commit),
        cmocka_unit_test(vote_is_remembered_without_its_block),
        cmocka_unit_test(restart_after_execution),
        cmocka_unit_test(official_directory_starts),
        cmocka_unit_test(recovery_needs_more_than_f),
        cmocka_unit_test(missing_proposal_is_fetched),
        cmocka_unit_test(proposals_are_served),
        cmocka_unit_test(divergence_is_named),
        cmocka_unit_test(deferred_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
