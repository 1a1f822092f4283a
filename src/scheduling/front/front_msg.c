#include "scheduling/front/front.h"

bc_err_t bc_front_msg_decode(bc_bytes_t in, bc_front_msg_t *out)
{
    bc_rd_t r = bc_rd(in);
    out->module = bc_rd_be16(&r);
    out->uuid = bc_rd_take(&r, bc_rd_u8(&r));
    out->ext = bc_rd_be16(&r);
    out->payload = bc_rd_take(&r, bc_rd_left(&r));
    return r.err;
}

bc_buf_t *bc_front_msg_encode(const bc_front_msg_t *m)
{
    if (m->uuid.n > 255 || m->payload.n > BC_FRONT_PAYLOAD_MAX)
        return NULL;
    bc_buf_t *b = bc_buf_new(5 + m->uuid.n + m->payload.n);
    if (!b)
        return NULL;
    uint8_t *p = b->p;
    *p++ = (uint8_t)(m->module >> 8);
    *p++ = (uint8_t)m->module;
    *p++ = (uint8_t)m->uuid.n;
    if (m->uuid.n)
        memcpy(p, m->uuid.p, m->uuid.n);
    p += m->uuid.n;
    *p++ = (uint8_t)(m->ext >> 8);
    *p++ = (uint8_t)m->ext;
    if (m->payload.n)
        memcpy(p, m->payload.p, m->payload.n);
    return b;
}
