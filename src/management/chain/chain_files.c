#include "management/chain/chain_files.h"

#include "management/chain/chain_io.h"

static const char *flag(bool on)
{
    return on ? "true" : "false";
}

static void put_network(bc_wr_t *w, const bc_chain_node_conf_t *c)
{
    bc_wr_printf(w,
                 "[p2p]\n"
                 "    listen_ip=%s\n"
                 "    listen_port=%u\n"
                 "    ; national-crypto TLS between nodes\n"
                 "    sm_ssl=%s\n"
                 "    nodes_path=./\n"
                 "    nodes_file=nodes.json\n"
                 "    ; routes over several hops, default: true\n"
                 "    ; enable_rip_protocol=false\n"
                 "    ; zstd for larger messages, default: true\n"
                 "    ; enable_compression=false\n"
                 "    ; peers must show a certificate of our CA, default: true\n"
                 "    enable_ssl_verify = true\n"
                 "\n"
                 "[certificate_blacklist]\n"
                 "    ; node ids of links (%u hex digits) that are refused\n"
                 "    ;crl.0=\n"
                 "\n"
                 "[certificate_whitelist]\n"
                 "    ; if any is named, all others are refused\n"
                 "    ;cal.0=\n"
                 "\n",
                 c->listen_ip, c->p2p_port, flag(c->sm_links), c->sm_links ? 128 : 512);
    bc_wr_printf(w,
                 "[rpc]\n"
                 "    listen_ip=%s\n"
                 "    listen_port=%u\n"
                 "    thread_count=4\n"
                 "    ; national-crypto TLS for SDKs\n"
                 "    sm_ssl=%s\n"
                 "    ; TLS on the SDK port, default: true\n"
                 "    enable_ssl=true\n"
                 "    ; whether replies to sendTransaction carry its input, default: true\n"
                 "    ; return_input_params=false\n"
                 "\n"
                 "[web3_rpc]\n"
                 "    ; Ethereum JSON-RPC, in the clear\n"
                 "    enable=true\n"
                 "    listen_ip=%s\n"
                 "    listen_port=%u\n"
                 "    thread_count=8\n"
                 "    request_body_size_limit=10240000\n"
                 "    enable_cors=true\n"
                 "    cors_allow_credentials=true\n"
                 "    cors_allowed_origins=*\n"
                 "    cors_allowed_methods=GET, POST, OPTIONS\n"
                 "    cors_allowed_headers=Content-Type, Authorization, X-Requested-With\n"
                 "    cors_max_age=86400\n"
                 "\n"
                 "[monitor]\n"
                 "    ; Prometheus metrics at /metrics; an official node ignores this section\n"
                 "    enable=true\n"
                 "    listen_ip=127.0.0.1\n"
                 "    listen_port=%u\n"
                 "\n",
                 c->listen_ip, c->rpc_port, flag(c->sm_links), c->listen_ip, c->web3_port,
                 c->monitor_port);
}

static void put_keys(bc_wr_t *w, const bc_chain_node_conf_t *c)
{
    bc_wr_str(w, "[cert]\n"
                 "    ; directory of the files below\n"
                 "    ca_path=./conf\n");
    bc_wr_str(w, c->sm_links ? "    sm_ca_cert=sm_ca.crt\n"
                               "    ; the pair that signs\n"
                               "    sm_node_key=sm_ssl.key\n"
                               "    sm_node_cert=sm_ssl.crt\n"
                               "    ; the pair that is encrypted to\n"
                               "    sm_ennode_key=sm_enssl.key\n"
                               "    sm_ennode_cert=sm_enssl.crt\n" :
                               "    ca_cert=ca.crt\n"
                               "    node_key=ssl.key\n"
                               "    node_cert=ssl.crt\n");
    bc_wr_str(w, "    ; under ca_path: further CAs, named <subject hash>.0\n"
                 "    multi_ca_path=multiCaPath\n"
                 "\n"
                 "[security]\n"
                 "    private_key_path=conf/node.pem\n"
                 "    enable_hsm=false\n"
                 "    ;hsm_lib_path=\n"
                 "    ;key_index=\n"
                 "    ;password=\n"
                 "\n"
                 "[storage_security]\n"
                 "    ; encryption of keys and data at rest\n"
                 "    enable=false\n"
                 "    ; ip:port of the key centre\n"
                 "    ;key_center_url=\n"
                 "    ;cipher_data_key=\n"
                 "\n");
}

