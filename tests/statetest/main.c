/* cbcos-statetest: Ethereum's test suites against the interpreter, the codecs and the decoder of
 * Web3 transactions. Workers take files in turn; lines are printed in the order of the files. */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "codec/json.h"
#include "codec_test.h"
#include "fixture.h"
#include "state_test.h"
#include "tx_test.h"

#define WORKERS_MAX 256
#define JSON_DEPTH_MAX 64

typedef struct {
    char *path;
    report_t report;
    bool done;
} file_t;

typedef struct {
    options_t options;
    unsigned workers;
    file_t *files;
    size_t cnt, cap;
    size_t first; /* the file to begin with */
    size_t taken; /* how many a worker took */
    pthread_mutex_t lock;
    pthread_cond_t some_done;
} run_t;

static const char *const kind_names[KIND_CNT] = {
    [KIND_STATE] = "state",
    [KIND_TRANSACTION] = "transaction",
    [KIND_RLP] = "RLP",
    [KIND_ABI] = "ABI",
};

/* ---- files ---- */

/* Minutes of work, or thousands of cases of one kind: for the full run only. */
static bool is_long(const char *name)
{
    static const char *const names[] = {
        "stTimeConsuming",
        "stBadOpcode",
        "stPreCompiledContracts",
        "eip4844_blobs",
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* Its one case has 2^32 - 1 rounds of BLAKE2b and outlasts all others together: begun first. */
static const char longest[] = "/CALLBlake2f_MaxRounds.json";

static void add_file(run_t *r, const char *path)
{
    if (r->cnt == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 1024;
        r->files = bc_xrealloc(r->files, r->cap * sizeof *r->files);
    }
    if (strstr(path, longest))
        r->first = r->cnt;
    r->files[r->cnt++] = (file_t){ .path = bc_xstrdup(path) };
}

static int visible(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static bool add_folder(run_t *r, const char *path);

/* What stands in a folder: folders, and files of JSON. */
static bool add_entry(run_t *r, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        fprintf(stderr, "cbcos-statetest: %s: %s\n", path, strerror(errno));
        return false;
    }
    if (S_ISDIR(st.st_mode))
        return add_folder(r, path);
    size_t n = strlen(path);
    if (n > 5 && strcmp(path + n - 5, ".json") == 0)
        add_file(r, path);
    return true;
}

static bool add_folder(run_t *r, const char *path)
{
    struct dirent **list;
    int n = scandir(path, &list, visible, alphasort);
    bool ok = n >= 0;
    if (!ok)
        fprintf(stderr, "cbcos-statetest: %s: %s\n", path, strerror(errno));
    for (int i = 0; i < n; i++) {
        char sub[4096];
        if (r->options.quick && is_long(list[i]->d_name))
            ;
        else if (snprintf(sub, sizeof sub, "%s/%s", path, list[i]->d_name) < (int)sizeof sub)
            ok = add_entry(r, sub) && ok;
        else
            ok = false;
        free(list[i]);
    }
    if (n >= 0)
        free(list);
    return ok;
}

static bool add_path(run_t *r, const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
        add_file(r, path); /* named, so of any name */
        return true;
    }
    return add_entry(r, path);
}

static char *read_file(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    struct stat st;
    char *text = NULL;
    if (fstat(fileno(f), &st) == 0 && st.st_size <= BC_JSON_SIZE_MAX) {
        *n = (size_t)st.st_size;
        text = bc_xcalloc(*n + 1, 1);
        if (fread(text, 1, *n, f) != *n) {
            free(text);
            text = NULL;
        }
    }
    fclose(f);
    return text;
}

static cJSON *parse(char *text, size_t n)
{
    static const char nul[] = "\\u0000"; /* ends C strings: codec_test.h */
    for (char *at = text; (at = strstr(at, nul)) != NULL;)
        at[3] = '1';
    return bc_json_parse(bc_bytes(text, n), JSON_DEPTH_MAX, NULL);
}

/* ---- running ---- */

static void run_test(report_t *r, const cJSON *test)
{
    if (fixture_field(test, "post") && fixture_field(test, "pre"))
        state_test(r, test);
    else if (fixture_field(test, "txbytes") && fixture_field(test, "result"))
        tx_test(r, test);
    else if (fixture_field(test, "in") && fixture_field(test, "out")) {
        if (r->options->fork == FORK_NONE)
            rlp_test(r, test);
    } else if (fixture_field(test, "args") && fixture_field(test, "types")) {
        if (r->options->fork == FORK_NONE)
            abi_test(r, test);
    } else {
        report_broken(r, test->string, "not a test of a known suite");
    }
}

static void run_file(report_t *r)
{
    size_t n = 0;
    char *text = read_file(r->path, &n);
    cJSON *root = text ? parse(text, n) : NULL;
    free(text);
    if (!cJSON_IsObject(root))
        report_broken(r, "-", "not readable as a JSON object");
    else
        for (const cJSON *test = root->child; test; test = test->next)
            run_test(r, test);
    cJSON_Delete(root);
}

/* The next file for a worker: `first`, then the others in their order. */
static file_t *take(run_t *r)
{
    size_t at = r->taken++;
    return &r->files[at == 0 ? r->first : at <= r->first ? at - 1 : at];
}

static void *work(void *arg)
{
    run_t *r = arg;
    bc_evm_t *evm = bc_evm_new();
    BC_MUST(evm != NULL);
    pthread_mutex_lock(&r->lock);
    while (r->taken < r->cnt) {
        file_t *f = take(r);
        pthread_mutex_unlock(&r->lock);
        f->report = (report_t){ .options = &r->options, .path = f->path, .evm = evm };
        run_file(&f->report);
        pthread_mutex_lock(&r->lock);
        f->done = true;
        pthread_cond_signal(&r->some_done);
    }
    pthread_mutex_unlock(&r->lock);
    bc_evm_free(evm);
    return NULL;
}

/* Prints the files' lines in their order, as files become done, and sums up. */
static void print_files(run_t *r, tally_t *sum)
{
    for (size_t i = 0; i < r->cnt; i++) {
        file_t *f = &r->files[i];
        pthread_mutex_lock(&r->lock);
        while (!f->done)
            pthread_cond_wait(&r->some_done, &r->lock);
        pthread_mutex_unlock(&r->lock);
        if (f->report.lines.n) {
            fwrite(f->report.lines.p, 1, f->report.lines.n, stdout);
            fflush(stdout);
        }
        tally_add(sum, &f->report.tally);
        bc_wr_free(&f->report.lines);
    }
}

static void run(run_t *r, tally_t *sum)
{
    pthread_t threads[WORKERS_MAX];
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->some_done, NULL);
    for (unsigned i = 0; i < r->workers; i++)
        BC_MUST(pthread_create(&threads[i], NULL, work, r) == 0);
    print_files(r, sum);
    for (unsigned i = 0; i < r->workers; i++)
        pthread_join(threads[i], NULL);
    pthread_cond_destroy(&r->some_done);
    pthread_mutex_destroy(&r->lock);
}

