#include "storage/kv_rocks/kv_rocks.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <rocksdb/c.h>
#include "base/log.h"

#define BADGE "[STORAGE][RocksDB]"

typedef struct {
    rocksdb_t *db;
    rocksdb_options_t *options;
    rocksdb_cache_t *cache;
    rocksdb_readoptions_t *read;
    rocksdb_writeoptions_t *write, *write_sync;
} rocks_t;

typedef struct {
    rocks_t *r;
    const rocksdb_snapshot_t *snap;
    rocksdb_readoptions_t *read;
} snap_t;

bc_kv_rocks_config_t bc_kv_rocks_defaults(const char *path)
{
    return (bc_kv_rocks_config_t){
        .path = path,
        .write_buffer_size = 8u << 20,
        .max_write_buffer_number = 4,
        .min_write_buffer_number_to_merge = 1,
        .max_background_jobs = 2,
        .block_cache_size = 32u << 20,
        .max_open_files = 512,
        .free_disk_min = 1u << 30,
    };
}

/* ---- errors ---- */

static bc_err_t classify(const char *text)
{
    if (strstr(text, "newer version") || strstr(text, "unknown tag") ||
        strstr(text, "Unknown Footer") || strstr(text, "unsupported format_version") ||
        strncmp(text, "Not implemented", 15) == 0)
        return BC_E_UNSUPPORTED;
    /* not just "lock": paths are in these texts, and one of ours is called block */
    if (strstr(text, "While lock file") || strstr(text, "lock hold by current process"))
        return BC_E_BUSY;
    if (strncmp(text, "Corruption", 10) == 0)
        return BC_E_CORRUPT;
    return BC_E_IO;
}

/* Turns an error text of the engine into a value; frees it. */
static bc_err_t failed(char *text, const char *what)
{
    if (!text)
        return BC_OK;
    bc_err_t err = strncmp(text, "Corruption", 10) == 0 ? BC_E_CORRUPT : BC_E_IO;
    BC_ERROR(BADGE, "%s failed,error=%s", what, text);
    rocksdb_free(text);
    return err;
}

/* ---- reads ---- */

static bc_err_t read_get(rocks_t *r, const rocksdb_readoptions_t *ro, bc_bytes_t key, bc_wr_t *value)
{
    char *text = NULL;
    rocksdb_pinnableslice_t *s = rocksdb_get_pinned(r->db, ro, (const char *)key.p, key.n, &text);
    if (text)
        return failed(text, "get");
    if (!s)
        return BC_E_NOT_FOUND;
    size_t n = 0;
    const char *p = rocksdb_pinnableslice_value(s, &n);
    bc_wr_mem(value, p, n);
    rocksdb_pinnableslice_destroy(s);
    return value->err;
}

static bc_err_t read_scan(rocks_t *r, const rocksdb_readoptions_t *ro, bc_bytes_t prefix,
                          bc_bytes_t from, bc_kv_each_fn each, void *ctx)
{
    if (bc_bytes_cmp(from, prefix) < 0)
        from = prefix;
    rocksdb_iterator_t *it = rocksdb_create_iterator(r->db, ro);
    rocksdb_iter_seek(it, from.n ? (const char *)from.p : "", from.n);
    for (; rocksdb_iter_valid(it); rocksdb_iter_next(it)) {
        size_t kn = 0, vn = 0;
        const char *k = rocksdb_iter_key(it, &kn);
        if (kn < prefix.n || (prefix.n && memcmp(k, prefix.p, prefix.n) != 0))
            break;
        const char *v = rocksdb_iter_value(it, &vn);
        if (!each(ctx, bc_bytes(k, kn), bc_bytes(v, vn)))
            break;
    }
    char *text = NULL;
    rocksdb_iter_get_error(it, &text);
    rocksdb_iter_destroy(it);
    return failed(text, "scan");
}

