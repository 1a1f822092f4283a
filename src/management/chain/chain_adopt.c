/* chain adopt: what block 0 of an official chain ran, for a node of ours that joins it.
 *
 * The two transactions cannot be asked for over JSON-RPC: block 0 is answered without transactions,
 * and a transaction is found only by its hash. What holds them is the s_hash_2_tx table of any
 * node of that chain, in its data directory or as a key/value dump; what holds the committee's byte code, from which they
 * follow, is the official program itself. The signed header of block 1 proves either right when
 * the node syncs.
 *
 * block0.json is {"transactions":["0x..","0x.."]}, Tars bytes in the order of execution, or
 * {"committeeCode":"0x.."}. */
#include <ctype.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ini.h"
#include "codec/hex.h"
#include "codec/json.h"
#include "management/chain/chain.h"
#include "management/chain/chain_cmd.h"
#include "management/chain/chain_rpc.h"
#include "protocol/tx.h"

#define DUMP_MAX BC_JSON_SIZE_MAX

static const char usage_text[] =
    "usage: cbcos chain adopt -d DATA | -f DUMP | -e BINARY [DIR]\n"
    "  -d DATA    data directory (RocksDB) of a node of the official chain, or a copy; it is only\n"
    "             read, the node may run\n"
    "  -f DUMP    key/value dump of a node of the official chain, as JSON:\n"
    "             {\"kv\":[[KEY,VALUE],...]}, both in hex, keys as table:key\n"
    "  -e BINARY  the official program, version 3.3 to 3.16: holds the committee's byte code\n"
    "  DIR        the chain, host or node directory that joins (./nodes)\n"
    "Writes block0.json beside each config.genesis. Only before a node's first start.\n";

/* The official committee: bytes and hash (spec/40 §7.4), to recognise it by. */
static const struct {
    size_t n;
    const char *hash; /* Keccak-256, SM3 on SM chains */
} official_code[] = {
    [BC_SUITE_STANDARD] = { 24161,
                            "b0f6d44cbceb28925590d3066f9e835973771a97fb2338e31abd6329a64c1dce" },
    [BC_SUITE_SM] = { 24208, "7b841ae26e81543142863833a422470d9ba1ece27e82a2297fec8b9b06d10aca" },
};

/* ---- from a dump ---- */

/* Whether `to` ends in this system name, as text of 40 digits. */
static bool to_is(const bc_tx_t *tx, const char *name)
{
    bc_bytes_t to = bc_hex_strip0x(tx->w.data.to);
    size_t n = strlen(name);
    if (to.n != 40 || memcmp(to.p + 40 - n, name, n) != 0)
        return false;
    for (size_t i = 0; i < 40 - n; i++)
        if (to.p[i] != '0')
            return false;
    return true;
}

/* Takes the row when it is one of block 0's transactions of that chain. */
static bc_err_t take_row(const bc_chain_node_t *id, bc_bytes_t key, bc_bytes_t value, bc_wr_t found[2])
{
    bc_tx_t *tx;
    bc_err_t err = bc_tx_decode_trusted(id->suite, value, &tx);
    if (err)
        return err == BC_E_NOMEM ? err : BC_OK; /* not ours to judge: another suite, say */
    const bc_tx_data_t *d = &tx->w.data;
    bool system = tx->w.type == 0 && tx->w.signature.n == 0 && bc_bytes_eq(d->nonce, BC_STR("0")) &&
                  bc_bytes_eq(d->chain_id, bc_cstr(id->chain)) &&
                  bc_bytes_eq(d->group_id, bc_cstr(id->group)) &&
                  bc_bytes_eq(key, BC_VIEW(tx->hash));
    int which = !system ? -1 : to_is(tx, "100e") ? 0 : to_is(tx, "10001") ? 1 : -1;
    bc_tx_unref(tx);
    if (which < 0)
        return BC_OK;
    if (found[which].n > 0)
        return bc_chain_fail("the dump has two transactions for one place of block 0");
    bc_wr_put(&found[which], value);
    return found[which].err;
}

static const char tx_table[] = "s_hash_2_tx:";

