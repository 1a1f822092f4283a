/* Texts of a node's directory: the sections, keys and values that build_chain.sh writes
 * (spec/50 §2 and §5.1), with comments of our own. */
#ifndef BC_MANAGEMENT_CHAIN_FILES_H
#define BC_MANAGEMENT_CHAIN_FILES_H

#include "base/buf.h"

typedef struct {
    const char *listen_ip;
    unsigned p2p_port, rpc_port, web3_port, monitor_port;
    const char *log_level;
    unsigned key_page_size;
    bool sm_links; /* national-crypto TLS on both ports, and its certificates */
} bc_chain_node_conf_t;

typedef struct {
    bool sm_crypto;
    const char *group_id, *chain_id;
    unsigned web3_chain_id;
    const char *consensus_type; /* pbft, rpbft */
    const char *compatibility_version;
    bool auth_check;
    const char *admin; /* 0x and 40 hex digits */
    bool serial;
    unsigned executor_version;
    const char *const *node_ids; /* 128 hex digits each */
    size_t node_cnt;
} bc_chain_genesis_conf_t;

void bc_chain_put_config_ini(bc_wr_t *w, const bc_chain_node_conf_t *c);
void bc_chain_put_genesis(bc_wr_t *w, const bc_chain_genesis_conf_t *c);

/* Writes start.sh and stop.sh of a node, start_all.sh and stop_all.sh of a host. */
bc_err_t bc_chain_write_node_scripts(const char *node_dir) BC_WARN_UNUSED;
bc_err_t bc_chain_write_host_scripts(const char *host_dir) BC_WARN_UNUSED;

#endif
