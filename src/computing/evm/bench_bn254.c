/* The contracts 6, 7, 8 on fresh points: processor time of one call. bench_bn254 [seconds] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "computing/evm/bn254.h"

#define PAIRS_MAX 8

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static const uint8_t generator[64] = { [31] = 1, [63] = 2 };
static const uint8_t g2_generator[128] = {
    0x19, 0x8e, 0x93, 0x93, 0x92, 0x0d, 0x48, 0x3a, 0x72, 0x60, 0xbf, 0xb7, 0x31, 0xfb, 0x5d, 0x25,
    0xf1, 0xaa, 0x49, 0x33, 0x35, 0xa9, 0xe7, 0x12, 0x97, 0xe4, 0x85, 0xb7, 0xae, 0xf3, 0x12, 0xc2,
    0x18, 0x00, 0xde, 0xef, 0x12, 0x1f, 0x1e, 0x76, 0x42, 0x6a, 0x00, 0x66, 0x5e, 0x5c, 0x44, 0x79,
    0x67, 0x43, 0x22, 0xd4, 0xf7, 0x5e, 0xda, 0xdd, 0x46, 0xde, 0xbd, 0x5c, 0xd9, 0x92, 0xf6, 0xed,
    0x09, 0x06, 0x89, 0xd0, 0x58, 0x5f, 0xf0, 0x75, 0xec, 0x9e, 0x99, 0xad, 0x69, 0x0c, 0x33, 0x95,
    0xbc, 0x4b, 0x31, 0x33, 0x70, 0xb3, 0x8e, 0xf3, 0x55, 0xac, 0xda, 0xdc, 0xd1, 0x22, 0x97, 0x5b,
    0x12, 0xc8, 0x5e, 0xa5, 0xdb, 0x8c, 0x6d, 0xeb, 0x4a, 0xab, 0x71, 0x80, 0x8d, 0xcb, 0x40, 0x8f,
    0xe3, 0xd1, 0xe7, 0x69, 0x0c, 0x43, 0xd3, 0x7b, 0x4c, 0xe6, 0xcc, 0x01, 0x66, 0xfa, 0x7d, 0xaa,
};

static void pairing(unsigned k, double seconds)
{
    uint8_t in[PAIRS_MAX * 192], point[64];
    memcpy(point, generator, 64);
    for (unsigned i = 0; i < k; i++) {
        BC_MUST(bc_bn254_add(point, generator, point));
        memcpy(in + 192 * i, point, 64);
        memcpy(in + 192 * i + 64, g2_generator, 128);
    }
    bool one;
    long n = 0;
    double begin = now();
    for (; now() - begin < seconds; n++)
        BC_MUST(bc_bn254_pairing(bc_bytes(in, 192 * k), &one) && !one);
    printf("pairing of %u %10.2f us\n", k, (now() - begin) / (double)n * 1e6);
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 1;
    uint8_t point[64], scalar[32];
    long n = 0;
    memcpy(point, generator, 64);
    double begin = now();
    for (; now() - begin < seconds; n += 100)
        for (int i = 0; i < 100; i++)
            BC_MUST(bc_bn254_add(point, generator, point));
    printf("add          %10.2f us\n", (now() - begin) / (double)n * 1e6);
    for (n = 0, begin = now(); now() - begin < seconds; n++) {
        memcpy(scalar, point, 32); /* as good as random */
        scalar[0] |= 0x80;
        BC_MUST(bc_bn254_mul(point, scalar, point));
    }
    printf("mul          %10.2f us\n", (now() - begin) / (double)n * 1e6);
    for (unsigned k = 1; k <= PAIRS_MAX; k *= 2)
        pairing(k, seconds);
    return 0;
}
