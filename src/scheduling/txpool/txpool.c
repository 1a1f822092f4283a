/* The life of transactions: offer, accept, seal, unseal, commit, expire. */
#include <stdlib.h>
#include "base/log.h"
#include "scheduling/txpool/txpool_impl.h"

static bc_bytes_t entry_key(const void *item)
{
    return BC_VIEW(((const entry_t *)item)->tx->hash);
}

static list_t *list_of(pool_t *p, entry_state_t state)
{
    return state == ENTRY_VERIFYING  ? &p->verifying
           : state == ENTRY_UNSEALED ? &p->unsealed
                                     : &p->sealed;
}

static void list_push(list_t *l, entry_t *e)
{
    e->prev = l->tail;
    e->next = NULL;
    if (l->tail)
        l->tail->next = e;
    else
        l->head = e;
    l->tail = e;
    l->cnt++;
}

static void list_unlink(list_t *l, entry_t *e)
{
    if (e->prev)
        e->prev->next = e->next;
    else
        l->head = e->next;
    if (e->next)
        e->next->prev = e->prev;
    else
        l->tail = e->prev;
    e->prev = e->next = NULL;
    l->cnt--;
}

/* Takes an entry out of its list; verifying ones also leave the host's queue. */
static void detach(pool_t *p, entry_t *e)
{
    if (e->state == ENTRY_VERIFYING && e->at_host)
        p->in_flight--;
    if (p->verify_next == e)
        p->verify_next = e->next;
    list_unlink(list_of(p, e->state), e);
}

static void attach(pool_t *p, entry_t *e, entry_state_t state)
{
    e->state = state;
    list_push(list_of(p, state), e);
    if (state == ENTRY_VERIFYING && !p->verify_next)
        p->verify_next = e;
}

entry_t *pool_find(const pool_t *p, const bc_h256_t *hash)
{
    return bc_map_find(&p->by_hash, BC_VIEW(*hash));
}

static size_t accepted_cnt(const pool_t *p)
{
    return p->unsealed.cnt + p->sealed.cnt;
}

static void timer(pool_t *p, int64_t id, int64_t after_ms)
{
    bc_msg_t *m = bc_out_msg(p->out, BC_ACTOR_HOST, BC_MSG_TIMER_SET);
    m->number = id;
    m->number2 = after_ms;
}

static void tell_size_now(pool_t *p)
{
    static const bc_actor_id_t to[] = { BC_ACTOR_PBFT, BC_ACTOR_SEALER };
    p->told_size = accepted_cnt(p);
    p->told_unsealed = p->unsealed.cnt;
    for (size_t i = 0; i < BC_ARRAY_LEN(to); i++) {
        bc_msg_t *m = bc_out_msg(p->out, to[i], BC_MSG_POOL_SIZE);
        m->number = (int64_t)p->told_size;
        m->number2 = (int64_t)p->unsealed.cnt;
    }
}

static bool size_is_news(const pool_t *p)
{
    return accepted_cnt(p) != p->told_size || p->unsealed.cnt != p->told_unsealed;
}

/* At once when the pool stops or starts being empty, else at most every SIZE_EVERY_MS. */
void pool_tell_size(pool_t *p)
{
    size_t cnt = accepted_cnt(p);
    if (cnt && !p->expire_armed) {
        p->expire_armed = true;
        timer(p, TIMER_EXPIRE, EXPIRE_EVERY_MS);
    }
    if ((cnt == 0) != (p->told_size == 0)) {
        tell_size_now(p);
    } else if (size_is_news(p) && !p->size_armed) {
        p->size_armed = true;
        timer(p, TIMER_SIZE, SIZE_EVERY_MS);
    }
}

void pool_move(pool_t *p, entry_t *e, entry_state_t to)
{
    if (e->nonce)
        e->nonce->sealed += (uint32_t)(to == ENTRY_SEALED) - (uint32_t)(e->state == ENTRY_SEALED);
    detach(p, e);
    attach(p, e, to);
}

