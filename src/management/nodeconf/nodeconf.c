/* config.ini beyond its table: lists, limits per target, and rules between keys. */
#include "management/nodeconf/nodeconf.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include "management/nodeconf/keys.h"

#define LIST_MAX 4096

static char *keep(bc_conf_reader_t *r, const char *text)
{
    size_t n = strlen(text);
    char *p = bc_arena_alloc(r->arena, n + 1);
    if (p)
        memcpy(p, text, n);
    return p;
}

static bool has_prefix(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* ---- certificate lists ---- */

static bool hex_lower(char *s)
{
    for (; *s; s++) {
        if (*s >= 'A' && *s <= 'F')
            *s = (char)(*s - 'A' + 'a');
        else if (!((*s >= '0' && *s <= '9') || (*s >= 'a' && *s <= 'f')))
            return false;
    }
    return true;
}

static bc_err_t read_ids(bc_conf_reader_t *r, const char *section, const char *old,
                         const char *prefix, bc_conf_list_t *out)
{
    out->v = bc_arena_alloc(r->arena, BC_MIN(r->ini->cnt, (size_t)LIST_MAX) * sizeof *out->v + 1);
    if (!out->v)
        return BC_E_NOMEM;
    for (size_t i = 0; i < r->ini->cnt; i++) {
        bc_ini_entry_t *e = &r->ini->v[i];
        if ((strcmp(e->section, section) != 0 && strcmp(e->section, old) != 0) ||
            !has_prefix(e->key, prefix))
            continue;
        e->used = true;
        size_t n = strlen(e->value);
        char *id = keep(r, e->value);
        if (!id)
            return BC_E_NOMEM;
        if ((n != 512 && n != 128) || !hex_lower(id))
            bc_conf_warn(r, e, "skipped: a P2P id has 512 hex digits (RSA) or 128 (SM), this has %zu",
                         n);
        else if (out->n >= LIST_MAX)
            return bc_conf_error(r, e, "more than %d ids", LIST_MAX);
        else
            out->v[out->n++] = id;
    }
    return BC_OK;
}

/* ---- flow control ---- */

/* Mbit/s as decimal text to bytes per second. */
static bc_err_t bandwidth(bc_conf_reader_t *r, const bc_ini_entry_t *e, const char *text,
                          uint64_t *out)
{
    char *end;
    *out = 0;
    if (!*text)
        return BC_OK;
    double v = strtod(text, &end);
    if (*end || !(v > 0) || v > 1e9)
        return bc_conf_error(r, e, "not a bandwidth: set a number of Mbit/s above 0, or remove the "
                                   "line for no limit");
    *out = (uint64_t)(v * 1048576 / 8);
    return BC_OK;
}

static bc_err_t total_bandwidth(bc_conf_reader_t *r, const char *key, uint64_t *out)
{
    const bc_ini_entry_t *e = bc_ini_find(r->ini, "flow_control", key);
    *out = 0;
    return e ? bandwidth(r, e, e->value, out) : BC_OK;
}

/* Keys `<prefix><name>`; rates are messages/s when count, else Mbit/s. */
static bc_err_t read_limits(bc_conf_reader_t *r, const char *prefix, bool count,
                            bc_conf_limit_t **out, size_t *cnt)
{
    size_t max = BC_MIN(r->ini->cnt, (size_t)LIST_MAX);
    *cnt = 0;
    *out = bc_arena_alloc(r->arena, max * sizeof **out + 1);
    if (!*out)
        return BC_E_NOMEM;
    for (size_t i = 0; i < r->ini->cnt; i++) {
        bc_ini_entry_t *e = &r->ini->v[i];
        int64_t v = 0;
        if (strcmp(e->section, "flow_control") != 0 || !has_prefix(e->key, prefix))
            continue;
        if (*cnt >= max)
            return bc_conf_error(r, e, "more than %d limits", LIST_MAX);
        e->used = true;
        bc_conf_limit_t *l = &(*out)[*cnt];
        l->name = keep(r, e->key + strlen(prefix));
        if (!l->name)
            return BC_E_NOMEM;
        if (count && (!bc_conf_int(e->value, &v) || v < -1))
            return bc_conf_error(r, e, "not a number of messages per second");
        bc_err_t err = count ? BC_OK : bandwidth(r, e, e->value, &l->limit);
        if (err)
            return err;
        if (count)
            l->limit = v > 0 ? (uint64_t)v : 0;
        *cnt += l->limit > 0;
    }
    return BC_OK;
}

static bool module_id(const char *name, uint16_t *out)
{
    static const struct {
        const char *name;
        uint16_t id;
    } modules[] = {
        { "raft", 1001 },     { "pbft", 1000 },          { "amop", 3000 },       { "block_sync", 2000 },
        { "txs_sync", 2001 }, { "cons_txs_sync", 2002 }, { "light_node", 4000 },
    };
    int64_t v;
    for (size_t i = 0; i < BC_ARRAY_LEN(modules); i++)
        if (strcasecmp(name, modules[i].name) == 0) {
            *out = modules[i].id;
            return true;
        }
    if (!bc_conf_int(name, &v) || v < 0 || v > 65535)
        return false;
    *out = (uint16_t)v;
    return true;
}

static bc_err_t read_modules(bc_conf_reader_t *r, bc_node_config_t *c)
{
    const bc_ini_entry_t *e = bc_ini_find(r->ini, "flow_control", "modules_without_bw_limit");
    char *text = keep(r, c->flow.modules_without_bw_limit), *save = NULL;
    if (!text)
        return BC_E_NOMEM;
    for (char *m = strtok_r(text, ", \t", &save); m; m = strtok_r(NULL, ", \t", &save)) {
        if (c->flow.free_module_cnt >= BC_ARRAY_LEN(c->flow.free_modules))
            return bc_conf_error(r, e, "too many modules");
        if (!module_id(m, &c->flow.free_modules[c->flow.free_module_cnt++]))
            return bc_conf_error(r, e,
                                 "unknown module '%.40s': use raft, pbft, amop, block_sync, "
                                 "txs_sync, cons_txs_sync, light_node or a number",
                                 m);
    }
    return BC_OK;
}

static bc_err_t read_basic_types(bc_conf_reader_t *r, bc_node_config_t *c)
{
    const bc_ini_entry_t *e = bc_ini_find(r->ini, "flow_control", "incoming_p2p_basic_msg_type_list");
    char *text = keep(r, c->flow.incoming_p2p_basic_msg_type_list), *save = NULL;
    int64_t v;
    if (!text)
        return BC_E_NOMEM;
    for (char *t = strtok_r(text, ", \t", &save); t; t = strtok_r(NULL, ", \t", &save)) {
        if (c->flow.basic_type_cnt >= BC_ARRAY_LEN(c->flow.basic_types))
            return bc_conf_error(r, e, "too many packet types");
        if (!bc_conf_int(t, &v) || v < 0 || v > 65535)
            return bc_conf_error(r, e, "'%.40s' is not a packet type: use numbers like 1,2,3", t);
        c->flow.basic_types[c->flow.basic_type_cnt++] = (uint16_t)v;
    }
    return BC_OK;
}

static bc_err_t check_redis(bc_conf_reader_t *r, const bc_node_config_t *c)
{
    uint8_t a[16];
    if (inet_pton(AF_INET, c->redis.server_ip, a) != 1 && inet_pton(AF_INET6, c->redis.server_ip, a) != 1)
        return bc_conf_error(r, bc_ini_find(r->ini, "redis", "server_ip"),
                             "flow_control.enable_distributed_ratelimit=true needs redis.server_ip: "
                             "set the IPv4 or IPv6 address of the Redis server");
    if (c->redis.server_port <= 1024)
        return bc_conf_error(r, bc_ini_find(r->ini, "redis", "server_port"),
                             "flow_control.enable_distributed_ratelimit=true needs redis.server_port: "
                             "set the port of the Redis server, 1025 to 65535");
    return BC_OK;
}

/* Rules between the limits. */
static bc_err_t check_flow(bc_conf_reader_t *r, const bc_node_config_t *c)
{
    uint64_t total = c->flow.total_outgoing;
    for (size_t i = 0; i < c->flow.module_cnt; i++) {
        int64_t v;
        if (!bc_conf_int(c->flow.module[i].name, &v) || v < 0 || v > 65535)
            return bc_conf_error(r, NULL, "flow_control.incoming_module_qps_limit_%.40s: not a "
                                 "module id", c->flow.module[i].name);
    }
    if (c->flow.enable && total && c->flow.conn_outgoing > total)
        return bc_conf_error(r, bc_ini_find(r->ini, "flow_control", "conn_outgoing_bw_limit"),
                             "should not be greater than flow_control.total_outgoing_bw_limit");
    if (c->flow.enable && total && c->flow.group_outgoing > total)
        return bc_conf_error(r, bc_ini_find(r->ini, "flow_control", "group_outgoing_bw_limit"),
                             "should not be greater than flow_control.total_outgoing_bw_limit");
    return c->flow.enable && c->flow.enable_distributed_ratelimit ? check_redis(r, c) : BC_OK;
}

static bc_err_t read_flow(bc_conf_reader_t *r, bc_node_config_t *c)
{
    bc_err_t err = total_bandwidth(r, "total_outgoing_bw_limit", &c->flow.total_outgoing);
    if (!err)
        err = total_bandwidth(r, "conn_outgoing_bw_limit", &c->flow.conn_outgoing);
    if (!err)
        err = total_bandwidth(r, "group_outgoing_bw_limit", &c->flow.group_outgoing);
    if (!err)
        err = read_limits(r, "conn_outgoing_bw_limit_", false, &c->flow.conn, &c->flow.conn_cnt);
    if (!err)
        err = read_limits(r, "group_outgoing_bw_limit_", false, &c->flow.group, &c->flow.group_cnt);
    if (!err)
        err = read_limits(r, "incoming_module_qps_limit_", true, &c->flow.module,
                          &c->flow.module_cnt);
    if (!err)
        err = read_modules(r, c);
    if (!err)
        err = read_basic_types(r, c);
    if (!err)
        err = check_flow(r, c);
    return err;
}

/* ---- rules between keys ---- */

static bc_err_t read_ssl(bc_conf_reader_t *r, bc_node_config_t *c)
{
    bc_ini_entry_t *off = bc_ini_find(r->ini, "rpc", "disable_ssl");
    bc_ini_entry_t *on = bc_ini_find(r->ini, "rpc", "enable_ssl");
    bool v;
    c->rpc.ssl = true;
    if (off) {
        off->used = true;
        if (bc_conf_bool(off->value, &v))
            c->rpc.ssl = !v;
        else if (*off->value)
            bc_conf_warn(r, off, "neither true nor false: TLS stays on");
    }
    if (on) {
        on->used = true;
        if (bc_conf_bool(on->value, &v))
            c->rpc.ssl = v;
        else if (*on->value)
            bc_conf_warn(r, on, "neither true nor false: ignored");
    }
    return BC_OK;
}

static bc_err_t check_security(bc_conf_reader_t *r, const bc_node_config_t *c)
{
    static const char *const types[] = { "LEGACY", "BCOSKMS", "CLOUDKMS", "HSM" };
    const bc_ini_entry_t *e = bc_ini_find(r->ini, "security", "kms_type");
    size_t t = 0;
    while (t < 4 && strcasecmp(c->security.kms_type, types[t]) != 0)
        t++;
    if (t == 4)
        return bc_conf_error(r, e, "Please set kms_type to LEGACY!");
    if (t > 0)
        return bc_conf_error(r, e, "key management is not supported: set kms_type to LEGACY and "
                                   "private_key_path to a plain key file");
    if (c->security.enable_hsm)
        return bc_conf_error(r, bc_ini_find(r->ini, "security", "enable_hsm"),
                             "hardware keys are not supported: set it to false");
    if (c->storage_security.enable)
        return bc_conf_error(r, bc_ini_find(r->ini, "storage_security", "enable"),
                             "encrypted storage is not supported: set it to false, and encrypt the "
                             "disk instead");
    return BC_OK;
}

static bc_err_t check_storage(bc_conf_reader_t *r, bc_node_config_t *c)
{
    const bc_ini_entry_t *e = bc_ini_find(r->ini, "storage", "type");
    c->storage.tikv = strcasecmp(c->storage.type, "TiKV") == 0;
    if (!c->storage.tikv && strcasecmp(c->storage.type, "RocksDB") != 0)
        return bc_conf_error(r, e, "storage type not support: use RocksDB or TiKV");
    if (c->storage.tikv && c->storage.enable_separate_block_state) {
        bc_conf_warn(r, bc_ini_find(r->ini, "storage", "enable_separate_block_state"),
                     "ignored: only RocksDB has a separate block store");
        c->storage.enable_separate_block_state = false;
    }
    e = bc_ini_find(r->ini, "storage", "enable_archive");
    if (c->storage.enable_archive && (!*c->storage.archive_ip || !c->storage.archive_port))
        return bc_conf_error(r, e, "the archive service needs storage.archive_ip and "
                                   "storage.archive_port");
    int tls = (*c->storage.pd_ssl_ca_path != 0) + (*c->storage.pd_ssl_cert_path != 0) +
              (*c->storage.pd_ssl_key_path != 0);
    if (tls == 1 || tls == 2)
        bc_conf_warn(r, NULL, "[storage] TLS to TiKV needs pd_ssl_ca_path, pd_ssl_cert_path and "
                              "pd_ssl_key_path: it stays off");
    return BC_OK;
}

static bc_err_t check_p2p(bc_conf_reader_t *r, bc_node_config_t *c)
{
    uint64_t min = 2 * c->p2p.allow_max_msg_size;
    if (!c->p2p.session_recv_buffer_size)
        c->p2p.session_recv_buffer_size = min;
    if (c->p2p.session_recv_buffer_size < min)
        return bc_conf_error(r, bc_ini_find(r->ini, "p2p", "session_recv_buffer_size"),
                             "must be at least twice p2p.allow_max_msg_size, %llu: raise it or "
                             "remove the line",
                             (unsigned long long)min);
    return BC_OK;
}

static bool is_loopback(const char *ip)
{
    return has_prefix(ip, "127.") || strcmp(ip, "::1") == 0 || strcmp(ip, "localhost") == 0;
}

static bc_err_t check_rest(bc_conf_reader_t *r, bc_node_config_t *c)
{
    int64_t ms = c->txpool.txs_expiration_time * 1000;
    c->txpool.expiration_ms = BC_MAX(ms, 3000);
    c->txpool.expiration_ms = BC_MAX(c->txpool.expiration_ms, (int64_t)c->consensus.min_seal_time);
    if (c->txpool.expiration_ms != ms)
        bc_conf_warn(r, bc_ini_find(r->ini, "txpool", "txs_expiration_time"),
                     "too short: %lld ms are used", (long long)c->txpool.expiration_ms);
    if (!c->others.check_transaction_signature)
        bc_conf_warn(r, bc_ini_find(r->ini, "experimental", "check_transaction_signature"),
                     "transaction signatures are not checked: never on a real chain");
    if (c->others.single_point_consensus)
        bc_conf_warn(r, bc_ini_find(r->ini, "experimental", "single_point_consensus"),
                     "consensus of a single node: never on a real chain");
    if (c->monitor.enable && !is_loopback(c->monitor.listen_ip))
        bc_conf_warn(r, bc_ini_find(r->ini, "monitor", "listen_ip"),
                     "metrics and console are open to this network without a password");
    return BC_OK;
}

static bc_err_t read_all(bc_conf_reader_t *r, bc_node_config_t *c)
{
    bc_err_t err = bc_conf_read(r, bc_ini_keys, bc_ini_key_cnt, c);
    if (!err)
        err = read_ids(r, "certificate_blacklist", "crl", "crl.", &c->cert_blacklist);
    if (!err)
        err = read_ids(r, "certificate_whitelist", "cal", "cal.", &c->cert_whitelist);
    if (!err)
        err = read_flow(r, c);
    if (!err)
        err = read_ssl(r, c);
    if (!err)
        err = check_security(r, c);
    if (!err)
        err = check_storage(r, c);
    if (!err)
        err = check_p2p(r, c);
    if (!err)
        err = check_rest(r, c);
    return err;
}

bc_err_t bc_nodeconf_parse(bc_bytes_t text, const char *name, bc_node_config_t **out,
                           bc_conf_report_t *rep)
{
    bc_ini_t ini;
    bc_node_config_t *c = bc_xcalloc(1, sizeof *c);
    bc_conf_reader_t r = { .name = name, .ini = &ini, .arena = &c->arena, .rep = rep };
    *out = NULL;
    bc_err_t err = bc_conf_open(&r, text);
    if (!err)
        err = read_all(&r, c);
    bc_conf_leftovers(&r);
    bc_ini_free(&ini);
    if (err) {
        if (err == BC_E_NOMEM)
            snprintf(rep->error, sizeof rep->error, "%s: %s", name, bc_err_name(err));
        bc_nodeconf_free(c);
        return err;
    }
    *out = c;
    return BC_OK;
}

bc_err_t bc_nodeconf_load(const char *path, bc_node_config_t **out, bc_conf_report_t *rep)
{
    bc_wr_t w = { 0 };
    *out = NULL;
    bc_err_t err = bc_conf_file(path, &w, rep);
    if (!err)
        err = bc_nodeconf_parse(bc_wr_view(&w), path, out, rep);
    bc_wr_free(&w);
    return err;
}

void bc_nodeconf_free(bc_node_config_t *c)
{
    if (!c)
        return;
    bc_arena_free(&c->arena);
    free(c);
}

bc_log_config_t bc_nodeconf_log(const bc_node_config_t *c)
{
    return (bc_log_config_t){
        .enable = c->log.enable,
        .level = bc_log_level_parse(c->log.level),
        .path = c->log.log_path,
        .console = c->log.enable_console_output,
        .flush = c->log.flush,
        .file_size_max = c->log.max_log_file_size << 20,
        .rotate_by_hour = c->log.enable_rotate_by_hour,
        .name_pattern = c->log.enable_rotate_by_hour ? "log_%Y%m%d%H.%M.log"
                                                     : c->log.log_name_pattern,
    };
}
