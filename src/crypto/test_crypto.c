#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "crypto/keccak.h"
#include "crypto/secp.h"
#include "crypto/suite.h"

static size_t unhex(const char *hex, uint8_t *out)
{
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++) {
        unsigned v = 0;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &v), 1);
        out[i] = (uint8_t)v;
    }
    return n;
}

static void assert_hex(const void *got, size_t n, const char *hex)
{
    uint8_t want[512];
    assert_true(strlen(hex) / 2 <= sizeof want);
    assert_int_equal(n, unhex(hex, want));
    assert_memory_equal(got, want, n);
}

static void selftest_passes(void **state)
{
    (void)state;
    assert_int_equal(bc_crypto_selftest(), BC_OK);
}

static void keccak_of_empty_and_of_every_block_edge(void **state)
{
    (void)state;
    bc_h256_t h, inc, many[64];
    bc_bytes_t in[64];
    bc_keccak256((bc_bytes_t){ 0 }, &h);
    assert_hex(h.b, 32, "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
    uint8_t data[600];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7 + 1);
    /* the scalar, the incremental and the vector form agree at lengths around each block edge */
    for (size_t n = 0; n < 64; n++)
        in[n] = bc_bytes(data + n, 104 + n);
    bc_hash_many(BC_SUITE_STANDARD, in, many, 64);
    for (size_t n = 0; n < 64; n++) {
        bc_keccak256(in[n], &h);
        assert_memory_equal(h.b, many[n].b, 32);
        bc_hasher_t s;
        bc_hasher_init(&s, BC_SUITE_STANDARD);
        for (size_t at = 0, k = 1; at < in[n].n; at += k, k = k % 13 + 1) {
            k = BC_MIN(k, in[n].n - at);
            bc_hasher_put(&s, bc_bytes(in[n].p + at, k));
        }
        bc_hasher_final(&s, &inc);
        assert_memory_equal(h.b, inc.b, 32);
    }
}

/* Keccak-256 by one kernel of one state. */
static void hash_with(const bc_keccak_kernel_t *k, bc_bytes_t in, bc_h256_t *out)
{
    uint64_t s[25] = { 0 };
    for (; in.n >= KECCAK_RATE; in.p += KECCAK_RATE, in.n -= KECCAK_RATE) {
        bc_keccak_xor(s, 0, in.p, KECCAK_RATE);
        k->f1600(s);
    }
    bc_keccak_xor(s, 0, in.p, in.n);
    bc_keccak_xor(s, in.n, (const uint8_t[]){ 0x01 }, 1);
    bc_keccak_xor(s, KECCAK_RATE - 1, (const uint8_t[]){ 0x80 }, 1);
    k->f1600(s);
    memcpy(out->b, s, 32);
}

static uint64_t noise(void)
{
    static uint64_t x = 0x9e3779b97f4a7c15;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x;
}

static void keccak_kernels_agree(void **state)
{
    (void)state;
    const bc_keccak_kernel_t *any = &bc_keccak_kernels[BC_KECCAK_KERNELS - 1];
    assert_true(any->usable() && any->f1600);
    for (const bc_keccak_kernel_t *k = bc_keccak_kernels; k <= any; k++) {
        if (!k->usable()) {
            printf("no %s here: its kernels were not run\n", k->name);
            continue;
        }
        for (int i = 0; i < 2000; i++) {
            uint64_t one[25], four[25][4], want[4][25];
            for (size_t lane = 0; lane < 25; lane++)
                for (size_t n = 0; n < 4; n++)
                    want[n][lane] = four[lane][n] = noise();
            memcpy(one, want[0], sizeof one);
            for (size_t n = 0; n < 4; n++)
                any->f1600(want[n]);
            if (k->f1600) {
                k->f1600(one);
                assert_memory_equal(one, want[0], sizeof one);
            }
            if (k->f1600_x4) {
                k->f1600_x4(four);
                for (size_t lane = 0; lane < 25; lane++)
                    for (size_t n = 0; n < 4; n++)
                        assert_int_equal(four[lane][n], want[n][lane]);
            }
        }
        uint8_t data[500];
        for (size_t n = 0; k->f1600 && n <= sizeof data; n++) {
            for (size_t i = 0; i < sizeof data; i++)
                data[i] = (uint8_t)noise();
            bc_bytes_t in = bc_bytes(data + sizeof data - n, n);
            bc_h256_t got, want, chosen, four[4];
            hash_with(k, in, &got);
            hash_with(any, in, &want);
            assert_memory_equal(got.b, want.b, 32);
            bc_keccak256(in, &chosen);
            assert_memory_equal(chosen.b, want.b, 32);
            in.n -= noise() % (n % KECCAK_RATE + 1); /* shorter, of as many blocks */
            bc_bytes_t views[4] = { bc_bytes(in.p, n), in, bc_bytes(in.p, n), in };
            if (!bc_keccak_x4_usable())
                continue;
            bc_keccak256_x4(views, four);
            assert_memory_equal(four[0].b, want.b, 32);
            assert_memory_equal(four[2].b, want.b, 32);
            hash_with(any, in, &want);
            assert_memory_equal(four[1].b, want.b, 32);
            assert_memory_equal(four[3].b, want.b, 32);
        }
    }
}

