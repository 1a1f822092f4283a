#include "management/chain/chain_rpc.h"

#include <dirent.h>
#include <stdlib.h>

#include "base/ini.h"

#define REPLY_MAX (64u << 20)

static unsigned ini_uint(const char *text, const char *section, const char *key, unsigned otherwise)
{
    char v[32];
    return bc_chain_ini_find(text, section, key, v, sizeof(v)) ? (unsigned)strtoul(v, NULL, 10) :
                                                           otherwise;
}

static bool ini_bool(const char *text, const char *section, const char *key, bool otherwise)
{
    char v[16];
    if (!bc_chain_ini_find(text, section, key, v, sizeof(v)))
        return otherwise;
    return strcmp(v, "true") == 0 || strcmp(v, "1") == 0;
}

bc_err_t bc_chain_node_load(const char *dir, bc_chain_node_t *node)
{
    *node = (bc_chain_node_t){ 0 };
    bc_wr_t ini = { 0 }, genesis = { 0 };
    bc_err_t err = bc_file_read(bc_path("%s/config.ini", dir).s, 1u << 20, &ini);
    if (!err)
        err = bc_file_read(bc_path("%s/config.genesis", dir).s, 4u << 20, &genesis);
    bc_wr_u8(&ini, 0);
    bc_wr_u8(&genesis, 0);
    if (err || ini.err || genesis.err) {
        err = bc_chain_fail("cannot read config.ini and config.genesis of %s", dir);
        goto out;
    }
    const char *text = (const char *)ini.p;
    node->dir = bc_path("%s", dir);
    node->sdk_dir = bc_path("%s/../sdk", dir);
    const char *slash = strrchr(dir, '/');
    snprintf(node->name, sizeof(node->name), "%.63s", slash ? slash + 1 : dir);
    snprintf(node->host, sizeof(node->host), "0.0.0.0");
    bc_chain_ini_find(text, "rpc", "listen_ip", node->host, sizeof(node->host));
    if (strcmp(node->host, "0.0.0.0") == 0 || strcmp(node->host, "::") == 0)
        snprintf(node->host, sizeof(node->host), "127.0.0.1");
    node->p2p_port = ini_uint(text, "p2p", "listen_port", 30300);
    node->rpc_port = ini_uint(text, "rpc", "listen_port", 20200);
    node->web3_port = ini_uint(text, "web3_rpc", "listen_port", 8545);
    node->web3 = ini_bool(text, "web3_rpc", "enable", false);
    node->rpc_ssl = ini_bool(text, "rpc", "enable_ssl", !ini_bool(text, "rpc", "disable_ssl", false));
    snprintf(node->group, sizeof(node->group), "group");
    bc_chain_ini_find((const char *)genesis.p, "chain", "group_id", node->group, sizeof(node->group));
out:
    bc_wr_free(&ini);
    bc_wr_free(&genesis);
    return err;
}

static bc_err_t add_dir(const char *dir, bc_chain_node_t **nodes, size_t *cnt)
{
    *nodes = bc_xrealloc(*nodes, (*cnt + 1) * sizeof(**nodes));
    return bc_chain_node_load(dir, &(*nodes)[(*cnt)++]);
}

/* node2 before node10 */
static int by_version(const struct dirent **a, const struct dirent **b)
{
    return strverscmp((*a)->d_name, (*b)->d_name);
}

static bc_err_t add_level(const char *dir, int depth, bc_chain_node_t **nodes, size_t *cnt)
{
    struct dirent **list;
    int n = scandir(dir, &list, NULL, by_version);
    bc_err_t err = BC_OK;
    for (int i = 0; i < n; i++) {
        bc_path_t path = bc_path("%s/%s", dir, list[i]->d_name);
        if (list[i]->d_name[0] != '.' && !err && bc_dir_exists(path.s)) {
            if (bc_file_exists(bc_path("%s/config.ini", path.s).s) &&
                bc_file_exists(bc_path("%s/start.sh", path.s).s))
                err = add_dir(path.s, nodes, cnt);
            else if (depth > 0)
                err = add_level(path.s, depth - 1, nodes, cnt);
        }
        free(list[i]);
    }
    if (n >= 0)
        free(list);
    return err;
}

