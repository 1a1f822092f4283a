/* Table 1001: the code behind user tables (spec/40 §4.3), paging quirk included. */
#include "codec/archive.h"
#include "codec/hex.h"
#include "computing/precompiled/contracts.h"
#include "computing/precompiled/table_names.h"

enum { GT, GE, LT, LE, EQ, NE, STARTS_WITH, ENDS_WITH, CONTAINS };
enum { CODE_INSERT_EXISTS = -51506, CODE_UPDATE_MISSING = -51507, CODE_REMOVE_MISSING = -51508 };
enum { WINDOW_MIN = 50 };

static const bc_bytes_t none = { 0 };

typedef struct {
    uint64_t order;
    bc_bytes_t key;
    const bc_abi_val_t *fields; /* strings */
    size_t field_cnt;
} schema_t;

/* One comparison; field 0 is the key, i is the i-th value. */
typedef struct {
    uint32_t field;
    unsigned op;
    bc_bytes_t value;
} cond_t;

typedef struct {
    cond_t *v;
    size_t cnt;
    bool has_key, has_value;
    uint64_t key_offset, key_count; /* of the key scan */
    uint64_t offset, count;         /* of the matches */
} conds_t;

typedef struct {
    bc_bytes_t key;
    bc_bytes_t *values;
    size_t cnt;
} found_t;

typedef struct {
    bc_bytes_t *v;
    size_t cnt, cap;
} keys_t;

static bc_bytes_t data_table(bc_pc_t *pc)
{
    return bc_table_data(pc, pc->param);
}

static bc_pc_end_t before(bc_pc_t *pc)
{
    bc_bytes_t table = data_table(pc);
    if (!bc_pc_table_exists(pc, table))
        return bc_pc_fail(pc, table, BC_STR(" does not exist"), none);
    return BC_PC_OK;
}

/* Asks the table manager, by a message of its own. */
static bc_pc_end_t schema(bc_pc_t *pc, bool with_order, schema_t *s)
{
    bc_pc_reply_t r;
    bc_abi_val_t name = bc_abi_bytes(pc->param), v = { 0 };
    bc_bytes_t input = bc_pc_encode(pc, with_order ? "descWithKeyOrder(string)" : "desc(string)", "(string)", &name, 1);
    bc_pc_call(pc, &pc->code_address, BC_SYS_TABLE_MANAGER, input, pc->is_static, &r);
    bc_err_t err = bc_abi_decode(with_order ? "((uint8,string,string[]))" : "((string,string[]))", r.data, &v, pc->arena);
    if (err && err != BC_E_FORMAT)
        return BC_PC_INTERNAL;
    const bc_abi_val_t *t = v.items[0].items;
    s->order = with_order ? t[0].n.w[0] & 0xff : 0;
    t += with_order;
    s->key = t[0].s;
    s->fields = t[1].items;
    s->field_cnt = t[1].cnt;
    return BC_PC_OK;
}

static bc_pc_end_t numeric(bc_pc_t *pc, const schema_t *s, bool *yes)
{
    if (s->order > 1)
        return bc_pc_fail(pc, bc_cstr(bc_pc_printf(pc, "%u KeyOrder not exist!", (unsigned)s->order)), none, none);
    *yes = s->order == 1;
    return BC_PC_OK;
}

/* Canonical int64 text to 32 digits of value + 2^63, so that byte order is number order. */
static bc_pc_end_t to_ordered(bc_pc_t *pc, bc_bytes_t *key)
{
    int64_t n = 0;
    bool ok = !bc_dec_i64(*key, &n);
    if (ok) {
        const char *canonical = bc_pc_printf(pc, "%lld", (long long)n);
        ok = bc_bytes_eq(bc_cstr(canonical), *key);
    }
    if (!ok)
        return BC_PC_FAIL(pc, "The key cannot be converted to a number(int64)");
    *key = bc_cstr(bc_pc_printf(pc, "%032llu", (unsigned long long)((uint64_t)n + (1ull << 63))));
    return BC_PC_OK;
}