static bc_err_t rocks_get(void *self, bc_bytes_t key, bc_wr_t *value)
{
    rocks_t *r = self;
    return read_get(r, r->read, key, value);
}

static bc_err_t rocks_scan(void *self, bc_bytes_t prefix, bc_bytes_t from, bc_kv_each_fn each,
                           void *ctx)
{
    rocks_t *r = self;
    return read_scan(r, r->read, prefix, from, each, ctx);
}

/* ---- snapshots ---- */

static bc_err_t snap_get(void *self, bc_bytes_t key, bc_wr_t *value)
{
    snap_t *s = self;
    return read_get(s->r, s->read, key, value);
}

static bc_err_t snap_scan(void *self, bc_bytes_t prefix, bc_bytes_t from, bc_kv_each_fn each,
                          void *ctx)
{
    snap_t *s = self;
    return read_scan(s->r, s->read, prefix, from, each, ctx);
}

static bc_err_t snap_write(void *self, const bc_kv_change_t *changes, size_t cnt, bool sync)
{
    (void)self, (void)changes, (void)cnt, (void)sync;
    return BC_E_ARG;
}

static void snap_close(void *self)
{
    snap_t *s = self;
    rocksdb_readoptions_destroy(s->read);
    rocksdb_release_snapshot(s->r->db, s->snap);
    free(s);
}

static const bc_kv_ops_t snap_ops = {
    .get = snap_get,
    .scan = snap_scan,
    .write = snap_write,
    .close = snap_close,
};

static bc_err_t rocks_snapshot(void *self, bc_kv_if *out)
{
    snap_t *s = bc_xcalloc(1, sizeof *s);
    s->r = self;
    s->snap = rocksdb_create_snapshot(s->r->db);
    s->read = rocksdb_readoptions_create();
    rocksdb_readoptions_set_snapshot(s->read, s->snap);
    *out = (bc_kv_if){ &snap_ops, s };
    return BC_OK;
}

/* ---- writes ---- */

static bc_err_t rocks_write(void *self, const bc_kv_change_t *changes, size_t cnt, bool sync)
{
    rocks_t *r = self;
    rocksdb_writebatch_t *b = rocksdb_writebatch_create();
    for (size_t i = 0; i < cnt; i++) {
        const bc_kv_change_t *c = &changes[i];
        const char *k = c->key.n ? (const char *)c->key.p : "";
        if (c->del)
            rocksdb_writebatch_delete(b, k, c->key.n);
        else
            rocksdb_writebatch_put(b, k, c->key.n, c->value.n ? (const char *)c->value.p : "",
                                   c->value.n);
    }
    char *text = NULL;
    rocksdb_write(r->db, sync ? r->write_sync : r->write, b, &text);
    rocksdb_writebatch_destroy(b);
    return failed(text, "write");
}

static void rocks_close(void *self)
{
    rocks_t *r = self;
    if (r->db)
        rocksdb_close(r->db);
    rocksdb_readoptions_destroy(r->read);
    rocksdb_writeoptions_destroy(r->write);
    rocksdb_writeoptions_destroy(r->write_sync);
    rocksdb_options_destroy(r->options);
    rocksdb_cache_destroy(r->cache);
    free(r);
}

static const bc_kv_ops_t rocks_ops = {
    .get = rocks_get,
    .scan = rocks_scan,
    .write = rocks_write,
    .close = rocks_close,
    .snapshot = rocks_snapshot,
};

/* ---- open ---- */

/* Most rows are keyed by hashes, so every compaction into level 1 rewrites all of it: CPU goes there,
 * more than into execution. It is paid once for twelve memtables instead of four, and with ZSTD at its
 * fastest ordinary level in blocks of 16 KiB, which come out no larger than level 3 in blocks of 4. An
 * official node reads all of it. */