static void answer(pool_t *p, waiter_t *w, int32_t status)
{
    bc_msg_t *m = bc_out_msg(p->out, BC_ACTOR_HOST, BC_MSG_SUBMIT_DONE);
    m->token = w->token;
    m->number = status;
}

static void answer_all(pool_t *p, entry_t *e, int32_t status)
{
    for (waiter_t *w = e->waiters, *next; w; w = next) {
        next = w->next;
        answer(p, w, status);
        free(w);
    }
    e->waiters = NULL;
}

void pool_drop(pool_t *p, entry_t *e, int32_t status)
{
    answer_all(p, e, status);
    detach(p, e);
    bc_map_remove(&p->by_hash, BC_VIEW(e->tx->hash));
    if (e->state != ENTRY_VERIFYING)
        nonce_forget(p, e);
    p->bytes -= e->tx->raw->n;
    bc_tx_unref(e->tx);
    free(e);
}

void pool_seal(pool_t *p, entry_t *e, int64_t number, const bc_h256_t *hash)
{
    if (e->state == ENTRY_UNSEALED)
        pool_move(p, e, ENTRY_SEALED);
    e->batch_id = number;
    e->batch_hash = *hash;
}

static entry_t *entry_new(pool_t *p, bc_tx_t *tx, entry_state_t state)
{
    entry_t *e = bc_xcalloc(1, sizeof *e);
    e->tx = tx;
    p->bytes += tx->raw->n;
    e->import_ms = p->now->utc_ms;
    BC_MUST(bc_map_insert(&p->by_hash, e) == BC_OK);
    attach(p, e, state);
    return e;
}

int32_t pool_offer(pool_t *p, bc_tx_t *tx, waiter_t *w, bool from_client)
{
    entry_t *e = pool_find(p, &tx->hash);
    if (e) {
        bc_tx_unref(tx);
        if (!w || !w->wait)
            return BC_TXS_ALREADY_IN_POOL;
        for (const waiter_t *x = e->waiters; x; x = x->next)
            if (x->wait)
                return BC_TXS_ALREADY_IN_POOL;
        w->next = e->waiters; /* attached: it hears the end of the one that is there */
        e->waiters = w;
        return BC_TXS_NONE;
    }
    int32_t status = check_before_recover(p, tx);
    if (!status && (p->by_hash.cnt >= p->c.limit || p->bytes + tx->raw->n > p->c.limit_bytes)) {
        p->stats.refused_full++;
        status = BC_TXS_POOL_FULL;
    }
    if (status) {
        p->stats.refused++;
        bc_tx_unref(tx);
        return status;
    }
    e = entry_new(p, tx, ENTRY_VERIFYING);
    e->from_client = from_client;
    e->waiters = w;
    pool_send_verify(p);
    return BC_TXS_NONE;
}

/* Hands waiting transactions to the host in batches: the fewer batches are under way, the
 * smaller they may be, so a lone transaction does not wait and a flood costs few wake-ups. */
void pool_send_verify(pool_t *p)
{
    while (p->batches < p->c.batches_max && p->verify_next) {
        size_t cnt = BC_MIN(p->verifying.cnt - p->in_flight, p->c.batch_max);
        bc_txs_t *txs = bc_txs_new(cnt);
        for (size_t i = 0; i < cnt; i++, p->verify_next = p->verify_next->next) {
            txs->v[i] = bc_tx_ref(p->verify_next->tx);
            p->verify_next->at_host = true;
        }
        p->in_flight += cnt;
        p->batches++;
        bc_msg_t *m = bc_out_msg(p->out, BC_ACTOR_HOST, BC_MSG_RECOVER);
        m->token = 0; /* pool batches; proposals use their ids */
        m->txs = txs;
    }
}

