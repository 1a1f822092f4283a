/* The host of a node: disk, executor, timers, network card. */
#include <stdlib.h>
#include "protocol/status.h"
#include "scheduling/front/front.h"
#include "sim_impl.h"

/* ---- disk ---- */

static void row_put(sim_disk_t *d, const char *key, bc_buf_t *value)
{
    for (size_t i = 0; i < d->row_cnt; i++) {
        if (strcmp(d->rows[i].key, key))
            continue;
        bc_buf_unref(d->rows[i].value);
        if (value)
            d->rows[i].value = bc_buf_ref(value);
        else
            d->rows[i] = d->rows[--d->row_cnt];
        return;
    }
    if (!value)
        return;
    d->rows = bc_xrealloc(d->rows, (d->row_cnt + 1) * sizeof *d->rows);
    memcpy(d->rows[d->row_cnt].key, key, sizeof d->rows[0].key);
    d->rows[d->row_cnt++].value = bc_buf_ref(value);
}

static bc_tx_t **tx_at(const sim_disk_t *d, const bc_h256_t *hash)
{
    for (size_t i = d->tx_cnt; i-- > 0;)
        if (bc_h256_eq(&d->txs[i]->hash, hash))
            return &d->txs[i];
    return NULL;
}

static bc_tx_t *tx_find(const sim_disk_t *d, const bc_h256_t *hash)
{
    bc_tx_t **at = tx_at(d, hash);
    return at ? *at : NULL;
}

static void tx_put(sim_disk_t *d, bc_tx_t *tx)
{
    bc_tx_t **at = tx ? tx_at(d, &tx->hash) : NULL;
    if (at) { /* of the same hash: it may be another one (docs/notes/0024) */
        bc_tx_ref(tx);
        bc_tx_unref(*at);
        *at = tx;
    }
    if (!tx || at)
        return;
    d->txs = bc_xrealloc(d->txs, (d->tx_cnt + 1) * sizeof *d->txs);
    d->txs[d->tx_cnt++] = bc_tx_ref(tx);
}

static void disk_apply(sim_disk_t *d, const bc_msg_t *m)
{
    if (m->kind == BC_MSG_PERSIST)
        row_put(d, m->key, m->data);
    else if (m->txs)
        for (size_t i = 0; i < m->txs->cnt; i++)
            tx_put(d, m->txs->v[i]);
}

void disk_free(sim_disk_t *d)
{
    for (size_t i = 0; i < d->row_cnt; i++)
        bc_buf_unref(d->rows[i].value);
    for (size_t i = 0; i < d->tx_cnt; i++)
        bc_tx_unref(d->txs[i]);
    for (int64_t i = 1; i <= d->height; i++) {
        bc_hdr_unref(d->blocks[i].header);
        bc_txs_unref(d->blocks[i].txs);
    }
    free(d->rows);
    free(d->txs);
    free(d->blocks);
}

/* ---- consensus lane: strictly in order, a frame only after the writes before it ---- */

static void lane_kick(sim_node_t *n);

static bool is_write(const bc_msg_t *m)
{
    return m->kind != BC_MSG_FRAME_OUT;
}

static void lane_pop(sim_node_t *n)
{
    bc_msg_t *m = n->lane_head;
    n->lane_head = m->next;
    if (!n->lane_head)
        n->lane_tail = NULL;
    m->next = NULL;
    bc_msg_free(m);
}

static void lane_written(sim_t *s, event_t *e)
{
    sim_node_t *n = &s->nodes[e->node];
    for (size_t i = n->lane_busy; i; i--) {
        disk_apply(&n->disk, n->lane_head);
        lane_pop(n);
    }
    n->lane_busy = 0;
    lane_kick(n);
}

static void lane_kick(sim_node_t *n)
{
    while (n->lane_head && !n->lane_busy) {
        if (!is_write(n->lane_head)) {
            check_frame(n, n->lane_head);
            host_send_frame(n, BC_MODULE_PBFT, n->lane_head);
            lane_pop(n);
            continue;
        }
        for (bc_msg_t *m = n->lane_head; m && is_write(m); m = m->next)
            n->lane_busy++;
        int64_t ms = (int64_t)sim_random(n->world, (uint64_t)n->disk_ms + 1);
        sim_at(n->world, ms, n->i, lane_written);
    }
}

