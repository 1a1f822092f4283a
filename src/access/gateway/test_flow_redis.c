/* Shared rate limits over a real Redis server, which the test runs by itself, and over bad ones. */
#include <arpa/inet.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include "access/gateway/test_lines.h"

#define KEY      "FISCO-BCOS 3.0 Gateway RateLimiter: group0"
#define KEY_2001 "FISCO-BCOS 3.0 Gateway RateLimiter: group0_2001"
#define HOUR_MS  3600000
#define LONG_MS  1000000

/* ---- the server ---- */

typedef struct {
    pid_t pid;
    uint16_t port;
    redisContext *c; /* a client that waits */
} server_t;

static bool have_server;

static pid_t run(const char *const *args)
{
    pid_t parent = getpid(), pid = fork();
    assert_true(pid >= 0);
    if (pid)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* it does not outlive a test that failed */
    if (getppid() != parent || !freopen("/dev/null", "w", stdout))
        _exit(127);
    execvp(args[0], (char *const *)args);
    _exit(127);
}

static int servers_new(void **state)
{
    int status;
    pid_t pid = run((const char *const[]){ "redis-server", "--version", NULL });
    have_server = waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status);
    if (!have_server)
        print_message("redis-server is not installed\n");
    return dir_new(state);
}

#define NEEDS_SERVER()                                                                             \
    do {                                                                                           \
        (void)state;                                                                               \
        if (!have_server)                                                                          \
            skip();                                                                                \
    } while (0)

static uint16_t free_port(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    close(fd);
    return ntohs(a.sin_port);
}

/* On s->port, if it has one. option: one more, with its values, or NULL. */
static void server_start(server_t *s, const char *const option[3], const char *password)
{
    char port[8];
    if (!s->port)
        s->port = free_port();
    snprintf(port, sizeof port, "%u", s->port);
    s->pid = run((const char *const[]){ "redis-server", "--port", port, "--bind", "127.0.0.1",
                                        "--save", "", "--appendonly", "no", "--dir", dir,
                                        option ? option[0] : NULL, option ? option[1] : NULL,
                                        option ? option[2] : NULL, NULL });
    for (int i = 0; i < 500; i++) {
        s->c = redisConnect("127.0.0.1", s->port);
        if (s->c && !s->c->err)
            break;
        redisFree(s->c);
        s->c = NULL;
        usleep(20000);
    }
    assert_non_null(s->c);
    if (password)
        freeReplyObject(redisCommand(s->c, "AUTH %s", password));
}

static void server_stop(server_t *s)
{
    redisFree(s->c);
    s->c = NULL;
    kill(s->pid, SIGKILL);
    assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
}

static long long asked(server_t *s, const char *format, const char *key)
{
    redisReply *a = redisCommand(s->c, format, key);
    assert_non_null(a);
    assert_int_not_equal(a->type, REDIS_REPLY_ERROR);
    long long n = a->type == REDIS_REPLY_INTEGER  ? a->integer
                  : a->type == REDIS_REPLY_STRING ? strtoll(a->str, NULL, 10)
                                                  : -1;
    freeReplyObject(a);
    return n;
}

/* The only key there, expiring within the window. */
static void expect_key(server_t *s, const char *key, long long window_s)
{
    redisReply *a = redisCommand(s->c, "KEYS *");
    assert_int_equal(a->elements, 1);
    assert_string_equal(a->element[0]->str, key);
    freeReplyObject(a);
    assert_in_range(asked(s, "TTL %s", key), window_s - 30, window_s);
}

/* ---- gateways ---- */

static void start_shared(net_t *net, size_t i, bc_flow_config_t flow, const server_t *s,
                         const int *dials)
{
    bc_flow_redis_config_t redis = { .ip = "127.0.0.1", .port = s->port, .timeout_ms = 5000 };
    bc_gateway_config_t c = config_of(&net->n[i], i);
    c.flow = &flow;
    c.redis = &redis;
    start(net, i, c, dials);
}

static bool settled(const net_t *net)
{
    for (size_t i = 0; i < NODES_MAX; i++) {
        const bc_gateway_t *g = net->n[i].g;
        if (g && (g->pending.cnt || atomic_load(&g->calls) ||
                  (g->redis && bc_flow_redis_stats(g->redis).waiting)))
            return false;
    }
    return true;
}

