/* The three readers over the same bytes; what one accepts, its writer reproduces. */
#include "codec/archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bc_bytes_t in = bc_bytes(data, size), text, *strings;
    bc_archive_node_t *nodes;
    int64_t number;
    size_t n;
    bc_arena_t a;
    bc_wr_t w = { 0 };
    bc_arena_init(&a, 16u << 20);
    if (bc_archive_get_config(in, &text, &number) == BC_OK) {
        bc_archive_put_config(&w, text, number);
        BC_MUST(bc_bytes_eq(in, bc_wr_view(&w)));
    }
    bc_wr_reset(&w);
    if (bc_archive_get_strings(in, &strings, &n, &a) == BC_OK) {
        bc_archive_put_strings(&w, strings, n);
        BC_MUST(bc_bytes_eq(in, bc_wr_view(&w)));
    }
    bc_wr_reset(&w);
    if (bc_archive_get_nodes(in, &nodes, &n, &a) == BC_OK) {
        /* a number may carry zero limbs on top, so only the length has a bound */
        bc_archive_put_nodes(&w, nodes, n);
        BC_MUST(w.n <= in.n);
    }
    bc_wr_free(&w);
    bc_arena_free(&a);
    return 0;
}
