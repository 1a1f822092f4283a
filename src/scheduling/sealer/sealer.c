#include "sealer.h"
#include <stdio.h>
#include <stdlib.h>
#include "base/log.h"
#include "codec/hex.h"
#include "protocol/features.h"
#include "rotation.h"

#define BADGES "[SEALER]"

enum { TIMER_SEAL = 1 };
/* Of a block's transactions, but for a single larger one: a whole block has to fit into a message between
 * nodes (p2p.allow_max_msg_size), or who has missed it could never get it. */
enum { BLOCK_BYTES_MAX = 16 << 20 };

/* Taken transactions, first come first served. */
typedef struct {
    bc_meta_t *v;
    size_t cnt, cap;
    size_t bytes; /* of the transactions */
} queue_t;

typedef struct {
    bc_suite_t suite;
    bc_nodeid_t self;
    rotation_t rotation;
    bool single;            /* the sealer list is this node alone, whatever the ledger says */
    int64_t min_seal;
    bc_ledger_config_t *cfg;
    int64_t index;          /* own place in the sealer list, -1: none */
    int64_t start, end, cur; /* window; cur > end: exhausted */
    size_t max_txs;
    int64_t wait_until;     /* propose only when this height is in the ledger */
    int64_t number, timestamp; /* latest block; the time also covers what we proposed last */
    int64_t offset;         /* median clock offset of the peers */
    int64_t last_seal;      /* mono ms */
    queue_t system, normal;
    uint64_t fetch;         /* token of the fetch under way, 0: none */
    uint64_t token;
    int64_t unsealed;       /* what the pool may still have for us */
    int64_t armed;          /* when the timer fires, 0: off */
    bc_now_t now;
    bc_out_t *out;
} sealer_t;

static size_t queued(const sealer_t *s)
{
    return s->system.cnt + s->normal.cnt;
}

static bool full(const sealer_t *s)
{
    return queued(s) >= s->max_txs || s->system.bytes + s->normal.bytes >= BLOCK_BYTES_MAX;
}

static void queue_put(queue_t *q, const bc_meta_t *m)
{
    if (q->cnt == q->cap) {
        q->cap = q->cap ? 2 * q->cap : 64;
        q->v = bc_xrealloc(q->v, q->cap * sizeof q->v[0]);
    }
    q->v[q->cnt++] = *m;
    q->bytes += m->size;
}

/* How many of the first ones, at most max, a block has room for that holds *bytes already; those are
 * added. */
static size_t queue_fit(const queue_t *q, size_t max, size_t *bytes)
{
    size_t n = 0;
    while (n < BC_MIN(max, q->cnt) && (!*bytes || *bytes + q->v[n].size <= BLOCK_BYTES_MAX))
        *bytes += q->v[n++].size;
    return n;
}

static void queue_take(queue_t *q, bc_meta_t *to, size_t n)
{
    if (!n)
        return;
    memcpy(to, q->v, n * sizeof *to);
    q->cnt -= n;
    for (size_t i = 0; i < n; i++)
        q->bytes -= to[i].size;
    memmove(q->v, q->v + n, q->cnt * sizeof q->v[0]);
}

static void queue_drop(queue_t *q, const bc_metas_t *gone)
{
    size_t n = 0;
    for (size_t i = 0; i < q->cnt; i++) {
        bool keep = true;
        for (size_t k = 0; k < gone->cnt && keep; k++)
            keep = !bc_h256_eq(&q->v[i].hash, &gone->v[k].hash);
        if (keep)
            q->v[n++] = q->v[i];
        else
            q->bytes -= q->v[i].size;
    }
    q->cnt = n;
}

static void give_back(sealer_t *s, bc_metas_t *metas)
{
    bc_msg_t *m = bc_out_msg(s->out, BC_ACTOR_TXPOOL, BC_MSG_UNSEAL);
    m->number = -1;
    m->metas = metas;
}

static void give_back_queued(sealer_t *s)
{
    size_t ns = s->system.cnt, nn = s->normal.cnt;
    if (!ns && !nn)
        return;
    bc_metas_t *metas = bc_metas_new(ns + nn);
    queue_take(&s->system, metas->v, ns);
    queue_take(&s->normal, metas->v + ns, nn);
    give_back(s, metas);
}

/* SDKs write system addresses with 0x: no system transaction by the chain's rule, yet the next
 * block had better wait for its effect (the sealer list, the limits). */
static bool changes_config(const bc_meta_t *m)
{
    if (m->system)
        return true;
    bc_bytes_t to = bc_cstr(m->to);
    return to.n == 42 && to.p[0] == '0' && to.p[1] == 'x' && bc_is_system_to(bc_bytes(to.p + 2, 40));
}

static bool has_work(const sealer_t *s)
{
    return s->index >= 0 && s->cur <= s->end;
}

