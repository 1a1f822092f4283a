#include "chain.h"
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include "codec/hex.h"
#include "base/ini.h"
#include "codec/json.h"

enum { FILE_MAX = 256 << 20 };

bool conf_expect(conf_report_t *r, bool ok, const char *fmt, ...)
{
    if (ok) {
        r->passed++;
        return true;
    }
    va_list ap;
    r->failed++;
    printf("FAIL %s %s: ", r->chain, r->check);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    return false;
}

void conf_skip(conf_report_t *r, const char *fmt, ...)
{
    va_list ap;
    r->skipped++;
    printf("SKIP %s %s: ", r->chain, r->check);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
}

const char *conf_hex(bc_bytes_t v)
{
    static char out[4][80];
    static unsigned turn;
    char *s = out[turn++ % 4];
    size_t n = BC_MIN(v.n, (size_t)36);
    if (!v.n)
        return "(none)";
    bc_hex_put(bc_bytes(v.p, n), s);
    memcpy(s + 2 * n, v.n > n ? "..." : "", v.n > n ? 4 : 1);
    return s;
}

/* --- files --- */

static cJSON *json_read(const char *path)
{
    bc_wr_t text = { 0 };
    size_t at = 0;
    cJSON *v = NULL;
    bc_err_t err = bc_file_read(path, FILE_MAX, &text);
    if (err)
        fprintf(stderr, "%s: %s\n", path, bc_err_name(err));
    else if (!(v = bc_json_parse(bc_wr_view(&text), 200, &at)))
        fprintf(stderr, "%s: not JSON at byte %zu\n", path, at);
    bc_wr_free(&text);
    return v;
}

static bc_bytes_t hex_in_arena(conf_chain_t *c, const char *text, bool *ok)
{
    bc_bytes_t t = bc_hex_strip0x(bc_cstr(text));
    uint8_t *p = bc_arena_alloc(&c->arena, t.n / 2 + 1);
    *ok = p && t.n % 2 == 0 && bc_hex_fixed(t, p, t.n / 2) == BC_OK;
    return *ok ? bc_bytes(p, t.n / 2) : (bc_bytes_t){ 0 };
}

bool conf_json_hex(conf_chain_t *c, const cJSON *obj, const char *member, bc_bytes_t *out)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(obj, member));
    bool ok = false;
    *out = text ? hex_in_arena(c, text, &ok) : (bc_bytes_t){ 0 };
    return ok;
}

/* --- a scanner for {..."kv":[["hex","hex"],...]...} and {"put":[[..]],"del":["hex",...]} ---
 *
 * Stores are megabytes of such pairs; a tree of nodes for them would only be walked once. */

typedef struct {
    conf_chain_t *c;
    const uint8_t *p, *end;
} scan_t;

static bool token(scan_t *s, char ch)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\r' || *s->p == '\t'))
        s->p++;
    if (s->p == s->end || *s->p != (uint8_t)ch)
        return false;
    s->p++;
    return true;
}

static bool quoted(scan_t *s, bc_bytes_t *text)
{
    if (!token(s, '"'))
        return false;
    const uint8_t *q = memchr(s->p, '"', (size_t)(s->end - s->p));
    if (!q)
        return false;
    *text = bc_bytes(s->p, (size_t)(q - s->p));
    s->p = q + 1;
    return true;
}

static bool hex_value(scan_t *s, bc_bytes_t *out)
{
    bc_bytes_t text;
    if (!quoted(s, &text) || text.n % 2)
        return false;
    uint8_t *p = bc_arena_alloc(&s->c->arena, text.n / 2 + 1);
    if (!p || bc_hex_fixed(text, p, text.n / 2) != BC_OK)
        return false;
    *out = bc_bytes(p, text.n / 2);
    return true;
}

/* The array that is the value of member `name`; rows are appended to w. */
static bool rows_scan(scan_t *s, const char *name, bool pairs, uint32_t step, bc_wr_t *w)
{
    char mark[32];
    int n = snprintf(mark, sizeof mark, "\"%s\"", name);
    const uint8_t *at = memmem(s->p, (size_t)(s->end - s->p), mark, (size_t)n);
    if (!at)
        return false;
    s->p = at + n;
    if (!token(s, ':') || !token(s, '['))
        return false;
    if (token(s, ']'))
        return true;
    do {
        conf_row_t row = { .step = step, .deleted = !pairs };
        if (pairs && !token(s, '['))
            return false;
        if (!hex_value(s, &row.key))
            return false;
        if (pairs && (!token(s, ',') || !hex_value(s, &row.value) || !token(s, ']')))
            return false;
        bc_wr_mem(w, &row, sizeof row);
    } while (token(s, ','));
    return token(s, ']') && !w->err;
}

