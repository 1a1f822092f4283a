/* Every frame that was captured between official nodes and SDKs: it decodes, encodes again to the
 * same bytes, and so does what is inside, down to blocks and transactions; signatures are good.
 * CBCOS_VECTORS names the folder of the captures. */
#include "wire.h"
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "access/gateway/amop_msg.h"
#include "access/gateway/p2p_msg.h"
#include "access/rpc/ws_message.h"
#include "base/log.h"
#include "block_sync.pb-c.h"
#include "codec/hex.h"
#include "protocol/block.h"
#include "protocol/status.h"
#include "scheduling/front/front.h"
#include "txs_sync.pb-c.h"

static void same(bc_buf_t *got, bc_bytes_t want)
{
    assert_non_null(got);
    assert_true(bc_bytes_eq(bc_buf_view(got), want));
    bc_buf_unref(got);
}

static void same_tars(const bc_tars_struct_t *table, const void *value, bc_bytes_t want)
{
    bc_wr_t w = { 0 };
    bc_tars_encode(table, value, &w);
    assert_int_equal(w.err, BC_OK);
    assert_true(bc_bytes_eq(bc_wr_view(&w), want));
    bc_wr_free(&w);
}

/* ---- blocks and transactions ---- */

/* A transaction is passed on as it came: an SDK may write members that have their default, a node a
 * sender that nobody believes. Its hash does not depend on that. */
static bc_h256_t check_tx(tally_t *t, bc_bytes_t raw)
{
    bc_tx_t *tx, *again;
    bc_wr_t w = { 0 };
    assert_int_equal(bc_tx_decode(BC_SUITE_STANDARD, raw, &tx), BC_OK);
    assert_true(bc_bytes_eq(bc_buf_view(tx->raw), raw));
    bc_tars_encode(&bc_tx_wire_tars, &tx->w, &w);
    assert_int_equal(bc_tx_decode(BC_SUITE_STANDARD, bc_wr_view(&w), &again), BC_OK);
    bc_h256_t hash = tx->hash;
    assert_true(bc_h256_eq(&again->hash, &hash));
    t->bad_txs += bc_tx_recover(tx) != BC_OK;
    bc_tx_unref(again);
    bc_tx_unref(tx);
    bc_wr_free(&w);
    t->txs++;
    return hash;
}

static size_t check_txs(tally_t *t, const bc_tars_list_t *txs, bc_h256_t **hashes)
{
    bc_wr_t w = { 0 };
    *hashes = bc_xcalloc(txs->n, sizeof **hashes);
    for (size_t i = 0; i < txs->n; i++) {
        bc_wr_reset(&w);
        bc_tars_encode(&bc_tx_wire_tars, &((bc_tx_wire_t *)txs->v)[i], &w);
        (*hashes)[i] = check_tx(t, bc_wr_view(&w));
    }
    bc_wr_free(&w);
    return txs->n;
}

/* A block of block sync: signed by a quorum of distinct nodes, transactions as in its header. */
static void check_block(tally_t *t, bc_bytes_t in)
{
    bc_arena_t a = { 0 };
    bc_block_t b;
    assert_int_equal(bc_tars_decode(&bc_block_tars, in, &b, &a), BC_OK);
    same_tars(&bc_block_tars, &b, in);
    bc_wr_t w = { 0 };
    bc_tars_encode(&bc_header_tars, &b.header, &w);
    bc_hdr_t *h;
    assert_int_equal(bc_hdr_decode(BC_SUITE_STANDARD, bc_wr_view(&w), &h), BC_OK);
    size_t sealers = h->h.data.sealer_list.n, distinct = 0;
    const bc_nodeid_t *seen[WIRE_NODES] = { 0 };
    for (size_t i = 0; i < h->h.signatures.n; i++) {
        const bc_block_sig_t *s = &((bc_block_sig_t *)h->h.signatures.v)[i];
        const bc_nodeid_t *by = wire_signer(t, s->sealer_index, &h->hash, s->signature);
        assert_non_null(by);
        distinct += !seen[by - t->ids];
        seen[by - t->ids] = by;
        t->block_sigs++;
    }
    assert_true(distinct >= sealers - (sealers ? (sealers - 1) / 3 : 0));
    bc_h256_t *hashes, root;
    size_t bad = t->bad_txs, n = check_txs(t, &b.txs, &hashes);
    assert_int_equal(t->bad_txs, bad);
    assert_int_equal(bc_merkle_root(BC_SUITE_STANDARD, hashes, n, &root), BC_OK);
    assert_true(bc_bytes_eq(h->h.data.txs_root, BC_VIEW(root)));
    free(hashes);
    bc_hdr_unref(h);
    bc_wr_free(&w);
    bc_arena_free(&a);
    t->blocks++;
}

