#ifndef BC_SIM_IMPL_H
#define BC_SIM_IMPL_H

#include "apps/core/core.h"
#include "base/map.h"
#include "scheduling/blocksync/blocksync.h"
#include "scheduling/pbft/pbft_wire.h"
#include "sim.h"

typedef struct event event_t;
struct event {
    int64_t at;
    uint64_t seq;
    int node;
    uint64_t epoch; /* incarnation of the node it belongs to; 0: any */
    void (*fn)(sim_t *s, event_t *e);
    bc_msg_t *msg;
    bc_buf_t *data;
    int64_t num, num2;
    bc_nodeid_t from;
};

typedef struct {
    bc_hdr_t *header;
    bc_txs_t *txs;
    unsigned changes; /* of the sealer list, up to this block */
} sim_block_t;

typedef struct {
    char key[40];
    bc_buf_t *value;
} sim_row_t;

/* What survives a crash. */
typedef struct {
    sim_row_t *rows;
    size_t row_cnt;
    bc_tx_t **txs; /* prestored */
    size_t tx_cnt;
    sim_block_t *blocks; /* 1 .. height */
    int64_t height;
} sim_disk_t;

typedef struct {
    uint8_t actor;
    int64_t id;
    uint64_t gen;
} sim_timer_t;

typedef struct {
    int64_t number;
    bc_h256_t root;
    bool system; /* holds a system transaction */
} sim_layer_t;

/* Vote weights by node; 0: no sealer. */
typedef struct {
    uint64_t w[SIM_NODES_MAX];
} sim_conf_t;

/* A client's transaction at one node. */
typedef struct {
    bc_h256_t hash;
    int node;
    uint64_t epoch;
    int64_t at;
    bool wait; /* for the receipt, else until it is accepted */
    bool answered;
} sim_wait_t;

enum { BYZ_SEEN = 64, BYZ_TWINS = 16, BYZ_SIGS = 64 };

/* A Prepare: its signature over the proposal's hash, and that of the message, which names the view. */
typedef struct {
    int64_t index, view, time;
    bc_h256_t hash;
    int node;
    size_t len, vote_len;
    uint8_t sig[BC_SIG_MAX], vote[BC_SIG_MAX];
} sim_sig_t;

/* What a bad node remembers (byz.c). */
typedef struct {
    unsigned tricks;
    bc_buf_t *seen[BYZ_SEEN]; /* whole frames, its own and others' */
    uint16_t seen_cnt;
    bc_buf_t *vcs[SIM_NODES_MAX]; /* the last ViewChange of each, as payload */
    bc_buf_t *pre;                /* the last PrePrepare that it saw, as payload */
    struct {
        int64_t index, view;
        bc_h256_t hash;
    } twins[BYZ_TWINS]; /* second proposals that it made */
    size_t twin_cnt;
    sim_sig_t sigs[BYZ_SIGS]; /* of others under proposals */
    size_t sig_cnt;
    int64_t raised;  /* view that it said those votes again for */
    bc_buf_t *check; /* its last checkpoint, kept back until another one is seen */
    int64_t check_index, check_heard;
    struct {
        int64_t index, view, sealer;
        bc_h256_t hash;
        bc_buf_t *data;
        uint32_t told;
    } hidden;        /* a block that a quorum prepared without knowing */
    bc_tx_t *secret; /* a transaction that only its proposal names; nobody else has it */
    int64_t secret_index, secret_view;
    bool secret_holds; /* its signature */
    bool hurry;        /* what it sends now arrives first */
    int64_t lie;       /* height that its statuses claim */
} sim_byz_t;

