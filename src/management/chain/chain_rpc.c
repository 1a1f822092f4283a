#include "management/chain/chain_rpc.h"

#include <dirent.h>
#include <stdlib.h>

#include "base/ini.h"
#include "management/chain/chain.h"

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

/* The address to connect to: where a section listens, on this machine when that is everywhere. */
static void host_of(const char *text, const char *section, const char *otherwise, char out[64])
{
    snprintf(out, 64, "%s", otherwise);
    bc_chain_ini_find(text, section, "listen_ip", out, 64);
    if (strcmp(out, "0.0.0.0") == 0 || strcmp(out, "::") == 0)
        snprintf(out, 64, "127.0.0.1");
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
    host_of(text, "rpc", "0.0.0.0", node->host);
    node->p2p_port = ini_uint(text, "p2p", "listen_port", 30300);
    node->rpc_port = ini_uint(text, "rpc", "listen_port", 20200);
    node->web3_port = ini_uint(text, "web3_rpc", "listen_port", 8545);
    node->web3 = ini_bool(text, "web3_rpc", "enable", false);
    node->rpc_ssl = ini_bool(text, "rpc", "enable_ssl", !ini_bool(text, "rpc", "disable_ssl", false));
    node->p2p_sm = ini_bool(text, "p2p", "sm_ssl", false);
    node->rpc_sm = ini_bool(text, "rpc", "sm_ssl", false);
    if (ini_bool(text, "monitor", "enable", false)) {
        host_of(text, "monitor", "127.0.0.1", node->monitor_host);
        node->monitor_port = ini_uint(text, "monitor", "listen_port", 23300);
    }
    const char *chain = (const char *)genesis.p;
    snprintf(node->group, sizeof(node->group), "group");
    snprintf(node->chain, sizeof(node->chain), "chain");
    bc_chain_ini_find(chain, "chain", "group_id", node->group, sizeof(node->group));
    bc_chain_ini_find(chain, "chain", "chain_id", node->chain, sizeof(node->chain));
    node->suite = ini_bool(chain, "chain", "sm_crypto", false) ? BC_SUITE_SM : BC_SUITE_STANDARD;
    char data[1024] = "";
    bc_chain_ini_find(text, "storage", "data_path", data, sizeof(data));
    if (!data[0])
        snprintf(data, sizeof(data), "data/%s", node->group);
    node->data_dir = data[0] == '/' ? bc_path("%s", data) : bc_path("%s/%s", dir, data);
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

static bc_chain_post_fn post_sm;

void bc_chain_set_post(bc_chain_post_fn post)
{
    post_sm = post;
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

static bool post(bc_chain_rpc_t *rpc, bc_bytes_t body, bc_wr_t *reply)
{
    const bc_chain_node_t *n = rpc->node;
    if (n->rpc_ssl && n->rpc_sm) {
        if (!post_sm) {
            snprintf(rpc->why, sizeof(rpc->why), "this program does not speak national-crypto TLS");
            return false;
        }
        bc_err_t err =
            post_sm(n->host, n->rpc_port, n->sdk_dir.s, body, reply, rpc->why, sizeof(rpc->why));
        rpc->timed_out = err == BC_E_TIMEOUT;
        return !err;
    }
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    curl_easy_setopt(rpc->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(rpc->curl, CURLOPT_POSTFIELDS, body.p);
    curl_easy_setopt(rpc->curl, CURLOPT_POSTFIELDSIZE, (long)body.n);
    curl_easy_setopt(rpc->curl, CURLOPT_WRITEDATA, reply);
    CURLcode code = curl_easy_perform(rpc->curl);
    rpc->timed_out = code == CURLE_OPERATION_TIMEDOUT;
    if (code != CURLE_OK)
        snprintf(rpc->why, sizeof(rpc->why), "%s", curl_easy_strerror(code));
    curl_slist_free_all(headers);
    return code == CURLE_OK;
}

cJSON *bc_chain_rpc_call(bc_chain_rpc_t *rpc, const char *method, const char *params)
{
    bc_wr_t body = { 0 }, reply = { .max = REPLY_MAX };
    cJSON *result = NULL;
    rpc->timed_out = false;
    bc_wr_printf(&body,
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":[\"%s\",%s]}", method,
                 rpc->node->group, params);
    if (body.err)
        snprintf(rpc->why, sizeof(rpc->why), "%s", bc_err_name(body.err));
    else if (post(rpc, bc_wr_view(&body), &reply))
        result = parse_reply(rpc, &reply);
    bc_wr_free(&body);
    bc_wr_free(&reply);
    return result;
}

bool bc_chain_rpc_number(bc_chain_rpc_t *rpc, const char *method, long long *out)
{
    cJSON *r = bc_chain_rpc_call(rpc, method, "\"\"");
    bool ok = cJSON_IsNumber(r);
    if (ok)
        *out = (long long)r->valuedouble;
    cJSON_Delete(r);
    return ok;
}

bool bc_chain_metric(const bc_chain_node_t *node, const char *name, long long *out)
{
    CURL *c = node->monitor_host[0] ? curl_easy_init() : NULL;
    if (!c)
        return false;
    bc_wr_t reply = { .max = 4u << 20 };
    bc_path_t url = bc_path("http://%s:%u/metrics", node->monitor_host, node->monitor_port);
    curl_easy_setopt(c, CURLOPT_URL, url.s);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, 2000L);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &reply);
    bool found = false;
    if (curl_easy_perform(c) == CURLE_OK) {
        bc_wr_u8(&reply, 0);
        size_t n = strlen(name);
        for (const char *line = reply.err ? NULL : (const char *)reply.p; line && *line;) {
            if (strncmp(line, name, n) == 0 && line[n] == ' ') {
                *out = strtoll(line + n + 1, NULL, 10);
                found = true;
                break;
            }
            line = strchr(line, '\n');
            line = line ? line + 1 : NULL;
        }
    }
    bc_wr_free(&reply);
    curl_easy_cleanup(c);
    return found;
}
