/* tidy.includes ROOT: reads every #include "..." under src/ and apps/ and fails on one that goes
 * the wrong way:
 *
 *   base <- crypto, codec <- protocol <- iface <- layers, tars, client <- apps
 *
 * A layer's room sees another layer only through iface/, and another room of its own layer only
 * when that room is a library without a contract. tars and client are for apps. Tests, fuzzers and
 * benches may put rooms together, but never include from apps. */
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const char *top;
    int rank;
    bool layer; /* split into rooms */
} top_t;

static const top_t tops[] = {
    { "base", 0, false },      { "crypto", 1, false },    { "codec", 1, false },
    { "protocol", 2, false },  { "iface", 3, false },     { "access", 4, true },
    { "scheduling", 4, true }, { "computing", 4, true },  { "storage", 4, true },
    { "management", 4, true }, { "tars", 4, false },      { "client", 4, false },
    { "apps", 5, false },
};

/* Rooms that other rooms of the same layer use directly: they have no contract in iface/. */
static const char *const libraries[] = {
    "access/net",     "access/tlcp",   "scheduling/sealer", "computing/evm", "computing/precompiled",
    "computing/rows", "storage/state", "storage/kv_suite",
};

static size_t root_len;
static unsigned files, wrong;

/* Splits "top/room/file" into its first two parts. */
static const top_t *place_of(const char *path, char room[128])
{
    const char *slash = strchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 0;
    for (size_t i = 0; slash && i < sizeof tops / sizeof *tops; i++) {
        if (strlen(tops[i].top) != n || strncmp(path, tops[i].top, n) != 0)
            continue;
        const char *next = strchr(slash + 1, '/');
        size_t len = tops[i].layer && next ? (size_t)(next - path) : n;
        snprintf(room, 128, "%.*s", (int)len, path);
        return &tops[i];
    }
    return NULL;
}

static bool is_test(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    return strncmp(name, "test_", 5) == 0 || strncmp(name, "fuzz_", 5) == 0 ||
           strncmp(name, "bench_", 6) == 0;
}

static bool is_library(const char *room)
{
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++)
        if (strcmp(room, libraries[i]) == 0)
            return true;
    return false;
}

/* from: path below src/ (or apps/...); to: the included text. */
static bool allowed(const char *from, const char *to)
{
    char from_room[128], to_room[128];
    const top_t *f = place_of(from, from_room), *t = place_of(to, to_room);
    if (!t || !f) /* a header beside the file, or generated */
        return true;
    if (f == t)
        return strcmp(from_room, to_room) == 0 || is_library(to_room) || is_test(from);
    if (is_test(from))
        return t->rank < 5;
    return t->rank < f->rank;
}

static int file_visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)ftw;
    const char *below = path + root_len, *dot = strrchr(path, '.');
    if (type != FTW_F || !dot || (strcmp(dot, ".c") != 0 && strcmp(dot, ".h") != 0))
        return 0;
    FILE *f = fopen(path, "r");
    if (!f)
        return -1;
    if (strncmp(below, "src/", 4) == 0)
        below += 4;
    char line[1024], to[1024];
    files++;
    for (unsigned no = 1; fgets(line, sizeof line, f); no++) {
        if (sscanf(line, " # include \"%1023[^\"]\"", to) == 1 && !allowed(below, to)) {
            printf("%s:%u: must not include \"%s\"\n", path, no, to);
            wrong++;
        }
    }
    fclose(f);
    return 0;
}

/* The rule itself, on cases whose answer is known. */
static bool rule_works(void)
{
    static const struct {
        const char *from, *to;
        bool ok;
    } cases[] = {
        { "crypto/suite.c", "base/buf.h", true },
        { "base/buf.c", "crypto/suite.h", false },
        { "codec/rlp.c", "crypto/suite.h", false },
        { "protocol/tx.c", "codec/rlp.h", true },
        { "codec/rlp.c", "protocol/tx.h", false },
        { "protocol/tx.c", "iface/kv.h", false },
        { "access/rpc/rpc.c", "iface/ledger.h", true },
        { "access/rpc/rpc.c", "storage/ledger/ledger.h", false },
        { "access/rpc/rpc.c", "access/gateway/gateway.h", false },
        { "access/rpc/rpc.c", "access/net/tcp.h", true },
        { "access/rpc/rpc.c", "access/rpc/web3.h", true },
        { "access/rpc/rpc.c", "rpc.h", true },
        { "access/rpc/test_rpc.c", "storage/kv_mem/kv_mem.h", true },
        { "access/rpc/test_rpc.c", "apps/air/air.h", false },
        { "iface/kv.c", "storage/kv_mem/kv_mem.h", false },
        { "tars/servant.c", "iface/kv.h", true },
        { "scheduling/pbft/pbft.c", "tars/servant.h", false },
        { "apps/air/main.c", "tars/servant.h", true },
        { "apps/air/main.c", "storage/ledger/ledger.h", true },
    };
    bool ok = true;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (allowed(cases[i].from, cases[i].to) != cases[i].ok) {
            printf("rule is wrong on %s -> %s\n", cases[i].from, cases[i].to);
            ok = false;
        }
    }
    return ok;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    bool ok = rule_works();
    static const char *const parts[] = { "src", "apps" };
    root_len = strlen(argv[1]) + 1;
    for (size_t i = 0; i < 2; i++) {
        char dir[4096];
        snprintf(dir, sizeof dir, "%s/%s", argv[1], parts[i]);
        if (nftw(dir, file_visit, 16, FTW_PHYS) != 0) {
            printf("%s: cannot be read\n", dir);
            ok = false;
        }
    }
    printf("%u files, %u wrong includes\n", files, wrong);
    return ok && wrong == 0 && files > 0 ? 0 : 1;
}
