/* Tars encoding driven by field tables (spec/10 §2).
 *
 * A message is a C struct plus a table with one row per field. Decoding fills views into the
 * input and lists from an arena, so the input must outlive the struct. Encoding writes what the
 * official encoder writes: ascending tags, smallest integer type, optional defaults omitted,
 * optional structs always written. A decoder never allocates more than a small multiple of the
 * bytes it was given, and nesting is bounded. Pure; any thread. */
#ifndef BC_CODEC_TARS_H
#define BC_CODEC_TARS_H

#include "base/arena.h"
#include "base/buf.h"

typedef enum {
    BC_TARS_I8,     /* int8_t (also Tars byte) */
    BC_TARS_BOOL,   /* bool, written as int8 */
    BC_TARS_I16,    /* int16_t */
    BC_TARS_I32,    /* int32_t */
    BC_TARS_I64,    /* int64_t */
    BC_TARS_U32,    /* uint32_t, on the wire as int64 */
    BC_TARS_STR,    /* bc_bytes_t */
    BC_TARS_BYTES,  /* bc_bytes_t: vector<byte>, simple list */
    BC_TARS_STRUCT, /* embedded struct, sub = its table */
    BC_TARS_LIST,   /* bc_tars_list_t of items of kind `item` (sub for structs) */
    BC_TARS_MAP,    /* bc_tars_list_t of structs: sub has rows of tag 0 (key) and 1 (value) */
} bc_tars_kind_t;

typedef struct {
    void *v;  /* items back to back; bc_bytes_t for STR and BYTES items */
    size_t n;
} bc_tars_list_t;

typedef struct bc_tars_struct bc_tars_struct_t;

typedef struct {
    uint8_t tag;
    uint8_t kind; /* bc_tars_kind_t */
    uint8_t item; /* LIST: kind of the items */
    bool require;
    uint32_t off; /* offsetof */
    const bc_tars_struct_t *sub;
    const char *def; /* STR: the declared default when it is not "" */
} bc_tars_field_t;

struct bc_tars_struct {
    const char *name; /* for messages */
    uint32_t size;    /* sizeof the C struct */
    uint32_t cnt;
    const bc_tars_field_t *fields; /* ascending tags */
};

/* Zeroes *out, fills it. Unknown and late tags are skipped, trailing bytes ignored.
 * Errors: BC_E_TRUNCATED, BC_E_FORMAT, BC_E_RANGE (wider integer than declared), BC_E_TOO_BIG,
 * BC_E_MISSING, BC_E_NOMEM. */
bc_err_t bc_tars_decode(const bc_tars_struct_t *d, bc_bytes_t in, void *out,
                        bc_arena_t *arena) BC_WARN_UNUSED;
/* Appends the fields (no struct begin/end at the top level). Errors are sticky in w. */
void bc_tars_encode(const bc_tars_struct_t *d, const void *in, bc_wr_t *w);

/* Writers for single values, used by RPC stubs that build argument lists by hand. */
void bc_tars_put_int(bc_wr_t *w, uint8_t tag, int64_t v);
void bc_tars_put_str(bc_wr_t *w, uint8_t tag, bc_bytes_t v);
void bc_tars_put_bytes(bc_wr_t *w, uint8_t tag, bc_bytes_t v);

#endif
