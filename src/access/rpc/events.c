/* Event subscriptions of SDK sessions (spec/20 §3.3).
 *
 * A task walks the chain from its first block. While it is behind it reads ten blocks at a time on
 * a worker; once it has caught up it sleeps, and each commit hands it the block at hand: nothing
 * polls. A task of a closed session dies at once, or when its read returns. */
#include <stdlib.h>

#include "access/rpc/call.h"

enum {
    BLOCKS_PER_READ = 10,
    TASKS_MAX = 20000,
    ID_MAX = 256,
    STATUS_OK = 0,
    STATUS_END = 1,
    STATUS_BAD_REQUEST = -41000,
    STATUS_NO_GROUP = -41002,
};

struct event_task {
    bc_node_read_t read;
    event_task_t *next, *prev;
    bc_rpc_session_t *session; /* a reference */
    bc_rpc_t *rpc;
    char *id;
    bc_log_query_t q;
    bc_arena_t arena;
    size_t counted;      /* bytes of the arena in rpc->query_bytes */
    int64_t current, to; /* to <= 0: no end */
    bool reading, dead;
    /* of a read */
    int64_t read_to, read_end;
    bc_wr_t found[BLOCKS_PER_READ];
};

static void task_free(event_task_t *t)
{
    if (t->prev)
        t->prev->next = t->next;
    else
        t->rpc->tasks = t->next;
    if (t->next)
        t->next->prev = t->prev;
    t->rpc->task_cnt--;
    session_unref(t->session);
    for (size_t i = 0; i < BLOCKS_PER_READ; i++)
        bc_wr_free(&t->found[i]);
    t->rpc->query_bytes -= t->counted;
    bc_arena_free(&t->arena);
    free(t->id);
    free(t);
}

static void task_end(event_task_t *t)
{
    t->dead = true;
    if (!t->reading)
        task_free(t);
}

static void status_json(bc_wr_t *w, bc_bytes_t id, int status)
{
    bc_jw_t j = bc_jw(w);
    bc_jw_obj(&j);
    bc_jw_key(&j, "id");
    bc_jw_str(&j, id);
    bc_jw_key(&j, "status");
    bc_jw_i64(&j, status);
    bc_jw_obj_end(&j);
    bc_wr_u8(w, '\n');
}

static void answer(bc_rpc_session_t *s, const bc_ws_message_t *m, bc_bytes_t id, int status)
{
    bc_wr_t w = { .max = 1 << 16 };
    status_json(&w, id, status);
    if (!w.err)
        sdk_answer(s, m, bc_wr_view(&w));
    bc_wr_free(&w);
}

/* {"id":..,"result":[..],"status":0} into w; nothing when no log matches. */
static void block_events(const event_task_t *t, const bc_log_source_t *src, bc_wr_t *w)
{
    bc_jw_t j = bc_jw(w);
    bc_jw_obj(&j);
    bc_jw_key(&j, "id");
    bc_jw_cstr(&j, t->id);
    bc_jw_key(&j, "result");
    bc_jw_arr(&j);
    size_t n = bc_log_json_block(&j, BC_LOG_EVENT, &t->q, src);
    bc_jw_arr_end(&j);
    bc_jw_key(&j, "status");
    bc_jw_i64(&j, STATUS_OK);
    bc_jw_obj_end(&j);
    bc_wr_u8(w, '\n');
    if (!n)
        bc_wr_reset(w);
}

static void push(event_task_t *t, bc_wr_t *w)
{
    if (w->n && !w->err && !t->dead)
        sdk_push(t->session, BC_WS_EVENT_LOG_PUSH, bc_wr_view(w));
    bc_wr_reset(w);
}

static bc_err_t read_run(bc_node_read_t *r, bc_ledger_if ledger, bc_executor_if exec,
                         bc_view_if latest)
{
    (void)exec;
    (void)latest;
    event_task_t *t = BC_OWNER(r, event_task_t, read);
    int64_t n = t->current;
    for (size_t i = 0; n <= t->read_to && i < BLOCKS_PER_READ; n++, i++) {
        bc_ledger_block_t *b;
        if (ledger.ops->block(ledger.self, n, BC_WITH_RECEIPTS, &b))
            break;
        bc_log_source_t src = bc_log_source_stored(b);
        if (b->receipts)
            block_events(t, &src, &t->found[i]);
        bc_ledger_block_free(b);
    }
    t->read_end = n;
    return BC_OK;
}

