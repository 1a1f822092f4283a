/* Wounds of the official node that one faulty node can use (W4, W5, W9): each attack is real bytes
 * under its own key; a model of the old rule, a few lines here, takes them, and our nodes do not.
 * The same message without the fault is taken by ours, so that a refusal is for the fault. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/log.h"
#include "block_sync.pb-c.h"
#include "pbft.pb-c.h"
#include "protocol/status.h"
#include "scheduling/pbft/pbft_impl.h"
#include "sim.h"

enum { NODES = 4, QUORUM = 3 };

static sim_t *cluster_of(bool nameless)
{
    sim_options_t o = { .seed = 2,
                        .nameless = nameless,
                        .sealers = NODES,
                        .real_crypto = true,
                        .delay_ms = 5,
                        .disk_ms = 2,
                        .injects = true };
    sim_t *s = sim_new(&o);
    for (int i = 0; i < NODES; i++)
        sim_start(s, i);
    sim_run_until(s, 2000);
    return s;
}

static sim_t *cluster(void)
{
    return cluster_of(false);
}

static void finish(sim_t *s)
{
    if (sim_failure(s))
        fail_msg("%s", sim_failure(s));
    sim_free(s);
}

static int64_t view_of(const sim_t *s, int node)
{
    bc_pbft_status_t st;
    sim_pbft(s, node, &st);
    return st.view;
}

static void sign(const sim_t *s, int node, pbft_msg_t *m, uint8_t sig[BC_SIG_MAX])
{
    pbft_digest(BC_SUITE_STANDARD, m, &m->digest);
    m->sig = bc_bytes(sig, bc_sign(sim_key(s, node), &m->digest, sig));
}

static void give(sim_t *s, int from, int to, const pbft_msg_t *m)
{
    bc_buf_t *b = pbft_encode(m);
    sim_inject(s, BC_MODULE_PBFT, from, to, bc_buf_view(b));
    bc_buf_unref(b);
    sim_run_until(s, sim_now(s) + 100);
}

/* ---- W4: NewView ---- */

typedef struct {
    bc_buf_t *vcs[NODES]; /* as sent for view 2 */
} heard_t;

/* Nobody hears the leader of height 1 in view 1, so all ask for view 2; nobody hears its leader's
 * NewView either: node 3, the faulty one, makes its own. */
static bc_buf_t *listen(void *ctx, int from, int to, bc_buf_t *data)
{
    heard_t *h = ctx;
    pbft_msg_t m;
    bc_arena_t arena = { 0 };
    (void)to;
    bool drop = from == 2;
    if (pbft_decode(BC_SUITE_STANDARD, bc_buf_view(data), &m, &arena) == BC_OK) {
        drop |= m.type == PBFT_NEW_VIEW;
        if (m.type == PBFT_VIEW_CHANGE && m.base.view == 2 && !h->vcs[from])
            h->vcs[from] = bc_buf_copy(bc_buf_view(data));
    }
    bc_arena_free(&arena);
    return drop ? NULL : data;
}

/* The old rule: valid view changes, by the hash they carry, of quorum weight, whoever they are
 * from; the sender's signature; nothing about its turn or its list. */
static bool old_takes_new_view(const sim_t *s, bc_bytes_t payload)
{
    Bcpbft__RawMessage *raw = bcpbft__raw_message__unpack(NULL, payload.n, payload.p);
    Bcpbft__NewView *nv = bcpbft__new_view__unpack(NULL, raw->payload.len, raw->payload.data);
    size_t weight = 0;
    bc_h256_t digest;
    bc_keccak256(bc_bytes(raw->payload.data, raw->payload.len), &digest);
    bool ok =
        nv->head->view > 1 && bc_verify(BC_SUITE_STANDARD, &sim_key(s, (int)nv->head->from)->pub,
                                        &digest, bc_bytes(raw->signature.data, raw->signature.len));
    for (size_t i = 0; ok && i < nv->n_view_changes; i++, weight++) {
        const Bcpbft__Base *vc = nv->view_changes[i]->head;
        memcpy(&digest, vc->sig_hash.data, sizeof digest); /* as carried */
        ok = bc_verify(BC_SUITE_STANDARD, &sim_key(s, (int)vc->from)->pub, &digest,
                       bc_bytes(vc->sig.data, vc->sig.len));
    }
    bcpbft__new_view__free_unpacked(nv, NULL);
    bcpbft__raw_message__free_unpacked(raw, NULL);
    return ok && weight >= QUORUM;
}

