/* SM3, SHA-256 and RIPEMD-160 from OpenSSL, the suite's H and its incremental form.
 *
 * Algorithms are fetched once per process: an implicit fetch costs more than a short hash. The
 * one-shot hashes reuse a context per thread, freed when the thread ends. */
#include "crypto/suite.h"
#include <openssl/evp.h>
#include <pthread.h>
#include "base/buf.h"
#include "crypto/keccak.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t ctx_key;
static EVP_MD *md_sm3, *md_sha256, *md_ripemd;

static void ctx_free(void *p)
{
    EVP_MD_CTX_free(p);
}

static void fetch_all(void)
{
    md_sm3 = EVP_MD_fetch(NULL, "SM3", NULL);
    md_sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    md_ripemd = EVP_MD_fetch(NULL, "RIPEMD160", NULL);
    BC_MUST(md_sm3 && md_sha256 && md_ripemd);
    BC_MUST(pthread_key_create(&ctx_key, ctx_free) == 0);
}

static EVP_MD_CTX *thread_ctx(void)
{
    pthread_once(&once, fetch_all);
    EVP_MD_CTX *ctx = pthread_getspecific(ctx_key);
    if (!ctx) {
        ctx = EVP_MD_CTX_new();
        BC_MUST(ctx && pthread_setspecific(ctx_key, ctx) == 0);
    }
    return ctx;
}

static void digest(EVP_MD *const *md, bc_bytes_t in, uint8_t *out)
{
    EVP_MD_CTX *ctx = thread_ctx();
    BC_MUST(EVP_DigestInit_ex2(ctx, *md, NULL) == 1 && EVP_DigestUpdate(ctx, in.p, in.n) == 1 &&
            EVP_DigestFinal_ex(ctx, out, NULL) == 1);
}

void bc_sm3(bc_bytes_t in, bc_h256_t *out)
{
    digest(&md_sm3, in, out->b);
}

void bc_sha256(bc_bytes_t in, bc_h256_t *out)
{
    digest(&md_sha256, in, out->b);
}

void bc_ripemd160(bc_bytes_t in, uint8_t out[20])
{
    digest(&md_ripemd, in, out);
}

void bc_hash(bc_suite_t suite, bc_bytes_t in, bc_h256_t *out)
{
    if (suite == BC_SUITE_SM)
        bc_sm3(in, out);
    else
        bc_keccak256(in, out);
}

void bc_hasher_init(bc_hasher_t *h, bc_suite_t suite)
{
    h->suite = suite;
    if (suite == BC_SUITE_SM) {
        pthread_once(&once, fetch_all);
        h->u.evp = EVP_MD_CTX_new();
        BC_MUST(h->u.evp && EVP_DigestInit_ex2(h->u.evp, md_sm3, NULL) == 1);
    } else {
        memset(&h->u.keccak, 0, sizeof h->u.keccak);
    }
}

void bc_hasher_put(bc_hasher_t *h, bc_bytes_t v)
{
    if (v.n == 0)
        return;
    if (h->suite == BC_SUITE_SM) {
        BC_MUST(EVP_DigestUpdate(h->u.evp, v.p, v.n) == 1);
        return;
    }
    while (v.n) {
        size_t n = BC_MIN(v.n, KECCAK_RATE - h->u.keccak.off);
        bc_keccak_xor(h->u.keccak.s, h->u.keccak.off, v.p, n);
        h->u.keccak.off += n;
        v.p += n;
        v.n -= n;
        if (h->u.keccak.off == KECCAK_RATE) {
            bc_keccak_f1600(h->u.keccak.s);
            h->u.keccak.off = 0;
        }
    }
}

void bc_hasher_be32(bc_hasher_t *h, uint32_t v)
{
    uint8_t b[4];
    bc_store_be32(b, v);
    bc_hasher_put(h, bc_bytes(b, sizeof b));
}

void bc_hasher_be64(bc_hasher_t *h, uint64_t v)
{
    uint8_t b[8];
    bc_store_be64(b, v);
    bc_hasher_put(h, bc_bytes(b, sizeof b));
}

void bc_hasher_final(bc_hasher_t *h, bc_h256_t *out)
{
    if (h->suite == BC_SUITE_SM) {
        BC_MUST(EVP_DigestFinal_ex(h->u.evp, out->b, NULL) == 1);
        EVP_MD_CTX_free(h->u.evp);
        h->u.evp = NULL;
        return;
    }
    uint8_t *b = (uint8_t *)h->u.keccak.s;
    b[h->u.keccak.off] ^= 0x01;
    b[KECCAK_RATE - 1] ^= 0x80;
    bc_keccak_f1600(h->u.keccak.s);
    memcpy(out->b, b, 32);
}

/* Blocks that an input of n bytes takes with its padding. */
static size_t keccak_blocks(size_t n)
{
    return n / KECCAK_RATE + 1;
}

void bc_hash_many(bc_suite_t suite, const bc_bytes_t *in, bc_h256_t *out, size_t n)
{
    size_t i = 0;
    if (suite == BC_SUITE_STANDARD && bc_keccak_x4_usable()) {
        while (i + 4 <= n) {
            size_t blocks = keccak_blocks(in[i].n);
            if (keccak_blocks(in[i + 1].n) == blocks && keccak_blocks(in[i + 2].n) == blocks &&
                keccak_blocks(in[i + 3].n) == blocks) {
                bc_keccak256_x4(in + i, out + i);
                i += 4;
            } else {
                bc_keccak256(in[i], out + i);
                i++;
            }
        }
    }
    for (; i < n; i++)
        bc_hash(suite, in[i], out + i);
}
