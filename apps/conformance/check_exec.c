/* Re-execution: every block of a chain through our executor, compared with what the
 * official node stored (tests/reexec). */
#include <stdio.h>

#include "chain.h"
#include "reexec.h"

static void blocks_reexecuted(conf_chain_t *c, conf_report_t *r)
{
    bc_reexec_stat_t st;
    for (size_t workers = 1; workers <= 2; workers++) { /* serial and parallel */
        if (!bc_reexec_chain(c->dir, -1, workers, false, stdout, &st)) {
            printf("     %s: the chain folder cannot be read\n", c->name);
            r->failed++;
            return;
        }
        r->passed += st.passed;
        r->failed += st.failed;
        r->skipped += st.skipped;
    }
}

const conf_check_t conf_exec_checks[] = {
    { "blocks re-executed", blocks_reexecuted },
    { NULL, NULL },
};
