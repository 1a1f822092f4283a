#include "scheduling/front/front.h"
#include "base/log.h"
#include "base/map.h"
#include <stdlib.h>

enum { TIMER_EXPIRE = 0, UUID_LEN = 36 };

typedef struct {
    char uuid[UUID_LEN + 1];
    uint8_t asker; /* bc_actor_id_t */
    uint64_t token;
    bc_nodeid_t node;
    int64_t deadline;
    size_t slot; /* in the heap */
} pending_t;

typedef struct {
    uint64_t rng[4];
    size_t pending_max;
    bc_map_t by_uuid;
    pending_t **heap; /* earliest deadline first; by_uuid.cnt entries */
    size_t heap_cap;
    int64_t timer_at; /* what the host's timer is set to; 0: not set */
    bc_nodeid_t *peers; /* sorted */
    size_t peer_cnt;
    bool peers_known;
    bc_front_stats_t stats;
} front_t;

/* ---- uuids: xoshiro256**, so that a simulation's frames repeat with its seed ---- */

static uint64_t rng_next(front_t *f)
{
    uint64_t *s = f->rng;
    uint64_t x = s[1] * 5, t = s[1] << 17;
    uint64_t out = ((x << 7) | (x >> 57)) * 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 45) | (s[3] >> 19);
    return out;
}

static void uuid_new(front_t *f, char out[UUID_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t b[16];
    bc_store_be64(b, rng_next(f));
    bc_store_be64(b + 8, rng_next(f));
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40); /* version 4, random */
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    char *p = out;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = digits[b[i] >> 4];
        *p++ = digits[b[i] & 15];
    }
    *p = 0;
}

/* ---- open requests ---- */

static bc_bytes_t pending_key(const void *item)
{
    return bc_bytes(((const pending_t *)item)->uuid, UUID_LEN);
}

static void heap_set(front_t *f, size_t i, pending_t *p)
{
    f->heap[i] = p;
    p->slot = i;
}

