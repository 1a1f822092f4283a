/* chain start, stop and status. */
#include <dirent.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "management/chain/chain_cmd.h"
#include "management/chain/chain_rpc.h"

bool bc_chain_run_scripts(const bc_chain_node_t *nodes, size_t cnt, const char *script)
{
    pid_t *pids = bc_xcalloc(cnt, sizeof(*pids));
    bool ok = true;
    fflush(NULL);
    for (size_t i = 0; i < cnt; i++) {
        bc_path_t path = bc_path("%s/%s", nodes[i].dir.s, script);
        pids[i] = fork();
        if (pids[i] == 0) {
            execlp("bash", "bash", path.s, (char *)NULL);
            _exit(127);
        }
    }
    for (size_t i = 0; i < cnt; i++) {
        int status = 0;
        if (pids[i] < 0 || waitpid(pids[i], &status, 0) != pids[i] || !WIFEXITED(status) ||
            WEXITSTATUS(status) != 0)
            ok = false;
    }
    free(pids);
    return ok;
}

static int run_main(int argc, char **argv, const char *script)
{
    bool help = argc == 2 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0);
    if (help || argc > 2 || (argc == 2 && argv[1][0] == '-')) {
        fprintf(help ? stdout : stderr,
                "usage: cbcos chain %s [DIR]\n"
                "  DIR  a chain, one host of it, (./nodes)\n",
                argv[0]);
        return help ? 0 : 2;
    }
    bc_chain_node_t *nodes;
    size_t cnt;
    if (bc_chain_nodes(argc == 2 ? argv[1] : "nodes", &nodes, &cnt))
        return 1;
    bool ok = bc_chain_run_scripts(nodes, cnt, script);
    free(nodes);
    return ok ? 0 : 1;
}

int bc_chain_start(int argc, char **argv)
{
    return run_main(argc, argv, "start.sh");
}

int bc_chain_stop(int argc, char **argv)
{
    return run_main(argc, argv, "stop.sh");
}

/* What status asks of one node. */
typedef struct {
    long pid;       /* 0: not running on this machine */
    double rss_mib; /* resident memory, with pid */
    bool answers;
    char why[256]; /* when it does not answer */
    long long height, view, txs, failed_txs;
    long long divergent; /* block that it executes otherwise than a quorum signed; 0: none, or not known */
    int peers;
    char hash[67], state_root[67]; /* of the block at the common height */
} status_t;

static long find_pid(const char *node_dir)
{
    char real[PATH_MAX];
    if (!realpath(node_dir, real))
        return 0;
    bc_path_t want = bc_path("%s/../fisco-bcos", real);
    DIR *proc = opendir("/proc");
    if (!proc)
        return 0;
    long found = 0;
    for (struct dirent *e; !found && (e = readdir(proc));) {
        long pid = strtol(e->d_name, NULL, 10);
        if (pid <= 0)
            continue;
        char word[BC_CHAIN_PATH_MAX];
        int fd = open(bc_path("/proc/%ld/cmdline", pid).s, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            continue;
        ssize_t n = read(fd, word, sizeof(word) - 1);
        close(fd);
        word[n > 0 ? n : 0] = '\0'; /* the first word ends at its own NUL */
        if (strcmp(word, want.s) == 0)
            found = pid;
    }
    closedir(proc);
    return found;
}

static double rss_mib(long pid)
{
    FILE *f = fopen(bc_path("/proc/%ld/status", pid).s, "re");
    char line[256];
    double kb = 0;
    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "VmRSS: %lf kB", &kb) == 1)
            break;
    if (f)
        fclose(f);
    return kb / 1024;
}

static long long number_or_text(const cJSON *v)
{
    if (cJSON_IsString(v))
        return strtoll(v->valuestring, NULL, 0);
    return cJSON_IsNumber(v) ? (long long)v->valuedouble : -1;
}

