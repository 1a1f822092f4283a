/* Verification of proposals (spec/30 §1.7): every transaction of a proposal is at hand, verified
 * and durable before consensus votes for it. Missing ones are looked up in the ledger, then asked
 * of the proposal's generator. */
#include <stdlib.h>
#include "base/log.h"
#include "scheduling/txpool/txpool_impl.h"

enum { /* official codes of the answer */
    CODE_TIMEOUT = 1000,
    CODE_MISSING = 2000,
    CODE_INCONSISTENT = 2001,
    CODE_SIGNATURE = 2002,
    CODE_FETCH_FAILED = 2003,
    CODE_VERIFY_FAILED = 2004,
};

prop_t *proposal_find(const pool_t *p, uint64_t id)
{
    for (prop_t *q = p->props; q; q = q->next)
        if (q->id == id)
            return q;
    return NULL;
}

static void prop_free(prop_t *q)
{
    bc_metas_unref(q->metas);
    bc_txs_unref(q->txs);
    bc_txs_unref(q->fetched);
    free(q);
}

void proposal_free_all(pool_t *p)
{
    for (prop_t *q = p->props, *next; q; q = next) {
        next = q->next;
        prop_free(q);
    }
    p->props = NULL;
}

/* Writes what the store does not have yet; the answer leaves after it on the consensus lane. */
static void prestore(pool_t *p, prop_t *q)
{
    size_t cnt = 0;
    bc_txs_t *txs = bc_txs_new(q->txs->cnt);
    for (size_t i = 0; i < q->txs->cnt; i++) {
        entry_t *e = pool_find(p, &q->txs->v[i]->hash);
        if (e && e->stored)
            continue;
        if (e)
            e->stored = true;
        txs->v[cnt++] = bc_tx_ref(q->txs->v[i]);
    }
    txs->cnt = cnt;
    if (!cnt) {
        bc_txs_unref(txs);
        return;
    }
    bc_msg_t *m = bc_out_msg(p->out, BC_ACTOR_HOST, BC_MSG_PRESTORE);
    m->number = q->number;
    m->txs = txs;
}

static void finish(pool_t *p, prop_t *q, int code)
{
    if (!code)
        prestore(p, q);
    else
        BC_WARN(BADGES, "verifyProposal failed,number=%ld,hash=%s,code=%d%s", (long)q->number,
                BC_SHORT(q->hash), code,
                q->impossible ? ",the chain cannot take one of its transactions" : "");
    bc_msg_t *m = bc_out_msg(p->out, BC_ACTOR_PBFT, BC_MSG_PROPOSAL_VERIFIED);
    m->token = q->token;
    m->number = q->number;
    m->hash = q->hash;
    m->number2 = code;
    m->flag = code && q->impossible;
    m->err = !code                  ? BC_OK
             : code == CODE_TIMEOUT ? BC_E_TIMEOUT
             : code == CODE_MISSING ? BC_E_NOT_FOUND
                                    : BC_E_MISMATCH;
    if (!code) {
        m->txs = q->txs;
        q->txs = NULL;
    }
    for (prop_t **at = &p->props; *at; at = &(*at)->next) {
        if (*at == q) {
            *at = q->next;
            p->prop_cnt--;
            break;
        }
    }
    prop_free(q);
    pool_tell_size(p);
}

/* Fills q->txs from the pool. Returns a code when a transaction belongs to another proposal; *missing
 * and *verifying count the rest. */
static int look_in_pool(pool_t *p, prop_t *q, size_t *missing, size_t *verifying)
{
    *missing = *verifying = 0;
    for (size_t i = 0; i < q->metas->cnt; i++) {
        if (q->txs->v[i])
            continue;
        entry_t *e = pool_find(p, &q->metas->v[i].hash);
        if (!e) {
            ++*missing;
        } else if (e->state == ENTRY_VERIFYING) {
            ++*verifying;
        } else if (e->state == ENTRY_SEALED && e->batch_id != q->number && e->batch_id != -1) {
            return CODE_VERIFY_FAILED;
        } else {
            q->txs->v[i] = bc_tx_ref(e->tx);
        }
    }
    return 0;
}

