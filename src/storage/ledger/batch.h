/* A list of row changes under construction, with the memory that they need. */
#ifndef BC_STORAGE_LEDGER_BATCH_H
#define BC_STORAGE_LEDGER_BATCH_H

#include "iface/kv.h"

typedef struct {
    bc_kv_change_t *v;
    size_t cnt, cap;
    bc_err_t err; /* sticky: BC_E_NOMEM */
    bc_arena_t arena;
} bc_batch_t;

/* Each adds one row; key and value are copied, in put_view the value is borrowed. */
void bc_batch_put(bc_batch_t *b, bc_bytes_t table, bc_bytes_t key, bc_bytes_t value);
void bc_batch_put_view(bc_batch_t *b, bc_bytes_t table, bc_bytes_t key, bc_bytes_t value);
void bc_batch_del(bc_batch_t *b, bc_bytes_t table, bc_bytes_t key);
/* Takes the content of w as value and empties w. w's error is taken over. */
void bc_batch_put_wr(bc_batch_t *b, bc_bytes_t table, bc_bytes_t key, bc_wr_t *w);
/* Decimal text of v. */
void bc_batch_put_i64(bc_batch_t *b, bc_bytes_t table, bc_bytes_t key, int64_t v);
void bc_batch_free(bc_batch_t *b);

/* Decimal text of a number as a key. */
typedef struct {
    char s[24];
} bc_dec_t;
bc_dec_t bc_dec(int64_t v);

#endif
