/* WsMessage: the frame of SDK WebSockets (spec/20 §1.2). Big-endian:
 * version u16 | type u16 | status i16 | n u16 | seq n bytes | ext u16 | payload. Pure. */
#ifndef BC_ACCESS_RPC_WS_MESSAGE_H
#define BC_ACCESS_RPC_WS_MESSAGE_H

#include "base/buf.h"

enum {
    BC_WS_RPC_REPLY = 0, /* the official node answers RPC_REQUEST with type 0 */
    BC_WS_HANDSHAKE = 0x100,
    BC_WS_BLOCK_NOTIFY = 0x101,
    BC_WS_RPC_REQUEST = 0x102,
    BC_WS_GROUP_NOTIFY = 0x103,
    BC_WS_AMOP_SUBTOPIC = 0x110,
    BC_WS_AMOP_REQUEST = 0x111,
    BC_WS_AMOP_BROADCAST = 0x112,
    BC_WS_AMOP_RESPONSE = 0x113,
    BC_WS_EVENT_SUBSCRIBE = 0x120,
    BC_WS_EVENT_UNSUBSCRIBE = 0x121,
    BC_WS_EVENT_LOG_PUSH = 0x122,
};

typedef struct {
    uint16_t version, type, ext;
    int16_t status;
    bc_bytes_t seq, payload;
} bc_ws_message_t;

/* Views into in. BC_E_TRUNCATED: below 10 bytes, the session is dropped. BC_E_FORMAT: the sequence
 * passes the end, the message is ignored. */
bc_err_t bc_ws_message_decode(bc_bytes_t in, bc_ws_message_t *out) BC_WARN_UNUSED;
void bc_ws_message_encode(const bc_ws_message_t *m, bc_wr_t *out);

#endif