static void set_levels(rocksdb_options_t *o)
{
    enum { L0_FILES = 12 };
    rocksdb_options_set_compression(o, rocksdb_zstd_compression);
    rocksdb_options_set_compression_options(o, -14, 1, 0, 0);
    rocksdb_options_set_level0_file_num_compaction_trigger(o, L0_FILES);
    rocksdb_options_set_level0_slowdown_writes_trigger(o, 3 * L0_FILES);
    rocksdb_options_set_level0_stop_writes_trigger(o, 5 * L0_FILES);
}

/* Indexes and filters of a table in one piece grow with it beyond what one of the cache's 64 shards may
 * hold, and are then read and checked anew for each row: a hundred times the cost of the row. In
 * partitions they are cached like data. An official node reads both. */
static void set_tables(rocks_t *r)
{
    rocksdb_block_based_table_options_t *t = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_cache(t, r->cache);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(t, 1);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(t, 1);
    rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(t, 1);
    rocksdb_block_based_options_set_index_type(
        t, rocksdb_block_based_table_index_type_two_level_index_search);
    rocksdb_block_based_options_set_partition_filters(t, 1);
    rocksdb_block_based_options_set_metadata_block_size(t, 4u << 10);
    rocksdb_block_based_options_set_pin_top_level_index_and_filter(t, 1);
    rocksdb_block_based_options_set_filter_policy(t, rocksdb_filterpolicy_create_bloom_full(10));
    rocksdb_block_based_options_set_format_version(t, 5);
    rocksdb_block_based_options_set_block_size(t, 16u << 10);
    rocksdb_options_set_block_based_table_factory(r->options, t);
    rocksdb_block_based_options_destroy(t);
}

static void set_options(rocks_t *r, const bc_kv_rocks_config_t *c)
{
    rocksdb_options_t *o = r->options;
    rocksdb_options_set_create_if_missing(o, 1);
    rocksdb_options_set_write_buffer_size(o, c->write_buffer_size);
    rocksdb_options_set_max_write_buffer_number(o, c->max_write_buffer_number);
    rocksdb_options_set_min_write_buffer_number_to_merge(o, c->min_write_buffer_number_to_merge);
    rocksdb_options_set_max_background_jobs(o, c->max_background_jobs);
    rocksdb_options_set_max_open_files(o, c->max_open_files);
    set_levels(o);
    /* memtables grow in small steps, so an idle store stays small */
    rocksdb_options_set_arena_block_size(o, 256u << 10);
    rocksdb_options_set_max_total_wal_size(o, c->write_buffer_size *
                                                  (uint64_t)c->max_write_buffer_number);
    rocksdb_options_set_wal_recovery_mode(o, c->whole_log ? rocksdb_tolerate_corrupted_tail_records_recovery
                                                          : rocksdb_point_in_time_recovery);
    rocksdb_options_set_bytes_per_sync(o, 1u << 20);
    /* the engine's own text log */
    rocksdb_options_set_info_log_level(o, 2);
    rocksdb_options_set_max_log_file_size(o, 4u << 20);
    rocksdb_options_set_keep_log_file_num(o, 4);
    rocksdb_options_set_stats_dump_period_sec(o, 0);
    rocksdb_options_set_stats_persist_period_sec(o, 0);
    if (c->statistics)
        rocksdb_options_enable_statistics(o);
    if (c->blob)
        rocksdb_options_set_enable_blob_files(o, 1);

    set_tables(r);
}

static bc_err_t make_dirs(const char *path)
{
    char *p = bc_xstrdup(path);
    bc_err_t err = BC_OK;
    for (char *s = p + 1;; s++) {
        if (*s && *s != '/')
            continue;
        char c = *s;
        *s = 0;
        if (mkdir(p, 0755) != 0 && errno != EEXIST)
            err = BC_E_IO;
        *s = c;
        if (!c || err)
            break;
    }
    free(p);
    return err;
}