static void put_chain(bc_wr_t *w, const bc_chain_node_conf_t *c)
{
    bc_wr_printf(w,
                 "[consensus]\n"
                 "    ; ms that a leader waits for more transactions before it seals\n"
                 "    min_seal_time=500\n"
                 "    ; no bad leader can give one block two lists of transactions. Set it to false on all\n"
                 "    ; nodes before a sealer runs FISCO BCOS's own program: its proposals do not name them\n"
                 "    require_txs_root=true\n"
                 "\n"
                 "[executor]\n"
                 "    enable_dag=true\n"
                 "    baseline_scheduler=false\n"
                 "    baseline_scheduler_parallel=false\n"
                 "\n"
                 "[storage]\n"
                 "    data_path=data\n"
                 "    enable_cache=true\n"
                 "    ; bytes of a page of keys, 0: none. Never change it on existing data\n"
                 "    key_page_size=%u\n"
                 "    pd_ssl_ca_path=\n"
                 "    pd_ssl_cert_path=\n"
                 "    pd_ssl_key_path=\n"
                 "    enable_archive=false\n"
                 "    archive_ip=127.0.0.1\n"
                 "    archive_port=\n"
                 "    ; two databases instead of one. Never change it on existing data\n"
                 "    ;enable_separate_block_state=false\n"
                 "    ;sync_archived_blocks=false\n"
                 "\n"
                 "[txpool]\n"
                 "    ; transactions kept at most\n"
                 "    limit=15000\n"
                 "    notify_worker_num=2\n"
                 "    ; default: one for each core\n"
                 "    ;verify_worker_num=2\n"
                 "    ; seconds\n"
                 "    txs_expiration_time = 600\n"
                 "    enable_txs_from_free_node = false\n"
                 "\n"
                 "[sync]\n"
                 "    ; trees spare bandwidth where there are many nodes\n"
                 "    send_txs_by_tree=false\n"
                 "    sync_block_by_tree=false\n"
                 "    tree_width=3\n"
                 "\n",
                 c->key_page_size);
}

static void put_limits(bc_wr_t *w, const bc_chain_node_conf_t *c)
{
    bc_wr_printf(w,
                 "[redis]\n"
                 "    ; read only with enable_distributed_ratelimit\n"
                 "    ;server_ip=127.0.0.1\n"
                 "    ;server_port=6379\n"
                 "    ;request_timeout=3000\n"
                 "    ;connection_pool_size=16\n"
                 "    ;password=\n"
                 "    ;db=0\n"
                 "\n"
                 "[flow_control]\n"
                 "    ; master switch, default: false\n"
                 "    ; enable=true\n"
                 "    ; seconds of the token window, default: 1\n"
                 "    ; time_window_sec=1\n"
                 "    ; ms between reports, default: 60000\n"
                 "    ; stat_reporter_interval=60000\n"
                 "    ; limits of groups and modules shared with others over [redis], default: false\n"
                 "    ; enable_distributed_ratelimit=false\n"
                 "    ; permits taken from Redis in portions, percent of a window's\n"
                 "    ; enable_distributed_ratelimit_cache=true\n"
                 "    ; distributed_ratelimit_cache_percent=20\n"
                 "    ; modules_without_bw_limit=raft,pbft,cons_txs_sync,txs_sync\n"
                 "    ; outgoing_allow_exceed_max_permit=false\n"
                 "    ; Mbit/s, decimals allowed\n"
                 "    ; total_outgoing_bw_limit=10\n"
                 "    ; conn_outgoing_bw_limit=2\n"
                 "    ; conn_outgoing_bw_limit_192.108.0.1=3\n"
                 "    ; group_outgoing_bw_limit=2\n"
                 "    ; group_outgoing_bw_limit_group0=2\n"
                 "    ; messages a second\n"
                 "    ; incoming_p2p_basic_msg_type_list=\n"
                 "    ; incoming_p2p_basic_msg_type_qps_limit=-1\n"
                 "    ; incoming_module_msg_type_qps_limit=-1\n"
                 "    ; incoming_module_qps_limit_1000=1000\n"
                 "\n"
                 "[log]\n"
                 "    enable=true\n"
                 "    ; standard output instead of files\n"
                 "    enable_console_output = false\n"
                 "    log_path=./log\n"
                 "    ; trace, debug, info, warning, error; SIGUSR2 reads it again\n"
                 "    level=%s\n"
                 "    ; MB\n"
                 "    max_log_file_size=1024\n"
                 "    ;enable_rotate_by_hour=true\n"
                 "    enable_rate_collector=false\n",
                 c->log_level);
}

