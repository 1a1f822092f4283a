/* Contract of a key/value store: bytes by raw key. A row of table T and key K has the raw key
 * T ":" K (spec/10 §4); keys may be binary. Implementations: kv_mem, kv_rocks, kv_tikv.
 *
 * Calls block (they are made on workers and at start-up), are safe from any thread, and see every
 * write that returned before them. */
#ifndef BC_IFACE_KV_H
#define BC_IFACE_KV_H

#include "base/arena.h"
#include "base/buf.h"

typedef struct {
    bc_bytes_t key;   /* raw key */
    bc_bytes_t value; /* ignored when del */
    bool del;
} bc_kv_change_t;

/* Returns false to stop a scan. key is the raw key; views live during the call. */
typedef bool (*bc_kv_each_fn)(void *ctx, bc_bytes_t key, bc_bytes_t value);

typedef struct bc_kv_ops bc_kv_ops_t;

typedef struct {
    const bc_kv_ops_t *ops;
    void *self;
} bc_kv_if;

struct bc_kv_ops {
    /* Appends the value to *value. BC_E_NOT_FOUND (nothing appended), BC_E_IO, BC_E_CORRUPT. */
    bc_err_t (*get)(void *self, bc_bytes_t key, bc_wr_t *value);
    /* All rows with from <= key and key starting with prefix, in byte order. */
    bc_err_t (*scan)(void *self, bc_bytes_t prefix, bc_bytes_t from, bc_kv_each_fn each, void *ctx);
    /* All or nothing. sync: durable when it returns. Later changes win over earlier ones. */
    bc_err_t (*write)(void *self, const bc_kv_change_t *changes, size_t cnt, bool sync);
    void (*close)(void *self);
    /* *out reads the store as it is now whatever is written later; it cannot be written (BC_E_ARG)
     * and is closed by the caller before the store. Cheap. NULL when the store has no snapshots. */
    bc_err_t (*snapshot)(void *self, bc_kv_if *out);
};

/* Appends table ":" key. */
static inline void bc_kv_key(bc_wr_t *w, bc_bytes_t table, bc_bytes_t key)
{
    bc_wr_put(w, table);
    bc_wr_u8(w, ':');
    bc_wr_put(w, key);
}

#endif