static void ask_node(const bc_chain_node_t *node, status_t *s)
{
    bc_chain_rpc_t rpc;
    *s = (status_t){ .view = -1, .txs = -1, .peers = -1 };
    s->pid = find_pid(node->dir.s);
    if (s->pid)
        s->rss_mib = rss_mib(s->pid);
    if (bc_chain_rpc_open(&rpc, node))
        return;
    s->answers = bc_chain_rpc_number(&rpc, "getBlockNumber", &s->height);
    if (s->answers) {
        bc_chain_rpc_number(&rpc, "getPbftView", &s->view);
        cJSON *r = bc_chain_rpc_call(&rpc, "getTotalTransactionCount", "\"\"");
        s->txs = number_or_text(cJSON_GetObjectItemCaseSensitive(r, "transactionCount"));
        s->failed_txs =
            number_or_text(cJSON_GetObjectItemCaseSensitive(r, "failedTransactionCount"));
        cJSON_Delete(r);
        r = bc_chain_rpc_call(&rpc, "getPeers", "\"\"");
        const cJSON *peers = cJSON_GetObjectItemCaseSensitive(r, "peers");
        if (cJSON_IsArray(peers))
            s->peers = cJSON_GetArraySize(peers);
        cJSON_Delete(r);
    } else {
        memcpy(s->why, rpc.why, sizeof(s->why));
    }
    bc_chain_rpc_close(&rpc);
    if (s->answers)
        bc_chain_metric(node, "cbcos_divergent_block", &s->divergent);
}

static void copy_text(const cJSON *object, const char *name, char out[67])
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    snprintf(out, 67, "%.66s", text ? text : "");
}

static bool ask_block(const bc_chain_node_t *node, long long number, status_t *s)
{
    bc_chain_rpc_t rpc;
    char params[64];
    if (bc_chain_rpc_open(&rpc, node))
        return false;
    snprintf(params, sizeof(params), "\"\",%lld,true,true", number);
    cJSON *block = bc_chain_rpc_call(&rpc, "getBlockByNumber", params);
    copy_text(block, "hash", s->hash);
    copy_text(block, "stateRoot", s->state_root);
    if (!s->hash[0])
        snprintf(s->why, sizeof(s->why), "%s", rpc.why);
    cJSON_Delete(block);
    bc_chain_rpc_close(&rpc);
    return s->hash[0] && s->state_root[0];
}

typedef struct {
    bool up;            /* all answer */
    bool level;         /* all have the same height */
    bool agree;         /* all have the same block at the lowest height, and none is divergent */
    long long common;   /* that height */
} verdict_t;

static verdict_t ask_all(const bc_chain_node_t *nodes, size_t cnt, status_t *all)
{
    verdict_t v = { true, true, true, 0 };
    for (size_t i = 0; i < cnt; i++) {
        ask_node(&nodes[i], &all[i]);
        v.up = v.up && all[i].answers;
    }
    if (!v.up)
        return (verdict_t){ false, false, false, 0 };
    v.common = all[0].height;
    for (size_t i = 1; i < cnt; i++) {
        v.level = v.level && all[i].height == all[0].height;
        v.common = BC_MIN(v.common, all[i].height);
    }
    for (size_t i = 0; i < cnt; i++) {
        if (!ask_block(&nodes[i], v.common, &all[i]) || strcmp(all[i].hash, all[0].hash) != 0 ||
            strcmp(all[i].state_root, all[0].state_root) != 0 || all[i].divergent)
            v.agree = false;
    }
    return v;
}

static void print_table(const bc_chain_node_t *nodes, size_t cnt, const status_t *all,
                        const verdict_t *v)
{
    printf("%-8s %8s %7s %5s %6s %-18s %-18s %8s %7s %9s\n", "node", "pid", "height", "view",
           "peers", "block hash", "state root", "txs", "failed", "memory");
    for (size_t i = 0; i < cnt; i++) {
        const status_t *s = &all[i];
        char pid[24] = "-", memory[24] = "-";
        if (s->pid) {
            snprintf(pid, sizeof(pid), "%ld", s->pid);
            snprintf(memory, sizeof(memory), "%.1f MiB", s->rss_mib);
        }
        if (!s->answers) {
            printf("%-8s %8s %s: %s\n", nodes[i].name, pid,
                   s->pid ? "does not answer" : "not running", s->why);
            continue;
        }
        printf("%-8s %8s %7lld %5lld %6d %-18.18s %-18.18s %8lld %7lld %9s\n", nodes[i].name, pid,
               s->height, s->view, s->peers, s->hash, s->state_root, s->txs, s->failed_txs, memory);
    }
    for (size_t i = 0; i < cnt; i++)
        if (all[i].divergent)
            printf("%s IS DIVERGENT at block %lld: cbcos chain repair %s\n", nodes[i].name,
                   all[i].divergent, nodes[i].dir.s);
    if (v->up && !v->level)
        printf("hashes and roots are those of block %lld, the lowest head\n", v->common);
}

