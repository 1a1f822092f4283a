/* Bytes between gateways (spec/20 §4.2, §4.3, §4.5, §4.6): frames with options and compression,
 * identities, and the Tars messages inside them. Pure; any thread. */
#ifndef BC_ACCESS_P2P_MSG_H
#define BC_ACCESS_P2P_MSG_H

#include "base/buf.h"
#include "codec/tars.h"

#define BC_P2P_HEAD           14 /* bytes before the routing header */
#define BC_P2P_RAW_ID_MAX     1100
#define BC_P2P_SHORT_ID_MAX   33 /* longer ids are raw hex text */
#define BC_P2P_GROUP_MAX      64
#define BC_P2P_TTL            10
#define BC_P2P_COMPRESS_MIN   1024
#define BC_P2P_UNREACHABLE    10 /* router distance */

enum { /* packet types */
    BC_P2P_ANSWER = 0,
    BC_P2P_HEARTBEAT = 1,
    BC_P2P_HANDSHAKE = 2,
    BC_P2P_REQUEST_STATUS = 3,
    BC_P2P_STATUS = 4,
    BC_P2P_UNICAST = 5,
    BC_P2P_BROADCAST = 6,
    BC_P2P_AMOP = 7,
    BC_P2P_WS = 8,
    BC_P2P_STATUS_SEQ = 9,
    BC_P2P_ROUTER_SEQ = 10,
    BC_P2P_ROUTER = 11,
    BC_P2P_REQUEST_ROUTER = 12,
};

enum { BC_P2P_EXT_RESPONSE = 1, BC_P2P_EXT_COMPRESSED = 16 };

/* Views. src and dst are there from version 1 on, the options in types 5 and 6. */
typedef struct {
    uint16_t version, type, ext, module;
    uint32_t seq;
    int16_t ttl;
    bc_bytes_t src, dst;
    bc_bytes_t group;
    bc_bytes_t src_node;
    bc_bytes_t dst_nodes; /* dst_cnt ids of src_node.n bytes each */
    uint8_t dst_cnt;
    bc_bytes_t payload; /* compressed when ext says so */
} bc_p2p_frame_t;

static inline bool bc_p2p_has_options(uint16_t type)
{
    return type == BC_P2P_UNICAST || type == BC_P2P_BROADCAST;
}

/* Length of the frame that begins with in: 0 when fewer than 4 bytes are there. BC_E_FORMAT shorter
 * than a header, BC_E_TOO_BIG above max. */
bc_err_t bc_p2p_length(bc_bytes_t in, size_t max, size_t *len) BC_WARN_UNUSED;
/* Exactly one frame. */
bc_err_t bc_p2p_decode(bc_bytes_t in, bc_p2p_frame_t *out) BC_WARN_UNUSED;
/* NULL: a field is longer than its length says, or memory gone. */
bc_buf_t *bc_p2p_encode(const bc_p2p_frame_t *f) BC_WARN_UNUSED;

/* One zstd frame of level 1 with its content size. NULL: failed, send it as it is. */
bc_buf_t *bc_p2p_compress(bc_bytes_t in) BC_WARN_UNUSED;
/* The announced content size is checked against max before anything is allocated. BC_E_TOO_BIG,
 * BC_E_FORMAT, BC_E_NOMEM. */
bc_err_t bc_p2p_decompress(bc_bytes_t in, size_t max, bc_buf_t **out) BC_WARN_UNUSED;

/* Keccak-256 of the raw id's text. */
void bc_p2p_short_id(bc_bytes_t raw, bc_h256_t *out);

/* ---- messages ---- */

typedef struct {
    int32_t module, min, max;
} bc_p2p_protocol_t;

typedef struct {
    bc_bytes_t group;
    bc_tars_list_t nodes;     /* of bc_bytes_t: hex ids */
    int32_t type;             /* 0 has a consensus node, 1 observers only, 2 outside */
    bc_tars_list_t protocols; /* of bc_p2p_protocol_t, one per node */
    bc_tars_list_t types;     /* of int32_t: BC_NODE_*, one per node */
} bc_p2p_group_t;

typedef struct {
    bc_bytes_t uuid;
    int32_t seq; /* the u32 of SyncNodeSeq */
    bc_tars_list_t groups; /* of bc_p2p_group_t */
} bc_p2p_status_t;

typedef struct {
    bc_bytes_t short_id, raw_id;
} bc_p2p_ids_t;

typedef struct {
    bc_bytes_t dst, next_hop; /* raw ids */
    int32_t distance;
    bc_p2p_ids_t ids; /* of dst */
} bc_p2p_route_t;

typedef struct {
    bc_tars_list_t routes; /* of bc_p2p_route_t */
} bc_p2p_routes_t;

extern const bc_tars_struct_t bc_p2p_protocol_tars, bc_p2p_status_tars, bc_p2p_routes_tars;

#endif
