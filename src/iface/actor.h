/* The deterministic core of a node: six actors that exchange messages and touch nothing else.
 *
 * Consensus (pbft), block sync, transaction pool, sealer, scheduler and front are pure: a message
 * and the time go in, messages come out. They own no socket, disk, thread, clock or randomness;
 * whatever they need of those is a message to the HOST, who answers with a message. The same
 * code runs in the node (apps/node), in the simulator (tests/sim) and in fuzzers.
 *
 * Order: messages leave an actor in the order of bc_out_msg calls, and the core delivers first in,
 * first out. The host carries out the CONSENSUS LANE strictly in order: a BC_MSG_PERSIST or
 * BC_MSG_PRESTORE is durable before any later BC_MSG_FRAME_OUT of module 1000 leaves, so
 * persist(vote) has completed before send(vote) happens.
 *
 * Ownership: a message owns its references (data, header, txs, ...). The receiving step may take
 * one over by setting the member to NULL; the core frees the rest. One thread. */
#ifndef BC_IFACE_ACTOR_H
#define BC_IFACE_ACTOR_H

#include "iface/executor.h"
#include "iface/ledger.h"
#include "protocol/status.h"

typedef enum {
    BC_ACTOR_HOST,
    BC_ACTOR_FRONT,
    BC_ACTOR_TXPOOL,
    BC_ACTOR_SEALER,
    BC_ACTOR_PBFT,
    BC_ACTOR_SYNC,
    BC_ACTOR_SCHEDULER,
    BC_ACTOR_CNT
} bc_actor_id_t;

/* A counted, frozen list of transactions (in block order) or of their metadata. */
typedef struct {
    atomic_uint refs;
    size_t cnt;
    bc_tx_t *v[]; /* references; NULL where missing */
} bc_txs_t;
bc_txs_t *bc_txs_new(size_t cnt) BC_WARN_UNUSED; /* all NULL; stops when memory is gone */
bc_txs_t *bc_txs_ref(bc_txs_t *t);
void bc_txs_unref(bc_txs_t *t); /* NULL is fine */

typedef struct {
    bc_h256_t hash;
    uint32_t attribute;
    bool system;
    char to[64]; /* text as in the metadata, cut at 63: only compared with short system names */
    char source[44]; /* hex40 of the sender, or "" */
    /* where we have the transaction ourselves: */
    uint8_t bounds[BC_TX_BOUNDS];
    uint32_t size; /* of its Tars bytes */
} bc_meta_t;
typedef struct {
    atomic_uint refs;
    size_t cnt;
    bc_meta_t v[];
} bc_metas_t;
bc_metas_t *bc_metas_new(size_t cnt) BC_WARN_UNUSED; /* zeroed; stops when memory is gone */
bc_metas_t *bc_metas_ref(bc_metas_t *m);
void bc_metas_unref(bc_metas_t *m);
/* txsRoot of the block that they make (spec/10 §3): all zero for none. Stops when memory is gone. */
void bc_metas_root(const bc_metas_t *m, bc_suite_t suite, bc_h256_t *root);
/* A hash of the bounds of all, in order. Our leaders put it into receiptsRoot of their proposals, which
 * execution overwrites (docs/notes/0024). */
void bc_metas_bounds(const bc_metas_t *m, bc_suite_t suite, bc_h256_t *out);
void bc_txs_bounds(const bc_txs_t *t, bc_suite_t suite, bc_h256_t *out); /* none is missing */

/* What a waiting client learns of its transaction. Counted; frozen once it is told. */
typedef struct bc_committed bc_committed_t;
struct bc_committed {
    atomic_uint refs;
    int64_t number; /* block */
    bc_hdr_t *header;
    bc_txs_t *txs;
    bc_exec_result_t *result; /* receipts in block order; NULL for a block whose result is gone */
    bc_ledger_config_t *config; /* in force after the block */
    bc_committed_t *next; /* of a RUN_COMMIT: the next block of the same write, a reference; else NULL */
};
bc_committed_t *bc_committed_ref(bc_committed_t *c);
void bc_committed_unref(bc_committed_t *c);

