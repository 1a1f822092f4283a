/* BFS 100e: the file system of names (spec/40 §4.5, §5.1). Directories are tables whose rows are
 * their children; links are tables with the rows type, link_address, link_abi, name. */
#include "codec/archive.h"
#include "codec/hex.h"
#include "computing/precompiled/bfs_v30.h"
#include "computing/precompiled/contracts.h"

#define DIR_FIELDS "type,status,acl_type,acl_white,acl_black,extra"

enum {
    CODE_ADDRESS_OR_VERSION = -51202,
    CODE_NOT_EXIST = -53001,
    CODE_EXISTS = -53002,
    CODE_BUILD_FAILED = -53003,
    CODE_INVALID_PATH = -53005,
    CODE_INVALID_TYPE = -53006,
    PATH_MAX_BYTES = 128,
    PATH_MAX_BYTES_OLD = 56, /* before 3.3 */
    PATH_MAX_LEVEL = 6,
    LIST_MAX = 500,
    ABI_MAX = 16777215,
};

static const bc_bytes_t none = { 0 };

static bool starts(bc_bytes_t s, bc_bytes_t with)
{
    return s.n && s.n >= with.n && memcmp(s.p, with.p, with.n) == 0;
}

static bc_bytes_t sub(bc_bytes_t s, size_t from, size_t to)
{
    return to > from ? bc_bytes(s.p + from, to - from) : BC_STR("");
}

void bc_bfs_put_entry(bc_pc_t *pc, bc_bytes_t dir, bc_bytes_t name, bc_bytes_t type)
{
    bc_wr_t w = { 0 };
    const bc_bytes_t fields[] = { type, BC_STR("0"), BC_STR("0"), none, none, none };
    bc_archive_put_strings(&w, fields, BC_ARRAY_LEN(fields));
    bc_pc_put(pc, dir, name, bc_wr_view(&w));
    bc_wr_free(&w);
}

void bc_bfs_put_link(bc_pc_t *pc, bc_bytes_t table, bc_bytes_t address, bc_bytes_t abi, bc_bytes_t name)
{
    bc_pc_put(pc, table, BC_STR("type"), BC_STR("link"));
    bc_pc_put(pc, table, BC_STR("link_address"), address);
    bool both = pc->config->version == 0x03000000; /* 3.0 wrote them empty, too */
    if (abi.n || both)
        bc_pc_put(pc, table, BC_STR("link_abi"), abi);
    if (name.n || both)
        bc_pc_put(pc, table, BC_STR("name"), name);
}

int32_t bc_bfs_touch(bc_pc_t *pc, const bc_addr_t *sender, uint32_t bfs, bc_bytes_t path, bc_bytes_t type)
{
    bc_pc_reply_t r;
    bc_bytes_t input = bc_pc_encode(pc, "touch(string,string)", "(string,string)",
                                    (bc_abi_val_t[]){ bc_abi_bytes(path), bc_abi_bytes(type) }, 2);
    bc_pc_call(pc, sender, bfs, input, false, &r);
    if (!r.ok)
        return CODE_BUILD_FAILED;
    return r.data.n < 32 ? 0 : (int32_t)bc_load_be32(r.data.p + 28);
}

/* The code text of a dynamic contract. */
static void put_code(bc_pc_t *pc, bc_bytes_t account, bc_bytes_t text, bc_bytes_t abi)
{
    bc_h256_t hash;
    if (pc->config->legacy && !pc->config->flags[BC_F_bugfix_internal_create_redundant_storage]) {
        bc_pc_put(pc, account, BC_STR("code"), text);
        if (abi.n)
            bc_pc_put(pc, account, BC_STR("abi"), abi);
        return;
    }
    bc_hash(pc->config->suite, text, &hash);
    if (!bc_pc_get(pc, BC_STR("s_code_binary"), BC_VIEW(hash), NULL))
        bc_pc_put(pc, BC_STR("s_code_binary"), BC_VIEW(hash), text);
    bc_pc_put(pc, account, BC_STR("codeHash"), BC_VIEW(hash));
    /* the official code hashes the text after moving it away: the ABI lands under H("") */
    bc_hash(pc->config->suite, none, &hash);
    if (abi.n && !bc_pc_get(pc, BC_STR("s_contract_abi"), BC_VIEW(hash), NULL))
        bc_pc_put(pc, BC_STR("s_contract_abi"), BC_VIEW(hash), abi);
}

