/* Random schedules. */
#include <stdio.h>
#include "scheduling/txpool/txpool.h"
#include "sim_impl.h"

#define FAULT_MS 40000
#define HEAL_MS  400000

void sim_options_from_seed(uint64_t seed, sim_options_t *o)
{
    static const int sizes[] = { 4, 4, 4, 4, 7, 3, 5, 1 };
    *o = (sim_options_t){ .seed = seed };
    o->sealers = sizes[seed % 8];
    o->observers = seed % 3 == 0;
    o->real_crypto = seed % 40 == 7;
    o->leader_period = seed % 5 == 2 ? 3 : 1;
    o->tx_count_limit = seed % 4 == 1 ? 5 : 1000;
    o->delay_ms = 5 + (int64_t)(seed % 7) * 15;
    o->membership = o->sealers >= 5 && seed % 16 >= 8;
    o->disk_ms = (int64_t)(seed % 4) * 4;
    if (seed % 11 == 5) /* one heavy node, still not more than f alone */
        o->weights[0] = 2, o->weights[1] = 2, o->weights[2] = 2, o->weights[3] = 1;
}

static void traffic(sim_t *s, event_t *e)
{
    (void)e;
    int node = (int)sim_random(s, (uint64_t)s->cnt);
    sim_submit(s, node, 1 + (int)sim_random(s, 6), sim_random(s, 15) == 0);
    if (s->now < FAULT_MS)
        sim_at(s, (int64_t)sim_random(s, 1200), 0, traffic)->epoch = 0;
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

static void mischief(sim_t *s, event_t *e)
{
    unsigned faults = (unsigned)e->num;
    int node = (int)sim_random(s, (uint64_t)s->cnt);
    if (s->now >= FAULT_MS)
        return;
    switch (sim_random(s, 6)) {
    case 0:
    case 1:
        if (faults & SIM_FAULT_CRASH && s->nodes[node].core) {
            sim_crash(s, node);
            sim_at(s, 100 + (int64_t)sim_random(s, 9000), node, back_up)->epoch = 0;
        }
        break;
    case 2:
        if (faults & SIM_FAULT_CRASH && sim_random(s, 4) == 0) /* everything at once: power */
            for (int i = 0; i < s->cnt; i++) {
                sim_crash(s, i);
                sim_at(s, 100 + (int64_t)sim_random(s, 4000), i, back_up)->epoch = 0;
            }
        break;
    case 3:
        if (faults & SIM_FAULT_SPLIT) {
            sim_partition(s, (uint32_t)sim_random(s, 1u << s->cnt));
            sim_at(s, 200 + (int64_t)sim_random(s, 12000), 0, one_together)->epoch = 0;
        }
        break;
    case 4:
        if (faults & SIM_FAULT_NET)
            sim_set_network(s, (double)sim_random(s, 25) / 100, (double)sim_random(s, 20) / 100,
                            5 + (int64_t)sim_random(s, 400));
        break;
    default:
        if (faults & SIM_FAULT_NET)
            sim_set_network(s, 0, 0, 5 + (int64_t)sim_random(s, 60));
        break;
    }
    if (s->now < FAULT_MS) {
        event_t *next = sim_at(s, (int64_t)sim_random(s, 5000), 0, mischief);
        next->epoch = 0;
        next->num = e->num;
    }
}

static bool same_height(const sim_t *s)
{
    for (int i = 1; i < s->cnt; i++)
        if (sim_height(s, i) != sim_height(s, 0))
            return false;
    return true;
}

const char *sim_scenario(sim_t *s, unsigned faults)
{
    if (!(faults & SIM_FAULT_SKEW))
        s->o.skew_ms = 0;
    for (int i = 0; i < s->cnt; i++)
        sim_start(s, i);
    sim_at(s, 500, 0, traffic)->epoch = 0;
    event_t *e = sim_at(s, 3000, 0, mischief);
    e->epoch = 0;
    e->num = faults;
    sim_run_until(s, FAULT_MS);

    /* healed: everything up, connected, prompt; then there must be progress (invariant 9) */
    sim_set_network(s, 0, 0, 20);
    if (s->group)
        sim_partition(s, 0);
    for (int i = 0; i < s->cnt; i++)
        sim_start(s, i);
    sim_run_until(s, FAULT_MS + 15000);
    int64_t before = sim_highest(s);
    for (int round = 1; round <= 3 && !sim_failure(s); round++) {
        sim_submit(s, (int)sim_random(s, (uint64_t)s->cnt), 3, round == 2);
        if (!sim_run_to_height(s, before + round, s->now + HEAL_MS) && !sim_failure(s))
            sim_fail(s, "no progress after healing: height %ld", (long)sim_highest(s));
    }
    for (int round = 0; round < 20 && !sim_failure(s) && !(round && same_height(s)); round++)
        sim_run_until(s, s->now + 3000);
    if (!sim_failure(s) && !same_height(s))
        sim_fail(s, "nodes are not at the same height after healing");
    if (sim_failure(s))
        for (int i = 0; i < s->cnt; i++) {
            bc_pbft_status_t st = { 0 };
            bc_txpool_stats_t tp = { 0 };
            if (s->nodes[i].core) {
                sim_pbft(s, i, &st);
                bc_txpool_stats(s->nodes[i].actors[BC_ACTOR_TXPOOL], &tp);
            }
            printf("  node %d: height %ld view %ld toView %ld timeout %d cycle %ld syncHighest %ld "
                   "deferred %lu dropped %lu pool %lu unsealed %lu\n",
                   i, (long)sim_height(s, i), (long)st.view, (long)st.to_view, st.timeout,
                   (long)st.change_cycle, (long)st.sync_highest, (unsigned long)st.deferred,
                   (unsigned long)st.dropped, (unsigned long)tp.txs, (unsigned long)tp.unsealed);
        }
    return sim_failure(s);
}
