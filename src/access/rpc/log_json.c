#include "access/rpc/filter.h"

#include "codec/hex.h"

static bool is_hex(bc_bytes_t v)
{
    for (size_t i = 0; i < v.n; i++) {
        uint8_t c = v.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
            return false;
    }
    return true;
}

bc_err_t bc_log_query_address(bc_log_query_t *q, bc_bytes_t hex40, bc_arena_t *a)
{
    if (hex40.n != 40 || !is_hex(hex40)) {
        q->address_strict = true;
        return BC_OK;
    }
    if (q->address_cnt == BC_LOG_ITEMS_MAX)
        return BC_E_TOO_BIG;
    if ((q->address_cnt & (q->address_cnt - 1)) == 0) { /* grow at powers of two */
        size_t cap = q->address_cnt ? q->address_cnt * 2 : 1;
        char(*v)[40] = bc_arena_alloc(a, cap * sizeof *v);
        if (!v)
            return BC_E_NOMEM;
        if (q->address_cnt)
            memcpy(v, q->addresses, q->address_cnt * sizeof *v);
        q->addresses = v;
    }
    char *to = q->addresses[q->address_cnt++];
    for (size_t i = 0; i < 40; i++) {
        uint8_t c = hex40.p[i];
        to[i] = (char)(c >= 'A' && c <= 'F' ? c + 32 : c);
    }
    return BC_OK;
}

bc_err_t bc_log_query_topic(bc_log_query_t *q, size_t position, bc_bytes_t hex64, bc_arena_t *a)
{
    bc_h256_t h;
    if (hex64.n != 64 || bc_hex_fixed(hex64, h.b, 32)) {
        q->topics[position].strict = true;
        return BC_OK;
    }
    size_t cnt = q->topics[position].cnt;
    if (cnt == BC_LOG_ITEMS_MAX)
        return BC_E_TOO_BIG;
    if ((cnt & (cnt - 1)) == 0) {
        bc_h256_t *v = bc_arena_alloc(a, (cnt ? cnt * 2 : 1) * sizeof *v);
        if (!v)
            return BC_E_NOMEM;
        if (cnt)
            memcpy(v, q->topics[position].v, cnt * sizeof *v);
        q->topics[position].v = v;
    }
    q->topics[position].v[cnt] = h;
    q->topics[position].cnt = cnt + 1;
    return BC_OK;
}

bc_err_t bc_log_query_copy(const bc_log_query_t *q, bc_log_query_t *out, bc_arena_t *a)
{
    *out = *q;
    if (q->address_cnt) {
        out->addresses = bc_arena_alloc(a, q->address_cnt * sizeof *out->addresses);
        if (!out->addresses)
            return BC_E_NOMEM;
        memcpy(out->addresses, q->addresses, q->address_cnt * sizeof *out->addresses);
    }
    for (size_t i = 0; i < BC_LOG_TOPICS; i++) {
        if (!q->topics[i].cnt)
            continue;
        out->topics[i].v = bc_arena_alloc(a, q->topics[i].cnt * sizeof(bc_h256_t));
        if (!out->topics[i].v)
            return BC_E_NOMEM;
        memcpy(out->topics[i].v, q->topics[i].v, q->topics[i].cnt * sizeof(bc_h256_t));
    }
    return BC_OK;
}

bool bc_log_query_match(const bc_log_query_t *q, const bc_log_entry_t *log)
{
    if (q->address_cnt || q->address_strict) {
        bc_bytes_t a = bc_hex_strip0x(log->address);
        bool hit = false;
        for (size_t i = 0; i < q->address_cnt && !hit; i++)
            hit = a.n == 40 && memcmp(a.p, q->addresses[i], 40) == 0;
        if (!hit)
            return false;
    }
    if (log->topics.n < q->position_cnt)
        return false;
    const bc_bytes_t *have = log->topics.v;
    for (size_t i = 0; i < q->position_cnt; i++) {
        if (!q->topics[i].cnt && !q->topics[i].strict)
            continue;
        bool hit = false;
        for (size_t k = 0; k < q->topics[i].cnt && !hit; k++)
            hit = bc_bytes_eq(have[i], BC_VIEW(q->topics[i].v[k]));
        if (!hit)
            return false;
    }
    return true;
}

bc_log_source_t bc_log_source_stored(const bc_ledger_block_t *b)
{
    return (bc_log_source_t){ .number = b->header->h.data.number,
                              .hash = &b->header->hash,
                              .tx_cnt = b->tx_cnt,
                              .tx_hashes = b->tx_hashes,
                              .receipts = b->receipts };
}

