/* The test suite of the kv contract (iface/kv.h), run on every implementation. */
#ifndef BC_STORAGE_KV_SUITE_H
#define BC_STORAGE_KV_SUITE_H

#include "iface/kv.h"

/* Makes an empty store; called once per case. */
typedef bc_kv_if (*bc_kv_suite_open_fn)(void *ctx);

/* Runs all cases as a cmocka group; the number of failed ones. Stores are closed by the suite. */
int bc_kv_suite_run(const char *name, bc_kv_suite_open_fn open, void *ctx);

#endif
