/* groupInfo objects (spec/20 §1.3). The strings inside are JSON documents of their own, ended by a
 * line feed, as the official node writes them. */
#include "access/rpc/call.h"
#include "protocol/features.h"

static const char *const config_names[] = {
    "tx_gas_limit",
    "tx_gas_price",
    "tx_count_limit",
    "consensus_leader_period",
    "auth_check_status",
    "compatibility_version",
    "feature_rpbft",
    "feature_rpbft_epoch_block_num",
    "feature_rpbft_epoch_sealer_num",
    "feature_rpbft_notify_rotate",
    "feature_balance_precompiled",
    "web3_chain_id",
    "balance_transfer",
    "executor_version",
};

bc_bytes_t rpc_node_name(bc_rpc_t *rpc, char out[160])
{
    if (rpc->config.node_name[0])
        return bc_cstr(rpc->config.node_name);
    bc_hex_put(BC_VIEW(rpc->config.node_id), out);
    return bc_bytes(out, 128);
}

static void text(bc_jw_t *j, const char *key, const char *v)
{
    bc_jw_key(j, key);
    bc_jw_cstr(j, v);
}

static void put_document(bc_jw_t *j, bc_wr_t *w)
{
    bc_wr_u8(w, '\n');
    bc_jw_str(j, bc_wr_view(w));
    bc_wr_free(w);
}

static void genesis_json(bc_rpc_t *rpc, bc_jw_t *out)
{
    const bc_chain_config_t *g = rpc->config.chain;
    bc_wr_t w = { .max = 16 << 20 };
    bc_jw_t j = bc_jw(&w);
    bc_jw_obj(&j);
    bc_jw_key(&j, "blockTxCountLimit");
    bc_jw_u64(&j, g->block_tx_count_limit);
    bc_jw_key(&j, "consensusLeaderPeriod");
    bc_jw_u64(&j, g->leader_period);
    text(&j, "consensusType", g->rpbft ? "rpbft" : "pbft");
    bc_jw_key(&j, "sealerList");
    bc_jw_arr(&j);
    for (size_t i = 0; i < g->node_cnt; i++) {
        bc_jw_obj(&j);
        text(&j, "nodeID", g->nodes[i].id);
        bc_jw_key(&j, "weight");
        bc_jw_u64(&j, g->nodes[i].vote_weight);
        bc_jw_obj_end(&j);
    }
    bc_jw_arr_end(&j);
    bc_jw_key(&j, "txGasLimit");
    bc_jw_i64(&j, g->gas_limit);
    bc_jw_obj_end(&j);
    put_document(out, &w);
}

static void node_ini_json(bc_rpc_t *rpc, bc_jw_t *out)
{
    const bc_rpc_config_t *c = &rpc->config;
    char name[160];
    bc_wr_t w = { .max = 1 << 20 };
    bc_jw_t j = bc_jw(&w);
    bc_jw_obj(&j);
    bc_jw_key(&j, "binaryInfo");
    bc_jw_obj(&j);
    text(&j, "buildTime", c->build_time);
    text(&j, "gitCommitHash", c->commit);
    text(&j, "platform", c->platform);
    text(&j, "version", c->version);
    bc_jw_obj_end(&j);
    text(&j, "chainID", c->chain->chain_id);
    text(&j, "gatewayServiceName", c->gateway_service);
    text(&j, "groupID", c->chain->group_id);
    bc_jw_key(&j, "isAuthCheck");
    bc_jw_bool(&j, c->chain->is_auth_check);
    bc_jw_key(&j, "isSerialExecute");
    bc_jw_bool(&j, c->chain->is_serial_execute);
    bc_jw_key(&j, "isWasm");
    bc_jw_bool(&j, c->chain->is_wasm);
    bc_jw_key(&j, "nodeID");
    bc_jw_hex(&j, BC_VIEW(c->node_id));
    bc_jw_key(&j, "nodeName");
    bc_jw_str(&j, rpc_node_name(rpc, name));
    text(&j, "rpcServiceName", c->rpc_service);
    bc_jw_key(&j, "smCryptoType");
    bc_jw_bool(&j, c->chain->suite == BC_SUITE_SM);
    bc_jw_obj_end(&j);
    put_document(out, &w);
}

static void services_json(bc_rpc_t *rpc, bc_jw_t *j)
{
    const struct {
        const char *name;
        int type;
    } rows[] = {
        { "LedgerServiceObj", 2 },      { "SchedulerServiceObj", 3 },
        { "FrontServiceObj", 4 },       { rpc->config.gateway_service, 6 },
        { rpc->config.rpc_service, 7 }, { "TxPoolServiceObj", 8 },
    };
    bc_jw_key(j, "serviceInfo");
    bc_jw_arr(j);
    for (size_t i = 0; i < BC_ARRAY_LEN(rows); i++) {
        bc_jw_obj(j);
        text(j, "serviceName", rows[i].name);
        bc_jw_key(j, "type");
        bc_jw_i64(j, rows[i].type);
        bc_jw_obj_end(j);
    }
    bc_jw_arr_end(j);
}

void group_node_json(bc_rpc_t *rpc, bc_jw_t *j)
{
    char name[160];
    bc_ledger_config_t *now = rpc->node.ops->config(rpc->node.self);
    uint32_t version = now ? now->version : rpc->config.chain->version;
    if (now)
        bc_ledger_config_unref(now);
    bc_jw_obj(j);
    bc_jw_key(j, "featureKeys");
    bc_jw_arr(j);
    for (unsigned f = 0; f < BC_F_CNT; f++)
        bc_jw_cstr(j, bc_feature_name((bc_feature_t)f));
    bc_jw_arr_end(j);
    bc_jw_key(j, "iniConfig");
    node_ini_json(rpc, j);
    bc_jw_key(j, "microService");
    bc_jw_bool(j, rpc->config.rpc_service[0] != 0);
    bc_jw_key(j, "name");
    bc_jw_str(j, rpc_node_name(rpc, name));
    bc_jw_key(j, "nodeID");
    bc_jw_hex(j, BC_VIEW(rpc->config.node_id));
    bc_jw_key(j, "protocol");
    bc_jw_obj(j);
    bc_jw_key(j, "compatibilityVersion");
    bc_jw_u64(j, version);
    bc_jw_key(j, "maxSupportedVersion");
    bc_jw_i64(j, 2);
    bc_jw_key(j, "minSupportedVersion");
    bc_jw_i64(j, 0);
    bc_jw_obj_end(j);
    services_json(rpc, j);
    bc_jw_key(j, "supportConfigs");
    bc_jw_arr(j);
    for (size_t i = 0; i < BC_ARRAY_LEN(config_names); i++)
        bc_jw_cstr(j, config_names[i]);
    bc_jw_arr_end(j);
    bc_jw_key(j, "type");
    bc_jw_i64(j, rpc->config.chain->suite == BC_SUITE_SM ? 1 : 0);
    bc_jw_obj_end(j);
}

void group_info_json(bc_rpc_t *rpc, bc_jw_t *j)
{
    bc_jw_obj(j);
    text(j, "chainID", rpc->config.chain->chain_id);
    bc_jw_key(j, "genesisConfig");
    genesis_json(rpc, j);
    text(j, "groupID", rpc->config.chain->group_id);
    text(j, "iniConfig", "");
    bc_jw_key(j, "nodeList");
    bc_jw_arr(j);
    group_node_json(rpc, j);
    bc_jw_arr_end(j);
    bc_jw_obj_end(j);
}
