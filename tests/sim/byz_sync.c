/* Blocks, statuses and transactions of a bad node. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "block_sync.pb-c.h"
#include "byz.h"
#include "txs_sync.pb-c.h"

typedef BcPb__BlockSyncMessage sync_msg_t;

static bc_buf_t *packed(const sync_msg_t *m)
{
    bc_buf_t *b = bc_buf_new(bc_pb__block_sync_message__get_packed_size(m));
    bc_pb__block_sync_message__pack(m, b->p);
    return b;
}

/* ---- blocks ---- */

enum {
    BLOCK_FEW,
    BLOCK_REPEAT,
    BLOCK_TXS,
    BLOCK_FORGED,
    BLOCK_LIST,
    BLOCK_OWN,
    BLOCK_KINDS,
    BLOCK_OLD, /* of the list before */
    BLOCK_TRUE
};

static void sign_alone(sim_node_t *n, const bc_hdr_t *hdr, bc_block_sig_t *sigs, uint8_t *sig,
                       size_t *cnt)
{
    int list[SIM_NODES_MAX], sealers = sim_conf_list(byz_conf(n), list);
    size_t len = bc_sign(&n->key, &hdr->hash, sig);
    for (int i = 0; i < sealers; i++)
        sigs[i] = (bc_block_sig_t){ i % 2 ? byz_index(n) : i, bc_bytes(sig, len) };
    *cnt = (size_t)sealers;
}

/* Fewer signatures, any of them: of a quorum of another list, say. */
static void cut_signatures(sim_t *s, bc_header_t *h, bc_block_sig_t *sigs)
{
    const bc_block_sig_t *old = h->signatures.v;
    size_t cnt = BC_MIN(h->signatures.n, (size_t)SIM_NODES_MAX), kept = 0;
    for (size_t i = 0, drop = cnt ? 1 + sim_random(s, cnt) : 0; i < cnt; i++) {
        if (sim_random(s, cnt - i) < drop)
            drop--;
        else
            sigs[kept++] = old[i];
    }
    h->signatures = (bc_tars_list_t){ sigs, kept };
}

/* Who sends a bad block is not heard for a while. Some save it for the moment when the list changes.
 */
static bool patient(const sim_node_t *n)
{
    return (n->world->o.seed / 4 + (uint64_t)n->i) % 2;
}

/* The list that judges the block is its own alone. */
static void own_list(sim_node_t *n, bc_header_data_t *h, bc_bytes_t *id, int64_t *weight)
{
    *id = BC_VIEW(n->key.pub);
    *weight = 1;
    h->sealer = 0;
    h->sealer_list = (bc_tars_list_t){ id, 1 };
    h->weights = (bc_tars_list_t){ weight, 1 };
}

/* Signatures of a quorum of the list before, where there is one. Else too few of them, one again and
 * again, other transactions under a true header, or with other signatures, a block of its own, also
 * by a list of its own, an empty one that names no list. */
static bc_buf_t *other_block(sim_node_t *n, bc_bytes_t data)
{
    bc_arena_t arena = { 0 };
    bc_block_t b;
    bc_block_sig_t sigs[4 * SIM_NODES_MAX];
    uint8_t sig[BC_SIG_MAX];
    bc_bytes_t id;
    int64_t weight;
    bc_wr_t w = { 0 };
    bc_hdr_t *hdr = NULL;
    if (bc_tars_decode(&bc_block_tars, data, &b, &arena) != BC_OK)
        return NULL;
    bc_header_t *h = &b.header;
    const bc_block_sig_t *old = h->signatures.v;
    size_t cnt = BC_MIN(h->signatures.n, (size_t)SIM_NODES_MAX);
    int kind = (int)sim_random(n->world, BLOCK_KINDS);
    if (byz_sigs_of_old_list(n, h, sigs))
        kind = BLOCK_OLD;
    else if (patient(n))
        kind = BLOCK_TRUE;
    switch (kind) {
    case BLOCK_OLD:
    case BLOCK_TRUE:
        break;
    case BLOCK_FEW:
        cut_signatures(n->world, h, sigs);
        break;
    case BLOCK_REPEAT:
        for (size_t i = 0; i < cnt; i++)
            sigs[i] = old[0];
        h->signatures = (bc_tars_list_t){ sigs, cnt };
        break;
    case BLOCK_TXS:
        b.txs.n = b.txs.n ? b.txs.n - 1 : 0;
        break;
    case BLOCK_FORGED:
        if (b.txs.n)
            ((bc_tx_wire_t *)b.txs.v)[0].signature = BC_STR("not a signature");
        break;
    default: /* a block of its own making; also an empty one, which names no sealers */
        h->data.timestamp = byz_plus(h->data.timestamp, 3);
        h->data_hash = (bc_bytes_t){ 0 };
        h->signatures = (bc_tars_list_t){ 0 };
        if (kind == BLOCK_LIST)
            own_list(n, &h->data, &id, &weight);
        else if (sim_random(n->world, 2))
            b.txs.n = h->data.sealer_list.n = h->data.weights.n = 0;
        hdr = bc_hdr_new(BC_SUITE_STANDARD, h);
        b.header = hdr->h;
        sign_alone(n, hdr, sigs, sig, &cnt);
        b.header.signatures = (bc_tars_list_t){ sigs, cnt };
        break;
    }
    bc_tars_encode(&bc_block_tars, &b, &w);
    bc_buf_t *out = w.err ? NULL : bc_buf_copy(bc_wr_view(&w));
    if (hdr)
        bc_hdr_unref(hdr);
    bc_wr_free(&w);
    bc_arena_free(&arena);
    return out;
}