static bc_bytes_t from_ordered(bc_pc_t *pc, bc_bytes_t key)
{
    uint64_t n = 0;
    for (size_t i = 0; i < key.n; i++)
        n = n * 10 + (uint64_t)(key.p[i] - '0');
    return bc_cstr(bc_pc_printf(pc, "%lld", (long long)(n - (1ull << 63))));
}

/* Schema for the forms by key: converts the key when the table is numeric. Before 3.2 there was
 * no order, and who did not need the fields did not ask. */
static bc_pc_end_t by_key(bc_pc_t *pc, schema_t *s, bc_bytes_t *key, bool fields)
{
    bool num = false;
    if (!bc_pc_since(pc, 2))
        return fields ? schema(pc, false, s) : BC_PC_OK;
    bc_pc_end_t end = schema(pc, true, s);
    if (!end)
        end = numeric(pc, s, &num);
    return end || !num ? end : to_ordered(pc, key);
}

static bool row_values(bc_pc_t *pc, bc_bytes_t key, found_t *f)
{
    bc_bytes_t row;
    if (!bc_pc_get(pc, data_table(pc), key, &row))
        return false;
    f->key = key;
    bool ok = true;
    row = bc_arena_copy(pc->arena, row, &ok);
    return ok && !bc_archive_get_strings(row, &f->values, &f->cnt, pc->arena);
}

static size_t put_values(bc_pc_t *pc, const found_t *f)
{
    bc_wr_t w = { 0 };
    bc_archive_put_strings(&w, f->values, f->cnt);
    bc_pc_put(pc, data_table(pc), f->key, bc_wr_view(&w));
    size_t n = w.n;
    bc_wr_free(&w);
    return n;
}

/* --- conditions --- */

static bool matches(const cond_t *c, bc_bytes_t s)
{
    int o = bc_bytes_cmp(s, c->value);
    switch (c->op) {
    case GT:
        return o > 0;
    case GE:
        return o >= 0;
    case LT:
        return o < 0;
    case LE:
        return o <= 0;
    case EQ:
        return o == 0;
    case NE:
        return o != 0;
    case STARTS_WITH:
        return s.n >= c->value.n && (!c->value.n || !memcmp(s.p, c->value.p, c->value.n));
    case ENDS_WITH:
        return s.n >= c->value.n && (!c->value.n || !memcmp(s.p + s.n - c->value.n, c->value.p, c->value.n));
    default:
        return !c->value.n || (s.n && memmem(s.p, s.n, c->value.p, c->value.n));
    }
}

static bc_pc_end_t bad_op(bc_pc_t *pc, unsigned op)
{
    return bc_pc_fail(pc, bc_cstr(bc_pc_printf(pc, "%u ConditionOP not exist!", op)), none, none);
}

static bc_pc_end_t check_limit(bc_pc_t *pc, uint32_t offset, uint32_t count, size_t cond_cnt)
{
    if (count > BC_TABLE_LIMIT_MAX || offset > (uint32_t)(offset + count))
        return BC_PC_FAIL(pc, "Limit overflow.");
    return cond_cnt ? BC_PC_OK : BC_PC_FAIL(pc, "Condition is empty");
}

/* (op, value) on the key. */
static bc_pc_end_t key_conds(bc_pc_t *pc, const bc_abi_val_t *list, uint32_t offset, uint32_t count, conds_t *c)
{
    bc_pc_end_t end = check_limit(pc, offset, count, list->cnt);
    if (end)
        return end;
    *c = (conds_t){ .has_key = true, .key_offset = offset, .key_count = count };
    c->v = bc_arena_alloc(pc->arena, list->cnt * sizeof(*c->v));
    if (!c->v)
        return BC_PC_INTERNAL;
    for (size_t i = 0; i < list->cnt; i++) {
        unsigned op = (uint8_t)list->items[i].items[0].n.w[0];
        if (op > LE)
            return bad_op(pc, op);
        c->v[c->cnt++] = (cond_t){ 0, op, list->items[i].items[1].s };
    }
    return BC_PC_OK;
}

