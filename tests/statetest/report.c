#include "report.h"

static const struct {
    const char *name;
    bc_evm_rev_t rev;
} forks[] = {
    { "Frontier", BC_EVM_FRONTIER },
    { "Homestead", BC_EVM_HOMESTEAD },
    { "EIP150", BC_EVM_TANGERINE },
    { "EIP158", BC_EVM_SPURIOUS },
    { "Byzantium", BC_EVM_BYZANTIUM },
    { "Constantinople", BC_EVM_CONSTANTINOPLE },
    { "ConstantinopleFix", BC_EVM_PETERSBURG },
    { "Istanbul", BC_EVM_ISTANBUL },
    { "Berlin", BC_EVM_BERLIN },
    { "London", BC_EVM_LONDON },
    { "Paris", BC_EVM_PARIS },
    { "Merge", BC_EVM_PARIS }, /* its name in older fixtures */
    { "Shanghai", BC_EVM_SHANGHAI },
    { "Cancun", BC_EVM_CANCUN },
};

int fork_by_name(const char *name)
{
    for (size_t i = 0; i < BC_ARRAY_LEN(forks); i++)
        if (strcmp(forks[i].name, name) == 0)
            return (int)forks[i].rev;
    return FORK_NONE;
}

const char *fork_name(int fork)
{
    for (size_t i = 0; i < BC_ARRAY_LEN(forks); i++)
        if ((int)forks[i].rev == fork)
            return forks[i].name;
    return "-";
}

void fork_names(bc_wr_t *out, const char *indent)
{
    for (size_t i = 0; i < BC_ARRAY_LEN(forks); i++)
        bc_wr_printf(out, "%s%s%s", i % 7 ? " " : indent, forks[i].name, i % 7 == 6 ? "\n" : "");
    if (BC_ARRAY_LEN(forks) % 7)
        bc_wr_str(out, "\n");
}

bool report_wants(report_t *r, const char *name, int *fork)
{
    *fork = fork_by_name(name);
    if (*fork == FORK_NONE) {
        r->tally.skipped++;
        bc_wr_printf(&r->lines, "SKIP %s: fork %s is not known\n", r->path, name);
        return false;
    }
    return r->options->fork == FORK_NONE || r->options->fork == *fork;
}

void report_case(report_t *r, kind_t kind, int fork, const char *test, int index, const char *why)
{
    if (why)
        r->tally.failed++;
    else
        r->tally.passed[kind][fork]++;
    if (!why && !r->options->verbose)
        return;
    bc_wr_printf(&r->lines, "%s %s %s", why ? "FAIL" : "ok", r->path, test);
    if (fork != FORK_NONE)
        bc_wr_printf(&r->lines, " %s", fork_name(fork));
    if (index >= 0)
        bc_wr_printf(&r->lines, " #%d", index);
    bc_wr_printf(&r->lines, "%s%s\n", why ? ": " : "", why ? why : "");
}

void report_broken(report_t *r, const char *test, const char *why)
{
    r->tally.failed++;
    bc_wr_printf(&r->lines, "FAIL %s %s: %s\n", r->path, test, why);
}

void tally_add(tally_t *sum, const tally_t *t)
{
    for (int k = 0; k < KIND_CNT; k++)
        for (int f = 0; f <= FORK_CNT; f++)
            sum->passed[k][f] += t->passed[k][f];
    sum->failed += t->failed;
    sum->skipped += t->skipped;
    sum->deviating += t->deviating;
}

unsigned long tally_passed(const tally_t *t)
{
    unsigned long n = 0;
    for (int k = 0; k < KIND_CNT; k++)
        for (int f = 0; f <= FORK_CNT; f++)
            n += t->passed[k][f];
    return n;
}
