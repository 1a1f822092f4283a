/* Opcode numbers that helpers need by name. */
#ifndef BC_COMPUTING_EVM_OPCODES_H
#define BC_COMPUTING_EVM_OPCODES_H

enum {
    OP_ADDRESS = 0x30,
    OP_BALANCE = 0x31,
    OP_ORIGIN = 0x32,
    OP_CALLER = 0x33,
    OP_CALLDATACOPY = 0x37,
    OP_CODECOPY = 0x39,
    OP_GASPRICE = 0x3a,
    OP_EXTCODESIZE = 0x3b,
    OP_RETURNDATACOPY = 0x3e,
    OP_EXTCODEHASH = 0x3f,
    OP_COINBASE = 0x41,
    OP_TIMESTAMP = 0x42,
    OP_NUMBER = 0x43,
    OP_PREVRANDAO = 0x44,
    OP_GASLIMIT = 0x45,
    OP_CHAINID = 0x46,
    OP_SELFBALANCE = 0x47,
    OP_BASEFEE = 0x48,
    OP_BLOBHASH = 0x49,
    OP_BLOBBASEFEE = 0x4a,
    OP_CREATE = 0xf0,
    OP_CALL = 0xf1,
    OP_CALLCODE = 0xf2,
    OP_DELEGATECALL = 0xf4,
    OP_CREATE2 = 0xf5,
    OP_STATICCALL = 0xfa,
};

/* Sequences that the analysis finds (evm_code.c) and the dispatch loop runs as one instruction.
 * Their numbers are bytes that no revision defines; the first byte of a sequence is replaced by its
 * number, the others stay. Undefined bytes of a contract all become FUSED_NONE. */
enum {
    FUSED_NONE = 0xc0,
    FUSED_PUSH2_JUMP, /* these three: to a JUMPDEST */
    FUSED_PUSH2_JUMPI,
    FUSED_ISZERO_PUSH2_JUMPI,
    FUSED_POP_POP,
    FUSED_POP_JUMP,
    FUSED_SWAP1_POP,
    FUSED_SWAP2_POP,
    FUSED_SWAP3_SWAP2_POP_POP_JUMP, /* a Solidity function returns */
    FUSED_PUSH1_ADD,
    FUSED_PUSH1_MLOAD,
    FUSED_DUP2_MSTORE,
    FUSED_DUP2_ADD,
    FUSED_DUP2_SUB,
    FUSED_DUP2_LT,
    FUSED_DUP2_GT,
    FUSED_DUP3_ADD,
    FUSED_DUP3_MUL,
    FUSED_DUP3_LT,
    FUSED_DUP3_GT,
    FUSED_LT_ISZERO,
    FUSED_GT_ISZERO,
    FUSED_END
};

#endif