static void lane_put(sim_node_t *n, const bc_msg_t *m)
{
    bc_front_msg_t fm;
    if (m->kind == BC_MSG_FRAME_OUT && bc_front_msg_decode(bc_buf_view(m->data), &fm) == BC_OK) {
        check_meant(n, fm.payload);
        check_view_out(n, fm.payload);
        check_record_out(n, fm.payload);
        check_view_told(n, &m->node, fm.payload);
    }
    if (m->kind == BC_MSG_PERSIST && !m->data)
        check_record_erased(n, m->key);
    bc_msg_t *copy = bc_msg_new(m->from, BC_ACTOR_HOST, m->kind);
    copy->module = m->module;
    copy->mask = m->mask;
    copy->node = m->node;
    memcpy(copy->key, m->key, sizeof copy->key);
    copy->data = m->data ? bc_buf_ref(m->data) : NULL;
    copy->txs = m->txs ? bc_txs_ref(m->txs) : NULL;
    if (n->lane_tail)
        n->lane_tail->next = copy;
    else
        n->lane_head = copy;
    n->lane_tail = copy;
    lane_kick(n);
}

/* ---- network ---- */

static void look_in(sim_node_t *n, const bc_nodeid_t *from, bc_buf_t *frame)
{
    bc_front_msg_t fm;
    if (bc_front_msg_decode(bc_buf_view(frame), &fm))
        return;
    if (fm.module == BC_MODULE_PBFT) {
        check_view_in(n, from, fm.payload);
        if (fm.ext & BC_FRONT_EXT_RESPONSE)
            check_given(n, fm.payload);
    } else if (fm.module == BC_MODULE_BLOCK_SYNC)
        check_sync_in(n, from, fm.payload);
}

static void frame_arrives(sim_t *s, event_t *e)
{
    sim_node_t *n = &s->nodes[e->node];
    if (!n->core)
        return;
    if (!n->bad)
        look_in(n, &e->from, e->data);
    else if (byz_saw(n, &e->from, e->data))
        return;
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_FRONT, BC_MSG_FRAME_IN);
    m->node = e->from;
    m->data = e->data;
    e->data = NULL;
    bc_core_post(n->core, m);
    n->dirty = true;
}

static bool apart(const sim_t *s, int a, int b)
{
    return ((s->group >> a) & 1) != ((s->group >> b) & 1);
}

static bool missed(const sim_t *s, int to, const bc_buf_t *data)
{
    bc_front_msg_t fm;
    if (!s->misses[to] || bc_front_msg_decode(bc_buf_view(data), &fm) ||
        fm.module != BC_MODULE_PBFT || fm.payload.n < 2)
        return false;
    return s->misses[to] >> sim_pbft_type(fm.payload) % 32 & 1;
}

void host_transmit(sim_node_t *n, const bc_nodeid_t *sender, int to, bc_buf_t *data)
{
    sim_t *s = n->world;
    if (to == n->i || apart(s, n->i, to) || !s->nodes[to].core || s->deaf[to] >> n->i & 1 ||
        missed(s, to, data))
        return;
    sim_mix(s, data->p, data->n);
    for (int copies = sim_chance(s, s->o.dup) ? 2 : 1; copies; copies--) {
        if (sim_chance(s, s->o.loss))
            continue;
        int64_t ms = 1 + (int64_t)sim_random(s, (uint64_t)s->o.delay_ms);
        if (sim_chance(s, 0.01))
            ms *= 10;
        if (n->bad && n->byz && (n->byz->tricks & SIM_TRICK_STARVE || n->byz->hurry))
            ms = 1; /* it is always among the first to be heard */
        event_t *e = sim_at(s, ms, to, frame_arrives);
        e->epoch = 0;
        e->from = *sender;
        e->data = bc_buf_ref(data);
    }
}

