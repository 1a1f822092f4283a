/* Making the parts from the configuration, and taking them apart. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "air/air_impl.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "management/chain/block0.h"
#include "management/version/version.h"
#include "protocol/committee_code.h"
#include "storage/kv_rocks/kv_rocks.h"

static void say(air_t *a, const char *text)
{
    snprintf(a->why, sizeof a->why, "%s", text);
}

static void warn_each(bc_conf_report_t *rep)
{
    bc_bytes_t v = bc_wr_view(&rep->warnings);
    while (v.n) {
        const uint8_t *end = memchr(v.p, '\n', v.n);
        size_t n = end ? (size_t)(end - v.p) : v.n;
        fprintf(stderr, "warning: %.*s\n", (int)n, (const char *)v.p);
        n += end != NULL;
        v.p += n;
        v.n -= n;
    }
}

bool air_load(air_t *a)
{
    bc_conf_report_t rep = { 0 };
    bc_err_t err = bc_nodeconf_load(a->config_path, &a->node, &rep);
    if (err)
        say(a, rep.error);
    warn_each(&rep);
    bc_conf_report_free(&rep);
    if (err)
        return false;
    rep = (bc_conf_report_t){ 0 };
    err = bc_chainconf_load(a->genesis_path, &a->chain, &rep);
    if (err)
        say(a, rep.error);
    warn_each(&rep);
    bc_conf_report_free(&rep);
    if (err)
        return false;
    a->have_chain = true;
    err = bc_keypair_load(a->chain.suite, a->node->security.private_key_path, &a->key);
    if (err)
        snprintf(a->why, sizeof a->why, "loadKeyPair failed, keyPair path: %s: %s",
                 a->node->security.private_key_path, bc_err_name(err));
    a->have_key = !err;
    return !err;
}

/* ---- storage ---- */

/* votes: the consensus record. It is small, and must not be shorter than it was. */
static bool open_kv(air_t *a, const char *path, bool votes, bc_kv_if *out)
{
    bc_kv_rocks_config_t c = bc_kv_rocks_defaults(path);
    c.write_buffer_size = votes ? 4u << 20 : a->node->storage.write_buffer_size;
    c.block_cache_size = votes ? 4u << 20 : a->node->storage.block_cache_size;
    c.max_write_buffer_number = votes ? 2 : a->node->storage.max_write_buffer_number;
    c.min_write_buffer_number_to_merge = votes ? 1 : a->node->storage.min_write_buffer_number_to_merge;
    c.max_background_jobs = a->node->storage.max_background_jobs;
    c.statistics = a->node->storage.enable_statistics;
    c.blob = a->node->storage.enable_rocksdb_blob;
    c.whole_log = votes;
    return bc_kv_rocks_open(&c, out, a->why, sizeof a->why) == BC_OK;
}

static bool open_stores(air_t *a)
{
    const char *data = a->node->storage.data_path;
    char path[4096], own[160];
    if (!data[0]) {
        snprintf(own, sizeof own, "data/%s", a->chain.group_id);
        data = own;
    }
    if (a->node->storage.tikv) {
        say(a, "storage.type: TiKV needs the Max edition; use RocksDB here");
        return false;
    }
    if (a->node->storage.enable_separate_block_state) {
        snprintf(path, sizeof path, "%s/block", data);
        if (!open_kv(a, path, false, &a->block_kv))
            return false;
        snprintf(path, sizeof path, "%s/state", data);
    } else {
        snprintf(path, sizeof path, "%s", data);
    }
    if (!open_kv(a, path, false, &a->kv))
        return false;
    snprintf(path, sizeof path, "%s/consensus_log", data);
    return open_kv(a, path, true, &a->consensus_kv);
}

