/* Zero-knowledge proofs 5100 (spec/40 §4.6): arguments to crypto/zkp.h and a truth value back. */
#include "crypto/zkp.h"

#include "computing/precompiled/contracts.h"

static bc_pc_end_t arguments(bc_pc_t *pc)
{
    pc->mem = pc->params.n;
    return BC_PC_OK;
}

/* A handler: decodes type and answers whether `holds`, which sees the arguments as a[i].s. */
#define PROOF(name, type, holds)                                                                   \
    static bc_pc_end_t name(bc_pc_t *pc)                                                           \
    {                                                                                              \
        const bc_abi_val_t *a = bc_pc_args(pc, type);                                              \
        return a ? bc_pc_ret_int(pc, holds) : BC_PC_INTERNAL;                                      \
    }
PROOF(either_equality, "(bytes,bytes,bytes,bytes,bytes,bytes)",
      bc_zkp_either_equality(a[0].s, a[1].s, a[2].s, a[3].s, a[4].s, a[5].s))
PROOF(knowledge, "(bytes,bytes,bytes,bytes)", bc_zkp_knowledge(a[0].s, a[1].s, a[2].s, a[3].s))
PROOF(format, "(bytes,bytes,bytes,bytes,bytes,bytes)",
      bc_zkp_format(a[0].s, a[1].s, a[2].s, a[3].s, a[4].s, a[5].s))
PROOF(sum, "(bytes,bytes,bytes,bytes,bytes,bytes)",
      bc_zkp_sum(a[0].s, a[1].s, a[2].s, a[3].s, a[4].s, a[5].s))
PROOF(product, "(bytes,bytes,bytes,bytes,bytes,bytes)",
      bc_zkp_product(a[0].s, a[1].s, a[2].s, a[3].s, a[4].s, a[5].s))
PROOF(equality, "(bytes,bytes,bytes,bytes,bytes)",
      bc_zkp_equality(a[0].s, a[1].s, a[2].s, a[3].s, a[4].s))

static bc_pc_end_t aggregate(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(bytes,bytes)");
    if (!a)
        return BC_PC_INTERNAL;
    uint8_t sum[32];
    bool ok = !a[1].s.n || bc_zkp_aggregate(a[0].s, a[1].s, sum);
    bc_bytes_t out = !ok        ? (bc_bytes_t){ 0 }
                     : a[1].s.n ? bc_bytes(sum, 32)
                                : a[0].s; /* nothing to add */
    return bc_pc_ret(pc, "(int256,bytes)",
                     (bc_abi_val_t[]){ bc_abi_i64(ok ? 0 : -1), bc_abi_bytes(out) }, 2);
}

static const bc_pc_function_t functions[] = {
    { "verifyEitherEqualityProof(bytes,bytes,bytes,bytes,bytes,bytes)", either_equality },
    { "verifyKnowledgeProof(bytes,bytes,bytes,bytes)", knowledge },
    { "verifyFormatProof(bytes,bytes,bytes,bytes,bytes,bytes)", format },
    { "verifySumProof(bytes,bytes,bytes,bytes,bytes,bytes)", sum },
    { "verifyProductProof(bytes, bytes, bytes, bytes, bytes, bytes)", product },
    { "verifyEqualityProof(bytes,bytes,bytes,bytes,bytes)", equality },
    { "aggregatePoint(bytes,bytes)", aggregate },
};

const bc_pc_contract_t bc_pc_zkp = {
    .number = BC_SYS_ZKP,
    .name = "ZkpPrecompiled",
    .gate = BC_GATE_NONE,
    .priced = true,
    .functions = functions,
    .function_cnt = BC_ARRAY_LEN(functions),
    .before = arguments,
};