/* ---- modules ---- */

static void check_block_sync(tally_t *t, bc_bytes_t in)
{
    BcPb__BlockSyncMessage *m = bc_pb__block_sync_message__unpack(NULL, in.n, in.p);
    assert_non_null(m);
    bc_buf_t *b = bc_buf_new(bc_pb__block_sync_message__get_packed_size(m));
    bc_pb__block_sync_message__pack(m, b->p);
    same(b, in);
    assert_in_range(m->packettype, 0, 2);
    t->sync[m->packettype]++;
    if (m->packettype == 0) {
        assert_int_equal(m->version, 2);
        assert_int_equal(m->hash.len, 32);
        assert_int_equal(m->genesishash.len, 32);
    }
    for (size_t i = 0; i < m->n_blocksdata; i++)
        check_block(t, bc_bytes(m->blocksdata[i].data, m->blocksdata[i].len));
    bc_pb__block_sync_message__free_unpacked(m, NULL);
}

static void check_txs_sync(tally_t *t, bc_bytes_t in)
{
    BcPb__TxsSyncMessage *m = bc_pb__txs_sync_message__unpack(NULL, in.n, in.p);
    assert_non_null(m);
    bc_buf_t *b = bc_buf_new(bc_pb__txs_sync_message__get_packed_size(m));
    bc_pb__txs_sync_message__pack(m, b->p);
    same(b, in);
    assert_in_range(m->type, 1, 3);
    t->pool[m->type]++;
    for (size_t i = 0; i < m->n_txshash; i++)
        assert_int_equal(m->txshash[i].len, 32);
    if (m->type == 3) {
        bc_arena_t a = { 0 };
        bc_block_t block;
        bc_h256_t *hashes;
        bc_bytes_t data = bc_bytes(m->txsdata.data, m->txsdata.len);
        assert_int_equal(bc_tars_decode(&bc_block_tars, data, &block, &a), BC_OK);
        same_tars(&bc_block_tars, &block, data);
        check_txs(t, &block.txs, &hashes);
        free(hashes);
        bc_arena_free(&a);
    }
    bc_pb__txs_sync_message__free_unpacked(m, NULL);
}

static void check_front(tally_t *t, const bc_p2p_frame_t *f, bc_bytes_t payload)
{
    bc_front_msg_t m;
    bc_nodeid_t sender;
    assert_int_equal(f->src_node.n, sizeof sender.b);
    memcpy(sender.b, f->src_node.p, sizeof sender.b);
    assert_true(f->type == BC_P2P_BROADCAST || f->dst_cnt == 1);
    assert_true(bc_bytes_eq(f->group, BC_STR("group0")));
    assert_int_equal(bc_front_msg_decode(payload, &m), BC_OK);
    same(bc_front_msg_encode(&m), payload);
    assert_int_equal(m.uuid.n, f->type == BC_P2P_BROADCAST ? 0 : 36);
    assert_true(m.module < BC_ARRAY_LEN(t->module));
    t->module[m.module]++;
    t->responses += m.ext & BC_FRONT_EXT_RESPONSE;
    if (!m.payload.n)
        return; /* "none" in an answer */
    switch (m.module) {
    case BC_MODULE_PBFT:
        assert_true(wire_pbft(t, m.payload, &sender));
        break;
    case BC_MODULE_BLOCK_SYNC:
        check_block_sync(t, m.payload);
        break;
    case BC_MODULE_TXS_SYNC:
    case BC_MODULE_CONS_TXS_SYNC:
        check_txs_sync(t, m.payload);
        break;
    case BC_MODULE_SYNC_PUSH_TX:
    case BC_MODULE_TREE_PUSH_TX:
        check_tx(t, m.payload);
        break;
    default:
        fail_msg("module %u", m.module);
    }
}

/* ---- packets ---- */

