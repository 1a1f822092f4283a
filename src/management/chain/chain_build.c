/* chain build and chain expand. */
#include <ctype.h>
#include <dirent.h>
#include <getopt.h>
#include <stdlib.h>
#include <strings.h>

#include "crypto/suite.h"
#include "management/chain/chain_cert.h"
#include "management/chain/chain_cmd.h"
#include "management/chain/chain_files.h"
#include "management/chain/chain_io.h"
#include "management/chain/chain_rpc.h"

#define HOSTS_MAX    64
#define NODES_MAX    1024 /* of a chain */
#define OPTION_TLS   256  /* beyond all letters */

typedef struct {
    char ip[64];
    unsigned node_cnt; /* asked for in this -l item */
    unsigned first;    /* number of its first node: an address may come twice */
} host_t;

typedef struct {
    host_t hosts[HOSTS_MAX];
    size_t host_cnt;
    const char *output;
    const char *binary;
    const char *key_dir;
    const char *log_level;
    unsigned p2p_port, rpc_port, web3_port, monitor_port, key_page_size;
    bc_chain_genesis_conf_t genesis;
    char admin[43];
    char version[32];
    bool tls; /* ordinary links whatever the crypto */
} options_t;

static const char usage_text[] =
    "usage: cbcos chain build -l IP:N[,IP:N...] [OPTION...]\n"
    "  -l IP:N,...       hosts and how many nodes on each; a node listens on its host's address\n"
    "  -o DIR            output directory, must not exist (./nodes)\n"
    "  -p P2P,RPC[,WEB3[,MONITOR]]\n"
    "                    first ports of each host (30300,20200,8545,23300)\n"
    "  -e FILE           the node's binary (this program)\n"
    "  -g GROUP          group id (group0)\n"
    "  -I CHAIN          chain id (chain0)\n"
    "  -v VERSION        compatibility version (3.16.0)\n"
    "  -s                SM2, SM3 and SM4, also for the links: SM2 certificates, sm_ssl=true\n"
    "  --tls             with -s: links of ordinary TLS all the same, RSA certificates, sm_ssl=false\n"
    "  -a ADDRESS        admin account; turns permission checks on\n"
    "  -R true|false     transactions of a block one after the other (true)\n"
    "  -k BYTES          page size of keys (0)\n"
    "  -T pbft|rpbft     consensus (pbft)\n"
    "  -n DIR            node keys to use, the files of DIR by name, instead of new ones\n"
    "  -W NUMBER         chain id of the Web3 port (20200)\n"
    "  -E                debug log\n";

static bool parse_uint(const char *text, unsigned max, unsigned *out)
{
    char *end;
    if (!isdigit((unsigned char)text[0]))
        return false;
    unsigned long v = strtoul(text, &end, 10);
    if (*end != '\0' || v > max)
        return false;
    *out = (unsigned)v;
    return true;
}

/* What build_chain.sh allows in names. */
static bool name_ok(const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr("._-", name[i]))
            return false;
    return n > 0 && n < 128;
}

static bool address_ok(const char *text)
{
    return strlen(text) == 42 && text[0] == '0' && text[1] == 'x' &&
           strspn(text + 2, "0123456789abcdefABCDEF") == 40;
}

static bool version_ok(const char *text)
{
    unsigned part[3] = { 0, 0, 0 };
    char tail;
    int n = sscanf(text, "%3u.%3u.%3u%c", &part[0], &part[1], &part[2], &tail);
    if (n != 3 || strspn(text, "0123456789.") != strlen(text))
        return false;
    /* 3.16.4 is the newest that we speak; below 3.3 the genesis has other rules. */
    unsigned v = part[0] << 16 | part[1] << 8 | part[2];
    return part[1] <= 255 && part[2] <= 255 && v >= 0x030300 && v <= 0x031004;
}

