#include "sim.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "scheduling/blocksync/blocksync.h"
#include "scheduling/front/front.h"
#include "scheduling/scheduler/scheduler.h"
#include "scheduling/sealer/sealer.h"
#include "scheduling/txpool/txpool.h"
#include "sim_impl.h"

#define UTC_0 1700000000000

/* ---- signatures: real, or a hash that costs a hundredth ---- */

static bool cheap;

size_t __real_bc_sign(const bc_keypair_t *k, const bc_h256_t *digest, uint8_t sig[BC_SIG_MAX]);
bool __real_bc_verify(bc_suite_t suite, const bc_nodeid_t *pub, const bc_h256_t *digest, bc_bytes_t sig);
size_t __wrap_bc_sign(const bc_keypair_t *k, const bc_h256_t *digest, uint8_t sig[BC_SIG_MAX]);
bool __wrap_bc_verify(bc_suite_t suite, const bc_nodeid_t *pub, const bc_h256_t *digest, bc_bytes_t sig);

static void cheap_sign(const bc_nodeid_t *pub, const bc_h256_t *digest, uint8_t sig[65])
{
    uint8_t in[96];
    bc_h256_t h;
    memcpy(in, pub->b, 64);
    memcpy(in + 64, digest->b, 32);
    bc_keccak256(bc_bytes(in, sizeof in), &h);
    memcpy(sig, h.b, 32);
    memcpy(sig + 32, h.b, 32);
    sig[64] = 0;
}

size_t __wrap_bc_sign(const bc_keypair_t *k, const bc_h256_t *digest, uint8_t sig[BC_SIG_MAX])
{
    if (!cheap)
        return __real_bc_sign(k, digest, sig);
    cheap_sign(&k->pub, digest, sig);
    return 65;
}

bool __wrap_bc_verify(bc_suite_t suite, const bc_nodeid_t *pub, const bc_h256_t *digest, bc_bytes_t sig)
{
    if (!cheap)
        return __real_bc_verify(suite, pub, digest, sig);
    uint8_t want[65];
    cheap_sign(pub, digest, want);
    return sig.n == 65 && !memcmp(sig.p, want, 65);
}

/* ---- chance, time ---- */

static uint64_t rng_next(uint64_t s[2])
{
    uint64_t a = s[0], b = s[1];
    s[0] = b;
    a ^= a << 23;
    s[1] = a ^ b ^ (a >> 17) ^ (b >> 26);
    return s[1] + b;
}

uint64_t sim_random(sim_t *s, uint64_t below)
{
    return below ? rng_next(s->rng) % below : 0;
}

bool sim_chance(sim_t *s, double p)
{
    return p > 0 && (double)sim_random(s, 1000000) < p * 1e6;
}

