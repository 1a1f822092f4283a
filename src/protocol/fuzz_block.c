/* Blocks, headers and receipts from a stranger. What decodes encodes to a stable form. */
#include "protocol/block.h"

static void round_trip(const bc_tars_struct_t *d, bc_bytes_t in, void *v)
{
    bc_arena_t a;
    bc_wr_t one = { 0 }, two = { 0 };
    bc_arena_init(&a, 64u << 20);
    if (bc_tars_decode(d, in, v, &a) == BC_OK) {
        bc_tars_encode(d, v, &one);
        if (bc_tars_decode(d, bc_wr_view(&one), v, &a) == BC_OK) {
            bc_tars_encode(d, v, &two);
            BC_MUST(bc_bytes_eq(bc_wr_view(&one), bc_wr_view(&two)));
        }
    }
    bc_wr_free(&one);
    bc_wr_free(&two);
    bc_arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bc_block_t b;
    bc_receipt_t r;
    bc_hdr_t *h;
    round_trip(&bc_block_tars, bc_bytes(data, size), &b);
    round_trip(&bc_receipt_tars, bc_bytes(data, size), &r);
    if (bc_hdr_decode(BC_SUITE_STANDARD, bc_bytes(data, size), &h) == BC_OK)
        bc_hdr_unref(h);
    return 0;
}