/* Block 0 of an adopted chain lies beside config.genesis; without it the committee is ours. */
static bool read_block0(air_t *a, bc_block0_t *b)
{
    char path[4096];
    const char *slash = strrchr(a->genesis_path, '/');
    snprintf(path, sizeof path, "%.*sblock0.json",
             slash ? (int)(slash - a->genesis_path + 1) : 0, a->genesis_path);
    *b = (bc_block0_t){ 0 };
    bc_err_t err = bc_block0_load(path, b);
    if (err && err != BC_E_NOT_FOUND)
        snprintf(a->why, sizeof a->why, "%.800s: %s; make it again with `cbcos chain adopt`", path,
                 bc_err_name(err));
    return !err || err == BC_E_NOT_FOUND;
}

static bool open_ledger(air_t *a)
{
    bc_block0_t b;
    if (!read_block0(a, &b))
        return false;
    bc_ledger_params_t p = { .kv = a->kv,
                             .block_kv = a->block_kv,
                             .chain = &a->chain,
                             .executor = bc_executor_local(a->executor),
                             .committee_code = b.committee_code.n
                                                   ? bc_wr_view(&b.committee_code)
                                                   : bc_committee_code(a->chain.suite),
                             .adopted_txs = { bc_wr_view(&b.txs[0]), bc_wr_view(&b.txs[1]) },
                             .now_ms = bc_clock_wall_ms() };
    bc_err_t err = bc_ledger_init(&p, &a->ledger, a->why, sizeof a->why);
    bc_block0_free(&b);
    return !err;
}

static void on_committed(void *ctx, bc_committed_t *block);

/* Threads that execute one block. */
static size_t execution_workers(const bc_node_config_t *c)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    if (!c->executor.baseline_scheduler_parallel || cpus < 2)
        return 1;
    return BC_MIN((size_t)cpus, (size_t)c->executor.baseline_scheduler_maxthread);
}

bool air_storage(air_t *a)
{
    if (!open_stores(a))
        return false;
    bc_executor_config_t e = { .suite = a->chain.suite,
                               .chain = &a->chain,
                               .key_pages = a->node->storage.key_page_size > 0,
                               .workers = execution_workers(a->node) };
    a->executor = bc_executor_new(&e);
    if (!a->executor) {
        say(a, "no memory for the executor");
        return false;
    }
    if (!open_ledger(a))
        return false;
    bc_host_config_t h = { .node = a->node,
                           .chain = &a->chain,
                           .key = &a->key,
                           .kv = a->kv,
                           .consensus_kv = a->consensus_kv,
                           .ledger = a->ledger,
                           .executor = bc_executor_local(a->executor),
                           .verify_threads = a->node->txpool.verify_worker_num,
                           .on_committed = on_committed,
                           .ctx = a };
    if (bc_host_new(&h, &a->host)) {
        say(a, "the node's records could not be read; the log has the reason");
        return false;
    }
    return true;
}

/* ---- access ---- */

typedef struct {
    bc_arena_t arena;
    bc_text_list_t list;
} peers_t;

static bool read_peers(air_t *a, peers_t *out)
{
    char path[4096];
    bc_nodes_t nodes = { 0 };
    bc_conf_report_t rep = { 0 };
    snprintf(path, sizeof path, "%s/%s", a->node->p2p.nodes_path, a->node->p2p.nodes_file);
    bc_err_t err = bc_nodes_load(path, &nodes, &rep);
    if (err)
        say(a, rep.error);
    bc_conf_report_free(&rep);
    if (err)
        return false;
    const char **v = bc_arena_alloc(&out->arena, nodes.n * sizeof *v);
    for (size_t i = 0; v && i < nodes.n; i++) {
        bool v6 = strchr(nodes.v[i].host, ':') != NULL;
        v[i] = bc_arena_printf(&out->arena, v6 ? "[%s]:%u" : "%s:%u", nodes.v[i].host,
                               nodes.v[i].port);
    }
    out->list = (bc_text_list_t){ v, v ? nodes.n : 0 };
    bc_nodes_free(&nodes);
    return true;
}