/* (op, field, value). */
static bc_pc_end_t field_conds(bc_pc_t *pc, const bc_abi_val_t *list, uint32_t offset, uint32_t count,
                               const schema_t *s, conds_t *c)
{
    bc_pc_end_t end = check_limit(pc, offset, count, list->cnt);
    if (end)
        return end;
    *c = (conds_t){ 0 };
    c->v = bc_arena_alloc(pc->arena, list->cnt * sizeof(*c->v));
    if (!c->v)
        return BC_PC_INTERNAL;
    bool range = true;
    for (size_t i = 0; i < list->cnt; i++) {
        const bc_abi_val_t *t = list->items[i].items;
        unsigned op = (uint8_t)t[0].n.w[0];
        bc_bytes_t field = t[1].s, value = t[2].s;
        uint32_t at = 0;
        while (at < s->field_cnt && !bc_bytes_eq(s->fields[at].s, field))
            at++;
        bool key = bc_bytes_eq(field, s->key), num = false;
        if (at == s->field_cnt && !key)
            return BC_PC_FAIL(pc, "Table condition fields not found");
        if (key) {
            end = numeric(pc, s, &num);
            if (!end && num && (op < STARTS_WITH || op > CONTAINS))
                end = to_ordered(pc, &value);
            if (end)
                return end;
            range = range && op <= LE;
        }
        if (op > CONTAINS)
            return bad_op(pc, op);
        size_t k = c->cnt++;
        uint32_t index = key ? 0 : at + 1;
        for (; k && c->v[k - 1].field > index; k--) /* stays sorted by field */
            c->v[k] = c->v[k - 1];
        c->v[k] = (cond_t){ index, op, value };
        c->has_key |= key;
        c->has_value |= !key;
    }
    if (!c->has_value) {
        c->key_offset = offset;
        c->key_count = count;
    } else {
        c->offset = offset;
        c->count = count;
        c->key_count = range && c->has_key ? BC_MAX(count, (uint32_t)WINDOW_MIN) : BC_TABLE_LIMIT_MAX;
    }
    return BC_PC_OK;
}

typedef struct {
    bc_pc_t *pc;
    const conds_t *c;
    keys_t *keys;
    bool failed, all;
    uint64_t skip;
} scan_t;

static bool each_key(void *ctx, bc_bytes_t key, bc_bytes_t value)
{
    scan_t *s = ctx;
    (void)value;
    for (size_t i = 0; i < s->c->cnt; i++) {
        if (s->c->v[i].field == 0 && !matches(&s->c->v[i], key))
            return true;
    }
    keys_t *k = s->keys;
    if (s->skip) {
        s->skip--;
        return true;
    }
    if (k->cnt == k->cap) {
        size_t cap = k->cap ? k->cap * 2 : 64;
        bc_bytes_t *v = bc_arena_alloc(s->pc->arena, cap * sizeof(*v));
        s->failed = !v;
        if (!v)
            return false;
        if (k->cnt)
            memcpy(v, k->v, k->cnt * sizeof(*v));
        k->v = v;
        k->cap = cap;
    }
    k->v[k->cnt++] = bc_arena_copy(s->pc->arena, key, NULL);
    return s->all || !s->c->key_count || k->cnt < s->c->key_count;
}

/* Keys that satisfy the key conditions. The official scan with a start other than 0 finds
 * nothing, and a limit of (0,0) means all. */
static bc_pc_end_t scan_keys(bc_pc_t *pc, const conds_t *c, keys_t *keys)
{
    scan_t s = { .pc = pc, .c = c, .keys = keys };
    *keys = (keys_t){ 0 };
    if (pc->config->legacy) {
        /* version 0: key pages keep the limit, over all windows; without them there is none */
        s.all = !pc->config->key_pages || c->has_value;
        s.skip = s.all ? 0 : c->key_offset;
        if (!s.all && !c->key_count)
            return BC_PC_OK;
    } else if (c->key_offset) {
        return BC_PC_OK;
    }
    bc_rows_scan(pc->rows, bc_rows_table(pc->rows, data_table(pc)), none, each_key, &s);
    return s.failed ? BC_PC_INTERNAL : BC_PC_OK;
}

/* Conditions are in field order; the first mismatch ends the row. */
static bc_pc_end_t value_match(bc_pc_t *pc, const conds_t *c, const found_t *f, bool *yes)
{
    *yes = true;
    for (size_t i = 0; *yes && i < c->cnt; i++) {
        if (c->v[i].field > f->cnt)
            return BC_PC_FAIL(pc, "The field index is greater than the size of fields");
        if (c->v[i].field)
            *yes = matches(&c->v[i], f->values[c->v[i].field - 1]);
    }
    return BC_PC_OK;
}