static void pump(event_task_t *t);

static void read_done(bc_op_t *op)
{
    event_task_t *t = BC_OWNER(op, event_task_t, read.op);
    bool moved = op->err == BC_OK && t->read_end > t->current;
    t->reading = false;
    t->rpc->in_flight--;
    for (size_t i = 0; i < BLOCKS_PER_READ; i++)
        push(t, &t->found[i]);
    if (moved)
        t->current = t->read_end;
    if (t->dead)
        task_free(t);
    else if (moved) /* else the store said no: the next commit tries again */
        pump(t);
}

static void pump(event_task_t *t)
{
    bc_rpc_t *rpc = t->rpc;
    if (t->reading || t->dead)
        return;
    const bc_committed_t *b = rpc->last;
    if (b && b->number == t->current && b->result && b->txs &&
        b->result->receipt_cnt == b->txs->cnt && (t->to <= 0 || t->current <= t->to)) {
        bc_log_source_t src = { .number = b->number,
                                .hash = &b->header->hash,
                                .tx_cnt = b->txs->cnt,
                                .txs = b->txs->v,
                                .receipts = b->result->receipts };
        block_events(t, &src, &t->found[0]);
        push(t, &t->found[0]);
        t->current++;
    }
    if (t->to > 0 && t->current > t->to) {
        bc_wr_t w = { .max = 1 << 16 };
        status_json(&w, bc_cstr(t->id), STATUS_END);
        sdk_push(t->session, BC_WS_EVENT_LOG_PUSH, bc_wr_view(&w));
        bc_wr_free(&w);
        task_end(t);
        return;
    }
    if (t->current > rpc->number)
        return;
    t->read_to = t->to > 0 ? BC_MIN(t->to, rpc->number) : rpc->number;
    t->read_end = t->current;
    t->reading = true;
    rpc->in_flight++;
    t->read.op.home = rpc->config.loop;
    t->read.op.done = read_done;
    t->read.job = read_run;
    rpc->node.ops->read(rpc->node.self, &t->read);
}

void events_committed(bc_rpc_t *rpc)
{
    for (event_task_t *t = rpc->tasks, *next; t; t = next) {
        next = t->next;
        pump(t);
    }
}

void events_session_closed(bc_rpc_session_t *s)
{
    for (event_task_t *t = s->rpc->tasks, *next; t; t = next) {
        next = t->next;
        if (t->session == s && !t->dead)
            task_end(t);
    }
}

void events_free(bc_rpc_t *rpc)
{
    while (rpc->tasks)
        task_free(rpc->tasks);
}

/* ---- requests ---- */

static event_task_t *task_find(bc_rpc_session_t *s, const char *id)
{
    for (event_task_t *t = s->rpc->tasks; t; t = t->next)
        if (!t->dead && t->session == s && strcmp(t->id, id) == 0)
            return t;
    return NULL;
}

static bool topic(event_task_t *t, size_t i, const cJSON *v)
{
    if (!cJSON_IsString(v))
        return false;
    return bc_log_query_topic(&t->q, i, bc_hex_strip0x(bc_cstr(v->valuestring)), &t->arena) ==
           BC_OK;
}

/* Official nodes keep a bare topic string as it is, so that one with 0x never matches; here it
 * means what an array of that one string means. */
