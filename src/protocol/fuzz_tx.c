/* A transaction from a stranger: as Tars bytes and as a signed Ethereum transaction. */
#include "protocol/tx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bc_tx_t *tx = NULL, *again = NULL;
    bc_wr_t w = { 0 };
    if (bc_tx_decode(BC_SUITE_STANDARD, bc_bytes(data, size), &tx) == BC_OK) {
        bc_tx_encode_stored(tx, &w);
        BC_MUST(w.err == BC_OK);
        BC_MUST(bc_tx_decode_trusted(BC_SUITE_STANDARD, bc_wr_view(&w), &again) == BC_OK);
        BC_MUST(bc_h256_eq(&tx->hash, &again->hash));
        bc_tx_unref(again);
        bc_tx_unref(tx);
    }
    bc_wr_reset(&w);
    if (bc_tx_from_web3(BC_SUITE_STANDARD, bc_bytes(data, size), &tx, NULL) == BC_OK) {
        BC_MUST(bc_tx_to_web3(tx, &w) == BC_OK);
        /* only the old spellings of v change: 0 and 1 come back as 27 and 28 */
        BC_MUST(w.n == size);
        bc_tx_unref(tx);
    }
    bc_wr_free(&w);
    return 0;
}
