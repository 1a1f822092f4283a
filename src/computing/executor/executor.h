/* Execution of blocks and calls by the rules of the baseline executor, version 1 (spec/40 §2),
 * or, where the chain's executor_version is 0, of the older one as it runs serially (§9).
 *
 * Room: transactions are run one after another over a write set (computing/rows); code by the
 * interpreter (computing/evm), system contracts by computing/precompiled. Several threads may
 * execute and call at once: each takes an interpreter from a pool, nothing else is shared but
 * the code cache.
 *
 * With several workers the transactions of a block are run ahead of their turn and checked in
 * order (parallel.c); the result is the same. The helpers are made once and serve one block at a
 * time: a block that finds them busy is run serially.
 *
 * A thread that calls in needs BC_EXECUTOR_STACK_BYTES of stack, whatever the transactions do:
 * nested messages (depth 1024) are frames of the interpreter. Only those that system contracts
 * make are a recursion in C; where hostile code drives it deep, it goes on on a short-lived
 * thread. */
#ifndef BC_COMPUTING_EXECUTOR_H
#define BC_COMPUTING_EXECUTOR_H

#include "iface/chain_config.h"
#include "iface/executor.h"

#define BC_EXECUTOR_STACK_BYTES (256u << 10)

typedef struct bc_executor bc_executor_t;

typedef struct {
    bc_suite_t suite;
    const bc_chain_config_t *chain; /* borrowed for the life of the executor; may be NULL */
    bool key_pages; /* version 0: storage.key_page_size is not 0; paged reads of tables depend on it */
    size_t code_cache_bytes;        /* analysed code; 0: 64 MiB */
    size_t workers;                 /* threads on one block, the caller's included; 0, 1: serial */
    bool parallel_always;           /* for tests: small and conflicting blocks too */
} bc_executor_config_t;

bc_executor_t *bc_executor_new(const bc_executor_config_t *config) BC_WARN_UNUSED; /* NULL: no memory */
void bc_executor_free(bc_executor_t *e); /* nothing may be running */
bc_executor_if bc_executor_local(bc_executor_t *e);

#endif
