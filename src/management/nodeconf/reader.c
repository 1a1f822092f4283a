/* Reading a file by a table of keys. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "management/nodeconf/keys.h"

#define WARNINGS_MAX (1u << 20)

void bc_conf_report_free(bc_conf_report_t *r)
{
    bc_wr_free(&r->warnings);
}

static int place(const bc_conf_reader_t *r, const bc_ini_entry_t *e, char *out, size_t size)
{
    int n = e ? snprintf(out, size, "%s:%u: [%s] %s=%.80s: ", r->name, e->line, e->section, e->key,
                         e->value)
              : snprintf(out, size, "%s: ", r->name);
    return n < 0 ? 0 : (size_t)n < size ? n : (int)size - 1;
}

bc_err_t bc_conf_error(bc_conf_reader_t *r, const bc_ini_entry_t *e, const char *fmt, ...)
{
    char *out = r->rep->error;
    int n = place(r, e, out, sizeof r->rep->error);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(out + n, sizeof r->rep->error - (size_t)n, fmt, ap);
    va_end(ap);
    return BC_E_CONFIG;
}

void bc_conf_warn(bc_conf_reader_t *r, const bc_ini_entry_t *e, const char *fmt, ...)
{
    char line[1024];
    if (r->rep->warnings.n > WARNINGS_MAX)
        return;
    int n = place(r, e, line, sizeof line);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line + n, sizeof line - (size_t)n, fmt, ap);
    va_end(ap);
    bc_wr_str(&r->rep->warnings, line);
    bc_wr_u8(&r->rep->warnings, '\n');
}

bool bc_conf_int(const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    if (!*text || *text == ' ' || (*text >= '\t' && *text <= '\r'))
        return false;
    long long v = strtoll(text, &end, 10);
    if (*end || errno)
        return false;
    *out = v;
    return true;
}

bool bc_conf_bool(const char *text, bool *out)
{
    bool yes = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
    if (!yes && strcmp(text, "false") != 0 && strcmp(text, "0") != 0)
        return false;
    *out = yes;
    return true;
}

static void store(const bc_conf_key_t *k, void *base, int64_t v)
{
    void *at = (char *)base + k->off;
    switch ((bc_key_kind_t)k->kind) {
    case K_U16: *(uint16_t *)at = (uint16_t)v; break;
    case K_U32: *(uint32_t *)at = (uint32_t)v; break;
    case K_I32: *(int32_t *)at = (int32_t)v; break;
    case K_I64: *(int64_t *)at = v; break;
    case K_U64: *(uint64_t *)at = (uint64_t)v; break;
    case K_BOOL: *(bool *)at = v != 0; break;
    case K_STR: break;
    }
}

static bc_err_t store_text(bc_conf_reader_t *r, const bc_conf_key_t *k, const char *text,
                           void *base)
{
    bc_bytes_t v = bc_cstr(text);
    char *p = bc_arena_alloc(r->arena, v.n + 1);
    if (!p)
        return BC_E_NOMEM;
    memcpy(p, text, v.n);
    *(const char **)(void *)((char *)base + k->off) = p;
    return BC_OK;
}

static void store_default(const bc_conf_key_t *k, void *base)
{
    bool b = false;
    int64_t v = 0;
    BC_MUST(k->kind == K_BOOL ? bc_conf_bool(k->def, &b) : bc_conf_int(k->def, &v));
    store(k, base, k->kind == K_BOOL ? b : v);
}

static bc_err_t read_bool(bc_conf_reader_t *r, const bc_conf_key_t *k, bc_ini_entry_t *e,
                          void *base)
{
    bool b;
    if (bc_conf_bool(e->value, &b))
        store(k, base, b);
    else if (*e->value)
        bc_conf_warn(r, e, "neither true nor false: the default %s is used", k->def);
    return BC_OK;
}

static bc_err_t read_number(bc_conf_reader_t *r, const bc_conf_key_t *k, bc_ini_entry_t *e,
                            void *base)
{
    int64_t v;
    if (!bc_conf_int(e->value, &v)) {
        if (k->flags & KF_STRICT)
            return bc_conf_error(r, e,
                                 "Invalid value %.80s for configuration %s.%s, please set the value "
                                 "with a valid number",
                                 e->value, k->section, k->key);
        if (*e->value)
            bc_conf_warn(r, e, "not a number: the default %s is used", k->def);
        return BC_OK;
    }
    if (v < k->min || v > k->max) {
        int64_t to = v < k->min ? k->min : k->max;
        if (k->flags & KF_FATAL)
            return bc_conf_error(r, e,
                                 "Please set %s.%s to a value of at least %" PRId64
                                 " and at most %" PRId64,
                                 k->section, k->key, k->min, k->max);
        bc_conf_warn(r, e, "out of bounds: %" PRId64 " is used", to);
        v = to;
    }
    store(k, base, v);
    return BC_OK;
}

bc_err_t bc_conf_read(bc_conf_reader_t *r, const bc_conf_key_t *keys, size_t cnt, void *base)
{
    for (size_t i = 0; i < cnt; i++) {
        const bc_conf_key_t *k = &keys[i];
        bc_ini_entry_t *e = bc_ini_find(r->ini, k->section, k->key);
        bc_err_t err = BC_OK;
        if (e && (k->flags & KF_UNUSED)) {
            e->used = true;
            if (strcmp(e->value, k->def) != 0)
                bc_wr_printf(&r->unused, " %s.%s", k->section, k->key);
        }
        if (k->off == UINT32_MAX)
            continue;
        if (k->kind == K_STR)
            err = store_text(r, k, e ? e->value : k->def, base);
        else
            store_default(k, base);
        if (err || !e)
            goto next;
        e->used = true;
        if (k->kind == K_STR && (k->flags & KF_FULL) && !*e->value)
            err = bc_conf_error(r, e, "must not be empty: remove the line for the default '%s'",
                                k->def);
        else if (k->kind == K_BOOL)
            err = read_bool(r, k, e, base);
        else if (k->kind != K_STR)
            err = read_number(r, k, e, base);
    next:
        if (err)
            return err;
    }
    return BC_OK;
}

void bc_conf_leftovers(bc_conf_reader_t *r)
{
    for (size_t i = 0; i < r->ini->cnt; i++)
        if (!r->ini->v[i].used)
            bc_conf_warn(r, &r->ini->v[i], "unknown key, ignored: check its spelling");
    if (r->unused.n && !r->unused.err)
        bc_conf_warn(r, NULL, "without effect in this program:%.*s", (int)r->unused.n,
                     (const char *)r->unused.p);
    bc_wr_free(&r->unused);
}

bc_err_t bc_conf_open(bc_conf_reader_t *r, bc_bytes_t text)
{
    bc_err_t err = bc_ini_parse(text, r->ini);
    if (err == BC_E_FORMAT)
        snprintf(r->rep->error, sizeof r->rep->error, "%s(%u): %s", r->name, r->ini->error_line,
                 r->ini->error);
    else if (err)
        snprintf(r->rep->error, sizeof r->rep->error, "%s: %s", r->name, bc_err_name(err));
    return err ? BC_E_CONFIG : BC_OK;
}

bc_err_t bc_conf_file(const char *path, bc_wr_t *out, bc_conf_report_t *rep)
{
    bc_err_t err = bc_file_read(path, BC_INI_SIZE_MAX, out);
    if (err == BC_E_NOT_FOUND)
        snprintf(rep->error, sizeof rep->error, "%s: no such file", path);
    else if (err)
        snprintf(rep->error, sizeof rep->error, "%s: cannot be read: %s", path,
                 err == BC_E_IO ? strerror(errno) : bc_err_name(err));
    return err;
}

/* ---- reference ---- */