static void print_json(const bc_chain_node_t *nodes, size_t cnt, const status_t *all,
                       const verdict_t *v)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < cnt; i++) {
        const bc_chain_node_t *n = &nodes[i];
        const status_t *s = &all[i];
        cJSON *o = cJSON_CreateObject();
        cJSON_AddStringToObject(o, "name", n->name);
        cJSON_AddStringToObject(o, "host", n->host);
        cJSON_AddStringToObject(o, "group", n->group);
        cJSON_AddNumberToObject(o, "p2pPort", n->p2p_port);
        cJSON_AddNumberToObject(o, "rpcPort", n->rpc_port);
        cJSON_AddBoolToObject(o, "rpcSsl", n->rpc_ssl);
        if (n->web3)
            cJSON_AddNumberToObject(o, "web3Port", n->web3_port);
        cJSON_AddBoolToObject(o, "answers", s->answers);
        if (s->pid) {
            cJSON_AddNumberToObject(o, "pid", (double)s->pid);
            cJSON_AddNumberToObject(o, "residentMiB", s->rss_mib);
        }
        if (s->answers) {
            cJSON_AddNumberToObject(o, "height", (double)s->height);
            cJSON_AddNumberToObject(o, "view", (double)s->view);
            cJSON_AddNumberToObject(o, "peers", s->peers);
            cJSON_AddNumberToObject(o, "transactions", (double)s->txs);
            cJSON_AddNumberToObject(o, "failedTransactions", (double)s->failed_txs);
            cJSON_AddStringToObject(o, "hash", s->hash);
            cJSON_AddStringToObject(o, "stateRoot", s->state_root);
            if (s->divergent)
                cJSON_AddNumberToObject(o, "divergentBlock", (double)s->divergent);
        }
        cJSON_AddItemToArray(list, o);
    }
    cJSON *top = cJSON_CreateObject();
    cJSON_AddBoolToObject(top, "up", v->up);
    cJSON_AddBoolToObject(top, "sameHeight", v->level);
    cJSON_AddBoolToObject(top, "agree", v->agree);
    cJSON_AddNumberToObject(top, "comparedAt", (double)v->common);
    cJSON_AddItemToObject(top, "nodes", list);
    char *text = cJSON_Print(top);
    puts(text ? text : "{}");
    cJSON_free(text);
    cJSON_Delete(top);
}

static const char status_usage[] =
    "usage: cbcos chain status [-j] [-w SECONDS] [DIR]\n"
    "  -j          JSON\n"
    "  -w SECONDS  ask again until all nodes answer with the same head\n"
    "  DIR         a chain, one host of it (./nodes)\n"
    "Exits with 0 when all nodes answer, have the same block at the lowest height, and none says that it\n"
    "executes a block otherwise than the others (told by the [monitor] port, where that is on).\n";

int bc_chain_status(int argc, char **argv)
{
    bool json = false;
    long wait_s = 0;
    int c;
    optind = 0;
    while ((c = getopt(argc, argv, "jw:h")) != -1) {
        if (c == 'j') {
            json = true;
        } else if (c == 'w') {
            wait_s = strtol(optarg, NULL, 10);
        } else {
            fputs(status_usage, c == 'h' ? stdout : stderr);
            return c == 'h' ? 0 : 2;
        }
    }
    if (argc - optind > 1) {
        fputs(status_usage, stderr);
        return 2;
    }
    bc_chain_node_t *nodes;
    size_t cnt;
    if (bc_chain_nodes(optind < argc ? argv[optind] : "nodes", &nodes, &cnt))
        return 1;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    status_t *all = bc_xcalloc(cnt, sizeof(*all));
    time_t until = time(NULL) + wait_s;
    verdict_t v = ask_all(nodes, cnt, all);
    while (!(v.up && v.level && v.agree) && time(NULL) < until) {
        nanosleep(&(struct timespec){ .tv_nsec = 300000000 }, NULL);
        v = ask_all(nodes, cnt, all);
    }
    if (json)
        print_json(nodes, cnt, all, &v);
    else
        print_table(nodes, cnt, all, &v);
    bool divergent = false;
    for (size_t i = 0; i < cnt; i++)
        divergent = divergent || all[i].divergent;
    if (!json && v.up && !v.agree && !divergent)
        printf("THE NODES DISAGREE about block %lld\n", v.common);
    free(all);
    free(nodes);
    curl_global_cleanup();
    return v.up && v.agree ? 0 : 1;
}
