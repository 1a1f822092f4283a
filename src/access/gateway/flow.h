/* Rate limits `[flow_control]` (spec/20 §4.7): bandwidth of what goes out, messages per second of
 * what comes in. Windows: a limit's permits are given once per window and not saved up. Pure: the
 * caller brings the clock. One thread.
 *
 * Shared limits. Those of groups and of modules may be shared with other gateways: a remote keeps
 * one budget per name and window, of which each gateway draws portions. A decision never waits for
 * the remote. A message that finds too little at hand passes on credit and starts a draw; while
 * that is under way others pass on credit too, and the grant pays for them first. So together the
 * gateways pass at most the budget and, of each gateway, what it let through between asking and
 * being refused (two round trips at most, one message at least, never more than one window's
 * permits) and one portion, which may be of a budget that has ended meanwhile.
 *
 * After a refusal nothing passes that has no permit at hand. When the budget is full again is known
 * to the remote only (its window begins with whoever draws first), so refused messages ask again,
 * without passing, eight times per window and at least each second: waiting for a whole window of
 * our own clock would leave most of the next budget to others. Such a probe asks for as much as was
 * refused: less may still be there, and the credit that follows a grant would be drawn again and
 * again from an empty budget. After each window without a grant it asks for half, since others may
 * leave no more. A draw that fails allows what it was for, and so does a remote that cannot be
 * asked: limits are not worth a stopped chain. */
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

typedef struct bc_flow bc_flow_t;

/* Where shared budgets are kept. */
typedef struct {
    /* Asks for n of the max permits that key has in each window_s seconds; n is in 1..max. Returns
     * at once. True: bc_flow_drawn(f, ..., window, ...) follows exactly once, not from inside,
     * unless f is freed before. False: it cannot be asked now. At most one draw per window is under
     * way. key: name of the group, or `<group>_<module>` with the module in decimal; borrowed. */
    bool (*draw)(void *ctx, bc_flow_t *f, void *window, bc_bytes_t key, uint64_t max,
                 uint32_t window_s, uint64_t n);
    void *ctx;
} bc_flow_remote_t;

typedef enum {
    BC_FLOW_GRANTED, /* all of it */
    BC_FLOW_REFUSED, /* less is left */
    BC_FLOW_FAILED,  /* nobody knows */
} bc_flow_drawn_t;

/* 0: no limit. Borrowed until bc_flow_new returns; what remote points to, until bc_flow_free. */
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
    /* shared limits; they want whole seconds of window_ms */
    bc_flow_remote_t remote; /* draw NULL: every gateway counts for itself */
    /* Of a window's permits per draw, or what has passed on credit if that is more. Above 100 is
     * 100, 0: always just what has passed. */
    uint32_t portion_percent;
} bc_flow_config_t;

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

/* For the remote: what became of the draw for window. May draw again from inside. */
void bc_flow_drawn(bc_flow_t *f, int64_t now_ms, void *window, bc_flow_drawn_t how);

#endif