static bc_err_t parse_hosts(options_t *o, const char *text)
{
    char *copy = bc_xstrdup(text), *save = NULL;
    unsigned total = 0;
    bc_err_t err = BC_OK;
    for (char *item = strtok_r(copy, ",", &save); item; item = strtok_r(NULL, ",", &save)) {
        char *colon = strrchr(item, ':');
        if (o->host_cnt == HOSTS_MAX || !colon || colon == item || strchr(item, '/') ||
            (size_t)(colon - item) >= sizeof(o->hosts[0].ip)) {
            err = bc_chain_fail("bad host in -l: %s", item);
            break;
        }
        host_t *h = &o->hosts[o->host_cnt];
        *colon = '\0';
        memcpy(h->ip, item, (size_t)(colon - item) + 1);
        if (strchr(h->ip, ':') || !parse_uint(colon + 1, NODES_MAX, &h->node_cnt) ||
            h->node_cnt == 0 || (total += h->node_cnt) > NODES_MAX) {
            err = bc_chain_fail("bad host in -l: %s:%s", item, colon + 1);
            break;
        }
        for (size_t i = 0; i < o->host_cnt; i++)
            if (strcmp(o->hosts[i].ip, h->ip) == 0)
                h->first = o->hosts[i].first + o->hosts[i].node_cnt;
        o->host_cnt++;
    }
    free(copy);
    return err;
}

static bc_err_t parse_ports(options_t *o, const char *text)
{
    unsigned p[4] = { 0, 0, o->web3_port, o->monitor_port };
    char copy[64], *rest = copy;
    int n = 0;
    snprintf(copy, sizeof(copy), "%.63s", text);
    for (char *word; (word = strsep(&rest, ",")); n++)
        if (n == 4 || !parse_uint(word, 65535, &p[n]))
            return bc_chain_fail("bad ports in -p: %s", text);
    if (n < 2)
        return bc_chain_fail("bad ports in -p: %s", text);
    for (int i = 0; i < 4; i++)
        if (p[i] <= 1024 || p[i] > 65535 - NODES_MAX)
            return bc_chain_fail("port out of range in -p: %s", text);
    o->p2p_port = p[0];
    o->rpc_port = p[1];
    o->web3_port = p[2];
    o->monitor_port = p[3];
    return BC_OK;
}

static bc_err_t set_option(options_t *o, int c, const char *arg)
{
    bc_chain_genesis_conf_t *g = &o->genesis;
    switch (c) {
    case 'l':
        return parse_hosts(o, arg);
    case 'o':
        o->output = arg;
        return BC_OK;
    case 'p':
        return parse_ports(o, arg);
    case 'e':
        o->binary = arg;
        return bc_file_exists(arg) ? BC_OK : bc_chain_fail("no such binary: %s", arg);
    case 'g':
    case 'I':
        if (!name_ok(arg))
            return bc_chain_fail("bad name: %s (letters, digits, . _ -)", arg);
        *(c == 'g' ? &g->group_id : &g->chain_id) = arg;
        return BC_OK;
    case 'v':
        snprintf(o->version, sizeof(o->version), "%s", arg + (arg[0] == 'v' || arg[0] == 'V'));
        return version_ok(o->version) ?
                   BC_OK :
                   bc_chain_fail("bad compatibility version: %s (3.3.0 to 3.16.4)", arg);
    case 's':
        g->sm_crypto = true;
        return BC_OK;
    case OPTION_TLS:
        o->tls = true;
        return BC_OK;
    case 'a':
        if (!address_ok(arg))
            return bc_chain_fail("bad admin account: %s (0x and 40 hex digits)", arg);
        memcpy(o->admin, arg, sizeof(o->admin));
        g->auth_check = true;
        return BC_OK;
    case 'R':
        if (strcmp(arg, "true") != 0 && strcmp(arg, "false") != 0)
            return bc_chain_fail("-R wants true or false");
        g->serial = arg[0] == 't';
        return BC_OK;
    case 'k':
        return parse_uint(arg, 1u << 20, &o->key_page_size) ? BC_OK :
                                                               bc_chain_fail("bad -k: %s", arg);
    case 'T':
        if (strcasecmp(arg, "pbft") == 0)
            g->consensus_type = "pbft";
        else if (strcasecmp(arg, "rpbft") == 0)
            g->consensus_type = "rpbft";
        else
            return bc_chain_fail("-T wants pbft or rpbft");
        return BC_OK;
    case 'n':
        o->key_dir = arg;
        return bc_dir_exists(arg) ? BC_OK : bc_chain_fail("no such directory: %s", arg);
    case 'W':
        return parse_uint(arg, UINT32_MAX, &g->web3_chain_id) ? BC_OK :
                                                               bc_chain_fail("bad -W: %s", arg);
    case 'E':
        o->log_level = "debug";
        return BC_OK;
    default:
        return BC_E_ARG;
    }
}

