#include "storage/ledger/genesis.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "codec/archive.h"
#include "codec/hex.h"
#include "protocol/consensus_node.h"
#include "protocol/features.h"
#include "protocol/status.h"
#include "storage/ledger/tables.h"

#define V3_0  0x03000000u
#define V3_1  0x03010000u
#define V3_3  0x03030000u
#define V3_5  0x03050000u
#define V3_6  0x03060000u
#define V3_9  0x03090000u
#define V3_15 0x030f0000u

bc_err_t bc_genesis_check(const bc_chain_config_t *c, char *why, size_t why_size)
{
    char v[16];
    bc_version_text(c->version, v);
    if (c->version < V3_0 || c->version > BC_VERSION_MAX) {
        char max[16];
        bc_version_text(BC_VERSION_MAX, max);
        snprintf(why, why_size,
                 "compatibility_version %s is not supported: this program makes chains of 3.0.0 to "
                 "%s; new chains should use 3.16.0",
                 v, max);
        return BC_E_UNSUPPORTED;
    }
    if (c->is_wasm) {
        snprintf(why, why_size, "executor.is_wasm=true is not supported: set it to false");
        return BC_E_UNSUPPORTED;
    }
    if (c->version < V3_1 && (c->is_auth_check || c->executor_version > 0)) {
        snprintf(why, why_size, "compatibility_version %s is supported only with is_auth_check=false and executor.version=0",
                 v);
        return BC_E_UNSUPPORTED;
    }
    if (!c->node_cnt) {
        snprintf(why, why_size, "Must set sealerList!");
        return BC_E_CONFIG;
    }
    if (c->gas_limit < 100000) {
        snprintf(why, why_size, "tx.gas_limit %" PRId64 " is too low", c->gas_limit);
        return BC_E_CONFIG;
    }
    return BC_OK;
}

/* One line, as 3.0 had it. */
static void text_v30(const bc_chain_config_t *c, const char *version, bc_wr_t *out)
{
    bc_wr_printf(out, "%" PRIu64 "-1-%" PRId64 "-%s-%d-%d-%s-%d", c->block_tx_count_limit, c->gas_limit, version,
                 c->is_wasm, c->is_auth_check, c->auth_admin, c->is_serial_execute);
    for (size_t i = 0; i < c->node_cnt; i++)
        bc_wr_printf(out, "%s,%" PRIu64 ";", c->nodes[i].id, c->nodes[i].vote_weight);
}

void bc_genesis_text(const bc_chain_config_t *c, bc_wr_t *out)
{
    char version[16];
    bc_version_text(c->version, version);
    if (c->version < V3_1) {
        text_v30(c, version, out);
        return;
    }
    bc_wr_printf(out, "[chain]\nsm_crypto:%d\nchainID: %s\ngrouID: %s\n",
                 c->suite == BC_SUITE_SM, c->chain_id, c->group_id);
    /* the official node validates leader_period, then always writes 1 */
    bc_wr_printf(out, "[consensys]\nconsensus_type: %s\nblock_tx_count_limit:%" PRIu64
                      "\nleader_period:1\n",
                 c->rpbft ? "rpbft" : "pbft", c->block_tx_count_limit);
    bc_wr_printf(out, "[version]\ncompatibility_version:%s\n[tx]\ngaslimit:%" PRId64 "\n", version,
                 c->gas_limit);
    bc_wr_printf(out, "[executor]\niswasm: %d\nisAuthCheck:%d\nauthAdminAccount:%s\n"
                      "isSerialExecute:%d\n",
                 c->is_wasm, c->is_auth_check, c->auth_admin, c->is_serial_execute);
    if (c->version >= V3_5)
        bc_wr_printf(out, "epochSealerNum:%" PRIu64 "\nepochBlockNum:%" PRIu64 "\n",
                     c->epoch_sealer_num, c->epoch_block_num);
    if (c->feature_cnt)
        bc_wr_str(out, "[features]\n");
    for (size_t i = 0; i < c->feature_cnt; i++)
        bc_wr_printf(out, "%s:%d\n", c->features[i].name, c->features[i].on);
    for (size_t i = 0; i < c->node_cnt; i++)
        bc_wr_printf(out, "node.%zu:%s,%" PRIu64 "\n", i, c->nodes[i].id, c->nodes[i].vote_weight);
}

