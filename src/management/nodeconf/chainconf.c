/* config.genesis (spec/50 §2.3) and nodes.json. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include "codec/hex.h"
#include "codec/json.h"
#include "management/nodeconf/keys.h"
#include "protocol/features.h"
#include "protocol/status.h"

#define NODES_MAX 1024
#define V3_3      0x03030000u

/* Text of a key into a field of the struct, with its default. */
static bc_err_t text_of(bc_conf_reader_t *r, const char *section, const char *key, const char *def,
                        char *out, size_t size, bc_ini_entry_t **entry)
{
    bc_ini_entry_t *e = bc_ini_find(r->ini, section, key);
    const char *v = e ? e->value : def;
    *entry = e;
    if (e)
        e->used = true;
    if (strlen(v) >= size)
        return bc_conf_error(r, e, "longer than %zu characters", size - 1);
    snprintf(out, size, "%s", v);
    return BC_OK;
}

static bool all(const char *s, int (*is)(int))
{
    for (; *s; s++)
        if (!is((unsigned char)*s))
            return false;
    return true;
}

static bc_err_t read_chain(bc_conf_reader_t *r, bc_chain_config_t *c)
{
    bc_ini_entry_t *e = bc_ini_find(r->ini, "chain", "sm_crypto");
    bool sm = false;
    if (e) {
        e->used = true;
        if (!bc_conf_bool(e->value, &sm) && *e->value)
            bc_conf_warn(r, e, "neither true nor false: the default false is used");
    }
    c->suite = sm ? BC_SUITE_SM : BC_SUITE_STANDARD;
    bc_err_t err = text_of(r, "chain", "group_id", "group", c->group_id, sizeof c->group_id, &e);
    if (!err)
        err = text_of(r, "chain", "chain_id", "chain", c->chain_id, sizeof c->chain_id, &e);
    if (!err && (!*c->chain_id || !all(c->chain_id, isalnum)))
        return bc_conf_error(r, e, "The chainId must be number or digit");
    if (!err)
        err = text_of(r, "web3", "chain_id", "0", c->web3_chain_id, sizeof c->web3_chain_id, &e);
    if (!err && (!*c->web3_chain_id || !all(c->web3_chain_id, isdigit)))
        return bc_conf_error(r, e, "the Web3 chain id must be a decimal number");
    return err;
}

static bc_err_t read_version(bc_conf_reader_t *r, bc_chain_config_t *c)
{
    char text[64];
    bc_ini_entry_t *e;
    bc_err_t err = text_of(r, "version", "compatibility_version", "3.0.0-rc4", text, sizeof text,
                           &e);
    if (err)
        return err;
    if (bc_version_parse(bc_cstr(text), &c->version) != BC_OK)
        return bc_conf_error(r, e,
                             "The version must be in format of MAJOR.MINOR.PATCH, and the PATCH "
                             "version is optional, current version is %s",
                             text);
    if (c->version > BC_VERSION_MAX)
        return bc_conf_error(r, e, "The genesis compatibilityVersion is %s, high than support "
                                   "maxVersion: 3.16.4 is the highest",
                             text);
    return BC_OK;
}

static bc_err_t read_consensus(bc_conf_reader_t *r, bc_chain_config_t *c)
{
    char text[16];
    bc_ini_entry_t *e;
    bc_err_t err = text_of(r, "consensus", "consensus_type", "pbft", text, sizeof text, &e);
    if (err)
        return err;
    c->rpbft = strcmp(text, "rpbft") == 0;
    if (!c->rpbft && strcmp(text, "pbft") != 0)
        return bc_conf_error(r, e, "consensus.consensus_type is illegal, it must be pbft or rpbft!");
    if (!c->rpbft) { /* only read for rpbft: what is written in the genesis is the default */
        c->epoch_sealer_num = 4;
        c->epoch_block_num = 1000;
    }
    return BC_OK;
}

static bool weight(const char *text, int64_t *out)
{
    char buf[32];
    while (isspace((unsigned char)*text))
        text++;
    if (snprintf(buf, sizeof buf, "%s", text) >= (int)sizeof buf)
        return false;
    size_t n = strlen(buf);
    while (n && isspace((unsigned char)buf[n - 1]))
        buf[--n] = 0;
    return bc_conf_int(buf, out);
}

