/* Inside the executor: a block from its transactions to its receipts and roots. */
#ifndef BC_COMPUTING_EXECUTOR_BLOCK_H
#define BC_COMPUTING_EXECUTOR_BLOCK_H

#include <pthread.h>

#include "computing/executor/crew.h"
#include "computing/executor/exec.h"

struct bc_executor {
    bc_suite_t suite;
    const bc_chain_config_t *chain;
    bool key_pages;
    bc_pc_set_t *contracts;
    bc_evm_cache_t *codes;
    bc_crew_t *crew;      /* NULL: serial */
    size_t parallel_min;  /* transactions; smaller blocks are run serially */
    bool parallel_always; /* also when most transactions conflict */
    pthread_mutex_t lock; /* of the pool */
    bc_evm_t *pool[16];   /* idle interpreters; more are made and freed as needed */
    size_t pool_cnt;
};

/* Opened contexts are closed even when opening failed; the rest of x is then as zeroed. */
bc_err_t bc_exec_open(bc_executor_t *e, bc_exec_t *x, bc_view_if state, int64_t number,
                      int64_t timestamp, uint32_t version) BC_WARN_UNUSED;
/* The rules of the block's executor version; the header's version must be known. */
bc_err_t bc_exec_choose(const bc_executor_t *e, bc_exec_t *x) BC_WARN_UNUSED;
/* A context of the same block over a fork of the trunk's rows. Closed before the trunk. */
bc_err_t bc_exec_fork(bc_executor_t *e, bc_exec_t *x, const bc_exec_t *trunk) BC_WARN_UNUSED;
void bc_exec_close(bc_executor_t *e, bc_exec_t *x);

typedef struct {
    bc_addr_t sender;
    bc_bytes_t to, input, abi;
    bc_u256_t value, nonce;
    uint8_t type;
    int64_t gas_limit;
    bool call; /* no charge, no receipt */
} bc_exec_input_t;

/* Runs the steps of spec/40 §2.2; *gas_used and whether it creates come back for the receipt. */
void bc_exec_transaction(bc_exec_t *x, const bc_exec_input_t *in, bc_msg_result_t *out,
                         int64_t *gas_used, bool *create);
/* Ends it: what it wrote stays, everything else of it is gone. */
void bc_exec_settle(bc_exec_t *x, bc_msg_result_t *out);

/* One block. */
typedef struct {
    bc_executor_t *e;
    const bc_exec_block_t *in;
    bc_exec_result_t *res;
    bc_exec_t x; /* its rows are the block's write set */
    bc_u256_t cumulative;
    bc_wr_t buf;
    char price_text[72];
    bc_err_t err;
} bc_block_run_t;

/* A transaction that has run and has no receipt yet. Not to be moved: data points into it. */
typedef struct {
    bc_msg_result_t r;
    int64_t gas_used;
    bc_receipt_data_t data; /* output and logs are in the context's memory */
    bc_h256_t hash;         /* of data */
    uint8_t bloom[256];
    char gas_text[24];
    bc_addr_text_t created;
} bc_tx_done_t;

/* Runs transaction i of the block on x, which is b's own context or a fork. The caller settles x
 * or unrefs d->r.owner, also after an error. */
bc_err_t bc_block_tx(const bc_block_run_t *b, bc_exec_t *x, size_t i, bc_tx_done_t *d) BC_WARN_UNUSED;
/* Writes receipt i; cumulative includes its own gas. buf is scratch, arena holds the receipt. */
bc_err_t bc_block_receipt(const bc_block_run_t *b, size_t i, const bc_tx_done_t *d,
                          const bc_u256_t *cumulative, bc_wr_t *buf, bc_arena_t *arena) BC_WARN_UNUSED;
/* Transactions from `from` on, one after another. */
bc_err_t bc_block_serial(bc_block_run_t *b, size_t from) BC_WARN_UNUSED;
/* Roots and changes; crew, which the caller has taken, may be NULL. */
bc_err_t bc_block_roots(bc_block_run_t *b, bc_crew_t *crew) BC_WARN_UNUSED;
/* Transactions, roots and changes, with the crew, which the caller has taken (parallel.c). */
bc_err_t bc_block_parallel(bc_block_run_t *b, bc_crew_t *crew) BC_WARN_UNUSED;
/* The whole of b: fills res and err. */
void bc_block_run(bc_block_run_t *b);

#endif