typedef enum { NV_GOOD, NV_REPEATED, NV_CARRIED_HASH, NV_OWN_LIST, NV_NOT_LEADER } nv_fault_t;

static void own_block(const sim_t *s, int bad, pbft_msg_t *entry, prop_t **keep)
{
    bc_header_t h = {
        .data = { .version = (int32_t)BC_VERSION_MAX, .number = 1, .timestamp = 5, .sealer = bad }
    };
    pbft_t p = { .suite = BC_SUITE_STANDARD };
    bc_hdr_t *hdr = bc_hdr_new(BC_SUITE_STANDARD, &h);
    *keep = prop_from_sealer(&p, hdr, NULL, false);
    *entry = (pbft_msg_t){ .type = PBFT_PRE_PREPARE, .has_base = true, .has_proposal = true };
    entry->base =
        (pbft_base_t){ .index = 1, .view = 2, .from = bad, .has_hash = true, .hash = hdr->hash };
    prop_to_wire(*keep, true, &entry->proposal);
    bc_hdr_unref(hdr);
    (void)s;
}

static void make_new_view(const sim_t *s, const heard_t *heard, nv_fault_t fault, bc_buf_t **out)
{
    int from = fault == NV_NOT_LEADER ? 1 : 3;
    pbft_msg_t vcs[NODES], entry, nv;
    bc_arena_t arena = { 0 };
    uint8_t sig[BC_SIG_MAX];
    prop_t *keep = NULL;
    size_t cnt = 0;
    for (int i = 0; i < NODES; i++)
        if (heard->vcs[i])
            BC_MUST(pbft_decode(BC_SUITE_STANDARD, bc_buf_view(heard->vcs[i]), &vcs[cnt++],
                                &arena) == BC_OK);
    assert_true(cnt >= QUORUM);
    nv = vcs[cnt - 1]; /* height and hash */
    nv.type = PBFT_NEW_VIEW;
    nv.has_proposal = false;
    nv.base.from = from;
    nv.vcs = vcs;
    nv.vc_cnt = cnt;
    if (fault == NV_REPEATED) {
        for (size_t i = 0; i < cnt; i++)
            vcs[i] = vcs[cnt - 1];
    } else if (fault == NV_CARRIED_HASH) {
        vcs[0].base.index = vcs[0].proposal.index =
            7; /* "I have seven blocks", with its old signature */
    } else if (fault == NV_OWN_LIST) {
        own_block(s, from, &entry, &keep);
        nv.votes = &entry;
        nv.vote_cnt = 1;
    }
    sign(s, from, &nv, sig);
    *out = pbft_encode(&nv);
    prop_unref(keep);
    bc_arena_free(&arena);
}

static void forged_new_views(void **state)
{
    (void)state;
    static const nv_fault_t faults[] = { NV_REPEATED, NV_CARRIED_HASH, NV_OWN_LIST, NV_NOT_LEADER,
                                         NV_GOOD };
    sim_t *s = cluster();
    heard_t heard = { 0 };
    sim_hook(s, listen, &heard);
    sim_submit(s, 0, 1, false);
    sim_run_until(s, sim_now(s) + 3500);
    assert_int_equal(view_of(s, 0), 1);
    for (size_t i = 0; i < BC_ARRAY_LEN(faults); i++) {
        bc_buf_t *b;
        make_new_view(s, &heard, faults[i], &b);
        assert_true(old_takes_new_view(s, bc_buf_view(b)));
        sim_inject(s, BC_MODULE_PBFT, faults[i] == NV_NOT_LEADER ? 1 : 3, 0, bc_buf_view(b));
        sim_run_until(s, sim_now(s) + 50);
        assert_int_equal(view_of(s, 0), faults[i] == NV_GOOD ? 2 : 1);
        bc_buf_unref(b);
    }
    for (int i = 0; i < NODES; i++)
        bc_buf_unref(heard.vcs[i]);
    finish(s);
}

/* ---- W4: proposals ---- */

typedef struct {
    bc_h256_t hash; /* to look for */
    unsigned prepares;
    unsigned answers, checkpoints; /* of forged_proofs */
    const bc_buf_t *forged;
} spy_t;

