/* chain repair: a node whose store is damaged, or that executed a block otherwise than the quorum,
 * syncs anew from its peers. Its consensus record is kept: it must not forget what it voted for. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "management/chain/chain_cmd.h"
#include "management/chain/chain_rpc.h"

enum { ASK_EVERY_S = 1, STALL_S = 120 };

static const char usage_text[] =
    "usage: cbcos chain repair [-d DIR] NODE\n"
    "  -d DIR  where its neighbours are: the chain or a host of it (NODE/..)\n"
    "  NODE    the directory of a node, as nodes/127.0.0.1/node1\n"
    "Stops the node, sets its data aside as data.bad-TIME (its votes are kept), starts it, waits "
    "until it has\n"
    "downloaded and executed the chain, starts it again so that it reads its votes, and compares "
    "it with\n"
    "its neighbours. The other nodes go on meanwhile. Needs room for a second copy of the data.\n";

static bool copy_tree(const char *from, const char *to)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        execlp("cp", "cp", "-a", from, to, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

/* data -> data.bad-TIME, and a new data with nothing but the votes. */
static bc_err_t set_aside(const bc_chain_node_t *node)
{
    const char *data = node->data_dir.s;
    if (!bc_dir_exists(data))
        return bc_chain_fail("%s does not exist: the node has no data to set aside", data);
    bc_path_t bad = bc_path("%s.bad-%lld", data, (long long)time(NULL));
    if (rename(data, bad.s) != 0)
        return bc_chain_fail("cannot rename %s to %s", data, bad.s);
    bc_err_t err = bc_mkdirs(data);
    bc_path_t votes = bc_path("%s/consensus_log", bad.s);
    if (!err && bc_dir_exists(votes.s) && !copy_tree(votes.s, bc_path("%s/consensus_log", data).s))
        err = bc_chain_fail("cannot copy the votes, %s, to %s; all is still in %s", votes.s, data,
                            bad.s);
    if (!err)
        printf("the old data is in %s\n", bad.s);
    return err;
}

static long long height_of(const bc_chain_node_t *node)
{
    bc_chain_rpc_t rpc;
    long long height = -1;
    if (bc_chain_rpc_open(&rpc, node))
        return -1;
    if (!bc_chain_rpc_number(&rpc, "getBlockNumber", &height))
        height = -1;
    bc_chain_rpc_close(&rpc);
    return height;
}

static bool hash_of(const bc_chain_node_t *node, long long number, char out[72])
{
    bc_chain_rpc_t rpc;
    out[0] = '\0';
    if (bc_chain_rpc_open(&rpc, node))
        return false;
    char params[64];
    snprintf(params, sizeof(params), "\"\",%lld", number);
    cJSON *r = bc_chain_rpc_call(&rpc, "getBlockHashByNumber", params);
    if (cJSON_IsString(r))
        snprintf(out, 72, "%.70s", r->valuestring);
    cJSON_Delete(r);
    bc_chain_rpc_close(&rpc);
    return out[0] != '\0';
}

static long long highest(const bc_chain_node_t *others, size_t cnt, const bc_chain_node_t *self)
{
    long long top = -1;
    for (size_t i = 0; i < cnt; i++)
        if (strcmp(others[i].dir.s, self->dir.s) != 0)
            top = BC_MAX(top, height_of(&others[i]));
    return top;
}

/* Until the node is as high as the others were when asked last, or stands still for two minutes. */
static bc_err_t catch_up(const bc_chain_node_t *node, const bc_chain_node_t *others, size_t cnt)
{
    long long last = -1;
    time_t moved = time(NULL), told = 0;
    for (;;) {
        long long top = highest(others, cnt, node), now = height_of(node), diverged = 0;
        if (now >= 0 && top >= 0 && now >= top)
            return BC_OK;
        if (bc_chain_metric(node, "cbcos_divergent_block", &diverged) && diverged)
            return bc_chain_fail(
                "%s differs again at block %lld: it is not the disk, the programs differ",
                node->name, diverged);
        if (now != last)
            moved = time(NULL);
        last = now;
        if (time(NULL) - moved > STALL_S)
            return bc_chain_fail("%s stands at block %lld of %lld for %d s; see its log",
                                 node->name, now, top, STALL_S);
        if (time(NULL) - told >= 5) {
            printf("block %lld of %lld\n", now, top);
            fflush(stdout);
            told = time(NULL);
        }
        nanosleep(&(struct timespec){ .tv_sec = ASK_EVERY_S }, NULL);
    }
}

static bc_err_t compare(const bc_chain_node_t *node, const bc_chain_node_t *others, size_t cnt)
{
    long long at = height_of(node);
    char mine[72], theirs[72];
    for (size_t i = 0; i < cnt; i++) {
        if (strcmp(others[i].dir.s, node->dir.s) == 0)
            continue;
        long long number = BC_MIN(at, height_of(&others[i]));
        if (number < 0 || !hash_of(&others[i], number, theirs))
            continue; /* it does not answer */
        if (!hash_of(node, number, mine) || strcmp(mine, theirs) != 0)
            return bc_chain_fail("%s has another block %lld than %s", node->name, number,
                                 others[i].name);
    }
    return BC_OK;
}

static bc_err_t repair(const bc_chain_node_t *node, const bc_chain_node_t *others, size_t cnt)
{
    if (highest(others, cnt, node) < 0)
        return bc_chain_fail(
            "no neighbour of %s answers: there is nobody to sync from and compare with",
            node->name);
    if (!bc_chain_run_scripts(node, 1, "stop.sh"))
        return bc_chain_fail("%s does not stop", node->name);
    bc_err_t err = set_aside(node);
    if (err)
        return err;
    if (!bc_chain_run_scripts(node, 1, "start.sh"))
        return bc_chain_fail("%s does not start", node->name);
    if ((err = catch_up(node, others, cnt)))
        return err;
    if (!bc_chain_run_scripts(node, 1, "stop.sh") || !bc_chain_run_scripts(node, 1, "start.sh"))
        return bc_chain_fail("%s does not start again", node->name);
    if ((err = catch_up(node, others, cnt)) || (err = compare(node, others, cnt)))
        return err;
    printf("%s is at block %lld, as its neighbours\n", node->name, height_of(node));
    return BC_OK;
}

int bc_chain_repair(int argc, char **argv)
{
    const char *dir = NULL;
    int c;
    optind = 0;
    while ((c = getopt(argc, argv, "d:h")) != -1) {
        if (c != 'd') {
            fputs(usage_text, c == 'h' ? stdout : stderr);
            return c == 'h' ? 0 : 2;
        }
        dir = optarg;
    }
    if (argc - optind != 1) {
        fputs(usage_text, stderr);
        return 2;
    }
    char real[BC_CHAIN_PATH_MAX], other[BC_CHAIN_PATH_MAX];
    if (!realpath(argv[optind], real)) {
        bc_chain_fail("%s does not exist", argv[optind]);
        return 1;
    }
    bc_chain_node_t node, *others;
    size_t cnt;
    if (bc_chain_node_load(real, &node) ||
        bc_chain_nodes(dir ? dir : bc_path("%s/..", real).s, &others, &cnt))
        return 1;
    for (size_t i = 0; i < cnt; i++) /* one name for one directory */
        if (realpath(others[i].dir.s, other))
            others[i].dir = bc_path("%s", other);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    bc_err_t err = repair(&node, others, cnt);
    curl_global_cleanup();
    free(others);
    return err ? 1 : 0;
}