bc_hdr_t *bc_genesis_header(const bc_chain_config_t *c)
{
    bc_wr_t text = { 0 };
    bc_genesis_text(c, &text);
    int32_t version = c->version < V3_1 ? 0 : (int32_t)c->version; /* 3.0 left it out */
    bc_header_t h = { .data = { .version = version, .extra_data = bc_wr_view(&text) } };
    bc_hdr_t *hdr = text.err ? NULL : bc_hdr_new(c->suite, &h);
    bc_wr_free(&text);
    return hdr;
}

/* ---- rows ---- */

static void put_tables(bc_batch_t *b, const bc_chain_config_t *c)
{
    const bc_bytes_t names[] = { T_CONFIG, T_NODES,   T_CURRENT, T_TX,     T_HASH2N, T_N2HASH,
                                 T_N2HEADER, T_N2TXS, T_RECEIPT, T_NONCES, T_CODE,   T_ABI };
    size_t cnt = BC_ARRAY_LEN(names) - (c->version < V3_1 ? 2 : 0); /* code was in the accounts */
    for (size_t i = 0; i < cnt; i++)
        bc_batch_put(b, T_TABLES, names[i],
                     i == 0 ? BC_STR("value,enable_number") : BC_STR("value"));
}

static void put_block(bc_batch_t *b, const bc_hdr_t *header)
{
    bc_wr_t w = { 0 };
    bc_block_t empty = { 0 };
    bc_batch_put(b, T_N2HASH, BC_STR("0"), BC_VIEW(header->hash));
    bc_batch_put(b, T_HASH2N, BC_VIEW(header->hash), BC_STR("0"));
    bc_hdr_encode(header, &w);
    bc_batch_put_wr(b, T_N2HEADER, BC_STR("0"), &w);
    bc_tars_encode(&bc_block_tars, &empty, &w);
    bc_batch_put_wr(b, T_NONCES, BC_STR("0"), &w);
    bc_tars_encode(&bc_block_tars, &empty, &w);
    bc_batch_put_wr(b, T_N2TXS, BC_STR("0"), &w);
    bc_wr_free(&w);
    const bc_bytes_t counters[] = { K_NUMBER, K_TXS, K_FAILED, K_ARCHIVED };
    for (size_t i = 0; i < BC_ARRAY_LEN(counters); i++)
        bc_batch_put(b, T_CURRENT, counters[i], BC_STR("0"));
}

static void put_config(bc_batch_t *b, const char *key, const char *value)
{
    bc_wr_t w = { 0 };
    bc_archive_put_config(&w, bc_cstr(value), 0);
    bc_batch_put_wr(b, T_CONFIG, bc_cstr(key), &w);
    bc_wr_free(&w);
}

static void put_config_u64(bc_batch_t *b, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    put_config(b, key, text);
}

static void put_configs(bc_batch_t *b, const bc_chain_config_t *c)
{
    bc_features_t on = bc_features_genesis(c->version);
    put_config_u64(b, "tx_count_limit", c->block_tx_count_limit);
    put_config_u64(b, "tx_gas_limit", (uint64_t)c->gas_limit);
    if (c->version >= V3_6)
        put_config(b, "tx_gas_price", "0x0");
    if (c->rpbft && c->version >= V3_5) {
        on |= (bc_features_t)1 << BC_F_feature_rpbft;
        put_config_u64(b, "feature_rpbft_epoch_sealer_num", c->epoch_sealer_num);
        put_config_u64(b, "feature_rpbft_epoch_block_num", c->epoch_block_num);
        put_config(b, "feature_rpbft_notify_rotate", "0");
    }
    for (size_t i = 0; i < c->feature_cnt; i++) {
        bc_feature_t f;
        /* a flag that the version switches on stays on: "false" switches nothing off */
        if (c->features[i].on && bc_feature_find(bc_cstr(c->features[i].name), &f) == BC_OK)
            on |= (bc_features_t)1 << f;
    }
    for (unsigned f = 0; f < BC_F_CNT; f++)
        if (bc_feature_in(on, (bc_feature_t)f))
            put_config(b, bc_feature_name((bc_feature_t)f), "1");
    char version[16];
    bc_version_text(c->version, version);
    put_config(b, "consensus_leader_period", "1");
    put_config(b, "compatibility_version", version);
    if (c->version >= V3_3)
        put_config(b, "auth_check_status", c->is_auth_check ? "1" : "0");
    if (c->version >= V3_9)
        put_config(b, "web3_chain_id", c->web3_chain_id);
    if (c->version >= V3_15 && c->executor_version > 0) {
        put_config_u64(b, "executor_version", c->executor_version);
        put_config(b, "balance_transfer", "1");
    }
}