static bc_err_t scan_dump(const cJSON *dump, const bc_chain_node_t *id, bc_wr_t found[2])
{
    bc_wr_t key = { 0 }, value = { 0 };
    bc_err_t err = BC_OK;
    const cJSON *row;
    cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(dump, "kv"))
    {
        const char *k = cJSON_GetStringValue(cJSON_GetArrayItem(row, 0));
        const char *v = cJSON_GetStringValue(cJSON_GetArrayItem(row, 1));
        bc_wr_reset(&key);
        bc_wr_reset(&value);
        if (!k || !v || bc_hex_append(bc_cstr(k), &key) || bc_hex_append(bc_cstr(v), &value)) {
            err = bc_chain_fail("the dump has a row that is not [hex, hex]");
            break;
        }
        size_t n = sizeof(tx_table) - 1;
        if (key.n == n + 32 && memcmp(key.p, tx_table, n) == 0)
            err = take_row(id, bc_bytes(key.p + n, 32), bc_wr_view(&value), found);
        if (err)
            break;
    }
    bc_wr_free(&key);
    bc_wr_free(&value);
    return err;
}

static bc_err_t write_txs(const char *path, const bc_chain_node_t *id, bc_wr_t found[2], bc_wr_t *out)
{
    if (found[0].n == 0 || found[1].n == 0)
        return bc_chain_fail("%s holds no block 0 of chain %s, group %s", path, id->chain, id->group);
    bc_jw_t j = bc_jw(out);
    bc_jw_obj(&j);
    bc_jw_key(&j, "transactions");
    bc_jw_arr(&j);
    bc_jw_0xhex(&j, bc_wr_view(&found[0]));
    bc_jw_0xhex(&j, bc_wr_view(&found[1]));
    bc_jw_arr_end(&j);
    bc_jw_obj_end(&j);
    return out->err;
}

static bc_err_t from_dump(const char *path, const bc_chain_node_t *id, bc_wr_t *out)
{
    bc_wr_t text = { 0 }, found[2] = { { 0 }, { 0 } };
    if (bc_file_read(path, DUMP_MAX, &text)) {
        bc_wr_free(&text);
        return bc_chain_fail("cannot read %s (%u MiB at most)", path, DUMP_MAX >> 20);
    }
    cJSON *dump = bc_json_parse(bc_wr_view(&text), 8, NULL);
    bc_wr_free(&text);
    bc_err_t err = dump ? scan_dump(dump, id, found) : bc_chain_fail("%s is not JSON", path);
    cJSON_Delete(dump);
    if (!err)
        err = write_txs(path, id, found, out);
    bc_wr_free(&found[0]);
    bc_wr_free(&found[1]);
    return err;
}

/* ---- from a data directory ---- */

static bc_chain_open_fn open_store;

void bc_chain_set_store(bc_chain_open_fn open)
{
    open_store = open;
}

typedef struct {
    const bc_chain_node_t *id;
    bc_wr_t *found;
    bc_err_t err;
} scan_t;

/* Block 0's transactions are among all others, in the order of their hashes: look until both are
 * there. */
static bool scan_row(void *ctx, bc_bytes_t key, bc_bytes_t value)
{
    scan_t *s = ctx;
    size_t n = sizeof(tx_table) - 1;
    if (key.n == n + 32)
        s->err = take_row(s->id, bc_bytes(key.p + n, 32), value, s->found);
    return !s->err && !(s->found[0].n && s->found[1].n);
}

static bc_err_t from_data(const char *path, const bc_chain_node_t *id, bc_wr_t *out)
{
    bc_wr_t found[2] = { { 0 }, { 0 } };
    char why[512] = "this program has no store";
    bc_kv_if kv;
    if (!open_store || open_store(path, &kv, why, sizeof why))
        return bc_chain_fail("%s", why);
    scan_t s = { id, found, BC_OK };
    bc_err_t err = kv.ops->scan(kv.self, bc_cstr(tx_table), (bc_bytes_t){ 0 }, scan_row, &s);
    kv.ops->close(kv.self);
    if (err)
        err = bc_chain_fail("%s cannot be read: %s", path, bc_err_name(err));
    err = err ? err : s.err;
    if (!err)
        err = write_txs(path, id, found, out);
    bc_wr_free(&found[0]);
    bc_wr_free(&found[1]);
    return err;
}

