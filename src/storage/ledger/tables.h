/* Names of the system tables and of the rows of s_current_state (spec/10 §5.1). */
#ifndef BC_STORAGE_LEDGER_TABLES_H
#define BC_STORAGE_LEDGER_TABLES_H

#include "base/types.h"

#define T_TABLES   BC_STR("s_tables")
#define T_CONFIG   BC_STR("s_config")
#define T_NODES    BC_STR("s_consensus")
#define T_CURRENT  BC_STR("s_current_state")
#define T_N2HASH   BC_STR("s_number_2_hash")
#define T_HASH2N   BC_STR("s_hash_2_number")
#define T_N2HEADER BC_STR("s_number_2_header")
#define T_N2TXS    BC_STR("s_number_2_txs")
#define T_TX       BC_STR("s_hash_2_tx")
#define T_RECEIPT  BC_STR("s_hash_2_receipt")
#define T_NONCES   BC_STR("s_block_number_2_nonces")
#define T_CODE     BC_STR("s_code_binary")
#define T_ABI      BC_STR("s_contract_abi")

#define K_NUMBER   BC_STR("current_number")
#define K_TXS      BC_STR("total_transaction_count")
#define K_FAILED   BC_STR("total_failed_transaction_count")
#define K_ARCHIVED BC_STR("archived_block_number")

#endif