typedef struct {
    sim_t *world;
    int i;
    bc_keypair_t key;
    bc_core_t *core;
    bc_actor_if actors[BC_ACTOR_CNT];
    uint64_t epoch;
    bool dirty;
    bool bad;
    int64_t skew, disk_ms;
    sim_disk_t disk;
    sim_timer_t timers[64];
    size_t timer_cnt;
    bc_msg_t *lane_head, *lane_tail; /* consensus lane */
    size_t lane_busy;                /* writes of its head that are on their way to the disk */
    sim_layer_t layers[128];
    size_t layer_cnt;
    uint64_t layer_gen;
    bc_msg_t *commit; /* being written */
    uint32_t told_peers;
    int64_t view_seen;
    int64_t vote_view; /* highest view that a vote of it named, in any life */
    int64_t may_enter; /* highest view that some message allowed it to enter */
    int64_t owes[SIM_NODES_MAX]; /* blocks that each has asked it for, in this life */
    uint32_t recovers; /* senders of RecoverResponses */
    int64_t recover_view[SIM_NODES_MAX];
    int64_t asked[SIM_NODES_MAX]; /* highest view that each asked it to go to, in this life */
    int64_t start_view, start_to_view; /* of its record when it started; -1: none */
    int64_t revotes, reruns;           /* heights that it must vote for, and execute, again; 0 */
    int64_t wants[SIM_NODES_MAX]; /* view changes and RecoverRequests of each, not answered yet */
    int64_t asks; /* the highest view of its view changes, or toView; as of the last look */
    int64_t late; /* a view that it precommitted in since then, below that; -1 */
    int64_t back[SIM_NODES_MAX];  /* of RecoverResponses since its view or toView changed; -1 */
    int64_t urged[SIM_NODES_MAX]; /* the last view that each honest one asked for, -1: none */
    const sim_conf_t *urged_by;   /* the list that this was under */
    bool urged_now;               /* by what it was just given */
    int64_t to_view_seen;         /* what it asks for itself; -1: not looked at in this life */
    int64_t number_seen;          /* height on its disk when it was last looked at */
    int64_t written_at;           /* when its last block was */
    int64_t moved_at;             /* when its view, or the one it asks for, last changed */
    bool sealer_seen;
    bool timer_fired; /* of consensus, since it was last looked at */
    sim_byz_t *byz;
} sim_node_t;

typedef struct {
    int32_t kind, node;
    int64_t index, view;
} fact_key_t;

typedef struct {
    fact_key_t key;
    bc_h256_t hash;
    uint32_t mask; /* of nodes */
    int64_t view;
    int64_t changes; /* of the sealer list, as known to who said it */
    bc_h256_t *txs;  /* of a block, owned */
    size_t tx_cnt;
} fact_t;

enum {
    FACT_PREPARE,
    FACT_COMMIT,
    FACT_PROPOSE,
    FACT_VIEW_HASH,
    FACT_DECIDED,
    FACT_LOCK,
    FACT_TXS,
    FACT_BLOCK,
    FACT_CHECK,
    FACT_OFFERED,
    FACT_PREPARES,
    FACT_MEANT,
    FACT_GIVEN
};

enum { SIM_CONFS = 64, SIM_POOL_LIMIT = 150, SIM_SERVE_LIMIT = 20, SIM_ROWS_MAX = 400 };

struct sim {
    sim_options_t o;
    uint64_t rng[2];
    int64_t now;
    uint64_t seq, steps, gen;
    uint64_t still; /* messages since the time last moved */
    event_t **heap;
    size_t heap_cnt, heap_cap;
    sim_node_t nodes[SIM_NODES_MAX];
    int cnt;
    uint32_t group;
    uint32_t deaf[SIM_NODES_MAX];   /* bit k: does not hear k */
    uint32_t misses[SIM_NODES_MAX]; /* bit k: consensus messages of type k do not arrive */
    uint32_t bad;
    sim_conf_t confs[SIM_CONFS]; /* by the number of changes on the chain, modulo */
    uint64_t txs_made;
    sim_wait_t *waits; /* by token, from 1 */
    size_t waits_cap;
    uint64_t open_from; /* all before are answered or void */
    uint64_t digest;
    int64_t honest_view; /* the highest that an honest node was in or asked for */
    bc_map_t facts;
    bc_map_t chain_txs; /* on the chain: hashes of transactions, and of their nonces */
    bc_map_t made;      /* transactions that somebody has made, by hash */
    char failure[256];
    uint64_t frames[8192];
    sim_hook_fn hook;
    void *hook_ctx;
    bc_h256_t genesis_hash, genesis_root;
};

