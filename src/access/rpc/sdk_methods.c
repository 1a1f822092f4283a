/* Methods of the SDK port (spec/20 §1.5): one row each at the end of the file. */
#include <stdlib.h>

#include "access/rpc/call.h"
#include "access/rpc/chain_read.h"
#include "access/rpc/views.h"

/* ---- transactions ---- */

static void send_transaction(call_t *c)
{
    bool proof = call_bool(c, 3, false);
    if (!c->failed)
        sdk_send_transaction(c, call_str(c, 0), call_str(c, 2), proof);
}

/* The transaction and, when wanted, its proof. */
static bc_tx_t *load_tx(call_t *c, const bc_h256_t *hash)
{
    bc_tx_t *tx = NULL;
    return chain_read(c, c->ledger.ops->tx(c->ledger.self, hash, &tx)) ? tx : NULL;
}

static void get_transaction(call_t *c)
{
    bc_h256_t hash;
    bool want = call_bool(c, 3, false), proven = false;
    if (c->failed || !call_hash(c, call_str(c, 2), &hash))
        return;
    bc_tx_t *tx = load_tx(c, &hash);
    if (!tx) {
        call_fail(c, RPC_LEDGER_STORAGE, "GetBatchTxsByHashList error");
        return;
    }
    bc_proof_view_t proof = { 0 };
    bc_receipt_t r;
    if (want && c->ledger.ops->receipt(c->ledger.self, &hash, &r, &c->arena) == BC_OK)
        proven = chain_tx_proof(c, r.data.block_number, &hash, &proof);
    bc_jw_t j = call_result(c);
    bc_tx_json(&j, tx, proven ? &proof : NULL);
    bc_tx_unref(tx);
}

static void get_receipt(call_t *c)
{
    bc_h256_t hash, receipt_hash;
    bool want = call_bool(c, 3, false);
    if (c->failed || !call_hash(c, call_str(c, 2), &hash))
        return;
    bc_receipt_t r;
    if (c->ledger.ops->receipt(c->ledger.self, &hash, &r, &c->arena)) {
        call_fail(c, RPC_LEDGER_STORAGE, "GetTransactionReceiptByHash");
        return;
    }
    chain_receipt_hash(c, &r, &receipt_hash);
    bc_proof_view_t proof = { 0 };
    bool proven = want && chain_receipt_proof(c, r.data.block_number, &hash, &proof);
    bc_tx_t *tx = load_tx(c, &hash);
    bc_receipt_view_t v = { .suite = c->rpc->config.chain->suite,
                            .tx_hash = &hash,
                            .hash = &receipt_hash,
                            .receipt = &r,
                            .tx = tx,
                            .input = true,
                            .query = true,
                            .proof = proven ? &proof : NULL };
    bc_jw_t j = call_result(c);
    bc_receipt_json(&j, &v);
    bc_tx_unref(tx);
}

/* ---- call ---- */

/* The sender that signed H(to as text without 0x, data). False: the signature is wrong. */
static bool call_signer(const call_t *c, bc_bytes_t to, bc_bytes_t data, bc_bytes_t sign,
                        bc_addr_t *out)
{
    bc_suite_t suite = c->rpc->config.chain->suite;
    uint8_t sig[BC_SIG_MAX];
    bc_bytes_t text = bc_hex_strip0x(sign);
    bc_hasher_t h;
    bc_h256_t digest;
    bc_nodeid_t pub;
    if (text.n % 2 || text.n / 2 > sizeof sig || bc_hex_fixed(text, sig, text.n / 2))
        return false;
    bc_hasher_init(&h, suite);
    bc_hasher_put(&h, bc_hex_strip0x(to));
    bc_hasher_put(&h, data);
    bc_hasher_final(&h, &digest);
    if (bc_recover(suite, &digest, bc_bytes(sig, text.n / 2), &pub))
        return false;
    bc_address(suite, &pub, out);
    return true;
}

