/* What one fixture file found: lines and counts. Filled by one worker, then read by the printer. */
#ifndef STATETEST_REPORT_H
#define STATETEST_REPORT_H

#include "computing/evm/evm.h"

#define FORK_CNT  (BC_EVM_CANCUN + 1)
#define FORK_NONE FORK_CNT /* tests that know no forks */

typedef enum { KIND_STATE, KIND_TRANSACTION, KIND_RLP, KIND_ABI, KIND_CNT } kind_t;

typedef struct {
    unsigned long passed[KIND_CNT][FORK_CNT + 1], failed, skipped;
    unsigned long deviating; /* of those passed: answered as documented, not as the suite has it */
} tally_t;

typedef struct {
    int fork; /* a bc_evm_rev_t, or FORK_NONE for all tests */
    bool quick, verbose;
} options_t;

typedef struct {
    const options_t *options;
    const char *path;
    bc_evm_t *evm; /* the worker's */
    bc_wr_t lines;
    tally_t tally;
} report_t;

/* The revision of a fork by the fixtures' name for it, FORK_NONE for an unknown name. */
int fork_by_name(const char *name);
/* Its first name; "-" for FORK_NONE. */
const char *fork_name(int fork);
/* Names of all forks in lines that begin with indent. */
void fork_names(bc_wr_t *out, const char *indent);
/* True when a result of the fork named so is to be run; counts it as skipped when no such fork is
 * known. *fork is its revision. */
bool report_wants(report_t *r, const char *name, int *fork);
/* Counts a case, and writes its line when it failed (why is not NULL) or lines are wanted. index
 * below 0: the test has one case per fork. */
void report_case(report_t *r, kind_t kind, int fork, const char *test, int index, const char *why);
/* A file that cannot be used, or a test of no known kind. */
void report_broken(report_t *r, const char *test, const char *why);
void tally_add(tally_t *sum, const tally_t *t);
unsigned long tally_passed(const tally_t *t);

#endif