static void check_amop(tally_t *t, const bc_p2p_frame_t *f)
{
    bc_amop_msg_t m;
    assert_int_equal(bc_amop_decode(f->payload, &m), BC_OK);
    same(bc_amop_encode(&m), f->payload);
    assert_in_range(m.type, 1, 5);
    t->amop[m.type]++;
    t->module[BC_MODULE_AMOP]++;
    uint32_t seq;
    bc_bytes_t topic;
    if (m.type == BC_AMOP_TOPIC_SEQ) {
        assert_int_equal(bc_amop_seq(m.data, &seq), BC_OK);
    } else if (m.type == BC_AMOP_TOPICS) {
        bc_topics_t topics = { 0 };
        bc_wr_t w = { 0 };
        assert_int_equal(bc_topics_decode(m.data, &seq, &topics), BC_OK);
        bc_topics_encode(&topics, seq, &w);
        assert_true(bc_bytes_eq(bc_wr_view(&w), m.data));
        bc_wr_free(&w);
        bc_topics_free(&topics);
    } else if (m.type == BC_AMOP_REQUEST ||
               (m.type == BC_AMOP_BROADCAST && !(f->ext & BC_P2P_EXT_RESPONSE))) {
        assert_int_equal(bc_amop_topic(m.data, &topic), BC_OK);
    }
}

static void check_ws(tally_t *t, bc_bytes_t in)
{
    bc_ws_message_t m;
    bc_wr_t w = { 0 };
    assert_int_equal(bc_ws_message_decode(in, &m), BC_OK);
    bc_ws_message_encode(&m, &w);
    assert_true(bc_bytes_eq(bc_wr_view(&w), in));
    bc_wr_free(&w);
    assert_true(m.type < BC_ARRAY_LEN(t->ws));
    t->ws[m.type]++;
}

static void check_routes(bc_bytes_t payload, bc_arena_t *a)
{
    bc_p2p_routes_t r;
    assert_int_equal(bc_tars_decode(&bc_p2p_routes_tars, payload, &r, a), BC_OK);
    same_tars(&bc_p2p_routes_tars, &r, payload);
    const bc_p2p_route_t *e = r.routes.v;
    for (size_t i = 0; i < r.routes.n; i++) {
        bc_h256_t id;
        bc_p2p_short_id(e[i].dst, &id);
        assert_true(bc_bytes_eq(BC_VIEW(id), e[i].ids.short_id));
    }
}

static void check_payload(tally_t *t, const bc_p2p_frame_t *f, bc_bytes_t payload)
{
    bc_arena_t a = { 0 };
    bc_p2p_protocol_t p;
    bc_p2p_status_t s;
    switch (f->type) {
    case BC_P2P_ANSWER:
        assert_true(f->ext & BC_P2P_EXT_RESPONSE);
        if (bc_bytes_eq(payload, BC_STR("0")))
            t->codes_ok++;
        else
            t->codes_other++;
        break;
    case BC_P2P_HEARTBEAT:
    case BC_P2P_REQUEST_STATUS:
    case BC_P2P_REQUEST_ROUTER:
        assert_int_equal(payload.n, 0);
        break;
    case BC_P2P_HANDSHAKE:
        assert_int_equal(f->version, 0);
        assert_int_equal(bc_tars_decode(&bc_p2p_protocol_tars, payload, &p, &a), BC_OK);
        same_tars(&bc_p2p_protocol_tars, &p, payload);
        assert_int_equal(p.max, 3);
        break;
    case BC_P2P_STATUS:
        assert_int_equal(bc_tars_decode(&bc_p2p_status_tars, payload, &s, &a), BC_OK);
        same_tars(&bc_p2p_status_tars, &s, payload);
        break;
    case BC_P2P_STATUS_SEQ:
    case BC_P2P_ROUTER_SEQ:
        assert_int_equal(payload.n, 4);
        break;
    case BC_P2P_ROUTER:
        check_routes(payload, &a);
        break;
    case BC_P2P_UNICAST:
    case BC_P2P_BROADCAST:
        check_front(t, f, payload);
        break;
    case BC_P2P_AMOP:
        check_amop(t, f);
        break;
    case BC_P2P_WS:
        check_ws(t, payload);
        break;
    default:
        fail_msg("packet type %u", f->type);
    }
    bc_arena_free(&a);
}

