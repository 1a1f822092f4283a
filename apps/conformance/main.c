/* cbcos-conformance DIR...: checks captured chains of the official node against this code.
 * With --all: every chain folder under $CBCOS_VECTORS (default ../shared/vectors).
 * One line per failure; the last line counts; exit 0 only without failures. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/log.h"
#include "chain.h"

static const conf_check_t *const tables[] = {
    conf_format_checks,
    conf_block_checks,
    conf_step_checks,
    conf_genesis_checks,
    conf_exec_checks,
};

static bool chain_run(const char *dir, conf_report_t *sum)
{
    conf_chain_t c;
    bc_err_t err = conf_chain_load(&c, dir);
    conf_report_t r = { .chain = c.name, .check = "load" };
    if (conf_expect(&r, err == BC_OK, "%s", bc_err_name(err))) {
        for (size_t t = 0; t < BC_ARRAY_LEN(tables); t++) {
            for (const conf_check_t *k = tables[t]; k->name; k++) {
                uint64_t passed = r.passed, failed = r.failed;
                r.check = k->name;
                k->run(&c, &r);
                printf("%s %s %s: %llu of %llu\n", r.failed == failed ? "ok  " : "BAD ", c.name,
                       k->name, (unsigned long long)(r.passed - passed),
                       (unsigned long long)(r.passed - passed + r.failed - failed));
            }
        }
    }
    conf_chain_free(&c);
    sum->passed += r.passed;
    sum->failed += r.failed;
    sum->skipped += r.skipped;
    return r.failed == 0;
}

static int name_cmp(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Folders below dir that hold a captured chain, one or two levels down. */
static size_t chains_below(const char *dir, unsigned depth, conf_report_t *sum)
{
    struct dirent **list = NULL;
    size_t cnt = 0;
    int n = scandir(dir, &list, NULL, name_cmp);
    for (int i = 0; i < n; i++) {
        char path[4096], probe[4096 + 32];
        snprintf(path, sizeof path, "%s/%s", dir, list[i]->d_name);
        snprintf(probe, sizeof probe, "%s/db/genesis.full.json", path);
        if (list[i]->d_name[0] != '.') {
            if (access(probe, R_OK) == 0) {
                (void)chain_run(path, sum);
                cnt++;
            } else if (depth) {
                cnt += chains_below(path, depth - 1, sum);
            }
        }
        free(list[i]);
    }
    free(list);
    return cnt;
}

int main(int argc, char **argv)
{
    conf_report_t sum = { 0 };
    bool help = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
    if (argc < 2 || help) {
        fprintf(help ? stdout : stderr,
                "usage: %s DIR... | --all\n"
                "Checks captured chains of the official node: formats, hashes, roots, signatures,\n"
                "genesis rows, re-execution. --all: the chains under $CBCOS_VECTORS.\n"
                "Exit code 0: nothing failed; 1: something did; 2: wrong usage.\n",
                argv[0]);
        return help ? 0 : 2;
    }
    bc_log_set_level(BC_LOG_WARNING); /* the ledger's own news between the lines help nobody */
    bc_err_t err = bc_crypto_selftest();
    if (err) {
        fprintf(stderr, "self-test of the primitives failed\n");
        return 1;
    }
    if (strcmp(argv[1], "--all") == 0) {
        const char *dir = getenv("CBCOS_VECTORS");
        dir = dir ? dir : "../shared/vectors";
        if (chains_below(dir, 1, &sum) == 0) {
            printf("SKIP: no captured chains under %s\n", dir);
            sum.skipped++;
        }
    } else {
        for (int i = 1; i < argc; i++)
            (void)chain_run(argv[i], &sum);
    }
    printf("%llu passed, %llu failed, %llu skipped\n", (unsigned long long)sum.passed,
           (unsigned long long)sum.failed, (unsigned long long)sum.skipped);
    return sum.failed ? 1 : 0;
}
