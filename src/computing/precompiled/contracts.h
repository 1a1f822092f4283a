/* The tables of every system contract; registry.c lists them. */
#ifndef BC_COMPUTING_PRECOMPILED_CONTRACTS_H
#define BC_COMPUTING_PRECOMPILED_CONTRACTS_H

#include "computing/precompiled/contract.h"

extern const bc_pc_contract_t bc_pc_system_config, bc_pc_table, bc_pc_table_manager,
    bc_pc_consensus, bc_pc_kv_table, bc_pc_bfs, bc_pc_auth, bc_pc_contract_auth,
    bc_pc_account_manager, bc_pc_account, bc_pc_balance, bc_pc_crypto, bc_pc_cast,
    bc_pc_dag_transfer, bc_pc_sharding, bc_pc_paillier, bc_pc_group_sig, bc_pc_ring_sig, bc_pc_zkp,
    bc_pc_cpu_heavy, bc_pc_small_bank;

#endif
