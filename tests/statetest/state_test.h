#ifndef STATETEST_STATE_TEST_H
#define STATETEST_STATE_TEST_H

#include <cjson/cJSON.h>
#include "report.h"

/* A GeneralStateTest: for each wanted entry of its post lists builds the pre state, runs the
 * transaction that the entry's indexes select, compares state root, logs, and validity with its
 * reason. */
void state_test(report_t *r, const cJSON *test);

#endif
