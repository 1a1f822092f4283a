/* Nanoseconds per operation of what every transaction passes through. */
#include <stdio.h>
#include <time.h>
#include "protocol/tx.h"

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

#define BENCH(name, cnt, unit, ...)                                                                \
    do {                                                                                           \
        double start = now_ns();                                                                   \
        for (int i_ = 0; i_ < (cnt); i_++) {                                                       \
            __VA_ARGS__;                                                                           \
        }                                                                                          \
        printf("%-34s %10.0f ns\n", name, (now_ns() - start) / (cnt) / (unit));                    \
    } while (0)

int main(void)
{
    static uint8_t data[64 * 64];
    bc_bytes_t in[64];
    bc_h256_t out[64];
    for (size_t i = 0; i < 64; i++)
        in[i] = bc_bytes(data + 64 * i, 64);
    BENCH("keccak256, 64 bytes", 200000, 1, bc_keccak256(in[0], out));
    BENCH("keccak256, 64 bytes, batch", 4000, 64, bc_hash_many(BC_SUITE_STANDARD, in, out, 64));
    BENCH("sm3, 64 bytes", 200000, 1, bc_sm3(in[0], out));
    for (int suite = 0; suite < 2; suite++) {
        bc_keypair_t key;
        bc_tx_t *tx = NULL, *got = NULL;
        bc_tx_data_t d = { .chain_id = BC_STR("chain0"),
                           .group_id = BC_STR("group0"),
                           .block_limit = 500,
                           .nonce = BC_STR("82456994196425209985513938878262806289"),
                           .to = BC_STR("0x6849f21d1e455e9f0712b1e99fa4fcd23758e8f1"),
                           .input = bc_bytes(data, 68) };
        if (bc_keypair_new((bc_suite_t)suite, &key) != BC_OK ||
            bc_tx_make((bc_suite_t)suite, &d, 0, (bc_bytes_t){ 0 }, &key, &tx) != BC_OK)
            return 1;
        bc_bytes_t raw = bc_buf_view(tx->raw);
        bc_wr_t w = { 0 };
        uint8_t sig[BC_SIG_MAX];
        printf("%s, transaction of %zu bytes\n", suite ? "SM" : "standard", raw.n);
        BENCH("  decode and hash", 100000, 1,
              if (bc_tx_decode((bc_suite_t)suite, raw, &got) == BC_OK) bc_tx_unref(got));
        BENCH("  encode as stored", 100000, 1, bc_wr_reset(&w); bc_tx_encode_stored(tx, &w));
        BENCH("  recover the sender", 2000, 1, if (bc_tx_recover(tx) != BC_OK) return 1);
        BENCH("  sign", 1000, 1, if (!bc_sign_tx(&key, &tx->hash, sig)) return 1);
        bc_wr_free(&w);
        bc_tx_unref(tx);
    }
    return 0;
}
