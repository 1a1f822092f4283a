/* A node for tests: the captured chain at some height in a store in memory, the real ledger and
 * executor over it, reads carried out at once on the caller's thread, submits answered by the test.
 */
#ifndef BC_ACCESS_RPC_TEST_NODE_H
#define BC_ACCESS_RPC_TEST_NODE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "access/rpc/rpc.h"
#include "codec/hex.h"
#include "codec/json.h"
#include "computing/executor/executor.h"
#include "management/nodeconf/nodeconf.h"
#include "storage/kv_mem/kv_mem.h"
#include "storage/ledger/ledger.h"
#include "storage/state/state.h"

typedef struct {
    bc_loop_t loop;
    bc_kv_if kv;
    bc_chain_config_t chain;
    bc_executor_t *executor;
    bc_ledger_t *ledger;
    bc_state_t *state;
    bc_node_status_t status;
    bc_rpc_t *rpc;
    bc_node_submit_t *submitted; /* newest, for the test to answer */
    bc_gateway_peer_t peers[4];
    size_t peer_cnt;
    bool pending_known;
    uint64_t pending;
} node_t;

static inline bc_bytes_t read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return (bc_bytes_t){ 0 };
    fseek(f, 0, SEEK_END);
    long n = ftell(f);
    rewind(f);
    uint8_t *p = bc_xcalloc(1, (size_t)n + 1);
    size_t got = fread(p, 1, (size_t)n, f);
    fclose(f);
    return bc_bytes(p, got);
}

/* Path of a captured file, or false when the captures are not there. */
static inline bool vector_path(char out[512], const char *name)
{
    const char *root = getenv("CBCOS_VECTORS");
    snprintf(out, 512, "%s/official-3.16.4/%s", root ? root : "../shared/vectors", name);
    FILE *f = fopen(out, "rb");
    if (!f) {
        print_message("captured chains are not there (%s): skipped\n", out);
        return false;
    }
    fclose(f);
    return true;
}

static inline cJSON *load_json(const char *name)
{
    char path[512];
    if (!vector_path(path, name))
        return NULL;
    bc_bytes_t text = read_file(path);
    cJSON *root = cJSON_ParseWithLength((const char *)text.p, text.n);
    free((void *)(uintptr_t)text.p);
    return root;
}

static inline void put_rows(bc_kv_if kv, const cJSON *rows)
{
    const cJSON *row;
    cJSON_ArrayForEach(row, rows)
    {
        bc_wr_t k = { 0 }, v = { 0 };
        assert_int_equal(bc_hex_append(bc_cstr(row->child->valuestring), &k), BC_OK);
        assert_int_equal(bc_hex_append(bc_cstr(row->child->next->valuestring), &v), BC_OK);
        bc_kv_change_t c = { bc_wr_view(&k), bc_wr_view(&v), false };
        assert_int_equal(kv.ops->write(kv.self, &c, 1, false), BC_OK);
        bc_wr_free(&k);
        bc_wr_free(&v);
    }
}

static inline void del_rows(bc_kv_if kv, const cJSON *rows)
{
    const cJSON *row;
    cJSON_ArrayForEach(row, rows)
    {
        bc_wr_t k = { 0 };
        assert_int_equal(bc_hex_append(bc_cstr(row->valuestring), &k), BC_OK);
        bc_kv_change_t c = { bc_wr_view(&k), { 0 }, true };
        assert_int_equal(kv.ops->write(kv.self, &c, 1, false), BC_OK);
        bc_wr_free(&k);
    }
}

static inline int64_t height(bc_kv_if kv)
{
    bc_wr_t v = { 0 };
    int64_t n = -1;
    if (kv.ops->get(kv.self, BC_STR("s_current_state:current_number"), &v) == BC_OK)
        assert_int_equal(bc_dec_i64(bc_wr_view(&v), &n), BC_OK);
    bc_wr_free(&v);
    return n;
}

static inline void node_refresh(node_t *n)
{
    bc_ledger_if l = bc_ledger_as_if(n->ledger);
    bc_ledger_config_t *c = l.ops->config(l.self);
    n->status.number = c->number;
    n->status.hash = n->status.known_latest_hash = c->hash;
    n->status.genesis_hash = c->genesis_hash;
    n->status.known_highest = c->number;
    n->status.min_quorum = c->sealer_cnt - (c->sealer_cnt - 1) / 3;
    n->status.max_faulty = (c->sealer_cnt - 1) / 3;
    bc_ledger_config_unref(c);
}

/* ---- the contract ---- */

static inline void node_submit(void *self, bc_node_submit_t *r)
{
    ((node_t *)self)->submitted = r;
}

static inline void node_read(void *self, bc_node_read_t *r)
{
    node_t *n = self;
    bc_state_view_t *v = bc_state_top(n->state);
    bc_err_t err =
        r->job(r, bc_ledger_as_if(n->ledger), bc_executor_local(n->executor), bc_state_view_if(v));
    bc_state_view_unref(v);
    bc_op_finish(&r->op, err);
}

static inline void node_status_get(void *self, bc_node_status_t *out)
{
    *out = ((node_t *)self)->status;
}

