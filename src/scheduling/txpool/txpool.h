/* The transaction pool: pending transactions, their nonces, and who waits for them; also the
 * exchange of transactions between nodes (modules 2001, 2002, 5000, 6000). spec/30 §1.
 *
 * Life of a transaction: verifying (its sender is being recovered by the host) -> unsealed ->
 * sealed -> gone at commit. All three count against `limit` and `limit_bytes`; a full pool refuses with
 * TxPoolIsFull (10002) and drops gossip. What a proposal needs is let in beyond the limit.
 *
 * A client's transaction is checked first and gossiped when accepted, so garbage is not
 * amplified: to every sealer, or by the tree of protocol/gossip_tree.h. What comes by the tree is
 * passed on before its signature is known to be good, as official nodes do; its sender, a member of
 * the group, could as well have sent it to everybody. It is passed on whatever the own setting is,
 * for the sender relies on it. */
#ifndef BC_TXPOOL_H
#define BC_TXPOOL_H

#include "iface/actor.h"

typedef struct {
    bc_suite_t suite;
    char chain_id[129], group_id[129];
    bc_nodeid_t self;
    size_t limit;             /* txpool.limit; 0: 15000 */
    size_t limit_bytes;       /* txpool.limit_bytes, of their Tars bytes; 0: 256 MiB */
    int64_t expiration_ms;    /* txpool.txs_expiration_time, in ms; 0: 600000 */
    bool check_block_limit;
    uint32_t block_limit;     /* chain.block_limit: W */
    bool txs_from_free_node;
    bool by_tree;             /* sync.send_txs_by_tree */
    uint64_t seed;            /* spreads what an observer sends by the tree over the sealers */
    size_t batch_max;         /* transactions per BC_MSG_RECOVER; 0: 64 */
    unsigned batches_max;     /* recover batches in flight; 0: 4 */
} bc_txpool_config_t;

typedef struct {
    uint64_t txs, bytes, unsealed, verifying;
    uint64_t accepted, refused, refused_full, expired;
    uint64_t nonce_entries;
} bc_txpool_stats_t;

bc_actor_if bc_txpool_new(const bc_txpool_config_t *config) BC_WARN_UNUSED;
/* How many of the newest blocks the pool must know the nonces of. */
uint32_t bc_txpool_window(uint32_t block_limit);
/* Before START: the nonces of a committed block, for those blocks; ascending numbers. list:
 * bc_bytes_t items. */
void bc_txpool_load_nonces(bc_actor_if pool, int64_t number, const bc_tars_list_t *list);
/* Counters; on the core's loop. */
void bc_txpool_stats(bc_actor_if pool, bc_txpool_stats_t *out);

#endif
