/* The write set of one block (or one call) over the parent's view, with a read cache and a
 * journal (spec/40 §2.8).
 *
 * A row is (table, key). What is read is remembered; what is written stays here until
 * bc_rows_changes hands it out. Tables are interned once, so that hot code holds a bc_table_t
 * pointer and never formats or hashes a name again.
 *
 * Journal: bc_rows_mark before a message, bc_rows_rollback when it failed. Two quirks of the
 * official node are consensus rules and live here: a delete of a row that is not in the write
 * set is not journaled (its tombstone survives a rollback), and rolling back a write over a
 * tombstone takes the tombstone out too.
 *
 * Failures of the store are sticky: reads then answer "no row" and bc_rows_err tells; whoever
 * runs a transaction must look at it before believing the result. One thread. */
#ifndef BC_COMPUTING_ROWS_H
#define BC_COMPUTING_ROWS_H

#include "crypto/suite.h"
#include "iface/state.h"

typedef struct bc_table bc_table_t;
typedef struct bc_row bc_row_t;
typedef struct bc_rows bc_rows_t;

/* The view must stay valid until bc_rows_free. NULL: no memory. */
bc_rows_t *bc_rows_new(bc_view_if parent) BC_WARN_UNUSED;
void bc_rows_free(bc_rows_t *rows); /* NULL is fine */
bc_err_t bc_rows_err(const bc_rows_t *rows);
/* Makes an error stick: what runs cannot be finished rightly. */
void bc_rows_fail(bc_rows_t *rows, bc_err_t err);
/* For calls that answer clients: is asked now and then while rows of the store are read, with the
 * bytes that are remembered; an error sticks, and ends what runs. Never for blocks. */
typedef bc_err_t (*bc_rows_watch_fn)(void *ctx, size_t bytes);
void bc_rows_watch(bc_rows_t *rows, bc_rows_watch_fn watch, void *ctx);
/* Memory that lives as long as rows. */
bc_arena_t *bc_rows_arena(bc_rows_t *rows);

/* The table with that name, made on first use. Never NULL: without memory the error is sticky
 * and a shared dummy is returned. */
bc_table_t *bc_rows_table(bc_rows_t *rows, bc_bytes_t name);
bc_bytes_t bc_table_name(const bc_table_t *table);

/* Current value: true and a view that is valid until the row is written again. A row with an
 * empty value exists. value may be NULL. */
bool bc_rows_get(bc_rows_t *rows, bc_table_t *table, bc_bytes_t key, bc_bytes_t *value);
void bc_rows_put(bc_rows_t *rows, bc_table_t *table, bc_bytes_t key, bc_bytes_t value);
void bc_rows_del(bc_rows_t *rows, bc_table_t *table, bc_bytes_t key);

/* Live rows with key >= from in byte order, until each says false. */
void bc_rows_scan(bc_rows_t *rows, bc_table_t *table, bc_bytes_t from, bc_row_each_fn each,
                  void *ctx);

typedef size_t bc_rows_mark_t;
bc_rows_mark_t bc_rows_mark(const bc_rows_t *rows);
void bc_rows_rollback(bc_rows_t *rows, bc_rows_mark_t mark);
/* The journal of executor version 0, which knows neither quirk: deletes are journaled and a
 * rollback restores exactly what was. Before the first write. */
void bc_rows_exact(bc_rows_t *rows);
/* Takes back what was written between two marks, also when later writes stay (version 0 before
 * bugfix_revert: the writes of inner messages outlive a failed outer one). The journal keeps its
 * length, so later marks stay good. */
void bc_rows_rollback_between(bc_rows_t *rows, bc_rows_mark_t from, bc_rows_mark_t to);
/* Forgets the journal: what is written stays. After each transaction. */
void bc_rows_settle(bc_rows_t *rows);

/* XOR of H(table || key || value), tombstones H(table || key), over the write set. */
bc_err_t bc_rows_root(const bc_rows_t *rows, bc_suite_t suite, bc_h256_t *root) BC_WARN_UNUSED;
/* The XOR over one of `parts` shares of the rows: the root is the XOR of all shares. Shares, and the
 * changes below, may be computed by several threads while nothing writes. */
bc_err_t bc_rows_root_part(const bc_rows_t *rows, bc_suite_t suite, size_t part, size_t parts,
                           bc_h256_t *root) BC_WARN_UNUSED;
/* The root of chains without bugfix_statestorage_hash (version 0 only): XOR of
 * H(table) ^ H(key) ^ H(value), with the number 1 for a tombstone's value. */
bc_err_t bc_rows_root_parts(bc_rows_t *rows, bc_suite_t suite, bc_h256_t *root) BC_WARN_UNUSED;
/* A copy of the write set, sorted; one reference. */
bc_err_t bc_rows_changes(const bc_rows_t *rows, bc_changes_t **out) BC_WARN_UNUSED;

/* --- speculation: transactions ahead of their turn ---
 *
 * The block's write set (the trunk) is shared by several threads, each with a fork: rows of its
 * own over the trunk. A transaction runs on a fork between bc_rows_begin and bc_rows_end, and
 * leaves in a delta which rows it looked up, at which version, and what it would write.
 *
 * One thread at a time, in the order of transactions, decides: when every version in the delta is
 * still the trunk's (bc_rows_valid), the delta is what serial execution would have done, and
 * bc_rows_apply makes it so; else the transaction is run again on any fork, now with nobody
 * writing, and applied. What a look-up finds is the row's state in the write set (none, value,
 * tombstone), so that the two journal quirks come out as in serial order.
 *
 * While forks exist the trunk is written by bc_rows_apply alone. A fork's memory holds keys and
 * values of the trunk: free the forks after the last use of the trunk's rows. */
typedef struct bc_delta bc_delta_t;

/* Makes the trunk shareable; about `rows` rows are going to be written. Once. */
bc_err_t bc_rows_share(bc_rows_t *trunk, size_t rows) BC_WARN_UNUSED;
bc_rows_t *bc_rows_fork(bc_rows_t *trunk) BC_WARN_UNUSED; /* NULL: no memory */
bc_delta_t *bc_delta_new(void) BC_WARN_UNUSED;            /* NULL: no memory */
void bc_delta_free(bc_delta_t *d);                        /* NULL is fine */
/* d is emptied and belongs to the fork until bc_rows_end. Forgets an error that stuck, but for
 * missing memory. */
void bc_rows_begin(bc_rows_t *fork, bc_delta_t *d);
void bc_rows_end(bc_rows_t *fork);
bool bc_rows_valid(const bc_rows_t *trunk, const bc_delta_t *d);
/* version: greater than that of every delta applied before. */
void bc_rows_apply(bc_rows_t *trunk, const bc_delta_t *d, uint32_t version);

#endif
