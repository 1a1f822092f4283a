/* What the log says during one test: for the tests of this folder. dir_new and dir_free are their
 * group's set-up and tear-down. */
#ifndef BC_ACCESS_TEST_LINES_H
#define BC_ACCESS_TEST_LINES_H

#include <dirent.h>
#include <unistd.h>
#include "access/gateway/test_gateways.h"

static char dir[64];

static inline int dir_new(void **state)
{
    assert_int_equal(setup(state), 0);
    strcpy(dir, "/tmp/cbcos-gateway-XXXXXX");
    assert_non_null(mkdtemp(dir));
    return 0;
}

/* All lines so far; the file is gone then. */
static inline void log_take(bc_wr_t *out)
{
    bc_log_close();
    bc_log_set_level(BC_LOG_FATAL);
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        char path[512], block[4096];
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        FILE *f = e->d_name[0] == '.' ? NULL : fopen(path, "r");
        for (size_t n; f && (n = fread(block, 1, sizeof block, f));)
            bc_wr_mem(out, block, n);
        if (f) {
            fclose(f);
            unlink(path);
        }
    }
    closedir(d);
}

static inline void log_begin(void)
{
    bc_log_config_t c = { .enable = true,
                          .level = BC_LOG_INFO,
                          .path = dir,
                          .flush = true,
                          .file_size_max = 1 << 20,
                          .name_pattern = "log" };
    assert_int_equal(bc_log_open(&c), BC_OK);
    bc_log_set_level(BC_LOG_INFO);
}

static inline int dir_free(void **state)
{
    bc_wr_t w = { 0 };
    log_take(&w);
    bc_wr_free(&w);
    rmdir(dir);
    return teardown(state);
}

/* One line has all the texts. */
static inline bool line_has(char *log, const char *const *texts)
{
    for (char *line = strtok(log, "\n"); line; line = strtok(NULL, "\n")) {
        bool all = true;
        for (size_t i = 0; texts[i]; i++)
            all = all && strstr(line, texts[i]);
        if (all)
            return true;
    }
    return false;
}

#define EXPECT_LINE(...)                                                                           \
    do {                                                                                           \
        bc_wr_t w_ = { 0 };                                                                        \
        log_take(&w_);                                                                             \
        bc_wr_u8(&w_, 0);                                                                          \
        char *copy_ = bc_xstrdup((char *)w_.p);                                                    \
        if (!line_has(copy_, (const char *const[]){ __VA_ARGS__, NULL }))                          \
            fail_msg("no such line in:\n%s", (char *)w_.p);                                        \
        free(copy_);                                                                               \
        bc_wr_free(&w_);                                                                           \
    } while (0)

#endif
