/* Options and report. */
#include "bench/bench.h"
#include <getopt.h>
#include <stdlib.h>
#include <time.h>
#include "codec/json.h"
#include "management/nodeconf/nodeconf.h"

static const char usage[] =
    "usage: cbcos bench [transfer|set|native] [OPTION...]\n"
    "\n"
    "Makes keys, deploys a contract, signs in advance, sends, and tells what came of it.\n"
    "\n"
    "  --dir DIR          folder that holds node0.. and sdk (default ./nodes/127.0.0.1)\n"
    "  --over WAY         ws (SDK WebSocket, default), http (SDK port), web3\n"
    "  --count N          transactions (default 20000)\n"
    "  --rate N           per second; 0: as fast as answers come (default)\n"
    "  --connections N    spread over the nodes (default: 2 a node, 64 over HTTP)\n"
    "  --nodes N          send to the first N nodes only\n"
    "  --accounts N       senders (default 32)\n"
    "  --window N         requests under way over WebSocket, all connections (default 4000)\n"
    "  --json             one JSON object instead of the table\n"
    "  --help\n"
    "\n"
    "Workloads: transfer (ERC-20), set (one slot), native (a plain transaction, no code).\n"
    "On a chain with SM cryptography: set and native.\n"
    "The cost is CPU time of the node processes, against one signature recovery measured here.\n";

static bool number(const char *text, size_t min, size_t max, const char *name, size_t *out)
{
    char *end;
    unsigned long long v = strtoull(text, &end, 10);
    if (*end || end == text || v < min || v > max) {
        fprintf(stderr, "bench: --%s takes a number from %zu to %zu, not %s\n", name, min, max, text);
        return false;
    }
    *out = (size_t)v;
    return true;
}

