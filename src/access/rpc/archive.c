#include "access/rpc/archive.h"
#include <stdlib.h>
#include "base/log.h"
#include "codec/json.h"

#define BADGES "[ARCHIVE]"

enum { BODY_MAX = 4096, DEPTH_MAX = 8, CONNS_MAX = 64 };
enum { INVALID_REQUEST = -32600, NO_METHOD = -32601 };

struct bc_archive_service {
    bc_uv_loop_t *loop;
    bc_http_server_t *http;
    bc_node_if node;
    bool busy;
    /* the request under way */
    bc_http_req_t *req;
    int64_t id;
    bc_node_archive_t op;
};

static void respond(bc_http_req_t *req, bc_wr_t *w)
{
    static const bc_http_header_t type = { { (const uint8_t *)"Content-Type", 12 },
                                           { (const uint8_t *)"application/json", 16 } };
    bc_http_respond(req, w->err ? 500 : 200, &type, 1, w->err ? NULL : bc_buf_copy(bc_wr_view(w)));
    bc_wr_free(w);
}

static void respond_error(bc_http_req_t *req, int64_t id, int code, const char *text)
{
    bc_wr_t w = { 0 };
    bc_jw_t j = bc_jw(&w);
    bc_jw_obj(&j);
    bc_jw_key(&j, "error");
    bc_jw_obj(&j);
    bc_jw_key(&j, "code");
    bc_jw_i64(&j, code);
    bc_jw_key(&j, "message");
    bc_jw_cstr(&j, text);
    bc_jw_obj_end(&j);
    bc_jw_key(&j, "id");
    bc_jw_i64(&j, id);
    bc_jw_key(&j, "jsonrpc");
    bc_jw_cstr(&j, "2.0");
    bc_jw_obj_end(&j);
    respond(req, &w);
}

static void respond_status(bc_http_req_t *req, int64_t id, const char *status)
{
    bc_wr_t w = { 0 };
    bc_jw_t j = bc_jw(&w);
    bc_jw_obj(&j);
    bc_jw_key(&j, "id");
    bc_jw_i64(&j, id);
    bc_jw_key(&j, "jsonrpc");
    bc_jw_cstr(&j, "2.0");
    bc_jw_key(&j, "result");
    bc_jw_obj(&j);
    bc_jw_key(&j, "status");
    bc_jw_cstr(&j, status);
    bc_jw_obj_end(&j);
    bc_jw_obj_end(&j);
    respond(req, &w);
}

/* ---- deletion ---- */

/* The official texts; scripts look at them. */
static void status_text(const bc_node_archive_t *r, bc_wr_t *w)
{
    if (!r->op.err)
        bc_wr_printf(w, "success");
    else if (r->op.err != BC_E_RANGE)
        bc_wr_printf(w, "deleteArchivedData failed, %s", bc_err_name(r->op.err));
    else if (r->start <= 0 || r->start > r->end || r->end > r->number)
        bc_wr_printf(w, "error, invalid block range");
    else
        bc_wr_printf(w, "error, start block is not equal to archived block, %lld != %lld",
                     (long long)r->start, (long long)r->archived);
    bc_wr_u8(w, 0);
}

static void deleted(bc_op_t *op)
{
    bc_node_archive_t *r = BC_OWNER(op, bc_node_archive_t, op);
    bc_archive_service_t *s = BC_OWNER(r, bc_archive_service_t, op);
    bc_wr_t w = { 0 };
    status_text(r, &w);
    BC_INFO(BADGES, "deleteArchivedData,start=%lld,end=%lld,archivedNumber=%lld,status=%s",
            (long long)r->start, (long long)r->end, (long long)r->archived, (char *)w.p);
    s->busy = false;
    respond_status(s->req, s->id, (char *)w.p);
    bc_wr_free(&w);
}

/* ---- requests ---- */

static bool integer(const cJSON *v, int64_t *out)
{
    if (!cJSON_IsNumber(v) || v->valuedouble < -9007199254740992.0 ||
        v->valuedouble > 9007199254740992.0 || (double)(int64_t)v->valuedouble != v->valuedouble)
        return false;
    *out = (int64_t)v->valuedouble;
    return true;
}

static void take(bc_archive_service_t *s, bc_http_req_t *req, const cJSON *root)
{
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(root, "id"),
                *method = cJSON_GetObjectItemCaseSensitive(root, "method"),
                *params = cJSON_GetObjectItemCaseSensitive(root, "params");
    int64_t number = 0, start, end;
    if (!cJSON_IsObject(root) || !cJSON_IsString(method) || !cJSON_IsArray(params) ||
        !cJSON_IsString(cJSON_GetObjectItemCaseSensitive(root, "jsonrpc")) ||
        (id && !integer(id, &number)))
        respond_error(req, 0, INVALID_REQUEST, "The JSON sent is not a valid Request object.");
    else if (strcmp(method->valuestring, "deleteArchivedData") != 0)
        respond_error(req, number, NO_METHOD, "The method does not exist/is not available.");
    else if (cJSON_GetArraySize(params) != 2 || !integer(cJSON_GetArrayItem(params, 0), &start) ||
             !integer(cJSON_GetArrayItem(params, 1), &end))
        respond_error(req, number, INVALID_REQUEST,
                      "deleteArchivedData takes two block numbers: first, last + 1");
    else if (s->busy)
        respond_status(req, number, "error, another deletion is under way");
    else {
        s->busy = true;
        s->req = req;
        s->id = number;
        s->op = (bc_node_archive_t){ .op = { .home = bc_uv_loop_mail(s->loop), .done = deleted },
                                     .start = start,
                                     .end = end };
        s->node.ops->archive(s->node.self, &s->op);
    }
}

static void on_request(void *ctx, bc_http_req_t *req)
{
    cJSON *root = bc_json_parse(req->body, DEPTH_MAX, NULL);
    take(ctx, req, root); /* NULL is no object */
    cJSON_Delete(root);
}

/* ---- life ---- */

bc_err_t bc_archive_service_new(bc_uv_loop_t *l, const char *ip, uint16_t port, bc_node_if node,
                                bc_archive_service_t **out)
{
    bc_archive_service_t *s = bc_xcalloc(1, sizeof *s);
    s->loop = l;
    s->node = node;
    bc_http_config_t c = { .ip = ip,
                           .port = port,
                           .body_max = BODY_MAX,
                           .conns_max = CONNS_MAX,
                           .handler = { .on_request = on_request, .ctx = s } };
    bc_err_t err = bc_http_server_new(l, &c, &s->http);
    if (err) {
        free(s);
        s = NULL;
    } else {
        BC_INFO(BADGES, "start,listenIP=%s,listenPort=%u", ip, bc_http_server_port(s->http));
    }
    *out = s;
    return err;
}

uint16_t bc_archive_service_port(const bc_archive_service_t *s)
{
    return bc_http_server_port(s->http);
}

void bc_archive_service_free(bc_archive_service_t *s)
{
    if (!s)
        return;
    bc_http_server_free(s->http);
    while (s->busy)
        bc_loop_step(bc_uv_loop_mail(s->loop));
    free(s);
}
