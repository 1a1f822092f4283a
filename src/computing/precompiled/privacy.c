/* Paillier 5003, group and ring signatures 5004, 5005, zero-knowledge proofs 5100 (spec/40 §4.6).
 * The official node calls external libraries that this node does not have: nothing verifies here,
 * so the answers are those for a bad cipher, signature or proof. */
#include "computing/precompiled/contracts.h"

enum { CODE_CIPHERS = -51600, CODE_GROUP_SIG = -51700, CODE_RING_SIG = -51800 };

static bc_pc_end_t answer_only(bc_pc_t *pc)
{
    pc->mem = 0; /* only the answer is charged */
    return BC_PC_OK;
}

static bc_pc_end_t arguments(bc_pc_t *pc)
{
    pc->mem = pc->params.n;
    return BC_PC_OK;
}

static bc_pc_end_t ret_false(bc_pc_t *pc, int code)
{
    bc_pc_ret_int(pc, code);
    return bc_pc_ret_int(pc, 0);
}

static bc_pc_end_t unknown(bc_pc_t *pc)
{
    return ret_false(pc, BC_PC_UNKNOWN_FUNCTION);
}

static bc_pc_end_t paillier_add(bc_pc_t *pc)
{
    return bc_pc_ret_int(pc, CODE_CIPHERS);
}

static bc_pc_end_t paillier_add_raw(bc_pc_t *pc)
{
    return bc_pc_flag(pc, BC_F_feature_paillier_add_raw) ? paillier_add(pc) : unknown(pc);
}

static bc_pc_end_t group_sig(bc_pc_t *pc)
{
    pc->ops += BC_PC_GAS_VERIFY;
    return ret_false(pc, CODE_GROUP_SIG);
}

static bc_pc_end_t ring_sig(bc_pc_t *pc)
{
    pc->ops += BC_PC_GAS_VERIFY;
    return ret_false(pc, CODE_RING_SIG);
}

static bc_pc_end_t no_proof(bc_pc_t *pc)
{
    return bc_pc_ret_int(pc, 0);
}

static bc_pc_end_t no_point(bc_pc_t *pc)
{
    return bc_pc_ret(pc, "(int256,bytes)", (bc_abi_val_t[]){ bc_abi_i64(-1), bc_abi_bytes((bc_bytes_t){ 0 }) }, 2);
}

static const bc_pc_function_t paillier_functions[] = {
    { "paillierAdd(string,string)", paillier_add },
    { "paillierAdd(bytes,bytes)", paillier_add_raw },
};
static const bc_pc_function_t group_functions[] = {
    { "groupSigVerify(string,string,string,string)", group_sig },
};
static const bc_pc_function_t ring_functions[] = {
    { "ringSigVerify(string,string,string)", ring_sig },
};
static const bc_pc_function_t zkp_functions[] = {
    { "verifyEitherEqualityProof(bytes,bytes,bytes,bytes,bytes,bytes)", no_proof },
    { "verifyKnowledgeProof(bytes,bytes,bytes,bytes)", no_proof },
    { "verifyFormatProof(bytes,bytes,bytes,bytes,bytes,bytes)", no_proof },
    { "verifySumProof(bytes,bytes,bytes,bytes,bytes,bytes)", no_proof },
    { "verifyProductProof(bytes, bytes, bytes, bytes, bytes, bytes)", no_proof },
    { "verifyEqualityProof(bytes,bytes,bytes,bytes,bytes)", no_proof },
    { "aggregatePoint(bytes,bytes)", no_point },
};

const bc_pc_contract_t bc_pc_paillier = {
    .number = BC_SYS_PAILLIER,
    .name = "PaillierPrecompiled",
    .gate = BC_GATE_NONE,
    .priced = true,
    .functions = paillier_functions,
    .function_cnt = BC_ARRAY_LEN(paillier_functions),
    .before = answer_only,
    .unknown = unknown,
};

const bc_pc_contract_t bc_pc_group_sig = {
    .number = BC_SYS_GROUP_SIG,
    .name = "GroupSigPrecompiled",
    .gate = BC_GATE_NONE,
    .priced = true,
    .functions = group_functions,
    .function_cnt = BC_ARRAY_LEN(group_functions),
    .before = answer_only,
    .unknown = unknown,
};

const bc_pc_contract_t bc_pc_ring_sig = {
    .number = BC_SYS_RING_SIG,
    .name = "RingSigPrecompiled",
    .gate = BC_GATE_NONE,
    .priced = true,
    .functions = ring_functions,
    .function_cnt = BC_ARRAY_LEN(ring_functions),
    .before = answer_only,
    .unknown = unknown,
};

const bc_pc_contract_t bc_pc_zkp = {
    .number = BC_SYS_ZKP,
    .name = "ZkpPrecompiled",
    .gate = BC_GATE_NONE,
    .priced = true,
    .functions = zkp_functions,
    .function_cnt = BC_ARRAY_LEN(zkp_functions),
    .before = arguments,
};
