/* Decodes by a table that has every kind; what decodes must encode to a stable form. */
#include <stdlib.h>
#include "codec/tars.h"

typedef struct node {
    int32_t id;
    bc_bytes_t name;
} node_t;

typedef struct {
    bc_bytes_t k;
    node_t v;
} pair_t;

typedef struct {
    int8_t a;
    bool b;
    int16_t c;
    int32_t d;
    int64_t e;
    uint32_t f;
    bc_bytes_t g, h;
    node_t i;
    bc_tars_list_t j, k, l, m;
} top_t;

static const bc_tars_field_t node_fields[] = {
    { .tag = 1, .kind = BC_TARS_I32, .off = offsetof(node_t, id), .require = true },
    { .tag = 2, .kind = BC_TARS_STR, .off = offsetof(node_t, name), .def = "none" },
};
static const bc_tars_struct_t node_tars = { "node", sizeof(node_t), 2, node_fields };
static const bc_tars_field_t pair_fields[] = {
    { .tag = 0, .kind = BC_TARS_STR, .off = offsetof(pair_t, k) },
    { .tag = 1, .kind = BC_TARS_STRUCT, .off = offsetof(pair_t, v), .sub = &node_tars },
};
static const bc_tars_struct_t pair_tars = { "pair", sizeof(pair_t), 2, pair_fields };
static const bc_tars_field_t top_fields[] = {
    { .tag = 1, .kind = BC_TARS_I8, .off = offsetof(top_t, a) },
    { .tag = 2, .kind = BC_TARS_BOOL, .off = offsetof(top_t, b) },
    { .tag = 3, .kind = BC_TARS_I16, .off = offsetof(top_t, c) },
    { .tag = 4, .kind = BC_TARS_I32, .off = offsetof(top_t, d) },
    { .tag = 5, .kind = BC_TARS_I64, .off = offsetof(top_t, e) },
    { .tag = 6, .kind = BC_TARS_U32, .off = offsetof(top_t, f) },
    { .tag = 7, .kind = BC_TARS_STR, .off = offsetof(top_t, g) },
    { .tag = 8, .kind = BC_TARS_BYTES, .off = offsetof(top_t, h) },
    { .tag = 9, .kind = BC_TARS_LIST, .item = BC_TARS_BYTES, .off = offsetof(top_t, j) },
    { .tag = 10, .kind = BC_TARS_LIST, .item = BC_TARS_STRUCT, .off = offsetof(top_t, k),
      .sub = &node_tars },
    { .tag = 11, .kind = BC_TARS_LIST, .item = BC_TARS_I64, .off = offsetof(top_t, l) },
    { .tag = 12, .kind = BC_TARS_MAP, .off = offsetof(top_t, m), .sub = &pair_tars },
};
static const bc_tars_struct_t top_tars = { "top", sizeof(top_t), BC_ARRAY_LEN(top_fields),
                                           top_fields };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bc_arena_t arena;
    bc_arena_init(&arena, 64u << 20);
    top_t v, again;
    bc_wr_t one = { 0 }, two = { 0 };
    if (bc_tars_decode(&top_tars, bc_bytes(data, size), &v, &arena) == BC_OK) {
        bc_tars_encode(&top_tars, &v, &one);
        BC_MUST(one.err == BC_OK);
        BC_MUST(bc_tars_decode(&top_tars, bc_wr_view(&one), &again, &arena) == BC_OK);
        bc_tars_encode(&top_tars, &again, &two);
        BC_MUST(bc_bytes_eq(bc_wr_view(&one), bc_wr_view(&two)));
    }
    bc_wr_free(&one);
    bc_wr_free(&two);
    bc_arena_free(&arena);
    return 0;
}