typedef struct {
    char ca[4096], cert[4096], key[4096], enc_cert[4096], enc_key[4096], multi[4096];
    bc_tls_config_t c;
} tls_paths_t;

/* The certificates of the ordinary kind, or of TLCP. */
static void tls_paths(const air_t *a, bool sm, tls_paths_t *t)
{
    const bc_node_config_t *n = a->node;
    struct {
        char *to;
        const char *name;
    } files[] = {
        { t->ca, sm ? n->cert.sm_ca_cert : n->cert.ca_cert },
        { t->cert, sm ? n->cert.sm_node_cert : n->cert.node_cert },
        { t->key, sm ? n->cert.sm_node_key : n->cert.node_key },
        { t->enc_cert, n->cert.sm_ennode_cert },
        { t->enc_key, n->cert.sm_ennode_key },
        { t->multi, n->cert.multi_ca_path },
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(files); i++)
        snprintf(files[i].to, sizeof t->ca, "%s/%s", n->cert.ca_path, files[i].name);
    t->c = (bc_tls_config_t){ .ca_file = t->ca,
                              .cert_file = t->cert,
                              .key_file = t->key,
                              .sm = sm,
                              .enc_cert_file = t->enc_cert,
                              .enc_key_file = t->enc_key,
                              .ca_dir = access(t->multi, F_OK) == 0 ? t->multi : NULL,
                              .verify = true };
}

/* Views into the configuration; modules holds those of the incoming limits. */
static bc_flow_config_t flow_config(const bc_node_config_t *n, bc_flow_module_t *modules)
{
    for (size_t i = 0; i < n->flow.module_cnt; i++)
        modules[i] = (bc_flow_module_t){ (uint16_t)strtoul(n->flow.module[i].name, NULL, 10),
                                         n->flow.module[i].limit };
    int64_t types = n->flow.incoming_p2p_basic_msg_type_qps_limit;
    int64_t each = n->flow.incoming_module_msg_type_qps_limit;
    return (bc_flow_config_t){ .window_ms = n->flow.time_window_sec * 1000,
                               .allow_exceed = n->flow.outgoing_allow_exceed_max_permit,
                               .total = n->flow.total_outgoing,
                               .conn = n->flow.conn_outgoing,
                               .group = n->flow.group_outgoing,
                               .free_modules = n->flow.free_modules,
                               .free_module_cnt = n->flow.free_module_cnt,
                               .type_limit = types > 0 ? (uint64_t)types : 0,
                               .types = n->flow.basic_types,
                               .type_cnt = n->flow.basic_type_cnt,
                               .module_limit = each > 0 ? (uint64_t)each : 0,
                               .modules = modules,
                               .module_cnt = n->flow.module_cnt,
                               .report_ms = n->flow.stat_reporter_interval,
                               .portion_percent = n->flow.enable_distributed_ratelimit_cache
                                                      ? n->flow.distributed_ratelimit_cache_percent
                                                      : 0 };
}

static bc_flow_limit_t *flow_limits(bc_arena_t *arena, const bc_conf_limit_t *v, size_t n)
{
    bc_flow_limit_t *out = bc_arena_alloc(arena, n * sizeof *out + 1);
    for (size_t i = 0; out && i < n; i++)
        out[i] = (bc_flow_limit_t){ v[i].name, v[i].limit };
    return out;
}

/* [flow_control] into f; false: no memory. */
static bool read_flow(air_t *a, bc_arena_t *arena, bc_flow_config_t *f)
{
    const bc_node_config_t *n = a->node;
    bc_flow_module_t *modules = bc_arena_alloc(arena, n->flow.module_cnt * sizeof *modules + 1);
    bc_flow_limit_t *conns = flow_limits(arena, n->flow.conn, n->flow.conn_cnt);
    bc_flow_limit_t *groups = flow_limits(arena, n->flow.group, n->flow.group_cnt);
    if (!modules || !conns || !groups) {
        say(a, "no memory for the rate limits");
        return false;
    }
    *f = flow_config(n, modules);
    f->conns = conns;
    f->conn_cnt = n->flow.conn_cnt;
    f->groups = groups;
    f->group_cnt = n->flow.group_cnt;
    return true;
}

