#include "computing/precompiled/auth_rows.h"

#include "codec/hex.h"

static const bc_bytes_t none = { 0 };

/* --- SCALE --- */

/* Compact integer; up to 4 bytes, which is more than any row holds. */
static bool compact(bc_rd_t *r, size_t *out)
{
    uint32_t first = bc_rd_u8(r);
    switch (first & 3) {
    case 0:
        *out = first >> 2;
        break;
    case 1:
        *out = (first | (uint32_t)bc_rd_u8(r) << 8) >> 2;
        break;
    case 2: {
        uint32_t v = first | (uint32_t)bc_rd_u8(r) << 8;
        v |= (uint32_t)bc_rd_u8(r) << 16;
        v |= (uint32_t)bc_rd_u8(r) << 24;
        *out = v >> 2;
        break;
    }
    default:
        return false;
    }
    return !r->err;
}

static void put_compact(bc_wr_t *w, size_t n)
{
    if (n < 64) {
        bc_wr_u8(w, (uint8_t)(n << 2));
    } else if (n < 16384) {
        bc_wr_u8(w, (uint8_t)(n << 2 | 1));
        bc_wr_u8(w, (uint8_t)(n >> 6));
    } else {
        bc_wr_le32(w, (uint32_t)(n << 2 | 2));
    }
}

/* Skips a map of strings to bytes. */
static bool skip_flags(bc_rd_t *r)
{
    size_t cnt, len;
    if (!compact(r, &cnt))
        return false;
    for (size_t i = 0; i < cnt; i++) {
        if (!compact(r, &len))
            return false;
        bc_rd_take(r, len);
        bc_rd_u8(r);
        if (r->err)
            return false;
    }
    return true;
}

bc_err_t bc_auth_map_decode(bc_bytes_t in, bool nested, bc_auth_map_t *m, bc_arena_t *a)
{
    size_t cnt = 0, len = 0;
    bc_rd_t r = bc_rd(in);
    *m = (bc_auth_map_t){ 0 };
    if (!in.n)
        return BC_OK;
    if (!compact(&r, &cnt) || cnt > in.n)
        return BC_E_FORMAT;
    m->v = bc_arena_alloc(a, (cnt + 1) * sizeof(*m->v));
    if (!m->v)
        return BC_E_NOMEM;
    for (size_t i = 0; i < cnt; i++) {
        if (!compact(&r, &len))
            return BC_E_FORMAT;
        bc_bytes_t key = bc_rd_take(&r, len);
        const uint8_t *from = r.p;
        if (nested ? !skip_flags(&r) : (bc_rd_u8(&r), r.err != 0))
            return BC_E_FORMAT;
        m->v[m->cnt++] = (bc_auth_pair_t){ key, bc_bytes(from, (size_t)(r.p - from)) };
    }
    return r.err ? BC_E_FORMAT : BC_OK;
}

bc_bytes_t bc_auth_map_encode(const bc_auth_map_t *m, bc_arena_t *a)
{
    bc_wr_t w = { 0 };
    put_compact(&w, m->cnt);
    for (size_t i = 0; i < m->cnt; i++) {
        put_compact(&w, m->v[i].key.n);
        bc_wr_put(&w, m->v[i].key);
        bc_wr_put(&w, m->v[i].value);
    }
    bc_bytes_t out = bc_arena_copy(a, bc_wr_view(&w), NULL);
    bc_wr_free(&w);
    return out;
}

const bc_bytes_t *bc_auth_map_find(const bc_auth_map_t *m, bc_bytes_t key)
{
    for (size_t i = 0; i < m->cnt; i++) {
        if (bc_bytes_eq(m->v[i].key, key))
            return &m->v[i].value;
    }
    return NULL;
}

bc_err_t bc_auth_map_set(bc_auth_map_t *m, bc_bytes_t key, bc_bytes_t value, bc_arena_t *a)
{
    size_t at = 0;
    while (at < m->cnt && bc_bytes_cmp(m->v[at].key, key) < 0)
        at++;
    if (at < m->cnt && bc_bytes_eq(m->v[at].key, key)) {
        m->v[at].value = value;
        return BC_OK;
    }
    bc_auth_pair_t *v = bc_arena_alloc(a, (m->cnt + 1) * sizeof(*v));
    if (!v)
        return BC_E_NOMEM;
    if (at)
        memcpy(v, m->v, at * sizeof(*v));
    v[at] = (bc_auth_pair_t){ key, value };
    if (m->cnt > at)
        memcpy(v + at + 1, m->v + at, (m->cnt - at) * sizeof(*v));
    m->v = v;
    m->cnt++;
    return BC_OK;
}

/* --- rows --- */

bc_bytes_t bc_auth_table(bc_arena_t *a, bc_bytes_t hex)
{
    char *p = bc_arena_alloc(a, hex.n + 17);
    if (!p)
        return none;
    memcpy(p, "/apps/", 6);
    memcpy(p + 6, hex.p, hex.n);
    memcpy(p + 6 + hex.n, "_accessAuth", 11);
    return bc_bytes(p, hex.n + 17);
}

