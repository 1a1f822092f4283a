/* The sealer: takes transactions from the pool and makes proposals when consensus asks for them
 * (spec/30 §2). An actor of the deterministic core.
 *
 * It never polls: it acts when a window, transactions, a committed block or its timer arrive.
 * A leader with few transactions waits min_seal_time for more, but never longer than
 * BC_SEALER_WAIT_MAX: beyond the other nodes' time-out it would lose its turn every time (W6).
 *
 * With rPBFT, a block that must rotate begins with a transaction that the leader signs and that
 * proves its random value (rotation.c); blocks are then proposed one after the other, because
 * whether one must rotate is known when its parent is written.
 */
#ifndef BC_SEALER_H
#define BC_SEALER_H

#include "iface/actor.h"

#define BC_SEALER_WAIT_MAX 2000 /* ms */

typedef struct {
    bc_suite_t suite;
    bc_nodeid_t self;
    bc_keypair_t key;      /* signs rotation transactions; used on rPBFT chains only */
    char chain_id[129], group_id[129];
    int64_t min_seal_time; /* ms, consensus.min_seal_time; 0: 500 */
    bool single_point;     /* experimental.single_point_consensus: the sealer list is self alone */
} bc_sealer_config_t;

bc_actor_if bc_sealer_new(const bc_sealer_config_t *config) BC_WARN_UNUSED;

#endif