/* The rest of a big-endian 256-bit number. */
static size_t h256_mod(const bc_h256_t *h, size_t m)
{
    uint64_t r = 0;
    for (size_t i = 0; i < 32; i++)
        r = ((r << 8) | h->b[i]) % m;
    return (size_t)r;
}

/* Marks the working sealers of the first epoch. Source: Ledger.cpp: selectWorkingSealer */
static void select_sealers(const bc_chain_config_t *c, bool *works)
{
    size_t n = c->node_cnt;
    size_t *order = bc_xcalloc(n, sizeof *order);
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t i = n; c->epoch_sealer_num < n && i-- > 1;) {
        bc_nodeid_t id;
        bc_h256_t h;
        BC_MUST(bc_hex_fixed(bc_cstr(c->nodes[order[i]].id), id.b, 64) == BC_OK);
        bc_hash(c->suite, BC_VIEW(id), &h);
        size_t j = h256_mod(&h, i + 1), t = order[i];
        order[i] = order[j];
        order[j] = t;
    }
    for (size_t i = 0; i < n && i < c->epoch_sealer_num; i++)
        works[order[i]] = true;
    free(order);
}

static void put_nodes(bc_batch_t *b, const bc_chain_config_t *c)
{
    bool *works = bc_xcalloc(c->node_cnt, sizeof *works);
    bc_archive_node_t *nodes = bc_xcalloc(c->node_cnt, sizeof *nodes);
    bool pick = c->rpbft && c->version >= V3_5;
    bc_wr_t w = { 0 };
    if (pick)
        select_sealers(c, works);
    for (size_t i = 0; i < c->node_cnt; i++)
        nodes[i] = (bc_archive_node_t){
            .node_id = bc_cstr(c->nodes[i].id),
            .vote_weight = { { c->nodes[i].vote_weight } },
            .type = pick && !works[i] ? BC_STR("consensus_candidate_sealer")
                                      : BC_STR("consensus_sealer"),
            .enable_number = BC_STR("0"),
        };
    bc_archive_put_nodes(&w, nodes, c->node_cnt);
    bc_batch_put_wr(b, T_NODES, BC_STR("key"), &w);
    for (size_t i = 0; i < c->node_cnt; i++) {
        bc_nodeid_t id;
        if (!c->nodes[i].term_weight)
            continue;
        BC_MUST(bc_hex_fixed(nodes[i].node_id, id.b, 64) == BC_OK);
        bc_consensus_node_t n = {
            .node_id = BC_VIEW(id),
            .vote_weight = (int64_t)c->nodes[i].vote_weight,
            .term_weight = (int64_t)c->nodes[i].term_weight,
            .type = pick && !works[i] ? 2 : 0,
        };
        bc_tars_encode(&bc_consensus_node_tars, &n, &w);
        bc_batch_put_wr(b, T_NODES, BC_VIEW(id), &w);
    }
    bc_wr_free(&w);
    free(nodes);
    free(works);
}

/* The file system of 3.0: directories with all their children in one SCALE map, each text with its
 * length times four before it. Later versions make theirs in block 0. */
static void put_dir_v30(bc_batch_t *b, const char *dir, const char *type, const char *const *names, size_t cnt)
{
    bc_bytes_t table = bc_cstr(dir);
    bc_wr_t w = { 0 };
    bc_wr_u8(&w, (uint8_t)(cnt << 2));
    for (size_t i = 0; i < cnt; i++) {
        bc_wr_u8(&w, (uint8_t)(strlen(names[i]) << 2));
        bc_wr_str(&w, names[i]);
        bc_wr_u8(&w, (uint8_t)(strlen(type) << 2));
        bc_wr_str(&w, type);
    }
    bc_batch_put(b, T_TABLES, table, BC_STR("value"));
    bc_batch_put(b, table, BC_STR("type"), BC_STR("directory"));
    bc_batch_put_wr(b, table, BC_STR("sub"), &w);
    bc_batch_put(b, table, BC_STR("acl_type"), BC_STR("0"));
    bc_batch_put(b, table, BC_STR("acl_white"), BC_STR(""));
    bc_batch_put(b, table, BC_STR("acl_black"), BC_STR(""));
    bc_batch_put(b, table, BC_STR("extra"), BC_STR(""));
    bc_wr_free(&w);
}

