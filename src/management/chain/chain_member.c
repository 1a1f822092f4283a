/* chain member: the node list, read over the SDK port and changed by transactions to the consensus
 * contract (0x1003), or, while permission checks are on, to the committee (0x10001), which calls
 * it. */
#include <ctype.h>
#include <dirent.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/ini.h"
#include "codec/abi.h"
#include "codec/hex.h"
#include "management/chain/chain_cmd.h"
#include "management/chain/chain_rpc.h"
#include "protocol/tx.h"

enum { WAIT_S = 60, BEHIND_MAX = 10, LIMIT_BLOCKS = 500, NODE_ID_HEX = 128 };

static const char usage_text[] =
    "usage: cbcos chain member [-d DIR] list\n"
    "       cbcos chain member [-d DIR] [-k KEY] [-f] observer NODE\n"
    "       cbcos chain member [-d DIR] [-k KEY] [-f] sealer NODE [WEIGHT]\n"
    "       cbcos chain member [-d DIR] [-k KEY] weight NODE WEIGHT\n"
    "       cbcos chain member [-d DIR] [-k KEY] remove NODE\n"
    "  -d DIR  a chain, one host of it (./nodes); a node of it that answers is asked\n"
    "  -k KEY  account that signs, as PEM (the one under ca/accounts; without permission checks "
    "any will do)\n"
    "  -f      make it a sealer although it is not seen to run at the height of the others\n"
    "  NODE    a node's directory, or its id (128 hex digits)\n"
    "observer: it follows and does not vote (also makes a sealer one). sealer: it votes, with "
    "WEIGHT 1 unless\n"
    "told; it must be an observer before. A change counts from the block after the one that holds "
    "it.\n";

typedef struct {
    const char *dir, *key_path;
    bool force;
    bc_chain_node_t *nodes;
    size_t cnt;
    bc_chain_rpc_t rpc; /* to a node that answers */
    long long height;   /* of that node */
} member_t;

/* ---- the chain ---- */

static bool connect_any(member_t *m)
{
    for (size_t i = 0; i < m->cnt; i++) {
        if (bc_chain_rpc_open(&m->rpc, &m->nodes[i]))
            continue;
        if (bc_chain_rpc_number(&m->rpc, "getBlockNumber", &m->height))
            return true;
        bc_chain_fail("%s does not answer: %s", m->nodes[i].name, m->rpc.why);
        bc_chain_rpc_close(&m->rpc);
    }
    bc_chain_fail("no node of %s answers", m->dir);
    return false;
}

static bool node_id_of_dir(const char *dir, char id[NODE_ID_HEX + 1])
{
    bc_wr_t text = { 0 };
    bool ok = bc_file_exists(bc_path("%s/conf/node.nodeid", dir).s) &&
              bc_file_read(bc_path("%s/conf/node.nodeid", dir).s, 4096, &text) == BC_OK &&
              text.n >= NODE_ID_HEX;
    for (size_t i = 0; ok && i < NODE_ID_HEX; i++) {
        ok = isxdigit(text.p[i]);
        id[i] = (char)tolower(text.p[i]);
    }
    id[NODE_ID_HEX] = '\0';
    bc_wr_free(&text);
    return ok;
}

static bool node_id(const char *word, char id[NODE_ID_HEX + 1])
{
    if (bc_dir_exists(word)) {
        if (node_id_of_dir(word, id))
            return true;
        bc_chain_fail("%s/conf/node.nodeid holds no node id", word);
        return false;
    }
    size_t n = 0;
    while (n < NODE_ID_HEX && isxdigit((unsigned char)word[n])) {
        id[n] = (char)tolower((unsigned char)word[n]);
        n++;
    }
    id[n] = '\0';
    if (n == NODE_ID_HEX && !word[n])
        return true;
    bc_chain_fail("%.80s is neither a node's directory nor a node id of 128 hex digits", word);
    return false;
}

/* The name of a node of the directory, "" for another. */
static const char *name_of(const member_t *m, const char *id, const bc_chain_node_t **node)
{
    char here[NODE_ID_HEX + 1];
    for (size_t i = 0; i < m->cnt; i++) {
        if (node_id_of_dir(m->nodes[i].dir.s, here) && strcmp(here, id) == 0) {
            if (node)
                *node = &m->nodes[i];
            return m->nodes[i].name;
        }
    }
    return "";
}

