#include "storage/kv_rocks/kv_rocks.h"
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "storage/kv_suite/kv_suite.h"

static char base[64];
static unsigned opened;

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

static bc_kv_if open_with(const char *dir, bool whole_log, bc_err_t want)
{
    char path[128], why[512] = "";
    snprintf(path, sizeof path, "%s/%s", base, dir);
    bc_kv_rocks_config_t c = bc_kv_rocks_defaults(path);
    c.write_buffer_size = 1 << 20;
    c.block_cache_size = 1 << 20;
    c.free_disk_min = 1 << 20;
    c.whole_log = whole_log;
    bc_kv_if kv;
    bc_err_t err = bc_kv_rocks_open(&c, &kv, why, sizeof why);
    if (err != want)
        print_error("%s\n", why);
    assert_int_equal(err, want);
    assert_true(want == BC_OK || strstr(why, path));
    return kv;
}

static bc_kv_if open_at(const char *dir, bc_err_t want)
{
    return open_with(dir, false, want);
}

static bc_kv_if open_new(void *ctx)
{
    char dir[32];
    (void)ctx;
    snprintf(dir, sizeof dir, "a/b/%u", opened++);
    return open_at(dir, BC_OK);
}

static void rows_survive_closing(void **state)
{
    (void)state;
    bc_kv_if kv = open_at("again", BC_OK);
    bc_kv_change_t c = { BC_STR("t:k"), BC_STR("v"), false };
    assert_int_equal(kv.ops->write(kv.self, &c, 1, true), BC_OK);
    kv.ops->close(kv.self);
    kv = open_at("again", BC_OK);
    bc_kv_rocks_compact(kv);
    bc_kv_rocks_usage_t use;
    bc_kv_rocks_usage(kv, &use);
    assert_true(use.sst_files > 0);
    bc_wr_t w = { 0 };
    assert_int_equal(kv.ops->get(kv.self, BC_STR("t:k"), &w), BC_OK);
    assert_true(bc_bytes_eq(bc_wr_view(&w), BC_STR("v")));
    bc_wr_free(&w);
    kv.ops->close(kv.self);
}