static bc_buf_t *count_prepares(void *ctx, int from, int to, bc_buf_t *data)
{
    spy_t *spy = ctx;
    pbft_msg_t m;
    bc_arena_t arena = { 0 };
    if (from == 0 && to == 1 &&
        pbft_decode(BC_SUITE_STANDARD, bc_buf_view(data), &m, &arena) == BC_OK)
        spy->prepares += m.type == PBFT_PREPARE && bc_h256_eq(&m.base.hash, &spy->hash);
    bc_arena_free(&arena);
    return data;
}

static prop_t *block_of(const sim_t *s, int64_t timestamp)
{
    bc_bytes_t ids[NODES];
    int64_t ones[NODES] = { 1, 1, 1, 1 };
    for (int i = 0; i < NODES; i++)
        ids[i] = BC_VIEW(sim_key(s, i)->pub);
    bc_header_t h = { .data = { .version = (int32_t)BC_VERSION_MAX,
                                .number = 1,
                                .timestamp = timestamp,
                                .sealer = 2,
                                .sealer_list = { ids, NODES },
                                .weights = { ones, NODES } } };
    pbft_t p = { .suite = BC_SUITE_STANDARD };
    bc_hdr_t *hdr = bc_hdr_new(BC_SUITE_STANDARD, &h);
    prop_t *q = prop_from_sealer(&p, hdr, NULL, false);
    bc_hdr_unref(hdr);
    return q;
}

/* The old rule: the leader's signature and the fields of the envelope; that the hash is that of the
 * block is believed. Two nodes then vote for one hash and execute two blocks. */
static bool old_takes_proposal(const sim_t *s, const pbft_msg_t *m)
{
    return m->base.from == bc_pbft_leader(1, 1, 1, NODES) && m->proposal.data.n > 0 &&
           bc_h256_eq(&m->base.hash, &m->proposal.hash) &&
           bc_verify(BC_SUITE_STANDARD, &sim_key(s, 2)->pub, &m->digest, m->sig);
}

static void hash_of_another_block(void **state)
{
    (void)state;
    sim_t *s = cluster();
    prop_t *a = block_of(s, 1800000000000), *b = block_of(s, 1800000000001);
    spy_t spy = { .hash = a->hash };
    sim_hook(s, count_prepares, &spy);
    for (int good = 0; good < 2; good++) {
        uint8_t sig[BC_SIG_MAX];
        pbft_msg_t m = { .type = PBFT_PRE_PREPARE, .has_base = true, .has_proposal = true };
        m.base =
            (pbft_base_t){ .index = 1, .view = 1, .from = 2, .has_hash = true, .hash = a->hash };
        prop_to_wire(a, true, &m.proposal);
        if (!good)
            m.proposal.data = bc_buf_view(b->data);
        sign(s, 2, &m, sig);
        assert_true(old_takes_proposal(s, &m));
        give(s, 2, 0, &m);
        assert_int_equal(spy.prepares, good);
    }
    prop_unref(a);
    prop_unref(b);
    finish(s);
}

/* ---- one header, two lists of transactions (docs/notes/0019) ---- */

/* Node 2 leads height 1: its header names no transactions, and goes to node 3 with one of them less.
 * It says nothing else. */
static bc_buf_t *two_lists(void *ctx, int from, int to, bc_buf_t *data)
{
    const sim_t *s = ctx;
    pbft_msg_t m;
    bc_arena_t arena = { 0 };
    bc_block_t b;
    bc_buf_t *out = NULL;
    if (from != 2)
        return data;
    if (pbft_decode(BC_SUITE_STANDARD, bc_buf_view(data), &m, &arena) == BC_OK &&
        m.type == PBFT_PRE_PREPARE &&
        bc_tars_decode(&bc_block_tars, m.proposal.data, &b, &arena) == BC_OK) {
        bc_wr_t w = { 0 };
        uint8_t sig[BC_SIG_MAX];
        b.header.data.txs_root.n = b.header.data_hash.n = 0;
        b.metas.n -= to == 3 && b.metas.n;
        bc_hdr_t *hdr = bc_hdr_new(BC_SUITE_STANDARD, &b.header);
        b.header = hdr->h;
        bc_tars_encode(&bc_block_tars, &b, &w);
        m.base.hash = m.proposal.hash = hdr->hash;
        m.proposal.data = bc_wr_view(&w);
        sign(s, 2, &m, sig);
        out = pbft_encode(&m);
        bc_hdr_unref(hdr);
        bc_wr_free(&w);
    }
    bc_arena_free(&arena);
    return out;
}

