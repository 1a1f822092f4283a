/* The suite's signatures and addresses: one switch per call between secp256k1 and SM2. */
#include "crypto/suite.h"
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include "crypto/secp.h"

bc_err_t bc_keypair_from_secret(bc_suite_t suite, const uint8_t secret[32], bc_keypair_t *out)
{
    bc_keypair_t k = { .suite = suite };
    memcpy(k.secret, secret, 32);
    bc_err_t err =
        suite == BC_SUITE_SM ? bc_sm2_pub(k.secret, &k.pub) : bc_secp_pub(k.secret, &k.pub);
    if (err == BC_OK)
        *out = k;
    OPENSSL_cleanse(&k, sizeof k);
    return err;
}

bc_err_t bc_keypair_new(bc_suite_t suite, bc_keypair_t *out)
{
    uint8_t secret[32];
    bc_err_t err = BC_E_KEY;
    /* a random string is out of range with probability below 2^-32: a few tries always do */
    for (int i = 0; i < 8 && err; i++) {
        if (RAND_priv_bytes(secret, sizeof secret) != 1)
            break;
        err = bc_keypair_from_secret(suite, secret, out);
    }
    OPENSSL_cleanse(secret, sizeof secret);
    return err;
}

void bc_keypair_wipe(bc_keypair_t *k)
{
    OPENSSL_cleanse(k, sizeof *k);
}

size_t bc_sign(const bc_keypair_t *k, const bc_h256_t *digest, uint8_t sig[BC_SIG_MAX])
{
    return k->suite == BC_SUITE_SM ? bc_sm2_sign(k, digest, sig)
                                   : bc_secp_sign(k->secret, digest, sig);
}

size_t bc_sign_tx(const bc_keypair_t *k, const bc_h256_t *digest, uint8_t sig[BC_SIG_MAX])
{
    size_t n = bc_sign(k, digest, sig);
    if (n && k->suite == BC_SUITE_SM) {
        memcpy(sig + n, k->pub.b, 64);
        n += 64;
    }
    return n;
}

bool bc_verify(bc_suite_t suite, const bc_nodeid_t *pub, const bc_h256_t *digest, bc_bytes_t sig)
{
    if (suite == BC_SUITE_SM)
        return sig.n >= 64 && bc_sm2_verify(pub, digest, sig.p);
    bc_nodeid_t got;
    return bc_secp_recover(digest, sig, &got) == BC_OK && memcmp(got.b, pub->b, 64) == 0;
}

bc_err_t bc_recover(bc_suite_t suite, const bc_h256_t *digest, bc_bytes_t sig, bc_nodeid_t *pub)
{
    if (suite != BC_SUITE_SM)
        return bc_secp_recover(digest, sig, pub);
    if (sig.n != 128)
        return BC_E_SIGNATURE;
    bc_nodeid_t key;
    memcpy(key.b, sig.p + 64, 64);
    if (!bc_sm2_verify(&key, digest, sig.p))
        return BC_E_SIGNATURE;
    *pub = key;
    return BC_OK;
}

void bc_address(bc_suite_t suite, const bc_nodeid_t *pub, bc_addr_t *out)
{
    bc_h256_t h;
    bc_hash(suite, BC_VIEW(*pub), &h);
    memcpy(out->b, h.b + 12, 20);
}
