/* The node's configuration files: config.ini, config.genesis, nodes.json (spec/50 §2).
 *
 * Names, defaults and bounds are the official node's; the tables in keys.c have one row per
 * key. Values that the official node silently replaces by the default are replaced here too,
 * with a warning. Paths stay as written: relative to the working directory. */
#ifndef BC_MANAGEMENT_NODECONF_H
#define BC_MANAGEMENT_NODECONF_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"
#include "iface/chain_config.h"

typedef struct {
    size_t n;
    const char **v;
} bc_conf_list_t;

/* A limit for one target: bytes per second, or messages per second. */
typedef struct {
    const char *name;
    uint64_t limit;
} bc_conf_limit_t;

typedef struct {
    /* [p2p] */
    struct {
        const char *listen_ip, *nodes_path, *nodes_file, *uuid;
        uint16_t listen_port;
        bool sm_ssl, enable_ssl_verify, enable_rip_protocol, enable_compression, readonly;
        uint32_t thread_count;
        uint64_t allow_max_msg_size, session_recv_buffer_size, session_max_read_data_size,
            session_max_send_data_size;
        uint32_t session_max_send_msg_count;
    } p2p;
    bc_conf_list_t cert_blacklist, cert_whitelist; /* P2P ids, 512 or 128 hex, lower case */
    /* [rpc] */
    struct {
        const char *listen_ip, *tars_rpc_host;
        uint16_t listen_port, tars_rpc_port; /* tars_rpc_port 0: off */
        uint32_t thread_count, tars_rpc_thread_count;
        bool sm_ssl, ssl; /* ssl: enable_ssl, or not disable_ssl */
        bool return_input_params;
        uint32_t filter_timeout; /* s */
        uint32_t filter_max_process_block;
    } rpc;
    /* [web3_rpc] */
    struct {
        bool enable, enable_cors, cors_allow_credentials, sync_transaction;
        const char *listen_ip, *cors_allowed_origins, *cors_allowed_methods, *cors_allowed_headers;
        uint16_t listen_port;
        uint32_t thread_count, filter_timeout, filter_max_process_block, batch_request_size_limit,
            request_body_size_limit, cors_max_age;
    } web3;
    /* [cert]: file names below ca_path */
    struct {
        const char *ca_path, *ca_cert, *node_key, *node_cert, *sm_ca_cert, *sm_node_key,
            *sm_node_cert, *sm_ennode_key, *sm_ennode_cert, *multi_ca_path;
    } cert;
    /* [security], [storage_security]: only plain key files and plain storage are supported */
    struct {
        const char *private_key_path, *kms_type, *kms_connection_str, *cloud_kms_type,
            *cipher_data_key, *hsm_lib_path, *password, *key_index;
        bool enable_hsm;
    } security;
    struct {
        bool enable;
        const char *kms_type, *key_center_url, *kms_connection_str, *cipher_data_key;
    } storage_security;
    /* [consensus] */
    struct {
        uint32_t min_seal_time, checkpoint_timeout; /* ms */
        uint32_t pipeline_size;
        bool require_txs_root;
    } consensus;
    /* [executor] */
    struct {
        bool enable_dag, baseline_scheduler, baseline_scheduler_parallel;
        uint32_t vm_cache_size, baseline_scheduler_chunksize, baseline_scheduler_maxthread;
    } executor;
    /* [storage] */
    struct {
        const char *data_path; /* "" when absent: data/<group> */
        const char *archive_ip, *pd_addrs, *pd_ssl_ca_path, *pd_ssl_cert_path,
            *pd_ssl_key_path, *type;
        bool tikv; /* type */
        bool enable_cache, enable_statistics, enable_rocksdb_blob, enable_separate_block_state,
            enable_archive, sync_archived_blocks;
        uint32_t key_page_size;
        uint64_t cache_size, write_buffer_size, block_cache_size;
        int32_t max_write_buffer_number, max_background_jobs, min_write_buffer_number_to_merge;
        uint16_t archive_port;
    } storage;
    /* [txpool] */
    struct {
        uint64_t limit, limit_bytes;
        uint32_t notify_worker_num, verify_worker_num; /* verify_worker_num 0: by cores */
        int64_t txs_expiration_time; /* s, as written */
        int64_t expiration_ms;       /* effective: at least 3000 and min_seal_time */
        bool check_block_limit, enable_txs_from_free_node;
    } txpool;
    /* [sync] */
    struct {
        bool sync_block_by_tree, send_txs_by_tree, allow_free_node;
        uint32_t tree_width;
    } sync;
    /* [failover] */
    struct {
        bool enable;
        const char *cluster_url, *member_id;
        uint32_t lease_ttl; /* s */
    } failover;
    /* [redis] */
    struct {
        const char *server_ip, *password;
        uint16_t server_port;
        int32_t request_timeout, db;
        uint32_t connection_pool_size;
    } redis;
    /* [flow_control]; limits 0: none */
    struct {
        bool enable, enable_connect_debug_info, enable_distributed_ratelimit,
            enable_distributed_ratelimit_cache, outgoing_allow_exceed_max_permit;
        uint32_t time_window_sec, distributed_ratelimit_cache_percent;
        uint32_t stat_reporter_interval; /* ms */
        uint64_t total_outgoing, conn_outgoing, group_outgoing; /* bytes/s */
        const char *modules_without_bw_limit;                   /* as written */
        uint16_t free_modules[64];                              /* its module ids */
        size_t free_module_cnt;
        const char *total_text, *conn_text, *group_text; /* as written */
        const char *incoming_p2p_basic_msg_type_list; /* as written */
        uint16_t basic_types[32];                     /* its packet types; none: the default ones */
        size_t basic_type_cnt;
        int64_t incoming_p2p_basic_msg_type_qps_limit, incoming_module_msg_type_qps_limit; /* -1 */
        size_t conn_cnt, group_cnt, module_cnt;
        bc_conf_limit_t *conn, *group; /* bytes/s per address, per group */
        bc_conf_limit_t *module;       /* messages/s per module id, decimal below 65536 */
    } flow;
    /* [service], [chain]: Pro and Max */
    struct {
        const char *rpc, *gateway, *node_name, *executor, *scheduler, *txpool, *tars_proxy_conf;
        bool without_tars_framework;
    } service;
    struct {
        bool sm_crypto;
        const char *group_id, *chain_id;
    } chain;
    /* [others], [experimental] */
    struct {
        int32_t send_tx_timeout; /* ms, -1: none */
        bool check_transaction_signature, check_parallel_conflict, single_point_consensus;
        const char *force_sender;
    } others;
    /* [log] */
    struct {
        bool enable, enable_console_output, flush, enable_rotate_by_hour, compress_archive_file,
            enable_rate_collector;
        const char *level, *log_path, *format, *log_name_pattern, *rotate_name_pattern,
            *rotate_time_point, *archive_path;
        uint64_t max_log_file_size, max_archive_size, min_free_space; /* MB */
        uint32_t max_archive_files;
    } log;
    /* [monitor]: ours. Metrics and the web console; loopback unless told otherwise */
    struct {
        bool enable;
        const char *listen_ip;
        uint16_t listen_port;
    } monitor;

    bc_arena_t arena; /* holds every text and list */
} bc_node_config_t;

