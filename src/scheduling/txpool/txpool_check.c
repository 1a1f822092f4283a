/* Rules of admission and nonces: spec/30 §1.2 and §1.3. The order of the rules is normative. */
#include <stdio.h>
#include <stdlib.h>
#include "codec/hex.h"
#include "scheduling/txpool/txpool_impl.h"

#define SENDERS_MAX 100000

enum { LIMIT_AHEAD_MIN = 600 }; /* of rotation transactions, spec/30 §4 */

static bc_bytes_t nonce_key(const void *item)
{
    const nonce_t *n = item;
    return bc_bytes(n->s, n->n);
}

static bc_bytes_t sender_key(const void *item)
{
    return BC_VIEW(((const sender_t *)item)->addr);
}

static nonce_t *nonce_add(bc_map_t *m, bc_bytes_t text)
{
    nonce_t *n = bc_map_find(m, text);
    if (!n) {
        n = bc_xcalloc(1, sizeof *n + text.n);
        n->n = (uint32_t)text.n;
        if (text.n)
            memcpy(n->s, text.p, text.n);
        BC_MUST(bc_map_insert(m, n) == BC_OK);
    }
    n->cnt++;
    return n;
}

static void nonce_sub(bc_map_t *m, nonce_t *n)
{
    if (--n->cnt == 0) {
        bc_map_remove(m, nonce_key(n));
        free(n);
    }
}

static bc_bytes_t web3_key(const void *item)
{
    return bc_bytes(((const entry_t *)item)->nonce_key, 28);
}

static void web3_key_make(uint8_t out[28], const bc_addr_t *sender, uint64_t nonce)
{
    memcpy(out, sender->b, 20);
    bc_store_be64(out + 20, nonce);
}

static entry_t *web3_find(const pool_t *p, const bc_addr_t *sender, uint64_t nonce)
{
    uint8_t key[28];
    web3_key_make(key, sender, nonce);
    return bc_map_find(&p->web3_nonces, bc_bytes(key, sizeof key));
}

void nonce_init(pool_t *p)
{
    bc_map_init(&p->pool_nonces, nonce_key);
    window_init(&p->window, bc_txpool_window(p->c.block_limit));
    bc_map_init(&p->web3_nonces, web3_key);
    bc_map_init(&p->senders, sender_key);
}

static void free_items(bc_map_t *m)
{
    void *item;
    for (size_t i = 0; (item = bc_map_next(m, &i));)
        free(item);
    bc_map_free(m);
}

void nonce_free(pool_t *p)
{
    free_items(&p->pool_nonces);
    window_free(&p->window);
    bc_map_free(&p->web3_nonces);
    free_items(&p->senders);
}

/* ---- Web3 senders ---- */

static void lru_unlink(pool_t *p, sender_t *s)
{
    if (s->prev)
        s->prev->next = s->next;
    else
        p->lru_head = s->next;
    if (s->next)
        s->next->prev = s->prev;
    else
        p->lru_tail = s->prev;
    s->prev = s->next = NULL;
}

static void lru_push(pool_t *p, sender_t *s)
{
    s->prev = p->lru_tail;
    s->next = NULL;
    if (p->lru_tail)
        p->lru_tail->next = s;
    else
        p->lru_head = s;
    p->lru_tail = s;
}

static void tell_pending(pool_t *p, const sender_t *s)
{
    bc_msg_t *m = bc_out_msg(p->out, BC_ACTOR_HOST, BC_MSG_PENDING_NONCE);
    memcpy(m->node.b, s->addr.b, 20);
    m->number = s->has_pending ? (int64_t)s->pending : s->has_ledger ? (int64_t)s->ledger : -1;
}

static sender_t *sender_of(pool_t *p, const bc_addr_t *addr)
{
    sender_t *s = bc_map_find(&p->senders, BC_VIEW(*addr));
    if (s) {
        lru_unlink(p, s);
    } else {
        if (p->senders.cnt >= SENDERS_MAX) {
            sender_t *old = p->lru_head;
            lru_unlink(p, old);
            bc_map_remove(&p->senders, BC_VIEW(old->addr));
            old->has_pending = old->has_ledger = false;
            tell_pending(p, old);
            free(old);
        }
        s = bc_xcalloc(1, sizeof *s);
        s->addr = *addr;
        s->seen = -LATE_BLOCKS;
        BC_MUST(bc_map_insert(&p->senders, s) == BC_OK);
    }
    lru_push(p, s);
    return s;
}

