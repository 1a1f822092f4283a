/* Proofs, keys and messages of anybody. First byte: the kind, and with bit 1 a proof of our own
 * whose bytes are changed; second: how long the key is. Ours verifies exactly when nothing was
 * changed. */
#include <stdlib.h>

#include "crypto/suite.h"
#include "crypto/vrf.h"

static void foreign(bc_vrf_kind_t kind, size_t key_n, const uint8_t *p, size_t n)
{
    bc_h256_t h;
    key_n = BC_MIN(key_n, n);
    size_t proof_n = BC_MIN((size_t)(kind == BC_VRF_SECP256K1 ? 97 : 96), n - key_n);
    bc_bytes_t key = bc_bytes(p, key_n), proof = bc_bytes(p + key_n, proof_n);
    bc_bytes_t message = bc_bytes(p + key_n + proof_n, n - key_n - proof_n);
    bool taken = bc_vrf_verify(kind, key, message, proof), hashed = bc_vrf_hash(kind, proof, &h);
    BC_MUST(!taken || (hashed && bc_vrf_key_ok(kind, key)));
    BC_MUST(hashed || bc_h256_is_zero(&h));
}

/* p: the message's length, the message, then what to XOR the proof and the key with. */
static void own(bc_vrf_kind_t kind, const uint8_t *p, size_t n)
{
    static const uint8_t secret[32] = { [31] = 2 };
    bc_vrf_proof_t v;
    size_t message_n = n ? BC_MIN((size_t)p[0], n - 1) : 0, rest = n ? n - 1 - message_n : 0;
    bc_bytes_t message = bc_bytes(p + (n > 0), message_n);
    BC_MUST(bc_vrf_prove(kind, bc_bytes(secret, 32), message, &v) == BC_OK);
    bool changed = false;
    for (size_t i = 0; i < BC_MIN(rest, v.proof_n + v.key_n); i++) {
        uint8_t x = message.p[message_n + i];
        if (kind == BC_VRF_RISTRETTO && (i == 63 || i == 95))
            x &= 0x7f; /* the top bit of a scalar is not looked at */
        changed |= x != 0;
        if (i < v.proof_n)
            v.proof[i] ^= x;
        else
            v.key[i - v.proof_n] ^= x;
    }
    BC_MUST(bc_vrf_verify(kind, bc_bytes(v.key, v.key_n), message, bc_bytes(v.proof, v.proof_n)) ==
            !changed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    bc_vrf_kind_t kind = data[0] & 1 ? BC_VRF_SECP256K1 : BC_VRF_RISTRETTO;
    if (data[0] & 2)
        own(kind, data + 2, size - 2);
    else
        foreign(kind, data[1], data + 2, size - 2);
    return 0;
}
