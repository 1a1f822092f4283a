/* Exchange of transactions with other nodes (spec/30 §1.5, §1.6): gossip of single transactions
 * on module 5000, or 6000 by the tree; status, request and response on 2001 and 2002. */
#include <stdlib.h>
#include "base/log.h"
#include "protocol/gossip_tree.h"
#include "scheduling/txpool/txpool_impl.h"
#include "txs_sync.pb-c.h"

enum { MSG_STATUS = 1, MSG_REQUEST = 2, MSG_RESPONSE = 3 };
enum { HASHES_MAX = 20000, RESPONSE_BYTES_MAX = 24 << 20 };

static bc_buf_t *pack(const BcPb__TxsSyncMessage *msg)
{
    bc_buf_t *b = bc_buf_new(bc_pb__txs_sync_message__get_packed_size(msg));
    if (b)
        bc_pb__txs_sync_message__pack(msg, b->p);
    return b;
}

static bc_buf_t *pack_hashes(int32_t type, const bc_h256_t *hashes, size_t cnt)
{
    BcPb__TxsSyncMessage msg = BC_PB__TXS_SYNC_MESSAGE__INIT;
    msg.type = type;
    msg.n_txshash = cnt;
    msg.txshash = bc_xcalloc(cnt, sizeof *msg.txshash);
    for (size_t i = 0; i < cnt; i++)
        msg.txshash[i] = (ProtobufCBinaryData){ 32, (uint8_t *)(uintptr_t)hashes[i].b };
    bc_buf_t *b = pack(&msg);
    free(msg.txshash);
    return b;
}

bc_buf_t *sync_encode_request(const bc_h256_t *hashes, size_t cnt)
{
    return pack_hashes(MSG_REQUEST, hashes, cnt);
}

bc_buf_t *sync_encode_response(const bc_txs_t *txs)
{
    bc_block_t block = { 0 };
    bc_tx_wire_t *wire = bc_xcalloc(txs->cnt, sizeof *wire);
    size_t bytes = 0;
    for (size_t i = 0; i < txs->cnt; i++) {
        if (!txs->v[i])
            continue;
        bytes += txs->v[i]->raw->n;
        if (bytes > RESPONSE_BYTES_MAX)
            break; /* the asker sees a short answer and asks again */
        wire[block.txs.n] = txs->v[i]->w;
        wire[block.txs.n++].sender = (bc_bytes_t){ 0 };
    }
    block.txs.v = wire;
    bc_wr_t w = { 0 };
    bc_tars_encode(&bc_block_tars, &block, &w);
    free(wire);
    BcPb__TxsSyncMessage msg = BC_PB__TXS_SYNC_MESSAGE__INIT;
    msg.type = MSG_RESPONSE;
    msg.txsdata = (ProtobufCBinaryData){ w.n, w.p };
    bc_buf_t *b = w.err ? NULL : pack(&msg);
    bc_wr_free(&w);
    return b;
}

static bc_err_t decode_txs(pool_t *p, bc_bytes_t data, size_t max, bc_txs_t **out)
{
    bc_arena_t arena;
    bc_arena_init(&arena, 8 * data.n + 65536);
    bc_block_t block;
    bc_err_t err = bc_tars_decode(&bc_block_tars, data, &block, &arena);
    size_t cnt = BC_MIN(block.txs.n, max);
    bc_txs_t *txs = err ? NULL : bc_txs_new(cnt);
    bc_wr_t raw = { 0 };
    for (size_t i = 0; !err && i < cnt; i++) {
        bc_wr_reset(&raw);
        bc_tars_encode(&bc_tx_wire_tars, &((bc_tx_wire_t *)block.txs.v)[i], &raw);
        err = raw.err ? raw.err : bc_tx_decode(p->c.suite, bc_wr_view(&raw), &txs->v[i]);
    }
    bc_wr_free(&raw);
    bc_arena_free(&arena);
    if (err)
        bc_txs_unref(txs);
    else
        *out = txs;
    return err;
}

bc_err_t sync_decode_response(pool_t *p, bc_bytes_t in, size_t max, bc_txs_t **out)
{
    BcPb__TxsSyncMessage *msg = bc_pb__txs_sync_message__unpack(NULL, in.n, in.p);
    if (!msg)
        return BC_E_FORMAT;
    bc_err_t err = msg->type == MSG_RESPONSE
                       ? decode_txs(p, bc_bytes(msg->txsdata.data, msg->txsdata.len), max, out)
                       : BC_E_FORMAT;
    bc_pb__txs_sync_message__free_unpacked(msg, NULL);
    return err;
}

static bool in_group(const pool_t *p, const bc_nodeid_t *id)
{
    return p->config && bc_ledger_config_member(p->config, id);
}