/* ---- from the official program ---- */

static bool code_ok(bc_suite_t suite, bc_bytes_t hex, bc_wr_t *code)
{
    bc_h256_t hash;
    char text[65] = "";
    bc_wr_reset(code);
    if (bc_hex_append(hex, code))
        return false;
    bc_hash(suite, bc_wr_view(code), &hash);
    bc_hex_put(BC_VIEW(hash), text);
    return strcmp(text, official_code[suite].hash) == 0;
}

/* The program keeps the code as text: a run of hex digits of known length. */
static bool scan_program(bc_suite_t suite, bc_bytes_t program, bc_wr_t *code)
{
    size_t want = 2 * official_code[suite].n;
    for (size_t from = 0; from < program.n;) {
        size_t n = 0;
        while (from + n < program.n && isxdigit(program.p[from + n]))
            n++;
        if (n >= want && (code_ok(suite, bc_bytes(program.p + from, want), code) ||
                          code_ok(suite, bc_bytes(program.p + from + n - want, want), code)))
            return true;
        from += n + 1;
    }
    return false;
}

static bc_err_t from_program(const char *path, const bc_chain_node_t *id, bc_wr_t *out)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size <= 0) {
        if (fd >= 0)
            close(fd);
        return bc_chain_fail("cannot read %s", path);
    }
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (p == MAP_FAILED)
        return bc_chain_fail("cannot map %s", path);
    bc_wr_t code = { 0 };
    bc_err_t err = BC_OK;
    if (scan_program(id->suite, bc_bytes(p, (size_t)st.st_size), &code)) {
        bc_jw_t j = bc_jw(out);
        bc_jw_obj(&j);
        bc_jw_key(&j, "committeeCode");
        bc_jw_0xhex(&j, bc_wr_view(&code));
        bc_jw_obj_end(&j);
        err = out->err;
    } else {
        err = bc_chain_fail("%s does not hold the official committee's byte code", path);
    }
    bc_wr_free(&code);
    munmap(p, (size_t)st.st_size);
    return err;
}

/* Where block 0 comes from; one of them. */
typedef struct {
    const char *data, *dump, *program;
} source_t;

static bc_err_t adopt(const bc_chain_node_t *node, const source_t *from)
{
    bc_wr_t out = { 0 };
    if (bc_dir_exists(node->data_dir.s))
        return bc_chain_fail("%s has data already: block 0 is part of it", node->dir.s);
    bc_err_t err = from->data   ? from_data(from->data, node, &out)
                   : from->dump ? from_dump(from->dump, node, &out)
                                : from_program(from->program, node, &out);
    bc_path_t path = bc_path("%s/block0.json", node->dir.s);
    if (!err)
        err = bc_file_write(path.s, bc_wr_view(&out), 0644);
    bc_wr_free(&out);
    if (!err)
        printf("%s\n", path.s);
    return err;
}

int bc_chain_adopt(int argc, char **argv)
{
    source_t from = { 0 };
    int c;
    optind = 0;
    while ((c = getopt(argc, argv, "d:f:e:h")) != -1) {
        if (c == 'd') {
            from.data = optarg;
        } else if (c == 'f') {
            from.dump = optarg;
        } else if (c == 'e') {
            from.program = optarg;
        } else {
            fputs(usage_text, c == 'h' ? stdout : stderr);
            return c == 'h' ? 0 : 2;
        }
    }
    if (!!from.data + !!from.dump + !!from.program != 1 || argc - optind > 1) {
        fputs(usage_text, stderr);
        return 2;
    }
    const char *dir = optind < argc ? argv[optind] : "nodes";
    bc_chain_node_t *nodes = NULL, one;
    size_t cnt = 0;
    bc_err_t err;
    if (bc_file_exists(bc_path("%s/config.genesis", dir).s)) {
        err = bc_chain_node_load(dir, &one);
        return err || adopt(&one, &from) ? 1 : 0;
    }
    err = bc_chain_nodes(dir, &nodes, &cnt);
    for (size_t i = 0; i < cnt && !err; i++)
        err = adopt(&nodes[i], &from);
    free(nodes);
    return err ? 1 : 0;
}
