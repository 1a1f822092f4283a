/* A bad node: a whole core, so that it takes part and knows what goes on, around which this stands.
 * Frames of the core are changed, doubled or swallowed for each receiver; now and then it makes
 * messages of its own. All is signed with its own key; in others' names it can only write what does
 * not verify. */
#include "byz.h"
#include <stdlib.h>

const sim_conf_t *byz_conf(const sim_node_t *n)
{
    return sim_conf_after(n, n->disk.height);
}

int64_t byz_index(const sim_node_t *n)
{
    return BC_MAX(sim_conf_index(byz_conf(n), n->i), 0);
}

int64_t byz_view(const sim_node_t *n)
{
    bc_pbft_status_t st;
    bc_pbft_status(n->actors[BC_ACTOR_PBFT], &st);
    return BC_MAX(st.view, st.to_view);
}

int64_t byz_extreme(sim_node_t *n)
{
    static const int64_t all[] = { INT64_MAX, INT64_MAX - 1,    INT64_MIN, -1,
                                   1000000,   (int64_t)1 << 40, 51,        1025 };
    return all[sim_random(n->world, BC_ARRAY_LEN(all))];
}

/* ---- sending ---- */

void byz_post_frame(sim_node_t *n, const bc_nodeid_t *sender, int to, const bc_front_msg_t *fm)
{
    bc_buf_t *frame = bc_front_msg_encode(fm);
    if (frame)
        host_transmit(n, sender, to, frame);
    bc_buf_unref(frame);
}

void byz_post(sim_node_t *n, const bc_nodeid_t *sender, uint16_t module, int to, bc_bytes_t payload)
{
    byz_post_frame(n, sender, to, &(bc_front_msg_t){ .module = module, .payload = payload });
}

void byz_post_all(sim_node_t *n, const bc_nodeid_t *sender, uint16_t module, bc_bytes_t payload)
{
    for (int i = 0; i < n->world->cnt; i++)
        byz_post(n, sender, module, i, payload);
}

/* ---- seeing ---- */

static void keep(bc_buf_t **at, bc_bytes_t v)
{
    bc_buf_unref(*at);
    *at = bc_buf_copy(v);
}

static void remember(sim_node_t *n, bc_buf_t *frame)
{
    sim_byz_t *b = n->byz;
    bc_buf_t **at = &b->seen[b->seen_cnt++ % BYZ_SEEN];
    bc_buf_unref(*at);
    *at = bc_buf_ref(frame);
}

static void saw_consensus(sim_node_t *n, const bc_nodeid_t *from, bc_bytes_t payload)
{
    static const uint32_t telling = 1u << PBFT_PRE_PREPARE | 1u << PBFT_PREPARE |
                                    1u << PBFT_VIEW_CHANGE | 1u << PBFT_NEW_VIEW |
                                    1u << PBFT_CHECKPOINT | 1u << PBFT_RECOVER_RESPONSE;
    int kind = sim_pbft_type(payload);
    pbft_msg_t m;
    bc_arena_t arena = { 0 };
    int list[SIM_NODES_MAX], cnt = sim_conf_list(byz_conf(n), list);
    if (kind < 32 && telling >> kind & 1 &&
        pbft_decode(BC_SUITE_STANDARD, payload, &m, &arena) == BC_OK) {
        if (m.type == PBFT_PRE_PREPARE)
            keep(&n->byz->pre, payload);
        else if (m.type == PBFT_VIEW_CHANGE && m.base.from >= 0 && m.base.from < cnt)
            keep(&n->byz->vcs[list[m.base.from]], payload);
        if (m.type == PBFT_PREPARE && byz_does(n, SIM_TRICK_VOTES | SIM_TRICK_PROOFS))
            byz_note_sig(n, from, &m);
        if ((m.type == PBFT_VIEW_CHANGE || m.type == PBFT_RECOVER_RESPONSE) &&
            byz_does(n, SIM_TRICK_REPLAY) && m.base.from >= 0 && m.base.from < cnt &&
            list[m.base.from] != n->i && /* its own comes back to it */
            !memcmp(from, &n->world->nodes[list[m.base.from]].key.pub, sizeof *from))
            byz_pass_on(n, payload);
        if ((m.type == PBFT_VIEW_CHANGE || m.type == PBFT_NEW_VIEW) && byz_does(n, SIM_TRICK_VOTES))
            byz_raise_all(n, m.base.view);
        if (m.type == PBFT_CHECKPOINT && byz_does(n, SIM_TRICK_PROOFS))
            byz_second(n, m.base.index);
    }
    bc_arena_free(&arena);
}

