#include "access/gateway/amop_msg.h"
#include "codec/json.h"
#include <stdlib.h>

enum { TOPIC_COST = 48 }; /* bytes of memory besides the text */

bc_err_t bc_amop_decode(bc_bytes_t in, bc_amop_msg_t *m)
{
    bc_rd_t r = bc_rd(in);
    m->version = bc_rd_be16(&r);
    m->type = bc_rd_be16(&r);
    m->status = bc_rd_be16(&r);
    m->data = bc_rd_take(&r, bc_rd_left(&r));
    return r.err;
}

bc_buf_t *bc_amop_encode(const bc_amop_msg_t *m)
{
    size_t n = BC_AMOP_HEAD + m->data.n;
    bc_buf_t *b = bc_buf_new(n);
    if (!b)
        return NULL;
    bc_wr_t w = { .p = b->p, .cap = n, .max = n }; /* never grows */
    bc_wr_be16(&w, m->version);
    bc_wr_be16(&w, m->type);
    bc_wr_be16(&w, m->status);
    bc_wr_put(&w, m->data);
    BC_MUST(!w.err && w.n == n && w.p == b->p);
    return b;
}

bc_err_t bc_amop_topic(bc_bytes_t request, bc_bytes_t *topic)
{
    bc_rd_t r = bc_rd(request);
    bc_rd_be32(&r);
    size_t n = bc_rd_be16(&r);
    *topic = bc_rd_take(&r, n);
    return r.err;
}

bc_err_t bc_amop_seq(bc_bytes_t text, uint32_t *out)
{
    uint64_t v = 0;
    if (!text.n || text.n > 10)
        return BC_E_FORMAT;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return BC_E_FORMAT;
        v = v * 10 + (uint64_t)(text.p[i] - '0');
    }
    *out = (uint32_t)v;
    return v > UINT32_MAX ? BC_E_FORMAT : BC_OK;
}

/* ---- sets ---- */

void bc_topics_free(bc_topics_t *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->v[i]);
    free(t->v);
    *t = (bc_topics_t){ 0 };
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void make_set(bc_topics_t *t)
{
    size_t kept = 0;
    if (t->n)
        qsort(t->v, t->n, sizeof *t->v, by_text);
    for (size_t i = 0; i < t->n; i++) {
        if (kept && strcmp(t->v[kept - 1], t->v[i]) == 0) {
            free(t->v[i]);
            continue;
        }
        t->bytes += strlen(t->v[i]) + TOPIC_COST;
        t->v[kept++] = t->v[i];
    }
    t->n = kept;
}

void bc_topics_set(bc_topics_t *t, const char *const *v, size_t n)
{
    bc_topics_free(t);
    n = BC_MIN(n, (size_t)BC_AMOP_TOPICS_MAX);
    t->v = bc_xcalloc(n + 1, sizeof *t->v);
    for (size_t i = 0; i < n; i++)
        t->v[t->n++] = bc_xstrdup(v[i]);
    make_set(t);
}

bool bc_topics_has(const bc_topics_t *t, bc_bytes_t topic)
{
    size_t low = 0, high = t->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = bc_bytes_cmp(bc_cstr(t->v[mid]), topic);
        if (c == 0)
            return true;
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}

void bc_topics_encode(const bc_topics_t *t, uint32_t seq, bc_wr_t *out)
{
    bc_jw_t j = bc_jw(out);
    bc_jw_obj(&j);
    bc_jw_key(&j, "topicItems");
    bc_jw_arr(&j);
    for (size_t i = 0; i < t->n; i++)
        bc_jw_cstr(&j, t->v[i]);
    bc_jw_arr_end(&j);
    bc_jw_key(&j, "topicSeq");
    bc_jw_u64(&j, seq);
    bc_jw_obj_end(&j);
    bc_wr_u8(out, '\n');
}

bc_err_t bc_topics_decode(bc_bytes_t json, uint32_t *seq, bc_topics_t *t)
{
    if (json.n > BC_AMOP_TOPICS_JSON_MAX)
        return BC_E_TOO_BIG;
    cJSON *root = bc_json_parse(json, 4, NULL);
    const cJSON *s = cJSON_IsObject(root) ? cJSON_GetObjectItemCaseSensitive(root, "topicSeq") : NULL;
    const cJSON *list =
        cJSON_IsObject(root) ? cJSON_GetObjectItemCaseSensitive(root, "topicItems") : NULL;
    bool ok = cJSON_IsNumber(s) && s->valuedouble >= 0 && s->valuedouble <= UINT32_MAX &&
              (!list || cJSON_IsArray(list) || cJSON_IsNull(list));
    size_t n = ok && cJSON_IsArray(list) ? (size_t)cJSON_GetArraySize(list) : 0;
    if (!ok || n > BC_AMOP_TOPICS_MAX) {
        cJSON_Delete(root);
        return ok ? BC_E_TOO_BIG : BC_E_FORMAT;
    }
    *seq = (uint32_t)s->valuedouble;
    bc_topics_free(t);
    t->v = bc_xcalloc(n + 1, sizeof *t->v);
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        if (cJSON_IsString(item))
            t->v[t->n++] = bc_xstrdup(item->valuestring);
    }
    make_set(t);
    cJSON_Delete(root);
    return BC_OK;
}