static bool make_gateway(air_t *a)
{
    peers_t peers = { 0 };
    if (!read_peers(a, &peers))
        return false;
    const bc_node_config_t *n = a->node;
    tls_paths_t tls;
    tls_paths(a, n->p2p.sm_ssl, &tls);
    bc_gateway_config_t c = {
        .listen_ip = n->p2p.listen_ip,
        .listen_port = n->p2p.listen_port,
        .peers = peers.list,
        .uuid = n->p2p.uuid,
        .enable_rip_protocol = n->p2p.enable_rip_protocol,
        .enable_compression = n->p2p.enable_compression,
        .readonly = n->p2p.readonly,
        .allow_max_msg_size = n->p2p.allow_max_msg_size,
        .tls = tls.c,
        .blacklist = { n->cert_blacklist.v, n->cert_blacklist.n },
        .whitelist = { n->cert_whitelist.v, n->cert_whitelist.n },
        .group = a->chain.group_id,
        .client = bc_host_gateway_client(a->host),
    };
    c.tls.verify = n->p2p.enable_ssl_verify;
    bc_flow_config_t flow;
    bc_flow_redis_config_t redis = { .ip = n->redis.server_ip,
                                     .port = n->redis.server_port,
                                     .password = n->redis.password,
                                     .db = n->redis.db,
                                     .timeout_ms = n->redis.request_timeout };
    if (n->flow.enable) {
        if (!read_flow(a, &peers.arena, &flow)) {
            bc_arena_free(&peers.arena);
            return false;
        }
        c.flow = &flow;
        c.redis = n->flow.enable_distributed_ratelimit ? &redis : NULL;
    }
    a->p2p_loop = bc_uv_loop_new("p2p");
    bc_err_t err = bc_gateway_new(a->p2p_loop, &c, &a->gateway);
    bc_arena_free(&peers.arena);
    if (err)
        snprintf(a->why, sizeof a->why, "the P2P port %s:%u cannot be opened (%s): is it in use, are "
                 "the certificates in %s right?", n->p2p.listen_ip, n->p2p.listen_port,
                 bc_err_name(err), n->cert.ca_path);
    return !err;
}

static bool make_rpc(air_t *a)
{
    const bc_node_config_t *n = a->node;
    bc_rpc_service_config_t c = {
        .rpc = { .filter_timeout = n->rpc.filter_timeout,
                 .filter_max_process_block = n->rpc.filter_max_process_block,
                 .return_input_params = n->rpc.return_input_params,
                 .web3_filter_timeout = n->web3.filter_timeout,
                 .web3_filter_max_process_block = n->web3.filter_max_process_block,
                 .batch_request_size_limit = n->web3.batch_request_size_limit,
                 .sync_transaction = n->web3.sync_transaction,
                 .chain = &a->chain,
                 .node_id = a->key.pub,
                 .version = BC_FISCO_VERSION,
                 .platform = "Linux/x86_64" },
        .listen_ip = n->rpc.listen_ip,
        .listen_port = n->rpc.listen_port,
        .web3_enable = n->web3.enable,
        .web3_listen_ip = n->web3.listen_ip,
        .web3_listen_port = n->web3.listen_port,
        .request_body_size_limit = n->web3.request_body_size_limit,
        .web3_cors = { .enable_cors = n->web3.enable_cors,
                       .cors_allow_credentials = n->web3.cors_allow_credentials,
                       .cors_allowed_origins = n->web3.cors_allowed_origins,
                       .cors_allowed_methods = n->web3.cors_allowed_methods,
                       .cors_allowed_headers = n->web3.cors_allowed_headers,
                       .cors_max_age = n->web3.cors_max_age },
    };
    snprintf(c.rpc.node_name, sizeof c.rpc.node_name, "%s",
             n->service.node_name ? n->service.node_name : "");
    snprintf(c.rpc.commit, sizeof c.rpc.commit, "%s", bc_version_commit());
    bc_err_t err = BC_OK;
    if (n->rpc.ssl) {
        tls_paths_t tls;
        tls_paths(a, n->rpc.sm_ssl, &tls);
        err = bc_tls_new(&tls.c, &c.tls);
    }
    if (err) {
        snprintf(a->why, sizeof a->why, "the certificates in %s cannot be used for the RPC port: %s",
                 n->cert.ca_path, bc_err_name(err));
        return false;
    }
    a->rpc_loop = bc_uv_loop_new("rpc");
    err = bc_rpc_service_new(a->rpc_loop, &c, bc_host_node(a->host), bc_gateway_contract(a->gateway),
                             &a->rpc); /* before the core runs: no lock */
    bc_tls_unref(c.tls);
    if (err)
        snprintf(a->why, sizeof a->why,
                 "the RPC ports %s:%u and %s:%u cannot be opened (%s): are they in use?",
                 n->rpc.listen_ip, n->rpc.listen_port, n->web3.listen_ip, n->web3.listen_port,
                 bc_err_name(err));
    return !err;
}