/* ---- frames of its core ---- */

static void lie(sim_node_t *n, sync_msg_t *m)
{
    sim_t *s = n->world;
    switch (sim_random(s, 4)) {
    case 0:
        m->number = n->byz->lie =
            BC_MAX(n->byz->lie, n->disk.height) + 1 + (int64_t)sim_random(s, 5);
        break;
    case 1:
        m->number = byz_extreme(n);
        break;
    case 2:
        m->number = (int64_t)sim_random(s, (uint64_t)n->disk.height + 1);
        break;
    default:
        m->archived_number = byz_extreme(n);
        break;
    }
    if (sim_random(s, 3) == 0)
        m->time = byz_extreme(n);
    if (sim_random(s, 8) == 0)
        m->hash.len = 0;
}

bc_buf_t *byz_sync_frame(sim_node_t *n, const bc_front_msg_t *fm)
{
    sync_msg_t *m = bc_pb__block_sync_message__unpack(NULL, fm->payload.n, fm->payload.p);
    bc_buf_t *out = NULL;
    if (m && m->packettype == 0 && sim_random(n->world, 3)) {
        lie(n, m);
        out = packed(m);
    } else if (m && m->packettype == 2 && m->n_blocksdata == 1 && sim_random(n->world, 4)) {
        bc_buf_t *b = other_block(n, bc_bytes(m->blocksdata[0].data, m->blocksdata[0].len));
        if (b) {
            ProtobufCBinaryData *old = m->blocksdata, one = { b->n, b->p };
            m->blocksdata = &one;
            out = packed(m);
            m->blocksdata = old;
            bc_buf_unref(b);
        }
    }
    bc_pb__block_sync_message__free_unpacked(m, NULL);
    return out;
}

/* ---- by itself ---- */

static bc_buf_t *own_block(const sim_node_t *n, int64_t number)
{
    const sim_block_t *at = &n->disk.blocks[number];
    bc_block_t block = { .header = at->header->h };
    bc_tx_wire_t *txs = bc_xcalloc(at->txs->cnt + 1, sizeof *txs);
    for (size_t i = 0; i < at->txs->cnt; i++)
        txs[i] = at->txs->v[i]->w;
    block.header.data_hash = BC_VIEW(at->header->hash);
    block.txs = (bc_tars_list_t){ txs, at->txs->cnt };
    bc_wr_t w = { 0 };
    bc_tars_encode(&bc_block_tars, &block, &w);
    bc_buf_t *out = bc_buf_copy(bc_wr_view(&w));
    bc_wr_free(&w);
    free(txs);
    return out;
}

/* A block that nobody asked for. */
static void push_block(sim_node_t *n, int to, int64_t number, bool true_one)
{
    bc_buf_t *good = own_block(n, number);
    bc_buf_t *bad = true_one ? bc_buf_ref(good) : other_block(n, bc_buf_view(good));
    sync_msg_t m = BC_PB__BLOCK_SYNC_MESSAGE__INIT;
    m.packettype = 2;
    m.n_blocksdata = 1;
    ProtobufCBinaryData one = { bad ? bad->n : 0, bad ? bad->p : NULL };
    m.blocksdata = &one;
    bc_buf_t *b = packed(&m);
    byz_post(n, &n->key.pub, BC_MODULE_BLOCK_SYNC, to, bc_buf_view(b));
    bc_buf_unref(b);
    bc_buf_unref(bad);
    bc_buf_unref(good);
}

/* Its own name, or now and then one that nobody in the group has. */
static bc_nodeid_t some_name(sim_node_t *n)
{
    bc_nodeid_t id = n->key.pub;
    if (sim_random(n->world, 8) == 0)
        for (size_t i = 0; i < sizeof id.b; i++)
            id.b[i] ^= 0x5a;
    return id;
}

