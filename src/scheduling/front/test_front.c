#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>
#include "scheduling/front/front.h"

typedef struct {
    bc_actor_if f;
    bc_now_t now;
    bc_out_t out;
} fix_t;

static fix_t fix_new(size_t pending_max)
{
    bc_front_config_t c = { .seed = { 7 }, .pending_max = pending_max };
    return (fix_t){ .f = bc_front_new(&c), .now = { 1000, 5 }, .out = { .from = BC_ACTOR_FRONT } };
}

static void fix_free(fix_t *x)
{
    assert_null(x->out.head);
    x->f.ops->free(x->f.self);
}

static void step(fix_t *x, bc_msg_t *m)
{
    x->f.ops->step(x->f.self, &x->now, m, &x->out);
    bc_msg_free(m);
}

static bc_msg_t *pop(fix_t *x)
{
    bc_msg_t *m = x->out.head;
    if (m) {
        x->out.head = m->next;
        if (!x->out.head)
            x->out.tail = NULL;
    }
    return m;
}

static bc_msg_t *pop_kind(fix_t *x, bc_msg_kind_t kind)
{
    bc_msg_t *m = pop(x);
    assert_non_null(m);
    assert_string_equal(bc_msg_name(m->kind), bc_msg_name((uint16_t)kind));
    return m;
}

static bc_msg_t *msg(bc_actor_id_t from, bc_msg_kind_t kind, uint16_t module, uint8_t node,
                     const char *data)
{
    bc_msg_t *m = bc_msg_new(from, BC_ACTOR_FRONT, kind);
    m->module = module;
    memset(m->node.b, node, sizeof m->node.b);
    if (data) {
        m->data = bc_buf_copy(bc_cstr(data));
        assert_non_null(m->data);
    }
    return m;
}

static bc_msg_t *frame_in(uint16_t module, const char *uuid, uint16_t ext, const char *payload,
                          uint8_t node)
{
    bc_msg_t *m = msg(BC_ACTOR_HOST, BC_MSG_FRAME_IN, 0, node, NULL);
    bc_front_msg_t fm = { module, ext, bc_cstr(uuid), bc_cstr(payload) };
    m->data = bc_front_msg_encode(&fm);
    assert_non_null(m->data);
    return m;
}

static void bytes_are_those_of_the_specification(void **state)
{
    (void)state;
    bc_front_msg_t fm = { 1000, 0, { 0 }, BC_STR("hi") };
    bc_buf_t *b = bc_front_msg_encode(&fm);
    assert_int_equal(b->n, 7);
    assert_memory_equal(b->p, "\x03\xe8\x00\x00\x00hi", 7);
    bc_buf_unref(b);

    fm = (bc_front_msg_t){ 2001, 1, BC_STR("ab"), { 0 } };
    b = bc_front_msg_encode(&fm);
    assert_int_equal(b->n, 7);
    assert_memory_equal(b->p, "\x07\xd1\x02" "ab" "\x00\x01", 7);
    bc_front_msg_t back;
    assert_int_equal(bc_front_msg_decode(bc_buf_view(b), &back), BC_OK);
    assert_int_equal(back.module, 2001);
    assert_int_equal(back.ext, 1);
    assert_true(bc_bytes_eq(back.uuid, BC_STR("ab")));
    assert_int_equal(back.payload.n, 0);
    for (size_t n = 0; n < b->n; n++)
        assert_int_equal(bc_front_msg_decode(bc_bytes(b->p, n), &back), BC_E_TRUNCATED);
    bc_buf_unref(b);
}