static bc_chain_link_t link_of(const options_t *o)
{
    return o->genesis.sm_crypto && !o->tls ? BC_CHAIN_LINK_SM : BC_CHAIN_LINK_TLS;
}

static void hex_of(bc_bytes_t v, char *out)
{
    for (size_t i = 0; i < v.n; i++)
        snprintf(out + 2 * i, 3, "%02x", v.p[i]);
}

/* conf/node.pem and conf/node.nodeid; the id goes to id_hex too. */
static bc_err_t make_node_key(bc_suite_t suite, const char *conf_dir, const char *key_file,
                              char id_hex[129])
{
    bc_keypair_t key;
    bc_err_t err = key_file ? bc_keypair_load(suite, key_file, &key) : bc_keypair_new(suite, &key);
    if (err)
        return bc_chain_fail("no node key%s%s: %s", key_file ? " in " : "",
                             key_file ? key_file : "", bc_err_name(err));
    bc_path_t pem = bc_path("%s/node.pem", conf_dir);
    err = bc_keypair_save(&key, pem.s);
    hex_of(BC_VIEW(key.pub), id_hex);
    bc_keypair_wipe(&key);
    if (err)
        return bc_chain_fail("cannot write %s", pem.s);
    bc_path_t id = bc_path("%s/node.nodeid", conf_dir);
    bc_wr_t w = { 0 };
    bc_wr_printf(&w, "%s\n", id_hex);
    err = bc_file_write(id.s, bc_wr_view(&w), 0644);
    bc_wr_free(&w);
    return err;
}

/* Without -a the genesis still wants an admin: its key is left in ca/accounts for the owner. */
static bc_err_t make_admin(options_t *o)
{
    bc_suite_t suite = o->genesis.sm_crypto ? BC_SUITE_SM : BC_SUITE_STANDARD;
    bc_keypair_t key;
    bc_addr_t address;
    bc_path_t dir = bc_path("%s/ca/accounts%s", o->output, o->genesis.sm_crypto ? "_gm" : "");
    bc_err_t err = bc_mkdirs(dir.s);
    if (!err)
        err = bc_keypair_new(suite, &key);
    if (err)
        return err;
    bc_address(suite, &key.pub, &address);
    memcpy(o->admin, "0x", 2);
    hex_of(BC_VIEW(address), o->admin + 2);
    err = bc_keypair_save(&key, bc_path("%s/%s.pem", dir.s, o->admin).s);
    bc_keypair_wipe(&key);
    return err ? bc_chain_fail("cannot write the admin account") : BC_OK;
}

/* The nth regular file of a directory, by name; an empty path when there are fewer. */
static bc_path_t nth_file(const char *dir, size_t nth)
{
    bc_path_t found = { "" };
    struct dirent **list;
    int n = scandir(dir, &list, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        bc_path_t path = bc_path("%s/%s", dir, list[i]->d_name);
        if (bc_file_exists(path.s) && nth-- == 0)
            found = path;
        free(list[i]);
    }
    if (n >= 0)
        free(list);
    return found;
}

/* Binary, scripts, ca/ and sdk/ of one host. */
static bc_err_t make_host(const options_t *o, const bc_chain_ca_t *ca, const char *ip)
{
    bc_path_t dir = bc_path("%s/%s", o->output, ip);
    bc_err_t err = bc_mkdirs(dir.s);
    if (!err)
        err = bc_chain_write_host_scripts(dir.s);
    if (!err)
        err = bc_file_copy(o->binary, bc_path("%s/fisco-bcos", dir.s).s, 0755);
    if (!err)
        err = bc_chain_ca_copy(ca->link, bc_path("%s/ca", o->output).s, bc_path("%s/ca", dir.s).s);
    if (!err)
        err = bc_chain_cert_new(ca, bc_path("%s/sdk", dir.s).s, "sdk");
    return err;
}

