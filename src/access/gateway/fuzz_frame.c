/* A frame from outside: what decodes encodes to the same bytes; decompression keeps its limit. */
#include "access/gateway/p2p_msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { MAX = 1 << 20 };
    bc_p2p_frame_t f;
    bc_buf_t *b;
    size_t n;
    bc_bytes_t in = bc_bytes(data, size);
    if (bc_p2p_length(in, MAX, &n) == BC_OK && n)
        BC_MUST(n >= BC_P2P_HEAD && n <= MAX);
    if (bc_p2p_decode(in, &f) == BC_OK) {
        b = bc_p2p_encode(&f);
        BC_MUST(b && bc_bytes_eq(bc_buf_view(b), in));
        bc_buf_unref(b);
        if (f.ext & BC_P2P_EXT_COMPRESSED)
            in = f.payload;
    }
    if (bc_p2p_decompress(in, MAX, &b) == BC_OK) {
        BC_MUST(b->n <= MAX);
        bc_buf_unref(b);
    }
    return 0;
}
