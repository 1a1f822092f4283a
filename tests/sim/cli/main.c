/* cbcos-sim: clusters under random faults, each run a function of its seed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/log.h"
#include "../sim.h"

typedef struct {
    uint64_t first, last;
    int nodes;
    unsigned faults;
    bool verbose, forget;
} args_t;

static int usage(void)
{
    fputs("usage: cbcos-sim [--seeds A..B] [--replay SEED] [--nodes N] [--faults net,crash,split,skew|none]\n"
          "                 [--forget-votes]\n"
          "  --seeds         runs these seeds (default 1..100)\n"
          "  --replay        runs one seed and tells what happens\n"
          "  --nodes         number of sealers instead of the seed's\n"
          "  --forget-votes  restarts lose the record of votes, as official nodes do\n",
          stderr);
    return 2;
}

static bool parse_faults(const char *text, unsigned *out)
{
    static const struct {
        const char *name;
        unsigned bit;
    } names[] = { { "net", SIM_FAULT_NET }, { "crash", SIM_FAULT_CRASH },
                  { "split", SIM_FAULT_SPLIT }, { "skew", SIM_FAULT_SKEW }, { "none", 0 },
                  { "all", SIM_FAULT_ALL } };
    *out = 0;
    while (*text) {
        size_t n = strcspn(text, ","), i = 0;
        while (i < BC_ARRAY_LEN(names) && (strlen(names[i].name) != n || strncmp(names[i].name, text, n)))
            i++;
        if (i == BC_ARRAY_LEN(names))
            return false;
        *out |= names[i].bit;
        text += n + (text[n] == ',');
    }
    return true;
}

static bool parse(int argc, char **argv, args_t *a)
{
    *a = (args_t){ .first = 1, .last = 100, .faults = SIM_FAULT_ALL };
    for (int i = 1; i < argc; i++) {
        const char *v = i + 1 < argc ? argv[i + 1] : NULL;
        char *end;
        if (!strcmp(argv[i], "--forget-votes")) {
            a->forget = true;
            continue;
        }
        if (!v)
            return false;
        i++;
        if (!strcmp(argv[i - 1], "--seeds")) {
            a->first = strtoull(v, &end, 10);
            if (strncmp(end, "..", 2))
                return false;
            a->last = strtoull(end + 2, &end, 10);
            if (*end || a->last < a->first)
                return false;
        } else if (!strcmp(argv[i - 1], "--replay")) {
            a->first = a->last = strtoull(v, NULL, 10);
            a->verbose = true;
        } else if (!strcmp(argv[i - 1], "--nodes")) {
            a->nodes = atoi(v);
            if (a->nodes < 1 || a->nodes > SIM_NODES_MAX - 1)
                return false;
        } else if (!strcmp(argv[i - 1], "--faults")) {
            if (!parse_faults(v, &a->faults))
                return false;
        } else {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    args_t a;
    if (!parse(argc, argv, &a))
        return usage();
    bc_log_set_level(a.verbose ? BC_LOG_DEBUG : BC_LOG_FATAL);
    unsigned passed = 0, failed = 0;
    uint64_t steps = 0;
    int64_t blocks = 0;
    for (uint64_t seed = a.first; seed <= a.last; seed++) {
        sim_options_t o;
        sim_options_from_seed(seed, &o);
        if (a.nodes)
            o.sealers = a.nodes;
        o.skew_ms = seed % 2 ? 20000 : 0;
        o.verbose = a.verbose;
        o.forget_votes = a.forget;
        sim_t *s = sim_new(&o);
        const char *why = sim_scenario(s, a.faults);
        steps += sim_steps(s);
        blocks += sim_highest(s);
        if (why) {
            failed++;
            printf("seed %" PRIu64 " failed at step %" PRIu64 ", time %" PRId64 " ms: %s\n", seed,
                   sim_steps(s), sim_now(s), why);
        } else {
            passed++;
        }
        sim_free(s);
    }
    printf("%" PRIu64 " messages, %" PRId64 " blocks\n", steps, blocks);
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