static void sm3_incremental_equals_one_shot(void **state)
{
    (void)state;
    bc_h256_t a, b;
    bc_hasher_t s;
    bc_sm3(BC_STR("abcd"), &a);
    bc_hasher_init(&s, BC_SUITE_SM);
    bc_hasher_be32(&s, 0x61626364);
    bc_hasher_final(&s, &b);
    assert_memory_equal(a.b, b.b, 32);
    bc_sm3((bc_bytes_t){ 0 }, &a);
    assert_hex(a.b, 32, "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b");
}

static void node_id_of_the_spec_key(void **state)
{
    (void)state;
    bc_h256_t secret, digest;
    bc_keypair_t k;
    bc_addr_t a;
    uint8_t sig[BC_SIG_MAX];
    bc_keccak256(BC_STR("fisco-bcos-spec-node0"), &secret);
    assert_int_equal(bc_keypair_from_secret(BC_SUITE_STANDARD, secret.b, &k), BC_OK);
    assert_hex(k.pub.b, 64,
               "5d777c71df635f5fcdf53cc67c8137d145d9bc6705176305702da60c62bf5d73"
               "54f83cb9b6024d33eb92ceeb3d7a6fc500a7cbee45c9d2fcfa4077cd362b3dbd");
    bc_address(BC_SUITE_STANDARD, &k.pub, &a);
    assert_hex(a.b, 20, "1c129c5797e68a51e057325eb25856fc0f448c73");
    unhex("02400a43d18cef0880636c891796000cfdd9a7d0dc9d50664cd6b280abe3af76", digest.b);
    assert_int_equal(bc_sign(&k, &digest, sig), 65);
    assert_hex(sig, 65,
               "3f9409e634c343401305777045e15667b3dd8efeabb876e893cb1fe56d437423"
               "25ef4ede3126a27b9f04f7956dce2f3afe3e240cc8ba446e2f4b3c34e5062b2000");
}

static void secp_refuses_wrong_lengths_and_recovery_ids(void **state)
{
    (void)state;
    bc_h256_t digest;
    bc_nodeid_t pub;
    bc_addr_t a;
    uint8_t sig[70] = { 0 };
    unhex("0359a5588c5e9c9dcfd2f4ece850d6f4c41bc88e2c27cc051890f26ef0ef118f", digest.b);
    unhex("d752fbe3218d6f0d4bdcbaf45875bba4a52f9af263badabc0ef93fa31f28d79b"
          "0779728b594c1212613a38daea8bdd36670777100b159ac537dfbd83e700d20901", sig);
    assert_int_equal(bc_recover(BC_SUITE_STANDARD, &digest, bc_bytes(sig, 65), &pub), BC_OK);
    bc_address(BC_SUITE_STANDARD, &pub, &a);
    assert_hex(a.b, 20, "3d20a4e26f41b57c2061e520c825fbfa5f321f22");
    assert_true(bc_verify(BC_SUITE_STANDARD, &pub, &digest, bc_bytes(sig, 65)));
    for (size_t n = 0; n <= 66; n++)
        if (n != 65)
            assert_int_equal(bc_recover(BC_SUITE_STANDARD, &digest, bc_bytes(sig, n), &pub),
                             BC_E_SIGNATURE);
    for (unsigned v = 4; v < 256; v++) {
        sig[64] = (uint8_t)v;
        assert_int_equal(bc_recover(BC_SUITE_STANDARD, &digest, bc_bytes(sig, 65), &pub),
                         BC_E_SIGNATURE);
    }
    memset(sig, 0, 65); /* r = s = 0 */
    assert_int_equal(bc_recover(BC_SUITE_STANDARD, &digest, bc_bytes(sig, 65), &pub),
                     BC_E_SIGNATURE);
    memset(sig, 0xff, 64); /* above the order */
    assert_int_equal(bc_recover(BC_SUITE_STANDARD, &digest, bc_bytes(sig, 65), &pub),
                     BC_E_SIGNATURE);
}

