/* TableManager 1002: creates and describes user tables (spec/40 §4.3). */
#include <ctype.h>

#include "computing/precompiled/contracts.h"
#include "computing/precompiled/table_names.h"

#define V320_PREFIX "__v320_table_info__"

enum { NAME_MAX_BYTES = 50, FIELDS_MAX_BYTES = 1024 };

static const bc_bytes_t none = { 0 };

static bool starts(bc_bytes_t s, bc_bytes_t with)
{
    return s.n && s.n >= with.n && memcmp(s.p, with.p, with.n) == 0;
}

bc_bytes_t bc_table_path(bc_pc_t *pc, bc_bytes_t name)
{
    if (starts(name, BC_STR("/tables/")))
        return name;
    if (name.n && name.p[0] == '/')
        name = bc_bytes(name.p + 1, name.n - 1);
    return bc_pc_join(pc, BC_STR("/tables/"), name, none);
}

bc_bytes_t bc_table_data(bc_pc_t *pc, bc_bytes_t path)
{
    return bc_pc_join(pc, BC_STR("u_"), path, none);
}

bc_pc_end_t bc_table_check_length(bc_pc_t *pc, bc_bytes_t s, size_t max, int code)
{
    if (s.n <= max)
        return BC_PC_OK;
    return bc_pc_fail(pc, bc_cstr(bc_pc_printf(pc, "size of value/key greater than%zu error code: %d", max, code)),
                      none, none);
}

static bc_bytes_t trim(bc_bytes_t s)
{
    while (s.n && isspace(s.p[0]))
        s = bc_bytes(s.p + 1, s.n - 1);
    while (s.n && isspace(s.p[s.n - 1]))
        s.n--;
    return s;
}

static bool chars_ok(bc_bytes_t s, const char *others)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!isalnum(s.p[i]) && (!s.p[i] || !strchr(others, s.p[i])))
            return false;
    }
    return true;
}

static bc_pc_end_t check_field(bc_pc_t *pc, bc_bytes_t f)
{
    if (!f.n || f.p[0] == '_' || !chars_ok(f, "$_@"))
        return bc_pc_fail(pc, BC_STR("invalid field: "), f, none);
    return BC_PC_OK;
}

static bc_pc_end_t check_names(bc_pc_t *pc, bc_bytes_t name, bc_bytes_t key, const bc_bytes_t *fields, size_t cnt)
{
    if (!chars_ok(name, "_/"))
        return bc_pc_fail(pc, BC_STR("Invalid table name \""), name,
                          BC_STR("\", the table name must be letters or numbers, and only supports "
                                 "\"{_, /}\" as special character set"));
    bc_pc_end_t end = check_field(pc, key);
    for (size_t i = 0; !end && i < cnt; i++) {
        for (size_t k = 0; k < i; k++) {
            if (bc_bytes_eq(fields[i], fields[k]))
                return bc_pc_fail(pc, BC_STR("duplicated field: "), fields[i], none);
        }
        end = check_field(pc, fields[i]);
    }
    return end;
}

static bc_bytes_t join(bc_pc_t *pc, const bc_bytes_t *v, size_t cnt)
{
    bc_wr_t w = { 0 };
    for (size_t i = 0; i < cnt; i++) {
        if (i)
            bc_wr_u8(&w, ',');
        bc_wr_put(&w, v[i]);
    }
    bc_bytes_t out = bc_arena_copy(pc->arena, bc_wr_view(&w), NULL);
    bc_wr_free(&w);
    return out;
}

/* Splits at commas; "" gives one empty part. */
static bc_bytes_t *split(bc_pc_t *pc, bc_bytes_t s, size_t *cnt)
{
    size_t n = 1, from = 0, k = 0;
    if (!s.p)
        s = BC_STR("");
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == ',';
    bc_bytes_t *v = bc_arena_alloc(pc->arena, n * sizeof(*v));
    *cnt = v ? n : 0;
    for (size_t i = 0; v && i <= s.n; i++) {
        if (i == s.n || s.p[i] == ',') {
            v[k++] = bc_bytes(s.p + from, i - from);
            from = i + 1;
        }
    }
    return v;
}

/* Trims key and fields in place and checks everything; *joined gets the fields. */
static bc_pc_end_t check_create(bc_pc_t *pc, bc_bytes_t name, bc_bytes_t *key, bc_bytes_t *fields, size_t cnt,
                                bc_bytes_t *joined)
{
    if (key->n > BC_TABLE_FIELD_MAX)
        return BC_PC_FAIL(pc, "table field name length overflow 64");
    *key = trim(*key);
    for (size_t i = 0; i < cnt; i++) {
        fields[i] = trim(fields[i]);
        if (fields[i].n > BC_TABLE_FIELD_MAX)
            return BC_PC_FAIL(pc, "errorCode: -50003table field name length overflow 64");
    }
    bc_pc_end_t end = check_names(pc, name, *key, fields, cnt);
    if (end)
        return end;
    *joined = join(pc, fields, cnt);
    if (joined->n > FIELDS_MAX_BYTES)
        return BC_PC_FAIL(pc, "total table field name length overflow 1024");
    if (bc_table_path(pc, name).n > NAME_MAX_BYTES)
        return BC_PC_FAIL(pc, "errorCode: -50002 tableName length overflow 50");
    return BC_PC_OK;
}