static void settle(pool_t *p, entry_t *e, uint64_t state_nonce)
{
    int32_t status = check_after_recover(p, e->tx, state_nonce);
    if (status) {
        p->stats.refused++;
        pool_drop(p, e, status);
        return;
    }
    p->stats.accepted++;
    nonce_accept(p, e);
    pool_move(p, e, ENTRY_UNSEALED);
    for (waiter_t **at = &e->waiters; *at;) {
        waiter_t *w = *at;
        if (w->wait) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        answer(p, w, BC_TXS_NONE);
        free(w);
    }
    if (e->from_client)
        sync_gossip(p, e->tx);
}

uint64_t pool_state_nonce(const bc_msg_t *recovered, size_t i)
{
    bc_bytes_t v = bc_buf_view(recovered->data);
    uint64_t nonce = UINT64_MAX;
    if (v.n >= 8 * (i + 1))
        memcpy(&nonce, v.p + 8 * i, 8);
    return nonce;
}

static void on_recovered(pool_t *p, bc_msg_t *in)
{
    prop_t *q = in->token ? proposal_find(p, in->token) : NULL;
    if (in->token) {
        if (q)
            proposal_recovered(p, q, in);
        return;
    }
    for (size_t i = 0; i < in->txs->cnt; i++) {
        entry_t *e = pool_find(p, &in->txs->v[i]->hash);
        if (!e || e->state != ENTRY_VERIFYING || e->tx != in->txs->v[i])
            continue; /* a proposal or a block settled it meanwhile */
        settle(p, e, pool_state_nonce(in, i));
    }
    p->batches--;
    pool_send_verify(p);
    proposal_recheck(p);
    pool_tell_size(p);
}

static void on_submit(pool_t *p, bc_msg_t *in)
{
    if (in->from == BC_ACTOR_SEALER) { /* our own; others fetch it with the proposal */
        static const bc_h256_t none;
        if (pool_enforce(p, in->txs->v[0], -1, &none))
            pool_tell_size(p);
        return;
    }
    waiter_t *w = bc_xcalloc(1, sizeof *w);
    w->token = in->token;
    w->wait = in->flag;
    int32_t status = pool_offer(p, bc_tx_ref(in->txs->v[0]), w, true);
    if (status) {
        answer(p, w, status);
        free(w);
    }
}

/* The entry's transaction becomes tx, of the same hash, which is verified. */
static void entry_set(pool_t *p, entry_t *e, bc_tx_t *tx)
{
    bc_map_remove(&p->by_hash, BC_VIEW(tx->hash));
    p->bytes += tx->raw->n - e->tx->raw->n;
    if (e->tx != tx) /* its row is written over: whoever commits it all the same writes it again */
        atomic_store_explicit(&e->tx->stored, false, memory_order_release);
    bc_tx_unref(e->tx);
    e->tx = bc_tx_ref(tx);
    e->stored = false;
    BC_MUST(bc_map_insert(&p->by_hash, e) == BC_OK);
    nonce_accept(p, e);
}

static bool same_bounds(const bc_tx_t *a, const bc_tx_t *b)
{
    uint8_t x[BC_TX_BOUNDS], y[BC_TX_BOUNDS];
    bc_tx_bounds(a, x);
    bc_tx_bounds(b, y);
    return !memcmp(x, y, sizeof x);
}

entry_t *pool_enforce(pool_t *p, bc_tx_t *tx, int64_t number, const bc_h256_t *hash)
{
    entry_t *e = pool_find(p, &tx->hash);
    if (e && e->state == ENTRY_SEALED && e->batch_id != number && e->batch_id != -1)
        return NULL;
    if (!e) {
        e = entry_new(p, bc_tx_ref(tx), ENTRY_UNSEALED);
        nonce_accept(p, e);
    } else if (e->state == ENTRY_VERIFYING) {
        /* our copy is still at the host; the proposal's is verified already */
        detach(p, e);
        entry_set(p, e, tx);
        attach(p, e, ENTRY_UNSEALED);
    } else if (!same_bounds(e->tx, tx)) { /* the leader's is the one that all execute */
        nonce_forget(p, e);
        entry_set(p, e, tx);
    }
    pool_seal(p, e, number, hash);
    return e;
}

