/* Transactions: type 0 (BCOS, Tars) and types 1.. (Web3, RLP inside the Tars envelope).
 * Formats, preimages and trust rules: spec/10 §2. */
#ifndef BC_PROTOCOL_TX_H
#define BC_PROTOCOL_TX_H

#include "codec/tars.h"
#include "crypto/suite.h"

/* Tars TransactionData */
typedef struct {
    int32_t version;
    bc_bytes_t chain_id, group_id;
    int64_t block_limit;
    bc_bytes_t nonce, to, input, abi, value, gas_price;
    int64_t gas_limit;
    bc_bytes_t max_fee_per_gas, max_priority_fee_per_gas, extension;
} bc_tx_data_t;

/* Tars Transaction */
typedef struct {
    bc_tx_data_t data;
    bc_bytes_t data_hash, signature;
    int64_t import_time; /* ms */
    int32_t attribute;
    bc_bytes_t sender; /* as carried: 20 bytes or empty */
    bc_bytes_t extra_data;
    int8_t type; /* 0 BCOS, 1 Web3 */
    bc_bytes_t extra_tx_bytes, extra_tx_hash;
} bc_tx_wire_t;

extern const bc_tars_struct_t bc_tx_data_tars, bc_tx_wire_tars;

enum { BC_TX_ATTR_EVM = 1, BC_TX_ATTR_SCALE = 2, BC_TX_ATTR_DAG = 4, BC_TX_ATTR_LIQUID_CREATE = 8 };

/* A decoded transaction: counted. bc_tx_recover sets its sender before others see it; after that
 * only `stored` and the import time change. */
typedef struct bc_tx {
    atomic_uint refs;
    bool sender_known;  /* sender below was recovered from the signature here */
    atomic_bool stored; /* our store has its row; set by whoever wrote it, a hint for the commit */
    bool system;        /* `to` is exactly one of the system names (spec/30 §1.2) */
    bc_suite_t suite;
    bc_h256_t hash;     /* chain hash; Web3: keccak of the signed RLP */
    bc_addr_t sender;   /* valid when sender_known, or carried by our own store */
    bc_tx_wire_t w;     /* views into raw */
    bc_buf_t *raw;      /* owned: the Tars bytes as received */
} bc_tx_t;

#define BC_TX_RAW_MAX (16u << 20)

/* Decodes Tars bytes and computes the hash: type 0 always recomputed from the fields; type >= 1
 * re-derived from extraTransactionBytes and the signature (W5), and a carried
 * extraTransactionHash that differs is BC_E_MISMATCH, as is any field that differs from what was
 * signed (docs/notes/0022). Fields that must be hex text are checked
 * for version >= 1. A version above 2 is BC_E_UNSUPPORTED, version 0 with a value BC_E_MISMATCH (its
 * hash does not cover it). The sender is not recovered yet. The new transaction has one reference.
 * Other errors: those of bc_tars_decode, BC_E_FORMAT. Any thread. */
bc_err_t bc_tx_decode(bc_suite_t suite, bc_bytes_t raw, bc_tx_t **out) BC_WARN_UNUSED;
/* Rows that our own store wrote: as bc_tx_decode, and the carried sender is believed. */
bc_err_t bc_tx_decode_trusted(bc_suite_t suite, bc_bytes_t raw, bc_tx_t **out) BC_WARN_UNUSED;
/* From a signed Ethereum transaction (legacy, 1, 2, 3): spec/10 §2.3. *why (if given) gets the
 * official text, as "Unsupported transaction type". */
bc_err_t bc_tx_from_web3(bc_suite_t suite, bc_bytes_t rlp, bc_tx_t **out, const char **why) BC_WARN_UNUSED;
/* The signed Ethereum form of a type >= 1 transaction. */
bc_err_t bc_tx_to_web3(const bc_tx_t *tx, bc_wr_t *rlp) BC_WARN_UNUSED;
/* Builds a type-0 transaction from data, hashes it, signs it when key != NULL. */
bc_err_t bc_tx_make(bc_suite_t suite, const bc_tx_data_t *data, int32_t attribute,
                    bc_bytes_t extra_data, const bc_keypair_t *key, bc_tx_t **out) BC_WARN_UNUSED;

/* Recovers the sender: one signature operation. BC_E_SIGNATURE. Writes only sender and
 * sender_known; no other thread may read them until this returns. */
bc_err_t bc_tx_recover(bc_tx_t *tx) BC_WARN_UNUSED;

bc_tx_t *bc_tx_ref(bc_tx_t *tx);
void bc_tx_unref(bc_tx_t *tx); /* NULL is fine */

/* Tars bytes with the given import time and the recovered sender, as s_hash_2_tx stores them. */
void bc_tx_encode_stored(const bc_tx_t *tx, bc_wr_t *w);
/* Preimage hash of TransactionData (type 0), spec/10 §2.2. */
void bc_tx_data_hash(bc_suite_t suite, const bc_tx_data_t *d, bc_h256_t *out);
/* Digest that the signature covers. */
void bc_tx_signing_hash(const bc_tx_t *tx, bc_h256_t *out);

/* Details of a Web3 transaction that only extraTransactionBytes hold. */
typedef struct {
    uint8_t type; /* 0..3 */
    bool has_chain_id;
    uint64_t chain_id, nonce;
    bc_u256_t gas_price, max_fee, max_priority_fee, value, max_fee_per_blob_gas;
    uint64_t gas_limit;
    bc_bytes_t to, input;
    bc_bytes_t access_list; /* RLP list payload */
    bc_bytes_t blob_hashes; /* RLP list payload */
} bc_web3_tx_t;
/* Appends the signed form of a legacy transaction with chain id (EIP-155): type, prices above
 * gas_price and lists of *t are not looked at. BC_E_KEY: not a secp256k1 key. */
bc_err_t bc_web3_sign(const bc_web3_tx_t *t, const bc_keypair_t *key, bc_wr_t *rlp) BC_WARN_UNUSED;
bc_err_t bc_web3_tx_parse_unsigned(bc_bytes_t extra_tx_bytes, bc_web3_tx_t *out) BC_WARN_UNUSED;

/* Where the texts of a type-0 transaction end that its hash covers back to back: the lengths of nonce,
 * to, input, abi, value, gasPrice, maxFeePerGas, maxPriorityFeePerGas and extension, 4 bytes each,
 * big-endian. 0 for what the hash of its version does not cover, and for Web3. Transactions of one hash
 * and the same bounds are the same transaction (docs/notes/0024). */
enum { BC_TX_BOUNDS = 36 };
void bc_tx_bounds(const bc_tx_t *tx, uint8_t out[BC_TX_BOUNDS]);

/* Whether s of a Web3 signature is at most half the order (EIP-2). With the other one of the pair anybody
 * could give a transaction a second hash. */
bool bc_tx_low_s(const bc_tx_t *tx);

/* The account nonce of a Web3 transaction as a number; false when it does not fit 63 bits. */
bool bc_tx_account_nonce(const bc_tx_t *tx, uint64_t *out);

/* True for the exact names of spec/30 §1.2's system list. */
bool bc_is_system_to(bc_bytes_t to);

#endif
