#include "access/rpc/ws_message.h"

enum { HEAD_MIN = 10 };

bc_err_t bc_ws_message_decode(bc_bytes_t in, bc_ws_message_t *out)
{
    bc_rd_t r = bc_rd(in);
    *out = (bc_ws_message_t){ 0 };
    if (in.n < HEAD_MIN)
        return BC_E_TRUNCATED;
    out->version = bc_rd_be16(&r);
    out->type = bc_rd_be16(&r);
    out->status = (int16_t)bc_rd_be16(&r);
    uint16_t n = bc_rd_be16(&r);
    out->seq = bc_rd_take(&r, n);
    out->ext = bc_rd_be16(&r);
    out->payload = bc_rd_take(&r, bc_rd_left(&r));
    return r.err ? BC_E_FORMAT : BC_OK;
}

void bc_ws_message_encode(const bc_ws_message_t *m, bc_wr_t *out)
{
    size_t n = BC_MIN(m->seq.n, (size_t)UINT16_MAX);
    bc_wr_be16(out, m->version);
    bc_wr_be16(out, m->type);
    bc_wr_be16(out, (uint16_t)m->status);
    bc_wr_be16(out, (uint16_t)n);
    bc_wr_put(out, bc_bytes(m->seq.p, n));
    bc_wr_be16(out, m->ext);
    bc_wr_put(out, m->payload);
}