static const char *kind_name(const bc_conf_key_t *k)
{
    return k->kind == K_STR ? "text" : k->kind == K_BOOL ? "true/false" : "number";
}

static void markdown_table(bc_wr_t *w, const bc_conf_key_t *keys, size_t cnt)
{
    const char *section = "";
    for (size_t i = 0; i < cnt; i++) {
        const bc_conf_key_t *k = &keys[i];
        if (strcmp(section, k->section) != 0) {
            section = k->section;
            bc_wr_printf(w, "\n### [%s]\n\n| key | type | default | meaning |\n|---|---|---|---|\n",
                         section);
        }
        bc_wr_printf(w, "| %s | %s", k->key, kind_name(k));
        if (k->kind >= K_U16 && k->max >= INT32_MAX)
            bc_wr_printf(w, ", at least %" PRId64, k->min);
        else if (k->kind >= K_U16)
            bc_wr_printf(w, ", %" PRId64 " to %" PRId64, k->min, k->max);
        bc_wr_printf(w, " | %s%s%s | %s", *k->def ? "`" : "", k->def, *k->def ? "`" : "", k->doc);
        if (k->flags & KF_UNUSED)
            bc_wr_str(w, " (accepted, without effect)");
        else if (k->kind >= K_U16 && (k->flags & KF_FATAL))
            bc_wr_str(w, "; the start fails on other values");
        bc_wr_str(w, " |\n");
    }
}

void bc_nodeconf_markdown(bc_wr_t *w)
{
    bc_wr_str(w,
              "# Configuration reference\n\n"
              "Generated from the tables of `src/management/nodeconf/keys.c`. Names and defaults are "
              "those of the official node; `ours` marks what it does not have. Lines hold "
              "`key=value`; a comment starts with `;` or `#` at the start of a line; there are no "
              "comments behind a value. A duplicate key or section stops the start, an unknown key "
              "gives a warning. A value that does not convert gives a warning and the default, or "
              "stops the start where this is said.\n\n## config.ini\n");
    markdown_table(w, bc_ini_keys, bc_ini_key_cnt);
    bc_wr_str(w, "\n## config.genesis\n\nThe same file on every node of a chain; it makes the "
                 "genesis block. After block 0 exists, a change of what is part of the genesis "
                 "hash stops the start.\n");
    markdown_table(w, bc_genesis_keys, bc_genesis_key_cnt);
    bc_wr_str(w, "\n## nodes.json\n\n`{\"nodes\":[\"ip:port\",\"[v6]:port\"]}`: the peers that the "
                 "node connects to. Read again on SIGUSR1.\n");
}
