/* Records are formatted on the caller's thread, copied into a byte ring under a lock, and written
 * by one thread in batches: one write(2) for everything that waits. */
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/metrics.h"

#define RING_SIZE  (1u << 20)
#define BATCH_SIZE (64u << 10)
#define LINE_MAX_  4096

BC_COUNTER(dropped_metric, "cbcos_log_dropped_total", "", "Log records dropped: the ring was full "
                                                          "or the disk refused them")

static const char *const level_names[] = { "trace",   "debug", "info",
                                           "warning", "error", "fatal" };

static atomic_int level_min = BC_LOG_INFO;
static atomic_bool enabled = true;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t some;
    bool open, stop, asleep;
    uint8_t *ring;
    size_t head, used; /* records: u32 length, bytes; they wrap around */
    pthread_t writer;
    /* the writer's own */
    bc_log_config_t config;
    char *dir, *pattern;
    int fd;
    uint64_t file_size;
    int hour; /* of the open file, local time since 1970 */
} g = { .lock = PTHREAD_MUTEX_INITIALIZER, .some = PTHREAD_COND_INITIALIZER, .fd = -1 };

bool bc_log_enabled(bc_log_level_t level)
{
    return (int)level >= atomic_load_explicit(&level_min, memory_order_relaxed) &&
           atomic_load_explicit(&enabled, memory_order_relaxed);
}

void bc_log_set_level(bc_log_level_t level)
{
    atomic_store(&level_min, (int)level);
}

uint64_t bc_log_dropped(void)
{
    return (uint64_t)bc_metric_get(&dropped_metric);
}

bc_log_level_t bc_log_level_parse(const char *text)
{
    for (size_t i = 0; i < BC_ARRAY_LEN(level_names); i++)
        if (strcasecmp(text, level_names[i]) == 0)
            return (bc_log_level_t)i;
    return BC_LOG_INFO;
}

bc_short_t bc_short(bc_bytes_t v)
{
    bc_short_t s = { "" };
    for (size_t i = 0; i < 4 && i < v.n; i++)
        snprintf(s.s + 2 * i, 3, "%02x", v.p[i]);
    return s;
}

/* ---- one line ---- */

/* Date and time; the date part is kept per thread as long as the second lasts. */
static size_t put_time(char *out)
{
    static _Thread_local time_t last = -1;
    static _Thread_local char text[32];
    int64_t us = bc_clock_wall_us();
    time_t sec = (time_t)(us / 1000000);
    if (sec != last) {
        struct tm tm;
        localtime_r(&sec, &tm);
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
        last = sec;
    }
    return (size_t)snprintf(out, 48, "%s.%06d", text, (int)(us % 1000000));
}

static size_t put_thread(char *out)
{
    char name[16] = "";
    pthread_getname_np(pthread_self(), name, sizeof name);
    /* a thread that nobody named bears the program's name */
    if (!*name || strncmp(name, program_invocation_short_name, 15) == 0)
        snprintf(name, sizeof name, "Unnamed");
    return (size_t)snprintf(out, 48, "%s-0x%016lx", name, (unsigned long)pthread_self());
}

/* A record is one line whatever the arguments hold. */
static void flatten(char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)p[i] < ' ' && p[i] != '\t')
            p[i] = ' ';
}

static size_t format(char *out, bc_log_level_t level, const char *badges, const char *fmt,
                     va_list ap)
{
    size_t n = (size_t)snprintf(out, 16, "%s|", level_names[level]);
    n += put_time(out + n);
    out[n++] = '|';
    n += put_thread(out + n);
    out[n++] = '|';
    int k = snprintf(out + n, LINE_MAX_ - n - 1, "%s", badges);
    n += BC_MIN((size_t)BC_MAX(k, 0), LINE_MAX_ - n - 2);
    k = vsnprintf(out + n, LINE_MAX_ - n - 1, fmt, ap);
    n += BC_MIN((size_t)BC_MAX(k, 0), LINE_MAX_ - n - 2);
    flatten(out, n);
    out[n++] = '\n';
    return n;
}

/* ---- ring ---- */

static void ring_put(const void *src, size_t n)
{
    size_t at = (g.head + g.used) % RING_SIZE, first = BC_MIN(n, RING_SIZE - at);
    memcpy(g.ring + at, src, first);
    memcpy(g.ring, (const uint8_t *)src + first, n - first);
    g.used += n;
}

/* Takes as many whole records as fit: a file never ends inside a line. */
static size_t ring_take(uint8_t *out, size_t max)
{
    size_t n = BC_MIN(g.used, max), first = BC_MIN(n, RING_SIZE - g.head);
    memcpy(out, g.ring + g.head, first);
    memcpy(out + first, g.ring, n - first);
    while (n < g.used && out[n - 1] != '\n')
        n--; /* a record is shorter than a batch */
    g.head = (g.head + n) % RING_SIZE;
    g.used -= n;
    return n;
}

