/* Consensus: PBFT over the chain's sealers (spec/30 §3), byte compatible with official nodes.
 *
 * An actor of the deterministic core. It orders proposals (three phases), has them executed,
 * collects checkpoint signatures over the executed header and has the block committed.
 *
 * Beyond the official node (design W3, W4, W6):
 * - A vote leaves only after its record is durable (BC_MSG_PERSIST goes before the frame). A node
 *   that restarts with its rows never votes twice in one (height, view) and keeps its precommits.
 * - Votes are taken only from the node that signed them; counted by exact view; a proposal's hash
 *   must be that of its header; a NewView must come from the view's leader, hold distinct senders
 *   and re-propose what its view changes show to be prepared last; proofs are checked wherever they are used.
 * - A precommit is released by a newer one that is shown with the Prepare messages' own signatures, as in
 *   PBFT's paper (docs/notes/0017); official nodes stay bound, and can stall for it.
 * - A view is joined only when more than f of the weight asks for it, so one node cannot move
 *   others, and a node alone does not run ahead: it repeats its view change until a quorum is there.
 * - A node that connects, or asks where the others are after a restart, hears the votes of the
 *   heights under way again. A prepared block that a NewView names is asked of one node after the
 *   other. Views that bring no block get longer, up to 10 s.
 * - A proposal's header names its transactions by their root, which execution sets to the same value;
 *   where it does, and require_txs_root demands it, votes for a hash are votes for one list.
 * - Votes are kept by node and follow it when a change of the sealer list moves its index. */
#ifndef BC_PBFT_H
#define BC_PBFT_H

#include "iface/actor.h"

/* How to sign; a simulator may bring something cheaper. Returns the length, 0 on failure. */
typedef struct {
    size_t (*sign)(void *ctx, const bc_h256_t *digest, uint8_t sig[BC_SIG_MAX]);
    bool (*verify)(void *ctx, const bc_nodeid_t *pub, const bc_h256_t *digest, bc_bytes_t sig);
    void *ctx;
} bc_pbft_signer_t;

/* A row of the consensus store: raw key "table:key" and its value. */
typedef struct {
    bc_bytes_t key, value;
} bc_pbft_row_t;

/* Tables that BC_MSG_PERSIST writes to. The first is the official node's (spec/30 §3.11). */
#define BC_PBFT_TABLE_COMMIT "pbftCommitDB"
#define BC_PBFT_TABLE_VOTE   "cbcosVote"

typedef struct {
    bc_suite_t suite;
    bc_keypair_t key;           /* the node's; pub is its id */
    int64_t min_seal_time;      /* ms, consensus.min_seal_time; 0: 500 */
    int64_t checkpoint_timeout; /* ms, consensus.checkpoint_timeout; 0: 3000 */
    int64_t pipeline_size;      /* consensus.pipeline_size; 0: 50 */
    bool require_txs_root;      /* consensus.require_txs_root */
    bool single_point;          /* experimental.single_point_consensus */
    const bc_pbft_row_t *rows;  /* what the store holds of both tables; borrowed during the call */
    size_t row_cnt;
    const bc_pbft_signer_t *signer; /* NULL: key with the suite. Copied */
} bc_pbft_config_t;

bc_actor_if bc_pbft_new(const bc_pbft_config_t *config) BC_WARN_UNUSED;

typedef struct {
    int64_t number, view, to_view, change_cycle;
    int64_t index;  /* own place in the sealer list, -1: not a sealer */
    int64_t leader; /* of the next block; -1 when there is no sealer */
    bool timeout;
    uint64_t quorum, max_faulty;
    int64_t sync_highest;
    int64_t divergent; /* height where a quorum signed another result than ours; 0: none */
    uint64_t deferred; /* messages held back for later */
    uint64_t dropped;  /* messages refused: malformed, unsigned, stale, not from the signer */
} bc_pbft_status_t;
/* On the core's loop. */
void bc_pbft_status(bc_actor_if pbft, bc_pbft_status_t *out);

/* Pure rules, spec/30 §3.3, §3.4, §3.7. */
int64_t bc_pbft_leader(int64_t number, int64_t view, uint64_t period, size_t node_cnt);
void bc_pbft_quorum(uint64_t total_weight, uint64_t *quorum, uint64_t *max_faulty);
int64_t bc_pbft_timeout_ms(int64_t base_ms, unsigned cycle);

#endif