/* Version 0 makes it in an inner message, which may be refused. */
static bool begin_create(bc_pc_t *pc, bc_addr_t *address)
{
    static const bc_addr_t zero;
    int64_t seq = pc->config->legacy ? pc->child(pc->host) : pc->seq + 1;
    if (memcmp(address, &zero, sizeof(zero)) == 0) {
        bc_h256_t h;
        bc_hash(pc->config->suite,
                bc_cstr(bc_pc_printf(pc, "%lld_%lld_%lld", (long long)pc->config->number,
                                     (long long)pc->context_id, (long long)seq)),
                &h);
        memcpy(address->b, h.b, 20);
    }
    return !pc->config->legacy || !pc->deploy_refused(pc->host, address);
}

bool bc_pc_internal_create(bc_pc_t *pc, bc_bytes_t path, uint32_t target, bc_addr_t *address,
                           bc_bytes_t abi, int32_t *code)
{
    *code = CODE_BUILD_FAILED;
    if (!begin_create(pc, address))
        return true;
    bc_addr_text_t hex = bc_addr_text(address);
    bc_bytes_t hex_text = bc_bytes(hex.s, 40);
    bc_addr_t target_address = bc_addr_of(target);
    bc_addr_text_t target_hex = bc_addr_text(&target_address);
    bc_bytes_t text = bc_pc_join(pc, BC_STR("[PRECOMPILED],"), bc_bytes(target_hex.s, 40), BC_STR(","));
    text = bc_pc_join(pc, text, path, none);
    *code = bc_bfs_touch(pc, address, BC_SYS_BFS, path, BC_STR("link"));
    if (*code)
        return true;
    bc_bytes_t account = bc_pc_contract_table(pc, hex_text);
    if (!bc_pc_create_table(pc, path, BC_STR("value")) ||
        !bc_pc_create_table(pc, account, BC_STR("value")))
        return false;
    put_code(pc, account, text, abi);
    bc_pc_put(pc, path, BC_STR("type"), BC_STR("link"));
    bc_pc_put(pc, path, BC_STR("link_address"), hex_text);
    /* before 3.3 only with authority, and not for what system contracts create: all of these */
    return (pc->config->legacy && !bc_pc_since(pc, 3)) || bc_auth_create_table(pc->rows, account, &pc->origin);
}

/* --- paths --- */

/* Before 3.2: a letter or digit, then anything but these. */
static bool old_component_ok(bc_bytes_t s)
{
    static const char never[] = "><*?/=+()$\"'";
    uint8_t c = s.n ? s.p[0] : 0;
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
        return false;
    for (size_t i = 1; i < s.n; i++) {
        if (memchr(never, s.p[i], sizeof(never) - 1))
            return false;
    }
    return true;
}

static bool component_ok(bc_bytes_t s)
{
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        bool w = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (w)
            continue;
        if (i == 0 || !(c == '-' || c == '#' || c == '@' || c == '.'))
            return false;
    }
    return s.n > 0;
}

/* The components of a path: one leading and one trailing slash dropped, runs of slashes count
 * once; a run at an end leaves an empty component, as the official splitter does. */
static size_t split(bc_bytes_t path, bc_bytes_t *out, size_t max)
{
    if (path.n && path.p[0] == '/')
        path = sub(path, 1, path.n);
    if (path.n && path.p[path.n - 1] == '/')
        path.n--;
    size_t n = 0, i = 0;
    for (;;) {
        size_t from = i;
        while (i < path.n && path.p[i] != '/')
            i++;
        if (n < max)
            out[n] = sub(path, from, i);
        n++;
        if (i == path.n)
            return n;
        while (i < path.n && path.p[i] == '/')
            i++;
    }
}

bool bc_bfs_path_ok(const bc_pc_t *pc, bc_bytes_t path)
{
    bc_bytes_t parts[PATH_MAX_LEVEL];
    if (!path.n || path.n > (bc_pc_since(pc, 3) ? PATH_MAX_BYTES : PATH_MAX_BYTES_OLD))
        return false;
    if (bc_bytes_eq(path, BC_STR("/")))
        return true;
    size_t n = split(path, parts, PATH_MAX_LEVEL);
    if (n > PATH_MAX_LEVEL)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!(bc_pc_since(pc, 2) ? component_ok(parts[i]) : old_component_ok(parts[i])))
            return false;
    }
    return true;
}

