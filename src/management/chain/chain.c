#include "management/chain/chain.h"

#include <stdio.h>
#include <string.h>

#include "base/types.h"
#include "management/chain/chain_cmd.h"

static const struct {
    const char *name;
    int (*main)(int argc, char **argv);
    const char *doc;
} commands[] = {
    { "build", bc_chain_build, "make the directories of a new chain" },
    { "expand", bc_chain_expand, "make the directory of a further node" },
    { "adopt", bc_chain_adopt, "take over the block 0 of an official chain" },
    { "start", bc_chain_start, "start the nodes of a directory" },
    { "stop", bc_chain_stop, "stop the nodes of a directory" },
    { "status", bc_chain_status, "show the nodes of a directory and whether they agree" },
    { "member", bc_chain_member, "show, add, weigh and remove sealers and observers" },
    { "repair", bc_chain_repair, "sync a divergent or damaged node anew" },
};

int bc_chain_main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < BC_ARRAY_LEN(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].main(argc - 1, argv + 1);
    bool help = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
    FILE *out = help ? stdout : stderr;
    fprintf(out, "usage: cbcos chain COMMAND [ARGUMENT...]\n\n");
    for (size_t i = 0; i < BC_ARRAY_LEN(commands); i++)
        fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].doc);
    return help ? 0 : 2;
}