static bool earlier(const event_t *a, const event_t *b)
{
    return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

event_t *sim_at(sim_t *s, int64_t delay, int node, void (*fn)(sim_t *, event_t *))
{
    event_t *e = bc_xcalloc(1, sizeof *e);
    e->at = s->now + delay;
    e->seq = ++s->seq;
    e->node = node;
    e->epoch = s->nodes[node].epoch;
    e->fn = fn;
    if (s->heap_cnt == s->heap_cap) {
        s->heap_cap = s->heap_cap ? 2 * s->heap_cap : 256;
        s->heap = bc_xrealloc(s->heap, s->heap_cap * sizeof s->heap[0]);
    }
    size_t i = s->heap_cnt++;
    while (i && earlier(e, s->heap[(i - 1) / 2])) {
        s->heap[i] = s->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    s->heap[i] = e;
    return e;
}

static event_t *heap_pop(sim_t *s)
{
    event_t *top = s->heap[0], *last = s->heap[--s->heap_cnt];
    size_t i = 0, n = s->heap_cnt;
    for (;;) {
        size_t k = 2 * i + 1;
        if (k >= n)
            break;
        if (k + 1 < n && earlier(s->heap[k + 1], s->heap[k]))
            k++;
        if (!earlier(s->heap[k], last))
            break;
        s->heap[i] = s->heap[k];
        i = k;
    }
    if (n)
        s->heap[i] = last;
    return top;
}

static void event_free(event_t *e)
{
    bc_msg_free(e->msg);
    bc_buf_unref(e->data);
    free(e);
}

void sim_fail(sim_t *s, const char *check, const char *fmt, ...)
{
    if (s->failure[0])
        return;
    int n = snprintf(s->failure, sizeof s->failure, "[%s] ", check);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(s->failure + n, sizeof s->failure - (size_t)n, fmt, ap);
    va_end(ap);
}

void sim_trace(const sim_t *s, const char *fmt, ...)
{
    if (!s->o.verbose)
        return;
    printf("%8" PRId64 " ", s->now);
    va_list ap;
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
}

/* Not a hash for adversaries: it tells runs apart. */
void sim_mix(sim_t *s, const void *p, size_t n)
{
    const uint8_t *b = p;
    uint64_t d = s->digest ^ (uint64_t)s->now ^ n << 48, word;
    for (; n >= 8; b += 8, n -= 8) {
        memcpy(&word, b, 8);
        d = (d ^ word) * 0x9e3779b97f4a7c15u;
        d ^= d >> 29;
    }
    for (; n; n--)
        d = (d ^ *b++) * 0x100000001b3u;
    s->digest = d;
}

/* ---- chain parameters ---- */

int sim_conf_list(const sim_conf_t *c, int out[SIM_NODES_MAX])
{
    int cnt = 0;
    for (int i = 0; i < SIM_NODES_MAX; i++)
        if (c->w[i])
            out[cnt++] = i;
    return cnt;
}

int sim_conf_index(const sim_conf_t *c, int node)
{
    int idx = 0;
    for (int i = 0; i < node; i++)
        idx += c->w[i] > 0;
    return c->w[node] ? idx : -1;
}

uint64_t sim_conf_weight(const sim_conf_t *c, uint32_t mask)
{
    uint64_t w = 0;
    for (int i = 0; i < SIM_NODES_MAX; i++)
        w += mask >> i & 1 ? c->w[i] : 0;
    return w;
}

uint64_t sim_conf_quorum(const sim_conf_t *c, uint64_t *faulty)
{
    uint64_t total = sim_conf_weight(c, UINT32_MAX), f = total ? (total - 1) / 3 : 0;
    if (faulty)
        *faulty = f;
    return total - f;
}

const sim_conf_t *sim_conf_after(const sim_node_t *n, int64_t height)
{
    const sim_t *s = n->world;
    height = BC_MIN(height, n->disk.height);
    return &s->confs[s->o.membership && height > 0 ? n->disk.blocks[height].changes % SIM_CONFS
                                                   : 0];
}

/* Sealers come, go, or get another weight, often one for another, which moves the places of all
 * between them; never more than f for the bad ones. */
static sim_conf_t conf_next(sim_t *s, const sim_conf_t *from)
{
    for (int tries = 0; tries < 20; tries++) {
        sim_conf_t c = *from;
        uint64_t f;
        int list[SIM_NODES_MAX];
        for (uint64_t k = 1 + rng_next(s->rng) % 2; k; k--) {
            uint64_t *w = &c.w[rng_next(s->rng) % (uint64_t)s->cnt];
            *w = !*w || rng_next(s->rng) % 3 == 0 ? 1 + rng_next(s->rng) % 3 : 0;
        }
        sim_conf_quorum(&c, &f);
        if (sim_conf_list(&c, list) >= BC_MIN(4, s->o.sealers) && sim_conf_weight(&c, s->bad) <= f)
            return c;
    }
    return *from;
}

static void make_confs(sim_t *s)
{
    for (int i = 0; i < s->o.sealers; i++)
        s->confs[0].w[i] = s->o.weights[i] ? s->o.weights[i] : 1;
    uint64_t f;
    sim_conf_quorum(&s->confs[0], &f);
    if (s->o.byzantine && !s->o.bad) {
        uint32_t want = (uint32_t)rng_next(s->rng);
        int first = (int)(rng_next(s->rng) % (uint64_t)s->o.sealers);
        for (int k = 0; k < s->o.sealers; k++) {
            uint32_t bit = 1u << (first + k) % s->o.sealers;
            if ((!s->bad || want & bit) && sim_conf_weight(&s->confs[0], s->bad | bit) <= f)
                s->bad |= bit;
        }
    } else {
        s->bad = s->o.bad;
    }
    for (int i = 1; i < SIM_CONFS; i++)
        s->confs[i] = conf_next(s, &s->confs[i - 1]);
}

bc_ledger_config_t *host_config(sim_node_t *n)
{
    sim_t *s = n->world;
    bc_ledger_config_t *c = bc_xcalloc(1, sizeof *c);
    atomic_init(&c->refs, 1);
    c->number = n->disk.height;
    c->hash = s->genesis_hash;
    c->genesis_hash = s->genesis_hash;
    if (c->number) {
        const bc_hdr_t *h = n->disk.blocks[c->number].header;
        c->hash = h->hash;
        c->timestamp = h->h.data.timestamp;
    }
    c->version = BC_VERSION_3_16_0;
    c->tx_count_limit = s->o.tx_count_limit;
    c->leader_period = s->o.leader_period;
    c->gas_limit = 3000000000;
    const sim_conf_t *conf = sim_conf_after(n, c->number);
    c->sealers = bc_arena_alloc(&c->arena, (size_t)(s->cnt + 1) * sizeof c->sealers[0]);
    c->observers = bc_arena_alloc(&c->arena, (size_t)(s->cnt + 1) * sizeof c->observers[0]);
    for (int i = 0; i < s->cnt; i++) {
        bool sealer = conf->w[i] > 0;
        bc_node_entry_t *e = sealer ? &c->sealers[c->sealer_cnt++] : &c->observers[c->observer_cnt++];
        e->id = s->nodes[i].key.pub;
        e->vote_weight = conf->w[i];
        e->kind = sealer ? BC_NODE_SEALER : BC_NODE_OBSERVER_T;
    }
    return c;
}

static int key_cmp(const void *a, const void *b)
{
    return memcmp(&((const bc_keypair_t *)a)->pub, &((const bc_keypair_t *)b)->pub, 64);
}

static void make_keys(sim_t *s)
{
    bc_keypair_t keys[SIM_NODES_MAX] = { 0 };
    for (int i = 0; i < s->cnt; i++) {
        uint8_t secret[32] = { 0 };
        for (size_t k = 1; k < sizeof secret; k++)
            secret[k] = (uint8_t)rng_next(s->rng);
        if (s->o.real_crypto) {
            BC_MUST(bc_keypair_from_secret(BC_SUITE_STANDARD, secret, &keys[i]) == BC_OK);
        } else {
            memcpy(keys[i].secret, secret, 32);
            memcpy(keys[i].pub.b, secret + 1, 31);
        }
    }
    qsort(keys, (size_t)s->cnt, sizeof keys[0], key_cmp);
    for (int i = 0; i < s->cnt; i++)
        s->nodes[i].key = keys[i];
}

/* ---- life ---- */

/* Messages of all cores while the time stands still. At most 650 for each node were seen, when a bad
 * one floods. */
static uint64_t still_max(const sim_t *s)
{
    return 20000 * (uint64_t)s->cnt;
}

sim_t *sim_new(const sim_options_t *o)
{
    sim_t *s = bc_xcalloc(1, sizeof *s);
    s->o = *o;
    s->cnt = o->sealers + o->observers;
    BC_MUST(s->cnt <= SIM_NODES_MAX && o->sealers > 0);
    if (!s->o.delay_ms)
        s->o.delay_ms = 10;
    if (!s->o.leader_period)
        s->o.leader_period = 1;
    if (!s->o.tx_count_limit)
        s->o.tx_count_limit = 1000;
    s->rng[0] = o->seed * 0x9e3779b97f4a7c15u + 1;
    s->rng[1] = o->seed ^ 0xd1b54a32d192ed03u;
    for (int i = 0; i < 8; i++)
        rng_next(s->rng);
    if (!s->o.expiration_ms)
        s->o.expiration_ms = 60000;
    cheap = !o->real_crypto;
    make_keys(s);
    make_confs(s);
    bc_keccak256(BC_STR("genesis"), &s->genesis_hash);
    bc_keccak256(BC_STR("root"), &s->genesis_root);
    for (int i = 0; i < s->cnt; i++) {
        sim_node_t *n = &s->nodes[i];
        n->world = s;
        n->i = i;
        n->bad = s->bad >> i & 1;
        n->disk_ms = o->disk_ms;
        n->skew = o->skew_ms ? (int64_t)sim_random(s, (uint64_t)(2 * o->skew_ms)) - o->skew_ms : 0;
    }
    return s;
}

void sim_free(sim_t *s)
{
    for (int i = 0; i < s->cnt; i++) {
        if (s->nodes[i].core)
            host_crash(&s->nodes[i]);
        disk_free(&s->nodes[i].disk);
        byz_free(&s->nodes[i]);
    }
    free(s->waits);
    for (size_t i = 0; i < s->heap_cnt; i++)
        event_free(s->heap[i]);
    free(s->heap);
    check_free(s);
    free(s);
}

static bc_actor_if make_pbft(sim_node_t *n)
{
    bc_pbft_row_t *rows = bc_xcalloc(n->disk.row_cnt + 1, sizeof *rows);
    size_t cnt = 0;
    for (size_t i = 0; i < n->disk.row_cnt; i++) {
        bc_bytes_t key = bc_cstr(n->disk.rows[i].key);
        bool ours = key.n > 5 && !memcmp(key.p, "cbcos", 5);
        if (!(ours && n->world->o.forget_votes))
            rows[cnt++] = (bc_pbft_row_t){ key, bc_buf_view(n->disk.rows[i].value) };
    }
    bc_pbft_config_t c = { .suite = BC_SUITE_STANDARD, .key = n->key, .rows = rows, .row_cnt = cnt,
                           .require_txs_root = !n->world->o.nameless };
    bc_actor_if a = bc_pbft_new(&c);
    free(rows);
    return a;
}

static void load_nonces(sim_node_t *n)
{
    for (int64_t i = BC_MAX(n->disk.height - (int64_t)bc_txpool_window(1000) + 1, 1); i <= n->disk.height; i++) {
        const bc_txs_t *txs = n->disk.blocks[i].txs;
        bc_bytes_t *v = bc_xcalloc(txs->cnt + 1, sizeof *v);
        for (size_t k = 0; k < txs->cnt; k++)
            v[k] = txs->v[k]->w.data.nonce;
        bc_tars_list_t list = { v, txs->cnt };
        bc_txpool_load_nonces(n->actors[BC_ACTOR_TXPOOL], i, &list);
        free(v);
    }
}

static uint32_t peers_of(const sim_t *s, int i)
{
    uint32_t mask = 0;
    for (int k = 0; k < s->cnt; k++)
        if (k != i && s->nodes[k].core && ((s->group >> k) & 1) == ((s->group >> i) & 1))
            mask |= 1u << k;
    return mask;
}

static void tell_peers(sim_t *s, event_t *e)
{
    static const bc_actor_id_t to[] = { BC_ACTOR_FRONT, BC_ACTOR_PBFT, BC_ACTOR_SYNC, BC_ACTOR_TXPOOL };
    sim_node_t *n = &s->nodes[e->node];
    uint32_t mask = peers_of(s, n->i);
    if (mask == n->told_peers)
        return;
    n->told_peers = mask;
    bc_buf_t *b = bc_buf_new(64 * (size_t)__builtin_popcount(mask));
    size_t at = 0;
    for (int k = 0; k < s->cnt; k++)
        if (mask >> k & 1) {
            memcpy(b->p + at, s->nodes[k].key.pub.b, 64);
            at += 64;
        }
    for (size_t i = 0; i < BC_ARRAY_LEN(to); i++) {
        bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, to[i], BC_MSG_PEERS);
        m->data = bc_buf_ref(b);
        bc_core_post(n->core, m);
    }
    bc_buf_unref(b);
    n->dirty = true;
}

/* Connections come and go with some delay, seen by each node for itself. */
static void peers_changed(sim_t *s)
{
    for (int i = 0; i < s->cnt; i++)
        if (s->nodes[i].core)
            sim_at(s, 20 + (int64_t)sim_random(s, 300), i, tell_peers);
}

void sim_start(sim_t *s, int i)
{
    sim_node_t *n = &s->nodes[i];
    if (n->core)
        return;
    bc_txpool_config_t tp = { .suite = BC_SUITE_STANDARD,
                              .self = n->key.pub,
                              .check_block_limit = true,
                              .block_limit = 1000,
                              .chain_id = "chain0",
                              .group_id = "group0",
                              .limit = SIM_POOL_LIMIT,
                              .expiration_ms = s->o.expiration_ms,
                              .by_tree = s->o.trees,
                              .seed = (uint64_t)i };
    bc_blocksync_config_t sy = { .suite = BC_SUITE_STANDARD,
                                 .self = n->key.pub,
                                 .seed = (uint64_t)i + 1,
                                 .serve_max = SIM_SERVE_LIMIT,
                                 .tree_width = s->o.trees ? 3 : 0 };
    bc_sealer_config_t se = { .suite = BC_SUITE_STANDARD, .self = n->key.pub };
    bc_front_config_t fr = { .seed = { (uint8_t)i, (uint8_t)n->epoch, (uint8_t)(n->epoch >> 8) } };
    n->epoch++;
    n->view_seen = n->may_enter = 0;
    n->recovers = 0;
    n->to_view_seen = -1;
    n->number_seen = n->disk.height;
    n->timer_fired = n->sealer_seen = false;
    n->moved_at = s->now;
    memset(n->asked, 0xff, sizeof n->asked);
    memset(n->urged, 0xff, sizeof n->urged);
    memset(n->back, 0xff, sizeof n->back);
    memset(n->wants, 0, sizeof n->wants);
    n->asks = 0;
    n->late = -1;
    n->urged_by = NULL;
    n->urged_now = false;
    memset(n->owes, 0, sizeof n->owes);
    n->told_peers = 0;
    n->layer_gen++;
    check_record_start(n);
    n->actors[BC_ACTOR_FRONT] = bc_front_new(&fr);
    n->actors[BC_ACTOR_TXPOOL] = bc_txpool_new(&tp);
    n->actors[BC_ACTOR_SEALER] = bc_sealer_new(&se);
    n->actors[BC_ACTOR_SYNC] = bc_blocksync_new(&sy);
    n->actors[BC_ACTOR_SCHEDULER] = bc_scheduler_new(&(bc_scheduler_config_t){ 0 });
    n->actors[BC_ACTOR_PBFT] = make_pbft(n);
    n->core = bc_core_new(n->actors, host_message, n);
    bc_core_limit(n->core, still_max(s));
    load_nonces(n);
    bc_ledger_config_t *c = host_config(n);
    bc_core_start(n->core, c);
    bc_ledger_config_unref(c);
    n->dirty = true;
    if (n->bad)
        byz_start(n);
    sim_trace(s, "node %d: start at %ld, %zu rows%s", i, (long)n->disk.height, n->disk.row_cnt,
              n->bad ? ", bad" : "");
    peers_changed(s);
}

void sim_crash(sim_t *s, int i)
{
    sim_node_t *n = &s->nodes[i];
    if (!n->core)
        return;
    host_crash(n);
    n->epoch++;
    sim_trace(s, "node %d: crash at %ld", i, (long)n->disk.height);
    peers_changed(s);
}

bool sim_up(const sim_t *s, int i)
{
    return s->nodes[i].core != NULL;
}

void sim_partition(sim_t *s, uint32_t group)
{
    s->group = group;
    sim_trace(s, "partition %x", group);
    peers_changed(s);
}

void sim_deafen(sim_t *s, int node, uint32_t mask)
{
    s->deaf[node] = mask;
    sim_trace(s, "node %d does not hear %x", node, mask);
}

void sim_miss(sim_t *s, int node, uint32_t types)
{
    s->misses[node] = types;
    sim_trace(s, "node %d misses consensus messages of types %x", node, types);
}

void sim_set_network(sim_t *s, double loss, double dup, int64_t delay_ms)
{
    s->o.loss = loss;
    s->o.dup = dup;
    s->o.delay_ms = delay_ms;
    sim_trace(s, "network: loss %.2f dup %.2f delay %ld", loss, dup, (long)delay_ms);
}

/* Of transactions with one nonce; VARIANT: also of the same hash as PLAIN, with other fields. */
typedef enum { TX_PLAIN, TX_RIVAL, TX_VARIANT } tx_kind_t;

static bc_tx_t *make_tx(sim_t *s, uint64_t id, tx_kind_t kind, bool system)
{
    char nonce[24];
    snprintf(nonce, sizeof nonce, "%" PRIu64, id);
    const char *input = "input";
    size_t end = kind == TX_VARIANT ? 2 : 5;
    bc_tx_data_t d = { .chain_id = BC_STR("chain0"),
                       .group_id = BC_STR("group0"),
                       .block_limit = sim_highest(s) + 500 + (kind == TX_RIVAL),
                       .nonce = bc_cstr(nonce),
                       .to = system ? (id % 2 ? BC_STR("0x0000000000000000000000000000000000001003")
                                              : BC_STR("0000000000000000000000000000000000001003"))
                                    : BC_STR("1111111111111111111111111111111111111111"),
                       .input = bc_bytes((const uint8_t *)input, end),
                       .abi = bc_cstr(input + end) };
    bc_tx_t *tx;
    BC_MUST(bc_tx_make(BC_SUITE_STANDARD, &d, 0, (bc_bytes_t){ 0 }, NULL, &tx) == BC_OK);
    check_note_tx(s, tx);
    return tx;
}

static void submit(sim_t *s, int i, uint64_t nonce, tx_kind_t kind, bool system)
{
    sim_node_t *n = &s->nodes[i];
    uint64_t id = ++s->txs_made;
    if (id >= s->waits_cap) {
        s->waits_cap = BC_MAX(2 * s->waits_cap, (size_t)256);
        s->waits = bc_xrealloc(s->waits, s->waits_cap * sizeof s->waits[0]);
    }
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_TXPOOL, BC_MSG_SUBMIT);
    m->txs = bc_txs_new(1);
    m->txs->v[0] = make_tx(s, nonce, kind, system);
    m->token = id;
    m->flag = id % 3 != 0;
    s->waits[id] = (sim_wait_t){ m->txs->v[0]->hash, i, n->epoch, s->now, m->flag, false };
    bc_core_post(n->core, m);
    n->dirty = true;
}

