/* JSON views of what the chain holds. Official ones (SDK port) have sorted keys and the forms of
 * spec/20 §1.5; Web3 ones follow Ethereum's execution-apis. Pure; any thread. */
#ifndef BC_ACCESS_RPC_VIEWS_H
#define BC_ACCESS_RPC_VIEWS_H

#include "codec/json.h"
#include "iface/ledger.h"

typedef struct {
    const bc_bytes_t *v;
    size_t n;
} bc_proof_view_t;

typedef struct {
    bc_suite_t suite;
    const bc_h256_t *tx_hash;
    const bc_h256_t *hash; /* of the receipt; NULL: "0x", the transaction was not executed */
    const bc_receipt_t *receipt;
    const bc_tx_t *tx;            /* NULL: its members are null */
    bool input;                   /* with input and extraData */
    bool query;                   /* answer of getTransactionReceipt, else of sendTransaction */
    const bc_proof_view_t *proof; /* NULL: not wanted */
} bc_receipt_view_t;
void bc_receipt_json(bc_jw_t *j, const bc_receipt_view_t *v);
/* proof: NULL, not wanted. */
void bc_tx_json(bc_jw_t *j, const bc_tx_t *tx, const bc_proof_view_t *proof);
typedef enum { BC_BLOCK_HEADER, BC_BLOCK_HASHES, BC_BLOCK_TXS } bc_block_detail_t;
void bc_block_json(bc_jw_t *j, const bc_ledger_block_t *b, bc_block_detail_t detail);

/* ---- Web3 ---- */

/* Where a transaction stands. */
typedef struct {
    const bc_h256_t *block_hash;
    int64_t number;
    size_t index;
} bc_web3_place_t;
void bc_web3_tx_json(bc_jw_t *j, const bc_tx_t *tx, const bc_web3_place_t *at);
typedef struct {
    const bc_tx_t *tx;
    const bc_receipt_t *receipt;
    bc_web3_place_t at;
    size_t log_index; /* block-wide index of its first log */
    uint64_t cumulative_gas;
} bc_web3_receipt_view_t;
void bc_web3_receipt_json(bc_jw_t *j, const bc_web3_receipt_view_t *v);
typedef struct {
    const bc_hdr_t *header;
    size_t tx_cnt;
    const bc_h256_t *tx_hashes; /* or */
    bc_tx_t *const *txs;
    const bc_receipt_t *receipts; /* for the bloom */
    bool full;                    /* transactions as objects: needs txs */
    bool head;                    /* newHeads: no transactions, uncles, size */
} bc_web3_block_view_t;
void bc_web3_block_json(bc_jw_t *j, const bc_web3_block_view_t *v);

/* "0x" EIP-55 text of an address, or null when a text is no address. */
void bc_web3_address_json(bc_jw_t *j, bc_bytes_t hex40);
void bc_web3_address_raw_json(bc_jw_t *j, const bc_addr_t *a);
/* Bloom as Ethereum computes it: 20-byte addresses and topics of a successful receipt. */
void bc_web3_bloom(uint8_t bloom[256], const bc_receipt_t *r);
/* Text "0x.." or decimal as a quantity; empty and malformed read as zero. */
void bc_web3_quantity_json(bc_jw_t *j, bc_bytes_t text);
/* gasUsed text of receipts and headers; saturates. */
uint64_t bc_gas_u64(bc_bytes_t decimal);
/* Logs that count in Ethereum's view: those of successful receipts. */
size_t bc_web3_log_cnt(const bc_receipt_t *r);

/* Upper-cases hex letters by the nibbles of H(text): EIP-55 with any suite. */
void bc_checksum_address(bc_suite_t suite, char hex40[40]);

#endif