static void check_frame(tally_t *t, bc_bytes_t in)
{
    bc_p2p_frame_t f;
    size_t n;
    assert_int_equal(bc_p2p_length(in, 32 << 20, &n), BC_OK);
    assert_int_equal(n, in.n);
    assert_int_equal(bc_p2p_decode(in, &f), BC_OK);
    same(bc_p2p_encode(&f), in);
    t->frames++;
    assert_true(f.type < BC_ARRAY_LEN(t->type) && f.version < BC_ARRAY_LEN(t->version));
    t->type[f.type]++;
    t->version[f.version]++;
    bc_buf_t *plain = NULL;
    if (f.ext & BC_P2P_EXT_COMPRESSED) {
        assert_int_equal(bc_p2p_decompress(f.payload, 32 << 20, &plain), BC_OK);
        assert_true(plain->n > BC_P2P_COMPRESS_MIN);
        t->compressed++;
    }
    check_payload(t, &f, plain ? bc_buf_view(plain) : f.payload);
    bc_buf_unref(plain);
}

/* ---- files ---- */

/* The value of a text member of a line; empty when there is none. */
static bc_bytes_t member(const char *line, const char *name)
{
    char key[32];
    snprintf(key, sizeof key, "\"%s\":", name);
    const char *at = strstr(line, key);
    if (!at)
        return (bc_bytes_t){ 0 };
    at += strlen(key);
    at += strspn(at, " ");
    return *at == '"' ? bc_bytes(at + 1, strcspn(at + 1, "\"")) : (bc_bytes_t){ 0 };
}

static void check_file(tally_t *t, const char *path, bool p2p)
{
    char cmd[1200];
    snprintf(cmd, sizeof cmd, "gzip -dc '%s'", path);
    FILE *in = popen(cmd, "r");
    assert_non_null(in);
    char *line = NULL;
    size_t cap = 0;
    bc_wr_t w = { 0 };
    while (getline(&line, &cap, in) > 0) {
        bc_bytes_t hex = member(line, "hex"), kind = member(line, "kind");
        bool binary = kind.n > 7 && memcmp(kind.p, "ws op=2", 7) == 0;
        if (!hex.n || (!p2p && !binary))
            continue; /* connections, HTTP, pings */
        t->lines++;
        bc_wr_reset(&w);
        assert_int_equal(bc_hex_append(hex, &w), BC_OK);
        if (p2p)
            check_frame(t, bc_wr_view(&w));
        else
            check_ws(t, bc_wr_view(&w));
    }
    free(line);
    bc_wr_free(&w);
    assert_int_equal(pclose(in), 0);
    t->files++;
}

static int id_cmp(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(bc_nodeid_t));
}

static void load_ids(tally_t *t, const char *chain)
{
    for (int i = 0; i < WIRE_NODES; i++) {
        char path[1100], text[160] = "";
        snprintf(path, sizeof path, "%s/conf/node%d/node.nodeid", chain, i);
        FILE *f = fopen(path, "r");
        assert_non_null(f);
        assert_int_equal(fread(text, 1, 128, f), 128);
        fclose(f);
        assert_int_equal(bc_hex_fixed(bc_bytes(text, 128), t->ids[i].b, 64), BC_OK);
    }
    qsort(t->ids, WIRE_NODES, sizeof t->ids[0], id_cmp);
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), k = strlen(end);
    return n >= k && strcmp(s + n - k, end) == 0;
}

static bool have_captures(char *out, size_t size)
{
    const char *base = getenv("CBCOS_VECTORS");
    snprintf(out, size, "%s/official-3.16.4", base ? base : "../shared/vectors");
    DIR *d = opendir(out);
    if (!d) {
        print_message("no captured frames at %s (CBCOS_VECTORS): skipped\n", out);
        return false;
    }
    closedir(d);
    return true;
}

static void check_chain(const char *chain, tally_t *t)
{
    char base[900], dir[1000], path[1100];
    if (!have_captures(base, sizeof base))
        skip();
    snprintf(dir, sizeof dir, "%s/%s", base, chain);
    load_ids(t, dir);
    snprintf(dir, sizeof dir, "%s/%s/wire", base, chain);
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        if (!ends_with(e->d_name, ".jsonl.gz"))
            continue;
        snprintf(path, sizeof path, "%s/%.80s", dir, e->d_name);
        check_file(t, path, ends_with(e->d_name, ".p2p.jsonl.gz"));
    }
    closedir(d);
}

