/* Captured chains, block by block, with serial and with parallel execution. Folder: CBCOS_VECTORS, default ../shared/vectors beside the
 * source root; absent: skipped. With arguments: test_reexec <chain folder> [block [workers]],
 * verbose. */
#include <stdlib.h>
#include <string.h>

#include "reexec.h"

static const struct {
    const char *name;
    unsigned passed_min;
} chains[] = {
    { "chain-a", 343 },
    { "chain-auth-1node", 96 },
    { "chain-features-1node", 34 },
    { "chain-rpbft-4node", 18 },
    { "chain-sm-1node", 121 },
    { "chain-v0-1node", 235 },
    { "chain-v0-keypage-1node", 128 },
    { "chain-compat-3.2.0-1node", 128 },
    { "chain-compat-3.0.0-1node", 109 },
};

int main(int argc, char **argv)
{
    bc_reexec_stat_t st;
    if (argc > 1) {
        if (!bc_reexec_chain(argv[1], argc > 2 ? atol(argv[2]) : -1, argc > 3 ? (size_t)atol(argv[3]) : 1,
                             argc > 2, stdout, &st))
            return 2;
        printf("%u blocks: %u passed, %u failed, %u skipped\n", st.blocks, st.passed, st.failed, st.skipped);
        return st.failed ? 1 : 0;
    }
    const char *root = getenv("CBCOS_VECTORS");
    int bad = 0;
    for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++) {
        char dir[4096];
        snprintf(dir, sizeof(dir), "%s/official-3.16.4/%s", root ? root : "../shared/vectors", chains[i].name);
        for (size_t workers = 1; workers <= 3; workers += 2) {
            printf("%s, %zu worker(s)\n", chains[i].name, workers);
            if (!bc_reexec_chain(dir, -1, workers, false, stdout, &st)) {
                printf("  no captured chain at %s: skipped\n", dir);
                continue;
            }
            printf("  %u blocks: %u passed, %u failed, %u skipped\n", st.blocks, st.passed, st.failed, st.skipped);
            bad += st.failed > 0 || st.passed < chains[i].passed_min;
        }
    }
    return bad ? 1 : 0;
}