static void send_sized(net_t *net, size_t from, size_t to, uint16_t module, size_t n)
{
    bc_gateway_if api = bc_gateway_contract(net->n[from].g);
    bc_buf_t *b = bc_buf_new(n);
    memset(b->p, 'x', n);
    api.ops->send(api.self, "group0", &net->n[from].id, &net->n[to].id, module, b);
    UNTIL(net->l, settled(net));
}

static bool redis_connected(const net_t *net, size_t i)
{
    return bc_flow_redis_stats(net->n[i].g->redis).connected;
}

/* 0 and 1 share what they may send, 2 receives. */
static void group_shared(server_t *s, uint32_t percent)
{
    net_t net = { .l = bc_uv_loop_new("net") };
    bc_flow_config_t flow = { .window_ms = HOUR_MS, .group = 10, .portion_percent = percent };
    start_plain(&net, 2, (int[]){ -1 });
    start_shared(&net, 0, flow, s, (int[]){ 2, -1 });
    start_shared(&net, 1, flow, s, (int[]){ 2, -1 });
    UNTIL(net.l, net.n[0].seen_cnt == 2 && net.n[1].seen_cnt == 2 && net.n[2].seen_cnt == 2);
    UNTIL(net.l, redis_connected(&net, 0) && redis_connected(&net, 1));
    send_sized(&net, 0, 2, BC_MODULE_BLOCK_SYNC, 900);
    expect_key(s, KEY, 3600);
    long long drawn = 36000 - asked(s, "GET %s", KEY);
    for (int i = 1; i < 100; i++)
        send_sized(&net, i & 1, 2, BC_MODULE_BLOCK_SYNC, 900);
    expect_key(s, KEY, 3600);
    /* without portions the first draw was one message */
    static long long size;
    size = percent ? size : drawn;
    assert_in_range(size, 900, 1300);
    assert_true(!percent || drawn == 7200);
    long long passed = net.n[2].got * size, left = asked(s, "GET %s", KEY);
    assert_in_range(left, 0, size - 1);
    assert_in_range(passed, 36000 - 2 * size, 36000 + 2 * size);
    const bc_gateway_stats_t *a = &net.n[0].g->stats, *b = &net.n[1].g->stats;
    assert_int_equal(a->limited_out + b->limited_out, 100 - net.n[2].got);
    assert_true(a->limited_out && b->limited_out);
    UNTIL(net.l, bc_gateway_stats(net.n[0].g).redis.refusals > 0);
    assert_int_equal(bc_gateway_stats(net.n[0].g).redis.failures, 0);
    asked(s, "DEL %s", KEY);
    net_end(&net);
}

static void gateways_share_the_bandwidth_of_a_group(void **state)
{
    NEEDS_SERVER();
    server_t s = { 0 };
    server_start(&s, NULL, NULL);
    group_shared(&s, 0);
    group_shared(&s, 20);
    server_stop(&s);
}

static void gateways_share_the_rate_of_a_module(void **state)
{
    NEEDS_SERVER();
    server_t s = { 0 };
    net_t net = { .l = bc_uv_loop_new("net") };
    server_start(&s, NULL, NULL);
    bc_flow_module_t modules[] = { { BC_MODULE_TXS_SYNC, 1 } };
    bc_flow_config_t flow = { .window_ms = 60000, .modules = modules, .module_cnt = 1 };
    start_shared(&net, 0, flow, &s, (int[]){ -1 });
    start_shared(&net, 1, flow, &s, (int[]){ -1 });
    start_plain(&net, 2, (int[]){ 0, 1, -1 });
    UNTIL(net.l, net.n[2].seen_cnt == 2 && net.n[0].seen_cnt == 2 && net.n[1].seen_cnt == 2);
    UNTIL(net.l, redis_connected(&net, 0) && redis_connected(&net, 1));
    for (int i = 0; i < 100; i++)
        send_sized(&net, 2, i & 1, BC_MODULE_TXS_SYNC, 10);
    expect_key(&s, KEY_2001, 60);
    assert_int_equal(asked(&s, "GET %s", KEY_2001), 0);
    assert_in_range(net.n[0].got + net.n[1].got, 60, 62);
    assert_true(net.n[0].got >= 30 && net.n[1].got >= 30);
    net_end(&net);
    server_stop(&s);
}

/* ---- one flow ---- */

typedef struct {
    bc_uv_loop_t *l;
    bc_flow_redis_t *r;
    bc_flow_t *f;
} rig_t;

