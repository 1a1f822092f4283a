#include "scheduling/front/front.h"
#include <stdlib.h>

/* Bytes are a decoder input, and a script: frames from two nodes reach a front that has requests
 * open. Whatever comes, each request is answered at most once and nothing is left at the end. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t answers;

static void drain(bc_out_t *out)
{
    for (bc_msg_t *m = out->head; m;) {
        bc_msg_t *next = m->next;
        if (m->kind == BC_MSG_RESPONSE)
            answers++;
        bc_msg_free(m);
        m = next;
    }
    *out = (bc_out_t){ .from = BC_ACTOR_FRONT };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bc_front_msg_t fm;
    if (!bc_front_msg_decode(bc_bytes(data, size), &fm)) {
        bc_buf_t *b = bc_front_msg_encode(&fm);
        BC_MUST(b && bc_bytes_eq(bc_buf_view(b), bc_bytes(data, size)));
        bc_buf_unref(b);
    }
    bc_actor_if f = bc_front_new(&(bc_front_config_t){ .pending_max = 4 });
    bc_out_t out = { .from = BC_ACTOR_FRONT };
    bc_now_t now = { .mono_ms = 1 };
    size_t asked = 0;
    answers = 0;
    bc_rd_t r = bc_rd(bc_bytes(data, size));
    while (bc_rd_left(&r) > 2) {
        uint8_t cmd = bc_rd_u8(&r);
        bc_bytes_t arg = bc_rd_take(&r, BC_MIN(bc_rd_u8(&r), bc_rd_left(&r)));
        static const bc_msg_kind_t kinds[] = { BC_MSG_FRAME_IN, BC_MSG_REQUEST, BC_MSG_TIMER,
                                               BC_MSG_PEERS, BC_MSG_SEND, BC_MSG_REPLY };
        bc_msg_t *m = bc_msg_new(BC_ACTOR_PBFT, BC_ACTOR_FRONT, kinds[cmd % BC_ARRAY_LEN(kinds)]);
        m->node.b[0] = cmd >> 7;
        m->number2 = cmd & 63;
        m->module = BC_MODULE_PBFT;
        m->data = bc_buf_copy(arg);
        asked += m->kind == BC_MSG_REQUEST;
        now.mono_ms += cmd & 7;
        f.ops->step(f.self, &now, m, &out);
        bc_msg_free(m);
        drain(&out);
    }
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_FRONT, BC_MSG_TIMER);
    now.mono_ms += BC_FRONT_TIMEOUT_MAX_MS + 1;
    f.ops->step(f.self, &now, m, &out);
    bc_msg_free(m);
    drain(&out);
    BC_MUST(answers == asked);
    BC_MUST(bc_front_stats(&f).pending == 0);
    f.ops->free(f.self);
    return 0;
}