static void modules_go_to_their_owners(void **state)
{
    (void)state;
    static const struct {
        uint16_t module;
        bc_actor_id_t owner;
    } rows[] = {
        { 1000, BC_ACTOR_PBFT },   { 2000, BC_ACTOR_SYNC },   { 2001, BC_ACTOR_TXPOOL },
        { 2002, BC_ACTOR_TXPOOL }, { 5000, BC_ACTOR_TXPOOL }, { 6000, BC_ACTOR_TXPOOL },
    };
    fix_t x = fix_new(0);
    for (size_t i = 0; i < BC_ARRAY_LEN(rows); i++) {
        step(&x, frame_in(rows[i].module, i ? "u-1" : "", 0, "data", 9));
        bc_msg_t *m = pop_kind(&x, BC_MSG_DELIVER);
        assert_int_equal(m->to, rows[i].owner);
        assert_int_equal(m->module, rows[i].module);
        assert_int_equal(m->node.b[5], 9);
        assert_string_equal(m->uuid, i ? "u-1" : "");
        assert_true(bc_bytes_eq(bc_buf_view(m->data), BC_STR("data")));
        bc_msg_free(m);
    }
    step(&x, frame_in(3000, "u", 0, "data", 9));
    assert_null(x.out.head);
    assert_int_equal(bc_front_stats(&x.f).unknown_module, 1);
    fix_free(&x);
}

static void hostile_frames_are_counted_and_dropped(void **state)
{
    (void)state;
    fix_t x = fix_new(0);
    step(&x, msg(BC_ACTOR_HOST, BC_MSG_FRAME_IN, 0, 1, "\x03\xe8\x01"));
    step(&x, frame_in(1000, "0123456789012345678901234567890123456789", 0, "", 1));
    bc_msg_t *m = frame_in(1000, "abc", 0, "", 1);
    m->data->p[4] = 0; /* a NUL inside the uuid */
    step(&x, m);
    assert_null(x.out.head);
    assert_int_equal(bc_front_stats(&x.f).malformed, 3);
    fix_free(&x);
}

static void send_and_broadcast_leave_as_frames(void **state)
{
    (void)state;
    fix_t x = fix_new(0);
    bc_front_msg_t fm;
    step(&x, msg(BC_ACTOR_PBFT, BC_MSG_SEND, 1000, 3, "vote"));
    bc_msg_t *m = pop_kind(&x, BC_MSG_FRAME_OUT);
    assert_int_equal(m->mask, 0);
    assert_int_equal(m->module, 1000);
    assert_int_equal(m->node.b[0], 3);
    assert_int_equal(bc_front_msg_decode(bc_buf_view(m->data), &fm), BC_OK);
    assert_int_equal(fm.uuid.n, 36);
    assert_int_equal(fm.uuid.p[8], '-');
    assert_int_equal(fm.uuid.p[14], '4');
    assert_int_equal(fm.ext, 0);
    assert_true(bc_bytes_eq(fm.payload, BC_STR("vote")));
    bc_msg_free(m);

    bc_msg_t *b = msg(BC_ACTOR_SYNC, BC_MSG_BROADCAST, 2000, 0, "status");
    b->mask = BC_NODE_CONSENSUS | BC_NODE_OBSERVER;
    step(&x, b);
    m = pop_kind(&x, BC_MSG_FRAME_OUT);
    assert_int_equal(m->mask, 6);
    assert_int_equal(bc_front_msg_decode(bc_buf_view(m->data), &fm), BC_OK);
    assert_int_equal(fm.uuid.n, 0);
    bc_msg_free(m);

    b = msg(BC_ACTOR_SYNC, BC_MSG_REPLY, 2000, 4, "answer");
    strcpy(b->uuid, "u-77");
    step(&x, b);
    m = pop_kind(&x, BC_MSG_FRAME_OUT);
    assert_int_equal(bc_front_msg_decode(bc_buf_view(m->data), &fm), BC_OK);
    assert_int_equal(fm.ext, 1);
    assert_true(bc_bytes_eq(fm.uuid, BC_STR("u-77")));
    bc_msg_free(m);
    fix_free(&x);
}

/* A request; the ms for which the timer is set now, -1: it is not. */
static int64_t asked(fix_t *x, uint64_t token, int64_t ms, uint8_t node, char uuid[40])
{
    bc_msg_t *m = msg(BC_ACTOR_TXPOOL, BC_MSG_REQUEST, 2002, node, "want");
    bc_front_msg_t fm;
    int64_t set = -1;
    m->token = token;
    m->number2 = ms;
    step(x, m);
    m = pop_kind(x, BC_MSG_FRAME_OUT);
    assert_int_equal(bc_front_msg_decode(bc_buf_view(m->data), &fm), BC_OK);
    memcpy(uuid, fm.uuid.p, 36);
    uuid[36] = 0;
    bc_msg_free(m);
    if (x->out.head) {
        m = pop_kind(x, BC_MSG_TIMER_SET);
        assert_int_equal(m->number, 0);
        set = m->number2;
        bc_msg_free(m);
    }
    return set;
}

