/* A scanner over JSON text that builds no tree: it finds the members of one object or the items
 * of one array as spans. It checks the structure it walks over, not the grammar of numbers inside
 * spans: callers that need a value parse the span. Depth and input are bounded; any bytes. */
#ifndef BC_ACCESS_RPC_JSON_SCAN_H
#define BC_ACCESS_RPC_JSON_SCAN_H

#include "base/types.h"

typedef struct {
    const uint8_t *p, *end;
    bool bad;
    bool first;
    uint8_t close; /* ']' or '}' */
} bc_jscan_t;

/* Starts at an array or object; false when the text is neither. */
bool bc_jscan_open(bc_jscan_t *s, bc_bytes_t text, bool object);
/* Next item; false at the end or when malformed (s->bad). key is the raw text between quotes. */
bool bc_jscan_next(bc_jscan_t *s, bc_bytes_t *key, bc_bytes_t *value);
/* True when the container is closed and only white space follows. */
bool bc_jscan_closed(const bc_jscan_t *s);
/* The characters between the quotes when value is a string without escapes. */
bool bc_jscan_plain(bc_bytes_t value, bc_bytes_t *out);

#endif
