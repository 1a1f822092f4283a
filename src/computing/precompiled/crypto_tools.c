/* Crypto 100a: hashes and SM2 for contracts (spec/40 §4.6). */
#include "computing/precompiled/contracts.h"
#include "crypto/vrf.h"

static bc_pc_end_t before(bc_pc_t *pc)
{
    pc->mem = pc->params.n; /* without the selector */
    return BC_PC_OK;
}

static bc_pc_end_t hash_with(bc_pc_t *pc, void (*hash)(bc_bytes_t in, bc_h256_t *out))
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(bytes)");
    bc_h256_t h;
    if (!a)
        return BC_PC_INTERNAL;
    hash(a[0].s, &h);
    bc_wr_put(&pc->out, BC_VIEW(h));
    return BC_PC_OK;
}

static bc_pc_end_t sm3(bc_pc_t *pc)
{
    return hash_with(pc, bc_sm3);
}

static bc_pc_end_t keccak(bc_pc_t *pc)
{
    return hash_with(pc, bc_keccak256);
}

static bc_pc_end_t sm2_verify(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(bytes32,bytes,bytes32,bytes32)");
    bc_addr_t account = { { 0 } };
    bc_nodeid_t pub;
    bool ok = false;
    if (!a)
        return BC_PC_INTERNAL;
    if (a[1].s.n == 64 && a[0].s.n == 32 && a[2].s.n == 32 && a[3].s.n == 32) {
        uint8_t sig[128];
        bc_h256_t digest;
        memcpy(digest.b, a[0].s.p, 32);
        memcpy(sig, a[2].s.p, 32);
        memcpy(sig + 32, a[3].s.p, 32);
        memcpy(sig + 64, a[1].s.p, 64);
        ok = bc_recover(BC_SUITE_SM, &digest, bc_bytes(sig, sizeof(sig)), &pub) == BC_OK;
    }
    if (ok)
        bc_address(BC_SUITE_SM, &pub, &account);
    bc_pc_ret_int(pc, ok);
    return bc_pc_ret_addr(pc, &account);
}

static bc_pc_end_t vrf_verify(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(bytes,bytes,bytes)"); /* message, key, proof */
    bc_h256_t random = { { 0 } };
    if (!a)
        return BC_PC_INTERNAL;
    bool ok = bc_vrf_verify(BC_VRF_RISTRETTO, a[1].s, a[0].s, a[2].s) &&
              bc_vrf_hash(BC_VRF_RISTRETTO, a[2].s, &random);
    bc_pc_ret_int(pc, ok);
    bc_wr_put(&pc->out, BC_VIEW(random));
    return BC_PC_OK;
}

static const bc_pc_function_t functions[] = {
    { "sm3(bytes)", sm3 },
    { "keccak256Hash(bytes)", keccak },
    { "sm2Verify(bytes32,bytes,bytes32,bytes32)", sm2_verify },
    { "curve25519VRFVerify(bytes,bytes,bytes)", vrf_verify },
};

const bc_pc_contract_t bc_pc_crypto = {
    .number = BC_SYS_CRYPTO,
    .name = "CryptoPrecompiled",
    .gate = BC_GATE_NONE,
    .priced = true,
    .functions = functions,
    .function_cnt = BC_ARRAY_LEN(functions),
    .before = before,
};
