/* Numbers and names that the chain and its clients see: transaction status, versions, feature
 * flags, module ids. They are consensus data: never renumber. */
#ifndef BC_PROTOCOL_STATUS_H
#define BC_PROTOCOL_STATUS_H

#include <stdint.h>

/* spec/40 §2.6 (below 10000: receipts), spec/30 §1.2 (10000 on: pool) */
typedef enum {
    BC_TXS_NONE = 0,
    BC_TXS_UNKNOWN = 1,
    BC_TXS_OUT_OF_GAS_LIMIT = 2,
    BC_TXS_NOT_ENOUGH_CASH = 7,
    BC_TXS_BAD_INSTRUCTION = 10,
    BC_TXS_BAD_JUMP = 11,
    BC_TXS_OUT_OF_GAS = 12,
    BC_TXS_OUT_OF_STACK = 13,
    BC_TXS_STACK_UNDERFLOW = 14,
    BC_TXS_PRECOMPILED_ERROR = 15,
    BC_TXS_REVERT = 16,
    BC_TXS_ADDRESS_USED = 17,
    BC_TXS_PERMISSION_DENIED = 18,
    BC_TXS_CALL_ADDRESS_ERROR = 19,
    BC_TXS_GAS_OVERFLOW = 20,
    BC_TXS_CONTRACT_FROZEN = 21,
    BC_TXS_ACCOUNT_FROZEN = 22,
    BC_TXS_ACCOUNT_ABOLISHED = 23,
    BC_TXS_CONTRACT_ABOLISHED = 24,
    BC_TXS_NONCE_CHECK_FAIL = 10000,
    BC_TXS_BLOCK_LIMIT_CHECK_FAIL = 10001,
    BC_TXS_POOL_FULL = 10002,
    BC_TXS_MALFORM = 10003,
    BC_TXS_ALREADY_IN_POOL = 10004,
    BC_TXS_ALREADY_IN_CHAIN = 10005,
    BC_TXS_INVALID_CHAIN_ID = 10006,
    BC_TXS_INVALID_GROUP_ID = 10007,
    BC_TXS_INVALID_SIGNATURE = 10008,
    BC_TXS_NOT_BELONG_TO_GROUP = 10009,
    BC_TXS_POOL_TIMEOUT = 10010,
    BC_TXS_ALREADY_IN_POOL_AND_ACCEPT = 10011,
    BC_TXS_OVERFLOW_VALUE = 10012,
    BC_TXS_MAX_INIT_CODE = 10013,
    BC_TXS_SENDER_NO_EOA = 10014,
    BC_TXS_INSUFFICIENT_FUNDS = 10015,
} bc_tx_status_t;

/* The official enum name ("NonceCheckFail"; 10003 is "MalformTx"; unknown "Unknown"). */
const char *bc_tx_status_name(int32_t status);

/* Versions are 0xMMmmpp00. */
#define BC_VERSION_3_16_0 0x03100000u
#define BC_VERSION_MAX    0x03100400u

enum { /* front module ids */
    BC_MODULE_PBFT = 1000,
    BC_MODULE_BLOCK_SYNC = 2000,
    BC_MODULE_TXS_SYNC = 2001,
    BC_MODULE_CONS_TXS_SYNC = 2002,
    BC_MODULE_AMOP = 3000,
    BC_MODULE_SYNC_PUSH_TX = 5000,
    BC_MODULE_SYNC_GET_TXS = 5001,
    BC_MODULE_TREE_PUSH_TX = 6000,
};

enum { /* node type bits of broadcasts */
    BC_NODE_CONSENSUS = 2,
    BC_NODE_OBSERVER = 4,
    BC_NODE_FREE = 8,
    BC_NODE_LIGHT = 32,
};

#endif
