/* What config.genesis says, as values: the identity of a chain. Read by management/nodeconf,
 * used by ledger (genesis rows), executor, consensus and access. spec/10 §5.2, spec/50 §2.3. */
#ifndef BC_IFACE_CHAIN_CONFIG_H
#define BC_IFACE_CHAIN_CONFIG_H

#include "crypto/suite.h"

typedef struct {
    char id[129]; /* 128 lower-case hex, NUL */
    uint64_t vote_weight, term_weight;
} bc_genesis_node_t;

typedef struct {
    char name[64];
    bool on;
} bc_genesis_feature_t;

typedef struct {
    bc_suite_t suite;
    char group_id[129], chain_id[129];
    uint32_t block_limit;
    char web3_chain_id[24]; /* decimal text */
    bool rpbft;             /* consensus_type */
    uint64_t block_tx_count_limit, leader_period, epoch_sealer_num, epoch_block_num;
    uint32_t version;       /* compatibility_version, 0xMMmmpp00 */
    int64_t gas_limit;
    bool is_wasm, is_auth_check, is_serial_execute;
    char auth_admin[129];   /* as written */
    uint32_t executor_version;
    size_t feature_cnt;
    bc_genesis_feature_t features[64]; /* file order */
    size_t node_cnt;
    bc_genesis_node_t *nodes; /* sorted bytewise by id; owned */
} bc_chain_config_t;

#endif
