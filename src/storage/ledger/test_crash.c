/* Kills a process that commits blocks, at random moments, and looks at what the store kept.
 *
 * The program starts itself as the writer (two RocksDB stores: ledger and consensus records). The
 * writer tells over a pipe what was acknowledged to it, and how long each engine log was when it
 * was synced: after a kill the logs are also cut back to that length, as a power failure does, so
 * that a write which only claimed to be synced shows.
 *
 * CBCOS_CRASH_SEED repeats a run's decisions, CBCOS_CRASH_KILLS sets their number (40). */
#include <dirent.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/log.h"
#include "storage/kv_rocks/kv_rocks.h"
#include "storage/ledger/ledger.h"
#include "storage/ledger/test_crash.h"

#define DIR_MAX 512

typedef enum { T_RECORD, T_BLOCK, T_SYNC } what_t;

/* What is told over the pipe; one write of at most PIPE_BUF bytes is never torn. */
typedef struct {
    what_t what;
    int64_t n;          /* record, block, or bytes of the file */
    char name[DIR_MAX]; /* of the synced file */
} told_t;

static int tell_fd = -1; /* the writer's end */

static void tell(what_t what, int64_t n, const char *name)
{
    told_t t = { .what = what, .n = n };
    snprintf(t.name, sizeof t.name, "%s", name);
    if (write(tell_fd, &t, sizeof t) != (ssize_t)sizeof t)
        _exit(3);
}

/* The engine's calls end here: which file is safe up to where. The size is read before the sync, so
 * that bytes appended meanwhile do not count. */
static int synced(int fd, long call)
{
    struct stat st;
    char link[64], path[DIR_MAX];
    ssize_t n = -1;
    if (tell_fd >= 0 && fstat(fd, &st) == 0) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        n = readlink(link, path, sizeof path - 1);
    }
    int r = (int)syscall(call, fd);
    if (r == 0 && n > 4 && memcmp(path + n - 4, ".log", 4) == 0) {
        path[n] = 0;
        tell(T_SYNC, st.st_size, path);
    }
    return r;
}
int fdatasync(int fd)
{
    return synced(fd, SYS_fdatasync);
}
int fsync(int fd)
{
    return synced(fd, SYS_fsync);
}

/* ---- the stores ---- */

typedef struct {
    bc_chain_config_t conf;
    bc_genesis_node_t node;
    bc_kv_if kv, blocks, records;
    bc_ledger_t *l;
    bc_ledger_if api;
} stores_t;

static bc_err_t block0_execute(void *self, const bc_exec_block_t *in, bc_exec_result_t **out)
{
    (void)self;
    *out = result_of(0, 0, in->txs, in->tx_cnt);
    (*out)->changes->cnt = 0;
    return BC_OK;
}

static const bc_executor_ops_t executor_ops = { .execute = block0_execute };

static bc_kv_if open_kv(const char *dir, const char *name)
{
    char path[DIR_MAX], why[600];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    bc_kv_rocks_config_t c = bc_kv_rocks_defaults(path);
    c.write_buffer_size = 128u << 10; /* logs change and files are merged all the time */
    c.free_disk_min = 0;
    c.whole_log = !strcmp(name, "consensus_log"); /* as the node has it */
    bc_kv_if kv;
    if (bc_kv_rocks_open(&c, &kv, why, sizeof why)) {
        fprintf(stderr, "%s\n", why);
        exit(4);
    }
    return kv;
}