void sim_submit(sim_t *s, int i, int cnt, bool system)
{
    for (int k = 0; k < cnt && s->nodes[i].core; k++)
        submit(s, i, s->txs_made + 1, TX_PLAIN, system);
}

void sim_submit_rivals(sim_t *s, int i, int k, bool one_hash)
{
    uint64_t nonce = s->txs_made + 1;
    if (s->nodes[i].core && s->nodes[k].core) {
        submit(s, i, nonce, TX_PLAIN, false);
        submit(s, k, nonce, one_hash ? TX_VARIANT : TX_RIVAL, false);
    }
}

/* ---- running ---- */

static void tell_message(void *ctx, const bc_msg_t *m)
{
    const sim_node_t *n = ctx;
    sim_trace(n->world, "node %d: %s from %d to %d, number %ld", n->i, bc_msg_name(m->kind), m->from,
              m->to, (long)m->number);
}

/* Messages make messages without end; the next ones are told. */
static void livelock(sim_t *s, sim_node_t *n, const bc_now_t *now)
{
    sim_fail(s, "livelock", "node %d: %" PRIu64 " messages while the time stood still", n->i,
             s->still);
    bc_core_trace(n->core, tell_message, n);
    bc_core_limit(n->core, 40);
    s->steps += bc_core_run(n->core, now);
}