static void parent_and_base(bc_bytes_t path, bc_bytes_t *dir, bc_bytes_t *base)
{
    *dir = *base = BC_STR("/");
    if (bc_bytes_eq(path, BC_STR("/")))
        return;
    if (path.n && path.p[path.n - 1] == '/')
        path.n--;
    size_t at = path.n;
    while (at && path.p[at - 1] != '/')
        at--;
    *base = sub(path, at, path.n);
    if (at > 1)
        *dir = sub(path, 0, at - 1);
    else if (at == 0)
        *dir = path; /* no slash: the official substr(0, npos) */
}

/* Makes every missing directory; an error when something on the way is no directory. */
static bc_pc_end_t build_dirs(bc_pc_t *pc, bc_bytes_t path)
{
    bc_bytes_t parts[PATH_MAX_LEVEL + 2], root = BC_STR("/");
    if (!path.n)
        return BC_PC_ERROR;
    size_t n = split(path, parts, BC_ARRAY_LEN(parts));
    if (!bc_pc_since(pc, 1))
        return bc_bfs30_build(pc, parts, BC_MIN(n, BC_ARRAY_LEN(parts)));
    for (size_t i = 0; i < n && i < BC_ARRAY_LEN(parts); i++) {
        if (!bc_pc_table_exists(pc, root))
            return BC_PC_ERROR;
        bc_bytes_t next = bc_pc_join(pc, root, root.n == 1 ? none : BC_STR("/"), parts[i]), row;
        if (!bc_pc_get(pc, root, parts[i], &row)) {
            bc_bfs_put_entry(pc, root, parts[i], BC_STR("directory"));
            if (!bc_pc_create_table(pc, next, BC_STR(DIR_FIELDS)))
                return BC_PC_INTERNAL;
        } else {
            bc_bytes_t *v;
            size_t cnt;
            if (bc_archive_get_strings(row, &v, &cnt, pc->arena) || !cnt ||
                !bc_bytes_eq(v[0], BC_STR("directory")))
                return BC_PC_ERROR;
        }
        root = next;
    }
    return BC_PC_OK;
}

/* --- list --- */

typedef struct {
    bc_pc_t *pc;
    bc_abi_val_t *v;
    size_t cnt, cap, max; /* max 0: all */
    uint64_t skip, seen, total; /* key pages: rows to pass over, rows passed, rows of the table */
    bool bad;
} listing_t;

static bool add_file(listing_t *l, bc_bytes_t name, const bc_bytes_t *fields, size_t cnt)
{
    if (l->cnt == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 16;
        bc_abi_val_t *v = bc_arena_alloc(l->pc->arena, cap * sizeof(*v));
        if (!v)
            return false;
        if (l->cnt)
            memcpy(v, l->v, l->cnt * sizeof(*v));
        l->v = v;
        l->cap = cap;
    }
    bc_abi_val_t *items = bc_arena_alloc(l->pc->arena, (3 + cnt) * sizeof(*items));
    if (!items)
        return false;
    for (size_t i = 1; i < cnt; i++)
        items[2 + i] = bc_abi_bytes(fields[i]);
    items[0] = bc_abi_bytes(name);
    items[1] = bc_abi_bytes(fields[0]);
    items[2] = bc_abi_tuple(items + 3, cnt - 1);
    l->v[l->cnt++] = bc_abi_tuple(items, 3);
    return true;
}

static bool each_child(void *ctx, bc_bytes_t key, bc_bytes_t value)
{
    listing_t *l = ctx;
    bc_bytes_t *fields, copy;
    size_t cnt;
    bool ok = true;
    if (l->pc->config->key_pages) {
        l->total++;
        if (l->seen++ < l->skip || (l->max && l->cnt >= l->max))
            return true; /* the whole table is counted */
    }
    key = bc_arena_copy(l->pc->arena, key, &ok);
    copy = bc_arena_copy(l->pc->arena, value, &ok);
    if (!ok || bc_archive_get_strings(copy, &fields, &cnt, l->pc->arena) || !cnt ||
        !add_file(l, key, fields, cnt)) {
        l->bad = true;
        return false;
    }
    return l->pc->config->key_pages || !l->max || l->cnt < l->max;
}