static void call_method(call_t *c)
{
    bc_bytes_t to = call_str(c, 2), hex = call_str(c, 3);
    bc_wr_t data = { .max = BC_TX_RAW_MAX };
    bc_addr_t ignored;
    if (hex.n == 0 || hex.n % 2) {
        call_fail(c, RPC_INVALID, "Unexpect hex string");
        return;
    }
    if (bc_hex_append(hex, &data) || (to.n && !chain_address(to, &ignored))) {
        call_fail(c, RPC_INVALID, "std::exception");
        bc_wr_free(&data);
        return;
    }
    bc_ledger_config_t *now = c->ledger.ops->config(c->ledger.self);
    bc_exec_call_t in = { .state = c->view,
                          .number = now->number,
                          .timestamp = now->timestamp,
                          .to = to,
                          .input = bc_wr_view(&data) };
    bc_exec_call_result_t out = { 0 };
    bc_ledger_config_unref(now);
    if (cJSON_GetArraySize(c->params) == 5 &&
        !call_signer(c, to, in.input, call_str(c, 4), &in.from))
        call_fail(c, BC_TXS_INVALID_SIGNATURE, "Invalid signature");
    else
        call_execute(c, &in, &out);
    bc_wr_free(&data);
    if (c->failed)
        return;
    bc_jw_t j = call_result(c);
    bc_jw_obj(&j);
    bc_jw_key(&j, "blockNumber");
    bc_jw_i64(&j, in.number);
    bc_jw_key(&j, "output");
    bc_jw_0xhex(&j, out.output);
    bc_jw_key(&j, "status");
    bc_jw_i64(&j, out.status);
    bc_jw_obj_end(&j);
}

static void get_code(call_t *c)
{
    bc_addr_t a;
    bc_bytes_t code = { 0 };
    if (!chain_address(call_str(c, 2), &a)) {
        call_fail(c, RPC_INVALID, "std::exception");
        return;
    }
    bc_err_t err = c->exec.ops->code(c->exec.self, c->view, &a, &code, &c->arena);
    if (err && err != BC_E_NOT_FOUND) {
        call_fail(c, RPC_LEDGER_STORAGE, "get code failed");
        return;
    }
    bc_jw_t j = call_result(c);
    if (code.n)
        bc_jw_0xhex(&j, code);
    else
        bc_jw_cstr(&j, "");
}

static void get_abi(call_t *c)
{
    bc_addr_t a;
    bc_bytes_t abi = { 0 };
    if (!chain_address(call_str(c, 2), &a)) {
        call_fail(c, RPC_INVALID, "std::exception");
        return;
    }
    bc_err_t err = c->exec.ops->abi(c->exec.self, c->view, &a, &abi, &c->arena);
    if (err && err != BC_E_NOT_FOUND) {
        call_fail(c, RPC_LEDGER_STORAGE, "get ABI failed");
        return;
    }
    bc_jw_t j = call_result(c);
    bc_jw_str(&j, abi);
}

/* ---- blocks ---- */

static void put_block(call_t *c, int64_t number, bool header, bool hashes)
{
    bc_ledger_block_t *b;
    unsigned with = header || hashes ? 0 : BC_WITH_TXS;
    if (number < 0 || c->ledger.ops->block(c->ledger.self, number, with, &b)) {
        call_fail(c, RPC_LEDGER_BLOCK, "Get block failed with errors!");
        return;
    }
    bc_jw_t j = call_result(c);
    bc_block_json(&j, b, header ? BC_BLOCK_HEADER : hashes ? BC_BLOCK_HASHES : BC_BLOCK_TXS);
    bc_ledger_block_free(b);
}

static void get_block_by_number(call_t *c)
{
    int64_t number = call_i64(c, 2);
    bool header = call_bool(c, 3, true), hashes = call_bool(c, 4, true);
    if (!c->failed)
        put_block(c, number, header, hashes);
}

static void get_block_by_hash(call_t *c)
{
    bc_h256_t hash;
    int64_t number;
    bool header = call_bool(c, 3, true), hashes = call_bool(c, 4, true);
    if (c->failed || !call_hash(c, call_str(c, 2), &hash))
        return;
    if (c->ledger.ops->number_by_hash(c->ledger.self, &hash, &number))
        call_fail(c, RPC_LEDGER_STORAGE, "GetBlockNumberByHash failed ");
    else
        put_block(c, number, header, hashes);
}

static void get_block_hash(call_t *c)
{
    bc_h256_t hash = { 0 };
    int64_t number = call_i64(c, 2);
    if (c->failed)
        return;
    /* Errors are swallowed by the official node: zeros for what is not there. */
    if (number < 0 || c->ledger.ops->hash_by_number(c->ledger.self, number, &hash))
        memset(&hash, 0, sizeof hash);
    bc_jw_t j = call_result(c);
    bc_jw_0xhex(&j, BC_VIEW(hash));
}

