/* cbcos-sim: clusters under random faults, each run a function of its seed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "base/log.h"
#include "../sim.h"

typedef struct {
    uint64_t first, last;
    int nodes;
    unsigned faults;
    int crypto; /* -1: by the seed */
    bool replay, forget, nameless, stop;
    const char *faults_text;
} args_t;

static void usage(FILE *out)
{
    fputs(
        "usage: cbcos-sim [--seeds A..B] [--nodes N] [--faults LIST] [--replay SEED] [--crypto "
        "KIND]\n"
        "                 [--forget-votes] [--nameless] [--stop] [--help]\n"
        "Runs clusters of the node's deterministic core, each a function of its seed, and checks "
        "the\n"
        "chain's invariants all the time (tests/sim/check.c names them).\n"
        "  --seeds A..B    these seeds, default 1..100\n"
        "  --nodes N       N sealers, 1..14, instead of the seed's number\n"
        "  --faults LIST   of net, crash, split, skew, disk, members, byz; or all (default), none\n"
        "  --replay SEED   one seed, with a trace of what happens; give the other options as in "
        "the\n"
        "                  run that failed\n"
        "  --crypto KIND   real or cheap signatures; default: real where seed % 10 is 7\n"
        "  --forget-votes  restarts lose the record of votes, as official nodes do\n"
        "  --nameless      proposals need not name their transactions, as official ones do not (docs/notes/"
        "0019)\n"
        "  --stop          ends with the first seed that fails\n"
        "Ends with 'N passed, M failed'; the exit status is 1 when one failed.\n",
        out);
}

static bool parse_faults(const char *text, unsigned *out)
{
    static const struct {
        const char *name;
        unsigned bit;
    } names[] = { { "net", SIM_FAULT_NET },     { "crash", SIM_FAULT_CRASH },
                  { "split", SIM_FAULT_SPLIT }, { "skew", SIM_FAULT_SKEW },
                  { "disk", SIM_FAULT_DISK },   { "members", SIM_FAULT_MEMBERS },
                  { "byz", SIM_FAULT_BYZ },     { "none", 0 },
                  { "all", SIM_FAULT_ALL } };
    *out = 0;
    while (*text) {
        size_t n = strcspn(text, ","), i = 0;
        while (i < BC_ARRAY_LEN(names) &&
               (strlen(names[i].name) != n || strncmp(names[i].name, text, n)))
            i++;
        if (i == BC_ARRAY_LEN(names))
            return false;
        *out |= names[i].bit;
        text += n + (text[n] == ',');
    }
    return true;
}

static bool number(const char *text, uint64_t *out, const char **end)
{
    char *stop;
    if (*text < '0' || *text > '9')
        return false;
    *out = strtoull(text, &stop, 10);
    *end = stop;
    return true;
}

static bool take(args_t *a, const char *name, const char *v)
{
    const char *end;
    uint64_t n;
    if (!strcmp(name, "--seeds"))
        return number(v, &a->first, &end) && !strncmp(end, "..", 2) &&
               number(end + 2, &a->last, &end) && !*end && a->first <= a->last;
    if (!strcmp(name, "--replay")) {
        a->replay = true;
        bool ok = number(v, &a->first, &end) && !*end;
        a->last = a->first;
        return ok;
    }
    if (!strcmp(name, "--nodes")) {
        bool ok = number(v, &n, &end) && !*end && n >= 1 && n <= SIM_NODES_MAX - 2;
        a->nodes = ok ? (int)n : 0;
        return ok;
    }
    if (!strcmp(name, "--crypto")) {
        a->crypto = !strcmp(v, "real");
        return a->crypto || !strcmp(v, "cheap");
    }
    a->faults_text = v;
    return !strcmp(name, "--faults") && parse_faults(v, &a->faults);
}

/* Exit status; -1: go on. */
static int parse(int argc, char **argv, args_t *a)
{
    *a = (args_t){ .first = 1, .last = 100, .faults = SIM_FAULT_ALL, .crypto = -1 };
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            usage(stdout);
            return 0;
        }
        bool forget = !strcmp(argv[i], "--forget-votes"), stop = !strcmp(argv[i], "--stop"),
             nameless = !strcmp(argv[i], "--nameless");
        a->forget |= forget;
        a->nameless |= nameless;
        a->stop |= stop;
        if (forget || nameless || stop)
            continue;
        if (i + 1 >= argc || !take(a, argv[i], argv[i + 1])) {
            fprintf(stderr, "cbcos-sim: cannot use %s%s%s\n", argv[i], i + 1 < argc ? " " : "",
                    i + 1 < argc ? argv[i + 1] : "");
            usage(stderr);
            return 2;
        }
        i++;
    }
    return -1;
}

typedef struct {
    unsigned passed, failed;
    uint64_t messages, heights, real;
} sums_t;

static void tell_failure(const args_t *a, uint64_t seed, const sim_t *s)
{
    printf("seed %" PRIu64 " failed at step %" PRIu64 ", time %" PRId64 " ms, digest %016" PRIx64
           ": %s\n",
           seed, sim_steps(s), sim_now(s), sim_digest(s), sim_failure(s));
    if (a->replay)
        return;
    printf("  trace: cbcos-sim --replay %" PRIu64, seed);
    if (a->nodes)
        printf(" --nodes %d", a->nodes);
    if (a->faults_text)
        printf(" --faults %s", a->faults_text);
    if (a->crypto >= 0)
        printf(" --crypto %s", a->crypto ? "real" : "cheap");
    printf("%s%s\n", a->forget ? " --forget-votes" : "", a->nameless ? " --nameless" : "");
}

static void run(const args_t *a, uint64_t seed, sums_t *sums)
{
    sim_options_t o;
    sim_options_from_seed(seed, a->nodes, a->faults, &o);
    if (a->crypto >= 0)
        o.real_crypto = a->crypto;
    o.verbose = a->replay;
    o.forget_votes = a->forget;
    o.nameless = a->nameless;
    sim_t *s = sim_new(&o);
    const char *why = sim_scenario(s, a->faults);
    sums->messages += sim_steps(s);
    sums->heights += (uint64_t)sim_highest(s);
    sums->real += o.real_crypto;
    if (why) {
        sums->failed++;
        tell_failure(a, seed, s);
    } else {
        sums->passed++;
        if (a->replay)
            printf("seed %" PRIu64 " passed at step %" PRIu64 ", digest %016" PRIx64 "\n", seed,
                   sim_steps(s), sim_digest(s));
    }
    fflush(stdout);
    sim_free(s);
}

int main(int argc, char **argv)
{
    args_t a;
    sums_t sums = { 0 };
    int rc = parse(argc, argv, &a);
    if (rc >= 0)
        return rc;
    bc_log_set_level(a.replay ? BC_LOG_DEBUG : BC_LOG_FATAL);
    clock_t start = clock();
    for (uint64_t seed = a.first; seed <= a.last && seed >= a.first && !(a.stop && sums.failed);
         seed++)
        run(&a, seed, &sums);
    double cpu = (double)(clock() - start) / CLOCKS_PER_SEC;
    printf("%" PRIu64 " messages, %" PRIu64
           " heights, %.1f CPU seconds, %.0f heights per CPU hour, "
           "%" PRIu64 " of %u seeds with real signatures\n",
           sums.messages, sums.heights, cpu, cpu > 0 ? (double)sums.heights * 3600 / cpu : 0,
           sums.real, sums.passed + sums.failed);
    printf("%u passed, %u failed\n", sums.passed, sums.failed);
    return sums.failed != 0;
}