/* All rows that the conditions select; with value conditions the keys come in windows of which
 * only the first can hold any. */
static bc_pc_end_t select_rows(bc_pc_t *pc, const conds_t *c, found_t **out, size_t *cnt)
{
    keys_t keys;
    bc_pc_end_t end = scan_keys(pc, c, &keys);
    *cnt = 0;
    *out = end ? NULL : bc_arena_alloc(pc->arena, (keys.cnt + 1) * sizeof(**out));
    if (!*out)
        return end ? end : BC_PC_INTERNAL;
    uint64_t valid = 0;
    for (size_t i = 0; i < keys.cnt; i++) {
        found_t f;
        bool yes = true;
        if (!row_values(pc, keys.v[i], &f))
            return BC_PC_INTERNAL;
        if (c->has_value) {
            end = value_match(pc, c, &f, &yes);
            if (end)
                return end;
            if (!yes)
                continue;
            yes = valid >= c->offset && valid < c->offset + c->count;
            valid++;
        }
        if (yes)
            (*out)[(*cnt)++] = f;
        if (c->has_value && valid >= c->offset + c->count)
            break;
    }
    return BC_PC_OK;
}

/* --- select, count --- */

static bc_abi_val_t entry_value(bc_pc_t *pc, bc_bytes_t key, const found_t *f)
{
    bc_abi_val_t *v = bc_arena_alloc(pc->arena, (f->cnt + 2) * sizeof(*v));
    if (!v)
        return bc_abi_tuple(NULL, 0);
    for (size_t i = 0; i < f->cnt; i++)
        v[2 + i] = bc_abi_bytes(f->values[i]);
    v[0] = bc_abi_bytes(key);
    v[1] = bc_abi_tuple(v + 2, f->cnt);
    return bc_abi_tuple(v, 2);
}

static bc_pc_end_t select_key(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string)");
    if (!a)
        return BC_PC_INTERNAL;
    schema_t s;
    found_t f = { 0 };
    bc_bytes_t key = a[0].s;
    bc_pc_end_t end = by_key(pc, &s, &key, false);
    if (end)
        return end;
    bc_abi_val_t entry;
    if (!bc_pc_get(pc, data_table(pc), key, NULL)) {
        entry = entry_value(pc, none, &f);
    } else {
        if (!row_values(pc, key, &f))
            return BC_PC_INTERNAL;
        pc->mem = BC_MAX(pc->mem, f.cnt);
        pc->ops += BC_PC_GAS_SELECT;
        entry = entry_value(pc, a[0].s, &f);
    }
    return bc_pc_ret(pc, "((string,string[]))", &entry, 1);
}

static bc_pc_end_t ret_rows(bc_pc_t *pc, const found_t *f, size_t cnt, bool num)
{
    bc_abi_val_t *v = bc_arena_alloc(pc->arena, (cnt + 1) * sizeof(*v));
    if (!v)
        return BC_PC_INTERNAL;
    for (size_t i = 0; i < cnt; i++)
        v[i] = entry_value(pc, num ? from_ordered(pc, f[i].key) : f[i].key, &f[i]);
    pc->mem = BC_MAX(pc->mem, cnt);
    pc->ops += (int64_t)cnt * BC_PC_GAS_SELECT;
    bc_abi_val_t list = bc_abi_tuple(v, cnt);
    return bc_pc_ret(pc, "((string,string[])[])", &list, 1);
}

static bc_pc_end_t select_cond(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "((uint8,string)[],(uint32,uint32))");
    if (!a)
        return BC_PC_INTERNAL;
    conds_t c;
    found_t *f;
    size_t cnt;
    bc_pc_end_t end = key_conds(pc, &a[0], (uint32_t)a[1].items[0].n.w[0], (uint32_t)a[1].items[1].n.w[0], &c);
    if (!end)
        end = select_rows(pc, &c, &f, &cnt);
    return end ? end : ret_rows(pc, f, cnt, false);
}

