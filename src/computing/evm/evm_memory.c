#include <stdlib.h>
#include <sys/mman.h>
#include "base/clock.h"
#include "computing/evm/evm_frame.h"

#define COMMIT_STEP ((size_t)256 << 10)

bool evm_region_init(evm_region_t *r, size_t reserve)
{
    void *p = mmap(NULL, reserve, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return false;
    *r = (evm_region_t){ .p = p, .reserved = reserve };
    return true;
}

void evm_region_free(evm_region_t *r)
{
    if (r->p)
        munmap(r->p, r->reserved);
    *r = (evm_region_t){ 0 };
}

bool evm_region_grow(evm_region_t *r, size_t n)
{
    if (n > r->reserved)
        return false;
    r->peak = BC_MAX(r->peak, n);
    if (n <= r->committed)
        return true;
    size_t want = BC_MAX(n, r->committed * 2);
    want = (want + COMMIT_STEP - 1) / COMMIT_STEP * COMMIT_STEP;
    want = BC_MIN(want, r->reserved);
    BC_MUST(mprotect(r->p, want, PROT_READ | PROT_WRITE) == 0);
    r->committed = want;
    return true;
}

void evm_region_trim(evm_region_t *r)
{
    if (r->peak <= EVM_MEMORY_KEEP)
        return;
    madvise(r->p + EVM_MEMORY_KEEP, r->committed - EVM_MEMORY_KEEP, MADV_DONTNEED);
    r->peak = EVM_MEMORY_KEEP;
}

static int64_t memory_price(int64_t words)
{
    return 3 * words + words * words / 512;
}

__attribute__((noinline)) int64_t evm_mem_expand(evm_frame_t *f, uint64_t end, int64_t gas)
{
    int64_t words = evm_words(end), old = (int64_t)(f->mem_n / 32);
    int64_t cost = memory_price(words) - memory_price(old);
    if (cost > gas)
        return -1;
    size_t n = (size_t)words * 32;
    size_t base = (size_t)(f->mem - f->evm->mem.p);
    if (BC_UNLIKELY(f->evm->memory_max) && base + n > f->evm->memory_max) {
        f->evm->overrun = BC_EVM_OVER_MEMORY;
        return -1;
    }
    if (!evm_region_need(&f->evm->mem, base + n))
        return -1;
    memset(f->mem + f->mem_n, 0, n - f->mem_n);
    f->mem_n = n;
    return gas - cost;
}

/* ---- limits ---- */

void bc_evm_limit(bc_evm_t *evm, int64_t until_ms, size_t memory_max)
{
    evm->until_ms = until_ms;
    evm->memory_max = memory_max;
    evm->overrun = BC_EVM_WITHIN;
}

bc_evm_overrun_t bc_evm_overrun(const bc_evm_t *evm)
{
    return evm->overrun;
}

void bc_evm_out_of_time(bc_evm_t *evm)
{
    evm->overrun = BC_EVM_OVER_TIME;
}

int64_t bc_evm_precompile_gas(const bc_evm_t *evm, int64_t gas)
{
    return evm->until_ms ? BC_MIN(gas, EVM_LIMITED_PRECOMPILE_GAS) : gas;
}

bool evm_over(bc_evm_t *evm)
{
    if (!evm->overrun && evm->until_ms && bc_clock_mono_ms() >= evm->until_ms)
        evm->overrun = BC_EVM_OVER_TIME;
    return evm->overrun != BC_EVM_WITHIN;
}

int64_t evm_tick(evm_frame_t *f, int64_t gas)
{
    if (gas < 0 || evm_over(f->evm))
        return -1;
    f->floor = evm_floor(f->evm, gas);
    return gas;
}

/* ---- instances ---- */

bc_evm_t *bc_evm_new(void)
{
    bc_evm_t *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    size_t stack = (size_t)(EVM_DEPTH_MAX + 2) * EVM_STACK_MAX * sizeof(bc_u256_t);
    size_t frames = (size_t)EVM_FRAMES_MAX * (sizeof(evm_frame_t) + BC_EVM_SLOT_MAX);
    if (!evm_region_init(&e->stack, stack) || !evm_region_init(&e->mem, EVM_MEMORY_MAX) ||
        !evm_region_init(&e->frames, frames)) {
        bc_evm_free(e);
        return NULL;
    }
    return e;
}

void bc_evm_free(bc_evm_t *evm)
{
    if (!evm)
        return;
    BC_MUST(evm->live == 0);
    evm_region_free(&evm->stack);
    evm_region_free(&evm->mem);
    evm_region_free(&evm->frames);
    bc_wr_free(&evm->ret);
    free(evm);
}