static int node_of(const sim_t *s, const bc_nodeid_t *id)
{
    for (int i = 0; i < s->cnt; i++)
        if (!memcmp(&s->nodes[i].key.pub, id, sizeof *id))
            return i;
    return -1;
}

bool byz_saw(sim_node_t *n, const bc_nodeid_t *from, bc_buf_t *frame)
{
    bc_front_msg_t fm;
    if (bc_front_msg_decode(bc_buf_view(frame), &fm))
        return false;
    remember(n, frame);
    if (fm.module == BC_MODULE_PBFT)
        saw_consensus(n, from, fm.payload);
    if (fm.module == BC_MODULE_PBFT && byz_gives_hidden(n, node_of(n->world, from), &fm))
        return true;
    return fm.module == BC_MODULE_CONS_TXS_SYNC &&
           byz_gives_secret(n, node_of(n->world, from), &fm);
}

/* ---- the core's frames ---- */

static bc_buf_t *other_consensus(sim_node_t *n, int to, bc_bytes_t payload)
{
    sim_t *s = n->world;
    pbft_msg_t m;
    bc_arena_t arena = { 0 };
    bc_buf_t *out = NULL;
    if (pbft_decode(BC_SUITE_STANDARD, payload, &m, &arena) == BC_OK) {
        if (m.type == PBFT_PRE_PREPARE && byz_does(n, SIM_TRICK_EQUIVOCATE)) {
            out = byz_twin(n, &m, to);
            byz_ahead(n, &m, to);
        } else if (m.type == PBFT_VIEW_CHANGE && byz_does(n, SIM_TRICK_STARVE))
            out = byz_inflate(n, &m);
        else if (m.type == PBFT_VIEW_CHANGE && byz_does(n, SIM_TRICK_PROOFS) &&
                 (out = byz_tells_hidden(n, &m)) != NULL)
            ;
        else if (m.type == PBFT_VIEW_CHANGE && byz_does(n, SIM_TRICK_PROOFS) && sim_random(s, 2))
            out = byz_view_change(n, &m);
        else if (m.type == PBFT_VIEW_CHANGE && byz_does(n, SIM_TRICK_FAR)) {
            bool head = sim_random(s, 2); /* what a NewView writes over, or what it does not write */
            m.base.sig = head ? BC_STR("mine") : (bc_bytes_t){ 0 };
            out = byz_sealed(n, &m);
            if (!head) {
                bc_buf_t *plain = out;
                out = byz_odd_change(n, plain);
                bc_buf_unref(plain);
            }
        } else if (m.type == PBFT_PREPARE && byz_does(n, SIM_TRICK_PROOFS) && s->o.seed % 4 == 0) {
            m.base.version = 1; /* of a vote that counts, but that a proof cannot show */
            out = byz_sealed(n, &m);
        } else if (m.type == PBFT_COMMITTED_RESPONSE && m.proposal_cnt == 1 &&
                 byz_does(n, SIM_TRICK_PROOFS))
            out = byz_committed(n, &m);
        else if (m.type == PBFT_NEW_VIEW && byz_does(n, SIM_TRICK_NEWVIEW) && sim_random(s, 4))
            out = byz_new_view(n, &m);
        else if ((m.type == PBFT_PREPARE || m.type == PBFT_COMMIT || m.type == PBFT_CHECKPOINT) &&
                 byz_does(n, SIM_TRICK_VOTES)) {
            byz_votes(n, &m, to);
            byz_old_place(n, &m, to);
            if (m.type == PBFT_PREPARE)
                byz_early(n, &m, to);
        }
    }
    bc_arena_free(&arena);
    return out;
}

/* Keeps what it leads just short of a commit quorum, with a node that cannot vote for want of data.
 */