static bc_pc_end_t select_fields(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "((uint8,string,string)[],(uint32,uint32))");
    if (!a)
        return BC_PC_INTERNAL;
    conds_t c;
    schema_t s;
    found_t *f = NULL;
    size_t cnt = 0;
    bool num = false;
    uint32_t offset = (uint32_t)a[1].items[0].n.w[0], count = (uint32_t)a[1].items[1].n.w[0];
    bc_pc_end_t end = schema(pc, true, &s);
    if (!end)
        end = numeric(pc, &s, &num);
    if (!end)
        end = field_conds(pc, &a[0], offset, count, &s, &c);
    if (!end && count)
        end = select_rows(pc, &c, &f, &cnt);
    return end ? end : ret_rows(pc, f, cnt, num);
}

static bc_pc_end_t count_cond(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "((uint8,string)[])");
    if (!a)
        return BC_PC_INTERNAL;
    conds_t c;
    keys_t keys;
    /* 3.0 counted with a limit of nothing; later versions with key pages count on */
    bc_pc_end_t end = key_conds(pc, &a[0], 0, bc_pc_since(pc, 1) ? BC_TABLE_LIMIT_MAX : 0, &c);
    if (!end && pc->config->key_pages && bc_pc_since(pc, 1))
        c.key_count = UINT32_MAX;
    if (!end)
        end = scan_keys(pc, &c, &keys);
    if (end)
        return end;
    if (pc->config->legacy && !pc->config->key_pages && keys.cnt >= BC_TABLE_LIMIT_MAX)
        keys.cnt = UINT32_MAX; /* it counted the same rows until the number was full */
    pc->ops += BC_PC_GAS_SELECT;
    return bc_pc_ret_int(pc, (int64_t)keys.cnt);
}

static bc_pc_end_t count_fields(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "((uint8,string,string)[])");
    if (!a)
        return BC_PC_INTERNAL;
    conds_t c;
    schema_t s;
    found_t *f;
    size_t cnt;
    bc_pc_end_t end = schema(pc, true, &s);
    if (!end)
        end = field_conds(pc, &a[0], 0, BC_TABLE_LIMIT_MAX, &s, &c);
    if (!end && pc->config->legacy)
        c.key_count = c.count = UINT32_MAX;
    if (!end)
        end = select_rows(pc, &c, &f, &cnt);
    if (end)
        return end;
    pc->ops += BC_PC_GAS_SELECT;
    return bc_pc_ret_int(pc, (int64_t)cnt);
}

/* --- insert, update, remove --- */

static bc_pc_end_t insert(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "((string,string[]))");
    if (!a)
        return BC_PC_INTERNAL;
    schema_t s;
    bc_bytes_t key = a[0].items[0].s;
    const bc_abi_val_t *values = &a[0].items[1];
    bc_pc_end_t end = by_key(pc, &s, &key, true);
    if (end)
        return end;
    if (values->cnt != s.field_cnt)
        return BC_PC_FAIL(pc, "Table insert entry fields number mismatch");
    if (!key.n && bc_pc_since(pc, 3))
        return BC_PC_FAIL(pc, "Table insert entry key is empty");
    end = bc_table_check_length(pc, key, BC_TABLE_KEY_MAX, BC_PC_KEY_OVERFLOW);
    found_t f = { .key = key, .cnt = values->cnt };
    f.values = bc_arena_alloc(pc->arena, (f.cnt + 1) * sizeof(*f.values));
    if (!f.values)
        return BC_PC_INTERNAL;
    for (size_t i = 0; !end && i < f.cnt; i++) {
        f.values[i] = values->items[i].s;
        end = bc_table_check_length(pc, f.values[i], BC_TABLE_VALUE_MAX, BC_PC_VALUE_OVERFLOW);
    }
    if (end)
        return end;
    if (bc_pc_get(pc, data_table(pc), key, NULL))
        return bc_pc_ret_int(pc, CODE_INSERT_EXISTS);
    pc->ops += BC_PC_GAS_INSERT;
    size_t size = put_values(pc, &f);
    pc->mem = BC_MAX(pc->mem, size);
    return bc_pc_ret_int(pc, 1);
}

typedef struct {
    size_t at;
    bc_bytes_t value;
} change_t;

