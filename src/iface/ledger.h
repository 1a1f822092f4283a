/* What the ledger tells the other rooms: the configuration in force, and reads of the chain.
 *
 * bc_ledger_config_t is an immutable counted snapshot made after each commit: node lists, system
 * configuration and feature flags as the NEXT block (number + 1) sees them (spec/10 §6). */
#ifndef BC_IFACE_LEDGER_H
#define BC_IFACE_LEDGER_H

#include "base/op.h"
#include "protocol/block.h"

typedef enum { BC_NODE_SEALER, BC_NODE_OBSERVER_T, BC_NODE_CANDIDATE } bc_node_kind_t;

typedef struct {
    bc_nodeid_t id;
    uint64_t vote_weight, term_weight;
    bc_node_kind_t kind;
    int64_t enable_number;
} bc_node_entry_t;

typedef struct {
    atomic_uint refs;
    int64_t number;   /* last block in the ledger */
    bc_h256_t hash;   /* its hash; of an executed block 0 on v1 chains (spec/10 §9) */
    int64_t timestamp;
    bc_h256_t genesis_hash; /* what block sync compares: executed block 0's on v1 chains */
    uint32_t version; /* compatibility version, 0xMMmmpp00 */
    uint64_t tx_count_limit, leader_period;
    int64_t gas_limit;
    bc_u256_t gas_price;
    char gas_price_text[80]; /* as stored: "0x0" */
    uint32_t auth_check;
    bool balance_transfer;
    uint32_t executor_version;
    char web3_chain_id[24]; /* decimal text, "" when absent */
    uint64_t epoch_sealer_num, epoch_block_num;
    bool rpbft;
    int64_t epoch_sealer_enable, epoch_block_enable; /* enable numbers of the two values above */
    bool rotate_notified; /* feature_rpbft_notify_rotate */
    bool vrf_secp256k1;    /* feature_rpbft_vrf_type_secp256k1: which VRF rotates */
    bool vrf_number_input; /* bugfix_rpbft_vrf_blocknumber_input: over the number, else the parent's hash */
    /* sealers are the consensus node list: sorted by node id, position = index (spec/30 §3.3) */
    size_t sealer_cnt, observer_cnt, candidate_cnt;
    bc_node_entry_t *sealers, *observers, *candidates;
    bc_arena_t arena;
} bc_ledger_config_t;

/* rPBFT: block number + 1 must begin with the rotation of working sealers (spec/30 §4). */
bool bc_ledger_config_rotates(const bc_ledger_config_t *c);

static inline bc_ledger_config_t *bc_ledger_config_ref(bc_ledger_config_t *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}
void bc_ledger_config_unref(bc_ledger_config_t *c);
/* The node's index among the sealers, -1 when it is none. */
int64_t bc_ledger_config_sealer(const bc_ledger_config_t *c, const bc_nodeid_t *id);
/* Is it a sealer, observer or candidate of the group? */
bool bc_ledger_config_member(const bc_ledger_config_t *c, const bc_nodeid_t *id);

/* A block read from the store; owned by the receiver, bc_ledger_block_free. */
typedef struct {
    bc_hdr_t *header;
    size_t tx_cnt;
    bc_h256_t *tx_hashes;     /* in block order */
    bc_tx_t **txs;            /* NULL unless asked for; a missing one is NULL */
    bc_receipt_t *receipts;   /* NULL unless asked for */
    bc_bytes_t *receipt_raw;  /* Tars bytes of each, with receipts */
    bc_arena_t arena;
} bc_ledger_block_t;
void bc_ledger_block_free(bc_ledger_block_t *b);

enum { BC_WITH_TXS = 1, BC_WITH_RECEIPTS = 2 };

typedef struct {
    int64_t number, tx_count, failed_count, archived_number;
} bc_ledger_totals_t;

/* Blocking reads, safe from any thread (workers call them). BC_E_NOT_FOUND when absent. */
typedef struct {
    bc_err_t (*number)(void *self, int64_t *out);
    bc_err_t (*totals)(void *self, bc_ledger_totals_t *out);
    bc_err_t (*hash_by_number)(void *self, int64_t number, bc_h256_t *out);
    bc_err_t (*number_by_hash)(void *self, const bc_h256_t *hash, int64_t *out);
    bc_err_t (*block)(void *self, int64_t number, unsigned with, bc_ledger_block_t **out);
    bc_err_t (*tx)(void *self, const bc_h256_t *hash, bc_tx_t **out); /* a reference */
    /* The receipt's views live in the arena. */
    bc_err_t (*receipt)(void *self, const bc_h256_t *tx_hash, bc_receipt_t *out, bc_arena_t *arena);
    /* value and enable number of a system configuration key, whatever the height. */
    bc_err_t (*system_config)(void *self, bc_bytes_t key, bc_bytes_t *value, int64_t *enable,
                              bc_arena_t *arena);
    /* Snapshot in force now; a reference. Never NULL after start. */
    bc_ledger_config_t *(*config)(void *self);
    /* Nonces of a block as stored, for the pool's window. */
    bc_err_t (*nonces)(void *self, int64_t number, bc_tars_list_t *out, bc_arena_t *arena);
} bc_ledger_ops_t;

typedef struct {
    const bc_ledger_ops_t *ops;
    void *self;
} bc_ledger_if;

#endif