static bc_pc_end_t ret_list(bc_pc_t *pc, int64_t code, listing_t *l)
{
    return bc_pc_ret(pc, "(int256,(string,string,string[])[])",
                     (bc_abi_val_t[]){ bc_abi_i64(code), bc_abi_tuple(l->v, l->cnt) }, 2);
}

/* A listing on a chain of 3.0. */
static bc_pc_end_t list_v30(bc_pc_t *pc, bc_bytes_t path, bc_bytes_t base, listing_t *l)
{
    bc_bytes_t type, row[3] = { BC_STR("contract") };
    size_t cnt = 0, fields = 1;
    bc_bfs30_child_t *v = NULL;
    if (!bc_pc_get(pc, path, BC_STR("type"), &type)) {
        if (!add_file(l, base, row, fields))
            return BC_PC_INTERNAL;
    } else if (bc_bytes_eq(type, BC_STR("directory"))) {
        if (!bc_bfs30_children(pc, path, &v, &cnt))
            return BC_PC_INTERNAL;
        for (size_t i = 0; i < cnt; i++) {
            if (!add_file(l, v[i].name, &v[i].type, 1))
                return BC_PC_INTERNAL;
        }
    } else if (bc_bytes_eq(type, BC_STR("link"))) {
        row[0] = BC_STR("link");
        bc_pc_get(pc, path, BC_STR("link_abi"), &row[2]);
        if (!bc_pc_get(pc, path, BC_STR("link_address"), &row[1]) || !add_file(l, base, row, 3))
            return BC_PC_INTERNAL;
    }
    return ret_list(pc, 0, l);
}

/* One listing; *full tells that a directory filled the page. */
static bc_pc_end_t list_impl(bc_pc_t *pc, bc_bytes_t path, uint64_t offset, uint64_t count, bool paged)
{
    listing_t l = { .pc = pc };
    if (!bc_bfs_path_ok(pc, path))
        return ret_list(pc, CODE_INVALID_PATH, &l);
    bc_bytes_t dir, base, row, *f;
    size_t cnt = 0;
    if (!bc_pc_table_exists(pc, path))
        return ret_list(pc, CODE_NOT_EXIST, &l);
    parent_and_base(path, &dir, &base);
    if (!bc_pc_since(pc, 1))
        return list_v30(pc, path, base, &l);
    bool is_dir = bc_bytes_eq(base, BC_STR("/"));
    if (!is_dir) {
        if (!bc_pc_get(pc, dir, base, &row))
            return ret_list(pc, CODE_NOT_EXIST, &l);
        if (bc_archive_get_strings(row, &f, &cnt, pc->arena) || !cnt)
            return BC_PC_INTERNAL;
        is_dir = bc_bytes_eq(f[0], BC_STR("directory"));
    }
    if (is_dir) {
        /* the official scan with a start other than 0 finds nothing */
        bool no_pages = pc->config->legacy && !pc->config->key_pages; /* knows no limit */
        l.max = no_pages ? 0 : count;
        if (pc->config->key_pages)
            l.skip = offset;
        if ((offset == 0 || pc->config->legacy) && (count || !pc->config->key_pages))
            bc_rows_scan(pc->rows, bc_rows_table(pc->rows, path), none, each_child, &l);
        if (l.bad)
            return BC_PC_INTERNAL;
        if (paged && l.cnt == count && pc->config->key_pages)
            return ret_list(pc, (int64_t)(l.total - offset - count), &l);
        if (paged && l.cnt == count)
            return BC_PC_INTERNAL; /* the official storage cannot count and throws */
    } else if (bc_bytes_eq(f[0], BC_STR("link"))) {
        bc_bytes_t link[3] = { BC_STR("link") };
        if (!bc_pc_get(pc, path, BC_STR("link_address"), &link[1]))
            return BC_PC_INTERNAL;
        bc_pc_get(pc, path, BC_STR("link_abi"), &link[2]);
        if (!add_file(&l, base, link, 3))
            return BC_PC_INTERNAL;
    } else if (bc_bytes_eq(f[0], BC_STR("contract"))) {
        if (!add_file(&l, base, f, cnt))
            return BC_PC_INTERNAL;
    }
    return ret_list(pc, 0, &l);
}

static bc_pc_end_t list(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string)");
    return a ? list_impl(pc, a[0].s, 0, LIST_MAX, false) : BC_PC_INTERNAL;
}

