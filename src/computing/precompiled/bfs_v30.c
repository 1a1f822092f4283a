#include "computing/precompiled/bfs_v30.h"

#include "codec/archive.h"

static const bc_bytes_t none = { 0 };
static const bc_bytes_t key_sub = { (const uint8_t *)"sub", 3 };

/* --- SCALE --- */

static size_t compact(bc_rd_t *r)
{
    uint8_t first = bc_rd_u8(r);
    size_t v = first;
    unsigned more = (first & 3) == 0 ? 0 : (first & 3) == 1 ? 1 : 3;
    for (unsigned i = 1; i <= more; i++)
        v |= (size_t)bc_rd_u8(r) << (8 * i);
    if ((first & 3) == 3)
        r->err = BC_E_FORMAT; /* 2^30 and more: no directory is that large */
    return v >> 2;
}

static void put_compact(bc_wr_t *w, size_t v)
{
    unsigned mode = v < 1u << 6 ? 0 : v < 1u << 14 ? 1 : 2, bytes = mode == 2 ? 4 : mode + 1;
    size_t bits = v << 2 | mode;
    for (unsigned i = 0; i < bytes; i++)
        bc_wr_u8(w, (uint8_t)(bits >> (8 * i)));
}

static void put_text(bc_wr_t *w, bc_bytes_t s)
{
    put_compact(w, s.n);
    bc_wr_put(w, s);
}

bool bc_bfs30_children(bc_pc_t *pc, bc_bytes_t dir, bc_bfs30_child_t **out, size_t *cnt)
{
    bc_bytes_t row;
    bool ok = true;
    if (!bc_pc_get(pc, dir, key_sub, &row))
        return false;
    row = bc_arena_copy(pc->arena, row, &ok);
    bc_rd_t r = bc_rd(row);
    size_t n = ok ? compact(&r) : 0;
    if (!ok || r.err || n > row.n)
        return false;
    bc_bfs30_child_t *v = bc_arena_alloc(pc->arena, (n + 1) * sizeof(*v));
    for (size_t i = 0; v && i < n && !r.err; i++) {
        v[i].name = bc_rd_take(&r, compact(&r));
        v[i].type = bc_rd_take(&r, compact(&r));
    }
    *out = v;
    *cnt = n;
    return v && !r.err;
}

bool bc_bfs30_add(bc_pc_t *pc, bc_bytes_t dir, bc_bytes_t name, bc_bytes_t type)
{
    bc_bfs30_child_t *v;
    size_t cnt, at = 0;
    if (!bc_bfs30_children(pc, dir, &v, &cnt))
        return false;
    while (at < cnt && bc_bytes_cmp(v[at].name, name) < 0)
        at++;
    bool there = at < cnt && bc_bytes_eq(v[at].name, name);
    bc_wr_t w = { 0 };
    put_compact(&w, cnt + !there);
    for (size_t i = 0; i <= cnt; i++) {
        if (i == at && !there) {
            put_text(&w, name);
            put_text(&w, type);
        }
        if (i < cnt) {
            put_text(&w, v[i].name);
            put_text(&w, v[i].type);
        }
    }
    bool ok = !w.err;
    if (ok)
        bc_pc_put(pc, dir, key_sub, bc_wr_view(&w));
    bc_wr_free(&w);
    return ok;
}

static bool is_dir(bc_pc_t *pc, bc_bytes_t table)
{
    bc_bytes_t type;
    return bc_pc_get(pc, table, BC_STR("type"), &type) && bc_bytes_eq(type, BC_STR("directory"));
}

static bool make_dir(bc_pc_t *pc, bc_bytes_t table)
{
    static const uint8_t no_children[1];
    if (!bc_pc_create_table(pc, table, BC_STR("value")))
        return false;
    bc_pc_put(pc, table, BC_STR("type"), BC_STR("directory"));
    bc_pc_put(pc, table, key_sub, bc_bytes(no_children, 1));
    bc_pc_put(pc, table, BC_STR("acl_type"), BC_STR("0"));
    bc_pc_put(pc, table, BC_STR("acl_white"), none);
    bc_pc_put(pc, table, BC_STR("acl_black"), none);
    bc_pc_put(pc, table, BC_STR("extra"), none);
    return true;
}