static void responses_match_by_uuid_whatever_the_module(void **state)
{
    (void)state;
    fix_t x = fix_new(0);
    char u1[40], u2[40];
    asked(&x, 11, 500, 3, u1);
    asked(&x, 12, 500, 4, u2);
    assert_string_not_equal(u1, u2);
    step(&x, frame_in(2001, u2, 1, "two", 4)); /* module of the answer differs */
    bc_msg_t *m = pop_kind(&x, BC_MSG_RESPONSE);
    assert_int_equal(m->to, BC_ACTOR_TXPOOL);
    assert_int_equal(m->token, 12);
    assert_int_equal(m->err, BC_OK);
    assert_true(bc_bytes_eq(bc_buf_view(m->data), BC_STR("two")));
    bc_msg_free(m);
    step(&x, frame_in(2001, u2, 1, "again", 4));   /* once only */
    step(&x, frame_in(2001, u1, 1, "foreign", 4)); /* not the node that was asked */
    assert_null(x.out.head);
    assert_int_equal(bc_front_stats(&x.f).unknown_uuid, 2);
    step(&x, frame_in(2002, u1, 1, "one", 3));
    m = pop_kind(&x, BC_MSG_RESPONSE);
    assert_int_equal(m->token, 11);
    bc_msg_free(m);
    fix_free(&x);
}

static void unanswered_requests_time_out_in_order(void **state)
{
    (void)state;
    fix_t x = fix_new(0);
    char u[40];
    int64_t start = x.now.mono_ms;
    for (uint64_t i = 0; i < 50; i++)
        asked(&x, i, (int64_t)(1 + (i * 37) % 50) * 10, 3, u);
    int64_t last = -1, seen = 0;
    for (int64_t t = 0; t <= 500; t += 10) {
        x.now.mono_ms = start + t;
        step(&x, msg(BC_ACTOR_HOST, BC_MSG_TIMER, 0, 0, NULL));
        for (bc_msg_t *m; (m = pop(&x));) {
            if (m->kind == BC_MSG_RESPONSE) {
                int64_t due = (int64_t)(1 + (m->token * 37) % 50) * 10;
                assert_int_equal(m->err, BC_E_TIMEOUT);
                assert_int_equal(due, t);
                assert_true(due > last);
                last = due;
                seen++;
            } else {
                assert_int_equal(m->kind, BC_MSG_TIMER_SET);
                assert_int_equal(m->number2, 10);
            }
            bc_msg_free(m);
        }
    }
    assert_int_equal(seen, 50);
    assert_int_equal(bc_front_stats(&x.f).pending, 0);
    fix_free(&x);
}

static void requests_are_bounded_and_know_the_peers(void **state)
{
    (void)state;
    fix_t x = fix_new(2);
    char u[40];
    asked(&x, 1, 0, 3, u);
    asked(&x, 2, 100, 4, u);
    bc_msg_t *m = msg(BC_ACTOR_SYNC, BC_MSG_REQUEST, 2000, 4, "x");
    m->token = 3;
    step(&x, m);
    m = pop_kind(&x, BC_MSG_RESPONSE);
    assert_int_equal(m->err, BC_E_FULL);
    assert_int_equal(m->token, 3);
    bc_msg_free(m);

    bc_nodeid_t four;
    memset(four.b, 4, 64);
    m = msg(BC_ACTOR_HOST, BC_MSG_PEERS, 0, 0, NULL);
    m->data = bc_buf_copy(BC_VIEW(four));
    step(&x, m);
    m = pop_kind(&x, BC_MSG_RESPONSE); /* node 3 is gone */
    assert_int_equal(m->token, 1);
    assert_int_equal(m->err, BC_E_CLOSED);
    bc_msg_free(m);
    m = msg(BC_ACTOR_SYNC, BC_MSG_REQUEST, 2000, 3, "x");
    m->token = 5;
    step(&x, m);
    m = pop_kind(&x, BC_MSG_RESPONSE);
    assert_int_equal(m->err, BC_E_NOT_FOUND);
    bc_msg_free(m);
    assert_int_equal(bc_front_stats(&x.f).pending, 1);
    fix_free(&x);
}

