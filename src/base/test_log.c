#include <dirent.h>
#include <pthread.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/ini.h"
#include "base/log.h"
#include "base/metrics.h"

static char dir[64];

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/cbcos-log-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

/* All files of the directory, one after another, and their number; removes them. */
static int slurp(bc_wr_t *out)
{
    struct dirent **list;
    int n = scandir(dir, &list, NULL, alphasort), files = 0;
    for (int i = 0; i < n; i++) {
        char path[512];
        if (list[i]->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", dir, list[i]->d_name);
            assert_int_equal(bc_file_read(path, 100 << 20, out), BC_OK);
            unlink(path);
            files++;
        }
        free(list[i]);
    }
    free(list);
    bc_wr_u8(out, 0);
    return files;
}

static int teardown(void **state)
{
    (void)state;
    bc_wr_t w = { 0 };
    slurp(&w);
    bc_wr_free(&w);
    return rmdir(dir);
}

static bc_log_config_t config(void)
{
    return (bc_log_config_t){ .enable = true,
                              .level = BC_LOG_INFO,
                              .path = dir,
                              .flush = true,
                              .file_size_max = 1 << 30,
                              .rotate_by_hour = true,
                              .name_pattern = "log_%Y%m%d%H.%M.log" };
}

static void lines_have_the_official_format(void **state)
{
    (void)state;
    bc_log_config_t c = config();
    assert_int_equal(bc_log_open(&c), BC_OK);
    BC_INFO("[A][B]", "text,number=%d,who=%s", 7, "evil\nline");
    BC_DEBUG("[A]", "not seen");
    bc_log_set_level(BC_LOG_DEBUG);
    BC_DEBUG("[A]", "seen");
    bc_log_close();
    bc_wr_t w = { 0 };
    assert_int_equal(slurp(&w), 1);
    regex_t re;
    assert_int_equal(regcomp(&re,
                             "^info\\|[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]"
                             "{6}\\|[A-Za-z0-9_.-]+-0x[0-9a-f]{16}\\|\\[A\\]\\[B\\]text,number=7,"
                             "who=evil line\ndebug\\|[^\n]*\\|\\[A\\]seen\n$",
                             REG_EXTENDED),
                     0);
    assert_int_equal(regexec(&re, (char *)w.p, 0, NULL, 0), 0);
    regfree(&re);
    bc_wr_free(&w);
    bc_log_set_level(BC_LOG_INFO);
}

static void *chatter(void *arg)
{
    for (int i = 0; i < 500; i++)
        BC_INFO("[T]", "from=%d,i=%d", *(int *)arg, i);
    return NULL;
}

static void nothing_is_lost_or_torn_between_threads(void **state)
{
    (void)state;
    bc_log_config_t c = config();
    assert_int_equal(bc_log_open(&c), BC_OK);
    uint64_t dropped = bc_log_dropped();
    pthread_t t[4];
    int id[4] = { 0, 1, 2, 3 };
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, chatter, &id[i]), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    bc_log_close();
    bc_wr_t w = { 0 };
    slurp(&w);
    size_t lines = 0;
    for (size_t i = 0; i < w.n; i++)
        lines += w.p[i] == '\n';
    assert_int_equal(lines + (bc_log_dropped() - dropped), 2000);
    bc_wr_free(&w);
}

static void a_full_file_is_followed_by_another(void **state)
{
    (void)state;
    bc_log_config_t c = config();
    c.file_size_max = 2000;
    assert_int_equal(bc_log_open(&c), BC_OK);
    for (int i = 0; i < 100; i++) {
        BC_INFO("[R]", "i=%d,%0100d", i, 0);
        if (i % 10 == 0)
            usleep(3000); /* lets the writer take a batch */
    }
    bc_log_close();
    bc_wr_t w = { 0 };
    assert_true(slurp(&w) > 1);
    size_t lines = 0;
    for (size_t i = 0; i < w.n; i++)
        lines += w.p[i] == '\n';
    assert_int_equal(lines, 100);
    bc_wr_free(&w);
}

static void long_records_are_cut_and_directories_checked(void **state)
{
    (void)state;
    bc_log_config_t c = config();
    assert_int_equal(bc_log_open(&c), BC_OK);
    char big[10000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = 0;
    BC_INFO("[L]", "%s", big);
    BC_INFO(big, "%s", big);
    bc_log_close();
    bc_wr_t w = { 0 };
    slurp(&w);
    assert_true(w.n > 7000 && w.n < 8300);
    bc_wr_free(&w);
    c.path = "/proc/none";
    assert_int_equal(bc_log_open(&c), BC_E_IO);
    c.enable = false;
    assert_int_equal(bc_log_open(&c), BC_OK);
    assert_false(bc_log_enabled(BC_LOG_FATAL));
    bc_log_close();
    assert_true(bc_log_enabled(BC_LOG_ERROR));
    assert_int_equal(bc_log_level_parse("WARNING"), BC_LOG_WARNING);
    assert_int_equal(bc_log_level_parse("nonsense"), BC_LOG_INFO);
}

BC_COUNTER(t_b, "test_total", "k=\"b\"", "A test")
BC_COUNTER(t_a, "test_total", "k=\"a\"", "A test")
BC_GAUGE(t_g, "test_depth", "", "A depth")
BC_HISTOGRAM(t_h, "test_ms", "", "A time", 1, 10)

static void metrics_print_as_prometheus_text(void **state)
{
    (void)state;
    bc_metric_add(&t_a, 3);
    bc_metric_add(&t_b, 4);
    bc_metric_set(&t_g, -2);
    bc_metric_observe(&t_h, 1);
    bc_metric_observe(&t_h, 2);
    bc_metric_observe(&t_h, 11);
    bc_wr_t w = { 0 };
    bc_metrics_text(&w);
    bc_wr_u8(&w, 0);
    char *at = strstr((char *)w.p, "# HELP test_depth");
    assert_non_null(at);
    assert_string_equal(at, "# HELP test_depth A depth\n# TYPE test_depth gauge\ntest_depth -2\n"
                            "# HELP test_ms A time\n# TYPE test_ms histogram\n"
                            "test_ms_bucket{le=\"1\"} 1\ntest_ms_bucket{le=\"10\"} 2\n"
                            "test_ms_bucket{le=\"+Inf\"} 3\ntest_ms_sum 14\ntest_ms_count 3\n"
                            "# HELP test_total A test\n# TYPE test_total counter\n"
                            "test_total{k=\"a\"} 3\ntest_total{k=\"b\"} 4\n");
    bc_wr_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_have_the_official_format),
        cmocka_unit_test(nothing_is_lost_or_torn_between_threads),
        cmocka_unit_test(a_full_file_is_followed_by_another),
        cmocka_unit_test(long_records_are_cut_and_directories_checked),
        cmocka_unit_test(metrics_print_as_prometheus_text),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
