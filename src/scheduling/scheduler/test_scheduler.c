#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>
#include "iface/test_actor.h"
#include "scheduling/scheduler/scheduler.h"

/* A scheduler with its host played by hand: messages for the host and the askers are collected. */
typedef struct {
    bc_actor_if s;
    bc_out_t out;
    bc_h256_t parent;
} rig_t;

static void feed(rig_t *r, bc_msg_t *m)
{
    bc_now_t now = { 1000, 1000 };
    r->out.from = BC_ACTOR_SCHEDULER;
    r->s.ops->step(r->s.self, &now, m, &r->out);
    bc_msg_free(m);
}

static bc_msg_t *take(rig_t *r, bc_msg_kind_t kind)
{
    bc_msg_t *m = r->out.head;
    assert_non_null(m);
    r->out.head = m->next;
    if (!r->out.head)
        r->out.tail = NULL;
    assert_string_equal(bc_msg_name(m->kind), bc_msg_name((uint16_t)kind));
    return m;
}

static rig_t rig_new(void)
{
    rig_t r = { .s = bc_scheduler_new(&(bc_scheduler_config_t){ 0 }) };
    memset(r.parent.b, 7, 32);
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SCHEDULER, BC_MSG_START);
    m->config = bc_xcalloc(1, sizeof *m->config);
    atomic_init(&m->config->refs, 1);
    m->config->number = 4;
    m->config->hash = r.parent;
    feed(&r, m);
    return r;
}

static void rig_free(rig_t *r)
{
    bc_test_drop_all(&r->out);
    r->s.ops->free(r->s.self);
}

static bc_hdr_t *header(int64_t number, bc_h256_t parent, int64_t timestamp, uint8_t root)
{
    bc_parent_t p = { number - 1, BC_VIEW(parent) };
    uint8_t roots[32];
    memset(roots, root, 32);
    bc_header_t h = { .data = { .version = (int32_t)BC_VERSION_3_16_0,
                                .parents = { &p, 1 },
                                .state_root = root ? bc_bytes(roots, 32) : (bc_bytes_t){ 0 },
                                .number = number,
                                .timestamp = timestamp } };
    return bc_hdr_new(BC_SUITE_STANDARD, &h);
}

static void execute(rig_t *r, bc_hdr_t *h, uint64_t token, bool verify)
{
    bc_msg_t *m = bc_msg_new(BC_ACTOR_PBFT, BC_ACTOR_SCHEDULER, BC_MSG_EXECUTE);
    m->header = bc_hdr_ref(h);
    m->txs = bc_txs_new(0);
    m->token = token;
    m->flag = verify;
    feed(r, m);
}

/* The host's answer to the RUN_EXECUTE that must be next. */
static bc_hdr_t *ran(rig_t *r, uint8_t root, bc_err_t err)
{
    bc_msg_t *run = take(r, BC_MSG_RUN_EXECUTE);
    const bc_header_data_t *d = &run->header->h.data;
    bc_h256_t parent;
    memcpy(parent.b, ((bc_parent_t *)d->parents.v)[0].hash.p, 32);
    bc_hdr_t *h = header(d->number, parent, d->timestamp, root);
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SCHEDULER, BC_MSG_RAN_EXECUTE);
    m->token = run->token;
    m->err = err;
    if (!err) {
        m->header = bc_hdr_ref(h);
        m->result = bc_xcalloc(1, sizeof *m->result);
    }
    bc_msg_free(run);
    feed(r, m);
    return h;
}

static void commit(rig_t *r, bc_actor_id_t from, bc_hdr_t *h, uint64_t token)
{
    bc_msg_t *m = bc_msg_new(from, BC_ACTOR_SCHEDULER, BC_MSG_COMMIT);
    m->header = bc_hdr_ref(h);
    m->token = token;
    feed(r, m);
}

/* The host's answer to a RUN_COMMIT. */
static void wrote(rig_t *r, bc_msg_t *run, int64_t cnt, bc_err_t err)
{
    bc_msg_t *done = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_SCHEDULER, BC_MSG_RAN_COMMIT);
    done->token = run->token;
    done->number2 = cnt;
    done->err = err;
    for (bc_committed_t *c = run->committed; c && cnt-- > 0; c = c->next) {
        c->config = bc_xcalloc(1, sizeof *c->config);
        atomic_init(&c->config->refs, 1);
    }
    bc_msg_free(run);
    feed(r, done);
}