static void stores_open(stores_t *s, const char *dir, bool separate)
{
    *s = (stores_t){ 0 };
    s->conf = (bc_chain_config_t){ .group_id = "group0",
                                   .chain_id = "chain0",
                                   .block_limit = 1000,
                                   .web3_chain_id = "20200",
                                   .block_tx_count_limit = 1000,
                                   .leader_period = 1,
                                   .epoch_sealer_num = 4,
                                   .epoch_block_num = 1000,
                                   .version = 0x03100000,
                                   .gas_limit = 3000000000,
                                   .is_serial_execute = true,
                                   .auth_admin = "0x18ae7adb91e02abac01ed9044e97682e71c26413",
                                   .executor_version = 1,
                                   .node_cnt = 1,
                                   .nodes = &s->node };
    memset(s->node.id, '1', 128);
    s->node.vote_weight = 1;
    s->kv = open_kv(dir, "data");
    s->records = open_kv(dir, "consensus_log");
    if (separate)
        s->blocks = open_kv(dir, "block");
    bc_ledger_params_t p = { .kv = s->kv,
                             .block_kv = s->blocks,
                             .chain = &s->conf,
                             .executor = { &executor_ops, NULL },
                             .committee_code = BC_STR("code"),
                             .now_ms = 1 };
    char why[512];
    if (bc_ledger_init(&p, &s->l, why, sizeof why)) {
        fprintf(stderr, "bc_ledger_init: %s\n", why);
        exit(5);
    }
    s->api = bc_ledger_as_if(s->l);
}

static void stores_close(stores_t *s)
{
    bc_ledger_free(s->l);
    s->kv.ops->close(s->kv.self);
    s->records.ops->close(s->records.self);
    if (s->blocks.ops)
        s->blocks.ops->close(s->blocks.self);
}

static int64_t last_record(stores_t *s)
{
    bc_wr_t w = { 0 };
    int64_t n = 0;
    if (s->records.ops->get(s->records.self, BC_STR("vote"), &w) == BC_OK) {
        bc_wr_u8(&w, 0);
        n = strtoll((const char *)bc_wr_view(&w).p, NULL, 10);
    }
    bc_wr_free(&w);
    return n;
}

/* ---- the writer ---- */

static int writer(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    uint64_t seed = strtoull(argv[3], NULL, 10);
    stores_t s;
    tell_fd = 3;
    stores_open(&s, argv[2], argv[4][0] == '1');
    int64_t record = last_record(&s), number;
    bc_ledger_config_t *conf = s.api.ops->config(s.api.self);
    bc_h256_t hash = conf->hash;
    bc_ledger_config_unref(conf);
    BC_MUST(s.api.ops->number(s.api.self, &number) == BC_OK);
    for (;;) {
        made_t m = make_block(seed, ++number, &hash);
        /* a vote for it: transactions first, then the record, then it may leave the node */
        if (m.cnt && bc_ledger_store_txs(s.l, m.txs, m.cnt, number % 2 == 0))
            return 6;
        for (int i = 0; i < 3; i++) {
            char text[32];
            snprintf(text, sizeof text, "%lld", (long long)++record);
            bc_kv_change_t c = { BC_STR("vote"), bc_cstr(text), false };
            if (s.records.ops->write(s.records.self, &c, 1, true))
                return 7;
            tell(T_RECORD, record, "");
        }
        /* a few blocks with one wait for the disk, as block sync writes them; the last of a group
         * that broke off is made durable alone */
        bool sync = number % 5 != 1 && number % 5 != 2;
        if (bc_ledger_commit(s.l, m.header, m.txs, m.cnt, m.r, number % 3 == 0, sync))
            return 8;
        if (number % 10 == 2 && bc_ledger_sync(s.l))
            return 9;
        if (sync || number % 10 == 2)
            tell(T_BLOCK, number, "");
        hash = m.header->hash;
        made_free(&m);
    }
}

/* ---- the killer ---- */

typedef struct {
    char name[DIR_MAX];
    int64_t size;
} file_t;

typedef struct {
    uint64_t seed;
    char dir[DIR_MAX];
    bool separate;
    int64_t told_block, told_record; /* acknowledged to the writer */
    int64_t checked;                 /* blocks below were compared in full */
    file_t logs[1024];               /* of this start of the writer, and how much is synced */
    size_t log_cnt;
    int64_t cut_bytes;
} run_t;

