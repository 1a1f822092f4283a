#include "storage/kv_suite/kv_suite.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static bc_kv_suite_open_fn suite_open;
static void *suite_ctx;

static int setup(void **state)
{
    bc_kv_if *kv = bc_xcalloc(1, sizeof *kv);
    *kv = suite_open(suite_ctx);
    *state = kv;
    return kv->ops ? 0 : -1;
}

static int teardown(void **state)
{
    bc_kv_if *kv = *state;
    kv->ops->close(kv->self);
    free(kv);
    return 0;
}

static void put(bc_kv_if kv, bc_bytes_t k, bc_bytes_t v)
{
    bc_kv_change_t c = { k, v, false };
    assert_int_equal(kv.ops->write(kv.self, &c, 1, false), BC_OK);
}

static void expect(bc_kv_if kv, bc_bytes_t k, const bc_bytes_t *v)
{
    bc_wr_t w = { 0 };
    bc_wr_u8(&w, 'x'); /* get appends */
    bc_err_t err = kv.ops->get(kv.self, k, &w);
    if (!v) {
        assert_int_equal(err, BC_E_NOT_FOUND);
        assert_int_equal(w.n, 1);
    } else {
        assert_int_equal(err, BC_OK);
        assert_int_equal(w.n, v->n + 1);
        assert_true(bc_bytes_eq(bc_bytes(w.p + 1, w.n - 1), *v));
    }
    bc_wr_free(&w);
}
#define EXPECT(kv, k, v) expect(kv, k, &(bc_bytes_t){ (v).p, (v).n })

static void rows_are_read_back_as_written(void **state)
{
    bc_kv_if kv = *(bc_kv_if *)*state;
    static const uint8_t bin[] = { 't', ':', 0, 255, ':', 0 };
    expect(kv, BC_STR("t:a"), NULL);
    put(kv, BC_STR("t:a"), BC_STR("one"));
    put(kv, bc_bytes(bin, sizeof bin), bc_bytes(bin, sizeof bin));
    put(kv, BC_STR("t:empty"), BC_STR(""));
    EXPECT(kv, BC_STR("t:a"), BC_STR("one"));
    EXPECT(kv, bc_bytes(bin, sizeof bin), bc_bytes(bin, sizeof bin));
    EXPECT(kv, BC_STR("t:empty"), BC_STR(""));
    expect(kv, BC_STR("t:"), NULL);
    expect(kv, BC_STR("t:aa"), NULL);
    put(kv, BC_STR("t:a"), BC_STR("two"));
    EXPECT(kv, BC_STR("t:a"), BC_STR("two"));
}

static void later_changes_of_a_batch_win(void **state)
{
    bc_kv_if kv = *(bc_kv_if *)*state;
    put(kv, BC_STR("k1"), BC_STR("old"));
    const bc_kv_change_t v[] = {
        { BC_STR("k1"), BC_STR("new"), false }, { BC_STR("k2"), BC_STR("x"), false },
        { BC_STR("k1"), BC_STR(""), true },     { BC_STR("k2"), BC_STR("y"), false },
        { BC_STR("k3"), BC_STR(""), true },     { BC_STR("k3"), BC_STR("z"), false },
        { BC_STR("k4"), BC_STR(""), true },
    };
    assert_int_equal(kv.ops->write(kv.self, v, BC_ARRAY_LEN(v), true), BC_OK);
    expect(kv, BC_STR("k1"), NULL);
    EXPECT(kv, BC_STR("k2"), BC_STR("y"));
    EXPECT(kv, BC_STR("k3"), BC_STR("z"));
    expect(kv, BC_STR("k4"), NULL);
    assert_int_equal(kv.ops->write(kv.self, NULL, 0, false), BC_OK);
}

typedef struct {
    bc_wr_t w;
    size_t max;
    size_t cnt;
} seen_t;

static bool see(void *ctx, bc_bytes_t key, bc_bytes_t value)
{
    seen_t *s = ctx;
    bc_wr_put(&s->w, key);
    bc_wr_u8(&s->w, '=');
    bc_wr_put(&s->w, value);
    bc_wr_u8(&s->w, ' ');
    return ++s->cnt < s->max;
}

static void expect_scan(bc_kv_if kv, const char *prefix, const char *from, size_t max,
                        const char *want)
{
    seen_t s = { .max = max };
    assert_int_equal(kv.ops->scan(kv.self, bc_cstr(prefix), bc_cstr(from), see, &s), BC_OK);
    bc_wr_u8(&s.w, 0);
    assert_string_equal((char *)s.w.p, want);
    bc_wr_free(&s.w);
}

static void scan_gives_the_prefix_in_byte_order(void **state)
{
    bc_kv_if kv = *(bc_kv_if *)*state;
    const char *keys[] = { "t:b", "s:z", "t:a", "t:ab", "tt:a", "t:c", "u:a", "t", "t:\xff" };
    for (size_t i = 0; i < BC_ARRAY_LEN(keys); i++)
        put(kv, bc_cstr(keys[i]), bc_cstr(keys[i]));
    bc_kv_change_t del = { BC_STR("t:c"), { 0 }, true };
    assert_int_equal(kv.ops->write(kv.self, &del, 1, false), BC_OK);
    expect_scan(kv, "t:", "t:", 99, "t:a=t:a t:ab=t:ab t:b=t:b t:\xff=t:\xff ");
    expect_scan(kv, "t:", "t:ab", 99, "t:ab=t:ab t:b=t:b t:\xff=t:\xff ");
    expect_scan(kv, "t:", "t:aa", 2, "t:ab=t:ab t:b=t:b ");
    expect_scan(kv, "t:", "", 1, "t:a=t:a ");
    expect_scan(kv, "t:", "u", 99, "");
    expect_scan(kv, "x", "", 99, "");
    expect_scan(kv, "", "t:b", 2, "t:b=t:b t:\xff=t:\xff ");
    /* a prefix of 0xff bytes has no successor */
    put(kv, BC_STR("\xff\xff"), BC_STR("1"));
    put(kv, BC_STR("\xff\xff\x01"), BC_STR("2"));
    expect_scan(kv, "\xff\xff", "", 99, "\xff\xff=1 \xff\xff\x01=2 ");
}

