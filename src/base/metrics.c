#include "base/metrics.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bc_metric_t *all; /* sorted by name, labels; only ever grows */

static int metric_cmp(const bc_metric_t *a, const bc_metric_t *b)
{
    int c = strcmp(a->name, b->name);
    return c ? c : strcmp(a->labels, b->labels);
}

void bc_metric_register(bc_metric_t *m)
{
    pthread_mutex_lock(&lock);
    bc_metric_t **at = &all;
    while (*at && metric_cmp(*at, m) <= 0)
        at = &(*at)->next;
    m->next = *at;
    *at = m;
    pthread_mutex_unlock(&lock);
}

void bc_metric_observe(bc_metric_t *m, int64_t v)
{
    size_t i = 0;
    while (i < m->bound_cnt && v > m->bounds[i])
        i++;
    atomic_fetch_add_explicit(&m->counts[i], 1, memory_order_relaxed);
    bc_metric_add(m, v);
}

static void put_histogram(const bc_metric_t *m, int64_t sum, bc_wr_t *out)
{
    int64_t total = 0;
    const char *comma = *m->labels ? "," : "", *open = *m->labels ? "{" : "",
               *close = *m->labels ? "}" : "";
    for (size_t i = 0; i <= m->bound_cnt; i++) {
        total += atomic_load_explicit(&m->counts[i], memory_order_relaxed);
        if (i < m->bound_cnt)
            bc_wr_printf(out, "%s_bucket{%s%sle=\"%" PRId64 "\"} %" PRId64 "\n", m->name,
                         m->labels, comma, m->bounds[i], total);
        else
            bc_wr_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %" PRId64 "\n", m->name, m->labels, comma,
                         total);
    }
    bc_wr_printf(out, "%s_sum%s%s%s %" PRId64 "\n", m->name, open, m->labels, close, sum);
    bc_wr_printf(out, "%s_count%s%s%s %" PRId64 "\n", m->name, open, m->labels, close, total);
}

void bc_metrics_text(bc_wr_t *out)
{
    static const char *const kinds[] = { "counter", "gauge", "histogram" };
    const char *last = "";
    pthread_mutex_lock(&lock);
    for (bc_metric_t *m = all; m; m = m->next) {
        if (strcmp(last, m->name) != 0)
            bc_wr_printf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name,
                         kinds[m->kind]);
        last = m->name;
        int64_t v = bc_metric_get(m);
        if (m->kind == BC_METRIC_HISTOGRAM)
            put_histogram(m, v, out);
        else
            bc_wr_printf(out, "%s%s%s%s %" PRId64 "\n", m->name, *m->labels ? "{" : "", m->labels,
                         *m->labels ? "}" : "", v);
    }
    pthread_mutex_unlock(&lock);
}