/* First round: keys, certificates, scripts; the ids of all nodes are known only after it. */
static bc_err_t make_identities(const options_t *o, const bc_chain_ca_t *ca, char (*ids)[129],
                                bc_wr_t *nodes_json)
{
    size_t k = 0;
    bc_err_t err = BC_OK;
    bc_suite_t suite = o->genesis.sm_crypto ? BC_SUITE_SM : BC_SUITE_STANDARD;
    bc_wr_str(nodes_json, "{\"nodes\":[");
    for (size_t h = 0; h < o->host_cnt && !err; h++) {
        const host_t *host = &o->hosts[h];
        if (host->first == 0)
            err = make_host(o, ca, host->ip);
        for (unsigned i = host->first; i < host->first + host->node_cnt && !err; i++, k++) {
            bc_path_t dir = bc_path("%s/%s/node%u", o->output, host->ip, i);
            bc_path_t conf = bc_path("%s/conf", dir.s);
            bc_path_t key = o->key_dir ? nth_file(o->key_dir, k) : (bc_path_t){ "" };
            err = bc_chain_cert_new(ca, conf.s, "ssl");
            if (!err)
                err = make_node_key(suite, conf.s, o->key_dir ? key.s : NULL, ids[k]);
            if (!err)
                err = bc_chain_write_node_scripts(dir.s);
            bc_wr_printf(nodes_json, "%s\"%s:%u\"", k ? "," : "", host->ip, o->p2p_port + i);
        }
        printf("host %s: %u nodes\n", host->ip, host->node_cnt);
    }
    bc_wr_str(nodes_json, "]}\n");
    return err ? err : nodes_json->err;
}

/* Second round: config.ini, config.genesis and nodes.json. */
static bc_err_t make_configs(const options_t *o, bc_bytes_t nodes_json)
{
    bc_wr_t genesis = { 0 }, ini = { 0 };
    bc_chain_put_genesis(&genesis, &o->genesis);
    bc_err_t err = genesis.err;
    for (size_t h = 0; h < o->host_cnt && !err; h++) {
        const host_t *host = &o->hosts[h];
        for (unsigned i = host->first; i < host->first + host->node_cnt && !err; i++) {
            bc_path_t dir = bc_path("%s/%s/node%u", o->output, host->ip, i);
            bc_chain_node_conf_t conf = {
                .listen_ip = host->ip,
                .p2p_port = o->p2p_port + i,
                .rpc_port = o->rpc_port + i,
                .web3_port = o->web3_port + i,
                .monitor_port = o->monitor_port + i,
                .log_level = o->log_level,
                .key_page_size = o->key_page_size,
                .sm_links = link_of(o) == BC_CHAIN_LINK_SM,
            };
            bc_wr_reset(&ini);
            bc_chain_put_config_ini(&ini, &conf);
            err = ini.err;
            if (!err)
                err = bc_file_write(bc_path("%s/config.ini", dir.s).s, bc_wr_view(&ini), 0644);
            if (!err)
                err = bc_file_write(bc_path("%s/config.genesis", dir.s).s, bc_wr_view(&genesis),
                                    0644);
            if (!err)
                err = bc_file_write(bc_path("%s/nodes.json", dir.s).s, nodes_json, 0644);
        }
    }
    bc_wr_free(&ini);
    bc_wr_free(&genesis);
    return err;
}

