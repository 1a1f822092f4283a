#include "protocol/status.h"

/* Names of the official enum (bcos-protocol/TransactionStatus.h: operator<<). */
const char *bc_tx_status_name(int32_t status)
{
    switch (status) {
    case BC_TXS_NONE:
        return "None";
    case BC_TXS_OUT_OF_GAS_LIMIT:
        return "OutOfGasLimit";
    case BC_TXS_NOT_ENOUGH_CASH:
        return "NotEnoughCash";
    case BC_TXS_BAD_INSTRUCTION:
        return "BadInstruction";
    case BC_TXS_BAD_JUMP:
        return "BadJumpDestination";
    case BC_TXS_OUT_OF_GAS:
        return "OutOfGas";
    case BC_TXS_OUT_OF_STACK:
        return "OutOfStack";
    case BC_TXS_STACK_UNDERFLOW:
        return "StackUnderflow";
    case BC_TXS_PRECOMPILED_ERROR:
        return "PrecompiledError";
    case BC_TXS_REVERT:
        return "RevertInstruction";
    case BC_TXS_ADDRESS_USED:
        return "ContractAddressAlreadyUsed";
    case BC_TXS_PERMISSION_DENIED:
        return "PermissionDenied";
    case BC_TXS_CALL_ADDRESS_ERROR:
        return "CallAddressError";
    case BC_TXS_GAS_OVERFLOW:
        return "GasOverflow";
    case BC_TXS_CONTRACT_FROZEN:
        return "ContractFrozen";
    case BC_TXS_ACCOUNT_FROZEN:
        return "AccountFrozen";
    case BC_TXS_ACCOUNT_ABOLISHED:
        return "AccountAbolished";
    case BC_TXS_CONTRACT_ABOLISHED:
        return "ContractAbolished";
    case BC_TXS_NONCE_CHECK_FAIL:
        return "NonceCheckFail";
    case BC_TXS_BLOCK_LIMIT_CHECK_FAIL:
        return "BlockLimitCheckFail";
    case BC_TXS_POOL_FULL:
        return "TxPoolIsFull";
    case BC_TXS_MALFORM:
        return "MalformTx";
    case BC_TXS_ALREADY_IN_POOL:
        return "AlreadyInTxPool";
    case BC_TXS_ALREADY_IN_CHAIN:
        return "TxAlreadyInChain";
    case BC_TXS_INVALID_CHAIN_ID:
        return "InvalidChainId";
    case BC_TXS_INVALID_GROUP_ID:
        return "InvalidGroupId";
    case BC_TXS_INVALID_SIGNATURE:
        return "InvalidSignature";
    case BC_TXS_NOT_BELONG_TO_GROUP:
        return "RequestNotBelongToTheGroup";
    case BC_TXS_POOL_TIMEOUT:
        return "TransactionPoolTimeout";
    case BC_TXS_ALREADY_IN_POOL_AND_ACCEPT:
        return "AlreadyInTxPoolAndAccept";
    case BC_TXS_OVERFLOW_VALUE:
        return "OverFlowValue";
    case BC_TXS_MAX_INIT_CODE:
        return "MaxInitCodeSizeExceeded";
    case BC_TXS_SENDER_NO_EOA:
        return "SenderNoEOA";
    case BC_TXS_INSUFFICIENT_FUNDS:
        return "InsufficientFunds";
    default:
        return "Unknown";
    }
}
