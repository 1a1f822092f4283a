#include "iface/ledger.h"
#include <stdlib.h>

void bc_ledger_config_unref(bc_ledger_config_t *c)
{
    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
        return;
    bc_arena_free(&c->arena);
    free(c);
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
