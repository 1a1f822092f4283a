/* Inside of bn254: points of G1 as the pairing reads them. */
#ifndef BC_COMPUTING_EVM_BN254_G1_H
#define BC_COMPUTING_EVM_BN254_G1_H

#include "computing/evm/bn254_field.h"

typedef struct {
    fp_t x, y;
} g1_affine_t;

/* False: not a point. Infinity is told apart: its coordinates are zero. */
bool bc_g1_read(g1_affine_t *q, const uint8_t in[64], bool *infinity) BC_WARN_UNUSED;

#endif
