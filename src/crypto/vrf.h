/* The verifiable random functions of rPBFT and of the Crypto system contract (spec/30 §4). Pure;
 * any thread.
 *
 * A chain has one of two kinds, both WeDPR's own and neither of them a published suite:
 *   BC_VRF_RISTRETTO  key 32, proof 96 bytes (gamma, c, s). Ristretto255, SHA3-512; official name
 *                     curve25519.
 *   BC_VRF_SECP256K1  key 33, proof 97 bytes (gamma 33, c 32, s 32). SHA-256; chosen by
 *                     feature_rpbft_vrf_type_secp256k1. The key is that of the node.
 *
 * What BC_VRF_SECP256K1 does not give: the message becomes a point by multiplying the generator
 * with its hash, so everybody who knows the key knows the random value of every message, without
 * a proof. It only binds: a key and a message have one value. And the official prover blinds every
 * proof with one scalar, so two of its proofs tell its secret; ours do not (see vrf_secp.c).
 *
 * Source: WeDPR-Lab-Crypto crypto/vrf/{curve25519,secp256k1}/src/lib.rs; bcos-executor/src/
 * precompiled/common/VRFInfo.cpp. */
#ifndef BC_CRYPTO_VRF_H
#define BC_CRYPTO_VRF_H

#include "base/err.h"
#include "base/types.h"

typedef enum { BC_VRF_RISTRETTO, BC_VRF_SECP256K1, BC_VRF_KIND_CNT } bc_vrf_kind_t;

enum { BC_VRF_KEY_BYTES_MAX = 33, BC_VRF_PROOF_BYTES_MAX = 97 };

/* What a prover hands out: the first key_n and proof_n bytes count. */
typedef struct {
    uint8_t key[BC_VRF_KEY_BYTES_MAX], proof[BC_VRF_PROOF_BYTES_MAX];
    size_t key_n, proof_n;
} bc_vrf_proof_t;

/* Is it a key as the official node parses keys? More is taken than provers make: for secp256k1 the
 * identity (one byte, 0), compact points (5, X) and uncompressed ones (65 bytes) too. */
bool bc_vrf_key_ok(bc_vrf_kind_t kind, bc_bytes_t pub);
/* True when proof is that of pub's owner for message. Any lengths are safe; what key_ok refuses is
 * false. */
bool bc_vrf_verify(bc_vrf_kind_t kind, bc_bytes_t pub, bc_bytes_t message, bc_bytes_t proof);
/* The random value of a proof, which need not verify; false, and zero, when it is malformed. */
bool bc_vrf_hash(bc_vrf_kind_t kind, bc_bytes_t proof, bc_h256_t *out);
/* Proves message, of any length. Ristretto hashes the secret, any byte string, to a scalar;
 * secp256k1 takes 32 bytes, big-endian, as they are: BC_E_KEY when that is no secret of the curve.
 * BC_E_INTERNAL when a library fails. Constant time in the secret; on an error *out is zero. */
bc_err_t bc_vrf_prove(bc_vrf_kind_t kind, bc_bytes_t secret, bc_bytes_t message,
                      bc_vrf_proof_t *out) BC_WARN_UNUSED;

#endif
