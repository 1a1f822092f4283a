/* hiredis knows the form of commands and answers; the connection is ours, as all others of the
 * loop. hiredis' own asynchronous one ends the process when a server says more than was asked. */
#include "access/gateway/flow_redis.h"
#include "access/net/net.h"
#include "base/log.h"
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    DRAWS_MAX = 1024,
    ANSWER_MAX = 4096, /* bytes of one that is not complete */
    QUEUE_MAX = 1 << 20,
    TIMEOUT_MS_DEFAULT = 1000,
    WAIT_MS_MIN = 200,
    WAIT_MS_MAX = 10000,
    STEPS_MAX = 3,
};

/* What the log has said of the server's absence. */
typedef enum { TOLD_NOTHING, TOLD_AWAY, TOLD_REFUSAL } told_t;

typedef struct {
    bc_flow_t *flow;
    void *window;
    uint64_t n;
    int64_t at;
} draw_t;

struct bc_flow_redis {
    bc_uv_loop_t *loop;
    bc_timer_t *timer; /* no connection: dials; else looks for answers that are late */
    bc_conn_t *c;
    redisReader *reader;
    char host[64], *password;
    uint16_t port;
    int32_t db;
    uint32_t timeout_ms, wait_ms;

    const char *steps[STEPS_MAX]; /* of the greeting: commands whose answers are to come */
    size_t step, step_cnt;
    int64_t greeted_at;
    bool ready; /* greeted */
    told_t told;
    bool told_error; /* of a draw, on this connection */

    draw_t draws[DRAWS_MAX]; /* a ring: answers come in order */
    size_t first, cnt;
    bc_flow_redis_stats_t stats;
};

/* KEYS[1]: the budget. ARGV: its maximum, what is asked for, seconds of the window. */
static const char script[] = "local left = redis.call('GET', KEYS[1])\n"
                             "if not left then\n"
                             "  redis.call('SET', KEYS[1], ARGV[1])\n"
                             "  redis.call('EXPIRE', KEYS[1], ARGV[3])\n"
                             "  left = ARGV[1]\n"
                             "end\n"
                             "if tonumber(left) < tonumber(ARGV[2]) then return -1 end\n"
                             "redis.call('DECRBY', KEYS[1], ARGV[2])\n"
                             "return tonumber(ARGV[2])\n";

/* ---- the end of a connection ---- */

static void ignore_data(bc_conn_t *c, bc_bytes_t data, void *ctx)
{
    (void)c, (void)data, (void)ctx;
}

static void ignore_open(bc_conn_t *c, void *ctx)
{
    (void)c, (void)ctx;
}

static void ignore_close(bc_conn_t *c, bc_err_t why, void *ctx)
{
    (void)c, (void)why, (void)ctx;
}

static const bc_conn_handler_t ignored = { .on_open = ignore_open, .on_data = ignore_data,
                                           .on_close = ignore_close };

static void hang_up(bc_flow_redis_t *r)
{
    if (r->c) {
        bc_conn_handle(r->c, &ignored, NULL); /* it ends later than we may */
        bc_conn_close(r->c, false);
    }
    r->c = NULL;
    r->ready = false;
}

static draw_t shift(bc_flow_redis_t *r)
{
    draw_t d = r->draws[r->first];
    r->first = (r->first + 1) % DRAWS_MAX;
    r->cnt--;
    return d;
}

static void away(bc_flow_redis_t *r, told_t kind, const char *reason)
{
    hang_up(r);
    if (kind > r->told) {
        r->told = kind;
        BC_WARN("[GATEWAY][REDIS]", "away: shared rate limits are not kept,address=%s:%u,reason=%s",
                r->host, r->port, reason);
    }
    while (r->cnt) { /* nothing new gets in: not ready */
        draw_t d = shift(r);
        r->stats.failures++;
        bc_flow_drawn(d.flow, bc_uv_loop_now(r->loop), d.window, BC_FLOW_FAILED);
    }
    bc_timer_set(r->timer, r->wait_ms, 0);
    r->wait_ms = BC_MIN(r->wait_ms * 2, (uint32_t)WAIT_MS_MAX);
}

/* What the server says, for a log line. Not beyond the first quote: Redis repeats commands that it
 * does not know, and the one before our password may be among them. */
static void said(const redisReply *a, char *out, size_t size)
{
    size_t n = BC_MIN(strcspn(a->str, "'`\""), size - 1);
    for (size_t i = 0; i < n; i++)
        out[i] = a->str[i] < ' ' || a->str[i] > '~' ? '?' : a->str[i];
    out[n] = 0;
}

