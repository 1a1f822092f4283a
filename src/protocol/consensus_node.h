/* The extra row of a consensus node with a term weight: s_consensus, key = its 64 raw bytes
 * (spec/10 §5.1). */
#ifndef BC_PROTOCOL_CONSENSUS_NODE_H
#define BC_PROTOCOL_CONSENSUS_NODE_H

#include "codec/tars.h"

/* Tars ConsensusNode */
typedef struct {
    bc_bytes_t node_id; /* 64 bytes */
    int64_t vote_weight, term_weight;
    int32_t type; /* 0 sealer, 1 observer, 2 candidate sealer */
    int64_t enable_number;
} bc_consensus_node_t;

extern const bc_tars_struct_t bc_consensus_node_tars;

#endif
