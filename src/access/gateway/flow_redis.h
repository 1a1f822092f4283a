/* Shared rate limits kept in a Redis server (`[redis]`): the remote of flow.h.
 *
 * Keys and their use are those of official gateways, which may share a budget with ours: the key
 * `FISCO-BCOS 3.0 Gateway RateLimiter: ` and the name; its value is what is left, it expires with
 * the window, and whoever finds it absent sets it to the maximum. One script does it, so that
 * nothing comes between looking and taking.
 *
 * One connection carries all draws one after the other without waiting for answers. It is made
 * again, later and later up to 10 s, when it is lost, when an answer takes too long, and when the
 * server says what it should not. Until then, and beyond 1024 draws under way, nothing can be
 * drawn. Answers are bounded: only the short kinds are read, anything else ends the connection.
 *
 * The log says once when the server goes away, with its address and the reason, and when it is
 * back; a refusal (password, database) is told even if it was away before. The password is never
 * told.
 *
 * All functions: loop's thread (uv_loop.h).
 * Source: bcos-utilities/ratelimiter/DistributedRateLimiter.cpp,
 * bcos-gateway/libratelimit/{RateLimiterFactory.h,RateLimiterManager.cpp} */
#ifndef BC_ACCESS_FLOW_REDIS_H
#define BC_ACCESS_FLOW_REDIS_H

#include "access/gateway/flow.h"
#include "access/net/uv_loop.h"

#define BC_FLOW_REDIS_PREFIX "FISCO-BCOS 3.0 Gateway RateLimiter: "

/* Borrowed until bc_flow_redis_new returns. */
typedef struct {
    const char *ip; /* IPv4 or IPv6 */
    uint16_t port;
    const char *password; /* NULL or "": none */
    int32_t db;
    int32_t timeout_ms; /* to connect, and for each answer; below 1: 1000 */
} bc_flow_redis_config_t;

typedef struct {
    uint64_t draws;    /* asked for */
    uint64_t refusals; /* the budget did not have it */
    uint64_t failures; /* no answer, or the server could not be asked: allowed */
    size_t waiting;    /* draws under way */
    bool connected;
} bc_flow_redis_stats_t;

typedef struct bc_flow_redis bc_flow_redis_t;

/* Begins to connect; never fails. */
bc_flow_redis_t *bc_flow_redis_new(bc_uv_loop_t *l, const bc_flow_redis_config_t *config)
    BC_WARN_UNUSED;
/* Draws under way are forgotten: before the flows that made them are freed. NULL is fine. */
void bc_flow_redis_free(bc_flow_redis_t *r);
bc_flow_remote_t bc_flow_redis_remote(bc_flow_redis_t *r);
bc_flow_redis_stats_t bc_flow_redis_stats(const bc_flow_redis_t *r);

#endif