static int list(member_t *m)
{
    static const struct {
        const char *type, *name;
    } types[] = { { "consensus_sealer", "sealer" },
                  { "consensus_observer", "observer" },
                  { "consensus_candidate_sealer", "candidate" } };
    printf("%-10s %-8s %6s %6s  %s\n", "type", "name", "weight", "term", "node id");
    for (size_t t = 0; t < BC_ARRAY_LEN(types); t++) {
        char params[64];
        snprintf(params, sizeof(params), "\"\",\"%s\"", types[t].type);
        cJSON *r = bc_chain_rpc_call(&m->rpc, "getNodeListByType", params), *e;
        if (!cJSON_IsArray(r)) {
            bc_chain_fail("getNodeListByType: %s", m->rpc.why);
            cJSON_Delete(r);
            return 1;
        }
        cJSON_ArrayForEach(e, r)
        {
            const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(e, "nodeID"));
            const cJSON *weight = cJSON_GetObjectItemCaseSensitive(e, "weight"),
                        *term = cJSON_GetObjectItemCaseSensitive(e, "termWeight");
            printf("%-10s %-8s %6.0f %6.0f  %s\n", types[t].name, id ? name_of(m, id, NULL) : "",
                   weight ? weight->valuedouble : 0, term ? term->valuedouble : 0, id ? id : "");
        }
        cJSON_Delete(r);
    }
    return 0;
}

/* ---- the transaction ---- */

/* The only key under ca/accounts of the chain; false: none, or several. */
static bool default_key(const member_t *m, bc_path_t *out)
{
    bc_path_t dirs[] = { bc_path("%s/ca/accounts", m->dir), bc_path("%s/../ca/accounts", m->dir) };
    size_t found = 0;
    for (size_t i = 0; i < BC_ARRAY_LEN(dirs) && !found; i++) {
        DIR *d = opendir(dirs[i].s);
        for (struct dirent *e; d && (e = readdir(d));) {
            size_t n = strlen(e->d_name);
            if (n > 4 && strcmp(e->d_name + n - 4, ".pem") == 0 && !strstr(e->d_name, ".public.")) {
                *out = bc_path("%s/%s", dirs[i].s, e->d_name);
                found++;
            }
        }
        if (d)
            closedir(d);
    }
    return found == 1;
}

static bool checks_are_on(member_t *m)
{
    cJSON *r = bc_chain_rpc_call(&m->rpc, "getSystemConfigByKey", "\"\",\"auth_check_status\"");
    const char *v = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(r, "value"));
    bool on = v && strcmp(v, "0") != 0;
    cJSON_Delete(r);
    return on;
}

static bool load_key(member_t *m, bool needed, bc_keypair_t *key)
{
    bc_suite_t suite = m->rpc.node->suite;
    bc_path_t path;
    if (m->key_path) {
        path = bc_path("%s", m->key_path);
    } else if (!default_key(m, &path)) {
        if (!needed && bc_keypair_new(suite, key) == BC_OK)
            return true; /* anybody may */
        bc_chain_fail("permission checks are on: give a governor's key with -k");
        return false;
    }
    if (bc_keypair_load(suite, path.s, key) == BC_OK)
        return true;
    bc_chain_fail("%s is no PEM key that fits the chain", path.s);
    return false;
}

/* selector and arguments; type is the tuple. */
static void put_call(bc_suite_t suite, const char *name, const char *type, const bc_abi_val_t *args,
                     size_t cnt, bc_wr_t *out)
{
    char signature[128];
    bc_h256_t h;
    snprintf(signature, sizeof(signature), "%s%s", name, type);
    bc_hash(suite, bc_cstr(signature), &h);
    bc_wr_put(out, bc_bytes(h.b, 4));
    bc_abi_val_t v = { .items = (bc_abi_val_t *)(uintptr_t)args, .cnt = cnt };
    BC_MUST(bc_abi_encode(type, &v, out) == BC_OK);
}

typedef enum { BECOME_OBSERVER, BECOME_SEALER, SET_WEIGHT, REMOVE } change_t;

static void put_change(bc_suite_t suite, bool proposal, change_t change, const char *id,
                       uint64_t weight, bc_wr_t *out)
{
    bc_abi_val_t node = bc_abi_bytes(bc_cstr(id)), w = bc_abi_u64(weight);
    bc_abi_val_t args[4] = { node, w };
    if (!proposal) {
        static const char *const names[] = { "addObserver", "addSealer", "setWeight", "remove" };
        bool two = change == BECOME_SEALER || change == SET_WEIGHT;
        put_call(suite, names[change], two ? "(string,uint256)" : "(string)", args, two ? 2 : 1,
                 out);
        return;
    }
    bc_abi_val_t blocks = bc_abi_u64(3600 * 24 * 7); /* how long it may be voted on */
    if (change == REMOVE) {
        args[1] = blocks;
        put_call(suite, "createRmNodeProposal", "(string,uint256)", args, 2, out);
        return;
    }
    args[2] = bc_abi_u64(change != SET_WEIGHT);
    args[3] = blocks;
    put_call(suite, "createSetConsensusWeightProposal", "(string,uint32,bool,uint256)", args, 4,
             out);
}