/* The (field, value) list as positions. */
static bc_pc_end_t changes(bc_pc_t *pc, const bc_abi_val_t *list, const schema_t *s, change_t **out)
{
    *out = bc_arena_alloc(pc->arena, (list->cnt + 1) * sizeof(**out));
    if (!*out)
        return BC_PC_INTERNAL;
    for (size_t i = 0; i < list->cnt; i++) {
        bc_bytes_t field = list->items[i].items[0].s, value = list->items[i].items[1].s;
        bc_pc_end_t end = bc_table_check_length(pc, value, BC_TABLE_VALUE_MAX, BC_PC_VALUE_OVERFLOW);
        if (end)
            return end;
        if (bc_bytes_eq(field, s->key))
            return BC_PC_FAIL(pc, "Table update fields cannot contains key field");
        size_t at = 0;
        while (at < s->field_cnt && !bc_bytes_eq(s->fields[at].s, field))
            at++;
        if (at == s->field_cnt)
            return BC_PC_FAIL(pc, "Table update fields not found");
        (*out)[i] = (change_t){ at, value };
    }
    return BC_PC_OK;
}

/* A row older than an appended column grows empty fields up to it. */
static bc_pc_end_t apply(bc_pc_t *pc, found_t *f, const change_t *v, size_t cnt)
{
    size_t need = f->cnt;
    for (size_t i = 0; i < cnt; i++)
        need = BC_MAX(need, v[i].at + 1);
    if (need > f->cnt) {
        bc_bytes_t *grown = bc_arena_alloc(pc->arena, need * sizeof(*grown));
        if (!grown)
            return BC_PC_INTERNAL;
        if (f->cnt)
            memcpy(grown, f->values, f->cnt * sizeof(*grown));
        f->values = grown;
        f->cnt = need;
    }
    for (size_t i = 0; i < cnt; i++)
        f->values[v[i].at] = v[i].value;
    put_values(pc, f);
    return BC_PC_OK;
}

static bc_pc_end_t update_key(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string,(string,string)[])");
    if (!a)
        return BC_PC_INTERNAL;
    schema_t s;
    found_t f;
    change_t *v;
    bc_bytes_t key = a[0].s;
    bc_pc_end_t end = by_key(pc, &s, &key, true);
    if (end)
        return end;
    if (!bc_pc_get(pc, data_table(pc), key, NULL))
        return bc_pc_ret_int(pc, CODE_UPDATE_MISSING);
    end = changes(pc, &a[1], &s, &v);
    if (end)
        return end;
    if (!row_values(pc, key, &f) || apply(pc, &f, v, a[1].cnt))
        return BC_PC_INTERNAL;
    pc->ops += BC_PC_GAS_UPDATE;
    return bc_pc_ret_int(pc, 1);
}

static bc_pc_end_t update_rows(bc_pc_t *pc, found_t *f, size_t cnt, const change_t *v, size_t change_cnt,
                               const schema_t *s)
{
    for (size_t i = 0; i < cnt; i++) {
        if (apply(pc, &f[i], v, change_cnt))
            return BC_PC_INTERNAL;
    }
    pc->mem = cnt * s->field_cnt;
    pc->ops += (int64_t)cnt * BC_PC_GAS_UPDATE;
    return bc_pc_ret_int(pc, (int64_t)cnt);
}

static bc_pc_end_t update_cond(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "((uint8,string)[],(uint32,uint32),(string,string)[])");
    if (!a)
        return BC_PC_INTERNAL;
    conds_t c;
    schema_t s;
    found_t *f;
    change_t *v;
    size_t cnt;
    bc_pc_end_t end = key_conds(pc, &a[0], (uint32_t)a[1].items[0].n.w[0], (uint32_t)a[1].items[1].n.w[0], &c);
    if (!end)
        end = select_rows(pc, &c, &f, &cnt);
    if (!end)
        end = schema(pc, false, &s);
    if (!end)
        end = changes(pc, &a[2], &s, &v);
    return end ? end : update_rows(pc, f, cnt, v, a[2].cnt, &s);
}