/* A group with 1000 permits in the window. */
static rig_t rig_new(bc_flow_redis_config_t redis, uint32_t window_ms)
{
    rig_t g = { .l = bc_uv_loop_new("flow") };
    redis.ip = "127.0.0.1";
    log_begin();
    g.r = bc_flow_redis_new(g.l, &redis);
    g.f = bc_flow_new(&(bc_flow_config_t){ .window_ms = window_ms,
                                           .group = 1000000 / window_ms,
                                           .remote = bc_flow_redis_remote(g.r) });
    return g;
}

static void rig_free(rig_t *g)
{
    bc_flow_redis_free(g->r);
    bc_flow_free(g->f);
    bc_uv_loop_free(g->l);
}

static bool out(rig_t *g, size_t n)
{
    return bc_flow_out(g->f, bc_uv_loop_now(g->l), "1.1.1.1", BC_STR("group0"), 2000, n);
}

static bool connected(const rig_t *g)
{
    return bc_flow_redis_stats(g->r).connected;
}

static void quiet(rig_t *g)
{
    UNTIL(g->l, !bc_flow_redis_stats(g->r).waiting);
}

/* Passes messages until one is refused; how much that was. */
static size_t drain(rig_t *g, size_t size)
{
    size_t n = 0;
    for (; out(g, size); n += size) {
        assert_true(n < 100000);
        quiet(g);
    }
    return n;
}

/* The log of the rig as text, and whether the texts are in it so often. */
static void expect_log(const char *const *texts, const unsigned *times)
{
    bc_wr_t w = { 0 };
    log_take(&w);
    bc_wr_u8(&w, 0);
    for (size_t i = 0; texts[i]; i++) {
        unsigned n = 0;
        for (const char *p = (char *)w.p; (p = strstr(p, texts[i])); p++)
            n++;
        if (n != times[i])
            fail_msg("%u times '%s' in:\n%s", n, texts[i], (char *)w.p);
    }
    bc_wr_free(&w);
}
#define LOG_HAS(...) expect_log((const char *const[]){ __VA_ARGS__, NULL }, times)

static void a_budget_comes_anew_with_the_window(void **state)
{
    NEEDS_SERVER();
    server_t s = { 0 };
    server_start(&s, NULL, NULL);
    rig_t g = rig_new((bc_flow_redis_config_t){ .port = s.port }, 2000);
    UNTIL(g.l, connected(&g));
    assert_in_range(drain(&g, 100), 1000, 1100);
    UNTIL(g.l, out(&g, 100)); /* probes until the key is gone */
    quiet(&g);
    assert_in_range(drain(&g, 100), 700, 1000);
    /* what others take is not there for us: an official gateway does the same */
    asked(&s, "DEL %s", KEY);
    UNTIL(g.l, out(&g, 100));
    quiet(&g);
    asked(&s, "DECRBY %s 890", KEY);
    assert_in_range(drain(&g, 100), 0, 200);
    rig_free(&g);
    unsigned times[] = { 1, 0 };
    LOG_HAS("connected: ", "away");
    server_stop(&s);
}

static void passwords_and_databases(void **state)
{
    NEEDS_SERVER();
    server_t s = { 0 };
    server_start(&s, (const char *const[3]){ "--requirepass", "open, sesame" }, "open, sesame");
    bc_flow_redis_config_t redis = { .port = s.port, .password = "open, sesame", .db = 3 };
    rig_t g = rig_new(redis, LONG_MS);
    UNTIL(g.l, connected(&g));
    assert_true(out(&g, 100));
    quiet(&g);
    asked(&s, "SELECT 3", NULL);
    assert_int_equal(asked(&s, "GET %s", KEY), 900);
    rig_free(&g);
    unsigned times[] = { 1, 0, 0 };
    LOG_HAS("connected: shared rate limits are kept,address=127.0.0.1:", "away", "sesame");
    server_stop(&s);
}

/* Everything passes, and the log says why, once. */
static void refused(const char *const option[3], bc_flow_redis_config_t redis, const char *reason)
{
    server_t s = { 0 };
    server_start(&s, option, NULL);
    redis.port = s.port;
    rig_t g = rig_new(redis, LONG_MS);
    for (int i = 0; i < 60; i++) { /* it is tried again, too */
        assert_true(out(&g, 1000));
        bc_uv_loop_poll(g.l, 20);
    }
    assert_false(connected(&g));
    assert_true(bc_flow_redis_stats(g.r).failures >= 60);
    rig_free(&g);
    unsigned times[] = { 1, 1, 0 };
    LOG_HAS("away: shared rate limits are not kept,address=127.0.0.1:", reason, "sesame");
    server_stop(&s);
}

