/* A wrong wall clock for one process, by LD_PRELOAD: SKEW_SECONDS is added to the time of day.
 * Steady clocks stay right. (libfaketime does not get along with jemalloc, which asks for the time
 * before libfaketime is ready.) */
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static time_t skew(void)
{
    const char *text = getenv("SKEW_SECONDS");
    return text ? (time_t)strtol(text, NULL, 10) : 0;
}

int clock_gettime(clockid_t id, struct timespec *out)
{
    long err = syscall(SYS_clock_gettime, id, out);
    if (!err && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        out->tv_sec += skew();
    return (int)err;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec t;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &t))
        return -1;
    out->tv_sec = t.tv_sec;
    out->tv_usec = t.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *out)
{
    struct timespec t;
    if (clock_gettime(CLOCK_REALTIME, &t))
        return -1;
    if (out)
        *out = t.tv_sec;
    return t.tv_sec;
}