static bool parse_params(event_task_t *t, const cJSON *p)
{
    if (!cJSON_IsObject(p))
        return false;
    const cJSON *from = cJSON_GetObjectItemCaseSensitive(p, "fromBlock");
    const cJSON *to = cJSON_GetObjectItemCaseSensitive(p, "toBlock");
    const cJSON *addresses = cJSON_GetObjectItemCaseSensitive(p, "addresses");
    const cJSON *topics = cJSON_GetObjectItemCaseSensitive(p, "topics"), *v, *inner;
    double first = cJSON_IsNumber(from) ? from->valuedouble : -1;
    double last = cJSON_IsNumber(to) ? to->valuedouble : -1;
    if (first > 9e15 || last > 9e15)
        return false;
    t->current = first > 0 ? (int64_t)first : t->rpc->number;
    t->to = last > 0 ? (int64_t)last : 0;
    cJSON_ArrayForEach(v, addresses)
    {
        if (!cJSON_IsString(v))
            return false;
        /* the case of an address is kept: stored ones are lower case */
        bc_bytes_t a = bc_hex_strip0x(bc_cstr(v->valuestring));
        for (size_t i = 0; i < a.n; i++)
            if (a.p[i] >= 'A' && a.p[i] <= 'F')
                a = (bc_bytes_t){ 0 };
        if (bc_log_query_address(&t->q, a, &t->arena))
            return false;
    }
    int n = cJSON_IsArray(topics) ? cJSON_GetArraySize(topics) : 0;
    if (n > BC_LOG_TOPICS)
        return false;
    t->q.position_cnt = (size_t)n;
    size_t i = 0;
    cJSON_ArrayForEach(v, topics)
    {
        if (cJSON_IsArray(v)) {
            cJSON_ArrayForEach(inner, v) if (!topic(t, i, inner)) return false;
        } else if (!cJSON_IsNull(v) && !topic(t, i, v)) {
            return false;
        }
        i++;
    }
    return true;
}

void events_subscribe(bc_rpc_session_t *s, const bc_ws_message_t *m)
{
    bc_rpc_t *rpc = s->rpc;
    cJSON *root = bc_json_parse(m->payload, 16, NULL);
    const cJSON *id = cJSON_IsObject(root) ? cJSON_GetObjectItemCaseSensitive(root, "id") : NULL;
    const cJSON *group = id ? cJSON_GetObjectItemCaseSensitive(root, "group") : NULL;
    event_task_t *t = NULL;
    if (!cJSON_IsString(id) || !cJSON_IsString(group) || strlen(id->valuestring) > ID_MAX ||
        rpc->task_cnt >= TASKS_MAX || rpc->query_bytes > RPC_QUERY_BYTES_MAX) {
        answer(s, m, BC_STR(""), STATUS_BAD_REQUEST);
        goto out;
    }
    bc_bytes_t name = bc_cstr(id->valuestring);
    if (!rpc_group_known(rpc, bc_cstr(group->valuestring))) {
        answer(s, m, name, STATUS_NO_GROUP);
        goto out;
    }
    if (task_find(s, id->valuestring)) { /* answered as a success, and dropped */
        answer(s, m, name, STATUS_OK);
        goto out;
    }
    t = bc_xcalloc(1, sizeof *t);
    t->rpc = rpc;
    t->session = s;
    s->refs++;
    t->id = bc_xstrdup(id->valuestring);
    for (size_t i = 0; i < BLOCKS_PER_READ; i++)
        t->found[i].max = 256 << 20;
    t->next = rpc->tasks;
    if (t->next)
        t->next->prev = t;
    rpc->tasks = t;
    rpc->task_cnt++;
    if (!parse_params(t, cJSON_GetObjectItemCaseSensitive(root, "params"))) {
        answer(s, m, BC_STR(""), STATUS_BAD_REQUEST);
        task_free(t);
        goto out;
    }
    t->counted = t->arena.used;
    rpc->query_bytes += t->counted;
    answer(s, m, name, STATUS_OK);
    pump(t);
out:
    cJSON_Delete(root);
}

void events_unsubscribe(bc_rpc_session_t *s, const bc_ws_message_t *m)
{
    cJSON *root = bc_json_parse(m->payload, 16, NULL);
    const cJSON *id = cJSON_IsObject(root) ? cJSON_GetObjectItemCaseSensitive(root, "id") : NULL;
    if (cJSON_IsString(id)) {
        event_task_t *t = task_find(s, id->valuestring);
        if (t)
            task_end(t);
        answer(s, m, bc_cstr(id->valuestring), STATUS_OK);
    } else {
        answer(s, m, BC_STR(""), STATUS_BAD_REQUEST);
    }
    cJSON_Delete(root);
}