/* All vote for one hash and are bound to it, two results have two and one checkpoints: for good. */
static void two_lists_under_one_header(void **state)
{
    (void)state;
    for (int ours = 0; ours < 2; ours++) {
        sim_t *s = cluster_of(!ours);
        sim_hook(s, two_lists, s);
        sim_submit(s, 2, 3, false);
        bool goes_on = sim_run_to_height(s, 1, sim_now(s) + 60000);
        assert_int_equal(goes_on, ours);
        if (ours)
            finish(s);
        else
            sim_free(s); /* it names the divergence */
    }
}

/* ---- W4: the proof of a decided proposal ---- */

/* Node 0 gets no proposals and votes, only checkpoints: it asks for what was decided, and whatever
 * the faulty node wants comes back. */
static bc_buf_t *give_forged(void *ctx, int from, int to, bc_buf_t *data)
{
    spy_t *spy = ctx;
    pbft_msg_t m;
    bc_arena_t arena = { 0 };
    bc_buf_t *out = data;
    if (pbft_decode(BC_SUITE_STANDARD, bc_buf_view(data), &m, &arena) == BC_OK) {
        if (to == 0 && m.type <= PBFT_COMMIT)
            out = NULL;
        if (to == 0 && m.type == PBFT_COMMITTED_RESPONSE) {
            spy->answers++;
            out = bc_buf_copy(bc_buf_view(spy->forged));
        }
        spy->checkpoints += from == 0 && m.type == PBFT_CHECKPOINT && m.base.index == 1;
    }
    bc_arena_free(&arena);
    return out;
}

static bool old_takes_decided(const pbft_msg_t *m)
{
    return m->type == PBFT_COMMITTED_RESPONSE && m->proposal_cnt == 1 &&
           m->proposals[0].index == 1 &&
           m->proposals[0].data.n > 0; /* the signature list is not looked at */
}

static void forged_proofs(void **state)
{
    (void)state;
    sim_t *s = cluster();
    prop_t *q = block_of(s, 1800000000000);
    uint8_t sig[BC_SIG_MAX], psig[BC_SIG_MAX];
    pbft_sig_t proof[QUORUM];
    pbft_proposal_t w;
    size_t n = bc_sign(sim_key(s, 3), &q->hash, psig);
    prop_to_wire(q, true, &w);
    for (int i = 0; i < QUORUM; i++)
        proof[i] = (pbft_sig_t){ i == 2 ? 3 : i, bc_bytes(psig, n) };
    w.proof = proof;
    w.proof_cnt = QUORUM;
    pbft_msg_t m = {
        .type = PBFT_COMMITTED_RESPONSE, .has_base = true, .proposals = &w, .proposal_cnt = 1
    };
    m.base.from = 3;
    sign(s, 3, &m, sig);
    assert_true(old_takes_decided(&m));
    bc_buf_t *forged = pbft_encode(&m);
    spy_t spy = { .forged = forged };
    sim_hook(s, give_forged, &spy);
    sim_submit(s, 1, 1, false);
    sim_run_until(s, sim_now(s) + 3000);
    assert_int_equal(sim_height(s, 1), 1);
    assert_true(spy.answers > 0);
    assert_int_equal(spy.checkpoints, 0);  /* it executed nothing of it */
    assert_int_equal(sim_height(s, 0), 1); /* by block sync */
    bc_buf_unref(forged);
    prop_unref(q);
    finish(s);
}

/* ---- W4: synced blocks ---- */

typedef enum { BLOCK_GOOD, BLOCK_REPEATED, BLOCK_UNSIGNED } block_fault_t;