static void topics_json(bc_jw_t *j, const bc_log_entry_t *log)
{
    const bc_bytes_t *t = log->topics.v;
    bc_jw_key(j, "topics");
    bc_jw_arr(j);
    for (size_t i = 0; i < log->topics.n; i++)
        bc_jw_0xhex(j, t[i]);
    bc_jw_arr_end(j);
}

static void log_json(bc_jw_t *j, bc_log_style_t style, const bc_log_source_t *src, size_t tx,
                     size_t index, const bc_log_entry_t *log)
{
    const bc_h256_t *tx_hash = src->txs ? &src->txs[tx]->hash : &src->tx_hashes[tx];
    bool event = style == BC_LOG_EVENT;
    bc_bytes_t address = bc_hex_strip0x(log->address);
    char with0x[2 + 64];
    bc_jw_obj(j);
    bc_jw_key(j, "address");
    if (event || address.n > 64) {
        bc_jw_str(j, log->address);
    } else {
        memcpy(with0x, "0x", 2);
        memcpy(with0x + 2, address.p, address.n);
        bc_jw_str(j, bc_bytes(with0x, address.n + 2));
    }
    if (!event) {
        bc_jw_key(j, "blockHash");
        bc_jw_0xhex(j, BC_VIEW(*src->hash));
    }
    bc_jw_key(j, "blockNumber");
    if (event)
        bc_jw_i64(j, src->number);
    else
        bc_jw_quantity(j, (uint64_t)src->number);
    bc_jw_key(j, "data");
    bc_jw_0xhex(j, log->data);
    bc_jw_key(j, "logIndex");
    if (event)
        bc_jw_u64(j, index);
    else
        bc_jw_quantity(j, index);
    if (!event) {
        bc_jw_key(j, "removed");
        bc_jw_bool(j, false);
    }
    topics_json(j, log);
    bc_jw_key(j, "transactionHash");
    bc_jw_0xhex(j, BC_VIEW(*tx_hash));
    bc_jw_key(j, "transactionIndex");
    if (event)
        bc_jw_u64(j, tx);
    else
        bc_jw_quantity(j, tx);
    bc_jw_obj_end(j);
}

typedef void (*match_fn)(void *ctx, size_t tx, size_t index, const bc_log_entry_t *log);

static size_t scan(bc_log_style_t style, const bc_log_query_t *q, const bc_log_source_t *src,
                   match_fn each, void *ctx)
{
    size_t found = 0, block_index = 0;
    for (size_t t = 0; t < src->tx_cnt; t++) {
        const bc_receipt_data_t *r = &src->receipts[t].data;
        /* A failed transaction has no logs in Ethereum, so those that old chains keep in such a
         * receipt do not count for the block-wide index either. */
        if (r->status != 0 && style != BC_LOG_EVENT)
            continue;
        if (src->txs && !src->txs[t])
            continue;
        const bc_log_entry_t *logs = r->logs.v;
        for (size_t i = 0; i < r->logs.n; i++, block_index++) {
            if (!bc_log_query_match(q, &logs[i]))
                continue;
            each(ctx, t, style == BC_LOG_WEB3 ? block_index : i, &logs[i]);
            found++;
        }
    }
    return found;
}

typedef struct {
    bc_jw_t *j;
    bc_log_style_t style;
    const bc_log_source_t *src;
    bc_wr_t *w; /* one log at a time */
    bc_log_each_fn each;
    void *ctx;
} out_t;

static void to_array(void *ctx, size_t tx, size_t index, const bc_log_entry_t *log)
{
    const out_t *o = ctx;
    log_json(o->j, o->style, o->src, tx, index, log);
}

size_t bc_log_json_block(bc_jw_t *j, bc_log_style_t style, const bc_log_query_t *q,
                         const bc_log_source_t *src)
{
    out_t o = { .j = j, .style = style, .src = src };
    return scan(style, q, src, to_array, &o);
}

static void to_each(void *ctx, size_t tx, size_t index, const bc_log_entry_t *log)
{
    const out_t *o = ctx;
    bc_wr_reset(o->w);
    bc_jw_t j = bc_jw(o->w);
    log_json(&j, o->style, o->src, tx, index, log);
    if (!o->w->err)
        o->each(o->ctx, bc_wr_view(o->w));
}

size_t bc_log_json_each(bc_log_style_t style, const bc_log_query_t *q, const bc_log_source_t *src,
                        bc_log_each_fn each, void *ctx)
{
    bc_wr_t w = { .max = 64 << 20 };
    out_t o = { .style = style, .src = src, .w = &w, .each = each, .ctx = ctx };
    size_t found = scan(style, q, src, to_each, &o);
    bc_wr_free(&w);
    return found;
}