static void a_second_opener_is_told_so(void **state)
{
    (void)state;
    bc_kv_if kv = open_at("locked", BC_OK);
    open_at("locked", BC_E_BUSY);
    kv.ops->close(kv.self);
    /* and one in another process */
    int p[2];
    char c;
    assert_int_equal(pipe(p), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        open_at("locked", BC_OK);
        if (write(p[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(p[0], &c, 1), 1);
    open_at("locked", BC_E_BUSY);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(p[0]);
    close(p[1]);
}

static void damage_is_not_taken_for_something_else(void **state)
{
    (void)state;
    bc_kv_if kv = open_at("block", BC_OK);
    kv.ops->close(kv.self);
    char path[128];
    snprintf(path, sizeof path, "%s/block/CURRENT", base);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("nonsense", f);
    fclose(f);
    open_at("block", BC_E_CORRUPT);
}

/* Rewrites the format number in the footer of every SST file, as a newer engine would have it. */
static int make_newer(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)kind, (void)ftw;
    size_t n = strlen(path);
    if (n < 4 || strcmp(path + n - 4, ".sst") != 0)
        return 0;
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    /* footer: ..., u32 version, 8 bytes magic */
    assert_int_equal(fseek(f, (long)st->st_size - 12, SEEK_SET), 0);
    assert_int_equal(fputc(99, f), 99);
    fclose(f);
    return 0;
}

static void files_of_a_newer_engine_are_named(void **state)
{
    (void)state;
    bc_kv_if kv = open_at("newer", BC_OK);
    bc_kv_change_t c = { BC_STR("t:k"), BC_STR("v"), false };
    assert_int_equal(kv.ops->write(kv.self, &c, 1, true), BC_OK);
    kv.ops->close(kv.self);
    kv = open_at("newer", BC_OK); /* the log of the first run becomes a file */
    bc_kv_rocks_compact(kv);
    kv.ops->close(kv.self);
    char path[128];
    snprintf(path, sizeof path, "%s/newer", base);
    assert_int_equal(nftw(path, make_newer, 8, FTW_PHYS), 0);
    open_at("newer", BC_E_UNSUPPORTED);
}

static void too_little_disk_is_refused(void **state)
{
    (void)state;
    char path[128], why[512] = "";
    snprintf(path, sizeof path, "%s/full", base);
    bc_kv_rocks_config_t c = bc_kv_rocks_defaults(path);
    c.free_disk_min = UINT64_MAX / 2;
    bc_kv_if kv;
    assert_int_equal(bc_kv_rocks_open(&c, &kv, why, sizeof why), BC_E_FULL);
    assert_non_null(strstr(why, "MiB"));
}

/* Writes batch after batch of two equal rows, and tells the pipe what was acknowledged. */
static void write_until_killed(int pipe_fd, uint32_t from)
{
    bc_kv_if kv = open_at("killed", BC_OK);
    for (uint32_t n = from;; n++) {
        bc_bytes_t v = bc_bytes(&n, sizeof n);
        const bc_kv_change_t c[] = { { BC_STR("t:a"), v, false }, { BC_STR("t:b"), v, false } };
        if (kv.ops->write(kv.self, c, 2, true) != BC_OK || write(pipe_fd, &n, sizeof n) < 0)
            _exit(1);
    }
}

static uint32_t value_of(bc_kv_if kv, bc_bytes_t key)
{
    bc_wr_t w = { 0 };
    uint32_t n = 0;
    assert_int_equal(kv.ops->get(kv.self, key, &w), BC_OK);
    assert_int_equal(w.n, sizeof n);
    memcpy(&n, w.p, sizeof n);
    bc_wr_free(&w);
    return n;
}

static void a_killed_writer_leaves_whole_batches(void **state)
{
    (void)state;
    uint32_t next = 1;
    for (uint32_t round = 0; round < 4; round++) {
        int p[2];
        assert_int_equal(pipe(p), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            close(p[0]);
            write_until_killed(p[1], next);
        }
        close(p[1]);
        uint32_t acked = 0;
        for (uint32_t i = 0; i < 20 + round * 13; i++)
            assert_int_equal(read(p[0], &acked, sizeof acked), sizeof acked);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        for (uint32_t n; read(p[0], &n, sizeof n) == sizeof n;)
            acked = n;
        close(p[0]);
        bc_kv_if kv = open_at("killed", BC_OK);
        uint32_t a = value_of(kv, BC_STR("t:a"));
        assert_int_equal(a, value_of(kv, BC_STR("t:b")));
        assert_true(a >= acked);
        kv.ops->close(kv.self);
        next = a + 1;
    }
}

/* Changes a byte of every log of writes, in its second record; or cuts its last byte off. */
static bool damage_cuts;
static int damage_log(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)kind, (void)ftw;
    size_t n = strlen(path);
    if (n < 4 || strcmp(path + n - 4, ".log") != 0 || st->st_size < 2000)
        return 0;
    if (damage_cuts)
        return truncate(path, st->st_size - 1);
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    assert_int_equal(fseek(f, 1100, SEEK_SET), 0);
    assert_int_equal(fputc(0xaa, f), 0xaa);
    fclose(f);
    return 0;
}

/* Three synced rows of a kilobyte in the log of a process that ended without closing. */
static void write_and_leave(const char *dir)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        bc_kv_if kv = open_at(dir, BC_OK);
        static const uint8_t value[1000] = { 1 };
        for (uint8_t n = 0; n < 3; n++) {
            char key[] = { 't', ':', (char)('a' + n), 0 };
            const bc_kv_change_t c = { bc_cstr(key), bc_bytes(value, sizeof value), false };
            if (kv.ops->write(kv.self, &c, 1, true) != BC_OK)
                _exit(1);
        }
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static size_t rows_in(bc_kv_if kv)
{
    size_t rows = 0;
    static const char *const keys[] = { "t:a", "t:b", "t:c" };
    for (size_t i = 0; i < BC_ARRAY_LEN(keys); i++) {
        bc_wr_t w = { 0 };
        rows += kv.ops->get(kv.self, bc_cstr(keys[i]), &w) == BC_OK;
        bc_wr_free(&w);
    }
    return rows;
}

/* A record of votes that has lost its end is no record: the store of consensus says so. What peers
 * can give again goes back instead. A last write that was cut is none for both. */
static void a_damaged_log_is_told_where_it_matters(void **state)
{
    (void)state;
    char path[128];
    for (int cuts = 0; cuts < 2; cuts++)
        for (int whole = 0; whole < 2; whole++) {
            char dir[16];
            snprintf(dir, sizeof dir, "log%d%d", cuts, whole);
            write_and_leave(dir);
            damage_cuts = cuts;
            snprintf(path, sizeof path, "%s/%s", base, dir);
            assert_int_equal(nftw(path, damage_log, 16, FTW_PHYS), 0);
            if (whole && !cuts) {
                open_with(dir, true, BC_E_CORRUPT);
                continue;
            }
            bc_kv_if kv = open_with(dir, whole, BC_OK);
            assert_int_equal(rows_in(kv), cuts ? 2 : 1);
            kv.ops->close(kv.self);
        }
}

/* An idle store must not eat the memory that the whole node is allowed. */
static void an_idle_store_is_small(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip();
#else
    long before = 0, after = 0, pages;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%ld %ld", &pages, &before), 2);
    char path[128];
    snprintf(path, sizeof path, "%s/idle", base);
    bc_kv_rocks_config_t c = bc_kv_rocks_defaults(path);
    c.free_disk_min = 1 << 20;
    bc_kv_if kv;
    assert_int_equal(bc_kv_rocks_open(&c, &kv, NULL, 0), BC_OK);
    rewind(f);
    f = freopen("/proc/self/statm", "r", f);
    assert_int_equal(fscanf(f, "%ld %ld", &pages, &after), 2);
    fclose(f);
    kv.ops->close(kv.self);
    print_message("idle store: %ld kB\n", (after - before) * 4);
    assert_true((after - before) * 4 < 16 * 1024);
#endif
}

static int group_setup(void **state)
{
    (void)state;
    snprintf(base, sizeof base, "/tmp/cbcos-kv-XXXXXX");
    return mkdtemp(base) ? 0 : -1;
}

static int group_teardown(void **state)
{
    (void)state;
    return nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_damaged_log_is_told_where_it_matters),
        cmocka_unit_test(an_idle_store_is_small),
        cmocka_unit_test(a_killed_writer_leaves_whole_batches),
        cmocka_unit_test(rows_survive_closing),
        cmocka_unit_test(a_second_opener_is_told_so),
        cmocka_unit_test(damage_is_not_taken_for_something_else),
        cmocka_unit_test(files_of_a_newer_engine_are_named),
        cmocka_unit_test(too_little_disk_is_refused),
    };
    group_setup(NULL);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    failed += bc_kv_suite_run("kv_rocks", open_new, NULL);
    group_teardown(NULL);
    return failed;
}