bc_pc_end_t bc_bfs30_build(bc_pc_t *pc, const bc_bytes_t *parts, size_t cnt)
{
    bc_bytes_t root = BC_STR("/");
    for (size_t i = 0; i < cnt; i++) {
        bc_bytes_t next = bc_pc_join(pc, root, root.n == 1 ? none : BC_STR("/"), parts[i]);
        if (!bc_pc_table_exists(pc, root) || !bc_pc_get(pc, root, BC_STR("type"), NULL))
            return BC_PC_ERROR;
        if (!bc_pc_table_exists(pc, next)) {
            if (!make_dir(pc, next) || !bc_bfs30_add(pc, root, parts[i], BC_STR("directory")))
                return BC_PC_INTERNAL;
        } else if (!is_dir(pc, next)) {
            return BC_PC_ERROR;
        }
        root = next;
    }
    return BC_PC_OK;
}

/* --- the upgrade --- */

typedef struct todo {
    struct todo *next;
    bc_bytes_t path, parent, name;
} todo_t;

static bool push(bc_pc_t *pc, todo_t ***tail, todo_t what)
{
    todo_t *t = bc_arena_alloc(pc->arena, sizeof(*t));
    if (!t)
        return false;
    *t = what;
    t->next = NULL;
    **tail = t;
    *tail = &t->next;
    return true;
}

/* The directory's own rows become one row of its parent. */
static bool move_up(bc_pc_t *pc, const todo_t *d)
{
    static const char *const keys[] = { "type", "acl_type", "acl_white", "acl_black", "extra", "sub" };
    bc_bytes_t fields[6] = { none, BC_STR("0") };
    bool ok = true;
    for (size_t i = 0; i < 5; i++) {
        bc_bytes_t v;
        if (!bc_pc_get(pc, d->path, bc_cstr(keys[i]), &v))
            return false;
        fields[i ? i + 1 : 0] = bc_arena_copy(pc->arena, v, &ok);
    }
    for (size_t i = 0; i < BC_ARRAY_LEN(keys); i++)
        bc_rows_del(pc->rows, bc_rows_table(pc->rows, d->path), bc_cstr(keys[i]));
    bc_wr_t w = { 0 };
    bc_archive_put_strings(&w, fields, BC_ARRAY_LEN(fields));
    if (d->parent.n)
        bc_pc_put(pc, d->parent, d->name, bc_wr_view(&w));
    ok &= !w.err;
    bc_wr_free(&w);
    return ok;
}

bc_pc_end_t bc_bfs30_convert(bc_pc_t *pc, bool *links)
{
    todo_t *queue = NULL, **tail = &queue;
    *links = true;
    if (!push(pc, &tail, (todo_t){ .path = BC_STR("/") }))
        return BC_PC_INTERNAL;
    for (; queue; queue = queue->next) {
        bc_bfs30_child_t *v;
        size_t cnt;
        bc_bytes_t fields = none;
        bc_pc_get(pc, BC_STR("s_tables"), queue->path, &fields);
        if (!bc_bfs30_children(pc, queue->path, &v, &cnt) || (fields.n && memchr(fields.p, ',', fields.n))) {
            *links = queue->parent.n != 0; /* new already */
            continue;
        }
        if (!move_up(pc, queue))
            return BC_PC_INTERNAL;
        for (size_t i = 0; i < cnt; i++) {
            bc_bytes_t slash = queue->path.n == 1 ? none : BC_STR("/");
            bc_bfs_put_entry(pc, queue->path, v[i].name, v[i].type);
            todo_t t = { .path = bc_pc_join(pc, queue->path, slash, v[i].name), .parent = queue->path, .name = v[i].name };
            /* the tail may be where the queue stands: it grows behind itself */
            if (bc_bytes_eq(v[i].type, BC_STR("directory")) && !push(pc, &tail, t))
                return BC_PC_INTERNAL;
        }
    }
    return BC_PC_OK;
}
