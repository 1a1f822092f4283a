/* One binary: `cbcos SUBCOMMAND ...`; under the name fisco-bcos it is an Air node. */
#include <stdio.h>
#include <string.h>

#include "base/types.h"
#include "bench/bench.h"
#include "client/client.h"
#include "management/chain/chain.h"
#include "management/version/version.h"
#include "storage/kv_rocks/kv_rocks.h"
#ifdef CBCOS_WITH_AIR
int bc_air_main(int argc, char **argv); /* apps/air */
#endif

typedef struct {
    const char *name;
    int (*main)(int argc, char **argv);
    const char *doc;
} subcommand_t;

/* Only read: a copy, or the directory of a running node. */
static bc_err_t open_data(const char *path, bc_kv_if *out, char *why, size_t why_size)
{
    bc_kv_rocks_config_t c = bc_kv_rocks_defaults(path);
    c.read_only = true;
    return bc_kv_rocks_open(&c, out, why, why_size);
}

static bc_err_t post_sm(const char *host, unsigned port, const char *sdk_dir, bc_bytes_t body,
                        bc_wr_t *reply, char *why, size_t why_size)
{
    bc_client_post_t to = { .host = host, .port = (uint16_t)port, .sdk_dir = sdk_dir, .sm = true,
                            .id = 1, .connect_ms = 2000, .timeout_ms = 5000 };
    return bc_client_post(&to, body, reply, why, why_size);
}

static int chain_main(int argc, char **argv)
{
    bc_chain_set_store(open_data);
    bc_chain_set_post(post_sm);
    return bc_chain_main(argc, argv);
}

static int version_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("cbcos %s (%s)\n", bc_version(), bc_version_commit());
    bc_version_print(stdout);
    return 0;
}

#ifndef CBCOS_WITH_AIR
static int bc_air_main(int argc, char **argv)
{
    if (argc == 2 && (strcmp(argv[1], "-v") == 0 || strcmp(argv[1], "--version") == 0)) {
        bc_version_print(stdout);
        return 0;
    }
    fprintf(stderr, "this build has no Air node\n");
    return 1;
}
#endif

static const subcommand_t subcommands[] = {
    { "air", bc_air_main, "run a node of the Air edition (-c config.ini -g config.genesis)" },
    { "bench", bc_bench_main, "load a running chain and tell what a transaction costs" },
    { "chain", chain_main, "build, expand, adopt, start, stop chains and show their state" },
    { "version", version_main, "print the version" },
};

static void usage(FILE *out)
{
    fprintf(out, "usage: cbcos SUBCOMMAND [ARGUMENT...]\n\n");
    for (size_t i = 0; i < BC_ARRAY_LEN(subcommands); i++)
        fprintf(out, "  %-10s %s\n", subcommands[i].name, subcommands[i].doc);
    fprintf(out, "\ncbcos SUBCOMMAND --help tells more.\n");
}

int main(int argc, char **argv)
{
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    const char *name = slash ? slash + 1 : (argc > 0 ? argv[0] : "");
    if (strcmp(name, "fisco-bcos") == 0)
        return bc_air_main(argc, argv);
    if (argc < 2) {
        usage(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        usage(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-v") == 0)
        return version_main(argc - 1, argv + 1);
    for (size_t i = 0; i < BC_ARRAY_LEN(subcommands); i++)
        if (strcmp(argv[1], subcommands[i].name) == 0)
            return subcommands[i].main(argc - 1, argv + 1);
    fprintf(stderr, "cbcos: no such subcommand: %s\n\n", argv[1]);
    usage(stderr);
    return 2;
}
