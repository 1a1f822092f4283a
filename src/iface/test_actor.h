/* For tests that play everybody around one actor by hand: its messages wait in r->out. */
#ifndef BC_IFACE_TEST_ACTOR_H
#define BC_IFACE_TEST_ACTOR_H

#include "iface/actor.h"

/* Takes the oldest message of that kind out; others of that time stay. NULL: none. */
static inline bc_msg_t *bc_test_take(bc_out_t *out, bc_msg_kind_t kind)
{
    for (bc_msg_t **at = &out->head, *prev = NULL; *at; prev = *at, at = &(*at)->next) {
        bc_msg_t *m = *at;
        if (m->kind != kind)
            continue;
        *at = m->next;
        if (out->tail == m)
            out->tail = prev;
        return m;
    }
    return NULL;
}

static inline void bc_test_drop_all(bc_out_t *out)
{
    while (out->head) {
        bc_msg_t *m = out->head;
        out->head = m->next;
        bc_msg_free(m);
    }
    out->tail = NULL;
}

#endif