static void send_one(sim_node_t *n, uint16_t module, int to, bc_buf_t *data)
{
    if (!n->bad || !byz_sends(n, module, to, data))
        host_transmit(n, &n->key.pub, to, data);
}

static void send_hooked(sim_node_t *n, uint16_t module, int to, bc_buf_t *data)
{
    sim_t *s = n->world;
    s->frames[module % BC_ARRAY_LEN(s->frames)]++;
    bc_front_msg_t fm;
    if (module == BC_MODULE_BLOCK_SYNC && bc_front_msg_decode(bc_buf_view(data), &fm) == BC_OK)
        check_sync_out(n, to, fm.payload);
    if (!s->hook || module != BC_MODULE_PBFT) {
        send_one(n, module, to, data);
        return;
    }
    if (bc_front_msg_decode(bc_buf_view(data), &fm))
        return;
    bc_buf_t *payload = bc_buf_copy(fm.payload);
    bc_buf_t *out = s->hook(s->hook_ctx, n->i, to, payload);
    if (out == payload) {
        send_one(n, module, to, data);
    } else if (out) {
        fm.payload = bc_buf_view(out);
        bc_buf_t *frame = bc_front_msg_encode(&fm);
        send_one(n, module, to, frame);
        bc_buf_unref(frame);
        bc_buf_unref(out);
    }
    bc_buf_unref(payload);
}

void host_send_frame(sim_node_t *n, uint16_t module, bc_msg_t *m)
{
    sim_t *s = n->world;
    bool known = m->mask != 0;
    for (int i = 0; i < s->cnt; i++) {
        const sim_node_t *to = &s->nodes[i];
        uint16_t type =
            sim_conf_after(to, to->disk.height)->w[i] ? BC_NODE_CONSENSUS : BC_NODE_OBSERVER;
        bool wanted = m->mask ? (m->mask & type) != 0
                              : !memcmp(&s->nodes[i].key.pub, &m->node, sizeof m->node);
        known |= wanted;
        if (wanted && i != n->i)
            send_hooked(n, module, i, m->data);
    }
    if (!known && !n->bad)
        sim_fail(s, "serve", "node %d speaks to a stranger, module %u", n->i, module);
}

/* ---- timers ---- */

static void timer_fires(sim_t *s, event_t *e)
{
    sim_node_t *n = &s->nodes[e->node];
    for (size_t i = 0; i < n->timer_cnt; i++) {
        sim_timer_t *t = &n->timers[i];
        if (t->gen != (uint64_t)e->num)
            continue;
        bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, t->actor, BC_MSG_TIMER);
        m->number = t->id;
        n->timer_fired |= t->actor == BC_ACTOR_PBFT;
        *t = n->timers[--n->timer_cnt];
        bc_core_post(n->core, m);
        n->dirty = true;
        return;
    }
}

static void timer_set(sim_node_t *n, const bc_msg_t *m)
{
    sim_timer_t *t = NULL;
    for (size_t i = 0; i < n->timer_cnt && !t; i++)
        if (n->timers[i].actor == m->from && n->timers[i].id == m->number)
            t = &n->timers[i];
    if (m->number2 < 0) {
        if (t)
            *t = n->timers[--n->timer_cnt];
        return;
    }
    if (!t) {
        BC_MUST(n->timer_cnt < BC_ARRAY_LEN(n->timers));
        t = &n->timers[n->timer_cnt++];
    }
    *t = (sim_timer_t){ m->from, m->number, ++n->world->gen };
    sim_at(n->world, BC_MAX(m->number2, 0), n->i, timer_fires)->num = (int64_t)t->gen;
}

/* ---- execution ---- */

static void reply_now(sim_t *s, event_t *e)
{
    sim_node_t *n = &s->nodes[e->node];
    if (e->msg->kind == BC_MSG_RAN_EXECUTE && !e->msg->err) {
        if (e->num != (int64_t)n->layer_gen) {
            e->msg->err = BC_E_STALE; /* discarded meanwhile */
        } else {
            BC_MUST(n->layer_cnt < BC_ARRAY_LEN(n->layers));
            sim_layer_t *l = &n->layers[n->layer_cnt++];
            l->number = e->msg->number;
            memcpy(l->root.b, e->msg->header->h.data.state_root.p, 32);
            l->system = e->num2;
        }
    }
    bc_core_post(n->core, e->msg);
    e->msg = NULL;
    n->dirty = true;
}

