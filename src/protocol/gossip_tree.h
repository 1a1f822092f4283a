/* Who tells whom when a node does not tell everybody (spec/30 §1.5, §5): trees over node lists that
 * every node of a group has in the same order. Pure; any thread.
 *
 * A node is a position in its list. In a tree of width w the children of index t are t*w+1 ..
 * t*w+w. Children that are not connected are replaced by their own children, again and again. */
#ifndef BC_PROTOCOL_GOSSIP_TREE_H
#define BC_PROTOCOL_GOSSIP_TREE_H

#include "base/types.h"

#define BC_TREE_TXS_WIDTH 3

/* Is the node at the position connected to this one? False for this one itself. */
typedef bool (*bc_tree_up_fn)(void *ctx, size_t position);

/* ---- transactions: a tree over the ring of n sealers (module 6000) ----
 *
 * Whoever has a transaction from a client is index 0 and the sealers behind it in the ring follow.
 * A message does not tell where it began: a relay counts from the node that sent it. All sealers
 * are reached when all are connected, whatever n is, and up to 13 of them (two steps) whoever is
 * away; beyond that the absence of some can leave others out, who then ask for what a proposal
 * names. */

enum { BC_TREE_NO_SEALER = -1, BC_TREE_OWN = -2 };

/* Positions of the sealers to send to. self: own position, or BC_TREE_NO_SEALER. from: position of
 * the direct sender, BC_TREE_NO_SEALER when that is none, BC_TREE_OWN for a transaction of an own
 * client. draw: a random number; a node that is no sealer begins at that place. out has room for n.
 * Source: bcos-tool TreeTopology.cpp selectNodes */
size_t bc_tree_txs(size_t n, int64_t self, int64_t from, uint64_t draw, bc_tree_up_fn up, void *ctx,
                   size_t *out);

/* ---- heights: a tree below each sealer over the n members of the group (module 2000) ----
 *
 * The members, sorted by id, are cut into as many ranges as there are sealers; sealer i serves
 * range i. Sealers tell each other, and the first members of their range; the others tell their
 * parent and their children. What the original lacks: a sealer inside a range hands nothing down
 * it, so its children are told by its parent; and the range of a sealer that is away is served by
 * the next one. So every member hears of every height. */

/* Positions of the members to tell. self: own position; sealer[n]: which members are sealers; width
 * >= 1. out has room for 2n, used in between. Source: bcos-sync SyncTreeTopology.cpp
 * selectNodesForBlockSync */
size_t bc_tree_heights(size_t n, size_t self, const bool *sealer, size_t width, bc_tree_up_fn up,
                       void *ctx, size_t *out);

#endif