static void refusals_are_told_and_everything_passes(void **state)
{
    NEEDS_SERVER();
    bc_flow_redis_config_t none = { 0 }, password = { .password = "sesame" }, db = { .db = 99 };
    const char *const other[3] = { "--requirepass", "other" };
    refused(other, password, "reason=AUTH: WRONGPASS");
    refused(other, none, "reason=PING: NOAUTH");
    refused(NULL, password, "reason=AUTH: ERR AUTH <password> called without any password");
    refused(NULL, db, "reason=SELECT: ERR DB index is out of range");
    const char *const renamed[3] = { "--rename-command", "AUTH", "login" };
    refused(renamed, password, "reason=AUTH: ERR unknown command "); /* it repeats all of it */
}

static void a_server_goes_and_comes_back(void **state)
{
    NEEDS_SERVER();
    server_t s = { 0 };
    server_start(&s, NULL, NULL);
    rig_t g = rig_new((bc_flow_redis_config_t){ .port = s.port }, 2000);
    UNTIL(g.l, connected(&g));
    assert_in_range(drain(&g, 100), 1000, 1100);
    server_stop(&s);
    UNTIL(g.l, !connected(&g));
    UNTIL(g.l, out(&g, 100)); /* the next probe shows it */
    for (int i = 0; i < 50; i++) {
        assert_true(out(&g, 1000));
        bc_uv_loop_poll(g.l, 10);
    }
    server_start(&s, NULL, NULL);
    UNTIL(g.l, connected(&g));
    assert_in_range(drain(&g, 100), 1000, 1100);
    rig_free(&g);
    unsigned times[] = { 1, 1, 1 };
    LOG_HAS("connected: ", "]away: ", "]back: ");
    server_stop(&s);
}

static void a_server_that_does_not_answer_is_away(void **state)
{
    NEEDS_SERVER();
    server_t s = { 0 };
    server_start(&s, NULL, NULL);
    rig_t g = rig_new((bc_flow_redis_config_t){ .port = s.port, .timeout_ms = 200 }, LONG_MS);
    UNTIL(g.l, connected(&g));
    kill(s.pid, SIGSTOP);
    assert_true(out(&g, 200));
    assert_false(out(&g, 900)); /* credit has an end */
    UNTIL(g.l, !connected(&g));
    for (int i = 0; i < 50; i++) { /* the kernel still connects, the greeting has no answer */
        assert_true(out(&g, 277));
        bc_uv_loop_poll(g.l, 10);
    }
    kill(s.pid, SIGCONT);
    UNTIL(g.l, connected(&g));
    rig_free(&g);
    unsigned times[] = { 1, 1 };
    LOG_HAS("reason=no answer in time", "]back: ");
    server_stop(&s);
}

static void a_key_that_is_no_number_is_told(void **state)
{
    NEEDS_SERVER();
    server_t s = { 0 };
    server_start(&s, NULL, NULL);
    asked(&s, "LPUSH %s x", KEY);
    rig_t g = rig_new((bc_flow_redis_config_t){ .port = s.port }, LONG_MS);
    UNTIL(g.l, connected(&g));
    for (int i = 0; i < 10; i++) {
        assert_true(out(&g, 277));
        quiet(&g);
    }
    assert_true(connected(&g));
    assert_int_equal(bc_flow_redis_stats(g.r).failures, 10);
    rig_free(&g);
    unsigned times[] = { 1, 0 };
    LOG_HAS("a draw failed,address=127.0.0.1:", "away");
    server_stop(&s);
}

/* ---- bad servers ---- */

typedef struct {
    const char *greeting, *answer; /* to PING, to a draw; NULL: silence */
    size_t fill; /* bytes after the answer */
    bc_conn_t *c;
    unsigned accepted;
} bad_t;

static void bad_data(bc_conn_t *c, bc_bytes_t data, void *ctx)
{
    bad_t *b = ctx;
    bool ping = memmem(data.p, data.n, "PING", 4) != NULL;
    const char *text = ping ? b->greeting : b->answer;
    if (!text)
        return;
    bc_conn_write(c, bc_cstr(text));
    for (size_t i = 0; !ping && i < b->fill; i++)
        bc_conn_write(c, BC_STR("x"));
}

