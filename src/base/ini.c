#include "base/ini.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static bool blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bc_bytes_t trim(bc_bytes_t v)
{
    while (v.n && blank(v.p[0]))
        v.p++, v.n--;
    while (v.n && blank(v.p[v.n - 1]))
        v.n--;
    return v;
}

static bc_bytes_t entry_id(const void *item)
{
    return bc_cstr(((const bc_ini_entry_t *)item)->id);
}

static char *keep(bc_ini_t *ini, bc_bytes_t v)
{
    char *p = bc_arena_alloc(&ini->arena, v.n + 1);
    if (p && v.n)
        memcpy(p, v.p, v.n);
    return p;
}

static bc_err_t bad(bc_ini_t *ini, unsigned line, const char *text)
{
    ini->error_line = line;
    ini->error = text;
    return BC_E_FORMAT;
}

/* Names of the sections that hold something, as entries of the index without a key. */
static bc_err_t section_seen(bc_ini_t *ini, const char *name, bool add)
{
    bc_bytes_t n = bc_cstr(name);
    if (!add)
        return bc_map_find(&ini->index, n) ? BC_E_EXISTS : BC_OK;
    if (bc_map_find(&ini->index, n))
        return BC_OK;
    bc_ini_entry_t *e = bc_arena_alloc(&ini->arena, sizeof *e);
    if (!e)
        return BC_E_NOMEM;
    e->id = name;
    return bc_map_insert(&ini->index, e);
}

static bc_err_t add_entry(bc_ini_t *ini, const char *section, bc_bytes_t key, bc_bytes_t value,
                          unsigned line)
{
    if (ini->cnt >= BC_INI_ENTRIES_MAX)
        return BC_E_TOO_BIG;
    bc_ini_entry_t *e = bc_arena_alloc(&ini->arena, sizeof *e);
    if (!e)
        return BC_E_NOMEM;
    e->section = section;
    e->line = line;
    e->key = keep(ini, key);
    e->value = keep(ini, value);
    e->id = e->key ? bc_arena_printf(&ini->arena, "%s\n%s", section, e->key) : NULL;
    if (!e->value || !e->id)
        return BC_E_NOMEM;
    bc_err_t err = bc_map_insert(&ini->index, e);
    if (err)
        return err == BC_E_EXISTS ? bad(ini, line, "duplicate key name") : err;
    if (ini->cnt == ini->cap) {
        size_t cap = ini->cap ? ini->cap * 2 : 64;
        bc_ini_entry_t *v = realloc(ini->v, cap * sizeof *v);
        if (!v)
            return BC_E_NOMEM;
        ini->v = v;
        ini->cap = cap;
    }
    ini->v[ini->cnt++] = *e;
    return section_seen(ini, section, true);
}

static bc_err_t parse_line(bc_ini_t *ini, bc_bytes_t l, unsigned line, const char **section)
{
    if (!l.n || l.p[0] == ';' || l.p[0] == '#')
        return BC_OK;
    if (memchr(l.p, 0, l.n))
        return bad(ini, line, "NUL byte in line");
    if (l.p[0] == '[') {
        const uint8_t *end = memchr(l.p, ']', l.n);
        if (!end)
            return bad(ini, line, "unmatched '['");
        *section = keep(ini, trim(bc_bytes(l.p + 1, (size_t)(end - l.p - 1))));
        if (!*section)
            return BC_E_NOMEM;
        /* a section that stayed empty may come again */
        return section_seen(ini, *section, false) ? bad(ini, line, "duplicate section name")
                                                  : BC_OK;
    }
    const uint8_t *eq = memchr(l.p, '=', l.n);
    if (!eq)
        return bad(ini, line, "'=' character not found in line");
    if (eq == l.p)
        return bad(ini, line, "key expected");
    size_t k = (size_t)(eq - l.p);
    return add_entry(ini, *section, trim(bc_bytes(l.p, k)),
                     trim(bc_bytes(l.p + k + 1, l.n - k - 1)), line);
}

/* The parse uses copies of entries in the index; afterwards it points to the array. */
static bc_err_t index_entries(bc_ini_t *ini)
{
    bc_map_free(&ini->index);
    bc_map_init(&ini->index, entry_id);
    for (size_t i = 0; i < ini->cnt; i++) {
        bc_err_t err = bc_map_insert(&ini->index, &ini->v[i]);
        if (err)
            return err;
    }
    return BC_OK;
}

bc_err_t bc_ini_parse(bc_bytes_t text, bc_ini_t *out)
{
    *out = (bc_ini_t){ 0 };
    bc_map_init(&out->index, entry_id);
    if (text.n > BC_INI_SIZE_MAX)
        return BC_E_TOO_BIG;
    const char *section = "";
    bc_err_t err = BC_OK;
    for (unsigned line = 1; !err && text.n; line++) {
        const uint8_t *nl = memchr(text.p, '\n', text.n);
        size_t n = nl ? (size_t)(nl - text.p) : text.n;
        err = parse_line(out, trim(bc_bytes(text.p, n)), line, &section);
        n += nl != NULL;
        text.p += n;
        text.n -= n;
    }
    return err ? err : index_entries(out);
}

bc_err_t bc_file_read(const char *path, size_t max, bc_wr_t *out)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return errno == ENOENT ? BC_E_NOT_FOUND : BC_E_IO;
    bc_err_t err = BC_OK;
    size_t total = 0;
    while (!err) {
        uint8_t *p = bc_wr_reserve(out, 65536);
        if (!p) {
            err = out->err;
            break;
        }
        size_t n = fread(p, 1, 65536, f);
        out->n -= 65536 - n;
        total += n;
        if (total > max)
            err = BC_E_TOO_BIG;
        if (n < 65536) {
            if (ferror(f))
                err = BC_E_IO;
            break;
        }
    }
    fclose(f);
    return err;
}

bc_err_t bc_ini_load(const char *path, bc_ini_t *out)
{
    *out = (bc_ini_t){ 0 };
    bc_wr_t w = { 0 };
    bc_err_t err = bc_file_read(path, BC_INI_SIZE_MAX, &w);
    if (!err)
        err = bc_ini_parse(bc_wr_view(&w), out);
    bc_wr_free(&w);
    return err;
}

void bc_ini_free(bc_ini_t *ini)
{
    free(ini->v);
    bc_map_free(&ini->index);
    bc_arena_free(&ini->arena);
    *ini = (bc_ini_t){ 0 };
}

bc_ini_entry_t *bc_ini_find(const bc_ini_t *ini, const char *section, const char *key)
{
    char id[256];
    int n = snprintf(id, sizeof id, "%s\n%s", section, key);
    if (n < 0 || (size_t)n >= sizeof id || !ini->cnt)
        return NULL;
    return bc_map_find(&ini->index, bc_bytes(id, (size_t)n));
}