/* ---- commands ---- */

static bool command(bc_flow_redis_t *r, int cnt, const char **v, const size_t *n)
{
    char *text = NULL;
    int len = redisFormatCommandArgv(&text, cnt, v, n);
    bool sent = len > 0 && !bc_conn_write(r->c, bc_bytes(text, (size_t)len));
    redisFreeCommand(text);
    return sent;
}

static bool greet(bc_flow_redis_t *r, const char *name, const char *arg)
{
    r->steps[r->step_cnt++] = name;
    return command(r, arg ? 2 : 1, (const char *[]){ name, arg }, NULL);
}

static void on_open(bc_conn_t *c, void *ctx)
{
    (void)c;
    bc_flow_redis_t *r = ctx;
    char db[16];
    snprintf(db, sizeof db, "%d", r->db);
    r->step = r->step_cnt = 0;
    r->told_error = false;
    r->greeted_at = bc_uv_loop_now(r->loop);
    bc_timer_set(r->timer, r->timeout_ms, 0);
    /* PING: a server that wants a password, or still loads its data, says so before it matters */
    if ((r->password[0] && !greet(r, "AUTH", r->password)) || (r->db && !greet(r, "SELECT", db)) ||
        !greet(r, "PING", NULL))
        away(r, TOLD_AWAY, "no memory");
}

static bool draw(void *ctx, bc_flow_t *f, void *window, bc_bytes_t key, uint64_t max,
                 uint32_t window_s, uint64_t n)
{
    bc_flow_redis_t *r = ctx;
    char name[256], number[3][24];
    bool fits = sizeof BC_FLOW_REDIS_PREFIX + key.n <= sizeof name;
    if (!r->ready || r->cnt == DRAWS_MAX || !fits) {
        r->stats.failures++;
        return false;
    }
    size_t name_n = sizeof BC_FLOW_REDIS_PREFIX - 1 + key.n;
    memcpy(name, BC_FLOW_REDIS_PREFIX, sizeof BC_FLOW_REDIS_PREFIX - 1);
    memcpy(name + sizeof BC_FLOW_REDIS_PREFIX - 1, key.p, key.n);
    size_t number_n[3];
    const uint64_t numbers[3] = { max, n, window_s };
    for (size_t i = 0; i < 3; i++)
        number_n[i] = (size_t)snprintf(number[i], sizeof number[i], "%llu",
                                       (unsigned long long)numbers[i]);
    const char *v[] = { "EVAL", script, "1", name, number[0], number[1], number[2] };
    const size_t len[] = { 4, sizeof script - 1, 1, name_n, number_n[0], number_n[1], number_n[2] };
    if (!command(r, BC_ARRAY_LEN(v), v, len)) {
        r->stats.failures++;
        return false;
    }
    if (!r->cnt)
        bc_timer_set(r->timer, r->timeout_ms, 0);
    r->draws[(r->first + r->cnt++) % DRAWS_MAX] =
        (draw_t){ f, window, n, bc_uv_loop_now(r->loop) };
    r->stats.draws++;
    return true;
}

/* ---- answers ---- */

static void greeted(bc_flow_redis_t *r, const redisReply *a)
{
    char text[128], reason[160];
    if (a->type == REDIS_REPLY_ERROR) {
        said(a, text, sizeof text);
        snprintf(reason, sizeof reason, "%s: %s", r->steps[r->step], text);
        away(r, TOLD_REFUSAL, reason);
        return;
    }
    if (++r->step < r->step_cnt)
        return;
    r->ready = true;
    BC_INFO("[GATEWAY][REDIS]", "%s: shared rate limits are kept,address=%s:%u,db=%d",
            r->told ? "back" : "connected", r->host, r->port, r->db);
    r->told = TOLD_NOTHING;
}

static void drawn(bc_flow_redis_t *r, const redisReply *a)
{
    draw_t d = shift(r);
    bc_flow_drawn_t how = BC_FLOW_FAILED;
    if (a->type == REDIS_REPLY_INTEGER && a->integer == -1) {
        how = BC_FLOW_REFUSED;
        r->stats.refusals++;
    } else if (a->type == REDIS_REPLY_INTEGER && a->integer >= 0 && (uint64_t)a->integer == d.n) {
        how = BC_FLOW_GRANTED;
    } else {
        r->stats.failures++;
        if (!r->told_error) {
            char text[128] = "unexpected answer";
            if (a->type == REDIS_REPLY_ERROR)
                said(a, text, sizeof text);
            BC_WARN("[GATEWAY][REDIS]", "a draw failed,address=%s:%u,reason=%s", r->host, r->port,
                    text);
        }
        r->told_error = true;
    }
    if (how != BC_FLOW_FAILED)
        r->wait_ms = WAIT_MS_MIN; /* it works; a greeting alone does not tell */
    bc_flow_drawn(d.flow, bc_uv_loop_now(r->loop), d.window, how);
}