void byz_sync_act(sim_node_t *n, int to)
{
    sim_t *s = n->world;
    int64_t height = n->disk.height, of_new_list = byz_block_of_new_list(n, to);
    if (of_new_list > 0) {
        for (int64_t i = s->nodes[to].disk.height + 1; i < of_new_list; i++)
            push_block(n, to, i, true); /* so that it does not wait for those before */
        push_block(n, to, of_new_list, false);
        return;
    }
    if (sim_random(s, 3) == 0) {
        if (height)
            push_block(n, to, height - (int64_t)sim_random(s, (uint64_t)BC_MIN(height, 4)), false);
        return;
    }
    sync_msg_t m = BC_PB__BLOCK_SYNC_MESSAGE__INIT;
    bc_h256_t head = n->disk.height ? n->disk.blocks[n->disk.height].header->hash : s->genesis_hash;
    if (sim_random(s, 2)) {
        m.packettype = 1; /* everything, at once */
        m.number = sim_random(s, 2) ? 1 : byz_extreme(n);
        m.size = byz_extreme(n);
        m.block_interval = sim_random(s, 2) ? 0 : byz_extreme(n);
    } else {
        m.version = 2;
        m.hash = (ProtobufCBinaryData){ 32, head.b };
        m.genesishash = (ProtobufCBinaryData){ 32, s->genesis_hash.b };
        m.number = n->disk.height;
        m.time = s->now;
        lie(n, &m);
    }
    bc_buf_t *b = packed(&m);
    /* who says that it is ahead of the chain may be a stranger */
    bc_nodeid_t name = m.packettype == 1 ? some_name(n) : n->key.pub;
    byz_post(n, &name, BC_MODULE_BLOCK_SYNC, to, bc_buf_view(b));
    bc_buf_unref(b);
}

static bc_tx_t *tx_with(sim_node_t *n, bool system, const char *nonce)
{
    bc_tx_data_t d = { .chain_id = BC_STR("chain0"),
                       .group_id = BC_STR("group0"),
                       .block_limit = n->disk.height + 400,
                       .nonce = bc_cstr(nonce),
                       .to = system ? BC_STR("0000000000000000000000000000000000001003")
                                    : BC_STR("2222222222222222222222222222222222222222") };
    bc_tx_t *tx;
    BC_MUST(bc_tx_make(BC_SUITE_STANDARD, &d, 0, (bc_bytes_t){ 0 }, NULL, &tx) == BC_OK);
    check_note_tx(n->world, tx);
    return tx;
}

static bc_tx_t *own_tx(sim_node_t *n, bool system)
{
    char nonce[32];
    snprintf(nonce, sizeof nonce, "bad-%lx", (unsigned long)sim_random(n->world, UINT64_MAX));
    return tx_with(n, system, nonce);
}

/* With the nonce of one that a client has sent, lately or long ago. */
static bc_tx_t *rival_tx(sim_node_t *n)
{
    sim_t *s = n->world;
    char nonce[32];
    uint64_t back = sim_random(s, sim_random(s, 2) ? 20 : s->txs_made + 1);
    snprintf(nonce, sizeof nonce, "%" PRIu64, s->txs_made - BC_MIN(back, s->txs_made));
    return tx_with(n, false, nonce);
}

/* One that is on the chain; NULL: there is none in the block that was drawn. */
static bc_tx_t *old_tx(sim_node_t *n)
{
    const sim_disk_t *d = &n->disk;
    if (!d->height)
        return NULL;
    const bc_txs_t *txs = d->blocks[1 + sim_random(n->world, (uint64_t)d->height)].txs;
    return txs->cnt ? bc_tx_ref(txs->v[sim_random(n->world, txs->cnt)]) : NULL;
}

/* A transaction as pushed: with a signature that is none, or a good one. */
static void push_tx(sim_node_t *n, int to, const bc_tx_t *tx, bool forged)
{
    bc_tx_wire_t wire = tx->w;
    if (forged)
        wire.signature = BC_STR("not a signature");
    bc_wr_t w = { 0 };
    bc_tars_encode(&bc_tx_wire_tars, &wire, &w);
    byz_post(n, &n->key.pub, BC_MODULE_SYNC_PUSH_TX, to, bc_wr_view(&w));
    bc_wr_free(&w);
}

const bc_tx_t *byz_secret_tx(sim_node_t *n, int64_t index, int64_t view)
{
    sim_byz_t *b = n->byz;
    if (!b->secret || b->secret_index != index || b->secret_view != view) {
        bc_tx_unref(b->secret);
        uint64_t kind = sim_random(n->world, 4);
        b->secret = kind == 0 ? rival_tx(n) : kind == 1 ? old_tx(n) : NULL;
        if (!b->secret)
            b->secret = own_tx(n, sim_random(n->world, 2));
        b->secret_holds = sim_random(n->world, 2);
        b->secret_index = index;
        b->secret_view = view;
    }
    return b->secret;
}