static void heap_up(front_t *f, size_t i)
{
    pending_t *p = f->heap[i];
    while (i && f->heap[(i - 1) / 2]->deadline > p->deadline) {
        heap_set(f, i, f->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    heap_set(f, i, p);
}

static void heap_down(front_t *f, size_t i, size_t n)
{
    pending_t *p = f->heap[i];
    for (size_t k; (k = 2 * i + 1) < n; i = k) {
        if (k + 1 < n && f->heap[k + 1]->deadline < f->heap[k]->deadline)
            k++;
        if (f->heap[k]->deadline >= p->deadline)
            break;
        heap_set(f, i, f->heap[k]);
    }
    heap_set(f, i, p);
}

static void heap_remove(front_t *f, pending_t *p)
{
    size_t last = f->by_uuid.cnt - 1, i = p->slot;
    if (i != last) {
        heap_set(f, i, f->heap[last]);
        heap_down(f, i, last);
        heap_up(f, f->heap[i]->slot);
    }
}

static void pending_drop(front_t *f, pending_t *p)
{
    heap_remove(f, p);
    bc_map_remove(&f->by_uuid, pending_key(p));
    free(p);
}

static void respond(bc_out_t *out, uint8_t asker, uint64_t token, const bc_nodeid_t *node,
                    bc_err_t err, bc_buf_t *data)
{
    bc_msg_t *m = bc_out_msg(out, (bc_actor_id_t)asker, BC_MSG_RESPONSE);
    m->token = token;
    m->node = *node;
    m->err = err;
    m->data = data;
}

static void pending_fail(front_t *f, pending_t *p, bc_err_t err, bc_out_t *out)
{
    respond(out, p->asker, p->token, &p->node, err, NULL);
    pending_drop(f, p);
}

/* The host's timer is only moved forward, never cancelled: most requests are answered long before
 * their deadline, and an early firing costs one look at the heap. */
static void timer_arm(front_t *f, const bc_now_t *now, bc_out_t *out)
{
    if (!f->by_uuid.cnt)
        return;
    int64_t at = f->heap[0]->deadline;
    if (f->timer_at && f->timer_at <= at)
        return;
    f->timer_at = at;
    bc_msg_t *m = bc_out_msg(out, BC_ACTOR_HOST, BC_MSG_TIMER_SET);
    m->number = TIMER_EXPIRE;
    m->number2 = BC_MAX(at - now->mono_ms, 0);
}

static void expire(front_t *f, const bc_now_t *now, bc_out_t *out)
{
    f->timer_at = 0;
    while (f->by_uuid.cnt && f->heap[0]->deadline <= now->mono_ms) {
        f->stats.timeouts++;
        pending_fail(f, f->heap[0], BC_E_TIMEOUT, out);
    }
    timer_arm(f, now, out);
}

/* ---- peers ---- */

static int node_cmp(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(bc_nodeid_t));
}

static bool connected(const front_t *f, const bc_nodeid_t *node)
{
    return !f->peers_known ||
           (f->peer_cnt && bsearch(node, f->peers, f->peer_cnt, sizeof *node, node_cmp));
}

static void peers_set(front_t *f, bc_bytes_t ids, bc_out_t *out)
{
    f->peer_cnt = ids.n / sizeof(bc_nodeid_t);
    f->peers = bc_xrealloc(f->peers, BC_MAX(f->peer_cnt, 1) * sizeof(bc_nodeid_t));
    if (f->peer_cnt) {
        memcpy(f->peers, ids.p, f->peer_cnt * sizeof(bc_nodeid_t));
        qsort(f->peers, f->peer_cnt, sizeof(bc_nodeid_t), node_cmp);
    }
    f->peers_known = true;
    /* removing from a heap moves later entries to earlier slots: collect first */
    size_t n = 0;
    pending_t **gone = NULL;
    for (size_t i = 0; i < f->by_uuid.cnt; i++) {
        if (connected(f, &f->heap[i]->node))
            continue;
        if (!gone)
            gone = bc_xcalloc(f->by_uuid.cnt, sizeof *gone);
        gone[n++] = f->heap[i];
    }
    for (size_t i = 0; i < n; i++)
        pending_fail(f, gone[i], BC_E_CLOSED, out);
    free(gone);
}

/* ---- out ---- */

static bool frame_out(bc_out_t *out, const bc_msg_t *in, const char *uuid, uint16_t ext)
{
    bc_front_msg_t fm = { .module = in->module, .ext = ext, .uuid = bc_cstr(uuid),
                          .payload = bc_buf_view(in->data) };
    bc_buf_t *data = bc_front_msg_encode(&fm);
    if (!data)
        return false;
    bc_msg_t *m = bc_out_msg(out, BC_ACTOR_HOST, BC_MSG_FRAME_OUT);
    m->module = in->module;
    m->node = in->node;
    m->mask = in->kind == BC_MSG_BROADCAST ? in->mask : 0;
    m->data = data;
    return true;
}

static pending_t *pending_new(front_t *f, const bc_msg_t *in, const bc_now_t *now)
{
    size_t n = f->by_uuid.cnt;
    if (n == f->heap_cap) {
        f->heap_cap = f->heap_cap ? 2 * f->heap_cap : 64;
        f->heap = bc_xrealloc(f->heap, f->heap_cap * sizeof(pending_t *));
    }
    pending_t *p = bc_xcalloc(1, sizeof *p);
    p->asker = in->from;
    p->token = in->token;
    p->node = in->node;
    int64_t ms = in->number2;
    p->deadline = now->mono_ms + (ms > 0 && ms < BC_FRONT_TIMEOUT_MAX_MS ? ms
                                                                          : BC_FRONT_TIMEOUT_MAX_MS);
    do {
        uuid_new(f, p->uuid);
    } while (bc_map_insert(&f->by_uuid, p) == BC_E_EXISTS);
    heap_set(f, n, p);
    heap_up(f, n);
    return p;
}

static void request(front_t *f, const bc_msg_t *in, const bc_now_t *now, bc_out_t *out)
{
    bc_err_t err = BC_OK;
    if (!connected(f, &in->node)) {
        err = BC_E_NOT_FOUND;
    } else if (f->by_uuid.cnt >= f->pending_max) {
        f->stats.refused++;
        err = BC_E_FULL;
    }
    if (err) {
        respond(out, in->from, in->token, &in->node, err, NULL);
        return;
    }
    pending_t *p = pending_new(f, in, now);
    if (!frame_out(out, in, p->uuid, 0))
        pending_fail(f, p, BC_E_NOMEM, out);
    else
        timer_arm(f, now, out);
}

/* ---- in ---- */

static bool module_owner(uint16_t module, bc_actor_id_t *owner)
{
    switch (module) {
    case BC_MODULE_PBFT:
        *owner = BC_ACTOR_PBFT;
        return true;
    case BC_MODULE_BLOCK_SYNC:
        *owner = BC_ACTOR_SYNC;
        return true;
    case BC_MODULE_TXS_SYNC:
    case BC_MODULE_CONS_TXS_SYNC:
    case BC_MODULE_SYNC_PUSH_TX:
    case BC_MODULE_TREE_PUSH_TX:
        *owner = BC_ACTOR_TXPOOL;
        return true;
    default:
        return false;
    }
}

static void response_in(front_t *f, const bc_nodeid_t *node, const bc_front_msg_t *fm, bc_out_t *out)
{
    pending_t *p = fm->uuid.n == UUID_LEN ? bc_map_find(&f->by_uuid, fm->uuid) : NULL;
    if (!p || memcmp(p->node.b, node->b, sizeof node->b) != 0) {
        f->stats.unknown_uuid++;
        return;
    }
    bc_buf_t *data = bc_buf_copy(fm->payload);
    respond(out, p->asker, p->token, node, data ? BC_OK : BC_E_NOMEM, data);
    pending_drop(f, p);
}

static void frame_in(front_t *f, const bc_msg_t *in, bc_out_t *out)
{
    bc_front_msg_t fm;
    char uuid[sizeof in->uuid] = "";
    if (bc_front_msg_decode(bc_buf_view(in->data), &fm) || fm.uuid.n >= sizeof uuid ||
        (fm.uuid.n && memchr(fm.uuid.p, 0, fm.uuid.n))) {
        f->stats.malformed++;
        return;
    }
    if (fm.ext & BC_FRONT_EXT_RESPONSE) {
        response_in(f, &in->node, &fm, out);
        return;
    }
    bc_actor_id_t owner;
    if (!module_owner(fm.module, &owner)) {
        f->stats.unknown_module++;
        return;
    }
    bc_buf_t *data = bc_buf_copy(fm.payload);
    if (!data)
        return;
    if (fm.uuid.n)
        memcpy(uuid, fm.uuid.p, fm.uuid.n);
    bc_msg_t *m = bc_out_msg(out, owner, BC_MSG_DELIVER);
    m->module = fm.module;
    m->node = in->node;
    m->data = data;
    memcpy(m->uuid, uuid, sizeof m->uuid);
}

static void front_step(void *self, const bc_now_t *now, bc_msg_t *in, bc_out_t *out)
{
    front_t *f = self;
    char uuid[UUID_LEN + 1];
    switch (in->kind) {
    case BC_MSG_FRAME_IN:
        frame_in(f, in, out);
        break;
    case BC_MSG_SEND: /* carries a uuid too, although nobody waits for its answer */
        uuid_new(f, uuid);
        frame_out(out, in, uuid, 0);
        break;
    case BC_MSG_BROADCAST:
        if (in->mask)
            frame_out(out, in, "", 0);
        break;
    case BC_MSG_REPLY:
        if (in->uuid[0])
            frame_out(out, in, in->uuid, BC_FRONT_EXT_RESPONSE);
        break;
    case BC_MSG_REQUEST:
        request(f, in, now, out);
        break;
    case BC_MSG_TIMER:
        expire(f, now, out);
        break;
    case BC_MSG_PEERS:
        peers_set(f, bc_buf_view(in->data), out);
        break;
    default:
        break;
    }
}

static void front_free(void *self)
{
    front_t *f = self;
    for (size_t i = 0; i < f->by_uuid.cnt; i++)
        free(f->heap[i]);
    bc_map_free(&f->by_uuid);
    free(f->heap);
    free(f->peers);
    free(f);
}

static const bc_actor_ops_t front_ops = { .step = front_step, .free = front_free };

bc_actor_if bc_front_new(const bc_front_config_t *config)
{
    front_t *f = bc_xcalloc(1, sizeof *f);
    f->pending_max = config->pending_max ? config->pending_max : BC_FRONT_PENDING_MAX;
    memcpy(f->rng, config->seed, sizeof f->rng);
    f->rng[0] |= 1; /* the generator's state must not be zero */
    for (int i = 0; i < 16; i++)
        rng_next(f); /* similar seeds drift apart */
    bc_map_init(&f->by_uuid, pending_key);
    return (bc_actor_if){ &front_ops, f };
}

bc_front_stats_t bc_front_stats(const bc_actor_if *front)
{
    const front_t *f = front->self;
    bc_front_stats_t s = f->stats;
    s.pending = f->by_uuid.cnt;
    return s;
}