/* ---- sealing ---- */

/* Seals e for the own proposal and writes it down, unless it cannot go on the chain any more:
 * then it is dropped. */
static bool fetch_take(pool_t *p, entry_t *e, bc_meta_t *m)
{
    static const bc_h256_t none;
    if (p->now->utc_ms > e->import_ms + p->c.expiration_ms) {
        p->stats.expired++;
        pool_drop(p, e, BC_TXS_POOL_TIMEOUT);
        return false;
    }
    int32_t status = check_before_recover(p, e->tx); /* a proposal may have brought it */
    if (!status)
        status = check_ledger_only(p, e->tx);
    if (status) {
        pool_drop(p, e, status);
        return false;
    }
    m->hash = e->tx->hash;
    m->attribute = (uint32_t)e->tx->w.attribute;
    m->system = e->tx->system;
    size_t n = BC_MIN(e->tx->w.data.to.n, sizeof m->to - 1);
    if (n) /* a create has no `to` */
        memcpy(m->to, e->tx->w.data.to.p, n);
    bc_tx_bounds(e->tx, m->bounds);
    m->size = (uint32_t)e->tx->raw->n;
    pool_seal(p, e, -1, &none);
    return true;
}

/* First in, first out, but a Web3 sender's transactions by nonce: the chain's nonce of a sender
 * never goes back, so one that is overtaken could not be accepted any more. One whose
 * predecessor does not come in time goes all the same (nonces may have gaps, spec/30 §1.3). */
static void on_fetch(pool_t *p, bc_msg_t *in)
{
    size_t want = in->number2 > 0 ? (size_t)in->number2 : 0, got = 0;
    want = BC_MIN(want, p->unsealed.cnt);
    bc_metas_t *metas = bc_metas_new(want);
    int64_t until = INT64_MAX; /* the first that has waited long enough */
    for (entry_t *e = p->unsealed.head, *next; e && got < want; e = next) {
        next = e->next;
        if (p->now->mono_ms < e->turn_until && !nonce_in_turn(p, e)) {
            until = BC_MIN(until, e->turn_until);
            continue;
        }
        /* what waits for another one of its nonce is dropped when that is in a block */
        while (e && got < want && !nonce_is_sealed(p, e) && fetch_take(p, e, &metas->v[got])) {
            got++;
            e = nonce_successor(p, e); /* may stand before e in the list, skipped */
            if (e && e == next)
                next = e->next;
        }
    }
    metas->cnt = got;
    if (got)
        p->idle_since = p->now->mono_ms;
    else if (p->now->mono_ms - p->idle_since >= 6000)
        sync_ask_status(p);
    if (until != INT64_MAX && !p->turn_armed) {
        p->turn_armed = true;
        timer(p, TIMER_TURN, until - p->now->mono_ms);
    }
    bc_msg_t *m = bc_out_msg(p->out, BC_ACTOR_SEALER, BC_MSG_FETCHED);
    m->token = in->token;
    m->metas = metas;
    pool_tell_size(p);
}

static void on_mark_sealed(pool_t *p, bc_msg_t *in)
{
    for (size_t i = 0; i < in->metas->cnt; i++) {
        entry_t *e = pool_find(p, &in->metas->v[i].hash);
        if (e && e->state != ENTRY_VERIFYING)
            pool_seal(p, e, in->number, &in->hash);
    }
}

static void on_unseal(pool_t *p, bc_msg_t *in)
{
    for (size_t i = 0; i < in->metas->cnt; i++) {
        entry_t *e = pool_find(p, &in->metas->v[i].hash);
        if (!e || e->state != ENTRY_SEALED || e->batch_id != in->number)
            continue;
        if (in->number != -1 && !bc_h256_eq(&e->batch_hash, &in->hash))
            continue; /* a newer proposal has taken it */
        pool_move(p, e, ENTRY_UNSEALED);
    }
    tell_size_now(p);
}