/* Only answers of one line are expected. Others are not given to the reader: it would make room for
 * as many elements as they announce. */
static bool expected(const redisReader *in)
{
    char kind = in->buf[in->pos];
    return in->ridx >= 0 || kind == '+' || kind == '-' || kind == ':';
}

static void on_data(bc_conn_t *c, bc_bytes_t data, void *ctx)
{
    bc_flow_redis_t *r = ctx;
    redisReader *in = r->reader;
    if (redisReaderFeed(in, (const char *)data.p, data.n)) {
        away(r, TOLD_AWAY, "no memory");
        return;
    }
    while (r->c == c && in->pos < in->len) {
        void *answer = NULL;
        bool known = (!r->ready || r->cnt) && expected(in);
        if (!known || redisReaderGetReply(in, &answer) ||
            (!answer && in->len - in->pos > ANSWER_MAX)) {
            away(r, TOLD_AWAY, "it does not speak as a Redis server does");
            return;
        }
        if (!answer)
            return;
        if (r->ready)
            drawn(r, answer);
        else
            greeted(r, answer);
        freeReplyObject(answer);
    }
}

static void on_close(bc_conn_t *c, bc_err_t why, void *ctx)
{
    (void)c;
    bc_flow_redis_t *r = ctx;
    r->c = NULL;
    away(r, TOLD_AWAY, bc_err_name(why));
}

static const bc_conn_handler_t handler = { .on_open = on_open, .on_data = on_data,
                                           .on_close = on_close };

/* ---- time ---- */

static void dial(bc_flow_redis_t *r)
{
    if (r->reader)
        redisReaderFree(r->reader); /* it may have stopped in the middle of an answer */
    r->reader = redisReaderCreate();
    bc_conn_limits_t limits = { .setup_ms = r->timeout_ms, .queue_max = QUEUE_MAX };
    if (r->reader)
        r->c = bc_conn_connect(r->loop, r->host, r->port, NULL, &limits, &handler, r);
    else
        away(r, TOLD_AWAY, "no memory");
}

static void on_timer(void *ctx)
{
    bc_flow_redis_t *r = ctx;
    if (!r->c) {
        dial(r);
        return;
    }
    if (r->ready && !r->cnt)
        return;
    int64_t since = r->ready ? r->draws[r->first].at : r->greeted_at;
    int64_t left = since + r->timeout_ms - bc_uv_loop_now(r->loop);
    if (left > 0)
        bc_timer_set(r->timer, (uint64_t)left, 0);
    else
        away(r, TOLD_AWAY, "no answer in time");
}

/* ---- making ---- */

bc_flow_redis_t *bc_flow_redis_new(bc_uv_loop_t *l, const bc_flow_redis_config_t *c)
{
    bc_flow_redis_t *r = bc_xcalloc(1, sizeof *r);
    r->loop = l;
    r->timer = bc_timer_new(l, on_timer, r);
    snprintf(r->host, sizeof r->host, strchr(c->ip, ':') ? "[%s]" : "%s", c->ip);
    r->port = c->port;
    r->password = bc_xstrdup(c->password ? c->password : "");
    r->db = c->db;
    r->timeout_ms = c->timeout_ms > 0 ? (uint32_t)c->timeout_ms : TIMEOUT_MS_DEFAULT;
    r->wait_ms = WAIT_MS_MIN;
    dial(r);
    return r;
}

void bc_flow_redis_free(bc_flow_redis_t *r)
{
    if (!r)
        return;
    hang_up(r);
    bc_timer_free(r->timer);
    if (r->reader)
        redisReaderFree(r->reader);
    explicit_bzero(r->password, strlen(r->password));
    free(r->password);
    free(r);
}

bc_flow_remote_t bc_flow_redis_remote(bc_flow_redis_t *r)
{
    return (bc_flow_remote_t){ .draw = draw, .ctx = r };
}

bc_flow_redis_stats_t bc_flow_redis_stats(const bc_flow_redis_t *r)
{
    bc_flow_redis_stats_t s = r->stats;
    s.waiting = r->cnt;
    s.connected = r->ready;
    return s;
}