static const char *code_text(long code)
{
    switch (code) {
    case -50000:
        return "the account may not";
    case -51100:
        return "no valid node id";
    case -51101:
        return "it is the last sealer";
    case -51102:
        return "the weight is not valid";
    case -51103:
        return "it is no member";
    case -51104:
        return "it must be an observer first (cbcos chain member observer NODE)";
    default:
        return "see docs/rpc.md";
    }
}

/* The int256 that a word of hex text holds, as far as it fits. */
static bool word_of(const cJSON *object, const char *member, long *out)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, member));
    uint8_t b[32];
    if (!text || strncmp(text, "0x", 2) != 0 || strlen(text) < 66 ||
        bc_hex_fixed(bc_bytes(text + 2, 64), b, 32))
        return false;
    *out = (long)bc_load_be64(b + 24);
    return true;
}

/* What a receipt says: 0 done, 1 refused (told), 2 a proposal that needs more votes (told). */
static int verdict(const cJSON *receipt, bool proposal)
{
    const cJSON *status = cJSON_GetObjectItemCaseSensitive(receipt, "status");
    long code = 0;
    if (!cJSON_IsNumber(status) || status->valuedouble != 0) {
        bc_chain_fail(
            "the transaction failed with status %.0f: %s", status ? status->valuedouble : -1,
            proposal ? "is the account a governor, is there an open proposal about the node?"
                     : "see docs/rpc.md");
        return 1;
    }
    bool told = word_of(receipt, "output", &code);
    if (proposal) {
        long id = code;
        const cJSON *log =
            cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(receipt, "logEntries"), 0);
        if (!word_of(log, "data", &code)) {
            printf("proposal %ld is made; it needs the votes of other governors\n", id);
            return 2;
        }
    } else if (!told) {
        code = -1;
    }
    if (code < 0) {
        bc_chain_fail("refused with code %ld: %s", code, code_text(code));
        return 1;
    }
    return 0;
}

/* Sends and waits for the receipt, which is the caller's; NULL: told. */
static cJSON *send_and_wait(member_t *m, const bc_keypair_t *key, const char *to, bc_bytes_t input)
{
    const bc_chain_node_t *node = m->rpc.node;
    char nonce[48];
    uint64_t random[2];
    if (getentropy(random, sizeof(random)) != 0)
        return NULL;
    snprintf(nonce, sizeof(nonce), "%lu%lu", (unsigned long)random[0], (unsigned long)random[1]);
    bc_tx_data_t d = { .chain_id = bc_cstr(node->chain),
                       .group_id = bc_cstr(node->group),
                       .block_limit = m->height + LIMIT_BLOCKS,
                       .nonce = bc_cstr(nonce),
                       .to = bc_cstr(to),
                       .input = input };
    bc_tx_t *tx;
    if (bc_tx_make(node->suite, &d, BC_TX_ATTR_EVM, (bc_bytes_t){ 0 }, key, &tx)) {
        bc_chain_fail("cannot sign");
        return NULL;
    }
    bc_wr_t params = { 0 }, hash = { 0 };
    bc_wr_str(&params, "\"\",\"0x");
    bc_wr_hex(&params, bc_buf_view(tx->raw));
    bc_wr_str(&params, "\",false");
    bc_wr_u8(&params, 0);
    bc_wr_printf(&hash, "\"\",\"0x");
    bc_wr_hex(&hash, BC_VIEW(tx->hash));
    bc_wr_str(&hash, "\",false");
    bc_wr_u8(&hash, 0);
    bc_tx_unref(tx);
    BC_MUST(!params.err && !hash.err);
    cJSON *receipt = bc_chain_rpc_call(&m->rpc, "sendTransaction", (const char *)params.p);
    char why[sizeof(m->rpc.why)];
    memcpy(why, m->rpc.why, sizeof(why));
    /* no answer in time is no refusal: it may be on its way */
    time_t until = time(NULL) + WAIT_S;
    while (!receipt && m->rpc.timed_out && time(NULL) < until) {
        nanosleep(&(struct timespec){ .tv_nsec = 500000000 }, NULL);
        receipt = bc_chain_rpc_call(&m->rpc, "getTransactionReceipt", (const char *)hash.p);
        m->rpc.timed_out = true;
    }
    if (!receipt)
        bc_chain_fail("the transaction was not accepted or not executed within %d s: %s", WAIT_S,
                      why);
    bc_wr_free(&params);
    bc_wr_free(&hash);
    return receipt;
}