static void settle(sim_t *s)
{
    for (int i = 0; i < s->cnt; i++) {
        sim_node_t *n = &s->nodes[i];
        if (!n->dirty || !n->core)
            continue;
        n->dirty = false;
        bc_now_t now = { s->now + 1000, UTC_0 + s->now + n->skew };
        size_t cnt = bc_core_run(n->core, &now);
        s->steps += cnt;
        s->still += cnt + 1;
        check_node(n);
        if (s->still >= still_max(s)) {
            livelock(s, n, &now);
            return;
        }
    }
}

static void move_time(sim_t *s, int64_t t)
{
    if (t > s->now)
        s->still = 0;
    s->now = BC_MAX(s->now, t);
}

static bool sim_step(sim_t *s, int64_t t)
{
    settle(s);
    if (s->failure[0] || !s->heap_cnt || s->heap[0]->at > t)
        return false;
    event_t *e = heap_pop(s);
    move_time(s, e->at);
    const sim_node_t *n = &s->nodes[e->node];
    if (!e->epoch || (e->epoch == n->epoch && n->core))
        e->fn(s, e);
    event_free(e);
    return true;
}

void sim_run_until(sim_t *s, int64_t t)
{
    while (sim_step(s, t)) {
    }
    if (!s->failure[0])
        move_time(s, t);
}

