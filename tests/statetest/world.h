/* Ethereum's account model under the interpreter: accounts, slots, a journal, logs, and the host
 * functions of the Ethereum profile. Test only; keeps everything until world_free. */
#ifndef STATETEST_WORLD_H
#define STATETEST_WORLD_H

#include "base/arena.h"
#include "base/map.h"
#include "computing/evm/evm.h"
#include "computing/evm/u256.h"

typedef struct {
    bc_h256_t key;
    bc_h256_t original, value, transient;
    bool warm;
} slot_t;

typedef struct {
    bool exists;
    bool created;    /* in this transaction */
    bool destructed; /* removed at its end */
    bool touched;    /* removed at its end when empty */
    bool warm;
    uint64_t nonce;
    bc_u256_t balance;
    bc_bytes_t code; /* in the arena */
    bc_h256_t code_hash;
} scalars_t;

typedef struct {
    bc_addr_t addr;
    scalars_t s;
    bc_map_t slots;
} account_t;

typedef struct {
    account_t *account;
    slot_t *slot; /* NULL: the entry is about scalars */
    union {
        scalars_t scalars;
        slot_t slot;
    } old;
} undo_t;

typedef struct {
    bc_addr_t addr;
    bc_bytes_t data;
    bc_h256_t topics[4];
    size_t topic_cnt;
} log_t;

typedef struct {
    bc_arena_t arena;
    bc_map_t accounts;
    undo_t *undo;
    size_t undo_cnt, undo_cap;
    log_t *logs;
    size_t log_cnt, log_cap;
    bc_evm_t *evm;
    bc_evm_rules_t rules;
    bc_evm_env_t env;
    bc_wr_t scratch[8]; /* outputs of precompiled contracts, in turn */
    unsigned scratch_next;
} world_t;

void world_init(world_t *w, bc_evm_t *evm);
void world_free(world_t *w);

account_t *world_account(world_t *w, const bc_addr_t *a); /* made when missing, not "exists" */
slot_t *world_slot(world_t *w, account_t *a, const bc_h256_t *key);
void world_set_code(world_t *w, account_t *a, bc_bytes_t code);
bool world_is_empty(const account_t *a);
void world_save(world_t *w, account_t *a); /* before changing a->s */

typedef struct {
    size_t undo, logs;
} snapshot_t;
snapshot_t world_snapshot(const world_t *w);
void world_revert(world_t *w, snapshot_t s);

/* A message, nested or top. For a top create the sender's nonce was already raised, and counts as
 * it was before. */
void world_message(world_t *w, const bc_evm_msg_t *msg, bc_evm_result_t *out);

void world_finish(world_t *w); /* end of transaction: destructed and touched empty accounts go */
/* The block's reward, which is zero in these tests: before EIP-161 the coinbase exists from then. */
void world_reward(world_t *w);
void world_state_root(world_t *w, bc_h256_t *root);
void world_logs_hash(const world_t *w, bc_h256_t *hash);

#endif