/* A sealer that does not run is a vote that never comes: so it is looked at first. */
static bool runs(const member_t *m, const char *id)
{
    const bc_chain_node_t *node = NULL;
    name_of(m, id, &node);
    if (!node) {
        bc_chain_fail("the node is not below %s, so whether it runs is not known; -f makes it a "
                      "sealer all the same",
                      m->dir);
        return false;
    }
    bc_chain_rpc_t rpc;
    long long height = -1;
    if (!bc_chain_rpc_open(&rpc, node)) {
        if (!bc_chain_rpc_number(&rpc, "getBlockNumber", &height))
            height = -1;
        bc_chain_rpc_close(&rpc);
    }
    if (height >= m->height - BEHIND_MAX)
        return true;
    if (height < 0)
        bc_chain_fail("%s does not answer; start it first, or use -f", node->name);
    else
        bc_chain_fail("%s is at block %lld of %lld; wait until it has caught up, or use -f",
                      node->name, height, m->height);
    return false;
}

static int change_member(member_t *m, change_t change, const char *id, uint64_t weight)
{
    static const char *const done[] = { "is an observer", "is a sealer", "has its weight",
                                        "is no member any more" };
    if (change == BECOME_SEALER && !m->force && !runs(m, id))
        return 1;
    bool proposal = checks_are_on(m);
    bc_keypair_t key;
    if (!load_key(m, proposal, &key))
        return 1;
    bc_wr_t input = { 0 };
    put_change(m->rpc.node->suite, proposal, change, id, weight, &input);
    cJSON *receipt = send_and_wait(m, &key,
                                   proposal ? "0000000000000000000000000000000000010001"
                                            : "0000000000000000000000000000000000001003",
                                   bc_wr_view(&input));
    bc_keypair_wipe(&key);
    bc_wr_free(&input);
    int code = receipt ? verdict(receipt, proposal) : 1;
    if (code == 0) {
        const cJSON *number = cJSON_GetObjectItemCaseSensitive(receipt, "blockNumber");
        const char *name = name_of(m, id, NULL);
        printf("%s%s%.8s... %s", name, *name ? ", " : "", id, done[change]);
        if (change == BECOME_SEALER || change == SET_WEIGHT)
            printf("%s %llu", change == BECOME_SEALER ? " of weight" : "",
                   (unsigned long long)weight);
        printf(", from block %.0f on\n", (number ? number->valuedouble : 0) + 1);
    }
    cJSON_Delete(receipt);
    return code;
}

static bool parse_weight(const char *text, uint64_t *out)
{
    char *end;
    *out = strtoull(text, &end, 10);
    if (isdigit((unsigned char)text[0]) && !*end && *out >= 1 && *out <= UINT32_MAX)
        return true;
    bc_chain_fail("%s is no weight: a number from 1 on", text);
    return false;
}

static int run(member_t *m, int argc, char **argv)
{
    static const struct {
        const char *name;
        int args_min, args_max;
    } words[] = {
        { "observer", 1, 1 }, { "sealer", 1, 2 }, { "weight", 2, 2 }, { "remove", 1, 1 }
    };
    if (argc == 1 && strcmp(argv[0], "list") == 0)
        return connect_any(m) ? list(m) : 1;
    for (size_t i = 0; argc && i < BC_ARRAY_LEN(words); i++) {
        if (strcmp(argv[0], words[i].name) != 0 || argc - 1 < words[i].args_min ||
            argc - 1 > words[i].args_max)
            continue;
        char id[NODE_ID_HEX + 1];
        uint64_t weight = 1;
        if (!node_id(argv[1], id) || (argc > 2 && !parse_weight(argv[2], &weight)))
            return 2;
        return connect_any(m) ? change_member(m, (change_t)i, id, i == BECOME_OBSERVER ? 0 : weight)
                              : 1;
    }
    fputs(usage_text, stderr);
    return 2;
}

int bc_chain_member(int argc, char **argv)
{
    member_t m = { .dir = "nodes" };
    int c;
    optind = 0;
    while ((c = getopt(argc, argv, "d:k:fh")) != -1) {
        if (c == 'd') {
            m.dir = optarg;
        } else if (c == 'k') {
            m.key_path = optarg;
        } else if (c == 'f') {
            m.force = true;
        } else {
            fputs(usage_text, c == 'h' ? stdout : stderr);
            return c == 'h' ? 0 : 2;
        }
    }
    if (optind == argc) {
        fputs(usage_text, stderr);
        return 2;
    }
    if (bc_chain_nodes(m.dir, &m.nodes, &m.cnt))
        return 1;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int code = run(&m, argc - optind, argv + optind);
    bc_chain_rpc_close(&m.rpc);
    free(m.nodes);
    curl_global_cleanup();
    return code;
}
