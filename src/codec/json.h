/* JSON: a streaming writer of our own for answers, cJSON for reading.
 *
 * Writer: compact, strings escaped as the official node does (non-ASCII as \uXXXX, spec/20).
 * Keys come out in the order of the calls: callers of the official API write them sorted. */
#ifndef BC_CODEC_JSON_H
#define BC_CODEC_JSON_H

#include <cjson/cJSON.h>
#include "base/buf.h"

typedef struct {
    bc_wr_t *w;
    bool comma;
} bc_jw_t;

static inline bc_jw_t bc_jw(bc_wr_t *w)
{
    return (bc_jw_t){ w, false };
}
void bc_jw_obj(bc_jw_t *j);
void bc_jw_obj_end(bc_jw_t *j);
void bc_jw_arr(bc_jw_t *j);
void bc_jw_arr_end(bc_jw_t *j);
void bc_jw_key(bc_jw_t *j, const char *key);
void bc_jw_str(bc_jw_t *j, bc_bytes_t v);
void bc_jw_cstr(bc_jw_t *j, const char *v);
void bc_jw_i64(bc_jw_t *j, int64_t v);
void bc_jw_u64(bc_jw_t *j, uint64_t v);
void bc_jw_bool(bc_jw_t *j, bool v);
void bc_jw_null(bc_jw_t *j);
void bc_jw_hex(bc_jw_t *j, bc_bytes_t v);      /* "hex" */
void bc_jw_0xhex(bc_jw_t *j, bc_bytes_t v);    /* "0xhex" */
void bc_jw_quantity(bc_jw_t *j, uint64_t v);   /* "0x1a" */
void bc_jw_raw(bc_jw_t *j, bc_bytes_t json);   /* a ready value */

#define BC_JSON_SIZE_MAX (128u << 20) /* bytes of text; callers limit further */

/* Parses with limits on size and depth before cJSON sees it; the whole input must be one value of
 * strict RFC 8259 text. "\u0000" is refused, since strings end at NUL afterwards. Numbers are
 * doubles: exact to 2^53. NULL when malformed, *at (if given) is the offset. Free with
 * cJSON_Delete. */
cJSON *bc_json_parse(bc_bytes_t in, unsigned depth_max, size_t *at);

#endif
