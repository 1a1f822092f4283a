#include "access/gateway/p2p_msg.h"
#include "crypto/suite.h"
#include <zstd.h>

bc_err_t bc_p2p_length(bc_bytes_t in, size_t max, size_t *len)
{
    *len = 0;
    if (in.n < 4)
        return BC_OK;
    size_t n = bc_load_be32(in.p);
    if (n < BC_P2P_HEAD)
        return BC_E_FORMAT;
    if (n > max)
        return BC_E_TOO_BIG;
    *len = n;
    return BC_OK;
}

static void read_options(bc_rd_t *r, bc_p2p_frame_t *f)
{
    f->group = bc_rd_take(r, bc_rd_be16(r));
    size_t id_n = bc_rd_be16(r);
    f->src_node = bc_rd_take(r, id_n);
    f->dst_cnt = bc_rd_u8(r);
    f->dst_nodes = bc_rd_take(r, id_n * f->dst_cnt);
    f->module = bc_rd_be16(r);
    if (!r->err && id_n == 0)
        r->err = BC_E_FORMAT;
}

bc_err_t bc_p2p_decode(bc_bytes_t in, bc_p2p_frame_t *f)
{
    *f = (bc_p2p_frame_t){ 0 };
    bc_rd_t r = bc_rd(in);
    size_t n = bc_rd_be32(&r);
    f->version = bc_rd_be16(&r);
    f->type = bc_rd_be16(&r);
    f->seq = bc_rd_be32(&r);
    f->ext = bc_rd_be16(&r);
    if (!r.err && n != in.n)
        return BC_E_FORMAT;
    if (f->version >= 1) {
        f->ttl = (int16_t)bc_rd_be16(&r);
        f->src = bc_rd_take(&r, bc_rd_be16(&r));
        f->dst = bc_rd_take(&r, bc_rd_be16(&r));
        if (f->src.n > BC_P2P_RAW_ID_MAX || f->dst.n > BC_P2P_RAW_ID_MAX)
            return BC_E_TOO_BIG;
    }
    if (bc_p2p_has_options(f->type))
        read_options(&r, f);
    f->payload = bc_rd_take(&r, bc_rd_left(&r));
    return r.err;
}

bc_buf_t *bc_p2p_encode(const bc_p2p_frame_t *f)
{
    bool options = bc_p2p_has_options(f->type);
    size_t n = BC_P2P_HEAD + f->payload.n;
    if (f->version >= 1)
        n += 6 + f->src.n + f->dst.n;
    if (options)
        n += 7 + f->group.n + f->src_node.n + f->dst_nodes.n;
    if (n > UINT32_MAX || f->src.n > UINT16_MAX || f->dst.n > UINT16_MAX ||
        f->group.n > UINT16_MAX || f->src_node.n > UINT16_MAX ||
        f->dst_nodes.n != f->src_node.n * f->dst_cnt)
        return NULL;
    bc_buf_t *b = bc_buf_new(n);
    if (!b)
        return NULL;
    bc_wr_t w = { .p = b->p, .cap = n, .max = n }; /* never grows */
    bc_wr_be32(&w, (uint32_t)n);
    bc_wr_be16(&w, f->version);
    bc_wr_be16(&w, f->type);
    bc_wr_be32(&w, f->seq);
    bc_wr_be16(&w, f->ext);
    if (f->version >= 1) {
        bc_wr_be16(&w, (uint16_t)f->ttl);
        bc_wr_be16(&w, (uint16_t)f->src.n);
        bc_wr_put(&w, f->src);
        bc_wr_be16(&w, (uint16_t)f->dst.n);
        bc_wr_put(&w, f->dst);
    }
    if (options) {
        bc_wr_be16(&w, (uint16_t)f->group.n);
        bc_wr_put(&w, f->group);
        bc_wr_be16(&w, (uint16_t)f->src_node.n);
        bc_wr_put(&w, f->src_node);
        bc_wr_u8(&w, f->dst_cnt);
        bc_wr_put(&w, f->dst_nodes);
        bc_wr_be16(&w, f->module);
    }
    bc_wr_put(&w, f->payload);
    BC_MUST(!w.err && w.n == n && w.p == b->p);
    return b;
}

bc_buf_t *bc_p2p_compress(bc_bytes_t in)
{
    size_t cap = ZSTD_compressBound(in.n);
    bc_buf_t *b = bc_buf_new(cap);
    if (!b)
        return NULL;
    size_t n = ZSTD_compress(b->p, cap, in.p, in.n, 1);
    if (ZSTD_isError(n)) {
        bc_buf_unref(b);
        return NULL;
    }
    b->n = n;
    return b;
}

