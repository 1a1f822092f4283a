/* Inside of the pool: shared by txpool.c (life of transactions), txpool_check.c (rules),
 * txpool_proposal.c (proposals) and txpool_sync.c (exchange with other nodes). */
#ifndef BC_TXPOOL_IMPL_H
#define BC_TXPOOL_IMPL_H

#include "base/map.h"
#include "scheduling/txpool/txpool.h"

#define BADGES "[TXPOOL]"

enum { TIMER_EXPIRE = 1, TIMER_SIZE = 2, TIMER_STATUS = 3, TIMER_TURN = 4 };
enum { EXPIRE_EVERY_MS = 3000, SIZE_EVERY_MS = 100, EXPIRE_SCAN_MAX = 10000 };
enum { VALUE_TEXT_MAX = 514, WEB3_INPUT_MAX = 49152, WEB3_NONCE_GAP = 600000 };
/* How long a Web3 transaction waits for those of its sender with lower nonces. Less than the
 * consensus time-out (3 s), which runs while the pool has something: waiting is no failed leader. */
enum { TURN_WAIT_MS = 2000 };
enum { FETCH_TIMEOUT_MS = 500, PROPOSALS_MAX = 128, LEDGER_READS_MAX = 256 };
enum { RELAYS_MAX = 16 };
/* A transaction that was good when a leader took it may go on the chain so many blocks later: its
 * leader's turn, the pipeline (spec/30 §1.7: an expired block limit is accepted). */
enum { LATE_BLOCKS = 100 };

typedef enum { ENTRY_VERIFYING, ENTRY_UNSEALED, ENTRY_SEALED } entry_state_t;

typedef struct waiter {
    struct waiter *next;
    uint64_t token;
    bool wait; /* until the end; else until accepted */
} waiter_t;

/* A nonce string with the number of pool entries that carry it. */
typedef struct {
    uint32_t cnt, sealed; /* of cnt */
    uint32_t n;
    char s[];
} nonce_t;

typedef struct entry {
    bc_tx_t *tx;
    entry_state_t state;
    int64_t batch_id; /* sealed: proposal number, -1 taken by the own sealer */
    bc_h256_t batch_hash;
    int64_t import_ms;
    bool stored;  /* in s_hash_2_tx */
    bool from_client; /* gossip it when accepted */
    bool at_host;     /* verifying: in a batch that is under way */
    uint8_t relays;   /* how often it was passed on by the tree */
    nonce_t *nonce;   /* type 0 and accepted */
    bool has_nonce;   /* Web3 and accepted: in web3_nonces */
    uint8_t nonce_key[28]; /* sender, nonce big-endian */
    struct entry *same_nonce; /* others of that key; proposals may bring them */
    int64_t turn_until; /* mono ms: unsealed, waits for lower nonces at most until then */
    waiter_t *waiters;
    struct entry *prev, *next; /* list of its state (verifying: the queue for the host) */
} entry_t;

typedef struct {
    entry_t *head, *tail;
    size_t cnt;
} list_t;

/* What is known of a Web3 sender. */
typedef struct sender {
    bc_addr_t addr;
    bool has_ledger;
    uint64_t ledger; /* next nonce by the chain */
    int64_t seen;    /* newest block with one of its transactions that went by here */
    bool has_pending;
    uint64_t pending; /* highest accepted + 1 */
    struct sender *prev, *next; /* least recently used first */
} sender_t;

/* The nonces of the newest blocks (txpool_window.c). */
typedef struct {
    uint64_t hi; /* fingerprint */
    uint32_t lo;
    uint32_t stamp; /* newest block that carries it; 0: free */
} window_slot_t;

typedef struct {
    window_slot_t *slots;
    size_t cap, used;
    uint32_t blocks; /* so many are remembered */
    int64_t top;     /* newest block */
    int64_t built;   /* block of the last rebuild */
} window_t;

/* A proposal on its way through VERIFY_PROPOSAL. */
typedef enum { PROP_VERIFYING, PROP_LEDGER, PROP_PEER, PROP_RECOVER } prop_stage_t;
typedef struct prop {
    struct prop *next;
    uint64_t id;    /* token of our own requests */
    uint64_t token; /* PBFT's */
    int64_t number;
    bc_h256_t hash;
    bc_nodeid_t node;
    bool has_node;
    bc_metas_t *metas;
    bc_txs_t *txs;     /* found so far, by position */
    bc_txs_t *fetched; /* being recovered */
    prop_stage_t stage;
    bc_h256_t bounds; /* of the leader's transactions, when it names them */
    bool has_bounds;
    bool whole;      /* ours are others: all have been asked for */
    bool impossible; /* by check_in_block, or already executed */
} prop_t;

/* A request of another node that waits for rows of the ledger. */
typedef struct read {
    struct read *next;
    uint64_t id;
    bc_nodeid_t node;
    uint16_t module;
    char uuid[40];
    bc_txs_t *txs; /* found so far */
} read_t;

