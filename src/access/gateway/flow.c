#include "access/gateway/flow.h"
#include "base/map.h"
#include <stdlib.h>

enum {
    KEY_MAX = 128,
    WINDOWS_MAX = 65536,
    TYPES = 16,
    MODULES = 65536,
};

/* Packet types limited when none are named: heartbeat, handshake, node status and router ones. */
static const uint16_t default_types[] = { 1, 2, 3, 4, 9, 10, 11, 12 };

typedef struct {
    uint64_t max, left; /* 0 max: no limit */
    int64_t since;      /* the window began */
    bool named;         /* a limit of its own: stays */
    size_t key_n;
    char key[];
} window_t;

typedef struct {
    uint64_t each; /* of names without a limit of their own */
    bc_map_t windows;
} table_t;

struct bc_flow {
    int64_t window_ms;
    bool allow_exceed;
    window_t *total;
    table_t conns, groups, types, modules;
    bool free_module[MODULES];
    bool limited_type[TYPES];
    uint64_t module_limit[MODULES];
};

/* ---- windows ---- */

static bc_bytes_t window_key(const void *item)
{
    const window_t *w = item;
    return bc_bytes(w->key, w->key_n);
}

static uint64_t permits(const bc_flow_t *f, uint64_t per_second)
{
    uint64_t ms = (uint64_t)f->window_ms;
    return per_second > UINT64_MAX / ms ? UINT64_MAX : BC_MAX(per_second * ms / 1000, 1u);
}

static window_t *window_new(const bc_flow_t *f, uint64_t per_second, bc_bytes_t key)
{
    window_t *w = bc_xcalloc(1, sizeof *w + key.n);
    w->max = w->left = permits(f, per_second);
    w->since = INT64_MIN;
    w->key_n = key.n;
    if (key.n)
        memcpy(w->key, key.p, key.n);
    return w;
}

static bool take(const bc_flow_t *f, window_t *w, int64_t now, uint64_t n)
{
    if (!w)
        return true;
    if (n > w->max)
        return f->allow_exceed;
    if (w->since == INT64_MIN || now - w->since >= f->window_ms) {
        w->since = now;
        w->left = w->max;
    }
    if (w->left < n)
        return false;
    w->left -= n;
    return true;
}

static void give_back(window_t *w, uint64_t n)
{
    if (w && n <= w->max)
        w->left = BC_MIN(w->left + n, w->max);
}

/* ---- tables ---- */

/* Windows that are over say nothing: they make room. */
static void sweep(const bc_flow_t *f, table_t *t, int64_t now)
{
    bc_map_t kept;
    bc_map_init(&kept, window_key);
    window_t *w;
    for (size_t i = 0; (w = bc_map_next(&t->windows, &i));) {
        if ((!w->named && now - w->since >= f->window_ms) || bc_map_insert(&kept, w))
            free(w);
    }
    bc_map_free(&t->windows);
    t->windows = kept;
}

/* NULL: no limit for that name, or too many names at once. */
static window_t *window_of(const bc_flow_t *f, table_t *t, int64_t now, bc_bytes_t key,
                           uint64_t per_second)
{
    window_t *w = bc_map_find(&t->windows, key);
    if (w || !per_second)
        return w;
    if (t->windows.cnt >= WINDOWS_MAX)
        sweep(f, t, now);
    if (t->windows.cnt >= WINDOWS_MAX)
        return NULL;
    w = window_new(f, per_second, key);
    w->since = now;
    if (bc_map_insert(&t->windows, w)) {
        free(w);
        return NULL;
    }
    return w;
}

static void table_init(const bc_flow_t *f, table_t *t, uint64_t each, const bc_flow_limit_t *named,
                       size_t n)
{
    bc_map_init(&t->windows, window_key);
    t->each = each;
    for (size_t i = 0; i < n; i++) {
        window_t *w = window_new(f, named[i].limit, bc_cstr(named[i].name));
        w->named = true;
        if (!named[i].limit || bc_map_insert(&t->windows, w))
            free(w);
    }
}