static void list(const char *what, const size_t *v, size_t n, const char *format)
{
    print_message("  %s:", what);
    for (size_t i = 0; i < n; i++)
        if (v[i]) {
            char name[16];
            snprintf(name, sizeof name, format, (unsigned)i);
            print_message(" %s=%zu", name, v[i]);
        }
    print_message("\n");
}

static void report(const tally_t *t)
{
    print_message("  %zu files, %zu frames, %zu compressed, answers 0: %zu, others: %zu\n",
                  t->files, t->frames, t->compressed, t->codes_ok, t->codes_other);
    list("packets", t->type, BC_ARRAY_LEN(t->type), "%u");
    list("versions", t->version, BC_ARRAY_LEN(t->version), "%u");
    list("modules", t->module, BC_ARRAY_LEN(t->module), "%u");
    list("consensus", t->pbft, BC_ARRAY_LEN(t->pbft), "%u");
    list("block sync", t->sync, BC_ARRAY_LEN(t->sync), "%u");
    list("transaction sync", t->pool, BC_ARRAY_LEN(t->pool), "%u");
    list("AMOP", t->amop, BC_ARRAY_LEN(t->amop), "%u");
    list("WebSocket", t->ws, BC_ARRAY_LEN(t->ws), "%x");
    print_message("  %zu votes signed, %zu nested view changes, %zu proposals; %zu blocks with %zu "
                  "signatures, %zu transactions (%zu with a bad signature); %zu signers of a moved "
                  "index\n",
                  t->pbft_signed, t->pbft_nested, t->pbft_blocks, t->blocks, t->block_sigs, t->txs,
                  t->bad_txs, t->pbft_moved);
}

static void frames_of_a_chain_of_four(void **state)
{
    (void)state;
    tally_t t = { 0 };
    check_chain("chain-a", &t);
    report(&t);
    static const uint8_t types[] = { 0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12 };
    for (size_t i = 0; i < sizeof types; i++)
        assert_true(t.type[types[i]] > 0);
    assert_int_equal(t.files, 3);
    assert_true(t.module[1000] > 4000 && t.module[2000] > 1000 && t.module[2001] > 0 &&
                t.module[5000] > 0 && t.module[3000] > 0);
    for (int i = 0; i < 5; i++) /* PrePrepare to NewView */
        assert_true(t.pbft[i] > 0);
    assert_true(t.pbft[9] > 0 && t.pbft[11] > 0 && t.pbft_nested > 0);
    assert_true(t.sync[0] > 0 && t.sync[1] > 0 && t.sync[2] > 300 && t.compressed > 10);
    assert_int_equal(t.bad_txs, 4); /* an SDK had sent them on purpose */
}

static void frames_of_a_chain_that_rotates(void **state)
{
    (void)state;
    tally_t t = { 0 };
    check_chain("chain-rpbft-4node", &t);
    report(&t);
    assert_int_equal(t.files, 1);
    assert_true(t.module[1000] > 100 && t.module[2000] > 100 && t.pbft_signed > 100);
    assert_true(t.module[2002] > 0 && t.pool[2] > 0 && t.pool[3] > 0);
    assert_int_equal(t.bad_txs, 0);
}

static void frames_of_amop_and_websockets(void **state)
{
    (void)state;
    tally_t t = { 0 };
    check_chain("sdk-websocket-tls", &t);
    report(&t);
    assert_int_equal(t.files, 6);
    assert_int_equal(t.bad_txs, 0);
    assert_true(t.type[BC_P2P_WS] > 0);
    for (int i = 1; i <= 5; i++)
        assert_true(t.amop[i] > 0);
    static const uint16_t ws[] = { 0,     0x100, 0x101, 0x102, 0x110, 0x111,
                                   0x112, 0x113, 0x120, 0x121, 0x122 };
    for (size_t i = 0; i < BC_ARRAY_LEN(ws); i++)
        assert_true(t.ws[ws[i]] > 0);
}

int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_a_chain_of_four),
        cmocka_unit_test(frames_of_a_chain_that_rotates),
        cmocka_unit_test(frames_of_amop_and_websockets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
