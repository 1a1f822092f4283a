/* Re-executes the blocks of a captured chain and compares everything that an official node
 * computed: receipts, roots, gas, header hash inputs and the rows that changed.
 *
 * A chain folder holds db/genesis.full.json (the store before the first transaction) and
 * db/step-NNN.diff.json (its changes, at most one block each). State goes forward by the recorded
 * rows, so one wrong block does not spoil the next. */
#ifndef BC_TESTS_REEXEC_H
#define BC_TESTS_REEXEC_H

#include <stdbool.h>
#include <stdio.h>

typedef struct {
    unsigned blocks;   /* in the capture, block 0 included */
    unsigned passed, failed, skipped;
} bc_reexec_stat_t;

/* Runs one chain folder. Failures and skips are described on log. False: the folder cannot be
 * read (stat is then meaningless). only >= 0: that block alone. workers: 1 serial execution, more:
 * parallel, however small the block. */
bool bc_reexec_chain(const char *dir, long only, size_t workers, bool verbose, FILE *log,
                     bc_reexec_stat_t *stat);

#endif