static event_t *reply_later(sim_node_t *n, int64_t ms, bc_msg_t *m)
{
    event_t *e = sim_at(n->world, ms, n->i, reply_now);
    e->msg = m;
    e->num = (int64_t)n->layer_gen;
    return e;
}

static bool root_before(const sim_node_t *n, int64_t number, bc_h256_t *out)
{
    if (number == n->disk.height) {
        *out = n->world->genesis_root;
        if (number > 0)
            memcpy(out->b, n->disk.blocks[number].header->h.data.state_root.p, 32);
        return true;
    }
    for (size_t i = 0; i < n->layer_cnt; i++) {
        if (n->layers[i].number == number) {
            *out = n->layers[i].root;
            return true;
        }
    }
    return false;
}

/* The toy executor: the transactions' root is the chain's, the state root a hash over the parent's
 * and them in order. */
static bc_hdr_t *result_of(const bc_header_t *proposal, const bc_h256_t *txs_root, bc_h256_t root)
{
    bc_wr_t w = { 0 };
    bc_wr_put(&w, BC_VIEW(*txs_root));
    bc_wr_put(&w, BC_VIEW(root));
    bc_wr_be64(&w, (uint64_t)proposal->data.timestamp);
    bc_keccak256(bc_wr_view(&w), &root);
    bc_wr_free(&w);
    bc_header_t h = *proposal;
    h.data_hash = (bc_bytes_t){ 0 };
    h.signatures = (bc_tars_list_t){ 0 };
    h.data.txs_root = h.data.receipts_root = BC_VIEW(*txs_root);
    h.data.state_root = BC_VIEW(root);
    h.data.gas_used = BC_STR("0");
    return bc_hdr_new(BC_SUITE_STANDARD, &h);
}

bool host_empty_result(const sim_node_t *n, const bc_header_t *proposal, bc_h256_t *out)
{
    bc_header_t h = *proposal;
    int64_t before = h.data.number - 1;
    bc_h256_t root = n->world->genesis_root, txs_root, none = { 0 };
    if (before < 0 || before > n->disk.height ||
        bc_merkle_root(BC_SUITE_STANDARD, &none, 0, &txs_root) != BC_OK)
        return false;
    if (before)
        memcpy(root.b, n->disk.blocks[before].header->h.data.state_root.p, sizeof root.b);
    bc_parent_t link = { .number = before,
                         .hash = before ? BC_VIEW(n->disk.blocks[before].header->hash)
                                        : BC_VIEW(n->world->genesis_hash) };
    h.data.parents = (bc_tars_list_t){ &link, 1 };
    bc_hdr_t *hdr = result_of(&h, &txs_root, root);
    *out = hdr->hash;
    bc_hdr_unref(hdr);
    return true;
}

static void run_execute(sim_node_t *n, bc_msg_t *m)
{
    bc_msg_t *r = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SCHEDULER, BC_MSG_RAN_EXECUTE);
    r->token = m->token;
    r->number = m->number;
    bc_h256_t root, txs_root;
    check_execute(n, m->header);
    if (!root_before(n, m->number - 1, &root) ||
        (uint32_t)m->header->h.data.version > BC_VERSION_MAX) {
        r->err = BC_E_NOT_READY;
        reply_later(n, 0, r);
        return;
    }
    bool system = false;
    bc_h256_t *hashes = bc_xcalloc(m->txs->cnt + 1, sizeof *hashes);
    for (size_t i = 0; i < m->txs->cnt; i++) {
        hashes[i] = m->txs->v[i]->hash;
        system |= m->txs->v[i]->system;
    }
    BC_MUST(bc_merkle_root(BC_SUITE_STANDARD, hashes, m->txs->cnt, &txs_root) == BC_OK);
    free(hashes);
    if (m->txs->cnt) { /* where the fields end makes a difference to what is executed */
        bc_h256_t both[2] = { root };
        bc_txs_bounds(m->txs, BC_SUITE_STANDARD, &both[1]);
        bc_keccak256(bc_bytes(both[0].b, sizeof both), &root);
    }
    r->header = result_of(&m->header->h, &txs_root, root);
    r->result = bc_xcalloc(1, sizeof *r->result);
    r->result->sys_block = system;
    reply_later(n, (int64_t)sim_random(n->world, 5), r)->num2 = system;
}