static void get_totals(call_t *c)
{
    bc_ledger_totals_t t;
    if (c->ledger.ops->totals(c->ledger.self, &t)) {
        call_fail(c, RPC_LEDGER_STORAGE, "get total transaction count failed");
        return;
    }
    bc_jw_t j = call_result(c);
    bc_jw_obj(&j);
    bc_jw_key(&j, "blockNumber");
    bc_jw_i64(&j, t.number);
    bc_jw_key(&j, "failedTransactionCount");
    bc_jw_i64(&j, t.failed_count);
    bc_jw_key(&j, "transactionCount");
    bc_jw_i64(&j, t.tx_count);
    bc_jw_obj_end(&j);
}

static void get_system_config(call_t *c)
{
    bc_bytes_t key = call_str(c, 2), value;
    int64_t enable;
    if (c->ledger.ops->system_config(c->ledger.self, key, &value, &enable, &c->arena)) {
        call_fail(c, RPC_LEDGER_STORAGE, "Entry: %.*s does not exists!", (int)BC_MIN(key.n, 256u),
                  (const char *)key.p);
        return;
    }
    bc_jw_t j = call_result(c);
    bc_jw_obj(&j);
    bc_jw_key(&j, "blockNumber");
    bc_jw_i64(&j, enable);
    bc_jw_key(&j, "value");
    bc_jw_str(&j, value);
    bc_jw_obj_end(&j);
}

/* ---- node ---- */

static bc_node_status_t *node_status(call_t *c)
{
    bc_node_status_t *s = bc_arena_alloc(&c->arena, sizeof *s);
    if (!s)
        call_fail(c, RPC_INTERNAL, "out of memory");
    else
        c->rpc->node.ops->status(c->rpc->node.self, s);
    return s;
}

static void get_number(call_t *c)
{
    bc_node_status_t *s = node_status(c);
    if (!s)
        return;
    /* The status lags a little; who has a receipt of a block must not be told of one before. */
    int64_t number = BC_MAX(s->number, c->rpc->number);
    bc_jw_t j = call_result(c);
    bc_jw_i64(&j, number);
}

static void get_view(call_t *c)
{
    bc_node_status_t *s = node_status(c);
    if (!s)
        return;
    bc_jw_t j = call_result(c);
    bc_jw_i64(&j, s->view);
}

static void get_pending(call_t *c)
{
    bc_node_status_t *s = node_status(c);
    if (!s)
        return;
    bc_jw_t j = call_result(c);
    bc_jw_u64(&j, s->pending_txs);
}

static void nodes_json(bc_jw_t *j, const bc_node_entry_t *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bc_jw_obj(j);
        bc_jw_key(j, "nodeID");
        bc_jw_hex(j, BC_VIEW(v[i].id));
        bc_jw_key(j, "termWeight");
        bc_jw_u64(j, v[i].term_weight);
        bc_jw_key(j, "weight");
        bc_jw_u64(j, v[i].vote_weight);
        bc_jw_obj_end(j);
    }
}

static void node_list(call_t *c, bool sealers, bool observers, bool candidates)
{
    bc_ledger_config_t *now = c->rpc->node.ops->config(c->rpc->node.self);
    bc_jw_t j = call_result(c);
    bc_jw_arr(&j);
    if (sealers)
        nodes_json(&j, now->sealers, now->sealer_cnt);
    if (observers)
        nodes_json(&j, now->observers, now->observer_cnt);
    if (candidates)
        nodes_json(&j, now->candidates, now->candidate_cnt);
    bc_jw_arr_end(&j);
    bc_ledger_config_unref(now);
}

static void get_sealers(call_t *c)
{
    node_list(c, true, false, false);
}

static void get_nodes_by_type(call_t *c)
{
    bc_bytes_t t = call_str(c, 2);
    node_list(c, t.n == 0 || bc_bytes_eq(t, BC_STR("consensus_sealer")),
              t.n == 0 || bc_bytes_eq(t, BC_STR("consensus_observer")),
              t.n == 0 || bc_bytes_eq(t, BC_STR("consensus_candidate_sealer")));
}

static void get_observers(call_t *c)
{
    bc_ledger_config_t *now = c->rpc->node.ops->config(c->rpc->node.self);
    bc_jw_t j = call_result(c);
    bc_jw_arr(&j);
    for (size_t i = 0; i < now->observer_cnt; i++)
        bc_jw_hex(&j, BC_VIEW(now->observers[i].id));
    bc_jw_arr_end(&j);
    bc_ledger_config_unref(now);
}