void bc_log_write(bc_log_level_t level, const char *badges, const char *fmt, ...)
{
    char line[LINE_MAX_];
    va_list ap;
    va_start(ap, fmt);
    size_t n = format(line, level, badges, fmt, ap);
    va_end(ap);
    pthread_mutex_lock(&g.lock);
    bool direct = !g.open, wake = false;
    if (g.open && g.used + n > RING_SIZE) {
        bc_metric_add(&dropped_metric, 1);
    } else if (g.open) {
        ring_put(line, n);
        wake = g.asleep;
        g.asleep = false;
    }
    pthread_mutex_unlock(&g.lock);
    if (wake)
        pthread_cond_signal(&g.some);
    if (direct)
        fwrite(line, 1, n, stderr);
}

/* ---- the writer ---- */

static int hour_now(void)
{
    time_t now = time(NULL);
    struct tm tm;
    localtime_r(&now, &tm);
    return (tm.tm_year * 366 + tm.tm_yday) * 24 + tm.tm_hour;
}

/* Opens the file that the pattern names now. After a rotation by size within the pattern's
 * resolution the name is taken: a number makes it another one. */
static void open_file(bool fresh)
{
    char name[256], path[1024];
    time_t now = time(NULL);
    struct tm tm;
    localtime_r(&now, &tm);
    if (!strftime(name, sizeof name, g.pattern, &tm))
        snprintf(name, sizeof name, "cbcos.log");
    if (g.fd >= 0)
        close(g.fd);
    g.fd = -1;
    for (int i = 0; i < 1000 && g.fd < 0; i++) {
        if (i == 0)
            snprintf(path, sizeof path, "%s/%s", g.dir, name);
        else
            snprintf(path, sizeof path, "%s/%s.%d", g.dir, name, i);
        g.fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (fresh ? O_EXCL : 0), 0640);
        if (g.fd < 0 && errno != EEXIST)
            break;
    }
    struct stat st;
    g.file_size = g.fd >= 0 && fstat(g.fd, &st) == 0 ? (uint64_t)st.st_size : 0;
    g.hour = hour_now();
}

static void rotate(void)
{
    if (g.fd < 0)
        open_file(false);
    else if (g.config.rotate_by_hour && hour_now() != g.hour)
        open_file(false);
    else if (g.config.file_size_max && g.file_size >= g.config.file_size_max)
        open_file(true);
}

static void write_all(const uint8_t *p, size_t n)
{
    if (!g.config.console)
        rotate();
    int fd = g.config.console ? STDOUT_FILENO : g.fd;
    while (n) {
        ssize_t k = fd < 0 ? -1 : write(fd, p, n);
        if (k < 0 && fd >= 0 && errno == EINTR)
            continue;
        if (k < 0) {
            for (size_t i = 0; i < n; i++)
                if (p[i] == '\n')
                    bc_metric_add(&dropped_metric, 1);
            return;
        }
        p += k;
        n -= (size_t)k;
        g.file_size += (uint64_t)k;
    }
}

static void *writer_main(void *arg)
{
    static uint8_t batch[BATCH_SIZE];
    (void)arg;
    pthread_setname_np(pthread_self(), "log");
    pthread_mutex_lock(&g.lock);
    for (;;) {
        while (!g.used && !g.stop) {
            g.asleep = true;
            pthread_cond_wait(&g.some, &g.lock);
        }
        g.asleep = false;
        size_t n = ring_take(batch, sizeof batch);
        if (!n)
            break; /* stopped, and all is written */
        pthread_mutex_unlock(&g.lock);
        write_all(batch, n);
        pthread_mutex_lock(&g.lock);
    }
    pthread_mutex_unlock(&g.lock);
    return NULL;
}

bc_err_t bc_log_open(const bc_log_config_t *config)
{
    BC_MUST(!g.open);
    atomic_store(&level_min, (int)config->level);
    atomic_store(&enabled, config->enable);
    if (!config->enable)
        return BC_OK;
    g.config = *config;
    if (!config->console) {
        g.dir = bc_xstrdup(config->path && *config->path ? config->path : "log");
        g.pattern = bc_xstrdup(config->name_pattern && *config->name_pattern
                                   ? config->name_pattern
                                   : "log_%Y%m%d%H.%M.log");
        if (mkdir(g.dir, 0755) != 0 && errno != EEXIST) {
            bc_log_close();
            return BC_E_IO;
        }
        open_file(false);
        if (g.fd < 0) {
            bc_log_close();
            return BC_E_IO;
        }
    }
    g.ring = bc_xcalloc(1, RING_SIZE);
    g.head = g.used = 0;
    g.stop = false;
    pthread_mutex_lock(&g.lock);
    g.open = pthread_create(&g.writer, NULL, writer_main, NULL) == 0;
    pthread_mutex_unlock(&g.lock);
    if (!g.open) {
        bc_log_close();
        return BC_E_IO;
    }
    return BC_OK;
}

void bc_log_close(void)
{
    pthread_mutex_lock(&g.lock);
    bool join = g.open;
    g.stop = true;
    g.open = false; /* what comes now goes to standard error */
    pthread_cond_signal(&g.some);
    pthread_mutex_unlock(&g.lock);
    if (join)
        pthread_join(g.writer, NULL);
    if (g.fd >= 0)
        close(g.fd);
    g.fd = -1;
    free(g.ring);
    free(g.dir);
    free(g.pattern);
    g.ring = NULL;
    g.dir = g.pattern = NULL;
    atomic_store(&enabled, true);
}