/* Appends a file's rows to w as conf_row_t after one another. */
static bc_err_t rows_read(conf_chain_t *c, const char *path, bool diff, uint32_t step, bc_wr_t *w)
{
    bc_wr_t text = { 0 };
    bc_err_t err = bc_file_read(path, FILE_MAX, &text);
    if (!err) {
        scan_t s = { c, text.p, text.p + text.n };
        bool ok = diff ? rows_scan(&s, "put", true, step, w) && rows_scan(&s, "del", false, step, w)
                       : rows_scan(&s, "kv", true, step, w);
        err = ok ? BC_OK : BC_E_FORMAT;
    }
    bc_wr_free(&text);
    return err;
}

static bc_err_t rows_keep(conf_chain_t *c, const bc_wr_t *w, conf_rows_t *out)
{
    out->n = w->n / sizeof(conf_row_t);
    out->v = bc_arena_alloc(&c->arena, w->n + 1);
    if (!out->v)
        return BC_E_NOMEM;
    if (w->n)
        memcpy(out->v, w->p, w->n);
    return BC_OK;
}

static bc_err_t store_load(conf_chain_t *c, const char *file, bool diff, uint32_t step,
                           conf_rows_t *out)
{
    char path[4096];
    bc_wr_t w = { 0 };
    snprintf(path, sizeof path, "%s/db/%s", c->dir, file);
    bc_err_t err = rows_read(c, path, diff, step, &w);
    if (!err)
        err = rows_keep(c, &w, out);
    if (err)
        fprintf(stderr, "%s: %s\n", path, bc_err_name(err));
    bc_wr_free(&w);
    return err;
}

static int diff_cmp(const void *a, const void *b)
{
    const conf_diff_t *x = a, *y = b;
    return (x->step > y->step) - (x->step < y->step);
}

static bc_err_t diffs_load(conf_chain_t *c)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/db", c->dir);
    DIR *d = opendir(path);
    if (!d)
        return BC_E_NOT_FOUND;
    bc_wr_t w = { 0 };
    bc_err_t err = BC_OK;
    for (struct dirent *e; !err && (e = readdir(d));) {
        unsigned step;
        int used = 0;
        if (sscanf(e->d_name, "step-%u.diff.json%n", &step, &used) != 1 || !used)
            continue;
        conf_diff_t diff = { .step = step };
        err = store_load(c, e->d_name, true, step, &diff.rows);
        bc_wr_mem(&w, &diff, sizeof diff);
    }
    closedir(d);
    if (!err)
        err = w.err;
    c->diffs_cnt = w.n / sizeof *c->diffs;
    c->diffs = err ? NULL : bc_arena_alloc(&c->arena, w.n + 1);
    if (c->diffs && w.n) {
        memcpy(c->diffs, w.p, w.n);
        qsort(c->diffs, c->diffs_cnt, sizeof *c->diffs, diff_cmp);
    }
    bc_wr_free(&w);
    return err ? err : c->diffs ? BC_OK : BC_E_NOMEM;
}

/* --- views over all rows --- */

static bc_bytes_t row_key(const void *item)
{
    return ((const conf_row_t *)item)->key;
}

static bc_bytes_t row_pair(const void *item)
{
    return ((const conf_row_t *)item)->pair;
}

static void distinct_add(conf_chain_t *c, bc_map_t *seen, const conf_rows_t *rows)
{
    for (size_t i = 0; i < rows->n; i++) {
        conf_row_t *row = &rows->v[i];
        if (row->deleted)
            continue;
        uint8_t *p = bc_arena_alloc(&c->arena, row->key.n + row->value.n + 1);
        BC_MUST(p);
        if (row->key.n)
            memcpy(p, row->key.p, row->key.n);
        if (row->value.n)
            memcpy(p + row->key.n, row->value.p, row->value.n);
        row->pair = bc_bytes(p, row->key.n + row->value.n);
        if (bc_map_insert(seen, row) == BC_OK)
            c->distinct.v[c->distinct.n++] = *row;
    }
}

static void views_make(conf_chain_t *c)
{
    size_t max = c->genesis.n + c->final.n;
    bc_map_t seen;
    for (size_t i = 0; i < c->diffs_cnt; i++)
        max += c->diffs[i].rows.n;
    c->distinct.v = bc_xcalloc(max + 1, sizeof *c->distinct.v);
    bc_map_init(&seen, row_pair);
    distinct_add(c, &seen, &c->genesis);
    for (size_t i = 0; i < c->diffs_cnt; i++)
        distinct_add(c, &seen, &c->diffs[i].rows);
    distinct_add(c, &seen, &c->final);
    bc_map_free(&seen);
    bc_map_init(&c->latest, row_key);
    for (size_t i = 0; i < c->final.n; i++)
        if (bc_map_insert(&c->latest, &c->final.v[i]) != BC_OK)
            fprintf(stderr, "%s: a key occurs twice at the end\n", c->name);
}