typedef struct {
    bc_txpool_config_t c;
    const bc_now_t *now;
    bc_out_t *out;

    bc_map_t by_hash; /* entry_t */
    size_t bytes;     /* of their transactions */
    list_t verifying, unsealed, sealed;
    size_t in_flight;     /* verifying entries that are at the host: the first of the list */
    entry_t *verify_next; /* first verifying entry that is not */
    unsigned batches;
    uint64_t batch_token;

    bc_map_t pool_nonces;   /* nonce_t of type 0 entries */
    window_t window;
    bc_map_t senders;       /* sender_t */
    sender_t *lru_head, *lru_tail;
    bc_map_t web3_nonces;   /* entry_t: the first of each nonce_key */

    bc_ledger_config_t *config;
    bool consensus_timeout;
    bool is_sealer;
    bc_nodeid_t *peers;
    size_t peer_cnt;
    bool old_peers; /* one of them does not know the tree */
    uint64_t draw;

    prop_t *props;
    size_t prop_cnt;
    read_t *reads;
    size_t read_cnt;
    uint64_t next_id;

    bool expire_armed, size_armed, turn_armed;
    size_t told_size, told_unsealed;
    int64_t idle_since; /* ms; when a seal fetch last found something */
    bc_txpool_stats_t stats;
} pool_t;

/* txpool.c */
entry_t *pool_find(const pool_t *p, const bc_h256_t *hash);
/* Takes a reference of tx over. Returns the status; 0 and a verifying entry, or a refusal.
 * w (may be NULL) moves to the entry when the status is 0. */
int32_t pool_offer(pool_t *p, bc_tx_t *tx, waiter_t *w, bool from_client);
void pool_move(pool_t *p, entry_t *e, entry_state_t to);
/* Answers waiters with the status, forgets nonces, frees. */
void pool_drop(pool_t *p, entry_t *e, int32_t status);
void pool_seal(pool_t *p, entry_t *e, int64_t number, const bc_h256_t *hash);
/* Lets a transaction of a proposal in, whatever the limit; takes no reference. NULL: refused. */
entry_t *pool_enforce(pool_t *p, bc_tx_t *tx, int64_t number, const bc_h256_t *hash);
/* Of transaction i of a BC_MSG_RECOVERED. */
uint64_t pool_state_nonce(const bc_msg_t *recovered, size_t i);
void pool_tell_size(pool_t *p);
void pool_send_verify(pool_t *p);

/* txpool_check.c: the rules of spec/30 §1.2, in order */
int32_t check_before_recover(const pool_t *p, const bc_tx_t *tx);
int32_t check_after_recover(pool_t *p, const bc_tx_t *tx, uint64_t state_nonce);
/* Rule 6 against the ledger only; for transactions already in the pool. */
int32_t check_ledger_only(const pool_t *p, const bc_tx_t *tx);
/* What must not be in a block of that number, whoever made it and whoever else holds the transaction:
 * all nodes with the same chain agree about it (docs/notes/0023). */
int32_t check_in_block(const pool_t *p, const bc_tx_t *tx, int64_t number);
/* The next nonce of a Web3 sender in a state that a worker has read; UINT64_MAX: none. */
void nonce_learn(pool_t *p, const bc_tx_t *tx, uint64_t state_nonce);
void nonce_accept(pool_t *p, entry_t *e); /* step 7 */
void nonce_forget(pool_t *p, entry_t *e);
/* Whether everything of a Web3 sender before e is on the chain or sealed; true for type 0. */
bool nonce_in_turn(const pool_t *p, const entry_t *e);
/* Another one of e's nonce is sealed, e is not: only one of them can go on the chain. */
bool nonce_is_sealed(const pool_t *p, const entry_t *e);
/* An unsealed entry whose turn comes after e; NULL: none here. */
entry_t *nonce_successor(const pool_t *p, const entry_t *e);
void nonce_commit(pool_t *p, int64_t number, bc_tx_t *const *txs, size_t cnt);
/* Whether a transaction of the pool may have become impossible by tx, which is on the chain now and
 * no longer in the pool. */
bool nonce_outlives(const pool_t *p, const bc_tx_t *tx);
void nonce_init(pool_t *p);
void nonce_free(pool_t *p);

/* txpool_window.c */
void window_init(window_t *w, uint32_t blocks);
void window_free(window_t *w);
/* In the newest `blocks` blocks, at most w->blocks. */
bool window_has(const window_t *w, bc_bytes_t nonce, uint32_t blocks);
/* The nonces of a block; numbers ascend. */
void window_put(window_t *w, int64_t number, const bc_bytes_t *nonces, size_t cnt);

/* txpool_proposal.c */
void proposal_verify(pool_t *p, bc_msg_t *in);
void proposal_loaded(pool_t *p, bc_msg_t *in);
void proposal_response(pool_t *p, bc_msg_t *in);
void proposal_recovered(pool_t *p, prop_t *q, const bc_msg_t *in);
void proposal_recheck(pool_t *p); /* some verifying entries have settled */
prop_t *proposal_find(const pool_t *p, uint64_t id);
void proposal_free_all(pool_t *p);

/* txpool_sync.c */
void sync_deliver(pool_t *p, bc_msg_t *in);
bool sync_loaded(pool_t *p, bc_msg_t *in); /* false: not one of ours */
void sync_response(pool_t *p, bc_msg_t *in); /* answer to a request after a status */
void sync_gossip(pool_t *p, const bc_tx_t *tx);
void sync_ask_status(pool_t *p); /* empty status to everybody */
/* Encodes the present ones of txs as a TxsResponse; NULL when memory is gone. */
bc_buf_t *sync_encode_response(const bc_txs_t *txs);
bc_buf_t *sync_encode_request(const bc_h256_t *hashes, size_t cnt);
/* Decodes a TxsResponse into fresh transactions. */
bc_err_t sync_decode_response(pool_t *p, bc_bytes_t in, size_t max, bc_txs_t **out) BC_WARN_UNUSED;
void sync_free_all(pool_t *p);

#endif
