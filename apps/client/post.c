/* One request, blocking: what a command-line tool needs. */
#include <stdio.h>
#include "client/client.h"

bc_err_t bc_client_sdk_tls(const char *sdk_dir, bool sm, bc_tls_t **out)
{
    enum { CA, CERT, KEY, ENC_CERT, ENC_KEY, FILES };
    static const char *const names[2][FILES] = {
        { "ca.crt", "sdk.crt", "sdk.key", "", "" },
        { "sm_ca.crt", "sm_sdk.crt", "sm_sdk.key", "sm_ensdk.crt", "sm_ensdk.key" },
    };
    char path[FILES][4096];
    for (int i = 0; i < FILES; i++)
        snprintf(path[i], sizeof path[i], "%s/%s", sdk_dir, names[sm][i]);
    bc_tls_config_t c = { .ca_file = path[CA], .cert_file = path[CERT], .key_file = path[KEY],
                          .verify = true, .sm = sm, .enc_cert_file = path[ENC_CERT],
                          .enc_key_file = path[ENC_KEY] };
    return bc_tls_new(&c, out);
}

typedef struct {
    bc_client_t *c;
    bc_wr_t *reply;
    char *why;
    size_t why_size;
    bool open, answered, ok, closed;
    bc_err_t err;
} post_t;

static void on_open(void *ctx, bc_client_t *c)
{
    (void)c;
    ((post_t *)ctx)->open = true;
}

static void on_reply(void *ctx, bc_client_t *c, uint64_t id, bool ok, bc_bytes_t json)
{
    (void)c, (void)id;
    post_t *p = ctx;
    p->answered = true;
    p->ok = ok;
    if (ok)
        bc_wr_put(p->reply, json);
    else
        snprintf(p->why, p->why_size, "%.*s", (int)json.n, (const char *)json.p);
}

static void on_close(void *ctx, bc_client_t *c, bc_err_t why)
{
    (void)c;
    post_t *p = ctx;
    p->closed = true;
    p->err = why;
}

static bool step_until(bc_uv_loop_t *l, const post_t *p, const bool *what, int64_t end)
{
    while (!*what && !p->closed && bc_uv_loop_now(l) < end)
        bc_uv_loop_poll(l, 20);
    return *what;
}

bc_err_t bc_client_post(const bc_client_post_t *to, bc_bytes_t json, bc_wr_t *reply, char *why,
                        size_t why_size)
{
    bc_tls_t *tls = NULL;
    bc_err_t err = to->sdk_dir ? bc_client_sdk_tls(to->sdk_dir, to->sm, &tls) : BC_OK;
    if (err) {
        snprintf(why, why_size, "the client certificates in %s cannot be used: %s", to->sdk_dir,
                 bc_err_name(err));
        return err;
    }
    post_t p = { .reply = reply, .why = why, .why_size = why_size };
    bc_uv_loop_t *l = bc_uv_loop_new("post");
    bc_client_config_t c = { .loop = l, .host = to->host, .port = to->port, .tls = tls,
                             .kind = BC_CLIENT_HTTP, .on_open = on_open, .on_reply = on_reply,
                             .on_close = on_close, .ctx = &p };
    int64_t end = bc_uv_loop_now(l) + to->timeout_ms;
    p.c = bc_client_open(&c);
    if (!step_until(l, &p, &p.open, BC_MIN(end, bc_uv_loop_now(l) + to->connect_ms))) {
        err = p.closed ? p.err : BC_E_TIMEOUT;
        snprintf(why, why_size, "no connection to %s:%u: %s", to->host, to->port, bc_err_name(err));
    } else if ((err = bc_client_send(p.c, to->id, json))) {
        snprintf(why, why_size, "cannot send: %s", bc_err_name(err));
    } else if (!step_until(l, &p, &p.answered, end)) {
        err = p.closed ? BC_E_CLOSED : BC_E_TIMEOUT;
        snprintf(why, why_size, "no answer: %s", bc_err_name(err));
    } else if (!p.ok) {
        err = BC_E_IO;
    } else if (reply->err) {
        err = reply->err;
        snprintf(why, why_size, "the answer: %s", bc_err_name(err));
    }
    if (!p.closed)
        bc_client_close(p.c);
    while (!p.closed)
        bc_uv_loop_poll(l, 20);
    bc_uv_loop_free(l);
    bc_tls_unref(tls);
    return err;
}