static void secp_accepts_high_s(void **state)
{
    (void)state;
    bc_keypair_t k;
    bc_h256_t digest;
    uint8_t sig[BC_SIG_MAX], order[32];
    unhex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", order);
    assert_int_equal(bc_keypair_new(BC_SUITE_STANDARD, &k), BC_OK);
    bc_keccak256(BC_STR("high"), &digest);
    assert_int_equal(bc_sign(&k, &digest, sig), 65);
    int borrow = 0;
    for (int i = 31; i >= 0; i--) { /* s = order - s, the other of the two valid signatures */
        int d = order[i] - sig[32 + i] - borrow;
        borrow = d < 0;
        sig[32 + i] = (uint8_t)(d & 0xff);
    }
    assert_true(sig[32] >= 0x7f);
    sig[64] ^= 1;
    assert_true(bc_verify(BC_SUITE_STANDARD, &k.pub, &digest, bc_bytes(sig, 65)));
    sig[64] ^= 1;
    assert_false(bc_verify(BC_SUITE_STANDARD, &k.pub, &digest, bc_bytes(sig, 65)));
}

static void keys_out_of_range_are_refused(void **state)
{
    (void)state;
    uint8_t s[32] = { 0 };
    bc_keypair_t k;
    assert_int_equal(bc_keypair_from_secret(BC_SUITE_STANDARD, s, &k), BC_E_KEY);
    assert_int_equal(bc_keypair_from_secret(BC_SUITE_SM, s, &k), BC_E_KEY);
    unhex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", s);
    assert_int_equal(bc_keypair_from_secret(BC_SUITE_STANDARD, s, &k), BC_E_KEY);
    unhex("fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123", s);
    assert_int_equal(bc_keypair_from_secret(BC_SUITE_SM, s, &k), BC_E_KEY);
    s[31]--; /* order - 1 */
    assert_int_equal(bc_keypair_from_secret(BC_SUITE_SM, s, &k), BC_E_KEY);
    s[31]--;
    assert_int_equal(bc_keypair_from_secret(BC_SUITE_SM, s, &k), BC_OK);
}

static void sm2_vectors(void **state)
{
    (void)state;
    uint8_t secret[32], sig[130] = { 0 };
    bc_keypair_t k;
    bc_h256_t m, e;
    bc_addr_t a;
    bc_nodeid_t got;
    unhex("c23ffb60e17bf7750a0e3c531d6caecd6af617a7a4cb9ab0a99c0c09784a52ac", secret);
    assert_int_equal(bc_keypair_from_secret(BC_SUITE_SM, secret, &k), BC_OK);
    assert_hex(k.pub.b, 64,
               "55c34c0ac8269ed6ebe9943a85406f368795a2067f24ddc0c689cf1b122f6feb"
               "b02605d52fe4e271f72000dd44e9bf31f98ca36792f21831251cbe1aff547e80");
    bc_address(BC_SUITE_SM, &k.pub, &a);
    assert_hex(a.b, 20, "0c28e4ad268377ba5a4808b513d306fbc635f174");
    bc_sm3(BC_STR("abc"), &m);
    bc_sm2_e(&k.pub, &m, &e);
    assert_hex(e.b, 32, "982601a35c6fbaf6b50e38c48138b1cdf3fb94503438f17dc5c0b44c4b4355be");
    unhex("8ecc894fb3b490c26f2b3202056ef33df7bb63a8e9d56d9fc857d4f306e89e94"
          "f527017347dcf7be7c86a237cbd385ffd7e2c4defd8758d34da2f27efe1cf93e", sig);
    memcpy(sig + 64, k.pub.b, 64);
    assert_true(bc_verify(BC_SUITE_SM, &k.pub, &m, bc_bytes(sig, 64)));
    assert_true(bc_verify(BC_SUITE_SM, &k.pub, &m, bc_bytes(sig, 128)));
    assert_false(bc_verify(BC_SUITE_SM, &k.pub, &m, bc_bytes(sig, 63)));
    assert_int_equal(bc_recover(BC_SUITE_SM, &m, bc_bytes(sig, 128), &got), BC_OK);
    assert_memory_equal(got.b, k.pub.b, 64);
    const size_t wrong[] = { 0, 63, 64, 65, 127, 129 };
    for (size_t i = 0; i < BC_ARRAY_LEN(wrong); i++)
        assert_int_equal(bc_recover(BC_SUITE_SM, &m, bc_bytes(sig, wrong[i]), &got),
                         BC_E_SIGNATURE);
    sig[127] ^= 1; /* not on the curve */
    assert_int_equal(bc_recover(BC_SUITE_SM, &m, bc_bytes(sig, 128), &got), BC_E_SIGNATURE);
    sig[127] ^= 1;
    sig[3] ^= 1;
    assert_false(bc_verify(BC_SUITE_SM, &k.pub, &m, bc_bytes(sig, 64)));
}