static bc_buf_t *secret_answer(const bc_tx_t *tx, bool holds)
{
    bc_tx_wire_t wire = tx->w;
    if (!holds)
        wire.signature = BC_STR("not a signature");
    bc_block_t block = { .txs = { &wire, 1 } };
    bc_wr_t w = { 0 };
    bc_tars_encode(&bc_block_tars, &block, &w);
    BcPb__TxsSyncMessage m = BC_PB__TXS_SYNC_MESSAGE__INIT;
    m.type = 3;
    m.txsdata = (ProtobufCBinaryData){ w.n, w.p };
    bc_buf_t *b = bc_buf_new(bc_pb__txs_sync_message__get_packed_size(&m));
    bc_pb__txs_sync_message__pack(&m, b->p);
    bc_wr_free(&w);
    return b;
}

bool byz_gives_secret(sim_node_t *n, int to, const bc_front_msg_t *fm)
{
    const bc_tx_t *tx = n->byz->secret;
    if (!tx || to < 0 || fm->ext & BC_FRONT_EXT_RESPONSE)
        return false;
    BcPb__TxsSyncMessage *m = bc_pb__txs_sync_message__unpack(NULL, fm->payload.n, fm->payload.p);
    bool asked = m && m->type == 2 && m->n_txshash == 1 && m->txshash[0].len == sizeof tx->hash &&
                 !memcmp(m->txshash[0].data, &tx->hash, sizeof tx->hash);
    bc_pb__txs_sync_message__free_unpacked(m, NULL);
    if (asked) {
        bc_buf_t *b = secret_answer(tx, n->byz->secret_holds);
        byz_post_frame(n, &n->key.pub, to,
                       &(bc_front_msg_t){ .module = fm->module,
                                          .ext = BC_FRONT_EXT_RESPONSE,
                                          .uuid = fm->uuid,
                                          .payload = bc_buf_view(b) });
        bc_buf_unref(b);
    }
    return asked;
}

/* "I have all these": hashes that do not exist. */
static void tell_hashes(sim_node_t *n, int to)
{
    enum { CNT = 500 };
    ProtobufCBinaryData v[CNT];
    bc_h256_t *h = bc_xcalloc(CNT, sizeof *h);
    for (size_t i = 0; i < CNT; i++) {
        uint64_t r = sim_random(n->world, UINT64_MAX);
        memcpy(h[i].b, &r, sizeof r);
        v[i] = (ProtobufCBinaryData){ sim_random(n->world, 9) ? 32 : 31, h[i].b };
    }
    BcPb__TxsSyncMessage m = BC_PB__TXS_SYNC_MESSAGE__INIT;
    m.type = 1 + (int32_t)sim_random(n->world, 2);
    m.n_txshash = CNT;
    m.txshash = v;
    if (sim_random(n->world, 3) == 0) { /* "I have nothing": all that you have, please */
        m.type = 1;
        m.n_txshash = 0;
    }
    bc_buf_t *b = bc_buf_new(bc_pb__txs_sync_message__get_packed_size(&m));
    bc_pb__txs_sync_message__pack(&m, b->p);
    bc_nodeid_t name = some_name(n);
    byz_post(n, &name, BC_MODULE_TXS_SYNC, to, bc_buf_view(b));
    bc_buf_unref(b);
    free(h);
}

void byz_txs_act(sim_node_t *n, int to)
{
    sim_t *s = n->world;
    const sim_disk_t *d = &n->disk;
    uint64_t what = sim_random(s, 9);
    if (what == 0) {
        tell_hashes(n, to);
    } else if (what == 8) { /* to one node only: others have, or get, another one with this nonce */
        bc_tx_t *tx = rival_tx(n);
        push_tx(n, to, tx, false);
        bc_tx_unref(tx);
    } else if (what == 1 && d->height) { /* one that is on the chain */
        const bc_txs_t *txs = d->blocks[1 + sim_random(s, (uint64_t)d->height)].txs;
        if (txs->cnt)
            push_tx(n, to, txs->v[0], sim_random(s, 2));
    } else {
        bool flood = what == 2 && sim_random(s, 2);
        for (uint64_t i = flood ? 5 * SIM_POOL_LIMIT : 1 + sim_random(s, 4); i; i--) {
            bc_tx_t *tx = own_tx(n, false);
            push_tx(n, to, tx, !flood && sim_random(s, 2));
            bc_tx_unref(tx);
        }
    }
}