static void put_files_v30(bc_batch_t *b)
{
    static const char *const root[] = { "apps", "sys", "tables", "usr" };
    static const char *const sys[] = { "account_manager", "auth",      "bfs",      "consensus",     "crypto_tools",
                                       "dag_test",        "discrete_zkp", "group_sig", "kv_storage", "ring_sig",
                                       "status",          "table_manager", "table_storage" };
    put_dir_v30(b, "/", "directory", root, BC_ARRAY_LEN(root));
    put_dir_v30(b, "/sys", "contract", sys, BC_ARRAY_LEN(sys));
    put_dir_v30(b, "/apps", "", NULL, 0);
    put_dir_v30(b, "/tables", "", NULL, 0);
    put_dir_v30(b, "/usr", "", NULL, 0);
}

void bc_genesis_rows(const bc_chain_config_t *c, const bc_hdr_t *header, bc_batch_t *b)
{
    if (c->version < V3_1)
        put_files_v30(b);
    put_tables(b, c);
    put_block(b, header);
    put_configs(b, c);
    put_nodes(b, c);
}

/* ---- transactions of block 0 ---- */

static bc_err_t make_tx(const bc_chain_config_t *c, const char *to, bc_bytes_t input,
                        const bc_addr_t *sender, int64_t now_ms, bc_tx_t **out)
{
    bc_tx_data_t d = {
        .chain_id = bc_cstr(c->chain_id),
        .group_id = bc_cstr(c->group_id),
        .block_limit = 500,
        .nonce = BC_STR("0"),
        .to = bc_cstr(to),
        .input = input,
        .value = BC_STR("0x0"),
        .gas_price = BC_STR("0x0"),
        .max_fee_per_gas = BC_STR("0x0"),
        .max_priority_fee_per_gas = BC_STR("0x0"),
    };
    bc_err_t err = bc_tx_make(c->suite, &d, 0, (bc_bytes_t){ 0 }, NULL, out);
    if (err)
        return err;
    (*out)->w.import_time = now_ms;
    if (sender) {
        (*out)->sender = *sender;
        (*out)->sender_known = true;
    }
    return BC_OK;
}

/* abi(address[] = [admin], uint32[] = [1], uint8 0, uint8 0) */
static void put_constructor(bc_wr_t *w, const bc_addr_t *admin)
{
    uint8_t *p = bc_wr_reserve(w, 256);
    if (!p)
        return;
    memset(p, 0, 256);
    p[31] = 0x80;           /* where the addresses are */
    p[32 + 31] = 0xc0;      /* where the weights are */
    p[128 + 31] = 1;        /* one address */
    memcpy(p + 160 + 12, admin->b, 20);
    p[192 + 31] = 1;        /* one weight */
    p[224 + 31] = 1;        /* 1 */
}

bc_err_t bc_genesis_txs(const bc_chain_config_t *c, bc_bytes_t code, int64_t now_ms,
                        bc_tx_t *txs[2])
{
    bc_addr_t admin;
    bc_h256_t sel;
    txs[0] = txs[1] = NULL;
    if (bc_hex_fixed(bc_hex_strip0x(bc_cstr(c->auth_admin)), admin.b, 20) != BC_OK)
        return BC_E_CONFIG;
    bc_hash(c->suite, BC_STR("initBfs()"), &sel);
    bc_err_t err = make_tx(c, "000000000000000000000000000000000000100e", bc_bytes(sel.b, 4), NULL,
                           now_ms, &txs[0]);
    bc_wr_t input = { 0 };
    bc_wr_put(&input, code);
    put_constructor(&input, &admin);
    if (!err)
        err = input.err;
    if (!err)
        err = make_tx(c, "0000000000000000000000000000000000010001", bc_wr_view(&input), &admin,
                      now_ms, &txs[1]);
    bc_wr_free(&input);
    if (err) {
        bc_tx_unref(txs[0]);
        txs[0] = NULL;
    }
    return err;
}