void bc_chain_put_config_ini(bc_wr_t *w, const bc_chain_node_conf_t *c)
{
    put_network(w, c);
    put_keys(w, c);
    put_chain(w, c);
    put_limits(w, c);
}

void bc_chain_put_genesis(bc_wr_t *w, const bc_chain_genesis_conf_t *c)
{
    bc_wr_printf(w,
                 "; Equal on all nodes of the chain. Nothing here may change after the first start.\n"
                 "[chain]\n"
                 "    ; SM2, SM3 and SM4 instead of secp256k1, keccak and AES\n"
                 "    sm_crypto=%s\n"
                 "    group_id=%s\n"
                 "    chain_id=%s\n"
                 "\n"
                 "[web3]\n"
                 "    chain_id=%u\n"
                 "\n"
                 "[consensus]\n"
                 "    ; pbft or rpbft\n"
                 "    consensus_type=%s\n"
                 "    ; transactions of a block at most\n"
                 "    block_tx_count_limit=1000\n"
                 "    ; ms\n"
                 "    consensus_timeout=3000\n"
                 "    ; blocks that a leader makes in a row\n"
                 "    leader_period=1\n"
                 "    ; rpbft: working sealers, blocks between rotations\n"
                 "    epoch_sealer_num=4\n"
                 "    epoch_block_num=1000\n"
                 "    ; node id: weight\n",
                 flag(c->sm_crypto), c->group_id, c->chain_id, c->web3_chain_id, c->consensus_type);
    for (size_t i = 0; i < c->node_cnt; i++)
        bc_wr_printf(w, "    node.%zu=%s: 1\n", i, c->node_ids[i]);
    bc_wr_printf(w,
                 "\n"
                 "[version]\n"
                 "    ; raised later by setSystemConfig, never here\n"
                 "    compatibility_version=%s\n"
                 "\n"
                 "[tx]\n"
                 "    gas_limit=3000000000\n"
                 "\n"
                 "[executor]\n"
                 "    is_wasm=false\n"
                 "    is_auth_check=%s\n"
                 "    auth_admin_account=%s\n"
                 "    is_serial_execute=%s\n"
                 "    version=%u\n",
                 c->compatibility_version, flag(c->auth_check), c->admin, flag(c->serial),
                 c->executor_version);
}

/* A node's process is the one whose first word is "<its directory>/../fisco-bcos"; official tools
 * look for the same text with ps, which a small system may lack: so /proc is read. */
#define FIND_NODE                                                                                  \
    "#!/bin/bash\n"                                                                                \
    "dir=$(cd \"$(dirname \"$0\")\" && pwd) || exit 1\n"                                           \
    "node=$(basename \"$dir\")\n"                                                                  \
    "program=$dir/../fisco-bcos\n"                                                                 \
    "\n"                                                                                           \
    "find_pid() {\n"                                                                               \
    "    local p word\n"                                                                           \
    "    for p in /proc/[0-9]*; do\n"                                                              \
    "        word=\n"                                                                              \
    "        { IFS= read -r -d '' word <\"$p/cmdline\"; } 2>/dev/null\n"                           \
    "        if [ \"$word\" = \"$program\" ]; then\n"                                              \
    "            echo \"${p#/proc/}\"\n"                                                           \
    "            return\n"                                                                         \
    "        fi\n"                                                                                 \
    "    done\n"                                                                                   \
    "}\n"                                                                                          \
    "\n"                                                                                           \
    "pid=$(find_pid)\n"

