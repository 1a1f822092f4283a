/* Inside of Air: air.c (options, life, signals), air_parts.c (making the parts). */
#ifndef BC_APPS_AIR_IMPL_H
#define BC_APPS_AIR_IMPL_H

#include <pthread.h>
#include "access/gateway/gateway.h"
#include "access/rpc/archive.h"
#include "access/rpc/service.h"
#include "air/air.h"
#include "computing/executor/executor.h"
#include "management/nodeconf/nodeconf.h"
#include "node/host.h"
#include "storage/ledger/ledger.h"

#define BADGES "[INITIALIZER]"

typedef struct {
    const char *config_path, *genesis_path;
    bc_node_config_t *node;
    bc_chain_config_t chain;
    bc_keypair_t key;
    bool have_chain, have_key;
    bc_kv_if kv, block_kv, consensus_kv;
    bc_executor_t *executor;
    bc_ledger_t *ledger;
    bc_host_t *host;
    bc_uv_loop_t *p2p_loop, *rpc_loop;
    bc_gateway_t *gateway;
    bc_rpc_service_t *rpc;
    pthread_mutex_t rpc_lock; /* the core's thread tells rpc of blocks; NULL once it is going */
    bc_http_server_t *monitor;
    bc_archive_service_t *archive;
    bool p2p_running, rpc_running;
    char why[1024]; /* what stopped the start */
} air_t;

/* Each prints nothing, and fills why on failure. */
bool air_load(air_t *a);     /* both configuration files, the key */
bool air_storage(air_t *a);  /* stores, executor, ledger with block 0 */
bool air_access(air_t *a);   /* gateway, RPC, metrics */
void air_reload_peers(air_t *a);
void air_reload_log_level(air_t *a);
void air_free(air_t *a);

#endif