/* The host's timer fires: how many requests end now; *set as above. */
static size_t fires(fix_t *x, int64_t after, int64_t *set)
{
    size_t ended = 0;
    *set = -1;
    x->now.mono_ms += after;
    step(x, msg(BC_ACTOR_HOST, BC_MSG_TIMER, 0, 0, NULL));
    for (bc_msg_t *m; (m = pop(x)); bc_msg_free(m)) {
        if (m->kind == BC_MSG_TIMER_SET)
            *set = m->number2;
        else
            ended += m->kind == BC_MSG_RESPONSE && m->err == BC_E_TIMEOUT;
    }
    return ended;
}

/* One timer for all, set for the first that is due, and anew when one comes that is due before. */
static void the_timer_is_that_of_the_first_due(void **state)
{
    (void)state;
    fix_t x = fix_new(0);
    char u[4][40];
    int64_t set;
    assert_int_equal(asked(&x, 1, 500, 3, u[0]), 500);
    assert_int_equal(asked(&x, 2, 500, 3, u[1]), -1);
    assert_int_equal(asked(&x, 3, 700, 3, u[2]), -1);
    assert_int_equal(asked(&x, 4, 100, 3, u[3]), 100);
    assert_int_equal(fires(&x, 99, &set), 0);
    assert_int_equal(set, 1);
    assert_int_equal(fires(&x, 1, &set), 1);
    assert_int_equal(set, 400);
    step(&x, frame_in(2002, u[0], 1, "answer", 3));
    bc_msg_free(pop_kind(&x, BC_MSG_RESPONSE));
    assert_int_equal(fires(&x, 400, &set), 1);
    assert_int_equal(set, 200);
    step(&x, frame_in(2002, u[2], 1, "answer", 3));
    bc_msg_free(pop_kind(&x, BC_MSG_RESPONSE));
    assert_int_equal(fires(&x, 200, &set), 0);
    assert_int_equal(set, -1); /* nothing is open */
    assert_int_equal(asked(&x, 5, 50, 3, u[0]), 50);
    assert_int_equal(bc_front_stats(&x.f).timeouts, 2);
    fix_free(&x);
}

/* Some are answered, in any order: the others end in theirs, none late. */
static void answers_do_not_disturb_the_order(void **state)
{
    (void)state;
    enum { CNT = 40 };
    for (uint64_t seed = 1; seed <= 40; seed++) {
        fix_t x = fix_new(0);
        char u[CNT][40];
        int64_t due[CNT], start = x.now.mono_ms;
        bool open[CNT];
        uint64_t draw = seed;
        for (uint64_t i = 0; i < CNT; i++) {
            draw = draw * 6364136223846793005u + 1442695040888963407u;
            due[i] = 1 + (int64_t)(draw >> 33) % 200;
            open[i] = true;
            asked(&x, i, due[i], 3, u[i]);
        }
        for (int k = 0; k < CNT / 2; k++) {
            draw = draw * 6364136223846793005u + 1442695040888963407u;
            size_t i = (draw >> 33) % CNT;
            if (!open[i])
                continue;
            step(&x, frame_in(2002, u[i], 1, "answer", 3));
            bc_msg_t *m = pop_kind(&x, BC_MSG_RESPONSE);
            assert_int_equal(m->token, i);
            bc_msg_free(m);
            open[i] = false;
        }
        for (int64_t t = 1; t <= 200; t++) {
            x.now.mono_ms = start + t;
            step(&x, msg(BC_ACTOR_HOST, BC_MSG_TIMER, 0, 0, NULL));
            for (bc_msg_t *m; (m = pop(&x)); bc_msg_free(m))
                if (m->kind == BC_MSG_RESPONSE) {
                    assert_true(open[m->token]);
                    assert_int_equal(due[m->token], t);
                    open[m->token] = false;
                }
        }
        for (size_t i = 0; i < CNT; i++)
            assert_false(open[i]);
        fix_free(&x);
    }
}