/* A JSON document inside a string, ended by a line feed. */
static void put_document(call_t *c, bc_wr_t *w)
{
    bc_wr_u8(w, '\n');
    bc_jw_t j = call_result(c);
    bc_jw_str(&j, bc_wr_view(w));
    if (w->err)
        call_fail(c, RPC_INTERNAL, "out of memory");
    bc_wr_free(w);
}

static void put_sync_peer(bc_jw_t *j, int64_t archived, int64_t number, const bc_h256_t *genesis,
                          const bc_h256_t *latest, const bc_nodeid_t *id)
{
    bc_jw_obj(j);
    bc_jw_key(j, "archivedBlockNumber");
    bc_jw_i64(j, archived);
    bc_jw_key(j, "blockNumber");
    bc_jw_i64(j, number);
    bc_jw_key(j, "genesisHash");
    bc_jw_hex(j, BC_VIEW(*genesis));
    bc_jw_key(j, "latestHash");
    bc_jw_hex(j, BC_VIEW(*latest));
    bc_jw_key(j, "nodeID");
    bc_jw_hex(j, BC_VIEW(*id));
    bc_jw_obj_end(j);
}

static void get_sync_status(call_t *c)
{
    bc_node_status_t *s = node_status(c);
    bc_ledger_totals_t t = { 0 };
    if (!s)
        return;
    if (c->ledger.ops->totals(c->ledger.self, &t))
        t.archived_number = 0;
    bc_wr_t w = { .max = 1 << 20 };
    bc_jw_t j = bc_jw(&w);
    bc_jw_obj(&j);
    bc_jw_key(&j, "archivedBlockNumber");
    bc_jw_i64(&j, t.archived_number);
    bc_jw_key(&j, "blockNumber");
    bc_jw_i64(&j, s->number);
    bc_jw_key(&j, "genesisHash");
    bc_jw_hex(&j, BC_VIEW(s->genesis_hash));
    bc_jw_key(&j, "isSyncing");
    bc_jw_bool(&j, s->syncing);
    bc_jw_key(&j, "knownHighestNumber");
    bc_jw_i64(&j, s->known_highest);
    bc_jw_key(&j, "knownLatestHash");
    bc_jw_hex(&j, BC_VIEW(s->known_latest_hash));
    bc_jw_key(&j, "latestHash");
    bc_jw_hex(&j, BC_VIEW(s->hash));
    bc_jw_key(&j, "nodeID");
    bc_jw_hex(&j, BC_VIEW(c->rpc->config.node_id));
    bc_jw_key(&j, "peers");
    bc_jw_arr(&j);
    for (size_t i = 0; i < BC_MIN(s->peer_cnt, BC_ARRAY_LEN(s->peers)); i++)
        put_sync_peer(&j, s->peers[i].archived, s->peers[i].number, &s->genesis_hash,
                      &s->peers[i].hash, &s->peers[i].id);
    bc_jw_arr_end(&j);
    bc_jw_obj_end(&j);
    put_document(c, &w);
}

static void consensus_nodes_json(bc_jw_t *j, const bc_ledger_config_t *now)
{
    bc_jw_key(j, "consensusNodeList");
    bc_jw_arr(j);
    for (size_t i = 0; i < now->sealer_cnt; i++) {
        bc_jw_obj(j);
        bc_jw_key(j, "index");
        bc_jw_u64(j, i);
        bc_jw_key(j, "nodeID");
        bc_jw_hex(j, BC_VIEW(now->sealers[i].id));
        bc_jw_key(j, "termWeight");
        bc_jw_u64(j, now->sealers[i].term_weight);
        bc_jw_key(j, "weight");
        bc_jw_u64(j, now->sealers[i].vote_weight);
        bc_jw_obj_end(j);
    }
    bc_jw_arr_end(j);
}

