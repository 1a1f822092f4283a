/* The chain's cryptographic suite: hash, signature, address, chosen by chain.sm_crypto
 * (spec/10 §1). All functions are pure and may run on any thread. */
#ifndef BC_CRYPTO_SUITE_H
#define BC_CRYPTO_SUITE_H

#include "base/err.h"
#include "base/types.h"

#define BC_SIG_MAX 128 /* SM2 transaction signature: r || s || public key */

typedef enum { BC_SUITE_STANDARD = 0, BC_SUITE_SM = 1 } bc_suite_t;

/* Keccak-256 (pad byte 0x01) whatever the suite: Web3 hashes, bloom, P2P short ids. */
void bc_keccak256(bc_bytes_t in, bc_h256_t *out);
void bc_sm3(bc_bytes_t in, bc_h256_t *out);
void bc_sha256(bc_bytes_t in, bc_h256_t *out);
void bc_ripemd160(bc_bytes_t in, uint8_t out[20]);
/* The suite's H. */
void bc_hash(bc_suite_t suite, bc_bytes_t in, bc_h256_t *out);

/* Incremental H, for preimages of several parts. */
typedef struct {
    bc_suite_t suite;
    union {
        struct {
            uint64_t s[25];
            size_t off;
        } keccak;
        void *evp; /* EVP_MD_CTX for SM3 */
    } u;
} bc_hasher_t;
void bc_hasher_init(bc_hasher_t *h, bc_suite_t suite);
void bc_hasher_put(bc_hasher_t *h, bc_bytes_t v);
void bc_hasher_be32(bc_hasher_t *h, uint32_t v);
void bc_hasher_be64(bc_hasher_t *h, uint64_t v);
void bc_hasher_final(bc_hasher_t *h, bc_h256_t *out); /* releases what init took */

/* n hashes of n inputs; may use vector kernels. */
void bc_hash_many(bc_suite_t suite, const bc_bytes_t *in, bc_h256_t *out, size_t n);

typedef struct {
    bc_suite_t suite;
    uint8_t secret[32]; /* big-endian scalar; wiped by bc_keypair_wipe */
    bc_nodeid_t pub;    /* X || Y */
} bc_keypair_t;

/* From a 32-byte scalar. BC_E_KEY when it is 0 or not below the group order. */
bc_err_t bc_keypair_from_secret(bc_suite_t suite, const uint8_t secret[32],
                                bc_keypair_t *out) BC_WARN_UNUSED;
bc_err_t bc_keypair_new(bc_suite_t suite, bc_keypair_t *out) BC_WARN_UNUSED; /* random */
void bc_keypair_wipe(bc_keypair_t *k);
/* conf/node.pem: PKCS#8 or SEC1, secp256k1 or SM2; only the scalar is used (spec/10 §1). The
 * suite decides the public key. BC_E_IO no such file, BC_E_KEY not a usable key. */
bc_err_t bc_keypair_load(bc_suite_t suite, const char *path, bc_keypair_t *out) BC_WARN_UNUSED;
/* As bc_keypair_load, from the PEM text itself (a KMS decrypts it first). BC_E_KEY. */
bc_err_t bc_keypair_parse_pem(bc_suite_t suite, bc_bytes_t pem, bc_keypair_t *out) BC_WARN_UNUSED;
/* Writes PKCS#8 PEM, mode 0600. */
bc_err_t bc_keypair_save(const bc_keypair_t *k, const char *path) BC_WARN_UNUSED;

/* Signs a 32-byte digest. sig gets 65 bytes r||s||v (v 0..3, low s, RFC 6979), or on SM 64 bytes
 * r||s. Returns the length, 0 on failure. */
size_t bc_sign(const bc_keypair_t *k, const bc_h256_t *digest, uint8_t sig[BC_SIG_MAX]);
/* As bc_sign; SM appends the public key (128 bytes), as transactions carry it. */
size_t bc_sign_tx(const bc_keypair_t *k, const bc_h256_t *digest, uint8_t sig[BC_SIG_MAX]);
/* True when sig is pub's signature of digest. Standard: exactly 65 bytes, v <= 3, recovered key
 * equal; high s accepted. SM: at least 64 bytes, the first 64 are read. */
bool bc_verify(bc_suite_t suite, const bc_nodeid_t *pub, const bc_h256_t *digest, bc_bytes_t sig);
/* Recovers the signer's key. Standard: 65 bytes, v <= 3; SM: exactly 128 bytes, verified.
 * BC_E_SIGNATURE otherwise. */
bc_err_t bc_recover(bc_suite_t suite, const bc_h256_t *digest, bc_bytes_t sig,
                    bc_nodeid_t *pub) BC_WARN_UNUSED;
/* The id under which SM2 signs, in certificates too, where nobody has one of his own (GM/T 0009, 10). */
#define BC_SM2_ID "1234567812345678"
/* Key exchange of SM2 (GB/T 32918.3) under BC_SM2_ID: n bytes that only the owners of
 * the two long-term keys have, and that differ with the keys made for this once. Both sides say who
 * began. BC_E_KEY: the peer's keys are not points of the curve, or chosen so that nothing comes out. */
bc_err_t bc_sm2_agree(bool initiator, const bc_keypair_t *own, const bc_keypair_t *own_once,
                      const bc_nodeid_t *peer, const bc_nodeid_t *peer_once, uint8_t *out,
                      size_t n) BC_WARN_UNUSED;

/* Last 20 bytes of H(pub). */
void bc_address(bc_suite_t suite, const bc_nodeid_t *pub, bc_addr_t *out);

/* Merkle root of width 2 over n hashes in order: an odd last node is hashed alone, one leaf is
 * the root, none is 32 zero bytes (spec/10 §3). Uses scratch of its own. */
bc_err_t bc_merkle_root(bc_suite_t suite, const bc_h256_t *leaves, size_t n,
                        bc_h256_t *root) BC_WARN_UNUSED;
/* Proof of leaf `index` as the official node answers it: per level one element with the count of
 * the node's group (big-endian in the first 4 of 32 bytes), then that many hashes; the root is left
 * out; a single leaf gives one element, the root. All elements are 32 bytes, views into store.
 * Returns the number of elements, or 0: index out of range, max or store_size too small. */
size_t bc_merkle_proof(bc_suite_t suite, const bc_h256_t *leaves, size_t n, size_t index,
                       bc_bytes_t *elements, size_t max, uint8_t *store, size_t store_size);

/* Checks every primitive against a known answer; call once at start. */
bc_err_t bc_crypto_selftest(void) BC_WARN_UNUSED;

#endif