/* The link, the contract and the data table. */
static bc_pc_end_t create(bc_pc_t *pc, bc_bytes_t name, uint32_t target, bc_bytes_t schema)
{
    bc_bytes_t path = bc_table_path(pc, name);
    bc_addr_t address = { { 0 } };
    int32_t code = 0;
    pc->ops += BC_PC_GAS_CREATE_TABLE;
    if (bc_pc_table_exists(pc, path))
        return bc_pc_ret_int(pc, BC_PC_TABLE_EXISTS);
    bc_bytes_t abi = bc_cstr(target == BC_SYS_TABLE ? bc_table_abi : bc_kv_table_abi);
    if (!bc_pc_since(pc, 1))
        abi = none;
    if (!bc_pc_internal_create(pc, path, target, &address, abi, &code))
        return BC_PC_INTERNAL;
    if (code)
        return BC_PC_FAIL(pc, "Create table error.");
    if (!bc_pc_create_table(pc, bc_table_data(pc, path), schema))
        return BC_PC_INTERNAL;
    return bc_pc_ret_int(pc, 0);
}

static bc_bytes_t *field_list(bc_pc_t *pc, const bc_abi_val_t *list)
{
    bc_bytes_t *v = bc_arena_alloc(pc->arena, (list->cnt + 1) * sizeof(*v));
    for (size_t i = 0; v && i < list->cnt; i++)
        v[i] = list->items[i].s;
    return v;
}

static bc_pc_end_t create_table(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string,(string,string[]))");
    bc_bytes_t *fields = a ? field_list(pc, &a[1].items[1]) : NULL, key, joined;
    if (!fields)
        return BC_PC_INTERNAL;
    key = a[1].items[0].s;
    bc_pc_end_t end = check_create(pc, a[0].s, &key, fields, a[1].items[1].cnt, &joined);
    return end ? end : create(pc, a[0].s, BC_SYS_TABLE, bc_pc_join(pc, key, BC_STR(","), joined));
}

static bc_pc_end_t bad_order(bc_pc_t *pc, unsigned order)
{
    return bc_pc_fail(pc, bc_cstr(bc_pc_printf(pc, "%u KeyOrder not exist!", order)), none, none);
}

static bc_pc_end_t create_table_order(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string,(uint8,string,string[]))");
    bc_bytes_t *fields = a ? field_list(pc, &a[1].items[2]) : NULL, key, joined;
    if (!fields)
        return BC_PC_INTERNAL;
    unsigned order = (uint8_t)a[1].items[0].n.w[0];
    if (order > 1)
        return bad_order(pc, order);
    key = a[1].items[1].s;
    bc_pc_end_t end = check_create(pc, a[0].s, &key, fields, a[1].items[2].cnt, &joined);
    if (end)
        return end;
    bc_bytes_t schema = bc_pc_join(pc, order ? BC_STR(V320_PREFIX "1,") : BC_STR(V320_PREFIX "0,"), key, BC_STR(","));
    return create(pc, a[0].s, BC_SYS_TABLE, bc_pc_join(pc, schema, joined, none));
}

static bc_pc_end_t create_kv_table(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string,string,string)");
    size_t cnt = 0;
    bc_bytes_t *fields = a ? split(pc, a[2].s, &cnt) : NULL, key, joined;
    if (!fields)
        return BC_PC_INTERNAL;
    key = a[1].s;
    bc_pc_end_t end = check_create(pc, a[0].s, &key, fields, cnt, &joined);
    return end ? end : create(pc, a[0].s, BC_SYS_KV_TABLE, bc_pc_join(pc, key, BC_STR(","), a[2].s));
}

static bc_pc_end_t append_columns(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string,string[])");
    if (!a)
        return BC_PC_INTERNAL;
    bc_bytes_t table = bc_table_data(pc, bc_table_path(pc, a[0].s)), row;
    if (!bc_pc_get(pc, BC_STR("s_tables"), table, &row))
        return bc_pc_ret_int(pc, BC_PC_TABLE_NOT_EXIST);
    size_t old = 0;
    bc_bytes_t *had = split(pc, bc_arena_copy(pc->arena, row, NULL), &old);
    bc_bytes_t *all = bc_arena_alloc(pc->arena, (old + a[1].cnt + 1) * sizeof(*all));
    if (!had || !all)
        return BC_PC_INTERNAL;
    memcpy(all, had, old * sizeof(*all));
    for (size_t i = 0; i < a[1].cnt; i++) {
        bc_bytes_t col = a[1].items[i].s;
        bc_pc_end_t end = bc_table_check_length(pc, col, BC_TABLE_FIELD_MAX, -50003);
        if (end)
            return end;
        for (size_t k = 1; k < old + i; k++) { /* the first field is not compared */
            if (bc_bytes_eq(all[k], col))
                return bc_pc_ret_int(pc, BC_PC_DUPLICATE_FIELD);
        }
        all[old + i] = col;
    }
    bc_pc_put(pc, BC_STR("s_tables"), table, join(pc, all, old + a[1].cnt));
    pc->ops += BC_PC_GAS_SET;
    return bc_pc_ret_int(pc, 0);
}

