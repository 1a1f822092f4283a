/* Byte code of contracts/bench/Bench.sol. */
#ifndef BC_APPS_BENCH_CODE_H
#define BC_APPS_BENCH_CODE_H

#include "base/types.h"

bc_bytes_t bench_code(void);

#endif
