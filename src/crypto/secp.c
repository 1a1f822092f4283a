/* secp256k1 through libsecp256k1: one context for the process, blinded with fresh randomness;
 * afterwards it is only read, so any thread may use it. */
#include "crypto/secp.h"
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <secp256k1.h>
#include <secp256k1_recovery.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static secp256k1_context *ctx;

static void ctx_make(void)
{
    uint8_t seed[32];
    ctx = secp256k1_context_create(SECP256K1_CONTEXT_SIGN | SECP256K1_CONTEXT_VERIFY);
    BC_MUST(ctx && RAND_priv_bytes(seed, sizeof seed) == 1);
    BC_MUST(secp256k1_context_randomize(ctx, seed) == 1);
    OPENSSL_cleanse(seed, sizeof seed);
}

const struct secp256k1_context_struct *bc_secp_context(void)
{
    pthread_once(&once, ctx_make);
    return ctx;
}

static void pub_out(const secp256k1_pubkey *in, bc_nodeid_t *out)
{
    uint8_t raw[65];
    size_t n = sizeof raw;
    secp256k1_ec_pubkey_serialize(ctx, raw, &n, in, SECP256K1_EC_UNCOMPRESSED);
    memcpy(out->b, raw + 1, 64);
}

bc_err_t bc_secp_pub(const uint8_t secret[32], bc_nodeid_t *pub)
{
    pthread_once(&once, ctx_make);
    secp256k1_pubkey p;
    if (secp256k1_ec_pubkey_create(ctx, &p, secret) != 1)
        return BC_E_KEY;
    pub_out(&p, pub);
    return BC_OK;
}

size_t bc_secp_sign(const uint8_t secret[32], const bc_h256_t *digest, uint8_t sig[65])
{
    pthread_once(&once, ctx_make);
    secp256k1_ecdsa_recoverable_signature s;
    int v = 0;
    if (secp256k1_ecdsa_sign_recoverable(ctx, &s, digest->b, secret, NULL, NULL) != 1)
        return 0;
    secp256k1_ecdsa_recoverable_signature_serialize_compact(ctx, sig, &v, &s);
    sig[64] = (uint8_t)v;
    return 65;
}

bc_err_t bc_secp_recover(const bc_h256_t *digest, bc_bytes_t sig, bc_nodeid_t *pub)
{
    pthread_once(&once, ctx_make);
    secp256k1_ecdsa_recoverable_signature s;
    secp256k1_pubkey p;
    /* the library aborts on a recovery id above 3, so it never sees one */
    if (sig.n != 65 || sig.p[64] > 3)
        return BC_E_SIGNATURE;
    if (secp256k1_ecdsa_recoverable_signature_parse_compact(ctx, &s, sig.p, sig.p[64]) != 1 ||
        secp256k1_ecdsa_recover(ctx, &p, &s, digest->b) != 1)
        return BC_E_SIGNATURE;
    pub_out(&p, pub);
    return BC_OK;
}