static const char start_sh[] =
    FIND_NODE
    "# A running node is told to read nodes.json (USR1) and its log level (USR2) again.\n"
    "if [ -n \"$pid\" ]; then\n"
    "    kill -USR1 \"$pid\"\n"
    "    sleep 0.2\n"
    "    kill -USR2 \"$pid\"\n"
    "    echo \" $node is running, pid is $pid.\"\n"
    "    exit 0\n"
    "fi\n"
    "cd \"$dir\" || exit 1\n"
    "ulimit -n \"$(ulimit -Hn)\" 2>/dev/null\n"
    "[ -f nohup.out ] || : >nohup.out\n"
    "lines=$(wc -l <nohup.out)\n"
    "nohup \"$program\" -c config.ini -g config.genesis >>nohup.out 2>&1 </dev/null &\n"
    "child=$!\n"
    "for _ in $(seq 100); do\n"
    "    if ! kill -0 \"$child\" 2>/dev/null; then\n"
    "        break\n"
    "    fi\n"
    "    if tail -n +$((lines + 1)) nohup.out | grep -q running; then\n"
    "        echo \" $node start successfully pid=$child\"\n"
    "        exit 0\n"
    "    fi\n"
    "    sleep 0.1\n"
    "done\n"
    "echo \" $node did not start:\" >&2\n"
    "tail -n 20 nohup.out >&2\n"
    "exit 1\n";

static const char stop_sh[] =
    FIND_NODE
    "if [ -z \"$pid\" ]; then\n"
    "    echo \" $node isn't running.\"\n"
    "    exit 0\n"
    "fi\n"
    "kill \"$pid\"\n"
    "for _ in $(seq 200); do\n"
    "    # a zombie whose parent does not care has stopped too\n"
    "    if ! kill -0 \"$pid\" 2>/dev/null || grep -q '^State:.Z' \"/proc/$pid/status\" 2>/dev/null; then\n"
    "        echo \" stop $node success.\"\n"
    "        exit 0\n"
    "    fi\n"
    "    sleep 0.1\n"
    "done\n"
    "echo \" $node (pid $pid) has not stopped after 20 s\" >&2\n"
    "exit 1\n";

#define ALL_SH(verb)                                                                               \
    "#!/bin/bash\n"                                                                                \
    "cd \"$(dirname \"$0\")\" || exit 1\n"                                                         \
    "jobs=()\n"                                                                                    \
    "for dir in */; do\n"                                                                          \
    "    dir=${dir%/}\n"                                                                           \
    "    if [ -f \"$dir/config.ini\" ] && [ -f \"$dir/" verb ".sh\" ]; then\n"                     \
    "        echo \"try to " verb " $dir\"\n"                                                      \
    "        bash \"$PWD/$dir/" verb ".sh\" &\n"                                                   \
    "        jobs+=($!)\n"                                                                         \
    "    fi\n"                                                                                     \
    "done\n"                                                                                       \
    "code=0\n"                                                                                     \
    "for job in \"${jobs[@]}\"; do wait \"$job\" || code=1; done\n"                                \
    "exit $code\n"

static const char start_all_sh[] = ALL_SH("start");
static const char stop_all_sh[] = ALL_SH("stop");

bc_err_t bc_chain_write_node_scripts(const char *node_dir)
{
    bc_err_t err = bc_file_write(bc_path("%s/start.sh", node_dir).s, bc_cstr(start_sh), 0755);
    if (!err)
        err = bc_file_write(bc_path("%s/stop.sh", node_dir).s, bc_cstr(stop_sh), 0755);
    return err;
}

bc_err_t bc_chain_write_host_scripts(const char *host_dir)
{
    bc_err_t err =
        bc_file_write(bc_path("%s/start_all.sh", host_dir).s, bc_cstr(start_all_sh), 0755);
    if (!err)
        err = bc_file_write(bc_path("%s/stop_all.sh", host_dir).s, bc_cstr(stop_all_sh), 0755);
    return err;
}
