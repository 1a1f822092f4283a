/* The sealer: takes transactions from the pool and makes proposals when consensus asks for them
 * (spec/30 §2). An actor of the deterministic core.
 *
 * It never polls: it acts when a window, transactions, a committed block or its timer arrive.
 * A leader with few transactions waits min_seal_time for more, but never longer than
 * BC_SEALER_WAIT_MAX: beyond the other nodes' time-out it would lose its turn every time (W6).
 *
 * The rotation transaction of rPBFT is not made yet: with rPBFT on, blocks that must rotate are
 * proposed without it, which other nodes refuse. */
#ifndef BC_SEALER_H
#define BC_SEALER_H

#include "iface/actor.h"

#define BC_SEALER_WAIT_MAX 2000 /* ms */

typedef struct {
    bc_suite_t suite;
    bc_nodeid_t self;
    int64_t min_seal_time; /* ms, consensus.min_seal_time; 0: 500 */
} bc_sealer_config_t;

bc_actor_if bc_sealer_new(const bc_sealer_config_t *config) BC_WARN_UNUSED;

#endif
