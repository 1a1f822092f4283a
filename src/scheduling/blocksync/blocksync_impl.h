/* Inside of block sync: blocksync.c (state machine, peers), blocksync_download.c (requests,
 * checks, execution), blocksync_serve.c (answers to others), blocksync_archive.c (transactions of
 * archived blocks). */
#ifndef BC_BLOCKSYNC_IMPL_H
#define BC_BLOCKSYNC_IMPL_H

#include "scheduling/blocksync/blocksync.h"
#include "block_sync.pb-c.h"

#define BADGES "[BLOCKSYNC]"

enum { PACKET_STATUS = 0, PACKET_REQUEST = 1, PACKET_RESPONSE = 2 };
enum { FLAG_HEADER = 8, FLAG_TRANSACTIONS = 4, FLAG_RECEIPTS = 2, FLAG_FULL = 0xfffe };
enum { TIMER_STATUS = 1, TIMER_DOWNLOAD = 2, TIMER_RETRY = 3, TIMER_ARCHIVE = 4 };
enum {
    STATUS_EVERY_MS = 2000,
    STATUS_MIN_MS = 50,
    DOWNLOAD_MS = 1600,
    RETRY_MS = 20,
    DIVERGENT_RETRY_MS = 30000,
    BAD_PEER_MS = 30000, /* a peer whose block did not hold is not asked and not heard */
    SLOW_PEER_MS = 10000,
    PROGRESS_MS = 5000,
    STUCK_MS = 3000, /* so long consensus may take for a block that others have: a view's time-out */
};
enum {
    PEERS_MAX = 1024,
    WINDOW = 256,      /* downloaded blocks kept */
    WINDOW_BYTES_MAX = 128 << 20, /* of them; the next one is kept all the same */
    AHEAD_MAX = 32,    /* blocks executed beyond the ledger: many small ones share a write ... */
    AHEAD_TXS_MAX = 10000, /* ... large ones are few; the next one is executed all the same */
    RECOVER_AHEAD = 16, /* blocks whose senders are recovered before their turn ... */
    RECOVER_TXS_MAX = 4000, /* ... and their transactions; as above */
    SHARD = 8,
    SERVE_PER_PEER = 1000,
    SERVE_LOADS_MAX = 8,
    PROGRESS_LAG = 20, /* blocks behind the highest one: a node that catches up */
    ARCHIVE_BATCH = 64,
    ARCHIVE_BYTES_MAX = 64 << 20,
};

/* A block to send, and which parts of it. */
typedef struct {
    int64_t number;
    int32_t flags;
} want_t;

/* What no honest peer says; sums of less do not overflow. */
#define TIME_MAX   ((int64_t)1 << 53) /* ms */
#define NUMBER_MAX ((int64_t)1 << 53)

typedef struct {
    bc_nodeid_t id;
    bool in_group;
    bool connected;
    int64_t number; /* -1: no status yet */
    int64_t archived;
    bc_h256_t hash;
    int64_t clock_offset; /* ms */
    bool clock_known;
    want_t *wanted; /* ascending numbers; at most c.serve_max */
    size_t wanted_cnt;
    int64_t bad_until; /* mono ms */
    bool asked;         /* for blocks, and has sent none since */
    int64_t slow_until; /* mono ms: others are asked first */
} peer_t;

typedef enum { SLOT_FREE, SLOT_WAITING, SLOT_RECOVERING, SLOT_READY } slot_state_t;

/* A downloaded block. */
typedef struct {
    slot_state_t state;
    int64_t number;
    bc_nodeid_t from;
    bc_hdr_t *header;
    bc_txs_t *txs;
    size_t bytes;
    bool checked; /* signatures of a quorum in force */
} slot_t;

typedef struct {
    uint64_t token;
    bc_nodeid_t node;
    int64_t number;
} load_t;

/* Transactions and receipts of an archived block. */
typedef struct {
    int64_t number;
    bc_nodeid_t from;
    bc_buf_t *data; /* Tars Block; NULL: free */
} restore_t;