static bc_pc_end_t list_page(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string,uint256,uint256)");
    return a ? list_impl(pc, a[0].s, a[1].n.w[0], a[2].n.w[0], true) : BC_PC_INTERNAL;
}

/* --- making things --- */

static bool shard_path(bc_bytes_t path)
{
    return starts(path, BC_STR("/shards"));
}

static bc_pc_end_t mkdir_run(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string)");
    if (!a)
        return BC_PC_INTERNAL;
    if (shard_path(a[0].s) && bc_pc_since(pc, 3))
        return bc_pc_ret_int(pc, CODE_BUILD_FAILED);
    return bc_bfs_mkdir(pc, BC_SYS_BFS, a[0].s);
}

bc_pc_end_t bc_bfs_mkdir(bc_pc_t *pc, uint32_t bfs, bc_bytes_t path)
{
    if (bc_pc_table_exists(pc, path))
        return bc_pc_ret_int(pc, CODE_EXISTS);
    bc_addr_t self = bc_addr_of(bfs);
    return bc_pc_ret_int(pc, bc_bfs_touch(pc, &self, bfs, path, BC_STR("directory")));
}

static bc_pc_end_t touch(bc_pc_t *pc)
{
    return bc_bfs_touch_here(pc, false);
}

bc_pc_end_t bc_bfs_touch_here(bc_pc_t *pc, bool shards)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string,string)");
    if (!a)
        return BC_PC_INTERNAL;
    bc_bytes_t path = a[0].s, type = a[1].s;
    if (!bc_bfs_path_ok(pc, path))
        return bc_pc_ret_int(pc, CODE_INVALID_PATH);
    bool is_dir = bc_bytes_eq(type, BC_STR("directory"));
    if (!is_dir && !bc_bytes_eq(type, BC_STR("contract")) && !bc_bytes_eq(type, BC_STR("link")))
        return bc_pc_ret_int(pc, CODE_INVALID_TYPE);
    if (!bc_addr_is(&pc->origin, BC_SYS_ACCOUNT) && !starts(path, BC_STR("/apps/")) &&
        !starts(path, BC_STR("/tables/")) && !(bc_pc_since(pc, 1) && starts(path, BC_STR("/usr/"))) &&
        !(shards && starts(path, BC_STR("/shards/"))))
        return bc_pc_ret_int(pc, CODE_INVALID_PATH);
    bc_bytes_t dir = path, base = none;
    if (!is_dir)
        parent_and_base(path, &dir, &base);
    bc_pc_end_t built = build_dirs(pc, dir);
    if (built)
        return built == BC_PC_ERROR ? BC_PC_FAIL(pc, "Recursive build bfs dir error.") : built;
    if (!is_dir && bc_pc_since(pc, 1))
        bc_bfs_put_entry(pc, dir, base, type);
    else if (!is_dir && !bc_bfs30_add(pc, dir, base, type))
        return BC_PC_INTERNAL;
    return bc_pc_ret_int(pc, 0);
}

static bc_bytes_t trim_0x(bc_bytes_t s)
{
    return s.n >= 2 && s.p[0] == '0' && (s.p[1] == 'x' || s.p[1] == 'X') ? sub(s, 2, s.n) : s;
}

static bool is_link(bc_pc_t *pc, bc_bytes_t table)
{
    bc_bytes_t type;
    return bc_pc_get(pc, table, BC_STR("type"), &type) && bc_bytes_eq(type, BC_STR("link"));
}

static bc_pc_end_t link_new(bc_pc_t *pc, uint32_t bfs, bc_bytes_t table, bc_bytes_t address, bc_bytes_t abi,
                            bc_bytes_t name)
{
    bc_addr_t self = bc_addr_of(bfs);
    if (bc_bfs_touch(pc, &self, bfs, table, BC_STR("link")))
        return bc_pc_ret_int(pc, CODE_BUILD_FAILED);
    if (!bc_pc_create_table(pc, table, BC_STR("value")))
        return BC_PC_INTERNAL;
    bc_bfs_put_link(pc, table, address, abi, name);
    return bc_pc_ret_int(pc, 0);
}

