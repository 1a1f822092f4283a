/* Log in the official line format: level|time|thread|[badge][badge]text,key=value,...
 * (spec/50 §4). Records are formatted by the caller into a bounded ring and written by one
 * thread; when the ring is full records are dropped and counted. Until bc_log_open everything
 * goes to standard error. Secrets have no formatter. Any thread. */
#ifndef BC_BASE_LOG_H
#define BC_BASE_LOG_H

#include "base/err.h"
#include "base/types.h"

typedef enum {
    BC_LOG_TRACE,
    BC_LOG_DEBUG,
    BC_LOG_INFO,
    BC_LOG_WARNING,
    BC_LOG_ERROR,
    BC_LOG_FATAL
} bc_log_level_t;

typedef struct {
    bool enable;
    bc_log_level_t level;
    const char *path;         /* directory; created when absent */
    bool console;             /* standard output instead of files */
    bool flush;               /* per record */
    uint64_t file_size_max;   /* bytes; a new file when reached */
    bool rotate_by_hour;
    const char *name_pattern; /* strftime text of the current file */
} bc_log_config_t;

bc_err_t bc_log_open(const bc_log_config_t *config) BC_WARN_UNUSED;
void bc_log_close(void); /* writes what is queued */
void bc_log_set_level(bc_log_level_t level);
bool bc_log_enabled(bc_log_level_t level);
uint64_t bc_log_dropped(void);
/* Text to level; unknown text is info, as the official node does. */
bc_log_level_t bc_log_level_parse(const char *text);

/* badges: "[PBFT][ENGINE]"; fmt gives free text and ",key=value" pairs. */
void bc_log_write(bc_log_level_t level, const char *badges, const char *fmt, ...) BC_PRINTF(3, 4);

#define BC_LOG(level, badges, ...)                                                                 \
    do {                                                                                           \
        if (bc_log_enabled(level))                                                                 \
            bc_log_write(level, badges, __VA_ARGS__);                                              \
    } while (0)
#define BC_TRACE(badges, ...) BC_LOG(BC_LOG_TRACE, badges, __VA_ARGS__)
#define BC_DEBUG(badges, ...) BC_LOG(BC_LOG_DEBUG, badges, __VA_ARGS__)
#define BC_INFO(badges, ...) BC_LOG(BC_LOG_INFO, badges, __VA_ARGS__)
#define BC_WARN(badges, ...) BC_LOG(BC_LOG_WARNING, badges, __VA_ARGS__)
#define BC_ERROR(badges, ...) BC_LOG(BC_LOG_ERROR, badges, __VA_ARGS__)

/* First 4 bytes of a hash or id as 8 hex digits, for log lines. The result lives in the caller's
 * full expression. */
typedef struct {
    char s[12];
} bc_short_t;
bc_short_t bc_short(bc_bytes_t v);
#define BC_SHORT(fixed) (bc_short(BC_VIEW(fixed)).s)

#endif
