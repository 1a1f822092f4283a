/* Blocks of ERC-20 transfers, serial and with two workers: independent ones (every sender and
 * receiver occurs once) and conflicting ones (one sender). Prints the best time of each and the
 * ratios. Time by the clock means something on idle cores only; processor time of all threads tells
 * what parallel execution costs on top, on any machine. Arguments: [workers] [rounds]. */
#include <time.h>

#include "computing/executor/fixture.h"
#include "computing/executor/token_code.h"

#define TXS 2000u

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void transfer(fx_t *f, const bc_addr_t *from, unsigned to_n, const bc_addr_t *token)
{
    bc_addr_t to = fx_addr(to_n);
    fx_input_t in = fx_input(f, "transfer(address,uint256)");
    fx_addr_word(&in, &to);
    fx_u64(&in, 1);
    fx_tx(f, from, token, bc_bytes(in.b, in.n));
}

/* Everybody who is going to send gets some tokens. */
static bc_addr_t set_up(fx_t *f)
{
    bc_bytes_t code = fx_unhex(token_code_hex);
    bc_addr_t owner = fx_addr(1);
    uint8_t *init = malloc(code.n + 32);
    memcpy(init, code.p, code.n);
    memset(init + code.n, 0, 32);
    memset(init + code.n + 16, 0xff, 16);
    fx_tx(f, &owner, NULL, bc_bytes(init, code.n + 32));
    BC_MUST(fx_run(f) == BC_OK && f->res->receipts[0].data.status == 0);
    bc_addr_t token = bc_addr_parse(f->res->receipts[0].data.contract_address);
    for (unsigned i = 0; i < TXS; i++)
        transfer(f, &owner, 10000 + i, &token);
    BC_MUST(fx_run(f) == BC_OK && f->res->receipts[TXS - 1].data.status == 0);
    free(init);
    free((void *)(uintptr_t)code.p);
    return token;
}

typedef struct {
    double wall, cpu; /* us; of all threads */
} cost_t;

static void keep_best(bc_executor_if x, const bc_exec_block_t *in, cost_t *best)
{
    bc_exec_result_t *res = NULL;
    double wall = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    BC_MUST(x.ops->execute(x.self, in, &res) == BC_OK);
    wall = now(CLOCK_MONOTONIC) - wall;
    cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    BC_MUST(res->receipts[TXS - 1].data.status == 0);
    if (best->wall == 0 || wall < best->wall)
        best->wall = wall;
    if (best->cpu == 0 || cpu < best->cpu)
        best->cpu = cpu;
    bc_exec_result_free(res);
}

static void compare(fx_t *f, bc_executor_if parallel, int rounds, const char *what)
{
    bc_exec_block_t in = { { &fx_ops, f }, f->number, 1700000000000, 0x03100000, f->txs, f->tx_cnt };
    cost_t serial = { 0 }, best = { 0 };
    for (int i = 0; i < rounds; i++) {
        keep_best(f->exec, &in, &serial);
        keep_best(parallel, &in, &best);
    }
    printf("%-12s serial %.2f us, parallel %.2f us a transaction: %.2f times as fast;"
           " processor time %.2f and %.2f us: %.2f times as much\n", what, serial.wall / TXS,
           best.wall / TXS, serial.wall / best.wall, serial.cpu / TXS, best.cpu / TXS, best.cpu / serial.cpu);
    while (f->tx_cnt)
        bc_tx_unref(f->txs[--f->tx_cnt]);
}

int main(int argc, char **argv)
{
    size_t workers = argc > 1 ? (size_t)atoi(argv[1]) : 2;
    int rounds = argc > 2 ? atoi(argv[2]) : 40;
    fx_t *f = fx_new(BC_SUITE_STANDARD);
    bc_addr_t token = set_up(f);
    bc_executor_t *e = bc_executor_new(&(bc_executor_config_t){ .suite = f->suite, .workers = workers });
    BC_MUST(e);
    for (unsigned i = 0; i < TXS; i++) {
        bc_addr_t from = fx_addr(10000 + i);
        transfer(f, &from, 50000 + i, &token);
    }
    compare(f, bc_executor_local(e), rounds, "independent");
    for (unsigned i = 0; i < TXS; i++) {
        bc_addr_t from = fx_addr(1);
        transfer(f, &from, 50000 + i, &token);
    }
    compare(f, bc_executor_local(e), rounds, "conflicting");
    bc_executor_free(e);
    fx_free(f);
    return 0;
}
