/* Random schedules. */
#include <inttypes.h>
#include "scheduling/txpool/txpool.h"
#include "sim_impl.h"

/* HEAL_MS: for each bad node, since several bad leaders, and blocks of theirs that some are bound to,
 * spoil many views of up to 15 s in a row. */
enum { FAULT_MS = 40000, HEAL_MS = 400000, DRAIN_MS = 200000 };

void sim_options_from_seed(uint64_t seed, int nodes, unsigned faults, sim_options_t *o)
{
    static const int sizes[] = { 4, 4, 4, 4, 7, 5,  4, 6, 4, 4, 4, 3,  4, 8,
                                 4, 5, 4, 4, 4, 10, 4, 7, 4, 1, 4, 13, 4 };
    *o = (sim_options_t){ .seed = seed };
    o->sealers = nodes ? nodes : sizes[seed % BC_ARRAY_LEN(sizes)];
    o->observers = seed % 3 == 0 ? 1 + seed / 3 % 2 : 0;
    o->real_crypto = seed % 10 == 7;
    o->leader_period = seed % 5 == 2 ? 3 : 1;
    o->tx_count_limit = seed % 4 == 1 ? 5 : 1000;
    o->delay_ms = 5 + (int64_t)(seed % 7) * 15;
    o->membership = faults & SIM_FAULT_MEMBERS && seed % 3 != 1;
    o->byzantine = faults & SIM_FAULT_BYZ && seed % 4 != 0;
    o->disk_ms = (int64_t)(seed % 4) * 4;
    o->skew_ms = faults & SIM_FAULT_SKEW && seed % 2 ? 20000 : 0;
    if (seed % 11 == 5 && o->sealers >= 4) /* unequal from the start */
        o->weights[0] = o->weights[1] = o->weights[2] = 2;
}

static event_t *world_at(sim_t *s, int64_t delay, int node, void (*fn)(sim_t *, event_t *))
{
    event_t *e = sim_at(s, delay, node, fn);
    e->epoch = 0; /* whatever becomes of the node */
    return e;
}

static void traffic(sim_t *s, event_t *e)
{
    (void)e;
    int node = (int)sim_random(s, (uint64_t)s->cnt);
    /* Votes are to be under way when the list changes. Alone, not only in a row: every other one is
     * no system transaction by the chain's rule, and after a block of such nobody waits. */
    bool system = sim_random(s, s->o.membership ? 6 : 12) == 0;
    sim_submit(s, node, system && sim_random(s, 2) ? 1 : 1 + (int)sim_random(s, 6), system);
    if (sim_random(s, 6) == 0) {
        int other = (int)sim_random(s, (uint64_t)s->cnt);
        sim_submit_rivals(s, node, other, sim_random(s, 2));
    }
    if (s->now < FAULT_MS)
        world_at(s, (int64_t)sim_random(s, 1200), 0, traffic);
}

static void back_up(sim_t *s, event_t *e)
{
    sim_start(s, e->node);
}

static void one_together(sim_t *s, event_t *e)
{
    (void)e;
    if (s->group)
        sim_partition(s, 0);
}

static void hears_again(sim_t *s, event_t *e)
{
    if (s->deaf[e->node])
        sim_deafen(s, e->node, 0);
}

static void misses_nothing(sim_t *s, event_t *e)
{
    if (s->misses[e->node])
        sim_miss(s, e->node, 0);
}

static void disk_well(sim_t *s, event_t *e)
{
    s->nodes[e->node].disk_ms = s->o.disk_ms;
}

static void crash_some(sim_t *s)
{
    int node = (int)sim_random(s, (uint64_t)s->cnt);
    if (sim_random(s, 9) == 0) /* everything at once: power */
        for (int i = 0; i < s->cnt; i++) {
            sim_crash(s, i);
            world_at(s, 100 + (int64_t)sim_random(s, 4000), i, back_up);
        }
    else if (s->nodes[node].core) {
        sim_crash(s, node);
        world_at(s, 100 + (int64_t)sim_random(s, 9000), node, back_up);
    }
}

static void split(sim_t *s)
{
    int node = (int)sim_random(s, (uint64_t)s->cnt);
    uint32_t side = (uint32_t)sim_random(s, 1u << s->cnt);
    if (sim_random(s, 3)) {
        sim_partition(s, side);
        world_at(s, 200 + (int64_t)sim_random(s, 12000), 0, one_together);
    } else {
        sim_deafen(s, node, side);
        world_at(s, 200 + (int64_t)sim_random(s, 12000), node, hears_again);
    }
}

