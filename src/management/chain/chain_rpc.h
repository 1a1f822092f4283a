/* A node's directory as a client sees it, and blocking JSON-RPC calls to its SDK port. */
#ifndef BC_MANAGEMENT_CHAIN_RPC_H
#define BC_MANAGEMENT_CHAIN_RPC_H

#include <cjson/cJSON.h>
#include <curl/curl.h>

#include "crypto/suite.h"
#include "management/chain/chain_io.h"

typedef struct {
    bc_path_t dir;     /* nodes/<ip>/nodeN */
    bc_path_t sdk_dir; /* nodes/<ip>/sdk */
    char name[64];     /* nodeN */
    char host[64];     /* address to connect to: 127.0.0.1 where the node listens on all */
    unsigned p2p_port, rpc_port, web3_port;
    bool rpc_ssl, web3;
    bool p2p_sm, rpc_sm; /* national-crypto TLS; rpc_sm counts only with rpc_ssl */
    char monitor_host[64]; /* "": no metrics */
    unsigned monitor_port;
    bc_path_t data_dir;
    bc_suite_t suite;
    char chain[129], group[129];
} bc_chain_node_t;

/* Reads config.ini and config.genesis of a node directory. */
bc_err_t bc_chain_node_load(const char *dir, bc_chain_node_t *node) BC_WARN_UNUSED;
/* All nodes below dir: dir/<host>/nodeN and dir/nodeN, by host and number. *nodes is the caller's
 * to free. BC_E_NOT_FOUND, told on stderr, when there is none. */
bc_err_t bc_chain_nodes(const char *dir, bc_chain_node_t **nodes, size_t *cnt) BC_WARN_UNUSED;

/* Runs one script of each node (start.sh, stop.sh), all at once; false when any fails. */
bool bc_chain_run_scripts(const bc_chain_node_t *nodes, size_t cnt, const char *script);

typedef struct {
    CURL *curl;
    const bc_chain_node_t *node;
    char why[256]; /* of the last failure */
    bool timed_out; /* that was: no answer in time */
} bc_chain_rpc_t;
bc_err_t bc_chain_rpc_open(bc_chain_rpc_t *rpc, const bc_chain_node_t *node) BC_WARN_UNUSED;
void bc_chain_rpc_close(bc_chain_rpc_t *rpc);
/* The result member, the caller's to cJSON_Delete; NULL with rpc->why set. params: JSON text of what
 * follows the group, as "\"\",0,true". At most 5 s. */
cJSON *bc_chain_rpc_call(bc_chain_rpc_t *rpc, const char *method, const char *params);
/* A call without further parameters that answers with a number. */
bool bc_chain_rpc_number(bc_chain_rpc_t *rpc, const char *method, long long *out);
/* The value of one metric of the node; false when it has no monitor port or does not answer. */
bool bc_chain_metric(const bc_chain_node_t *node, const char *name, long long *out);

#endif