/* None lasts for ever. */
static void requests_without_a_sensible_time_out_get_one(void **state)
{
    (void)state;
    static const int64_t ms[] = { 0, -1, INT64_MAX, INT64_MIN, BC_FRONT_TIMEOUT_MAX_MS + 1 };
    for (size_t i = 0; i < BC_ARRAY_LEN(ms); i++) {
        fix_t x = fix_new(0);
        char u[40];
        assert_int_equal(asked(&x, 1, ms[i], 3, u), BC_FRONT_TIMEOUT_MAX_MS);
        assert_int_equal(asked(&x, 2, 1, 3, u), 1);
        fix_free(&x);
    }
}

static void peers(fix_t *x, const char *nodes)
{
    size_t n = strlen(nodes);
    bc_msg_t *m = msg(BC_ACTOR_HOST, BC_MSG_PEERS, 0, 0, NULL);
    m->data = bc_buf_new(64 * n);
    for (size_t i = 0; i < n; i++)
        memset(m->data->p + 64 * i, nodes[i], 64);
    step(x, m);
}

/* Whatever the order in which they are named; who asked a node that goes hears of it at once. */
static void requests_end_with_their_node(void **state)
{
    (void)state;
    fix_t x = fix_new(0);
    char u[40];
    peers(&x, "dbeac");
    for (uint8_t node = 'a'; node <= 'e'; node++)
        for (uint64_t i = 0; i < 3; i++)
            asked(&x, (uint64_t)node * 10 + i, 100 + (int64_t)i, node, u);
    peers(&x, "eca");
    size_t ended = 0;
    for (bc_msg_t *m; (m = pop(&x)); bc_msg_free(m), ended++) {
        assert_int_equal(m->kind, BC_MSG_RESPONSE);
        assert_int_equal(m->err, BC_E_CLOSED);
        assert_true(m->token / 10 == 'b' || m->token / 10 == 'd');
    }
    assert_int_equal(ended, 6);
    peers(&x, "");
    for (ended = 0; x.out.head; ended++)
        bc_msg_free(pop_kind(&x, BC_MSG_RESPONSE));
    assert_int_equal(ended, 9);
    assert_int_equal(bc_front_stats(&x.f).pending, 0);
    fix_free(&x);
}

/* To nobody, or to no question. */
static void what_has_no_receiver_does_not_leave(void **state)
{
    (void)state;
    fix_t x = fix_new(0);
    step(&x, msg(BC_ACTOR_SYNC, BC_MSG_BROADCAST, 2000, 0, "status"));
    step(&x, msg(BC_ACTOR_SYNC, BC_MSG_REPLY, 2000, 4, "answer"));
    assert_null(x.out.head);
    bc_msg_t *m = msg(BC_ACTOR_SYNC, BC_MSG_REPLY, 2000, 4, NULL); /* an empty answer is one */
    strcpy(m->uuid, "u-77");
    step(&x, m);
    m = pop_kind(&x, BC_MSG_FRAME_OUT);
    assert_int_equal(m->module, 2000);
    assert_int_equal(m->node.b[63], 4);
    bc_msg_free(m);
    fix_free(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_those_of_the_specification),
        cmocka_unit_test(modules_go_to_their_owners),
        cmocka_unit_test(hostile_frames_are_counted_and_dropped),
        cmocka_unit_test(send_and_broadcast_leave_as_frames),
        cmocka_unit_test(responses_match_by_uuid_whatever_the_module),
        cmocka_unit_test(unanswered_requests_time_out_in_order),
        cmocka_unit_test(requests_are_bounded_and_know_the_peers),
        cmocka_unit_test(the_timer_is_that_of_the_first_due),
        cmocka_unit_test(answers_do_not_disturb_the_order),
        cmocka_unit_test(requests_without_a_sensible_time_out_get_one),
        cmocka_unit_test(requests_end_with_their_node),
        cmocka_unit_test(what_has_no_receiver_does_not_leave),
    };
    return cmocka_run_group_tests_name("front", tests, NULL, NULL);
}
