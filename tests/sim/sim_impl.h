#ifndef BC_SIM_IMPL_H
#define BC_SIM_IMPL_H

#include "apps/core/core.h"
#include "base/map.h"
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
} sim_layer_t;

typedef struct {
    sim_t *world;
    int i;
    bc_keypair_t key;
    bc_core_t *core;
    bc_actor_if actors[BC_ACTOR_CNT];
    uint64_t epoch;
    bool observer, dirty;
    int64_t skew;
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
} sim_node_t;

typedef struct {
    int32_t kind, node;
    int64_t index, view;
} fact_key_t;

typedef struct {
    fact_key_t key;
    bc_h256_t hash;
    uint32_t mask;
} fact_t;

enum { FACT_PREPARE, FACT_COMMIT, FACT_PROPOSE, FACT_VIEW_HASH, FACT_DECIDED, FACT_LOCK, FACT_BLOCK };

struct sim {
    sim_options_t o;
    uint64_t rng[2];
    int64_t now;
    uint64_t seq, steps, gen;
    event_t **heap;
    size_t heap_cnt, heap_cap;
    sim_node_t nodes[SIM_NODES_MAX];
    int cnt;
    uint32_t group;
    uint64_t txs_made;
    bc_map_t facts;
    bc_map_t chain_txs; /* hashes on the chain */
    char failure[256];
    uint64_t frames[8192];
    sim_hook_fn hook;
    void *hook_ctx;
    bc_h256_t genesis_hash, genesis_root;
    bool sign_cheap;
};

void sim_fail(sim_t *s, const char *fmt, ...) BC_PRINTF(2, 3);
event_t *sim_at(sim_t *s, int64_t delay, int node, void (*fn)(sim_t *, event_t *));
/* host.c */
void host_message(void *ctx, bc_msg_t *m);
void host_crash(sim_node_t *n);
void host_send_frame(sim_node_t *n, uint16_t module, bc_msg_t *m);
bc_ledger_config_t *host_config(sim_node_t *n);
void disk_free(sim_disk_t *d);
/* check.c */
void check_frame(sim_node_t *n, const bc_msg_t *m);
void check_commit(sim_node_t *n, int64_t number, const bc_hdr_t *h, const bc_txs_t *txs);
void check_node(sim_node_t *n);
void check_free(sim_t *s);
/* The sealers that the block after height is judged by, as node numbers; returns how many. */
int sim_sealers_after(const sim_node_t *n, int64_t height, int out[SIM_NODES_MAX]);
uint64_t sim_weight(const sim_t *s, int node);
uint64_t sim_quorum(const sim_t *s);

#endif
