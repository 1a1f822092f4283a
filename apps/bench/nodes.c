/* The nodes under load: where they listen, what they used. */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "bench/bench.h"
#include "management/nodeconf/nodeconf.h"

static bool node_read(bench_node_t *n)
{
    char path[PATH_MAX + 64];
    bc_node_config_t *c;
    bc_conf_report_t rep = { 0 };
    snprintf(path, sizeof path, "%s/config.ini", n->dir);
    if (bc_nodeconf_load(path, &c, &rep)) {
        fprintf(stderr, "bench: %s\n", rep.error);
        bc_conf_report_free(&rep);
        return false;
    }
    bc_conf_report_free(&rep);
    bool any = strcmp(c->rpc.listen_ip, "0.0.0.0") == 0;
    snprintf(n->host, sizeof n->host, "%s", any ? "127.0.0.1" : c->rpc.listen_ip);
    n->rpc_port = c->rpc.listen_port;
    n->ssl = c->rpc.ssl;
    n->sm = c->rpc.sm_ssl;
    n->web3 = c->web3.enable;
    n->web3_port = c->web3.listen_port;
    bc_nodeconf_free(c);
    return true;
}

/* The process whose working directory is the node's. */
static long node_pid(const char *dir)
{
    DIR *d = opendir("/proc");
    long found = -1;
    for (struct dirent *e; d && found < 0 && (e = readdir(d));) {
        char *end;
        long pid = strtol(e->d_name, &end, 10);
        char path[64], cwd[PATH_MAX], exe[PATH_MAX];
        if (*end || pid <= 0)
            continue;
        snprintf(path, sizeof path, "/proc/%ld/cwd", pid);
        ssize_t n = readlink(path, cwd, sizeof cwd - 1);
        if (n < 0)
            continue;
        cwd[n] = 0;
        snprintf(path, sizeof path, "/proc/%ld/exe", pid);
        n = readlink(path, exe, sizeof exe - 1);
        if (n < 0 || strcmp(cwd, dir) != 0)
            continue;
        exe[n] = 0;
        if (strstr(exe, "fisco-bcos") || strstr(exe, "cbcos"))
            found = pid;
    }
    if (d)
        closedir(d);
    return found;
}

bool nodes_find(bench_t *b)
{
    char root[PATH_MAX], path[PATH_MAX + 32];
    if (!realpath(b->dir, root)) {
        fprintf(stderr, "bench: %s: %s\n", b->dir, strerror(errno));
        return false;
    }
    for (size_t i = 0; i < BENCH_NODES_MAX; i++) {
        bench_node_t *n = &b->nodes[b->node_cnt];
        int len = snprintf(n->dir, sizeof n->dir, "%.4000s/node%zu", root, i);
        if (len < 0 || access(n->dir, F_OK) != 0)
            break;
        if (!node_read(n))
            return false;
        n->pid = node_pid(n->dir);
        b->node_cnt++;
    }
    if (!b->node_cnt) {
        fprintf(stderr, "bench: no node0 in %s: give --dir the folder that holds node0 and sdk\n", root);
        return false;
    }
    bc_conf_report_t rep = { 0 };
    snprintf(path, sizeof path, "%s/config.genesis", b->nodes[0].dir);
    bc_err_t err = bc_chainconf_load(path, &b->chain, &rep);
    if (err)
        fprintf(stderr, "bench: %s\n", rep.error);
    bc_conf_report_free(&rep);
    return !err;
}

static uint64_t disk_sum;

static int disk_each(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)path;
    (void)ftw;
    if (type == FTW_F)
        disk_sum += (uint64_t)st->st_size;
    return 0;
}

void nodes_measure(bench_t *b, int at)
{
    for (size_t i = 0; i < b->node_cnt; i++) {
        bench_node_t *n = &b->nodes[i];
        char path[PATH_MAX + 32], line[1024];
        snprintf(path, sizeof path, "%s/data", n->dir);
        disk_sum = 0;
        nftw(path, disk_each, 16, FTW_PHYS);
        n->disk[at] = disk_sum;
        if (n->pid < 0)
            continue;
        snprintf(path, sizeof path, "/proc/%ld/stat", n->pid);
        FILE *f = fopen(path, "r");
        if (f && fgets(line, sizeof line, f)) {
            unsigned long user = 0, sys = 0;
            const char *p = strrchr(line, ')');
            if (p && sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                            &sys) == 2)
                n->cpu_ms[at] = (double)(user + sys) * 1000.0 / (double)sysconf(_SC_CLK_TCK);
        }
        if (f)
            fclose(f);
        snprintf(path, sizeof path, "/proc/%ld/status", n->pid);
        f = fopen(path, "r");
        while (f && fgets(line, sizeof line, f)) {
            unsigned long kb;
            if (sscanf(line, "VmHWM: %lu kB", &kb) == 1)
                n->rss_peak = kb * 1024;
        }
        if (f)
            fclose(f);
    }
}

/* CPU time of one recovery, one thread, about a second's worth; microseconds. */
double signature_floor(bc_suite_t suite)
{
    bc_keypair_t key;
    bc_h256_t digest = { { 1, 2, 3 } };
    uint8_t sig[BC_SIG_MAX];
    bc_nodeid_t pub;
    if (bc_keypair_new(suite, &key))
        return 0;
    size_t n = bc_sign_tx(&key, &digest, sig), cnt = 0;
    struct timespec a, z;
    double us = 0;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
    while (us < 1e6) {
        for (int i = 0; i < 100; i++, cnt++)
            if (bc_recover(suite, &digest, bc_bytes(sig, n), &pub))
                return 0;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &z);
        us = (double)(z.tv_sec - a.tv_sec) * 1e6 + (double)(z.tv_nsec - a.tv_nsec) / 1e3;
    }
    bc_keypair_wipe(&key);
    return us / (double)cnt;
}