static void sm2_signs_what_it_verifies(void **state)
{
    (void)state;
    bc_keypair_t k;
    uint8_t sig[BC_SIG_MAX];
    for (int i = 0; i < 20; i++) {
        bc_h256_t m;
        bc_sm3(bc_bytes(&i, sizeof i), &m);
        assert_int_equal(bc_keypair_new(BC_SUITE_SM, &k), BC_OK);
        assert_int_equal(bc_sign(&k, &m, sig), 64);
        assert_true(bc_verify(BC_SUITE_SM, &k.pub, &m, bc_bytes(sig, 64)));
        assert_int_equal(bc_sign_tx(&k, &m, sig), 128);
        assert_memory_equal(sig + 64, k.pub.b, 64);
    }
    bc_keypair_wipe(&k);
    for (size_t i = 0; i < sizeof k; i++)
        assert_int_equal(((const uint8_t *)&k)[i], 0);
}

static bc_keypair_t sm2_key(const char *secret)
{
    uint8_t raw[32];
    bc_keypair_t k;
    assert_int_equal(unhex(secret, raw), 32);
    assert_int_equal(bc_keypair_from_secret(BC_SUITE_SM, raw, &k), BC_OK);
    return k;
}

static void sm2_key_exchange(void **state)
{
    (void)state;
    /* GB/T 32918.5, annex B */
    bc_keypair_t a = sm2_key("81eb26e941bb5af16df116495f90695272ae2cd63d6c4ae1678418be48230029"),
                 b = sm2_key("785129917d45a9ea5437a59356b82338eaadda6ceb199088f14ae10defa229b5"),
                 ra = sm2_key("d4de15474db74d06491c440d305e012400990f3e390c7e87153c12db2ea60bb3"),
                 rb = sm2_key("7e07124814b309489125eaed101113164ebf0f3458c5bd88335c1f9d596243d6");
    uint8_t k[2][48];
    assert_int_equal(bc_sm2_agree(true, &a, &ra, &b.pub, &rb.pub, k[0], 16), BC_OK);
    assert_hex(k[0], 16, "6c89347354de2484c60b4ab1fde4c6e5");
    assert_int_equal(bc_sm2_agree(false, &b, &rb, &a.pub, &ra.pub, k[1], 16), BC_OK);
    assert_memory_equal(k[0], k[1], 16);
    /* more than one block; each of the four keys and the roles matter */
    assert_int_equal(bc_sm2_agree(true, &a, &ra, &b.pub, &rb.pub, k[0], 48), BC_OK);
    assert_hex(k[0], 16, "6c89347354de2484c60b4ab1fde4c6e5");
    assert_int_equal(bc_sm2_agree(false, &b, &rb, &a.pub, &ra.pub, k[1], 48), BC_OK);
    assert_memory_equal(k[0], k[1], 48);
    assert_int_equal(bc_sm2_agree(false, &a, &ra, &b.pub, &rb.pub, k[1], 48), BC_OK);
    assert_memory_not_equal(k[0], k[1], 48);
    assert_int_equal(bc_sm2_agree(true, &a, &rb, &b.pub, &rb.pub, k[1], 48), BC_OK);
    assert_memory_not_equal(k[0], k[1], 48);
    assert_int_equal(bc_sm2_agree(true, &a, &ra, &ra.pub, &rb.pub, k[1], 48), BC_OK);
    assert_memory_not_equal(k[0], k[1], 48);
    bc_nodeid_t off = b.pub;
    off.b[63] ^= 1;
    assert_int_equal(bc_sm2_agree(true, &a, &ra, &off, &rb.pub, k[1], 48), BC_E_KEY);
    assert_int_equal(bc_sm2_agree(true, &a, &ra, &b.pub, &off, k[1], 48), BC_E_KEY);
}