static int64_t *log_size(run_t *r, const char *name)
{
    size_t i = 0;
    while (i < r->log_cnt && strcmp(r->logs[i].name, name) != 0)
        i++;
    if (i == r->log_cnt) {
        assert_true(i < BC_ARRAY_LEN(r->logs));
        r->log_cnt++;
        r->logs[i].size = 0;
        snprintf(r->logs[i].name, sizeof r->logs[i].name, "%s", name);
    }
    return &r->logs[i].size;
}

static void heard(run_t *r, const told_t *t)
{
    if (t->what == T_BLOCK)
        r->told_block = t->n;
    else if (t->what == T_RECORD)
        r->told_record = t->n;
    else
        *log_size(r, t->name) = t->n;
}

static void keep_log(run_t *r, const char *path, int64_t size)
{
    *log_size(r, path) = size;
}

/* What a power failure leaves of a log: no byte behind the last sync. */
static void cut_log(run_t *r, const char *path, int64_t size)
{
    int64_t safe = *log_size(r, path);
    r->cut_bytes += BC_MAX(size - safe, (int64_t)0);
    if (size > safe)
        assert_int_equal(truncate(path, safe), 0);
}

static void each_log(run_t *r, void (*each)(run_t *, const char *, int64_t))
{
    static const char *const stores[] = { "data", "consensus_log", "block" };
    for (size_t i = 0; i < BC_ARRAY_LEN(stores); i++) {
        char path[DIR_MAX + 300];
        snprintf(path, sizeof path, "%s/%s", r->dir, stores[i]);
        DIR *d = opendir(path);
        for (struct dirent *e; d && (e = readdir(d));) {
            size_t n = strlen(e->d_name);
            struct stat st;
            snprintf(path, sizeof path, "%s/%s/%s", r->dir, stores[i], e->d_name);
            if (n > 4 && strcmp(e->d_name + n - 4, ".log") == 0 && stat(path, &st) == 0)
                each(r, path, st.st_size);
        }
        if (d)
            closedir(d);
    }
}

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static pid_t start_writer(const run_t *r, int *from)
{
    int fds[2];
    char seed[24];
    assert_int_equal(pipe(fds), 0);
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)r->seed);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) { /* not in this process: the engine keeps threads */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(fds[1], 3);
        for (int fd = 4; fd < 64; fd++)
            close(fd);
        execl("/proc/self/exe", "writer", "writer", r->dir, seed, r->separate ? "1" : "0",
              (char *)NULL);
        _exit(127);
    }
    close(fds[1]);
    *from = fds[0];
    return pid;
}

/* Lets the writer work: for `us` microseconds after its first block, or after its start. */
static void write_and_kill(run_t *r, int64_t us, bool from_start)
{
    int fd;
    r->log_cnt = 0;
    each_log(r, keep_log);
    pid_t pid = start_writer(r, &fd);
    int64_t end = now_us() + (from_start ? us : 60000000);
    bool killed = false, opened = false;
    for (;;) {
        struct timespec left = { 0 };
        int64_t rest = end - now_us();
        if (!killed && rest <= 0) {
            kill(pid, SIGKILL);
            killed = true;
        }
        if (rest > 0)
            left = (struct timespec){ rest / 1000000, rest % 1000000 * 1000 };
        struct pollfd p = { .fd = fd, .events = POLLIN };
        if (ppoll(&p, 1, killed ? NULL : &left, NULL) <= 0)
            continue;
        told_t t;
        ssize_t n = read(fd, &t, sizeof t);
        if (n <= 0)
            break;
        assert_int_equal(n, sizeof t);
        heard(r, &t);
        if (t.what == T_BLOCK && !opened) {
            opened = true;
            end = from_start ? end : now_us() + us;
        }
    }
    close(fd);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFSIGNALED(status))
        fail_msg("the writer ended by itself with status %d", WEXITSTATUS(status));
}