/* Exactly: a bad node may have altered one by a bit, which nobody takes for a system transaction. */
bool sim_changes_sealers(bc_bytes_t to)
{
    if (to.n == 42 && to.p[0] == '0' && to.p[1] == 'x')
        to = bc_bytes(to.p + 2, 40);
    return bc_bytes_eq(to, BC_STR("0000000000000000000000000000000000001003"));
}

static void append_block(sim_node_t *n, const bc_committed_t *c)
{
    sim_disk_t *d = &n->disk;
    check_commit(n, c->number, c->header, c->txs);
    d->blocks = bc_xrealloc(d->blocks, (size_t)(d->height + 2) * sizeof *d->blocks);
    d->height++;
    sim_block_t *b = &d->blocks[d->height];
    *b = (sim_block_t){ bc_hdr_ref(c->header), bc_txs_ref(c->txs),
                        d->height > 1 ? d->blocks[d->height - 1].changes : 0 };
    for (size_t i = 0; i < b->txs->cnt; i++) {
        tx_put(d, b->txs->v[i]);
        b->changes += sim_changes_sealers(b->txs->v[i]->w.data.to);
    }
    size_t k = 0;
    for (size_t i = 0; i < n->layer_cnt; i++)
        if (n->layers[i].number > d->height)
            n->layers[k++] = n->layers[i];
    n->layer_cnt = k;
}

static void commit_written(sim_t *s, event_t *e)
{
    sim_node_t *n = &s->nodes[e->node];
    bc_msg_t *m = n->commit;
    n->commit = NULL;
    bc_msg_t *r = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SCHEDULER, BC_MSG_RAN_COMMIT);
    r->token = m->token;
    r->number = m->number;
    for (bc_committed_t *c = m->committed; c; c = c->next) {
        append_block(n, c);
        c->config = host_config(n);
        r->number2++;
    }
    bc_msg_free(m);
    bc_core_post(n->core, r);
    n->dirty = true;
}

static void run_commit(sim_node_t *n, bc_msg_t *m)
{
    BC_MUST(!n->commit);
    bc_msg_t *copy = bc_msg_new(m->from, BC_ACTOR_HOST, m->kind);
    copy->token = m->token;
    copy->number = m->number;
    copy->committed = bc_committed_ref(m->committed);
    n->commit = copy;
    sim_at(n->world, (int64_t)sim_random(n->world, (uint64_t)n->disk_ms + 2), n->i, commit_written);
}

static void discard(sim_node_t *n, int64_t number)
{
    size_t k = 0;
    for (size_t i = 0; i < n->layer_cnt; i++)
        if (n->layers[i].number < number)
            n->layers[k++] = n->layers[i];
    n->layer_cnt = k;
    n->layer_gen++;
}

/* ---- reads ---- */

static void load_block(sim_node_t *n, const bc_msg_t *m)
{
    bc_msg_t *r = bc_msg_new(BC_ACTOR_HOST, m->from, BC_MSG_LOADED_BLOCK);
    r->token = m->token;
    r->number = m->number;
    check_sync_load(n, m);
    if (m->number < 1 || m->number > n->disk.height) {
        r->err = BC_E_NOT_FOUND;
    } else {
        const sim_block_t *b = &n->disk.blocks[m->number];
        bc_block_t block = { .header = b->header->h };
        block.header.data_hash = BC_VIEW(b->header->hash);
        bc_tx_wire_t *txs = bc_xcalloc(b->txs->cnt + 1, sizeof *txs);
        for (size_t i = 0; i < b->txs->cnt; i++)
            txs[i] = b->txs->v[i]->w;
        if (m->number2 & BC_WITH_TXS)
            block.txs = (bc_tars_list_t){ txs, b->txs->cnt };
        bc_wr_t w = { 0 };
        bc_tars_encode(&bc_block_tars, &block, &w);
        r->data = bc_buf_copy(bc_wr_view(&w));
        bc_wr_free(&w);
        free(txs);
    }
    reply_later(n, (int64_t)sim_random(n->world, 3), r);
}