static void merkle_vectors(void **state)
{
    (void)state;
    bc_h256_t leaves[17], root;
    static const struct {
        size_t n;
        const char *root;
    } rows[] = {
        { 0, "0000000000000000000000000000000000000000000000000000000000000000" },
        { 2, "57d772147cdf27f5f67d679f0f3a513f8b87622ce598a3cf0b048ab178ddfc6e" },
        { 3, "3901662ae52ee8f78c5b37c94f616ac2361503fc20a9d41842d0f2c041500358" },
        { 5, "f609c05620ca0cfe0280ad7f3e6cfbb9c5a1bf92f5d04f282a1fd3224c672418" },
    };
    for (size_t i = 0; i < 17; i++) {
        uint8_t b = (uint8_t)i;
        bc_keccak256(bc_bytes(&b, 1), &leaves[i]);
    }
    for (size_t i = 0; i < BC_ARRAY_LEN(rows); i++) {
        assert_int_equal(bc_merkle_root(BC_SUITE_STANDARD, leaves, rows[i].n, &root), BC_OK);
        assert_hex(root.b, 32, rows[i].root);
    }
    assert_int_equal(bc_merkle_root(BC_SUITE_STANDARD, leaves, 1, &root), BC_OK);
    assert_memory_equal(root.b, leaves[0].b, 32);
}

/* What a client does with a proof: each group must hold the hash so far, and its hash goes on. */
static bool proof_leads_to(bc_suite_t suite, const bc_bytes_t *e, size_t n, bc_h256_t at,
                           const bc_h256_t *root)
{
    if (n == 1)
        return e[0].n == 32 && memcmp(e[0].p, root->b, 32) == 0;
    for (size_t i = 0; i < n;) {
        assert_int_equal(e[i].n, 32);
        for (size_t z = 4; z < 32; z++)
            assert_int_equal(e[i].p[z], 0);
        size_t cnt = e[i++].p[3];
        bool found = false;
        bc_hasher_t h;
        bc_hasher_init(&h, suite);
        for (size_t k = 0; k < cnt; k++, i++) {
            assert_true(i < n && e[i].n == 32);
            found |= memcmp(e[i].p, at.b, 32) == 0;
            bc_hasher_put(&h, e[i]);
        }
        bc_hasher_final(&h, &at);
        if (!found)
            return false;
    }
    return bc_h256_eq(&at, root);
}

static void merkle_proofs_of_1_to_17_leaves(void **state)
{
    (void)state;
    bc_h256_t leaves[17], root;
    bc_bytes_t e[32];
    uint8_t store[32 * 32];
    for (size_t i = 0; i < 17; i++) {
        uint8_t b = (uint8_t)i;
        bc_sm3(bc_bytes(&b, 1), &leaves[i]);
    }
    for (size_t n = 1; n <= 17; n++) {
        assert_int_equal(bc_merkle_root(BC_SUITE_SM, leaves, n, &root), BC_OK);
        for (size_t i = 0; i < n; i++) {
            size_t cnt = bc_merkle_proof(BC_SUITE_SM, leaves, n, i, e, 32, store, sizeof store);
            assert_true(cnt > 0);
            assert_true(proof_leads_to(BC_SUITE_SM, e, cnt, leaves[i], &root));
            if (n > 1)
                assert_false(proof_leads_to(BC_SUITE_SM, e, cnt, leaves[(i + 2) % 17], &root));
            assert_int_equal(
                bc_merkle_proof(BC_SUITE_SM, leaves, n, i, e, cnt - 1, store, sizeof store), 0);
        }
        assert_int_equal(bc_merkle_proof(BC_SUITE_SM, leaves, n, n, e, 32, store, sizeof store), 0);
    }
}

