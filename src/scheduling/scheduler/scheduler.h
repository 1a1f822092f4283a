/* The block pipeline: order -> execute -> commit (spec/30 §6).
 *
 * One block executes at a time, in height order; commits are written in height order, block n + 1
 * may execute while n is being written. Downloaded blocks that wait for their commit are written
 * together, with one wait for the disk (at most 16), and told when all are durable. Results of
 * executed, uncommitted blocks are kept, at most `depth_max` of them. A block that arrives again
 * with the same input is answered from there; with other input, everything from its height on is
 * thrown away and executed anew.
 *
 * Checks beyond the official node's: the parent hash of a block must be the hash of the executed
 * block before it; a downloaded block's hash must equal ours or its state is discarded. */
#ifndef BC_SCHEDULER_H
#define BC_SCHEDULER_H

#include "iface/actor.h"

typedef struct {
    size_t depth_max; /* executed and uncommitted blocks; 0: 64 */
} bc_scheduler_config_t;

/* The actor takes EXECUTE, COMMIT, RAN_EXECUTE, RAN_COMMIT, START. Answers with
 * EXECUTED.err: BC_E_STALE at or below the ledger; BC_E_NOT_READY a gap before it; BC_E_MISMATCH
 * parent or verified hash differs; BC_E_FULL too far ahead; others from the executor.
 * COMMIT_DONE.err: BC_E_STALE, BC_E_NOT_READY not executed or not the next, BC_E_MISMATCH another
 * hash, BC_E_IO and the like from the store (the block stays executed: commit again). */
bc_actor_if bc_scheduler_new(const bc_scheduler_config_t *config) BC_WARN_UNUSED;

#endif
