#ifndef STATETEST_TX_TEST_H
#define STATETEST_TX_TEST_H

#include <cjson/cJSON.h>
#include "report.h"

/* A TransactionTest: the signed transaction is read by the node's decoder, which recovers the
 * sender; then for each wanted fork its rules decide. Compared are acceptance with its reason,
 * sender, hash and intrinsic gas. */
void tx_test(report_t *r, const cJSON *test);

#endif