static inline bc_ledger_config_t *node_config(void *self)
{
    bc_ledger_if l = bc_ledger_as_if(((node_t *)self)->ledger);
    return l.ops->config(l.self);
}

static inline bool node_pending(void *self, const bc_addr_t *sender, uint64_t *out)
{
    (void)sender;
    *out = ((node_t *)self)->pending;
    return ((node_t *)self)->pending_known;
}

static inline size_t node_peers(void *self, bc_gateway_peer_t *out, size_t max)
{
    node_t *n = self;
    size_t cnt = BC_MIN(n->peer_cnt, max);
    memcpy(out, n->peers, cnt * sizeof *out);
    return cnt;
}

static const bc_node_ops_t node_ops = { node_submit, node_read, node_status_get, node_config,
                                        node_pending };
static const bc_gateway_ops_t peers_ops = { .peers = node_peers };

static inline bc_rpc_t *node_rpc(node_t *n, const char *self_id)
{
    bc_rpc_config_t c = { .filter_timeout = 300,
                          .filter_max_process_block = 10,
                          .web3_filter_timeout = 300,
                          .return_input_params = true,
                          .batch_request_size_limit = 8,
                          .chain = &n->chain,
                          .version = "3.16.4",
                          .build_time = "20261122 20:52:22",
                          .commit = "0",
                          .platform = "Linux/g++",
                          .loop = &n->loop };
    if (self_id)
        assert_int_equal(bc_hex_fixed(bc_cstr(self_id), c.node_id.b, 64), BC_OK);
    return bc_rpc_new(&c, (bc_node_if){ &node_ops, n }, (bc_gateway_if){ &peers_ops, n });
}

static inline void node_open(node_t *n)
{
    char why[512] = "";
    bc_ledger_params_t p = { .kv = n->kv,
                             .chain = &n->chain,
                             .executor = bc_executor_local(n->executor) };
    bc_err_t err = bc_ledger_init(&p, &n->ledger, why, sizeof why);
    if (err)
        print_message("ledger: %s\n", why);
    assert_int_equal(err, BC_OK);
    assert_int_equal(bc_state_new(n->kv, &n->state), BC_OK);
    node_refresh(n);
}

/* A chain at the first captured state of at least that height; -1: the last one. False when there
 * are no captures. */
static inline bool node_load(node_t *n, const char *folder, int64_t number)
{
    char name[256], path[512];
    memset(n, 0, sizeof *n);
    snprintf(name, sizeof name, "%s/conf/node0/config.genesis", folder);
    if (!vector_path(path, name))
        return false;
    bc_conf_report_t rep = { 0 };
    assert_int_equal(bc_chainconf_load(path, &n->chain, &rep), BC_OK);
    bc_conf_report_free(&rep);
    n->kv = bc_kv_mem_new();
    snprintf(name, sizeof name, "%s/db/%s.full.json", folder, number < 0 ? "final" : "genesis");
    cJSON *root = load_json(name);
    assert_non_null(root);
    put_rows(n->kv, cJSON_GetObjectItem(root, "kv"));
    cJSON_Delete(root);
    for (int step = 1; number >= 0 && height(n->kv) < number; step++) {
        snprintf(name, sizeof name, "%s/db/step-%03d.diff.json", folder, step);
        root = load_json(name);
        assert_non_null(root);
        put_rows(n->kv, cJSON_GetObjectItem(root, "put"));
        del_rows(n->kv, cJSON_GetObjectItem(root, "del"));
        cJSON_Delete(root);
    }
    n->executor =
        bc_executor_new(&(bc_executor_config_t){ .suite = n->chain.suite, .chain = &n->chain });
    node_open(n);
    return true;
}

static inline void node_free(node_t *n)
{
    bc_rpc_free(n->rpc);
    bc_state_free(n->state);
    bc_ledger_free(n->ledger);
    bc_executor_free(n->executor);
    bc_chainconf_free(&n->chain);
    if (n->kv.ops)
        n->kv.ops->close(n->kv.self);
}

/* ---- asking ---- */

typedef struct {
    bc_wr_t text;
    unsigned cnt;
} reply_t;

static inline void reply_keep(void *ctx, bc_bytes_t answer)
{
    reply_t *r = ctx;
    r->cnt++;
    bc_wr_put(&r->text, answer);
}

/* The answer, NUL-terminated, to be freed. Exactly one must come. */
static inline char *ask(node_t *n, bool web3, const char *body)
{
    reply_t r = { 0 };
    if (web3)
        bc_rpc_web3_handle(n->rpc, bc_cstr(body), NULL, reply_keep, &r);
    else
        bc_rpc_sdk_handle(n->rpc, bc_cstr(body), (bc_bytes_t){ 0 }, reply_keep, &r);
    while (bc_loop_step(&n->loop)) {
    }
    assert_int_equal(r.cnt, 1);
    bc_wr_u8(&r.text, 0);
    return (char *)r.text.p;
}

/* The same text whatever the escapes: parsed and printed, members in their order. */
static inline char *canonical(const char *text)
{
    cJSON *v = cJSON_Parse(text);
    assert_non_null(v);
    char *out = cJSON_PrintUnformatted(v);
    cJSON_Delete(v);
    return out;
}

#endif