static void on_unseal_all(pool_t *p)
{
    while (p->sealed.head)
        pool_move(p, p->sealed.head, ENTRY_UNSEALED);
    tell_size_now(p);
}

/* ---- commit and time ---- */

/* Takes back what the own sealer holds and the chain cannot take any more: another transaction with
 * the same nonce was in a block meanwhile. */
static void withdraw(pool_t *p)
{
    size_t cnt = 0;
    bc_metas_t *metas = bc_metas_new(p->sealed.cnt);
    for (entry_t *e = p->sealed.head, *next; e; e = next) {
        next = e->next;
        int32_t status = e->batch_id == -1 ? check_ledger_only(p, e->tx) : BC_TXS_NONE;
        if (!status)
            continue;
        metas->v[cnt++].hash = e->tx->hash;
        pool_drop(p, e, status);
    }
    metas->cnt = cnt;
    if (!cnt) {
        bc_metas_unref(metas);
        return;
    }
    bc_out_msg(p->out, BC_ACTOR_SEALER, BC_MSG_WITHDRAW)->metas = metas;
}

static void on_committed(pool_t *p, bc_msg_t *in)
{
    bc_committed_t *c = in->committed;
    bool outlived = false;
    if (p->config)
        bc_ledger_config_unref(p->config);
    p->config = bc_ledger_config_ref(c->config);
    nonce_commit(p, c->number, c->txs->v, c->txs->cnt);
    for (size_t i = 0; i < c->txs->cnt; i++) {
        entry_t *e = pool_find(p, &c->txs->v[i]->hash);
        if (!e)
            continue;
        for (waiter_t *w = e->waiters, *next; w; w = next) {
            next = w->next;
            bc_msg_t *m = bc_out_msg(p->out, BC_ACTOR_HOST, BC_MSG_SUBMIT_DONE);
            m->token = w->token;
            m->number2 = (int64_t)i;
            m->committed = bc_committed_ref(c);
            free(w);
        }
        e->waiters = NULL;
        pool_drop(p, e, BC_TXS_NONE);
    }
    for (size_t i = 0; i < c->txs->cnt && !outlived; i++)
        outlived = nonce_outlives(p, c->txs->v[i]);
    if (outlived)
        withdraw(p);
    /* Even when as many came as went: the others have subtracted what the block took. */
    tell_size_now(p);
    pool_tell_size(p);
}

static void on_expire_timer(pool_t *p)
{
    p->expire_armed = false;
    size_t seen = 0;
    for (entry_t *e = p->unsealed.head, *next; e && seen < EXPIRE_SCAN_MAX; e = next, seen++) {
        next = e->next;
        if (p->now->utc_ms > e->import_ms + p->c.expiration_ms) {
            p->stats.expired++;
            pool_drop(p, e, BC_TXS_POOL_TIMEOUT);
        } else if (!p->is_sealer || p->consensus_timeout) {
            int32_t status = check_ledger_only(p, e->tx);
            if (status)
                pool_drop(p, e, status);
        }
    }
    pool_tell_size(p);
}

static void on_timer(pool_t *p, bc_msg_t *in)
{
    if (in->number == TIMER_EXPIRE) {
        on_expire_timer(p);
    } else if (in->number == TIMER_SIZE) {
        p->size_armed = false;
        if (size_is_news(p))
            tell_size_now(p);
    } else if (in->number == TIMER_TURN) {
        p->turn_armed = false;
        tell_size_now(p); /* the sealer looks again */
    }
}

static void update_role(pool_t *p)
{
    p->is_sealer = p->config && bc_ledger_config_sealer(p->config, &p->c.self) >= 0;
}

static void on_peers(pool_t *p, bc_msg_t *in)
{
    bc_bytes_t v = bc_buf_view(in->data);
    size_t cnt = v.n / 64;
    bool grew = cnt > p->peer_cnt;
    free(p->peers);
    p->peers = bc_xcalloc(cnt, sizeof p->peers[0]);
    p->peer_cnt = cnt;
    p->old_peers = in->flag;
    if (cnt)
        memcpy(p->peers, v.p, cnt * 64);
    if (grew && accepted_cnt(p) == 0)
        sync_ask_status(p);
}

