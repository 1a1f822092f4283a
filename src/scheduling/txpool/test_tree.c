/* Transactions by the tree: pools of a whole group, each stepped by hand. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>
#include "iface/test_actor.h"
#include "scheduling/txpool/txpool_impl.h"

enum { POOLS_MAX = 40 };

typedef struct {
    size_t cnt, sealers; /* the first ones are sealers, in the order of their ids */
    bc_actor_if pool[POOLS_MAX];
    bool away[POOLS_MAX];
    bc_out_t out; /* of the pool that was stepped last */
    bc_now_t now;
    bc_ledger_config_t *config;
    bc_keypair_t key;
    size_t sent; /* messages of module 6000 */
} group_t;

static bc_nodeid_t id_of(size_t i)
{
    bc_nodeid_t id = { 0 };
    id.b[0] = (uint8_t)(i + 1);
    return id;
}

static void step(group_t *g, size_t i, bc_msg_t *m)
{
    g->out.from = BC_ACTOR_TXPOOL;
    g->pool[i].ops->step(g->pool[i].self, &g->now, m, &g->out);
    bc_msg_free(m);
}

static void deliver(group_t *g, size_t from, size_t to, uint16_t module, bc_buf_t *data);

/* Recovers what the pool asks for, and carries its messages to other pools. */
static void follow(group_t *g, size_t i)
{
    bc_out_t mine = g->out;
    g->out = (bc_out_t){ 0 };
    for (bc_msg_t *m; (m = bc_test_take(&mine, BC_MSG_RECOVER)); bc_msg_free(m)) {
        bc_msg_t *done = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_TXPOOL, BC_MSG_RECOVERED);
        done->txs = bc_txs_ref(m->txs);
        for (size_t k = 0; k < m->txs->cnt; k++)
            (void)!bc_tx_recover(m->txs->v[k]);
        step(g, i, done);
        follow(g, i);
    }
    for (bc_msg_t *m; (m = bc_test_take(&mine, BC_MSG_SEND)); bc_msg_free(m)) {
        assert_int_equal(m->module, BC_MODULE_TREE_PUSH_TX);
        size_t to = (size_t)m->node.b[0] - 1;
        assert_true(to < g->sealers && to != i && !g->away[to]);
        g->sent++;
        deliver(g, i, to, m->module, m->data);
    }
    bc_test_drop_all(&mine);
}

static void deliver(group_t *g, size_t from, size_t to, uint16_t module, bc_buf_t *data)
{
    bc_msg_t *m = bc_msg_new(BC_ACTOR_FRONT, BC_ACTOR_TXPOOL, BC_MSG_DELIVER);
    m->module = module;
    m->node = id_of(from);
    m->data = bc_buf_ref(data);
    step(g, to, m);
    follow(g, to);
}

/* Tells every pool who is connected; old: one of them does not know the tree. */
static void connect_all(group_t *g, bool old)
{
    for (size_t i = 0; i < g->cnt; i++) {
        bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_TXPOOL, BC_MSG_PEERS);
        m->data = bc_buf_new(64 * g->cnt);
        size_t n = 0;
        for (size_t k = 0; k < g->cnt; k++) {
            bc_nodeid_t id = id_of(k);
            if (k != i && !g->away[k])
                memcpy(m->data->p + 64 * n++, id.b, 64);
        }
        m->data->n = 64 * n;
        m->flag = old;
        step(g, i, m);
        bc_test_drop_all(&g->out);
    }
}

static group_t group_new(size_t sealers, size_t observers, bool by_tree, size_t limit)
{
    group_t g = { .cnt = sealers + observers, .sealers = sealers, .now = { 5000, 1700000000000 } };
    uint8_t secret[32] = { [31] = 7 };
    assert_int_equal(bc_keypair_from_secret(BC_SUITE_STANDARD, secret, &g.key), BC_OK);
    bc_ledger_config_t *c = g.config = bc_xcalloc(1, sizeof *c);
    atomic_init(&c->refs, 1);
    c->number = 100;
    c->tx_count_limit = 1000;
    bc_node_entry_t *v = bc_arena_alloc(&c->arena, g.cnt * sizeof *v);
    for (size_t i = 0; i < g.cnt; i++)
        v[i] = (bc_node_entry_t){ .id = id_of(i), .vote_weight = 1 };
    c->sealers = v;
    c->sealer_cnt = sealers;
    c->observers = v + sealers;
    c->observer_cnt = observers;
    for (size_t i = 0; i < g.cnt; i++) {
        bc_txpool_config_t pc = { .suite = BC_SUITE_STANDARD,
                                  .chain_id = "chain0",
                                  .group_id = "group0",
                                  .self = id_of(i),
                                  .by_tree = by_tree,
                                  .limit = limit,
                                  .seed = i };
        g.pool[i] = bc_txpool_new(&pc);
        bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_TXPOOL, BC_MSG_START);
        m->config = bc_ledger_config_ref(c);
        step(&g, i, m);
    }
    connect_all(&g, false);
    return g;
}

static void group_free(group_t *g)
{
    bc_test_drop_all(&g->out);
    for (size_t i = 0; i < g->cnt; i++)
        g->pool[i].ops->free(g->pool[i].self);
    bc_ledger_config_unref(g->config);
}

static bc_tx_t *make(const group_t *g, const char *nonce, const char *chain)
{
    bc_tx_data_t d = { .chain_id = bc_cstr(chain),
                       .group_id = BC_STR("group0"),
                       .block_limit = 200,
                       .nonce = bc_cstr(nonce),
                       .input = BC_STR("in") };
    bc_tx_t *tx;
    assert_int_equal(bc_tx_make(BC_SUITE_STANDARD, &d, 0, (bc_bytes_t){ 0 }, &g->key, &tx), BC_OK);
    tx->sender_known = false;
    return tx;
}

