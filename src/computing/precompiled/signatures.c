/* Group and ring signatures 5004, 5005 (spec/40 §4.6). The official node calls a library over type
 * A pairings that no package has: nothing verifies here, so the answers are those for a bad
 * signature. */
#include "computing/precompiled/contracts.h"

enum { CODE_GROUP_SIG = -51700, CODE_RING_SIG = -51800 };

static bc_pc_end_t ret_false(bc_pc_t *pc, int code)
{
    bc_pc_ret_int(pc, code);
    return bc_pc_ret_int(pc, 0);
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

static const bc_pc_function_t group_functions[] = {
    { "groupSigVerify(string,string,string,string)", group_sig },
};
static const bc_pc_function_t ring_functions[] = {
    { "ringSigVerify(string,string,string)", ring_sig },
};

const bc_pc_contract_t bc_pc_group_sig = {
    .number = BC_SYS_GROUP_SIG,
    .name = "GroupSigPrecompiled",
    .gate = BC_GATE_NONE,
    .priced = true,
    .functions = group_functions,
    .function_cnt = BC_ARRAY_LEN(group_functions),
    .before = bc_pc_price_answer,
    .unknown = bc_pc_unknown_false,
};

const bc_pc_contract_t bc_pc_ring_sig = {
    .number = BC_SYS_RING_SIG,
    .name = "RingSigPrecompiled",
    .gate = BC_GATE_NONE,
    .priced = true,
    .functions = ring_functions,
    .function_cnt = BC_ARRAY_LEN(ring_functions),
    .before = bc_pc_price_answer,
    .unknown = bc_pc_unknown_false,
};