/* ---- what must be there ---- */

static void check_block(stores_t *s, int64_t n, const made_t *m)
{
    bc_ledger_block_t *b;
    bc_h256_t hash;
    int64_t number;
    assert_int_equal(s->api.ops->hash_by_number(s->api.self, n, &hash), BC_OK);
    assert_memory_equal(hash.b, m->header->hash.b, 32);
    assert_int_equal(s->api.ops->number_by_hash(s->api.self, &hash, &number), BC_OK);
    assert_int_equal(number, n);
    assert_int_equal(s->api.ops->block(s->api.self, n, BC_WITH_TXS | BC_WITH_RECEIPTS, &b), BC_OK);
    assert_memory_equal(b->header->hash.b, hash.b, 32);
    assert_int_equal(b->tx_cnt, m->cnt);
    bc_arena_t arena = { 0 };
    bc_tars_list_t nonces;
    assert_int_equal(s->api.ops->nonces(s->api.self, n, &nonces, &arena), BC_OK);
    assert_int_equal(nonces.n, m->cnt);
    for (size_t i = 0; i < m->cnt; i++) {
        assert_memory_equal(b->tx_hashes[i].b, m->txs[i]->hash.b, 32);
        assert_non_null(b->txs[i]);
        assert_memory_equal(b->txs[i]->hash.b, m->txs[i]->hash.b, 32);
        assert_memory_equal(b->txs[i]->sender.b, m->txs[i]->sender.b, 20);
        assert_true(bc_bytes_eq(b->receipt_raw[i], m->r->receipt_raw[i]));
        assert_true(bc_bytes_eq(((bc_bytes_t *)nonces.v)[i], m->txs[i]->w.data.nonce));
    }
    bc_arena_free(&arena);
    bc_ledger_block_free(b);
}

/* Of the block behind the last one, nothing but transactions (and, with two stores, receipts that
 * no number leads to). */
static void check_nothing(const run_t *r, stores_t *s, int64_t n, const made_t *m)
{
    bc_h256_t hash;
    bc_ledger_block_t *b;
    bc_arena_t arena = { 0 };
    bc_tars_list_t nonces;
    int64_t number;
    bc_receipt_t receipt;
    assert_int_equal(s->api.ops->hash_by_number(s->api.self, n, &hash), BC_E_NOT_FOUND);
    assert_int_equal(s->api.ops->number_by_hash(s->api.self, &m->header->hash, &number),
                     BC_E_NOT_FOUND);
    assert_int_equal(s->api.ops->block(s->api.self, n, 0, &b), BC_E_NOT_FOUND);
    assert_int_equal(s->api.ops->nonces(s->api.self, n, &nonces, &arena), BC_E_NOT_FOUND);
    for (size_t i = 0; i < m->cnt && !r->separate; i++)
        assert_int_equal(s->api.ops->receipt(s->api.self, &m->txs[i]->hash, &receipt, &arena),
                         BC_E_NOT_FOUND);
    bc_arena_free(&arena);
}

static void check_state(const run_t *r, stores_t *s, int64_t height)
{
    for (unsigned k = 0; k < KEYS; k++) {
        int64_t last = height;
        while (last > 0 && row_op(r->seed, last, k) == KEEP)
            last--;
        char key[32], value[2048];
        bc_wr_t w = { 0 };
        snprintf(key, sizeof key, "u_crash:k%02u", k);
        bc_err_t err = s->kv.ops->get(s->kv.self, bc_cstr(key), &w);
        if (last == 0 || row_op(r->seed, last, k) == DEL) {
            assert_int_equal(err, BC_E_NOT_FOUND);
        } else {
            size_t n = row_value(r->seed, last, k, value);
            assert_int_equal(err, BC_OK);
            assert_true(bc_bytes_eq(bc_wr_view(&w), bc_bytes(value, n)));
        }
        bc_wr_free(&w);
    }
}

