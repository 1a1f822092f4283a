#include "storage/ledger/batch.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

bc_dec_t bc_dec(int64_t v)
{
    bc_dec_t d;
    snprintf(d.s, sizeof d.s, "%" PRId64, v);
    return d;
}

static bc_kv_change_t *add(bc_batch_t *b, bc_bytes_t table, bc_bytes_t key)
{
    if (b->err)
        return NULL;
    if (b->cnt == b->cap) {
        size_t cap = b->cap ? b->cap * 2 : 64;
        bc_kv_change_t *v = realloc(b->v, cap * sizeof *v);
        if (!v) {
            b->err = BC_E_NOMEM;
            return NULL;
        }
        b->v = v;
        b->cap = cap;
    }
    uint8_t *raw = bc_arena_alloc(&b->arena, table.n + 1 + key.n);
    if (!raw) {
        b->err = BC_E_NOMEM;
        return NULL;
    }
    memcpy(raw, table.p, table.n);
    raw[table.n] = ':';
    if (key.n)
        memcpy(raw + table.n + 1, key.p, key.n);
    bc_kv_change_t *c = &b->v[b->cnt++];
    *c = (bc_kv_change_t){ .key = bc_bytes(raw, table.n + 1 + key.n) };
    return c;
}

void bc_batch_put_view(bc_batch_t *b, bc_bytes_t table, bc_bytes_t key, bc_bytes_t value)
{
    bc_kv_change_t *c = add(b, table, key);
    if (c)
        c->value = value;
}

void bc_batch_put(bc_batch_t *b, bc_bytes_t table, bc_bytes_t key, bc_bytes_t value)
{
    bc_kv_change_t *c = add(b, table, key);
    bool ok = true;
    if (c)
        c->value = bc_arena_copy(&b->arena, value, &ok);
    if (!ok)
        b->err = BC_E_NOMEM;
}

void bc_batch_del(bc_batch_t *b, bc_bytes_t table, bc_bytes_t key)
{
    bc_kv_change_t *c = add(b, table, key);
    if (c)
        c->del = true;
}

void bc_batch_put_wr(bc_batch_t *b, bc_bytes_t table, bc_bytes_t key, bc_wr_t *w)
{
    if (w->err && !b->err)
        b->err = w->err;
    bc_batch_put(b, table, key, bc_wr_view(w));
    bc_wr_reset(w);
}

void bc_batch_put_i64(bc_batch_t *b, bc_bytes_t table, bc_bytes_t key, int64_t v)
{
    bc_batch_put(b, table, key, bc_cstr(bc_dec(v).s));
}

void bc_batch_free(bc_batch_t *b)
{
    free(b->v);
    bc_arena_free(&b->arena);
    *b = (bc_batch_t){ 0 };
}