static bool is_executed(const sim_disk_t *d, const bc_h256_t *hash)
{
    for (int64_t i = d->height; i > 0; i--)
        for (size_t k = 0; k < d->blocks[i].txs->cnt; k++)
            if (bc_h256_eq(&d->blocks[i].txs->v[k]->hash, hash))
                return true;
    return false;
}

static void load_txs(sim_node_t *n, const bc_msg_t *m)
{
    bc_msg_t *r = bc_msg_new(BC_ACTOR_HOST, m->from, BC_MSG_LOADED_TXS);
    r->token = m->token;
    r->txs = bc_txs_new(m->metas->cnt);
    for (size_t i = 0; i < m->metas->cnt; i++) {
        bc_tx_t *tx = tx_find(&n->disk, &m->metas->v[i].hash);
        r->txs->v[i] = tx ? bc_tx_ref(tx) : NULL;
        r->flag |= tx && m->flag && is_executed(&n->disk, &tx->hash);
    }
    reply_later(n, (int64_t)sim_random(n->world, 3), r);
}

static void recover(sim_node_t *n, const bc_msg_t *m)
{
    bc_msg_t *r = bc_msg_new(BC_ACTOR_HOST, m->from, BC_MSG_RECOVERED);
    r->token = m->token;
    r->txs = bc_txs_ref(m->txs);
    r->data = bc_buf_new(8 * m->txs->cnt);
    memset(r->data->p, 0xff, r->data->n);
    for (size_t i = 0; i < m->txs->cnt; i++) {
        bc_tx_t *tx = m->txs->v[i];
        memcpy(tx->sender.b, tx->hash.b, sizeof tx->sender.b);
        tx->sender_known = !tx->w.signature.n; /* the sim's good ones carry none */
    }
    reply_later(n, (int64_t)sim_random(n->world, 3), r);
}

/* ---- dispatch ---- */

void host_message(void *ctx, bc_msg_t *m)
{
    sim_node_t *n = ctx;
    switch (m->kind) {
    case BC_MSG_TIMER_SET: timer_set(n, m); break;
    case BC_MSG_FRAME_OUT:
        if (m->module == BC_MODULE_PBFT)
            lane_put(n, m);
        else
            host_send_frame(n, m->module, m);
        break;
    case BC_MSG_PERSIST:
    case BC_MSG_PRESTORE: lane_put(n, m); break;
    case BC_MSG_RUN_EXECUTE: run_execute(n, m); break;
    case BC_MSG_RUN_COMMIT: run_commit(n, m); break;
    case BC_MSG_DISCARD: discard(n, m->number); break;
    case BC_MSG_LOAD_BLOCK: load_block(n, m); break;
    case BC_MSG_LOAD_TXS: load_txs(n, m); break;
    case BC_MSG_RECOVER: recover(n, m); break;
    case BC_MSG_SUBMIT_DONE:
        check_answer(n, m);
        break;
    default:
        break; /* news for the RPC */
    }
}

/* Power off: of the write under way any part may have reached the disk, of the rest nothing. */
void host_crash(sim_node_t *n)
{
    sim_t *s = n->world;
    size_t done = n->lane_busy ? (size_t)sim_random(s, n->lane_busy + 1) : 0;
    for (size_t i = 0; n->lane_head; i++) {
        if (i < done)
            disk_apply(&n->disk, n->lane_head);
        lane_pop(n);
    }
    n->lane_busy = 0;
    bc_committed_t *c = n->commit ? n->commit->committed : NULL;
    for (; c && sim_random(s, 2); c = c->next)
        append_block(n, c);
    bc_msg_free(n->commit);
    n->commit = NULL;
    n->timer_cnt = n->layer_cnt = 0;
    bc_core_free(n->core);
    n->core = NULL;
}