/* What reading a file had to say. error: "<file>:<line>: [section] key: what; what to do". */
typedef struct {
    char error[768];
    bc_wr_t warnings; /* lines, each ended by a newline; release with bc_conf_report_free */
} bc_conf_report_t;
void bc_conf_report_free(bc_conf_report_t *r);

/* name is the file's name for messages. On failure (BC_E_CONFIG, BC_E_NOT_FOUND, BC_E_IO,
 * BC_E_UNSUPPORTED) rep->error says why and *out is NULL. */
bc_err_t bc_nodeconf_parse(bc_bytes_t text, const char *name, bc_node_config_t **out,
                           bc_conf_report_t *rep) BC_WARN_UNUSED;
bc_err_t bc_nodeconf_load(const char *path, bc_node_config_t **out,
                          bc_conf_report_t *rep) BC_WARN_UNUSED;
void bc_nodeconf_free(bc_node_config_t *c); /* NULL is fine */
/* The [log] section as log.h takes it; texts stay in c. */
bc_log_config_t bc_nodeconf_log(const bc_node_config_t *c);

/* config.genesis. On success the caller calls bc_chainconf_free. */
bc_err_t bc_chainconf_parse(bc_bytes_t text, const char *name, bc_chain_config_t *out,
                            bc_conf_report_t *rep) BC_WARN_UNUSED;
bc_err_t bc_chainconf_load(const char *path, bc_chain_config_t *out,
                           bc_conf_report_t *rep) BC_WARN_UNUSED;
void bc_chainconf_free(bc_chain_config_t *c);

/* nodes.json: {"nodes":["ip:port","[v6]:port"]} */
#define BC_NODES_MAX 4096
typedef struct {
    size_t n;
    struct {
        char host[64]; /* without brackets */
        uint16_t port;
    } *v;
} bc_nodes_t;
bc_err_t bc_nodes_parse(bc_bytes_t text, const char *name, bc_nodes_t *out,
                        bc_conf_report_t *rep) BC_WARN_UNUSED;
bc_err_t bc_nodes_load(const char *path, bc_nodes_t *out, bc_conf_report_t *rep) BC_WARN_UNUSED;
void bc_nodes_free(bc_nodes_t *n);

/* The reference of all keys as Markdown: docs/config.md is this text. */
void bc_nodeconf_markdown(bc_wr_t *w);

#endif
