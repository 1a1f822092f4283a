/* Receipts, headers and blocks: Tars structures, hashes, bloom (spec/10 §2, §3). */
#ifndef BC_PROTOCOL_BLOCK_H
#define BC_PROTOCOL_BLOCK_H

#include "protocol/tx.h"

/* Tars LogEntry */
typedef struct {
    bc_bytes_t address;    /* 40 hex characters */
    bc_tars_list_t topics; /* of bc_bytes_t, 32 bytes each */
    bc_bytes_t data;
} bc_log_entry_t;

/* Tars TransactionReceiptData */
typedef struct {
    int32_t version;
    bc_bytes_t gas_used;         /* decimal */
    bc_bytes_t contract_address; /* hex40 or empty */
    int32_t status;
    bc_bytes_t output;
    bc_tars_list_t logs; /* of bc_log_entry_t */
    int64_t block_number;
    bc_bytes_t effective_gas_price; /* "0x.." or empty */
} bc_receipt_data_t;

/* Tars TransactionReceipt */
typedef struct {
    bc_receipt_data_t data;
    bc_bytes_t data_hash, message, cumulative_gas_used, bloom; /* bloom: 256 bytes or empty */
    uint32_t tx_index, log_index;
} bc_receipt_t;

typedef struct {
    int64_t number;
    bc_bytes_t hash;
} bc_parent_t;

typedef struct {
    int64_t sealer_index;
    bc_bytes_t signature;
} bc_block_sig_t;

/* Tars BlockHeaderData. Roots are empty (unset) or 32 bytes. */
typedef struct {
    int32_t version;
    bc_tars_list_t parents; /* of bc_parent_t */
    bc_bytes_t txs_root, receipts_root, state_root;
    int64_t number;
    bc_bytes_t gas_used; /* decimal text */
    int64_t timestamp;   /* ms */
    int64_t sealer;
    bc_tars_list_t sealer_list; /* of bc_bytes_t, 64 bytes each */
    bc_bytes_t extra_data;
    bc_tars_list_t weights; /* of int64_t */
} bc_header_data_t;

/* Tars BlockHeader */
typedef struct {
    bc_header_data_t data;
    bc_bytes_t data_hash;
    bc_tars_list_t signatures; /* of bc_block_sig_t */
} bc_header_t;

/* Tars TransactionMetaData */
typedef struct {
    bc_bytes_t hash, to, source;
    uint32_t attribute;
} bc_tx_meta_t;

/* Tars Block */
typedef struct {
    int32_t version, type;
    bc_header_t header;
    bc_tars_list_t txs;      /* of bc_tx_wire_t */
    bc_tars_list_t receipts; /* of bc_receipt_t */
    bc_tars_list_t metas;    /* of bc_tx_meta_t */
    bc_tars_list_t receipt_hashes;          /* of bc_bytes_t */
    bc_tars_list_t nonces;                  /* of bc_bytes_t */
    bc_tars_list_t txs_merkle, receipts_merkle; /* of bc_bytes_t */
    bc_bytes_t bloom;
} bc_block_t;

extern const bc_tars_struct_t bc_log_entry_tars, bc_receipt_tars, bc_header_tars, bc_block_tars,
    bc_tx_meta_tars;

void bc_receipt_hash(bc_suite_t suite, const bc_receipt_data_t *r, bc_h256_t *out);
void bc_header_hash(bc_suite_t suite, const bc_header_data_t *h, bc_h256_t *out);
/* The hash of the first parent that a header names; zero when it names none, as block 0. */
bc_h256_t bc_header_parent(const bc_header_data_t *h);

/* Logs bloom: each 40-character ASCII address and each topic (spec/10 §2.1). OR into bloom. */
void bc_bloom_add(uint8_t bloom[256], bc_bytes_t item);
void bc_bloom_logs(uint8_t bloom[256], const bc_log_entry_t *logs, size_t n);

/* A header that owns its memory: counted, frozen; crosses threads. */
typedef struct {
    atomic_uint refs;
    bc_h256_t hash; /* computed here, never believed */
    bc_header_t h;
    bc_arena_t arena;
} bc_hdr_t;
/* Decodes and hashes; a carried dataHash that differs is BC_E_MISMATCH. */
bc_err_t bc_hdr_decode(bc_suite_t suite, bc_bytes_t raw, bc_hdr_t **out) BC_WARN_UNUSED;
/* A deep copy of fields with the hash computed; data_hash is set to it. NULL when memory is gone. */
bc_hdr_t *bc_hdr_new(bc_suite_t suite, const bc_header_t *fields) BC_WARN_UNUSED;
bc_hdr_t *bc_hdr_ref(bc_hdr_t *h);
void bc_hdr_unref(bc_hdr_t *h);
/* Tars bytes with dataHash. */
void bc_hdr_encode(const bc_hdr_t *h, bc_wr_t *w);

#endif
