/* Rate limits `[flow_control]` (spec/20 §4.7): bandwidth of what goes out, messages per second of
 * what comes in. Windows: a limit's permits are given once per window and not saved up. Pure: the
 * caller brings the clock. One thread. */
#ifndef BC_ACCESS_FLOW_H
#define BC_ACCESS_FLOW_H

#include "base/err.h"
#include "base/types.h"

typedef struct {
    const char *name;
    uint64_t limit;
} bc_flow_limit_t;

typedef struct {
    uint16_t module;
    uint64_t limit;
} bc_flow_module_t;

/* 0: no limit. Borrowed until bc_flow_new returns. */
typedef struct {
    uint32_t window_ms; /* above 0 */
    bool allow_exceed;  /* a message above a whole window passes, else it never does */
    /* outgoing, bytes per second */
    uint64_t total, conn, group; /* conn: each address; group: each group */
    const bc_flow_limit_t *conns, *groups; /* instead of conn and group, by address and name */
    size_t conn_cnt, group_cnt;
    const uint16_t *free_modules; /* count, but are never refused */
    size_t free_module_cnt;
    /* incoming, messages per second */
    uint64_t type_limit; /* each of these packet types of each address */
    const uint16_t *types;
    size_t type_cnt; /* 0: the default ones */
    uint64_t module_limit; /* each module of each group */
    const bc_flow_module_t *modules; /* instead of module_limit */
    size_t module_cnt;
    uint32_t report_ms; /* between log lines; 0: none */
} bc_flow_config_t;

typedef struct bc_flow bc_flow_t;

bc_flow_t *bc_flow_new(const bc_flow_config_t *config) BC_WARN_UNUSED;
void bc_flow_free(bc_flow_t *f); /* NULL is fine */

/* n bytes to an address on behalf of a group ("" none) and module; 0 is the gateway itself, which
 * is counted and never refused. False: refused, nothing is counted. */
bool bc_flow_out(bc_flow_t *f, int64_t now_ms, const char *ip, bc_bytes_t group, uint16_t module,
                 size_t n);
/* A packet arrived. False: drop it. */
bool bc_flow_in_type(bc_flow_t *f, int64_t now_ms, const char *ip, uint16_t type);
/* A message of a module arrived for a group. False: refuse it. */
bool bc_flow_in_module(bc_flow_t *f, int64_t now_ms, bc_bytes_t group, uint16_t module);

#endif
