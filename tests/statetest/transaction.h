#ifndef STATETEST_TRANSACTION_H
#define STATETEST_TRANSACTION_H

#include <cjson/cJSON.h>
#include "computing/evm/evm.h"

/* One entry of a test's post list: builds the pre state, runs the transaction that the entry's
 * indexes select, compares state root, logs and validity. False with a reason in why. */
bool statetest_case(bc_evm_t *evm, const cJSON *test, const cJSON *post, char *why, size_t why_n);

#endif