static bc_err_t build(options_t *o)
{
    size_t cnt = 0;
    for (size_t h = 0; h < o->host_cnt; h++)
        cnt += o->hosts[h].node_cnt;
    char(*ids)[129] = bc_xcalloc(cnt, sizeof(*ids));
    const char **list = bc_xcalloc(cnt, sizeof(*list));
    bc_wr_t nodes_json = { 0 };
    bc_chain_ca_t ca = { 0 };
    bc_err_t err = bc_chain_ca_new(link_of(o), bc_path("%s/ca", o->output).s, &ca);
    if (!err && o->admin[0] == '\0')
        err = make_admin(o);
    if (!err)
        err = make_identities(o, &ca, ids, &nodes_json);
    for (size_t i = 0; i < cnt; i++)
        list[i] = ids[i];
    o->genesis.node_ids = list;
    o->genesis.node_cnt = cnt;
    o->genesis.admin = o->admin;
    o->genesis.compatibility_version = o->version;
    if (!err)
        err = make_configs(o, bc_wr_view(&nodes_json));
    bc_chain_ca_free(&ca);
    bc_wr_free(&nodes_json);
    free(list);
    free(ids);
    return err;
}

static void print_result(const options_t *o)
{
    const bc_chain_genesis_conf_t *g = &o->genesis;
    printf("group id          : %s\n", g->group_id);
    printf("chain id          : %s (Web3: %u)\n", g->chain_id, g->web3_chain_id);
    printf("version           : %s\n", g->compatibility_version);
    printf("consensus         : %s\n", g->consensus_type);
    printf("crypto            : %s\n", g->sm_crypto ? "SM2, SM3" : "secp256k1, keccak");
    printf("links             : %s\n", link_of(o) == BC_CHAIN_LINK_SM ?
                                             "national-crypto TLS, SM2 certificates" :
                                             "TLS, RSA certificates");
    printf("permission checks : %s\n", g->auth_check ? "on" : "off");
    printf("admin account     : %s\n", g->admin);
    printf("first ports       : p2p %u, SDK %u, Web3 %u\n", o->p2p_port, o->rpc_port,
           o->web3_port);
    printf("All completed. Files in %s\n", o->output);
}