static void bad_close(bc_conn_t *c, bc_err_t why, void *ctx)
{
    (void)why;
    bad_t *b = ctx;
    if (b->c == c)
        b->c = NULL;
}

static void bad_accept(bc_conn_t *c, void *ctx)
{
    static const bc_conn_handler_t h = { .on_data = bad_data, .on_close = bad_close };
    bad_t *b = ctx;
    b->c = c;
    b->accepted++;
    bc_conn_handle(c, &h, b);
}

/* stays: the answer is a failure of that draw only. */
static void bad_server(bad_t b, bool greets, bool stays, const char *reason)
{
    rig_t g = { .l = bc_uv_loop_new("bad") };
    bc_listener_t *s;
    bc_listen_config_t lc = { .ip = "127.0.0.1", .on_accept = bad_accept, .ctx = &b };
    assert_int_equal(bc_listener_new(g.l, &lc, &s), BC_OK);
    bc_flow_redis_config_t redis = { .ip = "127.0.0.1", .port = bc_listener_port(s),
                                     .timeout_ms = 200 };
    log_begin();
    g.r = bc_flow_redis_new(g.l, &redis);
    g.f = bc_flow_new(&(bc_flow_config_t){ .window_ms = 1000, .group = 1000,
                                           .remote = bc_flow_redis_remote(g.r) });
    if (greets)
        UNTIL(g.l, connected(&g));
    assert_true(out(&g, 900));
    UNTIL(g.l, bc_flow_redis_stats(g.r).failures > 0 && (stays || b.accepted >= 2));
    assert_true(!stays || connected(&g));
    assert_true(out(&g, 900)); /* nothing is owed */
    bc_flow_redis_free(g.r);
    bc_flow_free(g.f);
    bc_listener_free(s);
    for (int i = 0; i < 100 && b.c; i++)
        bc_uv_loop_poll(g.l, 10);
    assert_null(b.c);
    bc_uv_loop_free(g.l);
    EXPECT_LINE("[GATEWAY][REDIS]", reason);
}

static void bad_servers_do_no_harm(void **state)
{
    (void)state;
    const char *pong = "+PONG\r\n", *speech = "it does not speak as a Redis server does";
    const char *draw = "unexpected answer";
    bad_server((bad_t){ pong, ":-2\r\n" }, true, true, draw);
    bad_server((bad_t){ pong, ":901\r\n" }, true, true, draw);
    bad_server((bad_t){ pong, ":0\r\n" }, true, true, draw);
    bad_server((bad_t){ pong, "+OK\r\n" }, true, true, draw);
    bad_server((bad_t){ pong, "-ERR a\tb\r\n" }, true, true, "reason=ERR a?b");
    bad_server((bad_t){ pong, ":9999999999999999999999\r\n" }, true, false, speech);
    bad_server((bad_t){ pong, "*2000000000\r\n" }, true, false, speech);
    bad_server((bad_t){ pong, "$5\r\nhello\r\n" }, true, false, speech);
    bad_server((bad_t){ pong, "\r\n" }, true, false, speech);
    bad_server((bad_t){ pong, "+", .fill = 10000 }, true, false, speech);
    bad_server((bad_t){ pong, "+O\r\n:900\r\n" }, true, false, speech); /* one too many */
    bad_server((bad_t){ pong, NULL }, true, false, "no answer in time");
    bad_server((bad_t){ "+PONG\r\n+PONG\r\n", NULL }, false, false, speech);
    bad_server((bad_t){ "HTTP/1.1 400 Bad Request\r\n\r\n", NULL }, false, false, speech);
    bad_server((bad_t){ "-LOADING data\r\n", NULL }, false, false, "reason=PING: LOADING data");
    bad_server((bad_t){ NULL, NULL }, false, false, "no answer in time");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gateways_share_the_bandwidth_of_a_group),
        cmocka_unit_test(gateways_share_the_rate_of_a_module),
        cmocka_unit_test(a_budget_comes_anew_with_the_window),
        cmocka_unit_test(passwords_and_databases),
        cmocka_unit_test(refusals_are_told_and_everything_passes),
        cmocka_unit_test(a_server_goes_and_comes_back),
        cmocka_unit_test(a_server_that_does_not_answer_is_away),
        cmocka_unit_test(a_key_that_is_no_number_is_told),
        cmocka_unit_test(bad_servers_do_no_harm),
    };
    return cmocka_run_group_tests_name("flow over redis", tests, servers_new, dir_free);
}