static void mischief(sim_t *s, event_t *e)
{
    unsigned faults = (unsigned)e->num;
    int node = (int)sim_random(s, (uint64_t)s->cnt);
    if (s->now >= FAULT_MS)
        return;
    unsigned one = 1u << sim_random(s, 5);
    if (one & faults & SIM_FAULT_CRASH) {
        crash_some(s);
    } else if (one & faults & SIM_FAULT_SPLIT) {
        split(s);
    } else if (one & faults & SIM_FAULT_NET) {
        if (sim_random(s, 4) == 0) { /* one knows less than the others of what goes on */
            sim_miss(s, node, (uint32_t)(sim_random(s, 4096) & sim_random(s, 4096)));
            world_at(s, 200 + (int64_t)sim_random(s, 8000), node, misses_nothing);
        } else if (sim_random(s, 2)) {
            double loss = (double)sim_random(s, 25) / 100, dup = (double)sim_random(s, 20) / 100;
            sim_set_network(s, loss, dup, 5 + (int64_t)sim_random(s, 400));
        } else
            sim_set_network(s, 0, 0, 5 + (int64_t)sim_random(s, 60));
    } else if (one & faults & SIM_FAULT_DISK) {
        s->nodes[node].disk_ms = 100 + (int64_t)sim_random(s, 1900);
        sim_trace(s, "node %d: slow disk", node);
        world_at(s, 500 + (int64_t)sim_random(s, 8000), node, disk_well);
    } else if (one & faults & SIM_FAULT_SKEW && s->o.skew_ms) {
        s->nodes[node].skew = (int64_t)sim_random(s, (uint64_t)(2 * s->o.skew_ms)) - s->o.skew_ms;
    }
    world_at(s, (int64_t)sim_random(s, 4000), 0, mischief)->num = e->num;
}

static bool same_height(const sim_t *s)
{
    int64_t top = sim_highest(s);
    for (int i = 0; i < s->cnt; i++)
        if (!s->nodes[i].bad && sim_height(s, i) != top)
            return false;
    return true;
}

static void tell_all(sim_t *s)
{
    for (int i = 0; i < s->cnt; i++) {
        bc_pbft_status_t st = { 0 };
        bc_txpool_stats_t tp = { 0 };
        if (s->nodes[i].core) {
            sim_pbft(s, i, &st);
            bc_txpool_stats(s->nodes[i].actors[BC_ACTOR_TXPOOL], &tp);
        }
        sim_trace(s,
                  "node %d%s: height %ld view %ld toView %ld timeout %d cycle %ld syncHighest %ld "
                  "deferred %" PRIu64 " dropped %" PRIu64 " pool %" PRIu64 " unsealed %" PRIu64,
                  i, s->nodes[i].bad ? " (bad)" : "", (long)sim_height(s, i), (long)st.view,
                  (long)st.to_view, st.timeout, (long)st.change_cycle, (long)st.sync_highest,
                  st.deferred, st.dropped, tp.txs, tp.unsealed);
    }
}

/* Everything up, connected, prompt. Bad nodes stay bad. */
static void heal(sim_t *s)
{
    sim_set_network(s, 0, 0, 20);
    if (s->group)
        sim_partition(s, 0);
    for (int i = 0; i < s->cnt; i++) {
        if (s->deaf[i])
            sim_deafen(s, i, 0);
        if (s->misses[i])
            sim_miss(s, i, 0);
        s->nodes[i].disk_ms = s->o.disk_ms;
        sim_start(s, i);
    }
}

/* A client at an honest node. */
static int honest(sim_t *s)
{
    int node = (int)sim_random(s, (uint64_t)s->cnt);
    while (s->nodes[node].bad)
        node = (node + 1) % s->cnt;
    return node;
}

static void must_progress(sim_t *s)
{
    int64_t before = sim_highest(s), bad = BC_MAX(__builtin_popcount(s->bad), 1);
    int64_t patience = HEAL_MS * bad;
    for (int round = 1; round <= 3 && !sim_failure(s); round++) {
        sim_submit(s, honest(s), 3, round == 2);
        if (sim_run_to_height(s, before + round, s->now + patience) || sim_failure(s))
            continue;
        sim_fail(s, "progress", "none after healing: height %ld", (long)sim_highest(s));
        return;
    }
    for (int round = 0; round < 20 && !sim_failure(s) && !(round && same_height(s)); round++)
        sim_run_until(s, s->now + 3000);
    if (!sim_failure(s) && !same_height(s))
        sim_fail(s, "progress", "nodes are not at the same height after healing");
    int64_t until = s->now + DRAIN_MS * bad;
    while (!sim_failure(s) && check_waits_open(s) && s->now < until)
        sim_run_until(s, s->now + 1000);
    if (!sim_failure(s) && check_waits_open(s))
        sim_fail(s, "waiter", "transaction %" PRIu64 " at node %d was never answered", s->open_from,
                 s->waits[s->open_from].node);
}

const char *sim_scenario(sim_t *s, unsigned faults)
{
    for (int i = 0; i < s->cnt; i++)
        sim_start(s, i);
    world_at(s, 500, 0, traffic);
    world_at(s, 3000, 0, mischief)->num = faults;
    sim_run_until(s, FAULT_MS);
    heal(s);
    sim_run_until(s, FAULT_MS + 15000);
    must_progress(s);
    if (sim_failure(s))
        tell_all(s);
    return sim_failure(s);
}
