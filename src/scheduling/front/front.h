/* Front: hands messages out inside a node and matches responses with requests (spec/20 §5).
 *
 * An actor of the deterministic core (iface/actor.h): it turns SEND, BROADCAST, REQUEST and REPLY
 * into front message bytes for the gateway (FRAME_OUT), and FRAME_IN into DELIVER for the actor
 * that owns the module, or into RESPONSE for whoever asked.
 *
 * A response is matched by its uuid alone: official nodes answer requests of module 2002 under
 * module 2001 (spec/30 §1.6). It must come from the node that was asked. Whoever sends a REQUEST
 * gets exactly one RESPONSE: the answer, BC_E_TIMEOUT, BC_E_NOT_FOUND (node not connected),
 * BC_E_CLOSED (connection to the node lost meanwhile) or BC_E_FULL (too many open requests). */
#ifndef BC_SCHEDULING_FRONT_H
#define BC_SCHEDULING_FRONT_H

#include "iface/actor.h"

#define BC_FRONT_PENDING_MAX    8192
#define BC_FRONT_TIMEOUT_MAX_MS 600000 /* also for requests without a time-out */
#define BC_FRONT_PAYLOAD_MAX    (32u << 20)

/* FrontMessage: moduleID u16 | uuidLen u8 | uuid | ext u16 | payload, big-endian. Views. */
typedef struct {
    uint16_t module;
    uint16_t ext;
    bc_bytes_t uuid; /* empty in broadcasts */
    bc_bytes_t payload;
} bc_front_msg_t;

#define BC_FRONT_EXT_RESPONSE 1

bc_err_t bc_front_msg_decode(bc_bytes_t in, bc_front_msg_t *out) BC_WARN_UNUSED;
/* NULL: uuid longer than 255 bytes, or memory gone. */
bc_buf_t *bc_front_msg_encode(const bc_front_msg_t *m) BC_WARN_UNUSED;

typedef struct {
    uint8_t seed[32];    /* of the uuid generator: random in a node, fixed in a simulation */
    size_t pending_max;  /* open requests; 0: BC_FRONT_PENDING_MAX */
} bc_front_config_t;

typedef struct {
    uint64_t malformed;  /* frames that could not be decoded */
    uint64_t unknown_module;
    uint64_t unknown_uuid; /* late, repeated or foreign responses */
    uint64_t timeouts;
    uint64_t refused; /* requests refused because too many are open */
    size_t pending;
} bc_front_stats_t;

bc_actor_if bc_front_new(const bc_front_config_t *config) BC_WARN_UNUSED;
/* Only the actor's own thread. */
bc_front_stats_t bc_front_stats(const bc_actor_if *front);

#endif
