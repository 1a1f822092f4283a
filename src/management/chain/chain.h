/* `cbcos chain`: makes the directory tree of an Air chain as the official build_chain.sh does
 * (spec/50 §5.1), and starts, stops and watches the nodes in it. A command-line tool: it prints,
 * it blocks, one thread. */
#ifndef BC_MANAGEMENT_CHAIN_H
#define BC_MANAGEMENT_CHAIN_H

#include "iface/kv.h"

/* Opens a node's data directory for reading; why gets a sentence on failure. The store is another
 * room's, so the program brings it; without it `adopt -d` says that it cannot. */
typedef bc_err_t (*bc_chain_open_fn)(const char *path, bc_kv_if *out, char *why, size_t why_size);
void bc_chain_set_store(bc_chain_open_fn open);

/* One JSON-RPC request to an SDK port that speaks national-crypto TLS, which libcurl does not; body
 * has "id":1. Not BC_OK: why tells. The program brings it too; without it such a port is not asked. */
typedef bc_err_t (*bc_chain_post_fn)(const char *host, unsigned port, const char *sdk_dir,
                                     bc_bytes_t body, bc_wr_t *reply, char *why, size_t why_size);
void bc_chain_set_post(bc_chain_post_fn post);

/* argv[0] is "chain", argv[1] the command: build, expand, adopt, start, stop, status, member,
 * repair.
 * Returns the process exit code: 0 done, 1 failed (told on stderr), 2 bad arguments. */
int bc_chain_main(int argc, char **argv);

#endif
