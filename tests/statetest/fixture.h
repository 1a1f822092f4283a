/* Values in the fixtures' JSON. A missing value reads as zero or empty, as the fixtures mean it; a
 * malformed one as well, and sets bad. */
#ifndef STATETEST_FIXTURE_H
#define STATETEST_FIXTURE_H

#include <cjson/cJSON.h>
#include "base/arena.h"

typedef struct {
    bc_arena_t *arena; /* of what is read */
    bool bad;
} fixture_t;

const cJSON *fixture_field(const cJSON *object, const char *name);
const char *fixture_text(const cJSON *v); /* NULL when v is no text */
/* A number in hex; beyond 256 bits *wide becomes true, or the value is malformed if wide is NULL.
 */
bc_u256_t fixture_number(fixture_t *f, const char *text, bool *wide);
uint64_t fixture_u64(fixture_t *f, const char *text); /* UINT64_MAX when it does not fit */
bc_h256_t fixture_word(fixture_t *f, const char *text);
bc_addr_t fixture_address(fixture_t *f, const char *text);
bc_bytes_t fixture_bytes(fixture_t *f, const char *text); /* in the arena */
/* True when `name` is among the exceptions that a test expects, "TransactionException.A|...". Older
 * fixtures have other names: any will do. */
bool fixture_expects(const char *exceptions, const char *name);

#endif