/* ---- metrics ---- */

static void gauge(bc_wr_t *w, const char *name, const char *help, int64_t v)
{
    bc_wr_printf(w, "# HELP %s %s\n# TYPE %s gauge\n%s %ld\n", name, help, name, name, (long)v);
}

static int64_t resident_bytes(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f) {
        if (fscanf(f, "%*s %ld", &pages) != 1)
            pages = 0;
        fclose(f);
    }
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

static void storage_gauges(air_t *a, bc_wr_t *w)
{
    const bc_kv_if stores[] = { a->kv, a->block_kv, a->consensus_kv };
    bc_kv_rocks_usage_t all = { 0 };
    for (size_t i = 0; i < BC_ARRAY_LEN(stores); i++) {
        bc_kv_rocks_usage_t u = { 0 };
        if (stores[i].self)
            bc_kv_rocks_usage(stores[i], &u);
        all.memtables += u.memtables;
        all.block_cache += u.block_cache;
        all.table_readers += u.table_readers;
        all.sst_files += u.sst_files;
    }
    gauge(w, "cbcos_storage_memtable_bytes", "Writes that are not in files yet.", (int64_t)all.memtables);
    gauge(w, "cbcos_storage_cache_bytes", "The block caches: data, indexes, filters.", (int64_t)all.block_cache);
    gauge(w, "cbcos_storage_reader_bytes", "Memory of open files beside the caches.", (int64_t)all.table_readers);
    gauge(w, "cbcos_storage_file_bytes", "Files of the stores, logs not counted.", (int64_t)all.sst_files);
}

static void redis_gauges(const bc_flow_redis_stats_t *s, bc_wr_t *w)
{
    gauge(w, "cbcos_redis_connected", "1 while rate limits are shared over Redis.", s->connected);
    gauge(w, "cbcos_redis_draws", "Permits asked for of shared rate limits.", (int64_t)s->draws);
    gauge(w, "cbcos_redis_refusals", "Those that the limit did not have.", (int64_t)s->refusals);
    gauge(w, "cbcos_redis_failures", "Times that messages passed because Redis could not be asked.",
          (int64_t)s->failures);
}