/* link(path,address,abi) */
static bc_pc_end_t link_path(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string,string,string)");
    if (!a)
        return BC_PC_INTERNAL;
    bc_bytes_t path = a[0].s, address = trim_0x(a[1].s);
    if (shard_path(path) && bc_pc_since(pc, 3))
        return bc_pc_ret_int(pc, CODE_INVALID_PATH);
    bc_bytes_t table = bc_pc_join(pc, BC_STR("/apps/"),
                                  path.n && path.p[0] == '/' ? sub(path, 1, path.n) : path, none);
    return bc_bfs_link(pc, BC_SYS_BFS, table, address, a[2].s);
}

bc_pc_end_t bc_bfs_link(bc_pc_t *pc, uint32_t bfs, bc_bytes_t table, bc_bytes_t address, bc_bytes_t abi)
{
    if (!bc_bfs_path_ok(pc, table))
        return bc_pc_ret_int(pc, CODE_INVALID_PATH);
    if (!bc_pc_table_exists(pc, table))
        return link_new(pc, bfs, table, address, abi, none);
    if (!is_link(pc, table))
        return bc_pc_ret_int(pc, CODE_EXISTS);
    bc_bfs_put_link(pc, table, address, abi, none);
    return bc_pc_ret_int(pc, 0);
}

static bc_bytes_t trim_spaces(bc_bytes_t s)
{
    while (s.n && (s.p[0] == ' ' || (s.p[0] >= 9 && s.p[0] <= 13)))
        s = sub(s, 1, s.n);
    while (s.n && (s.p[s.n - 1] == ' ' || (s.p[s.n - 1] >= 9 && s.p[s.n - 1] <= 13)))
        s.n--;
    return s;
}

/* The address must be a table of an account whose code hash, when it has one, is not zero. */
static bool linkable(bc_pc_t *pc, bc_bytes_t hex)
{
    static const bc_h256_t zero;
    bc_bytes_t hash, name = hex.n && hex.p[0] == '/' ? sub(hex, 1, hex.n) : hex;
    bc_bytes_t table = bc_pc_join(pc, BC_STR("/apps/"), name, none);
    if (!bc_pc_table_exists(pc, table))
        return false;
    return !bc_pc_get(pc, table, BC_STR("codeHash"), &hash) || !bc_bytes_eq(hash, BC_VIEW(zero));
}

/* link(name,version,address,abi) */
static bc_pc_end_t link_cns(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string,string,string,string)");
    if (!a)
        return BC_PC_INTERNAL;
    bc_bytes_t name = trim_spaces(a[0].s), version = trim_spaces(a[1].s), address = trim_0x(a[2].s);
    if (!linkable(pc, address) || (name.n && memchr(name.p, '/', name.n)) ||
        (version.n && memchr(version.p, '/', version.n)))
        return bc_pc_ret_int(pc, CODE_ADDRESS_OR_VERSION);
    if (a[3].s.n > ABI_MAX)
        return BC_PC_FAIL(pc, "size of value/key greater than16777215 error code: -50006");
    bc_bytes_t table = bc_pc_join(pc, BC_STR("/apps/"), name, BC_STR("/"));
    table = bc_pc_join(pc, table, version, none);
    if (!bc_bfs_path_ok(pc, table))
        return bc_pc_ret_int(pc, CODE_INVALID_PATH);
    if (bc_pc_table_exists(pc, table)) {
        if (!is_link(pc, table))
            return bc_pc_ret_int(pc, CODE_EXISTS);
        bc_pc_put(pc, table, BC_STR("link_address"), address);
        bc_pc_put(pc, table, BC_STR("link_abi"), a[3].s);
        return bc_pc_ret_int(pc, 0);
    }
    return link_new(pc, BC_SYS_BFS, table, address, a[3].s, version);
}

static bc_pc_end_t readlink_run(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string)");
    if (!a)
        return BC_PC_INTERNAL;
    bc_addr_t out = { { 0 } };
    bc_bytes_t address;
    if (bc_pc_table_exists(pc, a[0].s) && is_link(pc, a[0].s) &&
        bc_pc_get(pc, a[0].s, BC_STR("link_address"), &address))
        out = bc_addr_parse(address);
    return bc_pc_ret_addr(pc, &out);
}

/* --- the tree of block 0 --- */

