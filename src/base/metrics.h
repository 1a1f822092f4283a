/* Counters, gauges and histograms, printed in the Prometheus text format.
 *
 * A metric is a static object that registers itself before main:
 *
 *     BC_COUNTER(txs_in, "cbcos_txpool_txs_total", "result=\"ok\"", "Transactions offered");
 *     bc_metric_add(&txs_in, 1);
 *
 * Several metrics may share a name and differ in labels. Values are relaxed atomics: cheap, any
 * thread. */
#ifndef BC_BASE_METRICS_H
#define BC_BASE_METRICS_H

#include <stdatomic.h>
#include "base/buf.h"

typedef enum { BC_METRIC_COUNTER, BC_METRIC_GAUGE, BC_METRIC_HISTOGRAM } bc_metric_kind_t;

typedef struct bc_metric bc_metric_t;
struct bc_metric {
    const char *name, *labels, *help; /* labels: `a="b",c="d"` or "" */
    bc_metric_kind_t kind;
    _Atomic int64_t value;       /* histogram: sum of what was observed */
    size_t bound_cnt;            /* histogram */
    const int64_t *bounds;       /* ascending upper bounds */
    _Atomic int64_t *counts;     /* bound_cnt + 1, the last without bound */
    bc_metric_t *next;
};

static inline void bc_metric_add(bc_metric_t *m, int64_t v)
{
    atomic_fetch_add_explicit(&m->value, v, memory_order_relaxed);
}
static inline void bc_metric_set(bc_metric_t *m, int64_t v)
{
    atomic_store_explicit(&m->value, v, memory_order_relaxed);
}
static inline int64_t bc_metric_get(bc_metric_t *m)
{
    return atomic_load_explicit(&m->value, memory_order_relaxed);
}
void bc_metric_observe(bc_metric_t *m, int64_t v); /* histogram */

/* Adds m to the registry; m lives as long as the process. */
void bc_metric_register(bc_metric_t *m);
/* All metrics, sorted by name and labels. Any thread. */
void bc_metrics_text(bc_wr_t *out);

#define BC_METRIC_DEFINE(var, ...)                                                                 \
    static bc_metric_t var = { __VA_ARGS__ };                                                      \
    __attribute__((constructor)) static void var##_register(void)                                  \
    {                                                                                              \
        bc_metric_register(&var);                                                                  \
    }
#define BC_COUNTER(var, name_, labels_, help_)                                                     \
    BC_METRIC_DEFINE(var, .name = name_, .labels = labels_, .help = help_,                         \
                     .kind = BC_METRIC_COUNTER)
#define BC_GAUGE(var, name_, labels_, help_)                                                       \
    BC_METRIC_DEFINE(var, .name = name_, .labels = labels_, .help = help_, .kind = BC_METRIC_GAUGE)
/* Bounds follow: BC_HISTOGRAM(took, "cbcos_x_ms", "", "Time of x", 1, 5, 20, 100); */
#define BC_HISTOGRAM(var, name_, labels_, help_, ...)                                              \
    static const int64_t var##_bounds[] = { __VA_ARGS__ };                                         \
    static _Atomic int64_t var##_counts[BC_ARRAY_LEN(var##_bounds) + 1];                           \
    BC_METRIC_DEFINE(var, .name = name_, .labels = labels_, .help = help_,                         \
                     .kind = BC_METRIC_HISTOGRAM, .bound_cnt = BC_ARRAY_LEN(var##_bounds),         \
                     .bounds = var##_bounds, .counts = var##_counts)

#endif
