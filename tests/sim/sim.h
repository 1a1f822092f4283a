/* A cluster of whole cores in one thread on virtual time.
 *
 * Each node is the real six actors; the host model below them has a network that delays,
 * reorders, loses, duplicates and splits, a disk whose writes are durable only when their
 * completion is due, a toy executor (a hash over the transactions) and a clock of its own. A crash
 * throws away everything but what the disk holds. Everything follows from the seed.
 *
 * What no schedule may break is checked all the time (spec/30 §3.12); the first breach ends the
 * run with a sentence in sim_failure(). */
#ifndef BC_SIM_H
#define BC_SIM_H

#include "iface/actor.h"
#include "scheduling/pbft/pbft.h"

#define SIM_NODES_MAX 16

typedef struct {
    uint64_t seed;
    int sealers, observers;
    bool real_crypto;     /* else a keyed hash stands for signatures */
    bool trees;           /* sync.send_txs_by_tree and sync_block_by_tree */
    bool membership;      /* system transactions change the sealer list and the weights */
    bool forget_votes;    /* restart without our record: an official data directory */
    bool nameless;        /* proposals need not name their transactions: official leaders do not */
    int64_t delay_ms;     /* of a frame: 1 .. delay_ms, rarely ten times as much */
    double loss, dup;     /* of a frame */
    int64_t disk_ms;      /* of a synced write: 0 .. disk_ms */
    int64_t skew_ms;      /* of wall clocks: -skew .. skew */
    uint64_t leader_period, tx_count_limit;
    uint64_t weights[SIM_NODES_MAX]; /* 0: 1 */
    bool byzantine;                  /* bad nodes, of at most f of the weight (byz.c) */
    uint32_t bad;                    /* the bad ones; 0: the seed chooses */
    unsigned tricks;                 /* of the bad ones, SIM_TRICK_*; 0: the seed chooses */
    int64_t expiration_ms;           /* of transactions in the pool; 0: 60000 */
    bool injects; /* the test says things in honest nodes' names: no reasons are asked for */
    bool verbose;
} sim_options_t;

/* What a bad node does. Its messages are real bytes under its own key; it has a whole core whose
 * frames are changed on their way out, and makes others by itself. */
enum {
    SIM_TRICK_EQUIVOCATE = 1 << 0, /* two proposals at one height, malformed, stale, secret ones */
    SIM_TRICK_VOTES = 1 << 1,  /* votes for several hashes, in others' names, with bad signatures */
    SIM_TRICK_PROOFS = 1 << 2, /* view changes with forged, repeated or inflated proofs; lies to who
                                * lacks a block */
    SIM_TRICK_NEWVIEW = 1 << 3,  /* NewViews that nobody asked for, with wrong lists; false views */
    SIM_TRICK_FAR = 1 << 4,      /* views and heights far ahead, extreme numbers */
    SIM_TRICK_WITHHOLD = 1 << 5, /* no answers to some; no gossip */
    SIM_TRICK_REPLAY = 1 << 6,   /* old frames again */
    SIM_TRICK_GARBAGE = 1 << 7,
    SIM_TRICK_SYNC = 1 << 8, /* lying statuses and blocks, oversized requests */
    SIM_TRICK_TXS = 1 << 9,  /* floods, bad signatures, transactions that are on the chain */
    SIM_TRICK_STARVE = 1 << 10,    /* one node never gets its proposals, nobody its commits or answers;
                                    * it claims to hold the newest proof of what that node lacks */
    SIM_TRICK_ALL = (1 << 11) - 1
};

typedef struct sim sim_t;

sim_t *sim_new(const sim_options_t *o) BC_WARN_UNUSED; /* all nodes down at time 0 */
void sim_free(sim_t *s);
const char *sim_failure(const sim_t *s); /* NULL: all is well so far; begins with [the check] */
/* Of everything that left a node, was written or answered, with its time: equal for equal runs. */
uint64_t sim_digest(const sim_t *s);
uint64_t sim_steps(const sim_t *s);
int64_t sim_now(const sim_t *s);
uint64_t sim_random(sim_t *s, uint64_t below);

void sim_start(sim_t *s, int node); /* from what its disk holds */
void sim_crash(sim_t *s, int node);
bool sim_up(const sim_t *s, int node);
/* Nodes of different groups do not hear each other; bit i of group: node i is on the other side. */
void sim_partition(sim_t *s, uint32_t group);
/* node no longer hears those of mask, who do not notice; 0: it hears all. */
void sim_deafen(sim_t *s, int node, uint32_t mask);
/* Consensus messages of the types in mask are lost on the way to node. */
void sim_miss(sim_t *s, int node, uint32_t types);
void sim_set_network(sim_t *s, double loss, double dup, int64_t delay_ms);
/* A client sends cnt fresh transactions to node. system: to a system contract, every other time
 * written with 0x as SDKs do, which makes it no system transaction by the chain's rule. */
void sim_submit(sim_t *s, int node, int cnt, bool system);
/* At once one transaction to node and another one of the same nonce to other; one_hash: which has the
 * same hash, too (docs/notes/0024). */
void sim_submit_rivals(sim_t *s, int node, int other, bool one_hash);
/* Runs until virtual time t or a failure. */
void sim_run_until(sim_t *s, int64_t t);
/* Runs until all running nodes reach number, at most until time t. True when they did. */
bool sim_run_to_height(sim_t *s, int64_t number, int64_t t);

int64_t sim_height(const sim_t *s, int node); /* on its disk */
int64_t sim_highest(const sim_t *s);          /* of honest nodes */
bool sim_bad(const sim_t *s, int node);
void sim_block_hash(const sim_t *s, int node, int64_t number, bc_h256_t *out);
size_t sim_block_txs(const sim_t *s, int node, int64_t number);
void sim_pbft(const sim_t *s, int node, bc_pbft_status_t *out);
uint64_t sim_delivered(const sim_t *s, int node); /* messages inside the core */
uint64_t sim_frames(const sim_t *s, uint16_t module); /* sent to one receiver each */

/* A test may look at, change (return a new one) or drop (NULL) a consensus payload on its way;
 * data is borrowed. Without a hook everything passes. */
typedef bc_buf_t *(*sim_hook_fn)(void *ctx, int from, int to, bc_buf_t *data);
void sim_hook(sim_t *s, sim_hook_fn fn, void *ctx);
/* Gives a payload of a module (BC_MODULE_*) to node `to` at once, as if `from` had sent it. */
void sim_inject(sim_t *s, uint16_t module, int from, int to, bc_bytes_t payload);
const bc_keypair_t *sim_key(const sim_t *s, int node);

/* One random schedule of faults, then healing; returns NULL or what went wrong. Bad nodes go on
 * after the healing. */
const char *sim_scenario(sim_t *s, unsigned faults);
enum {
    SIM_FAULT_NET = 1,      /* loss, delay, duplicates, reordering */
    SIM_FAULT_CRASH = 2,    /* unsynced writes are lost */
    SIM_FAULT_SPLIT = 4,    /* partitions, also one-way */
    SIM_FAULT_SKEW = 8,     /* wall clocks */
    SIM_FAULT_DISK = 16,    /* writes and commits take up to two seconds */
    SIM_FAULT_MEMBERS = 32, /* sealers join, leave, change their weight */
    SIM_FAULT_BYZ = 64,
    SIM_FAULT_ALL = 127
};
/* Everything but sealers (nodes 0: the seed's number) and faults follows from the seed. Real
 * signatures with seeds of remainder 7 by 10, that is 10 %, of any size. */
void sim_options_from_seed(uint64_t seed, int nodes, unsigned faults, sim_options_t *o);

#endif