static int32_t web3_range(uint64_t nonce, uint64_t ledger)
{
    return nonce < ledger || nonce > ledger + WEB3_NONCE_GAP ? BC_TXS_NONCE_CHECK_FAIL : BC_TXS_NONE;
}

static int32_t check_web3(pool_t *p, const bc_tx_t *tx, uint64_t state_nonce)
{
    uint64_t nonce;
    if (!bc_tx_account_nonce(tx, &nonce) || web3_find(p, &tx->sender, nonce))
        return BC_TXS_NONCE_CHECK_FAIL;
    nonce_learn(p, tx, state_nonce);
    const sender_t *s = sender_of(p, &tx->sender);
    return s->has_ledger ? web3_range(nonce, s->ledger) : BC_TXS_NONE;
}

void nonce_learn(pool_t *p, const bc_tx_t *tx, uint64_t state_nonce)
{
    if (tx->w.type == 0 || state_nonce == UINT64_MAX)
        return;
    sender_t *s = sender_of(p, &tx->sender);
    /* the state was read on a worker: a commit since then may know more */
    if (!s->has_ledger || state_nonce > s->ledger) {
        s->has_ledger = true;
        s->ledger = state_nonce;
    }
}

static bool web3_chain_ok(const pool_t *p, const bc_tx_t *tx)
{
    bc_bytes_t id = tx->w.data.chain_id;
    return !id.n || bc_bytes_eq(id, BC_STR("0")) || bc_bytes_eq(id, bc_cstr(p->config->web3_chain_id));
}

/* ---- rules ---- */

int32_t check_before_recover(const pool_t *p, const bc_tx_t *tx)
{
    if (tx->w.type != 0)
        return BC_TXS_NONE;
    if (!bc_bytes_eq(tx->w.data.group_id, bc_cstr(p->c.group_id)))
        return BC_TXS_INVALID_GROUP_ID;
    if (!bc_bytes_eq(tx->w.data.chain_id, bc_cstr(p->c.chain_id)))
        return BC_TXS_INVALID_CHAIN_ID;
    return BC_TXS_NONE;
}

static int32_t check_block_limit(const pool_t *p, const bc_tx_t *tx)
{
    int64_t n = p->config->number, limit = tx->w.data.block_limit;
    if (p->c.check_block_limit && (n >= limit || n + (int64_t)p->c.block_limit < limit))
        return BC_TXS_BLOCK_LIMIT_CHECK_FAIL;
    return BC_TXS_NONE;
}

int32_t check_after_recover(pool_t *p, const bc_tx_t *tx, uint64_t state_nonce)
{
    if (!tx->sender_known || (tx->w.type != 0 && !bc_tx_low_s(tx)))
        return BC_TXS_INVALID_SIGNATURE;
    int32_t status;
    if (tx->w.type == 0) {
        if (bc_map_find(&p->pool_nonces, tx->w.data.nonce) ||
            window_has(&p->window, tx->w.data.nonce, p->c.block_limit))
            return BC_TXS_NONCE_CHECK_FAIL;
        status = check_block_limit(p, tx);
    } else {
        status = check_web3(p, tx, state_nonce);
    }
    if (status)
        return status;
    if (tx->w.data.value.n > VALUE_TEXT_MAX)
        return BC_TXS_OVERFLOW_VALUE;
    if (tx->w.type != 0) {
        if (tx->w.data.input.n > WEB3_INPUT_MAX)
            return BC_TXS_MAX_INIT_CODE;
        if (!web3_chain_ok(p, tx))
            return BC_TXS_INVALID_CHAIN_ID;
    }
    return BC_TXS_NONE;
}

