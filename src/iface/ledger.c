#include "iface/ledger.h"
#include <stdlib.h>

void bc_ledger_config_unref(bc_ledger_config_t *c)
{
    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
        return;
    bc_arena_free(&c->arena);
    free(c);
}

static int64_t list_find(const bc_node_entry_t *v, size_t cnt, const bc_nodeid_t *id)
{
    for (size_t i = 0; i < cnt; i++)
        if (memcmp(v[i].id.b, id->b, sizeof id->b) == 0)
            return (int64_t)i;
    return -1;
}

int64_t bc_ledger_config_sealer(const bc_ledger_config_t *c, const bc_nodeid_t *id)
{
    return list_find(c->sealers, c->sealer_cnt, id);
}

bool bc_ledger_config_member(const bc_ledger_config_t *c, const bc_nodeid_t *id)
{
    return list_find(c->sealers, c->sealer_cnt, id) >= 0 ||
           list_find(c->observers, c->observer_cnt, id) >= 0 ||
           list_find(c->candidates, c->candidate_cnt, id) >= 0;
}

void bc_ledger_block_free(bc_ledger_block_t *b)
{
    if (!b)
        return;
    bc_hdr_unref(b->header);
    for (size_t i = 0; b->txs && i < b->tx_cnt; i++)
        bc_tx_unref(b->txs[i]);
    bc_arena_free(&b->arena);
    free(b);
}

bool bc_ledger_config_rotates(const bc_ledger_config_t *c)
{
    int64_t next = c->number + 1;
    if (!c->rpbft)
        return false;
    if (next > 1 &&
        (c->rotate_notified || c->epoch_sealer_enable == next ||
         c->sealer_cnt < BC_MIN((uint64_t)c->epoch_sealer_num, c->sealer_cnt + c->candidate_cnt)))
        return true;
    return c->epoch_block_num > 0 &&
           (next - c->epoch_block_enable) % (int64_t)BC_MIN(c->epoch_block_num, (uint64_t)INT64_MAX) == 0;
}
