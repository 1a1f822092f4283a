/* Transactions and receipts of archived blocks, fetched from peers that still have them: backwards
 * from the archived number, which goes down with each block that the host could put back. What
 * comes is believed by our own headers: the host compares. */
#include <stdlib.h>
#include "base/log.h"
#include "scheduling/blocksync/blocksync_impl.h"

static restore_t *restore_of(sync_t *s, int64_t number)
{
    return &s->restores[number % ARCHIVE_BATCH];
}

static bool have(sync_t *s, int64_t number)
{
    const restore_t *r = restore_of(s, number);
    return (r->data && r->number == number) || s->restoring == number;
}

static void restore_clear(sync_t *s, restore_t *r)
{
    if (r->data)
        s->restore_bytes -= r->data->n;
    bc_buf_unref(r->data);
    *r = (restore_t){ 0 };
}

void archive_free(sync_t *s)
{
    for (size_t i = 0; i < ARCHIVE_BATCH; i++)
        restore_clear(s, &s->restores[i]);
}

/* Block 0 is never archived. */
static bool wanted(const sync_t *s)
{
    return s->c.restore && s->archived > 1;
}

void archive_start(sync_t *s)
{
    if (!wanted(s) || s->archive_armed)
        return;
    s->archive_armed = true;
    sync_timer(s, TIMER_ARCHIVE, DOWNLOAD_MS);
}

void archive_timer(sync_t *s)
{
    s->archive_armed = false;
    if (!wanted(s))
        return;
    archive_start(s);
    int64_t to = s->archived - 1, from = BC_MAX(s->archived - ARCHIVE_BATCH, 1);
    while (to >= from && have(s, to))
        to--;
    if (to < from)
        return;
    peer_t *p = pick(s, to); /* it may have archived a part of them itself */
    if (!p)
        return;
    from = BC_MAX(from, p->archived + 1);
    request(s, p, from, to - from + 1, 1, FLAG_FULL);
}

static void restore_next(sync_t *s)
{
    if (s->restoring || !wanted(s))
        return;
    restore_t *r = restore_of(s, s->archived - 1);
    if (!r->data || r->number != s->archived - 1)
        return;
    s->restoring = r->number;
    s->restoring_from = r->from;
    bc_msg_t *m = bc_out_msg(s->out, BC_ACTOR_HOST, BC_MSG_RESTORE_BLOCK);
    m->number = r->number;
    m->token = (uint64_t)r->number;
    m->data = bc_buf_ref(r->data);
    restore_clear(s, r);
}

void archive_response(sync_t *s, const bc_nodeid_t *from, const BcPb__BlockSyncMessage *msg)
{
    int64_t n = msg->number;
    if (!wanted(s) || n < 1 || n < s->archived - ARCHIVE_BATCH || msg->n_blocksdata != 1 ||
        have(s, n))
        return;
    size_t bytes = msg->blocksdata[0].len;
    if (n != s->archived - 1 && s->restore_bytes + bytes > ARCHIVE_BYTES_MAX)
        return; /* asked for again when its turn comes */
    restore_t *r = restore_of(s, n);
    restore_clear(s, r);
    *r = (restore_t){ n, *from, bc_buf_copy(bc_bytes(msg->blocksdata[0].data, bytes)) };
    if (r->data)
        s->restore_bytes += bytes;
    restore_next(s);
}

void archive_done(sync_t *s, bc_msg_t *in)
{
    if (in->token && (int64_t)in->token == s->restoring) {
        s->restoring = 0;
        if (in->err) {
            BC_WARN(BADGES, "archived block not restored,number=%ld,from=%s,error=%s",
                    (long)in->token, BC_SHORT(s->restoring_from), bc_err_name(in->err));
            if (in->err != BC_E_IO && in->err != BC_E_NOMEM && in->err != BC_E_STALE)
                peer_bad(s, &s->restoring_from);
        }
    }
    s->archived = in->number;
    for (size_t i = 0; i < ARCHIVE_BATCH; i++)
        if (s->restores[i].data && s->restores[i].number >= s->archived)
            restore_clear(s, &s->restores[i]);
    if (in->token && !in->err && (s->archived <= 1 || s->archived % 1000 == 0))
        BC_INFO(BADGES, "archived blocks restored,archivedNumber=%ld", (long)s->archived);
    archive_start(s);
    restore_next(s);
}