static const struct {
    const char *name;
    uint32_t number;
    unsigned since;
} sys_links[] = {
    { "status", BC_SYS_CONFIG },       { "table_storage", BC_SYS_TABLE },
    { "table_manager", BC_SYS_TABLE_MANAGER }, { "consensus", BC_SYS_CONSENSUS },
    { "auth", BC_SYS_AUTH },           { "kv_storage", BC_SYS_KV_TABLE },
    { "crypto_tools", BC_SYS_CRYPTO }, { "dag_test", BC_SYS_DAG_TRANSFER },
    { "bfs", BC_SYS_BFS },             { "group_sig", BC_SYS_GROUP_SIG },
    { "ring_sig", BC_SYS_RING_SIG },   { "discrete_zkp", BC_SYS_ZKP },
    { "account_manager", BC_SYS_ACCOUNT_MANAGER }, { "cast_tools", BC_SYS_CAST, 2 },
    { "sharding", BC_SYS_SHARDING, 3 },
};

/* The links of /sys as a chain of version 3.minor has them. */
static bc_pc_end_t build_sys(bc_pc_t *pc, unsigned minor)
{
    for (size_t i = 0; i < BC_ARRAY_LEN(sys_links); i++) {
        bc_bytes_t name = bc_cstr(sys_links[i].name);
        bc_bytes_t table = bc_pc_join(pc, BC_STR("/sys/"), name, none);
        bc_addr_t a = bc_addr_of(sys_links[i].number);
        bc_addr_text_t hex = bc_addr_text(&a);
        if (minor < sys_links[i].since)
            continue;
        bc_bfs_put_entry(pc, BC_STR("/sys"), name, BC_STR("link"));
        if (!bc_pc_create_table(pc, table, BC_STR("value")))
            return BC_PC_INTERNAL;
        bc_pc_put(pc, table, BC_STR("type"), BC_STR("link"));
        bc_pc_put(pc, table, BC_STR("link_address"), bc_bytes(hex.s, 40));
    }
    return BC_PC_OK;
}

static bc_pc_end_t init_bfs(bc_pc_t *pc)
{
    static const char *const dirs[] = { "/", "/usr", "/apps", "/tables", "/sys" };
    if (bc_pc_table_exists(pc, BC_STR("/")))
        return BC_PC_OK;
    for (size_t i = 0; i < BC_ARRAY_LEN(dirs); i++) {
        bc_bytes_t dir = bc_cstr(dirs[i]);
        if (!bc_pc_create_table(pc, dir, BC_STR(DIR_FIELDS)))
            return BC_PC_INTERNAL;
        if (dir.n > 1)
            bc_bfs_put_entry(pc, BC_STR("/"), sub(dir, 1, dir.n), BC_STR("directory"));
    }
    return build_sys(pc, pc->config->version >> 16 & 255);
}

/* From 3.0 to a later version, asked for by the system configuration. */
static bc_pc_end_t rebuild_bfs(bc_pc_t *pc)
{
    if (!bc_addr_is(&pc->sender, BC_SYS_CONFIG))
        return bc_pc_ret_int(pc, BC_PC_NO_AUTHORIZED);
    const bc_abi_val_t *a = bc_pc_args(pc, "(uint256,uint256)");
    bool links = false;
    if (!a)
        return BC_PC_INTERNAL;
    if ((uint32_t)a[0].n.w[0] <= 0x03000000 && (uint32_t)a[1].n.w[0] >= 0x03010000) {
        bc_pc_end_t end = bc_bfs30_convert(pc, &links);
        if (!end && links)
            end = build_sys(pc, 1);
        if (end)
            return end;
    }
    return bc_pc_ret_int(pc, 0);
}

static bc_pc_end_t fix_bfs(bc_pc_t *pc)
{
    return BC_PC_FAIL(pc, "BFSPrecompiled call undefined function!");
}

static const bc_pc_function_t functions[] = {
    { "list(string)", list },
    { "list(string,uint256,uint256)", list_page, 1 },
    { "mkdir(string)", mkdir_run },
    { "link(string,string,string)", link_path, 1 },
    { "link(string,string,string,string)", link_cns },
    { "readlink(string)", readlink_run },
    { "touch(string,string)", touch },
    { "initBfs()", init_bfs, 1 },
    { "rebuildBfs(uint256,uint256)", rebuild_bfs },
    { "fixBfs(uint256)", fix_bfs, 3 },
};

const bc_pc_contract_t bc_pc_bfs = {
    .number = BC_SYS_BFS,
    .name = "BFSPrecompiled",
    .gate = BC_GATE_NONE,
    .functions = functions,
    .function_cnt = BC_ARRAY_LEN(functions),
};
