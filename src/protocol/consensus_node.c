#include "protocol/consensus_node.h"

static const bc_tars_field_t fields[] = {
    { .tag = 1, .kind = BC_TARS_BYTES, .off = offsetof(bc_consensus_node_t, node_id) },
    { .tag = 2, .kind = BC_TARS_I64, .off = offsetof(bc_consensus_node_t, vote_weight) },
    { .tag = 3, .kind = BC_TARS_I64, .off = offsetof(bc_consensus_node_t, term_weight) },
    { .tag = 4, .kind = BC_TARS_I32, .off = offsetof(bc_consensus_node_t, type) },
    { .tag = 5, .kind = BC_TARS_I64, .off = offsetof(bc_consensus_node_t, enable_number) },
};

const bc_tars_struct_t bc_consensus_node_tars = {
    .name = "ConsensusNode",
    .size = sizeof(bc_consensus_node_t),
    .cnt = BC_ARRAY_LEN(fields),
    .fields = fields,
};
