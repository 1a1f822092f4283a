/* Block sync: tells peers our height, downloads what we lack, checks it, has it executed and
 * committed; serves blocks to others (spec/30 §5).
 *
 * A downloaded block is believed only after its sealer list, weights and distinct signatures of
 * quorum weight are checked against the list in force (empty blocks too), its parent is ours, and
 * its transactions are those of its header, and its execution here gives the same hash. A node whose execution differs from a block that
 * a quorum signed is divergent: it says so in the log and in its status, and goes on asking
 * slowly without writing anything (design W10).
 *
 * Consensus is told of a height that more sealers claim than may be faulty: what one node says makes
 * nobody stop proposing. */
#ifndef BC_BLOCKSYNC_H
#define BC_BLOCKSYNC_H

#include "iface/actor.h"

typedef struct {
    bc_suite_t suite;
    bc_nodeid_t self;
    bool allow_free_node; /* sync.allow_free_node */
    uint32_t tree_width;  /* sync.tree_width with sync_block_by_tree; 0: everybody is told */
    uint64_t seed;        /* spreads requests over peers */
    int64_t archived;     /* archived number of the ledger: blocks below it have no transactions */
    bool restore;         /* storage.sync_archived_blocks: fetch those of peers */
    size_t serve_max;     /* blocks that wait to be sent to one peer, the rest of what it asks for is
                           * dropped; 0: 1000 */
} bc_blocksync_config_t;

typedef struct {
    int64_t number;
    bc_nodeid_t node;
    int64_t archived;
    bc_h256_t hash;
} bc_sync_peer_t;

typedef struct {
    int64_t known_highest;
    bc_h256_t known_latest_hash;
    bool syncing;
    int64_t archived;
    int64_t rate_tenths;  /* catching up: blocks per 10 s over the latest interval; else 0 */
    int64_t seconds_left; /* at that rate; -1: unknown, or not catching up */
    int64_t divergent; /* height at which our execution differs from a signed block; 0: none */
    size_t waiting_max; /* blocks that wait to be sent to the peer for whom most do */
    size_t loading;     /* blocks that are being read to be sent */
    size_t peer_cnt;
    bc_sync_peer_t peers[64];
} bc_blocksync_status_t;

bc_actor_if bc_blocksync_new(const bc_blocksync_config_t *config) BC_WARN_UNUSED;
/* On the core's loop. */
void bc_blocksync_status(bc_actor_if sync, bc_blocksync_status_t *out);

#endif