/* An empty block 1 as the toy executor would make it. */
static bc_hdr_t *synced_block(const sim_t *s, block_fault_t fault)
{
    bc_bytes_t ids[NODES];
    int64_t ones[NODES] = { 1, 1, 1, 1 }, time = 1800000000000;
    bc_h256_t genesis, root, txs = { 0 };
    bc_wr_t w = { 0 };
    for (int i = 0; i < NODES; i++)
        ids[i] = BC_VIEW(sim_key(s, i)->pub);
    bc_keccak256(BC_STR("genesis"), &genesis);
    bc_keccak256(BC_STR("root"), &root);
    bc_wr_put(&w, BC_VIEW(txs));
    bc_wr_put(&w, BC_VIEW(root));
    bc_wr_be64(&w, (uint64_t)time);
    bc_keccak256(bc_wr_view(&w), &root);
    bc_wr_free(&w);
    bc_parent_t parent = { 0, BC_VIEW(genesis) };
    bc_header_t h = { .data = { .version = (int32_t)BC_VERSION_MAX,
                                .parents = { &parent, 1 },
                                .txs_root = BC_VIEW(txs),
                                .receipts_root = BC_VIEW(txs),
                                .state_root = BC_VIEW(root),
                                .number = 1,
                                .gas_used = BC_STR("0"),
                                .timestamp = time,
                                .sealer = 3,
                                .sealer_list = { ids, NODES },
                                .weights = { ones, NODES } } };
    bc_hdr_t *bare = bc_hdr_new(BC_SUITE_STANDARD, &h);
    uint8_t sig[QUORUM][BC_SIG_MAX];
    bc_block_sig_t sigs[QUORUM];
    for (int i = 0; i < QUORUM; i++) {
        int by = fault == BLOCK_REPEATED ? 3 : i + 1; /* the faulty one alone, or three */
        sigs[i] =
            (bc_block_sig_t){ by, bc_bytes(sig[i], bc_sign(sim_key(s, by), &bare->hash, sig[i])) };
    }
    h.signatures = (bc_tars_list_t){ sigs, fault == BLOCK_UNSIGNED ? 0 : QUORUM };
    bc_hdr_t *out = bc_hdr_new(BC_SUITE_STANDARD, &h);
    bc_hdr_unref(bare);
    return out;
}

/* The old rule: a block without transactions passes; else the weight of all valid signatures, a
 * repeated one as often as it is there. */
static bool old_takes_block(const sim_t *s, const bc_hdr_t *h, size_t txs)
{
    const bc_block_sig_t *v = h->h.signatures.v;
    size_t weight = 0;
    for (size_t i = 0; i < h->h.signatures.n; i++)
        weight += bc_verify(BC_SUITE_STANDARD, &sim_key(s, (int)v[i].sealer_index)->pub, &h->hash,
                            v[i].signature);
    return !txs || weight >= QUORUM;
}

static void give_sync(sim_t *s, const BcPb__BlockSyncMessage *m)
{
    bc_buf_t *b = bc_buf_new(bc_pb__block_sync_message__get_packed_size(m));
    bc_pb__block_sync_message__pack(m, b->p);
    sim_inject(s, BC_MODULE_BLOCK_SYNC, 3, 0, bc_buf_view(b));
    bc_buf_unref(b);
}

static void forged_blocks(void **state)
{
    (void)state;
    static const block_fault_t faults[] = { BLOCK_REPEATED, BLOCK_UNSIGNED, BLOCK_GOOD };
    sim_t *s = cluster();
    for (size_t i = 0; i < BC_ARRAY_LEN(faults); i++) {
        bc_hdr_t *h = synced_block(s, faults[i]);
        assert_true(old_takes_block(s, h, faults[i] == BLOCK_REPEATED));
        bc_h256_t genesis;
        bc_keccak256(BC_STR("genesis"), &genesis);
        BcPb__BlockSyncMessage status = BC_PB__BLOCK_SYNC_MESSAGE__INIT, m = status;
        status.version = 2;
        status.number = 1;
        status.hash = (ProtobufCBinaryData){ 32, h->hash.b };
        status.genesishash = (ProtobufCBinaryData){ 32, genesis.b };
        sim_run_until(s, sim_now(s) + 31000); /* who gave a bad block is not heard for 30 s */
        give_sync(s, &status);                /* "I have block 1": node 0 asks for it */
        sim_run_until(s, sim_now(s) + 1700);
        bc_block_t block = { .header = h->h };
        bc_wr_t w = { 0 };
        bc_tars_encode(&bc_block_tars, &block, &w);
        ProtobufCBinaryData data = { w.n, w.p };
        m.packettype = 2;
        m.number = 1;
        m.n_blocksdata = 1;
        m.blocksdata = &data;
        give_sync(s, &m);
        sim_run_until(s, sim_now(s) + 500);
        assert_int_equal(sim_height(s, 0), faults[i] == BLOCK_GOOD);
        bc_wr_free(&w);
        bc_hdr_unref(h);
    }
    finish(s);
}