bc_err_t bc_p2p_decompress(bc_bytes_t in, size_t max, bc_buf_t **out)
{
    *out = NULL;
    unsigned long long n = ZSTD_getFrameContentSize(in.p, in.n);
    if (n == ZSTD_CONTENTSIZE_ERROR || n == ZSTD_CONTENTSIZE_UNKNOWN)
        return BC_E_FORMAT;
    if (n > max)
        return BC_E_TOO_BIG;
    bc_buf_t *b = bc_buf_new((size_t)n);
    if (!b)
        return BC_E_NOMEM;
    size_t got = ZSTD_decompress(b->p, (size_t)n, in.p, in.n);
    if (ZSTD_isError(got) || got != n) {
        bc_buf_unref(b);
        return BC_E_FORMAT;
    }
    *out = b;
    return BC_OK;
}

void bc_p2p_short_id(bc_bytes_t raw, bc_h256_t *out)
{
    bc_keccak256(raw, out);
}

/* ---- Tars tables: GatewayInfo.tars, RouterTable.tars, ProtocolInfo.tars ---- */

static const bc_tars_field_t protocol_fields[] = {
    { .tag = 1, .kind = BC_TARS_I32, .require = true, .off = offsetof(bc_p2p_protocol_t, module) },
    { .tag = 2, .kind = BC_TARS_I32, .require = true, .off = offsetof(bc_p2p_protocol_t, min) },
    { .tag = 3, .kind = BC_TARS_I32, .require = true, .off = offsetof(bc_p2p_protocol_t, max) },
};
const bc_tars_struct_t bc_p2p_protocol_tars = { "ProtocolInfo", sizeof(bc_p2p_protocol_t),
                                                BC_ARRAY_LEN(protocol_fields), protocol_fields };

static const bc_tars_field_t group_fields[] = {
    { .tag = 1, .kind = BC_TARS_STR, .off = offsetof(bc_p2p_group_t, group) },
    { .tag = 2, .kind = BC_TARS_LIST, .item = BC_TARS_STR, .off = offsetof(bc_p2p_group_t, nodes) },
    { .tag = 3, .kind = BC_TARS_I32, .off = offsetof(bc_p2p_group_t, type) },
    { .tag = 4, .kind = BC_TARS_LIST, .item = BC_TARS_STRUCT,
      .off = offsetof(bc_p2p_group_t, protocols), .sub = &bc_p2p_protocol_tars },
    { .tag = 5, .kind = BC_TARS_LIST, .item = BC_TARS_I32, .off = offsetof(bc_p2p_group_t, types) },
};
static const bc_tars_struct_t group_tars = { "GroupNodeInfo", sizeof(bc_p2p_group_t),
                                             BC_ARRAY_LEN(group_fields), group_fields };

static const bc_tars_field_t status_fields[] = {
    { .tag = 1, .kind = BC_TARS_STR, .require = true, .off = offsetof(bc_p2p_status_t, uuid) },
    { .tag = 2, .kind = BC_TARS_I32, .require = true, .off = offsetof(bc_p2p_status_t, seq) },
    { .tag = 3, .kind = BC_TARS_LIST, .item = BC_TARS_STRUCT,
      .off = offsetof(bc_p2p_status_t, groups), .sub = &group_tars },
};
const bc_tars_struct_t bc_p2p_status_tars = { "GatewayNodeStatus", sizeof(bc_p2p_status_t),
                                              BC_ARRAY_LEN(status_fields), status_fields };

static const bc_tars_field_t ids_fields[] = {
    { .tag = 1, .kind = BC_TARS_STR, .off = offsetof(bc_p2p_ids_t, short_id) },
    { .tag = 2, .kind = BC_TARS_STR, .off = offsetof(bc_p2p_ids_t, raw_id) },
};
static const bc_tars_struct_t ids_tars = { "NodeIDInfo", sizeof(bc_p2p_ids_t),
                                           BC_ARRAY_LEN(ids_fields), ids_fields };

static const bc_tars_field_t route_fields[] = {
    { .tag = 1, .kind = BC_TARS_STR, .require = true, .off = offsetof(bc_p2p_route_t, dst) },
    { .tag = 2, .kind = BC_TARS_STR, .off = offsetof(bc_p2p_route_t, next_hop) },
    { .tag = 3, .kind = BC_TARS_I32, .require = true, .off = offsetof(bc_p2p_route_t, distance) },
    { .tag = 4, .kind = BC_TARS_STRUCT, .off = offsetof(bc_p2p_route_t, ids), .sub = &ids_tars },
};
static const bc_tars_struct_t route_tars = { "RouterTableEntry", sizeof(bc_p2p_route_t),
                                             BC_ARRAY_LEN(route_fields), route_fields };

static const bc_tars_field_t routes_fields[] = {
    { .tag = 1, .kind = BC_TARS_LIST, .item = BC_TARS_STRUCT,
      .off = offsetof(bc_p2p_routes_t, routes), .sub = &route_tars },
};
const bc_tars_struct_t bc_p2p_routes_tars = { "RouterTable", sizeof(bc_p2p_routes_t),
                                              BC_ARRAY_LEN(routes_fields), routes_fields };