/* check: what is broken, by the name it has in check.c. */
void sim_fail(sim_t *s, const char *check, const char *fmt, ...) BC_PRINTF(3, 4);
void sim_trace(const sim_t *s, const char *fmt, ...) BC_PRINTF(2, 3);
void sim_mix(sim_t *s, const void *p, size_t n);
event_t *sim_at(sim_t *s, int64_t delay, int node, void (*fn)(sim_t *, event_t *));
bool sim_chance(sim_t *s, double p);
/* host.c */
void host_message(void *ctx, bc_msg_t *m);
void host_crash(sim_node_t *n);
void host_send_frame(sim_node_t *n, uint16_t module, bc_msg_t *m);
/* One frame on its way, by the network's rules, as if from sender. */
void host_transmit(sim_node_t *n, const bc_nodeid_t *sender, int to, bc_buf_t *frame);
/* What executing an empty proposal gives, right after a block that n has. False: it lacks that. */
bool host_empty_result(const sim_node_t *n, const bc_header_t *proposal, bc_h256_t *out);
bc_ledger_config_t *host_config(sim_node_t *n);
void disk_free(sim_disk_t *d);
/* A transaction to that address changes the list. */
bool sim_changes_sealers(bc_bytes_t to);
/* check.c */
void check_frame(sim_node_t *n, const bc_msg_t *m);
void check_meant(sim_node_t *n, bc_bytes_t payload);
void check_commit(sim_node_t *n, int64_t number, const bc_hdr_t *h, const bc_txs_t *txs);
void check_execute(sim_node_t *n, const bc_hdr_t *header);
void check_turn(sim_node_t *n, const pbft_msg_t *m);
void check_given(sim_node_t *n, bc_bytes_t payload);
void check_offered(sim_t *s, int64_t index, int64_t view, const bc_h256_t *hash);
/* The list has been the same for all blocks that may have been prepared ahead of h. */
bool check_list_stands(const sim_node_t *n, int64_t h);
void check_note_tx(sim_t *s, const bc_tx_t *tx); /* somebody has made it */
void check_bounds_of(sim_t *s, bc_meta_t *m);    /* those of the one that was made first */
void check_note_block(sim_t *s, const pbft_proposal_t *w); /* the same; its hash is true */
void check_answer(sim_node_t *n, const bc_msg_t *m);
void check_node(sim_node_t *n);
bool check_waits_open(sim_t *s);
void check_free(sim_t *s);
/* check_view.c: entries into views have a reason. out: a consensus payload that the node itself is
 * about to send; in: one that was given to it. */
void check_view_out(sim_node_t *n, bc_bytes_t payload);
void check_view_commit(sim_node_t *n, const pbft_msg_t *m);
void check_view_told(sim_node_t *n, const bc_nodeid_t *to, bc_bytes_t payload);
void check_view_in(sim_node_t *n, const bc_nodeid_t *from, bc_bytes_t payload);
void check_view_entered(sim_node_t *n, int64_t view);
void check_view_asked(sim_node_t *n, const bc_pbft_status_t *st);
/* The place of who leads: the rule, apart from src/scheduling/pbft, on purpose. */
static inline int64_t sim_leader(int64_t height, int64_t view, uint64_t period, size_t cnt)
{
    return height < 0 || view < 0 ? -1
                                  : (int64_t)(((uint64_t)height / period + (uint64_t)view) % cnt);
}
bool sim_proof_holds(const sim_node_t *n, const sim_conf_t *c, const pbft_proposal_t *p);
/* check_record.c: before its core starts; the first look at it; a consensus message that leaves; what
 * it is about to send, execute, erase */
void check_record_start(sim_node_t *n);
void check_record_life(sim_node_t *n, int64_t view, int64_t to_view);
void check_record_frame(sim_node_t *n, const pbft_msg_t *m);
void check_record_out(sim_node_t *n, bc_bytes_t payload);
void check_record_executes(sim_node_t *n, int64_t number);
void check_record_erased(sim_node_t *n, const char *key);
int64_t check_lock_view(const sim_node_t *n, int64_t index); /* of its last precommit; -1: none */
bool check_lock_void(const sim_node_t *n, int64_t index); /* its precommit binds nobody */
bool check_record_max(const sim_node_t *n, int64_t index);
/* check_sync.c: of block sync's payloads that reach or leave a node, what it reads and holds */
void check_sync_in(sim_node_t *n, const bc_nodeid_t *from, bc_bytes_t payload);
void check_sync_out(sim_node_t *n, int to, bc_bytes_t payload);
void check_sync_load(sim_node_t *n, const bc_msg_t *m);
void check_sync_node(sim_node_t *n, const bc_blocksync_status_t *st);
/* byz.c */
void byz_start(sim_node_t *n);
void byz_free(sim_node_t *n);
/* True: its core does not get it. */
bool byz_saw(sim_node_t *n, const bc_nodeid_t *from, bc_buf_t *frame);
/* True: it has seen to the frame itself. */
bool byz_sends(sim_node_t *n, uint16_t module, int to, bc_buf_t *frame);

/* The type of a consensus payload by its first bytes, as the encoder writes them: only few are worth
 * decoding for a look. A type of 0, PrePrepare, is not written. */
static inline int sim_pbft_type(bc_bytes_t payload)
{
    return payload.n > 1 && payload.p[0] == 0x10 ? payload.p[1] : 0;
}

/* What the block after height is judged by. */
const sim_conf_t *sim_conf_after(const sim_node_t *n, int64_t height);
int sim_conf_list(const sim_conf_t *c,
                  int out[SIM_NODES_MAX]);         /* sealers as node numbers, in order */
int sim_conf_index(const sim_conf_t *c, int node); /* -1: no sealer */
uint64_t sim_conf_quorum(const sim_conf_t *c, uint64_t *faulty); /* faulty may be NULL */
uint64_t sim_conf_weight(const sim_conf_t *c, uint32_t mask);

#endif