static void told(rig_t *r, int64_t number)
{
    for (int i = 0; i < 5; i++) {
        bc_msg_t *m = take(r, BC_MSG_COMMITTED);
        assert_non_null(m);
        assert_int_equal(m->number, number);
        assert_non_null(m->committed->config);
        assert_null(m->committed->next);
        bc_msg_free(m);
    }
}

static void commit_ended(rig_t *r, uint64_t token, bc_err_t err)
{
    bc_msg_t *m = take(r, BC_MSG_COMMIT_DONE);
    assert_non_null(m);
    assert_int_equal(m->token, token);
    assert_int_equal(m->err, err);
    bc_msg_free(m);
}

static size_t group_size(const bc_msg_t *run)
{
    size_t n = 0;
    for (const bc_committed_t *c = run->committed; c; c = c->next)
        n++;
    return n;
}

/* Executes cnt blocks behind each other. */
static void chain_of(rig_t *r, bc_hdr_t **h, int cnt)
{
    bc_h256_t parent = r->parent;
    for (int i = 0; i < cnt; i++) {
        bc_hdr_t *p = header(5 + i, parent, 100 + i, 0);
        execute(r, p, 1, false);
        h[i] = ran(r, 9, BC_OK);
        bc_msg_free(take(r, BC_MSG_EXECUTED));
        parent = h[i]->hash;
        bc_hdr_unref(p);
    }
}

static void downloaded_blocks_share_a_write(void **state)
{
    (void)state;
    rig_t r = rig_new();
    bc_hdr_t *h[6];
    chain_of(&r, h, 6);
    for (int i = 0; i < 5; i++)
        commit(&r, BC_ACTOR_SYNC, h[i], 20 + (uint64_t)i);
    bc_msg_t *run = take(&r, BC_MSG_RUN_COMMIT); /* the first one did not wait for others */
    assert_int_equal(group_size(run), 1);
    assert_null(bc_test_take(&r.out, BC_MSG_RUN_COMMIT));
    wrote(&r, run, 1, BC_OK);
    told(&r, 5);
    commit_ended(&r, 20, BC_OK);
    run = take(&r, BC_MSG_RUN_COMMIT);
    assert_int_equal(group_size(run), 4);
    commit(&r, BC_ACTOR_PBFT, h[5], 25);
    wrote(&r, run, 2, BC_E_IO); /* the disk is full after two of them */
    told(&r, 6);
    commit_ended(&r, 21, BC_OK);
    told(&r, 7);
    commit_ended(&r, 22, BC_OK);
    commit_ended(&r, 23, BC_E_IO);
    commit_ended(&r, 24, BC_E_IO);
    commit_ended(&r, 25, BC_E_NOT_READY); /* block 10, and 8 is the next */
    assert_null(bc_test_take(&r.out, BC_MSG_COMMITTED));
    commit(&r, BC_ACTOR_PBFT, h[3], 30);
    run = take(&r, BC_MSG_RUN_COMMIT);
    assert_int_equal(run->committed->number, 8);
    commit(&r, BC_ACTOR_PBFT, h[4], 31);
    commit(&r, BC_ACTOR_SYNC, h[5], 32);
    wrote(&r, run, 1, BC_OK);
    told(&r, 8);
    commit_ended(&r, 30, BC_OK);
    run = take(&r, BC_MSG_RUN_COMMIT); /* consensus' blocks are written one by one */
    assert_int_equal(group_size(run), 1);
    wrote(&r, run, 1, BC_OK);
    told(&r, 9);
    commit_ended(&r, 31, BC_OK);
    run = take(&r, BC_MSG_RUN_COMMIT);
    wrote(&r, run, 1, BC_OK);
    told(&r, 10);
    commit_ended(&r, 32, BC_OK);
    for (int i = 0; i < 6; i++)
        bc_hdr_unref(h[i]);
    rig_free(&r);
}