void conf_key_split(bc_bytes_t raw, bc_bytes_t *table, bc_bytes_t *key)
{
    const uint8_t *colon = raw.n ? memchr(raw.p, ':', raw.n) : NULL;
    size_t n = colon ? (size_t)(colon - raw.p) : raw.n;
    *table = bc_bytes(raw.p, n);
    *key = colon ? bc_bytes(colon + 1, raw.n - n - 1) : (bc_bytes_t){ 0 };
}

bc_bytes_t conf_get(const conf_chain_t *c, const char *table, bc_bytes_t key)
{
    uint8_t raw[512];
    size_t t = strlen(table);
    if (t + 1 + key.n > sizeof raw)
        return (bc_bytes_t){ 0 };
    memcpy(raw, table, t);
    raw[t] = ':';
    if (key.n > 0)
        memcpy(raw + t + 1, key.p, key.n);
    const conf_row_t *row = bc_map_find(&c->latest, bc_bytes(raw, t + 1 + key.n));
    return row ? row->value : (bc_bytes_t){ 0 };
}

bc_bytes_t conf_get_num(const conf_chain_t *c, const char *table, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)number);
    return conf_get(c, table, bc_cstr(text));
}

/* --- configuration --- */

void conf_ini(const conf_chain_t *c, const char *section, const char *key, char *out, size_t size)
{
    char want[64], now[64] = "";
    snprintf(want, sizeof want, "[%s]", section);
    out[0] = 0;
    for (const char *line = c->genesis_ini; line && *line;) {
        const char *eol = strchr(line, '\n'), *eq = strchr(line, '=');
        size_t n = eol ? (size_t)(eol - line) : strlen(line);
        const char *p = line + strspn(line, " \t");
        if (*p == '[')
            snprintf(now, sizeof now, "%.*s", (int)BC_MIN(strcspn(p, " \t\r\n"), (size_t)60), p);
        size_t k = strlen(key);
        if (strcmp(now, want) == 0 && eq && eq < line + n && strncmp(p, key, k) == 0 &&
            p + k + strspn(p + k, " \t") == eq) {
            const char *v = eq + 1 + strspn(eq + 1, " \t");
            snprintf(out, size, "%.*s", (int)BC_MIN(strcspn(v, " \t\r\n;"), size - 1), v);
        }
        line = eol ? eol + 1 : NULL;
    }
}

static bc_err_t config_load(conf_chain_t *c)
{
    char path[4096], v[32];
    unsigned ma = 0, mi = 0, pa = 0;
    bc_wr_t text = { .max = 1 << 20 };
    snprintf(path, sizeof path, "%s/conf/node0/config.genesis", c->dir);
    bc_err_t err = bc_file_read(path, FILE_MAX, &text);
    if (!err) {
        bc_wr_u8(&text, 0);
        bool ok = true;
        c->genesis_ini = (const char *)bc_arena_copy(&c->arena, bc_wr_view(&text), &ok).p;
        err = ok ? text.err : BC_E_NOMEM;
    }
    bc_wr_free(&text);
    if (err) {
        fprintf(stderr, "%s: %s\n", path, bc_err_name(err));
        return err;
    }
    conf_ini(c, "chain", "sm_crypto", v, sizeof v);
    c->suite = strcasecmp(v, "true") == 0 ? BC_SUITE_SM : BC_SUITE_STANDARD;
    conf_ini(c, "executor", "version", v, sizeof v);
    c->executor_version = atoi(v);
    conf_ini(c, "version", "compatibility_version", v, sizeof v);
    if (sscanf(v, "%u.%u.%u", &ma, &mi, &pa) >= 2)
        c->compatibility = ma << 24 | mi << 16 | pa << 8;
    return BC_OK;
}

bc_err_t conf_chain_load(conf_chain_t *c, const char *dir)
{
    char path[4096];
    *c = (conf_chain_t){ .dir = dir };
    const char *slash = strrchr(dir, '/');
    c->name = slash && slash[1] ? slash + 1 : dir;
    bc_err_t err = config_load(c);
    if (!err)
        err = store_load(c, "genesis.full.json", false, 0, &c->genesis);
    if (!err)
        err = diffs_load(c);
    if (!err)
        err = store_load(c, "final.full.json", false, UINT32_MAX, &c->final);
    if (err)
        return err;
    snprintf(path, sizeof path, "%s/steps.json", dir);
    c->steps = json_read(path);
    snprintf(path, sizeof path, "%s/blocks.json", dir);
    c->blocks = json_read(path);
    views_make(c);
    return c->steps && c->blocks ? BC_OK : BC_E_NOT_FOUND;
}

void conf_chain_free(conf_chain_t *c)
{
    cJSON_Delete(c->steps);
    cJSON_Delete(c->blocks);
    if (c->latest.key)
        bc_map_free(&c->latest);
    free(c->distinct.v);
    bc_arena_free(&c->arena);
}