/* For each kind: sender -> receiver, members used. `token` is always echoed in the answer. */
typedef enum {
    BC_MSG_NONE,

    /* ---- life, time ---- */
    BC_MSG_START,      /* HOST -> each, after init. config = ledger state */
    BC_MSG_TIMER_SET,  /* any -> HOST: timer `number` of the sender fires once after number2 ms
                        * (replacing an earlier setting); number2 < 0 cancels */
    BC_MSG_TIMER,      /* HOST -> actor: timer `number` fired */
    BC_MSG_PEERS,      /* HOST -> FRONT, PBFT, SYNC, TXPOOL: connected nodes of the group changed;
                        * data = 64-byte ids back to back (self not among them); flag = one of them speaks
                      * a front protocol below 2 and does not know module 6000 */

    /* ---- front: messages between nodes ---- */
    BC_MSG_FRAME_IN,   /* HOST -> FRONT: front message bytes `data` from `node` */
    BC_MSG_FRAME_OUT,  /* FRONT -> HOST: front message bytes `data` for `node`, or when mask != 0 for
                        * all nodes of these types (BC_NODE_*); module tells the lane */
    BC_MSG_SEND,       /* actor -> FRONT: module, node, data; nothing comes back */
    BC_MSG_BROADCAST,  /* actor -> FRONT: module, mask, data */
    BC_MSG_REQUEST,    /* actor -> FRONT: module, node, data, token, number2 = time-out ms */
    BC_MSG_RESPONSE,   /* FRONT -> actor: token, err (BC_E_TIMEOUT), node, data */
    BC_MSG_DELIVER,    /* FRONT -> actor owning the module: module, node (sender), data, uuid (for
                        * BC_MSG_REPLY; uuid[0] == 0: a broadcast) */
    BC_MSG_REPLY,      /* actor -> FRONT: module, node, uuid, data */

    /* ---- transaction pool ---- */
    BC_MSG_SUBMIT,       /* HOST (RPC) -> TXPOOL: txs[0]; token; flag = wait for the receipt. The pool
                          * gossips what it accepts (txpool.h) */
    BC_MSG_SUBMIT_DONE,  /* TXPOOL -> HOST: token, number = bc_tx_status_t. With flag: either a
                          * refusal, or the end: committed (and number2 = index in the block) or
                          * expired (10010). Without: accepted (0) or refused. One per token */
    BC_MSG_RECOVER,      /* TXPOOL or SYNC -> HOST: recover the senders of txs on workers; token */
    BC_MSG_RECOVERED,    /* HOST -> asker: token, txs; a bad signature leaves sender_known false;
                          * data = one 8-byte little-endian state nonce per transaction, 2^64-1 for
                          * type 0 and for senders without an account */
    BC_MSG_LOAD_TXS,     /* TXPOOL -> HOST: read metas' hashes from s_hash_2_tx; token; flag = tell
                          * whether one of them is in a block already */
    BC_MSG_LOADED_TXS,   /* HOST -> TXPOOL: token, txs (NULL where absent), flag = one is */
    BC_MSG_PENDING_NONCE, /* TXPOOL -> HOST: the first 20 bytes of node = Web3 sender, number = next
                           * nonce the pool expects, -1: forget the sender */
    BC_MSG_PRESTORE,     /* TXPOOL -> HOST: write txs to s_hash_2_tx durably (consensus lane) */
    BC_MSG_POOL_SIZE,    /* TXPOOL -> PBFT, SEALER: number = transactions in both maps,
                          * number2 = unsealed ones; when it becomes non-zero and at most every 100 ms */
    BC_MSG_FETCH,        /* SEALER -> TXPOOL: take up to number2 unsealed txs; token */
    BC_MSG_FETCHED,      /* TXPOOL -> SEALER: token, metas (sealed now, batchId -1) */
    BC_MSG_WITHDRAW,     /* TXPOOL -> SEALER: the hashes of metas, fetched before, are gone */
    BC_MSG_VERIFY_PROPOSAL,   /* PBFT -> TXPOOL: number, hash (proposal header), metas, node
                               * (generator; zero: none), header, token. Missing ones are looked up in
                               * the ledger, then fetched from the generator (spec/30 §1.7) */
    BC_MSG_PROPOSAL_VERIFIED, /* TXPOOL -> PBFT: token, number, hash, err, number2 = the official
                               * code (0, 1000, 2000..2004), txs when err is 0. Already durable.
                               * flag = no chain with these blocks can take it, ever */
    BC_MSG_MARK_SEALED,  /* PBFT -> TXPOOL: metas are sealed for (number, hash) */
    BC_MSG_UNSEAL,       /* PBFT, SEALER -> TXPOOL: metas; only those sealed for (number, hash) go
                          * back; number -1: taken by the own sealer, not proposed */
    BC_MSG_UNSEAL_ALL,   /* PBFT -> TXPOOL at its start */
    BC_MSG_CONSENSUS_STATE, /* PBFT -> TXPOOL, SYNC: flag = in time-out state, number2 = view */

    /* ---- sealer ---- */
    BC_MSG_SEAL,       /* PBFT -> SEALER: window number..number2, token = transactions per block */
    BC_MSG_SEAL_RESET, /* PBFT -> SEALER */
    BC_MSG_LATEST,     /* PBFT -> SEALER: number, hash, number2 = timestamp of the latest block */
    BC_MSG_PROPOSE,    /* SEALER -> PBFT: header (pre-execution), metas, flag = has system txs */

    /* ---- execution and commit ---- */
    BC_MSG_EXECUTE,    /* PBFT, SYNC -> SCHEDULER: header (proposal, or downloaded with flag = verify
                        * the hash), txs, token */
    BC_MSG_EXECUTED,   /* SCHEDULER -> asker: token, number, err, header (executed), flag = sysBlock */
    BC_MSG_COMMIT,     /* PBFT, SYNC -> SCHEDULER: header with signatures, token */
    BC_MSG_COMMIT_DONE, /* SCHEDULER -> asker: token, number, err */
    BC_MSG_COMMITTED,  /* SCHEDULER -> all others and HOST: committed (number, config inside) */
    BC_MSG_RUN_EXECUTE, /* SCHEDULER -> HOST: header, txs, token; runs on the newest state layer */
    BC_MSG_RAN_EXECUTE, /* HOST -> SCHEDULER: token, err, header (executed), result */
    BC_MSG_RUN_COMMIT,  /* SCHEDULER -> HOST: committed (config still NULL) and those behind its
                         * `next`, token: of each a batch of the oldest layer and its ledger rows;
                         * durable when answered */
    BC_MSG_RAN_COMMIT,  /* HOST -> SCHEDULER: token, number2: how many were written, with their
                         * config set; err: of the one after them */
    BC_MSG_DISCARD,     /* SCHEDULER -> HOST: drop executed layers of heights >= number */
    BC_MSG_LOAD_BLOCK,  /* SYNC -> HOST: number, number2 = BC_WITH_* bits, token */
    BC_MSG_LOADED_BLOCK, /* HOST -> SYNC: token, err, data = Tars Block with header (and txs) */
    BC_MSG_RESTORE_BLOCK, /* SYNC -> HOST: number, data = Tars Block: put transactions and receipts of
                           * an archived block back, if they are those of our header */
    BC_MSG_ARCHIVED,      /* HOST -> SYNC: number = the archived number now; token = number of the
                           * RESTORE_BLOCK that this answers, err; 0 when it changed otherwise */

    /* ---- consensus and sync about each other ---- */
    BC_MSG_PERSIST,      /* PBFT -> HOST: consensus record (consensus lane): key = `key` text,
                          * data = value, NULL deletes */
    BC_MSG_PROPOSAL_INDEX, /* PBFT -> SYNC: number = highest proposal index that consensus handles,
                            * number2 = committed height */
    BC_MSG_SYNC_HIGHEST, /* SYNC -> PBFT: number = highest number asked for */
    BC_MSG_PEER_STATUS,  /* SYNC -> PBFT: node's known height number (-1: gone) */
    BC_MSG_ALIGNED_TIME, /* SYNC -> SEALER: number = median offset of peers' clocks, ms */

    BC_MSG_KIND_CNT
} bc_msg_kind_t;

