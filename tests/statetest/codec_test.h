#ifndef STATETEST_CODEC_TEST_H
#define STATETEST_CODEC_TEST_H

#include <cjson/cJSON.h>
#include "report.h"

/* An RLPTest: the value's encoding is the expected one and is read back as the value; "VALID" and
 * "INVALID" encodings are taken and refused.
 * Texts in the JSON stand for bytes: the low byte of each code point. So the caller may write
 * U+0100 for the NUL that a C string cannot hold. */
void rlp_test(report_t *r, const cJSON *test);
/* An ABITest: arguments are encoded as expected; what is decoded from that encodes to it again. */
void abi_test(report_t *r, const cJSON *test);

#endif