/* Since when and how fast this node catches up. */
typedef struct {
    bool on;
    int64_t from, since_ms; /* where it began */
    int64_t number, at_ms;  /* at the latest line */
    int64_t rate_tenths, seconds_left;
} progress_t;

typedef struct {
    bc_blocksync_config_t c;
    const bc_now_t *now;
    bc_out_t *out;
    bc_ledger_config_t *config;
    peer_t *peers;
    size_t peer_cnt;

    int64_t committed, executed;
    int64_t known_highest;
    bc_h256_t known_hash;
    int64_t behind_since; /* mono ms: the next block is known to be at a peer; -1: it is not */
    int64_t consensus_index;
    bool consensus_timeout;

    slot_t slots[WINDOW]; /* by number % WINDOW */
    size_t slot_bytes;
    bool downloading;
    int64_t requested_to;  /* highest number asked for */
    int64_t executing;     /* number at the scheduler, 0: none */
    size_t ahead_txs[AHEAD_MAX]; /* of blocks that are executed and not in the ledger, by number */
    int64_t wait_commit;   /* a system block that must be written before the next one executes */
    int64_t divergent;
    int64_t doubted;          /* executed to another result than the signed one, 0: none */
    bc_h256_t doubted_bounds; /* of the transactions that were executed then */
    int64_t retry_at;      /* mono ms before which nothing is executed */
    bool retry_armed;
    uint64_t rotate;       /* spreads requests */
    int64_t told_highest;

    progress_t progress;

    int64_t archived;
    restore_t restores[ARCHIVE_BATCH]; /* by number % ARCHIVE_BATCH */
    size_t restore_bytes;
    int64_t restoring; /* number at the host, 0: none */
    bc_nodeid_t restoring_from;
    bool archive_armed;

    load_t loads[SERVE_LOADS_MAX];
    size_t load_cnt;
    uint64_t next_token;

    int64_t status_sent_at;
    bool status_soon; /* the status timer is set to go off early */
    int64_t told_offset;
} sync_t;

/* blocksync.c */
peer_t *peer_find(sync_t *s, const bc_nodeid_t *id);
void sync_send(sync_t *s, const bc_nodeid_t *to, const BcPb__BlockSyncMessage *msg);
void sync_timer(sync_t *s, int64_t id, int64_t after_ms);
/* The peer sent what it should not have: nothing is asked of it for a while. */
void peer_bad(sync_t *s, const bc_nodeid_t *id);

/* blocksync_download.c */
void download_try(sync_t *s);
void download_response(sync_t *s, const bc_nodeid_t *from, const BcPb__BlockSyncMessage *msg);
void download_recovered(sync_t *s, bc_msg_t *in);
void download_executed(sync_t *s, bc_msg_t *in);
void download_commit_done(sync_t *s, bc_msg_t *in);
void download_committed(sync_t *s);
void download_apply(sync_t *s);
void download_timeout(sync_t *s);
void slot_clear(sync_t *s, slot_t *slot);
/* The next peer in turn that has the block and is not bad, a slow one only when there is no other;
 * NULL: none. */
peer_t *pick(sync_t *s, int64_t number);
void request(sync_t *s, peer_t *p, int64_t from, int64_t cnt, int64_t interval, int32_t flags);

/* blocksync_archive.c */
void archive_start(sync_t *s); /* also when the archived number has changed */
void archive_timer(sync_t *s);
void archive_response(sync_t *s, const bc_nodeid_t *from, const BcPb__BlockSyncMessage *msg);
void archive_done(sync_t *s, bc_msg_t *in);
void archive_free(sync_t *s);

/* blocksync_serve.c */
void serve_request(sync_t *s, peer_t *p, const BcPb__BlockSyncMessage *msg);
void serve_loaded(sync_t *s, bc_msg_t *in);
void serve_next(sync_t *s);

#endif
