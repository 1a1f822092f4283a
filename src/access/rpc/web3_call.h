/* Methods of the Web3 port that execute or submit. */
#ifndef BC_ACCESS_RPC_WEB3_CALL_H
#define BC_ACCESS_RPC_WEB3_CALL_H

#include "access/rpc/call.h"

void web3_call_job(call_t *c);
void web3_estimate_job(call_t *c);
void web3_send_raw(call_t *c);
/* Checks a block parameter when there is one: tag, number, or an EIP-1898 object. State reads are
 * always of the latest block (docs/web3-differences.md). */
bool web3_block_param(call_t *c, int i);

#endif
