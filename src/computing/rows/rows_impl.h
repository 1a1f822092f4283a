/* Inside rows: the records, and what rows.c and fork.c ask of each other. */
#ifndef BC_COMPUTING_ROWS_IMPL_H
#define BC_COMPUTING_ROWS_IMPL_H

#include "computing/rows/rows.h"

/* In the write set? WS_OPEN, in forks only: as the trunk has it, not looked up yet. */
enum { WS_NONE, WS_LIVE, WS_TOMB, WS_OPEN };
enum { BASE_UNKNOWN, BASE_ABSENT, BASE_LIVE }; /* in the parent? */
enum { SMALL = 32 };

/* Values up to SMALL bytes are kept in place, so that rewriting a slot costs no memory. */
typedef struct {
    uint8_t state;
    bc_bytes_t big; /* value when n > SMALL; big.n is the length in both cases */
    uint8_t small[SMALL];
} cell_t;

static inline bc_bytes_t cell_value(const cell_t *c)
{
    return c->big.n > SMALL ? c->big : (bc_bytes_t){ c->small, c->big.n };
}

struct bc_row {
    uint64_t hash;
    bc_table_t *table;
    bc_row_t *next; /* of the table */
    bc_bytes_t key;
    bc_bytes_t base;
    uint8_t base_state;
    uint32_t version; /* of a trunk's row: the delta that wrote it last; 0: none */
    cell_t ws;
};

struct bc_table {
    uint64_t hash, salt;
    bc_bytes_t name;
    bc_row_t *rows;
    uint32_t version;  /* of a trunk's table: the delta that wrote it last; 0: none */
    bc_table_t *trunk; /* of a fork's table: the trunk's, once it is known to have it */
};

typedef struct {
    bc_row_t *row;
    cell_t old;
} journal_t;

typedef struct {
    uint64_t hash;
    void *item;
} slot_t;

typedef struct {
    slot_t *v;
    size_t cap, cnt;
} index_t;

typedef struct bc_share bc_share_t;
typedef struct bc_fork bc_fork_t;

struct bc_rows {
    bc_view_if parent;
    bc_arena_t arena;
    bc_err_t err;
    index_t tables, rows;
    journal_t *journal;
    size_t journal_cnt, journal_cap;
    size_t written; /* rows whose state is not WS_NONE; not kept in forks */
    bool exact;     /* the journal of version 0 */
    bc_rows_watch_fn watch; /* or NULL */
    void *watch_ctx;
    unsigned watched; /* rows read since it was asked */
    size_t row_size;
    bc_share_t *share; /* of a trunk */
    bc_fork_t *fork;   /* of a fork; in its arena */
    bc_table_t dummy;
    bc_row_t dummy_row;
};

bc_table_t *bc_rows_table_find(const bc_rows_t *rows, bc_bytes_t name, uint64_t hash); /* or NULL */
bc_table_t *bc_rows_table_at(bc_rows_t *rows, bc_bytes_t name, uint64_t hash);
bc_row_t *bc_row_find(const bc_rows_t *rows, const bc_table_t *table, bc_bytes_t key, uint64_t hash);
/* A new record with that key, which is borrowed. Never NULL: the dummy when memory is gone. */
bc_row_t *bc_row_add(bc_rows_t *rows, bc_table_t *table, bc_bytes_t key, uint64_t hash);
/* The row's record, made on first use. Never NULL. */
bc_row_t *bc_row_at(bc_rows_t *rows, bc_table_t *table, bc_bytes_t key);

void bc_rows_share_free(bc_share_t *s); /* NULL is fine */
/* A record is used: what the transaction before did with it is forgotten. */
void bc_fork_visit(bc_rows_t *fork, bc_row_t *row);
/* WS_OPEN becomes what the trunk has; remembered as a read. */
void bc_fork_resolve(bc_rows_t *fork, bc_row_t *row);
void bc_fork_wrote(bc_rows_t *fork, bc_row_t *row);
/* All rows of the table that the trunk wrote become records here; nothing stays WS_OPEN. */
void bc_fork_pull(bc_rows_t *fork, bc_table_t *table);

#endif