/* nodeid[:voteWeight[:termWeight]] */
static bc_err_t parse_node(bc_conf_reader_t *r, const bc_ini_entry_t *e, bc_genesis_node_t *n)
{
    uint8_t id[64];
    const char *colon = strchr(e->value, ':');
    size_t len = colon ? (size_t)(colon - e->value) : strlen(e->value);
    while (len && isspace((unsigned char)e->value[len - 1]))
        len--;
    if (bc_hex_fixed(bc_bytes(e->value, len), id, 64) != BC_OK)
        return bc_conf_error(r, e, "a node id has 128 hex digits, as in conf/node.nodeid");
    bc_hex_put(bc_bytes(id, 64), n->id);
    n->id[128] = 0;
    int64_t vote = 1, term = 0;
    char *second = colon ? strchr(colon + 1, ':') : NULL;
    char first[32];
    if (colon) {
        size_t k = second ? (size_t)(second - colon - 1) : strlen(colon + 1);
        snprintf(first, sizeof first, "%.*s", (int)BC_MIN(k, sizeof first - 1), colon + 1);
        if (!weight(first, &vote))
            return bc_conf_error(r, e, "the weight behind the node id is not a number");
    }
    if (second) {
        char *third = strchr(second + 1, ':');
        size_t k = third ? (size_t)(third - second - 1) : strlen(second + 1);
        snprintf(first, sizeof first, "%.*s", (int)BC_MIN(k, sizeof first - 1), second + 1);
        if (!weight(first, &term))
            return bc_conf_error(r, e, "the term weight behind the node id is not a number");
    }
    if (vote <= 0 || term < 0)
        return bc_conf_error(r, e, "Please set weight for %.16s... to positive!", n->id);
    n->vote_weight = (uint64_t)vote;
    n->term_weight = (uint64_t)term;
    return BC_OK;
}

static int node_cmp(const void *a, const void *b)
{
    return strcmp(((const bc_genesis_node_t *)a)->id, ((const bc_genesis_node_t *)b)->id);
}

static bc_err_t read_nodes(bc_conf_reader_t *r, bc_chain_config_t *c)
{
    c->nodes = bc_xcalloc(BC_MIN(r->ini->cnt, (size_t)NODES_MAX), sizeof *c->nodes);
    for (size_t i = 0; i < r->ini->cnt; i++) {
        bc_ini_entry_t *e = &r->ini->v[i];
        if (strcmp(e->section, "consensus") != 0 || strncmp(e->key, "node.", 5) != 0)
            continue;
        e->used = true;
        if (c->node_cnt >= NODES_MAX)
            return bc_conf_error(r, e, "more than %d nodes", NODES_MAX);
        bc_err_t err = parse_node(r, e, &c->nodes[c->node_cnt++]);
        if (err)
            return err;
    }
    if (!c->node_cnt)
        return bc_conf_error(r, NULL, "Must set sealerList! Add node.0=<node id>: 1 to [consensus]");
    qsort(c->nodes, c->node_cnt, sizeof *c->nodes, node_cmp);
    for (size_t i = 1; i < c->node_cnt; i++)
        if (node_cmp(&c->nodes[i - 1], &c->nodes[i]) == 0)
            return bc_conf_error(r, NULL, "[consensus] node id %.16s... is listed twice",
                                 c->nodes[i].id);
    return BC_OK;
}

static bc_err_t read_features(bc_conf_reader_t *r, bc_chain_config_t *c)
{
    for (size_t i = 0; i < r->ini->cnt; i++) {
        bc_ini_entry_t *e = &r->ini->v[i];
        bc_feature_t f;
        bool on;
        if (strcmp(e->section, "features") != 0)
            continue;
        e->used = true;
        if (bc_feature_find(bc_cstr(e->key), &f) != BC_OK)
            return bc_conf_error(r, e, "there is no feature of this name");
        if (!bc_conf_bool(e->value, &on))
            return bc_conf_error(r, e, "neither true nor false");
        if (c->feature_cnt >= BC_ARRAY_LEN(c->features))
            return bc_conf_error(r, e, "too many features");
        bc_genesis_feature_t *g = &c->features[c->feature_cnt++];
        snprintf(g->name, sizeof g->name, "%s", bc_feature_name(f));
        g->on = on;
    }
    return BC_OK;
}

static bc_err_t read_executor(bc_conf_reader_t *r, bc_chain_config_t *c)
{
    bc_ini_entry_t *e;
    bc_err_t err = text_of(r, "executor", "auth_admin_account", "", c->auth_admin,
                           sizeof c->auth_admin, &e);
    if (!err && !*c->auth_admin && (c->is_auth_check || c->version >= V3_3))
        return bc_conf_error(r, e,
                             "executor.auth_admin_account is empty, please set correct "
                             "auth_admin_account");
    if (c->is_wasm && !c->is_serial_execute)
        return bc_conf_error(r, bc_ini_find(r->ini, "executor", "is_wasm"),
                             "loadExecutorConfig wasm only support serial executing, please set "
                             "is_serial_execute to true");
    if (c->is_wasm && c->is_auth_check)
        return bc_conf_error(r, bc_ini_find(r->ini, "executor", "is_wasm"),
                             "loadExecutorConfig auth only support solidity, please set "
                             "is_auth_check to false or set is_wasm to false");
    return err;
}

