/* Boost binary archives as the official node stores them (spec/10 §4). The class information,
 * five zero bytes, comes before the first object of each class type; strings and numbers are
 * primitive and have none. */
#include "codec/archive.h"

static const uint8_t class_info[5];

static void string_put(bc_wr_t *w, bc_bytes_t v)
{
    bc_wr_le64(w, v.n);
    bc_wr_put(w, v);
}

static bc_bytes_t string_take(bc_rd_t *r)
{
    uint64_t n = bc_rd_le64(r);
    if (!r->err && n > bc_rd_left(r))
        r->err = BC_E_TRUNCATED;
    return r->err ? (bc_bytes_t){ 0 } : bc_rd_take(r, (size_t)n);
}

/* Class information: untracked, version 0. Anything else was not written by a node. */
static void class_take(bc_rd_t *r)
{
    bc_bytes_t v = bc_rd_take(r, sizeof class_info);
    if (!r->err && memcmp(v.p, class_info, sizeof class_info) != 0)
        r->err = BC_E_FORMAT;
}

static void vector_put(bc_wr_t *w, size_t n)
{
    bc_wr_mem(w, class_info, sizeof class_info);
    bc_wr_le64(w, n);
    bc_wr_le32(w, 0);
}

/* Count of items that take at least item_min bytes each. */
static size_t vector_take(bc_rd_t *r, size_t item_min)
{
    class_take(r);
    uint64_t n = bc_rd_le64(r);
    uint32_t version = bc_rd_le32(r);
    if (r->err)
        return 0;
    if (version != 0)
        r->err = BC_E_FORMAT;
    else if (n > bc_rd_left(r) / item_min)
        r->err = BC_E_TRUNCATED;
    return r->err ? 0 : (size_t)n;
}

static bc_err_t end_take(const bc_rd_t *r)
{
    return r->err ? r->err : bc_rd_left(r) ? BC_E_FORMAT : BC_OK;
}

void bc_archive_put_config(bc_wr_t *w, bc_bytes_t value, int64_t enable_number)
{
    bc_wr_mem(w, class_info, sizeof class_info);
    string_put(w, value);
    bc_wr_le64(w, (uint64_t)enable_number);
}

bc_err_t bc_archive_get_config(bc_bytes_t in, bc_bytes_t *value, int64_t *enable_number)
{
    bc_rd_t r = bc_rd(in);
    class_take(&r);
    *value = string_take(&r);
    *enable_number = (int64_t)bc_rd_le64(&r);
    return end_take(&r);
}

void bc_archive_put_strings(bc_wr_t *w, const bc_bytes_t *v, size_t n)
{
    vector_put(w, n);
    for (size_t i = 0; i < n; i++)
        string_put(w, v[i]);
}

bc_err_t bc_archive_get_strings(bc_bytes_t in, bc_bytes_t **v, size_t *n, bc_arena_t *a)
{
    bc_rd_t r = bc_rd(in);
    size_t cnt = vector_take(&r, 8);
    bc_bytes_t *items = bc_arena_alloc(a, (cnt + 1) * sizeof *items);
    if (!items)
        return BC_E_NOMEM;
    for (size_t i = 0; i < cnt; i++)
        items[i] = string_take(&r);
    *v = items;
    *n = cnt;
    return end_take(&r);
}

static void u256_put(bc_wr_t *w, const bc_u256_t *v)
{
    size_t limbs = 4;
    while (limbs > 1 && v->w[limbs - 1] == 0)
        limbs--;
    bc_wr_u8(w, 0); /* sign */
    bc_wr_le64(w, limbs);
    for (size_t i = 0; i < limbs; i++)
        bc_wr_le64(w, v->w[i]);
}

static bc_u256_t u256_take(bc_rd_t *r)
{
    bc_u256_t v = { { 0 } };
    uint8_t sign = bc_rd_u8(r);
    uint64_t limbs = bc_rd_le64(r);
    if (!r->err && (sign != 0 || limbs == 0 || limbs > 4))
        r->err = BC_E_FORMAT;
    for (size_t i = 0; i < limbs && !r->err; i++)
        v.w[i] = bc_rd_le64(r);
    return v;
}

void bc_archive_put_nodes(bc_wr_t *w, const bc_archive_node_t *v, size_t n)
{
    vector_put(w, n);
    for (size_t i = 0; i < n; i++) {
        if (i == 0)
            bc_wr_mem(w, class_info, sizeof class_info); /* the node class */
        string_put(w, v[i].node_id);
        if (i == 0) { /* the number class and its backend */
            bc_wr_mem(w, class_info, sizeof class_info);
            bc_wr_mem(w, class_info, sizeof class_info);
        }
        u256_put(w, &v[i].vote_weight);
        string_put(w, v[i].type);
        string_put(w, v[i].enable_number);
    }
}

bc_err_t bc_archive_get_nodes(bc_bytes_t in, bc_archive_node_t **v, size_t *n, bc_arena_t *a)
{
    enum { NODE_MIN = 8 + 1 + 8 + 8 + 8 + 8 };
    bc_rd_t r = bc_rd(in);
    size_t cnt = vector_take(&r, NODE_MIN);
    bc_archive_node_t *items = bc_arena_alloc(a, (cnt + 1) * sizeof *items);
    if (!items)
        return BC_E_NOMEM;
    for (size_t i = 0; i < cnt && !r.err; i++) {
        if (i == 0)
            class_take(&r);
        items[i].node_id = string_take(&r);
        if (i == 0) {
            class_take(&r);
            class_take(&r);
        }
        items[i].vote_weight = u256_take(&r);
        items[i].type = string_take(&r);
        items[i].enable_number = string_take(&r);
    }
    *v = items;
    *n = cnt;
    return end_take(&r);
}