static void get_consensus_status(call_t *c)
{
    bc_node_status_t *s = node_status(c);
    if (!s)
        return;
    bc_ledger_config_t *now = c->rpc->node.ops->config(c->rpc->node.self);
    bc_wr_t w = { .max = 4 << 20 };
    bc_jw_t j = bc_jw(&w);
    bc_jw_obj(&j);
    bc_jw_key(&j, "blockNumber");
    bc_jw_i64(&j, s->number);
    bc_jw_key(&j, "changeCycle");
    bc_jw_i64(&j, s->change_cycle);
    bc_jw_key(&j, "connectedNodeList");
    bc_jw_u64(&j, s->peer_cnt + 1);
    consensus_nodes_json(&j, now);
    bc_jw_key(&j, "consensusNodesNum");
    bc_jw_u64(&j, now->sealer_cnt);
    bc_jw_key(&j, "hash");
    bc_jw_hex(&j, BC_VIEW(s->hash));
    bc_jw_key(&j, "index");
    bc_jw_i64(&j, s->index);
    bc_jw_key(&j, "isConsensusNode");
    bc_jw_bool(&j, s->is_sealer);
    bc_jw_key(&j, "leaderIndex");
    bc_jw_i64(&j, s->leader_index);
    bc_jw_key(&j, "maxFaultyQuorum");
    bc_jw_u64(&j, s->max_faulty);
    bc_jw_key(&j, "minRequiredQuorum");
    bc_jw_u64(&j, s->min_quorum);
    bc_jw_key(&j, "nodeID");
    bc_jw_hex(&j, BC_VIEW(c->rpc->config.node_id));
    bc_jw_key(&j, "timeout");
    bc_jw_bool(&j, s->is_sealer && s->timeout_state);
    bc_jw_key(&j, "view");
    bc_jw_i64(&j, s->view);
    bc_jw_obj_end(&j);
    bc_ledger_config_unref(now);
    put_document(c, &w);
}

/* ---- network and group ---- */

enum { PEERS_MAX = 512 };

static size_t load_peers(call_t *c, bc_gateway_peer_t **out)
{
    *out = NULL;
    if (!c->rpc->gw.ops)
        return 0;
    *out = bc_xcalloc(PEERS_MAX, sizeof **out);
    return c->rpc->gw.ops->peers(c->rpc->gw.self, *out, PEERS_MAX);
}

static void peer_members_json(const call_t *c, bc_jw_t *j, const bc_gateway_peer_t *p)
{
    bc_jw_key(j, "endPoint");
    bc_jw_cstr(j, p ? p->endpoint : "");
    bc_jw_key(j, "groupNodeIDInfo");
    bc_jw_arr(j);
    if (p && p->node_cnt) {
        bc_jw_obj(j);
        bc_jw_key(j, "group");
        bc_jw_cstr(j, c->rpc->config.chain->group_id);
        bc_jw_key(j, "nodeIDList");
        bc_jw_arr(j);
        for (size_t i = 0; i < p->node_cnt; i++)
            bc_jw_hex(j, BC_VIEW(p->nodes[i]));
        bc_jw_arr_end(j);
        bc_jw_obj_end(j);
    }
    bc_jw_arr_end(j);
    bc_jw_key(j, "p2pNodeID");
    bc_jw_cstr(j, p ? p->p2p_id : "");
}

static void get_peers(call_t *c)
{
    bc_gateway_peer_t *v;
    size_t n = load_peers(c, &v);
    bc_jw_t j = call_result(c);
    bc_jw_obj(&j);
    peer_members_json(c, &j, n ? &v[0] : NULL);
    bc_jw_key(&j, "peers");
    bc_jw_arr(&j);
    for (size_t i = 1; i < n; i++) {
        bc_jw_obj(&j);
        peer_members_json(c, &j, &v[i]);
        bc_jw_obj_end(&j);
    }
    bc_jw_arr_end(&j);
    bc_jw_obj_end(&j);
    free(v);
}

static int by_id(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(bc_nodeid_t));
}

static void get_group_peers(call_t *c)
{
    bc_gateway_peer_t *v;
    size_t n = load_peers(c, &v), cnt = 0;
    bc_nodeid_t *ids = bc_xcalloc(n * BC_ARRAY_LEN(v->nodes) + 1, sizeof *ids);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < v[i].node_cnt; k++)
            ids[cnt++] = v[i].nodes[k];
    if (!bc_bytes_eq(call_str(c, 0), bc_cstr(c->rpc->config.chain->group_id)))
        cnt = 0;
    qsort(ids, cnt, sizeof *ids, by_id);
    bc_jw_t j = call_result(c);
    bc_jw_arr(&j);
    for (size_t i = 0; i < cnt; i++)
        if (i == 0 || by_id(&ids[i], &ids[i - 1]) != 0)
            bc_jw_hex(&j, BC_VIEW(ids[i]));
    bc_jw_arr_end(&j);
    free(ids);
    free(v);
}