static void ask_ledger(pool_t *p, prop_t *q)
{
    q->stage = PROP_LEDGER;
    size_t cnt = 0;
    bc_metas_t *metas = bc_metas_new(q->metas->cnt);
    for (size_t i = 0; i < q->metas->cnt; i++)
        if (!q->txs->v[i])
            metas->v[cnt++].hash = q->metas->v[i].hash;
    metas->cnt = cnt;
    bc_msg_t *m = bc_out_msg(p->out, BC_ACTOR_HOST, BC_MSG_LOAD_TXS);
    m->token = q->id;
    m->metas = metas;
    m->flag = true;
}

static void ask_generator(pool_t *p, prop_t *q)
{
    size_t cnt = 0;
    bc_h256_t *hashes = bc_xcalloc(q->metas->cnt, sizeof *hashes);
    for (size_t i = 0; i < q->metas->cnt; i++)
        if (!q->txs->v[i])
            hashes[cnt++] = q->metas->v[i].hash;
    bc_buf_t *data = q->has_node ? sync_encode_request(hashes, cnt) : NULL;
    free(hashes);
    if (!data) {
        finish(p, q, CODE_MISSING);
        return;
    }
    q->stage = PROP_PEER;
    bc_msg_t *m = bc_out_msg(p->out, BC_ACTOR_FRONT, BC_MSG_REQUEST);
    m->module = BC_MODULE_CONS_TXS_SYNC;
    m->node = q->node;
    m->token = q->id;
    m->number2 = FETCH_TIMEOUT_MS;
    m->data = data;
}

/* Official leaders do not name the bounds: what is here is taken. */
static bool as_meant(const pool_t *p, const prop_t *q)
{
    bc_h256_t bounds;
    if (!q->has_bounds)
        return true;
    bc_txs_bounds(q->txs, p->c.suite, &bounds);
    return bc_h256_eq(&bounds, &q->bounds);
}

/* Ends a proposal all of whose transactions are at hand. They must be those that the leader means: the
 * hash does not tell where their fields end. Only then is it known whether a block can have them. */
static void complete(pool_t *p, prop_t *q)
{
    if (!as_meant(p, q)) {
        if (q->whole) {
            finish(p, q, CODE_INCONSISTENT);
            return;
        }
        q->whole = true;
        bc_txs_unref(q->txs);
        q->txs = bc_txs_new(q->metas->cnt);
        ask_generator(p, q);
        return;
    }
    for (size_t i = 0; i < q->txs->cnt; i++) {
        int32_t status = check_in_block(p, q->txs->v[i], q->number);
        if (!status)
            continue;
        q->impossible = true;
        entry_t *e = pool_find(p, &q->txs->v[i]->hash);
        if (e)
            pool_drop(p, e, status);
    }
    finish(p, q, q->impossible ? CODE_VERIFY_FAILED : 0);
}

static void advance(pool_t *p, prop_t *q)
{
    size_t missing, verifying;
    int code = look_in_pool(p, q, &missing, &verifying);
    if (code) {
        finish(p, q, code);
    } else if (verifying) {
        q->stage = PROP_VERIFYING; /* proposal_recheck comes back */
    } else if (!missing) {
        complete(p, q);
    } else if (q->stage == PROP_VERIFYING) {
        ask_ledger(p, q);
    } else {
        ask_generator(p, q);
    }
}

/* Official leaders leave it empty. */
static bool bounds_of(const bc_header_data_t *h, bc_h256_t *out)
{
    if (h->receipts_root.n != sizeof out->b)
        return false;
    memcpy(out->b, h->receipts_root.p, sizeof out->b);
    return !bc_h256_is_zero(out);
}

