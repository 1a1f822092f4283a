/* The list of consensus nodes in state: row `key` of s_consensus, and one row per node with a
 * term weight (spec/10 §5.1). */
#ifndef BC_COMPUTING_PRECOMPILED_NODE_LIST_H
#define BC_COMPUTING_PRECOMPILED_NODE_LIST_H

#include "codec/archive.h"
#include "computing/precompiled/contract.h"

#define BC_PC_NODES_SEALER BC_STR("consensus_sealer")
#define BC_PC_NODES_OBSERVER BC_STR("consensus_observer")
#define BC_PC_NODES_CANDIDATE BC_STR("consensus_candidate_sealer")

typedef struct {
    bc_archive_node_t *v;
    uint64_t *term_weights;
    size_t cnt;
} bc_pc_nodes_t;

/* The list, with room for one more. */
bc_pc_end_t bc_pc_nodes_load(bc_pc_t *pc, bc_pc_nodes_t *n, bool with_terms);
void bc_pc_nodes_store(bc_pc_t *pc, const bc_pc_nodes_t *n);
/* Rows of nodes with a term weight; all of them when forced. */
void bc_pc_nodes_store_terms(bc_pc_t *pc, const bc_pc_nodes_t *n, bool force);

/* rotateWorkingSealer (rotation.c) */
bc_pc_end_t bc_pc_nodes_rotate(bc_pc_t *pc);

#endif