static bool starves(sim_node_t *n, int to, const bc_front_msg_t *fm)
{
    const sim_t *s = n->world;
    if (!byz_does(n, SIM_TRICK_STARVE))
        return false;
    if (fm->ext & BC_FRONT_EXT_RESPONSE || fm->module == BC_MODULE_SYNC_PUSH_TX)
        return true;
    int kind = sim_pbft_type(fm->payload),
        victim = (n->i + 1 + (int)(s->o.seed % (uint64_t)(s->cnt - 1))) % s->cnt;
    return fm->module == BC_MODULE_PBFT &&
           (kind == PBFT_COMMIT || (kind == PBFT_PRE_PREPARE && to == victim));
}

/* Someone lacks a block of each of its turns, and is to ask it. */
static bool lures_to_ask(sim_node_t *n, int to, const bc_front_msg_t *fm)
{
    const sim_t *s = n->world;
    int kind = sim_pbft_type(fm->payload);
    if (!byz_does(n, SIM_TRICK_PROOFS) || fm->module != BC_MODULE_PBFT ||
        fm->ext & BC_FRONT_EXT_RESPONSE)
        return false;
    if (kind == PBFT_PRE_PREPARE)
        return n->disk.height % 2 && (n->disk.height + n->i + to) % (s->cnt - 1) == 0;
    pbft_msg_t m;
    bc_arena_t arena = { 0 };
    bool kept = kind == PBFT_CHECKPOINT &&
                pbft_decode(BC_SUITE_STANDARD, fm->payload, &m, &arena) == BC_OK &&
                byz_keeps_check(n, fm->payload, m.base.index);
    bc_arena_free(&arena);
    return kept;
}

/* Answers and gossip to the odd ones of its life only, so that some have what others lack. */
static bool withheld(sim_node_t *n, int to, const bc_front_msg_t *fm)
{
    if (!byz_does(n, SIM_TRICK_WITHHOLD))
        return false;
    bool disliked = (to + (int)n->world->o.seed) % 2;
    bool answer = fm->ext & BC_FRONT_EXT_RESPONSE && disliked &&
                  !(fm->module == BC_MODULE_PBFT && byz_does(n, SIM_TRICK_PROOFS));
    return answer || fm->module == BC_MODULE_SYNC_PUSH_TX ||
           (fm->module == BC_MODULE_PBFT && disliked && sim_random(n->world, 4) == 0);
}

bool byz_sends(sim_node_t *n, uint16_t module, int to, bc_buf_t *frame)
{
    bc_front_msg_t fm;
    if (!n->byz || bc_front_msg_decode(bc_buf_view(frame), &fm))
        return false;
    (void)module;
    if (to == (n->i + 1) % n->world->cnt)
        remember(n, frame);
    if (byz_hides(n, to, &fm) || withheld(n, to, &fm) || starves(n, to, &fm) || lures_to_ask(n, to, &fm))
        return true;
    bc_buf_t *other = NULL;
    if (fm.module == BC_MODULE_PBFT)
        other = other_consensus(n, to, fm.payload);
    else if (fm.module == BC_MODULE_BLOCK_SYNC && byz_does(n, SIM_TRICK_SYNC))
        other = byz_sync_frame(n, &fm);
    if (!other)
        return false;
    fm.payload = bc_buf_view(other);
    byz_post_frame(n, &n->key.pub, to, &fm);
    bc_buf_unref(other);
    return true;
}

/* ---- by itself ---- */

static void replay(sim_node_t *n, int to)
{
    sim_t *s = n->world;
    bc_buf_t *frame = n->byz->seen[sim_random(s, BC_MIN(BYZ_SEEN, n->byz->seen_cnt))];
    if (!frame)
        return;
    /* also as if somebody else sent it: his words are true, only old */
    const bc_nodeid_t *sender =
        &s->nodes[sim_random(s, 2) ? n->i : (int)sim_random(s, (uint64_t)s->cnt)].key.pub;
    bc_front_msg_t fm;
    BC_MUST(bc_front_msg_decode(bc_buf_view(frame), &fm) == BC_OK);
    host_transmit(n, fm.module == BC_MODULE_PBFT ? sender : &n->key.pub, to, frame);
}