static void get_group_list(call_t *c)
{
    bc_jw_t j = call_result(c);
    bc_jw_obj(&j);
    bc_jw_key(&j, "code");
    bc_jw_i64(&j, 0);
    bc_jw_key(&j, "groupList");
    bc_jw_arr(&j);
    bc_jw_cstr(&j, c->rpc->config.chain->group_id);
    bc_jw_arr_end(&j);
    bc_jw_key(&j, "msg");
    bc_jw_cstr(&j, "success");
    bc_jw_obj_end(&j);
}

static void get_group_info(call_t *c)
{
    bool known = rpc_group_known(c->rpc, call_str(c, 0));
    bc_jw_t j = call_result(c);
    if (known)
        group_info_json(c->rpc, &j);
    else
        bc_jw_null(&j);
}

static void get_group_info_list(call_t *c)
{
    bc_jw_t j = call_result(c);
    bc_jw_arr(&j);
    group_info_json(c->rpc, &j);
    bc_jw_arr_end(&j);
}

static void get_group_node_info(call_t *c)
{
    char name[160];
    bc_bytes_t node = call_str(c, 1);
    bool known =
        rpc_group_known(c->rpc, call_str(c, 0)) && bc_bytes_eq(node, rpc_node_name(c->rpc, name));
    bc_jw_t j = call_result(c);
    if (known)
        group_node_json(c->rpc, &j);
    else
        bc_jw_null(&j);
}

/* ---- the table, sorted by name ---- */

static const method_t methods[] = {
    { "call", true, NULL, call_method, NULL },
    { "getABI", true, NULL, get_abi, NULL },
    { "getBlockByHash", true, NULL, get_block_by_hash, NULL },
    { "getBlockByNumber", true, NULL, get_block_by_number, NULL },
    { "getBlockHashByNumber", true, NULL, get_block_hash, NULL },
    { "getBlockNumber", true, get_number, NULL, NULL },
    { "getCode", true, NULL, get_code, NULL },
    { "getConsensusStatus", true, get_consensus_status, NULL, NULL },
    { "getFilterChanges", false, filter_changes_start, filter_job, NULL },
    { "getFilterLogs", false, filter_logs_start, filter_job, NULL },
    { "getGroupInfo", false, get_group_info, NULL, NULL },
    { "getGroupInfoList", false, get_group_info_list, NULL, NULL },
    { "getGroupList", false, get_group_list, NULL, NULL },
    { "getGroupNodeInfo", false, get_group_node_info, NULL, NULL },
    { "getGroupPeers", false, get_group_peers, NULL, NULL },
    { "getLogs", false, filter_get_logs_start, filter_get_logs_job, NULL },
    { "getNodeListByType", true, get_nodes_by_type, NULL, NULL },
    { "getObserverList", true, get_observers, NULL, NULL },
    { "getPbftView", true, get_view, NULL, NULL },
    { "getPeers", false, get_peers, NULL, NULL },
    { "getPendingTxSize", true, get_pending, NULL, NULL },
    { "getSealerList", true, get_sealers, NULL, NULL },
    { "getSyncStatus", true, NULL, get_sync_status, NULL },
    { "getSystemConfigByKey", true, NULL, get_system_config, NULL },
    { "getTotalTransactionCount", true, NULL, get_totals, NULL },
    { "getTransaction", true, NULL, get_transaction, NULL },
    { "getTransactionReceipt", true, NULL, get_receipt, NULL },
    { "newBlockFilter", false, filter_new_block, NULL, NULL },
    { "newFilter", false, filter_new_logs, NULL, NULL },
    { "newPendingTransactionFilter", false, filter_new_pending, NULL, NULL },
    { "sendTransaction", true, send_transaction, NULL, NULL },
    { "uninstallFilter", false, filter_uninstall, NULL, NULL },
};

static int by_name(const void *key, const void *row)
{
    return bc_bytes_cmp(*(const bc_bytes_t *)key, bc_cstr(((const method_t *)row)->name));
}

const method_t *sdk_method(bc_bytes_t name)
{
    return bsearch(&name, methods, BC_ARRAY_LEN(methods), sizeof methods[0], by_name);
}