bc_err_t bc_chain_nodes(const char *dir, bc_chain_node_t **nodes, size_t *cnt)
{
    *nodes = NULL;
    *cnt = 0;
    bc_err_t err = add_level(dir, 1, nodes, cnt);
    if (!err && *cnt == 0) {
        bc_chain_fail("no nodes below %s", dir);
        err = BC_E_NOT_FOUND;
    }
    if (err) {
        free(*nodes);
        *nodes = NULL;
    }
    return err;
}

static size_t take(char *p, size_t size, size_t cnt, void *to)
{
    bc_wr_t *w = to;
    bc_wr_mem(w, p, size * cnt);
    return w->err ? 0 : size * cnt;
}

bc_err_t bc_chain_rpc_open(bc_chain_rpc_t *rpc, const bc_chain_node_t *node)
{
    *rpc = (bc_chain_rpc_t){ .curl = curl_easy_init(), .node = node };
    if (!rpc->curl)
        return BC_E_NOMEM;
    CURL *c = rpc->curl;
    bc_path_t url =
        bc_path("%s://%s:%u", node->rpc_ssl ? "https" : "http", node->host, node->rpc_port);
    curl_easy_setopt(c, CURLOPT_URL, url.s);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, 2000L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, 5000L);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
    if (node->rpc_ssl) {
        /* Certificates of a chain name no host: trust is the CA alone. */
        curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
        curl_easy_setopt(c, CURLOPT_CAINFO, bc_path("%s/ca.crt", node->sdk_dir.s).s);
        curl_easy_setopt(c, CURLOPT_SSLCERT, bc_path("%s/sdk.crt", node->sdk_dir.s).s);
        curl_easy_setopt(c, CURLOPT_SSLKEY, bc_path("%s/sdk.key", node->sdk_dir.s).s);
    }
    return BC_OK;
}

void bc_chain_rpc_close(bc_chain_rpc_t *rpc)
{
    if (rpc->curl)
        curl_easy_cleanup(rpc->curl);
    rpc->curl = NULL;
}

static cJSON *parse_reply(bc_chain_rpc_t *rpc, bc_wr_t *reply)
{
    cJSON *json = reply->n ? cJSON_ParseWithLength((const char *)reply->p, reply->n) : NULL;
    cJSON *result = cJSON_DetachItemFromObjectCaseSensitive(json, "result");
    if (!result) {
        const cJSON *error = cJSON_GetObjectItemCaseSensitive(json, "error");
        const char *message =
            cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(error, "message"));
        snprintf(rpc->why, sizeof(rpc->why), "%s", message ? message : "not a JSON-RPC reply");
    }
    cJSON_Delete(json);
    return result;
}

cJSON *bc_chain_rpc_call(bc_chain_rpc_t *rpc, const char *method, const char *params)
{
    bc_wr_t body = { 0 }, reply = { .max = REPLY_MAX };
    cJSON *result = NULL;
    bc_wr_printf(&body,
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":[\"%s\",%s]}", method,
                 rpc->node->group, params);
    if (body.err) {
        snprintf(rpc->why, sizeof(rpc->why), "%s", bc_err_name(body.err));
        return NULL;
    }
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    curl_easy_setopt(rpc->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(rpc->curl, CURLOPT_POSTFIELDS, body.p);
    curl_easy_setopt(rpc->curl, CURLOPT_POSTFIELDSIZE, (long)body.n);
    curl_easy_setopt(rpc->curl, CURLOPT_WRITEDATA, &reply);
    CURLcode code = curl_easy_perform(rpc->curl);
    if (code != CURLE_OK)
        snprintf(rpc->why, sizeof(rpc->why), "%s", curl_easy_strerror(code));
    else
        result = parse_reply(rpc, &reply);
    curl_slist_free_all(headers);
    bc_wr_free(&body);
    bc_wr_free(&reply);
    return result;
}