bool sim_run_to_height(sim_t *s, int64_t number, int64_t t)
{
    for (;;) {
        bool all = true;
        for (int i = 0; i < s->cnt; i++)
            all &= !s->nodes[i].core || s->nodes[i].bad || s->nodes[i].disk.height >= number;
        if (all)
            return !s->failure[0];
        if (!sim_step(s, t)) {
            move_time(s, t);
            return false;
        }
    }
}

/* ---- looking ---- */

const char *sim_failure(const sim_t *s) { return s->failure[0] ? s->failure : NULL; }
uint64_t sim_steps(const sim_t *s) { return s->steps; }
int64_t sim_now(const sim_t *s) { return s->now; }
uint64_t sim_digest(const sim_t *s)
{
    return s->digest;
}
bool sim_bad(const sim_t *s, int i)
{
    return s->nodes[i].bad;
}
int64_t sim_height(const sim_t *s, int i) { return s->nodes[i].disk.height; }
uint64_t sim_frames(const sim_t *s, uint16_t module) { return s->frames[module % BC_ARRAY_LEN(s->frames)]; }
const bc_keypair_t *sim_key(const sim_t *s, int i) { return &s->nodes[i].key; }

int64_t sim_highest(const sim_t *s)
{
    int64_t max = 0;
    for (int i = 0; i < s->cnt; i++)
        if (!s->nodes[i].bad)
            max = BC_MAX(max, s->nodes[i].disk.height);
    return max;
}