static void step(void *self, const bc_now_t *now, bc_msg_t *in, bc_out_t *out)
{
    pool_t *p = self;
    p->now = now;
    p->out = out;
    switch (in->kind) {
    case BC_MSG_START:
        p->config = bc_ledger_config_ref(in->config);
        p->idle_since = now->mono_ms;
        update_role(p);
        break;
    case BC_MSG_TIMER: on_timer(p, in); break;
    case BC_MSG_PEERS: on_peers(p, in); break;
    case BC_MSG_SUBMIT: on_submit(p, in); break;
    case BC_MSG_RECOVERED: on_recovered(p, in); break;
    case BC_MSG_FETCH: on_fetch(p, in); break;
    case BC_MSG_MARK_SEALED: on_mark_sealed(p, in); break;
    case BC_MSG_UNSEAL: on_unseal(p, in); break;
    case BC_MSG_UNSEAL_ALL: on_unseal_all(p); break;
    case BC_MSG_COMMITTED:
        on_committed(p, in);
        update_role(p);
        break;
    case BC_MSG_CONSENSUS_STATE: p->consensus_timeout = in->flag; break;
    case BC_MSG_VERIFY_PROPOSAL: proposal_verify(p, in); break;
    case BC_MSG_LOADED_TXS:
        if (!sync_loaded(p, in))
            proposal_loaded(p, in);
        break;
    case BC_MSG_RESPONSE:
        if (in->token)
            proposal_response(p, in);
        else
            sync_response(p, in);
        break;
    case BC_MSG_DELIVER: sync_deliver(p, in); break;
    default: break;
    }
}

static void pool_free(void *self)
{
    pool_t *p = self;
    proposal_free_all(p);
    sync_free_all(p);
    for (int s = ENTRY_VERIFYING; s <= ENTRY_SEALED; s++) {
        list_t *l = list_of(p, (entry_state_t)s);
        while (l->head) {
            entry_t *e = l->head;
            list_unlink(l, e);
            for (waiter_t *w = e->waiters, *next; w; w = next) {
                next = w->next;
                free(w);
            }
            bc_tx_unref(e->tx);
            free(e);
        }
    }
    bc_map_free(&p->by_hash);
    nonce_free(p);
    if (p->config)
        bc_ledger_config_unref(p->config);
    free(p->peers);
    free(p);
}

bc_actor_if bc_txpool_new(const bc_txpool_config_t *config)
{
    static const bc_actor_ops_t ops = { step, pool_free };
    pool_t *p = bc_xcalloc(1, sizeof *p);
    p->c = *config;
    p->draw = config->seed;
    if (!p->c.limit)
        p->c.limit = 15000;
    if (!p->c.limit_bytes)
        p->c.limit_bytes = (size_t)256 << 20;
    if (!p->c.expiration_ms)
        p->c.expiration_ms = 600000;
    if (!p->c.block_limit)
        p->c.block_limit = 1000;
    if (!p->c.batch_max)
        p->c.batch_max = 64;
    if (!p->c.batches_max)
        p->c.batches_max = 4;
    bc_map_init(&p->by_hash, entry_key);
    nonce_init(p);
    return (bc_actor_if){ &ops, p };
}

void bc_txpool_load_nonces(bc_actor_if pool, int64_t number, const bc_tars_list_t *list)
{
    pool_t *p = pool.self;
    window_put(&p->window, number, list->v, list->n);
}

void bc_txpool_stats(bc_actor_if pool, bc_txpool_stats_t *out)
{
    const pool_t *p = pool.self;
    *out = p->stats;
    out->txs = p->by_hash.cnt;
    out->bytes = p->bytes;
    out->unsealed = p->unsealed.cnt;
    out->verifying = p->verifying.cnt;
    out->nonce_entries = p->pool_nonces.cnt + p->window.used + p->web3_nonces.cnt;
}