static void table_free(table_t *t)
{
    window_t *w;
    for (size_t i = 0; (w = bc_map_next(&t->windows, &i));)
        free(w);
    bc_map_free(&t->windows);
}

/* name | number, two bytes */
static bc_bytes_t numbered(char buf[KEY_MAX], bc_bytes_t name, uint16_t number)
{
    size_t n = BC_MIN(name.n, (size_t)KEY_MAX - 2);
    if (n)
        memcpy(buf, name.p, n);
    memcpy(buf + n, &number, 2);
    return bc_bytes(buf, n + 2);
}

/* ---- the limits ---- */

bc_flow_t *bc_flow_new(const bc_flow_config_t *c)
{
    bc_flow_t *f = bc_xcalloc(1, sizeof *f);
    f->window_ms = c->window_ms ? c->window_ms : 1000;
    f->allow_exceed = c->allow_exceed;
    if (c->total)
        f->total = window_new(f, c->total, (bc_bytes_t){ 0 });
    table_init(f, &f->conns, c->conn, c->conns, c->conn_cnt);
    table_init(f, &f->groups, c->group, c->groups, c->group_cnt);
    table_init(f, &f->types, c->type_limit, NULL, 0);
    table_init(f, &f->modules, 0, NULL, 0);
    for (size_t i = 0; i < c->free_module_cnt; i++)
        f->free_module[c->free_modules[i]] = true;
    const uint16_t *types = c->type_cnt ? c->types : default_types;
    size_t n = c->type_cnt ? c->type_cnt : BC_ARRAY_LEN(default_types);
    for (size_t i = 0; i < n; i++) {
        if (types[i] < TYPES)
            f->limited_type[types[i]] = true;
    }
    for (size_t i = 0; i < MODULES; i++)
        f->module_limit[i] = c->module_limit;
    for (size_t i = 0; i < c->module_cnt; i++)
        f->module_limit[c->modules[i].module] = c->modules[i].limit;
    return f;
}

void bc_flow_free(bc_flow_t *f)
{
    if (!f)
        return;
    free(f->total);
    table_free(&f->conns);
    table_free(&f->groups);
    table_free(&f->types);
    table_free(&f->modules);
    free(f);
}

bool bc_flow_out(bc_flow_t *f, int64_t now, const char *ip, bc_bytes_t group, uint16_t module,
                 size_t n)
{
    window_t *conn = window_of(f, &f->conns, now, bc_cstr(ip), f->conns.each);
    window_t *of_group =
        group.n && module ? window_of(f, &f->groups, now, group, f->groups.each) : NULL;
    if (!module || f->free_module[module]) {
        (void)take(f, f->total, now, n);
        (void)take(f, conn, now, n);
        (void)take(f, of_group, now, n);
        return true;
    }
    if (!take(f, f->total, now, n))
        return false;
    if (!take(f, conn, now, n)) {
        give_back(f->total, n);
        return false;
    }
    if (!take(f, of_group, now, n)) {
        give_back(f->total, n);
        give_back(conn, n);
        return false;
    }
    return true;
}

bool bc_flow_in_type(bc_flow_t *f, int64_t now, const char *ip, uint16_t type)
{
    char key[KEY_MAX];
    if (!f->types.each || type >= TYPES || !f->limited_type[type])
        return true;
    return take(f, window_of(f, &f->types, now, numbered(key, bc_cstr(ip), type), f->types.each),
                now, 1);
}

bool bc_flow_in_module(bc_flow_t *f, int64_t now, bc_bytes_t group, uint16_t module)
{
    char key[KEY_MAX];
    uint64_t limit = f->module_limit[module];
    if (!module || !limit)
        return true;
    return take(f, window_of(f, &f->modules, now, numbered(key, group, module), limit), now, 1);
}