bc_err_t bc_chainconf_parse(bc_bytes_t text, const char *name, bc_chain_config_t *out,
                            bc_conf_report_t *rep)
{
    bc_ini_t ini;
    bc_arena_t arena = { 0 };
    bc_conf_reader_t r = { .name = name, .ini = &ini, .arena = &arena, .rep = rep };
    *out = (bc_chain_config_t){ 0 };
    bc_err_t err = bc_conf_open(&r, text);
    if (!err)
        err = bc_conf_read(&r, bc_genesis_keys, bc_genesis_key_cnt, out);
    if (!err)
        err = read_chain(&r, out);
    if (!err)
        err = read_version(&r, out);
    if (!err)
        err = read_consensus(&r, out);
    if (!err)
        err = read_nodes(&r, out);
    if (!err)
        err = read_features(&r, out);
    if (!err)
        err = read_executor(&r, out);
    bc_conf_leftovers(&r);
    bc_ini_free(&ini);
    bc_arena_free(&arena);
    if (err)
        bc_chainconf_free(out);
    return err;
}

bc_err_t bc_chainconf_load(const char *path, bc_chain_config_t *out, bc_conf_report_t *rep)
{
    bc_wr_t w = { 0 };
    *out = (bc_chain_config_t){ 0 };
    bc_err_t err = bc_conf_file(path, &w, rep);
    if (!err)
        err = bc_chainconf_parse(bc_wr_view(&w), path, out, rep);
    bc_wr_free(&w);
    return err;
}

void bc_chainconf_free(bc_chain_config_t *c)
{
    free(c->nodes);
    *c = (bc_chain_config_t){ 0 };
}

/* ---- nodes.json ---- */

static bool endpoint(const char *text, char host[64], uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    int64_t p;
    if (!colon || !bc_conf_int(colon + 1, &p) || p < 1 || p > 65535)
        return false;
    size_t n = (size_t)(colon - text);
    if (text[0] == '[') {
        if (n < 3 || text[n - 1] != ']')
            return false;
        text++;
        n -= 2;
    } else if (memchr(text, ':', n)) {
        return false; /* IPv6 needs brackets */
    }
    if (n == 0 || n >= 64)
        return false;
    memcpy(host, text, n);
    host[n] = 0;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)host[i]) && !strchr(".:-_%", host[i]))
            return false;
    *port = (uint16_t)p;
    return true;
}

bc_err_t bc_nodes_parse(bc_bytes_t text, const char *name, bc_nodes_t *out, bc_conf_report_t *rep)
{
    size_t at = 0;
    *out = (bc_nodes_t){ 0 };
    cJSON *root = bc_json_parse(text, 4, &at);
    const cJSON *list = root ? cJSON_GetObjectItemCaseSensitive(root, "nodes") : NULL;
    bc_err_t err = BC_OK;
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > BC_NODES_MAX) {
        snprintf(rep->error, sizeof rep->error,
                 "%s: %s: the file must be {\"nodes\":[\"ip:port\",...]} with at most %d nodes", name,
                 root ? "wrong form" : "no JSON", BC_NODES_MAX);
        err = BC_E_CONFIG;
    }
    if (!err)
        out->v = bc_xcalloc((size_t)cJSON_GetArraySize(list) + 1, sizeof *out->v);
    const cJSON *item;
    if (!err) {
        cJSON_ArrayForEach(item, list)
        {
            if (!cJSON_IsString(item) ||
                !endpoint(item->valuestring, out->v[out->n].host, &out->v[out->n].port)) {
                snprintf(rep->error, sizeof rep->error,
                         "%s: entry %zu: '%.80s' is no address: write ip:port, or [v6]:port", name,
                         out->n, cJSON_IsString(item) ? item->valuestring : "?");
                err = BC_E_CONFIG;
                break;
            }
            out->n++;
        }
    }
    cJSON_Delete(root);
    if (err)
        bc_nodes_free(out);
    return err;
}

bc_err_t bc_nodes_load(const char *path, bc_nodes_t *out, bc_conf_report_t *rep)
{
    bc_wr_t w = { 0 };
    *out = (bc_nodes_t){ 0 };
    bc_err_t err = bc_conf_file(path, &w, rep);
    if (!err)
        err = bc_nodes_parse(bc_wr_view(&w), path, out, rep);
    bc_wr_free(&w);
    return err;
}

void bc_nodes_free(bc_nodes_t *n)
{
    free(n->v);
    *n = (bc_nodes_t){ 0 };
}
