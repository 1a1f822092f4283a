#include "storage/kv_mem/kv_mem.h"
#include "storage/kv_suite/kv_suite.h"

static bc_kv_if open_mem(void *ctx)
{
    (void)ctx;
    return bc_kv_mem_new();
}

int main(void)
{
    return bc_kv_suite_run("kv_mem", open_mem, NULL);
}
