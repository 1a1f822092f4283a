/* Frames of SDK WebSockets: decoding, and what encoding the decoded gives. */
#include <stdlib.h>

#include "access/rpc/ws_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bc_ws_message_t m;
    bc_wr_t w = { 0 };
    if (bc_ws_message_decode(bc_bytes(data, size), &m) == BC_OK) {
        bc_ws_message_encode(&m, &w);
        BC_MUST(bc_bytes_eq(bc_wr_view(&w), bc_bytes(data, size)));
    }
    bc_wr_free(&w);
    return 0;
}