static bool sealer_up(void *ctx, size_t position)
{
    const pool_t *p = ctx;
    const bc_nodeid_t *id = &p->config->sealers[position].id;
    for (size_t i = 0; i < p->peer_cnt; i++)
        if (memcmp(p->peers[i].b, id->b, sizeof id->b) == 0)
            return true;
    return false;
}

/* from: as in bc_tree_txs. */
static void send_by_tree(pool_t *p, int64_t from, bc_buf_t *raw)
{
    size_t n = p->config->sealer_cnt;
    size_t *to = bc_xcalloc(n, sizeof *to);
    p->draw = p->draw * 6364136223846793005u + 1442695040888963407u;
    size_t cnt = bc_tree_txs(n, bc_ledger_config_sealer(p->config, &p->c.self), from, p->draw >> 33,
                             sealer_up, p, to);
    for (size_t i = 0; i < cnt; i++) {
        bc_msg_t *m = bc_out_msg(p->out, BC_ACTOR_FRONT, BC_MSG_SEND);
        m->module = BC_MODULE_TREE_PUSH_TX;
        m->node = p->config->sealers[to[i]].id;
        m->data = bc_buf_ref(raw);
    }
    free(to);
}

void sync_gossip(pool_t *p, const bc_tx_t *tx)
{
    if (p->c.by_tree && !p->old_peers) {
        send_by_tree(p, BC_TREE_OWN, tx->raw);
        return;
    }
    bc_msg_t *m = bc_out_msg(p->out, BC_ACTOR_FRONT, BC_MSG_BROADCAST);
    m->module = BC_MODULE_SYNC_PUSH_TX;
    m->mask = BC_NODE_CONSENSUS;
    m->data = bc_buf_ref(tx->raw);
}

void sync_ask_status(pool_t *p)
{
    if (!in_group(p, &p->c.self))
        return;
    p->idle_since = p->now->mono_ms;
    bc_msg_t *m = bc_out_msg(p->out, BC_ACTOR_FRONT, BC_MSG_BROADCAST);
    m->module = BC_MODULE_TXS_SYNC;
    m->mask = BC_NODE_CONSENSUS | BC_NODE_OBSERVER;
    m->data = pack_hashes(MSG_STATUS, NULL, 0);
}

static void import_all(pool_t *p, const bc_txs_t *txs)
{
    for (size_t i = 0; i < txs->cnt; i++)
        pool_offer(p, bc_tx_ref(txs->v[i]), NULL, false);
}

void sync_response(pool_t *p, bc_msg_t *in)
{
    bc_txs_t *txs;
    if (in->err || sync_decode_response(p, bc_buf_view(in->data), HASHES_MAX, &txs))
        return;
    import_all(p, txs);
    bc_txs_unref(txs);
}

/* Another node told what it has, or that it has nothing. */
static void on_status(pool_t *p, bc_msg_t *in, const BcPb__TxsSyncMessage *msg)
{
    size_t max = p->config ? (size_t)BC_MIN(p->config->tx_count_limit, HASHES_MAX) : 1000, cnt = 0;
    bc_h256_t *hashes = bc_xcalloc(BC_MAX(max, msg->n_txshash), sizeof *hashes);
    bc_buf_t *data = NULL;
    bool request = msg->n_txshash > 0;
    if (request) {
        for (size_t i = 0; i < msg->n_txshash; i++) {
            if (msg->txshash[i].len != 32)
                continue;
            memcpy(hashes[cnt].b, msg->txshash[i].data, 32);
            cnt += pool_find(p, &hashes[cnt]) == NULL;
        }
        data = cnt ? sync_encode_request(hashes, cnt) : NULL;
    } else {
        for (entry_t *e = p->unsealed.head; e && cnt < max; e = e->next)
            hashes[cnt++] = e->tx->hash;
        data = cnt ? pack_hashes(MSG_STATUS, hashes, cnt) : NULL;
    }
    free(hashes);
    if (!data)
        return;
    bc_msg_t *m = bc_out_msg(p->out, BC_ACTOR_FRONT, request ? BC_MSG_REQUEST : BC_MSG_SEND);
    m->module = BC_MODULE_TXS_SYNC;
    m->node = in->node;
    m->number2 = 5000;
    m->data = data;
}

static void reply_txs(pool_t *p, const read_t *r)
{
    bc_msg_t *m = bc_out_msg(p->out, BC_ACTOR_FRONT, BC_MSG_REPLY);
    m->module = r->module;
    m->node = r->node;
    memcpy(m->uuid, r->uuid, sizeof m->uuid);
    m->data = sync_encode_response(r->txs);
}

