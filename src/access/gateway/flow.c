#include "access/gateway/flow.h"
#include "base/map.h"
#include <stdio.h>
#include <stdlib.h>

enum {
    KEY_MAX = 128,
    PROBES = 8, /* per window, for a budget that was used up; but */
    PROBE_MS_MAX = 1000,
    WINDOWS_MAX = 65536,
    TYPES = 16,
    MODULES = 65536,
};

/* Packet types limited when none are named: heartbeat, handshake, node status and router ones. */
static const uint16_t default_types[] = { 1, 2, 3, 4, 9, 10, 11, 12 };

typedef struct {
    uint64_t max, left; /* 0 max: no limit */
    int64_t since;      /* the window began; shared: the latest portion was asked for */
    bool named;         /* a limit of its own: stays */
    /* shared */
    bool shared;
    bool refused;     /* less than a message is left of the budget */
    uint64_t asked;   /* draw under way; 0: none */
    uint64_t debt;    /* passed on credit, at most max; left is 0 then */
    int64_t asked_at; /* when it began */
    int64_t retry_at; /* refused: the next probe; else: no whole portion before */
    uint64_t need;    /* what was refused, and so what a probe asks for at least */
    int64_t probes;   /* refused since then */
    size_t key_n;
    char key[];
} window_t;

typedef struct {
    uint64_t each; /* of names without a limit of their own */
    bool shared;
    bc_map_t windows;
} table_t;

struct bc_flow {
    int64_t window_ms;
    bool allow_exceed;
    bc_flow_remote_t remote;
    uint64_t portion_percent;
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

/* ---- shared windows ---- */

static void window_share(window_t *w)
{
    w->shared = true;
    w->max = BC_MIN(w->max, (uint64_t)INT64_MAX);
    w->left = 0;
    w->retry_at = INT64_MIN;
}

static uint64_t portion(const bc_flow_t *f, const window_t *w)
{
    uint64_t p = f->portion_percent;
    return w->max / 100 * p + w->max % 100 * p / 100;
}

/* What is under way is allowed, and nothing else is known. */
static void forget(window_t *w)
{
    w->asked = w->debt = 0;
    w->refused = false;
    w->retry_at = INT64_MIN;
}

static void ask(bc_flow_t *f, window_t *w, int64_t now, uint64_t n)
{
    w->asked = n;
    w->asked_at = now;
    if (!f->remote.draw(f->remote.ctx, f, w, window_key(w), w->max,
                        (uint32_t)BC_MAX(f->window_ms / 1000, 1), n))
        forget(w);
}

static void ask_for_debt(bc_flow_t *f, window_t *w, int64_t now)
{
    ask(f, w, now, now < w->retry_at ? w->debt : BC_MAX(w->debt, portion(f, w)));
}

static int64_t probe_ms(const bc_flow_t *f)
{
    return BC_MIN(BC_MAX(f->window_ms / PROBES, 1), PROBE_MS_MAX);
}

/* n is at most w->max. */
static bool take_shared(bc_flow_t *f, window_t *w, int64_t now, uint64_t n)
{
    if (w->left && now - w->since >= f->window_ms)
        w->left = 0;
    if (w->left >= n) {
        w->left -= n;
        return true;
    }
    if (w->refused) {
        if (w->asked || now < w->retry_at)
            return false;
        ask(f, w, now, BC_MAX(n, w->need));
        return !w->refused; /* it could not be asked */
    }
    uint64_t missing = n - w->left;
    if (missing > w->max - w->debt)
        return false;
    w->debt += missing;
    w->left = 0;
    if (!w->asked)
        ask_for_debt(f, w, now);
    return true;
}

void bc_flow_drawn(bc_flow_t *f, int64_t now, void *window, bc_flow_drawn_t how)
{
    window_t *w = window;
    uint64_t n = w->asked;
    w->asked = 0;
    if (how == BC_FLOW_FAILED) {
        forget(w);
    } else if (how == BC_FLOW_GRANTED) {
        uint64_t paid = BC_MIN(n, w->debt);
        w->refused = false;
        w->since = w->asked_at;
        w->debt -= paid;
        w->left += n - paid;
        if (w->debt)
            ask_for_debt(f, w, now);
    } else if (!w->refused && n > w->debt) { /* not a portion, but maybe what is owed */
        w->retry_at = now + probe_ms(f);
        ask_for_debt(f, w, now);
    } else {
        if (!w->refused) {
            w->need = BC_MAX(n, w->debt);
            w->probes = 0;
        } else if (++w->probes * probe_ms(f) >= f->window_ms) {
            w->need /= 2;
            w->probes = 0;
        }
        w->refused = true;
        w->debt = 0;
        w->retry_at = now + probe_ms(f);
    }
}

/* ---- taking ---- */

static bool take(bc_flow_t *f, window_t *w, int64_t now, uint64_t n)
{
    if (!w)
        return true;
    if (n > w->max)
        return f->allow_exceed;
    if (w->shared)
        return take_shared(f, w, now, n);
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
        bool over = !w->named && !w->asked && now - w->since >= f->window_ms;
        if (over || bc_map_insert(&kept, w))
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
    if (t->shared)
        window_share(w);
    if (bc_map_insert(&t->windows, w)) {
        free(w);
        return NULL;
    }
    return w;
}

static void table_init(const bc_flow_t *f, table_t *t, bool shared, uint64_t each,
                       const bc_flow_limit_t *named, size_t n)
{
    bc_map_init(&t->windows, window_key);
    t->each = each;
    t->shared = shared;
    for (size_t i = 0; i < n; i++) {
        window_t *w = window_new(f, named[i].limit, bc_cstr(named[i].name));
        w->named = true;
        if (t->shared)
            window_share(w);
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

/* name_number: the official form, which other gateways go by */
static bc_bytes_t numbered(char buf[KEY_MAX], bc_bytes_t name, uint16_t number)
{
    size_t n = BC_MIN(name.n, (size_t)KEY_MAX - 8);
    if (n)
        memcpy(buf, name.p, n);
    return bc_bytes(buf, n + (size_t)snprintf(buf + n, KEY_MAX - n, "_%u", number));
}

/* ---- the limits ---- */

bc_flow_t *bc_flow_new(const bc_flow_config_t *c)
{
    bc_flow_t *f = bc_xcalloc(1, sizeof *f);
    f->window_ms = c->window_ms ? c->window_ms : 1000;
    f->allow_exceed = c->allow_exceed;
    f->remote = c->remote;
    f->portion_percent = BC_MIN(c->portion_percent, 100u);
    bool shared = c->remote.draw != NULL;
    if (c->total)
        f->total = window_new(f, c->total, (bc_bytes_t){ 0 });
    table_init(f, &f->conns, false, c->conn, c->conns, c->conn_cnt);
    table_init(f, &f->groups, shared, c->group, c->groups, c->group_cnt);
    table_init(f, &f->types, false, c->type_limit, NULL, 0);
    table_init(f, &f->modules, shared, 0, NULL, 0);
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
