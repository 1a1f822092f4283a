/* The key/value contract over RocksDB: default column family only, raw keys and values, ZSTD
 * blocks, as the official node stores them (spec/10 §4), so that both open each other's
 * directories as far as the SST format allows (this library reads formats up to 5). */
#ifndef BC_STORAGE_KV_ROCKS_H
#define BC_STORAGE_KV_ROCKS_H

#include "iface/kv.h"

typedef struct {
    const char *path;                    /* created when absent, parents too */
    uint64_t write_buffer_size;          /* bytes of one memtable */
    int max_write_buffer_number;         /* memtables before writes wait */
    int min_write_buffer_number_to_merge;
    int max_background_jobs;
    uint64_t block_cache_size;           /* bytes; index and filter blocks live in it too */
    int max_open_files;
    bool statistics, blob;
    uint64_t free_disk_min;              /* bytes; less at open: refuse */
    bool whole_log;                      /* a damaged log of writes is BC_E_CORRUPT, but for a last
                                          * record that was cut. Else the store goes back to what was
                                          * before the damage, for data that others have, too */
    bool read_only;                      /* nothing is written, not even a lock: also beside a
                                          * running node, as of the time of opening */
} bc_kv_rocks_config_t;

/* The defaults of this node, for a store at path. Memory that it takes when full:
 * write_buffer_size * max_write_buffer_number + block_cache_size; nearly nothing when idle. */
bc_kv_rocks_config_t bc_kv_rocks_defaults(const char *path);

/* Opens or creates. On failure why (if given) says what is wrong and what to do:
 * BC_E_BUSY another process has the directory, BC_E_UNSUPPORTED the files are of a newer RocksDB,
 * BC_E_FULL not enough free disk, BC_E_CORRUPT, BC_E_IO. */
bc_err_t bc_kv_rocks_open(const bc_kv_rocks_config_t *config, bc_kv_if *out, char *why,
                          size_t why_size) BC_WARN_UNUSED;

/* Compacts the whole store; for the prune command. kv is one that bc_kv_rocks_open made. */
void bc_kv_rocks_compact(bc_kv_if kv);
/* Bytes of memory and disk the engine uses now, for metrics. */
typedef struct {
    uint64_t memtables, block_cache, table_readers, sst_files;
} bc_kv_rocks_usage_t;
void bc_kv_rocks_usage(bc_kv_if kv, bc_kv_rocks_usage_t *out);

#endif