static void read_free(read_t *r)
{
    bc_txs_unref(r->txs);
    free(r);
}

void sync_free_all(pool_t *p)
{
    for (read_t *r = p->reads, *next; r; r = next) {
        next = r->next;
        read_free(r);
    }
    p->reads = NULL;
}

/* Answered from both maps; what a restarted node no longer holds, from its store. */
static void on_request(pool_t *p, bc_msg_t *in, const BcPb__TxsSyncMessage *msg)
{
    if (msg->n_txshash > HASHES_MAX || p->read_cnt >= LEDGER_READS_MAX || !in->uuid[0])
        return;
    for (size_t i = 0; i < msg->n_txshash; i++)
        if (msg->txshash[i].len != 32)
            return;
    read_t *r = bc_xcalloc(1, sizeof *r);
    r->node = in->node;
    r->module = in->module;
    memcpy(r->uuid, in->uuid, sizeof r->uuid);
    r->txs = bc_txs_new(msg->n_txshash);
    bc_metas_t *missing = bc_metas_new(msg->n_txshash);
    size_t cnt = 0;
    for (size_t i = 0; i < msg->n_txshash; i++) {
        bc_meta_t *m = &missing->v[cnt];
        memcpy(m->hash.b, msg->txshash[i].data, 32);
        entry_t *e = pool_find(p, &m->hash);
        if (e && e->state != ENTRY_VERIFYING)
            r->txs->v[i] = bc_tx_ref(e->tx);
        else
            cnt++;
    }
    missing->cnt = cnt;
    if (!cnt) {
        bc_metas_unref(missing);
        reply_txs(p, r);
        read_free(r);
        return;
    }
    r->id = ++p->next_id;
    r->next = p->reads;
    p->reads = r;
    p->read_cnt++;
    bc_msg_t *m = bc_out_msg(p->out, BC_ACTOR_HOST, BC_MSG_LOAD_TXS);
    m->token = r->id;
    m->metas = missing;
}

bool sync_loaded(pool_t *p, bc_msg_t *in)
{
    for (read_t **at = &p->reads; *at; at = &(*at)->next) {
        read_t *r = *at;
        if (r->id != in->token)
            continue;
        size_t next = 0; /* loaded rows come in the order of the gaps */
        for (size_t i = 0; i < r->txs->cnt && next < in->txs->cnt; i++)
            if (!r->txs->v[i]) {
                bc_tx_t *tx = in->txs->v[next++];
                r->txs->v[i] = tx ? bc_tx_ref(tx) : NULL;
            }
        reply_txs(p, r);
        *at = r->next;
        p->read_cnt--;
        read_free(r);
        return true;
    }
    return false;
}

/* What came by the tree goes on, also when it came before: another sender, other children. While
 * nodes disagree on who is a sealer it could go in circles, hence the limit. */
static void relay(pool_t *p, const bc_msg_t *in, entry_t *e, int32_t status)
{
    if (e ? e->relays == RELAYS_MAX : status != BC_TXS_POOL_FULL)
        return;
    if (e)
        e->relays++;
    send_by_tree(p, bc_ledger_config_sealer(p->config, &in->node), in->data);
}

static void on_push(pool_t *p, bc_msg_t *in)
{
    bc_tx_t *tx;
    if (!in_group(p, &in->node) && !p->c.txs_from_free_node)
        return;
    bc_err_t err = bc_tx_decode(p->c.suite, bc_buf_view(in->data), &tx);
    if (err) {
        BC_DEBUG(BADGES, "dropped a pushed transaction,from=%s,error=%s", BC_SHORT(in->node),
                 bc_err_name(err));
        return;
    }
    bc_h256_t hash = tx->hash;
    int32_t status = pool_offer(p, tx, NULL, false);
    if (in->module == BC_MODULE_TREE_PUSH_TX)
        relay(p, in, pool_find(p, &hash), status);
}

void sync_deliver(pool_t *p, bc_msg_t *in)
{
    if (in->module == BC_MODULE_SYNC_PUSH_TX || in->module == BC_MODULE_TREE_PUSH_TX) {
        on_push(p, in);
        return;
    }
    bc_bytes_t data = bc_buf_view(in->data);
    if (!in_group(p, &in->node) || !data.n)
        return;
    BcPb__TxsSyncMessage *msg = bc_pb__txs_sync_message__unpack(NULL, data.n, data.p);
    if (!msg)
        return;
    if (msg->type == MSG_STATUS && msg->n_txshash <= HASHES_MAX)
        on_status(p, in, msg);
    else if (msg->type == MSG_REQUEST)
        on_request(p, in, msg);
    bc_pb__txs_sync_message__free_unpacked(msg, NULL);
}