static bool parse(bench_t *b, int argc, char **argv, int *exit_code)
{
    enum { O_DIR, O_OVER, O_COUNT, O_RATE, O_CONNS, O_NODES, O_ACCOUNTS, O_WINDOW, O_JSON, O_HELP };
    static const struct option options[] = {
        { "dir", 1, 0, O_DIR },         { "over", 1, 0, O_OVER },
        { "count", 1, 0, O_COUNT },     { "rate", 1, 0, O_RATE },
        { "connections", 1, 0, O_CONNS }, { "nodes", 1, 0, O_NODES },
        { "accounts", 1, 0, O_ACCOUNTS }, { "window", 1, 0, O_WINDOW },
        { "json", 0, 0, O_JSON },       { "help", 0, 0, O_HELP },
        { 0 },
    };
    *exit_code = 2;
    for (int o; (o = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        bool ok = true;
        switch (o) {
        case O_DIR: b->dir = optarg; break;
        case O_OVER:
            ok = strcmp(optarg, "ws") == 0 || strcmp(optarg, "http") == 0 ||
                 strcmp(optarg, "web3") == 0;
            b->over = optarg[0] == 'h' ? OVER_HTTP : optarg[1] == 'e' ? OVER_WEB3 : OVER_WS;
            if (!ok)
                fprintf(stderr, "bench: --over takes ws, http or web3, not %s\n", optarg);
            break;
        case O_COUNT: ok = number(optarg, 1, 100000000, "count", &b->count); break;
        case O_RATE: ok = number(optarg, 0, 10000000, "rate", &b->rate); break;
        case O_CONNS: ok = number(optarg, 1, BENCH_CONNS_MAX, "connections", &b->conns); break;
        case O_NODES: ok = number(optarg, 1, BENCH_NODES_MAX, "nodes", &b->only); break;
        case O_ACCOUNTS: ok = number(optarg, 1, 100000, "accounts", &b->accounts); break;
        case O_WINDOW: ok = number(optarg, 1, 1000000, "window", &b->window); break;
        case O_JSON: b->json = b->quiet = true; break;
        case 'h':
        case O_HELP:
            fputs(usage, stdout);
            *exit_code = 0;
            return false;
        default: ok = false; break;
        }
        if (!ok) {
            fputs("cbcos bench --help tells more.\n", stderr);
            return false;
        }
    }
    static const char *const works[] = { "transfer", "set", "native" };
    for (size_t i = 0; optind < argc && i < BC_ARRAY_LEN(works); i++) {
        if (strcmp(argv[optind], works[i]) == 0) {
            b->work = (bench_work_t)i;
            optind++;
            i = (size_t)-1;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "bench: no such workload: %s\n", argv[optind]);
        return false;
    }
    return true;
}

typedef struct {
    double cpu_ms, per_tx_ms, disk_per_tx;
    double ratio; /* of all nodes' CPU per transaction to as many floors */
} cost_t;

static cost_t cost(const bench_t *b, const bench_result_t *r)
{
    cost_t c = { 0 };
    size_t cnt = 0;
    double txs = (double)BC_MAX(r->committed + r->failed, (size_t)1);
    for (size_t i = 0; i < b->node_cnt; i++) {
        c.cpu_ms += b->nodes[i].cpu_ms[1] - b->nodes[i].cpu_ms[0];
        c.disk_per_tx += (double)b->nodes[i].disk[1] - (double)b->nodes[i].disk[0];
        cnt += b->nodes[i].pid >= 0;
    }
    c.per_tx_ms = c.cpu_ms / txs;
    c.disk_per_tx /= txs * (double)b->node_cnt;
    if (cnt && b->floor_us > 0)
        c.ratio = c.per_tx_ms * 1000.0 / (b->floor_us * (double)cnt);
    return c;
}

static void report_text(const bench_t *b, const bench_result_t *r)
{
    cost_t c = cost(b, r);
    printf("committed         %zu of %zu in %.2f s, %ld blocks\n", r->committed, r->sent, r->seconds,
           (long)r->blocks);
    printf("failed            %zu", r->failed);
    if (r->failed)
        printf(", the first one with status %d", r->failed_status);
    printf("\nrefused           %zu\nnever answered    %zu\n", r->refused, r->never);
    printf("rate              %.0f tx/s\n", r->tps);
    printf("latency           p50 %.1f ms, p90 %.1f ms, p99 %.1f ms, max %.1f ms\n",
           (double)r->p50_us / 1e3, (double)r->p90_us / 1e3, (double)r->p99_us / 1e3,
           (double)r->max_us / 1e3);
    printf("signature floor   %.1f us (one recovery, one thread, before the load)\n", b->floor_us);
    printf("CPU per tx        %.4f ms over %zu nodes = %.2f x the floor per node\n", c.per_tx_ms,
           b->node_cnt, c.ratio);
    for (size_t i = 0; i < b->node_cnt; i++) {
        const bench_node_t *n = &b->nodes[i];
        if (n->pid < 0)
            printf("  node%zu           not running on this machine\n", i);
        else
            printf("  node%zu           %.4f ms/tx, peak resident %.1f MB, data %.1f MB\n", i,
                   (n->cpu_ms[1] - n->cpu_ms[0]) / (double)BC_MAX(r->committed + r->failed, (size_t)1),
                   (double)n->rss_peak / 1e6, (double)n->disk[1] / 1e6);
    }
    printf("disk per tx       %.0f bytes per node\n", c.disk_per_tx);
}

static void report_json(const bench_t *b, const bench_result_t *r)
{
    cost_t c = cost(b, r);
    printf("{\"committed\":%zu,\"sent\":%zu,\"failed\":%zu,\"failed_status\":%d,\"refused\":%zu,"
           "\"never\":%zu,"
           "\"seconds\":%.3f,\"tps\":%.1f,\"blocks\":%ld,"
           "\"latency_ms\":{\"p50\":%.2f,\"p90\":%.2f,\"p99\":%.2f,\"max\":%.2f},"
           "\"floor_us\":%.2f,\"cpu_ms_per_tx\":%.5f,\"ratio_to_floor_per_node\":%.3f,"
           "\"disk_bytes_per_tx\":%.0f,\"nodes\":[",
           r->committed, r->sent, r->failed, r->failed_status, r->refused, r->never, r->seconds, r->tps,
           (long)r->blocks, (double)r->p50_us / 1e3, (double)r->p90_us / 1e3,
           (double)r->p99_us / 1e3, (double)r->max_us / 1e3, b->floor_us, c.per_tx_ms, c.ratio,
           c.disk_per_tx);
    for (size_t i = 0; i < b->node_cnt; i++)
        printf("%s{\"cpu_ms\":%.1f,\"rss_peak\":%lu,\"disk\":%lu}", i ? "," : "",
               b->nodes[i].cpu_ms[1] - b->nodes[i].cpu_ms[0], (unsigned long)b->nodes[i].rss_peak,
               (unsigned long)b->nodes[i].disk[1]);
    printf("]}\n");
}

/* The ERC-20 contract is compiled with keccak selectors; those of an SM chain are SM3 hashes. */
static bool workload_fits(const bench_t *b)
{
    bool fits = b->work != WORK_TRANSFER || b->chain.suite == BC_SUITE_STANDARD;
    if (!fits)
        fprintf(stderr, "bench: no transfer on a chain with SM cryptography; take set or native\n");
    return fits;
}

int bc_bench_main(int argc, char **argv)
{
    bench_t *b = bc_xcalloc(1, sizeof *b);
    b->dir = "nodes/127.0.0.1";
    b->count = 20000;
    b->accounts = 32;
    b->window = 4000;
    b->seed = (uint64_t)time(NULL);
    int code;
    if (!parse(b, argc, argv, &code)) {
        free(b);
        return code;
    }
    bench_result_t r = { 0 };
    code = 1;
    if (nodes_find(b) && workload_fits(b)) {
        /* HTTP carries few requests at a time per connection, and blocks are full of them */
        if (!b->conns)
            b->conns = BC_MIN((b->over == OVER_WS ? 2 : 64) * (b->only ? b->only : b->node_cnt),
                              (size_t)BENCH_CONNS_MAX);
        b->floor_us = signature_floor(b->chain.suite);
        if (accounts_make(b) && bench_run(b, &r)) {
            if (b->json)
                report_json(b, &r);
            else
                report_text(b, &r);
            code = r.never || r.refused || r.committed + r.failed != r.sent ? 1 : 0;
        }
    }
    for (size_t i = 0; b->keys && i < b->accounts; i++)
        bc_keypair_wipe(&b->keys[i]);
    free(b->keys);
    free(b->addrs);
    bc_chainconf_free(&b->chain);
    free(b);
    return code;
}