/* ---- command line ---- */

static void usage(FILE *to)
{
    bc_wr_t names = { 0 };
    fork_names(&names, "               ");
    fprintf(
        to,
        "usage: cbcos-statetest [-j N] [--fork NAME] [-q] [-v] PATH...\n"
        "Runs Ethereum's GeneralStateTests, TransactionTests, RLPTests and ABITests: files, or\n"
        "folders of *.json files. A test's kind is told by its fields.\n"
        "  -j N         worker threads, 1 to %d (default: online processors)\n"
        "  --fork NAME  the results of one fork only, and no tests that know no forks:\n"
        "%.*s"
        "  -q           without the groups that are long by design\n"
        "  -v           a line for each case that passed, too\n"
        "A line per failure; the last line counts. Exit code 0: all passed; 1: some failed, or\n"
        "there were none; 2: wrong usage, or a path that cannot be read.\n",
        WORKERS_MAX, (int)names.n, (const char *)names.p);
    bc_wr_free(&names);
}

static unsigned online_processors(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : (unsigned)n;
}

static bool parse_workers(const char *text, unsigned *out)
{
    char *end;
    unsigned long n = text ? strtoul(text, &end, 10) : 0;
    if (!text || *end || n < 1 || n > WORKERS_MAX) {
        fprintf(stderr, "cbcos-statetest: -j takes a number from 1 to %d\n", WORKERS_MAX);
        return false;
    }
    *out = (unsigned)n;
    return true;
}

static bool parse_fork(const char *text, int *out)
{
    *out = text ? fork_by_name(text) : FORK_NONE;
    if (*out != FORK_NONE)
        return true;
    bc_wr_t names = { 0 };
    fork_names(&names, "  ");
    fprintf(stderr, "cbcos-statetest: --fork takes one of\n%.*s", (int)names.n,
            (const char *)names.p);
    bc_wr_free(&names);
    return false;
}

static bool parse_args(run_t *r, int argc, char **argv)
{
    bool paths = false, ok = true;
    for (int i = 1; ok && i < argc; i++) {
        const char *a = argv[i];
        if (strcmp(a, "-q") == 0)
            r->options.quick = true;
        else if (strcmp(a, "-v") == 0)
            r->options.verbose = true;
        else if (strncmp(a, "-j", 2) == 0)
            ok = parse_workers(a[2] ? a + 2 : argv[++i], &r->workers);
        else if (strcmp(a, "--fork") == 0)
            ok = parse_fork(argv[++i], &r->options.fork);
        else if (a[0] == '-') {
            fprintf(stderr, "cbcos-statetest: no option %s; --help tells more\n", a);
            ok = false;
        } else {
            paths = true;
        }
    }
    if (ok && !paths)
        usage(stderr);
    return ok && paths;
}

/* Paths come after all options, as -q decides what is read below them. */
static bool add_paths(run_t *r, int argc, char **argv)
{
    bool ok = true;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-j") == 0 || strcmp(argv[i], "--fork") == 0)
            i++;
        else if (argv[i][0] != '-')
            ok = add_path(r, argv[i]) && ok;
    }
    return ok;
}

static void print_sum(const tally_t *sum)
{
    for (int k = 0; k < KIND_CNT; k++)
        for (int f = 0; f <= FORK_CNT; f++)
            if (sum->passed[k][f])
                printf("%-11s %-17s %lu\n", kind_names[k], fork_name(f), sum->passed[k][f]);
    if (sum->deviating)
        printf("%lu of these answered otherwise than the suite, as documented in tx_test.c\n",
               sum->deviating);
    printf("%lu passed, %lu failed", tally_passed(sum), sum->failed);
    if (sum->skipped)
        printf(", %lu skipped", sum->skipped);
    printf("\n");
}

int main(int argc, char **argv)
{
    run_t r = { .options = { .fork = FORK_NONE }, .workers = online_processors() };
    tally_t sum = { 0 };
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        usage(stdout);
        return 0;
    }
    bool ok = parse_args(&r, argc, argv) && add_paths(&r, argc, argv);
    if (ok) {
        run(&r, &sum);
        print_sum(&sum);
    }
    for (size_t i = 0; i < r.cnt; i++)
        free(r.files[i].path);
    free(r.files);
    return !ok ? 2 : sum.failed || !tally_passed(&sum);
}