static bool table_exists(bc_rows_t *rows, bc_bytes_t table)
{
    return bc_rows_get(rows, bc_rows_table(rows, BC_STR("s_tables")), table, NULL);
}

int bc_auth_method_type(bc_rows_t *rows, bc_bytes_t table, bc_bytes_t func, bc_arena_t *a)
{
    bc_bytes_t row;
    bc_auth_map_t m;
    if (!table_exists(rows, table) ||
        !bc_rows_get(rows, bc_rows_table(rows, table), BC_STR("method_auth_type"), &row) || !row.n)
        return BC_AUTH_TYPE_NOT_EXIST;
    if (bc_auth_map_decode(bc_arena_copy(a, row, NULL), false, &m, a))
        return BC_AUTH_DECODE_ERROR;
    const bc_bytes_t *type = bc_auth_map_find(&m, func);
    return type ? type->p[0] : BC_AUTH_TYPE_NOT_EXIST;
}

bool bc_auth_method_allowed(bc_rows_t *rows, bc_bytes_t hex, bc_bytes_t func, bc_bytes_t account, bc_arena_t *a)
{
    bc_bytes_t table = bc_auth_table(a, hex), row = none;
    bc_auth_map_t methods, accounts;
    if (!table_exists(rows, table))
        return true;
    int type = bc_auth_method_type(rows, table, func, a);
    if (type == BC_AUTH_TYPE_NOT_EXIST)
        return true;
    bc_rows_get(rows, bc_rows_table(rows, table),
                type == BC_AUTH_WHITE ? BC_STR("method_auth_white") : BC_STR("method_auth_black"), &row);
    if (bc_auth_map_decode(bc_arena_copy(a, row, NULL), true, &methods, a))
        return true;
    if (!methods.cnt)
        return type == BC_AUTH_BLACK;
    const bc_bytes_t *list = bc_auth_map_find(&methods, func);
    if (!list || bc_auth_map_decode(*list, false, &accounts, a))
        return true;
    const bc_bytes_t *flag = bc_auth_map_find(&accounts, account);
    if (!flag)
        return type == BC_AUTH_BLACK;
    return type == BC_AUTH_BLACK ? !flag->p[0] : flag->p[0] != 0;
}

int bc_auth_contract_status(bc_rows_t *rows, bc_bytes_t hex, bc_arena_t *a)
{
    bc_bytes_t table = bc_auth_table(a, hex), row;
    if (!table_exists(rows, table))
        return BC_PC_TABLE_NOT_EXIST;
    if (!bc_rows_get(rows, bc_rows_table(rows, table), BC_STR("status"), &row))
        return BC_AUTH_ROW_NOT_EXIST;
    return bc_bytes_eq(row, BC_STR("frozen")) ? 1 : bc_bytes_eq(row, BC_STR("abolish")) ? 2 : 0;
}

bool bc_auth_account_status(bc_rows_t *rows, bc_bytes_t table, int64_t number, uint8_t *out)
{
    bc_table_t *t = bc_rows_table(rows, table);
    bc_bytes_t update, row;
    int64_t at = 0;
    *out = 0;
    if (!bc_rows_get(rows, t, BC_STR("last_update"), &update))
        return true;
    if (bc_dec_i64(update, &at) ||
        !bc_rows_get(rows, t, number > at ? BC_STR("status") : BC_STR("last_status"), &row) || row.n != 1)
        return false;
    *out = row.p[0];
    return true;
}

bool bc_auth_create_table(bc_rows_t *rows, bc_bytes_t account_table, const bc_addr_t *admin)
{
    static const char zeros[] = "00000000000000000000000000000000000"; /* 35 */
    uint8_t name[96];
    if ((account_table.n >= 5 && memcmp(account_table.p, "/sys/", 5) == 0) ||
        (account_table.n >= 35 && memcmp(account_table.p, zeros, 35) == 0))
        return true;
    if (account_table.n + 11 > sizeof(name))
        return false;
    memcpy(name, account_table.p, account_table.n);
    memcpy(name + account_table.n, "_accessAuth", 11);
    bc_bytes_t table_name = bc_bytes(name, account_table.n + 11);
    bc_table_t *tables = bc_rows_table(rows, BC_STR("s_tables"));
    if (bc_rows_get(rows, tables, table_name, NULL))
        return false;
    bc_rows_put(rows, tables, table_name, BC_STR("value"));
    bc_table_t *t = bc_rows_table(rows, table_name);
    bc_addr_text_t hex = bc_addr_text(admin);
    bc_rows_put(rows, t, BC_STR("admin"), bc_bytes(hex.s, 40));
    bc_rows_put(rows, t, BC_STR("status"), BC_STR("normal"));
    bc_rows_put(rows, t, BC_STR("method_auth_type"), (bc_bytes_t){ 0 });
    bc_rows_put(rows, t, BC_STR("method_auth_white"), (bc_bytes_t){ 0 });
    bc_rows_put(rows, t, BC_STR("method_auth_black"), (bc_bytes_t){ 0 });
    return true;
}
