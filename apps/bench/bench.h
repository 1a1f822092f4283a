/* `cbcos bench`: loads a chain through its public ports and says what a transaction costs. */
#ifndef BC_APPS_BENCH_H
#define BC_APPS_BENCH_H

#include <stdio.h>
#include "base/map.h"
#include "client/client.h"
#include "iface/chain_config.h"
#include "protocol/tx.h"

int bc_bench_main(int argc, char **argv);

typedef enum { WORK_TRANSFER, WORK_SET, WORK_NATIVE } bench_work_t;
typedef enum { OVER_WS, OVER_HTTP, OVER_WEB3 } bench_over_t;

enum { BENCH_NODES_MAX = 64, BENCH_CONNS_MAX = 256 };

typedef struct {
    char dir[4096];     /* absolute */
    char host[64];
    uint16_t rpc_port, web3_port;
    bool ssl, sm, web3;
    long pid; /* -1: not running here */
    /* before and after the load */
    double cpu_ms[2];
    uint64_t disk[2], rss_peak;
} bench_node_t;

typedef struct {
    const char *dir; /* holds node0.. and sdk/ */
    bench_work_t work;
    bench_over_t over;
    size_t count, rate, conns, accounts, window;
    uint64_t seed;
    bool json, quiet;
    size_t only; /* send to this many of the nodes; 0: all */

    bc_chain_config_t chain;
    bench_node_t nodes[BENCH_NODES_MAX];
    size_t node_cnt;

    bc_keypair_t *keys;
    bc_addr_t *addrs;
    char contract[41]; /* hex40 */
    double floor_us;   /* CPU of one signature recovery */
} bench_t;

/* One signed request, ready to send. */
typedef struct {
    char *json;
    uint32_t n;
    int64_t sent_us, done_us; /* 0: not yet */
    int32_t status;           /* receipt status, pool code, or -1 refused */
    bc_h256_t hash;
} bench_req_t;

typedef struct {
    size_t sent, committed, failed, refused, never;
    int32_t failed_status; /* of the first that failed: of its receipt, or of the pool */
    double seconds;
    int64_t p50_us, p90_us, p99_us, max_us;
    double tps;
    int64_t blocks;
} bench_result_t;

/* nodes.c */
bool nodes_find(bench_t *b);            /* reads the configurations; prints what is wrong */
void nodes_measure(bench_t *b, int at); /* 0 before, 1 after */
double signature_floor(bc_suite_t suite);

/* requests.c */
bool accounts_make(bench_t *b);
/* JSON of one request; id is its number. to: hex40, "" creates. */
bool request_make(const bench_t *b, size_t account, uint64_t nonce, const char *to, bc_bytes_t input,
                  int64_t block_limit, uint64_t id, bench_req_t *out);
void input_make(const bench_t *b, size_t i, bc_wr_t *out); /* of request i of the workload */
void input_mint(const bench_t *b, size_t account, bc_wr_t *out);
int64_t now_us(void);

/* run.c */
bool bench_run(bench_t *b, bench_result_t *out);

#endif
