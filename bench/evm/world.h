/* Our EVM behind a few plain calls, for programs in other languages: bc_evm_run over a world of
 * accounts in memory, in the Ethereum profile. One world is used by one thread. Built into
 * libcbcos-evm-world.so by bench/evm/run. */
#ifndef BENCH_EVM_WORLD_H
#define BENCH_EVM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct world world_t;

/* rev as bc_evm_rev_t. NULL: no memory. */
world_t *bench_world_new(int rev);
void bench_world_free(world_t *w);
/* Puts an account; its code is analysed here and kept. False: too many accounts, no memory. */
bool bench_world_account(world_t *w, const uint8_t address[20], const uint8_t *code, size_t n);

typedef struct {
    int status; /* bc_evm_status_t */
    int64_t gas_used, gas_refund;
    const uint8_t *output; /* until the next call on this world */
    size_t output_n;
    size_t logs;
} bench_result_t;

/* Runs one message from an outside account on a fresh state: nothing of an earlier run is left. */
void bench_world_run(world_t *w, const uint8_t to[20], const uint8_t *input, size_t n, int64_t gas,
                     bench_result_t *out);

/* One of the contracts 1..9 without an EVM around it. False: it failed. At most cap bytes. */
bool bench_precompile(unsigned number, const uint8_t *input, size_t n, uint8_t *out, size_t cap,
                      size_t *out_n);

#endif