static bc_pc_end_t update_fields(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "((uint8,string,string)[],(uint32,uint32),(string,string)[])");
    if (!a)
        return BC_PC_INTERNAL;
    conds_t c;
    schema_t s;
    found_t *f = NULL;
    change_t *v;
    size_t cnt = 0;
    uint32_t count = (uint32_t)a[1].items[1].n.w[0];
    bc_pc_end_t end = schema(pc, true, &s);
    if (!end)
        end = field_conds(pc, &a[0], (uint32_t)a[1].items[0].n.w[0], count, &s, &c);
    if (!end)
        end = changes(pc, &a[2], &s, &v);
    if (!end && count)
        end = select_rows(pc, &c, &f, &cnt);
    return end ? end : update_rows(pc, f, cnt, v, a[2].cnt, &s);
}

static void remove_row(bc_pc_t *pc, bc_bytes_t key)
{
    bc_rows_del(pc->rows, bc_rows_table(pc->rows, data_table(pc)), key);
}

static bc_pc_end_t remove_key(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string)");
    if (!a)
        return BC_PC_INTERNAL;
    schema_t s;
    bc_bytes_t key = a[0].s;
    bc_pc_end_t end = by_key(pc, &s, &key, false);
    if (end)
        return end;
    if (!bc_pc_get(pc, data_table(pc), key, NULL))
        return bc_pc_ret_int(pc, CODE_REMOVE_MISSING);
    remove_row(pc, key);
    pc->ops += BC_PC_GAS_REMOVE;
    return bc_pc_ret_int(pc, 1);
}

static bc_pc_end_t remove_rows(bc_pc_t *pc, const found_t *f, size_t cnt)
{
    for (size_t i = 0; i < cnt; i++)
        remove_row(pc, f[i].key);
    pc->mem = cnt;
    pc->ops += (int64_t)cnt * BC_PC_GAS_REMOVE;
    return bc_pc_ret_int(pc, (int64_t)cnt);
}

static bc_pc_end_t remove_cond(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "((uint8,string)[],(uint32,uint32))");
    if (!a)
        return BC_PC_INTERNAL;
    conds_t c;
    found_t *f;
    size_t cnt;
    bc_pc_end_t end = key_conds(pc, &a[0], (uint32_t)a[1].items[0].n.w[0], (uint32_t)a[1].items[1].n.w[0], &c);
    if (!end)
        end = select_rows(pc, &c, &f, &cnt);
    return end ? end : remove_rows(pc, f, cnt);
}

static bc_pc_end_t remove_fields(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "((uint8,string,string)[],(uint32,uint32))");
    if (!a)
        return BC_PC_INTERNAL;
    conds_t c;
    schema_t s;
    found_t *f = NULL;
    size_t cnt = 0;
    uint32_t count = (uint32_t)a[1].items[1].n.w[0];
    bc_pc_end_t end = schema(pc, true, &s);
    if (!end)
        end = field_conds(pc, &a[0], (uint32_t)a[1].items[0].n.w[0], count, &s, &c);
    if (!end && count)
        end = select_rows(pc, &c, &f, &cnt);
    return end ? end : remove_rows(pc, f, cnt);
}

static const bc_pc_function_t functions[] = {
    { "select(string)", select_key },
    { "insert((string,string[]))", insert },
    { "update(string,(string,string)[])", update_key },
    { "remove(string)", remove_key },
    { "select((uint8,string)[],(uint32,uint32))", select_cond },
    { "count((uint8,string)[])", count_cond },
    { "update((uint8,string)[],(uint32,uint32),(string,string)[])", update_cond },
    { "remove((uint8,string)[],(uint32,uint32))", remove_cond },
    { "select((uint8,string,string)[],(uint32,uint32))", select_fields, 2 },
    { "count((uint8,string,string)[])", count_fields, 2 },
    { "update((uint8,string,string)[],(uint32,uint32),(string,string)[])", update_fields, 2 },
    { "remove((uint8,string,string)[],(uint32,uint32))", remove_fields, 2 },
};

const bc_pc_contract_t bc_pc_table = {
    .number = BC_SYS_TABLE,
    .name = "TablePrecompiled",
    .gate = BC_GATE_NONE,
    .priced = true,
    .dynamic = true,
    .functions = functions,
    .function_cnt = BC_ARRAY_LEN(functions),
    .before = before,
};
