/* chain adopt: the two transactions of block 0 of an official chain.
 *
 * They cannot be asked for over JSON-RPC: block 0 is answered without transactions, and a
 * transaction is found only by its hash. What holds them is the s_hash_2_tx table of any node of
 * that chain, as a key/value dump. */
#include <getopt.h>
#include <stdlib.h>

#include "management/chain/chain_cmd.h"
#include "management/chain/chain_rpc.h"

static const char usage_text[] =
    "usage: cbcos chain adopt -f DUMP [DIR]\n"
    "  -f DUMP  key/value dump of a node of the official chain:\n"
    "           {\"kv\":[[KEY,VALUE],...]}, keys table:key, both in hex\n"
    "  DIR      the chain, host or node directory that joins (./nodes)\n"
    "Writes block0.json beside each config.genesis.\n";

int bc_chain_adopt(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    fputs(usage_text, stderr);
    fputs("chain adopt is not made yet\n", stderr);
    return 2;
}
