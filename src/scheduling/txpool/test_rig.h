/* What the tests of the pool share: the pool with everybody around it played by hand. Included after
 * cmocka.h. */
#ifndef BC_TXPOOL_TEST_RIG_H
#define BC_TXPOOL_TEST_RIG_H

#include <stdio.h>
#include <stdlib.h>
#include "base/log.h"
#include "iface/test_actor.h"
#include "scheduling/txpool/txpool_impl.h"

typedef struct {
    bc_actor_if pool;
    bc_out_t out;
    bc_now_t now;
    bc_keypair_t key;
    bc_ledger_config_t *config;
    uint64_t state_nonce; /* of Web3 senders; 0: they have no account */
} rig_t;

static inline void feed(rig_t *r, bc_msg_t *m)
{
    r->out.from = BC_ACTOR_TXPOOL;
    r->pool.ops->step(r->pool.self, &r->now, m, &r->out);
    bc_msg_free(m);
}

static inline bc_msg_t *take(rig_t *r, bc_msg_kind_t kind)
{
    return bc_test_take(&r->out, kind);
}

static inline void drop_all(rig_t *r)
{
    bc_test_drop_all(&r->out);
}

static inline bc_ledger_config_t *config_at(int64_t number, const bc_nodeid_t *sealer)
{
    bc_ledger_config_t *c = bc_xcalloc(1, sizeof *c);
    atomic_init(&c->refs, 1);
    c->number = number;
    c->tx_count_limit = 1000;
    snprintf(c->web3_chain_id, sizeof c->web3_chain_id, "20200");
    c->sealers = bc_arena_alloc(&c->arena, sizeof *c->sealers);
    c->sealer_cnt = 1;
    c->sealers[0] = (bc_node_entry_t){ .id = *sealer, .vote_weight = 1 };
    return c;
}

enum { HEIGHT = 100, W = 50 };

static inline rig_t rig_new(size_t limit)
{
    rig_t r = { .now = { 5000, 1700000000000 } };
    uint8_t secret[32] = { [31] = 7 };
    assert_int_equal(bc_keypair_from_secret(BC_SUITE_STANDARD, secret, &r.key), BC_OK);
    bc_txpool_config_t c = { .suite = BC_SUITE_STANDARD,
                             .chain_id = "chain0",
                             .group_id = "group0",
                             .self = r.key.pub,
                             .limit = limit,
                             .check_block_limit = true,
                             .block_limit = W };
    r.pool = bc_txpool_new(&c);
    bc_bytes_t old = BC_STR("on-chain");
    bc_txpool_load_nonces(r.pool, HEIGHT - 3, &(bc_tars_list_t){ &old, 1 });
    r.config = config_at(HEIGHT, &r.key.pub);
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_TXPOOL, BC_MSG_START);
    m->config = bc_ledger_config_ref(r.config);
    feed(&r, m);
    return r;
}

static inline void rig_free(rig_t *r)
{
    drop_all(r);
    r->pool.ops->free(r->pool.self);
    bc_ledger_config_unref(r->config);
}

typedef struct {
    const char *chain, *group, *nonce, *value, *to, *input;
    int64_t limit;
    int32_t version;
    bool create;
} spec_t;

static inline bc_tx_t *make(rig_t *r, spec_t s)
{
    bc_tx_data_t d = { .version = s.version,
                       .chain_id = bc_cstr(s.chain ? s.chain : "chain0"),
                       .group_id = bc_cstr(s.group ? s.group : "group0"),
                       .block_limit = s.limit ? s.limit : HEIGHT + W,
                       .nonce = bc_cstr(s.nonce),
                       .to = bc_cstr(s.create ? "" : s.to ? s.to : "0102030405060708090a0b0c0d0e0f1011121314"),
                       .input = bc_cstr(s.input ? s.input : "in"),
                       .value = bc_cstr(s.value ? s.value : "") };
    bc_tx_t *tx;
    assert_int_equal(bc_tx_make(BC_SUITE_STANDARD, &d, 0, (bc_bytes_t){ 0 }, &r->key, &tx), BC_OK);
    tx->sender_known = false;
    return tx;
}

static inline void submit(rig_t *r, bc_tx_t *tx, uint64_t token, bool wait)
{
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_TXPOOL, BC_MSG_SUBMIT);
    m->token = token;
    m->flag = wait;
    m->txs = bc_txs_new(1);
    m->txs->v[0] = bc_tx_ref(tx);
    feed(r, m);
}

/* The host recovers everything that was asked for. */
static inline void recover(rig_t *r, bool good)
{
    for (bc_msg_t *ask; (ask = take(r, BC_MSG_RECOVER));) {
        bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_TXPOOL, BC_MSG_RECOVERED);
        m->token = ask->token;
        m->txs = bc_txs_ref(ask->txs);
        for (size_t i = 0; good && i < m->txs->cnt; i++)
            assert_int_equal(bc_tx_recover(m->txs->v[i]), BC_OK);
        m->data = bc_buf_new(8 * m->txs->cnt);
        memset(m->data->p, 0xff, m->data->n);
        for (size_t i = 0; r->state_nonce && i < m->txs->cnt; i++)
            memcpy(m->data->p + 8 * i, &r->state_nonce, 8);
        bc_msg_free(ask);
        feed(r, m);
    }
}