void sim_block_hash(const sim_t *s, int i, int64_t number, bc_h256_t *out)
{
    *out = s->nodes[i].disk.blocks[number].header->hash;
}

size_t sim_block_txs(const sim_t *s, int i, int64_t number)
{
    return s->nodes[i].disk.blocks[number].txs->cnt;
}

void sim_pbft(const sim_t *s, int i, bc_pbft_status_t *out)
{
    bc_pbft_status(s->nodes[i].actors[BC_ACTOR_PBFT], out);
}

uint64_t sim_delivered(const sim_t *s, int i)
{
    return s->nodes[i].core ? bc_core_delivered(s->nodes[i].core) : 0;
}

void sim_hook(sim_t *s, sim_hook_fn fn, void *ctx)
{
    s->hook = fn;
    s->hook_ctx = ctx;
}

void sim_inject(sim_t *s, uint16_t module, int from, int to, bc_bytes_t payload)
{
    bc_front_msg_t fm = { .module = module, .payload = payload };
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_FRONT, BC_MSG_FRAME_IN);
    m->node = s->nodes[from].key.pub;
    m->data = bc_front_msg_encode(&fm);
    if (!s->nodes[to].core) {
        bc_msg_free(m);
        return;
    }
    if (module == BC_MODULE_PBFT)
        check_view_in(&s->nodes[to], &m->node, payload);
    else if (module == BC_MODULE_BLOCK_SYNC)
        check_sync_in(&s->nodes[to], &m->node, payload);
    bc_core_post(s->nodes[to].core, m);
    s->nodes[to].dirty = true;
}