static void metrics_request(void *ctx, bc_http_req_t *req)
{
    air_t *a = ctx;
    bc_wr_t w = { 0 };
    bc_node_if node = bc_host_node(a->host);
    bc_node_status_t st;
    node.ops->status(node.self, &st);
    gauge(&w, "cbcos_block_number", "Height of the ledger.", st.number);
    gauge(&w, "cbcos_known_highest", "Highest block known of any peer.", st.known_highest);
    gauge(&w, "cbcos_pbft_view", "Consensus view.", st.view);
    gauge(&w, "cbcos_pbft_timeout", "1 while a view change is under way.", st.timeout_state);
    gauge(&w, "cbcos_divergent_block",
          "Height at which this node differs from what a quorum signed; 0: it does not.",
          st.divergent);
    gauge(&w, "cbcos_txpool_txs", "Transactions in the pool.", (int64_t)st.pending_txs);
    gauge(&w, "cbcos_txpool_bytes", "Bytes of the transactions in the pool.",
          (int64_t)st.pending_bytes);
    gauge(&w, "cbcos_txpool_limit", "Maximum of transactions in the pool.",
          (int64_t)a->node->txpool.limit);
    gauge(&w, "cbcos_sync_peers", "Peers whose height is known.", (int64_t)st.peer_cnt);
    gauge(&w, "cbcos_resident_bytes", "Resident memory of the process.", resident_bytes());
    storage_gauges(a, &w);
    bc_gateway_stats_t g = bc_gateway_stats(a->gateway);
    gauge(&w, "cbcos_p2p_sessions", "Direct P2P sessions.", (int64_t)g.sessions);
    gauge(&w, "cbcos_p2p_dropped", "P2P messages dropped because a queue was full.",
          (int64_t)g.dropped_full);
    gauge(&w, "cbcos_p2p_limited_out", "P2P messages refused by the bandwidth limits.",
          (int64_t)g.limited_out);
    gauge(&w, "cbcos_p2p_limited_in", "P2P messages refused by the limits of incoming ones.",
          (int64_t)g.limited_in);
    if (a->node->flow.enable && a->node->flow.enable_distributed_ratelimit)
        redis_gauges(&g.redis, &w);
    gauge(&w, "cbcos_p2p_refused", "Connections refused: duplicates, too many sessions.",
          (int64_t)(g.refused_duplicate + g.refused_full));
    gauge(&w, "cbcos_p2p_connect_failures", "Attempts to connect that failed.",
          (int64_t)g.dials_failed);
    gauge(&w, "cbcos_p2p_protocol_errors", "Sessions dropped because of what came over them.",
          (int64_t)g.protocol_errors);
    gauge(&w, "cbcos_p2p_bytes_in", "Bytes received over P2P.", (int64_t)g.bytes_in);
    gauge(&w, "cbcos_p2p_bytes_out", "Bytes sent over P2P.", (int64_t)g.bytes_out);
    bc_metrics_text(&w);
    static const bc_http_header_t type = { { (const uint8_t *)"Content-Type", 12 },
                                           { (const uint8_t *)"text/plain; version=0.0.4", 25 } };
    bc_http_respond(req, w.err ? 500 : 200, &type, 1, w.err ? NULL : bc_buf_copy(bc_wr_view(&w)));
    bc_wr_free(&w);
}

static bool make_monitor(air_t *a)
{
    const bc_node_config_t *n = a->node;
    if (!n->monitor.enable)
        return true;
    bc_http_config_t c = { .ip = n->monitor.listen_ip,
                           .port = n->monitor.listen_port,
                           .body_max = 4096,
                           .conns_max = 64,
                           .handler = { .on_request = metrics_request, .ctx = a } };
    if (bc_http_server_new(a->rpc_loop, &c, &a->monitor) == BC_OK)
        return true;
    snprintf(a->why, sizeof a->why, "the metrics port %s:%u cannot be opened: is it in use?",
             n->monitor.listen_ip, n->monitor.listen_port);
    return false;
}

