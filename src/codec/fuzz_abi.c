/* The first byte chooses a type; decoding never reads outside and always fills the shape. */
#include "codec/abi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {
        "(string,uint256)",
        "(string,(uint8,string,string[])[],(uint32,uint32))",
        "(address,bool,int256,bytes4,bytes)",
        "(string[][],uint256[3],(string,bytes32)[2])",
    };
    if (size == 0)
        return 0;
    const char *type = types[data[0] % BC_ARRAY_LEN(types)];
    bc_arena_t a;
    bc_abi_val_t v, again;
    bc_wr_t w = { .max = 4u << 20 };
    bc_arena_init(&a, 64u << 20);
    bc_err_t err = bc_abi_decode(type, bc_bytes(data + 1, size - 1), &v, &a);
    BC_MUST(err == BC_OK || err == BC_E_FORMAT || err == BC_E_NOMEM);
    if (err != BC_E_NOMEM && bc_abi_encode(type, &v, &w) == BC_OK)
        BC_MUST(bc_abi_decode(type, bc_wr_view(&w), &again, &a) != BC_E_FORMAT);
    bc_wr_free(&w);
    bc_arena_free(&a);
    return 0;
}