static void submit(group_t *g, size_t i, const char *nonce)
{
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_TXPOOL, BC_MSG_SUBMIT);
    m->txs = bc_txs_new(1);
    m->txs->v[0] = make(g, nonce, "chain0");
    step(g, i, m);
}

static size_t holders(group_t *g, size_t want)
{
    size_t cnt = 0;
    for (size_t i = 0; i < g->sealers; i++) {
        bc_txpool_stats_t st;
        bc_txpool_stats(g->pool[i], &st);
        cnt += st.unsealed == want;
    }
    return cnt;
}

static void every_sealer_gets_every_transaction(void **state)
{
    (void)state;
    static const size_t sizes[] = { 1, 2, 4, 13, 14, 31, 37 };
    for (size_t s = 0; s < BC_ARRAY_LEN(sizes); s++) {
        group_t g = group_new(sizes[s], 2, true, 0);
        char nonce[2] = "a";
        for (size_t i = 0; i < g.cnt; i++, nonce[0]++) { /* each node has a client, observers too */
            submit(&g, i, nonce);
            follow(&g, i);
            bool observer = i >= g.sealers;
            size_t sent = g.sent;
            g.sent = 0;
            assert_true(sent >= g.sealers - !observer && sent <= 2 * g.sealers);
        }
        assert_int_equal(holders(&g, g.cnt), g.sealers);
        group_free(&g);
    }
}

static void those_away_are_stepped_over(void **state)
{
    (void)state;
    group_t g = group_new(13, 1, true, 0);
    g.away[1] = g.away[2] = g.away[5] = g.away[6] = true;
    connect_all(&g, false);
    submit(&g, 0, "a");
    follow(&g, 0);
    submit(&g, 13, "b");
    follow(&g, 13);
    assert_int_equal(holders(&g, 2), 9);
    group_free(&g);
}

static void old_nodes_are_told_directly(void **state)
{
    (void)state;
    for (int tree = 0; tree < 2; tree++) {
        group_t g = group_new(4, 0, tree, 0);
        if (tree)
            connect_all(&g, true);
        submit(&g, 0, "a");
        bc_msg_t *m = bc_test_take(&g.out, BC_MSG_RECOVER), *done;
        assert_non_null(m);
        done = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_TXPOOL, BC_MSG_RECOVERED);
        done->txs = bc_txs_ref(m->txs);
        assert_int_equal(bc_tx_recover(done->txs->v[0]), BC_OK);
        bc_msg_free(m);
        step(&g, 0, done);
        m = bc_test_take(&g.out, BC_MSG_BROADCAST);
        assert_non_null(m);
        assert_int_equal(m->module, BC_MODULE_SYNC_PUSH_TX);
        assert_int_equal(m->mask, BC_NODE_CONSENSUS);
        bc_msg_free(m);
        assert_null(bc_test_take(&g.out, BC_MSG_SEND));
        group_free(&g);
    }
}

static size_t relayed(group_t *g, size_t from, uint16_t module, bc_tx_t *tx)
{
    bc_msg_t *m = bc_msg_new(BC_ACTOR_FRONT, BC_ACTOR_TXPOOL, BC_MSG_DELIVER);
    m->module = module;
    m->node = id_of(from);
    m->data = bc_buf_ref(tx->raw);
    step(g, 1, m);
    size_t cnt = 0;
    for (; (m = bc_test_take(&g->out, BC_MSG_SEND)); bc_msg_free(m))
        cnt++;
    bc_test_drop_all(&g->out);
    return cnt;
}

/* A node that is told directly itself still relays: its sender counts on it. */
static void what_is_relayed(void **state)
{
    (void)state;
    group_t g = group_new(13, 1, false, 2);
    bc_tx_t *good = make(&g, "a", "chain0"), *other = make(&g, "b", "chain1");
    bc_tx_t *second = make(&g, "c", "chain0"), *third = make(&g, "d", "chain0");
    assert_int_equal(relayed(&g, 0, BC_MODULE_SYNC_PUSH_TX, good), 0);
    assert_int_equal(relayed(&g, 0, BC_MODULE_TREE_PUSH_TX, good), 3);
    assert_int_equal(relayed(&g, 0, BC_MODULE_TREE_PUSH_TX, other), 0);   /* another chain's */
    assert_int_equal(relayed(&g, 20, BC_MODULE_TREE_PUSH_TX, second), 0); /* of no member */
    assert_int_equal(relayed(&g, 13, BC_MODULE_TREE_PUSH_TX, second), 3); /* of an observer */
    assert_int_equal(relayed(&g, 0, BC_MODULE_TREE_PUSH_TX, third), 3);   /* this pool is full */
    size_t cnt = 0;
    for (int i = 0; i < 100; i++)
        cnt += relayed(&g, 0, BC_MODULE_TREE_PUSH_TX, good);
    assert_int_equal(cnt, 3 * (RELAYS_MAX - 1)); /* nothing goes in circles */
    bc_tx_unref(good);
    bc_tx_unref(other);
    bc_tx_unref(second);
    bc_tx_unref(third);
    group_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sealer_gets_every_transaction),
        cmocka_unit_test(those_away_are_stepped_over),
        cmocka_unit_test(old_nodes_are_told_directly),
        cmocka_unit_test(what_is_relayed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
