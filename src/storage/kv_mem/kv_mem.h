/* A key/value store in memory (iface/kv.h): for tests, the conformance runner and the simulator.
 * Nothing is bounded and nothing is durable. */
#ifndef BC_STORAGE_KV_MEM_H
#define BC_STORAGE_KV_MEM_H

#include "iface/kv.h"

bc_kv_if bc_kv_mem_new(void);

#endif