int32_t check_ledger_only(const pool_t *p, const bc_tx_t *tx)
{
    if (tx->w.type == 0) {
        if (window_has(&p->window, tx->w.data.nonce, p->c.block_limit))
            return BC_TXS_NONCE_CHECK_FAIL;
        return check_block_limit(p, tx);
    }
    uint64_t nonce;
    if (!bc_tx_account_nonce(tx, &nonce))
        return BC_TXS_NONCE_CHECK_FAIL;
    if (!web3_chain_ok(p, tx))
        return BC_TXS_INVALID_CHAIN_ID;
    const sender_t *s = bc_map_find(&p->senders, BC_VIEW(tx->sender));
    return s && s->has_ledger ? web3_range(nonce, s->ledger) : BC_TXS_NONE;
}

/* The longest that a block limit may lie ahead: what the pools let in, and the leaders' own rotation
 * transactions (spec/30 §4). */
static uint32_t limit_ahead(uint32_t block_limit)
{
    return BC_MAX(block_limit, (uint32_t)LIMIT_AHEAD_MIN);
}

uint32_t bc_txpool_window(uint32_t block_limit)
{
    return limit_ahead(block_limit) + LATE_BLOCKS;
}

static int32_t web3_in_block(const pool_t *p, const bc_tx_t *tx, int64_t number)
{
    uint64_t nonce;
    uint8_t key[28];
    if (!bc_tx_account_nonce(tx, &nonce))
        return BC_TXS_NONCE_CHECK_FAIL;
    if (!web3_chain_ok(p, tx))
        return BC_TXS_INVALID_CHAIN_ID;
    web3_key_make(key, &tx->sender, nonce);
    if (window_has(&p->window, bc_bytes(key, sizeof key), p->window.blocks))
        return BC_TXS_NONCE_CHECK_FAIL;
    /* Lower than the chain's: used, or left out. What was left out may come late, by a leader who
     * took it before the higher one was in the ledger; not when the higher ones are long past. */
    const sender_t *s = bc_map_find(&p->senders, BC_VIEW(tx->sender));
    return s && s->has_ledger && nonce < s->ledger && s->seen + LATE_BLOCKS < number
               ? BC_TXS_NONCE_CHECK_FAIL
               : BC_TXS_NONE;
}

int32_t check_in_block(const pool_t *p, const bc_tx_t *tx, int64_t number)
{
    int32_t status = check_before_recover(p, tx);
    if (status)
        return status;
    if (tx->w.type != 0)
        return web3_in_block(p, tx, number);
    if (window_has(&p->window, tx->w.data.nonce, p->window.blocks))
        return BC_TXS_NONCE_CHECK_FAIL;
    /* Within these bounds the window knows every nonce that was used with such a limit. */
    int64_t limit = tx->w.data.block_limit;
    if (p->c.check_block_limit && (limit > number + limit_ahead(p->c.block_limit) || limit + LATE_BLOCKS < number))
        return BC_TXS_BLOCK_LIMIT_CHECK_FAIL;
    return BC_TXS_NONE;
}

void nonce_accept(pool_t *p, entry_t *e)
{
    const bc_tx_t *tx = e->tx;
    uint64_t nonce;
    if (tx->w.type == 0) {
        e->nonce = nonce_add(&p->pool_nonces, tx->w.data.nonce);
        e->nonce->sealed += e->state == ENTRY_SEALED;
        return;
    }
    if (!bc_tx_account_nonce(tx, &nonce))
        return; /* from a proposal: on the chain whatever it is */
    e->has_nonce = true;
    e->turn_until = p->now->mono_ms + TURN_WAIT_MS;
    web3_key_make(e->nonce_key, &tx->sender, nonce);
    entry_t *first = bc_map_find(&p->web3_nonces, bc_bytes(e->nonce_key, sizeof e->nonce_key));
    if (first) {
        e->same_nonce = first->same_nonce;
        first->same_nonce = e;
    } else {
        BC_MUST(bc_map_insert(&p->web3_nonces, e) == BC_OK);
    }
    sender_t *s = sender_of(p, &tx->sender);
    uint64_t next = s->has_pending ? s->pending : s->has_ledger ? s->ledger : 0;
    if (nonce + 1 > next) { /* not by what fills a gap late */
        s->has_pending = true;
        s->pending = nonce + 1;
        tell_pending(p, s);
    }
}

