#include "codec/rlp.h"

/* Reads n bytes of a big-endian length; strict: above 55 and without a leading zero. */
static bc_err_t long_length(bc_rd_t *r, size_t n, size_t *out)
{
    bc_bytes_t b = bc_rd_take(r, n);
    if (r->err)
        return r->err;
    size_t v = 0;
    if (b.p[0] == 0)
        return BC_E_FORMAT;
    for (size_t i = 0; i < n; i++) {
        if (v >> (8 * (sizeof v - 1)))
            return BC_E_TRUNCATED;
        v = v << 8 | b.p[i];
    }
    *out = v;
    return v > 55 ? BC_OK : BC_E_FORMAT;
}

static bc_err_t item_take(bc_rd_t *r, bc_rlp_t *out)
{
    const uint8_t *start = r->p;
    uint8_t first = bc_rd_u8(r);
    if (r->err)
        return r->err;
    bc_err_t err = BC_OK;
    size_t n = 0;
    out->list = first >= 0xc0;
    if (first < 0x80) {
        out->v = out->raw = bc_bytes(start, 1);
        return BC_OK;
    }
    if (first < 0xb8)
        n = first - 0x80u;
    else if (first < 0xc0)
        err = long_length(r, first - 0xb7u, &n);
    else if (first < 0xf8)
        n = first - 0xc0u;
    else
        err = long_length(r, first - 0xf7u, &n);
    if (err)
        return err;
    out->v = bc_rd_take(r, n);
    if (r->err)
        return r->err;
    if (first == 0x81 && out->v.p[0] < 0x80) /* has a shorter form */
        return BC_E_FORMAT;
    out->raw = bc_bytes(start, (size_t)(r->p - start));
    return BC_OK;
}

bc_err_t bc_rlp_next(bc_rd_t *r, bc_rlp_t *out)
{
    *out = (bc_rlp_t){ 0 };
    bc_err_t err = r->err ? r->err : item_take(r, out);
    if (err)
        r->err = err;
    return err;
}

bc_err_t bc_rlp_single(bc_bytes_t in, bc_rlp_t *out)
{
    bc_rd_t r = bc_rd(in);
    bc_err_t err = bc_rlp_next(&r, out);
    return err ? err : bc_rd_left(&r) ? BC_E_FORMAT : BC_OK;
}

bc_err_t bc_rlp_u256(const bc_rlp_t *i, bc_u256_t *out)
{
    bc_u256_t v = { { 0 } };
    if (i->list || (i->v.n && i->v.p[0] == 0))
        return BC_E_FORMAT;
    if (i->v.n > 32)
        return BC_E_RANGE;
    for (size_t k = 0; k < i->v.n; k++) {
        size_t bit = 8 * (i->v.n - 1 - k);
        v.w[bit / 64] |= (uint64_t)i->v.p[k] << (bit % 64);
    }
    *out = v;
    return BC_OK;
}

bc_err_t bc_rlp_u64(const bc_rlp_t *i, uint64_t *out)
{
    bc_u256_t v;
    bc_err_t err = bc_rlp_u256(i, &v);
    if (!err && (v.w[1] | v.w[2] | v.w[3]))
        err = BC_E_RANGE;
    if (!err)
        *out = v.w[0];
    return err;
}

/* The header of a string (base 0x80) or list (base 0xc0) of n bytes into out[9]; its size. */
static size_t header_store(uint8_t out[9], uint8_t base, size_t n)
{
    if (n <= 55) {
        out[0] = (uint8_t)(base + n);
        return 1;
    }
    uint8_t be[8];
    bc_store_be64(be, n);
    size_t skip = 0;
    while (be[skip] == 0)
        skip++;
    out[0] = (uint8_t)(base + 63u - skip);
    memcpy(out + 1, be + skip, 8 - skip);
    return 9 - skip;
}

void bc_rlp_put_bytes(bc_wr_t *w, bc_bytes_t v)
{
    uint8_t head[9];
    if (v.n != 1 || v.p[0] >= 0x80)
        bc_wr_mem(w, head, header_store(head, 0x80, v.n));
    bc_wr_put(w, v);
}

void bc_rlp_put_u64(bc_wr_t *w, uint64_t v)
{
    bc_u256_t wide = { { v } };
    bc_rlp_put_u256(w, &wide);
}

void bc_rlp_put_u256(bc_wr_t *w, const bc_u256_t *v)
{
    uint8_t be[32];
    size_t skip = 0;
    for (int i = 0; i < 4; i++)
        bc_store_be64(be + 8 * i, v->w[3 - i]);
    while (skip < 32 && be[skip] == 0)
        skip++;
    bc_rlp_put_bytes(w, bc_bytes(be + skip, 32 - skip));
}

void bc_rlp_wrap_list(bc_wr_t *w, size_t from)
{
    uint8_t head[9];
    if (w->err)
        return;
    size_t n = w->n - from, h = header_store(head, 0xc0, n);
    if (!bc_wr_reserve(w, h))
        return;
    memmove(w->p + from + h, w->p + from, n);
    memcpy(w->p + from, head, h);
}