/* Offers a transaction for acceptance only and returns its status. */
static inline int64_t offer(rig_t *r, bc_tx_t *tx)
{
    submit(r, tx, 77, false);
    recover(r, true);
    bc_msg_t *m = take(r, BC_MSG_SUBMIT_DONE);
    assert_non_null(m);
    assert_int_equal(m->token, 77);
    int64_t status = m->number;
    bc_msg_free(m);
    bc_tx_unref(tx);
    return status;
}

static inline bc_metas_t *fetch(rig_t *r, int64_t max)
{
    bc_msg_t *m = bc_msg_new(BC_ACTOR_SEALER, BC_ACTOR_TXPOOL, BC_MSG_FETCH);
    m->number2 = max;
    feed(r, m);
    m = take(r, BC_MSG_FETCHED);
    assert_non_null(m);
    bc_metas_t *metas = m->metas;
    m->metas = NULL;
    bc_msg_free(m);
    return metas;
}

static inline void about(rig_t *r, bc_msg_kind_t kind, bc_metas_t *metas, int64_t number, uint8_t hash)
{
    bc_msg_t *m = bc_msg_new(BC_ACTOR_PBFT, BC_ACTOR_TXPOOL, kind);
    m->metas = bc_metas_ref(metas);
    m->number = number;
    memset(m->hash.b, hash, 32);
    feed(r, m);
}

/* A transaction of the rig's key as Ethereum's clients make them. */
static inline bc_tx_t *web3_make(rig_t *r, const bc_web3_tx_t *t)
{
    bc_wr_t rlp = { 0 };
    bc_tx_t *tx;
    assert_int_equal(bc_web3_sign(t, &r->key, &rlp), BC_OK);
    assert_int_equal(bc_tx_from_web3(BC_SUITE_STANDARD, bc_wr_view(&rlp), &tx, NULL), BC_OK);
    bc_wr_free(&rlp);
    return tx;
}

static inline bc_web3_tx_t web3_call(uint64_t nonce)
{
    static const uint8_t to[20] = { 1 };
    return (bc_web3_tx_t){ .chain_id = 20200, .nonce = nonce, .gas_limit = 21000, .to = bc_bytes(to, 20) };
}

static inline bc_tx_t *web3_tx(rig_t *r, uint64_t nonce)
{
    bc_web3_tx_t t = web3_call(nonce);
    return web3_make(r, &t);
}

static inline bc_tx_t *web3_of(rig_t *r, uint64_t nonce, uint64_t chain_id)
{
    bc_web3_tx_t t = web3_call(nonce);
    t.chain_id = chain_id;
    return web3_make(r, &t);
}

/* Another one of that nonce. */
static inline bc_tx_t *web3_paying(rig_t *r, uint64_t nonce)
{
    bc_web3_tx_t t = web3_call(nonce);
    t.value.w[0] = 1;
    return web3_make(r, &t);
}

static inline void commit_at(rig_t *r, bc_tx_t *tx, int64_t number)
{
    bc_committed_t *c = bc_xcalloc(1, sizeof *c);
    atomic_init(&c->refs, 1);
    c->number = number;
    c->txs = bc_txs_new(1);
    c->txs->v[0] = bc_tx_ref(tx);
    c->config = config_at(number, &r->key.pub);
    bc_msg_t *m = bc_msg_new(BC_ACTOR_SCHEDULER, BC_ACTOR_TXPOOL, BC_MSG_COMMITTED);
    m->number = c->number;
    m->committed = c;
    feed(r, m);
}

static inline void commit(rig_t *r, bc_tx_t *tx)
{
    commit_at(r, tx, HEIGHT + 1);
}

static inline pool_t *pool_of(rig_t *r)
{
    return r->pool.self;
}

static inline bc_tx_t *numbered(rig_t *r, int i)
{
    char nonce[12];
    snprintf(nonce, sizeof nonce, "%d", i);
    return make(r, (spec_t){ .nonce = nonce });
}

static inline void fire(rig_t *r, int64_t timer)
{
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_TXPOOL, BC_MSG_TIMER);
    m->number = timer;
    feed(r, m);
}

/* How often the timer was asked for; *after: ms, when it was. */
static inline size_t timers(rig_t *r, int64_t timer, int64_t *after)
{
    bc_out_t others = { 0 };
    size_t cnt = 0;
    while (r->out.head) {
        bc_msg_t *m = r->out.head;
        r->out.head = m->next;
        m->next = NULL;
        if (m->kind == BC_MSG_TIMER_SET && m->number == timer) {
            cnt++;
            *after = m->number2;
            bc_msg_free(m);
            continue;
        }
        if (others.tail)
            others.tail->next = m;
        else
            others.head = m;
        others.tail = m;
    }
    r->out.head = others.head;
    r->out.tail = others.tail;
    return cnt;
}

/* The last word about the token; -1: none. */
static inline int64_t answered(rig_t *r, uint64_t token)
{
    bc_msg_t *m = take(r, BC_MSG_SUBMIT_DONE);
    if (!m)
        return -1;
    assert_int_equal(m->token, token);
    int64_t status = m->committed ? 10000 + m->number2 : m->number;
    bc_msg_free(m);
    return status;
}

static inline bc_txpool_stats_t stats(const rig_t *r)
{
    bc_txpool_stats_t st;
    bc_txpool_stats(r->pool, &st);
    return st;
}

#endif
