/* Walks every item; a list of canonical items encodes back to the same bytes. */
#include "codec/rlp.h"

static void walk_only(bc_bytes_t in, unsigned depth)
{
    bc_rd_t r = bc_rd(in);
    bc_rlp_t i;
    while (bc_rd_left(&r) && bc_rlp_next(&r, &i) == BC_OK)
        if (i.list && depth)
            walk_only(i.v, depth - 1);
}

static void walk(bc_bytes_t in, unsigned depth, bc_wr_t *out)
{
    bc_rd_t r = bc_rd(in);
    bc_rlp_t i;
    while (bc_rd_left(&r) && bc_rlp_next(&r, &i) == BC_OK) {
        bc_u256_t v;
        size_t from = out->n;
        if (!i.list && bc_rlp_u256(&i, &v) == BC_OK) {
            bc_rlp_put_u256(out, &v);
        } else if (!i.list) {
            bc_rlp_put_bytes(out, i.v);
        } else {
            walk_only(i.v, depth);
            bc_wr_put(out, i.v);
            bc_rlp_wrap_list(out, from);
        }
        BC_MUST(out->err || bc_bytes_eq(bc_bytes(out->p + from, out->n - from), i.raw));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bc_wr_t out = { 0 };
    walk(bc_bytes(data, size), 8, &out);
    bc_wr_free(&out);
    return 0;
}