static bc_pc_end_t open_table(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string)");
    if (!a)
        return BC_PC_INTERNAL;
    bc_addr_t address = { { 0 } };
    bc_bytes_t path = bc_table_path(pc, a[0].s), type, text;
    pc->ops += BC_PC_GAS_OPEN_TABLE;
    if (bc_pc_table_exists(pc, path) && bc_pc_get(pc, path, BC_STR("type"), &type) &&
        bc_bytes_eq(type, BC_STR("link")) && bc_pc_get(pc, path, BC_STR("link_address"), &text))
        address = bc_addr_parse(text);
    return bc_pc_ret_addr(pc, &address);
}

/* s_tables row to key order, key and fields. */
static bc_abi_val_t *schema_of(bc_pc_t *pc, bc_bytes_t row, uint64_t *order)
{
    *order = 0;
    if (!row.p)
        row = BC_STR("");
    if (starts(row, BC_STR(V320_PREFIX))) {
        row = bc_bytes(row.p + sizeof(V320_PREFIX) - 1, row.n - (sizeof(V320_PREFIX) - 1));
        size_t i = 0;
        while (i < row.n && row.p[i] >= '0' && row.p[i] <= '9')
            *order = *order * 10 + (uint64_t)(row.p[i++] - '0');
        while (i < row.n && row.p[i] != ',')
            i++;
        if (i < row.n)
            row = bc_bytes(row.p + i + 1, row.n - i - 1);
    }
    size_t comma = 0, cnt = 0;
    while (comma < row.n && row.p[comma] != ',')
        comma++;
    bc_bytes_t fields = comma < row.n ? bc_bytes(row.p + comma + 1, row.n - comma - 1) : row;
    bc_bytes_t *parts = split(pc, fields, &cnt);
    bc_abi_val_t *v = bc_arena_alloc(pc->arena, (cnt + 2) * sizeof(*v));
    if (!v || !parts)
        return NULL;
    for (size_t i = 0; i < cnt; i++)
        v[2 + i] = bc_abi_bytes(parts[i]);
    v[0] = bc_abi_bytes(bc_bytes(row.p, comma));
    v[1] = bc_abi_tuple(v + 2, cnt);
    return v;
}

static bc_pc_end_t describe(bc_pc_t *pc, bool with_order)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string)");
    if (!a)
        return BC_PC_INTERNAL;
    bc_abi_val_t empty[2] = { bc_abi_bytes(none), bc_abi_tuple(NULL, 0) }, *schema = empty;
    bc_bytes_t row;
    uint64_t order = 0;
    if (bc_pc_get(pc, BC_STR("s_tables"), bc_table_data(pc, bc_table_path(pc, a[0].s)), &row)) {
        schema = schema_of(pc, bc_arena_copy(pc->arena, row, NULL), &order);
        if (!schema)
            return BC_PC_INTERNAL;
        pc->ops += BC_PC_GAS_SELECT;
    }
    bc_abi_val_t with[3] = { bc_abi_u64((uint8_t)order), schema[0], schema[1] };
    bc_abi_val_t tuple = with_order ? bc_abi_tuple(with, 3) : bc_abi_tuple(schema, 2);
    return bc_pc_ret(pc, with_order ? "((uint8,string,string[]))" : "((string,string[]))", &tuple, 1);
}

static bc_pc_end_t desc(bc_pc_t *pc)
{
    return describe(pc, false);
}

static bc_pc_end_t desc_with_order(bc_pc_t *pc)
{
    return describe(pc, true);
}

static const bc_pc_function_t functions[] = {
    { "createTable(string,(string,string[]))", create_table },
    { "createTable(string,(uint8,string,string[]))", create_table_order, 2 },
    { "createKVTable(string,string,string)", create_kv_table },
    { "appendColumns(string,string[])", append_columns },
    { "openTable(string)", open_table },
    { "desc(string)", desc },
    { "descWithKeyOrder(string)", desc_with_order, 2 },
};

const bc_pc_contract_t bc_pc_table_manager = {
    .number = BC_SYS_TABLE_MANAGER,
    .name = "TableManager",
    .gate = BC_GATE_NONE,
    .priced = true,
    .functions = functions,
    .function_cnt = BC_ARRAY_LEN(functions),
};