static bool make_archive(air_t *a)
{
    const bc_node_config_t *n = a->node;
    if (!n->storage.enable_archive)
        return true;
    if (bc_archive_service_new(a->rpc_loop, n->storage.archive_ip, n->storage.archive_port,
                               bc_host_node(a->host), &a->archive) == BC_OK)
        return true;
    snprintf(a->why, sizeof a->why, "the archive port %s:%u cannot be opened: is it in use?",
             n->storage.archive_ip, n->storage.archive_port);
    return false;
}

bool air_access(air_t *a)
{
    return make_gateway(a) && make_rpc(a) && make_monitor(a) && make_archive(a);
}

static void on_committed(void *ctx, bc_committed_t *block)
{
    air_t *a = ctx;
    pthread_mutex_lock(&a->rpc_lock);
    if (a->rpc)
        bc_rpc_service_committed(a->rpc, block);
    pthread_mutex_unlock(&a->rpc_lock);
}

/* ---- reload, end ---- */

void air_reload_peers(air_t *a)
{
    peers_t peers = { 0 };
    bc_node_config_t *fresh = NULL;
    bc_conf_report_t rep = { 0 };
    if (read_peers(a, &peers))
        bc_gateway_set_peers(a->gateway, peers.list);
    else
        BC_WARN(BADGES, "reload of nodes.json failed: %s", a->why);
    bc_arena_free(&peers.arena);
    if (bc_nodeconf_load(a->config_path, &fresh, &rep) == BC_OK)
        bc_gateway_set_lists(a->gateway,
                             (bc_text_list_t){ fresh->cert_blacklist.v, fresh->cert_blacklist.n },
                             (bc_text_list_t){ fresh->cert_whitelist.v, fresh->cert_whitelist.n });
    else
        BC_WARN(BADGES, "reload of certificate lists failed: %s", rep.error);
    bc_nodeconf_free(fresh);
    bc_conf_report_free(&rep);
}

void air_reload_log_level(air_t *a)
{
    bc_node_config_t *fresh = NULL;
    bc_conf_report_t rep = { 0 };
    if (bc_nodeconf_load(a->config_path, &fresh, &rep) == BC_OK) {
        bc_log_set_level(bc_log_level_parse(fresh->log.level));
        BC_INFO(BADGES, "log level is now %s", fresh->log.level);
    } else {
        BC_WARN(BADGES, "reload of the log level failed: %s", rep.error);
    }
    bc_nodeconf_free(fresh);
    bc_conf_report_free(&rep);
}

/* RPC, gateway, node, stores: the reverse of the start (spec/30 §7). */
void air_free(air_t *a)
{
    if (a->rpc_running) {
        bc_uv_loop_stop(a->rpc_loop);
        bc_uv_loop_join(a->rpc_loop);
    }
    bc_http_server_free(a->monitor);
    pthread_mutex_lock(&a->rpc_lock);
    bc_rpc_service_t *rpc = a->rpc;
    a->rpc = NULL;
    pthread_mutex_unlock(&a->rpc_lock);
    bc_rpc_service_free(rpc);
    if (a->p2p_running) {
        bc_uv_loop_stop(a->p2p_loop);
        bc_uv_loop_join(a->p2p_loop);
    }
    if (a->host)
        bc_host_stop(a->host);
    bc_archive_service_free(a->archive);
    if (a->rpc_loop)
        bc_uv_loop_free(a->rpc_loop);
    bc_gateway_free(a->gateway);
    if (a->p2p_loop)
        bc_uv_loop_free(a->p2p_loop);
    bc_host_free(a->host);
    bc_ledger_free(a->ledger);
    bc_executor_free(a->executor);
    bc_kv_if *kvs[] = { &a->kv, &a->block_kv, &a->consensus_kv };
    for (size_t i = 0; i < BC_ARRAY_LEN(kvs); i++)
        if (kvs[i]->ops)
            kvs[i]->ops->close(kvs[i]->self);
    if (a->have_key)
        bc_keypair_wipe(&a->key);
    if (a->have_chain)
        bc_chainconf_free(&a->chain);
    bc_nodeconf_free(a->node);
}