static void fetch(sealer_t *s)
{
    size_t want = (size_t)(s->end - s->cur + 1) * s->max_txs;
    if (s->fetch || !has_work(s) || want <= queued(s) || s->unsealed <= 0)
        return;
    s->fetch = ++s->token;
    bc_msg_t *m = bc_out_msg(s->out, BC_ACTOR_TXPOOL, BC_MSG_FETCH);
    m->token = s->fetch;
    m->number2 = (int64_t)(want - queued(s));
}

/* Official leaders leave the roots out. They bind the votes, which are for the header's hash, to these
 * transactions and to where their fields end; execution sets both anew (notes 0019, 0024). */
static bc_hdr_t *make_header(sealer_t *s, int64_t number, const bc_metas_t *metas)
{
    bc_h256_t root, bounds;
    bc_metas_root(metas, s->suite, &root);
    bc_metas_bounds(metas, s->suite, &bounds);
    size_t n = s->single ? 1 : s->cfg->sealer_cnt;
    bc_bytes_t *ids = bc_xcalloc(n + 1, sizeof *ids);
    int64_t *weights = bc_xcalloc(n + 1, sizeof *weights);
    for (size_t i = 0; i < n; i++) {
        ids[i] = s->single ? BC_VIEW(s->self) : BC_VIEW(s->cfg->sealers[i].id);
        weights[i] = s->single ? 1 : (int64_t)s->cfg->sealers[i].vote_weight;
    }
    bc_header_t h = { 0 };
    h.data.version = (int32_t)BC_MIN(s->cfg->version, BC_VERSION_MAX);
    h.data.number = number;
    h.data.timestamp = BC_MAX(s->now.utc_ms + s->offset, s->timestamp + 1);
    h.data.txs_root = BC_VIEW(root);
    h.data.receipts_root = BC_VIEW(bounds);
    h.data.sealer = s->index;
    h.data.sealer_list = (bc_tars_list_t){ ids, n };
    h.data.weights = (bc_tars_list_t){ weights, n };
    bc_hdr_t *hdr = bc_hdr_new(s->suite, &h);
    free(ids);
    free(weights);
    return hdr;
}

/* The pool takes it before consensus asks for it. */
static void put_rotation(sealer_t *s, bc_tx_t *tx, bc_meta_t *meta)
{
    meta->hash = tx->hash;
    meta->attribute = (uint32_t)tx->w.attribute;
    meta->system = true;
    snprintf(meta->to, sizeof meta->to, "%.*s", (int)tx->w.data.to.n, (const char *)tx->w.data.to.p);
    bc_hex_put(BC_VIEW(tx->sender), meta->source);
    bc_tx_bounds(tx, meta->bounds);
    bc_msg_t *m = bc_out_msg(s->out, BC_ACTOR_TXPOOL, BC_MSG_SUBMIT);
    m->txs = bc_txs_new(1);
    m->txs->v[0] = tx;
}

static void propose(sealer_t *s)
{
    int64_t number = BC_MAX(s->cur, s->number + 1);
    bc_tx_t *rotate = NULL;
    if (bc_ledger_config_rotates(s->cfg))
        rotate = rotation_tx(&s->rotation, s->suite, s->cfg, s->now.utc_ms);
    size_t nr = rotate != NULL, bytes = 0;
    size_t ns = queue_fit(&s->system, s->max_txs - BC_MIN(nr, s->max_txs), &bytes);
    size_t nn = queue_fit(&s->normal, s->max_txs - BC_MIN(nr + ns, s->max_txs), &bytes);
    bc_metas_t *metas = bc_metas_new(nr + ns + nn);
    bool wait = false;
    if (rotate)
        put_rotation(s, rotate, &metas->v[0]);
    queue_take(&s->system, metas->v + nr, ns);
    queue_take(&s->normal, metas->v + nr + ns, nn);
    bc_hdr_t *hdr = make_header(s, number, metas);
    if (!hdr) {
        give_back(s, metas);
        return;
    }
    for (size_t i = 0; i < metas->cnt; i++)
        wait |= changes_config(&metas->v[i]);
    if (wait)
        s->wait_until = number;
    s->cur = number + 1;
    s->last_seal = s->now.mono_ms;
    s->timestamp = BC_MAX(s->timestamp, hdr->h.data.timestamp); /* of a window, too, they rise */
    BC_DEBUG(BADGES, "propose,number=%ld,txs=%zu,system=%zu", (long)number, metas->cnt, ns);
    bc_msg_t *m = bc_out_msg(s->out, BC_ACTOR_PBFT, BC_MSG_PROPOSE);
    m->number = number;
    m->header = hdr;
    m->metas = metas;
    m->flag = nr + ns > 0;
}

static void arm(sealer_t *s, int64_t at)
{
    if (s->armed == at)
        return;
    s->armed = at;
    bc_msg_t *m = bc_out_msg(s->out, BC_ACTOR_HOST, BC_MSG_TIMER_SET);
    m->number = TIMER_SEAL;
    m->number2 = BC_MAX(at - s->now.mono_ms, 1);
}