static void a_snapshot_does_not_move(void **state)
{
    bc_kv_if kv = *(bc_kv_if *)*state;
    if (!kv.ops->snapshot)
        skip();
    put(kv, BC_STR("t:a"), BC_STR("1"));
    put(kv, BC_STR("t:b"), BC_STR("1"));
    bc_kv_if snap;
    assert_int_equal(kv.ops->snapshot(kv.self, &snap), BC_OK);
    const bc_kv_change_t v[] = { { BC_STR("t:a"), BC_STR("2"), false },
                                 { BC_STR("t:b"), { 0 }, true },
                                 { BC_STR("t:c"), BC_STR("2"), false } };
    assert_int_equal(kv.ops->write(kv.self, v, 3, false), BC_OK);
    EXPECT(snap, BC_STR("t:a"), BC_STR("1"));
    expect_scan(snap, "t:", "", 99, "t:a=1 t:b=1 ");
    expect_scan(kv, "t:", "", 99, "t:a=2 t:c=2 ");
    assert_int_equal(snap.ops->write(snap.self, v, 1, false), BC_E_ARG);
    snap.ops->close(snap.self);
}

/* Compares with a plain table of what was written. */
static void many_random_writes_match_a_model(void **state)
{
    bc_kv_if kv = *(bc_kv_if *)*state;
    enum { KEYS = 300, ROUNDS = 400, BATCH = 20 };
    uint32_t model[KEYS] = { 0 }; /* 0: absent */
    uint32_t seed = 12345;
    for (uint32_t r = 1; r <= ROUNDS; r++) {
        bc_kv_change_t v[BATCH];
        char text[BATCH][2][16];
        for (size_t i = 0; i < BATCH; i++) {
            seed = seed * 1664525 + 1013904223;
            uint32_t k = (seed >> 8) % KEYS;
            bool del = (seed >> 28) % 4 == 0;
            uint32_t val = r * 100 + (uint32_t)i;
            snprintf(text[i][0], 16, "m:%u", k);
            snprintf(text[i][1], 16, "%u", val);
            v[i] = (bc_kv_change_t){ bc_cstr(text[i][0]), bc_cstr(text[i][1]), del };
            model[k] = del ? 0 : val;
        }
        assert_int_equal(kv.ops->write(kv.self, v, BATCH, false), BC_OK);
    }
    size_t live = 0;
    for (uint32_t k = 0; k < KEYS; k++) {
        char key[16], val[16];
        snprintf(key, sizeof key, "m:%u", k);
        snprintf(val, sizeof val, "%u", model[k]);
        if (model[k]) {
            EXPECT(kv, bc_cstr(key), bc_cstr(val));
            live++;
        } else {
            expect(kv, bc_cstr(key), NULL);
        }
    }
    seen_t s = { .max = SIZE_MAX };
    assert_int_equal(kv.ops->scan(kv.self, BC_STR("m:"), BC_STR(""), see, &s), BC_OK);
    assert_int_equal(s.cnt, live);
    bc_wr_free(&s.w);
}

typedef struct {
    bc_kv_if kv;
    atomic_bool stop;
    atomic_size_t torn;
} pair_t;

/* Two rows are always written together; a snapshot or scan must never see them differ. */
static void *pair_reader(void *arg)
{
    pair_t *p = arg;
    while (!atomic_load(&p->stop)) {
        seen_t s = { .max = 2 };
        if (p->kv.ops->scan(p->kv.self, BC_STR("p:"), BC_STR(""), see, &s) != BC_OK ||
            s.w.n % 2 || memcmp(s.w.p + 4, s.w.p + s.w.n / 2 + 4, s.w.n / 2 - 4) != 0)
            atomic_fetch_add(&p->torn, 1);
        bc_wr_free(&s.w);
    }
    return NULL;
}

static void batches_are_whole_for_other_threads(void **state)
{
    pair_t p = { .kv = *(bc_kv_if *)*state };
    pthread_t t[2];
    for (int i = 0; i <= 2000; i++) {
        char val[16];
        snprintf(val, sizeof val, "%06d", i);
        const bc_kv_change_t v[] = { { BC_STR("p:a"), bc_cstr(val), false },
                                     { BC_STR("p:b"), bc_cstr(val), false } };
        assert_int_equal(p.kv.ops->write(p.kv.self, v, 2, false), BC_OK);
        for (int j = 0; j < 2 && i == 0; j++)
            assert_int_equal(pthread_create(&t[j], NULL, pair_reader, &p), 0);
    }
    atomic_store(&p.stop, true);
    for (int j = 0; j < 2; j++)
        pthread_join(t[j], NULL);
    assert_int_equal(atomic_load(&p.torn), 0);
}

int bc_kv_suite_run(const char *name, bc_kv_suite_open_fn open, void *ctx)
{
    suite_open = open;
    suite_ctx = ctx;
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest kv_cases[] = {
        CASE(rows_are_read_back_as_written),
        CASE(later_changes_of_a_batch_win),
        CASE(scan_gives_the_prefix_in_byte_order),
        CASE(a_snapshot_does_not_move),
        CASE(many_random_writes_match_a_model),
        CASE(batches_are_whole_for_other_threads),
    };
    return cmocka_run_group_tests_name(name, kv_cases, NULL, NULL);
}