typedef struct bc_msg bc_msg_t;
struct bc_msg {
    bc_msg_t *next;
    uint8_t from, to; /* bc_actor_id_t */
    uint16_t kind;    /* bc_msg_kind_t */
    uint16_t module, mask;
    bool flag;
    bc_err_t err;
    uint64_t token;
    int64_t number, number2;
    bc_h256_t hash;
    bc_nodeid_t node;
    char uuid[40];
    char key[40];
    bc_buf_t *data;
    bc_hdr_t *header;
    bc_txs_t *txs;
    bc_metas_t *metas;
    bc_exec_result_t *result; /* sole owner */
    bc_ledger_config_t *config;
    bc_committed_t *committed;
};

typedef struct {
    int64_t mono_ms; /* never goes back */
    int64_t utc_ms;  /* wall clock */
} bc_now_t;

/* What a step produced, in order. {0, id} is an empty one. */
typedef struct {
    bc_msg_t *head, *tail;
    uint8_t from; /* the actor being stepped */
} bc_out_t;

/* A new message of kind for actor `to`, appended to out; the caller fills the members. Never
 * NULL: a message is small and its number is bounded by what is in flight; the process stops when
 * even that memory is gone. */
bc_msg_t *bc_out_msg(bc_out_t *out, bc_actor_id_t to, bc_msg_kind_t kind);
bc_msg_t *bc_msg_new(bc_actor_id_t from, bc_actor_id_t to, bc_msg_kind_t kind);
void bc_msg_free(bc_msg_t *m); /* releases what it still owns; NULL is fine */
const char *bc_msg_name(uint16_t kind);

/* What every actor offers. */
typedef struct {
    void (*step)(void *self, const bc_now_t *now, bc_msg_t *in, bc_out_t *out);
    void (*free)(void *self);
} bc_actor_ops_t;
typedef struct {
    const bc_actor_ops_t *ops;
    void *self;
} bc_actor_if;

#endif
