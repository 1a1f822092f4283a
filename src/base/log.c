#include "base/log.h"
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

static atomic_int level_min = BC_LOG_INFO;

bool bc_log_enabled(bc_log_level_t level)
{
    return (int)level >= atomic_load_explicit(&level_min, memory_order_relaxed);
}

void bc_log_set_level(bc_log_level_t level)
{
    atomic_store(&level_min, (int)level);
}

void bc_log_write(bc_log_level_t level, const char *badges, const char *fmt, ...)
{
    static const char *const names[] = { "trace", "debug", "info", "warning", "error", "fatal" };
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    fprintf(stderr, "%s|%s%s\n", names[level], badges, text);
}

bc_short_t bc_short(bc_bytes_t v)
{
    bc_short_t s = { "" };
    for (size_t i = 0; i < 4 && i < v.n; i++)
        snprintf(s.s + 2 * i, 3, "%02x", v.p[i]);
    return s;
}
