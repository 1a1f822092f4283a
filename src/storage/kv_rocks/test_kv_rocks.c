#include "storage/kv_rocks/kv_rocks.h"
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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

static bc_kv_if open_at(const char *dir, bc_err_t want)
{
    char path[128], why[512] = "";
    snprintf(path, sizeof path, "%s/%s", base, dir);
    bc_kv_rocks_config_t c = bc_kv_rocks_defaults(path);
    c.write_buffer_size = 1 << 20;
    c.block_cache_size = 1 << 20;
    c.free_disk_min = 1 << 20;
    bc_kv_if kv;
    bc_err_t err = bc_kv_rocks_open(&c, &kv, why, sizeof why);
    if (err != want)
        print_error("%s\n", why);
    assert_int_equal(err, want);
    assert_true(want == BC_OK || strstr(why, path));
    return kv;
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
}

static void damage_is_not_taken_for_something_else(void **state)
{
    (void)state;
    bc_kv_if kv = open_at("broken", BC_OK);
    kv.ops->close(kv.self);
    char path[128];
    snprintf(path, sizeof path, "%s/broken/CURRENT", base);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("nonsense", f);
    fclose(f);
    open_at("broken", BC_E_CORRUPT);
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
        cmocka_unit_test(rows_survive_closing),
        cmocka_unit_test(a_second_opener_is_told_so),
        cmocka_unit_test(damage_is_not_taken_for_something_else),
        cmocka_unit_test(files_of_a_newer_engine_are_named),
        cmocka_unit_test(too_little_disk_is_refused),
    };
    group_setup(NULL);
    int failed = bc_kv_suite_run("kv_rocks", open_new, NULL);
    failed += cmocka_run_group_tests(tests, NULL, NULL);
    group_teardown(NULL);
    return failed;
}