void proposal_verify(pool_t *p, bc_msg_t *in)
{
    static const bc_nodeid_t none;
    prop_t *q = bc_xcalloc(1, sizeof *q);
    q->id = ++p->next_id;
    q->token = in->token;
    q->number = in->number;
    q->hash = in->hash;
    q->node = in->node;
    q->has_node = memcmp(in->node.b, none.b, 64) != 0 && memcmp(in->node.b, p->c.self.b, 64) != 0;
    q->metas = in->metas;
    in->metas = NULL;
    if (in->header && q->metas->cnt)
        q->has_bounds = bounds_of(&in->header->h.data, &q->bounds);
    q->txs = bc_txs_new(q->metas->cnt);
    q->next = p->props;
    p->props = q;
    if (++p->prop_cnt > PROPOSALS_MAX) {
        finish(p, q, CODE_VERIFY_FAILED);
        return;
    }
    advance(p, q);
}

void proposal_recheck(pool_t *p)
{
    for (prop_t *q = p->props, *next; q; q = next) {
        next = q->next;
        if (q->stage == PROP_VERIFYING)
            advance(p, q);
    }
}

/* Lets a transaction that the pool did not have in for the proposal. */
static bool enforce(pool_t *p, prop_t *q, bc_tx_t *tx, bool stored)
{
    entry_t *e = pool_enforce(p, tx, q->number, &q->hash);
    if (!e)
        return false;
    e->stored |= stored;
    for (size_t i = 0; i < q->metas->cnt; i++)
        if (!q->txs->v[i] && bc_h256_eq(&q->metas->v[i].hash, &tx->hash))
            q->txs->v[i] = bc_tx_ref(tx);
    return true;
}

void proposal_loaded(pool_t *p, bc_msg_t *in)
{
    prop_t *q = proposal_find(p, in->token);
    if (!q || q->stage != PROP_LEDGER)
        return;
    q->impossible = in->flag;
    for (size_t i = 0; i < in->txs->cnt && !q->impossible; i++)
        if (in->txs->v[i])
            (void)enforce(p, q, in->txs->v[i], true);
    if (q->impossible) {
        finish(p, q, CODE_VERIFY_FAILED);
        return;
    }
    size_t missing, verifying;
    if (!look_in_pool(p, q, &missing, &verifying) && missing + verifying > 0)
        ask_generator(p, q);
    else
        advance(p, q);
}

void proposal_response(pool_t *p, bc_msg_t *in)
{
    prop_t *q = proposal_find(p, in->token);
    if (!q || q->stage != PROP_PEER)
        return;
    if (in->err) {
        finish(p, q, CODE_TIMEOUT);
        return;
    }
    size_t missing = 0, at = 0;
    for (size_t i = 0; i < q->metas->cnt; i++)
        missing += !q->txs->v[i];
    bc_txs_t *txs;
    if (sync_decode_response(p, bc_buf_view(in->data), missing, &txs)) {
        finish(p, q, CODE_FETCH_FAILED);
        return;
    }
    int code = txs->cnt < missing ? CODE_MISSING : 0;
    for (size_t i = 0; !code && i < q->metas->cnt; i++)
        if (!q->txs->v[i] && !bc_h256_eq(&txs->v[at++]->hash, &q->metas->v[i].hash))
            code = CODE_INCONSISTENT;
    if (code == CODE_INCONSISTENT || !txs->cnt) {
        bc_txs_unref(txs);
        finish(p, q, code);
        return;
    }
    q->stage = PROP_RECOVER;
    bc_txs_unref(q->fetched); /* of a first round */
    q->fetched = txs;
    bc_msg_t *m = bc_out_msg(p->out, BC_ACTOR_HOST, BC_MSG_RECOVER);
    m->token = q->id;
    m->txs = bc_txs_ref(txs);
}

void proposal_recovered(pool_t *p, prop_t *q, const bc_msg_t *in)
{
    int code = 0;
    for (size_t i = 0; i < in->txs->cnt; i++) {
        bc_tx_t *tx = in->txs->v[i];
        if (!tx->sender_known) {
            code = CODE_SIGNATURE;
            continue;
        }
        nonce_learn(p, tx, pool_state_nonce(in, i));
        if (!enforce(p, q, tx, false))
            code = CODE_VERIFY_FAILED;
    }
    size_t missing = 0;
    for (size_t i = 0; i < q->metas->cnt; i++)
        missing += !q->txs->v[i];
    if (code || missing)
        finish(p, q, code ? code : CODE_MISSING);
    else
        complete(p, q);
}