static void a_block_executes_then_commits(void **state)
{
    (void)state;
    rig_t r = rig_new();
    bc_hdr_t *p = header(5, r.parent, 100, 0);
    execute(&r, p, 11, false);
    bc_hdr_t *h = ran(&r, 9, BC_OK);
    bc_msg_t *m = take(&r, BC_MSG_EXECUTED);
    assert_int_equal(m->err, BC_OK);
    assert_int_equal(m->token, 11);
    assert_true(bc_h256_eq(&m->header->hash, &h->hash));
    bc_msg_free(m);

    m = bc_msg_new(BC_ACTOR_PBFT, BC_ACTOR_SCHEDULER, BC_MSG_COMMIT);
    m->header = bc_hdr_ref(h);
    m->token = 12;
    feed(&r, m);
    m = take(&r, BC_MSG_RUN_COMMIT);
    assert_non_null(m->committed->result);
    assert_null(m->committed->next);
    wrote(&r, m, 1, BC_OK);
    for (int i = 0; i < 5; i++)
        bc_msg_free(take(&r, BC_MSG_COMMITTED));
    m = take(&r, BC_MSG_COMMIT_DONE);
    assert_int_equal(m->err, BC_OK);
    assert_int_equal(m->number, 5);
    bc_msg_free(m);
    bc_hdr_unref(p);
    bc_hdr_unref(h);
    rig_free(&r);
}

static void the_same_input_is_not_executed_twice(void **state)
{
    (void)state;
    rig_t r = rig_new();
    bc_hdr_t *p = header(5, r.parent, 100, 0), *other = header(5, r.parent, 101, 0);
    execute(&r, p, 1, false);
    bc_hdr_t *h = ran(&r, 9, BC_OK);
    bc_msg_free(take(&r, BC_MSG_EXECUTED));
    execute(&r, p, 2, false);
    bc_msg_t *m = take(&r, BC_MSG_EXECUTED);
    assert_int_equal(m->token, 2);
    assert_int_equal(m->err, BC_OK);
    bc_msg_free(m);
    execute(&r, other, 3, false); /* another block of that height: the first is thrown away */
    bc_msg_free(take(&r, BC_MSG_DISCARD));
    bc_hdr_t *h2 = ran(&r, 10, BC_OK);
    bc_msg_free(take(&r, BC_MSG_EXECUTED));
    bc_hdr_unref(p);
    bc_hdr_unref(other);
    bc_hdr_unref(h);
    bc_hdr_unref(h2);
    rig_free(&r);
}

static void expect_error(rig_t *r, bc_hdr_t *h, bc_err_t err)
{
    execute(r, h, 1, false);
    bc_msg_t *m = take(r, BC_MSG_EXECUTED);
    assert_int_equal(m->err, err);
    bc_msg_free(m);
    bc_hdr_unref(h);
}

static void stale_gaps_and_wrong_parents_are_refused(void **state)
{
    (void)state;
    rig_t r = rig_new();
    bc_h256_t wrong = { { 1 } };
    expect_error(&r, header(4, r.parent, 100, 0), BC_E_STALE);
    expect_error(&r, header(6, r.parent, 100, 0), BC_E_NOT_READY);
    expect_error(&r, header(5, wrong, 100, 0), BC_E_MISMATCH);
    rig_free(&r);
}

static void a_downloaded_block_with_another_root_is_discarded(void **state)
{
    (void)state;
    rig_t r = rig_new();
    bc_hdr_t *theirs = header(5, r.parent, 100, 8);
    execute(&r, theirs, 1, true);
    bc_hdr_unref(ran(&r, 9, BC_OK));
    bc_msg_free(take(&r, BC_MSG_DISCARD));
    bc_msg_t *m = take(&r, BC_MSG_EXECUTED);
    assert_int_equal(m->err, BC_E_MISMATCH);
    bc_msg_free(m);
    bc_hdr_unref(theirs);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_executes_then_commits),
        cmocka_unit_test(downloaded_blocks_share_a_write),
        cmocka_unit_test(the_same_input_is_not_executed_twice),
        cmocka_unit_test(stale_gaps_and_wrong_parents_are_refused),
        cmocka_unit_test(a_downloaded_block_with_another_root_is_discarded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
