/* Byte code of the governance committee (contracts/committee/CommitteeManager.sol), which block 0
 * deploys at 0x...10001 (spec/40 §7.4). The creation's input is this code followed by
 * abi(address[] {admin}, uint32[] {1}, uint8 0, uint8 0). It is our own contract with the official
 * ABI; a node that joins an official chain brings that chain's code (block0.json) instead. */
#ifndef BC_PROTOCOL_COMMITTEE_CODE_H
#define BC_PROTOCOL_COMMITTEE_CODE_H

#include "crypto/suite.h"

/* Creation code for the suite: selectors are of Keccak-256 or of SM3. Static memory. */
bc_bytes_t bc_committee_code(bc_suite_t suite);

#endif
