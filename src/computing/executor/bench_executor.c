/* Cost of an ERC-20 transfer inside a block: execution, receipt, roots; no signatures, no store
 * beyond a map in memory. */
#include <time.h>

#include "computing/executor/fixture.h"
#include "computing/executor/token_code.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

int main(void)
{
    enum { TXS = 1000, BLOCKS = 20, USERS = 4000 };
    fx_t *f = fx_new(BC_SUITE_STANDARD);
    bc_bytes_t code = fx_unhex(token_code_hex);
    bc_addr_t owner = fx_addr(1), token;
    uint8_t *init = malloc(code.n + 32);
    memcpy(init, code.p, code.n);
    memset(init + code.n, 0, 32);
    memset(init + code.n + 16, 0xff, 16);
    fx_tx(f, &owner, NULL, bc_bytes(init, code.n + 32));
    BC_MUST(fx_run(f) == BC_OK && f->res->receipts[0].data.status == 0);
    token = bc_addr_parse(f->res->receipts[0].data.contract_address);
    double total = 0;
    for (int b = 0; b < BLOCKS; b++) {
        for (unsigned i = 0; i < TXS; i++) {
            bc_addr_t to = fx_addr(100 + (unsigned)rand() % USERS);
            fx_input_t in = fx_input(f, "transfer(address,uint256)");
            fx_addr_word(&in, &to);
            fx_u64(&in, 1);
            fx_tx(f, &owner, &token, bc_bytes(in.b, in.n));
        }
        bc_exec_block_t in = { { &fx_ops, f }, f->number, 1700000000000, 0x03100000, f->txs, f->tx_cnt };
        bc_exec_result_t *res = NULL;
        double t = now();
        BC_MUST(f->exec.ops->execute(f->exec.self, &in, &res) == BC_OK);
        total += now() - t;
        BC_MUST(res->receipts[TXS - 1].data.status == 0);
        bc_exec_result_free(res);
        BC_MUST(fx_run(f) == BC_OK);
    }
    printf("ERC-20 transfer: %.2f us each (%d blocks of %d, receipts and roots included)\n",
           total / (BLOCKS * TXS), BLOCKS, TXS);
    free(init);
    free((void *)(uintptr_t)code.p);
    fx_free(f);
    return 0;
}
