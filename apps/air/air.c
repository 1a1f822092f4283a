/* Options, life, signals (spec/50 §3). */
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include "air/air_impl.h"
#include "management/version/version.h"
#include "storage/kv_rocks/kv_rocks.h"

static const char usage[] =
    "usage: fisco-bcos [OPTION...]\n"
    "  -h [ --help ]               print this and exit\n"
    "  -v [ --version ]            print the version and exit\n"
    "  -c [ --config ] FILE        configuration (default ./config.ini)\n"
    "  -g [ --genesis ] FILE       genesis configuration (default ./config.genesis)\n"
    "  -p [ --prune ]              remove nonce rows of old blocks, compact, exit\n"
    "Signals: TERM and INT stop; USR1 reads nodes.json and the certificate lists again, USR2 the\n"
    "log level.\n";

typedef struct {
    bool prune;
    bool done; /* nothing more to do */
    int code;
} mode_t_;

static mode_t_ options(air_t *a, int argc, char **argv)
{
    static const struct option table[] = {
        { "help", no_argument, 0, 'h' },          { "version", no_argument, 0, 'v' },
        { "config", required_argument, 0, 'c' },  { "genesis", required_argument, 0, 'g' },
        { "prune", no_argument, 0, 'p' },         { 0 },
    };
    mode_t_ m = { 0 };
    a->config_path = "./config.ini";
    a->genesis_path = "./config.genesis";
    for (int o; !m.done && (o = getopt_long(argc, argv, "hvc:g:p", table, NULL)) != -1;) {
        switch (o) {
        case 'c': a->config_path = optarg; break;
        case 'g': a->genesis_path = optarg; break;
        case 'p': m.prune = true; break;
        case 'v':
            bc_version_print(stdout);
            m.done = true;
            break;
        case 'h':
            fputs(usage, stdout);
            m.done = true;
            break;
        default: /* exit code 0, as the official program */
            printf("invalid parameters\n%s", usage);
            m.done = true;
            break;
        }
    }
    if (!m.done && access(a->config_path, F_OK) != 0) {
        printf("config '%s' not found!\n", a->config_path);
        m.done = true;
    } else if (!m.done && access(a->genesis_path, F_OK) != 0) {
        printf("genesis config '%s' not found!\n", a->genesis_path);
        m.done = true;
    }
    return m;
}

static const char *now_text(char out[40])
{
    time_t t = time(NULL);
    struct tm tm;
    strftime(out, 40, "%Y-%m-%d %H:%M:%S", localtime_r(&t, &tm));
    return out;
}

static int failed(const air_t *a)
{
    char now[40];
    BC_ERROR(BADGES, "start failed: %s", a->why);
    bc_log_close();
    printf("[%s] start fisco-bcos failed, error:%s\n", now_text(now), a->why);
    fprintf(stderr, "fisco-bcos: %s\n", a->why);
    return 255;
}

static int prune(air_t *a)
{
    bc_err_t err = bc_ledger_prune(a->ledger);
    if (err) {
        snprintf(a->why, sizeof a->why, "prune failed: %s", bc_err_name(err));
        return failed(a);
    }
    bc_kv_rocks_compact(a->kv);
    printf("pruned and compacted %s\n", a->node->storage.data_path);
    return 0;
}

static bool run(air_t *a)
{
    if (bc_host_start(a->host, bc_gateway_contract(a->gateway)) ||
        bc_uv_loop_start(a->p2p_loop)) {
        snprintf(a->why, sizeof a->why, "a thread could not be started");
        return false;
    }
    a->p2p_running = true;
    if (bc_uv_loop_start(a->rpc_loop)) {
        snprintf(a->why, sizeof a->why, "a thread could not be started");
        return false;
    }
    a->rpc_running = true;
    return true;
}

static void wait_for_the_end(air_t *a, const sigset_t *set)
{
    for (;;) {
        int sig = sigwaitinfo(set, NULL);
        if (sig == SIGUSR1) {
            air_reload_peers(a);
        } else if (sig == SIGUSR2) {
            air_reload_log_level(a);
        } else if (sig == SIGTERM || sig == SIGINT) {
            printf("exit because receive signal %d\n", sig);
            fflush(stdout);
            return;
        }
    }
}

static void log_start(const air_t *a)
{
    char id[129] = "";
    for (size_t i = 0; i < 64; i++)
        snprintf(id + 2 * i, 3, "%02x", a->key.pub.b[i]);
    BC_INFO("[INITIALIZER][METRIC]", ",binaryVersion=%s,cbcos=%s,commitHash=%s", BC_FISCO_VERSION,
            bc_version(), bc_version_commit());
    BC_INFO(BADGES, "start,group=%s,chain=%s,nodeId=%s", a->chain.group_id, a->chain.chain_id, id);
}

int bc_air_main(int argc, char **argv)
{
    air_t a = { .rpc_lock = PTHREAD_MUTEX_INITIALIZER };
    mode_t_ m = options(&a, argc, argv);
    if (m.done)
        return m.code;
    /* threads inherit the mask: signals are taken by this one alone */
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &set, NULL);

    int code = 255;
    if (bc_crypto_selftest()) {
        fprintf(stderr, "fisco-bcos: the crypto self-test failed on this machine\n");
        return 255;
    }
    if (!air_load(&a)) {
        code = failed(&a);
        air_free(&a);
        return code;
    }
    bc_log_config_t log = bc_nodeconf_log(a.node);
    if (bc_log_open(&log))
        fprintf(stderr, "warning: the log directory %s cannot be written\n", a.node->log.log_path);
    log_start(&a);
    if (!air_storage(&a)) {
        code = failed(&a);
    } else if (m.prune) {
        code = prune(&a);
    } else if (!air_access(&a) || !run(&a)) {
        code = failed(&a);
    } else {
        char now[40];
        printf("[%s] The fisco-bcos is running...\n", now_text(now));
        fflush(stdout);
        wait_for_the_end(&a, &set);
        code = 0;
    }
    air_free(&a);
    bc_log_close();
    if (!code && !m.prune)
        printf("fisco-bcos program exit normally.\n");
    return code;
}
