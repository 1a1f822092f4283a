/* The archive service over a real port, with a node played by hand. */
#include "access/rpc/archive.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/log.h"

typedef struct {
    int64_t number, archived;
    bc_err_t err;            /* what the store says */
    bc_node_archive_t *held; /* kept until it is let go */
    bool hold;
} fake_t;

static void finish(fake_t *f, bc_node_archive_t *r)
{
    bc_err_t err = f->err;
    if (r->start <= 0 || r->start > r->end || r->end > f->number ||
        (f->archived > 0 && r->start != f->archived))
        err = BC_E_RANGE;
    if (!err)
        f->archived = r->end;
    r->number = f->number;
    r->archived = f->archived;
    bc_op_finish(&r->op, err);
}

static void archive(void *self, bc_node_archive_t *r)
{
    fake_t *f = self;
    if (f->hold)
        f->held = r;
    else
        finish(f, r);
}

typedef struct {
    bc_uv_loop_t *l;
    bc_archive_service_t *s;
    fake_t node;
} fix_t;

static void fix_begin(fix_t *x)
{
    static const bc_node_ops_t ops = { .archive = archive };
    *x = (fix_t){ .l = bc_uv_loop_new("rpc"), .node = { .number = 100 } };
    assert_int_equal(
        bc_archive_service_new(x->l, "127.0.0.1", 0, (bc_node_if){ &ops, &x->node }, &x->s), BC_OK);
}

static void fix_end(fix_t *x)
{
    bc_archive_service_free(x->s);
    bc_uv_loop_free(x->l);
}

typedef struct {
    bc_wr_t got;
    bool closed;
} client_t;

static void on_open(bc_conn_t *c, void *ctx)
{
    (void)c, (void)ctx;
}
static void on_data(bc_conn_t *c, bc_bytes_t data, void *ctx)
{
    (void)c;
    bc_wr_put(&((client_t *)ctx)->got, data);
}
static void on_close(bc_conn_t *c, bc_err_t why, void *ctx)
{
    (void)c, (void)why;
    ((client_t *)ctx)->closed = true;
}
static const bc_conn_handler_t handler = { .on_open = on_open,
                                           .on_data = on_data,
                                           .on_close = on_close };

static void post(fix_t *x, client_t *c, const char *body)
{
    *c = (client_t){ 0 };
    bc_conn_t *conn =
        bc_conn_connect(x->l, "127.0.0.1", bc_archive_service_port(x->s), NULL, NULL, &handler, c);
    char text[1024];
    int n = snprintf(text, sizeof text,
                     "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                     "Content-Length: %zu\r\n\r\n%s",
                     strlen(body), body);
    for (int i = 0; i < 500 && bc_conn_write(conn, bc_bytes(text, (size_t)n)); i++)
        bc_uv_loop_poll(x->l, 10); /* until it is connected */
}

static void expect(fix_t *x, client_t *c, const char *answer)
{
    for (int i = 0; i < 500 && !c->closed; i++)
        bc_uv_loop_poll(x->l, 10);
    assert_true(c->closed);
    bc_wr_u8(&c->got, 0);
    const char *body = strstr((char *)c->got.p, "\r\n\r\n");
    assert_non_null(body);
    assert_string_equal(body + 4, answer);
    bc_wr_free(&c->got);
}

static void ask(fix_t *x, const char *body, const char *answer)
{
    client_t c;
    post(x, &c, body);
    expect(x, &c, answer);
}

#define CALL(id, params)                                                                           \
    "{\"jsonrpc\":\"2.0\",\"id\":" #id ",\"method\":\"deleteArchivedData\",\"params\":" params "}"
#define STATUS(id, text) "{\"id\":" #id ",\"jsonrpc\":\"2.0\",\"result\":{\"status\":\"" text "\"}}"
#define BAD(id, code, text)                                                                        \
    "{\"error\":{\"code\":" #code ",\"message\":\"" text "\"},\"id\":" #id ",\"jsonrpc\":\"2.0\"}"

static void deletes_what_is_asked_for(void **state)
{
    (void)state;
    fix_t x;
    fix_begin(&x);
    ask(&x, CALL(1, "[1,50]"), STATUS(1, "success"));
    assert_int_equal(x.node.archived, 50);
    ask(&x, CALL(2, "[50,50]"), STATUS(2, "success"));
    ask(&x, CALL(3, "[1,60]"),
        STATUS(3, "error, start block is not equal to archived block, 1 != 50"));
    static const char *const ranges[] = { "[0,5]", "[60,50]", "[50,101]", "[-3,7]", "[101,101]" };
    char call[256];
    for (size_t i = 0; i < BC_ARRAY_LEN(ranges); i++) {
        snprintf(call, sizeof call, CALL(4, "%s"), ranges[i]);
        ask(&x, call, STATUS(4, "error, invalid block range"));
    }
    assert_int_equal(x.node.archived, 50);
    x.node.err = BC_E_IO;
    ask(&x, CALL(5, "[50,60]"), STATUS(5, "deleteArchivedData failed, input/output error"));
    fix_end(&x);
}

static void refuses_what_it_does_not_know(void **state)
{
    (void)state;
    fix_t x;
    fix_begin(&x);
    static const char request[] = BAD(0, -32600, "The JSON sent is not a valid Request object.");
    ask(&x, "", request);
    ask(&x, "[1]", request);
    ask(&x, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"deleteArchivedData\"}", request);
    ask(&x, "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"x\",\"params\":[]}", request);
    ask(&x, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"x\",\"params\":[]}",
        BAD(7, -32601, "The method does not exist/is not available."));
    static const char numbers[] =
        BAD(8, -32600, "deleteArchivedData takes two block numbers: first, last + 1");
    ask(&x, CALL(8, "[1]"), numbers);
    ask(&x, CALL(8, "[1,2,3]"), numbers);
    ask(&x, CALL(8, "[\"1\",\"5\"]"), numbers);
    ask(&x, CALL(8, "[1.5,5]"), numbers);
    ask(&x, CALL(8, "[1,1e300]"), numbers);
    assert_int_equal(x.node.archived, 0);
    fix_end(&x);
}

static void one_deletion_at_a_time(void **state)
{
    (void)state;
    fix_t x;
    fix_begin(&x);
    x.node.hold = true;
    client_t first;
    post(&x, &first, CALL(1, "[1,50]"));
    for (int i = 0; i < 500 && !x.node.held; i++)
        bc_uv_loop_poll(x.l, 10);
    assert_non_null(x.node.held);
    ask(&x, CALL(2, "[1,50]"), STATUS(2, "error, another deletion is under way"));
    finish(&x.node, x.node.held);
    expect(&x, &first, STATUS(1, "success"));
    /* the service ends while one is under way, and its client has gone */
    x.node.held = NULL;
    post(&x, &first, CALL(3, "[50,60]"));
    for (int i = 0; i < 500 && !x.node.held; i++)
        bc_uv_loop_poll(x.l, 10);
    finish(&x.node, x.node.held);
    fix_end(&x);
    assert_int_equal(x.node.archived, 60);
    bc_wr_free(&first.got);
}

int main(void)
{
    bc_log_set_level(BC_LOG_FATAL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deletes_what_is_asked_for),
        cmocka_unit_test(refuses_what_it_does_not_know),
        cmocka_unit_test(one_deletion_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
