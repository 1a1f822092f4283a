#include "crypto/vrf_kind.h"

static const vrf_ops_t *const kinds[BC_VRF_KIND_CNT] = {
    [BC_VRF_RISTRETTO] = &vrf_ristretto,
    [BC_VRF_SECP256K1] = &vrf_secp,
};

static const vrf_ops_t *ops_of(bc_vrf_kind_t kind)
{
    BC_MUST((unsigned)kind < BC_VRF_KIND_CNT);
    return kinds[kind];
}

bool bc_vrf_key_ok(bc_vrf_kind_t kind, bc_bytes_t pub)
{
    return ops_of(kind)->key_ok(pub);
}

bool bc_vrf_verify(bc_vrf_kind_t kind, bc_bytes_t pub, bc_bytes_t message, bc_bytes_t proof)
{
    const vrf_ops_t *v = ops_of(kind);
    return proof.n == v->proof_n && v->verify(pub, message, proof.p);
}

bool bc_vrf_hash(bc_vrf_kind_t kind, bc_bytes_t proof, bc_h256_t *out)
{
    const vrf_ops_t *v = ops_of(kind);
    memset(out, 0, sizeof(*out));
    return proof.n == v->proof_n && v->hash(proof.p, out);
}

bc_err_t bc_vrf_prove(bc_vrf_kind_t kind, bc_bytes_t secret, bc_bytes_t message,
                      bc_vrf_proof_t *out)
{
    const vrf_ops_t *v = ops_of(kind);
    *out = (bc_vrf_proof_t){ .key_n = v->key_n, .proof_n = v->proof_n };
    bc_err_t err = v->prove(secret, message, out->key, out->proof);
    if (err)
        memset(out, 0, sizeof(*out));
    return err;
}