int bc_chain_build(int argc, char **argv)
{
    options_t o = {
        .output = "nodes",
        .binary = "/proc/self/exe",
        .log_level = "info",
        .p2p_port = 30300,
        .rpc_port = 20200,
        .web3_port = 8545,
        .monitor_port = 23300,
        .version = "3.16.0",
        .genesis = { .group_id = "group0",
                     .chain_id = "chain0",
                     .web3_chain_id = 20200,
                     .consensus_type = "pbft",
                     .serial = true,
                     .executor_version = 1 },
    };
    static const struct option long_options[] = {
        { "tls", no_argument, NULL, OPTION_TLS },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int c;
    optind = 0;
    while ((c = getopt_long(argc, argv, "l:o:p:e:g:I:v:sa:R:k:T:n:W:Eh", long_options, NULL)) !=
           -1) {
        if (c == 'h') {
            fputs(usage_text, stdout);
            return 0;
        }
        bc_err_t err = set_option(&o, c, optarg);
        if (err == BC_E_ARG)
            fputs(usage_text, stderr);
        if (err)
            return 2;
    }
    if (optind != argc || o.host_cnt == 0) {
        fputs(usage_text, stderr);
        return 2;
    }
    if (bc_file_exists(o.output) || bc_dir_exists(o.output)) {
        bc_chain_fail("%s exists", o.output);
        return 1;
    }
    if (build(&o))
        return 1;
    print_result(&o);
    return 0;
}

static const char expand_usage[] =
    "usage: cbcos chain expand -c DIR -d CA -o NODE [-e FILE]\n"
    "  -c DIR   config.ini (ports edited), config.genesis and nodes.json for the new node\n"
    "  -d CA    directory of ca.crt and ca.key, or of sm_ca.crt and sm_ca.key where config.ini\n"
    "           has sm_ssl=true\n"
    "  -o NODE  the new node's directory, as nodes/127.0.0.1/node4; must not exist\n"
    "  -e FILE  the node's binary, where the host has none yet (this program)\n"
    "Then make it a member: addObserver, and addSealer once it has caught up.\n";

/* The CAs of a node's two ports, which may speak TLS of different kinds: then the directory must
 * have both. */
typedef struct {
    bc_chain_ca_t p2p, rpc;
} expand_cas_t;

static bc_err_t load_cas(const bc_chain_node_t *node, const char *ca_dir, expand_cas_t *cas)
{
    bool rpc_sm = node->rpc_ssl ? node->rpc_sm : node->p2p_sm;
    *cas = (expand_cas_t){ 0 };
    bc_err_t err =
        bc_chain_ca_load(node->p2p_sm ? BC_CHAIN_LINK_SM : BC_CHAIN_LINK_TLS, ca_dir, &cas->p2p);
    if (!err)
        err = bc_chain_ca_load(rpc_sm ? BC_CHAIN_LINK_SM : BC_CHAIN_LINK_TLS, ca_dir, &cas->rpc);
    if (!err)
        return BC_OK;
    bc_chain_ca_free(&cas->p2p);
    return bc_chain_fail("%s/config.ini has sm_ssl=%s in [p2p] and sm_ssl=%s in [rpc]",
                         node->dir.s, node->p2p_sm ? "true" : "false",
                         node->rpc_sm ? "true" : "false");
}

static bc_err_t expand(const char *config, const char *ca_dir, const char *out, const char *binary)
{
    static const char *const names[] = { "config.ini", "config.genesis", "nodes.json" };
    for (size_t i = 0; i < BC_ARRAY_LEN(names); i++)
        if (!bc_file_exists(bc_path("%s/%s", config, names[i]).s))
            return bc_chain_fail("%s has no %s", config, names[i]);
    bc_chain_node_t node;
    expand_cas_t cas;
    bc_err_t err = bc_chain_node_load(config, &node);
    if (!err)
        err = load_cas(&node, ca_dir, &cas);
    if (err)
        return err;
    bc_path_t host = bc_path("%s/..", out), conf = bc_path("%s/conf", out);
    char id[129];
    err = bc_chain_cert_new(&cas.p2p, conf.s, "ssl");
    if (!err && cas.rpc.link != cas.p2p.link)
        err = bc_chain_cert_new(&cas.rpc, conf.s, "ssl");
    if (!err)
        err = make_node_key(node.suite, conf.s, NULL, id);
    if (!err)
        err = bc_chain_write_node_scripts(out);
    for (size_t i = 0; !err && i < BC_ARRAY_LEN(names); i++)
        err = bc_file_copy(bc_path("%s/%s", config, names[i]).s, bc_path("%s/%s", out, names[i]).s,
                           0644);
    if (!err && bc_file_exists(bc_path("%s/block0.json", config).s))
        err = bc_file_copy(bc_path("%s/block0.json", config).s, bc_path("%s/block0.json", out).s,
                           0644);
    if (!err && !bc_file_exists(bc_path("%s/fisco-bcos", host.s).s))
        err = bc_file_copy(binary, bc_path("%s/fisco-bcos", host.s).s, 0755);
    if (!err && !bc_file_exists(bc_path("%s/start_all.sh", host.s).s))
        err = bc_chain_write_host_scripts(host.s);
    if (!err && !bc_dir_exists(bc_path("%s/sdk", host.s).s))
        err = bc_chain_cert_new(&cas.rpc, bc_path("%s/sdk", host.s).s, "sdk");
    bc_chain_ca_free(&cas.p2p);
    bc_chain_ca_free(&cas.rpc);
    if (!err)
        printf("node id: %s\nAll completed. Files in %s\n", id, out);
    return err;
}

int bc_chain_expand(int argc, char **argv)
{
    const char *config = NULL, *ca_dir = NULL, *out = NULL, *binary = "/proc/self/exe";
    int c;
    optind = 0;
    while ((c = getopt(argc, argv, "c:d:o:e:h")) != -1) {
        switch (c) {
        case 'c':
            config = optarg;
            break;
        case 'd':
            ca_dir = optarg;
            break;
        case 'o':
            out = optarg;
            break;
        case 'e':
            binary = optarg;
            break;
        case 'h':
            fputs(expand_usage, stdout);
            return 0;
        default:
            fputs(expand_usage, stderr);
            return 2;
        }
    }
    if (!config || !ca_dir || !out || optind != argc) {
        fputs(expand_usage, stderr);
        return 2;
    }
    if (bc_dir_exists(out) || bc_file_exists(out)) {
        bc_chain_fail("%s exists", out);
        return 1;
    }
    return expand(config, ca_dir, out, binary) ? 1 : 0;
}