static void work(sealer_t *s)
{
    while (has_work(s) && s->number >= s->wait_until && queued(s)) {
        if (s->cfg->rpbft && BC_MAX(s->cur, s->number + 1) != s->cfg->number + 1)
            break; /* comes back when the parent is written */
        int64_t due = s->last_seal + s->min_seal;
        if (!full(s) && s->now.mono_ms < due) {
            arm(s, due);
            break;
        }
        propose(s);
    }
    fetch(s);
}

static void on_seal(sealer_t *s, bc_msg_t *in)
{
    if (in->number > in->number2 || !in->token)
        return;
    if (s->cur > s->end || in->number != s->end + 1) {
        give_back_queued(s);
        s->start = s->cur = in->number;
        s->last_seal = s->now.mono_ms;
        s->wait_until = BC_MIN(s->wait_until, in->number - 1);
    }
    s->end = in->number2;
    s->max_txs = (size_t)BC_MIN(in->token, (uint64_t)1 << 20);
    s->unsealed = BC_MAX(s->unsealed, 1); /* look once, whatever the pool said last */
    work(s);
}

static void on_fetched(sealer_t *s, bc_msg_t *in)
{
    if (in->token != s->fetch)
        return;
    s->fetch = 0;
    size_t n = in->metas ? in->metas->cnt : 0;
    s->unsealed = n ? BC_MAX(s->unsealed - (int64_t)n, 0) : 0;
    if (n && !has_work(s)) {
        give_back(s, in->metas);
        in->metas = NULL;
        return;
    }
    for (size_t i = 0; i < n; i++)
        queue_put(in->metas->v[i].system ? &s->system : &s->normal, &in->metas->v[i]);
    work(s);
}

static void take_config(sealer_t *s, bc_ledger_config_t *c)
{
    bc_ledger_config_ref(c);
    if (s->cfg)
        bc_ledger_config_unref(s->cfg);
    s->cfg = c;
    s->index = s->single ? 0 : bc_ledger_config_sealer(c, &s->self);
    if (s->index < 0) {
        s->cur = s->end + 1;
        give_back_queued(s);
    }
}

static void step(void *self, const bc_now_t *now, bc_msg_t *in, bc_out_t *out)
{
    sealer_t *s = self;
    s->now = *now;
    s->out = out;
    switch (in->kind) {
    case BC_MSG_START:
        if (in->config)
            take_config(s, in->config);
        break;
    case BC_MSG_COMMITTED:
        if (in->committed && in->committed->config) {
            take_config(s, in->committed->config);
            if (s->cfg->rpbft)
                work(s);
        }
        break;
    case BC_MSG_SEAL:
        if (s->cfg)
            on_seal(s, in);
        break;
    case BC_MSG_SEAL_RESET:
        s->cur = s->end + 1;
        give_back_queued(s);
        break;
    case BC_MSG_LATEST:
        s->number = in->number;
        s->timestamp = BC_MAX(s->timestamp, in->number2);
        work(s);
        break;
    case BC_MSG_POOL_SIZE:
        s->unsealed = in->number2;
        fetch(s);
        break;
    case BC_MSG_FETCHED: on_fetched(s, in); break;
    case BC_MSG_WITHDRAW:
        queue_drop(&s->system, in->metas);
        queue_drop(&s->normal, in->metas);
        break;
    case BC_MSG_TIMER:
        s->armed = 0;
        /* the pool tells its size every 100 ms: take what came since then, too */
        s->unsealed = BC_MAX(s->unsealed, 1);
        fetch(s);
        if (!s->fetch)
            work(s);
        break;
    case BC_MSG_ALIGNED_TIME: s->offset = in->number; break;
    default: break;
    }
    s->out = NULL;
}

static void sealer_free(void *self)
{
    sealer_t *s = self;
    free(s->system.v);
    free(s->normal.v);
    bc_keypair_wipe(&s->rotation.key);
    if (s->cfg)
        bc_ledger_config_unref(s->cfg);
    free(s);
}

bc_actor_if bc_sealer_new(const bc_sealer_config_t *c)
{
    static const bc_actor_ops_t ops = { step, sealer_free };
    sealer_t *s = bc_xcalloc(1, sizeof *s);
    s->suite = c->suite;
    s->self = c->self;
    s->single = c->single_point;
    rotation_init(&s->rotation, &c->key, c->chain_id, c->group_id);
    s->min_seal = BC_MIN(c->min_seal_time ? c->min_seal_time : 500, BC_SEALER_WAIT_MAX);
    if (c->min_seal_time > BC_SEALER_WAIT_MAX)
        BC_WARN(BADGES, "min_seal_time is longer than the others wait for a leader,used=%d",
                BC_SEALER_WAIT_MAX);
    s->index = -1;
    s->end = -1;
    return (bc_actor_if){ &ops, s };
}