void nonce_forget(pool_t *p, entry_t *e)
{
    const bc_tx_t *tx = e->tx;
    if (e->nonce) {
        e->nonce->sealed -= e->state == ENTRY_SEALED;
        nonce_sub(&p->pool_nonces, e->nonce);
        e->nonce = NULL;
    }
    if (!e->has_nonce)
        return;
    e->has_nonce = false;
    entry_t *first = bc_map_remove(&p->web3_nonces, bc_bytes(e->nonce_key, sizeof e->nonce_key));
    if (first == e) {
        first = e->same_nonce;
    } else {
        entry_t *before = first;
        while (before->same_nonce != e)
            before = before->same_nonce;
        before->same_nonce = e->same_nonce;
    }
    e->same_nonce = NULL;
    if (first)
        BC_MUST(bc_map_insert(&p->web3_nonces, first) == BC_OK);
    /* the account may go on from the chain's nonce again */
    sender_t *s = bc_map_find(&p->senders, BC_VIEW(tx->sender));
    uint64_t nonce = bc_load_be64(e->nonce_key + 20);
    if (s && s->has_pending && nonce + 1 == s->pending && (!s->has_ledger || s->ledger <= nonce)) {
        s->has_pending = s->has_ledger && nonce > s->ledger;
        s->pending = nonce;
        tell_pending(p, s);
    }
}

bool nonce_in_turn(const pool_t *p, const entry_t *e)
{
    if (!e->has_nonce)
        return true;
    uint64_t nonce = bc_load_be64(e->nonce_key + 20);
    const sender_t *s = bc_map_find(&p->senders, BC_VIEW(e->tx->sender));
    if (nonce <= (s && s->has_ledger ? s->ledger : 0))
        return true;
    for (const entry_t *x = web3_find(p, &e->tx->sender, nonce - 1); x; x = x->same_nonce)
        if (x->state == ENTRY_SEALED)
            return true;
    return false;
}

bool nonce_is_sealed(const pool_t *p, const entry_t *e)
{
    if (e->nonce)
        return e->nonce->sealed > 0;
    const entry_t *x =
        e->has_nonce ? bc_map_find(&p->web3_nonces, bc_bytes(e->nonce_key, sizeof e->nonce_key)) : NULL;
    for (; x; x = x->same_nonce)
        if (x != e && x->state == ENTRY_SEALED)
            return true;
    return false;
}

bool nonce_outlives(const pool_t *p, const bc_tx_t *tx)
{
    uint64_t nonce;
    if (bc_map_find(&p->pool_nonces, tx->w.data.nonce))
        return true;
    return tx->w.type != 0 && bc_tx_account_nonce(tx, &nonce) && web3_find(p, &tx->sender, nonce);
}

entry_t *nonce_successor(const pool_t *p, const entry_t *e)
{
    if (!e->has_nonce)
        return NULL;
    entry_t *x = web3_find(p, &e->tx->sender, bc_load_be64(e->nonce_key + 20) + 1);
    while (x && x->state != ENTRY_UNSEALED)
        x = x->same_nonce;
    return x;
}

void nonce_commit(pool_t *p, int64_t number, bc_tx_t *const *txs, size_t cnt)
{
    bc_bytes_t *nonces = bc_xcalloc(2 * cnt, sizeof *nonces);
    uint8_t(*keys)[28] = bc_xcalloc(cnt, sizeof *keys);
    size_t n = 0;
    for (size_t i = 0; i < cnt; i++) {
        const bc_tx_t *tx = txs[i];
        nonces[n++] = tx->w.data.nonce;
        uint64_t nonce;
        if (tx->w.type == 0 || !bc_tx_account_nonce(tx, &nonce))
            continue;
        web3_key_make(keys[i], &tx->sender, nonce);
        nonces[n++] = bc_bytes(keys[i], sizeof keys[i]);
        sender_t *s = sender_of(p, &tx->sender);
        s->seen = number;
        if (!s->has_ledger || nonce + 1 > s->ledger) {
            s->has_ledger = true;
            s->ledger = nonce + 1;
        }
        if (s->has_pending && s->ledger >= s->pending)
            s->has_pending = false;
        tell_pending(p, s);
    }
    window_put(&p->window, number, nonces, n);
    free(keys);
    free(nonces);
}