/* ---- W5 ---- */

static const char web3_raw[] = "f86c098504a817c8008252089435353535353535353535353535353535353535358"
                               "80de0b6b3a76400008025a028ef61"
                               "340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d"
                               "8997f761aecb703304b3800ccf555"
                               "c9f3dc64214b297fb1966a3b6d83";

/* The old rule: the transaction's hash is the one it came with. */
static void old_hash(const bc_tx_wire_t *w, bc_h256_t *out)
{
    memset(out, 0, sizeof *out);
    memcpy(out->b, w->extra_tx_hash.p, BC_MIN(w->extra_tx_hash.n, sizeof out->b));
}

/* One signed transaction under a second hash: in the old pool and chain two of them. */
static void one_transaction_under_two_hashes(void **state)
{
    (void)state;
    uint8_t raw[sizeof web3_raw / 2];
    for (size_t i = 0; i < sizeof raw; i++) {
        char two[3] = { web3_raw[2 * i], web3_raw[2 * i + 1], 0 };
        raw[i] = (uint8_t)strtoul(two, NULL, 16);
    }
    bc_tx_t *tx = NULL, *again = NULL;
    assert_int_equal(bc_tx_from_web3(BC_SUITE_STANDARD, bc_bytes(raw, sizeof raw), &tx, NULL),
                     BC_OK);
    bc_tx_wire_t wire = tx->w;
    bc_h256_t lie = tx->hash, a, b;
    lie.b[0] ^= 1;
    wire.extra_tx_hash = BC_VIEW(lie);
    old_hash(&tx->w, &a);
    old_hash(&wire, &b);
    assert_memory_not_equal(&a, &b, 32); /* the pool keyed by it takes both */
    bc_wr_t w = { 0 };
    bc_tars_encode(&bc_tx_wire_tars, &wire, &w);
    assert_int_equal(bc_tx_decode(BC_SUITE_STANDARD, bc_wr_view(&w), &again), BC_E_MISMATCH);
    bc_wr_reset(&w);
    bc_tars_encode(&bc_tx_wire_tars, &tx->w, &w);
    assert_int_equal(bc_tx_decode(BC_SUITE_STANDARD, bc_wr_view(&w), &again), BC_OK);
    assert_memory_equal(&again->hash, &tx->hash, 32);
    bc_tx_unref(again);
    bc_tx_unref(tx);
    bc_wr_free(&w);
}

/* ---- W9 ---- */

/* The old rule: every number of the request is noted, size is what the asker says. */
static uint64_t old_noted(const BcPb__BlockSyncMessage *m)
{
    return (uint64_t)m->size;
}

static void a_request_for_everything(void **state)
{
    (void)state;
    sim_t *s = cluster();
    sim_submit(s, 0, 1, false);
    assert_true(sim_run_to_height(s, 1, sim_now(s) + 3000));
    sim_run_until(s, sim_now(s) + 3000);
    BcPb__BlockSyncMessage m = BC_PB__BLOCK_SYNC_MESSAGE__INIT;
    m.packettype = 1;
    m.number = 1;
    m.size = INT64_MAX;
    assert_true(old_noted(&m) > (uint64_t)1 << 40);
    uint64_t before = sim_frames(s, BC_MODULE_BLOCK_SYNC);
    for (int i = 0; i < 1000; i++)
        give_sync(s, &m);
    sim_run_until(s, sim_now(s) + 100);
    uint64_t answers = sim_frames(s, BC_MODULE_BLOCK_SYNC) - before;
    assert_true(answers > 0 &&
                answers <= 1000 + 3 * NODES * NODES); /* its one block, and statuses */
    finish(s);
}

int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forged_new_views),
        cmocka_unit_test(hash_of_another_block),
        cmocka_unit_test(two_lists_under_one_header),
        cmocka_unit_test(forged_proofs),
        cmocka_unit_test(forged_blocks),
        cmocka_unit_test(one_transaction_under_two_hashes),
        cmocka_unit_test(a_request_for_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