static void key_file_round_trip_with_leading_zeros(void **state)
{
    (void)state;
    char path[] = "/tmp/bc_key_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    const uint8_t secret[32] = { [2] = 9, [31] = 7 };
    for (int suite = 0; suite < 2; suite++) {
        bc_keypair_t k, got;
        assert_int_equal(bc_keypair_from_secret((bc_suite_t)suite, secret, &k), BC_OK);
        assert_int_equal(bc_keypair_save(&k, path), BC_OK);
        struct stat st;
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_int_equal(bc_keypair_load((bc_suite_t)suite, path, &got), BC_OK);
        assert_memory_equal(&k.pub, &got.pub, 64);
        assert_memory_equal(k.secret, got.secret, 32);
        /* the other suite takes the scalar and derives its own public key */
        assert_int_equal(bc_keypair_load((bc_suite_t)!suite, path, &got), BC_OK);
        assert_memory_equal(k.secret, got.secret, 32);
        assert_memory_not_equal(&k.pub, &got.pub, 64);
    }
    unlink(path);
    bc_keypair_t k;
    assert_int_equal(bc_keypair_load(BC_SUITE_STANDARD, path, &k), BC_E_IO);
}

static void sec1_and_damaged_pem(void **state)
{
    (void)state;
    /* made with: openssl ecparam -name secp256k1 -genkey (a throw-away key) */
    static const char sec1[] = "-----BEGIN EC PARAMETERS-----\n"
                               "BgUrgQQACg==\n"
                               "-----END EC PARAMETERS-----\n"
                               "-----BEGIN EC PRIVATE KEY-----\n"
                               "MHQCAQEEIHf/bd9UDjvAdjRT7IvRYQ0mBjkY2CAkFQzI7dtLBoTooAcGBSuBBAAK\n"
                               "oUQDQgAEUGFHq7+JYgRLQe8tUF+wxLbtFW1XqH15udtH24EOJTgFF9rK0wlW2cU7\n"
                               "8KgJuovAlyc6q94puz/sjUDZOZX4uA==\n"
                               "-----END EC PRIVATE KEY-----\n";
    bc_keypair_t k;
    assert_int_equal(bc_keypair_parse_pem(BC_SUITE_STANDARD, bc_cstr(sec1), &k), BC_OK);
    assert_hex(k.secret, 32, "77ff6ddf540e3bc0763453ec8bd1610d26063918d82024150cc8eddb4b0684e8");
    for (size_t n = 0; n + 2 < sizeof sec1; n++)
        assert_int_equal(bc_keypair_parse_pem(BC_SUITE_STANDARD, bc_bytes(sec1, n), &k), BC_E_KEY);
    static const char p256[] = "-----BEGIN EC PRIVATE KEY-----\n"
                               "MHcCAQEEIKQe50Wq9iKuC9He38A4u1gVeIXiWftYyR9GK3zBBSGmoAoGCCqGSM49\n"
                               "AwEHoUQDQgAE23X97JFbvqr20djS4vGDFhIoSsRJ9BjGkOwYjFiXYX+KWVdWuwUv\n"
                               "Cp7MI/Fogs3BbOTMqTMiqn0NR2jPKPxKRw==\n"
                               "-----END EC PRIVATE KEY-----\n";
    assert_int_equal(bc_keypair_parse_pem(BC_SUITE_STANDARD, bc_cstr(p256), &k), BC_E_KEY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selftest_passes),
        cmocka_unit_test(keccak_of_empty_and_of_every_block_edge),
        cmocka_unit_test(keccak_kernels_agree),
        cmocka_unit_test(sm3_incremental_equals_one_shot),
        cmocka_unit_test(node_id_of_the_spec_key),
        cmocka_unit_test(secp_refuses_wrong_lengths_and_recovery_ids),
        cmocka_unit_test(secp_accepts_high_s),
        cmocka_unit_test(keys_out_of_range_are_refused),
        cmocka_unit_test(sm2_vectors),
        cmocka_unit_test(sm2_signs_what_it_verifies),
        cmocka_unit_test(sm2_key_exchange),
        cmocka_unit_test(merkle_vectors),
        cmocka_unit_test(merkle_proofs_of_1_to_17_leaves),
        cmocka_unit_test(key_file_round_trip_with_leading_zeros),
        cmocka_unit_test(sec1_and_damaged_pem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