static bc_err_t check_disk(const bc_kv_rocks_config_t *c, char *why, size_t why_size)
{
    struct statvfs vfs;
    if (make_dirs(c->path) != BC_OK || statvfs(c->path, &vfs) != 0) {
        snprintf(why, why_size, "cannot use the data directory %s: %s", c->path, strerror(errno));
        return BC_E_IO;
    }
    uint64_t left = (uint64_t)vfs.f_bavail * vfs.f_frsize;
    if (left < c->free_disk_min) {
        snprintf(why, why_size,
                 "only %llu MiB are free on the disk of %s, %llu MiB are needed to start: free some "
                 "space or move the data directory",
                 (unsigned long long)(left >> 20), c->path,
                 (unsigned long long)(c->free_disk_min >> 20));
        return BC_E_FULL;
    }
    return BC_OK;
}

static void explain(bc_err_t err, const char *path, const char *text, char *why, size_t why_size)
{
    const char *hint = "the disk or its permissions need attention";
    if (err == BC_E_BUSY)
        hint = "another process has this directory open: stop it first";
    else if (err == BC_E_UNSUPPORTED)
        hint = "the files were written by a newer RocksDB than this program reads (SST format 5 at "
               "most): let this node sync from its peers into an empty directory, or import a "
               "key/value dump";
    else if (err == BC_E_CORRUPT)
        hint = "the store is damaged: restore a copy, or let this node sync from its peers into an "
               "empty directory";
    snprintf(why, why_size, "cannot open the store %s: %s (%s)", path, hint, text);
}

bc_err_t bc_kv_rocks_open(const bc_kv_rocks_config_t *config, bc_kv_if *out, char *why,
                          size_t why_size)
{
    char none[1];
    if (!why)
        why = none, why_size = sizeof none;
    *out = (bc_kv_if){ 0 };
    if (!config->path || !*config->path || config->write_buffer_size < 65536 ||
        config->max_write_buffer_number < 1 || config->max_background_jobs < 1 ||
        config->min_write_buffer_number_to_merge < 1 || config->max_open_files < 16) {
        snprintf(why, why_size, "storage options out of range");
        return BC_E_ARG;
    }
    bc_err_t err = config->read_only ? BC_OK : check_disk(config, why, why_size);
    if (err)
        return err;
    rocks_t *r = bc_xcalloc(1, sizeof *r);
    r->options = rocksdb_options_create();
    r->cache = rocksdb_cache_create_lru(config->block_cache_size);
    r->read = rocksdb_readoptions_create();
    r->write = rocksdb_writeoptions_create();
    r->write_sync = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(r->write_sync, 1);
    set_options(r, config);
    char *text = NULL;
    r->db = config->read_only ? rocksdb_open_for_read_only(r->options, config->path, 0, &text)
                              : rocksdb_open(r->options, config->path, &text);
    if (text) {
        err = classify(text);
        explain(err, config->path, text, why, why_size);
        rocksdb_free(text);
        r->db = NULL;
        rocks_close(r);
        return err;
    }
    *out = (bc_kv_if){ &rocks_ops, r };
    return BC_OK;
}

void bc_kv_rocks_compact(bc_kv_if kv)
{
    BC_MUST(kv.ops == &rocks_ops);
    rocksdb_compact_range(((rocks_t *)kv.self)->db, NULL, 0, NULL, 0);
}

static uint64_t property(rocks_t *r, const char *name)
{
    uint64_t v = 0;
    return rocksdb_property_int(r->db, name, &v) == 0 ? v : 0;
}

void bc_kv_rocks_usage(bc_kv_if kv, bc_kv_rocks_usage_t *out)
{
    BC_MUST(kv.ops == &rocks_ops);
    rocks_t *r = kv.self;
    out->memtables = property(r, "rocksdb.cur-size-all-mem-tables");
    out->table_readers = property(r, "rocksdb.estimate-table-readers-mem");
    out->sst_files = property(r, "rocksdb.total-sst-files-size");
    out->block_cache = rocksdb_cache_get_usage(r->cache);
}