static void garbage(sim_node_t *n, int to)
{
    static const uint16_t modules[] = { BC_MODULE_PBFT,         BC_MODULE_BLOCK_SYNC,
                                        BC_MODULE_TXS_SYNC,     BC_MODULE_CONS_TXS_SYNC,
                                        BC_MODULE_SYNC_PUSH_TX, 77 };
    sim_t *s = n->world;
    bc_buf_t *seen = n->byz->seen[sim_random(s, BC_MIN(BYZ_SEEN, n->byz->seen_cnt))];
    bool old = seen && sim_random(s, 3);
    bc_buf_t *b = old ? bc_buf_copy(bc_buf_view(seen)) : bc_buf_new(1 + sim_random(s, 200));
    for (size_t i = 0; !old && i < b->n; i++)
        b->p[i] = (uint8_t)sim_random(s, 256);
    for (uint64_t k = sim_random(s, 4); k && b->n; k--) {
        size_t at = sim_random(s, b->n);
        b->p[at] ^= (uint8_t)(1u << sim_random(s, 8));
    }
    bc_bytes_t v = { b->p, sim_random(s, 3) ? b->n : sim_random(s, b->n) };
    if (sim_random(s, 2)) {
        bc_buf_t *frame = bc_buf_copy(v);
        host_transmit(n, &n->key.pub, to, frame);
        bc_buf_unref(frame);
    } else {
        byz_post(n, &n->key.pub, modules[sim_random(s, BC_ARRAY_LEN(modules))], to, v);
    }
    bc_buf_unref(b);
}

static void act(sim_t *s, event_t *e)
{
    sim_node_t *n = &s->nodes[e->node];
    int to = (int)sim_random(s, (uint64_t)s->cnt);
    unsigned trick = 1u << sim_random(s, 10);
    bc_buf_t *b = NULL;
    if (byz_does(n, trick)) {
        switch (trick) {
        case SIM_TRICK_EQUIVOCATE:
            byz_usurp(n, to);
            break;
        case SIM_TRICK_NEWVIEW:
            if (sim_random(s, 3))
                b = byz_new_view(n, NULL);
            else
                byz_lure(n, to);
            break;
        case SIM_TRICK_PROOFS:
            b = byz_view_change(n, NULL);
            break;
        case SIM_TRICK_VOTES:
            byz_forge_proposal(n, to);
            byz_old_checks(n, to);
            for (int i = 0; i < 4; i++)
                byz_raise_vote(n, to);
            break;
        case SIM_TRICK_FAR:
            byz_far(n, to);
            break;
        case SIM_TRICK_REPLAY:
            replay(n, to);
            break;
        case SIM_TRICK_GARBAGE:
            garbage(n, to);
            break;
        case SIM_TRICK_SYNC:
            byz_sync_act(n, to);
            break;
        case SIM_TRICK_TXS:
            byz_txs_act(n, to);
            break;
        default:
            break;
        }
    }
    if (b)
        byz_post_all(n, &n->key.pub, BC_MODULE_PBFT, bc_buf_view(b));
    bc_buf_unref(b);
    sim_at(s, 10 + (int64_t)sim_random(s, 200), n->i, act);
}

/* ---- life ---- */

static unsigned some_tricks(sim_t *s)
{
    unsigned one = 1u << sim_random(s, 11);
    return one | (unsigned)sim_random(s, 2048);
}

void byz_start(sim_node_t *n)
{
    sim_t *s = n->world;
    if (!n->byz) {
        n->byz = bc_xcalloc(1, sizeof *n->byz);
        n->byz->tricks = s->o.tricks;
        if (!s->o.tricks) /* a few that work together, or everything */
            n->byz->tricks = sim_random(s, 4) ? some_tricks(s) : SIM_TRICK_ALL;
        sim_trace(s, "node %d is bad: tricks %x", n->i, n->byz->tricks);
    }
    sim_at(s, 100, n->i, act);
}

void byz_free(sim_node_t *n)
{
    if (!n->byz)
        return;
    for (size_t i = 0; i < BYZ_SEEN; i++)
        bc_buf_unref(n->byz->seen[i]);
    for (size_t i = 0; i < SIM_NODES_MAX; i++)
        bc_buf_unref(n->byz->vcs[i]);
    bc_buf_unref(n->byz->pre);
    bc_buf_unref(n->byz->check);
    bc_buf_unref(n->byz->hidden.data);
    bc_tx_unref(n->byz->secret);
    free(n->byz);
    n->byz = NULL;
}