static int64_t check(run_t *r)
{
    stores_t s;
    stores_open(&s, r->dir, r->separate);
    bc_ledger_totals_t t;
    assert_int_equal(s.api.ops->totals(s.api.self, &t), BC_OK);
    assert_in_range(t.number, r->told_block, r->told_block + 3); /* the group under way, or a part */
    assert_in_range(last_record(&s), r->told_record, r->told_record + 1);
    int64_t txs = 0, failed = 0; /* those of block 0 do not count */
    bc_h256_t hash;
    assert_int_equal(s.api.ops->hash_by_number(s.api.self, 0, &hash), BC_OK);
    for (int64_t n = 1; n <= t.number + 1; n++) {
        size_t cnt = tx_cnt(r->seed, n);
        if (n <= t.number) {
            txs += (int64_t)cnt;
            failed += (int64_t)cnt / 3;
        }
        if (n < r->checked)
            continue;
        if (n == r->checked)
            assert_int_equal(s.api.ops->hash_by_number(s.api.self, n - 1, &hash), BC_OK);
        made_t m = make_block(r->seed, n, &hash);
        assert_int_equal(m.failed, cnt / 3);
        if (n <= t.number)
            check_block(&s, n, &m);
        else
            check_nothing(r, &s, n, &m);
        hash = m.header->hash;
        made_free(&m);
    }
    check_state(r, &s, t.number);
    assert_int_equal(t.tx_count, txs);
    assert_int_equal(t.failed_count, failed);
    r->told_block = t.number;
    r->told_record = last_record(&s);
    r->checked = BC_MAX(t.number - 20, (int64_t)1);
    stores_close(&s);
    return t.number;
}

static void remove_dir(const char *dir)
{
    pid_t pid = fork();
    if (pid == 0) {
        execlp("rm", "rm", "-rf", dir, (char *)NULL);
        _exit(127);
    }
    waitpid(pid, NULL, 0);
}

static uint64_t env_number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void a_killed_node_has_whole_blocks_and_its_votes(void **state)
{
    (void)state;
    const uint64_t kills = env_number("CBCOS_CRASH_KILLS", 40), per_store = 10;
    const uint64_t seed = env_number("CBCOS_CRASH_SEED", (uint64_t)time(NULL));
    const char *tmp = getenv("TMPDIR");
    int64_t blocks = 0, cut = 0;
    print_message("CBCOS_CRASH_SEED=%llu\n", (unsigned long long)seed);
    for (uint64_t k = 0; k < kills;) {
        run_t r = { .seed = mix(seed, k), .separate = k / per_store % 2 == 1, .checked = 1 };
        snprintf(r.dir, sizeof r.dir, "%s/cbcos-crash-XXXXXX", tmp ? tmp : "/tmp");
        assert_non_null(mkdtemp(r.dir));
        int64_t height = 0;
        for (uint64_t i = 0; i < per_store && k < kills; i++, k++) {
            uint64_t dice = mix(r.seed + 9, i);
            /* the first ones hit the making of the chain */
            bool early = i < 3 || dice % 8 == 0;
            write_and_kill(&r, (int64_t)(mix(dice, 1) % 60000), early);
            if (dice & 1 << 20)
                each_log(&r, cut_log);
            height = check(&r);
        }
        r.checked = 1;
        check(&r);
        blocks += height;
        cut += r.cut_bytes;
        remove_dir(r.dir);
    }
    print_message("%llu kills, %lld blocks, %lld unsynced bytes lost\n", (unsigned long long)kills,
                  (long long)blocks, (long long)cut);
    assert_true(kills < 20 || blocks > 20);
}

int main(int argc, char **argv)
{
    bc_log_set_level(BC_LOG_WARNING);
    if (argc > 1 && strcmp(argv[1], "writer") == 0)
        return writer(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_node_has_whole_blocks_and_its_votes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
